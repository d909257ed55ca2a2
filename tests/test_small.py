"""large/small.py: its runs against the scalar files', its texts, what it runs, its tables."""
import io
import math
import random
import tempfile
import threading
import unittest
from contextlib import redirect_stdout, suppress
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import beyond
import compare
import tasks
from large import small
from tests.helpers import ROOT, gap, needs_torch, slow

if find_spec("torch"):
    from large import data as parts
    from large import exchange
    from large import model as large

KEPT = ROOT / "large" / "small.jsonl"


@needs_torch
class Runs(unittest.TestCase):
    """Twelve steps here are twelve steps of the scalar engine, to 1e-9."""

    def found(self, row, rate, seed, **changes):
        """Return what small.run finds after twelve steps."""
        setting = small.SETTINGS[row.setting]._replace(steps=12, **changes)
        with mock.patch.dict(small.SETTINGS, {row.setting: setting}):
            return small.run(row, rate, seed)

    def same(self, found, loss, weights):
        self.assertLess(gap([[found["nats"]]], [[loss]]), 1e-9, found)
        self.assertEqual(found["weights"], weights)

    def test_documents(self):
        """Names and brackets: the loss on all documents held out; what reported seeds wrote."""
        names = ("attention", "Grassmann", "gated delta rule with convolution",
                 "linear map and planes, r 3", "attention, no past", "W_red frozen")
        cases = [("names, 1,000", name) for name in names]
        cases += [("brackets, 1,000", name) for name in ("decayed sums", "mean, 50 offsets")]
        rows = {row[:2]: row for row in small.rows()}
        docs = {"names": tasks.documents(tasks.INPUT.read_text(encoding="utf-8"))[::1500],
                "strings": tasks.distinct_strings(20, random.Random(42), (2, 6))}
        for case, rate, seed in zip(cases, (0.01, 0.03) * 4, (42, 101) * 4):
            row = rows[case]
            task = small.SETTINGS[row.setting].task
            mixer = "W_red frozen" if row.name == "W_red frozen" else row.mixer
            contender = compare.contender(mixer, 1 + len(set("".join(docs[task]))), rate=rate,
                                          **row.sizes)
            quick = {"report_step": mock.DEFAULT, "CURVE_POINTS": 1}
            with self.subTest(case), mock.patch.multiple(compare, **quick), \
                    mock.patch.multiple(small, WRITTEN=5, documents=lambda task, _: docs[task]):
                expected = compare.train_run(contender, compare.split(docs[task], seed, 12), seed,
                                             12, {})
                found = self.found(row, rate, seed)
                self.same(found, compare.held_out_loss(expected), expected.parameters)
                self.assertEqual("written" in found, task == "strings" and seed == 42)

    def scalar(self, row, sizes, halves, rate, seed):
        """Return loss, share of right answers and number of weights of a scalar file's run."""
        model = beyond.asking(row.mixer)
        config = beyond.configure(row.mixer, **sizes)
        params = model.init_params(config, random.Random(seed))
        train, held_out = halves
        list(model.train(train, params, config, 12, rate))
        right, number = beyond.count_right(model, held_out, params, config)
        size = sum([len(line) for matrix in params.values() for line in matrix])
        return model.evaluate(held_out, params, config), right / number, size

    def test_signs(self):
        """Questions about random signs, of one layer and of two: loss and right answers."""
        for task, name, seed in (("copy", "attention", 42), ("copy", "Grassmann", 1),
                                 ("copy", "gated delta rule with convolution", 101),
                                 ("recall", "linear map", 2)):
            with self.subTest(task=task, name=name), mock.patch.object(tasks, "QUESTIONS", 5), \
                    mock.patch.object(small, "LENGTH", 14):
                data = tasks.questions(task, seed, 12, 14, 15)
                sizes = {"vocab_size": len(data.vocab), "block_size": 14,
                         "window": (1, 2, 4, 8, 16), "n_layer": 2 if task == "recall" else 1}
                halves = [[tasks.in_tokens(example, data.vocab) for example in some]
                          for some in (data.train, data.held_out)]
                row = small.Row(task, name, name, {})
                loss, right, size = self.scalar(row, sizes, halves, 0.03, seed)
                found = self.found(row, 0.03, seed)
                self.same(found, loss, size)
                self.assertAlmostEqual(found["right"], right, delta=1e-9)

    def test_pairs(self):
        """Recall of more pairs, which the full runs learn in batches and on a GPU."""
        setting = small.recall(3, 8)._replace(steps=12, batch=1)
        row = small.Row("pairs", "attention", "attention", {})
        with mock.patch.dict(small.SETTINGS, pairs=setting), \
                mock.patch.object(small, "HELD_OUT", 5):
            data = small.begin(row, setting, 7).data
            halves = [[(text, [None if a < 0 else a for a in answers])
                       for text, answers in zip(*[part.tolist() for part in half])]
                      for half in (data.train, data.valid)]
            sizes = {"vocab_size": 13, "n_layer": 2, "n_embd": 8, "block_size": 12}
            loss, right, size = self.scalar(row, sizes, halves, 0.03, 7)
            with mock.patch.object(small.torch.cuda, "is_available", return_value=False):
                found = small.run(row, 0.03, 7)
        self.same(found, loss, size)
        self.assertAlmostEqual(found["right"], right, delta=1e-9)

    def test_diverged(self):
        """Where the loss is no number any more, the run is a line like others, the worst of all."""
        docs = tasks.distinct_strings(20, random.Random(42), (2, 6))
        row = small.Row("brackets, 1,000", "attention", "attention", {"block_size": 64})

        def diverge(trainer, *_):
            for weight in trainer.model.parameters():
                weight.data.fill_(math.nan)
            raise ArithmeticError
        with mock.patch.multiple(small, WRITTEN=5, documents=lambda task, _: docs), \
                mock.patch.object(small.engine, "train", diverge):
            found = self.found(row, 0.01, 42)
        self.assertEqual(found["nats"], math.inf)
        self.assertEqual(list(found["written"]), ["0.5", "1.0"])

    def test_shapes(self):
        """Each row's model has the scalar file's weights, by name and shape, and its logits."""
        for mixer, *sizes in sorted({(row.mixer, *row.sizes.items()) for row in small.rows()}):
            sizes = {"n_layer": 2, "n_embd": 8, **dict(sizes)}
            config = beyond.configure(mixer, 5, **sizes)
            scalar = beyond.mixer(mixer)
            params = scalar.init_params(config, random.Random(1))
            model = large.Model(small.of_large(mixer, config)).double()
            with self.subTest(mixer=mixer, sizes=sizes):
                self.assertEqual([name for name, _ in model.named_parameters()], list(params))
                model.load_state_dict(exchange.tensors(params))
                expected = scalar.evaluate([[4, 0, 3, 1, 2, 4]], params, config)
                found = model(*parts.pad([[0, 3, 1, 2]], 4, 16)).item() / 5
                self.assertAlmostEqual(found, expected, delta=1e-9)


