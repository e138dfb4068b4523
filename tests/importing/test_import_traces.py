"""Traces come with their spans and assessments, once."""

from __future__ import annotations

import json

import pytest

from importing.sources.trace_rows import trace_of_json
from tests.importing.conftest import Bring
from tests.importing.old_database import BEGAN, RUN, OldDatabase
from traces.models import Assessment, Span, Trace

TRACE = "tr-" + "ab" * 16
TABLES = """
CREATE TABLE trace_info (request_id TEXT, experiment_id INTEGER, timestamp_ms BIGINT, execution_time_ms BIGINT,
  status TEXT, client_request_id TEXT, request_preview TEXT, response_preview TEXT);
CREATE TABLE trace_tags (key TEXT, value TEXT, request_id TEXT);
CREATE TABLE trace_request_metadata (key TEXT, value TEXT, request_id TEXT);
CREATE TABLE assessments (assessment_id TEXT, trace_id TEXT, name TEXT, assessment_type TEXT, value TEXT, error TEXT,
  created_timestamp BIGINT, last_updated_timestamp BIGINT, source_type TEXT, source_id TEXT, span_id TEXT, rationale TEXT,
  overrides TEXT, valid BOOLEAN, assessment_metadata TEXT);
CREATE TABLE spans (trace_id TEXT, span_id TEXT, content TEXT, start_time_unix_nano BIGINT);
"""
SPAN = {
    "trace_id": "q" * 22 + "==",
    "span_id": "AAAAAAAAAAE=",
    "parent_span_id": None,
    "name": "answer",
    "start_time_unix_nano": BEGAN * 10**6,
    "end_time_unix_nano": (BEGAN + 5) * 10**6,
    "status": {"code": "STATUS_CODE_OK", "message": ""},
    "attributes": {"mlflow.spanInputs": '{"q": "hi"}'},
}


@pytest.fixture
def traced(old: OldDatabase) -> OldDatabase:
    for statement in TABLES.split(";\n"):
        old.change(statement) if statement.strip() else None
    for number, (trace, status) in enumerate([(TRACE, "OK"), ("tr-" + "cd" * 16, "IN_PROGRESS")]):
        old.add("trace_info", request_id=trace, experiment_id=1, timestamp_ms=BEGAN + number, execution_time_ms=5,
                status=status, request_preview="hi")  # fmt: skip
    old.add("trace_tags", request_id=TRACE, key="team", value="risk")
    old.add("trace_request_metadata", request_id=TRACE, key="mlflow.sourceRun", value=RUN)
    old.add("spans", trace_id=TRACE, span_id="1", content=json.dumps(SPAN), start_time_unix_nano=1)
    said = {"trace_id": TRACE, "created_timestamp": BEGAN, "last_updated_timestamp": BEGAN, "valid": True}
    old.add("assessments", assessment_id="a-1", name="ok", assessment_type="feedback", value="true", source_type="HUMAN",
            source_id="bea", rationale="good", assessment_metadata='{"k": "v"}', **said)  # fmt: skip
    old.add("assessments", assessment_id="a-2", name="want", assessment_type="expectation", value='{"a": [1]}',
            source_type="CODE", **said)  # fmt: skip
    return old


def test_a_trace_keeps_everything(traced: OldDatabase, bring: Bring) -> None:
    said = bring()
    trace = Trace.objects.get(pk=TRACE)
    assert (trace.state, trace.duration_ms, trace.request_ms, trace.request_preview) == ("OK", 5, BEGAN, "hi")
    assert trace.experiment.name == "churn"
    assert dict(trace.tags.values_list("key", "value"))["team"] == "risk"
    assert dict(trace.metadata.values_list("key", "value"))["mlflow.sourceRun"] == RUN
    span = Span.objects.get()
    assert (span.trace_id, span.name, span.parent_id) == (TRACE, "answer", "")
    rows = Assessment.objects.order_by("assessment_id").values_list("name", "kind", "value", "source_type", "source_id")
    assert [*rows] == [
        ("ok", "feedback", "true", "HUMAN", "bea"),
        ("want", "expectation", '{"a":[1]}', "CODE", ""),
    ]
    assert "traces: 2 imported" in said


def test_again_changes_nothing(traced: OldDatabase, bring: Bring) -> None:
    bring()
    assert "traces: 0 imported, 2 existed already" in bring()
    assert (Trace.objects.count(), Span.objects.count(), Assessment.objects.count()) == (2, 1, 2)


def test_spans_that_cannot_be_read_are_reported(traced: OldDatabase, bring: Bring) -> None:
    traced.change("UPDATE spans SET content = '{}'")
    assert "spans of traces:" in bring()
    assert (Trace.objects.count(), Span.objects.count()) == (2, 0)


def test_a_trace_of_the_api() -> None:
    item = {
        "trace_id": TRACE,
        "trace_location": {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "4"}},
        "request_time": "2026-11-29T11:23:44.024Z",
        "execution_duration": "0.542s",
        "state": "OK",
        "tags": {"mlflow.artifactLocation": "mlflow-artifacts:/4/traces/x/artifacts"},
        "assessments": [
            {
                "assessment_id": "a-1",
                "assessment_name": "want",
                "source": {"source_type": "HUMAN", "source_id": "default"},
                "create_time": "2026-11-29T11:23:44.588Z",
                "expectation": {"serialized_value": {"serialization_format": "JSON_FORMAT", "value": '{"a": [1]}'}},
            }
        ],
    }
    found = trace_of_json(item)
    assert (found.info.experiment_id, found.info.request_ms, found.info.duration_ms) == ("4", 1795951424024, 542)
    (assessment,) = found.info.assessments
    assert (assessment.value, assessment.is_serialized, assessment.created_ms) == ({"a": [1]}, True, 1795951424588)
    assert found.artifact_uri == "mlflow-artifacts:/4/traces/x/artifacts"
