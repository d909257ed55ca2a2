"""Batches, training steps, evaluation, sampling: what train.py and experiments.py share."""
import contextlib
import math
import os
import time

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

from large import data as tasks
from large import writing
from large.model import Model

# The options that decide what a run finds, beside those of the model: a checkpoint is good for them
RUN_OPTIONS = ("task", "data", "valid", "test", "words", "min_count", "documents", "loss",
               "block_size", "steps", "epochs", "batch", "accumulate", "optimizer", "lr", "betas",
               "weight_decay", "warmup", "schedule", "clip", "seed", "eval_every", "precision")
FILES = ("data", "valid", "test")
WARM_STEPS = 3  # before a step is captured as a graph, its buffers and kernels must be there


# ---- batches -------------------------------------------------------------------------------------
class Batches:
    """The global batch of each step, a function of the seed and the step alone.

    Documents come in turn. Running text is cut into blocks anew in each epoch, from another start,
    and they come in a new order.
    """

    def __init__(self, part, args, device):
        self.args = args
        self.epoch = None
        self.text = not isinstance(part, tuple)
        if self.text:
            self.part = part.to(device)
            self.number = (len(part) - 1) // args.block_size - 1  # wherever the epoch starts
            self.steps = self.number // args.batch
        else:
            self.inputs = part[0].to(device)
            self.targets = part[1].to(device)
            self.number = len(self.inputs)
            self.steps = math.ceil(self.number / args.batch)
        if not self.steps:
            raise ValueError(f"{self.number} blocks to train on: too few for --batch {args.batch}")

    def __call__(self, step):
        """Return (inputs, targets) of a step, counted from 0: (batch, L) whole numbers each."""
        batch = self.args.batch
        if not self.text:
            rows = torch.arange(step * batch, (step + 1) * batch) % self.number
            rows = rows.to(self.inputs.device)
            return self.inputs[rows], self.targets[rows]
        epoch, place = divmod(step, self.steps)
        if epoch != self.epoch:
            self.epoch = epoch
            generator = torch.Generator().manual_seed(self.args.seed * 1_000_003 + epoch)
            start = torch.randint(self.args.block_size, (1,), generator=generator).item()
            self.inputs, self.targets = tasks.blocks(self.part, self.args.block_size, start)
            order = torch.randperm(self.number, generator=generator)
            self.order = order.to(self.part.device)
        rows = self.order[place * batch:(place + 1) * batch]
        return self.inputs[rows], self.targets[rows]


def rate(step, total, args):
    """Return the learning rate of a step, counted from 0."""
    if step < args.warmup:
        return args.lr * (step + 1) / args.warmup
    done = (step - args.warmup) / max(1, total - args.warmup)
    if args.schedule == "cosine":
        return args.lr * (1 + math.cos(math.pi * done)) / 2
    return args.lr * (1 - done) if args.schedule == "linear" else args.lr


