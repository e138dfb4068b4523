"""Assessments: feedback on a trace and expectations of it, by people, judges and code.

An assessment by a person, and every later change or deletion, is an event. Assessments by code and judges are telemetry
like the trace itself.
"""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from audit.actions import Action
from audit.services import record
from core.actors import Actor
from core.errors import AlreadyExists, InvalidInput, NotFound, TooLarge
from core.times import now_ms
from traces.limits import (
    MAX_ASSESSMENT_BYTES,
    MAX_ASSESSMENTS,
    MAX_KEY,
    checked_pairs,
    checked_time,
    checked_trace_id,
    quoted,
)
from traces.models import Assessment, AssessmentKind, SourceType, Trace
from traces.permissions import may_read_trace, require_assessment, trace_not_found
from traces.services.rows import lock_trace
from tracking.limits import checked_text
from tracking.permissions.runs import Change

_MAX_RATIONALE = 65_535
_MAX_SOURCE = 500
_MAX_ID = 50


@dataclass(frozen=True, slots=True)
class AssessmentData:
    """An assessment as a client sends it.

    ``value`` is any JSON value; ``assessment_id`` is "" where the server makes it.
    """

    kind: AssessmentKind
    name: str
    value: object = None
    error: Mapping[str, str] | None = None
    is_serialized: bool = False
    source_type: str = SourceType.UNSPECIFIED.value
    source_id: str = ""
    rationale: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    span_id: str = ""
    overrides: str = ""
    valid: bool = True
    created_ms: int | None = None
    updated_ms: int | None = None
    assessment_id: str = ""


@dataclass(frozen=True, slots=True)
class AssessmentChange:
    """A change of an assessment; a field that is None is not changed. ``value`` is a new feedback or expectation."""

    name: str | None = None
    value: AssessmentData | None = None
    rationale: str | None = None
    metadata: Mapping[str, str] | None = None


@transaction.atomic
def create_assessment(*, actor: Actor, trace_id: str, data: AssessmentData) -> Assessment:
    """Add an assessment to a trace and return it; an older one that it overrides becomes invalid.

    Raises NotFound: no such trace, or no such assessment to override. Raises AlreadyExists: the id is taken. Raises
    Denied: the actor may not change the assessment to override. Raises InvalidInput: a value cannot be stored.
    Raises TooLarge: the value takes more than 100000 bytes, or the trace has 1000 assessments.
    """
    trace = lock_trace(actor, trace_id, action=Action.TRACES_ASSESSMENT_CREATED, change=None)
    if data.assessment_id and _of(trace).filter(assessment_id=data.assessment_id).exists():
        raise AlreadyExists(f"Trace {trace.pk} has an assessment with ID {quoted(data.assessment_id)} already.")
    return _add(actor, trace, data)


def store_assessments(*, actor: Actor, trace: Trace, assessments: Sequence[AssessmentData]) -> None:
    """Add the assessments that came with a trace, in the caller's transaction.

    A repeated request adds nothing twice: an assessment with the id of a stored one replaces it, and one without an id
    is skipped where an equal one is stored. Raises Denied, InvalidInput, NotFound, TooLarge.
    """
    if not assessments:
        return
    stored = list(_of(trace))
    by_id = {row.assessment_id: row for row in stored}
    for data in assessments:
        if row := by_id.get(data.assessment_id):
            require_assessment(actor, trace, row, Change.EVIDENCE, Action.TRACES_ASSESSMENT_UPDATED)
            _fill(row, data)
            row.save()
        elif data.assessment_id or not any(_is_same(row, data) for row in stored):
            _add(actor, trace, data)


def _of(trace: Trace) -> Any:
    return Assessment.objects.filter(trace=trace)


def _is_same(row: Assessment, data: AssessmentData) -> bool:
    """Return whether a row was stored when this assessment without an id was sent before."""
    sent = (data.kind, data.name, _json(data), data.source_type, data.source_id, data.span_id, data.created_ms)
    return sent == (row.kind, row.name, row.value, row.source_type, row.source_id, row.span_id, row.created_ms)


def _add(actor: Actor, trace: Trace, data: AssessmentData) -> Assessment:
    if _of(trace).count() >= MAX_ASSESSMENTS:
        raise TooLarge(f"A trace can have at most {MAX_ASSESSMENTS} assessments.")
    row = Assessment(trace=trace, assessment_id=data.assessment_id or f"a-{uuid.uuid4().hex}", created_by=actor.name)
    _fill(row, data)
    older = _of(trace).filter(assessment_id=row.overrides).first() if row.overrides else None
    if older is not None:
        require_assessment(actor, trace, older, Change.EVIDENCE, Action.TRACES_ASSESSMENT_UPDATED)
        _of(trace).filter(pk=older.pk).update(valid=False)
    elif row.overrides:
        raise NotFound(f"Assessment with ID {quoted(row.overrides)} not found for trace {quoted(trace.pk)}")
    row.save()
    if row.source_type == SourceType.HUMAN:
        record(actor=actor, action=Action.TRACES_ASSESSMENT_CREATED, obj=trace, after=assessment_facts(row))
    return row


def _fill(row: Assessment, data: AssessmentData) -> None:
    """Write an assessment into its row. Raises InvalidInput, TooLarge: it cannot be stored."""
    now = now_ms()
    if data.assessment_id:
        checked_trace_id(data.assessment_id)
    row.kind, row.name = data.kind, _checked_name(data.name)
    _set_value(row, data)
    row.rationale = data.rationale if data.rationale is None else _checked_rationale(data.rationale)
    row.metadata = checked_pairs(data.metadata, field="metadata")
    row.source_type = SourceType(data.source_type)
    row.source_id = checked_text(data.source_id, field="source_id", limit=_MAX_SOURCE)
    row.span_id = checked_text(data.span_id, field="span_id", limit=_MAX_ID)
    row.overrides = checked_text(data.overrides, field="overrides", limit=_MAX_ID)
    row.valid = data.valid
    row.created_ms = now if data.created_ms is None else checked_time(data.created_ms, field="create_time")
    row.updated_ms = now if data.updated_ms is None else checked_time(data.updated_ms, field="last_update_time")
    if row.overrides and row.overrides == row.assessment_id:
        raise InvalidInput("An assessment cannot override itself.")


