"""The runs behind RESULTS.md's part on full size: many models, each with its rate tuned.

    python3 -m large.experiments --novels FOLDER --json results.jsonl --minutes 60 --compile

FOLDER holds train.txt, valid.txt and test.txt. Runs that the JSON lines have already are left out,
so the same command goes on. Seed 1 chooses the learning rate, dropout and epochs; the seeds from 2
on, which chose nothing, are what tables report, where there are any. Each group of runs has
processes of its own, so that one compiles once; several share a GPU.
"""
import argparse
import ast
import hashlib
import json
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

if not __package__:
    print("experiments.py: start it as python3 -m large.experiments", file=sys.stderr)
    sys.exit(2)

import show
from large import train


class Group(NamedTuple):
    """Runs that differ in rate and seed only: a row of a table."""

    setting: str  # the table
    name: str  # the row
    words: tuple  # options of large.train
    rates: tuple  # tried with seed 1, the one expected to be best first; a single one is taken
    fresh: int = 3  # seeds 2, 3 ..., with the best rate
    lanes: int = 1  # processes at a time
    corpus: str = "novels"
    variants: tuple = ()  # (dropout, epochs), tried with seed 1 at the first rate instead of rates


FIRST = 80.0  # seconds that a process must have left to begin, as it compiles first
RATES = (0.002, 0.001, 0.004)
LOW = (0.001, 0.0005, 0.002)
SIX = "6 layers, 128 tokens"
TWELVE = "12 layers, 256 tokens"
CLASSICS = "classics, 12 layers, 256 tokens"
CLASSICS_SIX = "classics, 6 layers, 128 tokens"
VARIANTS = ((0.1, 8), (0.0, 8), (0.2, 8), (0.1, 16), (0.2, 16), (0.3, 16))
TUNED = ", tuned"  # ends a setting with variants; runs of the setting before it count there, too
WIKITEXT = "WikiText-2's test part, 6 layers, 128 tokens"
SCHEDULE = ("--offset-per-layer",)  # 6 layers: one of the six offsets each
TWELVE_WORDS = ("--layers", 12, "--block-size", 256, "--batch", 32)
PAPER_WINDOW = ("--offsets", "1,1,2,2,4,4,8,8,12,12,16,16")
GRASSMANN = ("--mixing", "grassmann")
LINEAR = ("--mixing", "linear")
APART = ("--mixing", "apart", "--r", 12)
GATE = ("--order", "gate")
BRANCH = ("--branch-norm",)

# All offsets in each layer, pre-norm.
AVERAGED = {"attention": ("--mixing", "attention"), "grassmann": GRASSMANN, "linear map": LINEAR,
            "planes apart": APART, "attention, six offsets": ("--mixing", "attention-window"),
            "mean of states": ("--mixing", "mean"), "no past": (*GRASSMANN, "--offsets", "none")}
# One offset in each layer, as the paper's 12-layer model has them.
SCHEDULED = {"paper's layer": (*GRASSMANN, *GATE),
             "linear map, paper's order": (*LINEAR, *GATE),
             "planes, pre-norm, norm in the branch": (*GRASSMANN, *BRANCH),
             "planes, pre-norm": GRASSMANN,
             "linear map, pre-norm": LINEAR,
             "linear map, pre-norm, norm in the branch": (*LINEAR, *BRANCH),
             "planes, lengths kept, pre-norm": ("--mixing", "apart-lengths"),
             "linear map, r 64, pre-norm": (*LINEAR, "--r", 64),
             "linear map with planes, r 17, pre-norm": ("--mixing", "linear-planes", "--r", 17)}
