"""Backups and restores that are killed at any moment: none looks complete that is not, and the next run completes."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.config.backup.places import Place
from tests.config.backup.test_backup_restore import RUNS, stored_as_named, whole

pytestmark = pytest.mark.process

TIMES = 6


def killed_after(place: Place, seconds: float, *command: str) -> None:
    """Start a command and kill it after a time, unless it has ended."""
    with place.begin(*command) as process:
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        process.communicate()


def test_killed_backups(old: Place, new: Place, tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    old.write(20)
    began = time.monotonic()
    old.manage("backup", str(tmp_path / "other"))
    lasted = time.monotonic() - began
    for number in range(TIMES):
        killed_after(old, lasted * (0.4 + 0.6 * number / TIMES), "backup", str(folder))
        whole(folder)
    old.manage("backup", str(folder))
    backups = whole(folder)
    assert list((folder / "backups").glob("*.incomplete")) == []
    new.manage("restore", str(folder), "--backup", backups.complete()[-1].name)
    assert sorted(new.rows(RUNS)) == sorted(old.rows(RUNS))


def test_killed_restores(old: Place, new: Place, tmp_path: Path) -> None:
    folder = str(tmp_path / "backup")
    old.write(20)
    old.manage("backup", folder)
    began = time.monotonic()
    old.manage("restore", folder, "--replace")
    lasted = time.monotonic() - began
    for number in range(TIMES):
        killed_after(new, lasted * (0.4 + 0.6 * number / TIMES), "restore", folder)
    done = new.run("restore", folder)
    assert done.returncode == 0 or "There is a database already" in done.stderr
    assert sorted(new.rows(RUNS)) == sorted(old.rows(RUNS))
    assert stored_as_named(new)
