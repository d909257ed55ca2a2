"""Attention against Grassmann mixing on balanced brackets, a task that asks for counting.

Run:    python3 benchmark_paren.py                       (some four minutes)
Depth:  python3 benchmark_paren.py --layers 1,2,4        (does stacking layers help?)
Why:    python3 benchmark_paren.py --controls --seeds 3  (what of the running sum counts?)
Next:   TEACHING.md, exercises; tests/torch_reference.py, larger models
"""
import functools
import math
import random
import statistics
from collections import Counter

import benchmark
import show

DOCS = 2000  # strings to train on and, a tenth of them, to evaluate on
SAMPLES = 200  # strings drawn from each trained model, at temperature 0.5
LENGTHS = (16, 32, 64)  # at which the nodes of the mixing layer are counted
WINDOW = (1, 2, 4, 8, 16)
PAIRS = (10, 25)  # the fewest and the most pairs of brackets in a string
BLOCK = 64  # the longest string has 50 brackets, so the block is no limit for a right answer
FAILURES = ("closed too early", "left open", "ran into the block's end", "empty")


def balanced_string(rng):
    """Return a random balanced string of as many pairs as PAIRS allows.

    The number of pairs is uniform; at each place an opening or a closing bracket has an equal
    chance where both are possible.
    """
    pairs = rng.randint(*PAIRS)
    text, depth, unopened = "", 0, pairs
    while len(text) < 2 * pairs:
        if unopened and (not depth or rng.random() < 0.5):
            text, depth, unopened = text + "(", depth + 1, unopened - 1
        else:
            text, depth = text + ")", depth - 1
    return text


def least_loss(fewest, most):
    """Return the loss of a model that knows how balanced_string works: none has less on average.

    In nats a token, as all losses here. A string of n pairs is drawn with probability 1 / (number
    of possible n) * (1/2) ** free, where free counts the places at which both brackets were
    possible; the loss is the mean of -log of that over the mean of its 2n + 1 tokens, BOS at the
    end being one (Shannon 1948, entropy).
    """
    @functools.lru_cache(None)
    def free(unopened, depth):
        """Return how many free places are still to come, on average."""
        if not unopened:
            return 0.0
        if not depth:
            return free(unopened - 1, 1)
        return 1 + (free(unopened - 1, depth + 1) + free(unopened, depth - 1)) / 2
    sizes = range(fewest, most + 1)
    nats = math.log(len(sizes)) + math.log(2) * statistics.fmean([free(n, 0) for n in sizes])
    return nats / statistics.fmean([2 * n + 1 for n in sizes])


def distinct_strings(number, rng):
    """Return so many balanced strings, no two alike, so that unseen ones are unseen."""
    strings = {}
    while len(strings) < number:
        strings[balanced_string(rng)] = None
    return list(strings)


def judge(text):
    """Return (verdict, place of the first wrong bracket) for a sampled string.

    Wrong is a bracket that closes what was never opened, else one that nothing ever closes.
    """
    opened = []
    for place, bracket in enumerate(text):
        if bracket == "(":
            opened.append(place)
        elif not opened:
            return "closed too early", place
        else:
            opened.pop()
    if opened:
        return ("left open" if len(text) < BLOCK else "ran into the block's end"), opened[0]
    return ("balanced" if text else "empty"), None


def wilson(hits, n):
    """Return the 95 % Wilson score interval for a share of hits out of n (Wilson 1927, JASA 22)."""
    z, share = 1.96, hits / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, middle - half), min(1.0, middle + half)


# ---- not in the paper: a layer that counts -------------------------------------------------------
def counting_params(model, config, rng):
    """Return the file's own parameters, but W_red with r - 1 rows: z ends with a constant 1."""
    params = model.paper.init_params(config, rng)
    for n in range(config.n_layer):
        params[f"layer{n}.W_red"].pop()
    return params


