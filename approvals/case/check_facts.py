"""Validation jobs as facts of a verdict, and who posted their results."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from approvals.models import FINISHED_CHECKS, CheckRun, TransitionRequest
from approvals.verdict.facts import CheckFacts


def check_runs_of(requests: Sequence[TransitionRequest]) -> list[CheckRun]:
    """Return every validation job of these requests; one query."""
    return list(CheckRun.objects.filter(request__in=[request.pk for request in requests]).order_by("pk"))


def check_facts(job: CheckRun) -> CheckFacts:
    """Return a validation job as facts of a verdict; ``since`` is the time of its last change of state."""
    return CheckFacts(
        state=job.state,
        summary=job.summary if job.state in FINISHED_CHECKS else "",
        since=job.finished_at or job.started_at or job.queued_at,
        progress=job.progress,
        check_run_id=job.pk,
        author=job.author,
    )


def check_authors(jobs: Iterable[CheckRun]) -> dict[int, frozenset[str]]:
    """Return the people who posted a result, by request id; results that no longer count are included."""
    authors: dict[int, set[str]] = {}
    for job in jobs:
        if job.author:
            authors.setdefault(job.request_id, set()).add(job.author)
    return {request_id: frozenset(names) for request_id, names in authors.items()}
