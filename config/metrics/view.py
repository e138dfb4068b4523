"""GET /metrics in the text format of Prometheus (https://prometheus.io/docs/instrumenting/exposition_formats/)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from http import HTTPStatus

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector

from accounts.authentication import actor_from_request
from config.metrics.pool import forget_ended_processes, sample_pool
from config.metrics.requests import count_requests
from config.metrics.state import gauges
from core.errors import NotAuthenticated
from core.metrics import FOLDER


class _State:
    """The gauges of the installation; `custody_database_up` is 0, and they are left out, while the database is away."""

    def collect(self) -> Iterator[Metric]:
        """Yield the gauges."""
        try:
            state = list(gauges())
        except DatabaseError:
            state = []
        up = GaugeMetricFamily("custody_database_up", "1 where the database answers.")
        up.add_metric([], float(bool(state)))
        yield up
        yield from state


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer all metrics: with a token or a session, or for everybody where CUSTODY_PUBLIC_METRICS is on; else 401."""
    if not settings.PUBLIC_METRICS:
        try:
            actor_from_request(request)
        except NotAuthenticated as error:
            headers = {"WWW-Authenticate": "Bearer"}
            return HttpResponse(str(error), status=HTTPStatus.UNAUTHORIZED, content_type="text/plain", headers=headers)
    sample_pool()
    count_requests()
    forget_ended_processes()
    registry = CollectorRegistry()
    if os.environ.get(FOLDER):
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the package leaves its type out
    else:
        registry.register(REGISTRY)
    registry.register(_State())
    answer = generate_latest(registry)
    return HttpResponse(answer, content_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"})