# ---- training ------------------------------------------------------------------------------------
class Trainer:
    """A model and its optimizer. On one GPU a whole step is captured as a graph and replayed.

    rank and world: which process this is, of how many; each takes its share of every batch.
    """

    def __init__(self, config, args, rank=0, world=1):
        self.args = args
        self.rank = rank
        self.world = world
        self.device = torch.device(args.device)
        if args.device == "cuda":
            self.device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
            torch.cuda.set_device(self.device)
        torch.set_float32_matmul_precision("highest" if args.precision == "float32" else "high")
        torch.manual_seed(args.seed + rank)
        dtype = torch.float64 if args.precision == "float64" else torch.float32
        self.model = Model(config, args.seed).to(self.device, dtype)
        if args.compile:
            self.model.compile_parts()
        self.net = DistributedDataParallel(self.model) if world > 1 else self.model
        self.lr = torch.zeros((), device=self.device)
        self.optimizer = self.make_optimizer()
        self.total = torch.zeros((), device=self.device, dtype=torch.float64)  # of all losses
        self.graph = None
        self.steps = 0
        self.capture = self.device.type == "cuda" and world == 1
        self.stream = torch.cuda.Stream() if self.capture else None

    def make_optimizer(self):
        """Return Adam or AdamW; matrices alone decay."""
        args = self.args
        weights = list(self.model.parameters())
        groups = [{"params": [w for w in weights if w.dim() == 2],
                   "weight_decay": args.weight_decay},
                  {"params": [w for w in weights if w.dim() != 2], "weight_decay": 0.0}]
        kind = torch.optim.AdamW if args.optimizer == "adamw" else torch.optim.Adam
        on_gpu = self.device.type == "cuda"
        return kind([group for group in groups if group["params"]], betas=args.betas, eps=1e-8,
                    lr=self.lr if on_gpu else args.lr, fused=on_gpu, capturable=on_gpu)

    def autocast(self):
        """Return the context in which matrix products are of the precision asked for."""
        return torch.autocast(self.device.type, torch.bfloat16, cache_enabled=False,
                              enabled=self.args.precision == "bf16")

    def update(self, inputs, targets):
        """Set the gradients of the batch's mean loss, clip them, move the weights."""
        count = (targets >= 0).sum()
        mine = slice(self.rank, None, self.world)
        parts = list(zip(inputs[mine].chunk(self.args.accumulate),
                         targets[mine].chunk(self.args.accumulate)))
        for n, (x, y) in enumerate(parts):
            waits = self.world > 1 and n + 1 < len(parts)  # for the last part, to be averaged
            with self.net.no_sync() if waits else contextlib.nullcontext():
                with self.autocast():
                    loss = self.net(x, y) / count
                (loss * self.world).backward()
            self.total += loss.detach()
        if self.args.clip:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.args.clip)
        self.optimizer.step()

    def step(self, inputs, targets, lr):
        """Train on one global batch."""
        self.model.train()
        self.lr.fill_(lr)
        for group in self.optimizer.param_groups:
            group["lr"] = self.lr if self.device.type == "cuda" else lr
        if self.graph is None:
            self.optimizer.zero_grad()
        if not self.capture:
            self.update(inputs, targets)
            return
        if self.steps == 0:
            self.inputs = inputs.clone()
            self.targets = targets.clone()
        self.inputs.copy_(inputs)
        self.targets.copy_(targets)
        if self.steps < WARM_STEPS:
            self.stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(self.stream):
                self.update(self.inputs, self.targets)
            torch.cuda.current_stream().wait_stream(self.stream)
        else:
            if self.graph is None:
                self.graph = torch.cuda.CUDAGraph()
                with torch.cuda.graph(self.graph, stream=self.stream):
                    self.update(self.inputs, self.targets)
            self.graph.replay()
        self.steps += 1

    def mean_loss(self, steps):
        """Return the mean training loss of the last steps and begin anew."""
        total = self.total.clone()
        self.total.zero_()
        return self.sum_over_processes(total).item() / max(1, steps)

    def sum_over_processes(self, numbers):
        """Return the tensor summed over all processes."""
        if self.world > 1:
            dist.all_reduce(numbers)
        return numbers

    @torch.no_grad()
    def evaluate(self, part):
        """Return (nats per token, share of right labels or None) on a part of the data.

        Running text is read in consecutive blocks, each without what came before it.
        """
        self.model.eval()
        inputs, targets = part
        batch = self.args.batch
        sums = torch.zeros(4, dtype=torch.float64, device=self.device)
        for start in range(self.rank * batch, len(inputs), self.world * batch):
            x = inputs[start:start + batch].to(self.device)
            y = targets[start:start + batch].to(self.device)
            missing = batch - len(x)  # one shape for all, as compiled code wants it
            x = torch.nn.functional.pad(x, (0, 0, 0, missing))
            y = torch.nn.functional.pad(y, (0, 0, 0, missing), value=-100)
            with self.autocast():
                sums[0] += self.model(x, y)
                sums[1] += (y >= 0).sum()
                if self.args.task == "pairs":
                    labels = (y >= 0) & (y < len(tasks.LABELS))
                    guesses = self.model(x)[..., :len(tasks.LABELS)].argmax(-1)
                    sums[2] += (guesses == y)[labels].sum()
                    sums[3] += labels.sum()
        nats, tokens, right, labels = self.sum_over_processes(sums).tolist()
        return nats / tokens, right / labels if labels else None

    # -- state, so that a run outlives being killed --
    def state(self):
        """Return all that the rest of the run depends on, from the memory of all processes."""
        mine = {"cpu": torch.get_rng_state()}
        if self.device.type == "cuda":
            mine["cuda"] = torch.cuda.get_rng_state(self.device)
        random_states = [mine]
        if self.world > 1:
            random_states = [None] * self.world
            dist.all_gather_object(random_states, mine)
        return {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict(),
                "random": random_states}

    def load_state(self, state):
        """Go on from there, on another kind of device or with other processes, too.

        Where the state has no random numbers of this process on this device, dropout's are drawn
        from the seed and the step.
        """
        self.model.load_state_dict(state["model"])
        own = [{key: value for key, value in group.items() if key != "params"}
               for group in self.optimizer.param_groups]
        self.optimizer.load_state_dict(state["optimizer"])
        for group, options in zip(self.optimizer.param_groups, own):
            group.update(options)  # fused, capturable: what this device wants
        for weight, moments in self.optimizer.state.items():
            on = weight.device if self.device.type == "cuda" else "cpu"
            moments["step"] = moments["step"].to(on)
        states = state["random"]
        kind = "cuda" if self.device.type == "cuda" else "cpu"
        if len(states) != self.world or kind not in states[self.rank]:
            torch.manual_seed((self.args.seed + self.rank) * 1_000_003 + state["step"])
            return
        torch.set_rng_state(states[self.rank]["cpu"])
        if kind == "cuda":
            torch.cuda.set_rng_state(states[self.rank]["cuda"], self.device)


def parts_to_evaluate(data, block_size):
    """Return (validation, test or None) as (inputs, targets)."""
    if data.documents():
        return data.valid, data.test
    test = None if data.test is None else tasks.blocks(data.test, block_size)
    return tasks.blocks(data.valid, block_size), test


