"""The autopsies: what they train is the model's own, their screens fit, their halves contradict."""
import contextlib
import inspect
import io
import json
import math
import random
import re
import unittest
from unittest import mock

import autopsy
import beyond
import compare
import micro_gpt
import micro_grassmann
import tasks
from tests.helpers import called, flat, in_this_process, numbers, run, slow

TOY = autopsy.Task("brackets", ["()", "(())", "()()"], ["((()))", "()(())"], {"(": 0, ")": 1})
NUMBERS = range(1, len(autopsy.AUTOPSIES) + 1)


def made_up(trial, task, seed):
    """Stand in for autopsy.train_trial: numbers that mean nothing, as wide as real ones."""
    rng = random.Random(f"{trial} {seed}")
    held_out = [[rng.uniform(10, 30), len(doc) + 1] for doc in task.held_out]
    curve = [[step, rng.uniform(2, 4)] for step in range(6)]
    texts = {str(temperature): task.train[:60] for temperature in trial.temperatures}
    return compare.Run(trial.name, seed, 1234, [], curve, held_out, texts, [])


def train(trial, task=TOY, seed=1):
    """Return the Run of a trial that is trained in this process."""
    with mock.patch.object(compare, "report_step"):
        return autopsy.train_trial(trial, task, seed)


def sign(interval):
    """Return 1 or -1 if an interval (mean, half) is clear of 0, else 0."""
    mean, half = interval
    return 0 if abs(mean) <= half else math.copysign(1, mean)


def contradict(one, other):
    """Tell whether two intervals say different things: another sign, or no common number."""
    apart = abs(one[0] - other[0]) > one[1] + other[1]
    return apart or sign(one) != sign(other)


class Training(unittest.TestCase):
    def test_batch_of_one_is_the_models_own_training(self):
        model = micro_grassmann
        trial = autopsy.Trial("Grassmann", "Grassmann", steps=4, rate=0.03)
        mine = train(trial)
        config = model.Config(3, **autopsy.SIZES["brackets"])
        params = model.init_params(config, random.Random(1))
        docs = [model.tokenize(doc, TOY.vocab) for doc in TOY.train]
        self.assertEqual(mine.losses, list(model.train(docs, params, config, 4, 0.03)))
        unseen = [model.tokenize(doc, TOY.vocab) for doc in TOY.held_out]
        self.assertAlmostEqual(compare.held_out_loss(mine),
                               model.evaluate(unseen, params, config), places=12)

    def test_a_batch_is_one_update_by_the_mean_gradient(self):
        """Two documents a step: the first step goes as their mean loss says, seen from outside."""
        trial = autopsy.Trial("attention", "attention", steps=1, batch=2)
        model = micro_gpt
        config = model.Config(3, n_embd=8, block_size=16)
        params = model.init_params(config, random.Random(3))
        again = model.init_params(config, random.Random(3))
        list(autopsy.descend(model, trial, TOY, params, config))
        docs = [model.tokenize(doc, TOY.vocab) for doc in TOY.train[:2]]
        losses = [model.mean(model.token_losses(doc, again, config)) for doc in docs]
        model.mean(losses).backward()
        weights = flat(again)
        model.adam_step(weights, [0.0] * len(weights), [0.0] * len(weights), 1, trial.rate)
        for one, other in zip(numbers(flat(params)), numbers(weights)):
            self.assertAlmostEqual(one, other, places=12)

    def test_tasks_repeat_and_differ_by_seed(self):
        for make in (autopsy.names, autopsy.brackets):
            self.assertEqual(make(5, 20), make(5, 20))
            self.assertNotEqual(make(5, 20).train, make(6, 20).train)
        task = autopsy.names(5, 100, 50)
        self.assertFalse(set(task.train) & set(task.held_out))


