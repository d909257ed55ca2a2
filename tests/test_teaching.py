"""TEACHING.md tells the truth: each change it shows is made, run and compared with its numbers.

The code blocks are read from the page and applied to the text of micro_grassmann_clean.py. Each
number in a solution belongs to a claim made here with a computed number; one left over is an error.
"""
import contextlib
import io
import os
import random
import re
import statistics
import sys
import unittest
from functools import cache
from importlib.abc import InspectLoader
from importlib.util import module_from_spec, spec_from_loader
from math import sqrt
from types import SimpleNamespace
from unittest import mock

import tutorial
from tests.helpers import CLEAN, GPT, INPUT, ROOT, flat, numbers, run, slow

PAGE = (ROOT / "TEACHING.md").read_text(encoding="utf-8")
BARE, ATTENTION = [(ROOT / name).read_text(encoding="utf-8")
                   for name in ("micro_grassmann_clean.py", "micro_gpt.py")]
DOCS = CLEAN.load_docs(INPUT)
MATRICES = ("W_red", "W_plu", "W_gate_h", "W_gate_g")
LABELS = ("none", "r = 8", "r = 1", "offsets 1 to 6", "offset 1 alone", "offset 16 alone",
          "alpha = 1", "alpha = 0", "not normalised")
STUDENT = 4.302653  # 97.5 % of Student's t with 2 degrees of freedom lies below


# ---- reading the page ----------------------------------------------------------------------------
def section(start):
    """Return the part of the page under the heading that starts so."""
    found = [part for part in re.split(r"(?m)^##+ ", PAGE) if part.startswith(start)]
    if len(found) != 1:
        raise AssertionError(f"TEACHING.md has {len(found)} headings that start with {start!r}")
    return found[0]


def blocks(text, language):
    """Return the fenced code blocks in that language."""
    return re.findall(rf"(?ms)^```{language}\n(.*?)^```$", text)


def solution(number):
    """Return the solution of an exercise on one line."""
    return " ".join(section(f"Exercise {number}").partition("**Solution.**")[2].split())


def hunks(number):
    """Return [(old lines, new lines)] of the exercise's diff, whose parts a blank line divides."""
    [diff] = blocks(section(f"Exercise {number}"), "diff")
    return [["".join(line[1:] + "\n" for line in hunk.splitlines() if line[0] in signs)
             for signs in (" -", " +")] for hunk in diff.strip("\n").split("\n\n")]


def applied(changes, source=BARE):
    """Return the source with each change made; AssertionError if a line to replace is not there."""
    for old, new in changes:
        if (times := f"\n{source}".count(f"\n{old}")) != 1:
            raise AssertionError(f"TEACHING.md replaces lines that the model file has {times} "
                                 f"times, not once; adapt the page:\n{old}")
        source = f"\n{source}".replace(f"\n{old}", f"\n{new}")[1:]
    return source


def instead(number, spot, code):
    """Return the exercise's change with other code, which its text names, after the spot."""
    if f"`{code}`" not in " ".join(section(f"Exercise {number}").split()):
        raise AssertionError(f"TEACHING.md, exercise {number}, does not name {code}")
    [[old, new]] = hunks(number)
    return [[old, new[:new.index(spot) + len(spot)] + code + "\n"]]


class Text(InspectLoader):
    """Loads a module from a text."""

    def __init__(self, source):
        self.source = source

    def get_source(self, _):
        return self.source


def load(source, name="mine"):
    """Return the source, executed as a module."""
    module = module_from_spec(spec := spec_from_loader(name, Text(source)))
    spec.loader.exec_module(module)
    return module


def model(label):
    """Return a fresh module of the row of the table with this label."""
    changes = {
        "none": list, "r = 8": lambda: hunks(1), "offsets 1 to 6": lambda: hunks(2),
        "r = 1": lambda: instead(1, "defaults=", "(16, 1, 16, 1, (1, 2, 4, 8, 12, 16)))"),
        "offset 1 alone": lambda: instead(2, "defaults=", "(16, 1, 16, 4, (1,)))"),
        "offset 16 alone": lambda: instead(2, "defaults=", "(16, 1, 16, 4, (16,)))"),
        "alpha = 1": lambda: hunks(3), "not normalised": lambda: hunks(4),
        "alpha = 0": lambda: instead(3, "alpha = ", "[Value(0.0)] * len(x)")}
    return load(applied(changes[label]()))


