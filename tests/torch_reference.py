"""The same models in PyTorch: whole batches at once, any size, CPU or GPU.

For those who outgrow pure Python, and the oracle of the tests. Data, order of documents, first
weights and training are those of the model files, so that attention and Grassmann with a batch of
one have the same losses, within rounding; the samples differ, and the counting layer's first
weights. Parameters have the same names. Shapes: B documents, L positions, d = n_embd,
V = vocab_size; losses in nats a token.

Names:       python3 -m tests.torch_reference --task names --model attention
Brackets:    python3 -m tests.torch_reference --task parens --model counting --seeds 3
Text:        python3 -m tests.torch_reference --task text --n-embd 128 --layers 6 --r 16 --batch 16
The fold:    python3 -m tests.torch_reference --compare-mixing --n-embd 256 --r 32 --block-size 128
"""
import json
import math
import os
import pickle
import random
import statistics
import time
import warnings
import zlib
from collections import namedtuple
from itertools import takewhile
from pathlib import Path

import benchmark
import benchmark_paren
import micro_grassmann_clean as scalar
import show

try:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it grumbles where NumPy is missing
        import torch
        from torch.nn import functional as F
except ImportError:
    torch = None

# model: attention, grassmann or counting; window: the offsets, all in each layer or one in turn;
# folded: how the planes are added up, in one wedge product or in a loop over the offsets
Config = namedtuple(
    "Config", "vocab_size model n_embd n_layer block_size n_head r window offset_per_layer folded",
    defaults=("grassmann", 16, 1, 16, 4, 4, (1, 2, 4, 8, 12, 16), False, True))


# ---- the models: tokens in, the logits of the next ones out --------------------------------------
def init_weights(config, rng, device="cpu", std=0.08):
    """Return {name: matrix}, Gaussian with deviation std, drawn in the order of the scalar files.

    rng is a random.Random. The counting model's W_red has one row less: its z ends with a 1.
    """
    V, d, r = config.vocab_size, config.n_embd, config.r
    if config.model == "attention":
        layer = dict.fromkeys(("wq", "wk", "wv", "wo"), (d, d))
    else:
        layer = {"W_red": (r - (config.model == "counting"), d), "W_plu": (d, r * (r - 1) // 2),
                 "W_gate_h": (d, d), "W_gate_g": (d, d)}
    layer.update(fc1=(4 * d, d), fc2=(d, 4 * d))
    shapes = {"wte": (V, d), "wpe": (config.block_size, d), "lm_head": (V, d)}
    shapes.update({f"layer{n}.{key}": layer[key] for n in range(config.n_layer) for key in layer})
    return {name: torch.tensor([[rng.gauss(0, std) for _ in range(columns)] for _ in range(rows)],
                               device=device).requires_grad_()
            for name, (rows, columns) in shapes.items()}


def logits(tokens, weights, config):
    """Return the logits after each token: (B, L) whole numbers -> (B, L, V)."""
    positions = torch.arange(tokens.shape[1], device=tokens.device)
    x = norm(F.embedding(tokens, weights["wte"]) + F.embedding(positions, weights["wpe"]))
    mix = attention if config.model == "attention" else grassmann
    for n in range(config.n_layer):
        layer = {name.partition(".")[2]: w for name, w in weights.items()
                 if name.startswith(f"layer{n}.")}
        offsets = config.window
        if config.offset_per_layer:
            offsets = offsets[n % len(offsets)],
        x = x + mix(norm(x), layer, offsets, config)
        x = x + F.linear(F.relu(F.linear(norm(x), layer["fc1"])), layer["fc2"])
    return F.linear(x, weights["lm_head"])


def norm(x):
    """Return x divided by the root of its mean square."""
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-5)


def attention(x, layer, _, config):
    """Return causal self-attention, the softmax by PyTorch's own: (B, L, d) -> (B, L, d)."""
    q, k, v = [F.linear(x, layer[name]).unflatten(-1, (config.n_head, -1)).transpose(1, 2)
               for name in ("wq", "wk", "wv")]
    heads = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    return F.linear(heads.transpose(1, 2).flatten(2), layer["wo"])


