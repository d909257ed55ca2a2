"""A first lesson: from "predict the next letter" to the Grassmann model, one page a step.

Run:   python3 tutorial.py           19 steps, most of them a minute's reading
Quiz:  python3 tutorial.py --quiz    ten questions with fresh numbers
Next:  micro_grassmann.py, the same model explained line by line

The numbers are computed while you read, nearly all by the functions of the two model files.
"""
import argparse
import math
import random
import statistics
import sys
import textwrap
from collections import Counter, namedtuple
from contextlib import contextmanager
from functools import lru_cache
from itertools import chain, combinations
from pathlib import Path

import benchmark
import benchmark_paren
import micro_gpt
import micro_grassmann
import show
import trace_g

NAME = "emma"  # the document of most steps, a line of input.txt
SEED = 42

# ---- a model to look at, and a way to look inside it ---------------------------------------------
# Start is what a run begins with: documents in the shuffled order, vocabulary, weights.
Start = namedtuple("Start", "model docs vocab config params rng")


@lru_cache(None)
def names():
    """Return the documents of input.txt."""
    return tuple(micro_grassmann.load_docs(Path(__file__).with_name("input.txt")))


def begin(model, seed, n_layer=1):
    """Return a model with random weights, all drawn in the order of its own main program."""
    docs, rng = list(names()), random.Random(seed)
    rng.shuffle(docs)
    vocab = sorted(set("".join(docs)))
    config = model.Config(len(vocab) + 1, n_layer=n_layer)
    return Start(model, docs, vocab, config, model.init_params(config, rng), rng)


@contextmanager
def recording(owner, *functions):
    """While this lasts, keep (arguments, result) of each call of these functions of the owner."""
    calls = {name: [] for name in functions}
    originals = {name: getattr(owner, name) for name in functions}

    def recorder(name):
        def call(*args):
            result = originals[name](*args)
            calls[name].append((args, result))
            return result
        return call
    for name in functions:
        setattr(owner, name, recorder(name))
    try:
        yield calls
    finally:
        for name, function in originals.items():
            setattr(owner, name, function)


@contextmanager
def watching():
    """While this lasts, note what micro_grassmann.mix makes; afterwards list it, call by call.

    Each call has x, z, mean, g, alpha, result in the words of micro_grassmann.py, and partners:
    the position s it looked at, the Plücker coordinates p, and unit, the same at length 1.
    """
    insides = []
    with trace_g.recording() as places:
        yield insides
    insides += places.values()


def positions(inside):
    """Return the positions of the partners as texts."""
    return [str(partner.s) for partner in inside.partners]


def read(start, name):
    """Return a name's tokens and the logits after each but the last."""
    tokens = start.model.tokenize(name, start.vocab)
    cache = [[] for _ in range(start.config.n_layer)]
    return tokens, [start.model.forward(token, cache, start.params, start.config)
                    for token in tokens[:-1]]


def label(token, vocab):
    """Return a token's letter, or BOS."""
    return vocab[token] if token < len(vocab) else "BOS"


def probabilities(logits):
    """Return softmax(logits) as plain numbers."""
    return [p.data for p in micro_gpt.softmax([micro_gpt.Value(v.data) for v in logits])]


def values(*numbers, model=micro_grassmann):
    """Return numbers as a list of Values."""
    return [model.Value(float(x)) for x in numbers]


def matrix(*rows, model=micro_grassmann):
    """Return rows of numbers as a matrix of Values."""
    return [tuple(values(*row, model=model)) for row in rows]


def identity(n):
    """Return the rows of the matrix that changes nothing."""
    return [[float(i == j) for j in range(n)] for i in range(n)]


def toy_mix(*xs, plu=None, gate=None, window=(1,)):
    """Return what Grassmann mixing makes at the last of a few toy vectors (see watching).

    W_red changes nothing; plu and gate are the rows of W_plu and W_gate_h, zeros if left out.
    """
    d = len(xs[0])
    zeros, pairs = [[0.0] * d] * d, len(list(combinations(range(d), 2)))
    params = {"layer0.W_red": matrix(*identity(d)),
              "layer0.W_plu": matrix(*(plu or [[0.0] * pairs] * d)),
              "layer0.W_gate_h": matrix(*(gate or zeros)), "layer0.W_gate_g": matrix(*zeros)}
    config = micro_grassmann.Config(vocab_size=1, n_embd=d, r=d, window=window)
    past = []
    with watching() as insides:
        for x in xs:
            micro_grassmann.mix(values(*x), "layer0", past, params, config)
    return insides[-1]


def toy_attention(*xs):
    """Return scores, weights and result of one-headed attention at the last of a few toy vectors.

    Its four matrices change nothing, so query, key and value are x itself.
    """
    params = {f"layer0.{name}": matrix(*identity(len(xs[0])), model=micro_gpt)
              for name in ("wq", "wk", "wv", "wo")}
    config = micro_gpt.Config(vocab_size=1, n_embd=len(xs[0]), n_head=1)
    past = []
    with recording(micro_gpt, "softmax") as made:
        for x in xs:
            result = micro_gpt.mix(values(*x, model=micro_gpt), "layer0", past, params, config)
    (scores,), weights = made["softmax"][-1]
    return scores, weights, result


# ---- how things look -----------------------------------------------------------------------------
WIDTH = 79


def kept(text):
    """Return the text with blanks at which no line will be broken."""
    return text.replace(" ", "\u00a0")


def plain(value, digits=3):
    """Return a number (or a Value) as short as it can be: 3, -1, 0.25."""
    return f"{round(getattr(value, 'data', value), digits) + 0.0:g}"


def arrow(vector):
    """Return a small vector as one writes it by hand: (1, 2, 0)."""
    return kept("(" + ", ".join(map(plain, vector)) + ")")


def times(*numbers):
    """Return a product as text, brackets around what is negative: 3*(-2)."""
    return "*".join(f"({n})" if n.startswith("-") else n for n in map(plain, numbers))


def dot_filled(u, v):
    """Return the dot product of u and v with the numbers filled in."""
    return " + ".join(times(a, b) for a, b in zip(u, v))


def plucker_filled(u, v, i, j):
    """Return u_i v_j - u_j v_i with the numbers filled in."""
    return f"{times(u[i], v[j])} - {times(u[j], v[i])}"


def rows_of(vector):
    """Return the vector as indented lines of eight numbers."""
    return "\n".join(f"    {show.vector(vector[i:i + 8])}" for i in range(0, len(vector), 8))


def plural(n, noun):
    """Return a number with its noun: 1 layer, 2 layers."""
    return f"{n} {noun}{'s' * (n != 1)}"


def wrapped(text):
    """Return the text in lines of at most WIDTH columns, unless it is laid out already."""
    if not text.startswith(" ") and "\n" not in text:
        text = textwrap.fill(text, WIDTH, break_on_hyphens=False, break_long_words=False)
    return text.replace("\u00a0", " ")


def say(*paragraphs):
    """Print paragraphs, an empty line after each; what is indented or has lines stays as it is."""
    print("\n\n".join(map(wrapped, paragraphs)) + "\n", flush=True)


# ---- the steps: each prints its page and returns something to try --------------------------------
Try = namedtuple("Try", "question answer")


def the_task(name=NAME, seed=SEED, n_layer=1):
    """Show the probability and the loss of each next token of a name."""
    start = begin(micro_grassmann, seed, n_layer)
    tokens, logits = read(start, name)
    labels = [label(token, start.vocab) for token in tokens]
    losses = micro_grassmann.token_losses(tokens, start.params, start.config)
    rows = [["after", "comes", "probability", "loss"]]
    for t, (target, loss) in enumerate(zip(tokens[1:], losses)):
        rows.append([" ".join(labels[:t + 1]), labels[t + 1],
                     show.number(probabilities(logits[t])[target], 4), show.number(loss, 4)])
    size, mean = start.config.vocab_size, statistics.fmean(loss.data for loss in losses)
    blind = micro_grassmann.cross_entropy(values(*[0] * size), 0)
    half = micro_grassmann.cross_entropy(values(0, 0), 0)
    say(show.bold("What does a language model do?"),
        f"It guesses what comes next. input.txt has {len(start.docs):,} documents; here each is a "
        "name. A document is cut into tokens: its letters, with BOS (beginning of sequence) before "
        f"and after. There are {size} different tokens: {start.vocab[0]} to {start.vocab[-1]} "
        "and BOS.",
        "After each token the model gives every token a probability of coming next. How wrong was "
        "that? One number, the loss, looks only at the token that really came:",
        "    loss = -log(probability)    log: the natural logarithm; the unit is the nat",
        "Probability 1 costs 0, and the smaller the probability, the higher the loss. Here is "
        f"{name}, read by a model whose weights (the numbers that training will adjust) are still "
        f"random, seed {seed}:",
        show.table(rows, left=2),
        f"The mean of these losses is {mean:.4f}. Blind guessing gives each token the probability "
        f"1/{size} and costs {plain(blind, 4)}. Training (step 16) has to get below that.")
    return Try("A model gives the letter that comes the probability 1/2. What is the loss?",
               f"-log(1/2) = {plain(half, 4)} nats.")


