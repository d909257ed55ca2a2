"""Draw the pictures: two vectors and their plane, offsets, the mixing layer. One idea each.

Run:   python3 visualize_plucker.py [FOLDER]
Next:  tutorial.py, the same on numbers, a screen at a time

The vectors below are chosen, every other number in the pictures is computed: dot products, Plücker
coordinates and shapes by micro_grassmann.py, so that no picture can drift from the model.
"""
import math
import os
import random
import re
import sys
from itertools import groupby
from pathlib import Path

sys.path.insert(0, os.path.dirname(__file__))  # python -P and -I leave this folder out

import micro_grassmann as model
import show

FLAT = (4, 3), (1, 3)  # u and v in the plane
LIFTED = (2, 0, 1), (1, 2, 2)  # u and v in space
NAME = "michelangelo"  # read up to its last letter
WIDTH = 800
LEFT = 40

# Three sizes of type. Blue is u and now, orange v and past, violet their plane; all are labelled.
STYLE = """
text { font-family: Helvetica, Arial, sans-serif; font-size: 18px }
.title { font-size: 22px; font-weight: bold }
.small { font-size: 15px }
.sub { font-size: 13px }
.i { font-style: italic }
.b { font-style: italic; font-weight: bold }
.middle { text-anchor: middle }
.end { text-anchor: end }
path { fill: none; stroke-width: 1; stroke-linecap: round; stroke-linejoin: round }
.u, .v { stroke-width: 2.5 }
.plane, .turn, .flow { stroke-width: 1.5 }
.bar { stroke-width: 8; stroke-linecap: butt }
.dash { stroke-dasharray: 5 5 }
.ray { stroke-dasharray: 2 5 }
.strong { font-weight: bold }
"""
COLOURS = (  # light, dark, what they paint
    ("#ffffff", "#0d1117", ".paper { fill: # }"),
    ("#1f2328", "#e6edf3", "text { fill: # } .turn, .flow { stroke: # } .head { fill: # }"),
    ("#0a5fb4", "#6cb6ff", ".u, .now { stroke: # } .u-head, .u-text { fill: # }"),
    ("#b84a00", "#ffa05c", ".v, .past { stroke: # } .v-head, .v-text { fill: # }"),
    ("#6f42a8", "#c9a6ff", ".plane { stroke: # }"),
    ("#7a828c", "#8b949e", ".axis, .shadow { stroke: # } .axis-head { fill: # }"),
    ("#8b939d", "#868e99", ".bar { stroke: # }"),
    ("#e1e4e8", "#2a313b", ".grid { stroke: # }"),
    ("#b7a3d6", "#6b5a8f", ".ray { stroke: # }"),
    ("#c4c9d0", "#444c56", ".rule { stroke: # }"),
    ("#ece4f8", "#33264d", ".plane { fill: # }"),
    ("#e4e6ea", "#2d333c", ".shadow { fill: # }"),
    ("#dbe9f8", "#12365c", ".now { fill: # }"),
    ("#fce5d6", "#4d2c12", ".past { fill: # }"))

# ---- what the model computes ---------------------------------------------------------------------


def values(numbers):
    """Return the numbers as the model's Values."""
    return [model.Value(float(number)) for number in numbers]


def plucker(u, v):
    """Return the model's Plücker coordinates of u and v as plain numbers."""
    return [p.data for p in model.plucker(values(u), values(v))]


def dot(u, v):
    """Return the model's dot product of u and v as a plain number."""
    return model.dot(values(u), values(v)).data


def sizes():
    """Return the shape of each matrix of the mixing layer and the length of each vector in it."""
    config = model.Config(vocab_size=27)
    params = model.init_params(config, random.Random(42))
    shapes = {name[7:]: f"{len(rows)} × {len(rows[0])}" for name, rows in params.items()}
    x, past = values([1] * config.n_embd), []
    result = model.mix(x, "layer0", past, params, config)
    return shapes, {"x": len(x), "z": len(past[0]), "p": len(model.plucker(past[0], past[0])),
                    "g": len(params["layer0.W_plu"]), "alpha": len(params["layer0.W_gate_h"]),
                    "result": len(result)}


# ---- pens: each returns a piece of SVG -----------------------------------------------------------


def num(value):
    """Return a number as short text with a true minus sign."""
    return f"{round(value, 2) + 0.0:g}".replace("-", "\u2212")


def vec(numbers):
    """Return a vector as text."""
    return f"({', '.join(map(num, numbers))})"


def text(x, y, words, style=""):
    """Return a line of text, where *u* is set in italics and the 01 of p_01, the t of z_t lower."""
    def lower(match):
        shift = ' dx="5"' if match[2].startswith(" ") else ""
        rest = f'<tspan dy="-4"{shift}>{match[2].lstrip()}</tspan>' if match[2] else ""
        return f'<tspan class="sub" dy="4">{match[1]}</tspan>{rest}'
    words = re.sub(r"_(\d+|[ts]\b)([^_]*)", lower, re.sub(r"\*(\w)\*", r"{\1}", words))
    words = words.replace("{", '<tspan class="i">').replace("}", "</tspan>")
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{style}">{words}</text>'


