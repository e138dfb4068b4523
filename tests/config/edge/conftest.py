"""`edge`: the real program over a database of its own, and an inside that promotes and grants."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from config.supervisor.broker import answers, valkey
from tests.e2e.installation import ROOT, free_port

PATIENCE = 60.0
Json = dict[str, Any]


class RunningEdge:
    """The program edge, its database, and clients of it. ``do("promote", name="fraud")`` runs a command of
    edge_world.py.
    """

    def __init__(self, data: Path, database: str, broker: str) -> None:
        self.data = data
        self.port = free_port()
        self.environment = {
            **os.environ,
            "CUSTODY_DATA": str(data),
            "CUSTODY_EDGE_PORT": str(self.port),
            "CUSTODY_ALLOWED_SOURCES": "s3://test/",
            "CUSTODY_DEFAULT_LEVEL": "none",
            "DATABASE_URL": database,
            "REDIS_URL": broker,
            "DJANGO_SETTINGS_MODULE": "config.settings",
        }
        self._inside = subprocess.Popen(
            [sys.executable, "-m", "tests.config.edge.edge_world"],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.process: subprocess.Popen[bytes] | None = None
        self._clients: list[http.client.HTTPConnection] = []

    def start(self, **environment: str) -> RunningEdge:
        """Start the program and return when it answers. Unless told otherwise it has no broker: every hint is lost."""
        environment = {"REDIS_URL": f"redis+socket://{self.data}/none.sock"} | environment
        with (self.data / "edge.log").open("ab") as output:
            command = [sys.executable, str(ROOT / "manage.py"), "edge"]
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=self.environment | environment, stdout=output, stderr=output
            )
        deadline = time.monotonic() + PATIENCE
        while not self._is_healthy():
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.05)
        return self

    def do(self, what: str, **arguments: object) -> Json:
        """Run a command of edge_world.py and return its result."""
        assert self._inside.stdin is not None
        assert self._inside.stdout is not None
        self._inside.stdin.write(json.dumps({"do": what, **arguments}) + "\n")
        self._inside.stdin.flush()
        answer: Json = json.loads(self._inside.stdout.readline())
        return answer

    def ask(self, path: str, secret: str, **headers: str) -> http.client.HTTPConnection:
        """Send a request and return its connection; `getresponse()` waits for the answer."""
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        self._clients.append(client)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        client.request("GET", path, headers={"Authorization": f"Bearer {secret}", **named})
        return client

    def get(self, path: str, secret: str, **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
        """Return the answer to a request, and its body."""
        response = self.ask(path, secret, **headers).getresponse()
        return response, response.read()

    def health(self) -> Json:
        """Return what the program says about itself."""
        body: Json = json.loads(self.get("/healthz", "", Connection="close")[1])
        return body

    def until(self, holds: Callable[[Json], bool]) -> Json:
        """Return the health as soon as a condition holds of it."""
        deadline = time.monotonic() + PATIENCE
        while not holds(health := self.health()):
            assert time.monotonic() < deadline, (health, self.log())
            time.sleep(0.02)
        return health

    def log(self) -> str:
        """Return what the program has written."""
        return (self.data / "edge.log").read_text(encoding="utf-8")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Stop the program with a signal and return its exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def end(self) -> None:
        """Close the clients and end both processes."""
        for client in self._clients:
            client.close()
        for process in (self.process, self._inside):
            if process is not None and process.poll() is None:
                process.kill()
                process.wait(PATIENCE)
        for pipe in (self._inside.stdin, self._inside.stdout):
            if pipe is not None:
                pipe.close()

    def _is_healthy(self) -> bool:
        try:
            return bool(self.health()["database"] == "ok")
        except OSError:
            return False


@pytest.fixture
def world(tmp_path: Path, database_url: str, broker: str) -> Iterator[RunningEdge]:
    """The program, not started yet."""
    running = RunningEdge(tmp_path, database_url, broker)
    yield running
    running.end()


@pytest.fixture
def edge(world: RunningEdge) -> RunningEdge:
    """The program, started, over the models `fraud` and `churn`, which nobody but ada may see."""
    world.do("seed", names=["fraud", "churn"])
    return world.start()


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a broker."""
    folder = tmp_path_factory.mktemp("broker")
    socket = Path("/tmp") / f"custody-test-{secrets.token_hex(4)}" / "valkey.sock"  # noqa: S108 - a short path
    program = valkey(socket, folder)
    with (
        (folder / "valkey.log").open("wb") as output,
        subprocess.Popen(program.command, stdout=output, stderr=output) as server,
    ):
        url = f"redis+socket://{socket}?virtual_host=0"
        deadline = time.monotonic() + PATIENCE
        while not answers(url):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield url
        server.kill()
