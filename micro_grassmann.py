"""A Grassmann-flow language model in pure Python, explained line by line.

    python3 micro_grassmann.py        learns names from input.txt, then invents new ones

Read it from top to bottom: prose, then the code that is that prose, then often an example small
enough for pencil and paper, which `python3 -m doctest micro_grassmann.py` checks. Next come
micro_grassmann_clean.py, this program bare, and micro_gpt.py, its twin with attention.
The engine and the one-file model follow ideas of Andrej Karpathy's micrograd and microGPT.
"The paper" is Attention Is Not What You Need: Grassmann Flows as an Attention-Free Alternative for
Sequence Modeling, arXiv:2512.19428; the mixing layer is taken from it.
"""

# A document is one line of input.txt: a name. The model reads it character by character and
# computes, from the characters so far, a score for each character that may come next. The formulas
# are fixed, but they contain 3,840 numbers that are not: the weights. They start random. Training
# shows the model one name at a time, measures how badly it guessed (one number, the loss) and moves
# each weight a little in the direction that lowers the loss. In the end the program measures the
# loss on names it has never shown and lets the model write names of its own.
#
# A vector is a list or tuple of numbers, a matrix a list of rows of equal length. The dot product
# of a row w with x is w_1 x_1 + ... + w_n x_n, and W x is the vector of the dot products of all
# rows of W with x.

import gc
import math
import random
import sys
import time
from argparse import SUPPRESS, ArgumentParser
from collections import namedtuple
from itertools import compress, count
from operator import attrgetter, mul
from pathlib import Path

# ---- 1. the engine: which way to move each weight ------------------------------------------------
#
# Move a weight w by a tiny h, and the loss changes by about h times the derivative d loss / d w:
# its sign says which way is down, its size how steep it is. All these derivatives, one for each
# weight, are the gradient.
#
# The loss is the result of thousands of small operations. Each makes a number, a node, from a few
# others, its children, and school calculus gives its derivative towards each child: if c = a * b,
# that is b towards a, and a towards b. So a node keeps its children and, for each edge (the link to
# one child), this local derivative. More about the operation need not be known, for by the chain
# rule d loss / d child is the sum, over all nodes made from the child, of
#
#     (d loss / d node) * (d node / d child)
#
# A node may pass its share on to its children only when its own sum is complete, after all nodes
# made from it. So we walk from the loss backwards. As a node is made from nodes that exist already,
# it is born later than its children; visiting the last-born first is therefore a valid order, and
# all it takes is a number for each birth: next(clock) gives 0, then 1, then 2, ... And sumprod, for
# later, makes 1*3 + 2*4 of (1, 2) and (3, 4); Python has its own from 3.12 on, which is faster.
clock, sumprod = count(), getattr(math, "sumprod", lambda a, b: sum(map(mul, a, b)))


