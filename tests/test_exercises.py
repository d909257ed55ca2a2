"""exercises.py: wrong solutions are told and why, right ones are right, none disturbs another."""
import ast
import contextlib
import json
import math
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import types
import unittest
import unittest.mock
from pathlib import Path

import exercises
import exercises_judge as judge
import exercises_steps
import show
from exercises_steps import NEXT, STEPS
from tests.helpers import ROOT, called, run, slow

CLEAN, GPT = "micro_grassmann_clean.py", "micro_gpt.py"
KNOWN = ROOT / "tests" / "exercises_solutions.txt"

# What the examples for paper give: (step, number of the example): (results, gradients).
BY_HAND = {
    ("add and multiply", 0): ([-4], [-2, 2]),  # a b + a at 2, -3: b + 1 and a
    ("power", 0): ([8], [12]),
    ("relu", 0): ([9, ], [3, 0]),  # 3 * 3 + 2 * 0
    ("backward", 0): ([-4], [-2, 2]),
    ("backward", 1): ([6], [12]),  # two calls, 6 each
    ("linear", 0): ([11], [1, 2, 3, 4]),
    ("plucker", 0): ([1, 4, 5], None),  # 1*1 - 2*0, 1*4 - 3*0, 2*4 - 3*1
    ("the mean of planes", 0): ([1 / 3], None),  # (1, 0) with (2, 3), (1, -1), (0, 1): 1, -1, 1
    ("gate", 0): ([0.5, 0.5], None),
    ("softmax", 0): ([0.5, 0.5], None),
    ("attention", 0): ([2, 3], None),  # equal scores: the mean of (1, 2) and (3, 4)
    ("rmsnorm", 0): ([3 / math.sqrt(12.5 + 1e-5), 4 / math.sqrt(12.5 + 1e-5)], None),
    ("cross_entropy", 0): ([math.log(2)], [0.5, -0.5]),
    ("cross_entropy", 4): ([1000], [-1, 1]),
    ("adam_step", 0): ([0.9, 0, -1.9, 0, 0.5, 0], None),  # first, any gradient moves by lr
    ("generate", 0): (["bac"], None),
}

BROKEN = {  # what a file may do, and what is said of it
    "x = (\n": "line",
    "import nothing_of_this_name\n": "nothing_of_this_name",
    "import sys\nsys.exit(3)\n": "SystemExit",
    "import os\nos._exit(3)\n": "Python itself ended, with status 3",
    "while True: pass\n": "loop that never ends",
    "sum(iter(int, 1))\n": "loop that never ends",
    "import time\ntime.sleep(1000)\n": "does it wait for input",
    "[0] * 10 ** 11\n": "megabytes",
    "print('x' * 10 ** 8)\nraise KeyError('that')\n": "KeyError",
    "class Value: pass\n": "there is no Value.__add__",
    "def f(): return f()\nf()\n": "RecursionError",
    "x = '\0'\n": "null byte",
}
IN_PYODIDE = """
import { loadPyodide } from "PYODIDE/pyodide.mjs"
import fs from "fs"
const python = await loadPyodide({ indexURL: "PYODIDE/" })
python.FS.mkdir("/project")
for (const name of fs.readdirSync("ROOT"))
  if (name.endsWith(".py") || name === "input.txt")
    python.FS.writeFile("/project/" + name, fs.readFileSync("ROOT/" + name))
python.globals.set("solutions", fs.readFileSync("SOLUTIONS", "utf8"))
console.log(python.runPython(`
import json, sys
sys.path.insert(0, "/project")
import exercises_judge
json.dumps([exercises_judge.verdict_on_text(source, number)._asdict()
            for source, number in json.loads(solutions)])
`))
"""
FORKING = "other = lift(other)\nreturn Value(self.data + other.data, (self, other), (1.0, 1.0))"
PATCHED = """scale = (dot(x, x) / len(x) + 1e-5).log() * -0.5
return [x_i * scale.exp() for x_i in x]"""