# ---- running what the page shows -----------------------------------------------------------------
def printed(code, mine):
    """Return what the page's code prints, beside a mine.py that is this module."""
    def names(path):
        return {"input.txt": DOCS}[path].copy()
    out = io.StringIO()
    with mock.patch.dict(sys.modules, mine=mine), contextlib.redirect_stdout(out), \
            mock.patch.object(mine, "load_docs", names):
        load(code, "probe")
    return out.getvalue()


@cache
def probe(label):
    """Return the numbers that probe.py prints of a model."""
    [code] = blocks(section("Five exercises"), "python")
    text = printed(code, model(label))
    zeros = re.findall(r"(\w+) has gradient 0 in (\d+) of (\d+)\n", text)
    rows = re.findall(r"t \d loss (\S+) nodes (\d+) g (\S+) \|p\| ?(.*)\n", text)
    losses, nodes, sizes, lengths = zip(*rows)
    return SimpleNamespace(weights=int(re.search(r"weights (\d+)", text)[1]), losses=losses,
                           zeros={name: int(zero) for name, zero, _ in zeros}, nodes=nodes,
                           count={name: int(count) for name, _, count in zeros}, sizes=sizes,
                           lengths=" ".join(lengths).split())


@cache
def shuffled(seed):
    """Return the documents as a run shuffles them, and its generator's state after that."""
    docs, rng = DOCS.copy(), random.Random(seed)
    rng.shuffle(docs)
    return docs, sorted(set("".join(docs))), rng.getstate()


def start(module, seed=42):
    """Return the documents, the vocabulary, the configuration and the parameters of a run."""
    docs, vocab, state = shuffled(seed)
    config, rng = module.Config(len(vocab) + 1), random.Random()
    rng.setstate(state)
    return docs, vocab, config, module.init_params(config, rng)


@cache
def ten_steps(label):
    """Return the last loss of --steps 10, and the matrices that these steps left as they were."""
    module = model(label)
    docs, vocab, config, params = start(module)
    before = {name: [w.data for w in flat({name: params[name]})] for name in params}
    losses = list(module.train([module.tokenize(doc, vocab) for doc in docs[:10]],
                               params, config, 10))
    return losses[-1], [name for name in MATRICES
                        if [w.data for w in flat({name: params[f"layer0.{name}"]})]
                        == before[f"layer0.{name}"]]


@cache
def seen(label):
    """Return how many positions the last one of a full block sees: whose gradient is not 0."""
    module = model(label)
    _, _, config, params = start(module)
    cache = [[] for _ in range(config.n_layer)]
    for token in range(config.block_size):  # each token once, so each has its own row of wte
        logits = module.forward(token, cache, params, config)
    module.total([logit * logit for logit in logits]).backward()
    return sum(any(w.grad for w in row) for row in params["wte"])


def stay(label):
    """Return the places of emma whose losses are those of the unchanged model, as a text."""
    pairs = zip(probe(label).losses, probe("none").losses)
    return ", ".join(str(t) for t, (new, old) in enumerate(pairs) if new == old)


def multiplications(source):
    """Return {t: multiplications} as exercise 5 counts them."""
    [code] = blocks(section("Exercise 5"), "python")
    return {int(t): int(n) for t, n in map(str.split, printed(code, load(source)).splitlines())}


def formula(begin, **sizes):
    """Return the value of the formula of exercise 5 that starts so."""
    [terms] = re.findall(rf"(?m)^    \w+:  ({re.escape(begin)}.*?)  ", section("Exercise 5"))
    value = 0
    for term in terms.replace("(t + 1)", "T").replace("(2*d + heads)", "W").split(" + "):
        product = 1
        for factor in term.split("*"):
            product *= sizes[factor] if factor in sizes else int(factor)
        value += product
    return value


def table():
    """Return {change: the other cells} of the table of losses, and its head."""
    rows = re.findall(r"(?m)^\|(.+)\|$", section("What the changes do"))
    cells = [[cell.strip() for cell in row.split("|")] for row in rows]
    return {label: others for label, *others in cells[2:]}, cells[0]


class Teaching(unittest.TestCase):
    """Each claim is on the page, and no number beside the claims."""

    def claim(self, text, *claims):
        """Check that the text has all claims and, they apart, no digit."""
        text = " ".join(text.replace("python3", "python").split())
        for claim in claims:
            self.assertTrue(re.search(rf"(?<![\w.]){re.escape(claim)}(?!\w|[.,]\d)", text),
                            f"TEACHING.md should say {claim!r} in: {text}")
        for claim in sorted(claims, key=len, reverse=True):
            text = text.replace(claim, "_")
        self.assertNotRegex(text, r"\d", "a number in TEACHING.md that no test has checked")


