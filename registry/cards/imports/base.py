"""Shared parts of every card import: refusing unsafe documents, reading values, and reporting parts left out."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from core.errors import InvalidInput, TooLarge
from registry.cards.fields import BY_KEY
from registry.cards.values import is_placeholder

MAX_BYTES = 1_000_000
_MAX_REPORTED = 500
_LONGEST_LINE = 1000
# HTML that runs, loads or restyles something. Cards do not need it, and the pages never render it.
_ACTIVE_HTML = re.compile(
    r"<\s*/?\s*(?P<tag>script|iframe|object|embed|style|link|meta|base|form|svg|applet)\b|<\w[^<>]{0,500}\son\w+\s*="
    r"|(?:href|src)\s*=\s*[\"']?\s*javascript:|\]\(\s*javascript:",
    re.IGNORECASE,
)
_PAGE = re.compile(r"\s*(?:<!doctype\s+html|<html\b)", re.IGNORECASE)


@dataclass(slots=True)
class Imported:
    """The fields read from a document, and descriptions of the parts that were left out.

    ``origin`` names the document by its kind and SHA-256; it becomes the pointer of every field taken from it.
    """

    origin: str
    fields: dict[str, Any] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)

    def take(self, key: str, value: Any) -> None:
        """Set a field, unless the value is empty. The first value of a field counts; a different one is reported."""
        empty = is_placeholder(value) if isinstance(value, str) else not value
        if not empty and self.fields.setdefault(key, value) != value:
            self.report(f"another value for the field {key}")

    def take_line(self, key: str, values: Iterable[str]) -> None:
        """Set a field to the distinct texts as one line. Texts that do not fit are reported."""
        line = ""
        for value in dict.fromkeys(value for value in values if value and not is_placeholder(value)):
            longer = f"{line}, {value}" if line else value
            if len(longer) > _LONGEST_LINE:
                self.report(f"{key}: {value}")
            else:
                line = longer
        self.take(key, line)

    def report(self, problem: str) -> None:
        """Add a part to the list of parts that are left out."""
        text = " ".join(problem.split())[:200]
        if text and text not in self.unknown and len(self.unknown) < _MAX_REPORTED:
            self.unknown.append(text)

    def report_rest(self, prefix: str, block: object, read: frozenset[str]) -> None:
        """Report the paths of a block that have a value and that the import does not read.

        ``read`` are the paths that it reads, such as ``results[].value``. A path that ends in ``.`` or ``[`` includes
        everything below it.
        """
        prefixes = tuple(path for path in read if path.endswith((".", "[")))
        for path, value in _paths(block):
            if value not in ("", None) and path not in read and not path.startswith(prefixes):
                self.report(f"{prefix}{path}")


def _paths(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Yield each path in nested mappings and lists with its value; the items of a list share a path."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _paths(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for inner in value:
            yield from _paths(inner, f"{path}[]")
    else:
        yield path, value


def begin(kind: str, data: bytes) -> tuple[Imported, str]:
    """Return an empty result and the document's text. Raises InvalidInput, TooLarge."""
    if len(data) > MAX_BYTES:
        raise TooLarge(f"A card to import has at most {MAX_BYTES} bytes; this one has {len(data)}.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput("The card to import is not UTF-8 text.") from error
    if "\x00" in text:
        raise InvalidInput("The card to import contains a NUL byte.")
    if _PAGE.match(text):
        raise InvalidInput("This is an HTML page, not a card. Import the README.md or the JSON it was made from.")
    if active := _ACTIVE_HTML.search(text):
        element = f"<{active['tag'].lower()}>" if active["tag"] else "a script in an attribute or a link"
        raise InvalidInput(f"The card to import contains active HTML ({element}). Remove it and import the card again.")
    return Imported(origin=f"import:{kind}/sha256:{hashlib.sha256(data).hexdigest()}"), text


def parsed_json(text: str) -> dict[str, Any]:
    """Return a JSON object. Raises InvalidInput for anything else."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidInput(f"The card to import is not valid JSON: {error}.") from error
    if not isinstance(value, dict):
        raise InvalidInput("The card to import must be a JSON object.")
    return value


def block_of(document: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Return the mapping under a key, {} where the key is missing or empty. Raises InvalidInput for anything else."""
    value = document.get(key)
    if value in (None, ""):
        return {}
    if not isinstance(value, dict):
        raise InvalidInput(f"{key[:100]!r} must be an object.")
    return value


def list_of(document: Mapping[str, Any], key: str) -> list[Any]:
    """Return the list under a key, [] where the key is missing or empty. Raises InvalidInput for anything else."""
    value = document.get(key)
    if value in (None, ""):
        return []
    if not isinstance(value, list):
        raise InvalidInput(f"{key[:100]!r} must be a list.")
    return value


def text_of(value: object) -> str:
    """Return a text or a number as text, "" for anything else."""
    if isinstance(value, bool):
        return ""
    return str(value).strip() if isinstance(value, str | int | float) else ""


def line_of(value: object) -> str:
    """Return a text or a number as one line, "" for anything else."""
    return " ".join(text_of(value).split())


def described(items: list[Any]) -> list[str]:
    """Return the texts of a list of texts or of ``{"description": …}``."""
    texts = [text_of(item.get("description")) if isinstance(item, dict) else text_of(item) for item in items]
    return [text for text in texts if text]


def interval_of(ends: Mapping[str, Any], low: str, high: str) -> str:
    """Return a confidence interval as text, with a hyphen for an open end; "" where there is none."""
    bounds = [line_of(ends.get(low)), line_of(ends.get(high))]
    return f"[{bounds[0] or '-'}, {bounds[1] or '-'}]" if any(bounds) else ""


def columns_of(key: str, rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Return rows with only the columns of a field, without empty cells and empty rows."""
    table = [{column: row[column] for column in BY_KEY[key].columns if row.get(column)} for row in rows]
    return [row for row in table if row]
