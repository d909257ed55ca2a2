"""Random input for models, benchmarks and traces, and benchmarks killed: python3 -m tests.fuzz

    python3 -m tests.fuzz               2,000 inputs for each program (40 minutes)
    python3 -m tests.fuzz --kills 200   200 killed benchmarks instead (half a minute)

Whatever the options, the words and the data: no traceback, exit status 0 or 2, with 2 a message,
and nothing takes over a minute. The test suite runs a share of it, with a seed (test_fuzz.py).
"""
import contextlib
import importlib
import io
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path
from unittest import mock
from xml.etree import ElementTree

import show
from tests.helpers import ROOT

HANG = 60  # seconds; what the generator draws is small enough for a few

# What an option may be given: a range of small right numbers, or a list of right texts. No number
# of steps or samples is huge: that would be right, and take for ever.
FILES = ["{data}"] * 9 + ["{folder}", "{missing}", ""]
MODEL = {"--data": FILES, "--steps": (0, 2), "--seed": ["0", "7", "9" * 30], "--samples": (0, 2),
         "--temperature": ["0.5", "1e-6", "1", "100", "7e22"]}
BENCH = {"--steps": (1, 2), "--seeds": (1, 2), "--layers": ["1", "2", "1,2", "2,1"],
         "--json": ["{out}"], "--svg": ["{out}"]}
TRACE = {"--position": (0, 5), "--layer": (0, 1), "--steps": (0, 2), "--seed": (0, 99)}
OPTIONS = {
    "micro_gpt": MODEL, "micro_grassmann_clean": MODEL, "micro_grassmann": MODEL,
    "benchmark": {**BENCH, "--data": [*FILES, "pydoc"], "--only": ["quality", "parts", "scaling"],
                  "--max-length": (16, 20), "--block-size": (2, 20), "--running-text": None},
    "benchmark_paren": {**BENCH, "--controls": None},
    "trace_g": TRACE, "trace_alpha_wred": {**TRACE, "--seeds": (1, 2)}}
# Small runs are asked for before anything else; later options override them.
SMALL = {"micro_gpt": ["--steps=1", "--samples=1"],
         "benchmark": ["--steps=1", "--max-length=16", "--only=quality"],
         "benchmark_paren": ["--steps=1"], "trace_g": [],
         "trace_alpha_wred": ["--steps=1", "--seeds=1"]}
# Constants of the programs, as they are written there, and the value that makes a run short.
CONSTANTS = {"TURNS = 8": 1, "FOLDED_R = (4, 8, 16, 32)": (4,), "HELD_OUT = 200": 2,
             "DOCS = 2000": 20, "SAMPLES = 200": 2, "JUDGED = 100": 5,
             "LENGTHS = (16, 32, 64)": (2,), "BLOCK = 64": 12}
JUNK = ["", " ", "-1", "0", "nan", "inf", "-inf", "1e3", "1.5", "0x10", "x",
        "1,,2", "--", "-", "--help", "\u0663", "\u00b2", "\ud800", "a\nb", "*", "%s", "{}",
        "--steps", "\u200b7"]
ALPHABETS = ["ab", "abcdefghijklmnopqrstuvwxyz", "()", "01 ",
             "\u00e4\u00f6\u00fc\u4e2d\U0001f600\u0301",
             " \t\n\r\x0b\x0c\x1c\x85\u2028\ufeff", "\x00\x1b[31m\x7f", "%{}\\'\"<&>"]


