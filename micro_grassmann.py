"""A whole language model without attention, with Grassmann flows instead, explained line by line.

    python3 micro_grassmann.py        learns names from input.txt, then invents new ones

Read it from top to bottom: prose, then the code that does what it says, then often an example small
enough for pencil and paper, which `python3 -m doctest micro_grassmann.py` checks.
micro_grassmann_clean.py is this program without the prose, micro_gpt.py its twin with attention.
The engine and the one-file model follow ideas of Andrej Karpathy's micrograd and microGPT.
"The paper" is Attention Is Not What You Need: Grassmann Flows as an Attention-Free Alternative for
Sequence Modeling, arXiv:2512.19428; the mixing layer is taken from it.
"""

# What the model does. Take the name "anna". The model reads it character by character and guesses,
# after each, the next. A mark, here written as a dot, stands for the beginning and for the end:
#
#     it has read    .     .a     .an     .ann     .anna
#     next comes     a     n      n       a        .
#
# That makes five guesses. A guess is a probability for each character that may come. It was good if
# it gave a high probability to the character that did come. How bad the guesses were is summed up
# in one number, the loss. Writing a new name is the same guessing: draw a character according to
# the probabilities, append it, guess again, and stop at the mark.
#
# The probabilities come from fixed formulas. But these contain 3,840 numbers that are not fixed:
# the weights. They start as random numbers, so the first guesses are blind. Training shows the
# model one name at a time and moves each weight a little in the direction that lowers the loss. At
# the end the program measures the loss on names that were set aside, and lets the model write names
# of its own.
#
# One layer of the model is new. What follows an "n" depends on what stands before it, so each
# position must learn about its past. Imagine each character as an arrow, all starting from one
# point (picture_plane.svg shows it). The model lays the newest arrow beside a few earlier ones.
# Like two rods that hold a sheet of cloth, two arrows stretch a flat piece between them, part of a
# plane, and the tilt of this plane tells something about the pair. The model takes the mean of the
# tilts and lets it correct the newest arrow. In formulas, for the arrow x_t of position t:
#
#     z_t = W_red x_t                                     fewer numbers
#     p   = the plane of z_t and z_s, as numbers          for a few earlier positions s
#     g   = W_plu times the mean of all p                 what the past says
#     x_t becomes alpha x_t + (1 - alpha) g               alpha: how much of x_t stays
#
# This is the mixing layer; section 2 (with picture_layer.svg) makes it exact. Section 1 builds the
# numbers it computes with, section 3 the model around it; section 4 trains it.
#
# Words. A vector is a list or tuple of numbers, a matrix a list of rows of equal length. The dot
# product of a row w with x is w_1 x_1 + ... + w_n x_n, and W x, also written W @ x, is the vector
# of the dot products of all rows of W with x. In Python, zip(u, v) goes through two lists side by
# side, and zip(*rows) through all rows side by side, so it yields the columns.
#
# What the names stand for throughout, and their usual sizes:
#
#     doc      a line of text, such as a name
#     token    the number of a symbol; the last one, BOS, marks the beginning and end of a doc
#     x        the vector of a position: d = n_embd = 16 Values (numbers, see below)
#     params   {name: matrix} of all weights; a matrix is a list of rows, a row a tuple of Values
#     layer    "layer0" and so on: what the names of a layer's matrices begin with
#     past     what a layer keeps of the positions so far: a list with one entry for each
#     cache    the past of each layer
#     logits   a score for each token that may come next: vocab_size Values

import gc
import json
import math
import os
import random
import sys
import zlib
from argparse import SUPPRESS, ArgumentParser
from operator import mul
from pathlib import Path
from typing import NamedTuple

# The dot product of two tuples of plain numbers: of (1, 2) and (3, 4) it is 1*3 + 2*4 = 11. From
# 3.12 on Python has it ready-made in math; before that, the lambda, a function without a name, does
# it. (getattr(a, "b", c) is a.b, or c where a has no b.)
sumprod = getattr(math, "sumprod", lambda a, b: sum(map(mul, a, b)))


# ---- 1. the engine: numbers that remember what they were made from -------------------------------
#
# Move a weight w by a tiny h, and the loss changes by about h times the derivative d loss / d w:
# its sign says which way is down, its size how steep it is. All these derivatives, one for each
# weight, are the gradient.
#
# The loss is the result of thousands of small operations. Each makes a number, a node, from a few
# others, its children, and school calculus gives its derivative towards each child: if c = a * b,
# that is b towards a, and a towards b. So a node keeps its children and, for each edge (the link to
# one child), this local derivative. Numbers and edges together are called a graph. Nothing else
# about the operations matters, for by the chain rule d loss / d child is the sum, over all nodes
# made from the child, of
#
#     (d loss / d node) * (d node / d child)
#
# Each term is a share that a node hands down to a child. This starts at the loss, whose derivative
# towards itself is 1, and ends at the weights.


