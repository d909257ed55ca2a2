"""Contenders, runs, verdicts: what all benchmarks share; they call it, and nothing runs here.

A contender is a mixing layer with its sizes. Each contender is trained once for each seed, on the
same documents in the same order, and the result is a Run. Runs are independent, so they are made
side by side, one process for each core; the number of processes does not change the results. Time
is measured separately, in turns, with nothing else running.

The JSON file of a benchmark holds these records, field by field as described here, with the
Python version, the platform, the options and the date.
"""
import datetime
import gc
import json
import math
import multiprocessing.connection
import platform
import random
import signal
import statistics
import sys
import time
import traceback
from collections import defaultdict
from typing import NamedTuple

import alternatives
import beyond
import inside
import show

CURVE_POINTS = 8  # of the loss on held-out documents during training
CURVE_DOCS = 40  # held-out documents that such a point is measured on
TIMED_STEPS = 40  # steps of each contender that are timed, in turns

CHARTED = ("attention", "Grassmann", "linear map")  # a chart with more curves can't be read
CONTROLS = (("attention, same offsets", "attention"), ("linear map", "Grassmann"),
            ("mean of states", "Grassmann"), ("elementwise product", "Grassmann"),
            ("products apart", "linear map"), ("planes apart", "Grassmann"),
            ("planes apart, lengths kept", "Grassmann"), ("planes apart, shuffled", "Grassmann"),
            ("weighted planes", "Grassmann"), ("W_red frozen", "Grassmann"))

# Student's t for a 95 % interval, by degrees of freedom; beyond the table there is a formula.
T_95 = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.20, 2.18, 2.16, 2.14, 2.13)


class Contender(NamedTuple):
    """A mixing layer with its sizes, and the contender that it is compared with."""

    name: str
    mixer: str  # its name in beyond.MAKERS
    config: tuple  # the Config of that model
    against: str  # a contender's name, or "" for one that the others are compared with
    scored: object = None  # as in beyond.scoring: which symbols count; None: all, and the end
    rate: float = 0.01  # of learning, at the first step


class Data(NamedTuple):
    """The documents of one seed, as sequences of symbols."""

    docs: list  # what a run begins with: it takes its vocabulary from them
    train: list
    held_out: list
    choices: tuple = ()  # the symbols that can be an answer at a scored place


class Run(NamedTuple):
    """The result of training one contender with one seed."""

    contender: str
    seed: int
    parameters: int
    losses: list  # the training loss of each step, in nats a token
    curve: list  # [step, loss on the first CURVE_DOCS held-out documents] during training
    held_out: list  # [nats, tokens] of each held-out document, after training
    samples: dict  # {temperature: texts that it wrote}
    answers: list = ()  # the likeliest choices at the scored places of each held-out document


class Cost(NamedTuple):
    """What one step of training costs a contender, measured in turns with the others."""

    milliseconds: float  # median
    values: float  # Values that the forward pass makes, mean over documents


class Verdict(NamedTuple):
    """What paired differences say of a contender: its score minus another's."""

    mean: float  # over the seeds
    half_by_seed: float  # half of the 95 % interval, from seed to seed (Student); nan for one seed
    half_by_document: float  # the same from document to document, all seeds together
    by_seed: list  # each seed's difference


class Score(NamedTuple):
    """What contenders are compared by: a number for each held-out document, and their mean."""

    title: str
    digits: int
    by_document: object  # a function of a Run that returns these numbers
    reading: str  # what a difference means


# ---- data and contenders -------------------------------------------------------------------------


def split(docs, seed, steps):
    """Return the Data of one seed: shuffled and split as the model files do."""
    model = beyond.mixer("attention")
    order = model.begin(docs, random.Random(seed))[0]
    return Data(docs, *model.split_docs(order, steps))


def contender(mixer, vocab_size, against="attention", name=None, scored=None, rate=0.01, **sizes):
    """Return a contender; of the sizes, its model takes those that it has."""
    config = beyond.configure(mixer, vocab_size, **sizes)
    return Contender(name or mixer, mixer, config, against, scored, rate)