def random_data(rng):
    """Return the bytes of a data file: mostly lines of some alphabet, sometimes anything."""
    if rng.random() < 0.15:
        return bytes(rng.randrange(256) for _ in range(rng.randrange(80)))
    letters = "".join(rng.sample(ALPHABETS, rng.randint(1, 3)))
    lines = ["".join(rng.choices(letters, k=rng.choice((0, 1, 2, 5, 9, 40))))
             for _ in range(rng.choice((0, 1, 2, 9, 10, 11, 30)))]
    text = rng.choice(("\n", "\r\n", "\r", "\n\n")).join(lines)
    return text.encode(rng.choice(("utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "latin-1")),
                       "replace")


def random_value(allowed, rng, places):
    """Return a right value of an option, or (one time in four) junk."""
    if rng.random() < 0.25:
        return rng.choice(JUNK)
    if isinstance(allowed, tuple):
        return str(rng.randint(*allowed))
    return rng.choice(allowed).format(**places)


def random_arguments(program, rng, places):
    """Return a command line for a program, right or wrong."""
    options = OPTIONS[program]
    arguments = list(SMALL.get(program, SMALL["micro_gpt"]))
    if "--data" in options:
        arguments.append(f"--data={places['data']}")
    for name in rng.choices(list(options), k=rng.randrange(5)):
        if options[name] is None:
            arguments.append(name)
            continue
        value = random_value(options[name], rng, places)
        arguments += [f"{name}={value}"] if rng.random() < 0.5 else [name, value]
    if program.startswith("trace") and rng.random() < 0.7:
        arguments.append(random_value(["anna", "zo", "x" * 15, "anna bob", "\u00e9"], rng, places))
    if rng.random() < 0.05:
        arguments.append(rng.choice(JUNK))
    return arguments


def call(program, arguments, source):
    """Run a program in this process; return its exit status, or the traceback, and its stderr."""
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    err = io.StringIO()
    with mock.patch.object(sys, "argv", [str(ROOT / f"{program}.py"), *arguments]), \
            contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            names = {"__name__": "__main__", "__file__": str(ROOT / f"{program}.py")}
            exec(source, names)  # noqa: S102
            status = 0
        except SystemExit as end:
            status = end.code or 0
        except BaseException:  # noqa: BLE001
            status = traceback.format_exc()
    return status, err.getvalue()


@contextlib.contextmanager
def small_benchmarks():
    """While this lasts, the constants of what the programs import are small, and files short."""
    benchmark, model = map(importlib.import_module, ("benchmark", "micro_grassmann"))
    small = {old.split(" = ")[0]: value for old, value in CONSTANTS.items()}
    small = {name: value for name, value in small.items() if hasattr(benchmark, name)}
    load = model.load_docs
    with mock.patch.multiple(benchmark, **small), \
            mock.patch.object(model, "load_docs", lambda path: load(path)[::40]
                              if Path(path).name == "input.txt" else load(path)):
        yield


def programs():
    """Return {program: compiled source}, the benchmarks' constants made small."""
    sources, found = {}, set()
    for program in OPTIONS:
        text = (ROOT / f"{program}.py").read_text(encoding="utf-8")
        for old, small in CONSTANTS.items():
            found |= {old} & {line.partition("  #")[0] for line in text.split("\n")}
            text = text.replace(f"\n{old}", f"\n{old.split(' = ')[0]} = {small}")
        sources[program] = compile(text, str(ROOT / f"{program}.py"), "exec")
    if found != set(CONSTANTS):
        raise ValueError(f"{set(CONSTANTS) - found} are gone: the programs would run at full size")
    return sources


def try_inputs(cases, seed, names=tuple(OPTIONS), report=lambda line: None):
    """Run so many random command lines of each program; return what went wrong, as texts."""
    complaints, sources = [], programs()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(), small_benchmarks():
        warnings.simplefilter("error")
        places = {"folder": folder, "missing": str(Path(folder, "missing")),
                  "data": str(Path(folder, "data.txt")), "out": str(Path(folder, "out"))}
        for program in names:
            counts, slowest, here = {}, 0.0, os.getcwd()
            os.chdir(folder)  # where a junk name of a file does no harm
            for case in range(cases):
                rng = random.Random(f"{seed} {program} {case}")
                data = random_data(rng)
                Path(places["data"]).write_bytes(data)
                arguments = random_arguments(program, rng, places)
                start = time.perf_counter()
                status, err = call(program, arguments, sources[program])
                slowest = max(slowest, time.perf_counter() - start)
                if status not in (0, 2) or (status == 2) != bool(err) or "Traceback" in err:
                    complaints.append(f"{program} {arguments} with {data!r}: {status}\n{err}")
                    report(complaints[-1])
                counts[status if status in (0, 2) else "wrong"] = 1 + counts.get(
                    status if status in (0, 2) else "wrong", 0)
            os.chdir(here)
            if slowest > HANG:
                complaints.append(f"{program} took {slowest:.0f} s for one input")
            left = [path.name for path in Path(folder).iterdir() if ".part" in path.name]
            complaints += [f"{program} left {name}" for name in left]
            report(f"{program}: {cases} inputs, exit status {counts}, slowest {slowest:.1f} s")
    return complaints


def kill(times, seed, report=lambda line: None):
    """Kill benchmarks that write JSON and SVG, at random moments; return what went wrong.

    Each file must be the old one or the new one, whole, and beside them nothing may be left but
    the draft of a killed writer, whose name starts with a dot.
    """
    complaints, rng, unhurt = [], random.Random(seed), 0
    with tempfile.TemporaryDirectory() as folder:
        out = {"--json": Path(folder, "a.json"), "--svg": Path(folder, "a.svg")}
        data = Path(folder, "names.txt")
        data.write_text("\n".join(["anna", "bob", "eve"] * 4), encoding="utf-8")
        command = [sys.executable, str(ROOT / "benchmark.py"), "--only", "quality", "--steps", "1",
                   "--data", str(data), *(str(part) for pair in out.items() for part in pair)]
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        whole = time.perf_counter() - start
        for _ in range(times):
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
            try:  # most kills near the end, where the files are written
                process.wait(whole * max(0.0, 1 - rng.expovariate(8)))
                unhurt += 1
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            try:
                program = json.loads(out["--json"].read_text(encoding="utf-8"))["program"]
                if program != "benchmark.py":
                    complaints.append(f"a file of {program}")
                ElementTree.parse(out["--svg"])
            except (ValueError, KeyError, OSError, ElementTree.ParseError) as error:
                complaints.append(f"a broken file: {error}")
            for path in Path(folder).iterdir():
                if path not in (*out.values(), data) and not path.name.startswith("."):
                    complaints.append(f"{path.name} was left")
        report(f"{times} benchmarks, {times - unhurt} killed, {len(complaints)} complaints")
    return complaints


def main():
    """Read the options, run, and end with status 1 if anything went wrong."""
    parser = show.Parser(description=__doc__.split("\n")[0])
    parser.add_argument("--cases", type=int, default=2000, help="for each program (default 2000)")
    parser.add_argument("--kills", type=int, help="kill so many benchmarks instead")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("programs", nargs="*", default=list(OPTIONS))
    args = parser.parse_args()
    if set(args.programs) - set(OPTIONS):
        parser.error(f"the programs are {', '.join(OPTIONS)}")

    def report(line):
        print(line, flush=True)
    if args.kills is not None:
        complaints = kill(args.kills, args.seed, report)
    else:
        complaints = try_inputs(args.cases, args.seed, args.programs, report)
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    main()
