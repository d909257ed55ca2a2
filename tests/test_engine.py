"""The Value engine: derivatives against differences, and gradients that survive every journey.

The two bare files are tested; micro_grassmann.py has the clean one's syntax tree (test_house.py).
"""
import copy
import gc
import itertools
import math
import multiprocessing
import operator
import pickle
import random
import unittest
from unittest import mock

from tests.helpers import CLEAN, GPT, PAIR, flat, gap, numbers, outputs, run, set_up, slow

try:
    import tracemalloc
except ImportError:  # some Pythons have none
    tracemalloc = None

EXPRESSIONS = ("a + b|a + 3|3 + a|a - b|a - 3|3 - a|a * b|a * 3|3 * a|a / b|a / 3|3 / a|-a|a + a|"
               "a - a|a * a|a / a|a ** 0|a ** 1|a ** 2|a ** 3|a ** -1|"
               "(a * a) ** 0.5|(a * a) ** -0.5|(a * a + b * b) ** 2.5|"
               "(2 - a * b) / (a * a + 1.5) - b * -a")
CHAIN = """
from micro_gpt import Value
x, w = Value(1.0), Value(1.0)
y = x
for _ in range({0}):
    y = y * w + x
y.backward()
print(y.data, x.grad, w.grad)
"""
LOADED = """
import pickle, {0} as model
before = [model.Value(i) * 2 for i in range({1})]
a, y = pickle.loads({2!r})
after = [model.Value(i) * 2 for i in range({1})]
(y * y).backward()
print(a.grad)
"""
GROWTH = """
import resource
from {0} import Value
def build(n):
    x = Value(0.5)
    for _ in range(n // 4):
        y = (x * x + x).exp() * x
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
first = build(1_000_000)
print(build(9_000_000) / first)
"""


def draw(rng, n):
    """Return n numbers away from 0, where relu has its kink and 1 / a its pole."""
    return [rng.uniform(0.3, 2.0) * rng.choice((-1, 1)) for _ in range(n)]


def rows(values, columns):
    """Return the values as a matrix's rows."""
    return [tuple(values[i:i + columns]) for i in range(0, len(values), columns)]


def planes(u, v):
    """Return u_i v_j - u_j v_i for all i < j, of plain numbers."""
    return [u[i] * v[j] - u[j] * v[i] for i, j in itertools.combinations(range(len(u)), 2)]


def scaled(x, mean_square):
    return [x_i / math.sqrt(mean_square) for x_i in x]


def jacobian(m, function, point):
    """Return d output / d input by backward, a row for each output of function(*Values)."""
    leaves = [m.Value(x) for x in point]
    slopes = []
    for output in outputs(function(*leaves)):
        for leaf in leaves:
            leaf.grad = 0.0
        output.backward()
        slopes.append([leaf.grad for leaf in leaves])
    return slopes


def differences(m, function, point, h):
    """Return the same by the five-point difference, whose error falls with h to the fourth."""
    def at(i, shift):
        moved = [m.Value(x + shift * (k == i)) for k, x in enumerate(point)]
        return numbers(function(*moved))
    columns = []
    for i in range(len(point)):
        four = zip(at(i, -2 * h), at(i, -h), at(i, h), at(i, 2 * h))
        columns.append([(8 * (c - b) - (d - a)) / (12 * h) for a, b, c, d in four])
    return [list(row) for row in zip(*columns)]


