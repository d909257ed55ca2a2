"""How the files fit together: the promises that make the house readable.

Each promise is a function from source text to a list of complaints, so that the tests can also
break the source on purpose and see the complaint come.
"""
import ast
import difflib
import doctest
import importlib.util
import itertools
import shutil
import sysconfig
import tempfile
import unittest
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace

from tests.helpers import INPUT, MODELS, ROOT, run

SOURCES = {path.stem: path.read_text(encoding="utf-8") for path in sorted(ROOT.glob("*.py"))}
GPT, CLEAN = SOURCES["micro_gpt"], SOURCES["micro_grassmann_clean"]
ANNOTATED = SOURCES.get("micro_grassmann")
needs_annotated = unittest.skipIf(ANNOTATED is None, "micro_grassmann.py is not there")
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
OWN = {"micro_gpt": ["Config", "softmax", "mix"],
       "micro_grassmann_clean": ["Config", "plucker", "mix", "gate"]}

# ---- one file is enough --------------------------------------------------------------------------


def foreign_imports(source):
    """Complain of whatever is imported from outside the standard library."""
    wanted = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            wanted |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            wanted.add("." * node.level + (node.module or ""))
    return [f"imports {name}" for name in sorted(wanted) if not in_standard_library(name)]


def in_standard_library(name):
    """Tell by where Python finds it: sys.stdlib_module_names needs 3.10."""
    top = name.partition(".")[0]
    spec = importlib.util.find_spec(top) if top else None
    if spec is None or spec.origin in ("built-in", "frozen"):
        return spec is not None
    places = {Path(sysconfig.get_path(key)).resolve() for key in ("stdlib", "platstdlib")}
    parents = Path(spec.origin or "/").resolve().parents
    return bool(places & set(parents)) and not any("-packages" in p.name for p in parents)


