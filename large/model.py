"""The models of the scalar files in PyTorch, and their controls: whole batches, any size.

Parameters have the names and shapes of the scalar files, and with the default options every loss,
logit and gradient is theirs within rounding (tests/test_large.py). Shapes: B documents or blocks,
L positions, d = n_embd, r the reduced size, O offsets.
"""
import functools
import random
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from large import alternatives
from large.alternatives import MEMORIES, RECURRENCE, SUMS

MIXINGS = {
    "attention": "causal self-attention",
    "attention-window": "attention limited to t and t - o for the offsets o",
    "grassmann": "the paper's layer: the mean of unit planes, folded into one plane",
    "grassmann-loop": "the same by a loop over the offsets, as the scalar files have it",
    "linear": "a linear map of the states at t and at the offsets",
    "apart": "unit planes, not averaged: each offset has its own columns",
    "apart-lengths": "the same, lengths kept",
    "apart-shuffled": "the same of length 1, the offsets in another order at each position",
    "weighted": "the paper's layer with a learned weight for each offset before the mean",
    "linear-planes": "the linear map's states and the unit planes side by side",
    "mean": "the mean of the states at the offsets, no plane",
    "product": "the mean of unit elementwise products",
    "products-apart": "unit elementwise products, not averaged",
    "half-products": "the mean of products of z_t's first half with the second half of the others",
    "counting": "the paper's layer with one more plane: with the running sum of states",
    "sum": "the state and the sum of all earlier states, no plane",
    **MEMORIES, **RECURRENCE, **SUMS}
HEADS = ("attention", "attention-window", *MEMORIES)  # with queries, keys and values
PLANES = ("grassmann", "weighted", "apart", "apart-lengths", "apart-shuffled", "counting",
          "decayed-sums-planes", "attended-states-planes")


class Config(NamedTuple):
    """What a model is made of. The defaults are those of the scalar files."""

    vocab_size: int
    mixing: str = "grassmann"  # a key of MIXINGS
    n_embd: int = 16
    n_layer: int = 1
    block_size: int = 16
    n_head: int = 4
    r: int = 4
    window: tuple = (1, 2, 4, 8, 12, 16)  # () for a model without past
    offset_per_layer: bool = False  # one offset in each layer, in turn
    norm: str = "rms"  # or "layer": LayerNorm, with a gain
    order: str = "pre"  # "post", or "gate": post-norm, round the mixing only the layer's own gate
    final_norm: bool = False  # one more before the logits
    branch_norm: bool = False  # one more on what W_plu or wo returns
    activation: str = "relu"  # or "gelu"
    bias: bool = False
    dropout: float = 0.0  # of embeddings and of what W_plu or wo, and fc2 return
    tied: bool = False  # wte is lm_head too
    std: float = 0.08  # of the first weights
    convolution: bool = False  # queries, keys and values pass through a short convolution


CHOICES = {"mixing": tuple(MIXINGS), "norm": ("rms", "layer"), "order": ("pre", "post", "gate"),
           "activation": ("relu", "gelu")}


def check(config):
    """Raise ValueError, in one line, where sizes or options don't go together."""
    heads = config.mixing in HEADS or config.mixing.startswith("attended")
    if heads and config.n_embd % config.n_head:
        raise ValueError(f"width {config.n_embd} is no multiple of {config.n_head} heads")
    gate = config.mixing not in (*HEADS, *RECURRENCE)
    if gate and config.r < 2:
        raise ValueError("r must be at least 2: a plane takes two directions")
    without = {*MIXINGS} - {"linear", "apart", "apart-lengths", "apart-shuffled", "linear-planes",
                            "mean", "weighted", "product", "products-apart", "half-products",
                            "counting", "sum", "decayed-sums", "decayed-sums-planes"}
    if not config.window and (config.offset_per_layer or config.mixing not in without):
        raise ValueError(f"mixing {config.mixing} needs offsets")
    if config.order == "gate" and not gate:
        raise ValueError(f"{config.mixing} has no gate: order 'gate' leaves it no way round the "
                         "mixing")
    if config.convolution and config.mixing not in (*HEADS, *RECURRENCE):
        raise ValueError("a convolution is of queries, keys and values, or before a recurrence: "
                         f"{config.mixing} has none")


