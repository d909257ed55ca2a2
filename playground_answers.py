"""What the playground's page asks, answered by the project's own files.

A question is a dict such as {"ask": "plane", "u": [1, 0, 0], "v": [0, 1, 0]}, and answer() turns it
into another dict. playground.py, the server, calls it; without a server, Pyodide does in the
browser (playground/worker.js). There is nothing to run.
"""
import ast
import contextlib
import functools
import json
import math
import multiprocessing
import operator
import random
import secrets
import signal
import statistics
import sys
import textwrap
import threading
import time
import unicodedata
import warnings
import zlib
from pathlib import Path
from typing import NamedTuple

import alternatives  # noqa: F401 (its layers join beyond.MAKERS)
import beyond
import compare
import inside
import micro_gpt
import micro_grassmann
import show
import tasks

HERE = Path(__file__).resolve().parent
GRID = HERE / "playground" / "grid.json"  # right answers from large/small.jsonl
LIMITS = {"steps": (1, 20000), "seed": (0, 10 ** 9), "r": (2, 8), "n_layer": (1, 4)}
DEFAULTS = {"steps": 1000, "seed": 42, "r": 4, "n_layer": 1}
RATES = (0.001, 0.003, 0.01, 0.02, 0.03, 0.09)
BLOCKS = {"names": 16, "brackets": tasks.BRACKET_BLOCK, "text": 32}
ASKED = {"open brackets" if name == "brackets" else name: task
         for name, task in tasks.SIGN_TASKS.items()}  # questions about random signs
ASKED_LENGTH = 32  # symbols in a text
SIGNS = (3, 5, 15)  # how many different ones there may be
LONGEST_TEXT = 60000
MOST = 12  # trainings in a run
KEPT = 8  # runs remembered
IN_BROWSER = sys.platform == "emscripten"  # Pyodide's name for it
SILENCE = 90  # seconds without a question after which a run ends: a hidden tab asks once a minute
LEFT = 10  # the same after the page said that it is left; a page that is only reloaded asks again
SAMPLES = 6  # texts that a model writes now and then while it learns
COST_LENGTH = 128
SOURCES = ("micro_gpt.py", "micro_grassmann.py", "beyond.py", "alternatives.py")
RACES = {  # of the verdict: the question that starts each; its losses' axis, or none: right answers
    "dominance": {"axis": None, "question": {
        "task": "dominance", "signs": 3, "rate": 0.02, "steps": 400, "seeds": [42, 1, 2],
        "mixers": ["attention", "Grassmann", "linear map"]}},
    "brackets": {"axis": [0.5, 1.2], "question": {
        "task": "brackets", "steps": 200, "seeds": [42, 1, 2], "window": [1, 2, 4, 8, 16],
        "mixers": ["attention", "Grassmann", "running sum"]}}}
COSTED = ("attention", "Grassmann", "folded", "running sum")


# ---- what a question may contain -----------------------------------------------------------------


class Wrong(ValueError):
    """A question that cannot be answered, and the field of it that is wrong."""

    def __init__(self, field, sentence):
        super().__init__(sentence)
        self.field = field


def whole(question, name, low, high, default=None):
    """Return a whole number of the question, within bounds; Wrong else."""
    value = question.get(name, default)
    if type(value) is not int or not low <= value <= high:
        raise Wrong(name, f"{name} must be a whole number from {low:,} to {high:,}")
    return value


def text_of(question, name, longest, default=""):
    """Return a text of the question; Wrong if it is none or too long."""
    value = question.get(name, default)
    if not isinstance(value, str) or len(value) > longest:
        raise Wrong(name, f"{name} must be a text of at most {longest:,} characters")
    return value


def choice(question, name, allowed, default):
    """Return one of the allowed texts; Wrong else."""
    value = text_of(question, name, 60, default)
    if value not in allowed:
        raise Wrong(name, f"{name} must be one of: " + ", ".join(allowed))
    return value


def list_of(question, name, most, is_good, default):
    """Return a list of at most so many different good things; Wrong else."""
    value = question.get(name, default)
    if not isinstance(value, list) or len(value) > most or not all(map(is_good, value)) \
            or len(set(value)) < len(value):
        raise Wrong(name, f"{name} must be a list of at most {most} different, allowed values")
    return value


def is_whole(low, high):
    """Return a function that tells whether x is a whole number within the bounds."""
    return lambda x: type(x) is int and low <= x <= high


def vector_of(value, name):
    """Return three plain numbers as Values; Wrong else."""
    good = isinstance(value, list) and len(value) == 3
    if not good or not all(type(x) in (int, float) and abs(x) <= 1e6 for x in value):
        raise Wrong(name, f"{name} must be three numbers, none beyond a million")
    return [micro_grassmann.Value(float(x)) for x in value]


