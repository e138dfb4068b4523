"""The methods that suggest edges, the confidence of each, and a suggested edge."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from lineage.models import Node, Relation


class Method(StrEnum):
    """The method by which an edge was inferred."""

    DVC_FILE = "dvc_file"
    LAST_VERSION = "last_version"
    NAMED_SOURCE = "named_source"
    PREVIOUS_RUN = "previous_run"
    SAME_ADDRESS = "same_address"
    SAME_SHORT_DIGEST = "same_short_digest"
    SIMILAR_NAME = "similar_name"


# The confidence of a method, from 0 to 1: a fixed number, explained in docs/reference.md.
CONFIDENCE = {
    Method.DVC_FILE: 0.98,
    Method.NAMED_SOURCE: 0.97,
    Method.SAME_ADDRESS: 0.9,
    Method.SAME_SHORT_DIGEST: 0.9,
    Method.LAST_VERSION: 0.7,
    Method.PREVIOUS_RUN: 0.5,
    Method.SIMILAR_NAME: 0.3,
}


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A suggested edge, and why it is likely."""

    src: Node
    dst: Node
    relation: Relation
    method: Method
    evidence: str

    @property
    def key(self) -> tuple[int, int, int, str]:
        """Return the key of the suggestion: source, target, relation, method."""
        return self.src.pk, self.dst.pk, self.relation.value, self.method.value

    @property
    def confidence(self) -> float:
        """Return the likelihood of the edge, from 0 to 1."""
        return CONFIDENCE[self.method]
