"""What all scripts print, draw, save and read by: tables, charts, figures, keys, command lines.

There is nothing to run; tutorial.py and benchmark.py show what it does. Nothing here knows a model.
Tables, charts and figures are returned as text.
"""
import argparse
import contextlib
import html
import math
import os
import shutil
import signal
import stat
import sys
import textwrap
import threading
import time
import unicodedata
from pathlib import Path


def usable_cores():
    """Return how many cores this process may use: a container may have fewer than the machine."""
    if hasattr(os, "process_cpu_count"):  # from Python 3.13 on
        return os.process_cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):  # Linux
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextlib.contextmanager
def deaf_to_ctrl_c():
    """Processes started inside don't hear Ctrl-C, not even while they import: end them yourself.

    In this process Ctrl-C waits until the block ends. On Windows nothing changes.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # starting, it lifts the block: so it starts first
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def heading(text):
    """Return a section heading: the text over a line of its own length."""
    return f"\n{text}\n{'-' * len(text)}"


def vector(values):
    """Return numbers (or Values) in brackets, each with three decimals and room for a sign."""
    return "[" + ", ".join(map(number, values)) + "]"


def number(value, digits=3):
    """Return a number (or a Value) with `digits` decimals and room for a sign, never a -0."""
    return f"{round(getattr(value, 'data', value), digits) + 0.0: .{digits}f}"


def bold(text):
    """Return the text in bold on a terminal that has it, unless NO_COLOR is set."""
    plain_terminal = os.environ.get("NO_COLOR") or os.environ.get("TERM", "dumb") == "dumb"
    if plain_terminal or sys.stdout is None or not sys.stdout.isatty():
        return text
    return f"\033[1m{text}\033[0m"


def columns(text):
    """Return how many columns the text takes: two for a Chinese character, none for an accent."""
    seen = [c for c in text if unicodedata.category(c) not in ("Mn", "Me", "Cf")]
    return len(seen) + sum(unicodedata.east_asian_width(c) in "WF" for c in seen)


def printable(text):
    """Return the text with control characters and line separators as escapes."""
    return "".join([c if unicodedata.category(c) not in ("Cc", "Zl", "Zp") else repr(c)[1:-1]
                    for c in text])


def listed(numbers):
    """Return numbers as text: 1, 2, 4."""
    return ", ".join(map(str, numbers))


def wrapped(text):
    """Return the text in lines of at most 79 columns, unless it is laid out already."""
    if not text.startswith(" ") and "\n" not in text:
        text = textwrap.fill(text, 79, break_on_hyphens=False, break_long_words=False)
    return text.replace("\u00a0", " ")


def table(rows, left=1):
    """Return rows of strings as columns: `left` of them aligned left, the others right."""
    rows = [[printable(cell) for cell in row] for row in rows]
    number = max(len(row) for row in rows)
    widths = [max(columns(row[i]) for row in rows if i < len(row)) for i in range(number)]
    lines = []
    for row in rows:
        cells = []
        for i, cell in enumerate(row):
            space = " " * (widths[i] - columns(cell))
            cells.append(cell + space if i < left else space + cell)
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def indented(rows, left=1):
    """Return a table, four columns to the right."""
    return textwrap.indent(table(rows, left), "    ")


def nice_ticks(low, high, log=False):
    """Return round numbers within [low, high]: 1, 2, 5, 10, ... if log, else in equal steps."""
    if log:
        factors = (1,) if high > 500 * low else (1, 2, 5)
        exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        return [factor * 10.0 ** e for e in exponents for factor in factors
                if low / 1.0001 <= factor * 10.0 ** e <= high * 1.0001]
    step = 10.0 ** math.floor(math.log10((high - low) / 4))
    step *= next(factor for factor in (1, 2, 5, 10) if (high - low) / (step * factor) <= 6)
    return [round(i * step, 10) for i in range(math.ceil(low / step), math.floor(high / step) + 1)]


def tick_labels(ticks, log=False):
    """Return the ticks as text; unless log, all with as many decimals as the finest one needs."""
    if log:
        return [f"{tick:g}" for tick in ticks]
    decimals = max(len(f"{tick:g}".partition(".")[2]) for tick in ticks)
    return [f"{tick:.{decimals}f}" for tick in ticks]


def _bounds(values, log):
    """Return the smallest and the largest value, moved apart if they are equal."""
    low = min(values)
    high = max(values)
    if low == high:
        return (low / 2, high * 2) if log else (low - 0.5, high + 0.5)
    return low, high


def _place(value, bounds, log):
    """Return where value lies between the bounds: 0 at the lower one, 1 at the upper one."""
    low, high = bounds
    if log:
        value = math.log(value)
        low = math.log(low)
        high = math.log(high)
    return (value - low) / (high - low)


def chart(series, x_label, y_label, log=False):
    """Return a text chart of {name: [(x, y), ...]}, a mark for each series, * where two meet."""
    width = 62
    height = 14
    points = [point for line in series.values() for point in line]
    xs = _bounds([x for x, _ in points], log)
    ys = _bounds([y for _, y in points], log)
    grid = [[" "] * width for _ in range(height)]
    marks = "ogx+#%"
    for mark, line in zip(marks, series.values()):
        for x, y in line:
            column = round(_place(x, xs, log) * (width - 1))
            row = round((1 - _place(y, ys, log)) * (height - 1))
            grid[row][column] = mark if grid[row][column] in (" ", mark) else "*"
    ticks = nice_ticks(*ys, log)
    left = {round((1 - _place(y, ys, log)) * (height - 1)): label
            for y, label in zip(ticks, tick_labels(ticks, log))}
    lines = [y_label]
    for row, cells in enumerate(grid):
        lines.append(f"{left.get(row, ''):>7} |{''.join(cells)}".rstrip())
    ends = f"{xs[0]:g}", f"{xs[1]:g}"
    lines.append(f"{'':7} +{'-' * width}")
    lines.append(f"{'':9}{ends[0]}{x_label:^{width - len(ends[0]) - len(ends[1])}}{ends[1]}")
    legend = [f"{mark} {name}" for mark, name in zip(marks, series)]
    legend.append("* both" if len(series) == 2 else "* several")
    lines.append(" " * 9 + ", ".join(legend) + (", both axes logarithmic" if log else ""))
    return "\n".join(lines)


# Of each line: a colour for light pages, one for dark pages, and dashes for readers who see
# neither.
STYLES = (("#c2410c", "#fb923c", ""), ("#1d4ed8", "#7dabff", "7 4"), ("#15803d", "#4ade80", "2 3"),
          ("#7e22ce", "#d8a6ff", "9 3 2 3"), ("#525252", "#c4c4c4", "1 3"),
          ("#0e7490", "#67e8f9", "12 4"))


PANEL = (74, 480, 280)  # of a figure: the left margin, a panel's width and its height
LABELS = 190  # room for the lines' names at their right ends


def figure(panels, title):
    """Return an SVG text of panels, one below the other, readable on a light and on a dark page.

    A panel is a dict with title and x_label, and either bars {name: (share, low, high)}, each in
    0 ... 1, or y_label, log (bool), series {name: [(x, y), ...]}, marks=True if the points are few,
    and lines {name: y} for horizontal ones; or title, rows [names] and columns {name: shares}.
    """
    left, width, height = PANEL
    parts = []
    top = 44
    for panel in panels:
        if "columns" in panel:
            parts += _heat_panel(panel, _beside(left + 40, panel["rows"]), top)
            top += 30 * len(panel["rows"]) + 250
        elif "bars" in panel:
            start = _beside(left + 130, panel["bars"])
            parts += _bar_panel(panel, start, top, left + width - start)
            top += 26 * len(panel["bars"]) + 100
        else:
            parts += _line_panel(panel, left, top + height, width, height)
            top += height + 100
    total = left + width + LABELS
    light = "".join(f".s{i}{{stroke:{c[0]}}}.f{i}{{fill:{c[0]}}}" for i, c in enumerate(STYLES))
    dark = "".join(f".s{i}{{stroke:{c[1]}}}.f{i}{{fill:{c[1]}}}" for i, c in enumerate(STYLES))
    head = ('<svg xmlns="http://www.w3.org/2000/svg" font-family="Helvetica, Arial, sans-serif" '
            f'font-size="14" width="{total}" height="{top}" viewBox="0 0 {total} {top}">')
    style = ("<style>.bg{fill:#fff}text{fill:#222}.axis{stroke:#444;fill:none}.grid{stroke:#ddd}"
             f".line{{fill:none;stroke-width:2}}{light}"
             "@media (prefers-color-scheme:dark){.bg{fill:#0d1117}text{fill:#e6e6e6}"
             f".axis{{stroke:#aaa}}.grid{{stroke:#333}}{dark}}}</style>")
    return "\n".join([head, f"<title>{html.escape(title)}</title>", style,
                      '<rect class="bg" width="100%" height="100%"/>', *parts, "</svg>"]) + "\n"


def _text(x, y, text, anchor="start", more=""):
    """Return an SVG text element."""
    text = html.escape(text)
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{text}</text>'


def _beside(least, names):
    """Return where a panel begins that has these names at its left, in pixels."""
    return max([least, *[24 + 7 * len(name) for name in names]])


def _line_panel(panel, x0, y0, width, height):
    """Return the SVG elements of a panel of lines whose axes meet at (x0, y0)."""
    log = panel["log"]
    series = {name: line for name, line in panel["series"].items() if line}
    points = [point for line in series.values() for point in line]
    flat = panel.get("lines", {})
    xs = _bounds([x for x, _ in points], log)
    low, high = _bounds([*[y for _, y in points], *flat.values()], log)
    margin = (high - low) * 0.05
    ys = (low / 1.3, high * 1.3) if log else (low - margin, high + margin)
    x_ticks = sorted({x for x, _ in points}) if log else nice_ticks(*xs)
    scaled_x = [(x0 + _place(x, xs, log) * width, f"{x:g}") for x in x_ticks]
    y_ticks = nice_ticks(*ys, log)
    scaled_y = [(y0 - _place(y, ys, log) * height, label)
                for y, label in zip(y_ticks, tick_labels(y_ticks, log))]
    out = _axes(panel, scaled_x, scaled_y, x0, y0, width, height)
    ends = {}
    colours = {}  # of the names: a name that had to move is still known by its line's
    for name, value in flat.items():
        y = y0 - _place(value, ys, log) * height
        out.append(f'<path class="axis" stroke-dasharray="6 4" d="M{x0} {y:.1f}h{width}"/>')
        ends[name] = y
    for i, (name, line) in enumerate(series.items()):
        places = [(x0 + _place(x, xs, log) * width, y0 - _place(y, ys, log) * height)
                  for x, y in line]
        i %= len(STYLES)
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
        out.append(f'<path class="line s{i}" d="M{path}" stroke-dasharray="{STYLES[i][2]}"/>')
        if panel.get("marks"):
            out += [f'<circle class="f{i}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>' for x, y in places]
        ends[name] = places[-1][1]
        colours[name] = f' class="f{i}"'
    for name, y in _apart(ends, y0).items():
        out.append(_text(x0 + width + 8, y + 4, name, more=colours.get(name, "")))
    return out


def _axes(panel, x_ticks, y_ticks, x0, y0, width, height):
    """Return the SVG elements of a panel's title and axes; a tick is (place, label)."""
    turned = f' transform="rotate(-90 {x0 - 54} {y0 - height / 2})"'
    out = [_text(x0, y0 - height - 18, panel["title"], more=' font-size="16" font-weight="bold"'),
           _text(x0 + width / 2, y0 + 44, panel["x_label"], "middle"),
           _text(x0 - 54, y0 - height / 2, panel["y_label"], "middle", turned)]
    for x, label in x_ticks:
        out.append(f'<path class="axis" d="M{x:.1f} {y0}v5"/>')
        out.append(_text(x, y0 + 20, label, "middle"))
    for y, label in y_ticks:
        out.append(f'<path class="grid" d="M{x0} {y:.1f}h{width}"/>')
        out.append(_text(x0 - 8, y + 4, label, "end"))
    out.append(f'<path class="axis" d="M{x0} {y0 - height}v{height}h{width}"/>')
    return out


