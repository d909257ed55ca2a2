"""The playground's page in a real browser: five views, by mouse and by keyboard, narrow and wide.

Needs Playwright for Python and a chromium on the path, and for Pyodide's part the folder of its npm
package in MICROGRASSMANN_PYODIDE; skipped where one of them is missing.
"""
import functools
import http.server
import os
import shutil
import tempfile
import threading
import time
import unittest
from pathlib import Path

import playground
import playground_answers as answers
from tests.helpers import CLEAN, GPT, INPUT, ROOT, set_up

try:
    from playwright.sync_api import sync_playwright
except ImportError:
    sync_playwright = None
CHROMIUM = shutil.which("chromium")
PYODIDE = os.environ.get("MICROGRASSMANN_PYODIDE")


@unittest.skipUnless(sync_playwright and CHROMIUM, "needs playwright and chromium")
class Page(unittest.TestCase):
    """What a visitor can do, with nothing but the local server to be reached."""

    @classmethod
    def setUpClass(cls):
        cls.server = playground.open_server(8400)
        cls.address = f"http://127.0.0.1:{cls.server.server_address[1]}/"
        threading.Thread(target=cls.server.serve_forever, daemon=True).start()
        cls.driver = sync_playwright().start()
        cls.browser = cls.driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()
        cls.driver.stop()
        cls.server.shutdown()
        cls.server.server_close()

    def open(self, width=1280, state="", strict=False):
        """Return the page, ready; whatever it complains of or asks elsewhere is a failure.

        Playwright's wait_for_function needs eval, which the page forbids: strict keeps it so.
        """
        page = self.browser.new_page(viewport={"width": width, "height": 800},
                                     bypass_csp=not strict)
        complaints = []
        page.on("console", lambda line: complaints.append(line.text)
                if line.type in ("error", "warning") and "400" not in line.text else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: None if request.url.startswith((self.address, "data:"))
                else complaints.append(request.url))
        self.addCleanup(page.close)
        self.addCleanup(lambda: self.assertEqual(complaints, []))
        page.goto(f"{self.address}{state}")
        page.wait_for_selector("body[data-ready]")
        return page

    def test_no_view_is_too_wide(self):
        """At 360 and 1,280 pixels the page never scrolls sideways."""
        for width in 360, 1280:
            page = self.open(width, strict=True)
            for view in "train", "look", "plane", "grad", "cost":
                page.click(f"#tab-{view}")
                page.wait_for_timeout(500)
                wide = page.evaluate("document.documentElement.scrollWidth")
                self.assertLessEqual(wide, width, view)
                self.assertEqual(page.inner_text("#message"), "")

    def test_train(self):
        """Two models learn, write, and can be looked into before and after."""
        page = self.open()
        page.fill("#steps", "40")
        page.click("#train-form button[type=submit]")
        page.wait_for_function("document.querySelectorAll('#runs li').length == 12"
                               " && document.querySelectorAll('#runs .run')[1]"
                               ".textContent.includes('unseen')", timeout=30000)
        self.assertEqual(page.locator("#curves .line").count(), 2)
        page.click("#tab-look")
        page.wait_for_selector("#odds .odd")
        after = page.inner_text("#odds")
        page.uncheck("#after")
        page.wait_for_function("text => document.getElementById('odds').innerText != text",
                               arg=after)

    def test_look_by_keyboard(self):
        """Tabs by arrow keys, a letter by Enter, a number by Tab; the address keeps the place."""
        page = self.open()
        page.focus("#tab-train")
        page.keyboard.press("ArrowRight")
        page.wait_for_selector("#vectors button")
        page.focus(".letters button >> nth=2")
        page.keyboard.press("Enter")
        page.wait_for_function("document.querySelectorAll('.letters button')[2]"
                               ".getAttribute('aria-pressed') == 'true'")
        self.assertIn("position=2", page.url)
        page.focus("#vectors .vector:nth-child(2) button")
        self.assertRegex(page.inner_text("#formula"), r"z\[0\] = -?\d.*·")
        self.assertIn("def linear", page.inner_text("#source pre"))
        again = self.open(state="#" + page.url.partition("#")[2])
        again.wait_for_selector(".letters button[aria-pressed=true] >> nth=0")
        self.assertEqual(again.inner_text(".letters button[aria-pressed=true]"), "m")

    def test_plane(self):
        """Numbers, buttons and dragging change the coordinates."""
        page = self.open(state="#view=plane")
        for name, value in zip(("u0", "u1", "u2", "v0", "v1", "v2"), "100010"):
            page.fill(f"#{name}", value)
        cell = "#plucker tbody tr:nth-child(1) td:nth-child(2)"
        page.wait_for_function("c => document.querySelector(c)?.innerText == '1.000'", arg=cell)
        page.click("#swap")
        page.wait_for_function("c => document.querySelector(c).innerText == '-1.000'", arg=cell)
        page.click("#parallel")
        page.wait_for_function("c => document.querySelector(c).innerText == '0.000'", arg=cell)
        box = page.locator("#space .tip").nth(0).bounding_box()
        page.mouse.move(box["x"] + 9, box["y"] + 9)
        page.mouse.down()
        page.mouse.move(box["x"] + 60, box["y"] + 20)
        page.mouse.up()
        page.wait_for_function("c => document.querySelector(c).innerText != '0.000'", arg=cell)

    def test_gradients(self):
        """Step by step to the end; what is no arithmetic is refused in one line."""
        page = self.open(360, state="#view=grad")
        page.fill("#expression", "a * a")
        page.fill("#values", "a=5")
        page.keyboard.press("Enter")
        page.wait_for_function("document.querySelectorAll('#graph rect').length == 2")
        page.click("#forth")
        page.click("#forth")
        self.assertIn("grad 10", page.text_content("#graph"))
        self.assertTrue(page.is_disabled("#forth"))
        page.fill("#expression", "import os")
        page.keyboard.press("Enter")
        page.wait_for_function("document.getElementById('message').innerText.length > 5")

    def test_cost(self):
        """The slider, by keyboard."""
        page = self.open(state="#view=cost&length=4")
        page.wait_for_selector("#cost-table tbody td")
        self.assertIn("10", page.inner_text("#cost-table tbody tr:nth-child(1)"))
        page.focus("#length")
        page.keyboard.press("ArrowRight")
        page.wait_for_function("document.querySelector('#cost-table tbody tr').innerText"
                               ".includes('15')")


