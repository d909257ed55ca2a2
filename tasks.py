"""What the models are asked, for benchmarks, tutorial, playground and large/; no model is here.

A task is a generator, a judge or labels, and what can be reached without a model: the ideal, tables
of counts. Names and text come first, then brackets, pairs of sentences, questions about random
signs. There is nothing to run. A new task goes to the end of this file, as a section of its own.

Everything random comes from a random.Random that the caller gives, so a seed fixes it.
"""
import functools
import itertools
import math
import random
import statistics
from collections import Counter, defaultdict
from pathlib import Path
from typing import NamedTuple

# ---- names and text ------------------------------------------------------------------------------

INPUT = Path(__file__).resolve().with_name("input.txt")  # names, one a line


def documents(text):
    """Return the lines of a text, stripped, without the blank ones."""
    return [line.strip() for line in text.split("\n") if line.strip()]


class CountTable:
    """How often each symbol follows each context of up to `order` symbols, smoothed.

    The probability of a symbol after a context h is (count of both + strength * its probability
    after h without its first symbol) / (count of h + strength); below the empty context all are
    equally likely. (Additive smoothing towards the shorter context: MacKay and Peto 1995.)
    """

    def __init__(self, docs, order, vocab_size, strength):
        self.order = order
        self.vocab_size = vocab_size
        self.strength = strength
        self.followed = Counter()
        self.seen = Counter()
        for doc in docs:
            for context, symbol in self.pairs(doc):
                for start in range(len(context) + 1):
                    self.followed[context[start:], symbol] += 1
                    self.seen[context[start:]] += 1

    def pairs(self, doc):
        """Yield each symbol of the document, its end included, with the context before it."""
        symbols = [None, *doc, None]
        for i in range(1, len(symbols)):
            yield tuple(symbols[max(0, i - self.order):i]), symbols[i]

    def probability(self, context, symbol):
        """Return the smoothed probability of the symbol after the context."""
        p = 1 / self.vocab_size
        for start in range(len(context), -1, -1):
            part = context[start:]
            both = self.followed[part, symbol]
            p = (both + self.strength * p) / (self.seen[part] + self.strength)
        return p

    def loss(self, docs, block_size):
        """Return the mean loss of the documents' tokens in nats, as far as a block reaches."""
        nats = [-math.log(self.probability(context, symbol)) for doc in docs
                for context, symbol in itertools.islice(self.pairs(doc), block_size)]
        return statistics.fmean(nats)


def count_table_loss(order, docs, held_out, vocab_size, block_size):
    """Return the loss of a count table; its strength is chosen on a fifth of the documents."""
    fifth = len(docs) // 5
    table = CountTable(docs[fifth:], order, vocab_size, 1)
    losses = {}
    for strength in (0.3, 1, 3, 10, 30):
        table.strength = strength
        losses[strength] = table.loss(docs[:fifth], block_size)
    best = min(losses, key=losses.get)
    return CountTable(docs, order, vocab_size, best).loss(held_out, block_size)


# ---- brackets ------------------------------------------------------------------------------------

PAIRS = (10, 25)  # the fewest and the most pairs of brackets in a string
BRACKET_STRINGS = 2000  # to train on and, a tenth of them, to evaluate on
BRACKET_BLOCK = 64  # the longest string has 50 brackets, so the block never cuts a right answer


def balanced_string(rng, pairs=PAIRS):
    """Return a random balanced string; pairs are the fewest and the most pairs of brackets.

    Their number is uniform; at each place an opening or a closing bracket is equally likely where
    both are possible.
    """
    number = rng.randint(*pairs)
    text = ""
    depth = 0
    unopened = number
    while len(text) < 2 * number:
        if unopened and (not depth or rng.random() < 0.5):
            text += "("
            depth += 1
            unopened -= 1
        else:
            text += ")"
            depth -= 1
    return text


def distinct_strings(number, rng, pairs=PAIRS):
    """Return `number` different balanced strings, so that unseen ones really are unseen."""
    strings = {}
    while len(strings) < number:
        strings[balanced_string(rng, pairs)] = None
    return list(strings)


