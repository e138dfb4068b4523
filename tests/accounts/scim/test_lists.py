"""Filters and pages of /scim/v2, as Okta and Microsoft Entra ask for them."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.accounts.scim.conftest import GROUP, Send, operations

pytestmark = pytest.mark.django_db
NAMES = ("dora", "emil", "fritz")


@pytest.fixture
def people(make: Any, send: Send) -> dict[str, str]:
    """Three people and the group `ML team` of dora and emil; their ids by name."""
    ids = {
        name: make(
            name,
            displayName=name.title(),
            name={"givenName": name.title(), "familyName": "Day"},
            emails=[{"value": f"{name}@example.com"}],
        )["id"]
        for name in NAMES
    }
    team = {"displayName": "ML team", "externalId": "g1", "members": [{"value": ids["dora"]}, {"value": ids["emil"]}]}
    ids["team"] = send("POST", "/Groups", {"schemas": [GROUP], **team}).json()["id"]
    send("PATCH", f"/Users/{ids['fritz']}", operations({"op": "replace", "value": {"active": False}}))
    return ids


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('userName eq "DORA"', ["dora"]),
        ('USERNAME Eq "dora"', ["dora"]),
        ('urn:ietf:params:scim:schemas:core:2.0:User:userName eq "dora"', ["dora"]),
        ('externalId eq "00u-emil"', ["emil"]),
        ('externalId eq "00U-EMIL"', []),
        ('displayName eq "Emil"', ["emil"]),
        ('emails[type eq "work"].value eq "emil@example.com"', ["emil"]),
        ('emails[type eq "work" and value eq "emil@example.com"]', ["emil"]),
        ('emails[type eq "home" and value eq "emil@example.com"]', []),
        ('emails.value co "@EXAMPLE"', list(NAMES)),
        ('name.familyName sw "D" and active eq false', ["fritz"]),
        ('not (active eq true) or userName ew "ora"', ["dora", "fritz"]),
        ("externalId pr", list(NAMES)),
        ('id eq "nobody"', []),
        ('userName eq "d\\u0000"', None),
        ('userName gt "a"', None),
        ('meta.created gt "2020-01-01T00:00:00Z"', None),
        ("userName eq", None),
        ('nonsense eq "x"', None),
    ],
)
def test_filters_of_users(send: Send, people: dict[str, str], text: str, found: list[str] | None) -> None:
    answer = send("GET", f"/Users?filter={quote(text)}")

    if found is None:
        assert answer.status_code == 400, answer.content
        return
    assert answer.status_code == 200, answer.content
    assert sorted(each["userName"] for each in answer.json().get("Resources", [])) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('displayName eq "ml team"', 1),
        ('displayName eq "team"', 0),
        ('externalId eq "g1"', 1),
        ('id eq "{team}" and members eq "{dora}"', 1),
        ('id eq "{team}" and members eq "{fritz}"', 0),
        ('members[value eq "{emil}"]', 1),
    ],
)
def test_filters_of_groups(send: Send, people: dict[str, str], text: str, found: int) -> None:
    answer = send("GET", f"/Groups?excludedAttributes=members&filter={quote(text.format(**people))}")

    assert answer.json()["totalResults"] == found, answer.content
    assert all("members" not in each for each in answer.json().get("Resources", []))


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("startIndex=1&count=2", ["dora", "emil"]),
        ("startIndex=3&count=2", ["fritz"]),
        ("startIndex=0&count=100", list(NAMES)),
        ("startIndex=-5", list(NAMES)),
        ("startIndex=9", []),
        ("count=0", []),
        ("count=-1", []),
        ("count=100000", list(NAMES)),
    ],
)
def test_pages(send: Send, people: dict[str, str], query: str, names: list[str]) -> None:
    page = send("GET", f"/Users?{query}").json()

    assert page["totalResults"] == 3
    assert [each["userName"] for each in page.get("Resources", [])] == names


@pytest.mark.parametrize("path", ["/Users", "/Groups"])
def test_queries_do_not_grow_with_the_rows(send: Send, make: Any, settings: Any, path: str) -> None:
    def ask() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert send("GET", path).status_code == 200
        return len(queries)

    def add(number: int) -> None:
        name = f"person{number}"
        group = {"displayName": f"group{number}", "members": [{"value": make(name)["id"]}]}
        assert send("POST", "/Groups", {"schemas": [GROUP], **group}).status_code == 201

    numbers = range(6)
    Group.objects.bulk_create([Group(name=f"ours{number}") for number in numbers])
    settings.SCIM_GROUPS = {f"group{number}": f"ours{number}" for number in numbers}
    add(0)
    few = ask()
    for number in numbers[1:]:
        add(number)

    assert ask() == few
