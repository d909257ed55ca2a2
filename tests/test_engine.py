"""The Value engine: each local derivative is claimed by hand, so each is measured here."""
import gc
import math
import random
import subprocess
import sys
import unittest
from unittest import mock

from tests.helpers import (
    GPT,
    GRASSMANN,
    MODELS,
    ROOT,
    differences,
    gap,
    jacobian,
    numbers,
    run,
    slow,
)

try:
    import tracemalloc
except ImportError:  # some Pythons have none
    tracemalloc = None

# On any two numbers, and on any two positive ones. Floats obey the same formulas: they check .data.
ANY_SIGN = {
    "a + b": lambda a, b: a + b, "a + 3": lambda a, b: a + 3, "3 + a": lambda a, b: 3 + a,
    "a - b": lambda a, b: a - b, "a - 3": lambda a, b: a - 3, "3 - a": lambda a, b: 3 - a,
    "a * b": lambda a, b: a * b, "a * 3": lambda a, b: a * 3, "3 * a": lambda a, b: 3 * a,
    "a / b": lambda a, b: a / b, "a / 3": lambda a, b: a / 3, "3 / a": lambda a, b: 3 / a,
    "a ** 2": lambda a, b: a ** 2, "a ** 3": lambda a, b: a ** 3, "a ** -1": lambda a, b: a ** -1,
    "a ** 1": lambda a, b: a ** 1, "a ** 0": lambda a, b: a ** 0, "-a": lambda a, b: -a,
    "3 ** a": lambda a, b: 3 ** a, "0.4 ** a": lambda a, b: 0.4 ** a,
    "a + a": lambda a, b: a + a, "a * a": lambda a, b: a * a, "a - a": lambda a, b: a - a,
    "a / a": lambda a, b: a / a, "several": lambda a, b: (2 - a * b) / (a * a + 1.5) - b * -a,
}
POSITIVE = {
    "a ** 0.5": lambda a, b: a ** 0.5, "a ** -0.5": lambda a, b: a ** -0.5,
    "a ** 2.5": lambda a, b: a ** 2.5, "roots": lambda a, b: (a * b) ** 0.5 / (a + b) ** 1.5,
}
FUNCTIONS = {  # the method, the same on a plain number, whether it takes negative numbers
    "exp": (lambda a: a.exp(), math.exp, True),
    "log": (lambda a: a.log(), math.log, False),
    "relu": (lambda a: a.relu(), lambda a: max(a, 0.0), True),
    "sigmoid": (lambda a: a.sigmoid(), lambda a: 1 / (1 + math.exp(-a)), True),
}


def draw(rng, n, negative=True):
    """Return n numbers away from 0, where relu has its kink and 1 / a its pole."""
    return [rng.uniform(0.3, 2.0) * (rng.choice((-1, 1)) if negative else 1) for _ in range(n)]


def each(models=MODELS, draws=4):
    """Yield every model with several generators, each with its own seed."""
    for model in models:
        for seed in range(draws):
            yield model, random.Random(seed)


def cut(values, columns):
    """Return the values as rows: linear and mix take matrices of tuples."""
    return [tuple(values[i:i + columns]) for i in range(0, len(values), columns)]


CHAIN = """
from micro_gpt import Value
x, w = Value(1.0), Value(1.0)
y = x
for _ in range(500_000):
    y = y * w + x
y.backward()
print(y.data, x.grad, w.grad)
"""


def setUpModule():
    """Start the longest test on the other core."""
    global MILLION
    MILLION = subprocess.Popen([sys.executable, "-c", CHAIN], cwd=str(ROOT), text=True,
                               stdout=subprocess.PIPE)
    unittest.addModuleCleanup(MILLION.wait)


class Case(unittest.TestCase):
    """A test that compares backward with differences."""

    def check(self, model, function, point, expected=None, h=1e-3, tolerance=1e-8):
        """Check the derivatives of function at the point, and its values where given."""
        where = f"{model.__name__} at {point}"
        derivatives = jacobian(model, function, point)
        self.assertLess(gap(derivatives, differences(model, function, point, h)), tolerance, where)
        if expected is not None:
            result = function(*[model.Value(number) for number in point])
            self.assertLess(gap([numbers(result)], [expected]), 1e-12, where)


