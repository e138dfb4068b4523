"""Under load every kind of process is killed ten times, on PostgreSQL that server as well: no acknowledged change is
lost, each change has its one event, and the log still extends every checkpoint that was kept.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
import requests

from audit.verifier.audit_verify import parse_vkey, verify
from tests.e2e.installation import Installation
from tests.e2e.kills.own_postgres import OwnPostgres
from tests.e2e.test_up import answers, parent_of

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(3600)]

PATIENCE = 600  # seconds: the supervisor waits up to a minute before it starts a program again
TIMES = 10
WRITERS = 4
DATABASE_AWAY = 2  # seconds
KINDS = {
    "web": "granian",
    "worker": "worker --queues fast",
    "sequencer": "audit_sequencer",
    "broker": "unixsocket",
}


class Load:
    """Writers that set tags of a run, each tag once, and remember which were acknowledged."""

    def __init__(self, url: str, token: str, run_id: str) -> None:
        self.acknowledged: list[str] = []
        self.head = {"Authorization": f"Bearer {token}"}
        self._url, self._run_id = url, run_id
        self._end = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=(number,)) for number in range(WRITERS)]

    def start(self) -> None:
        """Begin to write."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End, and wait for the answers on their way."""
        self._end.set()
        for thread in self._threads:
            thread.join()

    def _write(self, writer: int) -> None:
        number = 0
        with requests.Session() as session:
            session.headers.update(self.head)
            while not self._end.is_set():
                number += 1
                key = f"w{writer}-{number}"
                body = {"run_id": self._run_id, "key": key, "value": "x"}
                try:
                    answer = session.post(f"{self._url}/api/2.0/mlflow/runs/set-tag", json=body, timeout=60)
                except requests.RequestException:
                    time.sleep(0.05)
                    continue
                if answer.ok:
                    self.acknowledged.append(key)


@pytest.fixture(params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest) -> Iterator[OwnPostgres | None]:
    """Yield a PostgreSQL server of the test's own, None for SQLite."""
    if request.param == "sqlite":
        yield None
        return
    server = OwnPostgres()
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def loaded(tmp_path: Path, migrated: Path | None, server: OwnPostgres | None) -> Iterator[tuple[Installation, Load]]:
    """Yield an installation under load."""
    options = {"environment": {"DATABASE_URL": server.url}} if server else {"migrated": migrated}
    with Installation(tmp_path / "data", **options) as installation:
        installation.person("kim", superuser=True)
        token = installation.token("kim")
        head = {"Authorization": f"Bearer {token}"}
        api = f"{installation.url}/api/2.0/mlflow"
        made = requests.post(f"{api}/runs/create", json={"experiment_id": "0"}, headers=head, timeout=60).json()
        load = Load(installation.url, token, made["run"]["info"]["run_id"])
        load.start()
        yield installation, load
        load.stop()


def wait_for(installation: Installation, reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not reached():
        assert time.monotonic() < deadline, installation.said()
        time.sleep(0.1)


def pids(installation: Installation, command: str) -> set[int]:
    """Return the processes of a program that the supervisor has started itself."""
    running = installation.processes().items()
    return {pid for pid, line in running if command in line and parent_of(pid) == installation.pid}


def kill_all(installation: Installation) -> None:
    """Kill each kind of program, and wait until the supervisor has started others in their place.

    It waits longer each time, so that all are killed before any is waited for.
    """
    victims = {}
    for kind, command in KINDS.items():
        (victims[kind],) = pids(installation, command)
        os.kill(victims[kind], signal.SIGKILL)
    for kind, command in KINDS.items():
        wait_for(installation, lambda kind=kind, command=command: bool(pids(installation, command) - {victims[kind]}))  # type: ignore[misc]  # defaults
    wait_for(installation, lambda: answers(installation))


def checkpoint(installation: Installation) -> bytes:
    (path,) = (installation.data / "audit-log" / "logs").glob("*/checkpoint")
    return path.read_bytes()


def kill_database(installation: Installation, server: OwnPostgres) -> None:
    """Kill the database, and wait until the installation answers on the one that is started in its place."""
    server.kill()
    time.sleep(DATABASE_AWAY)
    server.start()
    wait_for(installation, lambda: answers(installation))


def changes_in(installation: Installation, server: OwnPostgres | None) -> list[str]:
    """Return the tags of the load that the database has."""
    query = "SELECT key FROM tracking_runtag WHERE key LIKE 'w%-%'"
    if server:
        with psycopg.connect(server.url) as database:
            return [key for (key,) in database.execute(query).fetchall()]
    with closing(sqlite3.connect(installation.data / "custody.sqlite3")) as file:
        return [key for (key,) in file.execute(query)]


def test_kills_lose_nothing(loaded: tuple[Installation, Load], server: OwnPostgres | None, tmp_path: Path) -> None:
    installation, load = loaded
    kept = []
    for _ in range(TIMES):
        if server:
            kill_database(installation, server)
        kill_all(installation)
        before, note = len(load.acknowledged), checkpoint(installation)
        wait_for(installation, lambda seen=before: len(load.acknowledged) > seen + 20)  # type: ignore[misc]  # a default
        wait_for(installation, lambda old=note: checkpoint(installation) != old)  # type: ignore[misc]  # a default
        kept.append(checkpoint(installation))
    load.stop()
    installation.end_commands()  # its connection to the database was cut
    installation.manage("audit_export", str(tmp_path / "log.zip"))
    changes = changes_in(installation, server)
    vkeys = requests.get(f"{installation.url}/audit/vkey", headers=load.head, timeout=60).text
    keys = [parse_vkey(line) for line in vkeys.splitlines()]
    assert set(load.acknowledged) <= set(changes)
    assert events(tmp_path / "log.zip") == Counter(changes)
    assert len(set(kept)) == TIMES
    assert verify(tmp_path / "log.zip", keys, kept).errors == []


def events(export: Path) -> Counter[str]:
    """Return how often each tag of the load was set, by the events of the log."""
    with zipfile.ZipFile(export) as package:
        entries = [json.loads(line)["event"] for line in package.read("events.jsonl").split(b"\n") if line]
    assert len({entry["event_id"] for entry in entries}) == len(entries)
    tags = [key for entry in entries if entry["action"] == "tracking.tag.set" for key in entry["after"]]
    return Counter(key for key in tags if key.startswith("w"))
