"""Who decides alpha, and does it matter that W_red is learned? Numbers, then an experiment.

Run:       python3 trace_alpha_wred.py                        (the last letter of "anna")
Options:   python3 trace_alpha_wred.py WORD --position K --layer N --steps N --seed N --seeds K
Before:    trace_g.py, how g is built
Next:      benchmark.py, the model against attention

Like trace_g.py it prints what the model's own functions take and return. What the sentences on the
experiment say depends on its outcome.
"""
import math
import statistics
import textwrap
from types import SimpleNamespace

import micro_grassmann as model
import show
import trace_g
from benchmark import collector_at_rest, over_seeds, spread, verdict
from trace_g import name_of, wrapped

READ = 30  # unseen documents over which alpha is averaged
JUDGED = 100  # unseen documents for the losses of part 2
H = 1e-4  # how far a weight is moved for a finite difference
WEAK = 5  # a mean over fewer documents is not printed
GAIN = {"frozen": "learning W_red", "rank 1": "having planes"}  # what each kind goes without


# ---- part 1: alpha -------------------------------------------------------------------------------
def parts(place, params, layer):
    """Return W_gate_h x and W_gate_g g, of which the scores are the sum."""
    return (model.linear(place.x, params[f"layer{layer}.W_gate_h"]),
            model.linear(place.g, params[f"layer{layer}.W_gate_g"]))


def show_place(args, params):
    """Return alpha at one place, dimension by dimension, then by one matrix on [x; g]."""
    t, places = args.position, trace_g.record(args.tokens, params, args.config)
    place = places[args.layer, t]
    from_x, from_g = parts(place, params, args.layer)
    rows = [["i", "x[i]", "g[i]", "of x", "of g", "score", "alpha[i]", "result[i]"]]
    for i, cells in enumerate(zip(place.x, place.g, from_x, from_g, place.scores, place.alpha,
                                  place.result)):
        rows.append([str(i), *(show.number(v, 4) for v in cells)])
    x, g, of_x, of_g, score, alpha, result = map(str.strip, rows[1][1:])
    gap = max(abs(a.data + b.data - c.data) for a, b, c in zip(from_x, from_g, place.scores))
    d = len(place.x)
    return "\n".join((
        show.heading(f"1. alpha at position {t}, dimension by dimension"),
        f"x is what the layer gets at position {t}, g what it makes of the planes there",
        f"(trace_g.py shows how). x, g and alpha are vectors of {d} numbers; number i of",
        "each belongs to dimension i.",
        "  of x       number i of W_gate_h x      (W_gate_h and W_gate_g are matrices",
        "  of g       number i of W_gate_g g       of weights)",
        "  score      their sum",
        "  alpha[i]   sigmoid(score) = 1 / (1 + exp(-score)), a number from 0 to 1",
        "  result[i]  alpha[i] * x[i] + (1 - alpha[i]) * g[i]\n",
        show.table(rows, left=0),
        "\nDimension 0 with its numbers filled in:",
        f"score  = {of_x} + {of_g} = {score}",
        f"alpha  = 1 / (1 + exp(-({score}))) = {alpha}",
        f"result = {alpha} * {x} + (1 - {alpha}) * {g} = {result}",
        show.heading("2. The same score from one matrix"),
        "The code joins each row of W_gate_h with that of W_gate_g and multiplies the",
        f"long row with [x; g], that is x and g joined: {d} + {d} = {len(place.gate[0])} products.",
        "In dimension 0:",
        wrapped("    ", trace_g.products(place.gate[0][:d], place.x), " + "),
        f"    = {of_x}, the part of x",
        wrapped("    ", trace_g.products(place.gate[0][d:], place.g), " + "),
        f"    = {of_g}, the part of g",
        f"All {2 * d} products in one sum, as the code has it: {score}",
        f"Largest difference between the two ways, {d} dimensions: {gap:.10f}"))


