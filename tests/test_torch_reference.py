"""The models in PyTorch against the scalar files and against formulas; the script around them."""
import io
import json
import math
import os
import random
import re
import shutil
import tempfile
import unittest
from contextlib import redirect_stderr, redirect_stdout
from itertools import product
from pathlib import Path
from unittest import mock

import benchmark_paren
import show
from tests import torch_reference
from tests.helpers import CLEAN, GPT, gap, numbers, set_up, slow
from tests.torch_reference import Config, torch

needs_torch = unittest.skipIf(torch is None and not os.environ.get("MICROGRASSMANN_TORCH"),
                              "PyTorch is not installed (MICROGRASSMANN_TORCH=1 makes it an error)")
WORDS = ["ada", "bo", "cleo", "dag", "elisabeth", "fay", "gwen", "hal", "ida", "jo", "kim", "ned",
         "ottokar", "pia", "rosa", "sven", "tim", "una", "vera", "willhelminafrancisca", "yves"]
TINY = ("--steps", 9, "--eval-every", 4, "--n-embd", 8)
MODELS = ("attention", "grassmann", "counting")


def setUpModule():
    global FOLDER, NAMES, TEXT
    FOLDER = Path(tempfile.mkdtemp())
    unittest.addModuleCleanup(shutil.rmtree, str(FOLDER), ignore_errors=True)
    NAMES, TEXT = FOLDER / "names.txt", FOLDER / "text.txt"
    NAMES.write_text("\n".join(WORDS), encoding="utf-8")
    TEXT.write_text("She sells sea shells on the sea shore.\n" * 20, encoding="utf-8")
    if torch:
        torch.set_num_threads(1)  # the tensors are tiny


def call(*options, main=torch_reference.main):
    """Run the script in this process; return its status, what it printed, its errors."""
    out, err, status = io.StringIO(), io.StringIO(), 0
    with mock.patch("sys.argv", ["torch_reference.py", *map(str, options)]), \
            redirect_stdout(out), redirect_stderr(err):
        try:
            main()
        except SystemExit as stop:
            status = stop.code
    return status, out.getvalue(), err.getvalue()


def results(path):
    """Return the JSON there, without the one figure that no two runs have in common."""
    found = json.loads(path.read_text(encoding="utf-8"))
    for run in found["finished"]:
        del run["tokens a second"]
    return found


def limited(function, number):
    """Return the function, which after so many calls is interrupted."""
    left = [None] * number

    def limit(*arguments):
        if not left:
            raise KeyboardInterrupt
        left.pop()
        return function(*arguments)
    return limit


def tensors(params):
    """Return copies of the scalar weights as float64 tensors, their gradients 0."""
    weights = {name: torch.tensor([numbers(row) for row in rows], dtype=torch.float64,
                                  requires_grad=True) for name, rows in params.items()}
    for w in weights.values():
        w.grad = torch.zeros_like(w)
    return weights


