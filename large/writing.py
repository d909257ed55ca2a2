"""Write token by token: what each layer must keep of the text so far, and one step of it.

The same weights and the same logits as Model's, which takes a whole text at once. Attention keeps
all keys and values (a cache that grows with the text), the paper's layer the states that its
offsets reach (a window), the memories a matrix a head, the recurrence a vector.
"""
import torch
from torch.nn import functional as F

from large import alternatives
from large.model import HEADS, MEMORIES, RECURRENCE, norm, shuffled


def begin(model, batch):
    """Return what the layers keep before the first token: a dictionary of tensors for each."""
    return [begin_layer(layer, batch, model.wte.dtype, model.wte.device)
            for layer in model.layers()]


def begin_layer(layer, batch, dtype, device):
    """Return zeros in the shapes of what a layer keeps."""
    config = layer.config
    H = config.n_head
    e = config.n_embd // H
    L = config.block_size
    reach = max(layer.window, default=0)
    r = config.r
    shapes = {}
    if config.mixing == "attention":
        shapes = {"k": (H, L, e), "v": (H, L, e)}
    elif config.mixing == "attention-window":
        shapes = {"k": (H, reach + 1, e), "v": (H, reach + 1, e)}
    elif config.mixing in MEMORIES:
        shapes = {"S": (H, e, e + (config.mixing == "linear-attention"))}
    elif config.mixing in RECURRENCE:
        shapes = {"h": (1, config.n_embd)}
    elif config.mixing.startswith("attended"):
        shapes = {"k": (H, L, e), "z": (1, L, r)}
    elif config.mixing.startswith("decayed"):
        shapes = {"sums": (len(layer.window), 1, r)}
    elif config.mixing == "sum":
        shapes = {"total": (1, r)}
    else:
        shapes = {"recent": (reach + 1, r)}
        if config.mixing == "counting":
            shapes["total"] = (1, r)
    if config.convolution:
        vectors = 1 if config.mixing in RECURRENCE else 3
        shapes["taps"] = (vectors, alternatives.TAPS, config.n_embd)
    return {name: torch.zeros(batch, *shape, dtype=dtype, device=device)
            for name, shape in shapes.items()}


@torch.no_grad()
def step(model, tokens, place, states):
    """Return the logits after one more token of each text: (B,) -> (B, V); states move on.

    place: how many tokens came before, below block_size.
    """
    x = F.embedding(tokens, model.wte) + model.wpe[place]
    x = F.rms_norm(x, x.shape[-1:], eps=1e-5)[:, None]
    for layer, state in zip(model.layers(), states):
        def mix(y, layer=layer, state=state):
            return mix_one(layer, y, place, state)
        x = layer.forward(x, mix)
    if model.config.final_norm:
        x = norm(model, "final", x)
    return F.linear(x[:, 0], model.head())


def size(states):
    """Return the bytes that the states take."""
    return sum([kept.numel() * kept.element_size() for state in states for kept in state.values()])


def mix_one(layer, x, place, state):
    """Return what the mixing layer makes of the present x and what it kept: (B, 1, d) -> same."""
    mixing = layer.config.mixing
    if mixing in HEADS:
        read = read_heads(layer, x, place, state)
        return layer.branch(layer.linear(read.transpose(1, 2).flatten(2), "wo"))
    if mixing in RECURRENCE:
        if layer.config.convolution:
            [x] = convolve(layer, [x], state, ("conv_x",))
        z = (layer.linear(x, "wz") - layer.wz_start.to(x.dtype)).sigmoid()
        state["h"] = (1 - z) * state["h"] + z * layer.linear(x, "wh")
        return layer.open(x, state["h"])
    z, kept = layer.reduce(x)
    past, number = meet(layer, x, z, place, state)
    total = state.get("total")
    if total is not None:
        state["total"] = total + z
    return layer.gate(x, kept, layer.features(z, past, number, total))


