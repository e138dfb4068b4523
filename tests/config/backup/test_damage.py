"""Damage to any part of a backup is found before anything is restored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection

from config.backup.folder import BackupFolder
from config.backup.manifest import read_artifact_list
from tests.config.backup.places import Place

pytestmark = pytest.mark.process


def flip(path: Path) -> None:
    """Change one byte in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x01
    path.chmod(0o600)
    path.write_bytes(content)


def artifact(folder: Path) -> Path:
    """The folder also has bytes that no row names any more; only those of the list are verified."""
    named = {blob.sha256 for blob in read_artifact_list(BackupFolder(folder).select())}
    return next(path for path in sorted((folder / "artifacts" / "sha256").rglob("*")) if path.name in named)


def in_backup(name: str) -> Callable[[Path], Path]:
    return lambda folder: next(iter(sorted(BackupFolder(folder).select().glob(name))))


PARTS: dict[str, Callable[[Path], Path]] = {
    "database": in_backup("database.*"),
    "manifest": in_backup("manifest.json"),
    "artifact list": in_backup("artifacts.txt"),
    "key": in_backup("keys/secret_key"),
    "log": in_backup("audit-log/logs/*/checkpoint"),
    "artifact": artifact,
}


def test_damage_is_found(old: Place, new: Place, tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    old.manage("backup", str(folder))
    for part, path_of in PARTS.items():
        path = path_of(folder)
        whole = path.read_bytes()
        flip(path)
        assert str(path.name) in new.refused("backup", str(folder), "--check"), part
        path.unlink()
        assert str(path.name) in new.refused("restore", str(folder)), part
        path.write_bytes(whole)
    extra = BackupFolder(folder).select() / "keys" / "of-somebody-else"
    extra.write_bytes(b"")
    assert "is not in the manifest" in new.refused("restore", str(folder))
    assert not new.sqlite.exists()
    assert not (new.data / "keys").exists()
    extra.unlink()
    keys, elsewhere = extra.parent, tmp_path / "elsewhere"
    keys.rename(elsewhere)
    keys.symlink_to(elsewhere)
    assert "keys is a symbolic link" in new.refused("restore", str(folder))
    keys.unlink()
    elsewhere.rename(keys)
    assert "is whole" in new.manage("backup", str(folder), "--check")


def test_changed_events_are_named(old: Place, tmp_path: Path) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("the file of SQLite is changed")
    old.change("DROP TRIGGER audit_event_no_update")
    old.change(
        "UPDATE audit_event SET body = CAST(replace(CAST(body AS TEXT), 'created', 'cleared') AS BLOB) "
        "WHERE action = 'tracking.run.created'"
    )
    said = old.manage("backup", str(tmp_path / "backup"))
    assert "Warning: The events of the database do not make the root of the log" in said
