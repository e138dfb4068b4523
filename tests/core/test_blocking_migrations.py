"""No migration after an app's first blocks writers of a table that may be large, or breaks the code of the release
before.

A new table may be made in any way. Existing tables are changed only by operations that take a lock for a moment.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, migrations, models
from django.db.migrations import Migration
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.models.functions import Now

from core.concurrent_indexes import AddIndexConcurrently, RemoveIndexConcurrently
from tests.core.test_migrations import OURS

# Released before this rule: they are applied while nothing else runs.
BEFORE_THE_RULE = frozenset({
    ("accounts", "0007_usernames_that_look_alike"),
    ("accounts", "0010_withdrawn_invitations"),
    ("approvals", "0003_finding_origins"),
    ("audit", "0002_every_event_is_a_leaf"),
    ("audit", "0007_exports_are_fetched_while_they_grow"),
    ("audit", "0008_exports_have_an_annex"),
    ("lineage", "0002_claims_of_runs_and_other_names_of_nodes"),
    ("lineage", "0004_withdrawn_edges"),
    ("lineage", "0006_retracted_edges_by_source"),
    ("notices", "0003_watches_and_moves"),
    ("notices", "0004_choices_of_left"),
    ("registry", "0002_versions_have_a_payload_digest"),
    ("registry", "0003_payload_digests_of_old_versions"),
    ("registry", "0004_registered_runs"),
    ("tracking", "0003_experiment_levels"),
    ("tracking", "0004_what_mlflow_keeps"),
    ("tracking", "0005_uses_of_datasets"),
    ("webhooks", "0002_webhooks_know_their_operator"),
    ("webhooks", "0003_webhooks_send_cloud_events"),
})  # fmt: skip
_SQL = {
    r"create\s+(unique\s+)?index\s+(?!concurrently)": "CREATE INDEX needs CONCURRENTLY",
    r"set\s+not\s+null": "SET NOT NULL reads the whole table",
    r"lock\s+table": "LOCK TABLE blocks writers",
    r"add\s+constraint(?!.*not\s+valid)": "ADD CONSTRAINT needs NOT VALID, and VALIDATE CONSTRAINT afterwards",
    r"alter\s+column\s+\S+\s+(set\s+data\s+)?type": "a change of a column's type writes the table anew",
    r"drop\s+(column|table)": "the release before reads it",
}
_VALUES = (models.Value, str, int, float, bool)


_NEVER: tuple[tuple[tuple[type[Operation], ...], str], ...] = (
    (
        (migrations.RunPython,),
        "RunPython holds its locks until the migration ends: fill rows in parts, with a command or a sweep",
    ),
    (
        (migrations.AddIndex, migrations.RemoveIndex),
        "an index of a table with rows is made and removed by core/concurrent_indexes.py",
    ),
    (
        (migrations.AddConstraint,),
        "a constraint of a table with rows is added NOT VALID, or as an index that is made concurrently",
    ),
    (
        (
            migrations.RemoveField,
            migrations.RenameField,
            migrations.DeleteModel,
            migrations.RenameModel,
            migrations.AlterModelTable,
        ),
        "the release before reads it: take it out of the state only, and out of the database a release later",
    ),
)


def _varchar(kind: str | None) -> int:
    match = re.fullmatch(r"(?:character varying|varchar)\((\d+)\)", kind or "")
    return int(match[1]) if match else 0


def _added_field(operation: migrations.AddField) -> Iterator[str]:
    field: Any = operation.field
    if not field.null and not field.many_to_many and not field.has_db_default():
        yield "a column that the release before does not fill needs null=True or db_default"
    if field.has_db_default() and not isinstance(field.db_default, _VALUES):
        yield "a db_default that is computed writes the whole table"
    if field.unique or field.db_index:
        yield "its index is made with the table locked: db_index=False, and AddIndexConcurrently"


def _altered_field(operation: migrations.AlterField, app: str, before: ProjectState) -> Iterator[str]:
    new: Any = operation.field
    old: Any = before.models[app, operation.model_name_lower].get_field(operation.name)
    if old.null and not new.null:
        yield "SET NOT NULL reads the whole table"
    if (new.unique and not old.unique) or (new.db_index and not old.db_index):
        yield "its index is made with the table locked"
    kinds = _kinds(old, new)
    if kinds[0] != kinds[1] and not 0 < _varchar(kinds[0]) <= _varchar(kinds[1]):
        yield "a change of the type writes the table anew"


def _kinds(*fields: Any) -> list[str | None]:
    """Return the types of columns in the database, None for relations."""
    return [None if field.is_relation else field.db_type(connection) for field in fields]


def _locked_tables(app: str, operation: Operation, before: ProjectState) -> set[str]:
    """Return the table that exists and whose columns an operation changes, if any."""
    if isinstance(operation, migrations.AddField):
        return {operation.model_name_lower}
    if isinstance(operation, migrations.AlterField):
        old: Any = before.models[app, operation.model_name_lower].get_field(operation.name)
        new: Any = operation.field
        if old.null != new.null or len(set(_kinds(old, new))) > 1:
            return {operation.model_name_lower}
    return set()


def problems(app: str, operation: Operation, before: ProjectState, created: set[str]) -> Iterator[str]:
    """Yield why an operation must not run while others write, or beside the code of the release before."""
    table = str(getattr(operation, "model_name", "") or getattr(operation, "name", "")).lower()
    if isinstance(operation, migrations.SeparateDatabaseAndState):
        for part in operation.database_operations:
            yield from problems(app, part, before, created)
    elif isinstance(operation, migrations.RunSQL):
        yield from _of_sql(str(operation.sql))
    elif isinstance(operation, migrations.AddField) and table not in created:
        yield from _added_field(operation)
    elif isinstance(operation, migrations.AlterField) and table not in created:
        yield from _altered_field(operation, app, before)
    elif not isinstance(operation, (AddIndexConcurrently, RemoveIndexConcurrently)) and table not in created:
        yield from (why for kinds, why in _NEVER if isinstance(operation, kinds))


def _of_sql(sql: str) -> Iterator[str]:
    for pattern, problem in _SQL.items():
        if re.search(pattern, sql, re.IGNORECASE | re.DOTALL):
            yield problem


def problems_of(migration: Migration, loader: MigrationLoader) -> list[str]:
    """Return what is wrong with each operation of a migration."""
    key = (migration.app_label, migration.name)
    state = loader.project_state(key, at_end=False)
    created: set[str] = set()
    locked: set[str] = set()
    wrong: list[str] = []
    for operation in migration.operations:
        locked |= _locked_tables(migration.app_label, operation, state) - created
        wrong += [
            f"{operation.describe()}: {why}" for why in problems(migration.app_label, operation, state.clone(), created)
        ]
        if isinstance(operation, migrations.CreateModel):
            created.add(operation.name_lower)
        operation.state_forwards(migration.app_label, state)
    if migration.atomic and len(locked) > 1:
        wrong.append(f"{', '.join(sorted(locked))}: a migration that waits for one of them holds the others")
    if migration.atomic and any(
        isinstance(row, (AddIndexConcurrently, RemoveIndexConcurrently)) for row in migration.operations
    ):
        wrong.append("CONCURRENTLY needs atomic = False")
    return wrong


LOADER = MigrationLoader(None, ignore_no_migrations=True)
LATER = sorted(
    key for key, migration in LOADER.disk_migrations.items() if key[0] in OURS and not key[1].startswith("0001")
)


@pytest.mark.parametrize("key", LATER, ids=lambda key: f"{key[0]}.{key[1][:40]}")
def test_a_migration_blocks_nobody(key: tuple[str, str]) -> None:
    wrong = problems_of(LOADER.disk_migrations[key], LOADER)
    assert bool(wrong) == (key in BEFORE_THE_RULE), wrong


@pytest.mark.parametrize(
    "operation",
    [
        migrations.AddIndex("run", models.Index(fields=["name"], name="x")),
        migrations.RemoveIndex("run", "tracking_run_list"),
        migrations.AddConstraint("run", models.CheckConstraint(condition=models.Q(name=""), name="x")),
        migrations.AddField("run", "x", models.TextField(default="")),
        migrations.AddField("run", "x", models.DateTimeField(db_default=Now())),
        migrations.AddField("run", "x", models.TextField(null=True, db_index=True)),
        migrations.AddField("run", "x", models.ForeignKey("tracking.Run", models.CASCADE, null=True)),
        migrations.AlterField("run", "end_ms", models.BigIntegerField()),
        migrations.AlterField("run", "name", models.CharField(max_length=10)),
        migrations.AlterField("run", "name", models.TextField()),
        migrations.RemoveField("run", "name"),
        migrations.RenameField("run", "name", "title"),
        migrations.DeleteModel("run"),
        migrations.RunSQL("CREATE INDEX x ON tracking_run (name)"),
        migrations.RunSQL("ALTER TABLE tracking_run ALTER COLUMN end_ms SET NOT NULL"),
        migrations.RunSQL("ALTER TABLE tracking_run ADD CONSTRAINT x CHECK (name <> '')"),
        migrations.RunPython(migrations.RunPython.noop),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.AddIndex("run", models.Index(fields=["name"], name="x"))]
        ),
    ],
    ids=lambda operation: operation.describe()[:60],
)
def test_an_operation_that_blocks_or_breaks_is_refused(operation: Operation) -> None:
    assert list(problems("tracking", operation, LOADER.project_state(("tracking", "0001_initial")), set()))


@pytest.mark.parametrize(
    "operation",
    [
        AddIndexConcurrently("run", models.Index(fields=["name"], name="x")),
        migrations.AddField("run", "x", models.TextField(null=True)),
        migrations.AddField("run", "x", models.BooleanField(default=False, db_default=False)),
        migrations.AlterField("run", "name", models.CharField(max_length=9000, default="")),
        migrations.AlterField("run", "status", models.CharField(max_length=9, choices=[("A", "a")])),
        migrations.RunSQL("CREATE INDEX CONCURRENTLY x ON tracking_run (name)"),
        migrations.RunSQL("ALTER TABLE tracking_run ADD CONSTRAINT x CHECK (name <> '') NOT VALID"),
        migrations.CreateModel("other", [("id", models.BigAutoField(primary_key=True))]),
    ],
    ids=lambda operation: operation.describe()[:60],
)
def test_an_operation_that_takes_a_moment_passes(operation: Operation) -> None:
    assert not list(problems("tracking", operation, LOADER.project_state(("tracking", "0001_initial")), set()))


@pytest.mark.parametrize(("tables", "count"), [(("run", "param"), 1), (("run", "run"), 0)])
def test_a_migration_changes_one_table(tables: tuple[str, ...], count: int) -> None:
    class Both(Migration):
        dependencies = [("tracking", "0001_initial")]
        operations = [
            migrations.AddField(table, f"x{number}", models.TextField(null=True)) for number, table in enumerate(tables)
        ]

    loader = MigrationLoader(None, ignore_no_migrations=True)
    migration = Both("x", "tracking")
    loader.graph.add_node(("tracking", "x"), migration)
    loader.graph.add_dependency(migration, ("tracking", "x"), ("tracking", "0001_initial"))
    assert len(problems_of(migration, loader)) == count