def judge(text, block_size=BRACKET_BLOCK):
    """Return (verdict, place of the first wrong bracket or None) for a string that a model wrote.

    The wrong bracket is the first that closes nothing or, if there is none, one never closed.
    Verdicts: balanced, empty, closed too early, left open, block full (left open at its end).
    """
    opened = []
    for place, bracket in enumerate(text):
        if bracket == "(":
            opened.append(place)
        elif not opened:
            return "closed too early", place
        else:
            opened.pop()
    if opened:
        return ("left open" if len(text) < block_size else "block full"), opened[0]
    return ("balanced" if text else "empty"), None


def is_balanced(text):
    """Tell whether each bracket that opens is closed, and whether there is any bracket."""
    return judge(text)[0] == "balanced"


def least_loss(pairs=PAIRS):
    """Return the loss of a model that knows how balanced_string works: none has less on average.

    In nats a token, like all losses here. A string of n pairs is drawn with probability
    1 / (number of possible n) * (1/2) ** free, where free counts the places at which both brackets
    were possible. The loss is the mean of -log of that, divided by the mean number of tokens,
    2n + 1 with the BOS at the end (Shannon 1948, entropy).
    """
    @functools.cache
    def free(unopened, depth):
        """Return how many free places are still to come on average."""
        if not unopened:
            return 0.0
        if not depth:
            return free(unopened - 1, 1)
        return 1 + (free(unopened - 1, depth + 1) + free(unopened, depth - 1)) / 2
    sizes = range(pairs[0], pairs[1] + 1)
    nats = math.log(len(sizes)) + math.log(2) * statistics.fmean([free(n, 0) for n in sizes])
    return nats / statistics.fmean([2 * n + 1 for n in sizes])


def ideal_loss(docs, pairs=PAIRS):
    """Return the loss on these strings, in nats a token, of a model that knows balanced_string.

    It knows that each number of pairs is as likely as the others, and that both brackets are
    equally likely wherever both are possible; Bayes' rule does the rest.
    """
    nats = 0.0
    sizes = range(pairs[0], pairs[1] + 1)
    for doc in docs:
        chance = 0.0  # of the whole string: the product of its tokens' probabilities
        for number in sizes:
            chance += string_chance(doc, number) / len(sizes)
        nats -= math.log(chance)
    return nats / sum(len(doc) + 1 for doc in docs)


def string_chance(doc, number):
    """Return the probability that balanced_string, once it has drawn this number, returns doc."""
    if len(doc) != 2 * number:
        return 0.0
    free = 0
    depth = 0
    opened = 0
    for bracket in doc:
        free += opened < number and depth > 0
        opened += bracket == "("
        depth += 1 if bracket == "(" else -1
    return 0.5 ** free


def counter_loss(train, held_out):
    """Return the loss on held_out of a perfect counter: a table of counts by depth and position.

    It knows the depth and the position exactly, and nothing else. Its probabilities are counted on
    the strings of train, with one more count, shared among the three symbols.
    """
    followed = defaultdict(Counter)
    for doc in train:
        for state, symbol in bracket_states(doc):
            followed[state][symbol] += 1
    nats = []
    for doc in held_out:
        for state, symbol in bracket_states(doc):
            counts = followed[state]
            nats.append(-math.log((counts[symbol] + 1 / 3) / (sum(counts.values()) + 1)))
    return statistics.fmean(nats)


def bracket_states(doc):
    """Yield ((depth, position), the next symbol) along a string; None is its end."""
    depth = 0
    for position, symbol in enumerate([*doc, None]):
        yield (depth, position), symbol
        depth += 1 if symbol == "(" else -1


# ---- pairs of sentences --------------------------------------------------------------------------
#
# A document is a list of words, premise / hypothesis = label, such as
#
#     all dogs run / some animals run = E        E entailed, N neutral, C contradicted
#
# The labels are computed, not given by rules of thumb. A quantifier is a relation between two sets,
# as in generalised quantifiers (Barwise and Cooper 1981, Linguistics and Philosophy 4), and a pair
# is decided by looking at every world of up to four things. Small old dogs and small old cats are
# taken to exist, so that "all" implies "some". More things would decide no pair differently: a
# world in which two sentences are true or false as wanted needs at most a small old dog, a small
# old cat and one witness for each sentence, and removing everything else changes nothing. Testing a
# network's reasoning with artificial sentences and these three labels: Bowman, Potts and Manning
# 2015, Recursive Neural Networks Can Learn Logical Semantics, arXiv:1406.1827.