def letters_to_vectors(name=NAME, seed=SEED):
    """Show how a token and its position become the vector x_t."""
    start = begin(micro_grassmann, seed)
    tokens, cache = micro_grassmann.tokenize(name, start.vocab), [[]]
    micro_grassmann.forward(tokens[0], cache, start.params, start.config)
    with recording(micro_grassmann, "rmsnorm") as made:
        micro_grassmann.forward(tokens[1], cache, start.params, start.config)
    (added,), x = made["rmsnorm"][0]
    square = micro_grassmann.dot(values(1, 7), values(1, 7)).data
    toy, again = [micro_grassmann.rmsnorm(values(*xs)) for xs in ((1, 7), (2, 14))]
    rows = [[f"wte[{tokens[1]}]", show.vector(start.params["wte"][tokens[1]][:6]),
             f"token {tokens[1]} is {label(tokens[1], start.vocab)}"],
            ["wpe[1]", show.vector(start.params["wpe"][1][:6]), "position 1"],
            ["their sum", show.vector(added[:6])],
            ["x_1", show.vector(x[:6]), "after rmsnorm"]]
    say(show.bold("How does a letter become something to compute with?"),
        f"A token is a whole number; {name} is {' '.join(map(str, tokens))}. It is a mere label: "
        "token 12 is not more than token 4. So each token has a vector, a list of "
        f"d = {start.config.n_embd} weights: a row of the matrix wte. Each position "
        "t = 0, 1, 2, ... has one too: a row of the matrix wpe. Both are added, and rmsnorm "
        "brings the sum to a standard size:",
        "    x_t = rmsnorm(wte[token] + wpe[t])\n"
        "    rmsnorm(x) = x / sqrt(mean of x² + 1e-5)     sqrt: the square root",
        "1e-5, which is 0.00001, keeps a vector of zeros from being divided by 0.",
        "By hand, with two numbers, (1, 7):",
        f"    mean of the squares = (1*1 + 7*7)/2 = {plain(square / 2)}, and its root is 5\n"
        f"    1/5 = {plain(toy[0])}\n    7/5 = {plain(toy[1])}",
        f"In the model: position 1 of {name}, seed {seed}, the first 6 of the "
        f"{start.config.n_embd} numbers:",
        show.table(rows, left=3))
    return Try("What is rmsnorm of (2, 14), twice the vector above?",
               f"{arrow(again)} again: rmsnorm takes the size out.")


def why_the_past(name=NAME):
    """Count in input.txt how much the letters before the last one tell."""
    after = name[3] if len(name) > 3 else "BOS"
    rows, shares = [["after", "seen", "comes most often", "", "", f"share of {after}"]], []
    for context in (name[2], name[1:3], name[:3]):
        following = next_tokens(context)
        seen = sum(following.values())
        shares.append(100 * following[after] / seen)
        most = [f"{token} {100 * n / seen:.1f} %" for token, n in following.most_common(3)]
        rows.append([context, f"{seen:,}", *(most + ["", ""])[:3], f"{shares[-1]:.1f} %"])
    letters = len(set("".join(names())))
    sizes = [["letters", "contexts possible", "found in input.txt"]]
    for n in (1, 2, 3, 4, 5):
        found = {doc[i:i + n] for doc in names() for i in range(len(doc) - n + 1)}
        sizes.append([str(n), f"{letters ** n:,}", f"{len(found):,}"])
    begun = next_tokens("q")
    best, hits = begun.most_common(1)[0]
    say(show.bold("Is the last letter not enough to guess the next one?"),
        f"Take the first three letters of {name} and count in input.txt what comes after them: "
        "after the last one, after the last two, after all three.",
        "    share = how often this token came next / how often the letters were seen",
        show.table(rows, left=1),
        f"In {name} it is {after} that comes. Its share goes from {shares[0]:.1f} % with one "
        f"letter known to {shares[1]:.1f} % with two and {shares[2]:.1f} % with three. But the "
        f"last row rests on {plural(sum(following.values()), 'case')}. That is the trouble with "
        "counting: the longer the context, the smaller the part of all contexts that a text shows.",
        show.table(sizes, left=0),
        "So a model does not look combinations up. It computes with the vectors of the past. The "
        "stage that does this is called the mixing layer. Steps 4 to 12 look at three of them: a "
        "plain average, attention, and the Grassmann layer.")
    return Try("After the letter q, which token comes most often, and how often?",
               f"{best}: {100 * hits / sum(begun.values()):.1f} % of {sum(begun.values())} cases.")


def next_tokens(context):
    """Return a Counter of the tokens that follow these letters in input.txt."""
    found = Counter()
    for doc in names():
        place = doc.find(context)
        while place >= 0:
            found[doc[place + len(context):][:1] or "BOS"] += 1
            place = doc.find(context, place + 1)
    return found


def averages(*xs):
    """Return the mean of the vectors so far at each position: attention with equal weights."""
    means = []
    for n in range(1, len(xs) + 1):
        weights = micro_gpt.softmax(values(*[0] * n, model=micro_gpt))
        means.append(micro_gpt.linear(weights, matrix(*zip(*xs[:n]), model=micro_gpt)))
    return means


def plain_average():
    """Average toy vectors, and show what an average cannot tell."""
    xs = ((6, 0), (0, 3), (3, 3))
    means, swapped = averages(*xs), averages(xs[1], xs[0], xs[2])
    rows = [["t", "x_t", "first number of the mean", "mean_t"]]
    for t, x in enumerate(xs):
        filled = " + ".join(plain(past[0]) for past in xs[:t + 1])
        rows.append([str(t), arrow(x), f"({filled})/{t + 1} = {plain(means[t][0])}",
                     arrow(means[t])])
    weights = micro_gpt.softmax(values(0, 0, 0, model=micro_gpt))
    say(show.bold("What is the simplest way to use the whole past?"),
        "The mean of all vectors so far. However long the past is, it has d numbers:",
        "    mean_t = (x_0 + x_1 + ... + x_t) / (t + 1)",
        "By hand, with three vectors of two numbers:",
        show.table(rows, left=4),
        "Two things are lost. First, the order. Swap x_0 and x_1, and at t = 2 the mean",
        f"    was {arrow(means[2])} and is now {arrow(swapped[2])}",
        f"Second, who matters. At t = 2 the three vectors have the weights {arrow(weights)}, "
        "whatever is in them:",
        f"    {' + '.join(times(w, x[0]) for w, x in zip(weights, xs))} = {plain(means[2][0])}"
        "     (0.333 stands for 1/3)",
        "Attention, the next step, lets the weights depend on the vectors. The Grassmann layer, "
        "step 7, notices the order.")
    return Try("Add a fourth vector, (7, 2). What is the mean at t = 3?",
               f"{arrow(averages(*xs, (7, 2))[3])}: all four weights are 1/4.")


