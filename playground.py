"""The models in a browser, to see and to touch. Nothing leaves this machine.

Run:       python3 playground.py
Options:   python3 playground.py --port N --no-browser
           python3 playground.py --export FOLDER --pyodide PLACE
           python3 playground.py --models     trains the two models of the first chapter anew

The site that --export writes needs no server of its own: any host of files will do, and Python runs
in the visitor's browser, by Pyodide. --pyodide names the folder of its npm package, to be copied,
or an address, from which visitors' browsers then load it.

The page in playground/ asks questions and draws the answers; playground_answers.py computes them.
"""
import ast
import contextlib
import html
import http.server
import json
import os
import shutil
import socket
import socketserver
import sys
import tempfile
import threading
import webbrowser
import zipfile
from pathlib import Path

sys.path.insert(0, os.path.dirname(__file__))  # python -P and -I leave this folder out

import playground_answers
import show

HERE = Path(__file__).resolve().parent
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
BODY = 800_000  # bytes in the longest question: a text box full of letters that JSON escapes
PYODIDE = "https://cdn.jsdelivr.net/npm/pyodide@314.0.7/"
PYODIDE_FILES = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "pyodide-lock.json",
                 "python_stdlib.zip")
PATIENCE = 10  # seconds for a whole request to come in


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves the page's files and the answers, to this machine's browser only."""

    def setup(self):
        """Give the whole request a time limit: a timeout would be one for each byte."""
        super().setup()
        self.limit = threading.Timer(PATIENCE, self.hang_up)
        self.limit.daemon = True
        self.limit.start()

    def hang_up(self):
        """Read no more of a request."""
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RD)

    def finish(self):
        """End the connection."""
        self.limit.cancel()
        super().finish()

    def log_message(self, *args):
        """Print nothing."""

    def reply(self, status, body, kind="application/json"):
        """Send an answer that no other site may use."""
        self.send_response(status)
        for name, value in (("Content-Type", f"{kind}; charset=utf-8"),
                            ("Content-Length", str(len(body))), ("Cache-Control", "no-store"),
                            ("Content-Security-Policy",
                             "default-src 'self'; img-src 'self' data:; base-uri 'none'; "
                             "form-action 'none'; frame-ancestors 'none'"),
                            ("Cross-Origin-Resource-Policy", "same-origin"),
                            ("X-Content-Type-Options", "nosniff")):
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def refuse(self, status, sentence):
        """Say in one sentence what is wrong."""
        self.reply(status, json.dumps({"error": sentence}).encode())

    def is_ours(self):
        """Tell whether the request was made to this address by a page from it, or by no page."""
        port = self.server.server_address[1]
        hosts = (f"127.0.0.1:{port}", f"localhost:{port}")
        origin = self.headers.get("Origin")
        return self.headers.get("Host") in hosts and (
            origin is None or origin in [f"http://{host}" for host in hosts])

    def do_GET(self):
        """Serve one of the page's files."""
        name = self.path.partition("?")[0].lstrip("/")
        files = {path.name: path for path in (HERE / "playground").iterdir()
                 if path.suffix in TYPES}
        path = files.get(name if name else "index.html")
        if not self.is_ours():
            self.refuse(403, "only pages of this address are served")
        elif path is None:
            self.refuse(404, "there is no such page")
        else:
            self.reply(200, path.read_bytes(), TYPES[path.suffix])

    do_HEAD = do_GET

    def do_POST(self):
        """Answer one question."""
        size = self.headers.get("Content-Length", "")
        if not self.is_ours():
            self.refuse(403, "only pages of this address are answered")
        elif not (size.isascii() and size.isdecimal() and len(size) < 10):
            self.refuse(411, "a question needs its length")
        elif int(size) > BODY:
            self.refuse(413, f"a question has at most {BODY} bytes")
        else:
            body = self.rfile.read(int(size))
            self.limit.cancel()
            if len(body) == int(size):  # else the sender was too slow, or has gone
                self.answer(body)

    def answer(self, body):
        """Answer the question in the body of a request."""
        is_good, found = playground_answers.answer_text(body)
        self.reply(200 if is_good else 400, found.encode())


class Server(http.server.ThreadingHTTPServer):
    """A server on this machine alone."""

    allow_reuse_address = os.name != "nt"  # on Windows this would share a port that is taken
    daemon_threads = True

    def server_bind(self):
        """Bind without asking for this machine's name, which some cannot spell."""
        socketserver.TCPServer.server_bind(self)
        self.server_name = "localhost"
        self.server_port = self.server_address[1]

    def handle_error(self, request, client_address):
        """Stay silent if a browser hangs up in the middle."""


