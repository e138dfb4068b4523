"""Find code that nothing in the product uses; a use in tests alone does not count.

vulture reads the Python files. Besides what it sees, these count as uses: a name in a template or a script of the
pages, a keyword argument, an identifier in a text (a field in an ORM call, a dotted path in the settings), the getter
of a serializer field, and whatever a migration names. What frameworks call by name or by decorator is in
dead_code_allowed.toml, with the reason for each entry; an entry for a name that excuses nothing is an error too.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from vulture import Vulture

ROOT = Path(__file__).resolve().parents[1]
ALLOWED = ROOT / "script" / "dead_code_allowed.toml"
# The lowest confidence of vulture: a name that occurs nowhere else.
_CONFIDENCE = 60
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TEMPLATE_CODE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_IDENTIFIERS = re.compile(r"[A-Za-z_][\w.:-]*")


def packages() -> list[Path]:
    """Return the folders of the product's packages, as the import linter knows them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return [ROOT / name for name in project["tool"]["importlinter"]["root_packages"]]


def product_files() -> list[Path]:
    """Return every Python file of the product, without migrations."""
    files = [path for package in packages() for path in sorted(package.rglob("*.py"))]
    return [path for path in files if "migrations" not in path.parts]


def names_in_pages() -> Iterator[str]:
    """Yield the names that templates and the scripts of the pages mention."""
    for path in (ROOT / "templates").rglob("*"):
        if path.is_file():
            for code in _TEMPLATE_CODE.findall(path.read_text(encoding="utf-8")):
                yield from _NAME.findall(code)


def names_in_migrations() -> Iterator[str]:
    """Yield the names that migrations import."""
    for package in packages():
        for path in package.glob("migrations/*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ImportFrom):
                    yield from (alias.name for alias in node.names)


def names_in_texts(tree: ast.AST) -> Iterator[str]:
    """Yield the identifiers in texts that are nothing but identifiers, keyword arguments, and the getters of
    serializers.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg:
            yield from node.arg.split("__")
        elif isinstance(node, ast.Assign) and "SerializerMethodField" in ast.unparse(node.value):
            yield from (f"get_{target.id}" for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _IDENTIFIERS.fullmatch(node.value):
            yield from (part for part in re.split(r"[.:-]|__", node.value) if part)


@dataclass(frozen=True, slots=True)
class Unused:
    """A definition that nothing uses."""

    file: str
    line: int
    kind: str
    name: str

    def matches(self, pattern: str) -> bool:
        """Return whether a pattern of the allow-list is about this: one for the name, or one for ``file:name``."""
        return fnmatch(f"{self.file}:{self.name}" if ":" in pattern else self.name, pattern)


def unused(decorators: list[str]) -> list[Unused]:
    """Return every definition that nothing uses; a framework calls what has one of the decorators."""
    files = product_files()
    finder = Vulture(ignore_decorators=decorators)
    finder.scavenge([str(path) for path in files])
    used = {*names_in_pages(), *names_in_migrations()}
    for path in files:
        used.update(names_in_texts(ast.parse(path.read_text(encoding="utf-8"))))
    return [
        Unused(str(item.filename.relative_to(ROOT)), item.first_lineno, item.typ, item.name)
        for item in finder.get_unused_code(min_confidence=_CONFIDENCE)
        if item.name not in used
    ]


def main() -> int:
    """Print what is unused and not allowed, and the names in the allow-list that excuse nothing; return 1 for any of
    these.
    """
    allowed: dict[str, dict[str, str]] = tomllib.loads(ALLOWED.read_text(encoding="utf-8"))
    patterns, excusing, lines = allowed["names"], set(), []
    for item in unused(list(allowed["decorators"])):
        matching = {pattern for pattern in patterns if item.matches(pattern)}
        excusing |= matching
        if not matching:
            lines.append(f"{item.file}:{item.line} unused {item.kind} {item.name}")
    lines += [f"{ALLOWED.name}: {pattern!r} excuses nothing" for pattern in patterns if pattern not in excusing]
    print("\n".join(lines), end="\n" if lines else "")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