def known():
    """Return (verdict, function, words, body, lines for the top) of each known solution."""
    found = []
    for part in KNOWN.read_text(encoding="utf-8").split("\n== ")[1:]:
        head, _, body = part.partition("\n")
        verdict, function, words = [word.strip() for word in head.split("|")]
        body = body.split("\n---- ")[0].strip("\n")
        body, _, top = ("", "", body) if function == "file" else body.partition("\n--\n")
        found.append((verdict, function, words, body, top))
    return found


def place_of(function):
    """Return the name of the file and the number of the step that a function belongs to."""
    for name in (CLEAN, GPT, NEXT):
        for number, step in enumerate(STEPS[name], 1):
            if function in step.functions:
                return name, number
    return CLEAN, 1


def solution(function, body, top=""):
    """Return a file that is right but for the body of one function and lines at its top."""
    name, _ = place_of(function)
    source = judge.skeleton(name) if name == NEXT else judge.read(ROOT / name)
    if body:
        owner, _, short = function.rpartition(".")
        tree = ast.parse(source)
        nodes = [node for node in tree.body if getattr(node, "name", "") == (owner or short)]
        if owner:
            nodes = [node for node in nodes[0].body if getattr(node, "name", "") == short]
        lines = source.split("\n")
        lines[nodes[0].lineno:nodes[0].end_lineno] = textwrap.indent(
            body, " " * (nodes[0].col_offset + 4)).split("\n")
        source = "\n".join(lines)
    return f"{top}\n{source}"


def printed(*words):
    """Return what main() prints and its exit status."""
    status, out, _ = called(exercises.main, *words)
    return out, status


def failed(words):
    """Return the exit status and what a run as a program says on standard error."""
    status, _, errors = called(
        lambda words: show.run_program(lambda: exercises.main(words)), *words)
    return status, errors


class InAFolder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="Übung ä ")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.mine = self.folder / "mine.py"

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def verdict(self, text, number, name=CLEAN):
        [verdict] = exercises.verdicts(self.write("mine.py", text), name, [number])
        return verdict