class Value:
    """A number that remembers what it was made from.

    data         the number
    grad         after loss.backward(): d loss / d this number
    children     the Values it was made from; none for a leaf, such as a weight or a constant
    local_grads  the derivative of this number towards each child, in the same order
    born         its place in the order of birth

    Below, the loss depends on a along two edges, through the product (derivative b = -3) and
    through the sum (1): together -2. On b it depends along one (derivative a = 2).

    >>> a, b = Value(2.0), Value(-3.0)
    >>> loss = a * b + a
    >>> loss.backward()
    >>> loss, a, b
    (Value(data=-4, grad=1), Value(data=2, grad=-2), Value(data=-3, grad=2))
    """

    __slots__ = ("born", "children", "data", "grad", "local_grads")  # these fields and no others

    def __init__(self, data, children=(), local_grads=()):
        self.data, self.grad, self.born = data, 0.0, next(clock)
        self.children, self.local_grads = children, local_grads

    # For a + b Python calls a.__add__(b), and for 1 - a, with no Value on the left, a.__rsub__(1).
    # `b := lift(b)` turns b into a Value, if it is a plain number, in mid-expression. The last
    # argument of each Value(...) holds the local derivatives:
    #
    #     a + b     1 towards a, 1 towards b
    #     a - b     1 towards a, -1 towards b
    #     a * b     b towards a, a towards b
    #     a ** n    n a**(n-1), where n is a plain number; for n = 0, `n and` gives 0 at once
    #
    # The other five are made of these: a / b = a b**-1, and b**a = exp(a log b). Where there is no
    # real result, as for 0 ** -1 or (-1) ** 0.5, math.pow raises ValueError.
    def __add__(a, b): return Value(a.data + (b := lift(b)).data, (a, b), (1.0, 1.0))
    def __sub__(a, b): return Value(a.data - (b := lift(b)).data, (a, b), (1.0, -1.0))
    def __mul__(a, b): return Value(a.data * (b := lift(b)).data, (a, b), (b.data, a.data))
    def __pow__(a, n): return Value(math.pow(a.data, n), (a,), (n and n * math.pow(a.data, n - 1),))
    def __truediv__(a, b): return a * b ** -1
    def __neg__(a): return a * -1
    def __rsub__(a, b): return lift(b) - a
    def __rtruediv__(a, b): return a ** -1 * b
    def __rpow__(a, b): return (a * math.log(b)).exp()

    def exp(a):
        """Return e**a, which is also the derivative. OverflowError if a exceeds about 709."""
        return Value(out := math.exp(a.data), (a,), (out,))

    def log(a):
        """Return the natural logarithm; its derivative is 1 / a. ValueError unless a > 0."""
        return Value(math.log(a.data), (a,), (1 / a.data,))

    # relu lets a positive number pass as it is, and makes 0 of any other. Then it is off: a small
    # change of a changes nothing, and the 0 is a new leaf without an edge to a.
    def relu(a):
        """Return a if a > 0, else 0. An example is in feed_forward below."""
        return a if a.data > 0 else Value(0.0)

    # sigmoid, s = 1 / (1 + exp(-a)), squeezes any number into the range from 0 to 1. Its
    # derivative, exp(-a) / (1 + exp(-a))**2, is s (1 - s). The code has an equal form of s, with
    # tanh, because exp(-a) overflows at a = -1000 and tanh never does.
    def sigmoid(a):
        """Return 1 / (1 + exp(-a)); at a = log 3 it is 1 / (1 + 1/3) = 3/4, with derivative 3/16.

        >>> a = Value(math.log(3))
        >>> s = a.sigmoid()
        >>> s.backward()
        >>> round(s.data, 6), round(a.grad, 6)
        (0.75, 0.1875)
        """
        return Value(s := 0.5 + 0.5 * math.tanh(a.data / 2), (a,), (s * (1 - s),))

    def __repr__(self):
        return f"Value(data={self.data:.6g}, grad={self.grad:.6g})"

    __radd__, __rmul__ = __add__, __mul__  # 1 + a is a + 1, and 2 * a is a * 2

    # backward first collects the inner nodes under the loss, those with children, level by level.
    # This is a loop because a function that calls itself for each child would hit Python's
    # recursion limit (1,000 by default) on a long chain of operations. Then they hand their
    # gradients down, last-born first. Each starts from 0, or a second call would hand down the
    # first one's share again. Leaves add up over all calls, one for each loss.
    def backward(self):
        """Set grad of each inner node under this one to d self / d node; add it to each leaf's.

        Called twice on 3 (2 a), it leaves 6 + 6 in a; if 2 a kept its 3, a would get 6 + 12.

        >>> a = Value(1.0)
        >>> loss = 3 * (2 * a)
        >>> loss.backward()
        >>> loss.backward()
        >>> a.grad
        12.0
        """
        reached, level = {self}, [self]
        while level:
            level = [c for c in set().union(*[v.children for v in level]) - reached if c.children]
            reached.update(level)
        inner = sorted(reached, key=attrgetter("born"), reverse=True)
        for node in inner:
            node.grad = 0.0
        self.grad = 1.0  # d self / d self
        for node in inner:
            grad = node.grad
            for child, local_grad in zip(node.children, node.local_grads):
                child.grad += local_grad * grad


def lift(x):
    """Return x itself if it is a Value, else a new leaf that holds the plain number x."""
    return x if isinstance(x, Value) else Value(x)


# Most of this model's arithmetic is dot products. Made of * and +, each would take 2n - 1 nodes.
# But a node may have any number of children, and the derivatives are plain to see: x_i towards w_i,
# and w_i towards x_i. So a dot product is one node with 2n children, and a sum is one with n: the
# same gradients, from far fewer objects to make and to visit.
def total(values):
    """Return the sum of a list or tuple of Values as one node."""
    return Value(sum([v.data for v in values]), tuple(values), (1.0,) * len(values))


