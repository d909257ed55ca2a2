"""Files for results, the progress line, tables, figures, and how programs end."""
import argparse
import contextlib
import io
import os
import select
import stat
import subprocess
import sys
import tempfile
import time
import unittest
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from unittest import mock

import show
from tests.helpers import ROOT

posix = unittest.skipUnless(os.name == "posix", "pipes, links and signals are POSIX's here")
SETTINGS = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
SVG = "{http://www.w3.org/2000/svg}"


def program(body, **options):
    """Start a program whose main() has this body, with show.run_program."""
    lines = ["import os, signal, sys, time, show", "def main():"]
    lines += [f"    {line}" for line in body.splitlines()] + ["show.run_program(main)"]
    settings = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.Popen([sys.executable, "-c", "\n".join(lines)], cwd=str(ROOT), text=True,
                            env=SETTINGS, **settings)


def end(process):
    """Return the program's status, output and errors."""
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


class Files(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.file = self.folder / "out"

    def names(self):
        return sorted(os.listdir(self.folder))

    def refusal(self, **paths):
        """Return what check_outputs says about --json and --svg, or None."""
        args = argparse.Namespace(**{"json": None, "svg": None, **paths})
        with contextlib.redirect_stderr(io.StringIO()) as err:
            try:
                show.check_outputs(args, show.Parser(prog="p"))
            except SystemExit as ended:
                self.assertEqual(ended.code, 2)
                self.assertEqual(err.getvalue().count("\n"), 1)
                return err.getvalue()
        return None

    def test_new_and_old_file(self):
        for text in ("first, longer\n", "é\n"):
            show.save(str(self.file), text)
            self.assertEqual(self.file.read_bytes(), text.encode())
            self.assertEqual(self.names(), ["out"])

    @posix
    def test_permissions_stay(self):
        self.file.write_text("old")
        self.file.chmod(0o640)
        show.save(self.file, "new")
        self.assertEqual(stat.S_IMODE(self.file.stat().st_mode), 0o640)

    @posix
    def test_links(self):
        self.file.write_text("old, longer")
        for name, link in (("symbolic", os.symlink), ("hard", os.link)):
            link(self.file, self.folder / name)
            show.save(self.folder / name, name)
            self.assertEqual(self.file.read_text(), name)
        self.assertTrue((self.folder / "symbolic").is_symlink())
        self.assertEqual(self.file.stat().st_nlink, 2)
        self.assertEqual(self.names(), ["hard", "out", "symbolic"])

    def test_a_failed_write_leaves_the_old_file(self):
        self.file.write_text("old")
        with self.assertRaises(UnicodeEncodeError):
            show.save(self.file, "new \ud800")
        self.assertEqual(self.file.read_text(), "old")
        self.assertEqual(self.names(), ["out"])

    @posix
    def test_a_pipe_is_written_to(self):  # no device of the machine: a wrong save replaces it
        pipe = self.folder / "pipe"
        os.mkfifo(pipe)
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        self.assertIsNone(self.refusal(json=str(pipe)))
        show.save(pipe, "text")
        self.assertEqual(os.read(reader, 99), b"text")
        self.assertTrue(stat.S_ISFIFO(pipe.stat().st_mode))

    @posix
    def test_standard_output_comes_in_order(self):
        body = "print('before')\nshow.save('/dev/stdout', 'saved\\n')"
        self.assertEqual(end(program(body)), (0, "before\nsaved\n", ""))
        with open(self.file, "w") as file:
            self.assertEqual(end(program(body, stdout=file))[0], 0)
        self.assertEqual(self.file.read_text(), "before\nsaved\n")

    def test_one_failure_keeps_the_other(self):
        bad = str(self.folder / "missing" / "file")
        with self.assertRaises(OSError):
            show.save_all({bad: "a", None: "b", str(self.file): "c"})
        self.assertEqual(self.file.read_text(), "c")
        self.assertEqual(self.names(), ["out"])

    def test_what_cannot_be_written_is_found_before(self):
        for path in (self.folder, self.folder / "missing" / "file", self.folder / ("x" * 300), ""):
            for option in ("json", "svg"):
                with self.subTest(path=str(path)[-20:], option=option):
                    self.assertIn(f"--{option}", self.refusal(**{option: str(path)}))
        self.assertEqual(self.names(), [])

    def test_what_can_be_written_is_let_through(self):
        self.file.write_text("old")
        for path in (self.file, self.folder / ("x" * 250)):
            self.assertIsNone(self.refusal(svg=str(path)))
        self.assertEqual(self.names(), ["out"])
        self.assertEqual(self.file.read_text(), "old")

    def test_one_file_for_two(self):
        self.assertIsNotNone(self.refusal(json=str(self.file), svg=str(self.file)))
        self.assertIsNotNone(self.refusal(json=str(self.file),
                                          svg=str(self.folder / "." / "a" / ".." / "out")))
        self.assertIsNone(self.refusal(json=str(self.file), svg=str(self.file) + "2"))


class Terminal(io.StringIO):
    """A standard error that says it is a terminal."""

    def isatty(self):
        return True


class Shown(unittest.TestCase):
    def test_progress_never_wraps(self):
        for width in (1, 20, 40, 72, 200):
            with self.subTest(width=width), \
                    contextlib.redirect_stderr(Terminal()) as err, \
                    mock.patch("show.stderr_columns", return_value=width), \
                    show.Progress(10) as progress:
                for _ in range(3):
                    progress.shown = 0.0
                    progress.step("Grassmann, seed 42, " * 8)
            for line in err.getvalue().split("\r"):
                self.assertLess(len(line), width)
            self.assertIn("\r", err.getvalue())

    def test_what_ctrl_c_leaves_is_wiped_away(self):
        """The terminal puts ^C behind the line, wherever that ends."""
        with contextlib.redirect_stderr(Terminal()) as err, show.Progress(1) as progress:
            progress.step("x" * 99)
        line, blank = err.getvalue().split("\r")[1:3]
        self.assertEqual((len(line + "^C"), blank.strip()), (len(blank), ""))

    def test_time_left(self):
        with contextlib.redirect_stderr(Terminal()) as err:
            progress = show.Progress(10)
            progress.start -= 20
            progress.step("x", 2)
        self.assertIn("80 s left", err.getvalue())

    def test_no_terminal_no_line(self):
        with contextlib.redirect_stderr(io.StringIO()) as err, show.Progress(1) as progress:
            progress.step("x")
        self.assertEqual(err.getvalue(), "")

    @posix
    def test_the_terminal_of_standard_error_is_measured(self):
        import fcntl
        import pty
        import struct
        import termios
        above, below = pty.openpty()
        self.addCleanup(os.close, above)
        fcntl.ioctl(below, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 33, 0, 0))
        process = program("print(show.stderr_columns())", stderr=below)
        os.close(below)
        self.assertEqual(end(process)[1], "33\n")

    def test_columns(self):
        for text, wide in (("abc", 3), ("中文", 4), ("e\u0301", 1), ("a\ufe0f", 1), ("", 0)):
            self.assertEqual(show.columns(text), wide)

    def test_table_is_aligned_and_one_line_a_row(self):
        names = ["name", "中文", "e\u0301a", "a\nb\t\x1b[1m", "\u2028", "plain"]
        lines = show.table([[name, "1"] for name in names]).splitlines()
        self.assertEqual(len(lines), len(names))
        self.assertEqual(len({show.columns(line) for line in lines}), 1)
        self.assertTrue(all(c.isprintable() or c == "\u0301" for line in lines for c in line))

    def test_chart(self):
        line = [(1, 3.0), (2, 2.0), (3, 2.5)]
        rows = show.chart({"a": line, "b": [(1, 3.0)]}, "x", "y").splitlines()
        drawn = [row.partition("|")[2] for row in rows if "|" in row]
        self.assertEqual((drawn[0], drawn[-1].strip(), drawn[6].strip()), ("*", "o", "o"))
        self.assertIn("o a, g b, * both", rows[-1])

    def test_figure(self):
        near = {f"a<{i}": [(1, 1.0), (2, 1.0 + i / 1000)] for i in range(8)}
        panels = [{"title": "t & u", "x_label": "x", "y_label": "y", "log": False, "series": near,
                   "lines": {"ideal": 5}},
                  {"title": "b", "x_label": "x", "bars": {"one": (0.5, 0.4, 0.7)}}]
        root = ElementTree.fromstring(show.figure(panels, "a & b"))
        texts = {text.text: text for text in root.iter(f"{SVG}text")}
        self.assertLessEqual({*near, "ideal", "one", "50 %", "t & u"}, set(texts))
        heights = sorted(float(texts[name].get("y")) for name in near)
        self.assertGreaterEqual(min(b - a for a, b in zip(heights, heights[1:])), 14)
        self.assertLess(float(texts["ideal"].get("y")), min(heights))
        axis = min(float(text.get("y")) for text in root.iter(f"{SVG}text")
                   if text.text in ("1", "2") and text.get("text-anchor") == "middle")
        self.assertLess(max(heights), axis - 10)
        self.assertEqual(len({texts[name].get("class") for name in near}), len(show.STYLES))
        self.assertLessEqual(float(root.get("width")), 800)
        bar = next(r for r in root.iter(f"{SVG}rect") if r.get("class") == "f0")
        interval = next(p for p in root.iter(f"{SVG}path") if p.get("stroke-width") == "2")
        start, stop = (float(x) for x in interval.get("d")[1:].replace("H", " ").split()[::2])
        self.assertAlmostEqual((stop - start) / float(bar.get("width")), 0.6, places=2)


