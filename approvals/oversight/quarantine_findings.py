"""Findings that a quarantine opens: one on each Production version that descends from the quarantined dataset version.

Releasing the quarantine resolves them, except where the person who released it helped to make the version: a critical finding
must be closed by somebody else.
"""

from __future__ import annotations

from django.db import transaction

from approvals.case.rollback_candidates import rollback_candidates
from approvals.models.oversight import Finding, FindingOrigin, FindingState
from approvals.oversight.findings import close_locked_finding, insert_finding
from approvals.oversight.locks import lock_finding
from approvals.permissions.oversight import makers_of
from core.actors import Actor
from lineage.models import Quarantine
from policies.rules import Severity
from registry.locks import lock_model
from registry.models import ModelVersion
from registry.queries import production_descendants
from registry.stages import Stage


def open_quarantine_findings(*, actor: Actor, quarantine_id: int) -> int:
    """Open a critical finding on each Production version that descends from the quarantined node; return how many.

    A version gets one finding for each quarantine. A quarantine that is unknown or released opens none.
    """
    quarantine = Quarantine.objects.filter(pk=quarantine_id, released_at__isnull=True).select_related("node").first()
    if quarantine is None:
        return 0
    live = production_descendants(quarantine.node.urn).versions
    return sum(_open(actor, quarantine, version) for version in live)


@transaction.atomic
def _open(actor: Actor, quarantine: Quarantine, version: ModelVersion) -> bool:
    lock_model(version.model_id)
    row = ModelVersion.objects.filter(pk=version.pk, stage=Stage.PRODUCTION, deleted_at__isnull=True)
    found = row.select_related("model").first()
    cause = _cause(quarantine)
    in_force = Quarantine.objects.select_for_update(of=("self",)).filter(pk=quarantine.pk, released_at__isnull=True)
    if found is None or not in_force.exists() or Finding.objects.filter(version=found, cause=cause).exists():
        return False
    data = f"{quarantine.node.name} {quarantine.node.version}"
    finding = Finding(
        model=found.model,
        version=found,
        severity=Severity.CRITICAL.value,
        title=f"Descends from quarantined data: {data}"[:200],
        description=f"{quarantine.placed_by} quarantined {data}: {quarantine.reason}\n\n{_advice(found)}",
        origin=FindingOrigin.QUARANTINE,
        cause=cause,
        opened_by=actor.name,
    )
    insert_finding(actor=actor, finding=finding)
    return True


def close_quarantine_findings(*, actor: Actor, quarantine_id: int) -> int:
    """Resolve the findings of a released quarantine, except on versions that the releaser helped to make; return how many."""
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


def released_quarantine_of(finding: Finding) -> Quarantine | None:
    """Return the quarantine that opened a finding, where it has been released; None otherwise."""
    kind, _, number = finding.cause.partition(":")
    if kind != "quarantine" or not number.isdigit():
        return None
    return Quarantine.objects.filter(pk=int(number), released_at__isnull=False).first()


def _cause(quarantine: Quarantine) -> str:
    return f"quarantine:{quarantine.pk}"


def _advice(version: ModelVersion) -> str:
    """Return what to do about the version: archive it, roll back, or train again."""
    if not version.is_current:
        return "It is kept for a rollback and is not the current Production version. Archive it."
    for candidate in rollback_candidates(version.model):
        if not candidate.obstacle:
            return f"Suggested: roll back to v{candidate.version.version}, whose approval is still valid."
    return "No earlier version has an approval that is still valid: train again without these data."
