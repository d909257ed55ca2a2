"""Turn the JSON lines of many runs into tables and a chart.

    python3 -m large.summary large/results/*.jsonl --chart large/results/curves.svg

Runs of the same setting and name are one row. Where several learning rates were tried, seed 1 chose
among them and is not reported: the row is of the other seeds at the best rate. A gap is how many
percent the perplexity lies above that of the row "attention" of the same setting, or of attention
with the paper's order of norms, paired by seed, with a 95 % interval (Student's t).
"""
import json
import math
import statistics
import sys
from pathlib import Path
from typing import NamedTuple

if not __package__:
    print("summary.py: start it as python3 -m large.summary", file=sys.stderr)
    sys.exit(2)

import show
from compare import student
from large.experiments import BASELINES, NAMES, POST, TUNED, groups

BASE = "attention"
PANELS = 2  # of the chart: the first settings
CHARTED = {"attention": "attention", "paper's layer": "the paper's layer",
           "linear map, paper's order": "linear map instead", "linear map": "linear map, six",
           "gated recurrence": "gated recurrence", "grassmann": "planes, six averaged"}
FEW = 4  # points: none is left out of the chart


def read(paths):
    """Return (runs, figures of large.bench, complaints about lines that were left out).

    A line is torn where a disk was full or a process was killed meanwhile. ValueError if a file
    holds something else.
    """
    runs = []
    figures = []
    torn = []
    for path in paths:
        for n, line in enumerate(Path(path).read_text(encoding="utf-8").splitlines(), 1):
            try:
                found = json.loads(line)
            except ValueError:
                torn.append(f"{path}, line {n}: torn, left out")
                continue
            try:
                if "figure" in found:
                    figures.append({**found, "device": found["device"]})  # which it must have
                else:
                    kept = {name: found[name] for name in ("setting", "name", "lr", "seed")}
                    runs.append({**found, **kept, "best": float(found["best"])})
            except (KeyError, TypeError, ValueError) as error:
                raise ValueError(f"{path}, line {n}: no result of large.train or of "
                                 "large.bench") from error
    if torn and not runs and not figures:
        raise ValueError(f"{torn[0].split(',')[0]}: no JSON lines of large.train or large.bench")
    return runs, figures, torn


class Choice(NamedTuple):
    """What seed 1 chooses."""

    rate: float
    dropout: float
    epochs: int


def choice(run):
    """Return the Choice that a run is made with."""
    dropout = run.get("config", {}).get("dropout")
    return Choice(run["lr"], dropout, run.get("options", {}).get("epochs"))


def best_runs(runs):
    """Return three dictionaries by (setting, name): runs reported, {Choice: loss of seed 1}, bases.

    A base is the runs that others are compared with: those reported and seed 1. In the order of
    large.experiments' settings, within a setting by loss. A tuned setting has the runs of the one
    that it is named after, too.
    """
    tried = {}
    rows = {}
    bases = {}
    for run in runs:
        rows.setdefault((run["setting"], run["name"]), []).append(run)
    for (setting, name), own in rows.items():
        own += rows.get((setting[:-len(TUNED)], name), []) if setting.endswith(TUNED) else []
    for key, own in rows.items():
        first = min([run["seed"] for run in own])
        tried[key] = {choice(run): run["best"] for run in own if run["seed"] == first}
        best = min(tried[key], key=tried[key].get)
        at_best = [run for run in own if choice(run) == best]
        bases[key] = at_best
        fresh = [run for run in at_best if run["seed"] != first]
        chosen = len(tried[key]) > 1
        rows[key] = sorted(fresh if fresh and chosen else at_best, key=lambda run: run["seed"])
    known = list(dict.fromkeys([group.setting for group in groups()]))

    def place(key):
        setting = known.index(key[0]) if key[0] in known else len(known)
        return setting, statistics.fmean([run["best"] for run in rows[key]])
    return {key: rows[key] for key in sorted(rows, key=place)}, tried, bases


def in_ranges(numbers):
    """Return "1, 4-6" for [1, 4, 5, 6]."""
    ranges = []
    for n in sorted(numbers):
        if ranges and n == ranges[-1][1] + 1:
            ranges[-1][1] = n
        else:
            ranges.append([n, n])
    return ", ".join([f"{a}-{b}" if b > a else f"{a}" for a, b in ranges])


def perplexities(runs, name):
    """Return {seed: e to the loss of that name}, {} where a run lacks it."""
    losses = {run["seed"]: run.get(name) for run in runs}
    return {} if None in losses.values() else {n: math.exp(x) for n, x in losses.items()}


def mean_and_spread(values):
    """Return "mean ± standard deviation", of one value just that, of none a dash."""
    if not values:
        return "-"
    spread = f" ± {statistics.stdev(values):.1f}" if len(values) > 1 else ""
    return f"{statistics.fmean(values):.1f}{spread}"


