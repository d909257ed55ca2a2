"""Time and memory of a step against a plain engine and bare floats: python3 -m tests.speed"""
import gc
import math
import platform
import subprocess
import sys
import time
import tracemalloc
from itertools import islice
from pathlib import Path
from statistics import median

import show
from tests import plain_engine
from tests.helpers import GPT, INPUT, PAIR, ROOT, flat, set_up

TURNS, STEPS = 8, 6  # a turn is so many steps of each contender on the same documents
SECONDS = 60  # no new turn begins after these: a slow computer takes fewer
IMPORTS = 9
IMPORT = ("import sys, time; sys.path.insert(0, sys.argv[1]); start = time.perf_counter(); "
          "import {}; print(time.perf_counter() - start)")


def nodes_below(root):
    """Return all nodes of a graph, weights and constants included."""
    seen, pending = {root}, [root]
    while pending:
        fresh = set(pending.pop().children) - seen
        seen |= fresh
        pending += fresh
    return seen


def bare_step(loss, size, beta1=0.85, beta2=0.99):
    """Return a function that does a step's multiplications and additions and nothing else.

    No graph: the numbers lie ready in lists, and list comprehensions work through them. Forward,
    a node of n children is n / 2 products and their sum; backward, each edge is a product and a
    sum; Adam is as it is. Nodes of up to four children are done together, in one long list.
    """
    made = [node.local_grads for node in nodes_below(loss) if node.children]
    large = [list(slopes) for slopes in made if len(slopes) > 4]
    large.append([slope for slopes in made if len(slopes) <= 4 for slope in slopes])
    halves = [(d[:len(d) // 2], d[len(d) // 2:]) for d in large]
    edges = [(0.5, d, [0.0] * len(d)) for d in large]
    w, grads, m, v = ([0.0] * size for _ in range(4))

    def step():
        for a, b in halves:
            sum([x * y for x, y in zip(a, b)])
        for grad, local_grads, sums in edges:
            [s + grad * d for s, d in zip(sums, local_grads)]
        ms = [beta1 * m_i + g for m_i, g in zip(m, grads)]
        vs = [beta2 * v_i + g * g for v_i, g in zip(v, grads)]
        [x - 0.01 * m_i / (math.sqrt(0.01 * v_i) + 1e-8) for x, m_i, v_i in zip(w, ms, vs)]
    return step


def seconds_a_step(run):
    """Return how many seconds a step the next steps of a training run take."""
    gc.collect()  # what the one before left behind is not this one's to clear away
    start = time.perf_counter()
    for _ in islice(run, STEPS):
        pass
    return (time.perf_counter() - start) / STEPS


def bare_seconds(model, start, docs):
    """Return how many seconds the bare arithmetic of a step takes, on average over documents."""
    seconds = 0.0
    for doc in docs:
        loss = model.mean(model.token_losses(doc, start.params, start.config))
        step = bare_step(loss, len(flat(start.params)))
        step()  # once before, so that its numbers are in the processor's cache
        begin = time.perf_counter()
        step()
        seconds += time.perf_counter() - begin
    return seconds / len(docs)


def in_turns(lines):
    """Return, for each turn, each model's (plain engine, model file, bare) seconds a step."""
    starts = [set_up(model, lines) for model in PAIR]
    runs = [(plain_engine.train(start.docs, plain_engine.copy_params(start.params), start.config,
                                TURNS * STEPS),
             model.train(start.docs, start.params, start.config, TURNS * STEPS))
            for model, start in zip(PAIR, starts)]
    turns, end = [], time.perf_counter() + SECONDS
    while len(turns) < TURNS and time.perf_counter() < end:
        steps = range(len(turns) * STEPS, (len(turns) + 1) * STEPS)
        turns.append([(seconds_a_step(plain), seconds_a_step(fast),
                       bare_seconds(model, start, [start.docs[n % len(lines)] for n in steps]))
                      for model, start, (plain, fast) in zip(PAIR, starts, runs)])
    return turns


def peak_of_a_step(run):
    """Return how many MiB the first step of a training run needs above what was there before."""
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    next(run)
    peak = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    return peak / 2 ** 20


def graph_and_memory(model, lines):
    """Return the nodes and the peak memory of a step on the longest document, plain and fast."""
    start = set_up(model, lines)
    copy, longest = plain_engine.copy_params(start.params), max(start.docs, key=len)
    nodes = [len(nodes_below(loss)) for loss in (
        plain_engine.document_loss(longest, copy, start.config),
        model.mean(model.token_losses(longest, start.params, start.config)))]
    peaks = [peak_of_a_step(train([longest], params, start.config, 1))
             for train, params in ((plain_engine.train, copy), (model.train, start.params))]
    return nodes, peaks


def import_milliseconds(name):
    """Return the median time a fresh interpreter takes to import a module.

    -S leaves out what is installed beside Python, which may import half of the library beforehand.
    """
    command = [sys.executable, "-S", "-c", IMPORT.format(name), str(ROOT)]
    return median([float(subprocess.run(command, capture_output=True, check=True).stdout) * 1e3
                   for _ in range(IMPORTS)])


def main():
    """Measure both models on the documents and say which requirements they meet."""
    parser = show.Parser(description=__doc__)
    parser.add_argument("--data", default=INPUT, help="documents, one to a line")
    path = parser.parse_args().data
    lines = GPT.load_docs(path)
    turns = in_turns(lines)
    print(f"{len(lines):,} documents in {Path(path).name}, Python {platform.python_version()}. All "
          f"in one process and in turns:\nmedians of {len(turns)} turns of {STEPS} steps on the "
          "same documents. Nodes and memory: the longest document.\n")
    rows = [["", "ms a step", "times as fast (range)", "times bare", "nodes", "MiB"]]
    bars = []
    for i, (model, layer) in enumerate(zip(PAIR, ("attention", "Grassmann"))):
        plain, fast, bare = zip(*[turn[i] for turn in turns])
        faster, to_bare = [sorted(a / b for a, b in zip(*pair))
                           for pair in ((plain, fast), (fast, bare))]
        nodes, peaks = graph_and_memory(model, lines)
        rows += [[f"plain engine, {layer}", f"{median(plain) * 1e3:.1f}", "", "",
                  f"{nodes[0]:,}", f"{peaks[0]:.2f}"],
                 [model.__name__, f"{median(fast) * 1e3:.1f}",
                  f"{median(faster):.1f} ({faster[0]:.1f} to {faster[-1]:.1f})",
                  f"{median(to_bare):.1f}", f"{nodes[1]:,}", f"{peaks[1]:.2f}"],
                 [f"bare arithmetic, {layer}", f"{median(bare) * 1e3:.1f}"]]
        imported = import_milliseconds(model.__name__)
        least = 30 if model is GPT else 25
        bars += [(f"{model.__name__}: at least {least} times as fast as the plain engine",
                  median(faster) >= least, f"{median(faster):.1f}"),
                 (f"{model.__name__}: at most 2.5 times bare arithmetic",
                  median(to_bare) <= 2.5, f"{median(to_bare):.2f}"),
                 (f"{model.__name__}: at most half the memory", peaks[1] * 2 <= peaks[0],
                  f"1/{peaks[0] / peaks[1]:.1f}"),
                 (f"{model.__name__}: imported in under 50 ms", imported < 50,
                  f"{imported:.0f} ms")]
    print(show.table(rows), "\n")
    print(show.table([[bar, "met" if met else "NOT MET", figure] for bar, met, figure in bars]))


if __name__ == "__main__":
    show.run_program(main)
