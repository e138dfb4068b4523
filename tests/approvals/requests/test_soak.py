"""Time that a policy asks for passes on the clock of the service: nothing moves early, and what changes meanwhile
counts.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
import time_machine
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from approvals import tasks
from approvals.case.loading import load_case
from approvals.models import RequestState, TransitionRequest
from approvals.oversight.findings import open_finding
from approvals.requests.transition import request_transition
from audit.actions import Action
from audit.models import Event
from audit.queries import by_actor
from core.actors import Actor, system_actor
from core.errors import GateRefused, InvalidInput
from registry.models import ModelVersion
from registry.services.stages import change_stage
from registry.stages import Stage
from tests.approvals.conftest import NewVersion, fill_card, reread
from tests.approvals.governed import FOUR_EYES, NO_FINDINGS, PRODUCTION, REVIEWERS, approve, ask, publish, stage_of
from tests.recorded_fixtures import recorded_fixture

SOAK: dict[str, object] = {"id": "soak", "level": "hard", "soak": {"in": "Staging", "hours": 24}}
RULES = (REVIEWERS, FOUR_EYES, NO_FINDINGS, SOAK)
START = timezone.now()
HOUR = timedelta(hours=1)
STAGING = ("Staging", False)
Change = Callable[[ModelVersion, Actor], object]


def at(moment: timedelta) -> time_machine.travel:
    """Return a clock that stands still so long after the version was staged."""
    return time_machine.travel(START + moment, tick=False)


def move_by_hand(version: ModelVersion, stage: Stage) -> None:
    """Move a version without asking the policy, as before there was one."""
    row = ModelVersion.objects.get(pk=version.pk)
    change_stage(actor=system_actor("test"), version=row, target=stage, archive_existing=False, reason="by hand")


@pytest.fixture
@recorded_fixture
def staged(new_version: NewVersion, settings: Settings) -> ModelVersion:
    """Version 1, in Staging since START; only Production is governed."""
    version = new_version()
    with at(timedelta()):
        move_by_hand(version, Stage.STAGING)
    return ModelVersion.objects.get(pk=version.pk)


@pytest.fixture
@recorded_fixture
def soaking(staged: ModelVersion, by_ada: Actor, by_bea: Actor) -> TransitionRequest:
    """Asked for and approved in the first hour of its day in Staging."""
    publish("Production", rules=RULES)
    with at(HOUR):
        return approve(by_bea, ask(by_ada, staged))


def test_an_approval_waits_for_the_day_to_pass(soaking: TransitionRequest) -> None:
    assert soaking.state == RequestState.OPEN
    with at(24 * HOUR - timedelta(seconds=1)):
        assert tasks.apply_approved_requests() == 0
        assert tasks.apply_request(soaking.pk) == "not applied"
        assert load_case(reread(soaking)).verdict.resolves_with_time
    assert stage_of(1) == STAGING
    with at(24 * HOUR):
        assert tasks.apply_approved_requests() == 1
    assert stage_of(1) == PRODUCTION
    moved = Event.objects.get(by_actor("apply_request"), action=Action.REGISTRY_STAGE_CHANGED)
    assert moved.at == START + 24 * HOUR


def test_a_requester_who_asks_meanwhile_is_told_when(soaking: TransitionRequest, by_ada: Actor) -> None:
    with at(2 * HOUR), pytest.raises(GateRefused, match=rf"soak: .* end at {START + 24 * HOUR:%Y-%m-%d %H:%M} UTC"):
        request_transition(actor=by_ada, name="fraud", version=1, target=Stage.PRODUCTION, archive_existing=True)
    assert stage_of(1) == STAGING


def edit_the_card(version: ModelVersion, actor: Actor) -> None:
    fill_card(actor, version, "Something else.")


def find_something(version: ModelVersion, actor: Actor) -> None:
    open_finding(actor=actor, name="fraud", version=version.version, severity="critical", title="Leaks labels")


def leave_staging(version: ModelVersion, _: Actor) -> None:
    move_by_hand(version, Stage.ARCHIVED)


def leave_staging_and_come_back(version: ModelVersion, _: Actor) -> None:
    move_by_hand(version, Stage.ARCHIVED)
    move_by_hand(version, Stage.STAGING)


def publish_a_revision(_: ModelVersion, __: Actor) -> None:
    publish("Production", rules=RULES, expires_after="7d")


def lose_the_reviewer(_: ModelVersion, __: Actor) -> None:
    User.objects.get(username="bea").groups.clear()


CHANGES: dict[Change, str] = {
    edit_the_card: "reviewers",
    find_something: "no-findings",
    leave_staging: "soak",
    leave_staging_and_come_back: "soak",
    publish_a_revision: "reviewers",
    lose_the_reviewer: "reviewers",
}


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_what_is_squeezed_into_the_soak_is_refused(soaking: TransitionRequest, change: Change, by_ada: Actor) -> None:
    with at(12 * HOUR):
        change(soaking.version, by_ada)
    with at(25 * HOUR):
        assert tasks.apply_approved_requests() == 0
        assert [item["rule"] for item in load_case(reread(soaking)).verdict.blocked_by()] == [CHANGES[change]]
    assert stage_of(1)[0] != Stage.PRODUCTION
    assert not ModelVersion.objects.filter(is_current=True).exists()


def test_the_day_begins_anew_with_each_arrival(soaking: TransitionRequest, by_ada: Actor) -> None:
    with at(12 * HOUR):
        leave_staging_and_come_back(soaking.version, by_ada)
    with at(36 * HOUR):
        assert tasks.apply_approved_requests() == 1
    assert stage_of(1) == PRODUCTION


@pytest.fixture
@recorded_fixture
def delayed(staged: ModelVersion, by_ada: Actor, by_bea: Actor) -> TransitionRequest:
    """Approved in the first hour, under a policy that lets two hours pass before it moves."""
    publish("Production", rules=(REVIEWERS, FOUR_EYES, NO_FINDINGS), apply_delay="2h")
    with at(HOUR):
        return approve(by_bea, ask(by_ada, staged))


def test_a_delay_passes_before_the_move(delayed: TransitionRequest) -> None:
    assert (delayed.state, delayed.apply_after) == (RequestState.APPROVED, START + 3 * HOUR)
    with at(3 * HOUR - timedelta(seconds=1)):
        assert tasks.apply_approved_requests() == 0
        assert tasks.apply_request(delayed.pk) == "not applied"
    assert (reread(delayed).state, stage_of(1)) == (RequestState.APPROVED, STAGING)
    with at(3 * HOUR):
        assert tasks.apply_approved_requests() == 1
    assert stage_of(1) == PRODUCTION


@pytest.mark.parametrize(
    "change", [edit_the_card, find_something, publish_a_revision, lose_the_reviewer], ids=lambda change: change.__name__
)
def test_what_is_squeezed_into_the_delay_is_refused(delayed: TransitionRequest, change: Change, by_ada: Actor) -> None:
    with at(2 * HOUR):
        change(delayed.version, by_ada)
    with at(4 * HOUR):
        assert tasks.apply_approved_requests() == 0
    assert (reread(delayed).state, stage_of(1)) == (RequestState.STALE, STAGING)


@pytest.mark.parametrize(("asked", "moves"), [(2, 3), (9, 9)])
def test_of_the_delay_and_the_wish_the_later_counts(
    asked: int, moves: int, staged: ModelVersion, by_ada: Actor, by_bea: Actor
) -> None:
    publish("Production", rules=(REVIEWERS, FOUR_EYES), apply_delay="2h")
    with at(HOUR):
        request = approve(by_bea, ask(by_ada, staged, apply_after=START + asked * HOUR))
    with at(moves * HOUR - timedelta(seconds=1)):
        assert tasks.apply_approved_requests() == 0
    assert stage_of(1) == STAGING
    with at(moves * HOUR):
        assert tasks.apply_approved_requests() == 1
    assert reread(request).state == RequestState.APPLIED


def test_a_caller_cannot_hurry_it(delayed: TransitionRequest, by_ada: Actor) -> None:
    with at(2 * HOUR), pytest.raises(GateRefused, match="is applied after"):
        request_transition(actor=by_ada, name="fraud", version=1, target=Stage.PRODUCTION, archive_existing=True)
    assert stage_of(1) == STAGING


def test_a_wish_too_far_ahead_is_refused(staged: ModelVersion, by_ada: Actor) -> None:
    publish("Production", rules=RULES)
    later: datetime = timezone.now() + timedelta(days=400)
    with pytest.raises(InvalidInput, match="within a year"):
        ask(by_ada, staged, apply_after=later)
    assert not TransitionRequest.objects.exists()
