"""A real receiver of webhooks: an HTTP server in a thread that keeps what it gets and answers what it is told to."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

Talk = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Hit:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: str

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    """``answers`` are given in turn, the last one for ever: a status, or a function that talks for itself."""

    answers: list[int | Talk] = field(default_factory=lambda: [200])
    hits: list[Hit] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    context: ssl.SSLContext | None = None
    text: bytes = b"the inside of the network"

    def __post_init__(self) -> None:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.take(self)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its own name for it
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_args: None  # type: ignore[method-assign]  # a cut connection is no news
        if self.context is not None:
            self.server.socket = self.context.wrap_socket(self.server.socket, server_side=True)
        self.port = int(self.server.server_address[1])
        self.thread = Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def url(self, path: str = "/hook", host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    def take(self, request: BaseHTTPRequestHandler) -> None:
        length = int(request.headers.get("Content-Length", "0"))
        body = request.rfile.read(length).decode()
        self.hits.append(Hit(request.path, {key.lower(): value for key, value in request.headers.items()}, body))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if callable(answer):
            answer(request)
            return
        request.send_response(answer)
        for name, value in self.headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(self.text)))
        request.end_headers()
        request.wfile.write(self.text)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def hang_up(request: BaseHTTPRequestHandler) -> None:
    """Close without a word."""
    request.close_connection = True


def trickle(request: BaseHTTPRequestHandler) -> None:
    """Answer a byte now and then, each in time, the whole never."""
    for _ in range(100):
        request.wfile.write(b"H")
        request.wfile.flush()
        time.sleep(0.05)


def talk_nonsense(request: BaseHTTPRequestHandler) -> None:
    request.wfile.write(b"hello, I am no web server\r\n\r\n")


def flood(request: BaseHTTPRequestHandler) -> None:
    """Answer without end."""
    request.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
    for _ in range(2000):
        request.wfile.write(b"x" * 65536)