QUANTIFIERS = ("all", "some", "no", "not all")
ADJECTIVES = ("", "small", "old")
NOUNS = {"dogs": ("dog",), "cats": ("cat",), "animals": ("dog", "cat", "other animal")}
VERBS = {"run": ("runs",), "walk": ("walks",), "move": ("runs", "walks", "moves otherwise")}
ACTIONS = ("runs", "walks", "moves otherwise", "rests")
LABELS = ("E", "N", "C")
THINGS = 4  # in the largest world
KEPT_APART = ("no", "cats")  # the combination that no training pair has
SENTENCES_APART = 4  # one sentence in four is kept for the test
TEST_PAIRS = 300  # in a test set, at most
PAIR_TESTS = ("new sentences", "new combination")


class Sentence(NamedTuple):
    """A sentence of the grammar; adjective may be "", negated puts "never" before the verb."""

    quantifier: str
    adjective: str
    noun: str
    negated: bool
    verb: str


class Pair(NamedTuple):
    """A premise, a hypothesis and their label."""

    premise: Sentence
    hypothesis: Sentence
    label: str


def sentences():
    """Return every Sentence of the grammar."""
    return [Sentence(*parts) for parts in itertools.product(
        QUANTIFIERS, ADJECTIVES, NOUNS, (False, True), VERBS)]


def sentence_words(sentence):
    """Return the words of a sentence."""
    never = "never" if sentence.negated else ""
    parts = (sentence.quantifier, sentence.adjective, sentence.noun, never, sentence.verb)
    return " ".join(parts).split()


def kinds():
    """Return every kind of thing: (animal, the adjectives that are true of it, action)."""
    adjectives = (set(), {"small"}, {"old"}, {"small", "old"})
    return list(itertools.product(NOUNS["animals"], adjectives, ACTIONS))


def as_bits(things, fits):
    """Return a number whose bit k says whether the k-th thing fits: a set in one number."""
    return sum(1 << k for k, thing in enumerate(things) if fits(thing))


def worlds():
    """Return every world of up to THINGS things as a set of kinds, in bits.

    Two things of one kind make no sentence true that one alone does not, so a world is a set of
    kinds. A small old dog and a small old cat are in each.
    """
    every = kinds()
    bits = [1 << k for k in range(len(every))]
    both = {"small", "old"}
    dogs = [bit for bit, kind in zip(bits, every) if kind[0] == "dog" and kind[1] == both]
    cats = [bit for bit, kind in zip(bits, every) if kind[0] == "cat" and kind[1] == both]
    found = set()
    for others in itertools.combinations_with_replacement([0, *bits], THINGS - 2):
        for dog, cat in itertools.product(dogs, cats):
            world = dog | cat
            for bit in others:
                world |= bit
            found.add(world)
    return sorted(found)


def subject_and_verb(sentence):
    """Return the kinds that the sentence is about, and those that do what it says, in bits."""
    adjective = {sentence.adjective} - {""}
    subject = as_bits(kinds(), lambda kind: kind[0] in NOUNS[sentence.noun]
                      and adjective <= kind[1])
    verb = as_bits(kinds(), lambda kind: (kind[2] in VERBS[sentence.verb]) != sentence.negated)
    return subject, verb


def holds(quantifier, subject, verb, world):
    """Tell whether a sentence is true in a world; the last three arguments are sets in bits."""
    present = subject & world
    if quantifier == "all":
        return present & ~verb == 0
    if quantifier == "some":
        return present & verb != 0
    if quantifier == "no":
        return present & verb == 0
    return present & ~verb != 0


def truth(every):
    """Return {sentence: the worlds in which it is true, in bits}."""
    all_worlds = worlds()
    table = {}
    for sentence in every:
        subject, verb = subject_and_verb(sentence)
        true = [str(int(holds(sentence.quantifier, subject, verb, w))) for w in all_worlds]
        table[sentence] = int("".join(true), 2)
    return table


def relation(premise, hypothesis):
    """Return the label of two sets of worlds, in bits."""
    if premise & ~hypothesis == 0:
        return "E"
    return "C" if premise & hypothesis == 0 else "N"


def labelled_pairs():
    """Return every Pair of two different sentences."""
    table = truth(sentences())
    return [Pair(one, other, relation(table[one], table[other]))
            for one, other in itertools.permutations(table, 2)]


