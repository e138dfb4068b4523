"""Frequent reads on connections of their own: the same rows, and None wherever the regular read must decide."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction

from core.postgresql import reads
from core.postgresql.reads import FrequentReads, frequent_rows

pytestmark = pytest.mark.skipif(connection.vendor != "postgresql", reason="connections of PostgreSQL")
STATEMENT = "SELECT %s || '!', now() > %s, pg_backend_pid() FROM generate_series(1, 2) WHERE %s <> 'none'"
BEGAN = "2026-01-01T00:00:00Z"


@pytest.fixture
def two(django_db_blocker: object) -> Iterator[FrequentReads]:
    """Two connections."""
    own = FrequentReads(2)
    yield own
    own.close()


def read(own: FrequentReads, text: str = "a") -> list[tuple[object, ...]] | None:
    return own.rows(STATEMENT, (text, BEGAN, text))


@pytest.mark.django_db
def test_rows_have_their_types(two: FrequentReads) -> None:
    found = read(two, "ä%s$1")
    assert found is not None
    assert [row[:2] for row in found] == [("ä%s$1!", True)] * 2
    assert read(two, "none") == []


@pytest.mark.django_db
def test_a_nul_byte_never_cuts_a_text(two: FrequentReads) -> None:
    assert read(two, "a\x00b") is None


@pytest.mark.django_db
def test_an_error_of_the_server_is_left_to_the_regular_read(two: FrequentReads) -> None:
    assert two.rows("SELECT 1 / length(%s)", ("",)) is None
    assert two.rows("SELECT nonsense", ()) is None
    assert read(two) is not None


@pytest.mark.django_db
def test_a_closed_connection_fails_once_and_is_replaced(two: FrequentReads) -> None:
    first = read(two)
    assert first is not None
    with psycopg.connect(**parameters(), autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [first[0][2]])
    answers = [read(two) for _ in range(4)]
    assert answers.count(None) == 1
    assert all(found and found[0][2] != first[0][2] for found in answers if found)


@pytest.mark.django_db
def test_more_threads_than_connections_take_turns(two: FrequentReads) -> None:
    found: list[list[tuple[object, ...]] | None] = []
    threads = [threading.Thread(target=lambda: found.extend(read(two) for _ in range(50))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 400
    assert None not in found
    assert len({rows[0][2] for rows in found if rows}) == 2


@pytest.mark.django_db
def test_a_server_that_refuses_is_not_tried_for_a_second(two: FrequentReads, monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[int] = []

    def refuse() -> None:
        tries.append(1)
        raise psycopg.OperationalError

    with monkeypatch.context() as patch:
        patch.setattr(reads, "_Connection", refuse)
        assert [read(two) for _ in range(5)] == [None] * 5
    assert len(tries) == 1
    assert read(two) is None
    two._opens_after = 0.0
    assert read(two) is not None


@pytest.mark.django_db
def test_a_transaction_reads_its_own_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    options = connection.settings_dict["OPTIONS"]
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", options | {"pool": {"max_size": 2}})
    with transaction.atomic():
        assert frequent_rows("SELECT %s", ("a",)) is None


def parameters() -> dict[str, Any]:
    """Return the parameters of Django's connections."""
    own = connection.get_connection_params()
    own.pop("pool", None)
    return own
