"""The bytes of answers. What many clients get is made once; only the request id differs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import formatdate
from functools import cache
from http import HTTPStatus
from random import randint
from types import SimpleNamespace
from typing import Any

from rest_framework.renderers import JSONRenderer

from config.api_errors import problem_response
from config.edge.heads import BadHead
from config.error_responses import problem_document
from config.fast_path import common_headers
from core.actors import Actor
from core.errors import Denied
from registry.production.event_stream import MEDIA_TYPE
from registry.production.serving import CACHING
from registry.production.states import ModelState

_SERVING = (("Cache-Control", CACHING), ("Vary", "Authorization, Cookie"))
_PROBLEM = "application/problem+json"
# Clients that are sent away come back after a random time in this range (seconds), so that they do not come together.
_AGAIN = (1, 5)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer without its request id: the bytes before that, and the body."""

    head: bytes
    body: bytes = b""

    def to(self, request_id: str, *, is_last: bool) -> bytes:
        """Return the bytes for one client; after the last answer of a connection it is closed."""
        end = b"\r\nConnection: close\r\n\r\n" if is_last else b"\r\n\r\n"
        return b"".join((self.head, request_id.encode(), end, self.body))


@cache
def _common() -> bytes:
    return _lines(common_headers())


def _lines(headers: Sequence[tuple[str, str]]) -> bytes:
    return "".join(f"{name}: {value}\r\n" for name, value in headers).encode("latin-1", "replace")


def _answer(status: int, headers: Sequence[tuple[str, str]], body: bytes | None = None) -> Answer:
    """Return an answer. ``body`` is None for one without a length: a 304, or a stream that ends with its connection."""
    date = ("Date", formatdate(usegmt=True))
    length = [("Content-Length", str(len(body)))] if body is not None else []
    head = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n".encode()
    head += _lines([date, *headers, *length]) + _common() + b"X-Request-Id: "
    return Answer(head, body or b"")


def production(state: ModelState) -> Answer:
    """Return the answer of the serving read about a model with a version in Production."""
    return _answer(200, [("ETag", state.etag), *_SERVING, ("Content-Type", "application/json")], state.body)


def not_modified(etag: str, *, ask_again: bool = False) -> Answer:
    """Return the answer for a client that has the present version; ``ask_again`` says after how many seconds."""
    return _answer(304, [("ETag", etag), *_SERVING, *(_retry_after() if ask_again else [])])


def stream_head() -> Answer:
    """Return the head of a stream of events."""
    return _answer(200, [("Content-Type", MEDIA_TYPE), *_SERVING, ("X-Accel-Buffering", "no")])


def health(body: bytes) -> Answer:
    """Return the answer to a probe."""
    return _answer(200, [("Content-Type", "application/json"), ("Cache-Control", "no-store")], body)


def bad_head(error: BadHead) -> Answer:
    """Return the answer to bytes that are no request."""
    return _answer(
        error.status, [("Content-Type", _PROBLEM)], problem_document(error.status, error.kind, str(error)).content
    )


def unavailable(detail: str) -> Answer:
    """Return a 503 that says when to come again."""
    body = problem_document(503, "unavailable", detail).content
    return _answer(503, [("Content-Type", _PROBLEM), *_retry_after()], body)


def too_many(detail: str, seconds: int) -> Answer:
    """Return a 429 that says when to come again, in seconds."""
    body = problem_document(429, "too_many_requests", detail).content
    return _answer(
        429, [("Content-Type", _PROBLEM), ("Retry-After", str(seconds)), ("Cache-Control", "no-store")], body
    )


def refusal(error: Exception, *, actor: Actor | None = None, request_id: str = "", is_new: bool = True) -> Answer:
    """Return the answer for an error, as the API's views give it. A denial is recorded where it is new.

    Only a denial touches the database.
    """
    if isinstance(error, Denied) and not is_new:
        error.recorded = True
    context: dict[str, Any] = {"request": SimpleNamespace(auth=actor, request_id=request_id)}
    response = problem_response(error, context)
    passed_on = ("Retry-After", "WWW-Authenticate")
    headers = [("Content-Type", _PROBLEM), *((name, response[name]) for name in passed_on if name in response)]
    if response.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers.append(("Allow", "GET"))
    return _answer(response.status_code, headers, JSONRenderer().render(response.data))


def seconds_away() -> int:
    """Return after how many seconds a client that is sent away comes back: a random number."""
    return randint(*_AGAIN)  # noqa: S311 - it spreads load and protects nothing


def _retry_after() -> list[tuple[str, str]]:
    return [("Retry-After", str(seconds_away()))]