# ---- partners and planes -------------------------------------------------------------------------
def shifted(z, offset):
    """Return z_(t - offset) at each t, zeros where there is none: (B, L, r) -> the same."""
    return F.pad(z, (0, 0, offset, 0))[:, :z.shape[1]]


def fitting(length, window, device):
    """Return how many offsets reach back to a position: (L, 1)."""
    places = torch.arange(length, device=device)
    return sum([(places >= offset).long() for offset in window], torch.zeros_like(places))[:, None]


@functools.lru_cache(None)
def shuffled(places, window):
    """Return the order that the offsets have at each of these places, as in the scalar files."""
    return torch.tensor([random.Random(place + 1).sample(range(len(window)), len(window))
                         for place in places])


def direction(u, v):
    """Return m with u ∧ m = (u ∧ v) / sqrt(|u ∧ v|² + 1e-8), computed without the planes.

    m is along w, the part of v perpendicular to u (Gram-Schmidt): v - w is a multiple of u, so
    u ∧ w = u ∧ v, and |u ∧ w| = |u| |w|. Lagrange's |u|²|v|² - (u·v)² would lose all its digits
    where u and v are nearly parallel; w loses no more than the coordinates u_i v_j - u_j v_i do.
    """
    square = u.square().sum(-1, keepdim=True)
    along = (u * v).sum(-1, keepdim=True) / square.clamp(min=1e-30)
    w = v - along * u
    return w * torch.rsqrt(square * w.square().sum(-1, keepdim=True) + 1e-8)


def plucker(u, v):
    """Return u_i v_j - u_j v_i for i < j: (B, L, r) twice -> (B, L, r(r-1)/2)."""
    i, j = torch.triu_indices(u.shape[-1], u.shape[-1], 1, device=u.device)
    return u[..., i] * v[..., j] - u[..., j] * v[..., i]


def add_planes(z, past):
    """Return the sum of the unit planes of z_t with each past state, coordinate by coordinate.

    (B, L, r) and a list of the same -> (B, L, r(r-1)/2): the loop of the scalar files.
    """
    planes = plucker(z, z)  # zeros
    for v in past:
        p = plucker(z, v)
        planes = planes + p * torch.rsqrt(p.square().sum(-1, keepdim=True) + 1e-8)
    return planes


def fold(z, past):
    """Return m with z_t ∧ m_t = the sum of the unit planes of z_t with each past: (B, L, r)."""
    return sum([direction(z, v) for v in past], torch.zeros_like(z))


def unit_product(u, v):
    """Return the elementwise product, scaled to length 1: (B, L, r) twice -> the same."""
    product = u * v
    return product * torch.rsqrt(product.square().sum(-1, keepdim=True) + 1e-8)


def wedge_places(r):
    """Return tables about the matrix u ⊗ m, row by row: 4 tensors.

    Where its entries u_i m_j with i < j are, where their u_j m_i; of each of all r² entries the
    number of its coordinate of u ∧ m, and its sign, 0 on the diagonal.
    """
    i, j = torch.triu_indices(r, r, 1)
    numbers = torch.zeros(r, r, dtype=torch.long)
    numbers[i, j] = numbers[j, i] = torch.arange(len(i))
    signs = torch.ones(r, r).triu(1) - torch.ones(r, r).tril(-1)
    return i * r + j, j * r + i, numbers.flatten(), signs.flatten()


class OnOuter(torch.autograd.Function):
    """M with M @ vec(u ⊗ m) = matrix @ (u ∧ m): (d, k r(r-1)/2) -> (d, k r²), k planes.

    Its entry for u_i m_j is +, for u_j m_i - that of the coordinate (i, j): the subtraction happens
    in the matrix product. Both ways each number is read from its place and nothing is added up one
    by one, which is slow on a GPU.
    """

    @staticmethod
    def forward(ctx, matrix, upper, lower, numbers, signs):
        ctx.save_for_backward(upper, lower)
        columns = matrix.unflatten(1, (-1, len(upper)))[:, :, numbers]
        return (columns * signs.to(matrix.dtype)).flatten(1)

    @staticmethod
    def backward(ctx, slope):
        upper, lower = ctx.saved_tensors
        r = round((2 * len(upper)) ** 0.5 + 0.5)
        slope = slope.unflatten(1, (-1, r * r))
        return (slope[:, :, upper] - slope[:, :, lower]).flatten(1), None, None, None, None