def attention(name=NAME, seed=SEED, n_layer=1):
    """Compute attention on toy vectors: score, softmax, weighted sum."""
    xs = ((2, 0, 0, 0), (0, 2, 0, 0), (1, 0, 0, 1))
    scores, weights, result = toy_attention(*xs)
    exps = [weight.children[0] for weight in weights]
    whole = sum(e.data for e in exps)
    rows = [["s", "x_s", "score_s", "e_s", "weight_s"]]
    for s, x in enumerate(xs):
        e_s = f"{exps[s].data:.3f}"
        rows.append([str(s), arrow(x), f"({dot_filled(xs[2], x)})/2 = {plain(scores[s])}", e_s,
                     f"{e_s}/{whole:.3f} = {plain(weights[s])}"])
    other = toy_attention(xs[0], xs[1], (0, 1, 0, 1))[1]
    start = begin(micro_gpt, seed, n_layer)
    with recording(micro_gpt, "softmax") as made:
        read(start, name)
    head = made["softmax"][-start.config.n_head][1]
    size = start.config.n_embd // start.config.n_head
    say(show.bold("How can a position choose what to listen to?"),
        "Position t asks, and the positions s = 0 to t answer, by three matrices:",
        "    q_t = wq x_t     the query: what t looks for\n"
        "    k_s = wk x_s     the key: what s offers\n"
        "    v_s = wv x_s     the value: what s hands over",
        "    score_s  = q_t·k_s / sqrt(size)     q·k: multiply number by number, add;\n"
        "                                        size: how many numbers q has\n"
        "    e_s      = exp(score_s - top)       top: the highest of the scores\n"
        "    weight_s = e_s / sum of the e_s     these two lines are softmax\n"
        "    result   = weight_0 v_0 + ... + weight_t v_t           a weighted sum",
        "By hand: t = 2, and wq, wk, wv change nothing, so q = k = v = x. The size is 4, "
        "its root 2, and top is 1.",
        show.table(rows, left=5),
        f"    result[0] = {' + '.join(times(w, x[0]) for w, x in zip(weights, xs))} "
        f"= {plain(result[0])}   (from all digits)\n    result = {arrow(result)}",
        f"The model does so in {start.config.n_head} heads: head 1 takes the first {size} numbers "
        f"of q, k and v, head 2 the next {size}, ... A matrix wo mixes their results. For the last "
        f"letter of {name}, random weights, seed {seed}, head 1 has the weights",
        rows_of(head))
    return Try("Let x_2 be (0, 1, 0, 1). Which weighs more now, x_0 or x_1?",
               f"{'x_1' if other[1].data > other[0].data else 'x_0'}, which is more like x_2: the "
               f"weights are {arrow(other)}.")


def the_cost(lengths=(4, 8, 16, 32, 64)):
    """Count what both mixing layers compute on inputs of growing length."""
    rows = [["", "attention:", "", "", "Grassmann:", "", ""],
            ["L", "scores", "growth", "nodes", "pairs", "growth", "nodes"]]
    counts = [(*count_attention(length), *count_grassmann(length)) for length in lengths]
    growth = ["", ""]
    for n, (scores, nodes, pairs, others) in enumerate(counts):
        if n:
            growth = [f"{scores / counts[n - 1][0]:.2f}", f"{pairs / counts[n - 1][2]:.2f}"]
        rows.append([str(lengths[n]), f"{scores:,}", growth[0], f"{nodes:,}",
                     f"{pairs:,}", growth[1], f"{others:,}"])
    fewer = [str(length) for length, (_, nodes, _, others) in zip(lengths, counts)
             if others < nodes]
    say(show.bold("What does it cost to score all of the past?"),
        "Position t has t + 1 scores, with the positions 0 to t. In each head, a document of L "
        "tokens needs",
        "    1 + 2 + ... + L = L (L + 1) / 2 scores",
        "which grows with the square of L: O(L²). The Grassmann layer (step 7) pairs t with at "
        f"most {len(micro_grassmann.Config(vocab_size=1).window)} earlier positions, however long "
        "the past, which is O(L). Both layers have just run on random vectors, and this was "
        "counted:",
        "    scores   numbers that went into softmax, for one head\n"
        "    pairs    calls of the function plucker, one for each pair of positions\n"
        "    growth   how many times as many as in the row above\n"
        "    nodes    all numbers that the layer made; each is computed once, and\n"
        "             visited once more when training works backward (step 15)",
        show.table(rows, left=0),
        f"From L = {lengths[-2]} to {lengths[-1]} the scores grow {growth[0]} times, the pairs "
        f"{growth[1]} times. "
        + (f"The Grassmann layer makes fewer nodes at L = {', '.join(fewer)}. "
           if fewer else "The Grassmann layer makes fewer nodes at none of these lengths. ")
        + "Nodes are not seconds: for those run benchmark.py --only scaling.")
    doubled = 2 * lengths[-1]
    return Try(f"How many scores has one head at L = {doubled}?",
               f"{doubled}*{doubled + 1}/2 = {count_attention(doubled)[0]:,}. The Grassmann layer "
               f"has {count_grassmann(doubled)[0]:,} pairs.")


def mixing(model, config, length):
    """Return the number of nodes the model's mixing layer makes of so many random vectors."""
    rng, past, made = random.Random(0), [], 0
    params = model.init_params(config, rng)
    for _ in range(length):
        x = [model.Value(rng.gauss(0, 1)) for _ in range(config.n_embd)]
        born = model.Value(0).born
        model.mix(x, "layer0", past, params, config)
        made += model.Value(0).born - born - 1
    return made


def count_attention(length):
    """Return the scores of one head and the nodes, counted."""
    config = micro_gpt.Config(vocab_size=1)
    with recording(micro_gpt, "softmax") as made:
        nodes = mixing(micro_gpt, config, length)
    return sum(len(scores) for (scores,), _ in made["softmax"]) // config.n_head, nodes


def count_grassmann(length):
    """Return the pairs of positions and the nodes, counted."""
    with recording(micro_grassmann, "plucker") as made:
        nodes = mixing(micro_grassmann, micro_grassmann.Config(vocab_size=1), length)
    return len(made["plucker"]), nodes


def parallelogram(u, v, notes):
    """Return a drawing of u, v and u + v, with notes to the right of it, line by line."""
    wide, high, ends = 5, 2, {"0": (0, 0), "u": u, "v": v, "u+v": (u[0] + v[0], u[1] + v[1])}
    grid = [[" "] * 28 for _ in range(high * ends["u+v"][1] + 1)]
    for start, end in (("0", "u"), ("0", "v"), ("u", "u+v"), ("v", "u+v")):
        (x0, y0), (x1, y1) = ends[start], ends[end]
        for step in range(25):
            share = step / 24
            grid[round(high * (y0 + share * (y1 - y0)))][
                round(wide * (x0 + share * (x1 - x0)))] = "."
    for name, (x, y) in ends.items():
        grid[high * y][wide * x:wide * x + len(name)] = name
    lines = ["    " + "".join(row) for row in reversed(grid)]
    return "\n".join((line[:34].ljust(34) + note).rstrip()
                     for line, note in zip(lines, notes + [""] * len(lines)))


def the_idea(name=NAME, seed=SEED):
    """Lay out the Grassmann layer, with the sizes it has in the model."""
    start = begin(micro_grassmann, seed)
    with watching() as insides:
        read(start, name)
    last, t = insides[-1], len(insides) - 1
    u, v = (3, 1), (1, 2)
    area, swapped, flat = [micro_grassmann.plucker(values(*one), values(*two))[0]
                           for one, two in ((u, v), (v, u), (u, (6, 2)))]
    rows = [["symbol", "", "numbers", "step"],
            ["x_t", "the vector of position t", len(last.x), 2],
            ["z_t", "W_red x_t, x_t reduced", len(last.z), 8],
            ["p", "the Plücker coordinates of z_t and an earlier z_s", len(last.partners[0].p), 9],
            ["g_t", "W_plu times the mean of all p, each scaled to length 1", len(last.g), 12],
            ["alpha", "the gate: how much of x_t stays", len(last.alpha), 12],
            ["result", "alpha * x_t + (1 - alpha) * g_t", len(last.result), 12]]
    notes = ["", f"u = {arrow(u)}, v = {arrow(v)}", "the signed area is",
             f"3*2 - 1*1 = {plain(area)}", "and with u and v swapped",
             f"1*1 - 2*3 = {plain(swapped)}"]
    say(show.bold("Can a position learn about its past without scoring all of it?"),
        "The Grassmann layer looks back by a few fixed offsets, and it does not ask how alike two "
        "vectors u and v are. It asks which plane they span. As arrows from the origin 0 they are "
        "two sides of a parallelogram:",
        parallelogram(u, v, notes),
        "The sign tells the order: \"now, then\" is not \"then, now\". Vectors of more "
        "than two numbers have several such areas, the Plücker coordinates. The plan of the "
        "layer, with its sizes in the model:",
        show.table([[str(cell) for cell in row] for row in rows], left=2),
        f"In {name} the last letter has t = {t}. The offsets {arrow(start.config.window)} take it "
        f"to s = {', '.join(positions(last))}; attention scores every s from 0 to {t}.")
    return Try("What is the area for u = (3, 1) and v = (6, 2), which point the same way?",
               f"3*2 - 1*6 = {plain(flat)}: the parallelogram is flat, there is no plane.")


