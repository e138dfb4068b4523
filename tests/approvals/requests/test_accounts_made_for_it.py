"""Approvals with accounts that somebody involved made,
gave a group or set the password of shortly before do not count.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.changes import Change, confirm_account, note_change
from accounts.models import AccountChange, User
from accounts.services import create_user
from approvals.case.loading import load_case, load_cases
from approvals.models import Review, TransitionRequest
from audit.models import Event
from core.actors import Actor
from core.errors import Denied, InvalidInput
from tests.approvals.conftest import NewVersion, reread
from tests.approvals.governed import approve, ask, publish
from tests.recorded_fixtures import recorded_fixture
from tests.signed_in import actor_of


@pytest.fixture
@recorded_fixture
def request_(new_version: NewVersion, by_ada: Actor) -> TransitionRequest:
    """Ada's request for Production."""
    publish("Production", apply_delay="1h")
    return ask(by_ada, new_version())


def made_by(actor: Actor, name: str = "puppet") -> User:
    return create_user(actor=actor, username=name, password="a-long-pass-1", groups=["reviewers"])


def make_admin(user: User) -> Actor:
    user.is_superuser = user.is_staff = True
    user.save()
    return actor_of(user)


DEEDS: list[tuple[str, Callable[[Actor], User]]] = [
    ("created the account puppet", made_by),
    ("added the account bea to reviewers", lambda actor: changed(actor, Change.GROUP_ADDED, "reviewers")),
    ("set the password of the account bea", lambda actor: changed(actor, Change.PASSWORD_SET)),
    ("switched the account bea on", lambda actor: changed(actor, Change.ACTIVATED)),
]


def changed(actor: Actor, kind: Change, detail: str = "") -> User:
    bea = User.objects.get(username="bea")
    note_change(actor=actor, account=bea, kind=kind, details=[detail])
    return bea


@pytest.mark.parametrize(("what", "make"), DEEDS)
def test_the_refusal_says_who_made_it(
    what: str, make: Callable[[Actor], User], request_: TransitionRequest, by_ada: Actor, bea: User
) -> None:
    puppet = make(by_ada)
    with pytest.raises(Denied, match=f"ada {what} on .* less than 7 days before"):
        approve(actor_of(puppet), request_)
    assert not Review.objects.exists()


def test_an_approval_stops_counting(request_: TransitionRequest, by_ada: Actor, by_bea: Actor, bea: User) -> None:
    approve(by_bea, request_)
    changed(by_ada, Change.GROUP_ADDED, "reviewers")
    (blocker,) = load_case(reread(request_)).verdict.blocked_by()
    assert "not counted: ada added the account bea to reviewers" in str(blocker["why"])


def test_a_puppet_of_a_puppet(request_: TransitionRequest, by_ada: Actor) -> None:
    second = made_by(actor_of(made_by(by_ada)), "second")
    with pytest.raises(Denied, match="puppet created the account second"):
        approve(actor_of(second), request_)


def test_who_is_not_involved_may_make_accounts(request_: TransitionRequest, ops: User) -> None:
    approve(actor_of(made_by(actor_of(ops))), request_)
    assert load_case(reread(request_)).verdict.approvers == ("puppet",)


def test_after_the_window_it_counts(request_: TransitionRequest, by_ada: Actor) -> None:
    puppet = made_by(by_ada)
    with time_machine.travel(timezone.now() + timedelta(days=7, minutes=1), tick=False):
        approve(actor_of(puppet), request_)
    assert Review.objects.count() == 1


def test_the_policy_names_the_window(new_version: NewVersion, by_ada: Actor) -> None:
    publish("Production", new_account_window="0h")
    approve(actor_of(made_by(by_ada)), ask(by_ada, new_version()))
    assert Review.objects.count() == 1


def test_two_superusers_confirm_it(request_: TransitionRequest, by_ada: Actor, ops: User, cy: User) -> None:
    puppet = made_by(by_ada)
    confirm_account(actor=actor_of(ops), username="puppet", reason="I know them.")
    confirm_account(actor=actor_of(ops), username="puppet", reason="Twice the same.")
    with pytest.raises(Denied):
        approve(actor_of(puppet), request_)
    confirm_account(actor=make_admin(cy), username="puppet", reason="So do I.")
    approve(actor_of(puppet), request_)
    assert Event.objects.filter(action="account.confirmed").count() == 3
    note_change(actor=by_ada, account=puppet, kind=Change.PASSWORD_SET)
    assert load_case(reread(request_)).verdict.approvers == ()


@pytest.mark.parametrize("reason", ["", " ", "x" * 1001])
def test_a_confirmation_says_why(reason: str, bea: User, ops: User) -> None:
    with pytest.raises(InvalidInput):
        confirm_account(actor=actor_of(ops), username="bea", reason=reason)


def test_only_other_superusers_confirm(bea: User, ops: User, by_ada: Actor) -> None:
    with pytest.raises(Denied):
        confirm_account(actor=by_ada, username="bea", reason="Please.")
    with pytest.raises(Denied, match="Somebody else"):
        confirm_account(actor=actor_of(ops), username="ops", reason="Me.")


def test_the_api_confirms(client: Client, bea: User, ops: User) -> None:
    client.force_login(ops)
    answer = client.post(
        "/api/v1/accounts/bea/confirmations", {"reason": "I know her."}, content_type="application/json"
    )
    assert (answer.status_code, answer.json()["confirmed_by"]) == (201, "ops")
    unknown = client.post("/api/v1/accounts/nobody/confirmations", {"reason": "x"}, content_type="application/json")
    assert unknown.status_code == 404


def test_the_admin_says_who_acts(client: Client, bea: User, cy: User, ops: User) -> None:
    client.force_login(ops)
    group = Group.objects.get(name="reviewers")
    page = f"/admin/accounts/user/{cy.pk}/"
    client.post(f"{page}change/", {"username": "cy", "groups": [group.pk], "is_active": "on"})
    client.post(
        f"{page}password/", {"password1": "another-pass-1", "password2": "another-pass-1", "usable_password": "true"}
    )
    rows = AccountChange.objects.filter(account=cy, made_by="ops").order_by("pk")
    assert [(row.kind, row.detail) for row in rows] == [("group_added", "reviewers"), ("password_set", "")]


def test_what_no_door_said_is_kept_without_a_name(cy: User, bea: User) -> None:
    cy.set_password("another-pass-1")
    cy.save()
    cy.groups.add(Group.objects.get(name="reviewers"))
    Group.objects.get(name="auditors").user_set.add(cy)
    rows = AccountChange.objects.filter(account=cy).order_by("pk")
    assert [(row.kind, row.detail, row.made_by) for row in rows] == [
        ("created", "", ""),
        ("password_set", "", ""),
        ("group_added", "reviewers", ""),
        ("group_added", "auditors", ""),
    ]


def test_one_query_however_many_accounts_changed(request_: TransitionRequest, ops: User, by_bea: Actor) -> None:
    approve(by_bea, request_)
    row = reread(request_)
    with CaptureQueriesContext(connection) as few:
        load_cases([row])
    for number in range(4):
        made_by(actor_of(ops), f"person-{number}")
    with CaptureQueriesContext(connection) as many:
        load_cases([row])
    assert len(many) == len(few)
