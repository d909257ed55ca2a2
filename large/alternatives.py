"""The alternatives of the scalar files in parallel form: all positions at once, for training.

Sources and formulas are in alternatives.py of the scalar files; here is how each is computed for a
whole text without a loop over its tokens. Sums that fade are taken in chunks: within a chunk as a
matrix of weights, like attention's, between chunks by what is carried on. Shapes: B texts, H heads,
L positions, e numbers a head, n chunks of C positions.
"""
import torch
from torch.nn import functional as F

MEMORIES = {
    "linear-attention": "a sum of outer products of keys and values, divided by its weights",
    "gated-linear-attention": "such a sum that fades as the data say, one number a head",
    "rwkv": "such a sum, each row of which fades at its own rate, as the data say",
    "delta-rule": "such a sum, corrected: what it holds under a key is replaced",
    "gated-delta-rule": "the same, fading as the data say"}
SUMS = {
    "decayed-sums": "a linear map of sums of earlier states that fade at learned rates",
    "decayed-sums-planes": "unit planes that the present state spans with such sums",
    "attended-states": "a linear map of the states that attention's weights average",
    "attended-states-planes": "unit planes that the present state spans with such averages"}
RECURRENCE = {"gated-recurrence": "each number keeps its value or takes a new one, as a gate says"}
TAPS = 4  # tokens that a short convolution reads, the present one among them
CHUNK = 64
FEW = 16  # positions of a chunk where each row of a memory fades at its own rate


def starts(number):
    """Return so many constants from 1 to 6, evenly spaced: (number,)."""
    return torch.linspace(1, 6, number, dtype=torch.float64) if number > 1 else torch.ones(1)


def memory_shapes(mixing, convolution, d, n_head):
    """Return {name: shape} of the matrices that a memory has beside wq, wk, wv and wo."""
    rows = {"gated-linear-attention": {"wa": n_head}, "rwkv": {"wa": d},
            "delta-rule": {"wb": n_head}, "gated-delta-rule": {"wa": n_head, "wb": n_head}}
    shapes = {name: (number, d) for name, number in rows.get(mixing, {}).items()}
    if convolution:
        shapes.update(dict.fromkeys(("conv_q", "conv_k", "conv_v"), (d, TAPS)))
    return shapes


def full(x):
    """Return x in single precision, or in double where it is."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def unit(x):
    """Return x scaled to length 1 along its last dimension."""
    return x * torch.rsqrt(x.square().sum(-1, keepdim=True) + 1e-8)


def positive(x):
    """Return elu(x) + 1, linear attention's φ."""
    return F.elu(x) + 1


def short_convolution(x, taps):
    """Return x_t + the sum over j of taps[:, j] x_(t - j): (B, L, d), (d, TAPS) -> (B, L, d)."""
    out = x
    for j in range(TAPS):
        out = out + F.pad(x, (0, 0, j, 0))[:, :x.shape[1]] * taps[:, j]
    return out


# ---- a matrix as memory --------------------------------------------------------------------------
def chunked(x, size):
    """Return x in chunks, zeros after its end: (B, H, L, e) -> (B, H, n, size, e)."""
    return F.pad(x, (0, 0, 0, -x.shape[2] % size)).unflatten(2, (-1, size))


def joined(x, length):
    """Return chunks as one text again: (B, H, n, C, e) -> (B, H, length, e)."""
    return x.flatten(2, 3)[:, :, :length]


def carried(fading, added):
    """Return the memory before each chunk: S_(n+1) = fading_n S_n + added_n, S_0 = 0.

    fading: (B, H, n, e or 1, 1), added: (B, H, n, e, f) -> the same.
    """
    S = torch.zeros_like(added[:, :, 0])
    before = [S]
    for n in range(added.shape[2] - 1):
        S = fading[:, :, n] * S + added[:, :, n]
        before.append(S)
    return torch.stack(before, 2)


def from_to(later, earlier, diagonal):
    """Return e to (later_t - earlier_s), 0 above the diagonal: (..., C, e) -> (..., C, C, e)."""
    C = later.shape[-2]
    seen = torch.ones(C, C, dtype=torch.bool, device=later.device).tril(diagonal)[..., None]
    difference = later[..., :, None, :] - earlier[..., None, :, :]
    return difference.masked_fill(~seen, float("-inf")).exp()


