"""The model files as programs: what they print, what they refuse, how they stop.

And a second oracle: the losses of the plain engine, which shares no code with theirs.
"""
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import unittest
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from tests import plain_engine
from tests.helpers import MODELS, PAIR, set_up, slow

try:
    import pty
except ImportError:  # not on Windows
    pty = None

SCRIPTS = [Path(model.__file__).resolve() for model in MODELS]
FIRST = SCRIPTS[0]  # the whole list of cases runs on this one, a few of them on each
NAMES = ("ada bo carla dirk eva finn gitte hugo ines jan kim lou mia ned ole pia quin rosa sven "
         "tim una vera willhelminafrancisca yves").replace(" ", "\n") + "\n"
LETTERS = set(NAMES) - {"\n"}
SHORT = "a\nb\nc\n" * 4  # documents of one character, where many steps are needed
BLOCK = 16
posix = unittest.skipUnless(os.name == "posix", "signals and pipes are POSIX's here")

SETTINGS = {key: value for key, value in os.environ.items()
            if not key.startswith(("PYTHON", "LC_")) and key not in ("LANG", "FORCE_COLOR")}
SETTINGS["PYTHONUTF8"] = "1"


class Ended:
    """What a program left behind: its exit status, its output as bytes and text, its errors."""

    def __init__(self, status, out, err):
        self.status, self.err = status, err.decode("utf-8", "replace").replace("\r\n", "\n")
        self.raw = re.sub(rb"\d+ s left", b"N s left", out)
        self.out = self.raw.decode("utf-8", "replace").replace(os.linesep, "\n")
        self.lines = self.out.splitlines()
        self.samples = re.findall(r"^sample [ \d]\d: (.*)$", self.out, re.MULTILINE)


def command(script, options, python=()):
    return [sys.executable, *python, str(script), *map(str, options)]


def call(script, *options, cwd=None, python=(), **settings):
    """Run a program to its end."""
    ended = subprocess.run(command(script, options, python), cwd=str(cwd or FOLDER), check=False,
                           capture_output=True, timeout=120, env={**SETTINGS, **settings})
    return Ended(ended.returncode, ended.stdout, ended.stderr)


@contextmanager
def started(script, *options, python=(), stdout=subprocess.PIPE):
    """Start a program, leave it to the test, and see that it is gone after a minute or the test."""
    process = subprocess.Popen(command(script, options, python), cwd=str(FOLDER), env=SETTINGS,
                               stdout=stdout, stderr=subprocess.PIPE)
    limit = threading.Timer(60, process.kill)
    limit.start()
    try:
        yield process
    finally:
        limit.cancel()
        process.kill()
        process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe:
                pipe.close()


def together(function, cases):
    """Return the function's results on the cases, two running at a time."""
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda case: function(*case), cases))


def write(name, text, encoding="utf-8"):
    """Write a file below the test's folder, byte for byte; return its path."""
    path = FOLDER / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return path


def setUpModule():
    global FOLDER
    FOLDER = Path(tempfile.mkdtemp())
    unittest.addModuleCleanup(shutil.rmtree, str(FOLDER), ignore_errors=True)
    write("names.txt", NAMES)
    write("short.txt", SHORT)
    write("empty.txt", "")
    write("blank.txt", "\n  \n\t\r\n\n")
    write("latin.txt", "ada\nrené\n", "latin-1")
    write("utf16.txt", "ada\nrené\n", "utf-16")
    (FOLDER / "folder.txt").mkdir()


class Case(unittest.TestCase):
    def succeeds(self, ended):
        """Assert that a program ended well and had nothing to complain about."""
        self.assertEqual(ended.err, "")
        self.assertEqual(ended.status, 0)
        return ended


