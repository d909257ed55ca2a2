"""Build the model yourself: a dozen functions to write, each checked as soon as you ask.

Run it without arguments: it says how to begin. The steps are in exercises_steps.py;
exercises_judge.py decides what is right; here are the program and the process that runs a solution.
"""
import os
import sys

# python -P and -I leave this folder out. A solution beside this file may be called random.py, so
# Python's own modules come before this folder, and it before all that was installed.
sys.path.append(os.path.dirname(os.path.realpath(__file__)))
sys.path.sort(key=lambda place: (
    "-packages" in place, place == os.path.dirname(os.path.realpath(__file__))))

import argparse
import ast
import contextlib
import json
import queue
import signal
import subprocess
import textwrap
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import exercises_judge as judge
import show
from exercises_steps import CHANGES, NEXT, STEPS

HOW = """Build the model yourself. To begin, get a file with a dozen functions to write:

    python3 exercises.py start mine.py   (--attention: attention's model)

Open mine.py in an editor, write the function of step 1, save it, and ask:

    python3 exercises.py mine.py         checks the steps in order
        --step N         that step alone; the rest is the model file's
        --hint [N]       a hint for it, from 1 to 3
        --solution N     the model file's version of step N, beside yours

When all is right: change it, write other layers, find a leak.

    python3 exercises.py probe mine.py   what your model sees, learns and costs
    python3 exercises.py start next.py --next

A whole class: python3 exercises.py folder/ --json class.json"""


# ---- the beginning -------------------------------------------------------------------------------


def start(path, name):
    """Write the skeleton; OSError or ValueError if that cannot be."""
    path = Path(path)
    if path.stem in own_modules():
        raise ValueError(f"{path}: Python has a module {path.stem} of its own, which this file "
                         "would hide: choose another name")
    try:
        with open(path, "x", encoding="utf-8") as file:
            file.write(judge.skeleton(name))
    except FileExistsError:
        raise ValueError(f"{path} exists; to check it: python3 exercises.py {path}") from None
    number = len(STEPS[name])
    print(f"{path}: {number} steps to write. Then: python3 exercises.py {path}")
    if path.resolve().parent != Path(judge.HERE):
        data = Path(judge.HERE, "input.txt")
        print(f"(Once it is finished, to run it: python3 {path} --data {data})")


def own_modules():
    """Return the names of Python's own modules, as far as this version tells them."""
    listed = getattr(sys, "stdlib_module_names", None)  # from 3.10 on
    if listed is None:
        places = [Path(os.__file__).parent, *map(Path, sys.path)]
        listed = {file.name.partition(".")[0] for place in places for file in place.glob("*")
                  if "lib-dynload" in str(place) or place == places[0]}
        listed.update(sys.builtin_module_names)
    return listed


# ---- the child: where a solution runs ------------------------------------------------------------

CHILD = "import sys; sys.path.append(sys.argv[1]); import exercises; exercises.serve(*sys.argv[2:])"
hidden = []  # modules that are in use here and that a solution cannot import


def limit_computing(seconds):
    """End this process after more than so many seconds: for a call that lets nothing else run."""
    with contextlib.suppress(ImportError, OSError, ValueError):  # Windows has no such limit
        import resource
        hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time() + seconds) + 2, hard))


