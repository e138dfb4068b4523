"""Nobody who writes waits for a migration for more than a second, on PostgreSQL."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.core.management.commands.migrate import Command as DjangoCommand
from django.db import OperationalError, connection

from config.management.commands import migrate
from config.management.commands.migrate import Command
from core.concurrent_indexes import lock_timeout
from tracking.models import Experiment, Run

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer"),
]
LONGEST_WAIT = 1.0


READ = "SELECT count(*) FROM waited_for"


@pytest.fixture
def table() -> Iterator[None]:
    """An empty table `waited_for`."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE waited_for (n int)")
        yield
        cursor.execute("DROP TABLE waited_for")


def connect() -> psycopg.Connection[Any]:
    names = {"NAME": "dbname", "HOST": "host", "PORT": "port", "USER": "user", "PASSWORD": "password"}
    values = {to: str(connection.settings_dict[name]) for name, to in names.items() if connection.settings_dict[name]}
    return psycopg.connect(**values, autocommit=True)  # type: ignore[arg-type]  # texts only


@contextmanager
def running(work: Callable[[], None]) -> Iterator[None]:
    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        thread.join()


@contextmanager
def writing(statement: str) -> Iterator[list[float]]:
    """Write all the time in the block; the list has the seconds that each statement took."""
    waits: list[float] = []
    is_over = threading.Event()

    def write() -> None:
        with connect() as writer:
            while not is_over.is_set():
                began = time.monotonic()
                writer.execute(statement)
                waits.append(time.monotonic() - began)
                is_over.wait(0.02)

    with running(write):
        try:
            yield waits
        finally:
            is_over.set()


@contextmanager
def reading(statement: str, seconds: float) -> Iterator[None]:
    """Hold a transaction with its snapshot from the beginning of the block on."""
    holds = threading.Event()

    def read() -> None:
        with connect() as reader:
            reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            with reader.transaction():
                reader.execute(statement)
                holds.set()
                time.sleep(seconds)

    with running(read):
        assert holds.wait(30)
        yield


def altering(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let `migrate` add a column to `waited_for`, and return the times at which it tries to."""
    tries: list[float] = []

    def alter(_self: DjangoCommand, *_args: Any, **_options: Any) -> None:
        tries.append(time.monotonic())
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE waited_for ADD COLUMN added int")

    monkeypatch.setattr(DjangoCommand, "handle", alter)
    monkeypatch.setattr(migrate, "_PAUSE", 0.1)
    return tries


def test_writers_pass_while_a_migration_waits_for_a_reader(table: None, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = altering(monkeypatch)
    with ExitStack() as stack:
        stack.enter_context(reading(READ, 2.5))
        waits = stack.enter_context(writing("INSERT INTO waited_for (n) VALUES (1)"))
        Command().handle(database="default")
        time.sleep(0.2)
    assert len(tries) > 1
    assert len(waits) > 10
    assert max(waits) < LONGEST_WAIT
    with connection.cursor() as cursor:
        cursor.execute("SELECT added FROM waited_for LIMIT 1")


def test_a_migration_gives_up_after_its_patience(table: None, monkeypatch: pytest.MonkeyPatch) -> None:
    altering(monkeypatch)
    monkeypatch.setattr(migrate, "_PATIENCE", 0.5)
    with reading(READ, 2.5), pytest.raises(OperationalError, match="lock timeout"):
        Command().handle(database="default")


def test_an_index_is_built_beside_writers_and_an_old_transaction() -> None:
    experiment, _ = Experiment.objects.get_or_create(
        pk=0, defaults={"name": "Default", "created_ms": 1, "updated_ms": 1}
    )
    Run.objects.create(id="1" * 32, experiment=experiment)
    call_command("migrate", "tracking", "0006", verbosity=0, interactive=False)
    try:
        with ExitStack() as stack:
            stack.enter_context(reading("SELECT count(*) FROM tracking_run", 1.5))
            waits = stack.enter_context(writing("UPDATE tracking_run SET name = name || 'x'"))
            call_command("migrate", "tracking", "0007", verbosity=0, interactive=False)
    finally:
        call_command("migrate", verbosity=0, interactive=False)
    assert len(waits) > 10
    assert max(waits) < LONGEST_WAIT
    with connection.cursor() as cursor:
        cursor.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = 'tracking_run_newest'::regclass")
        assert cursor.fetchall() == [(True,)]


def test_the_limit_ends_with_the_block() -> None:
    with connection.cursor() as cursor:
        with lock_timeout(connection, "800ms"):
            with lock_timeout(connection, "0"):
                cursor.execute("SELECT current_setting('lock_timeout')")
                assert cursor.fetchone() == ("0",)
            cursor.execute("SELECT current_setting('lock_timeout')")
            assert cursor.fetchone() == ("800ms",)
        cursor.execute("SELECT current_setting('lock_timeout')")
        assert cursor.fetchone() == ("0",)
