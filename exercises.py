"""Build the model yourself: a dozen functions left to write, each checked as soon as you ask.

Start:     python3 exercises.py start mine.py       (--attention: the model with attention)
Check:     python3 exercises.py mine.py             in order, up to the first that is not right yet
Options:   --step N   that one alone: what is not yet written is taken from the model file
           --hint [N] a hint for it, from 1 to 3
Then:      python3 exercises.py probe mine.py       what your model sees, learns and costs
A class:   python3 exercises.py folder/ --json class.json

Nothing of the model stands here a second time. `start` takes functions out of the model file; a
check runs small examples with your function and with the model file's. If the results differ, it
tries the mistakes listed here on the model file's function: one that gives your results is named.
"""
import argparse
import ast
import contextlib
import functools
import io
import itertools
import json
import math
import multiprocessing
import os
import random
import signal
import sys
import textwrap
import threading
import traceback
import types
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, os.path.dirname(__file__))  # python -P and -I leave this folder out

import inside
import show

HERE = Path(__file__).resolve().parent
SECONDS = 10  # that a check may take, and the training at the end ten times that
TRAINED = 100  # steps of the training at the end
VARIANTS = 3  # of each example, with other numbers
PRINTED = 2000  # characters of a solution's own output that are shown
WIDTH = 79


# ---- the steps -----------------------------------------------------------------------------------


class Example(NamedTuple):
    """Numbers for some names, and lines of Python; the last is what the example asks for.

    With numbers given, their gradients are asked for, too, and the same is tried with others.
    """

    code: str
    given: dict = {}


class Step(NamedTuple):
    """One thing to write."""

    title: str
    functions: tuple
    task: str
    hints: tuple  # three, the last almost the answer
    examples: tuple
    mistakes: tuple  # (text in the model file's function or None for all of it, text instead, why)


GATE = """params = {"layer0.W_gate_h": H, "layer0.W_gate_g": G}
gate(x, g, "layer0", params)"""
MIX = """past, config = [], Config(3, n_embd=2, n_head=1)
params = {"layer0.wq": Q, "layer0.wk": K, "layer0.wv": V,
          "layer0.wo": O}
first = mix(x, "layer0", past, params, config)
first + mix(y, "layer0", past, params, config)"""
ADAM = """weights, m, v = [Value(1.0), Value(-2.0)], [0.0] * 2, [0.0] * 2
for step in range(1, {0}):
    weights[0].grad += 0.5 * step
    weights[1].grad -= 3.0
    adam_step(weights, m, v, step, 0.1)
[w.data for w in weights] + [w.grad for w in weights]"""
WRITE = """def forward(token, position, cache, params, config):
    follows = {3: 1, 1: 0, 0: 2, 2: 3}  # mark, b, a, c, mark
    return [Value(50.0 * (k == follows[token])) for k in range(4)]
vocab, rng = {"a": 0, "b": 1, "c": 2}, random.Random(1)
generate(vocab, {}, Config(4), rng, 0.5)"""
WRITE_MORE = """def forward(token, position, cache, params, config):
    cache[0].append(token)
    score = 3 * token + position + sum(cache[0])
    return [Value(math.sin(score + 7 * k)) for k in range(4)]
vocab, config = {"a": 0, "b": 1, "c": 2}, Config(4, block_size=6)
rngs = [random.Random(seed) for seed in range(20)]
[generate(vocab, {}, config, rng, 0.6) for rng in rngs]"""

