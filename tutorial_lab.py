"""What the tutorial's pages compute: small models trained, toys small enough for paper, counts.

There is nothing to run; tutorial_pages.py calls it. The formulas are those of the model files.
"""
import functools
import gc
import multiprocessing
import os
import random
import signal
import statistics
import sys
from typing import NamedTuple

import alternatives  # noqa: F401 (adds its layers to beyond's)
import beyond
import inside
import micro_gpt
import micro_grassmann
import show
import tasks

NAME = "emma"  # the document of many pages, a line of input.txt
SEEDS = (42, 1)
HELD_OUT = 60  # documents that each model is judged on
WRITTEN = 50  # texts that each model of brackets writes
STEPS = {"names": 200, "brackets": 250, "signs": 150}  # documents that a model is trained on
PAIRS = (2, 6)  # the fewest and the most pairs of brackets in a string
BRACKET_SIZES = {"window": (1, 2, 4, 8), "block_size": 16}
LENGTH = 12  # signs in a text of signs
SIGN_SIZES = {"n_embd": 8, "n_head": 2, "block_size": LENGTH}
SIGNS = 5  # different signs
SIGN_RATE = 0.03  # the learning rate there
STAR = "*"
COLUMNS = 79  # of the terminal


class Trained(NamedTuple):
    """What came of training one model on names or on brackets."""

    losses: list  # of each step
    before: float  # loss on the held-out documents with fresh weights, in nats a token
    after: float  # the same when trained
    odds: dict  # {temperature: the probability of each token after BOS}
    written: list  # texts at temperature 0.5


# ---- texts ---------------------------------------------------------------------------------------


@functools.lru_cache(None)
def names():
    """Return the documents of input.txt."""
    return tuple(micro_grassmann.load_docs(tasks.INPUT))


@functools.lru_cache(None)
def brackets(number, seed=7):
    """Return random balanced strings; where both brackets are possible, chance decides."""
    rng = random.Random(seed)
    return tuple(tasks.balanced_string(rng, PAIRS) for _ in range(number))


@functools.lru_cache(None)
def split(task, seed=SEEDS[0]):
    """Return the documents to train on and those held out; of brackets, the same for all seeds."""
    steps = STEPS[task]
    if task == "brackets":
        strings = brackets(steps + HELD_OUT)
        return list(strings[:steps]), list(strings[steps:])
    docs = micro_grassmann.begin(names(), random.Random(seed))[0]
    seen, held_out = micro_grassmann.split_docs(docs, steps)
    return seen, held_out[:HELD_OUT]


# ---- texts of signs, and a question about each place of them -------------------------------------


def beats_the_last(rng):
    """Return signs, and whether each one beats the one before it: rock, paper, scissors for five.

    No sign stands twice in a row, so each game is won or lost.
    """
    text = [str(rng.randrange(SIGNS))]
    while len(text) < LENGTH:
        text.append(str((int(text[-1]) + rng.randrange(1, SIGNS)) % SIGNS))
    return tasks.asked_from(1, text, lambda text: tasks.outcome(text[-1], [text[-2]], SIGNS))


def sign_with_the_star(rng):
    """Return signs, one of the first four with a star, and from then on that sign."""
    text = tasks.random_signs(rng, LENGTH, SIGNS)
    starred = rng.randrange(4)
    answer = text[starred]
    text[starred] += STAR
    return tasks.asked_from(4, text, lambda text: answer)


def sign_three_back(rng):
    """Return signs, and for each one the sign that stood three before it."""
    text = tasks.random_signs(rng, LENGTH, SIGNS)
    return tasks.asked_from(3, text, lambda text: text[-4])


# {task: (what makes a text, the offsets of the layers that have some)}
SIGN_TASKS = {"game": (beats_the_last, (1,)),
              "star": (sign_with_the_star, (1, 2, 4, 8)),
              "echo": (sign_three_back, (1, 2, 3))}


# ---- training, in processes side by side ---------------------------------------------------------

done = {}  # {(task, mixer, seed, window): what came of it}


