"""Printing helpers shared by the benchmarks and the lessons: tables, charts, figures, files.

There is nothing to run; tutorial.py and benchmark.py show what it does. Nothing here knows a model.
Everything returns text, except Progress, save and run_program.
"""
import argparse
import math
import os
import shutil
import sys
import time
from pathlib import Path


def heading(text):
    """Return a section heading: the text over a line of its own length."""
    return f"\n{text}\n{'-' * len(text)}"


def vector(values, digits=3):
    """Return numbers (or Values) in brackets, each with so many decimals and room for a sign."""
    return "[" + ", ".join(number(v, digits) for v in values) + "]"


def number(value, digits=3):
    """Return a number (or a Value) with so many decimals and room for a sign; no minus zero."""
    return f"{round(getattr(value, 'data', value), digits) + 0.0: .{digits}f}"


def bold(text):
    """Return the text in bold on a terminal that has it, unless NO_COLOR is set."""
    plain_terminal = os.environ.get("NO_COLOR") or os.environ.get("TERM", "dumb") == "dumb"
    return text if plain_terminal or not sys.stdout.isatty() else f"\033[1m{text}\033[0m"


def table(rows, left=1):
    """Return rows of strings as columns: `left` of them aligned left, the others right."""
    widths = [max(len(row[i]) for row in rows if i < len(row)) for i in range(max(map(len, rows)))]
    lines = []
    for row in rows:
        cells = [cell.ljust(width) if i < left else cell.rjust(width)
                 for i, (cell, width) in enumerate(zip(row, widths))]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def nice_ticks(low, high, log=False):
    """Return round numbers within [low, high], 1, 2, 5, 10, ... if log, else equal steps."""
    if log:
        factors = (1,) if high > 500 * low else (1, 2, 5)
        exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        return [factor * 10.0 ** e for e in exponents for factor in factors
                if low / 1.0001 <= factor * 10.0 ** e <= high * 1.0001]
    step = 10.0 ** math.floor(math.log10((high - low) / 4))
    step *= next(factor for factor in (1, 2, 5, 10) if (high - low) / (step * factor) <= 6)
    return [round(i * step, 10) for i in range(math.ceil(low / step), math.floor(high / step) + 1)]


def plain(ticks):
    """Return the ticks as text, all with as many decimals as the finest of them needs."""
    decimals = max(len(f"{tick:g}".partition(".")[2]) for tick in ticks)
    return [f"{tick:.{decimals}f}" for tick in ticks]


def _bounds(values, log):
    """Return the smallest and the largest value, apart by something at least."""
    low, high = min(values), max(values)
    if low == high:
        return (low / 2, high * 2) if log else (low - 0.5, high + 0.5)
    return low, high


def _place(value, bounds, log):
    """Return where value lies between the bounds: 0 at the lower one, 1 at the upper one."""
    low, high = bounds
    if log:
        value, low, high = math.log(value), math.log(low), math.log(high)
    return (value - low) / (high - low)


def chart(series, x_label, y_label, log=False, width=62, height=14):
    """Return a text chart of {name: [(x, y), ...]}, a mark for each series, * where two meet."""
    points = [point for line in series.values() for point in line]
    xs, ys = _bounds([x for x, _ in points], log), _bounds([y for _, y in points], log)
    grid = [[" "] * width for _ in range(height)]
    marks = "ogx+#%"
    for mark, line in zip(marks, series.values()):
        for x, y in line:
            column = round(_place(x, xs, log) * (width - 1))
            row = round((1 - _place(y, ys, log)) * (height - 1))
            grid[row][column] = mark if grid[row][column] in (" ", mark) else "*"
    ticks = nice_ticks(*ys, log)
    left = {round((1 - _place(y, ys, log)) * (height - 1)): label
            for y, label in zip(ticks, [f"{y:g}" for y in ticks] if log else plain(ticks))}
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


