"""Draw plucker_explained.svg: from two vectors and their plane to the mixing layer, in one picture.

Run:   python3 visualize_plucker.py [FILE]
Next:  tutorial.py, the same on numbers, step by step

The vectors below are chosen, every other number in the picture is computed: dot products, Plücker
coordinates and shapes by micro_grassmann.py, so that the picture cannot drift from the model.
"""
import math
import random
import re
from itertools import groupby
from pathlib import Path

import micro_grassmann as model
import show

FLAT = (4, 3), (1, 3)  # panel 1: u and v in the plane
PAIRS = ((3, 1, 1), (1, 3, 0)), ((3, 1, 1), (1, 0, 3))  # panel 2: equal u·v, two planes
LIFTED = (2, 0, 1), (1, 2, 2)  # panel 3: u and v in space
NAME = "michelangelo"  # panel 4: read up to its last letter
WIDTH, HEIGHT, LEFT, RIGHT, COLUMN = 1200, 1430, 40, 620, 540

# Three sizes of type. Blue is u and now, orange v and past, violet their plane; all are labelled.
STYLE = """
text { font-family: Helvetica, Arial, sans-serif; font-size: 17px }
.title { font-size: 21px; font-weight: bold }
.small, .sub { font-size: 15px }
.i { font-style: italic }
.b { font-style: italic; font-weight: bold }
.middle { text-anchor: middle }
.end { text-anchor: end }
path { fill: none; stroke-width: 1; stroke-linecap: round; stroke-linejoin: round }
.u, .v { stroke-width: 2.5 }
.plane, .turn, .flow { stroke-width: 1.5 }
.bar { stroke-width: 8; stroke-linecap: butt }
.dash { stroke-dasharray: 5 5 }
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


def panel(x, y, width, title, *caption):
    """Return a panel's rule, title and caption."""
    out = [lines([(x, y), (x + width, y)], "rule"), text(x, y + 34, title, "title")]
    return out + [text(x, y + 64 + 23 * n, line) for n, line in enumerate(caption)]


# ---- the five panels -----------------------------------------------------------------------------


def panel_1(x, y):
    """Draw the dot product as a shadow and the Plücker coordinate as a signed area."""
    (u, v), scale, origin = FLAT, 38, (0, 0)
    length, product, [area] = math.hypot(*u), dot(*FLAT), plucker(*FLAT)
    shadow = product / length
    foot = [shadow / length * c for c in u]
    out = panel(x, y, COLUMN, "1  Two ways to relate two vectors",
                "The dot product takes the shadow of *v* on *u*. The Plücker",
                "coordinate takes the area between them, positive if the turn",
                "from *u* to *v* is counterclockwise, negative if clockwise.")
    out.append(text(x + 20, y + 151, f"*u* = {vec(u)}, *v* = {vec(v)}"))
    for left in (x + 20, x + 300):
        def place(a, b, left=left):
            return left + scale * a, y + 396 - scale * b
        out += [lines([place(n, 0), place(n, 6)], "grid") for n in range(6)]
        out += [lines([place(0, n), place(5, n)], "grid") for n in range(7)]
        if left == x + 20:
            out += [lines([place(0, 0), place(*foot)], "bar"),
                    lines([place(*v), place(*foot)], "axis dash")]
        else:
            out += [parallelogram(place, origin, u, v, "plane"), turn(place, origin, u, v)]
        out += pair(place, origin, u, v)
    out += [text(x + 20, y + 430, f"shadow {num(shadow)}, length of *u* {num(length)}"),
            text(x + 20, y + 456, f"*u*·*v* = {num(shadow)} · {num(length)} = {num(product)}"),
            text(x + 300, y + 430, "p_01 = *u*_0 *v*_1 \u2212 *u*_1 *v*_0"),
            text(x + 300, y + 456, f"= {num(u[0] * v[1])} \u2212 {num(u[1] * v[0])} = {num(area)}")]
    return out


