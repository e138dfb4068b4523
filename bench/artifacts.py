"""Measures the upload and download of a file of 1 GiB: speed, and memory of the web processes."""

from __future__ import annotations

import hashlib
import http.client
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from bench.databases import database, engine
from bench.figures import Figure
from bench.servers import custody
from tests.s3_server import S3Server

_MIB = 1024 * 1024
_SIZE = 1024 * _MIB
# The memory by which the web processes together may grow during a transfer of any size.
_MOST_GAIN = 64 * _MIB
_PATH = "/api/2.0/mlflow-artifacts/artifacts/0/bench/artifacts/"


def figures() -> Iterator[Figure]:
    """Yield speed and memory, with files and with a bucket of a local S3 server (moto, which keeps its objects in
    memory).
    """
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        source = folder / "large.bin"
        digest = _make(source)
        yield from _measure("files", source, digest, folder / "files", {})
        server = S3Server(folder / "moto.log")
        try:
            environment = {**server.environment, "ARTIFACT_URL": f"s3://{server.new_bucket()}"}
            yield from _measure("bucket", source, digest, folder / "bucket", environment)
        finally:
            server.stop()


def _measure(store: str, source: Path, digest: str, folder: Path, environment: dict[str, str]) -> Iterator[Figure]:
    folder.mkdir()
    with (
        _environment(environment),
        database("custody_bench_artifacts", folder) as database_url,
        custody(database_url, folder) as (url, token),
    ):
        client = _Client(url, token)
        for _ in range(20):  # until every web process has loaded what it needs
            client.put("small.bin", Path(__file__))
            client.get("small.bin")
        for direction in ("up", "down"):
            with _Memory(folder / "custody") as memory:
                began = time.monotonic()
                if direction == "up":
                    client.put("large.bin", source)
                elif client.get("large.bin") != digest:
                    raise RuntimeError("The downloaded bytes differ from the uploaded bytes.")
                seconds = time.monotonic() - began
            name = f"1 GiB {direction}, {store}, {engine()}"
            if store == "files":  # moto's own speed is not of interest
                yield Figure(name, _SIZE / _MIB / seconds, 20, "the least", target=1, unit=" MiB/s")
            gain = max(memory.gain, 1) / _MIB
            yield Figure(
                f"{name}: file per memory gained ({gain:.0f} MiB over {memory.base / _MIB:.0f})",
                *(_SIZE / _MIB / gain, _SIZE / _MOST_GAIN, f"at most {_MOST_GAIN // _MIB} MiB"),
                target=1,
                unit="-fold",
            )


def _make(path: Path) -> str:
    """Write random bytes and return their SHA-256."""
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for _ in range(_SIZE // _MIB):
            piece = os.urandom(_MIB)
            digest.update(piece)
            file.write(piece)
    return digest.hexdigest()


class _Client:
    """A client that sends and fetches files in pieces without keeping them."""

    def __init__(self, url: str, token: str) -> None:
        self._netloc = urlsplit(url).netloc
        self._headers = {"Authorization": f"Bearer {token}"}

    def put(self, name: str, source: Path) -> None:
        """Send a file under this name."""
        with source.open("rb") as file:
            self._answer("PUT", name, file, {"Content-Length": str(source.stat().st_size)}).read()

    def get(self, name: str) -> str:
        """Fetch a file and return its SHA-256."""
        answer, digest = self._answer("GET", name, None, {}), hashlib.sha256()
        while piece := answer.read(_MIB):
            digest.update(piece)
        return digest.hexdigest()

    def _answer(self, method: str, name: str, body: object, more: dict[str, str]) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection(self._netloc, timeout=600)
        connection.request(method, _PATH + name, body, {**self._headers, **more})  # type: ignore[arg-type]  # any iterable is a body to http.client
        answer = connection.getresponse()
        if answer.status != http.HTTPStatus.OK:
            raise RuntimeError(f"{method} {name}: {answer.status} {answer.read(500)!r}")
        return answer


class _Memory:
    """Measures the private memory of the web processes of an installation, ten times a second."""

    def __init__(self, data: Path) -> None:
        self._processes = list(_web_processes(data))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.base = self._peak = self._now()

    @property
    def gain(self) -> int:
        """Return the largest growth in bytes."""
        return self._peak - self.base

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.1):
            self._peak = max(self._peak, self._now())

    def _now(self) -> int:
        return sum(map(_anonymous, self._processes))


def _web_processes(data: Path) -> Iterator[Path]:
    mark = f"CUSTODY_DATA={data}".encode()
    for process in Path("/proc").iterdir():
        try:
            is_web = process.name.isdigit() and b"granian" in (process / "cmdline").read_bytes()
            if is_web and mark in (process / "environ").read_bytes().split(b"\0"):
                yield process
        except OSError:  # it ended, or is not ours
            continue


def _anonymous(process: Path) -> int:
    """Return the private memory of a process in bytes, without mapped files."""
    for line in (process / "status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    return 0


@contextmanager
def _environment(more: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(more)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
