"""The exercises as data: what to write, hints, examples, known mistakes. exercises.py checks them.

A known mistake is a change of the model file's own text, so no formula stands here a second time:
where a solution gives what the changed text gives, the sentence beside it is the answer.
"""
from typing import NamedTuple


class Example(NamedTuple):
    """Numbers for some names, and lines of Python; the last is what the example asks for.

    If numbers are given, their gradients are asked for as well.
    """

    code: str
    given: dict = {}
    stand_ins: str = ""  # functions that take the place of the solution's own
    varied: bool = True  # the same is tried with other numbers
    long: bool = False  # it asks for speed: right on all others, a solution is slow, not endless


class Step(NamedTuple):
    """One thing to write."""

    title: str
    functions: tuple
    task: str
    hints: tuple  # three, the last almost the answer
    examples: tuple
    mistakes: tuple  # (text in the model file's function or None for all of it, text instead, why)
    slow: str = ""  # why a solution may be slow
    shown: tuple = ()  # what the other file calls these functions, and parts of them
    solution: str = ""  # where it has none
    untouched: str = ""  # the sentence on what was given, if a step begins with more than a stub


def extreme(code, **given):
    """Return an example whose numbers matter as they are."""
    return Example(code, given, varied=False)


# ---- the engine ----------------------------------------------------------------------------------

ADD_AND_MULTIPLY = Step(
    "add and multiply", ("Value.__add__", "Value.__mul__"),
    "Return a new Value: its number, its children (self, other), and the derivative towards each: "
    "1 and 1 for a + b, b and a for a * b. `other` may be a plain number: lift() makes a Value of "
    "it.",
    ("Value(number, children, local_grads) takes a number and two tuples of equal length.",
     "The numbers are in self.data and other.data, once other = lift(other) is done.",
     "return Value(self.data * other.data, (self, other), (other.data, ...))"),
    (Example("a * b + a", {"a": 2, "b": -3}), Example("a * a", {"a": 5}),
     Example("(a + 1) * (3 * b) + (2 + b)", {"a": 2, "b": 1}), Example("a + a + a * 2", {"a": 3}),
     extreme("a * b + a", a=0, b=0), extreme("a * b + b * a", a=0, b=3),
     extreme("a * b", a=1e200, b=1e-300)),
    (("(other.data, self.data)", "(self.data, other.data)",
      "a * b has derivative b towards a, and a towards b: yours are swapped"),
     ("(other.data, self.data)", "(1.0, 1.0)", "a product's derivative towards a is b, not 1"),
     ("(1.0, 1.0)", "(self.data, other.data)",
      "a sum's derivative towards each of its parts is 1, whatever their numbers are"),
     ("(1.0, 1.0)", "(other.data, self.data)",
      "a sum's derivative towards each of its parts is 1, whatever their numbers are"),
     ("(1.0, 1.0)", "(1.0, -1.0)", "the derivative of a + b towards b is 1, not -1"),
     ("(self, other), (1.0, 1.0)", "(self,), (1.0,)",
      "b is not among the children of a + b, so its gradient lacks a share"),
     ("(self, other), (other.data, self.data)", "(self,), (other.data,)",
      "b is not among the children of a * b, so its gradient lacks a share"),
     (", (self, other), (1.0, 1.0)", "",
      "the sum has no children, so no gradient finds its way back"),
     (", (self, other), (other.data, self.data)", "",
      "the product has no children, so no gradient finds its way back"),
     ("Value(self.data * other.data", "Value(self.data + other.data",
      "the product adds its numbers"),
     ("return Value(self.data + other.data, (self, other), (1.0, 1.0))", "return self + other",
      "self + other calls the function that you are writing, and so on without end: add the "
      "numbers, self.data + other.data"),
     ("return Value(self.data * other.data, (self, other), (other.data, self.data))",
      "return self * other",
      "self * other calls the function that you are writing, and so on without end: multiply the "
      "numbers, self.data * other.data"),
     ("    other = lift(other)\n    return Value(self.data + other.data, (self, other), (1.0",
      "    return Value(self.data + other.data, (self, other), (1.0",
      "a plain number has no .data: lift(other) makes a Value of it"),
     ("    other = lift(other)\n    return Value(self.data * other.data, (self, other), (other",
      "    return Value(self.data * other.data, (self, other), (other",
      "a plain number has no .data: lift(other) makes a Value of it")))

POWER = Step(
    "power", ("Value.__pow__",),
    "Return a ** n for a plain number n, with math.pow; its derivative is n a^(n-1). At a = 0 that "
    "is 1 for n = 1 and 0 for n = 2: take care not to divide by 0.",
    ("One child, self, and one derivative: Value(number, (self,), (slope,)).",
     "a^(n-1) may be computed as such, or as a^n / a where a is not 0.",
     "slope = n * math.pow(self.data, n - 1)"),
    (Example("a ** 3", {"a": 2}), Example("(a * a) ** 0.5 + a ** -1", {"a": 4}),
     extreme("a ** 2 + b", a=0, b=1), Example("(a ** 2) ** 3", {"a": -1}),
     extreme("a ** 1 + a ** 3", a=0),
     Example("a ** 0 + a ** 1", {"a": 3}), extreme("a ** 2.5 + a ** -0.5", a=4)),
    (("n * (power / self.data)", "n * power", "the power falls by one: n a^(n-1), not n a^n"),
     ("n * (power / self.data)", "power / self.data", "the factor n is missing: n a^(n-1)"),
     ("n * (power / self.data)", "(n - 1) * (power / self.data)", "the factor is n, not n - 1"),
     ("n * (power / self.data) if self.data else slope_at_0", "n * (power / self.data)",
      "at a = 0 you divide by 0, where the derivative of a^2 is 0"),
     ("if self.data else slope_at_0", "if self.data else 0.0",
      "at a = 0 the derivative of a^1 is 1, as it is everywhere else"),
     ("if self.data else slope_at_0", "if self.data else 1.0",
      "at a = 0 the derivative of a^2 is 0, not 1"),
     ("Value(power,", "Value(self.data * n,", "a^n is not a times n"),
     ("(slope,)", "(1.0,)", "the derivative of a^n is n a^(n-1), not 1"),
     ("(self,), (slope,)", "(), ()", "self is not among the children, so no gradient finds its way "
      "back"),
     ("math.pow(self.data, n)", "self ** n",
      "self ** n calls the function that you are writing, and so on without end: take the number, "
      "self.data")))

RELU = Step(
    "relu", ("Value.relu",),
    "Return a if a > 0, else 0. Where it is on, the derivative is 1; where it is off, 0, and at "
    "a = 0 it is off. NaN, which is not a number, must stay NaN, so that training notices it.",
    ("NaN <= 0 and NaN > 0 are both False: choose the test that lets NaN through.",
     "Where it is on, the result may be self itself.",
     "return Value(0.0) if self.data <= 0 else ..."),
    (Example("a.relu() * 3 + b.relu() * 2", {"a": 3, "b": -2}),
     Example("a.relu() + b", {"a": -1, "b": 1}),
     extreme("a.relu() + b", a=float("nan"), b=1), Example("(a + b).relu()", {"a": 2, "b": -1}),
     extreme("a.relu() + b", a=0, b=1), extreme("a.relu() + b.relu()", a=1e-300, b=-1e-300),
     Example("a.relu().relu() * b.relu()", {"a": 2, "b": 3})),
    (("<= 0", ">= 0", "it is the negative numbers that become 0"),
     ("else self", "else Value(self.data)",
      "the result is not connected with a, so no gradient finds its way back"),
     ("if self.data <= 0", "if not self.data > 0", "NaN becomes 0, and nobody notices the damage"),
     ("return Value(0.0) if self.data <= 0 else self",
      "return Value(0.0 if not self.data > 0 else self.data, (self,), (float(self.data > 0),))",
      "NaN becomes 0, and nobody notices the damage"),
     ("return Value(0.0) if self.data <= 0 else self",
      "return Value(0.0 if self.data <= 0 else self.data, (self,), (1.0,))",
      "where relu is off its derivative is 0, not 1"),
     ("<= 0", "< 0", "at a = 0 relu is off: its derivative there is 0, not 1"),
     ("return Value(0.0) if self.data <= 0 else self", "return self",
      "negative numbers become 0"),
     ("return Value(0.0) if self.data <= 0 else self",
      "return Value(abs(self.data), (self,), (1 if self.data > 0 else -1,))",
      "negative numbers become 0; abs makes them positive"),
     ("<= 0", "<= 1", "relu is on wherever a > 0, not only above 1"),
     ("Value(0.0)", "self * 0.01", "that is the leaky relu: off means 0")))