def _checked_name(name: str) -> str:
    if not name:
        raise InvalidInput("Missing value for required parameter 'assessment_name'.")
    return checked_text(name, field="assessment_name", limit=MAX_KEY)


def _checked_rationale(text: str) -> str:
    return checked_text(text, field="rationale", limit=_MAX_RATIONALE)


def _set_value(row: Assessment, data: AssessmentData) -> None:
    row.value = _json(data)
    row.error = None if data.error is None else checked_pairs(data.error, field="error")
    row.is_serialized = data.is_serialized
    number = data.value
    is_number = isinstance(number, int | float) and not isinstance(number, bool)
    row.number = float(number) if is_number and math.isfinite(number) else None  # type: ignore[arg-type]  # it is one
    if len(row.value.encode()) > MAX_ASSESSMENT_BYTES:
        raise TooLarge(f"The value of an assessment may take at most {MAX_ASSESSMENT_BYTES} bytes of JSON.")


def _json(data: AssessmentData) -> str:
    """Return the JSON of the value, "" for feedback that holds an error and no value.

    Raises InvalidInput: an expectation has no value, or the value holds NaN or an infinity.
    """
    if data.value is None and data.error is not None:
        return ""
    if data.value is None and data.kind == AssessmentKind.EXPECTATION:
        raise InvalidInput("The `value` field of an expectation must be specified.")
    try:
        return json.dumps(data.value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError as error:
        raise InvalidInput("The value of an assessment must be JSON, which has no NaN and no infinity.") from error


def get_assessment(actor: Actor, trace_id: str, assessment_id: str) -> Assessment:
    """Return an assessment of a trace that the actor may read.

    Raises NotFound: no such trace, or it has no such assessment.
    """
    row = Assessment.objects.select_related("trace").filter(trace_id=trace_id, assessment_id=assessment_id).first()
    trace = row.trace if row is not None else Trace.objects.filter(pk=trace_id).first()
    if trace is None or not may_read_trace(actor, trace):
        raise NotFound(trace_not_found(trace_id))
    if row is not None:
        return row
    raise NotFound(f"Assessment with ID {quoted(assessment_id)} not found for trace {quoted(trace_id)}")


@transaction.atomic
def update_assessment(*, actor: Actor, trace_id: str, assessment_id: str, change: AssessmentChange) -> Assessment:
    """Change an assessment and return it. New metadata is added to the stored; source and span are not changed.

    Raises NotFound: no such trace or assessment. Raises Denied. Raises InvalidInput: feedback would become an
    expectation or the other way round, or a value cannot be stored. Raises TooLarge: the value or the metadata.
    """
    trace = lock_trace(actor, trace_id, action=Action.TRACES_ASSESSMENT_UPDATED, change=None)
    row = get_assessment(actor, trace.pk, assessment_id)
    require_assessment(actor, trace, row, Change.EVIDENCE, Action.TRACES_ASSESSMENT_UPDATED)
    before = assessment_facts(row)
    if change.value is not None:
        if change.value.kind != row.kind:
            raise InvalidInput(f"Cannot update {change.value.kind.value} value on an assessment that is {row.kind}.")
        _set_value(row, change.value)
    if change.name is not None:
        row.name = _checked_name(change.name)
    if change.rationale is not None:
        row.rationale = _checked_rationale(change.rationale)
    if change.metadata is not None:
        row.metadata = checked_pairs({**row.metadata, **change.metadata}, field="metadata")
    row.updated_ms = max(now_ms(), row.created_ms)
    row.save()
    record(
        actor=actor,
        action=Action.TRACES_ASSESSMENT_UPDATED,
        obj=trace,
        before=before,
        after=assessment_facts(row),
    )
    return row


@transaction.atomic
def delete_assessment(*, actor: Actor, trace_id: str, assessment_id: str) -> None:
    """Delete an assessment. One that it overrides becomes valid again, unless another assessment overrides it too.

    A missing assessment is no error, as on MLflow. Raises NotFound: no such trace. Raises Denied.
    """
    trace = lock_trace(actor, trace_id, action=Action.TRACES_ASSESSMENT_DELETED, change=None)
    row = _of(trace).filter(assessment_id=assessment_id).first()
    if row is None:
        return
    require_assessment(actor, trace, row, Change.DELETE, Action.TRACES_ASSESSMENT_DELETED)
    if row.overrides and not _of(trace).filter(overrides=row.overrides).exclude(pk=row.pk).exists():
        _of(trace).filter(assessment_id=row.overrides).update(valid=True)
    before = assessment_facts(row)
    row.delete()
    record(actor=actor, action=Action.TRACES_ASSESSMENT_DELETED, obj=trace, before=before)


def assessment_facts(row: Assessment) -> dict[str, object]:
    """Return the facts of an assessment that events hold."""
    facts: dict[str, object] = {
        "assessment": row.assessment_id,
        "kind": row.kind,
        "name": row.name,
        "value": row.value,
        "source": f"{row.source_type}:{row.source_id}",
        "rationale": row.rationale,
        "metadata": row.metadata,
        "error": row.error,
        "overrides": row.overrides,
    }
    return {key: value for key, value in facts.items() if value}
