"""`manage.py up`: one command that starts everything, refuses what would do harm, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.e2e.installation import PATIENCE, ROOT, Installation, free_port

pytestmark = pytest.mark.e2e


@pytest.fixture
def own(tmp_path: Path, migrated: Path | None) -> Iterator[Installation]:
    """An installation of the test's own; whatever is left of it afterwards is ended."""
    yield from _ended(Installation(tmp_path / "data", migrated=migrated))


@pytest.fixture
def new(tmp_path: Path) -> Iterator[Installation]:
    """As `own`, without a database: its first start runs every migration."""
    yield from _ended(Installation(tmp_path / "data"))


def _ended(installation: Installation) -> Iterator[Installation]:
    yield installation
    for pid in installation.processes():
        os.kill(pid, signal.SIGKILL)
    installation.reap()


def gone(installation: Installation, *, within: float) -> bool:
    """Return whether no process of an installation is left within so many seconds."""
    deadline = time.monotonic() + within
    while installation.processes():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def parent_of(pid: int) -> int:
    """Return the parent of a process, or 0 when it has ended meanwhile."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
    except OSError:
        return 0


def answers(installation: Installation) -> bool:
    try:
        return requests.get(f"{installation.url}/healthz", timeout=5).ok
    except requests.RequestException:
        return False


def up(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "manage.py"), "up", *options]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)


def test_a_running_installation_answers_and_is_well(server: Installation) -> None:
    deadline = time.monotonic() + PATIENCE
    answer = health(server)
    while state(answer) != (200, "ok", "ok") and time.monotonic() < deadline:  # a busy machine reports its workers late
        time.sleep(1)
        answer = health(server)
    assert state(answer) == (200, "ok", "ok")


def test_passkeys_are_used_on_the_port_that_was_given(server: Installation) -> None:
    web = [pid for pid, command in server.processes().items() if "granian" in command]
    assert web
    for pid in web:
        environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        assert f"CUSTODY_PASSKEY_ORIGINS=http://localhost:{server.port}".encode() in environment


def health(server: Installation) -> requests.Response:
    return requests.get(f"{server.url}/healthz", headers={"Host": "10.0.0.7"}, timeout=60)


def state(answer: requests.Response) -> tuple[int, str, str]:
    """Return the status of the answer, of the installation and of its workers."""
    return answer.status_code, answer.json()["status"], answer.json()["workers"]


def test_a_second_one_over_the_same_data_is_refused(server: Installation) -> None:
    second = up("--data", str(server.data), "--port", str(free_port()))
    assert second.returncode == 1
    assert "is in use by another" in second.stderr
    assert requests.get(f"{server.url}/healthz", timeout=60).status_code == 200


def test_a_taken_port_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        refused = up("--data", str(tmp_path / "data"), "--port", str(other.getsockname()[1]))
    assert refused.returncode == 1
    assert "is in use by another program" in refused.stderr
    assert not (tmp_path / "data" / "custody.sqlite3").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_leaves_no_process(own: Installation, number: signal.Signals) -> None:
    own.start()
    assert own.stop(number) == 0
    assert own.processes() == {}


def test_a_killed_one_leaves_no_process_and_starts_again(own: Installation) -> None:
    own.start().stop(signal.SIGKILL)
    assert gone(own, within=PATIENCE), own.processes()
    own.start()
    assert requests.get(f"{own.url}/healthz", timeout=60).json()["status"] == "ok"
    assert own.stop() == 0


def test_a_process_that_dies_is_started_again(own: Installation) -> None:
    own.start()
    [pid] = [pid for pid, command in own.processes().items() if "worker --queues slow" in command]
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + PATIENCE
    while not any("worker --queues slow" in command for key, command in own.processes().items() if key != pid):
        assert time.monotonic() < deadline, own.said()
        time.sleep(0.2)
    assert "worker-slow ended with code -9" in own.said()
    assert own.stop() == 0


def test_a_web_server_that_is_killed_leaves_no_worker_on_its_port(own: Installation) -> None:
    own.start()
    [main] = [pid for pid, command in own.processes().items() if "granian" in command and parent_of(pid) == own.pid]
    os.kill(main, signal.SIGKILL)
    deadline = time.monotonic() + PATIENCE
    while not any("granian" in command and parent_of(pid) == own.pid for pid, command in own.processes().items()):
        assert time.monotonic() < deadline, own.said()
        time.sleep(0.1)
    while not answers(own):
        assert time.monotonic() < deadline, own.said()
        time.sleep(0.1)
    assert own.said().count("web ended") == 1
    assert own.stop() == 0


def test_the_first_start_makes_an_account_that_can_sign_in(new: Installation) -> None:
    new.start()
    password_file = new.data / "keys" / "first_password"
    assert password_file.stat().st_mode & 0o777 == 0o600
    password = password_file.read_text(encoding="utf-8").strip()
    assert password in new.said()
    page = requests.Session()
    page.get(f"{new.url}/admin/login/", timeout=60)
    form = {"username": "admin", "password": password, "csrfmiddlewaretoken": page.cookies["csrftoken"]}
    answer = page.post(f"{new.url}/admin/login/", data=form, allow_redirects=False, timeout=60)
    assert answer.status_code == 302
    assert new.token("admin").startswith("cst_")
