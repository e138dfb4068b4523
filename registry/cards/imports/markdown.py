"""Markdown split into parts: a heading, its level, and the text down to the next heading.

A `#` in fenced code is not a heading.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from registry.cards.fields import BY_KEY, FIELDS, Kind
from registry.cards.imports.base import Imported

_HEADING = re.compile(r"#{1,3}(?=\s)")
_FENCE = re.compile(r"\s{0,3}(```|~~~)")
_CELL = re.compile(r"(?<!\\)\|")
BY_TITLE = {field.title.lower(): field.key for field in FIELDS if field.human}


@dataclass(frozen=True, slots=True)
class Part:
    """A heading and the text below it. The text before the first heading has the level 0."""

    level: int
    title: str
    text: str


def parts_of(markdown: str) -> list[Part]:
    """Return the parts of a document, in order. Comments are left out."""
    parts: list[Part] = []
    level, title, lines, fenced = 0, "", list[str](), False
    for line in without_comments(markdown).replace("\r\n", "\n").split("\n"):
        if _FENCE.match(line):
            fenced = not fenced
        heading = None if fenced else _HEADING.match(line)
        if heading is None:
            lines.append(line)
            continue
        parts.append(Part(level, title, "\n".join(lines).strip()))
        level, title, lines = heading.end(), line[heading.end() :].strip().rstrip("#").strip(), []
    parts.append(Part(level, title, "\n".join(lines).strip()))
    return [part for part in parts if part.title or part.text]


def without_comments(text: str) -> str:
    """Return a text without ``<!-- … -->``.

    A regular expression would take quadratic time for many unclosed comments.
    """
    pieces, position = [], 0
    while (start := text.find("<!--", position)) >= 0 and (end := text.find("-->", start)) >= 0:
        pieces.append(text[position:start])
        position = end + len("-->")
    return "".join([*pieces, text[position:]])


def take_parts(imported: Imported, parts: list[Part], titles: Mapping[str, str]) -> None:
    """Put each part whose title is in ``titles`` into its field, and report the other parts that have a text."""
    for part in parts:
        key = titles.get(" ".join(part.title.lower().split()))
        if key is not None:
            imported.take(key, value_of(key, part.text))
        elif part.text:
            imported.report(f"section “{part.title}”" if part.title else "text without a heading")


def value_of(key: str, text: str) -> object:
    """Return the text of a part as the value of a field: its list items, the rows of its table, or the text."""
    field = BY_KEY[key]
    if field.kind is Kind.LIST:
        lines = (re.sub(r"^\s*[-*+]\s+", "", line).strip() for line in text.split("\n"))
        return [line for line in lines if line]
    if field.kind is Kind.ROWS:
        return _rows(text, field.columns)
    return " ".join(text.split()) if field.kind in (Kind.LINE, Kind.CHOICE) else text


def _rows(text: str, columns: tuple[str, ...]) -> list[dict[str, str]]:
    lines = [line.strip().strip("|") for line in text.split("\n") if line.strip().startswith("|")]
    if len(lines) < 2:  # noqa: PLR2004 - a heading, a rule, then rows
        return []
    names = [cell.strip().lower().replace(" ", "_") for cell in _CELL.split(lines[0])]
    rows = []
    for line in lines[2:]:
        cells = [cell.strip().replace("\\|", "|") for cell in _CELL.split(line)]
        row = {name: cell for name, cell in zip(names, cells, strict=False) if cell and name in columns}
        rows += [row] if row else []
    return rows
