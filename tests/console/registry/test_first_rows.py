"""A number that was cut is never shown as a count."""

import re
from pathlib import Path

import pytest
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from console.shell.first_rows import first_rows, tally


@pytest.mark.parametrize(("limit", "queries", "text"), [(2, 2, "2 of 3"), (3, 1, "3"), (9, 1, "3")])
def test_a_cut_list_shows_the_total(
    db: None, django_assert_num_queries: DjangoAssertNumQueries, limit: int, queries: int, text: str
) -> None:
    for name in ("x", "y", "z"):
        User.objects.create_user(name)
    with django_assert_num_queries(queries):
        shown = first_rows(User.objects.order_by("username"), limit)
    assert len(shown) == min(limit, 3)
    assert tally(shown) == text


def test_a_short_list_is_not_cut() -> None:
    assert tally([1, 2]) == "2"


def test_no_presenter_cuts_a_counted_list_itself() -> None:
    """A list that a page counts comes from `first_rows`, or is read whole."""
    counted = {
        name
        for path in Path("templates/console").rglob("*.html")
        for name in re.findall(r'class="c-count">\{\{ (?:\w+\.)?(\w+)\|length', path.read_text(encoding="utf-8"))
    }
    cut = {
        name
        for path in Path("console").rglob("*.py")
        for name in re.findall(r"\b(\w+)=list\([^\n]*\[:_[A-Z_]+\]\)", path.read_text(encoding="utf-8"))
    }
    assert counted & cut == set()
