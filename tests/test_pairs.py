"""benchmark_pairs.py: labels decided a second way, splits, baselines, and one small run."""
import contextlib
import io
import itertools
import json
import random
import statistics
import tempfile
import unittest
from collections import Counter
from pathlib import Path
from unittest import mock

import benchmark_pairs as task
import beyond
import compare
import micro_gpt
from tests.helpers import slow

PAIRS = task.labelled_pairs()
MARKS = {"all": ("never", True), "no": ("never", False), "some": ("one", True),
         "not all": ("one", False)}


def sentence(text):
    """Return the Sentence of a text such as "not all old dogs never run"."""
    return next(s for s in task.sentences() if " ".join(task.words(s)) == text)


def does(action, verb):
    """Return whether who does this action does what the verb says."""
    return action.startswith(verb) or (verb == "move" and action != "rests")


def is_about(thing, s):
    """Return whether the sentence's subject has this thing in it."""
    animal, adjectives, _ = thing
    return (s.noun == "animals" or s.noun == animal + "s") and \
        (s.adjective == "" or s.adjective in adjectives)


def demands(s, wanted):
    """Return (things that must not be, things one of which must be) if s is to be so; or None."""
    form, doing = MARKS[s.quantifier]
    doing = doing != s.negated
    if not wanted:
        form = {"never": "one", "one": "never"}[form]
        doing = not doing
    things = [t for t in itertools.product(("dog", "cat", "other animal"),
                                           ("", "small", "old", "small old"), task.ACTIONS)
              if is_about((t[0], t[1].split(), t[2]), s)]
    if form == "never":
        return {t for t in things if does(t[2], s.verb) != doing}, None
    return set(), {t for t in things if does(t[2], s.verb) == doing}


def possible(*claims):
    """Return whether some world, of any size, makes all claims so: (sentence, wanted)."""
    forbidden = set()
    needed = [{(animal, "small old", action) for action in task.ACTIONS}
              for animal in ("dog", "cat")]
    for s, wanted in claims:
        never, one = demands(s, wanted)
        forbidden |= never
        if one is not None:
            needed.append(one)
    return all(one - forbidden for one in needed)


class Labels(unittest.TestCase):
    def test_every_label_a_second_way(self):
        """By what must and must not be in a world of any size, not by looking at worlds."""
        for pair in random.Random(1).sample(PAIRS, 4000):
            if not possible((pair.premise, True), (pair.hypothesis, False)):
                label = "E"
            elif not possible((pair.premise, True), (pair.hypothesis, True)):
                label = "C"
            else:
                label = "N"
            self.assertEqual(pair.label, label, task.document(pair))

    def test_by_hand(self):
        labels = {(p.premise, p.hypothesis): p.label for p in PAIRS}
        for premise, hypothesis, label in (
                ("all dogs run", "some animals run", "E"),
                ("all animals move", "all small dogs move", "E"),
                ("all small dogs move", "all animals move", "N"),
                ("no animals move", "no old cats walk", "E"),
                ("no cats walk", "no cats move", "N"),
                ("all dogs run", "all dogs walk", "C"),
                ("all dogs run", "not all dogs run", "C"),
                ("not all dogs run", "some dogs never run", "E"),
                ("all small dogs run", "no small animals run", "C"),
                ("some dogs run", "some cats run", "N")):
            self.assertEqual(labels[sentence(premise), sentence(hypothesis)], label,
                             (premise, hypothesis))

    def test_documents(self):
        """Each has one label, at its end, and fits the block; the nouns stand 4 to 7 apart."""
        texts = {tuple(task.document(pair)) for pair in PAIRS}
        self.assertEqual(len(texts), len(PAIRS))
        self.assertEqual({text[-1] for text in texts}, set(task.LABELS))
        self.assertLessEqual(max(map(len, texts)), task.BLOCK)
        self.assertEqual({task.distance(pair) for pair in PAIRS}, {4, 5, 6, 7})

    def test_splits(self):
        for seed in (42, 1):
            data = task.split(PAIRS, seed, 600)
            self.assertEqual(data, task.split(PAIRS, seed, 600))
            first, second = (data.tests[name] for name in task.TESTS)
            known = {s for pair in data.train for s in pair[:2]}
            self.assertFalse(known & {s for pair in first for s in pair[:2]})
            self.assertFalse(set(data.train) & {*first, *second})
            for s in known:
                self.assertNotEqual((s.quantifier, s.noun), task.KEPT_APART)
            for pair in second:
                self.assertIn(task.KEPT_APART, [(s.quantifier, s.noun) for s in pair[:2]])
            for pairs in (data.train, first, second):
                self.assertEqual(len(set(Counter(p.label for p in pairs).values())), 1)
            for pairs in (first, second):
                self.assertEqual(len(set(pairs)), len(pairs))

    def test_written_for_large(self):
        """In SNLI's format: the words, and the labels' names."""
        data = task.split(PAIRS, 42, 30)
        with tempfile.TemporaryDirectory() as folder, \
                mock.patch.object(task, "labelled_pairs", lambda: PAIRS):
            task.main(["--steps=30", f"--write={folder}"])
            tests = data.tests[task.TESTS[1]]
            for name, pairs in ("train", data.train), ("new_combination", tests):
                text = Path(folder, f"{name}.jsonl").read_text(encoding="utf-8")
                found = [json.loads(line) for line in text.splitlines()]
                self.assertEqual(
                    [[*one["sentence1"].split(), "/", *one["sentence2"].split(), "=",
                      one["gold_label"][0].upper()] for one in found],
                    [task.document(pair) for pair in pairs])

    def test_baselines(self):
        """A constant is right for a third; a table that may see the label is always right."""
        data = task.split(PAIRS, 42, 600)
        pairs = data.tests[task.TESTS[0]]
        constant = task.baselines(data.train)["constant answer"]
        hits = task.right(pairs, [constant(pair) for pair in pairs])
        self.assertAlmostEqual(statistics.fmean(hits), 1 / 3)
        for name, answer_to in task.baselines(data.train).items():
            for pair in pairs:
                given = {answer_to(pair._replace(label=label)) for label in task.LABELS}
                self.assertEqual(len(given), 1, f"{name} looks at the label")
        knows = task.word_votes(data.train, lambda pair: [pair.label] * 3)
        self.assertEqual(set(task.right(pairs, [knows(pair) for pair in pairs])), {1})
        results = [task.Result("knows", 42, 0, [], {name: [pair.label for pair in test]
                                                    for name, test in data.tests.items()})]
        table = task.show_accuracy(results, ["knows"], {42: data}, task.TESTS[1], {})
        self.assertIn("100.0 %", table)