class Value:
    """A number that remembers what it was made from.

    data         the number
    grad         after loss.backward(): d loss / d this number
    children     the Values it was made from; none for a leaf, such as a weight or a constant
    local_grads  the derivative of this number towards each child, in the same order

    Below, the loss depends on a along two edges, through the product (derivative b = -3) and
    through the sum (1): together -2. On b it depends along one (derivative a = 2).

    >>> a = Value(2.0)
    >>> b = Value(-3.0)
    >>> loss = a * b + a
    >>> loss.backward()
    >>> loss, a, b
    (Value(data=-4, grad=1), Value(data=2, grad=-2), Value(data=-3, grad=2))
    """

    __slots__ = ("children", "data", "grad", "local_grads")  # no other fields: this saves memory

    def __init__(self, data, children=(), local_grads=()):
        self.data = data
        self.grad = 0.0
        self.children = children
        self.local_grads = local_grads

    # For a + b Python calls a.__add__(b). lift, below, turns b into a Value if it is a plain
    # number. The last argument of each Value(...) holds the local derivatives:
    #
    #     a + b     1 towards a, 1 towards b
    #     a - b     1 towards a, -1 towards b
    #     a * b     b towards a, a towards b
    def __add__(self, other):
        other = lift(other)
        return Value(self.data + other.data, (self, other), (1.0, 1.0))

    def __sub__(self, other):
        other = lift(other)
        return Value(self.data - other.data, (self, other), (1.0, -1.0))

    def __mul__(self, other):
        other = lift(other)
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    # The derivative of a**n, n a plain number, is n a**(n-1), or n (a**n / a). At a = 0 it is 1 for
    # n = 1, infinite between 0 and 1, as for the square root, and otherwise 0. Where there is no
    # real result, as for 0 ** -1 or (-1) ** 0.5, math.pow raises ValueError.
    def __pow__(self, n):
        power = math.pow(self.data, n)
        slope_at_0 = math.inf if 0 < n < 1 else float(n == 1)
        slope = n * (power / self.data) if self.data else slope_at_0
        return Value(power, (self,), (slope,))

    # The other operations are made from these. 1 - a calls a.__rsub__(1), and 1 / a likewise.
    def __truediv__(self, other): return self * other ** -1
    def __neg__(self): return self * -1
    def __rsub__(self, other): return lift(other) - self
    def __rtruediv__(self, other): return self ** -1 * other
    __radd__ = __add__
    __rmul__ = __mul__

    def exp(self):
        """Return e**a, which is also the derivative. OverflowError if a exceeds about 709."""
        power = math.exp(self.data)
        return Value(power, (self,), (power,))

    def log(self):
        """Return the natural logarithm; its derivative is 1 / a. ValueError unless a > 0."""
        return Value(math.log(self.data), (self,), (1 / self.data,))

    # relu lets a positive number pass and turns any other into 0. Then it is off: a small change of
    # a changes nothing, and the 0 is a new leaf without an edge to a. (NaN, "not a number", which a
    # broken weight makes, is not <= 0, so it passes, and train below will notice it.)
    def relu(self):
        """Return a if a > 0, else 0; NaN stays NaN. An example is in feed_forward below."""
        return Value(0.0) if self.data <= 0 else self

    # sigmoid, s = 1 / (1 + exp(-a)), squeezes any number into the range from 0 to 1. Its
    # derivative, exp(-a) / (1 + exp(-a))**2, is s (1 - s). The code uses an equivalent form of s,
    # with tanh, because exp(-a) overflows at a = -1000 and tanh never does.
    def sigmoid(self):
        """Return 1 / (1 + exp(-a)); at a = log 3 it is 1 / (1 + 1/3) = 3/4, with derivative 3/16.

        >>> a = Value(math.log(3))
        >>> s = a.sigmoid()
        >>> s.backward()
        >>> round(s.data, 6), round(a.grad, 6)
        (0.75, 0.1875)
        """
        s = 0.5 + 0.5 * math.tanh(self.data / 2)
        return Value(s, (self,), (s * (1 - s),))

    def __repr__(self):
        return f"Value(data={self.data:.6g}, grad={self.grad:.6g})"

    # How copies and pickles of a node are made: call Value with these arguments, then set grad.
    def __reduce__(self):  # for copy and pickle
        return Value, (self.data, self.children, self.local_grads), (None, {"grad": self.grad})

    # A node may hand down its gradient only when that is complete, that is, after all nodes made
    # from it have handed down theirs: if b = 2a handed down to a before loss = b * b handed
    # anything to b, a would get 0, and nothing would say so. So backward first lists the nodes,
    # each after its children, and then hands down from the list's end.
    #
    # The list comes from a walk along the edges: from a node go down to a child not yet visited,
    # from there to one of its children, and so on; when none is left, list the node and go back up
    # to where you came from. `path` is the way down from the loss to where we are. Beside each node
    # it keeps an iterator over its children: a for loop over an iterator goes on where the last one
    # stopped, so coming back to a node we look only at the children that are left. The loop's
    # `else` is reached when it ends without `break`, that is, when none was left. Leaves have
    # nothing to hand down, so they are not listed. (A function that calls itself for each child
    # would be shorter, but on a chain of 1,000 operations it hits Python's limit for calls within
    # calls.)
    #
    # Each listed node starts from 0; otherwise a second call would hand down the first one's share
    # again. Leaves are not set to 0: their grads add up over all calls, one for each loss.
    def backward(self):
        """Set grad to d self / d node in each node self was made from; leaves add theirs up.

        Called twice on 3 (2 a), it leaves 6 + 6 in a; if 2 a kept its 3, a would get 6 + 12.

        >>> a = Value(1.0)
        >>> loss = 3 * (2 * a)
        >>> loss.backward()
        >>> loss.backward()
        >>> a.grad
        12.0
        """
        order = []
        visited = {self}
        path = [(self, iter(self.children))]
        while path:
            node, children = path[-1]
            for child in children:  # goes on where it stopped
                if child.children and child not in visited:
                    visited.add(child)
                    path.append((child, iter(child.children)))
                    break
            else:  # no child is left to visit
                order.append(node)
                node.grad = 0.0
                path.pop()
        self.grad = 1.0  # d self / d self
        for node in reversed(order):
            grad = node.grad
            for child, local_grad in zip(node.children, node.local_grads):
                child.grad += local_grad * grad


# Each model file has a Value of its own, because each runs alone. A Value of another file, if taken
# for a plain number, would lose its graph and leave wrong gradients. So it is refused.
def lift(x):
    """Return x itself if it is a Value, else a new leaf that holds the plain number x.

    TypeError for anything else, and so for an operation between Values of two model files.
    """
    if isinstance(x, Value):
        return x
    if isinstance(x, (int, float)):
        return Value(x)
    raise TypeError(f"{x!r} is neither a number nor a Value of {__name__}")


# A node may have any number of children. The mean of n values, v_1 / n + ... + v_n / n, has the
# derivative 1 / n towards each. One node for it all, here and in `linear`, rather than one for each
# + and *, gives the same gradients from far fewer objects, and so faster.
def mean(values):
    """Return the mean of a list or tuple of Values as one node. ZeroDivisionError if it is empty.

    >>> mean([Value(1.0), Value(6.0)])
    Value(data=3.5, grad=0)
    """
    share = 1 / len(values)
    return Value(sum([v.data for v in values]) * share, tuple(values), (share,) * len(values))


# Most of this model's arithmetic is W x, one dot product for each row of W. The derivatives of
# w_1 x_1 + ... + w_n x_n are plain to see: x_i towards w_i, and w_i towards x_i. So the node's
# children are all w and all x (+ joins tuples), and its local derivatives all x and all w.
def linear(x, matrix):
    """Return matrix @ x: m Values for m rows; x and each row, a tuple, hold n.

    Lengths are not checked. Below, 1 * 3 + 2 * 4 = 11 has derivative 3 towards the 1 in the row
    and 1 towards the 3 in x.

    >>> row = (Value(1.0), Value(2.0))
    >>> x = (Value(3.0), Value(4.0))
    >>> [y] = linear(x, [row])
    >>> y.backward()
    >>> y, row[0], x[0]
    (Value(data=11, grad=1), Value(data=1, grad=3), Value(data=3, grad=1))
    """
    x = tuple(x)
    x_data = tuple([x_i.data for x_i in x])
    rows = [(row, tuple([w.data for w in row])) for row in matrix]
    return [Value(sumprod(x_data, data), row + x, x_data + data) for row, data in rows]


