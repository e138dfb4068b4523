"""What the documents name exists: commands, scripts, routes with their methods, settings, functions and modules."""

from __future__ import annotations

import ast
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.core.management import get_commands
from django.urls import Resolver404, resolve

from audit.actions import Action
from tests.architecture.source import ROOT, tree_of
from tests.architecture.test_docs import variables
from tests.architecture.test_documents import DECISIONS, DOCUMENTS, shown

# What is described is how things are; a decision may speak of what was rejected.
CURRENT = [path for path in DOCUMENTS if path not in DECISIONS and path.name != "CHANGELOG.md"]
_METHOD = "GET|POST|PUT|PATCH|DELETE"
_ROUTE = re.compile(rf"((?:(?:{_METHOD})(?:,\s*|\s+))+)(/api/v1/[\w{{}}<>./:-]+)")
_PLACEHOLDER = re.compile(r"\{(\w+)\}|<(\w+)>")
_LEG = re.compile(r"script/test ([a-z]\w+)")
# A variable that a command reads, and the settings do not.
# The role of the database, what reproduce.sh exports to the training, and the token of an example.
_ELSEWHERE = {"CUSTODY_ROLE_PASSWORD", "CUSTODY_PARAMS", "CUSTODY_SEED", "CUSTODY_TOKEN"}
_SOME_ID = "00000000-0000-7000-8000-000000000000"


def view_of(route: str) -> Any:
    """Return the view class that answers a route, None for none.

    A placeholder may stand for a name, a number or an id.
    """
    for example in ("1", "a", _SOME_ID):
        with suppress(Resolver404):
            view: Any = resolve(_PLACEHOLDER.sub(example, route)).func
            return getattr(view, "view_class", None) or view.cls
    return None


def routes_of(text: str) -> set[tuple[str, str]]:
    """Return (method, route) of each call of /api/v1 that a text names."""
    calls = _ROUTE.findall(text)
    return {(method, route.rstrip("/.:")) for methods, route in calls for method in re.findall(_METHOD, methods)}


def missing_routes(text: str) -> list[str]:
    """Return the calls that a text names and no view answers."""
    return [
        f"{method} {route}" for method, route in sorted(routes_of(text)) if not hasattr(view_of(route), method.lower())
    ]


@pytest.mark.parametrize("path", CURRENT, ids=shown)
def test_every_call_of_the_rest_api_exists(path: Path) -> None:
    assert missing_routes(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", CURRENT, ids=shown)
def test_every_command_script_and_setting_exists(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert set(re.findall(r"manage\.py ([a-z_]+)", text)) - set(get_commands()) == set()
    assert {
        name for name in re.findall(r"\bscript/(\w+)\b", text) if not list((ROOT / "script").glob(f"{name}*"))
    } == set()
    legs = (ROOT / "script" / "test").read_text(encoding="utf-8")
    assert {leg for leg in _LEG.findall(text) if f"    {leg} " not in legs and f"#       {leg}" not in legs} == set()
    settings = {name.removesuffix("_FILE") for name in re.findall(r"\bCUSTODY_[A-Z_]+[A-Z]\b", text)}
    assert settings - variables() - _ELSEWHERE == set()


def defined(path: str) -> set[str]:
    """Return the names that a module defines at its top."""
    names = set()
    for node in tree_of(ROOT / path).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return names


@pytest.mark.parametrize("path", CURRENT, ids=shown)
def test_every_name_in_a_module_exists(path: Path) -> None:
    """`approvals/permissions/reviews.py: eligibility_of` and `approvals.gate.PolicyGate`."""
    text = path.read_text(encoding="utf-8")
    pairs = set(re.findall(r"`([\w/]+\.py): (\w+)`", text))
    for dotted in set(re.findall(r"`((?:[a-z_]+\.)+\w+)(?:\(\))?`", text)) - {action.value for action in Action}:
        module, _, name = dotted.rpartition(".")
        if (ROOT / module.split(".")[0]).is_dir() and (ROOT / (module.replace(".", "/") + ".py")).exists():
            pairs.add((module.replace(".", "/") + ".py", name))
    assert {(module, name) for module, name in pairs if name not in defined(module) and name != "py"} == set()


def test_the_tests_would_notice() -> None:
    text = "`GET`, ... GET /api/v1/nothing, `POST /api/v1/models/{name}/production` and `GET /api/v1/models/NAME`"
    assert missing_routes(text) == ["GET /api/v1/nothing", "POST /api/v1/models/{name}/production"]
    assert "PolicyGate" in defined("approvals/gate.py")
