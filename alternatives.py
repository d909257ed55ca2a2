"""The field's own alternatives to attention as mixing layers, and where to look x what to keep.

Each layer here stands in for one of a model file, as those of beyond.py do, and is reached by its
name in MAKERS; benchmark_tasks.py compares them. Each says its source, its state (how many numbers
it must keep to go on writing after L tokens) and its cost (products a token, without those of its
matrices). There are no biases: where a decay must start near 1, a fixed number is added inside its
sigmoid, and the weights move it from there.

d is the width, h the number of heads, e = d / h a head's width, r the reduced size.
"""
import functools
from typing import NamedTuple

import beyond
import micro_gpt
import micro_grassmann

TAPS = 4  # tokens that a short convolution reads, the present one among them


def read(model, S, q):
    """Return Sᵀ q: what the matrix S holds under the key q."""
    return model.linear(q, zip(*S))


def write(model, S, k, v, a):
    """Return a_i S_ij + k_i v_j for all i and j, each as one node: S fades, k vᵀ is written."""
    return [model.linear((a_i, k_i), zip(row, v)) for row, a_i, k_i in zip(S, a, k)]


def silu(values):
    """Return v * sigmoid(v) of each (Elfwing, Uchibe and Doya 2017, arXiv:1702.03118)."""
    return [v * v.sigmoid() for v in values]


def unit(model, v):
    """Return v scaled to length 1."""
    inverse_length = (model.dot(v, v) + 1e-8) ** -0.5
    return [v_i * inverse_length for v_i in v]


def starts(number):
    """Return `number` constants from 1 to 6, evenly spaced; their sigmoids are .731 to .998."""
    return [1 + 5 * i / max(1, number - 1) for i in range(number)]


# ---- a matrix as memory --------------------------------------------------------------------------
#
# Attention keeps every key and value. These keep the sum of their outer products, a matrix S of
# e x e numbers a head, however long the text: write k vᵀ into it, read Sᵀ q. They differ in what
# they do to S before they write. Each function is one head's step: the matrix so far and this
# token's q, k, v (and gates) in; the new matrix and what was read out.


def linear_attention(model, S, q, k, v):
    """Add k vᵀ; read with q; divide by the sum of all weights, as softmax does.

    S += φ(k) vᵀ, n += φ(k), result = Sᵀ φ(q) / (n · φ(q)), φ(x) = elu(x) + 1. The column n is kept
    as S's last, written with a value of 1. Katharopoulos et al. 2020, arXiv:2006.16236.
    State h e (e + 1); cost 2 h e (e + 1).
    """
    def phi(vector):
        return [x_i.relu() + (-(-x_i).relu()).exp() for x_i in vector]
    one = model.Value(1.0)
    S = write(model, S, phi(k), [*v, one], [one] * len(k))
    *weighted, norm = read(model, S, phi(q))
    inverse = norm ** -1
    return S, [w_i * inverse for w_i in weighted]


def gated_linear_attention(model, S, q, k, v, decay):
    """Let S fade by what the present token says, then add k vᵀ.

    S = a S + k vᵀ, result = rmsnorm(Sᵀ q), a = sigmoid(wa x + c), one number a head and c from 1 to
    6 over the heads. The decay of Mamba-2 (Dao and Gu 2024, arXiv:2405.21060), without the step
    size that scales k vᵀ there, too; Yang et al. 2023, arXiv:2312.06635, have a number for each
    row. State h e²; cost 3 h e².
    """
    S = write(model, S, k, v, [a.sigmoid() for a in decay] * len(k))
    return S, model.rmsnorm(read(model, S, q))


def rwkv(model, S, q, k, v, decay):
    """Let each row of S fade at its own rate; read before it fades, with the present unfaded.

    result = rmsnorm((S + k vᵀ)ᵀ q), then S = diag(a) S + k vᵀ, a = exp(-exp(-(wa x + c))). RWKV-6
    (Peng et al. 2024, arXiv:2404.05892) without its token shift and output gate; there wa is of low
    rank, and the present has weights of its own, which are 1 here. (The decays begin at .692 to
    .998, where those of sigmoids begin at .731 to .998.) State h e²; cost 4 h e².
    """
    with_present = write(model, S, k, v, [model.Value(1.0)] * len(k))
    S = write(model, S, k, v, [(-(-a).exp()).exp() for a in decay])
    return S, model.rmsnorm(read(model, with_present, q))


def delta_rule(model, S, q, k, v, rate):
    """Correct S: write the difference between v and what S already holds under k.

    S = S + b k (v - Sᵀ k)ᵀ, result = rmsnorm(Sᵀ q), b = sigmoid(wb x); q, k, v go through SiLU, and
    q and k have length 1. Schlag et al. 2021, arXiv:2102.11174; Yang et al. 2024, arXiv:2406.06484.
    State h e²; cost 3 h e².
    """
    return corrected(model, S, q, k, v, model.Value(1.0), rate)


