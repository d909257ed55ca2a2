"""The picture: its numbers, that the committed one is current, and that no text meets another."""
import re
import tempfile
import unittest
from itertools import combinations
from pathlib import Path
from unittest import mock
from xml.etree import ElementTree

import micro_grassmann
import visualize_plucker
from tests.helpers import ROOT, run

SVG = "{http://www.w3.org/2000/svg}"
SIZES = {"title": 21, "small": 15}


def texts(picture):
    """Return [(words, box)] of all text elements, a box estimated from the size of the type."""
    found = []
    for element in ElementTree.fromstring(picture).iter(f"{SVG}text"):
        words, style = "".join(element.itertext()), element.get("class", "").split()
        size = next((SIZES[name] for name in style if name in SIZES), 17)
        width, x, y = 0.5 * size * len(words), float(element.get("x")), float(element.get("y"))
        left = x - width * ("middle" in style) / 2 - width * ("end" in style)
        found.append((words, (left, y - 0.72 * size, left + width, y + 0.15 * size)))
    return found


def overlaps(found):
    """Return the pairs of texts whose boxes meet."""
    return [(a, b) for (a, p), (b, q) in combinations(found, 2)
            if p[0] < q[2] and q[0] < p[2] and p[1] < q[3] and q[1] < p[3]]


def minors(u, v):
    """Return the Plücker coordinates by the test's own arithmetic, as the picture prints them."""
    return [f"{u[i] * v[j] - u[j] * v[i]:g}".replace("-", "\u2212")
            for i, j in combinations(range(len(u)), 2)]


class Picture(unittest.TestCase):
    """What plucker_explained.svg says is what the model computes."""

    def setUp(self):
        self.picture = visualize_plucker.picture()
        self.words = [words for words, _ in texts(self.picture)]

    def coordinates(self):
        """Return the values behind p01, p02 and p12, in the order they are printed."""
        return re.findall(r"p(?:01|02|12) ?= ?(\u2212?[\d.]+)(?: |$)", "\n".join(self.words),
                          re.MULTILINE)

    def test_plucker_coordinates(self):
        wanted = [p for u, v in (*visualize_plucker.PAIRS, visualize_plucker.LIFTED)
                  for p in minors(u, v)]
        self.assertEqual(self.coordinates(), wanted)
        u, v = visualize_plucker.FLAT
        area = u[0] * v[1] - u[1] * v[0]
        self.assertIn(f"= {u[0] * v[1]} \u2212 {u[1] * v[0]} = {area}", self.words)

    def test_a_wrong_formula_is_noticed(self):
        def without_minus(u, v):
            return [u[i] * v[j] + u[j] * v[i] for i, j in combinations(range(len(u)), 2)]
        right = self.coordinates()
        with mock.patch.object(micro_grassmann, "plucker", without_minus):
            self.setUp()
        self.assertNotEqual(self.coordinates(), right)

    def test_equal_dot_products_different_planes(self):
        (u, v), (a, b) = visualize_plucker.PAIRS
        products = [sum(x * y for x, y in zip(p, q)) for p, q in ((u, v), (a, b))]
        self.assertEqual(*products)
        self.assertNotEqual(minors(u, v), minors(a, b))
        self.assertEqual(self.words.count(f"u·v = {products[0]:g}"), 2)

    def test_dot_product_is_shadow_times_length(self):
        (u, v) = visualize_plucker.FLAT
        length, product = (u[0] ** 2 + u[1] ** 2) ** 0.5, u[0] * v[0] + u[1] * v[1]
        self.assertIn(f"u·v = {product / length:g} · {length:g} = {product}", self.words)

    def test_lagrange(self):
        u, v = visualize_plucker.LIFTED
        squares = [int(p.replace("\u2212", "-")) ** 2 for p in minors(u, v)]
        self.assertIn(f"|p|² = {' + '.join(map(str, squares))} = {sum(squares)}", self.words)
        self.assertTrue(any(line.startswith("= ") and line.endswith(f"² = {sum(squares)}")
                            for line in self.words))

    def test_offsets_and_shapes(self):
        t, window = len(visualize_plucker.NAME), micro_grassmann.Config(27).window
        partners = ", ".join(str(t - offset) for offset in window if offset <= t)
        self.assertTrue(any(line.startswith(f"Partners: {partners}. Offset 16 ")
                            for line in self.words))
        for shape in ("4 × 16", "16 × 6", "16 × 16"):
            self.assertIn(shape, self.words)

    def test_no_text_meets_another_or_the_edge(self):
        found = texts(self.picture)
        self.assertEqual(overlaps(found), [])
        for words, (left, top, right, bottom) in found:
            self.assertTrue(0 <= left and right <= visualize_plucker.WIDTH and 0 <= top
                            and bottom <= visualize_plucker.HEIGHT, words)
        self.assertTrue(overlaps([*found, found[0]]), "the check itself sees an overlap")

    def test_light_and_dark(self):
        self.assertIn("prefers-color-scheme: dark", self.picture)

    def test_the_committed_picture_is_current(self):
        committed = (ROOT / "plucker_explained.svg").read_text(encoding="utf-8")
        self.assertEqual(committed, self.picture, "run python3 visualize_plucker.py")

    def test_writing(self):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "a b.svg"
            done = run(ROOT / "visualize_plucker.py", file, cwd=folder)
            self.assertEqual((done.returncode, done.stdout), (0, f"wrote {file}\n"))
            self.assertEqual(file.read_text(encoding="utf-8"), self.picture)
            done = run(ROOT / "visualize_plucker.py", Path(folder) / "none" / "a.svg")
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertNotIn("Traceback", done.stderr)
            self.assertIn("a.svg", done.stderr)


if __name__ == "__main__":
    unittest.main()
