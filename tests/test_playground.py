"""The playground's answers, its manners towards bad questions, and its server."""
import http.client
import json
import math
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import warnings
import zipfile
from pathlib import Path
from unittest import mock

import benchmark_tasks
import beyond
import exercises_judge
import playground
import playground_answers as answers
import tasks
from tests.helpers import CLEAN, GPT, INPUT, ROOT, called, flat, set_up, slow


def train(**question):
    """Train one contender to the end; return the run's id and what the training told."""
    run = answers.answer({"ask": "train", **question})["run"]
    limit = time.monotonic() + 60
    while time.monotonic() < limit:
        [told] = answers.answer({"ask": "progress", "run": run})["trainings"]
        if told["state"] not in ("waits", "runs", "paused"):
            return run, told
        time.sleep(0.1)
    raise AssertionError("the training did not end")


class Answers(unittest.TestCase):
    """What is on the screen is what the model files compute."""

    @slow
    def test_training_is_the_terminals(self):
        """Losses, held-out loss and texts equal those of the model file's own main()."""
        for mixer, model in ("attention", GPT), ("Grassmann", CLEAN):
            _, found = train(steps=30, mixers=[mixer])
            run = set_up(model, model.load_docs(INPUT))
            seen, held_out = model.split_docs(run.docs, 30)
            losses = list(model.train(seen, run.params, run.config, 30))
            self.assertEqual(found["losses"], losses)
            self.assertEqual(found["held_out"], model.evaluate(held_out, run.params, run.config))
            names = [model.generate(run.vocab, run.params, run.config, run.rng, 0.5)
                     for _ in range(answers.SAMPLES)]
            self.assertEqual([name for name, _ in found["moments"][-1]["samples"]], names)
            self.assertAlmostEqual(found["lines"]["blind"], math.log(27))

    @slow
    def test_brackets_and_own_text(self):
        """Each task trains with each kind of mixing layer; wrong brackets are marked."""
        _, found = train(steps=3, task="brackets", mixers=["running sum"], r=2)
        self.assertEqual(found["state"], "done")
        for text, wrong in found["moments"][-1]["samples"]:
            depths = [text[:n].count("(") - text[:n].count(")") for n in range(len(text) + 1)]
            self.assertEqual(wrong is None, min(depths) == 0 and depths[-1] == 0, text)
        _, found = train(steps=3, task="text", window=[1, 3], mixers=["linear map"],
                         text="a bird\nsings" + "x" * 40)
        self.assertEqual((found["state"], found["cut"]), ("done", 1))

    def test_look(self):
        """Odds sum to 1; arcs go where the window says; the weights of each moment are kept."""
        text = "emma\nanna\nolivia\nliam\nnoah\nava\nmia\nleo\nida\nada\nnina\nlina"
        for mixer, places in ("Grassmann", [3, 2, 0]), ("attention", [0, 1, 2, 3, 4]):
            question = {"ask": "look", "mixer": mixer, "word": "emma", "task": "text",
                        "text": text}
            fresh = answers.answer(question)
            self.assertAlmostEqual(sum(fresh["odds"]), 1)
            self.assertEqual([arc["s"] for arc in fresh["arcs"]], places)
            self.assertAlmostEqual(sum(arc["share"] for arc in fresh["arcs"]), 1)
            run, told = train(**{**question, "ask": "train", "mixers": [mixer], "steps": 3})
            self.assertEqual([moment["step"] for moment in told["moments"]], [0, 1, 2, 3])
            before, one, after = [answers.answer(
                {"ask": "look", "run": run, "word": "emma", "moment": n}) for n in (0, 1, 9)]
            self.assertEqual(before["odds"], fresh["odds"])
            self.assertNotEqual(one["odds"], fresh["odds"])
            self.assertNotEqual(one["odds"], after["odds"])

    def test_flow(self):
        """Each number's formula gives it, and it is made of the rows that it says."""
        for mixer in "Grassmann", "attention", "running sum", "delta rule", "gated recurrence":
            rows = answers.answer({"ask": "look", "mixer": mixer, "word": "an"})["rows"]
            names = [row["name"] for row in rows]
            self.assertIn("x", names, mixer)
            self.assertEqual(names[-1], "logits", mixer)
            for n, row in enumerate(rows):
                for value, cell in zip(row["values"], row["cells"]):
                    self.assertAlmostEqual(value, float(cell["formula"].split(" ")[0]), 3)
                    self.assertTrue(all(m != n and i < len(rows[m]["values"])
                                        for m, i in cell["made"]))
                    file, function, line = cell["line"] or (None, None, None)
                    if file and (function, line) not in self.known:
                        found = answers.answer({"ask": "source", "file": file,
                                                "function": function})
                        self.assertIn(line - found["first"], range(len(found["lines"])))
                        self.known.add((function, line))

    known = set()  # lines of code that were found

    def test_flow_of_the_grassmann_layer(self):
        """The rows are the layer's own: each plane is of its partner, the mean of the planes."""
        seen = answers.answer({"ask": "look", "word": "emmanuel", "r": 3, "position": 4})
        rows = {(row["name"], row["at"], row["partner"]): row for row in seen["rows"]}
        u = rows["z", None, None]["values"]
        units = []
        for s in 3, 2, 0:
            v = rows["z", s, None]["values"]
            p = [u[i] * v[j] - u[j] * v[i] for i, j in ((0, 1), (0, 2), (1, 2))]
            for one, other in zip(p, rows["p", None, s]["values"]):
                self.assertAlmostEqual(one, other)
            length = math.hypot(*p)
            units.append([x / length for x in p])
            [arc] = [arc for arc in seen["arcs"] if arc["s"] == s]
            self.assertAlmostEqual(arc["length"], length)
            self.assertEqual(arc["z"], v)
        mean = rows["mean_plane", None, None]
        for column, value in zip(zip(*units), mean["values"]):
            self.assertAlmostEqual(sum(column) / 3, value, 5)
        made = {tuple(pair) for cell in mean["cells"] for pair in cell["made"]}
        units = {n for n, row in enumerate(seen["rows"]) if row["name"] == "unit_plucker"}
        self.assertEqual({n for n, _ in made}, units)

    def test_folded(self):
        """Capitals and accents go where the documents have none; what they have stays."""
        vocab = dict.fromkeys("abcdefghijklmnopqrstuvwxyz")
        self.assertEqual(answers.folded("Zoë", vocab), "zoe")
        self.assertEqual(answers.folded("Zoe\u0308", vocab), "zoe")
        self.assertEqual(answers.folded("Zoë", {**vocab, "Z": 1, "ë": 2}), "Zoë")
        for word in "민수", "a b", "x1":
            with self.assertRaises(answers.Wrong) as caught:
                answers.folded(word, vocab)
            self.assertEqual(caught.exception.field, "word")

    @slow
    def test_saved_models(self):
        """The models of the first chapter are what the command makes, in 500,000 bytes at most."""
        size = 0
        for name in answers.SAVED:
            model, start = answers.saved(name)
            with tempfile.TemporaryDirectory() as folder:
                again = answers.train_saved(name, Path(folder, "model.json"))
                self.assertEqual(model.load_model(Path(folder, "model.json"))[3],
                                 model.load_model(answers.saved_file(name))[3])
            docs = [model.tokenize(doc, start.vocab) for doc in again.docs[-200:]]
            losses = [model.evaluate(docs, params, start.config)
                      for params in (start.params, again.params)]
            self.assertAlmostEqual(*losses, 2)  # other Pythons add in another order
            size += answers.saved_file(name).stat().st_size
        self.assertLess(size, 500_000)
        self.assertEqual(answers.saved("Grassmann")[1].config.r, 3)

    def test_read(self):
        """The odds of each position sum to 1; the losses are the model's own."""
        for name in answers.SAVED:
            read = answers.answer({"ask": "read", "saved": name, "word": "Emma"})
            model, start = answers.saved(name)
            tokens = model.tokenize("emma", start.vocab)
            losses = [x.data for x in model.token_losses(tokens, start.params, start.config)]
            self.assertEqual(read["losses"], losses)
            for odds in read["odds"]:
                self.assertAlmostEqual(sum(odds), 1)

    def test_questions_are_the_grids(self):
        """Sizes, first weights and what is asked are benchmark_tasks.py's."""
        for task, name in ("dominance", "dominance"), ("open brackets", "brackets"), \
                ("recall", "recall"):
            settings = answers.settings_of({"task": task, "steps": 3, "mixer": "linear map"})
            with mock.patch.object(tasks, "QUESTIONS", 1):
                train, held_out, vocab = answers.examples(settings)
                data = tasks.questions(name, 42, 3, 32, 15)
            self.assertEqual(vocab, data.vocab)
            self.assertEqual((len(train), len(held_out)), (3, 1))
            self.assertEqual(train[2], tasks.in_tokens(data.train[2], vocab))
            model, config, params = answers.begin_asking(settings, vocab)
            self.assertEqual(config, benchmark_tasks.configure(name, "linear map", data, 32))
            fresh = beyond.mixer("linear map").init_params(config, random.Random(42))
            self.assertEqual([w.data for w in flat(params)], [w.data for w in flat(fresh)])
            asked = sum(answer is not None for answer in train[0][1])
            self.assertEqual(len(model.token_losses(train[0], params, config)), asked)

    def test_grid(self):
        """Each cell of the grid is a race that can be started."""
        grid = answers.answer({"ask": "start"})["grid"]
        self.assertEqual({row["task"] for row in grid["tasks"]}, set(answers.ASKED))
        for row in grid["tasks"]:
            self.assertEqual(list(row["cells"]), grid["layers"])
            for layer, cell in row["cells"].items():
                answers.settings_of({"task": row["task"], "mixer": layer, "rate": cell["rate"],
                                     "steps": grid["steps"], "signs": grid["signs"]})
                self.assertTrue(all(0 <= share <= 1 for share in cell["right"].values()))
                self.assertEqual(len(cell["right"]), 10)  # as the text beside the grid says

    def test_exercise(self):
        """A step's own solution is right, its stub not written; a server runs nobody's code."""
        question = {"ask": "exercise", "step": 1}
        stubs = answers.answer(question)["stubs"]
        with self.assertRaises(answers.Wrong):
            answers.answer({**question, "code": stubs})
        own = [exercises_judge.source_of(answers.EXERCISE, f"Value.{name}")
               for name in ("__add__", "__mul__")]
        with mock.patch.object(answers, "IN_BROWSER", True):
            for code, said in (own, "right"), (stubs, "not written"), (["x ="] * 2, "not run"):
                found = answers.answer({**question, "code": code})["verdict"]
                self.assertEqual(found["what"], said)

    def test_export(self):
        """A static site, whole or not at all, with all that answers in the browser."""
        with tempfile.TemporaryDirectory() as folder:
            site = Path(folder, "site")
            playground.export(site, "https://example.org/pyodide")
            self.assertIn('data-pyodide="https://example.org/pyodide/"',
                          (site / "index.html").read_text(encoding="utf-8"))
            with zipfile.ZipFile(site / "python.zip") as archive:
                archive.extractall(Path(folder, "python"))
            result = subprocess.run(
                [sys.executable, "-c", "import playground_answers as a; "
                 "print(len(a.answer({'ask': 'read', 'saved': 'Grassmann'})['odds']))"],
                cwd=Path(folder, "python"), capture_output=True, text=True, check=False)
            self.assertEqual((result.stdout, result.stderr), ("5\n", ""))
            for place, pyodide in (site, "https://example.org"), (Path(folder, "new"), folder):
                with self.assertRaises(ValueError):
                    playground.export(place, pyodide)
            self.assertEqual(sorted(os.listdir(folder)), ["python", "site"])

    def test_documents(self):
        """What a text is, before anything learns from it."""
        found = answers.answer({"ask": "documents", "task": "text", "text": "ab\n" + "c" * 32})
        self.assertEqual(found, {"documents": 2, "cut": 1, "symbols": 3, "block": 32})

    def test_attention_weights(self):
        """The heads' mean weights, each a share, sum to 1."""
        seen = answers.answer({"ask": "look", "mixer": "attention", "word": "anna",
                                  "position": 2, "n_layer": 2, "layer": 1})
        self.assertAlmostEqual(sum(arc["share"] for arc in seen["arcs"]), 1)
        self.assertEqual(len(seen["arcs"]), 3)

    def test_plane(self):
        """Swapping turns the sign, parallel vectors have none, the order of partners is lost."""
        def plane(u, *partners):
            return answers.answer({"ask": "plane", "u": u, "partners": list(partners)})
        self.assertEqual(plane([1, 2, 3], [0, 1, 4])["planes"][0]["p"], [1, 4, 5])
        self.assertEqual(plane([0, 1, 4], [1, 2, 3])["planes"][0]["p"], [-1, -4, -5])
        self.assertEqual(plane([1, 2, 3], [2, 4, 6])["planes"][0]["length"], 0)
        one = plane([1, 2, 3], [0, 1, 4], [3, 1, 0])
        other = plane([1, 2, 3], [3, 1, 0], [0, 1, 4])
        self.assertEqual(one["mean"], other["mean"])
        self.assertEqual(one["planes"], other["planes"][::-1])
        for unit, other in zip(one["planes"][0]["unit"], plane([2, 4, 6], [0, 1, 4])["mean"]):
            self.assertAlmostEqual(unit, other)

    def test_gradients(self):
        """The steps end at the gradients of calculus, a shared node's shares added up."""
        found = answers.answer({"ask": "gradients", "values": {"a": 2, "b": 3, "c": 1},
                                   "expression": "(a*b + c).relu() ** 2 + a / b"})
        grads = {}
        for step in found["steps"]:
            grads[found["nodes"][step["child"]]["label"]] = step["becomes"]
        self.assertAlmostEqual(grads["a"], 2 * 7 * 3 + 1 / 3)
        self.assertAlmostEqual(grads["b"], 2 * 7 * 2 - 2 / 9)
        self.assertAlmostEqual(grads["c"], 14)
        two = answers.answer({"ask": "gradients", "expression": "a*b",
                                 "values": {"a": 2, "b": 3}})
        self.assertEqual([step["local"] for step in two["steps"]], [3, 2])
        shared = answers.answer({"ask": "gradients", "expression": "a*a", "values": {"a": 5}})
        self.assertEqual([step["becomes"] for step in shared["steps"]], [5, 10])
        self.assertEqual([step["local"] for step in shared["steps"]], [5, 5])

    def test_cost(self):
        """Attention looks at all pairs, Grassmann at as many as its window reaches."""
        with mock.patch.object(answers, "COST_LENGTH", 20), \
                mock.patch.object(answers, "prices", answers.prices.__wrapped__):
            found = answers.answer({"ask": "cost", "length": 20})
        rows = {row["mixer"]: row for row in found["rows"]}
        self.assertEqual(rows["attention"]["pairs"][-1], 20 * 21 // 2)
        self.assertEqual(rows["Grassmann"]["pairs"][-1],
                         sum(max(0, 20 - offset) for offset in (1, 2, 4, 8, 12, 16)))
        self.assertEqual(len(rows["folded"]["nodes"]), 20)


WRONG = (
    None, [], "train", {}, {"ask": []}, {"ask": "eval"}, {"ask": "train", "steps": 10 ** 6},
    {"ask": "train", "steps": "5"}, {"ask": "train", "steps": True}, {"ask": "train", "steps": 0},
    {"ask": "train", "mixers": ["x"]}, {"ask": "train", "mixers": "attention"},
    {"ask": "train", "mixers": []}, {"ask": "train", "mixers": [["attention"]]},
    {"ask": "train", "mixers": ["attention", "attention"]}, {"ask": "train", "seeds": [-1]},
    {"ask": "train", "seeds": [1, 2, 3, 4, 5, 6]}, {"ask": "train", "seeds": [[1]]},
    {"ask": "train", "seeds": [1, 2, 3], "mixers": list(answers.beyond.MAKERS)[:5]},
    {"ask": "train", "task": "dominance", "signs": 4}, {"ask": "train", "rate": 1},
    {"ask": "train", "rate": "0.01"}, {"ask": "look", "task": "dominance"},
    {"ask": "train", "r": 99}, {"ask": "train", "n_layer": 5}, {"ask": "train", "window": [0]},
    {"ask": "train", "window": [1, 1]}, {"ask": "train", "window": "12"},
    {"ask": "train", "window": [[1]]}, {"ask": "train", "task": "text"},
    {"ask": "train", "task": "text", "text": "x " * 40000}, {"ask": "train", "seed": -1},
    {"ask": "train", "task": "text", "text": " ".join(map(chr, range(500, 900)))},
    {"ask": "progress", "run": 0}, {"ask": "progress"}, {"ask": "order", "run": "1"},
    {"ask": "look", "word": "Ж"}, {"ask": "look", "word": "a" * 16}, {"ask": "look", "layer": 1},
    {"ask": "look", "position": 5}, {"ask": "look", "mixer": "none"}, {"ask": "look", "word": 3},
    {"ask": "look", "run": "1"}, {"ask": "source", "file": "/etc/passwd", "function": "x"},
    {"ask": "source", "file": "micro_gpt.py", "function": "x"},
    {"ask": "source", "file": "micro_gpt.py", "function": 3}, {"ask": "source"},
    {"ask": "documents", "task": "text", "text": ""}, {"ask": "documents", "task": "x"},
    {"ask": "plane", "u": [1, 2], "partners": [[1, 2, 3]]}, {"ask": "plane", "u": [1, 2, 3]},
    {"ask": "plane", "u": [1, 2, math.nan], "partners": [[1, 2, 3]]},
    {"ask": "plane", "u": [1, 2, 3], "partners": [[1, 2, 1e300]]},
    {"ask": "plane", "u": [1, 2, 3], "partners": []},
    {"ask": "gradients", "expression": "__import__('os')"}, {"ask": "gradients"},
    {"ask": "gradients", "expression": "a", "values": {"a": "1"}},
    {"ask": "gradients", "expression": "a.data", "values": {"a": 1}},
    {"ask": "gradients", "expression": "a ** a", "values": {"a": 1}},
    {"ask": "gradients", "expression": "(a - a).log()", "values": {"a": 1}},
    {"ask": "gradients", "expression": "1/0"}, {"ask": "gradients", "expression": "1e999"},
    {"ask": "gradients", "expression": "(" * 299}, {"ask": "gradients", "expression": "-" * 299},
    {"ask": "gradients", "expression": "/".join("a" * 70), "values": {"a": 1}},
    {"ask": "gradients", "expression": "+".join("a" * 150), "values": {"a": 1}},
    {"ask": "gradients", "expression": "x"}, {"ask": "gradients", "expression": "[1 for x in y]"},
    {"ask": "exercise", "step": 0}, {"ask": "exercise", "step": 1, "code": ["print(1)"]},
    {"ask": "cost", "length": 0}, {"ask": "cost", "length": 10 ** 4}, {"ask": "cost"})


class BadQuestions(unittest.TestCase):
    """Each gets one sentence."""

    def test_wrong(self):
        """ValueError or ArithmeticError, of one line, and no training begins."""
        for question in WRONG:
            with self.subTest(question=str(question)[:80]), \
                    self.assertRaises((ValueError, ArithmeticError)) as caught:
                answers.answer(question)
            self.assertNotIn("\n", str(caught.exception))
        self.assertEqual(answers.running(), [])

    def test_field(self):
        """The answer names the field that is wrong."""
        for name, question in (("steps", {"ask": "train", "steps": 0}),
                               ("mixers", {"ask": "train", "mixers": ["x"]}),
                               ("window", {"ask": "look", "window": [99]}),
                               ("word", {"ask": "look", "word": "ж"}),
                               ("values", {"ask": "gradients", "expression": "a"}),
                               ("run", {"ask": "progress", "run": "x"})):
            is_good, text = answers.answer_text(json.dumps(question))
            self.assertEqual((is_good, json.loads(text)["field"]), (False, name))

    def test_no_warning(self):
        """An odd expression of a visitor's makes no noise on the terminal."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for expression in "1is 2", "'\\d'", "0or 1":
                answers.answer_text(json.dumps({"ask": "gradients", "expression": expression}))
        self.assertEqual(caught, [])


class Served(unittest.TestCase):
    """The server: for this machine's own pages only, and not to be brought down."""

    @classmethod
    def setUpClass(cls):
        cls.server = playground.open_server(8200)
        cls.port = cls.server.server_address[1]
        threading.Thread(target=cls.server.serve_forever, daemon=True).start()

    @classmethod
    def tearDownClass(cls):
        cls.server.shutdown()
        cls.server.server_close()

    def send(self, method, path, body=None, **headers):
        """Return the status and the body of the answer to one request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request(method, path, body, headers)
        reply = connection.getresponse()
        found = reply.status, reply.read()
        connection.close()
        return found

    def ask(self, question, **headers):
        """Return the status and the answer to a question."""
        status, body = self.send("POST", "/answer", json.dumps(question), **headers)
        return status, json.loads(body)

    def test_files(self):
        """The page's own files, and no others."""
        self.assertIn(b"<title>", self.send("GET", "/?x=1")[1])
        for path in (ROOT / "playground").iterdir():
            if path.suffix == ".json":  # the models: Python reads them
                continue
            self.assertEqual(self.send("GET", f"/{path.name}"), (200, path.read_bytes()))
        for path in "/../playground.py", "/playground.py", "/%2e%2e/README.md", "//etc/passwd":
            self.assertEqual(self.send("GET", path)[0], 404, path)

    def test_strangers(self):
        """Other hosts and other sites' pages are refused."""
        good = {"ask": "start"}
        own = f"127.0.0.1:{self.port}"
        self.assertEqual(self.ask(good, Origin=f"http://{own}")[0], 200)
        for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"},
                        {"Origin": "null"}, {"Host": f"evil.example:{self.port}"}):
            self.assertEqual(self.ask(good, **headers)[0], 403, headers)
            self.assertEqual(self.send("GET", "/", **headers)[0], 403, headers)
        self.assertEqual(self.server.server_address[0], "127.0.0.1")

    def test_bad_bodies(self):
        """Too long, no JSON, no number: one sentence each, and the server goes on."""
        nan = b'{"ask": "plane", "u": [NaN, 1, 1], "v": [1, 1, 1]}'
        long = {"Content-Length": str(playground.BODY + 1)}  # the server reads none of it
        self.assertEqual(self.send("POST", "/answer", b"", **long)[0], 413)
        for body, status in ((b"{", 400), (b"\xff\xfe", 400), (nan, 400),
                             (b"[" * 9000, 400), (b"", 400)):
            found, text = self.send("POST", "/answer", body)
            self.assertEqual(found, status, body[:20])
            self.assertGreater(len(json.loads(text)["error"]), 5)
        with socket.create_connection(("127.0.0.1", self.port)) as raw:
            raw.sendall(f"POST / HTTP/1.0\r\nHost: 127.0.0.1:{self.port}\r\n\r\n".encode())
            self.assertIn(b" 411 ", raw.recv(100))
        self.assertEqual(self.ask({"ask": "start"})[0], 200)

    def test_random_requests(self):
        """A hundred random questions (MICROGRASSMANN_SLOW=1: 10,000): 200 or 400, at once."""
        rng = random.Random(1)
        parts = [None, True, -1, 0, 1, 3, 10 ** 30, 1.5, 1e300, "", "emma", "names", "a*b", [], {},
                 [1, 2, 3], ["x"], {"a": 2, "b": 3}, "attention", "Grassmann", "\ud800", "(" * 50]
        names = ["word", "mixer", "steps", "r", "window", "u", "v", "expression", "values",
                 "length", "position", "layer", "run", "since", "order", "task", "seed", "mixers",
                 "seeds", "moment", "partners", "file", "function", "text", "flow"]
        asks = [name for asks in answers.GROUPS.values() for name in asks if name != "train"]
        often = 10000 if os.environ.get("MICROGRASSMANN_SLOW") else 100
        for _ in range(often):
            question = {"ask": rng.choice(asks)}
            for name in rng.sample(names, rng.randint(0, 8)):
                question[name] = rng.choice(parts)
            self.assertIn(self.ask(question)[0], (200, 400), question)
        self.assertLess(threading.active_count(), 30)

    def test_long_text(self):
        """As much as the text box takes comes in, whatever its letters."""
        text = ("\U00020000" * 99 + "\n") * 600
        found = self.ask({"ask": "documents", "task": "text", "text": text})
        self.assertEqual(found[1]["documents"], 600)

    def test_slow_sender(self):
        """A request has its seconds in total, however busily its bytes trickle in."""
        with mock.patch.object(playground, "PATIENCE", 0.5), \
                socket.create_connection(("127.0.0.1", self.port)) as raw:
            start = time.monotonic()
            raw.settimeout(0.05)
            while time.monotonic() - start < 10:
                try:
                    raw.sendall(b"G")
                    if not raw.recv(100):
                        break
                except socket.timeout:
                    continue
                except OSError:
                    break
            self.assertLess(time.monotonic() - start, 5)

    def test_nameless_machine(self):
        """It starts where the machine's name cannot be decoded."""
        with mock.patch("socket.getfqdn", side_effect=UnicodeDecodeError("utf-8", b"", 0, 1, "")):
            playground.open_server(8200).server_close()

    def test_headers(self):
        """No other site may use an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request("GET", "/")
        reply = connection.getresponse()
        self.assertEqual(reply.getheader("Cross-Origin-Resource-Policy"), "same-origin")
        connection.close()

    @slow
    def test_pause_and_silence(self):
        """One run at a time; a pause stands still; what nobody asks about ends."""
        keeper = threading.Thread(target=answers.keep_running, daemon=True)
        keeper.start()
        seeds = [1, 2, 3]
        run = self.ask({"ask": "train", "steps": 20000, "seeds": seeds})[1]["run"]
        status, told = self.ask({"ask": "train"})
        self.assertEqual((status, told["field"]), (400, "run"))
        self.assertEqual(self.ask({"ask": "running"})[1]["run"], run)
        trainings = answers.runs[run].trainings
        states = [training.told["state"] for training in trainings]
        self.assertEqual(states, ["runs"] * min(answers.CORES, 3) + ["waits"] * (3 - answers.CORES))

        def losses():
            return sum(len(training.told["losses"]) for training in trainings)
        while not losses():
            time.sleep(0.1)
        self.ask({"ask": "order", "run": run, "order": "pause"})
        time.sleep(1)
        before = losses()
        time.sleep(1)
        self.assertEqual(losses(), before)
        self.ask({"ask": "order", "run": run, "order": "go on"})
        time.sleep(1.5)
        self.assertGreater(losses(), before)
        self.assertGreater(self.ask({"ask": "progress", "run": run})[1]["speed"], 0)
        with mock.patch.object(answers, "LEFT", 1):
            self.ask({"ask": "order", "run": run, "order": "leave"})
        time.sleep(4)
        self.assertEqual({t.told["state"] for t in trainings}, {"nobody asked"})
        self.assertFalse(any(t.process and t.process.is_alive() for t in trainings))

    def test_taken_port(self):
        """The next free one is used."""
        other = playground.open_server(self.port)
        other.server_close()
        self.assertGreater(other.server_address[1], self.port)


class Program(unittest.TestCase):
    """The command line."""

    @unittest.skipIf(os.name == "nt", "no SIGINT to a child on Windows")
    def test_ctrl_c(self):
        """Ctrl-C ends the server and its training: one line, status 130."""
        with subprocess.Popen([sys.executable, str(ROOT / "playground.py"), "--no-browser",
                               "--port", "8300"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True) as program:
            port = int(program.stdout.readline().split("/")[2].rpartition(":")[2])
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            connection.request("POST", "/answer", json.dumps({"ask": "train", "steps": 20000}))
            self.assertEqual(connection.getresponse().status, 200)
            program.send_signal(signal.SIGINT)
            self.assertEqual(program.communicate(timeout=20)[1], "stopped\n")
            self.assertEqual(program.returncode, 130)

    def test_bad_options(self):
        """One line, status 2."""
        for options in ("--port", "80"), ("--x",), ("extra",), ("--pyodide", "x"):
            status, _, errors = called(playground.main, *options)
            self.assertEqual((status, errors.count("\n")), (2, 1), options)
