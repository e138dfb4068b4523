"""Locks on the digests, versions and commits of one dataset or repository, which several runs may name at once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from django.db import connection

from lineage.models import Node


def lock_contents(containers: Iterable[Node], digests: Iterable[str]) -> None:
    """Lock these digests of these datasets or repositories until commit. Nothing on SQLite, which has one writer."""
    if connection.vendor != "postgresql":
        return
    names = sorted({f"{node.pk}/{digest}" for node in containers for digest in digests})
    keys = sorted(
        {int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), signed=True) for name in names}
    )
    if keys:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(key) FROM unnest(%s::bigint[]) AS key", [keys])