class Data(unittest.TestCase):
    def test_all_fit(self):
        """The examples and mistakes to the model files' texts: all that do not are listed."""
        complaints = []
        for name, steps in STEPS.items():
            for number, step in enumerate(steps, 1):
                try:
                    judge.expected(name, number)
                except ValueError as error:
                    complaints.append(f"{name}, {step.title}: {error}")
                for example in step.examples:
                    lines = f"{example.stand_ins}\n{example.code}".split("\n")
                    complaints += [f"{name}, {step.title}: too long: {line}" for line in lines
                                   if len(line) > judge.WIDTH - 12]
                if len(step.hints) != 3:
                    complaints.append(f"{name}, {step.title}: {len(step.hints)} hints")
                for old, new, why in step.mistakes:
                    try:
                        namespace = judge.reference(name, step, old, new)
                        found = judge.outcome(namespace, step.examples[0])
                        if found.error in ("NameError", "SyntaxError"):
                            complaints.append(f"{name}, {why}: {found.told}")
                    except (KeyError, SyntaxError, ValueError) as error:
                        complaints.append(f"{name}, {why}: {error}")
        self.assertEqual(complaints, [])

    @slow
    def test_each_mistake_is_one(self):
        """Every known mistake makes some example wrong, and is told by its own sentence."""
        for name, steps in STEPS.items():
            for number, step in enumerate(steps, 1):
                wanted = judge.expected(name, number)
                short = [n for n, each in enumerate(judge.examples_of(name, number))
                         if not each.long]
                for which, (_, _, sentence) in enumerate(step.mistakes):
                    found = {n: judge.mistaken(name, number, which, n) for n in short}
                    wrong = judge.first_wrong([found[n] for n in short], [wanted[n] for n in short])
                    with self.subTest(step=step.title, sentence=sentence):
                        self.assertIsNotNone(wrong)
                        told, _ = judge.known_mistakes(name, number, found, short[wrong])
                        self.assertIsNotNone(told)

    def test_close(self):
        """To rounding; infinity only to itself, NaN to NaN, a number to no text."""
        for a, b, wanted in ((1.0, 1.0 + 1e-12, True), (1.0, 1.0 + 1e-6, False),
                             (math.inf, 1.0, False), (1.0, math.inf, False),
                             (math.inf, math.inf, True), (math.inf, -math.inf, False),
                             (math.nan, math.nan, True), (math.nan, 1.0, False), ("a", "a", True),
                             ("1", 1, False)):
            self.assertEqual(judge.close(a, b), wanted, (a, b))

    def test_by_hand(self):
        for (title, place), (results, gradients) in BY_HAND.items():
            name = GPT if title in ("softmax", "attention") else CLEAN
            number = [step.title for step in STEPS[name]].index(title) + 1
            found = judge.expected(name, number)[place]
            for wanted, told in (results, found.results), (gradients, found.gradients):
                for a, b in zip(wanted or (), told):
                    self.assertEqual(a, b) if isinstance(a, str) else \
                        self.assertAlmostEqual(a, b, 6, title)
                self.assertEqual(len(wanted or told), len(told), title)

    def test_gradients_are_the_slopes(self):
        """Of the examples for paper that have no kink where they stand and no call in between."""
        for name, steps in STEPS.items():
            namespace = judge.reference(name)
            for step in steps:
                for example in step.examples:
                    if not example.given or example.long or not example.varied or \
                            step.title in ("relu", "backward"):
                        continue
                    found = judge.outcome(namespace, example)
                    if len(found.gradients) > 30:
                        continue  # it takes long, and is a larger one of the same kind
                    for a, b in zip(found.gradients, judge.slopes(namespace, example)):
                        self.assertLess(abs(a - b), 1e-5 * max(1, abs(a)) ** 2, (step.title, a, b))


class Known(InAFolder):
    def check(self, chosen):
        for verdict, function, words, body, top in chosen:
            source = solution(function, body, top)
            with self.subTest(function=function, words=words, body=body[:300]):
                if verdict == "slow" or "never ends" in words:
                    with unittest.mock.patch.object(judge, "SECONDS", 3):
                        found = self.verdict(source, place_of(function)[1])
                else:
                    found = judge.verdict_on_text(source, place_of(function)[1])
                expected = "right" if verdict == "right" else \
                    "not written" if "still to be written" in words else "wrong"
                self.assertEqual(found.what, expected, found)
                self.assertIn(words, " ".join(f"{found.mistake} {found.text}".split()))
                if verdict == "right":
                    self.assertEqual(found.mistake, "")

    def test_some(self):
        quick = [each for each in known() if each[0] != "slow" and "never ends" not in each[2]]
        self.check(quick[::25])

    @slow
    def test_all(self):
        self.assertGreaterEqual(len(known()), 210)
        wrong = [words for verdict, _, words, _, _ in known() if verdict == "wrong"]
        self.assertGreaterEqual(len(list(filter(None, wrong))), 0.9 * len(wrong))
        self.check(known())