class Models(unittest.TestCase):
    def test_loss_counts_the_label_alone(self):
        """And the files themselves stay as they are."""
        pair = PAIRS[0]
        vocab = micro_gpt.make_vocab([task.document(pair), ["E", "N", "C"]])
        for rival in task.rivals(len(vocab) + 1, 1):
            model = task.make_model(rival)
            config = rival.contender.config
            params = model.init_params(config, random.Random(1))
            tokens = task.tokens_of(model, pair, vocab)
            self.assertEqual(tokens[-1], vocab[pair.label])
            losses = model.token_losses(tokens, params, config)
            self.assertEqual(len(losses), 1 if rival.label_alone else len(tokens) - 1)
            cache = [[]]
            for position, token in enumerate(tokens[:-1]):
                logits = model.forward(token, position, cache, params, config)
            self.assertEqual(losses[-1].data, model.cross_entropy(logits, tokens[-1]).data)
            best = max(task.LABELS, key=lambda label: logits[vocab[label]].data)
            self.assertEqual(task.answer(model, pair, vocab, params, config), best)
        for mixer in ("attention", "Grassmann"):
            self.assertEqual(beyond.mixer(mixer).token_losses.__module__,
                             beyond.mixer(mixer).__name__)
            self.assertNotIn("lambda", beyond.mixer(mixer).token_losses.__qualname__)

    @slow
    def test_small_run(self):
        with tempfile.TemporaryDirectory() as folder, \
                mock.patch.object(compare, "TIMED_STEPS", 2), \
                mock.patch.object(task, "labelled_pairs", lambda: PAIRS), \
                mock.patch.object(task, "TEST", 9), mock.patch.object(task, "CURVE_PAIRS", 3):
            records = Path(folder, "a.json")
            chart = Path(folder, "a.svg")
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                task.main(["--steps=10", "--seeds=2", f"--json={records}", f"--svg={chart}"])
            found = json.loads(records.read_text(encoding="utf-8"))
            self.assertIn("<svg", chart.read_text(encoding="utf-8"))
        self.assertEqual(len(found["results"]), 2 * (9 + 3))
        self.assertEqual(set(found["tests"]), {"42", "1"})
        for result in found["results"]:
            self.assertEqual([len(a) for a in result["answers"].values()], [9, 9])
        self.assertLessEqual(max(map(len, out.getvalue().splitlines())), 100)


if __name__ == "__main__":
    unittest.main()
