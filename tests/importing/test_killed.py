"""An import that is killed again and again comes to the same end as one that is not."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.e2e.installation import ROOT
from tests.importing.old_database import OldDatabase, fill

pytestmark = [pytest.mark.e2e, pytest.mark.long]

PATIENCE = 300  # seconds: a busy machine is no failure
# Everything that was imported, but for row numbers and the time of the import.
_TABLES = {
    "tracking_run": "id, name, status, start_ms, end_ms, lifecycle_stage",
    "tracking_param": "run_id, key, value",
    "tracking_runtag": "run_id, key, value",
    "tracking_metric": "run_id, key, step, timestamp_ms, value, model_id",
    "tracking_latestmetric": "run_id, key, step, value",
    "tracking_runmodel": "run_id, model_id, direction, step",
    "tracking_artifact": "path, sha256, size",
    "tracking_seal": "prefix, digest",
    "registry_modelversion": "version, stage, is_current, source, artifact_digest, created_ms",
    "registry_alias": "name, version_id",
    "importing_item": "kind, source_id",
    "audit_event": "action, object_ref",
}


def manage(data: Path, *arguments: str) -> subprocess.Popen[bytes]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CUSTODY_", "DATABASE_URL"))}
    return subprocess.Popen(
        [sys.executable, str(ROOT / "manage.py"), *arguments],
        env=kept | {"CUSTODY_DATA": str(data)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def content(data: Path) -> dict[str, list[tuple[object, ...]]]:
    with sqlite3.connect(data / "custody.sqlite3") as connection:
        return {
            table: sorted(connection.execute(f"SELECT {columns} FROM {table}"), key=str)  # noqa: S608 - our own words
            for table, columns in _TABLES.items()
        }


def items(data: Path) -> int:
    with sqlite3.connect(data / "custody.sqlite3", timeout=30) as connection:
        return int(connection.execute("SELECT COUNT(*) FROM importing_item").fetchone()[0])


@pytest.fixture
def big(tmp_path: Path) -> OldDatabase:
    old = fill(OldDatabase(tmp_path))
    for number in range(60):
        run_id = f"{number:032x}"
        old.run(run_id)
        old.file(f"1/{run_id}/artifacts/model.bin", run_id.encode() * 100)
        for step in range(20):
            old.metric("loss", 1 / (step + 1), step, run_id=run_id)
    return old


def kill_at(targets: Iterable[int], old: OldDatabase, folder: Path) -> int:
    """Import whole, and into a second directory killed at so many items and run again; return how many kills fell in
    time.

    The imports come to the same end, or this fails.
    """
    whole, broken = folder / "whole", folder / "broken"
    command = ("import_mlflow", old.uri, "--artifacts-from", str(old.artifacts))
    assert manage(whole, "migrate", "-v0").wait(PATIENCE) == 0
    shutil.copytree(whole, broken)
    assert manage(whole, *command).wait(PATIENCE) == 0
    kills = 0
    for target in targets:
        process = manage(broken, *command)
        while process.poll() is None and items(broken) < target:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        kills += process.wait(PATIENCE) == -signal.SIGKILL
    assert manage(broken, *command).wait(PATIENCE) == 0
    assert content(broken) == content(whole)
    return kills


@pytest.mark.timeout(1200)  # it starts a server and imports several times; a busy machine takes its time
def test_killed_and_run_again(big: OldDatabase, tmp_path: Path) -> None:
    assert kill_at((5, 40, 70, 120, 170), big, tmp_path) >= 3


def test_killed_at_every_fifth_item_and_run_again(big: OldDatabase, tmp_path: Path) -> None:
    assert kill_at(range(1, 180, 5), big, tmp_path) >= 18
