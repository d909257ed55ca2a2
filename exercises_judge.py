"""Judges a solution of the exercises: what should come out, what came out, which mistake it is.

exercises.py calls this, and a browser does, too: nothing here starts a process or knows a terminal.
What a solution is asked (answer) runs in a process of its own and returns plain data; what
should come out is computed here, with the model file's own functions. If the two differ, the known
mistakes of exercises_steps.py are tried on the model file's text: one that gives the same results
is named.
"""
import ast
import builtins
import contextlib
import functools
import io
import itertools
import math
import os
import random
import sys
import textwrap
import threading
import time
import tokenize
import traceback
import types
from operator import mul
from pathlib import Path
from typing import NamedTuple

from exercises_steps import ERRORS, LEAK, NEXT, NEXT_LAYER, NEXT_SHAPES, NEXT_TRAIN, STEPS

HERE = os.path.dirname(os.path.realpath(__file__))
SECONDS = 10  # of computing that a step's check may take
WAITING = 10  # seconds of doing nothing at all
WHOLE = 10  # times as long for the training at the end
MEMORY = 1000  # megabytes
TRAINED = 40  # steps of the training at the end
VARIANTS = 2  # of each example, with other numbers
PRINTED = 2000  # bytes of a solution's own output that are kept
SHOWN = 8  # numbers of a long list that are printed
WIDTH = 79
DEPTH = 250  # calls within calls, for known mistakes and where the stack is small: in a browser
IN_BROWSER = sys.platform == "emscripten"  # there even to free a long chain takes a deep stack


# ---- what a check tells --------------------------------------------------------------------------


class Outcome(NamedTuple):
    """What came of an example: the results, and d (1 y_1 + 2 y_2 + ...) / d each given number."""

    results: tuple = ()
    gradients: tuple = ()
    error: str = ""  # the exception's name, if there was one
    told: str = ""  # and what it said, and where
    changed: tuple = ()  # names of what was given and is another now
    printed: str = ""
    nodes: int = 0  # Values that the result was made from
    seconds: float = 0.0  # of computing


class Verdict(NamedTuple):
    """A step's result; `what` is "right", "not written", "wrong", or "not run"."""

    what: str
    text: str = ""  # for the reader: given, expected, yours
    mistake: str = ""  # a known mistake, or the exception, in one line
    printed: str = ""  # by the solution itself, in the example that is told


# ---- the model file, taken apart -----------------------------------------------------------------


def reference_of(source):
    """Return the name of the file that a solution was started from."""
    if "def linear_attention(" in source:
        return NEXT
    return "micro_gpt.py" if "def attend(" in source else "micro_grassmann_clean.py"


def base_of(name):
    """Return the model file whose text a solution has where it has nothing of its own."""
    return "micro_gpt.py" if name == NEXT else name


def read(path):
    """Return a Python file's text, in the encoding that it names; ValueError if it is none."""
    try:
        with tokenize.open(path) as file:
            return file.read()
    except (UnicodeDecodeError, SyntaxError) as error:
        raise ValueError(f"{path}: its encoding cannot be read ({error})") from error


@functools.cache
def definitions(name):
    """Return {"function", "Class.method" or "Config": its ast node} of a model file."""
    found = {}
    for node in ast.parse(read(Path(HERE, name))).body:
        if isinstance(node, ast.ClassDef) and node.name == "Value":
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef):
                    found[f"Value.{inner.name}"] = inner
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found[node.name] = node
    return found


@functools.cache
def source_of(name, function):
    """Return the text of a function or method of a model file, from the left margin on."""
    node = definitions(name)[function]
    lines = read(Path(HERE, name)).split("\n")[node.lineno - 1:node.end_lineno]
    return textwrap.dedent("\n".join(lines)) + "\n"


def skeleton(name):
    """Return a model file's text with the bodies of all steps' functions left to write."""
    if name == NEXT:
        return skeleton_of_layers()
    lines = read(Path(HERE, name)).split("\n")
    lines[0] = f'"""To be completed: python3 exercises.py THIS_FILE. Started from {name}."""'
    known = definitions(name)
    jobs = [(known[function], n, step, function == step.functions[0])
            for n, step in enumerate(STEPS[name], 1) for function in step.functions]
    for node, n, step, first in sorted(jobs, key=lambda job: -job[0].lineno):  # from the end up
        body = node.body[1:] if ast.get_docstring(node) else node.body
        indent = " " * body[0].col_offset
        lines[body[0].lineno - 1:node.end_lineno] = [f"{indent}raise NotImplementedError"]
        if first:
            lines[node.lineno - 1:node.lineno - 1] = task_lines(n, step, node.col_offset)
    return "\n".join(lines)


