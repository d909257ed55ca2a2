"""Turn the JSON lines of many runs into tables and a chart.

    python3 -m large.summary large/results/*.jsonl --chart large/results/curves.svg

Runs of the same setting and name are one row: of the learning rates tried with one seed, the one
with the lowest validation loss, with all seeds that were run at it. A gap is how many percent the
mean perplexity lies above that of the row "attention" of the same setting.
"""
import json
import math
import statistics
from pathlib import Path

import show
from large.experiments import BASELINES, groups

BASE = "attention"
PANELS = 2  # of the chart: the first settings
FEW = 4  # points: none is left out of the chart


def read(paths):
    """Return (runs, figures of large.bench). ValueError if a line is neither."""
    runs = []
    figures = []
    for path in paths:
        for n, line in enumerate(Path(path).read_text(encoding="utf-8").splitlines(), 1):
            try:
                found = json.loads(line)
                if "figure" in found:
                    figures.append(found)
                else:
                    runs.append({**found, "best": float(found["best"])})
            except (KeyError, TypeError, ValueError) as error:
                raise ValueError(f"{path}, line {n}: no result of large.train or of "
                                 "large.bench") from error
    return runs, figures


def best_runs(runs):
    """Return {(setting, name): runs at the best rate} and {(setting, name): rates tried}.

    Only rates that all names of a setting have tried count, so that no row is tuned more than the
    others. In the order of large.experiments, within a setting by loss.
    """
    tuning = {}
    rows = {}
    tried = {}
    for run in runs:
        key = run["setting"], run["name"]
        tuning.setdefault(key, []).append(run)
    for key, own in tuning.items():
        first_seed = min([run["seed"] for run in own])
        tuning[key] = {run["lr"]: run["best"] for run in own if run["seed"] == first_seed}
    for key, losses in tuning.items():
        others = [rates for (setting, _), rates in tuning.items() if setting == key[0]]
        common = set.intersection(*[set(rates) for rates in others])
        tried[key] = sorted(common if common else losses)
        rate = min(tried[key], key=losses.get)
        rows[key] = [run for run in runs if (run["setting"], run["name"], run["lr"]) ==
                     (*key, rate)]
    known = list(dict.fromkeys([group[0] for group in groups()]))
    order = sorted(rows, key=lambda key: (known.index(key[0]) if key[0] in known else len(known),
                                          min([run["best"] for run in rows[key]])))
    return {key: rows[key] for key in order}, tried


def perplexities(runs, name):
    """Return e to each run's loss of that name, [] where a run lacks it."""
    losses = [run.get(name) for run in runs]
    return [] if None in losses else [math.exp(loss) for loss in losses]


def mean_and_spread(values):
    """Return "mean ± standard deviation", of one value just that, of none a dash."""
    if not values:
        return "-"
    spread = f" ± {statistics.stdev(values):.1f}" if len(values) > 1 else ""
    return f"{statistics.fmean(values):.1f}{spread}"


def gap(values, base):
    """Return how many percent the mean of the values lies above that of the base, as words."""
    if not values or not base:
        return "-"
    return f"{100 * (statistics.fmean(values) / statistics.fmean(base) - 1):+.1f} %"


