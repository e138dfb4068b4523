"""Answers 429 to requests beyond the limits, in the format of their interface and with the time to wait."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication

from django.conf import settings

from accounts.scim.documents import MEDIA_TYPE, error_document
from config.limits.callers import caller_of
from config.limits.rate import Excess, Limit, excess_of
from config.limits.texts import excess_text
from config.metrics.requests import interface_of
from core.metrics import RATE_LIMITED

# Probes and static files count towards no limit.
_NOT_LIMITED = frozenset({"probe", "static"})
_STATUS = 429


def with_limits(application: WSGIApplication) -> WSGIApplication:
    """Return the application behind the limits of tokens and accounts, or itself where there is none."""
    if not (settings.TOKEN_RATE or settings.ACCOUNT_RATE):
        return application

    def serve(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        interface = interface_of(environ["PATH_INFO"])
        excess = None if interface in _NOT_LIMITED else excess_of(_limits_of(environ))
        if excess is None:
            return application(environ, start_response)
        RATE_LIMITED.labels(excess.limit.kind).inc()
        return _refuse(interface, excess, start_response)

    return serve


def _limits_of(environ: dict[str, Any]) -> list[Limit]:
    """Return the limits that a request counts towards; none for a request without a credential."""
    caller = caller_of(environ)
    if caller is None:
        return []
    limits = [
        Limit("token", caller.digest, settings.TOKEN_RATE),
        Limit("account", caller.account, settings.ACCOUNT_RATE),
    ]
    return [limit for limit in limits if limit.per_minute and limit.key]


def _refuse(interface: str, excess: Excess, start_response: StartResponse) -> list[bytes]:
    seconds = max(1, math.ceil(excess.seconds))
    media_type, body = _body(interface, excess_text(excess))
    headers = [("Content-Type", media_type), ("Content-Length", str(len(body))), ("Retry-After", str(seconds))]
    start_response("429 Too Many Requests", [*headers, ("Cache-Control", "no-store")])
    return [body]


def _body(interface: str, detail: str) -> tuple[str, bytes]:
    """Return media type and body: problem+json, MLflow's error, SCIM's, or plain text."""
    if interface in {"api", "serving"}:
        problem = {
            "type": "urn:custody:error:too_many_requests",
            "title": "too many requests",
            "status": _STATUS,
            "detail": detail,
        }
        return "application/problem+json", json.dumps(problem).encode()
    if interface == "scim":
        return MEDIA_TYPE, json.dumps(error_document(_STATUS, detail)).encode()
    if interface == "mlflow":
        return "application/json", json.dumps({"error_code": "REQUEST_LIMIT_EXCEEDED", "message": detail}).encode()
    return "text/plain; charset=utf-8", detail.encode()
