"""How fast: training, the mixing layer alone, writing, and what they cost as texts get longer.

    python3 -m large.bench train     tokens a second, contenders in turns
    python3 -m large.bench layer     one mixing layer, forward, in milliseconds
    python3 -m large.bench length    one mixing layer, forward and backward, against length
    python3 -m large.bench write     one more token of each text, and what must be kept, by length
    python3 -m large.bench kernels   memories' heads, also by flash-linear-attention

Sizes of the paper where there is a GPU, small ones on a CPU. --json adds each figure as a line.
"""
import statistics
import sys
import time
from pathlib import Path
from typing import NamedTuple

if not __package__:
    print("bench.py: start it as python3 -m large.bench", file=sys.stderr)
    sys.exit(2)

import show

try:
    import torch

    from large import alternatives, engine, writing
    from large import train as program
    from large.model import Config, Layer, Model
except ModuleNotFoundError as error:
    if error.name != "torch":
        raise
    torch = None

# What differs from --preset words; "paper" has one offset a layer and the gate as the only skip.
CONTENDERS = {name: {"mixing": name} for name in (
    "attention", "grassmann", "grassmann-loop", "linear", "gated-delta-rule", "delta-rule",
    "gated-linear-attention", "linear-attention", "rwkv", "gated-recurrence", "decayed-sums",
    "decayed-sums-planes", "attended-states", "attended-states-planes")}
CONTENDERS["paper"] = {"mixing": "grassmann", "order": "gate", "offset_per_layer": True}
CONTENDERS["attention-convolution"] = {"mixing": "attention", "convolution": True}
SHORT = ("attention", "grassmann", "grassmann-loop", "linear", "paper")
KERNELS = ("gated-delta-rule", "delta-rule", "gated-linear-attention", "linear-attention")
LENGTHS = (256, 512, 1024, 2048, 4096, 8192, 16384, 32768)


class Sizes(NamedTuple):
    """What is measured on a kind of device."""

    width: int
    heads: int
    r: int
    layers: int
    length: int
    batch: int
    vocab_size: int
    tokens: int  # in all, where the length changes


SIZES = {"cuda": Sizes(256, 8, 32, 6, 256, 32, 50_257, 32_768),
         "cpu": Sizes(32, 4, 8, 2, 32, 4, 500, 2_048)}


def milliseconds(function, device, repeats=20):
    """Return the median time of a call. On a GPU it is captured as a graph first."""
    if device == "cpu":
        times = []
        for _ in range(repeats):
            start = time.perf_counter()
            function()
            times.append(1000 * (time.perf_counter() - start))
        return statistics.median(times[2:])
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            function()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=stream):
        function()
    times = []
    for _ in range(repeats):
        start, end = [torch.cuda.Event(enable_timing=True) for _ in range(2)]
        start.record()
        graph.replay()
        end.record()
        torch.cuda.synchronize()
        times.append(start.elapsed_time(end))
    return statistics.median(times[2:])


def by_kernel(mixing):
    """Return what does the work of remember or correct by a kernel of flash-linear-attention.

    Theirs take texts as (B, L, H, e) and scale what is read unless told not to; the delta rule's
    own takes half precision only.
    """
    from fla.ops.delta_rule import chunk_delta_rule
    from fla.ops.gated_delta_rule import chunk_gated_delta_rule
    from fla.ops.simple_gla import chunk_simple_gla

    def read(q, k, v, log_decay, rate=None):
        q, k, v = [x.to(v.dtype).transpose(1, 2) for x in (q, k, v)]
        log_decay = log_decay.squeeze(-1).transpose(1, 2)
        if rate is not None:
            rate = rate.squeeze(-1).transpose(1, 2)
        if mixing == "linear-attention":
            out, _ = chunk_simple_gla(q, k, v, scale=1.0)
        elif mixing == "gated-linear-attention":
            out, _ = chunk_simple_gla(q, k, v, log_decay, scale=1.0)
        elif mixing == "delta-rule" and v.dtype == torch.bfloat16:
            out, _ = chunk_delta_rule(q, k, v, rate, scale=1.0)
        else:
            out, _ = chunk_gated_delta_rule(q, k, v, log_decay, rate, scale=1.0)
        return out.transpose(1, 2)
    return read


