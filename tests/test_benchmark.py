"""The benchmarks: what they measure, print, save and draw; what they refuse; how they stop.

Numbers that a program prints are looked up in its JSON by row and column, and those in turn are
computed again, from formulas derived here or by the model files' own functions.
"""
import gc
import io
import json
import math
import os
import platform
import random
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import unittest
from collections import Counter
from contextlib import redirect_stderr, redirect_stdout
from itertools import combinations, count, islice
from pathlib import Path
from types import SimpleNamespace
from unittest import mock
from xml.etree import ElementTree

import benchmark
import benchmark_paren
import micro_gpt
import micro_grassmann
import show
from tests.helpers import ROOT, set_up, slow
from tests.test_beyond import counting_nodes, folded_nodes

try:
    import pty
except ImportError:  # not on Windows
    pty = None

posix = unittest.skipUnless(os.name == "posix" and pty, "needs POSIX's signals and terminals")

MODELS = {"attention": micro_gpt, "Grassmann": micro_grassmann}
DOCS = re.findall(r"\w+", """
    ada bo carla dirk eva finn gitte hugo ines jan kim lou mia ned ole pia quin rosa sven tim una
    vera willem xenia yves zoe abel berta cyril dora emil frida gustav hanna ivo jette karl lena
    max nora""")
SEEDS = (42, 1, 2)
ROWS = {"parameters": "parameters", "training loss, last 100 at most": "training loss",
        "loss on unseen documents, nats": "loss", "its standard error, documents": "error",
        "perplexity": "perplexity", "milliseconds a step, median": "milliseconds",
        "graph nodes a step, mean": "nodes"}  # of the quality table: label and JSON key
BRACKET_RUNS = {"one": (10, 1), "two": (2, 2), "controls": (2, 1)}  # steps, seeds
TEXT = "".join(random.Random(8).choices("abc \n", k=103))
BLOCKS = [TEXT[i:i + 5] for i in range(0, 100, 5)]  # 18 to train on, 2 held out
PYTHON = f"{platform.python_implementation()} {platform.python_version()}"
ALONE = "seed 42 alone: --seeds 3 shows a spread"
TWO = "seeds 42, 1 (± standard deviation)"
LENGTHS = "length L (tokens), both axes logarithmic"
SETTINGS = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
SETTINGS["PYTHONIOENCODING"] = "utf-8"


def setUpModule():
    global FOLDER, DATA
    FOLDER = Path(tempfile.mkdtemp())
    unittest.addModuleCleanup(shutil.rmtree, str(FOLDER), ignore_errors=True)
    DATA = write("names.txt", "\n".join(DOCS))


def write(name, text):
    """Write a file below the test's folder; return its path."""
    path = FOLDER / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    return path


def call(program, *options):
    """Run a program's main in this process; return its status, what it printed, its errors."""
    out, err, status = io.StringIO(), io.StringIO(), 0
    argv = [f"{program.__name__}.py", *map(str, options)]
    with mock.patch("sys.argv", argv), redirect_stdout(out), redirect_stderr(err):
        try:
            program.main()
        except SystemExit as stop:
            status = stop.code
        except KeyboardInterrupt:
            status = "interrupted"
    return SimpleNamespace(status=status, out=out.getvalue(), err=err.getvalue())


def command(script, options):
    return [sys.executable, str(ROOT / script), *map(str, options)]


def launch(script, *options):
    """Run a program on its own; return its status, what it printed, its errors."""
    ended = subprocess.run(command(script, options), cwd=str(FOLDER), env=SETTINGS, timeout=300,
                           capture_output=True, encoding="utf-8", check=False)
    return SimpleNamespace(status=ended.returncode, out=ended.stdout, err=ended.stderr)


def load(path):
    return json.loads(Path(path).read_text(encoding="utf-8"))


# ---- reading what was printed --------------------------------------------------------------------

def sections(text):
    """Return {heading: blocks}; "" is what comes before the first; a block is a list of lines."""
    parts = re.split(r"^\n(.+)\n-+$", text, flags=re.MULTILINE)
    blocks = [[block.split("\n") for block in re.split(r"\n{2,}", part.strip("\n")) if block]
              for part in parts[::2]]
    return dict(zip(["", *parts[1::2]], blocks))


def cells(line):
    """Return the cells of a table's line, two spaces or more between them, with their places."""
    return [(found.group(), *found.span()) for found in re.finditer(r"\S+(?: \S+)*", line)]


def read_table(lines):
    """Return a table's column headers and {row label: a cell for each column, "" if empty}.

    A cell belongs to the header with the same right edge.
    """
    headers = cells(lines[0])
    if not lines[0].startswith(" "):
        headers = headers[1:]  # the labels have a header of their own
    edges, rows = [end for _, _, end in headers], {}
    for line in lines[1:]:
        (label, _, _), *rest = cells(line)
        row = ["" for _ in headers]
        for text, _, end in rest:
            row[edges.index(end)] = text
        if label in rows:
            raise ValueError(f"two rows {label}")
        rows[label] = row
    return [text for text, _, _ in headers], rows


def read_columns(lines):
    """Return {header: cells} of a table whose columns are all aligned left."""
    headers = cells(lines[0])
    columns = {text: [] for text, _, _ in headers}
    for line in lines[1:]:
        found = {start: text for text, start, _ in cells(line)}
        for text, start, _ in headers:
            columns[text].append(found.pop(start))
        if found:
            raise ValueError(f"cells under no header: {found}")
    return columns


