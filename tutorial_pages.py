"""The tutorial's pages and questions: their text, and which numbers stand in it.

There is nothing to run; tutorial.py shows them. Each number is computed while one reads.
"""
import math
import statistics
from itertools import combinations
from typing import NamedTuple

import beyond
import inside
import micro_gpt
import micro_grassmann
import show
import tasks
import tutorial_lab as lab
from show import indented, listed


class Page(NamedTuple):
    """A page: its paragraphs, the sentence that it has shown, the numbers that this rests on."""

    paragraphs: tuple
    shown: str
    facts: dict


class Question(NamedTuple):
    """A question, its answer (a number or a set of positions), its decimals, how it is worked."""

    text: str
    answer: object
    digits: int
    worked: str


# ---- how things look -----------------------------------------------------------------------------


def plain(value, digits=3):
    """Return a number (or a Value) as short as it can be: 3, -1, 0.25."""
    return f"{round(getattr(value, 'data', value), digits) + 0.0:g}"


def arrow(vector):
    """Return a small vector as one writes it by hand: (1, 2, 0)."""
    return "(" + ",\u00a0".join(map(plain, vector)) + ")"


def times(*numbers):
    """Return a product as text, brackets around what is negative: 3*(-2)."""
    return "*".join(f"({n})" if n.startswith("-") else n for n in map(plain, numbers))


def dot_filled(u, v):
    """Return the dot product of u and v with the numbers filled in."""
    return " + ".join(times(a, b) for a, b in zip(u, v))


def plucker_filled(u, v, i=0, j=1):
    """Return u_i v_j - u_j v_i with the numbers filled in."""
    return f"{times(u[i], v[j])} - {times(u[j], v[i])}"


def signed(numbers):
    """Return losses' differences as text."""
    return ", ".join(f"{x:+.4f}" for x in numbers)


def parallelogram(u, v):
    """Return a drawing of u, v and u + v."""
    wide = 5
    high = 2
    ends = {"0": (0, 0), "u": u, "v": v, "u+v": (u[0] + v[0], u[1] + v[1])}
    grid = [[" "] * 28 for _ in range(high * ends["u+v"][1] + 1)]
    for start, end in (("0", "u"), ("0", "v"), ("u", "u+v"), ("v", "u+v")):
        (x0, y0), (x1, y1) = ends[start], ends[end]
        for step in range(25):
            share = step / 24
            row = grid[round(high * (y0 + share * (y1 - y0)))]
            row[round(wide * (x0 + share * (x1 - x0)))] = "."
    for name, (x, y) in ends.items():
        grid[high * y][wide * x:wide * x + len(name)] = name
    return "\n".join("    " + "".join(row).rstrip() for row in reversed(grid))


# ---- the pages -----------------------------------------------------------------------------------


def two_texts():
    """Show both kinds of text."""
    seen, held_out = lab.split("brackets")
    text = max(seen, key=len)
    inner = text.index(")")
    gap = len(text) - 1 - lab.matching(text, len(text) - 1)
    return Page((
        "A language model reads a text and guesses what comes next. This lesson asks one "
        "question: what must it keep of the past to guess well? Two kinds of text will answer.",
        f"Names, {len(lab.names()):,} of them in input.txt:",
        f"    {'  '.join(lab.names()[:8])}",
        "Balanced brackets, where each one that opens is closed, made by chance:",
        "\n".join(f"    {doc}" for doc in seen[:5]),
        f"In a name the last letters say much about the next. In {text} the first closing bracket "
        f"closes its neighbour, but the last one closes the bracket {gap} symbols before it."),
        f"In these brackets what decides may lie {gap} symbols back.",
        {"gap": gap, "text": text, "inner": inner})


def tokens_and_chances():
    """Show the probability of each next token of a name."""
    start = lab.fresh()
    tokens = micro_grassmann.tokenize(lab.NAME, start.vocab)
    labels = [*start.vocab, "BOS"]
    cache = [[]]
    rows = [["after", "comes", "probability"]]
    chances = []
    for t, token in enumerate(tokens[:-1]):
        logits = micro_grassmann.forward(token, t, cache, start.params, start.config)
        chances.append(lab.probabilities(logits)[tokens[t + 1]])
        before = " ".join(labels[token] for token in tokens[:t + 1])
        rows.append([before, labels[tokens[t + 1]], f"{chances[-1]:.4f}"])
    size = start.config.vocab_size
    mean = statistics.fmean(chances)
    word = "no better" if mean <= 1 / size else "better"
    return Page((
        "A text is cut into tokens. Here a token is a letter or BOS, beginning of sequence, which "
        f"opens and closes each name: {size} different ones. After each token the model gives "
        "every token a probability of coming next.",
        f"A model computes with weights, numbers that training will change. Before training they "
        f"are drawn by chance, the same ones each time for the same seed. Seed {lab.SEEDS[0]} "
        f"reads {lab.NAME}:",
        indented(rows, left=2)),
        f"What came had a probability of {mean:.3f} on average; a blind guess gives each of {size} "
        f"tokens 1/{size} = {1 / size:.3f}. The untrained model is {word} than that.",
        {"mean": mean, "blind": 1 / size, "word": word})


def the_loss():
    """Show what a probability costs."""
    size = lab.fresh().config.vocab_size
    rows = [["probability", "1", "1/2", "1/3", f"1/{size}", "1/1000"]]
    rows.append(["loss", *(f"{lab.loss_of(n):.3f}" for n in (1, 2, 3, size, 1000))])
    return Page((
        "How wrong was a guess? One number, the loss, looks only at the token that really came:",
        "    loss = -log(probability)    log: the natural logarithm; the unit is the nat",
        indented(rows),
        "The loss of a text is the mean over its tokens."),
        f"Blind guessing costs log {size} = {lab.loss_of(size):.3f} nats a token on names and "
        f"log 3 = {lab.loss_of(3):.3f} on brackets, which have 3 tokens: ( ) and BOS.",
        {"names": lab.loss_of(size), "brackets": lab.loss_of(3)})


def count_names():
    """Beat blind guessing on names by counting."""
    rows = [["letters known", f"{lab.STEPS} names counted", "all other names counted"]]
    few = [lab.table_loss("names", order) for order in (1, 2, 3)]
    many = [lab.table_loss("names", order, True) for order in (1, 2, 3)]
    for order in (1, 2, 3):
        rows.append([str(order), f"{few[order - 1]:.3f}", f"{many[order - 1]:.3f}"])
    best = min((1, 2, 3), key=lambda order: few[order - 1])
    return Page((
        "Before any model, a rival: count. How often did each letter follow an m, or an em? What "
        "followed often gets a high probability, what never did a low one. Loss on 100 names that "
        "were not counted, for tables that know the last 1, 2 or 3 letters:",
        indented(rows),
        f"{lab.STEPS} is the number of names that each model below will be trained on.",
        "Longer contexts are surer, but rarer: each needs many names to be counted in."),
        f"From {lab.STEPS} names the best table knows {best} letter{'s' * (best > 1)} and costs "
        f"{min(few):.3f}; from all of them {min(many):.3f}. That is to be beaten.",
        {"few": few, "many": many, "best": best})


