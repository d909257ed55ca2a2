"""Contenders, runs, verdicts: what the benchmarks share. There is nothing to run here.

A contender is a mixing layer with its sizes. Each contender is trained once for each seed, on the
same documents in the same order, and what came of it is a Run. Runs are independent, so they are
made side by side, one process for each core; the numbers are the same however many there are. Time
is measured apart, in turns, with nothing else running.

The JSON file of a benchmark holds these records, field by field as they are described here, with
the Python, the platform, the options and the date.
"""
import concurrent.futures
import datetime
import gc
import json
import math
import multiprocessing
import os
import platform
import random
import statistics
import time
from collections import defaultdict
from typing import NamedTuple

import alternatives
import beyond
import inside
import show

CURVE_POINTS = 8  # of the loss on held-out documents during training
CURVE_DOCS = 40  # held-out documents that such a point is measured on
TIMED_STEPS = 40  # steps whose time is measured, of each contender in turn

# Student's t for a 95 % interval, by degrees of freedom; beyond the table a formula comes close.
T_95 = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.20, 2.18, 2.16, 2.14, 2.13)


class Contender(NamedTuple):
    """A mixing layer with its sizes, and the contender that it is compared with."""

    name: str
    mixer: str  # its name in beyond.MAKERS
    config: tuple  # the Config of that model
    against: str  # a contender's name, or "" for one that the others are compared with


class Data(NamedTuple):
    """The documents of one seed, as sequences of symbols, and the vocabulary of all."""

    train: list
    held_out: list
    vocab: dict
    number: int  # of all documents


class Run(NamedTuple):
    """What came of training one contender with one seed."""

    contender: str
    seed: int
    parameters: int
    losses: list  # the training loss of each step, in nats a token
    curve: list  # [step, loss on the first CURVE_DOCS held-out documents] during training
    held_out: list  # [nats, tokens] of each held-out document, after training
    samples: list  # texts it wrote at temperature 0.5


class Cost(NamedTuple):
    """What one step of training costs a contender, measured in turns with the others."""

    milliseconds: float  # median
    values: float  # Values that the forward pass makes, mean over documents


class Verdict(NamedTuple):
    """What paired differences in loss say: positive if the contender's loss is the higher one."""

    mean: float  # over the seeds, in nats a token
    half_by_seed: float  # half of the 95 % interval, from seed to seed (Student); nan for one seed
    half_by_document: float  # the same from document to document, all seeds together
    by_seed: list  # each seed's difference


# ---- data and contenders -------------------------------------------------------------------------


def split(docs, seed, steps):
    """Return the Data of one seed: shuffled and split as the model files do."""
    model = beyond.mixer("attention")
    order = list(docs)
    random.Random(seed).shuffle(order)
    train, held_out = model.split_docs(order, steps)
    return Data(train, held_out, model.make_vocab(docs), len(docs))


def contender(mixer, vocab_size, against="attention", name=None, **sizes):
    """Return a contender with the sizes of its model, those that it has."""
    return Contender(name or mixer, mixer, beyond.configure(mixer, vocab_size, **sizes), against)


def planes_beside_states(vocab_size, **sizes):
    """Return a linear map and, with as many weights, one that reads planes as well."""
    wide = contender("linear map", vocab_size, "linear map", "linear map, r 5", r=5, **sizes)
    both = contender("linear map and planes", vocab_size, wide.name,
                     "linear map and planes, r 3", r=3, **sizes)
    return [wide, both]


def alternative_layers(vocab_size, **sizes):
    """Return the layers of alternatives.py that stand for a kind of their own."""
    return [contender(name, vocab_size, "attention", **sizes) for name in alternatives.KINDS]


def seeds(number):
    """Return so many seeds: 42, 1, 2, ..."""
    return [42, *range(1, number)]


# ---- training side by side -----------------------------------------------------------------------

reports = None  # in a process that trains: a counter of steps and an event, shared with the parent


