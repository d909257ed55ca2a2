"""large/: the models in PyTorch against the scalar files, the tasks, and runs that are killed."""
import io
import itertools
import json
import math
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import zlib
from collections import Counter
from contextlib import redirect_stdout
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import alternatives
import beyond
import inside
import show
from large import experiments, small, summary
from tests.helpers import CLEAN, GPT, ROOT, called, gap, needs_torch, run, set_up

if find_spec("torch"):
    import torch

    from large import alternatives as alternatives_of_large
    from large import bench, engine, exchange, tables, writing
    from large import data as tasks
    from large import model as large
    from large import train as program

    torch.set_num_threads(1)  # the tensors are tiny

WORDS = ["ada", "bo", "cleo", "dag", "elisabeth", "fay", "gwen", "hal", "ida", "jo", "kim", "ned",
         "ottokar", "pia", "rosa", "sven", "tim", "una", "vera", "willhelminafrancisca", "yves"]


def setUpModule():
    global FOLDER, NAMES, TEXT
    FOLDER = Path(tempfile.mkdtemp())
    unittest.addModuleCleanup(shutil.rmtree, str(FOLDER), ignore_errors=True)
    NAMES, TEXT = FOLDER / "names.txt", FOLDER / "text.txt"
    NAMES.write_text("\n".join(WORDS), encoding="utf-8")
    TEXT.write_text("She sells sea shells on the sea shore , and she is <unk> .\n" * 30,
                    encoding="utf-8")


class Started(unittest.TestCase):
    def test_as_a_file(self):
        """Without -m there is one line, which says how."""
        for name in "train", "summary", "small":
            ended = run(f"large/{name}.py")
            self.assertEqual((ended.returncode, ended.stderr.count("\n")), (2, 1))
            self.assertIn(f"python3 -m large.{name}\n", ended.stderr)


def call(*options):
    """Run the program in this process; return its status, what it printed, its errors."""
    handler = signal.getsignal(signal.SIGTERM)
    try:
        return called(lambda words: program.main(words), *options)
    finally:
        signal.signal(signal.SIGTERM, handler)


class Case(unittest.TestCase):
    def refuses(self, why, *words):
        """Check that the program ends with these options in one line that says why, status 2."""
        status, _, errors = call(*words)
        self.assertEqual((status, errors.count("\n")), (2, 1), (words, errors))
        self.assertIn(why, errors)


def results(path):
    """Return the JSON lines there, without the figures that no two runs have in common."""
    found = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for line in found:
        del line["tokens_per_second"]
    return found


# ---- against the scalar files --------------------------------------------------------------------
@needs_torch
class AgainstTheScalarFiles(unittest.TestCase):
    """The same numbers in double precision: logits, losses, every gradient, to 1e-9."""

    def same(self, scalar, run, name, **changes):
        """Compare a scalar file with a batch of its documents, which are of several lengths.

        name: of the mixer, as in beyond.MAKERS.
        """
        read = inside.reader(scalar, run.params, run.config)
        scores, losses = [], []
        for doc in run.docs:
            scores += read(doc[:-1][:run.config.block_size])
            losses += scalar.token_losses(doc, run.params, run.config)
        mean = scalar.mean(losses)
        mean.backward()
        config = small.of_large(name, run.config)._replace(**changes)
        model = large.Model(config).double()
        self.assertEqual([name for name, _ in model.named_parameters()], list(run.params))
        model.load_state_dict(exchange.tensors(run.params))
        docs = [doc[1:-1] for doc in run.docs]
        inputs, targets = tasks.pad(docs, config.vocab_size - 1, config.block_size)
        self.assertLess(gap(scores, model(inputs)[targets >= 0].tolist()), 1e-9)
        loss = model(inputs, targets) / (targets >= 0).sum()
        loss.backward()
        self.assertLess(gap([[mean.data]], [[loss.item()]]), 1e-9)
        for name, weight in model.named_parameters():
            largest = max(1e-3, weight.grad.abs().max().item())
            self.assertLess(gap([[w.grad / largest for w in row] for row in run.params[name]],
                                (weight.grad / largest).tolist()), 1e-9, name)

    def test_attention(self):
        """One layer and three."""
        for n_layer, scale in (1, 4), (3, 1):
            run = set_up(GPT, WORDS[:5], scale=scale, n_layer=n_layer, n_embd=8)
            with self.subTest(n_layer=n_layer):
                self.same(GPT, run, "attention")

    def test_grassmann(self):
        """The loop and the folded form, one layer and three, a window that never fits, no past."""
        for n_layer, window, r in ((1, (1, 2, 4, 8, 12, 16), 4), (3, (1, 3, 5), 5), (1, (20,), 2),
                                   (2, (), 3)):
            for mixing in "grassmann", "grassmann-loop":
                run = set_up(CLEAN, WORDS[:5], scale=4, n_layer=n_layer, n_embd=8, window=window,
                             r=r)
                with self.subTest(mixing=mixing, n_layer=n_layer, window=window):
                    self.same(CLEAN, run, "Grassmann", mixing=mixing)

    def test_controls(self):
        """Each control, from the first position, which has no partner, to the last."""
        for name in ("linear map", "mean of states", "elementwise product", "planes apart",
                     "planes apart, lengths kept", "planes apart, shuffled", "weighted planes",
                     "products apart", "products of halves", "running sum", "sum without planes",
                     "linear map and planes"):
            scalar = beyond.mixer(name)
            run = set_up(scalar, WORDS[:4], scale=4, n_layer=2, n_embd=8, window=(1, 3, 4), r=3)
            with self.subTest(name=name):
                self.same(scalar, run, name)

    def test_one_offset_a_layer(self):
        """The schedule of the scalar files' controls."""
        for layer in "Grassmann", "linear map", "lengths kept":
            name = f"{layer}, one offset a layer"
            scalar = beyond.mixer(name)
            run = set_up(scalar, WORDS[:4], scale=4, n_layer=3, n_embd=8, window=(1, 3), r=3)
            with self.subTest(name=name):
                self.same(scalar, run, name)

    def test_alternatives(self):
        """Each memory, the recurrence, decayed sums, what attention attends to; chunks of four."""
        four = dict.fromkeys(("CHUNK", "FEW"), 4)
        for name in (*alternatives.KINDS, "gated delta rule with convolution",
                     "gated recurrence with convolution"):
            scalar = beyond.mixer(name)
            sizes = {"n_layer": 2, "n_embd": 8, "block_size": 19}
            sizes.update({"window": (1, 3)} if "decayed" in name else {"n_head": 2})
            run = set_up(scalar, WORDS[:3] + WORDS[-2:], scale=3, **sizes)
            with self.subTest(name=name), mock.patch.multiple(alternatives_of_large, **four):
                self.same(scalar, run, name)

    def test_attention_over_the_offsets(self):
        """With offsets, and with none: each position sees itself."""
        name = "attention, same offsets"
        for window in (1, 3), ():
            scalar = beyond.mixer(name)
            run = set_up(scalar, WORDS[:4], scale=4, n_layer=2, n_embd=8)
            run.config = beyond.configure(name, **{**run.config._asdict(), "window": window})
            with self.subTest(window=window):
                self.same(scalar, run, name)

    def test_training(self):
        """Twelve steps with a batch of one from the scalar file's weights end where it ends."""
        for scalar, mixing in (GPT, "attention"), (CLEAN, "grassmann"):
            run = set_up(scalar, WORDS, n_embd=8)
            seen, unseen = scalar.split_docs(run.docs, 12)
            args = options("--data", NAMES, "--steps", 12, "--n-embd", 8, "--mixing", mixing,
                           "--precision", "float64")
            data = tasks.load(args)
            trainer = engine.Trainer(program.make_config(args, data.vocab_size()), args)
            trainer.model.load_state_dict(exchange.tensors(run.params))
            state = engine.train(trainer, data, args)
            list(scalar.train(seen, run.params, run.config, 12))
            expected = scalar.evaluate(unseen, run.params, run.config)
            with self.subTest(mixing=mixing):
                self.assertAlmostEqual(state["curve"][-1][2], expected, delta=1e-9)


def options(*words):
    """Return the program's options for these words."""
    return program.parse([str(word) for word in words], show.Parser())


def past(z, window):
    """Return what the offsets show of z, zeros where there is nothing."""
    return [large.shifted(z, offset) for offset in window]


