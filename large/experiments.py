"""The runs behind RESULTS.md's page on reproductions: many models, each with its rate tuned.

    python3 -m large.experiments --novels FOLDER --json results.jsonl --minutes 60

FOLDER holds train.txt, valid.txt and test.txt. Runs that the JSON lines have already are left out,
so the same command goes on. Each group of runs has a process of its own, so that it compiles once;
several share a GPU.
"""
import json
import math
import os
import subprocess
import sys
import time
from pathlib import Path

import show

RATES = (0.0005, 0.001, 0.002, 0.004)
SIX = "6 layers, 128 tokens"
TWELVE = "12 layers, 256 tokens"
NO_PAST = ("--mixing", "grassmann", "--offsets", "none")
APART = ("--mixing", "apart", "--r", 12)
CONTENDERS = {"attention": ("--mixing", "attention"), "grassmann": ("--mixing", "grassmann"),
              "linear map": ("--mixing", "linear"), "planes apart": APART,
              "attention, six offsets": ("--mixing", "attention-window"),
              "mean of states": ("--mixing", "mean"), "no past": NO_PAST}


def groups():
    """Return [(setting, name, options, rates, seeds)], the most important first.

    Runs of a group differ in rate and seed only: each rate with seed 1, then the other seeds with
    the best of them.
    """
    twelve = ("--layers", 12, "--block-size", 256, "--batch", 32)
    found = [(SIX, name, words, RATES, 3) for name, words in CONTENDERS.items()]
    found += [(TWELVE, name, (*words, *twelve), RATES, 3) for name, words in CONTENDERS.items()]
    for size, width, layers, heads, r, rates in SCALES:
        for name in "attention", "grassmann", "linear map":
            words = (*CONTENDERS[name], "--n-embd", width, "--layers", layers, "--heads", heads,
                     "--r", r if name == "grassmann" else width // 8)
            found.append((f"scale: {size}", name, words, rates, 1))
    found += [(f"factor: {factor}", name, (*CONTENDERS[name], *words), RATES[1:3], 1)
              for factor, names in FACTORS.items() for name, words in names.items()]
    found += [("planes", name, words, RATES[2:3], 1) for name, words in PLANES.items()]
    found += [(f"check: {check}", name, (*CONTENDERS[name], *words), RATES[2:3], 1)
              for check, names in CHECKS.items() for name, words in names.items()]
    return found


def both(*words):
    """Return the two mixers with the same options."""
    return {"attention": words, "grassmann": words}


# One step each away from --preset words, which is pre-norm with all offsets in each layer.
FACTORS = {
    "post-norm": both("--order", "post"),
    "post-norm, gate as only skip": {"grassmann": ("--order", "gate")},
    "one offset per layer": {"grassmann": ("--offset-per-layer",)},
    "norm in the branch": both("--branch-norm"),
    "first weights 0.06": both("--std", 0.06),
    "no dropout": both("--dropout", 0),
    "dropout 0.2": both("--dropout", 0.2),
    "2 epochs": both("--epochs", 2),
    "16 epochs": both("--epochs", 16),
    "constant rate": both("--schedule", "constant"),
    "RMSNorm, ReLU, no biases": both("--norm", "rms", "--activation", "relu", "--no-bias"),
    "embeddings not tied": both("--no-tied"),
    "one offset per layer, norm in the branch": {
        "grassmann": ("--branch-norm", "--offset-per-layer")},
}
# Is half precision or the fold to blame? One rate each.
CHECKS = {"single precision": both("--precision", "float32"),
          "loop over the offsets": {"grassmann": ("--mixing", "grassmann-loop")}}
# Where a setting has no attention of its own: whose attention its gaps are to.
BASELINES = {"factor: post-norm, gate as only skip": "factor: post-norm",
             "factor: one offset per layer": SIX,
             "factor: one offset per layer, norm in the branch": "factor: norm in the branch",
             "check: loop over the offsets": SIX, "planes": SIX}
PLANES = {
    "grassmann, r 8": ("--mixing", "grassmann", "--r", 8),
    "grassmann, r 16": ("--mixing", "grassmann", "--r", 16),
    "planes apart, r 8": ("--mixing", "apart", "--r", 8),
    "planes apart, r 16": ("--mixing", "apart", "--r", 16),
    "planes apart, r 32": ("--mixing", "apart", "--r", 32),
    "lengths kept, r 12": ("--mixing", "apart-lengths", "--r", 12),
    "lengths kept, r 32": ("--mixing", "apart-lengths", "--r", 32),
    "linear map, r 8": ("--mixing", "linear", "--r", 8),
    "linear map, r 16": ("--mixing", "linear", "--r", 16),
    "linear map, r 64": ("--mixing", "linear", "--r", 64),
    "unit products, r 32": ("--mixing", "product"),
}
# weights, width, layers, heads, r of Grassmann (2 sqrt(d): as many weights as attention), rates
SCALES = (("100 million", 768, 12, 12, 55, (0.0005,)),
          ("30 million", 512, 6, 8, 45, (0.0005, 0.001)),
          ("3 million", 128, 4, 4, 22, (0.002, 0.004)))


# ---- one group -----------------------------------------------------------------------------------
def read_results(path):
    """Return the runs in a file of JSON lines, none if there is no such file."""
    if not Path(path).exists():
        return []
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line.strip()]


