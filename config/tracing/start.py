"""Starts tracing where CUSTODY_TRACES_URL is set; without it no module is imported that makes or sends spans."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from wsgiref.types import WSGIApplication

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string


def with_tracing(application: WSGIApplication) -> WSGIApplication:
    """Return the application with a trace of each request, or itself where tracing is off.

    Raises ImproperlyConfigured where the packages are missing.
    """
    if not settings.TRACES_URL:
        return application
    _start("web")
    traced: WSGIApplication = _named("config.tracing.requests.traced")(application)
    return traced


def start_worker_tracing() -> None:
    """Trace the tasks of this worker where tracing is on. Raises ImproperlyConfigured where packages are missing."""
    if settings.TRACES_URL:
        _start("worker")
        _named("config.tracing.tasks.trace_tasks")()


def _start(program: str) -> None:
    _named("config.tracing.provider.start")(program)
    _named("config.tracing.database.trace_statements")()


def _named(path: str) -> Callable[..., Any]:
    try:
        function: Callable[..., Any] = import_string(path)
    except ImportError as error:
        message = f"CUSTODY_TRACES_URL needs the packages of requirements-tracing.txt: {error}"
        raise ImproperlyConfigured(message) from error
    return function