def count_brackets():
    """Count on brackets, and see what a table of the last symbols lacks."""
    orders = (1, 2, 3, 4)
    losses = [lab.table_loss("brackets", order) for order in orders]
    counter = lab.counter_loss()
    rows = [["known", "loss"]]
    rows += [[f"last {order} symbols", f"{loss:.3f}"] for order, loss in zip(orders, losses)]
    rows.append(["how many are open, and the position", f"{counter:.3f}"])
    return Page((
        "The same rival on brackets, counted on the strings that the models will train on. Beside "
        "it a table that knows no symbol at all, but two numbers: how many brackets are open, and "
        "how many symbols there were:",
        indented(rows),
        "The number that are open depends on every symbol so far. Two numbers hold what matters, "
        "though no short piece of the text does.",
        f"(Of 100 held-out strings {lab.repeated()} occur among those trained on: short ones are "
        "few.)"),
        f"To know how many are open is worth {min(losses) - counter:.3f} nats a token more than "
        "the best table of symbols.",
        {"losses": losses, "counter": counter})


def letters_to_vectors():
    """Show how a token and its position become the vector x_t."""
    start = lab.fresh()
    tokens = micro_grassmann.tokenize(lab.NAME, start.vocab)
    with inside.watch(micro_grassmann, "rmsnorm") as calls:
        micro_grassmann.forward(tokens[1], 1, [[]], start.params, start.config)
    rows = [[f"wte[{tokens[1]}]", show.vector(start.params["wte"][tokens[1]][:6]),
             f"token {tokens[1]} is {lab.NAME[0]}"],
            ["wpe[1]", show.vector(start.params["wpe"][1][:6]), "position 1"],
            ["their sum", show.vector(calls[0].args[0][:6])],
            ["x_1", show.vector(calls[0].result[:6]), "after rmsnorm"]]
    before = inside.size(calls[0].args[0])
    after = inside.size(calls[0].result)
    return Page((
        f"A token is a whole number, and {lab.NAME} is {' '.join(map(str, tokens))}. It is a mere "
        "label: token 12 is not more than token 4. So each token has a vector, a list of "
        f"d = {start.config.n_embd} weights: a row of the matrix wte. Each position t = 0, 1, 2, "
        "... has one, too, a row of wpe. They are added, and rmsnorm sets the size:",
        "    x_t = rmsnorm(wte[token] + wpe[t])\n"
        "    rmsnorm(x) = x / sqrt(mean of x² + 0.00001)   so that 0/0 cannot be",
        f"Position 1 of {lab.NAME}, the first 6 of the {start.config.n_embd} numbers:",
        indented(rows, left=3)),
        f"Letter and position together are {start.config.n_embd} numbers, whose size (root of the "
        f"mean square) was {before:.3f} and is {after:.3f}.",
        {"before": before, "after": after})


def the_machine():
    """Show the stages of the model, and which one looks back."""
    start = lab.fresh()
    mixing_size = sum(len(row) for name in micro_grassmann.mixing_shapes(start.config)
                      for row in start.params[f"layer0.{name}"])
    total = sum(len(row) for rows in start.params.values() for row in rows)
    return Page((
        "What happens to x_t afterwards, at each position:",
        "    x = x + mix(rmsnorm(x), the past)        the mixing layer\n"
        "    x = x + fc2 relu(fc1 rmsnorm(x))         relu(a) is a, but 0 if a < 0\n"
        "    logits = lm_head x                       a number for each token",
        "fc1, fc2 and lm_head are matrices of weights. \"x = x +\" is a residual connection: each "
        "stage adds to x instead of replacing it. The logits become probabilities:",
        "    softmax: probability = exp(logit) / sum of the exp of all logits",
        "Only mix sees other positions. All else works on one position at a time. So whatever the "
        "model knows of the past, mix has kept. This lesson is about mix."),
        f"Of the {total:,} weights of this model {mixing_size} are in the mixing layer, the only "
        "stage that looks back.",
        {"total": total, "mixing": mixing_size})


def plain_average():
    """Average toy vectors, and show what an average cannot tell."""
    xs = ((6, 0), (0, 3), (3, 3))
    mean = lab.average(*xs)
    swapped = lab.average(xs[1], xs[0], xs[2])
    rows = [["t", "x_t", "first number of the mean", "mean"]]
    for t in range(len(xs)):
        filled = " + ".join(plain(x[0]) for x in xs[:t + 1])
        means = lab.average(*xs[:t + 1])
        rows.append([str(t), arrow(xs[t]), f"({filled})/{t + 1} = {plain(means[0])}",
                     arrow(means)])
    return Page((
        "The simplest mixing layer keeps the mean of all vectors so far. However long the past, "
        "it has d numbers:",
        "    mean_t = (x_0 + x_1 + ... + x_t) / (t + 1)",
        "By hand, with three vectors of two numbers:",
        indented(rows, left=4),
        "All count the same, whatever is in them. And the order is lost: swap x_0 and x_1, and "
        "look at the mean at t = 2 again."),
        f"It was {arrow(mean)} and is {arrow(swapped)} again: a mean keeps what, but not where.",
        {"mean": mean, "swapped": swapped})


def attention_idea():
    """Name query, key and value."""
    start = lab.fresh(model=micro_gpt)
    tokens = micro_gpt.tokenize(lab.NAME, start.vocab)
    with inside.watch(micro_gpt, "softmax") as calls:
        micro_gpt.token_losses(tokens, start.params, start.config)
    weights = [w.data for w in calls[-start.config.n_head].result]
    return Page((
        "Attention is a mean with weights. Position t asks, the positions s = 0 to t answer:",
        "    q_t = wq x_t     the query: what t looks for\n"
        "    k_s = wk x_s     the key: what s offers\n"
        "    v_s = wv x_s     the value: what s hands over",
        "    score_s = q_t·k_s / sqrt(size)       q·k: multiply number by number, add;\n"
        "                                         size: how many numbers q has\n"
        "    weight_s = softmax of the scores     they add up to 1\n"
        "    result = weight_0 v_0 + ... + weight_t v_t",
        f"The model does so in {start.config.n_head} heads, each with a quarter of q, k and v. "
        f"Untrained, at the last letter of {lab.NAME}, head 1 weighs:",
        "    " + "  ".join(f"{name} {w:.3f}" for name, w in zip(("BOS", *lab.NAME), weights))),
        f"Before training the weights are nearly equal ({min(weights):.3f} to "
        f"{max(weights):.3f}): attention starts as a plain average.",
        {"weights": weights})


def attention_by_hand():
    """Compute attention on toy vectors: score, softmax, weighted sum."""
    xs = ((2, 0, 0, 0), (0, 2, 0, 0), (1, 0, 0, 1))
    scores, weights, result = lab.toy_attention(*xs)
    whole = sum(math.exp(score.data) for score in scores)
    rows = [["s", "x_s", "score_s", "exp", "weight_s"]]
    for s, x in enumerate(xs):
        e_s = math.exp(scores[s].data)
        rows.append([str(s), arrow(x).replace("\u00a0", ""),
                     f"({dot_filled(xs[2], x)})/2 = {plain(scores[s])}", f"{e_s:.3f}",
                     f"{e_s:.3f}/{whole:.3f} = {plain(weights[s])}"])
    return Page((
        "Three vectors, t = 2, and matrices that change nothing, so q = k = v = x. The size is 4, "
        "its root 2:",
        indented(rows, left=4),
        f"    result[0] = {' + '.join(times(w, x[0]) for w, x in zip(weights, xs))} "
        f"= {plain(result[0])}   (from all digits)\n    result    = {arrow(result)}",
        "Who fits the query weighs more. The plain mean gave each 1/3."),
        f"x_0 fits x_2 better than x_1 does, and weighs {plain(weights[0])} to "
        f"{plain(weights[1])}: attention chooses what it keeps.",
        {"weights": [w.data for w in weights]})