def start_worker(counter, stop):
    """Prepare a process that trains: Ctrl-C is the parent's matter."""
    import signal

    global reports
    reports = (counter, stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()


def report_step():
    """Count a step, and end if the parent has said so."""
    counter, stop = reports
    with counter.get_lock():
        counter.value += 1
    if stop.is_set():
        raise KeyboardInterrupt


def train_run(rival, data, seed, steps, samples):
    """Train one contender with one seed, and return its Run."""
    model = beyond.mixer(rival.mixer)
    rng = random.Random(seed)
    rng.shuffle(list(range(data.number)))  # as the model file does, whose weights come next
    params = model.init_params(rival.config, rng)
    tokens = [model.tokenize(doc, data.vocab) for doc in data.train]
    unseen = [model.tokenize(doc, data.vocab) for doc in data.held_out]
    every = max(1, steps // CURVE_POINTS)
    losses = []
    curve = []
    for step, loss in enumerate(model.train(tokens, params, rival.config, steps), 1):
        losses.append(loss)
        report_step()
        if unseen and (step % every == 0 or step == steps):
            curve.append([step, model.evaluate(unseen[:CURVE_DOCS], params, rival.config)])
    held_out = []
    for doc in unseen:
        nats = [loss.data for loss in model.token_losses(doc, params, rival.config)]
        held_out.append([sum(nats), len(nats)])
    texts = []
    for _ in range(samples):
        texts.append(model.generate(data.vocab, params, rival.config, rng, 0.5))
        report_step()
    size = sum(len(row) for matrix in params.values() for row in matrix)
    return Run(rival.name, seed, size, losses, curve, held_out, texts)


def train_all(rivals, data_of, seed_list, steps, samples, jobs):
    """Return the Run of each contender with each seed; data_of is a dict {seed: Data}."""
    work = [(rival, data_of[seed], seed, steps, samples) for seed in seed_list for rival in rivals]
    return side_by_side(train_run, work, jobs, len(work) * (steps + samples))


def side_by_side(train, work, jobs, steps):
    """Return train(*arguments) for each tuple of arguments in `work`, in so many processes at once.

    Each calls report_step(), `steps` times all together. OSError if one is ended from outside.
    """
    context = multiprocessing.get_context("spawn")
    counter = context.Value("q", 0)
    stop = context.Event()
    pool = concurrent.futures.ProcessPoolExecutor(jobs, context, start_worker, (counter, stop))
    try:
        with show.deaf_to_ctrl_c():
            futures = [pool.submit(train, *arguments) for arguments in work]
        with show.Progress(steps) as progress:
            waiting = futures
            done = 0
            while waiting:
                waiting = concurrent.futures.wait(waiting, timeout=0.2)[1]
                now = counter.value
                progress.step(f"{len(work) - len(waiting)} of {len(work)} runs", now - done)
                done = now
                failed = [f for f in futures if f.done() and f.exception()]
                if failed:
                    raise failed[0].exception()
        return [future.result() for future in futures]
    except concurrent.futures.process.BrokenProcessPool:
        raise OSError("a process that trained was ended from outside (out of memory?)") from None
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


def time_all(rivals, data, seed):
    """Return {name: Cost} of each contender, their steps timed in turns."""
    trainers = {}
    values = {}
    for rival in rivals:
        model = beyond.mixer(rival.mixer)
        params = model.init_params(rival.config, random.Random(seed))
        tokens = [model.tokenize(doc, data.vocab) for doc in data.train[:TIMED_STEPS]]
        few = tokens[:10]
        with inside.watch(model.Value, "__init__") as made:
            model.evaluate(few, params, rival.config)
        values[rival.name] = len(made) / len(few)
        trainers[rival.name] = model.train(tokens, params, rival.config, TIMED_STEPS)
    return {name: Cost(ms, values[name]) for name, ms in in_turns(trainers).items()}


def in_turns(trainers):
    """Return {name: milliseconds of a step} of {name: what train() returned}, the median of some.

    The steps are timed in turns, so that a machine's moods meet all alike.
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


def verdict(runs, name, against):
    """Return what the runs say of contender `name` minus contender `against`, paired.

    Paired by seed and by document: both were evaluated on the same ones, so what makes a document
    hard cancels. A document's difference weighs as many times as it has tokens.
    """
    by_seed = []
    by_document = []
    for one, other in zip(of(runs, name), of(runs, against)):
        tokens = statistics.fmean([n for _, n in one.held_out])
        by_seed.append(held_out_loss(one) - held_out_loss(other))
        by_document += [(a - b) / tokens for (a, _), (b, _) in zip(one.held_out, other.held_out)]
    return Verdict(statistics.fmean(by_seed), student(by_seed), student(by_document), by_seed)


def of(runs, name):
    """Return the runs of one contender, in the order of the seeds."""
    return [run for run in runs if run.contender == name]


def show_runs(runs, rivals, costs, extra=()):
    """Return the table of all measures, a row for each contender."""
    titles = [title for title, _, _ in (*MEASURES, *extra)]
    rows = [["", *titles, "ms a step"]]
    for rival in rivals:
        mine = of(runs, rival.name)
        cells = [spread([function(run) for run in mine], digits)
                 for _, digits, function in (*MEASURES, *extra)]
        rows.append([rival.name, *cells, f"{costs[rival.name].milliseconds:.1f}"])
    return show.table(rows)


def show_verdicts(runs, rivals):
    """Return the paired differences, and how many comparisons they are."""
    pairs = [rival for rival in rivals if rival.against]
    rows = [["held-out loss", "minus", "difference", "seeds", "documents"]]
    for rival in pairs:
        v = verdict(runs, rival.name, rival.against)
        by_seed = "one seed" if math.isnan(v.half_by_seed) else f"± {v.half_by_seed:.4f}"
        rows.append([rival.name, rival.against, f"{v.mean:+.4f}", by_seed,
                     f"± {v.half_by_document:.4f}"])
    lines = [show.table(rows, left=2), "",
             "Below 0: the first has the lower loss. Paired by seed and document; ± is 95 %,",
             "over the seeds and, all seeds together, over the documents."]
    if len(pairs) > 1:
        lines.append(f"These are {len(pairs)} comparisons; of twenty 95 % intervals, one misses.")
    return "\n".join(lines)


def curves(runs, rivals):
    """Return {contender: points} of the loss on held-out documents, the mean over the seeds."""
    out = {}
    for rival in rivals:
        points = zip(*[run.curve for run in of(runs, rival.name)])
        out[rival.name] = [(same[0][0], statistics.fmean([loss for _, loss in same]))
                           for same in points]
    return out


# ---- the command line ----------------------------------------------------------------------------


def options(description, steps):
    """Return a parser with the options that the benchmarks share."""
    parser = show.Parser(description=description, allow_abbrev=False)
    parser.add_argument("--steps", type=show.whole_numbers(10), default=steps, metavar="N",
                        help=f"training steps, one document each (default {steps})")
    parser.add_argument("--seeds", type=show.whole_numbers(1, 99), default=1, metavar="K",
                        help="repeat with K seeds: 42, 1, 2, ... (default 1)")
    parser.add_argument("--jobs", type=show.whole_numbers(1, 999), default=os.cpu_count(),
                        metavar="N", help="processes that train at once (default: all cores)")
    parser.add_argument("--controls", action="store_true",
                        help="more contenders: other maps over the same offsets")
    parser.add_argument("--alternatives", action="store_true",
                        help="more contenders: what others put in attention's place")
    parser.add_argument("--json", metavar="FILE", help="write all records there")
    parser.add_argument("--svg", metavar="FILE", help="draw the charts there")
    return parser


def environment(program, args):
    """Return what a reader needs in order to repeat the run."""
    return {"program": program, "platform": platform.platform(),
            "python": f"{platform.python_implementation()} {platform.python_version()}",
            "date": datetime.date.today().isoformat(),
            "options": {name: value if isinstance(value, (int, float, str, type(None)))
                        else str(value) for name, value in vars(args).items()}}


def to_json(environment, **records):
    """Return the records as JSON text: each NamedTuple an object with the names of its fields."""
    def plain(x):
        if hasattr(x, "_asdict"):
            return plain(x._asdict())
        if isinstance(x, dict):
            return {key: plain(value) for key, value in x.items()}
        return [plain(item) for item in x] if isinstance(x, (list, tuple)) else x
    return json.dumps({**environment, **plain(records)}, indent=1) + "\n"


def in_words(number):
    """Return the seeds as text, with what ± stands for in the table of means."""
    if number == 1:
        return "seed 42 alone: --seeds 3 shows a spread"
    return f"seeds {', '.join(map(str, seeds(number)))} (±: standard deviation)"


def duration(seconds):
    """Return a duration in round words."""
    return f"{seconds:.0f} seconds" if seconds < 90 else f"{seconds / 60:.0f} minutes"


def expected_seconds(rivals, costs, args, samples):
    """Return about how many seconds the training, and what follows it, will take."""
    steps = args.steps + 60 + CURVE_POINTS * CURVE_DOCS / 2 + samples
    of_all = sum(costs[rival.name].milliseconds for rival in rivals) / 1000 * steps
    return 2 + of_all * args.seeds / min(args.jobs, len(rivals) * args.seeds)