def skeleton_of_layers():
    """Return attention's model with the matrices of other layers, and those layers to write."""
    name = base_of(NEXT)
    lines = read(Path(HERE, name)).split("\n")
    lines[0] = f'"""To be completed: python3 exercises.py THIS_FILE. Started from {name}."""'
    parts = []
    for n, step in enumerate(STEPS[NEXT], 1):
        text = NEXT_LAYER.format(step.functions[0], step.title)
        if step.functions[0] == "whole_attention":
            text = LEAK
        parts += ["", "", *task_lines(n, step), *text.rstrip().split("\n")]
    parts += ["", "", *NEXT_TRAIN.rstrip().split("\n")]
    mix, shapes = definitions(name)["mix"], definitions(name)["mixing_shapes"]
    lines[mix.end_lineno:mix.end_lineno] = parts
    lines[shapes.lineno - 1:shapes.end_lineno] = NEXT_SHAPES.rstrip().split("\n")
    return "\n".join(lines)


def task_lines(n, step, column=0):
    """Return a step's task as lines of a comment."""
    margin = " " * column + "# "
    task = textwrap.wrap(f"Step {n}, {step.title}. {step.task}", WIDTH - len(margin))
    return [margin + line for line in task]


# ---- running examples: with the model file's functions here, with a solution's in a child --------


compiled = functools.cache(compile)


def load(code, path):
    """Return the namespace of a file's code, its main() not run; raise what it raises."""
    module = types.ModuleType("solution")
    module.__file__ = str(path)
    sys.modules["solution"] = module
    exec(compiled(code, str(path), "exec", dont_inherit=True), module.__dict__)
    return module.__dict__


def put(namespace, function, source):
    """Define a function, method or class from its text, in place of the one that is there."""
    owner, _, name = function.rpartition(".")
    if not owner:
        exec(source, namespace)
        return
    local = {}
    exec(source, namespace, local)
    setattr(namespace[owner], name, local[name])
    if name in ("__add__", "__mul__"):  # one function serves a + 1 and 1 + a
        setattr(namespace[owner], name.replace("__", "__r", 1), local[name])


def written(namespace, function):
    """Return whether a solution has this function or method."""
    owner, _, name = function.rpartition(".")
    return name in (vars(namespace.get(owner, object)) if owner else namespace)


def leaves(x, value):
    """Return numbers, alone or in lists, as Values in the same form, and all of them in a list."""
    if isinstance(x, (int, float)):
        leaf = value(float(x))
        return leaf, [leaf]
    parts = [leaves(part, value) for part in x]
    rows = tuple if isinstance(x[0], (int, float)) else list
    return rows(part for part, _ in parts), [leaf for _, found in parts for leaf in found]


def pictured(x):
    """Return what tells whether someone has changed Values in lists, or their numbers."""
    if isinstance(x, (list, tuple)):
        return [pictured(part) for part in x]
    return id(x), repr(getattr(x, "data", x))


def run_code(code, names, namespace):
    """Run lines of Python beside the namespace; return what the last, an expression, is."""
    tree = ast.parse(code)
    last = ast.Expression(tree.body.pop().value)
    beside = {**namespace, **names}  # so that a solution's own names stay what they are
    exec(compile(tree, "example", "exec"), beside)
    return eval(compile(last, "example", "eval"), beside)


def number_of(x):
    """Return a plain number, or the text of anything else, so that it can go to another process."""
    if isinstance(x, (int, float, str)):
        return x
    return f"{type(x).__name__} {x!r:.200}"


def value_of(y, value):
    """Return y if it is a Value with a plain number in it, else TypeError."""
    if not isinstance(y, value):
        raise TypeError(f"{y!r:.80} came out, which is not a Value")
    if not isinstance(y.data, (int, float)):
        kind = type(y.data).__name__
        raise TypeError(f"the data of a Value that came out is a {kind}, not a number")
    return y


def count_nodes(y):
    """Return how many Values y was made from, itself included."""
    found = {y}
    todo = [y]
    while todo:
        new = [child for child in todo.pop().children if child not in found]
        found.update(new)
        todo += new
    return len(found)


def outcome(namespace, example, path=""):
    """Return what came of an example; the namespace is left as it was."""
    before = dict(namespace)
    random.seed(0)  # for a solution that draws from there, so that it can be told
    start = time.process_time()
    try:
        found = attempt(namespace, example)
    except BaseException as error:  # sys.exit() and all the rest: it is a student's code
        if isinstance(error, MemoryError):
            limit_memory(2 * MEMORY)  # so that there is room to say so
        found = Outcome(error=type(error).__name__, told=told(error, path))
    finally:
        namespace.clear()
        namespace.update(before)
    return found._replace(seconds=time.process_time() - start)