def reduction(name=NAME, seed=SEED, n_layer=1):
    """Reduce vectors by W_red, by hand and in the model."""
    sizes = (2, 3, 4, 8, 16)
    pairs = [len(micro_grassmann.plucker(values(*[1] * n), values(*[1] * n))) for n in sizes]
    red, x, other = ((1, 0, 1, 0), (0, 1, 0, -1)), (1, 2, 3, 5), (3, 1, 1, 4)
    z, same = [micro_grassmann.linear(values(*xs), matrix(*red)) for xs in (x, other)]
    start = begin(micro_grassmann, seed, n_layer)
    with watching() as insides:
        read(start, name)
    inside, t = insides[-1], len(insides) // n_layer - 1
    rows = [[f"row {i} of W_red is {arrow(row)}:", f"z[{i}] = {dot_filled(row, x)} = {plain(z_i)}"]
            for i, (row, z_i) in enumerate(zip(red, z))]
    say(show.bold("Why does the layer first make x smaller?"),
        "Each pair of places i < j in a vector gives one Plücker coordinate. So long vectors have "
        "many:",
        show.table([["numbers in the vector", *map(str, sizes)],
                    ["Plücker coordinates", *map(str, pairs)]]),
        "W_red, a matrix of r rows, makes r numbers of the d in x_t. Training decides which:",
        "    z_t = W_red x_t            z_t[i] is the dot product of row i with x_t",
        f"By hand, from 4 numbers to r = 2, for x = {arrow(x)}:",
        show.table(rows, left=2),
        f"In the model: the last letter of {name}, t = {t}, layer {n_layer - 1}, random "
        f"weights, seed {seed}. From x_{t}, {len(inside.x)} numbers,",
        rows_of(inside.x), f"W_red makes z_{t}, {len(inside.z)} numbers:", rows_of(inside.z))
    return Try(f"Does x = {arrow(other)} give another z than {arrow(x)} did?",
               f"z = {arrow(same)}. The same: to reduce is to forget, and the layer cannot tell "
               "these two apart.")


def coordinates():
    """Work out Plücker coordinates of two and of three numbers."""
    u2, v2, u, v = (3, 1), (1, 2), (1, 2, 0), (0, 1, 3)
    twice, moved = tuple(2 * x for x in u), tuple(a + b for a, b in zip(u, v))
    [area] = micro_grassmann.plucker(values(*u2), values(*v2))
    p, swapped, doubled, flat, slid = [
        micro_grassmann.plucker(values(*one), values(*two))
        for one, two in ((u, v), (v, u), (twice, v), (u, twice), (u, moved))]
    uu, vv, uv = [micro_grassmann.dot(values(*one), values(*two)).data
                  for one, two in ((u, u), (v, v), (u, v))]
    lines = [f"    p_{i}{j} = u_{i} v_{j} - u_{j} v_{i} = {plucker_filled(u, v, i, j)} "
             f"= {plain(p_ij)}" for (i, j), p_ij in zip(combinations(range(3), 2), p)]
    say(show.bold("How does one compute the plane of two vectors?"),
        "For each pair of places i < j, take u_i and u_j from u, v_i and v_j from v:",
        "    p_ij = u_i v_j - u_j v_i",
        f"In 2-D there is one pair, and p_01 is the area of step 7. u = {arrow(u2)}, "
        + kept(f"v = {arrow(v2)}:"),
        f"    p_01 = u_0 v_1 - u_1 v_0 = {plucker_filled(u2, v2, 0, 1)} = {plain(area)}",
        "In 3-D there are three. Each is the area of a shadow of the parallelogram: on the plane "
        f"of the axes 0 and 1, of 0 and 2, of 1 and 2. u = {arrow(u)}, "
        + kept(f"v = {arrow(v)}:"),
        "\n".join(lines),
        show.table([["v and u, swapped", arrow(swapped), "all signs flip"],
                    ["2u and v", arrow(doubled), "the same plane: a common factor"],
                    ["u and 2u", arrow(flat), "parallel, so no plane: all 0"]], left=3),
        "The squares add up to |p|², the squared area of the parallelogram itself. Lagrange got "
        "it from dot products alone (|u|² is u·u):",
        f"    p·p = {' + '.join(times(c, c) for c in p)} = {plain(micro_grassmann.dot(p, p))}\n"
        f"    |p|² = |u|² |v|² - (u·v)² = {times(uu, vv)} - {times(uv, uv)} "
        f"= {plain(uu * vv - uv * uv)}")
    return Try(f"u and u + v = {arrow(moved)} span the same plane. What are their coordinates?",
               f"{arrow(slid)}. The parallelogram leans over, but its area stays.")


def what_each_sees():
    """Compare dot product and Plücker vector on pairs that only one of them tells apart."""
    u = (1, 0, 0)
    rows = [["", "v", "u·v", "p of u and v", "unit"]]
    for words, pair in (("1  v leans to another side", ((1, 1, 0), (1, 0, 1))),
                        ("2  v leans towards u", ((0, 1, 0), (5, 1, 0))),
                        ("3  v gets longer", ((0, 1, 0), (0, 3, 0))),
                        ("4  v is u, v is -u", ((1, 0, 0), (-1, 0, 0)))):
        for v, head in zip(pair, (words, "")):
            dot, p, unit = both_views(u, v)
            rows.append([head, arrow(v), plain(dot), arrow(p), arrow(unit)])
    dot, p, unit = both_views(u, (7, -1, 0))
    say(show.bold("Which sees more, the dot product or the plane?"),
        "Attention compares by the dot product u·v, one number. The Grassmann layer compares by "
        "p, the Plücker vector (all coordinates together), and scales it to length 1, so that only "
        "its direction counts:",
        "    unit = p / sqrt(|p|² + 1e-8)       1e-8 is for p = 0, as 1e-5 in step 2",
        f"Let u = {arrow(u)}, and change v:",
        show.table(rows, left=5),
        "1  the same dot product, different p: only p tells these two v apart\n"
        "2  the reverse: only the dot product tells how far v leans towards u\n"
        "3  p grows with v, but its unit does not, and the layer uses the unit\n"
        "4  opposites for the dot product; for Plücker both are nothing, because\n"
        "   parallel vectors span no plane",
        "So neither sees all that the other sees. p has more numbers than a dot product, but that "
        "does not make it the richer of the two. Which one helps has to be measured (step 14).")
    return Try("Let v be (7, -1, 0). What are u·v, p and unit?",
               f"u·v = {plain(dot)}, p = {arrow(p)}, unit = {arrow(unit)}.")


def both_views(u, v):
    """Return the dot product of u and v, their Plücker coordinates, and these at length 1."""
    [partner] = toy_mix(v, u).partners  # position 1 holds u and looks back at v
    return micro_grassmann.dot(values(*u), values(*v)), partner.p, partner.unit


def offsets_and_reach(length=13):
    """Draw which positions each position looks at, as the layer looked."""
    config = micro_grassmann.Config(vocab_size=1)
    seen = partners_of_all(length, config)
    rows = [["t", "s = " + " ".join(f"{s:2}" for s in range(length)), "partners"]]
    for t, partners in enumerate(seen):
        marks = ["T" if s == t else "o" if s in partners else "." for s in range(t + 1)]
        rows.append([str(t), "    " + " ".join(f"{mark:>2}" for mark in marks),
                     ", ".join(map(str, partners)) or "none"])
    fits = 4 in seen[7]
    say(show.bold("Which positions does a position look at?"),
        "An offset says how many positions to look back. The list of offsets, the window, is "
        f"fixed: {arrow(config.window)} in the model. The partners of t are",
        "    s = t - offset         for each offset, if s is 0 or more",
        "Each partner gives one p. Early positions have fewer partners, so the mean is taken, not "
        f"the sum. The layer ran on {length} random vectors, and the partners were noted:",
        "    T  t itself     o  a partner     .  an earlier position that t skips",
        show.table(rows, left=3),
        f"Position {length - 1} has {plural(len(seen[-1]), 'partner')} among "
        f"{length - 1} earlier positions. All {length} together have {sum(map(len, seen))} of "
        f"{length * (length - 1) // 2} pairs.")
    return Try("Does position 7 look at position 4?",
               f"7 - 4 = 3 is {'an' if fits else 'not an'} offset: {'yes' if fits else 'no'}. "
               f"The partners of 7 are {', '.join(map(str, seen[7]))}.")


def partners_of_all(length, config):
    """Return the partners of each position when the layer runs on random vectors."""
    with watching() as insides:
        mixing(micro_grassmann, config, length)
    return [[partner.s for partner in inside.partners] for inside in insides]


def gate_toy(score, x=1, g=(5, 8)):
    """Return what mixing makes at (x, 0) after (0, 1); the gate's first score is score * x."""
    return toy_mix((0, 1), (x, 0), plu=[(number,) for number in g], gate=((score, 0), (0, 0)))