def gated_delta_rule(model, S, q, k, v, decay, rate):
    """Let S fade by what the present token says, then correct it.

    As delta_rule with a S in place of S, a as in gated_linear_attention. Yang, Kautz and
    Hatamizadeh 2024, arXiv:2412.06464, without its output gate. State h e²; cost 4 h e².
    """
    [a] = decay
    return corrected(model, S, q, k, v, a.sigmoid(), rate)


def corrected(model, S, q, k, v, a, rate):
    """Return a S + b k (v - a Sᵀ k)ᵀ, and what q reads there: the two delta rules' step."""
    [b] = rate
    b = b.sigmoid()
    q = unit(model, silu(q))
    k = unit(model, silu(k))
    errors = [v_j - a * held for v_j, held in zip(silu(v), read(model, S, k))]
    S = write(model, S, [b * k_i for k_i in k], errors, [a] * len(k))
    return S, model.rmsnorm(read(model, S, q))


def cut(vector, parts):
    """Return the vector in so many equal parts."""
    size = len(vector) // parts
    return [vector[start:start + size] for start in range(0, len(vector), size)]


def short_convolution(model, vectors, recent, layer, params, names=("conv_q", "conv_k", "conv_v")):
    """Return q, k, v, each number plus a learned sum of its own last TAPS values.

    recent holds the latest q, k, v, the present ones first; names are those of their matrices. The
    fixed 1 of the present (the "plus") makes the layer begin as it would without. As in
    arXiv:2406.06484 and 2412.06464, there without the fixed 1. State 3 (TAPS - 1) d more; cost
    3 TAPS d more.
    """
    recent.insert(0, vectors)
    del recent[TAPS:]
    out = []
    for n, name in enumerate(names):
        histories = zip(*[earlier[n] for earlier in recent])
        taps = params[f"{layer}.{name}"]
        sums = [model.dot(row[:len(history)], history) for row, history in zip(taps, histories)]
        out.append(model.add(vectors[n], sums))
    return out


def project(model, x, layer, past, params):
    """Return q, k, v of x, and the list in past that is the layer's own.

    With the matrices of a short convolution, q, k and v have passed through it.
    """
    if not past:
        past.extend(([], []))
    recent, own = past
    vectors = [model.linear(x, params[f"{layer}.{name}"]) for name in ("wq", "wk", "wv")]
    if f"{layer}.conv_q" in params:
        vectors = short_convolution(model, vectors, recent, layer, params)
    return vectors, own


def convolved_attention(model, x, layer, past, params, config):
    """Stand in for mix: attention whose q, k, v pass through a short convolution."""
    (q, k, v), own = project(model, x, layer, past, params)
    own.append((k, v))
    return model.linear(model.attend(q, own, config), params[f"{layer}.wo"])


def memory_mix(memory, model, x, layer, past, params, config):
    """Stand in for mix: each head steps with its own S; past holds the present S of each.

    A step's gates are its matrices wa (with a constant that makes S fade slowly) and wb times x.
    """
    (q, k, v), own = project(model, x, layer, past, params)
    h = config.n_head
    size = config.n_embd // h
    if not own:
        own.append([[beyond.zeros(model, size + memory.columns) for _ in range(size)]
                    for _ in range(h)])
    gates = []
    if f"{layer}.wa" in params:
        scores = model.linear(x, params[f"{layer}.wa"])
        constants = starts(len(scores))
        gates.append(cut([score + c for score, c in zip(scores, constants)], h))
    if f"{layer}.wb" in params:
        gates.append(cut(model.linear(x, params[f"{layer}.wb"]), h))
    states = []
    out = []
    for S, *inputs in zip(own.pop(), cut(q, h), cut(k, h), cut(v, h), *gates):
        S, result = memory.step(model, S, *inputs)
        states.append(S)
        out += result
    own.append(states)
    return model.linear(out, params[f"{layer}.wo"])


# ---- a vector as memory --------------------------------------------------------------------------


def gated_recurrence(model, x, layer, past, params, config):
    """Stand in for mix: each number of h keeps its value or takes the new one, as z says.

    h = (1 - z) h + z (wh x), z = sigmoid(wz x - 1), result = wo (h * SiLU(wg x)). minGRU (Feng et
    al. 2024, arXiv:2410.01201) with an output gate; 4 d² weights, as attention's; the fixed -1
    makes z begin at .27. State d; cost 4 d.
    """
    z = [(score - 1.0).sigmoid() for score in model.linear(x, params[f"{layer}.wz"])]
    new = model.linear(x, params[f"{layer}.wh"])
    h = past.pop() if past else beyond.zeros(model, config.n_embd)
    h = [h_i + z_i * (new_i - h_i) for h_i, z_i, new_i in zip(h, z, new)]
    past.append(h)
    opened = silu(model.linear(x, params[f"{layer}.wg"]))
    return model.linear([h_i * g_i for h_i, g_i in zip(h, opened)], params[f"{layer}.wo"])