@needs_torch
class Texts(unittest.TestCase):
    """Many texts of tasks.recall's kind."""

    def test_key_values(self):
        """Pairs of different keys and values, then each key once more, among fillers."""
        inputs, targets = small.key_values(5, 60, (3, 60))
        self.assertEqual(inputs.shape, (60, 20))
        places = set()
        moved = 0
        for text, answers in zip(inputs.tolist(), targets.tolist()):
            held = dict(zip(text[:10:2], text[1:10:2]))
            asked = [held.get(symbol, -100) for symbol in text[10:]]
            again = [symbol for symbol in text[10:] if symbol != 20]
            self.assertEqual((len(held), len(set(held.values()))), (5, 5))
            self.assertLessEqual(set(held), set(range(10)))
            self.assertLessEqual(set(held.values()), set(range(10, 20)))
            self.assertEqual(sorted(again), sorted(held))
            self.assertEqual(answers, [-100] * 10 + asked)
            moved += again != list(held)
            places.update([place for place, answer in enumerate(answers) if answer >= 0])
        self.assertGreater(moved, 30)
        self.assertEqual(places, set(range(10, 20)))

    def test_seeds(self):
        """No text of one seed is another's, none to learn from is held out; a seed settles them."""
        row = small.Row("", "attention", "attention", {})
        setting = small.recall(6, 4)._replace(steps=10)
        with mock.patch.object(small, "HELD_OUT", 40):
            begun = [small.begin(row, setting, seed).data for seed in (1, 2, 1)]
        texts = [{tuple(text) for text in half[0].tolist()}
                 for data in begun[:2] for half in (data.train, data.valid)]
        self.assertEqual([len(some) for some in texts], [640, 40] * 2)
        self.assertEqual(len(set().union(*texts)), 1360)
        keys = [half[0][:40, :12:2] for half in (begun[0].train, begun[0].valid)]
        self.assertFalse(keys[0].equal(keys[1]))
        self.assertTrue(begun[0].train[0].equal(begun[2].train[0]))


