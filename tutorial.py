"""What must a layer keep of the past? A lesson of fifteen pages, from letters to planes and beyond.

Run:        python3 tutorial.py               Space: next, b: back, m: more on this, q: quit
A page:     python3 tutorial.py --page 5      --list names them all; --all goes through everything
Quiz:       python3 tutorial.py --quiz        the pages' questions with fresh numbers
In class:   python3 tutorial.py --worksheet, --slides, --notebook       (TEACHING.md)
Next:       micro_grassmann.py, the same model explained line by line

The numbers are computed while you read, nearly all by the functions of the model files. The pages'
text is in tutorial_pages.py, what is computed and asked is in tutorial_lab.py; here it is shown.
"""
import argparse
import html
import json
import os
import random
import sys

sys.path.insert(0, os.path.dirname(__file__))  # python -P and -I leave this folder out

import show
import tutorial_lab as lab
from tutorial_pages import PAGES, SPINE

# ---- the parts of a page -------------------------------------------------------------------------


def title_of(name):
    """Return a page's title with its number."""
    of_all = f"/{len(SPINE)}" if name.isdecimal() else ""
    return f"{name}{of_all}  {PAGES[name].title}"


def laid_out(paragraphs):
    """Return paragraphs as lines, an empty one between two of them."""
    return "\n\n".join(map(show.wrapped, paragraphs)).split("\n")


def first_half(name, page):
    """Return the lines of a page up to its question, the question last."""
    lines = [title_of(name), *laid_out(page.before)]
    if page.question:
        lines += ["", *asked(page.question)]
    return lines


def second_half(page):
    """Return the lines of a page that follow the answer."""
    return laid_out((*page.after, page.shown))


def asked(question, number=""):
    """Return the lines of a question."""
    lines = lab.question_lines(question)
    place = next(n for n, line in enumerate(lines) if not line.startswith(" "))
    lines[place] = f"{number or '?'} {lines[place]}"
    return "\n".join(map(show.wrapped, lines)).split("\n")


# ---- asking --------------------------------------------------------------------------------------


def verdict_on(text, question):
    """Return right, wrong or guessed, and what to say; ValueError if the text is no answer."""
    right, remark = lab.judged(lab.understood(text, question), question)
    if right:
        return "right", f"{remark} {question.worked}."
    return "guessed" if right is None else "wrong", f"{remark} {lab.solution(question)}"


def put(question, pause=True, leave=("b", "q")):
    """Ask until the reply can be understood; judge it. Return right, wrong, shown or what leaves.

    leave: what the reader may type instead, "b" for back and "q" for quit. Without a pause, show
    the answer at once.
    """
    words = ", ".join([{"b": "b back", "q": "q quit"}[letter] for letter in leave])
    prompt = f"Your answer, then Enter (Enter alone shows it; {words}): "
    while True:
        text = show.typed(prompt) if pause else ""
        if text in leave:
            return text
        if not text:
            print(show.wrapped(lab.solution(question)))
            return "shown"
        try:
            verdict, words = verdict_on(text, question)
        except (ValueError, ZeroDivisionError):
            print(f"Please type {lab.asked_types(question)}.")
            continue
        print(show.wrapped(words))
        return verdict


def quiz(seed):
    """Ask all questions with fresh numbers, and give a score."""
    every = lab.questions(seed)
    print(show.bold(f"{len(every)} questions, seed {seed}"))
    print("Enter alone shows the answer, q ends the quiz.")
    verdicts = []
    for n, question in enumerate(every, 1):
        print("\n" + "\n".join(asked(question, f"{n}.")))
        verdict = put(question, leave=("q",))
        if verdict == "q":
            break
        verdicts.append(verdict)
    print(f"\nScore: {verdicts.count('right')} of {len(verdicts)}.")
    print(f"The same questions again: python3 tutorial.py --quiz --seed {seed}")


# ---- the pager -----------------------------------------------------------------------------------