def meet(layer, x, z, place, state):
    """Return the past states that z meets, each (B, 1, r), and how many there are: see Layer."""
    mixing = layer.config.mixing
    if mixing.startswith("decayed"):
        past = list(state["sums"].unbind(1))
        rates = (layer.W_rate[:, 0] + layer.W_rate_start.to(z.dtype)).sigmoid()
        state["sums"] = rates[:, None, None] * state["sums"] + z[:, None]
        return past, None
    if mixing.startswith("attended"):
        q, k = [layer.heads(layer.linear(x, name)) for name in ("wq", "wk")]
        state["k"][:, :, place] = k[:, :, 0]
        state["z"][:, :, place] = z
        keys = state["k"][:, :, :place + 1]
        weights = (q @ keys.mT * q.shape[-1] ** -0.5).softmax(-1)
        return list((weights @ state["z"][:, :, :place + 1]).unbind(1)), None
    if mixing == "sum":
        return [], None
    state["recent"] = torch.cat([z, state["recent"][:, :-1]], 1)
    past = [state["recent"][:, offset:offset + 1] for offset in layer.window]
    if mixing == "apart-shuffled":
        past = [past[n] for n in shuffled(range(place, place + 1), layer.window)[0]]
    return past, z.new_full((1, 1), sum([place >= offset for offset in layer.window]))


def read_heads(layer, x, place, state):
    """Return what the heads read, (B, H, 1, e), and keep the present's key and value."""
    vectors = [layer.linear(x, name) for name in ("wq", "wk", "wv")]
    if layer.config.convolution:
        vectors = convolve(layer, vectors, state)
    q, k, v = [layer.heads(vector) for vector in vectors]
    mixing = layer.config.mixing
    if mixing in MEMORIES:
        return remember_one(mixing, q, k, v, *layer.gates(x), state)
    if mixing == "attention":
        state["k"][:, :, place] = k[:, :, 0]
        state["v"][:, :, place] = v[:, :, 0]
        k, v = [state[name][:, :, :place + 1] for name in ("k", "v")]
        return F.scaled_dot_product_attention(q, k, v)
    for name, new in ("k", k), ("v", v):
        state[name] = torch.cat([new, state[name][:, :, :-1]], 2)
    seen = [0, *[offset for offset in dict.fromkeys(layer.window) if offset <= place]]
    return F.scaled_dot_product_attention(q, state["k"][:, :, seen], state["v"][:, :, seen])


def convolve(layer, vectors, state, names=("conv_q", "conv_k", "conv_v")):
    """Return q, k, v, each plus a sum of its own last values, which are kept."""
    state["taps"] = torch.cat([torch.stack(vectors, 1), state["taps"][:, :, :-1]], 2)
    out = []
    for n, name in enumerate(names):
        sums = (state["taps"][:, n] * getattr(layer, name).T).sum(1, keepdim=True)
        out.append(vectors[n] + sums)
    return out


def remember_one(mixing, q, k, v, decay, rate, state):
    """Return what a memory's heads read, (B, H, 1, e), and let its matrices S move on."""
    S = state["S"]
    if mixing == "linear-attention":
        q, k = [alternatives.positive(y) for y in (q, k)]
        v = torch.cat([v, torch.ones_like(v[..., :1])], -1)
        state["S"] = S = S + k.mT @ v
        read = q @ S
        return read[..., :-1] / read[..., -1:]
    if mixing == "rwkv":
        written = k.mT @ v
        read = q @ (S + written)
        state["S"] = (-(-decay).exp()).exp().mT * S + written
    elif mixing == "gated-linear-attention":
        state["S"] = S = decay.sigmoid() * S + k.mT @ v
        read = q @ S
    else:
        q, k = [alternatives.unit(F.silu(y)) for y in (q, k)]
        if decay is not None:
            S = decay.sigmoid() * S
        state["S"] = S = S + k.mT @ (rate.sigmoid() * (F.silu(v) - k @ S))
        read = q @ S
    return F.rms_norm(read, read.shape[-1:], eps=1e-5)