class WhichRuns(unittest.TestCase):
    """Rates are tried with seeds of their own; the others run at the best."""

    def order(self, losses, right=()):
        """Return the runs of a row in the order they are made, those made at once in one list."""
        setting = small.Setting("copy", 1, seeds=3)
        done, order = {}, []
        while True:
            new = small.missing(setting, done)
            if not new:
                return order
            order.append(new)
            for rate, seed in new:
                done[rate, seed] = {"nats": losses[rate]}
                if right:
                    done[rate, seed]["right"] = right[rate]

    def test_order(self):
        """All rates, one more beyond an end that is best, then the reported seeds at the best."""
        losses = {0.001: 3, 0.003: 2, 0.01: 1, 0.03: 2, 0.09: 3}
        first = [(rate, seed) for rate in (0.003, 0.01, 0.03) for seed in (101, 102)]

        def tries(rate):
            return [(rate, 101), (rate, 102)]

        def last(rate):
            return [(rate, 42), (rate, 1), (rate, 2)]
        self.assertEqual(self.order(losses), [first, last(0.01)])
        self.assertEqual(self.order({**losses, 0.03: 0}), [first, tries(0.09), last(0.03)])
        self.assertEqual(self.order({**losses, 0.03: 0, 0.09: -1}),
                         [first, tries(0.09), last(0.09)])
        self.assertEqual(self.order({**losses, 0.003: 0}), [first, tries(0.001), last(0.003)])
        right = {0.001: 0, 0.003: 0.5, 0.01: 0.1, 0.03: 0.1}
        self.assertEqual(self.order(losses, right), [first, tries(0.001), last(0.003)])

    def test_best_rate(self):
        """The mean over both seeds counts, where both are there; of equals the lower loss."""
        setting = small.Setting("copy", 1)

        def runs(**of_rates):
            return {(float(rate[1:]), 101 + n): {"right": right, "nats": nats} for rate, several
                    in of_rates.items() for n, (right, nats) in enumerate(several)}
        done = runs(r1=[(0.9, 1), (0.1, 1)], r2=[(0.6, 1), (0.6, 1)], r3=[(1.0, 0)])
        self.assertEqual(small.best_rate(setting, done), 2)
        done = runs(r1=[(0.5, 3), (0.5, 1)], r2=[(0.5, 4), (0.5, 1)])
        self.assertEqual(small.best_rate(setting, done), 1)

    def test_one_is_missing(self):
        """Of runs that were cut off, the one that is not there begins again, and it alone."""
        setting = small.Setting("names", 1, seeds=3)
        done = {(rate, seed): {"nats": 0 if rate == 0.01 else 1}
                for rate in setting.rates for seed in (101, 102, 42, 1, 2)}
        self.assertEqual(small.missing(setting, done), [])
        for lost in (0.03, 102), (0.01, 1):
            others = {key: one for key, one in done.items() if key != lost}
            self.assertEqual(small.missing(setting, others), [lost])

    def test_no_reported_seed_chose(self):
        for name, setting in small.SETTINGS.items():
            self.assertFalse(set(setting.tried_with) & set(compare.seeds(setting.seeds)), name)
        rows = small.reported(small.read(KEPT))
        self.assertGreater(len(rows), 100)
        for (name, layer), runs in rows.items():
            self.assertEqual(set(runs), set(compare.seeds(small.SETTINGS[name].seeds)))
            self.assertEqual(len({one["lr"] for one in runs.values()}), 1, (name, layer))

    def test_rows(self):
        """No row is listed twice, and each has a setting."""
        found = [row[:2] for row in small.rows()]
        self.assertEqual(len(found), len(set(found)))
        self.assertLessEqual({setting for setting, _ in found}, set(small.SETTINGS))


