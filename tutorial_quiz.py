"""The tutorial's questions: asked on its pages, in the quiz and on the worksheet, and judged.

There is nothing to run; tutorial.py asks them, tutorial_pages.py calls the rest. A question has
fresh numbers for each seed, and knows the slips that are usually made. A new one is a function of a
random.Random that returns a Question, and an entry in QUIZ.
"""
import math
import random
from itertools import combinations
from typing import NamedTuple

import beyond
import micro_gpt
import micro_grassmann
import tutorial_lab as lab
from show import listed


class Question(NamedTuple):
    """A question and its answer: a number, a set of positions or the number of an option."""

    text: str
    answer: object
    digits: int  # decimals of the answer
    worked: str  # how it is found
    options: tuple = ()
    slips: tuple = ()  # (a wrong answer, what was done there)
    guess: bool = False  # a prediction of something measured: close or not, never wrong


# ---- numbers as one writes them by hand ----------------------------------------------------------


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


# ---- the questions -------------------------------------------------------------------------------


def chosen(text, options, right, worked, slips=None):
    """Return a question with options, counted from 1; slips is {option: why it is not that}."""
    return Question(text, right, 0, worked, tuple(options), tuple((slips or {}).items()))


def small(rng, n):
    """Return a vector of n whole numbers from -4 to 5, none of them 0."""
    return tuple(rng.choice((-4, -3, -2, -1, 1, 2, 3, 4, 5)) for _ in range(n))


def log_slips(n):
    """Return what one gets for -log(1/n) by the usual slips."""
    return ((1 / n, "that is the probability; the loss is -log of it"),
            (math.log10(n), "that is the logarithm to base 10; log is the natural one"),
            (math.log2(n), "that is the logarithm to base 2; log is the natural one"))


def blind_loss(size):
    """Return the question what a blind guess costs."""
    return Question(f"A model that knows nothing gives each of {size} tokens the same probability. "
                    "What is its loss?", lab.loss_of(size), 2,
                    f"-log(1/{size}) = log {size} = {lab.loss_of(size):.4f}", slips=log_slips(size))


def ask_loss(rng):
    """What a probability costs."""
    n = rng.randint(3, 9)
    return Question(f"The token that came had probability 1/{n}. What is the loss, in nats?",
                    lab.loss_of(n), 2, f"-log(1/{n}) = log {n} = {lab.loss_of(n):.4f}",
                    slips=log_slips(n))


def ask_norm(rng):
    """rmsnorm of two numbers."""
    factor = rng.randint(2, 9)
    x = (factor, 7 * factor)
    first = micro_grassmann.rmsnorm(lab.values(*x))[0].data
    return Question(f"x = {arrow(x)}. What is the first number of rmsnorm(x)?", first, 2,
                    f"The mean square is {plain(lab.dot(x, x) / 2)}, its root {5 * factor}; "
                    f"{factor}/{5 * factor} = {plain(first)}", slips=(
                        (factor / (25 * factor ** 2), "you forgot the root"),
                        (factor / math.hypot(*x), "you divided by the length: take the mean of "
                                                  "the squares, not their sum"),
                        (factor / (4 * factor), "you divided by the mean: square first")))


def ask_average(rng):
    """A plain average."""
    xs = [small(rng, 2) for _ in range(4)]
    mean = lab.average(*xs)[0]
    return Question(f"x_0 to x_3 are {' '.join(map(arrow, xs))}. First number of mean_3?", mean, 2,
                    f"({' + '.join(times(x[0]) for x in xs)})/4 = {plain(mean)}", slips=(
                        (4 * mean, "you forgot to divide by the number of vectors"),
                        (4 * mean / 3, "x_0 to x_3 are 4 vectors"),
                        (lab.average(*xs)[1], "that is the second number")))


def ask_score(rng):
    """A score of attention."""
    q = small(rng, 4)
    k = small(rng, 4)
    score = lab.toy_attention(k, q)[0][0].data
    return Question(f"q = {arrow(q)}, k = {arrow(k)}, of size 4. What is their score?", score, 1,
                    f"q·k / sqrt(4) = ({dot_filled(q, k)})/2 = {plain(score)}", slips=(
                        (2 * score, "you forgot to divide by the root of the size"),
                        (score / 2, "you forgot the root: divide by 2, not by 4")))


def ask_weight(rng):
    """Softmax of two scores."""
    n = rng.randint(2, 9)
    weight = lab.probabilities([0, math.log(n)])[1]
    return Question(f"Two scores are 0 and log {n}. Which weight does softmax give the second?",
                    weight, 2, f"exp(0) = 1 and exp(log {n}) = {n}: {n}/(1 + {n}) = {weight:.4f}",
                    slips=((n, "you forgot to divide by the sum"),
                           (1 - weight, "that is the weight of the first"),
                           (1, "exp(0) is 1, not 0: it belongs to the sum")))


