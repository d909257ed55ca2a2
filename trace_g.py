"""How the geometric vector g is built, number by number, for one letter of one word.

Run:       python3 trace_g.py                             (the last letter of "emma")
Options:   python3 trace_g.py WORD --all --position K --layer N --steps N --seed N --data FILE
Next:      trace_alpha_wred.py, what the layer does with g

All numbers are those of micro_grassmann.py: its functions run, and what they take and return is
written down and printed. The arithmetic beside a number shows where it comes from.
"""
import os
import sys
import textwrap

sys.path.insert(0, os.path.dirname(__file__))  # python -P and -I leave this folder out

import inside
import micro_grassmann as model
import show
import tracing

# ---- the numbers ---------------------------------------------------------------------------------


def numbers(label, values):
    """Return label [a, b, ...] on as many lines as it takes."""
    return tracing.in_columns(f"{label}[", [show.number(v, 4) for v in values], end="]")


def show_state(args, place, W_red):
    """Return parts 1 and 2: x and z."""
    t = place.t
    source = "rmsnorm(the letter's row of wte + the position's row of wpe)"
    if args.layer:
        source = f"what layer {args.layer - 1} passes on"
    return "\n".join((
        show.heading(f"1. x_{t}: what the layer gets at position {t}"),
        textwrap.fill(f"{len(place.x)} numbers: {source}, and rmsnorm once more, as forward does "
                      "before mix. The mean of their squares is "
                      f"{inside.size(place.x) ** 2:.4f}.", 79),
        numbers(f"x_{t} = ", place.x),
        show.heading(f"2. Reduce: z_{t} = W_red x_{t}, {len(place.z)} numbers from {len(place.x)}"),
        f"W_red is a matrix of weights, {len(place.z)} rows of {len(place.x)}. Row 0 times x_{t}:",
        tracing.in_columns("    ", tracing.products(W_red[0], place.x), " + "),
        f"    = {show.number(place.z[0], 4)} = z_{t}[0]",
        "The other rows in the same way:",
        numbers(f"z_{t} = ", place.z)))


def show_partners(args, place):
    """Return part 3: which positions the window finds, and their z."""
    rows = [["offset", "s = t - offset", "letter"]]
    for offset in args.config.window:
        s = place.t - offset
        rows.append([str(offset), str(s), args.names[s] if s >= 0 else "before the start"])
    lines = [show.heading("3. Find the partners: who stands some offsets back?"),
             "The window is a list of offsets. A partner is position s = t - offset; "
             f"t = {place.t}.",
             show.table(rows, left=0)]
    if place.partners:
        n = len(place.partners)
        where = ", ".join(str(partner.s) for partner in place.partners)
        lines.append(f"{n} partner{'s' * (n > 1)} here: position{'s' * (n > 1)} {where}.")
    else:
        lines.append(f"No partner: parts 4 to 6 are skipped, and g_{place.t} is 0.")
    return "\n".join(lines + [numbers(f"z_{partner.s} = ", partner.z)
                              for partner in place.partners])


def show_planes(args, place):
    """Return part 4: Plücker coordinates, length and unit vector, the first partner's in full."""
    t = place.t
    lines = [show.heading(f"4. Compare: Plücker coordinates of z_{t} and z_s, scaled to length 1"),
             f"p_ij = z_{t}[i] z_s[j] - z_{t}[j] z_s[i]   for all i < j",
             "|p| is the length of p; unit = p / sqrt(|p|² + 1e-8), p scaled to length 1."]
    for n, partner in enumerate(place.partners):
        lines.append(f"\ns = {partner.s} ({args.names[partner.s]})")
        if n == 0 or args.all:
            lines += show_plane(place.z, partner)
        lines += [numbers("p    = ", partner.p), numbers("unit = ", partner.unit)]
    if len(place.partners) > 1 and not args.all:
        lines.append("\n(--all shows the arithmetic of each partner.)")
    return "\n".join(lines)


