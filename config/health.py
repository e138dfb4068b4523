"""/healthz: the health of this server, for load balancers and the supervisor.

It needs no login and contains no secrets.
"""

from __future__ import annotations

import threading
import time
from http import HTTPStatus

import redis
from celery import current_app
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe
from kombu.exceptions import OperationalError

from audit.models import OutboxMessage
from audit.transparency.health import log_health
from config.edge.health import edge_health
from config.limits.rate import is_broker_away
from config.schedule import scheduler_age

# Anybody may call /healthz, so each process asks the broker at most this often.
_BROKER_SECONDS = 2.0
# A scheduler without a heartbeat for this long counts as not running.
_SCHEDULER_SECONDS = 30.0


class _Broker:
    """The last known state of the broker and of the workers."""

    lock = threading.Lock()
    asked_at = float("-inf")
    answer = ("unknown", "unknown", "unknown")


@require_safe
def healthz(_request: HttpRequest) -> JsonResponse:
    """Answer 200 while requests can be served (the database answers), else 503.

    A broker or workers that do not answer, and an audit log that is not being signed, are reported only: checks and
    checkpoints wait for them, everything else works.
    """
    database = _database_state()
    broker, workers, scheduler = broker_state()
    status = HTTPStatus.OK if database == "ok" else HTTPStatus.SERVICE_UNAVAILABLE
    body = {
        "status": "ok" if status == HTTPStatus.OK else "down",
        "database": database,
        "broker": broker,
        "workers": workers,
        "scheduler": scheduler,
        "edge": edge_health().state,
        "rate_limits": _rate_limits_state(),
        "outbox_seconds": _outbox_age() if database == "ok" else None,
        "audit_log": _audit_log_state() if database == "ok" else "unknown",
    }
    return JsonResponse(body, status=status, headers={"Cache-Control": "no-store"})


def _rate_limits_state() -> str:
    """Return `off`, `ok`, or `away`: the broker does not answer this process, so nobody is limited."""
    if not (settings.TOKEN_RATE or settings.ACCOUNT_RATE):
        return "off"
    return "away" if is_broker_away() else "ok"


def _database_state() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            cursor.fetchone()
    except DatabaseError:
        return "down"
    return "ok"


def _audit_log_state() -> str:
    try:
        return log_health().state.value
    except DatabaseError:
        return "unknown"


def _outbox_age() -> int | None:
    """Return for how many seconds the oldest message has waited for the broker, 0 where none waits."""
    try:
        oldest = OutboxMessage.objects.filter(delivered_at__isnull=True).order_by("id").first()
    except DatabaseError:
        return None
    return max(0, int((timezone.now() - oldest.created_at).total_seconds())) if oldest else 0


def broker_state() -> tuple[str, str, str]:
    """Return the states of the broker, of the workers and of the scheduler.

    While one thread asks, others get the last answer.
    """
    if time.monotonic() - _Broker.asked_at > _BROKER_SECONDS and _Broker.lock.acquire(blocking=False):
        try:
            _Broker.answer = _ask_broker()
            _Broker.asked_at = time.monotonic()
        finally:
            _Broker.lock.release()
    return _Broker.answer


def _ask_broker() -> tuple[str, str, str]:
    try:
        answers = current_app.control.inspect(timeout=0.5, limit=1).ping()
        age = scheduler_age()
    except (OperationalError, redis.RedisError, OSError):
        return "down", "unknown", "unknown"
    return "ok", "ok" if answers else "silent", "ok" if age is not None and age < _SCHEDULER_SECONDS else "silent"
