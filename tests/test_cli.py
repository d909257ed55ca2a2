"""The model files as programs: what they print, what they refuse, how they stop.

And a second oracle: the losses of the plain engine, which shares no code with theirs.
"""
import io
import itertools
import json
import math
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
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from unittest import mock

from tests import plain_engine
from tests.helpers import PAIR, gap, set_up, slow

SCRIPTS = [Path(model.__file__).resolve() for model in PAIR]
FIRST = SCRIPTS[0]  # the whole list of cases runs on this one, a few of them on both
NAMES = ("ada bo carla dirk eva finn gitte hugo ines jan kim lou mia ned ole pia quin rosa sven "
         "tim una vera willhelminafrancisca yves").replace(" ", "\n") + "\n"
SHORT = "a\nb\nc\n" * 4  # documents of one character, where many steps are needed
BLOCK = 16
SETTINGS = {key: value for key, value in os.environ.items()
            if not key.startswith(("PYTHON", "LC_")) and key not in ("LANG", "FORCE_COLOR")}
SETTINGS["PYTHONUTF8"] = "1"
posix = unittest.skipUnless(os.name == "posix", "signals and pipes are POSIX's here")


def command(script, *options, python=()):
    return [sys.executable, *python, str(script), *map(str, options)]


def call(script, *options, cwd=None, python=(), **settings):
    """Run a program to its end; add the lines it printed and its samples to what Python returns."""
    ended = subprocess.run(command(script, *options, python=python), cwd=str(cwd or FOLDER),
                           capture_output=True, check=False, timeout=120, encoding="utf-8",
                           errors="replace", env={**SETTINGS, **settings})
    return read(ended)


def read(ended):
    """Add the lines that a program printed and its samples to what Python says of it."""
    ended.lines = ended.stdout.splitlines()
    ended.samples = re.findall(r"^sample [ \d]\d: (.*)$", ended.stdout, re.MULTILINE)
    return ended


