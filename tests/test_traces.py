"""The traces print the model's own numbers: own arithmetic on plain floats says so."""
import contextlib
import io
import math
import os
import re
import signal
import subprocess
import sys
import unittest
from functools import lru_cache
from itertools import combinations
from types import SimpleNamespace
from unittest import mock

import micro_grassmann as model
import show
import trace_alpha_wred
import trace_g
from tests.helpers import INPUT, ROOT, flat, run, set_up

WORDS, SEEDS, LAYERS = ("anna", "q", "zoe"), (42, 7), (0, 1)
CASES = [(word, seed, layer) for word in WORDS for seed in SEEDS for layer in LAYERS]
NUMBER = r"-?\d+\.\d+"


# ---- the oracle: the model once more, on floats, in other words ----------------------------------
def times(matrix, vector):
    return [sum(w * v for w, v in zip(row, vector)) for row in matrix]


def normed(vector):
    return [v / math.sqrt(sum(u * u for u in vector) / len(vector) + 1e-5) for v in vector]


def mixed(x, past, weights, window):
    """Return all that the mixing layer computes at one place; past holds the earlier z."""
    at = SimpleNamespace(x=x, z=times(weights["W_red"], x), t=len(past), partners={}, mean=[],
                         past=list(past))
    for s in [at.t - offset for offset in window if offset <= at.t]:
        p = [at.z[i] * past[s][j] - at.z[j] * past[s][i] for i, j in combinations(range(4), 2)]
        square = sum(v * v for v in p)
        unit = [v / math.sqrt(square + 1e-8) for v in p]
        at.partners[s] = SimpleNamespace(p=p, square=square, unit=unit)
    at.g = [0.0] * len(x)
    if at.partners:
        at.mean = [math.fsum(column) / len(at.partners)
                   for column in zip(*[partner.unit for partner in at.partners.values()])]
        at.g = times(weights["W_plu"], at.mean)
    at.of_x, at.of_g = times(weights["W_gate_h"], x), times(weights["W_gate_g"], at.g)
    at.score = [a + b for a, b in zip(at.of_x, at.of_g)]
    at.alpha = [1 / (1 + math.exp(-v)) for v in at.score]
    at.result = [a * u + (1 - a) * v for a, u, v in zip(at.alpha, x, at.g)]
    return at


def oracle(tokens, params, config):
    """Return what mix should compute at each (layer, position), and the mean loss."""
    w = {name: [[v.data for v in row] for row in matrix] for name, matrix in params.items()}
    places, pasts, losses = {}, [[] for _ in range(config.n_layer)], []
    for t, (token, target) in enumerate(zip(tokens, tokens[1:])):
        x = normed([a + b for a, b in zip(w["wte"][token], w["wpe"][t])])
        for n, past in enumerate(pasts):
            own = {name[7:]: matrix for name, matrix in w.items() if name.startswith(f"layer{n}.")}
            at = places[n, t] = mixed(normed(x), past, own, config.window)
            past.append(at.z)
            x = [a + b for a, b in zip(x, at.result)]
            hidden = [max(0.0, h) for h in times(own["fc1"], normed(x))]
            x = [a + b for a, b in zip(x, times(own["fc2"], hidden))]
        logits = times(w["lm_head"], x)
        losses.append(math.log(sum(map(math.exp, logits))) - logits[target])
    return places, math.fsum(losses) / len(losses)


# ---- running and reading the traces --------------------------------------------------------------
def printed(module, *options):
    """Return what main() prints with these options."""
    out = io.StringIO()
    with mock.patch.object(sys, "argv", [module.__file__, *map(str, options)]), \
            contextlib.redirect_stdout(out):
        module.main()
    return out.getvalue()


@lru_cache(None)
def fresh(seed, layer):
    return set_up(model, model.load_docs(INPUT), seed, n_layer=layer + 1)


def floats(text):
    return [float(found) for found in re.findall(NUMBER, text)]


def vectors(text):
    """Return {name: numbers} of the lines name = [...], which may be several."""
    return {name: floats(inside)
            for name, inside in re.findall(r"^(\w+) = \[([^\]]*)\]", text, re.MULTILINE)}