def panel_2(x, y):
    """Draw two pairs of vectors with equal dot product and different planes."""
    products = [dot(*p) for p in PAIRS]
    out = panel(x, y, COLUMN, "2  Equal dot product, different planes",
                f"Both pairs have *u*·*v* = {num(products[0])}, and even equal lengths: the dot",
                "product cannot tell them apart. One plane lies, the other",
                "stands: the Plücker coordinates can.")
    for left, (u, v), product in zip((x, x + 285), PAIRS, products):
        place, at = view(left + 100, y + 330, 36, 32, 22), (0, 0, 0)
        out += [lines([place(n, 0, 0), place(n, 4, 0)], "grid") for n in range(5)]
        out += [lines([place(0, n, 0), place(4, n, 0)], "grid") for n in range(5)]
        out.append(parallelogram(place, at, u, v, "plane"))
        out += axes(place, 4.6, at, u, v)
        for tip in u, v, [a + b for a, b in zip(u, v)]:
            out.append(lines([place(*tip), place(tip[0], tip[1], 0)], "axis dash"))
        out += pair(place, at, u, v)
        out.append(text(left, y + 430, f"*u* = {vec(u)}, *v* = {vec(v)}"))
        out.append(text(left, y + 456, f"*u*·*v* = {num(product)}"))
        for n, (name, p) in enumerate(zip(("p_01", "p_02", "p_12"), plucker(u, v))):
            out.append(text(left + 93 * n, y + 482, f"{name} = {num(p)}"))
    return out


def panel_3(x, y):
    """Draw the three shadows of one parallelogram and Lagrange's identity."""
    u, v = LIFTED
    place, at, room = view(x + 160, y + 312, 30, 40, 30), (2.6, 3.2, 2.6), 6
    out = panel(x, y, COLUMN, "3  One parallelogram, three shadows",
                "Each Plücker coordinate is the area of a shadow on a wall or",
                "the floor, positive if *u* turns to *v* as the axis with the lower",
                "number turns to the other.")
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
    out.append(parallelogram(place, at, u, v, "plane"))
    out += axes(place, room + 0.5, at, u, v)
    out += pair(place, at, u, v)
    p, left = plucker(u, v), x + 345
    out += [text(left, y + 144, f"*u* = {vec(u)}"), text(left, y + 172, f"*v* = {vec(v)}")]
    for n, (where, name, area) in enumerate(zip(("floor", "left wall", "right wall"),
                                                ("p_01", "p_02", "p_12"), p)):
        out += [text(left, y + 214 + 28 * n, where),
                text(left + 110, y + 214 + 28 * n, f"{name} = {num(area)}")]
    squares = " + ".join(f"{num(area * area)}" for area in p)
    total, uu, vv, uv = dot(p, p), dot(u, u), dot(v, v), dot(u, v)
    lagrange = uu * vv - uv * uv
    return out + [
        text(left, y + 316, "Lagrange's identity:"),
        text(left, y + 344, f"|*p*|² = {squares} = {num(total)}"),
        text(left, y + 372, "|*u*|²|*v*|² \u2212 (*u*·*v*)²"),
        text(left, y + 400, f"= {num(uu)} · {num(vv)} \u2212 {num(uv)}² = {num(lagrange)}")]


def panel_4(x, y):
    """Draw the offsets as arcs over a name."""
    window = model.Config(vocab_size=27).window
    t, cell, ground = len(NAME), 31, y + 345
    fits = [t - o for o in window if o <= t]
    beyond = [o for o in window if o > t]

    def middle(s):
        return x + (s + max(beyond) - t + 0.5) * cell
    out = panel(x, y, COLUMN, "4  Partners at fixed offsets",
                f"Position *t* = {t} of {NAME} looks back by {', '.join(map(str, window))}",
                "and skips the rest. ^ stands for BOS, which opens each name.")
    for offset in window:
        a, b, height = middle(t), middle(t - offset), 10 + 11.5 * offset
        style = "flow" if offset <= t else "axis dash"
        out.append(f'<path class="{style}" d="M{a:.1f} {ground - 4}'
                   f'A{(a - b) / 2:.1f} {height:.1f} 0 0 0 {b:.1f} {ground - 4}"/>')
        out.append(arrow([(b, ground - 10), (b, ground - 1)],
                         style, "head" if offset <= t else "axis-head", 9))
        out.append(text(b - 7, ground - 18, num(offset), "small end"))
    for s in [t - o for o in beyond] + list(range(t + 1)):
        style = "now" if s == t else "past" if s in fits else "axis dash" if s < 0 else "axis"
        out.append(box(middle(s) - cell / 2 + 2, ground, cell - 4, 34, style))
        letter = "" if s < 0 else ("^" + NAME)[s]
        out += [text(middle(s), ground + 23, letter, "middle"),
                text(middle(s), ground + 54, num(s), "small middle")]
    partners, outside = ", ".join(map(str, fits)), ", ".join(map(str, beyond))
    return out + [text(x, ground + 92, f"Partners: {partners}. Offset {outside} reaches "
                       "before the start.")]


