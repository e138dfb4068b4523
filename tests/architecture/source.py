"""The project's own Python files, parsed, for tests that read code."""

from __future__ import annotations

import ast
import gc
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = (
    "accounts",
    "approvals",
    "audit",
    "config",
    "console",
    "core",
    "demo",
    "importing",
    "lineage",
    "mlflow_api",
    "notices",
    "policies",
    "registry",
    "traces",
    "tracking",
    "validation",
    "webhooks",
)


def modules() -> list[Path]:
    """Return every module of the product, without migrations."""
    found = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    return sorted(path for path in found if "migrations" not in path.parts)


@cache
def tree_of(path: Path) -> ast.Module:
    """Return the syntax tree of a file. All trees are kept, so the garbage collector does not look at them again."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    gc.freeze()
    return tree


@cache
def _nodes_of(tree: ast.Module) -> list[ast.AST]:
    return list(ast.walk(tree))


def walk(tree: ast.AST) -> Iterable[ast.AST]:
    """Return all nodes of a tree, as ast.walk does. A whole module is walked once for all tests."""
    return _nodes_of(tree) if isinstance(tree, ast.Module) else ast.walk(tree)


def imports_in(node: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield (line, module) of every import anywhere below a node."""
    for below in walk(node):
        if isinstance(below, ast.Import):
            yield from ((below.lineno, name.name) for name in below.names)
        elif isinstance(below, ast.ImportFrom):
            yield below.lineno, below.module or ""


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))
