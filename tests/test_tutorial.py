"""The tutorial: what it prints is what the models compute, and it behaves on a terminal.

The pages are read back and compared with plain arithmetic that shares no code with the models.
"""
import contextlib
import importlib.util
import inspect
import io
import itertools
import math
import os
import re
import select
import subprocess
import sys
import tempfile
import time
import unittest
from types import SimpleNamespace
from unittest import mock

import benchmark
import micro_gpt
import micro_grassmann
import tutorial
from tests.helpers import INPUT, ROOT, flat, run, set_up, slow

try:
    import pty
except ImportError:  # not on Windows
    pty = None

SCRIPT = ROOT / "tutorial.py"
COUNT = len(tutorial.STEPS)
DOCS = INPUT.read_text(encoding="utf-8").split()
ONE = {"name": "emma", "seed": 42, "n_layer": 1}
CASES = (ONE, {"name": "anna", "seed": 1, "n_layer": 2},
         {"name": "elena", "seed": 42, "n_layer": 2}, {"name": "emma", "seed": 1, "n_layer": 1})
TWO_SEEDS = ({"name": "emma", "seed": 42}, {"name": "anna", "seed": 1},
             {"name": "elena", "seed": 1})
SETTINGS = {key: value for key, value in os.environ.items()
            if not key.startswith(("PYTHON", "LC_")) and key not in ("LANG", "NO_COLOR", "TERM")}
SETTINGS.update(PYTHONUTF8="1", PYTHONDONTWRITEBYTECODE="1", TERM="xterm")
posix = unittest.skipUnless(pty, "needs a pseudo-terminal")

# ---- plain arithmetic ----------------------------------------------------------------------------


def dot(a, b):
    return sum(x * y for x, y in zip(a, b))


def times(rows, x):
    return [dot(row, x) for row in rows]


def norm(x, eps=1e-5):
    return [v / math.sqrt(dot(x, x) / len(x) + eps) for v in x]


def softmax(scores):
    return [math.exp(v) / sum(map(math.exp, scores)) for v in scores]


def wedge(u, v):
    return [u[i] * v[j] - u[j] * v[i] for i, j in itertools.combinations(range(len(u)), 2)]


def partners(t, window=(1, 2, 4, 8, 12, 16)):
    return [t - offset for offset in window if t >= offset]


def grassmann_mix(x, past, weights):
    """Return all that the Grassmann layer computes; past has the earlier z and gets this one."""
    z = times(weights["W_red"], x)
    past.append(z)
    met = partners(len(past) - 1)
    planes = [wedge(z, past[s]) for s in met]
    units = [[v / math.sqrt(dot(p, p) + 1e-8) for v in p] for p in planes]
    mean = [sum(column) / len(units) for column in zip(*units)]
    g = times(weights["W_plu"], mean) if met else [0.0] * len(x)
    scores = [a + b for a, b in zip(times(weights["W_gate_h"], x), times(weights["W_gate_g"], g))]
    alpha = [1 / (1 + math.exp(-v)) for v in scores]
    return SimpleNamespace(x=x, z=z, partners=met, planes=planes, units=units, mean=mean, g=g,
                           alpha=alpha,
                           result=[a * u + (1 - a) * v for a, u, v in zip(alpha, x, g)])


def attention_mix(x, past, weights, heads=4):
    """Return what attention computes, with the weights of each head."""
    q, k, v = (times(weights[name], x) for name in ("wq", "wk", "wv"))
    past.append((k, v))
    size, out, all_heads = len(x) // heads, [], []
    for h in range(heads):
        part = slice(h * size, h * size + size)
        shares = softmax([dot(q[part], k_s[part]) / math.sqrt(size) for k_s, _ in past])
        all_heads.append(shares)
        out += [dot(shares, column) for column in zip(*[v_s[part] for _, v_s in past])]
    return SimpleNamespace(heads=all_heads, result=times(weights["wo"], out))


class Reference:
    """A model with the weights a seed gives, read on one name by plain arithmetic."""

    def __init__(self, model, name, seed=42, n_layer=1):
        start = set_up(model, DOCS, seed, n_layer=n_layer)
        self.vocab, self.config = start.vocab, start.config
        self.weights = {key: [[w.data for w in row] for row in rows]
                        for key, rows in start.params.items()}
        self.tokens = [len(self.vocab), *map(self.vocab.index, name), len(self.vocab)]
        mix = attention_mix if model is micro_gpt else grassmann_mix
        pasts = [[] for _ in range(n_layer)]
        self.inside, self.chances = [], []
        for t, token in enumerate(self.tokens[:-1]):
            x = norm([a + b for a, b in zip(self.weights["wte"][token], self.weights["wpe"][t])])
            for n, past in enumerate(pasts):
                layer = {key.split(".")[1]: rows for key, rows in self.weights.items()
                         if key.startswith(f"layer{n}.")}
                mixed = mix(norm(x), past, layer)
                x = [a + b for a, b in zip(x, mixed.result)]
                hidden = [max(0.0, h) for h in times(layer["fc1"], norm(x))]
                x = [a + b for a, b in zip(x, times(layer["fc2"], hidden))]
            self.inside.append(mixed)  # that of the last layer
            self.chances.append(softmax(times(self.weights["lm_head"], x)))
        self.losses = [-math.log(p[target]) for p, target in zip(self.chances, self.tokens[1:])]


# ---- reading pages -------------------------------------------------------------------------------