# Two colours that differ in lightness as well as in hue, and a dash for those who see neither.
STYLES = (("#c2410c", "#fb923c", ""), ("#1d4ed8", "#7dabff", "7 4"), ("#15803d", "#4ade80", "2 3"),
          ("#7e22ce", "#d8a6ff", "9 3 2 3"), ("#525252", "#c4c4c4", "1 3"),
          ("#0e7490", "#67e8f9", "12 4"))


def figure(panels, title):
    """Return an SVG text of panels side by side, readable on a light and on a dark page.

    A panel is a dict: title, x_label, y_label, log (bool), series {name: [(x, y), ...]} and, if
    the points are few, marks=True.
    """
    rows = max((len(panel["series"]) + 1) // 2 for panel in panels)
    panel_width, panel_height, left, top = 420, 260, 74, 56 + 20 * rows
    total, height = len(panels) * (panel_width + left + 26) + 10, top + panel_height + 60
    light = "".join(f".s{i}{{stroke:{c[0]}}}.f{i}{{fill:{c[0]}}}" for i, c in enumerate(STYLES))
    dark = "".join(f".s{i}{{stroke:{c[1]}}}.f{i}{{fill:{c[1]}}}" for i, c in enumerate(STYLES))
    head = ('<svg xmlns="http://www.w3.org/2000/svg" font-family="Helvetica, Arial, sans-serif" '
            f'font-size="13" width="{total}" height="{height}" viewBox="0 0 {total} {height}">')
    style = ("<style>.bg{fill:#fff}text{fill:#222}.axis{stroke:#444;fill:none}.grid{stroke:#ddd}"
             f".line{{fill:none;stroke-width:2}}{light}"
             "@media (prefers-color-scheme:dark){.bg{fill:#0d1117}text{fill:#e6e6e6}"
             f".axis{{stroke:#aaa}}.grid{{stroke:#333}}{dark}}}</style>")
    out = [head, f"<title>{title}</title>", style, '<rect class="bg" width="100%" height="100%"/>']
    for number, panel in enumerate(panels):
        x0, y0 = left + number * (panel_width + left + 26), top + panel_height
        out += _panel(panel, x0, y0, panel_width, panel_height)
    return "\n".join([*out, "</svg>"]) + "\n"


def _panel(panel, x0, y0, width, height):
    """Return the SVG elements of one panel whose axes meet at (x0, y0)."""
    log, series = panel["log"], panel["series"]
    points = [point for line in series.values() for point in line]
    xs, ys = _bounds([x for x, _ in points], log), _bounds([y for _, y in points], log)
    if log:
        x_ticks = sorted({x for x, _ in points})
        ys = (ys[0] / 1.3, ys[1] * 1.3)
    else:
        x_ticks, margin = nice_ticks(*xs), (ys[1] - ys[0]) * 0.05
        ys = (ys[0] - margin, ys[1] + margin)
    out = [f'<text x="{x0}" y="26" font-size="16" font-weight="bold">{panel["title"]}</text>']
    for i, name in enumerate(series):
        x, y = x0 + i % 2 * width / 2, y0 - height - 18 - ((len(series) - 1) // 2 - i // 2) * 20
        out.append(f'<path class="line s{i}" d="M{x:.1f} {y - 4}h26" '
                   f'stroke-dasharray="{STYLES[i][2]}"/>'
                   f'<text x="{x + 32:.1f}" y="{y}">{name}</text>')
    for tick in x_ticks:
        x = x0 + _place(tick, xs, log) * width
        out.append(f'<path class="axis" d="M{x:.1f} {y0}v5"/>'
                   f'<text x="{x:.1f}" y="{y0 + 20}" text-anchor="middle">{tick:g}</text>')
    ticks = nice_ticks(*ys, log)
    for tick, label in zip(ticks, [f"{y:g}" for y in ticks] if log else plain(ticks)):
        y = y0 - _place(tick, ys, log) * height
        out.append(f'<path class="grid" d="M{x0} {y:.1f}h{width}"/>'
                   f'<text x="{x0 - 8}" y="{y + 4:.1f}" text-anchor="end">{label}</text>')
    out.append(f'<path class="axis" d="M{x0} {y0 - height}v{height}h{width}"/>')
    for i, line in enumerate(series.values()):
        places = [(x0 + _place(x, xs, log) * width, y0 - _place(y, ys, log) * height)
                  for x, y in line]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
        out.append(f'<path class="line s{i}" d="M{path}" stroke-dasharray="{STYLES[i][2]}"/>')
        if panel.get("marks"):
            out += [f'<circle class="f{i}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>' for x, y in places]
    out.append(f'<text x="{x0 + width / 2}" y="{y0 + 46}" text-anchor="middle">'
               f'{panel["x_label"]}</text>')
    out.append(f'<text transform="translate({x0 - 54} {y0 - height / 2}) rotate(-90)" '
               f'text-anchor="middle">{panel["y_label"]}</text>')
    return out


class Progress:
    """A line on the terminal, rewritten in place, with the time left; silent when not on one.

    It goes to standard error, so that standard output holds results only.
    """
    def __init__(self, total):
        self.total, self.done, self.start, self.shown = total, 0.0, time.perf_counter(), 0.0
        self.live = sys.stderr is not None and sys.stderr.isatty()
        self.width = min(78, shutil.get_terminal_size().columns - 1)

    def step(self, text, amount=1.0):
        """Count `amount` of the total as done; at most ten times a second, say so."""
        self.done += amount
        now = time.perf_counter()
        if self.live and now - self.shown > 0.1:
            self.shown = now
            left = (now - self.start) * (self.total / self.done - 1)
            line = f"{text}, {max(0, left):.0f} s left"[:self.width].ljust(self.width)
            print(f"\r{line}", end="", file=sys.stderr, flush=True)

    def clear(self):
        """Wipe the line."""
        if self.live:
            print("\r" + " " * self.width + "\r", end="", file=sys.stderr, flush=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.clear()


def save(path, text):
    """Write the text to the file as a whole: another reader sees the old file or the new one."""
    path = Path(path)
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(draft, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.replace(draft, path)
    finally:
        if draft.exists():
            draft.unlink()


def check_writable(path, parser, option):
    """End with one line and status 2 if a file can't be written there, before hours of work."""
    try:
        os.fsencode(path)
        folder = Path(path).absolute().parent
        possible = not Path(path).is_dir() and folder.is_dir() and os.access(folder, os.W_OK)
    except ValueError:  # a name that no file can have
        possible = False
    if not possible:
        parser.error(f"{option} {path}: no file can be written there")


def whole_numbers(least, most=10 ** 9):
    """Return an argparse type for a whole number from `least` to `most`."""
    def whole_number(text):
        if not text.isdecimal() or len(text) > 10 or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {least} to {most}")
        return int(text)
    return whole_number


class Parser(argparse.ArgumentParser):
    """A parser whose complaint about the options is one line, with status 2."""

    def parse_args(self, args=None, namespace=None):
        """Return the options; argparse would take the value of --option=-- for none at all."""
        for word in sys.argv[1:] if args is None else args:
            if word.endswith("=--"):
                self.error(f"{word}: the value is missing")
        return super().parse_args(args, namespace)

    def error(self, message):
        """End with the message."""
        self.exit(2, f"{self.prog}: error: {' '.join(message.split())}\n")


def run_program(main):
    """Call main() as a program: a closed pipe is silent, Ctrl-C is one line and status 130."""
    try:
        if sys.stdout:
            sys.stdout.reconfigure(errors="replace")
        main()
        if sys.stdout:
            sys.stdout.flush()
    except KeyboardInterrupt:
        sys.exit(print("stopped", file=sys.stderr) or 130)
    except BrokenPipeError:
        sys.stdout = None
