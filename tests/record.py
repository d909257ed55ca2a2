"""Record what autopsy 1 shows and a minute can't: python3 -m tests.record --steps 3000

Trains attention and Grassmann mixing at the model files' own sizes on so many names with 20 seeds,
on all cores, and puts each run's loss on the held-out names into autopsy.json. micro_gpt.py and
micro_grassmann.py print the same losses, one run at a time.
"""
import datetime
import json
import platform
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
    size = len(micro_grassmann.make_vocab(docs)) + 1
    rivals = [compare.contender(name, size) for name in NAMES]
    runs = compare.train_all(rivals, data_of, list(data_of), steps, {}, jobs)
    losses = {name: {str(mine.seed): round(compare.held_out_loss(mine), 6)
                     for mine in compare.of(runs, name)} for name in NAMES}
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return {"python": python, "date": datetime.date.today().isoformat(), "losses": losses}


def main(argv=None):
    """Read the options; train and write."""
    parser = compare.options("Record the runs that autopsy 1 shows.", 3000)
    parser.set_defaults(seeds=20, json=FILE)
    args = parser.parse_args(argv)
    path = Path(args.json)
    records = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    records[str(args.steps)] = record(args.steps, args.seeds, args.jobs)
    show.save(path, json.dumps(records, indent=1) + "\n")


if __name__ == "__main__":
    main()