class Leak(unittest.TestCase):
    def test_a_changed_bracket_shows_it_and_padding_does_not(self):
        leaky = autopsy.mixer(autopsy.LEAKY)
        start = autopsy.leaky_weights()
        self.assertEqual(autopsy.moved_by_padding(leaky, *start), [])
        offsets = autopsy.SIZES["brackets"]["window"]
        places = range(len(autopsy.PROBE))
        self.assertEqual(autopsy.found_leaks(leaky, *start),
                         [(t, s) for t in places for s in range(t) if t - s in offsets])

    def test_without_the_one_word_nothing_leaks(self):
        """The same function without `reversed`, and the model file itself."""
        source = inspect.getsource(autopsy.leaky_token_losses)
        self.assertEqual(source.count("reversed(range(length))"), 1)
        mended = {}
        exec(source.replace("reversed(range(length))", "range(length)"), mended)
        model = beyond.variant(micro_grassmann, token_losses=mended["leaky_token_losses"])
        config = model.Config(3, **autopsy.SIZES["brackets"])
        for honest in (model, micro_grassmann):
            params = honest.init_params(config, random.Random(1))
            self.assertEqual(autopsy.found_leaks(honest, params, config), [])

    def test_forwards_judges_the_same_weights_without_the_leak(self):
        leaky = autopsy.Trial("new layer", autopsy.LEAKY, steps=3)
        one, other = train(leaky), train(leaky._replace(forwards=True))
        self.assertEqual(one.losses, other.losses)
        self.assertNotEqual(one.held_out, other.held_out)


class Verdicts(unittest.TestCase):
    def test_words_follow_the_interval(self):
        for gap, words in (((-0.2, 0.1), "a is ahead"), ((0.2, 0.1), "a is behind"),
                           ((0.1, 0.2), "neither"), ((-0.1, 0.2), "neither")):
            self.assertIn(words, autopsy.verdict(gap, "a", "b"))

    def test_difference_is_compares_verdict(self):
        runs = [made_up(autopsy.Trial(name, "x"), TOY, seed) for seed in (1, 2, 3)
                for name in ("a", "b")]
        v = compare.verdict(runs, "a", "b")
        mean, half = autopsy.difference(runs, "a", "b")
        self.assertAlmostEqual(mean, v.mean)
        self.assertAlmostEqual(half, v.half_by_seed)

    def test_what_contradicts(self):
        self.assertTrue(contradict((-1, 0.5), (1, 0.5)))
        self.assertTrue(contradict((-1, 0.5), (0.1, 0.5)))
        self.assertTrue(contradict((50, 5), (20, 5)))
        self.assertFalse(contradict((1, 0.5), (1.2, 0.5)))