class Guard(threading.Thread):
    """Ends this process, with an answer that says why, when a request takes too long.

    Computing counts, not the clock: on a machine with many checks at once each gets little of it.
    """

    def __init__(self, send, path):
        super().__init__(daemon=True)
        self.send = send
        self.path = path
        self.main = threading.main_thread().ident
        self.lock = threading.Lock()
        self.request = None

    def begin(self, request, done):
        """Watch from here on."""
        limit_computing(request["seconds"])
        with self.lock:
            self.done = done
            self.start = time.process_time()
            self.seen = self.start
            self.moved = time.monotonic()
            self.request = request

    def end(self):
        """Stop watching."""
        with self.lock:
            self.request = None

    def run(self, sleep=time.sleep, computed=time.process_time, clock=time.monotonic):
        """Look ten times a second (by clocks that a solution cannot exchange)."""
        while True:
            sleep(0.1)
            with self.lock:
                if self.request:
                    self.look(computed(), clock())

    def look(self, used, now):
        """End the process if it has computed, or waited, for too long."""
        if used - self.seen > 0.05:
            self.seen = used
            self.moved = now
        if used - self.start > self.request["seconds"]:
            self.stop("computing")
        if now - self.moved > self.request["waiting"]:
            self.stop("waiting")

    def stop(self, how):
        """Say how, and in which line, then end the process."""
        frame = sys._current_frames().get(self.main)
        lines = [f.f_lineno for f, _ in traceback.walk_stack(frame)
                 if f.f_code.co_filename == self.path]
        self.send({"outcomes": self.done, "stopped": how, "line": lines[0] if lines else 0,
                   "run": self.request["run"]})
        os._exit(1)


def serve(path, name):
    """Answer requests about a solution, a line of JSON each, from standard input: in the child.

    The pipes are kept from the solution, which gets empty ones. It meets no module of this folder.
    """
    process = os.getpid()
    requests = os.fdopen(os.dup(0), encoding="ascii")
    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    for number in 0, 1, 2:
        os.dup2(os.open(os.devnull, os.O_RDWR), number)

    def send(found):
        if os.getpid() == process:  # not in a copy that the solution has made of its process
            answers.write(json.dumps(found) + "\n")
            answers.flush()
        else:
            os._exit(0)
    away(path)
    code = Path(path).read_bytes()
    guard = Guard(send, path)
    guard.start()
    judge.limit_memory(judge.MEMORY)
    for line in requests:
        request = json.loads(line)
        done = []
        guard.begin(request, done)
        found = judge.answer(code, path, name, request, done)
        guard.end()
        send({**found, "run": request["run"]})
    os._exit(0)


def away(path):
    """Put a solution's folder where this one stood among the places of modules, behind all others.

    So it may have helpers of its own, called show.py or tokenize.py, and none of another student's
    takes the place of Python's own.
    """
    import site

    sys.path[:] = [place for place in sys.path if place != judge.HERE]
    for key, module in list(sys.modules.items()):
        if os.path.dirname(getattr(module, "__file__", None) or "") == judge.HERE:
            hidden.append(sys.modules.pop(key))
    site.main()
    sys.path.append(os.path.dirname(path))
    sys.dont_write_bytecode = True
    sys.argv = [path]


# ---- the parent: who asks it ---------------------------------------------------------------------

children = set()  # that run now
stopped = threading.Event()  # by Ctrl-C, while threads wait for children


