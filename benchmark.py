"""Attention against Grassmann mixing on names: quality, where a step's time goes, scaling.

Run:       python3 benchmark.py                         (one seed)
Compare:   python3 benchmark.py --steps 3000 --seeds 3  (as long as the published runs)
Next:      benchmark_paren.py, the same on a task that asks for counting
"""
import argparse
import functools
import gc
import importlib.util
import json
import math
import platform
import random
import statistics
import time
from collections import defaultdict, namedtuple
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace

import micro_gpt
import micro_grassmann
import show

# A contender is a model file with a configuration: attention, or Grassmann mixing.
Contender = namedtuple("Contender", "name model config")

BUCKETS = 40  # points of a loss curve, each the mean of so many steps
TURNS = 8  # of the scaling section through all lengths
PYDOC = "pydoc"  # --data pydoc is the language reference that comes with each Python
PUBLISHED = """\
A perplexity here is per character. Gaps that others report, at 12 to 18 million parameters and
on words of WikiText-2 and alike: the paper 10 to 15 % (arXiv:2512.19428); reproductions by others,
whose sources we could not check, 22.6 %, 34.5 %, 39.7 to 50.4 %, and -8.2 % with pre-norm, small
initial weights and one offset a layer."""
HELD_OUT = 200  # blocks of a running text to evaluate on
FOLDED_R = (4, 8, 16, 32)  # sizes of z at which the folded loop is timed; the paper has 32

# Student's t for a 95 % interval, by degrees of freedom; beyond the table a formula comes close.
T_95 = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.20, 2.18, 2.16, 2.14, 2.13)


def contenders(layers, vocab_size, **window_and_block):
    """Return attention and Grassmann for each number of layers, in pairs."""
    sizes = {"vocab_size": vocab_size, **window_and_block}
    window = {"window": sizes.pop("window")} if "window" in sizes else {}
    pairs = []
    for n in layers:
        suffix = "" if len(layers) == 1 else f", {n} layer{'s' * (n > 1)}"
        pairs.append(Contender("attention" + suffix, micro_gpt,
                               micro_gpt.Config(n_layer=n, **sizes)))
        pairs.append(Contender("Grassmann" + suffix, micro_grassmann,
                               micro_grassmann.Config(n_layer=n, **window, **sizes)))
    return pairs


