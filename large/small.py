"""The small models' tables with many seeds and tuned rates: the scalar files' runs, in PyTorch.

    python3 -m large.small --json large/small.jsonl --tables     (half a minute)
    python3 -m large.small --json mine.jsonl --minutes 60        (all of it: 17 hours of one core)

Each run has the scalar files' own first weights, their documents in their order, double precision:
with the same weights losses and gradients are theirs to 1e-9 (tests/test_large.py); over a run the
rounding of some layers grows (RESULTS.md). Each contender's rate is tried on each task with two
seeds that are not reported (with one at recall, which is run only here). Runs that the JSON lines
have already are left out, so the same command goes on.
"""
import functools
import json
import math
import multiprocessing
import multiprocessing.connection
import random
import statistics
import sys
import time
from pathlib import Path
from typing import NamedTuple

if not __package__:
    print("small.py: start it as python3 -m large.small", file=sys.stderr)
    sys.exit(2)

import beyond
import compare
import show
import tasks
from large import experiments, summary, train

try:
    import torch

    from large import alternatives, engine, exchange
    from large import data as parts
    from large.model import Config
except ModuleNotFoundError as error:
    if error.name != "torch":
        raise
    torch = None

RATES = (0.003, 0.01, 0.03)  # where the best is an end, a third or three times as much, too
TRIED_WITH = (101, 102)  # seeds
WRITTEN = 200  # strings of brackets at each temperature
LENGTH = 32  # of texts that ask about signs
HELD_OUT = 1000  # texts with pairs

# The scalar files' names for what --mixing has; "with convolution" and "one offset a layer" may
# follow.
MIXINGS = {
    "attention": "attention", "attention, same offsets": "attention-window",
    "Grassmann": "grassmann", "linear map": "linear", "mean of states": "mean",
    "elementwise product": "product", "planes apart": "apart",
    "planes apart, lengths kept": "apart-lengths", "lengths kept": "apart-lengths",
    "planes apart, shuffled": "apart-shuffled", "weighted planes": "weighted",
    "products apart": "products-apart", "products of halves": "half-products",
    "linear map and planes": "linear-planes",
    "running sum": "counting",
    "sum without planes": "sum", "linear attention": "linear-attention",
    "gated linear attention": "gated-linear-attention", "RWKV": "rwkv",
    "delta rule": "delta-rule", "gated delta rule": "gated-delta-rule",
    "gated recurrence": "gated-recurrence", "decayed sums": "decayed-sums",
    "planes of decayed sums": "decayed-sums-planes", "attended states": "attended-states",
    "planes of attended states": "attended-states-planes"}
MEMORIES = ("linear attention", "gated linear attention", "RWKV", "delta rule", "gated delta rule",
            "gated recurrence", "decayed sums", "planes of decayed sums", "attended states",
            "planes of attended states", "attention with convolution",
            "gated delta rule with convolution")


class Setting(NamedTuple):
    """What is learned, and for how long."""

    task: str  # names, strings of brackets, pairs, or one of tasks.SIGN_TASKS
    steps: int
    batch: int = 1
    seeds: int = 20
    rates: tuple = RATES
    tried_with: tuple = TRIED_WITH
    number: int = 0  # different strings of brackets; pairs of a key and a value
    signs: int = 15
    sizes: tuple = ()  # of the models, {name: number} as pairs


class Row(NamedTuple):
    """A contender in a setting: a line of a table, or a cell of the grid."""

    setting: str
    name: str
    mixer: str
    sizes: dict


def recall(pairs, width):
    """Return the Setting of recall with so many pairs, two layers of that width, on a GPU."""
    return Setting("pairs", 4000, 64, 3, (0.003, 0.001, 0.01), TRIED_WITH[:1], pairs,
                   sizes=(("n_layer", 2), ("n_embd", width), ("block_size", 4 * pairs)))


SETTINGS = {
    "names, 1,000": Setting("names", 1000),
    "names, two passes": Setting("names", 3953, 8, 10),
    "brackets, 1,000": Setting("strings", 1000, number=2000),
    "brackets, 20,000": Setting("strings", 2500, 8, 10, number=22200),
    **{task: Setting(task, 2000, seeds=10) for task in tasks.SIGN_TASKS},
    "dominance, 31 signs": Setting("dominance", 4800, seeds=10, signs=31),
    "dominance 4, 31 signs": Setting("dominance 4", 4800, seeds=10, signs=31),
    "pairs: 8, width 32": recall(8, 32),
    **{f"pairs: {pairs}, width 64": recall(pairs, 64) for pairs in (8, 16, 32, 64)},
    "pairs: 64, width 256": recall(64, 256)}