def attempt(namespace, example):
    """Return the Outcome of an example; raise what it raises."""
    value = namespace["Value"]
    given = {name: leaves(x, value) for name, x in example.given.items()}
    names = {name: x for name, (x, _) in given.items()}
    pictures = {name: pictured(x) for name, x in names.items()}
    exec(example.stand_ins, namespace)
    result = run_code(example.code, {**names, "random": random, "math": math,
                                     "functools": functools}, namespace)
    result = list(result) if isinstance(result, (list, tuple)) else [result]
    changed = [name for name, x in names.items() if pictured(x) != pictures[name]]
    if not example.given:
        return Outcome([number_of(y) for y in result], changed=changed)
    result = [value_of(y, value) for y in result]
    total = sum([(k + 1) * y for k, y in enumerate(result[1:], 1)], result[0])
    total.backward()
    gradients = [leaf.grad for _, found in given.values() for leaf in found]
    if not all(isinstance(grad, (int, float)) for grad in gradients):
        raise TypeError("a gradient is not a number: local derivatives are numbers, not Values")
    return Outcome([y.data for y in result], gradients, changed=changed, nodes=count_nodes(total))


def told(error, path):
    """Return an exception in one line, with the place in the solution where it came from."""
    places = list(traceback.walk_tb(error.__traceback__))
    lines = [line for frame, line in places if frame.f_code.co_filename == str(path)]
    said = " ".join(str(getattr(error, "msg", error)).split())
    if isinstance(error, NotImplementedError):
        return f"still to be written: {places[-1][0].f_code.co_name}"
    if isinstance(error, SyntaxError):
        lines = [error.lineno]
    if isinstance(error, MemoryError):
        said = f"more than {MEMORY:,} megabytes"
    if isinstance(error, TypeError) and "None" in said:
        said += " (is a return missing?)"
    place = f"line {lines[-1]}: " if lines else ""
    return f"{place}{type(error).__name__}: {said[:200]}"


def limit_memory(megabytes):
    """Let this process take so much memory, where the system has such a limit."""
    with contextlib.suppress(ImportError, OSError, ValueError):  # Windows, macOS
        import resource
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (megabytes * 2 ** 20, hard))


def varied(example, rng):
    """Return the example with other numbers in the same places."""
    def exchanged(x):
        if isinstance(x, (int, float)):
            return round(rng.choice((-1, 1)) * rng.uniform(0.1, 2), 1)  # never 0
        return [exchanged(part) for part in x]
    return example._replace(given={name: exchanged(x) for name, x in example.given.items()})


@functools.cache
def examples_of(name, number):
    """Return the step's examples: those for paper, variations, the first again, the long ones."""
    step = STEPS[name][number - 1]
    rng = random.Random(step.title)
    short = [example for example in step.examples if not example.long]
    more = [varied(example, rng) for example in short if example.given and example.varied
            for _ in range(VARIANTS)]
    long = [example for example in step.examples if example.long and not IN_BROWSER]
    return [*short, *more, short[0], *long]


# ---- what a solution is asked: the answers are plain data ----------------------------------------


def answer(code, path, name, request, done=None):
    """Run what a request asks of a solution, given as text or bytes; return the answer.

    {"step": 3, "exchange": [names], "only": [places]}: step 3's examples, or some of them, with the
    model file's text for these names; "outcomes" come back, or an "error" that kept them from being
    tried. Step 0 is the training of the whole. What the solution did to Python's own modules is
    undone, and told as "patched". `done` gets each outcome at once.
    """
    done = [] if done is None else done
    shared = {module: dict(vars(module)) for module in (builtins, math, random)}
    depth = sys.getrecursionlimit()
    found = {"outcomes": done}
    try:
        if IN_BROWSER:
            sys.setrecursionlimit(DEPTH)
        with captured():
            namespace = prepared(code, path, name, request)
            if request["step"] == 0:
                found["whole"] = trained(namespace, request["train"])
            if request["step"] == "probe":
                found["probe"] = probed(namespace)
        for place in request.get("only", ()):
            with captured() as out:
                outcome_there = outcome(namespace, examples_of(name, request["step"])[place], path)
            done.append(outcome_there._replace(printed=out.text())._asdict())
    except BaseException as error:
        found["error"] = told(error, path)
    sys.setrecursionlimit(depth)
    found["patched"] = []
    for module, before in shared.items():
        for key, thing in before.items():
            if vars(module).get(key) is not thing and not key.startswith("_"):
                found["patched"].append(f"{module.__name__}.{key}")
                setattr(module, key, thing)
    return found


def prepared(code, path, name, request):
    """Return a solution's namespace with the model file's text for some names; else LookupError."""
    namespace = load(code, path)
    if "Value" not in namespace:
        raise LookupError("there is no class Value in your file")
    for function in request["exchange"]:
        put(namespace, function, source_of(base_of(name), function))
    for function in wanted_of(name, request["step"]):
        if not written(namespace, function):
            raise LookupError(f"there is no {function} in your file")
    return namespace


def wanted_of(name, number):
    """Return the functions that a step, or the whole for 0, needs from the solution."""
    if number is None:
        return ()
    if number in (0, "probe"):
        return ("begin", "load_docs", "tokenize", "forward", "backpropagate", "train", "evaluate",
                "generate")
    return STEPS[name][number - 1].functions


