"""Owners and superusers change the members of a group; owners do not change their own membership."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import Group
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts.groups.members import add_member, remove_member, set_expiry
from accounts.groups.owners import add_owner, owner_names, remove_owner
from accounts.models import AccountChange, GroupOwner, Membership, User
from accounts.oidc.configuration import IdentityProvider
from accounts.services import issue_token
from audit.models import Event
from audit.queries import actor_name, facts
from core.actors import Actor, system_actor
from core.errors import AlreadyExists, Denied, InvalidInput, InvalidState, NotFound
from tests.conftest import Acting
from tests.console.conftest import SignedIn, text_of

TOMORROW = timedelta(days=1)


def groups_of(user: User) -> list[str]:
    return sorted(user.groups.values_list("name", flat=True))


def test_an_owner_adds_extends_and_removes(owner: User, by_bea: Actor, cy: User) -> None:
    soon = timezone.now() + TOMORROW
    add_member(actor=by_bea, group="team", username="cy", expires_at=soon)
    assert groups_of(cy) == ["team"]
    later = soon + TOMORROW
    set_expiry(actor=by_bea, group="team", username="cy", expires_at=later)
    assert Membership.objects.get(user=cy).expires_at == later
    remove_member(actor=by_bea, group="team", username="cy")
    assert groups_of(cy) == []
    events = [event for event in Event.objects.order_by("id") if facts(event)["object"] == "user:cy"]
    changes = [(event.action, facts(event)["before"], facts(event)["after"]) for event in events]
    assert [action for action, *_ in changes] == [
        "account.user.changed", "account.membership.changed", "account.user.changed",
    ]  # fmt: skip
    assert (changes[0][1]["groups"], changes[0][2]["groups"]) == ([], ["team"])
    assert (changes[2][1]["groups"], changes[2][2]["groups"]) == (["team"], [])
    assert {actor_name(event) for event in events} == {"bea"}
    noted = AccountChange.objects.filter(account=cy, made_by="bea").order_by("pk")
    assert [(row.kind, row.detail) for row in noted] == [("group_added", "team"), ("group_extended", "team")]


def test_a_shorter_membership_gives_nothing(owner: User, by_bea: Actor, cy: User) -> None:
    add_member(actor=by_bea, group="team", username="cy")
    set_expiry(actor=by_bea, group="team", username="cy", expires_at=timezone.now() + TOMORROW)
    assert not AccountChange.objects.filter(kind="group_extended").exists()


DEEDS: list[Callable[[Actor], Any]] = [
    lambda actor: add_member(actor=actor, group="team", username="ada"),
    lambda actor: set_expiry(actor=actor, group="team", username="cy", expires_at=None),
    lambda actor: remove_member(actor=actor, group="team", username="cy"),
    lambda actor: add_owner(actor=actor, group="team", username="ada"),
    lambda actor: remove_owner(actor=actor, group="team", username="bea"),
]


@pytest.mark.parametrize("deed", DEEDS)
@pytest.mark.parametrize("who", ["ada", "bot", "cy"])
def test_nobody_else_changes_anything(
    who: str, deed: Callable[[Actor], Any], owner: User, by_bea: Actor, ada: User, bot: User, cy: User, acting: Acting
) -> None:
    add_member(actor=by_bea, group="team", username="cy", expires_at=timezone.now() + TOMORROW)
    before = (list(Membership.objects.values()), list(GroupOwner.objects.values()), Event.objects.count())
    with pytest.raises(Denied):
        deed(acting(User.objects.get(username=who)))
    assert (list(Membership.objects.values()), list(GroupOwner.objects.values()), Event.objects.count()) == before


@pytest.mark.parametrize("deed", DEEDS[3:])
def test_an_owner_makes_no_owners(deed: Callable[[Actor], Any], owner: User, by_bea: Actor, ada: User) -> None:
    with pytest.raises(Denied, match="Only superusers"):
        deed(by_bea)
    assert owner_names(Group.objects.get(name="team")) == ["bea"]


def test_an_owner_of_another_group_may_not(owner: User, by_bea: Actor, by_ops: Actor, cy: User) -> None:
    with pytest.raises(Denied):
        add_member(actor=by_bea, group="reviewers", username="cy")
    remove_owner(actor=by_ops, group="team", username="bea")
    with pytest.raises(Denied):
        add_member(actor=by_bea, group="team", username="cy")


def test_nobody_gives_themselves_a_membership(owner: User, by_bea: Actor, by_ops: Actor, bea: User) -> None:
    with pytest.raises(Denied, match="Another owner"):
        add_member(actor=by_bea, group="team", username="bea")
    soon = timezone.now() + TOMORROW
    add_member(actor=by_ops, group="team", username="bea", expires_at=soon)
    with pytest.raises(Denied, match="Another owner"):
        set_expiry(actor=by_bea, group="team", username="bea", expires_at=None)
    assert Membership.objects.get(user=bea, group__name="team").expires_at == soon


def test_what_is_wrong_is_said(owner: User, by_bea: Actor, cy: User) -> None:
    with pytest.raises(InvalidInput, match="has passed"):
        add_member(actor=by_bea, group="team", username="cy", expires_at=timezone.now() - TOMORROW)
    with pytest.raises(NotFound, match="no active account"):
        add_member(actor=by_bea, group="team", username="nobody")
    with pytest.raises(NotFound, match="No group"):
        add_member(actor=by_bea, group="nothing\x00", username="cy")
    with pytest.raises(NotFound, match="not a member"):
        remove_member(actor=by_bea, group="team", username="cy")
    add_member(actor=by_bea, group="team", username="cy")
    with pytest.raises(AlreadyExists):
        add_member(actor=by_bea, group="team", username="cy")


def test_a_service_account_owns_no_group(owner: User, bot: User, by_ops: Actor) -> None:
    with pytest.raises(NotFound, match="no active person"):
        add_owner(actor=by_ops, group="team", username="bot")
    team = Group.objects.get(name="team")
    with pytest.raises(IntegrityError), transaction.atomic():
        GroupOwner.objects.create(group=team, owner=bot)
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.filter(pk=owner.pk).update(is_service=True)
    with pytest.raises(IntegrityError), transaction.atomic():
        GroupOwner.objects.create(group=team, owner=owner)


def test_one_membership_of_a_group(owner: User, cy: User) -> None:
    team = Group.objects.get(name="team")
    cy.groups.add(team)
    with pytest.raises(IntegrityError), transaction.atomic():
        Membership.objects.create(user=cy, group=team)
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("INSERT INTO accounts_user_groups (user_id, group_id) VALUES (%s, %s)", [cy.pk, team.pk])


def test_the_api(owner: User, bea: User, cy: User, ops: User, signed_in: SignedIn) -> None:
    by_owner, superuser = signed_in(bea), signed_in(ops)
    ends = "2099-01-01T00:00:00Z"
    path = "/api/v1/groups/team/members"
    added = by_owner.post(path, {"username": "cy", "expires_at": ends}, content_type="application/json")
    assert (added.status_code, added.json()) == (201, {"username": "cy", "expires_at": ends})
    assert by_owner.get(path).json() == {"members": [{"username": "cy", "expires_at": ends}], "next_offset": None}
    changed = by_owner.patch(f"{path}/cy", {"expires_at": None}, content_type="application/json")
    assert changed.json() == {"username": "cy", "expires_at": None}
    assert by_owner.delete(f"{path}/cy").status_code == 204
    owners = "/api/v1/groups/team/owners"
    assert by_owner.put(f"{owners}/cy").status_code == 403
    assert superuser.put(f"{owners}/cy").json() == {"owners": ["bea", "cy"]}
    assert superuser.delete(f"{owners}/bea").status_code == 204
    assert by_owner.get(owners).json() == {"owners": ["cy"]}


def test_a_token_needs_the_scope(owner: User, bea: User, client: Any) -> None:
    _, secret = issue_token(
        actor=system_actor("test"), user=bea, scopes=["registry:write"], expires_in=TOMORROW, label="x"
    )
    headers = {"Authorization": f"Bearer {secret}"}
    answer = client.post(
        "/api/v1/groups/team/members", {"username": "ada"}, content_type="application/json", headers=headers
    )
    assert answer.status_code == 403


def test_the_page(owner: User, bea: User, cy: User, ada: User, ops: User, signed_in: SignedIn) -> None:
    by_owner, superuser = signed_in(bea), signed_in(ops)
    dialog = "/memberships/team/add/"
    assert "Last day" in text_of(by_owner.get(dialog))
    by_owner.post(dialog, {"username": "cy", "expires_on": "2099-01-31"})
    page = text_of(by_owner.get("/groups/team/"))
    assert "Set last day" in page
    assert "Add owner" not in page
    assert Membership.objects.get(user=cy).expires_at.isoformat() == "2099-02-01T00:00:00+00:00"  # type: ignore[union-attr]  # it has one
    assert "ends" in text_of(by_owner.get("/people/cy/"))
    by_owner.post("/memberships/team/expiry/?username=cy", {"expires_on": ""})
    assert Membership.objects.get(user=cy).expires_at is None
    assert "Set last day" not in text_of(signed_in(ada).get("/groups/team/"))
    by_owner.post("/memberships/team/remove/", {"username": "cy"})
    assert groups_of(cy) == []
    refused = by_owner.post("/group-owners/team/add/", {"username": "cy"})
    assert "Only superusers" in text_of(refused)
    superuser.post("/group-owners/team/add/", {"username": "cy"})
    superuser.post("/group-owners/team/remove/", {"username": "bea"})
    assert owner_names(Group.objects.get(name="team")) == ["cy"]


def test_a_provider_decides_about_its_groups(
    provider: IdentityProvider, owner: User, by_ops: Actor, cy: User, ada: User
) -> None:
    reviewers = Group.objects.get(name="reviewers")
    SocialAccount.objects.create(user=cy, provider="corp", uid="subject-2", extra_data={})
    with pytest.raises(InvalidState, match="Corp decides whether cy"):
        add_member(actor=by_ops, group="reviewers", username="cy")
    cy.groups.add(reviewers)
    with pytest.raises(InvalidState, match="Corp decides"):
        remove_member(actor=by_ops, group="reviewers", username="cy")
    add_member(actor=by_ops, group="reviewers", username="ada")
    add_member(actor=by_ops, group="team", username="cy")
