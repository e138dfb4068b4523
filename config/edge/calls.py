"""Requests for the version of one model, or for the events of several. Paths, parameters and credentials are those of
the API's views (registry/api/production.py).
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from django.core.exceptions import SuspiciousOperation
from django.http import QueryDict
from rest_framework.exceptions import MethodNotAllowed

from accounts.authentication import presented_secret
from config.edge.heads import Head
from config.fast_path import is_allowed_host
from config.middleware import acceptable_request_id
from config.paths import single_slashes
from core.errors import InvalidInput, NotAuthenticated, NotFound
from core.rest import checked_query
from registry.api.production_queries import ProductionOfModelsQuery, WaitingQuery, presented_etags

HEALTH = "/healthz"
_EVENTS = "/api/v1/production/events"
_PREFIX = "/api/v1/models/"
_SUFFIX = "/production"

# Callers with the same secret who ask about the same models get the same answers.
Key = tuple[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Call:
    """A request about models in Production.

    ``seen`` is what the client has: the ETags of a poll, the last event id of a stream. A poll waits at most ``wait``
    seconds.
    """

    key: Key
    path: str
    request_id: str
    is_stream: bool
    seen: str
    wait: int


@dataclass(frozen=True, slots=True)
class _Target:
    """The path and the parameters of a request."""

    path: str
    names: tuple[str, ...]
    is_stream: bool
    etag: str = ""
    wait: int = 0


def parse_call(head: Head, request_id: str) -> Call:
    """Return the call of a request.

    Raises MethodNotAllowed, NotFound (no such route), NotAuthenticated, InvalidInput, SuspiciousOperation, and DRF's
    ValidationError for a parameter.
    """
    if not is_allowed_host(head.headers.get("host", "")):
        raise SuspiciousOperation("The host is not allowed.")
    if head.method != "GET":
        raise MethodNotAllowed(head.method)
    target = _parse_target(head.target)
    secret = presented_secret(head.headers.get("authorization", ""))
    if not secret:
        raise NotAuthenticated("Send an API token as Bearer or as the password of Basic.")
    if target.is_stream:
        seen = head.headers.get("last-event-id", "")
    else:
        seen = presented_etags(head.headers.get("if-none-match", ""), target.etag)
    return Call((secret, target.names), target.path, request_id, target.is_stream, seen, target.wait)


@lru_cache(maxsize=1024)  # thousands of clients ask for the same
def _parse_target(target: str) -> _Target:
    path, query = _parts(target)
    if path == _EVENTS:
        return _Target(path, tuple(checked_query(ProductionOfModelsQuery, query)["models"]), is_stream=True)
    names = _name_in(path)
    if not names:
        raise NotFound(f"The program edge has no route {path[:200]}. It answers those whose clients wait.")
    if "at" in query:
        raise InvalidInput("The program edge knows the present only. Ask the web server about the past.")
    fields = checked_query(WaitingQuery, query)
    return _Target(path, names, is_stream=False, etag=fields.get("etag", ""), wait=fields.get("wait", 0))


def request_id_of(head: Head) -> str:
    """Return the id of a request: the caller's where it is acceptable."""
    header = head.headers.get("x-request-id", "")
    return header if acceptable_request_id(header) else uuid.uuid4().hex


def is_health(head: Head) -> bool:
    """Return whether a request asks for the health of this program. It may name any host."""
    return head.method == "GET" and head.target == HEALTH


def _parts(target: str) -> tuple[str, QueryDict]:
    raw, _, query = target.partition("?")
    try:
        path = unquote_to_bytes(raw.encode("latin-1")).decode("utf-8")
    except UnicodeDecodeError as error:
        raise SuspiciousOperation("The path is not UTF-8.") from error
    if "\x00" in path:
        raise InvalidInput("Text must not contain NUL characters.")
    return single_slashes(path), QueryDict(query.encode("latin-1"))


def _name_in(path: str) -> tuple[str, ...]:
    name = path[len(_PREFIX) : -len(_SUFFIX)]
    is_name = path.startswith(_PREFIX) and path.endswith(_SUFFIX) and len(path) > len(_PREFIX) + len(_SUFFIX)
    return (name,) if is_name and "/" not in name else ()
