"""Migration operations that make the database refuse changes by triggers: append-only tables and guards.

They work on SQLite and PostgreSQL and are reversible. SQLite drops the triggers of a table when a migration rebuilds it
(AlterField, AddConstraint …): such a migration must repeat the operations of that table afterwards. On PostgreSQL,
TRUNCATE is not refused by a trigger, because tests flush tables with it; privileges refuse it (docs/operations.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

# "Is another value, NULL included": SQLite before 3.39 lacks the standard's operator. A condition writes it as
# {differs}.
_DIFFERS = {"sqlite": "IS NOT", "postgresql": "IS DISTINCT FROM"}


def any_changed(*columns: str) -> str:
    """Return the condition "the update changes one of these columns", for a Guard on UPDATE."""
    return " OR ".join(f"NEW.{column} {{differs}} OLD.{column}" for column in columns)


class VendorStatements(Operation):
    """Run statements that each database needs in its own form.

    ``sqlite`` and ``postgresql`` are executed in order, ``undo_sqlite`` and ``undo_postgresql`` when the migration is
    undone. A database may have no statements.
    """

    reduces_to_sql = True
    reversible = True

    def __init__(
        self,
        *,
        sqlite: Iterable[str] = (),
        postgresql: Iterable[str] = (),
        undo_sqlite: Iterable[str] = (),
        undo_postgresql: Iterable[str] = (),
    ) -> None:
        self.forwards = {"sqlite": list(sqlite), "postgresql": list(postgresql)}
        self.backwards = {"sqlite": list(undo_sqlite), "postgresql": list(undo_postgresql)}

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Change nothing: a trigger is not part of the models' state."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Execute the statements of this database."""
        _execute(schema_editor, self.forwards[schema_editor.connection.vendor])

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Execute the statements that undo this operation."""
        _execute(schema_editor, self.backwards[schema_editor.connection.vendor])

    def describe(self) -> str:
        """Return the text for `migrate --plan`."""
        return "Statements for each database"


class AppendOnly(VendorStatements):
    """Refuse UPDATE and DELETE on a table."""

    def __init__(self, table: str) -> None:
        self.table = table
        verbs = ("UPDATE", "DELETE")
        super().__init__(
            sqlite=[_abort(f"{table}_no_{verb.lower()}", verb, table, "", f"{table} is append-only") for verb in verbs],
            undo_sqlite=[f"DROP TRIGGER IF EXISTS {table}_no_{verb.lower()}" for verb in verbs],
            postgresql=[
                # All append-only tables share the function, so undoing one of them must leave it.
                (
                    "CREATE OR REPLACE FUNCTION custody_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                    "RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation'; "
                    "END $$"
                ),
                (
                    f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
                    "FOR EACH ROW EXECUTE FUNCTION custody_append_only()"
                ),
            ],
            undo_postgresql=[f"DROP TRIGGER {table}_append_only ON {table}"],
        )

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        """Return class, arguments and keywords for a migration file."""
        return type(self).__name__, [self.table], {}

    def describe(self) -> str:
        """Return the text for `migrate --plan`."""
        return f"{self.table} is append-only"


class Guard(VendorStatements):
    """Refuse some changes of a table's rows while a condition holds.

    ``on`` is one or more of INSERT, UPDATE and DELETE. ``when`` is SQL over NEW and OLD (see `any_changed`), empty for
    "always", or a mapping of vendor to SQL where the databases need different texts. ``message`` is the text of the
    database's error. The trigger is called ``<table>_<name>``.
    """

    def __init__(
        self, table: str, name: str, *, on: str | tuple[str, ...], message: str, when: str | Mapping[str, str] = ""
    ) -> None:
        self.options = {"on": on, "message": message, "when": when}
        conditions = {vendor: _condition(when, vendor) for vendor in _DIFFERS}
        self.table, self.name = table, name
        verbs = (on,) if isinstance(on, str) else on
        trigger, function = f"{table}_{name}", f"custody_{table}_{name}"
        each = {verb: trigger if len(verbs) == 1 else f"{trigger}_{verb.lower()}" for verb in verbs}
        super().__init__(
            sqlite=[_abort(each[verb], verb, table, conditions["sqlite"], message) for verb in verbs],
            undo_sqlite=[f"DROP TRIGGER IF EXISTS {each[verb]}" for verb in verbs],  # a rebuilt table has lost it
            postgresql=[
                (
                    f"CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                    f"IF {conditions['postgresql'] or 'TRUE'} THEN RAISE EXCEPTION '{message}' USING ERRCODE = 'integrity_constraint_violation'; "
                    f"END IF; RETURN {'OLD' if verbs == ('DELETE',) else 'NEW'}; END $$"
                ),
                (
                    f"CREATE TRIGGER {trigger} BEFORE {' OR '.join(verbs)} ON {table} "
                    f"FOR EACH ROW EXECUTE FUNCTION {function}()"
                ),
            ],
            undo_postgresql=[f"DROP TRIGGER {trigger} ON {table}", f"DROP FUNCTION {function}()"],
        )

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        """Return class, arguments and keywords for a migration file."""
        return type(self).__name__, [self.table, self.name], self.options

    def describe(self) -> str:
        """Return the text for `migrate --plan`."""
        return f"{self.table}: {self.options['message']}"


class RestoredGuard(Guard):
    """A guard of a table that the same migration rebuilt: SQLite has dropped it, PostgreSQL has kept it."""

    def __init__(
        self, table: str, name: str, *, on: str | tuple[str, ...], message: str, when: str | Mapping[str, str] = ""
    ) -> None:
        super().__init__(table, name, on=on, message=message, when=when)
        self.forwards["postgresql"], self.backwards["postgresql"] = [], []


def _condition(when: str | Mapping[str, str], vendor: str) -> str:
    text = when if isinstance(when, str) else when[vendor]
    return text.replace("{differs}", _DIFFERS[vendor])


def _abort(trigger: str, verb: str, table: str, when: str, message: str) -> str:
    condition = f"WHEN {when} " if when else ""
    return f"CREATE TRIGGER {trigger} BEFORE {verb} ON {table} {condition}BEGIN SELECT RAISE(ABORT, '{message}'); END"


def _execute(schema_editor: BaseDatabaseSchemaEditor, statements: list[str]) -> None:
    for statement in statements:
        schema_editor.execute(statement, params=None)  # a % in a message is not a placeholder