def differ(found, wanted, what, digits=4):
    """Complain if printed numbers are missing or not the rounded ones."""
    half = 0.500001 * 10 ** -digits
    if len(found) != len(wanted) or any(abs(a - b) > half for a, b in zip(found, wanted)):
        return [f"{what}: {found} printed, {wanted} computed"]
    return []


def interleaved(a, b):
    return [v for pair in zip(a, b) for v in pair]


def g_complaints(text, at, weights):
    """Complain of each number of trace_g that own arithmetic does not give."""
    t, above, vector = at.t, text.partition("\ncheck\n")[0], vectors(text)
    complaints = [line for name, wanted in ((f"x_{t}", at.x), (f"z_{t}", at.z), (f"g_{t}", at.g))
                  for line in differ(vectors(above).get(name, []), wanted, name)]
    complaints += differ(vectors(text.partition("\ncheck\n")[2]).get(f"g_{t}", []), at.g, "check")
    sums = re.findall(r"Row 0 times \w+:\n((?: .*\n)+)", text)
    complaints += differ(floats(sums[0]), [*interleaved(weights["W_red"][0], at.x), at.z[0]], "z0")
    blocks = re.findall(r"\ns = (\d+) \(.*\)\n((?:.+\n?)+)", text)
    if [int(s) for s, _ in blocks] != list(at.partners):
        return [*complaints, "other partners"]
    for s, block in blocks:
        own, past = at.partners[int(s)], at.past[int(s)]
        complaints += differ(vector.get(f"z_{s}", []), past, f"z_{s}")
        for (i, j), p_ij in zip(combinations(range(4), 2), own.p):
            [line] = re.findall(rf"p_{i}{j} = (.*)", block)
            complaints += differ(floats(line), [at.z[i], past[j], at.z[j], past[i], p_ij], line)
        [squares] = re.findall(r"\|p\|² = ((?:.*\n)+?) +=", block)
        complaints += differ(floats(squares), list(map(abs, own.p)), "squares")
        complaints += differ(floats(re.findall(r"\n +=(.*)", block)[0]), [own.square], "|p|²", 6)
        factor = 1 / math.sqrt(own.square + 1e-8)
        complaints += differ(floats(re.findall(r"1 / sqrt.* = (.*)", block)[0]), [factor], "1/|p|")
        complaints += differ(floats(re.findall(r"unit\[0\] = (.*)", block)[0]),
                             [own.p[0], factor, own.unit[0]], "unit[0]")
        complaints += differ(vectors(block)["unit"], own.unit, "unit")
    if blocks:
        [line] = re.findall(r"mean\[0\] = (.*)", text)
        units = [partner.unit[0] for partner in at.partners.values()]
        complaints += differ(floats(line), [*units, at.mean[0]], line)
        complaints += [] if f") / {len(units)} =" in line else [line]
        complaints += differ(vector["mean"], at.mean, "mean")
        wanted = [*interleaved(weights["W_plu"][0], at.mean), at.g[0]]
        complaints += differ(floats(sums[1]), wanted, "g0")
    if not re.search(r"g_\d+ above: 0\.0000000000$", text.strip()):
        complaints.append("no difference of 0")
    return complaints


def alpha_complaints(text, at, weights):
    """Complain of each number of section 1 and 2 that own arithmetic does not give."""
    rows = re.findall(r"^ *(\d+)((?: +-?\d+\.\d{4}){7})$", text, re.MULTILINE)
    wanted = list(zip(at.x, at.g, at.of_x, at.of_g, at.score, at.alpha, at.result))
    complaints = [] if len(rows) == len(wanted) else ["rows are missing"]
    for (i, row), own in zip(rows, wanted):
        complaints += differ(floats(row), own, f"dimension {i}")
    x, g, of_x, of_g, score, alpha, result = wanted[0]
    for start, own in (("score ", (of_x, of_g, score)), ("alpha ", (score, alpha)),
                       ("result", (alpha, x, alpha, g, result)),
                       ("All 32 products.*:", (score,))):
        [line] = re.findall(rf"^{start} ?=?(.*{NUMBER})$", text, re.MULTILINE)
        complaints += differ(floats(line), own, start)
    long = re.findall(r"((?:^ +-?\d+\.\d+\*.*\n)+) +=(.*),", text, re.MULTILINE)
    for (terms, end), matrix, v, own in zip(long, ("W_gate_h", "W_gate_g"), (at.x, at.g),
                                            (of_x, of_g)):
        complaints += differ(floats(terms), interleaved(weights[matrix][0], v), matrix)
        complaints += differ(floats(end), [own], matrix)
    return complaints if len(long) == 2 else [*complaints, "no products"]


