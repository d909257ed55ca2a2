"""Both models against recorded losses, published figures and, where it is installed, PyTorch.

`python3 -m tests.test_models --record` writes losses.json anew: do so only where the model, its
defaults or input.txt were meant to change.
"""
import functools
import gc
import io
import itertools
import json
import math
import os
import random
import sys
import tempfile
import time
import unittest
from importlib.util import find_spec
from pathlib import Path
from unittest import mock

from tests.helpers import CLEAN, GPT, INPUT, PAIR, ROOT, flat, gap, numbers, set_up, slow

LOSSES = Path(__file__).with_name("losses.json")
PUBLISHED = Path(os.environ.get("MICROGRASSMANN_NAMES") or ROOT.parent / "shared/data/names.txt")
published = unittest.skipUnless(PUBLISHED.exists(), "needs makemore's names.txt, 32,033 names: "
                                "give its path in MICROGRASSMANN_NAMES")
TEN_NAMES = ["kamon", "ann", "karai", "jaire", "vialan", "karia", "yeran", "anna", "areli", "kaina"]
WORDS = ["ada", "bo", "cleo", "dag", "elisabeth", "fay", "gwen", "hal", "ida", "jo", "kim", "ned"]
WINDOW = (1, 2, 4, 8, 12, 16)
needs_torch = unittest.skipIf(find_spec("torch") is None, "needs PyTorch")
if find_spec("torch"):
    import torch
    torch.set_num_threads(1)  # the tensors are tiny


def default_run(model, path=INPUT, steps=1000):
    """Return a run at the defaults and its generator of losses."""
    run = set_up(model, model.load_docs(path))
    run.seen, run.unseen = model.split_docs(run.docs, steps)
    run.losses = model.train(run.seen, run.params, run.config, steps)
    return run


@functools.cache
def first_losses(model, steps):
    """Return the losses of the first steps, of 1,000, on input.txt; two tests read them."""
    return list(itertools.islice(default_run(model).losses, steps))


def along(model, run, tokens):
    """Return the logits after each token, as plain numbers."""
    cache = [[] for _ in range(run.config.n_layer)]
    return [numbers(model.forward(token, position, cache, run.params, run.config))
            for position, token in enumerate(tokens)]


def small(model, **changes):
    """Return a run on a few words, its weights large enough to matter."""
    return set_up(model, WORDS, scale=4, **changes)


# ---- the oracle: all positions of a document in one tensor ---------------------------------------


def oracle(tokens, params, config):
    """Return a document's logits, (positions, vocabulary), by its own formulas."""
    def rmsnorm(x):
        return x / (x.square().mean(-1, keepdim=True) + 1e-5).sqrt()

    def attention(x, w):
        q, k, v = [(x @ w[name].T).unflatten(-1, (config.n_head, -1)).transpose(0, 1)
                   for name in ("wq", "wk", "wv")]
        scores = q @ k.transpose(1, 2) / math.sqrt(q.shape[-1])
        future = torch.ones_like(scores).triu(1).bool()
        heads = scores.masked_fill(future, -math.inf).softmax(-1) @ v
        return heads.transpose(0, 1).flatten(1) @ w["wo"].T

    def grassmann(x, w):
        def plucker(past):
            outer = z[:, :, None] * past[:, None]
            return (outer - outer.transpose(1, 2))[:, i, j]

        i, j = torch.triu_indices(config.r, config.r, 1)
        z = x @ w["W_red"].T
        total, partners = plucker(z), torch.zeros(len(x), 1)  # z with itself spans nothing
        for offset in [offset for offset in config.window if offset < len(x)]:
            p = plucker(torch.cat((torch.zeros_like(z[:offset]), z[:-offset])))
            total = total + p / (p.square().sum(-1, keepdim=True) + 1e-8).sqrt()
            partners[offset:] += 1
        g = total / partners.clamp(min=1) @ w["W_plu"].T
        alpha = torch.sigmoid(x @ w["W_gate_h"].T + g @ w["W_gate_g"].T)
        return alpha * x + (1 - alpha) * g

    mix = attention if hasattr(config, "n_head") else grassmann
    x = rmsnorm(params["wte"][tokens] + params["wpe"][:len(tokens)])
    for n in range(config.n_layer):
        w = {name.partition(".")[2]: weight for name, weight in params.items()
             if name.startswith(f"layer{n}.")}
        x = x + mix(rmsnorm(x), w)
        x = x + torch.relu(rmsnorm(x) @ w["fc1"].T) @ w["fc2"].T
    return x @ params["lm_head"].T


