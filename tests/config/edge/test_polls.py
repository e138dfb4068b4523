"""Polls at the real program: woken by a promotion, ended with the right, and patient while the database is away."""

from __future__ import annotations

import json
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlsplit

import pytest
from django.db import connection

from core.actors import Scope
from tests.config.edge.conftest import RunningEdge

pytestmark = pytest.mark.process

URL = "/api/v1/models/fraud/production"
WAITING = f"{URL}?wait=30"


@pytest.fixture
def secret(edge: RunningEdge) -> str:
    return str(edge.do("token", name="ada")["secret"])


def etag_of(edge: RunningEdge, secret: str, url: str = URL) -> str:
    response, _ = edge.get(url, secret)
    assert response.status == 200
    return str(response.headers["ETag"])


def waiting(edge: RunningEdge, polls: int) -> None:
    edge.until(lambda health: health["polls"] == polls)


def test_a_promotion_wakes_within_a_second_without_hints(edge: RunningEdge, secret: str) -> None:
    clients = [edge.ask(WAITING, secret, If_None_Match=etag_of(edge, secret)) for _ in range(20)]
    waiting(edge, 20)
    promoted = edge.do("promote", name="fraud")
    responses = [client.getresponse() for client in clients]
    took = time.monotonic() - promoted["at"]
    bodies = {response.read() for response in responses}
    read = edge.do("read", name="fraud")
    assert bodies == {read["body"].encode()}, "the same bytes as the serving read"
    assert {response.headers["ETag"] for response in responses} == {read["etag"]}
    assert {response.status for response in responses} == {200}
    assert json.loads(read["body"])["version"] == promoted["version"]
    assert len({response.headers["X-Request-Id"] for response in responses}) == 20
    assert took < 2.0, "a second, and what a busy machine adds"


def test_a_hint_wakes_sooner(world: RunningEdge) -> None:
    world.do("seed", names=["fraud"])
    world.start(REDIS_URL=world.environment["REDIS_URL"])
    secret = str(world.do("token", name="ada")["secret"])
    took = []
    for _ in range(5):
        client = world.ask(WAITING, secret, If_None_Match=etag_of(world, secret))
        waiting(world, 1)
        promoted = world.do("promote", name="fraud")
        assert client.getresponse().status == 200
        took.append(time.monotonic() - promoted["at"])
    assert min(took) < 0.2, "the states are read once a second; a hint comes at once"


def test_answers_at_once(edge: RunningEdge, secret: str) -> None:
    etag = etag_of(edge, secret)
    assert edge.get(f"{URL}?wait=30", secret)[0].status == 200
    assert edge.get(f'{URL}?wait=30&etag="old"', secret)[0].status == 200
    assert edge.get(f"{URL}?etag={etag}", secret)[0].status == 304
    began = time.monotonic()
    response, body = edge.get(f"{URL}?wait=1&etag={etag.strip(chr(34))}", secret)
    assert (response.status, body, response.headers["ETag"]) == (304, b"", etag)
    assert 0.9 < time.monotonic() - began < 10


def test_one_connection_asks_again_and_again(edge: RunningEdge, secret: str) -> None:
    etag = etag_of(edge, secret)
    client = edge.ask(URL, secret)
    for _ in range(3):
        client.getresponse().read()
        client.request("GET", f"{URL}?wait=0&etag={etag}", headers={"Authorization": f"Bearer {secret}"})
    assert client.getresponse().status == 304


def test_a_hidden_model_is_as_one_that_does_not_exist(edge: RunningEdge) -> None:
    secret = edge.do("token", name="cy")["secret"]
    hidden, hidden_body = edge.get(WAITING, secret, X_Request_Id="same")
    missing, missing_body = edge.get(WAITING.replace("fraud", "never"), secret, X_Request_Id="same")
    assert hidden.status == missing.status == 404
    assert hidden_body.replace(b"fraud", b"never") == missing_body
    assert [name for name, _ in hidden.getheaders()] == [name for name, _ in missing.getheaders()]
    edge.do("grant", name="cy", model="fraud")
    assert edge.get(URL, secret)[0].status == 200


def test_a_right_that_is_lost_ends_the_waiting(edge: RunningEdge) -> None:
    secret = edge.do("token", name="cy")["secret"]
    edge.do("grant", name="cy", model="fraud")
    client = edge.ask(WAITING, secret, If_None_Match=etag_of(edge, secret))
    waiting(edge, 1)
    edge.do("ungrant", name="cy", model="fraud")
    edge.do("promote", name="fraud")
    response = client.getresponse()
    assert (response.status, b"not found" in response.read()) == (404, True)


def test_a_token_that_is_revoked_ends_the_waiting_without_a_change(edge: RunningEdge, secret: str) -> None:
    token = edge.do("token", name="ada")
    kept = edge.ask(WAITING, secret, If_None_Match=etag_of(edge, secret))
    client = edge.ask(WAITING, token["secret"], If_None_Match=etag_of(edge, secret))
    waiting(edge, 2)
    edge.do("revoke", token_id=token["id"])
    response = client.getresponse()
    assert (response.status, response.headers["WWW-Authenticate"][:5]) == (401, "Basic")
    waiting(edge, 1)
    edge.do("promote", name="fraud")
    assert kept.getresponse().status == 200