def train(trainer, data, args, progress=None, saved=None, keep=None):
    """Train to the end, on from the saved state if there is one; return that state.

    keep(state) is called after each evaluation. ArithmeticError if a loss is no number.
    """
    batches = Batches(data.train, args, trainer.device)
    valid, _ = parts_to_evaluate(data, args.block_size)
    total = total_steps(data, args)
    every = args.eval_every if args.eval_every else (batches.steps if args.epochs else 500)
    tokens_per_step = args.batch * args.block_size
    state = {"step": 0, "seconds": 0.0, "timed": 0, "curve": [], "best": None}
    if saved:
        state = saved
        trainer.load_state(saved)
    clock = None
    since = state["step"]
    for step in range(state["step"], total):
        trainer.step(*batches(step), rate(step, total, args))
        if clock is None and step + 1 - since > WARM_STEPS:
            clock = seconds(trainer.device)
            timed_from = step + 1
        due = (step + 1) % every == 0 or step + 1 == total
        if progress:
            latest = f"validation {perplexity(state['curve'][-1][2]):.4g}" if state["curve"] else ""
            progress.step(f"step {step + 1:,} of {total:,} {latest}")
        if (step + 1) % 100 == 0 and not math.isfinite(trainer.total.item()):
            raise ArithmeticError(f"the loss is no number before step {step + 1}: lower --lr, or "
                                  "warm up longer")
        if not due:
            continue
        if clock is not None:
            state["seconds"] += seconds(trainer.device) - clock
            state["timed"] += (step + 1 - timed_from) * tokens_per_step
        loss = trainer.mean_loss(step + 1 - since)
        nats, accuracy = trainer.evaluate(valid)
        if not math.isfinite(nats) or not math.isfinite(loss):
            raise ArithmeticError(f"the loss is no number at step {step + 1}: lower --lr, or "
                                  "warm up longer")
        state["curve"].append([step + 1, loss, nats, accuracy])
        state["step"] = since = step + 1
        state.update(trainer.state())
        if state["best"] is None or nats < state["best"]["nats"]:
            weights = {name: w.clone() for name, w in state["model"].items()}
            state["best"] = {"step": step + 1, "nats": nats, "model": weights}
        if keep:
            keep(state)
        clock = seconds(trainer.device)
        timed_from = step + 1
    return state


def total_steps(data, args):
    """Return how many steps a run takes."""
    if args.steps:
        return args.steps
    return args.epochs * Batches(data.train, args, "cpu").steps


def perplexity(nats):
    """Return e to the mean loss: the number of tokens that chance would choose from."""
    return math.exp(min(nats, 700))


def seconds(device):
    """Return a clock's seconds once the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def result(state, trainer, data, args):
    """Return what a run found, as a dictionary of plain numbers and words.

    The test is of the weights with the lowest validation loss.
    """
    config = trainer.model.config._asdict()
    nats = [point[2] for point in state["curve"]]
    found = {"setting": args.setting, "name": args.name, "seed": args.seed, "lr": args.lr,
             "weights": trainer.model.size(), "unit": data.unit, "steps": state["step"],
             "best_step": state["best"]["step"], "best": min(nats), "last": nats[-1],
             "tokens_per_second": state["timed"] / state["seconds"] if state["timed"] else None,
             "curve": state["curve"], "config": config,
             "options": {name: getattr(args, name) for name in RUN_OPTIONS if name not in FILES},
             "files": [os.path.basename(getattr(args, name)) for name in FILES
                       if getattr(args, name)],
             "precision": args.precision, "compiled": args.compile, "processes": trainer.world,
             "device": device_name(trainer.device), "torch": torch.__version__}
    _, part = parts_to_evaluate(data, args.block_size)
    if part is not None:
        last = {name: w.clone() for name, w in trainer.model.state_dict().items()}
        trainer.model.load_state_dict(state["best"]["model"])
        found["test"], found["test_accuracy"] = trainer.evaluate(part)
        trainer.model.load_state_dict(last)
    return found


def device_name(device):
    """Return the GPU's name, or "CPU"."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"


@torch.no_grad()
def sample(model, vocab, number, length, documents, temperature, generator, first=None):
    """Return texts drawn token by token: documents up to their end, else so many tokens.

    Past the block's end the last tokens that fit are read anew each time.
    """
    device = model.wte.device
    model.eval()
    tokens = torch.full((number, 1), len(vocab) if documents else first, device=device)
    states = writing.begin(model, number)
    for place in range(length):
        if place < model.config.block_size:
            scores = writing.step(model, tokens[:, -1], place, states)
        else:
            scores = model(tokens[:, -model.config.block_size:])[:, -1]
        scores = scores.float() / temperature
        drawn = torch.multinomial(scores.softmax(-1).cpu(), 1, generator=generator)
        tokens = torch.cat([tokens, drawn.to(device)], 1)
        if documents and (tokens[:, 1:] == len(vocab)).any(1).all():
            break
    texts = []
    for row in tokens.tolist():
        row = row[1:]
        if len(vocab) in row:
            row = row[:row.index(len(vocab))]
        texts.append([vocab[token] for token in row])
    return texts
