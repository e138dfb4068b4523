"""Verification of a complete backup: files by their digests, the database by its facts, artifacts by their bytes."""

from __future__ import annotations

from pathlib import Path

from config.backup.artifacts import damaged_blobs
from config.backup.files import BackupProblem, digest_of_file, files_below, links_below
from config.backup.folder import BackupFolder
from config.backup.manifest import DATABASES, MANIFEST, Manifest, read_artifact_list, read_manifest
from config.backup.postgres import dumped_rows
from config.backup.sqlite import checked_contents

_MOST_SHOWN = 5


def verify_backup(folder: BackupFolder, backup: Path) -> Manifest:
    """Return the manifest of a backup after everything in it was read. Raises BackupProblem, which names the faults."""
    manifest = read_manifest(backup)
    faults = _changed_files(backup, manifest)
    if not faults:
        faults = _database_faults(backup, manifest)
        damaged = damaged_blobs(folder.artifacts, read_artifact_list(backup))
        faults += [f"The artifact {sha256} is missing or damaged." for sha256 in damaged]
    if faults:
        more = f" {len(faults) - _MOST_SHOWN} more faults." if len(faults) > _MOST_SHOWN else ""
        raise BackupProblem(f"The backup {backup} is damaged: {' '.join(faults[:_MOST_SHOWN])}{more}")
    return manifest


def _changed_files(backup: Path, manifest: Manifest) -> list[str]:
    present = {path.relative_to(backup).as_posix() for path in files_below(backup)} - {MANIFEST}
    if links := links_below(backup):
        # what they point to may change after the verification, and need not be in the manifest
        return [f"{path.relative_to(backup)} is a symbolic link." for path in links]
    faults = [f"{name} is missing." for name in sorted(manifest.files.keys() - present)]
    faults += [f"{name} is not in the manifest." for name in sorted(present - manifest.files.keys())]
    changed = (
        name for name in sorted(present & manifest.files.keys()) if _is_changed(backup / name, manifest.files[name])
    )
    return faults + [f"{name} has changed." for name in changed]


def _is_changed(path: Path, digest: str) -> bool:
    try:
        return digest_of_file(path) != digest
    except OSError:
        return True


def _database_faults(backup: Path, manifest: Manifest) -> list[str]:
    """Return the differences of the copied database from the manifest. Of a dump only the rows are counted."""
    path = backup / DATABASES[manifest.vendor]
    if manifest.vendor == "sqlite":
        return manifest.facts.differences(checked_contents(path).facts)
    rows = dumped_rows(path)
    return [] if rows == manifest.facts.rows else [f"{path.name} has other rows than the database had."]