STEPS = (
    Step("add and multiply", ("Value.__add__", "Value.__mul__"),
         "Return a new Value: its number, its children (self, other), and the derivative towards "
         "each: of a + b they are 1 and 1, of a * b they are b and a. `other` may be a plain "
         "number: lift() makes a Value of it.",
         ("Value(number, children, local_grads) takes a number and two tuples of equal length.",
          "The numbers are in self.data and other.data, once other = lift(other) is done.",
          "return Value(self.data * other.data, (self, other), (other.data, ...))"),
         (Example("a * b + a", {"a": 2, "b": -3}), Example("a * a", {"a": 5}),
          Example("(a + 1) * (3 * b) + b", {"a": 2, "b": 1})),
         (("(other.data, self.data)", "(self.data, other.data)",
           "a * b has derivative b towards a, and a towards b: yours are exchanged"),
          ("(other.data, self.data)", "(1.0, 1.0)",
           "a product's derivative towards a is b, not 1"),
          ("(1.0, 1.0)", "(self.data, other.data)",
           "a sum's derivative towards each of its parts is 1, whatever their numbers are"),
          ("(1.0, 1.0)", "(1.0, -1.0)", "the derivative of a + b towards b is 1, not -1"),
          ("(self, other), (1.0, 1.0)", "(self,), (1.0,)",
           "b is not among the children of a + b: its gradient misses a share"),
          (", (self, other), (other.data, self.data)", "",
           "the product has no children, so no gradient finds its way back"),
          ("    other = lift(other)\n    return Value(self.data + other.data, (self, other), (1.0",
           "    return Value(self.data + other.data, (self, other), (1.0",
           "a plain number has no .data: lift(other) makes a Value of it"))),
    Step("power", ("Value.__pow__",),
         "Return a ** n for a plain number n, by math.pow; its derivative is n a^(n-1). At a = 0 "
         "that is 0 for n = 2: take care not to divide by 0.",
         ("One child, self, and one derivative: Value(number, (self,), (slope,)).",
          "a^(n-1) may be computed as such, or as a^n / a where a is not 0.",
          "slope = n * math.pow(self.data, n - 1)"),
         (Example("a ** 3", {"a": 2}), Example("(a * a) ** 0.5 + a ** -1", {"a": 4}),
          Example("a ** 2 + b", {"a": 0, "b": 1}), Example("(a ** 2) ** 3", {"a": -1})),
         (("n * (power / self.data)", "n * power", "the power falls by one: n a^(n-1), not n a^n"),
          ("n * (power / self.data)", "power / self.data", "the factor n is missing: n a^(n-1)"),
          ("n * (power / self.data)", "(n - 1) * (power / self.data)",
           "the factor is n, not n - 1"),
          ("n * (power / self.data) if self.data else slope_at_0", "n * (power / self.data)",
           "at a = 0 you divide by 0, where the derivative of a^2 is 0"),
          ("(slope,)", "(1.0,)", "the derivative of a^n is n a^(n-1), not 1"))),
    Step("relu", ("Value.relu",),
         "Return a if a > 0, else 0. Where it is on, the derivative is 1; where it is off, 0. "
         "NaN, which is no number, must stay NaN, so that training notices it.",
         ("NaN <= 0 and NaN > 0 are both False: choose the question that lets NaN through.",
          "Where it is on, the result may be self itself.",
          "return Value(0.0) if self.data <= 0 else ..."),
         (Example("a.relu() * 3 + b.relu() * 2", {"a": 3, "b": -2}),
          Example("a.relu() + b", {"a": math.nan, "b": 1}),
          Example("(a + b).relu()", {"a": 2, "b": -1})),
         (("<= 0", ">= 0", "it is the negative numbers that become 0"),
          ("else self", "else Value(self.data)",
           "the result is not connected with a: no gradient finds its way back"),
          ("if self.data <= 0", "if not self.data > 0",
           "NaN becomes 0, and nobody notices the damage"),
          ("return Value(0.0) if self.data <= 0 else self",
           "return Value(0.0 if self.data <= 0 else self.data, (self,), (1.0,))",
           "where relu is off its derivative is 0, not 1"),
          ("Value(0.0)", "self * 0.01", "that is the leaky relu: off means 0"))),
    Step("backward", ("Value.backward",),
         "Set grad to d self / d node in each node that self was made from. By the chain rule a "
         "node adds to each child's grad its own grad times the local derivative, once it has got "
         "all its own shares. Leaves add up over calls; all others start from 0.",
         ("First list the nodes, each once and after all its children; then hand down from the "
          "list's end.",
          "Do not let a function call itself for each child: Python stops at 1,000 calls within "
          "calls. Keep a list of the nodes on the way, each with an iterator over its children.",
          "self.grad = 1.0; for node in reversed(order): for child, local_grad in "
          "zip(node.children, node.local_grads): child.grad += ..."),
         (Example("a * b + a", {"a": 2, "b": -3}),
          Example("y = 3 * (2 * a)\ny.backward()  # and the check calls it once more\ny", {"a": 1}),
          Example("(a + b) * (a - b) * a", {"a": 2, "b": 1}),
          Example("b = a * a\nc = b + a\nb * c", {"a": 2}),
          Example("b = a * a\nc = b + a\nc * b", {"a": 2}),
          Example("functools.reduce(lambda y, _: y + y, range(12), a)", {"a": 1}),
          Example("functools.reduce(lambda y, _: y * 0.9 + a, range(3000), b)", {"a": 1, "b": 1})),
         (("child.grad += ", "child.grad = ",
           "the gradient is set, not added: a number used twice keeps only its last share"),
          ("    self.grad = 1.0\n", "",
           "nothing is handed down: d self / d self is 1, and self.grad must say so"),
          ("reversed(order)", "order",
           "the leaves come first in the list, so hand down from its end, where self stands"),
          ("            node.grad = 0.0\n", "",
           "a second call hands down the first call's shares again: nodes start from 0"),
          ("local_grad * grad", "local_grad",
           "the chain rule multiplies: the local derivative times the node's own gradient"),
          ("local_grad * grad", "grad", "the local derivative is missing from the chain rule"),
          ("                visited.add(child)\n",
           "                visited.add(child)\n                child.grad = 0.0\n",
           "leaves are set to 0, too: they should add up over calls, for several losses"),
          ("                visited.add(child)\n", "",
           "a node that is used twice is listed twice, and so hands down twice"),
          (None, """def backward(self):
    self.grad = 1.0
    todo, visited = [self], {self}
    while todo:
        node = todo.pop()
        for child, local_grad in zip(node.children, node.local_grads):
            if child.children and child not in visited:
                child.grad = 0.0
            child.grad += local_grad * node.grad
            if child not in visited:
                visited.add(child)
                todo.append(child)
""", "a node hands down before it has got all its shares: list the nodes in order first"),
          (None, """def backward(self):
    order, visited = [], set()
    def walk(node):
        if node not in visited:
            visited.add(node)
            for child in node.children:
                walk(child)
            order.append(node)
    walk(self)
    for node in order:
        node.grad = 0.0 if node.children else node.grad
    self.grad = 1.0
    for node in reversed(order):
        for child, local_grad in zip(node.children, node.local_grads):
            child.grad += local_grad * node.grad
""", "a function that calls itself for each child fails at 1,000 operations in a row"),
          (None, """def backward(self):
    self.grad = 1.0
    for child, local_grad in zip(self.children, self.local_grads):
        child.grad += local_grad * self.grad
        child.backward()
""", "child.backward() sets the child's grad to 1, and its shares are lost"))),
    Step("linear", ("linear",),
         "Return matrix @ x: for each row the dot product w_1 x_1 + ... + w_n x_n, best as one "
         "Value whose children are all w and all x. A row is a tuple; x may be any iterable, so "
         "make a tuple of it first.",
         ("The derivative of w_1 x_1 + ... + w_n x_n towards w_1 is x_1, towards x_1 it is w_1.",
          "Plain sums of products of Values are right, too, only slower.",
          "Value(sum of w.data * x.data, row + x, the data of x followed by the data of row)"),
         (Example("linear(x, W)", {"x": [3, 4], "W": [[1, 2]]}),
          Example("linear(x, W)", {"x": [1, 2], "W": [[1, 0], [3, -1], [2, 2]]}),
          Example("linear(iter(x), W)", {"x": [1, 2, 3], "W": [[1, 0, 2], [-1, 1, 1]]}),
          Example("linear(linear(x, W), W)", {"x": [1, 2], "W": [[0, 1], [2, 3]]})),
         (("row + x, x_data + data", "row + x, data + x_data",
           "towards w the derivative is x, and towards x it is w: yours are exchanged"),
          ("row + x, x_data + data", "row, x_data",
           "x is not among the children: its gradient misses a share"),
          ("row + x, x_data + data", "x, data",
           "the weights are not among the children: they would never learn"),
          ("for row in matrix]", "for row in zip(*matrix)]",
           "each row of the matrix meets x, not each column"),
          ("sumprod(x_data, data)", "sum(data)", "each w is multiplied by its x before the sum"),
          ("    x = tuple(x)\n", "",
           "x may be an iterator, which can be read only once: x = tuple(x) first"))),
    Step("plucker", ("plucker",),
         "Return the Plücker coordinates u_i v_j - u_j v_i for all i < j, in the order (0, 1), "
         "(0, 2), ..., (1, 2), ...; determinant(a, b, c, d) is a d - b c as one Value.",
         ("Two loops: i over all places, j over the places after i.",
          "For r numbers there are r (r - 1) / 2 coordinates, 3 for r = 3.",
          "determinant(u[i], u[j], v[i], ...) for i in range(len(u)) for j in range(i + 1, ...)"),
         (Example("plucker(u, v)", {"u": [1, 2, 3], "v": [0, 1, 4]}),
          Example("plucker(u, v)", {"u": [1, 2, 3, 4], "v": [2, 0, 1, -1]})),
         (("u[i], u[j], v[i], v[j]", "u[j], u[i], v[j], v[i]",
           "the sign: u_i v_j - u_j v_i, yours is u_j v_i - u_i v_j"),
          ("for i in range(len(u)) for j in range(i + 1, len(u))",
           "for j in range(len(u)) for i in range(j)",
           "the order: i is the outer loop, so (0, 3) comes before (1, 2)"),
          ("range(i + 1, len(u))", "range(i, len(u))",
           "i < j: with i = j there are coordinates that are always 0"),
          ("range(i + 1, len(u))", "range(len(u))",
           "i < j: each pair once, not in both orders"),
          ("range(i + 1, len(u))", "range(i + 1, len(u) - 1)",
           "range(a, b) ends before b: the last place is left out"),
          ("determinant(u[i], u[j], v[i], v[j])", "u[i] * v[j]",
           "the second product is missing: u_i v_j - u_j v_i"),
          ("determinant(u[i], u[j], v[i], v[j])", "u[i] * v[j] + u[j] * v[i]",
           "the second product is subtracted, not added"))),
    Step("the mean of planes", ("mean_plane",),
         "past is a list of states z, the last being the present one. For each offset that does "
         "not reach before the start, take unit_plucker(present, the state `offset` places "
         "earlier); return the mean of these planes, coordinate by coordinate. Without any: zeros.",
         ("past[-1] is the present state, past[-2] the one before, past[-1 - offset] its partner.",
          "zip(*planes) goes through the planes' coordinates side by side; mean() takes a list.",
          "if offset < len(past): planes.append(unit_plucker(past[-1], past[-1 - offset])); zeros: "
          "one Value(0.0) for each coordinate of plucker(z, z)"),
         (Example("mean_plane(past, Config(3, r=2, window=(1, 2, 3)))",
                  {"past": [[0, 1], [1, -1], [2, 3], [1, 0]]}),
          Example("mean_plane(past, Config(3, r=3, window=(1, 2)))", {"past": [[1, 2, 3]]}),
          Example("mean_plane(past, Config(3, r=3, window=(1, 2, 3)))",
                  {"past": [[1, 2, 3], [0, 1, 1], [2, 1, 0]]}),
          Example("mean_plane(past, Config(3, r=2, window=(1, 2)))",
                  {"past": [[3, 1], [0, 1], [2, 3], [1, 0]]})),
         (("unit_plucker(z", "plucker(z", "the planes must have length 1: unit_plucker"),
          ("offset < len(past)", "offset <= len(past)",
           "off by one: with n states the farthest partner is n - 1 places back"),
          ("past[-1 - offset]", "past[-offset]",
           "off by one: past[-offset] for offset 1 is the present state itself"),
          ("past[-1 - offset]", "past[offset]",
           "offsets count back from the present: past[-1 - offset]"),
          ("mean(p_ij)", "functools.reduce(lambda a, b: a + b, p_ij)",
           "the mean, not the sum of the planes"),
          ("mean(p_ij)", "functools.reduce(lambda a, b: a + b, p_ij) * (1 / len(config.window))",
           "the mean of the partners that are there: divide by their number, not by all offsets"),
          ("    if not planes:\n        return [Value(0.0) for _ in plucker(z, z)]\n", "",
           "at position 0 there is no partner: return as many zeros as there are coordinates"),
          ("unit_plucker(z, past[-1 - offset])", "unit_plucker(past[-1 - offset], z)",
           "the present state comes first: exchanging the two turns the sign"),
          ("if offset < len(past):", "if offset < len(past) and not planes:",
           "only the first partner counts: take all offsets"))),
    Step("gate", ("gate",),
         "Return alpha x + (1 - alpha) g for each number, with alpha = sigmoid(W_gate_h @ x + "
         "W_gate_g @ g); the matrices are params[f\"{layer}.W_gate_h\"] and W_gate_g.",
         ("linear(x, W_gate_h) and linear(g, W_gate_g), added, are the scores.",
          "Each score has a method sigmoid(); the result has as many numbers as x.",
          "[a * x_i + (1 - a) * g_i for a, x_i, g_i in zip(alpha, x, g)]"),
         (Example(GATE, {"x": [1, -1], "g": [0, 2], "H": [[0, 0], [0, 0]], "G": [[0, 0], [0, 0]]}),
          Example(GATE, {"x": [1, -1], "g": [1, 2], "H": [[1, 0], [0, 1]], "G": [[0, 2], [1, 0]]})),
         (("g_i + a * (x_i - g_i)", "x_i + a * (g_i - x_i)",
           "alpha is the share of x, 1 - alpha that of g: yours are exchanged"),
          ("score.sigmoid()", "score", "alpha is the sigmoid of the score, between 0 and 1"),
          ("g_i + a * (x_i - g_i)", "g_i + a * x_i", "g's share is 1 - alpha, not 1"),
          ("g_i + a * (x_i - g_i)", "a * x_i", "g is left out: (1 - alpha) g is missing"),
          ("(*x, *g)", "(*x, *x)", "W_gate_g reads g, not x"),
          ("(*x, *g)", "(*g, *x)", "W_gate_h reads x and W_gate_g reads g: yours are exchanged"),
          ("linear((*x, *g), [w_h + w_g for w_h, w_g in rows])",
           "linear(x, [w_h for w_h, w_g in rows])", "the gate reads g, too, through W_gate_g"))),
    Step("softmax", ("softmax",),
         "Return exp(score) for each score, scaled so that they sum to 1. Scores may be large: "
         "subtract the largest, as a plain number, first; that changes nothing else.",
         ("exp(1000) overflows, exp(1000 - 1000) does not.",
          "top = max of the scores' data; exps = [(score - top).exp() ...].",
          "Divide each by the sum: total ** -1 is 1 / total, and a Value has +, * and **."),
         tuple([Example("softmax(scores)", {"scores": scores})
                for scores in ([0, 0], [1, 2, 3], [1000, 999])]),
         (("(score - top)", "score", "exp overflows: subtract the largest score first"),
          ("return [e * scale for e in exps]", "return exps",
           "they must sum to 1: divide by the sum"),
          ("tuple(exps), (1.0,) * len(exps)) ** -1", ") ** -1",
           "the sum is a plain number: its own derivatives are missing"),
          ("e * scale for e", "e * (1 / len(exps)) for e",
           "divide by the sum, not by the number of scores"))),
    Step("attention", ("attend", "mix"),
         "attend: cut q, and each key and value of the past, a list of (key, value), into "
         "config.n_head parts of equal size. Part by part, score each key by its dot product with "
         "q over sqrt(size), softmax the scores, and return the mean of the values with these "
         "weights. mix: make q, k, v of x by the matrices wq, wk, wv; append (k, v) to the past, "
         "so that x sees itself; return wo @ what attend finds.",
         ("A part is head = slice(start, start + size); key[head] is that part of a key, and "
          "params[f\"{layer}.wq\"] a matrix for linear().",
          "linear(q[head], keys) gives all dot products with q at once, each key being a row.",
          "out += linear(softmax(scores), zip(*[value[head] for _, value in past])), and in mix "
          "return linear(attend(q, past, config), params[f\"{layer}.wo\"])"),
         (Example("attend(q, list(zip(keys, values)), Config(3, n_embd=2, n_head=1))",
                  {"q": [0, 0], "keys": [[1, 0], [0, 1]], "values": [[1, 2], [3, 4]]}),
          Example("attend(q, list(zip(keys, values)), Config(3, n_embd=4, n_head=2))",
                  {"q": [1, 2, 0, 1], "keys": [[1, 0, 1, 1], [0, 2, 1, 0], [1, 1, 0, -1]],
                   "values": [[1, 2, 3, 4], [0, 1, -1, 0], [2, 0, 1, 1]]}),
          Example(MIX, {"x": [1, 0], "y": [1, 2], "Q": [[1, 0], [0, 1]], "K": [[1, 1], [0, 1]],
                        "V": [[1, 0], [2, 1]], "O": [[1, 0], [1, 1]]})),
         (("q_i * size ** -0.5", "q_i", "the scores are divided by sqrt(size)"),
          ("size ** -0.5", "config.n_embd ** -0.5",
           "the scores are divided by the root of a part's size, not of n_embd"),
          ("size ** -0.5", "size ** -1", "divide by the root of size"),
          ("slice(start, start + size)", "slice(0, size)",
           "each head has its own part: start moves on by size"),
          ("value[head] for _, value in past", "key[head] for key, _ in past",
           "the weights are for the values, not for the keys"),
          ("softmax(scores)", "scores", "the scores become weights by softmax"),
          ("    past.append((k, v))\n    return linear(attend(q, past, config)",
           "    past.append((k, v))\n    return linear(attend(q, past[:1], config)",
           "a position sees all of the past, not the first one alone"),
          ("past.append((k, v))", "past.append((v, k))", "keys and values are exchanged"),
          ("past.append((k, v))", "past[:] = [(k, v)]",
           "append to the past: the earlier keys and values are lost"),
          ("linear(attend(q, past, config), params[f\"{layer}.wo\"])", "attend(q, past, config)",
           "wo is missing"),
          ("attend(q,", "attend(k,", "it is q that asks, not k"))),
    Step("rmsnorm", ("rmsnorm",),
         "Return x divided by the root of its mean square: x_i / sqrt(mean of x_j^2 + 1e-5). The "
         "1e-5 keeps a vector of zeros from a division by 0.",
         ("dot(x, x) is the sum of the squares as one Value; the mean is that over len(x).",
          "1 / sqrt(s) is s ** -0.5.",
          "scale = (dot(x, x) * (1 / len(x)) + 1e-5) ** -0.5"),
         (Example("rmsnorm(x)", {"x": [3, 4]}), Example("rmsnorm(x)", {"x": [0, 0, 0]}),
          Example("rmsnorm(x)", {"x": [1, -2, 3, 0.5]})),
         ((" * (1 / len(x))", "", "the mean square, not the sum of the squares"),
          ("** -0.5", "** -1", "the root is missing: ** -0.5"),
          ("** -0.5", "** 0.5", "divide by the root, do not multiply"),
          (" + 1e-5)", ")", "zeros divide by 0: 1e-5 is missing under the root"),
          ("1e-5", "1e-8", "it is 1e-5 that is added here"),
          ("    return", "    scale = Value(scale.data)\n    return",
           "the scale depends on x, too: as a plain number it hands nothing down"),
          ("    scale", "    x = [x_i + x_i.__neg__() * 0 + mean(x) * -1 for x_i in x]\n    scale",
           "rmsnorm does not subtract the mean; that is LayerNorm"))),
    Step("cross_entropy", ("cross_entropy",),
         "Return -log softmax(logits)[target] as log(sum of exp(logit)) - logits[target]. Logits "
         "may be large: log(sum exp(l)) = top + log(sum exp(l - top)) for any number top.",
         ("The derivative towards each logit is its softmax, less 1 for the target.",
          "It may be composed of -, exp(), log() and +, with top the largest logit's data.",
          "(sum of the (logit - top).exp()).log() + top - logits[target]"),
         (Example("cross_entropy(logits, 1)", {"logits": [0, 0]}),
          Example("cross_entropy(logits, 0)", {"logits": [1, 2, 3]}),
          Example("cross_entropy(logits, 1)", {"logits": [1000, 0]})),
         (("v.data - top", "v.data", "exp overflows: subtract the largest logit first"),
          ("math.log(norm) + top - logits[target].data, tuple(logits), slopes",
           "logits[target].data - math.log(norm) - top, tuple(logits), [-s for s in slopes]",
           "the sign: a loss is minus the log of the probability"),
          ("    slopes[target] -= 1\n", "",
           "the target's derivative is its softmax less 1"),
          ("math.log(norm) + top - ", "math.log(norm) - ",
           "the top that was subtracted must be added again"),
          ("- logits[target].data", "- logits[0].data",
           "it is the target's logit that is subtracted"),
          ("/ norm", "/ len(exps)", "the softmax divides by the sum of the exponentials"),
          ("math.log(norm)", "math.log2(norm)", "nats: the natural logarithm"))),
    Step("adam_step", ("adam_step",),
         "For each weight: m = beta1 m + (1 - beta1) grad, v = beta2 v + (1 - beta2) grad^2; then "
         "move it by -lr m' / (sqrt(v') + 1e-8), where m' = m / (1 - beta1^step) and v' = v / (1 - "
         "beta2^step); set grad to 0. The lists m and v keep their numbers from step to step.",
         ("m and v are lists of plain numbers, one for each weight: m[i] = ...",
          "At step 1 m' is the gradient itself, so a weight moves by lr, whatever its gradient.",
          "w.data -= lr * m[i] / (1 - beta1 ** step) / (math.sqrt(v[i] / (1 - beta2 ** step)) + "
          "1e-8); w.grad = ..."),
         (Example(ADAM.format(2)), Example(ADAM.format(6))),
         (("rate = lr * (1 - beta1) / (1 - beta1 ** step)", "rate = lr * (1 - beta1)",
           "the bias correction of m is left out: m / (1 - beta1^step)"),
          ("spread = (1 - beta2) / (1 - beta2 ** step)", "spread = 1 - beta2",
           "the bias correction of v is left out: v / (1 - beta2^step)"),
          ("    rate = lr * (1 - beta1) / (1 - beta1 ** step)\n"
           "    spread = (1 - beta2) / (1 - beta2 ** step)\n",
           "    rate = lr * (1 - beta1)\n    spread = 1 - beta2\n",
           "the bias corrections are left out: m / (1 - beta1^step), v / (1 - beta2^step)"),
          ("        w.grad = 0.0\n", "", "the gradients are not reset: the next step adds to them"),
          ("math.sqrt(spread * v[i])", "spread * v[i]", "the root of v is missing"),
          ("w.data -=", "w.data +=", "against the gradient: a step goes down, not up"),
          ("+ w.grad * w.grad", "+ w.grad", "v is the mean of the squares of the gradients"),
          ("        m[i] = beta1 * m[i] + w.grad\n",
           "        m[i] = w.grad / (1 - beta1) * (1 - beta1 ** step)\n",
           "m forgets: the step must follow the mean of the gradients, not the last one"),
          ("** step", "** (step + 1)", "step counts from 1 already"),
          (" + 1e-8)", ")", "the 1e-8 beside the root is missing"),
          ("math.sqrt(spread * v[i]) + 1e-8", "math.sqrt(spread * v[i] + 1e-8)",
           "the 1e-8 stands beside the root, not under it"))),
    Step("generate", ("generate",),
         "Begin with the token len(vocab), the mark for beginning and end. Again and again: the "
         "logits by forward(), the odds exp(logit / temperature), one draw by rng.choices(tokens, "
         "odds). Stop at the mark or at config.block_size tokens; return the text without marks.",
         ("cache = [[] for _ in range(config.n_layer)] is kept from token to token.",
          "Subtract the largest logit before exp; the odds need not sum to 1 for rng.choices.",
          "tokens += rng.choices(range(len(odds)), odds); symbols = list(vocab)"),
         (Example(WRITE), Example(WRITE_MORE)),
         (("max(logits)) / temperature", "max(logits)) * temperature",
           "logits are divided by the temperature"),
          ("max(logits)) / temperature", "max(logits))", "the temperature is left out"),
          ("tokens += rng.choices(range(len(odds)), odds)",
           "tokens.append(odds.index(max(odds)))",
           "the likeliest token is taken each time: draw by the odds"),
          ("        if tokens[-1] == len(vocab):\n            break\n", "",
           "the text goes on behind the mark for the end: stop there"),
          ("tokens[-1], position, cache", "tokens[-1], 0, cache",
           "the position must go on: it is 0 each time"),
          ("        logits = ",
           "        cache = [[] for _ in range(config.n_layer)]\n        logits = ",
           "the cache starts anew for each token: the model forgets the past"),
          ("range(config.block_size)", "range(config.block_size - 1)",
           "the block has room for one more token"),
          ("tokens = [len(vocab)]", "tokens = [0]",
           "a text begins with the mark, token len(vocab)"),
          ("tokens[-1], position", "tokens[0], position",
           "forward() reads the last token, not the first"))),
)