class Limited(io.RawIOBase):
    """A file that keeps the beginning of what is written to it."""

    def __init__(self):
        self.kept = b""

    def writable(self):
        """Return that one can write."""
        return True

    def fileno(self):
        """Return standard output's number, as some libraries ask for one."""
        return 1

    def write(self, data):
        """Keep the first PRINTED bytes of all, and report all as written."""
        self.kept += bytes(data[:PRINTED - len(self.kept)])
        return len(data)


class Text(io.TextIOWrapper):
    """What a solution prints; like the real standard output it has a buffer and can be set anew."""

    def __init__(self):
        self.limited = Limited()
        super().__init__(io.BufferedWriter(self.limited), "utf-8", "replace", write_through=True)

    def text(self):
        """Return the beginning of what was printed."""
        with contextlib.suppress(ValueError):  # a solution may have closed it
            self.flush()
        return self.limited.kept.decode("utf-8", "replace")


@contextlib.contextmanager
def captured():
    """Collect what is printed in a Text."""
    out = Text()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        yield out


def trained(namespace, steps):
    """Train a whole file for so many steps; return its losses and that on names held out."""
    m = types.SimpleNamespace(**namespace)
    rng = random.Random(42)
    docs, vocab, config, params = m.begin(m.load_docs(Path(HERE, "input.txt")), rng)
    tokens = [m.tokenize(doc, vocab) for doc in docs[:TRAINED + 3]]
    losses = list(itertools.islice(m.train(tokens[:TRAINED], params, config, TRAINED), steps))
    names = [m.generate(vocab, params, config, rng, 0.5) for _ in range(5)]
    held_out = m.evaluate(tokens[TRAINED:], params, config)
    return {"losses": [number_of(loss) for loss in losses], "held_out": number_of(held_out),
            "names": [str(name) for name in names]}


def probed(namespace):
    """Return what a model sees, learns and costs, as lines; in the child."""
    m = types.SimpleNamespace(**namespace)
    names = m.load_docs(Path(HERE, "input.txt"))
    docs, vocab, config, params = m.begin(names, random.Random(42))
    size = sum(len(row) for matrix in params.values() for row in matrix)
    seen = [str(n) for n in seen_positions(m, vocab, config, params)]
    lines = [f"{config}", f"{size:,} parameters",
             f"position {config.block_size - 1} sees the positions {', '.join(seen)}"]
    if hasattr(m, "plucker"):
        z = [m.Value(1.0)] * config.r
        lines.append(f"{len(m.plucker(z, z))} Plücker coordinates for a pair")
    m.backpropagate(m.tokenize(docs[0], vocab), params, config)
    still = [name for name, matrix in params.items()
             if not any(w.grad for row in matrix for w in row)]
    lines.append(f"matrices that get no gradient from {docs[0]!r}: {', '.join(still) or 'none'}")
    fresh = m.begin(names, random.Random(42))[3]
    losses = list(m.train([m.tokenize(doc, vocab) for doc in docs[:10]], fresh, config, 10))
    return "\n".join([*lines, f"loss at step 10 of 10: {losses[-1]:.4f}"])


def seen_positions(m, vocab, config, params):
    """Return the positions whose token matters to the last one's logits."""
    tokens = [n % (len(vocab) - 1) for n in range(config.block_size)]

    def last_logits(tokens):
        cache = [[] for _ in range(config.n_layer)]
        for position, token in enumerate(tokens):
            logits = m.forward(token, position, cache, params, config)
        return [logit.data for logit in logits]
    usual = last_logits(tokens)
    seen = []
    for n in range(len(tokens)):
        other = last_logits(tokens[:n] + [len(vocab) - 1] + tokens[n + 1:])
        if max([abs(a - b) for a, b in zip(usual, other)]) > 1e-12:  # less is rounding
            seen.append(n)
    return seen


# ---- what should come out ------------------------------------------------------------------------


judging = threading.RLock()  # a class is checked by several threads, its examples by one at a time


def reference(name, step=None, old=None, new=None):
    """Return the namespace of a model file, with one of its functions changed if that is wanted.

    old None stands for the whole text of the step's last function; ValueError if old is not there.
    """
    if name == NEXT:
        return reference_layers(step, old, new)
    namespace = load(read(Path(HERE, name)), name)
    if step is not None:
        put(namespace, *changed_text(name, step.functions, old, new))
    return namespace


def changed_text(name, functions, old, new):
    """Return a function's name and its text with new for old; ValueError if none has it."""
    if old is None:
        return functions[-1], new
    for function in functions:
        source = source_of(name, function)
        if old in source:
            return function, source.replace(old, new, 1)
    raise ValueError(f"{name}, {', '.join(functions)}: {old!r} is not in the text")