def pair_words(pair):
    """Return a pair as a list of words that ends with the label."""
    return [*sentence_words(pair.premise), "/", *sentence_words(pair.hypothesis), "=", pair.label]


def label_place(doc):
    """Return the places whose symbols count if the label alone does; doc: a pair's words."""
    return [len(doc) - 1]


def every_place(doc):
    """Return the places whose symbols count if all words do."""
    return range(len(doc))


def noun_distance(pair):
    """Return by how many words the hypothesis' noun comes after the premise's."""
    text = pair_words(pair)
    places = [place for place, word in enumerate(text) if word in NOUNS]
    return places[1] - places[0]


def even_labels(pairs, number, rng):
    """Return `number` pairs in random order, each label as often as the others.

    A label with too few pairs repeats them. ValueError if it has none at all.
    """
    chosen = []
    for place, label in enumerate(LABELS):
        mine = [pair for pair in pairs if pair.label == label]
        if not mine:
            raise ValueError(f"no pair has the label {label}")
        rng.shuffle(mine)
        share = number // 3 + (place < number % 3)
        chosen += itertools.islice(itertools.cycle(mine), share)
    rng.shuffle(chosen)
    return chosen


def split_pairs(pairs, seed, number):
    """Return (`number` pairs to train on, {name of a test: its pairs}).

    One in SENTENCES_APART of the sentences without the combination KEPT_APART is kept apart as
    well: the first test has only pairs of these. The second has pairs with the combination in at
    least one sentence; the other sentence may be one of training. So no pair of a test occurs in
    training, and in the first test no sentence does.
    """
    rng = random.Random(seed)
    apart = [s for s in sentences() if (s.quantifier, s.noun) == KEPT_APART]
    others = [s for s in sentences() if s not in apart]
    rng.shuffle(others)
    cut = len(others) // SENTENCES_APART
    unseen = set(others[:cut])
    known = set(others[cut:])
    with_combination = known.union(apart)
    train = []
    first = []
    second = []
    for pair in pairs:
        both = {pair.premise, pair.hypothesis}
        if both <= known:
            train.append(pair)
        elif both <= unseen:
            first.append(pair)
        elif both <= with_combination:
            second.append(pair)
    return even_labels(train, number, rng), {PAIR_TESTS[0]: test_set(first, rng),
                                             PAIR_TESTS[1]: test_set(second, rng)}


def test_set(pairs, rng):
    """Return at most TEST_PAIRS pairs, none of them twice, each label as often as the others."""
    rarest = min(Counter(pair.label for pair in pairs).values())
    return even_labels(pairs, min(TEST_PAIRS, 3 * rarest), rng)


def word_votes(train, features):
    """Return a function that answers a pair by naive Bayes (McCallum and Nigam 1998, AAAI-98).

    It answers with the label under which the pair's features are most likely, each taken by itself;
    one is added to each count. features is a function of a pair that returns a list.
    """
    counts = {label: Counter() for label in LABELS}
    for pair in train:
        counts[pair.label].update(features(pair))
    kinds_of = len(set().union(*counts.values()))
    totals = {label: sum(counts[label].values()) + kinds_of for label in LABELS}

    def answer(pair):
        """Return the likeliest label."""
        return max(LABELS, key=lambda label: sum(
            math.log((counts[label][f] + 1) / totals[label]) for f in features(pair)))
    return answer


def pair_tables(train):
    """Return {name: a function that answers a pair}: what counting these pairs can do."""
    common = Counter(pair.label for pair in train).most_common(1)[0][0]
    return {"constant answer": lambda pair: common,
            "hypothesis alone": word_votes(train, lambda pair: sentence_words(pair.hypothesis)),
            "bag of words": word_votes(train, lambda pair: pair_words(pair)[:-1])}


# ---- questions about random signs ----------------------------------------------------------------
#
# Here the text is random and the answer a function of it, so one skill is asked for and all answers
# can be right. What is read and what is answered are kept apart: no answer enters the text. Each
# task has a guess that lacks the skill, to compare with; benchmark_tasks.py does that.

LOOK_BACK = (1, 2, 4, 8, 16)  # the offsets at which some of these questions aim
FOUR_BACK = 4
OUTCOMES = ("wins", "loses", "level")
FILLER = "."
RECALLED = 4  # pairs of a key and its value in a text
KEYS = tuple("abcdefgh")
VALUES = tuple("ABCDEFGH")
DEEPEST = 8  # brackets open: so many or more are one answer
QUESTIONS = 100  # held-out texts that answers are counted on
DEPTH = {"recall": 2, "induction": 2}  # layers, where the answer takes two looks back; else 1