# What to change in a finished file, and what to predict before `probe` tells.
CHANGES = {
    "micro_grassmann_clean.py": (
        ("in Config, r: int = 8", "How many Plücker coordinates has a pair?"),
        ("in Config, r: int = 1", "How many now? Which matrices can no longer learn?"),
        ("in Config, window: tuple = (1,)", "What does position 15 see?"),
        ("in Config, window: tuple = (16,)", "What does it see now? What still learns?"),
        ("in gate, alpha = [Value(1.0) for _ in scores]", "Which matrices can no longer learn?"),
        ("in mean_plane, plucker for unit_plucker", "Does anything change in what it sees?"),
        ("in mean_plane, [dot(z, past[-1 - offset])] for the unit plane and [Value(0.0)] for no "
         "plane, and W_plu with 1 column", "How many weights? What does a dot product not tell?")),
    "micro_gpt.py": (
        ("in Config, n_head: int = 1", "Does the number of weights change?"),
        ("in mix, attend(q, past[-3:], config)", "What does position 15 see?"),
        ("in attend, [Value(1 / len(past)) for _ in past] for softmax(scores)",
         "Which matrices can no longer learn?"))}


# ---- what a check tells --------------------------------------------------------------------------


class Outcome(NamedTuple):
    """What came of an example: the results, and d (1 y_1 + 2 y_2 + ...) / d each given number."""

    results: tuple = ()
    gradients: tuple = ()
    error: str = ""  # the exception's name, if there was one
    told: str = ""  # and what it said, and where


