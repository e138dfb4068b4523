"""Values of card fields: validation by kind, emptiness, and lists and tables as lines of text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypedDict, TypeVar

import orjson

from core.errors import InvalidInput, TooLarge
from registry.cards.fields import Field, Kind
from registry.names import check_text

MAX_FIELD = 20_000
MAX_LINE = 1_000
MAX_ITEMS = 200
_SEPARATOR = " | "
_NOTHING = re.compile(
    r"(?:to ?do|tbd|tba|fixme|xxx+|n\.? ?/? ?a\.?|none|nil|null|unknown|placeholder|lorem ipsum|to be (?:done|defined|filled"
    r"|added|determined|written).*|(?:to ?do|tbd|fixme)\b.*|not (?:applicable|available|known|yet))",
    re.IGNORECASE | re.DOTALL,
)


class Entry(TypedDict):
    """A field's value and its origin.

    ``source`` is `auto`, `human` or `imported`. ``pointer`` names the run, the file, the person or the imported
    document.
    """

    value: Any
    source: str
    pointer: str


Body = dict[str, Entry]
Value = str | list[str] | list[dict[str, str]]
_Lines = TypeVar("_Lines", list[str], list[dict[str, str]])


def checked_value(field: Field, value: object) -> Value:
    """Return a value that a person entered for a field, as it is stored. Raises InvalidInput, TooLarge."""
    match field.kind:
        case Kind.LIST:
            return _items(field, value)
        case Kind.ROWS:
            return _rows(field, value)
        case Kind.CHOICE:
            return _choice(field, value)
        case Kind.LINE:
            return _text(field, value, MAX_LINE)
        case _:
            return _text(field, value, MAX_FIELD)


def is_placeholder(text: str) -> bool:
    """Return whether a text has no content: empty, without a letter or digit, or a usual placeholder."""
    bare = text.strip().strip("-\u2013\u2014.\u2026<>[](){}*_#:!?`'\" \t\r\n")
    return not any(char.isalnum() for char in bare) or _NOTHING.fullmatch(bare) is not None


def says_nothing(entry: Mapping[str, Any] | None) -> bool:
    """Return whether a field has no content: no value, or only placeholders."""
    return _is_nothing(entry.get("value") if entry else None)


def as_lines(field: Field, value: object) -> str:
    """Return a value as the text that a person edits: an item or a row for each line, with `|` between cells."""
    if field.kind is Kind.LIST and isinstance(value, list):
        return "\n".join(str(item).replace("\n", " ") for item in value)
    if field.kind is Kind.ROWS and isinstance(value, list):
        return "\n".join(_line(field, row) for row in value if isinstance(row, Mapping))
    return value if isinstance(value, str) else ""


def from_lines(field: Field, text: str) -> object:
    """Return the value that `as_lines` wrote as this text.

    Raises InvalidInput for a row with more cells than the table has columns.
    """
    lines = [line.strip() for line in text.replace("\r\n", "\n").split("\n")]
    if field.kind is Kind.LIST:
        return [line for line in lines if line]
    if field.kind is Kind.ROWS:
        return [_row(field, number, line) for number, line in enumerate(lines, start=1) if line.strip("| ")]
    return text


def _is_nothing(value: object) -> bool:
    if isinstance(value, str):
        return is_placeholder(value)
    if isinstance(value, list):
        return all(_is_nothing(item) for item in value)
    if isinstance(value, Mapping):
        return all(_is_nothing(item) for item in value.values())
    return value is None


def _text(field: Field, value: object, limit: int) -> str:
    if not isinstance(value, str):
        raise InvalidInput(f"The card field {field.key} must be text.")
    text = check_text(value.replace("\r\n", "\n").strip(), f"card field {field.key}", limit)
    if field.kind is not Kind.TEXT and "\n" in text:
        raise InvalidInput(f"The card field {field.key} must be one line.")
    return text


def _choice(field: Field, value: object) -> str:
    text = _text(field, value, MAX_LINE)
    if text and text not in field.choices:
        raise InvalidInput(f"The card field {field.key} must be one of {', '.join(field.choices)}, or empty.")
    return text


def _items(field: Field, value: object) -> list[str]:
    if value == "":
        return []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise InvalidInput(f"The card field {field.key} must be a list of texts.")
    items = [check_text(item.strip(), f"line of the card field {field.key}", MAX_LINE) for item in value]
    return _within_limits(field, [item for item in items if item])


def _rows(field: Field, value: object) -> list[dict[str, str]]:
    if value == "":
        return []
    if not isinstance(value, list) or not all(isinstance(row, Mapping) for row in value):
        raise InvalidInput(f"The card field {field.key} must be a list of rows with {', '.join(field.columns)}.")
    rows = [_cells(field, row) for row in value]
    return _within_limits(field, [row for row in rows if row])


def _cells(field: Field, row: Mapping[Any, Any]) -> dict[str, str]:
    """Return the non-empty cells of a row in the order of the columns. Numbers become text, as in every field."""
    if unknown := [str(key)[:50] for key in row if key not in field.columns]:
        raise InvalidInput(
            f"The rows of the card field {field.key} have no column {', '.join(unknown[:3])}. "
            f"Their columns are {', '.join(field.columns)}."
        )
    cells = {key: row[key] for key in field.columns if key in row}
    if not all(isinstance(cell, str | int | float) and not isinstance(cell, bool) for cell in cells.values()):
        raise InvalidInput(f"The cells of the card field {field.key} must be text or numbers.")
    texts = {key: " ".join(str(cell).split()) for key, cell in cells.items()}
    return {
        key: check_text(text, f"cell of the card field {field.key}", MAX_LINE) for key, text in texts.items() if text
    }


def _within_limits(field: Field, value: _Lines) -> _Lines:
    if len(value) > MAX_ITEMS:
        raise TooLarge(f"The card field {field.key} can have at most {MAX_ITEMS} lines. It has {len(value)}.")
    if len(orjson.dumps(value)) > MAX_FIELD:
        raise TooLarge(f"The card field {field.key} can have at most {MAX_FIELD} bytes of JSON.")
    return value


def _line(field: Field, row: Mapping[Any, Any]) -> str:
    cells = [
        str(row.get(key, "")).replace("\n", " ").replace("\\", "\\\\").replace("|", "\\|") for key in field.columns
    ]
    while cells and not cells[-1]:
        cells.pop()
    return _SEPARATOR.join(cells)


def _row(field: Field, number: int, line: str) -> dict[str, str]:
    cells = [cell.strip() for cell in _cells_of(line)]
    if any(cells[len(field.columns) :]):
        raise InvalidInput(
            f"Line {number} has {len(cells)} cells. Write a row as "
            f"{_SEPARATOR.join(name.replace('_', ' ') for name in field.columns)}."
        )
    return {key: cell for key, cell in zip(field.columns, cells, strict=False) if cell}


def _cells_of(line: str) -> list[str]:
    """Return the cells of a line. In a cell, `\\|` stands for `|` and two backslashes for one."""
    cells, letters = [""], iter(line)
    for letter in letters:
        if letter == "|":
            cells.append("")
            continue
        after = next(letters, "") if letter == "\\" else ""
        cells[-1] += after if after and after in "|\\" else letter + after
    return cells