def next_run(done, rates, seeds):
    """Return (rate, seed) of a group's next run, or None where it is complete.

    done: {(rate, seed): best validation loss}. Where the best of the rates is the highest or the
    lowest, one more beyond it is tried, twice at most, unless there is one seed only.
    """
    for rate in rates:
        if (rate, 1) not in done:
            return rate, 1
    tried = sorted([rate for rate, seed in done if seed == 1])
    best = min(tried, key=lambda rate: done[rate, 1])
    if seeds > 1 and len(tried) < len(rates) + 2 and best in (tried[0], tried[-1]):
        return (best / 2 if best == tried[0] else best * 2), 1
    for seed in range(2, seeds + 1):
        if (best, seed) not in done:
            return best, seed
    return None


def run_group(number, args):
    """Train all runs of a group that are not there yet, until the time is over."""
    from large import data as tasks
    from large import engine, train
    setting, name, words, rates, seeds = groups()[number]
    folder = Path(args.novels)
    done = {(run["lr"], run["seed"]): run["best"] for path in (args.json, *args.done)
            for run in read_results(path) if (run["setting"], run["name"]) == (setting, name)}
    words = ["--preset", "words", "--setting", setting, "--name", name, "--data",
             folder / "train.txt", "--valid", folder / "valid.txt", "--test", folder / "test.txt",
             "--precision", args.precision, *["--compile"] * args.compile, *words, *args.more]
    data = None
    longest = 0.0
    while True:
        chosen = next_run(done, rates, seeds)
        if chosen is None or time.time() + 1.1 * longest > args.until:
            return
        start = time.time()
        extra = ("--lr", chosen[0], "--seed", chosen[1])
        options = train.parse([str(word) for word in (*words, *extra)], show.Parser())
        if data is None:
            data = tasks.load(options)
        trainer = engine.Trainer(train.make_config(options, data.vocab_size()), options)
        try:
            state = engine.train(trainer, data, options)
            found = engine.result(state, trainer, data, options)
        except ArithmeticError:
            found = {"setting": setting, "name": name, "lr": chosen[0], "seed": chosen[1],
                     "best": math.inf, "failed": "the loss was no number"}
        done[chosen] = found["best"]
        longest = max(longest, time.time() - start)
        found["seconds"] = time.time() - start
        with open(args.json, "a", encoding="utf-8") as file:
            file.write(json.dumps(found) + "\n")
        print(f"{setting}; {name}; lr {chosen[0]:g}, seed {chosen[1]}: perplexity "
              f"{engine.perplexity(found['best']):.3f}, {found['seconds']:.1f} s", flush=True)


# ---- all groups ----------------------------------------------------------------------------------
def run_all(args, gpus):
    """Keep several groups running on each GPU until none is left or the time is over."""
    waiting = [number for number, group in enumerate(groups()) if not args.only or
               any(group[0].startswith(start) for start in args.only)]
    running = {}
    while waiting or running:
        for process in [process for process in running if process.poll() is not None]:
            if process.returncode:
                print(f"group {groups()[running[process][1]][:2]} failed", file=sys.stderr)
            del running[process]
        for gpu in gpus:
            busy = [place for place, _ in running.values()].count(gpu)
            if waiting and busy < args.per_gpu and time.time() < args.until - 20:
                number = waiting.pop(0)
                words = [sys.executable, "-m", "large.experiments", *args.words, "--group", number,
                         "--until", args.until]
                process = subprocess.Popen([str(word) for word in words],
                                           env={**os.environ, "CUDA_VISIBLE_DEVICES": str(gpu)})
                running[process] = gpu, number
        if time.time() > args.until and not running:
            return
        if time.time() > args.until + 30:
            for process in running:
                process.kill()
        time.sleep(0.2)


def main():
    """Read the options; run all groups, or one."""
    parser = show.Parser(description="The runs behind RESULTS.md.", allow_abbrev=False)
    parser.add_argument("--novels", required=True, help="folder of train.txt, valid.txt, test.txt")
    parser.add_argument("--json", required=True, help="file to which the runs are added")
    parser.add_argument("--done", nargs="*", default=[], help="files with runs that are there")
    parser.add_argument("--minutes", type=float, default=1e6)
    parser.add_argument("--gpus", default="0", help="like 0,1")
    parser.add_argument("--per-gpu", type=int, default=2, help="processes that share a GPU")
    parser.add_argument("--only", nargs="*", default=[], help="settings that begin so")
    parser.add_argument("--precision", default="bf16")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--list", action="store_true", help="print the groups, no more")
    parser.add_argument("--group", type=int, help="this one alone")
    parser.add_argument("--until", type=float)
    parser.add_argument("--more", nargs="*", default=[], help="options of large.train, without --")
    args = parser.parse_args()
    args.words = sys.argv[1:]
    if args.list:
        for number, (setting, name, words, rates, seeds) in enumerate(groups()):
            print(number, setting, name, words, rates, seeds, sep="; ")
        return
    args.more = [word if n % 2 else f"--{word}" for n, word in enumerate(args.more)]
    if args.until is None:
        args.until = time.time() + 60 * args.minutes
    if args.group is None:
        run_all(args, args.gpus.split(","))
    else:
        run_group(args.group, args)


if __name__ == "__main__":
    show.run_program(main)
