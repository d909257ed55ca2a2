"""The tutorial: pages fit a screen, nothing is used before it is said, sentences follow numbers."""
import contextlib
import functools
import io
import json
import math
import random
import re
import unittest
from html.parser import HTMLParser
from unittest import mock

import beyond
import compare
import inside
import micro_gpt
import micro_grassmann
import show
import tasks
import tutorial
import tutorial_lab as lab
import tutorial_pages as pages
from tests.helpers import ROOT, called, in_this_process, run, slow

SPINE = [name for name in pages.PAGES if name.isdecimal()]
TRIPS = [name for name in pages.PAGES if not name.isdecimal()]


def answers(*lines):
    """Return a context in which the reader types these lines."""
    return mock.patch("builtins.input", side_effect=lines)


def output(function, *arguments):
    """Return what a function prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        function(*arguments)
    return out.getvalue()


MAKE = {name: entry.make for name, entry in pages.PAGES.items()}
TRAINED = {}  # what the pages have trained, in whichever test file
NAMES = (*lab.names()[::10], max(lab.names(), key=len))


@functools.lru_cache(None)
def page(name):
    """Return a page, made once."""
    return MAKE[name]()


def setUpModule():
    """Train in this process, a few steps: pages that train show the same form after few.

    What reaches the last position does not depend on the size: a small model tells. Each page is
    made once, by whatever needs it first.
    """
    def what_moves(start, model, name, plain=lab.what_moves):
        small = inside.begin(model, NAMES, 42, n_layer=start.config.n_layer, n_embd=4)
        return plain(small, model, name)
    made_once = {name: entry._replace(make=functools.partial(page, name))
                 for name, entry in pages.PAGES.items()}
    for patch in (mock.patch.dict(lab.STEPS, names=5, brackets=5, signs=2),
                  mock.patch.dict(pages.PAGES, made_once), mock.patch.object(lab, "done", TRAINED),
                  mock.patch.object(lab, "names", lambda: NAMES),
                  mock.patch.object(lab, "WRITTEN", 3), mock.patch.object(lab, "HELD_OUT", 2),
                  mock.patch.object(lab, "what_moves", what_moves),
                  mock.patch.object(compare, "side_by_side", in_this_process)):
        patch.start()
        unittest.addModuleCleanup(patch.stop)
    for cached in (lab.split, lab.table_loss, lab.counter_loss):
        cached.cache_clear()
        unittest.addModuleCleanup(cached.cache_clear)


# ---- nothing is used before it is said -----------------------------------------------------------

# The words of a term that differ from the term itself; "" where it can't be told from other words.
WORDS = {"table of counts": r"tables? of counts|best table", "held out": r"held[- ]out|hold out",
         "probability": r"probabilit(?:y|ies)", "matrix": r"matri(?:x|ces)", "key": r"keys?(?! of)",
         "O(L²)": r"O\(L²\)", "O(L)": r"O\(L\)", "W x": r"W x", "z": r"z(?:_\w+)?(?= |,|\)|_|\.)",
         "∧": "∧", "g": r"\bg(?= is| =|_t|\[)", "step": r"steps? of training", "value": "",
         "children": r"child(?:ren)?", "lr": r"lr", "plane": r"planes?", "seed": r"seeds?",
         "unit": r"units", "linear": "", "node": r"nodes?", "score": r"scores?", "head": r"heads?"}


def uses(term):
    """Return what finds a term in a text."""
    words = WORDS.get(term, rf"{re.escape(term)}s?")
    return re.compile(rf"(?<![\w.]){words}(?!\w)", re.IGNORECASE if words.islower() else 0)


def words_of(name):
    """Return all that a page says and asks, without its code."""
    entry = pages.PAGES[name]
    made = page(name)
    parts = [*made.before, *made.after, made.shown]
    for question in (made.question, entry.practice and entry.practice(random.Random(1))):
        if question:
            parts += [*lab.question_lines(question), question.worked]
    parts = [part for part in parts if not part.lstrip().startswith("# ")]
    return " ".join(" ".join(parts).replace("\u00a0", " ").split())


def used_too_early(names):
    """Return (page, term, the page that says it) of what these pages use before it is said."""
    said_by = {term: name for name, entry in pages.PAGES.items() for term in entry.says}
    found = []
    known = set()
    for name in names:
        known |= set(pages.PAGES[name].says)
        text = words_of(name)
        found += [(name, term, where) for term, where in said_by.items()
                  if WORDS.get(term) != "" and term not in known and uses(term).search(text)]
    return found


class Order(unittest.TestCase):
    def test_nothing_is_used_before_it_is_said(self):
        """Neither by those who stay on the spine nor by those who take every trip."""
        self.assertEqual(used_too_early(SPINE), [])
        self.assertEqual(used_too_early(pages.PAGES), [])

    def test_a_page_says_its_terms(self):
        for name, entry in pages.PAGES.items():
            for term in entry.says:
                if WORDS.get(term) != "":
                    self.assertRegex(words_of(name), uses(term), f"page {name}: {term}")

    def test_a_gap_is_found(self):
        self.assertEqual(used_too_early(["1", "2", "4", "5", "7"]), [("7", "partner", "6")])
        self.assertEqual(used_too_early(["9", "1"]), [("9", "loss", "2")])

    def test_fifteen_pages_each_with_a_question_before_its_answer(self):
        self.assertEqual(len(SPINE), 15)
        for name in SPINE:
            self.assertIsNotNone(page(name).question, name)
            self.assertTrue(page(name).after, name)


# ---- form ----------------------------------------------------------------------------------------


class Form(unittest.TestCase):
    def test_each_half_fits_80_by_24_with_its_prompts(self):
        for name, entry in pages.PAGES.items():
            made = page(name)
            first = tutorial.first_half(name, made)
            second = tutorial.second_half(made)
            if made.question:
                first.append("the reader's answer")
                remarks = [words for _, words in made.question.slips]
                worst = max([*remarks, "12.34 too high"], key=len)
                verdict = show.wrapped(f"No: {worst}. {lab.solution(made.question)}")
                second = [*verdict.split("\n"), "", *second]
            if entry.practice:
                practice = entry.practice(random.Random(name))
                second += ["", *tutorial.asked(practice), "answer", "", ""]
            halves = [first, second] if made.question else [first + [""] + second]
            for lines in halves:
                with self.subTest(page=name):
                    self.assertLessEqual(len(lines) + 1, 24)
                    self.assertLessEqual(max(map(show.columns, lines)), 79)

    def test_the_widest_shares_fit_as_well(self):
        with mock.patch.object(lab, "all_seeds", lambda *_: [100.0, 100.0]), \
                mock.patch.object(lab, "train_all"), \
                mock.patch.object(lab, "share_balanced", lambda runs: 100.0):
            for name in ("13", "14", "15", "13c"):
                made = MAKE[name]()
                for line in [*tutorial.laid_out(made.before), *tutorial.second_half(made)]:
                    self.assertLessEqual(show.columns(line), 79)

    def test_code_is_the_model_files(self):
        """Each line of code on a page stands in the file that it names, and there are few."""
        shown = 0
        for name in SPINE:
            for part in page(name).before:
                if not re.match(r"    # \w+\.py, ", part):
                    continue
                header, *lines = part.split("\n")
                file = re.match(r"    # (\w+\.py)", header)[1]
                source = (ROOT / file).read_text(encoding="utf-8")
                flat, text = [" ".join(re.sub("  # .*", "", code).split())
                              for code in (source, "\n".join(lines))]
                self.assertTrue(text in flat, text)
                shown += 1
        self.assertGreaterEqual(shown, 10)

    def test_a_broken_line_of_code(self):
        line = "    return [u[i] * v[j] - u[j] * v[i] for i in range(len(u)) for j in range(i, 9)]"
        broken = pages.narrow(line).split("\n")
        self.assertEqual(" ".join(" ".join(broken).split()), line.strip())
        self.assertLessEqual(max(map(len, broken)), 75)

    def test_trained_pages_show_the_runs_they_name(self):
        runs = lab.all_seeds("brackets", "mean of states")
        text = "\n".join(page("12d").before)
        for run_ in runs:
            self.assertIn(f"{run_.after:.4f}", text)
        self.assertEqual([len(run_.losses) for run_ in runs], [lab.STEPS["brackets"]] * 2)

    def test_training_draws_as_the_program_does(self):
        rng = random.Random(42)
        docs, vocab, config, params = micro_grassmann.begin(lab.names(), rng)
        tokens = [micro_grassmann.tokenize(doc, vocab) for doc in docs[:lab.STEPS["names"]]]
        losses = list(micro_grassmann.train(tokens, params, config, len(tokens)))
        self.assertEqual(losses, lab.all_seeds("names", "Grassmann")[0].losses)


# ---- the last sentences --------------------------------------------------------------------------


def three(number):
    """Return a number as the sentences write it."""
    return f"{number:.3f}"


# For each page: the words that its last sentence must have, and whether what it says holds.
CLAIMS = {
    "predict": lambda f: ([f"{f['gap']} symbols"],
                          f["text"][-1 - f["gap"]] == "(" and tasks.is_balanced(f["text"])
                          and tasks.is_balanced(f["text"][-1 - f["gap"]:])),
    "the_loss": lambda f: ([three(f["names"]), three(f["brackets"])],
                           math.isclose(f["names"], math.log(27))
                           and math.isclose(f["brackets"], math.log(3))),
    "a_rival": lambda f: ([three(min(f["few"])), three(f["saved"])],
                          f["gains"][f["best"] - 1] == max(f["gains"])),
    "look_back": lambda f: ([f"{f['total']:,}", str(f["mixing"])],
                            (f["total"], f["mixing"]) == (3840, 4 * 16 + 16 * 6 + 2 * 256)),
    "attention": lambda f: ([f"{f['growth']:.2f} times"],
                            f["weights"][1] == min(f["weights"]) and f["growth"] == 2080 / 528),
    "offsets": lambda f: (["Position 12", f"at {len(f['seen'][12])} of 12"],
                          f["seen"][12] == [11, 10, 8, 4, 0]
                          and f["growth"][1] > 3 > 2.2 > f["growth"][3]),
    "planes": lambda f: (["along u is lost"], f["dots"][0] == f["dots"][1]
                         and f["units"][0] != f["units"][1] and f["units"][2] == f["units"][3]),
    "the_gate": lambda f: (["alpha = 0.982", "1.072"],
                           abs(f["results"][4][1] - (0.98201 + 5 * 0.01799)) < 1e-3),
    "gradient": lambda f: (["slope 26"], f["grad"] == 26 and abs(f["slope"] - 26) < 1e-6),
    "training": lambda f: ([three(f["before"]), three(f["after"])], f["grad"] * f["moved"] < 0),
    "writing": lambda f: ([three(f["odds"][0.1][f["first"]]), three(f["odds"][2][f["first"]])],
                          f["odds"][0.1][f["first"]] > f["odds"][2][f["first"]]),
    "compare_both": lambda f: ([], len(f["differences"]["names"]) == 2),
    "task_for_each": lambda f: ([best for bests in f["winners"].values() for best in bests], all(
        sum(f["rights"][task, bests[0]]) == max(sum(f["rights"][task, m]) for m in pages.GRID)
        for task, bests in f["winners"].items())),
    "what_works": lambda f: (["16 numbers", "32,000"], f["kept"]["attention"] == 32000),
    "what_to_keep": lambda f: ([f"{sum(lost != [] for lost in f['loses'].values())} of 4 layers"],
                               all((task in f["loses"][mixer]) == (
                                   max(sum(f["rights"][task, other]) for other in pages.GRID)
                                   - sum(f["rights"][task, mixer]) >= 2 * pages.FAR)
                                   for task in pages.ASKED for mixer in pages.GRID)),
    "tokens_and_chances": lambda f: ([three(f["mean"]), three(f["blind"]), f["word"]],
                                     (f["mean"] <= f["blind"]) == (f["word"] == "no better")),
    "count_brackets": lambda f: ([three(min(f["losses"]) - f["counter"])], True),
    "letters_to_vectors": lambda f: ([three(f["before"]), three(f["after"])],
                                     abs(f["after"] - 1) < 0.001),
    "plain_average": lambda f: (["(3,\u00a02) again"], f["mean"] == f["swapped"] == [3, 2]),
    "attention_by_hand": lambda f: ([f"{f['weights'][0]:.3g}", f"{f['weights'][1]:.3g}"],
                                    f["weights"][0] > f["weights"][1]),
    "attention_costs": lambda f: ([f"{f['scores'][-1] / f['scores'][-2]:.2f} times"],
                                  f["scores"] == [n * (n + 1) // 2 for n in (8, 16, 32, 64)]),
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
    "mean_of_units": lambda f: ([three(f["length"])], f["length"] < min(f["units"])
                                and abs(min(f["units"]) - 1) < 1e-4),
    "one_name": lambda f: ([f"{100 * f['ratio']:.1f} %"], f["first"] == 0 and f["ratio"] < 0.2),
    "the_fold": lambda f: (["(-0.725,\u00a00.661,\u00a01.321)"], all(
        abs(a - b) < 1e-6 for a, b in zip(f["folded"], f["long_way"]))),
    "why_the_order": lambda f: (["is 2, and not 26"], (f["wrong"], f["right"]) == (2, 26)),
    "what_was_written": lambda f: ([f"{f['shares']['Grassmann'][0]:.0f} %",
                                    f"{f['shares']['Grassmann'][1]:.0f} %"], True),
    "names_compared": lambda f: (["layer uses its past" if lab.steady(f["past"])
                                  and sum(f["past"]) > 0 else "is not seen to use its past"],
                                 len(f["past"]) == 2),
    "tempting": lambda f: (["(-2.5,\u00a0-5.5,\u00a0-8.5)"],
                           f["one"] == f["two"] and f["units"][0] != f["units"][1]),
    "refuted": lambda f: ([f"{x:+.4f}" for x in f["differences"]], math.isclose(
        f["mean"], -sum(f["differences"]) / 2)),
    "no_planes": lambda f: ([f"{x:+.4f}" for x in f["differences"]], len(f["differences"]) == 2),
    "running_sum": lambda f: (["1, 2, 1, 0"], f["counted"] == f["opened"]),
    "length_and_count": lambda f: (["-1, -4, -16"], all(
        math.isclose(-ratio, count) for ratio, count in zip(f["ratios"], f["counts"]))),
    "echo": lambda f: ([f["best"]], sum(f["rights"][f["best"]]) == max(map(
        sum, f["rights"].values())))}


class Sentences(unittest.TestCase):
    def test_last_sentences_say_what_the_records_hold(self):
        for name, entry in pages.PAGES.items():
            made = page(name)
            with self.subTest(page=name, title=entry.title):
                told, holds = CLAIMS[MAKE[name].__name__](made.facts)
                for words in told:
                    self.assertIn(words, made.shown)
                self.assertTrue(holds, made.facts)

    def test_verdicts_turn_with_the_numbers(self):
        words = lab.lower
        self.assertEqual(words([-2, -3], "a", "b"), "a has the lower loss with both seeds")
        self.assertEqual(words([3, 2], "a", "b"), "b has the lower loss with both seeds")
        self.assertIn("differ as much", words([1, 5], "a", "b"))
        self.assertIn("differ as much", words([-1, -5], "a", "b"))
        self.assertIn("disagree", words([1, -2], "a", "b"))

    def test_signs_are_answered_by_their_rules(self):
        rng = random.Random(3)
        for make, _ in lab.SIGN_TASKS.values():
            text, told = make(rng)
            self.assertEqual((len(text), len(told)), (lab.LENGTH, lab.LENGTH))
        text, told = lab.beats_the_last(rng)
        for before, sign, answer in zip(text, text[1:], told[1:]):
            ahead = (int(before) - int(sign)) % 5
            self.assertEqual(answer, "wins" if ahead in (1, 2) else "loses")
        text, told = lab.sign_with_the_star(rng)
        [starred] = [sign for sign in text if lab.STAR in sign]
        self.assertEqual(set(told), {None, starred[0]})
        text, told = lab.sign_three_back(rng)
        self.assertEqual(told[3:], text[:-3])


class Whole(unittest.TestCase):
    @slow
    def test_the_story_as_it_is_told(self):
        result = run("tutorial.py", "--no-pause")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        text = " ".join(result.stdout.split())
        for words in ("on brackets attention has the lower loss with both seeds",
                      "Grassmann on game, attention on star"):
            self.assertIn(words, text)
        self.assertNotRegex(text, r"Ahead: [^.]*linear map", "page 13c says that it is not")
        self.assertLessEqual(max(map(len, result.stdout.splitlines())), 79)


# ---- questions -----------------------------------------------------------------------------------


class Questions(unittest.TestCase):
    def test_answers_worked_lines_and_judgement_agree(self):
        for seed in range(30):
            for question in lab.questions(seed):
                reply = lab.understood(lab.answer_text(question), question)
                self.assertEqual(lab.judged(reply, question), (True, "Right."), question)
                if not isinstance(question.answer, set) and not question.options:
                    last = float(re.findall(r"-?[\d.]*\d", question.worked)[-1])
                    self.assertAlmostEqual(abs(last), abs(question.answer), delta=0.006)

    def test_by_other_means(self):
        for seed in range(20):
            asked = dict(zip([ask.__name__ for ask in lab.QUIZ], lab.questions(seed)))
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
            side = "side by side" in asked["ask_swapped"].text
            self.assertEqual(asked["ask_swapped"].answer, 1 if side else 2)

    def test_the_usual_slips_are_named(self):
        """A slip is told by what was done, and no slip is the answer itself."""
        named = 0
        for seed in range(10):
            for question in lab.questions(seed):
                for wrong, words in question.slips:
                    if not lab.same(wrong, question.answer, question.digits):
                        right, remark = lab.judged(wrong, question)
                        self.assertFalse(right)
                        self.assertRegex(remark, "^No: ")
                        named += words in remark
        self.assertGreater(named, 200)

    def test_near_far_and_by_how_much(self):
        question = lab.Question("?", 2.0, 2, "2", slips=((5, "that is five"),))
        for reply, right, words in ((2.004, True, "Right"), (2.1, False, "0.1 too high"),
                                    (1.9, False, "0.1 too low"), (-2, False, "sign"),
                                    (5, False, "that is five"), (9, False, "7 too high")):
            verdict, remark = lab.judged(reply, question)
            self.assertEqual(verdict, right)
            self.assertIn(words, remark)
        places = lab.Question("?", {5, 3, 0}, 0, "")
        self.assertIn("2 of 3 found, 1 wrong", lab.judged({5, 3, 1}, places)[1])
        guess = lab.Question("?", 62.4, 0, "", guess=True)
        self.assertEqual(lab.judged(80, guess), (None, "You said 80: 17.6 away."))

    def test_what_cannot_be_understood_is_asked_again(self):
        for question, bad, good in (
                (lab.Question("?", 2.0, 2, "1 + 1 = 2"), ("x", "1/0", "nan", "inf", "1 2", "1/"),
                 "2"),
                (lab.chosen("?", ("yes", "no"), 2, "so"), ("0", "3", "yes", "1.5"), "2"),
                (lab.Question("?", {5, 3}, 0, "so"), ("five", "5;3"), "3, 5")):
            for text in bad:
                with answers(text, good):
                    printed = output(tutorial.put, question)
                self.assertIn("Please type", printed)

    def test_quiz_scores(self):
        right = [lab.answer_text(question) for question in lab.questions(5)]
        with answers(*right):
            self.assertIn(f"Score: {len(right)} of {len(right)}.", output(tutorial.quiz, 5))
        with answers("", "999", "q"):
            self.assertIn("Score: 0 of 2.", output(tutorial.quiz, 5))

    def test_worksheet_and_key_agree(self):
        for kind in ("text", "html"):
            sheet = tutorial.worksheet(3, kind)
            blanks, _, key = sheet.partition("Key to worksheet 3")
            flat = " ".join(key.split())
            for question in lab.questions(3):
                self.assertIn(lab.answer_text(question), flat)
                self.assertNotIn(question.worked, " ".join(blanks.split()))
            self.assertEqual(blanks.count("_" * 60 if kind == "text" else 'class="blank"'),
                             len(lab.QUIZ))

    def test_quiz_pages_exist(self):
        self.assertLessEqual(set(lab.QUIZ.values()), set(pages.PAGES))


def integers(text):
    """Return the whole numbers in a text, without those of names such as p_01."""
    return [int(number) for number in re.findall(r"(?<![\w_.])-?\d+(?![.\d])", text)]


# ---- the pager -----------------------------------------------------------------------------------


class Pager(unittest.TestCase):
    def walk(self, *wishes, trips=()):
        """Return which pages are shown for these wishes, one after each page."""
        shown = []
        left = list(wishes)
        entries = {name: mock.Mock(trips=trips if name == "2" else ()) for name in "123"}

        def show_page(name, pause):
            shown.append(name)
            return left.pop(0)
        with mock.patch.object(tutorial, "show_page", show_page), \
                mock.patch.object(tutorial, "PAGES", entries), \
                mock.patch.object(tutorial, "title_of", str), \
                mock.patch.object(show, "key", lambda *_: left.pop(0)):
            output(tutorial.lesson, list("123"), True)
        return shown

    def test_on_back_quit(self):
        self.assertEqual(self.walk("", "", ""), ["1", "2", "3"])
        self.assertEqual(self.walk("", "b", "", "q"), ["1", "2", "1", "2"])
        self.assertEqual(self.walk("b", "q"), ["1", "1"])

    def test_side_trips_bring_the_reader_back(self):
        trips = ("2a", "2b")
        self.assertEqual(self.walk("", "m", "", "", "", "q", trips=trips),
                         ["1", "2", "2a", "2b", "3"])
        self.assertEqual(self.walk("", "m", "b", "m", "q", trips=trips), ["1", "2", "2a", "2a"])
        self.assertEqual(self.walk("m", "", "q", trips=trips), ["1", "2", "3"])

    def test_a_notebooks_reveal_judges_and_shows(self):
        self.assertIn("Right.", output(tutorial.reveal, 9, 26))
        self.assertIn("through c, and directly", output(tutorial.reveal, 9, 24))
        self.assertIn("Right.", output(tutorial.reveal, 6, {11, 10, 8, 4, 0}))


# ---- for a class ---------------------------------------------------------------------------------


class Tags(HTMLParser):
    """Counts the tags of a page, and what it fetches from elsewhere."""

    def __init__(self):
        super().__init__()
        self.sections = 0
        self.fetched = []

    def handle_starttag(self, tag, attrs):
        """Note one tag."""
        self.sections += tag == "section"
        self.fetched += [value for name, value in attrs if name in ("src", "href")]


class ForAClass(unittest.TestCase):
    def test_slides(self):
        """Two a page, with notes; nothing is fetched."""
        text = tutorial.slides()
        tags = Tags()
        tags.feed(text)
        self.assertEqual((tags.sections, tags.fetched), (2 * len(SPINE), []))
        self.assertEqual(text.count("<aside>"), 2 * len(SPINE))
        self.assertNotIn("http", text.replace("http-equiv", ""))
        for name in SPINE:
            self.assertTrue(pages.PAGES[name].notes, name)

    @slow
    def test_notebook(self):
        """It is a notebook of version 4.5, and its cells run."""
        book = json.loads(tutorial.notebook())
        self.assertEqual((book["nbformat"], book["nbformat_minor"]), (4, 5))
        ids = [cell["id"] for cell in book["cells"]]
        self.assertEqual(len(set(ids)), len(ids))
        names = {}
        for cell in book["cells"]:
            self.assertIn(cell["cell_type"], ("code", "markdown"))
            if cell["cell_type"] == "code":
                output(exec, "".join(cell["source"]), names)
        self.assertIn("a", names)


class Program(unittest.TestCase):
    def test_options(self):
        self.assertEqual(len(output(tutorial.main, ["--list"]).splitlines()), len(pages.PAGES))
        self.assertIn("1/15", output(tutorial.main, ["--page", "1"]))
        self.assertIn("7b", output(tutorial.main, ["--page", "7b"]))
        for options in (["--page", "0"], ["--page", "²"], ["--seed", "1"], ["--worksheet", "pdf"],
                        ["--page", "1", "--quiz"], ["--page", "99z"]):
            status, _, errors = called(tutorial.main, *options)
            self.assertEqual((status, errors.count("\n")), (2, 1), options)

    def test_without_a_standard_output(self):
        result = run("-c", "import sys; sys.stdout = None; import tutorial\n"
                     "for options in ['--page', '1'], ['--worksheet'], ['--list'], ['--quiz']:\n"
                     "    tutorial.main(options)")
        self.assertEqual((result.returncode, result.stderr), (0, ""))

    def test_toys_are_the_models(self):
        scores, weights, _ = lab.toy_attention((2, 0, 0, 0), (1, 0, 0, 1))
        self.assertEqual([s.data for s in scores], [1, 1])
        self.assertIsInstance(weights[0], micro_gpt.Value)
        apart = beyond.mixer("planes apart")
        self.assertIsNot(apart.mean_plane, micro_grassmann.mean_plane)
