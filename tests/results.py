"""Make RESULTS.md's outputs anew: python3 -m tests.results [PART OF A COMMAND]

An output in RESULTS.md is a line <!-- output of: COMMAND -->, a line that tells Python, date and
duration, and a fenced text. Run it on a quiet machine with nothing else running: the tables
contain times. Without an argument all commands run, one after the other.
"""
import datetime
import platform
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

RESULTS = Path(__file__).resolve().parent.parent / "RESULTS.md"
BLOCK = re.compile(r"<!-- output of: (.+?) -->\n\n(.*?)\n\n```text\n(.*?)```\n", re.DOTALL)


def blocks(text):
    """Return [(command, how it was run, output)] of the outputs in a text."""
    return BLOCK.findall(text)


def run(command):
    """Return how and when the command ran, and its output; CalledProcessError if it fails."""
    words = [sys.executable, *shlex.split(command)[1:]]
    start = time.perf_counter()
    output = subprocess.run(words, cwd=RESULTS.parent, stdout=subprocess.PIPE, check=True,
                            encoding="utf-8").stdout
    minutes = (time.perf_counter() - start) / 60
    return told(datetime.date.today(), minutes), output


def told(date, minutes):
    """Return the line above an output."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{python}, {date.isoformat()}, {minutes:.1f} minutes."


def paste(text, command, how, output):
    """Return the text with this command's output in place of the old one."""
    new = f"<!-- output of: {command} -->\n\n{how}\n\n```text\n{output.strip()}\n```\n"
    return BLOCK.sub(lambda old: new if old[1] == command else old[0], text)


def main():
    """Run the commands that contain the argument, and paste each output at once."""
    part = " ".join(sys.argv[1:])
    for command, _, _ in blocks(RESULTS.read_text(encoding="utf-8")):
        if part in command:
            print(command, flush=True)
            how, output = run(command)
            text = RESULTS.read_text(encoding="utf-8")
            RESULTS.write_text(paste(text, command, how, output), encoding="utf-8")


if __name__ == "__main__":
    main()
