"""Receives request bodies before the application reads them, with limits of bytes (413), of time (408) and of number
(503).

The limits of bytes are in core/body_limits.py. A short body is received before the request counts as being worked on,
so that slow senders delay nobody. Bodies of API calls without credentials are not received at all, unless the view asks
for them; long ones of API calls are received when the view first reads them, after it has authenticated the caller.
Uploads of artifacts stream through; only their number is limited, so that other requests can always be served.
"""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterable
from functools import partial
from queue import SimpleQueue
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication

from django.conf import settings

from accounts.scim.documents import MEDIA_TYPE, error_document
from config.bodies.granian_protocol import PROTOCOL
from config.bodies.slow import SMALL, BodyReader, Refusal, TooSlow
from core.body_limits import body_limit
from core.errors import DomainError, TooLarge, Unavailable
from core.ids import whole_number
from core.outages import RETRY_AFTER

# How many requests a process works on at the same time; the pool of database connections has as many.
WORKING = 16
_MOST_UPLOADS = 10
_STATUSES = {
    TooLarge: "413 Content Too Large",
    TooSlow: "408 Request Timeout",
    Unavailable: "503 Service Unavailable",
}
_MLFLOW_CODES = {
    TooLarge: "INVALID_PARAMETER_VALUE",
    TooSlow: "INVALID_PARAMETER_VALUE",
    Unavailable: "TEMPORARILY_UNAVAILABLE",
}


class LazyBody(io.RawIOBase):
    """A body of known length that is received as a whole when it is first read."""

    def __init__(self, receive: partial[bytes]) -> None:
        self._receive = receive
        self._received: io.BytesIO | None = None

    def _body(self) -> io.BytesIO:
        if self._received is None:
            received = self._receive()
            self._received = io.BytesIO(received)
        return self._received

    def read(self, size: int | None = -1, /) -> bytes:
        """Return up to ``size`` bytes. Raises Unavailable, TooSlow."""
        return self._body().read(size)

    def readline(self, size: int | None = -1, /) -> bytes:
        """Return one line. Raises Unavailable, TooSlow."""
        return self._body().readline(size)


def with_received_bodies(application: WSGIApplication) -> WSGIApplication:
    """Return the application behind the limits of bodies, and with a limit of requests that it works on at the same
    time.
    """
    reader = BodyReader(settings.BODY_SECONDS)
    uploads = threading.BoundedSemaphore(_MOST_UPLOADS)
    # Tokens of those who may work. The queue is in C. threading.Semaphore has a lock in Python, for which the threads
    # of a busy process wait longer than they work.
    turns: SimpleQueue[None] = SimpleQueue()
    for _ in range(WORKING):
        turns.put(None)

    def work(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        turns.get()
        try:
            return application(environ, start_response)
        finally:
            turns.put(None)

    def serve(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        length, is_chunked = environ.get("CONTENT_LENGTH") or "0", "HTTP_TRANSFER_ENCODING" in environ
        if length == "0" and not is_chunked:
            return work(environ, start_response)
        limit = body_limit(environ["PATH_INFO"])
        if limit is None:
            return _serve_upload(work, uploads, environ, start_response)
        try:
            _receive(reader, environ, limit, _declared(length, limit), is_chunked=is_chunked)
        except DomainError as error:
            return _refuse(environ, start_response, error)
        return work(environ, start_response)

    return serve


def _declared(length: str, limit: int) -> int:
    """Return the length that a request declares; more than the limit for a text that is no number."""
    number = whole_number(length)
    return limit + 1 if number is None else number


def _receive(reader: BodyReader, environ: dict[str, Any], limit: int, length: int, *, is_chunked: bool) -> None:
    """Put the body into ``environ``: received now, or a LazyBody that is received when it is first read.

    Raises TooLarge, TooSlow, Unavailable.
    """
    if length > limit:
        raise TooLarge(f"The request body may hold at most {limit} bytes; this one has {length}.")
    path = environ["PATH_INFO"]
    is_unknown_caller = _is_api(path) and not (environ.get("HTTP_AUTHORIZATION") or environ.get("HTTP_COOKIE"))
    late = TooSlow(f"The request body was not complete within {settings.BODY_SECONDS:g} seconds.")
    late_answer = _refusal(path, late)
    read = partial(reader.read, environ["wsgi.input"], protocol=environ.get(PROTOCOL), refusal=late_answer)
    if is_chunked:
        if is_unknown_caller:
            return
        body = read(limit + 1)
        if len(body) > limit:
            raise TooLarge(f"The request body may hold at most {limit} bytes.")
        del environ["HTTP_TRANSFER_ENCODING"]
        environ |= {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        return
    received = LazyBody(partial(read, length))
    if not is_unknown_caller and (length <= SMALL or not _is_api(path)):
        received.read(0)
    environ["wsgi.input"] = received


def _serve_upload(
    application: WSGIApplication,
    uploads: threading.BoundedSemaphore,
    environ: dict[str, Any],
    start_response: StartResponse,
) -> Iterable[bytes]:
    if not uploads.acquire(blocking=False):
        busy = Unavailable(f"This process receives {_MOST_UPLOADS} uploads already. Try again in a moment.")
        return _refuse(environ, start_response, busy)
    try:
        return application(environ, start_response)
    finally:
        uploads.release()


def _is_api(path: str) -> bool:
    return path.lstrip("/").startswith(("api/", "ajax-api/", "v1/", "scim/"))


def _refuse(environ: dict[str, Any], start_response: StartResponse, error: DomainError) -> list[bytes]:
    answer = _refusal(environ["PATH_INFO"], error)
    body = answer.text.encode()
    start_response(_STATUSES[type(error)], [*answer.headers, ("Content-Length", str(len(body)))])
    return [body]


def _refusal(path: str, error: DomainError) -> Refusal:
    """Return the answer in the format of the interface: problem+json, MLflow's error, SCIM's, or plain text."""
    kind = type(error)
    status = int(_STATUSES[kind][:3])
    if path.startswith("/api/v1/"):
        media_type = "application/problem+json"
        body = {"type": f"urn:custody:error:{error.code}", "title": error.code.replace("_", " ")}
        text = json.dumps(body | {"status": status, "detail": error.message})
    elif path.lstrip("/").startswith("scim/"):
        media_type, text = MEDIA_TYPE, json.dumps(error_document(status, error.message))
    elif _is_api(path):
        media_type = "application/json"
        text = json.dumps({"error_code": _MLFLOW_CODES[kind], "message": error.message})
    else:
        media_type, text = "text/plain; charset=utf-8", error.message
    headers = [("Content-Type", media_type)]
    if kind is Unavailable:
        headers.append(("Retry-After", RETRY_AFTER))
    return Refusal(status, headers, text)