class Verdict(NamedTuple):
    """A step's result; `what` is "right", "not written", "wrong", or "not run"."""

    what: str
    text: str = ""  # for the reader: given, expected, yours
    mistake: str = ""  # a known mistake, or the exception, in one line
    printed: str = ""  # by the solution itself, in the example that is told


# ---- the model file, taken apart -----------------------------------------------------------------


def reference_of(source):
    """Return the name of the model file that a solution was started from."""
    return "micro_gpt.py" if "def attend(" in source else "micro_grassmann_clean.py"


def steps_of(name):
    """Return the steps of a model file, those for the other mixing layer left out."""
    source = read(HERE / name)
    return [step for step in STEPS if all(
        f"def {function.split('.')[-1]}(" in source for function in step.functions)]


def read(path):
    """Return a file's text, without a mark that an editor put at its start; else ValueError."""
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not a text in UTF-8") from error


@functools.cache
def definitions(name):
    """Return {"function" or "Class.method": its ast node} of a model file."""
    found = {}
    for node in ast.parse(read(HERE / name)).body:
        if isinstance(node, ast.FunctionDef):
            found[node.name] = node
        elif isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef):
                    found[f"{node.name}.{inner.name}"] = inner
    return found


@functools.cache
def source_of(name, function):
    """Return the text of a function or method of a model file, from the left margin on."""
    node = definitions(name)[function]
    lines = read(HERE / name).split("\n")[node.lineno - 1:node.end_lineno]
    return textwrap.dedent("\n".join(lines)) + "\n"


