"""Which findings were open on a version at a moment that is past: each row remembers when it was opened and closed."""

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
    """Every finding there ever was on some versions and their models, with when it was closed."""

    found: Sequence[tuple[int | None, int, FindingFacts, datetime | None]]

    def open_at(self, request: TransitionRequest, at: datetime) -> tuple[FindingFacts, ...]:
        """Return what was open then on a request's version, or on the whole model."""
        return tuple(
            facts
            for version_id, model_id, facts, closed_at in self.found
            if version_id in (request.version_id, None)
            and model_id == request.version.model_id
            and facts.since <= at
            and (closed_at is None or closed_at > at)
        )


def past_findings(requests: Sequence[TransitionRequest]) -> PastFindings:
    """Return the findings on the versions of these requests, closed ones as well; one query."""
    versions = {row.version_id for row in requests}
    whole_models = Q(version__isnull=True, model__in={row.version.model_id for row in requests})
    rows = Finding.objects.filter(Q(version__in=versions) | whole_models).select_related("owner").order_by("pk")
    return PastFindings([(row.version_id, row.model_id, finding_facts(row), row.closed_at) for row in rows])