CONVOLUTION = ("--convolution",)
ALTERNATIVES = {
    "gated delta rule": ("--mixing", "gated-delta-rule"),
    "gated recurrence": ("--mixing", "gated-recurrence"),
    "attention with convolution": ("--mixing", "attention", *CONVOLUTION),
    "delta rule": ("--mixing", "delta-rule"),
    "gated linear attention": ("--mixing", "gated-linear-attention"),
    "linear attention": ("--mixing", "linear-attention"),
    "gated delta rule with convolution": ("--mixing", "gated-delta-rule", *CONVOLUTION),
    "gated recurrence with convolution": ("--mixing", "gated-recurrence", *CONVOLUTION),
    "attention, nearest six": ("--mixing", "attention-window", "--offsets", "1,2,3,4,5,6"),
    "linear map, nearest six": ("--mixing", "linear", "--offsets", "1,2,3,4,5,6"),
    "decayed sums": ("--mixing", "decayed-sums"),
    "planes of decayed sums": ("--mixing", "decayed-sums-planes", "--r", 12),
    "attended states": ("--mixing", "attended-states"),
    "planes of attended states": ("--mixing", "attended-states-planes", "--r", 12),
    "RWKV": ("--mixing", "rwkv"),
    "gated linear attention with convolution": ("--mixing", "gated-linear-attention", *CONVOLUTION),
    "delta rule with convolution": ("--mixing", "delta-rule", *CONVOLUTION)}
POST = "attention, post-norm"
NAMES = {  # of rows in tables, where the run's own name is short
    "attention": "attention, pre-norm",
    "paper's layer": "**the paper's layer: one offset a layer, the gate as only skip**",
    "linear map, paper's order": "linear map in its place",
    "planes, pre-norm": "one offset a layer, pre-norm",
    "planes, pre-norm, norm in the branch": "one offset a layer, pre-norm, norm in the branch",
    "planes, lengths kept, pre-norm": "one offset a layer, pre-norm, lengths kept",
    "linear map, pre-norm": "linear map, one offset a layer, pre-norm",
    "linear map, pre-norm, norm in the branch":
        "linear map, one offset a layer, pre-norm, norm in the branch",
    "linear map, r 64, pre-norm": "linear map, r 64, one offset a layer, pre-norm",
    "linear map with planes, r 17, pre-norm":
        "linear map with planes, r 17, one offset a layer, pre-norm",
    "paper's order, six averaged": "six offsets averaged, the gate as only skip",
    "grassmann": "six offsets averaged, pre-norm",
    "linear map": "linear map of six offsets, pre-norm",
    "planes apart": "planes of six offsets apart, pre-norm",
    "attention, six offsets": "attention limited to t and six offsets",
    "mean of states": "mean of the states at six offsets, no plane"}


def scheduled(name, layers):
    """Return the options of a row of SCHEDULED at 6 or 12 layers."""
    if layers == 6:
        return (*SCHEDULED[name], *SCHEDULE)
    return (*SCHEDULED[name], *SCHEDULE, *PAPER_WINDOW, *TWELVE_WORDS)


def main_rows(layers):
    """Return {name: options} of the rows that are tuned further and run on the other books."""
    words = TWELVE_WORDS if layers == 12 else ()
    found = {name: (*AVERAGED[name], *words) for name in ("attention", "grassmann")}
    found[POST] = (*found["attention"], "--order", "post")
    found["gated recurrence"] = (*ALTERNATIVES["gated recurrence"], *words)
    found.update({name: scheduled(name, layers) for name in list(SCHEDULED)[:3]})
    return found