def layer_weights(params, layer):
    return {name.partition(".")[2]: [[w.data for w in row] for row in matrix]
            for name, matrix in params.items() if name.startswith(f"layer{layer}.")}


def g_case(word, seed, layer, position):
    """Return trace_g's output and the complaints about it."""
    text = printed(trace_g, word, "--seed", seed, "--layer", layer, "--position", position)
    start = fresh(seed, layer)
    places, _ = oracle(model.tokenize(word, start.vocab), start.params, start.config)
    return text, g_complaints(text, places[layer, position], layer_weights(start.params, layer))


def alpha_options(word, seed, layer, *more):
    argv = ["trace", word, f"--seed={seed}", f"--layer={layer}", *more]
    with mock.patch.object(sys, "argv", argv):
        return trace_g.parse(trace_g.options("test", 2))


def alpha_case(word, seed, layer):
    """Return the first two sections of trace_alpha_wred and the complaints about them."""
    start = fresh(seed, layer)
    text = trace_alpha_wred.show_place(alpha_options(word, seed, layer), start.params)
    places, _ = oracle(model.tokenize(word, start.vocab), start.params, start.config)
    at = places[layer, len(word)]
    return text, alpha_complaints(text, at, layer_weights(start.params, layer))


def no_minus(u, v):
    """plucker with its minus dropped."""
    return [model.Value(u[i].data * v[j].data + u[j].data * v[i].data, (u[i], u[j], v[i], v[j]),
                        (v[j].data, v[i].data, u[j].data, u[i].data))
            for i, j in combinations(range(len(u)), 2)]


MUTATIONS = {
    "plucker without its minus": lambda: mock.patch.object(model, "plucker", no_minus),
    "plucker of the partner and t": lambda: mock.patch.object(
        model, "plucker", lambda u, v, kept=model.plucker: kept(v, u)),
    "|p| twice too long": lambda: mock.patch.object(
        model, "dot", lambda a, b, kept=model.dot: kept(a, b) * (4 if len(a) == 6 else 1)),
    "the mean a sum": lambda: mock.patch.object(
        model, "total", lambda values: model.Value(
            len(values) * sum(v.data for v in values), tuple(values), (1.0,) * len(values))),
}
GATE = {"alpha scaled": lambda: mock.patch.object(
            model.Value, "sigmoid", lambda a, kept=model.Value.sigmoid: kept(a) * 0.9),
        "alpha mirrored": lambda: mock.patch.object(
            model.Value, "sigmoid", lambda a, kept=model.Value.sigmoid: kept(a * -1))}


