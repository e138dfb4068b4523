"""The folder of backups: one folder for each complete backup, and the artifacts that all of them share."""

from __future__ import annotations

import fcntl
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.utils import timezone

from config.backup.files import BackupProblem, make_private_folder, sync, sync_folders
from config.backup.manifest import read_artifact_list
from tracking.store import ByteStore, FileStore

_NAME = re.compile(r"\d{8}T\d{6}Z(?:-\d+)?")
_TIME = len("20261130T110000Z")
_INCOMPLETE = ".incomplete"


@dataclass(frozen=True, slots=True)
class BackupFolder:
    """A folder of backups. A backup that is not complete has another name than a complete one."""

    root: Path

    @property
    def artifacts(self) -> FileStore:
        """Return the store of the artifacts of all backups."""
        return FileStore(self.root / "artifacts")

    def complete(self) -> list[Path]:
        """Return the folders of the complete backups, the oldest first."""
        folder = self.root / "backups"
        entries = folder.iterdir() if folder.is_dir() else ()
        return sorted(entry for entry in entries if _NAME.fullmatch(entry.name))

    def select(self, name: str = "") -> Path:
        """Return a complete backup by its name, or the newest. Raises BackupProblem where there is none."""
        backups = self.complete()
        if not backups:
            raise BackupProblem(f"There is no complete backup in {self.root}.")
        if not name:
            return backups[-1]
        for backup in backups:
            if backup.name == name:
                return backup
        raise BackupProblem(f"There is no backup {name} in {self.root}. The newest is {backups[-1].name}.")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock of the folder. Raises BackupProblem while another process writes a backup into it."""
        make_private_folder(self.root)
        with (self.root / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise BackupProblem(f"Another backup into {self.root} is running.") from error
            yield

    def begin(self) -> Path:
        """Return a new folder for a backup that is not complete, and delete what interrupted ones have left.

        Raises BackupProblem where a complete backup has a later time in its name: the newest would not be the last.
        """
        backups, complete = self.root / "backups", self.complete()
        if complete and complete[-1].name[:_TIME] > self._new_name()[:_TIME]:
            raise BackupProblem(
                f"The backup {complete[-1].name} has a time in the future, so a new one would count as older. Set the clock of "
                "this machine right, or move that backup to another folder."
            )
        make_private_folder(backups)
        for interrupted in backups.glob(f"*{_INCOMPLETE}"):
            shutil.rmtree(interrupted)
        folder = backups / f"{self._new_name()}{_INCOMPLETE}"
        make_private_folder(folder)
        return folder

    def _new_name(self) -> str:
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
        same = [backup.name for backup in self.complete() if backup.name.startswith(name)]
        return f"{name}-{len(same)}" if same else name

    def finish(self, folder: Path) -> Path:
        """Give a backup, of which every file is written, the name of a complete one, and return that folder."""
        sync_folders(folder)
        complete = folder.with_name(folder.name.removesuffix(_INCOMPLETE))
        folder.rename(complete)
        sync(complete.parent)
        return complete

    def discard_old(self, keep: int, live: ByteStore) -> list[Path]:
        """Delete the oldest complete backups but ``keep``, and return them.

        Artifacts are deleted that neither a remaining backup names nor the ``live`` store has. A backup loses the name
        of a complete one before its files are deleted.
        """
        backups = self.complete()
        old, remaining = backups[:-keep], backups[-keep:]
        for backup in old:
            discarded = backup.with_name(f"{backup.name}{_INCOMPLETE}")
            backup.rename(discarded)
            shutil.rmtree(discarded)
        named = {blob for backup in remaining for blob in read_artifact_list(backup)}
        present = list(self.artifacts.older_than(timezone.now() + timedelta(days=1)))
        self.artifacts.remove([blob for blob in present if blob not in named and not live.has(blob)])
        return old
