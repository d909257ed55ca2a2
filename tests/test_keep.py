"""A model that is kept in a file and loaded again."""
import contextlib
import io
import json
import math
import os
import random
import shutil
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from tests.helpers import CLEAN, GPT, PAIR, flat, run

NAMES = [a + b + c for a in "bdgk" for b in "aeio" for c in ("nna", "l", "ra", "")]  # 64


def words(model, *options):
    """Return what main prints, line by line, for these options."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        model.main([str(option) for option in options])
    return out.getvalue().splitlines()


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, str(self.folder))
        self.data = self.folder / "names.txt"
        self.data.write_text("\n".join(NAMES), encoding="utf-8")
        self.file = self.folder / "model.json"

    def short(self, model, *options):
        """Return what a run on the few names prints."""
        return words(model, "--data", self.data, *options)

    def kept(self, model, steps=12):
        """Return a model that was trained a little and kept, as the record in its file."""
        self.short(model, "--steps", steps, "--samples", 0, "--save", self.file)
        return json.loads(self.file.read_text(encoding="utf-8"))


class Keeping(Case):
    def test_the_same_again(self):
        """Loaded, a model has the same weights, the same loss and, by the same seed, samples."""
        for model in PAIR:
            before = self.short(model, "--steps", 12, "--samples", 5, "--save", self.file)
            after = self.short(model, "--steps", 0, "--samples", 5, "--load", self.file)
            self.assertEqual([line for line in before if not line.startswith("step")], after)
            vocab, config, params, trained_on = model.load_model(self.file)
            self.assertEqual([*trained_on.values()], [(42, 12)])
            again = self.folder / "again.json"
            model.save_model(again, vocab, config, params, trained_on)
            self.assertEqual(again.read_bytes(), self.file.read_bytes())
            self.assertNotEqual(self.short(model, "--steps", 0, "--samples", 5, "--load", self.file,
                                           "--seed", 1), after)

    def test_extreme_weights(self):
        """Every number that a float can be comes back bit for bit."""
        docs, vocab, config, params = CLEAN.begin(NAMES, random.Random(1), n_layer=2, r=3,
                                                  window=(1, 3))
        numbers = [5e-324, -1.7976931348623157e308, -0.0, 0.1, 1 / 3, 2.0 ** 53 + 2, 1e22, 1e-7]
        for w, number in zip(flat(params), numbers):
            w.data = number
        CLEAN.save_model(self.file, vocab, config, params, {})
        same = CLEAN.load_model(self.file)
        self.assertEqual(same[:2] + same[3:], (vocab, config, {}))
        self.assertEqual([w.data.hex() for w in flat(same[2])],
                         [w.data.hex() for w in flat(params)])

    def test_going_on(self):
        """Training goes on from the kept weights, and what was held out may change, never mix."""
        self.kept(CLEAN)
        for options in (), ("--seed", 7), ("--steps", 20), ("--steps", 5, "--seed", 3):
            seen = []
            used = []

            def split(docs, steps, seen=seen, split=CLEAN.split_docs):
                seen.append(split(docs, steps))
                return seen[-1]

            def evaluate(docs, params, config, used=used):
                used.extend(docs)
                return 0.0
            with mock.patch.multiple(CLEAN, split_docs=split, evaluate=evaluate):
                self.short(CLEAN, "--steps", 8, *options, "--samples", 0, "--load", self.file)
            [(trained, held_out)] = seen
            order = CLEAN.begin(NAMES, random.Random(42))[0]
            self.assertLessEqual(set(order[:12]), set(trained))
            self.assertEqual(len(used), 6)
            self.assertFalse(set(trained) & set(held_out))

    def test_another_text(self):
        """Where the data are not those it was trained on, the program says so."""
        self.kept(CLEAN)
        other = self.folder / "other.txt"
        other.write_text("\n".join(NAMES[::-1]), encoding="utf-8")
        said = "trained on another text"
        options = ("--samples", 0, "--load", self.file)
        self.assertNotIn(said, "".join(self.short(CLEAN, "--steps", 3, *options)))
        self.assertIn(said, "".join(words(CLEAN, "--data", other, "--steps", 3, *options,
                                          "--save", self.file)))
        self.assertIn(said, "".join(self.short(CLEAN, "--steps", 0, *options)))
        self.assertEqual([*CLEAN.load_model(self.file)[3].values()], [(42, 12), (42, 3)])

    def test_alike_as_far_as_it_is_read(self):
        """Documents that differ behind the block's end only are not new, and that is said."""
        self.data.write_text("\n".join(f"{'a' * 16}{n}" for n in range(30)), encoding="utf-8")
        self.assertIn("3 of these are among those trained on, too",
                      self.short(CLEAN, "--steps", 5, "--samples", 0))

    def test_prompt(self):
        """Samples begin with it and go on; it is as if the model had drawn it."""
        for model in PAIR:
            lines = self.short(model, "--steps", 5, "--samples", 10, "--prompt", "da",
                               "--temperature", 2)
            samples = [line[11:] for line in lines if line.startswith("sample")]
            self.assertTrue(all(text.startswith("da") for text in samples))
            self.assertGreater(len(set(samples)), 5)
            docs, vocab, config, params = model.begin(NAMES, random.Random(1))
            text = model.generate(vocab, params, config, random.Random(5), 1.0)
            generator = random.Random(5)
            generator.choices([0])  # the first symbol is given
            self.assertEqual(model.generate(vocab, params, config, generator, 1.0, text[0]), text)
            full = model.generate(vocab, params, config, random.Random(5), 1.0, "a" * 15)
            self.assertIn(len(full), (15, 16))