def convolved_recurrence(model, x, layer, past, params, config):
    """Stand in for mix: x passes through a short convolution, then goes to gated_recurrence."""
    if not past:
        past.extend(([], []))
    recent, own = past
    [x] = short_convolution(model, [x], recent, layer, params, ("conv_x",))
    return gated_recurrence(model, x, layer, own, params, config)


# ---- where it looks x what it keeps --------------------------------------------------------------
#
# The paper's layer looks at fixed offsets and keeps planes. Here are two other places to look,
# decayed sums and attention's weighted averages, each with the same two things to keep: the states
# themselves, of which W_plu makes a linear map, or the unit planes that they span with z. (Fixed
# offsets: "linear map" and "planes apart" in beyond.py.) All else is the paper's: W_red, the gate.


def states_side_by_side(model, z, partners):
    """Return [z; the partners]: what a linear map reads."""
    return [z_i for state in (z, *partners) for z_i in state]


def planes_side_by_side(model, z, partners):
    """Return the unit planes that z spans with each of the partners, kept apart."""
    return [p_ij for state in partners for p_ij in model.unit_plucker(z, state)]


def decayed_sums(features, model, x, layer, past, params, config):
    """Stand in for mix: the partners are sums of the earlier z, each fading at a rate of its own.

    S_n = a_n S_n + z after S_n has been read, a_n = sigmoid(W_rate_n + c_n), c from 1 to 6. The
    rates are learned, but do not depend on the text. There are as many sums as the window has
    offsets. Decays that the data do not change: RetNet (Sun et al. 2023, arXiv:2307.08621), S4D (Gu
    et al. 2022, arXiv:2206.11893). State r |window|; cost r |window|, and the planes' if there are
    any.
    """
    number = len(config.window)
    z = model.linear(x, params[f"{layer}.W_red"])
    sums = past.pop() if past else [beyond.zeros(model, config.r) for _ in range(number)]
    rates = [(w + c).sigmoid() for [w], c in zip(params[f"{layer}.W_rate"], starts(number))]
    past.append([[s_i * rate + z_i for s_i, z_i in zip(s, z)] for s, rate in zip(sums, rates)])
    g = model.linear(features(model, z, sums), params[f"{layer}.W_plu"])
    return model.gate(x, g, layer, params)


def attended_states(features, model, x, layer, past, params, config):
    """Stand in for mix: the partners are the heads' averages of z, by attention's weights.

    State (d + r) L; cost (d + h r) L, and the planes' if there are any.
    """
    q, k = [cut(model.linear(x, params[f"{layer}.{name}"]), config.n_head) for name in ("wq", "wk")]
    z = model.linear(x, params[f"{layer}.W_red"])
    past.append((k, z))
    states = list(zip(*[state for _, state in past]))
    averages = []
    for n, query in enumerate(q):
        scaled = [q_i * len(query) ** -0.5 for q_i in query]
        scores = model.linear(scaled, [tuple(keys[n]) for keys, _ in past])
        averages.append(model.linear(model.softmax(scores), states))
    g = model.linear(features(model, z, averages), params[f"{layer}.W_plu"])
    return model.gate(x, g, layer, params)


# ---- all of them by name -------------------------------------------------------------------------


class AttendedConfig(NamedTuple):
    """The sizes of a layer that keeps states or planes of what attention looks at."""

    vocab_size: int
    n_embd: int = 16
    n_layer: int = 1
    block_size: int = 16
    n_head: int = 4
    r: int = 4


def recurrence_shapes(model, config, convolution=False):
    """Stand in for mixing_shapes: the gated recurrence's, as many weights as attention has."""
    d = config.n_embd
    shapes = dict.fromkeys(("wz", "wh", "wg", "wo"), (d, d))
    return {**shapes, "conv_x": (d, TAPS)} if convolution else shapes


class Memory(NamedTuple):
    """A layer whose heads keep a matrix each."""

    step: object  # what one head does with a token
    gates: dict  # {its gate's matrix: the size that says how many rows it has}
    columns: int = 0  # of the matrix, besides the head's width