def settings_of(question):
    """Return what a model is made of and learns from, checked: a dict of plain things."""
    settings = {name: whole(question, name, *LIMITS[name], DEFAULTS[name]) for name in LIMITS}
    settings["mixer"] = choice(question, "mixer", list(beyond.MAKERS), "Grassmann")
    settings["task"] = choice(question, "task", [*BLOCKS, *ASKED], "names")
    settings["signs"] = question.get("signs", SIGNS[-1])
    settings["rate"] = question.get("rate", 0.01)
    for name, allowed in (("signs", SIGNS), ("rate", RATES)):
        if type(settings[name]) not in (int, float) or settings[name] not in allowed:
            raise Wrong(name, f"{name} must be one of: " + ", ".join(map(str, allowed)))
    window = list(beyond.NearbyConfig._field_defaults["window"])
    offsets = list_of(question, "window", 12, is_whole(1, 63), window)
    settings["window"] = tuple(sorted(offsets))
    settings["text"] = text_of(question, "text", LONGEST_TEXT)
    if settings["task"] == "text" and len(settings["text"].split()) < 2:
        raise Wrong("text", "text must have some words")
    if len(set(settings["text"])) > 200:
        raise Wrong("text", "text must have at most 200 different characters")
    return settings


def folded(word, vocab):
    """Return the word in letters that the vocabulary has: E or é becomes e. Wrong if one has none.

    Capitals and accents go, as in the traces; what the vocabulary has stays as it is.
    """
    out = []
    for letter in unicodedata.normalize("NFC", word):
        plain = unicodedata.normalize("NFKD", letter.lower())[0]
        known = [c for c in (letter, letter.lower(), plain) if c in vocab]
        if not known:
            letters = "".join(vocab) if len(vocab) < 40 else "others"
            raise Wrong("word", f"the documents have no {letter!r}; they have {letters}")
        out.append(known[0])
    return "".join(out)


# ---- a model, set up as its own main() does ------------------------------------------------------


@functools.lru_cache(maxsize=4)
def documents(task, text):
    """Return the documents to learn from."""
    if task == "brackets":
        return tasks.distinct_strings(tasks.BRACKET_STRINGS, random.Random(0))
    if task == "text":
        return tasks.documents(text)
    return micro_grassmann.load_docs(HERE / "input.txt")


def examples(settings):
    """Return what to train on and what is held out of a question about signs, and its vocabulary.

    They are those of benchmark_tasks.py, so that a race repeats a cell of its grid.
    """
    task = ASKED[settings["task"]]
    name = next(name for name, other in tasks.SIGN_TASKS.items() if other is task)
    found = tasks.questions(name, settings["seed"], settings["steps"], ASKED_LENGTH,
                            settings["signs"])
    train, held_out = [[tasks.in_tokens(example, found.vocab) for example in part]
                       for part in (found.train, found.held_out)]
    return train, held_out, found.vocab


def begin_asking(settings, vocab):
    """Return a copy of the model file whose loss counts answers only, its config and weights."""
    model = beyond.asking(settings["mixer"])
    depth = tasks.DEPTH.get(settings["task"], 1)
    config = beyond.configure(settings["mixer"], len(vocab), tasks.LOOK_BACK, n_layer=depth,
                              r=settings["r"], block_size=ASKED_LENGTH)
    return model, config, model.init_params(config, random.Random(settings["seed"]))


def share_right(model, some, params, config):
    """Return the share of right answers."""
    right, number = beyond.count_right(model, some, params, config)
    return right / number


def begin(settings):
    """Return the model file (or a copy with another mixing layer) and the inside.Start of a run."""
    model = beyond.mixer(settings["mixer"])
    docs = documents(settings["task"], settings["text"])
    config = beyond.configure(
        settings["mixer"], 0, settings["window"], n_layer=settings["n_layer"], r=settings["r"],
        block_size=BLOCKS[settings["task"]])
    sizes = config._asdict()
    del sizes["vocab_size"]  # which the documents tell
    return model, inside.begin(model, docs, settings["seed"], **sizes)


SAVED = {"attention": {"mixer": "attention"}, "Grassmann": {"mixer": "Grassmann", "r": 3}}
SAVED_STEPS = 5000


def saved_file(name):
    """Return where a trained model of the first chapter is kept."""
    return HERE / "playground" / f"{name.lower()}.json"


def train_saved(name, path):
    """Train a model of the first chapter and save it as the model files do; return its start."""
    model, start = begin(settings_of({"steps": SAVED_STEPS, **SAVED[name]}))
    docs, _ = model.split_docs(start.docs, SAVED_STEPS)
    tokens = [model.tokenize(doc, start.vocab) for doc in docs]
    for _ in model.train(tokens, start.params, start.config, SAVED_STEPS):
        pass
    checksum = str(zlib.crc32(json.dumps(documents("names", "")).encode()))
    model.save_model(path, start.vocab, start.config, start.params,
                     {checksum: (DEFAULTS["seed"], len(docs))})
    return start


@functools.cache
def saved(name):
    """Return the model file and the inside.Start of a trained model of the first chapter."""
    model = beyond.mixer(name)
    vocab, config, params, _ = model.load_model(saved_file(name))
    return model, inside.Start([], vocab, config, params, None)


def flat(params):
    """Return all weights in the order in which they were drawn."""
    return [w for matrix in params.values() for row in matrix for w in row]


