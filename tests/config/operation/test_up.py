"""`manage.py up` with real programs: it serves, keeps a second one out, and leaves no process behind."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from django.core.management import CommandError, call_command
from pytest_django import Settings

from accounts.models import User
from config.supervisor.lock import DataLock
from tests.config.test_data_directory import manage
from tests.e2e.installation import Installation, free_port

pytestmark = pytest.mark.process


@pytest.fixture
def installation(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    """An installation over a migrated database; its processes are ended afterwards."""
    found = Installation(
        tmp_path / "data",
        environment={"DATABASE_URL": database_url, "CUSTODY_EDGE_PORT": str(free_port())},
        options=("--no-demo", "--workers", "1"),
    )
    yield found
    for pid in found.processes():
        os.kill(pid, signal.SIGKILL)
    found.reap()


def test_it_serves_until_it_is_interrupted(installation: Installation) -> None:
    installation.start()
    assert requests.get(f"{installation.url}/healthz", timeout=60).status_code == 200
    assert len({line.split()[1] for line in installation.processes().values()}) > 1
    assert f"ready at {installation.url}/" in installation.said()
    password = (installation.data / "keys" / "first_password").read_text(encoding="utf-8").strip()
    assert f"Sign in  admin, password {password}" in installation.said()
    assert (installation.data / "demo").read_text(encoding="utf-8") == "declined\n"
    second = manage(installation.data, "up", "--port", str(free_port()))
    assert (second.returncode, "is in use by another `up`" in second.stderr) == (1, True)
    assert requests.get(f"{installation.url}/healthz", timeout=60).status_code == 200
    assert installation.stop(signal.SIGINT) == 0
    assert installation.said().endswith("Stopping …\nStopped.\n")
    assert installation.processes() == {}


def test_a_taken_port_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        refused = manage(tmp_path, "up", "--port", str(other.getsockname()[1]))
    assert (refused.returncode, "is in use by another program" in refused.stderr) == (1, True)
    assert not (tmp_path / "custody.sqlite3").exists()
    assert (tmp_path / "lock").read_text(encoding="utf-8") == ""


def test_a_broker_that_does_not_answer_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{free_port()}/0")
    refused = manage(tmp_path, "up", "--port", str(free_port()))
    assert (refused.returncode, refused.stderr) == (1, "CommandError: No Redis or Valkey answers at REDIS_URL.\n")
    assert not (tmp_path / "custody.sqlite3").exists()


@pytest.mark.parametrize("port", ["0", "65536", "http"])
def test_a_number_that_is_no_port_is_refused(tmp_path: Path, port: str) -> None:
    refused = pytest.raises(CommandError, match="is not a port; write a number from 1 to 65535")
    with refused:
        call_command("up", "--port", port)


def test_another_directory_than_that_of_the_settings_is_refused(db: None, settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    with pytest.raises(CommandError, match="Write --data in full"):
        call_command("up", data=str(tmp_path / "other"))
    assert list(tmp_path.iterdir()) == []


def test_data_that_another_process_has_locked_are_left_alone(db: None, settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    other = DataLock(tmp_path / "lock")
    other.acquire()
    with pytest.raises(CommandError, match=rf"is in use by another `up` \(process {os.getpid()}\)"):
        call_command("up", data=str(tmp_path))
    other.release()
    assert not User.objects.exists()