def attention_costs():
    """Count attention's scores."""
    lengths = (8, 16, 32, 64)
    scores = [lab.costs(length)[0] for length in lengths]
    rows = [["length L", *map(str, lengths)], ["scores of one head", *(f"{n:,}" for n in scores)],
            ["growth", "", *(f"{b / a:.2f}" for a, b in zip(scores, scores[1:]))]]
    return Page((
        "Position t scores the positions 0 to t, which are t + 1. A text of L tokens needs, in "
        "each head,",
        "    1 + 2 + ... + L = L (L + 1) / 2 scores",
        "The layer has just run on random vectors, and what went into softmax was counted:",
        indented(rows),
        "And all keys and values must be kept as long as the text goes on."),
        f"Twice the length needs {scores[-1] / scores[-2]:.2f} times the scores: attention keeps "
        "all of the past and pays with the square of its length, O(L²).",
        {"scores": scores})


def offsets():
    """Draw which positions each position looks at, as the layer looked."""
    length = 13
    config = micro_grassmann.Config(vocab_size=1)
    seen = lab.partners_of_all(length, config)
    rows = [["t", "s = " + " ".join(f"{s:2}" for s in range(length)), "partners"]]
    for t in (0, 1, 2, 4, 7, 12):
        marks = ["T" if s == t else "o" if s in seen[t] else "." for s in range(t + 1)]
        rows.append([str(t), "    " + " ".join(f"{mark:>2}" for mark in marks),
                     listed(seen[t]) if seen[t] else "none"])
    return Page((
        "Now another idea: look back at a few fixed places only. An offset says how many "
        f"positions to look back; the list of them, the window, is {arrow(config.window)} in the "
        "Grassmann model. The partners of position t are",
        "    s = t - offset         for each offset, if s is 0 or more",
        "T: t itself, o: a partner, .: skipped (as noted while the layer ran)",
        indented(rows, left=3)),
        f"Position {length - 1} looks at {len(seen[-1])} of {length - 1} earlier positions, "
        "however little the others may matter.",
        {"seen": seen})


def offsets_cost():
    """Compare the cost of both layers."""
    lengths = (8, 16, 32, 64, 128)
    counted = [lab.costs(length) for length in lengths]
    rows = [["", "attention", "", "Grassmann", ""],
            ["L", "scores", "nodes", "pairs", "nodes"]]
    rows += [[str(length), *(f"{n:,}" for n in row)] for length, row in zip(lengths, counted)]
    growth = [after / before for before, after in zip(counted[-2], counted[-1])]
    return Page((
        "With a fixed window of w offsets a text of L tokens has at most w L pairs: O(L).",
        indented(rows, left=0),
        "pairs: calls of the function that compares two positions (next pages). nodes: all numbers "
        "that the layer made; each is computed once, and visited once more when training works "
        "backward. Nodes are not seconds; for those: python3 benchmark.py"),
        f"From L = {lengths[-2]} to {lengths[-1]} attention's nodes grow {growth[1]:.2f} times, "
        f"Grassmann's {growth[3]:.2f} times.",
        {"growth": growth})


def reach():
    """Change one token at a time, and see whether the last position's logits move."""
    longest = max(lab.names(), key=len)[:15]
    t = len(longest)
    rows = [["", " ".join(("^", *longest)), "sees"]]
    sees = []
    for n in (1, 2, 3):
        moved = lab.what_moves(lab.fresh(n), micro_grassmann, longest)
        rows.append([f"Grassmann, {n} layer{'s' * (n > 1)}",
                     " ".join("x" if mark else "." for mark in moved), str(sum(moved))])
        sees.append(sum(moved))
    moved = lab.what_moves(lab.fresh(model=micro_gpt), micro_gpt, longest)
    rows.append(["attention, 1 layer", " ".join("x" if mark else "." for mark in moved),
                 str(sum(moved))])
    return Page((
        f"Which letters can reach the last position? Both models read {longest}; then one token "
        "is exchanged and they read again. x: some logit at the end has moved, .: none has, "
        "^: BOS.",
        indented(rows, left=2),
        "A second layer hears from partners that have heard from partners of their own, so it "
        "sees what two offsets add up to.",
        "To see is not yet to use: this shows which way numbers can flow, no more."),
        f"With 1, 2 and 3 layers position {t} sees {sees[0]}, {sees[1]} and {sees[2]} of "
        f"{t + 1} positions.",
        {"sees": sees, "attention": sum(moved)})


def reduction():
    """Reduce a vector by W_red, by hand."""
    red = ((1, 0, 1, 0), (0, 1, 0, -1))
    x = (1, 2, 3, 5)
    other = (3, 1, 1, 4)
    z, same = [[v.data for v in micro_grassmann.linear(lab.values(*v), lab.matrix(*red))]
               for v in (x, other)]
    rows = [[f"row {i} of W_red is {arrow(row)}:", f"z[{i}] = {dot_filled(row, x)} = {plain(z_i)}"]
            for i, (row, z_i) in enumerate(zip(red, z))]
    config = micro_grassmann.Config(vocab_size=1)
    return Page((
        "What does t learn of a partner? First, each x is made small. W_red, a matrix of r rows, "
        f"makes r = {config.r} numbers of the d = {config.n_embd} in x_t; training decides which:",
        "    z_t = W_red x_t            z_t[i] is the dot product of row i with x_t",
        f"By hand, from 4 numbers to r = 2, for x = {arrow(x)}:",
        indented(rows, left=2),
        f"Another vector, {arrow(other)}, becomes z = {arrow(same)}."),
        f"{arrow(x)} and {arrow(other)} become the same z = {arrow(z)}: to reduce is to "
        "forget.",
        {"z": z, "same": same})


def planes_in_2d():
    """Show the signed area of two vectors."""
    u, v = (3, 1), (1, 2)
    area = lab.plucker(u, v)[0]
    back = lab.plucker(v, u)[0]
    return Page((
        "Now compare two reduced vectors u and v. Attention asks how alike they are. The "
        "Grassmann layer asks which plane they span. As arrows from 0 they are two sides of a "
        f"parallelogram, here u = {arrow(u)} and v = {arrow(v)}:",
        parallelogram(u, v),
        "    p_01 = u_0 v_1 - u_1 v_0    the Plücker coordinate: its signed area\n"
        f"         = {plucker_filled(u, v)} = {plain(area)}"),
        f"With u and v swapped it is {plain(back)}: the sign tells \"now, then\" from \"then, "
        "now\".",
        {"area": area, "back": back})