@contextmanager
def started(*arguments, **settings):
    """Start a program, leave it to the test, and see that it is gone after a minute or the test."""
    process = subprocess.Popen(command(*arguments, **settings), cwd=str(FOLDER), env=SETTINGS,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    limit = threading.Timer(60, process.kill)
    limit.start()
    try:
        yield process
    finally:
        limit.cancel()
        process.kill()
        process.wait()
        for pipe in (process.stdout, process.stderr):
            pipe.close()


IN_ONE = """
import contextlib, io, json, runpy, sys
script, cases = sys.argv[1], json.loads(sys.argv[2])
found = []
for options in cases:
    sys.argv = [script, *options]
    with contextlib.redirect_stdout(io.StringIO()) as out, \\
            contextlib.redirect_stderr(io.StringIO()) as err:
        try:
            runpy.run_path(script, run_name="__main__")
            status = 0
        except SystemExit as ended:
            status = ended.code
    found.append([status, out.getvalue(), err.getvalue()])
print(json.dumps(found))
"""


def call_in_one(script, cases, **settings):
    """Run a program with each case's options, all in one process; return what call would."""
    cases = [list(map(str, options)) for options in cases]
    ended = subprocess.run([sys.executable, "-c", IN_ONE, str(script), json.dumps(cases)],
                           cwd=str(FOLDER), capture_output=True, check=True, timeout=120,
                           encoding="utf-8", env={**SETTINGS, **settings})
    return [read(subprocess.CompletedProcess(options, *found))
            for options, found in zip(cases, json.loads(ended.stdout))]


def together(function, cases):
    """Return pairs of a case and the function's result, two running at a time."""
    with ThreadPoolExecutor(2) as pool:
        return list(zip(cases, pool.map(lambda case: function(*case), cases)))


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
    for name, text in (("names.txt", NAMES), ("short.txt", SHORT), ("empty.txt", ""),
                       ("blank.txt", "\n  \n\t\r\n\n"), ("binary.txt", b"\x7fELF\xff\x00"),
                       ("latin.txt", "ren\xe9\n".encode("latin-1")),
                       ("utf16.txt", "ren\xe9\n".encode("utf-16"))):
        write(name, text)
    (FOLDER / "folder.txt").mkdir()


class Case(unittest.TestCase):
    def succeeds(self, ended):
        """Check that a program ended well and had nothing to complain about."""
        self.assertEqual((ended.stderr, ended.returncode), ("", 0))
        return ended


class WrongInput(Case):
    """Anything wrong is one line that names the culprit and the reason, and exit status 2."""

    FEW = {"--data missing.txt": r"--data missing\.txt: .*No such file",
           "--data latin.txt": r"--data latin\.txt: 'utf-8' codec can't decode",
           "--steps -1": "must be 0 or more",
           "--unknown 1": "unrecognized arguments: --unknown",
           "--steps=--": r"(--steps: invalid int value: '--'|-- is no value)"}
    MORE = {"--data folder.txt": r"--data folder\.txt: .*([Dd]irectory|denied)",
            "--data empty.txt": r"no text in empty\.txt", "--data blank.txt": "no text in blank",
            "--data utf16.txt": r"utf16\.txt: 'utf-8' codec", "--data binary.txt": r"'utf-8' codec",
            "--data=": "--data=.*([Dd]irectory|denied)", "--data": "--data: expected one argument",
            "--data=--": "(No such file|-- is no value)",
            "--temperature=--": "(--temperature|is no)",
            "--load=--": "(No such file|is no value)", "--prompt=--": "no (symbol|value)",
            "--seed -1": "must be 0 or more",
            "--samples -1": "must be 0 or more", "--steps ten": "--steps: invalid int value: 'ten'",
            "--steps 1.5": r"--steps: invalid int value: '1\.5'", "--steps=": "invalid int value",
            "--seed x": "--seed: invalid int value: 'x'", "--steps": "expected one argument",
            "--samples nan": "--samples: invalid int value: 'nan'", "--seed=": "--seed: invalid",
            "--temperature warm": "--temperature: invalid float value: 'warm'",
            "--temperature=": "--temperature: invalid float value: ''",
            "names.txt": r"unrecognized arguments: names\.txt",
            **{f"--temperature={value}": "--temperature above 0"
               for value in ("0", "-0.5", "nan", "inf", "-inf")}}

    def test_one_line_and_status_2(self):
        reasons = {**self.FEW, **self.MORE}
        # The options that a case leaves out are right and short, should it train after all.
        right = ("--data=names.txt", "--steps=1", "--samples=1")
        for script, cases in zip(SCRIPTS, ([*self.MORE, *self.FEW], self.FEW)):
            found = call_in_one(script, [[*right, *wrong.split()] for wrong in cases])
            for wrong, ended in zip(cases, found):
                with self.subTest(script=script.name, wrong=wrong):
                    self.assertRegex(ended.stderr, rf"\A.*{script.name}.*{reasons[wrong]}.*\n\Z")
                    self.assertEqual((ended.returncode, ended.stdout), (2, ""))
        ended = call(FIRST, *right, "--steps", "-1")
        self.assertEqual((ended.returncode, ended.stdout, ended.stderr.count("\n")), (2, "", 1))


class Data(Case):
    """Any text of lines will do."""

    def test_line_ends_blanks_and_marks_make_no_difference(self):
        texts = {"plain": NAMES, "mark": "\ufeff" + NAMES, "Windows": NAMES.replace("\n", "\r\n"),
                 "both": "\ufeff" + NAMES.replace("\n", "\r\n"), "Mac": NAMES.replace("\n", "\r"),
                 "blanks, no end": "\n \n" + NAMES.replace("\n", " \n\n\t").strip()}
        for script, kinds in zip(SCRIPTS, (texts, ("plain", "both"))):
            files = [write(f"{kind}.txt", texts[kind]) for kind in kinds]
            found = call_in_one(script, [("--data", file, "--steps", 3, "--samples", 2)
                                         for file in files])
            for kind, file, ended in zip(kinds, files, found):
                with self.subTest(script=script.name, kind=kind):
                    self.assertEqual(self.succeeds(ended).lines[0], f"24 documents in {file}")
                    self.assertEqual(ended.lines[1:], found[0].lines[1:])

    def test_odd_documents(self):
        """The program counts what it cuts and what it holds out, and draws from the text."""
        letters = "abcdefghijklmnopqrstuvwxyz"
        texts = [NAMES, f"{NAMES}x\n", f"{NAMES}{letters * 3}\n", f"{letters}\n", "ada\n", "a",
                 "aaa\naa\na\n" * 4, "ada\n" * 9, "ada\n" * 10, "αθήνα\n北京\n😀👋🏽\nмосква\n"]
        files = {text: write(f"odd/{n}.txt", text) for n, text in enumerate(texts)}
        results = []
        for script, chosen in zip(SCRIPTS, (texts, texts[3:6])):
            found = call_in_one(script, [("--data", files[text], "--steps", 3, "--samples", 3)
                                         for text in chosen])
            results += [(script, *result) for result in zip(chosen, found)]
        for script, text, ended in results:
            with self.subTest(script=script.name, text=text):
                docs, lines = text.split(), self.succeeds(ended).lines
                cut, held_out = sum(len(doc) >= BLOCK for doc in docs), len(docs) // 10
                self.assertRegex(lines[0], rf"^{len(docs)} documents in ")
                self.assertEqual(f"{cut} documents are too long" in ended.stdout, cut > 0)
                self.assertIn(f"\n{held_out} documents held out\n", ended.stdout)
                self.assertEqual("\nloss on the documents" in ended.stdout, held_out > 0)
                self.assertEqual(len(ended.samples), 3)
                for sample in ended.samples:
                    self.assertLessEqual(len(sample), BLOCK)
                    self.assertLessEqual(set(sample), set(text))

    def test_documents_in_both_parts_are_counted(self):
        """A text that repeats itself: held out is not unseen, and the program says so."""
        write("twice.txt", "anna\nbob\n" * 10)
        write("once.txt", "\n".join("abcdefghijklmnopqrst"))
        for script in SCRIPTS:
            found = call_in_one(script, [("--data", f"{name}.txt", "--steps", 9, "--samples", 0)
                                         for name in ("twice", "once")])
            for again, ended in zip((2, 0), found):
                self.assertIn("2 documents held out\n", self.succeeds(ended).stdout)
                self.assertEqual(f"{again} of these" in ended.stdout, again > 0)

    def test_input_txt_beside_the_script_is_the_default(self):
        """Also if the script is run through a symbolic link from a folder with another input."""
        elsewhere = write("elsewhere/input.txt", "a\nb\n").parent
        odd = write("100% ελληνικά, späces/input.txt", NAMES).parent
        cases = [(FIRST.name, odd)]
        for script in SCRIPTS:
            shutil.copy(str(script), str(odd))
            cases.append((odd / script.name, elsewhere))
            if os.name == "posix":
                (elsewhere / f"link_{script.name}").symlink_to(odd / script.name)
                cases.append((elsewhere / f"link_{script.name}", elsewhere))
        for case, ended in together(
                lambda script, cwd: call(script, "--steps", 1, "--samples", 1, cwd=cwd), cases):
            with self.subTest(case=case):
                self.assertRegex(self.succeeds(ended).lines[0], r"^24 documents in .*input\.txt$")
        shown = self.succeeds(call(odd / FIRST.name, "--help")).stdout  # argparse reads % in a text
        for option in "data", "steps", "seed", "samples", "temperature":
            self.assertIn(f"--{option} {option.upper()}", shown)

    def test_a_locale_without_those_letters(self):
        good, empty = write("όνομα.txt", "αθήνα\n北京\n😀👋🏽\n"), write("κενό.txt", "")
        for script in SCRIPTS:
            options = {"PYTHONUTF8": "0", "LC_ALL": "C"}
            ended = call(script, "--data", good, "--steps", 3, "--samples", 3, **options)
            self.assertEqual(len(self.succeeds(ended).samples), 3)
            ended = call(script, "--data", empty, **options)
            self.assertRegex(ended.stderr, r"\A.*no text.*\n\Z")
            self.assertEqual((ended.returncode, ended.stdout), (2, ""))


class Output(Case):
    """What a run prints, and that it prints the same again."""

    def test_the_lines_of_a_run(self):
        """Progress is a line for each hundred steps, and one for the rest."""
        cases = [("names", 3, 2), ("names", 0, 11), ("short", 101, 1), ("short", 100, 0)]
        results = []
        for script, chosen in zip(SCRIPTS, (cases, cases[:1])):
            found = call_in_one(script, [("--data", f"{data}.txt", "--steps", n, "--samples", m)
                                         for data, n, m in chosen])
            results += [(script, *result) for result in zip(chosen, found)]
        for script, (data, steps, samples), ended in results:
            shown = sorted({*range(100, steps + 1, 100), steps} - {0})
            letters = len(set(NAMES if data == "names" else SHORT))
            patterns = [rf"(24|12) documents in {data}\.txt",
                        rf"Config\(vocab_size={letters}, .*\)", r"\d,\d{3} parameters",
                        *["1 documents are too long.*"] * (data == "names"),
                        *[rf"steps \d+ to {step} of {steps}: mean loss \d\.\d{{4}}"
                          for step in shown],
                        "[12] documents held out",
                        *["1 of these .*"] * (data == "short" and steps > 0),
                        rf"loss on the documents held out: \d\.\d{{4}} \(a blind guess: "
                        rf"{math.log(letters):.4f}\)",
                        *[rf"sample {n:2}: [a-z]*" for n in range(1, samples + 1)]]
            with self.subTest(script=script.name, data=data, steps=steps):
                self.assertRegex(self.succeeds(ended).stdout, r"\A" + "\n".join(patterns) + r"\n\Z")

    def test_progress_is_the_mean(self):
        for model in PAIR:
            with mock.patch.object(model, "train", return_value=iter(range(1, 102))), \
                    redirect_stdout(io.StringIO()) as out:
                model.train_aloud([], {}, None, 101)
            self.assertEqual(out.getvalue(), "steps 1 to 100 of 101: mean loss 50.5000\n"
                                             "steps 101 to 101 of 101: mean loss 101.0000\n")

    def test_the_same_seed_prints_the_same_bytes(self):
        options = ("--data", "names.txt", "--steps", 4, "--samples", 3)
        changes = ((), ("--seed", 43), ("--temperature", 5))
        for script in SCRIPTS:
            default, *others = call_in_one(script, [(*options, *more) for more in changes],
                                           PYTHONHASHSEED="0")
            for more, ended in zip(changes[1:], others):
                with self.subTest(script=script.name, more=more):
                    self.assertNotEqual(self.succeeds(ended).samples, default.samples)
            if script == FIRST:
                optimised = call(script, *options, python=("-O",), PYTHONHASHSEED="2")
                strict = call(script, *options, "--seed", 42, python=("-W", "error"),
                              PYTHONHASHSEED="1")
                self.assertEqual(self.succeeds(optimised).stdout, self.succeeds(default).stdout)
                self.assertEqual(self.succeeds(strict).stdout, default.stdout)

    def test_starts_whatever_standard_output_is(self):
        """IDLE and notebooks: no reconfigure; pythonw: none; a shell that closed it."""
        code = ("import contextlib, io, sys; sys.path.insert(0, {0!r})\n"
                "import {1} as model\n"
                "argv = '--data names.txt --steps 1 --samples 1'.split()\n"
                "class Bare:\n    text = ''\n    def write(self, s): self.text += s\n"
                "    def flush(self): pass\n"
                "string, bare = io.StringIO(), Bare()\n"
                "for out in string, bare, None:\n"
                "    with contextlib.redirect_stdout(out): model.main(argv)\n"
                "print(string.getvalue() == bare.text, string.getvalue())")
        for script in SCRIPTS:
            words = [sys.executable, "-c", code.format(str(script.parent), script.stem)]
            ended = subprocess.run(words, cwd=str(FOLDER), capture_output=True, timeout=60,
                                   check=False)
            self.assertEqual((ended.returncode, ended.stderr), (0, b""))
            self.assertTrue(ended.stdout.startswith(b"True 24 documents"))

    @posix
    def test_closed_standard_output(self):
        """Closed by the shell, or a pipe whose reader left before the start."""
        if Path("/dev/full").exists():
            with open("/dev/full", "w", encoding="utf-8") as full:
                words = command(FIRST, "--data", "names.txt", "--steps=0")
                ended = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, timeout=60,
                                       cwd=str(FOLDER), check=False, env=SETTINGS)
            self.assertRegex(ended.stderr, rb"\A.*No space left on device\n\Z")
            self.assertEqual(ended.returncode, 2)
        for script, more in itertools.product(SCRIPTS, ("--samples=1", "--samples=0")):
            words = command(script, "--data", "names.txt", "--steps=0", more)
            reader, writer = os.pipe()
            os.close(reader)
            shell = {"args": ["sh", "-c", '"$@" >&-', "sh", *words]}
            for how in shell, {"args": words, "stdout": writer}:
                ended = subprocess.run(**how, cwd=str(FOLDER), stderr=subprocess.PIPE, timeout=60,
                                       check=False, env=SETTINGS)
                self.assertEqual((ended.returncode, ended.stderr), (0, b""), how)
            os.close(writer)


