"""tasks.py: what is asked, decided a second way, and what can be had without a model."""
import itertools
import math
import random
import statistics
import unittest
from collections import Counter

import tasks

NAMES = ["anna", "bob", "carla", "dora", "eva", "fred", "gina", "hanna", "ida", "jana", "kim"]
FIRST = ["(((()))(((()(())())())()))", "(()(((((((()(())(())))))))))"]
PAIRS = tasks.labelled_pairs()
MARKS = {"all": ("never", True), "no": ("never", False), "some": ("one", True),
         "not all": ("one", False)}


def sentence(text):
    """Return the Sentence of a text such as "not all old dogs never run"."""
    return next(s for s in tasks.sentences() if " ".join(tasks.sentence_words(s)) == text)


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
                                           ("", "small", "old", "small old"), tasks.ACTIONS)
              if is_about((t[0], t[1].split(), t[2]), s)]
    if form == "never":
        return {t for t in things if does(t[2], s.verb) != doing}, None
    return set(), {t for t in things if does(t[2], s.verb) == doing}


def possible(*claims):
    """Return whether some world, of any size, makes all claims so: (sentence, wanted)."""
    forbidden = set()
    needed = [{(animal, "small old", action) for action in tasks.ACTIONS}
              for animal in ("dog", "cat")]
    for s, wanted in claims:
        never, one = demands(s, wanted)
        forbidden |= never
        if one is not None:
            needed.append(one)
    return all(one - forbidden for one in needed)


class PairsOfSentences(unittest.TestCase):
    def test_every_label_a_second_way(self):
        """By what must and must not be in a world of any size, not by looking at worlds."""
        for pair in random.Random(1).sample(PAIRS, 2000):
            if not possible((pair.premise, True), (pair.hypothesis, False)):
                label = "E"
            elif not possible((pair.premise, True), (pair.hypothesis, True)):
                label = "C"
            else:
                label = "N"
            self.assertEqual(pair.label, label, tasks.pair_words(pair))

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
        texts = {tuple(tasks.pair_words(pair)) for pair in PAIRS}
        self.assertEqual(len(texts), len(PAIRS))
        self.assertEqual({text[-1] for text in texts}, set(tasks.LABELS))
        self.assertLessEqual(max(map(len, texts)), 16)
        self.assertEqual({tasks.noun_distance(pair) for pair in PAIRS}, {4, 5, 6, 7})

    def test_splits(self):
        for seed in (42, 1):
            train, tests = tasks.split_pairs(PAIRS, seed, 600)
            self.assertEqual((train, tests), tasks.split_pairs(PAIRS, seed, 600))
            first, second = (tests[name] for name in tasks.PAIR_TESTS)
            known = {s for pair in train for s in pair[:2]}
            self.assertFalse(known & {s for pair in first for s in pair[:2]})
            self.assertFalse(set(train) & {*first, *second})
            for s in known:
                self.assertNotEqual((s.quantifier, s.noun), tasks.KEPT_APART)
            for pair in second:
                self.assertIn(tasks.KEPT_APART, [(s.quantifier, s.noun) for s in pair[:2]])
            for pairs in (train, first, second):
                self.assertEqual(len(set(Counter(p.label for p in pairs).values())), 1)
            for pairs in (first, second):
                self.assertEqual(len(set(pairs)), len(pairs))

    def test_baselines(self):
        """A constant is right for a third; a table that may see the label is always right."""
        train, tests = tasks.split_pairs(PAIRS, 42, 600)
        pairs = tests[tasks.PAIR_TESTS[0]]
        constant = tasks.pair_tables(train)["constant answer"]
        hits = [constant(pair) == pair.label for pair in pairs]
        self.assertAlmostEqual(statistics.fmean(hits), 1 / 3)
        for name, answer_to in tasks.pair_tables(train).items():
            for pair in pairs:
                given = {answer_to(pair._replace(label=label)) for label in tasks.LABELS}
                self.assertEqual(len(given), 1, f"{name} looks at the label")
        knows = tasks.word_votes(train, lambda pair: [pair.label] * 3)
        for pair in pairs:
            self.assertEqual(knows(pair), pair.label)


