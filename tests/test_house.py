"""How the files fit together: the promises that make the house readable.

Each promise is a function from source text to a list of complaints, so that the tests can also
break the source on purpose and see the complaint come.
"""
import ast
import difflib
import doctest
import functools
import importlib.util
import itertools
import re
import shutil
import sysconfig
import tempfile
import unittest
from pathlib import Path

from tests.helpers import INPUT, MODELS, ROOT, run

SOURCES = {path.stem: path.read_text(encoding="utf-8") for path in sorted(ROOT.glob("*.py"))}
GPT, CLEAN = SOURCES["micro_gpt"], SOURCES["micro_grassmann_clean"]
FILES = {model.__name__: SOURCES[model.__name__] for model in MODELS}
SCRIPTS = {name: source for name, source in SOURCES.items() if name not in FILES}
HELPERS = {name for name, source in SOURCES.items() if "\nif __name__ ==" not in source}
FLOORS = ({*FILES, "tasks", "show"}, {"beyond"}, {"alternatives", "inside"}, {"compare"})
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class House(unittest.TestCase):
    def complains(self, complaints, source, *changes):
        """Check that each change of the source, an old and a new text, leads to a complaint."""
        for old, new in changes:
            broken = source.replace(old, new)
            self.assertFalse(source == broken, f"{old} is gone: choose another change")
            self.assertNotEqual(complaints(broken), [], f"{old} -> {new}")


# ---- one file is enough --------------------------------------------------------------------------


@functools.cache
def imported(source):
    """Return the names of all modules that a file imports."""
    nodes = list(ast.walk(ast.parse(source)))
    return [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names] \
        + ["." * node.level + (node.module or "") for node in nodes
           if isinstance(node, ast.ImportFrom)]


def foreign(source):
    """Complain of whatever is imported from outside the standard library."""
    return [name for name in imported(source) if not in_standard_library(name)]


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


class OneFileIsEnough(House):
    def test_runs_alone(self):
        """Each model file, copied alone with input.txt, trains, evaluates and samples."""
        for name, source in FILES.items():
            result = run_alone(source)
            self.assertEqual((result.returncode, result.stderr, foreign(source)), (0, "", []), name)
            self.assertRegex(result.stdout, r"(?s)^\d+ documents.*20 documents held out.*: \d\."
                                            r"\d+\)\nsample  1: [a-z]*\n$")
        self.assertIn("micro_gpt", run_alone(f"import micro_gpt\n{CLEAN}").stderr)
        self.complains(foreign, CLEAN, *[("import gc", line) for line in (
            "import micro_gpt", "from micro_gpt import Value", "import torch.nn",
            "from . import helpers", "def f():\n    import tests.helpers")])


# ---- the diff is the paper -----------------------------------------------------------------------


def apart(source):
    """Return a model file without its first line and its mixing layer, and that section alone."""
    lines = source.splitlines()[1:]
    start = next(n for n, line in enumerate(lines) if line.startswith("# ---- the mixing layer"))
    end = next(n for n, line in enumerate(lines) if n > start and line.startswith("# ----"))
    return lines[:start] + lines[end:], ast.parse("\n".join(lines[start:end])).body


def differences(gpt, clean):
    """Complain of each difference that is not within the mixing layer's section."""
    (one, gpt_own), (two, clean_own) = apart(gpt), apart(clean)
    complaints = list(difflib.unified_diff(one, two, n=0, lineterm=""))
    seams = [[(node.name, ast.dump(node.args) if isinstance(node, ast.FunctionDef) else "")
              for node in own if node.name in ("Config", "mixing_shapes", "mix")]
             for own in (gpt_own, clean_own)]
    return complaints if seams[0] == seams[1] else [*complaints, "other names or arguments"]