@contextmanager
def collector_at_rest():
    """While this lasts, keep the cyclic garbage collector off, as train() does in a step.

    How often it would walk a graph depends on the size of the graph and on what else is alive;
    that is no cost of the layer or the model that is timed. Graphs of Values have no cycles.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


# ---- training and evaluation ---------------------------------------------------------------------
def train_all(rivals, docs, held_out, steps, seed, samples, progress):
    """Train the rivals on the same documents in the same order, taking turns step by step.

    They are evaluated on held_out, or if that is empty on documents that split_docs keeps apart.

    Yields after each step, and at the end, a list with a dict for each rival: the loss of each
    step, milliseconds, Values made; at the end also the loss on unseen documents and samples.
    Turns let a slow moment of the machine strike them all alike.
    """
    runs, trainers = [], []
    vocab = sorted(set("".join([*docs, *held_out])))
    for rival in rivals:
        rng, order = random.Random(seed), list(docs)
        rng.shuffle(order)
        params = rival.model.init_params(rival.config, rng)
        tokens = [rival.model.tokenize(doc, vocab) for doc in order]
        seen, unseen = rival.model.split_docs(tokens, steps)
        if held_out:
            seen, unseen = tokens, [rival.model.tokenize(doc, vocab) for doc in held_out]
        trainers.append((rival, params, unseen, rng,
                         rival.model.train(seen, params, rival.config, steps)))
        size = sum(len(row) for matrix in params.values() for row in matrix)
        runs.append({"name": rival.name, "seed": seed, "parameters": size,
                     "losses": [], "milliseconds": [], "nodes": []})
    for step in range(steps):
        for run, (rival, _, _, _, trainer) in zip(runs, trainers):
            born, start = rival.model.Value(0).born, time.perf_counter()
            run["losses"].append(next(trainer))
            run["milliseconds"].append((time.perf_counter() - start) * 1000)
            run["nodes"].append(rival.model.Value(0).born - born - 1)
        progress.step(f"seed {seed}, step {step + 1} of {steps}", len(rivals))
        yield runs
    for run, (rival, params, unseen, rng, _) in zip(runs, trainers):
        run.update(loss_on_unseen(rival, unseen, params))
        run["samples"] = []
        for _ in range(samples):
            with collector_at_rest():
                run["samples"].append(rival.model.generate(vocab, params, rival.config, rng, 0.5))
            progress.step(f"seed {seed}, samples of {rival.name}", 0.2)
    yield runs


def loss_on_unseen(rival, docs, params):
    """Return the loss on tokenised documents in nats a token, with its standard error.

    The loss is a ratio, nats over tokens, both summed over documents; the error is that of a
    ratio of means (Cochran, Sampling Techniques, 1977, section 6.4), documents being the units.
    """
    if not docs:
        return {"unseen": 0}
    sums = []
    for tokens in docs:
        with collector_at_rest():
            losses = [v.data for v in rival.model.token_losses(tokens, params, rival.config)]
        sums.append((sum(losses), len(losses)))
    tokens = sum(n for _, n in sums)
    loss = sum(nats for nats, _ in sums) / tokens
    squares = sum((nats - loss * n) ** 2 for nats, n in sums)
    error = math.sqrt(squares * len(sums) / max(1, len(sums) - 1)) / tokens
    return {"unseen": len(docs), "loss": loss, "error": error, "perplexity": math.exp(loss)}


def summary(runs):
    """Return the figures of one contender: each over its seeds, with mean and deviation."""
    figures = defaultdict(list)
    for run in runs:
        if run["losses"]:
            figures["training loss"].append(statistics.fmean(run["losses"][-100:]))
            figures["milliseconds"].append(statistics.median(run["milliseconds"]))
            figures["nodes"].append(statistics.fmean(run["nodes"]))
        for name in ("loss", "error", "perplexity"):
            if name in run:
                figures[name].append(run[name])
    return {"parameters": over_seeds([runs[0]["parameters"]]),
            **{name: over_seeds(values) for name, values in figures.items()}}


def over_seeds(values):
    """Return one number for each seed, with their mean and standard deviation (None for one)."""
    return {"seeds": values, "mean": statistics.fmean(values),
            "deviation": statistics.stdev(values) if len(values) > 1 else None}


def pairs(names):
    """Return (attention, other) for each other contender; attention leads those it is one of."""
    out = []
    for name in names:
        if name.startswith("attention"):
            first = name
        else:
            out.append((first, name))
    return out


def verdict(first, second, name):
    """Return what the paired differences second - first over the seeds say, as figures and words.

    The interval is Student's, mean ± t sd / sqrt(n), 95 %.
    """
    differences = [b - a for a, b in zip(first, second)]
    n, mean = len(differences), statistics.fmean(differences)
    if n < 2:
        return {"mean": mean, "words": "one seed, which shows no spread"}
    half = T_95[n - 2] if n - 2 < len(T_95) else 1.96 + 2.5 / (n - 1)
    half *= statistics.stdev(differences) / math.sqrt(n)
    words = "no difference beyond the spread"
    if abs(mean) > half:
        words = f"{name} has the {'higher' if mean > 0 else 'lower'} one, by more than the spread"
    return {"mean": mean, "half": half, "words": words}


def spread(figure, digits):
    """Return a figure's mean and, if there are several seeds, ± their standard deviation."""
    text = f"{figure['mean']:,.{digits}f}"
    return text if figure["deviation"] is None else f"{text} ± {figure['deviation']:,.{digits}f}"


def smooth(losses):
    """Return (last step, mean loss) for each of at most BUCKETS stretches of the run."""
    width = math.ceil(len(losses) / BUCKETS)
    parts = [(start, losses[start:start + width]) for start in range(0, len(losses), width)]
    return [(start + len(part), statistics.fmean(part)) for start, part in parts]


def curves(runs):
    """Return {name: curve}, each contender's losses smoothed, those of its first seed.

    Six at most, the first: a chart with more can't be read.
    """
    first = {}
    for run in runs:
        if run["losses"]:
            first.setdefault(run["name"], smooth(run["losses"]))
    return dict(list(first.items())[:6])


