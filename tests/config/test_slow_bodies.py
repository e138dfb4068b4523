"""Slow senders keep nobody waiting and are cut: a real server with 120 of them still answers reads
and posts at once.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from config.supervisor.programs import WEB_THREADS
from core.body_limits import body_limit

SECONDS = 1.0
LIMIT = 1.5  # what the server of these tests allows for a body
SLOW = b"POST %s HTTP/1.1\r\nHost: localhost\r\n%sContent-Length: 1000\r\n\r\nab"
Connect = Callable[[], socket.socket]


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number = probe.getsockname()[1]
    command = [
        *(sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(number)),
        *("--http", "1", "--no-ws", "--blocking-threads", str(WEB_THREADS), "--workers-kill-timeout", "1"),
        "tests.config.body_server:application",
    ]
    env = os.environ | {"CUSTODY_DATA": str(tmp_path_factory.mktemp("data")), "CUSTODY_BODY_SECONDS": str(LIMIT)}
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, env=env, stderr=subprocess.DEVNULL) as server:
        try:
            _wait_for(number)
            yield number
        finally:
            server.terminate()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("The server did not start.")


@pytest.fixture
def connect(port: int) -> Iterator[Connect]:
    opened: list[socket.socket] = []

    def one() -> socket.socket:
        opened.append(socket.create_connection(("127.0.0.1", port), timeout=20))
        return opened[-1]

    yield one
    for each in opened:
        each.close()


def call(port: int, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as client:
        client.request(method, path, body, headers)
        answer = client.getresponse()
        return answer.status, answer.read()


def test_slow_senders_keep_nobody_waiting_and_are_cut(port: int, connect: Connect) -> None:
    start = time.monotonic()
    slow = [connect() for _ in range(120)]
    for number, each in enumerate(slow):
        path = (b"/admin/login/", b"/api/v1/findings", b"/api/2.0/mlflow/runs/create")[number % 3]
        each.sendall(SLOW % (path, b"Authorization: Bearer x\r\n"))
    took = []
    while time.monotonic() - start < LIMIT + SECONDS:  # before they are cut, and while they are
        began = time.monotonic()
        assert call(port, "GET", "/health")[0] == 200
        assert call(port, "POST", "/admin/login/", b"name=x") == (200, b"6")
        assert call(port, "POST", "/api/v1/findings", b"{}", Authorization="Bearer x") == (200, b"2")
        took.append(time.monotonic() - began)
    assert max(took) < SECONDS
    for each in slow:
        assert each.recv(100).startswith(b"HTTP/1.1 408 ")


def test_what_trickles_in_extends_nothing(connect: Connect) -> None:
    slow = connect()
    slow.sendall(SLOW % (b"/api/v1/findings", b"Authorization: Bearer x\r\n"))
    slow.settimeout(0.2)
    start = time.monotonic()
    answer = b""
    while not answer and time.monotonic() - start < LIMIT * 10:
        slow.sendall(b"x")
        with suppress(TimeoutError):
            answer = slow.recv(4096)
    assert LIMIT <= time.monotonic() - start < LIMIT + SECONDS * 2
    head, body = answer.split(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 ")
    assert json.loads(body) == {
        "type": "urn:custody:error:too_slow",
        "title": "too slow",
        "status": 408,
        "detail": "The request body was not complete within 1.5 seconds.",
    }


def test_late_connections_are_ended_and_idle_ones_stay(port: int, connect: Connect) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as kept:
        slow = [
            connect() for _ in range(WEB_THREADS + 10)
        ]  # more than there are threads: those that were cut are free again
        for some in (slow[:130], slow[130:]):
            kept.request("GET", "/health")
            assert kept.getresponse().read() == b"0"
            for each in some:
                each.sendall(SLOW % (b"/admin/login/", b""))
            for each in some:
                assert each.recv(4096).startswith(b"HTTP/1.1 408 ")
                while each.recv(4096):  # the rest of the answer, then the end
                    pass


def test_without_credentials_the_body_of_an_api_call_is_not_awaited(connect: Connect) -> None:
    slow = connect()
    start = time.monotonic()
    slow.sendall(SLOW % (b"/api/v1/findings", b""))
    assert slow.recv(100).startswith(b"HTTP/1.1 401 ")
    assert time.monotonic() - start < SECONDS


@pytest.mark.parametrize("path", ["/api/v1/findings", "/admin/login/", "/api/2.0/mlflow/runs/create"])
def test_a_long_body_is_413_at_once(connect: Connect, path: str) -> None:
    large = connect()
    large.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: x\r\nContent-Length: 150000000\r\n\r\n".encode())
    assert large.recv(100).startswith(b"HTTP/1.1 413 ")


def test_chunked_bodies_are_limited_and_read(port: int) -> None:
    headers = {"Authorization": "x", "Transfer-Encoding": "chunked"}
    assert call(port, "POST", "/api/v1/findings", _chunks(5000), **headers) == (200, b"5000")
    assert call(port, "POST", "/api/v1/findings", _chunks(1_000_001), **headers)[0] == 413


def _chunks(size: int) -> bytes:
    return b"%x\r\n%s\r\n0\r\n\r\n" % (size, b"x" * size)


def test_bodies_of_artifacts_may_be_slow(port: int, connect: Connect) -> None:
    upload = connect()
    head = "POST /api/2.0/mlflow-artifacts/artifacts/a HTTP/1.1\r\nHost: x\r\nAuthorization: x\r\nContent-Length: 4\r\n\r\n"
    upload.sendall(head.encode() + b"ab")
    upload.sendall(b"cd")
    assert b"\r\n\r\n4" in upload.recv(1000)


@pytest.mark.parametrize(
    ("path", "streams"),
    [
        ("/api/2.0/mlflow-artifacts/artifacts/1/a/artifacts/model.bin", True),
        ("/ajax-api/2.0/mlflow-artifacts/artifacts/1/a/artifacts/x", True),
        ("/ajax-api/2.0/mlflow/upload-artifact", True),
        ("//api/2.0/mlflow-artifacts/artifacts/x", True),
        ("/api/2.0/mlflow-artifacts/mpu/create/1/a", False),
        ("/api/2.0/mlflow/runs/log-batch", False),
        ("/api/v1/lineage/openlineage", False),
        ("/admin/login/", False),
        ("/api/2.0/mlflow/upload-artifacts", False),
    ],
)
def test_the_proxy_passes_on_unbuffered_what_the_server_streams(path: str, streams: bool) -> None:
    configuration = (Path(__file__).parents[2] / "deploy" / "nginx.conf").read_text(encoding="utf-8")
    (location,) = re.findall(r"location ~ (\S+) \{[^}]*proxy_request_buffering off;", configuration)
    assert bool(re.match(location, path)) is streams is (body_limit(path) is None)


@pytest.mark.parametrize(
    "path", ["/api/v1/lineage/batch", "/v1/traces", "/api/2.0/mlflow/runs/log-batch", "/api/2.0/mlflow-artifacts/mpu/x"]
)
def test_the_proxy_takes_bodies_as_large_as_the_server_takes(path: str) -> None:
    configuration = (Path(__file__).parents[2] / "deploy" / "nginx.conf").read_text(encoding="utf-8")
    largest = int(re.findall(r"client_max_body_size (\d+)m;", configuration)[0]) * 1024**2
    assert largest >= (body_limit(path) or 0) > 0