def page(number, **changes):
    """Return the page of a step, with its question and answer."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        task = tutorial.STEPS[number - 1][1](**changes)
    return out.getvalue() + f"Try: {task.question}\nAnswer: {task.answer}\n".replace("\u00a0", " ")


def joined(text):
    """Return the text with its line breaks as blanks."""
    return " ".join(text.split())


def numbers(text):
    """Return all numbers in a text."""
    found = re.findall(r"(?<![\w.])-?\d[\d,]*(?:\.\d+)?", text.replace(", ", " "))
    return [float(number.replace(",", "")) for number in found]


def row(text, head):
    """Return the numbers after the first line that starts so, blanks in front left aside."""
    line = next(line.strip() for line in text.splitlines() if line.strip().startswith(head))
    return numbers(line[len(head):])


def lists(text):
    """Return the vectors in square brackets, in their order."""
    return [numbers(inner) for inner in re.findall(r"\[( *-?\d\.[^\]]*)\]", text)]


SUM = re.compile(r"(?<![\w\])·.^²|])([-+*/(). \d]*\d[-+*/(). \d]*[-+*/][-+*/(). \d]*)"
                 r" = (?=(-?[\d,.]*\d))")


def sums(text):
    """Return (arithmetic, what it is said to give) wherever numbers are filled in."""
    found = []
    for line in text.splitlines():
        for match in SUM.finditer(line):
            filled = re.split(r"\s\s+", match[1].strip())[-1]  # the table's last column
            if filled.count("(") == filled.count(")") and re.search(r"\d.*[-+*/].*\d", filled):
                found.append((filled, float(match[2].replace(",", ""))))
    return found


def wrong_sums(text):
    """Return the sums that are not right within the rounding of the numbers filled in."""
    return [(filled, given) for filled, given in sums(text)
            if abs(eval(filled, {"__builtins__": {}}) - given) > 0.002 + 0.002 * abs(given)]


def close(got, expected, digits=3):
    """Complain unless both lists are equal within rounding."""
    got, expected = list(got), list(expected)
    if len(got) != len(expected) or not expected:
        raise AssertionError(f"{got} is not {expected}")
    for a, b in zip(got, expected):
        if not abs(a - b) <= 0.51 * 10 ** -digits:
            raise AssertionError(f"{got} is not {expected}")


def same(got, expected):
    if got != expected:
        raise AssertionError(f"{got!r} is not {expected!r}")


# ---- each page against plain arithmetic ----------------------------------------------------------


def check_task(text, name, seed, n_layer):
    ref = Reference(micro_grassmann, name, seed, n_layer)
    for t, (chance, target, loss) in enumerate(zip(ref.chances, ref.tokens[1:], ref.losses)):
        after = " ".join(["BOS", *name][:t + 1])
        line = next(line for line in text.splitlines()
                    if re.match(re.escape(after) + r"  +\S+  +\d", line))
        same(line[len(after):].split()[0], [*name, "BOS"][t])
        close(numbers(line), [chance[target], loss], 4)
    mean = sum(ref.losses) / len(ref.losses)
    close(numbers(re.search(r"losses is (\S+)\. ", joined(text))[1]), [mean], 4)
    close(numbers(re.search(r"and costs (\S+)\. ", joined(text))[1]), [math.log(27)], 4)
    close(numbers(text.split("Answer:")[1])[2:], [math.log(2)], 4)


def check_vectors(text, name, seed):
    ref = Reference(micro_grassmann, name, seed)
    token = ref.tokens[1]
    wte, wpe = ref.weights["wte"][token], ref.weights["wpe"][1]
    added = [a + b for a, b in zip(wte, wpe)]
    for got, expected in zip(lists(text), (wte, wpe, added, norm(added))):
        close(got, expected[:6])
    shown = re.search(name + r" is ([\d ]+)\.", joined(text))[1]
    same(numbers(shown), list(map(float, ref.tokens)))
    close(row(text, "1/5 =") + row(text, "7/5 ="), [0.2, 1.4])
    close(numbers(text.split("Answer: (")[1]), norm([2, 14]))


def check_past(text, name):
    whole = "".join(f"^{doc}$" for doc in DOCS)
    for context in (name[2], name[1:3], name[:3]):
        seen = whole.count(context)
        following = {}
        for doc in DOCS:
            for place in range(len(doc)):
                if doc.startswith(context, place):
                    token = f"{doc}$"[place + len(context)]
                    following[token] = following.get(token, 0) + 1
        same(row(text, f"{context} ")[0], float(sum(following.values())))
        if len(context) < 2 or len(set(context)) == len(context):
            same(seen, sum(following.values()))
        most = sorted(following.values(), reverse=True)[:3]
        after = following.get(f"{name}$"[3], 0)
        close(row(text, f"{context} ")[1:], [100 * n / sum(following.values())
                                             for n in (*most, after)], 1)
    for n in range(1, 6):
        found = {doc[i:i + n] for doc in DOCS for i in range(len(doc) - n + 1)}
        same(row(text, f"{n} "), [26.0 ** n, float(len(found))])
    q = [doc[i + 1] for doc in DOCS for i, letter in enumerate(doc[:-1]) if letter == "q"]
    close(numbers(text.split("Answer:")[1])[:1], [100 * q.count("u") / sum(
        doc.count("q") for doc in DOCS)], 1)


def check_average(text):
    xs = ((6, 0), (0, 3), (3, 3), (7, 2))
    for t in range(3):
        close(row(text, f"{t}  (")[-2:], [sum(x[i] for x in xs[:t + 1]) / (t + 1) for i in (0, 1)])
    close(row(text, "was"), [3, 2, 3, 2])
    close(numbers(text.split("Answer:")[1])[:2], [sum(x[i] for x in xs) / 4 for i in (0, 1)])


def check_attention(text, name, seed, n_layer):
    xs = ((2, 0, 0, 0), (0, 2, 0, 0), (1, 0, 0, 1))
    scores = [dot(xs[2], x) / 2 for x in xs]
    weights = softmax(scores)
    for s in range(3):
        e_s, e_again, total, weight = row(text, f"{s}  (")[-4:]
        close([row(text, f"{s}  (")[-5]], [scores[s]])
        close([e_s, e_again, total], [math.exp(scores[s] - 1)] * 2 + [sum(
            math.exp(v - 1) for v in scores)])
        close([weight], [weights[s]])
    close(row(text, "result = ("), [dot(weights, column) for column in zip(*xs)])
    ref = Reference(micro_gpt, name, seed, n_layer)
    close(lists(text)[0], ref.inside[-1].heads[0])
    x = (0, 1, 0, 1)
    close(numbers(text.split("weights are")[1]), softmax([dot(x, v) / 2 for v in (*xs[:2], x)]))


def births(model, length):
    """Return how often Value was called while the mixing layer ran on so many vectors."""
    made, init = [], model.Value.__init__

    def counting(self, *args):
        made.append(None)
        init(self, *args)
    start = set_up(model, ["ab"] * 20)
    xs = [[model.Value(math.sin(7 * t + i)) for i in range(16)] for t in range(length)]
    past = []
    with mock.patch.object(model.Value, "__init__", counting):
        for x in xs:
            model.mix(x, "layer0", past, start.params, start.config)
    return len(made)


def check_cost(text):
    before = None
    for length in (4, 8, 16, 32, 64):
        scores, pairs = length * (length + 1) // 2, sum(len(partners(t)) for t in range(length))
        found = row(text, f"{length} ")
        if before:
            close([found.pop(1), found.pop(3)], [scores / before[0], pairs / before[1]], 2)
        before = scores, pairs
        same([found[0], found[2]], [scores, pairs])
        if length in (4, 16):
            same([found[1], found[3]], [births(micro_gpt, length), births(micro_grassmann, length)])
    same(numbers(text.split("Answer:")[1])[-2:], [128 * 129 / 2, sum(
        len(partners(t)) for t in range(128))])


def check_idea(text, name, seed):
    close([row(text, "x_t")[0], row(text, "z_t")[0], row(text, "g_t")[-2]], [16, 4, 16])
    close(row(text, "p  "), [6, 9])
    areas = [given for filled, given in sums(text)]
    same(areas, [5.0, -5.0, 0.0])
    met = re.search(r"to s = ([\d, ]+);", joined(text))[1]
    same(numbers(met), list(map(float, partners(len(name)))))


def check_reduction(text, name, seed, n_layer):
    ref = Reference(micro_grassmann, name, seed, n_layer)
    same(row(text, "numbers in the vector"), [2, 3, 4, 8, 16])
    same(row(text, "Plücker coordinates "), [1, 3, 6, 28, 120])
    x = ref.inside[-1].x
    for got, expected in zip(lists(text.split("In the model")[1]),
                             (x[:8], x[8:], ref.inside[-1].z)):
        close(got, expected)
    same([given for _, given in sums(text)], [4.0, -3.0])
    same(numbers(text.split("Answer:")[1]), [4, -3])


def check_coordinates(text):
    u, v = (1, 2, 0), (0, 1, 3)
    same([given for _, given in sums(text)], [5.0, *wedge(u, v), 46.0, 46.0])
    same(row(text, "v and u, swapped"), wedge(v, u))
    same(row(text, "2u and v"), wedge((2, 4, 0), v))
    same(row(text, "u and 2u")[:3], [0, 0, 0])
    same(numbers(text.split("Answer:")[1]), wedge(u, (1, 3, 3)))


def check_sees(text):
    u = (1, 0, 0)
    lines = [line for line in text.splitlines() if line.count("(") == 3]
    same(len(lines), 8)
    for line in lines:
        v = tuple(numbers(re.search(r"\(.*?\)", line)[0]))
        p = wedge(u, v)
        length = math.sqrt(dot(p, p)) or 1
        close(numbers(line.split(")", 1)[1]), [dot(u, v), *p, *[c / length for c in p]])
    close(numbers(text.split("Answer:")[1]), [7, -1, 0, 0, -1, 0, 0])


def check_offsets(text):
    for t in range(13):
        line = next(line for line in text.splitlines() if re.match(rf"{t} +[o.T]", line))
        marks = re.findall(r"(?<= )[oT.](?= |$)", line)
        expected = ["T" if s == t else "o" if s in partners(t) else "." for s in range(t + 1)]
        same(marks, expected)
        same(numbers(line)[1:], list(map(float, partners(t))))
    same(numbers(re.search(r"together have (.*) pairs", joined(text))[1]),
         [float(sum(len(partners(t)) for t in range(13))), 78.0])


def check_gate(text, name, seed, n_layer):
    close(row(text, "result[0] =")[-1:] + row(text, "result[1] =")[-1:],
          [0.75 * 1 + 0.25 * 5, 0.5 * 0 + 0.5 * 8])
    for score in (-4, -1, 0, 1, 4):
        alpha = 1 / (1 + math.exp(-score))
        found = row(text, f"{score}  ")
        close([found[0], found[-1]], [alpha, alpha + (1 - alpha) * 5])
    last = Reference(micro_grassmann, name, seed, n_layer).inside[-1]
    for got, key in zip(lists(text.split("In the model")[1]), ("x", "g", "alpha", "result")):
        close(got, getattr(last, key)[:6])
    close(numbers(text.split("Answer:")[1])[-1:], [0.25 + 0.75 * 5])


def check_pipeline(text, name, seed, n_layer):
    ref = Reference(micro_grassmann, name, seed, n_layer)
    last, t = ref.inside[-1], len(name)
    for n, inside in enumerate(ref.inside):
        line = next(line for line in text.splitlines() if re.match(rf"{n}  +(BOS|[a-z]) ", line))
        met, rest = line.split("[")
        same([int(s) for s in met.split()[2:] if s != "none"], inside.partners)
        close(numbers(rest)[:4], [*inside.z[:2], inside.g[0], inside.alpha[0]])
        close(numbers(rest)[4:], [ref.chances[n][ref.tokens[n + 1]]], 4)
    s = last.partners[0]
    expected = [last.z, ref.inside[s].z, last.planes[0], *last.units, last.mean, last.g[:6],
                last.alpha[:6], last.x[:6], last.result[:6]]
    found = lists(text.split("closely;")[1])
    same(len(found), len(expected))
    for got, numbers_ in zip(found, expected):
        close(got, numbers_)
    for met in last.partners:
        row(text, f"unit of {t} and {met}")
    close(row(text, f"p_01 of {t} and {s}")[-1:], last.planes[0][:1])


def check_comparison(text, docs, seeds, steps):
    found = {}
    for model in (micro_gpt, micro_grassmann):
        for seed in seeds:
            start = set_up(model, docs, seed)
            seen, unseen = start.docs[:steps], start.docs[steps:steps + len(docs) // 10]
            list(model.train(seen, start.params, start.config, steps))
            found[model, seed] = (len(flat(start.params)),
                                  model.evaluate(unseen, start.params, start.config))
    both = [found[model, seed] for seed in seeds for model in (micro_gpt, micro_grassmann)]
    same(row(text, "weights"), [float(size) for size, _ in both])
    close(row(text, "loss on unseen names"), [loss for _, loss in both], 4)
    close(row(text, "perplexity"), [math.exp(loss) for _, loss in both], 2)
    gaps = [both[2 * n + 1][1] - both[2 * n][1] for n in range(len(seeds))]
    shown = re.findall(r"([-+]\d\.\d+) \(seed (\d+)\)", text)
    close([float(gap) for gap, _ in shown], gaps, 4)
    same([int(seed) for _, seed in shown], list(seeds))
    same("The sign changes" in text, gaps[0] * gaps[1] < 0)
    same("Both times Grassmann" in text, min(gaps) > 0)
    same("Both times attention" in text, max(gaps) < 0)
    close(numbers(text.split("Answer:")[1])[-1:], [both[0][0] - both[1][0]])


def check_backward(text):
    a, b, c = 3, 6, 36
    slope = 2 * 2 * b + 2  # loss = (2 a)² + 2 a
    for head, value, local, grad in (("4     loss = c + b", c + b, [1, 1], 1),
                                     ("3     c = b * b", c, [b, b], 1),
                                     ("2     b = a * 2", b, [2, a], 2 * b + 1)):
        found = row(text, head)
        close([found[0], *found[-3:]], [value, *local, grad])
    close(row(text, "0     a"), [a, slope])
    close(row(text, "a.grad =")[-1:] + row(text, "check:")[-1:], [slope, slope])
    wrong = text.split("Why the order")[1]
    close([row(wrong, "a.grad =")[0], row(wrong, "b.grad =")[0]], [2, 2 * b + 1])
    close(numbers(text.split("Answer:")[1])[:1], [2 * slope])


def check_training(text, name, seed, steps):
    start = set_up(micro_grassmann, DOCS, seed)
    tokens = micro_grassmann.tokenize(name, start.vocab)
    before = micro_grassmann.evaluate([tokens], start.params, start.config)
    losses = list(micro_grassmann.train(start.docs[:steps], start.params, start.config, steps))
    bars = [sum(losses[n:n + 20]) / 20 for n in range(0, steps, 20)]
    for n, bar in enumerate(bars, 1):
        line = next(line for line in text.splitlines() if line.startswith(f"    step {20 * n:3} "))
        close(numbers(line)[1:], [bar])
        same(line.count("#"), round(15 * bar))
    after = micro_grassmann.evaluate([tokens], start.params, start.config)
    found = re.search(r"mean loss (\S+) before and has (\S+) now", joined(text))
    close(map(float, found.groups()), [before, after])
    found = re.search(r"changes by (\S+)\. It goes up (\d+)", joined(text))
    close(numbers(found[1].lstrip("+")), [bars[-1] - bars[0]])
    same(int(found[2]), sum(one < two for one, two in zip(bars, bars[1:])))
    written = [micro_grassmann.generate(start.vocab, start.params, start.config, start.rng, 0.5)
               or "(nothing)" for _ in range(8)]
    same(" ".join(written) in text, True)
    close(numbers(text.split("Answer:")[1])[-1:], [math.exp(bars[-1])], 1)


def check_layers(text):
    t, reach = 15, {0}
    for n in (1, 2, 3):
        reach |= {before + offset for before in reach for offset in (1, 2, 4, 8, 12, 16)}
        sees = [s for s in range(t + 1) if t - s in reach]
        check_marks(text, f"Grassmann, {n} layer", sees)
        if n == 1:
            found = re.search(r"t - offset: ([\d, ]+)\.", joined(text))[1]
            same(numbers(found), list(map(float, sees)))
            hidden = max(set(range(t)) - set(sees))
    check_marks(text, "attention, 1 layer", list(range(t + 1)))
    same(numbers(text.split("Answer: Position")[1])[0], float(hidden))


def check_marks(text, head, sees):
    line = next(line for line in text.splitlines() if line.startswith(head))
    marks = re.findall(r"(?<= )[x.](?= )", line)
    same([s for s, mark in enumerate(marks) if mark == "x"], sees)
    same(len(marks), 16)
    same(numbers(line)[-1], float(len(sees)))


def check_fold(text):
    z, partners, weights = (1, 2, 0), ((0, 1, 3), (2, 0, 1)), []
    m, units = [0, 0, 0], [0, 0, 0]
    for v in partners:
        p = [z[0] * v[1] - z[1] * v[0], z[0] * v[2] - z[2] * v[0], z[1] * v[2] - z[2] * v[1]]
        weights.append(sum(x * x for x in p) ** -0.5)
        m = [a + weights[-1] * b for a, b in zip(m, v)]
        units = [a + weights[-1] * b for a, b in zip(units, p)]
    for head, true in (("m =", weights + m), ("z ∧ m  ", units), ("both units", units)):
        same(row(text, head), [round(x, 3) for x in true])
    same(row(text, "weight 1 / |p|"), [round(weight, 4) for weight in weights])
    loop, folded = [int(x.replace(",", "")) for x in re.findall(
        r"loop makes ([\d,]+) nodes and the folded layer ([\d,]+)", joined(text))[0]]
    pairs = sum(max(0, 16 - o) for o in (1, 2, 4, 8, 12, 16))  # partners over 16 positions
    same(float(loop), float((6 * 16 + 32) * 16 + (2 * 496 + 4) * pairs + 3 * 496 * 15 + 1))
    assert folded < loop / 5


def check_counts(shown, text):
    c, opened = 0, 0
    rows = re.findall(r"^\d+ +[()] .*$", shown, re.MULTILINE)
    same(len(rows), len(text))
    for t, (line, bracket) in enumerate(zip(rows, text), 1):
        y = 1 if bracket == "(" else -1
        opened += y
        same(numbers(line.replace("(", " ").replace(")", " ")),
             [float(x) for x in (t, y, c, y - c, (y > c) - (y < c), opened)])
        c += y
    reach, counts = {0}, []
    for _ in range(4):
        reach |= {a + o for a in reach for o in (1, 2, 4, 8, 16) if a + o <= 50}
        counts.append(len(reach))
    assert f"hears from {', '.join(map(str, counts))} with 1, 2, 3, 4 layers" in joined(shown)


# check, step, the arguments it is tried with
CHECKS = {"task": (check_task, 1, CASES), "vectors": (check_vectors, 2, TWO_SEEDS),
          "past": (check_past, 3, ({"name": "emma"}, {"name": "anna"}, {"name": "elena"})),
          "average": (check_average, 4, ({},)), "attention": (check_attention, 5, CASES),
          "cost": (check_cost, 6, ({},)), "idea": (check_idea, 7, TWO_SEEDS),
          "reduction": (check_reduction, 8, CASES), "coordinates": (check_coordinates, 9, ({},)),
          "sees": (check_sees, 10, ({},)), "offsets": (check_offsets, 11, ({},)),
          "gate": (check_gate, 12, CASES), "pipeline": (check_pipeline, 13, CASES),
          "backward": (check_backward, 15, ({},)),
          "training": (check_training, 16, ({"name": "emma", "seed": 42, "steps": 20},
                                            {"name": "anna", "seed": 1, "steps": 20})),
          "layers": (check_layers, 17, ({},)), "fold": (check_fold, 18, ({},)),
          "counts": (check_counts, 19, ({"text": "(())"}, {"text": "()(()())"}))}


def mutated(model, function, old, new):
    """Return a patch that replaces a piece of a model function's source."""
    source = inspect.getsource(getattr(model, function))
    if source.count(old) != 1:
        raise ValueError(f"{old} is gone from {function}: choose another change")
    whole = inspect.getsource(model).replace(source, source.replace(old, new))
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "broken.py")
        with open(path, "w", encoding="utf-8") as file:
            file.write(whole)
        spec = importlib.util.spec_from_file_location("broken", path)
        broken = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(broken)
    made = getattr(broken, function)
    made = type(made)(made.__code__, vars(model), function, made.__defaults__)
    return mock.patch.object(model, function, made)


