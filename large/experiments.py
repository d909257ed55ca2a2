"""The runs behind RESULTS.md's part on full size: many models, each with its rate tuned.

    python3 -m large.experiments --novels FOLDER --json results.jsonl --minutes 60 --compile

FOLDER holds train.txt, valid.txt and test.txt. Runs that the JSON lines have already are left out,
so the same command goes on. Seed 1 chooses the learning rate; the seeds from 2 on, which nothing
was chosen by, are what tables report. Each group of runs has processes of its own, so that one
compiles once; several share a GPU.
"""
import hashlib
import json
import math
import os
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


class Group(NamedTuple):
    """Runs that differ in rate and seed only: a row of a table."""

    setting: str  # the table
    name: str  # the row
    words: tuple  # options of large.train
    rates: tuple  # tried with seed 1, the one expected to be best first; a single one is taken
    fresh: int = 3  # seeds 2, 3 ..., with the best rate
    lanes: int = 1  # processes at a time
    corpus: str = "novels"


FIRST = 80.0  # seconds that a process must have left to begin, as it compiles first
RATES = (0.002, 0.001, 0.004)
LOW = (0.001, 0.0005, 0.002)
SIX = "6 layers, 128 tokens"
TWELVE = "12 layers, 256 tokens"
CLASSICS = "classics, 12 layers, 256 tokens"
WIKITEXT = "WikiText-2's test part, 6 layers, 128 tokens"
SCHEDULE = ("--offset-per-layer",)  # 6 layers: one of the six offsets each
TWELVE_WORDS = ("--layers", 12, "--block-size", 256, "--batch", 32)
PAPER_WINDOW = ("--offsets", "1,1,2,2,4,4,8,8,12,12,16,16")
GRASSMANN = ("--mixing", "grassmann")
LINEAR = ("--mixing", "linear")
APART = ("--mixing", "apart", "--r", 12)
LENGTHS = ("--mixing", "apart-lengths")
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
             "planes, lengths kept, pre-norm": LENGTHS,
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
    "decayed sums": ("--mixing", "decayed-sums"),
    "planes of decayed sums": ("--mixing", "decayed-sums-planes", "--r", 12),
    "attended states": ("--mixing", "attended-states"),
    "planes of attended states": ("--mixing", "attended-states-planes", "--r", 12),
    "RWKV": ("--mixing", "rwkv"),
    "gated linear attention with convolution": ("--mixing", "gated-linear-attention", *CONVOLUTION),
    "delta rule with convolution": ("--mixing", "delta-rule", *CONVOLUTION)}
POST = "attention, post-norm"
PAPER_AVERAGED = "paper's order, six averaged"


TUNED = f"{TWELVE}, dropout"  # settings whose seed 1 has chosen something, if not the rate
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


def trial():
    """Return the groups of the trial on the novels, the most important first."""
    paper, linear, branch = list(SCHEDULED)[:3]
    attention = AVERAGED["attention"]
    post = (*attention, "--order", "post")
    twelve = TWELVE_WORDS
    return [
        Group(TWELVE, "attention", (*attention, *twelve), RATES, 5),
        Group(TWELVE, paper, scheduled(paper, 12), RATES, 5, 3),
        Group(TWELVE, linear, scheduled(linear, 12), RATES, 5, 2),
        Group(SIX, "attention", attention, RATES, 5),
        Group(SIX, paper, scheduled(paper, 6), RATES, 5),
        Group(SIX, linear, scheduled(linear, 6), RATES, 5),
        Group(TWELVE, branch, scheduled(branch, 12), RATES, 3, 2),
        Group(TWELVE, POST, (*post, *twelve), LOW, 3, 2),
        Group(SIX, POST, post, LOW, 5),
        Group(SIX, branch, scheduled(branch, 6), RATES),
        Group(TWELVE, "grassmann", (*GRASSMANN, *twelve), RATES),
        Group(SIX, "grassmann", GRASSMANN, RATES, 5),
        Group(SIX, PAPER_AVERAGED, (*GRASSMANN, *GATE), RATES),
        Group(SIX, "linear map", LINEAR, RATES)]


