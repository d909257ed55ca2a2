"""A whole Grassmann-flow language model: it reads names, learns how they go and writes new ones."""
# What the names stand for throughout, and their usual sizes:
#
#     doc      a line of text, such as a name
#     token    the number of a symbol; the last one, BOS, marks the beginning and end of a doc
#     x        the vector of a position: d = n_embd = 16 Values (numbers, see below)
#     params   {name: matrix} of all weights; a matrix is a list of rows, a row a tuple of Values
#     layer    "layer0" and so on: what the names of a layer's matrices begin with
#     past     what a layer keeps of the positions so far: a list with one entry for each
#     cache    the past of each layer
#     logits   a score for each token that may come next: vocab_size Values
import gc
import json
import math
import os
import random
import sys
import zlib
from argparse import SUPPRESS, ArgumentParser
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

    def __reduce__(self):  # for copy and pickle
        return Value, (self.data, self.children, self.local_grads), (None, {"grad": self.grad})

    def backward(self):
        """Set grad to d self / d node in each node self was made from; leaves add theirs up."""
        order = []
        visited = {self}
        path = [(self, iter(self.children))]
        while path:
            node, children = path[-1]
            for child in children:  # goes on where it stopped
                if child.children and child not in visited:
                    visited.add(child)
                    path.append((child, iter(child.children)))
                    break
            else:  # no child is left to visit
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
#
#     z        x, reduced: r = 4 Values
#     p        Plücker coordinates, the plane of two z: r (r - 1) / 2 = 6 Values
#     g        what the planes say: d Values
#     alpha    how much of x stays, between 0 and 1: d Values


class Config(NamedTuple):
    """The sizes of a model."""

    vocab_size: int  # tokens
    n_embd: int = 16  # numbers in a vector
    n_layer: int = 1  # times that mixing and feed-forward are repeated
    block_size: int = 16  # tokens in the longest input
    r: int = 4  # numbers to which W_red reduces a vector
    window: tuple = (1, 2, 4, 8, 12, 16)  # offsets at which a position looks back


def mixing_shapes(config):
    """Return {name: (rows, columns)} of the matrices of one mixing layer."""
    d = config.n_embd
    if any(offset < 1 for offset in config.window):
        raise ValueError("the offsets of the window must be 1 or more")
    return {"W_red": (config.r, d), "W_plu": (d, math.comb(config.r, 2)),
            "W_gate_h": (d, d), "W_gate_g": (d, d)}


def plucker(u, v):
    """Return the Plücker coordinates of u and v: u_i v_j - u_j v_i for all i < j."""
    return [u[i] * v[j] - u[j] * v[i] for i in range(len(u)) for j in range(i + 1, len(u))]


def unit_plucker(u, v):
    """Return the Plücker coordinates of u and v, scaled to length 1."""
    p = plucker(u, v)
    inverse_length = (dot(p, p) + 1e-8) ** -0.5
    return [p_ij * inverse_length for p_ij in p]


def mean_plane(past, config):
    """Return the mean unit plane of the past's last z and the z at each offset before it."""
    z = past[-1]
    planes = []
    for offset in config.window:
        if offset < len(past):
            planes.append(unit_plucker(z, past[-1 - offset]))
    if not planes:
        return [Value(0.0) for _ in plucker(z, z)]
    return [mean(p_ij) for p_ij in zip(*planes)]


def gate(x, g, layer, params):
    """Return alpha x + (1 - alpha) g, where alpha = sigmoid(W_gate_h x + W_gate_g g)."""
    scores = add(linear(x, params[f"{layer}.W_gate_h"]), linear(g, params[f"{layer}.W_gate_g"]))
    alpha = [score.sigmoid() for score in scores]
    return [a * x_i + (1 - a) * g_i for a, x_i, g_i in zip(alpha, x, g)]


def mix(x, layer, past, params, config):
    """Return x mixed with what its planes with the past say; append its z to the past."""
    past.append(linear(x, params[f"{layer}.W_red"]))  # d numbers to r
    g = linear(mean_plane(past, config), params[f"{layer}.W_plu"])  # r (r - 1) / 2 numbers to d
    return gate(x, g, layer, params)


# ---- the model: a token in, the logits of the next one out ---------------------------------------


