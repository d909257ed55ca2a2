"""What the playground's page asks, answered by the project's own files.

A question is a dict such as {"ask": "plane", "u": [1, 0, 0], "v": [0, 1, 0]}, and answer() turns it
into another dict. playground.py, the server, calls it; without a server, Pyodide does in the
browser (playground/worker.js). There is nothing to run.
"""
import ast
import contextlib
import functools
import inspect
import itertools
import json
import math
import multiprocessing
import operator
import random
import signal
import sys
import threading
import time
from pathlib import Path

import beyond
import inside
import micro_gpt
import micro_grassmann
import show
import tasks

HERE = Path(__file__).resolve().parent
LIMITS = {"steps": (1, 20000), "seed": (0, 10 ** 9), "r": (2, 8), "n_layer": (1, 4)}
RUNNING = 2  # trainings at once
KEPT = 8  # trainings remembered
IN_BROWSER = sys.platform == "emscripten"  # Pyodide's name for it
SILENCE = 10  # seconds without a question after which a training ends
SAMPLES = 6  # texts that a model writes now and then while it learns
COST_LENGTH = 128
COSTED = ("attention", "Grassmann", "folded", "running sum")
SEEN = ("attention", "Grassmann")  # contenders that the page looks into


# ---- what a question may contain -----------------------------------------------------------------


def whole(question, name, low, high, default=None):
    """Return a whole number of the question, within bounds; ValueError else."""
    value = question.get(name, default)
    if type(value) is not int or not low <= value <= high:
        raise ValueError(f"{name} must be a whole number from {low} to {high}")
    return value


def text_of(question, name, longest, default=""):
    """Return a text of the question; ValueError if it is none or too long."""
    value = question.get(name, default)
    if not isinstance(value, str) or len(value) > longest:
        raise ValueError(f"{name} must be a text of at most {longest} characters")
    return value


def vector_of(question, name):
    """Return three numbers of the question as Values; ValueError else."""
    value = question.get(name)
    good = isinstance(value, list) and len(value) == 3
    if not good or not all(type(x) in (int, float) and abs(x) <= 1e6 for x in value):
        raise ValueError(f"{name} must be three numbers, none beyond a million")
    return [micro_grassmann.Value(float(x)) for x in value]


def settings_of(question):
    """Return what a training is made of, checked: a dict of plain things."""
    settings = {}
    for name, (low, high) in LIMITS.items():
        default = {"steps": 1000, "seed": 42, "r": 4, "n_layer": 1}[name]
        settings[name] = whole(question, name, low, high, default)
    settings["mixer"] = text_of(question, "mixer", 40, "Grassmann")
    if settings["mixer"] not in beyond.MAKERS:
        raise ValueError("mixer must be one of: " + ", ".join(beyond.MAKERS))
    settings["task"] = text_of(question, "task", 10, "names")
    if settings["task"] not in ("names", "brackets", "text"):
        raise ValueError("task must be names, brackets or text")
    window = question.get("window", list(beyond.NearbyConfig._field_defaults["window"]))
    if not isinstance(window, list) or len(window) > 12 or len(set(map(str, window))) < len(window):
        raise ValueError("window must be a list of at most 12 different offsets")
    if not all(type(offset) is int and 1 <= offset <= 63 for offset in window):
        raise ValueError("an offset must be a whole number from 1 to 63")
    settings["window"] = tuple(sorted(window))
    settings["text"] = text_of(question, "text", 60000)
    if settings["task"] == "text" and len(settings["text"].split()) < 2:
        raise ValueError("text must have some words")
    if len(set(settings["text"])) > 200:
        raise ValueError("text must have at most 200 different characters")
    return settings


# ---- a model, set up as its own main() does ------------------------------------------------------


@functools.lru_cache(maxsize=4)
def documents(task, text):
    """Return the documents to learn from."""
    if task == "brackets":
        return tasks.distinct_strings(tasks.BRACKET_STRINGS, random.Random(0))
    if task == "text":
        return [line.strip() for line in text.split("\n") if line.strip()]
    return micro_grassmann.load_docs(HERE / "input.txt")


def begin(settings):
    """Return the model file (or a copy with another mixing layer) and the inside.Start of a run."""
    model = beyond.mixer(settings["mixer"])
    docs = documents(settings["task"], settings["text"])
    blocks = {"names": 16, "brackets": tasks.BRACKET_BLOCK, "text": 32}
    sizes = {"n_layer": settings["n_layer"], "block_size": blocks[settings["task"]]}
    if not settings["mixer"].startswith("attention"):
        sizes["r"] = settings["r"]
    sizes = beyond.configure(settings["mixer"], 0, settings["window"], **sizes)._asdict()
    del sizes["vocab_size"]
    return model, inside.begin(model, docs, settings["seed"], **sizes)