class Derivatives(Case):
    """Every operation against finite differences."""

    def test_arithmetic(self):
        """Operators take a Value or a plain number on either side."""
        for model, rng in each():
            for negative, table in (True, ANY_SIGN), (False, POSITIVE):
                for name, function in table.items():
                    point = draw(rng, 2, negative)
                    with self.subTest(name=name, point=point):
                        self.check(model, function, point, [function(*point)])

    def test_plain_exponents_only(self):
        """A Value as exponent of a Value is refused rather than given a wrong derivative."""
        for model in MODELS:
            self.assertRaises(TypeError, lambda m=model: m.Value(2.0) ** m.Value(3.0))

    def test_functions(self):
        """The methods exp, log, relu and sigmoid."""
        for model, rng in each():
            for name, (function, plain, negative) in FUNCTIONS.items():
                point = draw(rng, 1, negative)
                with self.subTest(name=name, point=point):
                    self.check(model, function, point, [plain(*point)])

    def test_relu_is_off_at_zero(self):
        """At the kink the slope is taken as 0, on either side as it is."""
        for model in MODELS:
            for x, value, slope in (-0.5, 0.0, 0.0), (0.0, 0.0, 0.0), (0.5, 0.5, 1.0):
                leaf = model.Value(x)
                out = leaf.relu()
                out.backward()
                self.assertEqual((out.data, leaf.grad), (value, slope))

    def test_total(self):
        """A sum is one node however many join it, and each may join twice."""
        for model, rng in each():
            point = draw(rng, 5)
            self.check(model, lambda *a, m=model: m.total(a), point, [sum(point)])
            self.check(model, lambda *a, m=model: m.total([*a, a[0], a[0]]), point,
                       [sum(point) + 2 * point[0]])
            out = model.total([model.Value(x) for x in point])
            self.assertEqual(len(out.children), 5)

    def test_dot(self):
        """A dot product is one node, also of a vector with itself."""
        for model, rng in each():
            u, v = draw(rng, 4), draw(rng, 4)
            self.check(model, lambda *a, m=model: m.dot(a[:4], list(a[4:])), u + v,
                       [sum(x * y for x, y in zip(u, v))])
            self.check(model, lambda *a, m=model: m.dot(a, a), u, [sum(x * x for x in u)])
            out = model.dot([model.Value(x) for x in u], [model.Value(x) for x in v])
            self.assertEqual(len(out.children), 8)

    def test_linear(self):
        """A matrix times a vector, which may come from an iterator or be empty."""
        for model, rng in each():
            x, matrix = draw(rng, 3), draw(rng, 6)
            expected = [sum(a * b for a, b in zip(x, matrix[i:i + 3])) for i in (0, 3)]
            self.check(model, lambda *a, m=model: m.linear(a[:3], cut(a[3:], 3)), x + matrix,
                       expected)
            self.check(model, lambda *a, m=model: m.linear(iter(a[:3]), iter(cut(a[3:], 3))),
                       x + matrix, expected)
            self.check(model, lambda *a, m=model: m.linear(a, [a, a]), x,
                       [sum(b * b for b in x)] * 2)
            self.assertEqual(numbers(model.linear((), [(), ()])), [0, 0])

    def test_softmax(self):
        """Attention's weights: exp over the sum of exp."""
        for model, rng in each([GPT]):
            point = draw(rng, 4)
            scale = sum(math.exp(x) for x in point)
            self.check(model, lambda *a, m=model: m.softmax(a), point,
                       [math.exp(x) / scale for x in point])

    def test_plucker(self):
        """Each coordinate is one node of four children."""
        for model, rng in each(GRASSMANN):
            for r in 2, 3, 4:
                u, v = draw(rng, r), draw(rng, r)
                self.check(model, lambda *a, m=model, n=r: m.plucker(a[:n], a[n:]), u + v,
                           [u[i] * v[j] - u[j] * v[i] for i in range(r) for j in range(i + 1, r)])
                self.check(model, lambda *a, m=model: m.plucker(a, a[::-1]), u)

    def test_rmsnorm(self):
        """Tiny vectors too, where the 1e-5 under the root decides."""
        for model, rng in each():
            for scale in 1, 1e-3:
                point = [scale * x for x in draw(rng, 5)]
                root = math.sqrt(sum(x * x for x in point) / 5 + 1e-5)
                self.check(model, lambda *a, m=model: m.rmsnorm(a), point,
                           [x / root for x in point], h=1e-3 * scale)

    def test_cross_entropy(self):
        """Log-sum-exp minus the target's logit, for every target."""
        for model, rng in each():
            point = draw(rng, 4)
            for target in range(4):
                self.check(model, lambda *a, m=model, t=target: m.cross_entropy(a, t), point,
                           [-math.log(math.exp(point[target]) / sum(map(math.exp, point)))])

    def test_mix(self):
        """The whole mixing layer: four positions, each input and each weight."""
        for model, rng in each(draws=2):
            function, size = mixing(model, 4)
            self.check(model, function, draw(rng, size))

    def test_feed_forward(self):
        """Leaving out the columns that are off changes no derivative."""
        for model, rng in each(draws=2):
            def function(*a, m=model):
                params = {"layer0.fc1": cut(a[3:21], 3), "layer0.fc2": cut(a[21:], 6)}
                return m.feed_forward(a[:3], "layer0", params)
            self.check(model, function, draw(rng, 39))
            self.check(model, function, [1.0] * 3 + [-1.0] * 36, [0.0] * 3)  # every ReLU is off


