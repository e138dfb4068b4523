"""Queries on findings, for list views and pages."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Case, IntegerField, Q, QuerySet, Value, When

from approvals.models.oversight import Finding, FindingState
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


def open_findings_of(version: ModelVersion) -> list[Finding]:
    """Return the open findings on a version and on its model, the most severe first."""
    on_version_or_model = Q(version=version) | Q(model=version.model_id, version__isnull=True)
    rows = Finding.objects.filter(on_version_or_model, state=FindingState.OPEN)
    rows = rows.select_related("model", "version", "owner")
    return list(rows.annotate(severity_rank=_severity_rank()).order_by("-severity_rank", "pk"))


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