def the_gate(name=NAME, seed=SEED, n_layer=1):
    """Turn planes into g, and let the gate mix g with x."""
    inside, other = gate_toy(math.log(3)), gate_toy(-math.log(3))
    a, g, x, out = inside.alpha, inside.g, inside.x, inside.result
    rows = [["score", "alpha[0]", "alpha[0] * x[0] + (1 - alpha[0]) * g[0]"]]
    for score in (-4, -1, 0, 1, 4):
        toy = gate_toy(score)
        share = toy.alpha[0].data
        rows.append([plain(score), f"{share:.3f}",
                     f"{share:.3f}*1 + {1 - share:.3f}*5 = {toy.result[0].data:.3f}"])
    start = begin(micro_grassmann, seed, n_layer)
    with watching() as insides:
        read(start, name)
    last = insides[-1]
    say(show.bold("How much of the past should come in?"),
        "W_plu, a matrix, makes d numbers of the mean of the units: g_t, what the past has to say "
        "(0 at t = 0). A gate decides, for each of the d numbers, how much of x stays; the rest is "
        "g's:",
        "    g_t    = W_plu · mean of the units\n"
        "    score  = W_gate_h · x_t + W_gate_g · g_t\n"
        "    alpha  = sigmoid(score)       sigmoid(a) = 1 / (1 + exp(-a)), from 0 to 1\n"
        "    result = alpha * x_t + (1 - alpha) * g_t",
        f"By hand, d = r = 2: x_0 = (0, 1), x_1 = {arrow(x)}, and W_red changes nothing. So "
        + kept(f"p = {plucker_filled(x, (0, 1), 0, 1)} = {plain(inside.partners[0].p[0])}")
        + ", which is its own unit. W_plu is the column (5, 8), so " + kept(f"g = {arrow(g)}.")
        + f" Let the scores be log 3 and 0. Then alpha = {arrow(a)} and",
        "\n".join(f"    result[{i}] = {times(a[i], x[i])} + {times(1 - a[i].data, g[i])} "
                  f"= {plain(out[i])}" for i in (0, 1)),
        show.table(rows, left=3),
        f"In the model (last letter of {name}, layer {n_layer - 1}, seed {seed}), numbers "
        "0 to 5:",
        show.table([["x", show.vector(last.x[:6])], ["g", show.vector(last.g[:6])],
                    ["alpha", show.vector(last.alpha[:6])],
                    ["result", show.vector(last.result[:6])]], left=2))
    return Try("By hand: the first score is -log 3. What is result[0]?",
               f"alpha[0] = {plain(other.alpha[0])}, and {times(other.alpha[0], 1)} + "
               f"{times(1 - other.alpha[0].data, 5)} = {plain(other.result[0])}.")


def the_pipeline(name=NAME, seed=SEED, n_layer=1):
    """Follow one name through the model, letter by letter, and look closely at the last one."""
    start = begin(micro_grassmann, seed, n_layer)
    with watching() as insides:
        tokens, logits = read(start, name)
    layer, t = insides[n_layer - 1::n_layer], len(tokens) - 2
    rows = [["t", "token", "partners", "z_t[0], z_t[1]", "g_t[0]", "alpha[0]", "comes",
             "probability"]]
    for n, (inside, target) in enumerate(zip(layer, tokens[1:])):
        rows.append([str(n), label(tokens[n], start.vocab),
                     " ".join(positions(inside)) or "none", show.vector(inside.z[:2]),
                     show.number(inside.g[0]), show.number(inside.alpha[0]),
                     label(target, start.vocab),
                     show.number(probabilities(logits[n])[target], 4)])
    last, partner = layer[-1], layer[-1].partners[0]
    s = partner.s
    z, z_s = [[round(v.data, 3) for v in inside.z] for inside in (last, layer[s])]
    details = [[f"z_{t}", show.vector(last.z)], [f"z_{s}", show.vector(layer[s].z)],
               [f"p of {t} and {s}", show.vector(partner.p)]]
    details += [[f"unit of {t} and {other.s}", show.vector(other.unit)]
                for other in last.partners]
    details += [["mean of the units", show.vector(last.mean)], ["g", show.vector(last.g[:6])],
                ["alpha", show.vector(last.alpha[:6])], ["x, into mix", show.vector(last.x[:6])],
                ["result", show.vector(last.result[:6])]]
    say(show.bold("What happens to one whole name?"),
        "    x = rmsnorm(wte[token] + wpe[t])         step 2\n"
        "    x = x + mix(rmsnorm(x))                  the Grassmann layer, steps 7 to 12\n"
        "    x = x + fc2 · relu(fc1 · rmsnorm(x))     relu(a) is a, but 0 if a < 0\n"
        "    logits = lm_head · x                     softmax makes them probabilities",
        f"(fc1, fc2, lm_head: matrices.) {name}, seed {seed}, layer {n_layer - 1}, random "
        "weights:",
        show.table(rows, left=4),
        f"The last letter, t = {t}, closely; of g, alpha, x and result the numbers 0 to 5:",
        show.table(details, left=2),
        f"    p_01 of {t} and {s} = {plucker_filled(z, z_s, 0, 1)} = "
        f"{plain(partner.p[0])}")
    return Try("At t = 0, g_t[0] is 0. Why?",
               f"Position 0 has {plural(len(layer[0].partners), 'partner')}: no past, no plane.")


def the_comparison(seeds=(SEED, 1), steps=60):
    """Train both models on the same names, for two seeds, and say what that can show."""
    docs = names()[::40]
    rivals, runs = benchmark.contenders([1], len(set("".join(docs))) + 1), []
    say(show.bold("Which of the two models is better?"),
        "Train both on the same names in the same order, and measure the mean loss on names that "
        f"neither has seen. Here: every 40th name of input.txt, {steps} steps of training (one "
        f"name each), seeds {' and '.join(map(str, seeds))}. Only the mixing layer differs.")
    with show.Progress(len(rivals) * len(seeds) * steps) as progress:
        for seed in seeds:
            for done in benchmark.train_all(rivals, docs, [], steps, seed, 0, progress):
                pass
            runs.append(done)
    rows = [["", *(f"seed {seed}" if n == 0 else "" for seed in seeds for n in (0, 1))],
            ["", *(rival.name for _ in seeds for rival in rivals)]]
    for words, key, digits in (("weights", "parameters", 0), ("loss on unseen names", "loss", 4),
                               ("its standard error", "error", 4),
                               ("perplexity", "perplexity", 2),
                               ("milliseconds a step", "milliseconds", 1),
                               ("nodes a step", "nodes", 0)):
        rows.append([words])
        for run in chain(*runs):
            value = statistics.median(run[key]) if isinstance(run[key], list) else run[key]
            rows[-1].append(f"{value:,.{digits}f}")
    say(show.table(rows), "\n".join(verdict(runs, seeds)),
        f"The standard error is about how far another {runs[0][0]['unseen']} unseen names might "
        "move a loss. Perplexity is exp(loss): as unsure as someone who guesses among so many "
        "tokens. The milliseconds, medians, depend on what else your computer does.",
        "What this cannot show: long training, longer texts, more weights. For more steps and "
        "seeds, and for a task that asks for counting:",
        "    python3 benchmark.py --steps 3000 --seeds 3\n    python3 benchmark_paren.py")
    sizes = [runs[0][n]["parameters"] for n in (0, 1)]
    return Try("Attention mixes with 4 matrices of 16 x 16, Grassmann with one of 4 x 16, one of "
               "16 x 6 and 2 of 16 x 16. How many weights fewer is that?",
               f"{sizes[0]:,} - {sizes[1]:,} = {sizes[0] - sizes[1]}.")


def verdict(runs, seeds):
    """Return lines that say what the losses of the pairs of runs show, computed from them."""
    differences = [grassmann["loss"] - attentive["loss"] for attentive, grassmann in runs]
    between = max(abs(one["loss"] - two["loss"]) for one, two in zip(*runs))
    lines = ["Loss, Grassmann - attention: " + ", ".join(f"{value:+.4f} (seed {seed})"
                                        for value, seed in zip(differences, seeds)) + ".",
             f"The same model with the other seed: up to {between:.4f} apart."]
    if min(differences) < 0 < max(differences):
        return [*lines, "The sign changes with the seed, so this run decides nothing."]
    worse = "Grassmann" if differences[0] > 0 else "attention"
    return [*lines, f"Both times {worse} has the higher loss. By chance alone, two seeds agree in",
            "sign half of the time, so this run decides nothing."]