def test_leaving_production_and_a_rename_are_changes(edge: RunningEdge, secret: str) -> None:
    fraud = edge.ask(WAITING, secret, If_None_Match=etag_of(edge, secret))
    churn_url = URL.replace("fraud", "churn")
    churn = edge.ask(f"{churn_url}?wait=30", secret, If_None_Match=etag_of(edge, secret, churn_url))
    waiting(edge, 2)
    edge.do("archive", name="fraud")
    edge.do("rename", name="churn", new_name="churn2")
    left, renamed = fraud.getresponse(), churn.getresponse()
    assert (left.status, json.loads(left.read())["detail"]) == (404, "fraud has no version in Production.")
    assert renamed.status == 404


def test_a_token_without_the_scope_is_denied_and_recorded_once(edge: RunningEdge) -> None:
    secret = edge.do("token", name="ada", scopes=[Scope.AUDIT_EXPORT])["secret"]
    assert edge.get(WAITING, secret)[0].status == 403
    assert edge.do("denials")["count"] == 1
    assert edge.get(WAITING, "cst_nope")[0].status == 401


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"GET /api/v1/models/fraud/production?wait=99 HTTP/1.1", 400),
        (b"GET /api/v1/models/fraud/production?weight=9 HTTP/1.1", 400),
        (b"GET /api/v1/models HTTP/1.1", 404),
        (b"POST /api/v1/models/fraud/production HTTP/1.1", 405),
        (b"nonsense", 400),
    ],
)
def test_bad_input_is_a_problem_document(edge: RunningEdge, request_line: bytes, status: int) -> None:
    with socket.create_connection(("127.0.0.1", edge.port), timeout=20) as client:
        client.sendall(request_line + b"\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"Content-Type: application/problem+json" in head
    assert json.loads(body)["status"] == status


def test_a_late_head_and_a_large_one_are_refused(edge: RunningEdge) -> None:
    with (
        socket.create_connection(("127.0.0.1", edge.port), timeout=20) as late,
        socket.create_connection(("127.0.0.1", edge.port), timeout=20) as large,
    ):
        late.sendall(b"GET / HTTP/1.1\r\nHost: local")
        large.sendall(b"GET / HTTP/1.1\r\nX: " + b"x" * 9000)
        assert large.recv(100).startswith(b"HTTP/1.1 431 ")
        assert late.recv(100).startswith(b"HTTP/1.1 408 ")


def test_more_clients_than_allowed_are_sent_away(world: RunningEdge) -> None:
    world.do("seed", names=["fraud"])
    world.start(CUSTODY_EDGE_CLIENTS="5")
    secret = str(world.do("token", name="ada")["secret"])
    etag = str(world.get(URL, secret, Connection="close")[0].headers["ETag"])
    for _ in range(4):
        world.ask(WAITING, secret, If_None_Match=etag)
    waiting(world, 4)
    address = ("127.0.0.1", world.port)
    with socket.create_connection(address), socket.create_connection(address):
        world.until(lambda health: health["connections"] > 6)
        refused = [world.get(WAITING, secret, If_None_Match=etag)[0] for _ in range(3)]
    assert {response.status for response in refused} == {503}
    assert all(1 <= int(response.headers["Retry-After"]) <= 5 for response in refused)


def test_a_stop_sends_everybody_away(edge: RunningEdge, secret: str) -> None:
    clients = [edge.ask(WAITING, secret, If_None_Match=etag_of(edge, secret)) for _ in range(10)]
    waiting(edge, 10)
    began = time.monotonic()
    assert edge.stop(signal.SIGTERM) == 0
    assert time.monotonic() - began < 10
    responses = [client.getresponse() for client in clients]
    assert {response.status for response in responses} == {304}
    assert all(response.headers["Connection"] == "close" for response in responses)


class Proxy:
    """Passes connections on to a server, until it is told to break them."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.is_open = True
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def break_all(self) -> None:
        self.is_open = False
        for each in self._sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.break_all()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        for each in [self._listener, *self._sockets]:
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if not self.is_open:
                    client.close()
                    continue
                server = socket.create_connection(self._target)
                self._sockets += [client, server]
                for source, sink in ((client, server), (server, client)):
                    threading.Thread(target=_pass_on, args=(source, sink), daemon=True).start()


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def proxy(database_url: str) -> Iterator[Proxy]:
    """A proxy in front of PostgreSQL."""
    if connection.vendor != "postgresql":
        pytest.skip("a file is never away")
    address = urlsplit(database_url)
    running = Proxy((address.hostname or "127.0.0.1", address.port or 5432))
    yield running
    running.close()


def test_waiting_goes_on_while_the_database_is_away(world: RunningEdge, proxy: Proxy) -> None:
    world.do("seed", names=["fraud"])
    secret = str(world.do("token", name="ada")["secret"])
    address = urlsplit(world.environment["DATABASE_URL"])
    behind = address._replace(netloc=f"{address.username}@127.0.0.1:{proxy.port}").geturl()
    world.start(DATABASE_URL=behind)
    etag = etag_of(world, secret)
    client = world.ask(f"{URL}?wait=60", secret, If_None_Match=etag)
    short = world.ask(f"{URL}?wait=8", secret, If_None_Match=etag)
    waiting(world, 2)
    proxy.break_all()
    world.until(lambda health: health["database"] == "down")
    refused, _ = world.get(URL, secret)
    assert (refused.status, "Retry-After" in refused.headers) == (503, True)
    assert short.getresponse().status == 503, "whether anything changed is not known"
    promoted = world.do("promote", name="fraud")
    proxy.is_open = True
    response = client.getresponse()
    assert (response.status, json.loads(response.read())["version"]) == (200, promoted["version"])
    world.until(lambda health: health["database"] == "ok")
