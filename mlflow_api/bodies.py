"""Request bodies: limits of size, and parsing as a JSON object."""

from __future__ import annotations

import codecs
import json
import re
from typing import Any

import orjson
from django.http import HttpRequest

from core.body_limits import body_limit
from core.errors import InvalidInput, TooLarge

# The form of a Content-Length; str.isdigit accepts digits that int does not.
LENGTH = re.compile(r"[0-9]{1,18}")


def read_body(request: HttpRequest) -> bytes:
    """Return the body; one beyond the limit of its route is refused before it is read. Raises TooLarge, Unavailable."""
    max_body = body_limit(request.path) or 0
    declared = request.headers.get("Content-Length", "") or "0"
    if LENGTH.fullmatch(declared) and int(declared) > max_body:
        raise TooLarge(f"The request body may hold at most {max_body} bytes; this one has {declared}.")
    body = request.read(max_body + 1)
    if len(body) > max_body:
        raise TooLarge(f"The request body may hold at most {max_body} bytes.")
    return body


def json_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object of a body; NaN and the infinities as Python writes them are read. Raises InvalidInput."""
    body = body.removeprefix(codecs.BOM_UTF8)
    try:
        values = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        values = _with_bare_nan(body)
        if values is None:
            raise InvalidInput(f"The request body is not valid JSON: {error}") from error
    if isinstance(values, str):  # some clients encode twice
        return json_object(values.encode())
    if not isinstance(values, dict):
        raise InvalidInput("The request body must be a JSON object.")
    return values


def _with_bare_nan(body: bytes) -> Any:
    """Return a body with the bare NaN and Infinity that Python's json module writes; None for any other body."""
    if b"NaN" not in body and b"Infinity" not in body:
        return None
    try:
        values = json.loads(body)
        orjson.dumps(values)  # refuses what the strict parser would refuse: lone surrogates, integers beyond 64 bits
    except (ValueError, TypeError, RecursionError):
        return None
    return values
