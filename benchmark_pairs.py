"""Attention against Grassmann mixing on pairs of sentences: entailed, neutral or contradicted?

Run:       python3 benchmark_pairs.py
Deeper:    python3 benchmark_pairs.py --layers 2   (takes longer)
Longer:    python3 benchmark_pairs.py --steps 300000 --write FOLDER, then for each layer
           python3 -m large.train --task pairs --data FOLDER/train.jsonl (which reads SNLI, too)
Next:      RESULTS.md

A document is a list of words, premise / hypothesis = label, such as

    all dogs run / some animals run = E        E entailed, N neutral, C contradicted

so the label is the next token after "=", and no model needs a head of its own. The loss counts the
label alone, because a random sentence cannot be foretold and its words would be nine tenths of
the gradient; the contenders "all words" show what becomes of it if they count.

The labels are computed, not given by rules of thumb. A quantifier is a relation of two sets, as in
generalised quantifiers (Barwise and Cooper 1981, Linguistics and Philosophy 4), and a pair is
decided by looking at every world of up to four things. Small and old dogs and cats are taken to
exist, so that "all" implies "some". More things would decide no pair differently: a world in which
two sentences are true or false as wanted needs at most a small old dog, a small old cat and one
witness for each sentence, and taking away all other things changes nothing. Artificial sentences
and these three labels to test what a network can reason: Bowman, Potts and Manning 2015,
Recursive Neural Networks Can Learn Logical Semantics, arXiv:1406.1827.
"""
import itertools
import json
import math
import multiprocessing
import random
import statistics
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import beyond
import compare
import show
import tasks
from tasks import LABELS, noun_distance, pair_words, sentence_words
from tasks import PAIR_TESTS as TESTS

STEPS = 1300  # of training, one pair each
WINDOW = (1, 2, 4, 8, 12)
BLOCK = 16  # the longest pair has 15 words before its label, BOS included
CURVES = ("attention", "Grassmann", "linear map")  # whose loss during training is drawn
CURVE_PAIRS = 60  # test pairs that a point of the curve is measured on
PUBLISHED = (("from scratch", 67.87, 67.94), ("pre-trained encoder", 85.38, 85.11))


class Data(NamedTuple):
    """The pairs of one seed: those to train on, and {name of a test: its pairs}."""

    train: list
    tests: dict


class Rival(NamedTuple):
    """A contender, and whether its loss counts the label alone."""

    contender: compare.Contender
    label_alone: bool


class Result(NamedTuple):
    """What came of training one contender with one seed."""

    contender: str
    seed: int
    parameters: int
    curve: list  # [step, the label's loss in nats on test pairs], of those in CURVES
    answers: dict  # {name of a test: a label for each pair}


# ---- contenders and training ---------------------------------------------------------------------


def rivals(vocab_size, layers):
    """Return the contenders: the first is what the others are compared with."""
    sizes = {"n_layer": layers, "block_size": BLOCK}
    near = {**sizes, "window": WINDOW}
    out = [Rival(compare.contender("attention", vocab_size, "", **sizes), True)]
    for mixer in ("Grassmann", "linear map", "planes apart", "running sum",
                  "attention, same offsets"):
        out.append(Rival(compare.contender(mixer, vocab_size, **near), True))
    nothing = {**sizes, "window": ()}
    out.append(Rival(compare.contender("Grassmann", vocab_size, "attention", "no past", **nothing),
                     True))
    for mixer, places in (("attention", sizes), ("Grassmann", near)):
        one = compare.contender(mixer, vocab_size, mixer, f"{mixer}, all words", **places)
        out.append(Rival(one, False))
    return out


def make_model(rival):
    """Return a copy of the contender's model whose loss counts what the rival says."""
    model = beyond.MAKERS[rival.contender.mixer]()
    if not rival.label_alone:
        return model
    if rival.contender.mixer in ("attention", "Grassmann"):
        model = beyond.variant(model)  # the file itself stays as it is
    all_losses = model.token_losses
    model.token_losses = lambda *args: all_losses(*args)[-1:]
    return model


def tokens_of(model, pair, vocab):
    """Return the tokens of a pair; the last is the label, so without the BOS that closes."""
    return model.tokenize(pair_words(pair), vocab)[:-1]


