"""Which layer for which question? One grid of right answers: tasks down, layers across.

Run:   python3 benchmark_tasks.py
More:  python3 benchmark_tasks.py --tasks all --layers "Grassmann,RWKV,linear attention" --rate try
Next:  RESULTS.md, where the whole grid stands
"""
import argparse
import math
import os
import random
import statistics
import sys
import textwrap
import time
from collections import Counter
from typing import NamedTuple

sys.path.insert(0, os.path.dirname(__file__))  # python -P and -I leave this folder out

import alternatives
import beyond
import compare
import show
import tasks

TASKS = ("dominance", "copy")  # by default
LAYERS = ("attention", "Grassmann", "planes apart", "linear map")
RATES = (0.003, 0.01, 0.03)  # those tried for each layer and task
TRIED_WITH = (101, 102)  # seeds that a rate is chosen with, none of those reported
COLUMNS = 6  # layers side by side in 79 columns


class Cell(NamedTuple):
    """A layer on a task, trained with one seed."""

    task: str
    layer: str
    seed: int
    rate: float
    parameters: int
    right: int  # answers
    of: int


# ---- training ------------------------------------------------------------------------------------


def configure(task, layer, data, length):
    """Return the sizes of a layer on a task."""
    return beyond.configure(layer, len(data.vocab), n_layer=tasks.DEPTH.get(task, 1),
                            block_size=length, window=tasks.LOOK_BACK)


def train_cell(task, layer, seed, rate, steps, length, signs):
    """Train a layer on a task with one seed, and return its Cell."""
    data = tasks.questions(task, seed, steps, length, signs)
    config = configure(task, layer, data, length)
    model = beyond.asking(layer)
    params = model.init_params(config, random.Random(seed))
    train = [tasks.in_tokens(example, data.vocab) for example in data.train]
    for _ in model.train(train, params, config, steps, rate):
        compare.report_step()
    held_out = [tasks.in_tokens(example, data.vocab) for example in data.held_out]
    size = sum(len(row) for matrix in params.values() for row in matrix)
    return Cell(task, layer, seed, rate, size, *beyond.count_right(model, held_out, params, config))


def train_all(args, seeds, rates):
    """Return the Cell of each task and layer with each seed and each of its rates.

    rates: {(task, layer): the rates to train it with}.
    """
    work = [(task, layer, seed, rate, args.steps, args.length, args.signs)
            for seed in seeds for (task, layer), several in rates.items() for rate in several]
    return compare.side_by_side(train_cell, work, args.jobs, len(work) * args.steps)


def rates_to_use(args):
    """Return {(task, layer): rate}: that of --rate, or which of RATES answers best when tried."""
    pairs = [(task, layer) for task in args.tasks for layer in args.layers]
    if args.rate != "try":
        return dict.fromkeys(pairs, args.rate)
    right = Counter()
    for cell in train_all(args, TRIED_WITH, dict.fromkeys(pairs, RATES)):
        right[cell.task, cell.layer, cell.rate] += cell.right
    return {pair: max(RATES, key=lambda rate: right[(*pair, rate)]) for pair in pairs}


# ---- what is known without a model ---------------------------------------------------------------


def milliseconds(layers, length):
    """Return {layer: milliseconds a token}: reading `length` tokens in one layer, no gradients.

    The layers read in turns, so that slow moments hit all alike; the median counts.
    """
    seconds = {layer: [] for layer in layers}
    for _ in range(5):
        for layer in layers:
            model = beyond.mixer(layer)
            config = beyond.configure(layer, 16, block_size=length, window=tasks.LOOK_BACK)
            params = model.init_params(config, random.Random(1))
            start = time.perf_counter()
            cache = [[]]
            for position in range(length):
                model.forward(position % 16, position, cache, params, config)
            seconds[layer].append((time.perf_counter() - start) / length)
    return {layer: 1000 * statistics.median(mine) for layer, mine in seconds.items()}


# ---- printing ------------------------------------------------------------------------------------


def shares(cells, task, layer):
    """Return the share of right answers in percent, one for each seed."""
    return [100 * cell.right / cell.of for cell in cells
            if (cell.task, cell.layer) == (task, layer)]


def mean_and_interval(values):
    """Return the mean and, if there are several values, half of its 95 % interval, as text."""
    text = f"{statistics.fmean(values):.0f}"
    return text if len(values) < 2 else f"{text}±{compare.student(values):.0f}"