# ---- the fold ------------------------------------------------------------------------------------
@needs_torch
class TheFold(unittest.TestCase):
    """One wedge product in place of a loop, in single precision."""

    def folded(self, z, window):
        return large.plucker(z, large.fold(z, past(z, window)))

    def test_nearly_parallel(self):
        """Where Lagrange's form cancels, the fold is as near the truth as the loop is."""
        generator = torch.Generator().manual_seed(1)
        worse = {}
        for r, angle in itertools.product((4, 32), (0, 1e-8, 1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1, 1)):
            u, v = torch.randn(2, 500, r, dtype=torch.float64, generator=generator)
            single = torch.stack((u, 1.3 * u + angle * v), 1).float()
            true = large.add_planes(single.double(), past(single.double(), (1,)))

            def error(planes, true=true):
                return (planes - true).abs().max().item()
            loop = error(large.add_planes(single, past(single, (1,))))
            with self.subTest(r=r, angle=angle):
                self.assertLess(error(self.folded(single, (1,))), 4 * loop)
                self.assertLess(error(self.folded(single.double(), (1,))), 1e-9)
            u, v = single.unbind(1)
            area = u.square().sum(-1) * v.square().sum(-1) - (u * v).sum(-1).square()
            m = torch.stack((u * 0, v * torch.rsqrt(area.clamp(min=0) + 1e-8)[:, None]), 1)
            worse[r, angle] = error(large.plucker(single, m)) / (loop + 1e-6)
        self.assertGreater(max(worse.values()), 50)  # what the fold is kept from

    def test_at_the_paper_s_size(self):
        """Outputs and gradients agree to 1e-5 with the loop, states of length 0 are no trouble."""
        generator = torch.Generator().manual_seed(1)
        z = torch.randn(2, 64, 32, generator=generator)
        z[0, 5:9] = 0
        found = []

        def looped(z, window):
            return large.add_planes(z, past(z, window))
        for function in looped, self.folded:
            leaf = z.clone().requires_grad_()
            planes = function(leaf, (1, 2, 4, 8, 12, 16, 99))
            slope, = torch.autograd.grad((planes * planes.detach().cos()).sum(), leaf)
            found.append((planes.detach(), slope[:, 32:]))
        for a, b in zip(*found):
            self.assertTrue(torch.isfinite(b).all())
            self.assertLess((a - b).abs().max() / a.abs().max(), 1e-5)


# ---- options of the block ------------------------------------------------------------------------
@needs_torch
class Block(unittest.TestCase):
    """The factors in which published blocks differ."""

    def outputs(self, seed=3, **changes):
        """Return a small model's logits on fixed tokens, and the model."""
        config = large.Config(**{"vocab_size": 7, "n_embd": 8, "n_layer": 2, "std": 0.5, **changes})
        model = large.Model(config, seed).double().eval()
        tokens = torch.arange(48).view(3, 16) % 7
        return model(tokens), model

    def test_orders(self):
        """Pre-norm, post-norm and post-norm with the gate as only skip, against their formulas."""
        x = torch.randn(2, 9, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))

        def n(y):
            return y / (y.square().mean(-1, keepdim=True) + 1e-5).sqrt()
        for order in "pre", "post", "gate":
            layer = self.outputs(order=order)[1].layer0
            feed_forward = layer.feed_forward
            if order == "pre":
                middle = x + layer.mix(n(x))
                expected = middle + feed_forward(n(middle))
            else:
                middle = n(layer.mix(x) + (x if order == "post" else 0))
                expected = n(middle + feed_forward(middle))
            self.assertLess((layer(x) - expected).abs().max().item(), 1e-12, order)

    def test_each_option_matters(self):
        """Each changes the outputs; gains of 1 and biases of 0, as they begin, do not."""
        plain, model = self.outputs()
        for changes in ({"norm": "layer"}, {"order": "post"}, {"order": "gate"}, {"tied": True},
                        {"branch_norm": True}, {"final_norm": True}, {"activation": "gelu"},
                        {"offset_per_layer": True}, {"window": (1,)}, {"mixing": "attention"},
                        {"std": 0.4}):
            self.assertFalse(torch.allclose(self.outputs(**changes)[0], plain), changes)
        self.assertTrue(torch.equal(self.outputs(bias=True)[0], plain))
        heads = [self.outputs(mixing="attention", n_head=n)[0] for n in (2, 4)]
        self.assertFalse(torch.allclose(*heads))
        biased = self.outputs(bias=True)[1]
        self.assertEqual(biased.size() - model.size(), 2 * (4 + 8 + 8 + 32 + 8))
        model.config = model.config._replace(dropout=0.5)
        self.assertTrue(torch.equal(model(torch.zeros(1, 16).long()),
                                    model(torch.zeros(1, 16).long())))
        model.train()
        self.assertFalse(torch.equal(model(torch.zeros(1, 16).long()),
                                     model(torch.zeros(1, 16).long())))

    def test_reach(self):
        """What the last position sees: all offsets in each layer, or one in turn."""
        for one, n_layer, seen in ((False, 1, {0, 2, 5}), (True, 1, {0, 2}),
                                   (True, 2, {0, 2, 5, 7}), (True, 3, {0, 2, 4, 5, 7, 9})):
            whole = {"attention", "counting", "sum", *large.MEMORIES, *large.RECURRENCE,
                     *large.SUMS}
            for mixing in set(large.MIXINGS) - whole:
                config = large.Config(2, mixing, 8, n_layer, window=(2, 5), offset_per_layer=one)
                tokens = torch.zeros(17, 16, dtype=torch.long)
                tokens[range(16), range(16)] = 1  # row n differs from the last in place n
                with torch.no_grad():
                    last = large.Model(config, 1).double()(tokens)[:, -1]
                moved = ((last - last[-1]).abs().amax(1) > 1e-12).tolist()
                self.assertEqual({15 - place for place in range(16) if moved[place]}, seen,
                                 (mixing, one, n_layer))

    def test_nothing_from_outside(self):
        """Neither the rest of a text nor another one changes any logits, at any chunk's end."""
        tokens = torch.arange(2 * 130).view(2, 130) * 3 % 7
        for mixing in large.MIXINGS:
            model = large.Model(large.Config(
                7, mixing, 8, 1, 130, std=0.5,
                convolution=mixing in (*large.HEADS, *large.RECURRENCE)), 1).double()
            with torch.no_grad():
                before = model(tokens)
                for place in 1, 15, 16, 17, 63, 64, 65, 100, 128, 129:
                    alone = model(tokens[:1, :place])
                    self.assertLess((alone - before[:1, :place]).abs().max(), 1e-9, mixing)
                    other = tokens.clone()
                    other[0, place:] = (other[0, place:] + 1) % 7
                    gap = (model(other) - before).abs()
                    self.assertLess(max(gap[0, :place].max(), gap[1].max()), 1e-9, mixing)

    def test_nothing_from_the_future(self):
        """Another token at a place changes no logits before it, and some at it: in each mixing."""
        tokens = torch.arange(2 * 40).view(2, 40) % 7
        for mixing in large.MIXINGS:
            model = large.Model(large.Config(7, mixing, 8, 2, 40, std=0.5,
                                             convolution=mixing in (
                                                 *large.HEADS, *large.RECURRENCE)), 1).double()
            with torch.no_grad(), mock.patch.object(alternatives_of_large, "CHUNK", 4):
                before = model(tokens)
                for place in range(40):
                    changed = tokens.clone()
                    changed[:, place] = (changed[:, place] + 1) % 7
                    after = model(changed)
                    self.assertLess((after - before)[:, :place].abs().sum(), 1e-12, mixing)
                    self.assertGreater((after - before)[:, place].abs().min(), 0, mixing)

    def test_writing(self):
        """Token by token, each mixing has the logits that it has of the whole text."""
        tokens = torch.arange(2 * 21).view(2, 21) * 5 % 7
        for mixing in large.MIXINGS:
            for more in ({}, {"order": "post", "branch_norm": True, "final_norm": True,
                              "norm": "layer", "bias": True, "tied": True,
                              "convolution": mixing in (*large.HEADS, *large.RECURRENCE)},
                         {"offset_per_layer": True, "window": (3, 1)}):
                config = large.Config(7, mixing, 8, 2, 21, std=0.5, **more)
                model = large.Model(config, 1).double().eval()
                states = writing.begin(model, 2)
                found = [writing.step(model, tokens[:, place], place, states)
                         for place in range(21)]
                with torch.no_grad():
                    expected = model(tokens)
                self.assertLess((torch.stack(found, 1) - expected).abs().max(), 1e-9, config)
        kept = [writing.size(writing.begin(large.Model(large.Config(
            7, mixing, 64, 1, length, r=4)), 1)) for mixing in ("attention", "grassmann",
                                                        "gated-delta-rule", "gated-recurrence")
                for length in (100, 200)]
        self.assertEqual(kept, [4 * n for n in (2 * 64 * 100, 2 * 64 * 200, 17 * 4, 17 * 4,
                                                64 * 16, 64 * 16, 64, 64)])

    def test_vocabulary_of_any_size(self):
        """The rows of zeros that make V a multiple of 64 are nowhere to be seen."""
        for V in 63, 64, 65:
            x, head = torch.randn(2, 3, 8), torch.randn(V, 8)
            targets = torch.tensor([[0, V - 1, -100], [1, 2, 3]])
            expected = torch.nn.functional.cross_entropy((x @ head.T).flatten(0, 1),
                                                         targets.flatten(), reduction="sum")
            self.assertEqual(large.logits(x, head).shape, (2, 3, V))
            self.assertAlmostEqual(large.nats(x, head, targets).item(), expected.item(), delta=1e-4)