def ask_scores(rng):
    """How many scores attention computes."""
    length = rng.randint(5, 12)
    scores = lab.costs(length)[0]
    return Question(f"How many scores does one head compute at L = {length}?", scores, 0,
                    f"L (L + 1) / 2 = {length}*{length + 1}/2 = {scores}", slips=(
                        (length ** 2, "no position looks ahead"),
                        (length * (length - 1) // 2, "each position scores itself, too"),
                        (length, "that is the last position alone")))


def partner_slips(t, window):
    """Return what one gets for the partners of t by the usual slips."""
    partners = {t - offset for offset in window if offset <= t}
    return ((partners | {t}, "t is no partner of itself: no offset is 0"),
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
                    set(lab.partners_of_all(t + 1, config)[t]), 0,
                    f"{worked}; only 0 and more exist", slips=partner_slips(t, window))


def plane_slips(u, v, i, j):
    """Return what one gets for p_ij by the usual slips."""
    return ((u[i] * v[j] + u[j] * v[i], "the second product is subtracted"),
            (u[j] * v[i] - u[i] * v[j], "u and v, or i and j, have changed places"),
            (u[i] * v[i] - u[j] * v[j], "each product takes i from one vector and j from the "
                                        "other"),
            (lab.dot(u, v), "that is the dot product"))


def ask_area(rng):
    """A Plücker coordinate in 2-D."""
    u = small(rng, 2)
    v = small(rng, 2)
    p = lab.plucker(u, v)[0]
    return Question(f"u = {arrow(u)}, v = {arrow(v)}. What is p_01?", p, 0,
                    f"u_0 v_1 - u_1 v_0 = {plucker_filled(u, v)} = {plain(p)}",
                    slips=plane_slips(u, v, 0, 1))


def ask_coordinate(rng):
    """A Plücker coordinate in 3-D."""
    u = small(rng, 3)
    v = small(rng, 3)
    n = rng.randrange(3)
    i, j = list(combinations(range(3), 2))[n]
    p = lab.plucker(u, v)[n]
    return Question(f"u = {arrow(u)}, v = {arrow(v)}. What is p_{i}{j}?", p, 0,
                    f"u_{i} v_{j} - u_{j} v_{i} = {plucker_filled(u, v, i, j)} = {plain(p)}",
                    slips=plane_slips(u, v, i, j))


def ask_gate(rng):
    """What the gate lets through."""
    alpha = rng.choice((0.25, 0.75))
    x = rng.randint(1, 9)
    g = rng.choice((-8, -4, 4, 8))
    result = lab.gate_toy(math.log(alpha / (1 - alpha)) / x, x, (g, 0)).result[0].data
    return Question(f"alpha = {alpha}, x = {x}, g = {g}. What is the result of the gate?", result,
                    2, f"{times(alpha, x)} + {times(1 - alpha, g)} = {plain(result)}", slips=(
                        ((1 - alpha) * x + alpha * g, "alpha is the share of x, not of g"),
                        (alpha * x + g, "g has a share, too: 1 - alpha"),
                        (alpha * x, "you forgot g")))


def ask_grad(rng):
    """A gradient along two edges."""
    first, second = small(rng, 2)
    a, b = lab.values(first, second)
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
        states = [lab.values(*z, model=model) for z in past]
        features.append([v.data for v in model.mean_plane(states, config)])
    changes = features[0] != features[1]
    return chosen(f"A layer hands on {words[name]} at the offsets 1 and 2. These two partners "
                  "change places. Does what it hands on change?", ("yes", "no"),
                  1 if changes else 2, "side by side each offset has its own place" if changes
                  else "a sum does not ask in which order it was added")


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
    near = "Near" if abs(gap) <= 0.1 * max(abs(answer), 1) else "Far"
    by = plain(abs(gap), max(1, question.digits))
    return False, f"{near}: {by} too {'high' if gap > 0 else 'low'}."


def same(reply, answer, digits):
    """Return whether two answers are the same to so many decimals."""
    if isinstance(answer, set):
        return reply == answer
    return abs(reply - answer) <= 0.5001 * 10 ** -digits


def answer_text(question):
    """Return the answer as a reader would type it."""
    if isinstance(question.answer, set):
        return " ".join(map(str, sorted(question.answer, reverse=True)))
    return plain(question.answer, question.digits)


def question_lines(question):
    """Return the question as paragraphs, its options or the decimals of its answer with it."""
    decimals = {0: "", 1: " (1 decimal)"}.get(question.digits, f" ({question.digits} decimals)")
    *first, text = question.text.split("\n")
    lines = [f"    {line}" for line in first] + [text + decimals]
    if question.options:
        lines.append("    " + "   ".join(f"{n}: {option}"
                                         for n, option in enumerate(question.options, 1)))
    return lines


def solution(question):
    """Return the answer and how it is found, as a sentence."""
    said = answer_text(question)
    if question.options:
        said = f"{said}, {question.options[question.answer - 1]}"
    return f"The answer is {said}. {question.worked}."


def asked_types(question):
    """Return what a reader may type, as words."""
    if question.options:
        return f"the number of an option, 1 to {len(question.options)}"
    if isinstance(question.answer, set):
        return f"positions, like {listed((5, 3, 0))}"
    return "a number, like 3, -0.25 or 1/4"