class TheDiffIsThePaper(House):
    def test_same_program(self):
        """Word for word, but for the mixing layer; its seams have the same names and arguments."""
        self.assertEqual(differences(GPT, CLEAN), [])
        changes = (("visited", "seen"), ("0.08", "0.09"), ("1e-5", "1e-6"), ("import gc\n", ""),
                   ("clear the", "clear  the"), ("# ---- training, ev", "# ---- Training, ev"),
                   ("def evaluate(", "def aside():\n    pass\n\n\ndef evaluate("),
                   ("(4 * d, d)", "(2 * d, d)"), ("def mix(x, layer,", "def mix(layer, x,"),
                   ("def mix(", "def blend("), ("if __name__", "main()\nif __name__"))
        self.complains(lambda broken: differences(broken, CLEAN), GPT, *changes)
        self.complains(lambda broken: differences(GPT, broken), CLEAN, *changes)
        for old, new in ((" + 1e-8) ** -0.5", " + 1e-7) ** -0.5"), ("A whole Gr", "A full Gr"),
                         ('"W_red": (config.r, d)', '"W_red": (config.r, 2)')):
            self.assertEqual(differences(GPT, CLEAN.replace(old, new)), [])


# ---- the annotated file is the clean file --------------------------------------------------------


@functools.cache
def bare(source):
    """Return the tree of each top-level statement, without docstrings; comments have none."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, *DEFINITIONS)) and ast.get_docstring(node) is not None:
            del node.body[0]
    return [(getattr(node, "name", ""), ast.dump(node)) for node in tree.body]


def more_than_words(source):
    """Complain of each statement that differs from the clean file's."""
    pairs = itertools.zip_longest(bare(source), bare(CLEAN), fillvalue=("nothing", ""))
    return [f"{one[0]} here, {two[0]} there" for one, two in pairs if one != two]


class TheAnnotatedFileIsTheCleanFile(House):
    def test_same_tree(self):
        """micro_grassmann.py adds words and no code, and its examples show what is computed."""
        self.assertEqual(more_than_words(SOURCES["micro_grassmann"]), [])
        self.complains(more_than_words, CLEAN, ("visited", "seen"), ("1e-8", "1e-7"),
                       ("            gc.enable()", "            gc.collect()"),
                       ("import gc\n", ""), ("def evaluate(", "x = 1\ndef evaluate("),
                       ("self.data - other", "self.data + other"))
        words = CLEAN.replace('    """', '    """In other words. ')
        self.assertEqual(more_than_words(words.replace("\ndef ", "\n\n# Why.\ndef ")), [])
        result = doctest.testmod(MODELS[2])
        self.assertGreater(result.attempted, 0)
        self.assertEqual(result.failed, 0)


# ---- no script restates a formula ----------------------------------------------------------------


def functions(source):
    """Return {name: node} of the functions and classes outside classes, nested ones too."""
    tree = ast.parse(source)
    methods = {method for node in ast.walk(tree) if isinstance(node, ast.ClassDef)
               for method in node.body}
    return {node.name: node for node in ast.walk(tree)
            if isinstance(node, DEFINITIONS) and node not in methods}


MODEL_NAMES = {*functions(GPT), *functions(CLEAN)} - {"main", "read_options"}


def restated(source):
    """Complain of a function that has a model's name and doesn't call it, and of imports upward."""
    allowed = {*FILES, *HELPERS}
    complaints = [f"imports {name}" for name in imported(source)
                  if name.partition(".")[0] in {*SOURCES, "large", "tests"} - allowed]
    for name, node in functions(source).items():
        if name in MODEL_NAMES:
            used = [part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)]
            if name not in used:
                complaints.append(f"{name} is the model's")
    return complaints


def floor(name):
    """Return on which floor of the house a file stands; on the top one if it is not in FLOORS."""
    return next((n for n, files in enumerate(FLOORS) if name in files), len(FLOORS))


