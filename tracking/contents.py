"""Runs with everything that was logged to them, for the protocol: one statement, however many runs, and no model instances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson
from django.db import connection

from core.errors import NotFound
from core.statements import Statement, fetch, text_array


class Value(NamedTuple):
    """A measured value, as MetricFields keeps it."""

    key: str
    value: float
    is_nan: bool
    timestamp_ms: int
    step: int
    model_id: str
    dataset_name: str
    dataset_digest: str


class Used(NamedTuple):
    """A dataset that a run read, with the tags of the input."""

    name: str
    digest: str
    source_type: str
    source: str
    schema: str
    profile: str
    tags: dict[str, str]


@dataclass(slots=True)
class FullRun:
    """A run and what was logged to it; lists are in no order but for inputs and models, which are in the order of logging."""

    pk: str
    name: str
    user_id: str
    status: str
    lifecycle_stage: str
    artifact_uri: str
    experiment_id: int
    start_ms: int
    end_ms: int | None = None
    params: list[tuple[str, str]] = field(default_factory=list)
    tags: list[tuple[str, str]] = field(default_factory=list)
    metrics: list[Value] = field(default_factory=list)
    inputs: list[Used] = field(default_factory=list)
    models: list[tuple[str, str, int]] = field(default_factory=list)
    """(logged model, direction, step)"""


_RUN, _PARAM, _TAG, _METRIC, _INPUT, _MODEL = range(6)
_ORDERED = frozenset({_INPUT, _MODEL})
# Every part has the columns kind, run, seven texts, a number, a flag and three integers.
_TEMPLATE = f"""
SELECT {_RUN}, id, name, user_id, status, lifecycle_stage, artifact_uri, CAST(NULL AS text), CAST(NULL AS text),
    CAST(NULL AS double precision), CAST(NULL AS boolean), start_ms, end_ms, experiment_id
    FROM tracking_run WHERE id {{among}}
UNION ALL SELECT {_PARAM}, run_id, key, value, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
    FROM tracking_param WHERE run_id {{among}}
UNION ALL SELECT {_TAG}, run_id, key, value, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
    FROM tracking_runtag WHERE run_id {{among}}
UNION ALL SELECT {_METRIC}, run_id, key, model_id, dataset_name, dataset_digest, NULL, NULL, NULL,
    value, is_nan, timestamp_ms, step, NULL
    FROM tracking_latestmetric WHERE run_id {{among}}
UNION ALL SELECT {_INPUT}, u.run_id, d.name, d.digest, d.source_type, d.source, d.schema, d.profile, CAST(u.tags AS text),
    NULL, NULL, NULL, NULL, u.id
    FROM tracking_runinput u JOIN tracking_dataset d ON d.id = u.dataset_id WHERE u.run_id {{among}}
UNION ALL SELECT {_MODEL}, run_id, model_id, direction, NULL, NULL, NULL, NULL, NULL, NULL, NULL, step, NULL, id
    FROM tracking_runmodel WHERE run_id {{among}}
"""  # noqa: S608 - our own tables and numbers; values are bound
_PARTS = 6
_SQL = Statement(
    _TEMPLATE.format(among="= ANY(%s::text[])"), _TEMPLATE.format(among="IN (SELECT value FROM json_each(%s))")
)


def get_full_run(run_id: str) -> FullRun:
    """Return one run, deleted or not. NotFound."""
    found = full_runs([run_id])
    if not found:
        raise NotFound(f"Run with id={run_id[:100]} not found")
    return found[0]


def full_runs(run_ids: Sequence[str]) -> list[FullRun]:
    """Return those of the runs that there are, in the order of ``run_ids``, deleted ones too. One query."""
    if not run_ids:
        return []
    among = text_array(run_ids) if connection.vendor == "postgresql" else orjson.dumps(list(run_ids)).decode()
    rows = fetch(_SQL, [among] * _PARTS)
    found = {row[1]: _run(row) for row in rows if row[0] == _RUN}
    # the order of logging, for what has one; the run itself may turn up after its contents
    for kind, run_id, *columns in sorted((row for row in rows if row[0] in _ORDERED), key=lambda row: int(row[13])):
        _add_in_order(found[run_id], kind, columns)
    for kind, run_id, key, text, more, most, *_, number, flag, first, second, _order in rows:
        if kind == _TAG:
            found[run_id].tags.append((key, text))
        elif kind == _METRIC:
            found[run_id].metrics.append(Value(key, number, bool(flag), first, second, text, more, most))
        elif kind == _PARAM:
            found[run_id].params.append((key, text))
    return [found[run_id] for run_id in dict.fromkeys(run_ids) if run_id in found]


def _run(row: tuple[Any, ...]) -> FullRun:
    _, pk, name, user_id, status, stage, uri, _, _, _, _, start_ms, end_ms, experiment_id = row
    return FullRun(pk, name, user_id, status, stage, uri, experiment_id, start_ms, end_ms)


def _add_in_order(run: FullRun, kind: int, columns: Sequence[Any]) -> None:
    if kind == _INPUT:
        name, digest, source_type, source, schema, profile, tags = columns[:7]
        run.inputs.append(Used(name, digest, source_type, source, schema, profile, orjson.loads(tags)))
    else:
        run.models.append((columns[0], columns[1], columns[9]))
