"""What the tutorial's pages compute: small models trained, toys small enough for paper, counts.

There is nothing to run; tutorial_pages.py calls it. The formulas are those of the model files.
"""
import functools
import gc
import multiprocessing
import random
import signal
import statistics
import sys
from typing import NamedTuple

import beyond
import inside
import micro_gpt
import micro_grassmann
import show
import tasks

NAME = "emma"  # the document of many pages, a line of input.txt
SEEDS = (42, 1)
HELD_OUT = 100  # documents that each model is judged on
WRITTEN = 100  # strings of brackets that each model writes at temperature 0.5
STEPS = 300  # of training, wherever a page trains
PAIRS = (2, 7)  # the fewest and the most pairs of brackets in a string
BRACKET_SIZES = {"window": (1, 2, 4, 8), "block_size": 16}


class Trained(NamedTuple):
    """What came of training one model, on names or on brackets."""

    losses: list  # of each step
    after: float  # loss on the held-out documents, in nats a token
    written: list  # texts at temperature 0.5


# ---- two kinds of text, and models of them -------------------------------------------------------


@functools.lru_cache(None)
def names():
    """Return the documents of input.txt."""
    return tuple(micro_grassmann.load_docs(tasks.INPUT))


@functools.lru_cache(None)
def brackets(number=STEPS + HELD_OUT, seed=7):
    """Return random balanced strings; where both brackets are possible, chance decides."""
    rng = random.Random(seed)
    return tuple(tasks.balanced_string(rng, PAIRS) for _ in range(number))


@functools.lru_cache(None)
def split(task, seed=SEEDS[0]):
    """Return the documents to train on and those held out."""
    if task == "brackets":
        return list(brackets()[:STEPS]), list(brackets()[STEPS:STEPS + HELD_OUT])
    start = inside.begin(micro_grassmann, names(), seed)
    seen, held_out = micro_grassmann.split_docs(start.docs, STEPS)
    return seen, held_out[:HELD_OUT]


def train(task, mixer, seed, window=None):
    """Return a model of this task with this mixing layer, trained for STEPS documents."""
    model = beyond.mixer(mixer)
    seen, held_out = split(task, seed)
    docs = names() if task == "names" else brackets()
    vocab = model.make_vocab(docs)
    sizes = dict(BRACKET_SIZES) if task == "brackets" else {}
    if window is not None:
        sizes["window"] = window
    config = beyond.configure(mixer, len(vocab) + 1, **sizes)
    rng = random.Random(seed)
    rng.shuffle(list(docs))  # as the model files do, whose weights are drawn next
    params = model.init_params(config, rng)
    unseen = [model.tokenize(doc, vocab) for doc in held_out]
    losses = list(model.train([model.tokenize(doc, vocab) for doc in seen], params, config, STEPS))
    written = []
    for _ in range(WRITTEN if task == "brackets" else 8):
        written.append(model.generate(vocab, params, config, rng, 0.5))
    return Trained(losses, model.evaluate(unseen, params, config), written)


def start_worker():
    """Leave Ctrl-C to the process that the reader sees, and let the garbage collector rest."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()


@functools.lru_cache(None)
def both_seeds(task, mixer, window=None):
    """Return the trained models of both seeds, trained side by side."""
    if sys.stderr and sys.stderr.isatty():
        print(f"training on {task}: {mixer} ...", end="\r", file=sys.stderr, flush=True)
    context = multiprocessing.get_context("spawn")
    try:
        with show.deaf_to_ctrl_c():
            pool = context.Pool(len(SEEDS), start_worker)
        with pool:
            return pool.starmap(train, [(task, mixer, seed, window) for seed in SEEDS])
    finally:
        if sys.stderr and sys.stderr.isatty():
            print("\r" + " " * 79, end="\r", file=sys.stderr, flush=True)


def gaps(task, mixer, against, window=None):
    """Return the held-out loss of one mixing layer minus that of another, for each seed."""
    pairs = zip(both_seeds(task, mixer, window), both_seeds(task, against))
    return [one.after - other.after for one, other in pairs]


def share_balanced(models):
    """Return how many of the strings written, all seeds together, are balanced, in per cent."""
    texts = [text for model in models for text in model.written]
    return 100 * statistics.fmean([tasks.is_balanced(text) for text in texts])


def sign_words(differences, one, other):
    """Return which of the two has the lower loss, or that the seeds disagree."""
    if max(differences) < 0:
        return f"{one} has the lower loss with both seeds"
    if min(differences) > 0:
        return f"{other} has the lower loss with both seeds"
    return f"the seeds disagree on {one} and {other}"


# ---- toys and counts: the models' functions on numbers small enough for paper --------------------


def values(*numbers, model=micro_grassmann):
    """Return numbers as a list of Values."""
    return [model.Value(float(x)) for x in numbers]


def matrix(*rows, model=micro_grassmann):
    """Return rows of numbers as a matrix of Values."""
    return [tuple(values(*row, model=model)) for row in rows]


def identity(n):
    """Return the rows of the matrix that changes nothing."""
    return [[float(i == j) for j in range(n)] for i in range(n)]


def plucker(u, v):
    """Return the Plücker coordinates of two vectors of numbers, by the model."""
    return [p_ij.data for p_ij in micro_grassmann.plucker(values(*u), values(*v))]


def unit(u, v):
    """Return the same at length 1."""
    return [p_ij.data for p_ij in micro_grassmann.unit_plucker(values(*u), values(*v))]


def dot(u, v):
    """Return the dot product of two vectors of numbers, by the model."""
    return micro_grassmann.dot(values(*u), values(*v)).data


def toy_mix(*xs, plu=None, gate=None, window=(1,)):
    """Return the Place of Grassmann mixing at the last of a few toy vectors.

    W_red changes nothing; plu and gate are the rows of W_plu and W_gate_h, zeros if left out.
    """
    d = len(xs[0])
    zeros = [[0.0] * d] * d
    params = {"layer0.W_red": matrix(*identity(d)),
              "layer0.W_plu": matrix(*(plu if plu else [[0.0] * (d * (d - 1) // 2)] * d)),
              "layer0.W_gate_h": matrix(*(gate if gate else zeros)),
              "layer0.W_gate_g": matrix(*zeros)}
    config = micro_grassmann.Config(vocab_size=1, n_embd=d, r=d, window=window)
    past = []
    with inside.watching() as places:
        for x in xs:
            micro_grassmann.mix(values(*x), "layer0", past, params, config)
    return places[-1]


def gate_toy(score, x=1, g=(5, 8)):
    """Return what mixing makes at (x, 0) after (0, 1); the gate's first score is score * x."""
    return toy_mix((0, 1), (x, 0), plu=[(number,) for number in g], gate=((score, 0), (0, 0)))


