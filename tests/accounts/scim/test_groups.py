"""/scim/v2/Groups: the provider sets the members of the groups that CUSTODY_SCIM_GROUPS names, and of no other."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone
from pytest_django import Settings

from accounts.groups.members import add_member
from accounts.models import AccountChange, Membership, User
from accounts.provisioning import groups
from audit.queries import facts
from core.actors import Actor
from tests.accounts.scim.conftest import GROUP, Send, events_about, operations
from tests.console.conftest import SignedIn, signed_in, text_of

__all__ = ["signed_in"]

pytestmark = pytest.mark.django_db


def members(name: str = "team") -> list[str]:
    return sorted(User.objects.filter(groups__name=name).values_list("username", flat=True))


@pytest.fixture
def team(send: Send) -> str:
    """The path of the group `team`, which the provider has taken over."""
    answer = send("POST", "/Groups", {"schemas": [GROUP], "displayName": "ML team", "externalId": "g1", "members": []})
    assert answer.status_code == 201, answer.content
    return f"/Groups/{answer.json()['id']}"


@pytest.fixture
def dora(make: Any) -> str:
    return str(make("dora")["id"])


@pytest.mark.parametrize("name", ["reviewers", "team", "operators", "new one", "ml TEAM "])
def test_a_group_that_no_setting_names_is_not_filled(send: Send, dora: str, name: str) -> None:
    Group.objects.get_or_create(name="reviewers")

    answer = send("POST", "/Groups", {"schemas": [GROUP], "displayName": name, "members": [{"value": dora}]})

    assert answer.status_code == 400
    assert "CUSTODY_SCIM_GROUPS" in answer.json()["detail"]
    assert not Group.objects.filter(name="new one").exists()
    assert not User.objects.get(username="dora").groups.exists()


def test_a_group_leaves_the_setting(send: Send, team: str, dora: str, settings: Settings) -> None:
    settings.SCIM_GROUPS = {}

    assert send("GET", team).status_code == 404
    assert (
        send("PATCH", team, operations({"op": "add", "path": "members", "value": [{"value": dora}]})).status_code == 404
    )
    assert members() == []


ADD = [
    {"op": "Add", "path": "members", "value": [{"$ref": None, "value": "ID"}]},
    {"op": "add", "path": "members", "value": [{"value": "ID", "display": "Dora"}]},
    {"op": "replace", "path": "members", "value": [{"value": "ID"}]},
    {"op": "add", "value": {"members": [{"value": "ID"}]}},
]
REMOVE = [
    {"op": "Remove", "path": "members", "value": [{"$ref": None, "value": "ID"}]},
    {"op": "remove", "path": 'members[value eq "ID"]'},
    {"op": "Remove", "path": "members"},
    {"op": "replace", "path": "members", "value": []},
]


def _with_id(operation: object, member: str) -> dict[str, Any]:
    return dict(json.loads(json.dumps(operation).replace("ID", member)))


@pytest.mark.parametrize(("add", "remove"), list(zip(ADD, REMOVE, strict=True)))
def test_a_member_comes_and_goes(send: Send, team: str, dora: str, add: Any, remove: Any) -> None:
    assert send("PATCH", team, operations(_with_id(add, dora))).status_code == 204
    assert members() == ["dora"]
    assert send("GET", f"/Users/{dora}").json()["groups"][0]["display"] == "ML team"

    assert send("PATCH", team, operations(_with_id(remove, dora))).status_code == 204
    assert members() == []
    groups = [facts(event)["after"]["groups"] for event in events_about("dora") if "groups" in facts(event)["after"]]
    assert groups == [[], ["team"], []]


def test_a_membership_counts_as_given_by_the_owner_of_the_providers_account(send: Send, team: str, dora: str) -> None:
    send("PATCH", team, operations(_with_id(ADD[0], dora)))

    assert AccountChange.objects.filter(kind="group_added", detail="team", made_by="ops").exists()


def test_members_that_it_does_not_provision_are_left_alone(send: Send, team: str, ada: User, by_ops: Actor) -> None:
    add_member(actor=by_ops, group="team", username="ada")

    assert "members" not in send("GET", team).json()
    assert send("PUT", team, {"schemas": [GROUP], "displayName": "ML team", "members": []}).status_code == 200
    foreign = send("PATCH", team, operations(_with_id(ADD[0], str(ada.pk))))
    assert foreign.status_code == 400
    assert members() == ["ada"]


def test_a_membership_that_ends_on_a_day_keeps_its_day(send: Send, team: str, dora: str, by_ops: Actor) -> None:
    day = timezone.now() + timedelta(days=3)
    add_member(actor=by_ops, group="team", username="dora", expires_at=day)

    send("PATCH", team, operations(_with_id(ADD[0], dora)))

    assert Membership.objects.get(user__username="dora").expires_at == day


def test_a_group_that_is_deleted_stays_here_without_the_providers_members(
    send: Send, team: str, dora: str, ada: User, by_ops: Actor
) -> None:
    add_member(actor=by_ops, group="team", username="ada")
    send("PATCH", team, operations(_with_id(ADD[0], dora)))

    assert send("DELETE", team).status_code == 204

    assert members() == ["ada"]
    assert send("GET", team).status_code == 404
    again = send("POST", "/Groups", {"schemas": [GROUP], "displayName": "ML team"})
    assert again.status_code == 201


def test_a_group_is_taken_over_once(send: Send, team: str) -> None:
    answer = send("POST", "/Groups", {"schemas": [GROUP], "displayName": "ML team"})

    assert (answer.status_code, answer.json()["scimType"]) == (409, "uniqueness")


def test_a_group_keeps_its_name(send: Send, team: str) -> None:
    same = {"op": "replace", "value": {"id": team.rpartition("/")[2], "displayName": "ML team"}}  # as Okta sends it
    other = {"op": "replace", "path": "displayName", "value": "reviewers"}

    assert send("PATCH", team, operations(same)).status_code == 204
    assert send("PATCH", team, operations(other)).status_code == 400


def test_one_request_changes_so_many_members(send: Send, team: str, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "MAX_CHANGED_MEMBERS", 1)
    ids = [make(name)["id"] for name in ("dora", "emil")]

    answer = send(
        "PATCH", team, operations({"op": "add", "path": "members", "value": [{"value": each} for each in ids]})
    )

    assert answer.status_code == 413
    assert members() == []


def test_a_member_that_fails_takes_the_others_back(send: Send, team: str, dora: str) -> None:
    both = [{"value": dora}, {"value": "99999"}]

    answer = send("PATCH", team, operations({"op": "add", "path": "members", "value": both}))

    assert answer.status_code == 400
    assert members() == []


def test_the_pages_tell_what_a_provider_decides(
    send: Send, team: str, dora: str, signed_in: SignedIn, ops: User, ada: User
) -> None:
    for_ops, for_ada = signed_in(ops), signed_in(ada)

    assert "over SCIM" in text_of(for_ada.get("/groups/team/"))
    assert "over SCIM" not in text_of(for_ada.get("/groups/reviewers/"))
    assert "provisioned over SCIM as 00u-dora" in " ".join(text_of(for_ops.get("/people/dora/")).split())
    assert "00u-dora" not in text_of(for_ada.get("/people/dora/"))
    assert "SCIM" not in text_of(for_ada.get("/people/ada/"))


def test_a_filter_finds_no_member_that_the_provider_does_not_see(
    send: Send, team: str, dora: str, bea: User, by_ops: Actor
) -> None:
    add_member(actor=by_ops, group="team", username="bea")

    def found(text: str) -> int:
        return int(send("GET", f"/Groups?filter={quote(text)}").json()["totalResults"])

    asked = (f'members eq "{bea.pk}"', f'members[value eq "{bea.pk}"]', "members pr")
    assert [found(text) for text in asked] == [0, 0, 0]
    send("PATCH", team, operations({"op": "add", "path": "members", "value": [{"value": dora}]}))
    assert [found(text) for text in (f'members eq "{dora}"', "members pr", *asked[:2])] == [1, 1, 0, 0]