class Child:
    """A process that runs one solution and answers requests; started anew when it has ended."""

    def __init__(self, path, name):
        self.path = os.path.abspath(path)
        self.name = name
        self.process = None
        self.run = 0

    def start(self):
        """Start the process, in a group of its own, so that its children can be ended with it."""
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-B", "-c", CHILD, judge.HERE, self.path, self.name],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True, encoding="ascii", start_new_session=True)
        children.add(self)
        self.lines = queue.Queue()
        threading.Thread(target=self.listen, args=(self.process, self.lines), daemon=True).start()

    @staticmethod
    def listen(process, lines):
        """Put what the process writes into the queue, then None."""
        with process.stdout:
            for line in process.stdout:
                lines.put(line)
        lines.put(None)

    def ask(self, request):
        """Return the answer to a request; {"stopped": why} if there is none."""
        if self.process is None:
            self.start()
        self.run += 1
        request = {"seconds": judge.SECONDS, "waiting": judge.WAITING, "exchange": (), **request,
                   "run": self.run}
        with contextlib.suppress(OSError):  # it may have ended
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
        latest = time.monotonic() + 60 * request["seconds"]  # where nothing else can stop it
        while time.monotonic() < latest and not stopped.is_set():
            line = self.next_line()
            if line is None:
                break
            found = json.loads(line or "{}")
            if found.get("run") == self.run:
                if "stopped" in found:
                    self.end()
                return found
        return {"outcomes": [], "stopped": self.end()}

    def next_line(self):
        """Return the next line, "" if there is none yet, None if there will be none."""
        ended = self.process.poll() is not None  # its last words may still be on their way
        try:
            return self.lines.get(timeout=5 if ended else 0.2)
        except queue.Empty:
            return None if ended else ""

    def end(self):
        """End the process and all that it has started; return how it had ended before."""
        process = self.process
        if process is None:
            return ""
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            process.stdin.close()  # when it waits for a request, it ends now by itself
            process.wait(0.2)
        status = process.poll()
        with contextlib.suppress(OSError):
            if os.name == "nt":
                subprocess.run(["taskkill", "/F", "/T", "/PID", str(process.pid)], check=False,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            else:
                os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        children.discard(self)
        self.process = None
        too_long = status is None or -status == getattr(signal, "SIGXCPU", None)
        return "computing" if too_long else f"status {status}"


def verdicts(path, name, numbers):
    """Yield the Verdict on each step (0 is the whole), whatever the solution does."""
    child = Child(path, name)
    try:
        found = child.ask({"step": None})
        if "error" in found or "stopped" in found:
            problem = found.get("error") or judge.too_long(found, None, None)
            if found.get("stopped") == "computing":
                problem += " Or does main() run without its if __name__ == \"__main__\"?"
            yield from [judge.Verdict("not run", mistake=problem)] * len(numbers)
            return
        for number in numbers:
            if stopped.is_set():
                return
            if number:
                yield judge.verdict_on(child.ask, name, number)
            else:
                yield judge.verdict_on_whole(child.ask, name)
    finally:
        child.end()


# ---- for one student -----------------------------------------------------------------------------


def what_is_there(path):
    """Return a solution's text and the name of the file it was started from, or ValueError."""
    source = judge.read(path)
    if "class Value" not in source:
        raise ValueError(f"{path}: no class Value there; begin with exercises.py start")
    return source, judge.reference_of(source)


def check(path, only, hint):
    """Check one file in order and say how far it is; return 0 if all is right, else 1.

    ValueError if there is nothing to check.
    """
    _, name = what_is_there(path)
    steps = STEPS[name]
    numbers = [only] if only else list(range(1, len(steps) + 1))
    if not only and name != NEXT:
        numbers.append(0)
    last = 0
    for number, verdict in zip(numbers, verdicts(path, name, numbers)):
        title = f"step {number:2} of {len(steps)}, {steps[number - 1].title}" if number else \
            "the whole program"
        what = verdict.what if verdict.what != "not run" else "cannot be run"
        print(f"{title}: {what}", flush=True)
        if verdict.what != "right":
            print_problem(verdict, steps[number - 1] if number else None, hint)
            print_what_next(path, only, hint if number else 3, last)
            return 1
        if verdict.text and number:
            print(verdict.text)
        last = number
    if only:
        print_solution(path, name, only)
    else:
        print_end(path, name, verdict)
    return 0


def print_problem(verdict, step, hint):
    """Print a Verdict that is not right, and the step's task with so many hints."""
    if verdict.text:
        print(verdict.text)
    if verdict.mistake and verdict.mistake not in " ".join(verdict.text.split()):
        print(judge.laid("so", verdict.mistake))
    if verdict.printed:
        print(textwrap.indent(f"your own output:\n{verdict.printed.rstrip()}", "  "))
        if len(verdict.printed) >= judge.PRINTED:
            print("  (and more)")
    if step and verdict.what != "not run":
        print(judge.laid("task", step.task))
        for n in range(1, hint + 1):
            print(judge.laid(f"hint {n}", step.hints[n - 1]))


def print_what_next(path, only, hint, last):
    """Print how to get another hint, and how to see the last right step beside the model file's."""
    if hint < 3:
        alone = f" --step {only}" if only else ""
        print(f"\n{'Another' if hint else 'A'} hint: python3 exercises.py {path}{alone} "
              f"--hint {hint + 1}")
    if last:
        print(f"Step {last} beside the model file's: python3 exercises.py {path} --solution {last}")


def print_end(path, name, verdict):
    """Print what there is to do when all is right."""
    print()
    if name == NEXT:
        print("Each layer can take mix's place: put mix = linear_attention below them, then run\n"
              f"python3 {path} --data {Path(judge.HERE, 'input.txt')}")
        return
    print(f"{verdict.text}\n\n"
          f"Each step beside the model file's: python3 exercises.py {path} --solution 1\n"
          f"Then change it:                    python3 exercises.py probe {path}\n"
          "Or write other layers:             python3 exercises.py start next.py --next")


def solution(path, number):
    """Print the model file's version of a step beside the solution's own, if that is right.

    Else ask first; return 1 if the answer is no.
    """
    _, name = what_is_there(path)
    [verdict] = verdicts(path, name, [number])
    if verdict.what != "right":
        try:
            said = input(f"Step {number}: {verdict.what}. Show the model file's version? [y/N] ")
        except EOFError:
            print()
            said = ""
        if said.strip().lower() not in ("y", "yes"):
            return 1
    print_solution(path, name, number)
    return 0


def print_solution(path, name, number):
    """Print a step's functions of the solution and of the model file, and how they compare."""
    step = STEPS[name][number - 1]
    found = functions_in(judge.read(path))
    own = [found.get(function, f"# there is no {function}").rstrip() for function in step.functions]
    theirs = [judge.source_of(name, function).rstrip()
              for function in step.shown or step.functions if not step.solution]
    print("\n# ---- yours\n" + "\n\n".join(own))
    if own == theirs:
        print(f"\nIt is that of {name}, word for word.")
        return
    label = "one way" if step.solution else name
    print(f"\n# ---- {label}\n" + "\n\n".join(theirs or [step.solution.rstrip()]) + "\n")
    print(textwrap.fill(compared(path, name, number), judge.WIDTH))


def functions_in(source):
    """Return {"function" or "Class.method": its text} of a file; empty if it cannot be parsed."""
    found = {}
    with contextlib.suppress(SyntaxError):
        tree = ast.parse(source)
        for node in (tree, *[node for node in tree.body if isinstance(node, ast.ClassDef)]):
            prefix = f"{node.name}." if node is not tree else ""
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef):
                    lines = source.split("\n")[inner.lineno - 1:inner.end_lineno]
                    found[prefix + inner.name] = textwrap.dedent("\n".join(lines))
    return found


