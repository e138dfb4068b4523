"""A limit of time for the statements of a block, held by the database itself."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError, connection, transaction

_STEPS = 20_000  # instructions of SQLite's virtual machine between two checks of the clock: about a millisecond
_SET = "SELECT set_config('statement_timeout', %s, true)"
_CANCELED = "57014"  # query_canceled


class TookTooLong(Exception):
    """The statements of a block did not end within its time."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Cancel a statement of the block that is still running after ``seconds``; raise TookTooLong then. For reads only.

    PostgreSQL counts each statement anew, so a block should hold one. Evaluate querysets inside the block.
    """
    try:
        if connection.vendor == "postgresql":
            with _statement_timeout(seconds):
                yield
        else:
            with _interrupted_after(seconds):
                yield
    except OperationalError as error:
        if _was_cancelled(error):
            raise TookTooLong from error
        raise


@contextmanager
def _statement_timeout(seconds: float) -> Iterator[None]:
    """Set PostgreSQL's own limit for a transaction, or for a part of one that is open already."""
    is_part = connection.in_atomic_block
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('statement_timeout')")
        before = cursor.fetchone()[0]
        cursor.execute(_SET, [str(max(1, math.ceil(seconds * 1000)))])
        yield
        if is_part:  # a savepoint that is released leaves the setting to the rest of the transaction
            cursor.execute(_SET, [before])


@contextmanager
def _interrupted_after(seconds: float) -> Iterator[None]:
    connection.ensure_connection()
    end = time.monotonic() + seconds
    connection.connection.set_progress_handler(lambda: time.monotonic() > end, _STEPS)
    try:
        yield
    finally:
        connection.connection.set_progress_handler(None, _STEPS)


def _was_cancelled(error: OperationalError) -> bool:
    return getattr(error.__cause__, "sqlstate", "") == _CANCELED or str(error) == "interrupted"
