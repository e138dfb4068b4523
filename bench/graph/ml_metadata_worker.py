"""`python bench/graph/ml_metadata_worker.py GRAPH`: put a graph into ml-metadata, measure its queries, print JSON.

Runs in an environment of its own that has ml-metadata (ML_METADATA_PYTHON), on SQLite in a file beside the graph. The
graph is what `bench.graph.lineage_worker` wrote: nodes as (kind, URN, name, version), edges as pairs of positions from
1.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ml_metadata.metadata_store import metadata_store  # type: ignore[import-not-found]  # not in our environment
from ml_metadata.proto import metadata_store_pb2 as messages  # type: ignore[import-not-found]  # likewise

_RUN = 5  # lineage.models.NodeKind.RUN
_AT_ONCE = 1000
_TIMES = 9
_HOPS = 100  # it follows no more


def main(path: Path) -> None:
    """Fill, measure, print one line: the milliseconds of the quickest of each walk, and how many nodes it returned."""
    graph = json.loads(path.read_text())
    config = messages.ConnectionConfig()
    config.sqlite.filename_uri = str(path.with_suffix(".mlmd"))
    config.sqlite.connection_mode = messages.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
    store = metadata_store.MetadataStore(config)
    ids = _fill(store, graph["nodes"], graph["edges"])
    print(json.dumps([_measured(store, ids[start], direction) for direction, start in graph["starts"]]))


def _fill(store: Any, nodes: Sequence[Any], edges: Sequence[Sequence[int]]) -> dict[int, int]:
    """Insert artifacts, executions and events; return the id of each artifact and execution by its position."""
    artifact_type, execution_type = messages.ArtifactType(name="artifact"), messages.ExecutionType(name="run")
    for kind in (artifact_type, execution_type):
        for name in ("name", "version"):
            kind.properties[name] = messages.STRING
    artifact_id, execution_id = store.put_artifact_type(artifact_type), store.put_execution_type(execution_type)
    ids: dict[int, int] = {}
    linked = {end for edge in edges for end in edge}
    rows = [(position, row) for position, row in enumerate(nodes, start=1) if position in linked]
    for is_run, make, type_id, put in (
        (False, messages.Artifact, artifact_id, store.put_artifacts),
        (True, messages.Execution, execution_id, store.put_executions),
    ):
        chosen = [(position, row) for position, row in rows if (row[0] == _RUN) is is_run]
        for start in range(0, len(chosen), _AT_ONCE):
            part = chosen[start : start + _AT_ONCE]
            made = [_made(make, type_id, row) for _, row in part]
            ids |= dict(zip([position for position, _ in part], put(made), strict=True))
    for start in range(0, len(edges), _AT_ONCE):
        store.put_events([_event(ids, nodes, src, dst) for src, dst in edges[start : start + _AT_ONCE]])
    return ids


def _made(make: Any, type_id: int, row: Sequence[Any]) -> Any:
    _, urn, name, version = row
    made = make(type_id=type_id, name=urn)
    made.properties["name"].string_value = name
    made.properties["version"].string_value = version
    return made


def _event(ids: dict[int, int], nodes: Sequence[Any], src: int, dst: int) -> Any:
    is_input = nodes[dst - 1][0] == _RUN
    run, artifact = (dst, src) if is_input else (src, dst)
    kind = messages.Event.INPUT if is_input else messages.Event.OUTPUT
    return messages.Event(artifact_id=ids[artifact], execution_id=ids[run], type=kind)


def _measured(store: Any, artifact: int, direction: str) -> dict[str, float]:
    options = messages.LineageSubgraphQueryOptions(max_num_hops=_HOPS)
    options.starting_artifacts.filter_query = f"id = {artifact}"
    name = "UPSTREAM" if direction == "up" else "DOWNSTREAM"
    options.direction = getattr(messages.LineageSubgraphQueryOptions, name)
    took, size = [], 0
    for _ in range(_TIMES):
        begun = time.perf_counter()
        graph = store.get_lineage_subgraph(options)
        took.append((time.perf_counter() - begun) * 1000)
        size = len(graph.artifacts) + len(graph.executions)
    return {"best": min(took), "size": size}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
