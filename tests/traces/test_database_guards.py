"""What the database itself holds of traces, whoever writes."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, models, transaction

from core.actors import Actor
from tests.traces.conftest import TRACE, new_info, new_span
from traces.models import Assessment, Span, Trace, TraceMetadata, TracePrompt, TraceRun, TraceTag
from traces.services.infos import record_info
from traces.services.spans import record_spans
from tracking.models import Experiment
from tracking.services.runs import create_run

pytestmark = pytest.mark.django_db
SPAN = {"trace_id": TRACE, "name": "n", "start_ns": 1, "content": "{}", "size": 2}
SAID = {"trace_id": TRACE, "kind": "feedback", "name": "n", "value": "1", "created_ms": 1, "updated_ms": 1}
MADE = {"id": "t", "request_ms": 1, "received_ms": 1, "experiment_id": 0}


@pytest.fixture(autouse=True)
def trace(actor: Actor, experiment: Experiment) -> None:
    record_spans(actor=actor, experiment_id=experiment.pk, spans=[new_span(1)])
    record_info(actor=actor, info=new_info(experiment))


def insert(table: type[models.Model], values: dict[str, Any]) -> None:
    """Insert a row past all services, its constraints checked as a commit would."""
    with transaction.atomic():
        table._default_manager.bulk_create([table(**values)])
        transaction.get_connection().check_constraints()


@pytest.mark.parametrize(
    ("table", "values"),
    [
        (Trace, MADE | {"id": TRACE}),
        (Trace, MADE | {"state": "DONE"}),
        (Trace, MADE | {"duration_ms": -1}),
        (Trace, MADE | {"size": -1}),
        (Trace, MADE | {"span_count": -1}),
        (Trace, MADE | {"experiment_id": 987654}),
        (Span, SPAN | {"span_id": f"{1:016x}"}),
        (Span, SPAN | {"span_id": "2", "status": "FINE"}),
        (Span, SPAN | {"span_id": "2", "start_ns": -1}),
        (Span, SPAN | {"span_id": "2", "trace_id": "nosuch"}),
        (TraceTag, {"trace_id": TRACE, "key": "mlflow.artifactLocation", "value": ""}),
        (TraceTag, {"trace_id": "nosuch", "key": "k", "value": ""}),
        (TraceMetadata, {"trace_id": "nosuch", "key": "k", "value": ""}),
        (TraceRun, {"trace_id": TRACE, "run_id": "nosuch"}),
        (TracePrompt, {"trace_id": "nosuch", "name": "n", "version": 1}),
        (Assessment, SAID | {"assessment_id": "a", "kind": "opinion"}),
        (Assessment, SAID | {"assessment_id": "a", "source_type": "NOBODY"}),
        (Assessment, SAID | {"assessment_id": "a", "overrides": "a"}),
        (Assessment, SAID | {"assessment_id": "a", "value": ""}),
        (Assessment, SAID | {"assessment_id": "a", "value": "", "kind": "expectation", "error": {"a": "b"}}),
        (Assessment, SAID | {"assessment_id": "a", "kind": "expectation", "error": {"a": "b"}}),
        (Assessment, SAID | {"assessment_id": "a", "trace_id": "nosuch"}),
    ],
)
def test_a_row_that_cannot_be_is_refused(table: type[models.Model], values: dict[str, Any]) -> None:
    before = table._default_manager.count()
    with pytest.raises(IntegrityError):
        insert(table, values)
    assert table._default_manager.count() == before


def test_a_pair_is_there_once(actor: Actor, experiment: Experiment) -> None:
    run = create_run(actor=actor, experiment_id=experiment.pk)
    rows = [
        TraceMetadata(trace_id=TRACE, key="k", value="v"),
        TraceRun(trace_id=TRACE, run=run),
        TracePrompt(trace_id=TRACE, name="n", version=1),
        Assessment(**SAID, assessment_id="a-1"),
    ]
    for row in rows:
        row.save()
        row.pk = None
        row._state.adding = True
        with pytest.raises(IntegrityError), transaction.atomic():
            row.save()
