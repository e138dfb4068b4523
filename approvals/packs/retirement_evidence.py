"""The evidence of a retired model as one JSON file: versions, approvals, findings, cards, attestations and events."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from typing import Any

import orjson

from approvals.models import Finding, Retirement
from approvals.packs.approval_records import approvals_of, as_json
from audit.models import Event
from core.refs import model_stream
from core.times import iso_utc
from registry.models import CardRevision, ModelAttestation, PackOrder, RegisteredModel


def retirement_evidence(model: RegisteredModel, reason: str) -> bytes:
    """Return the evidence as JSON with sorted keys. Of events, cards and packs it has only the hashes."""
    versions = list(model.versions.select_related("model").order_by("version"))
    evidence: dict[str, Any] = {
        "schema": 1,
        "model": model.name,
        "reason": reason,
        "versions": [
            {
                "version": row.version,
                "stage": row.stage,
                "artifact_digest": row.artifact_digest,
                "run_id": row.run_id,
                "created_by": row.created_by,
                "deleted": row.deleted_at is not None,
                "approvals": [as_json(record) for record in approvals_of(row)],
            }
            for row in versions
        ],
        "cards": _cards(model),
        "packs": _packs(model),
        "findings": _findings(model),
        "attestations": _attestations(model),
        "events": [
            {"id": str(event_id), "leaf": hashlib.sha256(b"\0" + bytes(body)).hexdigest()}  # RFC 6962, section 2.1
            for event_id, body in Event.objects.filter(stream=model_stream(model.pk))
            .order_by("id")
            .values_list("event_id", "body")
        ],
    }
    return orjson.dumps(evidence, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2)


def evidence_named(digests: Collection[str]) -> set[str]:
    """Return the digests among these that retirement evidence has. It is never pruned (settings.ARTIFACT_HOLDERS)."""
    return set(Retirement.objects.filter(evidence_digest__in=digests).values_list("evidence_digest", flat=True))


def _cards(model: RegisteredModel) -> list[dict[str, Any]]:
    rows = CardRevision.objects.filter(version__model=model).order_by("version__version", "number")
    return list(rows.values("version__version", "number", "digest", "author"))


def _packs(model: RegisteredModel) -> list[dict[str, Any]]:
    rows = PackOrder.objects.filter(version__model=model, frozen__isnull=False).order_by("pk")
    return list(rows.values("version__version", "number", "frozen__digest"))


def _findings(model: RegisteredModel) -> list[dict[str, Any]]:
    rows = Finding.objects.filter(model=model).order_by("pk")
    columns = ("id", "version__version", "severity", "title", "state", "resolution", "closed_by")
    return [dict(zip(columns, row, strict=True)) for row in rows.values_list(*columns)]


def _attestations(model: RegisteredModel) -> list[dict[str, Any]]:
    rows = ModelAttestation.objects.filter(model=model).select_related("person").order_by("pk")
    return [
        {
            "person": row.person.username,
            "in_use": row.in_use,
            "still_fit": row.still_fit,
            "documentation_true": row.documentation_true,
            "comment": row.comment,
            "attested_at": iso_utc(row.attested_at),
        }
        for row in rows
    ]