class TestWrongInput(Case):
    """Anything wrong is one message that names the culprit and the reason, and exit status 2."""

    FEW = (
        (("--data", "missing.txt"), r"--data missing\.txt: .*No such file"),
        (("--data", "latin.txt"), r"--data latin\.txt: 'utf-8' codec can't decode"),
        (("--steps", "-1"), r"--steps must lie in \[0, inf\)"),
        (("--unknown", "1"), r"unrecognized arguments: --unknown"),
    )
    MORE = (
        (("--data", "folder.txt"), r"--data folder\.txt: .*([Dd]irectory|denied)"),
        (("--data", "empty.txt"), r"--data empty\.txt: no text"),
        (("--data", "blank.txt"), r"--data blank\.txt: no text"),
        (("--data", "utf16.txt"), r"--data utf16\.txt: 'utf-8' codec can't decode"),
        (("--data", ""), r"--data .*([Dd]irectory|denied)"),
        (("--data",), r"--data: expected one argument"),
        (("--seed", "-1"), r"--seed must lie in \[0, inf\)"),
        (("--samples", "-1"), r"--samples must lie in \[0, inf\)"),
        (("--temperature", "0"), r"--temperature must lie in \[1e-06, inf\)"),
        (("--temperature", "-0.5"), r"--temperature must lie in \[1e-06, inf\)"),
        (("--temperature", "nan"), r"--temperature must lie in \[1e-06, inf\)"),
        (("--temperature", "inf"), r"--temperature must lie in \[1e-06, inf\)"),
        (("--temperature=-inf",), r"--temperature must lie in \[1e-06, inf\)"),
        (("--steps", "ten"), r"--steps: invalid int value: 'ten'"),
        (("--steps", "1.5"), r"--steps: invalid int value: '1\.5'"),
        (("--seed", "x"), r"--seed: invalid int value: 'x'"),
        (("--samples", "nan"), r"--samples: invalid int value: 'nan'"),
        (("--temperature", "warm"), r"--temperature: invalid float value: 'warm'"),
        (("--steps", ""), r"--steps: invalid int value: ''"),
        (("--steps=--",), r"--steps: invalid int value: ''"),
        (("--seed", ""), r"--seed: invalid int value: ''"),
        (("--samples", ""), r"--samples: invalid int value: ''"),
        (("--temperature", ""), r"--temperature: invalid float value: ''"),
        (("--steps",), r"--steps: expected one argument"),
        (("names.txt",), r"unrecognized arguments: names\.txt"),
    )

    def test_says_what_is_wrong_and_exits_with_2(self):
        cases = [(FIRST, *case) for case in self.MORE]
        cases += [(script, *case) for script in SCRIPTS for case in self.FEW]
        # The options that a case leaves out are right and short, should it train after all.
        right = ("--data=names.txt", "--steps=1", "--samples=1")
        results = together(lambda script, wrong, _: call(script, *right, *wrong), cases)
        for (script, wrong, reason), ended in zip(cases, results):
            with self.subTest(script=script.name, options=wrong):
                (line,) = ended.err.rstrip("\n").split("\n")
                self.assertRegex(line, rf"{re.escape(script.name)}.*{reason}")
                self.assertEqual((ended.status, ended.raw), (2, b""))


