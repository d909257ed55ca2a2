"""Who decides alpha, and does it matter that W_red is learned? Numbers, then an experiment.

Run:       python3 trace_alpha_wred.py                        (the last letter of "emma")
Options:   python3 trace_alpha_wred.py WORD --more --position K --layer N --steps N --seeds K
           --data FILE for another text
Before:    trace_g.py, how g is built
Next:      benchmark.py, the model against attention

Like trace_g.py it prints what the model's own functions take and return. What the sentences on the
experiment say depends on its outcome.
"""
import math
import os
import statistics
import sys
import textwrap
from typing import NamedTuple

sys.path.insert(0, os.path.dirname(__file__))  # python -P and -I leave this folder out

import beyond
import compare
import inside
import micro_grassmann as model
import show
import tracing

READ = 30  # held-out documents over which alpha is averaged
JUDGED = 100  # held-out documents for the losses of part 3
H = 1e-4  # how far a weight is moved for a finite difference
WEAK = 5  # a mean over fewer documents is not printed
KINDS = {"learned": "all weights are trained, W_red too",
         "frozen": "W_red keeps its random numbers, all else is trained",
         "no past": "all weights are trained, but the window is empty: g is 0"}


class Trained(NamedTuple):
    """A trained model, its loss on held-out documents, and how far W_red moved, as a share."""

    params: dict
    held_out: list
    loss: float
    moved: float


# ---- alpha ---------------------------------------------------------------------------------------


def parts(place, params):
    """Return W_gate_h x and W_gate_g g, of which the scores are the sum."""
    return (model.linear(place.x, params[f"{place.layer}.W_gate_h"]),
            model.linear(place.g, params[f"{place.layer}.W_gate_g"]))


def show_place(place, params):
    """Return alpha at one place, dimension by dimension."""
    from_x, from_g = parts(place, params)
    rows = [["i", "x[i]", "g[i]", "of x", "of g", "score", "alpha[i]", "result[i]"]]
    columns = (place.x, place.g, from_x, from_g, place.scores, place.alpha, place.result)
    for i, cells in enumerate(zip(*columns)):
        rows.append([str(i), *(show.number(v, 4) for v in cells)])
    x, g, of_x, of_g, score, alpha, result = [cell.strip() for cell in rows[1][1:]]
    return "\n".join((
        show.heading(f"1. alpha at position {place.t}, dimension by dimension"),
        "  of x       number i of W_gate_h x      (W_gate_h and W_gate_g are matrices",
        "  of g       number i of W_gate_g g       of weights; trace_g.py builds g)",
        "  score      their sum",
        "  alpha[i]   sigmoid(score) = 1 / (1 + exp(-score)), a number from 0 to 1",
        "  result[i]  alpha[i] * x[i] + (1 - alpha[i]) * g[i]\n",
        show.table(rows, left=0),
        "\nDimension 0 with its numbers filled in:",
        f"score  = {of_x} + {of_g} = {score}",
        f"alpha  = 1 / (1 + exp(-({score}))) = {alpha}",
        f"result = {alpha} * {x} + (1 - {alpha}) * {g} = {result}"))


def deciders(docs, params, args):
    """Return the mean size of x's and of g's part of a score, and how often x's is the larger."""
    pairs = []
    for doc in docs:
        for place in inside.record(doc, params, args.config, args.layer):
            from_x, from_g = parts(place, params)
            pairs += [(abs(a.data), abs(b.data)) for a, b in zip(from_x, from_g)]
    of_x, of_g = zip(*pairs)
    larger = sum(a > b for a, b in pairs) / len(pairs)
    return statistics.fmean(of_x), statistics.fmean(of_g), larger


def show_deciders(found, number):
    """Return who decides alpha, before and after training."""
    rows = [["", *found]]
    for n, label in enumerate(("mean size of x's part", "mean size of g's part")):
        rows.append([label, *(f"{sizes[n]:.4f}" for sizes in found.values())])
    rows.append(["dimensions in which x's part is larger",
                 *(f"{100 * sizes[2]:.1f} %" for sizes in found.values())])
    return "\n".join((
        show.heading(f"2. Who decides? {number} held-out documents, all positions"),
        "Size is the number without its sign. fresh: before training.",
        show.table(rows)))


def mean_alpha(places):
    """Return the mean of alpha over all dimensions of some places."""
    return statistics.fmean([a.data for place in places for a in place.alpha])


# ---- W_red: an experiment ------------------------------------------------------------------------


