"""The playground's page in a real browser: five views, by mouse and by keyboard, narrow and wide.

Needs Playwright for Python and a chromium on the path; for Pyodide's part the folder of its npm
package in MICROGRASSMANN_PYODIDE, for axe's the path of its axe.min.js in MICROGRASSMANN_AXE.
Skipped where one of them is missing.
"""
import functools
import http.server
import os
import re
import shutil
import tempfile
import threading
import time
import unittest
from pathlib import Path
from unittest import mock

import playground
import playground_answers as answers
from tests.helpers import CLEAN, GPT, INPUT, ROOT, set_up

try:
    from playwright.sync_api import sync_playwright
except ImportError:
    sync_playwright = None
CHROMIUM = shutil.which("chromium")
AXE = os.environ.get("MICROGRASSMANN_AXE")
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

    def setUp(self):
        self.expected = "400"  # what a complaint of the console may contain
        self.addCleanup(self.stop_all)

    def open(self, width=1280, state="", strict=False):
        """Return the page, ready; whatever it complains of or asks elsewhere is a failure.

        Playwright's wait_for_function needs eval, which the page forbids: strict keeps it so.
        """
        page = self.browser.new_page(viewport={"width": width, "height": 800},
                                     bypass_csp=not strict)
        page.set_default_timeout(30_000)
        complaints = []
        page.on("console", lambda line: complaints.append(line.text)
                if line.type in ("error", "warning") and "400" not in line.text
                and self.expected not in line.text else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: None if request.url.startswith((self.address, "data:"))
                else complaints.append(request.url))
        self.addCleanup(page.close)
        self.addCleanup(lambda: self.assertEqual(complaints, []))
        page.goto(f"{self.address}{state}")
        page.wait_for_selector("body[data-ready]")
        return page

    def slow_down(self, page, seconds=1):
        """Let each answer come late."""
        def late(route):
            page.wait_for_timeout(1000 * seconds)
            route.continue_()
        page.route("**/answer", late)
        self.addCleanup(page.unroute_all, behavior="ignoreErrors")

    def wait_for(self, page, condition, arg=None):
        """Wait until the JavaScript expression is true."""
        page.wait_for_function(condition, arg=arg, timeout=120_000)

    def losses(self, page):
        """Return how many losses each run has told, as the page says."""
        return [int(text.split(", ")[1].split(" ")[0].replace(",", ""))
                for text in page.locator("#results p:nth-of-type(1)").all_inner_texts()]

    def train(self, page, steps):
        """Start a run."""
        page.fill("#steps", str(steps))
        page.click("#start")

    def stop_all(self):
        """End what a test has left running."""
        with answers.locks["train"]:  # else one may just begin
            for run in list(answers.runs.values()):
                run.end()
            answers.runs.clear()

    def complaints(self, page):
        """Return what axe complains of, and which parts of the page it means."""
        page.add_script_tag(path=AXE)
        return page.evaluate("axe.run({ resultTypes: ['violations'] }).then((found) => "
                             "found.violations.map((v) => [v.id, v.nodes.map((n) => n.html)]))")

    def test_no_view_is_too_wide(self):
        """From 360 to 1,920 pixels the page never scrolls sideways, and legends are in sight."""
        for width in 360, 768, 1920:
            page = self.open(width, strict=True)
            page.wait_for_selector("#cost-chart .legend li")
            for view in "train", "look", "grad", "exercise":
                page.click(f"#tab-{view}")
                page.wait_for_timeout(400)
                wide = page.evaluate("document.documentElement.scrollWidth")
                self.assertLessEqual(wide, width, view)
                self.assertEqual(page.locator(".wrong").count(), 0)
            box = page.locator("#cost-chart .legend li").last.bounding_box()
            self.assertLessEqual(box["x"] + box["width"], width)

    @unittest.skipUnless(AXE, "needs MICROGRASSMANN_AXE, the path of axe.min.js")
    def test_axe(self):
        """No violation: light and dark, each view, with a story told and an error shown."""
        for scheme in "light", "dark":
            page = self.open()
            page.emulate_media(color_scheme=scheme)
            page.wait_for_selector("#cost-chart .legend li")
            for chapter in "guess", "lookback", "plane":
                page.click(f"#predict-{chapter} button >> nth=1")
            page.fill("#steps", "0")
            page.click("#start")
            page.wait_for_selector(".wrong")
            for view in "train", "look", "grad", "exercise":
                page.click(f"#tab-{view}")
                page.wait_for_timeout(600)
                self.assertEqual(self.complaints(page), [], (scheme, view))

    def test_every_text(self):
        """Each text that the page names exists, and each translation has all of them."""
        sources = [path.read_text(encoding="utf-8") for path in (ROOT / "playground").iterdir()
                   if path.suffix in (".js", ".html")]
        named = {name for source in sources for name in re.findall(
            r'data-(?:text|label)="(\w+)"|\btext\.([a-zA-Z]\w+)\b(?!\.)', source) for name in name}
        page = self.open()
        texts = {path.stem: page.evaluate(
            f"import('./{path.name}').then((m) => Object.fromEntries(Object.entries(m.text)"
            ".map(([name, value]) => [name, typeof value])))")
            for path in (ROOT / "playground").glob("text_*.js")}
        self.assertEqual(sorted(named - {"", "js"} - set(texts["text_en"])), [])
        for name, translation in texts.items():
            self.assertEqual(translation, texts["text_en"], f"{name} lacks or adds something")

    def test_korean(self):
        """?lang=ko speaks Korean throughout; an unknown language is English."""
        page = self.open(state="?lang=ko")
        self.assertEqual(page.get_attribute("html", "lang"), "ko")
        for selector in "#guess h1", "#predict-guess p", "#chapters", "#train-form", "#cost-table":
            page.wait_for_selector(selector)
            self.assertRegex(page.inner_text(selector), "[가-힣]")
        self.assertEqual(self.open(state="?lang=xx").get_attribute("html", "lang"), "en")

    def test_guess(self):
        """Two trained models answer at once; what is drawn is what they say."""
        page = self.open()
        page.fill("#name", "Zoë")
        self.wait_for(page, "document.getElementById('read-so-far').innerText.includes('zoe')")
        page.click("#predict-guess button >> nth=0")
        rows = page.locator("#surprises tbody tr").all_inner_texts()
        for row, name in zip(rows, answers.SAVED):
            read = answers.answer({"ask": "read", "saved": name, "word": "zoe"})
            for loss in read["losses"]:
                self.assertIn(f"{loss:.2f}", row)
        page.focus("#cut")
        page.keyboard.press("ArrowLeft")
        self.assertEqual(page.inner_text("#read-so-far"), "After “zo”:")
        self.assertIn("Next came “e”", page.inner_text("#guesses"))
        page.fill("#name", "zo3")
        page.wait_for_selector("#name-form .wrong")
        self.assertEqual(page.get_attribute("#guesses", "aria-busy"), "true")

    def test_look_back(self):
        """The number of letters that it looks at, predicted, and the arcs."""
        page = self.open()
        page.focus("#place")
        page.keyboard.press("Home")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        self.wait_for(page, "document.getElementById('place-out').innerText.includes('2')")
        page.wait_for_timeout(500)
        page.click("#predict-lookback button >> nth=2")
        self.assertIn("Yes", page.inner_text("#predict-lookback"))
        self.assertEqual(page.locator("#arcs .arc").count(), 3 + 2)

    def test_plane(self):
        """Stretching moves the parallelogram and not the disc; swapping leaves the mean."""
        page = self.open()
        page.wait_for_selector("#space .disc")

        def column(n):
            return [float(x) for x in page.locator(
                f"#plucker tbody td:nth-child({n})").all_inner_texts()]
        area, unit, mean = column(2), column(3), column(4)
        disc = page.get_attribute("#space .disc", "points")
        page.click("#predict-plane button >> nth=0")
        self.wait_for(page, "document.getElementById('stretch-out').innerText == '200 %'")
        self.wait_for(page, "a => Math.abs(document.querySelector('#plucker tbody tr:last-child "
                            "td:nth-child(2)').innerText - 2 * a) < 0.01", area[-1])
        self.assertEqual((column(3), page.get_attribute("#space .disc", "points")), (unit, disc))
        page.click("#swap")
        self.wait_for(page, "document.getElementById('plane-told').innerText.length > 5")
        self.assertEqual(column(4), mean)
        page.click("#parallel")
        self.wait_for(page, "document.querySelector('#plucker tbody td:nth-child(2)').innerText"
                            " == '0.000'")
        box = page.locator("#space .tip").nth(0).bounding_box()
        page.mouse.move(box["x"] + 9, box["y"] + 9)
        page.mouse.down()
        page.mouse.move(box["x"] + 4000, box["y"] + 20)
        page.mouse.up()
        page.wait_for_timeout(300)
        picture = page.locator("#space svg").bounding_box()
        for tip in page.locator("#space .tip").all():
            box = tip.bounding_box()
            self.assertGreaterEqual(box["x"], picture["x"])
            self.assertLessEqual(box["x"] + box["width"], picture["x"] + picture["width"])
        page.click("#reset")
        self.wait_for(page, "a => document.querySelector('#plucker tbody tr:last-child "
                            "td:nth-child(2)').innerText == a.toFixed(3)", area[-1])
        page.focus("#space .tip >> nth=1")
        page.keyboard.press("ArrowLeft")
        self.wait_for(page, "a => document.querySelector('#plucker tbody tr:last-child "
                            "td:nth-child(2)').innerText != a.toFixed(3)", area[-1])
        self.assertEqual(page.evaluate("document.activeElement.dataset.tip"), "1")

    def test_learn(self):
        """Three seeds of two contenders, moments to go back to, and a verdict on ranges."""
        with mock.patch.object(answers, "LIMITS", {**answers.LIMITS, "steps": (1, 24)}):
            page = self.open()
            page.evaluate("import('./learn.js').then((m) => { m.SETTINGS.steps = 24; })")
            page.click("#predict-learn button >> nth=2")
            page.click("#learn-start")
            self.wait_for(page, "document.getElementById('learn-told').innerText.length > 9")
        [run] = [run for run in answers.runs.values() if run.settings["steps"] == 24]
        for training in run.trainings:
            self.assertEqual(len(training.told["losses"]), 24)
        losses = [t.told["held_out"] for t in run.trainings if t.settings["mixer"] == "attention"]
        self.assertIn(f"{min(losses):.3f} to {max(losses):.3f}", page.inner_text("#learn-told"))
        self.assertEqual(page.locator("#learn-curves .band").count(), 2)
        before = page.inner_text("#ages")
        page.focus("#age")
        page.keyboard.press("Home")
        self.wait_for(page, "t => document.getElementById('ages').innerText != t", before)

    def test_train(self):
        """Two models learn, write, and can be looked into at each moment."""
        page = self.open()
        self.train(page, 12)  # fewer than the twenty that a point of the curve is the mean of
        self.wait_for(page, "document.querySelectorAll('#results li').length == 12 && "
                            "document.getElementById('state').innerText == ''")
        self.assertIn("unseen", page.inner_text("#results .run >> nth=1"))
        self.assertEqual(page.locator("#curves .line[d]").count(), 2)
        self.assertEqual(self.losses(page), [12, 12])
        page.click("#tab-look")
        page.select_option("#who", "Grassmann")
        self.wait_for(page, "document.querySelector('#looks h2')?.innerText == 'Grassmann' && "
                            "document.querySelector('#looks .shares')")
        page.wait_for_selector("#looks:not([aria-busy])")
        after = page.inner_text("#looks .shares >> nth=0")
        self.assertEqual(page.inner_text("#moment-out"), "after 12 steps")
        page.focus("#moment")
        page.keyboard.press("Home")
        self.wait_for(page, "t => document.querySelector('#looks .shares').innerText != t", after)
        self.assertEqual(page.inner_text("#moment-out"), "before training")

    def test_races(self):
        """A race on fixed axes, its right answers as told; a cell of the grid starts its own."""
        races = {"dominance": {**answers.RACES["dominance"], "question": {
            **answers.RACES["dominance"]["question"], "steps": 3, "seeds": [42, 1]}}}
        with mock.patch.object(answers, "RACES", races):
            page = self.open()
        page.wait_for_selector("#grid table")
        page.click("#predict-verdict button >> nth=1")
        page.click("#race-start")
        self.wait_for(page, "document.getElementById('race-told').innerText.length > 5")
        [run] = answers.runs.values()
        told = page.inner_text("#race-results article >> nth=1")
        for training in run.trainings:
            if training.settings["mixer"] == "Grassmann":
                self.assertIn(f"{100 * training.told['right']:.1f} %", told)
        self.assertEqual(page.locator("#race-curves .band").count(), 3)
        page.click("#grid td button >> nth=0")
        self.wait_for(page, "document.getElementById('race-state').innerText.length > 5")
        [key] = answers.running()
        grid = answers.answer({"ask": "start"})["grid"]
        cell = grid["tasks"][0]["cells"][grid["layers"][0]]
        for training in answers.runs[key].trainings:
            self.assertEqual([training.settings[name] for name in ("task", "mixer", "rate")],
                             [grid["tasks"][0]["task"], grid["layers"][0], cell["rate"]])

    def test_late_answers(self):
        """Answers a second late: each loss stands at its number, and "done" means done."""
        page = self.open()
        self.slow_down(page)
        self.train(page, 60)
        self.assertEqual(page.inner_text("#state"), "Starting …")
        page.click("#start", force=True)  # grey: it does nothing
        self.wait_for(page, "document.querySelectorAll('#results .run').length == 2")
        self.assertEqual(len(answers.running()), 1)
        self.wait_for(page, "document.querySelector('#results').innerText.match(/done/g)"
                            "?.length == 2")
        self.assertEqual(self.losses(page), [60, 60])
        names = page.locator("#results h2").all_inner_texts()
        self.assertEqual(names, ["attention", "Grassmann"])
        told = answers.runs[page.url.partition("run=")[2].partition("&")[0]].trainings
        drawn = page.evaluate("import('./train.js').then(m => m.run.trainings.map(t => t.losses))")
        self.assertEqual(drawn, [training.told["losses"] for training in told])

    def test_restarted_server(self):
        """If Python is started anew, the page says that the run is lost, and can start another."""
        page = self.open()
        self.train(page, 20000)
        self.wait_for(page, "document.querySelectorAll('#results .run').length == 2")
        kept = dict(answers.runs)
        answers.runs.clear()
        self.wait_for(page, "document.getElementById('state').innerText.includes('Lost')")
        self.assertEqual(page.get_attribute("#pause", "aria-disabled"), "true")
        for run in kept.values():
            run.end()
        self.train(page, 10)
        self.wait_for(page, "document.querySelector('#results').innerText.match(/done/g)"
                            "?.length == 2")

    def test_silent_server(self):
        """While nobody answers the page says so, and goes on when somebody does."""
        page = self.open()
        self.train(page, 20000)
        self.wait_for(page, "document.querySelector('#results').innerText.includes('learning')")
        self.expected = "ERR_FAILED"
        page.route("**/answer", lambda route: route.abort())
        self.wait_for(page, "document.getElementById('state').innerText.includes('No answer')")
        page.unroute("**/answer")
        self.wait_for(page, "document.getElementById('state').innerText.includes('second')")
        self.stop_all()

    def test_second_tab(self):
        """It learns that something runs, can follow it, and can stop it."""
        page = self.open()
        self.train(page, 20000)
        self.wait_for(page, "document.querySelector('#results').innerText.includes('learning')")
        other = self.open()
        self.assertEqual(other.locator("#others button").count(), 2)
        self.train(other, 10)
        other.wait_for_selector(".wrong")
        self.assertEqual(len(answers.running()), 1)
        other.click("#others button >> nth=0")
        self.wait_for(other, "document.querySelector('#results').innerText.includes('learning')")
        self.assertEqual(page.url.partition("run=")[2][:16], other.url.partition("run=")[2][:16])
        third = self.open()
        third.click("#learn-start")
        third.click("#learn-others button >> nth=1")
        self.wait_for(page, "document.querySelector('#results').innerText.includes('stopped')")

    def test_reload_and_back(self):
        """Reload keeps view and run; back and forward lead through the views."""
        page = self.open()
        self.train(page, 20000)
        self.wait_for(page, "document.querySelector('#results').innerText.includes('learning')")
        page.click("#tab-look")
        page.click("#tab-grad")
        page.go_back()
        page.wait_for_selector("#look:not([hidden])")
        page.go_forward()
        page.wait_for_selector("#grad:not([hidden])")
        page.click("#chapters button >> nth=2")
        page.reload()
        page.wait_for_selector("body[data-ready]")
        self.assertTrue(page.is_visible("#grad"))
        self.assertEqual(page.evaluate("document.activeElement.id"), "plane-title")
        page.click("#tab-train")
        self.wait_for(page, "document.querySelector('#results').innerText.includes('learning')")
        self.assertEqual(page.input_value("#steps"), "20000")
        self.stop_all()

    def test_bad_address(self):
        """Values in the address that do not fit are said, one by one."""
        page = self.open(state="#view=nowhere&steps=abc&r=99&first=nobody&word=liam")
        self.assertEqual(page.locator("#notes li").count(), 4)
        self.assertEqual(page.input_value("#steps"), "500")
        self.assertEqual(page.input_value("#word"), "liam")
        self.assertTrue(page.is_visible("#train"))

    def test_errors_stay(self):
        """What is wrong stands beside its field until it is answered, and the old picture greys."""
        page = self.open()
        self.train(page, 0)
        page.wait_for_selector("label:has(#steps) .wrong")
        page.wait_for_timeout(800)
        self.assertEqual(page.get_attribute("#steps", "aria-invalid"), "true")
        self.train(page, 5)
        self.wait_for(page, "document.querySelectorAll('.wrong').length == 0")
        page.click("#tab-look")
        page.wait_for_selector("#looks .shares li")
        page.fill("#word", "Emmá")
        self.wait_for(page, "document.querySelector('#looks').innerText.includes('“emma”')")
        page.fill("#word", "em3")
        page.wait_for_selector("label:has(#word) .wrong")
        self.assertEqual(page.get_attribute("#looks", "aria-busy"), "true")
        page.fill("#word", "em")
        page.wait_for_selector("#looks:not([aria-busy])")
        self.assertEqual(page.locator(".wrong").count(), 0)
        self.stop_all()

    def test_own_text(self):
        """What a text is and what is cut off it, before it is learned from."""
        page = self.open()
        page.select_option("#task", "text")
        page.fill("#text", "one bird\n" + "x" * 40)
        self.wait_for(page, "document.getElementById('documents').innerText.includes('cut off')")
        page.set_input_files("#file", {"name": "a.txt", "mimeType": "text/plain",
                                       "buffer": b"two birds\n" * 7000})
        self.wait_for(page, "document.getElementById('documents').innerText.includes('60,000')")
        self.train(page, 3)
        self.wait_for(page, "document.querySelector('#results').innerText.match(/done/g)"
                            "?.length == 2")

    def test_keyboard(self):
        """Tabs by arrows, Home and End; one stop for a row of bars; grey buttons keep the focus."""
        page = self.open()
        page.focus("#tab-train")
        page.keyboard.press("End")
        page.wait_for_selector("#exercise:not([hidden])")
        page.keyboard.press("Home")
        page.keyboard.press("ArrowRight")
        page.wait_for_selector("#looks .bars button")
        page.focus(".letters button >> nth=2")
        page.keyboard.press("Enter")
        self.wait_for(page, "document.querySelectorAll('.letters button')[2]"
                            ".getAttribute('aria-pressed') == 'true'")
        self.assertIn("position=2", page.url)
        self.assertEqual(page.evaluate("document.activeElement.innerText"), "m")
        stops = page.locator("#looks .bars button[tabindex='0']").count()
        self.assertEqual(stops, page.locator("#looks .bars").count())
        z = page.locator("#looks .seen >> nth=0").locator(".vector", has_text="z ±").last
        z.locator("button").first.focus()
        page.keyboard.press("ArrowRight")
        self.assertRegex(page.inner_text("#looks .formula >> nth=0"), r"z\[1\] = -?\d.*·")
        self.wait_for(page, "document.querySelector('#looks .code mark')?.innerText"
                            ".includes('W_red')")
        self.assertEqual(page.locator("#looks .lit").count(), 16)
        page.click("#tab-grad")
        page.wait_for_selector("#graph rect")
        page.focus("#forth")
        for _ in range(9):
            page.keyboard.press("Enter")
        self.assertEqual(page.get_attribute("#forth", "aria-disabled"), "true")
        self.assertEqual(page.evaluate("document.activeElement.id"), "forth")

    def test_forced_colours(self):
        """What is chosen can be told from the rest."""
        page = self.open()
        page.emulate_media(forced_colors="active")
        colours = page.locator("[role=tab]").evaluate_all(
            "tabs => tabs.map(tab => getComputedStyle(tab).backgroundColor)")
        self.assertNotEqual(colours[0], colours[1])

    def test_gradients(self):
        """Step by step to the end; no edge crosses a box; no label leaves its box."""
        page = self.open(360, state="#view=grad")
        page.fill("#expression", "a * a")
        page.fill("#values", "a=5, b = 3; c=1e-3")
        page.keyboard.press("Enter")
        self.wait_for(page, "document.querySelectorAll('#graph rect').length == 2")
        page.click("#forth")
        page.click("#forth")
        self.assertIn("grad 10", page.text_content("#graph"))
        page.click("#forth", force=True)
        self.assertIn("grad 10", page.text_content("#graph"))
        page.fill("#expression", "(a*b + c) ** 2 * a - 100000 / b")
        page.fill("#values", "a=-100000 b=0.00012345 c=99999")
        page.keyboard.press("Enter")
        self.wait_for(page, "document.querySelectorAll('#graph rect').length > 5")
        for _ in range(12):
            page.click("#forth", force=True)
        self.assertEqual(page.evaluate("""() => {
            const boxes = [...document.querySelectorAll('#graph rect')].map((r) => r.getBBox());
            const wide = [...document.querySelectorAll('#graph text')].filter((t) => {
              const b = t.getBBox();
              return !boxes.some((r) => b.x >= r.x && b.x + b.width <= r.x + r.width);
            });
            const through = [...document.querySelectorAll('#graph path')].filter((path) => {
              const n = path.getTotalLength();
              return Array.from({ length: 200 }, (_, k) => path.getPointAtLength(n * k / 199))
                .some((p) => boxes.some((r) => p.x > r.x + 1 && p.x < r.x + r.width - 1 &&
                  p.y > r.y + 1 && p.y < r.y + r.height - 1));
            });
            return [wide.length, through.length];
        }"""), [0, 0])
        page.fill("#values", "a=x b=1 c=1")
        page.keyboard.press("Enter")
        page.wait_for_selector("label:has(#values) .wrong")
        page.fill("#values", "a=1")
        page.fill("#expression", "import os")
        page.keyboard.press("Enter")
        page.wait_for_selector("label:has(#expression) .wrong")

    def test_cost(self):
        """The slider, by keyboard."""
        page = self.open()
        page.wait_for_selector("#cost-table tbody td")
        self.assertIn("136", page.inner_text("#cost-table tbody tr:nth-child(1)"))
        page.focus("#length")
        page.keyboard.press("ArrowRight")
        self.wait_for(page, "document.querySelector('#cost-table tbody tr').innerText"
                            ".includes('153')")