class TestG(unittest.TestCase):
    def test_every_number_is_the_models(self):
        for word, seed, layer in CASES:
            for position in {0, 1, len(word)}:
                with self.subTest(word=word, seed=seed, layer=layer, position=position):
                    text, complaints = g_case(word, seed, layer, position)
                    self.assertEqual(complaints, [])
                    self.assertLess(max(map(len, text.splitlines())), 80)

    def test_broken_formulas_show(self):
        for name, broken in MUTATIONS.items():
            with self.subTest(name), broken():
                self.assertNotEqual(g_case("anna", 42, 0, 4)[1], [])

    def test_trained(self):
        text = printed(trace_g, "anna", "--steps", 3)
        start = set_up(model, model.load_docs(INPUT))
        seen, _ = model.split_docs(start.docs, 3)
        for _ in model.train(seen, start.params, start.config, 3):
            pass
        places, _ = oracle(model.tokenize("anna", start.vocab), start.params, start.config)
        weights = layer_weights(start.params, 0)
        self.assertEqual(g_complaints(text, places[0, 4], weights), [])
        self.assertIn("trained for 3 steps, seed 42", text)

    def test_recording_leaves_the_model_as_it_was(self):
        before = {name: vars(model)[name] for name in ("mix", "linear", "plucker", "dot")}
        printed(trace_g)
        with self.assertRaises(KeyError), trace_g.recording():
            raise KeyError
        self.assertEqual(before, {name: vars(model)[name] for name in before})

    def test_large_weights_fit(self):
        def large(config, rng, kept=model.init_params):
            params = kept(config, rng)
            for w in flat(params):
                w.data *= 100
            return params
        with mock.patch.object(model, "init_params", large):
            text = printed(trace_g, "abcdefghijklmno")
        self.assertLess(max(map(len, text.splitlines())), 80)
        self.assertEqual(text.count("\ns = "), 5)


