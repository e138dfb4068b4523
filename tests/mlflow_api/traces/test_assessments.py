"""Assessments over the wire: feedback, expectations, errors, overriding, masks."""

from __future__ import annotations

from typing import Any

import pytest

from audit.models import Event
from tests.mlflow_api.conftest import Call
from tests.mlflow_api.traces.conftest import TRACE, Call3, counts, feedback

pytestmark = pytest.mark.django_db
ALL = f"traces/{TRACE}/assessments"


def add(call3: Call3, **fields: Any) -> dict[str, Any]:
    status, answer = call3("POST", ALL, assessment=feedback(**fields))
    assert status == 200, answer
    found: dict[str, Any] = answer["assessment"]
    return found


@pytest.mark.parametrize("value", [True, 0.5, 3, "yes", ["a", 1], {"a": "b"}])
def test_feedback_of_every_type_comes_back(call3: Call3, trace: str, value: object) -> None:
    made = add(call3, feedback={"value": value})
    assert made["feedback"] == {"value": value}
    assert call3("GET", f"{ALL}/{made['assessment_id']}") == (200, {"assessment": made})


def test_feedback_that_failed_keeps_its_error(call3: Call3, trace: str) -> None:
    error = {"error_code": "TIMEOUT", "error_message": "too slow", "stack_trace": "…"}
    assert add(call3, feedback={"error": error})["feedback"] == {"error": error}
    assert add(call3, feedback={"value": None})["feedback"] == {"value": None}


@pytest.mark.parametrize(
    "expectation",
    [{"value": "Paris"}, {"serialized_value": {"serialization_format": "JSON_FORMAT", "value": '{"a":[1,2]}'}}],
)
def test_an_expectation_comes_back_in_the_form_it_was_sent(
    call3: Call3, trace: str, expectation: dict[str, Any]
) -> None:
    assert add(call3, feedback=None, expectation=expectation)["expectation"] == expectation


def test_an_override_and_its_end(call3: Call3, trace: str) -> None:
    older = add(call3)
    newer = add(call3, feedback={"value": False}, overrides=older["assessment_id"])
    assert newer["overrides"] == older["assessment_id"]
    assert call3("GET", f"{ALL}/{older['assessment_id']}")[1]["assessment"]["valid"] is False
    for _ in range(2):  # deleting what is gone is no error
        assert call3("DELETE", f"{ALL}/{newer['assessment_id']}") == (200, {})
    assert call3("GET", f"{ALL}/{older['assessment_id']}")[1]["assessment"]["valid"] is True


@pytest.mark.parametrize(
    "mask", ["assessmentName,feedback,rationale,metadata", "assessment_name,feedback,rationale,metadata"]
)
def test_an_update_changes_what_its_mask_names(call3: Call3, trace: str, mask: str) -> None:
    made = add(call3, metadata={"a": "1"})
    body = {"assessment_name": "better", "feedback": {"value": 0.5}, "rationale": "r", "metadata": {"b": "2"}}
    status, answer = call3("PATCH", f"{ALL}/{made['assessment_id']}", assessment=body, update_mask=mask)
    got = answer["assessment"]
    assert (status, got["assessment_name"], got["feedback"], got["rationale"]) == (200, "better", {"value": 0.5}, "r")
    assert got["metadata"] == {"a": "1", "b": "2"}
    assert got["create_time"] == made["create_time"]


@pytest.mark.parametrize(
    "change",
    [
        {"assessment": {"feedback": {"value": 1}}},
        {"assessment": {}, "update_mask": ""},
        {"assessment": {}, "update_mask": ","},
        {"assessment": {}, "update_mask": "source"},
        {"assessment": {}, "update_mask": "feedback"},
        {"assessment": {"expectation": {"value": 1}}, "update_mask": "expectation"},
        {"assessment": {"assessment_name": ""}, "update_mask": "assessmentName"},
        {"assessment": {"metadata": {"a": 1}}, "update_mask": "metadata"},
        {"assessment": [], "update_mask": "feedback"},
    ],
)
def test_an_update_that_cannot_be_is_refused(call3: Call3, trace: str, change: dict[str, Any]) -> None:
    made = add(call3)
    before = Event.objects.count()
    status, answer = call3("PATCH", f"{ALL}/{made['assessment_id']}", **change)
    assert (status, answer["error_code"]) == (400, "INVALID_PARAMETER_VALUE"), answer
    assert call3("GET", f"{ALL}/{made['assessment_id']}")[1]["assessment"] == made
    assert Event.objects.count() == before


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"feedback": None}, 400),
        ({"feedback": None, "issue": {"issue_name": "x"}}, 400),
        ({"expectation": {"value": 1}}, 400),
        ({"feedback": None, "expectation": {"value": None}}, 400),
        ({"feedback": None, "expectation": {"serialized_value": {"value": "1"}}}, 400),
        (
            {
                "feedback": None,
                "expectation": {"serialized_value": {"serialization_format": "JSON_FORMAT", "value": "{"}},
            },
            400,
        ),
        ({"feedback": "yes"}, 400),
        ({"feedback": {"error": "x"}}, 400),
        ({"assessment_name": ""}, 400),
        ({"source": {"source_type": "GHOST"}}, 400),
        ({"source": "ada"}, 400),
        ({"create_time": "now"}, 400),
        ({"overrides": "a-none"}, 404),
        ({"trace_id": "tr-other"}, 400),
        ({"valid": "yes"}, 400),
        ({"rationale": "x" * 70_000}, 400),
    ],
)
def test_an_assessment_that_cannot_be_kept_leaves_nothing(
    call3: Call3, trace: str, fields: dict[str, Any], status: int
) -> None:
    before = Event.objects.count()
    got, answer = call3("POST", ALL, assessment=feedback(**fields))
    assert got == status, answer
    assert (counts(), Event.objects.count()) == ((1, 0, 0), before)


def test_what_is_not_there(call3: Call3, trace: str) -> None:
    assert call3("POST", ALL)[0] == 400
    assert call3("GET", f"{ALL}/a-none")[0] == 404
    assert call3("PATCH", f"{ALL}/a-none", assessment={"rationale": "r"}, update_mask="rationale")[0] == 404
    missing = "traces/nosuch/assessments"
    assert call3("POST", missing, assessment=feedback(trace_id="nosuch"))[0] == 404
    assert call3("DELETE", f"{missing}/a-none")[0] == 404


def test_mlflow_2_reaches_them_at_its_version(call: Call, trace: str) -> None:
    made = call("POST", ALL, assessment=feedback(source={"source_type": "AI_JUDGE"}))[1]["assessment"]
    assert made["source"]["source_type"] == "LLM_JUDGE"
    assert call("GET", f"traces/{TRACE}")[1]["trace"]["trace_info"]["assessments"] == [made]
