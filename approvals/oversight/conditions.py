"""Conditions of approvals after the move: their findings, reminders before the due date, and the end of the approval.

An approver may set a time at which the approval ends if the condition is still open. A worker then removes the version
from its target, and the gate lets that move pass without a request (`expired_condition`).
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import CharField, Exists, OuterRef, QuerySet, Value
from django.db.models.functions import Cast, Concat

from approvals.models import ApprovalCondition, Decision, RequestState, TransitionRequest
from approvals.models.oversight import Finding, FindingOrigin, FindingState
from approvals.oversight.findings import insert_finding
from audit.actions import Action
from audit.services import record
from audit.texts.owners import TextOf
from core.actors import Actor, system_actor
from core.errors import DomainError
from core.sweeps import for_each
from policies.rules import Severity
from policies.targets import is_alias
from registry.locks import lock_model
from registry.models import Alias, ModelVersion
from registry.services.aliases import delete_alias
from registry.services.stages import change_stage
from registry.stages import Stage, removed_alias

logger = logging.getLogger(__name__)

REMIND_BEFORE = timedelta(days=3)
_BATCH = 100


def open_condition_findings(*, actor: Actor, request: TransitionRequest) -> None:
    """Open a finding for each condition of the approvals of a request, in the transaction that applies it."""
    rows = ApprovalCondition.objects.filter(review__request=request, review__decision=Decision.APPROVE)
    for row in rows.select_related("owner", "review__reviewer").order_by("pk"):
        finding = Finding(
            model=request.version.model,
            version=request.version,
            severity=Severity.MEDIUM.value,
            title=row.text.splitlines()[0][:200],
            description=f"Condition of {row.review.reviewer.username}'s approval of request #{request.pk}: {row.text}",
            origin=FindingOrigin.CONDITION,
            cause=row.cause,
            owner=row.owner,
            due_at=row.due_at,
            opened_by=row.review.reviewer.username,
        )
        insert_finding(actor=actor, finding=finding)


def remind_conditions(now: datetime) -> int:
    """Record once for each open condition that it is due within three days. Return how many were recorded, at most 100.

    The audit event notifies the owner.
    """
    due = _open().filter(reminded_at__isnull=True, due_at__lte=now + REMIND_BEFORE, due_at__gt=now)
    ids = list(due.order_by("due_at").values_list("pk", flat=True)[:_BATCH])
    return for_each(ids, lambda pk: _remind(pk, now), failure="the owner of a condition was not reminded")


@transaction.atomic
def _remind(condition_id: int, now: datetime) -> bool:
    changed = ApprovalCondition.objects.filter(pk=condition_id, reminded_at__isnull=True).update(reminded_at=now)
    rows = ApprovalCondition.objects.select_related("review__request__version__model", "review__reviewer", "owner")
    row = rows.get(pk=condition_id)
    if changed:
        text = TextOf(row.review.reviewer.username, row.text)
        record(
            actor=system_actor("remind_conditions"),
            action=Action.APPROVALS_CONDITION_REMINDED,
            obj=row.review.request,
            after={"condition": row.pk, "text": text, "owner": row.owner.username, "due_at": row.due_at},
        )
    return bool(changed)


def expire_conditions(now: datetime) -> int:
    """Remove each version whose approval ended with an open condition from its target.

    Return how many conditions expired, at most 100.
    """
    due = _open().filter(expired_at__isnull=True, expires_at__lte=now)
    ids = list(due.order_by("expires_at").values_list("pk", flat=True)[:_BATCH])
    return for_each(ids, lambda pk: _expire(pk, now), failure="the approval of an expired condition was not ended")


def _expire(condition_id: int, now: datetime) -> bool:
    try:
        return _remove_from_target(condition_id, now)
    except DomainError as error:
        logger.warning("Condition %s could not end its approval; the next sweep tries again: %s", condition_id, error)
        return False


@transaction.atomic
def _remove_from_target(condition_id: int, now: datetime) -> bool:
    row = ApprovalCondition.objects.select_related("review__request__version", "review__reviewer").get(pk=condition_id)
    request = row.review.request
    lock_model(request.version.model_id)
    if not _open().filter(pk=condition_id).exists():  # somebody closed its finding before the lock
        return False
    version = ModelVersion.objects.select_related("model").get(pk=request.version_id)
    actor = system_actor("expire_conditions", on_behalf_of=row.review.reviewer.username)
    reason = f"The approval of request #{request.pk} has ended: its condition is still open. {row.text}"[:1000]
    if is_alias(request.target):
        name = request.target[1:]
        if not Alias.objects.filter(model=version.model, name=name, version=version).exists():
            return _mark_expired(row, now)
        delete_alias(actor=actor, name=version.model.name, alias=name, version=version.version, reason=reason)
    elif version.stage == request.target:
        change_stage(actor=actor, version=version, target=Stage.ARCHIVED, archive_existing=False, reason=reason)
    return _mark_expired(row, now)


def _mark_expired(row: ApprovalCondition, now: datetime) -> bool:
    return bool(ApprovalCondition.objects.filter(pk=row.pk, expired_at__isnull=True).update(expired_at=now))


def expired_condition(version: ModelVersion, target: str, now: datetime) -> str:
    """Return the basis of the move that removes a version because a condition expired; "" without such a condition."""
    current_target = f"@{removed_alias(target)}" if removed_alias(target) else version.stage
    rows = _open().filter(
        review__request__version=version,
        review__request__target=current_target,
        expired_at__isnull=True,
        expires_at__lte=now,
    )
    row = rows.order_by("pk").first()
    return f"condition:{row.pk} request:{row.review.request_id}" if row else ""


def _open() -> QuerySet[ApprovalCondition]:
    """Return the conditions of applied requests whose finding is open."""
    finding = Finding.objects.filter(
        version=OuterRef("review__request__version"), cause=OuterRef("finding_cause"), state=FindingState.OPEN
    )
    rows = ApprovalCondition.objects.select_related("review").annotate(
        finding_cause=Concat(Value("condition:"), Cast("pk", CharField()))
    )
    return rows.filter(Exists(finding), review__request__state=RequestState.APPLIED)
