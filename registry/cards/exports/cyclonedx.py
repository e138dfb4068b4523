"""A card as a CycloneDX 1.6 ML-BOM: one machine-learning-model component with its modelCard.

Specification: https://cyclonedx.org/docs/1.6/json/. Fields that modelCard does not have become its ``properties``,
named ``custody:card:<field>``. approvals/packs/declarations.py makes the ``declarations``.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from core.times import from_ms, iso_utc
from registry.cards.document import CardSource
from registry.cards.exports.shapes import field_text, interval, pruned
from registry.cards.fields import FIELDS

PREFIX = "custody:card:"
MODEL_REF = "model"
_HASH = re.compile(r"sha256:([0-9a-f]{64})")
# Fields that modelCard has a key for.
_STANDARD_FIELDS = frozenset(
    {
        "users", "intended_use", "limitations", "tradeoffs", "ethical_considerations", "fairness", "approach", "task",
        "architecture_family", "architecture", "evaluation", "slices", "data", "signature", "metrics", "artifact",
    }
)  # fmt: skip


def to_cyclonedx(card: CardSource, *, declarations: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the ML-BOM of a card.

    The serial number is computed from the revision, so the same revision always gives the same document.
    """
    created_at = from_ms(card.created_ms)
    serial = uuid.uuid5(uuid.NAMESPACE_URL, f"urn:custody:{card.model}:{card.version}:{card.digest}")
    document: dict[str, Any] = pruned(
        {
            "bomFormat": "CycloneDX",
            "specVersion": "1.6",
            "serialNumber": f"urn:uuid:{serial}",
            "version": 1,
            "metadata": {
                "timestamp": iso_utc(created_at, "seconds"),
                "component": _component(card),
            },
            "components": [_dataset(number, row) for number, row in enumerate(card.rows("data"), start=1)],
            "declarations": dict(declarations or {}),
        }
    )
    return {"$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json", **document}


def _component(card: CardSource) -> dict[str, Any]:
    match = _HASH.fullmatch(card.artifact_digest)
    licence = card.text("licence")
    spdx_id = _KNOWN_LICENCES.get(licence.lower())
    licence_choice = {"id": spdx_id} if spdx_id else {"name": licence}
    return {
        "type": "machine-learning-model",
        "bom-ref": MODEL_REF,
        "name": card.model,
        "version": str(card.version),
        "description": card.text("overview") or card.description,
        "authors": [{"name": name} for name in card.items("owners") or [card.created_by]],
        "hashes": [{"alg": "SHA-256", "content": match[1]}] if match else [],
        "licenses": [{"license": licence_choice}] if licence else [],
        "modelCard": {
            "bom-ref": "model-card",
            "modelParameters": _parameters(card),
            "quantitativeAnalysis": {
                "performanceMetrics": [_metric(row) for row in [*card.rows("evaluation"), *card.rows("slices")]]
            },
            "considerations": _considerations(card),
            "properties": list(_properties(card)),
        },
    }


# SPDX identifiers of common licences. Any other licence is given by its name, which the specification allows.
_KNOWN_LICENCES = {
    name.lower(): name
    for name in (
        "Apache-2.0", "MIT", "BSD-2-Clause", "BSD-3-Clause", "GPL-2.0-only", "GPL-3.0-only", "LGPL-3.0-only", "MPL-2.0",
        "AGPL-3.0-only", "CC0-1.0", "CC-BY-4.0", "CC-BY-SA-4.0", "CC-BY-NC-4.0", "ISC", "Unlicense",
    )
}  # fmt: skip


def _parameters(card: CardSource) -> dict[str, Any]:
    signature = card.facts("signature")
    return {
        "approach": {"type": card.text("approach")},
        "task": card.text("task"),
        "architectureFamily": card.text("architecture_family"),
        "modelArchitecture": card.text("architecture"),
        "datasets": [{"ref": f"dataset-{number}"} for number, _ in enumerate(card.rows("data"), start=1)],
        "inputs": [{"format": text} for text in _formats(signature.get("inputs"))],
        "outputs": [{"format": text} for text in _formats(signature.get("outputs"))],
    }


def _formats(columns: object) -> Iterator[str]:
    for column in columns if isinstance(columns, list) else []:
        yield f"{column.get('name', '')}: {column.get('type', '')}"


def _metric(row: dict[str, str]) -> dict[str, Any]:
    low, high = interval(row.get("ci", ""))
    data_slice = row.get("slice") or row.get("dataset") or row.get("dataset_digest") or ""
    return {
        "type": row.get("metric", ""),
        "value": row.get("value", ""),
        "slice": data_slice,
        "confidenceInterval": {"lowerBound": low, "upperBound": high},
    }


def _considerations(card: CardSource) -> dict[str, Any]:
    def texts(key: str) -> list[str]:
        return [card.text(key)] if card.text(key) else []

    return {
        "users": card.items("users"),
        "useCases": texts("intended_use"),
        "technicalLimitations": texts("limitations"),
        "performanceTradeoffs": texts("tradeoffs"),
        "ethicalConsiderations": [
            {"name": row.get("name", ""), "mitigationStrategy": row.get("mitigation", "")}
            for row in card.rows("ethical_considerations")
        ],
        "fairnessAssessments": [
            {
                "groupAtRisk": row.get("group", ""),
                "benefits": row.get("benefits", ""),
                "harms": row.get("harms", ""),
                "mitigationStrategy": row.get("mitigation", ""),
            }
            for row in card.rows("fairness")
        ],
    }


def _properties(card: CardSource) -> Iterator[dict[str, str]]:
    yield {"name": "custody:card", "value": f"revision {card.number}, sha256:{card.digest}"}
    if card.tier:
        yield {"name": "custody:risk-tier", "value": card.tier}
    for field in FIELDS:
        if field.human and field.key not in _STANDARD_FIELDS and (text := field_text(card, field.key)):
            yield {"name": f"{PREFIX}{field.key}", "value": text}
    for key in ("code", "training", "environment", "parameters"):
        for name, value in card.facts(key).items():
            yield {
                "name": f"custody:{key}:{name}",
                "value": ", ".join(value) if isinstance(value, list) else str(value),
            }


def _dataset(number: int, row: dict[str, str]) -> dict[str, Any]:
    match = _HASH.fullmatch(row.get("digest", ""))
    return {
        "type": "data",
        "bom-ref": f"dataset-{number}",
        "name": row.get("name", "") or "dataset",
        "version": row.get("digest", ""),
        "hashes": [{"alg": "SHA-256", "content": match[1]}] if match else [],
        "properties": [
            {"name": f"custody:dataset:{key}", "value": row[key]}
            for key in ("role", "source_type", "node")
            if row.get(key)
        ],
    }
