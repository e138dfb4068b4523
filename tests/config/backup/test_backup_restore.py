"""A backup under load is restored: the same rows, events and artifacts, and a log that waits for a decision."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from django.conf import settings

from config.backup.facts import HOLDER_COLUMNS
from config.backup.files import BackupProblem, digest_of_file
from config.backup.folder import BackupFolder
from config.backup.manifest import read_manifest, write_manifest
from config.backup.verification import verify_backup
from tests.config.backup.places import Place

pytestmark = pytest.mark.process

RUNS = "SELECT id FROM tracking_run"
CREATED = "SELECT object_ref FROM audit_event WHERE action = 'tracking.run.created'"


def whole(folder: Path) -> BackupFolder:
    """Return a folder of backups after each complete one was verified."""
    backups = BackupFolder(folder)
    for backup in backups.complete():
        verify_backup(backups, backup)
    return backups


def stored_as_named(place: Place) -> bool:
    """Return whether the store has the bytes of every artifact of the database, by their digests."""
    digests = {digest_of_file(path) for path in place.artifacts}
    return {sha256 for (sha256,) in place.rows("SELECT sha256 FROM tracking_artifact")} <= digests


def test_a_backup_under_load_is_restored(old: Place, new: Place, tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    with old.written_to() as one, old.written_to() as two:
        acknowledged = [process.stdout.readline().strip() for process in (one, two) for _ in range(5) if process.stdout]
        for _ in range(2):
            assert "is complete and verified" in old.manage("backup", str(folder))
        assert one.poll() is two.poll() is None
    assert len(whole(folder).complete()) == 2
    said = new.manage("restore", str(folder))
    assert "is restored" in said
    assert "The audit log is stopped until two superusers decide how it continues." in said
    runs = {run for (run,) in new.rows(RUNS)}
    assert set(acknowledged) <= runs <= {run for (run,) in old.rows(RUNS)}
    assert {ref.removeprefix("run:") for (ref,) in new.rows(CREATED)} == runs
    assert stored_as_named(new)
    assert {path.name: path.stat().st_mode & 0o777 for path in (new.data / "keys").iterdir()} == {
        path.name: 0o600 for path in (old.data / "keys").iterdir()
    }
    assert new.manage("audit_sequencer", "--once") == "nothing signed\n"
    assert "There is no last checkpoint in CUSTODY_LOG_STATE" in new.rows("SELECT problem FROM audit_log")[0][0]


def test_a_restored_installation_works(old: Place, new: Place, tmp_path: Path) -> None:
    old.manage("backup", str(tmp_path / "backup"))
    new.manage("restore", str(tmp_path / "backup"))
    (run,) = new.write(1)
    assert (run,) in new.rows(RUNS)
    assert new.manage("prune_artifacts", "--dry-run").startswith("Would delete 0 files")


def test_only_new_artifacts_are_copied(old: Place, tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    first = old.manage("backup", str(folder))
    copied = {path: path.stat().st_ino for path in (folder / "artifacts" / "sha256").rglob("*") if path.is_file()}
    old.write(2)
    second = old.manage("backup", str(folder), "--quick")
    assert f"Copied {len(copied)} new artifacts" in first
    assert "Copied 4 new artifacts of 8000 bytes" in second
    assert {path: path.stat().st_ino for path in copied} == copied


def test_old_backups_are_deleted_with_the_artifacts_that_only_they_had(old: Place, tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    old.manage("backup", str(folder))
    (first,) = BackupFolder(folder).complete()
    named = {row[0] for row in old.rows("SELECT sha256 FROM tracking_artifact")}
    ((gone,),) = old.rows("SELECT sha256 FROM tracking_artifact WHERE path LIKE '%model.bin' LIMIT 1")
    old.change(f"DELETE FROM tracking_artifact WHERE sha256 = '{gone}'")  # noqa: S608 - a digest
    (path,) = [path for path in old.artifacts if path.name == gone]
    path.unlink()
    assert f"Deleted the backup {first.name}." in old.manage("backup", str(folder), "--keep", "1")
    assert len(whole(folder).complete()) == 1
    remaining = {path.name for path in (folder / "artifacts" / "sha256").rglob("*") if path.is_file()}
    assert named - remaining == {gone}


def test_a_restore_refuses_a_target_that_is_not_empty(old: Place, new: Place, tmp_path: Path) -> None:
    folder = str(tmp_path / "backup")
    old.manage("backup", folder)
    old.write(1)
    runs = old.rows(RUNS)
    assert "There is a database already" in old.refused("restore", folder)
    assert old.rows(RUNS) == runs
    old.manage("restore", folder, "--replace")
    assert len(old.rows(RUNS)) == len(runs) - 1
    assert new.refused("restore", str(tmp_path)).startswith("CommandError: There is no complete backup")


def test_a_backup_of_a_newer_version_is_not_restored(old: Place, new: Place, tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    old.manage("backup", str(folder))
    backup = BackupFolder(folder).select()
    manifest = read_manifest(backup)
    assert "registry.0001_initial" in manifest.migrations
    write_manifest(backup, replace(manifest, migrations=[*manifest.migrations, "registry.9999_later"]))
    runs = old.rows(RUNS)
    assert "registry.9999_later" in old.refused("restore", str(folder), "--replace")
    assert old.rows(RUNS) == runs
    assert "registry.9999_later" in new.refused("restore", str(folder))


def test_a_backup_from_the_future_stops_the_next_one(old: Place, tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    old.manage("backup", str(folder))
    (first,) = BackupFolder(folder).complete()
    later = first.rename(first.with_name("20990101T000000Z"))
    assert "has a time in the future" in old.refused("backup", str(folder), "--keep", "1")
    assert BackupFolder(folder).complete() == [later]


def test_a_folder_of_the_log_that_is_a_link_is_not_left_out_without_a_word(old: Place, tmp_path: Path) -> None:
    logs = old.data / "audit-log" / "logs"
    logs.rename(tmp_path / "logs")
    logs.symlink_to(tmp_path / "logs")
    assert "is a link to a folder" in old.refused("backup", str(tmp_path / "backup"))
    assert BackupFolder(tmp_path / "backup").complete() == []


def test_a_surviving_checkpoint_stops_a_log_that_lost_events(old: Place, tmp_path: Path) -> None:
    folder = str(tmp_path / "backup")
    old.manage("backup", folder)
    old.write(1)
    assert "events signed" in old.manage("audit_sequencer", "--once")
    state = (old.data / "audit-log" / "state.json").read_bytes()
    old.manage("restore", folder, "--replace")
    assert (old.data / "audit-log" / "state.json").read_bytes() == state
    assert old.manage("audit_sequencer", "--once") == "nothing signed\n"
    assert "an older state was restored" in old.rows("SELECT problem FROM audit_log")[0][0]


def test_a_store_that_lost_an_artifact_is_not_backed_up_without_a_word(old: Place, new: Place, tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    ((lost,),) = old.rows("SELECT sha256 FROM tracking_artifact WHERE path LIKE '%model.bin' LIMIT 1")
    (path,) = [path for path in old.artifacts if path.name == lost]
    path.chmod(0o600)
    path.write_bytes(b"x" * 2000)
    assert lost in old.refused("backup", str(folder))
    assert BackupFolder(folder).complete() == []
    old.manage("backup", str(folder), "--allow-missing")
    (backup,) = whole(folder).complete()
    assert json.loads((backup / "manifest.json").read_text())["manifest"]["missing"] == [lost]
    assert "1 artifacts were lost before the backup" in new.manage("restore", str(folder))


def test_a_copy_that_decayed_is_made_again(old: Place, tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    old.manage("backup", str(folder))
    decayed = next(path for path in (folder / "artifacts" / "sha256").rglob("*") if path.is_file())
    decayed.chmod(0o600)
    decayed.write_bytes(b"y" * decayed.stat().st_size)
    with pytest.raises(BackupProblem, match=decayed.name):
        whole(folder)
    old.manage("backup", str(folder))
    assert len(whole(folder).complete()) == 2


def test_every_holder_of_bytes_has_its_column() -> None:
    assert set(HOLDER_COLUMNS) == set(settings.ARTIFACT_HOLDERS)