class Exercises(Teaching):
    """The solutions."""

    def test_unchanged(self):
        """What probe.py prints before any change."""
        plain = probe("none")
        self.claim(section("Five exercises").rpartition("```")[2].partition("###")[0],
                   f"{plain.weights:,} weights", f"layer's {sum(plain.count.values())}",
                   f"{sum(plain.zeros.values())} gradients that are 0",
                   f"losses {' '.join(plain.losses)}", f"nodes {' '.join(plain.nodes)}")

    def test_r(self):
        """Coordinates, weights and nodes follow r."""
        plain, eight, one = probe("none"), probe("r = 8"), probe("r = 1")
        pairs = len(plain.lengths)
        zs = [[CLEAN.Value(1.0)] * r for r in (4, 8, 1)]
        coordinates = [len(CLEAN.plucker(z, z)) for z in zs]
        per_pair = [int(p.nodes[2]) - int(p.nodes[1]) for p in (plain, eight)]
        weights = len(flat(start(GPT)[3]))
        self.assertEqual((pairs, one.count["W_plu"]), (8, 0))
        self.assertEqual(set(one.sizes), {"0.000"})
        self.assertIn(f"attention, with its {weights:,}", " ".join(section("Exercise 1").split()))
        self.assertEqual([p.weights > weights for p in (plain, eight, one)], [False, True, False])
        self.claim(
            solution(1), f"r = 8: 8 * 7 / 2 = {coordinates[1]} coordinates, not {coordinates[0]}",
            f"W_red has 8 * 16 = {eight.count['W_red']} weights",
            f"W_plu 16 * 28 = {eight.count['W_plu']}", f"all together {eight.weights:,}",
            f"A pair costs 2 * 28 + 4 = {per_pair[1]} nodes, not {per_pair[0]}",
            f"hence {' '.join(eight.nodes)}", f"r = 1: there is no i < j, so {coordinates[2]} "
            f"coordinates, {one.weights:,} weights, g = 0",
            f"W_red ({one.zeros['W_red']}) and W_gate_g ({one.zeros['W_gate_g']}) are 0",
            f"to {eight.losses[0]} and {one.losses[0]}", "position 0 has no past")
        self.assertEqual({name for name in MATRICES if one.zeros[name]}, {"W_red", "W_gate_g"})

    def test_offsets(self):
        """Weights, losses, nodes and what can be seen follow the offsets."""
        plain, six = probe("none"), probe("offsets 1 to 6")
        last, idle = probe("offset 1 alone"), probe("offset 16 alone")
        self.assertEqual({p.weights for p in (six, last, idle)}, {plain.weights})
        self.assertEqual(set(idle.sizes), {"0.000"})
        learns = {name for name in MATRICES if not idle.zeros[name]}
        self.assertEqual((learns, ten_steps("offset 16 alone")[1]),
                         ({"W_gate_h"}, ["W_red", "W_plu", "W_gate_g"]))
        self.claim(
            solution(2), f"{plain.weights:,} each time",
            f"1 to 6: the losses at t = {stay('offsets 1 to 6')} stay",
            "as offset 3 first fits at t = 3", f"{plain.losses[3]} becomes {six.losses[3]}",
            f"at t = 4 {plain.losses[4]} becomes {six.losses[4]}",
            f"makes {six.nodes[4]} nodes, not {plain.nodes[4]}",
            f"Position 15 sees {seen('offsets 1 to 6')} positions, before it was {seen('none')}",
            f"1 alone: it sees {seen('offset 1 alone')}",
            f"the losses at t = {stay('offset 1 alone')} stay",
            f"16 alone: it sees {seen('offset 16 alone')}, g = 0",
            f"only the loss at t = {stay('offset 16 alone')} stays",
            f"{sum(idle.zeros.values())} of the {sum(idle.count.values())} gradients",
            "are 0: training")

    def test_gate(self):
        """Fixed at 1 or at 0, the gate cuts gradients off."""
        plain, one, zero = probe("none"), probe("alpha = 1"), probe("alpha = 0")
        self.assertEqual(one.zeros, one.count)
        self.assertEqual(ten_steps("alpha = 1")[1], list(MATRICES))
        self.assertEqual([name for name in MATRICES if zero.zeros[name]], list(MATRICES[2:]))
        self.assertEqual(ten_steps("none")[1], [])
        self.claim(
            solution(3), "At 1 the layer", "At 0 the layer", "after 10 steps of training",
            f"All {sum(one.zeros.values())} gradients are 0",
            f"position 15 sees {seen('alpha = 1')}, itself",
            f"At t = 4 there are still {one.nodes[4]} nodes, before {plain.nodes[4]}",
            "then cancels", f"The gate's {sum(zero.zeros.values())} gradients are 0",
            f"position 15 sees {seen('alpha = 0')}, and x",
            f"The first loss is {one.losses[0]} with 1, {zero.losses[0]} with 0", "At t = 0 that")

    def test_normalisation(self):
        """Without it |p| stays small, and g with it."""
        plain, bare = probe("none"), probe("not normalised")
        u, u2, v = [[CLEAN.Value(x) for x in row] for row in ((1, 2, 0), (2, 4, 0), (0, 1, 3))]
        hand = [numbers(CLEAN.plucker(first, v)) for first in (u, u2)]
        length = [sqrt(sum(x * x for x in p)) for p in hand]
        scaled = [", ".join(f"{x / size:.3f}" for x in p) for p, size in zip(hand, length)]
        self.assertEqual(scaled[0], scaled[1])
        means = [f"{self.mean_length(seed):.2f}" for seed in (42, 1, 2)]
        factors = [self.doubled(label) for label in ("none", "not normalised")]
        self.assertEqual(bare.lengths, plain.lengths)
        self.assertEqual(stay("not normalised"), "0")
        self.assertTrue(all(float(b) < float(a) for a, b in zip(plain.sizes[1:], bare.sizes[1:])))
        self.claim(
            solution(4), f"p = ({', '.join(map(str, hand[0]))}), its length {length[0]:.3f}",
            f"scaled ({scaled[0]})", f"with 2u ({', '.join(map(str, hand[1]))})",
            f"from {min(plain.lengths)} to {max(plain.lengths)} for emma",
            f"on average {', '.join(means)} in the first 50 names (seeds 42, 1, 2)",
            f"at t = 1 to 4 from {' '.join(plain.sizes[1:])} to {' '.join(bare.sizes[1:])}",
            f"x has size {self.size_of_x():.3f}", "The loss at t = 0 stays",
            f"at t = 1 it goes from {plain.losses[1]} to {bare.losses[1]}",
            f"g becomes {factors[0]} times as large", f"normalisation {factors[1]} times")

    def inputs(self, seed, count):
        """Return what the layer gets in the first names, with the parameters."""
        docs, vocab, config, params = start(CLEAN, seed)
        names = [CLEAN.tokenize(doc, vocab)[:-1][:config.block_size] for doc in docs[:count]]
        return [[CLEAN.rmsnorm(CLEAN.rmsnorm([a + b for a, b in zip(params["wte"][token], row)]))
                 for token, row in zip(name, params["wpe"])] for name in names], config, params

    def mean_length(self, seed):
        """Return the mean |p| over all pairs in the first 50 names, before training."""
        names, config, params = self.inputs(seed, 50)
        zs = [[CLEAN.linear(x, params["layer0.W_red"]) for x in xs] for xs in names]
        return statistics.fmean([sqrt(sum(p.data ** 2 for p in CLEAN.plucker(z[t], z[t - offset])))
                                 for z in zs for t in range(len(z))
                                 for offset in config.window if offset <= t])

    def size_of_x(self):
        """Return the mean size of x over the first names; they all have nearly the same."""
        names, _, _ = self.inputs(42, 5)
        sizes = [sqrt(sum(v.data ** 2 for v in x) / len(x)) for xs in names for x in xs]
        self.assertLess(max(sizes) - min(sizes), 1e-4)
        return statistics.fmean(sizes)

    def doubled(self, label):
        """Return by what factor all numbers of emma's last g grow when W_red is doubled."""
        module = model(label)
        _, vocab, config, params = start(module)
        module.gate, gs = lambda x, g, layer, params: gs.append(numbers(g)) or x, []
        for factor in (1, 2):
            for w in flat({"W_red": params["layer0.W_red"]}):
                w.data *= factor
            cache = [[]]
            for token in module.tokenize("emma", vocab)[:-1]:
                module.forward(token, cache, params, config)
        factors = {f"{after / before:.3f}" for before, after in zip(gs[4], gs[9])}
        self.assertEqual(len(factors), 1)
        return factors.pop()

    def test_multiplications(self):
        """Counted, and by the formula, in both models."""
        counting = hunks(5)
        grassmann = multiplications(applied(counting))
        eight = multiplications(applied(hunks(1), applied(counting)))
        self.assertIn("plucker", BARE[:BARE.index(counting[-1][0])].rpartition("def ")[2])
        attention = multiplications(applied(counting[:-1], ATTENTION))
        partners = [sum(offset <= t for offset in CLEAN.Config(27).window) for t in range(22)]
        per_partner = grassmann[2] - grassmann[1]
        for t, n in enumerate(partners):
            if n:
                for r, C, counted in (4, 6, grassmann), (8, 28, eight):
                    self.assertEqual(formula("r*d", r=r, d=16, C=C, n=n), counted[t],
                                     f"the formula at t = {t}, r = {r}")
            self.assertEqual(formula("4*d*d", d=16, T=t + 1, W=2 * 16 + GPT.Config(27).n_head),
                             attention[t], f"the formula of attention at t = {t}")
        dearer = min(t for t in range(16, 22) if attention[t] > eight[t])
        gate = load(applied(counting))
        values = [gate.Value(1.0)] * 16
        params = {f"layer0.W_gate_{name}": [tuple(values)] * 16 for name in "hg"}
        gate.products[0] = 0
        gate.gate(values, values, "layer0", params)
        self.claim(
            solution(5), f"At t = 0, without a mean, {grassmann[0]}; "
            f"then {grassmann[1] - per_partner} + {per_partner} n: "
            f"{grassmann[15]} at t = 15 (n = {partners[15]})",
            f"{grassmann[16]} from t = 16 on, {gate.products[0]} of them in the gate",
            f"{2 * attention[0] - attention[1]:,} + {attention[1] - attention[0]} (t + 1), so "
            f"{attention[0]:,} at t = 0, {attention[15]:,} at t = 15",
            f"heads = {GPT.Config(27).n_head}", f"With r = 8 the layer has "
            f"{2 * eight[1] - eight[2]:,} + {eight[2] - eight[1]} n, at t = 15 {eight[15]:,}: more",
            f"from t = {dearer} on ({attention[dearer]:,} to {eight[dearer]:,})")
        self.assertEqual(grassmann[16], max(grassmann.values()))
        self.assertGreater(eight[15], attention[15])

    def test_missing_line(self):
        """A line that the model file no longer has is named."""
        for number in range(1, 6):
            old = hunks(number)[0][0]
            with self.assertRaisesRegex(AssertionError, "adapt the page"):
                applied(hunks(number), BARE.replace(old, ""))