class Screens(unittest.TestCase):
    def test_every_screen_fits_80_by_24_and_opens_with_a_claim(self):
        few = micro_grassmann.load_docs(tasks.INPUT)[::4]
        with mock.patch.object(autopsy, "train_trial", made_up), \
                mock.patch.object(micro_grassmann, "load_docs", lambda path: few), \
                mock.patch.object(compare, "side_by_side", in_this_process):
            for number in NUMBERS:
                out = io.StringIO()
                screens = list(autopsy.screens(number))
                with contextlib.redirect_stdout(out):
                    autopsy.show_screen(number, screens[0])
                self.assertEqual(screens[0].asks, autopsy.BELIEVE)
                self.assertEqual(screens[-1].asks, "")
                self.assertIn(autopsy.BELIEVE, out.getvalue())
                for screen in screens:
                    out = io.StringIO()
                    with contextlib.redirect_stdout(out):
                        autopsy.show_screen(number, screen)
                    lines = out.getvalue().split("\n")[:-1]
                    with self.subTest(autopsy=number, screen=lines[2:3]):
                        self.assertLessEqual(len(lines), 23)  # and the prompt
                        self.assertLessEqual(max(map(len, lines)), 79)

    def test_quit_ends_an_autopsy_before_its_control_is_computed(self):
        work = []
        with mock.patch.object(autopsy, "train_trial", made_up), \
                mock.patch.object(autopsy.show, "key", autospec=True, return_value="q"), \
                mock.patch.object(compare, "side_by_side",
                                  lambda *args: work.append(1) or in_this_process(*args)), \
                contextlib.redirect_stdout(io.StringIO()):
            autopsy.play(3, pause=True)
        self.assertEqual(len(work), 1)

    def test_recorded_seeds_are_twenty_and_say_what_the_screen_says(self):
        facts = autopsy.recorded_seeds().facts
        for record in json.loads(autopsy.RECORDED.read_text(encoding="utf-8")).values():
            for losses in record["losses"].values():
                self.assertEqual(list(losses), [str(seed) for seed in compare.seeds(20)])
        alone, (mean, half) = facts["1000"]
        self.assertLess(abs(alone), 0.001)
        self.assertGreater(mean - half, 0)
        alone, (mean, half) = facts["3000"]
        self.assertGreater(alone, mean)
        self.assertGreater(mean - half, 0)

    def test_recorded_runs_at_full_size_say_what_the_screens_say(self):
        for best, last in autopsy.recorded_epochs().facts.values():
            self.assertTrue(contradict(best, last))
        [(best, last)] = list(autopsy.recorded_epochs().facts.values())[1:]
        self.assertEqual((sign(best), sign(last)), (-1, 1))
        failed = autopsy.recorded_failure().facts
        self.assertGreater(failed["failed"], 5 * failed["trained"])
        self.assertTrue(contradict(autopsy.above("grassmann"), autopsy.above("paper's layer")))

    def test_rates_in_a_source_are_the_recorded_ones(self):
        six = "6 layers, 128 tokens"
        planes, attention = [autopsy.large_runs(name, six) for name in ("grassmann", "attention")]
        gaps = [100 * (planes[rate, 1] / attention[rate, 1] - 1) for rate in (0.0005, 0.002)]
        source = autopsy.AUTOPSIES[4].source
        self.assertIn(f"{gaps[0]:.0f} % above attention", source)
        self.assertIn(f"{gaps[1]:.0f} % at 0.002", source)


@slow
class Halves(unittest.TestCase):
    def test_each_control_contradicts_its_claim(self):
        """With the numbers as they are, trained anew; a claim's screen is followed by its own."""
        for number in NUMBERS:
            found = 0
            for facts in [screen.facts for screen in autopsy.screens(number)]:
                with self.subTest(autopsy=number, facts=facts):
                    if "control" in facts:
                        found += 1
                        self.assertTrue(contradict(facts["claim"], facts["control"]))
                    if "fooled" in facts:  # the same tie for a model that must fail
                        self.assertEqual((sign(facts["claim"]), sign(facts["fooled"])), (0, 0))
            self.assertEqual(found, 2 if number == 10 else 1)

    def test_recorded_seed_42_is_what_the_model_file_computes(self):
        record = json.loads(autopsy.RECORDED.read_text(encoding="utf-8"))["1000"]
        result = run("micro_grassmann.py", "--samples", 0)
        loss = float(re.search(r"held out: ([\d.]+)", result.stdout)[1])
        self.assertAlmostEqual(loss, record["losses"]["Grassmann"]["42"], places=3)


class Program(unittest.TestCase):
    def test_list(self):
        out = run("autopsy.py").stdout
        for number, each in zip(NUMBERS, autopsy.AUTOPSIES):
            self.assertRegex(out, rf"(?m)^{number} +{each.title}")
        self.assertLessEqual(max(map(len, out.split("\n"))), 79)

    def test_bad_options_are_one_line(self):
        for options in (["0"], ["11"], ["x"], ["²"], ["1", "--all"], ["--seed", "1"]):
            status, out, errors = called(autopsy.main, *options)
            self.assertEqual((status, out, errors.count("\n")), (2, "", 1), options)