def planes_in_3d():
    """Work out the Plücker coordinates of vectors of three numbers."""
    u, v = (1, 2, 0), (0, 1, 3)
    p = lab.plucker(u, v)
    lines = [f"    p_{i}{j} = u_{i} v_{j} - u_{j} v_{i} = {plucker_filled(u, v, i, j)} = {plain(x)}"
             for (i, j), x in zip(combinations(range(3), 2), p)]
    sizes = (2, 3, 4, 8, 16)
    counts = [len(lab.plucker([1] * n, [1] * n)) for n in sizes]
    return Page((
        "Each pair of places i < j gives one coordinate. In 3-D there are three, the areas of the "
        "parallelogram's shadows on the planes of the axes 0 and 1, 0 and 2, 1 and 2 (pictures: "
        f"picture_plane.svg). u = {arrow(u)}, v = {arrow(v)}:",
        "\n".join(lines),
        "Longer vectors have r (r - 1) / 2 of them, which is why x was reduced:",
        indented([["numbers r", *map(str, sizes)], ["coordinates", *map(str, counts)]])),
        f"A plane in 3-D is p = {arrow(p)}; the model's r = 4 gives {counts[2]} coordinates, "
        f"d = 16 would give {counts[4]}.",
        {"p": p, "counts": counts})


def what_a_plane_keeps():
    """Show what changes p and what does not."""
    u, v = (1, 2, 0), (0, 1, 3)
    twice = tuple(2 * x for x in u)
    moved = tuple(a + b for a, b in zip(u, v))
    p = lab.plucker(u, v)
    slid = lab.plucker(u, moved)
    flat = lab.plucker(u, twice)
    rows = [["u and v", arrow(p), ""], ["v and u", arrow(lab.plucker(v, u)), "swapped: signs flip"],
            ["2u and v", arrow(lab.plucker(twice, v)), "the same plane, a common factor"],
            ["u and u + v", arrow(slid), "the parallelogram leans, its area stays"],
            ["u and 2u", arrow(flat), "parallel: no plane"]]
    total = lab.dot(p, p)
    lagrange = f"{times(lab.dot(u, u), lab.dot(v, v))} - {times(lab.dot(u, v), lab.dot(u, v))}"
    return Page((
        f"The same u = {arrow(u)} and v = {arrow(v)}, and what becomes of p:",
        indented(rows, left=3),
        "The squares of p add up to the squared area |p|². Lagrange got it from dot products "
        "alone (|u|² is u·u):",
        f"    p·p                   = {' + '.join(times(c, c) for c in p)} = {plain(total)}\n"
        f"    |u|² |v|² - (u·v)²    = {lagrange} = "
        f"{plain(lab.dot(u, u) * lab.dot(v, v) - lab.dot(u, v) ** 2)}"),
        f"u + v in v's place gives the same p = {arrow(slid)}: a plane keeps the direction it "
        "lies in, not the vectors that span it.",
        {"p": p, "slid": slid, "flat": flat})


def what_each_sees():
    """Compare dot product and Plücker vector on pairs that only one of them tells apart."""
    u = (1, 0, 0)
    rows = [["", "v", "u·v", "p of u and v", "at length 1"]]
    for words, pair in (("1  v leans to another side", ((1, 1, 0), (1, 0, 1))),
                        ("2  v leans towards u", ((0, 1, 0), (5, 1, 0))),
                        ("3  v gets longer", ((0, 1, 0), (0, 3, 0))),
                        ("4  v is u, v is -u", ((1, 0, 0), (-1, 0, 0)))):
        for v, head in zip(pair, (words, "")):
            rows.append([head, arrow(v), plain(lab.dot(u, v)), arrow(lab.plucker(u, v)),
                         arrow(lab.unit(u, v))])
    return Page((
        "Which sees more, the dot product or the plane? The layer scales p to length 1, so that "
        "only its direction counts: unit = p / sqrt(|p|² + 0.00000001). "
        f"u = {arrow(u)}, and v changes:",
        show.table(rows, left=5),
        "1: only p tells them apart. 2: only the dot product tells how far v leans. 3: p grows "
        "with v, its unit does not. 4: opposites for the dot product, nothing for p."),
        "Neither sees all that the other sees: in 1 the dot products are equal, in 2 the units.",
        {"dots": [lab.dot(u, (1, 1, 0)), lab.dot(u, (1, 0, 1))],
         "units": [lab.unit(u, (0, 1, 0)), lab.unit(u, (5, 1, 0))]})


def mean_of_units():
    """Show that the mean of units cancels where they differ."""
    start = lab.fresh()
    tokens = micro_grassmann.tokenize(lab.NAME, start.vocab)
    place = inside.record(tokens, start.params, start.config)[-1]
    rows = [[f"unit of {place.t} and {partner.s}", show.vector(partner.unit)]
            for partner in place.partners]
    rows.append(["their mean", show.vector(place.mean)])
    length = inside.length(place.mean)
    n = len(place.partners)
    return Page((
        "A position has several partners, so several units. The paper's layer takes their mean. "
        f"The last letter of {lab.NAME}, t = {place.t}, in the fresh model:",
        indented(rows, left=2),
        "Add up the first column and divide by "
        f"{n}: ({' + '.join(times(round(p.unit[0].data, 3)) for p in place.partners)})/{n} = "
        f"{place.mean[0].data:.3f}.",
        "Early positions have fewer partners; position 0 has none, and its mean is 0."),
        f"The units have length 1, their mean {length:.3f}: where they differ, they cancel.",
        {"length": length, "units": [inside.length(p.unit) for p in place.partners]})


def the_gate():
    """Turn planes into g, and let the gate mix g with x."""
    place = lab.gate_toy(math.log(3))
    rows = [["score", "alpha[0]", "alpha[0] * x[0] + (1 - alpha[0]) * g[0]"]]
    for score in (-4, 0, 4):
        toy = lab.gate_toy(score)
        share = toy.alpha[0].data
        rows.append([plain(score), f"{share:.3f}",
                     f"{share:.3f}*1 + {1 - share:.3f}*5 = {toy.result[0].data:.3f}"])
    a, out = place.alpha[0].data, place.result[0].data
    return Page((
        "W_plu makes d numbers of the mean: g, what the past has to say. A gate decides for each "
        "of the d numbers how much of x stays:",
        "    g      = W_plu (mean of the units)\n"
        "    alpha  = sigmoid(W_gate_h x + W_gate_g g)    sigmoid(a) = 1 / (1 + exp(-a))\n"
        "    result = alpha * x + (1 - alpha) * g",
        f"By hand, first number: x = 1, g = 5, score log 3. alpha = {plain(a)}, and the result is "
        f"{plain(a)}*1 + {plain(1 - a)}*5 = {plain(out)}. Other scores:",
        indented(rows, left=0)),
        f"alpha is the share of x, not of the past: at alpha = {lab.gate_toy(4).alpha[0].data:.3f} "
        f"the result is {lab.gate_toy(4).result[0].data:.3f}, nearly x.",
        {"alpha": a, "result": out})


