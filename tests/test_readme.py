"""README.md: commands run, outputs are those of the code as it is, links lead somewhere."""
import importlib.util
import os
import re
import shlex
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

from tests import fuzz, readme, speed
from tests.helpers import INPUT, ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
SMALL = {"benchmark": ["--steps=1", "--seeds=1", "--layers=1", "--block-size=8",
                       "--max-length=16"],
         "benchmark_paren": ["--steps=1", "--seeds=1"],
         "tutorial": ["--step=9"], "trace_alpha_wred": ["--steps=1", "--seeds=1"]}
MODELS = "micro_gpt", "micro_grassmann", "micro_grassmann_clean"


def commands(text):
    """Return the commands that start with python3: in code spans, indented or above an output."""
    spans = re.findall(r"`([^`\n]*?python3 [^`\n]+)`|^ {4}(python3 .+?)(?:  +#.*)?$"
                       r"|^<!-- output of: (python3 .+?)(?: \| to .*?)? -->$", text, re.MULTILINE)
    found = [next(filter(None, span)) for span in spans]
    return sorted({command[command.index("python3"):] for command in found})


def run_commands():
    """Run each command, long ones with fewer steps; print what goes wrong."""
    found, sources = commands(README), fuzz.programs()
    print(len(found), "commands")
    with tempfile.TemporaryDirectory() as folder, fuzz.small_benchmarks():
        os.chdir(folder)
        readme.Path("few.txt").write_text("anna\nbob\n" * 6, encoding="utf-8")
        for command in found:
            words = shlex.split(command.replace("FILE", str(INPUT))
                                .replace("names.txt", str(INPUT)))
            if words[1] == "-m":
                runs_in_tests(words[2])
                continue
            name = words[1].partition(".")[0]
            more = SMALL.get(name, ["--steps=1", "--samples=1"] if name in MODELS else [])
            if name == "benchmark" and "--only" not in words:
                more = [*more, "--only=quality"]  # test_benchmark runs all sections
            if name in (*MODELS, "benchmark") and "pydoc" not in words:
                more = [*more, "--data=few.txt"]
            status, err = fuzz.call(name, words[2:] + more, sources[name])
            if status != 0 or err:
                print(command, status, err)
        os.chdir(str(ROOT))


def runs_in_tests(name):
    """Try a program of tests/: the speed table for a moment, the others' names only."""
    if importlib.util.find_spec(name) is None:
        print("there is no", name)
    if name == "tests.speed":
        with mock.patch.multiple(speed, TURNS=1, STEPS=1, IMPORTS=1), \
                mock.patch("sys.argv", ["speed", "--data=few.txt"]), \
                mock.patch("builtins.print") as prints:
            speed.main()
        if "at most 1/20 of the time" not in str(prints.mock_calls):
            print("tests.speed has no verdict")


# Started at once, so that a second core works on it while other tests run on the first.
COMMANDS = None if __name__ == "__main__" else subprocess.Popen(
    [sys.executable, "-m", "tests.test_readme", "commands"], cwd=str(ROOT),
    stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


class TestReadme(unittest.TestCase):
    def test_every_command_runs(self):
        out, _ = COMMANDS.communicate(timeout=300)
        number, said = out.decode(errors="replace").split(maxsplit=1)
        self.assertEqual(said.strip(), "commands")
        self.assertGreater(int(number), 8)

    def test_every_output_is_current(self):
        blocks = readme.blocks(README)
        self.assertGreater(len(blocks), 4)
        for command, _, text, code in blocks:
            with self.subTest(command=command):
                self.assertTrue(text.strip())
                self.assertEqual(code, readme.digest(command),
                                 "the code has changed: python3 -m tests.readme")

    def test_digest(self):
        """It changes with the code, also of what is imported, and not with comments."""
        command = "python3 benchmark.py"
        with tempfile.TemporaryDirectory() as folder, \
                mock.patch.object(readme, "ROOT", readme.Path(folder)):
            main, other = readme.ROOT / "benchmark.py", readme.ROOT / "show.py"
            main.write_text('"""What."""\nimport show\n', encoding="utf-8")
            other.write_text("x = 1\n", encoding="utf-8")
            first = readme.digest(command)
            main.write_text('"""Other\nwords."""\n\n# Why.\nimport show\n', encoding="utf-8")
            self.assertEqual(readme.digest(command), first)
            other.write_text("x = 2\n", encoding="utf-8")
            self.assertNotEqual(readme.digest(command), first)

    def test_cut(self):
        self.assertEqual(readme.cut("a\n\nstop here\nb", "stop"), "a\n")
        self.assertEqual(readme.cut("a\nb\n\n", ""), "a\nb\n")

    def test_every_link_leads_somewhere(self):
        for page in ("README.md", "TEACHING.md"):
            text = (ROOT / page).read_text(encoding="utf-8")
            for link in re.findall(r"\]\(([^)\s]+)\)", text):
                if not link.startswith("https://"):
                    self.assertTrue((ROOT / link).exists(), f"{page}: {link}")

    def test_every_file_is_in_the_map(self):
        rows = dict(re.findall(r"^\| `([\w./]+)` \|.*\| (\d*) ?\|$", README, re.MULTILINE))
        files = {path.name for path in ROOT.iterdir() if path.suffix in (".py", ".txt")}
        self.assertEqual(files - set(rows), set())
        for name, minutes in rows.items():
            if minutes and name != "tutorial.py":  # which is read on the screen
                words = len((ROOT / name).read_text(encoding="utf-8").split())
                self.assertLess(abs(words / 150 - int(minutes)), 6, f"{name}: {words} words")


if __name__ == "__main__":
    run_commands()