def matrix_shapes(config):
    """Return {name: (rows, columns)} of all matrices, in the order in which they are drawn."""
    d = config.n_embd
    shapes = {"wte": (config.vocab_size, d), "wpe": (config.block_size, d),
              "lm_head": (config.vocab_size, d)}
    layer_shapes = {**mixing_shapes(config), "fc1": (4 * d, d), "fc2": (d, 4 * d)}
    for n in range(config.n_layer):
        shapes.update({f"layer{n}.{name}": shape for name, shape in layer_shapes.items()})
    return shapes


def init_params(config, rng):
    """Return {name: matrix}, rows of Gaussian weights with standard deviation 0.08."""
    params = {}
    for name, (rows, columns) in matrix_shapes(config).items():
        params[name] = [tuple([Value(rng.gauss(0, 0.08)) for _ in range(columns)])
                        for _ in range(rows)]
    return params


def rmsnorm(x):
    """Return x divided by the root of its mean square."""
    scale = (dot(x, x) * (1 / len(x)) + 1e-5) ** -0.5
    return [x_i * scale for x_i in x]


def feed_forward(x, layer, params):
    """Return fc2 @ relu(fc1 @ x)."""
    hidden = [h.relu() for h in linear(x, params[f"{layer}.fc1"])]  # d numbers to 4 d
    on = [i for i, h in enumerate(hidden) if h.data != 0]  # a 0 adds nothing; skipping it is faster
    fc2 = [tuple([row[i] for i in on]) for row in params[f"{layer}.fc2"]]
    return linear([hidden[i] for i in on], fc2)  # 4 d numbers to d


