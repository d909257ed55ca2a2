"""The tutorial's pages: their text, and which numbers stand in it.

There is nothing to run; tutorial.py shows them. SPINE, at the end, is the lesson: fifteen pages and
the side trips that each of them points to. Each number is computed while you read. A new page is a
function that returns a Page, and an Entry in SPINE.
"""
import ast
import inspect
import math
import statistics
import textwrap
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import alternatives
import beyond
import inside
import micro_gpt
import micro_grassmann
import micro_grassmann_clean
import show
import tasks
import tutorial_lab as lab
from show import indented, listed
from tutorial_lab import (
    Question,
    arrow,
    blind_loss,
    chosen,
    dot_filled,
    partner_slips,
    plain,
    plucker_filled,
    times,
)


class Page(NamedTuple):
    """A page: what comes before its question, the question or None, and what comes after."""

    before: tuple
    question: object
    after: tuple
    shown: str  # the sentence that the reader takes away
    facts: dict  # the numbers that this sentence rests on


def aside(paragraphs, shown, facts):
    """Return the Page of a side trip, which asks nothing before it shows what it has."""
    return Page(paragraphs, None, (), shown, facts)


# ---- how things look -----------------------------------------------------------------------------


def signed(numbers):
    """Return losses' differences as text."""
    return ", ".join(f"{x:+.4f}" for x in numbers)


def parallelogram(u, v):
    """Return a drawing of u, v and u + v."""
    wide = 5
    high = 2
    ends = {"0": (0, 0), "u": u, "v": v, "u+v": (u[0] + v[0], u[1] + v[1])}
    grid = [[" "] * 28 for _ in range(high * ends["u+v"][1] + 1)]
    for start, end in (("0", "u"), ("0", "v"), ("u", "u+v"), ("v", "u+v")):
        (x0, y0), (x1, y1) = ends[start], ends[end]
        for step in range(25):
            share = step / 24
            row = grid[round(high * (y0 + share * (y1 - y0)))]
            row[round(wide * (x0 + share * (x1 - x0)))] = "."
    for name, (x, y) in ends.items():
        grid[high * y][wide * x:wide * x + len(name)] = name
    return "\n".join("    " + "".join(row).rstrip() for row in reversed(grid))


def code(function, first="", last=""):
    """Return a function's lines from its file, from the one with `first` to the one with `last`.

    Without these, the whole body but its docstring.
    """
    source = textwrap.dedent(inspect.getsource(function))
    [definition] = ast.parse(source).body
    start = definition.body[1 if ast.get_docstring(definition) else 0].lineno
    lines = source.rstrip().split("\n")[start - 1:]
    top = next(n for n, line in enumerate(lines) if first in line)
    end = next((n for n, line in enumerate(lines) if n >= top and last and last in line),
               len(lines) - 1)
    name = Path(inspect.getsourcefile(function)).name
    chosen_lines = textwrap.dedent("\n".join(lines[top:end + 1])).split("\n")
    shown = [f"# {name}, {function.__name__}", *map(narrow, chosen_lines)]
    return textwrap.indent("\n".join(shown), "    ")


def narrow(line):
    """Return a line of code; one too wide for the screen loses its comment, or else is broken."""
    if len(line) > 75:
        line = line.partition("  # ")[0]
    if len(line) <= 75:
        return line
    margin = " " * (len(line) - len(line.lstrip()) + 8)
    return textwrap.fill(line, 75, subsequent_indent=margin, break_long_words=False,
                         break_on_hyphens=False)


def bars(means, every):
    """Return a bar chart of means of so many steps, counted from the lowest of them."""
    low = min(means)
    room = max(means) - low
    lines = []
    for n, mean in enumerate(means, 1):
        length = round(40 * (mean - low) / room) if room else 0
        lines.append(f"    step {every * n:3}  {mean:.3f}  {'#' * length}|")
    return "\n".join(lines)


# ---- the spine -----------------------------------------------------------------------------------


def predict():
    """Show both kinds of text, and how far back one may have to look."""
    strings = lab.split("brackets")[0]
    text = max(strings, key=len)
    last = len(text) - 1
    opened = lab.matching(text, last)
    gap = last - opened
    marks = " " * opened + "^" + " " * (gap - 1) + "^"
    question = Question(
        f"In {text} the last bracket closes one that was opened how many symbols before it?", gap,
        0, "Go back from the last bracket: it closes the first one still open", slips=(
            (gap + 1, "that counts both ends: count the steps from one to the other"),
            (gap - 1, "that counts what lies between: count the steps"),
            (1, "its neighbour closes, too: find the one that is still open")))
    return Page((
        "A language model reads a text and guesses what comes next, one token after the other. "
        "Here a token is a letter or a bracket. This lesson has one question: what must a model "
        "keep of the past to guess well? Two kinds of text will help to answer it.",
        f"Names, {len(lab.names()):,} of them in input.txt:",
        f"    {'  '.join(lab.names()[:8])}",
        "Balanced brackets, made at random: each one that is opened is closed.",
        "\n".join(f"    {doc}" for doc in strings[:4])),
        question,
        (f"    {text}\n    {marks}",
         "A model guesses the end of a text, too. So a token of its own, BOS (beginning of "
         "sequence), opens and closes each text. Names then have 27 tokens, 26 letters and BOS; "
         "brackets have 3."),
        f"In these brackets, what decides the next one may lie {gap} symbols back.",
        {"gap": gap, "text": text})


def the_loss():
    """Show what a guess costs, and what blind guessing costs."""
    start = lab.fresh()
    size = start.config.vocab_size
    tokens = micro_grassmann.tokenize(lab.NAME, start.vocab)
    untrained = micro_grassmann.evaluate([tokens], start.params, start.config)
    rows = [["probability", "1", "1/2", "1/3", "1/1000"]]
    rows.append(["loss", *(f"{lab.loss_of(n):.3f}" for n in (1, 2, 3, 1000))])
    return Page((
        "After each token the model gives every token a number, its logit: the higher, the more "
        "likely. softmax turns them into probabilities, which add up to 1:",
        "    probability = exp(logit) / sum of the exp of all logits",
        "How wrong was the guess? The loss looks only at the token that really came:",
        "    loss = -log(probability)    log: the natural logarithm; the unit is the nat",
        indented(rows),
        "In the model file, for each position of a text (cross_entropy does both steps in one):",
        code(micro_grassmann_clean.token_losses, "logits =", "losses.append")),
        blind_loss(size),
        ("A model computes with weights, numbers that training changes. At first they are drawn at "
         f"random; the same seed gives the same ones. With seed {lab.SEEDS[0]} the untrained "
         f"model's loss on {lab.NAME}, the mean over its tokens, is {untrained:.3f}: it knows "
         "nothing yet.",),
        f"Blind guessing costs log {size} = {lab.loss_of(size):.3f} nats a token on names and "
        f"log 3 = {lab.loss_of(3):.3f} on brackets.",
        {"names": lab.loss_of(size), "brackets": lab.loss_of(3), "untrained": untrained})


def a_rival():
    """Beat blind guessing by counting."""
    steps = lab.STEPS["names"]
    orders = (1, 2, 3)
    few = [lab.table_loss("names", order) for order in orders]
    many = [lab.table_loss("names", order, True) for order in orders]
    rows = [["letters known", f"{steps} names counted", "all other names counted"]]
    for order, one, other in zip(orders, few, many):
        rows.append([str(order), f"{one:.3f}", f"{other:.3f}"])
    gains = [one - other for one, other in zip(few, many)]
    best = gains.index(max(gains)) + 1
    question = chosen(
        f"Three tables know the last 1, 2 or 3 letters. They are counted on {steps} names, then "
        "on all others. Which one gains most? The one that knows",
        ("the last", "the last two", "the last three"), best,
        f"It gains {max(gains):.3f} nats, the table of 1 letter only {gains[0]:.3f}. Longer "
        "contexts predict better but occur less often")
    counter = lab.counter_loss()
    table = min(lab.table_loss("brackets", order) for order in range(1, 9))
    return Page((
        "Before any model, a rival: count. How often did each letter follow an m, or an em? What "
        "followed often gets a high probability. A letter that never followed still gets a little: "
        "some imagined counts are added, shared out as the table of one letter less would share "
        "them. How many? As many as work best on a fifth of the names counted.",
        f"We count on {steps} names, as many as the models below will be trained on, and judge on "
        f"{lab.HELD_OUT} others that are held out: no table and no model has seen them before."),
        question,
        (indented(rows),
         f"Brackets, {lab.STEPS['brackets']} strings: the best table of the last 1 to 8 symbols "
         f"costs {table:.3f}. A table counted on the same strings that knows just two numbers, how "
         f"many brackets are open and how many symbols there were, costs {counter:.3f}."),
        f"The number to beat on names is {min(few):.3f}; on brackets, knowing how many are open "
        f"saves {table - counter:.3f} nats a token.",
        {"few": few, "gains": gains, "best": best, "saved": table - counter})


