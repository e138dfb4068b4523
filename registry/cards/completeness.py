"""Completeness of a card: its empty required fields, and its score by a template."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from registry.cards.fields import FIELDS, HUMAN_KEYS
from registry.cards.templates import Template, required_keys
from registry.cards.values import says_nothing
from registry.models import CardRevision

_FULL = 100


@dataclass(frozen=True, slots=True)
class Completeness:
    """A card measured by a template, for a model of a tier. ``missing`` are keys of fields, in the card's order."""

    template: Template
    tier: str
    total: int
    missing: tuple[str, ...]

    @property
    def filled(self) -> int:
        """Return how many required fields are filled in."""
        return self.total - len(self.missing)

    @property
    def score(self) -> int:
        """Return the percentage of required fields that are filled in, rounded down: 100 only where none is missing."""
        return self.filled * _FULL // self.total if self.total else _FULL


def missing_fields(card: CardRevision, required: Iterable[str] = HUMAN_KEYS) -> list[str]:
    """Return the empty required fields, in the card's order; a placeholder such as "TODO" counts as empty."""
    required_keys = set(required)
    return [field.key for field in FIELDS if field.key in required_keys and says_nothing(card.body.get(field.key))]


def written_keys(body: dict[str, Any]) -> tuple[str, ...]:
    """Return the keys of every field that is filled in, in the card's order."""
    return tuple(field.key for field in FIELDS if not says_nothing(body.get(field.key)))


def completeness(written: Collection[str], template: Template, tier: str = "") -> Completeness:
    """Return the completeness of a card by a template, given the keys of its filled fields (`written_keys`)."""
    required = set(required_keys(template, tier))
    missing = tuple(field.key for field in FIELDS if field.key in required and field.key not in written)
    return Completeness(template, tier, len(required), missing)