def gap(values, base):
    """Return how many percent the values lie above the base, paired by seed: {seed: number} each.

    With half a 95 % interval where two seeds or more are common; "*" where none is, or where the
    values are of no model, so that only the means are compared.
    """
    if not values or not base:
        return "-"
    common = [100 * (values[seed] / base[seed] - 1) for seed in values if seed in base]
    if not common:
        means = [statistics.fmean(numbers.values()) for numbers in (values, base)]
        return f"{100 * (means[0] / means[1] - 1):+.1f} %*"
    half = f" ± {student(common):.1f}" if len(common) > 1 else ""
    return f"{statistics.fmean(common):+.1f}{half} %"


def markdown(rows):
    """Return a table: the first row is its head."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + " --- |" * len(rows[0]), *lines[1:]])


def rates(tried, chosen):
    """Return the rate, how many were tried, and "end" where the best of several is no middle."""
    several = {one.rate for one in tried}
    if len(several) == 1:
        return f"{chosen.rate:g}" if chosen.rate else "-"
    edge = ", end" if chosen.rate in (min(several), max(several)) else ""
    return f"{chosen.rate:g} ({len(several)}{edge})"


def tables(rows, tried, bases):
    """Return [(setting, table)] of perplexities and gaps."""
    found = []
    for setting in dict.fromkeys([setting for setting, _ in rows]):
        own_base = (setting, BASE) in rows
        base = bases.get((setting if own_base else BASELINES.get(setting), BASE), [])
        post = bases.get((setting, POST), [])
        table = [["mixing", "million weights", "rate (tried)", "seeds", "validation", "test",
                  "above attention", "test"]]
        if setting.endswith(TUNED):
            table[0][3:3] = ["dropout, epochs"]
        if post:
            table[0].append("above post-norm attention")
        for (own_setting, name), runs in rows.items():
            if own_setting != setting or "weights" not in runs[0]:
                continue
            chosen = choice(runs[0])
            values = [perplexities(runs, key) for key in ("best", "test")]
            of_base = [perplexities(base, key) for key in ("best", "test")]
            gaps = [gap(*pair) for pair in zip(values, of_base)] if name != BASE else [""] * 2
            if post:
                gaps.append(gap(values[0], perplexities(post, "best")) if name != POST else "")
            table.append([NAMES.get(name, name), f"{runs[0]['weights'] / 1e6:.2f}",
                          rates(tried[own_setting, name], chosen),
                          *[f"{chosen.dropout}, {chosen.epochs}"] * setting.endswith(TUNED),
                          in_ranges([run["seed"] for run in runs]) if runs[0]["lr"] else "-",
                          *[mean_and_spread(list(some.values())) for some in values], *gaps])
        note = ""
        if not own_base and setting in BASELINES:
            note = f" (gaps to attention of: {BASELINES[setting]})"
        if len(table) > 1:
            found.append((setting + note, table))
    return found


def right_answers(rows):
    """Return [(setting, table)] of runs on pairs of sentences: right answers in percent."""
    found = {}
    for (setting, name), runs in rows.items():
        head = ["mixing", "weights", "seeds", "validation, at the end", "test, at the best step"]
        right = [[100 * run["curve"][-1][3] for run in runs],
                 [100 * run["test_accuracy"] for run in runs if "test_accuracy" in run]]
        found.setdefault(setting, [head]).append(
            [name, f"{runs[0]['weights']:,}", str(len(runs)), *map(mean_and_spread, right)])
    return [(f"{setting}, right answers", table) for setting, table in found.items()]


def pairs(rows, bases):
    """Return one table of all settings: attention's and Grassmann's perplexity, and the gap."""
    table = [["setting", "seeds", "attention", "grassmann", "gap", "gap, last epoch", "gap, test"]]
    for setting in dict.fromkeys([setting for setting, _ in rows]):
        key = (setting if (setting, BASE) in rows else BASELINES.get(setting)), BASE
        other = rows.get((setting, "grassmann"))
        if key not in rows or not other:
            continue
        base = bases[key]
        cells = [mean_and_spread(list(perplexities(runs, "best").values()))
                 for runs in (rows[key], other)]
        gaps = [gap(perplexities(other, name), perplexities(base, name))
                for name in ("best", "last", "test")]
        table.append([setting, in_ranges([run["seed"] for run in other]), *cells, *gaps])
    return table


# ---- the figures of large.bench ------------------------------------------------------------------
def crossing(first, second):
    """Return the length at which the first curve {length: ms} meets the second, None if nowhere.

    Between two measured lengths both are taken as straight in the logarithms.
    """
    lengths = sorted(set(first) & set(second))
    for a, b in zip(lengths, lengths[1:]):
        at_a, at_b = [math.log(first[n] / second[n]) for n in (a, b)]
        if at_a < 0 <= at_b:
            return round(a * (b / a) ** (at_a / (at_a - at_b)))
    return None


def length_table(own, title):
    """Return (title, table) of figures against length, and where each meets attention's."""
    times = {}  # {(mixing, compiled): {length: ms}}
    for f in own:
        times.setdefault((f["mixing"], f["compiled"]), {})[f["length"]] = f["ms"]
    head = [mixing + ("" if compiled or own[0]["figure"] == "write" else ", not compiled")
            for mixing, compiled in times]
    table = [["tokens in a text", *head]]
    for length in sorted({f["length"] for f in own}):
        table.append([f"{length:,}", *[f"{some[length]:.3g}" if length in some else "-"
                                       for some in times.values()]])
    attention = {compiled: some for (mixing, compiled), some in times.items()
                 if mixing == "attention"}
    for name, (key, some) in zip(head, times.items()):
        base = attention.get(True, attention.get(False))
        meets = crossing(base, some) if base and key[0] != "attention" else None
        if meets:
            title += f"; {name} below attention from {meets:,} tokens on"
    return title, table