def oracle_loss(tokens, params, config):
    """Return the mean cross-entropy of a document, cut to the block."""
    length = min(len(tokens) - 1, config.block_size)
    logits = oracle(tokens[:length], params, config)
    return torch.nn.functional.cross_entropy(logits, torch.tensor(tokens[1:length + 1]))


def tensors(params):
    """Return the weights as tensors in double precision that collect gradients."""
    return {name: torch.tensor([numbers(list(row)) for row in matrix], dtype=torch.float64,
                               requires_grad=True) for name, matrix in params.items()}


@needs_torch
class AgainstTorch(unittest.TestCase):
    """The scalar programs compute what the tensors compute."""

    def test_hundred_steps(self):
        """Same weights, same documents, PyTorch's Adam: the same loss at every step."""
        for model in PAIR:
            run, losses = default_run(model), []
            weights = tensors(run.params)
            adam = torch.optim.Adam(weights.values(), lr=0.01, betas=(0.85, 0.99), eps=1e-8)
            schedule = torch.optim.lr_scheduler.LambdaLR(adam, lambda k: 1 - k / 1000)
            for tokens in run.seen[:100]:
                adam.zero_grad()
                losses.append(oracle_loss(tokens, weights, run.config))
                losses[-1].backward()
                adam.step()
                schedule.step()
            losses = [loss.item() for loss in losses]
            self.assertLess(gap([first_losses(model, 100)], [losses]), 1e-9, model.__name__)

    def test_gradients(self):
        """Several sizes; windows that overlap the start, that skip, that never fit; ReLUs off."""
        cases = [(GPT, {"n_layer": n, "n_head": h}) for n, h in ((1, 1), (1, 4), (3, 2))]
        cases += [(CLEAN, {"n_layer": n, "r": r, "window": window}) for n, r, window in (
            (1, 4, WINDOW), (1, 2, (20,)), (2, 8, (5, 9)), (3, 3, (1,)), (3, 4, WINDOW))]
        for (model, changes), fc1 in itertools.product(cases, (1, 0)):
            run = set_up(model, WORDS, scale=4, n_embd=8, block_size=18, **changes)
            for w in [w for row in run.params["layer0.fc1"] for w in row]:
                w.data *= fc1
            weights, tokens = tensors(run.params), sum(run.docs[:4], [])
            expected = oracle_loss(tokens, weights, run.config)
            expected.backward()
            with self.subTest(model=model.__name__, fc1=fc1, **changes):
                loss = model.backpropagate(tokens, run.params, run.config)
                self.assertAlmostEqual(loss, expected.item(), delta=1e-11)
                for name, matrix in run.params.items():
                    largest = max(1e-3, weights[name].grad.abs().max().item())
                    self.assertLess(gap([[w.grad / largest for w in row] for row in matrix],
                                        (weights[name].grad / largest).tolist()), 1e-9, name)


# ---- what is drawn, read and seen ----------------------------------------------------------------


