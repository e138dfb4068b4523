"""The JSON parser of /api/v1. Like the MLflow protocol's, it answers invalid, too deep or non-UTF-8 bodies 400."""

from __future__ import annotations

import json
from typing import IO, Any

import orjson
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from core.body_limits import limited_body


class JSONParser(BaseParser):
    """A body of type application/json."""

    media_type = "application/json"

    def parse(self, stream: IO[bytes], media_type: str | None = None, parser_context: Any = None) -> Any:  # noqa: ARG002 - DRF's signature
        """Return the value of the body. Raises ParseError (400), TooLarge (413)."""
        body = limited_body(stream, parser_context["request"].path)
        try:
            value = orjson.loads(body)
            # orjson keeps the last of two equal keys without an error
            json.loads(body, object_pairs_hook=_without_repeats)
        except (ValueError, RecursionError) as error:
            raise ParseError(f"The request body is not valid JSON: {error}") from error
        return value


def _without_repeats(pairs: list[tuple[str, Any]]) -> None:
    """Refuse an object that has a key twice. Raises ValueError."""
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        repeated = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {repeated[:100]!r} is given twice")
