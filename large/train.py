"""Train one of the models on a task: on a GPU, on several, or on a CPU.

Names:    python3 -m large.train --task names --mixing grassmann
Words:    python3 -m large.train --preset words --data train.txt --valid valid.txt --test test.txt
GPUs:     torchrun --nproc-per-node 2 -m large.train (the same options)
Later:    python3 -m large.train --checkpoint run.pt --evaluate --test test.txt --sample 100
Tables:   python3 -m large.summary results.jsonl
"""
import argparse
import json
import os
import pickle
import re
import signal
import sys
import zlib
from array import array
from pathlib import Path

if not __package__:
    print("train.py: start it as python3 -m large.train", file=sys.stderr)
    sys.exit(2)

import show
from tasks import is_balanced

try:
    import torch
    import torch.distributed as dist

    from large import data as tasks
    from large import engine, exchange
    from large.model import CHOICES, Config, check
except ModuleNotFoundError as error:
    if error.name != "torch":
        raise
    torch = None

FORMAT = "microGrassmann large 1"
LOST = ("gloo", "nccl", "connection", "broken pipe", "socket")  # of errors when a process is gone

# Options that go together: the words of RESULTS.md, block by block as there.
PRESETS = {
    "words": {"task": "text", "words": "pattern", "min_count": 3, "n_embd": 256, "n_layer": 6,
              "block_size": 128, "n_head": 8, "r": 32, "norm": "layer", "activation": "gelu",
              "bias": True, "tied": True, "dropout": 0.1, "std": 0.02, "final_norm": True,
              "batch": 64, "epochs": 8, "optimizer": "adamw", "betas": (0.9, 0.98), "lr": 0.001,
              "weight_decay": 0.01, "warmup": 200, "schedule": "cosine", "clip": 1.0}}


# ---- the options ---------------------------------------------------------------------------------
def at_least(least, kind=float):
    """Return an argparse type for finite numbers from `least` on."""
    def number(text):
        value = kind(text)
        if not least <= value < float("inf"):
            raise ValueError
        return value
    number.__name__ = f"number from {least} on"
    return number


def offsets(text):
    """Return (1, 2, 4) for "1,2,4" and () for "none"."""
    return () if text == "none" else tuple([at_least(1, int)(word) for word in text.split(",")])


def betas(text):
    """Return (0.9, 0.98) for "0.9,0.98"."""
    first, second = [at_least(0)(word) for word in text.split(",")]
    if max(first, second) >= 1:
        raise ValueError
    return first, second


WHOLE = {"type": at_least(1, int), "metavar": "N"}
COUNT = {"type": at_least(0, int), "metavar": "N"}
NUMBER = {"type": at_least(0), "metavar": "X"}
FILE = {"metavar": "FILE"}


def add_task_options(group):
    """What is to be learned."""
    group.add_argument("--preset", choices=PRESETS, help="many options at once; others override")
    group.add_argument("--task", choices=("names", "brackets", "text", "pairs"), default="names")
    group.add_argument("--data", **FILE, help="file to train on (names: default input.txt)")
    group.add_argument("--valid", **FILE, help="file to validate on (default: a tenth of the data)")
    group.add_argument("--test", **FILE, help="file to test on, once, at the end")
    group.add_argument("--words", metavar="HOW", help="text: tokens are words: 'blanks' (given, "
                       "WikiText's format), 'pattern', or a regular expression (default: "
                       "characters)")
    group.add_argument("--min-count", **WHOLE, default=1, help="rarer words are <unk>")
    group.add_argument("--documents", type=at_least(10, int), metavar="N", default=2000,
                       help="brackets: how many (default 2000)")
    group.add_argument("--loss", choices=("label", "all"), default="label",
                       help="pairs: loss of the label alone, or of all words (default label)")