class Silent(http.server.SimpleHTTPRequestHandler):
    """Any static server."""

    def log_message(self, *args):
        """Print nothing."""


@unittest.skipUnless(sync_playwright and CHROMIUM and PYODIDE, "needs MICROGRASSMANN_PYODIDE")
class InTheBrowser(unittest.TestCase):
    """Without a server of ours: static files, and Python inside the browser."""

    def test_same_numbers_as_the_terminal(self):
        with tempfile.TemporaryDirectory() as folder:
            for path in [*ROOT.glob("*.py"), INPUT]:
                shutil.copy(path, folder)
            shutil.copytree(ROOT / "playground", Path(folder, "playground"))
            shutil.copytree(PYODIDE, Path(folder, "playground", "pyodide"))
            server = http.server.ThreadingHTTPServer(
                ("127.0.0.1", 0), functools.partial(Silent, directory=folder))
            threading.Thread(target=server.serve_forever, daemon=True).start()
            self.addCleanup(server.server_close)
            self.addCleanup(server.shutdown)
            with sync_playwright() as driver:
                browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
                page = browser.new_page()
                start = time.monotonic()
                page.goto(f"http://127.0.0.1:{server.server_address[1]}/playground/index.html"
                          "?python=pyodide")
                page.wait_for_selector("body[data-ready]", timeout=60_000)
                print(f"Pyodide: first answer after {time.monotonic() - start:.1f} s")
                self.check(page)
                browser.close()

    def check(self, page):
        """Losses, held-out loss and names of both models; a bad question; a look inside."""
        def ask(question):
            return page.evaluate("q => import('./ask.js').then(m => m.ask(q))", question)
        with self.assertRaisesRegex(Exception, "steps must be"):
            ask({"ask": "train", "steps": 0})
        for mixer, model in ("attention", GPT), ("Grassmann", CLEAN):
            number = ask({"ask": "train", "steps": 12, "mixer": mixer})["training"]
            self.assertEqual(ask({"ask": "order", "training": number, "order": "pause"})["state"],
                             "paused")
            ask({"ask": "order", "training": number, "order": "go on"})
            limit = time.monotonic() + 100
            found = {"state": "runs"}
            while found["state"] == "runs" and time.monotonic() < limit:
                time.sleep(0.2)
                found = ask({"ask": "progress", "training": number})
            self.assertEqual(found["state"], "done")
            run = set_up(model, model.load_docs(INPUT))
            seen, held_out = model.split_docs(run.docs, 12)
            for a, b in zip(model.train(seen, run.params, run.config, 12), found["losses"]):
                self.assertAlmostEqual(a, b, delta=1e-12)
            loss = model.evaluate(held_out, run.params, run.config)
            self.assertAlmostEqual(loss, found["held_out"], delta=1e-12)
            names = [model.generate(run.vocab, run.params, run.config, run.rng, 0.5)
                     for _ in range(answers.SAMPLES)]
            self.assertEqual([name for name, _ in found["samples"]], names)
            seen = ask({"ask": "look", "mixer": mixer, "word": "emma", "training": number})
            self.assertAlmostEqual(sum(seen["odds"]), 1)


if __name__ == "__main__":
    unittest.main()
