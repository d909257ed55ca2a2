"""Attention against Grassmann mixing on names: quality, and how the cost grows with the length.

Run:       python3 benchmark.py
Controls:  python3 benchmark.py --controls --seeds 3   (is it the planes, or where they look?)
Text:      python3 benchmark.py --data pydoc           (the language reference of Python itself)
Next:      benchmark_paren.py, the same on a task in which the past decides
"""
import gc
import importlib
import math
import os
import random
import statistics
import sys
import time
from typing import NamedTuple

sys.path.insert(0, os.path.dirname(__file__))  # python -P and -I leave this folder out

import beyond
import compare
import inside
import show
import tasks

PYDOC = "pydoc"  # --data pydoc: the language reference that comes with each Python
HELD_OUT = 200  # blocks of a running text to evaluate on, at most
SAMPLES = 10  # names that each model writes
TEMPERATURE = 0.5
LENGTHS = (16, 32, 64, 128, 256)  # at which the mixing layer is timed alone
FOLDED_R = (4, 8, 16, 32)  # sizes of z at which the folded loop is timed; the paper has 32
FOLDED_LENGTH = 64


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


def make_contenders(vocab_size, controls=False, alternatives=False, **sizes):
    """Return attention and Grassmann, and if asked for, all that they are compared with."""
    found = [compare.contender("attention", vocab_size, "", **sizes),
             compare.contender("Grassmann", vocab_size, **sizes)]
    if controls:
        found += compare.control_layers(vocab_size, **sizes)
        found += [compare.contender(mixer, vocab_size, "Grassmann", **sizes)
                  for mixer in ("running sum", "sum without planes")]
        blind = {**sizes, "window": ()}
        found.append(compare.contender("attention, same offsets", vocab_size, "attention",
                                       "attention, no past", **blind))
        found.append(compare.contender("Grassmann", vocab_size, "Grassmann",
                                       "Grassmann, no past", **blind))
    if alternatives:
        found += compare.alternative_layers(vocab_size, **sizes)
    return found


def read_data(args):
    """Return {seed: Data}; OSError or ValueError if there is no text to read."""
    seeds = compare.seeds(args.seeds)
    if args.data != PYDOC:
        docs = beyond.mixer("attention").load_docs(args.data)
        return {seed: compare.split(docs, seed, args.steps) for seed in seeds}
    blocks, held_out = read_blocks(args.block_size)
    data_of = {}
    for seed in seeds:
        order = beyond.mixer("attention").begin(blocks, random.Random(seed))[0]
        data_of[seed] = compare.Data(blocks, order[:args.steps], held_out)
    return data_of


def read_blocks(size):
    """Return the language reference as blocks of `size` characters: to train on, held out.

    The last tenth of the text is held out; HELD_OUT of its blocks at most, evenly spaced, and none
    that has a character that the others lack.
    """
    topics = importlib.import_module("pydoc_data.topics").topics
    text = "\n\n".join([topics[name] for name in sorted(topics)])
    blocks = [text[i:i + size] for i in range(0, len(text) - size + 1, size)]
    number = len(blocks) // 10
    tail = blocks[-number:]
    blocks = blocks[:-number]
    known = set().union(*blocks)
    return blocks, [block for block in tail[::math.ceil(number / HELD_OUT)] if known >= set(block)]


# ---- quality -------------------------------------------------------------------------------------


def count(data, config, everything):
    """Return {name: loss} of blind guessing and count tables on the held-out documents of a seed.

    everything: all documents, or [] if they are not to be counted; those held out are left out.
    """
    found = {"blind guessing": math.log(config.vocab_size)}
    held_out = set(data.held_out)
    sources = {f"from the {len(data.train):,} trained on": data.train}
    if everything:
        sources["from all the others"] = [doc for doc in everything if doc not in held_out]
    for order in (1, 2, 3):
        for source, docs in sources.items():
            name = f"counts after {order} letter{'s' * (order > 1)}, {source}"
            found[name] = tasks.count_table_loss(order, docs, data.held_out, config.vocab_size,
                                                 config.block_size)
        compare.report_step()
    return found


def baselines(data_of, config, everything, jobs):
    """Return what count returns, the mean over the seeds."""
    work = [(data, config, everything) for data in data_of.values()]
    found = compare.side_by_side(count, work, jobs, 3 * len(work))
    return {name: statistics.fmean([one[name] for one in found]) for name in found[0]}


def show_quality(runs, contenders, costs, tables):
    """Return the quality section as text."""
    rows = [["the same documents, without a model", "held-out loss"]]
    rows += [[name, f"{loss:.4f}"] for name, loss in tables.items()]
    lines = [compare.show_runs(runs, contenders, costs), "",
             compare.show_verdicts(runs, contenders), "", show.table(rows), "",
             f"Loss on {compare.CURVE_DOCS} held-out documents during training",
             show.chart(compare.curves(runs), "step", "nats a token"), "",
             f"What they write at temperature {TEMPERATURE}, seed 42"]
    for contender in contenders[:2]:
        texts = compare.of(runs, contender.name)[0].samples[str(TEMPERATURE)]
        written = ", ".join(repr(text)[1:-1] for text in texts[:5])
        lines.append(f"  {contender.name + ':':12}{written}")
    return "\n".join(lines)