class Pipes(unittest.TestCase):
    """All runs that are missing are made once, whoever makes them."""

    def start_worker(self, context):
        """Stand in for compare's: a thread that makes up what a run finds."""
        ours, theirs = context.Pipe()

        def work():
            theirs.send((None, ""))
            while True:
                try:
                    _, (row, rate, seed) = theirs.recv()
                except (EOFError, OSError):
                    return
                if seed == self.broken:
                    theirs.close()
                    return
                found = {"setting": row.setting, "name": row.name, "lr": rate, "seed": seed,
                         "nats": abs(rate - 0.01), "seconds": 0}
                with suppress(OSError):  # nobody may wait for it any more
                    theirs.send((found, ""))
        threading.Thread(target=work, daemon=True).start()
        self.pipes.append(theirs)
        return mock.Mock(), ours, None

    def run_all(self, path):
        self.pipes = []
        row = small.Row("copy", "attention", "attention", {})
        setting = small.SETTINGS["copy"]._replace(seeds=3)
        args = SimpleNamespace(json=path, minutes=1, only=["copy"], jobs=2)
        with mock.patch.dict(small.SETTINGS, {"copy": setting}), \
                mock.patch.object(small, "rows", lambda: [row]), \
                mock.patch.object(compare, "start_worker", self.start_worker), \
                redirect_stdout(io.StringIO()):
            small.run_all(args)

    def test_each_once(self):
        """Six tries, three reported; the same command again makes none; what is gone, anew."""
        self.broken = None
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "runs.jsonl")
            self.run_all(path)
            lines = path.read_text(encoding="utf-8").splitlines()
            self.assertEqual((len(lines), len(set(lines))), (9, 9))
            self.run_all(path)
            self.assertEqual(path.read_text(encoding="utf-8").splitlines(), lines)
            path.write_text("\n".join(lines[:-1]), encoding="utf-8")
            self.run_all(path)
            again = path.read_text(encoding="utf-8").splitlines()
            self.assertEqual(sorted(again), sorted(lines))

    def test_one_is_killed(self):
        """What was made stays; the error is one that run_program says in a line."""
        self.broken = 1
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "runs.jsonl")
            with self.assertRaisesRegex(OSError, "ended from outside"):
                self.run_all(path)
            self.assertGreater(len(path.read_text(encoding="utf-8").splitlines()), 5)


class Tables(unittest.TestCase):
    """From the lines that are kept to RESULTS.md."""

    def test_command(self):
        """--tables prints each, here with other numbers for chance and guess, which take long."""
        with redirect_stdout(io.StringIO()) as printed, \
                mock.patch.object(small, "known_without", return_value=(0.12, 0.34)):
            small.main(["--json", str(KEPT), "--tables"])
        text = printed.getvalue()
        self.assertEqual(text.count("\n**"), 6)
        self.assertRegex(text, r"\| copy \| 12 \| 34 \| \d+ ± \d+ \|")
        self.assertNotRegex(text, r"\bnan\b")

    def test_numbers(self):
        """Means, spreads and paired differences of runs that are easy to reckon."""
        losses = {"linear map": [0, 5], "attention": [1, 2], "Grassmann": [2, 2]}
        rows = {("names, 1,000", name): {seed: {"nats": nats, "lr": 0.01, "weights": 4000}
                                         for seed, nats in zip((42, 1), several)}
                for name, several in losses.items()}
        lines = small.losses("names, 1,000", rows, ("attention", "Grassmann")).splitlines()
        self.assertEqual([line.split(" | ")[0] for line in lines[2:]],
                         ["| attention", "| Grassmann", "| linear map"])
        self.assertEqual(lines[3], "| Grassmann | 4,000 | 0.01 | 2.0000 ± 0.0000 | "
                         f"+0.5000 ± {12.71 * 0.5:.4f} |  |")

    def test_small_tables(self):
        """RESULTS.md has the tables as they come of the runs that are kept."""
        text = (ROOT / "RESULTS.md").read_text(encoding="utf-8")
        rows = small.reported(small.read(KEPT))
        names, brackets = ("attention", "linear map", "Grassmann"), ("attention",)
        for setting, bases in (("names, 1,000", names), ("names, two passes", names),
                               ("brackets, 1,000", brackets), ("brackets, 20,000", brackets)):
            self.assertIn(small.losses(setting, rows, bases), text, setting)
        self.assertIn(small.recalled(rows), text)

    @slow
    def test_small_grid(self):
        """RESULTS.md has the grid, whose chance and guess take the texts of all seeds."""
        text = (ROOT / "RESULTS.md").read_text(encoding="utf-8")
        rows = small.reported(small.read(KEPT))
        self.assertIn(small.grid(rows), text)
        page = (ROOT / "playground" / "grid.json").read_text(encoding="utf-8")
        self.assertEqual(small.for_the_page(rows), page)
