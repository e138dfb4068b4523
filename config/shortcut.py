"""The serving read before Django's middleware: serving fleets ask it all day, and the middleware costs more than the query.

Only an ordinary success takes this way (a live token with the right scope, an allowed host, a model in Production); for
everything else it steps aside and Django answers, so no rule is written twice and nothing is refused here.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from functools import lru_cache
from http import HTTPStatus
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication

from django.conf import settings
from django.db import connection
from django.http.request import split_domain_port, validate_host

from config.middleware import acceptable_request_id
from registry.serving import CACHING, Answer, production_answer

_PREFIX = "/api/v1/models/"
_SUFFIX = "/production"


def with_shortcut(application: WSGIApplication) -> WSGIApplication:
    """Return the application with the short cut before it."""
    fixed = _fixed_headers()

    def serve(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        path: str = environ["PATH_INFO"]
        if not (path.endswith(_SUFFIX) and path.startswith(_PREFIX)):
            return application(environ, start_response)
        answer = _quick_answer(environ, path)
        if answer is None:
            return application(environ, start_response)
        return _send(environ, start_response, answer, fixed)

    return serve


def _quick_answer(environ: dict[str, Any], path: str) -> Answer | None:
    authorization = environ.get("HTTP_AUTHORIZATION", "")
    if environ["REQUEST_METHOD"] != "GET" or not authorization or environ.get("SCRIPT_NAME"):
        return None
    if not _is_allowed(environ.get("HTTP_HOST", ""), tuple(settings.ALLOWED_HOSTS)):
        return None
    try:
        # WSGI hands the path's bytes over as Latin-1
        name = path[len(_PREFIX) : -len(_SUFFIX)].encode("latin-1").decode("utf-8")
    except UnicodeError:
        return None
    try:
        return production_answer(name, authorization, environ.get("HTTP_IF_NONE_MATCH", ""))
    finally:
        _give_back()


def _give_back() -> None:
    """Return a pooled connection, as Django does after each request; a plain one stays open as it does there."""
    if connection.settings_dict["CONN_MAX_AGE"] == 0 and not connection.in_atomic_block:
        connection.close()


@lru_cache(maxsize=64)
def _is_allowed(host: str, allowed: tuple[str, ...]) -> bool:
    domain, _ = split_domain_port(host)
    return bool(domain) and validate_host(domain, allowed)


def _send(
    environ: dict[str, Any], start_response: StartResponse, answer: Answer, fixed: list[tuple[str, str]]
) -> Iterable[bytes]:
    given = environ.get("HTTP_X_REQUEST_ID", "")
    headers = [
        ("ETag", answer.etag),
        ("X-Request-Id", given if acceptable_request_id(given) else uuid.uuid4().hex),
        *fixed,
    ]
    if answer.status == HTTPStatus.OK:
        headers += [("Content-Type", "application/json"), ("Content-Length", str(len(answer.body)))]
        start_response("200 OK", headers)
        return [answer.body]
    start_response("304 Not Modified", headers)
    return []


def _fixed_headers() -> list[tuple[str, str]]:
    """Return what the middleware would add to an answer that is no page."""
    headers = [
        ("Cache-Control", CACHING),
        ("Vary", "Authorization, Cookie"),
        ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", settings.X_FRAME_OPTIONS),
        ("Referrer-Policy", settings.SECURE_REFERRER_POLICY),
        ("Cross-Origin-Opener-Policy", settings.SECURE_CROSS_ORIGIN_OPENER_POLICY),
    ]
    if settings.SECURE_HSTS_SECONDS:
        headers.append(("Strict-Transport-Security", f"max-age={settings.SECURE_HSTS_SECONDS}"))
    return headers