def show_plane(z, partner):
    """Return the lines of one plane with the numbers filled in."""
    lines = []
    names = [(i, j) for i in range(len(z)) for j in range(i + 1, len(z))]
    for (i, j), p_ij in zip(names, partner.p):
        a, b, c, d = [show.number(v, 4) for v in (z[i], partner.z[j], z[j], partner.z[i])]
        lines.append(f"p_{i}{j} = {a} * {b} - ({c} * {d}) = {show.number(p_ij, 4)}")
    squares = [f"{abs(p_ij.data):.4f}²" for p_ij in partner.p]
    square = inside.length(partner.p) ** 2
    factor = (square + 1e-8) ** -0.5
    return [*lines, tracing.in_columns("|p|² = ", squares, " + "),
            f"     = {square:.6f}, and 1 / sqrt({square:.6f} + 1e-8) = {factor:.4f}",
            f"unit[0] = {show.number(partner.p[0], 4)} * {factor:.4f} = "
            f"{show.number(partner.unit[0], 4)}"]


def show_average(place, W_plu):
    """Return parts 5 and 6: the mean of the unit vectors, and g."""
    t = place.t
    firsts = " + ".join(show.number(partner.unit[0], 4) for partner in place.partners)
    return "\n".join((
        show.heading("5. Average: the mean of the unit vectors"),
        f"mean[0] = ({firsts}) / {len(place.partners)} = {show.number(place.mean[0], 4)}",
        numbers("mean = ", place.mean),
        show.heading(f"6. g_{t} = W_plu mean, {len(place.g)} numbers from {len(place.mean)}"),
        f"W_plu is a matrix of weights, {len(W_plu)} rows of {len(W_plu[0])}. Row 0 times mean:",
        tracing.in_columns("    ", tracing.products(W_plu[0], place.mean), " + "),
        f"    = {show.number(place.g[0], 4)} = g_{t}[0]"))


def show_seen(args, place):
    """Return what this trace has shown, computed from its numbers."""
    lines = [show.heading("What was seen"),
             f"{args.names[place.t]} at position {place.t} looked at {len(place.partners)} of "
             f"{place.t} earlier positions."]
    if place.partners:
        lengths = [inside.length(partner.p) for partner in place.partners]
        lines += [f"Before scaling, its planes had lengths from {min(lengths):.3f} to "
                  f"{max(lengths):.3f}; after it, each counts the same.",
                  f"{len(lengths)} units of length 1 have a mean of length "
                  f"{inside.length(place.mean):.3f}"
                  + (": where they differ, they cancel." if len(lengths) > 1 else ".")]
    ratio = inside.size(place.g) / inside.size(place.x)
    lines.append(f"What comes of the past, g, is {100 * ratio:.1f} % of x in size (root of the "
                 "mean square).")
    return "\n".join([lines[0], *(textwrap.fill(line, 79) for line in lines[1:])])


# ---- the program ---------------------------------------------------------------------------------


def main(argv=None):
    """Read the options, run the model and print how g is built."""
    parser = tracing.options("Print how the geometric vector g is built.", steps=0)
    parser.add_argument("--all", action="store_true", help="show each partner in full")
    args = tracing.parse(parser, argv)
    print(tracing.introduce(args))
    print("Numbers are rounded to 4 decimals here; the model has about 16 digits.", flush=True)
    start = inside.begin(model, args.docs, args.seed, n_layer=args.layer + 1)
    seen, _ = model.split_docs([model.tokenize(doc, args.vocab) for doc in start.docs], args.steps)
    with show.Progress(args.steps) as progress:
        for _ in model.train(seen, start.params, args.config, args.steps):
            progress.step("training")
    place = inside.record(args.tokens, start.params, args.config, args.layer)[args.position]
    layer = f"layer{args.layer}"
    print(show_state(args, place, start.params[f"{layer}.W_red"]))
    print(show_partners(args, place))
    if place.partners:
        print(show_planes(args, place))
        print(show_average(place, start.params[f"{layer}.W_plu"]))
    print(numbers(f"g_{place.t} = ", place.g))
    print(show_seen(args, place))


if __name__ == "__main__":
    show.run_program(main)