class Saving(Case):
    def test_whole_or_not_at_all(self):
        """A full disk or Ctrl-C while it is written leaves the old file, and nothing beside it."""
        self.kept(CLEAN)
        old = self.file.read_bytes()
        start = CLEAN.begin(NAMES, random.Random(1))[1:]
        for error in OSError("disk full"), KeyboardInterrupt():
            def write(path, text, encoding, error=error):
                path.write_bytes(text[:100].encode(encoding))
                raise error
            with mock.patch.object(Path, "write_text", write), \
                    self.assertRaises(type(error)):
                CLEAN.save_model(self.file, *start, {})
            self.assertEqual(self.file.read_bytes(), old)
            self.assertEqual(sorted(os.listdir(str(self.folder))), ["model.json", "names.txt"])

    def test_where_no_file_can_be(self):
        """Said before training, not after it."""
        places = [self.folder, self.folder / "missing" / "model.json", self.data,
                  self.data / "model.json"]
        if os.name == "posix":
            places.append("/dev/null")
        for place in places:
            with mock.patch.object(CLEAN, "train") as train, \
                    contextlib.redirect_stderr(io.StringIO()) as said, \
                    self.assertRaises(SystemExit) as stop:
                self.short(CLEAN, "--save", place)
            self.assertEqual((stop.exception.code, train.called), (2, False))
            self.assertRegex(said.getvalue(), r"\A.*--save .*\n\Z")


class NoModel(Case):
    """What a file may hold instead of a model is said in one line."""

    def spoil(self, change):
        """Return the error that loading a spoiled copy of a kept model raises, as text."""
        record = json.loads(self.whole)
        text = change(record)
        self.file.write_text(text if isinstance(text, str) else json.dumps(record),
                             encoding="utf-8")
        with self.assertRaises(ValueError) as raised:
            CLEAN.load_model(self.file)
        return str(raised.exception)

    def test_each(self):
        self.kept(CLEAN, 0)
        self.whole = self.file.read_text(encoding="utf-8")

        def put(*keys, to):
            def change(record):
                for key in keys[:-1]:
                    record = record[key]
                record[keys[-1]] = to
            return change

        def without(*keys):
            def change(record):
                for key in keys[:-1]:
                    record = record[key]
                del record[keys[-1]]
            return change
        red = ("params", "layer0.W_red")
        cases = [
            *[lambda record, text=text: text for text in (
                "", "a\nb\n", "[]", "[" * 100_000, "3", "null", "{}", '{"sizes": 3}',
                self.whole[:500], json.dumps("x" * 100))],
            *[without(key) for key in ("sizes", "vocab", "params", "trained_on")],
            without("sizes", "r"), put("sizes", "n_head", to=4), without(*red),
            *[put("sizes", name, to=size) for name in ("vocab_size", "n_embd", "n_layer", "r",
                                                       "block_size")
              for size in (0, -1, 2, 10 ** 12, 1.5, "4", None, [16], {})],
            *[put("sizes", "window", to=window) for window in (
                [0], [-1, 2], ["1"], 3, None, [1, None], [[1]])],
            put("sizes", "block_size", to=16.0), put("sizes", "window", to=[1.0, 2]),
            put("sizes", "window", to=[True]),
            *[put("vocab", to=vocab) for vocab in ("", "abc", "a" * 11, 5, None, {"a": 0})],
            *[put(*red, to=matrix) for matrix in ([], [[]] * 4, 3, None, "abcd", ["a" * 16] * 4)],
            *[put(*red, 1, to=row) for row in ([0.5] * 15, [0.5] * 17, [], None, 0.5)],
            *[put(*red, 3, 15, to=number) for number in (math.nan, math.inf, "0.5", None, [0.5],
                                                         10 ** 400)],
            put("params", "layer1.W_red", to=[[0.0]]), put("params", to=[]),
            *[put("trained_on", to=what) for what in ([], 3, {"1": 2}, {"1": [1]}, {"1": "ab"},
                                                      {"1": [None, 2]})]]
        for number, change in enumerate(cases):
            with self.subTest(case=number):
                said = self.spoil(change)
                self.assertRegex(said, r"\A.*model\.json holds no model for this program: .+\Z")
                self.assertNotIn("\n", said)
                self.assertLess(len(said), 700)
        self.file.write_text(self.whole, encoding="utf-8")
        CLEAN.load_model(self.file)  # untouched, it is one

    def test_as_a_program(self):
        """The other model's file, a symbol it has not, a file that is missing: status 2."""
        self.kept(CLEAN, 0)
        other = self.folder / "other.txt"
        other.write_text("anna\nzoë\n", encoding="utf-8")
        for script, options, said in (
                (GPT, ("--data", self.data, "--load", self.file), "its sizes are .*window"),
                (CLEAN, ("--data", other, "--load", self.file), "no symbol '[zoë]'"),
                (CLEAN, ("--data", self.data, "--load", self.folder / "no.json"), "No such file"),
                (CLEAN, ("--data", self.data, "--prompt", "x!"), "no symbol '!'"),
                (CLEAN, ("--data", self.data, "--prompt", "a" * 16), "at most 15 symbols"),
                (CLEAN, ("--data", self.folder / "no.txt"), "--data FILE")):
            ended = run(script.__file__, "--steps", 1, *options)
            with self.subTest(options=options):
                self.assertEqual((ended.returncode, ended.stdout), (2, ""))
                self.assertRegex(ended.stderr, rf"\A.*{said}.*\n\Z")