def linear(x, matrix):
    """Return W x, a tuple of m Values; x has n, and matrix m rows, each a tuple of n.

    Lengths are not checked. Below, 1 * 3 + 2 * 4 = 11 has derivative 3 towards the 1 in the row
    and 1 towards the 3 in x.

    >>> row, x = (Value(1.0), Value(2.0)), (Value(3.0), Value(4.0))
    >>> [y] = linear(x, [row])
    >>> y.backward()
    >>> y, row[0], x[0]
    (Value(data=11, grad=1), Value(data=1, grad=3), Value(data=3, grad=1))
    """
    x_data = tuple(map(attrgetter("data"), x := tuple(x)))
    rows = [(row, tuple([w.data for w in row])) for row in matrix]
    return tuple([Value(sumprod(x_data, data), row + x, x_data + data) for row, data in rows])


def dot(a, b):
    """Return the dot product of two vectors of equal length as one node."""
    return linear(a, [tuple(b)])[0]


# ---- 2. the mixing layer: the planes that a position spans with its past -------------------------
#
# Section 3 makes a vector x_t of d = 16 numbers from the character at each position t = 0, 1, 2,
# ... of a document. The mixing layer is the only stage of the model in which position t learns what
# stands before it; all others treat each position alone.
#
# Attention, the usual mixing layer, compares position t with itself and all earlier ones, which
# makes 1 + 2 + ... + L = L (L + 1) / 2 comparisons for a document of length L. They grow with the
# square of L, written O(L²). Here position t looks back by a few fixed offsets: at most 6
# comparisons, however long the past, so the cost is O(L). The price is that this layer skips
# positions: it sees t-1, t-2 and t-4, but not t-3.
#
# Config holds the sizes. vocab_size is the number of different tokens (section 4), n_embd is d,
# block_size the longest input in tokens, window the offsets, each at least 1. Mixing and
# feed-forward network are repeated n_layer times, and r comes below. Offset 16 is idle unless
# block_size exceeds 16. The sizes 16, 1 and 16 are microGPT's; r is 32 in the paper.
Config = namedtuple("Config", "vocab_size n_embd n_layer block_size r window",
                    defaults=(16, 1, 16, 4, (1, 2, 4, 8, 12, 16)))


# How are two vectors u and v related? Attention takes their dot product, one number; the paper
# takes the plane they span. As arrows from the origin they are two sides of a parallelogram in that
# plane. Its shadow on the plane of the coordinates i and j is the parallelogram of (u_i, u_j) and
# (v_i, v_j), whose signed area is the 2 x 2 determinant
#
#     p_ij = u_i v_j - u_j v_i
#
# These areas for all i < j are the Plücker coordinates of u and v. Any two vectors that span the
# same plane have the same ones up to a common factor, and another plane has others. If u and v are
# parallel, there is no plane, and all p_ij are 0. If they are swapped, all signs flip, so order
# matters: "now, then" is not "then, now". The set of all planes through the origin is a
# Grassmannian, and "flow" says that the planes move through it, from position to position and from
# layer to layer: hence the paper's title. There is no more to the word; no equation is solved.
#
# With a = u_i, b = u_j, c = v_i and d = v_j, p_ij is ad - bc. Each letter occurs once, so its
# derivative is what it is multiplied by: d towards a, -c towards b, -b towards c, a towards d.
def plucker(u, v):
    """Return u_i v_j - u_j v_i for all i < j: r (r - 1) / 2 Values from two vectors of r.

    The formula is Plücker's (1865; with r = 4, for the lines in space). For u = (1, 2, 0) and
    v = (0, 1, 3) it gives 1*1 - 2*0 = 1, 1*3 - 0*0 = 3 and 2*3 - 0*1 = 6. The squares sum to the
    squared area of the parallelogram, |u|² |v|² - (u·v)² by Lagrange's identity: 46 = 5*10 - 2².

    >>> u, v = [Value(1.0), Value(2.0), Value(0.0)], [Value(0.0), Value(1.0), Value(3.0)]
    >>> [p_ij.data for p_ij in plucker(u, v)], [p_ij.data for p_ij in plucker(v, u)]
    ([1.0, 3.0, 6.0], [-1.0, -3.0, -6.0])
    >>> [p_ij.data for p_ij in plucker(u, u)], dot(plucker(u, v), plucker(u, v)).data
    ([0.0, 0.0, 0.0], 46.0)
    """
    pairs = [(u[i], u[j], v[i], v[j]) for i in range(len(u)) for j in range(i + 1, len(u))]
    return [Value(a.data * d.data - b.data * c.data, (a, b, c, d),
                  (d.data, -c.data, -b.data, a.data)) for a, b, c, d in pairs]


