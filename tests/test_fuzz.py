"""A seeded share of tests/fuzz.py: 200 random inputs, and benchmarks killed while they write."""
import subprocess
import sys
import unittest

from tests import fuzz
from tests.helpers import ROOT

SHARES = {"micro_gpt": 50, "micro_grassmann_clean": 50, "micro_grassmann": 50, "benchmark": 3,
          "benchmark_paren": 1, "trace_g": 45, "trace_alpha_wred": 1}


def share():
    """Run the share; print what went wrong."""
    for program, cases in SHARES.items():
        print(*fuzz.try_inputs(cases, seed=7, names=(program,)), sep="\n", end="")
    print("done")


# Started at once, so that a second core works on it while other tests run on the first.
SHARE = None if __name__ == "__main__" else subprocess.Popen(
    [sys.executable, "-m", "tests.test_fuzz", "share"], cwd=str(ROOT), stdout=subprocess.PIPE,
    stderr=subprocess.STDOUT)


class TestRandomInput(unittest.TestCase):
    def test_no_traceback_and_status_0_or_2(self):
        self.assertEqual(sum(SHARES.values()), 200)
        out, _ = SHARE.communicate(timeout=300)
        self.assertEqual(out.decode(errors="replace").strip(), "done")

    def test_a_traceback_shows(self):
        """A program that breaks on some input, and one that says nothing, are complained of."""
        for code in ("{}['no']", "raise SystemExit(1)", "raise SystemExit(2)"):
            source = compile(code, "broken", "exec")
            with fuzz.mock.patch.object(fuzz, "programs", lambda s=source: {"trace_g": s}):
                self.assertEqual(len(fuzz.try_inputs(3, seed=7, names=("trace_g",))), 3, code)


class TestKilled(unittest.TestCase):
    def test_files_are_old_or_new(self):
        self.assertEqual(fuzz.kill(2, seed=7), [])


if __name__ == "__main__":
    share()
