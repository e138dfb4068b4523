"""A machine is lost and restored by the commands of docs/operations.md, from a backup that was made under load."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
import requests

from audit.verifier.audit_verify import parse_vkey, verify
from config.backup.folder import BackupFolder
from tests.documented_commands import commands_between, run_documented
from tests.e2e.installation import PASSWORD, Installation

pytestmark = pytest.mark.e2e

ENVIRONMENT = {"CUSTODY_DEFAULT_POLICIES": "off"}
COUNTED = ("tracking_run", "tracking_artifact", "registry_modelversion", "accounts_user", "audit_event", "audit_leaf")
TYPED = f"{PASSWORD}\n{PASSWORD}\n"


class Caller:
    """Somebody who calls an installation with a token."""

    def __init__(self, url: str, token: str) -> None:
        self.url, self.session = url, requests.Session()
        self.session.headers["Authorization"] = f"Bearer {token}"

    def post(self, rpc: str, **body: object) -> Any:
        answer = self.session.post(f"{self.url}/api/2.0/mlflow/{rpc}", json=body, timeout=60)
        assert answer.ok, answer.text
        return answer.json()

    def make_run(self, content: bytes) -> str:
        """Make a run with an artifact, and return its id."""
        run = self.post("runs/create", experiment_id="0")["run"]["info"]
        path = run["artifact_uri"].removeprefix("mlflow-artifacts:").lstrip("/")
        url = f"{self.url}/api/2.0/mlflow-artifacts/artifacts/{path}/model/weights.bin"
        assert self.session.put(url, data=content, timeout=60).ok
        return str(run["run_id"])

    def production(self) -> dict[str, Any]:
        answer = self.session.get(f"{self.url}/api/v1/models/fraud/production", timeout=60)
        assert answer.ok, answer.text
        return {"etag": answer.headers.get("ETag"), **answer.json()}

    def put_into_production(self, run_id: str) -> None:
        self.post("registered-models/create", name="fraud")
        made = self.post("model-versions/create", name="fraud", source=f"runs:/{run_id}/model", run_id=run_id)
        number = made["model_version"]["version"]
        stage = {"stage": "Production", "archive_existing_versions": True}
        self.post("model-versions/transition-stage", name="fraud", version=number, **stage)


@contextmanager
def load(caller: Caller) -> Iterator[list[str]]:
    """Make runs and read what is in Production for the block; yield the ids of acknowledged runs."""
    acknowledged: list[str] = []
    failures: list[Exception] = []
    end = Event()

    def write() -> None:
        own = Caller(caller.url, str(caller.session.headers["Authorization"]).removeprefix("Bearer "))
        try:
            while not end.is_set():
                acknowledged.append(own.make_run(f"weights of run {len(acknowledged)}".encode()))
                own.production()
        except Exception as error:  # noqa: BLE001 - the test fails with it
            failures.append(error)

    threads = [Thread(target=write) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        yield acknowledged
    finally:
        end.set()
        for thread in threads:
            thread.join()
    assert not failures


def facts(data: Path) -> dict[str, Any]:
    """Return the numbers of rows, the digests of artifacts, and a digest of all events in their order."""
    with closing(sqlite3.connect(data / "custody.sqlite3")) as database:
        counts = {table: database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in COUNTED}  # noqa: S608 - our own names
        digests = database.execute("SELECT path, sha256 FROM tracking_artifact ORDER BY path").fetchall()
        events = hashlib.sha256()
        for (body,) in database.execute("SELECT body FROM audit_event ORDER BY id"):
            events.update(bytes(body))
        runs = {run for (run,) in database.execute("SELECT id FROM tracking_run")}
    return {"counts": counts, "digests": digests, "events": events.hexdigest(), "runs": runs}


def back_up_under_load(old: Installation, caller: Caller, command: str, paths: dict[str, Path]) -> list[str]:
    """Run the command of the page while runs are made; return the ids of the acknowledged ones."""
    with load(caller) as acknowledged:
        seen = len(acknowledged)
        assert "is complete and verified" in run_documented(command, old.shell, paths)
        assert len(acknowledged) > seen
    return acknowledged


def require_the_same(before: dict[str, Any], after: dict[str, Any], restored: Path) -> None:
    """Compare rows, digests and bytes; the decision of the two superusers on the log is the only new event."""
    assert after["digests"] == before["digests"]
    for path, digest in after["digests"]:
        assert stored(restored, digest) == digest, path
    grown = {table for table in COUNTED if after["counts"][table] != before["counts"][table]}
    assert grown <= {"audit_event", "audit_leaf"}
    assert after["runs"] == before["runs"]


def require_whole_log(caller: Caller, new: Installation, file: Path) -> None:
    """Export the audit log, and verify it with the offline verifier."""
    new.manage("audit_export", str(file))
    vkeys = caller.session.get(f"{new.url}/audit/vkey", timeout=60).text.splitlines()
    assert verify(file, [parse_vkey(line) for line in vkeys], full=True).errors == []


def test_a_machine_is_restored_by_following_the_page(tmp_path: Path, migrated: Path | None) -> None:
    folder, lost, restored = tmp_path / "backup", tmp_path / "custody", tmp_path / "restored"
    paths = {"/backup": folder, "/srv/custody": lost, "/srv/restored": restored}
    backup, quick, check, restore, decide = commands_between("## Backup", "## The audit log")
    with Installation(lost, environment=ENVIRONMENT, migrated=migrated) as old:
        for name in ("kim", "lee"):
            old.person(name, superuser=True)
        caller = Caller(old.url, old.token("kim"))
        caller.put_into_production(caller.make_run(b"weights in Production"))
        served = caller.production()
        acknowledged = back_up_under_load(old, caller, backup, paths)
    run_documented(quick, old.shell, paths)  # of the stopped installation: nothing is signed after it
    run_documented(check, old.shell, paths)
    before = facts(lost)
    (checkpoint,) = BackupFolder(folder).select().glob("audit-log/logs/*/checkpoint")
    shutil.copy(checkpoint, folder / "last-checkpoint")  # as a witness or an auditor has it
    shutil.rmtree(lost)

    new = Installation(restored, environment=ENVIRONMENT)
    assert "is restored" in run_documented(restore, new.shell, paths)
    run_documented(decide, new.shell, paths, TYPED)

    require_the_same(before, facts(restored), restored)
    with new:
        caller = Caller(new.url, new.token("kim"))
        assert set(acknowledged) < before["runs"]
        assert caller.session.get(f"{new.url}/healthz", timeout=60).ok
        assert caller.production() == served
        caller.make_run(b"weights after the restore")
        require_whole_log(caller, new, tmp_path / "log.zip")


def stored(data: Path, digest: str) -> str:
    """Return the digest of the bytes that the store has under a digest."""
    (path,) = (data / "artifacts" / "sha256").rglob(digest)
    return hashlib.sha256(path.read_bytes()).hexdigest()