def gates(docs, params, args):
    """Return what mix computed in the layer, one dict {position: place} for each document."""
    found = []
    for tokens in docs:
        with collector_at_rest():
            places = trace_g.record(tokens, params, args.config)
        found.append({t: place for (n, t), place in places.items() if n == args.layer})
    return found


def mean_alpha(places):
    """Return the mean of alpha over all dimensions of some places."""
    return statistics.fmean(a.data for place in places for a in place.alpha)


def show_deciders(args, docs, models):
    """Return who decides alpha, and how it differs between letters and between positions."""
    share = [["", *models]]
    letters, positions, by_letter = [], [["position", "partners", "names", *models]], {}
    sizes, found = [], {name: gates(docs, params, args) for name, params in models.items()}
    for name, params in models.items():
        halves = [parts(place, params, args.layer) for doc in found[name] for place in doc.values()]
        pairs = [(abs(a.data), abs(b.data)) for half in halves for a, b in zip(*half)]
        sizes.append([f"{statistics.fmean(column):.4f}" for column in zip(*pairs)]
                     + [f"{statistics.fmean(a > b for a, b in pairs):.1%}".replace("%", " %")])
        alone = [model.tokenize(letter, args.vocab) for letter in args.vocab]
        by_letter = {letter: mean_alpha([doc[1]]) for letter, doc
                     in zip(args.vocab, gates(alone, params, args))}
        low, *_, high = sorted(by_letter, key=by_letter.get)
        letters.append([name, low, f"{by_letter[low]:.4f}", high, f"{by_letter[high]:.4f}",
                        f"{by_letter[high] - by_letter[low]:.4f}"])
    for label, cells in zip(("mean size of x's part", "mean size of g's part",
                             "dimensions in which x's part is larger"), zip(*sizes)):
        share.append([label, *cells])
    for t in range(max(map(len, docs)) - 1):
        at = {name: [doc[t] for doc in found[name] if t in doc] for name in models}
        if len(at["fresh"]) >= WEAK:
            positions.append([str(t), str(len(at["fresh"][0].partners)), str(len(at["fresh"])),
                              *(f"{mean_alpha(places):.4f}" for places in at.values())])
    return "\n".join((
        show.heading(f"3. Who decides? {len(docs)} unseen names, all positions"),
        "Size is the number without its sign. fresh: before training.",
        show.table(share),
        show.heading("4. alpha by letter: each letter at position 1, right after BOS"),
        "The mean of alpha over all dimensions; first, the trained model's.",
        wrapped("", [f"{letter} {alpha:.4f}" for letter, alpha in by_letter.items()], "   "),
        "",
        show.table([["", "lowest", "", "highest", "", "range"], *letters]),
        show.heading(f"5. alpha by position: the means over {len(docs)} unseen names"),
        "partners: how many earlier positions g is made of; names: how many are that",
        f"long, those with fewer than {WEAK} left out. Position 0 is BOS, 1 the first letter.",
        show.table(positions, left=0)))


# ---- part 2: W_red -------------------------------------------------------------------------------
def hold(kind, matrices, first):
    """Put a frozen W_red back; make row i of a W_red of rank 1 (i + 1) times its row 0."""
    for rows, kept in zip(matrices, first):
        for i, row in enumerate(rows):
            for k, w in enumerate(row):
                if kind != "learned":
                    w.data = kept[i][k] if kind == "frozen" else (i + 1) * rows[0][k].data


def trained(kind, seed, args, progress):
    """Return a model trained with that kind of W_red, its loss, and how far W_red moved."""
    params, seen, unseen = trace_g.prepare(args, seed)
    matrices = [params[f"layer{n}.W_red"] for n in range(args.config.n_layer)]

    def numbers():
        return [[[w.data for w in row] for row in rows] for rows in matrices]
    hold(kind, matrices, first := numbers())
    first = numbers()
    for _ in model.train(seen, params, args.config, args.steps):
        hold(kind, matrices, first)
        progress.step(f"seed {seed}, W_red {kind}")
    with collector_at_rest():
        loss = model.evaluate(unseen[:JUDGED], params, args.config)
    flat = [[w for rows in state for row in rows for w in row] for state in (first, numbers())]
    return SimpleNamespace(params=params, loss=loss, unseen=unseen,
                           moved=math.dist(*flat) / math.hypot(*flat[0]))


