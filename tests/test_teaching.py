"""TEACHING.md: its pages, commands and numbers are those of the code."""
import re
import shlex
import tempfile
import unittest
from pathlib import Path

import tutorial_pages as pages
from tests.helpers import ROOT, run, slow

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
        titles = {title: n for n, (title, _, _) in enumerate(pages.PAGES, 1)}
        title = r'(?:"[^"]+"(?:,| to)? ?)'
        named = re.findall(rf'Pages? (\d+)(?:(?:, \d+)* (to|and) (\d+))?, ({title}+)',
                           FLAT)
        self.assertGreater(len(named), 12)
        for first, _, last, quoted in named:
            quoted = re.findall(r'"([^"]+)"', quoted)
            for title in quoted:
                self.assertIn(title.rstrip(",."), titles)
            self.assertEqual(titles[quoted[0].rstrip(",.")], int(first))
            if last:
                self.assertEqual(titles[quoted[-1].rstrip(",.")], int(last))

    def test_plan_has_no_gap(self):
        plan = TEXT.partition("## One lesson")[2].partition("## Three")[0]
        times = [0]
        for start, end in re.findall(r"\*\*(\d+) to (\d+)\.", plan):
            self.assertEqual(int(start), times[-1])
            times.append(int(end))
        self.assertEqual(times[-1], 90)


class Commands(unittest.TestCase):
    def test_options_exist_and_files_are_there(self):
        commands = {" ".join(c.split()) for c in re.findall(r"python3 [^`#\n]*", TEXT)}
        self.assertGreater(len(commands), 6)
        for command in commands:
            words = shlex.split(command.partition(">")[0])
            if words[1] != "mine.py":
                self.assertTrue((ROOT / words[1]).exists(), command)
                known = run(words[1], "--help").stdout
                for option in [word for word in words[2:] if word.startswith("--")]:
                    self.assertIn(option, known, command)

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


if __name__ == "__main__":
    unittest.main()
