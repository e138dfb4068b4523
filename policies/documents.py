"""Limits of a policy document for every interface: kinds, sizes and number of values, and depth of nesting."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from core.errors import InvalidInput, TooLarge

MAX_BYTES = 128 * 1024
MAX_DEPTH = 8
MAX_VALUES = 10_000
MAX_TEXT = 10_000
MAX_NUMBER = 2**53 - 1  # RFC 8259, section 6


def check_document(value: object) -> dict[str, object]:
    """Return a policy body as a dict with the same content.

    Raises InvalidInput (not a mapping, or a value that a policy cannot have), TooLarge (too many values).
    """
    if not isinstance(value, Mapping):
        raise InvalidInput("A policy is a mapping with name, applies_to and rules.")
    for count, (path, part, depth) in enumerate(_walk(value), start=1):
        if count > MAX_VALUES:
            raise TooLarge(f"A policy must have at most {MAX_VALUES} values.")
        if depth > MAX_DEPTH:
            raise InvalidInput(f"{path}: nested deeper than {MAX_DEPTH} levels")
        if why := _problem_with(part):
            raise InvalidInput(f"{path or 'the policy'}: {why}")
    return {str(key): part for key, part in value.items()}


def _walk(value: object) -> Iterator[tuple[str, object, int]]:
    """Yield (path, value, depth) of every value and key in a document. Nothing inside a too deep value is yielded."""
    stack: list[tuple[str, object, int]] = [("", value, 0)]
    while stack:
        path, part, depth = stack.pop()
        yield path, part, depth
        if depth > MAX_DEPTH:
            continue
        if isinstance(part, Mapping):
            stack += [(f"{path}.{key}".lstrip("."), inner, depth + 1) for key, inner in part.items()]
            stack += [(path, key, depth) for key in part]
        elif isinstance(part, list | tuple):
            stack += [(f"{path}[{number}]", inner, depth + 1) for number, inner in enumerate(part, start=1)]


def _problem_with(part: object) -> str:
    if isinstance(part, Mapping):
        return "" if all(isinstance(key, str) for key in part) else "keys must be strings"
    if isinstance(part, float):
        return "" if math.isfinite(part) else "must be a finite number"
    if isinstance(part, int) and abs(part) > MAX_NUMBER:
        return f"must be an integer from -{MAX_NUMBER} to {MAX_NUMBER}"
    if isinstance(part, str):
        return _problem_with_text(part)
    return (
        ""
        if part is None or isinstance(part, bool | int | list | tuple)
        else "must be a string, number, boolean, list or mapping"
    )


def _problem_with_text(part: str) -> str:
    if len(part) > MAX_TEXT:
        return f"must be at most {MAX_TEXT} characters"
    if "\x00" in part or any("\ud800" <= char <= "\udfff" for char in part):
        return "has characters that are not valid text"
    return ""
