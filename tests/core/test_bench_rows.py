"""The rows that the measurements insert by SQL have every column that our tables require."""

from __future__ import annotations

import re

import pytest
from django.apps import apps
from django.db.models import NOT_PROVIDED, AutoField

from bench.many_runs import OURS

TABLES = {model._meta.db_table: model for model in apps.get_models(include_auto_created=True)}


@pytest.mark.parametrize("statement", OURS, ids=lambda statement: statement.split()[2])
def test_rows_of_measurements_have_all_required_columns(statement: str) -> None:
    table, columns = re.match(r"INSERT INTO (\w+) \(([^)]*)\)", statement).groups()  # type: ignore[union-attr]  # else it fails
    required = {
        field.column
        for field in TABLES[table]._meta.concrete_fields
        if not field.null and field.db_default is NOT_PROVIDED and not isinstance(field, AutoField)
    }
    assert required <= set(columns.replace(" ", "").split(","))
