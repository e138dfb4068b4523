"""Each route that accepts a write, each command and each task has a test that writes through it and finds its event.

`tests/written_routes.toml` names that test, or why there is no event. tests/recorded_writes.py watches the tests.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from typing import Any

import pytest
from celery import current_app
from django.core.management import get_commands
from django.urls import URLPattern, URLResolver, get_resolver
from django.views.generic import RedirectView

from audit.admin import ReadOnlyAdmin
from mlflow_api.dispatch import REGISTERED
from tests.architecture.source import ROOT, walk
from tests.recorded_writes import listed, route_name

METHODS = ("POST", "PUT", "PATCH", "DELETE")
# A page reads what was posted by one of these.
_FORM = re.compile(r"require_POST|run_dialog\(|submitted\(|request\.method\b|request\.POST\b")


def patterns(rows: list[URLPattern | URLResolver], prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Yield every route with its name, as `recorded_writes.route_of` gives it."""
    for row in rows:
        if isinstance(row, URLResolver):
            yield from patterns(row.url_patterns, prefix + str(row.pattern))
        else:
            yield route_name(prefix + str(row.pattern)), row


def rpcs() -> set[str]:
    """Return the calls of the MLflow protocol that write."""
    variable = re.compile(r"\{(\w+)(?::path)?\}")
    return {
        f"{each.method} /api/{each.version}/{each.area}/" + variable.sub(r"<\1>", each.path)
        for each in REGISTERED
        if each.write
    }


def commands() -> set[str]:
    return {f"command {name}" for name, app in get_commands().items() if (ROOT / app.partition(".")[0]).is_dir()}


def tasks() -> set[str]:
    current_app.loader.import_default_modules()
    return {f"task {name}" for name in current_app.tasks if not name.startswith("celery.")}


def names() -> set[str]:
    return {name for section in listed().values() for name in section}


def accepted(pattern: URLPattern) -> set[str]:
    """Return the methods by which a route may write: those of its class; of a function, POST if it reads forms."""
    view: Any = pattern.callback
    owner = getattr(view, "view_class", None) or getattr(view, "cls", None)
    if owner is RedirectView:
        return set()
    if admin := getattr(view, "model_admin", None):
        writes = not isinstance(admin, ReadOnlyAdmin) and not str(pattern.pattern).endswith("history/")
        return {"POST"} if writes else set()
    if owner:
        return {method for method in METHODS if hasattr(owner, method.lower())}
    return {"POST"} if _reads_forms(inspect.unwrap(view)) else set()


def _reads_forms(view: Any) -> bool:
    """Return whether a function, or one of its module that it calls, reads what was posted."""
    if not view.__module__.startswith("console."):
        return False
    functions = dict(inspect.getmembers(inspect.getmodule(view), inspect.isfunction))
    waiting, known = [view], {view.__name__}
    while waiting:
        source = inspect.getsource(waiting.pop())
        if _FORM.search(source):
            return True
        called = {name for name in re.findall(r"\b(\w+)\(", source) if name in functions} - known
        known |= called
        waiting += [functions[name] for name in called if functions[name].__module__ == view.__module__]
    return False


def served() -> dict[str, URLPattern]:
    return dict(patterns(get_resolver().url_patterns))


def test_every_route_that_accepts_a_write_is_listed() -> None:
    """The MLflow protocol has a table of its methods; its routes of files are few, and listed by hand."""
    found = {f"{method} {route}" for route, pattern in served().items() for method in accepted(pattern)}
    assert sorted((found | rpcs()) - names()) == []


def test_every_command_and_task_is_listed() -> None:
    assert sorted((commands() | tasks()) - names()) == []


def test_each_has_a_watched_test_or_a_reason() -> None:
    """A route, command or task whose test is not named fails: there is no third section to put it in."""
    assert sorted(listed()) == ["no_event", "tests"]


def test_what_is_listed_exists() -> None:
    routes = {f"{method} {route}" for route in served() for method in ("GET", *METHODS)}
    assert sorted(names() - routes - commands() - tasks()) == []
    assert sum(map(len, listed().values())) == len(names()), "one is listed twice"


@pytest.mark.parametrize("test", sorted(set(listed()["tests"].values())))
def test_a_listed_test_exists_and_does_the_same_each_time(test: str) -> None:
    path, _, name = test.partition("::")
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    function = next(
        node for node in walk(tree) if isinstance(node, ast.FunctionDef) and node.name == name.partition("[")[0]
    )
    generated = [ast.unparse(one) for one in function.decorator_list if ast.unparse(one).startswith("given(")]
    assert generated == [], "what a generated test writes differs from run to run"
