"""No two sibling folders or modules import each other, at any depth."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache

import pytest

from tests.architecture.source import ROOT, modules, tree_of, walk

Graph = dict[str, set[str]]


def dotted(path: str) -> str:
    """Return the import name of a module's file, relative to the repository."""
    return path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")


@cache  # parsing all modules takes seconds: not while tests are collected, and once
def imports() -> Graph:
    """Return which of our modules each of our modules imports."""
    trees = {dotted(str(path.relative_to(ROOT))): tree_of(path) for path in modules()}
    return {name: set(_imported(tree, set(trees))) - {name} for name, tree in trees.items()}


def _imported(tree: ast.Module, known: set[str]) -> Iterator[str]:
    for node in walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield from {full if full in known else node.module} & known


def siblings(graph: Graph, parent: str) -> Graph:
    """Return the graph of a package's direct children: what lies below a child counts as the child."""
    found: Graph = {}
    for module, targets in graph.items():
        child = _child_of(parent, module)
        if child:
            others = {_child_of(parent, target) for target in targets} - {child, ""}
            found.setdefault(child, set()).update(others)
    return found


def _child_of(parent: str, module: str) -> str:
    inside = module.removeprefix(f"{parent}.") if parent else module
    if parent and inside == module:
        return ""
    return f"{parent}.{inside.split('.')[0]}".lstrip(".")


def cycle_in(graph: Graph) -> list[str]:
    """Return the nodes that are left when everything without an unresolved import has been taken off: [] without a
    cycle.
    """
    left = {name: set(targets) for name, targets in graph.items()}
    while free := [name for name, targets in left.items() if not targets & left.keys()]:
        for name in free:
            del left[name]
    return sorted(left)


def parents(names: Iterable[str]) -> list[str]:
    """Return every package that has children, and "" for the top."""
    return sorted(
        {"", *(".".join(name.split(".")[:depth]) for name in names for depth in range(1, name.count(".") + 1))}
    )


@pytest.mark.parametrize("parent", parents(dotted(str(path.relative_to(ROOT))) for path in modules()))
def test_siblings_import_one_another_in_one_direction(parent: str) -> None:
    assert cycle_in(siblings(imports(), parent)) == []


def test_the_test_would_notice() -> None:
    graph = {"a.x.one": {"a.y.two"}, "a.y.two": set(), "a.y.three": {"a.x.four"}, "a.x.four": set()}
    assert cycle_in(graph) == []
    assert cycle_in(siblings(graph, "a")) == ["a.x", "a.y"]
