"""A model says what its table's triggers do: append-only tables have append-only models,
and no cascade reaches them.
"""

from __future__ import annotations

import pytest
from django.apps import apps
from django.db import models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation

from core.append_only import AppendOnlyModel
from core.database_guards import AppendOnly, Guard

# What deleting the row a foreign key points to may do to a row that the database refuses to delete or change.
HARMLESS = {models.PROTECT, models.RESTRICT, models.DO_NOTHING}
MODELS = {model._meta.db_table: model for model in apps.get_models()}


def operations() -> list[Operation]:
    """Return the operations of every migration."""
    return [step for migration in MigrationLoader(None).disk_migrations.values() for step in migration.operations]


def append_only_tables() -> set[str]:
    """Return the tables whose rows a trigger keeps from every UPDATE and DELETE."""
    return {step.table for step in operations() if isinstance(step, AppendOnly)}


def kept_tables() -> set[str]:
    """Return the tables whose rows a trigger keeps from being deleted, always or under a condition."""
    guarded = {step.table for step in operations() if isinstance(step, Guard) and "DELETE" in step.options["on"]}
    return append_only_tables() | guarded


def harmful_keys(model: type[models.Model]) -> set[str]:
    """Return the foreign keys of a model through which deleting another row would delete or change its rows."""
    keys = [field for field in model._meta.concrete_fields if isinstance(field, models.ForeignKey)]
    return {key.name for key in keys if key.remote_field.on_delete not in HARMLESS}


def test_append_only_tables_and_models_are_the_same() -> None:
    tables = {table for table, model in MODELS.items() if issubclass(model, AppendOnlyModel)}
    assert tables == append_only_tables()
    assert len(tables) > 10


@pytest.mark.parametrize("table", sorted(kept_tables()))
def test_no_cascade_reaches_a_row_that_the_database_keeps(table: str) -> None:
    assert harmful_keys(MODELS[table]) == set()


def test_the_test_would_notice() -> None:
    assert harmful_keys(MODELS["registry_alias"]) == {"model", "version"}
