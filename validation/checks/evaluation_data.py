"""On which data a metric was measured, and whether two metrics were measured on the same (docs/decisions/0030).

Read in this order, the first that says anything: the dataset the metric itself was logged with; the inputs of the run whose
context says evaluation; the tag `eval_dataset_version`. `dataset_version` names what a model was trained on, which may change
between two versions that are compared, and says nothing here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from validation.base import RunFacts

EVALUATION_TAG = "eval_dataset_version"
CONTEXTS = frozenset({"eval", "evaluation", "val", "valid", "validation", "test", "testing", "holdout"})
_LISTED = 5


class Likeness(StrEnum):
    """How the evaluation data of two runs compare. ``UNSAID``: Production says what it was measured on, the candidate not."""

    SAME = "the same"
    DIFFERENT = "different"
    UNSAID = "named by Production alone"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Data:
    """Datasets as (name, digest), sorted; none where nothing says."""

    sets: tuple[tuple[str, str], ...] = ()

    @property
    def shown(self) -> str:
        """Return them in a line, "" where nothing says."""
        return str(self) if self.sets else ""

    def __str__(self) -> str:
        names = [f"{name}@{digest}" if digest else name for name, digest in self.sets]
        more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
        return f"{', '.join(names[:_LISTED])}{more}"[:300] or "data nobody named"


def data_behind(run: RunFacts, metric: str) -> Data:
    """Return what a metric of a run was measured on."""
    if metric in run.measured_on:
        return Data((run.measured_on[metric],))
    logged = {(name, digest) for name, digest, context in run.datasets if context.strip().lower() in CONTEXTS}
    if logged:
        return Data(tuple(sorted(logged)))
    tag = run.tags.get(EVALUATION_TAG, "").strip()
    return Data(((tag, ""),)) if tag else Data()


def likeness(ours: Data, theirs: Data) -> Likeness:
    """Return how the candidate's evaluation data compare with those of Production.

    Data known by digest and data known by a tag's word are different things unless they are said the same way.
    """
    if not theirs.sets:
        return Likeness.UNKNOWN
    if not ours.sets:
        return Likeness.UNSAID
    return Likeness.SAME if set(ours.sets) == set(theirs.sets) else Likeness.DIFFERENT