def control_layers(vocab_size, **sizes):
    """Return other maps over the same offsets, each compared with what it differs from.

    The last two have the same number of weights; one of them reads planes beside the states.
    """
    found = [contender(mixer, vocab_size, against, **sizes) for mixer, against in CONTROLS]
    wide = contender("linear map", vocab_size, "linear map", "linear map, r 5", r=5, **sizes)
    both = contender("linear map and planes", vocab_size, wide.name,
                     "linear map and planes, r 3", r=3, **sizes)
    return [*found, wide, both]


def alternative_layers(vocab_size, **sizes):
    """Return the layers of alternatives.py that stand for a kind of their own."""
    return [contender(name, vocab_size, "attention", **sizes) for name in alternatives.KINDS]


def seeds(number):
    """Return the first `number` seeds: 42, 1, 2, ..."""
    return [42, *range(1, number)]


def begin(contender, data, seed):
    """Return what a run of this contender begins with: (model, vocab, params, rng)."""
    if contender.scored is None:
        model = beyond.mixer(contender.mixer)
    else:
        model = beyond.scoring(contender.mixer, contender.scored)
    sizes = contender.config._asdict()
    del sizes["vocab_size"]  # begin counts the symbols itself
    rng = random.Random(seed)
    _, vocab, _, params = model.begin(data.docs, rng, **sizes)
    return model, vocab, params, rng


# ---- training side by side -----------------------------------------------------------------------

steps_done = None  # in a process that trains: a number that its parent reads


def at_once(jobs):
    """Return how many processes may run at once: Windows cannot wait for more than 61."""
    return min(jobs, 61) if sys.platform == "win32" else jobs


def start_worker(context):
    """Start a process that trains; return it, a pipe to it, and its counter of steps.

    No two share anything: whenever one is killed, it holds no lock that another waits for.
    """
    pipe, far_end = context.Pipe()
    counter = context.RawValue("q", 0)
    process = context.Process(target=work_for, args=(far_end, counter), daemon=True)
    process.start()
    far_end.close()  # now the pipe ends when the process does
    return process, pipe, counter


def work_for(parent, counter):
    """Say that this process is ready; then do what the parent sends, and send back the results."""
    global steps_done
    steps_done = counter
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent to handle
    gc.disable()
    parent.send((None, ""))
    while True:
        train, arguments = parent.recv()
        try:
            parent.send((train(*arguments), ""))
        except Exception as error:
            parent.send((error, traceback.format_exc()))


def report_step():
    """Count a step."""
    steps_done.value += 1


