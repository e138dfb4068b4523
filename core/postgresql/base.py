"""Django's PostgreSQL back end, whose pool checks a connection without asking the server where that tells enough, and
whose cursors prepare no statement of many parts.

Django's own check asks the server before each use. The serving read is one statement, so that doubles its time.

The server plans a prepared statement without its values after some uses. For a statement with many subqueries that plan
may be a hundred times slower: the counts of the sidebar took 4 s instead of 40 ms (docs/decisions/0237).
"""

from __future__ import annotations

import select
import time
from typing import Any, Self
from weakref import WeakKeyDictionary

import psycopg
from django.db.backends.postgresql import base
from psycopg_pool import ConnectionPool

from core.bulk import BatchedCommitHooks
from core.postgresql.reads import close_frequent_reads
from core.statements import is_hand_written

# A connection that was asked more recently than this is asked again only if its socket is readable.
_ASKED_SECONDS = 1.0
# A statement of the ORM with more SELECTs than this is planned with its values each time.
_MOST_SELECTS = 4


# When each connection was last asked whether it works, on the monotonic clock in seconds.
_asked_at: WeakKeyDictionary[psycopg.Connection, float] = WeakKeyDictionary()


def is_planned_each_time(query: str) -> bool:
    """Return whether the server plans a statement with its values each time, instead of preparing it."""
    return query.count("SELECT ") > _MOST_SELECTS and not is_hand_written(query)


class PlanningCursor(base.ServerBindingCursor):
    """A cursor that prepares hand-written statements and short ones."""

    def execute(
        self, query: Any, params: Any = None, *, prepare: bool | None = None, binary: bool | None = None
    ) -> Self:
        """Execute a statement and return this cursor."""
        if prepare is None and isinstance(query, str) and is_planned_each_time(query):
            prepare = False
        super().execute(query, params, prepare=prepare, binary=binary)  # type: ignore[misc]  # the stubs leave it out
        return self


class DatabaseWrapper(BatchedCommitHooks, base.DatabaseWrapper):
    """A connection whose pool uses `check_connection`, and whose cursors are `PlanningCursor`s."""

    def get_connection_params(self) -> dict[str, Any]:
        """Return the parameters of a new connection."""
        params: dict[str, Any] = super().get_connection_params()
        if params["cursor_factory"] is base.ServerBindingCursor:
            params["cursor_factory"] = PlanningCursor
        return params

    @property
    def pool(self) -> ConnectionPool | None:
        """Return the pool of this process, None where there is none."""
        pool: ConnectionPool | None = super().pool
        if pool is not None and pool._check is ConnectionPool.check_connection:  # noqa: SLF001 - Django passes its own
            pool._check = check_connection  # noqa: SLF001 - likewise
        return pool

    def close_pool(self) -> None:
        """Close the pool, and the connections of `core.postgresql.reads`."""
        super().close_pool()
        close_frequent_reads()


def check_connection(connection: psycopg.Connection) -> None:
    """Raise OperationalError if a connection does not work.

    A server that restarts closes its connections, and a closed socket is readable. A connection that died in silence
    is noticed by asking, at most once a second, and by the time limits of TCP.
    """
    now = time.monotonic()
    if now - _asked_at.get(connection, 0.0) < _ASKED_SECONDS and not _is_readable(connection):
        return
    ConnectionPool.check_connection(connection)
    _asked_at[connection] = now


def _is_readable(connection: psycopg.Connection) -> bool:
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))
