"""The server itself: loopback alone, a thread for each connection, everything that was asked is kept."""

import contextlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .dialects import anthropic, openai, refusal
from .script import Scripts


class ScriptedApi:
    """Serves from `with` to its end.

    Attributes:
        url: where, without a path.
        scripts: how far they have come, and what was asked (`of`, `wait_for`).
        strange: requests that were for nothing that is served here.
    """

    def __init__(self, scripts, port=0, routes=None):
        self.scripts = Scripts(scripts, routes)
        self.strange = []
        #: Set at the end: lets go those that hang.
        self.over = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _Handler)
        self._server.daemon_threads = True
        self._server.api = self
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="scripted api")

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    #: A client that says nothing more is let go.
    timeout = 60

    def log_message(self, *_):
        pass

    def do_GET(self):
        self._answer(404, b"{}")

    def do_HEAD(self):
        self.do_GET()

    def do_POST(self):
        data = self.rfile.read(int(self.headers.get("content-length", 0)))
        body = json.loads(data or b"{}")
        path = self.path.partition("?")[0]
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # who asked may be killed meanwhile
            if path == "/v1/messages/count_tokens":
                self._answer(200, b'{"input_tokens": 10}')
            elif path == "/v1/messages":
                self._play(body, anthropic)
            elif path == "/v1/chat/completions":
                self._play(body, openai)
            else:
                self.server.api.strange.append(self.path)
                self._answer(404, b"{}")

    def _play(self, body, dialect):
        api = self.server.api
        script, number, turn = api.scripts.turn(body)
        if turn.get("hang"):
            api.over.wait()
        if turn.get("hang") or turn.get("drop"):
            self.close_connection = True
        elif "status" in turn:
            data = refusal(turn, anthropics=dialect is anthropic)
            self._answer(turn["status"], data, turn.get("headers", {}))
        else:
            self._stream(list(dialect(turn, model=body.get("model"), number=f"{script}{number}")), turn)

    def _stream(self, events, turn):
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        for event in events[: len(events) // 2] if turn.get("break") else events:
            self.wfile.write(event)
        self.close_connection = True

    def _answer(self, status, data, headers=None):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, str(int(time.time()) + value) if isinstance(value, int) else value)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)