# ---- one layer -----------------------------------------------------------------------------------
def layer_shapes(config, window):
    """Return {name: shape} of a layer's matrices, in the order of the scalar files."""
    d = config.n_embd
    r = config.r
    planes = r * (r - 1) // 2
    number = config.n_head if config.mixing.startswith("attended") else len(window)
    columns = {"linear": r * (1 + number), "mean": r, "product": r, "sum": 2 * r,
               "apart": planes * number, "apart-lengths": planes * number,
               "apart-shuffled": planes * number, "products-apart": r * number,
               "half-products": r // 2,
               "linear-planes": r + (r + planes) * number,
               "decayed-sums": r * (1 + number), "decayed-sums-planes": planes * number,
               "attended-states": r * (1 + number), "attended-states-planes": planes * number}
    shapes = {}
    if config.mixing in HEADS:
        shapes = dict.fromkeys(("wq", "wk", "wv", "wo"), (d, d))
        shapes.update(alternatives.memory_shapes(config.mixing, config.convolution, d,
                                                 config.n_head))
    elif config.mixing in RECURRENCE:
        shapes = dict.fromkeys(("wz", "wh", "wg", "wo"), (d, d))
        if config.convolution:
            shapes["conv_x"] = (d, alternatives.TAPS)
    else:
        if config.mixing.startswith("attended"):
            shapes = {"wq": (d, d), "wk": (d, d)}
        shapes.update({"W_red": (r - (config.mixing == "counting"), d),
                       "W_plu": (d, columns.get(config.mixing, planes)),
                       "W_gate_h": (d, d), "W_gate_g": (d, d)})
        if config.mixing.startswith("decayed"):
            shapes["W_rate"] = (number, 1)
        if config.mixing == "weighted":
            shapes["W_offset"] = (number, 1)
    return {**shapes, "fc1": (4 * d, d), "fc2": (d, 4 * d)}


# W_gate_h's bias is the gate's.
UNBIASED = ("W_gate_g", "W_rate", "W_offset", "conv_q", "conv_k", "conv_v", "conv_x")