class ArrowsPointDown(House):
    def test_imports(self):
        """What all share stands on floors, and a file there imports from lower ones alone."""
        for name, source in SOURCES.items():
            used = [other for other in imported(source) if other in SOURCES]
            if floor(name) < len(FLOORS):
                self.assertEqual([one for one in used if floor(one) >= floor(name)], [], name)


class NoScriptRestatesAFormula(House):
    def test_scripts(self):
        """They import the model, and no other script but the helpers."""
        for name, source in SCRIPTS.items():
            self.assertEqual(restated(source), [], name)
        self.complains(restated, "import show\n", *[("import show", code) for code in (
            "import tutorial", "from large import model", "import tests.helpers",
            "class Value:\n    pass", "def rmsnorm(x):\n    return x",
            "def f():\n    def plucker(u, v):\n        return dot(u, v)")])
        own = "def dot(u, v):\n    return micro_gpt.dot(u, v).data\n"
        self.assertEqual(restated(own), [])


# ---- calm ----------------------------------------------------------------------------------------

OPERATORS = ("def __truediv__", "def __neg__", "def __rsub__", "def __rtruediv__")


def not_calm(source):
    """Complain of what makes a reader stop, by the list of tricks. (Layout: see ruff.toml.)"""
    complaints, starts, lines = [], set(), source.split("\n")
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, (ast.stmt, ast.NamedExpr)):
            continue
        tricks = {
            "walrus": isinstance(node, ast.NamedExpr),
            "control flow by and, or, if-else":
                isinstance(node, ast.Expr) and isinstance(node.value, (ast.BoolOp, ast.IfExp)),
            "chained assignment": isinstance(node, ast.Assign) and len(node.targets) > 1,
            "tuple assignment": isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple)
                and isinstance(node.targets[0], ast.Tuple),
            "lambda with a name": isinstance(node, ast.Assign)
                and isinstance(node.value, ast.Lambda),
            "more than 40 lines": isinstance(node, ast.FunctionDef)
                and node.end_lineno - node.lineno >= 40,
            "two statements on a line": isinstance(node, ast.stmt) and node.lineno in starts
                and not lines[node.lineno - 1].strip().startswith(OPERATORS)}
        complaints += [f"line {node.lineno}: {trick}" for trick, found in tricks.items() if found]
        if isinstance(node, ast.stmt):
            starts.add(node.lineno)
    return complaints


class Calm(House):
    def test_no_tricks(self):
        """A reader who knows basic Python never stops to decode."""
        for name, source in SOURCES.items():
            found = not_calm(source)
            if name in SCRIPTS:  # two short names for two short things may share a line there
                found = [complaint for complaint in found if "tuple" not in complaint]
            self.assertEqual(found, [], name)
        before = "def evaluate("
        self.complains(not_calm, CLEAN, *[(before, f"{code}\n\n\n{before}") for code in (
            "if (n := 3):\n    pass", "x = y = 1", "a, b = 1, 2", "x or print()", "x = 1; y = 2",
            "def f(): return 1", "if x: y = 1", "f = lambda x: x", "print() if x else 0",
            "def f():" + "\n    x = 1" * 40)])


# ---- words, and a quiet import -------------------------------------------------------------------


def unexplained(source, one_line=False):
    """Complain of public names without a docstring.

    With one_line, of docstrings of more than one line; there Value's small methods need none.
    """
    complaints, tree = [], ast.parse(source)
    places = [("", tree.body)] + [(f"{node.name}.", node.body) for node in tree.body
                                  if isinstance(node, ast.ClassDef)]
    for prefix, body in places:
        for node in [node for node in body if isinstance(node, DEFINITIONS)]:
            name, words = prefix + node.name, ast.get_docstring(node)
            exempt = one_line and prefix == "Value." and node.name != "backward"
            if words is None and not node.name.startswith("_") and not exempt:
                complaints.append(f"{name} has no docstring")
            if one_line and "\n" in (words or "").strip():
                complaints.append(f"{name}: more than one line")
    return complaints + ([] if ast.get_docstring(tree) else ["the file has no docstring"])