# The layer in four steps. The formulas are the paper's, without its biases (added constants).
#
# Reduce. Vectors of 16 numbers have 16 * 15 / 2 = 120 Plücker coordinates, vectors of 4 have 6. So
# the matrix W_red first makes r = 4 numbers of x_t: z_t = W_red x_t. Training finds out which.
#
# Compare. For each offset with s = t - offset >= 0, p holds the Plücker coordinates of z_t and z_s.
# Its length |p| is the area of their parallelogram, which is large for long vectors; which plane it
# lies in shows in the direction of p alone. So p is scaled to length 1, p / sqrt(|p|² + 1e-8). The
# 1e-8 is for parallel vectors: 0 ** -0.5 does not exist, but 0 / sqrt(1e-8) is 0.
#
# Average. Early positions have fewer partners, and a mean, unlike a sum, does not grow with their
# number. The matrix W_plu makes d numbers of the 6 averaged coordinates: g_t. The paper applies
# W_plu to each p and averages then. As a matrix times a mean is the mean of the products, this is
# the same, but costs one product for each offset. At position 0, g is 0.
#
# Gate. What comes of it is a mixture of x_t and g_t, in proportions that the layer chooses: the
# function gate, after this one.
def mix(x, layer, past, params, config):
    """Return what position t makes of itself and its past: d Values from the d of x.

    layer, such as "layer0", selects the matrices in params. past is the list of this layer's
    z_0 ... z_(t-1), each of r Values; z_t is appended to it.

    In the example d = r = 2, so there is one Plücker coordinate; W_red changes nothing, and the
    gate matrices are 0, which makes the mixture half and half. Position 0 has no past: half of
    (1, 0). At position 1, z = (0, 1) meets (1, 0): p = 0*0 - 1*1 = -1, already of length 1. W_plu
    makes g = (-4, -6) of it, and the result lies halfway between (0, 1) and g.

    >>> def matrix(*rows): return [tuple(map(Value, row)) for row in rows]
    >>> zeros = matrix((0, 0), (0, 0))
    >>> params = {"layer0.W_red": matrix((1, 0), (0, 1)), "layer0.W_plu": matrix((4,), (6,)),
    ...           "layer0.W_gate_h": zeros, "layer0.W_gate_g": zeros}
    >>> past, config = [], Config(vocab_size=3, n_embd=2, r=2)
    >>> for x in matrix((1, 0), (0, 1)):
    ...     print([round(y.data, 4) for y in mix(x, "layer0", past, params, config)])
    [0.5, 0.0]
    [-2.0, -2.5]
    """
    z, units, W_plu = linear(x, params[f"{layer}.W_red"]), [], params[f"{layer}.W_plu"]
    past.append(z)
    for offset in [o for o in config.window if o < len(past)]:
        p = plucker(z, past[-1 - offset])  # past[-1] is z_t itself
        inverse_length = (dot(p, p) + 1e-8) ** -0.5
        units.append([p_ij * inverse_length for p_ij in p])
    mean = [total(p) * (1 / len(units)) for p in zip(*units)] or [Value(0.0)] * len(W_plu[0])
    return gate(x, linear(mean, W_plu), layer, params)


# How much of x should stay? alpha, a number between 0 and 1 for each of the d dimensions, decides:
# it is the share of x, and g gets the rest. At 1, x stays; at 0, g replaces it. It depends on both,
# by two more matrices (h, as in hidden state, is another name for x):
#
#     alpha  = sigmoid(W_gate_h x + W_gate_g g)
#     result = alpha * x + (1 - alpha) * g
#
# The code computes the same in another form. Joining each row of W_gate_h with that of W_gate_g (+
# joins tuples) gives one matrix, whose product with x and g joined, [x; g], is the sum in brackets.
# And g + alpha * (x - g) is the result with one multiplication fewer.
def gate(x, g, layer, params):
    """Return alpha * x + (1 - alpha) * g, d Values from the d of x and of g.

    With W_gate_h = W_gate_g = (1), x = log 3 and g = 0, alpha is sigmoid(log 3) = 3/4.

    >>> params = {"layer0.W_gate_h": [(Value(1.0),)], "layer0.W_gate_g": [(Value(1.0),)]}
    >>> [y] = gate([Value(math.log(3))], [Value(0.0)], "layer0", params)
    >>> round(y.data / math.log(3), 4)
    0.75
    """
    rows = [w_h + w_g for w_h, w_g in zip(params[f"{layer}.W_gate_h"], params[f"{layer}.W_gate_g"])]
    alpha = [score.sigmoid() for score in linear((*x, *g), rows)]
    return [g_i + a * (x_i - g_i) for a, x_i, g_i in zip(alpha, x, g)]


