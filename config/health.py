"""/healthz: the health of this server, for load balancers and the supervisor. It needs no login and tells no secrets."""

from __future__ import annotations

import threading
import time
from http import HTTPStatus

import redis
from celery import current_app
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe
from kombu.exceptions import OperationalError

# Anybody may call /healthz, so each process asks the broker at most this often.
_BROKER_SECONDS = 2.0


class _Broker:
    """The last known state of the broker and of the workers."""

    lock = threading.Lock()
    asked_at = float("-inf")
    answer = ("unknown", "unknown")


@require_safe
def healthz(_request: HttpRequest) -> JsonResponse:
    """Answer 200 while requests can be served (the database answers), else 503.

    A broker or workers that do not answer are reported only: checks wait for them, everything else works.
    """
    database = _database_state()
    broker, workers = _broker_state()
    status = HTTPStatus.OK if database == "ok" else HTTPStatus.SERVICE_UNAVAILABLE
    body = {
        "status": "ok" if status == HTTPStatus.OK else "down",
        "database": database,
        "broker": broker,
        "workers": workers,
    }
    return JsonResponse(body, status=status, headers={"Cache-Control": "no-store"})


def _database_state() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            cursor.fetchone()
    except DatabaseError:
        return "down"
    return "ok"


def _broker_state() -> tuple[str, str]:
    """Return the states of the broker and of the workers. While one thread asks, others get the last answer."""
    if time.monotonic() - _Broker.asked_at > _BROKER_SECONDS and _Broker.lock.acquire(blocking=False):
        try:
            _Broker.answer = _ask_broker()
            _Broker.asked_at = time.monotonic()
        finally:
            _Broker.lock.release()
    return _Broker.answer


def _ask_broker() -> tuple[str, str]:
    try:
        answers = current_app.control.inspect(timeout=0.5, limit=1).ping()
    except (OperationalError, redis.RedisError, OSError):
        return "down", "unknown"
    return "ok", "ok" if answers else "silent"
