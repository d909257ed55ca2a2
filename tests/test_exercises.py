"""exercises.py: known mistakes are named, right solutions are right however they are written."""
import ast
import contextlib
import io
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
import unittest
import unittest.mock
from pathlib import Path

import exercises
import show
from tests.helpers import ROOT, slow

CLEAN, GPT = "micro_grassmann_clean.py", "micro_gpt.py"
ROOT_2, SIGMOID_1 = math.sqrt(2), 1 / (1 + math.exp(-1))

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
    ("cross_entropy", 2): ([1000], [1, -1]),
    ("adam_step", 0): ([0.9, -1.9, 0, 0], None),  # the first step is lr long, whatever the gradient
    ("generate", 0): (["bac"], None),
}

# Other ways to write a function, all right.
OTHER_WAYS = {
    CLEAN: {
        "Value.__mul__": """
            def __mul__(self, other):
                if not isinstance(other, Value):
                    other = Value(other)
                product = Value(self.data * other.data)
                product.children = [self, other]
                product.local_grads = [other.data, self.data]
                return product""",
        "Value.__pow__": """
            def __pow__(self, n):
                return Value(self.data ** n, (self,), (n * self.data ** (n - 1),))""",
        "Value.relu": """
            def relu(self):
                if math.isnan(self.data):
                    return self
                return Value(max(0.0, self.data), (self,), (float(self.data > 0),))""",
        "Value.backward": """
            def backward(self):
                found, todo = {self}, [self]
                waiting = {}
                while todo:
                    for child in todo.pop().children:
                        waiting[child] = waiting.get(child, 0) + 1
                        if child not in found:
                            found.add(child)
                            todo.append(child)
                for node in found:
                    if node.children:
                        node.grad = 0.0
                self.grad, ready = 1.0, [self]
                while ready:
                    node = ready.pop()
                    for child, slope in zip(node.children, node.local_grads):
                        child.grad += slope * node.grad
                        waiting[child] -= 1
                        if not waiting[child]:
                            ready.append(child)""",
        "linear": """
            def linear(x, matrix):
                x = list(x)
                return [sum([w * x_i for w, x_i in zip(row, x)], Value(0.0)) for row in matrix]""",
        "plucker": """
            def plucker(u, v):
                found = []
                for i, u_i in enumerate(u):
                    for j in range(i + 1, len(u)):
                        found.append(u_i * v[j] - u[j] * v[i])
                return found""",
        "mean_plane": """
            def mean_plane(past, config):
                pairs = config.r * (config.r - 1) // 2
                total, number = [Value(0.0)] * pairs, 0
                for offset in config.window:
                    if len(past) - 1 - offset >= 0:
                        plane = unit_plucker(past[-1], past[len(past) - 1 - offset])
                        total, number = add(total, plane), number + 1
                return [t / max(number, 1) for t in total]""",
        "gate": """
            def gate(x, g, layer, params):
                from_x = linear(x, params[layer + ".W_gate_h"])
                from_g = linear(g, params[layer + ".W_gate_g"])
                alpha = [1 / (1 + (-s).exp()) for s in add(from_x, from_g)]
                return [a * x_i + (1 - a) * g_i for a, x_i, g_i in zip(alpha, x, g)]""",
        "rmsnorm": """
            def rmsnorm(x):
                square = sum([x_i ** 2 for x_i in x]) / len(x)
                return [x_i / (square + 1e-5) ** 0.5 for x_i in x]""",
        "cross_entropy": """
            def cross_entropy(logits, target):
                top = max(logit.data for logit in logits)
                return sum([(logit - top).exp() for logit in logits]).log() + top - logits[target]
            """,
        "adam_step": """
            def adam_step(weights, m, v, step, lr, beta1=0.85, beta2=0.99):
                for i in range(len(weights)):
                    g = weights[i].grad
                    m[i] = beta1 * m[i] + (1 - beta1) * g
                    v[i] = beta2 * v[i] + (1 - beta2) * g ** 2
                    m_hat, v_hat = m[i] / (1 - beta1 ** step), v[i] / (1 - beta2 ** step)
                    weights[i].data -= lr * m_hat / (v_hat ** 0.5 + 1e-8)
                    weights[i].grad = 0""",
        "generate": """
            def generate(vocab, params, config, rng, temperature):
                text, token, cache = "", len(vocab), [[] for _ in range(config.n_layer)]
                names = {number: symbol for symbol, number in vocab.items()}
                for position in range(config.block_size):
                    logits = forward(token, position, cache, params, config)
                    odds = [math.exp(logit.data / temperature) for logit in logits]
                    token = rng.choices(range(len(odds)), [o / sum(odds) for o in odds])[0]
                    if token == len(vocab):
                        return text
                    text += names[token]
                return text"""},
    GPT: {
        "softmax": """
            def softmax(scores):
                top = max(score.data for score in scores)
                exps = [(score - top).exp() for score in scores]
                return [e / sum(exps) for e in exps]""",
        "attend": """
            def attend(q, past, config):
                size, out = config.n_embd // config.n_head, []
                for h in range(config.n_head):
                    part = range(h * size, (h + 1) * size)
                    weights = softmax([sum([q[i] * key[i] for i in part]) / size ** 0.5
                                       for key, _ in past])
                    for i in part:
                        out.append(sum([w * value[i] for w, (_, value) in zip(weights, past)]))
                return out"""}}