class Losses(Teaching):
    """The table of what the changes do to the loss."""

    def differences(self):
        """Return {change: (mean, half width of the interval, differences)} from the table."""
        rows = {label: [float(cell) for cell in cells[1:4]] for label, cells in table()[0].items()}
        plain, result = rows.pop("none"), {}
        for label, row in rows.items():
            each = [new - old for new, old in zip(row, plain)]
            result[label] = (statistics.fmean(each),
                             STUDENT * statistics.stdev(each) / sqrt(len(each)), each)
        return statistics.stdev(plain), result

    def test_ten_steps(self):
        """The column of --steps 10, run again."""
        rows, head = table()
        self.assertEqual(tuple(rows), LABELS)
        self.assertEqual(head[1:5], ["ten", "seed 42", "seed 1", "seed 2"])
        for label, cells in rows.items():
            self.assertEqual(cells[0], f"{ten_steps(label)[0]:.4f}", label)

    def test_differences(self):
        """The last column, from the three before it."""
        _, rows = self.differences()
        self.assertEqual(table()[0]["none"][4:], [""])
        for label, (mean, half, _) in rows.items():
            self.assertEqual(table()[0][label][4], f"{mean:+.4f} ± {half:.4f}", label)

    def test_words(self):
        """What is said of the table."""
        spread, rows = self.differences()
        self.assertLess(max(abs(mean) for mean, _, _ in rows.values()), spread / 2)
        blind = [label for label in rows if seen(label) == 1]
        self.assertEqual(blind, ["r = 1", "offset 16 alone", "alpha = 1"])
        lost = sorted(rows[label][0] for label in blind)
        clear = [label for label, (mean, half, _) in rows.items() if abs(mean) > half]
        lower = sum(each < 0 for each in rows["offset 1 alone"][2])
        before, after = re.split(r"(?m)(?:^\|.*\n)+", section("What the changes do"))
        self.claim(after, f"spread by {spread:.4f}", "(r = 1, offset 16, alpha = 1)",
                   f"lose {lost[0]:.4f} to {lost[-1]:.4f}", "after 1,000 steps",
                   f"Two intervals leave out 0, those of {' and '.join(clear)}",
                   f"Offset 1 alone is lower with {lower} of {len(rows['r = 1'][2])} seeds",
                   "contains 0", f"Among {len(rows)} comparisons")
        mean, half, _ = rows["offset 1 alone"]
        self.assertTrue(mean < 0 < mean + half)
        self.assertEqual(len(clear), 2)
        self.assertIn('("steps", 1000)', BARE)
        self.claim(before, f"Loss on {len(CLEAN.split_docs(DOCS, 1000)[1])} unseen names",
                   "after 1,000 steps", "--seed 42", "95 % interval", "--steps 10 --samples 0")

    @slow
    def test_thousand_steps(self):
        """Two rows of seed 42, run again; MICROGRASSMANN_SLOW=all runs all rows and seeds."""
        rows, seeds = table()[0], (42,)
        if os.environ["MICROGRASSMANN_SLOW"] == "all":
            seeds = 42, 1, 2
        else:
            rows = {label: rows[label] for label in ("r = 1", "offset 1 alone")}
        for label, cells in rows.items():
            for seed, cell in zip(seeds, cells[1:4]):
                module = model(label)
                docs, vocab, config, params = start(module, seed)
                train, unseen = module.split_docs([module.tokenize(d, vocab) for d in docs], 1000)
                for _ in module.train(train, params, config, 1000):
                    pass
                self.assertAlmostEqual(module.evaluate(unseen, params, config), float(cell),
                                       delta=0.00006, msg=f"{label}, seed {seed}")


