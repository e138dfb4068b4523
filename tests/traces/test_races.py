"""Several writers of one trace at one moment: nobody's spans, tags or state are lost, and deleting wins or waits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from core.actors import Actor
from core.errors import Conflict
from tests.traces.conftest import TRACE, new_info, new_span
from traces.models import Span, Trace, TraceTag
from traces.services.deletion import delete_traces
from traces.services.infos import record_info
from traces.services.links import link_traces_to_run
from traces.services.spans import record_spans
from tracking.models import Experiment
from tracking.services.runs import create_run

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(jobs: Sequence[Callable[[], Any]]) -> list[BaseException | None]:
    """Run jobs in threads of their own and return what each raised."""

    def run(job: Callable[[], Any]) -> BaseException | None:
        try:
            job()
        except Exception as error:  # noqa: BLE001 - whatever it is, the test looks at it
            return error
        finally:
            connection.close()
        return None

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(run, jobs))


def test_writers_of_one_trace_lose_nothing(actor: Actor, experiment: Experiment) -> None:
    run = create_run(actor=actor, experiment_id=experiment.pk)
    info = new_info(experiment, state="ERROR", tags={"mlflow.traceName": "n"})

    def spans(number: int) -> Callable[[], None]:
        sent = [new_span(number, parent=0 if number == 1 else 1)]
        return lambda: record_spans(actor=actor, experiment_id=experiment.pk, spans=sent, run_id=run.pk)

    jobs = [*(spans(number) for number in range(1, 7)), lambda: record_info(actor=actor, info=info)]
    link = lambda: link_traces_to_run(actor=actor, run_id=run.pk, trace_ids=[TRACE])  # noqa: E731 - one of the jobs
    assert at_once([*jobs, link]) == [None] * 8
    trace = Trace.objects.get()
    assert (trace.span_count, Span.objects.count(), trace.state) == (6, 6, "ERROR")
    assert trace.size == sum(Span.objects.values_list("size", flat=True))
    assert set(TraceTag.objects.values_list("key", flat=True)) == {
        "mlflow.traceName",
        "mlflow.artifactLocation",
        "mlflow.trace.spansLocation",
    }


def test_deleting_meanwhile_leaves_a_whole_trace_or_none(actor: Actor, experiment: Experiment) -> None:
    def send(number: int) -> Callable[[], None]:
        return lambda: record_spans(actor=actor, experiment_id=experiment.pk, spans=[new_span(number)])

    def delete() -> None:
        delete_traces(actor=actor, experiment_id=str(experiment.pk), trace_ids=[TRACE])

    send(1)()
    errors = at_once([send(2), delete, send(3), delete, send(4)])
    assert all(error is None or isinstance(error, Conflict) for error in errors), errors
    trace = Trace.objects.first()
    assert Span.objects.count() == (trace.span_count if trace else 0)