# ---- the tasks -----------------------------------------------------------------------------------
PAIRS = [{"sentence1": "A man runs.", "sentence2": "A man's asleep.", "gold_label": label}
         for label in ("contradiction", "-", "neutral", "entailment")] * 9


@needs_torch
class Tasks(Case):
    """Files in, tokens out."""

    def file(self, text, name="data"):
        path = FOLDER / name
        path.write_text(text, encoding="utf-8")
        return path

    def test_words(self):
        """Given tokens, a pattern, characters; rare ones are <unk>, as are those of --valid."""
        train = self.file("the cat 's hat .\n\n the dog ! <unk>\n" * 20, "train")
        valid = self.file("the bird .\n" * 20, "valid")
        words = ("--task", "text", "--data", train, "--valid", valid, "--block-size", 4)
        data = tasks.load(options(*words, "--words", "blanks", "--min-count", 20))
        text = [data.vocab[token] for token in data.train[:12]]
        self.assertEqual(" ".join(text), "the cat 's hat . <eos> <eos> the dog ! <unk> <eos>")
        self.assertEqual([data.vocab[token] for token in data.valid[:4]],
                         ["the", "<unk>", ".", "<eos>"])
        self.assertEqual(data.unit, "word")
        rare = tasks.load(options(*words, "--words", "blanks", "--min-count", 40))
        self.assertEqual(sorted(rare.vocab), ["<eos>", "<unk>", "the"])
        self.assertEqual(tasks.split_text("It’s a dog's.\nNo!", tasks.PATTERN),
                         ["It’s", "a", "dog's", ".", "\n", "No", "!"])
        self.assertEqual(tasks.load(options(*words)).unit, "character")
        cut = tasks.load(options(*words[:4], "--block-size", 4, "--words", "blanks"))
        self.assertEqual([len(cut.train), len(cut.valid)], [216, 24])

    def test_patterns(self):
        """A token is a whole match, whatever groups the pattern has; a bad one is said so."""
        text = "well-known a+b"
        for pattern, expected in ((r"\w+(-\w+)*", ["well-known", "a", "b"]),
                                  (r"(\w+)|(\S)", ["well", "-", "known", "a", "+", "b"]),
                                  (r"x*", [])):
            self.assertEqual(tasks.split_text(text, pattern), expected)
        for pattern in r"\p{L}+", "[", "(", "a{99999999999}":
            self.refuses("no regular expression", "--task", "text", "--data", TEXT, "--words",
                         pattern)

    def test_pairs_that_are_none(self):
        """Null, a number, a list, not even JSON: the line's number in one line."""
        good = json.dumps(PAIRS[0])
        for bad in (good.replace('"A man runs."', "null"), good.replace('"A man runs."', "NaN"),
                    good.replace('"A man\'s asleep."', "[1]"), good.replace('"contradiction"', "3"),
                    good[:-1], "[]", "7"):
            path = self.file(f"{good}\n\n{bad}\n", "bad.jsonl")
            self.refuses("line 3: no pair", "--task", "pairs", "--data", path)

    def test_blocks(self):
        """Each token of validation text is a target once; an epoch shows no block twice."""
        tokens = torch.arange(100)
        inputs, targets = tasks.blocks(tokens, 8)
        self.assertEqual(targets.flatten().tolist(), list(range(1, 97)))
        self.assertTrue(torch.equal(inputs + 1, targets))
        args = options("--task", "text", "--data", TEXT, "--block-size", 8, "--batch", 3,
                       "--epochs", 2)
        batches = engine.Batches(tokens, args, "cpu")
        epochs = [torch.cat([batches(epoch * batches.steps + step)[0]
                             for step in range(batches.steps)]) for epoch in range(2)]
        for rows in epochs:
            self.assertEqual(len(set(rows.flatten().tolist())), rows.numel())
        self.assertFalse(torch.equal(*epochs))
        again = engine.Batches(tokens, args, "cpu")
        self.assertTrue(torch.equal(again(batches.steps)[0], epochs[1][:3]))

    def test_pairs(self):
        """The label is the last target, alone or with the words; unlabelled pairs are counted."""
        path = self.file("\n".join([json.dumps(pair) for pair in PAIRS]), "pairs.jsonl")
        for loss in "label", "all":
            data = tasks.load(options("--task", "pairs", "--data", path, "--loss", loss,
                                      "--block-size", 32))
            self.assertIn("left out: 9 without a label", data.notes)
            inputs, targets = data.train
            doc = [data.vocab[token] for token in inputs[0][1:]]
            self.assertEqual(" ".join(doc[:10]), "a man runs . / a man's asleep . =")
            self.assertEqual(set(targets[:, 10].tolist()), {0, 1, 2})
            number = 1 if loss == "label" else 12
            self.assertEqual((targets >= 0).sum(1).unique().tolist(), [number])
        trained = call("--task", "pairs", "--data", path, "--steps", 60, "--batch", 8,
                       "--block-size", 32)
        self.assertRegex(trained[1], r"validation accuracy \d")

    def test_pair_accuracy(self):
        """A model that always says "neutral" is right as often as that is the label."""
        path = self.file("\n".join([json.dumps(pair) for pair in PAIRS]), "pairs.jsonl")
        args = options("--task", "pairs", "--data", path, "--valid", path, "--block-size", 32,
                       "--batch", 4)
        data = tasks.load(args)
        trainer = engine.Trainer(program.make_config(args, data.vocab_size()), args)
        with torch.no_grad():
            x = trainer.model.hidden(data.valid[0])[:, 10].mean(0)
            trainer.model.lm_head.zero_()
            trainer.model.lm_head[1] = x
        self.assertAlmostEqual(trainer.evaluate(data.valid)[1], 1 / 3)


@needs_torch
class Tables(unittest.TestCase):
    """Kneser-Ney against the formula, word by word."""

    def naive(self, text, V, context, word):
        """Return the probability of a word after a context, from lists of sequences."""
        if not context:
            return self.mixed(text, V, (), word, 1 / V)
        return self.mixed(text, V, context, word, self.naive(text, V, context[1:], word))

    def mixed(self, text, V, context, word, below):
        counts, discounts = self.counted[len(context) + 1]
        total = sum([n for words, n in counts.items() if words[:-1] == context])
        if not total:
            return below
        off = [discounts[min(n, 3)] for words, n in counts.items() if words[:-1] == context]
        own = counts.get((*context, word), 0)
        return (own - discounts[min(own, 3)] + sum(off) * below) / total

    def test_formula(self):
        """Each word of two blocks, with contexts seen and unseen; the probabilities sum to 1."""
        rng, V, highest = random.Random(3), 7, 3
        text = [min(int(rng.expovariate(0.7)), V - 2) for _ in range(400)]
        self.counted = {}
        for k in range(1, highest + 1):
            sequences = [tuple(text[n:n + k]) for n in range(len(text) - k + 1)]
            counts = Counter(sequences)
            if k < highest:
                longer = {tuple(text[n:n + k + 1]) for n in range(len(text) - k)}
                before = Counter([words[1:] for words in longer])
                counts = {words: max(1, before[words]) for words in counts}
            n = Counter(counts.values())
            discounts = [0, 0.5, 0.5, 0.5]
            if n[1] and n[2] and n[3] and n[4]:
                y = n[1] / (n[1] + 2 * n[2])
                discounts = [0] + [m - (m + 1) * y * n[m + 1] / n[m] for m in (1, 2, 3)]
            self.counted[k] = counts, discounts
        orders = tables.count(torch.tensor(text), V, highest)
        blocks = torch.tensor([[0, 1, 0, 6, 0, 2, 2, 5], [3, 0, 0, 1, 4, 0, 1, 1]])
        found = tables.losses(orders, blocks, V)
        for row, block in enumerate(blocks.tolist()):
            for place in range(1, 8):
                context = tuple(block[max(0, place - highest + 1):place])
                nats = -math.log(self.naive(text, V, context, block[place]))
                self.assertAlmostEqual(found[row, place - 1].item(), nats, delta=1e-9)
        last = torch.tensor([[0, 1, word] for word in range(V)])
        self.assertAlmostEqual(tables.losses(orders, last, V)[:, 1].neg().exp().sum().item(), 1)

    def test_command(self):
        """One line for each order; the longer the sequences, the better here."""
        file = FOLDER / "tables.jsonl"
        with redirect_stdout(io.StringIO()) as printed:
            tables.main(["--data", str(TEXT), "--test", str(TEXT), "--words", "blanks",
                         "--block-size", "8", "--orders", "1,3", "--json", str(file)])
        first, third = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        self.assertLess(third["test"], first["test"])
        self.assertEqual(printed.getvalue().count("perplexity"), 4)