def remember(q, k, v, log_decay):
    """Return what q_t reads of S_t = a_t S_(t-1) + k_t v_tᵀ at each t: (B, H, L, f).

    q, k: (B, H, L, e), v: (B, H, L, f), log_decay: log a, (B, H, L, 1).
    """
    length = q.shape[2]
    q, k, v, log_decay = [chunked(x, CHUNK) for x in (q, k, v, log_decay)]
    passed = log_decay.cumsum(-2)
    scores = (q @ k.mT) * from_to(passed, passed, 0)[..., 0]
    last = passed[..., -1:, :]
    added = (k * (last - passed).exp()).mT @ v
    before = carried(last.exp(), full(added))
    return joined(scores @ v + (q * passed.exp()) @ before, length)


def remember_rows(q, k, v, log_decay):
    """Return what q_t reads of S_(t-1) + k_t v_tᵀ where S_t = diag(a_t) S_(t-1) + k_t v_tᵀ.

    Shapes as in remember, but log_decay: (B, H, L, e).
    """
    length = q.shape[2]
    q, k, v, log_decay = [chunked(x, FEW) for x in (q, k, v, log_decay)]
    passed = log_decay.cumsum(-2)
    until = passed - log_decay  # what has faded when q reads
    scores = (q[..., :, None, :] * k[..., None, :, :] * from_to(until, passed, -1)).sum(-1)
    last = passed[..., -1:, :]
    added = (k * (last - passed).exp()).mT @ v
    before = carried(last.exp().mT, full(added))
    present = (q * k).sum(-1, keepdim=True) * v
    return joined(scores @ v + present + (q * until.exp()) @ before, length)


class UnitInverse(torch.autograd.Function):
    """(I + A)⁻¹ of a matrix A that is 0 on and above its diagonal: (..., C, C), C a power of 2.

    Two inverted blocks make one of twice the size: the inverse of [[a, 0], [c, b]] has -b⁻¹ c a⁻¹
    in c's place. That is as safe as forward substitution, which a sum of A's powers is not.
    """

    @staticmethod
    def forward(ctx, A):
        C = A.shape[-1]
        inverse = torch.ones_like(A.diagonal(dim1=-2, dim2=-1))[..., None, None]
        size = 1
        while size < C:
            blocks = A.unflatten(-1, (-1, 2 * size)).unflatten(-3, (-1, 2 * size))
            c = blocks.diagonal(dim1=-4, dim2=-2).movedim(-1, -3)[..., size:, :size]
            a, b = inverse[..., 0::2, :, :], inverse[..., 1::2, :, :]
            upper = torch.cat([a, torch.zeros_like(a)], -1)
            inverse = torch.cat([upper, torch.cat([-(b @ c) @ a, b], -1)], -2)
            size *= 2
        inverse = inverse.squeeze(-3)
        ctx.save_for_backward(inverse)
        return inverse

    @staticmethod
    def backward(ctx, slope):
        inverse, = ctx.saved_tensors
        return -(inverse.mT @ slope @ inverse.mT).tril(-1)


def correct(q, k, v, log_decay, rate):
    """Return what q_t reads of S_t = a_t S_(t-1) + b_t k_t (v_t - a_t S_(t-1)ᵀ k_t)ᵀ.

    Shapes as in remember; rate: b, (B, H, L, 1). Within a chunk S_t is a sum of k_s u_sᵀ that
    fades, and each u depends on the earlier ones: (I + A) U = b V - b a K S, A being
    b_t (k_t · k_s) for s < t, faded. Yang et al. 2024, arXiv:2406.06484; Yang, Kautz and
    Hatamizadeh 2024, arXiv:2412.06464.
    """
    length = q.shape[2]
    q, k, v, log_decay, rate = [chunked(x, CHUNK) for x in (q, k, v, log_decay, rate)]
    passed = log_decay.cumsum(-2)
    faded = from_to(passed, passed, 0)[..., 0]
    scores = (q @ k.mT) * faded
    with torch.autocast(q.device.type, enabled=False):
        inverse = UnitInverse.apply((rate * (full(k) @ full(k).mT) * faded).tril(-1))
        values = inverse @ (rate * full(v))
        keys = inverse @ (rate * passed.exp() * full(k))
    q = q * passed.exp()
    last = passed[..., -1:, :]
    k = (k * (last - passed).exp()).mT
    S = torch.zeros_like(full(k[:, :, 0] @ v[:, :, 0]))
    out = []
    for n in range(q.shape[2]):
        u = values[:, :, n] - keys[:, :, n] @ S
        out.append(scores[:, :, n] @ u + q[:, :, n] @ S)
        S = last[:, :, n].exp() * S + k[:, :, n] @ u
    return joined(torch.stack(out, 2), length)


