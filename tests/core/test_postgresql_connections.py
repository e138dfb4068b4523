"""Pooled connections of PostgreSQL: a dead one is never handed out, and a good one costs no question."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from types import SimpleNamespace

import psycopg
import pytest
from django.db import connection as django_connection
from psycopg_pool import ConnectionPool

from core.postgresql import base
from core.postgresql.base import check_connection
from core.statements import portable

pytestmark = pytest.mark.skipif(django_connection.vendor != "postgresql", reason="connections of PostgreSQL")


@pytest.fixture
def pooled(django_db_blocker: object) -> Iterator[ConnectionPool]:
    """A pool of one connection, made as Django makes ours."""
    settings = django_connection.get_connection_params()
    settings.pop("pool", None)
    settings |= {"autocommit": True}
    with ConnectionPool(kwargs=settings, min_size=1, max_size=1, check=check_connection, timeout=10) as pool:
        yield pool


def asked(connection: psycopg.Connection) -> list[str]:
    """Return the list to which each statement of this connection is added from now on."""
    statements: list[str] = []
    execute = connection.execute

    def noted(query: str, *arguments: object, **options: object) -> object:
        statements.append(query)
        return execute(query, *arguments, **options)  # type: ignore[call-overload]  # passed through

    connection.execute = noted  # type: ignore[assignment, method-assign]  # a spy
    return statements


@pytest.mark.django_db
def test_our_pool_checks_so() -> None:
    django_connection.ensure_connection()
    assert django_connection.pool._check is check_connection  # type: ignore[attr-defined]  # PostgreSQL's only


def test_a_connection_in_use_is_asked_once_a_second(pooled: ConnectionPool, monkeypatch: pytest.MonkeyPatch) -> None:
    moments = [1000.0, 1000.1, 1000.9, 1002.0, 1002.5]
    monkeypatch.setattr(base, "time", SimpleNamespace(monotonic=lambda: moments.pop(0)))
    with pooled.connection() as connection:
        statements = asked(connection)
    for expected in (0, 0, 1, 1):
        with pooled.connection():
            assert len(statements) == expected
    assert moments == []


def test_a_connection_that_the_server_closed_is_replaced(pooled: ConnectionPool) -> None:
    with pooled.connection() as connection:
        pid = connection.info.backend_pid
    with psycopg.connect(connection.info.dsn, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    with pooled.connection() as connection:
        assert connection.info.backend_pid != pid


def test_a_connection_whose_socket_was_shut_is_replaced(pooled: ConnectionPool) -> None:
    with pooled.connection() as connection:
        pid = connection.info.backend_pid
        with socket.socket(fileno=socket.dup(connection.fileno())) as copy:
            copy.shutdown(socket.SHUT_RDWR)
    with pooled.connection() as connection:
        assert connection.info.backend_pid != pid


@pytest.mark.django_db
def test_statements_of_many_parts_are_planned_with_their_values() -> None:
    parts = " UNION ALL ".join(f"SELECT {number}" for number in range(6))
    hand_written = portable(parts + " ORDER BY 1")
    with django_connection.cursor() as cursor:
        for _ in range(12):
            cursor.execute(parts)
            cursor.execute(hand_written.text)
            cursor.execute("SELECT 1 + 1")
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        prepared = {statement for (statement,) in cursor.fetchall()}
    assert prepared >= {hand_written.text, "SELECT 1 + 1"}
    assert parts not in prepared