@needs_torch
class AgainstTheScalarFiles(unittest.TestCase):
    """The same numbers, in double precision."""

    def same(self, model, run, *configs):
        """Check logits, losses and gradients on documents of several lengths in one batch."""
        docs, n_layer, block_size = run.docs[:5], run.config.n_layer, run.config.block_size
        cuts = [doc[:-1][:block_size] for doc in docs]
        along = []
        for cut in cuts:
            cache = [[] for _ in range(n_layer)]
            along.append([numbers(model.forward(token, cache, run.params, run.config))
                          for token in cut])
        losses = [v for doc in docs for v in model.token_losses(doc, run.params, run.config)]
        mean = model.total(losses) / len(losses)
        mean.backward()
        tokens, targets = torch_reference.pad(docs, block_size)
        self.assertEqual((targets >= 0).sum(1).tolist(), list(map(len, cuts)))
        for config in configs:
            weights = tensors(run.params)
            scores = torch_reference.logits(tokens, weights, config)
            for cut, expected, rows in zip(cuts, along, scores.tolist()):
                self.assertLess(gap(expected, rows[:len(cut)]), 1e-9)
            loss = torch_reference.cross_entropy(scores, targets)
            loss.backward()
            evaluated = torch_reference.evaluate(docs, weights, config, batch=2)
            self.assertLess(gap([[mean.data] * 2], [[loss.item(), evaluated]]), 1e-9)
            for name, rows in run.params.items():
                slopes = weights[name].grad
                largest = max(1e-3, slopes.abs().max().item())
                self.assertLess(gap([[w.grad / largest for w in row] for row in rows],
                                    (slopes / largest).tolist()), 1e-9, name)

    def test_attention(self):
        """One layer and three."""
        for n_layer, scale in (1, 4), (3, 1), (3, 4):
            run = set_up(GPT, WORDS, scale=scale, n_layer=n_layer, n_embd=8)
            with self.subTest(n_layer=n_layer, scale=scale):
                self.same(GPT, run, Config(model="attention", **run.config._asdict()))

    def test_grassmann(self):
        """The loop and the folded form, one layer and three, a window that never fits."""
        for n_layer, window, r in (1, (1, 2, 4, 8, 12, 16), 4), (3, (1, 3, 5), 5), (1, (20,), 2):
            run = set_up(CLEAN, WORDS, scale=4, n_layer=n_layer, n_embd=8, window=window, r=r)
            with self.subTest(n_layer=n_layer, window=window):
                self.same(CLEAN, run, *[Config(folded=folded, **run.config._asdict())
                                        for folded in (False, True)])

    def test_weights(self):
        """The same draws from the same generator, which is left in the same state."""
        for model, name in (GPT, "attention"), (CLEAN, "grassmann"):
            config, rng, twin = model.Config(7, n_layer=2), random.Random(3), random.Random(3)
            weights = torch_reference.init_weights(Config(model=name, **config._asdict()), rng)
            params = model.init_params(config, twin)
            self.assertEqual(list(weights), list(params))
            for key, rows in params.items():
                self.assertLess(gap([numbers(row) for row in rows], weights[key].tolist()), 1e-7)
            self.assertEqual(rng.random(), twin.random())
        half = torch_reference.init_weights(Config(3), random.Random(3), std=0.04)
        whole = torch_reference.init_weights(Config(3), random.Random(3))
        self.assertTrue(torch.equal(half["wte"] * 2, whole["wte"]))

    def test_training(self):
        """A run with a batch of one ends where the scalar program's ends, within rounding."""
        for model, name in (GPT, "attention"), (CLEAN, "grassmann"):
            run = set_up(model, WORDS, n_embd=8)
            seen, unseen = model.split_docs(run.docs, 12)
            list(model.train(seen, run.params, run.config, 12))
            file = FOLDER / f"{name}.json"
            call("--model", name, "--data", NAMES, "--steps", 12, "--n-embd", 8, "--json", file)
            found = results(file)["finished"][0]
            self.assertAlmostEqual(found["last loss"],
                                   model.evaluate(unseen, run.params, run.config), delta=1e-4)

    def test_samples(self):
        """The coldest sample takes the likeliest token each time, up to BOS or the block's end."""
        for seed in range(4):
            run = set_up(CLEAN, WORDS, scale=4, seed=seed, n_embd=8)
            bos, cache, expected = len(run.vocab), [[]], []
            while len(expected) < 16 and (not expected or expected[-1] != bos):
                token = expected[-1] if expected else bos
                scores = numbers(CLEAN.forward(token, cache, run.params, run.config))
                expected.append(scores.index(max(scores)))
            samples = torch_reference.sample(
                bos, 3, run.vocab, tensors(run.params), Config(**run.config._asdict()),
                torch.Generator(), temperature=1e-5)
            self.assertEqual(samples, ["".join(run.vocab[t] for t in expected if t != bos)] * 3)


