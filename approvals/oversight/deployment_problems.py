"""Problems of live deployments: an archived or superseded version, quarantined data, a critical finding, other files.

One SQL statement reads all problems, so that the sidebar of every page can count them.
"""

from __future__ import annotations

from enum import StrEnum

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from approvals.models.oversight import Finding, FindingOrigin, FindingState
from core.actors import Actor
from core.errors import InvalidInput
from policies.rules import Severity
from registry.models import Deployment, ServingAttestation
from registry.queries import visible_deployments
from registry.stages import Stage


class Problem(StrEnum):
    """A problem of a live deployment. `live_with_problems` annotates it as `is_<value>`."""

    ARCHIVED = "archived"
    SUPERSEDED = "superseded"
    QUARANTINED = "quarantined"
    CRITICAL_FINDING = "critical_finding"
    DIGEST_MISMATCH = "digest_mismatch"


PROBLEM_TEXTS = {
    Problem.ARCHIVED: "the version is archived",
    Problem.SUPERSEDED: "the version was superseded in Production",
    Problem.QUARANTINED: "a dataset of the version is quarantined",
    Problem.CRITICAL_FINDING: "a critical finding is open on the version",
    Problem.DIGEST_MISMATCH: "the endpoint loaded other files than those of the version",
}
ANY = "any"


def live_with_problems(rows: QuerySet[Deployment]) -> QuerySet[Deployment]:
    """Return the live ones of these deployments, each annotated with `is_<problem>` for every problem."""
    findings = Finding.objects.filter(
        Q(version=OuterRef("version"))
        | Q(model=OuterRef("version__model"), version__isnull=True)
        | (Q(version__payload_digest=OuterRef("version__payload_digest")) & ~Q(version__payload_digest="")),
        state=FindingState.OPEN,
    )
    last = ServingAttestation.objects.filter(deployment=OuterRef("pk")).order_by("-pk").values("matches")[:1]
    return rows.filter(ended_at__isnull=True).annotate(
        is_archived=Q(version__stage=Stage.ARCHIVED),
        is_superseded=Q(version__superseded_at__isnull=False, version__is_current=False)
        & ~Q(version__stage=Stage.ARCHIVED),
        is_quarantined=Exists(findings.filter(origin=FindingOrigin.QUARANTINE)),
        is_critical_finding=Exists(
            findings.filter(severity=Severity.CRITICAL.value).exclude(origin=FindingOrigin.QUARANTINE)
        ),
        last_attestation_matches=Subquery(last),
        is_digest_mismatch=Q(last_attestation_matches=False),
    )


def problematic_deployments(actor: Actor, problem: str = ANY) -> QuerySet[Deployment]:
    """Return the live deployments that have a problem, of those the actor may see, newest first. ANY means any problem.

    Raises InvalidInput for an unknown problem.
    """
    if problem != ANY and problem not in list(Problem):
        raise InvalidInput(f"problem must be {ANY} or one of {', '.join(Problem)}, not {problem[:50]!r}.")
    problems = list(Problem) if problem == ANY else [Problem(problem)]
    condition = Q()
    for name in problems:
        condition |= Q(**{f"is_{name}": True})
    return live_with_problems(visible_deployments(actor)).filter(condition)


def problems_of(deployment: Deployment) -> list[Problem]:
    """Return the problems of a deployment read by `live_with_problems`; [] for one that was read without it."""
    return [problem for problem in Problem if getattr(deployment, f"is_{problem}", False)]


def problem_text(deployment: Deployment) -> str:
    """Return the problems of a deployment as a sentence, "" for none."""
    text = "; ".join(PROBLEM_TEXTS[problem] for problem in problems_of(deployment))
    return f"{text[:1].upper()}{text[1:]}." if text else ""