class Keyboard(unittest.TestCase):
    @unittest.skipIf(sys.platform == "win32", "needs a pseudo-terminal")
    def test_keys_on_a_terminal(self):
        import pty
        import termios
        for pressed, wish in ((" ", ""), ("\n", ""), ("b", "b"), ("q", "q"), ("Q", "q"),
                              ("m", "m"), ("x", ""), ("\x1b[5~", "b"), ("\x1b[6~", "")):
            mine, theirs = pty.openpty()
            before = termios.tcgetattr(theirs)
            os.write(mine, pressed.encode())
            with os.fdopen(theirs, "r") as terminal, mock.patch.object(sys, "stdin", terminal):
                text = io.StringIO()
                with contextlib.redirect_stdout(text):
                    self.assertEqual(show.key("?", "bqm"), wish, pressed)
                self.assertEqual(termios.tcgetattr(theirs)[3], before[3])
            os.close(mine)

    @unittest.skipIf(sys.platform == "win32", "needs a pseudo-terminal")
    def test_what_was_typed_before_is_no_answer(self):
        import pty
        mine, theirs = pty.openpty()
        os.write(mine, b"early\n")
        with os.fdopen(theirs, "r") as terminal, mock.patch.object(sys, "stdin", terminal):
            self.assertTrue(select.select([terminal], [], [], 5)[0])
            show.forget_typed()
            os.write(mine, b"late\n")
            self.assertEqual(terminal.readline(), "late\n")
        os.close(mine)
        for stdin in None, io.StringIO("line\n"):  # no terminal: nothing is dropped
            with mock.patch.object(sys, "stdin", stdin):
                show.forget_typed()
            self.assertEqual(stdin and stdin.read(), stdin and "line\n")

    @posix
    def test_after_ctrl_z_the_prompt_is_back_and_hears_single_keys(self):
        import pty
        import signal
        import termios
        child, terminal = pty.fork()
        if child == 0:
            os.execv(sys.executable, [sys.executable, "-c", "import sys; sys.path.insert(0, "
                                      f"{str(ROOT)!r}); import show; show.key('next? ', 'q')"])
        self.addCleanup(os.close, terminal)
        self.assertIn("next?", heard(terminal, "next?"))
        while termios.tcgetattr(terminal)[3] & termios.ICANON:
            time.sleep(0.01)  # until it listens to single keys
        os.kill(child, signal.SIGSTOP)
        os.waitpid(child, os.WUNTRACED)
        cooked = termios.tcgetattr(terminal)
        cooked[3] |= termios.ICANON | termios.ECHO  # as a shell leaves it
        termios.tcsetattr(terminal, termios.TCSANOW, cooked)
        os.kill(child, signal.SIGCONT)
        self.assertIn("next?", heard(terminal, "next?"))
        os.write(terminal, b"q")  # no Enter
        self.assertEqual(os.waitpid(child, 0)[1], 0)

    def test_lines_where_there_is_no_terminal(self):
        with mock.patch("builtins.input", side_effect=["B "]):
            self.assertEqual(show.key("?", "bq"), "b")
        out = io.StringIO()
        with mock.patch("builtins.input", side_effect=EOFError), contextlib.redirect_stdout(out):
            self.assertEqual(show.typed("?"), "q")
        self.assertEqual(out.getvalue(), "\n")