@needs_torch
class TheFold(unittest.TestCase):
    """One wedge product in place of a loop."""

    def test_at_the_paper_s_size(self):
        """In single precision both agree to 1e-5, outputs and gradients; half precision runs."""
        for model in "grassmann", "counting":
            config = Config(2, model, 256, 1, 128, r=32)
            weights = torch_reference.init_weights(config, random.Random(1))
            tokens = torch.randint(2, (1, 128), generator=torch.Generator().manual_seed(1))
            runs = []
            for folded in False, True:
                scores = torch_reference.logits(tokens, weights, config._replace(folded=folded))
                slopes = torch.autograd.grad(scores.square().sum(), weights.values())
                runs.append([a / a.abs().max() for a in (scores, *slopes)])
            apart = [(a - b).abs().max().item() for a, b in zip(*runs)]
            self.assertLess(max(apart), 1e-5)
            with torch.autocast("cpu", torch.bfloat16):
                half = torch_reference.logits(tokens, weights, config)
            self.assertEqual(half.dtype, torch.bfloat16)
            self.assertLess((half - scores).abs().max(), 0.03 * scores.abs().max())

    def test_nearly_parallel(self):
        """Where Lagrange's form cancels, it costs little accuracy: single and double precision."""
        generator = torch.Generator().manual_seed(1)
        u, v = torch.randn(2, 500, 4, dtype=torch.float64, generator=generator)
        for angle in 0, 1e-8, 1e-6, 1e-5, 1e-4, 3e-4, 1e-3, 0.01, 0.1, 1:
            single = torch.stack((u, 1.3 * u + angle * v), 1).float()
            true = torch_reference.add_planes(single.double(), (1,))

            def error(planes, true=true):
                return (planes - true).abs().max().item()

            def folded(z):
                return torch_reference.wedge(z, torch_reference.fold(z, (1,)))
            loop = error(torch_reference.add_planes(single, (1,)))
            self.assertLess(error(folded(single)), 4 * loop, angle)
            self.assertLess(error(folded(single.double())), 1e-6, angle)

    @slow
    def test_speed(self):
        """At the paper's size the fold takes less than half of the time."""
        printed = call("--compare-mixing", "--n-embd", 256, "--r", 32, "--block-size", 128,
                       "--batch", 4)[1]
        self.assertGreater(float(re.search(r"([\d.]+) times faster", printed)[1]), 2)

    def test_comparison(self):
        """It prints two times, their ratio and how far apart the forms are."""
        for model in "grassmann", "counting":
            status, printed, _ = call("--compare-mixing", "--batch", 2, "--model", model)
            figures = re.search(r"explicit (\S+) ms, folded (\S+) ms, (\S+) times faster, (\S+) "
                                r"apart\n$", printed)
            explicit, folded, ratio, apart = map(float, figures.groups())
            self.assertEqual(status, 0)
            self.assertAlmostEqual(explicit / folded / ratio, 1, delta=0.1)
            self.assertTrue(0 < apart < 1e-4, apart)


