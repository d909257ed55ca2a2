"""README.md and RESULTS.md: commands run, outputs have today's form, links lead somewhere."""
import re
import unittest

from tests import results
from tests.helpers import ROOT
from tests.test_benchmarks import small_run

PAGES = {name: (ROOT / name).read_text(encoding="utf-8")
         for name in ("README.md", "RESULTS.md", "TEACHING.md", "CONTRIBUTING.md",
                      "large/README.md")}
OUTPUTS = {command: output for command, _, output in results.blocks(PAGES["RESULTS.md"])}


def form(text):
    """Return the headings, titles and sentences of an output, without numbers and what varies."""
    lines = [re.sub(r"\d[\d.,]*", "#", " ".join(line.split())) for line in text.splitlines()]
    return {line for line in lines if re.match(r"[A-Za-z][a-z,]+ [a-z]", line) and "#" not in line}


class Pages(unittest.TestCase):
    def test_commands_exist(self):
        """Each command of a page names a file or a module of the project, and options it has."""
        shared = (ROOT / "compare.py").read_text(encoding="utf-8")
        for page, text in PAGES.items():
            for command in re.findall(r"python3 ([^`\n]+?)(?:  +#.*|`|\n|$)", text):
                words = command.split()
                if words[1:2] in (["unittest"], ["doctest"]) or words[0] == "mine.py":
                    continue
                path = ROOT.joinpath(*words[1].split(".")).with_suffix(".py") \
                    if words[0] == "-m" else ROOT / words[0]
                with self.subTest(page=page, command=command):
                    self.assertTrue(path.exists())
                    source = path.read_text(encoding="utf-8") + shared
                    for option in re.findall(r"--([a-z-]+)", command):
                        self.assertTrue(f"--{option}" in source or f'"{option}"' in source, option)

    def test_links(self):
        for page, text in PAGES.items():
            for link in re.findall(r"\]\(([^)\s]+)\)", text):
                file, _, section = link.partition("#")
                if not link.startswith("https://"):
                    self.assertTrue(((ROOT / page).parent / file).exists(), f"{page}: {link}")
                if not file:
                    titles = re.findall(r"^#+ (.+)", text, re.MULTILINE)
                    known = [re.sub(r"[^\w -]", "", t.lower()).replace(" ", "-") for t in titles]
                    self.assertIn(section, known, page)

    def test_front_page_is_short(self):
        self.assertLessEqual(len(PAGES["README.md"].splitlines()), 150)

    def test_every_file_is_in_the_map(self):
        for path in ROOT.iterdir():
            if path.suffix in (".py", ".txt"):
                self.assertIn(f"`{path.name}`", PAGES["README.md"])

    def test_no_blank_is_left(self):
        for page, text in PAGES.items():
            self.assertIsNone(re.search(r"@[A-Z_]+@", text), page)


class Outputs(unittest.TestCase):
    """An output is stale when the form of what its command prints has changed."""

    def test_form(self):
        """What a small run prints between its numbers stands in the pasted output as well."""
        text, _, _ = small_run()
        command = next(name for name in OUTPUTS if "benchmark.py" in name)
        self.assertGreater(len(form(text)), 3)
        self.assertEqual(form(text) - form(OUTPUTS[command]), set(), "python3 -m tests.results")

    def test_paste(self):
        text = "a\n<!-- output of: python3 x.py -->\n\nold\n\n```text\n1\n```\nb\n"
        new = results.paste(text, "python3 x.py", "new", "2\n")
        self.assertEqual(results.blocks(new), [("python3 x.py", "new", "2\n")])
        self.assertEqual(results.paste(new, "python3 y.py", "-", "3"), new)