def add_model_options(group):
    """What the model is made of; the defaults are those of the scalar files."""
    names = Config._field_defaults
    group.add_argument("--mixing", choices=CHOICES["mixing"], default=names["mixing"],
                       metavar="NAME", help=f"one of {', '.join(CHOICES['mixing'])} "
                       f"(default {names['mixing']})")
    group.add_argument("--n-embd", **WHOLE, default=names["n_embd"], help="width")
    group.add_argument("--layers", **WHOLE, default=names["n_layer"], dest="n_layer")
    group.add_argument("--heads", **WHOLE, default=names["n_head"], dest="n_head")
    group.add_argument("--block-size", **WHOLE, default=names["block_size"],
                       help="tokens in a text")
    group.add_argument("--r", **WHOLE, default=names["r"],
                       help="numbers that W_red makes of a vector")
    group.add_argument("--offsets", dest="window", type=offsets, metavar="N,N",
                       default=names["window"], help="like 1,2,4; none: no past")
    for name in "norm", "order", "activation":
        group.add_argument(f"--{name}", choices=CHOICES[name], default=names[name])
    group.add_argument("--dropout", **NUMBER, default=names["dropout"],
                       help="of embeddings and of what each part of a layer returns")
    group.add_argument("--std", **NUMBER, default=names["std"], help="of the first weights")


def add_switches(group):
    """What a model has or has not."""
    for name, meaning in SWITCHES.items():
        yes = f"--{name.replace('_', '-')}"
        group.add_argument(yes, action="store_true", help=meaning)
        group.add_argument(f"--no-{yes[2:]}", dest=name, action="store_false",
                           help=argparse.SUPPRESS)


SWITCHES = {"offset_per_layer": "one offset in each layer, in turn",
            "final_norm": "a norm before the logits",
            "branch_norm": "a norm on what the mixing returns",
            "bias": "of all matrices", "tied": "one matrix for embeddings and logits",
            "convolution": "queries, keys, values, or a recurrence's x, pass through a short one"}


def add_training_options(group):
    """How it is trained; the defaults are those of the scalar files."""
    group.add_argument("--steps", **COUNT, default=0, help="default 1000")
    group.add_argument("--epochs", **COUNT, default=0, help="instead of steps")
    group.add_argument("--batch", **WHOLE, default=1, help="documents or blocks a step")
    group.add_argument("--accumulate", **WHOLE, default=1, help="parts a batch is taken in")
    group.add_argument("--optimizer", choices=("adam", "adamw"), default="adam")
    group.add_argument("--lr", **NUMBER, default=0.01)
    group.add_argument("--betas", type=betas, metavar="X,X", default=(0.85, 0.99))
    group.add_argument("--weight-decay", **NUMBER, default=0.0, help="of the matrices")
    group.add_argument("--warmup", **COUNT, default=0, help="steps")
    group.add_argument("--schedule", choices=("linear", "cosine", "constant"), default="linear")
    group.add_argument("--clip", **NUMBER, default=0.0, help="longest gradient; 0: no limit")
    group.add_argument("--seed", **COUNT, default=42)
    group.add_argument("--eval-every", **COUNT, default=0,
                       help="steps between validations (default: an epoch, or 500)")


def add_machine_options(group):
    """Where it runs."""
    group.add_argument("--device", choices=("cpu", "cuda"), help="default: a GPU if there is one")
    group.add_argument("--precision", choices=("bf16", "tf32", "float32", "float64"),
                       default="float32")
    group.add_argument("--compile", action="store_true", help="torch.compile")
    group.add_argument("--threads", **WHOLE, help="of the CPU")


def add_file_options(group):
    """What is read, kept and written."""
    group.add_argument("--checkpoint", **FILE, help="file to keep the run in and to go on from")
    group.add_argument("--evaluate", action="store_true",
                       help="no training: the best weights of --checkpoint, or --import's")
    group.add_argument("--import", dest="kept", **FILE, help="begin with a model that a scalar "
                       "file or --export has kept; its sizes and vocabulary are the file's")
    group.add_argument("--export", **FILE, help="file in the scalar files' format for the model as "
                       "it is at the end, for their --load")
    group.add_argument("--json", **FILE, help="file to which the result is added, a line a run")
    group.add_argument("--setting", default="", help="which block of large.summary's table ...")
    group.add_argument("--name", help="... and which row of it (default: --mixing's)")
    group.add_argument("--sample", **COUNT, default=0, help="tokens to draw")
    group.add_argument("--temperature", type=at_least(1e-3), metavar="X", default=0.5)