def _apart(ends, bottom, gap=17):
    """Return {name: y}, each y moved down as the one above it needs, none below the bottom."""
    names = sorted(ends, key=ends.get)
    places = []
    for name in names:
        places.append(max(ends[name], places[-1] + gap) if places else ends[name])
    for i in reversed(range(len(places))):
        places[i] = min(places[i], bottom - gap * (len(places) - 1 - i))
    return dict(zip(names, places))


def _bar_panel(panel, x0, top, width):
    """Return the SVG elements of a panel of bars with intervals, the first one at `top`."""
    out = [_text(PANEL[0], top - 18, panel["title"], more=' font-size="16" font-weight="bold"')]
    for row, (name, (share, low, high)) in enumerate(panel["bars"].items()):
        y = top + 26 * row
        out.append(_text(x0 - 8, y + 14, name, "end"))
        out.append(f'<rect class="f0" fill-opacity="0.6" x="{x0}" y="{y + 2}" height="16" '
                   f'width="{share * width:.1f}"/>')
        out.append(f'<path class="axis" stroke-width="2" d="M{x0 + low * width:.1f} {y + 10}'
                   f'H{x0 + high * width:.1f}"/>')
        out.append(_text(x0 + width + 8, y + 15, f"{100 * share:.0f} %"))
    bottom = top + 26 * len(panel["bars"])
    for tick in (0, 0.5, 1):
        out.append(_text(x0 + tick * width, bottom + 20, f"{100 * tick:.0f} %", "middle"))
    out.append(f'<path class="axis" d="M{x0} {bottom}h{width}"/>')
    out.append(_text(x0 + width / 2, bottom + 42, panel["x_label"], "middle"))
    return out