def one_name():
    """Follow one name through the layer, letter by letter."""
    start = lab.fresh()
    tokens = micro_grassmann.tokenize(lab.NAME, start.vocab)
    places = inside.record(tokens, start.params, start.config)
    rows = [["t", "token", "partners", "z_t[0], z_t[1]", "g_t[0]", "alpha[0]", "size of g"]]
    for place, letter in zip(places, ("BOS", *lab.NAME)):
        rows.append([str(place.t), letter, " ".join(str(p.s) for p in place.partners) or "none",
                     show.vector(place.z[:2]), show.number(place.g[0]),
                     show.number(place.alpha[0]), f"{inside.size(place.g):.3f}"])
    ratio = inside.size(places[-1].g) / inside.size(places[-1].x)
    return Page((
        f"The whole layer on {lab.NAME}, fresh weights:",
        show.table(rows, left=3),
        "At t = 0 there is no partner, so no plane, and g is 0. All other numbers of all "
        "positions, with the arithmetic beside them: python3 trace_g.py",
        "And who decides alpha? python3 trace_alpha_wred.py"),
        f"In the fresh model g has {100 * ratio:.1f} % of the size of x at the last letter: what "
        "comes of the past begins as a whisper.",
        {"ratio": ratio, "first": inside.size(places[0].g)})


def chain_rule():
    """Follow the gradient through four nodes."""
    a, b, c, loss = lab.four_nodes(3.0)
    loss.backward()
    h = 0.001
    slope = (lab.four_nodes(3.0 + h)[-1].data - lab.four_nodes(3.0 - h)[-1].data) / (2 * h)
    rows = [["node", "number", "children", "local derivatives", "grad"]]
    for node, made, children in ((loss, "loss = c + b", "c, b"), (c, "c = b * b", "b, b"),
                                 (b, "b = a * 2", "a, 2"), (a, "a", "none")):
        rows.append([made, plain(node), children, listed(map(plain, node.local_grads)),
                     plain(node.grad)])
    return Page((
        "How does training know which way to move a weight? The grad of a node is d loss / d "
        "node: how fast the loss grows with it. Each operation keeps its children and a local "
        "derivative towards each. backward starts with loss.grad = 1 and hands down",
        "    child.grad += local derivative * node.grad           (the chain rule)",
        indented(rows, left=1),
        "    b.grad = 1*1 from loss, and twice from c: 1 + 6 + 6 = "
        f"{plain(b.grad)}\n    a.grad = {times(2, b.grad)} = {plain(a.grad)}"),
        f"Moving a by {h} up and down gives the slope {plain(slope)}: the gradient is right.",
        {"grad": a.grad, "slope": slope})


def why_the_order():
    """Hand gradients down in a wrong order."""
    nodes = lab.four_nodes(3.0)
    a, b, c, loss = nodes
    loss.grad = 1.0
    lines = []
    for name, node in (("loss", loss), ("b", b), ("c", c)):
        for child, local in zip(node.children, node.local_grads):
            child.grad += local * node.grad
        lines.append([f"{name} hands down", f"a.grad = {plain(a.grad)}",
                      f"b.grad = {plain(b.grad)}", f"c.grad = {plain(c.grad)}"])
    right = lab.four_nodes(3.0)
    right[-1].backward()
    return Page((
        "b has two parents, loss and c. It must not hand down before both have paid in. So "
        "backward sorts the nodes: each comes after all that were made from it. The same four "
        "nodes in a wrong order, loss, b, c:",
        indented(lines, left=4),
        "c paid in to b when b had already handed down. No error is raised.",
        "Weights are leaves: their grad adds up over all losses until a step of training sets it "
        "to 0."),
        f"In the wrong order a.grad is {plain(a.grad)}, and not {plain(right[0].grad)}: a gradient "
        "that comes too late is lost.",
        {"wrong": a.grad, "right": right[0].grad})


def one_step():
    """Show one step of training, for one weight."""
    start = lab.fresh()
    tokens = micro_grassmann.tokenize(lab.NAME, start.vocab)
    before = micro_grassmann.backpropagate(tokens, start.params, start.config)
    weights = [w for rows in start.params.values() for row in rows for w in row]
    w = max(start.params["layer0.W_red"][0], key=lambda weight: abs(weight.grad))
    old, grad = w.data, w.grad
    micro_grassmann.adam_step(weights, [0.0] * len(weights), [0.0] * len(weights), 1, 0.01)
    after = micro_grassmann.evaluate([tokens], start.params, start.config)
    return Page((
        "A step of training takes one text, computes its loss, calls backward, and moves each "
        "weight a little against its grad. Adam's rule says how far: lr is the learning rate, m a "
        "running mean of the weight's grads, v one of their squares:",
        "    weight = weight - lr * m / (sqrt(v) + 0.00000001)",
        f"At the first step m / sqrt(v) is 1 or -1. lr = 0.01; the weight of row 0 of W_red with "
        f"the largest grad, and {lab.NAME} as the text:",
        f"    grad {grad:+.5f}, so the weight {old:.5f} becomes {w.data:.5f}",
        "In the files: backpropagate, adam_step and train, 40 lines together."),
        f"After one step {lab.NAME} costs {after:.3f} nats a token; before it was {before:.3f}.",
        {"before": before, "after": after, "grad": grad, "moved": w.data - old})


def training_live():
    """Draw the loss of training on names as it fell."""
    done = lab.both_seeds("names", "Grassmann")[0]
    start = lab.fresh()
    held_out = [micro_grassmann.tokenize(doc, start.vocab) for doc in lab.split("names")[1]]
    before = micro_grassmann.evaluate(held_out, start.params, start.config)
    bars = [statistics.fmean(done.losses[i:i + 30]) for i in range(0, lab.STEPS, 30)]
    rises = sum(one < two for one, two in zip(bars, bars[1:]))
    return Page((
        f"{lab.STEPS} steps on names, seed {lab.SEEDS[0]}, lr falling from 0.01 towards 0. A bar "
        "is the mean loss of 30 steps:",
        "\n".join(f"    step {30 * n:3}  {bar:.3f}  {'#' * round(bar * 15)}"
                  for n, bar in enumerate(bars, 1)),
        f"It rises {rises} time{'s' * (rises != 1)} on the way: each step sees another name, and "
        "some names are harder.",
        "Names that it writes now: " + " ".join(done.written)),
        f"On 100 names held out the loss was {before:.3f} and is {done.after:.3f}.",
        {"before": before, "after": done.after, "bars": bars})


def names_compared():
    """Compare the mixing layers on names, and with counting."""
    rows = [["loss on 100 names held out", *(f"seed {seed}" for seed in lab.SEEDS)]]
    found = {}
    for words, mixer, window in (("attention", "attention", None),
                                 ("Grassmann", "Grassmann", None),
                                 ("Grassmann without a past", "Grassmann", ())):
        losses = [run.after for run in lab.both_seeds("names", mixer, window)]
        found[words] = losses
        rows.append([words, *(f"{loss:.4f}" for loss in losses)])
    past = [a - b for a, b in zip(found["Grassmann without a past"], found["Grassmann"])]
    best = min(lab.table_loss("names", order) for order in (1, 2, 3))
    between = max(abs(a - b) for a, b in found.values())
    verdict = "hardly uses its past" if max(map(abs, past)) < between else "uses its past"
    return Page((
        f"Names after {lab.STEPS} steps. The third model has an empty window, so g is 0 and it "
        "knows only the last letter and its position:",
        indented(rows),
        f"Table of counts, the same {lab.STEPS} names, seed {lab.SEEDS[0]}: {best:.4f}.",
        f"Taking the past away changes the loss by {signed(past)}. Another seed, which is other "
        f"weights and other names, changes it by up to {between:.4f}.",
        "Longer training lets all of them use more of the past: RESULTS.md has the tables."),
        f"On names, after {lab.STEPS} steps, the Grassmann layer {verdict}: names alone cannot "
        "compare mixing layers.",
        {"past": past, "between": between})


