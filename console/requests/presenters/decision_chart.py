"""The chart of decisions by week in the inbox: the sizes of the bars that the template draws as SVG."""

from __future__ import annotations

import datetime
from collections import Counter
from dataclasses import dataclass

from django.db.models import Count, QuerySet
from django.utils import timezone

from approvals.models import Decision, Review

WEEKS = 8
_TALLEST = 36
_BASELINE = 44
_BAR_SPACING, _BAR_INSET = 100, 12


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar; ``css`` is `yes` for approvals and `no` for rejections."""

    css: str
    y: int
    height: int


@dataclass(frozen=True, slots=True)
class WeekBars:
    """The decisions of one week. ``x`` is where its bars begin, in units of the drawing."""

    start: datetime.date
    approved: int
    rejected: int
    x: int
    bars: tuple[Bar, Bar]

    @property
    def title(self) -> str:
        """Return the figures of the week as text."""
        return f"Week of {self.start:%Y-%m-%d}: {self.approved} approved, {self.rejected} rejected"


def decision_chart(reviews: QuerySet[Review]) -> list[WeekBars]:
    """Return the bars of the last WEEKS weeks, the current week last. Requests for changes count as rejections."""
    today = timezone.now().date()
    first = today - datetime.timedelta(days=today.weekday(), weeks=WEEKS - 1)
    counts = _counts_by_week(reviews, first)
    approved = [counts[week, Decision.APPROVE] for week in range(WEEKS)]
    rejected = [counts[week, Decision.REJECT] + counts[week, Decision.REQUEST_CHANGES] for week in range(WEEKS)]
    highest = max(map(sum, zip(approved, rejected, strict=True))) or 1
    return [
        WeekBars(
            start=first + datetime.timedelta(weeks=week),
            approved=approved[week],
            rejected=rejected[week],
            x=week * _BAR_SPACING + _BAR_INSET,
            bars=_stacked(approved[week] / highest, rejected[week] / highest),
        )
        for week in range(WEEKS)
    ]


def _stacked(approved: float, rejected: float) -> tuple[Bar, Bar]:
    """Return two bars for shares of the tallest one: approvals on the baseline, rejections on top of them."""
    low, high = round(_TALLEST * approved), round(_TALLEST * rejected)
    return Bar("yes", _BASELINE - low, low), Bar("no", _BASELINE - low - high, high)


def _counts_by_week(reviews: QuerySet[Review], first: datetime.date) -> Counter[tuple[int, str]]:
    """Return how many reviews of each decision there were, by week since ``first``; one query."""
    counts: Counter[tuple[int, str]] = Counter()
    since = datetime.datetime.combine(first, datetime.time(), datetime.UTC)
    days = reviews.filter(given_at__gte=since).values_list("given_at__date", "decision").annotate(count=Count("pk"))
    for day, decision, count in days:
        counts[(day - first).days // 7, decision] += count
    return counts
