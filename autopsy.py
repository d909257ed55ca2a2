"""Autopsies: ten ways in which comparisons of these very layers went wrong, each rebuilt here.

List:  python3 autopsy.py          ten questions to ask of a comparison
Play:  python3 autopsy.py 4        the claim; what would you ask for?; the control; the sentence
All:   python3 autopsy.py --all    straight through, without pauses
Next:  RESULTS.md, where this project's own tables answer the ten questions

Small models are trained while you read, so a minute is enough. What takes longer was recorded, and
the screen says how.
"""
import functools
import inspect
import json
import math
import os
import random
import statistics
import sys
import textwrap
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, os.path.dirname(__file__))  # python -P and -I leave this folder out

import beyond
import compare
import inside
import micro_grassmann
import show
import tasks

FOLDER = Path(__file__).resolve().parent
RECORDED = FOLDER / "autopsy.json"  # by python3 -m tests.record
LARGE = FOLDER / "large" / "results"
TWELVE = "12 layers, 256 tokens"  # the novels' table there
SMALL_TEXT = "WikiText-2's test part, 6 layers, 128 tokens"
PAIRS = (2, 7)  # the fewest and the most pairs of brackets in a string
LONGEST = 7  # letters of a name
BELIEVE = "Do you believe it? What would you ask for?"
SIZES = {"names": {"n_embd": 8, "block_size": 8, "window": (1, 2, 4, 6)},
         "brackets": {"n_embd": 8, "block_size": 16, "window": (1, 2, 4, 8)}}


class Screen(NamedTuple):
    """What fits on a terminal of 80 x 24: its paragraphs, and the numbers that they rest on."""

    paragraphs: tuple
    facts: dict
    asks: str = ""  # what the reader should think about before the next one


class Trial(NamedTuple):
    """A model to be trained, and how."""

    name: str
    mixer: str  # its name in beyond.MAKERS, or LEAKY
    steps: int = 300
    rate: float = 0.01
    batch: int = 1  # documents a step
    every: int = 0  # steps between two points of the curve, 0 for none
    window: tuple = None  # offsets other than those in SIZES
    forwards: bool = False  # a leaky one is judged without its leak
    temperatures: tuple = ()  # at each of them it writes WRITTEN texts


class Task(NamedTuple):
    """What a seed's models are trained and judged on."""

    name: str  # in SIZES
    train: list
    held_out: list
    vocab: dict


# ---- two tasks, and one way to train -------------------------------------------------------------

BOTH = ("attention", "Grassmann")
SEEDS = compare.seeds(20)
VOCAB = {"(": 0, ")": 1}  # of brackets; BOS is 2
WRITTEN = 60  # texts that a model writes at a temperature


def names(seed, train, held_out=50):
    """Return a Task of so many short names to train on and so many others."""
    docs = micro_grassmann.load_docs(tasks.INPUT)
    short = [doc for doc in docs if len(doc) <= LONGEST]
    random.Random(seed).shuffle(short)
    return Task("names", short[:train], short[train:train + held_out],
                micro_grassmann.make_vocab(docs))


def brackets(seed, train, held_out=60):
    """Return a Task of so many random balanced strings to train on and so many more."""
    rng = random.Random(seed)
    docs = [tasks.balanced_string(rng, PAIRS) for _ in range(train + held_out)]
    return Task("brackets", docs[:train], docs[train:], VOCAB)


def train_trial(trial, task, seed):
    """Return the compare.Run of one model, trained with one seed."""
    model = mixer(trial.mixer)
    sizes = dict(SIZES[task.name])
    if trial.window is not None:
        sizes["window"] = trial.window
    kind = "Grassmann" if trial.mixer == LEAKY else trial.mixer
    config = beyond.configure(kind, len(task.vocab) + 1, **sizes)
    rng = random.Random(seed)
    params = model.init_params(config, rng)
    unseen = [model.tokenize(doc, task.vocab) for doc in task.held_out]
    losses = []
    curve = []
    for loss in descend(model, trial, task, params, config):
        losses.append(loss)
        compare.report_step()
        if trial.every and len(losses) % trial.every == 0:
            curve.append([len(losses), model.evaluate(unseen, params, config)])
    judge = model.original.token_losses if trial.forwards else model.token_losses
    held_out = []
    for doc in unseen:
        nats = [loss.data for loss in judge(doc, params, config)]
        held_out.append([sum(nats), len(nats)])
    texts = {}
    for temperature in trial.temperatures:
        texts[str(temperature)] = [model.generate(task.vocab, params, config, rng, temperature)
                                   for _ in range(WRITTEN)]
    size = sum(len(row) for matrix in params.values() for row in matrix)
    return compare.Run(trial.name, seed, size, losses, curve, held_out, texts, [])


