"""The traces: every number that they print is the model's, and what they sum up is computed."""
import contextlib
import io
import math
import random
import re
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import beyond
import inside
import micro_grassmann as model
import tasks
import trace_alpha_wred
import trace_g
import tracing
from tests.helpers import called, slow


def printed(main, *options):
    """Return what a program's main prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        main(list(options))
    return out.getvalue()


def row(text, label):
    """Return the numbers of the vector that follows this label, over several lines."""
    inner = re.search(re.escape(label) + r"\[([^]]*)\]", text)[1]
    return [float(number) for number in inner.split(",")]


class Record(unittest.TestCase):
    def setUp(self):
        docs = model.load_docs(tasks.INPUT)
        self.start = inside.begin(model, docs, 5, n_layer=2)
        self.tokens = model.tokenize("isabella", self.start.vocab)

    def test_a_record_is_what_the_layer_computes(self):
        for layer in (0, 1):
            places = inside.record(self.tokens, self.start.params, self.start.config, layer)
            past = []
            for t, place in enumerate(places):
                again = model.mix(place.x, f"layer{layer}", past, self.start.params,
                                  self.start.config)
                self.assertEqual([v.data for v in again], [v.data for v in place.result])
                self.assertEqual([v.data for v in past[-1]], [v.data for v in place.z])
                wanted = [t - offset for offset in self.start.config.window if offset <= t]
                self.assertEqual([partner.s for partner in place.partners], wanted)
                for partner in place.partners:
                    plane = model.plucker(place.z, places[partner.s].z)
                    self.assertEqual([v.data for v in plane], [v.data for v in partner.p])
                for x, g, a, y in zip(place.x, place.g, place.alpha, place.result):
                    self.assertAlmostEqual(a.data * x.data + (1 - a.data) * g.data, y.data)

    def test_begin_draws_as_the_program_does(self):
        docs = model.load_docs(tasks.INPUT)
        rng = random.Random(5)
        rng.shuffle(docs)
        params = model.init_params(self.start.config, rng)
        self.assertEqual(params["layer1.fc2"][3][7].data,
                         self.start.params["layer1.fc2"][3][7].data)
        self.assertEqual(rng.random(), self.start.rng.random())

    def test_the_functions_are_put_back(self):
        before = model.mix, model.gate, model.Value.sigmoid
        with self.assertRaises(KeyError), inside.watching():
            raise KeyError
        self.assertEqual(before, (model.mix, model.gate, model.Value.sigmoid))


class TraceG(unittest.TestCase):
    def check(self, *options):
        text = printed(trace_g.main, *options)
        parser = tracing.options("", 0)
        parser.add_argument("--all", action="store_true")
        args = tracing.parse(parser, list(options))
        start = inside.begin(model, args.docs, args.seed, n_layer=args.layer + 1)
        seen = [model.tokenize(doc, args.vocab) for doc in start.docs[:args.steps]]
        list(model.train(seen, start.params, start.config, args.steps))
        place = inside.record(args.tokens, start.params, start.config, args.layer)[args.position]
        t = args.position
        for label, values in ((f"x_{t} = ", place.x), (f"z_{t} = ", place.z),
                              (f"g_{t} = ", place.g), ("mean = ", place.mean)):
            if place.partners or label != "mean = ":
                for shown, value in zip(row(text, label), values):
                    self.assertAlmostEqual(shown, value.data, delta=5.1e-5)
        self.assertLessEqual(max(map(len, text.splitlines())), 79)
        return text, place

    def test_numbers_are_the_models(self):
        self.check()
        self.check("Anna", "--layer", "1", "--steps", "3", "--seed", "7")
        self.check("bo", "--position", "0")

    def test_one_partner_in_full_or_all(self):
        few, place = self.check()
        every, _ = self.check("--all")
        self.assertEqual(few.count("unit[0] ="), 1)
        self.assertEqual(every.count("unit[0] ="), len(place.partners))

    def test_arithmetic_shown_is_right(self):
        text, _ = self.check("--all")
        shown = re.findall(r"p_\d+ = (.*?) =\s+(-?[\d.]+)$", text, re.M)
        self.assertGreater(len(shown), 12)
        for formula, result in shown:
            a, b, c, d = map(float, re.findall(r"-?\d+\.\d+", formula))
            self.assertAlmostEqual(a * b - c * d, float(result), delta=3e-4)

    def test_the_end_is_computed(self):
        text, place = self.check("isabella")
        end = text.partition("What was seen")[2]
        share = 100 * inside.size(place.g) / inside.size(place.x)
        self.assertIn(f"{share:.1f} %", end)
        self.assertIn(f"{math.hypot(*[v.data for v in place.mean]):.3f}", end)
        self.assertIn(f"looked at {len(place.partners)} of {place.t} ", end)

    def test_any_word(self):
        for word, seen in (("ANN", "1:a 2:n 3:n\n"), ("Zoë", "1:z 2:o 3:e\n"),
                           ("Zoe\u0308", "1:z 2:o 3:e\n"), ("Łuß", "1:l 2:u 3:s 4:s\n")):
            self.assertIn(seen, printed(trace_g.main, word))
        for options, words in ((["小明"], "has only a to z"), (["小明"], "--data"), ([""], "empty"),
                               (["a b"], "' '"), (["a" * 16], "15"), (["\u0301"], "empty"),
                               (["ann", "--position", "4"], "0 to 3"), (["--layer=8"], "0 to 7"),
                               (["--data", "no such file"], "No such file")):
            status, _, errors = called(trace_g.main, *options)
            self.assertEqual((status, errors.count("\n")), (2, 1))
            self.assertIn(words, errors)

    def test_other_documents(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "names.txt")
            path.write_text("小明\n小红\nZoë\n", encoding="utf-8")
            self.assertIn("1:小 2:明", printed(trace_g.main, "--data", str(path)))
            self.assertIn("1:Z 2:o 3:ë", printed(trace_g.main, "Zoë", "--data", str(path)))
            status, _, _ = called(trace_alpha_wred.main, "--data", path)
            self.assertEqual(status, 2)  # too few to hold some out

    def test_letters_in_ranges(self):
        self.assertEqual(tracing.in_ranges("-abcxé'"), "', -, a to c, x, é")


class TraceAlpha(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        for name in ("JUDGED", "READ"):  # fewer documents: the sums are the same, the time is not
            fewer = mock.patch.object(trace_alpha_wred, name, 2)
            fewer.start()
            cls.addClassCleanup(fewer.stop)
        cls.docs = model.load_docs(tasks.INPUT)[::80]
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.data = Path(folder.name, "names.txt")
        cls.data.write_text("\n".join(cls.docs), encoding="utf-8")
        cls.text = printed(trace_alpha_wred.main, "ada", "--more", "--steps", "6", "--seeds", "2",
                           "--data", str(cls.data))

    def test_alpha_is_the_models(self):
        rows = re.findall(r"^ *(\d+)((?: +-?\d\.\d{4}){7})$", self.text, re.M)
        self.assertEqual(len(rows), 16)
        for _, cells in rows:
            x, g, of_x, of_g, score, alpha, result = map(float, cells.split())
            self.assertAlmostEqual(of_x + of_g, score, delta=2e-4)
            self.assertAlmostEqual(1 / (1 + math.exp(-score)), alpha, delta=2e-4)
            self.assertAlmostEqual(alpha * x + (1 - alpha) * g, result, delta=1e-3)

    @slow
    def test_losses_are_those_of_training(self):
        for kind, name, window in (("learned", "Grassmann", (1, 2, 4, 8, 12, 16)),
                                   ("frozen", "W_red frozen", (1, 2, 4, 8, 12, 16)),
                                   ("no past", "Grassmann", ())):
            losses = []
            for seed in (42, 1):
                mixer = beyond.mixer(name)
                start = inside.begin(mixer, self.docs, seed, window=window)
                tokens = [mixer.tokenize(doc, start.vocab) for doc in start.docs]
                list(mixer.train(tokens[:6], start.params, start.config, 6))
                losses.append(mixer.evaluate(tokens[6:8], start.params, start.config))
            self.assertRegex(self.text, rf"(?m)^{kind} +{sum(losses) / 2:.4f} ")

    def test_gradient_agrees_with_differences(self):
        gap = float(re.search(r"over all 64 weights of W_red: (\S+)", self.text)[1])
        self.assertLess(gap, 1e-6)

    def test_verdicts_follow_the_numbers(self):
        outcome = trace_alpha_wred.outcome
        self.assertIn("no difference", outcome([0.1, -0.1, 0.05])[1])
        self.assertEqual("worse", outcome([0.1, 0.11, 0.12])[1])
        self.assertEqual("better", outcome([-0.1, -0.11, -0.12])[1])
        self.assertIn("no verdict", outcome([0.1])[1])

    def test_four_parts_or_more(self):
        short = printed(trace_alpha_wred.main, "--steps", "1", "--seeds", "1",
                        "--data", str(self.data))
        self.assertEqual(re.findall(r"(?m)^(\d)\. ", short), list("1234"))
        self.assertNotIn("±", short, "one seed has no spread")
        self.assertIn("±", self.text)
        self.assertEqual(re.findall(r"(?m)^(\d)\. ", self.text), list("1234567"))
        self.assertLessEqual(max(map(len, self.text.splitlines())), 79)


class Watch(unittest.TestCase):
    def test_calls_are_told_in_order(self):
        with inside.watch(model, "dot", "rmsnorm") as calls:
            model.rmsnorm([model.Value(1.0), model.Value(7.0)])
        self.assertEqual([call.name for call in calls], ["dot", "rmsnorm"])
