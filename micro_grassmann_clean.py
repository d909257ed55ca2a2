"""A Grassmann-flow model, explained in micro_grassmann.py: run this file. Next: micro_gpt.py."""
import gc
import math
import random
import sys
from argparse import SUPPRESS, ArgumentParser
from itertools import compress
from operator import mul
from pathlib import Path
from typing import NamedTuple

sumprod = getattr(math, "sumprod", lambda a, b: sum(map(mul, a, b)))  # Python 3.12 has its own


# ---- the engine: numbers that remember what they were made from ----------------------------------


class Value:
    """A number with its gradient, its children and the local derivative towards each child."""

    __slots__ = ("children", "data", "grad", "local_grads")

    def __init__(self, data, children=(), local_grads=()):
        self.data = data
        self.grad = 0.0
        self.children = children
        self.local_grads = local_grads

    def __add__(self, other):
        other = lift(other)
        return Value(self.data + other.data, (self, other), (1.0, 1.0))

    def __sub__(self, other):
        other = lift(other)
        return Value(self.data - other.data, (self, other), (1.0, -1.0))

    def __mul__(self, other):
        other = lift(other)
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, n):
        power = math.pow(self.data, n)
        slope_at_0 = math.inf if 0 < n < 1 else float(n == 1)
        slope = n * (power / self.data) if self.data else slope_at_0
        return Value(power, (self,), (slope,))

    def __rpow__(self, base):
        power = math.pow(base, self.data)
        slope_at_0 = -math.inf if power else 0.0
        slope = power * math.log(base) if base else slope_at_0
        return Value(power, (self,), (slope,))

    def __truediv__(self, other): return self * other ** -1
    def __neg__(self): return self * -1
    def __rsub__(self, other): return lift(other) - self
    def __rtruediv__(self, other): return self ** -1 * other
    __radd__ = __add__
    __rmul__ = __mul__

    def exp(self):
        power = math.exp(self.data)
        return Value(power, (self,), (power,))

    def log(self):
        return Value(math.log(self.data), (self,), (1 / self.data,))

    def relu(self):
        return Value(0.0) if self.data <= 0 else self

    def sigmoid(self):
        s = 0.5 + 0.5 * math.tanh(self.data / 2)
        return Value(s, (self,), (s * (1 - s),))

    def __repr__(self):
        return f"Value(data={self.data:.6g}, grad={self.grad:.6g})"

    def __reduce__(self):
        return Value, (self.data, self.children, self.local_grads), (None, {"grad": self.grad})

    def backward(self):
        """Set grad to d self / d node in each node self was made from; leaves add theirs up."""
        order = []
        visited = {self}
        path = [(self, iter(self.children))]
        while path:
            node, children = path[-1]
            for child in children:  # goes on where it stopped
                if child not in visited:
                    visited.add(child)
                    if child.children:
                        path.append((child, iter(child.children)))
                        break
            if path[-1][0] is node:  # all its children are in order
                order.append(node)
                node.grad = 0.0
                path.pop()
        self.grad = 1.0
        for node in reversed(order):
            grad = node.grad
            for child, local_grad in zip(node.children, node.local_grads):
                child.grad += local_grad * grad


def lift(x):
    """Return x itself if it is a Value, else a new leaf that holds the plain number x."""
    if isinstance(x, Value):
        return x
    if isinstance(x, (int, float)):
        return Value(x)
    raise TypeError(f"{x!r} is neither a number nor a Value of {__name__}")


def mean(values):
    """Return the mean of the values as one node."""
    share = 1 / len(values)
    return Value(sum([v.data for v in values]) * share, tuple(values), (share,) * len(values))


def linear(x, matrix):
    """Return matrix @ x, each row's dot product with x as one node."""
    x = tuple(x)
    x_data = tuple([x_i.data for x_i in x])
    rows = [(row, tuple([w.data for w in row])) for row in matrix]
    return [Value(sumprod(x_data, data), row + x, x_data + data) for row, data in rows]


