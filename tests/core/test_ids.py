"""Ids as callers send them: what no row can have as its id becomes 0, never an error of the database."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.ids import MAX_ROW_ID, row_id, whole_number


@pytest.mark.parametrize(("value", "result"), [(1, 1), ("7", 7), ("007", 7), (MAX_ROW_ID, MAX_ROW_ID)])
def test_an_id_is_kept(value: int | str, result: int) -> None:
    assert row_id(value) == result


@pytest.mark.parametrize(
    "value", [0, -1, MAX_ROW_ID + 1, 10**30, "", "0", "-1", "+1", "1.0", " 1", "1_0", "٣", "9" * 19]
)
def test_what_cannot_be_an_id_is_the_id_of_no_row(value: int | str) -> None:
    assert row_id(value) == 0


@pytest.mark.parametrize(
    ("text", "result"), [("0", 0), ("007", 7), ("²", None), ("٣", None), ("", None), ("9" * 19, None)]
)
def test_a_whole_number_has_ascii_digits(text: str, result: int | None) -> None:
    assert whole_number(text) == result


@given(st.integers() | st.text())
def test_every_result_fits_the_column(value: int | str) -> None:
    assert 0 <= row_id(value) <= MAX_ROW_ID
