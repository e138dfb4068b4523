"""A dataset version was quarantined: every live version that descends from it gets a finding, with the way back where there is one.

When the quarantine is released they are resolved by it, with its reason, except where whoever released it had a hand in the
version: a grave finding is closed by somebody else, and a release is no way around that.
"""

from __future__ import annotations

from django.db import transaction

from approvals.case.rollback_candidates import rollback_candidates
from approvals.models.oversight import Finding, FindingOrigin, FindingState
from approvals.oversight.findings import add_finding, write_closing
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
    """Open a critical finding on each Production version that descends from what is quarantined; return how many.

    A version that has one for this quarantine gets no second. One that was released meanwhile opens none.
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
    stands = Quarantine.objects.select_for_update(of=("self",)).filter(pk=quarantine.pk, released_at__isnull=True)
    if found is None or not stands.exists() or Finding.objects.filter(version=found, cause=cause).exists():
        return False
    data = f"{quarantine.node.name} {quarantine.node.version}"
    finding = Finding(
        model=found.model,
        version=found,
        severity=Severity.CRITICAL.value,
        title=f"Descends from quarantined data: {data}"[:200],
        description=f"{quarantine.placed_by} quarantined {data}: {quarantine.reason}\n\n{_way_back(found)}",
        origin=FindingOrigin.QUARANTINE,
        cause=cause,
        opened_by=actor.name,
    )
    add_finding(actor=actor, finding=finding)
    return True


def close_quarantine_findings(*, actor: Actor, quarantine_id: int) -> int:
    """Resolve the findings of a quarantine that was released, but none on the releaser's own work; return how many."""
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
    words = f"{quarantine.released_by} released the quarantine: {quarantine.release_reason}"
    write_closing(actor, finding, FindingState.RESOLVED, words, closed_by=quarantine.released_by)
    return True


def released_by_now(finding: Finding) -> Quarantine | None:
    """Return the quarantine that a finding came of, where it is released; None otherwise."""
    kind, _, number = finding.cause.partition(":")
    if kind != "quarantine" or not number.isdigit():
        return None
    return Quarantine.objects.filter(pk=int(number), released_at__isnull=False).first()


def _cause(quarantine: Quarantine) -> str:
    return f"quarantine:{quarantine.pk}"


def _way_back(version: ModelVersion) -> str:
    """Return what to do about it: the version to go back to, where there is one that stands."""
    if not version.is_current:
        return "It is kept warm for a rollback and serves no reader of Production. Archive it."
    for candidate in rollback_candidates(version.model):
        if not candidate.obstacle:
            return f"Suggested: roll back to v{candidate.version.version}, whose approval still stands."
    return "There is no version to go back to whose approval stands: train again without these data."