def shown(found):
    """Return what of the losses a chart shows: those of the first seed, smoothed."""
    first, number = found["runs"][0], len(found["contenders"])
    width = math.ceil(len(first["losses"]) / BUCKETS)
    some = f", the first 6 of {number} contenders" if number > 6 else ""
    return f"seed {first['seed']}, {f'means of {width} steps' if width > 1 else 'each step'}{some}"


def measure_quality(rivals, docs, args, found, samples=10, held_out=()):
    """Fill found with every seed's runs, then with their summaries and verdicts."""
    found.update(runs=[], contenders=[rival.name for rival in rivals],
                 **{"running text": bool(held_out)})
    work = len(rivals) * len(args.seeds) * (args.steps + samples * 0.2)
    with show.Progress(work) as progress:
        for seed in args.seeds:
            before = found["runs"]
            for runs in train_all(rivals, docs, held_out, args.steps, seed, samples, progress):
                found["runs"] = before + runs
    summarise(found)


def summarise(found):
    """Add the summaries to the runs, and compare each contender with attention."""
    runs, names = found["runs"], found["contenders"]
    found["summary"] = {name: summary([run for run in runs if run["name"] == name])
                        for name in names if any(run["name"] == name for run in runs)}
    found["comparisons"] = {}
    for a, b in pairs(names):
        if b in found["summary"]:
            first, second = found["summary"][a], found["summary"][b]
            found["comparisons"][b] = {"percent": {
                key: (second[key]["mean"] / first[key]["mean"] - 1) * 100
                for key in second if key != "error" and key in first}}
            if "loss" in second:
                gaps = [(y / x - 1) * 100 for x, y in zip(first["perplexity"]["seeds"],
                                                         second["perplexity"]["seeds"])]
                found["comparisons"][b].update(
                    verdict(first["loss"]["seeds"], second["loss"]["seeds"], b),
                    gap=verdict([0.0] * len(gaps), gaps, b))


def show_quality(found):
    """Return the quality section as text."""
    if not found["runs"]:
        return "nothing yet"
    lines = []
    figures = (("parameters", "parameters", 0),
               ("training loss, last 100 at most", "training loss", 4),
               ("loss on unseen documents, nats", "loss", 4),
               ("  its standard error, documents", "error", 4),
               ("perplexity", "perplexity", 3), ("milliseconds a step, median", "milliseconds", 2),
               ("graph nodes a step, mean", "nodes", 0))
    names = [name for name in found["contenders"] if name in found["summary"]]
    for a, b in pairs(names):
        first, second = found["summary"][a], found["summary"][b]
        percent = found["comparisons"][b]["percent"]
        rows = [["", a, b, "difference"]]
        for label, key, digits in figures:
            if key in first and key in second:
                rows.append([label, spread(first[key], digits), spread(second[key], digits),
                             f"{round(percent[key], 1) + 0.0:+.1f} %" if key in percent else ""])
        lines += [show.table(rows), ""]
        if "words" in found["comparisons"][b]:
            lines += [show_verdict(found["comparisons"][b], a, b), ""]
            if found["running text"]:
                gap = found["comparisons"][b]["gap"]
                half = f" ± {gap['half']:.1f} % (paired by seed, 95 %)" if "half" in gap else " %"
                lines += [f"Perplexity, {b} above {a}: {gap['mean']:+.1f}{half}.", ""]
    if any(run.get("unseen") == 0 for run in found["runs"]):
        lines += ["No document is left to evaluate on: that takes ten or more.", ""]
    if found["running text"]:
        lines += [PUBLISHED, ""]
    curve = curves(found["runs"])
    if curve:
        lines += [f"Training loss, {shown(found)}", show.chart(curve, "step", "nats")]
    samples = [next(run for run in found["runs"] if run["name"] == name).get("samples")
               for name in names]
    title = f"Samples at temperature 0.5, seed {found['runs'][0]['seed']}"
    if names and all(samples) and found["running text"]:
        lines += ["", f"{title}, line ends as ¶"]
        for name, texts in zip(names, samples):
            lines += [name, *("  " + (text.replace("\n", "¶") or "(empty)") for text in texts[:3])]
    elif names and all(samples):
        lines += ["", title, show.table(list(zip(*([name, *(doc or "(empty)" for doc in texts)]
                                                   for name, texts in zip(names, samples)))),
                                        left=len(names))]
    return "\n".join(lines)


