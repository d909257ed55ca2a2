"""The tutorial: pages fit a screen, keys work, last sentences follow from the pages' numbers."""
import contextlib
import functools
import io
import math
import random
import re
import unittest
from unittest import mock

import beyond
import micro_gpt
import micro_grassmann
import show
import tasks
import tutorial
import tutorial_lab as lab
import tutorial_pages as pages
from tests.helpers import run, slow

# Pages that train at their full length take a minute together; few steps show the same form.
STEPS = 3


def answers(*lines):
    """Return a context in which the reader types these lines."""
    return mock.patch("builtins.input", side_effect=lines)


def output(function, *arguments):
    """Return what a function prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        function(*arguments)
    return out.getvalue()


class Pages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        """Train in this process, a few steps: patches reach no other one."""
        def here(task, mixer, window=None):
            return [lab.train(task, mixer, seed, window) for seed in lab.SEEDS]
        once = [(title, functools.lru_cache(make), *more) for title, make, *more in pages.PAGES]
        cls.patches = [mock.patch.object(lab, "STEPS", STEPS),
                       mock.patch.object(pages, "PAGES", once),
                       mock.patch.object(lab, "WRITTEN", 3),
                       mock.patch.object(lab, "HELD_OUT", 6),
                       mock.patch.object(lab, "both_seeds", functools.lru_cache(here))]
        for patch in cls.patches:
            patch.start()
            cls.addClassCleanup(patch.stop)
        for cached in (lab.split, lab.table_loss):
            cached.cache_clear()
            cls.addClassCleanup(cached.cache_clear)

    def test_every_page_fits_80_by_24_with_its_prompts(self):
        for number in range(1, len(pages.PAGES) + 1):
            lines, question = tutorial.page_lines(number)
            if question:
                lines += show.wrapped("? " + tutorial.question_text(question)).split("\n")
                lines.append("the reader's answer")
                said = f"Far: 1.23 too high. The answer is {tutorial.answer_text(question)}. "
                lines += show.wrapped(said + question.worked + ".").split("\n")
            with self.subTest(page=number):
                self.assertLessEqual(len(lines) + 1, 24)
                self.assertLessEqual(max(map(len, lines)), 79)

    def test_last_sentences_say_what_the_records_hold(self):
        for number, (title, make, _) in enumerate(pages.PAGES, 1):
            page = make()
            with self.subTest(page=number, title=title):
                told, holds = CLAIMS[make.__name__](page.facts)
                for words in told:
                    self.assertIn(words, page.shown)
                self.assertTrue(holds, page.facts)

    def test_verdicts_turn_with_the_numbers(self):
        words = lab.sign_words
        self.assertEqual(words([-1, -2], "a", "b"), "a has the lower loss with both seeds")
        self.assertEqual(words([1, 2], "a", "b"), "b has the lower loss with both seeds")
        self.assertIn("disagree", words([1, -2], "a", "b"))

    def test_trained_pages_show_the_runs_they_name(self):
        runs = lab.both_seeds("brackets", "linear map")
        page = "\n".join(pages.the_control().paragraphs)
        for run_ in runs:
            self.assertIn(f"{run_.after:.4f}", page)
        self.assertEqual([len(run_.losses) for run_ in runs], [STEPS, STEPS])
        self.assertEqual([len(run_.written) for run_ in runs], [3, 3])

    def test_training_draws_as_the_program_does(self):
        rng = random.Random(42)
        docs = list(lab.names())
        rng.shuffle(docs)
        vocab = micro_grassmann.make_vocab(docs)
        config = micro_grassmann.Config(len(vocab) + 1)
        params = micro_grassmann.init_params(config, rng)
        tokens = [micro_grassmann.tokenize(doc, vocab) for doc in docs[:STEPS]]
        losses = list(micro_grassmann.train(tokens, params, config, STEPS))
        self.assertEqual(losses, lab.both_seeds("names", "Grassmann")[0].losses)


def three(number):
    """Return a number as the sentences write it."""
    return f"{number:.3f}"


def differences(f):
    """Return what a page on paired differences must say."""
    return [f"{x:+.4f}" for x in f["differences"]], len(f["differences"]) == 2


# For each page: the words that its last sentence must have, and whether what it says holds.
CLAIMS = {
    "two_texts": lambda f: ([f"{f['gap']} symbols"],
                            f["text"][-1 - f["gap"]] == "(" and tasks.is_balanced(f["text"])),
    "tokens_and_chances": lambda f: ([three(f["mean"]), three(f["blind"]), f["word"]],
                                     (f["mean"] <= f["blind"]) == (f["word"] == "no better")),
    "the_loss": lambda f: ([three(f["names"]), three(f["brackets"])],
                           math.isclose(f["names"], math.log(27))
                           and math.isclose(f["brackets"], math.log(3))),
    "count_names": lambda f: ([three(min(f["few"])), three(min(f["many"])), str(f["best"])],
                              f["few"][f["best"] - 1] == min(f["few"])),
    "count_brackets": lambda f: ([three(min(f["losses"]) - f["counter"])],
                                 f["counter"] < min(f["losses"])),
    "letters_to_vectors": lambda f: ([three(f["before"]), three(f["after"])],
                                     abs(f["after"] - 1) < 0.001),
    "the_machine": lambda f: ([f"{f['total']:,}", str(f["mixing"])],
                              (f["total"], f["mixing"]) == (3840, 4 * 16 + 16 * 6 + 2 * 256)),
    "plain_average": lambda f: (["(3,\u00a02) again"], f["mean"] == f["swapped"] == [3, 2]),
    "attention_idea": lambda f: ([three(min(f["weights"])), three(max(f["weights"]))],
                                 max(f["weights"]) < 2 * min(f["weights"])),
    "attention_by_hand": lambda f: ([f"{f['weights'][0]:.3g}", f"{f['weights'][1]:.3g}"],
                                    f["weights"][0] > f["weights"][1]),
    "attention_costs": lambda f: ([f"{f['scores'][-1] / f['scores'][-2]:.2f} times"],
                                  f["scores"] == [n * (n + 1) // 2 for n in (8, 16, 32, 64)]),
    "offsets": lambda f: (["Position 12", f"at {len(f['seen'][12])} of 12"],
                          f["seen"][12] == [11, 10, 8, 4, 0]),
    "offsets_cost": lambda f: ([f"{f['growth'][1]:.2f}", f"{f['growth'][3]:.2f}"],
                               f["growth"][1] > 3 > 2.2 > f["growth"][3]),
    "reach": lambda f: ([f"{f['sees'][0]}, {f['sees'][1]} and {f['sees'][2]} of 16"],
                        f["sees"] == [6, 13, 16] and f["attention"] == 16),
    "reduction": lambda f: (["the same z = (4,\u00a0-3)"], f["z"] == f["same"] == [4, -3]),
    "planes_in_2d": lambda f: (["it is -5"], f["area"] == 5 == -f["back"]),
    "planes_in_3d": lambda f: (["(1,\u00a03,\u00a06)", "gives 6", "give 120"],
                               f["p"] == [1, 3, 6] and f["counts"] == [1, 3, 6, 28, 120]),
    "what_a_plane_keeps": lambda f: (["(1,\u00a03,\u00a06)"],
                                     f["p"] == f["slid"] == [1, 3, 6] and not any(f["flat"])),
    "what_each_sees": lambda f: (["dot products are equal"], f["dots"][0] == f["dots"][1]
                                 and f["units"][0] == f["units"][1]),
    "mean_of_units": lambda f: ([three(f["length"])], f["length"] < min(f["units"])
                                and abs(min(f["units"]) - 1) < 1e-4),
    "the_gate": lambda f: (["alpha = 0.982", "1.072"], math.isclose(f["alpha"], 0.75)
                           and abs(f["result"] - 2) < 1e-6),
    "one_name": lambda f: ([f"{100 * f['ratio']:.1f} %"], f["first"] == 0 and f["ratio"] < 0.2),
    "chain_rule": lambda f: (["slope 26"], f["grad"] == 26 and abs(f["slope"] - 26) < 1e-6),
    "why_the_order": lambda f: (["is 2, and not 26"], (f["wrong"], f["right"]) == (2, 26)),
    "one_step": lambda f: ([three(f["before"]), three(f["after"])], f["after"] < f["before"]
                           and f["grad"] * f["moved"] < 0),
    "training_live": lambda f: ([three(f["before"]), three(f["after"])],
                                f["after"] < f["before"]),
    "names_compared": lambda f: (["hardly uses"], max(map(abs, f["past"])) < f["between"]),
    "brackets_compared": lambda f: ([f"{f['shares'][m]:.0f} %" for m in f["shares"]],
                                    len(f["differences"]) == 2),
    "what_was_written": lambda f: ([f"attention got {f['wrong']['attention']} wrong",
                                    f"Grassmann {f['wrong']['Grassmann']}."], True),
    "two_pasts": lambda f: (["(-2.5,\u00a0-5.5,\u00a0-8.5)"],
                            f["one"] == f["two"] and f["units"][0] != f["units"][1]),
    "planes_apart": lambda f: (differences(f)[0], f["one"] != f["two"]),
    "the_control": differences,
    "running_sum": lambda f: (["1, 2, 1, 0"], f["counted"] == f["opened"]),
    "length_and_count": lambda f: (["-1, -4, -16"], all(
        math.isclose(-ratio, count) for ratio, count in zip(f["ratios"], f["counts"]))),
    "running_sum_trained": differences,
    "the_fold": lambda f: (["(-0.725,\u00a00.661,\u00a01.321)"], all(
        abs(a - b) < 1e-6 for a, b in zip(f["folded"], f["long_way"]))),
    "what_to_keep": lambda f: ([f"{max(f['shares'].values()):.0f} %",
                                f"{min(f['shares'].values()):.0f} %"], len(f["shares"]) == 5)}


class Whole(unittest.TestCase):
    @slow
    def test_the_story_as_it_is_told(self):
        result = run("tutorial.py", "--no-pause")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        text = " ".join(result.stdout.split())
        for words in ("On brackets attention has the lower loss with both seeds",
                      "planes apart has the lower loss with both seeds",
                      "the running sum has the lower loss with both seeds",
                      "the Grassmann layer hardly uses its past"):
            self.assertIn(words, text)
        self.assertLessEqual(max(map(len, result.stdout.splitlines())), 79)


class Questions(unittest.TestCase):
    def test_answers_worked_lines_and_judgement_agree(self):
        for seed in range(30):
            for question in tutorial.questions(seed):
                reply = tutorial.understood(tutorial.answer_text(question), question)
                self.assertEqual(tutorial.judged(reply, question), (True, "Right."), question)
                if not isinstance(question.answer, set):
                    last = float(re.findall(r"-?[\d.]*\d", question.worked)[-1])
                    self.assertAlmostEqual(abs(last), abs(question.answer), delta=0.006)

    def test_by_other_means(self):
        for seed in range(20):
            asked = dict(zip([ask.__name__ for ask in pages.QUIZ], tutorial.questions(seed)))
            n = int(re.search(r"1/(\d+)", asked["ask_loss"].text)[1])
            self.assertAlmostEqual(asked["ask_loss"].answer, math.log(n))
            u0, u1, v0, v1 = integers(asked["ask_area"].text)[:4]
            self.assertEqual(asked["ask_area"].answer, u0 * v1 - u1 * v0)
            alpha, x, g = [float(t) for t in re.findall(r"= (-?[\d.]*\d)", asked["ask_gate"].text)]
            self.assertAlmostEqual(asked["ask_gate"].answer, alpha * x + (1 - alpha) * g)
            first, second = integers(asked["ask_grad"].text)[:2]
            self.assertEqual(asked["ask_grad"].answer, second + 1)
            *window, t = integers(asked["ask_partners"].text)
            self.assertEqual(asked["ask_partners"].answer, {t - o for o in window if o <= t})

    def test_near_far_and_by_how_much(self):
        question = pages.Question("?", 2.0, 2, "2")
        for reply, right, words in ((2.004, True, "Right"), (2.1, False, "Near: 0.1 too high"),
                                    (1.9, False, "Near: 0.1 too low"),
                                    (9, False, "Far: 7 too high")):
            verdict, remark = tutorial.judged(reply, question)
            self.assertEqual(verdict, right)
            self.assertIn(words, remark)
        places = pages.Question("?", {5, 3, 0}, 0, "")
        self.assertIn("2 of 3 found, 1 wrong", tutorial.judged({5, 3, 1}, places)[1])

    def test_what_cannot_be_understood_is_asked_again(self):
        question = pages.Question("?", 2.0, 2, "1 + 1 = 2")
        for bad in ("x", "1/0", "nan", "inf", "1 2", "1/"):
            with answers(bad, "2"):
                text = output(lambda: self.assertEqual(tutorial.put(question), "right"))
            self.assertIn("Please type a number", text)

    def test_quiz_scores(self):
        right = [tutorial.answer_text(question) for question in tutorial.questions(5)]
        with answers(*right):
            self.assertIn(f"Score: {len(right)} of {len(right)}.", output(tutorial.quiz, 5))
        with answers("", "999", "q"):
            self.assertIn("Score: 0 of 2.", output(tutorial.quiz, 5))

    def test_worksheet_and_key_agree(self):
        for kind in ("text", "html"):
            sheet = tutorial.worksheet(3, kind)
            blanks, _, key = sheet.partition("Key to worksheet 3")
            flat = " ".join(key.split())
            for question in tutorial.questions(3):
                self.assertIn(tutorial.answer_text(question), flat)
                self.assertNotIn(question.worked, " ".join(blanks.split()))
            self.assertEqual(blanks.count("_" * 60 if kind == "text" else 'class="blank"'),
                             len(pages.QUIZ))


def integers(text):
    """Return the whole numbers in a text, without those of names such as p_01."""
    return [int(number) for number in re.findall(r"(?<![\w_.])-?\d+(?![.\d])", text)]


class Pager(unittest.TestCase):
    def walk(self, *wishes):
        """Return which pages are shown for these wishes, one after each page."""
        shown = []

        def show_page(number, pause):
            shown.append(number)
            return wishes[len(shown) - 1]
        with mock.patch.object(tutorial, "show_page", show_page):
            output(tutorial.lesson, range(1, 4), True)
        return shown

    def test_on_back_quit(self):
        self.assertEqual(self.walk("", "", ""), [1, 2, 3])
        self.assertEqual(self.walk("", "b", "", "q"), [1, 2, 1, 2])
        self.assertEqual(self.walk("b", "q"), [1, 1])


class Program(unittest.TestCase):
    def test_options(self):
        self.assertEqual(len(run("tutorial.py", "--list").stdout.splitlines()),
                         len(pages.PAGES))
        self.assertIn("1/", run("tutorial.py", "--page", "1").stdout)
        for options in (["--page", "0"], ["--page", "²"], ["--seed", "1"], ["--worksheet", "pdf"],
                        ["--page", "1", "--quiz"]):
            result = run("tutorial.py", *options)
            self.assertEqual((result.returncode, result.stdout), (2, ""), options)
            self.assertEqual(len(result.stderr.splitlines()), 1, options)

    def test_toys_are_the_models(self):
        scores, weights, _ = lab.toy_attention((2, 0, 0, 0), (1, 0, 0, 1))
        self.assertEqual([s.data for s in scores], [1, 1])
        self.assertIsInstance(weights[0], micro_gpt.Value)
        apart = beyond.mixer("planes apart")
        self.assertIsNot(apart.mean_plane, micro_grassmann.mean_plane)


if __name__ == "__main__":
    unittest.main()