def brackets_compared():
    """Compare attention and Grassmann mixing where the past decides."""
    rows = [["", "loss, seed " + str(lab.SEEDS[0]), f"seed {lab.SEEDS[1]}", "balanced"]]
    shares = {}
    for mixer in ("attention", "Grassmann"):
        runs = lab.both_seeds("brackets", mixer)
        shares[mixer] = lab.share_balanced(runs)
        rows.append([mixer, *(f"{run.after:.4f}" for run in runs), f"{shares[mixer]:.0f} %"])
    best = min(lab.table_loss("brackets", order) for order in (1, 2, 3, 4))
    rows.append(["table of counts, the best", f"{best:.4f}", "", ""])
    rows.append(["counts of depth and position", f"{lab.counter_loss():.4f}", "", ""])
    differences = lab.gaps("brackets", "Grassmann", "attention")
    return Page((
        f"Brackets, {lab.STEPS} strings of training, loss on 100 others, and how many of 200 "
        "strings that the models wrote are balanced:",
        indented(rows),
        f"Grassmann minus attention: {signed(differences)}.",
        "Two seeds and short strings are a demonstration. The measurement, with longer strings, "
        "more seeds and intervals, is python3 benchmark_paren.py --seeds 3"),
        f"On brackets {lab.sign_words(differences, 'Grassmann', 'attention')}, and "
        f"{shares['attention']:.0f} % against {shares['Grassmann']:.0f} % of the strings are "
        "balanced.",
        {"differences": differences, "shares": shares})


def what_was_written():
    """Show strings that were written, the first wrong place marked."""
    lines = []
    wrong = {}
    for mixer in ("attention", "Grassmann"):
        texts = lab.both_seeds("brackets", mixer)[0].written
        wrong[mixer] = sum(not tasks.is_balanced(text) for text in texts)
        lines.append(f"    {mixer}")
        for text in texts[:6]:
            remark = "" if tasks.is_balanced(text) else "not balanced"
            lines.append(f"        {text:16} {remark}".rstrip())
    return Page((
        f"What both wrote, seed {lab.SEEDS[0]}, the first six each:",
        "\n".join(lines),
        "Offsets 1, 2, 4, 8 skip positions; but is that all that goes wrong? The next pages look "
        "closer."),
        f"Of 100 strings each, attention got {wrong['attention']} wrong and Grassmann "
        f"{wrong['Grassmann']}.",
        {"wrong": wrong})


def two_pasts():
    """Show two pasts with one mean: the layer can't tell offsets apart."""
    past, swapped, x = ((1, 0, 0), (0, 1, 0)), ((0, 1, 0), (1, 0, 0)), (0, 0, 1)
    plu = [(1, 2, 3), (4, 5, 6), (7, 8, 9)]
    one = lab.toy_mix(*past, x, plu=plu, window=(1, 2))
    two = lab.toy_mix(*swapped, x, plu=plu, window=(1, 2))
    rows = [["", "first past", "second past"]]
    for n, label in enumerate(("offset 1", "offset 2")):
        rows.append([f"z of {label}", arrow(one.partners[n].z), arrow(two.partners[n].z)])
    for n, label in enumerate(("offset 1", "offset 2")):
        rows.append([f"unit of {label}", arrow(one.partners[n].unit), arrow(two.partners[n].unit)])
    rows.append(["mean", arrow(one.mean), arrow(two.mean)])
    rows.append(["g", arrow(one.g), arrow(two.g)])
    return Page((
        f"Take z_t = {arrow(x)} and two partners; then the same two, swapped:",
        indented(rows),
        "A sum does not ask in which order it was added. So whatever W_plu is, it gets the same "
        "mean, and g is the same. That an opening bracket stood at t - 1 or at t - 2 is lost, "
        "unless the vectors themselves tell their position."),
        f"Two pasts, one mean: g is {arrow(one.g)} both times. The paper's layer cannot tell its "
        "offsets apart.",
        {"one": [v.data for v in one.g], "two": [v.data for v in two.g],
         "units": [[v.data for v in p.unit] for p in one.partners]})


def planes_apart():
    """Derive the repair: the planes side by side."""
    model = beyond.mixer("planes apart")
    config = beyond.configure("planes apart", 1, window=(1, 2), r=3)

    def features(*states):
        return [v.data for v in model.mean_plane([lab.values(*z, model=model) for z in states],
                                                 config)]
    one = features((1, 0, 0), (0, 1, 0), (0, 0, 1))
    two = features((0, 1, 0), (1, 0, 0), (0, 0, 1))
    runs = lab.both_seeds("brackets", "planes apart")
    differences = lab.gaps("brackets", "planes apart", "Grassmann")
    return Page((
        "The repair (not in the paper): do not add the units up, put them side by side. W_plu "
        "then has its own columns for each offset. The same two pasts:",
        f"    first past    {arrow(one)}\n    second past   {arrow(two)}",
        "Now they differ, and W_plu can treat t - 1 and t - 2 differently. Trained on the same "
        f"brackets as before ({lab.STEPS} strings):",
        indented([["planes", *(f"loss, seed {seed}" for seed in lab.SEEDS), "balanced"],
                  ["their mean (the paper)",
                   *(f"{run.after:.4f}" for run in lab.both_seeds("brackets", "Grassmann")),
                   f"{lab.share_balanced(lab.both_seeds('brackets', 'Grassmann')):.0f} %"],
                  ["apart", *(f"{run.after:.4f}" for run in runs),
                   f"{lab.share_balanced(runs):.0f} %"]])),
        f"Planes apart minus their mean: {signed(differences)}; "
        f"{lab.sign_words(differences, 'planes apart', 'the mean')}.",
        {"one": one, "two": two, "differences": differences})


def the_control():
    """Take the planes away and keep the offsets."""
    mixers = ("Grassmann", "planes apart", "linear map")
    rows = [["", *(f"loss, seed {seed}" for seed in lab.SEEDS), "balanced"]]
    for mixer in mixers:
        runs = lab.both_seeds("brackets", mixer)
        rows.append([mixer, *(f"{run.after:.4f}" for run in runs),
                     f"{lab.share_balanced(runs):.0f} %"])
    differences = lab.gaps("brackets", "linear map", "planes apart")
    return Page((
        "Is it the planes that help, or only where they look? A control keeps the offsets and "
        "drops the planes: W_plu reads z_t, z_(t-1), z_(t-2), ... themselves, side by side. It is "
        "a plain linear map over the same places (a dilated convolution).",
        indented(rows),
        "At 10 million weights, on the words of five novels (RESULTS.md; three seeds), "
        "perplexity, exp(loss), is above attention's by 11 % with the linear map, 18 % with "
        "planes apart, 49 % with the paper's layer; attention limited to the same offsets: 5 %."),
        f"Linear map minus planes apart: {signed(differences)}; "
        f"{lab.sign_words(differences, 'the linear map', 'planes apart')}.",
        {"differences": differences})


