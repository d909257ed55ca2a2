"""What must a layer keep of the past? A lesson in pages of one screen, from letters to planes.

Run:        python3 tutorial.py               Space or Enter go on, b goes back, q quits
Quiz:       python3 tutorial.py --quiz        the pages' questions with fresh numbers
Worksheet:  python3 tutorial.py --worksheet   the same to print, as text or HTML, with its key
Next:       micro_grassmann.py, the same model explained line by line

The numbers are computed while you read, nearly all by the functions of the model files.
"""
import argparse
import html
import math
import os
import random
import sys

sys.path.insert(0, os.path.dirname(__file__))  # python -P and -I leave this folder out

import show
import tutorial_lab as lab
import tutorial_pages as pages

# ---- questions: judged, in the quiz and on the worksheet ---------------------------------------


def questions(seed):
    """Return the questions of a seed."""
    rng = random.Random(seed)
    return [ask(rng) for ask in pages.QUIZ]


def understood(text, question):
    """Return the reply as a number or a set of positions; ValueError if it is neither."""
    if isinstance(question.answer, set):
        return {int(word) for word in text.replace(",", " ").split()}
    words = text.replace(",", ".").split()
    if len(words) != 1:
        raise ValueError(text)
    top, slash, bottom = words[0].partition("/")
    number = float(top) / float(bottom) if slash else float(top)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def judged(reply, question):
    """Return (whether the reply is right, what to say of it): near or far, and by how much."""
    answer = question.answer
    if isinstance(answer, set):
        if reply == answer:
            return True, "Right."
        return False, f"{len(reply & answer)} of {len(answer)} found, {len(reply - answer)} wrong."
    gap = reply - answer
    if abs(gap) <= 0.5001 * 10 ** -question.digits:
        return True, "Right."
    near = abs(gap) <= 0.1 * max(abs(answer), 1)
    by = pages.plain(abs(gap), max(1, question.digits))
    return False, f"{'Near' if near else 'Far'}: {by} too {'high' if gap > 0 else 'low'}."


def answer_text(question):
    """Return the answer as a reader would type it."""
    if isinstance(question.answer, set):
        return " ".join(map(str, sorted(question.answer, reverse=True)))
    return pages.plain(question.answer, question.digits)


def question_text(question):
    """Return the question with the number of decimals that its answer needs."""
    decimals = {0: "", 1: " (1 decimal)"}.get(question.digits, f" ({question.digits} decimals)")
    return question.text + decimals


def put(question):
    """Ask until the reply can be understood; judge it. Return right, wrong, shown, "b" or "q"."""
    while True:
        text = show.typed("Your answer, then Enter (Enter alone shows it; b back, q quit): ")
        if text in ("b", "q"):
            return text
        verdict, remark = "shown", ""
        if text:
            try:
                right, remark = judged(understood(text, question), question)
            except (ValueError, ZeroDivisionError):
                print("Please type a number, like 3, -0.25 or 1/4, or positions, like 5 3 0.")
                continue
            verdict = "right" if right else "wrong"
        if verdict != "right":
            remark = f"{remark} The answer is {answer_text(question)}."
        print(show.wrapped(f"{remark} {question.worked}.".strip()))
        return verdict


def quiz(seed):
    """Ask all questions with fresh numbers, and give a score."""
    asked = questions(seed)
    print(show.bold(f"{len(asked)} questions, seed {seed}"))
    print(show.wrapped("Answer with a number, like 3, -0.25 or 1/4, or with positions, like "
                        "5 3 0. q ends the quiz."))
    verdicts = []
    for n, question in enumerate(asked, 1):
        print()
        print(show.wrapped(f"{n}. {question_text(question)}"))
        verdict = put(question)
        if verdict == "q":
            break
        verdicts.append(verdict)
    print(f"\nScore: {verdicts.count('right')} of {len(verdicts)}.")
    print(f"The same questions again: python3 tutorial.py --quiz --seed {seed}")


# ---- the worksheet -------------------------------------------------------------------------------

