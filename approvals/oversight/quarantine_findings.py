"""Findings that a quarantine opens: one on each version in use that descends from the quarantined dataset version.

A version is in use when it is in Production or has a live deployment. The creator of the model owns the finding.

When the quarantine is released, the findings are resolved, except on versions that the releaser helped to make: an
author of a version may not close a critical finding on it.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from accounts.models import User
from approvals.case.rollback_candidates import rollback_candidates
from approvals.models.oversight import Finding, FindingOrigin, FindingState
from approvals.oversight.findings import close_locked_finding, insert_finding
from approvals.oversight.locks import lock_finding
from approvals.permissions.oversight import makers_of
from core.actors import Actor
from core.ids import row_id
from lineage.models import Quarantine
from policies.rules import Severity
from registry.locks import lock_model
from registry.models import Deployment, ModelVersion
from registry.queries import live_descendants
from registry.stages import Stage

_IN_USE = Q(stage=Stage.PRODUCTION) | Exists(Deployment.objects.filter(version=OuterRef("pk"), ended_at__isnull=True))


def open_quarantine_findings(*, actor: Actor, quarantine_id: int) -> int:
    """Open a critical finding on each version in use that descends from the quarantined node; return how many.

    A version gets one finding for each quarantine. A quarantine that is unknown or released opens none.
    """
    quarantine = Quarantine.objects.filter(pk=quarantine_id, released_at__isnull=True).select_related("node").first()
    if quarantine is None:
        return 0
    live = live_descendants(quarantine.node.urn).versions
    return sum(_open(actor, quarantine, version) for version in live)


@transaction.atomic
def _open(actor: Actor, quarantine: Quarantine, version: ModelVersion) -> bool:
    lock_model(version.model_id)
    row = ModelVersion.objects.filter(pk=version.pk, deleted_at__isnull=True)
    affected = row.filter(_IN_USE).select_related("model").first()
    cause = _cause(quarantine)
    in_force = Quarantine.objects.select_for_update(of=("self",)).filter(pk=quarantine.pk, released_at__isnull=True)
    if affected is None or not in_force.exists() or Finding.objects.filter(version=affected, cause=cause).exists():
        return False
    data = f"{quarantine.node.name} {quarantine.node.version}"
    finding = Finding(
        model=affected.model,
        version=affected,
        severity=Severity.CRITICAL.value,
        title=f"Descends from quarantined data: {data}"[:200],
        description=f"{quarantine.placed_by} quarantined {data}: {quarantine.reason}\n\n{_advice(affected)}",
        origin=FindingOrigin.QUARANTINE,
        cause=cause,
        opened_by=actor.name,
        owner=User.objects.filter(username=affected.model.created_by, is_active=True, is_service=False).first(),
    )
    insert_finding(actor=actor, finding=finding, author=quarantine.placed_by)
    return True


def close_quarantine_findings(*, actor: Actor, quarantine_id: int) -> int:
    """Resolve the findings of a released quarantine, except on versions that the releaser helped to make.

    Return how many were resolved; 0 for a quarantine that is unknown or in force.
    """
    quarantine = Quarantine.objects.filter(pk=quarantine_id, released_at__isnull=False).first()
    if quarantine is None:
        return 0
    rows = Finding.objects.filter(cause=_cause(quarantine), state=FindingState.OPEN).order_by("pk")
    return sum(_close(actor, quarantine, pk) for pk in rows.values_list("pk", flat=True))


@transaction.atomic
def _close(actor: Actor, quarantine: Quarantine, finding_id: int) -> bool:
    finding = lock_finding(finding_id)
    if finding.state != FindingState.OPEN or quarantine.released_by in makers_of(finding):
        return False
    comment = f"{quarantine.released_by} released the quarantine: {quarantine.release_reason}"
    close_locked_finding(actor, finding, FindingState.RESOLVED, comment, closed_by=quarantine.released_by)
    return True


def quarantines_to_sweep(*, turn: int, batch: int = 20) -> list[int]:
    """Return the ids of the newest quarantines, and one batch of those that are in force or have open findings.

    ``turn`` counts the sweeps. Each one takes the next batch, so that its cost does not grow with their number.
    """
    newest = list(Quarantine.objects.order_by("-pk").values_list("pk", flat=True)[:batch])
    in_force = Quarantine.objects.filter(released_at__isnull=True).values_list("pk", flat=True)
    causes = Finding.objects.filter(origin=FindingOrigin.QUARANTINE, state=FindingState.OPEN).values_list(
        "cause", flat=True
    )
    with_findings = {int(cause.partition(":")[2]) for cause in causes.distinct()}
    quarantine_ids = sorted({*in_force, *with_findings})
    batches = max(1, -(-len(quarantine_ids) // batch))
    start = turn % batches * batch
    return sorted({*newest, *quarantine_ids[start : start + batch]})


def released_quarantine_of(finding: Finding) -> Quarantine | None:
    """Return the released quarantine that opened a finding; None if another cause opened it or it is in force."""
    kind, _, number = finding.cause.partition(":")
    if kind != "quarantine":
        return None
    return Quarantine.objects.filter(pk=row_id(number), released_at__isnull=False).first()


def _cause(quarantine: Quarantine) -> str:
    return f"quarantine:{quarantine.pk}"


def _advice(version: ModelVersion) -> str:
    """Return advice on the version: archive it, roll back, or train again."""
    if version.stage != Stage.PRODUCTION:
        return (
            f"It is in {version.stage}, but an endpoint still runs it. Deploy another version and end the deployment."
        )
    if not version.is_current:
        return "It is kept for a rollback and is not the current Production version. Archive it."
    for candidate in rollback_candidates(version.model):
        if not candidate.obstacle:
            return f"Suggested: roll back to v{candidate.version.version}, whose approval is still valid."
    return "No earlier version has an approval that is still valid: train again without these data."