def descend(model, trial, task, params, config):
    """Train as the model files do, but on the mean of `batch` documents a step; yield each loss."""
    docs = [model.tokenize(doc, task.vocab) for doc in task.train]
    weights = [w for matrix in params.values() for row in matrix for w in row]
    m = [0.0] * len(weights)
    v = [0.0] * len(weights)
    for step in range(trial.steps):
        losses = []
        for n in range(step * trial.batch, (step + 1) * trial.batch):
            losses.append(model.backpropagate(docs[n % len(docs)], params, config))
        for w in weights:
            w.grad /= trial.batch
        model.adam_step(weights, m, v, step + 1, trial.rate * (1 - step / trial.steps))
        yield statistics.fmean(losses)


def pair(names=BOTH, **options):
    """Return the trials of these mixers, by default both, with the same options."""
    return tuple(Trial(name, name, **options) for name in names)


def run(trials, make, number, seeds):
    """Return the Run of each trial with each seed, on make(seed, number), trained side by side."""
    task_of = {seed: make(seed, number) for seed in seeds}
    work = [(trial, task_of[seed], seed) for seed in seeds for trial in trials]
    steps = len(seeds) * sum(trial.steps for trial in trials)
    runs = compare.side_by_side(train_trial, work, show.usable_cores(), steps)
    show.forget_typed()
    return runs


# ---- a leak: one word lets the future in ---------------------------------------------------------

LEAKY = "mixes with a later bracket"
PROBE = "(()(()))()"  # the string in which a leak is looked for


def leaky_token_losses(model, tokens, params, config):
    """Stand in for token_losses: return the loss at each position."""
    cache = [[] for _ in range(config.n_layer)]
    length = tokens.index(tokens[0], 1)  # what follows is padding
    losses = [None] * length
    for t in reversed(range(length)):
        logits = model.forward(tokens[t], t, cache, params, config)
        losses[t] = model.cross_entropy(logits, tokens[t + 1])
    return losses


@functools.lru_cache(None)
def mixer(name):
    """Return the model file, or the copy of it, with this mixing layer."""
    if name == LEAKY:
        return beyond.variant(micro_grassmann, token_losses=leaky_token_losses)
    return beyond.mixer(name)


def leaky_weights():
    """Return (params, config) of the leaky model, as first drawn."""
    config = beyond.configure("Grassmann", 3, **SIZES["brackets"])
    return mixer(LEAKY).init_params(config, random.Random(SEEDS[0])), config


def moved_by_padding(model, params, config):
    """Return the positions at which padding after a string moves the loss."""
    tokens = model.tokenize(PROBE, VOCAB)
    before = model.token_losses(tokens, params, config)
    after = model.token_losses([*tokens, tokens[0], tokens[0]], params, config)
    return [t for t, (a, b) in enumerate(zip(before, after)) if a.data != b.data]


def found_leaks(model, params, config):
    """Return inside.leaks of a string: (changed bracket, earlier bracket whose guess moves)."""
    def read(brackets):
        with inside.watch(model, "forward") as calls:
            model.token_losses([2, *brackets, 2], params, config)
        logits = {call.args[1]: [v.data for v in call.result] for call in calls}
        return [logits[position] for position in range(1, len(brackets) + 1)]
    return inside.leaks(read, [VOCAB[bracket] for bracket in PROBE], 2)


# ---- what the screens say ------------------------------------------------------------------------


def loss_table(runs, names, measure=compare.held_out_loss, digits=3):
    """Return a table of the runs: the mean over the seeds, then each seed."""
    seeds = list(dict.fromkeys(run.seed for run in runs))
    rows = [["", "mean", *[f"seed {seed}" for seed in seeds]]]
    if len(seeds) == 1:
        rows = [["", f"seed {seeds[0]}"]]
    for name in names:
        numbers = [measure(run) for run in compare.of(runs, name)]
        cells = [statistics.fmean(numbers), *numbers] if len(numbers) > 1 else numbers
        rows.append([name, *[f"{x:.{digits}f}" for x in cells]])
    return show.indented(rows)


def difference(runs, one, other, measure=compare.held_out_loss):
    """Return (mean, half of the 95 % interval over the seeds) of one minus other, paired."""
    by_seed = [measure(a) - measure(b)
               for a, b in zip(compare.of(runs, one), compare.of(runs, other))]
    return statistics.fmean(by_seed), compare.student(by_seed)


def mean_loss(runs, name):
    """Return the mean over the seeds of a model's loss on the held-out documents."""
    return statistics.fmean([compare.held_out_loss(mine) for mine in compare.of(runs, name)])


def last_point(mine):
    """Return the loss on the held-out documents at the end of the curve of a run."""
    return mine.curve[-1][1]


def best_point(mine):
    """Return the least loss on the held-out documents along the curve of a run."""
    return min(loss for _, loss in mine.curve)


def verdict(gap, one, other):
    """Return a difference in loss with its interval and what it says."""
    mean, half = gap
    if mean + half < 0:
        words = f"{one} is ahead"
    elif mean - half > 0:
        words = f"{one} is behind"
    else:
        words = "neither is clear of the other"
    return f"{one} minus {other}: {mean:+.3f} ± {half:.3f}, so {words}."