class Parameters(unittest.TestCase):
    """How large the models are, and what is drawn in which order."""

    def test_sizes(self):
        """The figures of the design, on 26 letters and BOS."""
        common = {"vocab_size": 27, "n_embd": 16, "n_layer": 1, "block_size": 16}
        for model, own, size in ((GPT, {"n_head": 4}, 4192),
                                 (CLEAN, {"r": 4, "window": WINDOW}, 3840)):
            config = model.Config(27)
            self.assertEqual(config._asdict(), {**common, **own})
            self.assertEqual(len(flat(model.init_params(config, random.Random(1)))), size)

    def test_order_of_draws(self):
        """Matrix by matrix, row by row, one gauss(0, 0.08) each and nothing in between."""
        V, d, block, r = 7, 8, 5, 3
        own = {GPT: [("wq", d, d), ("wk", d, d), ("wv", d, d), ("wo", d, d)],
               CLEAN: [("W_red", r, d), ("W_plu", d, 3), ("W_gate_h", d, d), ("W_gate_g", d, d)]}
        for model in PAIR:
            config = model.Config(V, d, 2, block, *([] if model is GPT else [r]))
            rng, twin = random.Random(9), random.Random(9)
            params = model.init_params(config, rng)
            layer = [*own[model], ("fc1", 4 * d, d), ("fc2", d, 4 * d)]
            shapes = [("wte", V, d), ("wpe", block, d), ("lm_head", V, d)]
            shapes += [(f"layer{n}.{name}", *shape) for n in range(2) for name, *shape in layer]
            self.assertEqual([(name, len(matrix), len(matrix[0]))
                              for name, matrix in params.items()], [*map(tuple, shapes)])
            for w in flat(params):
                self.assertEqual(w.data, twin.gauss(0, 0.08))
            self.assertEqual(rng.random(), twin.random())

    def test_order_in_main(self):
        """The program shuffles, then draws weights, then samples, with one generator."""
        for model in PAIR:
            calls = []

            def train(docs, params, config, steps, calls=calls):
                calls.append((docs, [w.data for w in flat(params)], config, steps))
                return [1.0] * steps

            def evaluate(docs, params, config, calls=calls):
                calls.append(docs)
                return 0.0

            def generate(vocab, params, config, rng, temperature, prompt, calls=calls):
                calls.append((vocab, temperature, rng.random()))
                return ""
            with mock.patch.object(sys, "stdout", io.StringIO()), mock.patch.multiple(
                    model, train=train, evaluate=evaluate, generate=generate):
                model.main(["--steps", "30", "--samples", "1"])
            twin, words = random.Random(42), INPUT.read_text(encoding="utf-8").split()
            twin.shuffle(words)
            weights = [twin.gauss(0, 0.08) for _ in calls[0][1]]
            tokens = [[26, *[ord(c) - ord("a") for c in word], 26] for word in words[:230]]
            expected = [(tokens[:30], weights, model.Config(27), 30), tokens[30:],
                        (model.make_vocab(words), 0.5, twin.random())]
            self.assertEqual([a == b for a, b in zip(calls, expected)], [True] * 3)


class Order(unittest.TestCase):
    """What a position may see."""

    def test_causal(self):
        """Changing a later token changes no earlier logits and no earlier loss, bit for bit."""
        for model in PAIR:
            run = small(model, n_layer=2, n_embd=8)
            V = run.config.vocab_size
            tokens = [n * n % V for n in range(11)]
            logits = along(model, run, tokens)
            losses = numbers(model.token_losses(tokens, run.params, run.config))
            for t in range(1, len(tokens)):
                changed = [*tokens[:t], (tokens[t] + 1) % V, *tokens[t + 1:]]
                new = along(model, run, changed)
                self.assertEqual(new[:t], logits[:t])
                self.assertNotEqual(new[t], logits[t])
                new = numbers(model.token_losses(changed, run.params, run.config))
                self.assertEqual(new[:t - 1], losses[:t - 1])
                self.assertNotEqual(new[t - 1], losses[t - 1])

    def test_reach(self):
        """One layer of attention sees all of the past; Grassmann the window's offsets only."""
        for model, window in (GPT, None), (CLEAN, WINDOW), (CLEAN, (3, 5)), (CLEAN, (20,)):
            run = small(model, n_embd=8, **({"window": window} if window else {}))
            V = run.config.vocab_size
            tokens = [n % V for n in range(16)]
            last = along(model, run, tokens)[-1]
            changed = {offset: [(token + 7 * (n == 15 - offset)) % V
                                for n, token in enumerate(tokens)] for offset in range(1, 16)}
            seen = [offset for offset, other in changed.items()
                    if along(model, run, other)[-1] != last]
            self.assertEqual(seen, [n for n in window or range(16) if 0 < n < 16])

    def test_cache(self):
        """A step with the cache equals starting over, also while another document is under way."""
        for model in PAIR:
            run = small(model, n_layer=2, n_embd=8)
            one, two = [2, 3, 1, 1, 0, 4, 2], [5, 3, 4, 0, 1, 2, 2]
            caches = [[[] for _ in range(2)] for _ in range(2)]
            for t in range(7):
                for tokens, cache in zip((one, two), caches):
                    step = numbers(model.forward(tokens[t], t, cache, run.params, run.config))
                    self.assertEqual(step, along(model, run, tokens[:t + 1])[-1])


