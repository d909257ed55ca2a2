"""Attention against Grassmann mixing on pairs of sentences: entailed, neutral or contradicted?

Run:       python3 benchmark_pairs.py
Deeper:    python3 benchmark_pairs.py --layers 2   (takes longer)
Longer:    python3 benchmark_pairs.py --steps 300000 --write FOLDER, then for each layer
           python3 -m large.train --task pairs --data FOLDER/train.jsonl (which reads SNLI, too)
Next:      RESULTS.md

A document is a list of words, premise / hypothesis = label, such as

    all dogs run / some animals run = E        E entailed, N neutral, C contradicted

so the label is the next token after "=", and no model needs a head of its own. The loss counts the
label alone, because a random sentence cannot be predicted and its words would be nine tenths of
the gradient; the contenders "all words" show what happens if they count. How the labels are
computed: tasks.py.
"""
import json
import math
import os
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, os.path.dirname(__file__))  # python -P and -I leave this folder out

import compare
import show
import tasks
from tasks import LABELS

STEPS = 1300  # of training, one pair each
WINDOW = (1, 2, 4, 8, 12)
BLOCK = 16  # the longest pair has 15 words before its label, BOS included
FIRST = tasks.PAIR_TESTS[0]
PUBLISHED = (("from scratch (alphaXiv)", 67.87, 67.94), ("on DistilBERT (the paper)", 85.38, 85.11))


# ---- data and contenders -------------------------------------------------------------------------


def split(pairs, seed, steps):
    """Return (Data, {name of a test: its pairs}) of one seed; held out are the tests, in order."""
    train, tests = tasks.split_pairs(pairs, seed, steps)
    held_out = [tasks.pair_words(pair) for test in tests.values() for pair in test]
    words = sorted({word for pair in pairs for word in tasks.pair_words(pair)})
    seen = [tasks.pair_words(pair) for pair in train]
    return compare.Data([words], seen, held_out, LABELS), tests


def make_contenders(vocab_size, layers):
    """Return the contenders: the first is the one that the others are compared with."""
    sizes = {"n_layer": layers, "block_size": BLOCK, "window": WINDOW}

    def contender(mixer, against="attention", name=None, scored=tasks.label_place, **changed):
        return compare.contender(mixer, vocab_size, against, name, scored, **{**sizes, **changed})

    found = [contender("attention", "")]
    found += [contender(mixer) for mixer in ("Grassmann", "linear map", "planes apart",
                                             "running sum", "sum without planes",
                                             "attention, same offsets")]
    found.append(contender("Grassmann", name="no past", window=()))
    found += [contender(mixer, mixer, f"{mixer}, all words", tasks.every_place)
              for mixer in ("attention", "Grassmann")]
    return found


# ---- who was right -------------------------------------------------------------------------------


def given(run, tests, test):
    """Return the labels that a run gave the pairs of one test."""
    start = 0 if test == FIRST else len(tests[FIRST])
    return [answers[-1] for answers in run.answers[start:start + len(tests[test])]]


def right(pairs, labels):
    """Return 1 for each right label, 0 for each wrong one."""
    return [int(pair.label == label) for pair, label in zip(pairs, labels)]


def hits(runs, name, tests_of, test):
    """Return, for each seed, which answers of a contender in a test were right."""
    return [right(tests_of[run.seed][test], given(run, tests_of[run.seed], test))
            for run in compare.of(runs, name)]


def table_runs(data_of, tests_of, pairs):
    """Return a Run of each table of counts with each seed: its answers, and nothing else."""
    pair_of = {tuple(tasks.pair_words(pair)): pair for pair in pairs}
    found = []
    for seed, data in data_of.items():
        train = [pair_of[tuple(words)] for words in data.train]
        tested = [pair for test in tests_of[seed].values() for pair in test]
        for name, answer in tasks.pair_tables(train).items():
            found.append(compare.Run(name, seed, 0, [], [], [], {}, [[answer(p)] for p in tested]))
    return found


# ---- printing ------------------------------------------------------------------------------------


def show_confusion(runs, names, tests_of):
    """Return how often each label was answered for each, in percent, all seeds together."""
    titles = [f"{label}>{said}" for label in LABELS for said in LABELS]
    rows = [["in percent of the label", *titles]]
    for name in names:
        counts = Counter()
        for run in compare.of(runs, name):
            tests = tests_of[run.seed]
            counts.update(zip([pair.label for pair in tests[FIRST]], given(run, tests, FIRST)))
        cells = []
        for label in LABELS:
            number = sum(counts[label, said] for said in LABELS)
            cells += [f"{100 * counts[label, said] / number:.0f}" for said in LABELS]
        rows.append([name, *cells])
    return show.table(rows)


def show_distances(runs, names, tests_of):
    """Return the share of right answers by the distance of the nouns, and its number of pairs."""
    far = Counter(tasks.noun_distance(pair) for tests in tests_of.values() for pair in tests[FIRST])
    rows = [["right, in percent, at distance", *map(str, sorted(far))]]
    for name in names:
        found = Counter()
        for tests, answers in zip(tests_of.values(), hits(runs, name, tests_of, FIRST)):
            for pair, hit in zip(tests[FIRST], answers):
                found[tasks.noun_distance(pair)] += hit
        rows.append([name, *(f"{100 * found[d] / far[d]:.1f}" for d in sorted(far))])
    rows.append(["(pairs)", *(str(far[d]) for d in sorted(far))])
    return show.table(rows)


