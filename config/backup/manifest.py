"""The manifest of a backup: the last file that is written into it, with the digest of every other file and the facts of
its database.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from audit.transparency.tiles import write_durably
from config.backup.facts import DatabaseFacts
from config.backup.files import BackupProblem, digest_of_file, files_below
from tracking.store import Blob

MANIFEST = "manifest.json"
ARTIFACTS = "artifacts.txt"
KEYS = "keys"
LOG_STATE = "audit-log"
DATABASES = {"sqlite": "database.sqlite3", "postgresql": "database.dump"}
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Manifest:
    """The contents of a backup.

    ``version`` is that of Custody, ``vendor`` the kind of database (sqlite or postgresql). ``files`` are the SHA-256 of
    the files by their paths in the folder. ``keys_elsewhere`` are the variables whose keys are not in the backup.
    ``missing`` are digests of bytes that the database names and the artifact store had lost. ``log_problem`` says how
    the database contradicted the last signed checkpoint, "" where it did not. ``migrations`` are those of the database,
    as `app.name`; a version that lacks one of them cannot use it.
    """

    version: str
    taken_at: str
    vendor: str
    facts: DatabaseFacts
    files: dict[str, str]
    keys_elsewhere: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    log_problem: str = ""
    migrations: list[str] = field(default_factory=list)


def digests_of_files(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file of a backup by its path, without the manifest."""
    paths = [path for path in files_below(folder) if path != folder / MANIFEST]
    return {path.relative_to(folder).as_posix(): digest_of_file(path) for path in paths}


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest, with a digest of its own, durably."""
    content = asdict(manifest) | {"facts": manifest.facts.as_json(), "format": _FORMAT}
    stored = {"manifest": content, "sha256": _digest_of(content)}
    write_durably(folder / MANIFEST, (json.dumps(stored, indent=1, sort_keys=True) + "\n").encode())


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of a backup. Raises BackupProblem where it is missing, damaged or of another format."""
    path = folder / MANIFEST
    try:
        stored = json.loads(path.read_bytes())
        content = dict(stored["manifest"])
        if stored["sha256"] != _digest_of(content):
            raise BackupProblem(f"{path} is damaged: its content has another digest than it says.")
        if content.pop("format") != _FORMAT:
            raise BackupProblem(f"{path} was written by another version of Custody. Use that version.")
        return Manifest(**content | {"facts": DatabaseFacts.of_json(content["facts"])})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BackupProblem(f"{path} cannot be read: {error}") from error


def _digest_of(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def write_artifact_list(folder: Path, blobs: list[Blob]) -> None:
    """Write the digests and sizes of the artifacts of a backup, a line for each."""
    lines = "".join(f"{blob.sha256} {blob.size}\n" for blob in sorted(blobs, key=lambda blob: blob.sha256))
    write_durably(folder / ARTIFACTS, lines.encode())


def read_artifact_list(folder: Path) -> list[Blob]:
    """Return the artifacts of a backup. Raises BackupProblem where the list cannot be read."""
    try:
        lines = [line.split() for line in (folder / ARTIFACTS).read_text(encoding="ascii").splitlines()]
        return [Blob(sha256, int(size)) for sha256, size in lines]
    except (OSError, ValueError) as error:
        raise BackupProblem(f"{folder / ARTIFACTS} cannot be read: {error}") from error
