"""A broker of the session, and a status without the answers of earlier tests."""

from __future__ import annotations

import secrets
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from audit.broker import broker_client
from config.status import programs, task_ends
from config.supervisor.broker import answers, valkey

PATIENCE = 60


@pytest.fixture(scope="session")
def broker_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a broker that all tests share."""
    folder = tmp_path_factory.mktemp("broker")
    socket = Path("/tmp") / f"custody-test-{secrets.token_hex(4)}" / "valkey.sock"  # noqa: S108 - a short path
    url = f"redis+socket://{socket}?virtual_host=0"
    with (
        (folder / "valkey.log").open("wb") as output,
        subprocess.Popen(valkey(socket, folder).command, stdout=output, stderr=output) as server,
    ):
        deadline = time.monotonic() + PATIENCE
        while not answers(url):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield url
        server.kill()


@pytest.fixture
def broker(broker_url: str, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty broker that answers."""
    with broker_client(broker_url, 5.0) as client:
        client.flushall()
    settings.REDIS_URL = broker_url
    monkeypatch.setattr(task_ends._Written, "at", {})
    monkeypatch.setattr(programs, "answering_workers", dict)  # Celery keeps the broker that it started with
    return broker_url


@pytest.fixture
def no_broker(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that does not answer."""
    settings.REDIS_URL = f"redis+socket://{tmp_path / 'none.sock'}?virtual_host=0"
    monkeypatch.setattr(task_ends._Written, "at", {})
