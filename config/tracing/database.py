"""A span for each SQL statement of a traced request or task: its verb and its table, without text and parameters."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from opentelemetry import trace
from opentelemetry.trace import SpanKind

from config.tracing.provider import tracer

_TABLE = re.compile(r'\b(?:FROM|INTO|UPDATE)\s+"?([A-Za-z_][A-Za-z0-9_]*)', re.IGNORECASE)
_VERB = re.compile(r"\s*([A-Za-z]+)")


def trace_statements() -> None:
    """Trace the statements of every connection of this process, and of those that are opened later."""
    connection_created.connect(_watch, dispatch_uid="config.tracing.database")
    for connection in connections.all(initialized_only=True):
        _watch(connection=connection)


def _watch(connection: BaseDatabaseWrapper, **_signal: object) -> None:
    if _execute not in connection.execute_wrappers:
        connection.execute_wrappers.append(_execute)


def _execute(execute: Callable[..., Any], sql: Any, params: Any, many: Any, context: dict[str, Any]) -> Any:
    if not trace.get_current_span().is_recording():
        return execute(sql, params, many, context)
    verb, table = operation_of(str(sql))
    attributes = {
        "db.system.name": context["connection"].vendor,
        "db.operation.name": verb,
        "db.collection.name": table,
    }
    with tracer().start_as_current_span(
        f"{verb} {table}".strip(),
        kind=SpanKind.CLIENT,
        attributes=attributes,
        record_exception=False,  # its message may contain values
        set_status_on_exception=False,
    ):
        return execute(sql, params, many, context)


def operation_of(sql: str) -> tuple[str, str]:
    """Return the verb of a statement and the first table that it names, "" for none."""
    verb, table = _VERB.match(sql), _TABLE.search(sql)
    return verb[1].upper() if verb else "", table[1] if table else ""