def flat(params):
    """Return all weights in the order in which they were drawn."""
    return [w for matrix in params.values() for row in matrix for w in row]


# ---- training, in a process of its own -----------------------------------------------------------


def learn(settings, pipe):
    """Train, and tell the other end of the pipe; "pause", "go on" or the pipe's end come back."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        for message in lessons(settings):
            pipe.send(message)
            if pipe.poll() and pipe.recv() == "pause":
                while pipe.recv() != "go on":
                    pass
    except (BrokenPipeError, ConnectionResetError, EOFError):
        pass  # whoever asked has gone
    except (ArithmeticError, ValueError) as error:
        pipe.send({"error": str(error)})


def lessons(settings):
    """Train, and yield what there is to tell: one dict for each step, and some more."""
    model, start = begin(settings)
    steps = settings["steps"]
    train_docs, held_out = model.split_docs(start.docs, steps)
    yield {"lines": baselines(train_docs, held_out, start.config)}
    tokens = [model.tokenize(doc, start.vocab) for doc in train_docs]
    weights = flat(start.params)
    yield {"parameters": len(weights)}
    every = max(1, steps // 12)
    losses = model.train(tokens, start.params, start.config, steps)
    for step, loss in enumerate(losses, 1):
        yield {"loss": loss}
        if step % every == 0 and step < steps:
            rng = random.Random(settings["seed"])  # its own: start.rng stays as in the terminal
            yield {"samples": samples(model, start, rng, settings["task"]), "step": step,
                   "weights": [w.data for w in weights]}
    yield {"weights": [w.data for w in weights]}
    if held_out:
        unseen = [model.tokenize(doc, start.vocab) for doc in held_out]
        yield {"held_out": model.evaluate(unseen, start.params, start.config)}
    yield {"samples": samples(model, start, start.rng, settings["task"]), "step": steps}
    yield {"done": True}


def samples(model, start, rng, task):
    """Return new texts, each with the place of its first wrong bracket or None."""
    out = []
    for _ in range(SAMPLES):
        text = model.generate(start.vocab, start.params, start.config, rng, 0.5)
        out.append([text, tasks.judge(text)[1] if task == "brackets" else None])
    return out


def baselines(train_docs, held_out, config):
    """Return {name: loss} of blind guessing and of the count tables on the held-out documents."""
    lines = {"blind": math.log(config.vocab_size)}
    if held_out and len(train_docs) >= 10:
        for order in (1, 2):
            lines[f"count{order}"] = tasks.count_table_loss(
                order, train_docs[:1000], held_out, config.vocab_size, config.block_size)
    return lines


class Training:
    """A training, in a process of its own, and all that it has told so far.

    A browser's Python can start no process: there, work() advances the training now and then.
    """

    def __init__(self, settings):
        self.settings = settings
        self.told = {"losses": [], "samples": [], "step": 0, "state": "runs", "lines": {}}
        self.weights = None
        self.asked = time.monotonic()
        self.process = None
        if IN_BROWSER:
            self.messages = lessons(settings)
            return
        context = multiprocessing.get_context("spawn")
        self.pipe, far_end = context.Pipe()
        self.process = context.Process(target=learn, args=(settings, far_end), daemon=True)
        with show.deaf_to_ctrl_c():
            self.process.start()
        far_end.close()
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        """Take in what the process tells, until it ends or nobody asks for it any more."""
        try:
            while self.told["state"] in ("runs", "paused"):
                if time.monotonic() - self.asked > SILENCE - 2:
                    self.end("nobody asked")
                elif self.pipe.poll(0.5):
                    self.take(self.pipe.recv())
        except (EOFError, OSError):
            if self.told["state"] in ("runs", "paused"):
                self.told.update(state="failed", error="the process that trained was ended")
        self.process.join(2)
        self.pipe.close()

    def advance(self, seconds):
        """Train for about so long; return whether there is more to do."""
        until = time.perf_counter() + seconds
        try:
            while self.told["state"] == "runs" and time.perf_counter() < until:
                self.take(next(self.messages))
        except (ArithmeticError, ValueError) as error:
            self.take({"error": str(error)})
        return self.told["state"] == "runs"

    def take(self, message):
        """Write one message down."""
        if "loss" in message:
            self.told["losses"].append(message["loss"])
            return
        self.weights = message.pop("weights", self.weights)
        if "done" in message:
            message["state"] = "done"
        if "error" in message:
            message["state"] = "failed"
        self.told.update(message)

    def say(self, order):
        """Let the training pause or go on; nothing if it has ended."""
        if self.told["state"] == {"pause": "runs", "go on": "paused"}[order]:
            self.told["state"] = {"pause": "paused", "go on": "runs"}[order]
            if self.process:
                with contextlib.suppress(OSError):  # it may just have ended
                    self.pipe.send(order)

    def end(self, why="stopped"):
        """End the training, if it still runs."""
        if self.told["state"] in ("runs", "paused"):
            self.told["state"] = why
            if self.process:
                self.process.terminate()


def work(seconds):
    """In a browser's Python: advance each training; return whether there is more to do."""
    go_on = [training.advance(seconds) for training in trainings.values()]
    return True in go_on


