"""The JSON of whole closures, byte for byte, against the plainest way to write it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django import Settings

from core.actors import Actor, system_actor
from core.errors import NotFound
from lineage.answers import Question, closure_answer
from lineage.models import Edge, Node, NodeKind, Relation
from lineage.services import record_deployment, record_produced
from lineage.statements import Direction
from tests.lineage.facts import record_consumed

pytestmark = pytest.mark.django_db
SYSTEM = system_actor("test")
_TEXTS = st.sampled_from(["orders", 'quote " and \\', "naïve \u2028 \U0001f680", "tab\tand\x01\x7f", "", "a/b%c"])
_ATTRS: st.SearchStrategy[Any] = st.sampled_from([{}, {"a": [1, None, "é"]}, {"ended_at": "2026-01-01T00:00:00Z"}])
_KINDS = st.sampled_from([NodeKind.DATASET_VERSION, NodeKind.RUN, NodeKind.MODEL_VERSION, NodeKind.DEPLOYMENT])
_RELATIONS = st.sampled_from([Relation.CONSUMED, Relation.PRODUCED, Relation.SERVES, Relation.SAME_BYTES])


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    count = draw(st.integers(1, 8))
    nodes = [tuple(draw(each) for each in (_KINDS, _TEXTS, _TEXTS, _TEXTS, _ATTRS)) for _ in range(count)]
    ends = st.integers(0, count - 1)
    edge = st.tuples(ends, ends, _RELATIONS, st.sampled_from(["", "train", 'x"y']))
    edges = draw(st.lists(edge, max_size=20, unique=True))
    return nodes, [row for row in edges if row[0] != row[1]]


@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(graph=graphs(), direction=st.sampled_from(["up", "down"]))
def test_every_byte_of_a_closure(graph: tuple[list[Any], list[Any]], direction: Direction) -> None:
    with transaction.atomic():
        nodes = [
            Node.objects.create(
                kind=kind, urn=f'thing:{n} "é\\', name=name, version=version, digest=digest, attrs=attrs
            )
            for n, (kind, name, version, digest, attrs) in enumerate(graph[0])
        ]
        for src, dst, rel, role in graph[1]:
            Edge.objects.create(src=nodes[src], dst=nodes[dst], rel=rel, role=role)
        answer = closure_answer(SYSTEM, nodes[0].urn, Question(direction))
        expected = plain_answer(nodes[0], direction)
        transaction.set_rollback(True)
    start, end = answer.index(b'"edges":['), answer.index(b'],"truncated"')
    edges = sorted(json.loads(answer[start + len('"edges":') : end + 1]), key=lambda edge: int(edge["id"]))
    assert answer[: start + len('"edges":[')] == expected["nodes"]
    assert dumped(edges) == expected["edges"]
    assert answer[end + 1 :] == expected["rest"]


def plain_answer(root: Node, direction: Direction) -> dict[str, bytes]:
    """Return the parts of the answer, written by the standard library from the rows of the ORM."""
    edges = [edge for edge in Edge.objects.select_related("src", "dst").order_by("pk") if flows(edge)]
    depths, level = {root.pk: 0}, {root.pk}
    while level:
        ends = {(edge.dst_id, edge.src_id) if direction == "up" else (edge.src_id, edge.dst_id) for edge in edges}
        level = {far for near, far in ends if near in level} - depths.keys()
        depths |= dict.fromkeys(level, max(depths.values()) + 1)
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, CAST(attrs AS text) FROM lineage_node")
        attrs = dict(cursor.fetchall())
    rows = []
    for node in sorted(Node.objects.filter(pk__in=depths), key=lambda row: (depths[row.pk], row.pk)):
        body = {"urn": node.urn, "kind": NodeKind(node.kind).name.lower(), "name": node.name, "version": node.version}
        rows.append(
            dumped(body | {"digest": node.digest})[:-1]
            + f',"attrs":{attrs[node.pk]},"depth":{depths[node.pk]}}}'.encode()
        )
    inner = [edge for edge in edges if edge.src_id in depths and edge.dst_id in depths]
    seen = reached(root, direction)
    rest = {
        "truncated": False, "frontier": [], "cursor": None, "total_seen": len(seen), "as_of": None,
        "warnings": [],
    }  # fmt: skip
    return {
        "nodes": b'{"root":' + dumped(root.urn) + b',"nodes":[' + b",".join(rows) + b'],"edges":[',
        "edges": dumped(
            [
                {
                    "id": edge.pk,
                    "source": edge.src.urn,
                    "target": edge.dst.urn,
                    "relation": Relation(edge.rel).name,
                    "role": edge.role,
                }
                for edge in inner
            ]
        ),
        "rest": b"," + dumped(rest)[1:],
    }


def flows(edge: Edge) -> bool:
    return edge.rel != Relation.SERVES or "ended_at" not in edge.src.attrs


def reached(root: Node, direction: Direction) -> set[int]:
    """Return all nodes that a walk reaches, also over edges of ended deployments."""
    pairs = set(
        Edge.objects.values_list("dst_id", "src_id")
        if direction == "up"
        else Edge.objects.values_list("src_id", "dst_id")
    )
    seen, level = {root.pk}, {root.pk}
    while level:
        level = {far for near, far in pairs if near in level} - seen
        seen |= level
    return seen


def dumped(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def test_a_closure_is_one_statement_and_another_for_what_is_hidden(by_ada: Actor) -> None:
    record_consumed(actor=by_ada, run_id="r1", dataset="orders", version="v2.1", role="train")
    record_produced(actor=by_ada, run_id="r1", model="clf", version=1)
    with CaptureQueriesContext(connection) as queries:
        closure_answer(SYSTEM, "run:r1", Question("up"))
    assert len(queries) == 1


@pytest.mark.parametrize("urn", ["run:none", "run:\x00", ""])
def test_an_unknown_node_is_not_found(urn: str) -> None:
    with pytest.raises(NotFound):
        closure_answer(SYSTEM, urn, Question("up"))


def test_walks_from_several_nodes_start_from_each(by_ada: Actor, settings: Settings) -> None:
    settings.LINEAGE_VISIBILITY = []
    for number in (1, 2):
        record_consumed(actor=by_ada, run_id=f"r{number}", dataset="orders", version=f"v{number}")
        record_produced(actor=by_ada, run_id=f"r{number}", model="clf", version=number)
        record_deployment(
            actor=by_ada, endpoint="/predict", number=number, revision=f"v{number}", model="clf", version=number
        )
    for urn, direction, count in (
        ("model:clf", "up", 7),
        ("dataset:orders", "down", 10),
        ("endpoint:/predict", "up", 9),
    ):
        answer = json.loads(closure_answer(SYSTEM, urn, Question("up" if direction == "up" else "down")))
        assert (urn, len(answer["nodes"]), answer["total_seen"]) == (urn, count, count)
