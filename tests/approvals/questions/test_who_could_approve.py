"""Who could approve on a date: groups, levels, policies and delegations as the events tell of them."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

import pytest
import time_machine
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext
from time_machine import Traveller

from accounts.administration import deactivate_user
from accounts.models import User
from accounts.principals import PrincipalKind
from accounts.services import create_user
from approvals.questions.approvers import who_could_approve
from approvals.requests.delegate import create_delegation
from audit.actions import Action
from audit.services import record
from core.actors import Actor, system_actor
from core.errors import Denied, InvalidInput
from registry.permissions import Grant, Level
from registry.services.models import create_model
from registry.services.permissions import set_permissions
from tests.approvals.governed import FOUR_EYES, REVIEWERS, publish
from tests.approvals.publishing import retire_policy
from tests.conftest import Acting

MANAGERS: dict[str, object] = {"id": "managers", "level": "hard", "approvals": {"count": 1, "roles": ["manage"]}}
SYSTEM = system_actor("test")
on = datetime.date


@pytest.fixture
def past(by_ada: Actor) -> Iterator[Traveller]:
    """The time is 10 November, and `fraud` is registered."""
    with time_machine.travel(datetime.datetime(2026, 11, 10, 12, tzinfo=datetime.UTC), tick=False) as traveller:
        Group.objects.get_or_create(name="reviewers")
        create_model(actor=by_ada, name="fraud")
        yield traveller


def go(traveller: Traveller, day: int) -> None:
    traveller.move_to(datetime.datetime(2026, 11, day, 12, tzinfo=datetime.UTC))


def rights(auditor: Actor, day: int, target: str = "Production") -> list[tuple[str, str]]:
    answer = who_could_approve(auditor, model="fraud", date=on(2026, 11, day), target=target)
    return [(row["person"], row["right"]) for row in answer.rows]


def test_members_come_and_go(past: Traveller, auditor: Actor) -> None:
    publish(rules=(REVIEWERS, FOUR_EYES))
    go(past, 12)
    create_user(actor=SYSTEM, username="dee", password="dee-password-1", groups=["reviewers"])
    go(past, 15)
    deactivate_user(actor=SYSTEM, username="dee")
    go(past, 20)

    assert rights(auditor, 11) == []
    assert rights(auditor, 12) == [("dee", "member of reviewers")]
    assert rights(auditor, 14) == [("dee", "member of reviewers")]
    assert rights(auditor, 15) == []


def test_a_group_is_told_by_the_first_change_after_the_day(past: Traveller, auditor: Actor, bea: User) -> None:
    publish()
    go(past, 15)
    bea.groups.clear()
    _changed(bea, {"groups": ["reviewers"]}, {"groups": []})
    assert rights(auditor, 12) == [("bea", "member of reviewers")]
    assert rights(auditor, 15) == []


def test_a_member_of_whom_the_log_knows_nothing_is_named_in_a_note(past: Traveller, auditor: Actor, bea: User) -> None:
    publish()
    _changed(bea, {}, {"password": "set by its owner"})
    answer = who_could_approve(auditor, model="fraud", date=on(2026, 11, 10))
    assert answer.rows == []
    assert any("bea" in note for note in answer.notes)


def test_levels_and_delegations(past: Traveller, auditor: Actor, acting: Acting, by_ada: Actor) -> None:
    publish(rules=(MANAGERS,))
    dee = create_user(actor=SYSTEM, username="dee", password="dee-password-1")
    create_user(actor=SYSTEM, username="eve", password="eve-password-1")
    go(past, 12)
    set_permissions(actor=by_ada, name="fraud", grants=[Grant(PrincipalKind.USER, "dee", Level.MANAGE)], replace=False)
    go(past, 14)
    ends = datetime.datetime(2026, 11, 16, 12, tzinfo=datetime.UTC)
    create_delegation(actor=acting(dee), delegate="eve", ends_at=ends, reason="Leave.")

    ada, dee_too = ("ada", "level manage on the model"), ("dee", "level manage on the model")
    assert rights(auditor, 11) == [ada]
    assert rights(auditor, 13) == [ada, dee_too]
    assert rights(auditor, 15) == [ada, dee_too, ("eve", "delegated for *")]
    assert rights(auditor, 16) == [ada, dee_too]


def test_without_a_policy_levels_decide(past: Traveller, auditor: Actor) -> None:
    publish()
    go(past, 12)
    retire_policy("fraud-production")

    assert rights(auditor, 11) == []
    assert rights(auditor, 12) == [("ada", "level manage on the model")]
    assert rights(auditor, 9) == []
    assert "did not exist" in who_could_approve(auditor, model="fraud", date=on(2026, 11, 9)).notes[0]


def test_it_is_for_auditors(past: Traveller, by_cy: Actor, auditor: Actor) -> None:
    with pytest.raises(Denied):
        rights(by_cy, 11)
    with pytest.raises(InvalidInput):
        rights(auditor, 11, target="Archived")


def test_it_costs_the_same_for_more_people(past: Traveller, auditor: Actor) -> None:
    publish()

    def queries() -> int:
        with CaptureQueriesContext(connection) as made:
            rights(auditor, 10)
        return len(made)

    create_user(actor=SYSTEM, username="dee", password="dee-password-1", groups=["reviewers"])
    before = queries()
    create_user(actor=SYSTEM, username="eve", password="eve-password-1", groups=["reviewers"])
    assert queries() == before


def _changed(user: User, before: dict[str, object], after: dict[str, object]) -> None:
    """Record a change of an account, as the admin does."""
    action = Action.ACCOUNT_USER_CHANGED
    record(actor=SYSTEM, action=action, obj=f"user:{user.username}", before=before, after=after)
