"""benchmark.py and benchmark_paren.py: what they measure, and one small run of each."""
import contextlib
import io
import itertools
import json
import math
import random
import statistics
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import benchmark
import benchmark_paren
import beyond
import compare
import show

NAMES = "\n".join(["anna", "bob", "carla", "dora", "eva", "fred", "gina", "hanna", "ida", "jana"]
                  * 3)


def printed(main, *argv):
    """Return what main prints when it is called with these arguments, and the records it saves."""
    with tempfile.TemporaryDirectory() as folder:
        out = io.StringIO()
        result = Path(folder, "result.json")
        chart = Path(folder, "result.svg")
        with contextlib.redirect_stdout(out), mock.patch.object(compare, "TIMED_STEPS", 2):
            main([*argv, "--json", str(result), "--svg", str(chart)])
        return (out.getvalue(), json.loads(result.read_text(encoding="utf-8")),
                chart.read_text(encoding="utf-8"))


class SmallRuns(unittest.TestCase):
    def test_names(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "names.txt")
            path.write_text(NAMES, encoding="utf-8")
            with mock.patch.object(benchmark, "LENGTHS", (4, 8)), \
                    mock.patch.object(benchmark, "FOLDED_R", (2, 3)):
                text, records, chart = printed(
                    benchmark.main, "--steps=10", "--seeds=2", f"--data={path}")
        self.check(text, records, chart, 2, 2)
        self.assertEqual([scale["length"] for scale in records["scaling"]], [4, 4, 8, 8])
        self.assertEqual([fold["r"] for fold in records["folding"]], [2, 3])
        self.assertEqual(len(records["baselines"]), 7)
        self.assertAlmostEqual(records["baselines"]["blind guessing"],
                               math.log(len(set(NAMES) - {"\n"}) + 1))

    def test_text(self):
        """The language reference in blocks, no character both trained on and held out."""
        blocks, held_out = benchmark.read_blocks(64)
        self.assertGreater(len(blocks), 1000)
        self.assertLessEqual(len(held_out), benchmark.HELD_OUT)
        self.assertEqual({len(block) for block in [*blocks, *held_out]}, {64})

    def test_brackets(self):
        with mock.patch.object(benchmark_paren, "SAMPLES", 3), \
                mock.patch.object(benchmark_paren, "PAIRS", (2, 5)), \
                mock.patch.object(benchmark_paren, "DOCS", 30), \
                mock.patch.object(benchmark_paren, "distinct_strings", some_strings):
            text, records, chart = printed(benchmark_paren.main, "--steps=10", "--seeds=1")
        self.check(text, records, chart, 3, 1)
        for balance in records["balances"]:
            self.assertEqual(balance["of"], 3)
            self.assertEqual(balance["balanced"] + sum(balance["failures"].values()), 3)

    def check(self, text, records, chart, contenders, seeds):
        """All runs are there, complete, and what is printed fits a terminal."""
        self.assertEqual(len(records["runs"]), contenders * seeds)
        for run in records["runs"]:
            self.assertEqual(len(run["losses"]), 10)
            self.assertTrue(run["held_out"])
            table = f"{compare.held_out_loss(compare.Run(**run)):.4f}"
            if seeds == 1:
                self.assertIn(table, text)
        self.assertEqual(records["options"]["steps"], 10)
        self.assertIn("<svg", chart)
        for line in text.splitlines():
            self.assertLessEqual(len(line), 80, line)


def some_strings(number, rng):
    """Return so many short balanced strings; they may repeat."""
    return [benchmark_paren.balanced_string(rng) for _ in range(min(number, 60))]


class Brackets(unittest.TestCase):
    def all_strings(self, pairs):
        """Return every balanced string of so many pairs."""
        for text in itertools.product("()", repeat=2 * pairs):
            depths = list(itertools.accumulate(1 if b == "(" else -1 for b in text))
            if min(depths) >= 0 and depths[-1] == 0:
                yield "".join(text)

    def test_chances(self):
        """Those of all strings of a size sum to 1, and drawing them agrees."""
        for pairs in (1, 2, 3, 4):
            strings = list(self.all_strings(pairs))
            chances = {s: benchmark_paren.string_chance(s, pairs) for s in strings}
            self.assertAlmostEqual(sum(chances.values()), 1)
        rng = random.Random(3)
        with mock.patch.object(benchmark_paren, "PAIRS", (3, 3)):
            drawn = [benchmark_paren.balanced_string(rng) for _ in range(4000)]
        for text in self.all_strings(3):
            chance = benchmark_paren.string_chance(text, 3)
            self.assertAlmostEqual(drawn.count(text) / 4000, chance, delta=0.03)

    def test_ideal(self):
        """Its mean over all strings, each with its chance, is the least loss on average."""
        with mock.patch.object(benchmark_paren, "PAIRS", (1, 4)):
            nats = 0.0
            tokens = 0.0
            for pairs in (1, 2, 3, 4):
                for text in self.all_strings(pairs):
                    chance = benchmark_paren.string_chance(text, pairs) / 4
                    nats += chance * benchmark_paren.ideal_loss([text]) * (len(text) + 1)
                    tokens += chance * (len(text) + 1)
            self.assertAlmostEqual(nats / tokens, benchmark_paren.least_loss(1, 4))

    def test_counter(self):
        """A perfect counter is worse than the ideal, and better than blind."""
        strings = benchmark_paren.distinct_strings(600, random.Random(1))
        counter = benchmark_paren.counter_loss(strings[100:], strings[:100])
        self.assertLess(benchmark_paren.ideal_loss(strings[:100]), counter)
        self.assertLess(counter, math.log(3))

    def test_judge(self):
        for text, verdict in (("()", ("balanced", None)), ("(()", ("left open", 0)),
                              ("())(", ("closed too early", 2)), ("", ("empty", None)),
                              ("(" * benchmark_paren.BLOCK, ("block full", 0))):
            self.assertEqual(benchmark_paren.judge(text), verdict)

    def test_wilson(self):
        """Against published values: 0 of 10 and 5 of 10."""
        for hits, n, low, high in ((0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634)):
            interval = benchmark_paren.wilson(hits, n)
            self.assertAlmostEqual(interval[0], low, 3)
            self.assertAlmostEqual(interval[1], high, 3)