def _heat_panel(panel, x0, top):
    """Return the SVG elements of a table of shares, each on a background as dark as it is high.

    The names of the columns stand slanted below.
    """
    out = [_text(PANEL[0], top - 18, panel["title"], more=' font-size="16" font-weight="bold"')]
    bottom = top + 30 * len(panel["rows"])
    for row, name in enumerate(panel["rows"]):
        out.append(_text(x0 - 8, top + 30 * row + 20, name, "end"))
    for column, (name, shares) in enumerate(panel["columns"].items()):
        x = x0 + 44 * column
        for row, share in enumerate(shares):
            y = top + 30 * row
            out.append(f'<rect class="f1" fill-opacity="{0.6 * share:.2f}" x="{x}" y="{y}" '
                       'width="42" height="28"/>')
            out.append(_text(x + 21, y + 19, f"{100 * share:.0f}", "middle"))
        turned = f' transform="rotate(-40 {x + 26} {bottom + 14})"'
        out.append(_text(x + 26, bottom + 14, name, "end", turned))
    return out


class Progress:
    """A line on the terminal, rewritten in place, with the time left; silent elsewhere.

    It goes to standard error, so standard output holds nothing but results, and is as wide as the
    terminal allows.
    """

    def __init__(self, total):
        self.total = total
        self.done = 0.0
        self.start = time.perf_counter()
        self.shown = 0.0
        self.live = sys.stderr is not None and sys.stderr.isatty()
        self.width = 0

    def step(self, text, amount=1.0):
        """Count `amount` of the total as done; at most ten times a second, say so."""
        self.done += amount
        now = time.perf_counter()
        if self.live and self.done and now - self.shown > 0.1:
            self.shown = now
            left = ""
            if 20 * self.done > self.total:  # before, processes only start
                left = f"{max(0.0, (now - self.start) * (self.total / self.done - 1)):.0f} s left, "
            self.width = min(79, stderr_columns() - 1)
            room = max(0, self.width - 2)  # a terminal may add ^C
            line = f"{left}{text}"[:room].ljust(room)
            print(f"\r{line}", end="", file=sys.stderr, flush=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.live:
            print("\r" + " " * self.width + "\r", end="", file=sys.stderr, flush=True)


def forget_typed():
    """Drop the keys that were pressed while nothing was asked: they answer no later question."""
    try:
        import termios
    except ImportError:  # Windows, a browser
        return
    with contextlib.suppress(OSError, TypeError, ValueError, termios.error):  # no terminal
        termios.tcflush(sys.stdin, termios.TCIFLUSH)


def stderr_columns():
    """Return how wide the terminal of standard error is; 80 where that is unknown."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    except (OSError, ValueError, AttributeError):
        return 80


# ---- a reader at the keyboard --------------------------------------------------------------------


def typed(text):
    """Return the reader's line in small letters, stripped; "q" at the end of input."""
    try:
        with prompting_again(text):
            line = input(text)
    except (EOFError, RuntimeError):  # RuntimeError: started with its input closed
        print()
        return "q"
    if not sys.stdin.isatty():
        print()  # on a terminal the reader's Enter has done so
    return line.strip().lower()


def key(text, letters):
    """Return the letter of `letters` that was pressed, or "", without Enter where that is possible.

    Page Up counts as b, Ctrl-D as q, any other key as "". In IDLE, notebooks and pipes a line is
    read.
    """
    try:
        terminal = sys.stdin.fileno() if sys.stdin.isatty() else None
    except (AttributeError, OSError, ValueError):  # IDLE's has no number, pythonw has none at all
        terminal = None
    if terminal is None:
        return typed(text)
    print(text, end="", flush=True)
    try:
        pressed = one_key(terminal, text).lower()
    finally:
        print("\r" + " " * len(text) + "\r", end="", flush=True)
    pressed = {"\x1b[5~": "b", "\x04": "q", "": "q"}.get(pressed, pressed)
    return pressed if pressed in letters else ""


def one_key(terminal, text):
    """Return what one key sends; text is the prompt."""
    try:
        import termios
        import tty
    except ImportError:  # Windows
        import msvcrt
        pressed = msvcrt.getwch()
        if pressed == "\x03":
            raise KeyboardInterrupt from None
        return pressed

    def listen():
        tty.setcbreak(terminal, termios.TCSADRAIN)
    before = termios.tcgetattr(terminal)
    try:
        with prompting_again(text, listen):
            listen()
            return os.read(terminal, 8).decode("ascii", "replace")
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


@contextlib.contextmanager
def prompting_again(text, listen=None):
    """When the program goes on after Ctrl-Z, call listen() and show the prompt again.

    The shell has written below the prompt meanwhile, and left the terminal in the mode it likes.
    """
    in_main = threading.current_thread() is threading.main_thread()
    if not hasattr(signal, "SIGCONT") or not in_main:
        yield
        return

    def go_on(signum, frame):
        if listen:
            listen()
        print(text, end="", flush=True)
    before = signal.signal(signal.SIGCONT, go_on)
    try:
        yield
    finally:
        signal.signal(signal.SIGCONT, before)


# ---- files for results ---------------------------------------------------------------------------


def is_special(path):
    """Tell whether the path is not an ordinary file: a pipe, a device, what stdout writes to."""
    if str(path).startswith(("/dev/std", "/dev/fd/", "/proc/")):
        return True
    try:
        return not stat.S_ISREG(os.stat(path).st_mode)
    except FileNotFoundError:
        return False


def draft_of(path):
    """Return the name of a draft beside a file, short however long the file's own name is."""
    return path.with_name(f".{os.getpid()}.part")


def save(path, text):
    """Write the text to the file as a whole: another reader sees the old file or the new one.

    If the path is a link, its target is written. Permissions stay. A file with a second name (a
    hard link) is overwritten in place. If it is not a regular file, such as /dev/stdout, the text
    is appended. OSError if that cannot be done.
    """
    if is_special(path):
        if sys.stdout:
            sys.stdout.flush()  # what was printed before comes first
        with open(path, "a", encoding="utf-8", newline="\n") as file:
            file.write(text)
        return
    path = Path(os.path.realpath(path))
    draft = draft_of(path)
    try:
        with open(draft, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        if path.exists() and path.stat().st_nlink > 1:
            shutil.copyfile(draft, path)
        else:
            if path.exists():
                os.chmod(draft, stat.S_IMODE(path.stat().st_mode))
            os.replace(draft, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()


def save_all(texts):
    """Write {path: text}, leaving out None; if one fails, the others are written all the same."""
    failed = None
    for path, text in texts.items():
        if path is not None:
            try:
                save(path, text)
            except OSError as error:
                failed = error
    if failed:
        raise failed


def check_outputs(args, parser):
    """End in one line if --json or --svg can't be written: now, not after hours of work."""
    paths = {f"--{name}": getattr(args, name) for name in ("json", "svg")}
    paths = {option: path for option, path in paths.items() if path is not None}
    if len({os.path.realpath(path) for path in paths.values()}) < len(paths):
        parser.error(f"--json and --svg are both {args.json}")
    for option, path in paths.items():
        check_writable(path, parser, option)


def check_writable(path, parser=None, option=None):
    """Find out with an empty draft whether save could write there.

    If not: OSError or ValueError; with a parser, its one line about the option instead.
    """
    try:
        if os.path.isdir(path):
            raise OSError("this is a folder")
        if is_special(path):
            if not os.access(path, os.W_OK):
                raise OSError("this cannot be written to")
            return
        target = Path(os.path.realpath(path))
        if target.exists():
            with open(target, "a", encoding="utf-8"):
                pass
        draft = draft_of(target)
        draft.touch()
        draft.unlink()
    except (OSError, ValueError) as error:
        if parser is None:
            raise
        parser.error(f"{option} {path}: {getattr(error, 'strerror', None) or error}")


# ---- the command line ----------------------------------------------------------------------------


def whole_numbers(least, most=10 ** 9):
    """Return an argparse type for a whole number from `least` to `most`."""
    def whole_number(text):
        if not text.isdecimal() or len(text) > 10 or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(
                f"{text!r}: expected a whole number from {least} to {most}")
        return int(text)
    return whole_number


class Parser(argparse.ArgumentParser):
    """A parser that complains about the options in one line, with status 2."""

    def parse_known_args(self, args=None, namespace=None):
        """Return options and the rest; argparse would take --option=-- for one without a value."""
        for word in sys.argv[1:] if args is None else args:
            if word.endswith("=--"):
                self.error(f"{word}: the value is missing")
        return super().parse_known_args(args, namespace)

    def print_help(self, file=None):
        """Print the options; argparse would be silent on a full disk, loud on a closed output."""
        print(self.format_help(), end="", file=file)

    def error(self, message):
        """End with the message."""
        self.exit(2, f"{self.prog}: error: {' '.join(message.split())}\n")


def run_program(main):
    """Call main() as a program.

    A closed pipe is silent; Ctrl-C gives one line and status 130; what can't be read, written or
    computed gives one line and status 2.
    """
    try:
        if hasattr(sys.stdout, "reconfigure"):  # not so in IDLE and in notebooks
            sys.stdout.reconfigure(errors="replace")
        try:
            main()
        finally:
            if sys.stdout:
                sys.stdout.flush()
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        sys.stdout = None  # its reader has left: nothing to flush at the end
    except (ArithmeticError, ImportError, OSError, ValueError) as error:
        said = str(error)
        if getattr(error, "filename", None):
            said = f"{error.filename}: {error.strerror}"
        print(f"{Path(sys.argv[0]).name}: {' '.join(said.split())}", file=sys.stderr)
        if isinstance(error, OSError):
            sys.stdout = None  # else a full disk would complain once more at the end
        sys.exit(2)