def dot(u, v):
    """Return the dot product of two vectors of equal length as one node."""
    return linear(u, [tuple(v)])[0]


def add(u, v):
    """Return the sum of two vectors of equal length, number by number."""
    return [u_i + v_i for u_i, v_i in zip(u, v)]


# ---- 2. the mixing layer: the planes that a position spans with its past -------------------------
#
#     z        x, reduced: r = 4 Values
#     p        Plücker coordinates, the plane of two z: r (r - 1) / 2 = 6 Values
#     g        what the planes say: d Values
#     alpha    how much of x stays, between 0 and 1: d Values
#
# Section 3 makes a vector x_t of d = 16 numbers from the character at each position t = 0, 1, 2,
# ... of a document; a document is one name. The mixing layer is the only stage of the model in
# which position t learns what stands before it; all others treat each position alone.
#
# Attention, the usual mixing layer, compares position t with itself and all earlier ones, which
# makes 1 + 2 + ... + L = L (L + 1) / 2 comparisons for a document of length L. Their number grows
# with the square of L, written O(L²). Here position t looks back by a few fixed offsets. That makes
# at most 6 comparisons a position, however long the past, so the cost is O(L). The price is that
# this layer skips positions: it sees t-1, t-2 and t-4, but not t-3 (picture_offsets.svg). It is the
# fixed offsets that make it cheap, not the planes: attention limited to the same offsets would be
# O(L), too. (The paper's model of 12 layers has one offset in each, 1 1 2 2 4 4 8 8 12 12 16 16.
# This model, with its one layer, has all six in it and takes a mean.)
#
# Config holds the sizes; config.window, for example, holds the offsets, each at least 1. A token is
# a whole number that stands for a character. Offset 16 is idle unless block_size exceeds 16. The
# mixing layer and the feed-forward network are repeated n_layer times. n_embd is d in the formulas.
# The sizes 16, 1 and 16 are microGPT's; r, which comes below, is 32 in the paper. (A NamedTuple is
# a tuple whose places have names: Config(vocab_size=27, r=8) changes one size and leaves the
# others.)


class Config(NamedTuple):
    """The sizes of a model."""

    vocab_size: int  # different tokens
    n_embd: int = 16  # numbers in a vector
    n_layer: int = 1  # times that mixing and feed-forward are repeated
    block_size: int = 16  # tokens in the longest input
    r: int = 4  # numbers to which W_red reduces a vector
    window: tuple = (1, 2, 4, 8, 12, 16)  # offsets at which a position looks back


# The layer has four steps; each but the second has a matrix or two. The formulas are the paper's,
# without its biases (added constants).
#
#     reduce     z_t = W_red x_t                               16 numbers to r = 4
#     compare    p = the plane of z_t and z_s, of length 1     for each offset, s = t - offset >= 0
#     average    g_t = W_plu times the mean of all p           r (r - 1) / 2 = 6 numbers to 16
#     gate       alpha x_t + (1 - alpha) g_t                   alpha from W_gate_h and W_gate_g
def mixing_shapes(config):
    """Return {name: (rows, columns)} of one mixing layer's matrices; comb(r, 2) = r (r - 1) / 2.

    ValueError for an offset below 1, which would not look back.
    """
    d = config.n_embd
    if any(offset < 1 for offset in config.window):
        raise ValueError("the offsets of the window must be 1 or more")
    return {"W_red": (config.r, d), "W_plu": (d, math.comb(config.r, 2)),
            "W_gate_h": (d, d), "W_gate_g": (d, d)}


# How are two vectors u and v related? Attention takes their dot product, one number; the paper
# takes the plane they span (picture_dot_and_plane.svg shows both). As arrows from the origin they
# are two sides of a parallelogram in that plane. Its shadow on the plane of the coordinates i and j
# is the parallelogram of (u_i, u_j) and (v_i, v_j), whose signed area is u_i v_j - u_j v_i.
#
# These areas for all i < j are the Plücker coordinates of u and v. Any two vectors that span the
# same plane have the same coordinates up to a common factor, and another plane has different ones.
# Adding a multiple of u to v changes nothing at all. If u and v are parallel, there is no plane,
# and all p_ij are 0. If u and v are swapped, all signs flip: the sign says which way round the
# plane is seen. The layer uses this: it always puts the present first.
#
# The set of all planes through the origin is a Grassmannian, and "flow" says that the planes move
# through it, from position to position and from layer to layer: hence the paper's title. No
# equation is solved. (Strictly, a point of the Grassmannian is a plane without a sense of rotation.
# So a function of the signed coordinates is a function of oriented planes.)
def plucker(u, v):
    """Return u_i v_j - u_j v_i for all i < j: r (r - 1) / 2 Values from two vectors of r.

    The formula is Plücker's (1865; with r = 4, for the lines in space). For u = (1, 2, 0) and
    v = (0, 1, 3) it gives 1*1 - 2*0 = 1, 1*3 - 0*0 = 3 and 2*3 - 0*1 = 6. The squares sum to the
    squared area of the parallelogram, |u|² |v|² - (u·v)² by Lagrange's identity: 46 = 5*10 - 2².

    >>> u = [Value(1.0), Value(2.0), Value(0.0)]
    >>> v = [Value(0.0), Value(1.0), Value(3.0)]
    >>> [p_ij.data for p_ij in plucker(u, v)], [p_ij.data for p_ij in plucker(v, u)]
    ([1.0, 3.0, 6.0], [-1.0, -3.0, -6.0])
    >>> [p_ij.data for p_ij in plucker(u, u)], dot(plucker(u, v), plucker(u, v)).data
    ([0.0, 0.0, 0.0], 46.0)
    """
    return [u[i] * v[j] - u[j] * v[i] for i in range(len(u)) for j in range(i + 1, len(u))]


# The length |p| of p is the area of the parallelogram, which is large for long vectors. Which plane
# it lies in is told by the direction of p alone. So p is scaled to length 1, p / sqrt(|p|² + 1e-8).
# The 1e-8 is for parallel vectors: 0 ** -0.5 does not exist, but 0 / sqrt(1e-8) is 0.
def unit_plucker(u, v):
    """Return the Plücker coordinates of u and v, scaled to length 1; zeros if these are parallel.

    Source: the paper. For (1, 0, 0) and (5, 3, 4), p is (3, 4, 0). Its length is 5.

    >>> p = unit_plucker([Value(1.0), Value(0.0), Value(0.0)], [Value(5.0), Value(3.0), Value(4.0)])
    >>> [round(p_ij.data, 4) for p_ij in p]
    [0.6, 0.8, 0.0]
    """
    p = plucker(u, v)
    inverse_length = (dot(p, p) + 1e-8) ** -0.5
    return [p_ij * inverse_length for p_ij in p]