@unittest.skipUnless(sync_playwright and CHROMIUM, "needs playwright and chromium")
class NoPython(unittest.TestCase):
    """Where the page cannot start it says so in a plain sentence."""

    def test_file_and_no_javascript(self):
        """Opened as a file, or without JavaScript."""
        address = (ROOT / "playground" / "index.html").as_uri()
        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            for is_on, said in (True, "#unstarted"), (False, "noscript p"):
                page = browser.new_context(java_script_enabled=is_on).new_page()
                page.goto(address)
                page.wait_for_timeout(2500)
                self.assertIn("python3", page.inner_text(said))
                self.assertTrue(page.is_visible(said))
            browser.close()


class Silent(http.server.SimpleHTTPRequestHandler):
    """Any static server."""

    def log_message(self, *args):
        """Print nothing."""


@unittest.skipUnless(sync_playwright and CHROMIUM and PYODIDE, "needs MICROGRASSMANN_PYODIDE")
class InTheBrowser(unittest.TestCase):
    """Without a server of ours: static files, and Python inside the browser."""

    def test_same_numbers_as_the_terminal(self):
        with tempfile.TemporaryDirectory() as outside:
            folder = Path(outside, "site")
            playground.export(folder, PYODIDE)
            address = self.serve(folder)
            with sync_playwright() as driver:
                browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
                page = browser.new_page()
                start = time.monotonic()
                page.goto(address)
                page.wait_for_selector("#loading progress")
                self.assertRegex(page.inner_text("#loading"), r"\d seconds?")
                page.wait_for_selector("body[data-ready]", timeout=120_000)
                print(f"Pyodide: first answer after {time.monotonic() - start:.1f} s")
                self.assertEqual(page.locator("#guesses article").count(), 2)
                self.check(page)
                self.check_exercise(page)
                self.check_several(page)
                browser.close()

    def test_nothing_can_be_loaded(self):
        """One sentence says so, as narrow as a phone, and there is no error behind it."""
        for is_files_there in False, True:
            with tempfile.TemporaryDirectory() as outside, sync_playwright() as driver:
                folder = Path(outside, "site")
                playground.export(folder, playground.PYODIDE)
                browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
                page = browser.new_page(viewport={"width": 360, "height": 800})
                complaints = []
                page.on("pageerror", lambda error, said=complaints: said.append(str(error)))
                page.route("https://**", lambda route: route.abort())
                if not is_files_there:
                    page.route("**/python.zip", lambda route: route.abort())
                page.goto(self.serve(folder))
                page.wait_for_selector("#notes li")
                self.assertIn("could not be loaded", page.inner_text("#notes"))
                page.wait_for_timeout(500)
                self.assertEqual(complaints, [])
                self.assertLessEqual(page.evaluate("document.documentElement.scrollWidth"), 360)
                browser.close()

    def serve(self, folder):
        """Serve the folder's files until the test ends; return the address."""
        server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), functools.partial(Silent, directory=str(folder)))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return f"http://127.0.0.1:{server.server_address[1]}/"

    def check_exercise(self, page):
        """A step not written, written wrong, written right."""
        page.click("#tab-exercise")
        page.wait_for_selector("#exercise-code textarea")
        page.select_option("#exercise-step", "6")
        page.wait_for_function("document.querySelector('#exercise-code').innerText != '' || "
                               "document.querySelector('#exercise-code textarea').value"
                               ".includes('plucker')")
        stub = page.input_value("#exercise-code textarea")
        pairs = "for i in range(len(u)) for j in range(i + 1, len(u))]"
        for line, said in (("raise NotImplementedError", "Not written yet"),
                           (f"return [u[i] * v[j] + u[j] * v[i] {pairs}", "Not right yet"),
                           (f"return [u[i] * v[j] - u[j] * v[i] {pairs}", "Right")):
            page.fill("#exercise-code textarea", stub.replace("raise NotImplementedError", line))
            page.click("#exercise-check")
            page.wait_for_function("said => document.getElementById('exercise-verdict')"
                                   ".innerText.startsWith(said)", arg=said)

    def check_several(self, page):
        """Several contenders and seeds, in several workers: in the server's order, each its own."""
        mixers = ["attention", "Grassmann", "linear map", "running sum"]
        question = {"ask": "train", "steps": 2, "mixers": mixers, "seeds": [42, 1]}
        told = page.evaluate("""async (question) => {
            const { ask } = await import("./ask.js");
            const { run } = await ask(question);
            for (;;) {
              const { trainings } = await ask({ ask: "progress", run });
              if (trainings.every((training) => training.state === "done")) {
                const { trainings: rest } = await ask({ ask: "progress", run,
                  since: trainings.map((_, n) => n % 2) });
                const seen = await ask({ ask: "look", run, training: 6, word: "emma" });
                return [trainings, rest, seen.mixer];
              }
              await new Promise((go) => setTimeout(go, 200));
            }
        }""", question)
        self.assertEqual([(t["seed"], t["mixer"]) for t in told[0]],
                         [(seed, mixer) for seed in (42, 1) for mixer in mixers])
        self.assertEqual([len(t["losses"]) for t in told[1]], [2, 1] * 4)
        self.assertEqual(told[2], "linear map")
        first = {t["mixer"]: t["losses"][0] for t in told[0] if t["seed"] == 42}
        for mixer, loss in first.items():
            model, start = answers.begin(answers.settings_of({"mixer": mixer}))
            tokens = [model.tokenize(start.docs[0], start.vocab)]
            [mine] = model.train(tokens, start.params, start.config, 1)
            self.assertAlmostEqual(mine, loss, delta=1e-12)

    def check(self, page):
        """Losses, held-out loss and names of both models; a bad question; a look inside."""
        def ask(question):
            return page.evaluate("q => import('./ask.js').then(m => m.ask(q))", question)
        with self.assertRaisesRegex(Exception, "steps must be"):
            ask({"ask": "train", "steps": 0})
        for mixer, model in ("attention", GPT), ("Grassmann", CLEAN):
            number = ask({"ask": "train", "steps": 12, "mixers": [mixer]})["run"]
            ask({"ask": "order", "run": number, "order": "pause"})
            self.assertTrue(ask({"ask": "progress", "run": number})["is_paused"])
            ask({"ask": "order", "run": number, "order": "go on"})
            limit = time.monotonic() + 100
            found = {"state": "runs"}
            while found["state"] in ("waits", "runs") and time.monotonic() < limit:
                time.sleep(0.2)
                [found] = ask({"ask": "progress", "run": number})["trainings"]
            self.assertEqual(found["state"], "done")
            run = set_up(model, model.load_docs(INPUT))
            seen, held_out = model.split_docs(run.docs, 12)
            for a, b in zip(model.train(seen, run.params, run.config, 12), found["losses"]):
                self.assertAlmostEqual(a, b, delta=1e-12)
            loss = model.evaluate(held_out, run.params, run.config)
            self.assertAlmostEqual(loss, found["held_out"], delta=1e-12)
            names = [model.generate(run.vocab, run.params, run.config, run.rng, 0.5)
                     for _ in range(answers.SAMPLES)]
            self.assertEqual([name for name, _ in found["moments"][-1]["samples"]], names)
            seen = ask({"ask": "look", "word": "emma", "run": number})
            self.assertAlmostEqual(sum(seen["odds"]), 1)
