"""The pictures: well-formed, the model's numbers, inside their edges, legible on light and dark."""
import re
import tempfile
import unittest
import xml.etree.ElementTree as ET
from pathlib import Path

import micro_grassmann
import visualize_plucker as drawn
from tests.helpers import ROOT, run

SVG = "{http://www.w3.org/2000/svg}"


def words(element):
    """Return the text of an element with all it contains."""
    return "".join("".join(element.itertext()).split())


def luminance(colour):
    """Return the relative luminance of #rrggbb (WCAG 2)."""
    parts = [int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


class Pictures(unittest.TestCase):
    def test_files_are_what_the_program_draws(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(run("visualize_plucker.py", folder).returncode, 0)
            for name in drawn.PICTURES:
                text = Path(folder, name).read_text(encoding="utf-8")
                self.assertEqual(text, (ROOT / name).read_text(encoding="utf-8"), name)

    def test_all_lies_inside_800_pixels(self):
        for name, draw in drawn.PICTURES.items():
            root = ET.fromstring(draw())
            width, height = (float(root.get(key)) for key in ("width", "height"))
            self.assertEqual(width, 800)
            for path in root.iter(f"{SVG}path"):
                for x, y in re.findall(r"(-?[\d.]+) (-?[\d.]+)", path.get("d").partition("A")[0]):
                    self.assertTrue(0 <= float(x) <= width and 0 <= float(y) <= height, name)
            for text in root.iter(f"{SVG}text"):
                wide = 9.3 * len(words(text))  # more than Helvetica's mean letter at 18 pixels
                x = float(text.get("x"))
                style = text.get("class").split()
                left = x - wide / 2 if "middle" in style else x - wide if "end" in style else x
                self.assertLess(left + wide * 0.95, width + 1, (name, words(text)))
                self.assertGreater(float(text.get("y")), 10)

    def test_numbers_are_the_models(self):
        u, v = [[micro_grassmann.Value(float(n)) for n in w] for w in drawn.LIFTED]
        shown = words(ET.fromstring(drawn.plane()))
        for name, p in zip(("p01", "p02", "p12"), micro_grassmann.plucker(u, v)):
            self.assertIn(f"{name}={p.data:g}".replace("-", "\u2212"), shown)
        (a, b), (c, d) = drawn.FLAT
        shown = words(ET.fromstring(drawn.dot_and_plane()))
        self.assertIn(f"={a * d - b * c}", shown)
        self.assertIn(f"={a * c + b * d}", shown)
        shown = words(ET.fromstring(drawn.offsets()))
        window = micro_grassmann.Config(27).window
        t = len(drawn.NAME)
        self.assertIn(",".join(str(t - o) for o in window if o <= t), shown)
        shapes = micro_grassmann.mixing_shapes(micro_grassmann.Config(27))
        shown = words(ET.fromstring(drawn.layer()))
        for name in ("W_red", "W_plu"):
            self.assertIn("{}×{}".format(*shapes[name]), shown)

    def test_contrast_on_both_papers(self):
        rules = drawn.COLOURS
        for k in (0, 1):
            paper = luminance(rules[0][k])
            for rule in rules:
                if "text" in rule[2]:
                    ink = luminance(rule[k])
                    ratio = (max(paper, ink) + 0.05) / (min(paper, ink) + 0.05)
                    self.assertGreater(ratio, 4.5, rule)

    def test_what_cannot_be_written(self):
        result = run("visualize_plucker.py", ROOT / "no such folder")
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        self.assertEqual(len(result.stderr.splitlines()), 1)
