"""POST 3.0 traces: what comes back, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from audit.models import Event
from tests.mlflow_api.traces.conftest import TRACE, Call3, counts, feedback, info

pytestmark = pytest.mark.django_db


def test_a_trace_comes_back_as_it_was_sent(call3: Call3) -> None:
    sent = info(
        client_request_id="c1",
        response_preview="answered",
        assessments=[feedback(rationale="why", metadata={"k": "v"})],
    )
    status, answer = call3("POST", "traces", trace={"trace_info": sent})
    assert status == 200, answer
    got = answer["trace"]["trace_info"]
    (said,) = got.pop("assessments")
    assert said.pop("assessment_id").startswith("a-")
    assert said == feedback(
        rationale="why", metadata={"k": "v"}, valid=True,
    )  # fmt: skip
    sent.pop("assessments")
    location = {"mlflow.artifactLocation": f"mlflow-artifacts:/0/traces/{TRACE}/artifacts"}
    assert got == sent | {"tags": sent["tags"] | location}
    assert call3("GET", f"traces/{TRACE}")[1]["trace"]["trace_info"].keys() == {*got, "assessments"}


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("1s", "1s"), ("0.0005s", "0s"), ("12.5s", "12.500s"), ("0.123456789s", "0.123s")],
)
def test_a_duration_is_kept_in_milliseconds(call3: Call3, sent: str, kept: str) -> None:
    answer = call3("POST", "traces", trace={"trace_info": info(execution_duration=sent)})[1]
    assert answer["trace"]["trace_info"]["execution_duration"] == kept


@pytest.mark.parametrize(
    "time", ["2026-11-29T07:00:00.123Z", "2026-11-29T07:00:00.123456789Z", "2026-11-29T08:00:00.123+01:00"]
)
def test_times_of_every_precision_are_read(call3: Call3, time: str) -> None:
    answer = call3("POST", "traces", trace={"trace_info": info(request_time=time)})[1]
    assert answer["trace"]["trace_info"]["request_time"] == "2026-11-29T07:00:00.123Z"


def test_camel_case_and_numbers_of_enums_are_read(call3: Call3) -> None:
    sent = {
        "traceId": TRACE,
        "traceLocation": {"mlflowExperiment": {"experimentId": "0"}},
        "requestTime": "2026-11-29T07:00:00Z",
        "state": 2,
    }
    status, answer = call3("POST", "traces", trace={"traceInfo": sent})
    assert (status, answer["trace"]["trace_info"]["state"]) == (200, "ERROR")


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"trace_id": None}, 400, "INVALID_PARAMETER_VALUE"),
        ({"trace_id": ""}, 400, "INVALID_PARAMETER_VALUE"),
        ({"trace_id": "../x"}, 400, "INVALID_PARAMETER_VALUE"),
        ({"trace_location": None}, 400, "INVALID_PARAMETER_VALUE"),
        ({"trace_location": {"uc_schema": {}}}, 400, "INVALID_PARAMETER_VALUE"),
        ({"trace_location": {"mlflow_experiment": {"experiment_id": "77"}}}, 404, "RESOURCE_DOES_NOT_EXIST"),
        ({"trace_location": {"mlflow_experiment": {"experiment_id": "x"}}}, 400, "INVALID_PARAMETER_VALUE"),
        ({"request_time": "yesterday"}, 400, "INVALID_PARAMETER_VALUE"),
        ({"request_time": "1969-12-31T00:00:00Z"}, 400, "INVALID_PARAMETER_VALUE"),
        ({"request_time": 5}, 400, "INVALID_PARAMETER_VALUE"),
        ({"execution_duration": "-1s"}, 400, "INVALID_PARAMETER_VALUE"),
        ({"execution_duration": "999999999999s"}, 400, "INVALID_PARAMETER_VALUE"),
        ({"execution_duration": 183}, 400, "INVALID_PARAMETER_VALUE"),
        ({"state": "FINE"}, 400, "INVALID_PARAMETER_VALUE"),
        ({"state": 9}, 400, "INVALID_PARAMETER_VALUE"),
        ({"tags": []}, 400, "INVALID_PARAMETER_VALUE"),
        ({"tags": {"a": 1}}, 400, "INVALID_PARAMETER_VALUE"),
        ({"trace_metadata": {"a": None, "b": {"c": 1}}}, 400, "INVALID_PARAMETER_VALUE"),
        ({"tags": {str(number): "" for number in range(1001)}}, 413, "INVALID_PARAMETER_VALUE"),
        ({"assessments": [feedback(feedback=None)]}, 400, "INVALID_PARAMETER_VALUE"),
        ({"assessments": [{}]}, 400, "INVALID_PARAMETER_VALUE"),
    ],
)
def test_what_cannot_be_kept_is_refused_and_leaves_nothing(
    call3: Call3, fields: dict[str, Any], status: int, code: str
) -> None:
    before = Event.objects.count()
    got, answer = call3("POST", "traces", trace={"trace_info": info(**fields)})
    assert (got, answer["error_code"]) == (status, code), answer
    assert (counts(), Event.objects.count()) == ((0, 0, 0), before)


def test_the_trace_must_be_there(call3: Call3) -> None:
    bodies: list[dict[str, Any]] = [{}, {"trace": {}}, {"trace": {"trace_info": {}}}]
    for body in bodies:
        status, answer = call3("POST", "traces", **body)
        assert (status, answer["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