# ---- how the cost of the mixing layer grows with the length --------------------------------------


def mixing_cost(contender, length):
    """Return (seconds, Values) of the mixing layer alone over `length` positions, both ways."""
    model = beyond.mixer(contender.mixer)
    rng = random.Random(0)
    params = model.init_params(contender.config, rng)
    xs = [[model.Value(rng.gauss(0, 1)) for _ in range(contender.config.n_embd)]
          for _ in range(length)]
    start = time.perf_counter()
    loss = model.mean(mixed(model, xs, params, contender.config))
    loss.backward()
    seconds = time.perf_counter() - start
    del loss
    with inside.watch(model.Value, "__init__") as made:
        mixed(model, xs, params, contender.config)
    return seconds, len(made)


def mixed(model, xs, params, config):
    """Return all that the first layer's mix makes of the vectors xs, in one list."""
    past = []
    out = []
    for x in xs:
        out += model.mix(x, "layer0", past, params, config)
    return out


def best_costs(jobs, turns):
    """Return {job: (seconds, Values)}, the best of `turns` turns; a job is (contender, length).

    The best: whatever else the machine does only adds to a time. In turns, so that slow moments
    hit all alike. The garbage collector rests, as in training.
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


def measure_scaling(contenders, max_length, turns):
    """Return a Scale for each contender and length."""
    lengths = [length for length in LENGTHS if length <= max_length]
    jobs = [(contender, length) for length in lengths for contender in contenders]
    return [Scale(contender.name, length, seconds * 1000, values)
            for (contender, length), (seconds, values) in best_costs(jobs, turns).items()]


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
    lines = [f"Forward and backward, the best of {turns} turn{'s' * (turns > 1)}.",
             show.table(rows)]
    if len(ones) > 1:
        lines += ["", f"In the upper half, time grows as L to the power {exponent(ones):.2f}, "
                  f"{first},", f"and {exponent(others):.2f}, {second}.", "",
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
    compare.add_layers(parser)
    compare.add_controls(parser)
    parser.add_argument("--data", metavar="FILE", default=tasks.INPUT,
                        help="text, a document a line (default: input.txt beside this file); "
                             "pydoc: the language reference that comes with Python")
    parser.add_argument("--max-length", type=show.whole_numbers(16, 256), default=256,
                        metavar="L", help="longest sequence of the scaling section (default 256)")
    args = parser.parse_args(argv)
    show.check_outputs(args, parser)
    args.block_size = 64 if args.data == PYDOC else 16
    return args


def measure_speed(vocab_size, args):
    """Print the two sections on speed; return (Scales, Folds)."""
    turns = speed_turns(args)
    print(show.heading("Scaling: the mixing layer alone"), flush=True)
    scales = measure_scaling(make_contenders(vocab_size), args.max_length, turns)
    print(show_scaling(scales, turns), flush=True)
    print(show.heading("Scaling: the loop folded (not in the paper)"), flush=True)
    folds = measure_folding(turns)
    print(show_folding(folds), flush=True)
    return scales, folds


def speed_turns(args):
    """Return how often each time is taken: a quick run of few steps is quick here, too."""
    return max(1, min(6, args.steps // 100))


def main(argv=None):
    """Read the options, then measure and print section after section."""
    args = read_options(argv)
    data_of = read_data(args)
    data = data_of[42]
    if not data.held_out:
        raise ValueError(f"{args.data}: to hold one in ten out takes ten documents or more")
    vocab_size = len(set().union(*data.docs)) + 1
    contenders = make_contenders(vocab_size, args.controls, args.alternatives,
                                 n_layer=args.layers, block_size=args.block_size)
    environment = compare.environment("benchmark.py", args)
    kind = "blocks of text" if args.data == PYDOC else "documents"
    print(f"{environment['python']}; {len(data.docs):,} {kind}; {args.steps:,} steps;\n"
          f"{compare.in_words(args.seeds)}")
    costs = compare.time_all(contenders, data, 42)
    compare.announce(contenders, costs, args, samples=SAMPLES, more=8 * speed_turns(args))

    print(show.heading(f"Quality: the same {kind} in the same order"), flush=True)
    runs = compare.train_all(contenders, data_of, compare.seeds(args.seeds), args.steps,
                             {TEMPERATURE: SAMPLES}, args.jobs)
    everything = [] if args.data == PYDOC else data.docs
    tables = baselines(data_of, contenders[0].config, everything, args.jobs)
    print(show_quality(runs, contenders, costs, tables), flush=True)
    scales, folds = measure_speed(vocab_size, args)
    panels = [{"title": "Loss on held-out documents", "x_label": "step of training",
               "y_label": "nats a token", "log": False, "series": compare.curves(runs)},
              {"title": "Mixing layer alone: time", "x_label": "length L (tokens, logarithmic)",
               "y_label": "milliseconds", "log": True, "marks": True,
               "series": scaling_series(scales)}]
    show.save_all({
        args.json: compare.to_json(environment, runs=runs, costs=costs, baselines=tables,
                                   scaling=scales, folding=folds),
        args.svg: show.figure(panels, f"benchmark.py, {compare.in_words(args.seeds)}")})


if __name__ == "__main__":
    show.run_program(main)
