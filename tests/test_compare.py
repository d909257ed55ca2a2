"""compare.py: runs side by side, count tables, verdicts, records."""
import json
import math
import multiprocessing
import os
import random
import signal
import statistics
import subprocess
import sys
import threading
import time
import unittest
from unittest import mock

import beyond
import compare
import show
from tests.helpers import ROOT, slow
from tests.helpers import run as run_python

NAMES = ["anna", "bob", "carla", "dora", "eva", "fred", "gina", "hanna", "ida", "jana", "kim",
         "lena"]
SIZES = {"n_embd": 8, "block_size": 8}


def small_contenders():
    """Return attention and Grassmann, small."""
    vocab_size = len(set("".join(NAMES))) + 1
    return [compare.contender("attention", vocab_size, "", n_head=2, **SIZES),
            compare.contender("Grassmann", vocab_size, window=(1, 2), **SIZES)]


def train(jobs, steps=6, seeds=(42, 1)):
    """Return the small runs, made in `jobs` processes."""
    data_of = {seed: compare.split(NAMES, seed, steps) for seed in seeds}
    return compare.train_all(small_contenders(), data_of, seeds, steps, {0.5: 2}, jobs)


def run(name, seed, held_out):
    """Return a run with nothing but its loss."""
    return compare.Run(name, seed, 10, [], [[1, 2.0]], held_out, {})


