"""A rival without a model: tables of the word sequences in the training text (Kneser-Ney).

    python3 -m large.tables --data train.txt --valid valid.txt --test test.txt --words pattern \\
        --min-count 3 --block-size 128 --orders 1,2,3,5

The same words, unknown ones and blocks as large.train reads: in a block nothing is known of the
text before it. Interpolated, with three discounts an order: Chen and Goodman 1999, "An empirical
study of smoothing techniques for language modeling", Computer Speech and Language 13.
"""
import math
import sys

if not __package__:
    print("tables.py: start it as python3 -m large.tables", file=sys.stderr)
    sys.exit(2)

import show

try:
    import torch

    from large import data as tasks
    from large import train as program
except ModuleNotFoundError as error:
    if error.name != "torch":
        raise
    torch = None


class Order:
    """What is known of sequences of k words: of each, its context and its count.

    A sequence is a number. keys: context * V + last word, sorted, so that a sequence is found by
    its place there.
    """

    def __init__(self, keys, counts, V):
        self.keys = keys
        self.counts = counts  # of the sequence, or of the different words seen before it
        context = keys // V
        contexts = int(context.max()) + 1
        self.discounts = discounts(counts)
        self.total = torch.zeros(contexts, dtype=torch.float64)
        self.total.index_add_(0, context, counts.double())
        self.held_back = torch.zeros(contexts, dtype=torch.float64)
        self.held_back.index_add_(0, context, self.discounts[counts.clamp(max=3)])

    def find(self, key):
        """Return the numbers of sequences with these keys, -1 where there is none."""
        place = torch.searchsorted(self.keys, key).clamp(max=len(self.keys) - 1)
        return torch.where((self.keys[place] == key) & (key >= 0), place, -1)


def discounts(counts):
    """Return what is taken off counts of 0, 1, 2, and 3 or more."""
    n = [int((counts == m).sum()) for m in range(5)]
    if not all(n[1:]):
        return torch.tensor([0, 0.5, 0.5, 0.5], dtype=torch.float64)  # a text too small to tell
    y = n[1] / (n[1] + 2 * n[2])
    found = [0.0] + [m - (m + 1) * y * n[m + 1] / n[m] for m in (1, 2, 3)]
    return torch.tensor(found, dtype=torch.float64)


def count(tokens, V, highest):
    """Return [Order] for sequences of 1 .. highest words of a text.

    The longest count how often they occur, the others how many different words came before them.
    """
    sequence = torch.zeros(len(tokens) + 1, dtype=torch.long)  # of no word: number 0
    found = []
    for k in range(1, highest + 1):
        # the k - 1 words before each word are a sequence, which this word makes longer
        keys, number, counts = torch.unique(sequence[:-1] * V + tokens[k - 1:],
                                            return_inverse=True, return_counts=True)
        if found:
            ends = torch.zeros(len(keys), dtype=torch.long)
            ends[number] = sequence[1:]  # the sequence without its first word
            before = torch.bincount(ends, minlength=len(found[-1][0]))
            found[-1] = found[-1][0], before
        found.append((keys, counts))
        sequence = number
    # A sequence at the very start of the text has no word before it: it counts as one that has.
    return [Order(keys, counts.clamp(min=1), V) for keys, counts in found]


def losses(orders, tokens, V):
    """Return the nats of each word but the first of each block: (B, L) -> (B, L - 1).

    From the uniform distribution on, each order mixes its own counts with the one below.
    """
    B, L = tokens.shape
    probability = torch.full((B, L), 1 / V, dtype=torch.float64)
    context = torch.zeros(B, L, dtype=torch.long)  # the words before each: at first, of none
    for order in orders:
        number = order.find(torch.where(context >= 0, context * V + tokens, -1))
        place = context.clamp(0, len(order.total) - 1)
        known = (context == place) & (order.total[place] > 0)
        counts = torch.where(number >= 0, order.counts[number.clamp(min=0)], 0)
        kept = counts - order.discounts[counts.clamp(max=3)]
        mixed = (kept + order.held_back[place] * probability) / order.total[place].clamp(min=1)
        probability = torch.where(known, mixed, probability)
        context = torch.cat([torch.full((B, 1), -1), number[:, :-1]], 1)
    return -probability[:, 1:].log()


def evaluate(orders, part, V):
    """Return the mean nats of blocks (inputs, targets)."""
    inputs, targets = part
    tokens = torch.cat([inputs, targets[:, -1:]], 1)
    return losses(orders, tokens, V).mean().item()


def main(words=None):
    """Read the options of large.train that say what the text is; count; print and save."""
    parser = show.Parser(description="Tables of word sequences.", allow_abbrev=False)
    if torch is None:
        parser.error("PyTorch is not installed: pip install torch numpy")
    program.add_task_options(parser)
    parser.add_argument("--block-size", **program.WHOLE, default=128)
    parser.add_argument("--orders", type=program.offsets, default=(2, 3, 5), help="like 2,3,5")
    parser.add_argument("--json", help="file to which the results are added, a line each")
    parser.add_argument("--setting", default="", help="which block of large.summary's table")
    args = parser.parse_args(words)
    if args.words == "pattern":
        args.words = tasks.PATTERN
    args.task = "text"
    try:
        data = tasks.load(args)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    V = data.vocab_size()
    for highest in args.orders:
        orders = count(data.train, V, highest)
        found = {"setting": args.setting, "name": f"Kneser-Ney, {highest} words", "seed": 0,
                 "lr": 0, "weights": sum([len(order.keys) for order in orders]), "unit": data.unit}
        text = [f"{found['name']}: {found['weights']:,} sequences"]
        parts = {"best": data.valid, "test": data.test}
        for name, part in parts.items():
            if part is not None:
                found[name] = evaluate(orders, tasks.blocks(part, args.block_size), V)
                text.append(f"{'validation' if name == 'best' else name} perplexity "
                            f"{math.exp(found[name]):.2f}")
        found["last"] = found["best"]
        print("; ".join(text), flush=True)
        if args.json:
            program.add_line(args.json, found)


if __name__ == "__main__":
    show.run_program(main)