class Example(NamedTuple):
    """A text of symbols and, after each, the right answer, or None where nothing is asked."""

    text: list
    answers: list


class Task(NamedTuple):
    """A question about a random text."""

    asks: str
    make: object  # (rng, length, signs) -> Example
    lacks: str  # what the guess does without
    guess: object  # (text so far, signs) -> the best answer without that


def random_signs(rng, length, signs):
    """Return `length` of the signs "0", "1", ..., `signs` of them, at random."""
    return [str(rng.randrange(signs)) for _ in range(length)]


def asked_from(first, text, answer):
    """Return the Example that asks from position `first` on; answer is a function of a text."""
    if len(text) <= first:
        raise ValueError(f"length {len(text)}: the first question comes at {first + 1}")
    return Example(text, [answer(text[:t + 1]) if t >= first else None for t in range(len(text))])


def looked_back(text):
    """Return what stands LOOK_BACK before the last symbol, nearest first."""
    return [text[-1 - offset] for offset in LOOK_BACK if offset < len(text)]


def most_common(symbols):
    """Return the most frequent symbol, of equals the least, so that their order does not count."""
    return max(sorted(set(symbols)), key=symbols.count)


def outcome(sign, others, signs):
    """Return "wins" if the sign beats more of the others than beat it; else "loses" or "level".

    The signs, an odd number of them, stand in a circle as in rock, paper, scissors: each beats the
    half that comes after it and loses to the half before it. The relation is antisymmetric: when
    a and b change places, "wins" becomes "loses".
    """
    half = (signs - 1) // 2
    balance = 0
    for other in others:
        ahead = (int(other) - int(sign)) % signs
        balance += (1 <= ahead <= half) - (ahead > half)
    if balance == 0:
        return OUTCOMES[2]
    return OUTCOMES[0] if balance > 0 else OUTCOMES[1]


def odd(signs):
    """Return the number of signs; ValueError if it is even or below 3."""
    if signs < 3 or signs % 2 == 0:
        raise ValueError(f"{signs} signs: dominance needs an odd number from 3 on, so that each "
                         "sign beats half of the others")
    return signs


def dominance_of_most(rng, length, signs):
    """Return an Example: does the present sign beat most of those that stand LOOK_BACK before?"""
    text = random_signs(rng, length, odd(signs))
    return asked_from(max(LOOK_BACK), text,
                      lambda text: outcome(text[-1], looked_back(text), signs))


def dominance_of_one(rng, length, signs):
    """Return an Example: does the present sign beat the one four back?"""
    text = random_signs(rng, length, odd(signs))
    return asked_from(max(LOOK_BACK), text,
                      lambda text: outcome(text[-1], [text[-1 - FOUR_BACK]], signs))


def recall(rng, length, signs):
    """Return an Example: keys with values, then the keys in another order: what was the value?

    Fillers stand between the keys asked for, so the distance from a value varies.
    """
    keys = rng.sample(KEYS, RECALLED)
    held = dict(zip(keys, rng.sample(VALUES, RECALLED)))
    room = length - 2 * RECALLED
    if room < RECALLED:
        raise ValueError(f"length {length}: {RECALLED} pairs and their keys again need "
                         f"{3 * RECALLED}")
    places = rng.sample(range(room), RECALLED)
    asked = dict(zip(places, keys))
    tail = [asked.get(place, FILLER) for place in range(room)]
    text = [symbol for pair in held.items() for symbol in pair] + tail
    return Example(text, [None] * (2 * RECALLED) + [held.get(symbol) for symbol in tail])


def copy_from_four_back(rng, length, signs):
    """Return an Example: which sign stood four back?"""
    text = random_signs(rng, length, signs)
    return asked_from(FOUR_BACK, text, lambda text: text[-1 - FOUR_BACK])


