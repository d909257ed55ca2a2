"""What the tutorial's pages compute and ask: small models, toys for paper, counts, questions.

There is nothing to run; tutorial_pages.py and tutorial.py call it. The formulas are those of the
model files.
"""
import functools
import math
import random
import statistics
from itertools import combinations
from typing import NamedTuple

import alternatives  # noqa: F401 (adds its layers to beyond's)
import beyond
import compare
import inside
import micro_gpt
import micro_grassmann
import show
import tasks
from show import listed

NAME = "emma"  # the document of many pages, a line of input.txt
SEEDS = (42, 1)
HELD_OUT = 60  # documents that each model is judged on
WRITTEN = 50  # texts that each model of brackets writes
STEPS = {"names": 200, "brackets": 300, "signs": 150}  # documents that a model is trained on
PAIRS = (2, 7)  # the fewest and the most pairs of brackets in a string
SMALL = {"n_embd": 8, "n_head": 2}  # half the usual sizes, for brackets and signs
BRACKET_SIZES = {"window": (1, 2, 4, 8), "block_size": 16, **SMALL}
LENGTH = 12  # signs in a text of signs
SIGNS = 5  # different signs
RATES = {"names": 0.01, "brackets": 0.02, "signs": 0.03}  # the first learning rate
STAR = "*"


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
def brackets(number):
    """Return random balanced strings; where both brackets are possible, chance decides."""
    rng = random.Random(7)
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
    losses = []
    for loss in model.train(tokens, params, config, STEPS[task], RATES[task]):
        losses.append(loss)
        compare.report_step()
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
    steps = STEPS["signs"]
    model = beyond.asking(mixer)
    rng = random.Random(seed)
    texts = [make(rng) for _ in range(steps + HELD_OUT)]
    symbols = [text for text, _ in texts] + [filter(None, answers) for _, answers in texts]
    vocab = model.make_vocab(symbols)
    config = beyond.configure(mixer, len(vocab), window=window, block_size=LENGTH, **SMALL)
    params = model.init_params(config, rng)
    examples = [tasks.in_tokens(example, vocab) for example in texts]
    for _ in model.train(examples[:steps], params, config, steps, RATES["signs"]):
        compare.report_step()
    right, number = beyond.count_right(model, examples[steps:], params, config)
    return 100 * right / number


def train_all(*wanted):
    """Train what is wanted, (task, mixer, window), with all seeds, unless it has been trained."""
    jobs = [(task, mixer, seed, window) for task, mixer, window in wanted for seed in SEEDS]
    missing = [job for job in jobs if job not in done]
    if missing:
        steps = sum([STEPS["signs" if task in SIGN_TASKS else task] for task, *_ in missing])
        done.update(zip(missing, compare.side_by_side(train, missing, show.usable_cores(), steps)))
        show.forget_typed()


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
    if min(differences) <= 0 <= max(differences):
        return f"the seeds disagree on {one} and {other}"
    winner = one if max(differences) < 0 else other
    remark = "" if steady(differences) else ", but they differ as much from each other"
    return f"{winner} has the lower loss with both seeds{remark}"


def steady(differences):
    """Return whether all have one sign, and lie nearer to each other than any of them to 0."""
    nearest = min(map(abs, differences))
    one_sign = max(differences) < 0 or min(differences) > 0
    return one_sign and max(differences) - min(differences) < nearest


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
    return tasks.count_table_loss(order, docs, held_out, vocab_size, 16)


def repeated():
    """Return how many held-out strings were also trained on."""
    seen, held_out = split("brackets")
    return sum(doc in seen for doc in held_out)


@functools.lru_cache(None)
def counter_loss():
    """Return the loss of counts by depth and position, counted on the strings to train on."""
    return tasks.counter_loss(*split("brackets"))


def what_moves(start, model, name):
    """Return for each position whether changing its token moves the logits at the last letter."""
    tokens = model.tokenize(name, start.vocab)[:-1]
    read = inside.reader(model, start.params, start.config)
    original = read(tokens)[-1]
    moved = []
    for s, token in enumerate(tokens):
        other = (token + 1) % start.config.vocab_size
        moved.append(read([*tokens[:s], other, *tokens[s + 1:]])[-1] != original)
    return moved


def four_nodes(number):
    """Return the nodes a, b = 2 a, c = b b and loss = c + b."""
    a = micro_grassmann.Value(number)
    b = a * 2
    c = b * b
    return a, b, c, c + b


# ---- questions: on the pages, in the quiz, on the worksheet --------------------------------------
#
# A question has fresh numbers for each seed and knows the slips that are usually made. A new one is
# a function of a random.Random that returns a Question, and an entry in QUIZ.