GRID = (*tasks.SIGN_TASKS, "dominance, 31 signs", "dominance 4, 31 signs")
BEFORE_ALL = ("attention", "Grassmann", "planes apart", "linear map", "gated recurrence",
              "gated delta rule with convolution", "attention with convolution", "mean of states")
AT_THE_PLACES = ("attention, same offsets", "elementwise product", "products apart")  # no planes
SPREAD = "gated recurrence, spread starts"  # its memories begin short to long, like the others'
AT_RECALL = ("attention", "gated delta rule with convolution", "gated delta rule",
             "gated recurrence", "gated recurrence with convolution",
             "attention with convolution", "linear attention",
             "linear attention with convolution", "gated linear attention",
             "gated linear attention with convolution", "RWKV", "delta rule with convolution",
             "linear map", "Grassmann")


def rows():
    """Return all Rows, the most important first."""
    window = (1, 2, 4, 8, 16)
    every = tuple(range(1, 51))
    plain = ("attention", "Grassmann", "linear map", "planes apart", "mean of states",
             "attention, same offsets", "planes apart, lengths kept", "elementwise product",
             "running sum", "sum without planes", *MEMORIES)
    of_order = ("planes apart, shuffled", "weighted planes", "products apart")
    found = [Row(setting, name, name, {}) for setting in GRID for name in BEFORE_ALL]
    found += [Row("dominance", name, name, {}) for name in AT_THE_PLACES]
    found.append(Row("dominance", "products of two reductions", "products of halves", {"r": 8}))
    found += [Row(setting, name, name, {}) for setting in SETTINGS if setting.startswith("pairs")
              for name in AT_RECALL]
    for setting in "names, 1,000", "brackets, 1,000":
        sizes = {} if setting.startswith("names") else {"window": window, "block_size": 64}
        found += [Row(setting, name, name, sizes) for name in (*plain, *of_order)]
        found += [Row(setting, "linear map, r 5", "linear map", {**sizes, "r": 5}),
                  Row(setting, "linear map and planes, r 3", "linear map and planes",
                      {**sizes, "r": 3}),
                  Row(setting, "Grassmann, no past", "Grassmann", {**sizes, "window": ()}),
                  Row(setting, "attention, no past", "attention, same offsets",
                      {**sizes, "window": ()})]
        found += [Row(setting, "W_red frozen", "Grassmann", sizes),
                  Row(setting, SPREAD, "gated recurrence", sizes),
                  Row(setting, "gated recurrence with convolution",
                      "gated recurrence with convolution", sizes)]
    sizes = {"window": every, "block_size": 64}
    found += [Row("brackets, 1,000", "50 offsets", "Grassmann", sizes),
              Row("brackets, 1,000", "mean, 50 offsets", "mean of states", sizes),
              Row("brackets, 1,000", "planes apart, lengths kept, 50 offsets",
                  "planes apart, lengths kept", sizes)]
    found += [Row("names, two passes", name, name, {}) for name in (*plain[:6], *MEMORIES)]
    found += [Row("names, two passes", "Grassmann, no past", "Grassmann", {"window": ()})]
    for setting, sizes in (("names, 1,000", {"window": (1, 2, 3, 4, 5, 6)}),
                           ("names, two passes", {"window": (1, 2, 3, 4, 5, 6)}),
                           ("brackets, 1,000", {"window": (1, 2, 3, 4, 5), "block_size": 64})):
        found += [Row(setting, "attention, nearest", "attention, same offsets", sizes),
                  Row(setting, "linear map, nearest", "linear map", sizes)]  # as many places
    sizes = {"window": window, "block_size": 64}
    found += [Row("brackets, 20,000", name, name, sizes) for name in plain]
    found += [Row(setting, name, name, {}) for setting in GRID for name in MEMORIES
              if name not in BEFORE_ALL]
    return found


# ---- one run -------------------------------------------------------------------------------------
@functools.lru_cache(4)
def documents(task, number):
    """Return the documents of names, or so many different strings of brackets."""
    if task == "names":
        return beyond.mixer("attention").load_docs(tasks.INPUT)
    return tasks.distinct_strings(number, random.Random(42))


class Begun(NamedTuple):
    """What a run begins with."""

    data: object  # a Data of large.data
    config: object  # a Config of large.model
    params: dict  # of the scalar file
    seen: set  # the documents to train on