trainings = {}  # number: Training
numbers = itertools.count(1)


def ask_train(question):
    """Start a training; return its number."""
    settings = settings_of(question)
    active = [t for t in trainings.values() if t.told["state"] in ("runs", "paused")]
    if len(active) >= RUNNING:
        raise ValueError(f"at most {RUNNING} trainings at once: stop one first")
    while len(trainings) >= KEPT:
        oldest = next(n for n, t in trainings.items() if t not in active)
        del trainings[oldest]
    number = next(numbers)
    trainings[number] = Training(settings)
    return {"training": number}


def training_of(question):
    """Return the Training that the question names; ValueError if there is none."""
    number = question.get("training")
    if type(number) is not int or number not in trainings:
        raise ValueError("there is no such training (any more)")
    return trainings[number]


def ask_progress(question):
    """Return what a training has told, its losses from number `since` on."""
    training = training_of(question)
    since = whole(question, "since", 0, 10 ** 6, 0)
    training.asked = time.monotonic()
    told = dict(training.told)
    return {**told, "losses": told["losses"][since:], "since": since, "of": training.settings}


def ask_order(question):
    """Pause a training, let it go on, or stop it."""
    training = training_of(question)
    order = question.get("order")
    if order not in ("pause", "go on", "stop"):
        raise ValueError("order must be pause, go on or stop")
    training.asked = time.monotonic()
    if order == "stop":
        training.end()
    else:
        training.say(order)
    return {"state": training.told["state"]}


# ---- looking inside ------------------------------------------------------------------------------


def ask_look(question):
    """Return what one position of one layer computed, and the odds of the next letter."""
    settings = settings_of(question)
    trained = None
    if question.get("training") is not None:
        training = training_of(question)
        settings = training.settings
        trained = training.weights if question.get("after", True) is True else None
    if settings["mixer"] not in SEEN:
        raise ValueError("the page looks into these only: " + ", ".join(SEEN))
    model, start = begin(settings)
    if trained:
        for weight, data in zip(flat(start.params), trained):
            weight.data = data
    longest = start.config.block_size - 1
    word = text_of(question, "word", longest, "emma" if settings["task"] == "names" else "")
    unknown = [letter for letter in word if letter not in start.vocab]
    if unknown:
        raise ValueError(f"the documents have no {unknown[0]!r}")
    t = whole(question, "position", 0, len(word), len(word))
    layer = whole(question, "layer", 0, start.config.n_layer - 1, 0)
    tokens = model.tokenize(word, start.vocab)
    seen = look_grassmann if model is micro_grassmann else look_attention
    rows, arcs, logits = seen(tokens, start, layer, t)
    odds = [math.exp(-model.cross_entropy(logits, k).data) for k in range(len(logits))]
    symbols = [*start.vocab, "end"]
    rows.append(row("logits", logits, [terms(v, 3) for v in logits], model.forward))
    return {"rows": rows, "arcs": arcs, "letters": ["BOS", *word], "position": t,
            "symbols": symbols, "odds": odds, "trained": bool(trained), "mixer": settings["mixer"],
            "layers": start.config.n_layer}


def row(name, values, formulas, function, sub=""):
    """Return a vector as the page shows it: numbers, their formulas, and where they come from."""
    return {"name": name, "sub": sub, "values": [v.data for v in values], "formulas": formulas,
            "source": source(function)}


@functools.cache
def source(function):
    """Return where a function stands and its lines, from the file that runs."""
    function = inspect.unwrap(function)
    lines, first = inspect.getsourcelines(function)
    return {"file": Path(inspect.getsourcefile(function)).name, "line": first,
            "text": "".join(lines)}


