"""Locks by name, until commit. On SQLite a writing transaction is alone anyway."""

from __future__ import annotations

import hashlib

from django.db import connection


def hold_tree(path: str, *, exclusive: bool) -> None:
    """Lock the folder of a run or logged model: writers of files share the lock, sealing takes it exclusively."""
    _hold(f"artifacts:{'/'.join(path.split('/')[:2])}", exclusive=exclusive)


def hold_bytes(*, exclusive: bool) -> None:
    """Lock the bytes in the store: writers of rows share the lock, the deletion of bytes takes it exclusively."""
    _hold("artifact-bytes", exclusive=exclusive)


def hold_locations() -> None:
    """Lock the choice of a folder for an experiment: two must not find the same folder, or one inside it, free."""
    _hold("artifact-locations", exclusive=True)


def _hold(name: str, *, exclusive: bool) -> None:
    if connection.vendor != "postgresql":
        return
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
    lock = "pg_advisory_xact_lock" if exclusive else "pg_advisory_xact_lock_shared"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {lock}(%s)", [number])
