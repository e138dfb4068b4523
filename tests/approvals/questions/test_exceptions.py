"""Overrides, emergencies and self-service moves of a quarter."""

from __future__ import annotations

import datetime

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals import tasks
from approvals.questions.exceptions import exceptions_of, quarter_of
from audit.models import Event
from core.actors import Actor
from core.errors import Denied, InvalidInput
from registry.services.aliases import set_alias
from registry.services.stages import change_stage
from registry.stages import Stage
from tests.approvals.conftest import NewVersion, RunChecks
from tests.approvals.governed import approve, emergency, promote, publish
from tests.approvals.publishing import person
from tests.conftest import Acting

NOW = datetime.datetime(2026, 11, 30, 12, tzinfo=datetime.UTC)
GLASS = {"groups": ["incident"], "second_person": True, "post_review_within": "2h"}


def stage(actor: Actor, version: object) -> None:
    """Move a version to Staging, which no policy governs."""
    change_stage(actor=actor, version=version, target=Stage.STAGING, archive_existing=False, reason="Try it.")  # type: ignore[arg-type]  # a version


def test_a_move_that_nobody_approved_is_a_self_service_move(
    new_version: NewVersion, by_ada: Actor, by_bea: Actor
) -> None:
    publish()
    with time_machine.travel(NOW, tick=False):
        stage(by_ada, new_version())
        set_alias(actor=by_ada, name="fraud", alias="shadow", version=1)
        promote(by_ada, by_bea, new_version())

    rows = exceptions_of(by_ada, quarter="2026-Q4", model="fraud").rows

    assert [(row["kind"], row["who"], row["object"]) for row in rows] == [
        ("self-service move", "ada", "model-version:fraud/1"),
        ("self-service move", "ada", "model-version:fraud/1"),
    ]
    assert rows[0]["details"] == "None → Staging; no policy governed it"
    assert rows[1]["details"] == "to @shadow; no policy governed it"
    assert exceptions_of(by_ada, quarter="2026-Q3", model="fraud").rows == []


def test_an_emergency_is_listed_once(new_version: NewVersion, run_checks: RunChecks, acting: Acting) -> None:
    publish(break_glass=GLASS)
    ivy, ian = (acting(person(name, "incident")) for name in ("ivy", "ian"))
    with time_machine.travel(NOW, tick=False):
        request = approve(ian, emergency(ivy, new_version(), run_checks))
        assert tasks.apply_request(request.pk) == "applied"

    [row] = exceptions_of(ivy, quarter="2026-Q4", model="fraud").rows

    assert (row["kind"], row["object"], row["reason"]) == ("break-glass", "model-version:fraud/1", "Fraud wave.")
    assert "second person: ian" in row["details"]


def test_a_quarter_begins_and_ends_in_utc() -> None:
    assert [moment.strftime("%Y-%m-%d") for moment in quarter_of("2026-Q4")] == ["2026-10-01", "2027-01-01"]
    for wrong in ("2026", "2026-Q5", "0000-Q1", "9999-Q4", "2026-q1"):
        with pytest.raises(InvalidInput):
            quarter_of(wrong)


def test_the_whole_log_is_for_auditors(by_cy: Actor, auditor: Actor, new_version: NewVersion, by_ada: Actor) -> None:
    with time_machine.travel(NOW, tick=False):
        stage(by_ada, new_version())
    before = Event.objects.count()
    with pytest.raises(Denied):
        exceptions_of(by_cy, quarter="2026-Q4")
    assert len(exceptions_of(auditor, quarter="2026-Q4").rows) == 1
    assert Event.objects.count() == before


def test_it_costs_the_same_for_more_rows(new_version: NewVersion, by_ada: Actor) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as made:
            exceptions_of(by_ada, quarter="2026-Q4", model="fraud")
        return len(made)

    with time_machine.travel(NOW, tick=False):
        stage(by_ada, new_version())
        before = queries()
        for _ in range(2):
            stage(by_ada, new_version())
        assert queries() == before