def add_options(parser):
    """Add all options to the parser, in groups."""
    add_task_options(parser.add_argument_group("task"))
    model = parser.add_argument_group("model (defaults: the scalar files')")
    add_model_options(model)
    add_switches(parser.add_argument_group("what it has (--no-...: has not)"))
    add_training_options(parser.add_argument_group("training (defaults: the scalar files')"))
    add_machine_options(parser.add_argument_group("machine"))
    add_file_options(parser.add_argument_group("files"))


def parse(words, parser):
    """Return the options, checked; end with one line and status 2 where they don't fit."""
    add_options(parser)
    preset = parser.parse_args(words).preset
    if preset:
        parser.set_defaults(**PRESETS[preset])
    args = parser.parse_args(words)
    if args.steps and args.epochs and not preset:
        parser.error("--steps or --epochs, not both")
    if args.steps:
        args.epochs = 0
    elif not args.epochs:
        args.steps = 1000
    if args.name is None:
        args.name = args.mixing
    if args.words == "pattern":
        args.words = tasks.PATTERN
    if args.device is None:
        args.device = "cuda" if torch.cuda.is_available() else "cpu"
    world = int(os.environ.get("WORLD_SIZE", "1"))
    for wrong, why in (
            (args.device == "cuda" and not torch.cuda.is_available(),
             "--device cuda: PyTorch finds no GPU here"),
            (args.dropout >= 1, "--dropout must be below 1"),
            (args.batch % (world * args.accumulate),
             f"--batch {args.batch} is no multiple of {world} processes times --accumulate"),
            (args.evaluate and not (args.checkpoint or args.kept),
             "--evaluate needs --checkpoint or --import"),
            (args.kept and args.task not in ("names", "brackets"),
             "--import: the scalar files' models read names or brackets"),
            (args.evaluate and world > 1, "--evaluate takes one process")):
        if wrong:
            parser.error(why)
    if args.words not in (None, "blanks"):
        try:
            re.compile(args.words)
        except (re.error, OverflowError, RecursionError) as error:
            parser.error(f"--words {args.words}: no regular expression of Python: {error}")
    for name in "checkpoint", "json", "export":
        if getattr(args, name):
            try:
                show.check_writable(Path(getattr(args, name)))
            except (OSError, ValueError) as error:
                parser.error(f"--{name}: {error}")
    if args.threads:
        torch.set_num_threads(args.threads)
    return args


def make_config(args, vocab_size):
    """Return the model's configuration. ValueError where sizes don't go together."""
    fields = {name: getattr(args, name) for name in Config._fields[1:]}
    config = Config(vocab_size, **fields)
    check(config)
    return config


# ---- checkpoints ---------------------------------------------------------------------------------
def identity(args, data, config):
    """Return what a checkpoint must have in common with a run that goes on from it."""
    train = data.train if data.documents() else (data.train,)
    contents = len(train)
    for part in torch.cat([part.flatten() for part in train]).split(1 << 20):
        contents = zlib.crc32(array("q", part.tolist()).tobytes(), contents)
    options = {name: getattr(args, name) for name in engine.RUN_OPTIONS}
    if args.kept:
        options["import"] = zlib.crc32(Path(args.kept).read_bytes())
    return {**options, **config._asdict(), "contents": contents}


def save_checkpoint(path, state, run, vocab):
    """Write all of it there as a whole: a kill meanwhile leaves the old file as it was."""
    draft = f"{path}.{os.getpid()}.part"
    try:
        torch.save({"format": FORMAT, "run": run, "vocab": vocab, "state": state}, draft)
        os.replace(draft, path)
    except RuntimeError as error:  # PyTorch's for a disk that is full
        raise OSError(f"--checkpoint {path}: it cannot be written, the disk may be full; the one "
                      "before is still there") from error
    finally:
        if os.path.exists(draft):
            os.unlink(draft)


def load_checkpoint(path):
    """Return a checkpoint. ValueError, in one line, if it is none."""
    if not Path(path).is_file():
        raise ValueError(f"--checkpoint {path}: there is no such file")
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
        fits = found["format"] == FORMAT
    except (AttributeError, EOFError, LookupError, OSError, RuntimeError, TypeError, ValueError,
            pickle.UnpicklingError):
        fits = False
    if not fits:
        raise ValueError(f"--checkpoint {path}: this is no whole checkpoint of this program")
    return found