# Position t spans one plane with each partner that its offsets reach, and the mean of these planes
# is all that it learns about its past. Early positions have fewer partners; a mean, unlike a sum,
# does not grow with their number. Position 0 has none; its mean is taken to be zeros, as many as
# there are coordinates. past holds z_0 ... z_t, so s = t - offset exists if offset < len(past).
# (beyond.py has a faster form of this loop.)
def mean_plane(past, config):
    """Return the mean of the unit planes that the last z of the past spans with its partners.

    past is a list of vectors of r Values; the result has r (r - 1) / 2. Source: the paper.
    Below, r = 2, so there is one Plücker coordinate. z_2 = (1, 0) and z_1 = (0, 1) make
    1*1 - 0*0 = 1; z_2 and z_0 = (0, -1) make -1, the same plane seen from behind. The mean is 0.

    >>> z_0 = [Value(0.0), Value(-1.0)]
    >>> z_1 = [Value(0.0), Value(1.0)]
    >>> z_2 = [Value(1.0), Value(0.0)]
    >>> mean_plane([z_0, z_1, z_2], Config(vocab_size=3))
    [Value(data=0, grad=0)]
    """
    z = past[-1]
    planes = []
    for offset in config.window:
        if offset < len(past):
            planes.append(unit_plucker(z, past[-1 - offset]))  # past[-1] is z_t itself
    if not planes:
        return [Value(0.0) for _ in plucker(z, z)]
    return [mean(p_ij) for p_ij in zip(*planes)]


# What the mean loses. A mean has no order: let the partners at t-1 and t-12 change places, and it
# is the same. So a position learns how far back a partner stood only so far as the partner's own
# vector reveals its position, and that it does imperfectly. And the nearest partner is only one
# voice among several; planes can even cancel, as above. What that costs, and what does better, is
# measured: beyond.py and alternatives.py have other layers, RESULTS.md the numbers. This file shows
# how the paper's layer works. It does not show that the planes help.


# How much of x should stay? alpha, a number between 0 and 1 for each of the d numbers of x, says
# so: it is the share of x, and g gets the rest. It depends on both x and g, through two more
# matrices (h, as in hidden state, is another name for x):
#
#     alpha  = sigmoid(W_gate_h x + W_gate_g g)
#     result = alpha x + (1 - alpha) g
#
# Where alpha is 1, x stays; where it is 0, g replaces it. 1 - a makes a Value, by __rsub__ above.
def gate(x, g, layer, params):
    """Return alpha x + (1 - alpha) g, where alpha = sigmoid(W_gate_h x + W_gate_g g).

    d Values from the d of x and of g. Source: the paper, without its biases.

    With W_gate_h = W_gate_g = (1), x = log 3 and g = 0, alpha is sigmoid(log 3) = 3/4.

    >>> params = {"layer0.W_gate_h": [(Value(1.0),)], "layer0.W_gate_g": [(Value(1.0),)]}
    >>> [y] = gate([Value(math.log(3))], [Value(0.0)], "layer0", params)
    >>> round(y.data / math.log(3), 4)
    0.75
    """
    scores = add(linear(x, params[f"{layer}.W_gate_h"]), linear(g, params[f"{layer}.W_gate_g"]))
    alpha = [score.sigmoid() for score in scores]
    return [a * x_i + (1 - a) * g_i for a, x_i, g_i in zip(alpha, x, g)]


# The whole layer: reduce, compare and average, gate. Vectors of 16 numbers have 16 * 15 / 2 = 120
# Plücker coordinates, vectors of 4 have 6; so W_red first reduces x to r = 4 numbers. Training
# finds out which. W_plu turns the mean plane into d numbers: g. The paper applies W_plu to each
# plane first and averages afterwards. Since a matrix times a mean is the mean of the products, the
# result is the same; multiplying once for all offsets is faster.
def mix(x, layer, past, params, config):
    """Return what position t makes of itself and its past: d Values from the d of x.

    layer, such as "layer0", selects the matrices in params. past is the list of this layer's
    z_0 ... z_(t-1), each of r Values; z_t is appended to it.

    In the example d = r = 2, so there is one Plücker coordinate; W_red changes nothing, and the
    gate matrices are 0, which makes the mixture half and half. Position 0 has no past, so the
    result is half of (1, 0). At position 1, z = (0, 1) meets (1, 0): p = 0*0 - 1*1 = -1, already of
    length 1. W_plu turns it into g = (-4, -6), and the result lies halfway between (0, 1) and g.

    >>> def matrix(*rows):
    ...     return [tuple([Value(number) for number in row]) for row in rows]
    >>> zeros = matrix((0, 0), (0, 0))
    >>> params = {"layer0.W_red": matrix((1, 0), (0, 1)), "layer0.W_plu": matrix((4,), (6,)),
    ...           "layer0.W_gate_h": zeros, "layer0.W_gate_g": zeros}
    >>> past = []
    >>> for x in matrix((1, 0), (0, 1)):
    ...     y = mix(x, "layer0", past, params, Config(vocab_size=3, n_embd=2, r=2))
    ...     print([round(y_i.data, 4) for y_i in y])
    [0.5, 0.0]
    [-2.0, -2.5]
    """
    past.append(linear(x, params[f"{layer}.W_red"]))  # d numbers to r
    g = linear(mean_plane(past, config), params[f"{layer}.W_plu"])  # r (r - 1) / 2 numbers to d
    return gate(x, g, layer, params)


