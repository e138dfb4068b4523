"""The information of a trace: what is kept, what is cut, what is refused, and that a second one updates."""

from __future__ import annotations

from typing import Any

import pytest

from core.actors import Actor
from core.errors import DomainError, InvalidInput, NotFound, TooLarge
from tests.traces.conftest import TRACE, actions, new_info
from traces.models import Assessment, AssessmentKind, Trace, TraceMetadata, TraceTag
from traces.services.assessments import AssessmentData
from traces.services.infos import end_trace, record_info, start_trace
from tracking.models import Experiment
from tracking.services.experiments import create_experiment, delete_experiment

pytestmark = pytest.mark.django_db
SAID = AssessmentData(kind=AssessmentKind.FEEDBACK, name="good", value=True, created_ms=5, source_type="CODE")


def test_a_second_info_updates_and_keeps_what_it_does_not_say(actor: Actor, experiment: Experiment) -> None:
    first = new_info(
        experiment, duration_ms=3, request_preview="a", response_preview="b", client_request_id="c",
        tags={"a": "1", "b": "1"}, metadata={"m": "1"},
    )  # fmt: skip
    record_info(actor=actor, info=first)
    record_info(actor=actor, info=new_info(experiment, request_ms=9, tags={"b": "2"}, metadata={"n": "2"}))
    trace = Trace.objects.get()
    assert (trace.request_ms, trace.duration_ms, trace.request_preview, trace.response_preview) == (9, 3, "a", "b")
    tags = dict(TraceTag.objects.values_list("key", "value"))
    assert {key: tags[key] for key in "ab"} == {"a": "1", "b": "2"}
    assert dict(TraceMetadata.objects.values_list("key", "value")) == {"m": "1", "n": "2"}
    assert actions() == []


@pytest.mark.parametrize("later", ["IN_PROGRESS", "STATE_UNSPECIFIED"])
def test_a_trace_that_has_ended_does_not_begin_again(actor: Actor, experiment: Experiment, later: str) -> None:
    for state in ("ERROR", later):
        record_info(actor=actor, info=new_info(experiment, state=state))
    assert Trace.objects.get().state == "ERROR"


def test_tags_that_the_server_sets_are_not_taken_from_a_client(actor: Actor, experiment: Experiment) -> None:
    copied = {"mlflow.trace.spansLocation": "TRACKING_STORE", "mlflow.artifactLocation": "s3://elsewhere"}
    record_info(actor=actor, info=new_info(experiment, tags=copied))
    tags = dict(TraceTag.objects.values_list("key", "value"))
    assert tags == {"mlflow.artifactLocation": f"mlflow-artifacts:/{experiment.pk}/traces/{TRACE}/artifacts"}


def test_long_values_are_cut(actor: Actor, experiment: Experiment) -> None:
    info = new_info(experiment, tags={"t": "x" * 9000}, metadata={"m": "x" * 9000}, request_preview="x" * 20_000)
    record_info(actor=actor, info=info)
    assert len(TraceTag.objects.get(key="t").value) == len(TraceMetadata.objects.get().value) == 8000
    assert len(Trace.objects.get().request_preview or "") == 10_000


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"trace_id": "a b"}, InvalidInput),
        ({"request_ms": -1}, InvalidInput),
        ({"request_ms": 2**60}, InvalidInput),
        ({"duration_ms": -1}, InvalidInput),
        ({"experiment_id": "99999"}, NotFound),
        ({"experiment_id": "x"}, InvalidInput),
        ({"tags": {"": "v"}}, InvalidInput),
        ({"tags": {"k" * 251: "v"}}, InvalidInput),
        ({"tags": {"k": "a\x00"}}, InvalidInput),
        ({"metadata": {"k\x00": "v"}}, InvalidInput),
        ({"tags": {str(number): "v" for number in range(1001)}}, TooLarge),
        ({"client_request_id": "x" * 251}, InvalidInput),
        ({"request_preview": "\x00"}, InvalidInput),
        ({"assessments": (AssessmentData(kind=AssessmentKind.EXPECTATION, name="n"),)}, InvalidInput),
    ],
)
def test_what_cannot_be_kept_leaves_nothing_behind(
    actor: Actor, experiment: Experiment, fields: dict[str, Any], error: type[DomainError]
) -> None:
    with pytest.raises(error):
        record_info(actor=actor, info=new_info(experiment, **fields))
    assert (Trace.objects.count(), TraceTag.objects.count(), actions()) == (0, 0, [])


def test_a_deleted_experiment_takes_no_trace(actor: Actor, experiment: Experiment) -> None:
    delete_experiment(actor=actor, experiment_id=experiment.pk)
    with pytest.raises(InvalidInput):
        record_info(actor=actor, info=new_info(experiment))
    assert Trace.objects.count() == 0


def test_a_trace_that_was_sent_stays_in_its_experiment(actor: Actor, experiment: Experiment) -> None:
    record_info(actor=actor, info=new_info(experiment))
    other = create_experiment(actor=actor, name="other")
    with pytest.raises(InvalidInput, match="belongs to experiment"):
        record_info(actor=actor, info=new_info(other, state="ERROR"))
    trace = Trace.objects.get()
    assert (trace.experiment_id, trace.state) == (experiment.pk, "OK")


def test_assessments_that_come_with_a_trace_are_added_once(actor: Actor, experiment: Experiment) -> None:
    info = new_info(experiment, assessments=(SAID,))
    for _ in range(2):
        record_info(actor=actor, info=info)
    assert Assessment.objects.get().value == "true"
    known = AssessmentData(kind=AssessmentKind.FEEDBACK, name="good", value=False, assessment_id="a-1")
    for value in (known, known):
        record_info(actor=actor, info=new_info(experiment, assessments=(value,)))
    assert Assessment.objects.get(assessment_id="a-1").value == "false"
    assert Assessment.objects.count() == 2


def test_mlflow_2_begins_and_ends_a_trace(actor: Actor, experiment: Experiment) -> None:
    begun = start_trace(
        actor=actor, experiment_id=str(experiment.pk), timestamp_ms=100, metadata={"m": "1"}, tags={"t": "1"}
    )
    assert (begun.state, len(begun.pk)) == ("IN_PROGRESS", 32)
    end_trace(actor=actor, trace_id=begun.pk, timestamp_ms=150, state="OK", metadata={"n": "2"}, tags={"t": "2"})
    trace = Trace.objects.get()
    assert (trace.state, trace.duration_ms) == ("OK", 50)
    assert dict(TraceMetadata.objects.values_list("key", "value")) == {"m": "1", "n": "2"}
    assert TraceTag.objects.get(key="t").value == "2"


def test_a_clock_that_goes_backwards_makes_no_negative_duration(actor: Actor, experiment: Experiment) -> None:
    begun = start_trace(actor=actor, experiment_id=str(experiment.pk), timestamp_ms=100, metadata={}, tags={})
    end_trace(actor=actor, trace_id=begun.pk, timestamp_ms=50, state="OK", metadata={}, tags={})
    assert Trace.objects.get().duration_ms == 0


def test_a_trace_that_is_not_there_cannot_end(actor: Actor) -> None:
    with pytest.raises(NotFound):
        end_trace(actor=actor, trace_id="nosuch", timestamp_ms=50, state="OK", metadata={}, tags={})
