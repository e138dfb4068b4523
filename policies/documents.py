"""What a policy document may be made of, whichever door it came through: plain values, not too many, not too deep."""

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
    """Return a policy's body as it came. InvalidInput: no mapping, or something in it no policy can hold; TooLarge."""
    if not isinstance(value, Mapping):
        raise InvalidInput("A policy is a mapping with name, applies_to and rules.")
    for count, (path, part, depth) in enumerate(_walk(value), start=1):
        if count > MAX_VALUES:
            raise TooLarge(f"The policy holds more than {MAX_VALUES} values.")
        if depth > MAX_DEPTH:
            raise InvalidInput(f"{path}: nested deeper than {MAX_DEPTH} levels")
        if why := _problem_with(part):
            raise InvalidInput(f"{path or 'the policy'}: {why}")
    return {str(key): part for key, part in value.items()}


def _walk(value: object) -> Iterator[tuple[str, object, int]]:
    """Yield (path, value, depth) of everything in a document; what is too deep is yielded and not entered."""
    waiting: list[tuple[str, object, int]] = [("", value, 0)]
    while waiting:
        path, part, depth = waiting.pop()
        yield path, part, depth
        if depth > MAX_DEPTH:
            continue
        if isinstance(part, Mapping):
            waiting += [(f"{path}.{key}".lstrip("."), inner, depth + 1) for key, inner in part.items()]
            waiting += [(path, key, depth) for key in part]
        elif isinstance(part, list | tuple):
            waiting += [(f"{path}[{place}]", inner, depth + 1) for place, inner in enumerate(part, start=1)]


def _problem_with(part: object) -> str:
    if isinstance(part, Mapping):
        return "" if all(isinstance(key, str) for key in part) else "keys must be texts"
    if isinstance(part, float):
        return "" if math.isfinite(part) else "must be a number that is finite"
    if isinstance(part, int) and abs(part) > MAX_NUMBER:
        return "must be a number that JSON readers agree on"
    if isinstance(part, str):
        return _problem_with_text(part)
    return "" if part is None or isinstance(part, bool | int | list | tuple) else "must be a text, number or list"


def _problem_with_text(part: str) -> str:
    if len(part) > MAX_TEXT:
        return f"longer than {MAX_TEXT} characters"
    if "\x00" in part or any("\ud800" <= char <= "\udfff" for char in part):
        return "holds characters that are no text"
    return ""
