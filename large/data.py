"""The tasks: files or generated strings in, token numbers out.

names     lines of a file (default: input.txt), each a document of characters
brackets  balanced brackets, generated, each string a document
text      running text, of characters or of words; perplexity is per token of that kind
pairs     pairs of sentences in SNLI's own format, each a document: premise / hypothesis = label
"""
import json
import random
import re
import zlib
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import torch

import tasks

PATTERN = r"\w+(?:[’']\w+)*|[^\w\s]|\n"  # words, an apostrophe within; single signs; line ends
UNKNOWN = "<unk>"
LINE_END = "<eos>"
LABELS = ("entailment", "neutral", "contradiction")
LABEL_TOKENS = [f"= {label}" for label in LABELS]  # no word has a blank in it


class Data(NamedTuple):
    """A task's tokens. Each part is a tensor of numbers, or a pair (inputs, targets) of documents.

    The inputs and targets of documents are (number, L), targets of -100 having no loss.
    """

    vocab: list  # the symbols; in documents one more number stands for their beginning and end
    unit: str  # what a token is
    train: object
    valid: object
    test: object  # None where there is none
    notes: str  # what was left out, in words
    trained_on: tuple = ()  # of documents: their checksum, (seed of the shuffle, how many)

    def documents(self):
        """Tell whether the parts are documents, not running text."""
        return isinstance(self.train, tuple)

    def vocab_size(self):
        """Return the number of different tokens."""
        return len(self.vocab) + self.documents()