def show_page(name, pause):
    """Print a page; with a pause, let the reader answer, and return what is wanted next."""
    page = PAGES[name].make()
    title, *lines = first_half(name, page)
    print(show.bold(title), *lines, sep="\n", flush=True)
    if page.question:
        wish = put(page.question, pause)
        if wish in ("b", "q"):
            return wish
    print("", *second_half(page), sep="\n", flush=True)
    return ask_practice(name, pause)


def ask_practice(name, pause):
    """Ask what a page lets the reader practise; return what is wanted next."""
    ask = PAGES[name].practice
    if ask:
        question = ask(random.Random(name))
        print("", *asked(question), sep="\n")
        wish = put(question, pause)
        if wish in ("b", "q"):
            return wish
    trips = PAGES[name].trips
    if not pause:
        if trips:
            print(show.wrapped(f"\nMore on this: --page {' or '.join(trips)}"))
        return ""
    more = f"m: more on this ({len(trips)})   " if trips else ""
    return show.key(f"Space or Enter: next   {more}b: back   q: quit ", "bqm")


def lesson(names, pause):
    """Show the pages, at the reader's own pace if pause is set, else straight through."""
    place = 0
    while place < len(names):
        name = names[place]
        wish = show_page(name, pause)
        print()
        while wish == "m" and PAGES[name].trips:
            wish = side_trips(name)
        if wish == "q":
            return
        place = max(0, place - 1) if wish == "b" else place + 1


def side_trips(name):
    """Show the side trips of a page, then ask on that page again; return what is wanted."""
    for trip in PAGES[name].trips:
        wish = show_page(trip, True)
        print()
        if wish == "q":
            return "q"
        if wish == "b":
            break
    print(f"Back on page {title_of(name)}")
    return show.key("Space or Enter: next   m: more again   b: back   q: quit ", "bqm")


def listing():
    """Return all pages with what each one explains."""
    rows = []
    for name, entry in PAGES.items():
        indent = "" if name.isdecimal() else "    "
        rows.append(f"{indent}{name:>2}  {entry.title}")
        if entry.says:
            rows[-1] += f"  ({', '.join(entry.says)})"
    return "\n".join(row if len(row) < 80 else f"{row[:76]}..." for row in rows)


# ---- for a class: worksheet, slides, notebook ----------------------------------------------------

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
    every = lab.questions(seed)
    if kind == "html":
        blanks = ["<li>" + "<br>".join(html.escape(line) for line in lab.question_lines(q))
                  + "<span class=\"blank\"></span></li>" for q in every]
        key = [f"<li><b>{html.escape(lab.answer_text(q))}</b> &nbsp; {html.escape(q.worked)}</li>"
               for q in every]
        return SHEET.format(seed=seed, blanks="\n".join(blanks), key="\n".join(key))
    lines = [f"microGrassmann: worksheet {seed}", "Name ______________________ Date ____________"]
    for n, question in enumerate(every, 1):
        lines += ["", *asked(question, f"{n}."), "", "   " + "_" * 60]
    lines += ["\f", f"Key to worksheet {seed}", ""]
    for n, question in enumerate(every, 1):
        lines.append(show.wrapped(f"{n}. {lab.answer_text(question)}: {question.worked}"))
    return "\n".join(lines)