class Brackets(unittest.TestCase):
    def all_strings(self, pairs):
        """Yield every balanced string of this number of pairs."""
        for text in itertools.product("()", repeat=2 * pairs):
            depths = list(itertools.accumulate(1 if b == "(" else -1 for b in text))
            if min(depths) >= 0 and depths[-1] == 0:
                yield "".join(text)

    def test_chances(self):
        """Those of all strings of a size sum to 1, and drawing them agrees."""
        for pairs in (1, 2, 3, 4):
            strings = list(self.all_strings(pairs))
            chances = {s: tasks.string_chance(s, pairs) for s in strings}
            self.assertAlmostEqual(sum(chances.values()), 1)
        rng = random.Random(3)
        drawn = [tasks.balanced_string(rng, (3, 3)) for _ in range(4000)]
        for text in self.all_strings(3):
            chance = tasks.string_chance(text, 3)
            self.assertAlmostEqual(drawn.count(text) / 4000, chance, delta=0.03)

    def test_ideal(self):
        """Its mean over all strings, each with its chance, is the least loss on average."""
        nats = 0.0
        tokens = 0.0
        for pairs in (1, 2, 3, 4):
            for text in self.all_strings(pairs):
                chance = tasks.string_chance(text, pairs) / 4
                nats += chance * tasks.ideal_loss([text], (1, 4)) * (len(text) + 1)
                tokens += chance * (len(text) + 1)
        self.assertAlmostEqual(nats / tokens, tasks.least_loss((1, 4)))

    def test_counter(self):
        """A perfect counter is worse than the ideal, and better than blind."""
        strings = tasks.distinct_strings(600, random.Random(1))
        counter = tasks.counter_loss(strings[100:], strings[:100])
        self.assertLess(tasks.ideal_loss(strings[:100]), counter)
        self.assertLess(counter, math.log(3))

    def test_judge(self):
        for text, verdict in (("()", ("balanced", None)), ("(()", ("left open", 0)),
                              ("())(", ("closed too early", 2)), ("", ("empty", None)),
                              ("(" * tasks.BRACKET_BLOCK, ("block full", 0))):
            self.assertEqual(tasks.judge(text), verdict)
            self.assertEqual(tasks.is_balanced(text), verdict[0] == "balanced")

    def test_distinct(self):
        """All different and balanced, of 10 to 25 pairs; the first are those on record."""
        strings = tasks.distinct_strings(300, random.Random(42))
        self.assertEqual(len(set(strings)), 300)
        self.assertTrue(all(map(tasks.is_balanced, strings)))
        self.assertEqual({min(map(len, strings)), max(map(len, strings))}, {20, 50})
        self.assertEqual(strings[:2], FIRST)


class CountTables(unittest.TestCase):
    def test_by_hand(self):
        """Of "ab", strength 1, three symbols: a, b and the end.

        After the empty context each was seen once of 3: (1 + 1/3) / (3 + 1) = 1/3. After a came b
        alone, once: (1 + 1 * 1/3) / (1 + 1) = 2/3.
        """
        table = tasks.CountTable(["ab"], 1, 3, 1)
        self.assertAlmostEqual(table.probability((), "a"), 1 / 3)
        self.assertAlmostEqual(table.probability(("a",), "b"), 2 / 3)
        self.assertAlmostEqual(table.loss(["ab"], 9), -math.log(2 / 3))

    def test_probabilities_sum_to_one(self):
        table = tasks.CountTable(NAMES, 3, len(set("".join(NAMES))) + 1, 3)
        for context in (), (None, "a"), ("n", "n", "a"), ("x", "y"):
            total = sum(table.probability(context, s) for s in {*"".join(NAMES), None})
            self.assertAlmostEqual(total, 1)

    def test_block(self):
        """As a model, it is measured on no more tokens than the block holds."""
        table = tasks.CountTable(["aab"], 1, 3, 1)
        by_hand = -math.log(table.probability((None,), "a"))
        self.assertAlmostEqual(table.loss(["abb"], 1), by_hand)