def lines(points, style, closed=False):
    """Return straight lines from point to point."""
    track = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return f'<path class="{style}" d="M{track}{"Z" if closed else ""}"/>'


def arrow(points, style, head="head", size=11):
    """Return lines from point to point with a head at the last."""
    (x0, y0), (x, y) = points[-2:]
    scale = size / math.dist((x0, y0), (x, y))
    dx, dy = (x - x0) * scale, (y - y0) * scale
    wings = [(x - dx + k * dy, y - dy - k * dx) for k in (0.38, -0.38)]
    return (lines([*points[:-1], (x - dx * 0.8, y - dy * 0.8)], style)
            + lines([(x, y), *wings], head, closed=True))


def box(x, y, width, height, style):
    """Return a rectangle."""
    corners = (x, y), (x + width, y), (x + width, y + height), (x, y + height)
    return lines(corners, style, closed=True)


def corner(at, a, u, b, v):
    """Return the point at + a u + b v."""
    return [o + a * p + b * q for o, p, q in zip(at, u, v)]


def parallelogram(place, at, u, v, style):
    """Return the parallelogram of u and v from the point `at`."""
    steps = (0, 0), (1, 0), (1, 1), (0, 1)
    return lines([place(*corner(at, a, u, b, v)) for a, b in steps], style, closed=True)


def turn(place, at, u, v, size=0.4):
    """Return the arrow that turns from u to v inside their parallelogram."""
    angles = [math.pi / 2 * (0.08 + 0.84 * k / 16) for k in range(17)]
    return arrow([place(*corner(at, size * math.cos(t), u, size * math.sin(t), v))
                  for t in angles], "turn", size=9)


def pair(place, at, u, v):
    """Return u and v as arrows with their names at the tips."""
    out = []
    for name, vector, other in ("u", u, v), ("v", v, u):
        tip = place(*corner(at, 1, vector, 0, other))
        away = place(*corner(at, 1.5, vector, -0.5, other))
        far = 15 / math.dist(tip, away)
        x, y = [a + (b - a) * far for a, b in zip(tip, away)]
        out += [arrow([place(*at), tip], name, f"{name}-head"),
                text(x, y + 5, name, f"b {name}-text middle")]
    return out


def view(x, y, scale, azimuth, elevation):
    """Return the orthographic projection that puts the origin of space at (x, y)."""
    s, c = math.sin(math.radians(azimuth)), math.cos(math.radians(azimuth))
    t, d = math.sin(math.radians(elevation)), math.cos(math.radians(elevation))
    return lambda p, q, r: (x + scale * (q * c - p * s), y - scale * (r * d - t * (p * c + q * s)))


def hides(place, at, u, v, point):
    """Tell whether the parallelogram stands between the point and the eye.

    The eye sees all three axes from their positive side, so that what is nearer has a larger sum.
    """
    (x0, y0), (xu, yu), (xv, yv), (x, y) = [place(*p) for p in (
        at, corner(at, 1, u, 0, v), corner(at, 0, u, 1, v), point)]
    xu, yu, xv, yv, x, y = xu - x0, yu - y0, xv - x0, yv - y0, x - x0, y - y0
    a, b = [n / (xu * yv - yu * xv) for n in (x * yv - y * xv, xu * y - yu * x)]
    return 0 <= a <= 1 and 0 <= b <= 1 and sum(corner(at, a, u, b, v)) > sum(point) + 1e-9


def axes(place, length, at, u, v):
    """Return the axes 0, 1 and 2, dashed where the parallelogram hides them."""
    out = []
    for k in range(3):
        def on(n, k=k):
            return [length * n / 100 if i == k else 0 for i in range(3)]
        for hidden, run in groupby(range(101), lambda n: hides(place, at, u, v, on(n))):
            run = list(run)
            ends = [place(*on(max(run[0] - 1, 0))), place(*on(run[-1]))]
            if hidden:
                out.append(lines(ends, "axis dash"))
            else:
                out.append(arrow(ends, "axis", "axis-head", 9) if run[-1] == 100
                           else lines(ends, "axis"))
        x, y = place(*on(100 + 35 / length))
        out.append(text(x, y + 5, str(k), "small middle"))
    return out


# ---- the pictures --------------------------------------------------------------------------------


