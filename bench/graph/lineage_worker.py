"""`python -m bench.graph.lineage_worker sparse|dense|small [FILE]`: fill a database with a graph, measure, print JSON.

FILE gets the graph and the starts of the walks, for another program to measure.
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import django

django.setup()

import orjson
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.authentication import actor_from_user
from accounts.models import User
from approvals.oversight.impact import impact_of
from config.supervisor.memory import leave_out_loaded_objects
from core.actors import Actor
from lineage.answers import Question, closure_answer
from lineage.graph.reads import read_of_kinds
from lineage.models import Node, NodeKind, Relation
from lineage.statements import Direction, walk_ids
from registry.models import ModelVersion, RegisteredModel

_SEED = 12
_TIMES = 9
_WHOLE = 10_000_000
_SIZES = (81, 687, 6_037)
_LAYERS = 12
_DENSE = 5
_FROM_LAST_LAYER = 0.8
# Runs, and data that the runs of one layer of a project read from the layers before it.
_SHAPES = {"sparse": (350_000, 2), "dense": (72_000, 14), "small": (33_000, 2)}
_BARE = (
    "WITH RECURSIVE walk(id) AS (SELECT * FROM (VALUES (CAST(%s AS bigint))) AS anchor UNION "
    "SELECT e.{far} FROM walk w JOIN lineage_edge e ON e.{near} = w.id) SELECT id FROM walk"
)
NodeRow = tuple[int, str, str, str, int | None]


def main(shape: str, path: str = "") -> None:
    """Fill, measure, print one line."""
    settings.ALLOWED_HOSTS = ["*"]
    call_command("migrate", verbosity=0)
    nodes, edges = fill(shape)
    _register()
    ops = User.objects.create(username="ops", is_superuser=True, is_staff=True)
    actor = actor_from_user(ops, auth="session", request_id="bench")
    starts = list(_starts())
    if path:
        _write(Path(path), shape, starts)
    leave_out_loaded_objects()  # as the server does
    print(
        orjson.dumps(
            {
                "nodes": nodes,
                "edges": edges,
                "closures": [_closure(actor, *start) for start in starts],
                "pages": _pages(ops, actor, starts),
            }
        ).decode()
    )


def fill(shape: str) -> tuple[int, int]:
    """Insert the graph of a shape by COPY, analyse it, and return the numbers of nodes and edges."""
    nodes, edges = _graph(*_SHAPES[shape])
    now = timezone.now()
    with connection.cursor() as cursor:
        with cursor.copy(
            "COPY lineage_node (id, kind, urn, name, version, digest, container_id, attrs, recorded_at) FROM STDIN"
        ) as copy:
            for pk, (kind, urn, name, version, container) in enumerate(nodes, start=1):
                copy.write_row((pk, kind, urn, name, version, "", container, "{}", now))
        with cursor.copy("COPY lineage_edge (src_id, dst_id, rel, role, recorded_at) FROM STDIN") as copy:
            for source, target, rel in sorted(edges):
                copy.write_row((source, target, rel, "", now))
        cursor.execute("VACUUM ANALYZE lineage_node")
        cursor.execute("VACUUM ANALYZE lineage_edge")
    return len(nodes), len(edges)


def _write(path: Path, shape: str, starts: list[tuple[str, Direction, int]]) -> None:
    nodes, edges = _graph(*_SHAPES[shape])
    graph = {
        "nodes": [row[:4] for row in nodes],
        "edges": sorted({(src, dst) for src, dst, _ in edges}),
        "starts": [(direction, pk) for _, direction, pk in starts],
    }
    path.write_bytes(orjson.dumps(graph))


class _Builder:
    """A graph of projects: each run reads data of the layers before it and makes a version of a dataset or a model."""

    def __init__(self, inputs: int) -> None:
        self.inputs = inputs
        self.chance = random.Random(_SEED)  # noqa: S311 - a graph to measure, no secret
        self.nodes: list[NodeRow] = []
        self.edges: set[tuple[int, int, int]] = set()

    def add(self, kind: NodeKind, urn: str, name: str, version: str = "", container: int | None = None) -> int:
        """Add a node and return its id."""
        self.nodes.append((kind.value, urn, name, version, container))
        return len(self.nodes)

    def project(self, number: int) -> int:
        """Add a project and return how many runs it has."""
        wide = min(400, max(4, int(self.chance.paretovariate(1.1) * 8))) if self.inputs < _DENSE else 160
        data, model = f"d{number}", f"m{number}"
        tables = self.add(NodeKind.DATASET, f"dataset:{data}", data)
        models = self.add(NodeKind.MODEL, f"model:{model}", model)
        kind = NodeKind.DATASET_VERSION
        layer = [self.add(kind, f"dataset-version:{data}/s{n}", data, f"s{n}", tables) for n in range(wide)]
        earlier = list(layer)
        for depth in range(_LAYERS):
            if depth == _LAYERS - 1:
                product = (NodeKind.MODEL_VERSION, f"model-version:{model}", model, models)
            else:
                product = (kind, f"dataset-version:{data}", data, tables)
            numbers = range(depth * wide + 1, (depth + 1) * wide + 1)
            layer = [self.run(f"run:p{number}r{count}", layer, earlier, product, str(count)) for count in numbers]
            earlier += layer
        return wide * _LAYERS

    def run(
        self, urn: str, layer: list[int], earlier: list[int], product: tuple[NodeKind, str, str, int], version: str
    ) -> int:
        """Add a run with its inputs and what it makes; return the latter."""
        run = self.add(NodeKind.RUN, urn, urn)
        for _ in range(self.inputs):
            pool = layer if self.chance.random() < _FROM_LAST_LAYER else earlier
            self.edges.add((self.chance.choice(pool), run, Relation.CONSUMED.value))
        kind, prefix, name, container = product
        output = self.add(kind, f"{prefix}/{version}", name, version, container)
        self.edges.add((run, output, Relation.PRODUCED.value))
        return output


def _register() -> None:
    """Insert the registered models and versions of the graph, so that permissions and impact read what is there."""
    RegisteredModel.objects.bulk_create(
        [
            RegisteredModel(name=name, name_key=name, created_by="ops", created_ms=1, updated_ms=1)
            for name in Node.objects.filter(kind=NodeKind.MODEL).values_list("name", flat=True)
        ],
        batch_size=2000,
    )
    ids = dict(RegisteredModel.objects.values_list("name", "pk"))
    rows = Node.objects.filter(kind=NodeKind.MODEL_VERSION).values_list("name", "version")
    versions = [
        ModelVersion(model_id=ids[name], version=int(number), source="x", created_by="ops", created_ms=1, updated_ms=1)
        for name, number in rows
    ]
    ModelVersion.objects.bulk_create(versions, batch_size=2000)


def _graph(runs: int, inputs: int) -> tuple[list[NodeRow], set[tuple[int, int, int]]]:
    builder = _Builder(inputs)
    edge_count = number = 0
    while edge_count < runs:
        number += 1
        edge_count += builder.project(number)
    return builder.nodes, builder.edges


def _starts() -> Iterator[tuple[str, Direction, int]]:
    """Yield starts whose closures are nearest to the sizes: model versions upwards, first data downwards."""
    for direction, kind in (("up", NodeKind.MODEL_VERSION), ("down", NodeKind.DATASET_VERSION)):
        rows = Node.objects.filter(kind=kind).order_by("id").values_list("pk", "urn")
        sample = random.Random(_SEED).sample(list(rows), 600)  # noqa: S311 - as above
        sized = [(len(walk_ids([pk], _direction(direction), limit=_WHOLE)), pk, urn) for pk, urn in sample]
        for size in _SIZES:
            _, pk, urn = min(sized, key=lambda row: (abs(row[0] - size), row[1]))
            yield urn, _direction(direction), pk


def _direction(text: str) -> Direction:
    return "up" if text == "up" else "down"


def _closure(actor: Actor, urn: str, direction: Direction, pk: int) -> dict[str, Any]:
    near, far = ("dst_id", "src_id") if direction == "up" else ("src_id", "dst_id")
    bare = _BARE.format(near=near, far=far)
    kinds = {NodeKind.MODEL_VERSION, NodeKind.ENDPOINT}
    question = Question(direction, limit=_WHOLE)
    jobs: dict[str, Callable[[], Any]] = {
        "bare": lambda: _run(bare, [pk]),
        "ids": lambda: walk_ids([pk], direction, limit=_WHOLE),
        "kinds": lambda: read_of_kinds([pk], direction, kinds, limit=_WHOLE),
        "json": lambda: closure_answer(actor, urn, question),
    }
    took: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(_TIMES):  # in turn: what slows the machine slows each of them
        for name, job in jobs.items():
            took[name].append(_milliseconds(job))
    size = len(walk_ids([pk], direction, limit=_WHOLE))
    row = {"direction": "ancestors" if direction == "up" else "descendants", "size": size, "best": min(took["json"])}
    return row | {name: statistics.median(values) for name, values in took.items()}


def _run(sql: str, values: list[int]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())


def _pages(ops: User, actor: Actor, starts: list[tuple[str, Direction, int]]) -> dict[str, float]:
    client = Client()
    client.force_login(ops)
    urn = next(urn for urn, direction, _ in starts[1:] if direction == "up")
    data = next(pk for _, direction, pk in starts[4:] if direction == "down")
    jobs: dict[str, Callable[[], Any]] = {
        "graph page": lambda: client.get("/lineage/", {"node": urn, "direction": "up"}),
        "lineage page": lambda: client.get("/lineage/"),
        "datasets page": lambda: client.get("/datasets/"),
        "impact": lambda: list(impact_of(actor, [Node.objects.get(pk=data)]).versions(actor)),
    }
    return {name: statistics.median(_milliseconds(job) for _ in range(_TIMES)) for name, job in jobs.items()}


def _milliseconds(job: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    job()
    return (time.perf_counter() - begun) * 1000


if __name__ == "__main__":
    main(*sys.argv[1:])
