"""benchmark.py and benchmark_paren.py: what they measure, and one small run of each."""
import contextlib
import functools
import io
import json
import math
import statistics
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import benchmark
import benchmark_pairs
import benchmark_paren
import compare
import tasks
from tests.helpers import called, in_this_process, slow

NAMES = "\n".join(["anna", "bob", "carla", "dora", "eva", "fred", "gina", "hanna", "ida", "jana"]
                  * 3)


def printed(main, *argv):
    """Return what main prints when it is called with these arguments, and the records it saves."""
    with tempfile.TemporaryDirectory() as folder:
        out = io.StringIO()
        result = Path(folder, "result.json")
        chart = Path(folder, "result.svg")
        with contextlib.redirect_stdout(out), mock.patch.object(compare, "TIMED_STEPS", 2), \
                mock.patch.object(compare, "CURVE_DOCS", 3), \
                mock.patch.object(compare, "CURVE_POINTS", 2), \
                mock.patch.object(compare, "side_by_side", in_this_process):
            main([*argv, "--json", str(result), "--svg", str(chart)])
        return (out.getvalue(), json.loads(result.read_text(encoding="utf-8")),
                chart.read_text(encoding="utf-8"))


@functools.cache
def small_run():
    """Return what a small run of benchmark.py prints, records and draws."""
    with tempfile.TemporaryDirectory() as folder, \
            mock.patch.object(benchmark, "LENGTHS", (4, 8)), \
            mock.patch.object(benchmark, "SAMPLES", 2), \
            mock.patch.object(benchmark, "FOLDED_LENGTH", 8), \
            mock.patch.object(benchmark, "FOLDED_R", (2, 3)):
        path = Path(folder, "names.txt")
        path.write_text(NAMES, encoding="utf-8")
        return printed(benchmark.main, "--steps=10", "--seeds=2", f"--data={path}")


class SmallRuns(unittest.TestCase):
    def test_names(self):
        text, records, chart = small_run()
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

    @slow
    def test_brackets(self):
        with mock.patch.object(benchmark_paren, "SAMPLES", {0.5: 2, 1.0: 1}), \
                mock.patch.object(tasks, "distinct_strings", some_strings):
            text, records, chart = printed(benchmark_paren.main, "--steps=10", "--seeds=1")
        self.check(text, records, chart, 3, 1)
        self.assertEqual([len(one["hits"][0]) for one in records["balances"]], [2, 1] * 3)
        for one in records["balances"]:
            self.assertEqual(sum(one["hits"][0]) + sum(one["failures"].values()),
                             len(one["hits"][0]))

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
            self.assertLessEqual(len(line), 79, line)


def some_strings(number, rng):
    """Return a few of the shortest balanced strings; they may repeat."""
    return [tasks.balanced_string(rng, (10, 10)) for _ in range(min(number, 13))]


class Scaling(unittest.TestCase):
    def test_values_grow_as_they_should(self):
        """Grassmann's per token are constant once all offsets fit; attention's grow with L."""
        counts = {}
        for one in benchmark.make_contenders(5):
            small = one._replace(config=one.config._replace(n_embd=4))
            counts[one.name] = [benchmark.mixing_cost(small, n)[1] for n in (20, 40, 60)]
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

    def test_options(self):
        for main in (benchmark.main, benchmark_paren.main, benchmark_pairs.main):
            for argv in (["--steps=0"], ["--steps=x"], ["--seeds=0"], ["--jobs=0"], ["--steps=--"],
                         ["--json=a", "--svg=a"], ["--json=/no/such/folder/x"], ["--wrong"]):
                with self.subTest(main=main.__module__, argv=argv):
                    status, _, errors = called(main, *argv)
                    self.assertEqual((status, errors.count("\n")), (2, 1))

    def test_too_few_documents(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "few.txt")
            path.write_text("anna\nbob\n", encoding="utf-8")
            with self.assertRaises(ValueError):
                benchmark.main([f"--data={path}"])


class Told(unittest.TestCase):
    """The means in the tables are those of the records."""

    def test_means(self):
        contenders = [compare.contender("attention", 5, ""), compare.contender("Grassmann", 5)]
        runs = [compare.Run(name, seed, 7, [], [[1, 1.0]], [[nats, 10]], {})
                for seed, pair in ((42, (20, 22)), (1, (22, 26)))
                for name, nats in zip(("attention", "Grassmann"), pair)]
        costs = {contender.name: compare.Cost(1.5, 3) for contender in contenders}
        rows = compare.show_runs(runs, contenders, costs).splitlines()
        self.assertRegex(rows[1], r"attention +7 +2\.1000 ± 0\.1414 .* 1\.5")
        losses = [compare.held_out_loss(run) for run in compare.of(runs, "Grassmann")]
        self.assertIn(f"{statistics.fmean(losses):.4f}", rows[2])
        self.assertRegex(compare.show_verdicts(runs, contenders),
                         r"Grassmann +attention +\+0\.3000 +± 1\.2710 ")

    def test_contenders_are_compared_with_one_another(self):
        """Each contender is compared with one that is there, before it."""
        for contenders in (benchmark.make_contenders(27, True, True),
                           benchmark_paren.make_contenders(1, True, True),
                           benchmark_pairs.make_contenders(20, 1)):
            names = [""]
            for contender in contenders:
                self.assertIn(contender.against, names)
                self.assertNotIn(contender.name, names)
                names.append(contender.name)