def forward(token, position, cache, params, config):
    """Return the logits of the token after this one; cache is the past of each layer."""
    x = rmsnorm(add(params["wte"][token], params["wpe"][position]))
    for n, past in enumerate(cache):
        x = add(x, mix(rmsnorm(x), f"layer{n}", past, params, config))
        x = add(x, feed_forward(rmsnorm(x), f"layer{n}", params))
    return linear(x, params["lm_head"])  # d numbers to vocab_size


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
    """Return the documents to train on and, right after those, the ones to evaluate on."""
    n_eval = min(200, len(docs) // 10)
    n_train = min(steps, len(docs) - n_eval)
    return docs[:n_train], docs[n_train:n_train + n_eval]


def make_vocab(docs):
    """Return {symbol: token} of all symbols in the documents, sorted."""
    return {symbol: token for token, symbol in enumerate(sorted(set().union(*docs)))}


def tokenize(doc, vocab):
    """Return BOS, the token of each symbol, BOS."""
    return [len(vocab), *[vocab[symbol] for symbol in doc], len(vocab)]


def begin(docs, rng, **sizes):
    """Return the documents shuffled, their vocabulary, the config and fresh weights."""
    docs = list(docs)
    rng.shuffle(docs)
    vocab = make_vocab(docs)
    config = Config(vocab_size=len(vocab) + 1, **sizes)
    return docs, vocab, config, init_params(config, rng)


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
    correction1 = 1 - beta1 ** step
    correction2 = 1 - beta2 ** step
    for i, w in enumerate(weights):
        m[i] = beta1 * m[i] + (1 - beta1) * w.grad
        v[i] = beta2 * v[i] + (1 - beta2) * w.grad ** 2
        m_hat = m[i] / correction1
        v_hat = v[i] / correction2
        w.data -= lr * m_hat / (math.sqrt(v_hat) + 1e-8)
        w.grad = 0.0


def train(docs, params, config, steps, lr=0.01):
    """Train on one tokenised document a step, lr falling to 0; yield each step's mean loss."""
    weights = [w for matrix in params.values() for row in matrix for w in row]
    m = [0.0] * len(weights)
    v = [0.0] * len(weights)
    for step in range(steps):
        loss = backpropagate(docs[step % len(docs)], params, config)
        if not math.isfinite(loss + sum([w.data for w in weights])):
            raise ArithmeticError(f"step {step + 1}: loss {loss}, or a weight is not finite")
        adam_step(weights, m, v, step + 1, lr * (1 - step / steps))
        yield loss


def evaluate(docs, params, config):
    """Return the mean cross-entropy of all tokens of the tokenised documents, in nats."""
    losses = [loss.data for doc in docs for loss in token_losses(doc, params, config)]
    return sum(losses) / len(losses)


def generate(vocab, params, config, rng, temperature, prompt=""):
    """Return a document that begins with the prompt, drawn from softmax(logits / temperature)."""
    cache = [[] for _ in range(config.n_layer)]
    tokens = tokenize(prompt, vocab)[:-1]
    for position in range(config.block_size):
        logits = [v.data for v in forward(tokens[position], position, cache, params, config)]
        if position + 1 < len(tokens):
            continue  # still within the prompt
        odds = [math.exp((logit - max(logits)) / temperature) for logit in logits]
        tokens += rng.choices(range(len(odds)), odds)
        if tokens[-1] == len(vocab):
            break
    symbols = [*vocab, ""]
    return "".join([symbols[token] for token in tokens])


# ---- a model in a file ---------------------------------------------------------------------------


def save_model(path, vocab, config, params, trained_on):
    """Write a model as JSON, whole or not at all; trained_on is {checksum: (seed, documents)}."""
    numbers = {name: [[w.data for w in row] for row in matrix] for name, matrix in params.items()}
    record = {"sizes": config._asdict(), "vocab": "".join(vocab), "trained_on": trained_on,
              "params": numbers}
    text = json.dumps(record, ensure_ascii=False).replace("], ", "],\n")  # a row a line
    draft = Path(f"{path}.part")
    try:
        draft.write_text(text + "\n", encoding="utf-8")
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def load_model(path):
    """Return vocab, config, params, trained_on of a saved model; ValueError if there is none."""
    try:
        record = json.loads(Path(path).read_text(encoding="utf-8"))
        if not {"sizes", "vocab", "params", "trained_on"} <= set(record):
            raise ValueError("it lacks sizes, vocab, params or trained_on")
        if set(record["sizes"]) != set(Config._fields):
            raise ValueError(f"its sizes are {', '.join(record['sizes'])}")
        config = Config(**{name: tuple(size) if isinstance(size, list) else size
                           for name, size in record["sizes"].items()})
        numbers = [n for size in config for n in (size if isinstance(size, tuple) else [size])]
        if not all(type(n) is int for n in numbers):
            raise ValueError("a size is not a whole number")
        vocab = {symbol: token for token, symbol in enumerate(record["vocab"])}
        if len(record["vocab"]) != len(vocab) or len(vocab) + 1 != config.vocab_size:
            raise ValueError(f"its vocabulary does not have {config.vocab_size - 1} symbols")
        params = read_params(record["params"], config)
        trained_on = {checksum: (int(seed), int(number))
                      for checksum, (seed, number) in record["trained_on"].items()}
    except Exception as error:  # whatever is wrong with the file
        raise ValueError(f"{path} holds no model for this program: {error}") from None
    return vocab, config, params, trained_on


def read_params(matrices, config):
    """Return {name: matrix} of Values; ValueError if the matrices do not fit the config."""
    if config.n_layer > len(matrices):
        raise ValueError(f"it has fewer than {config.n_layer} layers")
    shapes = matrix_shapes(config)
    if set(matrices) != set(shapes):
        raise ValueError(f"its matrices are {', '.join(matrices)}, not {', '.join(shapes)}")
    params = {}
    for name, (rows, columns) in shapes.items():
        matrix = matrices[name]
        if len(matrix) != rows or any(len(row) != columns for row in matrix):
            raise ValueError(f"{name} is not {rows} x {columns}")
        if not all(math.isfinite(w) for row in matrix for w in row):
            raise ValueError(f"{name} has a weight that is not finite")
        params[name] = [tuple([Value(float(w)) for w in row]) for row in matrix]
    return params


# ---- the program ---------------------------------------------------------------------------------


def read_options(argv):
    """Return the options, or say in one line what is wrong with them and exit with status 2."""
    parser = ArgumentParser(usage=SUPPRESS, description="Train on a text's lines; write new ones.")
    parser.add_argument("--data", default=Path(__file__).resolve().with_name("input.txt"),
                        help="text file, a document in each line (input.txt)")
    parser.add_argument("--steps", type=int, default=1000, help="documents to train on (1000)")
    parser.add_argument("--seed", type=int, default=42, help="seed of the random numbers (42)")
    parser.add_argument("--samples", type=int, default=20, help="documents to write (20)")
    parser.add_argument("--temperature", type=float, default=0.5, help="higher: bolder (0.5)")
    parser.add_argument("--prompt", default="", help="what each sample begins with")
    parser.add_argument("--save", type=Path, help="file to keep the trained model in")
    parser.add_argument("--load", type=Path, help="file of a kept model to start from")
    args = parser.parse_args(argv)
    numbers = [args.steps, args.seed, args.samples, args.temperature]
    if [] in [*numbers, args.data, args.prompt, args.save, args.load]:
        parser.error("-- is no value")
    if min(numbers) < 0 or not 0 < args.temperature < math.inf:
        parser.error("--steps, --seed and --samples must be 0 or more, "
                     "--temperature above 0 and finite")
    if not Path(args.data).exists():
        parser.error(f"--data {args.data}: No such file; name any text file with --data FILE")
    if args.save:
        check_place(args.save, args.data, parser)
    return args


def check_place(path, data, parser):
    """Exit with status 2 and one line if the model cannot or must not be written to this path."""
    folder = path.absolute().parent
    is_other = path.exists() and not path.is_file()  # a folder, say
    if is_other or not folder.is_dir() or not os.access(folder, os.W_OK):
        parser.error(f"--save {path}: no file can be written there")
    if path.exists() and path.samefile(data):
        parser.error(f"--save {path}: this is the text to train on")


def check_symbols(prompt, docs, vocab, config):
    """Raise ValueError if the model lacks a symbol of text or prompt or the prompt is too long."""
    unknown = set().union(prompt, *docs) - set(vocab)
    if unknown:
        raise ValueError(f"the model has no symbol {min(unknown)!r}")
    if len(prompt) >= config.block_size:
        raise ValueError(f"--prompt: at most {config.block_size - 1} symbols")


def train_aloud(docs, params, config, steps):
    """Train, and print the mean loss of each hundred steps."""
    losses = []
    for step, loss in enumerate(train(docs, params, config, steps), 1):
        losses.append(loss)
        if step % 100 == 0 or step == steps:
            first = step - len(losses) + 1
            print(f"steps {first} to {step} of {steps}: mean loss {sum(losses) / len(losses):.4f}")
            losses = []


def evaluate_aloud(held_out, seen, vocab, params, config):
    """Print how many documents are held out, how many of them are not new, and the loss."""
    print(f"{len(held_out)} documents held out")
    read = {doc[:config.block_size] for doc in seen}  # the model reads no further
    again = sum(doc[:config.block_size] in read for doc in held_out)
    if again:
        print(f"{again} of these are among those trained on, too")
    if held_out:
        loss = evaluate([tokenize(doc, vocab) for doc in held_out], params, config)
        blind = math.log(len(vocab) + 1)  # each token as likely as any other
        print(f"loss on the documents held out: {loss:.4f} (a blind guess: {blind:.4f})")


def main(argv=None):
    """Read the documents; train a new model or a kept one; evaluate it; let it write."""
    args = read_options(argv)
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace", line_buffering=True)

    docs = load_docs(args.data)
    checksum = str(zlib.crc32(json.dumps(docs).encode()))
    rng = random.Random(args.seed)
    shuffled, vocab, config, params = begin(docs, rng)
    trained_on = {}
    if args.load:
        vocab, config, params, trained_on = load_model(args.load)
    check_symbols(args.prompt, docs, vocab, config)
    seed, known = trained_on.get(checksum, (args.seed, 0))
    if seed != args.seed:
        shuffled = begin(docs, random.Random(seed))[0]  # the order it was trained in
    size = sum(len(row) for matrix in params.values() for row in matrix)
    print(f"{len(docs):,} documents in {args.data}\n{config}\n{size:,} parameters")
    cut = sum(len(doc) >= config.block_size for doc in docs)
    if cut:
        print(f"{cut:,} documents are too long for the block: their ends are cut")
    if trained_on.keys() - {checksum}:
        print("the model was also trained on another text: what is held out here may be in it")

    seen, held_out = split_docs(shuffled, max(args.steps, known))  # seen now or before
    train_aloud([tokenize(doc, vocab) for doc in seen], params, config, args.steps)
    if args.steps:
        trained_on[checksum] = (seed, len(seen))
    if args.save:
        save_model(args.save, vocab, config, params, trained_on)
    evaluate_aloud(held_out, seen, vocab, params, config)
    for n in range(1, args.samples + 1):
        text = generate(vocab, params, config, rng, args.temperature, args.prompt)
        print(f"sample {n:2}: {text}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.stdout = None  # the pipe's reader has left: nothing to flush at the end
    except (ArithmeticError, OSError, ValueError) as error:
        print(f"{' '.join(sys.argv)}: {error}", file=sys.stderr)
        sys.stdout = None  # it may be what failed, on a full disk
        sys.exit(2)