# ---- 3. the model: a token in, the logits of the next one out ------------------------------------
#
# What surrounds the mixing layer is microGPT's: RMSNorm before each part, ReLU, no biases. The
# paper has LayerNorm after each part, GELU (a smooth ReLU) and biases.
#
# A token is a mere label: token 5 is not more than token 4. So it is of no use in formulas. Instead
# each token has a vector of d weights, its embedding, as a row of the matrix wte. Training shapes
# it, and tokens that behave alike can come to have similar rows. Each position has a row of the
# matrix wpe in the same way; it is all that can tell the mean plane where a partner stood. In the
# function, `**` puts one dictionary into another; "layer0.W_red" is the W_red of the first layer.
def matrix_shapes(config):
    """Return {name: (rows, columns)} of all matrices, in the order in which they are drawn.

    With V = vocab_size and B = block_size; each layer n has its own W_red ... fc2.

        wte      V x d    embedding of each token        W_gate_h  d x d    x's part of the gate
        wpe      B x d    embedding of each position     W_gate_g  d x d    g's part of the gate
        lm_head  V x d    score of each next token       fc1       4d x d   feed-forward, in
        W_red    r x d    x to z                         fc2       d x 4d   feed-forward, out
        W_plu    d x r (r - 1) / 2    Plücker coordinates to g
    """
    d = config.n_embd
    shapes = {"wte": (config.vocab_size, d), "wpe": (config.block_size, d),
              "lm_head": (config.vocab_size, d)}
    layer_shapes = {**mixing_shapes(config), "fc1": (4 * d, d), "fc2": (d, 4 * d)}
    for n in range(config.n_layer):
        shapes.update({f"layer{n}.{name}": shape for name, shape in layer_shapes.items()})
    return shapes


# The weights start as small random numbers around 0. If they all started equal, numbers computed
# side by side would have equal gradients and would never come to differ. A matrix is drawn row by
# row: the inner brackets make a row of `columns` numbers, the outer ones make `rows` such rows.
def init_params(config, rng):
    """Return {name: matrix}, rows of Gaussian weights with standard deviation 0.08.

    rng is a random.Random.

    >>> params = init_params(Config(vocab_size=27), random.Random(42))
    >>> sum(len(row) for matrix in params.values() for row in matrix)
    3840
    """
    params = {}
    for name, (rows, columns) in matrix_shapes(config).items():
        params[name] = [tuple([Value(rng.gauss(0, 0.08)) for _ in range(columns)])
                        for _ in range(rows)]
    return params


# As the weights change, so does the size of the vectors they make, and each part of the model would
# have to follow the changes in the parts before it. RMSNorm takes the size out: it divides x by the
# root of the mean of its squares. The 1e-5 keeps a vector of zeros from dividing by zero.
def rmsnorm(x):
    """Return x / sqrt(mean of x² + 1e-5), as many Values as x has.

    Source: Zhang & Sennrich 2019, arXiv:1910.07467, but without their trained factors, as in
    microGPT. The mean square of (1, 7) is (1 + 49) / 2 = 25, so x is divided by 5.

    >>> [round(x_i.data, 4) for x_i in rmsnorm([Value(1.0), Value(7.0)])]
    [0.2, 1.4]
    """
    scale = (dot(x, x) * (1 / len(x)) + 1e-5) ** -0.5
    return [x_i * scale for x_i in x]


# In the feed-forward network, a position works on what it has gathered: fc1 turns x into 4d hidden
# numbers, ReLU sets the negative ones to 0, and fc2 turns the rest into d numbers. Without the
# ReLU, fc2 (fc1 x) would be a single matrix times x: the two could do no more than one.
#
# A hidden number that is off only adds 0 to every sum and every gradient. So it is left out,
# together with its column of fc2, which saves about a tenth of a step's time and memory. NaN is not
# 0: it stays.
def feed_forward(x, layer, params):
    """Return fc2 @ relu(fc1 @ x): d Values from the d of x; layer and params as in mix.

    For x = (1, 2), fc1 gives 1 + 2 = 3 and 1 - 2 = -1. The second is off, so the result is
    2 * 3 = 6, and the 5 is not among its children.

    >>> params = {"layer0.fc1": [(Value(1.0), Value(1.0)), (Value(1.0), Value(-1.0))],
    ...           "layer0.fc2": [(Value(2.0), Value(5.0))]}
    >>> [y] = feed_forward([Value(1.0), Value(2.0)], "layer0", params)
    >>> y.data, [child.data for child in y.children]
    (6.0, [2.0, 3.0])
    """
    hidden = [h.relu() for h in linear(x, params[f"{layer}.fc1"])]  # d numbers to 4 d
    on = [i for i, h in enumerate(hidden) if h.data != 0]
    fc2 = [tuple([row[i] for i in on]) for row in params[f"{layer}.fc2"]]
    return linear([hidden[i] for i in on], fc2)  # 4 d numbers to d


# Each part's output is added to x, a residual connection: the part has to learn only what to
# change, and an edge with derivative 1 leads around it, along which the gradient arrives
# undiminished. So x can grow from part to part, and each part first normalises what it reads. The
# first rmsnorm does so with the sum of the two embeddings. Lastly, lm_head makes one score per
# token, its logit: any number, the higher the more expected.
def forward(token, position, cache, params, config):
    """Return the vocab_size logits of the token that follows this one.

    cache has one list per layer, the `past` of mix, empty before position 0. Each call adds one
    entry to each, so positions must come in order. As no position looks ahead, what earlier ones
    computed stays valid. IndexError if the position reaches block_size.
    """
    x = rmsnorm(add(params["wte"][token], params["wpe"][position]))
    for n, past in enumerate(cache):
        x = add(x, mix(rmsnorm(x), f"layer{n}", past, params, config))
        x = add(x, feed_forward(rmsnorm(x), f"layer{n}", params))
    return linear(x, params["lm_head"])  # d numbers to vocab_size


# Softmax turns logits into probabilities: exp(v_k) divided by the sum of all exp(v_k), positive
# numbers that add up to 1. The loss of one guess is the cross-entropy, -log of the probability
# given to the token that really came, the target: 0 if the model was certain of it, large if it
# thought it unlikely. The log of a quotient is a difference, so
#
#     -log (exp(v_target) / sum of exp(v_k))  =  log (sum of exp(v_k)) - v_target
#
# The right side, log-sum-exp minus the target's logit, needs no probability, which could round to
# 0; and 0 has no log. To keep exp from overflowing, the highest logit, top, is subtracted from all
# and added back after the log.
#
# The derivative towards v_k comes out simply: log (sum of exp(v_k)) gives exp(v_k) / sum, which is
# the probability of k, and - v_target gives -1 to the target alone. So this too is one node. Each
# wrong token's logit is pulled down by the probability it gets, the target's is pulled up by what
# it lacks.
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
    top = max([v.data for v in logits])
    exps = [math.exp(v.data - top) for v in logits]
    norm = sum(exps)
    slopes = [e / norm for e in exps]
    slopes[target] -= 1
    return Value(math.log(norm) + top - logits[target].data, tuple(logits), slopes)


# At each position of a document the model guesses: given the tokens up to here, which is next? n
# tokens make n - 1 guesses, of which the block holds the first block_size. tokens[:-1] leaves out
# the last token, which is only ever a target.
def token_losses(tokens, params, config):
    """Return the cross-entropy of each next token, as far as the block reaches: Values in nats."""
    cache = [[] for _ in range(config.n_layer)]
    losses = []
    for position, token in enumerate(tokens[:-1][:config.block_size]):
        logits = forward(token, position, cache, params, config)
        losses.append(cross_entropy(logits, tokens[position + 1]))
    return losses