class Signs(unittest.TestCase):
    """Questions about random signs: the answers a second way, what a guess gets, complaints."""

    def examples(self, name, length=32, signs=15, number=60):
        rng = random.Random(1)
        return [tasks.SIGN_TASKS[name].make(rng, length, signs) for _ in range(number)]

    def test_dominance_is_antisymmetric(self):
        """Change places, and win and loss change; each sign beats half of the others."""
        other_way = dict(zip(tasks.OUTCOMES, ("loses", "wins", "level")))
        for signs in (3, 15):
            for a, b in itertools.product(map(str, range(signs)), repeat=2):
                self.assertEqual(tasks.outcome(b, [a], signs),
                                 other_way[tasks.outcome(a, [b], signs)])
            won = [tasks.outcome("0", [str(b)], signs) for b in range(signs)]
            self.assertEqual(won.count("wins"), (signs - 1) // 2)
        beats = [tasks.outcome(a, [b], 3) for a, b in ("01", "12", "20")]
        self.assertEqual(beats, ["wins"] * 3)  # rock, paper, scissors

    def test_most(self):
        for one, asked in ((False, [1, 2, 4, 8, 16]), (True, [4])):
            for text, answers in self.examples("dominance 4" if one else "dominance"):
                self.assertEqual(answers[:16], [None] * 16)
                for t in range(16, 32):
                    gaps = [(int(text[t - o]) - int(text[t])) % 15 for o in asked]
                    balance = sum(0 < gap < 8 for gap in gaps) - sum(gap > 7 for gap in gaps)
                    sign = (balance > 0) - (balance < 0)
                    self.assertEqual(answers[t], {1: "wins", -1: "loses", 0: "level"}[sign])

    def test_recall(self):
        distances = set()
        for text, answers in self.examples("recall", length=20):
            self.assertEqual(len(text), 20)
            pairs = {text[n]: text[n + 1] for n in range(0, 8, 2)}
            self.assertEqual((len(pairs), len(set(pairs.values()))), (4, 4))
            self.assertEqual(sorted(s for s in text[8:] if s != tasks.FILLER), sorted(pairs))
            self.assertEqual(answers, [None] * 8 + [pairs.get(s) for s in text[8:]])
            distances |= {t - text.index(s) for t, s in enumerate(text) if answers[t]}
        self.assertGreater(len(distances), 10)

    def test_others(self):
        for text, answers in self.examples("copy"):
            self.assertEqual(answers, [None] * 4 + text[:-4])
        for text, answers in self.examples("repeat"):
            for t in range(16, 32):
                self.assertEqual(answers[t] == "same", text[t] == text[t - 4])
        for text, answers in self.examples("parity"):
            ones = list(itertools.accumulate(map(int, text)))
            self.assertEqual([a == "odd" for a in answers[8:]], [n % 2 == 1 for n in ones[8:]])
        for text, answers in self.examples("induction", signs=5):
            last = {}
            for t, sign in enumerate(text):
                self.assertEqual(answers[t], text[last[sign] + 1] if sign in last else None)
                last[sign] = t
        for text, answers in self.examples("brackets"):
            depth = list(itertools.accumulate(1 if b == "(" else -1 for b in text))
            self.assertEqual(answers, [str(min(8, d)) for d in depth])

    def test_guesses(self):
        """Each is better than the most frequent answer, but for parity; none is perfect."""
        for name, task in tasks.SIGN_TASKS.items():
            asked = [(text[:t + 1], answer) for text, answers in self.examples(name, number=150)
                     for t, answer in enumerate(answers) if answer]
            right = statistics.fmean([task.guess(text, 15) == answer for text, answer in asked])
            counts = Counter(answer for _, answer in asked)
            constant = counts.most_common(1)[0][1] / len(asked)
            with self.subTest(name=name):
                self.assertLess(right, 0.7)
                if name != "parity":
                    self.assertGreater(right, constant + 0.05)

    def test_a_seed_settles_it(self):
        for name in tasks.SIGN_TASKS:
            self.assertEqual(self.examples(name), self.examples(name))

    def test_complaints(self):
        for name, length, signs in (("dominance", 32, 4), ("dominance 4", 32, 1),
                                    ("recall", 11, 15), ("dominance", 16, 15), ("copy", 4, 15),
                                    ("brackets", 1, 15), ("parity", 8, 15)):
            with self.subTest(name=name), self.assertRaises(ValueError):
                self.examples(name, length, signs)