def counting_mix(model, x, layer, past, params, config, normalised=False):
    """Return what mix returns, but with one more partner: the running sum c of all earlier y.

    y = W_red x has r - 1 numbers, z = [y; 1], c = [sum of the earlier y; 1]. The planes of z with
    the offsets' z have length 1 as ever, that with c has not: its coordinates y_i * 1 - 1 * c_i
    are linear in the past, so c can hold how many brackets are open. past holds each z and the sum
    up to it. All planes are folded into one (benchmark.fold), divided by their number.
    """
    y = model.linear(x, params[f"{layer}.W_red"])
    sums = past[-1][1] if past else [model.Value(0.0)] * len(y)
    z, c = (*y, model.Value(1.0)), (*sums, model.Value(1.0))
    past.append((z, [a + b for a, b in zip(sums, y)]))
    partners = [past[-1 - offset][0] for offset in config.window if offset < len(past)]
    if normalised:
        m = benchmark.fold(model, z, [*partners, c])
    else:
        m = [a + b for a, b in zip(c, benchmark.fold(model, z, partners))] if partners else c
    mean = [m_i * (1 / (len(partners) + 1)) for m_i in m]
    g = model.linear(model.plucker(z, mean), params[f"{layer}.W_plu"])
    return model.gate(x, g, layer, params)


def linear_params(model, config, rng):
    """Return the file's own parameters, but W_plu with 2 r columns, for z and the running sum."""
    params = model.paper.init_params(config, rng)
    for n in range(config.n_layer):
        params[f"layer{n}.W_plu"] = [tuple([model.Value(rng.gauss(0, 0.08))
                                            for _ in range(2 * config.r)])
                                     for _ in range(config.n_embd)]
    return params


def linear_mix(model, x, layer, past, params, config):
    """Return x gated against W_plu @ [z; the sum of the earlier z]: no plane at all."""
    z = model.linear(x, params[f"{layer}.W_red"])
    sums = past[-1] if past else [model.Value(0.0)] * len(z)
    past.append([a + b for a, b in zip(sums, z)])
    return model.gate(x, model.linear((*z, *sums), params[f"{layer}.W_plu"]), layer, params)


def contenders(layers, controls):
    """Return attention, Grassmann and the counting layer for each number of layers; or all six."""
    counting = benchmark.variant(init_params=counting_params, mix=counting_mix)
    more = [("Grassmann + running sum", counting, WINDOW)]
    if controls:
        normalised = functools.partial(counting_mix, normalised=True)
        more += [("running sum alone", counting, ()),
                 ("its pair normalised",
                  benchmark.variant(init_params=counting_params, mix=normalised), WINDOW),
                 ("sum without planes",
                  benchmark.variant(init_params=linear_params, mix=linear_mix), ())]
    rivals = benchmark.contenders(layers, 3, block_size=BLOCK, window=WINDOW)
    out = []
    for attention, grassmann in zip(rivals[::2], rivals[1::2]):
        suffix = attention.name[len("attention"):]
        out += [attention, grassmann]
        out += [benchmark.Contender(name + suffix, model, grassmann.config._replace(window=window))
                for name, model, window in more]
    return out


# ---- measuring and printing ----------------------------------------------------------------------
def measure(rivals, docs, args, found):
    """Fill found with the runs of each seed and the judgement of what each run wrote."""
    benchmark.measure_quality(rivals, docs, args, found, SAMPLES)
    for run in found["runs"]:
        verdicts = Counter(judge(text)[0] for text in run["samples"])
        run["judged"] = {name: verdicts[name] for name in ("balanced", *FAILURES)}
    found["least loss"] = least_loss(*PAIRS)
    found["mixing"] = {rival.name: {length: benchmark.mixing_cost(rival, length)[1] / length
                                    for length in LENGTHS} for rival in rivals}
    found["judged"] = {name: judged([run for run in found["runs"] if run["name"] == name])
                       for name in found["contenders"]}


def judged(runs):
    """Return the samples of one contender's runs taken together, and each seed's own share."""
    counts = {name: sum(run["judged"][name] for run in runs) for name in ("balanced", *FAILURES)}
    number = sum(counts.values())
    low, high = wilson(counts["balanced"], number)
    return {"samples": number, "counts": counts, "percent": 100 * counts["balanced"] / number,
            "interval": [100 * low, 100 * high],
            "percent by seed": [100 * run["judged"]["balanced"] / SAMPLES for run in runs]}