def kept_table(own):
    """Return (title, table) of what a text leaves to be kept while writing, in KiB."""
    table = [["tokens in a text", *dict.fromkeys([f["mixing"] for f in own])]]
    for length in sorted({f["length"] for f in own}):
        table.append([f"{length:,}", *[f"{f['kept'] / 1024:,.1f}" for f in own
                                       if f["length"] == length]])
    return "kept while writing, KiB a text, all layers, 4 bytes a number", table


def kernels_table(own):
    """Return the table of memories' heads, as here and by flash-linear-attention."""
    table = [["memory", "by", "texts", "tokens in a text", "forward", "and backward", "error"]]
    for f in own:
        table.append([f["mixing"], f["way"], str(f["batch"]), f"{f['length']:,}",
                      f"{f['forward']:.3f}", f"{f['ms']:.3f}" if f["ms"] else "-",
                      f"{100 * f['error']:.2g} %"])
    return table


def bench_tables(figures):
    """Return [(title, table)] of the figures."""
    found = []
    kinds = {}
    for f in figures:
        kind = f["figure"], f["device"], f["torch"], f["precision"]
        kinds.setdefault(kind, []).append(f)
    for kind, own in kinds.items():
        title = ", ".join(kind)
        if kind[0] == "length":
            title += ": milliseconds, forward and backward, of one mixing layer"
            found.append(length_table(own, title))
        elif kind[0] == "write":
            title += (f": milliseconds for one more token of each of {own[0]['batch']} texts, "
                      f"{own[0]['n_layer']} layers without the logits")
            found += [length_table(own, title), kept_table(own)]
        elif kind[0] == "kernels":
            found.append((f"{title}: milliseconds, heads without projections", kernels_table(own)))
        else:
            unit = "tokens_per_second" if kind[0] == "train" else "ms"
            sizes = {key: own[0][key] for key in ("n_layer", "n_embd", "r", "length", "batch",
                                                  "vocab_size") if key in own[0]}
            table = [["mixing", unit.replace("_", " ")]]
            table += [[f["mixing"], f"{f[unit]:,.0f}" if unit != "ms" else f"{f[unit]:.3f}"]
                      for f in own]
            words = ", ".join([f"{key} {value}" for key, value in sizes.items()])
            found.append((f"{title}: {words}", table))
    return found


# ---- the chart -----------------------------------------------------------------------------------
def curves(rows):
    """Return an SVG: validation perplexity by epoch, mean over the seeds, of the first settings.

    Of the rows that CHARTED names.
    """
    panels = []
    for setting in list(dict.fromkeys([setting for setting, _ in rows]))[:PANELS]:
        series = {}
        for (own_setting, name), runs in rows.items():
            runs = [run for run in runs if run.get("curve")]
            if own_setting == setting and runs and name in CHARTED:
                points = list(enumerate(zip(*[run["curve"] for run in runs]), 1))
                if len(points) > FEW:
                    points = points[1:]  # the first epoch is far above the rest
                means = [(n, statistics.fmean([math.exp(point[2]) for point in several]))
                         for n, several in points]
                series[CHARTED[name]] = means
        panels.append({"title": setting, "x_label": "evaluation (epoch)", "log": False,
                       "y_label": "validation perplexity", "series": series})
    return show.figure(panels, "Validation perplexity by epoch")


def main():
    """Read the files; print the tables, save the chart."""
    parser = show.Parser(description="Tables and a chart of many runs.", allow_abbrev=False)
    parser.add_argument("files", nargs="+", help="JSON lines of large.train and large.bench")
    parser.add_argument("--chart", help="SVG file for the curves")
    parser.add_argument("--pairs", action="store_true", help="one line a setting")
    args = parser.parse_args()
    try:
        runs, figures, torn = read(args.files)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    for complaint in torn:
        print(complaint, file=sys.stderr)
    if not runs and not figures:
        parser.error("there is no run in these files")
    if args.chart:
        show.check_writable(Path(args.chart), parser, "--chart")
    rows, tried, bases = best_runs(runs)
    labels = {key: some for key, some in rows.items() if some[0].get("unit") == "label"}
    rows = {key: some for key, some in rows.items() if key not in labels}
    if args.pairs:
        print(markdown(pairs(rows, bases)))
    else:
        for title, table in (tables(rows, tried, bases) + right_answers(labels)
                             + bench_tables(figures)):
            print(f"\n**{title or 'runs'}**\n\n{markdown(table)}")
    if args.chart:
        show.save(args.chart, curves(rows))


if __name__ == "__main__":
    show.run_program(main)