MUTATIONS = (  # the function, a piece of it, another, and the checks that must notice
    (micro_grassmann, "plucker", "- b.data * c.data", "+ b.data * c.data",
     "idea coordinates pipeline"),
    (micro_grassmann, "mix", "past[-1 - offset]", "past[-offset]", "idea sees offsets"),
    (micro_grassmann, "mix", "if o < len(past)", "if o < len(past) - 1", "cost offsets"),
    (micro_grassmann, "mix", "p_ij * inverse_length for", "p_ij for", "sees pipeline gate"),
    (micro_grassmann, "mix", "(1 / len(units))", "(1 / len(config.window))", "pipeline gate"),
    (micro_grassmann, "gate", "g_i + a * (x_i - g_i)", "x_i + a * (g_i - x_i)", "gate pipeline"),
    (micro_grassmann, "gate", "w_h + w_g for", "w_g + w_h for", "gate pipeline"),
    (micro_grassmann, "gate", "linear((*x, *g), rows)", "linear((*x, *x), rows)", "pipeline task"),
    (micro_grassmann, "rmsnorm", "** -0.5", "** -1", "vectors task reduction"),
    (micro_grassmann, "rmsnorm", "1 / len(x)", "1.01 / len(x)", "vectors reduction"),
    (micro_grassmann, "forward", "len(cache[0])]", "0]", "task pipeline"),
    (micro_grassmann, "feed_forward", "h.data > 0", "h.data < 0", "task"),
    (micro_grassmann, "cross_entropy", "+ top - logits", "- top - logits", "task"),
    (micro_grassmann, "token_losses", "tokens[1:]", "tokens", "task"),
    (micro_gpt, "softmax", "** -1", "** -0.5", "average attention"),
    (micro_gpt, "mix", "size ** -0.5", "size ** -1", "attention"),
    (micro_gpt, "mix", "for k_s, _ in past]", "for _, k_s in past]", "attention"),
)


