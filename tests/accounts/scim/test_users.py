"""/scim/v2/Users: accounts as Okta and Microsoft Entra make, change and end them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import AccountChange, ProvisionedAccount, User
from accounts.provisioning.accounts import hand_over
from accounts.services import issue_token
from core.actors import Actor
from tests.accounts.scim.conftest import USER, Send, events_about, operations
from tests.console.conftest import SignedIn, signed_in

__all__ = ["signed_in"]
pytestmark = pytest.mark.django_db
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
# As Entra sends it: an extension, attributes that are not kept here, and a password.
ENTRA = {
    "schemas": [USER, ENTERPRISE],
    "externalId": "58342554-38d6-4ec8-948c-50044d0a33fd",
    "userName": "dora@example.com",
    "active": True,
    "displayName": "Dora Day",
    "emails": [{"primary": True, "type": "work", "value": "dora@example.com"}],
    "meta": {"resourceType": "User"},
    "name": {"formatted": "Dora Day", "familyName": "Day", "givenName": "Dora"},
    "roles": [],
    "password": "guess me",
    ENTERPRISE: {"department": "Risk"},
}


def test_an_account_is_made_with_what_is_kept_here(send: Send) -> None:
    answer = send("POST", "/Users", ENTRA)

    assert answer.status_code == 201
    dora = User.objects.get(username="dora@example.com")
    assert (dora.first_name, dora.last_name, dora.email) == ("Dora", "Day", "dora@example.com")
    assert not dora.has_usable_password()
    assert not dora.is_superuser
    made = answer.json()
    assert {"id", "externalId", "userName", "name", "displayName", "emails", "active"} < made.keys()
    assert made["meta"]["location"] == answer["Location"] == f"http://testserver/scim/v2/Users/{dora.pk}"
    assert answer["Content-Type"] == "application/scim+json"


def test_each_change_is_an_event_of_the_providers_account(send: Send, okta: User, make: Any) -> None:
    made = make()
    send("PATCH", f"/Users/{made['id']}", operations({"op": "Replace", "path": "name.givenName", "value": "Dora"}))
    send("PATCH", f"/Users/{made['id']}", operations({"op": "Replace", "path": "active", "value": "False"}))

    events = events_about("dora")
    assert {event.actor_ref for event in events} == {f"service:{okta.pk}"}
    assert [event.action for event in events] == ["account.user.created", *["account.user.changed"] * 3]


def test_what_the_provider_makes_counts_as_made_by_the_owner_of_its_account(make: Any) -> None:
    make()

    assert set(AccountChange.objects.filter(account__username="dora").values_list("kind", "made_by")) >= {
        ("created", "ops")
    }


@pytest.mark.parametrize(
    "sent",
    [
        {"op": "Replace", "path": "active", "value": "False"},
        {"op": "replace", "path": "active", "value": False},
        {"op": "replace", "value": {"active": False}},
    ],
)
def test_deactivating_ends_sessions_and_tokens(
    send: Send, make: Any, by_ops: Actor, signed_in: SignedIn, client: Client, sent: dict[str, object]
) -> None:
    made = make()
    dora = User.objects.get(username="dora")
    browser = signed_in(dora)
    assert browser.get("/models/").status_code == 200
    _, secret = issue_token(actor=by_ops, user=dora, expires_in=timedelta(days=1))

    assert send("PATCH", f"/Users/{made['id']}", operations(sent)).status_code == 204

    assert send("GET", f"/Users/{made['id']}").json()["active"] is False
    assert browser.get("/models/").status_code == 302
    with_token = client.get("/api/v1/production?models=x", headers={"Authorization": f"Bearer {secret}"})
    assert with_token.status_code == 401


def test_the_provider_activates_what_it_deactivated(send: Send, make: Any) -> None:
    made = make()
    path = f"/Users/{made['id']}"
    send("PUT", path, {"schemas": [USER], "userName": "dora", "active": False})

    assert send("PUT", path, {"schemas": [USER], "userName": "dora", "active": True}).status_code == 200
    assert User.objects.get(username="dora").is_active
    assert AccountChange.objects.filter(account__username="dora", kind="activated", made_by="ops").exists()


@pytest.mark.parametrize("steps", [("PATCH",), ("DELETE", "POST")])
def test_what_somebody_here_deactivated_stays_so(send: Send, make: Any, steps: tuple[str, ...]) -> None:
    made = make()
    User.objects.filter(username="dora").update(is_active=False)
    answers = {
        "PATCH": lambda: send(
            "PATCH", f"/Users/{made['id']}", operations({"op": "replace", "value": {"active": True}})
        ),
        "DELETE": lambda: send("DELETE", f"/Users/{made['id']}"),
        "POST": lambda: send("POST", "/Users", {"schemas": [USER], "userName": "dora", "externalId": "00u-dora"}),
    }

    last = [answers[step]() for step in steps][-1]

    assert last.status_code == 409
    assert not User.objects.get(username="dora").is_active


def test_the_only_superuser_is_not_deactivated(send: Send, ops: User, by_ops: Actor) -> None:
    hand_over(actor=by_ops, username="ops", external_id="00u-ops")

    answer = send("PATCH", f"/Users/{ops.pk}", operations({"op": "replace", "value": {"active": False}}))

    assert answer.status_code == 409
    assert User.objects.get(pk=ops.pk).is_active


def test_a_deleted_account_stays_here_and_is_hidden(send: Send, make: Any) -> None:
    path = f"/Users/{make()['id']}"

    assert send("DELETE", path).status_code == 204

    assert not User.objects.get(username="dora").is_active
    assert send("GET", path).status_code == 404
    assert send("DELETE", path).status_code == 404
    assert send("GET", "/Users").json()["totalResults"] == 0


def test_a_deleted_account_comes_back_for_the_same_person_only(send: Send, make: Any) -> None:
    first = make()
    send("DELETE", f"/Users/{first['id']}")

    other = send("POST", "/Users", {"schemas": [USER], "userName": "dora", "externalId": "00u-another-dora"})
    assert (other.status_code, other.json()["scimType"]) == (409, "uniqueness")
    assert not User.objects.get(username="dora").is_active

    assert make()["id"] == first["id"]
    assert User.objects.get(username="dora").is_active


def test_accounts_of_others_are_neither_seen_nor_changed(send: Send, ada: User) -> None:
    path = f"/Users/{ada.pk}"

    assert send("GET", path).status_code == 404
    assert send("PATCH", path, operations({"op": "replace", "value": {"active": False}})).status_code == 404
    assert send("DELETE", path).status_code == 404
    taken = send("POST", "/Users", {"schemas": [USER], "userName": "ADA"})
    assert (taken.status_code, taken.json()["scimType"]) == (409, "uniqueness")
    assert User.objects.get(pk=ada.pk).is_active
    assert not ProvisionedAccount.objects.exists()


def test_an_account_that_is_handed_over_is_seen(send: Send, ada: User, by_ops: Actor) -> None:
    hand_over(actor=by_ops, username="ada", external_id="00u-ada")

    listed = send("GET", '/Users?filter=externalId eq "00u-ada"').json()

    assert [each["userName"] for each in listed["Resources"]] == ["ada"]


def test_names_ids_and_roles_are_not_for_the_provider_to_change(send: Send, make: Any) -> None:
    made = make()
    path = f"/Users/{made['id']}"

    renamed = send("PATCH", path, operations({"op": "replace", "path": "userName", "value": "cy"}))
    assert (renamed.status_code, renamed.json()["scimType"]) == (400, "mutability")
    send("PATCH", path, operations({"op": "add", "path": "roles", "value": [{"value": "superuser"}]}))
    send("PATCH", path, operations({"op": "add", "value": {"groups": [{"value": "1"}], "is_superuser": True}}))

    dora = User.objects.get(username="dora")
    assert not dora.is_superuser
    assert not dora.groups.exists()


def test_put_replaces_what_is_kept(send: Send) -> None:
    made = send("POST", "/Users", ENTRA).json()
    path = f"/Users/{made['id']}"

    answer = send("PUT", path, {"schemas": [USER], "userName": "dora@example.com", "name": {"familyName": "Dale"}})

    assert answer.status_code == 200
    dora = User.objects.get(username="dora@example.com")
    assert (dora.first_name, dora.last_name, dora.email, dora.is_active) == ("", "Dale", "", True)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"userName": "white space"}, "username"),
        ({"userName": "d" * 151}, "150"),
        ({"userName": ""}, ""),
        ({"name": {"givenName": "a\x00b"}}, "givenName"),
        ({"name": {"givenName": "a" * 151}}, "givenName"),
        ({"emails": [{"value": "nobody"}]}, "e-mail"),
        ({"active": "perhaps"}, "active"),
        ({"emails": "dora@example.com"}, ""),
    ],
)
def test_wrong_values_are_refused_and_nothing_is_made(send: Send, changes: dict[str, object], text: str) -> None:
    before = User.objects.count()

    answer = send("POST", "/Users", {"schemas": [USER], "userName": "dora", **changes})

    assert (answer.status_code, answer.json()["status"]) == (400, "400")
    assert text in answer.json()["detail"]
    assert User.objects.count() == before