def mixing(model, positions):
    """Return mix over some positions as a function of plain inputs, and their number."""
    d = 4
    config = (model.Config(5, n_embd=d, n_head=2) if model is GPT
              else model.Config(5, n_embd=d, r=3, window=(1, 2)))
    shapes = {name: (len(rows), len(rows[0]))
              for name, rows in model.init_params(config, random.Random(0)).items()
              if name.startswith("layer0.") and ".fc" not in name}

    def function(*a):
        rest, params, past, out = list(a), {}, [], []
        for name, (rows, columns) in shapes.items():
            params[name] = cut(rest[:rows * columns], columns)
            del rest[:rows * columns]
        for x in cut(rest, d):
            out += model.mix(x, "layer0", past, params, config)
        return out
    return function, sum(rows * columns for rows, columns in shapes.values()) + positions * d


class Backward(Case):
    """The walk back through the graph: shared nodes, repeated walks, long chains."""

    def test_shared_nodes(self):
        """A node used twice gets both shares, and passes on their sum only."""
        for model in MODELS:
            x = model.Value(3.0)
            a = x + x
            b = a * a + a
            b.backward()
            self.assertEqual((b.data, a.grad, x.grad), (42.0, 13.0, 26.0))

    def test_again_on_one_graph(self):
        """Leaves add up over calls; inner gradients start anew, or the third would explode."""
        for model in MODELS:
            x, y = model.Value(3.0), model.Value(-2.0)
            a = x * y
            b = a * a + x
            for times in 1, 2, 3:
                b.backward()
                self.assertEqual((x.grad, y.grad), (25.0 * times, -36.0 * times))
                self.assertEqual((a.grad, b.grad), (-12.0, 1.0))

    def test_two_losses(self):
        """Two losses over shared inner nodes add up to the gradient of their sum."""
        for model in MODELS:
            def losses(x, y):
                a = x * y + x
                b = a.exp()
                return b * a, b / y
            point = 0.7, -1.3
            x, y = leaves = [model.Value(number) for number in point]
            for loss in losses(x, y):
                loss.backward()
            one, two = jacobian(model, losses, point)
            self.assertLess(gap([[leaf.grad for leaf in leaves]],
                                [[g + h for g, h in zip(one, two)]]), 1e-14)

    def test_only_what_was_reached(self):
        """Nodes made from the same leaves but not part of the loss stay out of it."""
        for model in MODELS:
            x = model.Value(2.0)
            aside, loss = x * 100, x * 3
            loss.backward()
            self.assertEqual((x.grad, aside.grad), (3.0, 0.0))

    def test_a_million_operations(self):
        """A long chain needs no recursion; these whole numbers are exact in floating point."""
        out, _ = MILLION.communicate(timeout=300)
        n = 500_000
        self.assertEqual(out.split(), [f"{x:.1f}" for x in (n + 1, n + 1, n * (n + 1) / 2)])

    def test_each_node_a_few_times(self):
        """Work grows with the nodes, not with the paths between them: here Fibonacci's numbers."""
        for model in MODELS:
            slot, reads = model.Value.children, [0]

            def read(node, slot=slot, reads=reads):
                reads[0] += 1
                return slot.__get__(node)
            a, b = model.Value(1.0), model.Value(1.0)
            leaf, n = b, 300
            for _ in range(n):
                a, b = b, a + b
            with mock.patch.object(model.Value, "children", property(read, slot.__set__)):
                b.backward()
            self.assertLess(reads[0], 5 * n)
            self.assertGreater(leaf.grad, 1)

    def test_repr(self):
        """A printed Value shows its two numbers and not its graph."""
        for model in MODELS:
            a = model.Value(2.5) * 3
            a.backward()
            self.assertEqual(repr(a), "Value(data=7.5, grad=1)")
            self.assertEqual(repr(model.Value(1 / 3)), "Value(data=0.333333, grad=0)")


