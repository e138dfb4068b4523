"""What was in Production on a date."""

from __future__ import annotations

import datetime

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals.questions.production import in_production
from core.actors import Actor
from core.errors import Denied, InvalidInput
from registry.production import history
from tests.approvals.conftest import NewVersion
from tests.approvals.governed import promote, publish


def day(number: int) -> datetime.date:
    return datetime.date(2026, 11, number)


@pytest.fixture
def promoted(new_version: NewVersion, by_ada: Actor, by_bea: Actor) -> None:
    """Version 1 came to Production on the 10th, version 2 on the 20th."""
    publish()
    for number in (10, 20):
        with time_machine.travel(datetime.datetime(2026, 11, number, 12, tzinfo=datetime.UTC), tick=False):
            promote(by_ada, by_bea, new_version())


def objects(actor: Actor, number: int, model: str = "fraud") -> list[str]:
    return [row["object"] for row in in_production(actor, date=day(number), model=model).rows]


def test_a_day_has_what_was_current_then(promoted: None, by_cy: Actor) -> None:
    assert objects(by_cy, 9) == []
    assert objects(by_cy, 10) == ["model-version:fraud/1"]
    assert objects(by_cy, 19) == ["model-version:fraud/1"]
    assert objects(by_cy, 20) == ["model-version:fraud/1", "model-version:fraud/2"]
    assert objects(by_cy, 21) == ["model-version:fraud/2"]
    [row] = in_production(by_cy, date=day(19), model="fraud").rows
    assert (row["since"], row["until"], row["approved_by"]) == ("2026-11-10T12:00:00Z", "", "bea")
    assert row["files"]


def test_the_whole_log_is_for_auditors(promoted: None, by_cy: Actor, auditor: Actor) -> None:
    with pytest.raises(Denied):
        objects(by_cy, 19, model="")
    assert objects(auditor, 19, model="") == ["model-version:fraud/1"]


def test_it_costs_the_same_for_more_versions(promoted: None, by_cy: Actor) -> None:
    def queries(number: int) -> int:
        with CaptureQueriesContext(connection) as made:
            objects(by_cy, number)
        return len(made)

    assert queries(19) == queries(20)


def test_too_many_moves_are_refused(promoted: None, auditor: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MAX_MOVES", 1)
    with pytest.raises(InvalidInput, match="one model"):
        objects(auditor, 20, model="")