def recall(mixing, q, k, v, decay, rate, remember=remember, correct=correct):
    """Return what a memory's heads read: (B, H, L, e) each -> (B, H, L, e).

    decay: the scores of wa with their constants, (B, H, L, 1), or (B, H, L, e) for "rwkv"; rate:
    those of wb; None where the memory has none. large.bench passes other ways to remember and
    to correct.
    """
    if mixing == "linear-attention":
        v = torch.cat([v, torch.ones_like(v[..., :1])], -1)
        read = full(remember(positive(q), positive(k), v, torch.zeros_like(full(q[..., :1]))))
        return read[..., :-1] / read[..., -1:]
    if mixing == "rwkv":
        read = remember_rows(full(q), full(k), full(v), -(-full(decay)).exp())
    elif mixing == "gated-linear-attention":
        read = remember(q, k, v, F.logsigmoid(full(decay)))
    else:
        q, k = [unit(F.silu(full(x))) for x in (q, k)]
        rate = full(rate).sigmoid()
        log_decay = torch.zeros_like(rate) if decay is None else F.logsigmoid(full(decay))
        read = correct(q, k, F.silu(v), log_decay, rate)
    read = full(read)
    return F.rms_norm(read, read.shape[-1:], eps=1e-5)


# ---- a vector as memory --------------------------------------------------------------------------
def doubling(a, b):
    """Return h with h_t = a_t h_(t-1) + b_t: (B, L, d) twice -> the same.

    After each round b_t is the sum over twice as many positions, a_t what has faded over them.
    """
    reach = 1
    while reach < b.shape[1]:
        earlier = [F.pad(x, (0, 0, reach, 0))[:, :x.shape[1]] for x in (a, b)]
        b = b + a * earlier[1]
        a = a * earlier[0]
        reach *= 2
    return b


class Recurrence(torch.autograd.Function):
    """h_t = a_t h_(t-1) + b_t; its gradient is the same recurrence, backwards in time."""

    @staticmethod
    def forward(ctx, a, b):
        h = doubling(a, b)
        ctx.save_for_backward(a, h)
        return h

    @staticmethod
    def backward(ctx, slope):
        a, h = ctx.saved_tensors
        next_a = F.pad(a, (0, 0, 0, 1))[:, 1:]
        whole = doubling(next_a.flip(1), slope.flip(1)).flip(1)
        return whole * F.pad(h, (0, 0, 1, 0))[:, :-1], whole


def gated_recurrence(score, new):
    """Return h_t = (1 - z) h_(t-1) + z new, z = sigmoid(score): (B, L, d) twice -> the same."""
    z = score.sigmoid()
    return Recurrence.apply(1 - z, z * full(new))


# ---- sums that fade at learned rates -------------------------------------------------------------
def decayed_sums(z, scores):
    """Return the sums of the z before t, z_(t-1) in full: S_t = a S_(t-1) + z_(t-1).

    z: (B, L, r), scores: (N,), whose sigmoids are a -> a list of N sums, (B, L, r) each.
    """
    size = 2 * CHUNK
    length = z.shape[1]
    with torch.autocast(z.device.type, enabled=False):
        log_rate = F.logsigmoid(full(scores))  # (N,)
        places = torch.arange(size, device=z.device, dtype=log_rate.dtype)
        weights = from_to(places[:, None] * log_rate, places[:, None] * log_rate, 0)  # (C, C, N)
        z = chunked(F.pad(z, (0, 0, 1, 0))[:, None, :length], size)  # (B, 1, n, C, r)
        within = weights.permute(2, 0, 1)[:, None] @ z  # (B, N, n, C, r)
        added = within[..., -1:, :]
        fading = (size * log_rate).exp()[:, None, None].expand(*added.shape[:3], 1)[..., None]
        before = carried(fading, added)
        later = ((places + 1)[:, None] * log_rate).exp().T[:, None, :, None]  # (N, 1, C, 1)
        return list(joined(within + later * before, length).unbind(1))