BACKWARD = Step(
    "backward", ("Value.backward",),
    "Set grad to d self / d node in each node that self was made from. By the chain rule a node "
    "adds to each child's grad its own grad times the local derivative, once it has got all its "
    "own shares. The grads of leaves (nodes without children) add up over calls; all others start "
    "from 0. This must work for chains of thousands of operations, and quickly: visit each node "
    "once.",
    ("First list the nodes, each once and after all its children; then hand down from the list's "
     "end.",
     "Do not let a function call itself for each child: Python stops at 1,000 calls within calls. "
     "Keep a list of the nodes on the way, each with an iterator over its children.",
     "self.grad = 1.0; for node in reversed(order): for child, local_grad in zip(node.children, "
     "node.local_grads): child.grad += ..."),
    (Example("a * b + a", {"a": 2, "b": -3}),
     Example("y = 3 * (2 * a)\ny.backward()  # and the check calls it once more\ny", {"a": 1}),
     Example("(a + b) * (a - b) * a", {"a": 2, "b": 1}),
     Example("b = a * a\nc = b + a\nb * c", {"a": 2}),
     Example("b = a * a\nc = b + a\nc * b", {"a": 2}),
     Example("b = a * a\n(b * 2).backward()  # two results made from one b\nb * 3", {"a": 2}),
     Example("functools.reduce(lambda y, _: y + y, range(12), a)", {"a": 1}),
     Example("functools.reduce(lambda y, _: y * 0.9 + a, range(200), b)", {"a": 1, "b": 1}),
     Example("functools.reduce(lambda y, _: y * 0.9 + a, range(3000), b)", {"a": 1, "b": 1},
             varied=False, long=True),
     Example("functools.reduce(lambda y, _: y * 0.5 + y * 0.5, range(40), a)", {"a": 1},
             varied=False, long=True),
     Example("functools.reduce(lambda y, _: y * 0.999 + a, range(25000), b)", {"a": 1, "b": 1},
             varied=False, long=True)),
    (("child.grad += ", "child.grad = ",
      "the gradient is set, not added: a number used twice keeps only its last share"),
     ("    self.grad = 1.0\n", "",
      "nothing is handed down: d self / d self is 1, and self.grad must say so"),
     ("reversed(order)", "order",
      "only the result's own children get a gradient: hand down from the list's end, where self "
      "stands, and go on to the leaves"),
     ("            node.grad = 0.0\n", "",
      "a second call hands down the first call's shares again: nodes start from 0"),
     ("local_grad * grad", "local_grad",
      "the chain rule multiplies: the local derivative times the node's own gradient"),
     ("local_grad * grad", "grad", "the local derivative is missing from the chain rule"),
     ("local_grad * grad", "local_grad + grad",
      "the chain rule multiplies the local derivative by the node's gradient, it does not add"),
     ("local_grad * grad", "child.data * grad",
      "the child's number is not the derivative: that is in local_grads"),
     ("    self.grad = 1.0\n",
      "    self.grad = 1.0\n    for node in order:\n        for child in node.children:\n"
      "            if not child.children:\n                child.grad = 0.0\n",
      "leaves are set to 0, too: their grads should add up over calls, for several losses"),
     (None, """def backward(self):
    self.grad = 1.0
    todo, visited = [self], {self}
    while todo:
        node = todo.pop()
        for child, local_grad in zip(node.children, node.local_grads):
            if child.children and child not in visited:
                child.grad = 0.0
            child.grad += local_grad * node.grad
            if child not in visited:
                visited.add(child)
                todo.append(child)
""", "a node hands down before it has got all its shares: list the nodes in order first"),
     (None, """def backward(self):
    self.grad = 1.0
    todo, visited = [self], {self}
    while todo:
        node = todo.pop(0)
        for child, local_grad in zip(node.children, node.local_grads):
            if child.children and child not in visited:
                child.grad = 0.0
            child.grad += local_grad * node.grad
            if child not in visited:
                visited.add(child)
                todo.append(child)
""", "a node hands down before it has got all its shares: list the nodes in order first"),
     (None, """def backward(self):
    order, visited = [], set()
    def walk(node):
        if node not in visited:
            visited.add(node)
            for child in node.children:
                walk(child)
            order.append(node)
    walk(self)
    for node in order:
        node.grad = 0.0 if node.children else node.grad
    self.grad = 1.0
    for node in reversed(order):
        for child, local_grad in zip(node.children, node.local_grads):
            child.grad += local_grad * node.grad
""", "a function that calls itself for each child fails at 1,000 operations in a row"),
     (None, """def backward(self):
    self.grad = 1.0
    for child, local_grad in zip(self.children, self.local_grads):
        child.grad += local_grad * self.grad
        child.backward()
""", "child.backward() sets the child's grad to 1, and its shares are lost")),
    "In a list, `in` searches from the start each time; a set finds a node at once. A node "
    "used twice must be visited once, not once for each path to it")

LINEAR = Step(
    "linear", ("linear",),
    "Return matrix @ x: for each row the dot product w_1 x_1 + ... + w_n x_n, ideally as one Value "
    "whose children are all w and all x. A row is a tuple; x may be any iterable, even one that "
    "can be read only once, so make a tuple of it first.",
    ("The derivative of w_1 x_1 + ... + w_n x_n towards w_1 is x_1, towards x_1 it is w_1.",
     "Plain sums of products of Values are also right, only slower.",
     "Value(sum of w.data * x.data, row + x, the data of x followed by the data of row)"),
    (Example("linear(x, W)", {"x": [3, 4], "W": [[1, 2]]}),
     Example("linear(x, W)", {"x": [1, 2], "W": [[1, 0], [3, -1], [2, 2]]}),
     Example("linear(iter(x), W)", {"x": [1, 2, 3], "W": [[1, 0, 2], [-1, 1, 1]]}),
     Example("linear(linear(x, W), W)", {"x": [1, 2], "W": [[0, 1], [2, 3]]}),
     Example("linear(x, W)", {"x": [2], "W": [[3], [-1]]})),
    (("row + x, x_data + data", "row + x, data + x_data",
      "towards w the derivative is x, and towards x it is w: yours are swapped"),
     ("row + x, x_data + data", "row, x_data",
      "x is not among the children, so its gradient lacks a share"),
     ("row + x, x_data + data", "x, data",
      "the weights are not among the children: they would never learn"),
     (", row + x, x_data + data)", ")",
      "the result has no children, so no gradient finds its way back"),
     ("for row in matrix]", "for row in zip(*matrix)]",
      "each row of the matrix meets x, not each column"),
     ("sumprod(x_data, data)", "sum(data)", "each w is multiplied by its x before the sum"),
     ("sumprod(x_data, data)", "sum(x_data) + sum(data)",
      "each w is multiplied by its x, not added to it"),
     ("    x_data", "    (x, matrix) = (matrix, x)\n    x_data",
      "x comes first, then the matrix: linear(x, matrix)"),
     ("    return [", "    return [linear(x, matrix)][0] or [",
      "linear calls itself, and so on without end"),
     (None, "def linear(x, matrix):\n    return [sum([w * x_i for w, x_i in zip(row, x)], "
      "Value(0.0)) for row in matrix]\n",
      "x may be an iterator, which can be read only once: x = tuple(x) first"),
     ("    x = tuple(x)\n", "",
      "x may be an iterator, which can be read only once: x = tuple(x) first")))
LINEAR_ANY = LINEAR._replace(  # attention's model makes the rows as it goes
    task=LINEAR.task + " The matrix may be such an iterable, too: go once through its rows.",
    examples=LINEAR.examples + (
        Example("linear(x, iter(W))", {"x": [1, 2, 3], "W": [[1, 2, 0], [0, 1, 1], [2, 1, 1]]}),
        Example("linear(x, zip(*W))", {"x": [1, 2, 3], "W": [[1, 2], [0, 1], [2, 1]]})),
    mistakes=LINEAR.mistakes + (
        ("    x_data", "    matrix[0]\n    x_data",
         "the matrix may be an iterator: go through its rows with for row in matrix"),
        ("    x_data", "    len(matrix)\n    x_data",
         "the matrix may be an iterator: go through its rows with for row in matrix")))

# ---- the mixing layer with planes ----------------------------------------------------------------

PLUCKER = Step(
    "plucker", ("plucker",),
    "Return the Plücker coordinates u_i v_j - u_j v_i for all i < j, in the order (0, 1), "
    "(0, 2), ..., (1, 2), ...",
    ("Two loops: i over all places, j over the places after i.",
     "For r numbers there are r (r - 1) / 2 coordinates: 1 for r = 2, 3 for r = 3, 6 for r = 4.",
     "u[i] * v[j] - ... for i in range(len(u)) for j in range(i + 1, ...)"),
    (Example("plucker(u, v)", {"u": [1, 2, 3], "v": [0, 1, 4]}),
     Example("plucker(u, v)", {"u": [1, 2, 3, 4], "v": [2, 0, 1, -1]}),
     Example("plucker(u, v)", {"u": [1, 2], "v": [3, 4]}),
     Example("plucker(u, v)", {"u": [1, 2, 0, 1, 3], "v": [2, 0, 1, -1, 1]}),
     Example("plucker(u, u)", {"u": [1, 2, 3]})),
    (("u[i] * v[j] - u[j] * v[i]", "u[j] * v[i] - u[i] * v[j]",
      "the sign: u_i v_j - u_j v_i, yours is u_j v_i - u_i v_j"),
     ("for i in range(len(u)) for j in range(i + 1, len(u))",
      "for j in range(len(u)) for i in range(j)",
      "the order: i is the outer loop, so (0, 3) comes before (1, 2)"),
     ("range(i + 1, len(u))", "range(i, len(u))",
      "i < j: with i = j there are coordinates that are always 0"),
     ("range(i + 1, len(u))", "range(len(u))", "i < j: each pair once, not in both orders"),
     ("range(i + 1, len(u))", "range(len(u)) if i != j",
      "i < j: each pair once, not in both orders"),
     ("for i in range(len(u)) for j in range(i + 1, len(u))",
      "for i, j in ((0, 1), (0, 2), (1, 2))",
      "u may have any number of places, not only 3: len(u)"),
     ("range(i + 1, len(u))", "range(i + 1, len(u) - 1)",
      "range(a, b) ends before b: the last place is left out"),
     ("range(i + 1, len(u))", "range(i + 1, min(i + 2, len(u)))",
      "all pairs, not only neighbours: (0, 2) is missing"),
     ("u[i] * v[j] - u[j] * v[i]", "u[i] * v[j]",
      "the second product is missing: u_i v_j - u_j v_i"),
     ("u[i] * v[j] - u[j] * v[i]", "u[i] * v[j] + u[j] * v[i]",
      "the second product is subtracted, not added"),
     ("u[i] * v[j] - u[j] * v[i]", "u[i] * v[i] - u[j] * v[j]",
      "i and j are mixed up: u_i meets v_j, not v_i"),
     ("u[i] * v[j] - u[j] * v[i]", "u[i] * u[j] - v[i] * v[j]",
      "each product has one number of u and one of v: u_i v_j - u_j v_i"),
     ("u[i] * v[j] - u[j] * v[i]", "u[i] - v[j]",
      "each coordinate is a difference of two products: u_i v_j - u_j v_i"),
     ("u[i] * v[j] - u[j] * v[i]", "Value(u[i].data * v[j].data - u[j].data * v[i].data)",
      "the numbers were taken out with .data, so no gradient finds its way back"),
     ("range(len(u))", "range(3)", "u may have any number of places, not only 3: len(u)"),
     ("for i in range(len(u)) for j in range(i + 1, len(u))",
      "for i in range(3) for j in range(i + 1, 4) if j < len(u)",
      "u may have any number of places, not only 4: len(u)"),
     ("len(u))]", "4)]", "u may have any number of places, not only 4: len(u)")))

