"""The picture: nothing overlaps, everything is placed, edges run left to right, and it is the same each time."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.graph.layout import MAX_DRAWN, Drawing, layout
from lineage.graph.reads import EdgeRow, NodeRow


def drawn(count: int, pairs: list[tuple[int, int]]) -> Drawing:
    """Draw nodes 1..count and an edge per pair, without a database."""
    nodes = [NodeRow(pk, 1, f"n{pk}", "", "", "", "{}") for pk in range(1, count + 1)]
    edges = [EdgeRow(100 + place, source, target, 1, "") for place, (source, target) in enumerate(pairs)]
    return layout(nodes, edges)


def overlaps(drawing: Drawing) -> bool:
    boxes = sorted(drawing.boxes.values(), key=lambda box: (box.x, box.y))
    return any(a.x == b.x and a.y + a.height > b.y for a, b in itertools.pairwise(boxes))


def test_a_chain_runs_left_to_right() -> None:
    drawing = drawn(3, [(1, 2), (2, 3)])
    assert drawing.boxes[1].x < drawing.boxes[2].x < drawing.boxes[3].x
    assert [path.d[0] for path in drawing.paths] == ["M", "M"]
    assert drawing.width >= drawing.boxes[3].x + drawing.boxes[3].width


def test_isolated_nodes_are_placed() -> None:
    drawing = drawn(4, [(1, 2)])
    assert set(drawing.boxes) == {1, 2, 3, 4}
    assert not overlaps(drawing)


def test_nothing_to_draw() -> None:
    assert drawn(0, []).boxes == {}


def test_parallel_edges_share_a_curve() -> None:
    drawing = drawn(2, [(1, 2), (1, 2)])
    assert [path.edge_ids for path in drawing.paths] == [(100, 101)]


def test_a_long_edge_bends_round_what_is_between() -> None:
    drawing = drawn(3, [(1, 2), (2, 3), (1, 3)])
    long = next(path for path in drawing.paths if (path.source, path.target) == (1, 3))
    assert long.d.count("C") == 3


@pytest.mark.parametrize("pairs", [[(1, 2), (2, 1)], [(1, 2), (2, 3), (3, 1)], [(1, 1), (1, 2)]])
def test_cycles_and_loops_do_not_end_the_process(pairs: list[tuple[int, int]]) -> None:
    drawing = drawn(3, pairs)
    assert {(path.source, path.target) for path in drawing.paths} == {pair for pair in pairs if pair[0] != pair[1]}


def test_bends_of_one_part_are_not_nodes_of_another() -> None:
    pairs = [(1, 5), (2, 3), (2, 6), (3, 4), (4, 6)]
    assert all(drawn(6, pairs) == drawn(6, pairs) for _ in range(20))
    assert not overlaps(drawn(6, pairs))


def test_more_than_can_be_drawn_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be drawn"):
        drawn(MAX_DRAWN + 1, [])


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 25).flatmap(
        lambda n: st.tuples(st.just(n), st.lists(st.tuples(st.integers(1, n), st.integers(1, n))))
    )
)
def test_every_graph_can_be_drawn(graph: tuple[int, list[tuple[int, int]]]) -> None:
    count, pairs = graph
    drawing = drawn(count, pairs)
    assert set(drawing.boxes) == set(range(1, count + 1))
    assert not overlaps(drawing)
    assert {(path.source, path.target) for path in drawing.paths} == {(a, b) for a, b in pairs if a != b}
    assert drawing == drawn(count, pairs)