class TestAlpha(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with mock.patch.multiple(trace_alpha_wred, READ=6, JUDGED=3):
            cls.text = printed(trace_alpha_wred, "zoe", "--steps", 2, "--seeds", 2, "--seed", 1)

    def section(self, number):
        return re.split(r"\n\d\. ", self.text)[number]

    def trained(self, kind, seed=1):
        """Return the run that the text shows, once more."""
        with mock.patch.object(trace_alpha_wred, "JUDGED", 3):
            return trace_alpha_wred.trained(kind, seed, alpha_options("zoe", seed, 0, "--steps=2"),
                                            show.Progress(1))

    def test_every_number_of_a_place_is_the_models(self):
        for case in CASES:
            with self.subTest(case):
                text, complaints = alpha_case(*case)
                self.assertEqual(complaints, [])
                self.assertLess(max(map(len, text.splitlines())), 80)

    def test_broken_formulas_show(self):
        for name, broken in {**MUTATIONS, **GATE}.items():
            with self.subTest(name), broken():
                self.assertNotEqual(alpha_case("anna", 42, 0)[1], [])

    def test_means(self):
        """Sections 3 to 5: who decides, letters, positions."""
        args, run = alpha_options("zoe", 1, 0), self.trained("learned")
        start = fresh(1, 0)
        columns = []
        for params in start.params, run.params:
            places = [oracle(doc, params, args.config)[0] for doc in run.unseen[:6]]
            pairs = [(abs(a), abs(b)) for doc in places for at in doc.values()
                     for a, b in zip(at.of_x, at.of_g)]
            sizes = [math.fsum(column) / len(pairs) for column in zip(*pairs)]
            share = 100 * sum(a > b for a, b in pairs) / len(pairs)
            letters = {letter: oracle(model.tokenize(letter, args.vocab), params, args.config)
                       [0][0, 1].alpha for letter in args.vocab}
            at = [[a for doc in places if (0, t) in doc for a in doc[0, t].alpha]
                  for t in range(16)]
            columns.append((sizes, share, {k: sum(v) / 16 for k, v in letters.items()},
                            [(len(v) // 16, sum(v) / len(v)) for v in at if len(v) >= 5 * 16]))
        (sizes, share, letters, positions), (sizes_2, share_2, letters_2, positions_2) = columns
        lines = self.section(3).splitlines()
        self.assertEqual(differ(floats(lines[-3]), [sizes[0], sizes_2[0]], "x"), [])
        self.assertEqual(differ(floats(lines[-2]), [sizes[1], sizes_2[1]], "g"), [])
        self.assertEqual(differ(floats(lines[-1]), [share, share_2], "share", 1), [])
        found = dict(re.findall(r"\b([a-z]) (0\.\d+)", self.section(4)))
        self.assertEqual(differ([float(found[k]) for k in letters_2], letters_2.values(), "4"), [])
        for name, own in ("fresh", letters), ("trained", letters_2):
            [row] = re.findall(rf"{name}(.*)", self.section(4).partition("lowest")[2])
            low, high = min(own.values()), max(own.values())
            self.assertEqual(differ(floats(row), [low, high, high - low], name), [])
        rows = [line.split() for line in self.section(5).splitlines() if re.match(r" *\d", line)]
        self.assertEqual([int(row[2]) for row in rows], [n for n, _ in positions])
        for column, own in (3, positions), (4, positions_2):
            numbers = [float(row[column]) for row in rows]
            self.assertEqual(differ(numbers, [mean for _, mean in own], "positions"), [])

    def test_experiment(self):
        """Section 6: losses on unseen names by the oracle, differences, and what is said."""
        losses = {}
        for kind in ("learned", "frozen", "rank 1"):
            losses[kind] = []
            for seed in (1, 2):
                run = self.trained(kind, seed)
                sums = [(oracle(doc, run.params, run_config())[1], len(doc) - 1)
                        for doc in run.unseen[:3]]
                losses[kind].append(sum(a * n for a, n in sums) / sum(n for _, n in sums))
            a, b = losses[kind]
            [row] = re.findall(rf"^{kind} +({NUMBER} ± {NUMBER})", self.section(6), re.MULTILINE)
            wanted = [(a + b) / 2, abs(a - b) / math.sqrt(2)]
            self.assertEqual(differ(floats(row), wanted, kind), [])
            if kind != "learned":
                gaps = [v - w for v, w in zip(losses[kind], losses["learned"])]
                block = self.section(6).partition(f"{kind} minus learned")[2]
                half = 12.71 * abs(gaps[0] - gaps[1]) / 2
                numbers = [float(v) for v in re.findall(r"[+-]?\d\.\d{4}", block)[:4]]
                self.assertEqual(differ(numbers, [*gaps, sum(gaps) / 2, half], kind), [])

    def test_outcomes(self):
        for mean, word in (0.2, "learning W_red lowered"), (-0.2, "learning W_red raised"), \
                (0.05, "no effect of learning W_red beyond"):
            said = trace_alpha_wred.outcome("frozen", {"mean": mean, "half": 0.1})
            self.assertIn(word, said)
        one = {"mean": 0.2, "words": "one seed, which shows no spread"}
        self.assertIn("one seed", trace_alpha_wred.outcome("frozen", one))

    def test_kinds_of_W_red(self):
        first = [[w.data for w in row] for row in fresh(1, 0).params["layer0.W_red"]]
        for kind in ("learned", "frozen", "rank 1"):
            run = self.trained(kind)
            now = [[w.data for w in row] for row in run.params["layer0.W_red"]]
            self.assertEqual(now == first, kind == "frozen")
            self.assertEqual(now == [[(i + 1) * w for w in now[0]] for i in range(4)],
                             kind == "rank 1")
            self.assertEqual(run.moved == 0, kind == "frozen")
        rows = re.findall(r"^\d+ +\w+ .*?([\d.]+e[+-]\d+) +\[", self.section(7), re.MULTILINE)
        self.assertEqual(len(rows), 4)
        self.assertLess(max(map(float, rows)), 1e-9)

    def test_gradient(self):
        """Section 8: the gradient, its sums and the losses, by the oracle's finite differences."""
        run, text = self.trained("learned"), self.section(8)
        config, tokens = run_config(), alpha_options("zoe", 1, 0).tokens
        i, k = map(int, re.search(r"gradient to W_red\[(\d)\]\[(\d+)\]", text).groups())
        w = run.params["layer0.W_red"][i][k]
        kept, losses = w.data, []
        for w.data in (kept + 1e-4, kept - 1e-4):
            losses.append(oracle(tokens, run.params, config)[1])
        w.data = kept
        slope = (losses[0] - losses[1]) / 2e-4
        up, down, _, found = floats(re.search(r"\((.*), from the two", text)[1])
        self.assertEqual(differ([up, down], losses, "losses", 8), [])
        self.assertAlmostEqual(found, slope, places=7)
        terms = re.search(r"z\[\d\]\) \* x\[\d+\] is\n((?: +.*\n)+)", text)[1].partition("=")
        self.assertAlmostEqual(floats(terms[2])[0], slope, places=6)
        numbers = floats(terms[0])
        self.assertEqual(len(numbers), 2 * 4)
        self.assertAlmostEqual(sum(map(math.prod, zip(numbers[::2], numbers[1::2]))), slope, 3)
        places = oracle(tokens, run.params, config)[0]
        self.assertEqual(differ(numbers[1::2], [places[0, t].x[k] for t in range(4)], "x", 5), [])
        lines = re.findall(r"^  s = (\d+): (.*)$", text, re.MULTILINE)
        parts = [floats(line) for _, line in lines]
        self.assertEqual([int(s) for s, _ in lines], list(places[0, 3].partners))
        flow = sum(math.prod(pair) for line in parts for pair in zip(line[::2], line[1::2]))
        [total] = floats(re.search(r"sum: .* = (.*)", text)[1])
        self.assertAlmostEqual(flow, total, places=4)
        self.assertEqual(total, numbers[-2])
        self.assertLess(float(re.search(r"weights of W_red: (\S+)", text)[1]), 1e-7)

    def test_widths(self):
        self.assertLess(max(map(len, self.text.splitlines())), 80)


def run_config():
    return fresh(1, 0).config


class TestPrograms(unittest.TestCase):
    SCRIPTS = ("trace_g.py", "trace_alpha_wred.py")

    def test_wrong_input(self):
        for module in trace_g, trace_alpha_wred:
            for options, reason in (
                    ([""], "WORD is empty"), (["Anna"], "WORD has 'A'"),
                    (["ann\u00e9"], "WORD has '.xe9'"), (["a" * 16], "WORD has 16 letters"),
                    (["ann", "--position", "4"], "0 to 3"),
                    (["ann", "--position=-1"], "--position: '-1' is no whole number"),
                    (["--layer", "8"], "--layer 8: the layers are 0 to 7"),
                    (["--layer", "-1"], "--layer: '-1' is no whole number"),
                    (["--steps", "x"], "--steps: 'x'"), (["--seed", "1.5"], "--seed: '1.5'"),
                    (["--nothing"], "unrecognized arguments"), (["a", "b"], "unrecognized")):
                err = io.StringIO()
                with self.subTest(module=module.__name__, options=options), \
                        contextlib.redirect_stderr(err), self.assertRaises(SystemExit) as ended:
                    self.assertEqual(printed(module, *options), "")
                self.assertEqual(ended.exception.code, 2)
                self.assertRegex(err.getvalue(), rf"\A\w+\.py: error: .*({reason}).*\n\Z")
                self.assertLess(len(err.getvalue()), 100)

    def test_as_programs(self):
        for script in self.SCRIPTS:
            ended = run(script, "--layer", "9")
            self.assertEqual((ended.returncode, ended.stdout), (2, ""))
            self.assertEqual(len(ended.stderr.splitlines()), 1)
            with mock.patch.dict(os.environ, {"COLUMNS": "80"}):
                ended = run(script, "--help")
            self.assertLess(max(map(len, ended.stdout.splitlines())), 80)

    @unittest.skipUnless(os.name == "posix", "signals and pipes are POSIX's here")
    def test_ctrl_c_and_closed_pipe(self):
        before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job has
        self.addCleanup(signal.signal, signal.SIGINT, before)  # it ignored, and hands that on
        for script in self.SCRIPTS:
            for status, steps, stop in ((130, 100000, lambda p: p.send_signal(signal.SIGINT)),
                                        (0, 3, lambda p: p.stdout.close())):
                with subprocess.Popen([sys.executable, script, "--steps", str(steps)],
                                      cwd=str(ROOT), stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE) as process:
                    process.stdout.readline()
                    stop(process)
                    try:
                        process.wait(60)
                    finally:
                        process.kill()
                    said = b"stopped\n" if status else b""
                    self.assertEqual((process.returncode, process.stderr.read()), (status, said))


if __name__ == "__main__":
    unittest.main()