MEAN_PLANE = Step(
    "the mean of planes", ("mean_plane",),
    "past is a list of states z, the last one the present; leave the list as it is. For each "
    "offset that does not reach before the start, take unit_plucker(present, the state `offset` "
    "places earlier); return the mean of these planes, coordinate by coordinate. Without any: "
    "zeros, as many as unit_plucker would give, r (r - 1) / 2.",
    ("past[-1] is the present state, past[-2] the one before, past[-1 - offset] its partner.",
     "zip(*planes) goes through the planes' coordinates side by side; mean() takes a list.",
     "if offset < len(past): planes.append(unit_plucker(past[-1], past[-1 - offset])); zeros: one "
     "Value(0.0) for each coordinate of plucker(z, z)"),
    (Example("mean_plane(past, Config(3, r=2, window=(1, 2, 3)))",
             {"past": [[0, 1], [1, -1], [2, 3], [1, 0]]}),
     Example("mean_plane(past, Config(3, r=3, window=(1, 2)))", {"past": [[1, 2, 3]]}),
     Example("mean_plane(past, Config(3, r=2, window=(2, 1)))", {"past": [[1, 2]]}),
     Example("mean_plane(past, Config(3, r=4, window=(1,)))", {"past": [[1, 2, 0, 1]]}),
     Example("mean_plane(past, Config(3, r=3, window=(1, 2, 3)))",
             {"past": [[1, 2, 3], [0, 1, 1], [2, 1, 0]]}),
     Example("mean_plane(past, Config(3, r=2, window=(1, 2)))",
             {"past": [[3, 1], [0, 1], [2, 3], [1, 0]]}),
     Example("mean_plane(past, Config(3, r=4, window=(1, 4, 2)))",
             {"past": [[3, 1, 0, 1], [0, 1, 2, 1], [2, 3, 1, 0], [1, 0, 1, 2]]}),
     Example("mean_plane(past, Config(3, r=3, window=(1, 1, 2)))",
             {"past": [[3, 1, 0], [0, 1, 2], [2, 3, 1]]}),
     Example("mean_plane(past, Config(3, r=2, window=(3,)))",
             {"past": [[3, 1], [0, 1], [2, 3], [1, 0], [2, 1]]})),
    (("unit_plucker(z", "plucker(z", "the planes must have length 1: unit_plucker"),
     ("offset < len(past)", "offset <= len(past)",
      "off by one: with n states the farthest partner is n - 1 places back"),
     ("offset < len(past)", "offset < len(past) - 1",
      "off by one: the farthest partner, the first state, is left out"),
     ("in config.window:", "in set(config.window):",
      "an offset that is listed twice counts twice"),
     ("past[-1 - offset]", "past[-offset]",
      "off by one: past[-offset] for offset 1 is the present state itself"),
     ("past[-1 - offset]", "past[offset]",
      "offsets count back from the present: past[-1 - offset]"),
     ("past[-1 - offset]", "past[offset - 1]",
      "offsets count back from the present: past[-1 - offset]"),
     ("past[-1 - offset]", "past[max(0, len(past) - 2 - offset)]",
      "off by one: the partner is `offset` places before the present, past[-1 - offset]"),
     ("    for offset in config.window:\n        if offset < len(past):\n",
      "    for offset in range(1, len(past)):\n        if offset in range(1, len(past)):\n",
      "only the offsets in config.window count, not all of the past"),
     ("z = past[-1]", "z = past[0]", "the present state is the last one: past[-1]"),
     ("mean(p_ij)", "sum(p_ij, Value(0.0))",
      "the mean, not the sum of the planes"),
     ("config.window:", "(1, 2, 4, 8, 12, 16):",
      "the offsets are those of config.window, not always 1, 2, 4 and so on"),
     ("mean(p_ij)", "sum(p_ij, Value(0.0)) * (1 / len(config.window))",
      "the mean of the partners that are there: divide by their number, not by all offsets"),
     ("[mean(p_ij) for p_ij in zip(*planes)]", "[mean(p_ij) for p_ij in planes]",
      "the mean over the planes, coordinate by coordinate: zip(*planes), not one for each plane"),
     ("[mean(p_ij) for p_ij in zip(*planes)]", "planes[-1]",
      "only the last plane comes back: return the mean of all"),
     ("    return [mean(p_ij) for p_ij in zip(*planes)]",
      "    p = [mean(p_ij) for p_ij in zip(*planes)]\n"
      "    length = (dot(p, p) + 1e-8) ** -0.5\n    return [p_ij * length for p_ij in p]",
      "the mean of planes of length 1 is not scaled again"),
     ("    return [mean(p_ij) for p_ij in zip(*planes)]",
      "    planes = [plucker(z, past[-1 - o]) for o in config.window if o < len(past)]\n"
      "    p = [mean(p_ij) for p_ij in zip(*planes)]\n"
      "    length = (dot(p, p) + 1e-8) ** -0.5\n    return [p_ij * length for p_ij in p]",
      "each plane is scaled to length 1 before the mean, not the mean"),
     ("    if not planes:\n        return [Value(0.0) for _ in plucker(z, z)]\n", "",
      "at position 0 there is no partner: return as many zeros as there are coordinates"),
     ("    if not planes:\n        return [Value(0.0) for _ in plucker(z, z)]\n",
      "    if not planes:\n        return mean(planes)\n",
      "at position 0 there is no partner, so nothing to divide by: return zeros"),
     ("for _ in plucker(z, z)]", "for _ in z]",
      "as many zeros as there are coordinates, r (r - 1) / 2; r is that only for r = 3"),
     ("for _ in plucker(z, z)]", "for _ in range(config.r ** 2)]",
      "as many zeros as there are coordinates, r (r - 1) / 2"),
     ("for _ in plucker(z, z)]", "for _ in config.window]",
      "as many zeros as there are coordinates, r (r - 1) / 2, not one for each offset"),
     ("for _ in plucker(z, z)]", "for _ in range(6)]",
      "as many zeros as there are coordinates, r (r - 1) / 2; that is 6 only for r = 4"),
     ("unit_plucker(z, past[-1 - offset])", "unit_plucker(past[-1 - offset], z)",
      "the present state comes first: swapping the two flips the sign"),
     ("if offset < len(past):", "if offset < len(past) and not planes:",
      "only the first partner counts: take all offsets"),
     ("    z = past[-1]", "    z = past.pop()", "past is the caller's list: read it, past[-1]"),
     ("    planes = []", "    planes = []\n    past.reverse()",
      "past is the caller's list: do not reverse it")))

GATE_CODE = """params = {"layer1.W_gate_h": H, "layer1.W_gate_g": G,
          "layer0.W_gate_h": G, "layer0.W_gate_g": G}
gate(x, g, "layer1", params)"""
GATE = Step(
    "gate", ("gate",),
    "Return alpha x + (1 - alpha) g for each number, with alpha = sigmoid(W_gate_h @ x + "
    "W_gate_g @ g); the matrices are params[f\"{layer}.W_gate_h\"] and W_gate_g.",
    ("linear(x, W_gate_h) and linear(g, W_gate_g), added, are the scores.",
     "Each score has a method sigmoid(); the result has as many numbers as x.",
     "[a * x_i + (1 - a) * g_i for a, x_i, g_i in zip(alpha, x, g)]"),
    (Example(GATE_CODE,
             {"x": [1, -1], "g": [0, 2], "H": [[0, 0], [0, 0]], "G": [[0, 0], [0, 0]]}),
     Example(GATE_CODE,
             {"x": [1, -1], "g": [1, 2], "H": [[1, 0], [0, 1]], "G": [[0, 2], [1, 0]]}),
     Example(GATE_CODE, {"x": [2], "g": [-1], "H": [[1]], "G": [[3]]}),
     Example(GATE_CODE, {"x": [1, -1, 2], "g": [1, 2, 0], "H": [[1, 0, 1], [0, 1, 2], [1, 1, 0]],
                         "G": [[0, 2, 1], [1, 0, 1], [2, 1, 0]]})),
    (("a * x_i + (1 - a) * g_i", "a * g_i + (1 - a) * x_i",
      "alpha is the share of x, 1 - alpha that of g: yours are swapped"),
     ("score.sigmoid()", "score", "alpha is the sigmoid of the score, between 0 and 1"),
     ("score.sigmoid()", "score.exp()", "alpha is the sigmoid of the score, between 0 and 1"),
     ("score.sigmoid()", "score.relu()", "alpha is the sigmoid of the score, between 0 and 1"),
     ("score.sigmoid()", "Value(score.sigmoid().data)",
      "alpha depends on x and g: as a plain number it hands no gradient down"),
     ("(1 - a) * g_i", "g_i", "g's share is 1 - alpha, not 1"),
     ("(1 - a) * g_i", "(a - 1) * g_i", "g's share is 1 - alpha, not alpha - 1"),
     ("(1 - a) * g_i", "a * g_i", "g's share is 1 - alpha, not alpha"),
     (" + (1 - a) * g_i", "", "g is left out: (1 - alpha) g is missing"),
     ("linear(g, params", "linear(x, params", "W_gate_g reads g, not x"),
     ("linear(x, params", "linear(g, params", "W_gate_h reads x, not g"),
     ("add(linear(x, params[f\"{layer}.W_gate_h\"]), linear(g, params[f\"{layer}.W_gate_g\"]))",
      "add(linear(g, params[f\"{layer}.W_gate_h\"]), linear(x, params[f\"{layer}.W_gate_g\"]))",
      "W_gate_h reads x and W_gate_g reads g: yours are swapped"),
     ("add(linear(x, params[f\"{layer}.W_gate_h\"]), linear(g, params[f\"{layer}.W_gate_g\"]))",
      "linear(x, params[f\"{layer}.W_gate_h\"])", "the gate reads g, too, through W_gate_g"),
     ("add(linear(x, params[f\"{layer}.W_gate_h\"]), linear(g, params[f\"{layer}.W_gate_g\"]))",
      "linear(g, params[f\"{layer}.W_gate_g\"])", "the gate reads x, too, through W_gate_h"),
     ("add(linear(x, params[f\"{layer}.W_gate_h\"]), linear(g, params[f\"{layer}.W_gate_g\"]))",
      "linear(add(x, g), params[f\"{layer}.W_gate_h\"])",
      "two matrices: W_gate_h for x, W_gate_g for g"),
     ("add(linear(x, params[f\"{layer}.W_gate_h\"]), linear(g, params[f\"{layer}.W_gate_g\"]))",
      "add(linear(x, params[\"layer0.W_gate_h\"]), linear(g, params[\"layer0.W_gate_g\"]))",
      "there may be several layers: f\"{layer}.W_gate_h\", not always layer0's")))

