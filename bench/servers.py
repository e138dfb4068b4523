"""Starts both servers as their users do: `manage.py up`, and `mlflow server` with its defaults."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from config.env import BASE_DIR

OURS = "manage.py up, its defaults: 2 web processes with 16 requests at a time each, workers and scheduler on the same machine, a token in every call"
PEER = "mlflow server 3.17.2, its defaults: 4 uvicorn processes, no authentication"
_START_SECONDS = 120
# The process of each server that runs, by its port.
_running_on_port: dict[int, int] = {}
_MANAGE = [sys.executable, str(BASE_DIR / "manage.py")]


def custody_environment(database_url: str, directory: Path, *, edge_port: int = 0) -> dict[str, str]:
    """Return the environment of an installation with bench/settings.py; without a port it runs no edge."""
    return os.environ | {
        "DATABASE_URL": database_url,
        "DJANGO_SETTINGS_MODULE": "bench.settings",
        "CUSTODY_DATA": str(directory / "custody"),
        "CUSTODY_DEFAULT_POLICIES": "off",  # seeding needs versions in Production, not their approvals
        "CUSTODY_ALLOWED_SOURCES": "s3://bench/",
        "CUSTODY_EDGE_PORT": str(edge_port),
    }


@contextmanager
def custody(database_url: str, directory: Path, *, edge_port: int = 0, **settings: str) -> Iterator[tuple[str, str]]:
    """Run Custody with bench/settings.py and other settings, and yield its URL and a token of `admin`."""
    port = free_port()
    environment = custody_environment(database_url, directory, edge_port=edge_port) | settings
    command = [*_MANAGE, "up", "--port", str(port), "--no-demo"]
    with _running(command, environment, directory / "custody.log", port, "/healthz"):
        yield f"http://127.0.0.1:{port}", _manage(environment, "issue_token", "admin")


def member_token(database_url: str, directory: Path, *, name: str, group: str) -> str:
    """Return a token of a new account of an installation that runs: an ordinary one, in one group."""
    environment = custody_environment(database_url, directory)
    _manage(environment, "create_user", name, "--group", group)
    return _manage(environment, "issue_token", name)


def _manage(environment: dict[str, str], *arguments: str) -> str:
    command = [*_MANAGE, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()


@contextmanager
def mlflow_server(database_url: str, directory: Path) -> Iterator[str]:
    """Run an MLflow server on a database and yield its URL."""
    port = free_port()
    command = [
        *(str(BASE_DIR / ".venv-bench" / "bin" / "mlflow"), "server", "--host", "127.0.0.1", "--port", str(port)),
        *("--backend-store-uri", database_url.replace("postgres://", "postgresql+psycopg2://")),
        *("--artifacts-destination", str(directory / "artifacts")),
    ]
    with _running(command, dict(os.environ), directory / "mlflow.log", port, "/health"):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def _running(command: list[str], environment: dict[str, str], log: Path, port: int, health: str) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT, cwd=BASE_DIR)
    _running_on_port[port] = process.pid
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not _answers(port, health):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command[0]} does not run:\n{log.read_text(encoding='utf-8')[-3000:]}")
            time.sleep(0.2)
        yield
    finally:
        del _running_on_port[port]
        process.terminate()
        process.wait(30)


@contextmanager
def alone(url: str) -> Iterator[None]:
    """Stop all processes of the other servers in the block, so that each is measured as on a machine of its own.

    Without requests `mlflow server` 3.17.2 takes 40 % of a core: its job runners poll.
    """
    others = [pid for port, pid in _running_on_port.items() if port != urlsplit(url).port]
    stopped = [pid for other in others for pid in _with_children(other)]
    _signal(stopped, signal.SIGSTOP)
    try:
        yield
    finally:
        _signal(stopped, signal.SIGCONT)


def _with_children(pid: int) -> list[int]:
    """Return a process and all below it."""
    found = [pid]
    for thread in Path(f"/proc/{pid}/task").glob("*/children"):
        found += [each for child in thread.read_text(encoding="ascii").split() for each in _with_children(int(child))]
    return found


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):  # it has ended
            os.kill(pid, number)


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def free_port() -> int:
    """Return a port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