def answer(model, pair, vocab, params, config):
    """Return the label that the model finds the likeliest after "="."""
    cache = [[] for _ in range(config.n_layer)]
    for position, token in enumerate(tokens_of(model, pair, vocab)[:-1]):
        logits = model.forward(token, position, cache, params, config)
    return max(LABELS, key=lambda label: logits[vocab[label]].data)


def train_run(rival, data, vocab, seed, steps):
    """Train one contender with one seed, and return its Result."""
    model = make_model(rival)
    config = rival.contender.config
    params = model.init_params(config, random.Random(seed))
    tokens = [tokens_of(model, pair, vocab) for pair in data.train]
    some = [tokens_of(model, pair, vocab) for pair in data.tests[TESTS[0]][:CURVE_PAIRS]]
    every = max(1, steps // compare.CURVE_POINTS)
    curve = []
    for step, _ in enumerate(model.train(tokens, params, config, steps), 1):
        compare.report_step()
        if rival.contender.name in CURVES and step % every == 0:
            losses = [model.token_losses(doc, params, config)[-1].data for doc in some]
            curve.append([step, statistics.fmean(losses)])
    answers = {name: [answer(model, pair, vocab, params, config) for pair in pairs]
               for name, pairs in data.tests.items()}
    size = sum(len(row) for matrix in params.values() for row in matrix)
    return Result(rival.contender.name, seed, size, curve, answers)


def train_all(contenders, data_of, vocab, steps, processes):
    """Return the Result of each contender with each seed, in so many processes at once."""
    jobs = [(rival, data, vocab, seed, steps)
            for seed, data in data_of.items() for rival in contenders]
    return compare.side_by_side(train_run, jobs, processes, len(jobs) * steps)


def time_all(contenders, data, vocab, seed):
    """Return {name: milliseconds of a step}, the median of a few, timed in turns."""
    trainers = {}
    for rival in contenders:
        model = make_model(rival)
        config = rival.contender.config
        params = model.init_params(config, random.Random(seed))
        tokens = [tokens_of(model, pair, vocab) for pair in data.train]
        trainers[rival.contender.name] = model.train(tokens, params, config, compare.TIMED_STEPS)
    return compare.in_turns(trainers)


# ---- measuring and printing ----------------------------------------------------------------------


def right(pairs, answers):
    """Return 1 for each right answer, 0 for each wrong one."""
    return [int(pair.label == given) for pair, given in zip(pairs, answers)]


def rights(results, name, data_of, test):
    """Return, for each seed, which answers of a contender in a test were right."""
    return [right(data_of[result.seed].tests[test], result.answers[test])
            for result in results if result.contender == name]


def baseline_results(data_of):
    """Return the Result of each baseline with each seed; it has no parameters and no curve."""
    out = []
    for seed, data in data_of.items():
        for name, answer_to in tasks.pair_tables(data.train).items():
            answers = {test: [answer_to(pair) for pair in pairs]
                       for test, pairs in data.tests.items()}
            out.append(Result(name, seed, 0, [], answers))
    return out


def share_with_interval(by_seed):
    """Return (share, low, high): right answers of all seeds together, Wilson's 95 % interval."""
    hits = list(itertools.chain(*by_seed))
    return (statistics.fmean(hits), *compare.wilson(sum(hits), len(hits)))


def show_accuracy(results, names, data_of, test, costs):
    """Return the table of right answers in one test: all seeds, and each seed with its interval."""
    rows = [[test, "right", "95 % interval", "each seed", "weights", "ms a step"]]
    for name in names:
        by_seed = rights(results, name, data_of, test)
        share, low, high = share_with_interval(by_seed)
        each = " ".join(f"{100 * statistics.fmean(hits):.1f}" for hits in by_seed)
        size = next(result.parameters for result in results if result.contender == name)
        cost = f"{costs[name]:.1f}" if name in costs else "-"
        rows.append([name, f"{100 * share:.1f} %", f"{100 * low:.1f} to {100 * high:.1f}", each,
                     f"{size:,}" if size else "-", cost])
    return show.table(rows)


def difference(results, name, against, data_of, test):
    """Return (mean, half by seed, half by pair) of accuracy minus the other's, paired."""
    by_seed = []
    by_pair = []
    mine = rights(results, name, data_of, test)
    for one, other in zip(mine, rights(results, against, data_of, test)):
        gaps = [a - b for a, b in zip(one, other)]
        by_seed.append(statistics.fmean(gaps))
        by_pair += gaps
    return statistics.fmean(by_seed), compare.student(by_seed), compare.student(by_pair)


def show_differences(results, contenders, data_of):
    """Return the paired differences in percentage points."""
    rows = [["right answers, in points", "minus", "difference", "seeds", "pairs"]]
    for rival in contenders:
        name = rival.contender.name
        against = rival.contender.against
        if against:
            gap, seeds, pairs = difference(results, name, against, data_of, TESTS[0])
            by_seed = "one seed" if math.isnan(seeds) else f"± {100 * seeds:.1f}"
            rows.append([name, against, f"{100 * gap:+.1f}", by_seed, f"± {100 * pairs:.1f}"])
    return show.table(rows, left=2)


def show_confusion(results, names, data_of):
    """Return how often each label was answered for each, in percent, all seeds together."""
    titles = [f"{label} as {given}" for label in LABELS for given in LABELS]
    rows = [["in percent of the label", *titles]]
    for name in names:
        counts = Counter()
        for result in results:
            if result.contender == name:
                pairs = data_of[result.seed].tests[TESTS[0]]
                counts.update(zip([p.label for p in pairs], result.answers[TESTS[0]]))
        cells = []
        for label in LABELS:
            of = sum(counts[label, given] for given in LABELS)
            cells += [f"{100 * counts[label, given] / of:.0f}" for given in LABELS]
        rows.append([name, *cells])
    return show.table([[cell.replace(" as ", ">") for cell in row] for row in rows])


def show_distances(results, names, data_of):
    """Return the share of right answers by the distance of the nouns, and its numbers of pairs."""
    far = sorted({noun_distance(pair) for data in data_of.values()
                  for pair in data.tests[TESTS[0]]})
    rows = [["right, in percent, at distance", *map(str, far)]]
    counts = Counter()
    for name in names:
        hits = Counter()
        counts = Counter()
        by_seed = zip(data_of.values(), rights(results, name, data_of, TESTS[0]))
        for data, answers in by_seed:
            for pair, hit in zip(data.tests[TESTS[0]], answers):
                hits[noun_distance(pair)] += hit
                counts[noun_distance(pair)] += 1
        rows.append([name, *(f"{100 * hits[d] / counts[d]:.1f}" for d in far)])
    rows.append(["(pairs)", *(str(counts[d]) for d in far)])
    return show.table(rows)


def mean_curves(results, names):
    """Return {contender: points} of the label's loss during training, the mean over the seeds."""
    out = {}
    for name in names:
        points = zip(*[result.curve for result in results if result.contender == name])
        out[name] = [(same[0][0], statistics.fmean([loss for _, loss in same]))
                     for same in points]
    return out


def show_published():
    """Return what others report on the real task."""
    rows = [["SNLI, as published", "Grassmann", "Transformer"]]
    rows += [[what, f"{grassmann} %", f"{other} %"] for what, grassmann, other in PUBLISHED]
    return "\n".join([show.table(rows), "",
                      "Published for human sentences (arXiv:2512.19428 and its reproductions),",
                      "not measured here: another task, and models of millions of weights."])


def write_snli(folder, data):
    """Write the pairs of one seed in SNLI's format, a JSON a line, for large.train.

    train.jsonl and a file for each test, named after it. OSError if the folder can't be written.
    """
    Path(folder).mkdir(exist_ok=True)
    names = {"E": "entailment", "N": "neutral", "C": "contradiction"}
    for name, pairs in {"train": data.train, **data.tests}.items():
        lines = [json.dumps({"sentence1": " ".join(sentence_words(pair.premise)),
                             "sentence2": " ".join(sentence_words(pair.hypothesis)),
                             "gold_label": names[pair.label]}) for pair in pairs]
        show.save(Path(folder, f"{name.replace(' ', '_')}.jsonl"), "\n".join(lines) + "\n")


def main(argv=None):
    """Read the options, train and print."""
    parser = show.Parser(description="Compare layers on entailment between small sentences.",
                         allow_abbrev=False)
    parser.add_argument("--steps", type=show.whole_numbers(10), default=STEPS, metavar="N",
                        help=f"training steps, one pair each (default {STEPS})")
    parser.add_argument("--seeds", type=show.whole_numbers(1, 99), default=3, metavar="K",
                        help="repeat with K seeds: 42, 1, 2, ... (default 3)")
    parser.add_argument("--layers", type=show.whole_numbers(1, 99), default=1, metavar="N",
                        help="layers of each model (default 1)")
    parser.add_argument("--jobs", type=show.whole_numbers(1, 999),
                        default=multiprocessing.cpu_count(), metavar="N",
                        help="processes that train at once (default: all cores)")
    parser.add_argument("--json", metavar="FILE", help="write all records there")
    parser.add_argument("--svg", metavar="FILE", help="draw the charts there")
    parser.add_argument("--write", metavar="FOLDER",
                        help="only write N pairs to train on, and the tests, for large.train")
    args = parser.parse_args(argv)
    show.check_outputs(args, parser)
    environment = compare.environment("benchmark_pairs.py", args)

    pairs = tasks.labelled_pairs()
    if args.write:
        write_snli(args.write, Data(*tasks.split_pairs(pairs, 42, args.steps)))
        return
    vocab = beyond.mixer("attention").make_vocab([pair_words(pair) for pair in pairs])
    data_of = {seed: Data(*tasks.split_pairs(pairs, seed, args.steps))
               for seed in compare.seeds(args.seeds)}
    contenders = rivals(len(vocab) + 1, args.layers)
    names = [rival.contender.name for rival in contenders]
    number = Counter(pair.label for pair in pairs)
    seeds = f"seeds {', '.join(map(str, data_of))}"
    tested = ", ".join([f"{len(test)} with {name}" for name, test in data_of[42].tests.items()])
    print(f"{environment['python']}; {len(tasks.sentences())} sentences, {len(pairs):,} pairs: "
          f"{', '.join(f'{number[label]:,} {label}' for label in LABELS)};\n"
          f"{args.steps:,} steps, balanced labels; tests of {tested}; "
          f"layers: {args.layers};\n{seeds}; offsets {WINDOW}")
    costs = time_all(contenders, data_of[42], vocab, 42)
    seconds = sum(costs.values()) / 1000 * (args.steps + tasks.TEST_PAIRS) * args.seeds
    seconds /= min(args.jobs, args.seeds * len(names))
    print(f"This will take about {compare.duration(seconds)}.", flush=True)

    results = train_all(contenders, data_of, vocab, args.steps, args.jobs)
    results += baseline_results(data_of)
    everyone = [*names, *tasks.pair_tables(data_of[42].train)]
    print(show.heading("Pairs of sentences: E entailed, N neutral, C contradicted"))
    for test in TESTS:
        print(show_accuracy(results, everyone, data_of, test, costs), end="\n\n")
    print(show_differences(results, contenders, data_of), end="\n\n")
    print(f"Above 0: the first is right more often, {TESTS[0]}. Paired by seed and pair; ± is 95 %,"
          f"\nover the seeds and over the pairs. These are {len(names) - 1} comparisons; of twenty"
          " 95 % intervals,\none misses.\n")
    print(show_confusion(results, everyone, data_of), end="\n\n")
    print("Words from noun to noun (offsets see some of these distances only)")
    print(show_distances(results, names, data_of), end="\n\n")
    curves = mean_curves(results, CURVES)
    print(f"The label's loss on {CURVE_PAIRS} test pairs during training")
    print(show.chart(curves, "step", "nats"), end="\n\n")
    print(show_published(), flush=True)

    panels = [{"title": "The label's loss on test pairs", "x_label": "step of training",
               "y_label": "nats", "log": False, "series": curves, "lines": {"blind": math.log(3)}},
              {"title": "Right answers, new sentences, with 95 % intervals", "x_label": "share",
               "bars": {name: share_with_interval(rights(results, name, data_of, TESTS[0]))
                        for name in everyone}}]
    show.save_all({args.json: compare.to_json(environment, results=results, costs=costs,
                                              tests={str(seed): data.tests
                                                     for seed, data in data_of.items()}),
                   args.svg: show.figure(panels, f"benchmark_pairs.py, {seeds}")})


if __name__ == "__main__":
    show.run_program(main)