def load(args, kept=None):
    """Return the task's data. ValueError or OSError, in one line, where that can't be.

    kept: a model that was kept in a file (exchange.Kept), to go on with. It brings its vocabulary,
    and what it was trained on is not held out.
    """
    if args.task == "text":
        return load_text(args)
    if args.task == "pairs":
        return load_pairs(args)
    if args.task == "brackets":
        docs = tasks.distinct_strings(args.documents, random.Random(args.seed))
    else:
        docs = tasks.documents(read(args.data or tasks.INPUT))
    if len(docs) < 10:
        raise ValueError(f"{len(docs)} documents: at least ten are needed, a tenth for validation")
    checksum = str(zlib.crc32(json.dumps(docs).encode()))  # as the scalar files have it
    seed, known = kept.trained_on.get(checksum, (args.seed, 0)) if kept else (args.seed, 0)
    if args.task == "names":
        random.Random(seed).shuffle(docs)
    vocab = kept.vocab if kept else sorted(set("".join(docs)))
    unknown = set("".join(docs)) - set(vocab)
    if unknown:
        raise ValueError(f"the model has no symbol {min(unknown)!r}")
    number = {symbol: n for n, symbol in enumerate(vocab)}
    docs = [[number[symbol] for symbol in doc] for doc in docs]
    n_valid = min(200, len(docs) // 10)
    n_train = len(docs) - n_valid
    if not args.epochs:
        n_train = min(n_train, max(args.steps * args.batch, known))
    train = docs[:max(1, n_train)]
    valid = docs[n_train:n_train + n_valid]
    return Data(vocab, "character", pad(train, len(vocab), args.block_size),
                pad(valid, len(vocab), args.block_size), None, "", (checksum, (seed, n_train)))


def read(path):
    """Return a UTF-8 text. ValueError if it is none, or empty."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: no UTF-8 text") from error
    if not text.strip():
        raise ValueError(f"{path}: there is no text in it")
    return text


def pad(docs, ends, block_size, only_last=False):
    """Return documents as (inputs, targets), both (number, L), cut to the block, after `ends`.

    Each begins with the token `ends`, and ends with it where the block has room. only_last: the
    last token of a document alone has a loss, and no end comes after it.
    """
    docs = [[ends, *doc] if only_last else [ends, *doc, ends] for doc in docs]
    length = min(block_size, max([len(doc) for doc in docs]) - 1)
    inputs = torch.full((len(docs), length), ends)
    targets = torch.full((len(docs), length), -100)
    for row, doc in enumerate(docs):
        doc = torch.tensor(doc[:length + 1])
        inputs[row, :len(doc) - 1] = doc[:-1]
        targets[row, :len(doc) - 1] = doc[1:]
        if only_last:
            targets[row, :len(doc) - 2] = -100
    return inputs, targets


# ---- running text --------------------------------------------------------------------------------
def split_text(text, words):
    """Return the text's tokens: characters, or words as `words` says.

    words: None for characters; "blanks" for tokens between blanks, each line's end being one more,
    blank lines' too (so WikiText-2 and PTB are counted); else a regular expression, of which each
    whole match is a token.
    """
    if words is None:
        return list(text)
    if words == "blanks":
        lines = text.split("\n")
        if not lines[-1]:
            lines.pop()  # the end of the last line, no line of its own
        return [token for line in lines for token in [*line.split(), LINE_END]]
    return [match.group() for match in re.finditer(words, text) if match.group()]


def load_text(args):
    """Return running text. Without --valid the last tenth of --data is for validation."""
    if args.data is None:
        raise ValueError("--task text needs --data")
    train = split_text(read(args.data), args.words)
    notes = ""
    if args.valid:
        valid = split_text(read(args.valid), args.words)
    else:
        cut = len(train) * 9 // 10
        valid = train[cut:]
        train = train[:cut]
    test = split_text(read(args.test), args.words) if args.test else None
    counts = Counter(train)
    vocab = sorted([token for token, count in counts.items() if count >= args.min_count])
    if UNKNOWN not in vocab:
        vocab.append(UNKNOWN)
    number = {token: n for n, token in enumerate(vocab)}
    parts = []
    for name, tokens in ("--data", train), ("--valid", valid), ("--test", test):
        if tokens is None:
            parts.append(None)
            continue
        if len(tokens) < 2 * args.block_size + 1:
            raise ValueError(f"{name}: {len(tokens)} tokens are too few for --block-size "
                             f"{args.block_size}: at least {2 * args.block_size + 1} are needed")
        parts.append(torch.tensor([number.get(token, number[UNKNOWN]) for token in tokens]))
        unknown = (parts[-1] == number[UNKNOWN]).double().mean().item()
        notes += f"{name} {len(tokens):,} tokens, {100 * unknown:.2f} % unknown; "
    unit = "character" if args.words is None else "word"
    return Data(vocab, unit, *parts, notes[:-2])


def blocks(tokens, block_size, start=0):
    """Return consecutive blocks of running text as (inputs, targets), both (number, L)."""
    number = (len(tokens) - 1 - start) // block_size
    end = start + number * block_size
    inputs = tokens[start:end].view(number, block_size)
    targets = tokens[start + 1:end + 1].view(number, block_size)
    return inputs, targets


# ---- pairs of sentences --------------------------------------------------------------------------
def read_pairs(path, words):
    """Return (documents, number left out) of a file in SNLI's format, a JSON a line.

    A document is a list of words: premise / hypothesis = label, the label one of LABEL_TOKENS. A
    gold_label of "-" stands for raters who did not agree; such pairs are left out, as in the
    published figures.
    """
    docs = []
    left_out = 0
    for n, line in enumerate(read(path).split("\n"), 1):
        if not line.strip():
            continue
        try:
            pair = json.loads(line)
            sentences = pair["sentence1"], pair["sentence2"]
            label = pair["gold_label"]
            if not all([isinstance(text, str) for text in (*sentences, label)]):
                raise TypeError
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path}, line {n}: no pair of sentences in SNLI's format") from error
        if label not in LABELS:
            left_out += 1
            continue
        premise, hypothesis = [split_text(text.lower(), words) for text in sentences]
        docs.append([*premise, "/", *hypothesis, "=", LABEL_TOKENS[LABELS.index(label)]])
    return docs, left_out


def load_pairs(args):
    """Return pairs of sentences as documents whose last token is the label."""
    if args.data is None:
        raise ValueError("--task pairs needs --data")
    words = args.words if args.words else PATTERN
    found = {"--data": read_pairs(args.data, words)}
    for name in "valid", "test":
        if getattr(args, name):
            found[f"--{name}"] = read_pairs(getattr(args, name), words)
    if "--valid" not in found:
        docs, left_out = found["--data"]
        cut = len(docs) * 9 // 10
        found["--data"] = docs[:cut], left_out
        found["--valid"] = docs[cut:], 0
    fixed = [*LABEL_TOKENS, UNKNOWN, "/", "="]
    counts = Counter([word for doc in found["--data"][0] for word in doc if word not in fixed])
    vocab = fixed + sorted([word for word, count in counts.items() if count >= args.min_count])
    number = {word: n for n, word in enumerate(vocab)}
    parts = {"--test": None}
    notes = ""
    for name, (docs, left_out) in found.items():
        rows = [[number.get(word, number[UNKNOWN]) for word in doc] for doc in docs]
        short = [row for row in rows if len(row) <= args.block_size]
        if not short:
            raise ValueError(f"{name}: no labelled pair of at most {args.block_size} words")
        notes += (f"{name} {len(short):,} pairs, left out: {left_out} without a label, "
                  f"{len(rows) - len(short)} longer than the block; ")
        if name == "--data":
            random.Random(args.seed).shuffle(short)
        parts[name] = pad(short, len(vocab), args.block_size, only_last=args.loss == "label")
    return Data(vocab, "label" if args.loss == "label" else "word", parts["--data"],
                parts["--valid"], parts["--test"], notes[:-2])
