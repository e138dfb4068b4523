"""The code of the release before runs on this schema: what it reads and writes is there, and it has to write no more.

`schema_of_the_release_before.json` has the columns of the tables as that release made them. With TESTS_WRITE_SCHEMA=1
it is written anew, from the code that is released.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from django.db import connection

_FILE = Path(__file__).with_name("schema_of_the_release_before.json")
_SQLITE = (
    'SELECT m.name, c.name, c."notnull" AND c.dflt_value IS NULL AND c.pk = 0 FROM sqlite_master m '
    "JOIN pragma_table_info(m.name) c WHERE m.type IN ('table', 'view') AND m.name NOT LIKE 'sqlite_%'"
)
_POSTGRESQL = (
    "SELECT c.table_name, c.column_name, c.is_nullable = 'NO' AND c.column_default IS NULL AND c.is_identity = 'NO' "
    "AND NOT EXISTS (SELECT FROM information_schema.key_column_usage k JOIN information_schema.table_constraints t "
    "USING (constraint_schema, constraint_name) WHERE t.constraint_type = 'PRIMARY KEY' "
    "AND k.table_name = c.table_name AND k.column_name = c.column_name) "
    "FROM information_schema.columns c WHERE c.table_schema = 'public'"
)
# Table → column → whether an INSERT has to give it. Keys of rows are left out: no release changes one.
Schema = Mapping[str, Mapping[str, bool]]


def schema_now() -> Schema:
    """Return the columns of every table and view of the database."""
    with connection.cursor() as cursor:
        cursor.execute(_SQLITE.replace("%", "%%") if connection.vendor == "sqlite" else _POSTGRESQL)
        rows = cursor.fetchall()
    tables: dict[str, dict[str, bool]] = {}
    for table, column, is_needed in rows:
        tables.setdefault(table, {})[column] = bool(is_needed)
    return tables


def breaks(before: Schema, now: Schema) -> list[str]:
    """Return what the code of the release before cannot do any more."""
    wrong = [f"{table} is gone" for table in before if table not in now]
    for table in before.keys() & now.keys():
        gone = before[table].keys() - now[table].keys()
        wrong += [f"{table}.{column} is gone" for column in gone]
        asked = [column for column, needed in now[table].items() if needed and not before[table].get(column, False)]
        wrong += [f"{table}.{column} has to be written" for column in asked]
    return sorted(wrong)


@pytest.mark.django_db
def test_the_release_before_runs_on_this_schema() -> None:
    now = schema_now()
    if os.environ.get("TESTS_WRITE_SCHEMA"):
        ours = {table: dict(sorted(columns.items())) for table, columns in sorted(now.items())}
        _FILE.write_text(json.dumps(ours, indent=1) + "\n", encoding="utf-8")
    before = json.loads(_FILE.read_text(encoding="utf-8"))
    assert breaks(before, now) == []


TABLE = {"run": {"id": False, "name": True}}


@pytest.mark.parametrize(
    ("now", "wrong"),
    [
        ({}, ["run is gone"]),
        ({"run": {"id": False}}, ["run.name is gone"]),
        ({"run": {"id": False, "title": True}}, ["run.name is gone", "run.title has to be written"]),
        ({"run": {"id": True, "name": True}}, ["run.id has to be written"]),
        ({"run": {"id": False, "name": False, "more": False}, "other": {"x": True}}, []),
    ],
)
def test_what_would_break_it(now: Schema, wrong: list[str]) -> None:
    assert breaks(TABLE, now) == wrong
