"""Attention against Grassmann mixing on balanced brackets, a task in which the past decides.

Run:       python3 benchmark_paren.py
Controls:  python3 benchmark_paren.py --controls --seeds 3   (is it the planes, or where they look?)
Next:      RESULTS.md, where the tables stand side by side
"""
import math
import random
import statistics
from collections import Counter
from typing import NamedTuple

import compare
import show
import tasks

SAMPLES = 200  # strings drawn from each trained model, at temperature 0.5
WINDOW = (1, 2, 4, 8, 16)
EVERY_OFFSET = tuple(range(1, 51))
FAILURES = ("closed too early", "left open", "block full", "empty")
CONTROLS = (("attention, same offsets", "attention"), ("linear map", "Grassmann"),
            ("mean of states", "Grassmann"), ("elementwise product", "Grassmann"),
            ("products apart", "linear map"), ("planes apart", "Grassmann"),
            ("planes apart, lengths kept", "Grassmann"), ("planes apart, shuffled", "Grassmann"),
            ("weighted planes", "Grassmann"), ("W_red frozen", "Grassmann"),
            ("running sum, normalised", "running sum"), ("sum without planes", "running sum"))


class Balance(NamedTuple):
    """How the strings that a contender wrote, with all seeds, are to be judged."""

    contender: str
    balanced: int
    of: int
    low: float  # Wilson's 95 % interval of the share
    high: float
    by_seed: list  # shares
    failures: dict  # {what went wrong: how often}


# ---- contenders ----------------------------------------------------------------------------------


def contenders(layers, controls=False, alternatives=False):
    """Return attention, Grassmann and the running sum, and if asked for, the others."""
    sizes = {"n_layer": layers, "block_size": tasks.BRACKET_BLOCK, "window": WINDOW}
    no_window = {**sizes, "window": ()}
    every = {**sizes, "window": EVERY_OFFSET}

    def rival(mixer, against, name=None, **sizes):
        return compare.contender(mixer, 3, against, name, **sizes)

    rivals = [compare.contender("attention", 3, "", n_layer=layers, block_size=tasks.BRACKET_BLOCK),
              rival("Grassmann", "attention", **sizes), rival("running sum", "attention", **sizes)]
    if controls:
        rivals += [rival(mixer, against, **sizes) for mixer, against in CONTROLS]
        rivals += compare.planes_beside_states(3, **sizes)
        rivals += [rival("running sum", "running sum", "running sum alone", **no_window),
                   rival("Grassmann", "Grassmann", "Grassmann, no past", **no_window),
                   rival("Grassmann", "Grassmann", "50 offsets", **every),
                   rival("mean of states", "50 offsets", "mean, 50 offsets", **every)]
    if alternatives:
        rivals += compare.alternative_layers(3, **sizes)
    return rivals


# ---- measuring and printing ----------------------------------------------------------------------


def balances(runs, rivals):
    """Return the Balance of each contender."""
    out = []
    for rival in rivals:
        by_seed = []
        verdicts = Counter()
        for run in compare.of(runs, rival.name):
            judged = [tasks.judge(text)[0] for text in run.samples]
            by_seed.append(judged.count("balanced") / len(judged))
            verdicts.update(judged)
        number = sum(verdicts.values())
        low, high = compare.wilson(verdicts["balanced"], number)
        out.append(Balance(rival.name, verdicts["balanced"], number, low, high, by_seed,
                           {failure: verdicts[failure] for failure in FAILURES}))
    return out