def panel_5(x, y):
    """Draw the way from x to the result, with the length of each vector and each matrix's shape."""
    shapes, n = sizes()
    out = panel(x, y, WIDTH - 2 * LEFT, "5  The mixing layer, from x to its result",
                "Each box is a vector with its length, each name over an arrow a matrix with its "
                "shape. *p* and its unit are made for each partner *s*.")
    stages = (("*x*", n["x"]), ("*z*_t", n["z"]), ("*p*", n["p"]), ("unit", n["p"]),
              ("mean", n["p"]), ("*g*", n["g"]), ("alpha", n["alpha"]), ("result", n["result"]))
    width, gap, top, height = 70, 80, y + 150, 66
    lefts = [x + k * (width + gap) for k in range(len(stages))]
    middles = [left + width / 2 for left in lefts]
    styles = {0: "now", 1: "now", 2: "plane", 3: "plane", 4: "plane", 5: "past"}
    for k, (name, length) in enumerate(stages):
        out += [box(lefts[k], top, width, height, styles.get(k, "axis")),
                text(middles[k], top + 28, name, "middle"),
                text(middles[k], top + 52, num(length), "middle")]
        if k:
            out.append(arrow([(lefts[k] - gap + 4, top + 33), (lefts[k] - 4, top + 33)], "flow"))
    for k, matrix in (1, "W_red"), (5, "W_plu"), (6, "W_gate_g"):
        out += [text(lefts[k] - gap / 2, top - 4, matrix, "small middle"),
                text(lefts[k] - gap / 2, top + 17, shapes[matrix], "small middle")]
    low, high = top + height + 70, top - 40
    out += [arrow([(middles[0], top + height + 4), (middles[0], low), (middles[6], low),
                   (middles[6], top + height + 4)], "flow"),
            arrow([(middles[6], low), (middles[7], low), (middles[7], top + height + 4)], "flow"),
            arrow([(middles[5], top - 4), (middles[5], high), (middles[7], high),
                   (middles[7], top - 4)], "flow"),
            text(middles[6] - 8, low - 34, "W_gate_h", "small end"),
            text(middles[6] - 8, low - 14, shapes["W_gate_h"], "small end"),
            box(lefts[2], top + height + 28, width, 30, "past"),
            text(middles[2] - 10, top + height + 48, "*z*_s", "middle"),
            text(middles[2] + 18, top + height + 48, num(n["z"]), "middle"),
            text(lefts[3] - gap + 10, top + height + 48, "kept when *s* was the present", "small"),
            arrow([(middles[2], top + height + 28), (middles[2], top + height + 4)], "flow")]
    formulas = ((0, 0, "*z* = W_red *x*"), (170, 0, "*p*: Plücker coordinates of *z*_t and *z*_s"),
                (525, 0, "unit = *p* / |*p*|"), (705, 0, "mean over the partners *s*"),
                (950, 0, "*g* = W_plu mean"),
                (0, 28, "alpha = sigmoid(W_gate_h *x* + W_gate_g *g*)"),
                (525, 28, "result = alpha *x* + (1 \u2212 alpha) *g*"))
    return out + [text(x + dx, low + 44 + dy, formula) for dx, dy, formula in formulas]


def picture():
    """Return the whole SVG."""
    light, dark = ["\n".join(rule.replace("#", colours[k]) for *colours, rule in COLOURS)
                   for k in (0, 1)]
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">',
           "<title>Plücker coordinates, explained</title>",
           f"<style>{STYLE}{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}\n</style>",
           f'<rect class="paper" width="{WIDTH}" height="{HEIGHT}"/>',
           *panel_1(LEFT, 30), *panel_2(RIGHT, 30), *panel_3(LEFT, 550), *panel_4(RIGHT, 550),
           *panel_5(LEFT, 1030), "</svg>"]
    return "\n".join(out) + "\n"


def main():
    """Write the picture and say so; one line and status 2 if that is impossible."""
    parser = show.Parser(description="Draw Plücker coordinates and the mixing layer.")
    parser.add_argument("file", nargs="?", metavar="FILE",
                        default=Path(__file__).with_name("plucker_explained.svg"))
    file = parser.parse_args().file
    show.check_writable(file, parser, "FILE")
    show.save(file, picture())
    print(f"wrote {file}")


if __name__ == "__main__":
    show.run_program(main)
