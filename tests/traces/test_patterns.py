"""Regular expressions of RLIKE that could keep the server busy, or that the databases read differently, are refused."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidInput
from traces.search.patterns import MATCHED_CHARACTERS, checked_pattern


@pytest.mark.parametrize(
    ("pattern", "kept"),
    [
        ("abc", "abc"),
        ("^a.c$", "^a.c$"),
        (".*error.*", "error"),
        (r"dot\.*", r"dot\.*"),
        ("a|b", "a|b"),
        ("[a-z]+-[0-9]{1,3}", "[a-z]+-[0-9]{1,3}"),
        ("(?:ab)c", "(?:ab)c"),
        ("", ""),
    ],
)
def test_what_is_harmless_passes(pattern: str, kept: str) -> None:
    assert checked_pattern(pattern) == kept


@pytest.mark.parametrize(
    "pattern",
    [
        "(", "[", "*", "a{2,1}", "(a+)+", "(a|a)*b", "(a?){9}", "a+b+", ".*a.*b.*c", r"(a)\1", "(?=a)", "(?<!a)",
        "(?i)a", "(?P<n>a)", r"\bword", "a?" * 9, "x" * 251, "(" * 300, "a{1,99999999999}", r"\8", "[[a]",
    ],
)  # fmt: skip
def test_what_may_hurt_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidInput):
        checked_pattern(pattern)


@given(st.text(alphabet="ab.*+?|()[]{}12,^$\\", max_size=30))
def test_what_passes_is_quick(pattern: str) -> None:
    try:
        kept = checked_pattern(pattern)
    except InvalidInput:
        return
    began = time.process_time()
    re.search(kept, "a" * MATCHED_CHARACTERS)
    assert time.process_time() - began < 2