def novels(setting, layers):
    """Return the groups of a table of the novels, the main rows first."""
    words = TWELVE_WORDS if layers == 12 else ()
    main = main_rows(layers)
    rows = {name: (*more, *words) for name, more in {
        **AVERAGED, **ALTERNATIVES,
        "paper's order, six averaged": (*GRASSMANN, *GATE)}.items()}
    rows.update({name: scheduled(name, layers) for name in SCHEDULED})
    return [Group(setting, name, more, RATES if name != POST else LOW, 5 if name in main else 3,
                  layers // 6) for name, more in {**main, **rows}.items()]


def tuned(setting, layers, fresh):
    """Return the groups that try dropout and epochs, at the rate that was best without."""
    return [Group(setting + TUNED, name, words, RATES[:1] if name != POST else LOW[:1], fresh, 3,
                  variants=VARIANTS) for name, words in main_rows(layers).items()]


def classics(setting, layers, fresh):
    """Return the groups on the second corpus: two epochs."""
    more = ("--min-count", 10, "--epochs", 2)
    rows = main_rows(layers)
    if layers == 6:
        rows.update({"linear map": LINEAR, "planes apart": APART})
    return [Group(setting, name, (*words, *more), RATES if name != POST else LOW, fresh, 2,
                  "classics") for name, words in rows.items()]


def wikitext():
    """Return the groups on WikiText-2's two small parts: trained on the test part."""
    six = main_rows(6)
    del six["planes, pre-norm, norm in the branch"]
    more = ("--words", "blanks", "--min-count", 1, "--epochs", 16, "--dropout", 0.2)
    return [Group(WIKITEXT, name, (*words, *more), (0.001, 0.002, 0.0005), 3, 1, "wikitext")
            for name, words in six.items()]


def scales():
    """Return the groups at other sizes, six layers of another width."""
    paper, linear = list(SCHEDULED)[:2]
    rows = {**{name: AVERAGED[name] for name in ("attention", "grassmann")},
            paper: scheduled(paper, 6), linear: scheduled(linear, 6),
            **{name: ALTERNATIVES[name] for name in ("gated recurrence", "gated delta rule")}}
    found = []
    for size, width, layers, heads, r, rates in SCALES:
        for name, words in rows.items():
            more = ("--n-embd", width, "--layers", layers, "--heads", heads,
                    "--r", r if "--r" not in words and "grassmann" in words else width // 8)
            found.append(Group(f"scale: {size}", name, (*words, *more), rates, 3, 2))
    return found


def controls():
    """Return the groups with one step each away from the preset, and with other sizes of planes."""
    found = [Group(f"factor: {factor}", name, (*AVERAGED[name], *words), RATES[:2], 3)
             for factor, words in FACTORS.items() for name in ("attention", "grassmann")]
    return found + [Group("planes", name, words, RATES[:1], 0) for name, words in PLANES.items()]


def groups():
    """Return all groups, the most important first."""
    return (novels(TWELVE, 12) + tuned(TWELVE, 12, 5) + classics(CLASSICS, 12, 5)
            + novels(SIX, 6) + tuned(SIX, 6, 5) + classics(CLASSICS_SIX, 6, 3)
            + scales() + wikitext() + controls())


# One step each away from --preset words, which is pre-norm with all offsets in each layer.
FACTORS = {
    "2 epochs": ("--epochs", 2),
    "16 epochs": ("--epochs", 16),
    "no dropout": ("--dropout", 0),
    "first weights 0.06": ("--std", 0.06),
    "embeddings not tied": ("--no-tied",),
    "dropout 0.2": ("--dropout", 0.2),
    "norm in the branch": BRANCH,
    "post-norm": ("--order", "post"),
    "constant rate": ("--schedule", "constant"),
    "RMSNorm, ReLU, no biases": ("--norm", "rms", "--activation", "relu", "--no-bias")}
# Where a setting has no attention of its own: whose attention its gaps are to.
BASELINES = {"planes": SIX}
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
SCALES = (("30 million", 512, 6, 8, 45, (0.001, 0.0005, 0.002)),
          ("3 million", 128, 4, 4, 22, (0.004, 0.002, 0.008)))


# ---- one group -----------------------------------------------------------------------------------
def read_results(path):
    """Return the runs in a file of JSON lines, none if there is no such file; torn ones left out.

    A line is torn where the disk was full or the process was killed meanwhile.
    """
    if not Path(path).exists():
        return []
    found = []
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        try:
            run = json.loads(line)
        except ValueError:
            continue
        if isinstance(run, dict) and {"setting", "name", "lr", "seed"} <= set(run):
            found.append(run)
    return found


def next_run(done, choices, fresh, taken=()):
    """Return (choice, seed) of a group's next run, or None where none is left to start.

    choices: learning rates, or pairs (dropout, epochs), the one expected to be best first; done:
    {(choice, seed): best validation loss}; taken: those that other processes are at. Where the
    best of several rates is the highest or the lowest, one more beyond it is tried, twice at most.
    While seed 1 is still at work elsewhere, the fresh seeds start with the expected choice.
    """
    for choice in choices:
        if (choice, 1) not in done and (choice, 1) not in taken:
            return choice, 1
    tried = sorted([choice for choice, seed in done if seed == 1])
    best = choices[0]
    if not any(seed == 1 for _, seed in taken):
        best = min(tried, key=lambda choice: done[choice, 1])
        several = 1 < len(choices) <= len(tried) < len(choices) + 2
        if fresh and several and best in (tried[0], tried[-1]) and not isinstance(best, tuple):
            return (best / 2 if best == tried[0] else best * 2), 1
    elif isinstance(best, tuple):
        return None
    for seed in range(2, fresh + 2):
        if (best, seed) not in done and (best, seed) not in taken:
            return best, seed
    return None


def all_runs(args):
    """Return the runs of all files."""
    return [run for path in (*args.done, args.json) for run in read_results(path)]


def open_run(group, runs, claims):
    """Return (choice, seed) of a group's next run that no process has begun, None if none is left.

    With variants, the runs of the setting before it count, too, at the group's rate.
    """
    settings = [group.setting]
    choices = group.rates
    if group.variants:
        settings.append(group.setting[:-len(TUNED)])
        choices = group.variants
    done = {}
    for run in runs:
        if run["setting"] not in settings or run["name"] != group.name:
            continue
        choice = run["lr"]
        if group.variants:
            if choice != group.rates[0]:
                continue
            choice = run["config"]["dropout"], run["options"]["epochs"]
        done[choice, run["seed"]] = float(run["best"])
    return next_run(done, choices, group.fresh, claims.taken() - set(done))


class Claims:
    """Which runs of a group some process has begun, as empty files in a folder."""

    def __init__(self, folder, group):
        key = hashlib.sha256(repr((group.setting, group.name)).encode()).hexdigest()[:16]
        self.folder = Path(folder, key)
        self.folder.mkdir(exist_ok=True)

    def taken(self):
        """Return {(choice, seed)}."""
        return {ast.literal_eval(path.name) for path in self.folder.iterdir()}

    def take(self, choice, seed):
        """Return whether the run is ours now."""
        try:
            Path(self.folder, repr((choice, seed))).touch(exist_ok=False)
        except FileExistsError:
            return False
        return True


def run_group(number, args):
    """Train the runs of a group that are not there yet, until the time is over."""
    from large import data as tasks
    from large import engine
    group = groups()[number]
    folder = Path(getattr(args, group.corpus))
    claims = Claims(args.claims, group)
    files = ["--data", folder / "train.txt", "--valid", folder / "valid.txt",
             "--test", folder / "test.txt"]
    if group.corpus == "wikitext":
        files = ["--data", folder / "test.txt", "--valid", folder / "valid.txt"]
    words = ["--preset", "words", "--setting", group.setting, "--name", group.name, *files,
             "--precision", args.precision, *["--compile"] * args.compile, *group.words, *args.more]
    data = None
    longest = FIRST
    while True:
        chosen = open_run(group, all_runs(args), claims)
        if chosen is None or time.time() + 1.1 * longest > args.until:
            return
        if not claims.take(*chosen):
            continue
        start = time.time()
        choice, seed = chosen
        extra = ["--seed", seed, "--lr", choice]
        if group.variants:
            dropout, epochs = choice
            extra = ["--seed", seed, "--lr", group.rates[0], "--dropout", dropout, "--epochs",
                     epochs]
        options = train.parse([str(word) for word in (*words, *extra)], show.Parser())
        if data is None:
            data = tasks.load(options)
        trainer = engine.Trainer(train.make_config(options, data.vocab_size()), options)
        try:
            state = engine.train(trainer, data, options)
            found = engine.result(state, trainer, data, options)
        except ArithmeticError:
            found = {"setting": group.setting, "name": group.name, "lr": options.lr, "seed": seed,
                     "config": {"dropout": options.dropout}, "options": {"epochs": options.epochs},
                     "best": math.inf, "failed": "the loss was no number"}
        del trainer
        longest = time.time() - start
        found["seconds"] = longest
        train.add_line(args.json, found)
        print(f"{group.setting}; {group.name}; {choice}, seed {seed}: perplexity "
              f"{engine.perplexity(found['best']):.3f}, {found['seconds']:.1f} s", flush=True)


# ---- all groups ----------------------------------------------------------------------------------
def run_all(args, gpus):
    """Keep processes running on each GPU until no run is left or the time is over.

    Return the exit status: 2 if a group failed.
    """
    every = groups()
    wanted = [number for number, group in enumerate(every)
              if getattr(args, group.corpus) and group.setting.startswith(tuple(args.only))]
    running = {}
    failed = False
    before = len(all_runs(args))
    while True:
        for process in [process for process in running if process.poll() is not None]:
            if process.returncode:
                number = running[process][1]
                print(f"group {every[number][:2]} failed", file=sys.stderr)
                wanted = [other for other in wanted if other != number]
                failed = True
            del running[process]
        slots = [gpu for gpu in gpus for _ in range(args.per_gpu)]
        for gpu, _ in running.values():
            if gpu in slots:
                slots.remove(gpu)
        runs = all_runs(args) if slots else []
        for number in wanted:
            group = every[number]
            lanes = [other for _, other in running.values()].count(number)
            while (slots and lanes < group.lanes and time.time() < args.until - FIRST
                    and open_run(group, runs, Claims(args.claims, group))):
                gpu = max(slots, key=slots.count)
                slots.remove(gpu)
                words = [sys.executable, "-m", "large.experiments", *args.words, "--group", number,
                         "--until", args.until, "--claims", args.claims]
                process = subprocess.Popen([str(word) for word in words],
                                           env={**os.environ, "CUDA_VISIBLE_DEVICES": str(gpu)})
                running[process] = gpu, number
                lanes += 1
        if not running:
            print(f"{args.json}: {len(all_runs(args)) - before} runs more")
            return 2 if failed and time.time() < args.until else 0
        if time.time() > args.until + 15:
            for process in running:
                process.kill()
        time.sleep(1)


def complain(args, parser):
    """End with one line where nothing could be run, before any process begins."""
    if not any(group.setting.startswith(tuple(args.only)) for group in groups()):
        parser.error("--only: no setting begins so: see --list")
    if not re.fullmatch(r"\d+(,\d+)*", args.gpus):
        parser.error(f"--gpus {args.gpus!r}: expected numbers, like 0,1")
    folders = [folder for folder in (args.novels, args.classics, args.wikitext) if folder]
    for path in [*[Path(folder, "valid.txt") for folder in folders], *map(Path, args.done)]:
        if not path.is_file():
            parser.error(f"{path}: there is no such file")
    if train.torch is None:
        parser.error("PyTorch is not installed: pip install torch numpy")
    show.check_writable(Path(args.json), parser, "--json")


def main():
    """Read the options; run all groups, or one."""
    parser = show.Parser(description="The runs behind RESULTS.md. Other options than these are "
                         "large.train's, for all runs.", allow_abbrev=False)
    parser.add_argument("--novels", help="folder of train.txt, valid.txt, test.txt")
    parser.add_argument("--classics", help="the same, of the second corpus")
    parser.add_argument("--wikitext", help="folder of WikiText-2's valid.txt and test.txt")
    parser.add_argument("--json", required="--list" not in sys.argv,
                        help="file to which the runs are added")
    parser.add_argument("--done", nargs="*", default=[], help="files with runs that are there")
    parser.add_argument("--minutes", type=train.at_least(0), default=1e6,
                        help=f"in all; no process begins in the last {FIRST:.0f} seconds")
    parser.add_argument("--gpus", default="0", help="like 0,1")
    parser.add_argument("--per-gpu", type=show.whole_numbers(1, 99), default=2,
                        help="processes that share a GPU")
    parser.add_argument("--only", nargs="*", default=[""], help="how settings begin")
    parser.add_argument("--precision", default="bf16", help="large.train's")
    parser.add_argument("--compile", action="store_true", help="torch.compile")
    parser.add_argument("--list", action="store_true", help="print the groups, no more")
    for name, kind in (("--group", int), ("--until", float), ("--claims", str)):
        parser.add_argument(name, type=kind, help=argparse.SUPPRESS)  # for its own processes
    args, args.more = parser.parse_known_args()
    args.words = sys.argv[1:]
    if args.list:
        for number, group in enumerate(groups()):
            if group.setting.startswith(tuple(args.only)):
                print(number, *group, sep="; ")
        return
    if args.until is None:
        args.until = time.time() + 60 * args.minutes
    if not (args.novels or args.classics or args.wikitext):
        parser.error("which texts? --novels, --classics or --wikitext")
    if args.claims is not None:
        run_group(args.group, args)
        return
    complain(args, parser)
    # A wrong word is better found now than by each process.
    train.parse(["--preset", "words", "--precision", args.precision, *args.more],
                parser.__class__(prog=parser.prog))
    args.claims = tempfile.mkdtemp()
    try:
        sys.exit(run_all(args, args.gpus.split(",")))
    finally:
        shutil.rmtree(args.claims, ignore_errors=True)


if __name__ == "__main__":
    show.run_program(main)
