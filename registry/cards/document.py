"""A card as the published document that `schema.py` describes: its fields at their paths, and generated parts.

Generated parts are never stored in a card and never accepted from a client. The risk tier comes from the model's
assessment, the approvals come from the requests.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from registry.cards.fields import FIELDS, SCHEMA_ID, SCHEMA_VERSION, Field
from registry.models import CardRevision, ModelVersion
from registry.risk import current_assessment

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class CardSource:
    """A revision of a card with the facts of its version that exports contain, as plain values.

    ``tier`` is "" where nobody has assessed the model. ``approvals`` are rows that a higher layer generates.
    """

    model: str
    version: int
    description: str
    stage: str
    created_by: str
    created_ms: int
    artifact_digest: str
    source: str
    run_id: str
    tags: Mapping[str, str]
    number: int
    digest: str
    author: str
    body: Mapping[str, Mapping[str, Any]]
    tier: str = ""
    tier_pointer: str = ""
    approvals: Sequence[Mapping[str, str]] = field(default=())

    def value(self, key: str) -> Any:
        """Return the value of a field, "" where the card has none."""
        return (self.body.get(key) or {}).get("value", "")

    def text(self, key: str) -> str:
        """Return the value of a text field, "" for a field of another kind."""
        value = self.value(key)
        return value if isinstance(value, str) else ""

    def items(self, key: str) -> list[str]:
        """Return the value of a field that is a list of texts, [] for a field of another kind."""
        value = self.value(key)
        return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []

    def rows(self, key: str) -> list[dict[str, str]]:
        """Return the value of a field that is a list of rows, with each cell as text."""
        value = self.value(key)
        rows = [row for row in value if isinstance(row, Mapping)] if isinstance(value, list) else []
        return [{str(name): str(cell) for name, cell in row.items()} for row in rows]

    def facts(self, key: str) -> dict[str, Any]:
        """Return the value of a field that is a mapping, {} for a field of another kind."""
        value = self.value(key)
        return dict(value) if isinstance(value, Mapping) else {}


def card_source(version: ModelVersion, card: CardRevision) -> CardSource:
    """Return a revision as a source of exports, with the model's current risk tier."""
    assessed = current_assessment(version.model)
    return CardSource(
        model=version.model.name,
        version=version.version,
        description=version.description,
        stage=version.stage,
        created_by=version.created_by,
        created_ms=version.created_ms,
        artifact_digest=version.artifact_digest,
        source=version.source,
        run_id=version.run_id,
        tags={tag.key: tag.value for tag in version.tags.order_by("key")},
        number=card.number,
        digest=card.digest,
        author=card.author,
        body=card.body,
        tier=assessed.tier if assessed else "",
        tier_pointer=tier_pointer(version.model.name, assessed.number) if assessed else "",
    )


def tier_pointer(model: str, number: int) -> str:
    """Return the reference of a risk assessment."""
    return f"risk-assessment:{model}/{number}"


def card_document(card: CardSource) -> Document:
    """Return the card as the published document."""
    document: Document = {
        "$schema": SCHEMA_ID,
        "schema_version": SCHEMA_VERSION,
        "model": card.model,
        "version": card.version,
        "revision": card.number,
        "digest": card.digest,
    }
    document |= body_document(card.body)
    if card.tier:
        _put(document, "risk.tier", {"value": card.tier, "source": "auto", "pointer": card.tier_pointer})
    document["approvals"] = [dict(row) for row in card.approvals]
    return document


def body_document(body: Mapping[str, Mapping[str, Any]]) -> Document:
    """Return the fields of a body at their paths. Fields without an entry are left out."""
    document: Document = {}
    for field_of_card, entry in _entries(body):
        _put(document, field_of_card.path, dict(entry))
    return document


def _entries(body: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[Field, Mapping[str, Any]]]:
    return ((each, body[each.key]) for each in FIELDS if each.key in body)


def _put(document: Document, path: str, value: object) -> None:
    *parents, key = path.split(".")
    block = document
    for parent in parents:
        block = block.setdefault(parent, {})
    block[key] = value
