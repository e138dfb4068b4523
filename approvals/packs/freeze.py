"""Conformity packs: a promotion orders a pack and pins its facts, and a worker makes the pack, which never changes."""

from __future__ import annotations

import io
import re
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import BigIntegerField

from approvals.models import TransitionRequest
from approvals.packs.approval_records import records_of
from approvals.packs.build import build_pack
from audit.actions import Action
from audit.models import Event
from audit.queries import facts
from audit.services import enqueue, record
from core.actors import Actor
from core.errors import NotFound, Unavailable
from core.ids import row_id
from core.orm.compiled_models import CompiledModels
from core.orm.compiled_queries import Slot
from core.refs import request_ref, version_ref
from core.times import iso_utc
from lineage.models import Node
from registry.locks import lock_model
from registry.models import CardRevision, FrozenPack, ModelVersion, PackOrder, RiskAssessment
from registry.stages import Stage
from tracking.locks import hold_bytes
from tracking.store import current_store

_REQUEST = re.compile(r"\brequest:(\d{1,18})\b")
_SUBJECT = re.compile(r"\bsubject:([0-9a-f]{64})\b")
_VERSION = CompiledModels(
    lambda: ModelVersion.objects.filter(
        model_id=Slot("model_id", BigIntegerField()), version=Slot("version", BigIntegerField())
    ).select_related("model", "superseded_by")
)
_REPLACED = CompiledModels(
    lambda: ModelVersion.objects.filter(superseded_by_id=Slot("version", BigIntegerField())).order_by("-superseded_at")[
        :1
    ]
)


def order_pack(*, event: Event, version: ModelVersion) -> PackOrder:
    """Pin the facts of a promotion to Production or a protected alias, queue its pack, and return the order.

    ``event`` is the audit event of the promotion, ``version`` its `promoted_version`; this runs in its transaction. A
    second call for an event returns the first order.
    """
    existing: PackOrder | None = PackOrder.objects.filter(event_id=event.event_id).first()
    if existing is not None:
        return existing
    order = PackOrder(
        version=version,
        number=PackOrder.objects.filter(version=version).count() + 1,
        event_id=event.event_id,
        promoted_at=event.at,
        pinned=_pinned(event, version),
    )
    order.save()
    enqueue("approvals.tasks.freeze_pack", order_id=order.pk)
    return order


def freeze_pack(*, actor: Actor, order_id: int) -> FrozenPack:
    """Make the pack of an order, store it, record an event and return the pack. A second call returns the first pack.

    Raises NotFound (the order), Unavailable (the stored bytes were pruned at the same moment).
    """
    order = PackOrder.objects.select_related("version__model").filter(pk=order_id).first()
    if order is None:
        raise NotFound(f"There is no order {order_id} for a conformity pack.")
    existing: FrozenPack | None = FrozenPack.objects.filter(order=order).first()
    if existing is not None:
        return existing
    pack = build_pack(order)
    blob = current_store().put(io.BytesIO(pack.data), limit=settings.MAX_ARTIFACT_BYTES)
    with transaction.atomic():
        # One worker at a time for each model: a message that is delivered twice finds the row of the first delivery.
        lock_model(order.version.model_id)
        frozen_meanwhile: FrozenPack | None = FrozenPack.objects.filter(order=order).first()
        if frozen_meanwhile is not None:
            return frozen_meanwhile
        hold_bytes(exclusive=False)
        if not current_store().has(blob):
            raise Unavailable(
                "The bytes of the conformity pack were pruned while it was made. It is made again shortly."
            )
        frozen = FrozenPack(order=order, digest=blob.sha256, size=blob.size, manifest=pack.manifest)
        frozen.save()
        record(
            actor=actor,
            action=Action.REGISTRY_PACK_FROZEN,
            obj=order.version,
            after={
                "pack": order.number,
                "digest": f"sha256:{blob.sha256}",
                "bytes": blob.size,
                "files": len(pack.manifest["files"]),
                "card": order.pinned["card"],
                "promotion": str(order.event_id),
            },
        )
    return frozen


def waiting_packs() -> list[int]:
    """Return the ids of at most 100 orders whose pack has not been made, oldest first."""
    rows = PackOrder.objects.filter(frozen__isnull=True).order_by("pk")
    return list(rows.values_list("pk", flat=True)[:100])


