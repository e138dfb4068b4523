"""Small shapes that several exports share."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

from registry.cards.document import CardSource
from registry.cards.fields import BY_KEY
from registry.cards.values import as_lines

_NUMBER = r"[-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?"
_INTERVAL = re.compile(rf"[\[(]?\s*({_NUMBER})\s*(?:,|;|\.\.|to|\u2013)\s*({_NUMBER})\s*[\])]?")


def pruned(value: Any) -> Any:
    """Return a JSON value without its empty texts, lists and mappings. Numbers and booleans stay."""
    if isinstance(value, dict):
        filled = {key: pruned(item) for key, item in value.items()}
        return {key: item for key, item in filled.items() if item not in ("", [], {}, None)}
    if isinstance(value, list):
        items = [pruned(item) for item in value]
        return [item for item in items if item not in ("", [], {}, None)]
    return value


def interval(text: str) -> tuple[str, str]:
    """Return the two ends of an interval such as ``[0.91, 0.95]``, two empty texts for any other text."""
    match = _INTERVAL.fullmatch(text.strip())
    return (match[1], match[2]) if match else ("", "")


def finite_number(value: object) -> float | None:
    """Return a value of a card as a number, None where it is not a finite number."""
    try:
        number = float(str(value))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def field_text(card: CardSource, key: str) -> str:
    """Return a field of any kind as text; a list or a table has a line for each item or row."""
    return as_lines(BY_KEY[key], card.value(key))


def paragraphs(card: CardSource, keys: Sequence[str]) -> str:
    """Return fields as Markdown, each under its title; those that are empty are left out."""
    texts = [(BY_KEY[key].title, field_text(card, key)) for key in keys]
    return "\n\n".join(f"## {title}\n\n{text}" for title, text in texts if text)


def short(text: str, limit: int) -> str:
    """Return a text of at most ``limit`` characters, with an ellipsis where it was cut."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