class Memory(unittest.TestCase):
    """Graphs that are dropped are freed, by reference counting alone."""

    @unittest.skipIf(tracemalloc is None or not hasattr(gc, "freeze"), "needs reference counting")
    def test_dropped_graphs_are_freed(self):
        """With the collector off, so that a cycle would show; half the graphs saw a backward."""
        for model in MODELS:
            x, sizes = model.Value(0.5), []
            gc.collect()
            gc.disable()
            tracemalloc.start()
            try:
                for turn in range(8):
                    for _ in range(700):
                        y = ((x * x + 1) / 2 - x).exp().log()
                        y = model.total([y.relu(), y.sigmoid(), -y]) + model.dot([y, x], [x, y])
                        if turn % 2:
                            y.backward()
                    sizes.append(tracemalloc.get_traced_memory()[0])
            finally:
                tracemalloc.stop()
                gc.enable()
            with self.subTest(model=model.__name__):
                self.assertLess(max(sizes[4:]) - sizes[3], 5_000)  # before, free lists fill

    @slow
    def test_ten_million_nodes(self):
        """The same at length: the process is no larger after ten million nodes than after one."""
        code = ("import resource, sys; from {0} import Value\n"
                "def build(n):\n"
                "    x = Value(0.5)\n"
                "    for _ in range(n // 4): y = (x * x + x).exp() * x\n"
                "    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
                "first = build(1_000_000); print(build(9_000_000) / first)")
        try:
            import resource  # noqa: F401
        except ImportError:
            self.skipTest("needs the module resource")
        for model in MODELS:
            result = run("-c", code.format(model.__name__))
            self.assertLess(float(result.stdout), 1.1, result.stderr)


