"""benchmark_tasks.py: names of tasks and layers, rates, answers counted, the grid, complaints."""
import contextlib
import io
import itertools
import random
import re
import unittest
from unittest import mock

import benchmark_tasks as grid
import beyond
import compare
import tasks
from tests.helpers import called, flat, slow
from tests.test_benchmarks import printed


class Options(unittest.TestCase):
    def test_names(self):
        options = grid.parse(["--layers", "attention, same offsets,linear map, attention",
                              "--tasks", "recall,dominance 4"])
        self.assertEqual(options.layers, ["attention, same offsets", "linear map", "attention"])
        self.assertEqual(options.tasks, ["recall", "dominance 4"])
        self.assertEqual(grid.parse(["--layers", "all"]).layers, list(beyond.MAKERS))
        self.assertEqual(grid.parse(["--rate", "try"]).rate, "try")
        self.assertEqual(grid.parse(["--rate", ".02"]).rate, 0.02)

    def test_complaints(self):
        for words in (("--tasks", "foo"), ("--layers", "Grassmann,bar"), ("--steps", "9"),
                      ("--rate", "0"), ("--rate", "nan"), ("--rate", "x"), ("--tasks", "")):
            status, _, errors = called(grid.parse, *words)
            self.assertEqual((status, errors.count("\n")), (2, 1), words)

    def test_unfit_sizes(self):
        """Known once the texts are made: ValueError, which run_program says in one line."""
        for task, *words in (["dominance", "--signs", "4"], ["recall", "--length", "11"],
                             ["dominance 4", "--length", "1"]):
            with self.assertRaisesRegex(ValueError, f"^{task}: "), \
                    contextlib.redirect_stdout(io.StringIO()):
                grid.main([*words, "--tasks", task])


class Training(unittest.TestCase):
    def test_only_answers_count(self):
        """Logits where nothing is asked get no gradient; an answer never asked for gets less."""
        data = tasks.questions("recall", 1, 5, 14, 15)
        config = grid.configure("recall", "linear map", data, 14)
        model = beyond.asking("linear map")
        params = model.init_params(config, random.Random(1))
        example = tasks.in_tokens(data.train[0], data.vocab)
        losses = model.token_losses(example, params, config)
        self.assertEqual(len(losses), tasks.RECALLED)
        self.assertEqual(config.n_layer, 2)

    def test_counting(self):
        """Of one text learnt by heart all answers are right, before training not."""
        data = tasks.questions("copy", 1, 5, 8, 3)
        config = grid.configure("copy", "Grassmann", data, 8)
        model = beyond.asking("Grassmann")
        params = model.init_params(config, random.Random(1))
        example = tasks.in_tokens(data.train[0], data.vocab)
        before, number = beyond.count_right(model, [example], params, config)
        list(model.train([example], params, config, 60, 0.03))
        after, _ = beyond.count_right(model, [example], params, config)
        self.assertLess(before, after)
        self.assertEqual((after, number), (4, 4))

    def test_the_files_stay(self):
        self.assertIsNot(beyond.asking("attention").token_losses,
                         beyond.mixer("attention").token_losses)
        self.assertEqual(beyond.mixer("Grassmann").token_losses.__module__, "micro_grassmann")

    def test_seeds_differ(self):
        one, other = [tasks.questions("copy", seed, 5, 8, 3) for seed in (1, 2)]
        self.assertNotEqual(one.train, other.train)
        self.assertEqual(one, tasks.questions("copy", 1, 5, 8, 3))

    def test_best_rate(self):
        """The best by right answers of all seeds tried, none of them reported."""
        def cells(args, seeds, rates):
            self.assertFalse(set(seeds) & set(compare.seeds(99)))
            return [grid.Cell(task, layer, seed, rate, 1, {0.003: 5, 0.01: 9, 0.03: 7}[rate], 10)
                    for seed in seeds for (task, layer), several in rates.items()
                    for rate in several]
        options = grid.parse(["--tasks", "copy", "--layers", "Grassmann", "--rate", "try"])
        with mock.patch.object(grid, "train_all", cells):
            self.assertEqual(grid.rates_to_use(options), {("copy", "Grassmann"): 0.01})


class WhatIsLearnt(unittest.TestCase):
    @slow
    def test_a_coordinate_tells_who_wins(self):
        """Trained on dominance, the sign of one Plücker coordinate does, for all pairs of signs."""
        data = tasks.questions("dominance", 42, 2000, 32, 15)
        config = grid.configure("dominance", "Grassmann", data, 32)
        model = beyond.asking("Grassmann")
        params = model.init_params(config, random.Random(42))
        train = [tasks.in_tokens(example, data.vocab) for example in data.train]
        list(model.train(train, params, config, 2000, 0.03))

        def z(sign, position):
            x = model.add(params["wte"][data.vocab[str(sign)]], params["wpe"][position])
            return model.linear(model.rmsnorm(model.rmsnorm(x)), params["layer0.W_red"])
        right = [0] * 6
        for a, b in itertools.permutations(range(15), 2):
            wins = tasks.outcome(str(a), [str(b)], 15) == "wins"
            for n, p_ij in enumerate(model.plucker(z(a, 25), z(b, 21))):
                right[n] += (p_ij.data > 0) == wins
        self.assertGreater(max(max(right), 210 - min(right)), 205)


class Printing(unittest.TestCase):
    def test_main(self):
        with mock.patch.object(tasks, "QUESTIONS", 3):
            text, found, chart = printed(grid.main, "--tasks=copy", "--layers=linear map,Grassmann",
                                         "--steps=10", "--length=8", "--signs=3", "--jobs=1")
        self.assertLessEqual(max(map(len, text.splitlines())), 79)
        self.assertEqual(len(found["cells"]), 6)  # two layers, three seeds
        self.assertRegex(text, r"copy +\d+ +\d+ +\d+±\d+ +\d+±\d+\n")
        self.assertIn("linear map", chart)
        model = beyond.mixer("linear map")
        config = beyond.configure("linear map", 3, block_size=8, window=tasks.LOOK_BACK)
        size = len(flat(model.init_params(config, random.Random(1))))
        self.assertIn(f"{size:,}", text)

    def test_grid(self):
        """Many layers stand in parts of COLUMNS; the interval is Student's."""
        layers = [f"layer {n}" for n in range(8)]
        cells = [grid.Cell("copy", layer, seed, 0.01, 7, 40 + 10 * seed, 100)
                 for layer in layers for seed in (0, 1)]
        text = grid.show_grid(cells, {"copy": (0.1, 0.34)}, layers)
        self.assertEqual(text.count("copy"), 2)
        self.assertEqual(len(re.findall("45±64", text)), 8)  # 12.71 * 7.07 / sqrt(2)