def reference_layers(step, old, new):
    """Return the namespace of attention's model with layers of alternatives.py beside mix.

    One of them is changed as in reference.
    """
    import beyond  # only the next exercises need it

    makers = dict(beyond.MAKERS)
    layers = load(read(Path(HERE, NEXT)), NEXT)
    beyond.MAKERS.clear()
    beyond.MAKERS.update(makers)  # where the layers have put themselves, changed or not
    memories = layers["MEMORIES"]
    if old is not None:
        function, text = changed_text(NEXT, step.shown, old, new)
        put(layers, function, text)
        if function == "linear_attention":
            memories["linear attention"] = memories["linear attention"]._replace(
                step=layers[function])
    model = beyond.variant(layers["micro_gpt"])
    stand_ins = {
        "linear_attention": functools.partial(layers["memory_mix"], memories["linear attention"]),
        "delta_rule": functools.partial(layers["memory_mix"], memories["delta rule"]),
        "gated_recurrence": layers["gated_recurrence"], "whole_attention": whole_attention}
    for name, stand_in in stand_ins.items():
        setattr(model, name, functools.partial(stand_in, model))
    if step and old is None:
        put(vars(model), *changed_text(NEXT, step.functions, old, new))
    return vars(model)


def whole_attention(model, xs, layer, params, config):
    """Return what the model's mix returns at each position of a document."""
    past = []
    return [model.mix(x, layer, past, params, config) for x in xs]


@functools.cache
def expected(name, number):
    """Return the Outcomes of a step's examples with the model file's functions.

    ValueError if one fails: then the model file is damaged.
    """
    namespace = reference(name)
    found = [outcome(namespace, example) for example in examples_of(name, number)]
    for each in found:
        if each.error:
            raise ValueError(f"{name} itself fails at step {number}, {each.told}: is it damaged?")
    return found


@functools.cache
def expected_whole(name, steps):
    """Return what comes of training the model file itself."""
    return trained(reference(name), steps)


def sumprod(u, v):
    """Return the dot product of the model files before Python 3.12, which takes any lengths."""
    return sum(map(mul, u, v))


@functools.cache
def mistaken(name, number, which, place):
    """Return the Outcome of an example with one of the known mistakes in the model file's text."""
    step = STEPS[name][number - 1]
    namespace = reference(name, step, *step.mistakes[which][:2])
    namespace["sumprod"] = sumprod
    depth = sys.getrecursionlimit()
    sys.setrecursionlimit(DEPTH)  # some mistakes are endless calls
    try:
        return outcome(namespace, examples_of(name, number)[place])
    finally:
        sys.setrecursionlimit(depth)


def close(a, b):
    """Return whether two results are the same to 1e-9, relative where they are large."""
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        if not (math.isfinite(a) and math.isfinite(b)):
            return a == b or a != a and b != b
        return abs(a - b) <= 1e-9 * max(1, abs(a), abs(b))
    return type(a) is type(b) and a == b


def alike(a, b):
    """Return whether two lists of results agree."""
    return len(a) == len(b) and all(map(close, a, b))


def same_results(a, b):
    """Return whether two outcomes agree in their results and the name of an exception."""
    return a.error == b.error and alike(a.results, b.results)


def same(a, b):
    """Return whether two outcomes agree in all. (Where NaN came out, gradients say nothing.)"""
    if not same_results(a, b) or list(a.changed) != list(b.changed):
        return False
    return any(y != y for y in a.results) or alike(a.gradients, b.gradients)


def first_wrong(found, wanted):
    """Return the place of the outcome to tell of, or None: wrong results before wrong gradients."""
    wrong = [n for n, pair in enumerate(zip(found, wanted)) if not same(*pair)]
    if not wrong:
        return None
    for n in wrong if same_results(found[wrong[0]], wanted[wrong[0]]) else ():
        if not found[n].error and not same_results(found[n], wanted[n]):
            return n
    return wrong[0]


# ---- judging a step ------------------------------------------------------------------------------


def verdict_on(ask, name, number):
    """Return the Verdict on a step; ask(request) gives a solution's answer to a request."""
    step = STEPS[name][number - 1]
    with judging:
        wanted = expected(name, number)
    examples = examples_of(name, number)
    request = {"step": number, "exchange": functions_of_other_steps(name, step)}
    seconds = 0
    for long in (False, True):
        places = [n for n, example in enumerate(examples) if example.long == long]
        found = ask({**request, "only": places}) if places else {"outcomes": []}
        if "error" in found:
            return Verdict("wrong", mistake=found["error"])
        outcomes = [Outcome(**each) for each in found["outcomes"]]
        empty = [each for each in outcomes if each.error == "NotImplementedError"]
        if empty:
            names = dict.fromkeys([each.told.rpartition(": ")[2] for each in empty])
            return Verdict("not written", mistake=f"still to be written: {', '.join(names)}")
        place = first_wrong(outcomes, [wanted[n] for n in places])
        if place is not None:
            known = dict(zip(places, outcomes))
            return wrong_verdict(ask, name, number, known, places[place],
                                 found.get("patched", []))
        if "stopped" in found:
            return Verdict("wrong", mistake=too_long(found, step, examples[places[len(outcomes)]]))
        seconds += sum([each.seconds for each in outcomes])
    usual = sum([each.seconds for each in wanted])
    if seconds > max(2, 20 * usual):
        return Verdict("right", f"  but slow: {seconds:.1f} seconds for the examples, the model "
                                f"file's own takes {usual:.2f}")
    return Verdict("right")