def functions(m):
    """Yield what a file offers: its name, on Values, on plain numbers, how many it takes."""
    yield "exp", lambda a: a.exp(), math.exp, 1
    yield "log", lambda a: (a * a).log(), lambda a: math.log(a * a), 1
    yield "relu", lambda a: a.relu(), lambda a: max(a, 0.0), 1
    yield "sigmoid", lambda a: a.sigmoid(), lambda a: 1 / (1 + math.exp(-a)), 1
    yield "mean", lambda a, b: m.mean([a, b, a]), lambda a, b: (a + b + a) / 3, 2
    yield "add", lambda *a: m.add(a[:2], a[2:]), lambda a, b, c, d: [a + c, b + d], 4
    yield ("dot", lambda *a: m.dot(iter(a[:2]), iter(a[2:])),
           lambda a, b, c, d: a * c + b * d, 4)
    yield "dot, one vector", lambda *a: m.dot(a, a), lambda a, b: a * a + b * b, 2
    yield ("linear", lambda *a: m.linear(iter(a[:2]), iter(rows(a[2:], 2))),
           lambda a, b, c, d, e, f: [a * c + b * d, a * e + b * f], 6)
    yield "linear, shared", lambda *a: m.linear(a, [a, a]), lambda a, b: [a * a + b * b] * 2, 2
    yield ("rmsnorm", lambda *a: m.rmsnorm(a),
           lambda *a: scaled(a, sum(x * x for x in a) / 3 + 1e-5), 3)
    for t in range(3):
        yield ("cross_entropy", lambda *a, t=t: m.cross_entropy(a, t),
               lambda *a, t=t: math.log(sum(map(math.exp, a))) - a[t], 3)
    if m is GPT:
        yield ("softmax", lambda *a: m.softmax(a),
               lambda *a: [math.exp(x) / sum(map(math.exp, a)) for x in a], 3)
    else:
        for r in 2, 3, 4:
            yield ("plucker", lambda *a, r=r: m.plucker(a[:r], a[r:]),
                   lambda *a, r=r: planes(a[:r], a[r:]), 2 * r)
        yield ("unit_plucker", lambda *a: m.unit_plucker(a[:3], a[3:]),
               lambda *a: scaled(planes(a[:3], a[3:]),
                                 sum(p * p for p in planes(a[:3], a[3:])) + 1e-8), 6)


def mixing(m, positions=4, d=4):
    """Return mix over some positions as a function of weights and inputs, and their number."""
    config = m.Config(5, n_embd=d, **({"n_head": 2} if m is GPT else {"r": 3, "window": (1, 2)}))
    shapes = m.mixing_shapes(config)

    def function(*values):
        values, params, past, out = list(values), {}, [], []
        for name, (height, width) in shapes.items():
            params[f"layer0.{name}"] = rows(values[:height * width], width)
            del values[:height * width]
        for x in rows(values, d):
            out += m.mix(x, "layer0", past, params, config)
        return out
    return function, sum(height * width for height, width in shapes.values()) + positions * d


class Case(unittest.TestCase):
    def check(self, m, function, point, expected=None, h=1e-3, tolerance=1e-8):
        """Check the derivatives of function at the point, and its values where given."""
        derivatives = jacobian(m, function, point)
        self.assertLess(gap(derivatives, differences(m, function, point, h)), tolerance)
        if expected is not None:
            expected = expected if isinstance(expected, list) else [expected]
            values = numbers(function(*[m.Value(x) for x in point]))
            self.assertLess(gap([values], [expected]), 1e-12)


class Derivatives(Case):
    """Every operation against finite differences."""

    def test_expressions(self):
        """A Value or a plain number on either side; floats obey the same formulas."""
        for m, seed, code in itertools.product(PAIR, range(4), EXPRESSIONS.split("|")):
            point = draw(random.Random(seed), 2)
            with self.subTest(model=m.__name__, code=code, point=point):
                function = eval(f"lambda a, b: {code}")
                self.check(m, function, point, function(*point))

    def test_functions(self):
        for m, seed in itertools.product(PAIR, range(4)):
            for name, function, plain, n in functions(m):
                point = draw(random.Random(seed), n)
                with self.subTest(model=m.__name__, name=name, point=point):
                    self.check(m, function, point, plain(*point))

    def test_mix(self):
        """The whole mixing layer, several positions: each input and each weight."""
        for m, seed in itertools.product(PAIR, range(2)):
            function, n = mixing(m)
            self.check(m, function, draw(random.Random(seed), n))

    def test_feed_forward(self):
        """Leaving out the columns that are off changes no derivative; all may be off."""
        for m in PAIR:
            def function(*a, m=m):
                params = {"layer0.fc1": rows(a[3:21], 3), "layer0.fc2": rows(a[21:], 6)}
                return m.feed_forward(a[:3], "layer0", params)
            self.check(m, function, draw(random.Random(1), 39))
            self.check(m, function, [1.0] * 3 + [-1.0] * 36, [0.0] * 3)

    def test_fused_nodes(self):
        """A mean and a dot product are one node each; a ReLU that is on is none."""
        for m in PAIR:
            u, v = [m.Value(1.0), m.Value(2.0)], [m.Value(3.0), m.Value(4.0)]
            for node, n in (m.mean(u), 2), (m.dot(u, v), 4), (m.linear(u, [(*v,)])[0], 4):
                self.assertEqual([child.children for child in node.children], [()] * n)
            self.assertIs(u[0].relu(), u[0])


