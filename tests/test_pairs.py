"""benchmark_pairs.py: what it trains and writes, and one small run."""
import contextlib
import io
import json
import random
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import benchmark_pairs as task
import beyond
import compare
import micro_gpt
import tasks
from tests.helpers import slow

PAIRS = tasks.labelled_pairs()


class Models(unittest.TestCase):
    def test_written_for_large(self):
        """In SNLI's format: the words, and the labels' names."""
        train, tests = tasks.split_pairs(PAIRS, 42, 30)
        with tempfile.TemporaryDirectory() as folder, \
                mock.patch.object(tasks, "labelled_pairs", lambda: PAIRS):
            task.main(["--steps=30", f"--write={folder}"])
            for name, pairs in ("train", train), ("new_combination", tests["new combination"]):
                text = Path(folder, f"{name}.jsonl").read_text(encoding="utf-8")
                found = [json.loads(line) for line in text.splitlines()]
                self.assertEqual(
                    [[*one["sentence1"].split(), "/", *one["sentence2"].split(), "=",
                      one["gold_label"][0].upper()] for one in found],
                    [tasks.pair_words(pair) for pair in pairs])

    def test_loss_counts_the_label_alone(self):
        """And the files themselves stay as they are."""
        pair = PAIRS[0]
        vocab = micro_gpt.make_vocab([tasks.pair_words(pair), ["E", "N", "C"]])
        for rival in task.rivals(len(vocab) + 1, 1):
            model = task.make_model(rival)
            config = rival.contender.config
            params = model.init_params(config, random.Random(1))
            tokens = task.tokens_of(model, pair, vocab)
            self.assertEqual(tokens[-1], vocab[pair.label])
            losses = model.token_losses(tokens, params, config)
            self.assertEqual(len(losses), 1 if rival.label_alone else len(tokens) - 1)
            cache = [[]]
            for position, token in enumerate(tokens[:-1]):
                logits = model.forward(token, position, cache, params, config)
            self.assertEqual(losses[-1].data, model.cross_entropy(logits, tokens[-1]).data)
            best = max(tasks.LABELS, key=lambda label: logits[vocab[label]].data)
            self.assertEqual(task.answer(model, pair, vocab, params, config), best)
        for mixer in ("attention", "Grassmann"):
            self.assertEqual(beyond.mixer(mixer).token_losses.__module__,
                             beyond.mixer(mixer).__name__)
            self.assertNotIn("lambda", beyond.mixer(mixer).token_losses.__qualname__)

    @slow
    def test_small_run(self):
        with tempfile.TemporaryDirectory() as folder, \
                mock.patch.object(compare, "TIMED_STEPS", 2), \
                mock.patch.object(tasks, "labelled_pairs", lambda: PAIRS), \
                mock.patch.object(tasks, "TEST_PAIRS", 9), \
                mock.patch.object(task, "CURVE_PAIRS", 3):
            records = Path(folder, "a.json")
            chart = Path(folder, "a.svg")
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                task.main(["--steps=10", "--seeds=2", f"--json={records}", f"--svg={chart}"])
            found = json.loads(records.read_text(encoding="utf-8"))
            self.assertIn("<svg", chart.read_text(encoding="utf-8"))
        self.assertEqual(len(found["results"]), 2 * (9 + 3))
        self.assertEqual(set(found["tests"]), {"42", "1"})
        for result in found["results"]:
            self.assertEqual([len(a) for a in result["answers"].values()], [9, 9])
        self.assertLessEqual(max(map(len, out.getvalue().splitlines())), 100)


if __name__ == "__main__":
    unittest.main()
