"""Attention against Grassmann mixing on names: quality, and how the cost grows with the length.

Run:       python3 benchmark.py
Controls:  python3 benchmark.py --controls --seeds 3   (is it the planes, or where they look?)
Text:      python3 benchmark.py --data pydoc           (the language reference of Python itself)
Next:      benchmark_paren.py, the same on a task in which the past decides
"""
import gc
import importlib
import math
import random
import statistics
import time
from pathlib import Path
from typing import NamedTuple

import beyond
import compare
import inside
import show
import tasks

PYDOC = "pydoc"  # --data pydoc: the language reference that comes with each Python
HELD_OUT = 200  # blocks of a running text to evaluate on, at most
SAMPLES = 10  # names that each model writes
LENGTHS = (16, 32, 64, 128, 256)  # at which the mixing layer is timed alone
FOLDED_R = (4, 8, 16, 32)  # sizes of z at which the folded loop is timed; the paper has 32
FOLDED_LENGTH = 64
CONTROLS = (("attention, same offsets", "attention"), ("linear map", "Grassmann"),
            ("mean of states", "Grassmann"), ("elementwise product", "Grassmann"),
            ("products apart", "linear map"), ("planes apart", "Grassmann"),
            ("planes apart, lengths kept", "Grassmann"), ("planes apart, shuffled", "Grassmann"),
            ("weighted planes", "Grassmann"), ("W_red frozen", "Grassmann"),
            ("running sum", "Grassmann"), ("sum without planes", "Grassmann"))


class Scale(NamedTuple):
    """What the mixing layer alone costs at one length, forward and backward, at its best."""

    contender: str
    length: int  # tokens
    milliseconds: float
    values: int  # Values made in the forward pass


class Fold(NamedTuple):
    """The loop over the offsets and its folded form at one r, FOLDED_LENGTH tokens."""

    r: int
    loop: float  # milliseconds
    folded: float


# ---- data and contenders -------------------------------------------------------------------------


def contenders(vocab_size, controls=False, alternatives=False, **sizes):
    """Return attention and Grassmann, and if asked for, all that they are compared with."""
    rivals = [compare.contender("attention", vocab_size, against="", **sizes),
              compare.contender("Grassmann", vocab_size, **sizes)]
    if controls:
        rivals += [compare.contender(mixer, vocab_size, against, **sizes)
                   for mixer, against in CONTROLS]
        rivals += compare.planes_beside_states(vocab_size, **sizes)
        blind = {**sizes, "window": ()}
        rivals.append(compare.contender("attention, same offsets", vocab_size, "attention",
                                        "attention, no past", **blind))
        rivals.append(compare.contender("Grassmann", vocab_size, "Grassmann",
                                        "Grassmann, no past", **blind))
    if alternatives:
        rivals += compare.alternative_layers(vocab_size, **sizes)
    return rivals


def read_data(args):
    """Return {seed: Data}; OSError or ValueError if there is no text to read."""
    if args.data == PYDOC:
        blocks, held_out = read_blocks(args.block_size)
        vocab = beyond.mixer("attention").make_vocab([*blocks, *held_out])
        out = {}
        for seed in compare.seeds(args.seeds):
            order = list(blocks)
            random.Random(seed).shuffle(order)
            out[seed] = compare.Data(order[:args.steps], held_out, vocab, len(blocks))
        return out
    docs = beyond.mixer("attention").load_docs(args.data)
    return {seed: compare.split(docs, seed, args.steps) for seed in compare.seeds(args.seeds)}