class Layer(nn.Module):
    """A mixing layer and a feed-forward network, each with its norm: (B, L, d) -> the same."""

    def __init__(self, config, window):
        super().__init__()
        self.config = config
        self.window = window
        self.states = config.r * (1 + len(window))
        for name, shape in layer_shapes(config, window).items():
            self.register_parameter(name, nn.Parameter(torch.empty(shape)))
            if config.bias and name not in UNBIASED:
                self.register_parameter(f"{name}_bias", nn.Parameter(torch.empty(shape[0])))
        norms = ["norm1", "norm2"] + ["branch"] * config.branch_norm
        for name in norms:
            add_norm(self, name, config)
        for n, places in enumerate(wedge_places(config.r)):
            self.register_buffer(f"places{n}", places, persistent=False)
        if config.offset_per_layer:
            back = torch.arange(config.block_size) - window[0]
            self.register_buffer("back", back, persistent=False)
        if config.mixing in RECURRENCE:  # what is taken from its score, so that z begins low
            self.register_buffer("wz_start", torch.ones(1), persistent=False)
        for name in "wa", "W_rate":  # what is added to a decay's score, so that it begins near 1
            if hasattr(self, name):
                constants = alternatives.starts(getattr(self, name).shape[0])
                self.register_buffer(f"{name}_start", constants, persistent=False)

    def forward(self, x, mix=None):
        """Return x after mixing and feed-forward, in the order that the configuration says.

        mix: what stands in for self.mix (writing.py: one token at a time).
        """
        if mix is None:
            mix = self.mix
        if self.config.order == "pre":
            x = x + mix(norm(self, "norm1", x))
            return x + self.feed_forward(norm(self, "norm2", x))
        mixed = mix(x)
        if self.config.order == "post":
            mixed = x + mixed
        x = norm(self, "norm1", mixed)
        return norm(self, "norm2", x + self.feed_forward(x))

    def linear(self, x, name):
        """Return the matrix of that name times x, plus its bias where there is one."""
        return F.linear(x, getattr(self, name), getattr(self, f"{name}_bias", None))

    def drop(self, x):
        """Return x with dropout while training."""
        return F.dropout(x, self.config.dropout, self.training)

    def feed_forward(self, x):
        """Return fc2 times the activation of fc1 times x."""
        hidden = self.linear(x, "fc1")
        hidden = F.relu(hidden) if self.config.activation == "relu" else F.gelu(hidden)
        return self.drop(self.linear(hidden, "fc2"))

    def mix(self, x):
        """Return what the mixing layer makes of x and its past."""
        if self.config.mixing in HEADS:
            return self.branch(self.linear(self.attend(x), "wo"))
        if self.config.mixing in RECURRENCE:
            if self.config.convolution:
                x = alternatives.short_convolution(x, self.conv_x)
            score = alternatives.full(self.linear(x, "wz"))
            score = score - self.wz_start.to(score.dtype)
            return self.open(x, alternatives.gated_recurrence(score, self.linear(x, "wh")))
        z, kept = self.reduce(x)
        past, number = self.partners(x, z)
        total = None
        if self.config.mixing in ("sum", "counting"):
            total = shifted(z.cumsum(1), 1)
        return self.gate(x, kept, self.features(z, past, number, total))

    def open(self, x, h):
        """Return wo (h * SiLU(wg x)), the end of a recurrence."""
        return self.branch(self.linear(h * F.silu(self.linear(x, "wg")), "wo"))

    def reduce(self, x):
        """Return z = W_red x, in the counting layer with a 1 at its end, and W_gate_h x.

        Both come of one matrix product, which is faster than two.
        """
        matrix = torch.cat([self.W_red, self.W_gate_h])
        biases = None
        if self.config.bias:
            biases = torch.cat([self.W_red_bias, self.W_gate_h_bias])
        z, kept = F.linear(x, matrix, biases).split([len(self.W_red), len(self.W_gate_h)], -1)
        z = alternatives.full(z)  # half precision has no room for 1e-8
        if self.config.mixing == "counting":
            z = torch.cat([z, torch.ones_like(z[..., :1])], -1)
        return z, kept

    def gate(self, x, kept, features):
        """Return alpha x + (1 - alpha) g, g being W_plu times the features, kept W_gate_h x."""
        matrix = self.W_plu
        if self.config.mixing in PLANES:
            matrix = self.on_outer(matrix)
        elif self.config.mixing == "linear-planes":
            planes = self.on_outer(matrix[:, self.states:])
            matrix = torch.cat([matrix[:, :self.states], planes], 1)
        g = self.branch(F.linear(features, matrix, getattr(self, "W_plu_bias", None)))
        alpha = torch.sigmoid(kept + self.linear(g, "W_gate_g"))
        return g + alpha * (x - g)

    def on_outer(self, matrix):
        """Return the matrix that does to outer products what this one does to planes."""
        return OnOuter.apply(matrix, self.places0, self.places1, self.places2, self.places3)

    def branch(self, y):
        """Return what comes from the past, normed if it is to be, with dropout."""
        if self.config.branch_norm:
            y = norm(self, "branch", y)
        return self.drop(y)

    def heads(self, x):
        """Return x as heads: (B, L, d) -> (B, H, L, d / H)."""
        return x.unflatten(-1, (self.config.n_head, -1)).transpose(1, 2)

    def project(self, x):
        """Return queries, keys and values, convolved where they are to be: (B, L, d) each."""
        found = []
        for name in "q", "k", "v":
            y = self.linear(x, f"w{name}")
            if self.config.convolution:
                y = alternatives.short_convolution(y, getattr(self, f"conv_{name}"))
            found.append(y)
        return found

    def gates(self, x):
        """Return the scores of a memory's decay and rate for each head, None where it has none."""
        decay = rate = None
        if hasattr(self, "wa"):
            scores = alternatives.full(self.linear(x, "wa"))
            decay = self.heads(scores + self.wa_start.to(scores.dtype))
        if hasattr(self, "wb"):
            rate = self.heads(self.linear(x, "wb"))
        return decay, rate

    def attend(self, x):
        """Return what the heads read, side by side: (B, L, d) -> the same."""
        q, k, v = [self.heads(y) for y in self.project(x)]
        if self.config.mixing in MEMORIES:
            heads = alternatives.recall(self.config.mixing, q, k, v, *self.gates(x))
        elif self.config.mixing == "attention":
            heads = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            places = torch.arange(x.shape[1], device=x.device)
            back = places[:, None] - places
            seen = sum([back == offset for offset in self.window], back == 0)
            heads = F.scaled_dot_product_attention(q, k, v, attn_mask=seen)
        return heads.transpose(1, 2).flatten(2)

    def attended(self, x, z):
        """Return each head's average of z by attention's weights: a list of (B, L, r)."""
        q, k = [self.heads(self.linear(x, name)).to(z.dtype) for name in ("wq", "wk")]
        values = z[:, None].expand(-1, self.config.n_head, -1, -1)
        wide = max(q.shape[-1], values.shape[-1])  # the fast kernels want one width
        scale = q.shape[-1] ** -0.5
        q, k, values = [F.pad(y, (0, wide - y.shape[-1])) for y in (q, k, values)]
        with torch.autocast(x.device.type, enabled=False):
            found = F.scaled_dot_product_attention(q, k, values, is_causal=True, scale=scale)
        return list(found[..., :z.shape[-1]].unbind(1))

    def partners(self, x, z):
        """Return the past states that z_t meets at each t, and how many of them there are.

        x: (B, L, d), z: (B, L, r) -> a list of (B, L, r), zeros where there is none, and (L, 1).
        Where a layer has one offset, its partner is found by a table of places: layers with
        different offsets then are one compiled program.
        """
        if self.config.mixing.startswith("decayed"):
            scores = self.W_rate[:, 0] + self.W_rate_start.to(self.W_rate.dtype)
            return alternatives.decayed_sums(z, scores), None
        if self.config.mixing.startswith("attended"):
            return self.attended(x, z), None
        if not self.config.offset_per_layer:
            past = [shifted(z, offset) for offset in self.window]
            if self.config.mixing == "apart-shuffled":
                order = shuffled(range(z.shape[1]), self.window).to(z.device)
                past = torch.stack(past, 2).take_along_dim(order[None, ..., None], 2).unbind(2)
            return past, fitting(z.shape[1], self.window, z.device)
        back = self.back[:z.shape[1]]
        there = (back >= 0)[:, None]
        return [z.index_select(1, back.clamp(min=0)) * there], there.long()

    def features(self, z, past, number, total):
        """Return what W_plu (on the planes' outer products, see on_outer) is applied to.

        z: (B, L, r), past and number: see partners, total: the sum of all earlier z -> (B, L, its
        columns).
        """
        mixing = self.config.mixing
        if mixing == "sum":
            return torch.cat([z, total], -1)
        if mixing == "counting":
            c = torch.cat([total[..., :-1], torch.ones_like(z[..., :1])], -1)
            return outer(z, (fold(z, past) + c) / (number + 1))  # c's plane is always there
        if mixing in ("linear", "decayed-sums", "attended-states"):
            return torch.cat([z, *past], -1)
        if mixing in ("apart", "apart-shuffled", "decayed-sums-planes", "attended-states-planes"):
            return torch.cat([outer(z, direction(z, v)) for v in past], -1)
        if mixing == "apart-lengths":
            return torch.cat([outer(z, v) for v in past], -1)
        if mixing == "linear-planes":
            return torch.cat([z, *past, *[outer(z, direction(z, v)) for v in past]], -1)
        if mixing == "products-apart":
            return torch.cat([unit_product(z, v) for v in past], -1)
        number = number.clamp(min=1)
        if mixing == "weighted":
            planes = [(1 + weight) * direction(z, v) for weight, v in zip(self.W_offset, past)]
            return outer(z, sum(planes, torch.zeros_like(z)) / number)
        if mixing == "grassmann":
            return outer(z, fold(z, past) / number)
        if mixing == "grassmann-loop":
            return add_planes(z, past) / number
        if mixing == "mean":
            return sum(past, torch.zeros_like(z)) / number
        if mixing == "half-products":
            half = z.shape[-1] // 2
            now = z[..., :half]
            return sum([now * v[..., half:2 * half] for v in past], torch.zeros_like(now)) / number
        return sum([unit_product(z, v) for v in past], torch.zeros_like(z)) / number