class Extremes(Case):
    """Where formulas meet 0, overflow and each other."""

    def test_powers(self):
        """As Python's own, with the right slope, which may be infinite where the value is not."""
        inf = math.inf
        for m in PAIR:
            for code, x, value, slope in (
                    ("x ** 0.5", 0, 0, inf), ("x ** 1", 0, 0, 1), ("x ** 2", 0, 0, 0),
                    ("x ** 0", 0, 1, 0), ("x ** 0", 3, 1, 0), ("x ** 3", 2, 8, 12),
                    ("x ** 3", -2, -8, 12), ("x ** -0.5", 4, 0.5, -0.0625),
                    ("x ** -1", 2.0 ** -600, 2.0 ** 600, -inf),
                    ("x ** -2", -0.5 ** 400, 4.0 ** 400, inf),
                    ("x.relu()", 0, 0, 0), ("x.relu()", -1, 0, 0), ("x.relu()", 1, 1, 1),
                    ("x.sigmoid()", 1000, 1, 0), ("x.sigmoid()", -1000, 0, 0)):
                with self.subTest(code=code, x=x):
                    leaf = m.Value(x)
                    out = eval(code, {"x": leaf})
                    out.backward()
                    self.assertEqual(out.data, value)
                    self.assertTrue(leaf.grad == slope or gap([[leaf.grad]], [[slope]]) < 1e-12)
            for x, n in (0, -1), (-1, 0.5):
                self.assertRaises(ValueError, operator.pow, m.Value(x), n)

    def test_no_number_passes_a_relu(self):
        """So that a weight that is none is noticed in the loss."""
        for m in PAIR:
            self.assertTrue(math.isnan(m.Value(math.nan).relu().data))

    def test_scores_of_a_thousand(self):
        """Probabilities that underflow give a large loss, and not infinity."""
        for m in PAIR:
            for logits, target, loss, slopes in (
                    ((1000, -1000), 0, 0.0, [0.0, 0.0]), ((1000, -1000), 1, 2000.0, [1.0, -1.0]),
                    ((-1000,) * 4, 2, math.log(4), [0.25, 0.25, -0.75, 0.25])):
                leaves = [m.Value(x) for x in logits]
                out = m.cross_entropy(leaves, target)
                out.backward()
                found = [out.data, *[leaf.grad for leaf in leaves]]
                self.assertLess(gap([found], [[loss, *slopes]]), 1e-12)
        scores = [GPT.Value(x) for x in (1000, -1000, 1000)]
        self.assertEqual(numbers(GPT.softmax(scores)), [0.5, 0.0, 0.5])

    def test_tiny_vectors(self):
        """There the 1e-5 under the root of rmsnorm decides."""
        for m in PAIR:
            x = [1e-3 * x_i for x_i in draw(random.Random(1), 3)]
            self.check(m, lambda *a, m=m: m.rmsnorm(a), x,
                       scaled(x, sum(x_i * x_i for x_i in x) / 3 + 1e-5), h=1e-6)

    def test_identical_neighbours(self):
        """Equal states span no plane: length 0 must give a zero vector and finite slopes."""
        config = CLEAN.Config(5, n_embd=4, r=3, window=(1,))
        params = CLEAN.init_params(config, random.Random(5))

        def second(*x):
            past = []
            CLEAN.mix(x[:4], "layer0", past, params, config)
            return CLEAN.mix(x[-4:], "layer0", past, params, config)
        x = draw(random.Random(5), 4)
        scores = [sum(w.data * a for w, a in zip(row, x)) for row in params["layer0.W_gate_h"]]
        gated = [a / (1 + math.exp(-score)) for a, score in zip(x, scores)]
        self.check(CLEAN, second, x, gated)
        self.check(CLEAN, second, x + x, gated, h=1e-6, tolerance=1e-6)
        self.assertGreater(max(map(max, jacobian(CLEAN, second, x + x))), 1)

    def test_planes_by_hand(self):
        """In 2-D a determinant, in 3-D a cross product in another order, 0 for parallel vectors."""
        for u, v, plane in (((1, 2), (3, 4), [-2]), ((1, 2, 3), (4, 5, 6), [-3, -6, -3]),
                            ((1, 0, 0, 0), (0, 0, 0, 1), [0, 0, 1, 0, 0, 0]),
                            ((1, -2, 0.5, 3), (2, -4, 1, 6), [0] * 6)):
            self.assertEqual(numbers(CLEAN.plucker(*[[CLEAN.Value(x) for x in w] for w in (u, v)])),
                             plane)


