"""The models of lineage."""

from lineage.models.graph import (
    Assertion,
    Claim,
    Edge,
    EdgeAssertion,
    Node,
    NodeKind,
    Quarantine,
    Relation,
    RetractedEdge,
    SuggestionDecision,
)
from lineage.models.openlineage import DatasetFacts, Job, JobDataset, JobRun, LineageEvent

__all__ = [
    "Assertion",
    "Claim",
    "DatasetFacts",
    "Edge",
    "EdgeAssertion",
    "Job",
    "JobDataset",
    "JobRun",
    "LineageEvent",
    "Node",
    "NodeKind",
    "Quarantine",
    "Relation",
    "RetractedEdge",
    "SuggestionDecision",
]
