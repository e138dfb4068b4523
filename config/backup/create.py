"""Makes a backup: artifacts, a snapshot of the database, the artifacts that are new since, keys and the log's files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.utils import timezone

from audit.transparency.state import StateUnreadable, read_state
from config.backup.artifacts import copy_blob, copy_new, damaged_blobs, present_blobs
from config.backup.facts import Contents
from config.backup.files import BackupProblem, copy_or_link, files_below, links_below
from config.backup.folder import BackupFolder
from config.backup.manifest import (
    DATABASES,
    KEYS,
    LOG_STATE,
    Manifest,
    digests_of_files,
    read_artifact_list,
    write_artifact_list,
    write_manifest,
)
from config.backup.postgres import dump_database
from config.backup.readers import libpq_parameters
from config.backup.sqlite import checked_contents, copy_database
from core.schema_state import applied_migrations
from core.times import iso_utc
from tracking.store import Blob, current_store

# Files in the folder of the log's state that are made again: the lock of the sequencer, and exports.
_MADE_AGAIN = {"lock", "exports"}
# The settings whose keys may come from elsewhere than the data directory.
_KEY_VARIABLES = {"CUSTODY_LOG_KEY": "LOG_KEY", "CUSTODY_STATEMENT_KEY": "STATEMENT_KEY"}


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a backup.

    ``quick`` compares only the sizes of artifacts that an earlier backup has verified. ``with_keys`` includes the
    folder of the keys. ``allow_missing`` completes a backup although the store has lost artifacts. ``keep`` is the
    number of backups that stay; 0 deletes none.
    """

    quick: bool = False
    with_keys: bool = True
    allow_missing: bool = False
    keep: int = 0


def make_backup(root: Path, options: Options, write_line: Callable[[str], None]) -> Path:
    """Make a backup in a folder of backups and return its own folder. Raises BackupProblem, OSError.

    Artifacts are copied before the database, so that few are left to copy after it: whatever the snapshot names is in
    the store before it, and `prune_artifacts` deletes nothing that is younger than an hour.
    """
    folder = BackupFolder(root)
    with folder.locked():
        earlier = folder.complete()[-1] if folder.complete() else None
        draft = folder.begin()
        first = copy_new(current_store(), folder.artifacts)
        contents = _copy_database(draft)
        second = copy_new(current_store(), folder.artifacts)
        write_line(f"Copied {first[0] + second[0]} new artifacts of {first[1] + second[1]} bytes.")
        blobs, missing = _verified_artifacts(folder, contents, earlier if options.quick else None)
        if missing and not options.allow_missing:
            raise BackupProblem(_missing_message(missing))
        write_artifact_list(draft, blobs)
        _copy_small_files(draft, earlier, with_keys=options.with_keys)
        write_manifest(draft, _manifest(draft, contents, missing, with_keys=options.with_keys))
        complete = folder.finish(draft)
        if options.keep and settings.LEGAL_HOLD:
            write_line("No backup is deleted: this server is under a legal hold (CUSTODY_LEGAL_HOLD).")
        for old in (
            folder.discard_old(options.keep, current_store()) if options.keep and not settings.LEGAL_HOLD else ()
        ):
            write_line(f"Deleted the backup {old.name}.")
    if contents.log_problem:
        write_line(f"Warning: {contents.log_problem} See docs/operations.md, When the log cannot continue.")
    return complete


def _copy_database(draft: Path) -> Contents:
    """Take the snapshot of the database and return its contents, which are read from the copy or in its transaction."""
    try:
        signed = read_state()  # before the snapshot: every event that was signed by now must be in it
    except StateUnreadable as error:
        raise BackupProblem(str(error)) from error
    target = draft / DATABASES[connection.vendor]
    if connection.vendor == "postgresql":
        return dump_database(libpq_parameters(connection.settings_dict), target, signed)
    copy_database(Path(str(connection.settings_dict["NAME"])), target)
    return checked_contents(target, signed)


def _verified_artifacts(
    folder: BackupFolder, contents: Contents, trusted_backup: Path | None
) -> tuple[list[Blob], list[str]]:
    """Return the artifacts that the database names, and the digests of those that the backup lacks.

    A copy that has decayed is made again.
    """
    store = folder.artifacts
    blobs, missing = present_blobs(store, contents.named)
    trusted = set(read_artifact_list(trusted_backup)) if trusted_backup else set()
    for sha256 in damaged_blobs(store, blobs, trusted=trusted):
        blob = next(blob for blob in blobs if blob.sha256 == sha256)
        store.remove([blob])
        if not copy_blob(current_store(), store, blob):
            blobs.remove(blob)
            missing.append(sha256)
    return blobs, sorted(missing)


def _missing_message(missing: list[str]) -> str:
    more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
    return (
        f"The artifact store lacks bytes that the database names, or holds other bytes under their digest: {missing[0]}{more}. "
        "Run the command again; where that does not help, restore them from an earlier backup, or accept the loss with "
        "--allow-missing."
    )


def _copy_small_files(draft: Path, earlier: Path | None, *, with_keys: bool) -> None:
    state = Path(settings.LOG_STATE)
    if folders := [path for path in links_below(state) if path.is_dir()]:
        raise BackupProblem(
            f"{folders[0]} is a link to a folder, which no backup follows. Put the folder in its place."
        )
    paths = [path for path in files_below(state) if path.relative_to(state).parts[0] not in _MADE_AGAIN]
    for path in paths:
        name = Path(LOG_STATE) / path.relative_to(state)
        try:
            copy_or_link(path, draft / name, earlier / name if earlier else None)
        except FileNotFoundError:
            continue  # the sequencer has replaced an incomplete tile by the complete one, which follows
    for path in files_below(settings.DATA_DIR / "keys") if with_keys else ():
        copy_or_link(path, draft / KEYS / path.name, None)


def _manifest(draft: Path, contents: Contents, missing: list[str], *, with_keys: bool) -> Manifest:
    files = digests_of_files(draft)
    elsewhere = [variable for variable, setting in _KEY_VARIABLES.items() if getattr(settings, setting)]
    if f"{KEYS}/secret_key" not in files:
        elsewhere.append("CUSTODY_SECRET_KEY")
    if not with_keys:
        elsewhere = ["CUSTODY_SECRET_KEY", *_KEY_VARIABLES]
    return Manifest(
        version=settings.VERSION,
        taken_at=iso_utc(timezone.now(), "seconds"),
        vendor=connection.vendor,
        facts=contents.facts,
        migrations=applied_migrations(),
        files=files,
        keys_elsewhere=elsewhere,
        missing=missing,
        log_problem=contents.log_problem,
    )