def running_sum():
    """Count brackets by hand with a running sum."""
    text = "(())"
    rows = [["t", "token", "y", "c", "z ∧ c", "y + c", "open after t"]]
    total = 0
    opened = []
    for t, bracket in enumerate(text, 1):
        y = 1 if bracket == "(" else -1
        [p] = lab.plucker((y, 1), (total, 1))
        opened.append(text[:t].count("(") - text[:t].count(")"))
        rows.append([str(t), bracket, plain(y), plain(total), plain(p), plain(y + total),
                     str(opened[-1])])
        total += y
    return Page((
        "To count, a layer must hear of every symbol. A few offsets never will; a running sum "
        "does, and it is still O(L). Not in the paper: give each state a last number 1, z = "
        "[y; 1], and add one more partner,",
        "    c = [sum of the earlier y; 1]    z ∧ c: the Plücker coordinates of both",
        "One of them is y * 1 - 1 * c, linear in the past. By hand, y = 1 for ( and -1 for ):",
        indented(rows, left=2)),
        f"y + c is {listed(int(row[5]) for row in rows[1:])}, the number that are open: one number "
        "kept is enough to count.",
        {"counted": [float(row[5]) for row in rows[1:]], "opened": opened})


def length_and_count():
    """Show what scaling to length 1 does to a count: it hides it, but does not destroy it."""
    y, n = 2, (1, 4, 16)
    rows = [["", "(2, 1) ∧", "", "(2, 1, 1) ∧", ""],
            ["c", "(c, 1)", "its unit", "(c, 0, 1)", "its unit"]]
    ratios = []
    for c in n:
        three = lab.unit((y, 1, 1), (c, 0, 1))
        ratios.append(three[0] / three[2])
        rows.append([str(c), arrow(lab.plucker((y, 1), (c, 1))), arrow(lab.unit((y, 1), (c, 1))),
                     arrow(lab.plucker((y, 1, 1), (c, 0, 1))), arrow(three)])
    return Page((
        "Why is this new plane not scaled to length 1 like the others? With r = 2 the unit is a "
        "mere sign. With r = 3 or more, the direction still moves with c:",
        show.table(rows, left=0),
        "There c can be recovered exactly: p_01 / p_12 of the unit is -c, since p_01 = -c and "
        "p_12 = 1. But a division is not what W_plu, a linear map, can do. So scaling does not "
        "destroy the count, it makes it harder to read off."),
        f"p_01 / p_12 of the units is {listed(map(plain, ratios))}: the count {listed(n)} is still "
        "there.",
        {"ratios": ratios, "counts": n})


def running_sum_trained():
    """Train the running sum on the same brackets."""
    rows = [["", *(f"loss, seed {seed}" for seed in lab.SEEDS), "balanced"]]
    for mixer in ("attention", "linear map", "Grassmann", "running sum"):
        runs = lab.both_seeds("brackets", mixer)
        rows.append([mixer, *(f"{run.after:.4f}" for run in runs),
                     f"{lab.share_balanced(runs):.0f} %"])
    differences = lab.gaps("brackets", "running sum", "Grassmann")
    return Page((
        f"The layer with the running sum on the same {lab.STEPS} strings:",
        indented(rows),
        "A control again: a layer that hands on the sum as it is, without any plane, does as well "
        "(python3 benchmark_paren.py --controls --seeds 3). Here the sum does the work.",
        "With more data the order of attention and the running sum can turn round (RESULTS.md). "
        "Nothing is said of other tasks: a sum of everything is just what this one asks for."),
        f"Running sum minus Grassmann: {signed(differences)}; "
        f"{lab.sign_words(differences, 'the running sum', 'Grassmann')}.",
        {"differences": differences})


def the_fold():
    """Fold two planes into one by hand."""
    z, past = (1, 2, 0), ((0, 1, 3), (2, 0, 1))
    planes = [lab.plucker(z, v) for v in past]
    long_way = [sum(column) for column in zip(*(lab.unit(z, v) for v in past))]
    m = beyond.fold(micro_grassmann, lab.values(*z), [lab.values(*v) for v in past])
    folded = [p.data for p in micro_grassmann.plucker(lab.values(*z), m)]
    weights = [lab.dot(p, p) ** -0.5 for p in planes]
    return Page((
        "A last look at the paper's layer. z ∧ v is linear in v: add two v's, and the planes add. "
        "So the sum of units is one plane, made once:",
        "    sum of (z ∧ z_s) / |z ∧ z_s|   =   z ∧ m,     m = sum of z_s / |z ∧ z_s|",
        f"By hand, z = {arrow(z)} and the partners {arrow(past[0])} and {arrow(past[1])}. The "
        "lengths come from Lagrange's identity:",
        indented([["weights 1 / |z ∧ z_s|", listed(f"{w:.4f}" for w in weights)],
                  ["m", arrow(m)], ["z ∧ m", arrow(folded)],
                  ["both units added up", arrow(long_way)]], left=2),
        "It is faster (python3 benchmark.py), and it says what the layer is: a weighted sum of a "
        "few past states, wedged with the present."),
        f"z ∧ m and the two units added up are the same, {arrow(folded)}: the layer keeps one "
        "averaged state of its past.",
        {"folded": folded, "long_way": long_way})


def what_to_keep():
    """Answer the lesson's question with its numbers."""
    shares = {mixer: lab.share_balanced(lab.both_seeds("brackets", mixer))
              for mixer in ("attention", "linear map", "planes apart", "Grassmann", "running sum")}
    kept = {"attention": "everything, and chooses", "linear map": "a few places, each as it is",
            "planes apart": "a few places, each as a plane",
            "Grassmann": "a few places, their planes averaged",
            "running sum": "those, and one sum of everything"}
    rows = [["layer", "what it keeps of the past", "balanced", "grows like"]]
    for mixer, share in sorted(shares.items(), key=lambda item: -item[1]):
        rows.append([mixer, kept[mixer], f"{share:.0f} %",
                     "L²" if mixer == "attention" else "L"])
    most = max(shares, key=shares.get)
    least = min(shares, key=shares.get)
    return Page((
        "What must a layer keep of the past? That depends on what decides the next token. On names "
        "the last letter tells most of it. On brackets the number that are open does, and the "
        f"layers differ ({lab.STEPS} strings, {len(lab.SEEDS)} seeds):",
        indented(rows, left=2),
        "Go on: python3 tutorial.py --quiz, then read micro_grassmann.py and change it; RESULTS.md "
        "has the measurements."),
        f"{most} wrote the most balanced strings, {shares[most]:.0f} %, {least} the fewest, "
        f"{shares[least]:.0f} %: what was kept decides.",
        {"shares": shares})


# ---- questions: on the pages, in the quiz and on the worksheet -----------------------------------


def small(rng, n):
    """Return a vector of n whole numbers from -4 to 5, none of them 0."""
    return tuple(rng.choice((-4, -3, -2, -1, 1, 2, 3, 4, 5)) for _ in range(n))


def ask_loss(rng):
    """What a probability costs."""
    n = rng.randint(3, 9)
    return Question(f"The token that came had probability 1/{n}. What is the loss, in nats?",
                    lab.loss_of(n), 2, f"-log(1/{n}) = log {n} = {lab.loss_of(n):.4f}")