def compared(path, name, number):
    """Return a sentence on what a right solution does otherwise than the model file."""
    child = Child(path, name)
    step = STEPS[name][number - 1]
    try:
        places = range(len(judge.examples_of(name, number)))
        found = child.ask({"step": number, "exchange": judge.functions_of_other_steps(name, step),
                           "only": list(places)})
    finally:
        child.end()
    yours = [judge.Outcome(**each) for each in found["outcomes"]]
    wanted = judge.expected(name, number)
    if len(yours) < len(wanted) or judge.first_wrong(yours, wanted) is not None:
        return "Yours does not give the same results yet."
    says = []
    nodes = sum([each.nodes for each in yours]), sum([each.nodes for each in wanted])
    if nodes[0] != nodes[1]:
        says.append(f"makes {nodes[0]:,} Values where the model file's makes {nodes[1]:,}")
    seconds = sum([each.seconds for each in yours]), sum([each.seconds for each in wanted])
    if max(seconds) > 0.1 and not 1 / 3 < seconds[0] / seconds[1] < 3:
        says.append(f"takes {seconds[0]:.2f} seconds where the model file's takes {seconds[1]:.2f}")
    if not says:
        return (f"On all {len(wanted)} examples yours gives the same results and gradients, from "
                "as many Values.")
    return (f"On all {len(wanted)} examples yours gives the same results and gradients; it "
            f"{' and '.join(says)}.")


# ---- for a class ---------------------------------------------------------------------------------