def more_trial():
    """Return the rest of the trial."""
    found = [Group(TWELVE, "linear map", (*LINEAR, *TWELVE_WORDS), RATES),
             Group(TWELVE, "planes apart", (*APART, *TWELVE_WORDS), RATES),
             Group(SIX, "planes apart", APART, RATES)]
    for name in list(SCHEDULED)[3:]:
        found.append(Group(TWELVE, name, scheduled(name, 12), RATES))
        found.append(Group(SIX, name, scheduled(name, 6), RATES))
    return [*found, Group(TWELVE, PAPER_AVERAGED, (*GRASSMANN, *GATE, *TWELVE_WORDS), RATES)]


def main_rows():
    """Return {name: options} of the rows that are run on other texts, too, at 12 layers."""
    paper, linear = list(SCHEDULED)[:2]
    return {"attention": (*AVERAGED["attention"], *TWELVE_WORDS), paper: scheduled(paper, 12),
            linear: scheduled(linear, 12), "grassmann": (*GRASSMANN, *TWELVE_WORDS),
            "gated recurrence": (*ALTERNATIVES["gated recurrence"], *TWELVE_WORDS)}


def classics():
    """Return the groups on the second corpus: two epochs, at the novels' best rate."""
    more = ("--min-count", 10, "--epochs", 2)
    return [Group(CLASSICS, name, (*words, *more), RATES[:1], 2, 2, "classics")
            for name, words in main_rows().items()]


def dropout():
    """Return the groups that tune the dropout of the trial's first rows (0.1 is the preset's)."""
    rows = dict(list(main_rows().items())[:3])
    found = [Group(f"{TWELVE}, dropout 0", name, (*words, "--dropout", 0), RATES[:1], 3, 2)
             for name, words in rows.items()]
    return found + [Group(f"{TWELVE}, dropout 0.2", name, (*words, "--dropout", 0.2), RATES[:1], 0)
                    for name, words in rows.items()]


def wikitext():
    """Return the groups on WikiText-2's two small parts: trained on the test part."""
    six = {"attention": AVERAGED["attention"], "attention, post-norm": (
        *AVERAGED["attention"], "--order", "post"), "grassmann": GRASSMANN,
        "gated recurrence": ALTERNATIVES["gated recurrence"]}
    six.update({name: scheduled(name, 6) for name in list(SCHEDULED)[:2]})
    more = ("--words", "blanks", "--min-count", 1, "--epochs", 16, "--dropout", 0.2)
    return [Group(WIKITEXT, name, (*words, *more), (0.001, 0.002, 0.0005), 3, 1, "wikitext")
            for name, words in six.items()]


def alternatives(names, setting, *words):
    """Return the groups of some alternatives in one setting."""
    return [Group(setting, name, (*ALTERNATIVES[name], *words), RATES) for name in names]


