"""Findings that were open on a version at a moment in the past, read from the times of opening and closing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from approvals.case.finding_facts import finding_facts, findings_about, is_about
from approvals.models import TransitionRequest
from approvals.models.oversight import Finding
from approvals.verdict.facts import FindingFacts


@dataclass(frozen=True, slots=True)
class PastFindings:
    """All findings on some versions, their models and the same bytes, closed ones included."""

    rows: Sequence[Finding]

    def open_at(self, request: TransitionRequest, at: datetime) -> tuple[FindingFacts, ...]:
        """Return the findings that were open at ``at`` on a request's version, its bytes or its whole model."""
        return tuple(
            finding_facts(row, request.version)
            for row in self.rows
            if is_about(row, request.version) and row.opened_at <= at and (row.closed_at is None or row.closed_at > at)
        )


def past_findings(requests: Sequence[TransitionRequest]) -> PastFindings:
    """Return the findings on the versions, bytes and models of these requests, closed ones included; one query."""
    return PastFindings(list(findings_about(row.version for row in requests)))