def run_alone(source):
    """Run the source in a new folder with some lines of input.txt, from another one, isolated."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as elsewhere:
        names = INPUT.read_text(encoding="utf-8").splitlines(keepends=True)
        Path(folder, "input.txt").write_text("".join(names[::80]), encoding="utf-8")
        Path(folder, "model.py").write_text(source, encoding="utf-8")
        return run("-I", "-S", Path(folder, "model.py"), "--steps", "2", "--samples", "1",
                   cwd=elsewhere)


class OneFileIsEnough(unittest.TestCase):
    """Each model file, copied alone with input.txt, runs."""

    def test_imports(self):
        """The standard library and nothing else."""
        for model in MODELS:
            self.assertEqual(foreign_imports(SOURCES[model.__name__]), [], model.__name__)
        for line in ("import micro_gpt", "from micro_gpt import Value", "import torch.nn",
                     "from . import helpers", "def f():\n    import tests.helpers"):
            self.assertEqual(len(foreign_imports(f"{CLEAN}\n{line}\n")), 1, line)

    def test_runs_alone(self):
        """It trains, evaluates and samples."""
        for model in MODELS:
            result = run_alone(SOURCES[model.__name__])
            self.assertEqual((result.returncode, result.stderr), (0, ""), model.__name__)
            self.assertRegex(result.stdout, r"(?s)^\d+ documents.* [1-9]\d* unseen documents: "
                                            r"\d\.\d+\nsample  1: [a-z]*\n$")
        self.assertIn("micro_gpt", run_alone(f"import micro_gpt\n{CLEAN}").stderr)


# ---- the diff is the paper -----------------------------------------------------------------------

SIZES = "V, d = 0", "V, d, r = 0", "layer = 0"
MAY_DIFFER = {ast.dump(ast.parse(code).body[0].targets[0]) for code in SIZES}


@lru_cache(None)
def anatomy(source):
    """Return what two model files have in common, and where they may differ.

    own: the names defined in the mixing section; init: the two statements of init_params that
    hold the sizes and the layer's matrices; common: the name, tree and text of all else at top
    level but the first docstring; lines: the file without its first line and without those.
    """
    tree, lines = ast.parse(source), source.splitlines()
    rulers = [n for n, line in enumerate(lines, 1) if line.startswith("# ----")]
    section = range(0)
    for start, end in zip(rulers, rulers[1:]):
        if lines[start - 1].startswith("# ---- the mixing layer"):
            section = range(start, end)
    found = SimpleNamespace(own=[], init=[], common=[], mix=None)
    skipped = {1, *section}
    for node in tree.body[ast.get_docstring(tree) is not None:]:
        text = "\n".join(lines[node.lineno - 1:node.end_lineno])
        name = getattr(node, "name", text.partition(" = ")[0].partition("\n")[0])
        if node.lineno in section:
            found.own.append(name)
        elif name != "init_params":
            found.common.append((name, ast.dump(node), text))
        else:
            found.init = [statement for statement in node.body if isinstance(statement, ast.Assign)
                          and ast.dump(statement.targets[0]) in MAY_DIFFER]
            for statement in found.init:
                skipped |= set(range(statement.lineno, statement.end_lineno + 1))
        if name == "mix":
            found.mix = ast.dump(node.args)
    found.lines = [line for n, line in enumerate(lines, 1) if n not in skipped]
    return found


def paper_complaints(gpt, clean):
    """Complain of each difference that is not the mixing layer, its parameters or its sizes."""
    one, two = anatomy(gpt), anatomy(clean)
    complaints = [f"the mixing section defines {side.own}" for side, own
                  in zip((one, two), OWN.values()) if side.own != own]
    for part, twin in itertools.zip_longest(one.common, two.common, fillvalue=("nothing",)):
        if part != twin:
            complaints.append(f"{part[0]} on one side, {twin[0]} on the other differ")
    complaints += difflib.unified_diff(one.lines, two.lines, n=0, lineterm="")
    if one.mix != two.mix:
        complaints.append("mix takes other arguments")
    return complaints + init_complaints(one.init, two.init)


def init_complaints(*sides):
    """Complain where the two statements differ in more than r and the mixing layer's matrices."""
    try:
        sizes, layers = [], []
        for size, layer in sides:
            pairs = zip(size.targets[0].elts, size.value.elts)
            sizes.append({name.id: ast.dump(value) for name, value in pairs})
            pairs = zip(layer.value.keys, layer.value.values)
            layers.append([(key.value, ast.dump(value)) for key, value in pairs])
    except (ValueError, AttributeError):
        return ["init_params has other statements than the sizes and the layer"]
    complaints = [f"init_params: {name} differs" for name in ("V", "d")
                  if sizes[0].get(name) != sizes[1].get(name)]
    if [name for name, _ in layers[0][-2:]] != ["fc1", "fc2"] or layers[0][-2:] != layers[1][-2:]:
        complaints.append("init_params: fc1 and fc2 must come last and be equal")
    return complaints


class TheDiffIsThePaper(unittest.TestCase):
    """micro_gpt.py and micro_grassmann_clean.py differ in the mixing layer only."""

    def test_same_program(self):
        """Definition for definition, word for word."""
        self.assertEqual(paper_complaints(GPT, CLEAN), [])

    def test_differences_show(self):
        """A change on one side outside the mixing layer is reported, inside it is not."""
        for old, new in (("level", "edge"), ("0.08", "0.09"), ("1e-5", "1e-6"),
                         ("clear the", "clear  the"), ("gc.enable()", "gc.enable()  # back"),
                         ("import gc\n", "import gc\nimport os\n"), ("import gc\n", ""),
                         ("def evaluate(", "def aside():\n    pass\ndef evaluate("),
                         ("# ---- training, ev", "# ---- Training, ev"),
                         ("# ---- the model:", "def aside():\n    pass\n# ---- the model:"),
                         ("(4 * d, d)", "(2 * d, d)"), ("(d, 4 * d)}", "(d, 5 * d)}"),
                         ("config.n_embd", "config.n_layer"), ("V, d", "W, d"),
                         ('"fc1"', '"fc3"'), ("def mix(x, layer, past,", "def mix(x, past, layer,"),
                         ("def mix(", "def blend("), ("sumprod = count()", "sumprod = count(1)"),
                         ("if __name__", "main()\nif __name__")):
            for name, source in ("gpt", GPT), ("clean", CLEAN):
                broken = source.replace(old, new)
                self.assertNotEqual(source, broken, f"{old} is gone: choose another change")
                pair = (broken, CLEAN) if name == "gpt" else (GPT, broken)
                with self.subTest(file=name, old=old, new=new):
                    self.assertNotEqual(paper_complaints(*pair), [])
        for old, new in ((" + 1e-8) ** -0.5", " + 1e-7) ** -0.5"), ("a Grassmann", "one Grassmann"),
                         ('"""A Grass', '"""The Grass'), ('"W_red": (r, d)', '"W_red": (r, 2)')):
            self.assertEqual(paper_complaints(GPT, CLEAN.replace(old, new)), [])