class Backward(unittest.TestCase):
    """The walk back through the graph: shared nodes, repeated walks, long chains."""

    def test_again_on_one_graph(self):
        """Leaves add up over calls; inner gradients start anew, or the third would explode."""
        for m in PAIR:
            x, y = m.Value(3.0), m.Value(-2.0)
            a = x * y
            aside = x * 100
            b = a * a + x + x
            for times in 1, 2, 3:
                b.backward()
                self.assertEqual((x.grad, y.grad), (26.0 * times, -36.0 * times))
                self.assertEqual((a.grad, b.grad, aside.grad), (-12.0, 1.0, 0.0))
            self.assertEqual(repr(b), "Value(data=42, grad=1)")

    def test_two_losses(self):
        """Two losses over shared inner nodes add up to the gradient of their sum."""
        for m in PAIR:
            x, y = m.Value(2.0), m.Value(-3.0)
            a = x * y + x  # -4
            b = a * a
            for loss in b * a, b + y:
                loss.backward()
            self.assertEqual((x.grad, y.grad), (-2.0 * (48 - 8), 2.0 * (48 - 8) + 1))

    def check_chain(self, n):
        """A long chain needs no recursion; these whole numbers are exact in floating point."""
        self.assertEqual(run("-c", CHAIN.format(n)).stdout.split(),
                         [f"{x:.1f}" for x in (n + 1, n + 1, n * (n + 1) / 2)])

    def test_200_000_operations_in_a_chain(self):
        self.check_chain(100_000)

    @slow
    def test_a_million_operations_in_a_chain(self):
        self.check_chain(500_000)

    def test_each_node_a_few_times(self):
        """Work grows with the nodes, not with the paths between them: here Fibonacci's numbers."""
        for m in PAIR:
            slot, reads = m.Value.children, []

            def read(node, slot=slot, reads=reads):
                reads.append(node)
                self.assertLess(len(reads), 5 * 300)
                return slot.__get__(node)
            a, b = m.Value(1.0), m.Value(1.0)
            for _ in range(300):
                a, b = b, a + b
            with mock.patch.object(m.Value, "children", property(read, slot.__set__)):
                b.backward()

    @unittest.skipIf(tracemalloc is None or not hasattr(gc, "freeze"), "needs reference counting")
    def test_dropped_graphs_are_freed(self):
        """With the collector off, so that a cycle would show; half the graphs saw a backward."""
        for m in PAIR:
            x, sizes = m.Value(0.5), []
            gc.collect()
            gc.disable()
            tracemalloc.start()
            try:
                for turn in range(8):
                    for _ in range(200):
                        y = ((x * x + 1) / 2 - x).exp().log()
                        y = m.mean([y.relu(), y.sigmoid(), -y]) + m.dot([y, x], [x, y])
                        if turn % 2:
                            y.backward()
                    sizes.append(tracemalloc.get_traced_memory()[0])
            finally:
                tracemalloc.stop()
                gc.enable()
            self.assertLess(max(sizes[4:]) - sizes[3], 5_000)  # before, free lists fill

    @slow
    def test_ten_million_nodes(self):
        """The process is hardly larger after ten million nodes than after one million."""
        for m in PAIR:
            result = run("-c", GROWTH.format(m.__name__))
            if "No module named 'resource'" in result.stderr:
                self.skipTest("needs the module resource")
            self.assertLess(float(result.stdout), 1.1, result.stderr)