class TestData(Case):
    """Any text of lines will do."""

    def test_byte_order_mark_line_ends_and_blanks_make_no_difference(self):
        texts = {
            "plain": NAMES,
            "byte-order mark": "\ufeff" + NAMES,
            "Windows": NAMES.replace("\n", "\r\n"),
            "Windows with a byte-order mark": "\ufeff" + NAMES.replace("\n", "\r\n"),
            "old Mac": NAMES.replace("\n", "\r"),
            "blanks, no last line end": "\n \n" + NAMES.replace("\n", " \n\n\t").strip(),
        }
        for kind, text in texts.items():
            write(f"{kind}/names.txt", text)
        options = ("--data", "names.txt", "--steps", 3, "--samples", 2)
        cases = [(FIRST, kind) for kind in texts]
        cases += [(script, kind) for script in SCRIPTS[1:] for kind in ("plain", "Windows")]
        results = together(lambda script, kind: call(script, *options, cwd=FOLDER / kind), cases)
        for (script, kind), ended in zip(cases, results):
            with self.subTest(script=script.name, kind=kind):
                self.succeeds(ended)
                self.assertEqual(ended.raw, results[cases.index((script, "plain"))].raw)
                self.assertIn("24 documents in names.txt", ended.lines[0])

    def test_odd_documents(self):
        texts = {
            "a document of one character": NAMES + "x\n",
            "a document longer than the block": NAMES + "abcdefghijklmnopqrstuvwxyz" * 3 + "\n",
            "only one, longer than the block": "abcdefghijklmnopqrstuvwxyz\n",
            "a single document": "ada\n",
            "a single character": "a",
            "a single symbol": "aaa\naa\na\n" * 4,
            "nine documents": "ada\n" * 9,
            "ten documents": "ada\n" * 10,
            "other scripts": "αθήνα\n北京\n😀👋🏽\nмосква\n",
        }
        cases = [(FIRST, kind) for kind in texts]
        cases += [(script, kind) for script in SCRIPTS[1:]
                  for kind in ("a single character", "only one, longer than the block")]

        def run(script, kind):
            data = write(f"odd/{script.stem}/{kind}.txt", texts[kind])
            return call(script, "--data", data, "--steps", 3, "--samples", 3)

        for (script, kind), ended in zip(cases, together(run, cases)):
            with self.subTest(script=script.name, kind=kind):
                self.succeeds(ended)
                docs = texts[kind].split()
                self.assertTrue(ended.lines[0].startswith(f"{len(docs)} documents in "))
                told = f"loss on {len(docs) // 10} unseen documents: "
                told += "needs ten documents or more" if len(docs) < 10 else ""
                self.assertEqual(ended.lines[4][:len(told)], told)
                self.assertEqual(len(ended.samples), 3)
                for sample in ended.samples:
                    self.assertLessEqual(len(sample), BLOCK)
                    self.assertLessEqual(set(sample), set(texts[kind]))

    def test_input_txt_beside_the_script_is_the_default(self):
        elsewhere = write("elsewhere/input.txt", "a\nb\n").parent
        odd = write("100% ελληνικά, späces/input.txt", NAMES).parent
        for script in SCRIPTS:
            shutil.copy(str(script), str(odd))
        cases = [(FIRST.name, odd), *((odd / script.name, elsewhere) for script in SCRIPTS)]
        results = together(
            lambda script, cwd: call(script, "--steps", 1, "--samples", 1, cwd=cwd), cases)
        for (script, cwd), ended in zip(cases, results):
            with self.subTest(script=script, cwd=cwd.name):
                self.succeeds(ended)
                self.assertRegex(ended.lines[0], r"^24 documents in .*input\.txt$")
        shown = self.succeeds(call(odd / FIRST.name, "--help")).out  # argparse reads % in a text
        for option in ("data", "steps", "seed", "samples", "temperature"):
            self.assertIn(f"--{option} {option.upper()}", shown)

    def test_a_locale_without_those_letters(self):
        good = write("όνομα.txt", "αθήνα\n北京\n😀👋🏽\n")
        empty = write("κενό.txt", "")
        cases = [(FIRST, empty), *((script, good) for script in SCRIPTS)]
        options = ("--steps", 3, "--samples", 3)
        results = together(lambda script, data: call(
            script, "--data", data, *options, PYTHONUTF8="0", LC_ALL="C"), cases)
        for (script, data), ended in zip(cases, results):
            with self.subTest(script=script.name, data=data.name):
                if data is good:
                    self.succeeds(ended)
                    self.assertEqual(len(ended.samples), 3)
                else:
                    self.assertNotIn("Traceback", ended.err)
                    self.assertIn("no text", ended.err)
                    self.assertEqual((ended.status, ended.raw), (2, b""))