# ---- the autopsies: each yields the claim, then the control --------------------------------------


def one_seed():
    """With one seed planes beat plain states; with ten they do not."""
    both = ("mean of states", "Grassmann")
    trials = pair(both, steps=150)
    first = run(trials, names, 150, SEEDS[:1])
    v = compare.verdict(first, *both)
    claim = (v.mean, v.half_by_document)
    yield Screen((
        f"150 names, seed {SEEDS[0]}. Two layers: the mean of planes, and the mean of plain states "
        "at the same offsets. Loss on 50 other names:",
        loss_table(first, both),
        verdict(claim, *both),
        "± is a 95 % interval over the 50 names, so the result does not depend on a few of them. "
        "The claim: planes are worth having."),
        {"claim": claim}, asks=BELIEVE)
    runs = first + run(trials, names, 150, SEEDS[1:10])
    control = difference(runs, *both)
    by_seed = compare.verdict(runs, *both).by_seed
    above = sum(x > 0 for x in by_seed)
    yield Screen((
        "The same with nine more seeds: other names, other first weights. The difference, seed by "
        "seed:",
        "    " + "  ".join(f"{x:+.3f}" for x in by_seed[:5]),
        "    " + "  ".join(f"{x:+.3f}" for x in by_seed[5:]),
        f"{above} of {len(by_seed)} are above 0. " + verdict(control, *both),
        "± is over the seeds now. An interval over test names knows nothing of seeds: it takes "
        "first weights and training names as given. (Several pairs of layers were tried to find "
        "one that seed 42 favours. Such claims are found in just this way.)"),
        {"claim": claim, "control": control})
    yield recorded_seeds()


def recorded_seeds():
    """Return the screen of the runs that take longer than a minute."""
    rows = [["", "seed 42 alone", "20 seeds", "from", "to"]]
    facts = {}
    for steps, record in json.loads(RECORDED.read_text(encoding="utf-8")).items():
        attention, planes = [record["losses"][name] for name in BOTH]
        by_seed = [planes[seed] - attention[seed] for seed in attention]
        gap = (statistics.fmean(by_seed), compare.student(by_seed))
        facts[steps] = (planes["42"] - attention["42"], gap)
        rows.append([f"{int(steps):,} steps", f"{facts[steps][0]:+.4f}",
                     f"{gap[0]:+.4f} ± {gap[1]:.4f}", f"{min(by_seed):+.4f}",
                     f"{max(by_seed):+.4f}"])
    return Screen((
        "The model files themselves, at their own sizes, Grassmann minus attention. This takes "
        "longer than a minute; recorded by python3 -m tests.record:",
        show.indented(rows),
        "At 1,000 steps seed 42 alone says: a tie. Twenty seeds say that attention is slightly "
        "ahead. At 3,000 steps seed 42 shows a larger gap than the twenty do.",
        "Try a seed yourself: python3 micro_gpt.py --seed 5, then micro_grassmann.py."),
        facts)


def too_little_training():
    """After 40 strings two layers tie; after 250 they do not."""
    blind = Trial("Grassmann, no past", "Grassmann", steps=40, window=())
    early = run((*pair(steps=40), blind), brackets, 40, SEEDS[:6])
    claim = difference(early, "Grassmann", "attention")
    yield Screen((
        "Balanced brackets, 40 strings to learn from, six seeds. Loss on 60 other strings:",
        loss_table(early, BOTH),
        verdict(claim, "Grassmann", "attention"),
        "Six seeds, an interval, the same strings for both. The claim: it makes no difference "
        "which layer looks back."),
        {"claim": claim}, asks=BELIEVE)
    late = run(pair(steps=250), brackets, 250, SEEDS[:6])
    control = difference(late, "Grassmann", "attention")
    fooled = difference(early, blind.name, "attention")
    yield Screen((
        "The same with 250 strings:",
        loss_table(late, BOTH),
        verdict(control, "Grassmann", "attention"),
        "And after 40 strings not even a layer without any past could be told from attention:",
        verdict(fooled, "no past", "attention"),
        "Ask how far there is still to go: the least loss possible on such strings is "
        f"{tasks.least_loss(PAIRS):.3f}."),
        {"claim": claim, "control": control, "fooled": fooled})


