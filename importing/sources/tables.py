"""The tables of one workspace of an mlflow database."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from importing.sources.base import SourceError
from importing.sources.sql import Database, Row

_WORKSPACE = re.compile(r"[A-Za-z0-9_-]{1,63}")
DEFAULT_WORKSPACE = "default"


class Tables:
    """A database, limited to one workspace. Raises SourceError for an invalid name of a workspace."""

    def __init__(self, database: Database, workspace: str) -> None:
        if not _WORKSPACE.fullmatch(workspace):
            raise SourceError(f"{workspace!r} is not the name of a workspace.")
        self._db = database
        self._workspace = workspace
        self._columns: dict[str, set[str]] = {}

    @property
    def name(self) -> str:
        """Return the address of the database, with the workspace where it is not the default one."""
        return self._db.name if self._workspace == DEFAULT_WORKSPACE else f"{self._db.name}#{self._workspace}"

    def close(self) -> None:
        """Close the connection."""
        self._db.close()

    def has(self, table: str, column: str = "") -> bool:
        """Return whether a table exists, and with ``column`` whether it has that column. Raises SourceError."""
        if table not in self._columns:
            self._columns[table] = self._db.columns(table)
        columns = self._columns[table]
        return column in columns if column else bool(columns)

    def in_workspace(self, alias: str) -> str:
        """Return the SQL condition that a row belongs to the workspace. Older schemas have no workspaces.

        Raises SourceError.
        """
        return f"{alias}.workspace = '{self._workspace}'" if self.has("experiments", "workspace") else "1 = 1"

    def rows(self, sql: str, *values: object) -> Iterator[Row]:
        """Yield the rows of a statement. Only one page of rows is in memory. Raises SourceError."""
        return self._db.rows(sql, values)

    def all_rows(self, sql: str, *values: object) -> list[Row]:
        """Return all rows of a statement. Raises SourceError."""
        return self._db.all_rows(sql, values)

    def count(self, sql: str, values: Sequence[object] = ()) -> int:
        """Return the number of rows; ``sql`` is a FROM clause with conditions. Raises SourceError."""
        return int(self._db.all_rows(f"SELECT COUNT(*) AS n {sql}", values)[0]["n"])

    def pairs(self, sql: str, *values: object) -> dict[str, str]:
        """Return the result of a SELECT of ``key`` and ``value`` as a mapping, NULL as "". Raises SourceError."""
        return {row["key"]: "" if row["value"] is None else str(row["value"]) for row in self._db.all_rows(sql, values)}
