"""The inbox: what waits for this person, what they asked for, what is in Production, and what was decided lately."""

from __future__ import annotations

import datetime
from collections import Counter
from dataclasses import dataclass
from typing import TypeVar

from django.db.models import Count, Model, Q, QuerySet, Window
from django.http import HttpRequest
from django.utils import timezone

from accounts.authentication import actor_from_request
from approvals.models import Decision, Review, TransitionRequest, TransitionRequestQuerySet
from approvals.policy_changes.proposal_inbox import proposals_for
from console.account.queries import UNREAD
from console.requests.queries import newest_first, waiting_for
from core.actors import Actor
from notices.models import Notice
from notices.queries import newest_notices
from policies.models import PolicyProposal
from registry.models import ModelVersion
from registry.permissions import visible_versions

WEEKS = 8
_SHOWN = 25
_MINE = 8
_CURRENT = 12
_DECISIONS = 8
_NOTICES = 6
_WAITING = "_custody_waiting"
Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class Blocking:
    """A rule that blocks, as of the cached verdict of the request."""

    rule: str
    kind: str
    status: str
    why: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request with what blocks it besides the decision itself."""

    request: TransitionRequest
    blockers: tuple[Blocking, ...]
    ready: bool


@dataclass(frozen=True, slots=True)
class Mine:
    """A request one asked for, and the rules it waits for."""

    request: TransitionRequest
    blocked: str


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
    proposals: list[PolicyProposal]
    mine: list[Mine]
    current: list[ModelVersion]
    current_total: int
    decisions: list[Review]
    weeks: list[Week]
    notices: list[Notice]
    unread: int

    @property
    def is_untouched(self) -> bool:
        """Return whether there is nothing at all yet, so that what helps is where to start."""
        return not (self.waiting or self.mine or self.current or self.decisions or self.notices)


def waiting_count(request: HttpRequest) -> int:
    """Return how many requests wait for whoever asks; counted once per page, for the sidebar and the inbox alike."""
    known = getattr(request, _WAITING, None)
    if known is None:
        known = waiting_for(actor_from_request(request)).count()
        setattr(request, _WAITING, known)
    return int(known)


def inbox_page(request: HttpRequest) -> InboxPage:
    """Return what the inbox shows. The query count does not depend on how much there is."""
    actor = actor_from_request(request)
    rows, total = _counted(waiting_for(actor).select_related("version__model", "requester"), _SHOWN)
    setattr(request, _WAITING, total)  # the sidebar need not count again
    current, current_total = _counted(_current(actor), _CURRENT)
    notices, unread = newest_notices(actor, limit=_NOTICES)
    setattr(request, UNREAD, unread)
    return InboxPage(
        waiting=[_waiting(row) for row in rows],
        waiting_total=total,
        proposals=proposals_for(actor),
        mine=[Mine(row, _blockers(row)) for row in newest_first(_asked_by(actor))[:_MINE]],
        current=current,
        current_total=current_total,
        decisions=_decisions(actor),
        weeks=_weeks(actor),
        notices=notices,
        unread=unread,
    )


def _counted(rows: QuerySet[Row], most: int) -> tuple[list[Row], int]:
    """Return the first rows, and how many there are in all; one query."""
    found = list(rows.annotate(in_all=Window(Count("pk")))[:most])
    return found, int(getattr(found[0], "in_all")) if found else 0  # noqa: B009 - an annotation, which no type knows


def _current(actor: Actor) -> QuerySet[ModelVersion]:
    return visible_versions(actor).filter(is_current=True).select_related("model").order_by("-staged_at", "-pk")


def _waiting(row: TransitionRequest) -> Waiting:
    blockers = [Blocking(**item) for item in _cached_blockers(row) if item["kind"] != "approvals"]
    return Waiting(row, tuple(blockers), ready=not blockers)


def _cached_blockers(row: TransitionRequest) -> list[dict[str, str]]:
    return list((row.cached_verdict or {}).get("blockers", ()))


def _blockers(row: TransitionRequest) -> str:
    return "; ".join(item["rule"] for item in _cached_blockers(row))


def _asked_by(actor: Actor) -> TransitionRequestQuerySet:
    return TransitionRequest.objects.filter(
        Q(requester_id=actor.user_id) | Q(requester__owner_id=actor.user_id), version__in=visible_versions(actor)
    )


def _visible_reviews(actor: Actor) -> QuerySet[Review]:
    return Review.objects.filter(request__version__in=visible_versions(actor))


def _decisions(actor: Actor) -> list[Review]:
    rows = _visible_reviews(actor).select_related("reviewer", "request__version__model")
    return list(rows.order_by("-pk")[:_DECISIONS])


def _weeks(actor: Actor) -> list[Week]:
    """Count decisions by week, the present week last."""
    today = timezone.now().date()
    monday = today - datetime.timedelta(days=today.weekday())
    first = monday - datetime.timedelta(weeks=WEEKS - 1)
    counts: Counter[tuple[int, str]] = Counter()
    days = _visible_reviews(actor).filter(given_at__gte=datetime.datetime.combine(first, datetime.time(), datetime.UTC))
    for day, decision, count in days.values_list("given_at__date", "decision").annotate(count=Count("pk")):
        counts[(day - first).days // 7, decision] += count
    top = max([sum(counts[week, d] for d in Decision.values) for week in range(WEEKS)], default=0) or 1
    return [
        Week(
            start=first + datetime.timedelta(weeks=week),
            approved=(approved := counts[week, Decision.APPROVE]),
            rejected=(rejected := counts[week, Decision.REJECT] + counts[week, Decision.REQUEST_CHANGES]),
            tall=round(36 * approved / top),
            low=round(36 * rejected / top),
        )
        for week in range(WEEKS)
    ]