class Extremes(Case):
    """Where formulas meet 0, overflow and each other."""

    def test_powers_at_zero(self):
        """The slopes of x ** 0, x ** 1 and x ** 2 at 0 are 0, 1 and 0."""
        for model in MODELS:
            for n, value, slope in (0, 1.0, 0.0), (1, 0.0, 1.0), (2, 0.0, 0.0), (0.0, 1.0, 0.0):
                x = model.Value(0.0)
                y = x ** n
                y.backward()
                self.assertEqual((y.data, x.grad), (value, slope))

    def test_sigmoid_of_a_thousand(self):
        """No overflow at either end."""
        for model in MODELS:
            for x, value in (1000, 1.0), (-1000, 0.0):
                leaf = model.Value(x)
                out = leaf.sigmoid()
                out.backward()
                self.assertEqual((out.data, leaf.grad), (value, 0.0))

    def test_logits_of_a_thousand(self):
        """Probabilities that underflow give a large loss, and not infinity."""
        for model in MODELS:
            for logits, target, loss, slopes in (
                    ((1000, -1000), 0, 0.0, (0.0, 0.0)),
                    ((1000, -1000), 1, 2000.0, (1.0, -1.0)),
                    ((-1000, -1000, -1000, -1000), 2, math.log(4), (0.25, 0.25, -0.75, 0.25)),
                    ((1000, 1000), 0, math.log(2), (-0.5, 0.5))):
                leaves = [model.Value(x) for x in logits]
                out = model.cross_entropy(leaves, target)
                out.backward()
                self.assertAlmostEqual(out.data, loss, places=12)
                for leaf, slope in zip(leaves, slopes):
                    self.assertAlmostEqual(leaf.grad, slope, places=12)

    def test_softmax_of_a_thousand(self):
        """Attention's scores may be as large."""
        out = GPT.softmax([GPT.Value(x) for x in (1000, -1000, 1000)])
        self.assertEqual(numbers(out), [0.5, 0.0, 0.5])

    def test_identical_neighbours(self):
        """Equal states span no plane: length 0 must give a zero vector and finite slopes."""
        for model in GRASSMANN:
            rng = random.Random(5)
            config = model.Config(5, n_embd=4, r=3, window=(1,))
            params = model.init_params(config, rng)

            def second(*x, m=model, c=config, p=params):
                past = []
                m.mix(x, "layer0", past, p, c)
                return m.mix(x, "layer0", past, p, c)

            def apart(*x, m=model, c=config, p=params):
                past = []
                m.mix(x[:4], "layer0", past, p, c)
                return m.mix(x[4:], "layer0", past, p, c)
            x = draw(rng, 4)
            scores = [sum(w.data * a for w, a in zip(row, x)) for row in params["layer0.W_gate_h"]]
            gated = [a / (1 + math.exp(-score)) for a, score in zip(x, scores)]
            self.check(model, second, x, gated)
            self.check(model, apart, x + x, gated, h=1e-6, tolerance=1e-6)
            slopes = jacobian(model, apart, x + x)
            self.assertTrue(all(math.isfinite(slope) for row in slopes for slope in row))
            self.assertGreater(max(abs(slope) for row in slopes for slope in row), 1)


class Plucker(unittest.TestCase):
    """Hand-worked planes."""

    def coordinates(self, u, v):
        """Return the coordinates of plain vectors; all files must agree on them."""
        results = [numbers(model.plucker(*[[model.Value(x) for x in w] for w in (u, v)]))
                   for model in GRASSMANN]
        self.assertTrue(all(result == results[0] for result in results))
        return results[0]

    def test_by_hand(self):
        """In 2-D it is the determinant, in 3-D the cross product in another order."""
        self.assertEqual(self.coordinates((1, 2), (3, 4)), [-2])
        self.assertEqual(self.coordinates((1, 2, 3), (4, 5, 6)), [-3, -6, -3])
        self.assertEqual(self.coordinates((1, 0, 0, 0), (0, 0, 0, 1)), [0, 0, 1, 0, 0, 0])
        self.assertEqual(self.coordinates((0, 1, 0, 0), (0, 0, 1, 0)), [0, 0, 0, 1, 0, 0])

    def test_antisymmetric(self):
        """Exchanging the two turns every sign."""
        rng = random.Random(1)
        u, v = draw(rng, 5), draw(rng, 5)
        self.assertEqual(self.coordinates(u, v), [-p for p in self.coordinates(v, u)])

    def test_parallel(self):
        """Vectors on one line span nothing."""
        u = [1.0, -2.0, 0.5, 3.0]
        self.assertEqual(self.coordinates(u, [2 * x for x in u]), [0] * 6)
        self.assertEqual(self.coordinates(u, u), [0] * 6)

    def test_relation(self):
        """For r = 4 the six coordinates of a plane are not free: one equation ties them."""
        for seed in range(20):
            rng = random.Random(seed)
            p12, p13, p14, p23, p24, p34 = self.coordinates(draw(rng, 4), draw(rng, 4))
            self.assertAlmostEqual(p12 * p34 - p13 * p24 + p14 * p23, 0, places=12)
            self.assertGreater(abs(p12 * p34) + abs(p13 * p24), 0.01)


if __name__ == "__main__":
    unittest.main()