# ---- the annotated file is the clean file --------------------------------------------------------

def bare(source):
    """Return the tree of each top-level statement, without docstrings; comments have none."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, *DEFINITIONS)) and ast.get_docstring(node) is not None:
            del node.body[0]
    return [(getattr(node, "name", ""), ast.dump(node)) for node in tree.body]


def annotation_complaints(annotated, clean):
    """Complain of each statement that differs by more than comments and docstrings."""
    return [f"{one[0]} on one side, {two[0]} on the other differ" for one, two
            in itertools.zip_longest(bare(annotated), bare(clean), fillvalue=("nothing", ""))
            if one != two]


class TheAnnotatedFileIsTheCleanFile(unittest.TestCase):
    """micro_grassmann.py adds words and no code."""

    @needs_annotated
    def test_same_tree(self):
        """Comments and docstrings aside, the two are one program."""
        self.assertEqual(annotation_complaints(ANNOTATED, CLEAN), [])

    def test_differences_show(self):
        """A change of the code is reported; other words, comments and empty lines are not."""
        for old, new in (("level", "edge"), ("1e-8", "1e-7"), ("import gc\n", ""),
                         ("        gc.enable()", "        gc.enable()\n        gc.collect()"),
                         ("def evaluate(", "x = 1\ndef evaluate("), ("a.data - (b", "a.data + (b")):
            broken = CLEAN.replace(old, new)
            self.assertNotEqual(CLEAN, broken, f"{old} is gone: choose another change")
            self.assertNotEqual(annotation_complaints(broken, CLEAN), [], old)
            self.assertNotEqual(annotation_complaints(CLEAN, broken), [], old)
        words = CLEAN.replace('    """', '    """In other words. ')
        words = words.replace("\ndef ", "\n\n# Why.\ndef ")
        self.assertNotEqual(CLEAN, words)
        self.assertEqual(annotation_complaints(words, CLEAN), [])


# ---- form ----------------------------------------------------------------------------------------

def docstring_complaints(source, one_line=False):
    """Complain of public names without a docstring; lift and Value's operators explain themselves.

    With one_line, also of docstrings that take more than one line.
    """
    complaints, tree = [], ast.parse(source)
    places = [("", tree.body)] + [(f"{node.name}.", node.body) for node in tree.body
                                  if isinstance(node, ast.ClassDef)]
    for prefix, body in places:
        for node in body:
            if not isinstance(node, DEFINITIONS):
                continue
            name, words = prefix + node.name, ast.get_docstring(node)
            on_one_line = node.body[0].lineno == node.lineno
            exempt = name == "lift" or (prefix == "Value." and node.name != "backward")
            if words is None:
                if not node.name.startswith("_") and not (exempt and on_one_line):
                    complaints.append(f"{name} has no docstring")
            elif one_line and "\n" in words.strip():
                complaints.append(f"{name}: more than one line")
    return complaints + ([] if ast.get_docstring(tree) else ["the file has no docstring"])


def line_complaints(source, columns=100):
    """Complain of long lines, tabs and spaces at the end."""
    return [f"line {n}: {line!r}" for n, line in enumerate(source.split("\n"), 1)
            if len(line) > columns or line != line.rstrip() or "\t" in line]


IMPORT = """
import sys
opened = []
def watch(event, arguments):
    if event == "open" and str(arguments[0]).startswith({root!r}):
        if not str(arguments[0]).endswith((".py", ".pyc")) and "__pycache__" not in arguments[0]:
            opened.append(arguments[0])