def functions_of_other_steps(name, step):
    """Return the functions that are taken from the model file while this step is checked."""
    there = definitions(base_of(name))
    return [function for other in STEPS[name] if other is not step
            for function in other.functions if function in there]


def given_functions(name):
    """Return what a skeleton has ready-made."""
    steps = STEPS[name]
    to_write = {function for step in steps for function in step.functions}
    return [function for function in definitions(base_of(name)) if function not in to_write]


def too_long(found, step, example):
    """Return what is said of a solution that was stopped, or ended by itself, in an example."""
    where = f", in line {found['line']}" if found.get("line") else ""
    if found["stopped"] == "waiting":
        return (f"nothing was computed for {WAITING} seconds{where}: does it wait for input, or "
                "sleep?")
    if found["stopped"] != "computing":
        return f"Python itself ended, with {found['stopped']}"
    if example and example.long:
        return (f"right on short examples but too slow on a long one: not done after {SECONDS} "
                f"seconds of computing{where}. {step.slow}")
    return (f"not done after {SECONDS} seconds of computing{where}: is there a loop that never "
            "ends?")


def wrong_verdict(ask, name, number, found, place, patched):
    """Return the Verdict on a step with a wrong outcome at this place of its examples."""
    exercise = STEPS[name][number - 1]
    example = examples_of(name, number)[place]
    wanted = expected(name, number)
    yours = found[place]
    with judging:
        text = explained(name, example, yours, wanted[place])
        sure, perhaps = known_mistakes(name, number, found, place)
    sentence = sure
    if sure and sure == exercise.untouched:
        return Verdict("not written", text, sure)
    if sentence is None and yours.changed:
        sentence = (f"{' and '.join(yours.changed)} must not change: the caller goes on using "
                    "what it has given")
    if sentence is None and patched:
        sentence = f"your file redefines {', '.join(patched)} for the whole of Python"
    if sentence is None:
        sentence = not_this_step(ask, name, number, place)
    if sentence is None:
        sentence = said_of_error(yours) or cut_off(example, yours, wanted[place]) or perhaps
    if sentence is None:
        sentence = simple_pattern(yours, wanted[place])
    return Verdict("wrong", text, sentence or yours.told, yours.printed)


def known_mistakes(name, number, found, place):
    """Return two sentences, or None for each: on a mistake that gives all these outcomes (or all
    results, if they are wrong), and on one that gives the first wrong one and most others.
    """
    perhaps = None
    wrong = [n for n in found if not same(found[n], expected(name, number)[n])]
    of_the_kind = [n for n in wrong if bool(found[n].error) == bool(found[place].error)]
    most = max(1, len(of_the_kind) / 2)
    wrong_results = not same_results(found[place], expected(name, number)[place])
    for which, (_, _, sentence) in enumerate(STEPS[name][number - 1].mistakes):
        there = mistaken(name, number, which, place)
        agrees = same(found[place], there)
        if not (agrees or wrong_results and same_results(found[place], there)):
            continue
        if found[place].error and said(found[place]) != said(there):
            continue
        agree = same_results if wrong_results else same
        agreeing = [n for n in found if agree(found[n], mistaken(name, number, which, n))]
        if len(agreeing) == len(found):
            return sentence, None
        if len(set(agreeing) & set(of_the_kind)) > most:
            most = len(set(agreeing) & set(of_the_kind))
            perhaps = f"perhaps: {sentence}"
    return None, perhaps


def said(found):
    """Return what an exception said, without the line, where that tells what is wrong."""
    vague = found.error in ("AttributeError", "NameError", "TypeError", "UnboundLocalError")
    return found.told[found.told.index(found.error):] if vague else found.error


def not_this_step(ask, name, number, place):
    """Return a sentence if a wrong outcome comes from elsewhere in the file, or from before."""
    step = STEPS[name][number - 1]
    others = functions_of_other_steps(name, step)

    def is_right(exchange, places):
        found = ask({"step": number, "exchange": [*others, *exchange], "only": places})
        wanted = [expected(name, number)[n] for n in places]
        return "stopped" not in found and len(found["outcomes"]) == len(places) and all(
            same(Outcome(**yours), right) for yours, right in zip(found["outcomes"], wanted))
    if is_right([], [place]):
        return ("right when it is called alone, wrong after other calls: something is kept from "
                "call to call, such as a default value seen=[] or a variable outside the function")
    given = given_functions(name)
    if not is_right(given, [place]):
        return None
    for function in given:
        if is_right([function], [place]):
            return (f"your {step.functions[-1]} is right with the model file's {function}: that "
                    "function was given, and has been changed")
    return f"your {step.functions[-1]} is right: functions that were given have been changed"