def toy_attention(*xs):
    """Return scores, weights and result of one-headed attention at the last of a few toy vectors.

    Its four matrices change nothing, so query, key and value are x itself.
    """
    params = {f"layer0.{name}": matrix(*identity(len(xs[0])), model=micro_gpt)
              for name in ("wq", "wk", "wv", "wo")}
    config = micro_gpt.Config(vocab_size=1, n_embd=len(xs[0]), n_head=1)
    past = []
    with inside.watch(micro_gpt, "softmax") as calls:
        for x in xs:
            result = micro_gpt.mix(values(*x, model=micro_gpt), "layer0", past, params, config)
    return calls[-1].args[0], calls[-1].result, result


def average(*xs):
    """Return the mean of a few vectors of numbers, by the model's function."""
    return [micro_grassmann.mean(values(*column)).data for column in zip(*xs)]


def mixing(model, config, length):
    """Let the model's mixing layer read so many random vectors."""
    rng = random.Random(0)
    params = model.init_params(config, rng)
    past = []
    for _ in range(length):
        x = [model.Value(rng.gauss(0, 1)) for _ in range(config.n_embd)]
        model.mix(x, "layer0", past, params, config)


@functools.lru_cache(None)
def costs(length):
    """Return attention's scores (one head) and nodes, and Grassmann's planes and nodes."""
    out = []
    for model, name in ((micro_gpt, "softmax"), (micro_grassmann, "unit_plucker")):
        config = model.Config(vocab_size=1)
        with inside.watch(model, name) as calls:
            mixing(model, config, length)
        with inside.watch(model.Value, "__init__") as made:
            mixing(model, config, length)
        with inside.watch(model.Value, "__init__") as weights:
            model.init_params(config, random.Random(0))
        if name == "softmax":
            out.append(sum(len(call.args[0]) for call in calls) // config.n_head)
        else:
            out.append(len(calls))
        out.append(len(made) - len(weights) - length * config.n_embd)
    return tuple(out)


def partners_of_all(length, config):
    """Return the partners of each position when the layer runs on random vectors."""
    with inside.watching() as places:
        mixing(micro_grassmann, config, length)
    return [[partner.s for partner in place.partners] for place in places]


def probabilities(logits):
    """Return softmax(logits) as plain numbers."""
    return [p.data for p in micro_gpt.softmax(values(*[v.data for v in logits], model=micro_gpt))]


def fresh(n_layer=1, model=micro_grassmann):
    """Return a model of names with random weights."""
    return inside.begin(model, names(), SEEDS[0], n_layer=n_layer)


def matching(text, place):
    """Return the place of the bracket that the bracket at this place closes."""
    depth = 0
    for at in range(place, -1, -1):
        depth += 1 if text[at] == ")" else -1
        if depth == 0:
            return at
    raise ValueError(f"{text} is not balanced")


def loss_of(n):
    """Return the loss of a probability of 1/n."""
    return micro_grassmann.cross_entropy(values(*[0] * n), 0).data


@functools.lru_cache(None)
def table_loss(task, order, everything=False):
    """Return the loss of a table of counts on the held-out documents."""
    seen, held_out = split(task)
    docs = seen
    if everything:
        docs = [doc for doc in names() if doc not in set(held_out)]
    vocab_size = len(set("".join(seen))) + 1
    return tasks.CountTable(docs, order, vocab_size, 3).loss(held_out, 16)


def repeated():
    """Return how many held-out strings were trained on, too."""
    seen, held_out = split("brackets")
    return sum(doc in seen for doc in held_out)


@functools.lru_cache(None)
def counter_loss():
    """Return the loss of counts by depth and position, of many strings, one added to each."""
    return tasks.counter_loss(brackets(3000, 8), split("brackets")[1])


def what_moves(start, model, name):
    """Return for each position whether changing its token moves the logits at the last letter."""
    tokens = model.tokenize(name, start.vocab)[:-1]

    def last_logits(changed):
        """Return the logits after these tokens, as plain numbers."""
        cache = [[] for _ in range(start.config.n_layer)]
        for position, token in enumerate(changed):
            logits = model.forward(token, position, cache, start.params, start.config)
        return [v.data for v in logits]
    original = last_logits(tokens)
    moved = []
    for s, token in enumerate(tokens):
        other = (token + 1) % start.config.vocab_size
        moved.append(last_logits([*tokens[:s], other, *tokens[s + 1:]]) != original)
    return moved


def four_nodes(number):
    """Return the nodes a, b = 2 a, c = b b and loss = c + b."""
    a = micro_grassmann.Value(number)
    b = a * 2
    c = b * b
    return a, b, c, c + b