def ask_norm(rng):
    """rmsnorm of two numbers."""
    factor = rng.randint(2, 9)
    x = (factor, 7 * factor)
    first = micro_grassmann.rmsnorm(lab.values(*x))[0].data
    return Question(f"x = {arrow(x)}. What is the first number of rmsnorm(x)?", first, 2,
                    f"The mean square is {plain(lab.dot(x, x) / 2)}, its root {5 * factor}; "
                    f"{factor}/{5 * factor} = {plain(first)}")


def ask_average(rng):
    """A plain average."""
    xs = [small(rng, 2) for _ in range(4)]
    mean = lab.average(*xs)[0]
    return Question(f"x_0 to x_3 are {' '.join(map(arrow, xs))}. First number of mean_3?", mean, 2,
                    f"({' + '.join(times(x[0]) for x in xs)})/4 = {plain(mean)}")


def ask_score(rng):
    """A score of attention."""
    q = small(rng, 4)
    k = small(rng, 4)
    score = lab.toy_attention(k, q)[0][0].data
    return Question(f"q = {arrow(q)}, k = {arrow(k)}, of size 4. What is their score?", score, 1,
                    f"q·k / sqrt(4) = ({dot_filled(q, k)})/2 = {plain(score)}")


def ask_weight(rng):
    """Softmax of two scores."""
    n = rng.randint(2, 9)
    weight = lab.probabilities(lab.values(0, math.log(n)))[1]
    return Question(f"Two scores are 0 and log {n}. Which weight does softmax give the second?",
                    weight, 2, f"exp(0) = 1 and exp(log {n}) = {n}: {n}/(1 + {n}) = {weight:.4f}")


def ask_scores(rng):
    """How many scores attention computes."""
    length = rng.randint(5, 12)
    scores = lab.costs(length)[0]
    return Question(f"How many scores does one head compute at L = {length}?", scores, 0,
                    f"L (L + 1) / 2 = {length}*{length + 1}/2 = {scores}")


def ask_partners(rng):
    """Which positions a position looks at."""
    t = rng.randint(5, 11)
    window = (1, *sorted(rng.sample(range(2, 9), 2)))
    config = micro_grassmann.Config(vocab_size=1, window=window)
    worked = ", ".join(f"{t} - {offset} = {t - offset}" for offset in window)
    return Question(f"The offsets are {arrow(window)}. Which positions are partners of t = {t}?",
                    set(lab.partners_of_all(t + 1, config)[t]), 0,
                    f"{worked}; only 0 and more exist")


def ask_area(rng):
    """A Plücker coordinate in 2-D."""
    u = small(rng, 2)
    v = small(rng, 2)
    p = lab.plucker(u, v)[0]
    return Question(f"u = {arrow(u)}, v = {arrow(v)}. What is p_01?", p, 0,
                    f"u_0 v_1 - u_1 v_0 = {plucker_filled(u, v)} = {plain(p)}")


def ask_coordinate(rng):
    """A Plücker coordinate in 3-D."""
    u = small(rng, 3)
    v = small(rng, 3)
    n = rng.randrange(3)
    i, j = list(combinations(range(3), 2))[n]
    p = lab.plucker(u, v)[n]
    return Question(f"u = {arrow(u)}, v = {arrow(v)}. What is p_{i}{j}?", p, 0,
                    f"u_{i} v_{j} - u_{j} v_{i} = {plucker_filled(u, v, i, j)} = {plain(p)}")


def ask_gate(rng):
    """What the gate lets through."""
    alpha = rng.choice((0.25, 0.5, 0.75))
    x = rng.randint(1, 9)
    g = rng.choice((-8, -4, 4, 8))
    result = lab.gate_toy(math.log(alpha / (1 - alpha)) / x, x, (g, 0)).result[0].data
    return Question(f"alpha = {alpha}, x = {x}, g = {g}. What is the result of the gate?", result,
                    2, f"{times(alpha, x)} + {times(1 - alpha, g)} = {plain(result)}")


def ask_grad(rng):
    """A gradient along two edges."""
    first, second = small(rng, 2)
    a, b = lab.values(first, second)
    loss = a * b + a
    loss.backward()
    return Question(f"a = {first}, b = {second}, loss = a * b + a. What is a.grad?", a.grad, 0,
                    f"b from the product + 1 from the sum = {second} + 1 = {plain(a.grad)}")


def ask_names(_):
    """A prediction: how far training on names gets."""
    after = lab.both_seeds("names", "Grassmann")[0].after
    return Question(f"Predict: the loss on names held out, after {lab.STEPS} steps?", after, 2,
                    f"{after:.3f}, as the next page shows")


def ask_balanced(_):
    """A prediction: how many of Grassmann's strings are balanced."""
    share = lab.share_balanced(lab.both_seeds("brackets", "Grassmann"))
    return Question("Predict: of 100 strings that a trained Grassmann model writes, how many are "
                    "balanced?", share, 0, f"{share:.0f}, as the next page shows")


PAGES = (("One question", two_texts, None),
         ("Predict the next token", tokens_and_chances, None),
         ("The loss", the_loss, ask_loss),
         ("A rival: counting names", count_names, None),
         ("A rival: counting brackets", count_brackets, None),
         ("From letters to vectors", letters_to_vectors, ask_norm),
         ("The machine", the_machine, None),
         ("A plain average", plain_average, ask_average),
         ("Attention: the idea", attention_idea, None),
         ("Attention: by hand", attention_by_hand, ask_score),
         ("Attention: what it costs", attention_costs, ask_scores),
         ("Offsets: who is asked", offsets, ask_partners),
         ("Offsets: what they cost", offsets_cost, None),
         ("Offsets: how far they reach", reach, None),
         ("Planes: first, forget", reduction, None),
         ("Planes: a signed area", planes_in_2d, ask_area),
         ("Planes: three shadows", planes_in_3d, ask_coordinate),
         ("Planes: what they keep", what_a_plane_keeps, None),
         ("Planes: beside the dot product", what_each_sees, None),
         ("Planes: their mean", mean_of_units, None),
         ("The gate", the_gate, ask_gate),
         ("The whole layer on one name", one_name, None),
         ("Gradients: the chain rule", chain_rule, ask_grad),
         ("Gradients: why the order matters", why_the_order, None),
         ("Training: one step", one_step, ask_names),
         ("Training: as it happens", training_live, None),
         ("Training: names, before and after", names_compared, ask_balanced),
         ("Brackets: the comparison", brackets_compared, None),
         ("Brackets: what was written", what_was_written, None),
         ("Two pasts, one mean", two_pasts, None),
         ("The repair: planes apart", planes_apart, None),
         ("The control: no planes", the_control, None),
         ("Counting: a running sum", running_sum, None),
         ("Counting: the length of a plane", length_and_count, None),
         ("Counting: trained", running_sum_trained, None),
         ("One plane instead of many", the_fold, None),
         ("What must a layer keep?", what_to_keep, None))
QUIZ = (ask_loss, ask_norm, ask_average, ask_score, ask_weight, ask_scores, ask_partners, ask_area,
        ask_coordinate, ask_gate, ask_grad)