def ask_documents(question):
    """Return what the documents of a task are, before anything learns from them."""
    settings = settings_of(question)
    if settings["task"] in ASKED:
        return {"documents": settings["steps"], "cut": 0, "block": ASKED_LENGTH,
                "symbols": len(examples(settings)[2]), "asks": ASKED[settings["task"]].asks}
    docs = documents(settings["task"], settings["text"])
    block = BLOCKS[settings["task"]]
    return {"documents": len(docs), "cut": sum(len(doc) >= block for doc in docs),
            "symbols": len(set().union(*docs)), "block": block}


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
    return (asked_lessons if settings["task"] in ASKED else text_lessons)(settings)


def asked_lessons(settings):
    """Train to answer a question about random signs, and yield what there is to tell."""
    train, held_out, vocab = examples(settings)
    model, config, params = begin_asking(settings, vocab)
    yield {"lines": {}, "cut": 0, "parameters": len(flat(params))}
    answers = [answer for _, row in held_out for answer in row if answer is not None]
    yield {"chance": max(answers.count(answer) for answer in set(answers)) / len(answers)}
    steps = settings["steps"]
    every = max(1, steps // 12)
    for step, loss in enumerate(model.train(train, params, config, steps, settings["rate"]), 1):
        yield {"loss": loss}
        if step % every == 0 and step < steps:
            some = share_right(model, held_out[:tasks.QUESTIONS // 10], params, config)
            yield {"moment": {"step": step, "samples": [], "right": some}, "weights": None}
    right = share_right(model, held_out, params, config)
    yield {"moment": {"step": steps, "samples": [], "right": right}, "weights": None}
    yield {"right": right}
    yield {"done": True}


def text_lessons(settings):
    """Train to write texts, and yield what there is to tell."""
    model, start = begin(settings)
    steps = settings["steps"]
    train_docs, held_out = model.split_docs(start.docs, steps)
    cut = sum(len(doc) >= start.config.block_size for doc in start.docs)
    yield {"lines": baselines(train_docs, held_out, start.config), "cut": cut}
    tokens = [model.tokenize(doc, start.vocab) for doc in train_docs]
    yield {"parameters": len(flat(start.params))}
    every = max(1, steps // 12)
    losses = model.train(tokens, start.params, start.config, steps, settings["rate"])
    for step, loss in enumerate(losses, 1):
        yield {"loss": loss}
        if step % every == 0 and step < steps:
            rng = random.Random(settings["seed"])  # its own: start.rng stays as in the terminal
            yield moment(model, start, rng, settings["task"], step)
    if held_out:
        unseen = [model.tokenize(doc, start.vocab) for doc in held_out]
        yield {"held_out": model.evaluate(unseen, start.params, start.config)}
    yield moment(model, start, start.rng, settings["task"], steps)
    yield {"done": True}


def moment(model, start, rng, task, step):
    """Return what is kept of a moment of training: some texts and all weights."""
    return {"moment": {"step": step, "samples": samples(model, start, rng, task)},
            "weights": [w.data for w in flat(start.params)]}


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
    """One training and all that it has told so far. It waits until start() gives it a process.

    A browser's Python can start no process: there, work() advances the training now and then.
    """

    def __init__(self, settings):
        self.settings = settings
        self.told = {"mixer": settings["mixer"], "seed": settings["seed"], "state": "waits",
                     "losses": [], "lines": {}, "moments": [{"step": 0, "samples": []}]}
        self.weights = [None]  # of each moment; None are the fresh ones
        self.times = []  # when the first and the last loss came
        self.process = None
        self.pipe = None

    def start(self):
        """Begin to train."""
        self.told["state"] = "runs"
        if IN_BROWSER:
            self.messages = lessons(self.settings)
            return
        context = multiprocessing.get_context("spawn")
        self.pipe, far_end = context.Pipe()
        self.process = context.Process(target=learn, args=(self.settings, far_end), daemon=True)
        with show.deaf_to_ctrl_c():
            self.process.start()
        far_end.close()
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        """Take in what the process tells, until it ends."""
        try:
            while self.is_active():
                if self.pipe.poll(0.5):
                    self.take(self.pipe.recv())
        except (EOFError, OSError):
            if self.is_active():
                self.told.update(state="failed", error="the process that trained was ended")
        self.process.join(2)
        self.pipe.close()

    def advance(self, seconds):
        """Train for about so long."""
        until = time.perf_counter() + seconds
        try:
            while self.told["state"] == "runs" and time.perf_counter() < until:
                self.take(next(self.messages))
        except (ArithmeticError, ValueError) as error:
            self.take({"error": str(error)})

    def take(self, message):
        """Write one message down."""
        if "loss" in message:
            self.told["losses"].append(message["loss"])
            self.times = [*self.times[:1], time.monotonic()]
            return
        if "moment" in message:
            self.weights.append(message["weights"])
            self.told["moments"].append(message["moment"])
            return
        if "done" in message:
            message["state"] = "done"
        if "error" in message:
            message["state"] = "failed"
        self.told.update(message)

    def is_active(self):
        """Tell whether it has not ended yet."""
        return self.told["state"] in ("waits", "runs", "paused")

    def speed(self):
        """Return steps a second, 0 before the second step or while it does not run."""
        if self.told["state"] != "runs" or len(self.times) < 2:
            return 0.0
        return (len(self.told["losses"]) - 1) / max(self.times[1] - self.times[0], 1e-9)

    def say(self, order):
        """Let the training pause or go on; nothing if it waits or has ended."""
        before, after = ("runs", "paused") if order == "pause" else ("paused", "runs")
        if self.told["state"] != before:
            return
        self.told["state"] = after
        if order == "go on" and self.times:  # a pause takes no time
            self.times[0] += time.monotonic() - self.times[-1]
        if self.process:
            with contextlib.suppress(OSError):  # it may just have ended
                self.pipe.send(order)

    def end(self, why="stopped"):
        """End the training, if it has not ended yet."""
        if self.is_active():
            self.told["state"] = why
            if self.process:
                self.process.terminate()


class Run:
    """Trainings that were started together: each contender with each seed."""

    def __init__(self, settings, mixers, seeds):
        self.settings = settings
        self.trainings = [Training({**settings, "mixer": mixer, "seed": seed})
                          for seed in seeds for mixer in mixers]
        self.is_paused = False
        self.heard()

    def heard(self, patience=SILENCE):
        """Note that somebody asked: the run may go on for so many seconds."""
        self.until = time.monotonic() + patience

    def active(self):
        """Return the trainings that have not ended."""
        return [training for training in self.trainings if training.is_active()]

    def start_some(self):
        """Let as many trainings run as there are cores; end all if nobody has asked for long."""
        if time.monotonic() > self.until:
            self.end("nobody asked")
        waiting = [t for t in self.trainings if t.told["state"] == "waits"]
        free = CORES - (len(self.active()) - len(waiting))
        for training in waiting[:0 if self.is_paused else max(0, free)]:
            training.start()

    def end(self, why="stopped"):
        """End all trainings."""
        for training in self.trainings:
            training.end(why)

    def remaining(self):
        """Return about how many seconds the rest will take; None before that is known."""
        speed = sum(training.speed() for training in self.trainings)
        left = sum(self.settings["steps"] - len(t.told["losses"]) for t in self.active())
        return left / speed if speed else None


# How many processes train at once: as many as there are cores, but two at least.
CORES = 1 if IN_BROWSER else max(2, min(show.usable_cores(), MOST))
runs = {}  # id: Run


def keep_running():
    """Start what waits and end what nobody asks about, once a second: the server's thread."""
    while True:
        time.sleep(1)
        with locks["train"]:
            for run in list(runs.values()):
                run.start_some()


def work(seconds):
    """In a browser's Python: advance the trainings; return whether there is more to do."""
    for run in runs.values():
        run.start_some()
        for training in run.active():
            training.advance(seconds)
    return bool(running())


def running():
    """Return the ids of the runs that have not ended: one at most."""
    return [key for key, run in runs.items() if run.active()]


def ask_train(question):
    """Start a run of all contenders with all seeds; return its id."""
    settings = settings_of({**question, "mixer": "Grassmann"})
    mixers = list_of(question, "mixers", 6, lambda x: isinstance(x, str) and x in beyond.MAKERS,
                     ["Grassmann"])
    seeds = list_of(question, "seeds", 5, is_whole(*LIMITS["seed"]), [settings["seed"]])
    if not 1 <= len(mixers) * len(seeds) <= MOST:
        raise Wrong("mixers", f"a run has from 1 to {MOST} trainings")
    if running():
        raise Wrong("run", "another training runs here: stop it first")
    while len(runs) >= KEPT:
        del runs[next(iter(runs))]
    key = secrets.token_hex(8)  # an old page must not meet another's run under the same id
    runs[key] = Run(settings, mixers, seeds)
    runs[key].start_some()
    return {"run": key}


def ask_running(question):
    """Return the id of the run that has not ended, or None."""
    return {"run": next(iter(running()), None)}


def run_of(question):
    """Return the Run that the question names; Wrong if there is none."""
    key = question.get("run")
    if not isinstance(key, str) or key not in runs:
        raise Wrong("run", "there is no such run (any more)")
    return runs[key]


def ask_progress(question):
    """Return what a run's trainings have told, of each the losses from number since[n] on."""
    run = run_of(question)
    since = question.get("since", [0] * len(run.trainings))
    if not isinstance(since, list) or len(since) != len(run.trainings) \
            or not all(map(is_whole(0, 10 ** 6), since)):
        raise Wrong("since", "since must have a whole number for each training")
    run.heard()
    run.start_some()
    told = [{**t.told, "losses": t.told["losses"][first:], "since": first}
            for t, first in zip(run.trainings, since)]
    speed = sum(training.speed() for training in run.trainings)
    return {"trainings": told, "settings": run.settings, "speed": speed,
            "remaining": run.remaining(), "is_paused": run.is_paused}


def ask_order(question):
    """Pause a run, let it go on, stop it, or note that the page that asks is being left."""
    run = run_of(question)
    order = choice(question, "order", ["pause", "go on", "stop", "leave"], None)
    run.heard(LEFT if order == "leave" else SILENCE)
    if order == "stop":
        run.end()
    if order in ("pause", "go on"):
        run.is_paused = order == "pause"
        for training in run.trainings:
            training.say(order)
    return {"run": question["run"]}


# ---- looking inside ------------------------------------------------------------------------------


def ask_look(question):
    """Return what one position of one layer computed, and the odds of the next letter."""
    model, start, settings, is_trained = looked_at(question)
    longest = start.config.block_size - 1
    default = "emma" if settings["task"] == "names" else ""
    word = folded(text_of(question, "word", longest, default), start.vocab)
    t = whole(question, "position", 0, len(word), len(word))
    layer = whole(question, "layer", 0, start.config.n_layer - 1, 0)
    tokens = model.tokenize(word, start.vocab)
    if question.get("flow", True) is True:
        rows, logits = flow(model, tokens, start, layer, t)
    else:
        rows = []
        logits = forwards(model, tokens, start)[t]
    odds = [math.exp(-model.cross_entropy(logits, k).data) for k in range(len(logits))]
    answer = {"rows": rows, "arcs": [], "word": word, "position": t, "odds": odds,
              "symbols": [*start.vocab, ""], "trained": is_trained, "mixer": settings["mixer"],
              "layers": start.config.n_layer}
    if model is micro_gpt:
        answer["arcs"] = attention_arcs(tokens, start, layer, t)
    if model is micro_grassmann:
        place = inside.record(tokens, start.params, start.config, layer)[t]
        answer.update(arcs=grassmann_arcs(place), z=[v.data for v in place.z])
    return answer


def looked_at(question):
    """Return the model, the inside.Start, the settings, and whether the weights are trained."""
    if question.get("saved") is not None:
        name = choice(question, "saved", list(SAVED), None)
        return *saved(name), {"mixer": name, "task": "names"}, True
    if question.get("run") is None:
        settings = settings_of(question)
        weights = None
    else:
        run = run_of(question)
        training = run.trainings[whole(question, "training", 0, len(run.trainings) - 1, 0)]
        settings = training.settings
        last = len(training.weights) - 1
        weights = training.weights[min(last, whole(question, "moment", 0, 10 ** 6, last))]
    if settings["task"] in ASKED:
        raise Wrong("task", "the page looks into models of names, brackets and texts only")
    model, start = begin(settings)
    if weights:
        for weight, data in zip(flat(start.params), weights):
            weight.data = data
    return model, start, settings, bool(weights)


def ask_read(question):
    """Return, for each position of a word, the odds of what comes next and the loss of what did."""
    name = choice(question, "saved", list(SAVED), "Grassmann")
    model, start = saved(name)
    longest = start.config.block_size - 1
    word = folded(text_of(question, "word", longest, "emma"), start.vocab)
    tokens = model.tokenize(word, start.vocab)
    odds = []
    losses = []
    for logits, target in zip(forwards(model, tokens, start), tokens[1:]):
        nats = [model.cross_entropy(logits, k).data for k in range(len(logits))]
        odds.append([math.exp(-x) for x in nats])
        losses.append(nats[target])
    return {"saved": name, "word": word, "symbols": [*start.vocab, ""], "odds": odds,
            "losses": losses}


def forwards(model, tokens, start):
    """Return the logits after each token."""
    cache = [[] for _ in range(start.config.n_layer)]
    return [model.forward(token, position, cache, start.params, start.config)
            for position, token in enumerate(tokens[:-1])]


# A model's functions name their vectors themselves: x, z, g, alpha. So the flow of numbers is read
# off the running program: when a function of the mixing layer ends, its variables that are vectors
# of Values become rows, under the names that they have there. A Value knows what it was made from,
# and as it is made, the line of code that makes it is noted. So nothing is restated here, and any
# mixing layer can be looked at.

SMALL = {"linear", "dot", "add", "mean", "lift", "rmsnorm", "zeros", "mean_or_zeros"}


class Origin(NamedTuple):
    """What made a Value: an operation such as linear or __mul__, asked for by a line of code."""

    operation: str
    statement: tuple  # the line that stands there, be it within a small function such as rmsnorm
    code: object  # the function of the layer, and its line, that asked for it
    line: int


def caller(frame):
    """Return the function that the frame belongs to: comprehensions have frames before 3.12."""
    while frame.f_code.co_name.startswith("<"):
        frame = frame.f_back
    return frame


class Recorder:
    """While it is entered, notes the vectors of one position's mixing and each Value's Origin."""

    def __init__(self, model, params, layer, t):
        self.value_class = model.Value
        self.weights = set(flat(params))
        self.layer = f"layer{layer}"
        self.position = t
        self.origins = {}  # Value: Origin
        self.rows = {}  # the vector's Values as a tuple: [name, code of the function that names it]
        self.past = []
        self.inside = []  # the frames of mix and of what it calls, while they run
        self.is_there = False  # is forward at the position?

    def __enter__(self):
        self.init = self.value_class.__init__

        def noted(value, data, children=(), local_grads=()):
            self.init(value, data, children, local_grads)
            if self.is_there:
                self.origins[value] = self.origin(caller(sys._getframe(1)))

        self.value_class.__init__ = noted
        sys.setprofile(self.follow)
        return self

    def __exit__(self, *error):
        sys.setprofile(None)
        self.value_class.__init__ = self.init

    def origin(self, frame):
        """Return the Origin of the Value that the frame makes."""
        operation = frame.f_code.co_name
        while frame.f_code.co_name in vars(self.value_class):
            frame = caller(frame.f_back)
        statement = (frame.f_code, frame.f_lineno)
        while frame.f_code.co_name in SMALL:
            frame = caller(frame.f_back)
        return Origin(operation, statement, frame.f_code, frame.f_lineno)

    def follow(self, frame, event, result):
        """Notice that a function is called or returns: sys.setprofile calls this."""
        name = frame.f_code.co_name
        if event == "call" and name == "forward":
            self.is_there = frame.f_locals["position"] == self.position
        if event == "call" and self.is_there:
            is_mix = "past" in frame.f_locals and frame.f_locals.get("layer") == self.layer
            if self.inside or is_mix:
                self.inside.append(frame)
        if event == "return" and self.inside and self.inside[-1] is frame:
            self.inside.pop()
            is_small = name in SMALL or name in vars(self.value_class) or name[0] == "<"
            if not is_small and frame.f_code.co_filename != __file__:
                self.note_vectors(frame, result)
        if event == "return" and name == "forward" and self.is_there:
            self.note(frame, "logits", result)
            self.is_there = False

    def note_vectors(self, frame, result):
        """Make rows of the vectors that a function has when it returns, and of what it returns."""
        self.note(frame, frame.f_code.co_name, result)
        for name, value in frame.f_locals.items():
            self.note(frame, name, value)
        self.past = list(frame.f_locals.get("past", self.past))  # later positions will join it

    def note(self, frame, name, vector):
        """Make a row of a list or tuple of Values; what the outermost function calls it counts."""
        if not isinstance(vector, (list, tuple)) or not vector:
            return
        is_vector = all(isinstance(v, self.value_class) and v not in self.weights for v in vector)
        if is_vector and (name != frame.f_code.co_name or tuple(vector) not in self.rows):
            self.rows[tuple(vector)] = [name, frame.f_code]

    def name_past(self):
        """Return {vector: position} of what was kept of each position, named like the last one.

        The rows come in the order in which their numbers were made.
        """
        def parts(kept):
            if not isinstance(kept, (list, tuple)) or not kept:
                return []
            if isinstance(kept[0], self.value_class):
                return [tuple(kept)]
            return [vector for part in kept for vector in parts(part)]
        made = {value: n for n, value in enumerate(self.origins)}
        order = {vector: (max(made.get(v, -1) for v in vector), 0) for vector in self.rows}
        positions = {}
        for s, kept in enumerate(self.past[:-1]):
            for vector, last in zip(parts(kept), parts(self.past[-1])):
                if vector in self.rows:
                    positions[vector] = s
                    self.rows[vector][0] = self.rows.get(last, self.rows[vector])[0]
                    order[vector] = (order.get(last, (0, 0))[0], s - self.position)
        self.rows = {vector: self.rows[vector] for vector in sorted(order, key=order.get)}
        return positions


def flow(model, tokens, start, layer, t):
    """Return the rows that lead from x to the logits at position t of a layer, and the logits.

    A row is a vector: its name and numbers; the position it is of, if that is an earlier one; the
    one earlier position, partner, that it was made with, if it was one; and in cells, how each
    number was made: a formula, the line of code, and which numbers of other rows ([row, index])
    and which weights it was made of.
    """
    with Recorder(model, start.params, layer, t) as recorder:
        logits = forwards(model, tokens, start)[t]
    positions = recorder.name_past()
    places = {}
    for n, vector in enumerate(recorder.rows):
        for i, value in enumerate(vector):
            places.setdefault(value, [n, i])
    weights = {w: f"{name.rpartition('.')[2]}[{i}]" for name, matrix in start.params.items()
               for i, row in enumerate(matrix) for w in row}
    rows = []
    for vector, (name, code) in recorder.rows.items():
        cells = [cell(value, recorder.origins, places, weights) for value in vector]
        sources = {n for made in cells for n, _ in made["made"] if n < len(rows)}
        partners = {rows[n][key] for n in sources for key in ("at", "partner")} - {None}
        rows.append({"name": name, "at": positions.get(vector), "function": code.co_name,
                     "partner": partners.pop() if len(partners) == 1 else None,
                     "values": [v.data for v in vector], "cells": cells})
    return rows, logits


def cell(value, origins, places, weights):
    """Return how one number was made."""
    numbers = set()
    rows_of_weights = set()
    seen = set()
    stack = list(value.children)
    while stack:
        child = stack.pop()
        if child in places and child is not value:
            numbers.add(tuple(places[child]))
        elif child in weights:
            rows_of_weights.add(weights[child])
        elif child not in seen:
            seen.add(child)
            stack += child.children
    names = sorted(rows_of_weights)
    if len(names) > 3:
        names = sorted({name.partition("[")[0] for name in names})
    made = {"made": sorted(numbers), "weights": names, "line": None,
            "formula": f"{value.data:.4f}"}
    if value in origins:
        code = origins[value].code
        made["line"] = [Path(code.co_filename).name, code.co_name, origins[value].line]
        made["formula"] += f" = {formula(value, origins, places)}"
    return made


def formula(value, origins, places):
    """Return how a Value was computed, filled in, as far as it stands in one line of code."""
    origin = origins[value]

    def part(child):
        is_here = child in origins and origins[child].statement == origin.statement
        if is_here and child not in places and child.children:
            return f"({formula(child, origins, places)})"
        return f"{child.data:.3f}" if child.data >= 0 else f"({child.data:.3f})"

    half = len(value.children) // 2
    if origin.operation == "linear":
        pairs = [f"{w.data:.3f}·{x.data:.3f}"
                 for w, x in zip(value.children[:half], value.children[half:])]
        return " + ".join(pairs[:20] + ["…"] * (half > 20))
    parts = list(map(part, value.children))
    if origin.operation == "mean":
        return f"({' + '.join(parts)}) / {len(parts)}"
    if origin.operation == "__pow__":
        return f"{parts[0]} ** {value.local_grads[0] * value.children[0].data / value.data:.3g}"
    signs = {"__add__": " + ", "__sub__": " - ", "__mul__": "·"}
    if origin.operation in signs:
        return signs[origin.operation].join(parts)
    return f"{origin.operation}({', '.join(parts)})"


def ask_source(question):
    """Return the lines of a function in one of the files that are looked into."""
    file = choice(question, "file", SOURCES, None)
    name = text_of(question, "function", 60)
    tree = ast.parse((HERE / file).read_text(encoding="utf-8"))
    found = [node for node in ast.walk(tree) if getattr(node, "name", None) == name]
    if not found:
        raise Wrong("function", "there is no such function")
    lines = (HERE / file).read_text(encoding="utf-8").split("\n")
    return {"first": found[0].lineno, "lines": lines[found[0].lineno - 1:found[0].end_lineno]}


def grassmann_arcs(place):
    """Return the partners of a position: each unit plane has the same share in their mean."""
    return [{"s": partner.s, "share": 1 / len(place.partners),
             "length": inside.length(partner.p), "z": [v.data for v in partner.z]}
            for partner in place.partners]


def attention_arcs(tokens, start, layer, t):
    """Return the positions that a position attends to: the mean of the heads' weights."""
    with inside.watch(micro_gpt, "softmax", "mix") as calls:
        forwards(micro_gpt, tokens, start)
    ends = [n for n, call in enumerate(calls) if call.name == "mix"
            and call.args[1] == f"layer{layer}"]
    heads = [call.result for call in calls[ends[t] - start.config.n_head:ends[t]]]
    return [{"s": s, "share": sum(head[s].data for head in heads) / len(heads)}
            for s in range(t + 1)]


# ---- a plane, a gradient, a price ----------------------------------------------------------------


def ask_plane(question):
    """Return the planes that u spans with its partners, the same with length 1, and their mean."""
    u = vector_of(question.get("u"), "u")
    given = question.get("partners")
    if not isinstance(given, list) or not 1 <= len(given) <= 8:
        raise Wrong("partners", "partners must be from 1 to 8 vectors")
    partners = [vector_of(v, "partners") for v in given]
    config = micro_grassmann.Config(1, r=3, window=range(1, len(partners) + 1))
    mean = micro_grassmann.mean_plane([*reversed(partners), u], config)
    planes = []
    for v in partners:
        p = micro_grassmann.plucker(u, v)
        unit = micro_grassmann.unit_plucker(u, v)
        planes.append({"p": [x.data for x in p], "unit": [x.data for x in unit],
                       "length": inside.length(p)})
    return {"planes": planes, "mean": [x.data for x in mean], "length": inside.length(mean)}


def ask_gradients(question):
    """Return the graph of an expression and, in the engine's order, how gradients arrive in it."""
    expression = text_of(question, "expression", 300)
    given = question.get("values", {})
    if not isinstance(given, dict) or not all(
            type(x) in (int, float) and abs(x) <= 1e6 for x in given.values()):
        raise Wrong("values", "values must be such as a=2 b=3, none beyond a million")
    model, log = recorder()
    builder = Builder(model, given)
    root = builder.build(parsed(expression))
    nodes = builder.nodes
    if root not in nodes:
        raise Wrong("expression", "the expression has no name and no number")
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
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of "1is 2" Python would warn on the terminal
            tree = ast.parse(expression.strip(), mode="eval").body
    except (SyntaxError, RecursionError, MemoryError, ValueError):
        raise Wrong("expression", "that is no expression such as (a*b + c).relu() ** 2") from None
    if sum(1 for _ in ast.walk(tree)) > 300:
        raise Wrong("expression", "the expression is too long")
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
            raise Wrong("expression", "at most 100 nodes, please")
        if not math.isfinite(node.data):
            raise Wrong("expression", "a number grows beyond all bounds")
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
        raise Wrong("expression", "only names, numbers, + - * / **, and .relu() .exp() .log() "
                    ".sigmoid()")

    def name(self, name):
        """Return the one leaf of a name."""
        if name not in self.names:
            if name not in self.given:
                raise Wrong("values", f"give {name[:20]} a value: {name[:20]}=1")
            leaf = self.model.Value(float(self.given[name]))
            self.names[name] = self.note(leaf, name)
        return self.names[name]

    def power(self, tree):
        """Return left ** n for a plain number n."""
        negative = isinstance(tree.right, ast.UnaryOp) and isinstance(tree.right.op, ast.USub)
        exponent = tree.right.operand if negative else tree.right
        if not isinstance(exponent, ast.Constant) or type(exponent.value) not in (int, float):
            raise Wrong("expression", "an exponent must be a number")
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
    model = beyond.fresh(name)  # whose functions are exchanged while others look
    config = beyond.configure(name, 27, block_size=COST_LENGTH)
    params = model.init_params(config, random.Random(42))
    watched = {"attention": "softmax", "Grassmann": "unit_plucker"}.get(name, "mix")
    cache = [[]]
    nodes = []
    pairs = []
    made = 0
    seen = 0
    for position in range(COST_LENGTH):
        with inside.watch(model.Value, "__init__") as values, inside.watch(model, watched) as calls:
            model.forward(0, position, cache, params, config)
        made += len(values)
        nodes.append(made)
        if name == "attention":
            seen += len(calls[0].result)
        if name == "Grassmann":
            seen += len(calls)
        pairs.append(seen if name in ("attention", "Grassmann") else None)
    return nodes, pairs


# ---- exercises: in a browser only, whose walls keep what a visitor writes in --------------------

EXERCISE = "micro_grassmann_clean.py"  # whose functions are to be written


def ask_exercise(question):
    """Return a step of exercises.py: what to write, and hints; with code, the verdict on it."""
    import exercises_judge as judge  # long, and not needed by most visitors

    steps = judge.STEPS[EXERCISE]
    number = whole(question, "step", 1, len(steps), 1)
    step = steps[number - 1]
    answer = {"titles": [each.title for each in steps], "task": step.task, "hints": step.hints,
              "stubs": [stub(judge, function) for function in step.functions],
              "can_check": IN_BROWSER}
    code = question.get("code")
    if code is None:
        return answer
    if not IN_BROWSER:
        raise Wrong("code", "in the browser only: here python3 exercises.py checks")
    if not isinstance(code, list) or len(code) != len(step.functions) or not all(
            isinstance(text, str) and len(text) <= 10000 for text in code):
        raise Wrong("code", f"code must be {len(step.functions)} texts, none beyond 10,000 letters")
    verdict = judge.verdict_on_text(spliced(judge, step.functions, code), number)
    return {**answer, "verdict": verdict._asdict()}


def stub(judge, function):
    """Return a function's text with its body left to write."""
    lines = judge.source_of(EXERCISE, function).split("\n")
    [node] = ast.parse("\n".join(lines)).body
    first = node.body[1] if ast.get_docstring(node) else node.body[0]
    return "\n".join([*lines[:first.lineno - 1], "    raise NotImplementedError"])


def spliced(judge, functions, code):
    """Return the model file's text with a visitor's text in the place of these functions."""
    lines = judge.read(HERE / EXERCISE).split("\n")
    nodes = judge.definitions(EXERCISE)
    for function, text in sorted(zip(functions, code), key=lambda one: -nodes[one[0]].lineno):
        node = nodes[function]
        indented = textwrap.indent(text, " " * node.col_offset).split("\n")
        lines[node.lineno - 1:node.end_lineno] = indented
    return "\n".join(lines)


def ask_start(question):
    """Return what the page needs first: the contenders and the limits."""
    grid = json.loads(GRID.read_text(encoding="utf-8"))
    for row in grid["tasks"]:
        for cell in row["cells"].values():
            shares = list(cell["right"].values())
            cell.update(mean=round(statistics.fmean(shares), 6), half=compare.student(shares))
    return {"mixers": list(beyond.MAKERS), "tasks": [*BLOCKS, *ASKED], "limits": LIMITS,
            "saved": list(SAVED), "races": RACES, "length": COST_LENGTH,
            "longest_text": LONGEST_TEXT, "cores": CORES, "grid": grid}


TRAINING = {"train": ask_train, "running": ask_running, "progress": ask_progress,
            "order": ask_order}
LOOKING = {"start": ask_start, "documents": ask_documents, "read": ask_read, "look": ask_look,
           "source": ask_source, "plane": ask_plane, "gradients": ask_gradients,
           "exercise": ask_exercise}
GROUPS = {"train": TRAINING, "look": LOOKING, "cost": {"cost": ask_cost}}
locks = {group: threading.Lock() for group in GROUPS}  # of a group one question at a time


def answer(question):
    """Return the answer to a question; ValueError or ArithmeticError if there is none."""
    name = question.get("ask") if isinstance(question, dict) else None
    for group, asks in GROUPS.items():
        if isinstance(name, str) and name in asks:
            with locks[group]:
                return asks[name](question)
    raise ValueError("ask must be one of: " + ", ".join(
        [name for asks in GROUPS.values() for name in asks]))


def answer_text(question):
    """Return (whether it could be answered, JSON) for a question in JSON."""
    try:
        return True, json.dumps(answer(json.loads(question)), allow_nan=False)
    except (ArithmeticError, RecursionError, ValueError) as error:
        sentence = " ".join(str(error).split())[:300]
        return False, json.dumps({"error": sentence, "field": getattr(error, "field", "")})