class Documents(unittest.TestCase):
    """From a file to tokens, seen and unseen."""

    def test_load(self):
        """A line is a document: none is blank, none has a byte order mark or a space around."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "text.txt")
            path.write_bytes("\ufeff b c \r\n\r\n \t\nä\u2028x\nb c".encode())
            for model in PAIR:
                self.assertEqual(model.load_docs(path), ["b c", "ä\u2028x", "b c"])

    def test_split(self):
        """The formula at many sizes; nothing is both seen and unseen, nothing out of order."""
        sizes = [*range(0, 60, 3), 9, 10, 99, 100, 101, 1999, 2000, 2001, 5000]
        for size, steps in itertools.product(sizes, [0, 1, 9, 10, 11, 50, 999, 1800, 10**6]):
            n_eval = min(200, size // 10)
            n_train = min(steps, size - n_eval)
            for model in PAIR:
                parts = model.split_docs(list(range(size)), steps)
                self.assertEqual(sum(parts, []), list(range(n_train + n_eval)))
                self.assertEqual([len(part) for part in parts], [n_train, n_eval])

    def test_tokens(self):
        """BOS comes after the symbols in the vocabulary and on both sides of a document."""
        for model in PAIR:
            vocab = model.make_vocab(["cab", "b"])
            self.assertEqual(vocab, {"a": 0, "b": 1, "c": 2})
            self.assertEqual(model.tokenize("cab", vocab), [3, 2, 0, 1, 3])
            words = model.make_vocab([["all", "dogs"], ["no", "dogs"]])
            self.assertEqual(model.tokenize(["no", "dogs"], words), [3, 2, 1, 3])

    def test_many_symbols(self):
        """A vocabulary of thousands costs a look-up a symbol, not a search."""
        doc = [chr(0x4e00 + i) for i in range(3500)] * 50
        for model in PAIR:
            vocab = model.make_vocab([doc])
            start = time.perf_counter()
            model.tokenize(doc, vocab)
            self.assertLess(time.perf_counter() - start, 1)

    def test_block_and_evaluation(self):
        """A document is cut to the block; every token weighs the same, so long ones weigh more."""
        for model in PAIR:
            run = set_up(model, ["a", "bcdefgh", "hh", "abcde" * 8])
            losses = [numbers(model.token_losses(doc, run.params, run.config)) for doc in run.docs]
            self.assertEqual(sorted(map(len, losses)), [2, 3, 8, 16])
            self.assertAlmostEqual(model.evaluate(run.docs, run.params, run.config),
                                   sum(map(sum, losses)) / 29, places=14)


# ---- training and sampling -----------------------------------------------------------------------


class Training(unittest.TestCase):
    """A step of Adam, the schedule, the recorded losses, and what may go wrong."""

    def test_adam_by_hand(self):
        """Two steps of one weight, worked out on paper."""
        for model in PAIR:
            w, m, v = model.Value(1.0), [0.0], [0.0]
            w.grad = 0.5  # means 0.5 and 0.25
            model.adam_step([w], m, v, 1, 0.01)
            self.assertAlmostEqual(w.data, 1 - 0.01 * 0.5 / 0.50000001, places=14)
            self.assertEqual(w.grad, 0.0)
            w.data, w.grad = 1.0, -1.0  # means (0.85 * 0.5 - 1) / 1.85 and (0.99 * 0.25 + 1) / 1.99
            model.adam_step([w], m, v, 2, 0.004)
            step = 0.004 * (0.575 / 1.85) / (math.sqrt(1.2475 / 1.99) + 1e-8)
            self.assertAlmostEqual(w.data, 1 + step, places=14)
            model.adam_step([w], [0.0], [0.0], 3, 0.01)  # 0 / 0 without the 1e-8
            self.assertAlmostEqual(w.data, 1 + step, places=14)

    def test_schedule(self):
        """The rate falls from 0.01 in equal steps; documents come in turn, again and again."""
        for model in PAIR:
            run, twin = [set_up(model, WORDS[:3], n_embd=4) for _ in range(2)]
            with mock.patch.object(model, "adam_step", wraps=model.adam_step) as adam, \
                    mock.patch.object(model, "token_losses", wraps=model.token_losses) as losses:
                means = list(model.train(run.docs, run.params, run.config, 5))
            for n, call in enumerate(adam.call_args_list):
                weights, _, _, step, lr = call[0]
                self.assertTrue(weights == flat(run.params) and step == n + 1)
                self.assertAlmostEqual(lr, 0.01 * (5 - n) / 5, places=15)
            self.assertEqual([call[0][0] for call in losses.call_args_list],
                             [run.docs[n] for n in (0, 1, 2, 0, 1)])
            first = numbers(model.token_losses(twin.docs[0], twin.params, twin.config))
            self.assertAlmostEqual(means[0], sum(first) / len(first), places=14)

    def test_recorded_losses(self):
        """Every Python computes the same losses, and no change of the code moves them unseen.

        The first 30 tell as much (MICROGRASSMANN_SLOW=1: all 100).
        """
        steps = 100 if os.environ.get("MICROGRASSMANN_SLOW") else 30
        recorded = json.loads(LOSSES.read_text(encoding="utf-8"))
        for model in PAIR:
            losses = recorded.pop(model.__name__)
            self.assertEqual(len(losses), 100)
            self.assertLess(gap([first_losses(model, steps)], [losses[:steps]]), 1e-12,
                            model.__name__)
        self.assertEqual(recorded, {})

    def test_no_number_anywhere(self):
        """One weight in any matrix ends training, also behind a ReLU that is off or if unused."""
        for model, bad in itertools.product(PAIR, (math.nan, math.inf)):
            for name, place in itertools.product(small(model).params, (0, -1)):
                run = set_up(model, WORDS, n_embd=4)
                steps = model.train(run.docs, run.params, run.config, 9)
                next(steps)
                next(steps)
                if "fc2" in name:
                    for w in [w for row in run.params["layer0.fc1"] for w in row]:
                        w.data = 0.0
                run.params[name][place][place].data = bad
                before = repr([w.data for w in flat(run.params)])
                with self.subTest(model=model.__name__, name=name, bad=bad), \
                        self.assertRaisesRegex(ArithmeticError, r"\bstep 3\b"):
                    next(steps)
                self.assertTrue(repr([w.data for w in flat(run.params)]) == before)

    def test_collector(self):
        """It rests during a step; afterwards it is as it was, also where the step was stopped."""
        for model, switch in itertools.product(PAIR, (gc.enable, gc.disable)):
            run, states, plain = set_up(model, WORDS, n_embd=4), [], model.token_losses

            def spy(*arguments, states=states, plain=plain):
                states.append(gc.isenabled())
                if len(states) > 4:
                    raise KeyboardInterrupt
                return plain(*arguments)
            switch()
            try:
                before = gc.isenabled()
                with mock.patch.object(model, "token_losses", spy), \
                        self.assertRaises(KeyboardInterrupt):
                    for _ in model.train(run.docs, run.params, run.config, 3):
                        states.append(gc.isenabled())
                states.append(gc.isenabled())
            finally:
                gc.enable()
            self.assertEqual(states, [False, before, False, before, False, before])

    def test_small_texts(self):
        """One document, one symbol, one character, a document longer than the block."""
        for model in PAIR:
            for docs in ["a"], ["aaa", "a", "aa"], ["x" * 40], ["abc" * 30, "d"], ["ä 語"]:
                run = set_up(model, docs)
                losses = list(model.train(run.docs, run.params, run.config, 3))
                self.assertTrue(all(map(math.isfinite, losses)))
                text = model.generate(run.vocab, run.params, run.config, run.rng, 0.5)
                self.assertLessEqual(len(text), run.config.block_size)
                self.assertLessEqual(set(text), set(run.vocab))


class Scripted:
    """A generator whose choices are given beforehand; it keeps the shares it was shown."""

    def __init__(self, tokens):
        self.tokens, self.shares = iter(tokens), []

    def choices(self, population, weights):
        """Return the next token of the script."""
        self.shares.append([w / sum(weights) for w in weights])
        assert len(population) == len(weights)
        return [next(self.tokens)]


class Sampling(unittest.TestCase):
    """A new document, token by token."""

    def test_stops_at_bos(self):
        """One choice for each token, by softmax; BOS ends the document and isn't part of it."""
        for model, temperature in itertools.product(PAIR, (0.5, 1.0, 2.0)):
            run, symbols = small(model), sorted(set("".join(WORDS)))
            bos, rng, expected = len(symbols), Scripted([0, 2, 1, len(symbols)]), []
            text = model.generate(run.vocab, run.params, run.config, rng, temperature)
            self.assertEqual(text, symbols[0] + symbols[2] + symbols[1])
            for logits in along(model, run, [bos, 0, 2, 1]):
                exps = [math.exp(x / temperature) for x in logits]
                expected.append([x / sum(exps) for x in exps])
            self.assertLess(gap(rng.shares, expected), 1e-12)

    def test_stops_at_the_block(self):
        """A model that never draws BOS fills the block and no more."""
        for model in PAIR:
            run = small(model, block_size=6)
            text = model.generate(run.vocab, run.params, run.config, Scripted([1] * 6), 0.5)
            self.assertEqual(text, list(run.vocab)[1] * 6)

    def test_cold(self):
        """A very low temperature draws the likeliest token, without overflow."""
        for model in PAIR:
            run = small(model)
            rng = Scripted([len(run.vocab)])
            model.generate(run.vocab, run.params, run.config, rng, 1e-6)
            logits = along(model, run, [len(run.vocab)])[0]
            self.assertEqual(rng.shares[0].index(1.0), logits.index(max(logits)))