MEMORIES = {
    "linear attention": Memory(linear_attention, {}, columns=1),
    "gated linear attention": Memory(gated_linear_attention, {"wa": "n_head"}),
    "RWKV": Memory(rwkv, {"wa": "n_embd"}),
    "delta rule": Memory(delta_rule, {"wb": "n_head"}),
    "gated delta rule": Memory(gated_delta_rule, {"wa": "n_head", "wb": "n_head"}),
}


def with_matrices(gates, convolution, model, config):
    """Stand in for mixing_shapes: the file's own, the gates' and those of a short convolution."""
    d = config.n_embd
    shapes = model.original.mixing_shapes(config)
    for name, size in gates.items():
        shapes[name] = (getattr(config, size), d)
    if convolution:
        shapes.update(dict.fromkeys(("conv_q", "conv_k", "conv_v"), (d, TAPS)))
    return shapes


def remembering(memory, convolution=False):
    """Return the GPT with this Memory in attention's place."""
    mix = functools.partial(memory_mix, memory)
    shapes = functools.partial(with_matrices, memory.gates, convolution)
    return beyond.variant(micro_gpt, mix=mix, mixing_shapes=shapes)


def decayed(features, columns):
    """Return the Grassmann file with decayed sums as partners, and these features of them."""
    def shapes(model, config):
        found = beyond.shapes_with(columns, model, config)
        return {**found, "W_rate": (len(config.window), 1)}
    mix = functools.partial(decayed_sums, features)
    return beyond.variant(micro_grassmann, mix=mix, mixing_shapes=shapes)


def attended(features, columns):
    """Return the Grassmann file with attention's averages as partners, and these features of them.

    softmax is the GPT's own, made to work on the Values of this copy.
    """
    def shapes(model, config):
        d = config.n_embd
        return {"wq": (d, d), "wk": (d, d), "W_red": (config.r, d), "W_plu": (d, columns(config)),
                "W_gate_h": (d, d), "W_gate_g": (d, d)}
    model = beyond.variant(micro_grassmann, mix=functools.partial(attended_states, features),
                           mixing_shapes=shapes)
    gpt = beyond.variant(micro_gpt)
    gpt.Value = model.Value
    model.softmax = gpt.softmax
    model.Config = AttendedConfig
    return model


MAKERS = {
    **{name: functools.partial(remembering, memory) for name, memory in MEMORIES.items()},
    "gated recurrence": lambda: beyond.variant(micro_gpt, mix=gated_recurrence,
                                               mixing_shapes=recurrence_shapes),
    "decayed sums": lambda: decayed(states_side_by_side, lambda c: c.r * (1 + len(c.window))),
    "planes of decayed sums": lambda: decayed(
        planes_side_by_side, lambda c: beyond.plane_size(c) * len(c.window)),
    "attended states": lambda: attended(states_side_by_side, lambda c: c.r * (1 + c.n_head)),
    "planes of attended states": lambda: attended(
        planes_side_by_side, lambda c: beyond.plane_size(c) * c.n_head),
    "attention with convolution": lambda: beyond.variant(
        micro_gpt, mix=convolved_attention,
        mixing_shapes=functools.partial(with_matrices, {}, True)),
}
KINDS = tuple(MAKERS)
MAKERS.update({f"{name} with convolution": functools.partial(remembering, memory, True)
               for name, memory in MEMORIES.items()})
MAKERS["gated recurrence with convolution"] = functools.partial(
    beyond.variant, micro_gpt, mix=convolved_recurrence,
    mixing_shapes=functools.partial(recurrence_shapes, convolution=True))
beyond.MAKERS.update(MAKERS)  # so that a contender is found there by its name


# ---- how much a layer keeps ----------------------------------------------------------------------


def state_size(name, config, length):
    """Return how many numbers one mixing layer must keep to go on after `length` tokens.

    A layer with a window keeps its states as far back as its longest offset reaches; it may drop
    the rest, though the scalar files do not.
    """
    d = config.n_embd
    base = name.replace(" with convolution", "")
    recent = (TAPS - 1) * d if base != name else 0  # a vector's, or three vectors'
    if base in MEMORIES:
        size = d // config.n_head
        return d * (size + MEMORIES[base].columns) + 3 * recent
    if base == "attention":
        return 2 * d * length + 3 * recent
    if base == "gated recurrence":
        return d + recent
    if name in ("decayed sums", "planes of decayed sums"):
        return config.r * len(config.window)
    if name in ("attended states", "planes of attended states"):
        return (d + config.r) * length
    window = config.window
    if name.endswith("one offset a layer"):
        window = window[:1]  # the first layer's
    reached = min(length, max(window, default=0))
    if name == "attention, same offsets":
        return 2 * d * reached
    if name == "sum without planes":
        return config.r
    if name in ("running sum", "running sum, normalised"):
        return (config.r - 1) * (reached + 1)
    return config.r * reached
