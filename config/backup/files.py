"""Files of a backup: digests, and copies that survive a power cut."""

from __future__ import annotations

import filecmp
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

PRIVATE_FOLDER = 0o700


class BackupProblem(Exception):
    """A backup cannot be made, used or restored. The message says why, and what to do."""


def digest_of_file(path: Path) -> str:
    """Return the SHA-256 of a file in hex. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def copy_file(source: Path, target: Path) -> None:
    """Copy the bytes and the mode of a file, synced to the disk: the target is the whole copy or as before.

    Raises OSError.
    """
    make_private_folder(target.parent)
    draft = target.with_name(f".{target.name}.copy")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with source.open("rb") as reader, open(descriptor, "wb") as writer:  # noqa: PTH123 - opened with its mode
        shutil.copyfileobj(reader, writer)
        writer.flush()
        os.fchmod(writer.fileno(), source.stat().st_mode & 0o777)
        os.fsync(writer.fileno())
    draft.replace(target)
    sync(target.parent)


def copy_or_link(source: Path, target: Path, earlier: Path | None) -> None:
    """Copy a file, or make a hard link to ``earlier``, an equal file of an earlier backup. Raises OSError."""
    if earlier and earlier.is_file() and filecmp.cmp(source, earlier, shallow=False):
        make_private_folder(target.parent)
        os.link(earlier, target)
    else:
        copy_file(source, target)


def make_private_folder(folder: Path) -> None:
    """Make a folder, and its parents, that only the owner can read. One that exists keeps its mode."""
    for missing in reversed([path for path in (folder, *folder.parents) if not path.exists()]):
        missing.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)


def sync(path: Path) -> None:
    """Make a file, or the names in a folder, survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folders(folder: Path) -> None:
    """Sync a folder and all folders below it."""
    for name, _, _ in os.walk(folder):
        sync(Path(name))


def links_below(folder: Path) -> list[Path]:
    """Return the symbolic links below a folder, to files and to folders; the folder itself may be one."""
    entries = (Path(name) / entry for name, folders, files in os.walk(folder) for entry in (*folders, *files))
    return sorted(entry for entry in entries if entry.is_symlink())


def files_below(folder: Path) -> Iterator[Path]:
    """Yield every file below a folder, in the order of their paths. Links to folders are not followed."""
    for name, folders, files in os.walk(folder):
        folders.sort()
        yield from (Path(name) / file for file in sorted(files))