def said_of_error(yours):
    """Return the sentence on an exception, or None."""
    for error, words, sentence in ERRORS:
        if error == yours.error and words in yours.told:
            return sentence
    return None


def cut_off(example, yours, wanted):
    """Return a sentence if results are right and no gradient arrives at something given."""
    if yours.error or not same_results(yours, wanted) or not yours.gradients:
        return None
    start = 0
    cut = []
    for name, x in example.given.items():
        number = len(leaves(x, float)[1])
        part = slice(start, start + number)
        if any(wanted.gradients[part]) and not any(yours.gradients[part]):
            cut.append(name)
        start += number
    if not any(yours.gradients):
        return ("all gradients are 0: numbers that are taken out with .data no longer know what "
                "they were made from")
    if cut:
        return (f"no gradient arrives at {' and '.join(cut)}: numbers that are taken out with "
                ".data no longer know what they were made from")
    return None


def simple_pattern(yours, wanted):
    """Return a sentence on results or gradients that are wrong in some simple way, or None."""
    if yours.error:
        return None
    if same_results(yours, wanted):
        times = factor(yours.gradients, wanted.gradients)
        return times and f"each gradient is {times} what it should be"
    if len(yours.results) != len(wanted.results):
        return f"the number of results is {len(yours.results)}, not {len(wanted.results)}"
    kinds = {type(y) for y in (*yours.results, *wanted.results)}
    if not kinds <= {int, float}:
        return None
    if alike(sorted(yours.results), sorted(wanted.results)):
        return "these are the right numbers in another order"
    times = factor(yours.results, wanted.results)
    return times and f"each number is {times} what it should be"


def factor(yours, wanted):
    """Return "3 times" or "minus" if all numbers are the wanted ones times that, else None.

    A single number must be a whole number of times the wanted one, or a whole part of it.
    """
    pairs = [(a, b) for a, b in zip(yours, wanted) if a or b]
    if not all(b and math.isfinite(a) and math.isfinite(b) for a, b in pairs):
        return None
    ratios = [a / b for a, b in pairs]
    if not ratios or max(ratios) - min(ratios) > 1e-9 or abs(ratios[0]) < 1e-9:
        return None
    is_whole = any(abs(ratio - round(ratio)) < 1e-9 for ratio in (ratios[0], 1 / ratios[0]))
    if len(ratios) == 1 and not is_whole:
        return None
    return "minus" if abs(ratios[0] + 1) < 1e-9 else f"{ratios[0]:.6g} times"


def explained(name, example, yours, wanted):
    """Return what was given, what was expected and what came, as lines."""
    lines = [f"{key} = {x}" for key, x in example.given.items()]
    if example.stand_ins:
        lines += example.stand_ins.split("\n")
    rows = [("" if n else "given", line)
            for n, line in enumerate(lines + example.code.split("\n"))]
    right, mine = around(wanted.results, yours.results)
    if not same_results(yours, wanted):
        rows += [("expected", right), ("yours", yours.told or mine)]
    elif list(yours.changed) != list(wanted.changed):
        rows += [("", f"the result is right, but {' and '.join(yours.changed)} changed")]
    else:
        total = " + ".join([f"{n} y_{n}" for n in range(1, len(yours.results) + 1)])
        of = f" of {total}" if len(yours.results) > 1 else ""
        rows += [("result", right), ("", f"that is right; the gradients{of} are not:")]
        right, mine = around(wanted.gradients, yours.gradients)
        rows.append(("expected", right))
        tried = slopes(reference(name), example)
        if all(abs(a - b) < 1e-4 * max(1, abs(a)) for a, b in zip(wanted.gradients, tried)):
            rows.append(("by trying", f"{around(tried, yours.gradients)[0]} (each moved by 1e-6)"))
        rows.append(("yours", mine))
    return "\n".join([laid(label, text) for label, text in rows])


def laid(label, text):
    """Return a label and a text in two columns; a line of code keeps its blanks."""
    line = f"  {label:10}{text}"
    if len(line) <= WIDTH:
        return line
    return "\n".join(textwrap.wrap(line, WIDTH, subsequent_indent=" " * 12))