sys.path.insert(0, {root!r})
sys.addaudithook(watch)
import {name}
sys.exit("opened " + ", ".join(map(str, opened)) if opened else 0)
"""


def import_complaints(name, folder):
    """Complain of what an import prints and of the files of the project that it opens."""
    with tempfile.TemporaryDirectory() as elsewhere:
        code = IMPORT.format(name=name, root=str(folder))
        result = run("-B", "-c", code, cwd=elsewhere)
    return [text for text in (result.stdout, result.stderr) if text]


class Form(unittest.TestCase):
    """Short, documented, quiet."""

    def test_clean_file_is_short(self):
        """At most 200 lines: it is meant to be read in one go."""
        self.assertLessEqual(len(CLEAN.splitlines()), 200)

    def test_lines(self):
        """At most 100 columns; no tab, no space at the end of a line."""
        for name, source in SOURCES.items():
            self.assertEqual(line_complaints(source), [], name)
        for line in "x = 1 ", "\tx = 1", "x" * 101, " ":
            self.assertEqual(len(line_complaints(f"{CLEAN}{line}\n")), 1)

    def test_docstrings(self):
        """Every public name says what it is for, in one line in the bare files."""
        for name, source in SOURCES.items():
            self.assertEqual(docstring_complaints(source, name in OWN), [], name)
        for old, new in (('    """Return the dot product of two vectors as one node."""\n', ""),
                         ("def lift(x): return x", "def lift(x):\n    return x"),
                         ("def lift(x)", "def lifted(x)"),
                         ('"""Return x divided by', '"""Return x\n\n    divided by'),
                         ('        """Set grad to', '        f"""Set grad to'),
                         ('"""A Grassmann', 'f"""A Grassmann')):
            broken = CLEAN.replace(old, new)
            self.assertNotEqual(CLEAN, broken, f"{old} is gone: choose another change")
            self.assertEqual(len(docstring_complaints(broken, True)), 1, old)

    def test_imports_are_quiet(self):
        """Importing prints nothing and opens no file of the project."""
        for name in SOURCES:
            self.assertEqual(import_complaints(name, ROOT), [], name)

    def test_loud_imports_show(self):
        """A file that prints, and one that reads, are caught."""
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder).resolve()
            shutil.copy(INPUT, folder / "input.txt")
            for code in "print(1)", "import sys; sys.stderr.write('x')", \
                    "from pathlib import Path; Path(__file__).with_name('input.txt').read_text()":
                (folder / "loud.py").write_text(code, encoding="utf-8")
                self.assertEqual(len(import_complaints("loud", folder)), 1, code)

    @needs_annotated
    def test_examples(self):
        """The examples in the annotated file show what the code computes."""
        result = doctest.testmod(MODELS[2])
        self.assertGreater(result.attempted, 0)
        self.assertEqual(result.failed, 0)


class Names(unittest.TestCase):
    """input.txt, the list to train on."""

    def test_names(self):
        """Thousands of distinct lower-case names that fit into a block."""
        names = INPUT.read_text(encoding="utf-8").splitlines()
        self.assertGreaterEqual(len(names), 4000)
        self.assertEqual(len(set(names)), len(names))
        for name in names:
            self.assertRegex(name, r"\A[a-z]{2,15}\Z")


if __name__ == "__main__":
    unittest.main()