# ---- the mixing layer with attention -------------------------------------------------------------

SOFTMAX = Step(
    "softmax", ("softmax",),
    "Return exp(score) for each score, scaled so that they sum to 1. Scores may be large: subtract "
    "the largest, as a plain number, first; that changes nothing else.",
    ("exp(1000) overflows, exp(1000 - 1000) does not.",
     "top = max of the scores' data; exps = [(score - top).exp() ...].",
     "Divide each by the sum: total ** -1 is 1 / total, and a Value has +, * and **."),
    (Example("softmax(scores)", {"scores": [0, 0]}),
     Example("softmax(scores)", {"scores": [1, 2, 3]}), Example("softmax(scores)", {"scores": [4]}),
     extreme("softmax(scores)", scores=[1000, 999]), extreme("softmax(scores)", scores=[0, 1000]),
     extreme("softmax(scores)", scores=[-1000, -1001, -1000])),
    (("(score - top)", "score", "exp overflows: subtract the largest score first"),
     ("max([score.data for score in scores])", "scores[0].data",
      "subtract the largest score, not the first: exp(1000 - 0) overflows"),
     ("max([score.data for score in scores])", "min([score.data for score in scores])",
      "subtract the largest score, not the smallest"),
     ("max([score.data for score in scores])", "max(abs(score.data) for score in scores)",
      "subtract the largest score itself: where all are negative it is not the one with the "
      "largest size"),
     ("return [e * scale for e in exps]", "return exps", "they must sum to 1: divide by the sum"),
     ("e * scale for e", "e * scale.data for e",
      "the sum depends on the scores, too: as a plain number it hands no gradient down"),
     ("e * scale for e", "Value((e * scale).data) for e",
      "the numbers were taken out with .data, so no gradient finds its way back"),
     ("e * scale for e", "e * (1 / len(exps)) for e",
      "divide by the sum, not by the number of scores"),
     ("e * scale for e", "(e * scale).log() for e", "that is the logarithm of softmax"),
     ("exps = [(score - top).exp() for score in scores]",
      "exps = [2 ** (score.data - top) * (score - top + 1) for score in scores]",
      "exp is the power of e, not of 2")))

MIX_CODE = """past, config = [], Config(3, n_embd=2, n_head=1)
params = {"layer1.wq": Q, "layer1.wk": K, "layer1.wv": V,
          "layer1.wo": O}
first = mix(x, "layer1", past, params, config)
second = mix(y, "layer1", past, params, config)
first + second + mix(x, "layer1", past, params, config)"""
ATTENTION = Step(
    "attention", ("attend", "mix"),
    "attend: cut q, and each key and value of the past, a list of (key, value), into config.n_head "
    "parts of equal size. Part by part, score each key by its dot product with q over sqrt(size), "
    "softmax the scores, and return the mean of the values weighted by these. mix: make q, k, v "
    "from x with the matrices wq, wk, wv; append (k, v) to the past, so that x sees itself; return "
    "wo @ what attend finds.",
    ("A part is head = slice(start, start + size); key[head] is that part of a key, and "
     "params[f\"{layer}.wq\"] a matrix for linear().",
     "linear(q[head], keys) gives all dot products with q at once, each key being a row.",
     "out += linear(softmax(scores), zip(*[value[head] for _, value in past])), and in mix return "
     "linear(attend(q, past, config), params[f\"{layer}.wo\"])"),
    (Example("attend(q, list(zip(keys, values)), Config(3, n_embd=2, n_head=1))",
             {"q": [0, 0], "keys": [[1, 0], [0, 1]], "values": [[1, 2], [3, 4]]}),
     Example("attend(q, list(zip(keys, values)), Config(3, n_embd=4, n_head=2))",
             {"q": [1, 2, 0, 1], "keys": [[1, 0, 1, 1], [0, 2, 1, 0], [1, 1, 0, -1]],
              "values": [[1, 2, 3, 4], [0, 1, -1, 0], [2, 0, 1, 1]]}),
     Example("attend(q, list(zip(keys, values)), Config(3, n_embd=6, n_head=2))",
             {"q": [1, 2, 0, 1, 1, 0], "keys": [[1, 0, 1, 1, 0, 1], [0, 2, 1, 0, 1, 1]],
              "values": [[1, 2, 3, 4, 0, 1], [0, 1, -1, 0, 2, 1]]}),
     Example("attend(q, list(zip(keys, values)), Config(3, n_embd=3, n_head=3))",
             {"q": [1, 2, 0], "keys": [[1, 0, 1]], "values": [[1, 2, 3]]}),
     Example("past = list(zip(keys, values))\nattend(q, past, Config(3, n_embd=2, n_head=1))\n"
             "[y for key, value in past for y in (*key, *value)]  # as before",
             {"q": [1, 2], "keys": [[1, 0], [0, 1]], "values": [[1, 2], [3, 4]]}),
     Example(MIX_CODE, {"x": [1, 0], "y": [1, 2], "Q": [[1, 0], [0, 1]], "K": [[1, 1], [0, 1]],
                        "V": [[1, 0], [2, 1]], "O": [[1, 0], [1, 1]]})),
    (("q_i * size ** -0.5", "q_i", "the scores are divided by sqrt(size)"),
     ("size ** -0.5", "config.n_embd ** -0.5",
      "the scores are divided by the root of a part's size, not of n_embd"),
     ("size ** -0.5", "config.n_head ** -0.5",
      "the scores are divided by the root of a part's size, not of the number of heads"),
     ("size ** -0.5", "size ** -1", "divide by the root of size"),
     ("size ** -0.5", "size ** 0.5", "divide by the root of size, do not multiply"),
     ("slice(start, start + size)", "slice(0, size)",
      "each head has its own part: start moves on by size"),
     ("for start in range(0, config.n_embd, size):", "for start in range(0, size):",
      "start moves on by size, up to n_embd"),
     ("    size = config.n_embd // config.n_head", "    size = config.n_embd",
      "n_head parts, each with weights of its own, not one"),
     ("value[head] for _, value in past", "key[head] for key, _ in past",
      "the weights are for the values, not for the keys"),
     ("value[head] for _, value in past", "value for _, value in past",
      "a part's weights are for its own part of the values: value[head]"),
     ("softmax(scores)", "scores", "the scores become weights by softmax"),
     ("    past.append((k, v))\n    return linear(attend(q, past, config)",
      "    past.append((k, v))\n    return linear(attend(q, past[:1], config)",
      "a position sees all of the past, not the first one alone"),
     ("    past.append((k, v))\n    return linear(attend(q, past, config)",
      "    past.append((k, v))\n    return linear(attend(q, past[-1:], config)",
      "a position sees itself alone: append (k, v) to the past that is given (past = past + ... "
      "makes another list, which is lost), and attend to all of it"),
     ("    past.append((k, v))\n"
      "    return linear(attend(q, past, config), params[f\"{layer}.wo\"])",
      "    found = attend(q, past, config) if past else [x_i * 0 for x_i in x]\n"
      "    past.append((k, v))\n    return linear(found, params[f\"{layer}.wo\"])",
      "x sees itself, too: append (k, v) before attend"),
     ("past.append((k, v))", "past.append((v, k))", "keys and values are swapped"),
     ("past.append((k, v))", "past.append((k, k))", "the values are v, made by wv"),
     ("past.append((k, v))", "past[:] = [(k, v)]",
      "append to the past: the earlier keys and values are lost"),
     ("linear(attend(q, past, config), params[f\"{layer}.wo\"])", "attend(q, past, config)",
      "wo is missing"),
     ("linear(attend(q,", "linear(attend(k,", "it is q that asks, not k"),
     ("linear(attend(q,", "linear(attend(x,", "it is q that asks, not x itself"),
     ("params[f\"{layer}.{name}\"]", "params[f\"layer0.{name}\"]",
      "there may be several layers: f\"{layer}.wq\", not always layer0's"),
     ("(\"wq\", \"wk\", \"wv\")", "(\"wq\", \"wk\", \"wk\")", "the values are made by wv")))

# ---- the model -----------------------------------------------------------------------------------