class Published(unittest.TestCase):
    """Figures known from elsewhere, on makemore's 32,033 names."""

    @published
    def test_first_losses(self):
        """The three losses that microGPT starts with."""
        losses = list(itertools.islice(default_run(GPT, PUBLISHED).losses, 3))
        self.assertEqual([f"{loss:.4f}" for loss in losses], ["3.3660", "3.4243", "3.1778"])

    @slow
    @published
    def test_ten_names(self):
        """The ten names microGPT is known for."""
        run = default_run(GPT, PUBLISHED)
        self.assertEqual(len(list(run.losses)), 1000)
        names = [GPT.generate(run.vocab, run.params, run.config, run.rng, 0.5) for _ in range(10)]
        self.assertEqual(names, TEN_NAMES)

    @slow
    @published
    def test_evaluation_losses(self):
        """After 3,000 steps on 200 unseen names: 2.3090 and 2.3097."""
        for model, loss in zip(PAIR, (2.3090, 2.3097)):
            run = default_run(model, PUBLISHED, 3000)
            self.assertEqual((len(list(run.losses)), len(run.unseen)), (3000, 200))
            self.assertAlmostEqual(model.evaluate(run.unseen, run.params, run.config), loss, 3)


if __name__ == "__main__" and "--record" in sys.argv:
    LOSSES.write_text(json.dumps({model.__name__: first_losses(model, 100) for model in PAIR},
                                 indent=1) + "\n", encoding="utf-8")