def show_results(runs, rivals, costs, found, references):
    """Return the results as text."""
    rows = [["of the strings written", "balanced", "95 % interval", "each seed"]]
    for b in found:
        rows.append([b.contender, f"{100 * b.balanced / b.of:.1f} %",
                     f"{100 * b.low:.1f} to {100 * b.high:.1f}",
                     " ".join(f"{100 * share:.1f}" for share in b.by_seed)])
    failed = [["how the others fail", *FAILURES]]
    failed += [[b.contender, *(str(b.failures[failure]) for failure in FAILURES)] for b in found]
    known = [["the same strings, without a model", "held-out loss"]]
    known += [[name, f"{loss:.4f}"] for name, loss in references.items()]
    return "\n".join([
        compare.show_runs(runs, rivals, costs), "", show.table(known), "",
        compare.show_verdicts(runs, rivals), "",
        f"{SAMPLES} strings from each model and seed at temperature 0.5; Wilson intervals",
        show.table(rows), "", show.table(failed), "",
        *examples(runs, rivals[:3]),
        f"Loss on {compare.CURVE_DOCS} held-out strings during training",
        show.chart(compare.curves(runs, rivals[:3]), "step", "nats a token")])


def references(data):
    """Return {name: loss} of what needs no model, on the same held-out strings."""
    return {"blind guessing": math.log(3),
            "perfect counter of depth and position, 20,000 strings":
                tasks.counter_loss(tasks.distinct_strings(20_000, random.Random(7)), data.held_out),
            "the ideal, on these strings": tasks.ideal_loss(data.held_out),
            "the ideal, on average": tasks.least_loss()}


def examples(runs, rivals, number=2):
    """Return strings that were written, the first wrong bracket marked."""
    lines = []
    for rival in rivals:
        run = compare.of(runs, rival.name)[0]
        lines.append(f"{rival.name} wrote, seed {run.seed}:")
        for text in run.samples[:number]:
            what, place = tasks.judge(text)
            lines.append(f"  {text}" if text else "  (the empty string)")
            lines.append(f"  {'' if place is None else ' ' * place + '^ '}{what}")
        lines.append("")
    return lines


def main(argv=None):
    """Read the options, train and print."""
    parser = compare.options("Compare attention and Grassmann mixing on balanced brackets.", 1000)
    parser.add_argument("--layers", type=show.whole_numbers(1, 99), default=1, metavar="N",
                        help="layers of each model (default 1)")
    args = parser.parse_args(argv)
    show.check_outputs(args, parser)
    number = max(tasks.BRACKET_STRINGS, args.steps + tasks.BRACKET_STRINGS // 10)
    docs = tasks.distinct_strings(number, random.Random(42))
    data_of = {seed: compare.split(docs, seed, args.steps) for seed in compare.seeds(args.seeds)}
    rivals = contenders(args.layers, args.controls, args.alternatives)
    environment = compare.environment("benchmark_paren.py", args)
    lengths = [len(doc) for doc in docs]
    print(f"{environment['python']}; balanced strings of {min(lengths)} to {max(lengths)} "
          f"brackets, {statistics.fmean(lengths):.1f} on average;\n{args.steps:,} steps; "
          f"{compare.in_words(args.seeds)}; offsets {WINDOW}")

    costs = compare.time_all(rivals, data_of[42], 42)
    seconds = compare.expected_seconds(rivals, costs, args, SAMPLES)
    print(f"This will take about {compare.duration(seconds)}.", flush=True)

    print(show.heading("Brackets: the same strings in the same order"), flush=True)
    runs = compare.train_all(rivals, data_of, compare.seeds(args.seeds), args.steps, SAMPLES,
                             args.jobs)
    found = balances(runs, rivals)
    known = references(data_of[42])
    print(show_results(runs, rivals, costs, found, known), flush=True)

    shown = found if args.controls else found[:3]
    panels = [{"title": "Loss on held-out strings", "x_label": "step of training",
               "y_label": "nats a token", "log": False,
               "series": compare.curves(runs, rivals[:3]),
               "lines": {"ideal": known["the ideal, on these strings"]}},
              {"title": "Balanced strings, with 95 % intervals", "x_label": "share",
               "bars": {b.contender: (b.balanced / b.of, b.low, b.high) for b in shown}}]
    show.save_all({
        args.json: compare.to_json(environment, runs=runs, costs=costs, balances=found,
                                   references=known),
        args.svg: show.figure(panels, f"benchmark_paren.py, {compare.in_words(args.seeds)}")})


if __name__ == "__main__":
    show.run_program(main)