def saved_state(args, run):
    """Return the state to go on from, None for a new run. ValueError if it is another run's."""
    if not args.checkpoint or not Path(args.checkpoint).exists():
        return None
    found = load_checkpoint(args.checkpoint)
    usual = Config._field_defaults  # for options that are younger than the checkpoint
    differing = [name for name in run if found["run"].get(name, usual.get(name)) != run[name]]
    if differing:
        raise ValueError(f"--checkpoint {args.checkpoint}: another run's: its "
                         f"{', '.join(differing)} differ")
    return found["state"]


def add_line(path, found):
    """Add a result as a JSON line, beginning a new one where the last was torn by a full disk."""
    line = json.dumps(found).encode() + b"\n"
    if not show.is_special(path) and os.path.exists(path):
        with open(path, "rb") as file:
            if file.seek(0, os.SEEK_END):
                file.seek(-1, os.SEEK_END)
                if file.read() != b"\n":
                    line = b"\n" + line
    with open(path, "ab") as file:
        file.write(line)


# ---- the program ---------------------------------------------------------------------------------
def describe(found):
    """Return the result's figures in one line."""
    words = [f"{found['name']}: perplexity per {found['unit']}, validation "
             f"{engine.perplexity(found['last']):.4g} at the end, "
             f"{engine.perplexity(found['best']):.4g} after step {found['best_step']:,}"]
    if found.get("test") is not None:
        words.append(f"test {engine.perplexity(found['test']):.4g}")
    for name, accuracy in ("validation", found["curve"][-1][3]), ("test",
                                                                  found.get("test_accuracy")):
        if accuracy is not None:
            words.append(f"{name} accuracy {100 * accuracy:.2f} %")
    if found["tokens_per_second"]:
        words.append(f"{found['tokens_per_second']:,.0f} tokens a second")
    return "; ".join(words)


def print_samples(model, data, args):
    """Print texts from the model; of brackets also the share that is balanced."""
    generator = torch.Generator().manual_seed(args.seed)
    documents = data.documents()
    number = {"names": 10, "brackets": 200}.get(args.task, 1)
    length = min(args.sample, args.block_size) if documents else args.sample
    first = None if documents else int(data.valid[0])
    texts = engine.sample(model, data.vocab, number, length, documents, args.temperature,
                          generator, first)
    between = " " if data.unit != "character" else ""
    texts = [between.join(text) for text in texts]
    for text in texts[:10]:
        print(text)
    if args.task == "brackets":
        share = sum([is_balanced(text) for text in texts]) / number
        print(f"{100 * share:.1f} % of {number} samples are balanced")


def set_up(args, rank=0, world=1):
    """Return the data, a trainer and the kept model that --import names, None without.

    ValueError, in one line, where they don't go together, or not with --export.
    """
    kept = None
    if args.kept:
        kept = exchange.read(args.kept)
        for name in Config._fields[1:]:
            if name not in (*exchange.FIXED, "dropout", "std", "tied"):
                setattr(args, name, getattr(kept.config, name))
    data = tasks.load(args, kept)
    config = make_config(args, data.vocab_size())
    for file, option in (args.kept, "--import"), (args.export, "--export"):
        if file:
            try:
                exchange.check_exportable(config, data)
            except ValueError as error:
                raise ValueError(f"{option}: {error}") from error
    trainer = engine.Trainer(config, args, rank, world)
    if kept:
        exchange.load_weights(trainer.model, kept.weights)
    return data, trainer, kept


def export(args, model, data, kept, steps):
    """Write --export's file, and what the model was trained on so far."""
    trained_on = dict(kept.trained_on) if kept else {}
    if steps:
        checksum, seen = data.trained_on
        trained_on[checksum] = seen
    exchange.write(args.export, model, data, trained_on)


