"""The models of lineage."""

from lineage.models.descriptions import DatasetDescription, DatasetFile
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
from lineage.models.same_datasets import SameDataset, SeparatedDatasets
from lineage.models.suggestions import DatasetName, SuggestedEdge, SuggestionMark, SuggestionSeed

__all__ = [
    "Assertion",
    "Claim",
    "DatasetDescription",
    "DatasetFacts",
    "DatasetFile",
    "DatasetName",
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
    "SameDataset",
    "SeparatedDatasets",
    "SuggestedEdge",
    "SuggestionDecision",
    "SuggestionMark",
    "SuggestionSeed",
]
