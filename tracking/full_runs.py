"""Runs with everything that was logged to them, for the protocol: one statement for many runs, no model instances."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, NamedTuple

import orjson
from django.db import connection
from django.db.models import JSONField, Model

from core.actors import Actor
from core.columns import columns_of, table_of, type_of
from core.errors import NotFound
from core.statements import Rows, Statement, fetch, portable, text_array
from tracking.metric_columns import VALUE_COLUMNS
from tracking.models import Dataset, ExperimentLevel, LatestMetric, Param, Run, RunInput, RunModel, RunTag
from tracking.permissions.levels import everybody_has
from tracking.permissions.runs import require_readable_run, run_not_found

# The protocol shows neither who created a run, nor what was registered of it, nor what deleted it, nor that a dataset
# belongs to an experiment.
RUN_COLUMNS = columns_of(Run, without=["created_by", "is_registered", "deleted_with_experiment"])
DATASET_COLUMNS = columns_of(Dataset, without=["experiment_id"])
# Fields of a dataset that a run may state differently.
USE_COLUMNS = tuple(column for column in DATASET_COLUMNS if column not in ("name", "digest"))


class Value(NamedTuple):
    """A stored value of a metric: VALUE_COLUMNS."""

    key: str
    value: float
    is_nan: bool
    timestamp_ms: int
    step: int
    model_id: str
    dataset_name: str
    dataset_digest: str


class DatasetUse(NamedTuple):
    """A dataset that a run read: DATASET_COLUMNS, and the tags of the input."""

    name: str
    digest: str
    source_type: str
    source: str
    schema: str
    profile: str
    tags: dict[str, str]


@dataclass(slots=True)
class FullRun:
    """A run, as RUN_COLUMNS, and what was logged to it.

    ``inputs`` and ``models`` are in the order of logging, others in none.
    """

    id: str
    experiment_id: int
    name: str
    user_id: str
    status: str
    start_ms: int
    end_ms: int | None
    lifecycle_stage: str
    artifact_uri: str
    params: list[tuple[str, str]] = field(default_factory=list)
    tags: list[tuple[str, str]] = field(default_factory=list)
    metrics: list[Value] = field(default_factory=list)
    inputs: list[DatasetUse] = field(default_factory=list)
    models: list[tuple[str, str, int]] = field(default_factory=list)
    """(logged model, direction, step)"""


@dataclass(frozen=True, slots=True)
class _Part:
    """One branch of the statement: the columns that it reads, as (model, alias, column), from the rows of the runs."""

    columns: tuple[tuple[type[Model], str, str], ...]
    source: str

    @property
    def types(self) -> list[str]:
        """Return the SQL type of each column."""
        return [type_of(model, column) for model, _, column in self.columns]


def _part(model: type[Model], columns: Sequence[str], *, run: str = "run_id") -> _Part:
    """Return the branch of one table; ``run`` is the column with the id of the run."""
    return _Part(
        tuple((model, "t", column) for column in columns), f"t.{run}, {{slots}} FROM {table_of(model)} t WHERE t.{run}"
    )


_INPUT_PART = _Part(
    (
        *((Dataset, "d", column) for column in DATASET_COLUMNS),
        *((RunInput, "u", column) for column in USE_COLUMNS),
        (RunInput, "u", "tags"),
        (RunInput, "u", "id"),
    ),
    f"u.run_id, {{slots}} FROM {table_of(RunInput)} u JOIN {table_of(Dataset)} d ON d.id = u.dataset_id WHERE u.run_id",
)
_RUN, _PARAM, _TAG, _METRIC, _INPUT, _MODEL = range(6)
_PARTS = {
    _RUN: _part(Run, RUN_COLUMNS, run="id"),
    _PARAM: _part(Param, ("key", "value")),
    _TAG: _part(RunTag, ("key", "value")),
    _METRIC: _part(LatestMetric, VALUE_COLUMNS),
    _INPUT: _INPUT_PART,
    _MODEL: _part(RunModel, ("model_id", "direction", "step", "id")),
}


def _slots() -> list[str]:
    """Return the types of the columns that all branches share: of each type as many as any branch needs."""
    most: Counter[str] = Counter()
    for part in _PARTS.values():
        most |= Counter(part.types)
    return sorted(most.elements())


_SLOTS = _slots()
_BEFORE_SLOTS = 2  # the kind of the row, and its run


def _slot_numbers(part: _Part) -> list[int]:
    """Return the slot that each column of a branch takes: the first free one of its type."""
    free = list(range(len(_SLOTS)))
    numbers = []
    for kind in part.types:
        number = next(slot for slot in free if _SLOTS[slot] == kind)
        free.remove(number)
        numbers.append(number)
    return numbers


def _branch(kind: int, part: _Part) -> str:
    slots = [f"CAST(NULL AS {_cast(slot)})" for slot in _SLOTS]
    for number, (model, alias, column) in zip(_slot_numbers(part), part.columns, strict=True):
        is_json = isinstance(model._meta.get_field(column), JSONField)  # noqa: SLF001 - Django's own name for it
        slots[number] = f"CAST({alias}.{column} AS text)" if is_json else f"{alias}.{column}"
    return f"SELECT {kind}, {part.source.format(slots=', '.join(slots))} {{among}}"


def _cast(kind: str) -> str:
    """Return a type by the name that both databases know."""
    return {"float8": "double precision", "int8": "bigint", "bool": "boolean"}.get(kind, kind)


_TEMPLATE = " UNION ALL ".join(_branch(kind, part) for kind, part in _PARTS.items())
_OF_MANY = Statement(
    _TEMPLATE.format(among="= ANY(%s::text[])"), _TEMPLATE.format(among="IN (SELECT value FROM json_each(%s))")
)
# PostgreSQL takes an unknown array for ten values. For one run it would therefore plan anew each time, or keep a plan
# that reads whole tables while these are small.
_OF_ONE = portable(_TEMPLATE.format(among="= %s"))
# Readers of the values of a row, in the order of the columns of its branch.
_READERS: dict[int, Callable[[tuple[Any, ...]], tuple[Any, ...]]] = {
    kind: itemgetter(*(_BEFORE_SLOTS + number for number in _slot_numbers(part))) for kind, part in _PARTS.items()
}


def get_full_run(actor: Actor, run_id: str) -> FullRun:
    """Return one run that the actor may read, deleted or not. One query where everybody may read. Raises NotFound."""
    runs = full_runs([run_id])
    if not runs:
        raise NotFound(run_not_found(run_id))
    if not everybody_has(ExperimentLevel.READ, actor):
        require_readable_run(actor, Run.objects.get(pk=run_id))
    return runs[0]


def full_runs(run_ids: Sequence[str]) -> list[FullRun]:
    """Return those of the runs that exist, in the order of ``run_ids``, deleted ones too. One query."""
    if not run_ids:
        return []
    rows: dict[int, list[tuple[str, tuple[Any, ...]]]] = {kind: [] for kind in _PARTS}
    for row in _rows(run_ids):
        rows[row[0]].append((row[1], _READERS[row[0]](row)))
    runs = {run_id: FullRun(*run) for run_id, run in rows[_RUN]}
    for run_id, pair in rows[_PARAM]:
        runs[run_id].params.append(pair)
    for run_id, pair in rows[_TAG]:
        runs[run_id].tags.append(pair)
    for run_id, value in rows[_METRIC]:
        runs[run_id].metrics.append(Value._make(value))
    for run_id, (*dataset, tags, _) in sorted(rows[_INPUT], key=_row_id):
        runs[run_id].inputs.append(_dataset_use(dataset, tags))
    for run_id, (model_id, direction, step, _) in sorted(rows[_MODEL], key=_row_id):
        runs[run_id].models.append((model_id, direction, step))
    return [runs[run_id] for run_id in dict.fromkeys(run_ids) if run_id in runs]


def _rows(run_ids: Sequence[str]) -> Rows:
    """Return the rows of all branches for these runs."""
    if len(run_ids) == 1:
        return fetch(_OF_ONE, [run_ids[0]] * len(_PARTS))
    among = text_array(run_ids) if connection.vendor == "postgresql" else orjson.dumps(list(run_ids)).decode()
    return fetch(_OF_MANY, [among] * len(_PARTS))


def _dataset_use(columns: Sequence[Any], tags: str) -> DatasetUse:
    """Return a dataset as the run logged it: DATASET_COLUMNS, then USE_COLUMNS where they are not NULL."""
    dataset = dict(zip(DATASET_COLUMNS, columns, strict=False))
    use = dict(zip(USE_COLUMNS, columns[len(DATASET_COLUMNS) :], strict=True))
    stated = {name: value for name, value in use.items() if value is not None}
    return DatasetUse(**dataset | stated, tags=orjson.loads(tags))


def _row_id(row: tuple[str, tuple[Any, ...]]) -> int:
    """Return the row's own id, its last column. The ids of one run's rows have the order in which they were logged."""
    return int(row[1][-1])