class TestPages(unittest.TestCase):
    """What the pages print is what the models compute."""

    def test_numbers_are_the_models_own(self):
        for name, (check, number, cases) in CHECKS.items():
            for case in cases if name not in ("cost", "layers") else ():  # see TestWholeLesson
                with self.subTest(step=name, **case):
                    check(page(number, **case), **case)

    def test_comparison(self):
        docs = DOCS[::40]
        few = [doc for doc in docs if len(doc) < 5][:40] + ["xq"]
        spread = [doc for doc in few for _ in range(40)]  # of which the step takes every 40th
        with mock.patch.object(tutorial, "names", lambda: spread):
            text = page(14, seeds=(3, 4), steps=3)
        check_comparison(text, few, (3, 4), 3)
        with self.assertRaises(AssertionError):
            check_comparison(text, few, (4, 3), 3)

    def test_verdict_is_computed(self):
        """Every outcome has its own sentence."""
        for losses, words in (((2.5, 2.4, 2.5, 2.6), "sign changes"),
                              ((2.5, 2.6, 2.5, 2.6), "Grassmann has the higher"),
                              ((2.5, 2.4, 2.5, 2.4), "attention has the higher")):
            runs = [[{"loss": losses[0]}, {"loss": losses[1]}],
                    [{"loss": losses[2]}, {"loss": losses[3]}]]
            self.assertIn(words, " ".join(tutorial.verdict(runs, (1, 2))))

    def test_sums_are_right(self):
        """Wherever numbers are filled in, the arithmetic gives what is printed beside it."""
        count = 0
        for number in (2, 4, 5, 6, 7, 8, 9, 12, 13, 15):
            text = page(number)
            self.assertEqual(wrong_sums(text), [], number)
            self.assertNotEqual(sums(text), [], number)
            count += len(sums(text))
        self.assertGreater(count, 35)
        self.assertEqual(wrong_sums("x = 2*3 - (-1)*1 = 5"), [("2*3 - (-1)*1", 5.0)])

    @slow
    def test_broken_formulas_show(self):
        """Break one formula of a model, and the pages no longer pass."""
        for model, function, old, new, names in MUTATIONS:
            for name in names.split():
                check, number, cases = CHECKS[name]
                case = {**cases[0], "steps": 20} if "steps" in cases[0] else cases[0]
                with self.subTest(function=function, change=new, step=name), \
                        mutated(model, function, old, new), self.assertRaises(AssertionError):
                    check(page(number, **case), **case)

    @slow
    def test_broken_methods_show(self):
        """The same for the sigmoid, the order of backward and the window."""
        value = micro_grassmann.Value
        real, defaults = value.backward, micro_grassmann.Config.__new__.__defaults__

        def opposite(a):
            s = 1 / (1 + math.exp(a.data))
            return value(s, (a,), (s * (1 - s),))

        def first_born_first(self):
            with mock.patch.object(micro_grassmann, "sorted", lambda nodes, key, reverse:
                                   sorted(nodes, key=key), create=True):
                real(self)
        for patch, names in (
                (mock.patch.object(value, "sigmoid", opposite), "gate pipeline task"),
                (mock.patch.object(value, "backward", first_born_first), "backward"),
                (mock.patch.object(micro_grassmann.Config.__new__, "__defaults__",
                                   (*defaults[:-1], (1, 2, 3))), "idea offsets layers")):
            for name in names.split():
                check, number, cases = CHECKS[name]
                with self.subTest(step=name), patch, self.assertRaises(
                        (AssertionError, StopIteration)):
                    check(page(number, **cases[0]), **cases[0])

    def test_recording_leaves_no_trace(self):
        """After an error inside, the model's functions are the old ones."""
        before = vars(micro_grassmann).copy(), micro_grassmann.Value.sigmoid
        with self.assertRaises(KeyError), tutorial.watching():
            micro_grassmann.mix([micro_grassmann.Value(1.0)], "layer9", [], {}, None)
        self.assertEqual((vars(micro_grassmann), micro_grassmann.Value.sigmoid), before)


