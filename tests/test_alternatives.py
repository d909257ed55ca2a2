"""alternatives.py: each layer against another way to compute it, and what it keeps."""
import math
import random
import unittest
from importlib.util import find_spec

import alternatives
import beyond
import inside
from tests.helpers import flat, needs_torch, numbers, slow

if find_spec("torch"):
    import torch

D = 6
LENGTH = 7


def run(name, **sizes):
    """Return (the layer's weights as plain numbers, its inputs, what mix returned for each)."""
    model = beyond.mixer(name)
    config = beyond.configure(name, 5, n_embd=D, n_head=2, r=3, window=(1, 2, 4), **sizes)
    rng = random.Random(3)
    params = model.init_params(config, rng)
    for weight in flat(params):
        weight.data *= 8
    xs = [[rng.gauss(0, 1) for _ in range(D)] for _ in range(LENGTH)]
    past = []
    out = [numbers(model.mix([model.Value(v) for v in x], "layer0", past, params, config))
           for x in xs]
    weights = {key.split(".")[1]: [numbers(row) for row in matrix]
               for key, matrix in params.items() if "." in key}
    return weights, xs, out


def times(matrix, x):
    """Return matrix @ x."""
    return [sum(a * b for a, b in zip(row, x)) for row in matrix]


def dot(u, v):
    """Return the dot product."""
    return sum(a * b for a, b in zip(u, v))


def sigmoid(x):
    """Return 1 / (1 + exp(-x))."""
    return 1 / (1 + math.exp(-x))


def silu(v):
    """Return x times its sigmoid, for each x."""
    return [x * sigmoid(x) for x in v]


def unit(v):
    """Return v with length 1."""
    return [x / math.sqrt(dot(v, v) + 1e-8) for x in v]


def rmsnorm(v):
    """Return v divided by the root of its mean square."""
    return [x / math.sqrt(dot(v, v) / len(v) + 1e-5) for x in v]


def weighted(weights, vectors):
    """Return the sum of weight times vector."""
    return [sum(w * v[i] for w, v in zip(weights, vectors)) for i in range(len(vectors[0]))]


def convolved(vectors, taps):
    """Return each x_t + sum of taps[j] x_(t - j), number by number."""
    return [[x + sum(taps[i][j] * vectors[t - j][i] for j in range(4) if j <= t)
             for i, x in enumerate(vector)] for t, vector in enumerate(vectors)]


