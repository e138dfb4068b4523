"""The time and folder of the last backup of this installation, kept in the data directory for the status."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from audit.transparency.tiles import write_durably
from core.times import iso_utc

_FILE = "last_backup.json"


@dataclass(frozen=True, slots=True)
class LastBackup:
    """The last backup that was completed and verified."""

    at: datetime
    folder: str


def note_backup(folder: Path) -> None:
    """Write that a backup was completed now. Raises OSError."""
    content = {"at": iso_utc(timezone.now(), "seconds"), "folder": str(folder)}
    write_durably(settings.DATA_DIR / _FILE, json.dumps(content).encode())


def last_backup() -> LastBackup | None:
    """Return the last backup, None where none was made or the file cannot be read."""
    try:
        content = json.loads((settings.DATA_DIR / _FILE).read_bytes())
        at = parse_datetime(content["at"])
        return LastBackup(at, str(content["folder"])) if at else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
