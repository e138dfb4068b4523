"""Open findings as facts of a verdict, for many requests at once.

A finding on a version is also a finding on every other version with the same payload, under any model.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from django.db.models import Q, QuerySet

from approvals.models import TransitionRequest
from approvals.models.oversight import Finding, FindingOrigin, FindingState
from approvals.verdict.facts import FindingFacts
from policies.request_kinds import RequestKind
from policies.rules import Severity
from registry.models import ModelVersion


def findings_by_request(requests: Sequence[TransitionRequest]) -> dict[int, tuple[FindingFacts, ...]]:
    """Return the open findings on each request's version, its bytes or its whole model, by request id; one query."""
    findings = findings_by_version([row.version for row in requests])
    return {row.pk: findings.get(row.version_id, ()) for row in requests}


def findings_by_version(versions: Iterable[ModelVersion]) -> dict[int, tuple[FindingFacts, ...]]:
    """Return the open findings on each version, by version id; one query."""
    versions_by_id = {version.pk: version for version in versions}
    rows = list(findings_about(versions_by_id.values()).filter(state=FindingState.OPEN))
    return {
        pk: tuple(finding_facts(row, version) for row in rows if is_about(row, version))
        for pk, version in versions_by_id.items()
    }


def findings_for_move(
    findings: tuple[FindingFacts, ...], *, leaves: str, kind: str = RequestKind.PROMOTION
) -> tuple[FindingFacts, ...]:
    """Return the findings as they count for a move of this kind, by which the version leaves ``leaves`` ("" for none).

    A condition that is due blocks neither a break-glass request nor a version that leaves its target.
    """
    if leaves or kind == RequestKind.BREAK_GLASS:
        return tuple(replace(row, blocks_from=None) for row in findings)
    return findings


def findings_about(versions: Iterable[ModelVersion]) -> QuerySet[Finding]:
    """Return the findings on these versions, on their models, and on versions of any model with the same payload."""
    rows = list(versions)
    on_versions = Q(version__in={row.pk for row in rows})
    on_models = Q(model__in={row.model_id for row in rows}, version__isnull=True)
    on_same_bytes = Q(version__payload_digest__in={row.payload_digest for row in rows} - {""})
    findings = Finding.objects.filter(on_versions | on_models | on_same_bytes)
    return findings.select_related("owner", "version").order_by("pk")


def is_about(finding: Finding, version: ModelVersion) -> bool:
    """Return whether a finding is on a version: on it, on its whole model, or on a version with the same payload."""
    if finding.version is None:
        return finding.model_id == version.model_id
    return finding.version_id == version.pk or finding.version.payload_digest == version.payload_digest != ""


def finding_facts(row: Finding, version: ModelVersion) -> FindingFacts:
    """Return a finding as a fact of verdicts on a version.

    The title and owner of a finding on another model are hidden, because the reader may not see that model.
    """
    elsewhere = row.model_id != version.model_id
    title = row.title
    if elsewhere:
        title = "on the same files in another model"
    elif row.version is not None and row.version_id != version.pk:
        title = f"{row.title} (on v{row.version.version}, the same files)"
    return FindingFacts(
        finding_id=row.pk,
        severity=Severity(row.severity),
        title=title,
        owner=row.owner.username if row.owner and not elsewhere else "",
        since=row.opened_at,
        blocks_from=row.due_at if row.origin == FindingOrigin.CONDITION else None,
    )
