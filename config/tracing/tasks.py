"""A span for each Celery task, in the trace of the request that started it."""

from __future__ import annotations

from contextvars import Token
from dataclasses import dataclass
from typing import Any

from celery.signals import task_postrun, task_prerun
from celery.states import IGNORED, SUCCESS
from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from audit.dispatch import current_trace
from config.tracing.provider import HEADER, context_of, header_of, tracer


@dataclass(frozen=True, slots=True)
class _Running:
    """The span of a running task, and what to restore when it ends."""

    span: Span
    context: Token[Context]
    header: Token[str]


_running: dict[str, _Running] = {}


def trace_tasks() -> None:
    """Trace the tasks that this process runs."""
    task_prerun.connect(_begin, dispatch_uid="config.tracing.tasks")
    task_postrun.connect(_end, dispatch_uid="config.tracing.tasks")


def _begin(task_id: str = "", task: Any = None, **_signal: object) -> None:
    headers: dict[str, Any] = task.request.headers or {}
    span = tracer().start_span(
        task.name,
        context=context_of(str(headers.get(HEADER) or getattr(task.request, HEADER, "") or "")),
        kind=SpanKind.CONSUMER,
        attributes={"messaging.system": "celery", "messaging.destination.name": _queue_of(task)},
    )
    token = context.attach(trace.set_span_in_context(span))
    _running[task_id] = _Running(span, token, current_trace.set(header_of(span)))


def _end(task_id: str = "", state: str = "", **_signal: object) -> None:
    running = _running.pop(task_id, None)
    if running is None:
        return
    if state not in {SUCCESS, IGNORED}:
        running.span.set_status(Status(StatusCode.ERROR))
    current_trace.reset(running.header)
    context.detach(running.context)
    running.span.end()


def _queue_of(task: Any) -> str:
    delivery: dict[str, Any] = task.request.delivery_info or {}
    return str(delivery.get("routing_key") or "")