class Scaling(unittest.TestCase):
    def test_values_grow_as_they_should(self):
        """Grassmann's per token are constant once all offsets fit; attention's grow with L."""
        attention, grassmann = benchmark.contenders(5, False)
        counts = {rival.name: [benchmark.mixing_cost(rival, length)[1]
                               for length in (20, 40, 60)] for rival in (attention, grassmann)}
        first, second, third = counts["Grassmann"]
        self.assertEqual(third - second, second - first)
        first, second, third = counts["attention"]
        self.assertGreater(third - second, 1.3 * (second - first))

    def test_exponent(self):
        for power in (1, 2):
            scales = [benchmark.Scale("x", length, 3.0 * length ** power, 0)
                      for length in (8, 16, 32, 64)]
            self.assertAlmostEqual(benchmark.exponent(scales), power)

    def test_folding_error(self):
        """Nothing for a right angle, and it grows as the states become parallel."""
        self.assertLess(benchmark.folding_error(1), 1e-12)
        self.assertLess(benchmark.folding_error(1e-2), 1e-10)
        self.assertGreater(benchmark.folding_error(1e-5), benchmark.folding_error(1e-1))


class Refusals(unittest.TestCase):
    """Bad input is one line and status 2."""

    def refused(self, main, *argv):
        err = io.StringIO()
        with contextlib.redirect_stderr(err), self.assertRaises(SystemExit) as stopped:
            main(list(argv))
        self.assertEqual(stopped.exception.code, 2)
        self.assertEqual(len(err.getvalue().splitlines()), 1)

    def test_options(self):
        for main in (benchmark.main, benchmark_paren.main):
            for argv in (["--steps=0"], ["--steps=x"], ["--seeds=0"], ["--jobs=0"], ["--steps=--"],
                         ["--json=a", "--svg=a"], ["--json=/no/such/folder/x"], ["--wrong"]):
                with self.subTest(main=main.__module__, argv=argv):
                    self.refused(main, *argv)

    def test_too_few_documents(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "few.txt")
            path.write_text("anna\nbob\n", encoding="utf-8")
            with self.assertRaises(ValueError):
                benchmark.main([f"--data={path}"])


class Told(unittest.TestCase):
    """The means in the tables are those of the records."""

    def test_means(self):
        rivals = [compare.contender("attention", 5, ""), compare.contender("Grassmann", 5)]
        runs = [compare.Run(name, seed, 7, [], [[1, 1.0]], [[nats, 10]], [])
                for seed, pair in ((42, (20, 22)), (1, (22, 26)))
                for name, nats in zip(("attention", "Grassmann"), pair)]
        costs = {rival.name: compare.Cost(1.5, 3) for rival in rivals}
        rows = compare.show_runs(runs, rivals, costs).splitlines()
        self.assertRegex(rows[1], r"attention +7 +2\.1000 ± 0\.1414 .* 1\.5")
        losses = [compare.held_out_loss(run) for run in compare.of(runs, "Grassmann")]
        self.assertIn(f"{statistics.fmean(losses):.4f}", rows[2])
        self.assertRegex(compare.show_verdicts(runs, rivals),
                         r"Grassmann +attention +\+0\.3000 +± 1\.2710 ")

    def test_chart_shows_the_curve(self):
        self.assertIn("o a", show.chart({"a": [(1, 2.0), (2, 1.0)]}, "step", "nats"))

    def test_controls_name_what_exists(self):
        for mixer, against in (*benchmark.CONTROLS, *benchmark_paren.CONTROLS):
            self.assertIn(mixer, beyond.MAKERS)
            self.assertIn(against, beyond.MAKERS)


if __name__ == "__main__":
    unittest.main()
