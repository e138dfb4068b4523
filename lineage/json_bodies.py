"""JSON bodies that a route reads as bytes: documents and events of other formats, also as gzip."""

from __future__ import annotations

import json
import zlib
from typing import IO, Any

from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from core.body_limits import body_limit, limited_body
from core.errors import InvalidInput, TooLarge

_DEEPEST = 100


class JsonBody(BaseParser):
    """A body of any media type, as bytes. A gzip body is inflated, up to the limit of the route."""

    media_type = "*/*"

    def parse(self, stream: IO[bytes], media_type: str | None = None, parser_context: Any = None) -> Any:  # noqa: ARG002 - DRF's signature
        """Return the body as bytes. Raises TooLarge; InvalidInput for a body that is not gzip although it says so."""
        body = limited_body(stream, parser_context["request"].path)
        request = parser_context["request"]
        if request.headers.get("Content-Encoding", "").strip().lower() != "gzip":
            return body
        return _inflated(body, body_limit(request.path) or 0)


def _inflated(body: bytes, limit: int) -> bytes:
    """Return the bytes of a gzip body. Raises TooLarge, InvalidInput (no gzip, cut short, or bytes after its end)."""
    inflater = zlib.decompressobj(wbits=31)
    try:
        inflated = inflater.decompress(body, limit + 1)
    except zlib.error as error:
        raise InvalidInput("The body has the header Content-Encoding: gzip, but is no gzip.") from error
    if len(inflated) > limit:
        raise TooLarge(f"The inflated body may hold at most {limit} bytes.")
    if not inflater.eof:
        raise InvalidInput("The gzip body is cut short: its end is missing. Send the whole body.")
    if inflater.unused_data:
        raise InvalidInput("The gzip body has bytes after its end. Send one gzip stream.")
    return inflated


def read_json(request: Request) -> Any:
    """Return the JSON of a body. Raises InvalidInput."""
    body = request.data
    if not isinstance(body, bytes):
        raise InvalidInput("The body is empty: send JSON.")
    try:
        return json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"The body is no JSON: {str(error)[:200]}.") from error


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def require_depth(data: object) -> None:
    """Raise InvalidInput for data that is nested deeper than 100 levels."""
    level, depth = [data], 0
    while level:
        depth += 1
        if depth > _DEEPEST:
            raise InvalidInput(f"The JSON is nested deeper than {_DEEPEST} levels.")
        following: list[object] = []
        for value in level:
            if type(value) is dict:  # as `json` makes them: half the time of isinstance, for each value of each event
                following += value.values()
            elif type(value) is list:
                following += value
        level = following


def plain_text(value: object) -> str:
    """Return a text or number as a text that every database can store, "" for everything else."""
    if type(value) is str and value.isascii() and "\x00" not in value:
        return value.strip()
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value).strip().replace("\x00", "\\u0000").encode("utf-8", "backslashreplace").decode()