# ---- runs ----------------------------------------------------------------------------------------
SMALL = ("--n-embd", 8, "--r", 3, "--batch", 2, "--steps", 200, "--eval-every", 10,
         "--dropout", 0.1)


@needs_torch
class Runs(Case):
    """Trained, killed, gone on with; what can't be is said in one line."""

    def test_tasks(self):
        """On each task the training loss falls below chance; the result has what was asked for."""
        for task, chance, words in (
                ("names", 24, ("--data", NAMES)), ("brackets", 2.2, ("--documents", 100)),
                ("text", 18, ("--data", TEXT, "--words", "blanks", "--test", TEXT))):
            file = FOLDER / f"{task}.jsonl"
            status, printed, errors = call("--task", task, *words, "--steps", 120, "--batch", 4,
                                           "--eval-every", 40, "--json", file,
                                           "--sample", 12, "--setting", "x")
            self.assertEqual((status, errors), (0, ""), task)
            found = results(file)[0]
            self.assertLess(math.exp(found["curve"][-1][1]), chance)
            self.assertEqual((found["setting"], found["name"]), ("x", "grassmann"))
            self.assertEqual("test" in found, task == "text")
            self.assertNotIn(str(FOLDER), file.read_text(encoding="utf-8"))
            self.assertEqual("are balanced" in printed, task == "brackets")

    def test_parts_of_a_batch(self):
        """A batch taken in parts, a document longer than others in one of them: the same losses."""
        curves = []
        for parts in 1, 4:
            file = FOLDER / f"parts{parts}.jsonl"
            call("--data", NAMES, "--steps", 30, "--batch", 8, "--eval-every", 10, "--json", file,
                 "--precision", "float64", "--accumulate", parts)
            curves.append([point[1:3] for point in results(file)[0]["curve"]])
        self.assertLess(gap(*curves), 1e-10)

    @unittest.skipUnless(os.name == "posix", "sends signals")
    def test_ends_cleanly(self):
        """Ctrl-C, a stop by torchrun, a reader that has left: no traceback, the usual status."""
        words = [sys.executable, "-m", "large.train", "--data", str(NAMES), "--steps", "1000000",
                 "--eval-every", "5"]
        for stop, status, said in ((signal.SIGINT, 130, "stopped\n"),
                                   (signal.SIGTERM, 130, "stopped\n"), (None, 0, "")):
            process = subprocess.Popen(words, cwd=str(ROOT), text=True, stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE)
            while not process.stdout.readline().startswith("step"):
                self.assertIsNone(process.poll())
            if stop:
                process.send_signal(stop)
                process.stdout.read()
            process.stdout.close()
            errors = process.stderr.read()
            self.assertEqual((process.wait(timeout=60), errors), (status, said), stop)
            process.stderr.close()

    def test_schedule(self):
        """Warm-up, then linear, cosine or constant."""
        for schedule, middle in ("linear", 0.5), ("cosine", 0.5), ("constant", 1):
            args = options("--schedule", schedule, "--warmup", 10, "--lr", 2)
            self.assertAlmostEqual(engine.rate(4, 110, args), 1)
            self.assertAlmostEqual(engine.rate(10, 110, args), 2)
            self.assertAlmostEqual(engine.rate(60, 110, args), 2 * middle)

    def test_samples(self):
        """The coldest sample takes the likeliest token each time, up to the end."""
        config = large.Config(9, n_embd=8, std=0.4)
        for seed in range(3):
            model = large.Model(config, seed).eval()
            expected = [8]
            with torch.no_grad():
                while len(expected) <= 16 and expected[1:].count(8) == 0:
                    expected.append(model(torch.tensor([expected]))[0, -1].argmax().item())
            texts = engine.sample(model, list("abcdefgh"), 2, 16, True, 1e-4, torch.Generator())
            likeliest = ["abcdefgh"[token] for token in expected[1:] if token < 8]
            self.assertEqual(texts, [likeliest] * 2)

    def test_evaluation_from_a_checkpoint(self):
        """The figures of the run's best weights, without training; sizes come from the file."""
        checkpoint, file = FOLDER / "evaluate.pt", FOLDER / "evaluate.jsonl"
        call("--data", NAMES, *SMALL, "--checkpoint", checkpoint, "--json", file)
        before = checkpoint.read_bytes()
        status, printed, _ = call("--checkpoint", checkpoint, "--evaluate", "--sample", 5)
        self.assertEqual(status, 0)
        self.assertIn(f"validation: {results(file)[0]['best']:.4f} nats", printed)
        self.assertEqual(checkpoint.read_bytes(), before)

    @unittest.skipUnless(hasattr(os, "fork"), "needs fork, which saves ten imports of PyTorch")
    def test_killed_at_ten_moments(self):
        """Killed and gone on with ten times, a run with dropout ends with the very same losses."""
        whole, parts = FOLDER / "whole.jsonl", FOLDER / "parts.jsonl"
        checkpoint = FOLDER / "killed.pt"
        words = ("--data", NAMES, *SMALL)
        start = time.perf_counter()
        call(*words, "--json", whole)
        seconds = time.perf_counter() - start
        rng, steps = random.Random(7), set()
        for _ in range(10):
            process = os.fork()
            if process == 0:
                call(*words, "--json", parts, "--checkpoint", checkpoint)
                os._exit(0)
            time.sleep(rng.uniform(0, seconds / 3))
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
            if checkpoint.exists():
                steps.add(program.load_checkpoint(checkpoint)["state"]["step"])
        self.assertGreater(len(steps), 2)
        call(*words, "--json", parts, "--checkpoint", checkpoint)
        self.assertEqual(results(parts)[-1], results(whole)[0])

    def test_checkpoints_that_are_none(self):
        """Cut short, foreign, another run's, missing: one line, status 2, the file as it was."""
        good = FOLDER / "good.pt"
        words = ("--data", NAMES, *SMALL, "--steps", 10)
        call(*words, "--checkpoint", good)
        whole = good.read_bytes()
        bad = FOLDER / "bad.pt"
        for content in whole[:0], whole[:100], whole[:len(whole) // 2], whole[:-1], b"no zip file":
            bad.write_bytes(content)
            for more in (), ("--evaluate",):
                self.refuses("this is no whole checkpoint", *words, "--checkpoint", bad, *more)
            self.assertEqual(bad.read_bytes(), content)
        for more in ("--lr", 0.02), ("--n-embd", 16), ("--data", TEXT), ("--mixing", "mean"):
            self.refuses("another run's", *words, "--checkpoint", good, *more)
        self.assertEqual(call("--checkpoint", FOLDER / "none.pt", "--evaluate")[0], 2)
        self.assertEqual(good.read_bytes(), whole)

    def test_a_kill_while_writing(self):
        """If writing ends halfway, the old checkpoint is there, and nothing beside it."""
        checkpoint = FOLDER / "torn.pt"
        words = ("--data", NAMES, *SMALL, "--steps", 30, "--checkpoint", checkpoint)

        save = torch.save
        for kind in OSError, RuntimeError:  # PyTorch's own writer raises the second

            def torn(found, path, kind=kind):
                Path(path).write_bytes(b"half")
                if found["state"]["step"] == 30:
                    raise kind("no space left")
                save(found, path)
            checkpoint.unlink(missing_ok=True)
            with mock.patch.object(torch, "save", torn):
                self.refuses("", *words)
            self.assertEqual(program.load_checkpoint(checkpoint)["state"]["step"], 20)
            self.assertEqual(list(FOLDER.glob("torn.pt?*")), [])

    @unittest.skipUnless(sys.platform == "linux", "limits the size of files, needs fork")
    def test_a_full_disk(self):
        """A checkpoint that finds no room: one line, and the one before is whole."""
        import resource
        checkpoint, said = FOLDER / "full.pt", FOLDER / "full.txt"
        words = ("--data", NAMES, *SMALL, "--n-embd", 32, "--checkpoint", checkpoint, "--steps")
        call(*words, 10)
        before = program.load_checkpoint(checkpoint)
        before["run"]["steps"] = 20
        torch.save(before, checkpoint)
        whole = checkpoint.read_bytes()
        process = os.fork()
        if process == 0:
            resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) // 2, len(whole) // 2))
            status, _, errors = call(*words, 20)
            said.write_text(f"{status} {errors}", encoding="utf-8")
            os._exit(0)
        os.waitpid(process, 0)
        self.assertRegex(said.read_text(encoding="utf-8"), r"\A2 .*--checkpoint [^\n]*\n\Z")
        self.assertEqual(checkpoint.read_bytes(), whole)
        self.assertEqual(list(FOLDER.glob("full.pt?*")), [])

    def test_a_torn_line(self):
        """After a full disk the next result begins a line of its own; others stay as they are."""
        file = FOLDER / "torn.jsonl"
        for before, lines in (b"", 1), (b'{"a": 1}\n', 2), (b'{"a": 1}\n{"b"', 3):
            file.write_bytes(before)
            program.add_line(file, {"c": 3})
            found = file.read_bytes()
            self.assertTrue(found.startswith(before))
            self.assertEqual(json.loads(found.splitlines()[-1]), {"c": 3})
            self.assertEqual(len(found.splitlines()), lines)

    def test_other_processes(self):
        """A state of two processes goes on with one, one's with two, dropout drawn anew."""
        args = options("--data", NAMES, *SMALL)
        data = tasks.load(args)
        trainer = engine.Trainer(program.make_config(args, data.vocab_size()), args)
        state = engine.train(trainer, data, SimpleNamespace(**{**vars(args), "steps": 10}))
        for random_states, rank, world in ((state["random"] * 2, 0, 1), (state["random"], 1, 2),
                                           ([{}], 0, 1)):
            trainer.rank, trainer.world = rank, world
            drawn = []
            for _ in range(2):
                torch.manual_seed(len(drawn))
                trainer.load_state({**state, "random": random_states})
                drawn.append(torch.rand(3).tolist())
            self.assertEqual(drawn[0], drawn[1])

    def test_complaints(self):
        """Each in one line with status 2."""
        empty, short, pairs = FOLDER / "empty", FOLDER / "short", FOLDER / "no-pairs"
        empty.write_text(" \n", encoding="utf-8")
        short.write_text("too short", encoding="utf-8")
        pairs.write_text('{"sentence1": "a"}\n', encoding="utf-8")
        text = ("--task", "text", "--data")
        for words, why in (
                (("--mixing", "attention", "--n-embd", 10), "multiple of 4 heads"),
                (("--order", "gate", "--mixing", "attention"), "no gate"),
                (("--offsets", "none", "--mixing", "mean"), "needs offsets"),
                (("--batch", 6, "--accumulate", 4), "no multiple"),
                ((*text, empty), "no text"), ((*text, short), "too few"),
                ((*text, FOLDER / "missing"), "missing"), (text[:2], "needs --data"),
                (("--data", short), "at least ten"),
                ((*text, TEXT, "--batch", 999), "too few for --batch"),
                (("--task", "pairs", "--data", pairs), "line 1"),
                (("--data", NAMES, "--lr", 1e30, "--steps", 200), "no number"),
                (("--lr", "nan"), "--lr"),
                (("--checkpoint", FOLDER / "no" / "where"), "--checkpoint"),
                (("--evaluate",), "needs --checkpoint")):
            self.refuses(why, *words)
        if not torch.cuda.is_available():
            self.assertIn("no GPU", call("--device", "cuda")[2])
        full = torch.OutOfMemoryError("CUDA out of memory.")
        with mock.patch.object(engine, "train", side_effect=full):
            self.refuses("lower --batch", "--data", NAMES)