# ---- the quiz ------------------------------------------------------------------------------------


def solve(question):
    """Return the answer to a question of the quiz, by the test's own arithmetic."""
    text = joined(question)
    found = numbers(text.partition(". ")[2])
    if "probability" in text:
        return str(math.log(float(re.search(r"1/(\d+)", text)[1])))
    if "softmax" in text:
        n = float(re.search(r"log (\d+)", text)[1])
        return str(n / (1 + n))
    if "their score" in text:
        return str(dot(found[:4], found[4:8]) / 2)
    if "attention head" in text:
        length = int(found[-1])
        return str(sum(range(1, length + 1)))
    if "How many Plücker" in text:
        r = int(found[-1])
        return str(len(list(itertools.combinations(range(r), 2))))
    if "coordinate p_" in text:
        i, j = map(int, re.search(r"p_(\d)(\d)", text).groups())
        vectors = [numbers(inner) for inner in re.findall(r"\((.*?)\)", text)]
        return str(vectors[0][i] * vectors[1][j] - vectors[0][j] * vectors[1][i])
    if "offsets" in text:
        window = map(int, numbers(re.search(r"\((.*?)\)", text)[1]))
        t = int(re.search(r"t = (\d+)", text)[1])
        return " ".join(map(str, partners(t, window)))
    if "alpha" in text:
        return str(found[0] * found[1] + (1 - found[0]) * found[2])
    if "a.grad" in text:
        return str(found[1] + 1)
    raise ValueError(f"no idea: {text}")


