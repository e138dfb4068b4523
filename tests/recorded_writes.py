"""Watches the changes that requests, commands and tasks of tests make: no change of a record without an event.

On SQLite, whose connection tells each statement and the number of rows that it changed. The tests that
`tests/written_routes.toml` names are watched. With TESTS_COLLECT_WRITES all are, and what they change is collected in
that file.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import orjson
from django.conf import settings as django_settings
from django.core.management.base import BaseCommand
from django.db import connection
from django.test.client import ClientHandler
from django.urls import Resolver404, resolve

EVENTS = "audit_event"
# Tables whose rows are no records of what somebody did, each with the reason.
UNRECORDED = {
    "accounts_attemptcount": "a counter for the limit of sign-ins; each failure is an event of its own",
    "accounts_browsersession": "when somebody last used a browser; signing in, signing out and ending it are events",
    "approvals_inboxkey": "the index of who is asked; the requests say the same",
    "approvals_requestview": "when somebody last looked at a request",
    "audit_exportjob": "the progress of an export; that it was asked for is an event",
    "audit_leaf": "the position of an event in the log",
    "audit_log": "the size of the log",
    "audit_missedevent": "a consumer that has to be called again",
    "audit_outboxmessage": "a task that has to be sent",
    "audit_siemstate": "the progress of a receiver",
    "audit_witnessstate": "the progress of a witness",
    "console_formdraft": "what somebody typed and has not sent",
    "django_session": "a browser's session; signing in is an event",
    "notices_message": "the progress of a message about an event",
    "notices_notice": "a notice about an event, and whether it was read",
    "notices_preference": "which notices somebody wants for themselves",
    "notices_watch": "which models somebody wants notices about",
    "webhooks_delivery": "the progress of a delivery of an event",
    EVENTS: "the events themselves",
}
# A file that gets a line of JSON for each request, command and task that changed rows; nothing fails then.
COLLECT = os.environ.get("TESTS_COLLECT_WRITES", "")

TABLE = Path(__file__).with_name("written_routes.toml")

_STATEMENT = re.compile(r'\b(?:INSERT(?: OR \w+)? INTO|REPLACE INTO|UPDATE(?: OR \w+)?|DELETE FROM)\s+"?(\w+)"?')
_SAVEPOINT = re.compile(r'^(SAVEPOINT|ROLLBACK TO(?: SAVEPOINT)?|RELEASE(?: SAVEPOINT)?)\s+"?(\w+)"?')


_GROUP = re.compile(r"\(\?P<(\w+)>(?:\[[^\]]*\]|[^()])*\)")
_PLAIN = str.maketrans("", "", "^$\\")


@dataclass
class Changes:
    """Rows changed since the watch began, as (table, number); savepoints are among them as (name, -1)."""

    rows: list[tuple[str, int]] = field(default_factory=list)

    def take_back(self, savepoint: str) -> None:
        """Forget what a rollback has undone."""
        places = [place for place, row in enumerate(self.rows) if row == (savepoint, -1)]
        del self.rows[places[-1] if places else 0 :]

    @property
    def tables(self) -> set[str]:
        """Return the changed tables."""
        return {table for table, number in self.rows if number > 0}

    @property
    def unrecorded(self) -> set[str]:
        """Return the tables of records that were changed while no event was written."""
        return set() if EVENTS in self.tables else self.tables - UNRECORDED.keys()


class _Watch:
    """Takes each statement of a connection, before it runs, and the number of rows that the one before it changed."""

    def __init__(self, raw: Any) -> None:
        self.changes = Changes()
        self._raw, self._total, self._table = raw, raw.total_changes, ""

    def settle(self) -> None:
        """Note what the last statement has changed."""
        if self._table and self._raw.total_changes > self._total:
            self.changes.rows.append((self._table, self._raw.total_changes - self._total))
        self._total, self._table = self._raw.total_changes, ""

    def add(self, inner: Changes) -> None:
        """Note what was changed while a watch inside this one took the statements."""
        self.changes.rows += inner.rows
        self._total, self._table = self._raw.total_changes, ""

    def take(self, statement: str) -> None:
        """Take the next statement. Those of triggers, which come as comments, belong to the statement before."""
        if statement.startswith("--"):
            return
        self.settle()
        savepoint = _SAVEPOINT.match(statement)
        if savepoint and savepoint[1] == "SAVEPOINT":
            self.changes.rows.append((savepoint[2], -1))
        elif statement.startswith("ROLLBACK"):
            self.changes.take_back(savepoint[2] if savepoint else "")
        elif written := _STATEMENT.search(statement):
            self._table = written[1]


# The innermost watch of each connection, by its id.
_active: dict[int, _Watch] = {}


@contextmanager
def watched_changes() -> Iterator[Changes]:
    """Note the rows that the block changes through this thread's connection, also those of a watch inside it.

    A task may call another, and a request a task.
    """
    raw: Any = connection.connection
    watch, outer = _Watch(raw), _active.get(id(raw))
    if outer is not None:
        outer.settle()
    _active[id(raw)] = watch
    raw.set_trace_callback(watch.take)
    try:
        yield watch.changes
    finally:
        _active.pop(id(raw))
        if outer is not None:
            _active[id(raw)] = outer
        if connection.connection is raw:
            raw.set_trace_callback(outer.take if outer is not None else None)
            watch.settle()
            if outer is not None:
                outer.add(watch.changes)


def route_of(method: str, path: str) -> str:
    """Return the name of a route: its method and its pattern, "" for a path that is none."""
    try:
        return f"{method} {route_name(resolve(path).route)}"
    except Resolver404:
        return ""


def route_name(pattern: str) -> str:
    """Return a pattern as a path that a person can read."""
    return "/" + _GROUP.sub(r"<\1>", pattern.replace("(?:api|ajax-api)", "api")).translate(_PLAIN)


class Unaudited(AssertionError):
    """Something changed rows and wrote no event."""


_current: dict[str, set[str]] = {}
# What each recording in progress has written through.
_recordings: list[set[str]] = []


@cache
def listed() -> dict[str, dict[str, str]]:
    """Return the table: `tests` has the test of each route that writes, `no_event` why others write no event."""
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))


@cache
def routes_of_tests() -> dict[str, set[str]]:
    """Return what each listed test has to write through."""
    routes: dict[str, set[str]] = {}
    for route, test in listed()["tests"].items():
        routes.setdefault(test, set()).add(route)
    return routes


def require_written(test: str) -> None:
    """Raises Unaudited where a test did not write through what it is listed for."""
    written = _current.pop(test, set())
    if missing := routes_of_tests().get(test, set()) - written:
        raise Unaudited(f"{test} is listed in {TABLE.name} for {sorted(missing)}, and changed no row through that")


def check(what: str, changes: Changes, *, test: str) -> None:
    """Note a change. Raises Unaudited where it wrote no event."""
    if not changes.tables - UNRECORDED.keys() | changes.tables & {EVENTS}:
        return
    if COLLECT:
        line = {"what": what, "test": test, "tables": sorted(changes.tables), "unrecorded": sorted(changes.unrecorded)}
        with Path(COLLECT).open("ab") as file:
            file.write(orjson.dumps(line) + b"\n")
    elif changes.unrecorded and what not in listed()["no_event"]:
        raise Unaudited(f"{what} changed rows of {', '.join(sorted(changes.unrecorded))} and wrote no event")
    _current.setdefault(test, set()).add(what)
    for written in _recordings:
        written.add(what)


def is_watched() -> bool:
    """Return whether the present test is watched, or the recording of a fixture, which serves other tests too."""
    is_listed = present_test() in listed()["tests"].values()
    return connection.connection is not None and (bool(COLLECT) or is_listed or bool(_recordings))


@contextmanager
def watched_recording() -> Iterator[set[str]]:
    """Watch what the block writes, and yield what it has written through, for the tests that restore its rows."""
    written: set[str] = set()
    _recordings.append(written)
    try:
        yield written
    finally:
        _recordings.pop()


def add_restored(written: set[str]) -> None:
    """Note what the fixtures wrote through whose rows the present test starts from."""
    _current.setdefault(present_test(), set()).update(written)


def present_test() -> str:
    """Return the name of the test that runs."""
    return os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0]


def watching_client(call: Callable[..., Any]) -> Callable[..., Any]:
    """Return ClientHandler.__call__, watched."""

    def handle(self: ClientHandler, environ: dict[str, Any]) -> Any:
        if not is_watched():
            return call(self, environ)
        with watched_changes() as changes:
            answer = call(self, environ)
        if answer.status_code < 400:
            check(route_of(environ["REQUEST_METHOD"], environ["PATH_INFO"]), changes, test=present_test())
        return answer

    return handle


def watching_command(execute: Callable[..., Any]) -> Callable[..., Any]:
    """Return BaseCommand.execute, watched."""

    def run(self: BaseCommand, *args: Any, **options: Any) -> Any:
        if not is_watched():
            return execute(self, *args, **options)
        with watched_changes() as changes:
            answer = execute(self, *args, **options)
        _, _, module = type(self).__module__.partition(".management.commands.")
        if (Path(django_settings.BASE_DIR) / type(self).__module__.partition(".")[0]).is_dir():
            check(f"command {module}", changes, test=present_test())
        return answer

    return run


def watching_task(call: Callable[..., Any]) -> Callable[..., Any]:
    """Return the call of a Celery task, watched."""

    def run(self: Any, *args: Any, **options: Any) -> Any:
        if not is_watched():
            return call(self, *args, **options)
        with watched_changes() as changes:
            answer = call(self, *args, **options)
        check(f"task {self.name}", changes, test=present_test())
        return answer

    return run