class Case(unittest.TestCase):
    maxDiff = None

    def succeeds(self, ended):
        """Assert that a program ended well and had nothing to complain about."""
        self.assertEqual((ended.status, ended.err), (0, ""))
        return ended

    def same(self, cell, value, unit=""):
        """Assert that a printed number is the value, rounded to the decimals that are printed."""
        self.assertRegex(cell, rf"^[+-]?\d+(,\d{{3}})*(\.\d+)?{unit}$")
        cell = cell[:len(cell) - len(unit)]
        half = 0.5 * 10 ** -len(cell.partition(".")[2])
        self.assertLessEqual(abs(float(cell.replace(",", "")) - value), half * 1.000001)

    def same_spread(self, cell, figure):
        """Assert that a cell shows a figure's mean, and its deviation if it has one."""
        mean, plus_minus, deviation = cell.partition(" ± ")
        self.same(mean, figure["mean"])
        self.assertEqual(bool(plus_minus), figure["deviation"] is not None)
        if plus_minus:
            self.same(deviation, figure["deviation"])

    def same_verdict(self, lines, found, a, b):
        """Assert that the lines say what a comparison found."""
        comparison = found["comparisons"][b]
        pattern = (r"Loss, (.+) minus (.+): ([+-]\S+)(?: ± (\S+) \(paired by seed, 95 %\))? nats"
                   r"(?: \(one seed, which shows no spread\))?\.")
        self.assertRegex(lines[0], f"^{pattern}$")
        second, first, mean, half = re.match(pattern, lines[0]).groups()
        self.assertEqual((first, second), (a, b))
        self.same(mean, comparison["mean"])
        self.assertEqual(half is None, "half" not in comparison)
        if half:
            self.same(half, comparison["half"])
            words = comparison["words"]
            self.assertEqual(lines[1:], [f"{words[0].upper()}{words[1:]}."])
        else:
            self.assertTrue(lines[0].endswith(f"({comparison['words']})."))
            self.assertEqual(lines[1:], [])

    def same_legend(self, lines, curves):
        """Assert that a chart spans the curves and names each with a mark of its own."""
        *_, ends, legend = lines
        first, last = ends.split()[0], ends.split()[-1]
        xs = [x for curve in curves.values() for x, _ in curve]
        self.assertEqual((float(first), float(last)), (min(xs), max(xs)))
        marks = [mark for mark, name in re.findall(r"(?:^|, )(\S) (.+?)(?=, \S [aGris]|, \* )",
                                                   legend.strip()) if name in curves]
        self.assertEqual(len(set(marks)), len(curves), legend)

    def same_summary(self, found):
        """Assert that a section's summaries and comparisons follow from its runs."""
        self.assertEqual(list(found["summary"]), found["contenders"])
        for name, figures in found["summary"].items():
            runs = [run for run in found["runs"] if run["name"] == name]
            expected = {
                "training loss": [statistics.fmean(run["losses"][-100:]) for run in runs],
                "milliseconds": [statistics.median(run["milliseconds"]) for run in runs],
                "nodes": [statistics.fmean(run["nodes"]) for run in runs],
                **{key: [run[key] for run in runs] for key in ("loss", "error", "perplexity")},
                "parameters": [runs[0]["parameters"]]}
            self.assertEqual(set(figures), set(expected))
            for key, values in expected.items():
                deviation = statistics.stdev(values) if len(values) > 1 else None
                self.assertEqual(figures[key], {"seeds": values, "deviation": deviation,
                                                "mean": statistics.fmean(values)}, key)
            for run in runs:
                self.assertAlmostEqual(run["perplexity"], math.exp(run["loss"]))
        self.assertEqual(list(found["comparisons"]), [b for _, b in pairs(found)])
        for a, b in pairs(found):
            first, second = found["summary"][a], found["summary"][b]
            percent = found["comparisons"][b]["percent"]
            self.assertEqual(set(percent), set(first) - {"error"})
            for key, value in percent.items():
                change = second[key]["mean"] - first[key]["mean"]
                self.assertAlmostEqual(value, 100 * change / first[key]["mean"])
            gaps = [y - x for x, y in zip(first["loss"]["seeds"], second["loss"]["seeds"])]
            self.assertAlmostEqual(found["comparisons"][b]["mean"], statistics.fmean(gaps))
            gaps = [100 * math.expm1(gap) for gap in gaps]  # in percent of attention's perplexity
            gap = found["comparisons"][b]["gap"]
            self.assertAlmostEqual(gap["mean"], statistics.fmean(gaps))
            self.assertEqual("half" in gap, len(gaps) > 1)
            if len(gaps) == 2:
                self.assertAlmostEqual(gap["half"], 12.71 * abs(gaps[0] - gaps[1]) / 2)

    def same_quality(self, blocks, found):
        """Assert that the printed section shows what its part of the JSON says."""
        blocks = iter(blocks)
        for a, b in pairs(found):
            headers, rows = read_table(next(blocks))
            self.assertEqual(headers, [a, b, "difference"])
            self.assertEqual(list(rows), list(ROWS))
            for label, (first, second, difference) in rows.items():
                key = ROWS[label]
                self.same_spread(first, found["summary"][a][key])
                self.same_spread(second, found["summary"][b][key])
                if key == "error":
                    self.assertEqual(difference, "")
                else:
                    self.assertIn(difference[0], "+-")
                    self.same(difference, found["comparisons"][b]["percent"][key], " %")
            self.same_verdict(next(blocks), found, a, b)
            if found["running text"]:
                (line,), gap = next(blocks), found["comparisons"][b]["gap"]
                pattern = r"Perplexity, (.+) above (.+): ([+-]\S+)(?: ± (\S+))? %( \(paired.+\))?\."
                second, first, mean, half, paired = re.fullmatch(pattern, line).groups()
                self.assertEqual((first, second), (a, b))
                self.same(mean, gap["mean"])
                self.assertEqual(half is None, "half" not in gap)
                if half:
                    self.same(half, gap["half"])
                    self.assertEqual(paired, " (paired by seed, 95 %)")
        if found["running text"]:
            self.assertEqual("\n".join(next(blocks)), benchmark.PUBLISHED)
        caption, *chart = next(blocks)
        first = found["runs"][0]
        width = math.ceil(len(first["losses"]) / benchmark.BUCKETS)
        means = "each step" if width == 1 else f"means of {width} steps"
        self.assertEqual(caption, f"Training loss, seed {first['seed']}, {means}")
        self.same_legend(chart, benchmark.curves(found["runs"]))
        caption, *table = next(blocks)
        title = f"Samples at temperature 0.5, seed {first['seed']}"
        samples = {run["name"]: run["samples"] for run in found["runs"]
                   if run["seed"] == first["seed"]}
        if found["running text"]:
            self.assertEqual(caption, f"{title}, line ends as ¶")
            self.assertEqual(table, [line for name, texts in samples.items() for line in (
                name, *("  " + "¶".join(text.split("\n")) for text in texts[:3]))])
        else:
            self.assertEqual(caption, title)
            self.assertEqual(read_columns(table), {
                name: [text or "(empty)" for text in texts] for name, texts in samples.items()})
        self.assertEqual(list(blocks), [])

    # ---- reading a figure ------------------------------------------------------------------------

    def is_figure(self, svg, panels):
        """Assert that an SVG shows the panels' series at their places, readably.

        panels: (title, label of x, label of y, logarithmic, {name: [(x, y), ...]}) for each.
        """
        root = ElementTree.fromstring(svg)
        self.assertEqual(root.tag, "{http://www.w3.org/2000/svg}svg")
        self.nothing_overlaps(root)
        self.fits_light_and_dark(root)
        shown = []
        for element in root:
            element.tag = element.tag.partition("}")[2]
            if element.get("font-size"):  # a panel begins with its title
                shown.append([])
            if shown:
                shown[-1].append(element)
        self.assertEqual(len(shown), len(panels))
        for elements, panel in zip(shown, panels):
            self.is_panel(elements, *panel)

    def is_panel(self, elements, title, x_label, y_label, log, series):
        """Assert that a panel's elements show the series against its axes."""
        texts = [element for element in elements if element.tag == "text"]
        self.assertEqual(texts[0].text, title)
        middle = [e for e in texts if e.get("text-anchor") == "middle" and not e.get("transform")]
        ends = [e for e in texts if e.get("text-anchor") == "end"]
        turned = [e for e in texts if e.get("transform")]
        self.assertEqual([e.text for e in turned], [y_label])
        self.assertEqual([e.text for e in middle if not is_number(e.text)], [x_label])
        x_ticks = [(float(e.text), float(e.get("x"))) for e in middle if is_number(e.text)]
        y_ticks = [(float(e.text), float(e.get("y"))) for e in ends]
        names, lines = {}, {}
        for element, after in zip(elements, elements[1:]):
            kind = (element.get("class") or "").split()
            if kind[:1] == ["line"]:
                if element.get("d").endswith("h26"):
                    names[kind[1]] = after.text
                else:
                    points = re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", element.get("d"))
                    lines[kind[1]] = [(float(x), float(y)) for x, y in points]
        self.assertEqual(list(names.values()), list(series))
        self.assertEqual(list(lines), list(names))
        for place, ticks in enumerate((x_ticks, y_ticks)):
            self.assertGreaterEqual(len(ticks), 2)
            scale = math.log if log else float
            (low, start), (high, end) = min(ticks), max(ticks)
            for key, points in lines.items():
                self.assertEqual(len(points), len(series[names[key]]))
                for point, values in zip(points, series[names[key]]):
                    share = ((scale(values[place]) - scale(low)) / (scale(high) - scale(low)))
                    self.assertAlmostEqual(point[place], start + share * (end - start)
                                           - 4 * place, delta=1.5)  # a label hangs 4 below its line

    def nothing_overlaps(self, root):
        """Assert that no text meets another one or a legend's line, and that all are in view."""
        boxes = []
        for element in root.iter():
            if element.tag.endswith("}text"):
                boxes.append((element.text, box(element, float(root.get("font-size")))))
            sample = re.match(r"M([\d.]+) ([\d.]+)h26$", element.get("d") or "")
            if sample:
                x, y = map(float, sample.groups())
                boxes.append((f"line at {x}", (x, y - 1, x + 26, y + 1)))
        x, y, width, height = map(float, root.get("viewBox").split())
        self.assertEqual((root.get("width"), root.get("height")), (f"{width:g}", f"{height:g}"))
        for name, (left, top, right, bottom) in boxes:
            self.assertTrue(x <= left < right <= x + width and y <= top < bottom <= y + height,
                            f"{name} is out of view")
        for (name, a), (other, b) in combinations(boxes, 2):
            self.assertTrue(a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1],
                            f"{name} overlaps {other}")

    def fits_light_and_dark(self, root):
        """Assert that every colour has a twin for dark pages, and stands out from the ground."""
        style = root.find("{*}style").text
        light, media, dark = style.partition("@media (prefers-color-scheme:dark){")
        self.assertTrue(media)
        light, dark = colours(light), colours(dark)
        self.assertEqual(set(light), set(dark))
        for sheet in (light, dark):
            for (what, _), colour in sheet.items():
                if what not in (".bg", ".grid"):
                    least = 4.5 if what == "text" else 3  # what WCAG 2 asks of text, of graphics
                    self.assertGreaterEqual(contrast(colour, sheet[".bg", "fill"]), least, what)


def pairs(found):
    """Return the pairs that a section compares: attention with each other of as many layers."""
    return [(a, b) for a in found["contenders"] for b in found["contenders"]
            if a.startswith("attention") and a != b and a.split(",")[1:] == b.split(",")[1:]]


def is_number(text):
    return bool(re.fullmatch(r"-?[\d.]+", text))


def box(element, size):
    """Return left, top, right, bottom of a text, a letter being 0.55 of the font size wide."""
    size = float(element.get("font-size") or size)
    width = 0.55 * size * len(element.text)
    left = {"middle": -width / 2, "end": -width}.get(element.get("text-anchor"), 0)
    top, right, bottom = -0.8 * size, left + width, 0.25 * size
    turned = re.match(r"translate\((\S+) (\S+)\) rotate\(-90\)$", element.get("transform") or "")
    x, y = turned.groups() if turned else (element.get("x"), element.get("y"))
    if turned:
        left, top, right, bottom = top, -right, bottom, -left
    return float(x) + left, float(y) + top, float(x) + right, float(y) + bottom


def colours(css):
    """Return {(selector, property): colour} of a style sheet's rules."""
    return {(selector, name): colour for selector, rules in re.findall(r"([.\w]+)\{([^{}]*)\}", css)
            for name, colour in re.findall(r"(\w+):(#\w+)", rules)}


def contrast(one, other):
    """Return the contrast ratio of two colours as WCAG 2 defines it."""
    lights = []
    for colour in (one, other):
        digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
        parts = [int(digits[i:i + 2], 16) / 255 for i in (0, 2, 4)]
        parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        lights.append(0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2] + 0.05)
    return max(lights) / min(lights)


# ---- the cost of the mixing layer ----------------------------------------------------------------

def attention_nodes(length, d, heads):
    """Return the nodes that attention makes over L positions.

    At a position with n keys: q, k, v and the last product, d each; q scaled, a constant and a
    product for each of d numbers; d averages. That is 7 d. Each head: n scores, the largest as a
    constant, n differences, n exponentials, their total, its inverse, n products: 4 n + 3. The sum
    of n = 1 ... L is L (L + 1) / 2.
    """
    return 7 * d * length + heads * (2 * length * (length + 1) + 3 * length)


def grassmann_nodes(length, d, r, window):
    """Return the nodes that Grassmann mixing makes over L positions.

    Everywhere: z has r, and g, the gate's scores, the sigmoids and the blend's three steps d each.
    Each partner: C coordinates, their square, 1e-8 and the sum with it, its power, C products:
    2 C + 4. Where there is a partner: C totals, each times a constant: 3 C. Elsewhere one zero.
    An offset o has a partner at max(0, L - o) positions.
    """
    coordinates = r * (r - 1) // 2
    partners = sum(max(0, length - offset) for offset in window)
    alone = min(length, min(window))
    return ((6 * d + r) * length + (2 * coordinates + 4) * partners
            + 3 * coordinates * (length - alone) + alone)


class TestMixingCost(Case):
    """The nodes of the mixing layer, counted by the clock and by hand."""

    LENGTHS = 1, 2, 3, 5, 8, 16, 17, 25

    def count(self, model, length, **sizes):
        rival = benchmark.Contender("", model, model.Config(5, **sizes))
        seconds, nodes = benchmark.mixing_cost(rival, length)
        self.assertGreater(seconds, 0)
        return nodes

    def test_attention(self):
        for length in self.LENGTHS:
            self.assertEqual(attention_nodes(length, 16, 4), 8 * length ** 2 + 132 * length)
            for d, heads in ((16, 4), (8, 2), (8, 8), (6, 1)):
                with self.subTest(length=length, d=d, heads=heads):
                    nodes = self.count(micro_gpt, length, n_embd=d, n_head=heads)
                    self.assertEqual(nodes, attention_nodes(length, d, heads))

    def test_grassmann(self):
        default = micro_grassmann.Config(5)
        self.assertEqual((default.n_embd, default.r, default.window),
                         (16, 4, (1, 2, 4, 8, 12, 16)))
        for length in self.LENGTHS:
            for d, r, window in ((16, 4, default.window), (8, 4, (1, 2, 4, 8, 16)), (8, 3, (2, 5)),
                                 (4, 2, (1,)), (6, 5, (3, 3, 20)), (4, 6, (30,))):
                with self.subTest(length=length, d=d, r=r, window=window):
                    nodes = self.count(micro_grassmann, length, n_embd=d, r=r, window=window)
                    self.assertEqual(nodes, grassmann_nodes(length, d, r, window))

    def test_growth(self):
        """Attention's cost bends upward by 4 for each head; Grassmann's is a line in the end."""
        steps = {name: [self.count(model, length + 1) - self.count(model, length)
                        for length in (16, 17, 18)] for name, model in MODELS.items()}
        self.assertEqual(steps["attention"][1] - steps["attention"][0], 4 * 4)
        self.assertEqual(steps["attention"][2] - steps["attention"][1], 4 * 4)
        self.assertEqual(len(set(steps["Grassmann"])), 1)
        self.assertEqual(steps["Grassmann"][0], 100 + 16 * 6 + 18)

    def test_both_ways(self):
        """The gradient is taken, once, with the collector at rest, which is then put back."""
        for rival in benchmark.contenders([1], 5):
            backward, on = rival.model.Value.backward, []

            def watched(node, backward=backward, on=on):
                on.append(gc.isenabled())
                backward(node)
            with mock.patch.object(rival.model.Value, "backward", watched):
                benchmark.mixing_cost(rival, 3)
            self.assertEqual(on, [False])
            self.assertTrue(gc.isenabled())

    def test_collector_at_rest(self):
        self.addCleanup(gc.enable)
        for before in (True, False):
            (gc.enable if before else gc.disable)()
            with self.assertRaises(KeyError), benchmark.collector_at_rest():
                self.assertFalse(gc.isenabled())
                raise KeyError
            self.assertEqual(gc.isenabled(), before)


