"""Reads the protocol's messages into traces and assessments."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

import orjson

from core.errors import InvalidInput
from core.times import to_ms
from mlflow_api.parse import Params
from traces.limits import quoted
from traces.models import AssessmentKind, SourceType, TraceState
from traces.services.assessments import AssessmentChange, AssessmentData
from traces.services.infos import TraceInfo

STATES = {"STATE_UNSPECIFIED": 0, "OK": 1, "ERROR": 2, "IN_PROGRESS": 3}
_SOURCES = {"SOURCE_TYPE_UNSPECIFIED": 0, "HUMAN": 1, "LLM_JUDGE": 2, "CODE": 3}
# The name that older clients use for a judge.
_OLD_SOURCES = {"AI_JUDGE": SourceType.LLM_JUDGE.value}
_DURATION = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,9}))?s")
_FORMAT = "JSON_FORMAT"


def trace_info(q: Params) -> TraceInfo:
    """Return the information of a trace. Raises InvalidInput for a missing field or an invalid value."""
    duration = q.text("execution_duration")
    return TraceInfo(
        trace_id=q.need("trace_id"),
        experiment_id=experiment_of(q.message("trace_location")),
        request_ms=milliseconds(q.need("request_time"), field="request_time"),
        duration_ms=_duration(duration) if duration else None,
        state=chosen(q, "state", STATES) or TraceState.UNSPECIFIED.value,
        request_preview=optional(q, "request_preview"),
        response_preview=optional(q, "response_preview"),
        client_request_id=optional(q, "client_request_id"),
        metadata=q.mapping("trace_metadata"),
        tags=q.mapping("tags"),
        assessments=tuple(assessment(item) for item in q.items("assessments")),
    )


def experiment_of(location: Params) -> str:
    """Return the experiment that a location names. Raises InvalidInput: it is not an experiment."""
    if not location.has("mlflow_experiment"):
        raise InvalidInput("The location of a trace must be an MLflow experiment.")
    return location.message("mlflow_experiment").need("experiment_id")


def optional(q: Params, name: str) -> str | None:
    """Return a text field, None where it is absent."""
    return q.text(name) if q.has(name) else None


def chosen(q: Params, name: str, values: Mapping[str, int]) -> str:
    """Return the name of an enum field, "" where it is absent. Raises InvalidInput: a value that is not in the enum."""
    value = q.choice(name, values)
    if not value and q.has(name):
        allowed = ", ".join(values)
        raise InvalidInput(
            f"Invalid value {quoted(str(q.json(name)))} for parameter '{name}': it must be one of {allowed}."
        )
    return value


def milliseconds(text: str, *, field: str) -> int:
    """Return a time of RFC 3339 as milliseconds since 1970. Raises InvalidInput."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput(
            f"Invalid value {quoted(text)} for parameter '{field}': it must be a time of RFC 3339."
        ) from error
    return to_ms(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _duration(text: str) -> int:
    """Return a duration such as "0.183s" in milliseconds. Raises InvalidInput."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise InvalidInput(
            f"Invalid value {quoted(text)} for parameter 'execution_duration': it must be seconds, as '0.183s'."
        )
    return int(match[1]) * 1000 + int((match[2] or "0").ljust(9, "0")) // 1_000_000


def assessment(q: Params, *, kind_only: bool = False) -> AssessmentData:
    """Return an assessment; with ``kind_only`` only its kind and value are read. Raises InvalidInput."""
    kind = _kind(q)
    value, error, is_serialized = _feedback(q) if kind is AssessmentKind.FEEDBACK else _expectation(q)
    if kind_only:
        return AssessmentData(kind=kind, name="", value=value, error=error, is_serialized=is_serialized)
    source = q.message("source")
    old = _OLD_SOURCES.get(str(source.json("source_type")), "")
    return AssessmentData(
        kind=kind,
        name=q.need("assessment_name"),
        value=value,
        error=error,
        is_serialized=is_serialized,
        source_type=old or chosen(source, "source_type", _SOURCES) or SourceType.UNSPECIFIED.value,
        source_id=source.text("source_id"),
        rationale=optional(q, "rationale"),
        metadata=q.mapping("metadata"),
        span_id=q.text("span_id"),
        overrides=q.text("overrides"),
        valid=q.boolean("valid", default=True),
        created_ms=_moment(q, "create_time"),
        updated_ms=_moment(q, "last_update_time"),
        assessment_id=q.text("assessment_id"),
    )


def _moment(q: Params, name: str) -> int | None:
    return milliseconds(q.need(name), field=name) if q.has(name) else None


def _kind(q: Params) -> AssessmentKind:
    if q.has("issue"):
        raise InvalidInput("This server does not store issues: log feedback with a rationale instead.")
    kinds = [kind for kind in AssessmentKind if q.has(kind.value)]
    if len(kinds) != 1:
        raise InvalidInput("Exactly one of `expectation` or `feedback` should be specified.")
    return kinds[0]


def _feedback(q: Params) -> tuple[object, dict[str, str] | None, bool]:
    message = q.message("feedback")
    error = message.message("error")
    names = ("error_code", "error_message", "stack_trace")
    facts = {name: error.text(name) for name in names if error.has(name)} if message.has("error") else None
    return message.json("value"), facts, False


def _expectation(q: Params) -> tuple[object, None, bool]:
    message = q.message("expectation")
    if not message.has("serialized_value"):
        return message.json("value"), None, False
    serialized = message.message("serialized_value")
    if serialized.text("serialization_format") != _FORMAT:
        raise InvalidInput(f"A serialized value must have the serialization_format {_FORMAT}.")
    try:
        return orjson.loads(serialized.need("value")), None, True
    except orjson.JSONDecodeError as error:
        raise InvalidInput(f"The serialized value of the expectation is no JSON: {error}.") from error


def assessment_change(q: Params) -> AssessmentChange:
    """Return the changes of an update: the fields that its mask names.

    Raises InvalidInput: no mask, or an unknown field.
    """
    mask = {_snake(path) for path in q.need("update_mask").split(",") if path.strip()}
    body = q.message("assessment")
    unknown = mask - {"assessment_name", "feedback", "expectation", "rationale", "metadata"}
    if unknown or not mask:
        raise InvalidInput(
            f"Cannot update {', '.join(sorted(unknown)) or 'nothing'} of an assessment: update_mask may name "
            "assessment_name, feedback, expectation, rationale and metadata."
        )
    return AssessmentChange(
        name=body.text("assessment_name") if "assessment_name" in mask else None,
        value=assessment(body, kind_only=True) if mask & {"feedback", "expectation"} else None,
        rationale=body.text("rationale") if "rationale" in mask else None,
        metadata=body.mapping("metadata") if "metadata" in mask else None,
    )


def _snake(path: str) -> str:
    return re.sub(r"[A-Z]", lambda letter: f"_{letter[0].lower()}", path.strip())