RMSNORM = Step(
    "rmsnorm", ("rmsnorm",),
    "Return x divided by the root of its mean square: x_i / sqrt(mean of x_j^2 + 1e-5). The 1e-5, "
    "under the root, keeps a vector of zeros from being divided by 0.",
    ("dot(x, x) is the sum of the squares as one Value; the mean is that over len(x).",
     "1 / sqrt(s) is s ** -0.5.",
     "scale = (dot(x, x) * (1 / len(x)) + 1e-5) ** -0.5"),
    (Example("rmsnorm(x)", {"x": [3, 4]}), extreme("rmsnorm(x)", x=[0, 0, 0]),
     Example("rmsnorm(x)", {"x": [1, -2, 3, 0.5]}), Example("rmsnorm(x)", {"x": [2]}),
     extreme("rmsnorm(x)", x=[0.003, -0.002]), Example("rmsnorm(x)", {"x": [1, 2, 2, 1, 3, 1]})),
    ((" * (1 / len(x))", "", "the mean square, not the sum of the squares"),
     ("(1 / len(x))", "len(x)", "the mean square: divide by len(x), do not multiply"),
     ("** -0.5", "** -1", "the root is missing: ** -0.5"),
     ("** -0.5", "** 0.5", "divide by the root, do not multiply"),
     (" + 1e-5)", ")", "a vector of zeros is divided by 0: 1e-5 is missing under the root"),
     ("1e-5", "1e-8", "it is 1e-5 that is added here"),
     ("(dot(x, x) * (1 / len(x)) + 1e-5) ** -0.5",
      "((dot(x, x) * (1 / len(x)) + 1e-30) ** 0.5 + 1e-5) ** -1",
      "1e-5 stands under the root, added to the mean square, not beside the root"),
     ("(dot(x, x) * (1 / len(x)) + 1e-5) ** -0.5",
      "((dot(x, x) * (1 / len(x))) ** 0.5 + 1e-5) ** -1",
      "1e-5 stands under the root, added to the mean square, not beside the root"),
     ("(dot(x, x) * (1 / len(x)) + 1e-5) ** -0.5",
      "(dot(x, x) * (1 / len(x))) ** -0.5 + 1e-5",
      "1e-5 stands under the root, added to the mean square, not beside the root"),
     ("(dot(x, x) * (1 / len(x)) + 1e-5)", "((dot(x, x) + 1e-5) * (1 / len(x)))",
      "1e-5 is added to the mean of the squares, not to their sum"),
     ("    return", "    scale = Value(scale.data)\n    return",
      "the scale depends on x, too: as a plain number it hands nothing down"),
     ("x_i * scale for", "Value((x_i * scale).data) for",
      "the numbers were taken out with .data, so no gradient finds its way back"),
     ("    scale", "    x = [x_i + mean(x) * -1 for x_i in x]\n    scale",
      "rmsnorm does not subtract the mean; that is LayerNorm"),
     ("dot(x, x) * (1 / len(x))", "mean(x) * mean(x)",
      "the mean of the squares, not the square of the mean"),
     ("(dot(x, x) * (1 / len(x)) + 1e-5) ** -0.5",
      "(mean(x) + 1e-5) ** -0.5",
      "the mean of the squares, not of the numbers themselves"),
     ("x_i * scale for x_i in x", "scale for x_i in x",
      "x_i itself is missing: x_i times the scale")))

CROSS_ENTROPY = Step(
    "cross_entropy", ("cross_entropy",),
    "Return -log softmax(logits)[target] as log(sum of exp(logit)) - logits[target]. Logits may be "
    "large: log(sum exp(l)) = top + log(sum exp(l - top)), with top the largest logit's number.",
    ("The derivative towards each logit is its softmax, less 1 for the target.",
     "You may build it from -, exp(), log() and +, with top the largest logit's data.",
     "(sum of the (logit - top).exp()).log() + top - logits[target]"),
    (Example("cross_entropy(logits, 1)", {"logits": [0, 0]}),
     Example("cross_entropy(logits, 0)", {"logits": [1, 2, 3]}),
     Example("cross_entropy(logits, 3)", {"logits": [1, 0, -1, 2, 1]}),
     extreme("cross_entropy(logits, 1)", logits=[1000, 0]),
     extreme("cross_entropy(logits, 0)", logits=[0, 1000]),
     extreme("cross_entropy(logits, 1)", logits=[-1000, -1001, -1003])),
    (("v.data - top", "v.data", "exp overflows: subtract the largest logit first"),
     ("max([v.data for v in logits])", "logits[0].data",
      "subtract the largest logit, not the first: exp(1000 - 0) overflows"),
     ("max([v.data for v in logits])", "logits[target].data",
      "subtract the largest logit, not the target's: exp(1000 - 0) overflows"),
     ("max([v.data for v in logits])", "max(abs(v.data) for v in logits)",
      "subtract the largest logit itself: where all are negative it is not the one with the "
      "largest size"),
     ("math.log(norm) + top - logits[target].data, tuple(logits), slopes",
      "logits[target].data - math.log(norm) - top, tuple(logits), [-s for s in slopes]",
      "the sign: a loss is minus the log of the probability"),
     ("    slopes[target] -= 1\n", "", "the target's derivative is its softmax less 1"),
     ("math.log(norm) + top - ", "math.log(norm) - ",
      "the top that was subtracted must be added again"),
     ("math.log(norm) + top - ", "math.log(norm) - top - ",
      "the top that was subtracted must be added again, not subtracted once more"),
     ("- logits[target].data", "- top", "it is the target's logit that is subtracted"),
     ("- logits[target].data", "- logits[0].data", "it is the target's logit that is subtracted"),
     ("- logits[target].data", "- logits[target - 1].data",
      "the target counts from 0, as Python's places do: logits[target], not target - 1"),
     ("math.log(norm) + top - logits[target].data, tuple(logits), slopes",
      "math.log(norm) + top - logits[target - 1].data, tuple(logits), [slope + (n == target) - "
      "(n == (target - 1) % len(logits)) for n, slope in enumerate(slopes)]",
      "the target counts from 0, as Python's places do: logits[target], not target - 1"),
     (" - logits[target].data", "", "the target's logit is missing: log-sum-exp minus that"),
     ("/ norm", "/ len(exps)", "the softmax divides by the sum of the exponentials"),
     ("math.log(norm)", "math.log2(norm)", "nats: the natural logarithm"),
     ("math.log(norm)", "math.log10(norm)", "nats: the natural logarithm"),
     ("math.log(norm) + top - logits[target].data, tuple(logits), slopes",
      "(math.log(norm) + top - logits[target].data) / math.log(2), tuple(logits), [s / math.log(2)"
      " for s in slopes]", "nats: the natural logarithm"),
     ("math.log(norm) + top - logits[target].data, tuple(logits), slopes",
      "math.exp(logits[target].data - top) / norm, tuple(logits), slopes",
      "that is the probability: the loss is minus its logarithm"),
     ("math.log(norm) + top - logits[target].data, tuple(logits), slopes",
      "(math.log(norm) + top - logits[target].data) / len(logits), tuple(logits), [s / len(logits)"
      " for s in slopes]", "nothing is divided by the number of logits"),
     ("math.log(norm) + top - logits[target].data", "-math.log(exps[target] / norm)",
      "a probability may be so small that it becomes 0, and has no logarithm then: compute "
      "log(sum) - logit instead"),
     (", tuple(logits), slopes", "",
      "the loss is not connected with the logits, so no gradient finds its way back")))

# ---- training and writing ------------------------------------------------------------------------