def outer(u, v):
    """Return all u_i v_j: (B, L, r) twice -> (B, L, r²)."""
    return (u[..., :, None] * v[..., None, :]).flatten(-2)


def add_norm(module, name, config):
    """Give the module the parameters of a norm: none for RMSNorm, as in the scalar files."""
    if config.norm == "layer":
        module.register_parameter(f"{name}_gain", nn.Parameter(torch.empty(config.n_embd)))
        if config.bias:
            module.register_parameter(f"{name}_bias", nn.Parameter(torch.empty(config.n_embd)))


def norm(module, name, x):
    """Return x normed, with what add_norm has registered under the name."""
    if module.config.norm == "rms":
        return F.rms_norm(x, x.shape[-1:], eps=1e-5)
    return F.layer_norm(x, x.shape[-1:], getattr(module, f"{name}_gain"),
                        getattr(module, f"{name}_bias", None))


# ---- the model -----------------------------------------------------------------------------------
def nats(x, head, targets):
    """Return the summed cross-entropy of the targets, -100 being none: a number.

    x: (B, L, d), head: (V, d), targets: (B, L).
    """
    scores = logits(x, head).flatten(0, 1)
    scores = scores.to(torch.promote_types(scores.dtype, torch.float32))
    return F.cross_entropy(scores, targets.flatten(), reduction="sum", ignore_index=-100)


