"""A candidate beside what is in Production now: metrics with differences, parameters, data, code, card."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from console.runs.presenters.metrics import verdict_on
from console.shell.formatting import short_digest
from core.errors import NotFound
from registry.cards import HUMAN_KEYS, missing_fields
from registry.models import CardRevision, ModelVersion
from tracking.queries import RunFacts, run_facts


@dataclass(frozen=True, slots=True)
class MetricRow:
    """One metric of both sides. ``tone`` is `ok` for better, `bad` for worse, `none` where nobody can say."""

    key: str
    candidate: float | None
    current: float | None
    delta: float | None
    tone: str
    word: str

    @property
    def change(self) -> float | None:
        """Return the difference as a share of the current value, None where that says nothing."""
        return self.delta / abs(self.current) if self.delta is not None and self.current else None

    @property
    def reach(self) -> int:
        """Return how long the bar of the change is, 0 to 50. By the square root: a small change beside a large one shows."""
        return round(50 * min(1.0, math.sqrt(abs(self.change)))) if self.change else 0

    @property
    def is_right(self) -> bool:
        """Return whether the bar goes to the right: for the better, or up where nobody can say which way is better."""
        return self.tone == "ok" or (self.tone == "none" and (self.delta or 0) > 0)


@dataclass(frozen=True, slots=True)
class TextRow:
    """One fact of both sides, as text."""

    key: str
    candidate: str
    current: str

    @property
    def differs(self) -> bool:
        return self.candidate != self.current


@dataclass(frozen=True, slots=True)
class Side:
    """One version with what its run logged (None where the run is not known here) and its newest card."""

    version: ModelVersion
    facts: RunFacts | None
    card: CardRevision | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """The candidate, the current Production (None: the candidate would be the first), and the rows to show."""

    candidate: Side
    current: Side | None
    metrics: tuple[MetricRow, ...]
    params: tuple[TextRow, ...]
    origin: tuple[TextRow, ...]


def compare(candidate: ModelVersion, current: ModelVersion | None) -> Comparison:
    """Set a version against the current Production of its model. The query count does not depend on what was logged."""
    left = side_of(candidate)
    right = side_of(current) if current is not None and current.pk != candidate.pk else None
    return Comparison(
        candidate=left,
        current=right,
        metrics=tuple(_metrics(left, right)),
        params=tuple(_texts(_params(left), _params(right))),
        origin=tuple(_texts(_origin(left), _origin(right))),
    )


def side_of(version: ModelVersion) -> Side:
    """Read a version's run and card."""
    try:
        facts = run_facts(version.run_id) if version.run_id else None
    except NotFound:
        facts = None
    return Side(version, facts, version.card_revisions.order_by("-number").first())


def card_words(card: CardRevision | None) -> str:
    """Return how complete a card is."""
    if card is None:
        return "no card"
    missing = len(missing_fields(card))
    return "complete" if not missing else f"{len(HUMAN_KEYS) - missing} of {len(HUMAN_KEYS)} fields"


def _metrics(left: Side, right: Side | None) -> Sequence[MetricRow]:
    mine = left.facts.metrics if left.facts else {}
    theirs = right.facts.metrics if right and right.facts else {}
    keys = sorted(
        {*mine, *theirs}, key=lambda key: (key.startswith("train"), key)
    )  # what was seen in training says least
    return [_metric(key, mine.get(key), theirs.get(key)) for key in keys]


def _metric(key: str, candidate: float | None, current: float | None) -> MetricRow:
    if candidate is None or current is None or not (math.isfinite(candidate) and math.isfinite(current)):
        return MetricRow(key, candidate, current, None, "none", "")
    tone, word = verdict_on(key, candidate - current)
    return MetricRow(key, candidate, current, candidate - current, tone, word)


def _params(side: Side | None) -> dict[str, str]:
    return side.facts.params if side and side.facts else {}


def _texts(candidate: Mapping[str, str], current: Mapping[str, str]) -> Sequence[TextRow]:
    keys = list(dict.fromkeys([*candidate, *current]))
    return [TextRow(key, candidate.get(key, ""), current.get(key, "")) for key in keys]


def _origin(side: Side | None) -> dict[str, str]:
    if side is None:
        return {}
    tags = side.facts.tags if side.facts else {}
    data = [tags["dataset_version"]] if tags.get("dataset_version") else []
    data += [f"{used.dataset.name} {used.dataset.digest}" for used in (side.facts.datasets if side.facts else ())]
    return {
        "Data": ", ".join(dict.fromkeys(data)) or "not logged",
        "Code": tags.get("git_commit") or tags.get("mlflow.source.git.commit") or "not logged",
        "Triggered by": tags.get("triggered_by") or "not logged",
        "Registered by": side.version.created_by or "unknown",
        "Model card": card_words(side.card),
        "Digest": short_digest(side.version.artifact_digest) or "no files here",
    }