def picture(height, title, *parts):
    """Return a whole SVG with a title, light and dark."""
    light, dark = ["\n".join(rule.replace("#", colours[k]) for *colours, rule in COLOURS)
                   for k in (0, 1)]
    plain_title = title.replace("*", "")
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
           f'width="{WIDTH}" height="{height}">',
           f"<title>{plain_title}</title>",
           f"<style>{STYLE}{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}\n</style>",
           f'<rect class="paper" width="{WIDTH}" height="{height}"/>',
           text(LEFT, 44, title, "title"), *parts, "</svg>"]
    return "\n".join(out) + "\n"


def dot_and_plane():
    """Draw the dot product as a shadow and the Plücker coordinate as a signed area."""
    (u, v), scale, origin = FLAT, 52, (0, 0)
    length, product, [area] = math.hypot(*u), dot(*FLAT), plucker(*FLAT)
    shadow = product / length
    foot = [shadow / length * c for c in u]
    out = [text(LEFT, 82, f"*u* = {vec(u)}, *v* = {vec(v)}")]
    for left, words in ((LEFT, "dot product: the shadow of *v* on *u*"),
                        (LEFT + 390, "plane: the area between them")):
        def place(a, b, left=left):
            return left + scale * a, 450 - scale * b
        out.append(text(left, 122, words))
        out += [lines([place(n, 0), place(n, 6)], "grid") for n in range(6)]
        out += [lines([place(0, n), place(5, n)], "grid") for n in range(7)]
        if left == LEFT:
            out += [lines([place(0, 0), place(*foot)], "bar"),
                    lines([place(*v), place(*foot)], "axis dash")]
        else:
            out += [parallelogram(place, origin, u, v, "plane"), turn(place, origin, u, v)]
        out += pair(place, origin, u, v)
    right = LEFT + 390
    out += [text(LEFT, 488, f"shadow {num(shadow)}, length of *u* {num(length)}"),
            text(LEFT, 518, f"*u*·*v* = {num(shadow)} · {num(length)} = {num(product)}"),
            text(right, 488, "p_01 = *u*_0 *v*_1 \u2212 *u*_1 *v*_0 = "
                 f"{num(u[0] * v[1])} \u2212 {num(u[1] * v[0])} = {num(area)}"),
            text(right, 518, "negative if *u* turns to *v* clockwise")]
    return picture(545, "Two ways to relate two vectors", *out)


def plane():
    """Draw one parallelogram, its three shadows, and the lines that project it."""
    u, v = LIFTED
    place, at, room = view(250, 340, 42, 40, 30), (2.6, 3.2, 2.6), 6
    out = []
    corners = [corner(at, a, u, b, v) for a, b in ((0, 0), (1, 0), (1, 1), (0, 1))]
    for k in range(3):
        i, j = [n for n in range(3) if n != k]

        def wall(a, b, i=i, j=j):
            return [a if n == i else b if n == j else 0 for n in range(3)]
        for n in range(room + 1):
            out.append(lines([place(*wall(n, 0)), place(*wall(n, room))], "grid"))
            out.append(lines([place(*wall(0, n)), place(*wall(room, n))], "grid"))
        flat = [[0 if n == k else c for n, c in enumerate(w)] for w in (at, u, v)]
        out.append(parallelogram(place, *flat, "shadow"))
        out.append(turn(place, *flat))
        for point in corners:
            out.append(lines([place(*point),
                              place(*[0 if n == k else c for n, c in enumerate(point)])], "ray"))
    out.append(parallelogram(place, at, u, v, "plane"))
    out += axes(place, room + 0.5, at, u, v)
    out += pair(place, at, u, v)
    p = plucker(u, v)
    left = 530
    out += [text(left, 120, f"*u* = {vec(u)}"), text(left, 150, f"*v* = {vec(v)}"),
            text(left, 196, "Areas of the shadows:")]
    for n, (where, name, area) in enumerate(zip(("floor", "left wall", "right wall"),
                                                ("p_01", "p_02", "p_12"), p)):
        out += [text(left, 228 + 30 * n, where), text(left + 105, 228 + 30 * n,
                                                      f"{name} = {num(area)}")]
    squares = " + ".join(f"{num(area * area)}" for area in p)
    total, uu, vv, uv = dot(p, p), dot(u, u), dot(v, v), dot(u, v)
    out += [text(left, 346, "Area of the plane, squared:"),
            text(left, 376, f"|*p*|² = {squares} = {num(total)}"),
            text(left, 406, "= |*u*|²|*v*|² \u2212 (*u*·*v*)²"),
            text(left, 436, f"= {num(uu)} · {num(vv)} \u2212 {num(uv)}² = "
                 f"{num(uu * vv - uv * uv)}"),
            text(LEFT, 560, "Negative where *u* turns to *v* against the order of the axes.")]
    return picture(590, "One plane, three shadows: Plücker coordinates", *out)


