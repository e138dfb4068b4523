"""Status of the database: its answer time, size, connections and migrations."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from django.db import connection

from config.metrics.pool import PoolState, pool_state
from config.status.areas import Area, Problem, critical, warning
from core.schema_state import SchemaState, schema_state

_SLOW_SECONDS = 1.0
_SIZE = {
    "postgresql": "SELECT pg_database_size(current_database())",
    "sqlite": "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
}
_VERSION = {"postgresql": "SHOW server_version", "sqlite": "SELECT sqlite_version()"}


def database_area() -> Area:
    """Return the status of the database. Raises DatabaseError and UnusableDatabase where it does not answer."""
    began = time.perf_counter()
    version = _value(_VERSION[connection.vendor])
    seconds = time.perf_counter() - began
    pool = pool_state()
    schema = schema_state()
    facts = {
        "kind": connection.vendor,
        "version": str(version),
        "answer_seconds": round(seconds, 6),
        "size_bytes": int(_value(_SIZE[connection.vendor])),
        "pool_of_this_process": asdict(pool) if pool else None,
        "pending_migrations": list(schema.pending),
        "unknown_migrations": list(schema.unknown),
    }
    return Area("database", facts, tuple(_problems(seconds, pool, schema)))


def _value(statement: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        row = cursor.fetchone()
    return row[0] if row else ""


def _problems(seconds: float, pool: PoolState | None, schema: SchemaState) -> Iterator[Problem]:
    if schema.unknown:
        yield critical(
            f"The database has migrations that this version does not have: {schema.unknown[0]}.",
            "Start the version that made them on every host.",
        )
    if schema.pending:
        yield critical(
            f"The database lacks {len(schema.pending)} migrations of this version.", "Run manage.py migrate."
        )
    if seconds > _SLOW_SECONDS:
        yield warning(
            f"The database took {seconds:.1f} s to answer a small question.",
            "Look at its processor, its disk and its long transactions.",
        )
    if pool and pool.waiting:
        yield warning(
            f"{pool.waiting} requests of this process wait for one of {pool.max} database connections.",
            "Raise CUSTODY_DB_POOL and the server's max_connections, or look for slow queries.",
        )
