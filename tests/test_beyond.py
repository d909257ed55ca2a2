"""beyond.py, alternatives.py: every layer's gradients, what it sees, costs and equals."""
import math
import random
import unittest
from importlib.util import find_spec

import beyond
import inside
import micro_grassmann
from tests.helpers import flat, needs_torch, numbers, set_up, slow

if find_spec("torch"):
    import torch

WORDS = ["abcab", "bca", "cabbage", "bead", "cafe", "deaf", "face", "fade", "ace", "dab"]
SIZES = {"attention": 4192, "attention, same offsets": 4192, "Grassmann": 3840, "folded": 3840,
         "linear map": 4192, "mean of states": 3808, "planes apart": 4320,
         "planes apart, lengths kept": 4320, "elementwise product": 3808, "W_red frozen": 3840,
         "running sum": 3824, "running sum, normalised": 3824, "sum without planes": 3872,
         "planes apart, shuffled": 4320, "weighted planes": 3846, "linear map and planes": 4768,
         "products apart": 4128, "Grassmann, one offset a layer": 3840,
         "linear map, one offset a layer": 3872, "lengths kept, one offset a layer": 3840,
         "linear attention": 4192, "gated linear attention": 4256, "RWKV": 4448,
         "delta rule": 4256, "gated delta rule": 4320, "gated recurrence": 4192,
         "gated recurrence with convolution": 4256, "products of halves": 3776,
         "decayed sums": 4198, "planes of decayed sums": 4326,
         "attended states": 4576, "planes of attended states": 4640,
         "attention with convolution": 4384, "linear attention with convolution": 4384,
         "gated linear attention with convolution": 4448, "RWKV with convolution": 4640,
         "delta rule with convolution": 4448, "gated delta rule with convolution": 4512}
NEARBY = {"attention, same offsets", "Grassmann", "folded", "linear map", "mean of states",
          "planes apart", "planes apart, lengths kept", "elementwise product", "W_red frozen",
          "planes apart, shuffled", "weighted planes", "linear map and planes", "products apart",
          "products of halves"}
QUADRATIC = {"attention", "attention with convolution", "attended states",
             "planes of attended states"}


def small(name, window=(1, 2, 4), scale=4, **sizes):
    """Return (model, config, params, tokens) of a small model with large weights."""
    model = beyond.mixer(name)
    vocab = model.make_vocab(WORDS)
    sizes = {"n_embd": 6, "block_size": 10, **sizes}
    config = beyond.configure(name, len(vocab) + 1, window=window, n_head=2, **sizes)
    params = model.init_params(config, random.Random(5))
    for weight in flat(params):
        weight.data *= scale
    return model, config, params, model.tokenize(WORDS[2], vocab)


def loss_of(model, config, params, tokens):
    """Return the mean loss of a document as a Value."""
    return model.mean(model.token_losses(tokens, params, config))


class Every(unittest.TestCase):
    """What holds for each of them."""

    def test_gradients(self):
        """Against differences in random directions, of all weights at once."""
        for name in beyond.MAKERS:
            model, config, params, tokens = small(name)
            weights = flat(params)
            loss_of(model, config, params, tokens).backward()
            rng = random.Random(7)
            for _ in range(2):
                direction = [rng.gauss(0, 1) for _ in weights]
                slope = sum(w.grad * d for w, d in zip(weights, direction))
                values = []
                for shift in (1e-5, -1e-5):
                    start = [w.data for w in weights]
                    for w, d in zip(weights, direction):
                        w.data += shift * d
                    values.append(loss_of(model, config, params, tokens).data)
                    for w, data in zip(weights, start):
                        w.data = data
                with self.subTest(name=name):
                    self.assertAlmostEqual(slope, (values[0] - values[1]) / 2e-5,
                                           delta=1e-5 * max(1, abs(slope)))

    def test_causal_and_reach(self):
        """A later token changes nothing before; an earlier one what the layer looks at."""
        for name in beyond.MAKERS:
            model, config, params, _ = small(name)
            tokens = [0, 1, 2, 3, 4, 5, 1, 0]
            read = inside.reader(model, params, config)
            before = read(tokens)
            reach = []
            for t in range(8):
                changed = [*tokens[:t], (tokens[t] + 1) % 6, *tokens[t + 1:]]
                after = read(changed)
                self.assertEqual(after[:t], before[:t])
                if t < 7 and after[7] != before[7]:
                    reach.append(7 - t)
            with self.subTest(name=name):
                expected = [1, 2, 4] if name in NEARBY else [*range(1, 8)]
                if name.endswith("one offset a layer"):
                    expected = [1]
                self.assertEqual(sorted(reach), expected)

    def test_number_of_weights(self):
        for name in beyond.MAKERS:
            model = beyond.mixer(name)
            size = len(flat(model.init_params(beyond.configure(name, 27), random.Random(1))))
            self.assertEqual(size, SIZES[name])
            self.assertLess(abs(size / 4192 - 1), 0.14)  # of attention's

    def test_cost_is_linear(self):
        """As many Values for each further position, for all but full attention."""
        for name in beyond.MAKERS:
            model, config, params, _ = small(name, window=(1, 2), block_size=40)
            made = []
            for length in (4, 8, 12):
                with inside.watch(model.Value, "__init__") as calls:
                    past = []
                    for _ in range(length):
                        x = [model.Value(0.1 * i) for i in range(6)]
                        model.mix(x, "layer0", past, params, config)
                made.append(len(calls))
            with self.subTest(name=name):
                (self.assertGreater if name in QUADRATIC else self.assertEqual)(
                    made[2] - made[1], made[1] - made[0])

    @slow
    def test_one_step_of_training(self):
        """Each learns one document by heart, more or less."""
        for name in beyond.MAKERS:
            model, config, params, tokens = small(name, scale=1)
            losses = list(model.train([tokens[:4]], params, config, 25))
            self.assertLess(losses[-1], 0.6 * losses[0], name)