def letters(layers):
    """Return {layer: the letter that stands for it in the grid}."""
    return dict(zip(layers, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"))


def show_grid(cells, known, layers):
    """Return the grid: a row for each task in `known`, a column for each layer, by its letter."""
    letter = letters(layers)
    parts = []
    for start in range(0, len(layers), COLUMNS):
        some = layers[start:start + COLUMNS]
        rows = [["right, %", "chance", "guess", *[letter[layer] for layer in some]]]
        for task, (chance, guess) in known.items():
            rows.append([task, f"{100 * chance:.0f}", f"{100 * guess:.0f}",
                         *[mean_and_interval(shares(cells, task, layer)) for layer in some]])
        parts.append(show.table(rows))
    return "\n\n".join(parts)


def show_layers(cells, layers, length, costs):
    """Return the table of the layers: state, weights and time of each."""
    letter = letters(layers)
    rows = [["", "layer", "state", f"at {8 * length}", "weights", "ms a token"]]
    for layer in layers:
        weights = max(cell.parameters for cell in cells if cell.layer == layer)
        config = beyond.configure(layer, 16, block_size=length, window=tasks.LOOK_BACK)
        rows.append([letter[layer], layer,
                     f"{alternatives.state_size(layer, config, length):,}",
                     f"{alternatives.state_size(layer, config, 8 * length):,}",
                     f"{weights:,}", f"{costs[layer]:.2f}"])
    return show.table(rows, left=2)


def show_questions(known):
    """Return what each task asks, and what its guess does without."""
    return "\n".join([f"{name}: {tasks.SIGN_TASKS[name].asks}\n"
                      f"  the guess answers without {tasks.SIGN_TASKS[name].lacks}"
                      for name in known])


def show_rates(rates):
    """Return which rates were used, one line for each that was."""
    if len(set(rates.values())) == 1:
        return f"rate {min(rates.values())} in all"
    lines = []
    for rate in sorted(set(rates.values())):
        mine = [f"{task} {layer}" for (task, layer), used in rates.items() if used == rate]
        lines.append(f"rate {rate}: " + ", ".join(mine))
    return "\n".join(textwrap.fill(line, 79, subsequent_indent="  ") for line in lines)


def in_words(number):
    """Return the seeds as text, with what ± stands for in the grid."""
    if number == 1:
        return "seed 42 alone: --seeds 3 gives intervals"
    return f"{number} seeds; ±: half of the 95 % interval over the seeds"


def draw(cells, known, layers):
    """Return the grid as a heat map, SVG text."""
    columns = {"chance": [chance for chance, _ in known.values()],
               "guess": [guess for _, guess in known.values()]}
    for layer in layers:
        columns[layer] = [statistics.fmean(shares(cells, task, layer)) / 100 for task in known]
    panel = {"title": "Right answers, %", "rows": list(known), "columns": columns}
    return show.figure([panel], "benchmark_tasks.py")


# ---- the program ---------------------------------------------------------------------------------


def named(kind, known):
    """Return a function that reads names separated by commas, each one of `known`, or "all".

    A name may have a comma in it, such as "attention, same offsets".
    """
    def read(text):
        if text.strip() == "all":
            return list(known)
        found = []
        parts = [part.strip() for part in text.split(",")]
        while parts:
            ends = [end for end in range(len(parts), 0, -1) if ", ".join(parts[:end]) in known]
            if not ends:
                raise argparse.ArgumentTypeError(
                    f"no {kind} is called {parts[0]!r}; there are: {'; '.join(known)}")
            found.append(", ".join(parts[:ends[0]]))
            parts = parts[ends[0]:]
        return list(dict.fromkeys(found))
    return read


def rate(text):
    """Return the rate that this text gives: a number above 0, or the word try."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if text != "try" and not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number above 0, or try")
    return text if text == "try" else number


def parse(argv=None):
    """Return the options, checked."""
    parser = compare.options("Which layer answers which question: a grid, tasks down, layers "
                             "across.", 500, 3)
    parser.add_argument("--tasks", type=named("task", tasks.SIGN_TASKS), default=list(TASKS),
                        metavar="A,B", help=f"or all (default {','.join(TASKS)})")
    parser.add_argument("--layers", type=named("layer", beyond.MAKERS), default=list(LAYERS),
                        metavar="A,B", help=f"or all (default {','.join(LAYERS)})")
    parser.add_argument("--rate", type=rate, default=0.01, metavar="R",
                        help="learning rate for all (default 0.01), or try: each layer tries "
                             ".003 .01 .03 on each task, with other seeds")
    parser.add_argument("--length", type=show.whole_numbers(1, 999), default=32, metavar="L",
                        help="symbols in a text (default 32)")
    parser.add_argument("--signs", type=show.whole_numbers(2, 999), default=7, metavar="K",
                        help="different signs; odd for dominance (default 7)")
    args = parser.parse_args(argv)
    show.check_outputs(args, parser)
    return args


def main(argv=None):
    """Read the options, choose rates, train, print the grid."""
    args = parse(argv)
    environment = compare.environment("benchmark_tasks.py", args)
    seeds = compare.seeds(args.seeds)
    data_of = {task: {seed: tasks.questions(task, seed, args.steps, args.length, args.signs)
                      for seed in seeds} for task in args.tasks}
    print(f"{environment['python']}; texts of {args.length} symbols, {args.signs} signs, "
          f"{args.steps:,} steps;\n{in_words(args.seeds)}")
    print(show.heading("The questions"))
    known = {task: tasks.references(task, data_of[task].values(), args.signs)
             for task in args.tasks}
    print(show_questions(known), flush=True)
    costs = milliseconds(args.layers, args.length)
    rates = rates_to_use(args)
    cells = train_all(args, seeds, {pair: [used] for pair, used in rates.items()})
    print(show.heading("Right answers"))
    print(show_grid(cells, known, args.layers))
    print(show.heading("The layers"))
    print(show_layers(cells, args.layers, args.length, costs))
    print("\nstate: numbers that one layer must keep to go on after so many symbols\n")
    print(show_rates(rates), flush=True)
    show.save_all({args.json: compare.to_json(environment, cells=cells, references=known,
                                              milliseconds=costs),
                   args.svg: draw(cells, known, args.layers)})


if __name__ == "__main__":
    show.run_program(main)
