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
import threading
import time
import unittest

import playground
import playground_answers as answers
from tests.helpers import CLEAN, GPT, INPUT, ROOT, set_up, slow


def wait_for(training, seconds=60):
    """Ask for a training's progress until it has ended; return the last answer."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        told = answers.answer({"ask": "progress", "training": training})
        if told["state"] not in ("runs", "paused"):
            return told
        time.sleep(0.1)
    raise AssertionError("the training did not end")


class Answers(unittest.TestCase):
    """What is on the screen is what the model files compute."""

    @slow
    def test_training_is_the_terminals(self):
        """Losses, held-out loss and texts equal those of the model file's own main()."""
        told = {}
        for mixer in "attention", "Grassmann":
            number = answers.answer({"ask": "train", "steps": 30, "mixer": mixer})["training"]
            told[mixer] = wait_for(number)
        for mixer, model in ("attention", GPT), ("Grassmann", CLEAN):
            run = set_up(model, model.load_docs(INPUT))
            seen, held_out = model.split_docs(run.docs, 30)
            losses = list(model.train(seen, run.params, run.config, 30))
            found = told[mixer]
            self.assertEqual(found["losses"], losses)
            self.assertEqual(found["held_out"], model.evaluate(held_out, run.params, run.config))
            names = [model.generate(run.vocab, run.params, run.config, run.rng, 0.5)
                     for _ in range(answers.SAMPLES)]
            self.assertEqual([name for name, _ in found["samples"]], names)
            self.assertAlmostEqual(found["lines"]["blind"], math.log(27))

    @slow
    def test_brackets_and_own_text(self):
        """Each task trains with each kind of mixing layer; wrong brackets are marked."""
        number = answers.answer({"ask": "train", "steps": 3, "task": "brackets",
                                    "mixer": "running sum", "r": 2})["training"]
        found = wait_for(number)
        self.assertEqual(found["state"], "done")
        for text, wrong in found["samples"]:
            depths = [text[:n].count("(") - text[:n].count(")") for n in range(len(text) + 1)]
            self.assertEqual(wrong is None, min(depths) == 0 and depths[-1] == 0, text)
        number = answers.answer({"ask": "train", "steps": 3, "task": "text", "window": [1, 3],
                                    "text": "a bird\nsings", "mixer": "linear map"})["training"]
        self.assertEqual(wait_for(number)["state"], "done")

    def test_look(self):
        """Odds sum to 1; arcs go where the window says; weights change what is seen."""
        text = "emma\nanna\nolivia\nliam\nnoah\nava\nmia\nleo\nida\nada\nnina\nlina"
        for mixer, places in ("Grassmann", [3, 2, 0]), ("attention", [0, 1, 2, 3, 4]):
            question = {"ask": "look", "mixer": mixer, "word": "emma", "task": "text",
                        "text": text}
            fresh = answers.answer(question)
            self.assertAlmostEqual(sum(fresh["odds"]), 1)
            self.assertEqual([arc["s"] for arc in fresh["arcs"]], places)
            for row in fresh["rows"]:
                self.assertEqual(len(row["values"]), len(row["formulas"]))
                self.assertIn("def ", row["source"]["text"])
            question["training"] = answers.answer({**question, "ask": "train",
                                                      "steps": 5})["training"]
            wait_for(question["training"])
            after = answers.answer(question)
            before = answers.answer({**question, "after": False})
            self.assertEqual(before["odds"], fresh["odds"])
            self.assertNotEqual(after["odds"], fresh["odds"])

    def test_attention_weights(self):
        """The heads' mean weights, each a share, sum to 1."""
        seen = answers.answer({"ask": "look", "mixer": "attention", "word": "anna",
                                  "position": 2, "n_layer": 2, "layer": 1})
        self.assertAlmostEqual(sum(arc["weight"] for arc in seen["arcs"]), 1)
        self.assertEqual(len(seen["arcs"]), 3)

    def test_plane(self):
        """Swapping turns the sign, parallel vectors have none."""
        one = answers.answer({"ask": "plane", "u": [1, 2, 3], "v": [0, 1, 4]})
        self.assertEqual(one["plane"], [1, 4, 5])
        other = answers.answer({"ask": "plane", "v": [1, 2, 3], "u": [0, 1, 4]})
        self.assertEqual(other["plane"], [-1, -4, -5])
        self.assertEqual(answers.answer({"ask": "plane", "u": [1, 2, 3], "v": [2, 4, 6]})
                         ["length"], 0)

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
        rows = {row["mixer"]: row for row in
                answers.answer({"ask": "cost", "length": 20})["rows"]}
        self.assertEqual(rows["attention"]["pairs"][-1], 20 * 21 // 2)
        self.assertEqual(rows["Grassmann"]["pairs"][-1],
                         sum(max(0, 20 - offset) for offset in (1, 2, 4, 8, 12, 16)))
        self.assertEqual(len(rows["folded"]["nodes"]), 20)


WRONG = (
    None, [], "train", {}, {"ask": []}, {"ask": "eval"}, {"ask": "train", "steps": 10 ** 6},
    {"ask": "train", "steps": "5"}, {"ask": "train", "steps": True}, {"ask": "train", "steps": 0},
    {"ask": "train", "mixer": "x"}, {"ask": "train", "mixer": ["attention"]},
    {"ask": "train", "r": 99}, {"ask": "train", "n_layer": 5}, {"ask": "train", "window": [0]},
    {"ask": "train", "window": [1, 1]}, {"ask": "train", "window": "12"},
    {"ask": "train", "window": [[1]]}, {"ask": "train", "task": "text"},
    {"ask": "train", "task": "text", "text": "x " * 40000}, {"ask": "train", "seed": -1},
    {"ask": "train", "task": "text", "text": " ".join(map(chr, range(500, 900)))},
    {"ask": "progress", "training": 0}, {"ask": "progress"}, {"ask": "order", "training": "1"},
    {"ask": "look", "word": "Ä"}, {"ask": "look", "word": "a" * 16}, {"ask": "look", "layer": 1},
    {"ask": "look", "position": 5}, {"ask": "look", "mixer": "folded"}, {"ask": "look", "word": 3},
    {"ask": "plane", "u": [1, 2], "v": [1, 2, 3]}, {"ask": "plane", "u": [1, 2, math.nan]},
    {"ask": "plane", "u": [1, 2, 1e300], "v": [1, 2, 3]},
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
    {"ask": "cost", "length": 0}, {"ask": "cost", "length": 10 ** 4}, {"ask": "cost"})


class BadQuestions(unittest.TestCase):
    """Each gets one sentence."""

    def test_wrong(self):
        """ValueError or ArithmeticError, of one line, and no training begins."""
        before = len(answers.trainings)
        for question in WRONG:
            with self.subTest(question=str(question)[:80]), \
                    self.assertRaises((ValueError, ArithmeticError)) as caught:
                answers.answer(question)
            self.assertNotIn("\n", str(caught.exception))
        self.assertEqual(len(answers.trainings), before)


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
        for path in sorted((ROOT / "playground").iterdir()):
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
        for body, status in ((b"x" * 70000, 413), (b"{", 400), (b"\xff\xfe", 400), (nan, 400),
                             (b"[" * 9000, 400), (b"", 400)):
            found, text = self.send("POST", "/answer", body)
            self.assertEqual(found, status, body[:20])
            self.assertGreater(len(json.loads(text)["error"]), 5)
        with socket.create_connection(("127.0.0.1", self.port)) as raw:
            raw.sendall(f"POST / HTTP/1.0\r\nHost: 127.0.0.1:{self.port}\r\n\r\n".encode())
            self.assertIn(b" 411 ", raw.recv(100))
        self.assertEqual(self.ask({"ask": "start"})[0], 200)

    def test_random_requests(self):
        """Hundreds of random questions (MICROGRASSMANN_SLOW=1: 10,000): 200 or 400, at once."""
        rng = random.Random(1)
        parts = [None, True, -1, 0, 1, 3, 10 ** 30, 1.5, 1e300, "", "emma", "names", "a*b", [], {},
                 [1, 2, 3], ["x"], {"a": 2, "b": 3}, "attention", "Grassmann", "\ud800", "(" * 50]
        names = ["word", "mixer", "steps", "r", "window", "u", "v", "expression", "values",
                 "length", "position", "layer", "training", "since", "order", "task", "seed"]
        asks = [name for name in answers.QUESTIONS if name != "train"]
        often = 10000 if os.environ.get("MICROGRASSMANN_SLOW") else 300
        for _ in range(often):
            question = {"ask": rng.choice(asks)}
            for name in rng.sample(names, rng.randint(0, 8)):
                question[name] = rng.choice(parts)
            self.assertIn(self.ask(question)[0], (200, 400), question)
        self.assertLess(threading.active_count(), 30)

    @slow
    def test_two_trainings_pause_and_silence(self):
        """At most two at once; a pause stands still; what nobody asks about ends within 10 s."""
        numbers = [self.ask({"ask": "train", "steps": 20000})[1]["training"] for _ in range(2)]
        status, told = self.ask({"ask": "train"})
        self.assertEqual(status, 400)
        self.assertGreater(len(told["error"]), 5)
        time.sleep(3)
        self.ask({"ask": "order", "training": numbers[0], "order": "pause"})
        time.sleep(1)
        counts = [len(answers.trainings[numbers[0]].told["losses"])]
        start = time.monotonic()
        self.assertEqual(self.ask({"ask": "start"})[0], 200)
        self.assertLess(time.monotonic() - start, 1)
        time.sleep(1)
        counts.append(len(answers.trainings[numbers[0]].told["losses"]))
        self.assertEqual(counts[0], counts[1])
        self.assertGreater(counts[0], 0)
        self.ask({"ask": "order", "training": numbers[0], "order": "go on"})
        time.sleep(1.5)
        self.assertGreater(len(answers.trainings[numbers[0]].told["losses"]), counts[1])
        self.ask({"ask": "order", "training": numbers[0], "order": "stop"})
        time.sleep(8)
        for number in numbers:
            self.assertFalse(answers.trainings[number].process.is_alive())
        self.assertEqual(answers.trainings[numbers[1]].told["state"], "nobody asked")

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
        for options in ("--port", "80"), ("--x",), ("extra",):
            result = subprocess.run([sys.executable, str(ROOT / "playground.py"), *options],
                                    capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual((result.returncode, result.stderr.count("\n")), (2, 1), options)


if __name__ == "__main__":
    unittest.main()
