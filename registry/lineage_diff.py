"""Difference of two model versions or runs: comparable metrics, changes by axis, the nearest divergence.

The difference names changes, not causes. It lists facts that were not recorded as unknown.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from core.actors import Actor
from core.errors import InvalidInput, TooLarge
from lineage.graph.closure import read_closure
from lineage.graph.reads import EdgeRow, NodeRow, distances
from lineage.models import Edge, Node, NodeKind, Relation
from lineage.queries import anchors_of, find_visible
from lineage.visibility import hidden_nodes, known_nodes, unknown_node
from tracking.metric_directions import direction_of
from tracking.models import LatestMetric, Param

_MOST = 100_000
_MAX_LISTED = 20
_NOISE = 1e-12
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Side:
    """One of the two compared nodes: its ancestors with distances, and the run that made it ("" for none).

    ``inputs`` are the direct inputs of the node and of that run.
    """

    root: Node
    nodes: dict[int, NodeRow]
    edges: list[EdgeRow]
    depths: dict[int, int]
    run_id: str
    inputs: tuple[NodeRow, ...]

    def near(self, kinds: Collection[NodeKind]) -> list[NodeRow]:
        """Return the direct inputs of some kinds, by id."""
        return [node for node in self.inputs if node.kind in kinds]


def diff_of(actor: Actor, first: str, second: str) -> Json:
    """Return the difference of two model versions, runs or endpoints, as `GET /api/v1/diff` does.

    For an endpoint, the version of its newest live deployment is compared. Raises NotFound, InvalidInput, and TooLarge
    for more than 100,000 ancestors, because a partial difference would mislead.
    """
    a, b = _side(actor, first), _side(actor, second)
    metrics = _metrics(a, b)
    changes = [*_data(a, b), *_code(a, b), *_params(a, b), *_environment(a, b), *_base_models(a, b)]
    unknown = _unknown(a, "a") + _unknown(b, "b")
    return {
        "a": a.root.urn,
        "b": b.root.urn,
        "verdict": _verdict(metrics),
        "metrics": metrics,
        "changes": changes,
        "lineage": _divergence(a, b),
        "unknown": unknown,
        "single_change": len({change["axis"] for change in changes}) == 1 and not unknown,
    }


def _side(actor: Actor, urn: str) -> _Side:
    root = find_visible(actor, urn)
    if root.kind == NodeKind.ENDPOINT:
        root = _served(actor, root)
    if root.kind not in (NodeKind.MODEL_VERSION, NodeKind.RUN):
        raise InvalidInput(f"{urn[:200]!r} cannot be compared. Name a model version, a run or an endpoint.")
    read = read_closure([root.pk], "up", limit=_MOST)
    if read.seen > _MOST:
        raise TooLarge(f"{root.name} {root.version} has more than {_MOST:,} ancestors, too many to compare.")
    hidden = hidden_nodes(actor, read.nodes)
    if root.pk in hidden:
        raise unknown_node(root)
    nodes = {node.id: node for node in read.nodes if node.id not in hidden}
    edges = [edge for edge in read.edges if edge.src in nodes and edge.dst in nodes]
    makers = [nodes[edge.src] for edge in edges if edge.dst == root.pk and edge.rel == Relation.PRODUCED]
    run = (
        root.urn if root.kind == NodeKind.RUN else next((node.urn for node in makers if node.kind == NodeKind.RUN), "")
    )
    depths = distances(root.pk, [root.pk], read.edges, "up")
    targets = {root.pk} | {node.id for node in makers if node.urn == run}
    direct = {edge.src for edge in edges if edge.dst in targets}
    return _Side(root, nodes, edges, depths, run.removeprefix("run:"), tuple(nodes[pk] for pk in sorted(direct)))


def _served(actor: Actor, endpoint: Node) -> Node:
    """Return the version of the newest live deployment that the actor may see.

    Raises InvalidInput where there is none.
    """
    edges = Edge.objects.filter(dst__in=anchors_of(endpoint, "up"), rel=Relation.DEPLOYED).select_related("src")
    visible = known_nodes(actor, [edge.src for edge in edges.order_by("-dst_id")])
    if not visible:
        raise InvalidInput(f"No version that you may see is deployed to {endpoint.name}.")
    return visible[0]


def _metrics(a: _Side, b: _Side) -> list[Json]:
    """Return the metrics of both runs. Metrics that were measured on different data are not comparable."""
    values: dict[str, dict[str, LatestMetric]] = defaultdict(dict)
    rows = LatestMetric.objects.filter(run_id__in=[side.run_id for side in (a, b) if side.run_id]).order_by("key", "pk")
    for row in rows:
        for name, side in (("a", a), ("b", b)):
            if row.run_id == side.run_id:
                values[row.key][name] = row
    return [_metric(key, sides.get("a"), sides.get("b")) for key, sides in sorted(values.items())]


def _metric(key: str, a: LatestMetric | None, b: LatestMetric | None) -> Json:
    body: Json = {"key": key, "a": a.value if a else None, "b": b.value if b else None}
    if a is None or b is None:
        return body | {"comparable": False, "why": f"only {'b' if a is None else 'a'} has it"}
    data = [(row.dataset_name, row.dataset_digest) for row in (a, b)]
    is_same_data = data[0] == data[1]
    body |= {
        "delta": b.value - a.value,
        "comparable": is_same_data,
        "eval_dataset": "same" if is_same_data and any(data[0]) else "unknown",
    }
    if not is_same_data:
        body |= {
            "eval_dataset": "differs",
            "why": f"measured on {data[0][0] or 'unknown data'} and {data[1][0] or 'unknown data'}",
        }
    return body | {"direction": _judged(key, b.value - a.value)}


def _judged(key: str, delta: float) -> str:
    """Return "better" or "worse", "same", or "changed" where the name of the metric has no known direction."""
    if abs(delta) < _NOISE:
        return "same"
    gain = direction_of(key) * delta
    return "better" if gain > 0 else "worse" if gain < 0 else "changed"


def _verdict(metrics: list[Json]) -> str:
    directions = {metric["direction"] for metric in metrics if metric["comparable"]} - {"same"}
    if not any(metric["comparable"] for metric in metrics):
        return "not comparable"
    if judged := directions - {"changed"}:
        return {"worse": "regressed", "better": "improved"}[judged.pop()] if len(judged) == 1 else "mixed"
    return "changed" if directions else "unchanged"


def _data(a: _Side, b: _Side) -> list[Json]:
    """Return the dataset versions that only one side descends from, by dataset, the nearest first."""
    sides = [
        {node.id: node for node in side.nodes.values() if node.kind == NodeKind.DATASET_VERSION} for side in (a, b)
    ]
    only_in_side = [[node for pk, node in sides[n].items() if pk not in sides[1 - n]] for n in (0, 1)]
    datasets = _containers(node.id for nodes in only_in_side for node in nodes)
    by_dataset: dict[int, tuple[list[NodeRow], list[NodeRow]]] = defaultdict(lambda: ([], []))
    for n in (0, 1):
        for node in only_in_side[n]:
            by_dataset[datasets.get(node.id, node.id)][n].append(node)
    changes = []
    for before, after in by_dataset.values():
        hops = min(side.depths.get(node.id, _MOST) for side, nodes in ((a, before), (b, after)) for node in nodes)
        changes.append(
            {
                "axis": "data",
                "kind": "changed" if before and after else "removed" if before else "added",
                "node": (before or after)[0].name,
                "a": sorted(node.version for node in before),
                "b": sorted(node.version for node in after),
                "hops": hops,
            }
        )
    return sorted(changes, key=lambda change: (change["hops"], change["node"]))


def _code(a: _Side, b: _Side) -> list[Json]:
    commits = [sorted(node.version for node in side.near([NodeKind.CODE_VERSION])) for side in (a, b)]
    return [] if commits[0] == commits[1] else [{"axis": "code", "kind": "changed", "a": commits[0], "b": commits[1]}]


def _params(a: _Side, b: _Side) -> list[Json]:
    rows = Param.objects.filter(run_id__in=[side.run_id for side in (a, b) if side.run_id])
    values: dict[str, dict[str, str]] = {a.run_id: {}, b.run_id: {}}
    for run_id, key, value in rows.values_list("run_id", "key", "value"):
        values[run_id][key] = value
    return _mapping("params", values[a.run_id], values[b.run_id])


def _environment(a: _Side, b: _Side) -> list[Json]:
    return _mapping("environment", _packages(a), _packages(b))


def _mapping(axis: str, a: Mapping[str, str], b: Mapping[str, str]) -> list[Json]:
    """Return the difference of two mappings as a list of one change, [] where they are equal."""
    changed = [{"key": key, "a": a[key], "b": b[key]} for key in sorted(a.keys() & b.keys()) if a[key] != b[key]]
    added = [{"key": key, "b": b[key]} for key in sorted(b.keys() - a.keys())]
    removed = [{"key": key, "a": a[key]} for key in sorted(a.keys() - b.keys())]
    if not (changed or added or removed):
        return []
    same = len(a.keys() & b.keys()) - len(changed)
    return [
        {"axis": axis, "kind": "changed", "changed": changed, "added": added, "removed": removed, "unchanged": same}
    ]


def _packages(side: _Side) -> dict[str, str]:
    packages: dict[str, str] = {}
    for node in side.near([NodeKind.ENVIRONMENT]):
        attrs = orjson.loads(node.attrs or "{}")
        if attrs.get("python"):
            packages["python"] = str(attrs["python"])
        for line in attrs.get("packages", []):
            name, _, version = str(line).partition("==")
            packages[name.strip()] = version.strip() or "any"
    return packages


def _base_models(a: _Side, b: _Side) -> list[Json]:
    kinds = (NodeKind.LOGGED_MODEL, NodeKind.MODEL_VERSION)
    used = [sorted(node.urn for node in side.near(kinds) if _is_base(side, node)) for side in (a, b)]
    return [] if used[0] == used[1] else [{"axis": "base_model", "kind": "changed", "a": used[0], "b": used[1]}]


def _is_base(side: _Side, node: NodeRow) -> bool:
    return any(edge.src == node.id and edge.rel == Relation.CONSUMED for edge in side.edges)


def _divergence(a: _Side, b: _Side) -> Json:
    """Return how many ancestors both sides share, and the nearest divergence.

    The divergence are the ancestors of only one side whose inputs are all shared.
    """
    ids = [set(side.nodes) - {side.root.pk} for side in (a, b)]
    shared = ids[0] & ids[1]
    first: list[Json] = []
    for side, own_ids in ((a, ids[0] - shared), (b, ids[1] - shared)):
        after_others = {edge.dst for edge in side.edges if edge.dst in own_ids and edge.src not in shared}
        first += [{"node": side.nodes[pk].urn, "hops": side.depths.get(pk, _MOST)} for pk in own_ids - after_others]
    first.sort(key=lambda row: (row["hops"], str(row["node"])))
    return {
        "only_a": len(ids[0] - shared),
        "only_b": len(ids[1] - shared),
        "shared": len(shared),
        "first_divergence": first[:_MAX_LISTED],
    }


def _unknown(side: _Side, name: str) -> list[str]:
    """Return sentences about the facts of one side that were not recorded."""
    missing = []
    if not side.run_id:
        missing.append(f"the run that made {name}")
    if not side.near([NodeKind.CODE_VERSION]):
        missing.append(f"code of {name}")
    if not any(node.kind == NodeKind.DATASET_VERSION for node in side.nodes.values()):
        missing.append(f"data of {name}")
    if not side.near([NodeKind.ENVIRONMENT]):
        missing.append(f"environment of {name}")
    return [f"{text} is not recorded" for text in missing]


def _containers(ids: Iterable[int]) -> dict[int, int]:
    rows = Node.objects.filter(pk__in=list(ids), container_id__isnull=False).values_list("pk", "container_id")
    return {pk: container for pk, container in rows if container is not None}
