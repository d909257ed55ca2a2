"""How both traces begin and print: trace_g.py and trace_alpha_wred.py call it.

There is nothing to run: their command line, the lines they open with, long rows of numbers.
"""
import textwrap
import unicodedata
from pathlib import Path

import micro_grassmann
import show
import tasks

LAYERS = 8  # the layers to choose from are 0 to 7


def options(description, steps):
    """Return a parser with the options that both traces have."""
    parser = show.Parser(description=description, allow_abbrev=False)
    parser.add_argument("word", nargs="?", default=None, metavar="WORD",
                        help="letters that occur in the documents (default emma)")
    parser.add_argument("--data", default=tasks.INPUT, metavar="FILE",
                        help="text file, a document in each line (default input.txt)")
    for name, least, default, text in (
            ("position", 0, None, "which place of the word; 0 is BOS (default: the last letter)"),
            ("layer", 0, 0, "which layer; 0 is the first (default 0)"),
            ("steps", min(1, steps), steps, "training steps (default %(default)s)"),
            ("seed", 0, 42, "the seed of the random numbers (default 42)")):
        parser.add_argument(f"--{name}", type=show.whole_numbers(least), default=default,
                            metavar="K" if name == "position" else "N", help=text)
    return parser


def parse(parser, argv=None):
    """Return the options, with docs, vocab, config and tokens; status 2 if they do not fit."""
    args = parser.parse_args(argv)
    try:
        args.docs = micro_grassmann.load_docs(args.data)
    except (OSError, ValueError) as error:
        parser.error(f"--data {args.data}: {getattr(error, 'strerror', None) or error}")
    args.vocab = micro_grassmann.make_vocab(args.docs)
    args.config = micro_grassmann.Config(len(args.vocab) + 1, n_layer=args.layer + 1)
    longest = args.config.block_size - 1
    if args.word is None:
        args.word = "emma" if set("emma") <= set(args.vocab) else args.docs[0][:longest]
    args.word = "".join([folded(letter, args.vocab) for letter in args.word])
    if not args.word:
        parser.error("WORD is empty: give at least one letter")
    for letter in args.word:
        if letter not in args.vocab:
            parser.error(f"WORD has {letter!r}; {Path(args.data).name} has only "
                         f"{in_ranges(args.vocab)}: other letters need a text with --data FILE")
    if len(args.word) > longest:
        parser.error(f"WORD has {len(args.word)} letters: the model reads {longest} at most")
    if args.position is None:
        args.position = len(args.word)
    if args.position > len(args.word):
        parser.error(f"--position {args.position}: {args.word} has positions 0 to "
                     f"{len(args.word)}")
    if args.layer >= LAYERS:
        parser.error(f"--layer {args.layer}: the layers are 0 to {LAYERS - 1}")
    args.tokens = micro_grassmann.tokenize(args.word, args.vocab)
    args.names = ["BOS", *args.word]
    return args


# Letters that Unicode does not take apart into a plain one and an accent.
PLAIN = {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th",
         "ı": "i", "ħ": "h"}


def folded(letter, vocab):
    """Return a letter as the vocabulary has it: itself, else small, else without its accents."""
    small = letter.lower()
    parts = unicodedata.normalize("NFKD", PLAIN.get(small, small))
    bare = "".join([part for part in parts if not unicodedata.combining(part)])
    for form in (letter, small, bare):
        if set(form) <= set(vocab) and form:
            return form
    return "" if unicodedata.combining(letter) else letter


def in_ranges(symbols):
    """Return symbols as text, neighbours as a range: - ' a to z."""
    ranges = []
    for symbol in sorted(symbols):
        if ranges and ord(symbol) == ord(ranges[-1][1]) + 1:
            ranges[-1][1] = symbol
        else:
            ranges.append([symbol, symbol])
    texts = [low if low == high else f"{low} to {high}" for low, high in ranges[:20]]
    return show.printable(", ".join(texts)) + (", ..." if len(ranges) > 20 else "")


def introduce(args):
    """Return the lines that say which model, which word and which place are shown."""
    names = [f"{t}:{name}" for t, name in enumerate(args.names)]
    state = "fresh random weights"
    if args.steps:
        state = f"trained for {args.steps} step{'s' * (args.steps > 1)}"
    layers = f"{args.config.n_layer} layer{'s' * (args.layer > 0)}"
    places = textwrap.fill(f"Positions of the word: {' '.join(names)}", 79)
    return (f"Model: {layers}, {state}, seed {args.seed}.\n"
            f"{places}\n"
            "BOS, the beginning of sequence, opens each word: it is position 0.\n"
            f"Shown: position t = {args.position} ({args.names[args.position]}), "
            f"layer {args.layer}. Layers count from 0 too.")


def products(row, vector):
    """Return the terms of a dot product, with the numbers filled in."""
    return [f"{show.number(a, 4)}*{show.number(b, 4).strip():7}" for a, b in zip(row, vector)]


def in_columns(label, parts, joint=", ", end=""):
    """Return the parts, joined, behind the label, in columns, on lines of at most 79 columns."""
    parts = [part.rjust(max(map(len, parts))) for part in parts]
    room = 79 - len(label) - max(len(end), len(joint.rstrip())) + len(joint)
    per = max(n for n in (1, 2, 3, 4, 6, 8) if n == 1 or n * (len(parts[0]) + len(joint)) <= room)
    lines = [joint.join(parts[n:n + per]) for n in range(0, len(parts), per)]
    return label + (joint.rstrip() + "\n" + " " * len(label)).join(lines).rstrip() + end
