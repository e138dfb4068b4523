"""Spans arrive one by one, twice, before or after the trace's own information, from several processes."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from core.actors import Actor
from core.errors import InvalidInput, NotFound, TooLarge
from tests.traces.conftest import SECOND, TRACE, actions, new_info, new_span
from traces.models import Span, Trace, TraceMetadata, TraceRun, TraceState, TraceTag
from traces.services.infos import record_info
from traces.services.spans import record_spans
from tracking.models import Experiment, RunWriter
from tracking.services.experiments import delete_experiment
from tracking.services.runs import create_run, delete_run

pytestmark = pytest.mark.django_db


def tags() -> dict[str, str]:
    return dict(TraceTag.objects.values_list("key", "value"))


def metadata() -> dict[str, str]:
    return dict(TraceMetadata.objects.values_list("key", "value"))


def test_a_root_span_alone_makes_a_whole_trace(actor: Actor, experiment: Experiment) -> None:
    root = new_span(attributes={"mlflow.spanInputs": {"q": "why"}, "mlflow.spanOutputs": "because"})
    record_spans(actor=actor, experiment_id=experiment.pk, spans=[root])
    trace = Trace.objects.get()
    assert (trace.pk, trace.state, trace.span_count, trace.created_by) == (TRACE, TraceState.OK, 1, "ada")
    assert (trace.request_ms, trace.duration_ms) == (root.start_ns // 1_000_000, 1000)
    assert (trace.request_preview, trace.response_preview) == ('{"q": "why"}', '"because"')
    assert tags()["mlflow.trace.spansLocation"] == "TRACKING_STORE"
    assert tags()["mlflow.artifactLocation"] == f"mlflow-artifacts:/{experiment.pk}/traces/{TRACE}/artifacts"
    assert actions() == []  # telemetry is no event


def test_a_child_that_comes_first_leaves_the_trace_open(actor: Actor, experiment: Experiment) -> None:
    record_spans(actor=actor, experiment_id=experiment.pk, spans=[new_span(2, parent=1)])
    assert Trace.objects.get().state == TraceState.IN_PROGRESS
    record_spans(actor=actor, experiment_id=experiment.pk, spans=[new_span(1, end_ns=SECOND + 9_000_000_000)])
    trace = Trace.objects.get()
    assert (trace.state, trace.span_count, trace.duration_ms) == (TraceState.OK, 2, 8000)


def test_a_span_that_failed_makes_its_trace_fail_only_at_the_root(actor: Actor, experiment: Experiment) -> None:
    record_spans(actor=actor, experiment_id=experiment.pk, spans=[new_span(2, parent=1, status="ERROR"), new_span(1)])
    assert Trace.objects.get().state == TraceState.OK
    other = "tr-" + "cd" * 16
    record_spans(actor=actor, experiment_id=experiment.pk, spans=[new_span(1, trace=other, status="ERROR")])
    assert Trace.objects.get(pk=other).state == TraceState.ERROR


def test_a_span_that_is_sent_again_replaces_the_one_before(actor: Actor, experiment: Experiment) -> None:
    for name in ("first", "second, and longer"):
        record_spans(actor=actor, experiment_id=experiment.pk, spans=[new_span(1, name=name, status_message=name)])
    span, trace = Span.objects.get(), Trace.objects.get()
    assert (span.name, trace.span_count, trace.size) == ("second, and longer", 1, span.size)


def steps(actor: Actor, experiment: Experiment) -> dict[str, Callable[[], Any]]:
    info = new_info(
        experiment, request_ms=5, duration_ms=7, state="ERROR", tags={"mlflow.traceName": "n", "a": "b"},
        metadata={"mlflow.trace.session": "s1"}, request_preview="asked", client_request_id="c1",
    )  # fmt: skip
    root = new_span(1, attributes={"mlflow.spanInputs": 1, "mlflow.spanOutputs": 2, "session.id": "other"})
    return {
        "info": lambda: record_info(actor=actor, info=info),
        "root": lambda: record_spans(actor=actor, experiment_id=experiment.pk, spans=[root]),
        "child": lambda: record_spans(actor=actor, experiment_id=experiment.pk, spans=[new_span(2, parent=1)]),
    }


@pytest.mark.parametrize("order", list(itertools.permutations(["info", "root", "child"])))
def test_whatever_comes_first_the_trace_ends_the_same(
    actor: Actor, experiment: Experiment, order: tuple[str, ...]
) -> None:
    doing = steps(actor, experiment)
    for name in order:
        doing[name]()
    trace = Trace.objects.get()
    assert (trace.state, trace.request_ms, trace.duration_ms, trace.span_count) == ("ERROR", 5, 7, 2)
    assert (trace.request_preview, trace.response_preview, trace.client_request_id) == ("asked", "2", "c1")
    assert metadata()["mlflow.trace.session"] == "s1"
    assert {"mlflow.traceName": "n", "a": "b", "mlflow.trace.spansLocation": "TRACKING_STORE"}.items() <= tags().items()


def test_spans_of_another_process_join_the_trace_where_it_is(actor: Actor, experiment: Experiment) -> None:
    record_info(actor=actor, info=new_info(experiment))
    record_spans(actor=actor, experiment_id="0", spans=[new_span(2, parent=1)])
    assert (Trace.objects.get().experiment_id, Span.objects.count()) == (experiment.pk, 1)


def test_session_user_tokens_and_tags_are_read_off_the_spans(actor: Actor, experiment: Experiment) -> None:
    usage = {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}
    spans = [
        new_span(1, attributes={"session.id": "s", "user.id": "u", "mlflow.traceTag.team": "risk"}),
        new_span(2, parent=1, attributes={"mlflow.chat.tokenUsage": usage}),
        new_span(3, parent=1, attributes={"gen_ai.usage.input_tokens": 1, "gen_ai.usage.output_tokens": 1}),
    ]
    resources = {TRACE: {"service.name": "api", "telemetry.sdk.name": "x", "mlflow.trace.spansLocation": "ELSEWHERE"}}
    record_spans(actor=actor, experiment_id=experiment.pk, spans=spans, resources=resources)
    kept = metadata()
    assert (kept["mlflow.trace.session"], kept["mlflow.trace.user"]) == ("s", "u")
    assert orjson.loads(kept["mlflow.trace.tokenUsage"]) == {"input_tokens": 4, "output_tokens": 5, "total_tokens": 9}
    assert (tags()["team"], tags()["service.name"]) == ("risk", "api")
    assert "telemetry.sdk.name" not in tags()
    assert tags()["mlflow.trace.spansLocation"] == "TRACKING_STORE"


def test_a_run_that_is_named_gets_the_traces_and_who_sent_them(
    actor: Actor, experiment: Experiment, bot_actor: Actor
) -> None:
    run = create_run(actor=actor, experiment_id=experiment.pk)
    for _ in range(2):
        record_spans(actor=bot_actor, experiment_id=experiment.pk, spans=[new_span()], run_id=run.pk)
    assert list(TraceRun.objects.values_list("trace_id", "run_id")) == [(TRACE, run.pk)]
    assert list(RunWriter.objects.values_list("name", flat=True)) == ["bot"]


def test_a_run_that_is_not_there_or_deleted_is_ignored(actor: Actor, experiment: Experiment) -> None:
    run = create_run(actor=actor, experiment_id=experiment.pk)
    delete_run(actor=actor, run_id=run.pk)
    for run_id in ("nosuch", run.pk):
        record_spans(actor=actor, experiment_id=experiment.pk, spans=[new_span()], run_id=run_id)
    assert (Trace.objects.count(), TraceRun.objects.count()) == (1, 0)


@pytest.mark.parametrize(
    "fields",
    [
        {"span_id": "zz"},
        {"span_id": "AB" * 8},
        {"parent_id": "1"},
        {"parent_id": f"{1:016x}"},
        {"start_ns": -1},
        {"start_ns": 2**63},
        {"end_ns": 2**63},
        {"trace": "a/b"},
        {"trace": ""},
        {"trace": "x" * 51},
    ],
)
def test_a_span_that_cannot_be_kept_refuses_all(actor: Actor, experiment: Experiment, fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        record_spans(actor=actor, experiment_id=experiment.pk, spans=[new_span(9), new_span(1, **fields)])
    assert (Trace.objects.count(), Span.objects.count()) == (0, 0)


def test_an_experiment_must_be_there_and_active(actor: Actor, experiment: Experiment) -> None:
    with pytest.raises(NotFound):
        record_spans(actor=actor, experiment_id="999999", spans=[new_span()])
    with pytest.raises(InvalidInput):
        record_spans(actor=actor, experiment_id="many", spans=[new_span()])
    delete_experiment(actor=actor, experiment_id=experiment.pk)
    with pytest.raises(InvalidInput):
        record_spans(actor=actor, experiment_id=experiment.pk, spans=[new_span()])
    assert Trace.objects.count() == 0


def test_a_trace_grows_to_its_limit_and_no_further(actor: Actor, experiment: Experiment, settings: Any) -> None:
    record_spans(actor=actor, experiment_id=experiment.pk, spans=[new_span(1, attributes={"a": "x" * 600})])
    settings.MAX_TRACE_BYTES = 1000
    with pytest.raises(TooLarge, match="CUSTODY_MAX_TRACE_BYTES"):
        record_spans(actor=actor, experiment_id=experiment.pk, spans=[new_span(2, attributes={"a": "x" * 600})])
    assert (Span.objects.count(), Trace.objects.get().span_count) == (1, 1)
    record_spans(actor=actor, experiment_id=experiment.pk, spans=[new_span(1, attributes={"a": "y" * 700})])
    assert Trace.objects.get().size == Span.objects.get().size


def test_texts_that_a_database_cannot_hold_are_kept_without_what_it_cannot(
    actor: Actor, experiment: Experiment
) -> None:
    span = new_span(1, name="a\x00b", attributes={"k": "nul \x00 and \\u0000", "mlflow.spanInputs": "\x00"})
    record_spans(actor=actor, experiment_id=experiment.pk, spans=[span])
    row = Span.objects.get()
    assert row.name == "a\N{REPLACEMENT CHARACTER}b"
    kept = orjson.loads(row.content)["attributes"]["k"]["string_value"]
    assert kept == "nul \N{REPLACEMENT CHARACTER} and \\u0000"


@pytest.mark.parametrize("count", [1, 40])
def test_the_number_of_statements_does_not_grow(
    actor: Actor, experiment: Experiment, django_assert_max_num_queries: Any, count: int
) -> None:
    spans = [new_span(number, trace=f"tr-{number % 4:032x}") for number in range(1, count + 1)]
    with django_assert_max_num_queries(11):
        record_spans(actor=actor, experiment_id=experiment.pk, spans=spans)
