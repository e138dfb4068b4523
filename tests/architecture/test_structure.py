"""Shapes that keep the second reading cheap: short modules, imports where one looks for them, no HTTP in the domain."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.architecture.source import PACKAGES, ROOT, imports_in, modules, name_of, tree_of

MOST_LINES = 300
# The verifier is one file by design, so that an auditor can copy it; the settings are one list.
LONGER = {"audit/verifier/audit_verify.py", "config/settings.py"}
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


@pytest.mark.parametrize("path", [path for path in modules() if name_of(path) not in LONGER], ids=name_of)
def test_a_module_is_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


def test_own_modules_are_imported_at_the_top() -> None:
    late = []
    for path in modules():
        functions = [
            node for node in ast.walk(tree_of(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        ]
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


# The operations that write triggers. They know tables by name and import no application code themselves.
GUARDS = "core.database_guards"


def test_migrations_import_no_application_code() -> None:
    migrations = [path for package in PACKAGES for path in (ROOT / package).glob("migrations/*.py")]
    found = [
        f"{name_of(path)}:{line} imports {module}"
        for path in migrations
        for line, module in imports_in(tree_of(path))
        if module.split(".")[0] in PACKAGES and module != GUARDS
    ]
    assert found == []


def test_djangos_checks_and_the_checks_of_versions_have_different_names() -> None:
    registering = {
        name_of(path)
        for path in modules()
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ImportFrom) and node.module == "django.core.checks"
    }
    assert registering
    assert {name for name in registering if not name.endswith("/system_checks.py")} == set()
    assert [path for path in modules() if path.name == "checks.py" and path.parent.parent == ROOT] == []