class WholeFile(InAFolder):
    def test_the_whole_way(self):
        """From the skeleton, step after step; with --step any order works."""
        self.walk(CLEAN)

    @slow
    def test_the_whole_way_to_attention(self):
        self.walk(GPT, "--attention")

    def walk(self, name, *option):
        mine = self.folder / f"{name[:9]}.py"
        printed("start", mine, *option)
        text = judge.read(mine)
        self.assertEqual(text.count("raise NotImplementedError"),
                         sum(len(step.functions) for step in STEPS[name]))
        whole = ast.parse(judge.read(ROOT / name))
        self.assertEqual([getattr(node, "name", "") for node in ast.parse(text).body],
                         [getattr(node, "name", "") for node in whole.body])
        for number in range(len(STEPS[name]), 0, -1):  # from the end: lines above stay
            self.assertEqual(judge.verdict_on_text(text, number).what, "not written")
            for function in reversed(STEPS[name][number - 1].functions):
                theirs = judge.source_of(name, function)
                own = exercises.functions_in(text)[function]
                indent = " " * 4 * function.count(".")
                text = text.replace(textwrap.indent(own, indent),
                                    textwrap.indent(theirs.rstrip("\n"), indent))
            self.assertEqual(judge.verdict_on_text(text, number).what, "right", number)

    @slow
    def test_the_culprit_is_named(self):
        """When all steps are right and the losses are not: a function, given or not, or two."""
        for old, new, words in (
                ("gauss(0, 0.08)", "gauss(0, 0.09)", ["init_params (which was given)"]),
                ("    return [Value(0.0) for _ in plucker(z, z)]",
                 "    return [Value(0.0) for _ in plucker(z, z)]", []),
                ("    n_layer: int = 1", "    n_layer: int = 2", ["Config (which was given)"]),
                ("def rmsnorm(x):\n", "def rmsnorm(x):\n    if len(x) > 9:\n        return x\n",
                 ["rmsnorm (step 9)", "do not cover this"]),
                ("return sum(losses) / len(losses)", "return sum(losses)", ["evaluate"])):
            with self.subTest(new=new):
                text = judge.read(ROOT / CLEAN)
                self.assertIn(old, text)
                found = judge.verdict_on_text(text.replace(old, new, 1), 0)
                self.assertEqual(found.what, "wrong" if words else "right")
                for word in words:
                    self.assertIn(word, found.mistake)

    def test_what_was_given_is_named(self):
        """A step that is wrong only because a function beside it was changed."""
        source = solution("", "").replace("    share = 1 / len(values)",
                                          "    share = 2 / len(values)")
        found = judge.verdict_on_text(source, 7)
        self.assertIn("your mean_plane is right with the model file's mean", found.mistake)


