"""The inbox: requests that wait for this person, their own requests, what is in Production, and recent decisions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from django.db.models import Count, Model, Q, QuerySet, Window
from django.http import HttpRequest

from accounts.authentication import actor_from_request
from approvals.models import Review, TransitionRequest, TransitionRequestQuerySet
from approvals.policy_changes.proposal_inbox import proposals_for
from console.account.queries import remember_unread_count
from console.requests.presenters.decision_chart import WeekBars, decision_chart
from console.requests.queries import count_waiting, newest_first, waiting_for
from core.actors import Actor
from notices.models import Notice
from notices.queries import newest_notices
from policies.models import PolicyProposal
from registry.models import ModelVersion
from registry.permissions import visible_versions

_SHOWN_WAITING = 25
_SHOWN_OWN = 8
_SHOWN_CURRENT = 12
_SHOWN_DECISIONS = 8
_SHOWN_NOTICES = 6
_WAITING_COUNT = "_custody_waiting_count"
Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class BlockingRule:
    """A rule that blocks a request, from the cached verdict."""

    rule: str
    kind: str
    status: str
    why: str


@dataclass(frozen=True, slots=True)
class WaitingRequest:
    """A request that this person can decide on, with the rules that block it besides the decision itself."""

    request: TransitionRequest
    blocking: tuple[BlockingRule, ...]

    @property
    def is_ready(self) -> bool:
        """Return whether nothing but the decision is missing."""
        return not self.blocking


@dataclass(frozen=True, slots=True)
class OwnRequest:
    """A request that this person opened. ``blocking`` names the rules that block it, "" for none."""

    request: TransitionRequest
    blocking: str


@dataclass(frozen=True, slots=True)
class InboxPage:
    """Everything the page shows."""

    waiting: list[WaitingRequest]
    waiting_total: int
    proposals: list[PolicyProposal]
    own: list[OwnRequest]
    current: list[ModelVersion]
    current_total: int
    decisions: list[Review]
    weeks: list[WeekBars]
    notices: list[Notice]
    unread: int

    @property
    def chart_label(self) -> str:
        """Return the chart of decisions as text, for screen readers."""
        approved, rejected = (sum(getattr(week, name) for week in self.weeks) for name in ("approved", "rejected"))
        return f"Decisions of the last {len(self.weeks)} weeks: {approved} approved, {rejected} rejected"

    @property
    def is_empty(self) -> bool:
        """Return whether there is nothing to show, so that the page says how to start."""
        return not (self.waiting or self.own or self.current or self.decisions or self.notices)


def waiting_count(request: HttpRequest) -> int:
    """Return how many requests wait for this person, counted once for each page. Raises NotAuthenticated."""
    count = getattr(request, _WAITING_COUNT, None)
    if count is None:
        count = count_waiting(actor_from_request(request))
        setattr(request, _WAITING_COUNT, count)
    return int(count)


def inbox_page(request: HttpRequest) -> InboxPage:
    """Return the content of the inbox.

    The query count does not depend on the number of rows. Raises NotAuthenticated.
    """
    actor = actor_from_request(request)
    rows, total = _first_and_total(waiting_for(actor).select_related("version__model", "requester"), _SHOWN_WAITING)
    setattr(request, _WAITING_COUNT, total)  # the sidebar need not count again
    current, current_total = _first_and_total(_current_versions(actor), _SHOWN_CURRENT)
    notices, unread = newest_notices(actor, limit=_SHOWN_NOTICES)
    remember_unread_count(request, unread)
    reviews = Review.objects.filter(request__version__in=visible_versions(actor))
    decisions = reviews.select_related("reviewer", "request__version__model").order_by("-pk")
    return InboxPage(
        waiting=[WaitingRequest(row, _blocking_rules(row)) for row in rows],
        waiting_total=total,
        proposals=proposals_for(actor),
        own=[OwnRequest(row, _blocking_names(row)) for row in newest_first(_own_requests(actor))[:_SHOWN_OWN]],
        current=current,
        current_total=current_total,
        decisions=list(decisions[:_SHOWN_DECISIONS]),
        weeks=decision_chart(reviews),
        notices=notices,
        unread=unread,
    )


def _first_and_total(rows: QuerySet[Row], limit: int) -> tuple[list[Row], int]:
    """Return the first rows, and the number of all rows; one query."""
    first = list(rows.annotate(total=Window(Count("pk")))[:limit])
    return first, int(getattr(first[0], "total")) if first else 0  # noqa: B009 - an annotation, which no type knows


def _current_versions(actor: Actor) -> QuerySet[ModelVersion]:
    return visible_versions(actor).filter(is_current=True).select_related("model").order_by("-staged_at", "-pk")


def _own_requests(actor: Actor) -> TransitionRequestQuerySet:
    return TransitionRequest.objects.filter(
        Q(requester_id=actor.user_id) | Q(requester__owner_id=actor.user_id), version__in=visible_versions(actor)
    )


def _cached_blockers(row: TransitionRequest) -> list[dict[str, str]]:
    return list((row.cached_verdict or {}).get("blockers", ()))


def _blocking_rules(row: TransitionRequest) -> tuple[BlockingRule, ...]:
    return tuple(BlockingRule(**item) for item in _cached_blockers(row) if item["kind"] != "approvals")


def _blocking_names(row: TransitionRequest) -> str:
    return ", ".join(item["rule"] for item in _cached_blockers(row))