class Unrolled(unittest.TestCase):
    """Each position from scratch: sums over the whole past, no state handed on."""

    def check(self, name, head):
        """Compare a layer of heads; head(q, k, v, gates, t, n) is what head n puts out at t."""
        weights, xs, out = run(name)
        found = {key: [times(weights[f"w{key}"], x) for x in xs] for key in "qkv"}
        if "conv_q" in weights:
            found = {key: convolved(mine, weights[f"conv_{key}"]) for key, mine in found.items()}
        gates = {key: [times(weights[key], x) for x in xs] for key in ("wa", "wb")
                 if key in weights}
        for t in range(LENGTH):
            heads = []
            for n in (0, 1):
                part = slice(3 * n, 3 * n + 3)
                q, k, v = [[vector[part] for vector in found[key]] for key in "qkv"]
                heads += head(q, k, v, gates, t, n)
            for mine, theirs in zip(times(weights["wo"], heads), out[t]):
                self.assertAlmostEqual(mine, theirs, 9, name)

    def test_linear_attention(self):
        """As a matrix of weights with nothing above the diagonal, each row divided by its sum."""
        def positive(v):
            return [x + 1 if x > 0 else math.exp(x) for x in v]

        def head(q, k, v, gates, t, n):
            scores = [dot(positive(q[t]), positive(k[s])) for s in range(t + 1)]
            return [x / sum(scores) for x in weighted(scores, v[:t + 1])]
        self.check("linear attention", head)
        self.check("linear attention with convolution", head)

    def test_gated_linear_attention(self):
        """A pair's score times all decays between the two."""
        def head(q, k, v, gates, t, n):
            decays = [sigmoid(a[n] + (1, 6)[n]) for a in gates["wa"]]
            scores = [dot(q[t], k[s]) * math.prod(decays[s + 1:t + 1]) for s in range(t + 1)]
            return rmsnorm(weighted(scores, v[:t + 1]))
        self.check("gated linear attention", head)
        self.check("gated linear attention with convolution", head)

    def test_rwkv(self):
        """Each row of the key fades by itself; the present counts as it is."""
        def head(q, k, v, gates, t, n):
            scores = []
            for s in range(t + 1):
                score = 0.0
                for i in range(3):
                    rows = [math.exp(-math.exp(-a[3 * n + i] - 1 - 5 * (3 * n + i) / (D - 1)))
                            for a in gates["wa"]]
                    score += q[t][i] * k[s][i] * math.prod(rows[s + 1:t])
                scores.append(score)
            return rmsnorm(weighted(scores, v[:t + 1]))
        self.check("RWKV", head)

    def test_delta_rules(self):
        """What was written at s, seen through the product of all later a (I - b k kᵀ)."""
        def head(q, k, v, gates, t, n, gated):
            k = [unit(silu(vector)) for vector in k]
            rates = [sigmoid(b[n]) for b in gates["wb"]]
            decays = [sigmoid(a[n] + (1, 6)[n]) if gated else 1.0
                      for a in gates.get("wa", [[0, 0]] * LENGTH)]
            scores = []
            for s in range(t + 1):
                seen = unit(silu(q[t]))
                for j in range(t, s, -1):
                    along = rates[j] * dot(k[j], seen)
                    seen = [decays[j] * (x - along * k_i) for x, k_i in zip(seen, k[j])]
                scores.append(rates[s] * dot(seen, k[s]))
            return rmsnorm(weighted(scores, [silu(vector) for vector in v[:t + 1]]))
        self.check("delta rule", lambda *args: head(*args, gated=False))
        self.check("gated delta rule", lambda *args: head(*args, gated=True))
        self.check("gated delta rule with convolution", lambda *args: head(*args, gated=True))

    def test_convolved_attention(self):
        def head(q, k, v, gates, t, n):
            odds = [math.exp(dot(q[t], k[s]) / math.sqrt(3)) for s in range(t + 1)]
            return [x / sum(odds) for x in weighted(odds, v[:t + 1])]
        self.check("attention with convolution", head)

    def test_gated_recurrence(self):
        """Each new value times what all later gates let through."""
        weights, xs, out = run("gated recurrence")
        z = [[sigmoid(score - 1) for score in times(weights["wz"], x)] for x in xs]
        new = [times(weights["wh"], x) for x in xs]
        for t, x in enumerate(xs):
            h = [sum(z[s][i] * new[s][i] * math.prod(1 - z[j][i] for j in range(s + 1, t + 1))
                     for s in range(t + 1)) for i in range(D)]
            opened = silu(times(weights["wg"], x))
            expected = times(weights["wo"], [a * b for a, b in zip(h, opened)])
            for mine, theirs in zip(expected, out[t]):
                self.assertAlmostEqual(mine, theirs, 9)

    def test_convolved_recurrence(self):
        """The recurrence of what a convolution of four taps makes of x."""
        weights, xs, out = run("gated recurrence with convolution")
        ys = [[x[i] + sum(weights["conv_x"][i][j] * xs[t - j][i] for j in range(min(4, t + 1)))
               for i in range(D)] for t, x in enumerate(xs)]
        h = [0.0] * D
        for t, y in enumerate(ys):
            z = [sigmoid(score - 1) for score in times(weights["wz"], y)]
            h = [(1 - a) * b + a * c for a, b, c in zip(z, h, times(weights["wh"], y))]
            opened = silu(times(weights["wg"], y))
            expected = times(weights["wo"], [a * b for a, b in zip(h, opened)])
            for mine, theirs in zip(expected, out[t]):
                self.assertAlmostEqual(mine, theirs, 9)


class PartnersOfOtherKinds(unittest.TestCase):
    """Decayed sums and attention's averages, as states and as planes."""

    def check(self, name, partners_at):
        """Compare; partners_at(weights, xs, z, t) are the partners' vectors at t."""
        weights, xs, out = run(name)
        z = [times(weights["W_red"], x) for x in xs]
        for t, x in enumerate(xs):
            partners = partners_at(weights, xs, z, t)
            features = [] if name.startswith("planes") else list(z[t])
            for state in partners:
                if name.startswith("planes"):
                    u = z[t]
                    state = [u[i] * state[j] - u[j] * state[i] for i, j in ((0, 1), (0, 2), (1, 2))]
                    state = unit(state)
                features += state
            g = times(weights["W_plu"], features)
            scores = zip(times(weights["W_gate_h"], x), times(weights["W_gate_g"], g))
            alpha = [sigmoid(a + b) for a, b in scores]
            for a, x_i, g_i, theirs in zip(alpha, x, g, out[t]):
                self.assertAlmostEqual(a * x_i + (1 - a) * g_i, theirs, 9, name)

    def test_decayed_sums(self):
        def sums(weights, xs, z, t):
            rates = [sigmoid(w + c) for [w], c in zip(weights["W_rate"], (1, 3.5, 6))]
            return [weighted([rate ** (t - 1 - s) for s in range(t)], z[:t]) if t else [0.0] * 3
                    for rate in rates]
        self.check("decayed sums", sums)
        self.check("planes of decayed sums", sums)

    def test_attended_states(self):
        def averages(weights, xs, z, t):
            out = []
            for n in (0, 1):
                rows = slice(3 * n, 3 * n + 3)
                q = times(weights["wq"][rows], xs[t])
                odds = [math.exp(dot(q, times(weights["wk"][rows], x)) / math.sqrt(3))
                        for x in xs[:t + 1]]
                out.append(weighted([o / sum(odds) for o in odds], z[:t + 1]))
            return out
        self.check("attended states", averages)
        self.check("planes of attended states", averages)