class Apart(InAFolder):
    """No solution reaches the checker, the model file or another solution."""

    @unittest.skipUnless(hasattr(os, "fork"), "fork")
    def test_a_fork_writes_no_verdict(self):
        source = solution("Value.__mul__", FORKING, "import os\nos.fork()")
        found = list(exercises.verdicts(self.write("mine.py", source), CLEAN, [1, 2]))
        self.assertEqual([verdict.what for verdict in found], ["wrong", "right"])

    def test_patched_modules(self):
        """They make no wrong answer right, here or in this process, and are named."""
        source = solution("rmsnorm", PATCHED, "import math\nmath.exp = lambda x: 2.0 ** x")
        before = math.exp
        for found in self.verdict(source, 9), judge.verdict_on_text(source, 9):
            self.assertEqual(found.what, "wrong")
            self.assertIn("math.exp", found.mistake)
        self.assertIs(math.exp, before)

    def test_a_damaged_model_file(self):
        """Is an error of its own, not a student's."""
        with tempfile.TemporaryDirectory() as folder:
            damaged = judge.read(ROOT / CLEAN).replace("x_i * scale for", "x_i * scales for")
            Path(folder, CLEAN).write_text(damaged, encoding="utf-8")
            judge.expected.cache_clear()
            self.addCleanup(judge.expected.cache_clear)
            with unittest.mock.patch.object(judge, "HERE", folder), \
                    self.assertRaisesRegex(ValueError, "itself fails at step 9"):
                judge.expected(CLEAN, 9)

    def test_names_of_modules(self):
        """Of Python's own, the checker's and a helper's, whoever's file it is."""
        for name in ("tokenize.py", "random.py", "types.py", "select.py", "string.py", "token.py"):
            self.write(name, "raise ImportError('a classmate')\n")
            with self.subTest(name=name):
                status, said = failed(["start", self.folder / "new" / name])
                self.assertEqual(status, 2)
                self.assertIn("choose another name", said)
        self.write("show.py", "def half(x):\n    return x / 2\n")
        source = solution("rmsnorm", "", "import random, select, string, token, tokenize, types\n"
                                         "import show\nassert show.half(2) == 1")
        self.assertEqual(self.verdict(source, 9), judge.Verdict("right"))

    @slow
    def test_a_file_called_random(self):
        """Even beside exercises.py itself."""
        for name in ("exercises.py", "exercises_judge.py", "exercises_steps.py", "show.py", CLEAN):
            shutil.copy(ROOT / name, self.folder / name)
        for name in "random.py", "types.py", "tokenize.py", "select.py":
            self.write(name, solution("", ""))
            result = run(self.folder / "exercises.py", self.folder / name, "--step", "2",
                         cwd=self.folder)
            self.assertIn("step  2 of 12, power: right", result.stdout, result.stderr)

    def test_children_end(self):
        marker = f"98{os.getpid()}"
        top = f"import subprocess\nsubprocess.Popen(['sleep', '{marker}'])"
        if shutil.which("sleep") is None or shutil.which("pgrep") is None:
            self.skipTest("no sleep or pgrep here")
        self.assertEqual(self.verdict(solution("", "", top), 2).what, "right")
        left = subprocess.run(["pgrep", "-f", marker], capture_output=True, text=True, check=False)
        self.assertEqual(left.stdout, "")

    def test_what_is_printed_does_not_become_a_verdict(self):
        forged = json.dumps({"run": 2, "outcomes": []})
        body = f"import os\nos.write(1, b'{forged}\\n')\nprint('look')\nreturn x"
        found = self.verdict(solution("rmsnorm", body), 9)
        self.assertEqual((found.what, found.printed.strip()), ("wrong", "look"))

    def test_swapped_without_lift(self):
        """Plain numbers fail for another reason; the swap is named all the same."""
        found = self.verdict(solution("Value.__mul__", "return Value(self.data * other.data, "
                                      "(self, other), (self.data, other.data))"), 1)
        self.assertEqual(found.what, "wrong")
        self.assertIn("swapped", found.mistake)

    def test_last_words(self):
        """What a child writes as it ends is heard, even if the pipe is slower than its end."""
        child = exercises.Child("mine.py", CLEAN)
        child.process = types.SimpleNamespace(poll=lambda: 1)
        child.lines = queue.Queue()
        threading.Timer(0.4, child.lines.put, ["{}"]).start()
        self.assertEqual(child.next_line(), "{}")

    @slow
    def test_what_does_not_end(self):
        """Each is told within its step, and the steps behind it are checked."""
        for body, words in (("while True:\n    pass", "is there a loop"),
                            ("while True:\n    try:\n        x[0]\n    except:\n        pass",
                             "loop"), ("return sum(iter(int, 1))", "loop"),
                            ("while True:\n    print('x' * 10000)", "loop"),
                            ("import time\ntime.sleep(1000)", "nothing was computed for 2"),
                            ("import os\nos._exit(3)", "ended, with status 3"),
                            ("keep = []\nwhile True:\n    keep.append([0] * 10 ** 6)", "memory"),
                            ("import sys\nsys.setrecursionlimit(10 ** 9)\nreturn rmsnorm(x)",
                             ("loop", "ended", "memory"))):
            seconds = judge.SECONDS if words == "memory" else 2  # a gigabyte may take its time
            with unittest.mock.patch.multiple(judge, SECONDS=seconds, WAITING=2):
                source = solution("rmsnorm", body)
                found = list(exercises.verdicts(self.write("mine.py", source), CLEAN, [9, 10]))
            with self.subTest(body=body):
                self.assertEqual([verdict.what for verdict in found], ["wrong", "right"])
                self.assertTrue(any(word in found[0].mistake for word in (
                    [words] if isinstance(words, str) else words)), found[0].mistake)


