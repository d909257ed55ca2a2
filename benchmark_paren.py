"""Attention against Grassmann mixing on balanced brackets, a task in which the past decides.

Run:       python3 benchmark_paren.py
Controls:  python3 benchmark_paren.py --controls --seeds 3   (is it the planes, or where they look?)
Next:      RESULTS.md, where the tables stand side by side
"""
if __name__ == "__main__":  # first of all, so that Ctrl-C while the rest is imported is one line
    import show
    show.end_on_ctrl_c()

import functools
import math
import random
import statistics
from collections import Counter, defaultdict
from typing import NamedTuple

import compare
import show

DOCS = 2000  # strings to train on and, a tenth of them, to evaluate on
SAMPLES = 200  # strings drawn from each trained model, at temperature 0.5
WINDOW = (1, 2, 4, 8, 16)
EVERY_OFFSET = tuple(range(1, 51))
PAIRS = (10, 25)  # the fewest and the most pairs of brackets in a string
BLOCK = 64  # the longest string has 50 brackets, so the block is no limit for a right answer
FAILURES = ("closed too early", "left open", "block full", "empty")
CONTROLS = (("attention, same offsets", "attention"), ("linear map", "Grassmann"),
            ("mean of states", "Grassmann"), ("elementwise product", "Grassmann"),
            ("planes apart", "Grassmann"), ("planes apart, lengths kept", "Grassmann"),
            ("W_red frozen", "Grassmann"), ("running sum, normalised", "running sum"),
            ("sum without planes", "running sum"))


class Balance(NamedTuple):
    """How the strings that a contender wrote, with all seeds, are to be judged."""

    contender: str
    balanced: int
    of: int
    low: float  # Wilson's 95 % interval of the share
    high: float
    by_seed: list  # shares
    failures: dict  # {what went wrong: how often}


# ---- the task ------------------------------------------------------------------------------------


def balanced_string(rng):
    """Return a random balanced string of as many pairs as PAIRS allows.

    The number of pairs is uniform; at each place an opening or a closing bracket has an equal
    chance where both are possible.
    """
    pairs = rng.randint(*PAIRS)
    text = ""
    depth = 0
    unopened = pairs
    while len(text) < 2 * pairs:
        if unopened and (not depth or rng.random() < 0.5):
            text += "("
            depth += 1
            unopened -= 1
        else:
            text += ")"
            depth -= 1
    return text


def least_loss(fewest, most):
    """Return the loss of a model that knows how balanced_string works: none has less on average.

    In nats a token, as all losses here. A string of n pairs is drawn with probability 1 / (number
    of possible n) * (1/2) ** free, where free counts the places at which both brackets were
    possible; the loss is the mean of -log of that over the mean of its 2n + 1 tokens, BOS at the
    end being one (Shannon 1948, entropy).
    """
    @functools.cache
    def free(unopened, depth):
        """Return how many free places are still to come, on average."""
        if not unopened:
            return 0.0
        if not depth:
            return free(unopened - 1, 1)
        return 1 + (free(unopened - 1, depth + 1) + free(unopened, depth - 1)) / 2
    sizes = range(fewest, most + 1)
    nats = math.log(len(sizes)) + math.log(2) * statistics.fmean([free(n, 0) for n in sizes])
    return nats / statistics.fmean([2 * n + 1 for n in sizes])


def ideal_loss(docs):
    """Return the loss on these very strings, in nats a token, of one who knows balanced_string.

    It knows that a string ends with 10 to 25 pairs, each number as likely as the others, and that
    both brackets are equally likely wherever both are possible. Its belief in each number of
    pairs is Bayes' rule.
    """
    nats = 0.0
    sizes = range(PAIRS[0], PAIRS[1] + 1)
    for doc in docs:
        chance = 0.0  # of the whole string: its tokens' probabilities multiplied
        for pairs in sizes:
            chance += string_chance(doc, pairs) / len(sizes)
        nats -= math.log(chance)
    return nats / sum(len(doc) + 1 for doc in docs)


def string_chance(doc, pairs):
    """Return the probability that balanced_string, with this number of pairs, returns doc."""
    if len(doc) != 2 * pairs:
        return 0.0
    free = 0
    depth = 0
    opened = 0
    for bracket in doc:
        free += opened < pairs and depth > 0
        opened += bracket == "("
        depth += 1 if bracket == "(" else -1
    return 0.5 ** free