@needs_torch
class Exchange(Case):
    """Models that go to the scalar files and back."""

    def trained(self, scalar, path):
        """Keep a model that a scalar file has trained; return its documents and weights."""
        docs, vocab, config, params = scalar.begin(WORDS, random.Random(42), n_embd=8, n_layer=2)
        seen, _ = scalar.split_docs(docs, 12)
        list(scalar.train([scalar.tokenize(doc, vocab) for doc in seen], params, config, 12))
        checksum = str(zlib.crc32(json.dumps(WORDS).encode()))
        scalar.save_model(path, vocab, config, params, {checksum: (42, 12)})
        return docs, vocab, config, params

    def logits(self, scalar, docs, vocab, config, params):
        """Return the scalar file's logits at each place of each document."""
        read = inside.reader(scalar, params, config)
        return [logits for doc in docs
                for logits in read(scalar.tokenize(doc, vocab)[:-1][:config.block_size])]

    def test_there_and_back(self):
        """A scalar file's model has the same logits here, and is the same file written again."""
        for scalar, mixing in (GPT, "attention"), (CLEAN, "grassmann"):
            path, again = FOLDER / "kept.json", FOLDER / "again.json"
            docs, vocab, config, params = self.trained(scalar, path)
            kept = exchange.read(path)
            self.assertEqual(kept.config.mixing, mixing)
            model = large.Model(kept.config).double()
            exchange.load_weights(model, kept.weights)
            inputs, targets = tasks.pad([[vocab[c] for c in doc] for doc in docs], len(vocab), 16)
            expected = self.logits(scalar, docs, vocab, config, params)
            self.assertLess(gap(expected, model(inputs)[targets >= 0].tolist()), 1e-9)
            status, printed, errors = call("--data", NAMES, "--import", path, "--export", again,
                                           "--evaluate", "--precision", "float64")
            self.assertEqual((status, errors), (0, ""))
            self.assertEqual(again.read_bytes(), path.read_bytes())
            loss = scalar.evaluate([scalar.tokenize(doc, vocab) for doc in docs[12:14]], params,
                                   config)
            self.assertIn(f"validation: {loss:.4f} nats", printed)

    def test_trained_here(self):
        """A model trained here has its logits in the scalar file, whose program goes on with it."""
        for scalar, mixing in (GPT, "attention"), (CLEAN, "grassmann-loop"):
            path, other = FOLDER / "here.json", FOLDER / "there.json"
            words = ("--data", NAMES, "--mixing", mixing, "--n-embd", 8, "--layers", 2, "--tied",
                     "--steps", 5, "--batch", 2, "--seed", 7)
            checkpoint = FOLDER / f"{mixing}.pt"
            status, _, errors = call(*words, "--export", path, "--checkpoint", checkpoint)
            self.assertEqual((status, errors), (0, ""))
            vocab, config, params, trained_on = scalar.load_model(path)
            [[seed, number]] = trained_on.values()
            self.assertEqual((seed, number), (7, 10))
            found = program.load_checkpoint(checkpoint)
            model = large.Model(large.Config(mixing=mixing, tied=True, **config._asdict()))
            model.load_state_dict(found["state"]["model"])
            docs = WORDS[:4]
            inputs, targets = tasks.pad([[vocab[c] for c in doc] for doc in docs], len(vocab), 16)
            expected = self.logits(scalar, docs, vocab, config, params)
            self.assertLess(gap(expected, model.double()(inputs)[targets >= 0].tolist()), 1e-9)
            went_on = run(scalar.__file__, "--data", NAMES, "--load", path, "--save", other,
                          "--steps", 3, "--samples", 1)
            self.assertEqual((went_on.returncode, went_on.stderr), (0, ""))
            self.assertNotIn("another text", went_on.stdout)
            status, printed, errors = call("--data", NAMES, "--import", other, "--steps", 4,
                                           "--export", path)
            self.assertEqual((status, errors), (0, ""))
            self.assertNotIn("another text", printed)
            self.assertEqual(list(scalar.load_model(path)[3].values()), [(7, 10)])
            OTHER = FOLDER / "other.txt"
            OTHER.write_text("\n".join(WORDS[:15]), encoding="utf-8")
            self.assertIn("another text", call("--data", OTHER, "--import", other, "--steps", 4)[1])

    def test_complaints(self):
        """What the scalar files have not, files that hold no model: one line, status 2."""
        good, bad, none = FOLDER / "good.json", FOLDER / "bad.json", FOLDER / "none.json"
        self.trained(CLEAN, good)
        bad.write_text(good.read_text(encoding="utf-8").replace("layer0.W_red", "W"),
                       encoding="utf-8")
        strange = FOLDER / "strange.txt"
        strange.write_text("\n".join([*WORDS, "é"]), encoding="utf-8")
        names = ("--data", NAMES, "--export", none)
        for words, why in (
                ((*names, "--norm", "layer"), "no norm layer"), ((*names, "--bias"), "no bias"),
                ((*names, "--mixing", "rwkv"), "no mixing rwkv"),
                ((*names, "--order", "gate"), "no order gate"),
                ((*names, "--offset-per-layer"), "no offset per layer"),
                (("--task", "text", "--data", TEXT, "--export", none), "running text"),
                (("--task", "text", "--data", TEXT, "--import", good), "names or brackets"),
                (("--data", NAMES, "--import", bad), "no model"),
                (("--data", NAMES, "--import", NAMES), "no model"),
                (("--data", NAMES, "--import", none), "no model"),
                (("--data", strange, "--import", good), "no symbol 'é'"),
                (("--data", NAMES, "--import", good, "--bias"), "no bias")):
            self.refuses(why, *words)
        self.assertFalse(none.exists())