class Reports(InAFolder):
    def test_first_wrong_step_with_hints(self):
        self.write("mine.py", solution("rmsnorm", """print("look:", len(x))
scale = dot(x, x) ** -0.5
return [x_i * scale for x_i in x]"""))
        out, status = printed(self.mine, "--hint", 2)
        self.assertEqual(status, 1)
        self.assertIn("step  8 of 12, gate: right\nstep  9 of 12, rmsnorm: wrong\n", out)
        self.assertNotIn("step 10", out)
        for words in "[3, 4]", "yours     0.6, 0.8", "look: 2", "hint 2", "--solution 8":
            self.assertIn(words, out)
        self.assertNotIn("hint 3 ", out)
        self.assertLessEqual(max(map(len, out.replace(str(self.mine), "mine.py").split("\n"))), 79)

    def test_lists_around_the_first_difference(self):
        """Never two identical lines; with as many digits as it takes."""
        for right, mine in ((list(range(40)), [*range(25), 99, *range(26, 40)]),
                            ([1.0] * 30, [1.0] * 29 + [1.0 + 1e-9]), ([1.0, 2.0], [1.0]),
                            ([0.1] * 20, [0.1] * 21), (["a"] * 20, ["a"] * 19 + ["b"])):
            lines = judge.around(right, mine)
            self.assertNotEqual(*lines)
            self.assertLessEqual(max(map(len, lines)), 150)
        self.assertIn("99", judge.around(list(range(40)), [*range(25), 99, *range(26, 40)])[1])

    def test_solution(self):
        """Beside one's own if that is right; else only after a yes."""
        self.write("mine.py", solution("linear", """x = list(x)
return [sum([w * x_i for w, x_i in zip(row, x)], Value(0.0)) for row in matrix]"""))
        out, status = printed(self.mine, "--solution", 5)
        self.assertEqual(status, 0)
        for words in "return [sum([w * x_i", "sumprod(x_data", "Values where the model file's":
            self.assertIn(words, out)
        self.write("mine.py", judge.skeleton(CLEAN))
        for said, shown in ("n", False), ("", False), ("y", True):
            with unittest.mock.patch("builtins.input", return_value=said) as asked:
                out, status = printed(self.mine, "--solution", 5)
            asked.assert_called_once()
            self.assertEqual(("sumprod(" in out, status), (shown, int(not shown)))

    @slow
    def test_at_the_end(self):
        for name in CLEAN, GPT:
            self.write("mine.py", judge.read(ROOT / name))
            out, status = printed(self.mine)
            self.assertIn("the whole program: right", out)
            self.assertEqual(status, 0)

    def test_how_to_begin(self):
        out, status = printed()
        self.assertIn("exercises.py start mine.py", out)
        self.assertEqual(status, 0)
        self.assertLessEqual(max(map(len, out.split("\n"))), 79)

    def test_a_class(self):
        """One row for each file, whatever it is; the JSON has all; the status says the worst."""
        self.write("anna.py", judge.skeleton(CLEAN))
        self.write("bert.py", "class Value: x = (\n")
        self.write("CEM.PY", solution("Value.relu", "return self"))
        self.write("._dora.py", "")
        self.write("notes.py", "print('no solution')\n")
        (self.folder / "eva.py").mkdir()
        (self.folder / "fritz.py").write_bytes(b"class Value: '\xff\xfe\x00'\n")
        with contextlib.suppress(OSError, NotImplementedError):  # Windows may not let us
            os.symlink("user@host.123:456", self.folder / ".#anna.py")
            os.symlink("nowhere", self.folder / "gone.py")
        out, status = printed(self.folder, "--json", self.folder / "class.json")
        self.assertEqual(status, 1)
        found = json.loads((self.folder / "class.json").read_text(encoding="utf-8"))
        self.assertEqual({name for name in os.listdir(self.folder) if name[-3:].lower() == ".py"},
                         set(found))
        self.assertEqual([(each["step"], each["name"]) for each in found["anna.py"]],
                         [*[(n, step.title) for n, step in enumerate(STEPS[CLEAN], 1)],
                          (0, "the whole program")])
        self.assertEqual({each["what"] for each in found["anna.py"]}, {"not written"})
        self.assertEqual({each["what"] for each in found["bert.py"][:12]}, {"not run"})
        self.assertEqual(found["CEM.PY"][2]["what"], "wrong")
        for name in "._dora.py", "eva.py", "fritz.py", "notes.py":
            self.assertEqual([each["what"] for each in found[name]], ["not checked"])
            self.assertIn(f"{name}, skipped: ", out)
        self.assertEqual(out.count("bert: "), 1)
        self.assertIn("CEM.PY, step 3: ", out)

    def test_a_class_with_nothing_to_check(self):
        self.write("notes.py", "print('no solution')\n")
        target = self.folder / "class.json"
        status, said = failed([self.folder, "--json", target])
        self.assertEqual((status, said.count("\n")), (2, 1))
        self.assertEqual(list(json.loads(target.read_text(encoding="utf-8"))), ["notes.py"])

    @slow
    @unittest.skipIf(os.name == "nt", "signals to a process group")
    def test_ctrl_c_at_any_moment(self):
        """Of the class check, too, whose processes may still import: one line, 130."""
        self.write("anna.py", judge.skeleton(CLEAN))
        self.write("bert.py", judge.read(ROOT / CLEAN))
        code = ("import exercises, show, sys\nprint('begin', flush=True)\n"
                "show.run_program(lambda: exercises.main(sys.argv[1:]))")
        for delay in 0.05, 0.5:
            process = subprocess.Popen(
                [sys.executable, "-c", code, str(self.folder)], cwd=str(ROOT), text=True,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
            self.assertEqual(process.stdout.readline(), "begin\n")
            time.sleep(delay)
            os.killpg(process.pid, signal.SIGINT)
            self.assertEqual((process.communicate()[1], process.returncode), ("stopped\n", 130))

    @slow
    def test_broken_files(self):
        """Each is one message, and the checks go on."""
        with unittest.mock.patch.multiple(judge, SECONDS=2, WAITING=2):
            for text, words in BROKEN.items():
                self.write("mine.py", f"{text}\n# class Value")
                with self.subTest(text=text):
                    out, status = printed(self.mine)
                    self.assertIn(words, " ".join(out.split()))
                    self.assertLess(len(out), 4000)
                    self.assertEqual(status, 1)

    def test_encodings(self):
        """A cookie is obeyed by the single check as by the table; -OO changes nothing."""
        text = judge.read(ROOT / CLEAN).replace("ü", "u")
        (self.folder / "mine.py").write_bytes(f"# coding: latin-1\n# ä\n{text}".encode("latin-1"))
        result = run("-OO", ROOT / "exercises.py", self.mine, "--step", "2")
        self.assertIn("step  2 of 12, power: right", result.stdout, result.stderr)

    def test_wrong_words(self):
        self.write("there.py", judge.read(ROOT / CLEAN))
        there = self.folder / "there.py"
        for words in (["start"], ["start", there], [self.mine], [self.mine, "--step", 0],
                      [there, "--step", 13], [there, "--solution", 13], [there, "--hint", 4],
                      [there, there], ["probe", self.mine], ["--attention"],
                      ["start", self.mine, "--attention", "--next"], [ROOT / "input.txt"],
                      ["probe", ROOT / "input.txt"], ["probe", ROOT / "show.py"],
                      [there, "--json", self.mine], [there, "--attention"],
                      ["start", self.mine, "--hint"], [ROOT, "--step", 3],
                      [there, "--step", 3, "--solution", 3], [ROOT / "picture_plane.svg"]):
            with self.subTest(words=words):
                status, said = failed(words)
                self.assertEqual((status, said.count("\n")), (2, 1), said)
        self.assertIn("exists", failed(["start", there])[1])


PYODIDE = os.environ.get("MICROGRASSMANN_PYODIDE")


class InABrowser(InAFolder):
    @slow
    @unittest.skipUnless(PYODIDE and shutil.which("node"), "Pyodide and node")
    def test_the_same_verdicts(self):
        """As here, where there are processes and deep stacks: a few of each, the whole too."""
        chosen = [each for each in known() if each[0] != "slow" and "never ends" not in each[2]]
        cases = [(solution(function, body, top), place_of(function)[1], verdict, words)
                 for verdict, function, words, body, top in chosen[::12]]
        recursive = next(each for each in chosen if each[2] == "1,000 operations in a row")
        cases.append((solution(*recursive[1::2]), 4, "wrong", recursive[2]))
        cases.append((solution("", ""), 0, "right", ""))
        sources = self.write("solutions.json", json.dumps([case[:2] for case in cases]))
        program = IN_PYODIDE.replace("PYODIDE", PYODIDE).replace("ROOT", str(ROOT)).replace(
            "SOLUTIONS", str(sources))
        result = subprocess.run(["node", self.write("run.mjs", program)], capture_output=True,
                                text=True, encoding="utf-8", check=False)
        self.assertEqual(result.stderr, "")
        for (_, number, verdict, words), found in zip(cases, json.loads(result.stdout)):
            with self.subTest(number=number, words=words):
                self.assertEqual(found["what"], verdict)
                self.assertIn(words, " ".join(f"{found['mistake']} {found['text']}".split()))


class Next(InAFolder):
    def test_the_skeleton_trains_with_attention(self):
        printed("start", self.mine, "--next")
        for number in 1, 4:
            out, status = printed(self.mine, "--step", number)
            self.assertIn(": not written", out)
            self.assertEqual(status, 1)
        namespace = judge.load(judge.read(self.mine), self.mine)
        self.assertEqual(len(judge.trained(namespace, 1)["losses"]), 1)

    def test_the_leak(self):
        """The layer that is given leaks as its task says; the solution does not."""
        step = exercises_steps.FIND_THE_LEAK
        for text, leaks in (exercises_steps.LEAK, True), (step.solution, False):
            namespace = judge.load(judge.read(ROOT / GPT), GPT)
            exec(text, namespace)
            first = judge.outcome(namespace, step.examples[0]).results
            given = {**step.examples[0].given, "xs": [*step.examples[0].given["xs"][:-1], [5, 5]]}
            other = judge.outcome(namespace, step.examples[0]._replace(given=given)).results
            self.assertEqual(first[:2] != other[:2], leaks)


class Probes(InAFolder):
    @slow
    def test_what_it_claims(self):
        """Offsets alone decide what is seen; r = 1 has no coordinates and W_plu cannot learn."""
        text = judge.read(ROOT / CLEAN).replace("    r: int = 4", "    r: int = 1").replace(
            "window: tuple = (1, 2, 4, 8, 12, 16)", "window: tuple = (3,)")
        self.write("mine.py", text)
        out, _ = printed("probe", self.mine)
        self.assertIn("sees the positions 15\n", out)
        self.assertIn("\n0 Plücker coordinates", out)
        self.assertIn("layer0.W_red, layer0.W_plu, layer0.W_gate_g", out)
        self.write("mine.py", text.replace("    r: int = 1", "    r: int = 3"))
        out, _ = printed("probe", self.mine)
        self.assertIn("sees the positions 12, 15\n", out)
        self.assertIn("\n3 Plücker coordinates", out)
        self.write("mine.py", judge.read(ROOT / GPT).replace("block_size: int = 16",
                                                            "block_size: int = 5"))
        out, _ = printed("probe", self.mine)
        self.assertIn("position 4 sees the positions 0, 1, 2, 3, 4\n", out)
        self.assertNotIn("window", out.partition("Then change it")[2])
        self.write("mine.py", judge.skeleton(CLEAN))
        self.assertIn("not finished", failed(["probe", self.mine])[1])