def show_verdict(comparison, a, b):
    """Return what a comparison says of two contenders' losses."""
    text, words = f"Loss, {b} minus {a}: {comparison['mean']:+.4f}", comparison["words"]
    if "half" not in comparison:
        return f"{text} nats ({words})."
    words = words[0].upper() + words[1:]
    return f"{text} ± {comparison['half']:.4f} (paired by seed, 95 %) nats.\n{words}."


# ---- where a step's time goes --------------------------------------------------------------------
PARTS = ("embeddings, norms, residuals", "mixing", "feed-forward", "output and loss", "backward",
         "optimiser", "freeing the graph, the rest")


def measure_parts(rivals, docs, steps, found):
    """Fill found with {contender: {part: mean milliseconds a step, percent}}, measured in turns."""
    vocab = sorted(set("".join(docs)))
    order = list(docs)
    random.Random(42).shuffle(order)
    with show.Progress(len(rivals) * steps) as progress, ExitStack() as watches:
        trainers = []
        for rival in rivals:
            params = rival.model.init_params(rival.config, random.Random(42))
            tokens = [rival.model.tokenize(doc, vocab) for doc in order[:steps]]
            spent = dict.fromkeys((*PARTS, "forward", "logits", "a step"), 0.0)
            watches.enter_context(stopwatches(rival.model, params["lm_head"], spent))
            trainer = rival.model.train(tokens, params, rival.config, steps)
            trainers.append((rival.name, spent, trainer))
        for done in range(1, steps + 1):
            for _, spent, trainer in trainers:
                start = time.perf_counter()
                next(trainer)
                spent["a step"] += time.perf_counter() - start
                progress.step("timing the parts of a step")
            found.update((name, parts_of(spent, done)) for name, spent, _ in trainers)


def parts_of(spent, steps):
    """Return {part: mean milliseconds a step, percent} from the seconds spent in each."""
    spent = dict(spent)
    spent[PARTS[0]] = spent["forward"] - spent["mixing"] - spent["feed-forward"] - spent["logits"]
    spent["output and loss"] += spent["logits"]
    spent[PARTS[-1]] = spent["a step"] - sum(spent[part] for part in PARTS[:-1])
    return {part: {"milliseconds": spent[part] / steps * 1000,
                   "percent": spent[part] / spent["a step"] * 100} for part in (*PARTS, "a step")}


@contextmanager
def stopwatches(model, lm_head, spent):
    """While this lasts, the model's functions add the seconds they take to spent[part]."""
    def timed(part, function):
        def wrapper(*args):
            start = time.perf_counter()
            result = function(*args)
            spent[part] += time.perf_counter() - start
            return result
        return wrapper
    parts = {"forward": "forward", "mix": "mixing", "feed_forward": "feed-forward",
             "cross_entropy": "output and loss", "adam_step": "optimiser"}
    kept, linear, backward = vars(model).copy(), model.linear, model.Value.backward
    timed_linear = timed("logits", linear)
    for name, part in parts.items():
        setattr(model, name, timed(part, kept[name]))
    model.linear = lambda x, matrix: (timed_linear if matrix is lm_head else linear)(x, matrix)
    model.Value.backward = timed("backward", backward)
    try:
        yield
    finally:
        for name in (*parts, "linear"):
            setattr(model, name, kept[name])
        model.Value.backward = backward


def show_parts(found):
    """Return the table of parts as text."""
    if not found:
        return "nothing yet"
    rows = [["", *(cell for name in found for cell in (name, "share"))]]
    for part in (*PARTS, "a step"):
        rows.append([part])
        for spent in found.values():
            rows[-1] += [f"{spent[part]['milliseconds']:.2f} ms", f"{spent[part]['percent']:.0f} %"]
    return show.table(rows)


# ---- how the cost of the mixing layer grows with the length --------------------------------------
def mixing_cost(rival, length, seed=0):
    """Return (seconds, nodes made) of the mixing layer alone over L positions, both ways."""
    model, config, rng = rival.model, rival.config, random.Random(seed)
    params = model.init_params(config, rng)
    xs = [[model.Value(rng.gauss(0, 1)) for _ in range(config.n_embd)] for _ in range(length)]
    past, out = [], []
    with collector_at_rest():
        born, start = model.Value(0).born, time.perf_counter()
        for x in xs:
            out += model.mix(x, "layer0", past, params, config)
        made = model.Value(0).born - born - 1
        model.total(out).backward()
        return time.perf_counter() - start, made


