"""Queries on findings, for list views and pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Case, IntegerField, QuerySet, Value, When

from approvals.case.finding_facts import finding_facts, findings_about
from approvals.models.oversight import Finding, FindingState
from approvals.verdict.facts import FindingFacts
from core.actors import Actor
from core.errors import NotFound
from core.ids import row_id
from policies.rules import SEVERITIES
from registry.models import ModelVersion
from registry.permissions import visible_models


def visible_findings(
    actor: Actor, *, state: str = "", severity: str = "", model: str = "", owner: str = ""
) -> QuerySet[Finding]:
    """Return the findings the actor may see: open ones first, then the most severe, then the newest.

    ``state`` is a state, or `overdue` for open findings that were recorded as overdue. "" filters by nothing.
    """
    rows = Finding.objects.filter(model__in=visible_models(actor)).select_related("model", "version__model", "owner")
    if state == "overdue":
        rows = rows.filter(state=FindingState.OPEN, overdue_at__isnull=False)
    elif state:
        rows = rows.filter(state=state)
    if severity:
        rows = rows.filter(severity=severity)
    if model:
        rows = rows.filter(model__name=model)
    if owner:
        rows = rows.filter(owner__username=owner)
    rows = rows.annotate(closed_rank=_closed_rank(), severity_rank=_severity_rank())
    return rows.order_by("closed_rank", "-severity_rank", "-pk")


def get_finding(actor: Actor, finding_id: int) -> Finding:
    """Return one finding. Raises NotFound."""
    finding = visible_findings(actor).filter(pk=row_id(finding_id)).first()
    if finding is None:
        raise NotFound(f"There is no finding {finding_id}.")
    return finding


@dataclass(frozen=True, slots=True)
class OpenFindings:
    """The open findings that count for a version, the most severe first.

    ``own`` are on the version, on its model, or on versions of the model with the same files. ``elsewhere`` are on the
    same files in other models, as facts that show nothing of those models.
    """

    own: list[Finding]
    elsewhere: list[FindingFacts]


def open_findings_of(version: ModelVersion) -> OpenFindings:
    """Return the open findings that count for a version; one query."""
    rows = findings_about([version]).filter(state=FindingState.OPEN).select_related("model", "version", "owner")
    ranked = list(rows.annotate(severity_rank=_severity_rank()).order_by("-severity_rank", "pk"))
    return OpenFindings(
        own=[row for row in ranked if row.model_id == version.model_id],
        elsewhere=[finding_facts(row, version) for row in ranked if row.model_id != version.model_id],
    )


def overdue_findings(now: datetime) -> list[int]:
    """Return the ids of open findings past their due date that are not recorded as overdue yet; at most 500."""
    rows = Finding.objects.filter(state=FindingState.OPEN, due_at__lte=now, overdue_at__isnull=True)
    return list(rows.order_by("due_at").values_list("pk", flat=True)[:500])


def _severity_rank() -> Case:
    return Case(
        *[When(severity=level.value, then=Value(rank)) for rank, level in enumerate(SEVERITIES)],
        default=Value(len(SEVERITIES)),
        output_field=IntegerField(),
    )


def _closed_rank() -> Case:
    return Case(When(state=FindingState.OPEN, then=Value(0)), default=Value(1), output_field=IntegerField())