def skeleton(name):
    """Return a model file's text with the bodies of all steps' functions left to write."""
    lines = read(HERE / name).split("\n")
    lines[0] = f'"""To be completed: python3 exercises.py THIS_FILE. Started from {name}."""'
    known = definitions(name)
    jobs = [(known[function], n, step, function == step.functions[0])
            for n, step in enumerate(steps_of(name), 1) for function in step.functions]
    for node, n, step, first in sorted(jobs, key=lambda job: -job[0].lineno):  # from the end up
        body = node.body[1:] if ast.get_docstring(node) else node.body
        indent = " " * body[0].col_offset
        lines[body[0].lineno - 1:node.end_lineno] = [f"{indent}raise NotImplementedError"]
        if first:
            margin = " " * node.col_offset + "# "
            task = textwrap.wrap(f"Step {n}, {step.title}. {step.task}", WIDTH - len(margin))
            lines[node.lineno - 1:node.lineno - 1] = [margin + line for line in task]
    return "\n".join(lines)


# ---- running an example, in a process of its own -------------------------------------------------


class Limited(io.StringIO):
    """Text that stops growing: what a solution prints."""

    def write(self, text):
        """Keep the first PRINTED characters of all, and report all as written."""
        super().write(text[:max(0, PRINTED - self.tell())])
        return len(text)


compiled = functools.cache(compile)


