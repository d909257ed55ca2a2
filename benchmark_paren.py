"""Attention against Grassmann mixing on balanced brackets, a task in which the past decides.

Run:       python3 benchmark_paren.py
Controls:  python3 benchmark_paren.py --controls --seeds 3   (is it the planes, or where they look?)
Next:      RESULTS.md, where the tables stand side by side
"""
import math
import os
import random
import statistics
import sys
from collections import Counter
from typing import NamedTuple

sys.path.insert(0, os.path.dirname(__file__))  # python -P and -I leave this folder out

import compare
import show
import tasks

SAMPLES = {0.5: 200, 1.0: 200}  # temperature: strings that each trained model writes
WINDOW = (1, 2, 4, 8, 16)
EVERY_OFFSET = tuple(range(1, 51))
CHARTED = ("attention", "Grassmann", "running sum")  # whose curves and strings are shown
FAILURES = {"early": "closed too early", "open": "left open", "full": "block full",
            "empty": "empty"}  # {title of a column: verdict}


class Balance(NamedTuple):
    """How the strings that a contender wrote at one temperature, with all seeds, are judged."""

    contender: str
    temperature: str
    hits: list  # for each seed, 1 for each balanced string and 0 for each other
    failures: dict  # {what went wrong: how often}
    different: float  # share of the strings, in percent, the mean over the seeds
    known: float  # share that stood among those trained on


# ---- contenders ----------------------------------------------------------------------------------


def make_contenders(layers, controls=False, alternatives=False):
    """Return attention, Grassmann and the running sum, and if asked for, the others."""
    sizes = {"n_layer": layers, "block_size": tasks.BRACKET_BLOCK, "window": WINDOW}

    def contender(mixer, against, name=None, window=WINDOW):
        return compare.contender(mixer, 3, against, name, **{**sizes, "window": window})

    found = [contender("attention", ""), contender("Grassmann", "attention"),
             contender("running sum", "attention")]
    if controls:
        found += compare.control_layers(3, **sizes)
        found += [contender("running sum, normalised", "running sum"),
                  contender("sum without planes", "running sum"),
                  contender("running sum", "running sum", "running sum alone", ()),
                  contender("Grassmann", "Grassmann", "Grassmann, no past", ()),
                  contender("Grassmann", "Grassmann", "50 offsets", EVERY_OFFSET),
                  contender("mean of states", "50 offsets", "mean, 50 offsets", EVERY_OFFSET)]
    if alternatives:
        found += compare.alternative_layers(3, **sizes)
    return found


# ---- measuring and printing ----------------------------------------------------------------------


def balance(runs, name, temperature, data_of):
    """Return the Balance of a contender at one temperature."""
    hits = []
    different = []
    known = []
    failures = Counter()
    for run in compare.of(runs, name):
        texts = run.samples[temperature]
        verdicts = [tasks.judge(text)[0] for text in texts]
        failures.update(verdicts)
        hits.append([int(verdict == "balanced") for verdict in verdicts])
        different.append(100 * len(set(texts)) / len(texts))
        seen = set(data_of[run.seed].train)
        known.append(100 * sum(text in seen for text in texts) / len(texts))
    return Balance(name, temperature, hits, {what: failures[what] for what in FAILURES.values()},
                   statistics.fmean(different), statistics.fmean(known))


def references(held_out):
    """Return {name: loss} of what needs no model, on these held-out strings."""
    many = tasks.distinct_strings(20_000, random.Random(7))
    return {"blind guessing": math.log(3),
            "perfect counter of depth and position, 20,000 strings":
                tasks.counter_loss(many, held_out),
            "the ideal, on these strings": tasks.ideal_loss(held_out),
            "the ideal, on average": tasks.least_loss()}


def show_balances(found, temperature):
    """Return the tables of the strings written at one temperature."""
    found = [one for one in found if one.temperature == temperature]
    shares = {one.contender: one.hits for one in found}
    rows = [[f"failed, temperature {temperature}", *FAILURES, "differ", "known"]]
    rows += [[one.contender, *(str(one.failures[what]) for what in FAILURES.values()),
              f"{one.different:.0f} %", f"{one.known:.0f} %"] for one in found]
    return "\n".join([compare.show_shares(f"balanced, temperature {temperature}", shares), "",
                      show.table(rows), ""])


