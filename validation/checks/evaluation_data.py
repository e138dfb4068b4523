"""The evaluation data of a metric, and whether two metrics have the same evaluation data (docs/decisions/0030).

The first of these that a run has is used: the dataset with which the metric was logged; the inputs of the run with an
evaluation context; the tag `eval_dataset_version`. The tag `dataset_version` is not used: it names training data, which
may differ between versions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from validation.base import RunFacts

EVALUATION_TAG = "eval_dataset_version"
CONTEXTS = frozenset({"eval", "evaluation", "val", "valid", "validation", "test", "testing", "holdout"})
_LISTED = 5


class DataMatch(StrEnum):
    """The comparison of the evaluation data of two runs. ``ONLY_INCUMBENT``: only the incumbent's are known."""

    SAME = "the same"
    DIFFERENT = "different"
    ONLY_INCUMBENT = "named by Production alone"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Data:
    """Evaluation datasets as (name, digest), sorted; empty if they are unknown."""

    sets: tuple[tuple[str, str], ...] = ()

    @property
    def text(self) -> str:
        """The datasets in one line, "" if they are unknown."""
        return str(self) if self.sets else ""

    def __str__(self) -> str:
        names = [f"{name}@{digest}" if digest else name for name, digest in self.sets]
        more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
        return f"{', '.join(names[:_LISTED])}{more}"[:300] or "unknown data"


def data_behind(run: RunFacts, metric: str) -> Data:
    """Return the evaluation data of a metric of a run."""
    if metric in run.measured_on:
        return Data((run.measured_on[metric],))
    logged = {(name, digest) for name, digest, context in run.datasets if context.strip().lower() in CONTEXTS}
    if logged:
        return Data(tuple(sorted(logged)))
    tag = run.tags.get(EVALUATION_TAG, "").strip()
    return Data(((tag, ""),)) if tag else Data()


def measured_by(run: RunFacts, names: Iterable[str]) -> dict[str, list[str | None]]:
    """Return [value, evaluation data] of each of these metrics that a run has; the value is None if it is unusable."""
    logged = [name for name in names if name in {*run.metrics, *run.unusable}]
    return {
        name: [repr(run.metrics[name]) if name in run.metrics else None, data_behind(run, name).text] for name in logged
    }


def match_data(candidate: Data, incumbent: Data) -> DataMatch:
    """Return whether the candidate and the Production version (``incumbent``) have the same evaluation data.

    A dataset with a digest and one that only a tag names are different, even with the same name.
    """
    if not incumbent.sets:
        return DataMatch.UNKNOWN
    if not candidate.sets:
        return DataMatch.ONLY_INCUMBENT
    return DataMatch.SAME if set(candidate.sets) == set(incumbent.sets) else DataMatch.DIFFERENT