class Travels(unittest.TestCase):
    """Gradients depend on the graph alone, not on where and when its nodes were made."""

    def check(self, a, y):
        """For y = 3 a at a = 2, the derivative of y * y is 18 a = 36."""
        a.grad = 0.0
        (y * y).backward()
        self.assertEqual((a.data, y.data, a.grad), (2.0, 6.0, 36.0))

    def test_copies(self):
        """Pickled by every protocol or copied; the leaf before or after what is made of it."""
        protocols = range(pickle.HIGHEST_PROTOCOL + 1)
        ways = [copy.deepcopy, *[lambda graph, p=p: pickle.loads(pickle.dumps(graph, p))
                                 for p in protocols]]
        for m, way in itertools.product(PAIR, ways):
            a = m.Value(2.0)
            y = a * 3
            a.grad, y.grad = 7.0, 8.0
            for order in 1, -1:
                a2, y2 = way((a, y)[::order])[::order]
                self.assertEqual((a2.grad, y2.grad), (7.0, 8.0))
                self.check(a2, y2)
            self.assertEqual(a.grad, 7.0)

    def test_new_process(self):
        """Made after a hundred nodes, loaded in a process with none or with more, and gone on."""
        for m, others in itertools.product(PAIR, (0, 500)):
            a = [m.Value(2.0) for _ in range(100)][-1]
            data = pickle.dumps((a, a * 3))
            out = run("-c", LOADED.format(m.__name__, others, data))
            self.assertEqual(out.stdout, "36.0\n", out.stderr)

    def test_processes(self):
        """A graph sent to a process and back, however processes start here."""
        for method in multiprocessing.get_all_start_methods():
            with multiprocessing.get_context(method).Pool(1) as pool:
                for m in PAIR:
                    with self.subTest(method=method, model=m.__name__):
                        self.check(*pool.map(tripled, [m.Value(2.0)])[0])

    def test_cache_and_weights(self):
        """A cache pickled together with its weights goes on as if nothing had been."""
        for m in PAIR:
            start = set_up(m, ["anna", "bob"], n_embd=4, n_layer=2, block_size=6)
            cache, gradients = [[], []], []
            for position in range(3):
                m.forward(position, position, cache, start.params, start.config)
            state = pickle.loads(pickle.dumps((cache, start.params)))
            for past, params in (cache, start.params), state:
                logits = m.forward(1, 3, past, params, start.config)
                m.cross_entropy(logits, 2).backward()
                gradients.append([w.grad for w in flat(params)])
            self.assertTrue(gradients[0] == gradients[1] and any(gradients[0]))

    def test_leaf_that_is_given_children_later(self):
        """c, made first, becomes 3 b with b = 5 a, made last; out = c * a = 15 a * a."""
        for m in PAIR:
            a, c = m.Value(2.0), m.Value(30.0)
            out = c * a
            c.children, c.local_grads = (a * 5,), (3.0,)
            out.backward()
            self.assertEqual(a.grad, 60.0)

    def test_what_is_no_number(self):
        """Values of two files do not mix, whichever stands first; nor do they with other things."""
        operations = operator.add, operator.sub, operator.mul, operator.truediv, operator.pow
        for operation, (m, other) in itertools.product(operations, itertools.permutations(PAIR)):
            for alien in other.Value(2.0), "1", None, [1.0]:
                self.assertRaises(TypeError, operation, m.Value(1.0), alien)
                self.assertRaises(TypeError, operation, alien, m.Value(1.0))
            for base in m.Value(1.0), 2:  # an exponent is a plain number
                self.assertRaises(TypeError, operator.pow, base, m.Value(2.0))


def tripled(a):
    """Return a and 3 a, made in another process."""
    return a, a * 3