def unequal_updates():
    """The model with batches of 4 beats the one with batches of 32, whichever it is."""
    trials = [Trial(f"{mixer}, batches of {batch}", mixer, steps=256 // batch, batch=batch)
              for mixer in ("attention", "Grassmann") for batch in (32, 4)]
    attention32, attention4, grassmann32, grassmann4 = [trial.name for trial in trials]
    runs = run((trials[0], trials[3]), names, 256, SEEDS[:4])
    claim = difference(runs, grassmann4, attention32)
    yield Screen((
        "The same 256 names, once each, four seeds. Perplexity on 50 others, lower is better:",
        loss_table(runs, (attention32, grassmann4), compare.perplexity, 1),
        "Loss: " + verdict(claim, "Grassmann", "attention"),
        "Both had the same data and as many passes, and they have nearly as many weights."),
        {"claim": claim}, asks=BELIEVE)
    runs += run((trials[1], trials[2]), names, 256, SEEDS[:4])
    control = difference(runs, grassmann32, attention4)
    level = difference(runs, grassmann4, attention4)
    yield Screen((
        "Now the batches are swapped; all else is as before:",
        loss_table(runs, (attention32, attention4, grassmann32, grassmann4), compare.perplexity, 1),
        "Swapped, loss: " + verdict(control, "Grassmann", "attention"),
        "Batches of 4 for both: " + verdict(level, "Grassmann", "attention"),
        f"A batch is one update of the weights: {trials[0].steps} against {trials[1].steps}. Of "
        f"the claim's {-claim[0]:.3f} this leaves {-level[0]:.3f}."),
        {"claim": claim, "control": control, "level": level})


def the_leak():
    """A layer that mixes with later brackets beats attention, until it has to write."""
    trials = (Trial("attention", "attention", steps=200),
              Trial("new layer", LEAKY, steps=200),
              Trial("new layer, forwards", LEAKY, steps=200, forwards=True))
    runs = run(trials, brackets, 200, SEEDS[:5])
    claim = difference(runs, "new layer", "attention")
    yield Screen((
        "A new layer on balanced brackets, 200 strings, five seeds. Loss on 60 other strings:",
        loss_table(runs, ("attention", "new layer")),
        verdict(claim, "new layer", "attention"),
        "A test says that it does not look ahead: padding put after a string moves "
        f"{len(moved_by_padding(mixer(LEAKY), *leaky_weights()))} of its losses."),
        {"claim": claim}, asks=BELIEVE)
    ideal = statistics.fmean(tasks.ideal_loss(brackets(seed, 200).held_out, PAIRS)
                             for seed in SEEDS[:5])
    yield Screen((
        f"A first sign: knowing exactly how these strings are made gives a loss of {ideal:.3f} on "
        "them. On average no model can have less.",
        "This function computes the new layer's losses:",
        textwrap.indent(inspect.getsource(leaky_token_losses).rstrip(), "    ")),
        {"ideal": ideal}, asks="Which word lets the future in?")
    yield leak_found(runs, claim)


def leak_found(runs, claim):
    """Return the screen on which the leak is seen."""
    leaks = found_leaks(mixer(LEAKY), *leaky_weights())
    rows = [["bracket changed", "earlier guesses that move, at brackets"]]
    for place in (3, 6):
        rows.append([str(place), show.listed([s for t, s in leaks if t == place])])
    control = difference(runs, "new layer, forwards", "attention")
    return Screen((
        "The word is reversed: the string is read from its end, so the layer's past is the future. "
        "Padding is cut off before that, so no padding can show it. But change a bracket of "
        f"{PROBE} and see what moves (inside.leaks; counted from 0):",
        show.indented(rows),
        "None should move: at an earlier bracket the changed one has not been seen.",
        "The same weights, reading forwards from the first bracket, as a model must when it "
        "writes:",
        loss_table(runs, ("attention", "new layer, forwards")),
        verdict(control, "new layer", "attention")),
        {"claim": claim, "control": control})


def untuned_rate():
    """With one rate for both the planes win; with each layer's best rate their lead is gone."""
    runs = run(pair(steps=200, rate=0.3), brackets, 200, SEEDS[:5])
    claim = difference(runs, "Grassmann", "attention")
    yield Screen((
        "Balanced brackets, 200 strings, five seeds, a learning rate of 0.3 for both. Loss on 60 "
        "other strings:",
        loss_table(runs, BOTH),
        verdict(claim, "Grassmann", "attention"),
        "The same strings, steps, seeds and rate: nothing differs but the layer."),
        {"claim": claim}, asks=BELIEVE)
    tried = {rate: run(pair(steps=200, rate=rate), brackets, 200, SEEDS[5:7])
             for rate in (0.01, 0.03, 0.1)}
    best = {name: min(tried, key=lambda rate: mean_loss(tried[rate], name)) for name in BOTH}
    trials = [Trial(name, name, steps=200, rate=rate) for name, rate in best.items()]
    runs = run(trials, brackets, 200, SEEDS[:5])
    control = difference(runs, "Grassmann", "attention")
    rows = [["rate", *map(str, tried)]]
    rows += [[name, *[f"{mean_loss(tried[rate], name):.3f}" for rate in tried]] for name in BOTH]
    yield Screen((
        "Other rates, tried with two other seeds:",
        show.indented(rows),
        f"Each layer with its best rate, attention {best['attention']}, Grassmann "
        f"{best['Grassmann']}, and the first five seeds:",
        loss_table(runs, BOTH),
        verdict(control, "Grassmann", "attention"),
        "The same rate for both is not the same care for both."),
        {"claim": claim, "control": control})


def best_or_last():
    """At the last epoch the planes are ahead; at the best epoch neither is clear of the other."""
    both = ("linear map", "Grassmann")
    runs = run(pair(both, steps=360, rate=0.02, every=60), names, 60, SEEDS[:6])
    claim = difference(runs, "Grassmann", "linear map", last_point)
    control = difference(runs, "Grassmann", "linear map", best_point)
    yield Screen((
        "60 names, read six times; planes, and a linear map of the states at the same offsets. "
        "Loss on 50 other names after the last epoch:",
        loss_table(runs, both, last_point),
        verdict(claim, "Grassmann", "linear map"),
        "Both were trained equally long, and to the end."),
        {"claim": claim}, asks=BELIEVE)
    rows = [["epoch", *map(str, range(1, 7))]]
    for name in both:
        points = zip(*[[loss for _, loss in mine.curve] for mine in compare.of(runs, name)])
        rows.append([name, *[f"{statistics.fmean(point):.3f}" for point in points]])
    yield Screen((
        "The same runs, every epoch, the mean over the seeds:",
        show.indented(rows),
        "Each run at its best epoch:",
        loss_table(runs, both, best_point),
        verdict(control, "Grassmann", "linear map"),
        "Both numbers are true. The last epoch says which layer suffers less from reading "
        "60 names six times. (The best epoch was chosen on the names it is judged on: a third set "
        "is better.)"),
        {"claim": claim, "control": control})
    yield recorded_epochs()


def recorded_epochs():
    """Return the screen of a small text at full size, on which the sign is reversed."""
    rows = [["above attention", "best epochs", "last epochs"]]
    facts = {}
    for name, words in (("paper's layer", "planes"), ("linear map, paper's order", "linear map")):
        facts[name] = [above(name, SMALL_TEXT, epoch) for epoch in ("best", "last")]
        rows.append([words, *[f"{mean:+.1f} ± {half:.1f} %" for mean, half in facts[name]]])
    return Screen((
        "At full size (8 million weights, 246 thousand tokens of WikiText-2, 16 epochs, three "
        "fresh seeds; recorded in large/results), perplexity on validation:",
        show.indented(rows),
        "Whoever quotes best epochs finds a linear map that beats attention; whoever quotes last "
        "epochs finds that it loses. Which is it? With so little text, how long to train is a "
        "setting like any other, to be chosen for each layer on a set that is not reported."),
        facts)


def failed_baseline():
    """Attention loses by far; but it does worse than a table of letters."""
    trials = (Trial("attention", "attention", steps=200, rate=0.001),
              Trial("Grassmann", "Grassmann", steps=200),
              Trial("attention, 0.01", "attention", steps=200))
    seeds = SEEDS[:5]
    runs = run(trials, names, 200, seeds)
    claim = difference(runs, "Grassmann", "attention")
    yield Screen((
        "200 names, five seeds. Perplexity on 50 others, lower is better:",
        loss_table(runs, BOTH, compare.perplexity, 1),
        "Loss: " + verdict(claim, "Grassmann", "attention"),
        "The claim: planes are not only cheaper than attention, they are far better."),
        {"claim": claim}, asks=BELIEVE)
    counts = []
    for seed in seeds:
        task = names(seed, 200)
        counts.append(tasks.count_table_loss(0, task.train, task.held_out, 27, 16))
    gaps = [compare.held_out_loss(mine) - loss
            for mine, loss in zip(compare.of(runs, "attention"), counts)]
    control = (statistics.fmean(gaps), compare.student(gaps))
    level = difference(runs, "Grassmann", "attention, 0.01")
    yield Screen((
        "What loss is possible without learning at all?",
        show.indented([["blind guessing among 27", f"{math.log(27):.3f}"],
                       ["how often each letter occurs", f"{statistics.fmean(counts):.3f}"],
                       ["attention", f"{mean_loss(runs, 'attention'):.3f}"],
                       ["Grassmann", f"{mean_loss(runs, 'Grassmann'):.3f}"]]),
        verdict(control, "attention", "counting letters"),
        "So attention had hardly begun to learn; there is nothing to compare with. Its learning "
        "rate was 0.001. At 0.01, Grassmann's rate:",
        verdict(level, "Grassmann", "attention")),
        {"claim": claim, "control": control, "level": level})
    yield recorded_failure()


def recorded_failure():
    """Return the screen of a baseline at full size that failed at one rate."""
    rates = (0.0005, 0.001, 0.002)
    post = large_runs("attention, post-norm")
    planes = large_runs("paper's layer")
    rows = [["rate", *map(str, rates)],
            ["attention", *[f"{post[rate, 1]:.1f}" for rate in rates]],
            ["planes", "", *[f"{planes[rate, 1]:.1f}" for rate in rates[1:]]]]
    return Screen((
        "It does not take carelessness. This happened in this project's own runs: 12 layers, words "
        "of novels, norms after each layer as in the paper (large/results, seed 1, perplexity, "
        "empty: not run):",
        show.indented(rows),
        f"At the same rate of {rates[2]} planes are {post[0.002, 1] / planes[0.002, 1]:.1f} times "
        f"better. At {rates[1]} they are {100 * (planes[0.001, 1] / post[0.001, 1] - 1):.0f} % "
        "worse."),
        {"failed": post[0.002, 1], "trained": post[0.001, 1]})


def missing_control():
    """Planes use the past; the same places without planes use it better."""
    trials = (Trial("Grassmann, no past", "Grassmann", steps=200, window=()),
              *pair(("Grassmann", "linear map", "mean of states"), steps=200))
    runs = run(trials[:2], brackets, 200, SEEDS[:5])
    claim = difference(runs, "Grassmann", "Grassmann, no past")
    yield Screen((
        "Balanced brackets, 200 strings, five seeds. The layer as it is, and without any partner "
        "in the past. Loss on 60 other strings:",
        loss_table(runs, ("Grassmann, no past", "Grassmann")),
        verdict(claim, "Grassmann", "no past"),
        "Only the planes were taken away, and that costs something. The claim: the planes carry "
        "the past."),
        {"claim": claim}, asks=BELIEVE)
    runs += run(trials[2:], brackets, 200, SEEDS[:5])
    control = difference(runs, "linear map", "Grassmann")
    mean = difference(runs, "mean of states", "Grassmann")
    yield Screen((
        "But the planes were not all that was taken away: the places they look at went as well. "
        "The same four places without planes:",
        loss_table(runs, [trial.name for trial in trials]),
        verdict(control, "linear map", "Grassmann"),
        verdict(mean, "mean of states", "Grassmann"),
        "What helps is looking there; after 200 strings the mean of unit planes only gets in the "
        "way. After 20,000 longer ones, planes and states are level (RESULTS.md)."),
        {"claim": claim, "control": control, "mean": mean})


def large_runs(name, setting=TWELVE, epoch="best"):
    """Return {(rate, seed): perplexity at the best or last epoch} of a row of large/results."""
    return {(result["lr"], result["seed"]): math.exp(result[epoch]) for result in large_results()
            if (result.get("setting"), result.get("name")) == (setting, name)}


@functools.lru_cache(None)
def large_results():
    """Return what all files of large/results hold, in order."""
    return [json.loads(line) for path in sorted(LARGE.glob("*.jsonl"))
            for line in path.read_text(encoding="utf-8").splitlines()]


def fresh_seeds(name, setting=TWELVE, epoch="best"):
    """Return {seed: perplexity} at the rate that is best with seed 1, without that seed."""
    tried = large_runs(name, setting)
    best = min([rate for rate, seed in tried if seed == 1], key=lambda rate: tried[rate, 1])
    found = large_runs(name, setting, epoch)
    return {seed: found[rate, seed] for rate, seed in sorted(found) if rate == best and seed != 1}


def above(name, setting=TWELVE, epoch="best"):
    """Return (mean, half of the 95 % interval) of the seeds' per cent above attention."""
    attention = fresh_seeds("attention", setting, epoch)
    gaps = [100 * (perplexity / attention[seed] - 1)
            for seed, perplexity in fresh_seeds(name, setting, epoch).items() if seed in attention]
    return statistics.fmean(gaps), compare.student(gaps)


def wrong_block():
    """All six offsets in every layer, or one a layer: the gap to attention shrinks by far."""
    rows = [["", "mean", "above attention"]]
    for name, words in (("attention", "attention"), ("grassmann", "mean of planes"),
                        ("paper's layer", "one offset a layer"),
                        ("planes, pre-norm, norm in the branch", "the same, pre-norm and a norm"),
                        ("linear map, paper's order", "linear map, one a layer")):
        mean, half = above(name)
        gap = f"{mean:+.1f} ± {half:.1f} %" if name != "attention" else ""
        rows.append([words, f"{statistics.fmean(fresh_seeds(name).values()):.1f}", gap])
    claim = above("grassmann")
    yield Screen((
        "Words of five novels, 12 layers, 15 million weights. This takes a GPU; recorded in "
        "large/results by python3 -m large.experiments. Perplexity on validation, rates tuned, "
        "three to five fresh seeds:",
        show.indented(rows[:3]),
        "Here every layer takes the mean of the planes over all six offsets. The paper says 10 to "
        "15 %. The claim: the paper's result cannot be reproduced."),
        {"claim": claim}, asks=BELIEVE)
    yield Screen((
        "Readings of the paper differ: its 12-layer model has the offsets 1 1 2 2 4 4 8 8 12 12 16 "
        "16, which can mean one a layer. Then its gate is the only way round the layer, and its "
        "norms come after (the third of these rows):",
        show.indented(rows),
        "With one offset a layer there is no mean over offsets. So the first table measured a "
        "block that the paper may not have meant, and measured it well.",
        "Nor does this table settle it: only learning rates are tuned here. With dropout and "
        "epochs tuned as well, the paper's layer is 17.7 % above attention, and 24.2 % where "
        "attention has the paper's order of norms; on other books, rates tuned, 17.3 and 13.5 % "
        "(RESULTS.md).",
        "The last row is autopsy 8 once more."),
        {"claim": claim, "control": above("paper's layer")})


def wrong_tests():
    """A task that cannot tell, a temperature that flatters, a test set that was trained on."""
    yield from task_that_cannot_tell()
    yield from temperature_that_flatters()
    yield from trained_on_the_test()


def task_that_cannot_tell():
    """Yield two screens: a tie on names, and a tie with no past at all."""
    trials = (*pair(steps=200),
              Trial("Grassmann, no past", "Grassmann", steps=200, window=()))
    runs = run(trials, names, 200, SEEDS[:4])
    claim = difference(runs, "Grassmann", "attention")
    yield Screen((
        "200 names, four seeds. Loss on 50 others:",
        loss_table(runs, BOTH),
        verdict(claim, "Grassmann", "attention"),
        "The claim: planes are as good as attention."),
        {"claim": claim}, asks=BELIEVE)
    fooled = difference(runs, "Grassmann, no past", "attention")
    yield Screen((
        "Then a layer without a past is just as good, and it sees no letter but the last:",
        loss_table(runs, [trial.name for trial in trials]),
        verdict(fooled, "no past", "attention"),
        "On this task, at this size, looking back is worth nothing that four seeds can see. So the "
        "task cannot tell apart layers that look back. On brackets it can (autopsies 2 and 8)."),
        {"claim": claim, "fooled": fooled})


def temperature_that_flatters():
    """Yield two screens: what attention writes at temperature 0.5, then at 1."""
    trials = (Trial("attention", "attention", temperatures=(0.5, 1.0)),)
    runs = run(trials, brackets, 300, SEEDS[:4])
    cold = [text for mine in runs for text in mine.samples["0.5"]]
    warm = [text for mine in runs for text in mine.samples["1.0"]]
    yield Screen((
        f"Attention, 300 strings of brackets, four seeds. Each writes {WRITTEN} strings at "
        "temperature 0.5. Balanced:",
        f"    {share_balanced(cold)}",
        "The claim: it has nearly learnt the task."),
        {"claim": balanced_interval(cold)}, asks=BELIEVE)
    yield Screen((
        "Below 1 a temperature makes likely brackets likelier still. The same models at their own "
        "probabilities, temperature 1:",
        f"    {share_balanced(warm)}",
        f"Different strings among {len(cold)}: {len(set(cold))} at 0.5, {len(set(warm))} at 1."),
        {"claim": balanced_interval(cold), "control": balanced_interval(warm)})


def trained_on_the_test():
    """Yield two screens: a table learnt by heart does well, but worse than blind on new strings."""
    blind = math.log(3)
    every = []
    new = []
    number = 0
    for seed in SEEDS[:8]:
        task = brackets(seed, 300)
        table = tasks.CountTable(task.train, 16, 3, 0.3)
        unseen = [doc for doc in task.held_out if doc not in task.train]
        number += len(unseen)
        every.append(table.loss(task.held_out, 16) - blind)
        new.append(table.loss(unseen, 16) - blind)
    claim = (statistics.fmean(every), compare.student(every))
    control = (statistics.fmean(new), compare.student(new))
    yield Screen((
        "A table says how each piece of 300 strings went on, up to whole strings: it knows them by "
        "heart. Loss on 60 held-out strings, eight seeds; blind guessing among three symbols has "
        f"{blind:.3f}:",
        verdict(claim, "table", "blind guessing"),
        "The claim: it does well on held-out strings, so it has learnt more than those strings."),
        {"claim": claim}, asks=BELIEVE)
    yield Screen((
        f"Short strings repeat: of {8 * 60} held-out ones, only {number} are not among those "
        "trained on. On these:",
        verdict(control, "table", "blind guessing"),
        "Held out by number is not held out by content. Count what is on both sides."),
        {"claim": claim, "control": control})


def balanced_interval(texts):
    """Return (mean, half) of the share of balanced strings, in per cent: Wilson's interval."""
    low, high = compare.wilson(sum(map(tasks.is_balanced, texts)), len(texts))
    return 50 * (low + high), 50 * (high - low)


def share_balanced(texts):
    """Return the share of balanced strings with its interval, as text."""
    share = 100 * statistics.fmean(map(tasks.is_balanced, texts))
    mean, half = balanced_interval(texts)
    return f"{share:.0f} % ({mean - half:.0f} to {mean + half:.0f})"


# ---- the ten, and the program --------------------------------------------------------------------


class Autopsy(NamedTuple):
    """A way in which a comparison goes wrong."""

    title: str
    question: str  # that exposes it
    sentence: str  # to remember
    source: str  # where it happened
    play: object  # a function that yields the Screens


AUTOPSIES = (
    Autopsy("One seed", "How many seeds, and what spread over them?",
            "An interval over test documents knows nothing of the seeds: one run is one draw.",
            "The first README of microGrassmann: other names, 3,000 steps, seed 42: 2.3090 against "
            "2.3097. Seeds 1 and 2, run later, gave planes 0.018 and 0.019 more.", one_seed),
    Autopsy("Too little training", "Has the curve ended, or only the budget?",
            "A tie after a short training says something about the training, not about the layers.",
            "This project: on names after 1,000 steps three seeds saw no gap between planes and "
            "attention; two passes over all names, ten seeds, show 0.0292 ± 0.0056 (RESULTS.md).",
            too_little_training),
    Autopsy("Unequal updates", "Did both get as many updates?",
            "Equal epochs are not equal training: count updates of the weights.",
            "A public repository (Adipks): perplexity 132.6 for the planes at batch 4, 517.3 for "
            "attention at batch 32, the same epochs.", unequal_updates),
    Autopsy("The future leaks", "Does a changed later token move anything earlier?",
            "A loss that is too good is the first thing to explain; changing a later token finds "
            "what padding hides.",
            "A public implementation paired t with t + offset and trained for days; its test "
            "looked at padding only.", the_leak),
    Autopsy("An untuned rate", "Was each rival's learning rate tried?",
            "A common rate is a choice, and it can choose the winner.",
            "This project at full size, 6 layers, seed 1: planes are 38 % above attention at rate "
            "0.0005 for both, 52 % at 0.002 (large/results).",
            untuned_rate),
    Autopsy("Best epoch or last", "Which epoch is quoted, and who chose it?",
            "Choose the epoch on a validation set for every model alike, and show the curves.",
            "A public reproduction (youdie006, its later stabilised run): -8.2 % at the best "
            "epochs, +47.7 % at the last.", best_or_last),
    Autopsy("The baseline that failed", "Does the baseline beat counting?",
            "A rival that does worse than counting was not trained: mend it, then compare.",
            "A public run (youdie006, strict): planes 290.6, attention 1,381.4, which had failed "
            "to train.", failed_baseline),
    Autopsy("The missing control", "What does something plain in its place do?",
            "To learn what a part does, put the plainest thing you can in its place.",
            "The paper and its reproductions compare with attention only; with a linear map over "
            "the same offsets the question changes (RESULTS.md).", missing_control),
    Autopsy("The wrong block", "Is this the block that the claim is about?",
            "Before you refute a claim, say which reading of it you built.",
            "Reproductions read the schedule differently: one loops over all offsets in each layer "
            "(alphaXiv, 45 %), one takes one a layer (GrassLM), one has both (youdie006).",
            wrong_block),
    Autopsy("Three wrong tests", "Which model must fail this test, and does it?",
            "Test the test with a model that must fail it, and with one that learnt it by heart.",
            "This project, all three: names could not tell, brackets at temperature 0.5 flattered, "
            "and most of a lesson's short held-out strings had been trained on.", wrong_tests),
)
KEYS = "Space or Enter: next   q: quit "


def listing():
    """Return the list of the autopsies, and how to play one."""
    rows = [[str(n), autopsy.title, autopsy.question] for n, autopsy in enumerate(AUTOPSIES, 1)]
    return "\n".join(["Ten claims that went wrong, and the question that exposes each.", "",
                      show.table(rows, left=3), "",
                      "Play one: python3 autopsy.py 4", "All, without pauses: python3 autopsy.py "
                      "--all"])


def screens(number):
    """Yield the Screens of an autopsy; the last one is what to remember."""
    autopsy = AUTOPSIES[number - 1]
    yield from autopsy.play()
    yield Screen((f"To ask: {autopsy.question}", f"To remember: {autopsy.sentence}",
                  f"Where it happened: {autopsy.source}"), {})


def show_screen(number, screen):
    """Print a Screen under the heading of its autopsy."""
    heading = f"{number}/{len(AUTOPSIES)}  {AUTOPSIES[number - 1].title}"
    paragraphs = [show.wrapped(paragraph) for paragraph in screen.paragraphs]
    if screen.asks:
        paragraphs.append(f"? {screen.asks}")
    print("\n\n".join([show.bold(heading), *paragraphs]), flush=True)


def play(number, pause):
    """Print an autopsy, screen by screen; return "q" if the reader wants no more."""
    for screen in screens(number):
        show_screen(number, screen)
        if pause and show.key(KEYS, "q") == "q":
            return "q"
        print()
    return ""


def main(argv=None):
    """Read the options; list the autopsies or play some."""
    parser = show.Parser(description="How wrong claims are made: ten comparisons, rebuilt.",
                         allow_abbrev=False)
    parser.add_argument("number", nargs="?", type=show.whole_numbers(1, len(AUTOPSIES)),
                        help="play this one (default: list them)", metavar="N")
    parser.add_argument("--all", action="store_true", help="play all, without pauses")
    args = parser.parse_args(argv)
    if args.all and args.number:
        parser.error("N and --all exclude each other")
    if args.all:
        for number in range(1, len(AUTOPSIES) + 1):
            play(number, pause=False)
    elif args.number:
        play(args.number, pause=sys.stdout is not None and sys.stdout.isatty())
    else:
        print(listing())


if __name__ == "__main__":
    show.run_program(main)