def look_back():
    """Show the stages of the model, and which one looks back."""
    start = lab.fresh()
    mixing = sum(len(row) for name in micro_grassmann.mixing_shapes(start.config)
                 for row in start.params[f"layer0.{name}"])
    total = sum(len(row) for rows in start.params.values() for row in rows)
    question = chosen(
        "Five positions ago a bracket was opened. Which of these functions can know about it?",
        ("rmsnorm", "feed_forward", "mix", "linear"), 3,
        "Only mix is given past; the others work on one position at a time", {
            1: "rmsnorm scales the vector of one position",
            2: "feed_forward gets the vector of one position only",
            4: "linear multiplies the vector of one position by weights"})
    return Page((
        f"A token becomes a vector: a list of d = {start.config.n_embd} numbers, a row of weights "
        "in wte. Its position t = 0, 1, 2, ... has a vector, too, a row in wpe. Then, in the model "
        "file:",
        code(micro_grassmann_clean.forward),
        "linear multiplies a vector by a matrix, which is a list of rows: number i of the result "
        "is the dot product of row i with x (multiply number by number, add up). We write W x. "
        "rmsnorm scales x so that the mean of its squares is 1. x = add(x, ...) adds a stage's "
        "result to x. feed_forward is two matrices, fc2 relu(fc1 x); relu(a) is a, or 0 if a < 0."),
        question,
        ("There are two models, each in a file of its own: micro_gpt.py, and "
         "micro_grassmann_clean.py, the paper's. They differ in the mixing layer, mix, and in "
         "nothing else: diff the two files. All that a model knows of the past, mix has kept. So "
         "this lesson is about mix.",),
        f"Of the {total:,} weights of the Grassmann model {mixing} are in the mixing layer, the "
        "only stage that looks back.",
        {"total": total, "mixing": mixing})


def attention():
    """Attention on toy vectors: who gets the weight, and what it costs."""
    xs = ((2, 0, 0, 0), (0, 2, 0, 0), (2, 1, 0, 0))
    scores, weights, result = lab.toy_attention(*xs)
    rows = [["s", "x_s", "score_s", "weight_s"]]
    for s, x in enumerate(xs):
        rows.append([str(s), arrow(x).replace("\u00a0", ""),
                     f"({dot_filled(xs[2], x)})/2 = {plain(scores[s])}", f"{weights[s].data:.3f}"])
    question = chosen(
        f"Size 4, and q = k = v = x. x_0 = {arrow(xs[0])}, x_1 = {arrow(xs[1])}, "
        f"x_2 = {arrow(xs[2])}. Which position gets the least weight at t = 2?",
        ("the first", "the second", "the third, itself"), 2,
        "Its score, x_2·x_1 / 2, is the lowest: a better match gets more weight",
        {3: "x_2 fits itself best of all: its dot product with itself is the highest"})
    costs = [lab.costs(length)[0] for length in (32, 64)]
    return Page((
        "Attention is a mean with weights. Position t asks; the positions s = 0 to t answer:",
        "    q_t = wq x_t  the query: what t looks for   score_s = q_t·k_s / sqrt(size)\n"
        "    k_s = wk x_s  the key: what s offers        weight_s = softmax of scores\n"
        "    v_s = wv x_s  the value: what s hands over  result = sum of weight_s v_s",
        code(micro_gpt.attend, "scores =", "out +="),
        "size is how many numbers q has. The model has 4 heads: parts of the vector, each with its "
        "own attention. One more matrix, wo, mixes their results."),
        question,
        (indented(rows, left=3),
         f"    result = {arrow(result)}; the plain mean gives each position 1/3.",
         f"Position t has t + 1 scores: L tokens have L (L + 1) / 2 a head, {costs[0]:,} at "
         f"L = 32 and {costs[1]:,} at L = 64 (counted as it ran). And all keys and values must be "
         "kept as long as the text goes on."),
        f"Attention keeps all of the past and chooses from it; twice the length has "
        f"{costs[1] / costs[0]:.2f} times the scores, O(L²).",
        {"weights": [w.data for w in weights], "growth": costs[1] / costs[0]})


def offsets():
    """Draw which positions each position looks at, as the layer looked."""
    length = 13
    t = length - 1
    config = micro_grassmann.Config(vocab_size=1)
    seen = lab.partners_of_all(length, config)
    rows = [["t", "s = " + " ".join(f"{s:2}" for s in range(length)), "partners"]]
    for row in (0, 1, 4, 7, t):
        marks = ["T" if s == row else "o" if s in seen[row] else "." for s in range(row + 1)]
        rows.append([str(row), "    " + " ".join(f"{mark:>2}" for mark in marks),
                     listed(seen[row]) if seen[row] else "none"])
    question = Question(f"Which positions are the partners of t = {t}?", set(seen[t]), 0,
                        ", ".join(f"{t} - {o} = {t - o}" for o in config.window if o <= t)
                        + "; what is below 0 does not exist", slips=partner_slips(t, config.window))
    counted = [lab.costs(length) for length in (32, 64)]
    growth = [after / before for before, after in zip(*counted)]
    return Page((
        "Another idea: look back at a few fixed places. An offset says how many positions to look "
        "back; the list of them, the window, is",
        f"    {arrow(config.window)}",
        "in the Grassmann model, which has the paper's layer (arXiv:2512.19428). The partners of "
        "position t are s = t - offset, for each offset, if s is 0 or more. In the model file:",
        code(micro_grassmann_clean.mean_plane, "for offset", "planes.append")),
        question,
        ("T: t itself, o: a partner, .: skipped (as noted while the layer ran)",
         indented(rows, left=3),
         "A window of w offsets has at most w pairs a position, however long the text is: O(L). "
         f"From L = 32 to 64 the numbers that attention makes grow {growth[1]:.2f} times, those of "
         f"this layer {growth[3]:.2f} times. The offsets bring this about, whatever the layer "
         "makes of the pairs."),
        f"Position {t} looks at {len(seen[t])} of {t} earlier positions, however much the others "
        "may matter.",
        {"seen": seen, "growth": growth})


def planes():
    """Compare what a plane and a dot product see."""
    u = (1, 0, 0)
    cases = (("1", (1, 1, 0)), ("", (1, 0, 1)), ("2", (0, 1, 0)), ("", (5, 1, 0)))
    rows = [["", "v", "u·v", "p of u and v", "p at length 1"]]
    for label, v in cases:
        rows.append([label, arrow(v), plain(lab.dot(u, v)), arrow(lab.plucker(u, v)),
                     arrow(lab.unit(u, v))])
    question = chosen(
        f"u = {arrow(u)}. First v = {arrow(cases[0][1])}, then v = {arrow(cases[1][1])}. What "
        "changes?", ("the dot product u·v", "the plane p", "both", "neither"), 2,
        "u·v multiplies what stands at the same place: 1*1 both times. p pairs different places",
        {1: "u·v is 1*1 + 0 + 0 both times", 3: "u·v is 1*1 + 0 + 0 both times",
         4: "p_01 is 1*1 - 0*1 first, then 1*0 - 0*1"})
    r = micro_grassmann.Config(vocab_size=1).r
    return Page((
        f"What does t learn about a partner? Each x is first reduced, z = W_red x, to r = {r} "
        "numbers. Attention would ask how alike two z are. This layer asks which plane they span:",
        "    p_ij = u_i v_j - u_j v_i    for all i < j: the Plücker coordinates of u, v",
        code(micro_grassmann_clean.plucker),
        "In 2-D p_01 is the signed area of the parallelogram with the sides u and v; with u and v "
        "swapped it changes its sign. z ∧ v is short for all p_ij of z and v."),
        question,
        (indented(rows),
         "1: only p tells the two v apart. 2: v leans towards u; only the dot product tells how "
         "far. The layer uses p scaled to length 1, and that is the same for both.",
         "To turn such planes with the mouse: python3 playground.py, in your browser."),
        "A plane keeps the direction in which v differs from u; how far v goes along u is lost.",
        {"dots": [lab.dot(u, v) for _, v in cases], "units": [lab.unit(u, v) for _, v in cases]})


def the_gate():
    """Turn planes into g, and let the gate mix g with x."""
    rows = [["score", "alpha", "alpha * x + (1 - alpha) * g"]]
    results = {}
    for score in (-4, 0, 4):
        toy = lab.gate_toy(score)
        share = toy.alpha[0].data
        results[score] = (share, toy.result[0].data)
        rows.append([plain(score), f"{share:.3f}",
                     f"{share:.3f}*1 + {1 - share:.3f}*5 = {toy.result[0].data:.3f}"])
    start = lab.fresh()
    tokens = micro_grassmann.tokenize(lab.NAME, start.vocab)
    place = inside.record(tokens, start.params, start.config)[-1]
    ratio = inside.size(place.g) / inside.size(place.x)
    question = chosen("x = 1, g = 5, and the score is 4. The result is near",
                      ("x", "the middle of both", "g"), 1,
                      f"sigmoid(4) = {results[4][0]:.3f} is the share of x",
                      {2: "that would need alpha = 0.5, a score of 0",
                       3: "alpha is the share of x, not of the past"})
    return Page((
        "The planes of all partners, each scaled to length 1, are averaged. W_plu turns the mean "
        "into d numbers: g, what the past has to say. A gate decides, for each of the d numbers, "
        "how much of x stays: alpha, a share from 0 to 1. sigmoid(a) = 1 / (1 + exp(-a)). mix:",
        code(micro_grassmann_clean.mix),
        "and its gate:",
        code(micro_grassmann_clean.gate)),
        question,
        (indented(rows, left=0),
         f"The whole layer on {lab.NAME}, fresh weights: at the last letter g has "
         f"{100 * ratio:.1f} % of the size of x. What the past has to say begins as a whisper. "
         "(Every number on the way: python3 trace_g.py)"),
        f"alpha is the share of x, not of the past: at alpha = {results[4][0]:.3f} the result is "
        f"{results[4][1]:.3f}, nearly x.",
        {"results": results, "ratio": ratio})


