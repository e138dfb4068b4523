"""Evidence as people read it: nothing is shown as nothing, numbers as numbers, keys without underscores."""

import pytest

from console.cards.presenters import _pairs
from console.shell.facts import fact, value_text


@pytest.mark.parametrize(
    ("value", "words"),
    [(None, "none"), ("", "none"), ([], "none"), ({}, "none"), ([None, None], "none, none"), (True, "yes"), (0, "0"),
     (0.9956043956043956, "0.9956"), ({"a": None}, "a: none")],
)  # fmt: skip
def test_any_value_is_shown_as_text(value: object, words: str) -> None:
    assert value_text(value) == words


def test_a_mapping_is_a_table_of_two_columns() -> None:
    found = fact("evaluated_on", {"candidate": None, "match": "unknown"})
    assert (found.key, found.table) == ("evaluated on", (("candidate", "none"), ("match", "unknown")))


def test_a_card_tells_times_and_states_value_text() -> None:
    pairs = _pairs({"started_ms": 1795661632052, "status": "FINISHED", "entry_point": "train.py", "none": ""})
    assert pairs == [("started", "2026-11-26 02:53:52 UTC"), ("status", "finished"), ("entry_point", "train.py")]