ADAM_CODE = """first, second, third = Value(1.0), Value(-2.0), Value(0.5)
weights, m, v = [first, second, third], [0.0] * 3, [0.0] * 3
for step in range(1, {0} + 1):
    first.grad += 0.5 * step
    second.grad -= 3.0
    adam_step(weights, m, v, step, {1})
[y for w in (first, second, third) for y in (w.data, w.grad)]"""
ADAM_SMALL = """w, m, v = Value(1.0), [0.0], [0.0]
for step in 1, 2, 3:
    w.grad += 2e-8
    adam_step([w], m, v, step, 0.1, 0.85, 0.99)
[w.data, w.grad]"""
ADAM = Step(
    "adam_step", ("adam_step",),
    "For each weight: m = beta1 m + (1 - beta1) grad, v = beta2 v + (1 - beta2) grad^2; then move "
    "it by -lr m' / (sqrt(v') + 1e-8), where m' = m / (1 - beta1^step) and v' = v / (1 - "
    "beta2^step); set grad to 0. The lists m and v keep their m and v (not m' and v') from step "
    "to step, so change them in place; the weights stay the same Values.",
    ("m and v are lists of plain numbers, one for each weight: m[i] = ...",
     "At step 1 m' is the gradient itself, so a weight moves by lr, whatever its gradient.",
     "w.data -= lr * m[i] / (1 - beta1 ** step) / (math.sqrt(v[i] / (1 - beta2 ** step)) + 1e-8); "
     "w.grad = ..."),
    (Example(ADAM_CODE.format(1, "0.1, 0.85, 0.99")),
     Example(ADAM_CODE.format(5, "0.1, 0.85, 0.99")),
     Example(ADAM_CODE.format(4, "0.02, 0.5, 0.75")),
     Example(ADAM_CODE.format(12, "0.01, 0.9, 0.999")), Example(ADAM_SMALL)),
    (("m_hat = m[i] / correction1", "m_hat = m[i]",
      "the bias correction of m is left out: m / (1 - beta1^step)"),
     ("v_hat = v[i] / correction2", "v_hat = v[i]",
      "the bias correction of v is left out: v / (1 - beta2^step)"),
     ("        m_hat = m[i] / correction1\n        v_hat = v[i] / correction2\n",
      "        m_hat = m[i]\n        v_hat = v[i]\n",
      "the bias corrections are left out: m / (1 - beta1^step), v / (1 - beta2^step)"),
     ("        m_hat = m[i] / correction1\n        v_hat = v[i] / correction2\n",
      "        m_hat = m[i] = m[i] / correction1\n        v_hat = v[i] = v[i] / correction2\n",
      "the corrected m' and v' are stored back: m[i] and v[i] keep the uncorrected means"),
     ("        m_hat = m[i] / correction1\n", "        m_hat = m[i] = m[i] / correction1\n",
      "the corrected m' is stored back: m[i] keeps the uncorrected mean"),
     ("        v_hat = v[i] / correction2\n", "        v_hat = v[i] = v[i] / correction2\n",
      "the corrected v' is stored back: v[i] keeps the uncorrected mean"),
     ("m_hat = m[i] / correction1", "m_hat = m[i] * correction1",
      "the bias correction divides: m / (1 - beta1^step)"),
     ("correction2 = 1 - beta2 ** step", "correction2 = 1 - beta1 ** step",
      "v is corrected with beta2, not with beta1"),
     ("correction1 = 1 - beta1 ** step", "correction1 = 1 - beta1",
      "the correction fades with time: 1 - beta1^step, not 1 - beta1"),
     ("correction1 = 1 - beta1 ** step\n    correction2 = 1 - beta2 ** step",
      "correction1 = 1 - beta1\n    correction2 = 1 - beta2",
      "the corrections fade with time: 1 - beta^step, not 1 - beta"),
     ("correction1 = 1 - beta1 ** step\n    correction2 = 1 - beta2 ** step",
      "correction1 = 1 - beta1 * step\n    correction2 = 1 - beta2 * step",
      "beta to the power of step, not times step: beta1 ** step"),
     ("correction1 = 1 - beta1 ** step\n    correction2 = 1 - beta2 ** step",
      "correction1 = 1 - beta1 ** (step - 1)\n    correction2 = 1 - beta2 ** (step - 1)",
      "step counts from 1 already: beta ** step, not step - 1"),
     ("correction1 = 1 - beta1 ** step\n    correction2 = 1 - beta2 ** step",
      "correction1 = 1 - beta1 ** (step + 1)\n    correction2 = 1 - beta2 ** (step + 1)",
      "step counts from 1 already: beta ** step, not step + 1"),
     ("        w.grad = 0.0\n", "", "the gradients are not reset: the next step adds to them"),
     ("math.sqrt(v_hat)", "v_hat", "the root of v is missing"),
     ("w.data -=", "w.data +=", "against the gradient: a step goes down, not up"),
     ("w.grad ** 2", "w.grad", "v is the mean of the squares of the gradients"),
     ("(1 - beta2) * w.grad ** 2", "((1 - beta2) * w.grad) ** 2",
      "1 - beta2 stands before the square, not under it: (1 - beta2) * grad ** 2"),
     ("(1 - beta1) * w.grad", "w.grad", "the factor 1 - beta1 before the gradient is missing"),
     ("(1 - beta2) * w.grad ** 2", "w.grad ** 2",
      "the factor 1 - beta2 before the square is missing"),
     ("(1 - beta1) * w.grad", "beta1 * w.grad", "the gradient's share is 1 - beta1, not beta1"),
     ("beta1 * m[i] + (1 - beta1)", "(1 - beta1) * m[i] + beta1",
      "the shares are swapped: the old mean keeps beta1, the gradient gets 1 - beta1"),
     ("m[i] = beta1 * m[i] + ", "m[i] = ",
      "m forgets: the step must follow the mean of the gradients, not the last one"),
     ("v[i] = beta2 * v[i] + ", "v[i] = ", "v forgets: it must be a mean over the steps"),
     ("m[i] = beta1 * m[i] + (1 - beta1) * w.grad\n",
      "m = [b for b in m]\n        m[i] = beta1 * m[i] + (1 - beta1) * w.grad\n",
      "m becomes another list, and what it held is lost after the step: set m[i]"),
     ("v[i] = beta2 * v[i] + (1 - beta2) * w.grad ** 2\n",
      "v = [b for b in v]\n        v[i] = beta2 * v[i] + (1 - beta2) * w.grad ** 2\n",
      "v becomes another list, and what it held is lost after the step: set v[i]"),
     ("    correction1", "    m = list(m)\n    v = list(v)\n    correction1",
      "m and v become other lists, and what they held is lost after the step: set m[i] and v[i]"),
     (" + 1e-8)", ")", "the 1e-8 beside the root is missing"),
     ("1e-8", "1e-5", "it is 1e-8 that is added here"),
     ("math.sqrt(v_hat) + 1e-8", "math.sqrt(v_hat + 1e-8)",
      "the 1e-8 stands beside the root, not under it"),
     ("math.sqrt(v_hat) + 1e-8", "math.sqrt(v_hat + 1e-16)",
      "the 1e-8 stands beside the root, not under it"),
     ("lr * m_hat", "lr * w.grad", "the step follows m', the mean of the gradients"),
     ("lr * m_hat", "m_hat", "the learning rate lr is missing"),
     ("    correction1", "    beta1 = 0.85\n    beta2 = 0.99\n    correction1",
      "the betas are given: do not set them yourself"),
     ("        w.data -= lr * m_hat / (math.sqrt(v_hat) + 1e-8)\n        w.grad = 0.0\n",
      "        weights[i] = Value(w.data - lr * m_hat / (math.sqrt(v_hat) + 1e-8))\n",
      "a new Value takes the weight's place in the list, but the model keeps the old one: change "
      "w.data")))

WRITE = """vocab, rng = {"a": 0, "b": 1, "c": 2}, random.Random(1)
generate(vocab, {}, Config(4), rng, 0.5)"""
WRITE_FORWARD = """def forward(token, position, cache, params, config):
    follows = {3: 1, 1: 0, 0: 2, 2: 3}  # mark, b, a, c, mark
    return [Value(50.0 * (k == follows[token])) for k in range(4)]"""
WRITE_MORE = """vocab = {{"a": 0, "b": 1, "c": 2}}
config = Config(4, block_size={0}, n_layer={1})
rngs = [random.Random(seed) for seed in range({2})]
how = {{{3}}}
texts = [generate(vocab, {{}}, config, rng, **how) for rng in rngs]
[*texts, len(vocab)]"""
MORE_FORWARD = """def forward(token, position, cache, params, config):
    for n, past in enumerate(cache):
        past.append(token + n)
    kept = sum([sum(past) for past in cache])
    score = 3 * token + position + kept
    waves = [math.sin(score + 7 * k) - (k == 3) for k in range(4)]
    return [Value(wave) for wave in waves]"""
GENERATE = Step(
    "generate", ("generate",),
    "The mark for beginning and end is the token len(vocab); tokenize(prompt, vocab) puts it on "
    "both sides, so begin with that, but without the last mark. Give forward() each token with its "
    "position. Once the prompt is read, turn the logits into odds exp(logit / temperature) and "
    "draw one token with rng.choices(tokens, odds). Stop at the mark, or when config.block_size "
    "tokens have been read; return the text, the prompt included, without marks.",
    ("cache = [[] for _ in range(config.n_layer)] is kept from token to token.",
     "Subtract the largest logit before exp; the odds need not sum to 1 for rng.choices.",
     "tokens += rng.choices(range(len(odds)), odds); symbols = list(vocab)"),
    (Example(WRITE, stand_ins=WRITE_FORWARD),
     Example(WRITE_MORE.format(6, 1, 20, "'temperature': 0.6"), stand_ins=MORE_FORWARD),
     Example(WRITE_MORE.format(5, 2, 10, "'temperature': 1.5"), stand_ins=MORE_FORWARD),
     Example(WRITE_MORE.format(1, 3, 4, "'temperature': 1"), stand_ins=MORE_FORWARD),
     Example(WRITE_MORE.format(6, 2, 10, "'temperature': 0.9, 'prompt': 'ca'"),
             stand_ins=MORE_FORWARD)),
    (("max(logits)) / temperature", "max(logits)) * temperature",
      "logits are divided by the temperature"),
     ("max(logits)) / temperature", "max(logits))", "the temperature is left out"),
     ("math.exp((logit - max(logits)) / temperature)", "max(0, logit)",
      "the odds are exp(logit / temperature)"),
     ("tokens += rng.choices(range(len(odds)), odds)",
      "tokens.append(odds.index(max(odds)))",
      "the likeliest token is taken each time: draw one by the odds"),
     ("rng.choices(", "random.choices(",
      "random.choices draws from Python's common generator: draw from rng, so that a seed fixes "
      "what is written"),
     ("rng.choices(range(len(odds)), odds)", "rng.choices(range(len(odds)))",
      "the odds are not used: rng.choices(tokens, odds)"),
     ("rng.choices(range(len(odds)), odds)", "rng.choices(range(len(odds)), logits)",
      "draw by the odds, not by the logits"),
     ("        if tokens[-1] == len(vocab):\n            break\n", "",
      "the text goes on after the end mark: stop there"),
     ("tokens[-1] == len(vocab)", "tokens[-1] == 0", "the mark is the token len(vocab), not 0"),
     ("tokens[position], position, cache", "tokens[position], 0, cache",
      "the position must go on: it is 0 each time"),
     ("tokens[position], position, cache", "tokens[position], position + 1, cache",
      "positions count from 0"),
     ("        logits = ",
      "        cache = [[] for _ in range(config.n_layer)]\n        logits = ",
      "the cache starts afresh for each token, so the model forgets the past"),
     ("[[] for _ in range(config.n_layer)]", "[[]] * config.n_layer",
      "[[]] * n_layer is one list n_layer times: the layers share their past"),
     ("[[] for _ in range(config.n_layer)]", "[[]]", "the cache has one list for each layer"),
     ("range(config.block_size)", "range(config.block_size - 1)",
      "the block has room for one more token"),
     ("range(config.block_size)", "range(config.block_size + 1)",
      "the limit is missing: at most config.block_size tokens are read"),
     ("range(config.block_size)", "range(1000)",
      "the limit is missing: at most config.block_size tokens are read"),
     ("range(config.block_size)", "range(16)",
      "the block is config.block_size long, not always 16"),
     ("tokenize(prompt, vocab)[:-1]", "[0]", "a text begins with the mark, token len(vocab)"),
     ("tokenize(prompt, vocab)[:-1]", "[len(vocab)]", "the prompt is not read"),
     ("tokenize(prompt, vocab)[:-1]", "tokenize(prompt, vocab)",
      "the prompt's last mark ends the text: leave it out"),
     ("        if position + 1 < len(tokens):\n            continue  # still within the prompt\n",
      "", "tokens are drawn while the prompt is still being read"),
     ("tokens[position], position", "tokens[0], position",
      "forward() reads the latest token, not the first"),
     ("symbols = [*vocab, \"\"]", "symbols = [*vocab, \".\"]",
      "the marks are not part of the text"),
     ("\"\".join(", "\" \".join(", "the symbols are joined without blanks"),
     ("return \"\".join([symbols[token] for token in tokens])",
      "return [symbols[token] for token in tokens]", "a string is asked for: \"\".join(...)"),
     ("return \"\".join([symbols[token] for token in tokens])", "return tokens",
      "return the text, not the tokens' numbers")))