def outcome(kind, gap):
    """Return what the mean difference from the learned W_red says."""
    if "half" not in gap:
        return f"  {gap['words']}."
    found = "lowered" if gap["mean"] > 0 else "raised"
    says = f"{GAIN[kind]} {found} the loss, by more than the spread"
    if abs(gap["mean"]) <= gap["half"]:
        says = f"no effect of {GAIN[kind]} beyond the spread"
    return f"  mean {gap['mean']:+.4f} ± {gap['half']:.4f} (95 % interval, Student's t):\n  {says}."


def show_experiment(args, runs):
    """Return the losses of the three kinds of W_red and what their differences say."""
    rows, words = [["W_red", "loss", "W_red moved by"]], []
    base = [run.loss for run in runs["learned"]]
    for kind, rivals in runs.items():
        losses, moved = [run.loss for run in rivals], [run.moved for run in rivals]
        rows.append([kind, spread(over_seeds(losses), 4),
                     f"{statistics.fmean(moved) * 100:.0f} %"])
        if kind in GAIN:
            words.append(wrapped(f"{kind} minus learned, seed by seed: ",
                                 [f"{b - a:+.4f}" for a, b in zip(base, losses)], " "))
            words.append(outcome(kind, verdict(base, losses, kind)))
    tokens = args.config.vocab_size
    return "\n".join((
        show.heading("6. The same model with three kinds of W_red"),
        "learned  all weights are trained, W_red too",
        "frozen   W_red keeps its random numbers, all else is trained",
        "rank 1   row i of W_red is i + 1 times its row 0, kept so: no planes (see 7)",
        f"{args.steps} steps each, the mean loss on {JUDGED} unseen names, in nats a token, ± its",
        "standard deviation over the seeds. W_red moved by: the length of its change, in",
        "% of its length at the start.",
        textwrap.fill(f"Seeds: {', '.join(map(str, args.all_seeds))}", 79),
        f"A blind guess among {tokens} tokens has loss log {tokens} = {math.log(tokens):.4f}.\n",
        show.table(rows), "", *words,
        "More steps and more seeds may show more: --steps 3000 --seeds 5."))


def show_rank_1(args, params):
    """Return what a W_red of rank 1 leaves of the layer."""
    rows, gaps = [["t", "", "largest |p_ij|", "largest |g[i]|", "z"]], []
    for t, place in gates([args.tokens], params, args)[0].items():
        ps = [abs(p_ij.data) for partner in place.partners for p_ij in partner.p]
        rows.append([str(t), name_of(args, t), f"{max(ps):.1e}" if ps else "no partner",
                     f"{max(abs(v.data) for v in place.g):.1e}", show.vector(place.z)])
        gaps += [abs(y.data - a.data * x.data)
                 for y, a, x in zip(place.result, place.alpha, place.x)]
    return "\n".join((
        show.heading(f"7. What rank 1 leaves: {args.word}, layer {args.layer}"),
        "Every z is z[0] times (1, 2, 3, ...): all lie on one line, no two span a plane.",
        "t: position; p_ij: Plücker coordinates. 1e-12 is 0.000000000001: rounding.\n",
        show.table(rows, left=0),
        "\nWithout g nothing of the past comes in: alpha * x is left of the result, and x",
        "alone decides alpha.",
        f"Largest difference between result and alpha * x: {max(gaps):.1e}"))