def dot(u, v):
    """Return the dot product of two vectors as one node."""
    return linear(u, [tuple(v)])[0]


def add(u, v):
    """Return the sum of two vectors."""
    return [u_i + v_i for u_i, v_i in zip(u, v)]


# ---- the mixing layer: the planes that a position spans with its past ----------------------------


class Config(NamedTuple):
    """The sizes of a model."""

    vocab_size: int  # tokens
    n_embd: int = 16  # numbers in a vector
    n_layer: int = 1
    block_size: int = 16  # tokens in the longest input
    r: int = 4  # numbers that W_red makes of a vector
    window: tuple = (1, 2, 4, 8, 12, 16)  # offsets at which a position looks back


def mixing_shapes(config):
    """Return {name: (rows, columns)} of the matrices of one mixing layer."""
    d = config.n_embd
    return {"W_red": (config.r, d), "W_plu": (d, math.comb(config.r, 2)),
            "W_gate_h": (d, d), "W_gate_g": (d, d)}


def determinant(a, b, c, d):
    """Return a d - b c as one node."""
    area = a.data * d.data - b.data * c.data
    return Value(area, (a, b, c, d), (d.data, -c.data, -b.data, a.data))


def plucker(u, v):
    """Return the Plücker coordinates of u and v: u_i v_j - u_j v_i for all i < j."""
    return [determinant(u[i], u[j], v[i], v[j])
            for i in range(len(u)) for j in range(i + 1, len(u))]


def unit_plucker(u, v):
    """Return the Plücker coordinates of u and v, scaled to length 1."""
    p = plucker(u, v)
    inverse_length = (dot(p, p) + 1e-8) ** -0.5
    return [p_ij * inverse_length for p_ij in p]


def mean_plane(past, config):
    """Return the mean of the unit planes that the last z of the past spans with its partners."""
    z = past[-1]
    planes = []
    for offset in config.window:
        if offset < len(past):
            planes.append(unit_plucker(z, past[-1 - offset]))
    if not planes:
        return [Value(0.0) for _ in plucker(z, z)]
    return [mean(p_ij) for p_ij in zip(*planes)]


def gate(x, g, layer, params):
    """Return alpha * x + (1 - alpha) * g with alpha = sigmoid(W_gate_h @ x + W_gate_g @ g)."""
    rows = zip(params[f"{layer}.W_gate_h"], params[f"{layer}.W_gate_g"])
    scores = linear((*x, *g), [w_h + w_g for w_h, w_g in rows])
    alpha = [score.sigmoid() for score in scores]
    return [g_i + a * (x_i - g_i) for a, x_i, g_i in zip(alpha, x, g)]


def mix(x, layer, past, params, config):
    """Return x gated against W_plu @ the mean of its planes with the past, a list of earlier z."""
    past.append(linear(x, params[f"{layer}.W_red"]))
    g = linear(mean_plane(past, config), params[f"{layer}.W_plu"])
    return gate(x, g, layer, params)


# ---- the model: a token in, the logits of the next one out ---------------------------------------


def init_params(config, rng):
    """Return {name: matrix}, rows of Gaussian weights with standard deviation 0.08."""
    d = config.n_embd
    shapes = {"wte": (config.vocab_size, d), "wpe": (config.block_size, d),
              "lm_head": (config.vocab_size, d)}
    layer_shapes = {**mixing_shapes(config), "fc1": (4 * d, d), "fc2": (d, 4 * d)}
    for n in range(config.n_layer):
        shapes.update({f"layer{n}.{name}": shape for name, shape in layer_shapes.items()})
    return {name: [tuple([Value(rng.gauss(0, 0.08)) for _ in range(columns)]) for _ in range(rows)]
            for name, (rows, columns) in shapes.items()}


def rmsnorm(x):
    """Return x divided by the root of its mean square."""
    scale = (dot(x, x) * (1 / len(x)) + 1e-5) ** -0.5
    return [x_i * scale for x_i in x]


