"""Fixtures that leave rows behind: the services build them once in a process, and the rows are inserted for later
tests.
"""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from django.conf import settings

from tests.recorded_rows import RecordedRows
from tests.recorded_writes import add_restored, watched_recording

T = TypeVar("T")
Values = dict[str, Any]
_BUILDS = "_builds_recorded_rows"  # the attribute of a fixture's function that holds the function it was made of
_VALUES = pytest.StashKey[Values]()


def recorded_fixture(build: Callable[..., T]) -> Callable[..., T]:
    """Make a fixture of a function that writes rows with the services, and return it.

    ``restore_recorded`` records what all recorded fixtures of a test wrote, and inserts it for the next test that
    starts from the same ones. So the function must do nothing but write rows and artifacts: what it sets in the
    settings or patches would be missing in the next test. What it returns is pickled: rows, actors and plain values,
    no clients or functions. The fixtures that it asks for are set up only where it runs.
    """
    names = list(inspect.signature(build).parameters)

    def fixture(request: pytest.FixtureRequest, db: None) -> T:
        values = request.node.stash.setdefault(_VALUES, {})
        if build.__name__ not in values:
            values[build.__name__] = build(**{name: _argument(request, name) for name in names})
        value: T = values[build.__name__]
        return value

    fixture.__name__, fixture.__doc__, fixture.__module__ = build.__name__, build.__doc__, build.__module__
    setattr(fixture, _BUILDS, build)
    return fixture


def _argument(request: pytest.FixtureRequest, name: str) -> Any:
    return request if name == "request" else request.getfixturevalue(name)


def restore_recorded(request: pytest.FixtureRequest) -> None:
    """Set the recorded fixtures of a test up before the others write rows: recorded rows have the ids of an empty
    database.

    What holds for every test of a module (automatic fixtures, `usefixtures`) comes first, as it does without
    recordings.
    """
    item = request.node
    names = [name for name in item.fixturenames if _recorded_function(request, name)]
    if not names:
        return
    automatic = _automatic(request)
    for name in [*automatic, "db"]:
        if name != request.fixturename:
            request.getfixturevalue(name)
    recorded: RecordedRows = request.getfixturevalue("recorded")

    def build() -> bytes:
        with watched_recording() as written:
            for name in names:
                request.getfixturevalue(name)
        return pickle.dumps((item.stash[_VALUES], written))

    folders = [request.getfixturevalue("tmp_path") / "artifacts", Path(settings.LOG_STATE)]
    restored = recorded.build(_key(request, [*automatic, *names]), build, folders=folders)
    item.stash[_VALUES], written = pickle.loads(restored)  # noqa: S301 - pickled by this process
    add_restored(written)


def _automatic(request: pytest.FixtureRequest) -> list[str]:
    marked = [name for mark in request.node.iter_markers("usefixtures") for name in mark.args]
    return [*request._fixturemanager._getautousenames(request.node), *marked]


def _key(request: pytest.FixtureRequest, names: list[str]) -> tuple[str, ...]:
    """Return what the rows depend on: the functions of the fixtures and of all that they ask for,
    and their parameters.
    """
    parameters = getattr(request.node, "callspec", None)
    given = parameters.params if parameters else {}
    return tuple(
        f"{function.__module__}.{function.__qualname__} {given.get(name, '')!r}"
        for name, function in _functions(request, names, set())
    )


def _functions(
    request: pytest.FixtureRequest, names: list[str], seen: set[str]
) -> Iterator[tuple[str, Callable[..., Any]]]:
    for name in names:
        if name in seen or not (function := _function(request, name)):
            continue
        seen.add(name)
        function = getattr(function, _BUILDS, function)
        yield name, function
        yield from _functions(request, list(inspect.signature(function).parameters), seen)


def _function(request: pytest.FixtureRequest, name: str) -> Callable[..., Any] | None:
    """Return the function of the fixture of that name which the test gets."""
    definitions = request._fixturemanager.getfixturedefs(name, request.node)
    return definitions[-1].func if definitions else None


def _recorded_function(request: pytest.FixtureRequest, name: str) -> bool:
    return hasattr(_function(request, name), _BUILDS)
