"""Feedback and expectations: overriding, updating, deleting, and which of it is an event."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from audit.models import Event
from audit.sentences import describe
from core.actors import Actor
from core.errors import AlreadyExists, DomainError, InvalidInput, NotFound, TooLarge
from tests.signed_in import READER
from tests.traces.conftest import TRACE, actions, new_info
from traces.models import Assessment, AssessmentKind
from traces.services.assessments import (
    AssessmentChange,
    AssessmentData,
    create_assessment,
    delete_assessment,
    get_assessment,
    update_assessment,
)
from traces.services.infos import record_info
from tracking.models import Experiment

pytestmark = pytest.mark.django_db
FEEDBACK = AssessmentData(kind=AssessmentKind.FEEDBACK, name="good", value=True, source_type="HUMAN", source_id="ada")
EXPECTED = AssessmentData(kind=AssessmentKind.EXPECTATION, name="answer", value={"a": [1]}, is_serialized=True)


@pytest.fixture(autouse=True)
def trace(actor: Actor, experiment: Experiment) -> None:
    record_info(actor=actor, info=new_info(experiment))


def add(actor: Actor, data: AssessmentData = FEEDBACK, **fields: Any) -> Assessment:
    return create_assessment(actor=actor, trace_id=TRACE, data=replace(data, **fields))


def test_what_a_person_says_is_an_event(actor: Actor) -> None:
    row = add(actor, rationale="it is", metadata={"k": "v"})
    assert (row.value, row.number, row.valid, row.created_by) == ("true", None, True, "ada")
    assert actions() == ["traces.assessment.created"]
    assert describe(Event.objects.latest("pk")).startswith(f"ada created an assessment of trace {TRACE} (")


@pytest.mark.parametrize("source", ["CODE", "LLM_JUDGE", "SOURCE_TYPE_UNSPECIFIED"])
def test_what_code_and_judges_say_is_telemetry(actor: Actor, source: str) -> None:
    add(actor, source_type=source)
    assert (Assessment.objects.count(), actions()) == (1, [])


@pytest.mark.parametrize(
    ("value", "kept", "number"),
    [(0.7, "0.7", 0.7), (3, "3", 3.0), (False, "false", None), ("yes", '"yes"', None), (None, "null", None)],
)
def test_a_value_is_kept_as_json_and_as_a_number(actor: Actor, value: object, kept: str, number: float | None) -> None:
    row = add(actor, value=value)
    assert (row.value, row.number) == (kept, number)


def test_an_error_stands_for_a_value(actor: Actor) -> None:
    row = add(actor, value=None, error={"error_code": "E", "error_message": "m"})
    assert (row.value, row.error) == ("", {"error_code": "E", "error_message": "m"})


def test_an_override_makes_the_older_one_invalid_until_it_is_deleted(actor: Actor) -> None:
    older = add(actor)
    newer = add(actor, value=False, overrides=older.assessment_id)
    older.refresh_from_db()
    assert (older.valid, newer.valid) == (False, True)
    delete_assessment(actor=actor, trace_id=TRACE, assessment_id=newer.assessment_id)
    older.refresh_from_db()
    assert older.valid
    assert actions()[-1] == "traces.assessment.deleted"


def test_what_two_override_stays_invalid_when_one_of_them_goes(actor: Actor) -> None:
    older = add(actor)
    first, _second = (add(actor, overrides=older.assessment_id) for _ in range(2))
    delete_assessment(actor=actor, trace_id=TRACE, assessment_id=first.assessment_id)
    older.refresh_from_db()
    assert not older.valid


def test_an_update_changes_what_it_names_and_adds_metadata(actor: Actor) -> None:
    row = add(actor, metadata={"a": "1"}, rationale="old", created_ms=1, updated_ms=1)
    change = AssessmentChange(name="better", value=replace(FEEDBACK, value=0.5), metadata={"b": "2"})
    update_assessment(actor=actor, trace_id=TRACE, assessment_id=row.assessment_id, change=change)
    row.refresh_from_db()
    assert (row.name, row.value, row.number, row.rationale) == ("better", "0.5", 0.5, "old")
    assert (row.metadata, row.created_ms) == ({"a": "1", "b": "2"}, 1)
    assert row.updated_ms > 1
    assert actions()[-1] == "traces.assessment.updated"


def test_feedback_never_becomes_an_expectation(actor: Actor) -> None:
    row = add(actor)
    with pytest.raises(InvalidInput, match="Cannot update expectation"):
        update_assessment(
            actor=actor, trace_id=TRACE, assessment_id=row.assessment_id, change=AssessmentChange(value=EXPECTED)
        )
    row.refresh_from_db()
    assert (row.kind, row.value, actions()) == ("feedback", "true", ["traces.assessment.created"])


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"name": ""}, InvalidInput),
        ({"name": "x" * 251}, InvalidInput),
        ({"rationale": "\x00"}, InvalidInput),
        ({"value": "x" * 200_000}, TooLarge),
        ({"value": float("nan")}, InvalidInput),
        ({"metadata": {"k": "\x00"}}, InvalidInput),
        ({"source_id": "x" * 501}, InvalidInput),
        ({"overrides": "a-none"}, NotFound),
        ({"assessment_id": "a b"}, InvalidInput),
        ({"assessment_id": "a-1", "overrides": "a-1"}, InvalidInput),
        ({"created_ms": -1}, InvalidInput),
        ({"kind": AssessmentKind.EXPECTATION, "value": None}, InvalidInput),
    ],
)
def test_what_cannot_be_kept_leaves_nothing_behind(
    actor: Actor, fields: dict[str, Any], error: type[DomainError]
) -> None:
    with pytest.raises(error):
        add(actor, **fields)
    assert (Assessment.objects.count(), actions()) == (0, [])


def test_an_id_is_taken_once(actor: Actor) -> None:
    add(actor, assessment_id="a-1")
    with pytest.raises(AlreadyExists):
        add(actor, assessment_id="a-1")
    assert Assessment.objects.count() == 1


def test_what_is_not_there(actor: Actor) -> None:
    with pytest.raises(NotFound, match="Trace"):
        create_assessment(actor=actor, trace_id="nosuch", data=FEEDBACK)
    with pytest.raises(NotFound, match="Trace"):
        get_assessment(READER, "nosuch", "a-1")
    with pytest.raises(NotFound, match="Assessment"):
        get_assessment(READER, TRACE, "a-1")
    with pytest.raises(NotFound):
        delete_assessment(actor=actor, trace_id="nosuch", assessment_id="a-1")
    delete_assessment(actor=actor, trace_id=TRACE, assessment_id="a-1")
    assert actions() == []


def test_a_trace_has_so_many_assessments_and_no_more(actor: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("traces.services.assessments.MAX_ASSESSMENTS", 1)
    add(actor)
    with pytest.raises(TooLarge):
        add(actor)
    assert Assessment.objects.count() == 1
