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

TURNS, STEPS = 8, 6  # a turn is so many steps of one, then the same documents on the other
SECONDS = 28  # the turns against the plain engine end after these: a slow computer takes fewer
IMPORTS = 9
IMPORT = ("import sys, time; sys.path.insert(0, sys.argv[1]); start = time.perf_counter(); "
          "import {}; print(time.perf_counter() - start)")


def in_turns(runs):
    """Return, for each turn, how many seconds each of the two training runs took for a step."""
    turns, end = [], time.perf_counter() + SECONDS
    while len(turns) < TURNS and time.perf_counter() < end:
        seconds = []
        for run in runs:
            gc.collect()  # what the other left behind is not this one's to clear away
            start = time.perf_counter()
            for _ in islice(run, STEPS):
                pass
            seconds.append((time.perf_counter() - start) / STEPS)
        turns.append(seconds)
    return turns


def peak_of_a_step(run):
    """Return how many bytes the first step of a training run needs above what was there before."""
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    next(run)
    peak = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    return peak


def nodes_below(root):
    """Return the number of nodes in a graph, weights and constants included."""
    seen, pending = {root}, [root]
    while pending:
        for child in pending.pop().children:
            if child not in seen:
                seen.add(child)
                pending.append(child)
    return len(seen)


def bare_step(loss, weights, beta1=0.85, beta2=0.99):
    """Return a function that does a step's multiplications and additions and nothing else.

    No graph: the numbers lie ready in lists, and list comprehensions work through them. Forward,
    a node of n children is n / 2 products and their sum; backward, each edge is a product and a
    sum; Adam is as it is. Nodes of up to four children are done together, in one long list.
    """
    nodes, pending = {loss}, [loss]
    for node in pending:
        fresh = {child for child in node.children if child.children} - nodes
        nodes |= fresh
        pending += fresh
    large = [list(node.local_grads) for node in nodes if len(node.children) > 4]
    large.append([d for node in nodes if len(node.children) <= 4 for d in node.local_grads])
    halves = [(d[:len(d) // 2], d[len(d) // 2:]) for d in large]
    edges = [(0.5, d, [0.0] * len(d)) for d in large]
    w, grads, m, v = ([0.0] * len(weights) for _ in range(4))

    def step():
        for a, b in halves:
            sum([x * y for x, y in zip(a, b)])
        for grad, local_grads, sums in edges:
            [s + grad * d for s, d in zip(sums, local_grads)]
        ms = [beta1 * m_i + g for m_i, g in zip(m, grads)]
        vs = [beta2 * v_i + g * g for v_i, g in zip(v, grads)]
        [x - 0.01 * m_i / (math.sqrt(0.01 * v_i) + 1e-8) for x, m_i, v_i in zip(w, ms, vs)]
    return step


def times_bare(model, start):
    """Return how many times as long as its bare arithmetic a step takes, both in turns."""
    weights, ratios = flat(start.params), []
    run = model.train(start.docs, start.params, start.config, TURNS * STEPS)
    for turn in range(TURNS):
        bare = 0.0
        for n in range(turn * STEPS, (turn + 1) * STEPS):
            losses = model.token_losses(start.docs[n % len(start.docs)], start.params, start.config)
            step = bare_step(model.total(losses) * (1 / len(losses)), weights)
            step()  # once before, so that its numbers are in the processor's cache
            begin = time.perf_counter()
            step()
            bare += time.perf_counter() - begin
        gc.collect()
        begin = time.perf_counter()
        for _ in islice(run, STEPS):
            pass
        ratios.append((time.perf_counter() - begin) / bare)
    return median(ratios)


def import_seconds(name):
    """Return the median time a fresh interpreter takes to import a module.

    -S leaves out what is installed beside Python, which may import half of the library beforehand.
    """
    command = [sys.executable, "-S", "-c", IMPORT.format(name), str(ROOT)]
    return median([float(subprocess.run(command, capture_output=True, check=True).stdout)
                   for _ in range(IMPORTS)])


def row(label, plain, fast, ratio=""):
    """Print a line of a model's table."""
    print(f"  {label:<24} {plain:>12} {fast:>12}   {ratio}".rstrip(), flush=True)


def measure(model, lines):
    """Print one model's figures; return its time ratio, memory ratio and import time."""
    print(model.__name__)
    row("", "plain engine", "model file", "ratio")

    start = set_up(model, lines)
    docs, config, params = start.docs, start.config, start.params
    copy, longest = plain_engine.copy_params(params), max(docs, key=len)
    losses = model.token_losses(longest, params, config)
    graphs = (nodes_below(plain_engine.document_loss(longest, copy, config)),
              nodes_below(model.total(losses) * (1 / len(losses))))
    del losses
    row("nodes in a step's graph", *(f"{nodes:,}" for nodes in graphs),
        f"{graphs[0] / graphs[1]:.1f}")

    peaks = (peak_of_a_step(plain_engine.train([longest], copy, config, 1)),
             peak_of_a_step(model.train([longest], params, config, 1)))
    row("peak memory of a step", *(f"{peak / 2 ** 20:.2f} MiB" for peak in peaks),
        f"{peaks[0] / peaks[1]:.1f}")

    turns = in_turns((plain_engine.train(docs, copy, config, TURNS * STEPS),
                      model.train(docs, params, config, TURNS * STEPS)))
    plain, fast = (median(seconds) for seconds in zip(*turns))
    ratios = sorted(plain / fast for plain, fast in turns)
    row("time of a step", f"{plain * 1e3:.1f} ms", f"{fast * 1e3:.2f} ms",
        f"{median(ratios):.1f} ({ratios[0]:.1f} to {ratios[-1]:.1f}, "
        f"{len(turns) * STEPS} steps in {len(turns)} turns)")

    bare = times_bare(model, set_up(model, lines))
    row("  times bare arithmetic", "", f"{bare:.1f}")

    seconds = import_seconds(model.__name__)
    row("import", "", f"{seconds * 1e3:.1f} ms")
    return median(ratios), peaks[0] / peaks[1], seconds, bare


def verdict(requirement, met, figures):
    """Print whether both models meet a requirement, and the figures that decide it."""
    shown = ", ".join(f"{model.__name__} {figure}" for model, figure in zip(PAIR, figures))
    print(f"{requirement:<26} {'met' if met else 'not met':<8} {shown}")


def main():
    """Measure both models on the documents and say which requirements they meet."""
    parser = show.Parser(description=__doc__)
    parser.add_argument("--data", default=INPUT, help="documents, one to a line")
    args = parser.parse_args()
    try:
        lines = GPT.load_docs(args.data)
    except (OSError, ValueError) as error:
        parser.error(f"--data {args.data}: {error}")
    if not lines:
        parser.error(f"--data {args.data}: no text in it")
    print(f"{len(lines):,} documents in {Path(args.data).name}, "
          f"Python {platform.python_version()}\n"
          "Nodes and memory: the longest document. Time: the two in turns on the same documents,\n"
          f"{STEPS} steps a turn, medians (and range) over the turns. "
          f"Import: median of {IMPORTS} fresh interpreters.\n", flush=True)
    times, memories, imports, bare = zip(*[measure(model, lines) for model in PAIR])
    print()
    verdict("at most 1/20 of the time", min(times) >= 20, [f"1/{x:.1f}" for x in times])
    verdict("at most half the memory", min(memories) >= 2, [f"1/{x:.1f}" for x in memories])
    verdict("2.5 times bare arithmetic", max(bare) <= 2.5, [f"{x:.1f}" for x in bare])
    verdict("import in under 50 ms", max(imports) < 0.05, [f"{x * 1e3:.1f} ms" for x in imports])


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        sys.exit(130)
