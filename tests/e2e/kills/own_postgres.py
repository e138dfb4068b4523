"""A PostgreSQL server of a test's own, which can be killed as a whole and started again."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg
import pytest

from tests.e2e.installation import free_port
from tests.e2e.test_up import parent_of

_PATIENCE = 120.0
# The tests kill processes and not the machine: what was written is in the memory of the system.
_OPTIONS = ("-c", "fsync=off", "-c", "max_connections=200", "-c", "listen_addresses=127.0.0.1")


class OwnPostgres:
    """A server with a data directory of its own. Skips the test where PostgreSQL is not installed."""

    def __init__(self) -> None:
        self._programs = _programs()
        # Its user may not be ours, and cannot read below pytest's directory.
        self._folder = Path(tempfile.mkdtemp(prefix="custody-postgres-"))
        self._user = "postgres" if os.getuid() == 0 else None
        if self._user:
            shutil.chown(self._folder, self._user)
        self.port = free_port()
        self.url = f"postgres://postgres@127.0.0.1:{self.port}/postgres"
        self._server: subprocess.Popen[bytes] | None = None
        command = [str(self._programs / "initdb"), "-D", str(self._data), "-U", "postgres", "--auth=trust", "-N"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, user=self._user, cwd=self._folder)

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def start(self) -> None:
        """Start it and return when it answers."""
        command = [
            str(self._programs / "postgres"),
            "-D",
            str(self._data),
            "-p",
            str(self.port),
            "-k",
            str(self._folder),
        ]
        with (self._folder / "log").open("ab") as log:
            self._server = subprocess.Popen(
                [*command, *_OPTIONS], stdout=log, stderr=log, user=self._user, cwd=self._folder
            )
        deadline = time.monotonic() + _PATIENCE
        while not self._answers():
            assert time.monotonic() < deadline, (self._folder / "log").read_text()[-2000:]
            time.sleep(0.1)

    def kill(self) -> None:
        """Kill every process of the server."""
        assert self._server is not None
        children = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
        children = [pid for pid in children if parent_of(pid) == self._server.pid]
        for pid in (self._server.pid, *children):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:  # a backend that has just ended
                continue
        self._server.wait()

    def stop(self) -> None:
        """Stop it and remove its data."""
        if self._server is not None and self._server.poll() is None:
            self._server.send_signal(signal.SIGINT)
            self._server.wait(_PATIENCE)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=3).close()
        except psycopg.OperationalError:
            return False
        return True


def _programs() -> Path:
    """Return the folder of PostgreSQL's programs, the newest version."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    found = folders[-1] if folders else shutil.which("initdb")
    if not found:
        pytest.skip("PostgreSQL's server is not installed")
    return Path(found).resolve().parent