def gradient():
    """Follow the gradient through four nodes."""
    a, b, c, loss = lab.four_nodes(3.0)
    loss.backward()
    h = 0.001
    slope = (lab.four_nodes(3.0 + h)[-1].data - lab.four_nodes(3.0 - h)[-1].data) / (2 * h)
    rows = [["node", "number", "children", "local derivatives", "grad"]]
    for node, made, children in ((loss, "loss = c + b", "c, b"), (c, "c = b * b", "b, b"),
                                 (b, "b = a * 2", "a, 2"), (a, "a", "none")):
        rows.append([made, plain(node), children, listed(map(plain, node.local_grads)),
                     plain(node.grad)])
    question = Question(
        "a = 3, b = a * 2, c = b * b, loss = c + b. a grows by a tiny bit. How many times that bit "
        "does loss grow?", a.grad, 0, f"b grows 2 times as much, c 2 b = 12 times as much as b, so "
        f"loss 12 + 1 times as much as b: {plain(b.grad)} * 2 = {plain(a.grad)}", slips=(
            (24, "b goes into loss twice: through c, and directly"),
            (13, "that is for b; a moves b by 2"),
            (14, "c is b * b: it moves by 2 b, not by b"),
            (12, "that is how c moves with b")))
    return Page((
        "How does training know which way to move a weight? Each number that is computed is a "
        "node. It keeps its children, the numbers it was made from, and for each child a local "
        "derivative: how many times as fast as that child it moves. Its grad says how fast the "
        "loss moves with it. backward starts with loss.grad = 1 and hands gradients down (the "
        "chain rule):",
        code(micro_grassmann_clean.Value.backward, "for node in", "child.grad")),
        question,
        (indented(rows, left=1),
         f"    b.grad = 1*1 from loss, and twice from c: 1 + 6 + 6 = {plain(b.grad)}\n"
         f"    a.grad = {times(2, b.grad)} = {plain(a.grad)}"),
        f"Moving a by {h} up and down gives the slope {plain(slope)}: the gradient is right.",
        {"grad": a.grad, "slope": slope})