@posix
class Stopping(unittest.TestCase):
    """Stopped by hand or by a closed pipe, a program goes quietly."""

    CASES = [(script, ("--data=short.txt", *options)) for script in SCRIPTS
             for options in (("--steps=1000000",), ("--steps=0", "--samples=1000000"))]

    def test_ctrl_c_is_quiet_and_130(self):
        for (script, options), python in itertools.product(self.CASES, ((), ("-u",))):
            with self.subTest(script=script.name, options=options, python=python), \
                    started(script, *options, python=python) as process:
                self.assertIn(b"12 documents", process.stdout.readline())
                process.send_signal(signal.SIGINT)
                self.assertEqual(process.communicate()[1], b"")
                self.assertEqual(process.returncode, 130)

    def test_a_pipe_that_is_closed_is_no_error(self):
        for script, options in self.CASES:
            with self.subTest(script=script.name, options=options), \
                    started(script, *options) as process:
                self.assertIn(b"12 documents", process.stdout.readline())
                process.stdout.close()
                self.assertEqual((process.stderr.read(), process.wait()), (b"", 0))


class AgainstThePlainEngine(unittest.TestCase):
    """Each product and addition a node of its own, nothing fused: the losses are the same."""

    @slow
    def test_first_losses_agree(self):
        for model, changes in itertools.product(PAIR, ({}, {"n_layer": 2, "n_embd": 4})):
            with self.subTest(model=model.__name__, **changes):
                start = set_up(model, NAMES.split(), **changes)
                docs = sorted(start.docs, key=len)[::-7]  # the first is cut to the block
                self.assertGreater(len(docs[0]), BLOCK + 1)
                copy = plain_engine.copy_params(start.params)
                ours, plain = [list(itertools.islice(train(docs, params, start.config, 1000), 3))
                               for train, params in ((model.train, start.params),
                                                     (plain_engine.train, copy))]
                self.assertEqual(len(ours), 3)
                self.assertLess(gap([ours], [plain]), 1e-12)
