"""The tables of an export, written while its events are read: events.csv, and events.parquet where it is asked for.

Parquet needs pyarrow, an optional package: it has types, and tools for analyses read it faster. Both tables have the
same columns.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import IO, Any

from audit.verifier.audit_verify import CSV_COLUMNS, PARQUET_TYPES, csv_line, parquet_values
from core.errors import InvalidInput, Unavailable

_NEEDED = "A table in Parquet needs pyarrow (requirements-parquet.txt)"
# A group of rows is held in memory until it is written.
_GROUP_ROWS = 10_000
_GROUP_BYTES = 8 * 1024**2


def has_parquet() -> bool:
    """Return whether this process can write Parquet."""
    return find_spec("pyarrow") is not None


def require_parquet() -> None:
    """Raise InvalidInput where this process cannot write Parquet."""
    if not has_parquet():
        raise InvalidInput(f"{_NEEDED}, which is not installed on this server. Ask for the export without it.")


class CsvTable:
    """Writes events.csv to a file."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.add(CSV_COLUMNS, 0)

    def add(self, values: list[Any], size: int) -> None:  # noqa: ARG002 - as of the other table
        """Write the row of an event."""
        self._file.write(csv_line(values).encode())

    def finish(self) -> None:
        """Do nothing: every row is written."""


class ParquetTable:
    """Writes events.parquet to a file, in groups of rows, so that memory does not grow with the log.

    Raises Unavailable where pyarrow is not installed.
    """

    def __init__(self, file: IO[bytes]) -> None:
        try:
            self._arrow = import_module("pyarrow")
            parquet = import_module("pyarrow.parquet")
        except ImportError as error:
            raise Unavailable(f"{_NEEDED}, which the worker lacks.") from error
        self._schema = self._arrow.schema([(name, self._type(name)) for name in CSV_COLUMNS])
        self._writer = parquet.ParquetWriter(file, self._schema)
        self._group: list[list[Any]] = []
        self._bytes = 0

    def add(self, values: list[Any], size: int) -> None:
        """Add the row of an event whose entry has ``size`` bytes."""
        self._group.append(parquet_values(values))
        self._bytes += size
        if len(self._group) >= _GROUP_ROWS or self._bytes >= _GROUP_BYTES:
            self._write()

    def finish(self) -> None:
        """Write the remaining rows and the footer."""
        if self._group:
            self._write()
        self._writer.close()

    def _type(self, name: str) -> Any:
        if name not in PARQUET_TYPES:
            return self._arrow.string()
        return self._arrow.timestamp("us", tz="UTC") if name == "at" else self._arrow.int64()

    def _write(self) -> None:
        columns = zip(*self._group, strict=True)
        arrays = [
            self._arrow.array(column, type=field.type) for column, field in zip(columns, self._schema, strict=True)
        ]
        self._writer.write_table(self._arrow.Table.from_arrays(arrays, schema=self._schema))
        self._group, self._bytes = [], 0
