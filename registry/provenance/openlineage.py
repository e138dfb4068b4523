"""Provenance as OpenLineage events for another server: the ancestor runs of a version, with inputs and outputs."""

from __future__ import annotations

import uuid
from typing import Any

from core.times import iso_utc
from lineage.graph.reads import NodeRow
from lineage.models import Node, NodeKind, Relation
from registry.provenance.ancestry import Ancestry

_PRODUCER = "urn:custody:registry"
_SCHEMA = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
_VERSION_FACET = (
    "https://openlineage.io/spec/facets/1-0-1/DatasetVersionDatasetFacet.json#/$defs/DatasetVersionDatasetFacet"
)
_TYPE_FACET = "https://openlineage.io/spec/facets/1-0-0/DatasetTypeDatasetFacet.json#/$defs/DatasetTypeDatasetFacet"
_DATASETS = (NodeKind.DATASET_VERSION, NodeKind.MODEL_VERSION, NodeKind.LOGGED_MODEL)
Json = dict[str, Any]


def events_of(ancestry: Ancestry) -> list[Json]:
    """Return one COMPLETE event for each run, in the order of their nodes in the graph."""
    runs = sorted(ancestry.of_kind([NodeKind.RUN]), key=lambda node: node.id)
    times = dict(Node.objects.filter(pk__in=[run.id for run in runs]).values_list("pk", "recorded_at"))
    return [
        {
            "eventType": "COMPLETE",
            "eventTime": iso_utc(times[run.id]),
            "producer": _PRODUCER,
            "schemaURL": _SCHEMA,
            "run": {"runId": _run_id(run), "facets": {}},
            "job": {"namespace": "custody", "name": run.name, "facets": {}},
            "inputs": [_dataset(node) for node in _near(ancestry, run, inputs=True)],
            "outputs": [_dataset(node) for node in _near(ancestry, run, inputs=False)],
        }
        for run in runs
    ]


def _run_id(run: NodeRow) -> str:
    """Return the id of a run as a UUID. MLflow's ids are UUIDs without dashes; any other id is hashed."""
    text = run.urn.partition(":")[2]
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, run.urn))


def _near(ancestry: Ancestry, run: NodeRow, *, inputs: bool) -> list[NodeRow]:
    if inputs:
        ids = {edge.src for edge in ancestry.into(run.id) if edge.rel == Relation.CONSUMED}
    else:
        ids = {edge.dst for edge in ancestry.edges if edge.src == run.id and edge.rel == Relation.PRODUCED}
    return [node for node in ancestry.of_kind(_DATASETS) if node.id in ids]


def _dataset(node: NodeRow) -> Json:
    facets: Json = {}
    if node.version:
        facets["version"] = {"_producer": _PRODUCER, "_schemaURL": _VERSION_FACET, "datasetVersion": node.version}
    if node.kind != NodeKind.DATASET_VERSION:
        facets["datasetType"] = {"_producer": _PRODUCER, "_schemaURL": _TYPE_FACET, "datasetType": "MODEL"}
    return {"namespace": "custody", "name": node.name, "facets": facets}