def earlier():
    """Return the other rows of the tables, and the factors in which published blocks differ."""
    found = [Group(SIX, name, words, RATES) for name, words in AVERAGED.items()]
    found += [Group(TWELVE, name, (*words, *TWELVE_WORDS), RATES)
              for name, words in AVERAGED.items()]
    for size, width, layers, heads, r, rates in SCALES:
        for name in "attention", "gated recurrence", "grassmann", "linear map":
            words = (*{**AVERAGED, **ALTERNATIVES}[name], "--n-embd", width, "--layers", layers,
                     "--heads", heads, "--r", r if name == "grassmann" else width // 8)
            found.append(Group(f"scale: {size}", name, words, rates, 2))
    found += [Group(f"factor: {factor}", name, (*AVERAGED[name], *words), RATES[:2], 3)
              for factor, names in FACTORS.items() for name, words in names.items()]
    found += [Group("planes", name, words, RATES[:1], 0) for name, words in PLANES.items()]
    return found


def groups():
    """Return all groups, the most important first, each row once."""
    found = {}
    names = list(ALTERNATIVES)
    no_dropout, high_dropout = dropout()[:3], dropout()[3:]
    listed = (trial()[:8] + alternatives(names[:2], SIX) + classics()[:3] + no_dropout[:2]
              + alternatives(names[2:5], SIX) + classics()[3:4] + wikitext()
              + no_dropout[2:] + alternatives(names[5:7], SIX) + classics()[4:] + high_dropout
              + trial()[8:] + more_trial()
              + alternatives(names[:4], TWELVE, *TWELVE_WORDS) + alternatives(names[7:], SIX)
              + earlier())
    for group in listed:
        found.setdefault((group.setting, group.name), group)
    return list(found.values())


def both(*words):
    """Return the two mixers with the same options."""
    return {"attention": words, "grassmann": words}


# One step each away from --preset words, which is pre-norm with all offsets in each layer.
FACTORS = {
    "2 epochs": both("--epochs", 2),
    "16 epochs": both("--epochs", 16),
    "no dropout": both("--dropout", 0),
    "first weights 0.06": both("--std", 0.06),
    "embeddings not tied": both("--no-tied"),
    "dropout 0.2": both("--dropout", 0.2),
    "norm in the branch": both("--branch-norm"),
    "post-norm": both("--order", "post"),
    "constant rate": both("--schedule", "constant"),
    "RMSNorm, ReLU, no biases": both("--norm", "rms", "--activation", "relu", "--no-bias"),
}
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
        if "setting" in run:
            found.append(run)
    return found


def next_run(done, rates, fresh, taken=()):
    """Return (rate, seed) of a group's next run, or None where none is left to start.

    done: {(rate, seed): best validation loss}; taken: those that other processes are at. Where the
    best of the rates is the highest or the lowest, one more beyond it is tried, twice at most.
    While rates are still being tried elsewhere, the fresh seeds start with the expected one.
    """
    for rate in rates:
        if (rate, 1) not in done and (rate, 1) not in taken:
            return rate, 1
    tried = sorted([rate for rate, seed in done if seed == 1])
    best = rates[0]
    if not any(seed == 1 for _, seed in taken):
        best = min(tried, key=lambda rate: done[rate, 1])
        if (fresh and 1 < len(rates) <= len(tried) < len(rates) + 2
                and best in (tried[0], tried[-1])):
            return (best / 2 if best == tried[0] else best * 2), 1
    for seed in range(2, fresh + 2):
        if (best, seed) not in done and (best, seed) not in taken:
            return best, seed
    return None


def runs_of(group, args):
    """Return {(rate, seed): best validation loss} of a group's runs in all files."""
    return {(run["lr"], run["seed"]): float(run["best"]) for path in (*args.done, args.json)
            for run in read_results(path)
            if (run["setting"], run["name"]) == (group.setting, group.name)}


class Claims:
    """Which runs of a group some process has begun, as empty files in a folder."""

    def __init__(self, folder, group):
        key = hashlib.sha256(repr((group.setting, group.name)).encode()).hexdigest()[:16]
        self.folder = Path(folder, key)
        self.folder.mkdir(exist_ok=True)

    def taken(self):
        """Return {(rate, seed)}."""
        found = [path.name.split("_") for path in self.folder.iterdir()]
        return {(float(rate), int(seed)) for rate, seed in found}

    def take(self, rate, seed):
        """Return whether the run is ours now."""
        try:
            (self.folder / f"{rate!r}_{seed}").touch(exist_ok=False)
        except FileExistsError:
            return False
        return True


def run_group(number, args):
    """Train the runs of a group that are not there yet, until the time is over."""
    from large import data as tasks
    from large import engine, train
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
        done = runs_of(group, args)
        chosen = next_run(done, group.rates, group.fresh, claims.taken() - set(done))
        if chosen is None or time.time() + 1.1 * longest > args.until:
            return
        if not claims.take(*chosen):
            continue
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
            found = {"setting": group.setting, "name": group.name, "lr": chosen[0],
                     "seed": chosen[1], "best": math.inf, "failed": "the loss was no number"}
        del trainer
        longest = time.time() - start
        found["seconds"] = longest
        train.add_line(args.json, found)
        print(f"{group.setting}; {group.name}; lr {chosen[0]:g}, seed {chosen[1]}: perplexity "
              f"{engine.perplexity(found['best']):.3f}, {found['seconds']:.1f} s", flush=True)


# ---- all groups ----------------------------------------------------------------------------------
def run_all(args, gpus):
    """Keep several groups running on each GPU until none is left or the time is over."""
    every = groups()
    waiting = [number for number, group in enumerate(every)
               if getattr(args, group.corpus) and group.setting.startswith(tuple(args.only))
               for _ in range(group.lanes)]
    running = {}
    begun = time.time()
    while waiting or running:
        for process in [process for process in running if process.poll() is not None]:
            if process.returncode:
                print(f"group {every[running[process][1]][:2]} failed", file=sys.stderr)
            del running[process]
        for gpu in gpus[time.time() < begun + args.late:]:
            busy = [place for place, _ in running.values()].count(gpu)
            while waiting and busy < args.per_gpu and time.time() < args.until - FIRST:
                number = waiting.pop(0)
                taken = Claims(args.claims, every[number]).taken()
                done = runs_of(every[number], args)
                if next_run(done, every[number].rates, every[number].fresh,
                            taken - set(done)) is None:
                    continue
                words = [sys.executable, "-m", "large.experiments", *args.words, "--group", number,
                         "--until", args.until, "--claims", args.claims]
                process = subprocess.Popen([str(word) for word in words],
                                           env={**os.environ, "CUDA_VISIBLE_DEVICES": str(gpu)})
                running[process] = gpu, number
                busy += 1
        if time.time() > args.until and not running:
            return
        if time.time() > args.until + 15:
            for process in running:
                process.kill()
        time.sleep(0.2)


def main():
    """Read the options; run all groups, or one."""
    parser = show.Parser(description="The runs behind RESULTS.md. Other options than these are "
                         "large.train's, for all runs.", allow_abbrev=False)
    parser.add_argument("--novels", help="folder of train.txt, valid.txt, test.txt")
    parser.add_argument("--classics", help="the same, of the second corpus")
    parser.add_argument("--wikitext", help="folder of WikiText-2's valid.txt and test.txt")
    parser.add_argument("--json", required=True, help="file to which the runs are added")
    parser.add_argument("--done", nargs="*", default=[], help="files with runs that are there")
    parser.add_argument("--minutes", type=float, default=1e6)
    parser.add_argument("--gpus", default="0", help="like 0,1")
    parser.add_argument("--late", type=float, default=0, help="seconds that the first GPU waits")
    parser.add_argument("--per-gpu", type=int, default=2, help="processes that share a GPU")
    parser.add_argument("--only", nargs="*", default=[""], help="how settings begin")
    parser.add_argument("--precision", default="bf16")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--list", action="store_true", help="print the groups, no more")
    parser.add_argument("--group", type=int, help="this one alone")
    parser.add_argument("--until", type=float)
    parser.add_argument("--claims")
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
    if args.group is not None:
        run_group(args.group, args)
        return
    if args.more:  # a wrong word is better found now than by each process
        from large import train
        train.parse(["--preset", "words", *args.more], parser.__class__(prog=parser.prog))
    args.claims = tempfile.mkdtemp()
    try:
        run_all(args, args.gpus.split(","))
    finally:
        shutil.rmtree(args.claims, ignore_errors=True)


if __name__ == "__main__":
    show.run_program(main)