def how_backward_works():
    """Follow the gradient through four nodes, in the right order and in a wrong one."""
    def build(number):
        """Return the nodes a, b = 2 a, c = b b and loss = c + b."""
        a = micro_grassmann.Value(number)
        b = a * 2
        c = b * b
        return a, b, c, c + b
    (a, b, c, loss), h = build(3.0), 0.001
    loss.backward()
    slope = (build(3.0 + h)[-1].data - build(3.0 - h)[-1].data) / (2 * h)
    rows = [["born", "node", "number", "children", "local derivatives", "grad"]]
    for node, made, children in ((loss, "loss = c + b", "c, b"), (c, "c = b * b", "b, b"),
                                 (b, "b = a * 2", "a, 2"), (a, "a", "none, a leaf")):
        rows.append([str(node.born - a.born), made, plain(node), children,
                     ", ".join(map(plain, node.local_grads)), plain(node.grad)])
    first, second, third, wrong = build(3.0)
    second.born, third.born = third.born, second.born
    wrong.backward()
    twice = build(3.0)
    twice[-1].backward()
    twice[-1].backward()
    from_c = [times(local, c.grad) for local in c.local_grads]
    say(show.bold("How does training know which way to move a weight?"),
        "grad of a node is d loss / d node: how fast the loss grows with it. Each operation makes "
        "a node from others, its children, and keeps a local derivative towards each of them. "
        "backward starts with loss.grad = 1 and hands down, from node to child,",
        "    child.grad += local derivative * node.grad           (the chain rule)",
        f"By hand, with a = {plain(a)}. The table is what loss.backward() left behind:",
        show.table(rows, left=4),
        f"    b.grad = {' + '.join([times(1, loss.grad), *from_c])} = {plain(b.grad)}"
        "       from loss, and twice from c\n"
        f"    a.grad = {times(b.local_grads[0], b.grad)} = {plain(a.grad)}\n"
        f"    check: a moved by {h} up and down gives the slope {plain(slope)}",
        "Why the order matters: b must not hand down before both loss and c have paid in. A node "
        "is born (made) after its children, so last-born first is always right: loss, c, b. Now "
        "swap the births of b and c. The same backward visits loss, b, c, and leaves",
        f"    a.grad = {plain(first.grad)}      b handed down {times(2, 1)}, when only loss had "
        f"paid in\n    b.grad = {plain(second.grad)}     c paid in "
        f"{' + '.join(from_c)}, but too late for a",
        "No error is raised: the gradient is just wrong.")
    return Try("Call loss.backward() a second time, in the right order. What is a.grad?",
               f"{plain(twice[0].grad)}. Leaves add up over all calls, one for each loss, until "
               "adam_step sets them to 0; inner nodes start from 0.")


def training_live(name=NAME, seed=SEED, steps=200):
    """Train the Grassmann model for 200 steps, drawing the loss as it falls."""
    start = begin(micro_grassmann, seed)
    docs = [micro_grassmann.tokenize(doc, start.vocab) for doc in start.docs]
    seen, _ = micro_grassmann.split_docs(docs, steps)
    tokens = micro_grassmann.tokenize(name, start.vocab)
    before = micro_grassmann.evaluate([tokens], start.params, start.config)
    say(show.bold("What does training look like?"),
        "A step takes one name, computes its mean loss, calls backward, and moves each weight a "
        "little against its grad. Adam's rule says how far. In it, m is a running mean of "
        "the weight's grads, v one of their squares (the files keep sums and divide later), and "
        "lr, the learning rate, falls from 0.01 towards 0:",
        "    weight = weight - lr * m / (sqrt(v) + 1e-8)",
        f"{steps} steps, seed {seed}, those of micro_grassmann.py --steps {steps}. A bar is the "
        "mean loss of 20 steps:")
    losses, bars = [], []
    for loss in micro_grassmann.train(seen, start.params, start.config, steps):
        losses.append(loss)
        if len(losses) % 20 == 0:
            bars.append(statistics.fmean(losses[-20:]))
            print(f"    step {len(losses):3}  {bars[-1]:.3f}  {'#' * round(bars[-1] * 15)}",
                  flush=True)
    print()
    after = micro_grassmann.evaluate([tokens], start.params, start.config)
    written = [micro_grassmann.generate(start.vocab, start.params, start.config, start.rng, 0.5)
               for _ in range(8)]
    known = sum(text in names() for text in written)
    up, size = sum(one < two for one, two in zip(bars, bars[1:])), start.config.vocab_size
    say(f"From the first bar to the last the loss changes by {bars[-1] - bars[0]:+.3f}. It goes up "
        f"{plural(up, 'time')} on the way: each step sees another name. {name}, which is "
        f"{'one' if tokens in seen else 'none'} of the {len(seen)} names of this training, had the "
        f"mean loss {before:.3f} before and has {after:.3f} now. Names that the model writes now, "
        f"{known} of {len(written)} to be found in input.txt:",
        f"    {' '.join(text or '(nothing)' for text in written)}")
    return Try(f"Blind guessing among {size} tokens costs log {size} = {math.log(size):.3f}. Among "
               "how many tokens does the last bar guess?",
               f"exp({bars[-1]:.3f}) = {math.exp(bars[-1]):.1f}. This is called the perplexity.")


def what_layers_see(layers=(1, 2, 3), seed=SEED):
    """Change one token at a time, and see whether the last position's logits move."""
    longest, t = max(names(), key=len), len(max(names(), key=len))
    rows = [["", "s = " + " ".join(f"{s:2}" for s in range(t + 1)), "sees"],
            ["", "    " + " ".join(f"{mark:>2}" for mark in ("^", *longest))]]
    for n in layers:
        start = begin(micro_grassmann, seed, n)
        moved = what_moves(start, longest)
        if n == layers[0]:
            window, sees = start.config.window, [s for s, mark in enumerate(moved) if mark]
        rows.append([f"Grassmann, {plural(n, 'layer')}", marks_of(moved), str(sum(moved))])
    moved = what_moves(begin(micro_gpt, seed), longest)
    rows.append(["attention, 1 layer", marks_of(moved), str(sum(moved))])
    hidden = max(set(range(t)) - set(sees))
    say(show.bold("Which letters can reach the last position?"),
        f"Ask the models themselves. Each reads {longest}, the longest name in input.txt, up to "
        f"its last letter, t = {t}. Then change the token at one position s, read again, and "
        "compare the logits at t. If none has moved at all, t cannot see s.",
        "    x  some logit at t has moved     .  none has     ^  BOS",
        show.table(rows, left=2),
        f"One Grassmann layer sees t and its partners, t - offset: {', '.join(map(str, sees))}. "
        f"The offsets are {arrow(window)}. With two layers, t hears from partners that have heard "
        "from partners of their own, so it sees what two offsets add up to; with three layers, "
        "three. One attention layer sees all, for the price of step 6.",
        "To see is not yet to use: these weights are random, and the picture shows only which way "
        "numbers can flow. What training makes of it has to be measured, for example on brackets, "
        "where each closing one needs its opening one:",
        "    python3 benchmark_paren.py --layers 1,2,4")
    return Try(f"Which is the nearest earlier position that one layer at t = {t} cannot see?",
               f"Position {hidden}: {t} - {hidden} = {t - hidden} is not an offset.")


def marks_of(moved):
    """Return a row of the picture: x where something moved."""
    return "    " + " ".join(f"{'x' if mark else '.':>2}" for mark in moved)


def what_moves(start, name):
    """Return for each position whether changing its token moves the logits at the last letter."""
    tokens = start.model.tokenize(name, start.vocab)[:-1]

    def last_logits(cache, rest):
        """Return the logits after the rest of the tokens, as plain numbers."""
        for token in rest:
            logits = start.model.forward(token, cache, start.params, start.config)
        return [v.data for v in logits]
    cache = [[] for _ in range(start.config.n_layer)]
    original = last_logits(cache, tokens)
    moved = []
    for s, token in enumerate(tokens):
        other = (token + 1) % start.config.vocab_size
        earlier = [past[:s] for past in cache]  # what earlier positions computed stays valid
        moved.append(last_logits(earlier, [other, *tokens[s + 1:]]) != original)
    return moved