SLIDES = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>microGrassmann</title><style>
@page {{ size: 320mm 180mm; margin: 0 }}
body {{ margin: 0; background: #fff; color: #222; font: 1.75vw/1.4 Helvetica, Arial, sans-serif }}
section {{ box-sizing: border-box; width: 100vw; height: 100vh; padding: 2.5vw 8vw; display: none;
  overflow: auto }}
section.now {{ display: block }}
h1 {{ font-size: 2.3vw; margin: 0 0 1vw }}
p {{ margin: .6vw 0 }}
pre {{ font: 1.45vw/1.3 Menlo, Consolas, "DejaVu Sans Mono", monospace; margin: .7vw 0 }}
.question {{ border-left: .4vw solid #c2410c; padding-left: 1vw }}
.shown {{ font-weight: bold }}
aside {{ display: none; position: fixed; bottom: 0; left: 0; right: 0; padding: 1vw 8vw;
  background: #ffe; border-top: 1px solid #999; font-size: 1.3vw }}
.notes section.now aside {{ display: block }}
@media print {{
  section, section.now {{ display: block; break-after: page; overflow: hidden; height: 179mm;
    position: relative }}
  .notes aside, .notes section.now aside {{ display: block; position: absolute }}
}}
</style></head><body>
{slides}
<script>
const all = [...document.querySelectorAll("section")];
let now = Math.min(all.length, Math.max(1, parseInt(location.hash.slice(1)) || 1)) - 1;
function go(to) {{
  all[now].classList.remove("now");
  now = Math.min(all.length - 1, Math.max(0, to));
  all[now].classList.add("now");
  history.replaceState(null, "", "#" + (now + 1));
}}
addEventListener("keydown", event => {{
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (["ArrowRight", "ArrowDown", "PageDown", " "].includes(event.key)) go(now + 1);
  else if (["ArrowLeft", "ArrowUp", "PageUp"].includes(event.key)) go(now - 1);
  else if (event.key === "Home") go(0);
  else if (event.key === "End") go(all.length - 1);
  else if (event.key === "n") document.body.classList.toggle("notes");
  else return;
  event.preventDefault();
}});
addEventListener("click", () => go(now + 1));
go(now);
</script></body></html>
"""


def as_html(paragraphs):
    """Return paragraphs as HTML, those that are laid out already in a fixed pitch."""
    out = []
    for text in paragraphs:
        laid = text.startswith(" ") or "\n" in text
        text = html.escape(text.replace("\u00a0", " "))
        out.append(f"<pre>{text}</pre>" if laid else f"<p>{text}</p>")
    return "\n".join(out)


def slides():
    """Return the spine as one HTML page of slides: each page's question, then its answer."""
    out = []
    for name, entry in PAGES.items():
        if not name.isdecimal():
            continue
        page = entry.make()
        trips = ", ".join(f"{trip} {PAGES[trip].title}" for trip in entry.trips)
        notes = f"{entry.notes} {f'More: {trips}.' if trips else ''}"
        question = "\n".join(as_html([line]) for line in lab.question_lines(page.question))
        for parts in ((as_html(page.before), f'<div class="question">{question}</div>',
                       f"<aside>{html.escape(notes)} (n hides and shows notes.)</aside>"),
                      (f'<div class="question">{as_html([lab.solution(page.question)])}</div>',
                       as_html(page.after), f'<p class="shown">{html.escape(page.shown)}</p>',
                       f"<aside>{html.escape(notes)}</aside>")):
            out.append(f"<section><h1>{html.escape(title_of(name))}</h1>\n{''.join(parts)}"
                       "</section>")
    return SLIDES.format(slides="\n".join(out))


def reveal(name, answer=None):
    """Print the verdict on an answer to the question of a page, and the rest of the page.

    For notebooks; answer is a number or a set of positions.
    """
    page = PAGES[str(name)].make()
    if answer is None:
        print(f"Let my_answer be {lab.asked_types(page.question)}, then run this cell again.")
        return
    text = " ".join(map(str, answer)) if isinstance(answer, (set, list, tuple)) else str(answer)
    words = verdict_on(text, page.question)[1]
    print(show.wrapped(words), "", *second_half(page), sep="\n")


def notebook():
    """Return the spine as the JSON text of a Jupyter notebook."""
    cells = [cell("markdown", "# What must a layer keep of the past?\n\nThe lesson of "
                  "`python3 tutorial.py`. Open this notebook in the folder of the project's files. "
                  "Answer each question in its cell, then run the cell."),
             cell("code", "import tutorial")]
    for name, entry in PAGES.items():
        if not name.isdecimal():
            continue
        page = entry.make()
        texts = [f"## {title_of(name)}", *page.before, *lab.question_lines(page.question)]
        cells.append(cell("markdown", "\n\n".join(map(as_markdown, texts))))
        cells.append(cell("code", f"my_answer = None\ntutorial.reveal({name}, my_answer)"))
        if entry.cell:
            cells.append(cell("code", f"# Change it and run it again.\n{entry.cell}"))
    book = {"nbformat": 4, "nbformat_minor": 5, "cells": cells, "metadata": {
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
        "language_info": {"name": "python"}}}
    for n, one in enumerate(cells):
        one["id"] = f"cell-{n}"
    return json.dumps(book, ensure_ascii=False, indent=1)


def as_markdown(text):
    """Return a paragraph for a notebook: what is laid out already as a block of code."""
    if text.startswith(" ") or "\n" in text:
        return f"```text\n{text}\n```"
    if text.startswith("## "):
        return text
    for sign in "\\`*_<":
        text = text.replace(sign, f"\\{sign}")
    return text


def cell(kind, source):
    """Return a cell of a notebook."""
    new = {"cell_type": kind, "metadata": {}, "source": source.splitlines(keepends=True)}
    if kind == "code":
        new.update(execution_count=None, outputs=[])
    return new


# ---- the program ---------------------------------------------------------------------------------


def page_name(text):
    """Return the name of a page, for argparse."""
    if text not in PAGES:
        raise argparse.ArgumentTypeError(f"there is no page {text!r}: --list names them")
    return text


def read_options(argv):
    """Return the options."""
    parser = show.Parser(description="What must a layer keep of the past? A lesson of "
                         f"{len(SPINE)} pages.", allow_abbrev=False)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--page", type=page_name, metavar="N", help="show page N alone, such as 5a")
    what.add_argument("--list", action="store_true", help="list the pages, what each explains")
    what.add_argument("--all", action="store_true", help="go through all side trips, too")
    what.add_argument("--quiz", action="store_true", help="ask the questions with fresh numbers")
    what.add_argument("--worksheet", nargs="?", const="text", choices=("text", "html"),
                      help="print the questions with blanks, and their key (default text)")
    what.add_argument("--slides", action="store_true", help="print the lesson as slides, one HTML")
    what.add_argument("--notebook", action="store_true", help="print it as a Jupyter notebook")
    parser.add_argument("--seed", type=show.whole_numbers(0), metavar="N",
                        help="seed of quiz and worksheet (default: another one each time; 1)")
    parser.add_argument("--no-pause", action="store_true", help="print straight through")
    args = parser.parse_args(argv)
    if args.seed is not None and not (args.quiz or args.worksheet):
        parser.error("--seed is for --quiz and --worksheet")
    try:
        lab.names()
    except (OSError, ValueError) as error:
        parser.error(f"input.txt: {error}")
    return args


def main(argv=None):
    """Run the lesson or the quiz, or print what a class needs."""
    args = read_options(argv)
    if hasattr(sys.stdin, "reconfigure"):
        sys.stdin.reconfigure(errors="replace")
    if args.list:
        print(listing())
    elif args.quiz:
        quiz(random.randrange(10000) if args.seed is None else args.seed)
    elif args.worksheet:
        print(worksheet(1 if args.seed is None else args.seed, args.worksheet))
    elif args.slides or args.notebook:
        if sys.stderr is not None and sys.stderr.isatty():
            print("The lesson's numbers are computed first: a minute or two.", file=sys.stderr)
        print(slides() if args.slides else notebook())
    else:
        names = list(PAGES) if args.all else [name for name in PAGES if name.isdecimal()]
        if args.page:
            names = [args.page]
        pause = sys.stdout is not None and sys.stdout.isatty() and not args.no_pause
        lesson(names, pause)


if __name__ == "__main__":
    show.run_program(main)
