"""How the geometric vector g is built, number by number, for one letter of one word.

Run:       python3 trace_g.py                             (the last letter of "anna")
Options:   python3 trace_g.py WORD --position K --layer N --steps N --seed N
Next:      trace_alpha_wred.py, what the layer does with g

All numbers are those of micro_grassmann.py: its functions run, and what they take and return is
written down and printed. The arithmetic beside a number shows where it comes from.
"""
import random
import textwrap
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import micro_grassmann as model
import show

LAYERS = 8  # the layers to choose from are 0 to 7


# ---- what both traces share ----------------------------------------------------------------------
def options(description, steps):
    """Return a parser with the options that both traces have."""
    parser = show.Parser(description=description, allow_abbrev=False)
    parser.add_argument("word", nargs="?", default="anna", metavar="WORD",
                        help="letters that occur in input.txt (default %(default)s)")
    for name, least, default, text in (
            ("position", 0, None, "which place of the word; 0 is BOS (default: the last letter)"),
            ("layer", 0, 0, "which layer; 0 is the first (default 0)"),
            ("steps", min(1, steps), steps, "training steps (default %(default)s)"),
            ("seed", 0, 42, "the seed of the random numbers (default 42)")):
        parser.add_argument(f"--{name}", type=show.whole_numbers(least), default=default,
                            metavar="K" if name == "position" else "N", help=text)
    return parser


def parse(parser):
    """Return the options, with docs and vocab; one line and status 2 if they do not fit."""
    args = parser.parse_args()
    try:
        args.docs = model.load_docs(Path(__file__).with_name("input.txt"))
    except (OSError, ValueError) as error:
        parser.error(f"input.txt: {error}")
    args.vocab = sorted(set("".join(args.docs)))
    args.config = model.Config(len(args.vocab) + 1, n_layer=args.layer + 1)
    longest = args.config.block_size - 1
    if not args.word:
        parser.error("WORD is empty: give at least one letter")
    for letter in args.word:
        if letter not in args.vocab:
            parser.error(f"WORD has {letter!a}, but the letters are {''.join(args.vocab)}")
    if len(args.word) > longest:
        parser.error(f"WORD has {len(args.word)} letters: the model reads {longest} at most")
    if args.position is None:
        args.position = len(args.word)
    if args.position > len(args.word):
        parser.error(f"--position {args.position}: {args.word} has positions 0 to "
                     f"{len(args.word)}")
    if args.layer >= LAYERS:
        parser.error(f"--layer {args.layer}: the layers are 0 to {LAYERS - 1}")
    args.tokens = model.tokenize(args.word, args.vocab)
    return args


def prepare(args, seed):
    """Return (params, documents to train on, unseen ones), drawn in the order of the model."""
    rng, docs = random.Random(seed), list(args.docs)
    rng.shuffle(docs)
    params = model.init_params(args.config, rng)
    return params, *model.split_docs([model.tokenize(doc, args.vocab) for doc in docs], args.steps)


@contextmanager
def recording():
    """While this lasts, fill the dict it gives with what mix computes at (layer, position).

    The calls that mix makes are written down. What no call shows is read off the graph: the
    children of a Value are what it was made from.
    """
    kept, calls, places = vars(model).copy(), [], {}

    def listen(name):
        def listener(*args):
            result = kept[name](*args)
            calls.append((name, args, result))
            return result
        return listener

    def mix(x, layer, past, params, config):
        calls.clear()
        result = kept["mix"](x, layer, past, params, config)
        linears = [(args, out) for name, args, out in calls if name == "linear"]
        (x_and_g, gate), scores = linears[-1]
        pluckers = [(past.index(args[1]), out) for name, args, out in calls if name == "plucker"]
        place = SimpleNamespace(x=x, z=linears[0][1], past=list(past[:-1]), partners=[], mean=[],
                                g=x_and_g[len(x):], gate=gate, scores=scores, result=result)
        if pluckers:  # mean = (sum of unit vectors) * (1 / n); unit = p * (1 / length)
            place.mean = linears[-2][0][0]
            units = zip(*[coordinate.children[0].children for coordinate in place.mean])
            squares = [out for name, _, out in calls if name == "dot"]
            place.partners = [SimpleNamespace(s=s, p=p, square=square, unit=unit)
                              for (s, p), square, unit in zip(pluckers, squares, units)]
        place.alpha = [y.children[1].children[0] for y in result]  # y = g + alpha * (x - g)
        places[int(layer[len("layer"):]), len(past) - 1] = place
        return result

    try:
        vars(model)["mix"] = mix
        for name in ("linear", "plucker", "dot"):
            setattr(model, name, listen(name))
        yield places
    finally:
        for name in ("mix", "linear", "plucker", "dot"):
            setattr(model, name, kept[name])