def the_loop_folded():
    """Fold two planes into one by hand, and read off what the layer does to its past."""
    z, past = (1, 2, 0), ((0, 1, 3), (2, 0, 1))
    planes = [micro_grassmann.plucker(values(*z), values(*v)) for v in past]
    squares = [micro_grassmann.dot(p, p).data for p in planes]
    units = [[p_ij / (square + 1e-8) ** 0.5 for p_ij in p] for p, square in zip(planes, squares)]
    long_way = [sum(column, start=0) for column in zip(*units)]
    m = benchmark.fold(micro_grassmann, values(*z), [tuple(values(*v)) for v in past])
    folded = micro_grassmann.plucker(values(*z), m)
    rows = [["", "z_a", "z_b"], ["partner", *map(arrow, past)],
            ["p = z ∧ partner", *map(arrow, planes)],
            ["|p|²", *map(plain, squares)],
            ["|z|² |partner|² - (z·partner)²",
             *(f"{dot_product(z, z)}*{dot_product(v, v)} - {dot_product(z, v)}² = "
               f"{dot_product(z, z) * dot_product(v, v) - dot_product(z, v) ** 2}" for v in past)],
            ["weight 1 / |p|", *(f"{square ** -0.5:.4f}" for square in squares)]]
    nodes = [benchmark.mixing_cost(benchmark.Contender("", model, micro_grassmann.Config(2, r=32)),
                                   16)[1]
             for model in (micro_grassmann, benchmark.variant(mix=benchmark.folded_mix))]
    say(show.bold("Must the planes be made one by one?"),
        "(Not in the paper.) No. Write z ∧ v, wedge, for the Plücker coordinates of z and v; its "
        "length is |z| |v| sin θ, with θ their angle. Each u_i v_j - u_j v_i is linear in v: add "
        "two v's, and the results add. So, instead of adding planes of length 1, scale and add the "
        "partners, and wedge once:",
        "    sum of (z ∧ z_s) / |z ∧ z_s|   =   z ∧ m,     m = sum of z_s / |z ∧ z_s|",
        "The lengths come without coordinates from Lagrange's identity, |u ∧ v|² = |u|² |v|² - "
        f"(u·v)². By hand, for z = {arrow(z)} and two partners:",
        show.table(rows),
        f"    m = {plain(squares[0] ** -0.5)} z_a + {plain(squares[1] ** -0.5)} z_b = {arrow(m)}\n"
        f"    z ∧ m                 = {arrow(folded)}\n"
        f"    both units added up   = {arrow(long_way)}",
        "So the layer is a weighted sum of a few past states (divided by their number), wedged "
        "with the present. Unlike attention's, the weights choose nothing: each undoes the length "
        "of its plane, and all partners count the same.",
        f"With r = 32, over 16 positions, the loop makes {nodes[0]:,} nodes and the folded layer "
        f"{nodes[1]:,}; with r = 4 little is saved. Times, and the error where z ∥ z_s:",
        "    python3 benchmark.py --only scaling")
    scaled = benchmark.fold(micro_grassmann, values(1, 0), [tuple(values(3, 4))])  # weight * (3, 4)
    return Try("By hand: z = (1, 0), one partner (3, 4). What is its weight?",
               f"z ∧ partner is 1*4 - 0*3 = 4, so the weight is 1/4 = {plain(scaled[1] * 0.25)}.")


def dot_product(u, v):
    """Return the dot product of two vectors of whole numbers."""
    return sum(a * b for a, b in zip(u, v))


def a_layer_that_counts(text="(())", layers=(1, 2, 3, 4)):
    """Show what keeps the layer from counting brackets, and what a running sum changes."""
    window, longest = benchmark_paren.WINDOW, 1 + 2 * benchmark_paren.PAIRS[1]  # 1 for BOS
    reach, seen = [], {0}
    for _ in layers:
        seen = {s + o for s in seen for o in (0, *window) if s + o < longest}
        reach.append(len(seen))
    rows = [["t", "token", "y", "c", "z ∧ c", "at length 1", "open after t"]]
    total, opened = 0, 0
    for t, bracket in enumerate(text, 1):
        y = 1 if bracket == "(" else -1
        opened += y
        [p] = micro_grassmann.plucker(values(y, 1), values(total, 1))
        unit = p.data / (p.data ** 2 + 1e-8) ** 0.5
        rows.append([str(t), bracket, plain(y), plain(total), plain(p), f"{unit:.0f}", str(opened)])
        total += y
    first = text.index(")") + 1
    say(show.bold("Why can the layer not count, and what would?"),
        "On brackets, attention learns to close what it opened; most of what the Grassmann layer "
        "writes is unbalanced. How many are open depends on all brackets so far.",
        f"First, the reach fails. With offsets {arrow(window)} the last of {longest} positions "
        f"(BOS, {longest - 1} brackets) hears from {', '.join(map(str, reach))} with "
        f"{', '.join(map(str, layers))} layers. More layers help, but need many more strings.",
        "What fixes it (not in the paper): give each state a last number 1, z = [y; 1] with "
        "y = W_red x, and add one more partner, c = [sum of the earlier y; 1]. Then one coordinate "
        "is y * 1 - 1 * c: linear in the past. With y set by hand to 1 for (, -1 for ) and 0 for "
        f"BOS at t = 0, {text} gives",
        show.table(rows),
        "z ∧ c is y - c; with y, which comes from x, that tells y + c, the number that are open. "
        "Second, the length fails: scaled to 1, like the other planes, it would be a mere sign. So "
        "it is not scaled, only averaged in with the others.",
        "What the control says: a layer that hands on the sum as it is, without any plane, does as "
        "well (README.md has the runs). Here the sum does the work, not the geometry. And "
        "counting is nearly all that this task asks; of others nothing is said.",
        "    python3 benchmark_paren.py --controls --seeds 3")
    return Try(f"After {text[:first]}, what is c for the bracket that comes next?",
               f"{' + '.join(times(1 if b == '(' else -1) for b in text[:first])} = "
               f"{sum(1 if b == '(' else -1 for b in text[:first])}.")


STEPS = (("Predict the next letter", the_task),
         ("Letters to vectors", letters_to_vectors),
         ("Why the past matters", why_the_past),
         ("A plain average", plain_average),
         ("Attention", attention),
         ("What attention costs", the_cost),
         ("The Grassmann idea", the_idea),
         ("Reduction", reduction),
         ("Plücker coordinates in 2-D and 3-D", coordinates),
         ("Same dot product, different Plücker vector, and the reverse", what_each_sees),
         ("Offsets and reach", offsets_and_reach),
         ("The gate", the_gate),
         ("The whole pipeline on one name", the_pipeline),
         ("The two models compared", the_comparison),
         ("How backward works, and why the order matters", how_backward_works),
         ("Training as it happens", training_live),
         ("What one layer can and cannot see", what_layers_see),
         ("Beyond the paper: the loop, folded", the_loop_folded),
         ("Beyond the paper: a layer that counts", a_layer_that_counts))


# ---- the quiz ------------------------------------------------------------------------------------
# The right answer is a number, to be given with so many decimals, or a set of positions.
Question = namedtuple("Question", "step text answer digits worked")


def small(rng, n):
    """Return a vector of n whole numbers from -4 to 5, none of them 0."""
    return tuple(rng.choice((-4, -3, -2, -1, 1, 2, 3, 4, 5)) for _ in range(n))


def ask_loss(rng):
    """What a probability costs."""
    n = rng.randint(3, 9)
    loss = micro_grassmann.cross_entropy(values(*[0] * n), 0).data
    return Question(1, f"The token that came had probability 1/{n}. What is the loss, in nats?",
                    loss, 2, f"loss = -log(1/{n}) = log {n} = {loss:.4f}")


def ask_weight(rng):
    """Softmax of two scores."""
    n = rng.randint(2, 9)
    weight = micro_gpt.softmax(values(0, math.log(n), model=micro_gpt))[1].data
    return Question(5, f"Two scores are 0 and log {n}. Which weight does softmax give the second?",
                    weight, 2, f"exp(0) = 1 and exp(log {n}) = {n}, so {n} / (1 + {n}) = "
                    f"{weight:.4f}")


def ask_score(rng):
    """A score of attention."""
    q, k = small(rng, 4), small(rng, 4)
    scores, _, _ = toy_attention(k, q)
    score = scores[0].data
    return Question(5, f"q = {arrow(q)} and k = {arrow(k)}, of size 4. What is their score?",
                    score, 1, f"q·k / sqrt(4) = ({dot_filled(q, k)}) / 2 = {plain(score)}")


def ask_scores(rng):
    """How many scores attention computes."""
    length = rng.randint(5, 12)
    scores = count_attention(length)[0]
    return Question(6, f"How many scores does one attention head compute at L = {length}?",
                    scores, 0, f"L (L + 1) / 2 = {length}*{length + 1}/2 = {scores}")


def ask_pairs(rng):
    """How many Plücker coordinates there are."""
    r = rng.randint(3, 9)
    n = len(micro_grassmann.plucker(values(*[1] * r), values(*[1] * r)))
    return Question(8, f"How many Plücker coordinates do two vectors of r = {r} numbers have?",
                    n, 0, f"r (r - 1) / 2 = {r}*{r - 1}/2 = {n}, one for each i < j")