def feed_forward(x, layer, params):
    """Return fc2 @ relu(fc1 @ x), leaving out the columns of fc2 whose ReLU is off."""
    hidden = [h.relu() for h in linear(x, params[f"{layer}.fc1"])]
    is_on = [h.data != 0 for h in hidden]
    fc2 = [tuple(compress(row, is_on)) for row in params[f"{layer}.fc2"]]
    return linear(compress(hidden, is_on), fc2)


def forward(token, position, cache, params, config):
    """Return the logits of the token after this one; cache is the past of each layer."""
    x = rmsnorm(add(params["wte"][token], params["wpe"][position]))
    for n, past in enumerate(cache):
        x = add(x, mix(rmsnorm(x), f"layer{n}", past, params, config))
        x = add(x, feed_forward(rmsnorm(x), f"layer{n}", params))
    return linear(x, params["lm_head"])


def cross_entropy(logits, target):
    """Return -log softmax(logits)[target] in nats: log-sum-exp minus the target's logit."""
    top = max([v.data for v in logits])
    exps = [math.exp(v.data - top) for v in logits]
    norm = sum(exps)
    slopes = [e / norm for e in exps]
    slopes[target] -= 1
    return Value(math.log(norm) + top - logits[target].data, tuple(logits), slopes)


def token_losses(tokens, params, config):
    """Return the cross-entropy of each next token, as far as the block reaches."""
    cache = [[] for _ in range(config.n_layer)]
    losses = []
    for position, token in enumerate(tokens[:-1][:config.block_size]):
        logits = forward(token, position, cache, params, config)
        losses.append(cross_entropy(logits, tokens[position + 1]))
    return losses


# ---- training, evaluation, sampling --------------------------------------------------------------


def load_docs(path):
    """Return the lines of a UTF-8 text file, stripped, without the blank ones."""
    lines = Path(path).read_text(encoding="utf-8-sig").split("\n")
    docs = [line.strip() for line in lines if line.strip()]
    if not docs:
        raise ValueError(f"no text in {path}")
    return docs


