"""Tags, links and deletion, at the versions of the API that clients use."""

from __future__ import annotations

from typing import Any

import pytest

from audit.models import Event
from tests.mlflow_api.conftest import Call
from tests.mlflow_api.traces.conftest import TRACE, Call3, counts, feedback, tags
from traces.models import TracePrompt, TraceRun

pytestmark = pytest.mark.django_db
Ask = Call | Call3


@pytest.fixture(params=["2.0", "3.0"])
def ask(request: pytest.FixtureRequest, call: Call, call3: Call3) -> Ask:
    return call if request.param == "2.0" else call3


def test_a_tag_is_set_and_deleted(ask: Ask, trace: str) -> None:
    assert ask("PATCH", f"traces/{trace}/tags", key="k", value="v") == (200, {})
    assert tags()["k"] == "v"
    assert ask("DELETE", f"traces/{trace}/tags", key="k") == (200, {})
    assert "k" not in tags()


@pytest.mark.parametrize(
    ("method", "path", "fields", "status"),
    [
        ("PATCH", "traces/nosuch/tags", {"key": "k", "value": "v"}, 404),
        ("PATCH", f"traces/{TRACE}/tags", {"value": "v"}, 400),
        ("PATCH", f"traces/{TRACE}/tags", {"key": "k", "value": 1}, 400),
        ("PATCH", f"traces/{TRACE}/tags", {"key": "mlflow.trace.spansLocation", "value": "TRACKING_STORE"}, 400),
        ("PATCH", f"traces/{TRACE}/tags", {"key": "k" * 251, "value": "v"}, 400),
        ("DELETE", f"traces/{TRACE}/tags", {"key": "nosuch"}, 404),
        ("DELETE", f"traces/{TRACE}/tags", {"key": "mlflow.artifactLocation"}, 400),
        ("POST", "traces/delete-traces", {}, 400),
        ("POST", "traces/delete-traces", {"experiment_id": "0"}, 400),
        ("POST", "traces/delete-traces", {"experiment_id": "0", "request_ids": []}, 400),
        ("POST", "traces/delete-traces", {"experiment_id": "x", "request_ids": [TRACE]}, 400),
        ("POST", "traces/delete-traces", {"experiment_id": "0", "max_timestamp_millis": 9**15, "max_traces": 0}, 400),
        (
            "POST",
            "traces/delete-traces",
            {"experiment_id": "0", "request_ids": [TRACE], "max_timestamp_millis": 1},
            400,
        ),
    ],
)
def test_a_change_that_is_refused_leaves_nothing(
    ask: Ask, trace: str, method: str, path: str, fields: dict[str, Any], status: int
) -> None:
    before, events = tags(), Event.objects.count()
    got, answer = ask(method, path, **fields)
    assert got == status, answer
    assert (tags(), counts(), Event.objects.count()) == (before, (1, 0, 0), events)


def test_traces_are_deleted_by_id_and_by_time(ask: Ask, call: Call, trace: str) -> None:
    managed = call("POST", "experiments/create", name="churn")[1]["experiment_id"]
    assert ask("POST", "traces/delete-traces", experiment_id="0", request_ids=["nosuch"]) == (
        200,
        {"traces_deleted": 0},
    )
    assert ask("POST", "traces/delete-traces", experiment_id=managed, max_timestamp_millis=1) == (
        200,
        {"traces_deleted": 0},
    )
    assert ask("POST", "traces/delete-traces", experiment_id="0", max_timestamp_millis=1)[0] == 403  # of anybody
    assert ask("POST", "traces/delete-traces", experiment_id="0", request_ids=[trace]) == (200, {"traces_deleted": 1})
    assert counts() == (0, 0, 0)


def test_traces_are_linked_to_a_run(call: Call, trace: str) -> None:
    run_id = call("POST", "runs/create", experiment_id="0", start_time=1)[1]["run"]["info"]["run_id"]
    assert call("POST", "traces/link-to-run", run_id=run_id, trace_ids=[trace, "nosuch"]) == (200, {})
    assert list(TraceRun.objects.values_list("trace_id", "run_id")) == [(trace, run_id)]
    many = [str(number) for number in range(101)]
    for fields, status in (({"trace_ids": many}, 413), ({}, 400), ({"trace_ids": [trace], "run_id": "x"}, 404)):
        assert call("POST", "traces/link-to-run", **{"run_id": run_id} | fields)[0] == status
    assert TraceRun.objects.count() == 1


def test_prompts_are_linked_to_a_trace(call: Call, trace: str) -> None:
    used = [{"name": "greeting", "version": "3"}]
    assert call("POST", "traces/link-prompts", trace_id=trace, prompt_versions=used) == (200, {})
    wrong: list[dict[str, Any]] = [{"name": "x", "version": "latest"}, {"name": "x", "version": 0}, {"version": 1}]
    for one in wrong:
        assert call("POST", "traces/link-prompts", trace_id=trace, prompt_versions=[one])[0] == 400
    assert call("POST", "traces/link-prompts", trace_id="nosuch", prompt_versions=used)[0] == 404
    assert TracePrompt.objects.count() == 1


def test_the_older_version_deletes_an_assessment(call: Call, call3: Call3, trace: str) -> None:
    said = {"assessment": feedback()}
    made = call3("POST", f"traces/{trace}/assessments", **said)[1]["assessment"]
    assert call("DELETE", f"traces/{trace}/assessments/{made['assessment_id']}") == (200, {})
    assert call3("GET", f"traces/{trace}/assessments/{made['assessment_id']}")[0] == 404
