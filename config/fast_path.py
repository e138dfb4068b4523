"""Fast path for API clients: it answers their frequent calls before Django's middleware, which costs more than the
queries.

The read of the Production version: only a success is answered here (a valid token with the right scope, an allowed
host, a model in Production). Every other call goes on to Django, so no rule exists twice and nothing is refused here.

MLflow calls with an Authorization header: they need no session, CSRF token or messages. The same view answers them,
with the same authentication and errors; the headers that the middleware would add are added here. Two lookups among
them are answered like the read of the Production version.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from functools import lru_cache
from http import HTTPStatus
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication

import structlog
from csp.utils import build_policy
from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from django.db import InterfaceError, OperationalError, connection
from django.http import HttpResponseBase, StreamingHttpResponse
from django.http.request import split_domain_port, validate_host

from config.middleware import acceptable_request_id
from mlflow_api.fast_lookups import LOOKUPS, lookup_json
from mlflow_api.urls import RPC_VIEWS
from registry.production.serving import CACHING, Answer, production_answer

_PREFIX = "/api/v1/models/"
_SUFFIX = "/production"
RpcView = Callable[[WSGIRequest], HttpResponseBase]


def with_fast_path(application: WSGIApplication) -> WSGIApplication:
    """Return the application behind the fast path."""
    common = common_headers()
    serving = [("Cache-Control", CACHING), ("Vary", "Authorization, Cookie"), *common]
    rpc = [*common, ("Content-Security-Policy", build_policy() or "")]

    def serve(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        path: str = environ["PATH_INFO"]
        if (view := RPC_VIEWS.get(path)) is not None:
            if _needs_no_middleware(environ):
                body = _answer_lookup(environ, path)
                if body is not None:
                    return _ok(environ, start_response, body, rpc)
                return _call(environ, start_response, view, rpc)
        elif path.endswith(_SUFFIX) and path.startswith(_PREFIX):
            answer = _production_version(environ, path)
            if answer is not None:
                return _send(environ, start_response, answer, serving)
        return application(environ, start_response)

    return serve


def _needs_no_middleware(environ: dict[str, Any]) -> bool:
    """Return whether Django's middleware has nothing to decide: a secret instead of a cookie, and an allowed host."""
    if not environ.get("HTTP_AUTHORIZATION") or environ.get("SCRIPT_NAME"):
        return False
    return is_allowed_host(environ.get("HTTP_HOST", ""))


def _call(
    environ: dict[str, Any], start_response: StartResponse, view: RpcView, fixed: list[tuple[str, str]]
) -> Iterable[bytes]:
    request_id = _request_id(environ)
    try:
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            response = view(_request(environ, request_id))
            if response.status_code == HTTPStatus.SERVICE_UNAVAILABLE and environ["REQUEST_METHOD"] == "GET":
                _release_connection()  # a restart of the database may have closed it: a read is tried again
                response = view(_request(environ, request_id))
    finally:
        _release_connection()
    headers = [*response.items(), *fixed, ("X-Request-Id", request_id)]
    status = f"{response.status_code} {response.reason_phrase}"
    if isinstance(response, StreamingHttpResponse):  # from a file, with its length (mlflow_api/long_lists.py)
        start_response(status, headers)
        return response
    body: bytes = response.content  # type: ignore[attr-defined]  # every other response has it
    start_response(status, [*headers, ("Content-Length", str(len(body)))])
    return [body]


def _request(environ: dict[str, Any], request_id: str) -> WSGIRequest:
    """Return Django's request with its id, which RequestIdMiddleware sets otherwise."""
    request = WSGIRequest(environ)
    request.request_id = request_id  # type: ignore[attr-defined]  # ours
    return request


def _answer_lookup(environ: dict[str, Any], path: str) -> bytes | None:
    lookup = LOOKUPS.get(path) if environ["REQUEST_METHOD"] == "GET" else None
    if lookup is None:
        return None
    try:
        return lookup_json(lookup, environ["HTTP_AUTHORIZATION"], environ.get("QUERY_STRING", ""))
    except (OperationalError, InterfaceError):
        return None  # the view tries again, and answers 503
    finally:
        _release_connection()


def _ok(
    environ: dict[str, Any], start_response: StartResponse, body: bytes, fixed: list[tuple[str, str]]
) -> Iterable[bytes]:
    headers = [("X-Request-Id", _request_id(environ)), *fixed]
    headers += [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    start_response("200 OK", headers)
    return [body]


def _production_version(environ: dict[str, Any], path: str) -> Answer | None:
    if environ["REQUEST_METHOD"] != "GET" or environ.get("QUERY_STRING") or not _needs_no_middleware(environ):
        return None
    try:
        # WSGI passes the bytes of the path as Latin-1
        name = path[len(_PREFIX) : -len(_SUFFIX)].encode("latin-1").decode("utf-8")
    except UnicodeError:
        return None
    try:
        return production_answer(name, environ["HTTP_AUTHORIZATION"], environ.get("HTTP_IF_NONE_MATCH", ""))
    except (OperationalError, InterfaceError):
        return None  # Django tries again, and answers 503
    finally:
        _release_connection()


def _release_connection() -> None:
    """Return a pooled connection and close a broken one, as Django does after each request."""
    if not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()


def _request_id(environ: dict[str, Any]) -> str:
    header = environ.get("HTTP_X_REQUEST_ID", "")
    return header if acceptable_request_id(header) else uuid.uuid4().hex


def _send(
    environ: dict[str, Any], start_response: StartResponse, answer: Answer, fixed: list[tuple[str, str]]
) -> Iterable[bytes]:
    with_etag = [("ETag", answer.etag), *fixed]
    if answer.status == HTTPStatus.OK:
        return _ok(environ, start_response, answer.body, with_etag)
    start_response("304 Not Modified", [("X-Request-Id", _request_id(environ)), *with_etag])
    return []


def common_headers() -> list[tuple[str, str]]:
    """Return the headers that the middleware would add to an API answer."""
    headers = [
        ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", settings.X_FRAME_OPTIONS),
        ("Referrer-Policy", settings.SECURE_REFERRER_POLICY),
        ("Cross-Origin-Opener-Policy", settings.SECURE_CROSS_ORIGIN_OPENER_POLICY),
    ]
    if settings.SECURE_HSTS_SECONDS:
        headers.append(("Strict-Transport-Security", f"max-age={settings.SECURE_HSTS_SECONDS}"))
    return headers


def is_allowed_host(host: str) -> bool:
    """Return whether a Host header names this server."""
    return _is_allowed(host, tuple(settings.ALLOWED_HOSTS))


@lru_cache(maxsize=64)
def _is_allowed(host: str, allowed: tuple[str, ...]) -> bool:
    domain, _ = split_domain_port(host)
    return bool(domain) and validate_host(domain, allowed)