class Plan(unittest.TestCase):
    """The lessons and the misconceptions name what is there."""

    def test_steps(self):
        """Each step of the tutorial has its number and title."""
        text = " ".join(PAGE.split())
        found = re.findall(r'(?i)\bstep (\d+), "(.*?)"', text)
        self.assertEqual(len(found), len(re.findall(r"(?i)(?<!-)\bsteps? \d", text)))
        self.assertGreater(len(found), 15)
        for number, title in found:
            self.assertEqual(title, tutorial.STEPS[int(number) - 1][0], f"step {number}")

    def test_minutes(self):
        """The minutes follow one another and fill the lesson."""
        for heading, minutes, lessons in (("One lesson", 90, 1), ("Three lessons", 60, 3)):
            spans = re.findall(r"(?m)^- \*\*(?:Lesson \d, )?(\d+) to (\d+)\.\*\*",
                               section(heading))
            starts, ends = [[int(n) for n in column] for column in zip(*spans)]
            self.assertEqual(starts, [0] + [end % minutes for end in ends[:-1]], heading)
            self.assertEqual(ends.count(minutes), lessons, heading)
            self.assertTrue(all(a < b for a, b in zip(starts, ends)), heading)

    def test_files_and_options(self):
        """Each file is there, and its program knows the options."""
        made = {"mine.py": "micro_grassmann_clean.py", "probe.py": "micro_grassmann_clean.py"}
        for name in re.findall(r"\w+\.(?:py|svg)", PAGE):
            self.assertTrue((ROOT / made.get(name, name)).exists(), name)
        commands = re.findall(r"(\w+\.py)((?:\s--[\w-]+(?:\s\d+)?)+)", PAGE)
        self.assertGreater(len(commands), 4)
        for name in sorted({name for name, _ in commands}):
            wanted = {option for other, options in commands if other == name
                      for option in re.findall(r"--[\w-]+", options)}
            known = run(made.get(name, name), "--help").stdout
            self.assertEqual(wanted - set(re.findall(r"--[\w-]+", known)), set(), name)

    def test_parts_of_traces(self):
        """The parts that the misconceptions point to."""
        self.assertRegex(run("trace_g.py").stdout, r"(?m)^4\. .*scaled to length 1")
        trace = (ROOT / "trace_alpha_wred.py").read_text(encoding="utf-8")
        for part in ("Part 1: who decides alpha", "Part 2: does it matter that W_red is learned?"):
            self.assertIn(part, trace)


if __name__ == "__main__":
    unittest.main()