def show_gradient(args, params):
    """Return how the gradient reaches one weight of W_red, and all checked by differences."""
    W_red, t = params[f"layer{args.layer}.W_red"], len(args.word)
    with collector_at_rest(), trace_g.recording() as places:
        losses = model.token_losses(args.tokens, params, args.config)
        (model.total(losses) * (1 / len(losses))).backward()
    weights = {(i, k): w for i, row in enumerate(W_red) for k, w in enumerate(row)}
    slopes = {}
    for at, w in weights.items():
        start, ends = w.data, []
        for w.data in (start + H, start - H):
            ends.append(model.evaluate([args.tokens], params, args.config))
        w.data = start
        slopes[at] = (ends[0] - ends[1]) / (2 * H), ends
    i, k = max(weights, key=lambda at: abs(weights[at].grad))
    lines, layer = [], [places[args.layer, s] for s in range(t + 1)]
    for partner in layer[t].partners:
        terms = [f"{p_ij.grad:.5f}*{local:.5f}" for p_ij in partner.p
                 for child, local in zip(p_ij.children, p_ij.local_grads) if child is layer[t].z[i]]
        lines.append(wrapped(f"  s = {partner.s}:  ", terms, " + "))
    slope, (up, down) = slopes[i, k]
    gap = max(abs(slopes[at][0] - w.grad) for at, w in weights.items())
    return "\n".join((
        show.heading("8. The gradient that reaches W_red through the Plücker coordinates"),
        f"The learned model, seed {args.seed}, layer {args.layer}; the loss is {args.word}'s.",
        f"We follow the gradient to W_red[{i}][{k}]: no other in W_red is larger in size.",
        f"z_{t}[{i}] is in some p_ij of position {t} with each partner s. These pass on",
        f"(d loss / d p_ij) * (d p_ij / d z_{t}[{i}]):",
        *lines,
        f"  sum: d loss / d z_{t}[{i}] = {layer[t].z[i].grad:.5f}",
        "The earlier z collect theirs in the same way, also as partners of later ones.",
        f"At each position, z[{i}] contains W_red[{i}][{k}] * x[{k}]. So, from position 0 to {t},",
        f"the sum of (d loss / d z[{i}]) * x[{k}] is",
        wrapped("    ", [f"{place.z[i].grad:.5f}*{place.x[k].data:.5f}" for place in layer], " + "),
        f"    = {W_red[i][k].grad:.8f} = d loss / d W_red[{i}][{k}], by backward",
        f"Check by finite difference: W_red[{i}][{k}] moves by {H} up, then down.",
        f"    ({up:.8f} - {down:.8f}) / {2 * H} = {slope:.8f}, from the two losses",
        f"Largest difference between the two, over all {len(weights)} weights of W_red: {gap:.1e}"))


# ---- the program ---------------------------------------------------------------------------------
def main():
    """Read the options, train, and print both parts."""
    parser = trace_g.options("Show who decides alpha, and whether learning W_red matters.", 150)
    parser.add_argument("--seeds", type=show.whole_numbers(1), default=3, metavar="K",
                        help="part 2 with K seeds: --seed, 1, 2, ... (default 3)")
    args = trace_g.parse(parser)
    args.all_seeds = [args.seed, *(n for n in range(1, args.seeds + 1) if n != args.seed)]
    args.all_seeds = args.all_seeds[:args.seeds]
    runs = {"learned": [], "frozen": [], "rank 1": []}
    print(trace_g.introduce(args), flush=True)
    with show.Progress(args.steps * args.seeds * len(runs)) as progress:
        first = trained("learned", args.seed, args, progress)
        progress.clear()
        fresh = trace_g.prepare(args, args.seed)[0]
        print(show.bold("\nPart 1: who decides alpha"))
        print(show_place(args, first.params))
        print(show_deciders(args, first.unseen[:READ], {"fresh": fresh, "trained": first.params}),
              flush=True)
        for seed in args.all_seeds:
            for kind, done in runs.items():
                done.append(first if kind == "learned" and seed == args.seed else
                            trained(kind, seed, args, progress))
    print(show.bold("\nPart 2: does it matter that W_red is learned?"))
    print(show_experiment(args, runs))
    print(show_rank_1(args, runs["rank 1"][0].params))
    print(show_gradient(args, first.params))


if __name__ == "__main__":
    show.run_program(main)