class Kept(unittest.TestCase):
    def test_state_size(self):
        """Of layers that drop what they don't need, the numbers in past; for all, a window's."""
        for name in alternatives.MAKERS:
            model = beyond.mixer(name)
            config = beyond.configure(name, 5, n_embd=D, n_head=2, r=3, window=(1, 2, 4))
            params = model.init_params(config, random.Random(3))
            past = []
            for t in range(9):
                model.mix([model.Value(0.1 * t + i) for i in range(D)], "layer0", past, params,
                          config)
            kept = count(past)
            if name.endswith("convolution"):
                # Without the present's q, k, v or x: the next token needs three of the four.
                kept -= D if "recurrence" in name else 3 * D
            self.assertEqual(alternatives.state_size(name, config, 9), kept, name)

    def test_one_offset(self):
        """The first layer of a schedule reaches back by the first offset only."""
        name = "Grassmann, one offset a layer"
        config = beyond.configure(name, 5, r=3, window=(2, 5))
        self.assertEqual(alternatives.state_size(name, config, 9), 6)

    def test_windows(self):
        """A layer with a window goes on as it would when all that is older is dropped."""
        for name, number in (("Grassmann", 12), ("attention, same offsets", 48),
                             ("linear map", 12), ("planes apart", 12)):
            model = beyond.mixer(name)
            config = beyond.configure(name, 5, n_embd=D, n_head=2, r=3, window=(1, 2, 4))
            params = model.init_params(config, random.Random(3))
            x = [model.Value(0.3 * i) for i in range(D)]
            past = []
            for t in range(9):
                model.mix([model.Value(0.1 * t + i) for i in range(D)], "layer0", past, params,
                          config)
            short = past[-4:]
            self.assertEqual(count(short), number)
            self.assertEqual(alternatives.state_size(name, config, 9), number)
            self.assertEqual(numbers(model.mix(x, "layer0", short, params, config)),
                             numbers(model.mix(x, "layer0", past, params, config)))


def count(kept):
    """Return how many Values are in nested lists."""
    return sum(map(count, kept)) if isinstance(kept, (list, tuple)) else 1


class Leaks(unittest.TestCase):
    @slow
    def test_none_here(self):
        """No mixer lets a later token move an earlier logit, and each reads the past at all."""
        for name in beyond.MAKERS:
            model = beyond.mixer(name)
            config = beyond.configure(name, 5, n_embd=4, n_head=2, r=3, window=(1, 2), n_layer=2)
            params = model.init_params(config, random.Random(2))
            for weight in flat(params):
                weight.data *= 8
            read = inside.reader(model, params, config)
            self.assertEqual(inside.leaks(read, [0, 3, 1, 4, 2], 5), [], name)
            self.assertNotEqual(read([0, 3, 1, 4, 2])[4], read([0, 3, 1, 0, 2])[4], name)

    @needs_torch
    def test_of_a_model_that_takes_all_at_once(self):
        """In large/; a text read from its end leaks everywhere."""
        from large import model as large

        for mixing in ("attention", "grassmann", "gated-delta-rule", "decayed-sums"):
            model = large.Model(large.Config(5, mixing, 8, 1, 6, std=0.5), 1).double()

            def read(tokens, model=model):
                return model(torch.tensor([tokens]))[0].tolist()
            tokens = [0, 3, 1, 4, 2]
            self.assertEqual(inside.leaks(read, tokens, 5, 1e-12), [], mixing)
            backwards = inside.leaks(lambda tokens, read=read: read(tokens[::-1])[::-1], tokens, 5)
            self.assertGreater(len(backwards), 5)

    def test_a_leak_is_found(self):
        """A mean over the whole text; a tiny one; one place that peeks; nan."""
        def mean(tokens):
            return [[token - sum(tokens) / len(tokens)] for token in tokens]

        def peek(tokens):
            return [[token, tokens[3]] if s == 1 else [token, 0] for s, token in enumerate(tokens)]

        tokens = [0, 1, 2, 3]
        every = [(t, s) for t in range(4) for s in range(t)]
        self.assertEqual(inside.leaks(mean, tokens, 9), every)
        self.assertEqual(inside.leaks(lambda x: [[1e-12 * v for v in row] for row in mean(x)],
                                      tokens, 9), every)
        self.assertEqual(inside.leaks(peek, tokens, 9), [(3, 1)])
        self.assertEqual(inside.leaks(lambda x: [[math.nan]] * 4, tokens, 9), every)
        self.assertEqual(inside.leaks(mean, tokens, 9, tolerance=3), [])
