"""Cells of CSV files that people open in a spreadsheet."""

from __future__ import annotations

import pytest

from core.spreadsheets import csv_cell


@pytest.mark.parametrize("text", ["=1+1", "+1", "-2+3", "@SUM(A1)", "\tx", "\rx"])
def test_a_text_that_looks_like_a_formula_is_quoted(text: str) -> None:
    assert csv_cell(text) == f"'{text}"


@pytest.mark.parametrize("value", ["fraud", "a=b", "", -3, 2.5, None])
def test_other_values_are_unchanged(value: object) -> None:
    assert csv_cell(value) == value
