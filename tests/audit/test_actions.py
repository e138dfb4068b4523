"""An action is one record: it cannot be listed without its phrases, and the list is sorted."""

from __future__ import annotations

import string

import pytest

from audit.action_records import RecordedAction, Verb, change_of, check_result, pairs, value_of
from audit.actions import Action, record_of


def test_the_list_is_sorted_by_code() -> None:
    codes = [action.value for action in Action]
    assert codes == sorted(set(codes))


def test_an_action_without_its_record_stops_the_import() -> None:
    with pytest.raises(TypeError, match=r"the action registry\.model\.painted has no record"):

        class _Later(RecordedAction):
            PAINTED = "registry.model.painted"


@pytest.mark.parametrize("action", Action)
def test_a_record_is_complete(action: Action) -> None:
    record = action.record
    assert isinstance(record.verb, Verb)
    assert action.name == action.value.upper().replace(".", "_")
    fields = {name for _, name, _, _ in string.Formatter().parse(record.done + record.refused) if name}
    assert fields <= {"object"}
    assert bool(fields) is bool(record.subject), "the subject is what stands for the object"
    assert "{" not in record.summary


def test_an_action_of_another_version_still_has_phrases() -> None:
    record = record_of("registry.model.painted")
    assert (record.done, record.refused) == (
        "did registry.model.painted on {object}",
        "do registry.model.painted on {object}",
    )


@pytest.mark.parametrize("after", [{}, {"title": None}, {"title": 3}, {"title": {"sha256": "x"}}])
def test_a_brief_is_empty_where_there_is_no_text(after: dict[str, object]) -> None:
    assert value_of("title")({}, after) == ""


def test_briefs() -> None:
    assert change_of("stage", nothing="None")({}, {"stage": "Staging"}) == "None → Staging"
    assert change_of("stage")({"stage": "Staging"}, {"stage": "Staging"}) == ""
    assert change_of("stage")({"stage": "Staging"}, {}) == ""
    assert pairs({}, {"a": 1, "b": "c"}) == "a = 1, b = c"
    assert check_result({}, {"rule": "digest", "state": "passed"}) == "digest passed"
    assert check_result({}, {}) == ""
