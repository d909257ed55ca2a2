"""Both models on the plainest scalar engine: the yardstick for speed, and a second oracle.

Each product and each addition is a node of its own, nothing is fused and nothing left out, and the
garbage collector runs as Python has it. It reads the weights and the configuration of a model file
and shares no code with one: `train` here and there must print the same losses.
"""
import math
import sys


class Value:
    """A number that remembers what it was computed from."""

    __slots__ = ("children", "data", "grad", "local_grads")

    def __init__(self, data, children=(), local_grads=()):
        self.data = data
        self.grad = 0
        self.children = children
        self.local_grads = local_grads

    def __add__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data + other.data, (self, other), (1, 1))

    def __mul__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, exponent):
        slope = exponent * self.data ** (exponent - 1)
        return Value(self.data ** exponent, (self,), (slope,))

    def exp(self):
        result = math.exp(self.data)
        return Value(result, (self,), (result,))

    def log(self):
        return Value(math.log(self.data), (self,), (1 / self.data,))

    def relu(self):
        return Value(max(0.0, self.data), (self,), (float(self.data > 0),))

    def __neg__(self): return self * -1
    def __radd__(self, other): return self + other
    def __rmul__(self, other): return self * other
    def __sub__(self, other): return self + -other
    def __rsub__(self, other): return -self + other
    def __truediv__(self, other): return self * other ** -1
    def __rtruediv__(self, other): return self ** -1 * other

    def backward(self, recursion_limit=10_000):
        """Add d self / d node to grad in every node below; the recursion is as deep as the graph.

        The inner function refers to itself, so only the garbage collector frees what it holds.
        """
        order, seen = [], set()

        def visit(node):
            if node not in seen:
                seen.add(node)
                for child in node.children:
                    visit(child)
                order.append(node)

        before = sys.getrecursionlimit()
        sys.setrecursionlimit(recursion_limit)
        try:
            visit(self)
        finally:
            sys.setrecursionlimit(before)
        self.grad = 1
        for node in reversed(order):
            for child, slope in zip(node.children, node.local_grads):
                child.grad += slope * node.grad


def dot(a, b):
    return sum(a_i * b_i for a_i, b_i in zip(a, b))


def matvec(matrix, x):
    return [dot(row, x) for row in matrix]


def add(a, b):
    return [a_i + b_i for a_i, b_i in zip(a, b)]


def normalize(x, mean_square, epsilon):
    """Return x / sqrt(mean_square + epsilon)."""
    factor = (mean_square + epsilon) ** -0.5
    return [x_i * factor for x_i in x]


def rmsnorm(x):
    return normalize(x, dot(x, x) / len(x), 1e-5)


def softmax(scores):
    highest = max(score.data for score in scores)
    exps = [(score - highest).exp() for score in scores]
    denominator = sum(exps)
    return [e / denominator for e in exps]


def attention(x, weights, past, config):
    """Return the mixing layer of the GPT; past collects a (key, value) pair for each position."""
    query = matvec(weights["wq"], x)
    past.append((matvec(weights["wk"], x), matvec(weights["wv"], x)))
    width = config.n_embd // config.n_head
    heads = []
    for first in range(0, config.n_embd, width):
        part = slice(first, first + width)
        shares = softmax([dot(query[part], key[part]) / math.sqrt(width) for key, _ in past])
        heads += [dot(shares, column) for column in zip(*[value[part] for _, value in past])]
    return matvec(weights["wo"], heads)


def grassmann(x, weights, past, config):
    """Return the mixing layer of the Grassmann flow; past collects z for each position."""
    z = matvec(weights["W_red"], x)
    past.append(z)
    planes = []
    for other in [past[-1 - offset] for offset in config.window if offset < len(past)]:
        plane = [z[i] * other[j] - z[j] * other[i]
                 for i in range(config.r) for j in range(i + 1, config.r)]
        planes.append(normalize(plane, dot(plane, plane), 1e-8))
    g = [Value(0.0) for _ in x]
    if planes:
        g = matvec(weights["W_plu"], [sum(column) / len(planes) for column in zip(*planes)])
    scores = add(matvec(weights["W_gate_h"], x), matvec(weights["W_gate_g"], g))
    alpha = [1 / ((-score).exp() + 1) for score in scores]
    return [a * x_i + (1 - a) * g_i for a, x_i, g_i in zip(alpha, x, g)]


def copy_params(params):
    """Return the weights of a model file as leaves of this engine."""
    return {name: [[Value(weight.data) for weight in row] for row in matrix]
            for name, matrix in params.items()}


def document_loss(tokens, params, config):
    """Return the mean of -log p(next token) over a document; the mixing layer is config's."""
    mix = attention if hasattr(config, "n_head") else grassmann
    layers = [{name.split(".")[1]: matrix for name, matrix in params.items()
               if name.startswith(f"layer{n}.")} for n in range(config.n_layer)]
    cache = [[] for _ in layers]
    losses = []
    for position in range(min(config.block_size, len(tokens) - 1)):
        x = rmsnorm(add(params["wte"][tokens[position]], params["wpe"][position]))
        for weights, past in zip(layers, cache):
            x = add(x, mix(rmsnorm(x), weights, past, config))
            hidden = [h.relu() for h in matvec(weights["fc1"], rmsnorm(x))]
            x = add(x, matvec(weights["fc2"], hidden))
        probabilities = softmax(matvec(params["lm_head"], x))
        losses.append(-probabilities[tokens[position + 1]].log())
    return sum(losses) / len(losses)


def train(docs, params, config, steps, lr=0.01):
    """Train params in place, one tokenised document a step; yield each step's loss."""
    weights = [weight for matrix in params.values() for row in matrix for weight in row]
    first_moments = [0.0] * len(weights)
    second_moments = [0.0] * len(weights)
    for step in range(steps):
        loss = document_loss(docs[step % len(docs)], params, config)  # bound until the next one is
        loss.backward()
        rate = lr * (1 - step / steps)
        for i, weight in enumerate(weights):
            first_moments[i] = 0.85 * first_moments[i] + 0.15 * weight.grad
            second_moments[i] = 0.99 * second_moments[i] + 0.01 * weight.grad ** 2
            m_hat = first_moments[i] / (1 - 0.85 ** (step + 1))
            v_hat = second_moments[i] / (1 - 0.99 ** (step + 1))
            weight.data -= rate * m_hat / (math.sqrt(v_hat) + 1e-8)
            weight.grad = 0
        yield loss.data
