"""Imports of cards in other formats. Documents are untrusted: `base.begin` refuses invalid ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from core.errors import InvalidInput
from registry.cards.imports.base import MAX_BYTES, Imported
from registry.cards.imports.cyclonedx import from_cyclonedx
from registry.cards.imports.huggingface import from_huggingface
from registry.cards.imports.mct import from_mct

__all__ = ["IMPORTS", "MAX_BYTES", "Imported", "read_card"]

IMPORTS: dict[str, Callable[[bytes, Mapping[str, Any]], Imported]] = {
    "hf": lambda data, _body: from_huggingface(data),
    "mct": from_mct,
    "cyclonedx": lambda data, _body: from_cyclonedx(data),
}


def read_card(kind: str, data: bytes, *, body: Mapping[str, Any]) -> Imported:
    """Return the fields of a document, for a card whose body is ``body``. Raises InvalidInput, TooLarge.

    Results that are in the card's own evaluation are left out of the slices: an export of the card contains them.
    """
    reader = IMPORTS.get(kind)
    if reader is None:
        raise InvalidInput(f"Unknown card format {kind[:50]!r}. Choose one of {', '.join(IMPORTS)}.")
    imported = reader(data, body)
    evaluation = (body.get("evaluation") or {}).get("value") or []
    measured = {(row.get("metric"), row.get("value")) for row in evaluation if isinstance(row, Mapping)}
    slices = [row for row in imported.fields.pop("slices", []) if (row.get("metric"), row.get("value")) not in measured]
    if slices:
        imported.fields["slices"] = slices
    return imported