@needs_torch
class TwoProcesses(unittest.TestCase):
    """Data-parallel training by Gloo."""

    def start(self, rank, port, *words):
        """Start one of two processes, as torchrun would."""
        environment = {**os.environ, "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2",
                       "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
                       "OMP_NUM_THREADS": "1"}
        return subprocess.Popen([sys.executable, "-m", "large.train", *map(str, words)], text=True,
                                cwd=str(ROOT), env=environment, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)

    def test_same_losses_as_one(self):
        """Started by torchrun, documents of different lengths, the same global batch."""
        words = ("--data", NAMES, "--n-embd", 8, "--batch", 4, "--steps", 30, "--eval-every", 10,
                 "--precision", "float64", "--accumulate", 2, "--clip", 0.5, "--device", "cpu")
        one, two = FOLDER / "one.jsonl", FOLDER / "two.jsonl"
        call(*words, "--json", one)
        started = subprocess.run(
            [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
             "-m", "large.train", *map(str, (*words, "--json", two))], cwd=str(ROOT), check=False,
            capture_output=True, timeout=120, env={**os.environ, "OMP_NUM_THREADS": "1"})
        self.assertEqual(started.returncode, 0, started.stderr)
        found = [results(path) for path in (one, two)]
        self.assertEqual([len(runs) for runs in found], [1, 1])
        self.assertEqual([runs[0]["processes"] for runs in found], [1, 2])
        self.assertLess(gap(*[[point[1:3] for point in runs[0]["curve"]] for runs in found]), 1e-9)

    def test_one_is_killed(self):
        """The other ends with one line; the checkpoint is good, one process goes on from it."""
        checkpoint, file, whole = [FOLDER / name for name in ("two.pt", "on.jsonl", "all.jsonl")]
        words = ("--data", NAMES, "--n-embd", 8, "--batch", 2, "--eval-every", 50,
                 "--precision", "float64", "--device", "cpu")
        port = free_port()
        processes = [self.start(rank, port, *words, "--steps", 10 ** 6, "--schedule", "constant",
                                "--checkpoint", checkpoint) for rank in (0, 1)]
        try:
            end = time.monotonic() + 60
            while not checkpoint.exists() and time.monotonic() < end:
                time.sleep(0.05)
            processes[1].kill()
            _, errors = processes[0].communicate(timeout=60)
        finally:
            for process in processes:
                process.kill()
                process.communicate()
        ours = [line for line in errors.splitlines() if "error:" in line]
        self.assertEqual(processes[0].returncode, 2, errors)
        self.assertEqual(len(ours), 1, errors)
        self.assertNotIn("Traceback", errors)
        self.assertIn("another process has ended", ours[0])
        found = program.load_checkpoint(checkpoint)
        steps = found["state"]["step"] + 50
        found["run"]["steps"] = steps
        torch.save(found, checkpoint)
        more = ("--steps", steps, "--schedule", "constant", "--json")
        call(*words, *more, file, "--checkpoint", checkpoint)
        call(*words, *more, whole)
        curves = [[point[1:3] for point in results(path)[0]["curve"]] for path in (file, whole)]
        self.assertLess(gap(*curves), 1e-7)


