"""Reads traces, their spans and assessments from the tables of an mlflow SQL database."""

from __future__ import annotations

from collections.abc import Iterator

from importing.sources.base import SourceTrace
from importing.sources.tables import Tables
from importing.sources.trace_rows import assessment_of_row, trace_of_row
from traces.models import AssessmentKind
from traces.services.assessments import AssessmentData


def traces_of(database: Tables, experiment_id: str) -> Iterator[SourceTrace]:
    """Yield all traces of an experiment with tags, metadata and assessments, the oldest first. Raises SourceError."""
    if not database.has("trace_info"):
        return
    sql = "SELECT * FROM trace_info WHERE experiment_id = ? ORDER BY timestamp_ms, request_id"
    for row in database.rows(sql, int(experiment_id)):
        trace_id = row["request_id"]
        yield trace_of_row(
            row,
            database.pairs("SELECT key, value FROM trace_tags WHERE request_id = ?", trace_id),
            database.pairs("SELECT key, value FROM trace_request_metadata WHERE request_id = ?", trace_id),
            list(_assessments_of(database, trace_id)),
        )


def _assessments_of(database: Tables, trace_id: str) -> Iterator[AssessmentData]:
    if database.has("assessments"):
        sql = "SELECT * FROM assessments WHERE trace_id = ? ORDER BY created_timestamp, assessment_id"
        for row in database.all_rows(sql, trace_id):
            if row["assessment_type"] in set(AssessmentKind):  # Custody does not store issues
                yield assessment_of_row(row)


def spans_of(database: Tables, trace_id: str) -> bytes:
    """Return the spans of a trace as a JSON object, b"" where they are in a file. Raises SourceError."""
    if not database.has("spans"):
        return b""
    sql = "SELECT content FROM spans WHERE trace_id = ? ORDER BY start_time_unix_nano, span_id"
    contents = ",".join(row["content"] for row in database.all_rows(sql, trace_id))
    return f'{{"spans":[{contents}]}}'.encode() if contents else b""
