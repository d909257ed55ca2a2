"""Both models against an independent PyTorch reference, recorded losses and published figures.

`python3 -m tests.test_models --record` writes losses.json anew: do so only where the model, its
defaults or input.txt were meant to change.
"""
import gc
import io
import itertools
import json
import math
import os
import random
import sys
import tempfile
import unittest
from functools import lru_cache
from pathlib import Path
from unittest import mock

from tests import torch_reference
from tests.helpers import CLEAN, GPT, GRASSMANN, INPUT, PAIR, ROOT, flat, gap, numbers, set_up, slow
from tests.test_torch_reference import needs_torch, tensors
from tests.torch_reference import Config, torch

LOSSES = Path(__file__).with_name("losses.json")
PUBLISHED = Path(os.environ.get("MICROGRASSMANN_NAMES") or ROOT.parent / "shared/data/names.txt")
published = unittest.skipUnless(PUBLISHED.exists(), "needs makemore's names.txt, 32,033 names: "
                                "give its path in MICROGRASSMANN_NAMES")
TEN_NAMES = ["kamon", "ann", "karai", "jaire", "vialan", "karia", "yeran", "anna", "areli", "kaina"]
WORDS = ["ada", "bo", "cleo", "dag", "elisabeth", "fay", "gwen", "hal", "ida", "jo", "kim", "ned"]


def default_run(model, path=INPUT, steps=1000):
    """Return a run at the defaults and its generator of losses."""
    run = set_up(model, model.load_docs(path))
    run.seen, run.unseen = model.split_docs(run.docs, steps)
    run.losses = model.train(run.seen, run.params, run.config, steps)
    return run


@lru_cache(None)
def first_losses(model):
    """Return the losses of the first 100 of 1,000 steps on input.txt; two tests read them."""
    return list(itertools.islice(default_run(model).losses, 100))


def along(model, run, tokens, params=None):
    """Return the logits after each token, as plain numbers."""
    cache = [[] for _ in range(run.config.n_layer)]
    return [numbers(model.forward(token, cache, params or run.params, run.config))
            for token in tokens]


def small(model, **changes):
    """Return a run on a few words, its weights large enough to matter."""
    return set_up(model, WORDS, scale=4, **changes)


# ---- the reference: torch_reference.py, all positions of a document in one tensor ----------------

def reference(config, weights, tokens):
    """Return the logits after every token at once, (1, L, V), the planes added in a loop."""
    model = "attention" if hasattr(config, "n_head") else "grassmann"
    return torch_reference.logits(tokens, weights,
                                  Config(model=model, folded=False, **config._asdict()))


def reference_loss(config, weights, tokens):
    """Return the mean cross-entropy of a document, cut to the block."""
    tokens, targets = torch_reference.pad([tokens], config.block_size)
    return torch_reference.cross_entropy(reference(config, weights, tokens), targets)


