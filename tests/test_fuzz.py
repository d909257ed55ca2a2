"""A seeded share of tests/fuzz.py: 200 random inputs, and benchmarks killed while they write."""
import unittest

from tests import fuzz

SHARES = {"micro_gpt": 50, "micro_grassmann_clean": 50, "micro_grassmann": 50, "benchmark": 3,
          "benchmark_paren": 1, "trace_g": 45, "trace_alpha_wred": 1}


class TestRandomInput(unittest.TestCase):
    def test_no_traceback_and_status_0_or_2(self):
        self.assertEqual(sum(SHARES.values()), 200)
        for program, cases in SHARES.items():
            with self.subTest(program=program):
                self.assertEqual(fuzz.try_inputs(cases, seed=7, names=(program,)), [])

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
    unittest.main()
