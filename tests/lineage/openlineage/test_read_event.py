"""Reading one event: what is repaired with a warning, and what is refused."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from core.errors import InvalidInput
from lineage.openlineage.events import read_event, run_uuid

EVENT: dict[str, Any] = {
    "eventTime": "2026-11-30T10:00:00Z",
    "eventType": "START",
    "run": {"runId": "0197e3c2-0000-7000-8000-000000000001"},
    "job": {"namespace": "dags", "name": "train"},
}


@pytest.mark.parametrize(
    ("changes", "warning"),
    [
        ({"job": {"namespace": "dags"}}, "the job has no name"),
        ({"run": {"runId": "run 7"}}, "runId 'run 7' is no UUID"),
        ({"run": {**EVENT["run"], "facets": 3}}, "the facets of run are no object"),
        ({"eventType": "BEGUN"}, "eventType 'BEGUN' is unknown: read as OTHER"),
        ({"eventTime": "2026-11-30T10:00:00"}, "eventTime has no time zone: read as UTC"),
    ],
)
def test_what_can_be_read_anyway_is_read_with_a_warning(changes: dict[str, Any], warning: str) -> None:
    assert read_event(EVENT).warnings == ()
    assert warning in read_event(EVENT | changes).warnings


def test_an_object_in_a_list_of_one_is_that_object() -> None:
    assert read_event(EVENT | {"job": [EVENT["job"]]}).job == ("dags", "train")


def test_a_run_of_another_name_has_the_same_id_each_time_and_another_for_each_job() -> None:
    first = run_uuid("run 7", ("dags", "train"))
    assert UUID(first).version == 5
    assert run_uuid("run 7", ("dags", "train")) == first != run_uuid("run 7", ("dags", "test"))
    assert run_uuid("", None) == ""


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ([], "An event is a JSON object"),
        (EVENT | {"more": float("nan")}, "The event is no JSON"),
        (EVENT | {"eventTime": "yesterday"}, "The event has no eventTime that can be read: 'yesterday'"),
        (EVENT | {"eventTime": "2026-02-30T10:00:00Z"}, "does not exist"),
        ({"eventTime": EVENT["eventTime"], "producer": "x"}, "neither a run with a runId, nor a job, nor a dataset"),
    ],
)
def test_what_is_no_event_is_refused(data: Any, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        read_event(data)