def train(kind, seed, args, progress):
    """Return a model of this kind, trained."""
    mixer = beyond.mixer("W_red frozen" if kind == "frozen" else "Grassmann")
    sizes = {"window": ()} if kind == "no past" else {}
    start = inside.begin(mixer, args.docs, seed, n_layer=args.layer + 1, **sizes)
    before = w_red(start.params)
    docs = [mixer.tokenize(doc, args.vocab) for doc in start.docs]
    seen, held_out = mixer.split_docs(docs, args.steps)
    for _ in mixer.train(seen, start.params, start.config, args.steps):
        progress.step(f"seed {seed}, {kind}")
    loss = mixer.evaluate(held_out[:JUDGED], start.params, start.config)
    moved = math.dist(w_red(start.params), before) / math.hypot(*before)
    return Trained(start.params, held_out, loss, moved)


def w_red(params):
    """Return all numbers of all W_red."""
    return [w.data for name, rows in params.items() if name.endswith("W_red")
            for row in rows for w in row]


def gaps(runs, kind):
    """Return the loss of this kind minus that of the learned one, for each seed."""
    return [one.loss - other.loss for one, other in zip(runs[kind], runs["learned"])]


def outcome(differences):
    """Return the mean of the paired differences with its 95 % interval, and a verdict."""
    mean = statistics.fmean(differences)
    half = compare.student(differences)
    if math.isnan(half):
        return f"{mean:+.4f}", "one seed, no verdict"
    verdict = "no difference beyond the spread"
    if abs(mean) > half:
        verdict = "worse" if mean > 0 else "better"
    return f"{mean:+.4f} ± {half:.4f}", verdict


def show_experiment(args, runs):
    """Return the losses of the kinds of W_red and what their differences say."""
    rows = [["", "held-out loss", "W_red moved by", "minus learned"]]
    for kind, done in runs.items():
        moved = statistics.fmean([run.moved for run in done])
        rows.append([kind, compare.spread([run.loss for run in done], 4), f"{100 * moved:.0f} %",
                     "" if kind == "learned" else outcome(gaps(runs, kind))[0]])
    tokens = args.config.vocab_size
    several = len(args.all_seeds) > 1
    seeds = f"seed{'s' * several} {', '.join(map(str, args.all_seeds))}"
    legend = [f"Loss: nats a token, on at most {JUDGED} documents held out"
              + (", ± its standard deviation." if several else "."),
              "Moved: length of the change, in % of that at the start."]
    if several:
        legend.append("Minus learned: mean over the seeds ± 95 % interval (Student's t).")
    return "\n".join((
        show.heading("3. Must W_red be learned? Must there be a past?"),
        show.table([[kind, words] for kind, words in KINDS.items()], left=2),
        "", textwrap.fill(f"{args.steps} steps each; {seeds}.", 79), *legend,
        f"A blind guess among {tokens} tokens has loss log {tokens} = {math.log(tokens):.4f}.\n",
        show.table(rows)))


# ---- the gradient of W_red -----------------------------------------------------------------------


def show_gradient(args, params):
    """Return how the gradient reaches one weight of W_red, and all checked by differences."""
    matrix = params[f"layer{args.layer}.W_red"]
    for row in matrix:
        for w in row:
            w.grad = 0.0
    with inside.watching() as places:
        model.mean(model.token_losses(args.tokens, params, args.config)).backward()
    layer = [place for place in places if place.layer == f"layer{args.layer}"]
    weights = {(i, k): w for i, row in enumerate(matrix) for k, w in enumerate(row)}
    slopes = {}
    for key, w in weights.items():
        at = w.data
        ends = []
        for w.data in (at + H, at - H):
            ends.append(model.evaluate([args.tokens], params, args.config))
        w.data = at
        slopes[key] = (ends[0] - ends[1]) / (2 * H)
    i, k = max(weights, key=lambda key: abs(weights[key].grad))
    gap = max(abs(slopes[key] - w.grad) for key, w in weights.items())
    terms = [f"{place.z[i].grad:.5f}*{place.x[k].data:.5f}" for place in layer]
    return gap, "\n".join((
        show.heading("4. The gradient that reaches W_red through the planes"),
        f"The learned model reads {args.word}; the loss is that of the word. Of all weights of",
        f"W_red, W_red[{i}][{k}] has the largest gradient. At each position z[{i}] contains",
        f"W_red[{i}][{k}] * x[{k}]. So the sum of (d loss / d z[{i}]) * x[{k}] over them is",
        tracing.in_columns("    ", terms, " + "),
        f"    = {matrix[i][k].grad:.8f} = d loss / d W_red[{i}][{k}], by backward",
        f"Check: W_red[{i}][{k}] moved by {H} up and down changes the loss at a rate of",
        f"    {slopes[i, k]:.8f}",
        f"Largest difference between the two, over all {len(weights)} weights of W_red: {gap:.1e}"))


# ---- what --more adds ----------------------------------------------------------------------------