def record(tokens, params, config):
    """Return {(layer, position): what mix computed there} for one document."""
    with recording() as places:
        model.token_losses(tokens, params, config)
    return places


def name_of(args, position):
    """Return the letter at a position of the word, or BOS."""
    return args.word[position - 1] if position else "BOS"


def wrapped(label, parts, joint=", ", end=""):
    """Return the parts, joined, behind the label, in columns, on lines of at most 79 columns."""
    parts = [part.rjust(max(map(len, parts))) for part in parts]
    room = 79 - len(label) - len(end or joint.rstrip()) + len(joint)
    per = max(n for n in (1, 2, 3, 4, 6, 8) if n == 1 or n * (len(parts[0]) + len(joint)) <= room)
    lines = [joint.join(parts[n:n + per]) for n in range(0, len(parts), per)]
    return label + (joint.rstrip() + "\n" + " " * len(label)).join(lines).rstrip() + end


def numbers(label, values, digits=4):
    """Return label [a, b, ...] on as many lines as it takes."""
    return wrapped(f"{label}[", [show.number(v, digits) for v in values], end="]")


def products(row, vector):
    """Return the terms of a dot product, with the numbers filled in."""
    return [f"{show.number(a, 4)}*{show.number(b, 4).strip():7}" for a, b in zip(row, vector)]


def introduce(args):
    """Return the lines that say which model, which word and which place are shown."""
    names = [f"{t}:{name_of(args, t)}" for t in range(len(args.word) + 1)]
    places = textwrap.fill(f"Positions of the word: {' '.join(names)}", 79)
    steps = f"{args.steps} step{'s' * (args.steps > 1)}"
    state = f"trained for {steps}" if args.steps else "fresh random weights"
    layers = f"{args.config.n_layer} layer{'s' * (args.layer > 0)}"
    return (f"Model: {layers}, {state}, seed {args.seed}.\n"
            f"{places}\n"
            "BOS, the beginning of sequence, opens each word: it is position 0.\n"
            f"Shown: position t = {args.position} ({name_of(args, args.position)}), "
            f"layer {args.layer}. Layers count from 0 too.")


# ---- this trace ----------------------------------------------------------------------------------
def show_state(args, place, matrices):
    """Return steps 1 and 2: x and z."""
    t, r = args.position, args.config.r
    source = (f"what layer {args.layer - 1} hands on," if args.layer else
              "the letter's row of wte plus the position's row of wpe\n"
              "(wte and wpe are matrices of weights),")
    square = model.dot(place.x, place.x).data / len(place.x)
    return "\n".join((
        show.heading(f"1. x_{t}: what the layer gets at position {t}"),
        f"{len(place.x)} numbers: {source} scaled by RMSNorm",
        f"so that the mean of their squares is about 1 (here {square:.4f}).",
        numbers(f"x_{t} = ", place.x),
        show.heading(f"2. Reduce: z_{t} = W_red x_{t}, {r} numbers from {len(place.x)}"),
        f"W_red is a matrix of weights, {r} rows of {len(place.x)}. Row 0 times x_{t}:",
        wrapped("    ", products(matrices["W_red"][0], place.x), " + "),
        f"    = {show.number(place.z[0], 4)} = z_{t}[0]",
        "The other rows in the same way:",
        numbers(f"z_{t} = ", place.z)))


def show_partners(args, place):
    """Return step 3: which positions the window finds, and their z."""
    t, rows = args.position, [["offset", "s = t - offset", "letter"]]
    past = {partner.s for partner in place.partners}
    for offset in args.config.window:
        s = t - offset
        rows.append([str(offset), str(s), name_of(args, s) if s in past else "before the start"])
    lines = [show.heading("3. Find the partners: who stands some offsets back?"),
             f"The window is a list of offsets. A partner is position s = t - offset; t = {t}.",
             show.table(rows, left=0), f"Partners here: {len(place.partners)}."]
    if not place.partners:
        lines.append(f"Nobody to compare with: steps 4 to 6 fall away, and g_{t} is 0.")
    return "\n".join(lines + [numbers(f"z_{s} = ", place.past[s]) for s in sorted(past)])


