"""The client of docs/examples over a whole installation: woken by a promotion, and serving on while the registry is
away. And edge as a program of `up`: its death stops nothing.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

import pytest
import requests

from tests.e2e.installation import PATIENCE, ROOT, Installation, free_port

pytestmark = pytest.mark.e2e


@pytest.fixture
def own(tmp_path: Path, migrated: Path | None) -> Iterator[Installation]:
    """An installation of the test's own, with edge and without policies."""
    environment = {
        "CUSTODY_EDGE_PORT": str(free_port()),
        "CUSTODY_DEFAULT_POLICIES": "off",
        "CUSTODY_ALLOWED_SOURCES": "s3://test/",
    }
    installation = Installation(tmp_path / "data", environment=environment, migrated=migrated)
    yield installation
    for pid in installation.processes():
        os.kill(pid, signal.SIGKILL)
    installation.reap()


class ServingClient:
    """docs/examples/serving_client.py in a process: the versions that it prints."""

    def __init__(self, stack: ExitStack, installation: Installation, token: str, file: Path) -> None:
        port = installation.environment["CUSTODY_EDGE_PORT"]
        script = ROOT / "docs" / "examples" / "serving_client.py"
        self._process = stack.enter_context(
            subprocess.Popen(
                [sys.executable, str(script), f"http://127.0.0.1:{port}", "fraud", str(file)],
                env=os.environ | {"CUSTODY_TOKEN": token},
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        )
        stack.callback(self._process.kill)
        self._versions: Queue[int] = Queue()
        Thread(target=self._read, daemon=True).start()

    def next(self) -> int:
        """Return the number of the next version that it prints."""
        return self._versions.get(timeout=PATIENCE)

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def _read(self) -> None:
        for line in self._process.stdout or ():
            self._versions.put(json.loads(line)["version"])


def call(server: Installation, token: str, rpc: str, **body: object) -> Any:
    answer = requests.post(
        f"{server.url}/api/2.0/mlflow/{rpc}", json=body, headers={"Authorization": f"Bearer {token}"}, timeout=60
    )
    assert answer.ok, answer.text
    return answer.json()


def promote(server: Installation, token: str) -> None:
    version = call(server, token, "model-versions/create", name="fraud", source="s3://test/model")["model_version"]
    call(
        *(server, token, "model-versions/transition-stage"),
        name="fraud",
        version=version["version"],
        stage="Production",
        archive_existing_versions=True,
    )


def edge_state(server: Installation) -> str:
    return str(requests.get(f"{server.url}/healthz", timeout=60).json()["edge"])


def until(server: Installation, state: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while edge_state(server) != state:
        assert time.monotonic() < deadline, server.said()
        time.sleep(0.2)


def metrics_of(server: Installation, token: str) -> str:
    return requests.get(f"{server.url}/metrics", headers={"Authorization": f"Bearer {token}"}, timeout=60).text


def until_waiting(server: Installation, token: str, *, clients: int) -> None:
    """Wait until so many clients wait at edge. One that comes after a promotion is answered at once and not counted."""
    deadline = time.monotonic() + PATIENCE
    while f'custody_edge_clients{{kind="poll"}} {clients}.0' not in metrics_of(server, token):
        assert time.monotonic() < deadline, server.said()
        time.sleep(0.2)


def test_the_client_serves_on_while_the_registry_is_away(own: Installation, tmp_path: Path) -> None:
    own.start()
    token = own.token("admin")
    call(own, token, "registered-models/create", name="fraud")
    promote(own, token)
    until(own, "ok")
    with ExitStack() as stack:
        first = ServingClient(stack, own, token, tmp_path / "first.json")
        assert first.next() == 1
        own.stop(signal.SIGKILL)
        late = ServingClient(stack, own, token, tmp_path / "first.json")
        assert late.next() == 1, "the file has the last version"
        deadline = time.monotonic() + PATIENCE
        while own.processes() and time.monotonic() < deadline:
            time.sleep(0.1)
        assert first.is_running
        own.start()
        until_waiting(own, token, clients=2)
        promote(own, token)
        assert (first.next(), late.next()) == (2, 2)
        metrics = metrics_of(own, token)
        assert 'custody_program_up{program="edge"}' in metrics
        assert 'custody_edge_clients{kind="poll"}' in metrics
        assert 'custody_edge_answers_total{answer="changed"}' in metrics
        own.stop()
        assert first.is_running


def test_the_death_of_edge_stops_nothing(own: Installation) -> None:
    own.start()
    until(own, "ok")
    (pid,) = [pid for pid, command in own.processes().items() if "manage.py edge" in command]
    os.kill(pid, signal.SIGKILL)
    until(own, "down")
    assert requests.get(f"{own.url}/healthz", timeout=60).json()["status"] == "ok"
    until(own, "ok")
    deadline = time.monotonic() + PATIENCE
    while "edge ended with code -9" not in own.said():  # the output of the installation arrives when it likes
        assert time.monotonic() < deadline, own.said()
        time.sleep(0.2)
    assert own.stop() == 0
    assert own.processes() == {}
