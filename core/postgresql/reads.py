"""Frequent reads of a web process, on a few connections of their own that keep their statements prepared.

Python runs one thread at a time. Where all threads of a busy process read at once, each of them waits twice as long as
it works: for the pool, for the driver's wait loop, and for its turn to run. Here three threads read at a time, each in
one call of libpq (`PQexecPrepared`, https://www.postgresql.org/docs/current/libpq-exec.html) that lets the others run.

Whatever is unusual is left to Django's connection: the caller gets None, reads in the regular way, and meets the same
error there.
"""

from __future__ import annotations

import re
import time
from functools import cache
from itertools import count
from queue import Empty, SimpleQueue
from typing import Any

import psycopg
from django.db import connection
from psycopg.adapt import Transformer
from psycopg.pq import ExecStatus

# Connections of each process for these reads.
CONNECTIONS = 3
_WAIT_SECONDS = 1.0
# After a connection could not be opened, none is tried for so long: the regular read has failed or waited already.
_PAUSE_SECONDS = 1.0

Row = tuple[Any, ...]


class FrequentReads:
    """The connections of one process. They are opened when they are first needed."""

    def __init__(self, connections: int = CONNECTIONS) -> None:
        # A place for each connection, None where it is not open. SimpleQueue is written in C: waiting in it costs less
        # than in a lock with a condition.
        self._places: SimpleQueue[_Connection | None] = SimpleQueue()
        for _ in range(connections):
            self._places.put(None)
        self._opens_after = 0.0

    def rows(self, statement: str, values: tuple[str, ...]) -> list[Row] | None:
        """Return the rows of a statement, with its `%s` bound to texts; None where the regular read must decide."""
        parameters = tuple(value.encode("utf-8", "surrogatepass") for value in values)
        if any(b"\x00" in parameter for parameter in parameters):
            return None  # libpq would take the text before it
        try:
            opened = self._places.get(timeout=_WAIT_SECONDS)
        except Empty:
            return None
        still_open = None
        try:
            opened = opened or self._open()
            rows = opened.rows(statement, parameters) if opened else None
            still_open = opened if rows is not None else None
        except psycopg.Error:
            return None
        finally:
            if opened and not still_open:
                opened.close()
            self._places.put(still_open)
        return rows

    def close(self) -> None:
        """Close the connections that nobody uses."""
        for _ in range(self._places.qsize()):
            if opened := self._places.get():
                opened.close()
            self._places.put(None)

    def _open(self) -> _Connection | None:
        if time.monotonic() < self._opens_after:
            return None
        try:
            return _Connection()
        except psycopg.Error:
            self._opens_after = time.monotonic() + _PAUSE_SECONDS
            return None


class _Connection:
    """A connection with its prepared statements. Raises psycopg.Error where it cannot be opened."""

    def __init__(self) -> None:
        parameters = connection.get_connection_params()
        parameters.pop("pool", None)
        self._connection = psycopg.connect(**parameters, autocommit=True)
        self._names: dict[str, bytes] = {}
        self._numbers = count()

    def rows(self, statement: str, parameters: tuple[bytes, ...]) -> list[Row] | None:
        """Return the rows, None after an error of the server. Raises psycopg.Error."""
        libpq = self._connection.pgconn
        name = self._names.get(statement)
        if name is None:
            name = f"frequent_{next(self._numbers)}".encode()
            if libpq.prepare(name, _numbered(statement)).status != ExecStatus.COMMAND_OK:
                return None
            self._names[statement] = name
        result = libpq.exec_prepared(name, parameters)
        if result.status != ExecStatus.TUPLES_OK:
            return None
        if not result.ntuples:
            return []
        loader = Transformer(self._connection)
        loader.set_pgresult(result)
        return loader.load_rows(0, result.ntuples, tuple)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


@cache
def _numbered(statement: str) -> bytes:
    """Return the statement with the parameters `$1`, `$2`, … of the server instead of the driver's `%s`."""
    numbers = count(1)
    return re.sub("%s", lambda _: f"${next(numbers)}", statement).encode()


_reads = FrequentReads()


def frequent_rows(statement: str, values: tuple[str, ...]) -> list[Row] | None:
    """Return the rows of a statement that a web process runs very often; None where the regular read must decide.

    That is so on SQLite, in a transaction, in processes without a pool, and where statements may not stay prepared.
    """
    options = connection.settings_dict["OPTIONS"]
    if not options.get("pool") or options.get("prepare_threshold") is None or connection.in_atomic_block:
        return None
    return _reads.rows(statement, values)


def close_frequent_reads() -> None:
    """Close the connections of this process that nobody uses; the next read opens new ones."""
    _reads.close()