def load(path):
    """Return a model file's or a solution's namespace, its main() not run; raise what it raises."""
    module = types.ModuleType("solution")
    module.__file__ = str(path)
    sys.modules["solution"] = module
    folder = str(Path(path).parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    exec(compiled(Path(path).read_bytes(), str(path), "exec"), module.__dict__)
    return module.__dict__


def put(namespace, function, source):
    """Define a function or method from its text, in place of the one that is there."""
    owner, _, name = function.rpartition(".")
    if not owner:
        exec(source, namespace)
        return
    local = {}
    exec(source, namespace, local)
    setattr(namespace[owner], name, local[name])
    if name in ("__add__", "__mul__"):  # one function serves a + 1 and 1 + a
        setattr(namespace[owner], name.replace("__", "__r", 1), local[name])


def complete(namespace, name, step):
    """Take all functions of the other steps from the model file, so that this one stands alone."""
    if "Value" not in namespace:
        raise LookupError("there is no class Value in your file")
    for other in steps_of(name):
        for function in other.functions:
            if other is not step:
                put(namespace, function, source_of(name, function))
            elif not written(namespace, function):
                raise LookupError(f"there is no {function} in your file")


def written(namespace, function):
    """Return whether a solution has this function or method."""
    owner, _, name = function.rpartition(".")
    return name in (vars(namespace.get(owner, object)) if owner else namespace)


def leaves(x, value):
    """Return numbers, alone or in lists, as Values in the same form, and all of them in a list."""
    if isinstance(x, (int, float)):
        leaf = value(float(x))
        return leaf, [leaf]
    parts = [leaves(part, value) for part in x]
    rows = tuple if isinstance(x[0], (int, float)) else list
    return rows(part for part, _ in parts), [leaf for _, found in parts for leaf in found]


def run_code(code, names, namespace):
    """Run lines of Python; return what the last of them, an expression, is."""
    tree = ast.parse(code)
    last = ast.Expression(tree.body.pop().value)
    namespace.update(names)
    exec(compile(tree, "example", "exec"), namespace)
    return eval(compile(last, "example", "eval"), namespace)


def outcome(namespace, example, path=""):
    """Return what came of an example; the namespace is left as it was."""
    before = dict(namespace)
    try:
        given = {name: leaves(x, namespace["Value"]) for name, x in example.given.items()}
        names = {name: value for name, (value, _) in given.items()}
        result = run_code(example.code, {**names, "random": random, "math": math,
                                         "functools": functools}, namespace)
        result = list(result) if isinstance(result, (list, tuple)) else [result]
        if not example.given:
            return Outcome(tuple(result))
        for y in result:
            if not isinstance(y, namespace["Value"]):
                raise TypeError(f"{y!r} came out, which is no Value")
        total = sum([(k + 1) * y for k, y in enumerate(result[1:], 1)], result[0])
        total.backward()
        return Outcome(tuple([y.data for y in result]),
                       tuple([leaf.grad for _, found in given.values() for leaf in found]))
    except NotImplementedError:
        raise
    except BaseException as error:
        return Outcome(error=type(error).__name__, told=told(error, path))
    finally:
        namespace.clear()
        namespace.update(before)


def told(error, path):
    """Return an exception in one line, with the place in the solution where it came from."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__)
             if frame.filename == str(path)]
    if isinstance(error, SyntaxError):
        lines = [error.lineno]
    place = f"line {lines[-1]}: " if lines else ""
    said = " ".join(str(error.msg if isinstance(error, SyntaxError) else error).split())
    if isinstance(error, TypeError) and "None" in said:
        said += " (is a return missing?)"
    return f"{place}{type(error).__name__}: {said[:200]}"


def close(a, b):
    """Return whether two results are the same to 1e-9, relative where they are large."""
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return a == b or a != a and b != b or abs(a - b) <= 1e-9 * max(1, abs(a), abs(b))
    return type(a) is type(b) and a == b


def same_results(a, b):
    """Return whether two outcomes agree in their results and the name of an exception."""
    return a.error == b.error and len(a.results) == len(b.results) and all(
        map(close, a.results, b.results))


def same(a, b):
    """Return whether two outcomes agree in their gradients, too."""
    return same_results(a, b) and len(a.gradients) == len(b.gradients) and all(
        map(close, a.gradients, b.gradients))


def varied(example, rng):
    """Return the example with other numbers in the same places."""
    def exchanged(x):
        if isinstance(x, (int, float)):
            other = round(rng.choice((-1, 1)) * rng.uniform(0.1, 2), 1)  # never 0
            return other if math.isfinite(x) else x
        return [exchanged(part) for part in x]
    return example._replace(given={name: exchanged(x) for name, x in example.given.items()})


def examples_of(step):
    """Return the step's examples, those to be done on paper first."""
    rng = random.Random(step.title)
    return [*step.examples, *[varied(example, rng) for example in step.examples if example.given
                              for _ in range(VARIANTS)]]


def slopes(namespace, example):
    """Return the gradients found by moving each given number a little, without the chain rule."""
    def moved(x, place, by):
        if isinstance(x, (int, float)):
            place[0] -= 1
            return x + by if place[0] == -1 else x
        return [moved(part, place, by) for part in x]

    def total(k, by):
        place = [k]
        given = {name: moved(x, place, by) for name, x in example.given.items()}
        found = outcome(namespace, example._replace(given=given))
        return sum([n * y for n, y in enumerate(found.results, 1)])
    number = len(outcome(namespace, example).gradients)
    return tuple([(total(k, 1e-6) - total(k, -1e-6)) / 2e-6 for k in range(number)])


def judge(path, name, step):
    """Return the Verdict on one step of the solution in `path`; `name` is its model file."""
    namespace = load(path)
    complete(namespace, name, step)
    right = load(HERE / name)
    examples = examples_of(step)
    wanted = [outcome(right, example) for example in examples]
    try:
        found = [outcome(namespace, example, path) for example in examples]
    except NotImplementedError as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        return Verdict("not written", mistake=f"{frame.name} raises NotImplementedError")
    wrong = [n for n, pair in enumerate(zip(found, wanted)) if not same(*pair)]
    if not wrong:
        return Verdict("right")
    place = wrong[0]
    if same_results(found[place], wanted[place]):  # wrong results tell more than wrong gradients
        place = next((n for n in wrong if not found[n].error
                      and not same_results(found[n], wanted[n])), place)
    with contextlib.redirect_stdout(Limited()) as printed:
        outcome(namespace, examples[place], path)
    return Verdict("wrong", explained(examples[place], found[place], wanted[place], namespace),
                   known_mistake(name, step, examples, found, place) or found[place].told,
                   printed.getvalue())


def known_mistake(name, step, examples, found, place):
    """Return the sentence on the mistake that gives the same outcomes, or None.

    If none gives all of them, as when there are two mistakes: one that gives the first wrong one.
    """
    perhaps = None
    for old, new, sentence in step.mistakes:
        mistaken = load(HERE / name)
        change(mistaken, name, step, old, new)
        alike = [same(yours, outcome(mistaken, example))
                 for yours, example in zip(found, examples)]
        if all(alike):
            return sentence
        if alike[place] and perhaps is None:
            perhaps = f"perhaps: {sentence}"
    return perhaps


def change(namespace, name, step, old, new):
    """Make a known mistake in a step's function, by changing its text."""
    for function in step.functions:
        source = source_of(name, function)
        if old is None or old in source:
            put(namespace, function, new if old is None else source.replace(old, new, 1))
            return
    raise ValueError(f"{old!r} is not in {step.title}")


def explained(example, yours, expected, namespace):
    """Return what was given, what was expected and what came, as lines."""
    lines = [f"{name} = {value}" for name, value in example.given.items()]
    rows = [("" if n else "given", line)
            for n, line in enumerate(lines + example.code.split("\n"))]
    right, mine = listed(expected.results, yours.results)
    rows += [("expected", right), ("yours", yours.told or mine)]
    if same_results(yours, expected):
        total = " + ".join([f"{n} y_{n}" for n in range(1, len(yours.results) + 1)])
        of = f" of {total}" if len(yours.results) > 1 else ""
        right, mine = listed(expected.gradients, yours.gradients)
        rows += [("", f"that is right; the gradients{of} are not:"), ("expected", right)]
        tried = slopes(namespace, example)
        if all(abs(a - b) < 1e-4 * max(1, abs(a)) for a, b in zip(expected.gradients, tried)):
            rows.append(("by trying", f"{listed(tried, ())[0]}  (each moved by 1e-6)"))
        rows.append(("yours", mine))
    told = []
    for label, text in rows:
        line = f"  {label:10}{text}"  # a line of code is short, and keeps its blanks
        told += [line] if len(line) <= WIDTH else textwrap.wrap(line, WIDTH,
                                                                subsequent_indent=" " * 12)
    return "\n".join(told)


def listed(*lists):
    """Return each list of numbers or texts as a line, with so many digits that they differ."""
    for digits in (6, 12):
        lines = []
        for values in lists:
            told = [f"{value:.{digits}g}" if isinstance(value, float) else repr(value)
                    for value in values]
            lines.append(", ".join(told[:12]) + (", ..." if len(told) > 12 else ""))
        if len(set(lines)) == len(lines):
            break
    return lines


def train_whole(path, name):
    """Return the Verdict on the whole file: its losses beside the model file's, and its names."""
    runs = []
    for file in path, HERE / name:
        m = types.SimpleNamespace(**load(file))
        docs, vocab, config, params, rng = inside.begin(m, m.load_docs(HERE / "input.txt"))
        tokens = [m.tokenize(doc, vocab) for doc in docs[:TRAINED]]
        losses = list(m.train(tokens, params, config, TRAINED))
        runs.append((losses, [m.generate(vocab, params, config, rng, 0.5) for _ in range(5)]))
    (yours, names), (expected, _) = runs
    gaps = [abs(a - b) for a, b in itertools.zip_longest(yours, expected, fillvalue=math.nan)]
    fine = [gap <= 1e-9 for gap in gaps]  # which NaN is not
    if not all(fine):
        step = fine.index(False)
        pair = [f"{losses[step]:.10f}" if step < len(losses) else "none"
                for losses in (expected, yours)]
        return Verdict("wrong", f"  loss at step {step + 1}: {pair[0]} expected, yours {pair[1]}",
                       f"all steps are right, so another part of the file differs from {name}")
    return Verdict("right", f"Trained for {TRAINED} steps, your file has the losses of {name}: "
                   f"they differ by {max(gaps):.0e}\nat most, the last is {yours[-1]:.4f}. "
                   f"Your model writes: {' '.join(names)}.\nEvery function that learning, looking "
                   f"back and writing need here is your own.")


stopped = threading.Event()  # by Ctrl-C, while threads wait for processes


def work(path, name, numbers, sender):
    """Send the Verdict on the file, then on each of these steps, 0 standing for the whole."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends this process
    steps = steps_of(name)
    with contextlib.redirect_stdout(Limited()) as out, contextlib.redirect_stderr(out):
        try:
            load(path)
            sender.send(Verdict("right"))
        except BaseException as error:  # sys.exit() and all the rest: it is a student's code
            sender.send(Verdict("not run", mistake=told(error, path)))
            return
    for number in numbers:
        with contextlib.redirect_stdout(Limited()) as out, contextlib.redirect_stderr(out):
            try:
                verdict = judge(path, name, steps[number - 1]) if number else \
                    train_whole(path, name)
            except BaseException as error:
                verdict = Verdict("wrong", mistake=told(error, path))
        sender.send(verdict)


def received(receiver, process, seconds):
    """Return the next Verdict, or one on a process that takes too long or is no more."""
    try:
        if receiver.poll(seconds):
            return receiver.recv()
        process.kill()
        return Verdict("not run", mistake=f"not done after {seconds} seconds: is there a loop that "
                       "never ends?")
    except EOFError:
        process.join()
        return Verdict("not run", mistake=f"Python itself ended, with status {process.exitcode}")


def verdicts(path, name, numbers):
    """Yield the Verdict on each step, whatever the solution does to its process."""
    context = multiprocessing.get_context("spawn")
    todo = list(numbers)
    while todo and not stopped.is_set():
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=work, args=(path, name, todo, sender), daemon=True)
        with show.deaf_to_ctrl_c():
            process.start()
        sender.close()
        try:
            verdict = received(receiver, process, SECONDS)
            if verdict.what == "not run":
                yield from [verdict] * len(todo)
                return
            while todo and verdict.what != "not run":
                number = todo.pop(0)
                verdict = received(receiver, process, SECONDS if number else 10 * SECONDS)
                yield verdict._replace(what="wrong") if verdict.what == "not run" else verdict
        finally:
            process.kill()


# ---- for one student, for a class ----------------------------------------------------------------


def check(path, only, hint):
    """Check one file in order and say how far it is. ValueError if there is nothing to check."""
    source = read(path)
    if "class Value" not in source:
        raise ValueError(f"{path}: no class Value there; begin with exercises.py start")
    name = reference_of(source)
    steps = steps_of(name)
    if only and only > len(steps):
        raise ValueError(f"there are {len(steps)} steps")
    numbers = [only] if only else [*range(1, len(steps) + 1), 0]
    for number, verdict in zip(numbers, verdicts(path, name, numbers)):
        title = f"step {number:2} of {len(steps)}, {steps[number - 1].title}" if number else \
            "the whole program"
        print(f"{title}: {verdict.what if verdict.what != 'not run' else 'cannot be run'}",
              flush=True)
        if verdict.what == "right" and not number:
            print(f"\n{verdict.text}\n\nThen change it: python3 exercises.py probe {path}")
        if verdict.what == "right":
            continue
        if verdict.text:
            print(verdict.text)
        if verdict.mistake and verdict.mistake not in " ".join(verdict.text.split()):
            print(textwrap.fill(verdict.mistake, WIDTH, initial_indent="  " + "so".ljust(10),
                                subsequent_indent=" " * 12))
        if verdict.printed:
            print(textwrap.indent(f"your own output:\n{verdict.printed.rstrip()}", "  "))
            if len(verdict.printed) == PRINTED:
                print("  (and more)")
        if number and verdict.what != "not run":
            step = steps[number - 1]
            print(textwrap.fill(f"{step.task}", WIDTH, initial_indent="  " + "task".ljust(10),
                                subsequent_indent=" " * 12))
            for n in range(1, hint + 1):
                print(textwrap.fill(step.hints[n - 1], WIDTH, initial_indent=f"  hint {n}    ",
                                    subsequent_indent=" " * 12))
            if hint < 3:
                alone = f" --step {only}" if only else ""
                print(f"\n{'Another' if hint else 'A'} hint: python3 exercises.py {path}{alone} "
                      f"--hint {hint + 1}")
        return


def check_class(folder, target):
    """Print a table of all solutions in a folder; write all Verdicts as JSON: {file: [...]}."""
    paths = sorted(Path(folder).glob("*.py"))
    if not paths:
        raise ValueError(f"no .py file in {folder}")

    def one(path):
        name = reference_of(path.read_text(encoding="utf-8-sig", errors="replace"))
        found = list(verdicts(path, name, range(1, len(steps_of(name)) + 1)))
        all_right = all(verdict.what == "right" for verdict in found)
        progress.step(path.name)
        return found, list(verdicts(path, name, [0])) if all_right else [Verdict("not written")]
    with show.Progress(len(paths)) as progress, ThreadPoolExecutor(os.cpu_count()) as pool:
        try:
            found = dict(zip(paths, pool.map(one, paths)))
        except KeyboardInterrupt:
            stopped.set()
            for process in multiprocessing.active_children():
                process.kill()
            raise
    marks = {"right": "+", "not written": ".", "wrong": "x", "not run": "!"}
    print("+ right   x wrong   . not written   ! the file cannot be run   all: it trains")
    most = max(len(steps) for steps, _ in found.values())
    print(" " * 20 + "".join(f"{n:4}" for n in range(1, most + 1)) + " all")
    for path, (steps, whole) in found.items():
        cells = [marks[verdict.what] for verdict in steps]
        cells += [""] * (most - len(steps)) + [marks[whole[0].what]]
        print(f"{path.stem[:20]:20}" + "".join(f"{cell:>4}" for cell in cells))
    for path, (steps, whole) in found.items():
        for place, verdict in enumerate(steps + whole, 1):
            if verdict.what == "wrong" or verdict.what == "not run" and place == 1:
                at = f"step {place}" if place <= len(steps) else "all"
                why = verdict.mistake or " ".join(verdict.text.split())
                print(textwrap.fill(f"{path.stem}, {at}: {why}", WIDTH, subsequent_indent="  "))
    if target:
        records = {path.name: [verdict._asdict() for verdict in steps + whole]
                   for path, (steps, whole) in found.items()}
        show.save(target, json.dumps(records, indent=1) + "\n")


# ---- then change it ------------------------------------------------------------------------------


def probe(path):
    """Print what the model in a file sees, learns and costs, and what to change next."""
    name = reference_of(read(path))
    m = types.SimpleNamespace(**load(path))
    missing = [function for function in definitions(name) if not written(vars(m), function)]
    if missing:
        raise ValueError(f"there is no {missing[0]}: begin with exercises.py start")
    names = m.load_docs(HERE / "input.txt")
    docs, vocab, config, params, _ = inside.begin(m, names)
    text = "abcdefghijklmnop"[:config.block_size]
    size = sum(len(row) for matrix in params.values() for row in matrix)
    print(f"{config}\n{size:,} parameters")

    def last_logits(text):
        cache = [[] for _ in range(config.n_layer)]
        for position, symbol in enumerate(text):
            logits = m.forward(vocab[symbol], position, cache, params, config)
        return [logit.data for logit in logits]
    usual = last_logits(text)
    seen = []
    for n in range(len(text)):
        other = last_logits(text[:n] + "z" + text[n + 1:])
        if max([abs(a - b) for a, b in zip(usual, other)]) > 1e-12:  # less is rounding
            seen.append(n)
    print(f"position {len(text) - 1} sees the positions {', '.join(map(str, seen))}")
    if hasattr(m, "plucker"):
        z = [m.Value(1.0)] * config.r
        print(f"{len(m.plucker(z, z))} Plücker coordinates for a pair")
    m.backpropagate(m.tokenize(docs[0], vocab), params, config)
    still = [name for name, matrix in params.items()
             if not any(w.grad for row in matrix for w in row)]
    print(f"matrices that get no gradient from {docs[0]!r}: {', '.join(still) or 'none'}")
    fresh = inside.begin(m, names).params
    losses = list(m.train([m.tokenize(doc, vocab) for doc in docs[:10]], fresh, config, 10))
    print(f"loss at step 10 of 10: {losses[-1]:.4f}")
    print("\nThen change it. Predict before you probe:")
    for n, (what, question) in enumerate(CHANGES[name], 1):
        print(textwrap.fill(f"{n}. {what}. {question}", WIDTH, subsequent_indent="   "))


# ---- the program ---------------------------------------------------------------------------------


def start(path, name):
    """Write the skeleton; OSError if there is a file already."""
    with open(path, "x", encoding="utf-8") as file:
        file.write(skeleton(name))
    print(f"{path}: {len(steps_of(name))} steps to write. Then: python3 exercises.py {path}")
    if Path(path).resolve().parent != HERE:
        print(f"(Once it is finished, to run it: python3 {path} --data {HERE / 'input.txt'})")


def read_options(argv):
    """Return the options."""
    parser = show.Parser(description=__doc__.split("\n")[0],
                         usage="exercises.py [start | probe] FILE_OR_FOLDER [options]")
    parser.add_argument("words", nargs="+", help=argparse.SUPPRESS, metavar="FILE_OR_FOLDER")
    parser.add_argument("--attention", action="store_true", help="with start: attention's model")
    parser.add_argument("--step", type=show.whole_numbers(1, 99), help="check this step alone")
    parser.add_argument("--hint", type=show.whole_numbers(1, 3), nargs="?", const=1, default=0,
                        help="up to three hints for the step that is not right")
    parser.add_argument("--json", help="with a folder: write all verdicts there")
    args = parser.parse_args(argv)
    args.order = args.words[0] if args.words[0] in ("start", "probe") else "check"
    paths = args.words[args.order != "check":]
    if len(paths) != 1:
        parser.error("one file or folder, please")
    args.path = paths[0]
    is_folder = args.order == "check" and os.path.isdir(args.path)
    for option, is_given, is_apt, place in (
            ("--attention", args.attention, args.order == "start", "start"),
            ("--json", args.json, is_folder, "a folder"),
            ("--step", args.step, args.order == "check" and not is_folder, "a file to check"),
            ("--hint", args.hint, args.order == "check" and not is_folder, "a file to check")):
        if is_given and not is_apt:
            parser.error(f"{option} goes with {place}")
    if args.json:
        show.check_writable(args.json, parser, "--json")
    return args


def main(argv=None):
    """Start, check or probe a file, or check a folder of them."""
    args = read_options(argv)
    if args.order == "start":
        start(args.path, "micro_gpt.py" if args.attention else "micro_grassmann_clean.py")
    elif args.order == "probe":
        try:
            probe(args.path)
        except OSError:
            raise
        except NotImplementedError:
            raise ValueError(f"{args.path} is not finished: exercises.py {args.path}") from None
        except Exception as error:
            raise ValueError(f"{args.path}, {told(error, args.path)}") from error
    elif os.path.isdir(args.path):
        check_class(args.path, args.json)
    else:
        check(args.path, args.step, args.hint)


if __name__ == "__main__":
    show.run_program(main)