def grassmann(x, layer, offsets, config):
    """Return x gated against W_plu @ the mean of its planes with the past: (B, L, d) -> the same.

    The counting model's z is [y; 1], and one more plane joins, which is not normalised: the one
    with c = [sum of all earlier y; 1].
    """
    z = F.linear(x, layer["W_red"])
    z = z.to(torch.promote_types(z.dtype, torch.float32))  # 1e-8 is too small for half precision
    counting = config.model == "counting"
    if counting:
        one = torch.ones_like(z[..., :1])
        c = torch.cat((F.pad(z.cumsum(1)[:, :-1], (0, 0, 1, 0)), one), -1)
        z = torch.cat((z, one), -1)
    if config.folded:
        partner = fold(z, offsets)
        planes = wedge(z, partner + c if counting else partner)
    else:
        planes = add_planes(z, offsets)
        planes = planes + wedge(z, c) if counting else planes
    places = torch.arange(x.shape[1], device=x.device)
    number = sum(places >= offset for offset in offsets) + counting
    g = F.linear(planes / number.clamp(min=1)[:, None], layer["W_plu"])
    alpha = torch.sigmoid(F.linear(x, layer["W_gate_h"]) + F.linear(g, layer["W_gate_g"]))
    return g + alpha * (x - g)


def add_planes(z, offsets):
    """Return the sum of z_t ∧ z_s / sqrt(|z_t ∧ z_s|² + 1e-8), s = t - offset >= 0, by a loop.

    (B, L, r) -> (B, L, r(r-1)/2), the coordinates one by one as in plucker of the scalar files.
    """
    i, j = torch.triu_indices(z.shape[-1], z.shape[-1], 1, device=z.device)
    planes = torch.zeros_like(z[..., i])
    for offset in [o for o in offsets if o < z.shape[1]]:
        u, v = z[:, offset:], z[:, :-offset]
        p = u[..., i] * v[..., j] - u[..., j] * v[..., i]
        p = p * torch.rsqrt(p.square().sum(-1, keepdim=True) + 1e-8)
        planes = planes + F.pad(p, (0, 0, offset, 0))
    return planes


def fold(z, offsets):
    """Return m with z_t ∧ m_t = add_planes(z, offsets): ∧ is linear. (B, L, r) -> the same.

    m_t is the sum of z_s / sqrt(|z_t ∧ z_s|² + 1e-8), where |u ∧ v|² = |u|²|v|² - (u·v)²
    (Lagrange) needs no coordinates. That difference cancels where u and v are nearly parallel,
    which bracket strings make them: in double precision, enough of it is left.
    """
    wide = z.double()
    square, m = wide.square().sum(-1, keepdim=True), torch.zeros_like(wide)
    for offset in [o for o in offsets if o < z.shape[1]]:
        u, v = wide[:, offset:], wide[:, :-offset]
        area = square[:, offset:] * square[:, :-offset] - (u * v).sum(-1, keepdim=True).square()
        m = m + F.pad(v * torch.rsqrt(area.clamp(min=0) + 1e-8), (0, 0, offset, 0))
    return m.to(z.dtype)


def wedge(u, v):
    """Return u_i v_j - u_j v_i for i < j: (B, L, r) twice -> (B, L, r(r-1)/2)."""
    r = u.shape[-1]
    i, j = torch.triu_indices(r, r, 1, device=u.device)
    outer = u[..., :, None] * v[..., None, :]
    return (outer - outer.transpose(-1, -2)).flatten(-2).index_select(-1, i * r + j)


def pad(docs, block_size):
    """Return token lists, cut to the block, as (tokens, targets), both (B, L) whole numbers.

    L is the length of the longest. Targets beyond a document's end are -100: no loss there.
    """
    docs = [doc[:block_size + 1] for doc in docs]
    longest = max(map(len, docs))
    tokens = [doc[:-1] + [0] * (longest - len(doc)) for doc in docs]
    targets = [doc[1:] + [-100] * (longest - len(doc)) for doc in docs]
    return torch.tensor(tokens), torch.tensor(targets)


def cross_entropy(scores, targets, reduction="mean"):
    """Return the loss over all targets of the batch that are not padding, each weighing alike."""
    return F.cross_entropy(scores.flatten(0, 1), targets.flatten(), reduction=reduction)


# ---- the tasks: documents in, tokens out ---------------------------------------------------------
# Block size, batch and offsets of each, where the options don't say otherwise.
TASKS = {"names": (16, 1, (1, 2, 4, 8, 12, 16)),
         "parens": (benchmark_paren.BLOCK, 1, (1, 2, 4, 8, 16)),
         "text": (128, 8, (1, 2, 4, 8, 12, 16))}


