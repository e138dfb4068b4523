"""A span for each request, named by its route: no span names a model, a run or a person."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication

from django.urls import Resolver404, resolve
from opentelemetry.trace import SpanKind, Status, StatusCode

from audit.dispatch import current_trace
from config.metrics.requests import interface_of
from config.tracing.provider import context_of, header_of, tracer


def traced(application: WSGIApplication) -> WSGIApplication:
    """Return the application with a span for each request, until its answer begins."""

    def serve(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        route = route_of(path)
        attributes = {"http.request.method": method, "http.route": route, "custody.interface": interface_of(path)}
        with tracer().start_as_current_span(
            f"{method} {route}",
            context=context_of(environ.get("HTTP_TRACEPARENT", "")),
            kind=SpanKind.SERVER,
            attributes=attributes,
            record_exception=False,  # its message may name a model
            set_status_on_exception=False,
        ) as span:

            def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
                span.set_attribute("http.response.status_code", int(status[:3]))
                if int(status[:3]) >= HTTPStatus.INTERNAL_SERVER_ERROR:
                    span.set_status(Status(StatusCode.ERROR))
                return start_response(status, headers, *more)

            token = current_trace.set(header_of(span))
            try:
                return application(environ, start)
            finally:
                current_trace.reset(token)

    return serve


def route_of(path: str) -> str:
    """Return the pattern of the route of a path, `unmatched` where there is none."""
    try:
        return f"/{resolve(path).route}"
    except Resolver404:
        return "unmatched"