class Question(NamedTuple):
    """A question and its answer: a number, a set of positions or the number of an option."""

    text: str
    answer: object
    digits: int  # decimals of the answer
    worked: str  # how it is found
    options: tuple = ()
    slips: tuple = ()  # (a wrong answer, what was done there)
    guess: bool = False  # a prediction of something measured: close or not, never wrong


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


def chosen(text, options, right, worked, slips=None):
    """Return a question with options, counted from 1; slips is {option: why it is not that}."""
    return Question(text, right, 0, worked, tuple(options), tuple((slips or {}).items()))


def small(rng, n):
    """Return a vector of n whole numbers from -4 to 5, none of them 0."""
    return tuple(rng.choice((-4, -3, -2, -1, 1, 2, 3, 4, 5)) for _ in range(n))


def log_slips(n):
    """Return the wrong answers for -log(1/n) that come from the usual slips."""
    return ((1 / n, "that is the probability; the loss is -log of it"),
            (math.log10(n), "that is the logarithm to base 10; log is the natural one"),
            (math.log2(n), "that is the logarithm to base 2; log is the natural one"))


def blind_loss(size):
    """Return the question of what a blind guess costs."""
    return Question(f"A model that knows nothing gives each of {size} tokens the same probability. "
                    "What is its loss?", loss_of(size), 2,
                    f"-log(1/{size}) = log {size} = {loss_of(size):.4f}", slips=log_slips(size))


def ask_loss(rng):
    """What a probability costs."""
    n = rng.randint(3, 9)
    return Question(f"The token that came had probability 1/{n}. What is the loss, in nats?",
                    loss_of(n), 2, f"-log(1/{n}) = log {n} = {loss_of(n):.4f}",
                    slips=log_slips(n))


def ask_norm(rng):
    """rmsnorm of two numbers."""
    factor = rng.randint(2, 9)
    x = (factor, 7 * factor)
    first = micro_grassmann.rmsnorm(values(*x))[0].data
    return Question(f"x = {arrow(x)}. What is the first number of rmsnorm(x)?", first, 2,
                    f"The mean square is {plain(dot(x, x) / 2)}, its root {5 * factor}; "
                    f"{factor}/{5 * factor} = {plain(first)}", slips=(
                        (factor / (25 * factor ** 2), "you forgot the root"),
                        (factor / math.hypot(*x), "you divided by the length: take the mean of "
                                                  "the squares, not their sum"),
                        (factor / (4 * factor), "you divided by the mean: square first")))


def ask_average(rng):
    """A plain average."""
    xs = [small(rng, 2) for _ in range(4)]
    mean = average(*xs)[0]
    return Question(f"x_0 to x_3 are {' '.join(map(arrow, xs))}. First number of mean_3?", mean, 2,
                    f"({' + '.join(times(x[0]) for x in xs)})/4 = {plain(mean)}", slips=(
                        (4 * mean, "you forgot to divide by the number of vectors"),
                        (4 * mean / 3, "x_0 to x_3 are 4 vectors"),
                        (average(*xs)[1], "that is the second number")))


def ask_score(rng):
    """A score of attention."""
    q = small(rng, 4)
    k = small(rng, 4)
    score = toy_attention(k, q)[0][0].data
    return Question(f"q = {arrow(q)}, k = {arrow(k)}, of size 4. What is their score?", score, 1,
                    f"q·k / sqrt(4) = ({dot_filled(q, k)})/2 = {plain(score)}", slips=(
                        (2 * score, "you forgot to divide by the root of the size"),
                        (score / 2, "you forgot the root: divide by 2, not by 4")))


def ask_weight(rng):
    """Softmax of two scores."""
    n = rng.randint(2, 9)
    weight = probabilities([0, math.log(n)])[1]
    return Question(f"Two scores are 0 and log {n}. Which weight does softmax give the second?",
                    weight, 2, f"exp(0) = 1 and exp(log {n}) = {n}: {n}/(1 + {n}) = {weight:.4f}",
                    slips=((n, "you forgot to divide by the sum"),
                           (1 - weight, "that is the weight of the first"),
                           (1, "exp(0) is 1, not 0: it belongs to the sum")))


