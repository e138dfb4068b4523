"""Statements for the rows of texts, which are written with their events."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from django.db import connection

from audit.verifier.audit_verify import Place, canonical
from core.statements import Statement, text_array

Row = tuple[str, ...]

ADD_TEXTS = Statement(
    "INSERT INTO audit_eventtext (event_id, place, subject, salt, value, erased_at) SELECT *, NULL::timestamptz "
    "FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[])",
    "INSERT INTO audit_eventtext (event_id, place, subject, salt, value, erased_at) VALUES (%s, %s, %s, %s, %s, NULL)",
)


@lru_cache(maxsize=1000)
def place_text(place: Place) -> str:
    """Return a place as the column has it: canonical JSON."""
    return canonical(list(place)).decode()


def as_arrays(rows: Sequence[Row]) -> list[str]:
    """Return rows as the values of ADD_TEXTS on PostgreSQL."""
    return [text_array(column) for column in zip(*rows, strict=True)]


def add_texts(rows: Sequence[Row]) -> None:
    """Insert rows, in the transaction of their events."""
    if not rows:
        return
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(ADD_TEXTS.postgresql, as_arrays(rows))
        else:
            cursor.executemany(ADD_TEXTS.sqlite, rows)