def terms(value, most=99):
    """Return the products whose sum a node of linear() is, with the numbers filled in."""
    half = len(value.children) // 2
    pairs = [f"{a.data:.3f}·{b.data:.3f}"
             for a, b in zip(value.children[:half], value.children[half:])]
    shown = pairs if len(pairs) <= most else [*pairs[:most], "…"]
    return f"{value.data:.4f} = " + " + ".join(shown)


def shares(weights):
    """Return {position: weight} as a list for the page, thickness 1 for the largest."""
    most = max(weights.values(), default=0)
    return [{"s": s, "weight": w, "share": w / most if most else 0} for s, w in weights.items()]


def look_grassmann(tokens, start, layer, t):
    """Return rows, arcs and logits of one place of micro_grassmann."""
    model = micro_grassmann
    with inside.watch(model, "forward") as forwards, inside.watching() as places:
        model.token_losses(tokens, start.params, start.config)
    place = [p for p in places if p.layer == f"layer{layer}"][t]
    rows = [row("x", place.x, [f"{v.data:.4f}: RMSNorm of what comes in" for v in place.x],
                model.rmsnorm),
            row("z", place.z, [terms(v) for v in place.z], model.linear)]
    weights = {}
    for partner in place.partners:
        formulas = []
        for p_ij in partner.p:
            a, b, c, d = [child.data for child in p_ij.children]
            formulas.append(f"{p_ij.data:.4f} = {a:.3f}·{d:.3f} - {b:.3f}·{c:.3f}")
        length = inside.length(partner.p)
        weights[partner.s] = inside.length(partner.unit) / length if length else 0.0
        rows.append(row("plane", partner.p, formulas, model.plucker, f"s = {partner.s}"))
        rows.append(row("unit", partner.unit, [
            f"{u.data:.4f} = {p.data:.4f} · {weights[partner.s]:.3f}, 1 / length {length:.4f}"
            for u, p in zip(partner.unit, partner.p)], model.unit_plucker, f"s = {partner.s}"))
    means = []
    for v in place.mean:
        parts = " + ".join(f"{c.data:.3f}" for c in v.children)
        means.append(f"{v.data:.4f} = ({parts}) / {len(v.children)}" if parts else "no partner: 0")
    rows += [row("mean", place.mean, means, model.mean_plane),
             row("g", place.g, [terms(v) for v in place.g], model.linear),
             row("alpha", place.alpha, [f"{a.data:.4f} = sigmoid({s.data:.4f})" for a, s in
                                        zip(place.alpha, place.scores)], model.gate),
             row("mix", place.result, [
                 f"{m.data:.4f} = {a.data:.3f}·{x.data:.3f} + (1 - {a.data:.3f})·{g.data:.3f}"
                 for m, a, x, g in zip(place.result, place.alpha, place.x, place.g)], model.mix)]
    return rows, shares(weights), forwards[t].result


def look_attention(tokens, start, layer, t):
    """Return rows, arcs and logits of one place of micro_gpt."""
    model = micro_gpt
    with inside.watch(model, "softmax", "attend", "mix", "forward") as calls:
        model.token_losses(tokens, start.params, start.config)
    forwards = [call.result for call in calls if call.name == "forward"]
    ends = [n for n, call in enumerate(calls) if call.name == "mix"
            and call.args[1] == f"layer{layer}"]
    mix = calls[ends[t]]
    attend = calls[ends[t] - 1]
    heads = [call.result for call in calls[ends[t] - 1 - start.config.n_head:ends[t] - 1]]
    key, value = mix.args[2][t]
    rows = [row("x", mix.args[0], [f"{v.data:.4f}: RMSNorm of what comes in" for v in mix.args[0]],
                model.rmsnorm)]
    for name, vector in (("q", attend.args[0]), ("k", key), ("v", value)):
        rows.append(row(name, vector, [terms(v) for v in vector], model.linear))
    for n, head in enumerate(heads):
        rows.append(row("weights", head, [f"{w.data:.4f} of position {s}" for s, w in
                                          enumerate(head)], model.softmax, f"head {n}"))
    rows += [row("attended", attend.result, [terms(v) for v in attend.result], model.attend),
             row("mix", mix.result, [terms(v) for v in mix.result], model.mix)]
    weights = {s: sum(head[s].data for head in heads) / len(heads) for s in range(t + 1)}
    return rows, shares(weights), forwards[t]


