"""Gives committed events their positions in the log, on PostgreSQL. On SQLite a trigger does it in the transaction.

Events are taken as they become visible and sorted by id. An event's transaction may commit after that of an event with
a higher id, so ids above `Log.scanned` are read again. `Log.scanned` is raised to an id only when no open transaction
can insert a lower id. Once an hour the ids of all events are compared, some in each round: that of a long log takes
seconds, in which nothing would be signed.
"""

from __future__ import annotations

import time
from typing import NamedTuple

from django.db import connection
from django.db.backends.utils import CursorWrapper

from core.ids import MAX_ROW_ID

# Ids above `Log.scanned` are read in every round, so it follows closely.
_SCANNED_AFTER_SECONDS = 5.0
_SWEEP_EVERY_SECONDS = 3600.0
_SWEPT_AT_ONCE = 20_000

_ASSIGN = """
WITH fresh AS (
  SELECT id, stream FROM audit_event event
  WHERE id > %s AND id <= %s AND NOT EXISTS (SELECT 1 FROM audit_leaf WHERE event_id = event.id AND log = %s)
  ORDER BY id LIMIT %s
), streams AS (
  SELECT stream, COALESCE((SELECT max(gen) FROM audit_leaf WHERE stream = known.stream AND log = %s), 0) AS gen
  FROM (SELECT DISTINCT stream FROM fresh WHERE stream <> '') known
)
INSERT INTO audit_leaf (log, seq, event_id, stream, gen)
SELECT %s, COALESCE((SELECT max(seq) + 1 FROM audit_leaf WHERE log = %s), 0) + row_number() OVER (ORDER BY fresh.id) - 1,
       fresh.id, fresh.stream,
       CASE WHEN fresh.stream <> '' THEN streams.gen + row_number() OVER (PARTITION BY fresh.stream ORDER BY fresh.id) END
FROM fresh LEFT JOIN streams ON streams.stream = fresh.stream
ORDER BY fresh.id
"""
# One sequencer even where two hosts do not share the folder of the lock.
_LOCK = "SELECT pg_try_advisory_xact_lock(hashtext('custody audit sequencer'))"
_HORIZON = (
    "SELECT COALESCE(max(event_id), 0), pg_snapshot_xmax(pg_current_snapshot())::text FROM audit_leaf WHERE log = %s"
)


def assign_positions(cursor: CursorWrapper, log: int, *, above: int = 0, up_to: int = MAX_ROW_ID, limit: int) -> int:
    """Give a position to each event that has none in the log, at most ``limit``, and return their number.

    The ids are ``above`` < id ≤ ``up_to``.
    """
    cursor.execute(_ASSIGN, [above, up_to, log, limit, log, log, log])
    return int(cursor.rowcount)


class _Horizon(NamedTuple):
    """The newest event with a position at a time, and the id that the next transaction would have got then."""

    event: int
    xmax: int
    at: float


class Assigner:
    """Assigns positions, and remembers how far it has read."""

    def __init__(self) -> None:
        self._horizon: _Horizon | None = None
        self._swept_to = 0  # the id up to which the present sweep has compared
        self._swept_at: float | None = None

    def assign(self, log: int, *, limit: int) -> bool:
        """Give at most ``limit`` events their positions, in the caller's transaction, and return True.

        Returns False, and does nothing, while another host does so.
        """
        with connection.cursor() as cursor:
            cursor.execute(_LOCK)
            if not cursor.fetchone()[0]:
                return False
            cursor.execute("SELECT scanned FROM audit_log WHERE number = %s", [log])
            scanned = int(cursor.fetchone()[0])
            count = assign_positions(cursor, log, above=scanned, limit=limit)
            if count < limit:
                self._sweep(cursor, log, scanned, limit - count)
        self._raise_scanned(log)
        return True

    def _sweep(self, cursor: CursorWrapper, log: int, scanned: int, limit: int) -> None:
        """Compare the next ids below ``scanned``, where a sweep is due."""
        if self._swept_at is not None and time.monotonic() - self._swept_at < _SWEEP_EVERY_SECONDS:
            return
        up_to = min(self._swept_to + _SWEPT_AT_ONCE, scanned)
        if assign_positions(cursor, log, above=self._swept_to, up_to=up_to, limit=limit) == limit:
            return  # there may be more below ``up_to``
        self._swept_to = up_to
        if up_to >= scanned:
            self._swept_to, self._swept_at = 0, time.monotonic()

    def _raise_scanned(self, log: int) -> None:
        horizon = self._horizon
        if horizon is not None and time.monotonic() - horizon.at < _SCANNED_AFTER_SECONDS:
            return
        with connection.cursor() as own:
            own.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text")
            if horizon is not None and int(own.fetchone()[0]) >= horizon.xmax:
                own.execute(
                    "UPDATE audit_log SET scanned = %s WHERE number = %s AND scanned < %s",
                    [horizon.event, log, horizon.event],
                )
                self._horizon = horizon = None
            if horizon is None:
                own.execute(_HORIZON, [log])
                event, xmax = own.fetchone()
                self._horizon = _Horizon(int(event), int(xmax), time.monotonic())
