"""Record what autopsy 1 shows and a minute can't: python3 -m tests.record [STEPS SEEDS FILE]

Trains attention and Grassmann mixing at the model files' own sizes, 3,000 names and 20 seeds if
nothing else is said, on all cores, and writes each run's loss on the held-out names to
autopsy.json. micro_gpt.py and micro_grassmann.py print the same losses, one run at a time.
"""
import datetime
import json
import os
import platform
import sys
from pathlib import Path

import compare
import micro_grassmann
import show
import tasks

FILE = Path(__file__).resolve().parent.parent / "autopsy.json"
NAMES = ("attention", "Grassmann")


def record(steps, number, jobs):
    """Return the record of so many seeds as a dict."""
    docs = micro_grassmann.load_docs(tasks.INPUT)
    data_of = {seed: compare.split(docs, seed, steps) for seed in compare.seeds(number)}
    size = len(data_of[42].vocab) + 1
    rivals = [compare.contender(name, size) for name in NAMES]
    runs = compare.train_all(rivals, data_of, list(data_of), steps, 0, jobs)
    losses = {name: {str(mine.seed): round(compare.held_out_loss(mine), 6)
                     for mine in compare.of(runs, name)} for name in NAMES}
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return {"command": "python3 -m tests.record", "python": python,
            "date": datetime.date.today().isoformat(), "steps": steps, "losses": losses}


def main(argv):
    """Read the steps, the number of seeds and the file; train and write."""
    steps, number = [int(word) for word in argv[:2]] or [3000, 20]
    path = argv[2] if len(argv) > 2 else FILE
    show.save(path, json.dumps(record(steps, number, os.cpu_count()), indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
