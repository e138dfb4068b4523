"""Snapshots are made by one builder, so that no caller forgets a fact (decision 0071)."""

from __future__ import annotations

import ast

from tests.architecture.source import modules, name_of, tree_of, walk

BUILDER = "approvals/case/snapshots.py"


def snapshot_calls(tree: ast.AST) -> list[int]:
    """Return the line of each call that makes a snapshot."""
    calls = (node for node in walk(tree) if isinstance(node, ast.Call))
    return [call.lineno for call in calls if isinstance(call.func, ast.Name) and call.func.id == "Snapshot"]


def test_one_builder_of_snapshots() -> None:
    places = {name_of(path) for path in modules() if snapshot_calls(tree_of(path))}
    assert places == {BUILDER}


def test_the_test_would_notice() -> None:
    assert snapshot_calls(ast.parse("found = Snapshot(rules=())"))