def parity(rng, length, signs):
    """Return an Example of zeros and ones: is the number of ones so far odd or even?"""
    text = random_signs(rng, length, 2)
    return asked_from(max(LOOK_BACK) // 2, text, parity_of)


def parity_of(bits):
    """Return "odd" or "even": the number of ones."""
    return "odd" if bits.count("1") % 2 else "even"


def repeat_of_four_back(rng, length, signs):
    """Return an Example: is the present sign the one four back?

    A third of the signs are; another third repeat one from another of the places LOOK_BACK.
    """
    text = random_signs(rng, length, signs)
    others = [offset for offset in LOOK_BACK if offset != FOUR_BACK]
    for t in range(max(LOOK_BACK), length):
        offset = rng.choice([FOUR_BACK, rng.choice(others), 0])
        text[t] = text[t - offset]
    return asked_from(max(LOOK_BACK), text,
                      lambda text: "same" if text[-1] == text[-1 - FOUR_BACK] else "other")


def induction(rng, length, signs):
    """Return an Example: what followed the last time that the present sign stood here?

    (Elhage et al. 2021, A Mathematical Framework for Transformer Circuits: induction heads.)
    """
    return asked_from(1, random_signs(rng, length, signs), followed_last_time)


def followed_last_time(text):
    """Return what followed the last earlier place of the last symbol; None if there is none."""
    for t in range(len(text) - 2, -1, -1):
        if text[t] == text[-1]:
            return text[t + 1]
    return None


def open_brackets(rng, length, signs):
    """Return an Example of brackets: how many are open?"""
    return asked_from(0, list(balanced_string(rng, (length // 2, length // 2))), depth_of)


def depth_of(brackets):
    """Return how many brackets are open, as text; DEEPEST stands for that many or more."""
    return str(min(DEEPEST, brackets.count("(") - brackets.count(")")))


SIGN_TASKS = {
    "dominance": Task(
        "does the present sign beat most of those 1, 2, 4, 8, 16 back?", dominance_of_most,
        "all but the nearest", lambda text, signs: outcome(text[-1], text[-2:-1], signs)),
    "dominance 4": Task(
        "does the present sign beat the one four back?", dominance_of_one,
        "order", lambda text, signs: outcome(text[-1], looked_back(text), signs)),
    "recall": Task(
        "which value came with this key?", recall,
        "pairing", lambda text, signs: text[1]),
    "copy": Task(
        "which sign stood four back?", copy_from_four_back,
        "order", lambda text, signs: most_common(looked_back(text))),
    "repeat": Task(
        "is this the sign four back?", repeat_of_four_back,
        "order", lambda text, signs: "same" if text[-1] in looked_back(text) else "other"),
    "induction": Task(
        "what followed this sign last time?", induction,
        "pairing", lambda text, signs: most_common(text)),
    "parity": Task(
        "is the number of ones odd?", parity,
        "all but the offsets", lambda text, signs: parity_of([text[-1], *looked_back(text)])),
    "brackets": Task(
        "how many brackets are open?", open_brackets,
        "counting", lambda text, signs: "1" if len(text) % 2 else "2"),
}


class Questions(NamedTuple):
    """The texts of one task and one seed, in all likelihood all different."""

    train: list  # of tasks.Example
    held_out: list
    vocab: dict  # {symbol: token}, answers among the symbols


def questions(task, seed, steps, length, signs):
    """Return the Questions of one seed; ValueError for a wrong length or number of signs."""
    make = SIGN_TASKS[task].make
    rng = random.Random(f"{task} {seed}")
    try:
        train = [make(rng, length, signs) for _ in range(steps)]
        held_out = [make(rng, length, signs) for _ in range(QUESTIONS)]
    except ValueError as error:
        raise ValueError(f"{task}: {error}") from None
    symbols = set()
    for example in train + held_out:
        symbols.update(example.text, example.answers)
    return Questions(train, held_out, {s: n for n, s in enumerate(sorted(symbols - {None}))})


def in_tokens(example, vocab):
    """Return the example in tokens."""
    return Example([vocab[symbol] for symbol in example.text],
                   [None if a is None else vocab[a] for a in example.answers])


def references(task, several, signs):
    """Return (chance, guess): shares of right answers on the held-out texts of several Questions.

    Chance always gives the same answer, the most frequent one; the guess is the task's.
    """
    given = []
    guessed = 0
    for one in several:
        for example in one.held_out:
            for place, answer in enumerate(example.answers):
                if answer is not None:
                    given.append(answer)
                    guess = SIGN_TASKS[task].guess(example.text[:place + 1], signs)
                    guessed += guess == answer
    most = max(given.count(answer) for answer in set(given))
    return most / len(given), guessed / len(given)
