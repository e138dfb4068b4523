"""Django's SQLite back end whose writers take turns in the order in which they came (`core.sqlite3.writers`)."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db.backends.sqlite3 import base
from django.db.utils import OperationalError

from core.bulk import BatchedCommitHooks
from core.sqlite3.writers import WriterQueue, queue_of

# A statement that writes. A false match only waits in the queue without need.
_WRITES = re.compile(
    r"\s*(?:INSERT|UPDATE|DELETE|REPLACE)\b|\s*WITH\b.*\b(?:INSERT|UPDATE|DELETE)\b", re.IGNORECASE | re.DOTALL
)


class QueuedCursor(base.SQLiteCursorWrapper):
    """A cursor that waits in the queue before it writes outside of a transaction."""

    def __init__(self, connection: sqlite3.Connection, wrapper: DatabaseWrapper) -> None:
        super().__init__(connection)
        self._wrapper = wrapper

    def execute(self, query: str, params: Any = None) -> Any:
        """Execute a statement. Raises OperationalError where its turn did not come in time."""
        with self._turn(query):
            return super().execute(query, params)

    def executemany(self, query: str, param_list: Iterable[Any | Mapping[str, Any]]) -> Any:
        """Execute a statement for each of the parameters, in one turn."""
        with self._turn(query):
            return super().executemany(query, param_list)

    @contextmanager
    def _turn(self, query: str) -> Iterator[None]:
        if self.connection.in_transaction or not _WRITES.match(query):
            yield
            return
        self._wrapper.take_turn()
        try:
            yield
        finally:
            self._wrapper.give_turn()


class DatabaseWrapper(BatchedCommitHooks, base.DatabaseWrapper):
    """A connection that waits in the queue of its file before it begins a transaction."""

    _turn: WriterQueue | None = None

    def create_cursor(self, name: str | None = None) -> Any:  # noqa: ARG002 - Django passes it to every back end
        """Return a cursor whose writes wait in the queue; SQLite's cursors have no name."""
        return self.connection.cursor(factory=lambda connection: QueuedCursor(connection, self))

    def take_turn(self) -> None:
        """Wait for the turn to write, unless this connection has it already.

        Raises OperationalError where the turn does not come in time.
        """
        if self._turn is not None or self.is_in_memory_db():
            return
        queue = queue_of(str(self.settings_dict["NAME"]))
        try:
            came = queue.take(self.settings_dict["OPTIONS"].get("timeout", 5))
        except OSError as error:
            raise OperationalError(f"unable to open database file: {error}") from error
        if not came:
            raise OperationalError("database is locked")
        self._turn = queue

    def give_turn(self) -> None:
        """End the turn of this connection; the next writer continues."""
        turn, self._turn = self._turn, None
        if turn is not None:
            turn.give()

    def _start_transaction_under_autocommit(self) -> None:
        self.take_turn()
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]  # the stubs leave it out
        except BaseException:
            self.give_turn()
            raise

    def _commit(self) -> Any:
        result = super()._commit()  # type: ignore[misc]  # the stubs leave it out
        self.give_turn()
        return result

    def _rollback(self) -> Any:
        try:
            return super()._rollback()  # type: ignore[misc]  # the stubs leave it out
        finally:
            self.give_turn()

    def _close(self) -> Any:
        try:
            return super()._close()  # type: ignore[misc]  # the stubs leave it out
        finally:
            self.give_turn()
