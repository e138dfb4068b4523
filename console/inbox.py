"""The inbox: what waits for this person, what they asked for, what is in Production, and what was decided lately."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts.authentication import actor_from_request
from approvals.evaluation import RuleVerdict
from approvals.models import LIVE_STATES, Decision, Review, TransitionRequest
from approvals.snapshots import load_cases
from audit.actors import Actor
from console.reviewing import newest_first, waiting_for
from registry.models import ModelVersion
from registry.permissions import visible_models, visible_versions

WEEKS = 8
_SHOWN = 25
_MINE = 8
_CURRENT = 12
_DECISIONS = 8


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request with what blocks it besides the decision itself."""

    request: TransitionRequest
    blockers: tuple[RuleVerdict, ...]
    ready: bool


@dataclass(frozen=True, slots=True)
class Week:
    """Decisions of one week, and how tall their bars are (0 to 36)."""

    start: datetime.date
    approved: int
    rejected: int
    tall: int
    low: int


@dataclass(frozen=True, slots=True)
class InboxPage:
    """Everything the page shows."""

    waiting: list[Waiting]
    waiting_total: int
    mine: list[TransitionRequest]
    mine_blocked: dict[int, str]
    current: list[ModelVersion]
    current_total: int
    model_total: int
    decisions: list[Review]
    weeks: list[Week]
    is_reviewer: bool


def waiting_count(request: HttpRequest) -> int:
    """Return how many requests wait for whoever asks; counted once per page, for the sidebar and the inbox alike."""
    known = getattr(request, "_custody_waiting", None)
    if known is None:
        known = waiting_for(actor_from_request(request)).count()
        request._custody_waiting = known  # type: ignore[attr-defined]  # noqa: SLF001 - ours, kept for this request
    return int(known)


def inbox_page(actor: Actor, waiting_total: int) -> InboxPage:
    """Return what the inbox shows. The query count does not depend on how much there is."""
    rows = waiting_for(actor).select_related("version__model", "requester", "policy_revision__policy")[:_SHOWN]
    current = visible_versions(actor).filter(is_current=True).select_related("model")
    mine = list(newest_first(_asked_by(actor))[:_MINE])
    cases = {case.request.pk: case for case in load_cases([*rows, *(row for row in mine if row.state in LIVE_STATES)])}
    verdicts = {pk: case.verdict() for pk, case in cases.items()}
    blocked = {
        row.pk: "; ".join(b["rule"] for b in verdicts[row.pk].blocked_by()) for row in mine if row.pk in verdicts
    }
    return InboxPage(
        waiting=[_waiting(row, verdicts[row.pk].rules) for row in rows],
        waiting_total=waiting_total,
        mine=mine,
        mine_blocked=blocked,
        current=list(current.order_by("-staged_at")[:_CURRENT]),
        current_total=current.count(),
        model_total=visible_models(actor).count(),
        decisions=_decisions(actor),
        weeks=_weeks(actor),
        is_reviewer=bool(waiting_total) or _is_reviewer(actor),
    )


def _waiting(row: TransitionRequest, rules: Iterable[RuleVerdict]) -> Waiting:
    blockers = tuple(rule for rule in rules if rule.blocks and rule.kind != "approvals")
    return Waiting(row, blockers, ready=not blockers)


def _asked_by(actor: Actor) -> QuerySet[TransitionRequest]:
    return TransitionRequest.objects.filter(
        Q(requester_id=actor.user_id) | Q(requester__owner_id=actor.user_id), version__in=visible_versions(actor)
    )


def _visible_reviews(actor: Actor) -> QuerySet[Review]:
    return Review.objects.filter(request__version__in=visible_versions(actor))


def _decisions(actor: Actor) -> list[Review]:
    rows = _visible_reviews(actor).select_related("reviewer", "request__version__model")
    return list(rows.order_by("-given_at")[:_DECISIONS])


def _is_reviewer(actor: Actor) -> bool:
    return Review.objects.filter(reviewer_id=actor.user_id).exists()


def _weeks(actor: Actor) -> list[Week]:
    """Count decisions by week, the present week last."""
    today = timezone.now().date()
    monday = today - datetime.timedelta(days=today.weekday())
    first = monday - datetime.timedelta(weeks=WEEKS - 1)
    counts: Counter[tuple[int, str]] = Counter()
    days = _visible_reviews(actor).filter(given_at__date__gte=first)
    for day, decision, count in days.values_list("given_at__date", "decision").annotate(count=Count("pk")):
        counts[(day - first).days // 7, decision] += count
    top = max([sum(counts[week, d] for d in Decision.values) for week in range(WEEKS)], default=0) or 1
    return [
        Week(
            start=first + datetime.timedelta(weeks=week),
            approved=(approved := counts[week, Decision.APPROVE]),
            rejected=(rejected := counts[week, Decision.REJECT]),
            tall=round(36 * approved / top),
            low=round(36 * rejected / top),
        )
        for week in range(WEEKS)
    ]