GRASSMANN = (ADD_AND_MULTIPLY, POWER, RELU, BACKWARD, LINEAR, PLUCKER, MEAN_PLANE, GATE, RMSNORM,
             CROSS_ENTROPY, ADAM, GENERATE)
GPT = (ADD_AND_MULTIPLY, POWER, RELU, BACKWARD, LINEAR_ANY, SOFTMAX, ATTENTION, RMSNORM,
       CROSS_ENTROPY, ADAM, GENERATE)

# ---- the next exercises: other layers in attention's place, and a leak ---------------------------

NEXT = "alternatives.py"  # where the layers stand; all else is from micro_gpt.py
NEXT_SHAPES = '''def mixing_shapes(config):
    """Return {name: (rows, columns)} of the matrices of one mixing layer, whichever it is."""
    d = config.n_embd
    names = ("wq", "wk", "wv", "wo", "wz", "wh", "wg")
    return {**dict.fromkeys(names, (d, d)), "wb": (config.n_head, d)}
'''
NEXT_LAYER = '''def {0}(x, layer, past, params, config):
    """Stand in for mix: {1}."""
    raise NotImplementedError
'''
LEAK = '''def whole_attention(xs, layer, params, config):
    """Return what mix returns at each position of a document, all positions at once."""
    q, k, v = [[linear(x, params[f"{layer}.{name}"]) for x in xs] for name in ("wq", "wk", "wv")]
    size = config.n_embd // config.n_head
    out = [[] for _ in xs]
    for start in range(0, config.n_embd, size):
        head = slice(start, start + size)
        keys = [tuple(key[head]) for key in k]
        values = [value[head] for value in v]
        for t in range(len(xs)):
            scores = linear([q_i * size ** -0.5 for q_i in q[t][head]], keys)
            seen = [score * (s <= t) for s, score in enumerate(scores)]
            out[t] += linear(softmax(seen), zip(*values))
    return [linear(y, params[f"{layer}.wo"]) for y in out]
'''
NEXT_TRAIN = '''# To train with one of them, put it in the place of mix here and run this file:
# mix = linear_attention
'''

HEADS = """past, config = [], Config(3, n_embd={0}, n_head={1})
params = {{"layer1.wq": Q, "layer1.wk": K, "layer1.wv": V,
          "layer1.wo": O{3}}}
mix = {2}
ys = [mix(x, "layer1", past, params, config) for x in xs]
[number for y in ys for number in y]"""
SMALL = {"xs": [[1, 2], [2, -1], [-1, 1]], "Q": [[1, 0.5], [-1, 1]], "K": [[1, -1], [0.5, 1.5]],
         "V": [[1, 0.5], [2, 1]], "O": [[1, 0], [1, 1]], "B": [[1, -0.5]]}
WIDE = {"xs": [[1, 2, 0.5, -1], [2, -1, 1, 1], [-1, 1, 0.5, 2], [0.5, 1, 1, -2]],
        "Q": [[1, 0.4, 1, 0.7], [-1, 1, 0.6, 1], [0.5, 1, -1, 1.3], [1, 1.2, 0.5, -0.5]],
        "K": [[1, -1, 0.7, 1], [0.5, 1.3, 1, -1], [1, 1, -0.5, 1.6], [-1, 0.4, 1, 1]],
        "V": [[1, 0.5, 0, 1], [2, 1, 1, 0], [0, 1, -1, 1], [1, 0, 1, 2]],
        "O": [[1, 0, 1, 0], [1, 1, 0, 1], [0, 1, 1, -1], [1, 0, -1, 1]],
        "B": [[1, -0.5, 0.5, 1], [0.5, 1, -1, 0.5]]}


def heads(function, more, left_out=""):
    """Return the examples for a layer with heads, and matrices besides those of attention."""
    small, wide = [{name: x for name, x in numbers.items() if name != left_out}
                   for numbers in (SMALL, WIDE)]
    return (Example(HEADS.format(2, 1, function, more), small),
            Example(HEADS.format(4, 2, function, more), wide))


LINEAR_ATTENTION = Step(
    "linear attention", ("linear_attention",),
    "As mix with attention, but the weight of an earlier position is φ(k) · φ(q) instead of exp(k "
    "· q / sqrt(size)); φ(a) is a + 1 for a > 0 and exp(a) below, number by number. So the past "
    "need not be kept: in each head two sums over the positions so far, this one included, are "
    "enough, the matrix S = Σ φ(k) vᵀ and the vector n = Σ φ(k). The head's result is Sᵀ φ(q) over "
    "n · φ(q); all heads side by side, times wo.",
    ("past is a list for this layer, empty at first: it may hold one entry, the S and n of each "
     "head, which is replaced at each position.",
     "Without heads, and with all earlier k and v in past, the formula is the mean of the v with "
     "weights dot(phi(k), phi(q)). Do that first; then keep the sums instead.",
     "S[i][j] + phi_k[i] * v[j] for all i and j, n[i] + phi_k[i]; then linear(phi_q, zip(*S)), "
     "each number times dot(phi_q, n) ** -1"),
    heads("linear_attention", "", left_out="B"),
    (("S = write(model, S, phi(k), [*v, one]", "S = write(model, S, k, [*v, one]",
      "φ is applied to k, too"),
     ("read(model, S, phi(q))", "read(model, S, q)", "φ is applied to q, too"),
     ("phi(k), [*v, one]", "phi(k), [*phi(v), one]", "φ is for q and k: v stays as it is"),
     ("[w_i * inverse for w_i in weighted]", "list(weighted)",
      "divide by the sum of the weights, n · φ(q)"),
     ("x_i.relu() + (-(-x_i).relu()).exp()", "x_i.exp()", "φ(a) is a + 1 where a > 0, not exp(a)"),
     ("x_i.relu() + (-(-x_i).relu()).exp()", "x_i.relu() + 1",
      "φ(a) is exp(a) where a < 0, not 1"),
     ("x_i.relu() + (-(-x_i).relu()).exp()", "x_i", "φ is missing: the weights may be negative"),
     ("[one] * len(k))", "[one * 0] * len(k))",
      "S and n are sums over all positions so far, not only of the present one")),
    shown=("linear_attention", "write", "read"))

DELTA_RULE = Step(
    "delta rule", ("delta_rule",),
    "Each head keeps a matrix S, zeros at first, that holds values under keys: Sᵀ k is what it "
    "holds under k. Linear attention only adds to S; here S is corrected. q, k and v of x as in "
    "mix; each number a of them becomes a sigmoid(a); then a head's q and k are scaled to length "
    "1, by 1 / sqrt(sum of squares + 1e-8). With b = sigmoid(wb x), one number a head: S = S + b k "
    "(v - Sᵀ k)ᵀ. The head's result is rmsnorm(Sᵀ q), q reading the new S; all heads side by side, "
    "times wo.",
    ("past may hold one entry, a list with the S of each head, which is replaced at each "
     "position.",
     "linear(k, zip(*S)) is Sᵀ k. Take it before S is changed, and Sᵀ q after.",
     "errors = [v_j - h_j for v_j, h_j in zip(v, linear(k, zip(*S)))]; then S[i][j] + b * k[i] * "
     "errors[j] for all i and j"),
    heads("delta_rule", ', "layer1.wb": B'),
    (("[v_j - a * held for v_j, held in zip(silu(v), read(model, S, k))]", "silu(v)",
      "write the difference v - Sᵀ k, not v itself"),
     ("v_j - a * held", "v_j + a * held", "v less what S holds: v - Sᵀ k"),
     ("[b * k_i for k_i in k]", "k", "the rate b is missing"),
     ("    b = b.sigmoid()\n", "", "b is the sigmoid of wb x, between 0 and 1"),
     ("    q = unit(model, silu(q))\n    k = unit(model, silu(k))",
      "    q = silu(q)\n    k = silu(k)", "a head's q and k are scaled to length 1"),
     ("k = unit(model, silu(k))", "k = silu(k)", "a head's k is scaled to length 1"),
     ("q = unit(model, silu(q))", "q = silu(q)", "a head's q is scaled to length 1"),
     ("    q = unit(model, silu(q))\n    k = unit(model, silu(k))",
      "    q = unit(model, q)\n    k = unit(model, k)",
      "each number a of q and k becomes a sigmoid(a) before they are scaled"),
     ("silu(v), read", "v, read", "each number a of v becomes a sigmoid(a), too"),
     ("model.rmsnorm(read(model, S, q))", "read(model, S, q)",
      "a head's result goes through rmsnorm"),
     ("    S = write(model, S, [b * k_i for k_i in k], errors, [a] * len(k))\n"
      "    return S, model.rmsnorm(read(model, S, q))",
      "    found = model.rmsnorm(read(model, S, q))\n"
      "    S = write(model, S, [b * k_i for k_i in k], errors, [a] * len(k))\n"
      "    return S, found", "q reads the new S: write first, then read"),
     ("[a] * len(k))", "[a * 0] * len(k))", "S is corrected, not replaced: S + b k (v - Sᵀ k)ᵀ")),
    shown=("corrected", "write", "read", "silu", "unit"))