# ---- a plane, a gradient, a price ----------------------------------------------------------------


def ask_plane(question):
    """Return the Plücker coordinates of two vectors in space, and the same with length 1."""
    u = vector_of(question, "u")
    v = vector_of(question, "v")
    p = micro_grassmann.plucker(u, v)
    unit = micro_grassmann.unit_plucker(u, v)
    return {"plane": [x.data for x in p], "unit": [x.data for x in unit],
            "length": inside.length(p), "dot": micro_grassmann.dot(u, v).data,
            "formulas": [f"{x.data:.3g} = {x.children[0].data:.3g}·{x.children[3].data:.3g} - "
                         f"{x.children[1].data:.3g}·{x.children[2].data:.3g}" for x in p]}


def ask_gradients(question):
    """Return the graph of an expression and, in the engine's order, how gradients arrive in it."""
    expression = text_of(question, "expression", 300)
    given = question.get("values", {})
    if not isinstance(given, dict) or not all(
            type(x) in (int, float) and abs(x) <= 1e6 for x in given.values()):
        raise ValueError("values must give numbers to names, none beyond a million")
    model, log = recorder()
    builder = Builder(model, given)
    root = builder.build(parsed(expression))
    nodes = builder.nodes
    if root not in nodes:
        raise ValueError("the expression has no name and no number")
    log.clear()
    root.backward()
    index = {node: n for n, node in enumerate(nodes)}
    levels = []
    for node in nodes:
        levels.append(1 + max([levels[index[child]] for child in node.children], default=-1))
    out = [{"label": builder.labels[node], "data": node.data, "level": level,
            "children": [index[child] for child in node.children],
            "locals": [float(slope) for slope in node.local_grads]}
           for node, level in zip(nodes, levels)]
    return {"nodes": out, "steps": arrivals(log, index), "root": index[root]}


def recorder():
    """Return a copy of the engine whose Values note each look at a grad and each change of it."""
    log = []
    model = beyond.variant(micro_grassmann)

    class Recorded(model.Value):
        """A Value that notes what happens to its grad."""

        __slots__ = ()

        def __getattribute__(self, name):
            if name == "grad":
                log.append((self, None))
            return super().__getattribute__(name)

        def __setattr__(self, name, value):
            if name == "grad":
                log.append((self, value))
            super().__setattr__(name, value)

    model.Value = Recorded
    return model, log


def arrivals(log, index):
    """Return the steps of backward: which node hands how much to which child.

    backward reads a node's grad, then, for each child, reads the child's and writes the sum.
    """
    reads = [n for n, (_, value) in enumerate(log) if value is None]
    steps = []
    current = None
    handed = {}  # node: how many children have had their share
    for n in reads:
        node = log[n][0]
        is_share = n + 1 < len(log) and log[n + 1][0] is node and log[n + 1][1] is not None
        if not is_share:
            current = node
            handed[current] = 0
            continue
        place = handed[current]
        handed[current] += 1
        steps.append({"node": index[current], "child": index[node], "becomes": log[n + 1][1],
                      "local": float(current.local_grads[place])})
    return steps


def parsed(expression):
    """Return the syntax tree of an expression; ValueError in one sentence if it is none."""
    try:
        tree = ast.parse(expression.strip(), mode="eval").body
    except (SyntaxError, RecursionError, MemoryError, ValueError):
        raise ValueError("that is no expression such as (a*b + c).relu() ** 2") from None
    if sum(1 for _ in ast.walk(tree)) > 300:
        raise ValueError("the expression is too long")
    return tree