# ---- 4. training, evaluation, sampling -----------------------------------------------------------
#
# utf-8-sig is UTF-8, with or without the byte order mark that some editors put first.
def load_docs(path):
    """Return the lines of a UTF-8 text file, stripped, without the blank ones.

    OSError if the file cannot be read; ValueError if it is not UTF-8 or has no text.
    """
    lines = Path(path).read_text(encoding="utf-8-sig").split("\n")
    docs = [line.strip() for line in lines if line.strip()]
    if not docs:
        raise ValueError(f"no text in {path}")
    return docs


# A model can lower its loss by learning names by heart. Whether it has grasped how names are built
# shows on names it was not trained on, so a tenth of the documents, but at most 200, is held out.
def split_docs(docs, steps):
    """Return the documents to train on and, right after those, the ones to evaluate on.

    If there are more steps than documents to train on, training goes through these again. Fewer
    than ten documents leave none to evaluate on. Of 30 documents, 5 steps see 5; the next 3, a
    tenth of 30, are held out.

    >>> split_docs(list(range(30)), 5)
    ([0, 1, 2, 3, 4], [5, 6, 7])
    """
    n_eval = min(200, len(docs) // 10)
    n_train = min(steps, len(docs) - n_eval)
    return docs[:n_train], docs[n_train:n_train + n_eval]


# The vocabulary numbers all characters of the documents in sorted order. set().union(*docs) is the
# set of the characters of all documents, each once.
def make_vocab(docs):
    """Return {symbol: token} of all symbols in the documents, sorted.

    >>> make_vocab(["anna", "nan"])
    {'a': 0, 'n': 1}
    """
    return {symbol: token for token, symbol in enumerate(sorted(set().union(*docs)))}


# One more token, BOS (beginning of sequence), is the mark from the beginning of this file: it opens
# a document, so that even the first character is predicted from something, and closes it, so that
# the end is predicted as well. Its number is the first free one, len(vocab).
def tokenize(doc, vocab):
    """Return BOS, the token of each symbol, BOS; KeyError for a symbol not in vocab.

    >>> tokenize("anna", {"a": 0, "n": 1})
    [2, 0, 1, 1, 0, 2]
    """
    return [len(vocab), *[vocab[symbol] for symbol in doc], len(vocab)]


# The order in which a run draws its random numbers: shuffle the documents, then draw the weights.
# (Samples come last.) One generator draws them all, so a seed fixes the whole run. **sizes are
# sizes for the Config by name, such as r=8.
def begin(docs, rng, **sizes):
    """Return the documents shuffled, their vocabulary, the config and fresh weights.

    docs is a list of strings, which stays as it is; rng is a random.Random.

    >>> docs, vocab, config, params = begin(["anna", "bob"], random.Random(42), n_layer=2)
    >>> vocab, config.vocab_size, config.n_layer
    ({'a': 0, 'b': 1, 'n': 2, 'o': 3}, 5, 2)
    """
    docs = list(docs)
    rng.shuffle(docs)
    vocab = make_vocab(docs)
    config = Config(vocab_size=len(vocab) + 1, **sizes)  # + 1 for BOS
    return docs, vocab, config, init_params(config, rng)


# The gradient of one document: its guesses, the mean of their losses, and the way back.
#
# Python frees an object when the last reference to it is gone, so the whole graph is freed when
# this function returns. Only for objects that refer to each other in a circle does it need the
# garbage collector, which now and then searches all that is alive. A graph of Values has no circle,
# and searching its thousands of nodes in vain takes time, so the collector is off meanwhile.
# `finally` puts it back as it was, whatever happens.
def backpropagate(tokens, params, config):
    """Add the gradient of a document's mean loss to the weights' grads; return that loss, in nats.

    tokens are at least two. The loss is a plain number.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        loss = mean(token_losses(tokens, params, config))
        loss.backward()
        return loss.data
    finally:
        if was_on:
            gc.enable()


# Plain descent would move each weight by -lr * gradient, where lr is the learning rate. But one
# name's gradient is noisy, and its usual size differs from weight to weight. Adam keeps two running
# means for each weight, m of the gradients, which smooths the noise, and v of their squares:
#
#     m becomes beta1 m + (1 - beta1) gradient        v becomes beta2 v + (1 - beta2) gradient²
#
# and moves the weight by -lr m / (sqrt(v) + 1e-8). The length of this move is about lr if the
# gradients agree, be they large or small, and less if they contradict each other. One correction: m
# and v start at 0, so at first they are too small. After `step` steps the shares of all gradients
# in m add up only to 1 - beta1**step; divided by that, m becomes a true mean, m_hat. v_hat
# likewise.
def adam_step(weights, m, v, step, lr, beta1=0.85, beta2=0.99):
    """Move each weight against its gradient by Adam, step counting from 1; clear the gradients.

    weights, m and v have equal length; m and v, zeros at first, are updated in place. Source:
    Kingma & Ba 2014, arXiv:1412.6980, with microGPT's betas. In the first step below m becomes
    0.15 * 4 = 0.6, but m_hat is 4; v becomes 0.01 * 16 = 0.16, but v_hat is 16. So the weight moves
    by -0.01 * 4 / sqrt(16) = -0.01.

    >>> w = Value(1.0)
    >>> w.grad = 4.0
    >>> m = [0.0]
    >>> v = [0.0]
    >>> adam_step([w], m, v, step=1, lr=0.01)
    >>> w, round(m[0], 4), round(v[0], 4)
    (Value(data=0.99, grad=0), 0.6, 0.16)
    """
    correction1 = 1 - beta1 ** step
    correction2 = 1 - beta2 ** step
    for i, w in enumerate(weights):
        m[i] = beta1 * m[i] + (1 - beta1) * w.grad
        v[i] = beta2 * v[i] + (1 - beta2) * w.grad ** 2
        m_hat = m[i] / correction1
        v_hat = v[i] / correction2
        w.data -= lr * m_hat / (math.sqrt(v_hat) + 1e-8)
        w.grad = 0.0


# One step of training is the gradient of one document and one move of all weights. lr falls in a
# straight line towards 0: large moves first, fine ones last.
#
# If a number grows beyond all bounds, it becomes infinite or NaN, and so does every sum it enters.
# So one sum over the loss and all weights finds any of them, and training stops rather than going
# on with a broken model.
def train(docs, params, config, steps, lr=0.01):
    """Train on one tokenised document a step, lr falling to 0; yield each step's mean loss.

    The loss is in nats per token. This is a generator, a function with `yield`: it does a step when
    the caller, such as a for loop, asks for the next loss, and rests in between. ArithmeticError if
    the loss or a weight is not finite. The example learns one document by heart.

    >>> config = Config(vocab_size=3)
    >>> params = init_params(config, random.Random(42))
    >>> losses = list(train([[2, 0, 1, 2]], params, config, steps=40))
    >>> losses[0] > 0.5, losses[-1] < 0.01
    (True, True)
    """
    weights = [w for matrix in params.values() for row in matrix for w in row]
    m = [0.0] * len(weights)
    v = [0.0] * len(weights)
    for step in range(steps):
        loss = backpropagate(docs[step % len(docs)], params, config)
        if not math.isfinite(loss + sum([w.data for w in weights])):
            raise ArithmeticError(f"step {step + 1}: loss {loss}, or a weight is not finite")
        adam_step(weights, m, v, step + 1, lr * (1 - step / steps))
        yield loss


# Evaluation is the same loss without training. What does a loss mean? A model that guesses blindly
# among 27 tokens has loss log 27 = 3.30. Conversely, a loss of 2.3 is that of guessing blindly
# among exp(2.3) tokens, about 10; this number is called the perplexity.
def evaluate(docs, params, config):
    """Return the mean cross-entropy of all tokens of the tokenised documents, in nats.

    ZeroDivisionError if there are none.
    """
    losses = [loss.data for doc in docs for loss in token_losses(doc, params, config)]
    return sum(losses) / len(losses)


# To write a name, begin with BOS, draw the next token according to the probabilities, append it,
# and go on until BOS returns or the block is full. A prompt is read first, token by token, and
# nothing is drawn until its end. Before drawing, the logits are divided by the temperature: below 1
# it favours the likely tokens even more, above 1 less. The logits 0 and log 3 stand for 1 : 3, at
# temperature 0.5 for 1 : 9. rng.choices needs only proportions, which spares us softmax's division;
# it returns a list of one token. BOS becomes the empty string.
def generate(vocab, params, config, rng, temperature, prompt=""):
    """Return a document that begins with the prompt, drawn from softmax(logits / temperature).

    The document is a string of at most block_size characters, the prompt is shorter; temperature
    above 0. KeyError if vocab lacks a symbol of the prompt.
    """
    cache = [[] for _ in range(config.n_layer)]
    tokens = tokenize(prompt, vocab)[:-1]
    for position in range(config.block_size):
        logits = [v.data for v in forward(tokens[position], position, cache, params, config)]
        if position + 1 < len(tokens):
            continue  # still within the prompt
        odds = [math.exp((logit - max(logits)) / temperature) for logit in logits]
        tokens += rng.choices(range(len(odds)), odds)
        if tokens[-1] == len(vocab):
            break
    symbols = [*vocab, ""]
    return "".join([symbols[token] for token in tokens])


# ---- 5. a model in a file ------------------------------------------------------------------------
#
# A trained model is its sizes, its vocabulary and its weights. JSON is text that keeps all of these
# exactly: Python writes as many digits of a number as are needed to read it back.
#
# One more thing is kept: what the model was trained on. For each text this is a checksum, a number
# computed from the text, with the seed it was shuffled with and how many documents were used. So
# when training on this text goes on, nothing that the model has met is held out. (Adam's means and
# the learning rate are not kept: training starts over, from the kept weights.)
def save_model(path, vocab, config, params, trained_on):
    """Write a model as JSON, whole or not at all; trained_on is {checksum: (seed, documents)}.

    It is first written beside its place and then moved there in one go, so that a full disk or
    Ctrl-C cannot leave half a file in its place. OSError if it cannot be written.
    """
    numbers = {name: [[w.data for w in row] for row in matrix] for name, matrix in params.items()}
    record = {"sizes": config._asdict(), "vocab": "".join(vocab), "trained_on": trained_on,
              "params": numbers}
    text = json.dumps(record, ensure_ascii=False).replace("], ", "],\n")  # a row a line
    draft = Path(f"{path}.part")
    try:
        draft.write_text(text + "\n", encoding="utf-8")
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


# A file may hold anything. Whatever does not fit leads to one sentence that says so.
def load_model(path):
    """Return vocab, config, params, trained_on of a saved model; ValueError if there is none.

    A model of micro_gpt.py has other sizes and is refused here.
    """
    try:
        record = json.loads(Path(path).read_text(encoding="utf-8"))
        if not {"sizes", "vocab", "params", "trained_on"} <= set(record):
            raise ValueError("it lacks sizes, vocab, params or trained_on")
        if set(record["sizes"]) != set(Config._fields):
            raise ValueError(f"its sizes are {', '.join(record['sizes'])}")
        config = Config(**{name: tuple(size) if isinstance(size, list) else size
                           for name, size in record["sizes"].items()})
        numbers = [n for size in config for n in (size if isinstance(size, tuple) else [size])]
        if not all(type(n) is int for n in numbers):
            raise ValueError("a size is not a whole number")
        vocab = {symbol: token for token, symbol in enumerate(record["vocab"])}
        if len(record["vocab"]) != len(vocab) or len(vocab) + 1 != config.vocab_size:
            raise ValueError(f"its vocabulary does not have {config.vocab_size - 1} symbols")
        params = read_params(record["params"], config)
        trained_on = {checksum: (int(seed), int(number))
                      for checksum, (seed, number) in record["trained_on"].items()}
    except Exception as error:  # whatever is wrong with the file
        raise ValueError(f"{path} holds no model for this program: {error}") from None
    return vocab, config, params, trained_on


def read_params(matrices, config):
    """Return {name: matrix} of Values; ValueError if the matrices do not fit the config.

    matrices is {name: list of rows of plain numbers}.
    """
    if config.n_layer > len(matrices):
        raise ValueError(f"it has fewer than {config.n_layer} layers")
    shapes = matrix_shapes(config)
    if set(matrices) != set(shapes):
        raise ValueError(f"its matrices are {', '.join(matrices)}, not {', '.join(shapes)}")
    params = {}
    for name, (rows, columns) in shapes.items():
        matrix = matrices[name]
        if len(matrix) != rows or any(len(row) != columns for row in matrix):
            raise ValueError(f"{name} is not {rows} x {columns}")
        if not all(math.isfinite(w) for row in matrix for w in row):
            raise ValueError(f"{name} has a weight that is not finite")
        params[name] = [tuple([Value(float(w)) for w in row]) for row in matrix]
    return params


# ---- 6. the program ------------------------------------------------------------------------------
#
# Without a usage text (SUPPRESS), one line says what is wrong with an option. (Before Python 3.13
# an option written as "--steps=--" comes back as an empty list, hence the test for [].)
def read_options(argv):
    """Return the options, or say in one line what is wrong with them and exit with status 2.

    argv is a list of words such as ["--steps", "200"]; None means the command line's.
    """
    parser = ArgumentParser(usage=SUPPRESS, description="Train on a text's lines; write new ones.")
    parser.add_argument("--data", default=Path(__file__).resolve().with_name("input.txt"),
                        help="text file, a document in each line (input.txt)")
    parser.add_argument("--steps", type=int, default=1000, help="documents to train on (1000)")
    parser.add_argument("--seed", type=int, default=42, help="seed of the random numbers (42)")
    parser.add_argument("--samples", type=int, default=20, help="documents to write (20)")
    parser.add_argument("--temperature", type=float, default=0.5, help="higher: bolder (0.5)")
    parser.add_argument("--prompt", default="", help="what each sample begins with")
    parser.add_argument("--save", type=Path, help="file to keep the trained model in")
    parser.add_argument("--load", type=Path, help="file of a kept model to start from")
    args = parser.parse_args(argv)
    numbers = [args.steps, args.seed, args.samples, args.temperature]
    if [] in [*numbers, args.data, args.prompt, args.save, args.load]:
        parser.error("-- is no value")
    if min(numbers) < 0 or not 0 < args.temperature < math.inf:
        parser.error("--steps, --seed and --samples must be 0 or more, "
                     "--temperature above 0 and finite")
    if not Path(args.data).exists():
        parser.error(f"--data {args.data}: No such file; name any text file with --data FILE")
    if args.save:
        check_place(args.save, args.data, parser)
    return args


# A file that is already there is replaced, even if it is a link or write-protected. Anything else
# there, such as a folder, cannot be replaced.
def check_place(path, data, parser):
    """Exit with status 2 and one line if the model cannot or must not be written to this path."""
    folder = path.absolute().parent
    is_other = path.exists() and not path.is_file()  # a folder, say
    if is_other or not folder.is_dir() or not os.access(folder, os.W_OK):
        parser.error(f"--save {path}: no file can be written there")
    if path.exists() and path.samefile(data):
        parser.error(f"--save {path}: this is the text to train on")


def check_symbols(prompt, docs, vocab, config):
    """Raise ValueError if the model lacks a symbol of text or prompt or the prompt is too long."""
    unknown = set().union(prompt, *docs) - set(vocab)
    if unknown:
        raise ValueError(f"the model has no symbol {min(unknown)!r}")
    if len(prompt) >= config.block_size:
        raise ValueError(f"--prompt: at most {config.block_size - 1} symbols")


def train_aloud(docs, params, config, steps):
    """Train, and print the mean loss of each hundred steps."""
    losses = []
    for step, loss in enumerate(train(docs, params, config, steps), 1):
        losses.append(loss)
        if step % 100 == 0 or step == steps:
            first = step - len(losses) + 1
            print(f"steps {first} to {step} of {steps}: mean loss {sum(losses) / len(losses):.4f}")
            losses = []


# A document that the text repeats can be both held out and trained on. Such documents are not new
# to the model, so their number is printed. (In the sum, True counts as 1.)
def evaluate_aloud(held_out, seen, vocab, params, config):
    """Print how many documents are held out, how many of them are not new, and the loss."""
    print(f"{len(held_out)} documents held out")
    read = {doc[:config.block_size] for doc in seen}  # the model reads no further
    again = sum(doc[:config.block_size] in read for doc in held_out)
    if again:
        print(f"{again} of these are among those trained on, too")
    if held_out:
        loss = evaluate([tokenize(doc, vocab) for doc in held_out], params, config)
        blind = math.log(len(vocab) + 1)  # each token as likely as any other
        print(f"loss on the documents held out: {loss:.4f} (a blind guess: {blind:.4f})")


# A kept model comes with the seed that its text was shuffled with, so that the documents it has met
# can be found again; --seed then only draws other samples. The program says what it does to the
# data: how many documents, with BOS in front, are too long for the block and lose their end (or the
# mark).
def main(argv=None):
    """Read the documents; train a new model or a kept one; evaluate it; let it write.

    In a notebook call main([]).
    """
    args = read_options(argv)
    # A "?" for what a terminal cannot show. In IDLE, in notebooks and in programs without a window
    # sys.stdout has no such method. line_buffering shows each line at once.
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace", line_buffering=True)

    docs = load_docs(args.data)
    checksum = str(zlib.crc32(json.dumps(docs).encode()))
    rng = random.Random(args.seed)
    shuffled, vocab, config, params = begin(docs, rng)
    trained_on = {}
    if args.load:
        vocab, config, params, trained_on = load_model(args.load)
    check_symbols(args.prompt, docs, vocab, config)
    seed, known = trained_on.get(checksum, (args.seed, 0))
    if seed != args.seed:
        shuffled = begin(docs, random.Random(seed))[0]  # the order it was trained in
    size = sum(len(row) for matrix in params.values() for row in matrix)
    print(f"{len(docs):,} documents in {args.data}\n{config}\n{size:,} parameters")
    cut = sum(len(doc) >= config.block_size for doc in docs)
    if cut:
        print(f"{cut:,} documents are too long for the block: their ends are cut")
    if trained_on.keys() - {checksum}:
        print("the model was also trained on another text: what is held out here may be in it")

    seen, held_out = split_docs(shuffled, max(args.steps, known))  # seen now or before
    train_aloud([tokenize(doc, vocab) for doc in seen], params, config, args.steps)
    if args.steps:
        trained_on[checksum] = (seed, len(seen))
    if args.save:
        save_model(args.save, vocab, config, params, trained_on)
    evaluate_aloud(held_out, seen, vocab, params, config)
    for n in range(1, args.samples + 1):
        text = generate(vocab, params, config, rng, args.temperature, args.prompt)
        print(f"sample {n:2}: {text}")


# Run as a program, this file calls main; imported, it does nothing. There is no traceback after
# Ctrl-C (status 130), when a pipe's reader, such as `head`, has left, or after an error (status 2).
# The message then says what is wrong.
if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.stdout = None  # the pipe's reader has left: nothing to flush at the end
    except (ArithmeticError, OSError, ValueError) as error:
        print(f"{' '.join(sys.argv)}: {error}", file=sys.stderr)
        sys.stdout = None  # it may be what failed, on a full disk
        sys.exit(2)
