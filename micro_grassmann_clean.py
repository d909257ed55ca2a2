"""A Grassmann-flow model, explained in micro_grassmann.py: run this file. Next: micro_gpt.py."""
import gc
import math
import random
import sys
import time
from argparse import SUPPRESS, ArgumentParser
from collections import namedtuple
from itertools import compress, count
from operator import attrgetter, mul
from pathlib import Path

clock, sumprod = count(), getattr(math, "sumprod", lambda a, b: sum(map(mul, a, b)))
class Value:
    """A number with its gradient, its children and the local derivative towards each child."""
    __slots__ = ("born", "children", "data", "grad", "local_grads")
    def __init__(self, data, children=(), local_grads=()):
        self.data, self.grad, self.born = data, 0.0, next(clock)
        self.children, self.local_grads = children, local_grads
    def __add__(a, b): return Value(a.data + (b := lift(b)).data, (a, b), (1.0, 1.0))
    def __sub__(a, b): return Value(a.data - (b := lift(b)).data, (a, b), (1.0, -1.0))
    def __mul__(a, b): return Value(a.data * (b := lift(b)).data, (a, b), (b.data, a.data))
    def __pow__(a, n): return Value(math.pow(a.data, n), (a,), (n and n * math.pow(a.data, n - 1),))
    def __truediv__(a, b): return a * b ** -1
    def __neg__(a): return a * -1
    def __rsub__(a, b): return lift(b) - a
    def __rtruediv__(a, b): return a ** -1 * b
    def __rpow__(a, b): return (a * math.log(b)).exp()
    def exp(a): return Value(out := math.exp(a.data), (a,), (out,))
    def log(a): return Value(math.log(a.data), (a,), (1 / a.data,))
    def relu(a): return a if a.data > 0 else Value(0.0)
    def sigmoid(a): return Value(s := 0.5 + 0.5 * math.tanh(a.data / 2), (a,), (s * (1 - s),))
    def __repr__(self): return f"Value(data={self.data:.6g}, grad={self.grad:.6g})"
    __radd__, __rmul__ = __add__, __mul__
    def backward(self):
        """Set grad to d self / d node in each node self was made from; leaves add theirs up."""
        reached, level = {self}, [self]
        while level:
            level = [c for c in set().union(*[v.children for v in level]) - reached if c.children]
            reached.update(level)
        inner = sorted(reached, key=attrgetter("born"), reverse=True)
        for node in inner:
            node.grad = 0.0
        self.grad = 1.0
        for node in inner:
            grad = node.grad
            for child, local_grad in zip(node.children, node.local_grads):
                child.grad += local_grad * grad
def lift(x): return x if isinstance(x, Value) else Value(x)  # plain numbers join in
def total(values):
    """Return the sum of the values as one node."""
    return Value(sum([v.data for v in values]), tuple(values), (1.0,) * len(values))
def linear(x, matrix):
    """Return matrix @ x, each row's dot product with x as one node."""
    x_data = tuple(map(attrgetter("data"), x := tuple(x)))
    rows = [(row, tuple([w.data for w in row])) for row in matrix]
    return tuple([Value(sumprod(x_data, data), row + x, x_data + data) for row, data in rows])
def dot(a, b):
    """Return the dot product of two vectors as one node."""
    return linear(a, [tuple(b)])[0]
# ---- the mixing layer: the planes that a position spans with its past ----------------------------
Config = namedtuple("Config", "vocab_size n_embd n_layer block_size r window",
                    defaults=(16, 1, 16, 4, (1, 2, 4, 8, 12, 16)))
def plucker(u, v):
    """Return u_i v_j - u_j v_i for i < j, one node each: the Plücker coordinates of u and v."""
    pairs = [(u[i], u[j], v[i], v[j]) for i in range(len(u)) for j in range(i + 1, len(u))]
    return [Value(a.data * d.data - b.data * c.data, (a, b, c, d),
                  (d.data, -c.data, -b.data, a.data)) for a, b, c, d in pairs]
def mix(x, layer, past, params, config):
    """Return x gated against W_plu @ the mean of its planes with the past, a list of earlier z."""
    z, units, W_plu = linear(x, params[f"{layer}.W_red"]), [], params[f"{layer}.W_plu"]
    past.append(z)
    for offset in [o for o in config.window if o < len(past)]:
        p = plucker(z, past[-1 - offset])
        inverse_length = (dot(p, p) + 1e-8) ** -0.5
        units.append([p_ij * inverse_length for p_ij in p])
    mean = [total(p) * (1 / len(units)) for p in zip(*units)] or [Value(0.0)] * len(W_plu[0])
    return gate(x, linear(mean, W_plu), layer, params)