def show_results(runs, contenders, costs, tests_of):
    """Return all tables as text."""
    names = list(dict.fromkeys(run.contender for run in runs))
    score = compare.Score(
        "right answers, in points", 1,
        lambda run: [100 * hit for hit in right(
            tests_of[run.seed][FIRST], given(run, tests_of[run.seed], FIRST))],
        "Above 0: the first is right more often.")
    published = [["SNLI, as published", "Grassmann", "Transformer"]]
    published += [[what, f"{one} %", f"{other} %"] for what, one, other in PUBLISHED]
    return "\n".join([
        compare.show_runs(runs, contenders, costs, compare.MEASURES[:1]), "",
        *[compare.show_shares(f"{test}: right", {name: hits(runs, name, tests_of, test)
                                                 for name in names}) + "\n"
          for test in tasks.PAIR_TESTS],
        f"In the test of {FIRST}:",
        compare.show_verdicts(runs, contenders, score), "",
        show_confusion(runs, names, tests_of), "",
        "Words from noun to noun (the offsets reach only some of these distances)",
        show_distances(runs, names, tests_of), "",
        f"The label's loss on {compare.CURVE_DOCS} test pairs during training",
        show.chart(compare.curves(runs), "step", "nats"), "",
        show.table(published), "",
        "Published for human sentences (the paper: arXiv:2512.19428), not measured here:",
        "another task, and models of millions of weights."])


def write_snli(folder, train, tests):
    """Write the pairs of one seed in SNLI's format, a JSON a line, for large.train.

    train.jsonl and a file for each test, named after it. OSError if the folder can't be written.
    """
    Path(folder).mkdir(exist_ok=True)
    names = {"E": "entailment", "N": "neutral", "C": "contradiction"}
    for name, pairs in {"train": train, **tests}.items():
        lines = [json.dumps({"sentence1": " ".join(tasks.sentence_words(pair.premise)),
                             "sentence2": " ".join(tasks.sentence_words(pair.hypothesis)),
                             "gold_label": names[pair.label]}) for pair in pairs]
        show.save(Path(folder, f"{name.replace(' ', '_')}.jsonl"), "\n".join(lines) + "\n")


# ---- the program ---------------------------------------------------------------------------------


def introduce(args, pairs, tests):
    """Return the lines that say what is measured."""
    number = Counter(pair.label for pair in pairs)
    tested = ", ".join([f"{len(test)} with {name}" for name, test in tests.items()])
    return (f"{len(tasks.sentences())} sentences, {len(pairs):,} pairs: "
            f"{', '.join(f'{number[label]:,} {label}' for label in LABELS)};\n"
            f"{args.steps:,} steps, as many of each label; layers: {args.layers};\n"
            f"tests of {tested};\n"
            f"{compare.in_words(args.seeds)};\noffsets {WINDOW}")


def main(argv=None):
    """Read the options, train and print."""
    parser = compare.options("Compare layers on entailment between small sentences.", STEPS, 3)
    compare.add_layers(parser)
    parser.add_argument("--write", metavar="FOLDER",
                        help="only write N pairs to train on, and the tests, for large.train")
    args = parser.parse_args(argv)
    show.check_outputs(args, parser)
    pairs = tasks.labelled_pairs()
    if args.write:
        write_snli(args.write, *tasks.split_pairs(pairs, 42, args.steps))
        return
    seeds = compare.seeds(args.seeds)
    data_of = {}
    tests_of = {}
    for seed in seeds:
        data_of[seed], tests_of[seed] = split(pairs, seed, args.steps)
    [words] = data_of[42].docs
    contenders = make_contenders(len(words) + 1, args.layers)
    environment = compare.environment("benchmark_pairs.py", args)
    print(f"{environment['python']}; {introduce(args, pairs, tests_of[42])}")
    costs = compare.time_all(contenders, data_of[42], 42)
    compare.announce(contenders, costs, args, 2 * len(data_of[42].held_out))

    print(show.heading("Pairs of sentences: E entailed, N neutral, C contradicted"), flush=True)
    runs = compare.train_all(contenders, data_of, seeds, args.steps, {}, args.jobs)
    runs += table_runs(data_of, tests_of, pairs)
    print(show_results(runs, contenders, costs, tests_of), flush=True)

    names = dict.fromkeys(run.contender for run in runs)
    panels = [{"title": "The label's loss on test pairs", "x_label": "step of training",
               "y_label": "nats", "log": False, "series": compare.curves(runs),
               "lines": {"blind": math.log(3)}},
              {"title": "Right answers, new sentences, with 95 % intervals", "x_label": "share",
               "bars": {name: compare.share_with_interval(hits(runs, name, tests_of, FIRST))
                        for name in names}}]
    show.save_all({args.json: compare.to_json(environment, runs=runs, costs=costs, tests=tests_of),
                   args.svg: show.figure(panels, f"benchmark_pairs.py, {args.seeds} seeds")})


if __name__ == "__main__":
    show.run_program(main)
