"""A key that a dict literal names twice silently loses its first value."""

from __future__ import annotations

import ast
from collections import Counter

import pytest

from tests.architecture.source import ROOT, modules, name_of, tree_of, walk

FILES = [*modules(), *(ROOT / "bench").rglob("*.py"), *(ROOT / "tests").rglob("*.py")]


def repeated_keys(tree: ast.AST) -> list[str]:
    """Return ``line: key`` for each key that a dict literal has more than once: constants, names
    and attributes alike.
    """
    repeated = []
    for node in walk(tree):
        if isinstance(node, ast.Dict):
            counted = Counter(_written(key) for key in node.keys if key is not None)
            repeated += [f"{node.lineno}: {key}" for key, count in counted.items() if count > 1]
    return repeated


def _written(key: ast.expr) -> str:
    return repr(key.value) if isinstance(key, ast.Constant) else ast.unparse(key)


def test_no_key_is_written_twice() -> None:
    assert [f"{name_of(path)}:{key}" for path in FILES for key in repeated_keys(tree_of(path))] == []


@pytest.mark.parametrize("code", ["{'a': 1, 'a': 2}", "{Action.A: 1, **more, Action.A: 2}", "{a: 1, a: 2}"])
def test_a_repeated_key_is_found(code: str) -> None:
    assert len(repeated_keys(ast.parse(code))) == 1