def split_docs(docs, steps):
    """Return the documents to train on and, from behind those, the ones to evaluate on."""
    n_eval = min(200, len(docs) // 10)
    n_train = min(steps, len(docs) - n_eval)
    return docs[:n_train], docs[n_train:n_train + n_eval]


def make_vocab(docs):
    """Return {symbol: token} of all symbols in the documents, sorted."""
    return {symbol: token for token, symbol in enumerate(sorted(set().union(*docs)))}


def tokenize(doc, vocab):
    """Return BOS, the token of each symbol, BOS."""
    return [len(vocab), *[vocab[symbol] for symbol in doc], len(vocab)]


def backpropagate(tokens, params, config):
    """Add the gradient of a document's mean loss to the weights' grads; return that loss."""
    was_on = gc.isenabled()
    gc.disable()  # a graph of Values has no cycle for the garbage collector to find
    try:
        loss = mean(token_losses(tokens, params, config))
        loss.backward()
        return loss.data
    finally:
        if was_on:
            gc.enable()


def adam_step(weights, m, v, step, lr, beta1=0.85, beta2=0.99):
    """Move each weight against its gradient by Adam, step counting from 1; clear the gradients."""
    rate = lr * (1 - beta1) / (1 - beta1 ** step)
    spread = (1 - beta2) / (1 - beta2 ** step)
    for i, w in enumerate(weights):
        m[i] = beta1 * m[i] + w.grad
        v[i] = beta2 * v[i] + w.grad * w.grad
        w.data -= rate * m[i] / (math.sqrt(spread * v[i]) + 1e-8)
        w.grad = 0.0


def train(docs, params, config, steps, lr=0.01):
    """Train on one tokenised document a step, lr falling to 0; yield each step's mean loss."""
    weights = [w for matrix in params.values() for row in matrix for w in row]
    m = [0.0] * len(weights)
    v = [0.0] * len(weights)
    for step in range(steps):
        loss = backpropagate(docs[step % len(docs)], params, config)
        if not math.isfinite(loss + sum([w.data for w in weights])):
            raise ArithmeticError(f"step {step + 1}: loss {loss}, or a weight that is no number")
        adam_step(weights, m, v, step + 1, lr * (1 - step / steps))
        yield loss


def evaluate(docs, params, config):
    """Return the mean cross-entropy of all tokens of the tokenised documents, in nats."""
    losses = [loss.data for doc in docs for loss in token_losses(doc, params, config)]
    return sum(losses) / len(losses)


def generate(vocab, params, config, rng, temperature):
    """Return a new document, each token drawn from softmax(logits / temperature)."""
    cache = [[] for _ in range(config.n_layer)]
    tokens = [len(vocab)]
    for position in range(config.block_size):
        logits = [v.data for v in forward(tokens[-1], position, cache, params, config)]
        odds = [math.exp((logit - max(logits)) / temperature) for logit in logits]
        tokens += rng.choices(range(len(odds)), odds)
        if tokens[-1] == len(vocab):
            break
    symbols = [*vocab, ""]
    return "".join([symbols[token] for token in tokens])


# ---- the program ---------------------------------------------------------------------------------


def read_options(argv):
    """Return the options, or say in one line what is wrong with them and exit with status 2."""
    parser = ArgumentParser(usage=SUPPRESS, description="Train on a text's lines; print new ones.")
    defaults = {"data": Path(__file__).resolve().with_name("input.txt"),
                "steps": 1000, "seed": 42, "samples": 20, "temperature": 0.5}
    for name, value in defaults.items():
        parser.add_argument(f"--{name}", type=type(value), default=value, help="%(default)s")
    args = parser.parse_args(argv)
    numbers = [args.steps, args.seed, args.samples]
    if [] in vars(args).values() or min(numbers) < 0 or not 0 < args.temperature < math.inf:
        parser.error("--steps, --seed and --samples must be 0 or more, --temperature above 0")
    return args


def main(argv=None):
    """Read the documents and split them; train, evaluate, sample."""
    args = read_options(argv)
    if hasattr(sys.stdout, "reconfigure"):  # not so in IDLE and in notebooks
        sys.stdout.reconfigure(errors="replace")

    docs = load_docs(args.data)
    rng = random.Random(args.seed)
    rng.shuffle(docs)
    vocab = make_vocab(docs)
    config = Config(vocab_size=len(vocab) + 1)
    params = init_params(config, rng)
    size = sum(len(row) for matrix in params.values() for row in matrix)
    cut = sum(len(doc) >= config.block_size for doc in docs)
    print(f"{len(docs):,} documents in {args.data}, {cut:,} of them cut to the block")
    print(f"{config}\n{size:,} parameters", flush=True)

    seen, held_out = split_docs(docs, args.steps)
    losses = train([tokenize(doc, vocab) for doc in seen], params, config, args.steps)
    for step, loss in enumerate(losses, 1):
        if step % 100 == 0 or step == args.steps:
            print(f"step {step} of {args.steps}, loss {loss:.4f}", flush=True)

    again = sum(doc in seen for doc in held_out)
    print(f"{len(held_out)} documents held out, {again} of them among those trained on, too")
    if held_out:
        loss = evaluate([tokenize(doc, vocab) for doc in held_out], params, config)
        print(f"loss on the documents held out: {loss:.4f}", flush=True)
    for n in range(1, args.samples + 1):
        print(f"sample {n:2}: {generate(vocab, params, config, rng, args.temperature)}", flush=True)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        sys.stdout = None  # the pipe's reader has left: nothing to flush at the end
    except (ArithmeticError, OSError, ValueError) as error:
        print(f"{' '.join(sys.argv)}: {error}", file=sys.stderr)
        sys.exit(2)