@needs_torch
class AgainstTorch(unittest.TestCase):
    """The scalar programs compute what the tensors compute."""

    def setUp(self):
        """One thread: the tensors are tiny."""
        torch.set_num_threads(1)

    def test_hundred_steps(self):
        """Same weights, same documents, PyTorch's Adam: the same loss at every step."""
        for model in PAIR:
            run = default_run(model)
            weights = tensors(run.params)
            adam = torch.optim.Adam(weights.values(), lr=0.01, betas=(0.85, 0.99), eps=1e-8)
            linear_to_zero = torch.optim.lr_scheduler.LambdaLR(adam, lambda k: 1 - k / 1000)
            losses = []
            for tokens in run.seen[:100]:
                adam.zero_grad()
                loss = reference_loss(run.config, weights, tokens)
                loss.backward()
                adam.step()
                linear_to_zero.step()
                losses.append(loss.item())
            with self.subTest(model=model.__name__):
                self.assertLess(gap([first_losses(model)], [losses]), 1e-9)

    def same(self, model, run, tokens):
        """Check logits, loss and the gradient of every parameter on one document."""
        weights = tensors(run.params)
        cut = tokens[:run.config.block_size]
        logits = reference(run.config, weights, torch.tensor([cut]))[0].tolist()
        self.assertLess(gap(along(model, run, cut), logits), 1e-11)
        expected = reference_loss(run.config, weights, tokens)
        expected.backward()
        losses = model.token_losses(tokens, run.params, run.config)
        loss = model.total(losses) / len(losses)
        loss.backward()
        self.assertAlmostEqual(loss.data, expected.item(), delta=1e-11)
        for name, rows in run.params.items():
            gradient = weights[name].grad.tolist()
            largest = max(1e-3, *[abs(x) for row in gradient for x in row])
            worst = gap([[w.grad / largest for w in row] for row in rows],
                        [[x / largest for x in row] for row in gradient])
            self.assertLess(worst, 1e-9, name)

    def test_attention(self):
        """One layer and three, several numbers of heads."""
        for n_layer, n_head, scale in itertools.product((1, 3), (1, 2, 4), (1, 5)):
            with self.subTest(n_layer=n_layer, n_head=n_head, scale=scale):
                run = set_up(GPT, WORDS, scale=scale, n_layer=n_layer, n_head=n_head, n_embd=8)
                self.same(GPT, run, run.docs[0][:-1] + run.docs[1] + run.docs[2])

    def test_grassmann(self):
        """Windows that overlap the start of the sequence, that skip, that never fit."""
        windows = (1, 2, 4, 8, 12, 16), (1,), (5, 9), (20,)
        for n_layer, r, window in itertools.product((1, 3), (2, 4, 8), windows):
            with self.subTest(n_layer=n_layer, r=r, window=window):
                run = set_up(CLEAN, WORDS, scale=1 if r == 4 else 5, n_layer=n_layer, r=r,
                             window=window, n_embd=8, block_size=18)
                self.same(CLEAN, run, run.docs[0] + run.docs[1] + run.docs[2] + run.docs[3])

    def test_relus_all_off(self):
        """A feed-forward network of zeros adds nothing and learns nothing."""
        for model in PAIR:
            run = small(model)
            for w in [w for row in run.params["layer0.fc1"] for w in row]:
                w.data = 0.0
            self.same(model, run, run.docs[0])


