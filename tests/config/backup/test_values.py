"""Values of SQLite become those of PostgreSQL, and equal rows have equal digests."""

from __future__ import annotations

import datetime
import uuid
from typing import Any

import pytest

from config.backup.values import add_digest, converted, digest_of_row

MOMENT = datetime.datetime(2026, 11, 30, 4, 5, 6, 700, tzinfo=datetime.UTC)
ID = uuid.UUID("12345678123456781234567812345678")


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        (1, "boolean", True),
        (b"\x00\xff", "bytea", b"\x00\xff"),
        ('{"a": [1.5, null]}', "jsonb", {"a": [1.5, None]}),
        ("2026-11-30 04:05:06.000700", "timestamp with time zone", MOMENT),
        ("2026-11-30 04:05:06", "timestamp with time zone", MOMENT.replace(microsecond=0)),
        ("12345678123456781234567812345678", "uuid", ID),
        (1, "double precision", 1.0),
        ("text", "character varying", "text"),
        (None, "boolean", None),
    ],
)
def test_values_are_converted(value: Any, kind: str, expected: Any) -> None:
    result = converted(value, kind)
    assert (result, type(result)) == (expected, type(expected))


@pytest.mark.parametrize(("value", "kind"), [("soon", "timestamp with time zone"), ("{", "jsonb"), ("x", "uuid")])
def test_a_value_of_another_kind_is_refused(value: str, kind: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        converted(value, kind)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ([{"a": 1.0, "b": 2}], [{"b": 2, "a": 1}]),
        ([b"x"], [memoryview(b"x")]),
        ([MOMENT], [MOMENT.astimezone(datetime.timezone(datetime.timedelta(hours=2)))]),
        ([100.0], [100]),
    ],
)
def test_equal_rows_have_equal_digests(one: list[Any], two: list[Any]) -> None:
    assert digest_of_row(one) == digest_of_row(two)


@pytest.mark.parametrize(
    ("one", "two"), [([b"x"], ["x"]), ([None], [""]), ([0.1], [0.2]), ([ID], [ID.hex]), ([["a"]], [["b"]])]
)
def test_other_rows_have_other_digests(one: list[Any], two: list[Any]) -> None:
    assert digest_of_row(one) != digest_of_row(two)


def test_the_digest_of_rows_does_not_depend_on_their_order() -> None:
    assert add_digest(add_digest(0, [1]), [2]) == add_digest(add_digest(0, [2]), [1])
    assert add_digest(add_digest(0, [1]), [1]) != add_digest(0, [1])