def free_port():
    """Return a port that no one listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


# ---- tables --------------------------------------------------------------------------------------
class Summary(unittest.TestCase):
    """From JSON lines to tables: needs no PyTorch."""

    def line(self, name, lr, seed, perplexity, setting="s", points=3):
        return {"setting": setting, "name": name, "lr": lr, "seed": seed, "weights": 10 ** 6,
                "best": math.log(perplexity), "last": math.log(perplexity + 1),
                "test": math.log(perplexity + 2),
                "curve": [[1, 0, math.log(perplexity), None]] * points}

    def lines(self):
        return [self.line("attention", 1, 1, 50), self.line("attention", 2, 1, 40),
                self.line("attention", 3, 1, 41), self.line("attention", 2, 2, 40),
                self.line("attention", 2, 3, 50), self.line("attention", 1, 2, 1),
                self.line("grassmann", 2, 1, 63), self.line("grassmann", 4, 1, 62),
                self.line("grassmann", 4, 3, 60), self.line("grassmann", 4, 2, 60),
                self.line("mean", 2, 1, 63), self.line("mean", 1, 1, 64),
                self.line("attention", 1, 1, 50, setting="another", points=1)]

    def test_rows(self):
        """The rate that seed 1 chose, the other seeds' mean and spread, the gap paired by seed."""
        rows, tried, bases = summary.best_runs(self.lines())
        table = summary.tables(rows, tried, bases)[0][1]
        self.assertEqual(table[1][1:5], ["1.00", "2 (3)", "2-3", "45.0 ± 7.1"])
        self.assertEqual(table[2][1:5], ["1.00", "4 (2, end)", "2-3", "60.0 ± 0.0"])
        half = 12.706 * 30 / 2  # Student's t for two seeds, whose gaps are 50 and 20 %
        self.assertEqual(table[2][6], f"+35.0 ± {half:.1f} %")
        self.assertEqual(table[3][3:7], ["1", "63.0", "65.0", "+57.5 %"])  # to seed 1's 40
        self.assertEqual(summary.pairs(rows, bases)[1][4], table[2][6])
        self.assertEqual(summary.in_ranges([5, 1, 2, 3, 7]), "1-3, 5, 7")
        self.assertEqual(summary.gap({7: 60}, {1: 40, 2: 50}), "+33.3 %*")
        rows, _, _ = summary.best_runs([self.line("attention", 2, n, 40) for n in (1, 2, 3)])
        self.assertEqual(len(rows["s", "attention"]), 3)  # one rate: seed 1 chose nothing

    def test_results(self):
        """RESULTS.md has the tables as they come of the runs that are kept."""
        text = (ROOT / "RESULTS.md").read_text(encoding="utf-8")
        runs, figures, torn = summary.read(sorted((ROOT / "large" / "results").glob("*.jsonl")))
        self.assertEqual(torn, [])
        runs = [run for run in runs if run.get("unit") != "label"]
        found = dict(summary.tables(*summary.best_runs(runs)))
        for setting in (experiments.TWELVE, experiments.SIX, experiments.CLASSICS,
                        experiments.WIKITEXT):
            self.assertIn(summary.markdown(found[setting]), text, setting)
        kinds = {title.split(",")[0]: table for title, table in summary.bench_tables(figures)}
        self.assertIn(summary.markdown(kinds["write"]), text)

    def test_crossing(self):
        """Straight lines in the logarithms meet where they should; parallel ones nowhere."""
        flat, rising = {100: 4.0, 200: 4.0, 400: 4.0}, {100: 1.5, 200: 3.0, 400: 6.0}
        self.assertEqual(summary.crossing(rising, flat), round(200 * 4 / 3))
        self.assertIsNone(summary.crossing(flat, {100: 8.0, 200: 8.0}))

    def test_command(self):
        """Tables, a chart, and a clear line where a file holds something else."""
        with tempfile.TemporaryDirectory() as folder:
            file, chart = Path(folder, "runs.jsonl"), Path(folder, "chart.svg")
            file.write_text("".join([json.dumps(line) + "\n" for line in self.lines()]),
                            encoding="utf-8")
            found = run("-m", "large.summary", file, "--chart", chart)
            self.assertEqual((found.returncode, found.stderr), (0, ""))
            self.assertIn("| 1.00 | 4 (2, end) | 2-3 | 60.0 ± 0.0 |", found.stdout)
            self.assertIn("<svg", chart.read_text(encoding="utf-8"))
            whole = found.stdout
            file.write_text(file.read_text(encoding="utf-8") + '{"setting": "s", "na\n',
                            encoding="utf-8")
            found = run("-m", "large.summary", file)
            self.assertEqual((found.returncode, found.stdout), (0, whole))
            self.assertRegex(found.stderr, r"^\S+, line 14: torn, left out\n$")
            file.write_text("[1]\n", encoding="utf-8")
            found = run("-m", "large.summary", file)
            self.assertEqual((found.returncode, found.stderr.count("\n")), (2, 1))

    def test_next_run(self):
        """Each rate, one more beyond the best at an end, twice at most, then the fresh seeds."""
        done, order = {}, []
        losses = {1: 5, 2: 4, 4: 3, 8: 2, 16: 1, 32: 0}
        while True:
            chosen = experiments.next_run(done, (1, 2, 4), 2)
            if chosen is None:
                break
            order.append(chosen)
            done[chosen] = losses[chosen[0]]
        self.assertEqual(order, [(1, 1), (2, 1), (4, 1), (8, 1), (16, 1), (16, 2), (16, 3)])
        self.assertEqual(experiments.next_run({(1, 1): 1, (2, 1): 0}, (1, 2), 0), None)
        taken = {(2, 1), (1, 2)}
        self.assertEqual(experiments.next_run({(1, 1): 1}, (1, 2), 2, taken), (1, 3))

    def test_claims(self):
        """A run of a group is taken once, whichever process asks."""
        group, other = experiments.groups()[:2]
        with tempfile.TemporaryDirectory() as folder:
            first, second = [experiments.Claims(folder, group) for _ in range(2)]
            self.assertTrue(first.take(0.002, 1))
            self.assertFalse(second.take(0.002, 1))
            self.assertEqual(second.taken(), {(0.002, 1)})
            self.assertEqual(experiments.Claims(folder, other).taken(), set())

    def test_claims_of_variants(self):
        """A pair (dropout, epochs) is taken like a rate, and read back as it was."""
        with tempfile.TemporaryDirectory() as folder:
            claims = experiments.Claims(folder, self.tuned())
            self.assertTrue(claims.take((0.1, 8), 1))
            self.assertFalse(claims.take((0.1, 8), 1))
            self.assertTrue(claims.take((0.1, 16), 1))
            self.assertEqual(claims.taken(), {((0.1, 8), 1), ((0.1, 16), 1)})

    def tuned(self):
        """Return a group that tries three pairs of dropout and epochs, and then two seeds."""
        return experiments.Group("s" + experiments.TUNED, "attention", (), (0.002,), 2, 3,
                                 variants=((0.1, 8), (0.0, 8), (0.2, 16)))

    def variant(self, dropout, epochs, seed, best, lr=0.002, setting="s, tuned", name="attention"):
        """Return a run with these, as a line of JSON has it."""
        return {**self.line(name, lr, seed, math.exp(best), setting),
                "config": {"dropout": dropout}, "options": {"epochs": epochs}}

    def test_variants(self):
        """Those of the setting before count at the group's rate; all are tried, the best goes on.

        While one is at work elsewhere, there is nothing to begin.
        """
        group, runs = self.tuned(), []
        with tempfile.TemporaryDirectory() as folder:
            claims = experiments.Claims(folder, group)

            def begin():
                chosen = experiments.open_run(group, runs, claims)
                return chosen if chosen and claims.take(*chosen) else None
            other = [self.variant(0.1, 8, 1, 0, lr=0.001, setting="s"),  # another rate
                     self.variant(0.1, 8, 1, 0, name="grassmann"),
                     self.variant(0.1, 8, 1, 0, setting="another")]
            runs += other
            self.assertEqual(experiments.open_run(group, runs, claims), ((0.1, 8), 1))
            runs.append(self.variant(0.1, 8, 1, 4, setting="s"))
            self.assertEqual([begin() for _ in range(3)], [((0.0, 8), 1), ((0.2, 16), 1), None])
            runs.append(self.variant(0.0, 8, 1, 5))
            self.assertIsNone(begin())
            runs.append(self.variant(0.2, 16, 1, 3))
            self.assertEqual([begin() for _ in range(3)], [((0.2, 16), 2), ((0.2, 16), 3), None])
            runs[-1]["best"] = 4.5  # now the first is the best: its seeds were run without tuning
            runs.append(self.variant(0.1, 8, 2, 9, setting="s"))
            self.assertEqual([begin(), begin()], [((0.1, 8), 3), None])

    def test_tuned(self):
        """A tuned setting has the runs of the one before; seed 1 chooses among all of them."""
        runs = [self.variant(0.1, 8, 1, 4, lr=lr, setting="s") for lr in (0.001, 0.002, 0.004)]
        runs += [self.variant(0.1, 8, seed, 3.5, lr=0.001, setting="s") for seed in (2, 3)]
        runs[0]["best"] = 3.9
        tuned = [self.variant(0.0, 8, 1, 3.8), self.variant(0.2, 16, 1, 3.7)]
        tuned += [self.variant(0.2, 16, seed, best) for seed, best in ((3, 3.4), (2, 3.3))]
        for some, best, seeds in ((tuned, (0.002, 0.2, 16), [2, 3]),
                                  (tuned[:1], (0.002, 0.0, 8), [1])):
            rows, tried, bases = summary.best_runs([*some, *runs])
            found = rows["s, tuned", "attention"]
            self.assertEqual({summary.choice(run) for run in found}, {best})
            self.assertEqual([run["seed"] for run in found], seeds)
            self.assertEqual(len(tried["s, tuned", "attention"]), 3 + len(some[:2]))
            self.assertEqual([run["lr"] for run in rows["s", "attention"]], [0.001, 0.001])
            self.assertEqual(len(tried["s", "attention"]), 3)
        runs[0]["best"] = 3.6  # better than what tuning found
        rows, tried, bases = summary.best_runs([*tuned, *runs])
        self.assertEqual(rows["s, tuned", "attention"], rows["s", "attention"])
        tables = dict(summary.tables(rows, tried, bases))
        self.assertEqual(tables["s, tuned"][1][2:5], ["0.001 (3, end)", "0.1, 8", "2-3"])
        self.assertEqual(tables["s"][1][2:4], ["0.001 (3, end)", "2-3"])

    def test_rates(self):
        """How many rates were tried, not how many choices; "end" where the best is no middle."""
        def rates(chosen, *several):
            tried = [summary.Choice(rate, dropout, 8) for rate in several for dropout in (0, 0.1)]
            return summary.rates(tried, summary.Choice(chosen, 0, 8))
        self.assertEqual(rates(0.002, 0.001, 0.002, 0.004), "0.002 (3)")
        self.assertEqual(rates(0.004, 0.001, 0.002, 0.004), "0.004 (3, end)")
        self.assertEqual(rates(0.001, 0.001, 0.002), "0.001 (2, end)")
        self.assertEqual((rates(0.002, 0.002), rates(0, 0)), ("0.002", "-"))

    def test_groups(self):
        """No two runs of the list are the same row, and each gap has an attention."""
        found = [group[:2] for group in experiments.groups()]
        self.assertEqual(len(found), len(set(found)))
        for setting, _ in found:
            base = experiments.BASELINES.get(setting, setting)
            self.assertIn((base, "attention"), found)


class Lane:
    """Stand in for a process of large.experiments: at each look it ends a run, begins the next."""

    began = []  # all of them
    failing = ()  # numbers of groups

    def __init__(self, words, env):
        options = dict(zip(words, words[1:]))
        self.number = int(options["--group"])
        self.claims, self.json = options["--claims"], options["--json"]
        self.gpu = env["CUDA_VISIBLE_DEVICES"]
        self.returncode = self.run = None
        self.began.append(self)
        if len(self.began) > 200:
            raise RuntimeError("processes are started without end")
        alive = [lane for lane in self.began if lane.returncode is None]
        self.beside = [sum([lane.number == self.number for lane in alive]),
                       sum([lane.gpu == self.gpu for lane in alive])]

    def poll(self):
        """Return None, or the exit code once no run is left."""
        if self.number in self.failing:
            self.returncode = 1
            return self.returncode
        group = experiments.groups()[self.number]
        if self.run:
            found = {"setting": group.setting, "name": group.name, "lr": self.run[0],
                     "seed": self.run[1], "best": self.run[0]}
            with open(self.json, "a", encoding="utf-8") as file:
                file.write(json.dumps(found) + "\n")
        claims = experiments.Claims(self.claims, group)
        self.run = experiments.open_run(group, experiments.read_results(self.json), claims)
        if self.run:
            claims.take(*self.run)
        else:
            self.returncode = 0
        return self.returncode


