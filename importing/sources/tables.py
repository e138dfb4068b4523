"""The tables of one workspace of an mlflow database: what is there, counting, and key-value pairs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from importing.sources.base import SourceError
from importing.sources.sql import Database, Row

_WORKSPACE = re.compile(r"[A-Za-z0-9_-]{1,63}")
DEFAULT_WORKSPACE = "default"


class Tables:
    """A database, seen from one workspace. What older schemas lack counts as empty."""

    def __init__(self, database: Database, workspace: str) -> None:
        if not _WORKSPACE.fullmatch(workspace):
            raise SourceError(f"{workspace!r} is no name of a workspace.")
        self._db = database
        self._workspace = workspace
        self._columns: dict[str, set[str]] = {}

    @property
    def name(self) -> str:
        return self._db.name if self._workspace == DEFAULT_WORKSPACE else f"{self._db.name}#{self._workspace}"

    def close(self) -> None:
        self._db.close()

    def has(self, table: str, column: str = "") -> bool:
        if table not in self._columns:
            self._columns[table] = self._db.columns(table)
        found = self._columns[table]
        return column in found if column else bool(found)

    def here(self, alias: str) -> str:
        """Return the condition "belongs to the workspace" on a table that has such a column in newer schemas."""
        return f"{alias}.workspace = '{self._workspace}'" if self.has("experiments", "workspace") else "1 = 1"

    def rows(self, sql: str, *values: object) -> Iterator[Row]:
        return self._db.rows(sql, values)

    def few(self, sql: str, *values: object) -> list[Row]:
        return self._db.few(sql, values)

    def count(self, what: str, values: Sequence[object] = ()) -> int:
        return int(self._db.few(f"SELECT COUNT(*) AS n {what}", values)[0]["n"])

    def pairs(self, sql: str, *values: object) -> dict[str, str]:
        """Return what a SELECT of ``key`` and ``value`` finds; a missing value is an empty one."""
        return {row["key"]: "" if row["value"] is None else str(row["value"]) for row in self._db.few(sql, values)}