# ---- benchmark.py --------------------------------------------------------------------------------

class TestBenchmark(Case):
    """A run of all sections with fewer turns, then the first one alone, as a program."""

    @classmethod
    def setUpClass(cls):
        cls.options = ("--steps", 20, "--seeds", 1, "--data", DATA)
        with mock.patch.multiple(benchmark, TURNS=1, FOLDED_R=(3, 5)):
            cls.ended = call(benchmark, *cls.options, "--max-length", 32, "--json",
                             FOLDER / "all.json", "--svg", FOLDER / "all.svg")
        if cls.ended.status == 0:
            cls.results = load(FOLDER / "all.json")
            cls.svg = (FOLDER / "all.svg").read_text(encoding="utf-8")
            cls.sections = sections(cls.ended.out)

    def setUp(self):
        self.succeeds(self.ended)

    def test_head(self):
        self.assertEqual(self.results["program"], "benchmark.py")
        self.assertEqual(self.results["python"], PYTHON)
        self.assertEqual(self.results["configuration"], {
            "steps": 20, "seeds": [42], "layers": [1], "data": str(DATA), "max_length": 32,
            "only": None, "running_text": False, "block_size": 16})
        self.assertEqual([(run["name"], run["seed"]) for run in self.results["quality"]["runs"]],
                         [("attention", 42), ("Grassmann", 42)])
        self.assertEqual(self.sections[""], [
            [f"{PYTHON}; {len(DOCS)} documents; 20 steps; {ALONE}"]])
        self.assertEqual(list(self.sections)[1:], [
            "Quality: the same documents in the same order",
            "Where a step goes: means over 20 steps, in turns",
            "Scaling: the mixing layer alone",
            "Scaling: the loop folded (not in the paper)"])
        self.assertEqual(list(self.results)[3:], ["quality", "parts", "scaling", "folding"])

    def test_quality(self):
        found = self.results["quality"]
        self.same_summary(found)
        self.same_quality(list(self.sections.values())[1], found)
        for run in found["runs"]:
            for key in ("losses", "milliseconds", "nodes"):
                self.assertEqual(len(run[key]), 20)
            self.assertEqual((len(run["samples"]), run["unseen"]), (10, len(DOCS) // 10))
            self.assertGreater(min(run["milliseconds"]), 0)

    def test_parts(self):
        found = self.results["parts"]
        (table,) = list(self.sections.values())[2]
        headers, rows = read_table(table)
        self.assertEqual(headers, ["attention", "share", "Grassmann", "share"])
        self.assertEqual(list(found), headers[::2])
        self.assertEqual(list(rows), [*benchmark.PARTS, "a step"])
        for name, place in (("attention", 0), ("Grassmann", 2)):
            self.assertEqual(list(found[name]), list(rows))
            for part, spent in found[name].items():
                self.same(rows[part][place], spent["milliseconds"], " ms")
                self.same(rows[part][place + 1], spent["percent"], " %")
                self.assertGreater(spent["milliseconds"], 0)
            whole = found[name].pop("a step")
            for key in ("milliseconds", "percent"):
                self.assertAlmostEqual(sum(part[key] for part in found[name].values()), whole[key])
            self.assertEqual(whole["percent"], 100)
            found[name]["a step"] = whole

    def test_scaling(self):
        found = self.results["scaling"]
        head, table, law, chart = list(self.sections.values())[3]
        self.assertEqual(" ".join(head), "Forward and backward, best of 1 turns or more, "
                                         "cyclic garbage collector off.")
        groups, (headers, rows) = cells(table[0]), read_table(table[1:])
        self.assertEqual(headers, [*["ms", "µs/token", "nodes"] * 2, "times faster"])
        self.assertEqual([text for text, _, _ in groups], found["contenders"])
        edges = [end for _, _, end in cells(table[1])[1:]]
        self.assertEqual([edges.index(end) for _, _, end in groups], [0, 3])
        self.assertEqual(list(rows), ["8", "16", "32"])
        self.assertEqual([str(row["length"]) for row in found["rows"]], list(rows))
        for row, line in zip(found["rows"], rows.values()):
            for name, place in zip(found["contenders"], (0, 3)):
                cost = row[name]
                for cell, key in zip(line[place:],
                                     ("milliseconds", "microseconds a token", "nodes")):
                    self.same(cell, cost[key])
                self.assertAlmostEqual(cost["microseconds a token"] * row["length"],
                                       cost["milliseconds"] * 1000)
            self.same(line[6], row["times faster"])
            self.assertAlmostEqual(row["times faster"], row["attention"]["milliseconds"]
                                   / row["Grassmann"]["milliseconds"])
            self.assertEqual(row["attention"]["nodes"], attention_nodes(row["length"], 16, 4))
            self.assertEqual(row["Grassmann"]["nodes"],
                             grassmann_nodes(row["length"], 16, 4, (1, 2, 4, 8, 12, 16)))
        self.same_law(law, found)
        self.same_legend(chart, benchmark.scaling_series(found))

    def same_law(self, lines, found):
        """Assert that the sentences below the scaling table say what the JSON says."""
        numbers = r"Time grows as L to the power (\S+) \(attention\), (\S+) \(Grassmann\),$"
        self.assertRegex(lines[0], numbers)
        for text, name in zip(re.match(numbers, lines[0]).groups(), found["contenders"]):
            self.same(text, found["exponents"][name])
        self.assertEqual(lines[1],
                         f"fitted from L = {found['fitted from']} to {found['fitted to']}.")
        if found["cheaper from"] in (None, found["rows"][0]["length"]):
            which = "none" if found["cheaper from"] is None else "each"
            self.assertEqual(lines[2], f"Grassmann is the cheaper one at {which} of these lengths.")
        else:
            self.assertRegex(lines[2], r"^Grassmann is the cheaper one from L = \d+ on\.$")
            self.same(re.search(r"\d+", lines[2]).group(), found["cheaper from"])
        self.assertEqual(len(lines), 3)

    def test_folding(self):
        found = self.results["folding"]
        head, table, note, errors = list(self.sections.values())[4]
        self.assertEqual(head, [
            "One Plücker vector a token instead of one for each offset, and the same function.",
            "Six offsets, L = 64, forward and backward, best of 1 turns."])
        self.assertEqual(note, ["Its relative error where two states are nearly parallel:"])
        headers, rows = read_table(table)
        self.assertEqual(headers, ["coordinates", "loop, ms", "folded, ms", "times faster",
                                   "nodes", "folded"])
        self.assertEqual((table[0].split()[0], list(rows), found["length"]), ("r", ["3", "5"], 64))
        window = micro_grassmann.Config(5).window
        self.assertEqual(len(window), 6)
        self.assertEqual([row["r"] for row in found["rows"]], [3, 5])
        for row, line in zip(found["rows"], rows.values()):
            r, loop, folded = row["r"], row["loop"], row["folded"]
            for cell, value in zip(line, (
                    math.comb(r, 2), loop["milliseconds"], folded["milliseconds"],
                    loop["milliseconds"] / folded["milliseconds"], loop["nodes"],
                    folded["nodes"])):
                self.same(cell, value)
            self.assertGreater(min(loop["milliseconds"], folded["milliseconds"]), 0)
            self.assertEqual(loop["nodes"], grassmann_nodes(64, 16, r, window))
            self.assertEqual(folded["nodes"], folded_nodes(64, 16, r, window))
        headers, rows = read_table(errors)
        self.assertEqual(errors[0].split("  ")[0], "sine of the angle")
        self.assertEqual(headers, ["|z| = 1", "|z| = 100"])
        self.assertEqual(list(rows), ["1e+00", "1e-02", "1e-04", "1e-06", "1e-08"])
        printed = [(size, float(sine), cells[place]) for place, size in enumerate((1, 100))
                   for sine, cells in rows.items()]
        self.assertEqual(len(found["errors"]), len(printed))
        for error, (size, sine, cell) in zip(found["errors"], printed):
            self.assertEqual(error["length of z"], size)
            self.assertAlmostEqual(error["sine"], sine, delta=1e-15 * sine)
            self.assertRegex(cell, r"^\de[+-]\d\d$")
            half = 0.5 * float(f"1{cell[1:]}")
            self.assertLessEqual(abs(float(cell) - error["relative error"]), half * 1.000001)

    def test_figure(self):
        quality, scaling = self.results["quality"], self.results["scaling"]
        self.is_figure(self.svg, [
            ("Training loss", "step (seed 42, each step)", "loss (nats a token)", False,
             benchmark.curves(quality["runs"])),
            ("Mixing layer alone: time", LENGTHS, "milliseconds", True,
             {name: [(row["length"], row[name]["milliseconds"]) for row in scaling["rows"]]
              for name in scaling["contenders"]})])

    def test_the_same_seed_learns_and_writes_the_same(self):
        self.succeeds(launch("benchmark.py", *self.options, "--only", "quality",
                             "--json", "again.json", "--svg", "again.svg"))
        results = load(FOLDER / "again.json")
        self.assertEqual(list(results)[3:], ["quality"])
        for run, copy in zip(self.results["quality"]["runs"], results["quality"]["runs"]):
            for key in set(run) - {"milliseconds"}:
                self.assertEqual(run[key], copy[key], key)
        self.is_figure((FOLDER / "again.svg").read_text(encoding="utf-8"), [
            ("Training loss", "step (seed 42, each step)", "loss (nats a token)", False,
             benchmark.curves(results["quality"]["runs"]))])


class TestSeedsAndLayers(Case):
    """Two seeds of two depths: tables with a spread, and runs that are the models' own."""

    @classmethod
    def setUpClass(cls):
        cls.ended = call(benchmark, "--steps", 2, "--seeds", 2, "--layers", "1,2", "--data", DATA,
                         "--only", "quality", "--json", FOLDER / "two.json",
                         "--svg", FOLDER / "two.svg")
        if cls.ended.status == 0:
            cls.results = load(FOLDER / "two.json")

    def setUp(self):
        self.succeeds(self.ended)

    def test_print(self):
        found, (head, blocks) = self.results["quality"], sections(self.ended.out).values()
        self.assertEqual(head, [[f"{PYTHON}; 40 documents; 2 steps; {TWO}"]])
        self.assertEqual(pairs(found), [("attention, 1 layer", "Grassmann, 1 layer"),
                                        ("attention, 2 layers", "Grassmann, 2 layers")])
        self.same_summary(found)
        self.same_quality(blocks, found)
        self.is_figure((FOLDER / "two.svg").read_text(encoding="utf-8"), [
            ("Training loss", "step (seed 42, each step)", "loss (nats a token)", False,
             benchmark.curves(found["runs"]))])

    def test_runs_are_those_of_the_model_files(self):
        runs = iter(self.results["quality"]["runs"])
        for seed in SEEDS[:2]:
            for layers in (1, 2):
                for name, model in MODELS.items():
                    own, run = set_up(model, DOCS, seed, n_layer=layers), next(runs)
                    with self.subTest(model=name, seed=seed, layers=layers):
                        self.assertEqual((run["name"].split(",")[0], run["seed"]), (name, seed))
                        seen, unseen = model.split_docs(own.docs, 2)
                        births, losses = [next(model.clock)], []
                        for loss in model.train(seen, own.params, own.config, 2):
                            losses.append(loss)
                            births.append(next(model.clock))
                        self.assertEqual(run["losses"], losses)
                        self.assertEqual(run["nodes"], [after - before - 1 for before, after
                                                        in zip(births, births[1:])])
                        self.assertAlmostEqual(
                            run["loss"], model.evaluate(unseen, own.params, own.config), 12)
                        self.assertEqual(run["samples"][0], model.generate(
                            own.vocab, own.params, own.config, own.rng, 0.5))
                        size = sum(len(row) for rows in own.params.values() for row in rows)
                        self.assertEqual(run["parameters"], size)
        self.assertEqual(list(runs), [])


class TestRunningText(Case):
    """One text in blocks: what is printed, and runs that are the models' own."""

    @classmethod
    def setUpClass(cls):
        cls.ended = call(benchmark, "--steps", 19, "--seeds", 2, "--only", "quality",
                         "--running-text", "--block-size", 5, "--data", write("text.txt", TEXT),
                         "--json", FOLDER / "text.json")

    def test_print(self):
        results = load(FOLDER / "text.json")
        found, parts = results["quality"], sections(self.succeeds(self.ended).out)
        used = results["configuration"]
        self.assertEqual((used["running_text"], used["block_size"], used["data"]),
                         (True, 5, str(FOLDER / "text.txt")))
        _, title = parts
        self.assertEqual(title, "Quality: the same blocks of 5 characters in the same order")
        [[[head]], blocks] = parts.values()
        self.assertEqual(head, f"{PYTHON}; 18 blocks of 5 characters; 19 steps; {TWO}")
        self.assertIs(found["running text"], True)
        self.same_summary(found)
        self.same_quality(blocks, found)
        self.assertIn("\n", str.join("", found["runs"][0]["samples"][:3]))  # which was shown as ¶

    def test_runs_are_those_of_the_model_files(self):
        """The nineteenth step takes the first of the eighteen blocks again."""
        seen, unseen = BLOCKS[:18], BLOCKS[18:]
        runs = iter(load(FOLDER / "text.json")["quality"]["runs"])
        for seed in SEEDS[:2]:
            for name, model in MODELS.items():
                own, run = set_up(model, seen, seed, block_size=5), next(runs)
                self.assertEqual((run["name"], run["seed"]), (name, seed))
                self.assertEqual(run["losses"], list(
                    model.train(own.docs, own.params, own.config, 19)))
                tokens = [model.tokenize(block, own.vocab) for block in unseen]
                self.assertEqual(run["unseen"], len(unseen))
                self.assertAlmostEqual(
                    run["loss"], model.evaluate(tokens, own.params, own.config), 12)
                self.assertEqual(run["samples"][0], model.generate(
                    own.vocab, own.params, own.config, own.rng, 0.5))
        self.assertEqual(list(runs), [])

    def test_the_language_reference(self):
        """Topics in the order of their names; --data pydoc means running text, blocks of 64."""
        topics = {"b": "b" * 600, "a": "a" * 699, "c": "!"}
        options = "--data", "pydoc", "--only", "parts", "--steps", 1
        with mock.patch("pydoc_data.topics.topics", topics), \
                mock.patch.object(benchmark, "measure_parts") as measure:
            ended = call(benchmark, *options, "--json", FOLDER / "pydoc.json")
        self.assertEqual((ended.status, ended.err), (0, ""))
        self.assertIn("; 18 blocks of 64 characters\n", ended.out)
        used = load(FOLDER / "pydoc.json")["configuration"]
        self.assertEqual((used["running_text"], used["block_size"], used["data"]),
                         (True, 64, "pydoc"))
        [(rivals, docs, _, _)] = [call_.args for call_ in measure.call_args_list]
        self.assertEqual("".join(docs), ("a" * 699 + "\n\n" + "b" * 600)[:18 * 64])
        self.assertEqual([rival.config.block_size for rival in rivals], [64, 64])

    def test_documents_in_longer_blocks(self):
        """--block-size without running text is how many tokens of a document are read."""
        with mock.patch.object(benchmark, "measure_parts") as measure:
            ended = call(benchmark, "--data", DATA, "--only", "parts", "--block-size", 2)
        self.assertEqual((ended.status, ended.err), (0, ""))
        self.assertIn("; 40 documents\n", ended.out)
        self.assertEqual([rival.config.block_size for rival in measure.call_args.args[0]], [2, 2])


class TestFewDocuments(Case):
    """Fewer than ten documents leave none to evaluate on; those of ten or more stay unseen."""

    def test_training_starts_over_before_the_unseen(self):
        """The tenth step of ten documents takes the first one again, not the tenth."""
        data, file = write("ten.txt", "\n".join(DOCS[:10])), FOLDER / "ten.json"
        self.succeeds(call(benchmark, "--data", data, "--steps", 10, "--only", "quality",
                           "--json", file))
        for run, model in zip(load(file)["quality"]["runs"], MODELS.values()):
            own = set_up(model, DOCS[:10])
            self.assertEqual(run["losses"], list(
                model.train(own.docs[:9], own.params, own.config, 10)))

    def test_evaluation_needs_ten(self):
        for number in (1, 9, 10):
            with self.subTest(number=number):
                data = write("few.txt", "\n".join(DOCS[:number]))
                out = self.succeeds(call(benchmark, "--data", data, "--steps", 2, "--only",
                                         "quality", "--json", FOLDER / "few.json")).out
                found = load(FOLDER / "few.json")["quality"]
                enough = number >= 10
                self.assertEqual([run["unseen"] for run in found["runs"]], [enough, enough])
                for printed in ("loss on unseen", "perplexity", "Loss, Grassmann minus"):
                    self.assertEqual(printed in out, enough)
                self.assertEqual("No document is left to evaluate on: that takes ten or more." in
                                 out, not enough)
                for run in found["runs"]:
                    self.assertEqual("loss" in run, enough)
                for printed in ("training loss", "Samples at temperature"):
                    self.assertIn(printed, out)


# ---- the figures ---------------------------------------------------------------------------------

class TestFigures(Case):
    """What a benchmark makes of its runs."""

    def test_verdict(self):
        """Student's interval by hand: t is 12.706, 4.303, 3.182 for 1, 2, 3 degrees of freedom."""
        none = "no difference beyond the spread"
        higher = "Grassmann has the higher one, by more than the spread"
        lower = higher.replace("higher", "lower")
        cases = (([1, 2, 3], [1.1, 2.3, 3.2], 0.2, 4.303 * 0.1 / 3 ** 0.5, none),
                 ([1, 2, 3, 4], [1.1, 2.3, 3.2, 4.2], 0.2, 3.182 * (0.02 / 3) ** 0.5 / 2, higher),
                 ([1.1, 2.3, 3.2, 4.2], [1, 2, 3, 4], -0.2, 3.182 * (0.02 / 3) ** 0.5 / 2, lower),
                 ([1, 2], [1.1, 2.2], 0.15, 12.706 * 0.05, none),
                 ([0, 0, 0], [0.148, 0.248, 0.348], 0.248, 4.303 * 0.1 / 3 ** 0.5, none),
                 ([0, 0, 0], [0.149, 0.249, 0.349], 0.249, 4.303 * 0.1 / 3 ** 0.5, higher),
                 ([0.149, 0.249, 0.349], [0, 0, 0], -0.249, 4.303 * 0.1 / 3 ** 0.5, lower),
                 ([1, 2, 3], [1, 2, 3], 0, 0, none))
        for first, second, mean, half, words in cases:
            with self.subTest(first=first, second=second):
                found = benchmark.verdict(first, second, "Grassmann")
                self.assertAlmostEqual(found["mean"], mean)
                self.assertAlmostEqual(found["half"], half, delta=half * 0.002)
                self.assertEqual(found["words"], words)
        one = benchmark.verdict([2.5], [2.25], "Grassmann")
        self.assertEqual(one, {"mean": -0.25, "words": "one seed, which shows no spread"})
        many = benchmark.verdict([0] * 40, [i % 2 for i in range(40)], "Grassmann")
        ratio = many["half"] / (statistics.stdev([0, 1] * 20) / 40 ** 0.5)
        self.assertTrue(2.0 <= ratio <= 2.15, "t is 2.02 for 39 degrees of freedom")
        many = benchmark.verdict([0] * 17, [0, 1] * 8 + [0.5], "Grassmann")
        own = 2.120 * statistics.stdev([0, 1] * 8 + [0.5]) / 17 ** 0.5
        self.assertAlmostEqual(many["half"] / own, 1, delta=0.003)

    def test_table_of_t(self):
        """Between -t and t lies 95 % of Student's distribution (Simpson's rule)."""
        for freedom, t in enumerate(benchmark.T_95, 1):
            def density(x, n=freedom):
                scale = math.gamma((n + 1) / 2) / math.gamma(n / 2) / math.sqrt(n * math.pi)
                return scale * (1 + x * x / n) ** (-(n + 1) / 2)
            h = t / 400
            inner = sum((4 if i % 2 else 2) * density(i * h) for i in range(1, 400))
            share = 2 * h / 3 * (density(0) + inner + density(t))
            self.assertAlmostEqual(share, 0.95, delta=0.0006)

    def test_loss_on_unseen(self):
        for name, model in MODELS.items():
            with self.subTest(model=name):
                own = set_up(model, [doc[:4] for doc in DOCS if len(doc) > 3], scale=4)
                rival = benchmark.Contender(name, model, own.config)
                found = benchmark.loss_on_unseen(rival, own.docs[:7], own.params)
                self.assertEqual(found["unseen"], 7)
                self.assertAlmostEqual(
                    found["loss"], model.evaluate(own.docs[:7], own.params, own.config), 12)
                self.assertAlmostEqual(found["perplexity"], math.exp(found["loss"]), 12)
                means = [model.evaluate([doc], own.params, own.config) for doc in own.docs[:7]]
                self.assertAlmostEqual(found["error"], statistics.stdev(means) / 7 ** 0.5, 12)
                docs = own.docs[0][:3], *own.docs[1:4]  # lengths differ
                self.assertAlmostEqual(
                    benchmark.loss_on_unseen(rival, docs, own.params)["loss"],
                    model.evaluate(docs, own.params, own.config), 12)
                self.assertEqual(benchmark.loss_on_unseen(rival, [], own.params), {"unseen": 0})

    def test_error_of_a_ratio(self):
        """Two nats in two tokens and four in one: the mean is 2, the error sqrt(2 (4 + 4)) / 3."""
        def token_losses(tokens, params, config):
            self.assertFalse(gc.isenabled())
            return [SimpleNamespace(data=float(nats)) for nats in tokens]
        rival = benchmark.Contender("", SimpleNamespace(token_losses=token_losses), None)
        found = benchmark.loss_on_unseen(rival, [[1, 1], [4]], None)
        self.assertAlmostEqual(found["loss"], 2)
        self.assertAlmostEqual(found["error"], 4 / 3)

    def test_summary_and_smoothing(self):
        runs = [{"parameters": 7, "losses": [9.0] * 50 + [2.0 + seed] * 100,
                 "milliseconds": [1.0, 2.0, 30.0], "nodes": [10, 40]} for seed in (0, 1)]
        found = benchmark.summary(runs)
        self.assertEqual(found["training loss"], {"seeds": [2, 3], "mean": 2.5,
                                                  "deviation": statistics.stdev([2, 3])})
        self.assertEqual(found["milliseconds"]["seeds"], [2, 2])
        self.assertEqual(found["nodes"]["seeds"], [25, 25])
        self.assertNotIn("loss", found)
        first = benchmark.curves([{"name": name, "losses": losses} for name, losses in (
            ("a", []), ("a", [3.0]), ("b", [2.0]), ("a", [1.0]))])
        self.assertEqual(first, {"a": [(1, 3.0)], "b": [(1, 2.0)]})
        curve = benchmark.smooth([float(i) for i in range(100)])
        self.assertEqual(len(curve), 34)
        self.assertEqual(curve[:2] + curve[-1:], [(3, 1.0), (6, 4.0), (100, 99.0)])
        self.assertEqual(len(benchmark.smooth([1.0] * 40)), 40)

    def test_units(self):
        """With a clock that moves by a quarter of a second at each look."""
        clock = SimpleNamespace(perf_counter=count(0, 0.25).__next__)
        rivals = benchmark.contenders([1], len(set("".join(DOCS))) + 1)
        with mock.patch.object(benchmark, "time", clock), show.Progress(1) as progress:
            *_, runs = benchmark.train_all(rivals, DOCS, [], 1, 42, 0, progress)
            self.assertEqual(benchmark.mixing_cost(rivals[0], 2)[0], 0.25)
        self.assertEqual([run["milliseconds"] for run in runs], [[250], [250]])

    def test_best_in_turns(self):
        """Turns through all lengths, short ones more than once in each; the best counts."""
        calls, found = [], {}

        def cost(rival, length):
            calls.append((length, rival.name))
            return abs(calls.count(calls[-1]) - 9) / 100 + 0.64, 7
        with mock.patch.object(benchmark, "mixing_cost", cost):
            benchmark.measure_scaling(benchmark.contenders([1], 5), 40, found)
        turn = [(length, name) for length, times in ((8, 25), (16, 12), (32, 6))
                for _ in range(times) for name in ("attention", "Grassmann")]
        self.assertEqual(calls, turn * benchmark.TURNS)
        self.assertEqual(found["rows"][1]["Grassmann"], {
            "milliseconds": 640, "microseconds a token": 40000, "nodes": 7})

    def test_folding_in_turns(self):
        """So many turns of the loop and its folded form for each r; the best counts."""
        calls, found = [], {}

        def cost(rival, length):
            calls.append((rival.name, rival.model is micro_grassmann, rival.config.r, length))
            return abs(calls.count(calls[-1]) - 3) / 100 + 0.64, 7
        with mock.patch.object(benchmark, "mixing_cost", cost):
            benchmark.measure_folding(found)
        self.assertEqual(calls, [turn for r in (4, 8, 16, 32) for _ in range(benchmark.TURNS)
                                 for turn in (("loop", True, r, 64), ("folded", False, r, 64))])
        self.assertEqual(found["rows"][3], {
            "r": 32, "loop": {"milliseconds": 640, "nodes": 7},
            "folded": {"milliseconds": 640, "nodes": 7}})

    def rows(self, attention, grassmann, lengths=(8, 16, 32, 64, 128, 256)):
        """Return made-up rows of the scaling section from two functions of the length."""
        return [{"length": n, "attention": {"milliseconds": attention(n)},
                 "Grassmann": {"milliseconds": grassmann(n)}} for n in lengths]

    def test_scaling_laws(self):
        names = ["attention", "Grassmann"]
        rows = self.rows(lambda n: 0.002 * n ** 2, lambda n: 0.05 * n)
        found = benchmark.scaling_laws(rows, names)
        self.assertAlmostEqual(found["exponents"]["attention"], 2)
        self.assertAlmostEqual(found["exponents"]["Grassmann"], 1)
        self.assertEqual((found["fitted from"], found["fitted to"]), (64, 256))
        self.assertAlmostEqual(found["cheaper from"], 25)
        for row in rows[:3]:
            row["attention"]["milliseconds"] = 1e-3
        found = benchmark.scaling_laws(rows, names)
        self.assertAlmostEqual(found["exponents"]["attention"], 2)
        self.assertTrue(32 < found["cheaper from"] < 64)
        rows = self.rows(lambda n: 0.002 * n ** 2, lambda n: 0.05 * n, (8, 16, 32))
        self.assertEqual(benchmark.scaling_laws(rows, names)["fitted from"], 16)

    def test_crossing_at_once_and_never(self):
        names = ["attention", "Grassmann"]
        at_once = benchmark.scaling_laws(self.rows(lambda n: 2 * n, lambda n: n), names)
        self.assertEqual(at_once["cheaper from"], 8)
        never = benchmark.scaling_laws(self.rows(lambda n: n, lambda n: 2 * n), names)
        self.assertIsNone(never["cheaper from"])
        again = self.rows(lambda n: 2 * n, lambda n: n)
        again[-1]["attention"]["milliseconds"] = 1
        self.assertIsNone(benchmark.scaling_laws(again, names)["cheaper from"])
        equal = benchmark.scaling_laws(self.rows(lambda n: n, lambda n: n), names)
        self.assertIsNone(equal["cheaper from"])
        later = {**at_once, "cheaper from": 12.3}
        for laws, sentence in ((at_once, "at each of these lengths."), (later, "from L = 12 on."),
                               (never, "at none of these lengths.")):
            rows = self.rows(lambda n: n, lambda n: 2 * n)
            for row in rows:
                row["times faster"] = 0.5
                for name in names:
                    row[name].update({"nodes": 1, "microseconds a token": 1})
            text = benchmark.show_scaling({"rows": rows, "contenders": names, **laws})
            self.assertIn(f"Grassmann is the cheaper one {sentence}", text)

    def test_contenders(self):
        pair = benchmark.contenders([3], 9)
        self.assertEqual([(c.name, c.model, c.config) for c in pair], [
            ("attention", micro_gpt, micro_gpt.Config(9, n_layer=3)),
            ("Grassmann", micro_grassmann, micro_grassmann.Config(9, n_layer=3))])
        four = benchmark.contenders([1, 2], 3, block_size=64, window=(1, 2))
        self.assertEqual([c.name for c in four], ["attention, 1 layer", "Grassmann, 1 layer",
                                                  "attention, 2 layers", "Grassmann, 2 layers"])
        self.assertEqual([c.config.n_layer for c in four], [1, 1, 2, 2])
        self.assertEqual([c.config.block_size for c in four], [64] * 4)
        self.assertEqual([c.config.window for c in four[1::2]], [(1, 2)] * 2)

    def test_pairs(self):
        for names, expected in (
                ("attention|Grassmann", [(0, 1)]), ("attention", []), ("", []),
                ("attention|Grassmann|Grassmann + running sum", [(0, 1), (0, 2)]),
                ("attention, 1 layer|b, 1 layer|c, 1 layer|attention, 2 layers|b, 2 layers",
                 [(0, 1), (0, 2), (3, 4)])):
            names = names.split("|") if names else []
            self.assertEqual(benchmark.pairs(names), [(names[a], names[b]) for a, b in expected])


class TestStopwatches(Case):
    """Where a step's time goes."""

    def test_every_function_comes_back(self):
        for name, model in MODELS.items():
            before = vars(model).copy()
            backward = model.Value.backward
            timed = ("forward", "mix", "feed_forward", "cross_entropy", "adam_step", "linear")
            for error in (None, KeyError, KeyboardInterrupt):
                with self.subTest(model=name, error=error):
                    try:
                        with benchmark.stopwatches(model, [], Counter()):
                            for function in timed:
                                self.assertIsNot(getattr(model, function), before[function])
                            self.assertIsNot(model.Value.backward, backward)
                            if error:
                                raise error
                    except (KeyError, KeyboardInterrupt) as caught:
                        self.assertIsInstance(caught, error)
                    self.assertIs(model.Value.backward, backward)
                    self.assertEqual(set(vars(model)), set(before))
                    for function, value in before.items():
                        self.assertIs(getattr(model, function), value)

    def test_each_second_is_booked_where_it_was_spent(self):
        """A model whose functions take so many seconds each, by a clock that they move."""
        now, lm_head = [0.0], [[1]]

        def spend(seconds):
            now[0] += seconds

        class Value:
            def backward(self):
                spend(16)

        def forward():
            spend(1)
            model.mix()
            model.feed_forward()
            model.linear((), lm_head)

        def mix():
            spend(1)
            model.linear((), [[2]])  # another matrix than lm_head

        def train(tokens, params, config, steps):
            for _ in range(steps):
                model.forward()
                model.cross_entropy()
                model.Value().backward()
                model.adam_step()
                spend(0.5)
                yield 1.0

        model = SimpleNamespace(
            Value=Value, forward=forward, mix=mix, train=train,
            linear=lambda x, matrix: spend(4 if matrix is lm_head else 1),
            feed_forward=lambda: spend(3), cross_entropy=lambda: spend(5),
            adam_step=lambda: spend(7), tokenize=lambda doc, vocab: [0],
            init_params=lambda config, rng: {"lm_head": lm_head})
        seconds = dict(zip(benchmark.PARTS, (1, 2, 3, 9, 16, 7, 0.5)), **{"a step": 38.5})
        found = {}
        with mock.patch.object(benchmark, "time", SimpleNamespace(perf_counter=lambda: now[0])):
            benchmark.measure_parts([benchmark.Contender("it", model, None)], ["a"], 3, found)
        self.assertEqual(list(found), ["it"])
        self.assertEqual(list(found["it"]), list(seconds))
        for part, value in seconds.items():
            self.assertAlmostEqual(found["it"][part]["milliseconds"], value * 1000, msg=part)
            self.assertAlmostEqual(found["it"][part]["percent"], value / 0.385, msg=part)


# ---- benchmark_paren.py --------------------------------------------------------------------------

class TestBrackets(Case):
    """The bracket strings and what is said of those that a model writes."""

    def test_judge(self):
        block = benchmark_paren.BLOCK
        cases = {
            "": ("empty", None),
            "()": ("balanced", None), "(()(()))()": ("balanced", None),
            "()" * (block // 2): ("balanced", None),
            ")": ("closed too early", 0), ")(": ("closed too early", 0),
            "())(": ("closed too early", 2), "(()))()": ("closed too early", 4),
            "())" + "(" * (block - 3): ("closed too early", 2),
            "(": ("left open", 0), "(()": ("left open", 0), "()(()": ("left open", 2),
            "()(((": ("left open", 2), "()()(()(()": ("left open", 4),
            "(" * (block - 1): ("left open", 0),
            "(" * block: ("ran into the block's end", 0),
            "()" * (block // 2 - 1) + "((": ("ran into the block's end", block - 2)}
        for text, verdict in cases.items():
            with self.subTest(text=text):
                self.assertEqual(benchmark_paren.judge(text), verdict)
        self.assertEqual({kind for kind, _ in cases.values()},
                         {"balanced", *benchmark_paren.FAILURES})

    def test_balanced_string(self):
        rng, lengths, chances, opened = random.Random(7), Counter(), 0, 0
        for _ in range(3200):
            text, depth = benchmark_paren.balanced_string(rng), 0
            lengths[len(text)] += 1
            left = len(text) // 2
            for bracket in text:
                self.assertIn(bracket, ("(", ")"))
                if depth and left:
                    chances, opened = chances + 1, opened + (bracket == "(")
                depth, left = (depth + 1, left - 1) if bracket == "(" else (depth - 1, left)
                self.assertGreaterEqual(depth, 0)
            self.assertEqual(depth, 0)
        self.assertEqual(sorted(lengths), list(range(20, 51, 2)))
        chi_square = sum((number - 200) ** 2 / 200 for number in lengths.values())
        # 99.8 % of all uniform draws, with 15 degrees of freedom
        self.assertTrue(3.48 < chi_square < 37.70, chi_square)
        self.assertLess(abs(opened - chances / 2), 3.3 * chances ** 0.5 / 2)

    def test_distinct_strings(self):
        strings = benchmark_paren.distinct_strings(300, random.Random(3))
        self.assertEqual(len(strings), 300)
        self.assertEqual(len(set(strings)), 300)
        self.assertEqual(strings, benchmark_paren.distinct_strings(300, random.Random(3)))
        with mock.patch.object(benchmark_paren, "balanced_string",
                               side_effect=["()", "()", "(())", "()", "()()"]):
            self.assertEqual(benchmark_paren.distinct_strings(3, None), ["()", "(())", "()()"])

    def test_wilson(self):
        """By hand, and from Newcombe, Statistics in Medicine 17 (1998), table I, method 3."""
        cases = {(0, 10): (0, 0.2775), (5, 10): (0.2366, 0.7634), (10, 10): (0.7225, 1),
                 (81, 263): (0.2553, 0.3662), (15, 148): (0.0624, 0.1605), (0, 20): (0, 0.1611),
                 (1, 29): (0.0061, 0.1718)}
        for (hits, n), bounds in cases.items():
            for found, expected in zip(benchmark_paren.wilson(hits, n), bounds):
                self.assertAlmostEqual(found, expected, delta=0.00006)
        for n in range(1, 60):
            for hits in range(n + 1):
                low, high = benchmark_paren.wilson(hits, n)
                self.assertTrue(0 <= low <= hits / n + 1e-12 and hits / n - 1e-12 <= high <= 1)


class TestBenchmarkParen(Case):
    """Short runs with few strings, cut off early."""

    DOCS, SAMPLES, LENGTHS = 20, 4, (3, 9, 18)
    NAMES = ("attention", "Grassmann", "Grassmann + running sum", "running sum alone",
             "its pair normalised", "sum without planes")

    @classmethod
    def setUpClass(cls):
        for small in (mock.patch.multiple(benchmark_paren, DOCS=cls.DOCS, SAMPLES=cls.SAMPLES,
                                          LENGTHS=cls.LENGTHS, BLOCK=12),
                      mock.patch.object(benchmark, "BUCKETS", 4)):
            small.start()
            cls.addClassCleanup(small.stop)
        cls.ended = {}
        for name, (steps, seeds) in BRACKET_RUNS.items():
            cls.ended[name] = call(benchmark_paren, "--steps", steps, "--seeds", seeds,
                                   *["--controls"] * (name == "controls"),
                                   "--json", FOLDER / f"{name}.json",
                                   "--svg", FOLDER / f"{name}.svg")

    def test_runs(self):
        for name, (steps, seeds) in BRACKET_RUNS.items():
            with self.subTest(case=name):
                text = self.succeeds(self.ended[name]).out
                results = load(FOLDER / f"{name}.json")
                self.assertEqual(results["program"], "benchmark_paren.py")
                self.assertEqual(results["python"], PYTHON)
                self.assertEqual(results["configuration"], {
                    "steps": steps, "seeds": list(SEEDS[:seeds]), "layers": [1],
                    "controls": name == "controls"})
                (_, ((one, two),)), (_, blocks) = sections(text).items()
                self.same_head(one, two, steps, SEEDS[:seeds])
                found = results["brackets"]
                self.assertEqual(found["contenders"],
                                 list(self.NAMES[:6 if name == "controls" else 3]))
                self.assertEqual([(run["seed"], run["name"]) for run in found["runs"]], [
                    (seed, other) for seed in SEEDS[:seeds] for other in found["contenders"]])
                self.same_summary(found)
                self.same_judgement(found)
                self.same_results(blocks, found)
                width = math.ceil(steps / benchmark.BUCKETS)
                means = f"means of {width} steps" if width > 1 else "each step"
                self.is_figure((FOLDER / f"{name}.svg").read_text(encoding="utf-8"), [
                    ("Training loss on brackets", f"step (seed 42, {means})",
                     "loss (nats a token)", False,
                     benchmark.curves(found["runs"]))])

    def test_least_loss(self):
        """Shannon's entropy of all strings of up to four pairs, each with its probability."""
        def strings(pairs, text="", share=1.0):
            opened, closed = text.count("("), text.count(")")
            if closed == pairs:
                return [(text, share)]
            may = [bracket for bracket, possible in (("(", opened < pairs), (")", opened > closed))
                   if possible]
            return [s for c in may for s in strings(pairs, text + c, share / len(may))]
        for fewest, most in ((1, 1), (2, 2), (1, 4), (3, 4)):
            number = most - fewest + 1
            drawn = [(text, share / number) for pairs in range(fewest, most + 1)
                     for text, share in strings(pairs)]
            self.assertAlmostEqual(sum(share for _, share in drawn), 1)
            nats = sum(-share * math.log(share) for _, share in drawn)
            tokens = sum(share * (len(text) + 1) for text, share in drawn)
            self.assertAlmostEqual(benchmark_paren.least_loss(fewest, most), nats / tokens)

    def test_contenders(self):
        """Three for each number of layers, or six; those that sum alone have no offsets."""
        for controls, number in ((False, 3), (True, 6)):
            rivals = benchmark_paren.contenders([1, 2], controls)
            self.assertEqual([rival.name for rival in rivals], [
                name + layers for layers in (", 1 layer", ", 2 layers")
                for name in self.NAMES[:number]])
            self.assertEqual([rival.config.n_layer for rival in rivals],
                             [1] * number + [2] * number)
            for place, rival in enumerate(rivals):
                self.assertEqual(rival.config.block_size, benchmark_paren.BLOCK)
                self.assertEqual(rival.config.vocab_size, 3)
                if place % number:
                    self.assertEqual(rival.config.window, () if place % number in (3, 5)
                                     else (1, 2, 4, 8, 16))
        self.assertEqual([rival.model for rival in rivals[:2]], [micro_gpt, micro_grassmann])
        self.assertEqual(len({id(rival.model) for rival in rivals[:6]}), 5)  # alone: the same

    def same_head(self, one, two, steps, seeds):
        """Assert that the first lines describe the strings and the options."""
        docs = benchmark_paren.distinct_strings(max(self.DOCS, steps + self.DOCS // 10),
                                                random.Random(42))
        head = (rf"{re.escape(PYTHON)}; balanced strings of (\d+) to (\d+) brackets, "
                r"([\d.]+) on average;")
        self.assertRegex(one, f"^{head}$")
        low, high, mean = re.match(head, one).groups()
        lengths = [len(doc) for doc in docs]
        self.assertEqual((int(low), int(high)), (min(lengths), max(lengths)))
        self.same(mean, sum(lengths) / len(lengths))
        seeds = ALONE if len(seeds) == 1 else TWO
        self.assertEqual(two, f"{steps} steps; {seeds}; offsets (1, 2, 4, 8, 16)")

    def same_judgement(self, found):
        """Assert that the counts follow from the samples, and the shares from the counts."""
        kinds = ["balanced", *benchmark_paren.FAILURES]
        for name in found["contenders"]:
            runs = [run for run in found["runs"] if run["name"] == name]
            counts = Counter()
            for run in runs:
                self.assertEqual(len(run["samples"]), self.SAMPLES)
                judged = Counter(benchmark_paren.judge(text)[0] for text in run["samples"])
                self.assertEqual(run["judged"], {kind: judged[kind] for kind in kinds})
                counts += judged
            total, whole = found["judged"][name], self.SAMPLES * len(runs)
            self.assertEqual(total["counts"], {kind: counts[kind] for kind in kinds})
            self.assertEqual(total["samples"], whole)
            self.assertEqual(sum(total["counts"].values()), whole)
            self.assertAlmostEqual(total["percent"], 100 * counts["balanced"] / whole)
            for bound, share in zip(total["interval"],
                                    benchmark_paren.wilson(counts["balanced"], whole)):
                self.assertAlmostEqual(bound, 100 * share)
            self.assertEqual(total["percent by seed"], [
                100 * run["judged"]["balanced"] / self.SAMPLES for run in runs])

    def same_results(self, blocks, found):
        """Assert that the printed section shows what its part of the JSON says."""
        blocks, names, judged = iter(blocks), found["contenders"], found["judged"]
        headers, rows = read_table(next(blocks))
        self.assertEqual(headers, ["parameters", "loss on unseen", "perplexity", "ms a step",
                                   "graph nodes"])
        self.assertEqual(list(rows), names)
        for name, row in rows.items():
            for key, cell in zip(("parameters", "loss", "perplexity", "milliseconds", "nodes"),
                                 row):
                self.same_spread(cell, found["summary"][name][key])
        least = re.fullmatch(r"No model can have a loss below (\S+) on average: that of one that "
                             r"knows how the strings are made\.", " ".join(next(blocks)))
        self.same(least[1], found["least loss"])
        self.assertEqual(found["least loss"], benchmark_paren.least_loss(10, 25))
        for b in names[1:]:
            *lines, last = next(blocks)
            self.same_verdict(lines, found, "attention", b)
            sentence = rf"A step of {re.escape(b)} takes (\S+) of the time of a step of attention\."
            self.assertRegex(last, f"^{sentence}$")
            first, second = [found["summary"][name]["milliseconds"]["mean"]
                             for name in ("attention", b)]
            self.same(re.match(sentence, last).group(1), second / first)
        caption, *table = next(blocks)
        self.assertEqual(caption, f"{self.SAMPLES} strings from each model at temperature 0.5, "
                                  "Wilson intervals")
        headers, rows = read_table(table)
        self.assertEqual(table[0].split("  ")[0], "of the sampled strings")
        self.assertEqual(headers, ["balanced", "95 % interval", "each seed"])
        self.assertEqual(list(rows), names)
        for name, (share, interval, each) in rows.items():
            self.same(share, judged[name]["percent"], " %")
            self.assertIn(" to ", interval)
            for cell, bound in zip(interval.split(" to "), judged[name]["interval"]):
                self.same(cell, bound)
            each = each.split(", ")
            self.assertEqual(len(each), len(judged[name]["percent by seed"]))
            for cell, value in zip(each, judged[name]["percent by seed"]):
                self.same(cell, value)
        headers, rows = read_table(next(blocks))
        self.assertEqual(headers, list(benchmark_paren.FAILURES))
        self.assertEqual(list(rows), names)
        for name, row in rows.items():
            self.assertEqual([int(cell) for cell in row],
                             [judged[name]["counts"][kind] for kind in headers])
        self.same_mixing(next(blocks), found)
        for run in found["runs"][:len(names)]:
            self.same_examples(next(blocks), run)
        caption, *chart = next(blocks)
        width = math.ceil(len(found["runs"][0]["losses"]) / benchmark.BUCKETS)
        means = "each step" if width == 1 else f"means of {width} steps"
        self.assertEqual(caption, f"Training loss, seed 42, {means}")
        self.same_legend(chart, benchmark.curves(found["runs"]))
        self.assertEqual(list(blocks), [])

    def same_mixing(self, table, found):
        """Assert that the mixing layers' nodes a token are those counted by hand."""
        headers, rows = read_table(table)
        self.assertEqual(table[0].split("  ")[0], "graph nodes a token, mixing layer")
        self.assertEqual(headers, ["L = 3", "L = 9", "L = 18"])
        self.assertEqual(list(rows), found["contenders"])
        self.assertEqual(list(found["mixing"]), found["contenders"])
        sizes, window = (16, 4), (1, 2, 4, 8, 16)
        for place, length in enumerate(self.LENGTHS):
            by_hand = (attention_nodes(length, *sizes), grassmann_nodes(length, *sizes, window),
                       counting_nodes(length, *sizes, window), counting_nodes(length, *sizes, ()),
                       counting_nodes(length, *sizes, window, True), 104 * length + 1)
            for name, nodes in zip(found["contenders"], by_hand):
                self.assertAlmostEqual(found["mixing"][name][str(length)], nodes / length)
                self.same(rows[name][place], nodes / length)

    def same_examples(self, lines, run):
        """Assert that three samples are shown, the first wrong bracket marked."""
        title, *lines = lines
        self.assertEqual(title, f"{run['name']} wrote, seed {run['seed']}:")
        self.assertEqual(len(lines), 6)
        for text, shown, mark in zip(run["samples"], lines[::2], lines[1::2]):
            kind, place = benchmark_paren.judge(text)
            self.assertEqual(shown, f"  {text or '(the empty string)'}")
            self.assertEqual(mark.strip(" ^"), kind)
            self.assertEqual(mark.find("^"), -1 if place is None else place + 2)


# ---- show ----------------------------------------------------------------------------------------

class TestShow(Case):
    """The printing helpers, as far as the benchmarks' own output does not reach."""

    def test_six_long_names_do_not_overlap(self):
        rng = random.Random(5)
        for suffix in ("", " + running sum", ", 12 layers"):
            names = [f"{name}{suffix}"[:23] + end for end in "ABC" for name in MODELS]
            self.assertEqual(len(set(names)), 6)
            curve = {name: [(x, rng.uniform(0.5, 4)) for x in range(0, 3000, 75)] for name in names}
            cost = {name: [(2 ** n, rng.uniform(1, 3) * 2 ** n) for n in range(3, 11)]
                    for name in names}
            few = dict(islice(curve.items(), 3))
            panels = [("Loss", "step", "loss (nats a token)", False, curve),
                      ("Time", "length L (tokens)", "milliseconds", True, cost),
                      ("Few", "step", "loss (nats a token)", False, few)]
            svg = show.figure([{"title": title, "x_label": x, "y_label": y, "log": log,
                                "series": series, "marks": log}
                               for title, x, y, log, series in panels], "six")
            self.is_figure(svg, panels)
            self.assertEqual(svg.count("<circle"), 6 * 8)
            dashes = re.findall(r'class="line (s\d)" d="[^"]*h26" stroke-dasharray="([^"]*)"', svg)
            self.assertEqual(len(set(dashes[:6])), len({dash for _, dash in dashes[:6]}))

    def test_chart(self):
        text = show.chart({"up": [(0, 1), (10, 3)], "down": [(0, 3), (5, 2), (10, 1)]},
                          "step", "nats", width=11, height=5)
        self.assertEqual(text.split("\n"), [
            "nats",
            "    3.0 |g         o",
            "    2.5 |",
            "    2.0 |     g",
            "    1.5 |",
            "    1.0 |o         g",
            "        +-----------",
            "         0  step  10",
            "         o up, g down, * both"])
        log = show.chart({"a": [(1, 1), (100, 100)], "b": [(10, 10), (100, 100)]},
                         "L", "ms", log=True, width=5, height=3)
        self.assertEqual([line[9:] for line in log.split("\n")[1:4]], ["    *", "  g", "o"])
        self.assertTrue(log.endswith("both axes logarithmic"))

    def test_save_replaces_the_file_as_a_whole(self):
        folder = Path(tempfile.mkdtemp(dir=str(FOLDER)))
        path = folder / "kept.json"
        show.save(path, "new\n")
        self.assertEqual(path.read_bytes(), b"new\n".replace(b"\n", os.linesep.encode()))
        show.save(str(path), "µ ±")
        self.assertEqual(path.read_text(encoding="utf-8"), "µ ±")
        if os.name == "posix":  # a reader keeps the old file, whole, while the name gets the new
            with path.open(encoding="utf-8") as reader:
                show.save(path, "other")
                self.assertEqual(reader.read(), "µ ±")
            self.assertEqual(path.read_text(encoding="utf-8"), "other")
        before = path.read_bytes()
        with self.assertRaises(UnicodeEncodeError):  # half a character has no UTF-8
            show.save(path, "text \ud800")
        with mock.patch("os.replace", side_effect=KeyboardInterrupt), \
                self.assertRaises(KeyboardInterrupt):
            show.save(path, "text")
        self.assertEqual(path.read_bytes(), before)
        (folder / "taken").mkdir()
        with self.assertRaises(OSError):
            show.save(folder / "taken", "text")
        self.assertEqual(sorted(os.listdir(str(folder))), ["kept.json", "taken"])


# ---- bad options ---------------------------------------------------------------------------------

class TestBadOptions(Case):
    """Anything wrong is one message that names the option, and status 2, before any training."""

    SCRIPTS = benchmark, benchmark_paren

    @classmethod
    def setUpClass(cls):
        (FOLDER / "folder").mkdir()
        file, folder, missing = FOLDER / "names.txt", FOLDER / "folder", FOLDER / "missing"
        wrong = [("--unknown",), ("--step", 3), ("--steps",), ("names.txt",)]
        wrong += [("--steps", text) for text in (0, -1, "x", "", "1.5", "1e3")]
        wrong += [("--seeds", text) for text in (0, -1, "x", "")]
        wrong += [("--layers", text) for text in (0, "1,,2", "x", "", "1,-2", "1,2,", "1,2,1")]
        wrong += [(option, place) for option in ("--json", "--svg")
                  for place in (missing / "out", folder, file / "out", "")]
        cls.wrong = [(benchmark_paren, case) for case in (
            *wrong, ("--data", DATA), ("--running-text",), ("--block-size", 8))]
        wrong += [("--controls",)]
        wrong += [("--block-size", text) for text in (0, 1, -1, "x", "", "2.0")]
        wrong += [("--max-length", text) for text in (8, 15, 0, "x", "")]
        wrong += [("--only", text) for text in ("nonsense", "", "Quality")]
        data = {"empty": "", "blank": " \n\n\t\n", "latin": "René".encode("latin-1")}
        wrong += [("--data", write(f"{name}.txt", text)) for name, text in data.items()]
        wrong += [("--data", folder), ("--data", missing), ("--data", "")]
        wrong += [(*case, "--running-text") for case in wrong if case[0] == "--data"]
        short = write("short.txt", "a" * 639)
        wrong += [("--data", short, "--running-text"),
                  ("--data", short, "--running-text", "--block-size", 64),
                  ("--data", DATA, "--running-text", "--block-size", 100)]
        cls.wrong += [(benchmark, case) for case in wrong]

    def refuses(self, ended, script, case):
        """Assert that a program refused its options as it should."""
        self.assertEqual((ended.status, ended.out), (2, ""))
        self.assertNotIn("Traceback", ended.err)
        [message] = ended.err.rstrip("\n").split("\n")
        self.assertRegex(message, rf"^{script.__name__}\.py: error: .*{case[0]}\b")
        if len(case) > 1:
            self.assertIn(str(case[1]), message)

    def test_each(self):
        """In this process, where to start a training would be an error of its own."""
        trained = AssertionError("trained")
        with mock.patch.object(micro_gpt, "init_params", side_effect=trained), \
                mock.patch.object(micro_grassmann, "init_params", side_effect=trained):
            for script, case in self.wrong:
                with self.subTest(script=script.__name__, options=case):
                    self.refuses(call(script, *case), script, case)

    def test_as_programs(self):
        right = "--steps", 1, "--data", DATA  # should it run after all, it is soon over
        for script, case, *more in ((benchmark, ("--data", FOLDER / "missing"), *right),
                                    (benchmark, ("--layers", "1,,2"), *right),
                                    (benchmark_paren, ("--json", FOLDER / "missing" / "out"))):
            with self.subTest(script=script.__name__, options=case):
                self.refuses(launch(f"{script.__name__}.py", *more, *case), script, case)

    def test_smallest_length_and_a_chart_that_does_not_exist(self):
        files = FOLDER / "scaling.svg", FOLDER / "scaling.json"
        with mock.patch.multiple(benchmark, TURNS=1, FOLDED_R=(2,)):
            ended = call(benchmark, "--data", DATA, "--only", "scaling", "--max-length", 16,
                         "--svg", files[0], "--json", files[1])
        self.succeeds(ended)
        self.assertIn("fitted from L = 8 to 16.", ended.out)
        results = load(files[1])
        self.assertEqual(list(results)[3:], ["scaling", "folding"])
        self.is_figure(files[0].read_text(encoding="utf-8"), [
            ("Mixing layer alone: time", LENGTHS, "milliseconds", True,
             benchmark.scaling_series(results["scaling"]))])
        case = ("--svg", FOLDER / "parts.svg", "--only", "parts")
        self.refuses(call(benchmark, *case), benchmark, case[:1])

    @unittest.skipUnless(hasattr(os, "geteuid") and os.geteuid(), "root may write everywhere")
    def test_a_folder_without_permission(self):
        closed = FOLDER / "closed"
        closed.mkdir(mode=0o500)
        for script in self.SCRIPTS:
            for option in ("--json", "--svg"):
                case = (option, closed / "out")
                self.refuses(call(script, *case), script, case)

    def test_help(self):
        for script in self.SCRIPTS:
            ended = self.succeeds(call(script, "--help"))
            for option in ("--steps", "--seeds", "--layers", "--json", "--svg"):
                self.assertIn(option, ended.out)


# ---- stopping ------------------------------------------------------------------------------------

class TestStopping(Case):
    """Ctrl-C prints what is known so far; a closed pipe is no error."""

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(dir=str(FOLDER)))
        self.files = ("--json", self.folder / "out.json", "--svg", self.folder / "out.svg")

    def tearDown(self):
        self.assertEqual(os.listdir(str(self.folder)), [])

    def stop(self, program, step, *options):
        """Run a program, press Ctrl-C at the n-th step of its progress line; return what it said.

        That is a list of blocks, without the note that comes first; none if nothing was known.
        """
        steps = iter(range(1, step + 1))

        def press(*_):
            if next(steps) == step:
                raise KeyboardInterrupt
        with mock.patch.object(show.Progress, "step", press):
            ended = call(program, *self.files, *options)
        self.assertEqual((ended.status, ended.err), ("interrupted", ""))
        *_, blocks = sections(ended.out).values()
        self.assertEqual(ended.out.count("(stopped early: this much is known)"), 1)
        if blocks:
            self.assertEqual(blocks[0].pop(0), "(stopped early: this much is known)")
        return [block for block in blocks if block]

    @slow
    def test_quality_at_any_time(self):
        """Two steps and ten samples of each model, for each of two seeds."""
        losses = {}
        for name, model in MODELS.items():
            own = set_up(model, DOCS)
            losses[name] = statistics.fmean(model.train(own.docs[:2], own.params, own.config, 2))
        after = {1: [], 2: ["Training loss"], 3: ["Training loss"]}
        for step in (1, 2, 3, 13, 24, 25):
            with self.subTest(step=step):
                table, *blocks = self.stop(benchmark, step, "--data", DATA, "--steps", 2,
                                           "--seeds", 2, "--only", "quality") or [[]]
                self.assertEqual([block[0].split(",")[0] for block in blocks], after.get(
                    step, ["Loss", "Training loss", "Samples at temperature 0.5"]))
                if step > 1:
                    headers, rows = read_table(table)
                    self.assertEqual(headers, ["attention", "Grassmann", "difference"])
                    self.assertEqual("perplexity" in rows, step >= 13)
                for place, name in enumerate(MODELS if 1 < step < 23 else ()):
                    self.same(rows["parameters"][place], self.parameters(name))
                    self.same(rows["training loss, last 100 at most"][place], losses[name])

    def test_brackets(self):
        """Two steps, then a string of each model."""
        with mock.patch.multiple(benchmark_paren, DOCS=20, SAMPLES=1):
            for step in (1, 2, 3):
                blocks = self.stop(benchmark_paren, step, "--steps", 2)
                if step > 1:
                    _, rows = read_table(blocks[0])
                    self.assertEqual(rows["parameters"][:2], ["4,192", "3,840"])
                    _, rows = read_table(blocks[1])
                    self.assertEqual(rows["parameters"][:2], ["4,192", "3,824"])

    def test_parts_and_scaling(self):
        options = ("--data", DATA, "--steps", 2, "--max-length", 32, "--only")
        self.files = self.files[:2]  # of the parts no figure is drawn
        for step, measured in ((1, []), (2, []), (3, ["attention", "Grassmann"])):
            blocks = self.stop(benchmark, step, *options, "parts")
            self.assertEqual(re.findall("attention|Grassmann", str(blocks)), measured)
        with mock.patch.object(benchmark, "mixing_cost", lambda rival, length: (length, length)):
            for step in 1, 25:
                self.assertIn("nothing yet", str(self.stop(benchmark, step, *options, "scaling")))
            for step, lengths in ((26, ["8"]), (38, ["8", "16"])):
                _, table = self.stop(benchmark, step, *options, "scaling")
                self.assertEqual(list(read_table(table[1:])[1]), lengths)
            turns = benchmark.TURNS * (25 + 12 + 6)
            for step, rs in ((1, []), (8, []), (9, ["4"]), (30, ["4", "8", "16"])):
                blocks = self.stop(benchmark, turns + step, *options, "scaling")
                rows = [line.split()[0] for block in blocks for line in block
                        if re.match(r"\d", line)]
                self.assertEqual(rows, rs)

    def parameters(self, name):
        """Return how many weights a model has on the test's documents."""
        own = set_up(MODELS[name], DOCS)
        return sum(len(row) for rows in own.params.values() for row in rows)

    @posix
    def test_ctrl_c_while_training(self):
        steps = 10 ** 6
        status, out, terminal = self.interrupt(r"step ([3-9]|\d\d) of", "--steps", steps,
                                               "--only", "quality")
        self.assertEqual(status, 130)
        _, blocks = sections(out).values()
        self.assertEqual(blocks[0].pop(0), "(stopped early: this much is known)")
        _, rows = read_table(blocks[0])
        self.assertEqual(list(rows), ["parameters", "training loss, last 100 at most",
                                      "milliseconds a step, median", "graph nodes a step, mean"])
        done = int(re.findall(r"step (\d+) of", terminal)[-1])
        for place, (name, model) in enumerate(MODELS.items()):
            self.same(rows["parameters"][place], self.parameters(name))
            own, shown = set_up(model, DOCS), rows["training loss, last 100 at most"][place]
            seen, _ = model.split_docs(own.docs, steps)
            losses, mean = [], None
            for loss in islice(model.train(seen, own.params, own.config, steps), done + 60):
                losses.append(loss)
                mean = f"{statistics.fmean(losses[-100:]):.4f}"
                if mean == shown and len(losses) >= done:
                    break
            self.assertEqual(mean, shown)
        self.assertNotIn("Samples", out)
        self.ends_with_stopped(terminal)

    @posix
    def test_ctrl_c_while_scaling(self):
        status, out, terminal = self.interrupt(r"L = 16,", "--only", "scaling",
                                               "--max-length", 4096)
        self.assertEqual(status, 130)
        _, (note, table) = sections(out).values()
        self.assertEqual(note[0], "(stopped early: this much is known)")
        _, rows = read_table(table[1:])
        lengths = [str(8 * 2 ** n) for n in range(len(rows))]
        self.assertEqual(list(rows), lengths)
        self.assertGreaterEqual(len(rows), 1)
        self.assertTrue(all(all(row) for row in rows.values()))
        self.assertNotIn("Time grows", out)
        self.ends_with_stopped(terminal)

    def ends_with_stopped(self, terminal):
        """Assert that the terminal shows one line at last: the progress line was wiped."""
        self.assertNotIn("Traceback", terminal)
        *progress, blank, last, _ = terminal.replace("\r\n", "\n").replace("\n", "\r").split("\r")
        self.assertTrue(progress)
        self.assertEqual((blank.strip(), last), ("", "stopped"))
        self.assertEqual(terminal.count("\n"), 1)

    def interrupt(self, pattern, *options):
        """Start benchmark.py, press Ctrl-C when its progress line, on a terminal, matches.

        Return its status, what it printed, and what the terminal saw.
        """
        # A shell may start programs in the background with Ctrl-C switched off, and so their own.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        self.addCleanup(signal.signal, signal.SIGINT, before)
        ours, its = pty.openpty()
        self.addCleanup(os.close, ours)
        process = subprocess.Popen(
            command("benchmark.py", ("--data", DATA, *self.files, *options)), env=SETTINGS,
            cwd=str(FOLDER), stdout=subprocess.PIPE, stderr=its, encoding="utf-8")
        os.close(its)
        limit = threading.Timer(120, process.kill)
        limit.start()
        seen = ""
        try:
            while not re.search(pattern, seen):
                seen += os.read(ours, 4096).decode("utf-8")
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate()
            try:
                while more := os.read(ours, 4096).decode("utf-8"):
                    seen += more
            except OSError:  # Linux's way to say that the other end is closed
                pass
        finally:
            limit.cancel()
            process.kill()
            process.wait()
            process.stdout.close()
        return process.returncode, out, seen

    @posix
    def test_a_closed_pipe_is_no_error(self):
        process = subprocess.Popen(
            command("benchmark.py", ("--data", DATA, "--steps", 2, "--only", "quality")),
            env=SETTINGS, cwd=str(FOLDER), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        limit = threading.Timer(120, process.kill)
        limit.start()
        try:
            self.assertIn(b"40 documents", process.stdout.readline())
            process.stdout.close()
            self.assertEqual(process.stderr.read(), b"")
            self.assertEqual(process.wait(), 0)
        finally:
            limit.cancel()
            process.kill()
            process.wait()
            process.stderr.close()


if __name__ == "__main__":
    unittest.main()
