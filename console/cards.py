"""What the pages of a model card show: each field with its source, and what changed between revisions."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from audit.errors import NotFound
from console.places import label_of, place_of
from registry.cards import FIELDS, Field, missing_fields
from registry.models import CardRevision, ModelVersion


@dataclass(frozen=True, slots=True)
class FieldView:
    """One field as shown: ``text`` for what people wrote, ``rows`` for mappings, ``items`` for lists of mappings."""

    field: Field
    text: str
    rows: list[tuple[str, str]]
    items: list[list[tuple[str, str]]]
    source: str
    source_url: str
    is_missing: bool


@dataclass(frozen=True, slots=True)
class CardPage:
    """One revision of a card, and all its revisions, newest first."""

    version: ModelVersion
    revision: CardRevision
    newest: CardRevision
    fields: list[FieldView]
    revisions: list[CardRevision]
    filled: int
    total: int


@dataclass(frozen=True, slots=True)
class FieldDiff:
    """A field that changed: pieces of (`same`, `del` or `ins`, words)."""

    field: Field
    pieces: list[tuple[str, str]]


def card_page(version: ModelVersion, number: int | None = None) -> CardPage:
    """Return a card, the newest revision unless ``number`` says which. NotFound."""
    revisions = list(version.card_revisions.order_by("-number"))
    shown = next((row for row in revisions if number in (None, row.number)), None)
    if shown is None:
        raise NotFound(f"The card of {version} has no revision {number}.")
    missing = set(missing_fields(shown))
    fields = [_view(field, shown.body.get(field.key) or {}, missing) for field in FIELDS]
    human = [view for view in fields if view.field.human]
    filled = sum(not view.is_missing for view in human)
    return CardPage(version, shown, revisions[0], fields, revisions, filled, len(human))


def diff_fields(before: CardRevision | None, after: CardRevision) -> list[FieldDiff]:
    """Return the fields that differ between two revisions, word by word."""
    old = before.body if before else {}
    pairs = [(field, _plain(old.get(field.key)), _plain(after.body.get(field.key))) for field in FIELDS]
    return [FieldDiff(field, _words(was, now)) for field, was, now in pairs if was != now]


def _view(field: Field, entry: Mapping[str, Any], missing: set[str]) -> FieldView:
    value, source = entry.get("value", ""), str(entry.get("source", ""))
    pointer = str(entry.get("pointer", ""))
    origin = f"written by {label_of(pointer)}" if source == "human" else f"from {label_of(pointer)}"
    return FieldView(
        field=field,
        text=value if isinstance(value, str) else "",
        rows=_pairs(value) if isinstance(value, dict) else [],
        items=[_pairs(item) if isinstance(item, dict) else [("", str(item))] for item in value]
        if isinstance(value, list)
        else [],
        source=origin if pointer else "",
        source_url=place_of(pointer),
        is_missing=field.key in missing,
    )


def _pairs(value: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(str(key), _short(item)) for key, item in value.items() if item not in ("", None)]


def _short(value: object) -> str:
    return value if isinstance(value, str) else str(value)


def _plain(entry: Mapping[str, Any] | None) -> str:
    value = entry.get("value", "") if entry else ""
    if isinstance(value, str):
        return value
    lines = value.items() if isinstance(value, dict) else enumerate(value, start=1) if isinstance(value, list) else []
    return "\n".join(f"{key}: {item}" for key, item in lines)


def _words(before: str, after: str) -> list[tuple[str, str]]:
    old, new = before.split(" "), after.split(" ")
    pieces: list[tuple[str, str]] = []
    for kind, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            pieces.append(("same", " ".join(old[a:b])))
            continue
        pieces += [(name, words) for name, words in (("del", " ".join(old[a:b])), ("ins", " ".join(new[c:d]))) if words]
    return pieces
