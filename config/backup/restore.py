"""Restores a backup: artifacts, keys, the published files of the log, and the database last."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.db import connection

from audit.transparency.state import STATE_FILE
from config.backup.artifacts import copy_blob, damaged_blobs
from config.backup.facts import DatabaseFacts
from config.backup.files import BackupProblem, copy_file, digest_of_file, files_below, make_private_folder, sync
from config.backup.folder import BackupFolder
from config.backup.manifest import DATABASES, KEYS, LOG_STATE, Manifest, read_artifact_list
from config.backup.postgres import empty_database, facts_of, load_dump, tables_of
from config.backup.readers import libpq_parameters
from config.backup.sqlite import checked_contents, set_aside
from config.backup.verification import verify_backup
from config.supervisor.lock import DataInUse, DataLock
from core.schema_state import unknown_migrations
from tracking.store import current_store


def restore_backup(folder: BackupFolder, backup: Path, *, replace: bool, write_line: Callable[[str], None]) -> Manifest:
    """Restore a backup into the data directory and the database that the settings name; return its manifest.

    The database comes last, so that an interrupted restore leaves none and can be repeated. Raises BackupProblem where
    the backup is damaged, and, without ``replace``, where the target holds something already.
    """
    manifest = verify_backup(folder, backup)
    write_line(f"The backup {backup.name} is whole.")
    make_private_folder(settings.DATA_DIR)
    lock = DataLock(settings.DATA_DIR / "lock")
    try:
        lock.acquire()
    except DataInUse as error:
        raise BackupProblem(f"{settings.DATA_DIR} is in use by `up` (process {error}). Stop it first.") from error
    try:
        _require_target(manifest, backup, replace=replace)
        suffix = f".replaced-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
        _restore_artifacts(folder, backup)
        _restore_keys(backup, suffix)
        _restore_log_files(backup)
        _restore_database(backup, manifest, suffix)
    finally:
        lock.release()
    return manifest


def _require_target(manifest: Manifest, backup: Path, *, replace: bool) -> None:
    if connection.vendor != manifest.vendor:
        raise BackupProblem(
            f"The backup is of a {manifest.vendor} database, and DATABASE_URL names {connection.vendor}. Restore it to the same "
            "kind; `manage.py move_database` moves SQLite to PostgreSQL afterwards."
        )
    if unknown := unknown_migrations(manifest.migrations):
        more = f" and {len(unknown) - 1} more" if len(unknown) > 1 else ""
        raise BackupProblem(
            f"The backup is of a newer version of Custody: it has migrations that this version lacks ({unknown[0]}{more}). "
            "Restore it with that version. Nothing was changed."
        )
    if replace:
        return
    if _database_exists():
        raise BackupProblem("There is a database already. Name an empty target, or replace it with --replace.")
    if changed := [path.name for path in _keys_of(backup) if _differs(path, settings.DATA_DIR / KEYS / path.name)]:
        raise BackupProblem(
            f"{settings.DATA_DIR / KEYS} holds other keys already ({', '.join(changed)}). Name an empty target, or set them aside "
            "with --replace."
        )


def _database_exists() -> bool:
    if connection.vendor == "sqlite":
        return _sqlite_path().exists()
    return bool(tables_of(libpq_parameters(connection.settings_dict)))


def _sqlite_path() -> Path:
    return Path(str(connection.settings_dict["NAME"]))


def _keys_of(backup: Path) -> list[Path]:
    return list(files_below(backup / KEYS))


def _differs(source: Path, target: Path) -> bool:
    return target.exists() and digest_of_file(source) != digest_of_file(target)


def _restore_artifacts(folder: BackupFolder, backup: Path) -> None:
    """Put back the artifacts that the store lacks or holds damaged."""
    store, blobs = current_store(), {blob.sha256: blob for blob in read_artifact_list(backup)}
    for sha256 in damaged_blobs(store, blobs.values()):
        store.remove([blobs[sha256]])
        if not copy_blob(folder.artifacts, store, blobs[sha256]):
            raise BackupProblem(f"The artifact {sha256} cannot be restored: its copy is damaged.")


def _restore_keys(backup: Path, suffix: str) -> None:
    """Put the keys back with their modes. A key of another content is kept beside them."""
    for path in _keys_of(backup):
        target = settings.DATA_DIR / KEYS / path.name
        if _differs(path, target):
            target.rename(target.with_name(f"{target.name}{suffix}"))
        copy_file(path, target)


def _restore_log_files(backup: Path) -> None:
    """Put the published files of the log back, but not the signer's state: without it nothing is signed.

    Events may have been signed after the backup, so a person has to decide how the log continues. A folder that has
    survived stays as it is: it knows the last checkpoint.
    """
    target = Path(settings.LOG_STATE)
    if (target / STATE_FILE).exists():
        return
    for path in files_below(backup / LOG_STATE):
        name = path.relative_to(backup / LOG_STATE)
        if name.as_posix() != STATE_FILE:
            copy_file(path, target / name)


def _restore_database(backup: Path, manifest: Manifest, suffix: str) -> None:
    """Put the database back and compare its facts with the manifest. Raises BackupProblem."""
    connection.close()
    source = backup / DATABASES[manifest.vendor]
    if connection.vendor == "sqlite":
        path = _sqlite_path()
        draft = path.with_name(f"{path.name}.restoring")
        copy_file(source, draft)
        _require_equal(manifest.facts, checked_contents(draft).facts)
        set_aside(path, suffix)
        draft.rename(path)
        sync(path.parent)
        return
    parameters = libpq_parameters(connection.settings_dict)
    if tables_of(parameters):
        empty_database(parameters)
    load_dump(parameters, source)
    _require_equal(manifest.facts, facts_of(parameters))


def _require_equal(expected: DatabaseFacts, restored: DatabaseFacts) -> None:
    if differences := expected.differences(restored):
        raise BackupProblem(f"The restored database differs from the backup: {' '.join(differences)}")