def begin(row, setting, seed):
    """Return the Begun of a row with a seed."""
    sizes = {**dict(setting.sizes), **row.sizes}
    if setting.task not in ("names", "strings"):
        return begin_asking(row, setting, seed, sizes)
    docs = documents(setting.task, setting.number)
    data = compare.split(docs, seed, setting.steps * setting.batch)
    contender = compare.contender(row.mixer, 3, **sizes)
    model, vocab, params, _ = compare.begin(contender, data, seed)
    config = of_large(row.mixer, contender.config._replace(vocab_size=len(vocab) + 1))
    symbols = list(vocab)
    padded = [parts.pad([model.tokenize(doc, vocab)[1:-1] for doc in some], len(symbols),
                        config.block_size) for some in (data.train, data.held_out)]
    return Begun(parts.Data(symbols, "character", *padded, None, ""), config, params,
                 set(data.train))


def begin_asking(row, setting, seed, sizes):
    """Return the Begun of a question about random signs."""
    if setting.task == "pairs":
        symbols = 4 * setting.number + 1
        halves = [key_values(setting.number, number, (seed, number))
                  for number in (setting.steps * setting.batch, HELD_OUT)]
    else:
        found = tasks.questions(setting.task, seed, setting.steps, LENGTH, setting.signs)
        symbols = len(found.vocab)
        sizes = {"n_layer": tasks.DEPTH.get(setting.task, 1), "block_size": LENGTH,
                 "window": tasks.LOOK_BACK, **sizes}
        halves = [in_tensors(some, found.vocab) for some in (found.train, found.held_out)]
    scalar = beyond.configure(row.mixer, symbols, **sizes)
    params = beyond.mixer(row.mixer).init_params(scalar, random.Random(seed))
    data = parts.Data(list(range(symbols)), "character", *halves, None, "")
    return Begun(data, of_large(row.mixer, scalar), params, set())


def in_tensors(examples, vocab):
    """Return texts and answers as (inputs, targets)."""
    rows = [tasks.in_tokens(example, vocab) for example in examples]
    answers = [[-100 if a is None else a for a in row.answers] for row in rows]
    return torch.tensor([row.text for row in rows]), torch.tensor(answers)


def key_values(pairs, number, seed):
    """Return `number` texts of tasks.recall's kind as (inputs, targets), 4 * pairs symbols each.

    First all keys with their values, then the keys again, among as many fillers, in another order.
    """
    generator = torch.Generator().manual_seed(seed[0] * 1_000_003 + seed[1])

    def drawn():
        order = torch.rand(number, 2 * pairs, generator=generator).argsort(1)
        return order[:, :pairs]
    keys = drawn()
    values = drawn() + 2 * pairs
    places = drawn() + 2 * pairs
    inputs = torch.full((number, 4 * pairs), 4 * pairs)  # the filler
    inputs[:, 0:2 * pairs:2] = keys
    inputs[:, 1:2 * pairs:2] = values
    targets = torch.full_like(inputs, -100)
    return inputs.scatter_(1, places, keys), targets.scatter_(1, places, values)


def of_large(mixer, config):
    """Return large's Config of a scalar model with this mixer."""
    name, one, _ = mixer.partition(", one offset a layer")
    name, convolution, _ = name.partition(" with convolution")
    return Config(**config._asdict(), mixing=MIXINGS[name], convolution=bool(convolution),
                  offset_per_layer=bool(one))


def run(row, rate, seed):
    """Train a row with a rate and a seed, and return what it found."""
    torch.set_num_threads(1)
    setting = SETTINGS[row.setting]
    start = time.time()
    begun = begin(row, setting, seed)
    gpu = setting.task == "pairs" and torch.cuda.is_available()
    args = train.parse([str(word) for word in (
        "--steps", setting.steps, "--eval-every", setting.steps, "--batch", setting.batch, "--lr",
        rate, "--precision", "float64", "--device", "cuda" if gpu else "cpu", "--block-size",
        begun.config.block_size)], show.Parser())
    trainer = engine.Trainer(begun.config, args)
    exchange.load_weights(trainer.model, exchange.tensors(begun.params))
    if row.name == "W_red frozen":
        trainer.model.layer0.W_red.requires_grad_(False)
    if row.name == SPREAD:
        trainer.model.layer0.wz_start = alternatives.starts(begun.config.n_embd)
    found = {"setting": row.setting, "name": row.name, "lr": rate, "seed": seed,
             "weights": trainer.model.size()}
    try:
        state = engine.train(trainer, begun.data, args)
        found["nats"] = state["curve"][-1][2]
    except ArithmeticError:
        found["nats"] = math.inf
        for weight in trainer.model.parameters():
            weight.data.zero_()  # by what is no number nothing can be written
    found["device"] = engine.device_name(trainer.device)
    if setting.task not in ("names", "strings"):
        found["right"] = share_right(trainer.model, *begun.data.valid)
    if setting.task == "strings" and seed not in TRIED_WITH:
        found["written"] = {str(t): judged(trainer.model, begun, t, seed) for t in (0.5, 1.0)}
    return {**found, "seconds": round(time.time() - start, 1)}