def show_results(runs, contenders, costs, found, known):
    """Return the results as text."""
    rows = [["the same strings, without a model", "held-out loss"]]
    rows += [[name, f"{loss:.4f}"] for name, loss in known.items()]
    number = next(iter(SAMPLES.values()))
    return "\n".join([
        compare.show_runs(runs, contenders, costs), "", show.table(rows), "",
        compare.show_verdicts(runs, contenders), "",
        f"{number} strings from each model and seed. The interval is Wilson's, for all",
        "strings; beside it ± from seed to seed. Then how many failed: closed too early,",
        "left open, block full, empty; how many differ; how many were seen in training.", "",
        *[show_balances(found, str(temperature)) for temperature in SAMPLES],
        *examples(runs),
        f"Loss on {compare.CURVE_DOCS} held-out strings during training",
        show.chart(compare.curves(runs, CHARTED), "step", "nats a token")])


def examples(runs):
    """Return strings that some contenders wrote, two of each, the first wrong bracket marked."""
    lines = []
    temperature = str(next(iter(SAMPLES)))
    for name in CHARTED:
        run = compare.of(runs, name)[0]
        lines.append(f"{name} wrote, seed {run.seed}, temperature {temperature}:")
        for text in run.samples[temperature][:2]:
            what, place = tasks.judge(text)
            lines.append(f"  {text}" if text else "  (the empty string)")
            lines.append(f"  {'' if place is None else ' ' * place + '^ '}{what}")
        lines.append("")
    return lines


def draw(runs, found, known, title):
    """Return the charts as SVG text."""
    bars = {one.contender: compare.share_with_interval(one.hits) for one in found
            if one.temperature == "0.5"}
    return show.figure([
        {"title": "Loss on held-out strings", "x_label": "step of training",
         "y_label": "nats a token", "log": False, "series": compare.curves(runs, CHARTED),
         "lines": {"ideal": known["the ideal, on these strings"]}},
        {"title": "Balanced strings, temperature 0.5, with 95 % intervals", "x_label": "share",
         "bars": bars}], title)


def main(argv=None):
    """Read the options, train and print."""
    parser = compare.options("Compare attention and Grassmann mixing on balanced brackets.", 1000)
    compare.add_layers(parser)
    compare.add_controls(parser)
    args = parser.parse_args(argv)
    show.check_outputs(args, parser)
    seeds = compare.seeds(args.seeds)
    number = max(tasks.BRACKET_STRINGS, args.steps + tasks.BRACKET_STRINGS // 10)
    docs = tasks.distinct_strings(number, random.Random(42))
    data_of = {seed: compare.split(docs, seed, args.steps) for seed in seeds}
    contenders = make_contenders(args.layers, args.controls, args.alternatives)
    environment = compare.environment("benchmark_paren.py", args)
    lengths = [len(doc) for doc in docs]
    print(f"{environment['python']}; balanced strings of {min(lengths)} to {max(lengths)} "
          f"brackets, {statistics.fmean(lengths):.1f} on average;\n{args.steps:,} steps; "
          f"{compare.in_words(args.seeds)};\noffsets {WINDOW}")
    costs = compare.time_all(contenders, data_of[42], 42)
    compare.announce(contenders, costs, args, samples=sum(SAMPLES.values()))

    print(show.heading("Brackets: the same strings in the same order"), flush=True)
    runs = compare.train_all(contenders, data_of, seeds, args.steps, SAMPLES, args.jobs)
    found = [balance(runs, contender.name, str(temperature), data_of)
             for contender in contenders for temperature in SAMPLES]
    known = references([doc for data in data_of.values() for doc in data.held_out])
    print(show_results(runs, contenders, costs, found, known), flush=True)
    title = f"benchmark_paren.py, {compare.in_words(args.seeds)}"
    show.save_all({
        args.json: compare.to_json(environment, runs=runs, costs=costs, balances=found,
                                   references=known),
        args.svg: draw(runs, found, known, title)})


if __name__ == "__main__":
    show.run_program(main)