def read(args, parser):
    """Return the task's documents, for text a single one; end with status 2 if that can't be."""
    if args.task == "parens":
        number = max(benchmark_paren.DOCS, args.steps * args.batch + benchmark_paren.DOCS // 10)
        return benchmark_paren.distinct_strings(number, random.Random(42))
    if args.task == "names":
        docs = benchmark.read_docs(args, parser)
        return docs if len(docs) >= 10 else parser.error(f"--data {args.data}: under 10 documents")
    try:
        text = (Path(args.data).read_text(encoding="utf-8-sig") if args.data else
                benchmark.pydoc())
    except (ImportError, OSError, ValueError) as error:
        parser.error(f"--data {args.data}: {error}")
    return [text] if len(text) >= 20 * args.block_size else parser.error("--data: under 20 blocks")


def split(docs, args, rng):
    """Return (vocabulary, tokenised documents to train on, tokenised documents to validate on).

    Of running text, the first is all but the last tenth, in one piece, the second its blocks.
    """
    vocab = sorted(set("".join(docs)))
    if args.task == "text":
        text, size = scalar.tokenize(docs[0], vocab)[1:-1], args.block_size
        cut = len(text) * 9 // 10
        blocks = [text[start:start + size + 1] for start in range(cut, len(text) - 1, size)]
        return vocab, [text[:cut]], blocks
    rng.shuffle(docs := list(docs))
    tokens = [scalar.tokenize(doc, vocab) for doc in docs]
    return (vocab, *scalar.split_docs(tokens, args.steps * args.batch))


def pick(seen, step, args, rng):
    """Return the documents of a step: the next in turn; of text, blocks that start anywhere."""
    if args.task == "text":
        starts = rng.choices(range(len(seen[0]) - args.block_size), k=args.batch)
        return [seen[0][start:start + args.block_size + 1] for start in starts]
    return [seen[(step * args.batch + i) % len(seen)] for i in range(args.batch)]


# ---- training, evaluation, sampling --------------------------------------------------------------
def train(seen, config, args, rng, state):
    """Train, on from the state if it isn't None; yield it every args.eval_every steps, at the end.

    It holds the weights, what else the rest of the run depends on, and what is known by then.
    """
    weights = init_weights(config, rng, args.device, args.std)
    adam = torch.optim.Adam(weights.values(), lr=args.lr, betas=(0.85, 0.99), eps=1e-8)
    if state:
        rng.setstate(state["rng"])
        adam.load_state_dict(state["adam"])
        for name, w in weights.items():
            w.data.copy_(state["weights"][name])
    state = state or {"step": 0, "tokens": 0, "seconds": 0.0, "losses": [], "best": None}
    progress, start = show.Progress(args.steps - state["step"]), clock(args.device)
    for step in range(state["step"], args.steps):
        tokens, targets = pad(pick(seen, step, args, rng), config.block_size)
        adam.param_groups[0]["lr"] = args.lr * (1 - step / args.steps)
        adam.zero_grad()
        with torch.autocast(args.device, torch.bfloat16, enabled=args.amp):
            scores = logits(tokens.to(args.device), weights, config)
            loss = cross_entropy(scores, targets.to(args.device))
        loss.backward()
        adam.step()
        state["tokens"] += int((targets >= 0).sum())
        progress.step(f"step {step + 1} of {args.steps}")
        if (step + 1) % args.eval_every == 0 or step + 1 == args.steps:
            state["seconds"] += clock(args.device) - start
            state.update(step=step + 1, rng=rng.getstate(), adam=adam.state_dict(), weights=weights)
            yield state
            start = clock(args.device)
    progress.clear()


def clock(device):
    """Return the seconds on a clock, once the device has done what it was given."""
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def evaluate(docs, weights, config, device="cpu", batch=50):
    """Return the mean cross-entropy of all tokens of the tokenised documents, in nats."""
    nats = number = 0
    for start in range(0, len(docs), batch):
        tokens, targets = pad(docs[start:start + batch], config.block_size)
        with torch.no_grad():
            scores = logits(tokens.to(device), weights, config)
            nats += cross_entropy(scores, targets.to(device), "sum").item()
        number += int((targets >= 0).sum())
    return nats / number


def sample(first, number, vocab, weights, config, generator, temperature=0.5):
    """Return so many texts, all drawn at once, token by token: after the first, up to BOS."""
    tokens = torch.full((number, 1), first)
    while len(tokens[0]) <= config.block_size and not (tokens[:, 1:] == len(vocab)).any(1).all():
        with torch.no_grad():
            scores = logits(tokens.to(weights["wte"].device), weights, config)[:, -1]
        shares = (scores / temperature).softmax(-1).cpu()
        tokens = torch.cat((tokens, torch.multinomial(shares, 1, generator=generator)), 1)
    return ["".join(vocab[token] for token in takewhile(len(vocab).__gt__, row[1:]))
            for row in tokens.tolist()]


# ---- a run, which outlives being killed ----------------------------------------------------------
def run(docs, config, args, seed, record):
    """Train with one seed, validate, keep the record up to date; return what was found.

    The samples are from the weights with the lowest loss on the unseen documents, which is chosen
    on them and so a little too low. ArithmeticError if a loss is no number.
    """
    rng = random.Random(seed)
    vocab, seen, unseen = split(docs, args, rng)
    for state in train(seen, config, args, rng, record["running"]):
        loss = evaluate(unseen, state["weights"], config, args.device)
        if not math.isfinite(loss):
            raise ArithmeticError(f"seed {seed}: loss {loss} after step {state['step']}")
        state["losses"].append((state["step"], loss))
        if not state["best"] or loss < state["best"]["loss"]:
            copies = {name: w.detach().clone() for name, w in state["weights"].items()}
            state["best"] = {"step": state["step"], "loss": loss, "weights": copies}
        record["running"] = state
        keep(record, args.checkpoint)
    state, number = record["running"], {"names": 10, "parens": benchmark_paren.SAMPLES, "text": 1}
    weights = {name: w.to(args.device) for name, w in state["best"]["weights"].items()}
    first = unseen[0][0]  # BOS, but in running text
    samples = sample(first, number[args.task], vocab, weights, config,
                     torch.Generator().manual_seed(seed))
    found = {"seed": seed, "parameters": sum(w.numel() for w in weights.values()),
             "best step": state["best"]["step"], "best loss": state["best"]["loss"],
             "last loss": state["losses"][-1][1], "losses": state["losses"], "samples": samples,
             "tokens a second": state["tokens"] / state["seconds"]}
    if args.task == "parens":
        balanced = [benchmark_paren.judge(text)[0] == "balanced" for text in samples]
        found["balanced %"] = 100 * statistics.fmean(balanced)
    return found


def keep(record, path):
    """Write the record there, as a whole: a kill meanwhile leaves the old file as it was."""
    if path:
        torch.save(record, f"{path}.part")
        os.replace(f"{path}.part", path)


def load(args, config, docs, parser):
    """Return the record at --checkpoint or a new one; end with status 2 if it is another run's."""
    names = "task", "data", "batch", "steps", "lr", "std", "eval_every", "amp"
    run_of = {**{name: vars(args)[name] for name in names}, **config._asdict(),
              "contents": zlib.crc32("\n".join(docs).encode())}
    if not args.checkpoint or not Path(args.checkpoint).exists():
        return {"run of": run_of, "finished": [], "running": None}
    try:
        record = torch.load(args.checkpoint, map_location="cpu", weights_only=True)
        differing = [name for name in run_of if record["run of"][name] != run_of[name]]
    except (AttributeError, EOFError, LookupError, OSError, RuntimeError, TypeError, ValueError,
            pickle.UnpicklingError):
        parser.error(f"--checkpoint {args.checkpoint}: this is no checkpoint")
    if differing:
        parser.error(f"--checkpoint {args.checkpoint}: not with this {', '.join(differing)}")
    return record


def compare_mixing(config, batch, device, repeats=15):
    """Time the mixing layer alone in both forms, forward and backward, in turns, and print.

    How far they are apart is the largest difference of any output and any gradient, a gradient
    as a share of the largest of its matrix.
    """
    weights = init_weights(config._replace(n_layer=1), random.Random(42), device)
    layer = {name.partition(".")[2]: w for name, w in weights.items() if "W_" in name}
    x = torch.randn(batch, config.block_size, config.n_embd, device=device, requires_grad=True)
    times, results = {False: [], True: []}, {}
    for _ in range(repeats):
        for folded, taken in times.items():
            start = clock(device)
            out = grassmann(x, layer, config.window, config._replace(folded=folded))
            slopes = torch.autograd.grad(out.square().sum(), [x, *layer.values()])
            taken.append(1000 * (clock(device) - start))
            results[folded] = [out, *[slope / slope.abs().max() for slope in slopes]]
    explicit, folded = map(statistics.median, times.values())
    apart = max((a - b).abs().max().item() for a, b in zip(*results.values()))
    print(f"{config}\nmixing layer alone, {batch} documents, medians of {repeats}: explicit "
          f"{explicit:.2f} ms, folded {folded:.2f} ms, {explicit / folded:.2f} times faster, "
          f"{apart:.1e} apart")


# ---- the program ---------------------------------------------------------------------------------
def parse(parser):
    """Return the options, with the task's own defaults; end with status 2 if they don't fit."""
    number, least_two = show.whole_numbers(1), show.whole_numbers(2)
    for name, kind, default, words in (
            ("task", tuple(TASKS), "names", "what to train on (default names)"),
            ("data", str, None, "names, or a text (default: input.txt, Python's reference)"),
            ("model", ("attention", "grassmann", "counting"), "grassmann", "(default grassmann)"),
            ("n-embd", number, 16, "width (default 16)"),
            ("layers", number, 1, "number of layers (default 1)"),
            ("heads", number, 4, "heads of attention (default 4)"),
            ("r", least_two, 4, "reduced size of the others (default 4)"),
            ("offsets", lambda text: tuple(map(number, text.split(","))), None, "like 1,2,4"),
            ("block-size", least_two, None, "positions"),
            ("batch", number, None, "documents a step"),
            ("steps", number, 1000, "training steps (default 1000)"),
            ("seeds", number, 1, "repeat with so many seeds: 42, 1, 2, ... (default 1)"),
            ("lr", float, 0.01, "learning rate, falling to 0 (default 0.01)"),
            ("std", float, 0.08, "of the first weights (default 0.08; widths above 100 want less)"),
            ("eval-every", number, 500, "steps between validations (default 500)"),
            ("checkpoint", str, None, "file to keep the run in, then, and to go on from"),
            ("json", str, None, "file for the results"),
            ("threads", number, 1, "threads of the CPU (default 1)"),
            ("offset-per-layer", None, False, "a single offset in each layer, in turn"),
            ("explicit", None, False, "add the planes up in a loop over the offsets"),
            ("amp", None, False, "mixed precision (bfloat16), on a GPU"),
            ("compare-mixing", None, False, "time that loop against the folded form, no more")):
        how = ({"choices": kind} if isinstance(kind, tuple) else {"type": kind} if kind else
               {"action": "store_true"})
        parser.add_argument(f"--{name}", default=default, help=words, **how)
    args = parser.parse_args()
    if torch is None:
        parser.error("PyTorch is not installed: pip install torch")
    for name, default in zip(("block_size", "batch", "offsets"), TASKS[args.task]):
        vars(args)[name] = vars(args)[name] or default
    if args.task == "names":
        args.data = args.data or str(Path(scalar.__file__).with_name("input.txt"))
    args.device = "cuda" if torch.cuda.is_available() else "cpu"
    for wrong, why in ((not 0 < args.lr < math.inf, "--lr must be a number above 0"),
                       (not 0 < args.std < math.inf, "--std must be a number above 0"),
                       (args.amp and args.device == "cpu", "--amp: there is no GPU here"),
                       (args.model == "attention" and args.n_embd % args.heads,
                        "--n-embd must be a multiple of --heads"),
                       (args.compare_mixing and (args.model == "attention"
                                                 or min(args.offsets) >= args.block_size),
                        "--compare-mixing needs planes: offsets below --block-size, no attention"),
                       (args.data and args.task == "parens", "--data: brackets are generated")):
        if wrong:
            parser.error(why)
    for name in "checkpoint", "json":
        if vars(args)[name]:
            show.check_writable(vars(args)[name], parser, f"--{name}")
    torch.set_num_threads(args.threads)
    return args


def main():
    """Read the options; compare the two forms, or train with each seed, print and save."""
    parser = show.Parser(description="Train the models with PyTorch.", allow_abbrev=False)
    args = parse(parser)
    config = Config(1, args.model, args.n_embd, args.layers, args.block_size, args.heads, args.r,
                    args.offsets, args.offset_per_layer, not args.explicit)
    if args.compare_mixing:
        return compare_mixing(config, args.batch, args.device)
    docs = read(args, parser)
    config = config._replace(vocab_size=len(set("".join(docs))) + 1)
    record = load(args, config, docs, parser)
    print(f"PyTorch {torch.__version__}, {args.device}; {args.task}, {args.steps:,} steps of "
          f"{args.batch} documents, lr {args.lr:g}\n{config}", flush=True)
    for n, seed in enumerate([42, *range(1, args.seeds)]):
        if n == len(record["finished"]):
            try:
                record["finished"].append(run(docs, config, args, seed, record))
            except ArithmeticError as error:
                parser.error(f"{error}: try a lower --lr")
            record["running"] = None
            keep(record, args.checkpoint)
        found = record["finished"][n]
        share = f"{found['balanced %']:.1f} % balanced, " if args.task == "parens" else ""
        print(f"seed {seed}: loss {found['last loss']:.4f} at the end, {found['best loss']:.4f} "
              f"after step {found['best step']}; {share}{found['tokens a second']:,.0f} tokens a "
              f"second\n{show.table([[repr(text)] for text in found['samples'][:3]])}", flush=True)
    if args.json:
        show.save(args.json, json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    show.run_program(main)
