"""Open findings as facts of a verdict, for many requests at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db.models import Q

from approvals.models import TransitionRequest
from approvals.models.oversight import Finding, FindingState
from approvals.verdict.facts import FindingFacts
from policies.rules import Severity


def findings_by_request(requests: Sequence[TransitionRequest]) -> dict[int, tuple[FindingFacts, ...]]:
    """Return the open findings on the version or the whole model of each request, by request id; one query."""
    versions = {(row.version_id, row.version.model_id) for row in requests}
    findings = findings_by_version(versions)
    return {row.pk: findings.get(row.version_id, ()) for row in requests}


def findings_by_version(versions: Iterable[tuple[int, int]]) -> dict[int, tuple[FindingFacts, ...]]:
    """Return the open findings on each (version id, model id), by version id; one query."""
    pairs = set(versions)
    on_them = Q(version__in={pk for pk, _ in pairs}) | Q(
        model__in={model_id for _, model_id in pairs}, version__isnull=True
    )
    rows = Finding.objects.filter(on_them, state=FindingState.OPEN).select_related("owner").order_by("pk")
    by_subject: dict[tuple[int | None, int], list[FindingFacts]] = {}
    for row in rows:
        by_subject.setdefault((row.version_id, row.model_id), []).append(finding_facts(row))
    return {pk: (*by_subject.get((pk, model_id), ()), *by_subject.get((None, model_id), ())) for pk, model_id in pairs}


def finding_facts(row: Finding) -> FindingFacts:
    """Return a finding as verdicts read it."""
    return FindingFacts(
        finding_id=row.pk,
        severity=Severity(row.severity),
        title=row.title,
        owner=row.owner.username if row.owner else "",
        since=row.opened_at,
    )