def counter_loss(train, held_out):
    """Return the loss on held_out of a perfect counter: a table of counts by depth and position.

    It knows the depth and the position exactly, and nothing else; its probabilities are counted on
    the strings of train, one count of each symbol added.
    """
    followed = defaultdict(Counter)
    for doc in train:
        for state, symbol in counted_states(doc):
            followed[state][symbol] += 1
    nats = []
    for doc in held_out:
        for state, symbol in counted_states(doc):
            counts = followed[state]
            nats.append(-math.log((counts[symbol] + 1 / 3) / (sum(counts.values()) + 1)))
    return statistics.fmean(nats)


def counted_states(doc):
    """Yield ((depth, position), the next symbol) along a string; None is its end."""
    depth = 0
    for position, symbol in enumerate([*doc, None]):
        yield (depth, position), symbol
        depth += 1 if symbol == "(" else -1


def distinct_strings(number, rng):
    """Return so many balanced strings, no two alike, so that unseen ones are unseen."""
    strings = {}
    while len(strings) < number:
        strings[balanced_string(rng)] = None
    return list(strings)


def judge(text):
    """Return (verdict, place of the first wrong bracket) for a sampled string.

    Wrong is a bracket that closes what was never opened, else one that nothing ever closes.
    """
    opened = []
    for place, bracket in enumerate(text):
        if bracket == "(":
            opened.append(place)
        elif not opened:
            return "closed too early", place
        else:
            opened.pop()
    if opened:
        return ("left open" if len(text) < BLOCK else "block full"), opened[0]
    return ("balanced" if text else "empty"), None


def wilson(hits, n):
    """Return the 95 % Wilson score interval for a share of hits out of n (Wilson 1927, JASA 22)."""
    z = 1.96
    share = hits / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, middle - half), min(1.0, middle + half)


# ---- contenders ----------------------------------------------------------------------------------


def contenders(layers, controls):
    """Return attention, Grassmann and the running sum; with controls, all the others."""
    sizes = {"n_layer": layers, "block_size": BLOCK, "window": WINDOW}
    no_window = {**sizes, "window": ()}
    every = {**sizes, "window": EVERY_OFFSET}

    def rival(mixer, against, name=None, **sizes):
        return compare.contender(mixer, 3, against, name, **sizes)

    rivals = [compare.contender("attention", 3, "", n_layer=layers, block_size=BLOCK),
              rival("Grassmann", "attention", **sizes), rival("running sum", "attention", **sizes)]
    if controls:
        rivals += [rival(mixer, against, **sizes) for mixer, against in CONTROLS]
        rivals += [rival("running sum", "running sum", "running sum alone", **no_window),
                   rival("Grassmann", "Grassmann", "Grassmann, no past", **no_window),
                   rival("Grassmann", "Grassmann", "50 offsets", **every),
                   rival("mean of states", "50 offsets", "mean, 50 offsets", **every)]
    return rivals


# ---- measuring and printing ----------------------------------------------------------------------


def balances(runs, rivals):
    """Return the Balance of each contender."""
    out = []
    for rival in rivals:
        by_seed = []
        verdicts = Counter()
        for run in compare.of(runs, rival.name):
            judged = [judge(text)[0] for text in run.samples]
            by_seed.append(judged.count("balanced") / len(judged))
            verdicts.update(judged)
        number = sum(verdicts.values())
        low, high = wilson(verdicts["balanced"], number)
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
                counter_loss(distinct_strings(20_000, random.Random(7)), data.held_out),
            "the ideal, on these strings": ideal_loss(data.held_out),
            "the ideal, on average": least_loss(*PAIRS)}


def examples(runs, rivals, number=2):
    """Return strings that were written, the first wrong bracket marked."""
    lines = []
    for rival in rivals:
        run = compare.of(runs, rival.name)[0]
        lines.append(f"{rival.name} wrote, seed {run.seed}:")
        for text in run.samples[:number]:
            what, place = judge(text)
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
    docs = distinct_strings(max(DOCS, args.steps + DOCS // 10), random.Random(42))
    data_of = {seed: compare.split(docs, seed, args.steps) for seed in compare.seeds(args.seeds)}
    rivals = contenders(args.layers, args.controls)
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
