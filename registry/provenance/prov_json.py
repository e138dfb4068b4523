"""Provenance as PROV-JSON (https://www.w3.org/submissions/prov-json/).

Data and models are entities. Runs, evaluations and deployments are activities.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from lineage.graph.reads import EdgeRow, NodeRow
from lineage.models import NodeKind, Relation
from registry.provenance.ancestry import Ancestry

_ACTIVITIES = (NodeKind.RUN, NodeKind.EVALUATION, NodeKind.DEPLOYMENT)
NAMESPACE = "urn:custody:"
Json = dict[str, Any]


def prov_json_of(ancestry: Ancestry) -> Json:
    """Return the PROV-JSON document of an ancestry."""
    document: dict[str, Json] = defaultdict(dict)
    for node in ancestry.nodes.values():
        document["activity" if node.kind in _ACTIVITIES else "entity"][_id(node.id)] = _described(node)
    for edge in ancestry.edges:
        kind, body = _relation(edge, ancestry)
        document[kind][f"_:e{edge.id}"] = body
    return {
        "prefix": {"custody": NAMESPACE},
        **{kind: dict(sorted(rows.items())) for kind, rows in sorted(document.items())},
    }


def _id(node_id: int) -> str:
    return f"custody:n{node_id}"


def _described(node: NodeRow) -> Json:
    body: Json = {
        "prov:label": f"{node.name} {node.version}".strip(),
        "prov:type": NodeKind(node.kind).label,
        "custody:urn": node.urn,
    }
    return body | ({"custody:digest": node.digest} if node.digest else {})


def _relation(edge: EdgeRow, ancestry: Ancestry) -> tuple[str, Json]:
    """Return the kind of PROV relation for an edge, and the relation with its two ends."""
    src, dst = _id(edge.src), _id(edge.dst)
    extra = {"custody:relation": Relation(edge.rel).name} | ({"custody:role": edge.role} if edge.role else {})
    ends = tuple(ancestry.nodes[end].kind in _ACTIVITIES for end in (edge.src, edge.dst))
    if edge.rel in (Relation.SAME_BYTES, Relation.SAME_VERSION):
        return "alternateOf", {"prov:alternate1": dst, "prov:alternate2": src}
    if ends == (False, True):
        return "used", {"prov:activity": dst, "prov:entity": src, **extra}
    if ends == (True, False):
        return "wasGeneratedBy", {"prov:entity": dst, "prov:activity": src, **extra}
    if ends == (True, True):
        return "wasInformedBy", {"prov:informed": dst, "prov:informant": src, **extra}
    return "wasDerivedFrom", {"prov:generatedEntity": dst, "prov:usedEntity": src, **extra}