def share_right(model, inputs, targets):
    """Return the share of answers whose logit is the highest."""
    model.eval()
    asked = targets >= 0
    with torch.no_grad():
        guesses = model(inputs.to(model.wte.device)).argmax(-1).cpu()
    return (guesses == targets)[asked].double().mean().item()


def judged(model, begun, temperature, seed):
    """Return the shares of WRITTEN strings that are balanced, differ, and were trained on."""
    generator = torch.Generator().manual_seed(seed)
    written = engine.sample(model, begun.data.vocab, WRITTEN, model.config.block_size, True,
                            temperature, generator)
    texts = ["".join(text) for text in written]
    return {"balanced": statistics.fmean([tasks.is_balanced(text) for text in texts]),
            "different": len(set(texts)) / WRITTEN,
            "known": statistics.fmean([text in begun.seen for text in texts])}


# ---- all runs ------------------------------------------------------------------------------------
def read(path):
    """Return {(setting, name): {(rate, seed): run}} of a file of JSON lines."""
    found = {}
    for one in experiments.read_results(path):
        found.setdefault((one["setting"], one["name"]), {})[one["lr"], one["seed"]] = one
    return found


def best_rate(setting, done):
    """Return which of the rates did best: most right answers, or the lowest loss."""
    def score(rate):
        tried = [done[rate, seed] for seed in setting.tried_with]
        return (statistics.fmean([one.get("right", 0.0) for one in tried]),
                -statistics.fmean([one["nats"] for one in tried]))
    rates = {rate for rate, _ in done}
    return max([rate for rate in rates if all((rate, seed) in done for seed in setting.tried_with)],
               key=score)


def missing(setting, done):
    """Return the runs [(rate, seed)] of a row that can begin now."""
    rates = list(setting.rates)
    lowest, highest = min(rates), max(rates)
    while True:
        tries = [(rate, seed) for rate in rates for seed in setting.tried_with
                 if (rate, seed) not in done]
        if tries:
            return tries
        best = best_rate(setting, done)
        beyond_end = {lowest: round(lowest / 3, 6), highest: 3 * highest}.get(best, best)
        if beyond_end in rates:
            return [(best, seed) for seed in compare.seeds(setting.seeds)
                    if (best, seed) not in done]
        rates.append(beyond_end)


def next_run(wanted, done, taken):
    """Return (row, rate, seed) of the first run that is missing and not taken, None if none is."""
    for row in wanted:
        mine = done.get((row.setting, row.name), {})
        for rate, seed in missing(SETTINGS[row.setting], mine):
            if (row, rate, seed) not in taken:
                return row, rate, seed
    return None


def run_all(args):
    """Make the runs that are missing, until the time is over."""
    done = read(args.json)
    until = time.time() + 60 * args.minutes
    wanted = [row for row in rows() if row.setting.startswith(tuple(args.only))]
    if not next_run(wanted, done, ()):
        print(f"nothing is left to run: {sum(map(len, done.values())):,} runs are there")
        return
    context = multiprocessing.get_context("spawn")
    with show.deaf_to_ctrl_c():
        workers = [compare.start_worker(context) for _ in range(compare.at_once(args.jobs))]
    at = {pipe: None for _, pipe, _ in workers}  # {pipe: its run; None: it starts}
    try:
        while at:
            for pipe in multiprocessing.connection.wait(list(at)):
                found, told = pipe.recv()
                if told:
                    raise found from RuntimeError(told)
                row = at.pop(pipe)
                if row:
                    keep(args.json, done, found)
                chosen = next_run(wanted, done, at.values()) if time.time() < until else None
                if chosen:
                    at[pipe] = chosen
                    pipe.send((run, chosen))
    except (EOFError, ConnectionError) as error:
        alive = all(process.is_alive() for process, _, _ in workers)
        if isinstance(error, BrokenPipeError) and alive:
            raise  # nobody reads what is printed here
        raise OSError("a process that trained was ended from outside (out of memory?)") from None
    finally:
        for process, _, _ in workers:
            process.kill()
            process.join()