def ask_scores(rng):
    """How many scores attention computes."""
    length = rng.randint(5, 12)
    scores = costs(length)[0]
    return Question(f"How many scores does one head compute at L = {length}?", scores, 0,
                    f"L (L + 1) / 2 = {length}*{length + 1}/2 = {scores}", slips=(
                        (length ** 2, "no position looks ahead"),
                        (length * (length - 1) // 2, "each position scores itself, too"),
                        (length, "that is the last position alone")))


def partner_slips(t, window):
    """Return what one gets for the partners of t by the usual slips."""
    partners = {t - offset for offset in window if offset <= t}
    return ((partners | {t}, "t is not a partner of itself: no offset is 0"),
            ({t - offset for offset in window}, "positions below 0 do not exist"),
            (set(window), "these are the offsets: subtract them from t"),
            ({t + offset for offset in window}, "a partner stands before t: subtract"))


def ask_partners(rng):
    """Which positions a position looks at."""
    t = rng.randint(5, 11)
    window = (1, *sorted(rng.sample(range(2, 9), 2)))
    config = micro_grassmann.Config(vocab_size=1, window=window)
    worked = ", ".join(f"{t} - {offset} = {t - offset}" for offset in window)
    return Question(f"The offsets are {arrow(window)}. Which positions are partners of t = {t}?",
                    set(partners_of_all(t + 1, config)[t]), 0,
                    f"{worked}; only 0 and more exist", slips=partner_slips(t, window))


def plane_slips(u, v, i, j):
    """Return what one gets for p_ij by the usual slips."""
    return ((u[i] * v[j] + u[j] * v[i], "the second product is subtracted"),
            (u[j] * v[i] - u[i] * v[j], "u and v, or i and j, have changed places"),
            (u[i] * v[i] - u[j] * v[j], "each product takes i from one vector and j from the "
                                        "other"),
            (dot(u, v), "that is the dot product"))


def ask_area(rng):
    """A Plücker coordinate in 2-D."""
    u = small(rng, 2)
    v = small(rng, 2)
    p = plucker(u, v)[0]
    return Question(f"u = {arrow(u)}, v = {arrow(v)}. What is p_01?", p, 0,
                    f"u_0 v_1 - u_1 v_0 = {plucker_filled(u, v)} = {plain(p)}",
                    slips=plane_slips(u, v, 0, 1))


def ask_coordinate(rng):
    """A Plücker coordinate in 3-D."""
    u = small(rng, 3)
    v = small(rng, 3)
    n = rng.randrange(3)
    i, j = list(combinations(range(3), 2))[n]
    p = plucker(u, v)[n]
    return Question(f"u = {arrow(u)}, v = {arrow(v)}. What is p_{i}{j}?", p, 0,
                    f"u_{i} v_{j} - u_{j} v_{i} = {plucker_filled(u, v, i, j)} = {plain(p)}",
                    slips=plane_slips(u, v, i, j))


def ask_gate(rng):
    """What the gate lets through."""
    alpha = rng.choice((0.25, 0.75))
    x = rng.randint(1, 9)
    g = rng.choice((-8, -4, 4, 8))
    result = gate_toy(math.log(alpha / (1 - alpha)) / x, x, (g, 0)).result[0].data
    return Question(f"alpha = {alpha}, x = {x}, g = {g}. What is the result of the gate?", result,
                    2, f"{times(alpha, x)} + {times(1 - alpha, g)} = {plain(result)}", slips=(
                        ((1 - alpha) * x + alpha * g, "alpha is the share of x, not of g"),
                        (alpha * x + g, "g has a share, too: 1 - alpha"),
                        (alpha * x, "you forgot g")))


def ask_grad(rng):
    """A gradient along two edges."""
    first, second = small(rng, 2)
    a, b = values(first, second)
    loss = a * b + a
    loss.backward()
    return Question(f"a = {first}, b = {second}, loss = a * b + a. What is a.grad?", a.grad, 0,
                    f"b from the product + 1 from the sum = {second} + 1 = {plain(a.grad)}",
                    slips=((second, "a goes into loss twice: in the product and in the sum"),
                           (loss.data, "that is the loss"), (first, "that is b.grad"),
                           (first + 1, "the product moves b times as much as a, not a times")))


def ask_state(rng):
    """How much a layer must keep."""
    length = rng.choice((200, 500, 1000, 2000))
    d = micro_gpt.Config(vocab_size=1).n_embd
    return Question(f"d = {d}, one layer. How many numbers does attention keep of {length} tokens?",
                    2 * d * length, 0, f"a key and a value of {d} numbers for each token: "
                    f"2*{d}*{length} = {2 * d * length}", slips=(
                        (d * length, "a key and a value for each token: twice that"),
                        (2 * d, "that is one token's"),
                        (2 * length, "a key has d numbers, and so has a value")))


def ask_swapped(rng):
    """Whether a layer notices that two tokens have changed places."""
    name = rng.choice(("Grassmann", "mean of states", "planes apart", "linear map"))
    words = {"Grassmann": "the mean of the planes", "mean of states": "the mean of the states",
             "planes apart": "the planes side by side", "linear map": "the states side by side"}
    model = beyond.mixer(name)
    config = model.Config(vocab_size=1, r=3, window=(1, 2))
    features = []
    for past in (((1, 0, 0), (0, 1, 0), (0, 0, 1)), ((0, 1, 0), (1, 0, 0), (0, 0, 1))):
        states = [values(*z, model=model) for z in past]
        features.append([v.data for v in model.mean_plane(states, config)])
    changes = features[0] != features[1]
    return chosen(f"A layer passes on {words[name]} at the offsets 1 and 2. These two partners "
                  "change places. Does what it passes on change?", ("yes", "no"),
                  1 if changes else 2, "side by side each offset has its own place" if changes
                  else "a sum does not depend on the order of what is added")


# {what is asked: the page that it belongs to}, in the order of the worksheet
QUIZ = {ask_loss: "2", ask_score: "5", ask_weight: "5", ask_scores: "5", ask_partners: "6",
        ask_area: "7", ask_coordinate: "7", ask_gate: "8", ask_grad: "9", ask_state: "14",
        ask_norm: "4a", ask_average: "4b", ask_swapped: "12c"}


def questions(seed):
    """Return the questions of a seed."""
    rng = random.Random(seed)
    return [ask(rng) for ask in QUIZ]


# ---- judged --------------------------------------------------------------------------------------


def understood(text, question):
    """Return the reply as a number or a set of positions; ValueError if it is neither."""
    if isinstance(question.answer, set):
        return {int(word) for word in text.replace(",", " ").split()}
    words = text.replace(",", ".").split()
    if len(words) != 1:
        raise ValueError(text)
    top, slash, bottom = words[0].rstrip("%").partition("/")
    number = float(top) / float(bottom) if slash else float(top)
    if not math.isfinite(number):
        raise ValueError(text)
    if question.options and number not in range(1, len(question.options) + 1):
        raise ValueError(text)
    return number


def judged(reply, question):
    """Return (whether the reply is right, what to say of it); None if it was a guess."""
    answer = question.answer
    if question.guess:
        return None, f"You said {plain(reply)}: {plain(abs(reply - answer), 1)} away."
    if same(reply, answer, question.digits):
        return True, "Right."
    for wrong, words in question.slips:
        if same(reply, wrong, question.digits) and not same(answer, wrong, question.digits):
            return False, f"No: {words}."
    if question.options:
        return False, "No."
    if isinstance(answer, set):
        return False, f"{len(reply & answer)} of {len(answer)} found, {len(reply - answer)} wrong."
    if same(reply, -answer, question.digits):
        return False, "No: the sign is the other way round."
    gap = reply - answer
    near = "Close, but" if abs(gap) <= 0.1 * max(abs(answer), 1) else "Not close:"
    by = plain(abs(gap), max(1, question.digits))
    return False, f"{near} {by} too {'high' if gap > 0 else 'low'}."


def same(reply, answer, digits):
    """Return whether two answers are the same to so many decimals."""
    if isinstance(answer, set):
        return reply == answer
    return abs(reply - answer) <= 0.5001 * 10 ** -digits


def answer_text(question):
    """Return the answer as a reader would type it."""
    if isinstance(question.answer, set):
        return " ".join(map(str, sorted(question.answer, reverse=True)))
    return f"{question.answer:.{question.digits}f}"


def question_lines(question):
    """Return the question as paragraphs, its options or the decimals of its answer with it."""
    decimals = {0: "", 1: " (1 decimal)"}.get(question.digits, f" ({question.digits} decimals)")
    *first, text = question.text.split("\n")
    lines = [f"    {line}" for line in first] + [text + decimals]
    options = [f"{n}: {option}" for n, option in enumerate(question.options, 1)]
    if len("   ".join(options)) < 75:
        options = ["   ".join(options)]
    return lines + [f"    {option}" for option in options if option]


def solution(question):
    """Return the answer and how it is found, as a sentence."""
    said = answer_text(question)
    if question.options:
        said = f"{said}: {question.options[question.answer - 1]}"
    return f"The answer is {said}. {question.worked}."


def asked_types(question):
    """Return what a reader may type, as words."""
    if question.options:
        return f"the number of an option, 1 to {len(question.options)}"
    if isinstance(question.answer, set):
        return f"positions, like {listed((5, 3, 0))}"
    return "a number, like 3, -0.25 or 1/4"