def ask_area(rng):
    """A Plücker coordinate in 2-D."""
    u, v = small(rng, 2), small(rng, 2)
    p = micro_grassmann.plucker(values(*u), values(*v))[0].data
    return Question(9, f"u = {arrow(u)}, v = {arrow(v)}. What is their Plücker coordinate p_01?",
                    p, 0, f"p_01 = u_0 v_1 - u_1 v_0 = {plucker_filled(u, v, 0, 1)} = {plain(p)}")


def ask_coordinate(rng):
    """A Plücker coordinate in 3-D."""
    u, v = small(rng, 3), small(rng, 3)
    n = rng.randrange(3)
    i, j = list(combinations(range(3), 2))[n]
    p = micro_grassmann.plucker(values(*u), values(*v))[n].data
    return Question(9, f"u = {arrow(u)}, v = {arrow(v)}. What is their Plücker coordinate "
                    f"p_{i}{j}?", p, 0, f"p_{i}{j} = u_{i} v_{j} - u_{j} v_{i} = "
                    f"{plucker_filled(u, v, i, j)} = {plain(p)}")


def ask_partners(rng):
    """Which positions a position looks at."""
    t, window = rng.randint(5, 11), (1, *sorted(rng.sample(range(2, 9), 2)))
    config = micro_grassmann.Config(vocab_size=1, window=window)
    seen = set(partners_of_all(t + 1, config)[t])
    worked = ", ".join(f"{t} - {offset} = {t - offset}" for offset in window)
    return Question(11, f"The offsets are {arrow(window)}. At which earlier positions does "
                    f"t = {t} look?", seen, 0, f"{worked}; only 0 and more exist")


def ask_gate(rng):
    """What the gate lets through."""
    alpha, x, g = rng.choice((0.25, 0.5, 0.75)), rng.randint(1, 9), rng.choice((-8, -4, 4, 8))
    inside = gate_toy(math.log(alpha / (1 - alpha)) / x, x, (g, 0))
    result = inside.result[0].data
    return Question(12, f"alpha = {alpha}, x = {x}, g = {g}. What is the result of the gate?",
                    result, 2, f"{times(alpha, x)} + {times(1 - alpha, g)} = {plain(result)}")


def ask_grad(rng):
    """A gradient along two edges."""
    first, second = small(rng, 2)
    a, b = values(first, second)
    loss = a * b + a
    loss.backward()
    return Question(15, f"a = {first}, b = {second}, loss = a * b + a. What is a.grad?", a.grad, 0,
                    f"b from the product + 1 from the sum = {second} + 1 = {plain(a.grad)}")


ASKED = (ask_loss, ask_weight, ask_score, ask_scores, ask_pairs, ask_area, ask_coordinate,
         ask_partners, ask_gate, ask_grad)


def questions(seed):
    """Return the ten questions of a seed."""
    rng = random.Random(seed)
    return [ask(rng) for ask in ASKED]


def understood(text, question):
    """Return the reply as a number or a set of positions; ValueError if it is neither."""
    words = text.replace(",", " ").split()
    if isinstance(question.answer, set):
        return {int(word) for word in words}
    if len(words) != 1:
        raise ValueError
    top, _, bottom = words[0].partition("/")
    return float(top) / float(bottom or 1)


def is_right(reply, question):
    """Tell whether a reply is the answer, within rounding."""
    if isinstance(question.answer, set):
        return reply == question.answer
    return abs(reply - question.answer) <= 0.5001 * 10 ** -question.digits


def answer_text(question):
    """Return the answer as a reader would type it."""
    if isinstance(question.answer, set):
        return " ".join(map(str, sorted(question.answer, reverse=True)))
    return plain(question.answer, question.digits)


def quiz(seed):
    """Ask ten questions, explain each answer that is wrong, give a score."""
    print(show.bold(show.heading(f"Ten questions, seed {seed}")))
    say("Answer with a number, like 3, -0.25 or 1/4, or with positions, like 5 3 0. Just Enter "
        "shows the answer, q ends the quiz.")
    asked, score, wrong = 0, 0, set()
    for question in questions(seed):
        rounding = " " + kept(f"({plural(question.digits, 'decimal')})") if question.digits else ""
        print(wrapped(f"{asked + 1}. {question.text}{rounding}"))
        reply = ask_until(question)
        if reply == "q":
            break
        asked += 1
        if reply is not None and is_right(reply, question):
            score += 1
            say("Right.")
        else:
            wrong.add(question.step)
            verb = "The" if reply is None else "Wrong: the"
            say(f"{verb} answer is {answer_text(question)}.\n    {question.worked}")
    say(f"Score: {score} of {asked}.")
    if wrong:
        say(f"To read again (--step N): {', '.join(map(str, sorted(wrong)))}.")
    print(f"The same questions again: python3 tutorial.py --quiz --seed {seed}")


def ask_until(question):
    """Return what the reader answers: a number, a set, None for nothing, "q" for the end."""
    while True:
        text = prompt("Your answer: ")
        if text in (None, "q"):
            return "q"
        if not text:
            return None
        try:
            return understood(text, question)
        except (ValueError, ZeroDivisionError):
            print("Please type "
                  + ("positions, like 5 3 0." if isinstance(question.answer, set)
                     else "a number, like 3, -0.25 or 1/4."))


# ---- the program ---------------------------------------------------------------------------------
def prompt(text):
    """Return the reader's line in small letters, stripped, or None at the end of input."""
    try:
        line = input(text)
    except (EOFError, RuntimeError):  # RuntimeError: started with its input closed
        print()
        return None
    except KeyboardInterrupt:
        print()  # so that "stopped" has a line of its own
        raise
    if not sys.stdin.isatty():
        print()  # on a terminal the reader's Enter has done so
    return line.strip().lower()


def show_step(number, pause):
    """Show a page; if pause is set, return what the reader typed before seeing the answer."""
    title, step = STEPS[number - 1]
    print(show.bold(show.heading(f"{number} of {len(STEPS)}  {title}")))
    task = step()
    print(wrapped(f"Try: {task.question}").replace("Try:", show.bold("Try:"), 1))
    typed = prompt("Predict first, then press Enter: ") if pause else ""
    if typed not in (None, "b", "q"):
        answer = wrapped(f"Answer: {task.answer}")
        print(answer.replace("Answer:", show.bold("Answer:"), 1), flush=True)
    return typed


def lesson(numbers, pause):
    """Show the steps, at the reader's own pace if pause is set, else straight through."""
    number = numbers[0]
    while number in numbers:
        typed = show_step(number, pause)
        if pause and typed not in (None, "b", "q"):  # a prediction, be it a number, is no jump
            typed = prompt(NAVIGATION) if len(numbers) > 1 else ""
            while typed not in (None, "", "b", "q") and not is_step(typed):
                typed = prompt(f"Enter, b, q or a number from 1 to {len(STEPS)}: ")
        if typed in (None, "q"):
            return
        number = int(typed) if is_step(typed) else max(1, number - 1) if typed == "b" \
            else number + 1
    if number > len(STEPS):
        print("\nNext: python3 tutorial.py --quiz, and then read micro_grassmann.py.")


NAVIGATION = "Enter next, b back, q quit, a number jumps: "


def is_step(text):
    """Tell whether the text is the number of a step."""
    return text.isascii() and text.isdecimal() and 1 <= int(text) <= len(STEPS)


def step_number(text):
    """Return the number of a step, for argparse."""
    if not is_step(text):
        raise argparse.ArgumentTypeError(f"there is no step {text!r}, only 1 to {len(STEPS)}")
    return int(text)


def main():
    """Read the options; run the lesson or the quiz."""
    parser = show.Parser(description=f"Learn how both models work, in {len(STEPS)} steps.",
                    allow_abbrev=False)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--step", type=step_number, metavar="N", help="show step N alone")
    what.add_argument("--list", action="store_true", help="list the steps")
    what.add_argument("--quiz", action="store_true", help="ask ten questions")
    parser.add_argument("--seed", type=show.whole_numbers(0), metavar="N",
                        help="seed of the quiz (default: another one each time)")
    parser.add_argument("--no-pause", action="store_true", help="print straight through")
    args = parser.parse_args()
    if sys.stdin:
        sys.stdin.reconfigure(errors="replace")
    if args.list:
        print("\n".join(f"{n:2}  {title}" for n, (title, _) in enumerate(STEPS, 1)))
        return
    if args.quiz:
        quiz(random.randrange(10000) if args.seed is None else args.seed)
        return
    if args.seed is not None:
        parser.error("--seed is for --quiz")
    try:
        names()
    except (OSError, ValueError) as error:
        parser.error(f"input.txt: {error}")
    numbers = [args.step] if args.step else range(1, len(STEPS) + 1)
    lesson(numbers, sys.stdout.isatty() and not args.no_pause)


if __name__ == "__main__":
    show.run_program(main)