class Parameters(unittest.TestCase):
    """What is drawn, how much of it and in which order."""

    def test_counts(self):
        """The figures of the design, on 26 letters and BOS."""
        for model, size in (GPT, 4192), *[(model, 3840) for model in GRASSMANN]:
            self.assertEqual(len(flat(model.init_params(model.Config(27), random.Random(1)))), size)

    def test_defaults(self):
        """The sizes that the figures rest on."""
        self.assertEqual(GPT.Config(27)._asdict(), {
            "vocab_size": 27, "n_embd": 16, "n_layer": 1, "block_size": 16, "n_head": 4})
        for model in GRASSMANN:
            self.assertEqual(model.Config(27)._asdict(), {
                "vocab_size": 27, "n_embd": 16, "n_layer": 1, "block_size": 16,
                "r": 4, "window": (1, 2, 4, 8, 12, 16)})

    def shapes(self, model, V, d, block, layers, r):
        """Return the matrices in the design's order."""
        own = ([("wq", d, d), ("wk", d, d), ("wv", d, d), ("wo", d, d)] if model is GPT else
               [("W_red", r, d), ("W_plu", d, r * (r - 1) // 2), ("W_gate_h", d, d),
                ("W_gate_g", d, d)])
        return [("wte", V, d), ("wpe", block, d), ("lm_head", V, d)] + [
            (f"layer{n}.{name}", rows, columns) for n in range(layers)
            for name, rows, columns in (*own, ("fc1", 4 * d, d), ("fc2", d, 4 * d))]

    def test_order_of_draws(self):
        """Matrix by matrix, row by row, one gauss(0, 0.08) each and nothing in between."""
        for model in PAIR:
            changes = {} if model is GPT else {"r": 3}
            config = model.Config(7, n_embd=8, n_layer=2, block_size=5, **changes)
            rng, twin = random.Random(9), random.Random(9)
            params = model.init_params(config, rng)
            expected = self.shapes(model, 7, 8, 5, 2, 3)
            self.assertEqual(list(params), [name for name, _, _ in expected])
            for name, rows, columns in expected:
                draws = [[twin.gauss(0, 0.08) for _ in range(columns)] for _ in range(rows)]
                self.assertEqual([numbers(list(row)) for row in params[name]], draws, name)
            self.assertEqual(rng.random(), twin.random())

    def test_order_in_main(self):
        """The program shuffles, then draws weights, then samples, with one generator."""
        for model in PAIR:
            calls = []

            def train(docs, params, config, steps, calls=calls):
                calls.append((docs, [w.data for w in flat(params)], config, steps))
                return [1.0] * steps

            def generate(vocab, params, config, rng, temperature, calls=calls):
                calls.append((vocab, temperature, rng.random()))
                return ""
            screen = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
            with mock.patch.object(sys, "argv", ["x", "--steps", "30", "--samples", "1"]), \
                    mock.patch.object(sys, "stdout", screen), \
                    mock.patch.multiple(model, train=train, generate=generate,
                                        evaluate=lambda docs, *rest, c=calls: c.append(docs) or 0.):
                model.main()
            twin, words = random.Random(42), INPUT.read_text(encoding="utf-8").split()
            twin.shuffle(words)
            vocab = sorted(set("".join(words)))
            weights = [twin.gauss(0, 0.08) for _ in calls[0][1]]
            tokens = [[26, *[vocab.index(c) for c in word], 26] for word in words[:230]]
            self.assertEqual(calls[0], (tokens[:30], weights, model.Config(27), 30))
            self.assertEqual(calls[1], tokens[30:230])
            self.assertEqual(calls[2], (vocab, 0.5, twin.random()))


class Order(unittest.TestCase):
    """What a position may see."""

    def test_causal(self):
        """Changing a later token changes no earlier logits and no earlier loss, bit for bit."""
        for model in PAIR:
            run = small(model, n_layer=2, n_embd=8)
            tokens = [n * n % run.config.vocab_size for n in range(11)]
            logits = along(model, run, tokens)
            losses = numbers(model.token_losses(tokens, run.params, run.config))
            for t in range(1, len(tokens)):
                changed = [*tokens[:t], (tokens[t] + 1) % run.config.vocab_size, *tokens[t + 1:]]
                new = along(model, run, changed)
                self.assertEqual(new[:t], logits[:t])
                self.assertNotEqual(new[t], logits[t])
                new = numbers(model.token_losses(changed, run.params, run.config))
                self.assertEqual(new[:t - 1], losses[:t - 1])
                self.assertNotEqual(new[t - 1], losses[t - 1])

    def test_reach(self):
        """One layer of attention sees all of the past; Grassmann the window's offsets only."""
        for model in PAIR:
            for window in ((1, 2, 4, 8, 12, 16), (3, 5), (20,)) if model is CLEAN else ((),):
                run = small(model, n_embd=8, **({"window": window} if window else {}))
                tokens = [n % run.config.vocab_size for n in range(16)]
                last = along(model, run, tokens)[-1]
                seen = []
                for offset in range(1, 16):
                    changed = list(tokens)
                    changed[15 - offset] = (tokens[15 - offset] + 7) % run.config.vocab_size
                    if along(model, run, changed)[-1] != last:
                        seen.append(offset)
                reach = range(1, 16) if model is GPT else [n for n in window if n < 16]
                self.assertEqual(seen, list(reach), model.__name__)

    def test_cache(self):
        """A step with the cache equals starting over, also while another document is under way."""
        for model in PAIR:
            run = small(model, n_layer=2, n_embd=8)
            one, two = [2, 3, 1, 1, 0, 4, 2], [5, 3, 4, 0, 1, 2, 2]
            caches = [[[] for _ in range(2)] for _ in range(2)]
            for t in range(7):
                for tokens, cache in zip((one, two), caches):
                    step = numbers(model.forward(tokens[t], cache, run.params, run.config))
                    self.assertEqual(step, along(model, run, tokens[:t + 1])[-1])
                    self.assertEqual([len(past) for past in cache], [t + 1] * 2)


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
        sizes = [*range(60), 99, 100, 101, 1999, 2000, 2001, 5000]
        for size, steps in itertools.product(sizes, [0, 1, 2, 5, 9, 10, 11, 50, 999, 1800, 10**6]):
            docs = list(range(size))
            n_eval = min(200, size // 10)
            n_train = min(steps, size - n_eval)
            for model in PAIR:
                seen, unseen = model.split_docs(docs, steps)
                self.assertEqual(seen + unseen, docs[:n_train + n_eval])
                self.assertEqual((len(seen), len(unseen)), (n_train, n_eval))

    def test_tokens(self):
        """BOS comes after the characters in the vocabulary and on both sides of a document."""
        for model in PAIR:
            self.assertEqual(model.tokenize("cab", ["a", "b", "c"]), [3, 2, 0, 1, 3])

    def test_block(self):
        """A document longer than the block is cut to the block."""
        for model in PAIR:
            run = set_up(model, ["abcde" * 8])
            losses = numbers(model.token_losses(run.docs[0], run.params, run.config))
            self.assertEqual(len(losses), 16)
            cut = model.token_losses(run.docs[0][:17], run.params, run.config)
            self.assertEqual(losses, numbers(cut))

    def test_evaluate(self):
        """Every token weighs the same, so that long documents weigh more."""
        for model in PAIR:
            run = set_up(model, ["a", "bcdefgh", "hh"])
            losses = [numbers(model.token_losses(doc, run.params, run.config)) for doc in run.docs]
            self.assertEqual(sorted(map(len, losses)), [2, 3, 8])
            self.assertAlmostEqual(model.evaluate(run.docs, run.params, run.config),
                                   sum(map(sum, losses)) / 13, places=14)


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
            self.assertAlmostEqual(m[0], -0.575, places=14)
            self.assertAlmostEqual(v[0], 1.2475, places=14)
            step = 0.004 * (0.575 / 1.85) / (math.sqrt(1.2475 / 1.99) + 1e-8)
            self.assertAlmostEqual(w.data, 1 + step, places=14)
            w.grad = 0.0
            model.adam_step([w], [0.0], [0.0], 3, 0.01)  # 0 / 0 without the 1e-8
            self.assertAlmostEqual(w.data, 1 + step, places=14)

    def test_schedule(self):
        """The rate falls from 0.01 in equal steps; documents come in turn, again and again."""
        for model in PAIR:
            run = set_up(model, WORDS[:3], n_embd=4)
            with mock.patch.object(model, "adam_step", wraps=model.adam_step) as adam, \
                    mock.patch.object(model, "token_losses", wraps=model.token_losses) as losses:
                means = list(model.train(run.docs, run.params, run.config, 5))
            for n, call in enumerate(adam.call_args_list):
                weights, _, _, step, lr = call[0]
                self.assertEqual((weights, step), (flat(run.params), n + 1))
                self.assertAlmostEqual(lr, 0.01 * (5 - n) / 5, places=15)
            self.assertEqual([call[0][0] for call in losses.call_args_list],
                             [run.docs[n] for n in (0, 1, 2, 0, 1)])
            twin = set_up(model, WORDS[:3], n_embd=4)
            first = numbers(model.token_losses(twin.docs[0], twin.params, twin.config))
            self.assertAlmostEqual(means[0], sum(first) / len(first), places=14)

    def test_recorded_losses(self):
        """Every Python computes the same losses, and no change of the code moves them unseen."""
        recorded = json.loads(LOSSES.read_text(encoding="utf-8"))
        self.assertEqual(set(recorded), {model.__name__ for model in PAIR})
        for model in PAIR:
            with self.subTest(model=model.__name__):
                self.assertEqual(len(recorded[model.__name__]), 100)
                self.assertLess(gap([first_losses(model)], [recorded[model.__name__]]), 1e-9)

    def test_loss_that_is_no_number(self):
        """Training stops, says where, and leaves the collector on and the weights as they were."""
        for model, bad in itertools.product(PAIR, (math.nan, math.inf)):
            run = set_up(model, WORDS, n_embd=4)
            steps = model.train(run.docs, run.params, run.config, 9)
            next(steps)
            next(steps)
            run.params["wte"][-1][0].data = bad
            before = [w.data for w in flat(run.params)]
            with self.assertRaisesRegex(ArithmeticError, r"\bstep 3\b"):
                next(steps)
            self.assertEqual(repr([w.data for w in flat(run.params)]), repr(before))
            self.assertTrue(gc.isenabled())

    def test_collector_is_back(self):
        """Python's collector rests during a step only, also where the step was interrupted."""
        for model in PAIR:
            run = set_up(model, WORDS, n_embd=4)
            states, plain = [], model.token_losses

            def spy(*arguments, states=states, plain=plain):
                states.append(gc.isenabled())
                return plain(*arguments)
            with mock.patch.object(model, "token_losses", spy):
                for _ in model.train(run.docs, run.params, run.config, 2):
                    states.append(gc.isenabled())
            self.assertEqual(states, [False, True, False, True])
            with mock.patch.object(model, "token_losses", side_effect=KeyboardInterrupt):
                self.assertRaises(KeyboardInterrupt, next,
                                  model.train(run.docs, run.params, run.config, 2))
            self.assertTrue(gc.isenabled())

    def test_small_texts(self):
        """One document, one symbol, one character, a document longer than the block."""
        for model in PAIR:
            for docs in ["a"], ["aaa", "a", "aa"], ["x" * 40], ["abc" * 30, "d"], ["ä 語"]:
                run = set_up(model, docs)
                seen, unseen = model.split_docs(run.docs, 6)
                self.assertEqual((len(seen), unseen), (len(docs), []))
                losses = list(model.train(seen, run.params, run.config, 6))
                self.assertEqual(len(losses), 6)
                self.assertTrue(all(map(math.isfinite, losses)))
                text = model.generate(run.vocab, run.params, run.config, run.rng, 0.5)
                self.assertLessEqual(len(text), run.config.block_size)
                self.assertLessEqual(set(text), set(run.vocab))


class Scripted:
    """A generator whose choices are given beforehand; it keeps the weights it was shown."""

    def __init__(self, tokens):
        self.tokens, self.weights = iter(tokens), []

    def choices(self, population, weights):
        """Return the next token of the script."""
        self.weights.append([w / sum(weights) for w in weights])
        if len(population) != len(weights):
            raise ValueError("as many weights as tokens")
        return [next(self.tokens)]


class Sampling(unittest.TestCase):
    """A new document, token by token."""

    def test_stops_at_bos(self):
        """One choice for each token; BOS ends the document and isn't part of it."""
        for model in PAIR:
            run = small(model)
            for temperature in 0.5, 1.0, 2.0:
                rng = Scripted([0, 2, 1, len(run.vocab)])
                text = model.generate(run.vocab, run.params, run.config, rng, temperature)
                self.assertEqual(text, run.vocab[0] + run.vocab[2] + run.vocab[1])
                self.assertEqual(list(rng.tokens), [])
                expected = []
                for logits in along(model, run, [len(run.vocab), 0, 2, 1]):
                    exps = [math.exp(x / temperature) for x in logits]
                    expected.append([x / sum(exps) for x in exps])
                self.assertLess(gap(rng.weights, expected), 1e-12)

    def test_stops_at_the_block(self):
        """A model that never draws BOS fills the block and no more."""
        for model in PAIR:
            run = small(model, block_size=6)
            text = model.generate(run.vocab, run.params, run.config, Scripted([1] * 6), 0.5)
            self.assertEqual(text, run.vocab[1] * 6)

    def test_cold(self):
        """The lowest temperature that main takes draws the likeliest token, without overflow."""
        for model in PAIR:
            run = small(model)
            rng = Scripted([len(run.vocab)])
            model.generate(run.vocab, run.params, run.config, rng, 1e-6)
            first = along(model, run, [len(run.vocab)])[0]
            self.assertEqual(rng.weights[0].index(1.0), first.index(max(first)))


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
        """After 3,000 steps both models stand at about 2.31 on 200 unseen names."""
        for model in PAIR:
            run = default_run(model, PUBLISHED, 3000)
            self.assertEqual((len(list(run.losses)), len(run.unseen)), (3000, 200))
            self.assertAlmostEqual(model.evaluate(run.unseen, run.params, run.config), 2.31,
                                   delta=0.03)


if __name__ == "__main__":
    if "--record" in sys.argv:
        LOSSES.write_text(json.dumps({model.__name__: first_losses(model) for model in PAIR},
                                     indent=1) + "\n", encoding="utf-8")
    else:
        unittest.main()