IMPORT = """
import sys
noise = []
def opened(event, arguments):
    path = str(arguments[0]) if event == "open" else ""
    if path.startswith({root!r}) and not path.endswith(".py") and "__pycache__" not in path:
        noise.append("opens " + path)
def called(frame, event, argument):
    if frame.f_code.co_name in ("train", "forward", "backward"):
        noise.append("calls " + frame.f_code.co_name)
sys.path.insert(0, {root!r})
sys.addaudithook(opened)
sys.setprofile(called)
import {names}
sys.setprofile(None)
sys.exit(", ".join(noise))
"""


def noise(names, folder):
    """Return what imports print, which files of the project they open, whether they train."""
    with tempfile.TemporaryDirectory() as elsewhere:
        result = run("-B", "-c", IMPORT.format(names=names, root=str(folder)), cwd=elsewhere)
    return (result.stdout + result.stderr).strip()


ISOLATED = """
import runpy, sys
root, *names = sys.argv[1:]
path, modules = list(sys.path), set(sys.modules)
for name in names:
    sys.argv = [name, "--help"]
    try:
        runpy.run_path(f"{root}/{name}.py", run_name="__main__")
    except SystemExit as ended:
        if ended.code:
            sys.exit(f"{name}: {ended.code}")
    sys.path[:] = path  # the next one has to find its modules itself
    for other in set(sys.modules) - modules:
        if (getattr(sys.modules[other], "__file__", None) or "").startswith(root):
            del sys.modules[other]
"""


class Form(House):
    def test_scripts_run_isolated(self):
        """python -I and -P leave the script's folder out of the path: scripts put it back."""
        with tempfile.TemporaryDirectory() as elsewhere:
            names = [name for name, source in SOURCES.items() if "\nif __name__ ==" in source]
            result = run("-I", "-c", ISOLATED, ROOT, *names, cwd=elsewhere)
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            self.assertEqual(result.stdout.count("-h, --help"), len(names))

    def test_one_version(self):
        """CITATION.cff names the newest version of CHANGELOG.md, and its date."""
        found = re.search(r"\n## (\S+) \((\S+)\)", (ROOT / "CHANGELOG.md").read_text("utf-8"))
        citation = (ROOT / "CITATION.cff").read_text("utf-8")
        self.assertIn(f"\nversion: {found[1]}\ndate-released: {found[2]}\n", citation)

    def test_docstrings(self):
        """Every public name says what it is for, in one line in the bare files."""
        for name, source in SOURCES.items():
            self.assertEqual(unexplained(source, source in (GPT, CLEAN)), [], name)
        self.complains(lambda source: unexplained(source, True), CLEAN,
                       ('    """Return the dot product of two vectors as one node."""\n', ""),
                       ('"""Return x divided by', '"""Return x\n\n    divided by'),
                       ('        """Set grad to', '        f"""Set grad to'),
                       ('"""A whole', 'f"""A whole'))

    def test_imports_are_quiet(self):
        """Importing prints nothing, opens no file of the project and trains nothing."""
        self.assertEqual(noise(", ".join(SOURCES), ROOT), "")
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder).resolve()
            shutil.copy(INPUT, folder / "input.txt")
            for code in "print(1)", "def train():\n    pass\n\n\ntrain()", \
                    "import sys; sys.stderr.write('x')", "open(__file__[:-7] + 'input.txt')":
                (folder / "loud.py").write_text(code, encoding="utf-8")
                self.assertNotEqual(noise("loud", folder), "", code)

    def test_names(self):
        """input.txt: thousands of distinct lower-case names that fit into a block."""
        names = INPUT.read_text(encoding="utf-8").splitlines()
        self.assertGreaterEqual(len(names), 4000)
        self.assertEqual(len(set(names)), len(names))
        for name in names:
            self.assertRegex(name, r"\A[a-z]{2,15}\Z")