@needs_torch
class Counting(unittest.TestCase):
    """The layer with a running sum, against its formulas."""

    def by_hand(self, xs, layer, offsets):
        """Return the layer's outputs, number by number, from lists of numbers."""
        def times(matrix, x):
            return [sum(w * x_i for w, x_i in zip(row, x)) for row in matrix]

        def plane(u, v):
            return [u[i] * v[j] - u[j] * v[i] for i in range(len(u)) for j in range(i + 1, len(u))]
        out, past = [], []
        for x in xs:
            y = times(layer["W_red"], x)
            sums = [sum(column) for column in zip([0] * len(y), *past)]
            pairs = [plane([*y, 1], [*sums, 1])]
            for s in [len(past) - offset for offset in offsets if offset <= len(past)]:
                p = plane([*y, 1], [*past[s], 1])
                pairs.append([p_ij / math.sqrt(sum(q * q for q in p) + 1e-8) for p_ij in p])
            g = times(layer["W_plu"], [sum(column) / len(pairs) for column in zip(*pairs)])
            scores = zip(times(layer["W_gate_h"], x), times(layer["W_gate_g"], g))
            alpha = [1 / (1 + math.exp(-a - b)) for a, b in scores]
            out.append([a * x_i + (1 - a) * g_i for a, x_i, g_i in zip(alpha, x, g)])
            past.append(y)
        return out

    def test_formulas(self):
        """Both forms, from the first position, which has the new pair alone, to the last."""
        for r, offsets in (2, (1,)), (4, (1, 2, 4, 8, 16)), (5, (3, 30)):
            config = Config(3, "counting", 6, 1, 20, r=r, window=offsets)
            weights = torch_reference.init_weights(config, random.Random(r))
            layer = {name[7:]: 9 * w.detach().double() for name, w in weights.items()}
            x = torch.randn(2, 20, 6, dtype=torch.float64,
                            generator=torch.Generator().manual_seed(r))
            lists = {name: w.tolist() for name, w in layer.items()}
            for folded in False, True:
                out = torch_reference.grassmann(x, layer, offsets, config._replace(folded=folded))
                for rows, xs in zip(out.tolist(), x.tolist()):
                    self.assertLess(gap(rows, self.by_hand(xs, lists, offsets)), 1e-10)

    def test_size(self):
        """A row less than the Grassmann model; both as the scalar files count, on 27 symbols."""
        for model, size in ("attention", 4192), ("grassmann", 3840), ("counting", 3824):
            weights = torch_reference.init_weights(Config(27, model), random.Random(1))
            self.assertEqual(sum(w.numel() for w in weights.values()), size)


@needs_torch
class Reach(unittest.TestCase):
    """What the last position sees."""

    def test_offset_per_layer(self):
        """Layer n has offset n of the window, and after the last the first comes again."""
        reach = {1: {0, 2}, 2: {0, 2, 5, 7}, 3: {0, 2, 4, 5, 7, 9}}
        for n_layer, seen in reach.items():
            config = Config(2, n_embd=8, n_layer=n_layer, window=(2, 5), offset_per_layer=True)
            weights = torch_reference.init_weights(config, random.Random(1))
            tokens = torch.zeros(17, 16, dtype=torch.long)
            tokens[range(16), range(16)] = 1  # row n differs from the last in place n
            with torch.no_grad():
                last = torch_reference.logits(tokens, weights, config)[:, -1]
            moved = (last != last[-1]).any(1).tolist()
            self.assertEqual({15 - place for place in range(16) if moved[place]}, seen)