def read_blocks(size):
    """Return the language reference as blocks of so many characters: to train on, held out.

    The last tenth of the text is held out; HELD_OUT of its blocks at most, evenly spaced.
    """
    topics = importlib.import_module("pydoc_data.topics").topics
    text = "\n\n".join([topics[name] for name in sorted(topics)])
    blocks = [text[i:i + size] for i in range(0, len(text) - size + 1, size)]
    tail = blocks[-(len(blocks) // 10):]
    return blocks[:-len(tail)], tail[::math.ceil(len(tail) / HELD_OUT)]


# ---- quality -------------------------------------------------------------------------------------


def baselines(data, rivals, everything):
    """Return {name: loss} of blind guessing and of count tables, on the same held-out documents."""
    config = rivals[0].config
    out = {"blind guessing": math.log(config.vocab_size)}
    sources = {f"from the {len(data.train):,} trained on": data.train}
    if everything:
        sources[f"from all {len(everything):,}"] = everything
    for order in (1, 2, 3):
        for source, docs in sources.items():
            name = f"counts after {order} letter{'s' * (order > 1)}, {source}"
            out[name] = tasks.count_table_loss(order, docs, data.held_out, config.vocab_size,
                                                 config.block_size)
    return out


def show_quality(runs, rivals, costs, tables, seed_count):
    """Return the quality section as text."""
    rows = [["the same documents, without a model", "held-out loss"]]
    rows += [[name, f"{loss:.4f}"] for name, loss in tables.items()]
    few = curves_to_show(runs, rivals)
    lines = [compare.show_runs(runs, rivals, costs), "", compare.show_verdicts(runs, rivals), "",
             show.table(rows), "",
             f"Loss on {compare.CURVE_DOCS} held-out documents during training",
             show.chart(few, "step", "nats a token"), "",
             "What they write at temperature 0.5, seed 42"]
    for rival in rivals[:2 if seed_count else None]:
        texts = compare.of(runs, rival.name)[0].samples
        lines.append(f"  {rival.name + ':':12}" + ", ".join(repr(text)[1:-1] for text in texts[:5]))
    return "\n".join(lines)


def curves_to_show(runs, rivals):
    """Return the held-out curves of the first contenders: a chart of more can't be read."""
    wanted = [rival for rival in rivals if rival.name in ("attention", "Grassmann", "linear map")]
    return compare.curves(runs, wanted)


# ---- how the cost of the mixing layer grows with the length --------------------------------------


def mixing_cost(rival, length):
    """Return (seconds, Values) of the mixing layer alone over `length` positions, both ways."""
    model = beyond.mixer(rival.mixer)
    rng = random.Random(0)
    params = model.init_params(rival.config, rng)
    xs = [[model.Value(rng.gauss(0, 1)) for _ in range(rival.config.n_embd)]
          for _ in range(length)]
    start = time.perf_counter()
    loss = model.mean(mixed(model, xs, params, rival.config))
    loss.backward()
    seconds = time.perf_counter() - start
    del loss
    with inside.watch(model.Value, "__init__") as made:
        mixed(model, xs, params, rival.config)
    return seconds, len(made)


def mixed(model, xs, params, config):
    """Return all that the first layer's mix makes of the vectors xs, in one list."""
    past = []
    out = []
    for x in xs:
        out += model.mix(x, "layer0", past, params, config)
    return out


def best_costs(jobs, turns):
    """Return {job: (seconds, Values)}, the best of so many turns through all (rival, length) jobs.

    The best: whatever else the machine does only adds to a time. In turns, so that a slow moment
    strikes none alone. The garbage collector rests, as in training.
    """
    best = {}
    was_on = gc.isenabled()
    gc.disable()
    try:
        with show.Progress(turns * sum(length ** 1.5 for _, length in jobs)) as progress:
            for _ in range(turns):
                for job in jobs:
                    cost = mixing_cost(*job)
                    best[job] = min(cost, best.get(job, cost))
                    progress.step(f"mixing layer alone, L = {job[1]}", job[1] ** 1.5)
    finally:
        if was_on:
            gc.enable()
    return best


def measure_scaling(rivals, max_length, turns):
    """Return a Scale for each contender and length."""
    jobs = [(rival, length) for length in LENGTHS if length <= max_length for rival in rivals]
    return [Scale(rival.name, length, seconds * 1000, values)
            for (rival, length), (seconds, values) in best_costs(jobs, turns).items()]


def exponent(scales):
    """Return the least-squares slope of log milliseconds against log L, upper half of the L."""
    upper = scales[len(scales) // 2:]
    if len(upper) < 2:
        upper = scales
    xs = [math.log(scale.length) for scale in upper]
    ys = [math.log(scale.milliseconds) for scale in upper]
    x_mean = statistics.fmean(xs)
    y_mean = statistics.fmean(ys)
    slopes = sum((x - x_mean) * (y - y_mean) for x, y in zip(xs, ys))
    return slopes / sum((x - x_mean) ** 2 for x in xs)


def show_scaling(scales, turns):
    """Return the scaling section as text."""
    by_name = scales_by_name(scales)
    (first, ones), (second, others) = by_name.items()
    rows = [["L", f"{first}, ms", "Values", f"{second}, ms", "Values", "times faster"]]
    for one, other in zip(ones, others):
        rows.append([str(one.length), f"{one.milliseconds:.1f}", f"{one.values:,}",
                     f"{other.milliseconds:.1f}", f"{other.values:,}",
                     f"{one.milliseconds / other.milliseconds:.2f}"])
    lines = [f"Forward and backward, the best of {turns} turns.", show.table(rows), ""]
    if len(ones) > 1:
        lines += [f"In the upper half, time grows as L to the power {exponent(ones):.2f}, {first},",
                  f"and {exponent(others):.2f}, {second}.", "",
                  show.chart(scaling_series(scales), "length L in tokens", "ms", log=True)]
    return "\n".join(lines)


def scales_by_name(scales):
    """Return {contender: its Scales}."""
    return {name: [scale for scale in scales if scale.contender == name]
            for name in dict.fromkeys(scale.contender for scale in scales)}


def scaling_series(scales):
    """Return {contender: [(L, milliseconds), ...]} for a chart."""
    return {name: [(scale.length, scale.milliseconds) for scale in mine]
            for name, mine in scales_by_name(scales).items()}


# ---- not in the paper: the loop over the offsets, folded -----------------------------------------


def measure_folding(turns):
    """Return a Fold for each r in FOLDED_R: the same function, from one wedge a token."""
    jobs = [(compare.contender(mixer, 5, r=r), FOLDED_LENGTH)
            for r in FOLDED_R for mixer in ("Grassmann", "folded")]
    milliseconds = [seconds * 1000 for seconds, _ in best_costs(jobs, turns).values()]
    return [Fold(*row) for row in zip(FOLDED_R, milliseconds[::2], milliseconds[1::2])]


def folding_error(sine):
    """Return how far fold is off for two states of length 1 at an angle, relative.

    Their only Plücker coordinate is the sine, known without cancellation.
    """
    model = beyond.mixer("folded")
    u = (model.Value(1.0), model.Value(0.0))
    v = (model.Value(math.sqrt(1 - sine ** 2)), model.Value(sine))
    exact = sine / math.sqrt(sine ** 2 + 1e-8)
    return abs(model.plucker(u, beyond.fold(model, u, [v]))[0].data / exact - 1)


def show_folding(folds):
    """Return the costs and the errors as text."""
    rows = [["r", "coordinates", "loop, ms", "folded, ms", "times faster"]]
    rows += [[str(f.r), str(math.comb(f.r, 2)), f"{f.loop:.1f}", f"{f.folded:.1f}",
              f"{f.loop / f.folded:.1f}"] for f in folds]
    errors = [["sine of the angle between two states", "relative error"]]
    errors += [[f"{sine:.0e}", f"{folding_error(sine):.0e}"] for sine in (1, 1e-2, 1e-4, 1e-6)]
    return "\n".join([
        f"The same function from one wedge a token, not one for each offset; L = {FOLDED_LENGTH}.",
        show.table(rows), "", show.table(errors)])


# ---- the program ---------------------------------------------------------------------------------


def read_options(argv):
    """Return the options, or end in one line."""
    parser = compare.options("Compare attention and Grassmann mixing on names.", 1000)
    parser.add_argument("--data", metavar="FILE", default=Path(__file__).with_name("input.txt"),
                        help="text, a document a line (default: input.txt beside this file); "
                             "pydoc: the language reference that comes with Python")
    parser.add_argument("--layers", type=show.whole_numbers(1, 99), default=1, metavar="N",
                        help="layers of each model (default 1)")
    parser.add_argument("--max-length", type=show.whole_numbers(16, 256), default=256,
                        metavar="L", help="longest sequence of the scaling section (default 256)")
    args = parser.parse_args(argv)
    show.check_outputs(args, parser)
    args.block_size = 64 if args.data == PYDOC else 16
    return args


def main(argv=None):
    """Read the options, then measure and print section after section."""
    args = read_options(argv)
    data_of = read_data(args)
    data = data_of[42]
    if not data.held_out:
        raise ValueError(f"{args.data}: to hold one in ten out takes ten documents or more")
    rivals = contenders(len(data.vocab) + 1, args.controls, args.alternatives, n_layer=args.layers,
                        block_size=args.block_size)
    environment = compare.environment("benchmark.py", args)
    turns = max(1, min(6, args.steps // 100))
    everything = [] if args.data == PYDOC else [
        doc for doc in beyond.mixer("attention").load_docs(args.data)
        if doc not in set(data.held_out)]
    kind = "blocks of text" if args.data == PYDOC else "documents"
    print(f"{environment['python']}; {data.number:,} {kind}; {args.steps:,} steps;\n"
          f"{compare.in_words(args.seeds)}")

    costs = compare.time_all(rivals, data, 42)
    seconds = compare.expected_seconds(rivals, costs, args, SAMPLES) + 8 * turns
    print(f"This will take about {compare.duration(seconds)}.", flush=True)

    print(show.heading(f"Quality: the same {kind} in the same order"), flush=True)
    runs = compare.train_all(rivals, data_of, compare.seeds(args.seeds), args.steps, SAMPLES,
                             args.jobs)
    tables = baselines(data, rivals, everything)
    print(show_quality(runs, rivals, costs, tables, args.controls), flush=True)

    print(show.heading("Scaling: the mixing layer alone"), flush=True)
    one_layer = contenders(len(data.vocab) + 1)
    scales = measure_scaling(one_layer, args.max_length, turns)
    print(show_scaling(scales, turns), flush=True)

    print(show.heading("Scaling: the loop folded (not in the paper)"), flush=True)
    folds = measure_folding(turns)
    print(show_folding(folds), flush=True)

    panels = [{"title": "Loss on held-out documents", "x_label": "step of training",
               "y_label": "nats a token", "log": False, "series": curves_to_show(runs, rivals)},
              {"title": "Mixing layer alone: time", "x_label": "length L (tokens, logarithmic)",
               "y_label": "milliseconds", "log": True, "marks": True,
               "series": scaling_series(scales)}]
    show.save_all({
        args.json: compare.to_json(environment, runs=runs, costs=costs, baselines=tables,
                                   scaling=scales, folding=folds),
        args.svg: show.figure(panels, f"benchmark.py, {compare.in_words(args.seeds)}")})


if __name__ == "__main__":
    show.run_program(main)