RECURRENCE = """past, config = [], Config(3, n_embd={0}, n_head=1)
params = {{"layer1.wz": Z, "layer1.wh": H, "layer1.wg": G,
          "layer1.wo": O}}
mix = gated_recurrence
ys = [mix(x, "layer1", past, params, config) for x in xs]
[number for y in ys for number in y]"""
GATED_RECURRENCE = Step(
    "gated recurrence", ("gated_recurrence",),
    "The least that a layer can keep: one vector h of d numbers, zeros at first. z = sigmoid(wz x "
    "- 1) says of each number how much is new; h = (1 - z) h + z (wh x). The result is wo times "
    "the numbers of h, each times a sigmoid(a), where a are the numbers of wg x.",
    ("past may hold one entry, h, which is replaced at each position.",
     "The 1 is subtracted from each score before sigmoid(), so that most of h stays at first.",
     "h_i + z_i * (new_i - h_i) for each i; then linear([h_i * a * a.sigmoid() ...], wo)"),
    (Example(RECURRENCE.format(2),
             {"xs": [[1, 2], [2, -1], [-1, 1]], "Z": [[1, 0], [0, 1]], "H": [[1, -1], [0.5, 1]],
              "G": [[1, 0.5], [2, 1]], "O": [[1, 0], [1, 1]]}),
     Example(RECURRENCE.format(3),
             {"xs": [[1, 2, 0], [2, -1, 1]], "Z": [[1, 0, 1], [0, 1, 1], [1, 1, 0]],
              "H": [[1, -1, 0], [0.5, 1, 1], [1, 0, 1]], "G": [[1, 0.5, 0], [2, 1, 1], [0, 1, 1]],
              "O": [[1, 0, 1], [1, 1, 0], [0, 1, 1]]})),
    (("(score - 1.0).sigmoid()", "score.sigmoid()", "1 is subtracted from each score"),
     ("(score - 1.0).sigmoid()", "(score + 1.0).sigmoid()", "1 is subtracted, not added"),
     ("(score - 1.0).sigmoid()", "score - 1.0", "z is a sigmoid, between 0 and 1"),
     ("h_i + z_i * (new_i - h_i)", "new_i + z_i * (h_i - new_i)",
      "z is the share of what is new: yours are swapped"),
     ("h_i + z_i * (new_i - h_i)", "h_i + z_i * new_i", "of h the share 1 - z stays"),
     ("    past.append(h)\n", "    past.append(beyond.zeros(model, config.n_embd))\n",
      "h is not kept from position to position"),
     ("    opened = silu(model.linear(x, params[f\"{layer}.wg\"]))",
      "    opened = [a.sigmoid() for a in model.linear(x, params[f\"{layer}.wg\"])]",
      "each number of h is multiplied by a sigmoid(a), not by sigmoid(a) alone"),
     ("h_i * g_i for h_i, g_i in zip(h, opened)", "h_i for h_i in h",
      "each number of h is multiplied by a sigmoid(a), a being the numbers of wg x"),
     ("return model.linear([h_i * g_i for h_i, g_i in zip(h, opened)], params[f\"{layer}.wo\"])",
      "return [h_i * g_i for h_i, g_i in zip(h, opened)]", "wo is missing")),
    shown=("gated_recurrence", "silu"))

DOCUMENT = """config = Config(3, n_embd={0}, n_head={1})
params = {{"layer1.wq": Q, "layer1.wk": K, "layer1.wv": V,
          "layer1.wo": O}}
ys = whole_attention(xs, "layer1", params, config)
[number for y in ys for number in y]"""
UNTOUCHED = "position 0 changes when a later x is changed"
FIND_THE_LEAK = Step(
    "find the leak", ("whole_attention",),
    "whole_attention is written already. It should return at each position what mix, attention, "
    "returns there, but it has a leak: position 0 changes when a later x is changed. So a model "
    "trained with it learns to read the answer. Find where the later positions get in, and mend "
    "it.",
    ("Take two positions and one head, all scores 0, and write down what softmax gets at t = 0, "
     "and what it returns.",
     "exp(0) is 1, not 0: which score gives a weight of 0?",
     "Leave the later positions out of the scores and of the values: scores[:t + 1], "
     "values[:t + 1]"),
    (Example(DOCUMENT.format(2, 1), {key: x for key, x in SMALL.items() if key != "B"}),
     Example(DOCUMENT.format(4, 2), {key: x for key, x in WIDE.items() if key != "B"})),
    ((None, LEAK, UNTOUCHED),
     (None, LEAK.replace("score * (s <= t)", "score * (s < t)"),
      "position 0 still changes when a later x is changed: what does softmax make of the scores "
      "that should not count?"),
     (None, LEAK.replace("score * (s <= t)", "score"),
      "now every position sees all others, without any limit"),
     (None, LEAK.replace("[score * (s <= t) for s, score in enumerate(scores)]", "scores[:t + 1]")
      .replace("softmax(seen), zip(*values)", "softmax(seen), zip(*values[-t - 1:])"),
      "the weights of the first positions meet the values of the last: values[:t + 1]"),
     (None, LEAK.replace("[score * (s <= t) for s, score in enumerate(scores)]",
                         "scores[:t] or scores[:1]")
      .replace("zip(*values)", "zip(*(values[:t] or values[:1]))"),
      "a position sees itself, too: up to t, t included"),
     (None, LEAK.replace("    for start", "    k = k[:1] * len(k)\n    v = v[:1] * len(v)\n"
                                          "    for start"),
      "a position sees all positions up to itself, not the first alone"),
     (None, LEAK.replace("softmax(seen)", "[w * (s <= t) for s, w in enumerate(softmax(seen))]"),
      "now the later values get no weight, but their exp(0) still counts in softmax's sum")),
    untouched=UNTOUCHED,
    solution=LEAK.replace("[score * (s <= t) for s, score in enumerate(scores)]",
                          "scores[:t + 1]").replace("zip(*values)", "zip(*values[:t + 1])"))

STEPS = {"micro_grassmann_clean.py": GRASSMANN, "micro_gpt.py": GPT,
         NEXT: (LINEAR_ATTENTION, DELTA_RULE, GATED_RECURRENCE, FIND_THE_LEAK)}

# What is said about an exception if a step has nothing of its own to say: the exception, words in
# its message, a sentence.
ERRORS = (
    ("UnboundLocalError", "", "a name that is assigned anywhere in a function is the function's "
     "own: do not use the name of a function that it calls"),
    ("TypeError", "not callable", "something you call is not a function: has a name such as sum, "
     "max or dot been given to a number?"),
    ("TypeError", "must be real number", "the functions of math take plain numbers: a Value has "
     "exp(), log() and ** of its own"),
    ("TypeError", "not supported between instances of 'Value'", "Values cannot be compared: "
     "compare their numbers, .data"),
    ("TypeError", "object is not iterable", "there is a single Value or number where a list is "
                                            "wanted"),
    ("TypeError", "'Value' object is not subscriptable", "there is one Value where a list is "
     "wanted"),
    ("TypeError", "and 'list'", "a list is not added or multiplied as a whole: go through its "
     "numbers"),
    ("TypeError", "'list' and", "a list is not added or multiplied as a whole: go through its "
     "numbers"),
    ("AttributeError", "'float' object has no attribute", "a plain number is not a Value: was "
     ".data taken too early, or is lift() missing?"),
    ("AttributeError", "'int' object has no attribute", "a plain number is not a Value: is lift() "
     "missing?"),
    ("AttributeError", "'tuple' object has no attribute", "there is a row or a list where one "
     "Value is wanted: linear(x, matrix) takes x first, and a row is not a number"),
    ("AttributeError", "'list' object has no attribute", "there is a list where one Value is "
     "wanted: linear(x, matrix) takes x first, and a row is not a number"),
    ("TypeError", "neither a number nor a Value", "there is a list where one number is wanted: go "
     "through it, number by number"),
    ("ValueError", "math domain error", "a logarithm of 0, or a root of a negative number"),
    ("ValueError", "expected a positive input", "a logarithm of 0, or of a negative number"),
    ("ValueError", "expected a nonnegative input", "a root of a negative number"),
    ("OverflowError", "", "a number grew too large for exp: subtract the largest first"),
    ("RecursionError", "", "a function calls itself, and so on without end"),
    ("ZeroDivisionError", "", "something is divided by 0, or 0 is raised to a negative power"),
    ("IndexError", "", "a place is asked for that the list does not have: places count from 0 to "
     "its length less 1"),
    ("StopIteration", "", "an iterator was read to its end"),
    ("MemoryError", "", "more memory was asked for than a check may take: is there a list that "
     "never stops growing?"))

# What to change in a finished file, and what to predict before `probe` tells.
CHANGES = {
    "micro_grassmann_clean.py": (
        ("in Config, r: int = 8", "How many Plücker coordinates has a pair?"),
        ("in Config, r: int = 1", "How many now? Which matrices can no longer learn?"),
        ("in Config, window: tuple = (1,)", "What does position 15 see?"),
        ("in Config, window: tuple = (16,)", "What does it see now? What still learns?"),
        ("in gate, alpha = [Value(1.0) for _ in scores]", "Which matrices can no longer learn?"),
        ("in mean_plane, plucker for unit_plucker", "Does anything change in what it sees?"),
        ("in mean_plane, [dot(z, past[-1 - offset])] for the unit plane and [Value(0.0)] for no "
         "plane, and W_plu with 1 column", "How many weights? What does a dot product not tell?")),
    "micro_gpt.py": (
        ("in Config, n_head: int = 1", "Does the number of weights change?"),
        ("in mix, attend(q, past[-3:], config)", "What does position 15 see?"),
        ("in attend, [Value(1 / len(past)) for _ in past] for softmax(scores)",
         "Which matrices can no longer learn?"))}