def evaluate_only(args):
    """Evaluate, sample from and export the best weights of a checkpoint, with its own options.

    Without a checkpoint those of --import.
    """
    found = None
    if args.checkpoint:
        found = load_checkpoint(args.checkpoint)
        for name, value in found["run"].items():
            given = name in ("data", "valid", "test") and getattr(args, name)
            if hasattr(args, name) and not given:
                setattr(args, name, value)
        args.kept = None
    else:
        args.steps = args.epochs = 0
    data, trainer, kept = set_up(args)
    if found:
        if data.vocab != found["vocab"]:
            raise ValueError("--data: not the text of this checkpoint, its vocabulary differs")
        trainer.model.load_state_dict(found["state"]["best"]["model"])
    for name, part in zip(("validation", "test"), engine.parts_to_evaluate(data, args.block_size)):
        if part is not None:
            nats, accuracy = trainer.evaluate(part)
            rest = f", accuracy {100 * accuracy:.2f} %" if accuracy is not None else ""
            print(f"{name}: {nats:.4f} nats, perplexity {engine.perplexity(nats):.4f} per "
                  f"{data.unit}{rest}")
    if args.export:
        export(args, trainer.model, data, kept, found is not None)
    if args.sample:
        print_samples(trainer.model, data, args)


def run(args, rank, world):
    """Train, evaluate, print and save."""
    data, trainer, kept = set_up(args, rank, world)
    config = trainer.model.config
    identified = identity(args, data, config)
    saved = saved_state(args, identified)
    if rank == 0:
        print(f"PyTorch {torch.__version__}, {engine.device_name(trainer.device)}, {world} "
              f"process{'es' * (world > 1)}, {args.precision}\n{data.notes or args.task}\n{config}"
              f"\n{trainer.model.size():,} weights", flush=True)
        if kept and set(kept.trained_on) - {data.trained_on[0]}:
            print("the model was also trained on another text: what is held out here may stand "
                  "there")
        if saved:
            print(f"going on after step {saved['step']:,}", flush=True)

    total = engine.total_steps(data, args)
    progress = show.Progress(total - (saved["step"] if saved else 0))
    progress.live = progress.live and rank == 0

    def keep(state):
        if rank == 0 and args.checkpoint:
            save_checkpoint(args.checkpoint, state, identified, data.vocab)
        if rank == 0 and not progress.live:
            step, loss, nats, _ = state["curve"][-1]
            print(f"step {step:,} of {total:,}: loss {loss:.4f} nats, validation perplexity "
                  f"{engine.perplexity(nats):.4g}", flush=True)
    with progress:
        state = engine.train(trainer, data, args, progress, saved, keep)
    found = engine.result(state, trainer, data, args)
    if rank > 0:
        return
    print(describe(found), flush=True)
    if args.json:
        add_line(args.json, found)
    if args.export:
        export(args, trainer.model, data, kept, total)
    if args.sample:
        print_samples(trainer.model, data, args)


def main(words=None):
    """Read the options; train, or evaluate a checkpoint."""
    parser = show.Parser(usage="python3 -m large.train [options]", allow_abbrev=False,
                         description="Train a model with PyTorch.")
    if torch is None:
        parser.error("PyTorch is not installed: pip install torch numpy")
    args = parse(sys.argv[1:] if words is None else words, parser)
    rank = int(os.environ.get("RANK", "0"))
    world = int(os.environ.get("WORLD_SIZE", "1"))
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # torchrun stops its others so
    message = ""
    try:
        if world > 1:
            dist.init_process_group("nccl" if args.device == "cuda" else "gloo")
        if args.evaluate:
            evaluate_only(args)
        else:
            run(args, rank, world)
        if world > 1:
            dist.barrier()  # none leaves while others still need it
    except BrokenPipeError:
        raise  # run_program's, which is silent
    except (ArithmeticError, OSError, ValueError) as error:
        message = str(error)
    except torch.OutOfMemoryError:
        message = ("out of memory: a higher --accumulate or a lower --batch, --block-size or "
                   "--n-embd takes less")
    except RuntimeError as error:
        if world == 1 or not any(word in str(error).lower() for word in LOST):
            raise
        message = ("another process has ended, so this one does; the same command goes on from "
                   "the checkpoint")
    if world > 1:
        print(f"{parser.prog}: error: {message}\n" if message else "", end="", file=sys.stderr)
        sys.stderr.flush()
        sys.stdout.flush()
        os._exit(2 if message else 0)  # a usual end can abort: threads of Gloo still wait
    if message:
        parser.error(message)


if __name__ == "__main__":
    show.run_program(main)
