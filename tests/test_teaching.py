"""TEACHING.md: its pages, commands and numbers are those of the code."""
import functools
import re
import shlex
import tempfile
import unittest
from pathlib import Path

import tutorial_lab as lab
import tutorial_pages as pages
from tests import test_tutorial
from tests.helpers import ROOT, run, slow
from tests.test_tutorial import setUpModule  # noqa: F401 (pages train a few steps)

TEXT = (ROOT / "TEACHING.md").read_text(encoding="utf-8")
FLAT = " ".join(TEXT.split())
WINDOW = "window: tuple = (1, 2, 4, 8, 12, 16)"
CHANGES = (  # in the order of the table
    [], [("    r: int = 4", "    r: int = 8")], [("    r: int = 4", "    r: int = 1")],
    [(WINDOW, "window: tuple = (1,)")], [(WINDOW, "window: tuple = (16,)")],
    [("[score.sigmoid() for score in scores]", "[Value(1.0) for _ in scores]")],
    [("append(unit_plucker(", "append(plucker(")],
    [("unit_plucker(z, past[-1 - offset])", "[dot(z, past[-1 - offset])]"),
     ("[Value(0.0) for _ in plucker(z, z)]", "[Value(0.0)]"), ("math.comb(config.r, 2)", "1")])


class Pages(unittest.TestCase):
    def test_titles_stand_at_their_numbers(self):
        named = re.findall(r'Pages? (\w+)(?: (to|and) (\w+))?, ((?:"[^"]+"(?:, )?)+)', FLAT)
        self.assertGreater(len(named), 15)
        for first, joint, last, quoted in named:
            told = [title.rstrip(",.") for title in re.findall(r'"([^"]+)"', quoted)]
            names = between(first, last) if joint == "to" else [first, last]
            self.assertEqual(told, [pages.PAGES[name].title for name in names if name])

    def test_plan_has_no_gap(self):
        times = [0]
        for start, end in re.findall(r"\*\*(\d+) to (\d+)\.", PLANS[0]):
            self.assertEqual(int(start), times[-1])
            times.append(int(end))
        self.assertEqual(times[-1], 90)

    @slow
    def test_each_plan_says_before_it_uses(self):
        """Walk each plan: no page needs what no earlier page of the plan has said."""
        for plan in PLANS:
            names = walked(plan)
            self.assertGreaterEqual(len(names), 15)
            self.assertEqual(test_tutorial.used_too_early(names), [])
        self.assertNotEqual(test_tutorial.used_too_early(walked(PLANS[0])[5:]), [])

    def test_the_worksheet_asks_what_the_plan_has_said(self):
        before = PLANS[0].partition("Questions 1 to 8")[0]
        self.assertLessEqual(set(list(lab.QUIZ.values())[:8]), set(walked(before)))
        at = 0
        for asked in re.findall(r"questions? (\d+) to (\d+)", PLANS[1]):
            at = PLANS[1].index(f"{asked[0]} to {asked[1]}", at)
            due = list(lab.QUIZ.values())[int(asked[0]) - 1:int(asked[1])]
            self.assertLessEqual(set(due), set(walked(PLANS[1][:at])), asked)

    def test_points(self):
        self.assertIn(f"{2 * len(lab.QUIZ)} in all", FLAT)


PLANS = [TEXT.partition("## One lesson")[2].partition("## Three")[0],
         TEXT.partition("## Three lessons")[2].partition("## Differentiation")[0]]


def between(first, last):
    """Return the names of the pages of the spine from first to last."""
    return [str(n) for n in range(int(first), int(last) + 1)]


def walked(plan):
    """Return the names of the pages in the order in which a plan shows them, its trips in place."""
    names = []
    for text in re.split(r"\n- ", " ".join(plan.split(" "))):
        text = " ".join(text.split())
        mine = []
        for first, joint, last in re.findall(r"[Pp]ages? (\d+)(?: (to|and) (\d+))?", text):
            mine += between(first, last) if joint == "to" else [first, last]
        trips = re.findall(r"\b\d+[a-h]\b", text)
        in_order = [name for name in pages.PAGES if name in {*mine, *trips}]
        names += [name for name in in_order if name not in names]
    return names


class Commands(unittest.TestCase):
    def test_options_exist_and_files_are_there(self):
        commands = {" ".join(c.split()) for c in re.findall(r"python3 [^`#\n]*", TEXT)}
        self.assertGreater(len(commands), 6)
        helps = functools.lru_cache(None)(lambda script: run(script, "--help").stdout)
        for command in commands:
            words = shlex.split(command.partition(">")[0])
            if words[1] != "mine.py":
                self.assertTrue((ROOT / words[1]).exists(), command)
                for option in [word for word in words[2:] if word.startswith("--")]:
                    self.assertIn(option, helps(words[1]), command)

    @slow
    def test_the_table_of_changes(self):
        """Each change, made in the model file, is what probe reports."""
        bare = (ROOT / "micro_grassmann_clean.py").read_text(encoding="utf-8")
        rows = re.findall(r"\| (none|\d\..*?) \| ([\d,]+) \| ([\d, ]+) \| (.*?) \| ([\d.]+) \|",
                          TEXT)
        self.assertEqual(len(rows), len(CHANGES))
        for (title, weights, seen, still, loss), edits in zip(rows, CHANGES):
            changed = bare
            for old, new in edits:
                self.assertEqual(changed.count(old), 1, title)
                changed = changed.replace(old, new)
            with tempfile.TemporaryDirectory() as folder:
                mine = Path(folder, "mine.py")
                mine.write_text(changed, encoding="utf-8")
                out = run("exercises.py", "probe", mine).stdout
            still = still.replace("all four", "W_red, W_plu, W_gate_h, W_gate_g")
            for words in (f"\n{weights} parameters\n", f"sees the positions {seen}\n",
                          f": {still}\n", f"loss at step 10 of 10: {loss}\n"):
                self.assertIn(words, out.replace("layer0.", ""), title)
