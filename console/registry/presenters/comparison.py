"""A candidate beside current Production: metrics with differences, parameters, data, code and card."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from console.runs.presenters.metrics import judge_change
from console.shell.formatting import short_digest
from core.errors import NotFound
from registry.cards import HUMAN_KEYS, missing_fields
from registry.models import CardRevision, ModelVersion
from tracking.queries import RunFacts, run_facts
from validation.base import RunFacts as PinnedFacts

_HALF = 50  # the middle of a bar chart that is 100 wide


@dataclass(frozen=True, slots=True)
class MetricRow:
    """One metric of both sides.

    ``tone`` is `ok` for better, `bad` for worse, `none` where the better direction is not known. ``word`` is the same
    judgement as a word, "" where one side has no value.
    """

    key: str
    candidate: float | None
    current: float | None
    delta: float | None
    tone: str
    word: str

    @property
    def relative_change(self) -> float | None:
        """Return the difference divided by the current value, None where there is no difference or that value is 0."""
        return self.delta / abs(self.current) if self.delta is not None and self.current else None

    @property
    def bar_length(self) -> int:
        """Return the length of the bar, 0 to 50. It grows with the square root of the change, to show small changes."""
        return round(_HALF * min(1.0, math.sqrt(abs(self.relative_change)))) if self.relative_change else 0

    @property
    def points_right(self) -> bool:
        """Return whether the bar points right: the change is better, or an increase with no known better direction."""
        return self.tone == "ok" or (self.tone == "none" and (self.delta or 0) > 0)

    @property
    def bar_x(self) -> int:
        """Return the start of the bar, 0 to 100; the axis is in the middle."""
        return _HALF if self.points_right else _HALF - self.bar_length


@dataclass(frozen=True, slots=True)
class TextRow:
    """One fact of both sides, as text."""

    key: str
    candidate: str
    current: str

    @property
    def differs(self) -> bool:
        """Return whether the sides differ."""
        return self.candidate != self.current


@dataclass(frozen=True, slots=True)
class Side:
    """One version with its run's facts (None where this server does not have the run) and its card.

    ``pinned`` are the facts of the run as they were when the version was promoted, or when the request for it was
    closed: they are used instead of the current ones.
    """

    version: ModelVersion
    facts: RunFacts | None
    card: CardRevision | None
    pinned: PinnedFacts | None = None

    @property
    def metrics(self) -> Mapping[str, float]:
        """Return the metrics by key; one that is not a finite number was pinned without its value."""
        if self.pinned is not None:
            return {**dict.fromkeys(self.pinned.unusable, math.nan), **self.pinned.metrics}
        return self.facts.metrics if self.facts else {}

    @property
    def params(self) -> Mapping[str, str]:
        """Return the parameters by key."""
        facts = self.pinned or self.facts
        return facts.params if facts else {}

    @property
    def tags(self) -> Mapping[str, str]:
        """Return the tags of the run by key."""
        facts = self.pinned or self.facts
        return facts.tags if facts else {}

    @property
    def datasets(self) -> list[str]:
        """Return name and digest of each dataset that the run logged."""
        if self.pinned is not None:
            return [f"{name} {digest}" for name, digest, _ in self.pinned.datasets]
        return [f"{used.dataset.name} {used.dataset.digest}" for used in (self.facts.datasets if self.facts else ())]

    @property
    def has_run(self) -> bool:
        """Return whether the facts of the version's run are known."""
        return self.facts is not None or self.pinned is not None


@dataclass(frozen=True, slots=True)
class Comparison:
    """The candidate, current Production (None where nothing is in Production), and the rows to show."""

    candidate: Side
    current: Side | None
    metrics: tuple[MetricRow, ...]
    params: tuple[TextRow, ...]
    origin: tuple[TextRow, ...]


def compare(
    candidate: ModelVersion,
    current: ModelVersion | None,
    *,
    candidate_pinned: PinnedFacts | None = None,
    pinned: PinnedFacts | None = None,
    at: datetime | None = None,
) -> Comparison:
    """Compare a version with current Production. The query count does not depend on what was logged.

    ``candidate_pinned`` and ``pinned`` are stored facts of the two runs, which are compared in place of today's facts.
    ``at`` is the moment whose cards are compared, by default now.
    """
    left = side_of(candidate, pinned=candidate_pinned, at=at)
    right = None
    if current is not None and current.pk != candidate.pk:
        right = side_of(current, pinned=pinned, at=at)
    return Comparison(
        candidate=left,
        current=right,
        metrics=tuple(_metrics(left, right)),
        params=tuple(_texts(left.params, right.params if right else {})),
        origin=tuple(_texts(_origin(left), _origin(right))),
    )


def side_of(version: ModelVersion, *, pinned: PinnedFacts | None = None, at: datetime | None = None) -> Side:
    """Return a version with its run, and with its card as it was at a moment, by default now."""
    try:
        facts = run_facts(version.run_id) if version.run_id else None
    except NotFound:
        facts = None
    cards = version.card_revisions.order_by("-number")
    return Side(version, facts, (cards.filter(created_at__lte=at) if at else cards).first(), pinned)


def completeness_text(card: CardRevision | None) -> str:
    """Return the completeness of a card as text: `complete`, `3 of 9 fields`, `no card`."""
    if card is None:
        return "no card"
    missing = len(missing_fields(card))
    return "complete" if not missing else f"{len(HUMAN_KEYS) - missing} of {len(HUMAN_KEYS)} fields"


def _metrics(left: Side, right: Side | None) -> Sequence[MetricRow]:
    candidate = left.metrics
    current = right.metrics if right else {}
    # Training metrics come last: they say least about unseen data.
    keys = sorted({*candidate, *current}, key=lambda key: (key.startswith("train"), key))
    return [_metric(key, candidate.get(key), current.get(key)) for key in keys]


def _metric(key: str, candidate: float | None, current: float | None) -> MetricRow:
    if candidate is None or current is None or not (math.isfinite(candidate) and math.isfinite(current)):
        return MetricRow(key, candidate, current, None, "none", "")
    tone, word = judge_change(key, candidate - current)
    return MetricRow(key, candidate, current, candidate - current, tone, word)


def _texts(candidate: Mapping[str, str], current: Mapping[str, str]) -> Sequence[TextRow]:
    keys = list(dict.fromkeys([*candidate, *current]))
    return [TextRow(key, candidate.get(key, ""), current.get(key, "")) for key in keys]


def _origin(side: Side | None) -> dict[str, str]:
    if side is None:
        return {}
    tags = side.tags
    data = [tags["dataset_version"]] if tags.get("dataset_version") else []
    data += side.datasets
    return {
        "Data": ", ".join(dict.fromkeys(data)) or "not logged",
        "Code": tags.get("git_commit") or tags.get("mlflow.source.git.commit") or "not logged",
        "Triggered by": tags.get("triggered_by") or "not logged",
        "Registered by": side.version.created_by or "unknown",
        "Model card": completeness_text(side.card),
        "Digest": short_digest(side.version.artifact_digest) or "no files here",
    }