def training():
    """Show a step of training for one weight, and the loss of many steps as it fell."""
    start = lab.fresh()
    tokens = micro_grassmann.tokenize(lab.NAME, start.vocab)
    micro_grassmann.backpropagate(tokens, start.params, start.config)
    weights = [w for rows in start.params.values() for row in rows for w in row]
    w = max(start.params["layer0.W_red"][0], key=lambda weight: abs(weight.grad))
    old = w.data
    grad = w.grad
    micro_grassmann.adam_step(weights, [0.0] * len(weights), [0.0] * len(weights), 1, 0.01)
    way = 1 if w.data > old else 2
    question = chosen(f"A weight of W_red is {old:.5f}, its grad {grad:+.5f}. The step moves it",
                      ("up", "down", "not at all"), way,
                      f"It becomes {w.data:.5f}: against its grad. In the first step m_hat / "
                      "sqrt(v_hat) is 1 or -1, so it moves by lr")
    done = lab.all_seeds("names", "Grassmann")[0]
    steps = lab.STEPS["names"]
    tenth = max(1, steps // 10)
    means = [statistics.fmean(done.losses[i:i + tenth]) for i in range(0, steps, tenth)]
    return Page((
        "A step of training takes one text, computes its loss, calls backward and moves each "
        "weight a little against its grad. Adam's rule says how far: m is a running mean of the "
        "weight's grads, and v of their squares; m_hat and v_hat correct both for having started "
        "at 0; lr is the learning rate:",
        code(micro_grassmann_clean.adam_step, "m[i] =", "w.data")),
        question,
        (f"{steps} steps on names, lr falling from 0.01 towards 0; each bar is the mean loss of "
         f"{tenth} steps, above the lowest:",
         bars(means, tenth),
         "Watch one fall: python3 playground.py."),
        f"On {lab.HELD_OUT} names held out the loss was {done.before:.3f} and is "
        f"{done.after:.3f}.",
        {"before": done.before, "after": done.after, "moved": w.data - old, "grad": grad})


def writing():
    """Let the trained model write, and show what temperature does."""
    done = lab.all_seeds("names", "Grassmann")[0]
    labels = [*lab.fresh().vocab, "BOS"]
    order = sorted(range(len(labels)), key=lambda token: -done.odds[1][token])[:5]
    rows = [["temperature", *(labels[token] for token in order), "all others"]]
    for heat, odds in done.odds.items():
        first = [odds[token] for token in order]
        rows.append([f"{heat:g}", *(f"{p:.3f}" for p in first), f"{1 - sum(first):.3f}"])
    question = chosen("A temperature near 0 makes the model write",
                      ("mostly the likeliest token", "all tokens alike", "bolder names"), 1,
                      "Dividing by a small number spreads the logits, so the highest wins",
                      {2: "that is a very high temperature: all logits / temperature near 0",
                       3: "a high temperature does that"})
    strings = lab.all_seeds("brackets", "attention")[0].written
    seen = set(lab.split("brackets")[0])
    different = set(strings)
    return Page((
        "A trained model can write. It begins with BOS, draws the next token at random by its own "
        "probabilities, reads that token and draws the next, until it draws BOS again.",
        "Before softmax each logit is divided by a number, the temperature:",
        code(micro_grassmann_clean.generate, "odds =", "tokens +=")),
        question,
        ("The probabilities of the first letter, by the model just trained:",
         indented(rows),
         f"Eight names it wrote at 0.5: {' '.join(done.written)}.",
         f"Of {len(strings)} strings of brackets that attention wrote at 0.5, "
         f"{len(different)} differ. New, not among the {lab.STEPS['brackets']} it was trained on: "
         f"{len(different - seen)}. (There are few different short strings.)"),
        f"At temperature 0.1 the first letter is {labels[order[0]]} with probability "
        f"{done.odds[0.1][order[0]]:.3f}, at temperature 2 with {done.odds[2][order[0]]:.3f}.",
        {"odds": done.odds, "first": order[0], "label": labels[order[0]]})


def compare_both():
    """Compare the two models on names and on brackets, with two seeds."""
    lab.train_all(("names", "attention", None), ("names", "Grassmann", None),
                  ("brackets", "attention", None), ("brackets", "Grassmann", None))
    rows = [["held-out loss", *(f"seed {seed}" for seed in lab.SEEDS), "", "balanced"]]
    runs = {}
    for task in ("names", "brackets"):
        for mixer in ("attention", "Grassmann"):
            runs[task, mixer] = lab.all_seeds(task, mixer)
            share = ""
            if task == "brackets":
                share = f"{lab.share_balanced(runs[task, mixer]):.0f} %"
            rows.append([f"{task}, {mixer}", *(f"{run.after:.4f}" for run in runs[task, mixer]),
                         "", share])
    differences = {task: lab.gaps(task, "Grassmann", "attention") for task in ("names", "brackets")}
    shares = {mixer: lab.share_balanced(runs["brackets", mixer])
              for mixer in ("attention", "Grassmann")}
    question = Question(
        f"The trained Grassmann model has written {lab.WRITTEN * len(lab.SEEDS)} strings of "
        "brackets at temperature 0.5. How many of 100 are balanced?", shares["Grassmann"], 0,
        "Of 100, " + " and ".join(f"{lab.share_balanced([run]):.0f} with seed {seed}" for run, seed
                                  in zip(runs["brackets", "Grassmann"], lab.SEEDS))
        + ": this is the mean", guess=True)
    return Page((
        "Now compare. Both models get the same texts in the same order, and are judged on the same "
        f"{lab.HELD_OUT} others. One run is luck: another seed gives other first weights (and, of "
        "names, other texts). So everything is run with two seeds, and each seed compares both "
        "models. A difference counts only if both seeds show it and the two values lie nearer to "
        "each other than to 0.",),
        question,
        (indented(rows),
         f"Grassmann minus attention, names: {signed(differences['names'])}; brackets: "
         f"{signed(differences['brackets'])}.",
         "Two seeds are only a demonstration. RESULTS.md has 20 seeds, longer training, and the "
         "shares at temperature 1, which are lower."),
        f"On names {lab.lower(differences['names'], 'Grassmann', 'attention')}; on brackets "
        f"{lab.lower(differences['brackets'], 'Grassmann', 'attention')}.",
        {"differences": differences, "shares": shares})


GRID = ("attention", "Grassmann", "linear map", "running sum")
ASKED = {"brackets": "are the strings that it writes at temperature 0.5 balanced?",
         "game": "does this sign beat the one before it?",
         "star": "which sign had the star?"}


def task_for_each():
    """Show the grid in miniature: three tasks, four layers, two seeds."""
    rights = grid(GRID)
    rows = [["right with both seeds", *GRID]]
    for task in ASKED:
        rows.append([task, *(both(rights[task, mixer]) for mixer in GRID)])
    winners = {task: leaders(rights, task) for task in ASKED}
    question = chosen(
        "The game: five signs in a circle, each beats the next two and loses to the other two. "
        "Does this sign beat the one before it? Which layer learns that best?",
        GRID, GRID.index(winners["game"][0]) + 1,
        f"It answers {both(rights['game', winners['game'][0]])} right")
    return Page((
        "Brackets ask for counting. Other tasks ask other things of the past. Here are three; the "
        f"last two are about texts of {lab.LENGTH} random signs:",
        "\n".join(f"    {task:9} {words}" for task, words in ASKED.items()),
        "(One of the first four signs has a star; from then on the question is always which sign "
        f"that was. A blind guess is right in 50 % of the games and {100 // lab.SIGNS} % of the "
        "stars.)",
        "Four layers: attention; Grassmann, the paper's; a linear map, which reads the states z "
        "at the same offsets side by side, without any plane; and a running sum of all states so "
        "far, 3 numbers, which joins the paper's planes as one more partner (ours)."),
        question,
        (indented(rows),
         "When its two signs change places, the game reverses: the winner has lost. So does a "
         "plane: u ∧ v = -(v ∧ u). The window in the game has one offset, 1: the very place it "
         "asks about.",
         f"Small models (d = {lab.SMALL['n_embd']}), {lab.STEPS['signs']} texts: so little "
         "training that luck decides some runs; see where the two seeds differ. After 2,000 texts "
         "of 15 signs the linear map can answer such a question, too: about the sign four back it "
         "is right 99 % of the time, the mean of planes 61 % (RESULTS.md, \"dominance 4\")."),
        f"Ahead: {' and '.join(winners['brackets'])} on brackets, {' and '.join(winners['game'])} "
        f"on game, {' and '.join(winners['star'])} on star. Each task asks something different of "
        "the past.",
        {"rights": rights, "winners": winners})


def leaders(rights, task):
    """Return the layers whose mean over the seeds is within 5 % of the best, the best one first."""
    means = {mixer: statistics.fmean(rights[task, mixer]) for mixer in GRID}
    order = sorted(GRID, key=lambda mixer: -means[mixer])
    return [mixer for mixer in order if means[mixer] >= means[order[0]] - 5]


def grid(mixers):
    """Return {(task, mixer): what is right with each seed, in per cent}."""
    lab.train_all(*[(task, mixer, None) for task in ASKED for mixer in mixers])
    found = {(task, mixer): lab.all_seeds(task, mixer) for task in ASKED for mixer in mixers}
    for mixer in mixers:
        found["brackets", mixer] = [lab.share_balanced([run]) for run in found["brackets", mixer]]
    return found


def both(shares):
    """Return what both seeds reached: 100, 99 %."""
    return f"{listed(f'{share:.0f}' for share in shares)} %"


def what_works():
    """Show a state that the text itself controls, beside the others."""
    rights = grid(("attention", "running sum", "gated recurrence"))
    length = 1000
    config = micro_gpt.Config(vocab_size=1)
    d = config.n_embd
    small = micro_grassmann.Config(vocab_size=1)
    kept = {"attention": 2 * d * length, "Grassmann": small.r * max(small.window),
            "running sum": (small.r - 1) * (1 + max(small.window)), "gated recurrence": d}
    rows = [["right", *ASKED, f"kept at L = {length:,}"]]
    for mixer in ("attention", "running sum", "gated recurrence"):
        rows.append([mixer, *(both(rights[task, mixer]) for task in ASKED), f"{kept[mixer]:,}"])
    question = Question(
        f"d = {d}. How many numbers must this layer keep of a text of {length:,} tokens?", d, 0,
        f"h alone, {d} numbers, however long the text is", slips=(
            (d * length, "h is replaced at each token: only the last one is kept"),
            (2 * d * length, "that is attention, with all its keys and values"),
            (4 * d, "wh x and z are made anew each time: only h is kept")))
    return Page((
        "A mean and a sum keep whatever comes. The layers that are used in attention's place today "
        "keep a state of fixed size too, but let the text say what to keep and what to overwrite. "
        "The simplest is a gated recurrence: each number of its state h stays or is replaced by a "
        "new one, as a gate z says; and the present token decides z (alternatives.py):",
        code(alternatives.gated_recurrence, "z = [", "h = [h_i")),
        question,
        (indented(rows),
         f"Attention keeps a key and a value of each token: 2 * {d} * {length:,} numbers. The "
         f"Grassmann layer needs the z of its last {max(small.window)} positions: "
         f"{kept['Grassmann']} numbers. The running sum needs one number less of each z, and the "
         f"sum: {kept['running sum']}. (The models that answered have d = {lab.SMALL['n_embd']}.)",
         f"The table shows how little it keeps, not that it works. {BIGGER}"),
        f"A gated recurrence keeps {d} numbers where attention keeps {kept['attention']:,}, and "
        "chooses what to keep as it reads.",
        {"kept": kept, "rights": rights})


# From RESULTS.md, "At full size": six layers, 128 tokens, tuned rates, two to five fresh seeds.
BIGGER = ("Larger models show that it does. With 10 million weights, on the words of novels, rates "
          "tuned, its perplexity (exp of the loss) is 7 % below attention's. So is that of the "
          "gated delta rule, which keeps a matrix and corrects what it holds. The paper's layer is "
          "21 % above with one offset a layer, 47.5 % with the mean of six (RESULTS.md).")


KEPT = {"attention": ("all; chooses", "L²"),
        "Grassmann": ("a mean of planes", "L"),
        "linear map": ("a few states", "L"),
        "running sum": ("one sum of all", "L")}
FAR = 20  # points of a hundred: this far behind the best, a layer is called far behind


def what_to_keep():
    """Answer the lesson's question with its numbers."""
    rights = grid(GRID)
    rows = [["layer", "keeps", "ahead on", "far behind on", "cost"]]
    loses = {}
    for mixer, (words, growth) in KEPT.items():
        ahead = [task for task in ASKED if mixer in leaders(rights, task)]
        loses[mixer] = far_behind(rights, mixer)
        rows.append([mixer, words, listed(ahead), listed(loses[mixer]), growth])
    task, mixer = max(rights, key=lambda cell: max(rights[cell]) - min(rights[cell]))
    one, other = rights[task, mixer]
    question = chosen(
        "Two models, two seeds, and each model wins with one seed. What do you report?",
        ("the lower mean wins", "both, and no winner", "the best run of each"), 2,
        f"One seed proves nothing: seed {lab.SEEDS[0]} says that {mixer} gets {one:.0f} % right on "
        f"{task}, seed {lab.SEEDS[1]} says {other:.0f} %",
        {1: "if the two disagree, their mean can be luck: say so, and run more seeds",
         3: "the best of several tries says most about the number of tries"})
    return Page((
        "What must a layer keep of the past? That depends on what decides the next token: the last "
        "letters, how many, the order of two, or one thing long ago. Before you go on, say in your "
        "own words what attention, the paper's planes and a running sum keep, and which task each "
        "of them fails at.",),
        question,
        (show.table(rows, left=4),
         f"Far: {FAR} points or more behind the best, on average. Go on:\n"
         "    python3 tutorial.py --quiz     what you know now, with fresh numbers\n"
         "    micro_grassmann.py             the model, explained line by line\n"
         "    python3 exercises.py           write it yourself, each step checked\n"
         "    python3 playground.py          the models in your browser\n"
         "    python3 benchmark_tasks.py     the grid with more tasks, layers and seeds\n"
         "    python3 autopsy.py             ten comparisons that went wrong"),
        f"{sum(map(bool, loses.values()))} of {len(loses)} layers are far behind on at least one "
        "task, as trained here: what a layer must keep depends on what will be asked.",
        {"loses": loses, "rights": rights})


def far_behind(rights, mixer):
    """Return the tasks at which the mean of a layer is FAR below that of the best."""
    found = []
    for task in ASKED:
        best = statistics.fmean(rights[task, leaders(rights, task)[0]])
        if best - statistics.fmean(rights[task, mixer]) >= FAR:
            found.append(task)
    return found


# ---- side trips ----------------------------------------------------------------------------------


def tokens_and_chances():
    """Show the probability of each next token of a name."""
    start = lab.fresh()
    tokens = micro_grassmann.tokenize(lab.NAME, start.vocab)
    labels = [*start.vocab, "BOS"]
    cache = [[]]
    rows = [["after", "comes", "probability"]]
    chances = []
    for t, token in enumerate(tokens[:-1]):
        logits = micro_grassmann.forward(token, t, cache, start.params, start.config)
        chances.append(lab.probabilities([v.data for v in logits])[tokens[t + 1]])
        before = " ".join(labels[token] for token in tokens[:t + 1])
        rows.append([before, labels[tokens[t + 1]], f"{chances[-1]:.4f}"])
    size = start.config.vocab_size
    mean = statistics.fmean(chances)
    word = "no better" if mean <= 1 / size else "better"
    return aside((
        f"The untrained model, seed {lab.SEEDS[0]}, reads {lab.NAME}. After each token it gives "
        f"each of {size} tokens a probability of coming next. Those of the ones that came:",
        indented(rows, left=2),
        "-log of each is its loss, and the mean of the losses is that of the name."),
        f"What came had a probability of {mean:.3f} on average; a blind guess gives each of {size} "
        f"tokens 1/{size} = {1 / size:.3f}. The untrained model is {word} than that.",
        {"mean": mean, "blind": 1 / size, "word": word})


def count_brackets():
    """Count on brackets, and see what a table of the last symbols lacks."""
    orders = range(1, 9)
    losses = [lab.table_loss("brackets", order) for order in orders]
    counter = lab.counter_loss()
    rows = [["symbols known", *map(str, orders)], ["loss", *(f"{loss:.3f}" for loss in losses)]]
    return aside((
        "The same rival on brackets, counted on the strings that the models will train on, with "
        "the last 1 to 8 symbols known:",
        indented(rows),
        "A table counted on the same strings that knows no symbol at all, only two numbers, how "
        f"many brackets are open and how many symbols there were, has a loss of {counter:.3f}.",
        "How many are open depends on every symbol so far. Two numbers hold what matters, though "
        "no short piece of the text does.",
        f"Of the {lab.HELD_OUT} strings held out, {lab.repeated()} are also among those trained "
        "on: there are few different short strings. So a low loss may be mere memory; what counts "
        "here is how the layers rank."),
        f"Knowing how many are open saves {min(losses) - counter:.3f} nats a token over the best "
        "table of symbols.",
        {"losses": losses, "counter": counter})


def letters_to_vectors():
    """Show how a token and its position become the vector x_t."""
    start = lab.fresh()
    tokens = micro_grassmann.tokenize(lab.NAME, start.vocab)
    with inside.watch(micro_grassmann, "rmsnorm") as calls:
        micro_grassmann.forward(tokens[1], 1, [[]], start.params, start.config)
    rows = [[f"wte[{tokens[1]}]", show.vector(start.params["wte"][tokens[1]][:6]),
             f"token {tokens[1]} is {lab.NAME[0]}"],
            ["wpe[1]", show.vector(start.params["wpe"][1][:6]), "position 1"],
            ["their sum", show.vector(calls[0].args[0][:6])],
            ["x_1", show.vector(calls[0].result[:6]), "after rmsnorm"]]
    before = inside.size(calls[0].args[0])
    after = inside.size(calls[0].result)
    return aside((
        f"A token is a whole number, and {lab.NAME} is {' '.join(map(str, tokens))}. It is a mere "
        "label: token 12 is not more than token 4. So each token has a vector, a list of d = "
        f"{start.config.n_embd} weights: a row of the matrix wte. Each position t = 0, 1, 2, ... "
        "has a vector, too, a row of wpe. The two are added, and rmsnorm sets the size:",
        "    x_t = rmsnorm(wte[token] + wpe[t])\n"
        "    rmsnorm(x) = x / sqrt(mean of x² + 0.00001)   so 0/0 never occurs",
        f"Position 1 of {lab.NAME}, the first 6 of the {start.config.n_embd} numbers:",
        indented(rows, left=3)),
        f"Letter and position together are {start.config.n_embd} numbers. rmsnorm changes their "
        f"size (root of the mean square) from {before:.3f} to {after:.3f}.",
        {"before": before, "after": after})


def plain_average():
    """Average toy vectors, and show what an average cannot tell."""
    xs = ((6, 0), (0, 3), (3, 3))
    mean = lab.average(*xs)
    swapped = lab.average(xs[1], xs[0], xs[2])
    rows = [["t", "x_t", "first number of the mean", "mean"]]
    for t in range(len(xs)):
        filled = " + ".join(plain(x[0]) for x in xs[:t + 1])
        means = lab.average(*xs[:t + 1])
        rows.append([str(t), arrow(xs[t]), f"({filled})/{t + 1} = {plain(means[0])}",
                     arrow(means)])
    return aside((
        "The simplest mixing layer keeps the mean of all vectors so far. However long the past, "
        "it has d numbers:",
        "    mean_t = (x_0 + x_1 + ... + x_t) / (t + 1)",
        "By hand, with three vectors of two numbers:",
        indented(rows, left=4),
        "All vectors count the same, whatever is in them. And the order is lost: swap x_0 and x_1, "
        "and look at the mean at t = 2 again."),
        f"It was {arrow(mean)} and is {arrow(swapped)} again: a mean keeps what was there, but not "
        "where.",
        {"mean": mean, "swapped": swapped})


def attention_by_hand():
    """Compute attention on toy vectors: score, softmax, weighted sum."""
    xs = ((2, 0, 0, 0), (0, 2, 0, 0), (1, 0, 0, 1))
    scores, weights, result = lab.toy_attention(*xs)
    whole = sum(math.exp(score.data) for score in scores)
    rows = [["s", "x_s", "score_s", "exp", "weight_s"]]
    for s, x in enumerate(xs):
        e_s = math.exp(scores[s].data)
        rows.append([str(s), arrow(x).replace("\u00a0", ""),
                     f"({dot_filled(xs[2], x)})/2 = {plain(scores[s])}", f"{e_s:.3f}",
                     f"{e_s:.3f}/{whole:.3f} = {plain(weights[s])}"])
    return aside((
        "Three vectors, t = 2, and matrices that change nothing, so q = k = v = x. The size is 4, "
        "its root 2:",
        indented(rows, left=4),
        f"    result[0] = {' + '.join(times(w, x[0]) for w, x in zip(weights, xs))} "
        f"= {plain(result[0])}   (from all digits)\n    result    = {arrow(result)}",
        "A better match gets more weight. The plain mean gave each 1/3."),
        f"x_0 fits x_2 better than x_1 does, and weighs {plain(weights[0])} to "
        f"{plain(weights[1])}: attention chooses what it keeps.",
        {"weights": [w.data for w in weights]})


def attention_costs():
    """Count attention's scores."""
    lengths = (8, 16, 32, 64)
    scores = [lab.costs(length)[0] for length in lengths]
    rows = [["length L", *map(str, lengths)], ["scores of one head", *(f"{n:,}" for n in scores)],
            ["growth", "", *(f"{b / a:.2f}" for a, b in zip(scores, scores[1:]))]]
    return aside((
        "Position t scores the positions 0 to t, t + 1 of them. A text of L tokens needs, in each "
        "head,",
        "    1 + 2 + ... + L = L (L + 1) / 2 scores",
        "The layer has just run on random vectors, and what went into softmax was counted:",
        indented(rows),
        "And all keys and values must be kept as long as the text goes on."),
        f"Twice the length needs {scores[-1] / scores[-2]:.2f} times the scores: attention keeps "
        "all of the past and pays with the square of its length, O(L²).",
        {"scores": scores})


def offsets_cost():
    """Compare the cost of both layers."""
    lengths = (8, 16, 32, 64)
    counted = [lab.costs(length) for length in lengths]
    rows = [["", "attention", "", "Grassmann", ""],
            ["L", "scores", "nodes", "pairs", "nodes"]]
    rows += [[str(length), *(f"{n:,}" for n in row)] for length, row in zip(lengths, counted)]
    growth = [after / before for before, after in zip(counted[-2], counted[-1])]
    return aside((
        "With a fixed window of w offsets a text of L tokens has at most w L pairs: O(L).",
        indented(rows, left=0),
        "pairs: calls of the function that compares two positions (next pages). nodes: all numbers "
        "that the layer made; each costs once when it is computed and once more in training. Nodes "
        "are not seconds; for those: python3 benchmark.py"),
        f"From L = {lengths[-2]} to {lengths[-1]} attention's nodes grow {growth[1]:.2f} times, "
        f"Grassmann's {growth[3]:.2f} times.",
        {"growth": growth})


def reach():
    """Change one token at a time, and see whether the last position's logits move."""
    longest = max(lab.names(), key=len)[:15]
    t = len(longest)
    rows = [["", " ".join(("^", *longest)), "sees"]]
    sees = []
    for n in (1, 2, 3):
        moved = lab.what_moves(lab.fresh(n), micro_grassmann, longest)
        rows.append([f"Grassmann, {n} layer{'s' * (n > 1)}",
                     " ".join("x" if mark else "." for mark in moved), str(sum(moved))])
        sees.append(sum(moved))
    moved = lab.what_moves(lab.fresh(model=micro_gpt), micro_gpt, longest)
    rows.append(["attention, 1 layer", " ".join("x" if mark else "." for mark in moved),
                 str(sum(moved))])
    return aside((
        f"Which letters can reach the last position? Both models read {longest}; then one token "
        "is exchanged and they read again. x: some logit at the end has moved, .: none has, "
        "^: BOS.",
        indented(rows, left=2),
        "A second layer hears from partners that have heard from partners of their own, so it "
        "sees what two offsets add up to.",
        "Seeing is not yet using: this only shows where numbers can flow."),
        f"With 1, 2 and 3 layers position {t} sees {sees[0]}, {sees[1]} and {sees[2]} of "
        f"{t + 1} positions.",
        {"sees": sees, "attention": sum(moved)})


def reduction():
    """Reduce a vector by W_red, by hand."""
    red = ((1, 0, 1, 0), (0, 1, 0, -1))
    x = (1, 2, 3, 5)
    other = (3, 1, 1, 4)
    z, same = [[v.data for v in micro_grassmann.linear(lab.values(*v), lab.matrix(*red))]
               for v in (x, other)]
    rows = [[f"row {i} of W_red is {arrow(row)}:", f"z[{i}] = {dot_filled(row, x)} = {plain(z_i)}"]
            for i, (row, z_i) in enumerate(zip(red, z))]
    config = micro_grassmann.Config(vocab_size=1)
    return aside((
        "What does t learn about a partner? First, each x is made smaller. W_red, a matrix of r "
        f"rows, makes r = {config.r} numbers of the d = {config.n_embd} in x_t; training decides "
        "which:",
        "    z_t = W_red x_t            z_t[i] is the dot product of row i with x_t",
        f"By hand, from 4 numbers to r = 2, for x = {arrow(x)}:",
        indented(rows, left=2),
        f"Another vector, {arrow(other)}, becomes z = {arrow(same)}."),
        f"{arrow(x)} and {arrow(other)} become the same z = {arrow(z)}: to reduce is to "
        "forget.",
        {"z": z, "same": same})


def planes_in_2d():
    """Show the signed area of two vectors."""
    u, v = (3, 1), (1, 2)
    area = lab.plucker(u, v)[0]
    back = lab.plucker(v, u)[0]
    return aside((
        "Now compare two reduced vectors u and v. Attention asks how alike they are. The "
        "Grassmann layer asks which plane they span. As arrows from 0 they are two sides of a "
        f"parallelogram, here u = {arrow(u)} and v = {arrow(v)}:",
        parallelogram(u, v),
        "    p_01 = u_0 v_1 - u_1 v_0    the Plücker coordinate: its signed area\n"
        f"         = {plucker_filled(u, v)} = {plain(area)}"),
        f"With u and v swapped it is {plain(back)}: the sign tells \"now, then\" from \"then, "
        "now\".",
        {"area": area, "back": back})


def planes_in_3d():
    """Work out the Plücker coordinates of vectors of three numbers."""
    u, v = (1, 2, 0), (0, 1, 3)
    p = lab.plucker(u, v)
    lines = [f"    p_{i}{j} = u_{i} v_{j} - u_{j} v_{i} = {plucker_filled(u, v, i, j)} = {plain(x)}"
             for (i, j), x in zip(combinations(range(3), 2), p)]
    sizes = (2, 3, 4, 8, 16)
    counts = [len(lab.plucker([1] * n, [1] * n)) for n in sizes]
    return aside((
        "Each pair of places i < j gives one coordinate. In 3-D there are three, the areas of the "
        "parallelogram's shadows on the planes of the axes 0 and 1, 0 and 2, 1 and 2 (pictures: "
        f"picture_plane.svg). u = {arrow(u)}, v = {arrow(v)}:",
        "\n".join(lines),
        "Longer vectors have r (r - 1) / 2 of them, which is why x was reduced:",
        indented([["numbers r", *map(str, sizes)], ["coordinates", *map(str, counts)]])),
        f"A plane in 3-D is p = {arrow(p)}; the model's r = 4 gives {counts[2]} coordinates, "
        f"d = 16 would give {counts[4]}.",
        {"p": p, "counts": counts})


def what_a_plane_keeps():
    """Show what changes p and what does not."""
    u, v = (1, 2, 0), (0, 1, 3)
    twice = tuple(2 * x for x in u)
    moved = tuple(a + b for a, b in zip(u, v))
    p = lab.plucker(u, v)
    slid = lab.plucker(u, moved)
    flat = lab.plucker(u, twice)
    rows = [["u and v", arrow(p), ""], ["v and u", arrow(lab.plucker(v, u)), "swapped: signs flip"],
            ["2u and v", arrow(lab.plucker(twice, v)), "the same plane, a common factor"],
            ["u and u + v", arrow(slid), "the parallelogram leans, its area stays"],
            ["u and 2u", arrow(flat), "parallel: no plane"]]
    total = lab.dot(p, p)
    lagrange = f"{times(lab.dot(u, u), lab.dot(v, v))} - {times(lab.dot(u, v), lab.dot(u, v))}"
    return aside((
        f"The same u = {arrow(u)} and v = {arrow(v)}, and what happens to p:",
        indented(rows, left=3),
        "The squares of p add up to the squared area |p|². Lagrange's identity gets it from dot "
        "products alone (|u|² is u·u):",
        f"    p·p                   = {' + '.join(times(c, c) for c in p)} = {plain(total)}\n"
        f"    |u|² |v|² - (u·v)²    = {lagrange} = "
        f"{plain(lab.dot(u, u) * lab.dot(v, v) - lab.dot(u, v) ** 2)}"),
        f"u + v in v's place gives the same p = {arrow(slid)}: a plane keeps the direction it "
        "lies in, not the vectors that span it.",
        {"p": p, "slid": slid, "flat": flat})


def mean_of_units():
    """Show that the mean of units cancels where they differ."""
    start = lab.fresh()
    tokens = micro_grassmann.tokenize(lab.NAME, start.vocab)
    place = inside.record(tokens, start.params, start.config)[-1]
    rows = [[f"unit of {place.t} and {partner.s}", show.vector(partner.unit)]
            for partner in place.partners]
    rows.append(["their mean", show.vector(place.mean)])
    length = inside.length(place.mean)
    n = len(place.partners)
    return aside((
        "A position has several partners, so several units. The paper's layer takes their mean. "
        f"The last letter of {lab.NAME}, t = {place.t}, in the fresh model:",
        indented(rows, left=2),
        "Add up the first column and divide by "
        f"{n}: ({' + '.join(times(round(p.unit[0].data, 3)) for p in place.partners)})/{n} = "
        f"{place.mean[0].data:.3f}.",
        "Early positions have fewer partners; position 0 has none, and its mean is 0."),
        f"The units have length 1, their mean {length:.3f}: where they differ, they cancel.",
        {"length": length, "units": [inside.length(p.unit) for p in place.partners]})


def one_name():
    """Follow one name through the layer, letter by letter."""
    start = lab.fresh()
    tokens = micro_grassmann.tokenize(lab.NAME, start.vocab)
    places = inside.record(tokens, start.params, start.config)
    rows = [["t", "token", "partners", "z_t[0], z_t[1]", "g_t[0]", "alpha[0]", "size of g"]]
    for place, letter in zip(places, ("BOS", *lab.NAME)):
        rows.append([str(place.t), letter, " ".join(str(p.s) for p in place.partners) or "none",
                     show.vector(place.z[:2]), show.number(place.g[0]),
                     show.number(place.alpha[0]), f"{inside.size(place.g):.3f}"])
    ratio = inside.size(places[-1].g) / inside.size(places[-1].x)
    return aside((
        f"The whole layer on {lab.NAME}, fresh weights:",
        show.table(rows, left=3),
        "At t = 0 there is no partner, so no plane, and g is 0. All other numbers of all "
        "positions, with the arithmetic beside them: python3 trace_g.py",
        "And who decides alpha? python3 trace_alpha_wred.py"),
        f"In the fresh model g has {100 * ratio:.1f} % of the size of x at the last letter: what "
        "the past has to say begins as a whisper.",
        {"ratio": ratio, "first": inside.size(places[0].g)})


def the_fold():
    """Fold two planes into one by hand."""
    z, past = (1, 2, 0), ((0, 1, 3), (2, 0, 1))
    planes = [lab.plucker(z, v) for v in past]
    long_way = [sum(column) for column in zip(*(lab.unit(z, v) for v in past))]
    m = beyond.fold(micro_grassmann, lab.values(*z), [lab.values(*v) for v in past])
    folded = [p.data for p in micro_grassmann.plucker(lab.values(*z), m)]
    weights = [lab.dot(p, p) ** -0.5 for p in planes]
    return aside((
        "A last look at the paper's layer. z ∧ v is linear in v: if two v are added, their planes "
        "add up. So the sum of units is one plane, which can be made in one go:",
        "    sum of (z ∧ z_s) / |z ∧ z_s|   =   z ∧ m,     m = sum of z_s / |z ∧ z_s|",
        f"By hand, z = {arrow(z)} and the partners {arrow(past[0])} and {arrow(past[1])}. The "
        "lengths come from Lagrange's identity:",
        indented([["weights 1 / |z ∧ z_s|", listed(f"{w:.4f}" for w in weights)],
                  ["m", arrow(m)], ["z ∧ m", arrow(folded)],
                  ["both units added up", arrow(long_way)]], left=2),
        "It is faster (python3 benchmark.py), and it says what the layer is: a weighted sum of a "
        "few past states, and the one plane that it makes with the present."),
        f"z ∧ m and the two units added up are the same, {arrow(folded)}: the layer makes one "
        "averaged state of its partners.",
        {"folded": folded, "long_way": long_way})


def why_the_order():
    """Hand gradients down in a wrong order."""
    nodes = lab.four_nodes(3.0)
    a, b, c, loss = nodes
    loss.grad = 1.0
    lines = []
    for name, node in (("loss", loss), ("b", b), ("c", c)):
        for child, local in zip(node.children, node.local_grads):
            child.grad += local * node.grad
        lines.append([f"{name} hands down", f"a.grad = {plain(a.grad)}",
                      f"b.grad = {plain(b.grad)}", f"c.grad = {plain(c.grad)}"])
    right = lab.four_nodes(3.0)
    right[-1].backward()
    return aside((
        "b has two parents, loss and c. It must not hand down before both have paid in. So "
        "backward sorts the nodes: each comes after all nodes made from it. The same four nodes in "
        "a wrong order, loss, b, c:",
        indented(lines, left=4),
        "When c paid in to b, b had already handed down. No error is raised.",
        "Weights are leaves: their grad adds up over all losses until training sets it "
        "to 0."),
        f"In the wrong order a.grad is {plain(a.grad)}, and not {plain(right[0].grad)}: a gradient "
        "that comes too late is lost.",
        {"wrong": a.grad, "right": right[0].grad})


def names_compared():
    """Compare the mixing layers on names, and with counting."""
    rows = [[f"loss on {lab.HELD_OUT} names held out", *(f"seed {seed}" for seed in lab.SEEDS)]]
    found = {}
    kinds = (("attention", "attention", None), ("Grassmann", "Grassmann", None),
             ("Grassmann without a past", "Grassmann", ()))
    lab.train_all(*[("names", mixer, window) for _, mixer, window in kinds])
    for words, mixer, window in kinds:
        losses = [run.after for run in lab.all_seeds("names", mixer, window)]
        found[words] = losses
        rows.append([words, *(f"{loss:.4f}" for loss in losses)])
    past = [a - b for a, b in zip(found["Grassmann without a past"], found["Grassmann"])]
    best = min(lab.table_loss("names", order) for order in (1, 2, 3))
    uses = min(past) > 0 and lab.steady(past)
    verdict = "uses its past" if uses else "is not seen to use its past"
    return aside((
        f"Names after {lab.STEPS['names']} steps. The third model has an empty window, so g is 0 "
        "and it knows only the last letter and its position:",
        indented(rows),
        f"Table of counts, the same {lab.STEPS['names']} names, seed {lab.SEEDS[0]}: {best:.4f}.",
        f"Taking the past away changes the loss by {signed(past)}. The two models compared have "
        "the same names and the same first weights.",
        "Longer training lets all of them use more of the past: RESULTS.md has the tables."),
        f"On names, after {lab.STEPS['names']} steps, the Grassmann layer {verdict}: with so few "
        "names mixing layers cannot be compared.",
        {"past": past})


def what_was_written():
    """Show strings that were written, and how the share depends on the seed."""
    mixers = ("attention", "Grassmann")
    lines = []
    shares = {}
    for mixer in mixers:
        runs = lab.all_seeds("brackets", mixer)
        shares[mixer] = [lab.share_balanced([run]) for run in runs]
        lines.append(f"    {mixer}")
        for text in runs[0].written[:5]:
            remark = "" if tasks.is_balanced(text) else "not balanced"
            lines.append(f"        {text:16} {remark}".rstrip())
    seen = set(lab.split("brackets")[0])
    counted = [["", "balanced", "different", "of these, new"]]
    for mixer in mixers:
        texts = lab.all_seeds("brackets", mixer)[0].written
        counted.append([mixer, f"{sum(map(tasks.is_balanced, texts))} of {len(texts)}",
                        str(len(set(texts))), str(len(set(texts) - seen))])
    return aside((
        f"What both wrote at temperature 0.5, seed {lab.SEEDS[0]}, the first five each:",
        "\n".join(lines),
        f"All of what seed {lab.SEEDS[0]} wrote (new: not among the strings trained on):",
        indented(counted),
        f"Page 12 gives the mean of both seeds: Grassmann {both(shares['Grassmann'])}, attention "
        f"{both(shares['attention'])}."),
        f"With seed {lab.SEEDS[0]} alone {shares['Grassmann'][0]:.0f} % of Grassmann's strings are "
        f"balanced, with seed {lab.SEEDS[1]} alone {shares['Grassmann'][1]:.0f} %.",
        {"shares": shares})


def tempting():
    """Show two pasts with one mean, and the explanation that this suggests."""
    past = ((1, 0, 0), (0, 1, 0))
    swapped = past[::-1]
    x = (0, 0, 1)
    plu = [(1, 2, 3), (4, 5, 6), (7, 8, 9)]
    one = lab.toy_mix(*past, x, plu=plu, window=(1, 2))
    two = lab.toy_mix(*swapped, x, plu=plu, window=(1, 2))
    rows = [["", "first past", "second past"]]
    for n in (0, 1):
        rows.append([f"p at offset {n + 1}", arrow(one.partners[n].unit),
                     arrow(two.partners[n].unit)])
    rows.append(["mean", arrow(one.mean), arrow(two.mean)])
    rows.append(["g", arrow(one.g), arrow(two.g)])
    return aside((
        "Why does the paper's layer lose on brackets? Here is a tempting explanation. Take z_t = "
        f"{arrow(x)} and two partners; then the same two, swapped:",
        indented(rows),
        "A sum does not depend on the order of what is added. Whether a bracket was opened at t - "
        "1 or t - 2 is lost, unless the vectors themselves tell (wpe does, a little).",
        "True, but is that the reason? If so, layers that tell the offsets apart should do well on "
        "brackets, and layers that average should not. The next page tests both."),
        f"Two pasts, one mean: g is {arrow(one.g)} both times.",
        {"one": [v.data for v in one.g], "two": [v.data for v in two.g],
         "units": [[v.data for v in p.unit] for p in one.partners]})


def refuted():
    """Test the explanation by two controls on brackets."""
    mixers = ("attention", "planes apart", "mean of states", "Grassmann")
    lab.train_all(*[("brackets", mixer, None) for mixer in mixers],
                  ("brackets", "Grassmann", ()))
    rows = [["brackets", *(f"loss, seed {seed}" for seed in lab.SEEDS), "balanced"]]
    losses = {}
    for mixer in mixers:
        runs = lab.all_seeds("brackets", mixer)
        losses[mixer] = statistics.fmean([run.after for run in runs])
        rows.append([mixer, *(f"{run.after:.4f}" for run in runs),
                     f"{lab.share_balanced(runs):.0f} %"])
    runs = lab.all_seeds("brackets", "Grassmann", ())
    rows.append(["Grassmann without a past", *(f"{run.after:.4f}" for run in runs),
                 f"{lab.share_balanced(runs):.0f} %"])
    differences = lab.gaps("brackets", "mean of states", "Grassmann")
    apart = losses["Grassmann"] - losses["planes apart"]
    mean = losses["Grassmann"] - losses["mean of states"]
    return aside((
        "Two controls. \"planes apart\" puts the planes side by side, so that W_plu has its own "
        "columns for each offset and the order is kept. \"mean of states\" drops the planes and "
        "averages z itself: it, too, loses the order.",
        indented(rows),
        f"Keeping the order lowers the loss by {apart:.4f}; the mean of states, which keeps no "
        f"order either, lowers it by {mean:.4f}. {order_words(apart, mean)}",
        "On the words of novels it is different (RESULTS.md, 10 million weights). There "
        "perplexity, exp of the loss, is above attention's by 47.5 % with the mean of planes, 45 % "
        "with the mean of states, 18 % with planes apart: both means lose, and planes kept apart "
        "win most of it back."),
        f"Mean of states minus Grassmann: {signed(differences)}; "
        f"{lab.lower(differences, 'the mean of states', 'Grassmann')}. What explains one task "
        "need not explain another.",
        {"differences": differences, "apart": apart, "mean": mean})


def order_words(apart, mean):
    """Return what two changes of the loss say about the order as an explanation."""
    if mean > 0.5 * apart:
        return ("So the order is not all that is missing on brackets: a layer that keeps none "
                "gains at least half as much.")
    return "So here the order may be most of what is missing."


def no_planes():
    """Take the planes away and keep the offsets."""
    mixers = ("attention", "attention, same offsets", "linear map", "planes apart", "Grassmann")
    lab.train_all(*[("brackets", mixer, None) for mixer in mixers])
    rows = [["brackets", *(f"loss, seed {seed}" for seed in lab.SEEDS), "balanced"]]
    means = []
    for mixer in mixers:
        runs = lab.all_seeds("brackets", mixer)
        means.append(statistics.fmean([run.after for run in runs]))
        rows.append([mixer, *(f"{run.after:.4f}" for run in runs),
                     f"{lab.share_balanced(runs):.0f} %"])
    differences = lab.gaps("brackets", "linear map", "planes apart")
    lead = means[-1] - means[0]
    limited, linear = [100 * (means[-1] - mean) / lead for mean in means[1:3]]
    return aside((
        "Do the planes help, or only the places where they look? Two more controls keep the "
        "offsets. A linear map of z_t, z_(t-1), z_(t-2), ..., side by side, has no plane at all (a "
        "dilated convolution). And attention may look at the same offsets only.",
        indented(rows),
        f"Attention held to the same offsets keeps {limited:.0f} % of its lead over Grassmann; the "
        "rest came from looking everywhere. The linear map, which looks no further, has "
        f"{linear:.0f} % of that lead: what a layer makes of the places counts as well.",
        "A control differs in one thing only, and so answers one question. Without one, a "
        "comparison of two layers that differ in five things explains nothing."),
        f"Linear map minus planes apart: {signed(differences)}; "
        f"{lab.lower(differences, 'the linear map', 'planes apart')}.",
        {"differences": differences})


def running_sum():
    """Count brackets by hand with a running sum."""
    text = "(())"
    rows = [["t", "token", "y", "c", "z ∧ c", "y + c", "open after t"]]
    total = 0
    opened = []
    for t, bracket in enumerate(text, 1):
        y = 1 if bracket == "(" else -1
        [p] = lab.plucker((y, 1), (total, 1))
        opened.append(text[:t].count("(") - text[:t].count(")"))
        rows.append([str(t), bracket, plain(y), plain(total), plain(p), plain(y + total),
                     str(opened[-1])])
        total += y
    return aside((
        "To count, a layer must hear of every symbol. A few offsets never will; a running sum "
        "does, and it is still O(L). Not in the paper: give each state a last number 1, z = "
        "[y; 1], and add one more partner,",
        "    c = [sum of the earlier y; 1]    z ∧ c: the Plücker coordinates of both",
        "One of them is y * 1 - 1 * c, linear in the past. Unlike the other planes, this one is "
        "not scaled to length 1; the next page shows why. By hand, y = 1 for ( and -1 for ):",
        indented(rows, left=2),
        "x tells y as well, and y + c = 2 y - (z ∧ c): weights can add that up. A control again: a "
        "layer that passes on the sum as it is, without any plane, does no worse (python3 "
        "benchmark_paren.py --controls --seeds 3). Here the sum does the work."),
        f"y + c is {listed(int(row[5]) for row in rows[1:])}, how many are open: one number kept "
        "is enough to count.",
        {"counted": [float(row[5]) for row in rows[1:]], "opened": opened})


def length_and_count():
    """Show what scaling to length 1 does to a count: it hides it, but does not destroy it."""
    y, n = 2, (1, 4, 16)
    rows = [["", "(2, 1) ∧", "", "(2, 1, 1) ∧", ""],
            ["c", "(c, 1)", "its unit", "(c, 0, 1)", "its unit"]]
    ratios = []
    for c in n:
        three = lab.unit((y, 1, 1), (c, 0, 1))
        ratios.append(three[0] / three[2])
        rows.append([str(c), arrow(lab.plucker((y, 1), (c, 1))), arrow(lab.unit((y, 1), (c, 1))),
                     arrow(lab.plucker((y, 1, 1), (c, 0, 1))), arrow(three)])
    return aside((
        "Why is the plane with the sum not scaled to length 1 like the others? With r = 2 the "
        "unit is a mere sign. With r = 3 or more, the direction still moves with c:",
        show.table(rows, left=0),
        "There c can be recovered exactly: p_01 / p_12 of the unit is -c, since p_01 = -c and p_12 "
        "= 1. But W_plu, a linear map, cannot divide. So scaling does not destroy the count; it "
        "makes it harder to read off."),
        f"p_01 / p_12 of the units is {listed(map(plain, ratios))}: the count {listed(n)} is still "
        "there.",
        {"ratios": ratios, "counts": n})


def echo():
    """Show the task that the linear map wins."""
    lab.train_all(*[("echo", mixer, None) for mixer in GRID])
    rights = {mixer: lab.all_seeds("echo", mixer) for mixer in GRID}
    rows = [["three places back", *GRID]]
    rows.append(["right answers", *(both(rights[mixer]) for mixer in GRID)])
    means = {mixer: statistics.fmean(shares) for mixer, shares in rights.items()}
    best = max(means, key=means.get)
    return aside((
        "The linear map was ahead on none of the three tasks. Here is one for it: random signs, "
        "and after each one the question: which sign stood three places before? Offsets 1, 2, 3; "
        f"{lab.STEPS['signs']} texts; a blind guess is right in {100 / lab.SIGNS:.0f} %.",
        indented(rows),
        "It has weights of its own for each offset and passes on what stands there. The mean of "
        "planes knows a place only by what the states tell of it; a running sum keeps how many, "
        "not where. Attention must learn to find the place from position vectors; it has only "
        "begun to."),
        f"Most right answers: {best}, {means[best]:.0f} % on average.",
        {"rights": rights, "best": best})


# ---- the lesson ----------------------------------------------------------------------------------


class Entry(NamedTuple):
    """A page of the lesson: what makes it, and what it explains, so that later pages may use it."""

    title: str
    make: object  # returns its Page
    says: tuple = ()
    practice: object = None  # a question with fresh numbers for its end
    trips: tuple = ()  # the side trips: an Entry each, in PAGES their names
    notes: str = ""  # for those who show it to a class
    cell: str = ""  # a few lines to change, for the notebook


SPINE = (
    Entry("Predict the next token", predict, ("language model", "token", "BOS"),
          notes="Let the class trace the brackets with a finger before anyone says a number. Ask "
                "what else in life is closed long after it was opened."),
    Entry("The loss", the_loss,
          ("logit", "softmax", "probability", "loss", "nat", "weights", "seed"),
          trips=(Entry("The loss: token by token, before training", tokens_and_chances, (),
                       lab.ask_loss),),
          notes="Have everyone commit to a number. Anyone who says 1/27 has given the probability, "
                "not the loss. A loss of 0 would need certainty.",
          cell="from micro_grassmann import Value, cross_entropy\n"
               "cross_entropy([Value(0.0), Value(1.0), Value(2.0)], 2)"),
    Entry("A rival: counting", a_rival, ("table of counts", "held out"),
          trips=(Entry("A rival: counting brackets", count_brackets),),
          notes="Before any network: what would you do with paper? On so few names a longer table "
                "hardly helps. Keep the number to beat on the board."),
    Entry("The stage that looks back", look_back,
          ("vector", "wte", "wpe", "linear", "dot product", "matrix", "rmsnorm", "relu",
           "feed_forward", "mixing layer", "W x", "Grassmann model"),
          trips=(Entry("Letters become vectors", letters_to_vectors, (), lab.ask_norm),
                 Entry("The simplest mixing layer: a mean", plain_average, (), lab.ask_average)),
          notes="Open micro_gpt.py beside it and find the five lines. Only mix has past among its "
                "arguments: that is the whole argument."),
    Entry("Attention", attention, ("attention", "query", "key", "value", "score", "head", "O(L²)"),
          trips=(Entry("Attention by hand", attention_by_hand, (), lab.ask_score),
                 Entry("Attention: what it costs", attention_costs, (), lab.ask_scores)),
          notes="Predict first by looking at which vectors point the same way, then compute the "
                "three dot products together.",
          cell="import tutorial_lab as lab\n"
               "scores, weights, result = lab.toy_attention((2, 0, 0, 0), (0, 2, 0, 0), "
               "(2, 1, 0, 0))\nweights"),
    Entry("Offsets", offsets, ("offset", "window", "partner", "O(L)"),
          trips=(Entry("Offsets: what they cost", offsets_cost, ("node",)),
                 Entry("Offsets: how far they reach", reach)),
          notes="Draw the positions 0 to 12 on the board and let someone mark the partners. Ask "
                "what becomes of the positions in between."),
    Entry("Planes", planes, ("W_red", "z", "Plücker", "plane", "∧"),
          trips=(Entry("Planes: first, forget", reduction),
                 Entry("Planes: a signed area", planes_in_2d, (), lab.ask_area),
                 Entry("Planes: three shadows", planes_in_3d, (), lab.ask_coordinate),
                 Entry("Planes: what they keep", what_a_plane_keeps, ("Lagrange",))),
          notes="Two pencils are two vectors: turn one around the other. python3 playground.py, "
                "tab Plane, does it on the screen.",
          cell="import tutorial_lab as lab\n"
               "lab.plucker((1, 0, 0), (1, 1, 0)), lab.dot((1, 0, 0), (1, 1, 0))"),
    Entry("The gate, and the whole layer", the_gate, ("W_plu", "g", "gate", "alpha", "sigmoid"),
          trips=(Entry("Planes: their mean", mean_of_units, ("unit",)),
                 Entry("The whole layer on one name", one_name, (), lab.ask_gate),
                 Entry("One plane instead of many", the_fold)),
          notes="Read mix aloud: three lines. Nothing else in the two files differs."),
    Entry("The gradient", gradient,
          ("gradient", "node", "children", "local derivative", "grad", "backward", "chain rule"),
          trips=(Entry("The gradient: why the order matters", why_the_order, (),
                       lab.ask_grad),),
          notes="Let the class hand gradients down on paper, with four people as the four nodes. "
                "24 is a common wrong answer: it forgets the direct way.",
          cell="from micro_grassmann import Value\n"
               "a = Value(3.0)\nb = a * 2\nloss = b * b + b\nloss.backward()\na.grad"),
    Entry("Training", training, ("Adam", "lr", "step"),
          notes="The loss rises on the way: ask why. (Each step sees a different name.)"),
    Entry("Writing", writing, ("temperature",),
          notes="Let students guess which of the eight names are in input.txt, and check."),
    Entry("Compare", compare_both, (),
          trips=(Entry("Brackets: what was written", what_was_written),
                 Entry("Names: is the past used at all?", names_compared),
                 Entry("Method: a tempting explanation", tempting),
                 Entry("Method: the control that tests it", refuted,
                       ("planes apart", "mean of states", "perplexity")),
                 Entry("Method: no planes at all", no_planes,
                       ("linear map", "dilated convolution"))),
          notes="Collect the guesses on the board first. Then: would you have written a paper "
                "after seed 42?"),
    Entry("A task for each layer", task_for_each, ("linear map", "running sum"),
          trips=(Entry("A running sum counts", running_sum),
                 Entry("The length of a plane", length_and_count),
                 Entry("What the linear map is for", echo)),
          notes="Play the game once with your hands: the five signs are rock, paper, scissors, "
                "lizard, Spock. Then let each group argue for a layer before the table is shown."),
    Entry("What works instead", what_works, ("gated recurrence", "delta rule", "perplexity"),
          notes="Ask what a person remembers of a long text: not every word, not the last six, but "
                "what they chose to."),
    Entry("What must a layer keep?", what_to_keep,
          notes="First let each student write three sentences; then show the table."),
)


def numbered():
    """Return {name: Entry} in the order of the lesson: 1, 2, 2a, 2b, 3 ..., trips by name."""
    pages = {}
    for n, entry in enumerate(SPINE, 1):
        names = [f"{n}{letter}" for letter, _ in zip("abcdefgh", entry.trips)]
        pages[str(n)] = entry._replace(trips=tuple(names))
        pages.update(zip(names, entry.trips))
    return pages


PAGES = numbered()