def check_class(folder, target):
    """Print a table of all solutions in a folder; write all Verdicts as JSON.

    Return the exit status: 1 if something is wrong, 2 if there was nothing to check, else 0.
    """
    skipped = {}
    sources = {}
    for name in sorted(os.listdir(folder)):
        if name.lower().endswith(".py"):
            try:
                sources[name] = source_to_check(Path(folder, name))
            except (OSError, ValueError) as error:
                skipped[name] = getattr(error, "strerror", None) or str(error)
    found = check_all(folder, sources)
    if found:
        print_class(found)
    for name, why in skipped.items():
        print(f"{show.printable(name)}, skipped: {show.printable(why)}")
    if target:
        records = {name: records_of(judge.reference_of(sources[name]), verdicts)
                   for name, verdicts in found.items()}
        records.update({name: [{"step": None, "name": None, **judge.Verdict(
            "not checked", mistake=why)._asdict()}] for name, why in skipped.items()})
        show.save(target, json.dumps(records, indent=1) + "\n")
    if not found:
        raise ValueError(f"no solution in {folder}: a .py file that exercises.py start has begun")
    whats = {verdict.what for verdicts in found.values() for verdict in verdicts.values()}
    return int(bool(whats & {"wrong", "not run"}))


def source_to_check(path):
    """Return the text of a solution; OSError or ValueError if the file is none."""
    if path.name.startswith("."):
        raise ValueError("a hidden file, such as editors make")
    if path.is_dir():
        raise ValueError("a folder")
    if not path.is_file() and path.exists():
        raise ValueError("not a regular file")
    try:
        source = judge.read(path)
    except ValueError as error:
        raise ValueError("its encoding cannot be read") from error
    if "class Value" not in source:
        raise ValueError("no class Value in it: not a solution")
    return source


def records_of(name, found):
    """Return {number of the step: Verdict}, 0 for the whole, as plain data."""
    titles = {n: step.title for n, step in enumerate(STEPS[name], 1)}
    return [{"step": n, "name": titles.get(n, "the whole program"), **verdict._asdict()}
            for n, verdict in found.items()]


def check_all(folder, sources):
    """Return {file: {number of the step: Verdict}}, checking several files at once."""
    def one(file):
        name = judge.reference_of(sources[file])
        path = Path(folder, file)
        numbers = list(range(1, len(STEPS[name]) + 1))
        found = dict(zip(numbers, verdicts(path, name, numbers)))
        if name != NEXT:
            is_right = all(verdict.what == "right" for verdict in found.values())
            found[0] = judge.Verdict("not written")
            if is_right:
                [found[0]] = verdicts(path, name, [0])
        progress.step(file)
        return found
    with show.Progress(len(sources)) as progress, ThreadPoolExecutor(show.usable_cores()) as pool:
        try:
            return dict(zip(sources, pool.map(one, sources)))
        except BaseException:  # such as Ctrl-C
            stopped.set()
            for child in list(children):
                child.end()
            raise


MARKS = {"right": "+", "not written": ".", "wrong": "x", "not run": "!"}


def print_class(found):
    """Print the table, then a line on each file's mistakes."""
    print("+ right   x wrong   . not written   ! the file cannot be run   all: it trains")
    columns = [*range(1, max([max(verdicts) for verdicts in found.values()]) + 1), 0]
    rows = [["", *[str(n or "all") for n in columns]]]
    for file, verdicts in found.items():
        rows.append([shortened(file),
                     *[MARKS[verdicts[n].what] if n in verdicts else "" for n in columns]])
    print(show.table(rows))
    for file, verdicts in found.items():
        for n, verdict in verdicts.items():
            if verdict.what == "wrong":
                print_reason(file, f", step {n}" if n else ", all", verdict)
        if verdicts[1].what == "not run":
            print_reason(file, "", verdicts[1])


def print_reason(file, place, verdict):
    """Print what is wrong with one step of one file."""
    why = verdict.mistake or " ".join(verdict.text.split())
    print(textwrap.fill(f"{shortened(file)}{place}: {show.printable(why)}", judge.WIDTH,
                        subsequent_indent="  "))


def shortened(file):
    """Return a file's name without .py, not too long for the table."""
    return show.printable(file[:-3] if file.endswith(".py") else file)[:20]


# ---- then change it ------------------------------------------------------------------------------