def train(task, mixer, seed, window=None):
    """Return what comes of training a model with this mixing layer; window replaces its offsets."""
    if task in SIGN_TASKS:
        return train_on_signs(task, mixer, seed)
    model = beyond.mixer(mixer)
    seen, held_out = split(task, seed)
    docs = names() if task == "names" else brackets(STEPS[task] + HELD_OUT)
    sizes = BRACKET_SIZES if task == "brackets" else {}
    if window is not None:
        sizes = {"window": window}
    sizes = {name: size for name, size in sizes.items() if name in model.Config._fields}
    rng = random.Random(seed)
    _, vocab, config, params = model.begin(docs, rng, **sizes)
    unseen = [model.tokenize(doc, vocab) for doc in held_out]
    before = model.evaluate(unseen, params, config)
    tokens = [model.tokenize(doc, vocab) for doc in seen]
    losses = list(model.train(tokens, params, config, STEPS[task]))
    after = model.evaluate(unseen, params, config)
    logits = model.forward(len(vocab), 0, [[]], params, config)
    odds = {heat: probabilities([v.data / heat for v in logits]) for heat in (0.1, 0.5, 1, 2)}
    written = []
    for _ in range(WRITTEN if task == "brackets" else 8):
        written.append(model.generate(vocab, params, config, rng, 0.5))
    return Trained(losses, before, after, odds, written)


def train_on_signs(task, mixer, seed):
    """Return how many per cent of the questions on fresh texts a trained model answers right."""
    make, window = SIGN_TASKS[task]
    model = beyond.mixer(mixer)
    rng = random.Random(seed)
    texts = [make(rng) for _ in range(STEPS["signs"] + HELD_OUT)]
    symbols = [text for text, _ in texts] + [filter(None, answers) for _, answers in texts]
    vocab = model.make_vocab(symbols)
    config = beyond.configure(mixer, len(vocab), window=window, **SIGN_SIZES)
    params = model.init_params(config, rng)
    weights = [w for rows in params.values() for row in rows for w in row]
    m = [0.0] * len(weights)
    v = [0.0] * len(weights)
    steps = STEPS["signs"]
    for step, example in enumerate(texts[:steps]):
        asked = answered(model, example, vocab, params, config)
        model.mean([model.cross_entropy(logits, right) for logits, right in asked]).backward()
        model.adam_step(weights, m, v, step + 1, SIGN_RATE * (1 - step / steps))
    verdicts = []
    for example in texts[steps:]:
        for logits, right in answered(model, example, vocab, params, config):
            best = max(range(len(logits)), key=lambda token: logits[token].data)
            verdicts.append(best == right)
    return 100 * statistics.fmean(verdicts)


def answered(model, example, vocab, params, config):
    """Return (logits, the token of the right answer) of each place where something is asked."""
    cache = [[]]
    pairs = []
    for position, (symbol, answer) in enumerate(zip(*example)):
        logits = model.forward(vocab[symbol], position, cache, params, config)
        if answer is not None:
            pairs.append((logits, vocab[answer]))
    return pairs


def start_worker():
    """Leave Ctrl-C to the process that the reader sees, and let the garbage collector rest."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()


def side_by_side(jobs):
    """Return train(*job) for each job, in as many processes as there are cores."""
    live = sys.stderr is not None and sys.stderr.isatty()
    if live:
        said = sorted({f"{task}, {mixer}" for task, mixer, _, _ in jobs})
        print(f"training {len(jobs)} models: {'; '.join(said)}"[:COLUMNS - 5] + " ...", end="\r",
              file=sys.stderr, flush=True)
    context = multiprocessing.get_context("spawn")
    try:
        with show.deaf_to_ctrl_c():
            pool = context.Pool(min(len(jobs), os.cpu_count() or 1), start_worker)
        with pool:
            return pool.starmap(train, jobs, chunksize=1)
    finally:
        if live:
            print("\r" + " " * COLUMNS, end="\r", file=sys.stderr, flush=True)


def train_all(*wanted):
    """Train what is wanted, (task, mixer, window), with all seeds, but for what has been."""
    jobs = [(task, mixer, seed, window) for task, mixer, window in wanted for seed in SEEDS]
    missing = [job for job in jobs if job not in done]
    if missing:
        done.update(zip(missing, side_by_side(missing)))


def all_seeds(task, mixer, window=None):
    """Return what came of training with each seed."""
    train_all((task, mixer, window))
    return [done[task, mixer, seed, window] for seed in SEEDS]


def gaps(task, mixer, against):
    """Return the held-out loss of one mixing layer minus that of another, for each seed."""
    train_all((task, mixer, None), (task, against, None))
    pairs = zip(all_seeds(task, mixer), all_seeds(task, against))
    return [one.after - other.after for one, other in pairs]


def share_balanced(models):
    """Return how many of the strings written, all seeds together, are balanced, in per cent."""
    texts = [text for model in models for text in model.written]
    return 100 * statistics.fmean([tasks.is_balanced(text) for text in texts])


def lower(differences, one, other):
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
    """Return softmax of some numbers as numbers."""
    return [p.data for p in micro_gpt.softmax(values(*logits, model=micro_gpt))]


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
