"""What several test files need: the models, a run set up, a slope, a program run alone."""
import contextlib
import importlib.util
import io
import math
import os
import pickle
import random
import subprocess
import sys
import unittest
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import compare

ROOT = Path(__file__).resolve().parent.parent
NAMES = ("micro_gpt", "micro_grassmann_clean", "micro_grassmann")
MODELS = [importlib.import_module(name) for name in NAMES]
PAIR = MODELS[:2]  # enough: the annotated file has the clean one's syntax tree
GPT, CLEAN = PAIR
INPUT = ROOT / "input.txt"
needs_torch = unittest.skipIf(importlib.util.find_spec("torch") is None and
                              not os.environ.get("MICROGRASSMANN_TORCH"),
                              "PyTorch is not installed (MICROGRASSMANN_TORCH=1: an error)")
slow = unittest.skipUnless(os.environ.get("MICROGRASSMANN_SLOW"),
                           "takes long: set MICROGRASSMANN_SLOW=1 to run it")


def set_up(model, docs, seed=42, scale=1, **changes):
    """Return all that a run starts from, drawn in main's order; scale multiplies the weights."""
    rng = random.Random(seed)
    docs, vocab, config, params = model.begin(docs, rng, **changes)
    for w in flat(params):
        w.data *= scale
    return SimpleNamespace(docs=[model.tokenize(doc, vocab) for doc in docs], vocab=vocab,
                           config=config, params=params, rng=rng)


def flat(params):
    """Return the weights of all matrices in one list, in the order they were drawn."""
    return [w for matrix in params.values() for row in matrix for w in row]


def outputs(result):
    """Return a list, whether a function returned one Value or several."""
    return list(result) if isinstance(result, (list, tuple)) else [result]


def numbers(result):
    """Return the plain numbers of one Value or several."""
    return [v.data for v in outputs(result)]


def gap(a, b):
    """Return the largest difference of two tables of numbers, relative where they are large."""
    if len(a) != len(b) or any(len(row_a) != len(row_b) for row_a, row_b in zip(a, b)):
        raise ValueError("the tables differ in shape")
    gaps = [abs(x - y) / max(1, abs(x), abs(y))
            for row_a, row_b in zip(a, b) for x, y in zip(row_a, row_b)]
    return math.inf if any(map(math.isnan, gaps)) else max(gaps, default=0)


def in_this_process(train, work, jobs, steps):
    """Stand in for compare.side_by_side: the same, without the time that processes take to start.

    What they would be sent and would send back travels as it would.
    """
    with mock.patch.object(compare, "steps_done", SimpleNamespace(value=0)):
        results = [pickle.loads(pickle.dumps(train))(*pickle.loads(pickle.dumps(arguments)))
                   for arguments in work]
    return pickle.loads(pickle.dumps(results))


def called(main, *words):
    """Return the exit status of a program's main, what it prints and what it complains of."""
    status = 0
    with contextlib.redirect_stdout(io.StringIO()) as out, \
            contextlib.redirect_stderr(io.StringIO()) as errors:
        try:
            main([str(word) for word in words])
        except SystemExit as stop:
            status = stop.code
    return status, out.getvalue(), errors.getvalue()


def run(*arguments, cwd=ROOT):
    """Run this Python with the arguments; return what it printed and its exit code."""
    return subprocess.run([sys.executable, *map(str, arguments)], cwd=str(cwd), text=True,
                          encoding="utf-8", capture_output=True, timeout=600, check=False)
