"""Bytes as files below one directory."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Collection, Iterator
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from tracking.store.base import CHUNK, Blob, ByteSource, Intake

_DIGEST = re.compile(r"[0-9a-f]{64}")


class FileStore:
    """Bytes as files ``sha256/ab/cd/<digest>`` below one directory: written to a draft, synced, then renamed."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, source: ByteSource, *, limit: int) -> Blob:
        """Store a stream. Equal bytes are stored once; a crash leaves at most a file under ``incoming``."""
        incoming = self.root / "incoming"
        incoming.mkdir(parents=True, exist_ok=True)
        draft = incoming / secrets.token_hex(16)
        try:
            blob = self._write(draft, Intake(source, limit))
            self._keep(draft, blob)
        finally:
            draft.unlink(missing_ok=True)
        return blob

    def open(self, sha256: str) -> BinaryIO:
        """Open the bytes of a digest."""
        return self._path_of(sha256).open("rb")

    def has(self, blob: Blob) -> bool:
        """Return whether the complete file exists."""
        try:
            return self._path_of(blob.sha256).stat().st_size == blob.size
        except FileNotFoundError:
            return False

    def mark(self, sha256: str) -> str:
        """Return inode, size and times: the file system sets the time of a change, and no program can set it back."""
        try:
            stat = self._path_of(sha256).stat()
        except FileNotFoundError:
            return ""
        return f"{stat.st_dev}:{stat.st_ino}:{stat.st_size}:{stat.st_mtime_ns}:{stat.st_ctime_ns}"

    def older_than(self, moment: datetime) -> Iterator[Blob]:
        """Walk the directories; a file that is deleted meanwhile is skipped."""
        for folder, _, names in os.walk(self.root / "sha256"):
            for name in filter(_DIGEST.fullmatch, names):
                try:
                    facts = (Path(folder) / name).stat()
                except FileNotFoundError:
                    continue
                if facts.st_mtime < moment.timestamp():
                    yield Blob(name, facts.st_size)

    def remove(self, blobs: Collection[Blob]) -> list[Blob]:
        """Unlink files; an open file can still be read to its end."""
        for blob in blobs:
            self._path_of(blob.sha256).unlink(missing_ok=True)
        return list(blobs)

    def sweep(self, moment: datetime, *, keep: Collection[str], dry_run: bool) -> int:
        """Delete drafts that no process finished."""
        incoming, swept = self.root / "incoming", 0
        for draft in incoming.iterdir() if incoming.is_dir() else ():
            if draft.name in keep or not _is_older(draft, moment):
                continue
            swept += 1
            if not dry_run:
                draft.unlink(missing_ok=True)
        return swept

    def _path_of(self, sha256: str) -> Path:
        return self.root / "sha256" / sha256[:2] / sha256[2:4] / sha256

    @staticmethod
    def _write(draft: Path, intake: Intake) -> Blob:
        with draft.open("xb") as file:
            while chunk := intake.read(CHUNK):
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        return intake.blob

    def _keep(self, draft: Path, blob: Blob) -> None:
        if self.has(blob):
            return
        path = self._path_of(blob.sha256)
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.chmod(0o440)
        draft.replace(path)
        for folder in (path.parent, path.parent.parent):
            _sync_folder(folder)


def _is_older(path: Path, moment: datetime) -> bool:
    try:
        return path.stat().st_mtime < moment.timestamp()
    except FileNotFoundError:
        return False


def _sync_folder(folder: Path) -> None:
    """Make a rename survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