SHEET = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>microGrassmann worksheet</title><style>
@page {{ size: A4; margin: 18mm }}
body {{ font: 11pt/1.4 Georgia, serif; max-width: 174mm; margin: auto }}
li {{ margin-bottom: 5.5mm }}
h1 {{ font-size: 15pt }}
.blank {{ border-bottom: 1px solid; display: block; height: 7mm }}
.key {{ break-before: page }}
.key li {{ margin-bottom: 1mm }}
</style></head><body>
<h1>microGrassmann: worksheet {seed}</h1><p>Name ______________________ Date ____________</p>
<ol>{blanks}</ol>
<div class="key"><h1>Key to worksheet {seed}</h1><ol>{key}</ol></div>
</body></html>
"""


def worksheet(seed, kind):
    """Return the questions of a seed with blanks and, apart, their key, as text or HTML."""
    asked = questions(seed)
    if kind == "html":
        blanks = [f"<li>{html.escape(question_text(q))}<span class=\"blank\"></span></li>"
                  for q in asked]
        key = [f"<li><b>{html.escape(answer_text(q))}</b> &nbsp; {html.escape(q.worked)}</li>"
               for q in asked]
        return SHEET.format(seed=seed, blanks="\n".join(blanks), key="\n".join(key))
    lines = [f"microGrassmann: worksheet {seed}", "Name ______________________ Date ____________"]
    for n, question in enumerate(asked, 1):
        lines += ["", show.wrapped(f"{n}. {question_text(question)}"), "", "   " + "_" * 60]
    lines += ["\f", f"Key to worksheet {seed}", ""]
    for n, question in enumerate(asked, 1):
        lines.append(show.wrapped(f"{n}. {answer_text(question)}: {question.worked}"))
    return "\n".join(lines)


# ---- the pager -----------------------------------------------------------------------------------


def page_lines(number):
    """Return the lines of a page, its title first, and its question, or None."""
    title, make, ask = pages.PAGES[number - 1]
    page = make()
    lines = [f"{number}/{len(pages.PAGES)}  {title}"]
    for paragraph in (*page.paragraphs, page.shown):
        lines += show.wrapped(paragraph).split("\n")
        lines.append("")
    return lines[:-1], ask(random.Random(number)) if ask else None


KEYS = "Space or Enter: on   b: back   q: quit "


def show_page(number, pause):
    """Print a page and its question; with a pause, return what the reader wants next."""
    lines, question = page_lines(number)
    print("\n".join([show.bold(lines[0]), *lines[1:]]), flush=True)
    if question:
        print(show.wrapped(f"? {question_text(question)}"))
        if not pause:
            print(show.wrapped(f"The answer is {answer_text(question)}. {question.worked}."))
        else:
            wish = put(question)
            if wish in ("b", "q"):
                return wish
    return show.key(KEYS) if pause else ""


def lesson(numbers, pause):
    """Show the pages, at the reader's own pace if pause is set, else straight through."""
    number = numbers[0]
    while number in numbers:
        wish = show_page(number, pause)
        if wish == "q":
            return
        number = max(numbers[0], number - 1) if wish == "b" else number + 1
        print()


def page_number(text):
    """Return the number of a page, for argparse."""
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= len(pages.PAGES)):
        raise argparse.ArgumentTypeError(f"there is no page {text!r}, only 1 to {len(pages.PAGES)}")
    return int(text)


def main(argv=None):
    """Read the options; run the lesson or the quiz, or print the worksheet."""
    parser = show.Parser(description=f"Learn how both models work, in {len(pages.PAGES)} pages.",
                         allow_abbrev=False)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--page", type=page_number, metavar="N", help="show page N alone")
    what.add_argument("--list", action="store_true", help="list the pages")
    what.add_argument("--quiz", action="store_true", help="ask the questions with fresh numbers")
    what.add_argument("--worksheet", nargs="?", const="text", choices=("text", "html"),
                      help="print the questions with blanks, and their key (default text)")
    parser.add_argument("--seed", type=show.whole_numbers(0), metavar="N",
                        help="seed of quiz and worksheet (default: another one each time; 1)")
    parser.add_argument("--no-pause", action="store_true", help="print straight through")
    args = parser.parse_args(argv)
    if hasattr(sys.stdin, "reconfigure"):
        sys.stdin.reconfigure(errors="replace")
    if args.seed is not None and not (args.quiz or args.worksheet):
        parser.error("--seed is for --quiz and --worksheet")
    if args.list:
        print("\n".join(f"{n:2}  {title}" for n, (title, _, _) in enumerate(pages.PAGES, 1)))
    elif args.quiz:
        quiz(random.randrange(10000) if args.seed is None else args.seed)
    elif args.worksheet:
        print(worksheet(1 if args.seed is None else args.seed, args.worksheet))
    else:
        try:
            lab.names()
        except (OSError, ValueError) as error:
            parser.error(f"input.txt: {error}")
        numbers = [args.page] if args.page else range(1, len(pages.PAGES) + 1)
        pause = sys.stdout is not None and sys.stdout.isatty() and not args.no_pause
        lesson(numbers, pause)


if __name__ == "__main__":
    show.run_program(main)