def probe(path):
    """Print what the model in a file sees, learns and costs, and what to change next."""
    _, name = what_is_there(path)
    if name == NEXT:
        raise ValueError(f"{path}: probe is for a model of one layer, not for those of --next")
    child = Child(path, name)
    try:
        found = child.ask({"step": "probe", "seconds": judge.WHOLE * judge.SECONDS})
    finally:
        child.end()
    if "stopped" in found:
        raise ValueError(f"{path}, {judge.too_long(found, None, None)}")
    if "still to be written" in found.get("error", ""):
        raise ValueError(f"{path} is not finished: python3 exercises.py {path}")
    if "error" in found:
        raise ValueError(f"{path}, {found['error']}")
    print(found["probe"])
    print("\nThen change it. Predict before you probe:")
    for n, (what, question) in enumerate(CHANGES[name], 1):
        print(textwrap.fill(f"{n}. {what}. {question}", judge.WIDTH, subsequent_indent="   "))


# ---- the program ---------------------------------------------------------------------------------


def read_options(argv):
    """Return the options."""
    parser = show.Parser(prog="exercises.py", allow_abbrev=False,
                         description="Build the model yourself, checked step by step.",
                         usage="exercises.py [start | probe] FILE_OR_FOLDER [options]")
    parser.add_argument("words", nargs="+", help=argparse.SUPPRESS, metavar="FILE_OR_FOLDER")
    parser.add_argument("--attention", action="store_true", help="with start: attention's model")
    parser.add_argument("--next", action="store_true",
                        help="with start: other layers to write, and a leak to find")
    for option, text in (("--step", "check this step alone"),
                         ("--solution", "show the model file's version of this step")):
        parser.add_argument(option, type=show.whole_numbers(1, 99), help=text, metavar="N")
    parser.add_argument("--hint", type=show.whole_numbers(1, 3), nargs="?", const=1, default=0,
                        help="up to three hints for the step that is not right", metavar="N")
    parser.add_argument("--json", help="with a folder: write all verdicts there", metavar="FILE")
    args = parser.parse_intermixed_args(argv)
    args.order = args.words[0] if args.words[0] in ("start", "probe") else "check"
    paths = args.words[args.order != "check":]
    if len(paths) != 1:
        parser.error(f"expected one file or folder, got {' '.join(paths) or 'none'}")
    args.path = paths[0]
    check_options(args, parser)
    return args


def check_options(args, parser):
    """End in one line if options do not fit together, or if --json cannot be written."""
    is_folder = args.order == "check" and os.path.isdir(args.path)
    is_file = args.order == "check" and not is_folder
    for option, is_apt, place in (
            ("attention", args.order == "start", "start"), ("next", args.order == "start", "start"),
            ("json", is_folder, "a folder"), ("step", is_file, "a file to check"),
            ("solution", is_file, "a file to check"), ("hint", is_file, "a file to check")):
        if getattr(args, option) and not is_apt:
            parser.error(f"--{option} goes with {place}")
    if args.attention and args.next:
        parser.error("--attention or --next, not both")
    if args.solution and (args.step or args.hint):
        parser.error("--solution goes alone")
    if args.json:
        show.check_writable(args.json, parser, "--json")
    number = args.step or args.solution
    if number and os.path.exists(args.path):
        most = len(STEPS[what_is_there(args.path)[1]])
        if number > most:
            parser.error(f"there are {most} steps")


def main(argv=None):
    """Start, check or probe a file, or check a folder of them; say how to begin without any."""
    if not (sys.argv[1:] if argv is None else argv):
        print(HOW)
        return
    args = read_options(argv)
    status = 0
    if args.order == "start":
        name = "micro_gpt.py" if args.attention else "micro_grassmann_clean.py"
        start(args.path, NEXT if args.next else name)
    elif args.order == "probe":
        probe(args.path)
    elif os.path.isdir(args.path):
        status = check_class(args.path, args.json)
    elif args.solution:
        status = solution(args.path, args.solution)
    else:
        status = check(args.path, args.step, args.hint)
    if status:
        sys.exit(status)


if __name__ == "__main__":
    show.run_program(main)
