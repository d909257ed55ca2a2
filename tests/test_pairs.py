"""benchmark_pairs.py: what it trains and writes, and one small run."""
import json
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import benchmark_pairs as task
import compare
import tasks
from tests.helpers import slow
from tests.test_benchmarks import printed
from tests.test_tasks import PAIRS


class Pairs(unittest.TestCase):
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

    def test_answers(self):
        """What a run records, once more by hand: the label's loss, and the likeliest label."""
        data, tests = task.split(PAIRS, 42, 3)
        data = data._replace(held_out=data.held_out[:2])
        words = data.docs[0]
        for contender in task.make_contenders(len(words) + 1, 1)[::9]:  # the first, the last
            with mock.patch.object(compare, "report_step"):
                run = compare.train_run(contender, data, 42, 3, {})
            model, vocab, params, _ = compare.begin(contender, data, 42)
            tokens = [model.tokenize(doc, vocab) for doc in data.train]
            for _ in model.train(tokens, params, contender.config, 3):
                pass
            for doc, (nats, number), given in zip(data.held_out, run.held_out, run.answers):
                tokens = model.tokenize(doc, vocab)
                cache = [[]]
                for position, token in enumerate(tokens[:-2]):
                    logits = model.forward(token, position, cache, params, contender.config)
                best = max(tasks.LABELS, key=lambda label: logits[vocab[label]].data)
                self.assertEqual(given[-1], best)
                if "all words" in contender.name:
                    self.assertEqual((number, len(given)), (len(doc), len(doc)))
                else:
                    self.assertEqual((nats, number, len(given)),
                                     (model.cross_entropy(logits, tokens[-2]).data, 1, 1))
            self.assertEqual(task.given(run._replace(answers=run.answers * 300), tests,
                                        task.FIRST)[:2], [one[-1] for one in run.answers])

    def test_tables(self):
        """Their answers are of the pairs asked, in order: the constant one is right for a third."""
        data, tests = task.split(PAIRS, 42, 30)
        runs = task.table_runs({42: data}, {42: tests}, PAIRS)
        for test in tasks.PAIR_TESTS:
            [hits] = task.hits(runs, "constant answer", {42: tests}, test)
            self.assertEqual(3 * sum(hits), len(hits))
            [hits] = task.hits(runs, "hypothesis alone", {42: tests}, test)
            answer = tasks.pair_tables(tasks.split_pairs(PAIRS, 42, 30)[0])["hypothesis alone"]
            self.assertEqual(hits, [answer(pair) == pair.label for pair in tests[test]])

    @slow
    def test_small_run(self):
        with mock.patch.object(tasks, "labelled_pairs", lambda: PAIRS), \
                mock.patch.object(tasks, "TEST_PAIRS", 9):
            text, found, chart = printed(task.main, "--steps=10", "--seeds=2")
        self.assertIn("<svg", chart)
        self.assertEqual(len(found["runs"]), 2 * (10 + 3))
        self.assertEqual(set(found["tests"]), {"42", "1"})
        for run in found["runs"]:
            self.assertEqual(len(run["answers"]), 18)
        self.assertLessEqual(max(map(len, text.splitlines())), 79)