class Fold(unittest.TestCase):
    """The folded loop is the same function."""

    def test_values_and_gradients(self):
        for window in ((1, 2, 4), (1,), (), (20,)):
            results = []
            for name in ("Grassmann", "folded"):
                model, config, params, tokens = small(name, window=window, n_layer=2, r=5)
                loss = loss_of(model, config, params, tokens)
                loss.backward()
                results.append([loss.data, *[w.grad for w in flat(params)]])
            for loop, folded in zip(*results):
                self.assertAlmostEqual(loop, folded, 8)

    def test_nearly_parallel(self):
        """Lagrange's identity cancels: the error stays small against the 1e-8 that is added."""
        model = beyond.mixer("folded")
        for power in range(9):
            sine = 10.0 ** -power
            u = (model.Value(1.0), model.Value(0.0))
            v = (model.Value(math.sqrt(1 - sine ** 2)), model.Value(sine))
            exact = sine / math.sqrt(sine ** 2 + 1e-8)
            [folded] = numbers(model.plucker(u, beyond.fold(model, u, [v])))
            self.assertLess(abs(folded / exact - 1), 1e-7)


class Controls(unittest.TestCase):
    def test_mean_cannot_tell_offsets_apart(self):
        """Two pasts with the partners swapped: one mean, but two stacks."""
        for name, same in (("Grassmann", True), ("mean of states", True),
                           ("elementwise product", True), ("linear map", False),
                           ("planes apart", False), ("planes apart, lengths kept", False),
                           ("linear map and planes", False), ("products apart", False)):
            model, config, _, _ = small(name, window=(1, 2), r=3)
            a, b, now = ([model.Value(x) for x in xs] for xs in ((1, 2, 3), (3, -1, 1), (1, 1, 0)))
            one = numbers(model.mean_plane([a, b, now], config))
            two = numbers(model.mean_plane([b, a, now], config))
            gap = max(abs(x - y) for x, y in zip(one, two))
            self.assertEqual(gap < 1e-12, same, name)

    def test_one_offset_a_layer(self):
        """Layer n looks back by the n-th offset: together they reach the sums of some of them."""
        for name in ("Grassmann, one offset a layer", "linear map, one offset a layer"):
            model, config, params, _ = small(name, window=(1, 3), n_layer=2)
            ends = []
            for changed in range(8):
                tokens = [0, 1, 2, 3, 4, 5, 1, 0]
                tokens[changed] = (tokens[changed] + 1) % 6
                ends.append(inside.reader(model, params, config)(tokens)[-1])
            base = max(ends, key=ends.count)
            reach = [7 - t for t, end in enumerate(ends) if end != base]
            self.assertEqual(reach, [4, 3, 1, 0])

    def test_one_offset_a_layer_in_one_layer(self):
        """With one offset in the window and one layer, the paper's layer and planes apart."""
        losses = []
        for name in ("Grassmann, one offset a layer", "Grassmann", "planes apart"):
            model, config, params, tokens = small(name, window=(2,))
            losses.append(loss_of(model, config, params, tokens).data)
        self.assertEqual(losses[0], losses[1])
        self.assertAlmostEqual(losses[0], losses[2], 12)

    def test_shuffled_planes(self):
        """The planes of stacked_planes, block by block in another order, not always the same."""
        model, config, _, _ = small("planes apart, shuffled", r=2)
        rng = random.Random(3)
        past = [[model.Value(rng.gauss(0, 1)) for _ in range(2)] for _ in range(30)]
        orders = set()
        for t in range(5, 30):
            shuffled = numbers(beyond.shuffled_planes(model, past[:t], config))
            straight = numbers(beyond.stacked_planes(model, past[:t], config))
            self.assertEqual(sorted(shuffled), sorted(straight))
            orders.add(tuple(straight.index(p) for p in shuffled))
        self.assertGreater(len(orders), 3)

    def test_frozen(self):
        model, config, params, tokens = small("W_red frozen")
        before = [w.data for w in flat({"W": params["layer0.W_red"]})]
        others = [w.data for w in flat({"W": params["layer0.W_plu"]})]
        list(model.train([tokens], params, config, 3))
        self.assertEqual([w.data for w in flat({"W": params["layer0.W_red"]})], before)
        self.assertNotEqual([w.data for w in flat({"W": params["layer0.W_plu"]})], others)

    def test_count_survives_unit_length(self):
        """For r = 3 and more: n can be read off the unit plane of (1, 1, 0) and (n, 0, 1)."""
        model = micro_grassmann
        for n in (-3, 0, 1, 7, 40):
            u = [model.Value(x) for x in (1, 1, 0)]
            v = [model.Value(x) for x in (n, 0, 1)]
            p01, p02, _ = numbers(model.unit_plucker(u, v))
            self.assertAlmostEqual(-p01 / p02, n)

    def test_what_a_plane_does_not_see(self):
        """v + c u spans the same plane with u as v does; swapped or turned, p changes sign."""
        model = micro_grassmann
        u, v, moved, turned = [[model.Value(x) for x in vector] for vector in (
            (2, 1, -1, 3), (1, 0, 4, -2), (1 - 5 * 2, -5, 4 + 5, -2 - 15), (-1, 0, -4, 2))]
        p = numbers(model.plucker(u, v))
        self.assertEqual(numbers(model.plucker(u, moved)), p)
        self.assertEqual(numbers(model.plucker(v, u)), [-p_ij for p_ij in p])
        self.assertEqual(numbers(model.plucker(u, turned)), [-p_ij for p_ij in p])
        self.assertNotEqual(numbers(model.plucker(moved, v)), p)

    def test_originals_stay(self):
        """A variant changes its own copy only."""
        model = beyond.mixer("linear map")
        self.assertIsNot(model.mean_plane, micro_grassmann.mean_plane)
        self.assertEqual(micro_grassmann.mean_plane.__module__, "micro_grassmann")

    @needs_torch
    def test_linear_map_is_a_dilated_convolution(self):
        """W_plu's blocks as one kernel each of conv1d, padded so that none looks ahead."""
        model, config, params, tokens = small("linear map")
        with inside.watch(model, "mean_plane") as calls:
            loss_of(model, config, params, tokens)
        z = torch.tensor([numbers(call.args[0][t]) for t, call in enumerate(calls)]).double().T
        W = torch.tensor([numbers(row) for row in params["layer0.W_plu"]]).double()
        blocks = W.split(config.r, dim=1)
        g = torch.zeros(config.n_embd, z.shape[1]).double()
        for offset, block in zip((0, *config.window), blocks):
            shifted = torch.nn.functional.pad(z, (offset, 0))[:, :z.shape[1]]
            g += torch.nn.functional.conv1d(shifted[None], block[:, :, None])[0]
        for t, call in enumerate(calls):
            mine = numbers(model.linear(call.result, params["layer0.W_plu"]))
            for x, y in zip(mine, g[:, t].tolist()):
                self.assertAlmostEqual(x, y, 6)


class Variants(unittest.TestCase):
    def test_grassmann_is_the_file(self):
        self.assertIs(beyond.mixer("Grassmann"), micro_grassmann)
        run = set_up(micro_grassmann, WORDS)
        self.assertEqual(beyond.configure("Grassmann", len(run.vocab) + 1), run.config)