# ---- 3. the model: a token in, the scores of the next one out ------------------------------------
#
# What surrounds the mixing layer is microGPT's: RMSNorm before each part, ReLU, no biases. The
# paper has LayerNorm after each part, GELU (a smooth ReLU) and biases.
#
# A token is a whole number that stands for a character. It is a mere label, token 5 is not more
# than token 4, so it is of no use in formulas. Instead each token has a vector of d weights, its
# embedding, as a row of the matrix wte. Training shapes it, and tokens that behave alike can come
# to have similar rows. Each position has a row of the matrix wpe in the same way: without it, the
# mean over the offsets would not show how far back each partner was.
#
# The weights start as small random numbers around 0. If they all started equal, numbers computed
# side by side would have equal gradients and stay equal for ever.
def init_params(config, rng):
    """Return {name: matrix} with Gaussian weights, standard deviation 0.08, from a random.Random.

    Rows x columns, with V = vocab_size and B = block_size. Each layer n has its own W_red ... fc2,
    named "layer0.W_red" and so on.

        wte      V x d    embedding of each token        W_gate_h  d x d    x's part of the gate
        wpe      B x d    embedding of each position     W_gate_g  d x d    g's part of the gate
        lm_head  V x d    score of each next token       fc1       4d x d   feed-forward, in
        W_red    r x d    x to z                         fc2       d x 4d   feed-forward, out
        W_plu    d x r (r - 1) / 2    Plücker coordinates to g

    >>> params = init_params(Config(vocab_size=27), random.Random(42))
    >>> sum(len(row) for matrix in params.values() for row in matrix)
    3840
    """
    V, d, r = config.vocab_size, config.n_embd, config.r
    layer = {"W_red": (r, d), "W_plu": (d, r * (r - 1) // 2),
             "W_gate_h": (d, d), "W_gate_g": (d, d), "fc1": (4 * d, d), "fc2": (d, 4 * d)}
    shapes = {"wte": (V, d), "wpe": (config.block_size, d), "lm_head": (V, d)}
    shapes.update({f"layer{n}.{key}": layer[key] for n in range(config.n_layer) for key in layer})
    return {name: [tuple([Value(rng.gauss(0, 0.08)) for _ in range(columns)]) for _ in range(rows)]
            for name, (rows, columns) in shapes.items()}


# While the weights change, so does the size of the vectors they make, and each part would have to
# follow the changes of those before it. RMSNorm takes the size out: it divides x by the root of the
# mean of its squares. The 1e-5 keeps a vector of zeros from dividing by zero.
def rmsnorm(x):
    """Return x / sqrt(mean of x² + 1e-5), as many Values as x has.

    Source: Zhang & Sennrich 2019, arXiv:1910.07467, but without their trained factors, as in
    microGPT. The mean square of (1, 7) is (1 + 49) / 2 = 25, so x is divided by 5.

    >>> [round(x_i.data, 4) for x_i in rmsnorm([Value(1.0), Value(7.0)])]
    [0.2, 1.4]
    """
    scale = (dot(x, x) * (1 / len(x)) + 1e-5) ** -0.5
    return [x_i * scale for x_i in x]


# In the feed-forward network, a position works on what it has gathered: fc1 makes 4d hidden numbers
# of x, ReLU sets the negative ones to 0, and fc2 makes d numbers of the rest. Without the ReLU, fc2
# (fc1 x) would be a single matrix times x and could do no more than one.
#
# A hidden number that is off multiplies its column of fc2 by 0: it adds 0 to every sum and gives
# the column gradient 0, and it passes nothing on to fc1. So it can be left out with its column, and
# all values and gradients stay exactly the same. compress keeps the items that are flagged in `on`.
def feed_forward(x, layer, params):
    """Return fc2 relu(fc1 x): d Values from the d of x; layer and params as in mix.

    For x = (1, 2), fc1 gives 1 + 2 = 3 and 1 - 2 = -1. The second is off, so the result is
    2 * 3 = 6, and the 5 is not among its children.

    >>> params = {"layer0.fc1": [(Value(1.0), Value(1.0)), (Value(1.0), Value(-1.0))],
    ...           "layer0.fc2": [(Value(2.0), Value(5.0))]}
    >>> [y] = feed_forward([Value(1.0), Value(2.0)], "layer0", params)
    >>> y.data, [child.data for child in y.children]
    (6.0, [2.0, 3.0])
    """
    hidden = [h.relu() for h in linear(x, params[f"{layer}.fc1"])]
    on = [h.data > 0 for h in hidden]
    return linear(compress(hidden, on), [tuple(compress(w, on)) for w in params[f"{layer}.fc2"]])


# Each part's output is added to x, a residual connection: the part has to learn only what to
# change, and past it leads an edge with derivative 1, on which the gradient arrives undiminished.
# Lastly, lm_head makes one score per token, its logit: any number, the higher the more expected.
def forward(token, cache, params, config):
    """Return the vocab_size logits of the token that follows this one.

    cache has one list per layer, the `past` of mix, empty before the first token. Each call adds
    one entry to each, so their length is the position. As no position looks ahead, what earlier
    ones computed stays valid. IndexError if the position reaches block_size.
    """
    x = rmsnorm([a + b for a, b in zip(params["wte"][token], params["wpe"][len(cache[0])])])
    for n, past in enumerate(cache):
        x = [a + b for a, b in zip(x, mix(rmsnorm(x), f"layer{n}", past, params, config))]
        x = [a + b for a, b in zip(x, feed_forward(rmsnorm(x), f"layer{n}", params))]
    return linear(x, params["lm_head"])


# Softmax makes probabilities of logits: exp(v_k) divided by the sum of all exp(v_k), positive
# numbers that add up to 1. The loss of one guess is the cross-entropy, -log of the probability
# given to the token that really came, the target: 0 if the model was certain of it, large if it
# thought it unlikely. The log of a quotient is a difference, so
#
#     -log (exp(v_target) / sum of exp(v_k))  =  log (sum of exp(v_k)) - v_target
#
# The right side, log-sum-exp minus the target's logit, needs no probability that could round to 0,
# of which there is no log. To keep exp from overflowing, the highest logit, top, is subtracted from
# all and added back after the log.
#
# The derivative towards v_k comes out simply: log (sum of exp(v_k)) gives exp(v_k) / sum, which is
# the probability of k, and - v_target gives -1 to the target alone. So this too is one node: each
# logit is pulled down by the probability it wrongly gets, the target's up by what it lacks.
def cross_entropy(logits, target):
    """Return -log softmax(logits)[target] as one Value, in nats, the unit of the natural logarithm.

    The logits 0 and log 3 mean probabilities 1/4 and 3/4. If the second token (target 1) comes, the
    loss is log(1 + 3) - log 3 = 0.2877. The gradients are the probabilities, less 1 for the target.

    >>> logits = [Value(0.0), Value(math.log(3))]
    >>> loss = cross_entropy(logits, 1)
    >>> loss.backward()
    >>> round(loss.data, 4), [round(v.grad, 4) for v in logits]
    (0.2877, [0.25, -0.25])
    """
    top = max(logits, key=attrgetter("data")).data
    exps = [math.exp(v.data - top) for v in logits]
    loss = math.log(norm := sum(exps)) + top - logits[target].data
    return Value(loss, tuple(logits), [e / norm - (i == target) for i, e in enumerate(exps)])


# Each position of a document is an exercise: given the tokens up to here, which is next? n tokens
# make n - 1 exercises, of which the block holds the first block_size.
def token_losses(tokens, params, config):
    """Return the cross-entropy at each position, a list of Values in nats."""
    cache = [[] for _ in range(config.n_layer)]
    return [cross_entropy(forward(token, cache, params, config), target)
            for token, target in zip(tokens[:config.block_size], tokens[1:])]


# ---- 4. training, evaluation, sampling: from a text file to new names ----------------------------
#
# utf-8-sig is UTF-8, with or without the byte order mark that some editors put first.
def load_docs(path):
    """Return the non-blank lines of a UTF-8 text, stripped. OSError, or UnicodeDecodeError."""
    return [s.strip() for s in Path(path).read_text(encoding="utf-8-sig").split("\n") if s.strip()]


# A model can lower its loss by learning names by heart. Whether it has grasped how names are built
# shows on names it has not seen, so a tenth of the documents, at most 200, is kept apart.
def split_docs(docs, steps):
    """Return the documents to train on, one a step, and those to evaluate on.

    If steps outnumber the documents to train on, training starts over. Fewer than ten documents
    leave none to evaluate on. Of 30 documents, 5 steps see 5; the next 30 // 10 = 3 stay unseen.

    >>> split_docs(list(range(30)), 5)
    ([0, 1, 2, 3, 4], [5, 6, 7])
    """
    n_train = min(steps, len(docs) - (n_eval := min(200, len(docs) // 10)))
    return docs[:n_train], docs[n_train:n_train + n_eval]


# The vocabulary lists all characters of the documents in order; a character's token is its index.
# One more token, BOS (beginning of sequence), opens a document, so that the first character is
# predicted from something too, and closes it, so that the end is predicted as well.
def tokenize(doc, vocab):
    """Return BOS, the token of each character, BOS; ValueError for a character not in vocab.

    >>> tokenize("abba", ["a", "b"])
    [2, 0, 1, 1, 0, 2]
    """
    return [len(vocab), *map(vocab.index, doc), len(vocab)]


# Plain descent would move each weight by -lr * gradient, where lr is the learning rate. But one
# name's gradient is noisy, and its usual size differs from weight to weight. Adam divides a mean of
# the recent gradients, which smooths the noise, by the root of the mean of their squares:
#
#     move = -lr * mean gradient / (sqrt(mean squared gradient) + 1e-8)
#
# Its length is about lr if the gradients agree, be they large or small, and less if they contradict
# each other. What happened k steps ago counts beta**k in the means, so the lists need no more than
# one number per weight: m = beta1 * m + gradient, and v likewise with the square. These are sums;
# divided by the sum of all that counts, 1 + beta + beta² + ... = (1 - beta**step) / (1 - beta),
# they are means. `rate` and `spread` do that, once for all weights. (The source has m and v smaller
# by the factor 1 - beta, and calls the division by 1 - beta**step bias correction.)
def adam_step(weights, m, v, step, lr, beta1=0.85, beta2=0.99):
    """Move each weight once, update the lists m and v in place, set all gradients back to 0.

    weights, m and v have equal length; step counts from 1. Source: Kingma & Ba 2014,
    arXiv:1412.6980, with microGPT's betas. In the first step below the means are 4 and 4² = 16, and
    the weight moves by -0.01 * 4 / sqrt(16) = -0.01.

    >>> w, m, v = Value(1.0), [0.0], [0.0]
    >>> w.grad = 4.0
    >>> adam_step([w], m, v, step=1, lr=0.01)
    >>> w, m, v
    (Value(data=0.99, grad=0), [4.0], [16.0])
    """
    rate, spread = lr * (1 - beta1) / (1 - beta1 ** step), (1 - beta2) / (1 - beta2 ** step)
    for i, w in enumerate(weights):
        m[i] = m_i = beta1 * m[i] + w.grad
        v[i] = v_i = beta2 * v[i] + w.grad * w.grad
        w.data, w.grad = w.data - rate * m_i / (math.sqrt(spread * v_i) + 1e-8), 0.0


# One step of training is the loss of one document, its gradient, and one move of all weights. lr
# falls in a straight line towards 0 at the end: large moves first, fine ones last.
#
# Python frees an object when the last reference to it is gone. Only objects that refer to each
# other in a circle need the garbage collector, which now and then searches the live objects. A
# Value refers to older ones only: a graph has no circle, and to search its thousands of nodes is in
# vain. So the collector rests while there is one. `loss = ce = loss.data` puts a number in
# place of the last two references to it, and so frees it.
def train(docs, params, config, steps, lr=0.01):
    """Train on one token list of docs a step; yield each step's mean loss in nats per token.

    This is a generator: a step is done when the caller asks for its loss. ArithmeticError if a loss
    is not finite. The example learns one document by heart.

    >>> params = init_params(Config(vocab_size=3), random.Random(42))
    >>> losses = list(train([[2, 0, 1, 2]], params, Config(vocab_size=3), steps=40))
    >>> losses[0] > 0.5, losses[-1] < 0.01
    (True, True)
    """
    weights = [w for matrix in params.values() for row in matrix for w in row]
    m, v = [0.0] * len(weights), [0.0] * len(weights)
    for step in range(steps):
        gc.disable()
        try:
            loss = total(ce := token_losses(docs[step % len(docs)], params, config)) * (1 / len(ce))
            loss.backward()
            loss = ce = loss.data
        finally:
            gc.enable()
        if not math.isfinite(loss):
            raise ArithmeticError(f"loss {loss} at step {step + 1}: try another seed or a lower lr")
        adam_step(weights, m, v, step + 1, lr * (1 - step / steps))
        yield loss


# Evaluation is the same loss without training. What does it mean? A model that guesses blindly
# among 27 tokens has loss log 27 = 3.30. In turn a loss of 2.3 is that of guessing among exp(2.3),
# about 10; this number is called the perplexity.
def evaluate(docs, params, config):
    """Return the mean loss over all tokens of the token lists, in nats. ZeroDivisionError if none.

    >>> round(math.log(27), 2), round(math.exp(2.3))
    (3.3, 10)
    """
    return sum(ce := [v.data for doc in docs for v in token_losses(doc, params, config)]) / len(ce)


# To write a name, begin with BOS, draw the next token by the probabilities, append it, and go on
# until BOS returns or the block is full. First the logits are divided by the temperature: below 1
# it favours the likely tokens even more, above 1 less. The logits 0 and log 3 stand for 1 : 3, at
# temperature 0.5 for 1 : 9. rng.choices needs proportions only, which spares us softmax's division.
def generate(vocab, params, config, rng, temperature):
    """Return a new document, a string of at most block_size characters; temperature > 0.

    >>> [round(math.exp(v / 0.5), 6) for v in (0, math.log(3))]
    [1.0, 9.0]
    """
    tokens, cache = [len(vocab)], [[] for _ in range(config.n_layer)]
    while tokens.count(len(vocab)) < 2 and len(tokens) <= config.block_size:
        logits = [v.data / temperature for v in forward(tokens[-1], cache, params, config)]
        top = max(logits)
        tokens += rng.choices(range(len(logits)), [math.exp(v - top) for v in logits])
    return "".join([vocab[token] for token in tokens if token < len(vocab)])


# ---- 5. the command line: --data, --steps, --seed, --samples, --temperature ----------------------
#
# One random generator shuffles the documents, makes the weights and draws the samples, so a seed
# fixes the whole run (on one version of Python). In a terminal the line of progress is rewritten at
# each step; elsewhere, in a file for example, each hundredth step and the last have a line.
def main():
    """Read the options and the data; train, evaluate, sample. Exit status 2 on a bad option."""
    sys.stdout.reconfigure(errors="replace")  # a "?" for what the terminal cannot show
    # Without a usage text, what is wrong with an option is said in one line.
    parser = ArgumentParser(usage=SUPPRESS, description="Train on a text's lines; print new ones.")
    for name, val in (("data", Path(__file__).with_name("input.txt")),
                      ("steps", 1000), ("seed", 42), ("samples", 20), ("temperature", 0.5)):
        parser.add_argument(f"--{name}", type=type(val), default=val, help="default: %(default)s")
    # Some versions of Python take "--steps=--" for no value at all; "--steps=" they refuse.
    args = parser.parse_args([a[:-2] if a[-3:] == "=--" else a for a in sys.argv[1:]])
    for name, least in ("steps", 0), ("seed", 0), ("samples", 0), ("temperature", 1e-6):
        least <= vars(args)[name] < math.inf or parser.error(f"--{name} must lie in [{least}, inf)")
    docs = load_docs(args.data) or parser.error(f"--data {args.data}: no text in it")
    (rng := random.Random(args.seed)).shuffle(docs)
    vocab = sorted(set("".join(docs)))
    params = init_params(config := Config(len(vocab) + 1), rng)  # + 1 for BOS
    size = sum(len(row) for matrix in params.values() for row in matrix)
    print(f"{len(docs):,} documents in {args.data}\n{config}\n{size:,} parameters")
    seen, unseen = split_docs([tokenize(doc, vocab) for doc in docs], args.steps)
    live, start = sys.stdout.isatty(), time.perf_counter()
    for step, loss in enumerate(train(seen, params, config, args.steps), 1):
        if live or step % 100 == 0 or step == args.steps:
            left = (time.perf_counter() - start) * (args.steps / step - 1)
            print(f"step {step} of {args.steps}, loss {loss:.4f}, {left:.0f} s left  ",
                  end="\r" if live and step < args.steps else "\n", flush=True)
    loss = f"{evaluate(unseen, params, config):.4f}" if unseen else "needs ten documents or more"
    print(f"loss on {len(unseen)} unseen documents: {loss}", flush=True)
    for n in range(1, args.samples + 1):
        print(f"sample {n:2}: {generate(vocab, params, config, rng, args.temperature)}", flush=True)


# No traceback when a pipe's reader has left, after an error (status 2) or Ctrl-C (130). The message
# names the command, and with it the file that could not be read.
if __name__ == "__main__":
    try:
        main()
    except BrokenPipeError:
        sys.stdout = None
    except (ArithmeticError, KeyboardInterrupt, OSError, UnicodeError) as e:
        print(f"{' '.join(sys.argv)}: {str(e) or 'stopped':30}", file=sys.stderr)
        sys.exit(130 if isinstance(e, KeyboardInterrupt) else 2)
