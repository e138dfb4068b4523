"""The findings that were open on a version at a moment in the past, from the times when each was opened and closed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from approvals.case.finding_facts import finding_facts
from approvals.models import TransitionRequest
from approvals.models.oversight import Finding
from approvals.verdict.facts import FindingFacts


@dataclass(frozen=True, slots=True)
class PastFindings:
    """All findings on some versions and their models, each with version id, model id and when it was closed."""

    rows: Sequence[tuple[int | None, int, FindingFacts, datetime | None]]

    def open_at(self, request: TransitionRequest, at: datetime) -> tuple[FindingFacts, ...]:
        """Return the findings that were open then on a request's version, or on its whole model."""
        return tuple(
            facts
            for version_id, model_id, facts, closed_at in self.rows
            if version_id in (request.version_id, None)
            and model_id == request.version.model_id
            and facts.since <= at
            and (closed_at is None or closed_at > at)
        )


def past_findings(requests: Sequence[TransitionRequest]) -> PastFindings:
    """Return the findings on the versions and models of these requests, closed ones included; one query."""
    versions = {row.version_id for row in requests}
    whole_models = Q(version__isnull=True, model__in={row.version.model_id for row in requests})
    rows = Finding.objects.filter(Q(version__in=versions) | whole_models).select_related("owner").order_by("pk")
    return PastFindings([(row.version_id, row.model_id, finding_facts(row), row.closed_at) for row in rows])