class TestOutput(Case):
    """What a run prints, and that it prints the same again."""

    def test_the_lines_of_a_run(self):
        cases = [(FIRST, 3, 0), (FIRST, 0, 0), *((script, 0, 11) for script in SCRIPTS)]
        results = together(lambda script, steps, samples: call(
            script, "--data", "names.txt", "--steps", steps, "--samples", samples), cases)
        for (script, steps, samples), ended in zip(cases, results):
            with self.subTest(script=script.name, steps=steps, samples=samples):
                self.succeeds(ended)
                patterns = [r"24 documents in names\.txt",
                            rf"Config\(vocab_size={len(LETTERS) + 1}, .*\)", r"\d,\d{3} parameters",
                            *[r"step 3 of 3, loss \d\.\d{4}, N s left *"] * (steps == 3),
                            r"loss on 2 unseen documents: \d\.\d{4}"]
                for line, pattern in zip(ended.lines, patterns):
                    self.assertRegex(line, rf"^{pattern}$")
                self.assertEqual(len(ended.lines), len(patterns) + samples)
                for n, line in enumerate(ended.lines[len(patterns):], 1):
                    self.assertRegex(line, rf"^sample {n:2}: [a-z]*$")

    def test_the_same_seed_prints_the_same_bytes(self):
        options = ("--data", "names.txt", "--steps", 20, "--samples", 3)
        ways = {  # the options, Python's own options, the seed of its string hashes
            "as it is": ((), (), "0"),
            "warnings are errors": (("--seed", 42), ("-W", "error"), "1"),
            "seed 43": (("--seed", 43), (), "0"),
            "optimised": ((), ("-O",), "2"),
            "hotter": (("--temperature", 5), (), "0"),
        }

        def run(script, way):
            more, python, hashes = ways[way]
            return call(script, *options, *more, python=python, PYTHONHASHSEED=hashes)

        cases = [(script, way) for script in SCRIPTS
                 for way in (ways if script is FIRST else islice(ways, 3))]
        results = together(run, cases)
        for (script, way), ended in zip(cases, results):
            with self.subTest(script=script.name, way=way):
                self.succeeds(ended)
                self.assertEqual(len(ended.samples), 3)
                default = results[cases.index((script, "as it is"))]
                other = way in ("seed 43", "hotter")
                same = self.assertNotEqual if other else self.assertEqual
                same(ended.raw, default.raw)
                same(ended.samples, default.samples)

    def test_in_a_pipe_progress_is_each_hundredth_step_and_the_last(self):
        cases = list(zip(SCRIPTS, (220, 100)))
        results = together(lambda script, steps: call(
            script, "--data", "short.txt", "--steps", steps, "--samples", 1), cases)
        for (script, steps), ended in zip(cases, results):
            with self.subTest(script=script.name):
                self.succeeds(ended)
                self.assertNotIn("\r", ended.out)
                shown = [line for line in ended.lines if "step" in line]
                wanted = [100, 200, 220] if steps == 220 else [100]
                self.assertEqual(len(shown), len(wanted))
                for step, line in zip(wanted, shown):
                    self.assertRegex(
                        line, rf"^step {step} of {steps}, loss \d\.\d{{4}}, N s left *$")

    @unittest.skipUnless(pty, "needs a pseudo-terminal")
    def test_on_a_terminal_progress_stays_in_one_line(self):
        for script in SCRIPTS:
            with self.subTest(script=script.name):
                ended = self.on_a_terminal(script, "--data", "short.txt", "--steps", 30,
                                           "--samples", 1)
                self.succeeds(ended)
                shown = [line for line in ended.out.replace("\r\n", "\n").split("\n")
                         if "step" in line]
                self.assertEqual(len(shown), 1)
                parts = shown[0].split("\r")
                self.assertEqual(len(parts), 30)
                for n, part in enumerate(parts, 1):
                    self.assertRegex(part, rf"^step {n} of 30, loss \d\.\d{{4}}, N s left *$")

    def on_a_terminal(self, script, *options):
        """Run a program whose output is a pseudo-terminal; return what it left there."""
        ours, its = pty.openpty()
        out = b""
        try:
            with started(script, *options, stdout=its) as process:
                os.close(its)
                try:
                    while chunk := os.read(ours, 4096):
                        out += chunk
                except OSError:  # Linux's way to say that the other end is closed
                    pass
                err = process.stderr.read()
                return Ended(process.wait(), out, err)
        finally:
            os.close(ours)