def keep(path, done, found):
    """Add a run to the file and to those that are done, and say so."""
    done.setdefault((found["setting"], found["name"]), {})[found["lr"], found["seed"]] = found
    train.add_line(path, found)
    print(f"{found['setting']}; {found['name']}; rate {found['lr']:g}, seed {found['seed']}: "
          f"{found['nats']:.4f} nats, {found['seconds']} s", flush=True)


# ---- tables --------------------------------------------------------------------------------------
def reported(found):
    """Return {(setting, name): {seed: run}}: the seeds that chose nothing, where all were run."""
    rows = {}
    for (name, layer), done in found.items():
        if name not in SETTINGS:
            raise ValueError(f"{name!r} is no setting of large.small")
        setting = SETTINGS[name]
        if not missing(setting, done):
            best = best_rate(setting, done)
            rows[name, layer] = {seed: done[best, seed] for seed in compare.seeds(setting.seeds)}
    return rows


def with_half(values, digits=1):
    """Return the mean ± half of its 95 % interval over the seeds, as text, "" of no values."""
    if not values:
        return ""
    return f"{statistics.fmean(values):.{digits}f} ± {compare.student(values):.{digits}f}"


def difference(mine, other):
    """Return the mean difference in loss, paired by seed, ± half of its 95 % interval."""
    if mine is other:
        return ""
    values = [mine[seed]["nats"] - other[seed]["nats"] for seed in mine]
    return f"{statistics.fmean(values):+.4f} ± {compare.student(values):.4f}"


def losses(setting, rows, bases):
    """Return the table of one setting: losses, differences, and what was written."""
    mine = {layer: runs for (name, layer), runs in rows.items() if name == setting}
    table = [["layer", "weights", "rate", "held-out loss", *[f"minus {base}" for base in bases]]]
    if SETTINGS[setting].task == "strings":
        table[0] += ["balanced, temperature 0.5", "temperature 1"]

    def mean(layer):
        return statistics.fmean([one["nats"] for one in mine[layer].values()])
    for layer in sorted(mine, key=mean):
        runs = mine[layer]
        first = next(iter(runs.values()))
        table.append([layer, f"{first['weights']:,}", f"{first['lr']:g}",
                      compare.spread([one["nats"] for one in runs.values()], 4),
                      *[difference(runs, mine.get(base, runs)) for base in bases]])
        if "written" in first:
            table[-1] += [with_half([100 * one["written"][t]["balanced"] for one in runs.values()])
                          + " %" for t in ("0.5", "1.0")]
    return summary.markdown(table)


@functools.lru_cache(None)  # table and page ask for the same, and it makes all texts
def known_without(name):
    """Return the shares of right answers of (chance, the task's guess) on a setting's texts."""
    setting = SETTINGS[name]
    several = [tasks.questions(setting.task, seed, setting.steps, LENGTH, setting.signs)
               for seed in compare.seeds(setting.seeds)]
    return tasks.references(setting.task, several, setting.signs)


def right(rows, name, layer):
    """Return the right answers of each seed in percent, [] where not all seeds were run."""
    return [100 * one["right"] for one in rows.get((name, layer), {}).values()]


def grid(rows):
    """Return the table of right answers: settings down, layers across."""
    table = [["task", "chance", "guess", *BEFORE_ALL]]
    for name in GRID:
        table.append([name, *[f"{100 * share:.0f}" for share in known_without(name)],
                      *[with_half(right(rows, name, layer), 0) for layer in BEFORE_ALL]])
    return summary.markdown(table)


def draw(rows):
    """Return the grid as a heat map and the shares of balanced strings as bars, SVG text."""
    columns = {layer: [statistics.fmean(right(rows, name, layer)) / 100 for name in GRID]
               for layer in BEFORE_ALL}
    panels = [{"title": "Right answers, %", "rows": list(GRID), "columns": columns}]
    for temperature in "0.5", "1.0":
        bars = {}
        for (name, layer), runs in rows.items():
            if name == "brackets, 1,000":
                shares = [one["written"][temperature]["balanced"] for one in runs.values()]
                mean = statistics.fmean(shares)
                half = compare.student(shares)
                bars[layer] = mean, max(0, mean - half), min(1, mean + half)
        bars = dict(sorted(bars.items(), key=lambda bar: -bar[1][0]))
        panels.append({"title": f"Balanced strings, temperature {temperature}", "bars": bars,
                       "x_label": "share, 95 % intervals over the seeds"})
    return show.figure(panels, "The small models: ten seeds, brackets twenty")


