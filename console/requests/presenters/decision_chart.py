"""The chart of decisions a week in the inbox, as bars that the template draws as SVG."""

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
class WeekBar:
    """The decisions of one week: how many, and the bars for them in the units of the drawing."""

    start: datetime.date
    approved: int
    rejected: int
    x: int
    approved_height: int
    rejected_height: int

    @property
    def approved_y(self) -> int:
        """Return where the bar of approvals begins; it stands on the baseline."""
        return _BASELINE - self.approved_height

    @property
    def rejected_y(self) -> int:
        """Return where the bar of rejections begins; it stands on that of the approvals."""
        return self.approved_y - self.rejected_height


def decision_chart(reviews: QuerySet[Review]) -> list[WeekBar]:
    """Return the bars of the last WEEKS weeks, the present one last. Requests for changes count as rejections."""
    today = timezone.now().date()
    first = today - datetime.timedelta(days=today.weekday(), weeks=WEEKS - 1)
    counts = _counts_by_week(reviews, first)
    approved = [counts[week, Decision.APPROVE] for week in range(WEEKS)]
    rejected = [counts[week, Decision.REJECT] + counts[week, Decision.REQUEST_CHANGES] for week in range(WEEKS)]
    most = max(map(sum, zip(approved, rejected, strict=True))) or 1
    return [
        WeekBar(
            start=first + datetime.timedelta(weeks=week),
            approved=approved[week],
            rejected=rejected[week],
            x=week * _BAR_SPACING + _BAR_INSET,
            approved_height=round(_TALLEST * approved[week] / most),
            rejected_height=round(_TALLEST * rejected[week] / most),
        )
        for week in range(WEEKS)
    ]


def _counts_by_week(reviews: QuerySet[Review], first: datetime.date) -> Counter[tuple[int, str]]:
    """Return how many reviews of each decision there were, by week since ``first``; one query."""
    counts: Counter[tuple[int, str]] = Counter()
    since = datetime.datetime.combine(first, datetime.time(), datetime.UTC)
    days = reviews.filter(given_at__gte=since).values_list("given_at__date", "decision").annotate(count=Count("pk"))
    for day, decision, count in days:
        counts[(day - first).days // 7, decision] += count
    return counts
