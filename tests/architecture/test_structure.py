"""Shapes that keep the second reading cheap: short modules, imports where one looks for them, no HTTP in the domain."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

from tests.architecture.source import PACKAGES, ROOT, imports_in, modules, name_of, tree_of, walk

MOST_LINES = 300
# The verifier is one file by design, so that an auditor can copy it; the settings and the actions are one list each.
LONGER = {"audit/actions.py", "audit/verifier/audit_verify.py", "config/settings.py"}
_HTTP = ("django.http", "django.shortcuts", "rest_framework")
_DOMAIN = {"models.py", "queries.py", "services.py", "stages.py", "policies.py", "evaluation.py"}
# Imports inside functions, each with its reason.
LATE_IMPORTS = {
    "config/admin_site.py": "the admin builds its site while the apps load; what its pages need reaches models",
    "tracking/apps.py": "AppConfig.ready: nothing that reaches a model may be imported before the apps are loaded",
}


def is_domain(path: Path) -> bool:
    """Return whether a module holds rules or facts: it must work without a request."""
    return not {"console", "api"} & set(path.parts) and (
        path.parent.name in {"services", "checks", "search", "policies"} or path.name in _DOMAIN
    )


def test_modules_are_short() -> None:
    lines = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in modules()}
    assert {name: count for name, count in lines.items() if count > MOST_LINES and name not in LONGER} == {}


def test_own_modules_are_imported_at_the_top() -> None:
    late = []
    for path in modules():
        functions = [node for node in walk(tree_of(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        lines = {line for node in functions for line, module in imports_in(node) if module.split(".")[0] in PACKAGES}
        late += [f"{name_of(path)}:{line}" for line in sorted(lines) if name_of(path) not in LATE_IMPORTS]
    assert late == [], (
        "an import inside a function hides a cycle: turn the dependency round, or give the reason in LATE_IMPORTS"
    )


def test_the_domain_speaks_no_http() -> None:
    found = [
        f"{name_of(path)}:{line} imports {module}"
        for path in modules()
        if is_domain(path)
        for line, module in imports_in(tree_of(path))
        if module.startswith(_HTTP)
    ]
    assert found == []


def test_nothing_is_called_utils() -> None:
    assert [name_of(path) for path in modules() if path.stem in {"utils", "helpers", "common", "misc"}] == []


# Names that tell a reader nothing about the value, and the metaphors that docs of the project avoid.
VAGUE_NAMES = {
    *("asked", "deed", "deeds", "found", "given", "it", "kept", "known", "looks", "made", "rest", "said", "shown"),
    *("stuff", "thing", "things", "told", "wanted", "way", "ways", "what", "wish"),
}
# (module, name) of a column that keeps its name: a person's preference is wanted or not.
KEPT_NAMES = {("notices/models.py", "wanted")}
# Words that no part of a name may be.
VAGUE_PARTS = {"aftermath", "deed", "heard", "keeper", "keepers", "lit", "plumbing", "said", "wish"}


def vague_names(tree: ast.Module) -> list[tuple[int, str]]:
    """Return (line, name) of each variable, parameter, function and class with a name that says nothing."""
    names = []
    for node in walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.append((node.lineno, node.id))
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            names.append((node.lineno, node.attr))
        elif isinstance(node, ast.arg):
            names.append((node.lineno, node.arg))
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.append((node.lineno, node.name))
    return [(line, name) for line, name in names if name.strip("_") in VAGUE_NAMES or parts_of(name) & VAGUE_PARTS]


def parts_of(name: str) -> set[str]:
    """Return the words of a name, in lower case: `_LastSaid` and `last_said` have the same."""
    return {part.lower() for part in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}


def test_no_name_is_vague() -> None:
    vague = [
        f"{name_of(path)}:{line} {name}"
        for path in modules()
        for line, name in vague_names(tree_of(path))
        if (name_of(path), name) not in KEPT_NAMES
    ]
    assert vague == [], "name the thing: `request`, `rows`, `versions_by_name`"


def test_a_vague_name_is_noticed() -> None:
    code = "def _found(wish, row):\n    found = row\n    for found, at in row: ...\n    return row.found, found\n"
    code += "row.shown = 1\n"
    assert vague_names(ast.parse(code)) == [(1, "_found"), (5, "shown"), (1, "wish"), (2, "found"), (3, "found")]
    code = "class LastSaid: ...\nDEED_OF = said_by = 1\ndef aside(width): ...\n"
    assert vague_names(ast.parse(code)) == [(1, "LastSaid"), (2, "DEED_OF"), (2, "said_by")]


# The operations that write triggers, which know tables by name; and what a reader sees of a name, which is kept for the
# rows of that time as it was then. They import no application code themselves.
GUARDS = {"core.concurrent_indexes", "core.database_guards", "core.look_alikes"}


def test_migrations_import_no_application_code() -> None:
    migrations = [path for package in PACKAGES for path in (ROOT / package).glob("migrations/*.py")]
    found = [
        f"{name_of(path)}:{line} imports {module}"
        for path in migrations
        for line, module in imports_in(tree_of(path))
        if module.split(".")[0] in PACKAGES and module not in GUARDS
    ]
    assert found == []


def test_djangos_checks_and_the_checks_of_versions_have_different_names() -> None:
    registering = {
        name_of(path)
        for path in modules()
        for node in walk(tree_of(path))
        if isinstance(node, ast.ImportFrom) and node.module == "django.core.checks"
    }
    assert registering
    assert {name for name in registering if not name.endswith("/system_checks.py")} == set()
    assert [path for path in modules() if path.name == "checks.py" and path.parent.parent == ROOT] == []


def test_no_folder_has_more_than_25_modules() -> None:
    tracked = [path for package in (*PACKAGES, "bench", "tests") for path in (ROOT / package).rglob("*.py")]
    sizes = Counter(
        name_of(path.parent) for path in tracked if path.name != "__init__.py" and "migrations" not in path.parts
    )
    assert {folder: size for folder, size in sizes.items() if size > 25} == {}