def logits(x, head):
    """Return head times x. Rows of zeros, cut off again, make V a multiple of 64, as GPUs like."""
    V = head.shape[0]
    return F.linear(x, F.pad(head, (0, 0, 0, -V % 64)))[..., :V]


class Model(nn.Module):
    """Tokens in, logits of the next ones out, or the summed loss of given targets."""

    def __init__(self, config, seed=0):
        super().__init__()
        check(config)
        self.config = config
        self.wte = nn.Parameter(torch.empty(config.vocab_size, config.n_embd))
        self.wpe = nn.Parameter(torch.empty(config.block_size, config.n_embd))
        if not config.tied:
            self.lm_head = nn.Parameter(torch.empty(config.vocab_size, config.n_embd))
        if config.final_norm:
            add_norm(self, "final", config)
        for n in range(config.n_layer):
            window = config.window
            if config.offset_per_layer:
                window = (window[n % len(window)],)
            self.add_module(f"layer{n}", Layer(config, window))
        self.nats = nats
        self.reset(seed)

    def reset(self, seed):
        """Draw all weights anew: matrices Gaussian with deviation std, gains 1, biases 0."""
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for name, weight in self.named_parameters():
                if weight.dim() == 2:
                    weight.copy_(torch.randn(weight.shape, generator=generator) * self.config.std)
                else:
                    weight.fill_(float(name.endswith("gain")))

    def layers(self):
        """Return the layers, the first one first."""
        return [getattr(self, f"layer{n}") for n in range(self.config.n_layer)]

    def hidden(self, tokens):
        """Return the state before the logits: (B, L) -> (B, L, d)."""
        x = F.embedding(tokens, self.wte) + self.wpe[:tokens.shape[1]]
        x = F.rms_norm(x, x.shape[-1:], eps=1e-5)
        x = F.dropout(x, self.config.dropout, self.training)
        for layer in self.layers():
            x = layer(x)
        if self.config.final_norm:
            x = norm(self, "final", x)
        return x

    def head(self):
        """Return the matrix that turns a state into logits: (V, d)."""
        return self.wte if self.config.tied else self.lm_head

    def forward(self, tokens, targets=None):
        """Return the logits (B, L, V) or, where targets are given, their summed loss in nats."""
        x = self.hidden(tokens)
        if targets is None:
            return logits(x, self.head())
        return self.nats(x, self.head(), targets)

    def compile_parts(self):
        """Compile one layer, whose code all share, and the loss: a minute less than the whole."""
        torch._dynamo.config.recompile_limit = 64  # a layer with each offset is compiled apart
        for layer in self.layers():
            layer.compile(dynamic=False)
        self.nats = torch.compile(nats, dynamic=False)

    def size(self):
        """Return the number of weights."""
        return sum([weight.numel() for weight in self.parameters()])