def show_planes(args, place):
    """Return step 4: Plücker coordinates, length and unit vector, partner by partner."""
    t = args.position
    lines = [show.heading(f"4. Compare: Plücker coordinates of z_{t} and z_s, scaled to length 1"),
             f"p_ij = z_{t}[i] z_s[j] - z_{t}[j] z_s[i]   for all i < j",
             "|p|² is the sum of their squares, which lose the sign; |p| is the length of p.",
             "unit = p / sqrt(|p|² + 1e-8), the vector p scaled to length 1."]
    for partner in place.partners:
        lines.append(f"\ns = {partner.s} ({name_of(args, partner.s)})")
        names = [f"{i}{j}" for i in range(len(place.z)) for j in range(i + 1, len(place.z))]
        for name, p_ij in zip(names, partner.p):
            a, b, c, d = (show.number(v, 4) for v in p_ij.children)  # u_i, u_j, v_i, v_j
            lines.append(f"p_{name} = {a} * {d} - ({b} * {c}) = {show.number(p_ij, 4)}")
        squares = [f"{abs(p_ij.data):.4f}²" for p_ij in partner.p]
        factor = partner.unit[0].children[1]
        lines += [wrapped("|p|² = ", squares, " + "),
                  f"     = {show.number(partner.square, 6)}",
                  f"1 / sqrt({partner.square.data:.6f} + 1e-8) = {factor.data:.4f}",
                  (f"unit[0] = {show.number(partner.p[0], 4)} * {factor.data:.4f} = "
                   f"{show.number(partner.unit[0], 4)}"),
                  numbers("unit = ", partner.unit)]
    return "\n".join(lines)


def show_average(args, place, matrices):
    """Return steps 5 and 6: the mean of the unit vectors, and g."""
    t, n = args.position, len(place.partners)
    firsts = " + ".join(show.number(partner.unit[0], 4) for partner in place.partners)
    W_plu = matrices["W_plu"]
    return "\n".join((
        show.heading("5. Average: the mean of the unit vectors"),
        f"mean[0] = ({firsts}) / {n} = {show.number(place.mean[0], 4)}",
        numbers("mean = ", place.mean),
        show.heading(f"6. g_{t} = W_plu mean, {len(place.g)} numbers from {len(place.mean)}"),
        f"W_plu is a matrix of weights, {len(W_plu)} rows of {len(W_plu[0])}. Row 0 times mean:",
        wrapped("    ", products(W_plu[0], place.mean), " + "),
        f"    = {show.number(place.g[0], 4)} = g_{t}[0]"))


def main():
    """Read the options, run the model and print how g is built."""
    args = parse(options("Print how the geometric vector g is built.", 0))
    print(introduce(args))
    print("Numbers are rounded to 4 decimals here; the model has about 16 digits.", flush=True)
    params, seen, _ = prepare(args, args.seed)
    with show.Progress(args.steps) as progress:
        for _ in model.train(seen, params, args.config, args.steps):
            progress.step("training")
    place = record(args.tokens, params, args.config)[args.layer, args.position]
    t, layer = args.position, f"layer{args.layer}"
    matrices = {name: params[f"{layer}.{name}"] for name in ("W_red", "W_plu")}
    print(show_state(args, place, matrices))
    print(show_partners(args, place))
    if place.partners:
        print(show_planes(args, place))
        print(show_average(args, place, matrices))
    print(numbers(f"g_{t} = ", place.g))
    print(show.heading("check"))
    # result = g + alpha * (x - g): the first child of each result is the g that the model mixed in
    own = [y.children[0] for y in model.mix(place.x, layer, place.past, params, args.config)]
    print("The model's layer once more, not watched, and the g in its result:")
    print(numbers(f"g_{t} = ", own))
    gap = max(abs(a.data - b.data) for a, b in zip(own, place.g))
    print(f"Largest difference from the g_{t} above: {gap:.10f}")


if __name__ == "__main__":
    show.run_program(main)