def for_the_page(rows):
    """Return playground/grid.json: each task's and layer's rate and right answers by seed."""
    lines = []
    for name in tasks.SIGN_TASKS:
        cells = {}
        for layer in BEFORE_ALL:
            runs = rows[name, layer]
            cells[layer] = {"rate": next(iter(runs.values()))["lr"],
                            "right": {str(n): round(runs[n]["right"], 6) for n in sorted(runs)}}
        chance, _ = known_without(name)
        page = "open brackets" if name == "brackets" else name
        lines.append(json.dumps({"task": page, "chance": round(chance, 3), "cells": cells}))
    head = {"steps": SETTINGS["copy"].steps, "length": LENGTH, "signs": SETTINGS["copy"].signs,
            "layers": BEFORE_ALL}
    return json.dumps(head)[:-1] + ', "tasks": [\n' + ",\n".join(lines) + "\n]}\n"


def recalled(rows):
    """Return the table of recall: layers down, settings across, those that were run."""
    names = list(dict.fromkeys([name for name, _ in rows if name.startswith("pairs")]))
    table = [["layer", *names]]
    for layer in AT_RECALL:
        cells = [", ".join([f"{100 * one['right']:.0f}" for one in rows[name, layer].values()])
                 if (name, layer) in rows else "" for name in names]
        if any(cells):
            table.append([layer, *cells])
    return summary.markdown(table)


def show_tables(args):
    """Print all tables of a file of JSON lines; save what else is asked for.

    ValueError if it holds no row whose seeds were all run.
    """
    rows = reported(read(args.json))
    if not rows:
        raise ValueError("no row whose seeds were all run")
    if args.chart:
        show.save(args.chart, draw(rows))
    if args.page:
        show.save(args.page, for_the_page(rows))
    for setting in "names, 1,000", "names, two passes", "brackets, 1,000", "brackets, 20,000":
        bases = ("attention", "linear map", "Grassmann")[:1 if setting.startswith("b") else 3]
        print(f"\n**{setting}**\n\n{losses(setting, rows, bases)}")
    print(f"\n**right answers, %**\n\n{grid(rows)}")
    print(f"\n**recall: right answers of each seed, %**\n\n{recalled(rows)}")


def main(argv=None):
    """Read the options; make the runs, or print the tables."""
    parser = show.Parser(usage="python3 -m large.small [options]", allow_abbrev=False,
                         description="The small models' tables, by the models in PyTorch.")
    parser.add_argument("--json", required=True, metavar="FILE", help="JSON lines, one a run")
    parser.add_argument("--minutes", type=train.at_least(0), default=60, metavar="X",
                        help="begin no run later (default 60)")
    parser.add_argument("--jobs", type=show.whole_numbers(1, 999), default=show.usable_cores(),
                        metavar="N", help="processes that train at once (default: all cores)")
    parser.add_argument("--only", nargs="*", default=[""], metavar="WORD",
                        help="settings that begin so")
    parser.add_argument("--tables", action="store_true", help="print the tables, no more")
    parser.add_argument("--chart", metavar="FILE", help="with --tables: an SVG of two of them")
    parser.add_argument("--page", metavar="FILE", help="with --tables: the playground's grid.json")
    args = parser.parse_args(argv)
    if args.tables and not Path(args.json).is_file():
        parser.error(f"--json {args.json}: there is no such file")
    if args.tables:
        try:
            show_tables(args)
        except (LookupError, ValueError) as error:
            parser.error(f"--json {args.json}: these runs do not make the tables: {error}")
    elif args.chart or args.page:
        parser.error("--chart and --page come with --tables")
    elif torch is None:
        parser.error("PyTorch is not installed: pip install torch numpy")
    elif not any(name.startswith(tuple(args.only)) for name in SETTINGS):
        parser.error(f"--only: no setting begins so; there are: {'; '.join(SETTINGS)}")
    else:
        show.check_writable(Path(args.json), parser, "--json")
        run_all(args)


if __name__ == "__main__":
    show.run_program(main)