@posix
class TestStopping(Case):
    """Stopped by hand or by a closed pipe, a program goes quietly."""

    TRAINING = ("--data", "short.txt", "--steps", 10**6)
    SAMPLING = ("--data", "short.txt", "--steps", 0, "--samples", 10**6)

    def setUp(self):
        # A shell may start programs in the background with Ctrl-C switched off, and so their own.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        self.addCleanup(signal.signal, signal.SIGINT, before)

    def test_ctrl_c_is_one_line_and_130(self):
        cases = [(script, self.TRAINING, ("-u",)) for script in SCRIPTS]  # -u: output at once
        cases += [(FIRST, self.TRAINING, ()), (FIRST, self.SAMPLING, ())]
        for script, options, python in cases:
            with self.subTest(script=script.name, options=options, python=python), \
                    started(script, *options, python=python) as process:
                self.assertIn(b"12 documents", process.stdout.readline())
                process.send_signal(signal.SIGINT)
                _, err = process.communicate()
                self.assertRegex(err, rb": stopped *\n$")
                self.assertEqual(process.returncode, 130)

    def test_a_closed_pipe_is_no_error(self):
        cases = [(FIRST, self.TRAINING), *((script, self.SAMPLING) for script in SCRIPTS)]
        for script, options in cases:
            with self.subTest(script=script.name, options=options), \
                    started(script, *options) as process:
                self.assertIn(b"12 documents", process.stdout.readline())
                process.stdout.close()
                self.assertEqual(process.stderr.read(), b"")
                self.assertEqual(process.wait(), 0)

    def test_a_pipe_closed_from_the_start_is_no_error(self):
        """Without samples the last line is flushed in time to meet the error."""
        settings = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
        for script in SCRIPTS:
            reader, writer = os.pipe()
            os.close(reader)
            with self.subTest(script=script.name):
                command = [sys.executable, str(script), "--steps", "0", "--samples", "0",
                           "--data", str(FOLDER / "names.txt")]
                done = subprocess.run(command,
                                      stdout=writer, stderr=subprocess.PIPE, env=settings,
                                      timeout=60, check=False)
                self.assertEqual((done.returncode, done.stderr), (0, b""))
            os.close(writer)


class TestAgainstThePlainEngine(unittest.TestCase):
    """Each product and addition a node of its own, nothing fused: the losses are the same."""

    @slow
    def test_first_losses_agree(self):
        for changes in ({}, {"n_layer": 2, "n_embd": 4}):
            for model in PAIR:
                with self.subTest(model=model.__name__, **changes):
                    start = set_up(model, NAMES.split(), **changes)
                    start.docs.sort(key=len)
                    docs = [start.docs[-1], *start.docs[:4]]  # the first is cut to the block
                    self.assertGreater(len(docs[0]), BLOCK + 1)
                    copy = plain_engine.copy_params(start.params)
                    ours = islice(model.train(docs, start.params, start.config, 1000), 3)
                    plain = islice(plain_engine.train(docs, copy, start.config, 1000), 3)
                    pairs = list(zip(ours, plain))
                    self.assertEqual(len(pairs), 3)
                    self.assertLess(max(abs(a - b) for a, b in pairs), 1e-12)


if __name__ == "__main__":
    unittest.main()