class Builder:
    """Makes Values from a syntax tree, which is read and never run."""

    OPERATORS = {ast.Add: ("+", operator.add), ast.Sub: ("-", operator.sub),
                 ast.Mult: ("*", operator.mul), ast.Div: ("/", operator.truediv)}
    FUNCTIONS = ("relu", "exp", "log", "sigmoid")

    def __init__(self, model, given):
        self.model = model
        self.given = given
        self.names = {}
        self.labels = {}
        self.nodes = []  # children before parents

    def note(self, node, label):
        """Enter a node, and those that it was made from, under the label; return it."""
        if node in self.labels:
            return node
        for child in node.children:
            self.note(child, f"{child.data:g}" if not child.children else "power")
        if len(self.nodes) >= 100:
            raise ValueError("at most 100 nodes, please")
        if not math.isfinite(node.data):
            raise ValueError("a number grows beyond all bounds")
        self.nodes.append(node)
        self.labels[node] = label
        return node

    def build(self, tree):
        """Return the Value of a part of the tree; ValueError for whatever is not arithmetic."""
        if isinstance(tree, ast.Constant) and type(tree.value) in (int, float):
            return self.note(self.model.Value(float(tree.value)), f"{tree.value:g}")
        if isinstance(tree, ast.Name):
            return self.name(tree.id)
        if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub):
            return self.note(-self.build(tree.operand), "negative")
        if isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.Pow):
            return self.power(tree)
        if isinstance(tree, ast.BinOp) and type(tree.op) in self.OPERATORS:
            sign, combine = self.OPERATORS[type(tree.op)]
            return self.note(combine(self.build(tree.left), self.build(tree.right)), sign)
        if isinstance(tree, ast.Call) and not tree.args and not tree.keywords \
                and isinstance(tree.func, ast.Attribute) and tree.func.attr in self.FUNCTIONS:
            value = self.build(tree.func.value)
            return self.note(getattr(value, tree.func.attr)(), tree.func.attr)
        raise ValueError("only names, numbers, + - * / **, and .relu() .exp() .log() .sigmoid()")

    def name(self, name):
        """Return the one leaf of a name."""
        if name not in self.names:
            if name not in self.given:
                raise ValueError(f"give {name[:20]} a value")
            leaf = self.model.Value(float(self.given[name]))
            self.names[name] = self.note(leaf, name)
        return self.names[name]

    def power(self, tree):
        """Return left ** n for a plain number n."""
        negative = isinstance(tree.right, ast.UnaryOp) and isinstance(tree.right.op, ast.USub)
        exponent = tree.right.operand if negative else tree.right
        if not isinstance(exponent, ast.Constant) or type(exponent.value) not in (int, float):
            raise ValueError("an exponent must be a number")
        n = float(-exponent.value if negative else exponent.value)
        return self.note(self.build(tree.left) ** n, f"**{n:g}")


def ask_cost(question):
    """Return, for each contender, the nodes and the pairs of positions of each length up to L."""
    length = whole(question, "length", 1, COST_LENGTH)
    rows = []
    for name in COSTED:
        nodes, pairs = prices(name)
        rows.append({"mixer": name, "nodes": nodes[:length], "pairs": pairs[:length]})
    return {"rows": rows, "length": length}


@functools.cache
def prices(name):
    """Return how many Values a forward pass of 1, 2, ... tokens makes, and how many pairs it sees.

    Pairs are counted where a function is called for each, or for a list of them: the paper's loop
    and attention's softmax (each head's list is the same). Others have no number.
    """
    model = beyond.mixer(name)
    config = beyond.configure(name, 27, block_size=COST_LENGTH)
    params = model.init_params(config, random.Random(42))
    watched = {"attention": "softmax", "Grassmann": "unit_plucker"}.get(name, "mix")
    cache = [[]]
    nodes = []
    pairs = []
    made = seen = 0
    for position in range(COST_LENGTH):
        with inside.watch(model.Value, "__init__") as values, inside.watch(model, watched) as calls:
            model.forward(0, position, cache, params, config)
        made += len(values)
        nodes.append(made)
        if name == "attention":
            seen += len(calls[0].result)
        if name == "Grassmann":
            seen += len(calls)
        pairs.append(seen if name in SEEN else None)
    return nodes, pairs


def ask_start(question):
    """Return what the page needs first: the contenders and the limits."""
    return {"mixers": list(beyond.MAKERS), "seen": SEEN, "limits": LIMITS, "length": COST_LENGTH}


QUESTIONS = {"start": ask_start, "train": ask_train, "progress": ask_progress, "order": ask_order,
             "look": ask_look, "plane": ask_plane, "gradients": ask_gradients, "cost": ask_cost}
one_at_a_time = threading.Lock()  # watching exchanges functions of a module


def answer(question):
    """Return the answer to a question; ValueError or ArithmeticError if there is none."""
    if not isinstance(question, dict) or question.get("ask") not in list(QUESTIONS):
        raise ValueError("ask must be one of: " + ", ".join(QUESTIONS))
    with one_at_a_time:
        return QUESTIONS[question["ask"]](question)


def answer_text(question):
    """Return (whether it could be answered, JSON) for a question in JSON."""
    try:
        return True, json.dumps(answer(json.loads(question)), allow_nan=False)
    except (ArithmeticError, RecursionError, ValueError) as error:
        return False, json.dumps({"error": " ".join(str(error).split())[:300]})