class Bench:
    """Measures, prints and keeps the figures, each with what it was measured on."""

    def __init__(self, args):
        self.args = args
        self.fixed = {"torch": torch.__version__, "compiled": args.compile,
                      "device": engine.device_name(torch.device(args.device))}
        print(f"{self.fixed['device']}, PyTorch {torch.__version__}, "
              f"{'compiled' if args.compile else 'not compiled'}", flush=True)

    def keep(self, **found):
        """Print one figure and add it to --json."""
        print("  ".join([f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
                         for name, value in found.items()]), flush=True)
        if self.args.json:
            program.add_line(self.args.json, {**self.fixed, **found})

    def mixing_layer(self, name, precision, batch, length, backward):
        """Return the milliseconds that one mixing layer takes, its projections included."""
        device = self.args.device
        width, heads, r, *_ = SIZES[device]
        torch.set_float32_matmul_precision("highest" if precision == "float32" else "high")
        config = Config(2, n_embd=width, block_size=length, n_head=heads, r=r, **CONTENDERS[name])
        torch.manual_seed(1)
        window = config.window[:1] if config.offset_per_layer else config.window
        layer = Layer(config, window).to(device, torch.float32)
        for weight in layer.parameters():
            torch.nn.init.normal_(weight, std=0.02)
        torch._dynamo.reset()
        mix = torch.compile(layer.mix, dynamic=False) if self.args.compile else layer.mix
        x = torch.randn(batch, length, width, device=device, requires_grad=backward)
        slope = torch.randn(batch, length, width, device=device)

        def call():
            with torch.autocast(device, torch.bfloat16, enabled=precision == "bf16",
                                cache_enabled=False):
                out = mix(x)
            if backward:
                torch.autograd.backward(out, slope.to(out.dtype), inputs=[x, *used])
        if backward:
            used = [w for key, w in layer.named_parameters() if not key.startswith("fc")]
            return milliseconds(call, device)
        with torch.no_grad():
            return milliseconds(call, device)

    def layer(self):
        """Measure one mixing layer's forward pass."""
        size = SIZES[self.args.device]
        for precision in self.args.precisions:
            for mixing in self.args.contenders:
                self.keep(figure="layer", mixing=mixing, precision=precision, batch=size.batch,
                          length=size.length, ms=self.mixing_layer(mixing, precision, size.batch,
                                                                   size.length, False))

    def length(self):
        """Measure one mixing layer forward and backward, the number of tokens kept the same."""
        tokens = SIZES[self.args.device].tokens
        for precision in self.args.precisions:
            for mixing in self.args.contenders:
                for length in LENGTHS:
                    few = mixing == "grassmann-loop" and length not in LENGTHS[::7]
                    if length > tokens or few:
                        continue
                    batch = tokens // length
                    ms = self.mixing_layer(mixing, precision, batch, length, True)
                    self.keep(figure="length", mixing=mixing, precision=precision, batch=batch,
                              length=length, ms=ms)

    def train(self):
        """Measure whole training steps, the contenders in turns, the median of the rounds."""
        device = self.args.device
        width, heads, r, layers, length, batch, vocab_size, _ = SIZES[device]
        for precision in self.args.precisions:
            trainers = {}
            times = {}
            for mixing in self.args.contenders:
                words = ["--preset", "words", "--data", "-", "--n-embd", width,
                         "--layers", layers, "--heads", heads, "--r", r, "--block-size", length,
                         "--batch", batch, "--precision", precision, "--device", device]
                for key, value in CONTENDERS[mixing].items():
                    words += [f"--{key.replace('_', '-')}"] + [value] * (value is not True)
                words += ["--compile"] * self.args.compile
                args = program.parse([str(word) for word in words], show.Parser())
                config = program.make_config(args, vocab_size)
                trainers[mixing] = engine.Trainer(config, args)
                times[mixing] = []
            tokens = torch.randint(vocab_size, (2, 8, batch, length), device=device)
            for turn in range(1 + self.args.rounds):
                for mixing, trainer in trainers.items():
                    steps = self.args.steps if turn else 5  # the first turn warms up
                    start = engine.seconds(trainer.device)
                    for step in range(steps):
                        trainer.step(tokens[0, step % 8], tokens[1, step % 8], 1e-4)
                    if turn:
                        times[mixing].append((engine.seconds(trainer.device) - start) / steps)
            for mixing, taken in times.items():
                per_second = [batch * length / seconds for seconds in taken]
                self.keep(figure="train", mixing=mixing, precision=precision, batch=batch,
                          length=length, vocab_size=vocab_size, n_layer=layers, n_embd=width, r=r,
                          weights=trainers[mixing].model.size(),
                          tokens_per_second=statistics.median(per_second),
                          slowest=min(per_second), fastest=max(per_second))

    def write(self):
        """Measure one more token of each of many texts, all layers, without the logits.

        In single precision, for whole models: what a layer must keep, in bytes a text, too.
        """
        device = self.args.device
        width, heads, r, layers, *_, tokens = SIZES[device]
        torch.set_float32_matmul_precision("high")
        texts = 8
        for mixing in self.args.contenders:
            for length in LENGTHS:
                if length > tokens:
                    continue
                config = Config(2, n_embd=width, n_layer=layers, block_size=length, n_head=heads,
                                r=r, std=0.02, **CONTENDERS[mixing])
                model = Model(config).to(device, torch.float32).eval()
                states = writing.begin(model, texts)
                chosen = torch.ones(texts, dtype=torch.long, device=device)
                ms = milliseconds(lambda m=model, t=chosen, place=length - 1, s=states:
                                  writing.step(m, t, place, [dict(state) for state in s]), device)
                self.keep(figure="write", mixing=mixing, precision="tf32", batch=texts,
                          length=length, n_layer=layers, n_embd=width, r=r, ms=ms,
                          kept=writing.size(states) / texts)

    def kernels(self):
        """Measure memories' heads without projections, here and by flash-linear-attention."""
        size = SIZES[self.args.device]
        if self.args.device == "cpu":
            print("kernels: flash-linear-attention needs a GPU", flush=True)
            return
        chosen = [name for name in KERNELS if name in self.args.contenders] or KERNELS
        for precision in self.args.precisions:
            for mixing in chosen:
                try:
                    read = by_kernel(mixing)
                except ImportError as error:
                    print(f"kernels: no flash-linear-attention here ({error})", flush=True)
                    return
                for times in (1, 8):
                    self.both_ways(mixing, read, precision, size.batch // times,
                                   times * size.length)

    def both_ways(self, mixing, read, precision, batch, length):
        """Measure one memory's heads by recall as it is and with that kernel, in turns.

        The errors are against double precision: root mean square, of that of the outputs, and the
        largest.
        """
        device = self.args.device
        width, heads, *_ = SIZES[device]
        half = precision == "bf16"
        torch.set_float32_matmul_precision("highest" if precision == "float32" else "high")
        torch.manual_seed(1)
        q, k, v, decay, rate = [torch.randn(batch, length, heads, e, device=device).transpose(1, 2)
                                for e in [width // heads] * 3 + [1, 1]]
        if half:
            q, k, v, rate = [x.bfloat16() for x in (q, k, v, rate)]
        known = alternatives.memory_shapes(mixing, False, width, heads)
        inputs = [q, k, v, decay + 3 if "wa" in known else None, rate if "wb" in known else None]
        exact = alternatives.recall(mixing, *[x if x is None else x.double() for x in inputs])
        used = [x.requires_grad_() for x in inputs if x is not None]
        slope = torch.randn(batch, length, heads, width // heads, device=device).transpose(1, 2)
        torch._dynamo.reset()
        recall = alternatives.recall
        if self.args.compile:
            recall = torch.compile(recall, dynamic=False)
        ways = {"PyTorch": {}, "flash-linear-attention": {"remember": read, "correct": read}}

        def call(way, backward):
            with torch.autocast(device, torch.bfloat16, enabled=half, cache_enabled=False):
                out = recall(mixing, *inputs, **ways[way])
            if backward:
                torch.autograd.grad(out, used, slope)
            return out.detach()

        times = {(way, backward): [] for way in ways for backward in (False, True)}
        for way in ways:
            try:
                call(way, True)
            except RuntimeError as error:  # some versions of Triton compile it wrongly
                print(f"kernels: {mixing} has no gradient by {way}: {error}", flush=True)
                del times[way, True]
        for _ in range(self.args.rounds):
            for (way, backward), taken in times.items():
                taken.append(milliseconds(lambda w=way, b=backward: call(w, b), device))
        for way in ways:
            wrong = call(way, False) - exact
            both = times.get((way, True))
            self.keep(figure="kernels", mixing=mixing, way=way, precision=precision, batch=batch,
                      length=length, forward=statistics.median(times[way, False]),
                      ms=statistics.median(both) if both else None,
                      error=(wrong.norm() / exact.norm()).item(),
                      largest=wrong.abs().max().item())


def main(words=None):
    """Read the options; measure."""
    parser = show.Parser(description="Time the models in PyTorch.", allow_abbrev=False)
    parser.add_argument("what", nargs="+",
                        choices=("train", "layer", "length", "write", "kernels"))
    parser.add_argument("--contenders", default=",".join(SHORT),
                        help=f"of {', '.join(CONTENDERS)}; default {','.join(SHORT)}")
    parser.add_argument("--precisions", default="bf16", help="like bf16,tf32,float32")
    parser.add_argument("--compile", action="store_true")
    whole = show.whole_numbers(1)
    parser.add_argument("--steps", type=whole, default=50, help="in each round of train")
    parser.add_argument("--rounds", type=whole, default=5)
    parser.add_argument("--device", choices=("cpu", "cuda"))
    parser.add_argument("--json")
    args = parser.parse_args(sys.argv[1:] if words is None else words)
    if torch is None:
        parser.error("PyTorch is not installed: pip install torch numpy")
    args.precisions = args.precisions.split(",")
    if not set(args.precisions) <= {"bf16", "tf32", "float32"}:
        parser.error("--precisions: bf16, tf32, float32, separated by commas")
    args.contenders = args.contenders.split(",")
    for name in args.contenders:
        if name not in CONTENDERS:
            parser.error(f"--contenders: there is no {name}")
    if args.device is None:
        args.device = "cuda" if torch.cuda.is_available() else "cpu"
    if args.device == "cuda" and not torch.cuda.is_available():
        parser.error("--device cuda: PyTorch finds no GPU here")
    if args.json:
        show.check_writable(Path(args.json))
    bench = Bench(args)
    for name in args.what:
        getattr(bench, name)()


if __name__ == "__main__":
    show.run_program(main)