def promoted_version(event: Event) -> ModelVersion | None:
    """Return the version that an event promoted or that it points an alias at; None if the version does not exist."""
    model_id = event.stream.rpartition(":")[2]
    number = event.object_ref.rpartition("/")[2]
    if event.action == Action.REGISTRY_ALIAS_SET:
        number = str(facts(event)["after"]["version"])
    return _VERSION.first(model_id=row_id(model_id), version=row_id(number))


def _pinned(event: Event, version: ModelVersion) -> dict[str, Any]:
    """Return the facts that a pack needs, as they are now.

    Rows that never change are pinned by their ids and digests, other rows by their values.
    """
    card = CardRevision.objects.filter(version=version, created_at__lte=event.at).order_by("-number").first()
    risk = RiskAssessment.objects.filter(model=version.model_id, created_at__lte=event.at).order_by("-number").first()
    basis = str(facts(event)["after"].get("basis", ""))
    match, subject = _REQUEST.search(basis), _SUBJECT.search(basis)
    rows = (
        TransitionRequest.objects.filter(pk=int(match[1]), version=version)
        if match
        else TransitionRequest.objects.none()
    )
    request = rows.with_relations().first()
    approval = records_of([request], until=event.at)[0] if request else None
    node = (
        Node.objects.filter(urn=version_ref(version.model.name, version.version)).values_list("pk", flat=True).first()
    )
    return {
        "model": version.model.name,
        "target": _target(event),
        "lineage_node": node or 0,
        "version": _version_facts(version) | _alias_facts(event),
        "card": {"number": card.number, "digest": card.digest} if card else None,
        "risk": {"number": risk.number, "tier": risk.tier} if risk else None,
        "basis": basis,
        "request": request.pk if request else None,
        "subject_digest": subject[1] if subject else "",
        "comment": request.comment if request else "",
        "reviews": [review.id for review in approval.reviews] if approval else [],
        "overrides": [override.id for override in approval.overrides] if approval else [],
        "checks": [[check.id, check.evidence_digest] for check in approval.checks] if approval else [],
        "policy": _policy(request) if request else None,
        "rules": _recorded_rules(request) if request else {},
    }


def _recorded_rules(request: TransitionRequest) -> dict[str, str]:
    """Return the result of each rule, read from the audit event of the approval; empty without that event."""
    approved = Event.objects.filter(
        object_ref=request_ref(request.pk), action=Action.APPROVALS_REQUEST_APPROVED, outcome="ok"
    )
    event = approved.order_by("-at", "-id").first()
    return dict(facts(event)["after"].get("rules", {})) if event else {}


def _target(event: Event) -> str:
    alias = facts(event)["after"].get("alias")
    return f"@{alias}" if alias else Stage.PRODUCTION.value


def _alias_facts(event: Event) -> dict[str, Any]:
    """Return the facts of a moved alias: the version it pointed to before, who moved it and when; empty for a stage."""
    if event.action != Action.REGISTRY_ALIAS_SET:
        return {}
    event_facts = facts(event)
    actor = event_facts["actor"]
    return {
        "replaced_version": (event_facts["before"] or {}).get("version"),
        "alias_set_by": actor.get("on_behalf_of") or actor["name"],
        "alias_set_at": iso_utc(event.at, "seconds"),
    }


def _version_facts(version: ModelVersion) -> dict[str, Any]:
    replaced = _REPLACED.first(version=version.pk)
    return {
        "model": version.model.name,
        "version": version.version,
        "description": version.description,
        "stage": version.stage,
        "artifact_digest": version.artifact_digest,
        "source": version.source,
        "run_id": version.run_id,
        "created_by": version.created_by,
        "created_ms": version.created_ms,
        "tags": dict(version.tags.order_by("key").values_list("key", "value")),
        "aliases": list(version.aliases.order_by("name").values_list("name", flat=True)),
        "staged_by": version.staged_by,
        "staged_at": iso_utc(version.staged_at, "seconds") if version.staged_at else None,
        "approved_by": version.approved_by,
        "approved_at": iso_utc(version.approved_at, "seconds") if version.approved_at else None,
        "approval_basis": version.approval_basis,
        "replaced_version": replaced.version if replaced else None,
    }


def _policy(request: TransitionRequest) -> dict[str, Any]:
    revision = request.policy_revision
    return {
        "name": str(revision),
        "digest": revision.digest,
        "published_by": revision.published_by,
        "published_at": iso_utc(revision.published_at, "seconds"),
        "body": revision.body,
    }