def take_quiz(seed, answer):
    """Take the quiz; answer(question) is what the reader types. Return all that was printed."""
    asked = []
    with contextlib.redirect_stdout(io.StringIO()) as out:
        def reader(_):
            asked.append(out.getvalue().rstrip().split("\n\n")[-1])
            return answer(asked[-1])
        with mock.patch.object(tutorial, "prompt", reader):
            tutorial.quiz(seed)
    return asked, out.getvalue()


class TestQuiz(unittest.TestCase):
    def test_all_right(self):
        for seed in range(12):
            asked, text = take_quiz(seed, solve)
            self.assertEqual(len(asked), 10)
            self.assertIn("Score: 10 of 10.", text, seed)
            self.assertNotIn("Wrong", text)

    def test_within_rounding(self):
        """Two decimals are enough where two are asked for, a wrong last one is not."""
        def rounded(question):
            decimals = re.search(r"\((\d) decimals?\)", joined(question))
            return f"{float(solve(question)):.{decimals[1]}f}" if decimals else solve(question)

        def off(question):
            decimals = re.search(r"\((\d) decimals?\)", joined(question))
            step = 1.02 * 10 ** -int(decimals[1]) if decimals else 1
            return "9" if "offsets" in question else str(float(solve(question)) + step)
        self.assertIn("Score: 10 of 10.", take_quiz(3, rounded)[1])
        self.assertIn("Score: 0 of 10.", take_quiz(3, off)[1])
        self.assertIn("Score: 0 of 10.", take_quiz(3, lambda q: "")[1])

    def test_all_wrong(self):
        """Each gets an explanation, whose arithmetic is right."""
        for seed in range(4):
            asked, text = take_quiz(seed, lambda question: "99")
            self.assertIn("Score: 0 of 10.", text)
            parts = re.findall(r"Wrong: the answer is (.*)\.\n    (.+)", text)
            self.assertEqual(len(parts), 10)
            for question, (answer, worked) in zip(asked, parts):
                if "offsets" in question:
                    self.assertEqual(answer, solve(question))
                    self.assertIn(" - ", worked)
                else:
                    self.assertAlmostEqual(float(answer), float(solve(question)), delta=0.0051)
                    self.assertAlmostEqual(numbers(worked.replace(", one for each i < j", ""))[-1],
                                           float(answer), delta=0.0051)
            self.assertEqual(wrong_sums(text), [])
            self.assertLessEqual(max(map(len, text.splitlines())), 79)

    def test_seeds(self):
        """The same seed asks the same questions, another one others."""
        first, again, other = (take_quiz(seed, solve)[0] for seed in (7, 7, 8))
        self.assertEqual(first, again)
        self.assertLess([a == b for a, b in zip(first, other)].count(True), 6)

    def test_odd_answers(self):
        """What is no number is asked for again; fractions count; q ends the quiz."""
        replies = iter(["seven", "1/0", "1 2", "nan", "q"])
        asked, text = take_quiz(5, lambda question: next(replies))
        self.assertEqual(text.count("Please type"), 3)
        self.assertIn("Score: 0 of 1.", text)
        asked, _ = take_quiz(5, lambda question: "q")
        n = re.search(r"1/(\d+)", asked[0])[1]
        question = tutorial.questions(5)[1]
        m = re.search(r"log (\d+)", question.text)[1]
        self.assertTrue(tutorial.is_right(tutorial.understood(f"{m}/{int(m) + 1}", question),
                                          question))
        self.assertTrue(n.isdecimal())

    def test_as_a_program(self):
        answers = "\n".join(map(solve, take_quiz(11, solve)[0]))
        ended = subprocess.run([sys.executable, str(SCRIPT), "--quiz", "--seed", "11"], text=True,
                               input=answers, capture_output=True, encoding="utf-8", env=SETTINGS,
                               timeout=60, check=False)
        self.assertEqual((ended.returncode, ended.stderr), (0, ""))
        self.assertIn("Score: 10 of 10.", ended.stdout)
        ended = subprocess.run([sys.executable, str(SCRIPT), "--quiz"], text=True, input="",
                               capture_output=True, encoding="utf-8", env=SETTINGS, timeout=60,
                               check=False)
        self.assertEqual((ended.returncode, ended.stderr), (0, ""))
        self.assertIn("Score: 0 of 0.", ended.stdout)