class Schedule(unittest.TestCase):
    """Which processes large.experiments starts, and where."""

    def start(self, *options, failing=()):
        """Return the Lanes that the groups took, the lines of JSON, and what was complained of."""
        groups = [experiments.Group("s", name, (), (1.0, 2.0, 0.5), 4, lanes)
                  for name, lanes in (("one", 1), ("three", 3), ("two", 2))]
        groups.append(groups[0]._replace(setting="other"))
        with tempfile.TemporaryDirectory() as folder:
            file = str(Path(folder, "runs.jsonl"))
            Path(folder, "valid.txt").touch()
            words = ["experiments.py", "--novels", folder, "--json", file, *options]
            with mock.patch.multiple(Lane, began=[], failing=failing), \
                    mock.patch.multiple(experiments.subprocess, Popen=Lane), \
                    mock.patch.multiple(experiments.train, torch=mock.Mock(), parse=mock.Mock()), \
                    mock.patch.object(experiments, "groups", return_value=groups), \
                    mock.patch.object(sys, "argv", words), mock.patch.object(time, "sleep"):
                self.status, _, said = called(lambda _: experiments.main())
                return Lane.began, experiments.read_results(file), said

    def test_lanes(self):
        """As many processes as a group and a GPU may have, no more; each run is made once."""
        for gpus, per_gpu, most in ("0,1", 2, 2), ("3", 4, 4), ("0", 1, 1):
            lanes, runs, said = self.start("--gpus", gpus, "--per-gpu", str(per_gpu))
            with self.subTest(gpus=gpus, per_gpu=per_gpu):
                self.assertEqual(said, "")
                self.assertEqual(max([lane.beside[1] for lane in lanes]), most)
                self.assertEqual({lane.gpu for lane in lanes[:2]}, set(gpus.split(",")))
                found = [tuple(map(run.get, ("setting", "name", "lr", "seed"))) for run in runs]
                self.assertEqual(len(found), len(set(found)))
                for number, own in enumerate((1, 3, 2, 1)):
                    beside = [lane.beside[0] for lane in lanes if lane.number == number]
                    self.assertLessEqual(max(beside), own)
                    if per_gpu == 4:
                        self.assertEqual(max(beside), own)
                for key in ("s", "one"), ("s", "three"), ("s", "two"), ("other", "one"):
                    fresh = {run[3] for run in found if run[:2] == key and run[3] > 1}
                    self.assertEqual(fresh, {2, 3, 4, 5}, key)
                alone = {run[2] for run in found if run[1] == "one" and run[3] > 1}
                self.assertEqual(alone, {0.125})  # the lowest rate has the lowest loss in a Lane

    def test_a_group_fails(self):
        """It is said once for each process, no other is started; the other groups go on."""
        lanes, runs, said = self.start("--per-gpu", "4", failing=(1,))
        self.assertEqual(self.status, 2)
        self.assertEqual([lane.number for lane in lanes].count(1), 3)
        self.assertEqual(said, "group ('s', 'three') failed\n" * 3)
        self.assertEqual({(run["setting"], run["name"]) for run in runs},
                         {("s", "one"), ("s", "two"), ("other", "one")})

    def test_only(self):
        """Settings that begin so, on texts that are there; nothing where the time is over."""
        lanes, _, _ = self.start("--only", "o")
        self.assertEqual(self.status, 0)
        self.assertEqual({lane.number for lane in lanes}, {3})
        self.assertEqual(self.start("--minutes", "1")[0], [])

    def test_complaints(self):
        """One line and status 2 before any process begins."""
        for words in (["--only", "x"], ["--gpus", ""], ["--gpus", "a"], ["--per-gpu", "0"],
                      ["--minutes", "nan"], ["--minutes", "-1"], ["--novels", "/no/such"],
                      ["--done", "/no/such"], ["--json", "/no/such/x"]):
            lanes, _, said = self.start(*words)
            self.assertEqual((self.status, said.count("\n"), lanes), (2, 1, []), words)


@needs_torch
@unittest.skipUnless(find_spec("torch") and torch.cuda.is_available(), "there is no GPU here")
class OnGpu(unittest.TestCase):
    """What is captured as a graph and compiled there computes what a CPU does."""

    def curve(self, mixing, *words):
        args = options("--task", "text", "--data", TEXT, "--words", "blanks", "--n-embd", 64,
                       "--r", 8, "--layers", 2, "--norm", "layer", "--bias", "--tied", "--batch", 8,
                       "--steps", 12, "--eval-every", 4, "--clip", 1, "--lr", 0.003,
                       "--optimizer", "adamw", "--mixing", mixing, *words)
        data = tasks.load(args)
        trainer = engine.Trainer(program.make_config(args, data.vocab_size()), args)
        state = engine.train(trainer, data, args)
        return torch.tensor([point[1:3] for point in state["curve"]])

    def test_from_a_cpu(self):
        """A run that a CPU began goes on here, and one that began here on a CPU."""
        for first, second in ("cpu", "cuda"), ("cuda", "cpu"):
            checkpoint = FOLDER / f"{first}.pt"
            words = ("--data", NAMES, *SMALL, "--checkpoint", checkpoint)
            call(*words, "--steps", 10, "--device", first)
            found = program.load_checkpoint(checkpoint)
            found["run"]["steps"] = 40
            torch.save(found, checkpoint)
            status, printed, errors = call(*words, "--steps", 40, "--device", second)
            self.assertEqual((status, errors), (0, ""))
            self.assertIn("going on after step 10", printed)

    def test_same_losses(self):
        """Training and validation losses, eager and compiled, in single and half precision."""
        for mixing in "attention", "grassmann", "linear", "gated-delta-rule", "gated-recurrence":
            expected = self.curve(mixing, "--device", "cpu")
            for words, within in (((), 1e-4), (("--compile",), 1e-4),
                                  (("--compile", "--precision", "bf16"), 0.03)):
                with self.subTest(mixing=mixing, words=words):
                    found = self.curve(mixing, "--device", "cuda", *words)
                    self.assertLess((found - expected).abs().max().item(), within)

    def test_kernels(self):
        """flash-linear-attention's kernels read the same, and send the same gradients back.

        Ours in double precision. Theirs multiply in TF32, which keeps 10 bits after the point, or
        in bfloat16, which keeps 7, several times one after the other: hence 1 and 3 % of the
        root mean square.
        """
        for mixing, (dtype, within) in itertools.product(
                bench.KERNELS, ((torch.float32, 0.01), (torch.bfloat16, 0.03))):
            with self.subTest(mixing=mixing, dtype=dtype):
                try:
                    theirs = bench.by_kernel(mixing)
                except ImportError as error:
                    self.skipTest(str(error))
                inputs, ours = self.memory(mixing, dtype)
                slope = torch.randn_like(inputs[2])
                expected = ours(*[x.double() for x in inputs])
                self.assertLess(self.error(theirs(*inputs), expected), within)
                leaves = [x.double().requires_grad_() for x in inputs]
                expected = torch.autograd.grad(ours(*leaves), leaves, slope.double())
                leaves = [x.requires_grad_() for x in inputs]
                out = theirs(*leaves)
                try:
                    found = torch.autograd.grad(out, leaves, slope, allow_unused=True)
                except RuntimeError as error:  # what Triton compiles wrongly is refused
                    self.skipTest(str(error))
                for a, b in zip(found, expected):
                    if a is not None:
                        self.assertLess(self.error(a, b), within)

    def memory(self, mixing, dtype):
        """Return the arguments of what remembers or corrects, and that function."""
        torch.manual_seed(1)
        q, k, v = [torch.randn(2, 8, 200, 32, device="cuda") for _ in range(3)]
        decay, rate = [torch.randn(2, 8, 200, 1, device="cuda") for _ in range(2)]
        q, k = alternatives_of_large.unit(q), alternatives_of_large.unit(k)
        decay = (decay + 3).sigmoid().log() if mixing.startswith("gated") else 0 * decay
        inputs = [x.to(dtype) for x in (q, k, v)] + [decay]
        if "linear" in mixing:
            return inputs, alternatives_of_large.remember
        return [*inputs, rate.sigmoid()], alternatives_of_large.correct

    def error(self, found, expected):
        return ((found - expected).norm() / expected.norm()).item()