def around(right, mine):
    """Return two lists as lines, around the first place where they differ, and so that they do."""
    differ = [n for n, pair in enumerate(zip(right, mine)) if not close(*pair)]
    first = differ[0] if differ else min(len(right), len(mine))
    if max(len(right), len(mine)) <= 12:
        part = slice(0, 12)
    else:
        part = slice(max(0, first - SHOWN // 2), max(0, first - SHOWN // 2) + SHOWN)
    for digits in (6, 12, 17):
        lines = []
        for values in (right, mine):
            words = [f"{y:.{digits}g}" if isinstance(y, float) else repr(y) for y in values[part]]
            before = [f"({part.start} more)"] if part.start else []
            after = len(values) - part.stop
            lines.append(", ".join(before + words + ([f"({after} more)"] if after > 0 else [])))
        if lines[0] != lines[1]:
            break
    return lines


def slopes(namespace, example):
    """Return the gradients found by moving each given number a little, without the chain rule."""
    def moved(x, place, by):
        if isinstance(x, (int, float)):
            place[0] -= 1
            return x + by if place[0] == -1 else x
        return [moved(part, place, by) for part in x]

    def total(k, by):
        place = [k]
        given = {name: moved(x, place, by) for name, x in example.given.items()}
        found = outcome(namespace, example._replace(given=given))
        return sum([n * y for n, y in enumerate(found.results, 1)])
    number = sum([len(leaves(x, float)[1]) for x in example.given.values()])
    return [(total(k, 1e-6) - total(k, -1e-6)) / 2e-6 for k in range(number)]


# ---- judging the whole ---------------------------------------------------------------------------


def verdict_on_whole(ask, name):
    """Return the Verdict on the whole file: its losses beside the model file's, and its names."""
    with judging:
        wanted = expected_whole(name, TRAINED)
    found = ask({"step": 0, "train": TRAINED, "seconds": WHOLE * SECONDS})
    if "stopped" in found:
        return Verdict("wrong", mistake=too_long(found, None, None).replace(
            f"{SECONDS} seconds", f"{WHOLE * SECONDS} seconds"))
    if "error" in found:
        return Verdict("wrong", mistake=found["error"])
    yours = found["whole"]
    step = first_difference(yours, wanted)
    if step is None:
        return Verdict("right", f"Trained for {TRAINED} steps, your file has the losses of {name}; "
                       f"the last is {yours['losses'][-1]:.4f}.\nYour model writes: "
                       f"{' '.join(yours['names'])}.\nEvery function that learning, looking back "
                       "and writing need here is your own.")
    if step < TRAINED:
        mine = yours["losses"][step] if step < len(yours["losses"]) else "none"
        text = f"  loss at step {step + 1}: {wanted['losses'][step]} expected, yours {mine}"
    else:
        text = (f"  loss on names held out: {wanted['held_out']} expected, yours "
                f"{yours['held_out']}")
    return Verdict("wrong", text, culprits(ask, name, min(step + 1, TRAINED)))


def first_difference(yours, wanted):
    """Return the step whose loss differs, the number of steps for the loss at the end, or None."""
    pairs = [*itertools.zip_longest(yours["losses"], wanted["losses"], fillvalue=math.nan),
             (yours["held_out"], wanted["held_out"])]
    for n, (a, b) in enumerate(pairs):
        if not (isinstance(a, (int, float)) and abs(a - b) <= 1e-7):  # NaN differs, too
            return n
    return None


def culprits(ask, name, steps):
    """Return a sentence on which functions make a whole file differ, by exchanging them."""
    with judging:
        if steps == TRAINED and first_difference_untrained(ask, name):
            steps = 0
        wanted = expected_whole(name, steps)

    def is_right(exchange):
        found = ask({"step": 0, "exchange": exchange, "train": steps, "seconds": WHOLE * SECONDS})
        return "whole" in found and first_difference(found["whole"], wanted) is None
    suspects = list(definitions(name))
    if not is_right(suspects):
        return (f"even with all functions of {name} the losses differ: something outside them "
                "has been changed, such as an import or a constant")
    for function in list(suspects):
        rest = [other for other in suspects if other != function]
        if is_right(rest):
            suspects = rest
    where = {function: f"step {n}" for n, step in enumerate(STEPS[name], 1)
             for function in step.functions}
    listed = " and ".join([f"{function} ({where.get(function, 'which was given')})"
                           for function in suspects])
    return (f"it is {listed}: with the model file's in place of yours the losses are the same"
            + (", so the examples of that step do not cover this" if any(
                function in where for function in suspects) else ""))


def first_difference_untrained(ask, name):
    """Return whether the loss on names held out differs without any training, too."""
    found = ask({"step": 0, "train": 0})
    return "whole" not in found or first_difference(
        found["whole"], expected_whole(name, 0)) is not None


def verdict_on_text(source, number):
    """Return the Verdict on a step (0 is the whole) of a solution's text, run in this process.

    For a browser, where there are no others: nothing ends what does not end by itself.
    """
    name = reference_of(source)
    ask = functools.partial(answer, source, "your file", name)

    def asked(request):
        return ask({"exchange": (), **request})
    found = asked({"step": None})
    if "error" in found:
        return Verdict("not run", mistake=found["error"])
    return verdict_on(asked, name, number) if number else verdict_on_whole(asked, name)
