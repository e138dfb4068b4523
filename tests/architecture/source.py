"""The project's own Python files, parsed, for tests that read code."""

from __future__ import annotations

import ast
from collections.abc import Iterator
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
    return ast.parse(path.read_text(encoding="utf-8"))


def imports_in(node: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield (line, module) of every import anywhere below a node."""
    for below in ast.walk(node):
        if isinstance(below, ast.Import):
            yield from ((below.lineno, name.name) for name in below.names)
        elif isinstance(below, ast.ImportFrom):
            yield below.lineno, below.module or ""


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))