def offsets():
    """Draw the offsets as arcs over a name."""
    window = model.Config(vocab_size=27).window
    t, cell, ground = len(NAME), 42, 330
    fits = [t - o for o in window if o <= t]
    outside = [o for o in window if o > t]

    def middle(s):
        return LEFT + (s + max(outside) - t + 0.5) * cell
    out = [text(LEFT, 82, f"Position *t* = {t} looks back by {', '.join(map(str, window))}. "
                "^ is BOS, which opens each name.")]
    for offset in window:
        a, b, height = middle(t), middle(t - offset), 14 + 11 * offset
        style = "flow" if offset <= t else "axis dash"
        out.append(f'<path class="{style}" d="M{a:.1f} {ground - 4}'
                   f'A{(a - b) / 2:.1f} {height:.1f} 0 0 0 {b:.1f} {ground - 4}"/>')
        out.append(arrow([(b, ground - 10), (b, ground - 1)],
                         style, "head" if offset <= t else "axis-head", 9))
        out.append(text(b - 8, ground - 20, num(offset), "small end"))
    for s in [t - o for o in outside] + list(range(t + 1)):
        style = "now" if s == t else "past" if s in fits else "axis dash" if s < 0 else "axis"
        out.append(box(middle(s) - cell / 2 + 3, ground, cell - 6, 40, style))
        letter = "" if s < 0 else ("^" + NAME)[s]
        out += [text(middle(s), ground + 27, letter, "middle"),
                text(middle(s), ground + 62, num(s), "small middle")]
    skipped = t - len(fits)
    out += [text(LEFT, ground + 104, f"Partners: {', '.join(map(str, fits))}. "
                 f"{skipped} earlier positions are skipped."),
            text(LEFT, ground + 132, f"Offset {', '.join(map(str, outside))} reaches before the "
                 "start: no partner.")]
    return picture(ground + 158, "A few places only: offsets", *out)


def layer():
    """Draw the four steps of the mixing layer, with the length of each vector."""
    shapes, n = sizes()
    width, height, gap = 92, 62, 118
    rows = (("1  reduce", (("*x*", n["x"], "now"), ("*z*_t", n["z"], "now")), "W_red",
             "*z*_t = W_red *x*", "d numbers become r"),
            ("2  compare", (("*z*_t, *z*_s", n["z"], "past"), ("unit", n["p"], "plane")), "plane",
             "unit = *p* / |*p*|", "one for each partner *s*"),
            ("3  average", (("mean", n["p"], "plane"), ("*g*", n["g"], "past")), "W_plu",
             "*g* = W_plu mean of units", "what the past has to say"),
            ("4  gate", (("*x*, *g*", n["x"], "now"), ("result", n["result"], "axis")), "alpha",
             "alpha *x* + (1 \u2212 alpha) *g*", "alpha = sigmoid(W_gate [*x*; *g*])"))
    out = []
    for k, (verb, boxes, name, formula, words) in enumerate(rows):
        top = 78 + 100 * k
        out.append(text(LEFT, top + 38, verb, "strong"))
        for m, (label, length, style) in enumerate(boxes):
            x = 170 + m * (width + gap)
            out += [box(x, top, width, height, style),
                    text(x + width / 2, top + 27, label, "middle"),
                    text(x + width / 2, top + 51, num(length), "small middle")]
        x = 170 + width
        out += [arrow([(x + 5, top + 31), (x + gap - 5, top + 31)], "flow"),
                text(x + gap / 2, top + 22, name, "small middle")]
        if name in shapes:
            out.append(text(x + gap / 2, top + 52, shapes[name], "small middle"))
        out += [text(500, top + 26, formula), text(500, top + 52, words, "small")]
    top = 78 + 100 * len(rows) + 12
    for x, style, words in ((LEFT, "now", "the present"), (LEFT + 190, "past", "of the past"),
                            (LEFT + 380, "plane", "planes")):
        out += [box(x, top, 26, 20, style), text(x + 36, top + 16, words, "small")]
    out.append(text(LEFT + 520, top + 16, "below a name: its length", "small"))
    return picture(top + 48, "The mixing layer in four steps", *out)


PICTURES = {"picture_dot_and_plane.svg": dot_and_plane, "picture_plane.svg": plane,
            "picture_offsets.svg": offsets, "picture_layer.svg": layer}


def main(argv=None):
    """Write the pictures and say so; one line and status 2 if that is impossible."""
    parser = show.Parser(description="Draw Plücker coordinates, offsets and the mixing layer.")
    parser.add_argument("folder", nargs="?", metavar="FOLDER", type=Path,
                        default=Path(__file__).resolve().parent,
                        help="where to write them (this project's folder)")
    folder = parser.parse_args(argv).folder
    for name in PICTURES:
        show.check_writable(folder / name, parser, "FOLDER")
    for name, draw in PICTURES.items():
        show.save(folder / name, draw())
        print(f"wrote {folder / name}")


if __name__ == "__main__":
    show.run_program(main)
