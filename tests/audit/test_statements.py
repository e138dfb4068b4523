"""Statements as they are: lists as PostgreSQL writes them, and writes that are sent together."""

from __future__ import annotations

import math

import pytest
from django.db import DatabaseError, connection, transaction
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from accounts.models import User
from audit.actions import Action
from audit.consumers import consumes
from audit.models import Event
from audit.services import record
from core.statements import fetch, number_array, pipelined, portable, run, text_array
from tests.conftest import Acting

ON_POSTGRESQL = pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no arrays")
TEXTS = st.lists(st.text(st.characters(blacklist_characters="\x00", blacklist_categories=["Cs"])))


def unnested(text: str, kind: str) -> list[object]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT x FROM unnest(%s::{kind}[]) x", [text])  # noqa: S608 - the kinds are below
        return [row[0] for row in cursor.fetchall()]


@ON_POSTGRESQL
@pytest.mark.django_db
@given(TEXTS)
def test_texts_come_back_as_they_were(texts: list[str]) -> None:
    assert unnested(text_array(texts), "text") == texts


@ON_POSTGRESQL
@pytest.mark.django_db
@given(st.lists(st.floats(allow_nan=False)), st.lists(st.integers(-(2**63), 2**63 - 1)), st.lists(st.booleans()))
def test_numbers_come_back_as_they_were(floats: list[float], integers: list[int], flags: list[bool]) -> None:
    found = unnested(number_array(floats), "float8")
    assert all(math.copysign(1, a) == math.copysign(1, b) and a == b for a, b in zip(found, floats, strict=True))  # type: ignore[arg-type]  # rows of floats
    assert unnested(number_array(integers), "int8") == integers
    assert unnested(number_array(flags), "bool") == flags


def test_what_goes_together_is_there(ada: User, acting: Acting) -> None:
    with transaction.atomic(), pipelined():
        event = record(actor=acting(ada), action=Action.TRACKING_RUN_CREATED, obj="run:1")
        record(actor=acting(ada), action=Action.TRACKING_RUN_CREATED, obj="run:2")
    assert list(Event.objects.order_by("pk").values_list("object_ref", flat=True)) == ["run:1", "run:2"]
    assert bytes(Event.objects.get(event_id=event.event_id).body) == event.body


@consumes(Action.TRACKING_RUN_CREATED)
def hear(event: Event) -> None:
    assert event.pk


def test_an_event_that_somebody_waits_for_has_its_key(ada: User, acting: Acting, settings: Settings) -> None:
    settings.AUDIT_CONSUMERS = [f"{__name__}.hear"]
    with transaction.atomic(), pipelined():
        event = record(actor=acting(ada), action=Action.TRACKING_RUN_CREATED, obj="run:1")
    assert event.pk == Event.objects.get().pk


def test_a_fault_among_them_undoes_them_all(ada: User, acting: Acting) -> None:
    wrong = portable("INSERT INTO audit_outboxmessage (task, attempts) VALUES (%s, %s)")

    def write() -> None:
        with transaction.atomic(), pipelined():
            record(actor=acting(ada), action=Action.TRACKING_RUN_CREATED, obj="run:1")
            run(wrong, ["x", 1])
            record(actor=acting(ada), action=Action.TRACKING_RUN_CREATED, obj="run:2")

    with pytest.raises(DatabaseError):
        write()
    assert not Event.objects.exists()


def test_reading_waits_for_what_was_written_before(ada: User, acting: Acting) -> None:
    with transaction.atomic(), pipelined(), pipelined():
        record(actor=acting(ada), action=Action.TRACKING_RUN_CREATED, obj="run:1")
        assert fetch(portable("SELECT count(*) FROM audit_event WHERE object_ref = %s"), ["run:1"]) == [(1,)]