def open_server(port):
    """Return a server at the port or, if that is taken, at one of the next twenty."""
    for candidate in range(port, min(port + 20, 65536)):
        try:
            return Server(("127.0.0.1", candidate), Handler)
        except OSError:
            continue
    raise OSError(f"no free port from {port} on")


# ---- a static site -------------------------------------------------------------------------------


def python_files():
    """Return the files that answer in a browser: playground_answers.py and what it imports."""
    names = ["playground_answers"]
    for name in names:  # which grows
        for node in ast.walk(ast.parse((HERE / f"{name}.py").read_text(encoding="utf-8"))):
            imported = [node.module] if isinstance(node, ast.ImportFrom) else []
            if isinstance(node, ast.Import):
                imported = [alias.name for alias in node.names]
            names += [other for other in imported
                      if other not in names and (HERE / f"{other}.py").is_file()]
    data = [playground_answers.saved_file(name) for name in playground_answers.SAVED]
    data += [playground_answers.GRID, HERE / "input.txt", HERE / playground_answers.EXERCISE]
    return data + [HERE / f"{name}.py" for name in names]


def export(folder, pyodide):
    """Write the static site into a new folder, whole or not at all."""
    folder = Path(folder)
    if folder.exists():
        raise ValueError(f"{folder} exists already: name a new folder")
    is_address = pyodide.startswith(("http://", "https://"))
    if not is_address and not all((Path(pyodide) / name).is_file() for name in PYODIDE_FILES):
        raise ValueError(f"{pyodide} is not the folder of Pyodide's npm package")
    if not folder.absolute().parent.is_dir():
        raise ValueError(f"{folder}: there is no such folder to put it in")
    with tempfile.TemporaryDirectory(dir=folder.absolute().parent) as draft:
        site = Path(draft) / "site"
        site.mkdir()
        for path in (HERE / "playground").iterdir():
            if path.suffix in TYPES:
                shutil.copy(path, site)
        with zipfile.ZipFile(site / "python.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for path in python_files():
                archive.write(path, path.relative_to(HERE))
        if not is_address:
            (site / "pyodide").mkdir()
            for name in PYODIDE_FILES:
                shutil.copy(Path(pyodide) / name, site / "pyodide")
        place = pyodide.rstrip("/") + "/" if is_address else "pyodide/"
        page = (site / "index.html").read_text(encoding="utf-8")
        page = page.replace("<html ", f'<html data-pyodide="{html.escape(place)}" ')
        (site / "index.html").write_text(page, encoding="utf-8")
        site.rename(folder)


# ---- the program ---------------------------------------------------------------------------------


def main(argv=None):
    """Serve until Ctrl-C, or write what is asked for."""
    parser = show.Parser(description="The models in a browser. Nothing leaves this machine.",
                         allow_abbrev=False)
    parser.add_argument("--port", type=show.whole_numbers(1024, 65535), default=8000, metavar="N",
                        help="of the server; the next free one if it is taken (default 8000)")
    parser.add_argument("--no-browser", action="store_true", help="print the address only")
    parser.add_argument("--models", action="store_true",
                        help="train the two models of the first chapter anew (about a minute)")
    parser.add_argument("--export", metavar="FOLDER", help="write the page as a static site there")
    parser.add_argument("--pyodide", metavar="PLACE",
                        help=f"for --export: Pyodide's folder or address (default {PYODIDE})")
    args = parser.parse_args(argv)
    if args.pyodide is not None and args.export is None:
        parser.error("--pyodide is for --export")
    if args.export:
        place = PYODIDE if args.pyodide is None else args.pyodide
        export(args.export, place)
        print(f"{args.export} written, for any host of files; Python comes from {place}")
        return
    if args.models:
        for name in playground_answers.SAVED:
            playground_answers.train_saved(name, playground_answers.saved_file(name))
            print(f"{playground_answers.saved_file(name)} written", flush=True)
        return
    server = open_server(args.port)
    address = f"http://127.0.0.1:{server.server_address[1]}/"
    print(f"{address}   (Ctrl-C ends it)", flush=True)
    if not args.no_browser:
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
    threading.Thread(target=playground_answers.keep_running, daemon=True).start()
    try:
        server.serve_forever()
    finally:
        with playground_answers.locks["train"]:  # else one may just begin
            for run in playground_answers.runs.values():
                run.end()
        server.server_close()


if __name__ == "__main__":
    show.run_program(main)