BROKEN = {  # what a file may do, and what is said of it
    "x = (\n": "line",
    "import nothing_of_this_name\n": "nothing_of_this_name",
    "import sys\nsys.exit(3)\n": "SystemExit",
    "import os\nos._exit(3)\n": "Python itself ended, with status 3",
    "while True: pass\n": "loop that never ends",
    "print('x' * 10 ** 8)\nraise KeyError('that')\n": "KeyError",
    "class Value: pass\n": "there is no Value.__add__",
    "def f(): return f()\nf()\n": "RecursionError",
    "x = '\0'\n": "null byte",
}


def with_function(name, function, source):
    """Return a model file's text with another definition of one function."""
    node = exercises.definitions(name)[function]
    lines = exercises.read(ROOT / name).split("\n")
    source = textwrap.indent(textwrap.dedent(source).strip("\n"), " " * node.col_offset)
    lines[node.lineno - 1:node.end_lineno] = source.split("\n")
    return "\n".join(lines)


def printed(*words):
    """Return what main() prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exercises.main([str(word) for word in words])
    return out.getvalue()


class InAFolder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="Übung ä ")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.mine = self.folder / "mine.py"

    def judge(self, text, name, step):
        self.mine.write_text(text, encoding="utf-8")
        return exercises.judge(self.mine, name, step)


class Examples(unittest.TestCase):
    def test_by_hand(self):
        for (title, number), (results, gradients) in BY_HAND.items():
            name = GPT if title in ("softmax", "attention") else CLEAN
            [step] = [step for step in exercises.STEPS if step.title == title]
            found = exercises.outcome(exercises.load(ROOT / name), step.examples[number])
            for wanted, told in (results, found.results), (gradients, found.gradients):
                if wanted is not None:
                    self.assertEqual(len(told), len(wanted), title)
                    for a, b in zip(wanted, told):
                        self.assertEqual(a, b) if isinstance(a, str) else \
                            self.assertAlmostEqual(a, b, 6, title)

    def test_gradients_are_the_slopes(self):
        """Of all examples that have no kink where they stand."""
        for name in CLEAN, GPT:
            namespace = exercises.load(ROOT / name)
            for step in exercises.steps_of(name):
                for example in exercises.examples_of(step):
                    found = exercises.outcome(namespace, example)
                    kink = step.title == "relu" or "y.backward()" in example.code or \
                        found.error or 0 in found.results
                    if example.given and not kink:
                        for a, b in zip(found.gradients, exercises.slopes(namespace, example)):
                            self.assertLess(abs(a - b), 1e-5 * max(1, abs(a)) ** 2,
                                            (step.title, example))


class Mistakes(InAFolder):
    def check(self, chosen):
        number = 0
        for name in CLEAN, GPT:
            for step in exercises.steps_of(name):
                if name == CLEAN or step.title in ("softmax", "attention"):
                    for old, new, sentence in step.mistakes[chosen]:
                        number += 1
                        function = next(f for f in step.functions if old is None
                                        or old in exercises.source_of(name, f))
                        source = exercises.source_of(name, function)
                        changed = new if old is None else source.replace(old, new, 1)
                        with self.subTest(step=step.title, mistake=sentence):
                            verdict = self.judge(with_function(name, function, changed), name, step)
                            self.assertEqual((verdict.what, verdict.mistake), ("wrong", sentence))
        return number

    def test_one_of_each_step(self):
        self.check(slice(0, 1))

    @slow
    def test_every_one(self):
        self.assertGreater(self.check(slice(None)), 90)

    def test_two_at_once(self):
        """Then it is the one that shows first, with a perhaps."""
        [step] = [step for step in exercises.STEPS if step.title == "backward"]
        source = step.mistakes[-2][1].replace("+= ", "= ")  # a function that calls itself, too
        verdict = self.judge(with_function(CLEAN, "Value.backward", source), CLEAN, step)
        self.assertEqual(verdict.mistake, f"perhaps: {step.mistakes[0][2]}")

    def test_each_says_something_else(self):
        for step in exercises.STEPS:
            sentences = [sentence for _, _, sentence in step.mistakes]
            self.assertEqual(len(set(sentences)), len(sentences))
            self.assertEqual(len(step.hints), 3)


class Right(InAFolder):
    def test_other_ways(self):
        """A solution need not look like the model file."""
        for name, ways in OTHER_WAYS.items():
            for function, source in ways.items():
                [step] = [step for step in exercises.steps_of(name) if function in step.functions]
                with self.subTest(function=function):
                    verdict = self.judge(with_function(name, function, source), name, step)
                    self.assertEqual(verdict, exercises.Verdict("right"))

    def test_the_whole_way(self):
        """From the skeleton, step after step; with --step any order works."""
        for name, option in (CLEAN, ()), (GPT, ("--attention",)):
            mine = self.folder / f"{name[:9]}.py"
            printed("start", mine, *option)
            steps = exercises.steps_of(name)
            text = exercises.read(mine)
            self.assertEqual(text.count("raise NotImplementedError"),
                             sum(len(step.functions) for step in steps))
            whole = ast.parse(exercises.read(ROOT / name))
            self.assertEqual([getattr(node, "name", "") for node in ast.parse(text).body],
                             [getattr(node, "name", "") for node in whole.body])
            with self.assertRaises(FileExistsError):
                printed("start", mine)
            for step in reversed(steps):  # from the end, so that lines above stay where they are
                self.assertEqual(exercises.judge(mine, name, step).what, "not written")
                for function in reversed(step.functions):
                    node = next(node for node in ast.walk(ast.parse(text))
                                if isinstance(node, ast.FunctionDef)
                                and node.name == function.split(".")[-1])
                    lines = text.split("\n")
                    lines[node.lineno - 1:node.end_lineno] = textwrap.indent(
                        exercises.source_of(name, function), " " * node.col_offset).split("\n")
                    text = "\n".join(lines)
                mine.write_text(text, encoding="utf-8")
                self.assertEqual(exercises.judge(mine, name, step).what, "right", step.title)

    @slow
    def test_at_the_end(self):
        for name in CLEAN, GPT:
            self.mine.write_text(exercises.read(ROOT / name), encoding="utf-8")
            out = printed(self.mine)
            self.assertIn("the whole program: right", out)
            self.mine.write_text(exercises.read(ROOT / name).replace("gauss(0, 0.08)",
                                                                     "gauss(0, 0.09)"))
            out = printed(self.mine)
            self.assertIn("the whole program: wrong", out)
            self.assertIn("loss at step 1:", out)


class Reports(InAFolder):
    def test_first_wrong_step_with_hints(self):
        self.mine.write_text(with_function(CLEAN, "rmsnorm", """
            def rmsnorm(x):
                print("look:", len(x))
                scale = dot(x, x) ** -0.5
                return [x_i * scale for x_i in x]"""), encoding="utf-8")
        out = printed(self.mine, "--hint", 2)
        self.assertIn("step  8 of 12, gate: right\nstep  9 of 12, rmsnorm: wrong\n", out)
        self.assertNotIn("step 10", out)
        for words in "[3, 4]", "yours     0.6, 0.8", "look: 2", "hint 2":
            self.assertIn(words, out)
        self.assertNotIn("hint 3 ", out)
        self.assertLessEqual(max(map(len, out.split("\n"))), 79)

    def test_numbers_that_print_alike(self):
        """Get as many digits as tell them apart."""
        step = next(step for step in exercises.STEPS if step.title == "adam_step")
        source = exercises.source_of(CLEAN, "adam_step").replace("+ 1e-8", "+ 3e-8")
        verdict = self.judge(with_function(CLEAN, "adam_step", source), CLEAN, step)
        expected, yours = [line.split(None, 1)[1] for line in verdict.text.split("\n")[-2:]]
        self.assertNotEqual(expected, yours)

    def test_no_value_came_out(self):
        for name, body, words in (("Value.relu", "return 0", "no Value"),
                                  ("Value.__mul__", "Value(1.0)", "is a return missing?")):
            [step] = [step for step in exercises.steps_of(CLEAN) if name in step.functions]
            source = f"def {name[6:]}(self{', other' if 'mul' in name else ''}):\n    {body}"
            verdict = self.judge(with_function(CLEAN, name, source), CLEAN, step)
            self.assertEqual(verdict.what, "wrong")
            self.assertIn(words, verdict.mistake)

    @unittest.skipIf(os.name == "nt", "signals to a process group")
    def test_ctrl_c_at_any_moment(self):
        """Of the class check, too, whose processes may still import: one line, 130."""
        (self.folder / "anna.py").write_text(exercises.skeleton(CLEAN), encoding="utf-8")
        (self.folder / "bert.py").write_text(exercises.read(ROOT / CLEAN), encoding="utf-8")
        code = ("import exercises, show, sys\nprint('begin', flush=True)\n"
                "show.run_program(lambda: exercises.main(sys.argv[1:]))")
        for delay in (0.05, 0.15, 0.3, 0.6):
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
        with unittest.mock.patch.object(exercises, "SECONDS", 2):
            for text, words in BROKEN.items():
                self.mine.write_text(f"{text}\n# class Value", encoding="utf-8")
                with self.subTest(text=text):
                    out = printed(self.mine)
                    self.assertIn(words, " ".join(out.split()))
                    self.assertLess(len(out), 4000)

    @slow
    def test_a_loop_in_one_function(self):
        text = with_function(CLEAN, "rmsnorm", "def rmsnorm(x):\n    while True:\n        pass")
        self.mine.write_text(text, encoding="utf-8")
        with unittest.mock.patch.object(exercises, "SECONDS", 2):
            found = list(exercises.verdicts(self.mine, CLEAN, [8, 9, 10]))
        self.assertEqual([verdict.what for verdict in found], ["right", "wrong", "right"])

    def test_a_class(self):
        (self.folder / "anna.py").write_text(exercises.skeleton(CLEAN), encoding="utf-8")
        (self.folder / "bert.py").write_text("x = (\n", encoding="utf-8")
        (self.folder / "cem.py").write_text(
            with_function(GPT, "Value.relu", "def relu(self):\n    return self"), encoding="utf-8")
        out = printed(self.folder, "--json", self.folder / "class.json")
        found = json.loads((self.folder / "class.json").read_text(encoding="utf-8"))
        self.assertEqual([verdict["what"] for verdict in found["anna.py"]],
                         ["not written"] * 13)
        self.assertEqual({verdict["what"] for verdict in found["bert.py"][:12]}, {"not run"})
        self.assertEqual(out.count("bert, "), 1)
        self.assertEqual(found["cem.py"][2]["what"], "wrong")
        self.assertIn("cem, step 3: ", out)

    def test_wrong_words(self):
        for words in ([], ["start"], ["start", ROOT / CLEAN], [self.mine], [self.mine, "--step", 0],
                      [ROOT / CLEAN, "--step", 13], [self.folder], [ROOT / CLEAN, "--hint", 4],
                      [ROOT / CLEAN, ROOT / GPT], ["probe", self.mine], ["--attention"],
                      [ROOT / "input.txt"], ["probe", ROOT / "input.txt"],
                      ["probe", ROOT / "show.py"], [ROOT / CLEAN, "--json", self.mine],
                      [ROOT / CLEAN, "--attention"], ["start", self.mine, "--hint"],
                      [ROOT, "--step", 3], [ROOT / "picture_plane.svg"]):
            errors = io.StringIO()
            with self.subTest(words=words), contextlib.redirect_stderr(errors), \
                    contextlib.redirect_stdout(io.StringIO()):
                with self.assertRaises(SystemExit) as end:
                    show.run_program(lambda words=words: exercises.main(list(map(str, words))))
                self.assertEqual(end.exception.code, 2)
                self.assertEqual(errors.getvalue().count("\n"), 1, errors.getvalue())


class Probes(InAFolder):
    def test_what_it_claims(self):
        """Offsets alone decide what is seen; r = 1 has no coordinates and W_plu cannot learn."""
        text = exercises.read(ROOT / CLEAN).replace("    r: int = 4", "    r: int = 1").replace(
            "window: tuple = (1, 2, 4, 8, 12, 16)", "window: tuple = (3,)")
        self.mine.write_text(text, encoding="utf-8")
        out = printed("probe", self.mine)
        self.assertIn("sees the positions 15\n", out)
        self.assertIn("\n0 Plücker coordinates", out)
        self.assertIn("layer0.W_red, layer0.W_plu, layer0.W_gate_g", out)
        self.mine.write_text(text.replace("    r: int = 1", "    r: int = 3"), encoding="utf-8")
        out = printed("probe", self.mine)
        self.assertIn("sees the positions 12, 15\n", out)
        self.assertIn("\n3 Plücker coordinates", out)
        self.mine.write_text(exercises.read(ROOT / GPT).replace("block_size: int = 16",
                                                                "block_size: int = 5"))
        out = printed("probe", self.mine)
        self.assertIn("position 4 sees the positions 0, 1, 2, 3, 4\n", out)
        self.assertNotIn("window", out.partition("Then change it")[2])


class Speed(InAFolder):
    @slow
    def test_thirty_files_in_a_minute(self):
        for n in range(30):
            (self.folder / f"student{n}.py").write_text(exercises.read(ROOT / CLEAN))
        start = time.monotonic()
        printed(self.folder)
        self.assertLess(time.monotonic() - start, 120)  # a minute where nothing else runs


if __name__ == "__main__":
    unittest.main()