def heard(terminal, words):
    """Return what a child writes to its terminal until it has written these words."""
    text = ""
    end = time.monotonic() + 20
    while words not in text and time.monotonic() < end:
        if select.select([terminal], [], [], 1)[0]:
            try:
                text += os.read(terminal, 100).decode()
            except OSError:  # it has ended
                return text
    return text


class Programs(unittest.TestCase):
    def test_errors_are_one_line(self):
        for error in ("OSError('no\\nspace')", "ValueError('x')", "ImportError('x')"):
            status, _, err = end(program(f"raise {error}"))
            self.assertEqual((status, err.count("\n")), (2, 1))
        self.assertIn("Traceback", end(program("raise TypeError"))[2])  # a bug is not hidden

    @posix
    def test_ctrl_c(self):
        self.assertEqual(end(program("os.kill(os.getpid(), signal.SIGINT)\ntime.sleep(9)")),
                         (130, "", "stopped\n"))

    @posix
    def test_an_ignored_signal_stays_ignored(self):
        text = ("import show, os, signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
                "show.run_program(lambda: os.kill(os.getpid(), signal.SIGINT))")
        ended = subprocess.run([sys.executable, "-c", text], cwd=str(ROOT), check=False, timeout=60)
        self.assertEqual(ended.returncode, 0)

    @posix
    def test_a_reader_that_leaves(self):
        for body in ("for _ in range(99999): print('line')",
                     "time.sleep(0.5)\nprint('a')\nsys.exit(0)"):
            process = program(body)
            process.stdout.close()
            err = process.stderr.read()
            process.wait(timeout=60)
            process.stderr.close()
            self.assertEqual((process.returncode, err), (0, ""))

    @posix
    def test_no_standard_output(self):
        for body in "print(1)", "show.Parser().parse_args(['--help'])":
            command = f'{sys.executable} -c "import show; show.run_program(lambda: {body})" >&-'
            ended = subprocess.run(command, shell=True, cwd=str(ROOT), stderr=subprocess.PIPE,
                                   check=False, timeout=60)
            self.assertEqual((ended.returncode, ended.stderr), (0, b""), body)

    @unittest.skipUnless(os.path.exists("/dev/full"), "a device that is always full")
    def test_a_full_disk_is_one_line(self):
        with open("/dev/full", "w") as full:
            for body in "print('x')", "show.Parser().parse_args(['--help'])":
                status, _, err = end(program(body, stdout=full))
                self.assertEqual((status, err.count("\n")), (2, 1), body)

    def test_output_that_is_a_string(self):
        with contextlib.redirect_stdout(io.StringIO()) as out:
            show.run_program(lambda: print("x"))
        self.assertEqual(out.getvalue(), "x\n")