class SideBySide(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.progress = show.Progress(4 * (6 + 2))
        with mock.patch.object(show, "Progress", return_value=cls.progress):
            cls.runs = train(2)

    def test_steps_of_all_processes_are_counted(self):
        self.assertEqual(self.progress.done, self.progress.total)

    def test_same_numbers_whatever_the_number_of_processes(self):
        self.assertEqual(self.runs, train(1))

    def test_same_numbers_as_the_model_file(self):
        """The steps of main() in micro_gpt.py, one after the other."""
        model = beyond.mixer("attention")
        rng = random.Random(1)
        docs = list(NAMES)
        rng.shuffle(docs)
        config = small_contenders()[0].config
        params = model.init_params(config, rng)
        seen, held_out = model.split_docs(docs, 6)
        vocab = model.make_vocab(docs)
        losses = list(model.train([model.tokenize(doc, vocab) for doc in seen], params, config, 6))
        loss = model.evaluate([model.tokenize(doc, vocab) for doc in held_out], params, config)
        mine = compare.of(self.runs, "attention")[1]
        self.assertEqual(mine.losses, losses)
        self.assertAlmostEqual(compare.held_out_loss(mine), loss, 12)
        self.assertEqual(mine.samples["0.5"][0], model.generate(vocab, params, config, rng, 0.5))

    def test_records_are_complete(self):
        for one in self.runs:
            self.assertEqual(len(one.losses), 6)
            self.assertEqual(len(one.held_out), 1)
            self.assertEqual(len(one.samples["0.5"]), 2)
            self.assertEqual(one.curve[-1][0], 6)
        self.assertEqual([(one.contender, one.seed) for one in self.runs],
                         [(name, seed) for seed in (42, 1) for name in ("attention", "Grassmann")])

    def test_json(self):
        text = compare.to_json({"program": "x"}, runs=self.runs, costs={"a": compare.Cost(1.0, 2)})
        back = json.loads(text)
        self.assertEqual([compare.Run(**one) for one in back["runs"]], self.runs)
        self.assertEqual(back["costs"], {"a": {"milliseconds": 1.0, "values": 2}})

    @slow
    def test_error_comes_as_itself(self):
        """With the lines that led to it, which are another process's."""
        with self.assertRaisesRegex(ValueError, "math domain error") as caught:
            compare.side_by_side(math.log, [(1.0,), (0.0,)], 2, 2)
        self.assertIn("train(*arguments)", str(caught.exception.__cause__))

    @slow
    def test_killed_process_is_one_error(self):
        """Out of memory, for example: no hang, no half result."""
        def kill():
            while not multiprocessing.active_children():
                time.sleep(0.05)
            time.sleep(0.5)
            multiprocessing.active_children()[0].kill()
        threading.Thread(target=kill, daemon=True).start()
        with self.assertRaisesRegex(OSError, "ended from outside"):
            train(2, steps=20_000)
        deadline = time.monotonic() + 10
        while multiprocessing.active_children() and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertEqual(multiprocessing.active_children(), [])

    @slow
    @unittest.skipIf(sys.platform == "win32", "signals to a process group")
    def test_ctrl_c_ends_all(self):
        code = ("import show\nfrom tests import test_compare\nprint('begins', flush=True)\n"
                "show.run_program(lambda: test_compare.train(2, steps=20_000))")
        process = subprocess.Popen(
            [sys.executable, "-c", code], cwd=str(ROOT),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
        self.assertEqual(process.stdout.readline(), b"begins\n")
        time.sleep(0.7)
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=30)
        self.assertEqual((process.returncode, err.strip()), (130, b"stopped"))
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                os.killpg(process.pid, 0)
            except ProcessLookupError:
                break
            time.sleep(0.1)
        else:
            self.fail("a child lives on")


class Processes(unittest.TestCase):
    def test_no_more_than_windows_can_wait_for(self):
        for platform, number in (("win32", 61), ("linux", 100)):
            with mock.patch.object(sys, "platform", platform):
                self.assertEqual((compare.at_once(100), compare.at_once(8)), (number, 8))

    @unittest.skipUnless(hasattr(os, "sched_setaffinity"), "cores cannot be chosen here")
    def test_cores_that_may_be_used(self):
        core = min(os.sched_getaffinity(0))
        code = ("import os, show\n"
                f"os.sched_setaffinity(0, [{core}])\nprint(show.usable_cores())")
        self.assertEqual(run_python("-c", code).stdout, "1\n")


class Costs(unittest.TestCase):
    def test_values_are_counted(self):
        """Twice the same count, and attention's grows with the length."""
        data = compare.split(NAMES, 42, 10)
        with mock.patch.object(compare, "TIMED_STEPS", 2):
            one = compare.time_all(small_contenders(), data, 42)
            two = compare.time_all(small_contenders(), data, 42)
        self.assertEqual([c.values for c in one.values()], [c.values for c in two.values()])
        self.assertGreater(one["attention"].values, 100)
        self.assertGreater(one["Grassmann"].milliseconds, 0)


class Verdicts(unittest.TestCase):
    def test_by_hand(self):
        """Differences 0.1 and 0.3: mean 0.2, half 12.71 * 0.1414 / sqrt 2 = 1.271."""
        runs = [run("a", 42, [[10, 10], [20, 10]]), run("b", 42, [[11, 10], [21, 10]]),
                run("a", 1, [[10, 10], [20, 10]]), run("b", 1, [[13, 10], [23, 10]])]
        v = compare.verdict(runs, "b", "a")
        self.assertAlmostEqual(v.mean, 0.2)
        self.assertAlmostEqual(v.half_by_seed, 12.71 * 0.1)
        self.assertAlmostEqual(v.half_by_document,
                               3.18 * statistics.stdev([0.1, 0.1, 0.3, 0.3]) / 2)
        for got, wanted in zip(v.by_seed, (0.1, 0.3)):
            self.assertAlmostEqual(got, wanted)

    def test_paired_by_document(self):
        """What makes a document hard cancels: no spread over documents, however they differ."""
        runs = [run("a", 42, [[1, 10], [90, 10]]), run("b", 42, [[2, 10], [91, 10]])]
        v = compare.verdict(runs, "b", "a")
        self.assertAlmostEqual(v.half_by_document, 0)
        self.assertTrue(math.isnan(v.half_by_seed))

    def test_wilson(self):
        """Against published values: 0 of 10 and 5 of 10."""
        for hits, n, low, high in ((0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634)):
            interval = compare.wilson(hits, n)
            self.assertAlmostEqual(interval[0], low, 3)
            self.assertAlmostEqual(interval[1], high, 3)

    def test_student(self):
        """Beyond the table too, within 0.005 of the exact values (scipy.stats.t.ppf(0.975, n))."""
        for n, t in ((3, 4.303), (16, 2.131), (21, 2.086), (61, 2.000), (1001, 1.962)):
            values = [(-1) ** i for i in range(n)]
            half = compare.student(values) / statistics.stdev(values) * math.sqrt(n)
            self.assertAlmostEqual(half, t, delta=0.005)

    def test_contenders_are_paired_by_field(self):
        rivals = [r._replace(name=n) for r, n in zip(small_contenders(), ("x", "y"))]
        rivals[1] = rivals[1]._replace(against="x")
        runs = [run("x", 42, [[1, 1]]), run("y", 42, [[2, 1]])]
        self.assertIn("+1.0000", compare.show_verdicts(runs, rivals))
        self.assertEqual(show.table([["a"]]), "a")
