"""Regenerate the outputs in README.md: python3 -m tests.readme [PART OF A COMMAND]

A generated block in README.md is a line <!-- output of: COMMAND -->, a fenced text and a line
<!-- end -->. Without an argument every command is run again, with one only those that contain it.
"""
import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
BLOCK = re.compile(r"<!-- output of: (.+?) -->\n```text\n(.*?)```\n<!-- end -->", re.DOTALL)


def blocks(text):
    """Return [(command, output)] of the generated blocks."""
    return BLOCK.findall(text)


def output(command):
    """Return what the command prints, run in the project folder with this Python."""
    words = shlex.split(command)
    if words[0] == "python3":
        words[0] = sys.executable
    done = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, check=True, encoding="utf-8")
    return done.stdout.rstrip() + "\n"


def main():
    """Run the commands and write their outputs into README.md."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""

    def renewed(block):
        command = block[1]
        if wanted not in command:
            return block[0]
        print(command, flush=True)
        return f"<!-- output of: {command} -->\n```text\n{output(command)}```\n<!-- end -->"
    text = README.read_text(encoding="utf-8")
    README.write_text(BLOCK.sub(renewed, text), encoding="utf-8")


if __name__ == "__main__":
    main()
