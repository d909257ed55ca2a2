"""Regenerate the outputs in README.md: python3 -m tests.readme [PART OF A COMMAND [FILE]]

A generated block in README.md is a line <!-- output of: COMMAND -->, a fenced text and a line
<!-- end, code ... -->. `COMMAND | to TEXT` keeps the lines before the first that starts with TEXT.
Without an argument every command is run again, with one only those that contain it; FILE holds an
output that a long run has written already. The code in the last line is a digest of the program
that made the output; test_readme.py compares it with the program as it is now.
"""
import ast
import hashlib
import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
BLOCK = re.compile(r"<!-- output of: (.+?)(?: \| to (.+?))? -->\n```text\n(.*?)```\n"
                   r"<!-- end, code (\w*) -->", re.DOTALL)


def blocks(text):
    """Return [(command, text at which it is cut or "", output, digest)] of the blocks."""
    return BLOCK.findall(text)


def script(command):
    """Return the path of the program that a command runs, in words from python3 on."""
    words = shlex.split(command)
    return ROOT.joinpath(*words[2].split(".")).with_suffix(".py") if words[1] == "-m" \
        else ROOT / words[1]


def sources(path, found=()):
    """Return the project's files that a program is made of, the program first."""
    found = [*found, path]
    names = re.findall(r"^(?:import|from) (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    if path.parent != ROOT:
        names += ["micro_gpt", "micro_grassmann_clean"]  # what programs in tests/ look at
    for name in names:
        other = ROOT / f"{name}.py"
        if other.exists() and other not in found:
            found = sources(other, found)
    return found


def digest(command):
    """Return eight letters that change with the code of a command, not with its commentary."""
    code = hashlib.sha256()
    for path in sorted(sources(script(command))):
        text = path.read_text(encoding="utf-8")
        lines = text.split("\n")
        for node in ast.walk(ast.parse(text)):
            first = (getattr(node, "body", None) or [None])[0] if not isinstance(
                node, (ast.Lambda, ast.IfExp)) else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                lines[first.lineno - 1:first.end_lineno] = [""] * (
                    first.end_lineno - first.lineno + 1)  # a docstring
        code.update("\n".join([line for line in lines if line.strip()
                               and not line.lstrip().startswith("#")]).encode())
    return code.hexdigest()[:8]


def output(command):
    """Return what the command prints, run in the project folder with this Python."""
    words = [sys.executable, *shlex.split(command)[1:]]
    done = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, check=True, encoding="utf-8")
    return done.stdout


def cut(text, stop):
    """Return the lines before the first that starts with stop, blank ones at the end left out."""
    lines = text.split("\n")
    for n, line in enumerate(lines):
        if stop and line.startswith(stop):
            lines = lines[:n]
            break
    return "\n".join(lines).rstrip() + "\n"


def main():
    """Run the commands and write their outputs into README.md."""
    wanted, *file = sys.argv[1:] or [""]

    def renewed(block):
        command, stop = block[1], block[2] or ""
        if wanted not in command:
            return block[0]
        print(command, flush=True)
        text = Path(file[0]).read_text(encoding="utf-8") if file else output(command)
        head = f"{command} | to {stop}" if stop else command
        return (f"<!-- output of: {head} -->\n```text\n{cut(text, stop)}```\n"
                f"<!-- end, code {digest(command)} -->")
    text = README.read_text(encoding="utf-8")
    if not any(wanted in command for command, *_ in blocks(text)):
        sys.exit(print(f"no command in README.md contains {wanted!r}", file=sys.stderr) or 2)
    README.write_text(BLOCK.sub(renewed, text), encoding="utf-8")


if __name__ == "__main__":
    main()
