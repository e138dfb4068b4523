"""Status of the storage: disk space, sizes of tables and folders, and the last backup."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import redis
from django.conf import settings
from django.utils import timezone

from audit.broker import broker_client
from config.backup.last import LastBackup, last_backup
from config.backup.storage_sizes import folder_sizes, table_bytes
from config.status.areas import Area, Problem, critical, warning
from core.times import iso_utc

_KEY = "custody-storage-sizes"
_SECONDS = 1.0
_TABLES = 10
_LITTLE, _VERY_LITTLE = 0.1, 0.02
_HOUR = 3600


def measure_storage() -> None:
    """Store the sizes of tables and folders in the broker: reading them takes too long for a page.

    Raises RedisError, OSError, DatabaseError.
    """
    largest = sorted(table_bytes().items(), key=lambda item: -item[1])[:_TABLES]
    sizes = {
        "measured_at": iso_utc(timezone.now(), "seconds"),
        "tables": [{"table": name, "size_bytes": size} for name, size in largest],
        "folders": [{"folder": name, "size_bytes": size} for name, size in folder_sizes()],
    }
    with closing(broker_client(settings.REDIS_URL, _SECONDS)) as broker:
        broker.set(_KEY, json.dumps(sizes))


def storage_area() -> Area:
    """Return the status of the storage of this host. Raises OSError where the data directory cannot be read."""
    usage = shutil.disk_usage(settings.DATA_DIR)
    backup = last_backup()
    facts: dict[str, Any] = {
        "disk_free_bytes": usage.free,
        "disk_size_bytes": usage.total,
        "artifacts": settings.ARTIFACT_URL.partition("?")[0],
        "last_backup_at": iso_utc(backup.at, "seconds") if backup else None,
        "last_backup_folder": backup.folder if backup else "",
        "measured_at": None,
        "tables": [],
        "folders": [],
    }
    problems = [*_disk_problems(usage.free, usage.total), *_backup_problems(backup)]
    return Area("storage", facts | _measured(), tuple(problems))


def _measured() -> dict[str, Any]:
    """Return the sizes that were measured last, nothing where the broker has none or does not answer."""
    try:
        with closing(broker_client(settings.REDIS_URL, _SECONDS)) as broker:
            stored: Any = broker.get(_KEY)
    except (redis.RedisError, OSError):
        return {}
    return dict(json.loads(stored)) if stored else {}


def _disk_problems(free: int, total: int) -> Iterator[Problem]:
    action = "Make room: see docs/operations.md, Retention, and manage.py storage_sizes."
    if free < total * _VERY_LITTLE:
        yield critical("The disk of the data directory is full. Writes are refused; reads go on.", action)
    elif free < total * _LITTLE:
        yield warning("Less than a tenth of the disk of the data directory is free.", action)


def _backup_problems(backup: LastBackup | None) -> Iterator[Problem]:
    hours = settings.BACKUP_HOURS
    action = "Run manage.py backup DIR on a schedule. Where backups are made otherwise, set CUSTODY_BACKUP_HOURS=0."
    if not hours:
        return
    if backup is None:
        yield warning("No backup of this installation was made yet.", action)
    elif (timezone.now() - backup.at).total_seconds() > hours * _HOUR:
        yield warning(f"The last backup was completed at {iso_utc(backup.at, 'seconds')}.", action)