@needs_torch
class Script(unittest.TestCase):
    """Trains, is killed, goes on, complains."""

    def test_tasks(self):
        """Each task with each model: the loss falls, the figures are those of the samples."""
        for task, model in product(("names", "parens", "text"), MODELS):
            with self.subTest(task=task, model=model):
                file, data = FOLDER / f"{task}-{model}.json", {"names": NAMES, "text": TEXT}
                status, printed, errors = call(
                    "--task", task, "--model", model, "--json", file, "--steps", 30, "--batch", 4,
                    "--block-size", 24, "--eval-every", 10, "--n-embd", 8,
                    *(("--data", data[task]) if task in data else ()))
                self.assertEqual((status, errors), (0, ""))
                found = json.loads(file.read_text(encoding="utf-8"))
                run, vocab_size = found["finished"][0], found["run of"]["vocab_size"]
                self.assertEqual([step for step, _ in run["losses"]], [10, 20, 30])
                self.assertLess(run["last loss"], math.log(vocab_size) - 0.01)
                self.assertEqual(min(loss for _, loss in run["losses"]), run["best loss"])
                self.assertIn([run["best step"], run["best loss"]], run["losses"])
                self.assertIn(f"seed 42: loss {run['last loss']:.4f} at the end", printed)
                self.assertGreater(run["tokens a second"], 0)
                self.assertIn(repr(run["samples"][0]), printed)
                if task == "parens":
                    share = sum(benchmark_paren.judge(s)[0] == "balanced" for s in run["samples"])
                    self.assertEqual(len(run["samples"]), 200)
                    self.assertAlmostEqual(run["balanced %"], share / 2)
                    self.assertIn(f"{share / 2:.1f} % balanced", printed)

    def test_best(self):
        """The weights of the best validation write the samples, also where it isn't the last."""
        for best in 1, 2, 3:
            losses = [1.0 - (n == best) for n in (1, 2, 3)]
            file, shown = FOLDER / f"best{best}.json", []
            sample = torch_reference.sample

            def spy(first, number, vocab, weights, *rest, shown=shown, sample=sample):
                shown.append({name: w.clone() for name, w in weights.items()})
                return sample(first, number, vocab, weights, *rest)

            def evaluate(docs, weights, *rest, shown=shown, losses=losses):
                shown.append({name: w.detach().clone() for name, w in weights.items()})
                return losses[len(shown) - 1]
            with mock.patch.multiple(torch_reference, sample=spy, evaluate=evaluate):
                call("--data", NAMES, "--json", file, *TINY)
            run = results(file)["finished"][0]
            self.assertEqual((run["best step"], run["best loss"]), ((4, 8, 9)[best - 1], 0.0))
            for name, w in shown[best - 1].items():
                self.assertTrue(torch.equal(w, shown[3][name]), (best, name))

    def test_killed(self):
        """Killed at any moment, the run goes on to exactly the results it would have had."""
        for task, model in ("text", "counting"), ("names", "attention"):
            options = ("--task", task, "--model", model, "--data", TEXT, "--block-size", 12,
                       "--batch", 2, "--seeds", 2, *TINY)
            call(*options, "--json", FOLDER / "whole.json")
            whole = results(FOLDER / "whole.json")
            for kills, left in ((3,), 18), ((6, 7), 9), ((8, 3), 9), ((17,), 1), ((14, 4), 1):
                with self.subTest(task=task, kills=kills):
                    kept, file = FOLDER / f"{task}{kills}", FOLDER / "parts.json"
                    pick = torch_reference.pick
                    for kill in kills:  # after so many steps more
                        with mock.patch.object(torch_reference, "pick",
                                               side_effect=limited(pick, kill)), \
                                self.assertRaises(KeyboardInterrupt):
                            call(*options, "--checkpoint", kept)
                    with mock.patch.object(torch_reference, "pick", wraps=pick) as steps:
                        status = call(*options, "--checkpoint", kept, "--json", file)[0]
                    self.assertEqual((status, steps.call_count), (0, left))
                    self.assertEqual(results(file), whole)

    def test_killed_while_writing(self):
        """Half a checkpoint never takes the place of a whole one."""
        kept, options = FOLDER / "torn", ("--data", NAMES, *TINY)
        call(*options, "--json", FOLDER / "whole.json")
        save, number = torch.save, []

        def half(record, path):
            number.append(1)
            save(record, path)
            if len(number) == 2:
                Path(path).write_bytes(Path(path).read_bytes()[:999])
                raise KeyboardInterrupt
        with mock.patch.object(torch, "save", half), self.assertRaises(KeyboardInterrupt):
            call(*options, "--checkpoint", kept)
        self.assertEqual(call(*options, "--checkpoint", kept, "--json", FOLDER / "on.json")[0], 0)
        self.assertEqual(results(FOLDER / "on.json"), results(FOLDER / "whole.json"))
        before = kept.read_bytes()
        printed = call(*options, "--checkpoint", kept)[1]  # nothing is left to do
        self.assertIn("seed 42: loss", printed)
        self.assertEqual(kept.read_bytes(), before)

    def test_wrong_input(self):
        """One line, status 2."""
        few, short, kept = FOLDER / "few.txt", FOLDER / "short.txt", FOLDER / "other"
        few.write_text("a\nb\n", encoding="utf-8")
        short.write_text("too short", encoding="utf-8")
        (FOLDER / "bytes").write_bytes(b"\xff\xfe\x00" * 9)
        call("--data", NAMES, "--checkpoint", kept, *TINY)
        for options, complaint in (
                (("--task", "sums"), "--task"), (("--model", "rnn"), "--model"),
                (("--steps", "0"), "--steps"), (("--layers", "x"), "--layers"),
                (("--r", "1"), "--r"), (("--offsets", "1,,2"), "--offsets"),
                (("--offsets", "0"), "--offsets"), (("--block-size", "1"), "--block-size"),
                (("--lr", "0"), "--lr"), (("--lr", "inf"), "--lr"), (("--lr", "nan"), "--lr"),
                (("--lr", "x"), "--lr"), (("--std", "0"), "--std"), (("--seeds", "-1"), "--seeds"),
                (("more",), "more"), (("--data", NAMES, "--checkpoint", kept, *TINY, "--std", 1),
                                      "not with this std$"),
                (("--model", "attention", "--n-embd", "10"), "--n-embd"),
                (("--model", "attention", "--compare-mixing"), "--compare-mixing"),
                (("--compare-mixing", "--offsets", "16,20"), "--compare-mixing"),
                (("--data", FOLDER / "none"), "none"), (("--data", few), "few.txt"),
                (("--data", FOLDER / "bytes"), "bytes"),
                (("--task", "text", "--data", FOLDER / "none"), "none"),
                (("--task", "text", "--data", FOLDER / "bytes"), "bytes"),
                (("--task", "text", "--data", short), "20 blocks"),
                (("--task", "parens", "--data", NAMES), "--data"),
                (("--json", FOLDER / "none" / "x"), "--json"), (("--json", FOLDER), "--json"),
                (("--checkpoint", FOLDER / "none" / "x"), "--checkpoint"),
                (("--checkpoint", NAMES), "no checkpoint"),
                (("--checkpoint", FOLDER / "bytes"), "no checkpoint"),
                (("--data", NAMES, "--checkpoint", kept, *TINY, "--steps", 8), "steps$"),
                (("--data", NAMES, "--checkpoint", kept, *TINY, "--r", 3), "r$"),
                (("--data", NAMES, "--lr", 1e30, *TINY), "seed 42: loss (nan|inf) after step")):
            with self.subTest(options=options):
                status, _, errors = call(*options)
                self.assertEqual((status, errors.count("\n")), (2, 1), errors)
                self.assertRegex(errors.strip(), complaint)
        with mock.patch.object(torch.cuda, "is_available", return_value=False):
            self.assertRegex(call("--amp")[2], "^torch_reference.py: error: --amp: .*\n$")

    def test_data_that_changed(self):
        """A run doesn't go on with other documents, even if their vocabulary is the same."""
        file, kept = FOLDER / "changing.txt", FOLDER / "changing"
        for words, status in (WORDS, 0), (WORDS, 0), (WORDS[1:] + WORDS[:1], 2):
            file.write_text("\n".join(words), encoding="utf-8")
            self.assertEqual(call("--data", file, "--checkpoint", kept, *TINY)[0], status)

    def test_interrupted(self):
        """Ctrl-C is one line and status 130."""
        def program():
            with mock.patch("sys.stdout", io.TextIOWrapper(io.BytesIO())):
                show.run_program(torch_reference.main)
        with mock.patch.object(torch_reference, "run", side_effect=KeyboardInterrupt):
            self.assertEqual(call("--data", NAMES, main=program), (130, "", "stopped\n"))


class WithoutTorch(unittest.TestCase):
    """Where PyTorch is missing."""

    def test_says_so(self):
        """One line, status 2."""
        with mock.patch.object(torch_reference, "torch", None):
            complaint = "torch_reference.py: error: PyTorch is not installed: pip install torch\n"
            self.assertEqual(call(), (2, "", complaint))


if __name__ == "__main__":
    unittest.main()