def gate(x, g, layer, params):
    """Return alpha * x + (1 - alpha) * g with alpha = sigmoid(W_gate_h @ x + W_gate_g @ g)."""
    rows = [w_h + w_g for w_h, w_g in zip(params[f"{layer}.W_gate_h"], params[f"{layer}.W_gate_g"])]
    alpha = [score.sigmoid() for score in linear((*x, *g), rows)]
    return [g_i + a * (x_i - g_i) for a, x_i, g_i in zip(alpha, x, g)]
# ---- the model: a token in, the logits of the next one out ---------------------------------------
def init_params(config, rng):
    """Return {name: matrix}, rows of Gaussian weights with standard deviation 0.08."""
    V, d, r = config.vocab_size, config.n_embd, config.r
    layer = {"W_red": (r, d), "W_plu": (d, r * (r - 1) // 2),
             "W_gate_h": (d, d), "W_gate_g": (d, d), "fc1": (4 * d, d), "fc2": (d, 4 * d)}
    shapes = {"wte": (V, d), "wpe": (config.block_size, d), "lm_head": (V, d)}
    shapes.update({f"layer{n}.{key}": layer[key] for n in range(config.n_layer) for key in layer})
    return {name: [tuple([Value(rng.gauss(0, 0.08)) for _ in range(columns)]) for _ in range(rows)]
            for name, (rows, columns) in shapes.items()}
def rmsnorm(x):
    """Return x divided by the root of its mean square."""
    scale = (dot(x, x) * (1 / len(x)) + 1e-5) ** -0.5
    return [x_i * scale for x_i in x]
def feed_forward(x, layer, params):
    """Return fc2 @ relu(fc1 @ x), leaving out the columns of fc2 whose ReLU is off."""
    hidden = [h.relu() for h in linear(x, params[f"{layer}.fc1"])]
    on = [h.data > 0 for h in hidden]
    return linear(compress(hidden, on), [tuple(compress(w, on)) for w in params[f"{layer}.fc2"]])
def forward(token, cache, params, config):
    """Return the logits of the token after this one; cache is the past of each layer."""
    x = rmsnorm([a + b for a, b in zip(params["wte"][token], params["wpe"][len(cache[0])])])
    for n, past in enumerate(cache):
        x = [a + b for a, b in zip(x, mix(rmsnorm(x), f"layer{n}", past, params, config))]
        x = [a + b for a, b in zip(x, feed_forward(rmsnorm(x), f"layer{n}", params))]
    return linear(x, params["lm_head"])
def cross_entropy(logits, target):
    """Return -log softmax(logits)[target] in nats: log-sum-exp minus the target's logit."""
    top = max(logits, key=attrgetter("data")).data
    exps = [math.exp(v.data - top) for v in logits]
    loss = math.log(norm := sum(exps)) + top - logits[target].data
    return Value(loss, tuple(logits), [e / norm - (i == target) for i, e in enumerate(exps)])
def token_losses(tokens, params, config):
    """Return the cross-entropy of each next token, as far as the block reaches."""
    cache = [[] for _ in range(config.n_layer)]
    return [cross_entropy(forward(token, cache, params, config), target)
            for token, target in zip(tokens[:config.block_size], tokens[1:])]
# ---- training, evaluation, sampling --------------------------------------------------------------
def load_docs(path):
    """Return the lines of a UTF-8 text file, stripped, without the blank ones."""
    return [s.strip() for s in Path(path).read_text(encoding="utf-8-sig").split("\n") if s.strip()]
def split_docs(docs, steps):
    """Return the documents to train on and, none of them among those, the ones to evaluate on."""
    n_train = min(steps, len(docs) - (n_eval := min(200, len(docs) // 10)))
    return docs[:n_train], docs[n_train:n_train + n_eval]
def tokenize(doc, vocab):
    """Return BOS, each character's index in vocab, BOS."""
    return [len(vocab), *map(vocab.index, doc), len(vocab)]
def adam_step(weights, m, v, step, lr, beta1=0.85, beta2=0.99):
    """Move each weight against its gradient by Adam, step counting from 1; clear the gradients."""
    rate, spread = lr * (1 - beta1) / (1 - beta1 ** step), (1 - beta2) / (1 - beta2 ** step)
    for i, w in enumerate(weights):
        m[i] = m_i = beta1 * m[i] + w.grad
        v[i] = v_i = beta2 * v[i] + w.grad * w.grad
        w.data, w.grad = w.data - rate * m_i / (math.sqrt(spread * v_i) + 1e-8), 0.0
def train(docs, params, config, steps, lr=0.01):
    """Train on one tokenised document a step, lr falling to 0; yield each step's mean loss."""
    weights = [w for matrix in params.values() for row in matrix for w in row]
    m, v = [0.0] * len(weights), [0.0] * len(weights)
    for step in range(steps):
        gc.disable()  # a graph has no cycles: it is freed without the collector walking it
        try:
            loss = total(ce := token_losses(docs[step % len(docs)], params, config)) * (1 / len(ce))
            loss.backward()
            loss = ce = loss.data
        finally:
            gc.enable()
        if not math.isfinite(loss):
            raise ArithmeticError(f"loss {loss} at step {step + 1}: try another seed or a lower lr")
        adam_step(weights, m, v, step + 1, lr * (1 - step / steps))
        yield loss
def evaluate(docs, params, config):
    """Return the mean cross-entropy of all tokens of the tokenised documents, in nats."""
    return sum(ce := [v.data for doc in docs for v in token_losses(doc, params, config)]) / len(ce)
def generate(vocab, params, config, rng, temperature):
    """Return a new document, each token drawn from softmax(logits / temperature)."""
    tokens, cache = [len(vocab)], [[] for _ in range(config.n_layer)]
    while tokens.count(len(vocab)) < 2 and len(tokens) <= config.block_size:
        logits = [v.data / temperature for v in forward(tokens[-1], cache, params, config)]
        top = max(logits)
        tokens += rng.choices(range(len(logits)), [math.exp(v - top) for v in logits])
    return "".join([vocab[token] for token in tokens if token < len(vocab)])
def main():
    """Read the options and the data; train, evaluate, sample."""
    sys.stdout.reconfigure(errors="replace")
    parser = ArgumentParser(usage=SUPPRESS, description="Train on a text's lines; print new ones.")
    for name, val in (("data", Path(__file__).with_name("input.txt")),
                      ("steps", 1000), ("seed", 42), ("samples", 20), ("temperature", 0.5)):
        parser.add_argument(f"--{name}", type=type(val), default=val, help="default: %(default)s")
    args = parser.parse_args([a[:-2] if a[-3:] == "=--" else a for a in sys.argv[1:]])
    for name, least in ("steps", 0), ("seed", 0), ("samples", 0), ("temperature", 1e-6):
        least <= vars(args)[name] < math.inf or parser.error(f"--{name} must lie in [{least}, inf)")
    docs = load_docs(args.data) or parser.error(f"--data {args.data}: no text in it")
    (rng := random.Random(args.seed)).shuffle(docs)
    vocab = sorted(set("".join(docs)))
    params = init_params(config := Config(len(vocab) + 1), rng)
    size = sum(len(row) for matrix in params.values() for row in matrix)
    print(f"{len(docs):,} documents in {args.data}\n{config}\n{size:,} parameters")
    seen, unseen = split_docs([tokenize(doc, vocab) for doc in docs], args.steps)
    live, start = sys.stdout.isatty(), time.perf_counter()
    for step, loss in enumerate(train(seen, params, config, args.steps), 1):
        if live or step % 100 == 0 or step == args.steps:
            left = (time.perf_counter() - start) * (args.steps / step - 1)
            print(f"step {step} of {args.steps}, loss {loss:.4f}, {left:.0f} s left  ",
                  end="\r" if live and step < args.steps else "\n", flush=True)
    loss = f"{evaluate(unseen, params, config):.4f}" if unseen else "needs ten documents or more"
    print(f"loss on {len(unseen)} unseen documents: {loss}", flush=True)
    for n in range(1, args.samples + 1):
        print(f"sample {n:2}: {generate(vocab, params, config, rng, args.temperature)}", flush=True)
if __name__ == "__main__":
    try:
        main()
    except BrokenPipeError:
        sys.stdout = None
    except (ArithmeticError, KeyboardInterrupt, OSError, UnicodeError) as e:
        print(f"{' '.join(sys.argv)}: {str(e) or 'stopped':30}", file=sys.stderr)
        sys.exit(130 if isinstance(e, KeyboardInterrupt) else 2)