def train_run(contender, data, seed, steps, samples):
    """Train one contender with one seed, and return its Run. samples: {temperature: how many}."""
    model, vocab, params, rng = begin(contender, data, seed)
    config = contender.config
    tokens = [model.tokenize(doc, vocab) for doc in data.train]
    unseen = [model.tokenize(doc, vocab) for doc in data.held_out]
    every = max(1, steps // CURVE_POINTS)
    losses = []
    curve = []
    for step, loss in enumerate(model.train(tokens, params, config, steps, contender.rate), 1):
        losses.append(loss)
        report_step()
        if unseen and (step % every == 0 or step == steps):
            curve.append([step, model.evaluate(unseen[:CURVE_DOCS], params, config)])
    held_out = []
    answers = []
    for doc in unseen:
        nats = [loss.data for loss in model.token_losses(doc, params, config)]
        held_out.append([sum(nats), len(nats)])
        if contender.scored:
            answers.append(answer(model, doc, contender, data.choices, vocab, params))
    texts = {str(temperature): [] for temperature in samples}
    for temperature, number in samples.items():
        for _ in range(number):
            texts[str(temperature)].append(model.generate(vocab, params, config, rng, temperature))
            report_step()
    size = sum(len(row) for matrix in params.values() for row in matrix)
    return Run(contender.name, seed, size, losses, curve, held_out, texts, answers)


def answer(model, tokens, contender, choices, vocab, params):
    """Return which of the choices the model finds likeliest at each scored place of a document."""
    places = contender.scored(tokens[1:-1])
    cache = [[] for _ in range(contender.config.n_layer)]
    found = {}
    for place, token in enumerate(tokens[:max(places) + 1]):
        logits = model.forward(token, place, cache, params, contender.config)
        if place in places:
            found[place] = max(choices, key=lambda symbol: logits[vocab[symbol]].data)
    return [found[place] for place in places]


def train_all(contenders, data_of, seed_list, steps, samples, jobs):
    """Return the Run of each contender with each seed; data_of is a dict {seed: Data}."""
    work = [(contender, data_of[seed], seed, steps, samples)
            for seed in seed_list for contender in contenders]
    return side_by_side(train_run, work, jobs, len(work) * (steps + sum(samples.values())))


def side_by_side(train, work, jobs, steps):
    """Return train(*arguments) for each tuple of arguments in `work`, `jobs` of them at once.

    Together they call report_step() `steps` times. OSError if a process is ended from outside.
    """
    context = multiprocessing.get_context("spawn")
    with show.deaf_to_ctrl_c():
        workers = [start_worker(context) for _ in range(at_once(min(jobs, len(work))))]
    todo = list(reversed(range(len(work))))  # places in `work`
    busy = {pipe: None for _, pipe, _ in workers}  # {pipe: the place it is at; None: it starts}
    results = {}  # {place: what came of it}, and None's
    told = ""  # the traceback of an error
    try:
        with show.Progress(steps) as progress:
            while busy and not told:
                for pipe in multiprocessing.connection.wait(list(busy), timeout=0.2):
                    result, told = pipe.recv()
                    if told:
                        break
                    results[busy.pop(pipe)] = result
                    if todo:
                        busy[pipe] = todo.pop()
                        pipe.send((train, work[busy[pipe]]))
                if not all(process.is_alive() for process, _, _ in workers):
                    raise EOFError
                done = sum(counter.value for _, _, counter in workers)
                progress.step(f"{len(results) - 1} of {len(work)} runs", done - progress.done)
    except (EOFError, OSError):
        raise OSError("a process that trained was ended from outside (out of memory?)") from None
    finally:
        for process, _, _ in workers:
            process.kill()
            process.join()
    if told:
        raise result from RuntimeError(told)
    return [results[place] for place in range(len(work))]


def time_all(contenders, data, seed):
    """Return {name: Cost} of each contender, their steps timed in turns."""
    trainers = {}
    values = {}
    for contender in contenders:
        model, vocab, params, _ = begin(contender, data, seed)
        tokens = [model.tokenize(doc, vocab) for doc in data.train[:TIMED_STEPS]]
        few = tokens[:10]
        with inside.watch(model.Value, "__init__") as made:
            model.evaluate(few, params, contender.config)
        values[contender.name] = len(made) / len(few)
        trainers[contender.name] = model.train(tokens, params, contender.config, TIMED_STEPS)
    return {name: Cost(ms, values[name]) for name, ms in in_turns(trainers).items()}


def in_turns(trainers):
    """Return {name: median milliseconds of a step} for {name: what train() returned}.

    The steps are timed in turns, so that slow moments hit all contenders alike.
    """
    seconds = defaultdict(list)
    for _ in range(TIMED_STEPS):
        for name, trainer in trainers.items():
            start = time.perf_counter()
            next(trainer)
            seconds[name].append(time.perf_counter() - start)
    return {name: 1000 * statistics.median(values) for name, values in seconds.items()}


# ---- measures and verdicts -----------------------------------------------------------------------


def held_out_loss(run):
    """Return the loss on the held-out documents, in nats a token."""
    return sum(nats for nats, _ in run.held_out) / sum(tokens for _, tokens in run.held_out)


def perplexity(run):
    """Return exp of that loss."""
    return math.exp(held_out_loss(run))


# What the tables print of a run: title, digits, function of the run.
MEASURES = (("weights", 0, lambda run: run.parameters),
            ("held-out loss", 4, held_out_loss),
            ("perplexity", 3, perplexity))


def spread(values, digits):
    """Return the mean and, if there are several values, ± their standard deviation, as text."""
    text = f"{statistics.fmean(values):,.{digits}f}"
    if digits == 0 or len(values) < 2:
        return text
    return f"{text} ± {statistics.stdev(values):.{digits}f}"


def student(values):
    """Return half of the 95 % interval of the values' mean (Student's t); nan for one value."""
    n = len(values)
    if n < 2:
        return math.nan
    t = T_95[n - 2] if n - 2 < len(T_95) else 1.96 + 2.5 / (n - 1)
    return t * statistics.stdev(values) / math.sqrt(n)


def wilson(hits, n):
    """Return the 95 % Wilson score interval for a share of hits out of n (Wilson 1927, JASA 22)."""
    z = 1.96
    share = hits / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def document_losses(run):
    """Return the loss of each held-out document: its nats, divided by the mean number of tokens.

    So a document counts in proportion to its tokens, and the mean is held_out_loss.
    """
    tokens = statistics.fmean([n for _, n in run.held_out])
    return [nats / tokens for nats, _ in run.held_out]


LOSS = Score("held-out loss", 4, document_losses, "Below 0: the first has the lower loss.")


def verdict(runs, name, against, score=LOSS):
    """Return what the runs say of contender `name` minus contender `against`, paired.

    Paired by seed and by document: both were evaluated on the same ones, so what makes a document
    hard cancels out.
    """
    by_seed = []
    by_document = []
    for one, other in zip(of(runs, name), of(runs, against)):
        pairs = zip(score.by_document(one), score.by_document(other))
        differences = [a - b for a, b in pairs]
        by_seed.append(statistics.fmean(differences))
        by_document += differences
    return Verdict(statistics.fmean(by_seed), student(by_seed), student(by_document), by_seed)


def of(runs, name):
    """Return the runs of one contender, in the order of the seeds."""
    return [run for run in runs if run.contender == name]


def show_runs(runs, contenders, costs, measures=MEASURES):
    """Return the table of all measures, a row for each contender."""
    rows = [["", *(title for title, _, _ in measures), "ms a step"]]
    for contender in contenders:
        mine = of(runs, contender.name)
        cells = [spread([function(run) for run in mine], digits)
                 for _, digits, function in measures]
        rows.append([contender.name, *cells, f"{costs[contender.name].milliseconds:.1f}"])
    return show.table(rows)


def show_verdicts(runs, contenders, score=LOSS):
    """Return the paired differences, and how many comparisons there are."""
    pairs = [contender for contender in contenders if contender.against]
    rows = [[score.title, "minus", "difference", "seeds", "documents"]]
    for contender in pairs:
        v = verdict(runs, contender.name, contender.against, score)
        rows.append([contender.name, contender.against, f"{v.mean:+.{score.digits}f}",
                     half(v.half_by_seed, score.digits), half(v.half_by_document, score.digits)])
    lines = [show.table(rows, left=2), "",
             f"{score.reading} Paired by seed and document;",
             "± is half of a 95 % interval, over the seeds or over all seeds' documents."]
    if len(pairs) > 1:
        lines.append(
            f"These are {len(pairs)} comparisons; of twenty such intervals about one misses.")
    return "\n".join(lines)


def half(value, digits):
    """Return half of an interval as text."""
    return "one seed" if math.isnan(value) else f"± {value:.{digits}f}"


def share_with_interval(hits):
    """Return (share, low, high) of all seeds' hits together, with Wilson's 95 % interval."""
    every = [hit for one in hits for hit in one]
    return (statistics.fmean(every), *wilson(sum(every), len(every)))


def show_shares(title, hits):
    """Return a table of shares; hits is {name: for each seed a list of 0 or 1}."""
    rows = [[title, "share", "95 % interval", "over seeds"]]
    for name, mine in hits.items():
        share, low, high = share_with_interval(mine)
        by_seed = [100 * statistics.fmean(one) for one in mine]
        rows.append([name, f"{100 * share:.1f} %", f"{100 * low:.1f} to {100 * high:.1f}",
                     half(student(by_seed), 1)])
    return show.table(rows)


def curves(runs, names=CHARTED):
    """Return {contender: points} of the loss on held-out documents, the mean over the seeds."""
    out = {}
    for name in names:
        points = list(zip(*[run.curve for run in of(runs, name)]))
        if points:
            out[name] = [(same[0][0], statistics.fmean([loss for _, loss in same]))
                         for same in points]
    return out


# ---- the command line ----------------------------------------------------------------------------


def options(description, steps, seeds=1):
    """Return a parser with the options that the benchmarks share."""
    parser = show.Parser(description=description, allow_abbrev=False)
    parser.add_argument("--steps", type=show.whole_numbers(10), default=steps, metavar="N",
                        help=f"training steps, one document each (default {steps})")
    parser.add_argument("--seeds", type=show.whole_numbers(1, 99), default=seeds, metavar="K",
                        help=f"repeat with K seeds: 42, 1, 2, ... (default {seeds})")
    parser.add_argument("--jobs", type=show.whole_numbers(1, 999), default=show.usable_cores(),
                        metavar="N", help="processes that train at once (default: all cores)")
    parser.add_argument("--json", metavar="FILE", help="write all records there")
    parser.add_argument("--svg", metavar="FILE", help="draw the charts there")
    return parser


def add_layers(parser):
    """Add the option for deeper models."""
    parser.add_argument("--layers", type=show.whole_numbers(1, 99), default=1, metavar="N",
                        help="layers of each model (default 1)")


def add_controls(parser):
    """Add the options for more contenders."""
    parser.add_argument("--controls", action="store_true",
                        help="more contenders: other maps over the same offsets")
    parser.add_argument("--alternatives", action="store_true",
                        help="more contenders: what others put in attention's place")


def environment(program, args):
    """Return what a reader needs to repeat the run."""
    return {"program": program, "platform": platform.platform(),
            "python": f"{platform.python_implementation()} {platform.python_version()}",
            "date": datetime.date.today().isoformat(),
            "options": {name: value if isinstance(value, (int, float, str, type(None)))
                        else str(value) for name, value in vars(args).items()}}


def to_json(environment, **records):
    """Return the records as JSON text: each NamedTuple an object with the names of its fields."""
    def as_json(x):
        if hasattr(x, "_asdict"):
            return as_json(x._asdict())
        if isinstance(x, dict):
            return {key: as_json(value) for key, value in x.items()}
        return [as_json(item) for item in x] if isinstance(x, (list, tuple)) else x
    return json.dumps({**environment, **as_json(records)}, indent=1) + "\n"


def in_words(number):
    """Return the seeds as text, with what ± stands for in the table of means."""
    if number == 1:
        return "seed 42 alone (--seeds 3 shows a spread)"
    listed = ", ".join(map(str, seeds(number))) if number < 8 else f"42 and 1 to {number - 1}"
    return f"seeds {listed} (±: standard deviation)"


def announce(contenders, costs, args, read=200, samples=0, more=0):
    """Print about how long the training, and what follows it, will take.

    read: documents that each trained model reads; samples: texts it writes; more: seconds besides.
    """
    steps = args.steps + 0.3 * read + CURVE_POINTS * CURVE_DOCS / 2 + samples
    of_all = sum(costs[contender.name].milliseconds for contender in contenders) / 1000 * steps
    seconds = 2 + more + of_all * args.seeds / min(args.jobs, len(contenders) * args.seeds)
    words = f"{seconds:.0f} seconds" if seconds < 90 else f"{seconds / 60:.0f} minutes"
    print(f"This will take about {words}.", flush=True)
