"""Bodies are received before the application runs: which are refused, with which answer, and which stay unread.

The same with a real server and slow senders is in tests/config/test_slow_bodies.py.
"""

from __future__ import annotations

import io
import json
import socket
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from importlib import import_module
from types import ModuleType
from typing import Any
from wsgiref.types import StartResponse

import pytest
from django.test import RequestFactory

from config.bodies import late_connections
from config.bodies.granian_protocol import PROTOCOL, hand_on_protocol
from config.bodies.late_connections import ANSWER_BYTES, LateConnections
from config.bodies.receive import with_received_bodies
from config.bodies.slow import SMALL, BodyReader, Refusal, TooSlow
from core.errors import Unavailable
from core.outages import RETRY_AFTER

granian_workers: Any = import_module("granian.server.mp")  # what is wrapped there has no types
REFUSAL = Refusal(408, [("Content-Type", "text/plain")], "too late")


class Server:
    """The application behind the limits, and the bodies that it has read."""

    def __init__(self) -> None:
        self.read: list[bytes] = []
        self.application = with_received_bodies(self._answer)

    def _answer(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        self.read.append(environ["wsgi.input"].read() if environ.get("HTTP_X_READS", "yes") == "yes" else b"unread")
        start_response("200 OK", [])
        return [b"done"]

    def post(self, path: str, body: bytes = b"{}", /, **changes: Any) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body of the answer. A change to None removes a variable of the request."""
        environ = RequestFactory().post(path, body, "application/json").environ | changes
        environ = {name: value for name, value in environ.items() if value is not None}
        told: list[Any] = []
        answer = b"".join(self.application(environ, lambda *given: told.append(given)))  # type: ignore[arg-type]  # one shape of start_response
        return int(told[0][0][:3]), dict(told[0][1]), answer


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.mark.parametrize("path", ["/api/v1/findings", "/admin/login/", "/scim/v2/Users"])
def test_a_body_reaches_the_application(server: Server, path: str) -> None:
    assert server.post(path, b"x" * 5000, HTTP_AUTHORIZATION="Bearer x")[0] == 200
    assert server.post(path, b"x" * (SMALL + 1), HTTP_AUTHORIZATION="Bearer x")[0] == 200
    assert [len(body) for body in server.read] == [5000, SMALL + 1]


@pytest.mark.parametrize("length", ["150000000", "many", "9" * 5000])
@pytest.mark.parametrize(
    ("path", "kind", "field"),
    [
        ("/api/v1/findings", "application/problem+json", "detail"),
        ("/api/2.0/mlflow/runs/create", "application/json", "message"),
        ("/scim/v2/Users", "application/scim+json", "detail"),
    ],
)
def test_a_long_body_is_refused_in_the_format_of_the_interface(
    server: Server, path: str, kind: str, field: str, length: str
) -> None:
    status, headers, answer = server.post(path, CONTENT_LENGTH=length)
    assert (status, headers["Content-Type"]) == (413, kind)
    assert json.loads(answer)[field].startswith("The request body may hold at most ")
    assert server.read == []


def test_a_long_body_of_a_page_is_refused_in_plain_text(server: Server) -> None:
    status, headers, answer = server.post("/admin/login/", CONTENT_LENGTH="150000000")
    assert (status, headers["Content-Type"]) == (413, "text/plain; charset=utf-8")
    assert answer == b"The request body may hold at most 2000000 bytes; this one has 150000000."
    assert server.read == []


CHUNKED = {"CONTENT_LENGTH": None, "HTTP_TRANSFER_ENCODING": "chunked"}


def test_a_chunked_body_is_read_up_to_the_limit(server: Server) -> None:
    known = CHUNKED | {"HTTP_AUTHORIZATION": "Bearer x"}
    assert server.post("/api/v1/findings", **known, **{"wsgi.input": io.BytesIO(b"x" * 5000)})[0] == 200
    assert server.post("/api/v1/findings", **known, **{"wsgi.input": io.BytesIO(b"x" * 1_000_001)})[0] == 413
    assert [len(body) for body in server.read] == [5000]


def test_the_body_of_an_unknown_caller_is_left_to_the_view(server: Server) -> None:
    stream = io.BytesIO(b"x" * 5000)
    assert server.post("/api/v1/findings", **CHUNKED, HTTP_X_READS="no", **{"wsgi.input": stream})[0] == 200
    assert server.post("/api/v1/findings", CONTENT_LENGTH="5000", HTTP_X_READS="no", **{"wsgi.input": stream})[0] == 200
    assert stream.tell() == 0


def test_a_lazy_body_is_read_by_lines_too() -> None:
    lines: list[bytes] = []

    def application(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        lines.extend(iter(environ["wsgi.input"].readline, b""))
        start_response("200 OK", [])
        return []

    environ = RequestFactory().post("/api/v1/findings", b"a\nb\n", "application/json").environ
    list(with_received_bodies(application)(environ, lambda *_: None))  # type: ignore[arg-type]  # one shape of start_response
    assert lines == [b"a\n", b"b\n"]


def test_an_upload_beyond_the_number_of_uploads_is_refused() -> None:
    answers: list[Any] = []

    def begin_another(_environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if not answers:
            put()
        start_response("200 OK", [])
        return []

    application = with_received_bodies(begin_another)

    def put() -> None:
        told: list[Any] = []
        environ = RequestFactory().put("/api/2.0/mlflow-artifacts/artifacts/1/a/artifacts/x", b"x").environ
        application(environ, lambda *given: told.append(given))  # type: ignore[arg-type]  # one shape of start_response
        answers.extend(told)

    put()
    assert [status for status, _ in answers] == ["503 Service Unavailable", *["200 OK"] * 10]
    assert ("Retry-After", RETRY_AFTER) in answers[0][1]
    put()
    assert [status for status, _ in answers[11:]] == ["200 OK"]


class Protocol:
    """Receives the answer that another thread sends, as granian's object of a request does."""

    def __init__(self) -> None:
        self.sent: list[tuple[int, bytes]] = []
        self.was_sent = threading.Event()

    def response_bytes(self, status: int, _headers: list[tuple[str, str]], body: bytes) -> None:
        self.sent.append((status, body))
        self.was_sent.set()


class Late(io.BytesIO):
    """A body whose sender waits until an answer has come."""

    def __init__(self, protocol: Protocol) -> None:
        super().__init__(b"late")
        self._protocol = protocol

    def read(self, size: int | None = -1, /) -> bytes:
        assert self._protocol.was_sent.wait(30)
        return super().read(size)


def test_a_late_body_is_answered_while_it_is_read() -> None:
    protocol, reader = Protocol(), BodyReader(0.1)
    with pytest.raises(TooSlow, match="too late"):
        reader.read(Late(protocol), 4, protocol, REFUSAL)
    ((status, body),) = protocol.sent
    assert (status, body.rstrip(), len(body)) == (408, b"too late", ANSWER_BYTES)
    assert reader.read(io.BytesIO(b"in time"), 100, Protocol(), REFUSAL) == b"in time"


def test_a_long_body_waits_for_its_turn_and_is_refused() -> None:
    reader, seen = BodyReader(60), threading.Event()
    release = threading.Event()

    class Slow(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            seen.set()
            release.wait(30)
            return super().read(size)

    readers = [threading.Thread(target=reader.read, args=(Slow(), SMALL + 1, None, REFUSAL)) for _ in range(10)]
    for each in readers:
        each.start()
    assert seen.wait(30)
    while reader._large._value:  # until all of them read
        time.sleep(0.01)
    with pytest.raises(Unavailable, match="Too many slow requests"):
        reader.read(io.BytesIO(b"x"), SMALL + 1, None, REFUSAL)
    assert reader.read(io.BytesIO(b"small"), 5, None, REFUSAL) == b"small"
    release.set()
    for each in readers:
        each.join()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """The two ends of a TCP connection."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        client = socket.create_connection(listening.getsockname(), timeout=10)
        served, _ = listening.accept()
        with closing(client), closing(served):
            yield served, client


def test_a_connection_that_was_answered_early_is_ended(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    served, client = pair
    late = LateConnections()
    late.answer([lambda: served.sendall(b"h" * 100 + b"b" * ANSWER_BYTES)])
    assert len(client.recv(10_000)) == 100 + ANSWER_BYTES
    late.end()
    client.settimeout(0.1)
    with pytest.raises(TimeoutError):
        client.recv(1)
    monkeypatch.setattr(late_connections, "_READ_SECONDS", 0.0)
    late.end()
    client.settimeout(10)
    assert client.recv(1) == b""


def test_a_connection_that_is_used_again_stays_open(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    served, client = pair
    monkeypatch.setattr(late_connections, "_READ_SECONDS", 0.0)
    late = LateConnections()
    late.answer([lambda: served.sendall(b"h" * 100)])
    late.answer([lambda: served.sendall(b"h" * 100 + b"b" * ANSWER_BYTES)])
    served.sendall(b"the next answer")
    late.end()
    served.sendall(b"and one more")
    with closing(client.makefile("rb")) as received:
        expected = 100 + 100 + ANSWER_BYTES + len(b"the next answer" + b"and one more")
        assert received.read(expected).endswith(b"and one more")


def test_the_protocol_of_granian_is_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    scopes: list[dict[str, Any]] = []
    monkeypatch.setattr(
        granian_workers, "_wsgi_call_wrap", lambda *_given: lambda _protocol, scope: scopes.append(scope)
    )
    hand_on_protocol()
    granian_workers._wsgi_call_wrap("application")("the protocol", {})
    assert scopes == [{PROTOCOL: "the protocol"}]


def test_outside_a_worker_of_granian_nothing_is_wrapped(monkeypatch: pytest.MonkeyPatch) -> None:
    before = granian_workers._wsgi_call_wrap
    modules: dict[str, ModuleType] = {name: it for name, it in sys.modules.items() if name != "granian.server.mp"}
    monkeypatch.setattr(sys, "modules", modules)
    hand_on_protocol()
    assert granian_workers._wsgi_call_wrap is before