def markdown(rows):
    """Return a table: the first row is its head."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + " --- |" * len(rows[0]), *lines[1:]])


def tables(rows, tried):
    """Return [(setting, table)] of perplexities and gaps."""
    found = []
    for setting in dict.fromkeys([setting for setting, _ in rows]):
        own_base = (setting, BASE) in rows
        base = rows.get((setting if own_base else BASELINES.get(setting), BASE), [])
        table = [["mixing", "million weights", "rate (tried)", "seeds", "best epoch", "last epoch",
                  "test", "gap best", "gap last", "gap test"]]
        for (own_setting, name), runs in rows.items():
            if own_setting != setting:
                continue
            values = [perplexities(runs, key) for key in ("best", "last", "test")]
            of_base = [perplexities(base, key) for key in ("best", "last", "test")]
            gaps = [gap(*pair) for pair in zip(values, of_base)] if name != BASE else [""] * 3
            rates = tried[own_setting, name]
            table.append([name, f"{runs[0]['weights'] / 1e6:.2f}",
                          f"{runs[0]['lr']:g} ({len(rates)})", str(len(runs)),
                          *[mean_and_spread(some) for some in values], *gaps])
        note = ""
        if not own_base and setting in BASELINES:
            note = f" (gaps to attention of: {BASELINES[setting]})"
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


def pairs(rows):
    """Return one table of all settings: attention's and Grassmann's perplexity, and the gap."""
    table = [["setting", "attention, best / last", "grassmann, best / last", "gap best",
              "gap last", "gap test"]]
    for setting in dict.fromkeys([setting for setting, _ in rows]):
        base = rows.get((setting, BASE), rows.get((BASELINES.get(setting), BASE)))
        other = rows.get((setting, "grassmann"))
        if not base or not other:
            continue
        cells = [[mean_and_spread(perplexities(runs, key)) for key in ("best", "last")]
                 for runs in (base, other)]
        gaps = [gap(perplexities(other, key), perplexities(base, key))
                for key in ("best", "last", "test")]
        table.append([setting, *[" / ".join(cell) for cell in cells], *gaps])
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


def bench_tables(figures):
    """Return [(title, table)] of the figures."""
    found = []
    kinds = dict.fromkeys([(f["figure"], f["device"], f["torch"], f["precision"])
                           for f in figures])
    for kind in kinds:
        own = [f for f in figures if (f["figure"], f["device"], f["torch"], f["precision"]) == kind]
        if kind[0] == "length":
            names = dict.fromkeys([(f["mixing"], f["compiled"]) for f in own])
            times = {name: {f["length"]: f["ms"] for f in own
                            if (f["mixing"], f["compiled"]) == name} for name in names}
            table = [["tokens in a text", *[mixing + ("" if compiled else ", not compiled")
                                            for mixing, compiled in names]]]
            for length in sorted({f["length"] for f in own}):
                table.append([f"{length:,}", *[f"{times[name][length]:.3g}" if length in times[name]
                                               else "-" for name in names]])
            meets = [f"{mixing}{'' if compiled else ', not compiled'} below attention from "
                     f"{crossing(times['attention', True], times[mixing, compiled]):,} tokens on"
                     for mixing, compiled in names if mixing != "attention" and
                     ("attention", True) in times and
                     crossing(times["attention", True], times[mixing, compiled])]
            found.append((f"{', '.join(kind)}: milliseconds, forward and backward, of one mixing "
                          f"layer; {'; '.join(meets)}", table))
            continue
        unit = "tokens_per_second" if kind[0] == "train" else "ms"
        sizes = {key: own[0][key] for key in ("n_layer", "n_embd", "r", "length", "batch",
                                              "vocab_size") if key in own[0]}
        table = [["mixing", unit.replace("_", " ")]]
        table += [[f["mixing"], f"{f[unit]:,.0f}" if unit != "ms" else f"{f[unit]:.3f}"]
                  for f in own]
        words = ", ".join([f"{key} {value}" for key, value in sizes.items()])
        found.append((f"{', '.join(kind)}: {words}", table))
    return found


# ---- the chart -----------------------------------------------------------------------------------
def curves(rows):
    """Return an SVG: validation perplexity by epoch, mean over the seeds, of the first settings."""
    panels = []
    for setting in list(dict.fromkeys([setting for setting, _ in rows]))[:PANELS]:
        series = {}
        for (own_setting, name), runs in rows.items():
            if own_setting == setting and len(series) < len(show.STYLES):
                points = list(enumerate(zip(*[run["curve"] for run in runs]), 1))
                if len(points) > FEW:
                    points = points[1:]  # the first epoch is far above the rest
                series[name] = [(n, statistics.fmean([math.exp(point[2]) for point in several]))
                                for n, several in points]
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
        runs, figures = read(args.files)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    rows, tried = best_runs(runs)
    labels = {key: some for key, some in rows.items() if some[0].get("unit") == "label"}
    rows = {key: some for key, some in rows.items() if key not in labels}
    if args.pairs:
        print(markdown(pairs(rows)))
    else:
        for title, table in (tables(rows, tried) + right_answers(labels)
                             + bench_tables(figures)):
            print(f"\n**{title or 'runs'}**\n\n{markdown(table)}")
    if args.chart:
        show.save(args.chart, curves(rows))


if __name__ == "__main__":
    show.run_program(main)