# ---- the program ---------------------------------------------------------------------------------


def setUpModule():
    """Start the whole lesson in a pipe; it runs while the other tests do."""
    global LESSON
    LESSON = subprocess.Popen([sys.executable, str(SCRIPT)], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=SETTINGS)


def tearDownModule():
    if LESSON.poll() is None:
        LESSON.kill()
        LESSON.wait()
    LESSON.stdout.close()


class TestWholeLesson(unittest.TestCase):
    """The lesson as it runs through a pipe."""

    def test_straight_through(self):
        """All steps in order, each on a page of 80 x 40, in less than 20 seconds of work."""
        raw = LESSON.stdout.read()
        if hasattr(os, "wait4"):
            _, status, used = os.wait4(LESSON.pid, 0)
            LESSON.returncode = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -1
            self.assertLess(used.ru_utime + used.ru_stime, 20)  # others may share the processor
        else:
            LESSON.wait()
        self.assertEqual(LESSON.returncode, 0)
        self.assertNotIn(b"\x1b", raw)
        self.assertNotIn(b"\r", raw.replace(b"\r\n", b"\n"))
        text = raw.decode("utf-8").replace(os.linesep, "\n")
        pages = re.split(r"(?m)^(?=\d+ of \d+  )", text)[1:]
        self.assertEqual(len(pages), COUNT)
        for number, (shown, (title, _)) in enumerate(zip(pages, tutorial.STEPS), 1):
            lines = shown.split("\n\nNext:")[0].rstrip("\n").split("\n")
            with self.subTest(step=number):
                self.assertEqual(lines[0], f"{number} of {COUNT}  {title}")
                self.assertLessEqual(max(map(len, lines)), 79)
                # the empty line before the heading, and the two prompts of a terminal
                self.assertLessEqual(1 + len(lines) + 2, 39)
                self.assertEqual([line for line in lines if line != line.rstrip()], [])
                self.assertEqual(sum(line.startswith("Try: ") for line in lines), 1)
                self.assertEqual(sum(line.startswith("Answer: ") for line in lines), 1)
                self.assertEqual(wrong_sums(shown), [])
        bars = [float(bar) for bar in re.findall(r"    step +\d+  (\S+)", pages[15])]
        self.assertEqual(len(bars), 10)
        self.assertEqual(int(re.search(r"goes up (\d+)", joined(pages[15]))[1]),
                         sum(one < two for one, two in zip(bars, bars[1:])))
        for name in ("cost", "layers"):
            check, number, _ = CHECKS[name]
            check(pages[number - 1])
        if os.environ.get("MICROGRASSMANN_SLOW") == "1":
            check_training(pages[15], "emma", 42, 200)
            check_comparison(pages[13], DOCS[::40], (42, 1), 60)

    def test_list_and_single_steps(self):
        titles = run(SCRIPT, "--list").stdout.splitlines()
        self.assertEqual(titles, [f"{n:2}  {title}" for n, (title, _) in
                                  enumerate(tutorial.STEPS, 1)])
        for option in ((), ("--no-pause",)):
            shown = run(SCRIPT, "--step", 9, *option)
            self.assertEqual((shown.returncode, shown.stderr), (0, ""))
            self.assertTrue(shown.stdout.startswith(f"\n9 of {COUNT}  "))
            check_coordinates(shown.stdout)
            self.assertEqual(shown.stdout.count(f" of {COUNT}  "), 1)

    def test_wrong_options(self):
        """One line and status 2."""
        for options in (("--step", "0"), ("--step", COUNT + 1), ("--step", "two"), ("--step",),
                        ("--step", "-1"), ("--step", "²"), ("--unknown",), ("extra",),
                        ("--seed", "x", "--quiz"), ("--seed", "1"), ("--quiz", "--list"),
                        ("--ste", "3"), ("--step", "3\n4")):
            with self.subTest(options=options), mock.patch.object(
                    sys, "argv", ["tutorial.py", *map(str, options)]), \
                    contextlib.redirect_stderr(io.StringIO()) as err, \
                    contextlib.redirect_stdout(io.StringIO()) as out:
                with self.assertRaises(SystemExit) as ended:
                    tutorial.main()
                self.assertEqual(ended.exception.code, 2)
                self.assertEqual(out.getvalue(), "")
                self.assertRegex(err.getvalue(), r"\Atutorial\.py: error: [^\n]+\n\Z")
        ended = run(SCRIPT, "--step", "99")
        self.assertEqual((ended.returncode, ended.stdout, ended.stderr.count("\n")), (2, "", 1))

    def test_names_missing(self):
        with tempfile.TemporaryDirectory() as folder:
            for path in ROOT.glob("*.py"):
                with open(os.path.join(folder, path.name), "wb") as file:
                    file.write(path.read_bytes())
            ended = run(os.path.join(folder, "tutorial.py"), "--step", "1")
        self.assertEqual((ended.returncode, ended.stdout), (2, ""))
        self.assertRegex(ended.stderr, r"\Atutorial\.py: error: input\.txt: [^\n]+\n\Z")

    @posix
    def test_closed_pipe(self):
        with subprocess.Popen([sys.executable, "-u", str(SCRIPT)], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, env=SETTINGS) as process:
            process.stdout.readline()
            process.stdout.close()
            self.assertEqual(process.stderr.read(), b"")
            self.assertEqual(process.wait(), 0)