def show_one_matrix(place, params):
    """Return the first score again, as the paper writes it: from one row on [x; g]."""
    row = [w for name in ("W_gate_h", "W_gate_g") for w in params[f"{place.layer}.{name}"][0]]
    terms = tracing.products(row, (*place.x, *place.g))
    return "\n".join((
        show.heading("5. The same score from one matrix"),
        "The paper multiplies one matrix with [x; g], x and g joined. W_gate_h is its",
        f"left half, W_gate_g its right half. Dimension 0, all {len(terms)} products:",
        tracing.in_columns("    ", terms, " + "),
        f"    = {show.number(place.scores[0], 4)}, the score of dimension 0"))


def show_letters(args, models):
    """Return alpha by letter, each at position 1."""
    rows = [["", "lowest", "", "highest", "", "range"]]
    for name, params in models.items():
        alphas = {}
        for letter in args.vocab:
            tokens = model.tokenize(letter, args.vocab)
            alphas[letter] = mean_alpha([inside.record(tokens, params, args.config, args.layer)[1]])
        low = min(alphas, key=alphas.get)
        high = max(alphas, key=alphas.get)
        rows.append([name, low, f"{alphas[low]:.4f}", high, f"{alphas[high]:.4f}",
                     f"{alphas[high] - alphas[low]:.4f}"])
    return "\n".join((
        show.heading("6. alpha by letter: each letter at position 1, right after BOS"),
        "The mean of alpha over all dimensions.", show.table(rows)))


def show_positions(args, docs, models):
    """Return alpha by position."""
    found = {name: [inside.record(doc, params, args.config, args.layer) for doc in docs]
             for name, params in models.items()}
    rows = [["position", "partners", "documents", *models]]
    for t in range(args.config.block_size):
        at = {name: [doc[t] for doc in read if t < len(doc)] for name, read in found.items()}
        fresh = at["fresh"]
        if len(fresh) >= WEAK:
            rows.append([str(t), str(len(fresh[0].partners)), str(len(fresh)),
                         *(f"{mean_alpha(places):.4f}" for places in at.values())])
    return "\n".join((
        show.heading(f"7. alpha by position: the means over {len(docs)} held-out documents"),
        f"documents: how many are that long; with fewer than {WEAK} the position is left out.",
        show.table(rows, left=0)))


# ---- the program ---------------------------------------------------------------------------------


def show_seen(found, runs, difference):
    """Return what this trace has shown, computed from its numbers."""
    share = 100 * found["trained"][2]
    who = "x decides alpha, g hardly:" if share > 90 else "x and g decide alpha together:"
    lines = [f"{who} x's part of the score is the larger one in {share:.0f} % of the dimensions."]
    for kind, words in (("frozen", "W_red frozen"), ("no past", "no past")):
        gap, verdict = outcome(gaps(runs, kind))
        lines.append(f"Loss with {words}, minus learned: {gap}, {verdict}.")
    lines += [f"Backward and finite differences agree to {difference:.1e}.",
              "All this holds here, after so few steps. Brackets ask more of the past:"]
    return "\n".join([show.heading("What was seen"), *(textwrap.fill(line, 79) for line in lines),
                      "    python3 benchmark_paren.py --controls --seeds 3"])


def main(argv=None):
    """Read the options, train, and print."""
    parser = tracing.options("Show who decides alpha, and whether learning W_red matters.", 150)
    parser.add_argument("--seeds", type=show.whole_numbers(1), default=3, metavar="K",
                        help="part 3 with K seeds: --seed, 1, 2, ... (default 3)")
    parser.add_argument("--more", action="store_true", help="print the parts 5 to 7 as well")
    args = tracing.parse(parser, argv)
    if not model.split_docs(args.docs, args.steps)[1]:
        parser.error(f"--data {args.data}: at least 10 documents, for some are held out")
    others = [n for n in range(1, args.seeds + 1) if n != args.seed]
    args.all_seeds = [args.seed, *others][:args.seeds]
    print(tracing.introduce(args), flush=True)
    runs = {kind: [] for kind in KINDS}
    fresh = inside.begin(model, args.docs, args.seed, n_layer=args.layer + 1).params
    with show.Progress(args.steps * args.seeds * len(runs)) as progress:
        for seed in args.all_seeds:
            for kind, done in runs.items():
                done.append(train(kind, seed, args, progress))
    first = runs["learned"][0]
    docs = first.held_out[:READ]
    models = {"fresh": fresh, "trained": first.params}
    found = {name: deciders(docs, params, args) for name, params in models.items()}
    place = inside.record(args.tokens, first.params, args.config, args.layer)[args.position]
    print(show_place(place, first.params))
    print(show_deciders(found, len(docs)))
    print(show_experiment(args, runs), flush=True)
    gap, text = show_gradient(args, first.params)
    print(text)
    if args.more:
        print(show_one_matrix(place, first.params))
        print(show_letters(args, models))
        print(show_positions(args, docs, models))
    print(show_seen(found, runs, gap))


if __name__ == "__main__":
    show.run_program(main)
