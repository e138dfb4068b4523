"""A column that a model gains is in every hand-written statement that inserts its rows,
and in what the hot paths read.
"""

from __future__ import annotations

import dataclasses
import importlib
import re
from collections.abc import Iterator
from types import ModuleType

import pytest
from django.apps import apps

from core.columns import columns_of
from core.statements import Statement
from registry.models import ModelVersion
from registry.production.lookups import VERSION_COLUMNS, ShownVersion
from registry.production.serving import _COLUMNS as SERVED_COLUMNS
from tests.architecture.source import modules, name_of
from tracking.full_runs import DATASET_COLUMNS, RUN_COLUMNS, DatasetUse, FullRun, Value
from tracking.limits import Point
from tracking.metric_columns import CURVE_ORDER, HISTORY_ORDER, LATEST_ORDER, VALUE_COLUMNS
from tracking.models import LatestMetric, Metric

MODELS = {model._meta.db_table: model for model in apps.get_models()}
INSERT = re.compile(r"INSERT INTO (\w+)(?: AS \w+)? \(([^()]*)\)")


def imported() -> Iterator[tuple[str, ModuleType]]:
    """Yield every module of the product that holds a statement, with its file."""
    for path in modules():
        if "insert" in path.read_text(encoding="utf-8").lower():
            dotted = name_of(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            if dotted != "manage":
                yield name_of(path), importlib.import_module(dotted)


def inserts() -> set[tuple[str, str, tuple[str, ...]]]:
    """Return (file, table, columns) of every INSERT that a module holds as a constant."""
    found = set()
    for file, module in imported():
        for value in vars(module).values():
            texts = (value.postgresql, value.sqlite) if isinstance(value, Statement) else (value,)
            for text in (text for text in texts if isinstance(text, str)):
                for table, columns in INSERT.findall(text):
                    found.add((file, table, tuple(columns.split(", "))))
    return found


def test_every_insert_names_every_column_of_its_table() -> None:
    found = inserts()
    for file, table, columns in found:
        assert set(columns) == set(columns_of(MODELS[table])), f"{file}: INSERT INTO {table}"
    tables = {table for _, table, _ in found}
    assert tables >= {
        "audit_event",
        "lineage_edge",
        "lineage_node",
        "tracking_latestmetric",
        "tracking_metric",
        "tracking_param",
        "tracking_run",
        "tracking_runtag",
        "tracking_runwriter",
    }


def test_both_tables_of_metric_values_have_the_same_columns() -> None:
    assert columns_of(Metric) == columns_of(LatestMetric) == (*VALUE_COLUMNS, "run_id")


@pytest.mark.parametrize(
    ("shown", "columns"),
    [
        (Value._fields, VALUE_COLUMNS),
        (DatasetUse._fields, (*DATASET_COLUMNS, "tags")),
        ([field.name for field in dataclasses.fields(FullRun)][: len(RUN_COLUMNS)], RUN_COLUMNS),
        ([field.name for field in dataclasses.fields(ShownVersion)], ("name", *VERSION_COLUMNS, "tags", "aliases")),
    ],
    ids=["metric value", "dataset", "run", "model version"],
)
def test_what_a_hot_path_returns_has_every_column_in_order(shown: list[str], columns: tuple[str, ...]) -> None:
    assert tuple(shown) == columns


def test_a_logged_point_has_every_column_of_a_stored_value() -> None:
    assert all(hasattr(Point("loss", 0.5, 1), column) for column in VALUE_COLUMNS)


def test_every_order_of_values_is_made_of_columns() -> None:
    assert {*LATEST_ORDER, *HISTORY_ORDER, *CURVE_ORDER} - {"id"} <= set(VALUE_COLUMNS)


def test_the_serving_read_names_columns_that_exist() -> None:
    assert set(SERVED_COLUMNS) <= {"id", *columns_of(ModelVersion)}


def test_a_column_that_does_not_exist_cannot_be_left_out() -> None:
    with pytest.raises(ValueError, match="Metric has no column flavour"):
        columns_of(Metric, without=["flavour"])