# Run a script on the terminal that is its standard input, so that Ctrl-C there reaches it.
OWN_TERMINAL = """
import fcntl, os, runpy, signal, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.argv = sys.argv[1:]
sys.path[0] = os.path.dirname(sys.argv[0])
runpy.run_path(sys.argv[0], run_name="__main__")
"""


class Terminal:
    """The tutorial on a pseudo-terminal of its own, and a reader who types."""

    def __init__(self, *options, **settings):
        self.ours, its = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", OWN_TERMINAL, str(SCRIPT), *map(str, options)], stdin=its,
            stdout=its, stderr=its, env={**SETTINGS, **settings}, start_new_session=True)
        os.close(its)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self.ours)

    def until(self, ending, seconds=60):
        """Return what is printed until this comes; None waits for the end of the program."""
        shown, limit = b"", time.monotonic() + seconds
        while ending is None or ending not in shown.decode("utf-8", "ignore"):
            if not select.select([self.ours], [], [], max(0, limit - time.monotonic()))[0]:
                raise AssertionError(f"no {ending!r} after {shown!r}")
            try:
                chunk = os.read(self.ours, 4096)
            except OSError:  # Linux's way to say that the other end is closed
                chunk = b""
            if not chunk:
                if ending is None:
                    break
                raise AssertionError(f"ended without {ending!r}: {shown!r}")
            shown += chunk
        return shown.decode("utf-8").replace("\r\n", "\n")

    def type(self, text):
        os.write(self.ours, text.encode())

    def end(self):
        """Return the last output and the exit status."""
        return self.until(None), self.process.wait()


PREDICT, GO = "press Enter: ", tutorial.NAVIGATION


@posix
class TestTerminal(unittest.TestCase):
    """The lesson as a reader sees it."""

    def test_a_reader(self):
        """Enter shows the answer and goes on, b goes back, a number jumps, q ends."""
        with Terminal() as terminal:
            shown = terminal.until(PREDICT)
            self.assertIn(f"1 of {COUNT}  ", shown)
            self.assertIn("\x1b[1m", shown)
            self.assertNotIn("Answer:", shown)
            terminal.type("0.7\n")  # a prediction, whatever it is
            self.assertIn("0.6931", terminal.until(GO))
            terminal.type("\n")
            shown = terminal.until(PREDICT)
            self.assertIn(f"2 of {COUNT}  ", shown)
            terminal.type("b\n")
            self.assertIn(f"1 of {COUNT}  ", terminal.until(PREDICT))
            terminal.type("b\n")
            self.assertIn(f"1 of {COUNT}  ", terminal.until(PREDICT))
            terminal.type("\n")
            terminal.until(GO)
            for strange in ("x", "99", "0", "-1", "²"):
                terminal.type(f"{strange}\n")
                terminal.until(f"a number from 1 to {COUNT}: ")
            terminal.type("9\n")
            shown = terminal.until(PREDICT)
            self.assertIn(f"9 of {COUNT}  ", shown)
            terminal.type("\n")
            shown += terminal.until(GO)
            plain = re.sub(r"\x1b\[\d*m", "", shown)
            self.assertLessEqual(len(plain.splitlines()), 40)
            self.assertLessEqual(max(map(len, plain.splitlines())), 79)
            terminal.type("B\n")
            self.assertIn(f"8 of {COUNT}  ", terminal.until(PREDICT))
            terminal.type("q\n")
            self.assertEqual(terminal.end(), ("q\n", 0))

    def test_end_of_input_and_interruption(self):
        for key, status, words in (("\x04", 0, ""), ("\x03", 130, "stopped\n")):
            with self.subTest(key=key), Terminal() as terminal:
                terminal.until(PREDICT)
                time.sleep(0.5)  # no reader is so quick that Python is not yet waiting for a line
                terminal.type(key)
                shown, ended = terminal.end()
                self.assertEqual(ended, status)
                self.assertEqual(shown.replace("^C", "").replace("^D\b\b", "").strip("\n"),
                                 words.strip())

    def test_interrupted_at_work(self):
        with Terminal("--step", 16) as terminal:
            terminal.until("step  20")
            terminal.type("\x03")
            shown, ended = terminal.end()
            self.assertEqual(ended, 130)
            self.assertTrue(shown.rstrip().endswith("stopped"))
            self.assertNotIn("Traceback", shown)

    def test_no_colour(self):
        for settings in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
            with self.subTest(**settings), Terminal("--step", 4, **settings) as terminal:
                shown = terminal.until(PREDICT)
                terminal.type("4\n")  # a guess, no jump to step 4
                rest, status = terminal.end()
                self.assertNotIn("\x1b", shown + rest)
                self.assertIn("Answer: ", rest)
                self.assertNotIn("Predict", rest)
                self.assertEqual(status, 0)

    def test_no_pause(self):
        with Terminal("--step", 4, "--no-pause") as terminal:
            shown, status = terminal.end()
            self.assertIn("Answer:", re.sub(r"\x1b\[\d*m", "", shown))
            self.assertEqual(status, 0)


class TestHouse(unittest.TestCase):
    def test_steps(self):
        """A step is a function with a docstring of one sentence, and the titles are distinct."""
        for title, step in tutorial.STEPS:
            self.assertRegex(step.__doc__, r"\A[A-Z][^\n]*\.\Z", title)
        self.assertEqual(len({title for title, _ in tutorial.STEPS}), COUNT)
        self.assertIs(tutorial.benchmark, benchmark)


if __name__ == "__main__":
    unittest.main()
