"""A card as the JSON of Google's Model Card Toolkit, schema 0.0.2.

Schema: https://github.com/tensorflow/model-card-toolkit, model_card_toolkit/schema/v0.0.2/model_card.schema.json. It
allows no other properties, so Custody's own fields go into ``documentation``.
"""

from __future__ import annotations

import re
from typing import Any

from core.times import from_ms
from registry.cards.document import CardSource
from registry.cards.exports.shapes import interval, paragraphs, pruned

_SPDX = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]*")
_URI = re.compile(r"https?://\S+")
# Fields that the schema has no key for. They are written into the documentation under their titles.
OTHERS = (
    "out_of_scope",
    "misuse",
    "deployer_instructions",
    "failure_modes",
    "training_data",
    "training_procedure",
    "evaluation_procedure",
    "evaluation_groups",
    "human_oversight",
    "monitoring_plan",
    "predetermined_changes",
    "lifecycle_changes",
    "environmental",
    "cybersecurity",
)


def to_mct(card: CardSource) -> dict[str, Any]:
    """Return the card as a Model Card Toolkit document."""
    document: dict[str, Any] = pruned(
        {
            "schema_version": "0.0.2",
            "model_details": _details(card),
            "model_parameters": _parameters(card),
            "quantitative_analysis": {
                "performance_metrics": [_metric(row) for row in [*card.rows("evaluation"), *card.rows("slices")]]
            },
            "considerations": _considerations(card),
        }
    )
    return document


def _details(card: CardSource) -> dict[str, Any]:
    licence = card.text("licence")
    created_at = from_ms(card.created_ms)
    contact = card.text("contact")
    return {
        "name": card.model,
        "overview": card.text("overview"),
        "documentation": paragraphs(card, OTHERS),
        "owners": [
            {"name": name, "contact": contact}
            for name in card.items("owners") or ([card.created_by] if card.created_by else [])
        ],
        "version": {
            "name": str(card.version),
            "date": created_at.date().isoformat(),
            "diff": card.text("lifecycle_changes"),
        },
        "licenses": [{"identifier" if _SPDX.fullmatch(licence) else "custom_text": licence}] if licence else [],
        "references": [{"reference": link} for link in card.items("references") if _URI.fullmatch(link)],
        "citations": [{"citation": card.text("citation")}] if card.text("citation") else [],
        "path": card.source,
    }


def _parameters(card: CardSource) -> dict[str, Any]:
    signature = card.facts("signature")
    architecture = [card.text("architecture_family"), card.text("architecture")]
    return {
        "model_architecture": ", ".join(part for part in architecture if part),
        "data": [
            {
                "name": row.get("name", ""),
                "description": ", ".join(row[key] for key in ("role", "digest") if row.get(key)),
            }
            for row in card.rows("data")
        ],
        "input_format_map": _columns(signature.get("inputs")),
        "output_format_map": _columns(signature.get("outputs")),
    }


def _columns(columns: object) -> list[dict[str, str]]:
    listed = columns if isinstance(columns, list) else []
    return [{"key": str(each.get("name", "")), "value": str(each.get("type", ""))} for each in listed]


def _metric(row: dict[str, str]) -> dict[str, Any]:
    low, high = interval(row.get("ci", ""))
    data_slice = row.get("slice") or row.get("dataset") or row.get("dataset_digest") or ""
    return {
        "type": row.get("metric", ""),
        "value": row.get("value", ""),
        "slice": data_slice,
        "confidence_interval": {"lower_bound": low, "upper_bound": high},
    }


def _considerations(card: CardSource) -> dict[str, Any]:
    def described(key: str) -> list[dict[str, str]]:
        return [{"description": card.text(key)}] if card.text(key) else []

    risks = [
        {"name": row.get("name", ""), "mitigation_strategy": row.get("mitigation", "")}
        for row in card.rows("ethical_considerations")
    ]
    return {
        "users": [{"description": user} for user in card.items("users")],
        "use_cases": described("intended_use"),
        "limitations": described("limitations"),
        "tradeoffs": described("tradeoffs"),
        "ethical_considerations": risks,
    }