def time_each(rivals, length, best):
    """Time each rival's mixing layer once; keep the least (seconds, nodes) so far in best."""
    for rival in rivals:
        cost = mixing_cost(rival, length)
        best[rival.name] = min(cost, best.get(rival.name, cost))


def measure_scaling(rivals, max_length, found):
    """Fill found with the costs at L = 8, 16, ... max_length, then with what they say.

    Each cost is the best of several runs: whatever else the machine does only adds to it. All
    lengths and contenders take turns, so that a slow minute strikes none alone.
    """
    lengths = [8 * 2 ** i for i in range(max_length.bit_length()) if 8 * 2 ** i <= max_length]
    repeats = {length: max(1, 200 // length) for length in lengths}
    found.update(rows=[], contenders=[rival.name for rival in rivals])
    rows = {}
    work = sum(repeats[length] * length ** 1.6 for length in lengths)
    with show.Progress(work * TURNS) as progress:
        for length in lengths * TURNS:
            for _ in range(repeats[length]):
                time_each(rivals, length, rows.setdefault(length, {}))
                progress.step(f"mixing layer alone, L = {length}", length ** 1.6)
            found["rows"] = [scaling_row(length, best) for length, best in rows.items()]
    found.update(scaling_laws(found["rows"], found["contenders"]))


def scaling_row(length, best):
    """Return what {contender: (seconds, nodes)} says of one length."""
    row = {"length": length}
    for name, (seconds, nodes) in best.items():
        row[name] = {"milliseconds": seconds * 1000, "microseconds a token": seconds / length * 1e6,
                     "nodes": nodes}
    (first, _), (second, _) = best.values()
    return {**row, "times faster": first / second}


def scaling_laws(rows, names):
    """Return the fitted exponents, over the upper half of the lengths, and where the costs cross.

    The exponent is the least-squares slope of log milliseconds against log L. The crossing is
    interpolated on the same logarithmic scales.
    """
    upper = rows[min(len(rows) // 2, len(rows) - 2):]
    xs = [math.log(row["length"]) for row in upper]
    laws = {"fitted from": upper[0]["length"], "fitted to": upper[-1]["length"], "exponents": {}}
    for name in names:
        ys = [math.log(row[name]["milliseconds"]) for row in upper]
        mean_x, mean_y = statistics.fmean(xs), statistics.fmean(ys)
        laws["exponents"][name] = (sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys))
                                   / sum((x - mean_x) ** 2 for x in xs))
    gaps = [math.log(row[names[0]]["milliseconds"] / row[names[1]]["milliseconds"]) for row in rows]
    laws["cheaper from"] = rows[0]["length"] if gaps[0] > 0 else None
    for before, after, gap, next_gap in zip(rows, rows[1:], gaps, gaps[1:]):
        if gap > 0 >= next_gap:
            laws["cheaper from"] = None
        elif gap <= 0 < next_gap:
            share = gap / (gap - next_gap)
            laws["cheaper from"] = before["length"] * (after["length"] / before["length"]) ** share
    return laws


def scaling_series(found):
    """Return {contender: [(L, milliseconds), ...]}."""
    return {name: [(row["length"], row[name]["milliseconds"]) for row in found["rows"]]
            for name in found["contenders"]}


def show_scaling(found):
    """Return the scaling section as text."""
    if not found["rows"]:
        return "nothing yet"
    a, b = found["contenders"]
    rows = [["", a, "", "", b, "", "", ""],
            ["L", "ms", "µs/token", "nodes", "ms", "µs/token", "nodes", "times faster"]]
    for row in found["rows"]:
        cells = []
        for name in (a, b):
            cells += [f"{row[name]['milliseconds']:,.2f}",
                      f"{row[name]['microseconds a token']:,.0f}", f"{row[name]['nodes']:,}"]
        rows.append([str(row["length"]), *cells, f"{row['times faster']:.2f}"])
    lines = [f"Forward and backward, best of {TURNS} turns or more, cyclic garbage collector off.",
             "", show.table(rows)]
    if "exponents" in found:
        exponents = found["exponents"]
        law = f"Time grows as L to the power {exponents[a]:.2f} ({a}), {exponents[b]:.2f} ({b}),"
        lines += ["", law, f"fitted from L = {found['fitted from']} to {found['fitted to']}."]
        cheaper = found["cheaper from"]
        where = ("at none of these lengths" if cheaper is None else "at each of these lengths"
                 if cheaper == found["rows"][0]["length"] else f"from L = {cheaper:.0f} on")
        lines += [f"Grassmann is the cheaper one {where}.", "",
                  show.chart(scaling_series(found), "length L in tokens", "ms", log=True)]
    return "\n".join(lines)


# ---- not in the paper: the loop over the offsets, folded -----------------------------------------
def variant(**functions):
    """Return a copy of the module micro_grassmann in which some functions are exchanged.

    Each gets the copy as its first argument: Values of two modules do not mix. The functions of
    the file itself stay at hand as copy.paper.mix and so on.
    """
    spec = importlib.util.spec_from_file_location("variant", micro_grassmann.__file__)
    copy = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(copy)
    copy.paper = SimpleNamespace(**vars(copy))
    for name, function in functions.items():
        setattr(copy, name, functools.partial(function, copy))
    return copy


def fold(model, z, partners):
    """Return the sum of v / |z ∧ v| over the partners v: wedged with z, the sum of their planes.

    p(z, v) is linear in v, so the sum of the unit planes p(z, v) / |z ∧ v| is p(z, that sum). The
    lengths need no coordinates: |z ∧ v|² = |z|² |v|² - (z·v)² (Lagrange's identity), to which 1e-8
    is added as in mix. Where z and v are nearly parallel two nearly equal numbers are subtracted:
    relu keeps rounding from making the difference negative; show_folding prints the error.
    """
    square = model.dot(z, z)
    weights = []
    for v, product in zip(partners, model.linear(z, partners)):
        area = (square * model.dot(v, v) - product * product).relu()
        weights.append((area + 1e-8) ** -0.5)
    return model.linear(weights, zip(*partners))


def folded_mix(model, x, layer, past, params, config):
    """Return what mix returns, from one Plücker vector for each token, not one for each offset."""
    z = model.linear(x, params[f"{layer}.W_red"])
    past.append(z)
    partners = [past[-1 - offset] for offset in config.window if offset < len(past)]
    if not partners:
        return model.gate(x, [model.Value(0.0)] * len(x), layer, params)
    mean = [m_i * (1 / len(partners)) for m_i in fold(model, z, partners)]
    g = model.linear(model.plucker(z, mean), params[f"{layer}.W_plu"])
    return model.gate(x, g, layer, params)


def measure_folding(found, length=64):
    """Fill found with the cost of the loop and of its folded form for several r, and the errors."""
    folded = variant(mix=folded_mix)
    found.update(length=length, rows=[], errors=[])
    with show.Progress(TURNS * sum(FOLDED_R)) as progress:
        for r in FOLDED_R:
            config, best = micro_grassmann.Config(5, r=r), {}
            for _ in range(TURNS):
                time_each([Contender("loop", micro_grassmann, config),
                           Contender("folded", folded, config)], length, best)
                progress.step(f"folding, r = {r}", r)
            found["rows"].append({"r": r, **{name: {"milliseconds": seconds * 1000, "nodes": nodes}
                                             for name, (seconds, nodes) in best.items()}})
    for size in (1, 100):
        for power in range(0, 9, 2):
            found["errors"].append({"length of z": size, "sine": 10.0 ** -power,
                                    "relative error": folding_error(folded, size, 10.0 ** -power)})


def folding_error(model, size, sine):
    """Return how far fold is off for two states of one length at an angle, relative.

    The states lie in the plane of the first two coordinates, so that their only Plücker coordinate
    is size² sine, known without cancellation; fold's own is weight * that.
    """
    u = (model.Value(float(size)), model.Value(0.0))
    v = (model.Value(size * math.sqrt(1 - sine ** 2)), model.Value(size * sine))
    exact = size ** 2 * sine / math.sqrt((size ** 2 * sine) ** 2 + 1e-8)
    return abs(model.plucker(u, fold(model, u, [v]))[0].data / exact - 1)


def show_folding(found):
    """Return the costs and the errors as text."""
    if not found["rows"]:
        return "nothing yet"
    rows = [["r", "coordinates", "loop, ms", "folded, ms", "times faster", "nodes", "folded"]]
    for row in found["rows"]:
        loop, folded = row["loop"], row["folded"]
        rows.append([str(row["r"]), str(row["r"] * (row["r"] - 1) // 2),
                     f"{loop['milliseconds']:,.1f}", f"{folded['milliseconds']:,.1f}",
                     f"{loop['milliseconds'] / folded['milliseconds']:.1f}",
                     f"{loop['nodes']:,}", f"{folded['nodes']:,}"])
    errors = [["sine of the angle", "|z| = 1", "|z| = 100"]]
    half = len(found["errors"]) // 2
    for small, large in zip(found["errors"][:half], found["errors"][half:]):
        errors.append([f"{small['sine']:.0e}", f"{small['relative error']:.0e}",
                       f"{large['relative error']:.0e}"])
    title = f"Six offsets, L = {found['length']}, forward and backward, best of {TURNS} turns."
    return "\n".join([
        "One Plücker vector a token instead of one for each offset, and the same function.", title,
        "", show.table(rows), "", "Its relative error where two states are nearly parallel:", "",
        show.table(errors)])


# ---- the program ---------------------------------------------------------------------------------
def options(description, steps):
    """Return a parser with the options that both benchmarks have."""
    def layer_list(text):
        try:
            numbers = [show.whole_numbers(1, 99)(part) for part in text.split(",")]
        except argparse.ArgumentTypeError:
            raise argparse.ArgumentTypeError(f"{text!r} is no list like 1,2,4") from None
        if len(set(numbers)) < len(numbers):
            raise argparse.ArgumentTypeError(f"{text} names a number twice")
        return numbers
    parser = show.Parser(description=description, allow_abbrev=False)
    parser.add_argument("--steps", type=show.whole_numbers(1), default=steps, metavar="N",
                        help=f"training steps, one document each (default {steps})")
    parser.add_argument("--seeds", type=show.whole_numbers(1, 999), default=1, metavar="K",
                        help="repeat with K seeds: 42, 1, 2, ... (default 1)")
    parser.add_argument("--layers", type=layer_list, default=[1], metavar="N,N",
                        help="numbers of layers to compare (default 1)")
    parser.add_argument("--json", metavar="FILE", help="write all results there, when all is done")
    parser.add_argument("--svg", metavar="FILE", help="draw the charts there, when all is done")
    return parser


def parse(parser):
    """Return the options, the seeds as a list, after a check that the files can be written."""
    args = parser.parse_args()
    args.seeds = [42, *range(1, args.seeds)]
    for option in ("json", "svg"):
        if getattr(args, option) is not None:
            show.check_writable(getattr(args, option), parser, f"--{option}")
    return args


def read_docs(args, parser):
    """Return the documents of --data, or end with one line and status 2."""
    try:
        docs = micro_grassmann.load_docs(args.data)
    except (OSError, ValueError) as error:
        parser.error(f"--data {args.data}: {error}")
    if not docs:
        parser.error(f"--data {args.data}: no text in it")
    return docs


def pydoc():
    """Return the language reference that comes with this Python; ImportError if it was left out."""
    topics = importlib.import_module("pydoc_data.topics").topics
    return "\n\n".join([topics[name] for name in sorted(topics)])


def read_blocks(args, parser):
    """Return running text as blocks of so many characters: those to train on, those held out.

    The last tenth of the text is held out; up to HELD_OUT of its blocks are used, evenly spaced.
    """
    try:
        text = pydoc() if args.data == PYDOC else Path(args.data).read_text(encoding="utf-8-sig")
    except (ImportError, OSError, ValueError) as error:
        parser.error(f"--data {args.data}: {error}")
    size = args.block_size
    blocks = [text[i:i + size] for i in range(0, len(text) - size + 1, size)]
    if len(blocks) < 10:
        parser.error(f"--data {args.data}: {len(text)} characters are no ten blocks of {size}")
    tail = blocks[-(len(blocks) // 10):]
    return blocks[:-len(tail)], tail[::math.ceil(len(tail) / HELD_OUT)]


def in_words(seeds):
    """Return the list of seeds as text, with what ± stands for in the tables."""
    return (f"seeds {', '.join(map(str, seeds))} (± standard deviation)" if len(seeds) > 1 else
            f"seed {seeds[0]} alone: --seeds 3 shows a spread")


def run_sections(sections, results, panels, args):
    """Measure and print section after section; on Ctrl-C print what is known of the last one.

    A section is (name, title, measure, show_section); measure(found) fills the dict found.
    """
    for name, title, measure, show_section in sections:
        found = results[name] = {}
        print(show.heading(title), flush=True)
        try:
            measure(found)
        except KeyboardInterrupt:
            if "runs" in found:
                summarise(found)
            print(f"(stopped early: this much is known)\n{show_section(found)}", flush=True)
            raise
        print(show_section(found), flush=True)
    if args.json:
        show.save(args.json, json.dumps(results, indent=1) + "\n")
    if args.svg:
        title = f"{results['program']}, seed {args.seeds[0]}"
        show.save(args.svg, show.figure(panels(results), title))


def environment(program, args):
    """Return what a reader needs in order to repeat the run."""
    used = {name: str(value) if isinstance(value, Path) else value
            for name, value in vars(args).items() if name not in ("json", "svg")}
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return {"program": program, "python": python, "configuration": used}


def panels(results):
    """Return the figure's panels, those that were measured."""
    out = []
    if "quality" in results:
        found = results["quality"]
        out.append({"title": "Training loss", "x_label": f"step ({shown(found)})",
                    "y_label": "loss (nats a token)", "log": False,
                    "series": curves(found["runs"])})
    if "scaling" in results:
        out.append({"title": "Mixing layer alone: time",
                    "x_label": "length L (tokens), both axes logarithmic",
                    "y_label": "milliseconds", "log": True, "marks": True,
                    "series": scaling_series(results["scaling"])})
    return out


def main():
    """Read the options and run the sections."""
    parser = options("Compare attention and Grassmann mixing on names.", 1000)
    parser.add_argument("--data", metavar="FILE", default=Path(__file__).with_name("input.txt"),
                        help="text, one document a line (default: input.txt beside this file); "
                             "pydoc: the language reference that comes with Python")
    parser.add_argument("--running-text", action="store_true",
                        help="--data is one text, to be cut into blocks, not a document a line")
    parser.add_argument("--block-size", type=show.whole_numbers(2, 4096), metavar="B",
                        help="longest input in tokens (default 16, for running text 64)")
    parser.add_argument("--max-length", type=show.whole_numbers(16, 2 ** 20), default=256,
                        metavar="L", help="longest sequence of the scaling section (default 256)")
    parser.add_argument("--only", choices=("quality", "parts", "scaling"), help="one section alone")
    args = parse(parser)
    if args.svg and args.only == "parts":
        parser.error("--svg: the section parts has no chart")
    args.running_text = args.running_text or args.data == PYDOC
    args.block_size = args.block_size or (64 if args.running_text else 16)
    if args.running_text:
        docs, held_out = read_blocks(args, parser)
    else:
        docs, held_out = read_docs(args, parser), ()
    sizes = {"vocab_size": len(set("".join([*docs, *held_out]))) + 1,
             "block_size": args.block_size}
    rivals, one_layer = contenders(args.layers, **sizes), contenders([1], **sizes)
    results = environment("benchmark.py", args)
    what = f"blocks of {args.block_size} characters" if args.running_text else "documents"
    head = [results["python"], f"{len(docs):,} {what}"]
    if args.only in (None, "quality"):
        head += [f"{args.steps:,} steps", in_words(args.seeds)]
    print("; ".join(head))
    part_steps = min(200, args.steps)
    sections = [
        ("quality", f"Quality: the same {what} in the same order",
         lambda found: measure_quality(rivals, docs, args, found, 10, held_out), show_quality),
        ("parts", f"Where a step goes: means over {part_steps} steps, in turns",
         lambda found: measure_parts(one_layer, docs, part_steps, found), show_parts),
        ("scaling", "Scaling: the mixing layer alone",
         lambda found: measure_scaling(one_layer, args.max_length, found), show_scaling),
        ("folding", "Scaling: the loop folded (not in the paper)", measure_folding, show_folding)]
    names = {"scaling": ("scaling", "folding")}.get(args.only, (args.only,))
    chosen = [section for section in sections if args.only is None or section[0] in names]
    run_sections(chosen, results, panels, args)


if __name__ == "__main__":
    show.run_program(main)