def show_results(found):
    """Return the results as text."""
    if "judged" not in found:  # stopped early: nothing was sampled from every contender yet
        return benchmark.show_quality(found)
    names, summary, judged_as = found["contenders"], found["summary"], found["judged"]
    rows = [["", "parameters", "loss on unseen", "perplexity", "ms a step", "graph nodes"]]
    for name in names:
        s = summary[name]
        rows.append([name, *(benchmark.spread(s[key], digits) for key, digits in (
            ("parameters", 0), ("loss", 4), ("perplexity", 3), ("milliseconds", 1), ("nodes", 0)))])
    least = f"No model can have a loss below {found['least loss']:.4f} on average: that of one that"
    lines = [show.table(rows), "", least, "knows how the strings are made.", ""]
    for a, b in benchmark.pairs(names):
        comparison = found["comparisons"][b]
        ratio = 1 + comparison["percent"]["milliseconds"] / 100
        lines += [benchmark.show_verdict(comparison, a, b),
                  f"A step of {b} takes {ratio:.2f} of the time of a step of {a}.", ""]
    rows = [["of the sampled strings", "balanced", "95 % interval", "each seed"]]
    for name in names:
        j = judged_as[name]
        low, high = j["interval"]
        rows.append([name, f"{j['percent']:.1f} %", f"{low:.1f} to {high:.1f}",
                     ", ".join(f"{share:.1f}" for share in j["percent by seed"])])
    lines += [f"{SAMPLES} strings from each model at temperature 0.5, Wilson intervals",
              show.table(rows), ""]
    rows = [["how the others fail", *FAILURES]]
    for name in names:
        rows.append([name, *(str(judged_as[name]["counts"][failure]) for failure in FAILURES)])
    lines += [show.table(rows), ""]
    rows = [["graph nodes a token, mixing layer", *(f"L = {length}" for length in LENGTHS)]]
    rows += [[name, *(f"{nodes:,.0f}" for nodes in found["mixing"][name].values())]
             for name in names]
    lines += [show.table(rows), "", *examples(found), f"Training loss, {benchmark.shown(found)}",
              show.chart(benchmark.curves(found["runs"]), "step", "nats")]
    return "\n".join(lines)


def examples(found, number=3):
    """Return sampled strings, balanced and not, the first wrong bracket marked."""
    lines = []
    for run in found["runs"][:len(found["contenders"])]:
        lines.append(f"{run['name']} wrote, seed {run['seed']}:")
        for text in run["samples"][:number]:
            what, place = judge(text)
            lines.append(f"  {text}" if what != "empty" else "  (the empty string)")
            lines.append(f"  {'' if place is None else ' ' * place + '^ '}{what}")
        lines.append("")
    return lines


def panels(results):
    """Return the figure's one panel: the loss curves."""
    found = results["brackets"]
    return [{"title": "Training loss on brackets", "series": benchmark.curves(found["runs"]),
             "log": False, "x_label": f"step ({benchmark.shown(found)})",
             "y_label": "loss (nats a token)"}]


def main():
    """Read the options, train and print."""
    parser = benchmark.options("Compare attention and Grassmann mixing on balanced brackets.", 1000)
    parser.add_argument("--controls", action="store_true",
                        help="three more contenders that show what of the running sum counts")
    args = benchmark.parse(parser)
    docs = distinct_strings(max(DOCS, args.steps + DOCS // 10), random.Random(42))
    rivals = contenders(args.layers, args.controls)
    results = benchmark.environment("benchmark_paren.py", args)
    lengths = [len(doc) for doc in docs]
    print(f"{results['python']}; balanced strings of {min(lengths)} to {max(lengths)} brackets, "
          f"{statistics.fmean(lengths):.1f} on average;\n{args.steps:,} steps; "
          f"{benchmark.in_words(args.seeds)}; offsets {WINDOW}")
    benchmark.run_sections([("brackets", "Brackets: the same strings in the same order",
                             lambda found: measure(rivals, docs, args, found), show_results)],
                           results, panels, args)


if __name__ == "__main__":
    show.run_program(main)
