"""Django's PostgreSQL back end, whose pool checks a connection without asking the server where that tells enough.

Django's own check asks the server before each use. The serving read is one statement, so that doubles its time.
"""

from __future__ import annotations

import select
import time
from weakref import WeakKeyDictionary

import psycopg
from django.db.backends.postgresql import base
from psycopg_pool import ConnectionPool

from core.postgresql.reads import close_frequent_reads

# A connection that was asked more recently than this is asked again only if its socket is readable.
_ASKED_SECONDS = 1.0


# When each connection was last asked whether it works, on the monotonic clock in seconds.
_asked_at: WeakKeyDictionary[psycopg.Connection, float] = WeakKeyDictionary()


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection whose pool uses `check_connection`."""

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
