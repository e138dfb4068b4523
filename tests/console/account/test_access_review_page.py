"""The access review lists who can decide what and since when, and is exported."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from accounts.changes import Change, note_change
from accounts.models import User
from approvals.requests.delegate import create_delegation
from core.actors import Actor
from registry.permissions import Level, grant_level
from tests.approvals.conftest import NewVersion
from tests.approvals.governed import publish
from tests.conftest import Acting
from tests.console.conftest import Asked, SignedIn, text_of

PAGE = "/access-review/"
BY_ROLE: dict[str, object] = {
    "id": "managers", "level": "hard", "approvals": {"count": 1, "roles": ["manage_production"]},
}  # fmt: skip


def test_rights_are_listed_with_source_and_time(
    asked: Asked, bea: User, cy: User, by_bea: Actor, ops: User, signed_in: SignedIn, acting: Acting
) -> None:
    asked()
    note_change(actor=acting(ops), account=bea, kind=Change.GROUP_ADDED, details=["reviewers"])
    create_delegation(actor=by_bea, delegate="cy", ends_at=timezone.now() + timedelta(days=1), reason="Away.")
    client = signed_in(ops)
    assert f'href="{PAGE}"' in text_of(client.get("/people/"))
    page = text_of(client.get(PAGE))
    assert "Approve moves to Production of *" in page
    assert "Decide in place of bea on *" in page
    rows = {(row["username"], row["decision"]): row for row in client.get(f"{PAGE}?format=json").json()["rights"]}
    member = rows["bea", "Approve moves to Production of *"]
    assert (member["source"], member["given_by"], member["second_factor"]) == ("member of reviewers", "ops", "none")
    assert member["since"]
    assert rows["cy", "Decide in place of bea on *"]["given_by"] == "bea"
    table = list(csv.DictReader(io.StringIO(client.get(f"{PAGE}?format=csv").content.decode())))
    assert table == list(client.get(f"{PAGE}?format=json").json()["rights"])


def test_a_level_on_a_model_is_a_source(
    new_version: NewVersion, bea: User, cy: User, ops: User, signed_in: SignedIn, settings: Settings
) -> None:
    version = new_version()
    publish(rules=(BY_ROLE,))
    grant_level(user=bea, model=version.model, level=Level.MANAGE)
    grant_level(user=cy, model=version.model, level=Level.EDIT)
    rows = signed_in(ops).get(f"{PAGE}?format=json").json()["rights"]
    by_level = [row["username"] for row in rows if row["source"].startswith("level ")]
    assert by_level == ["ada", "bea"], "ada made the model"
    settings.DEFAULT_MODEL_LEVEL = "none"
    auditor = User.objects.create_user("dee")
    auditor.groups.add(Group.objects.get(name="auditors"))
    assert "level manage" not in text_of(signed_in(auditor).get(PAGE))


def test_others_may_not_read_it(bea: User, signed_in: SignedIn) -> None:
    client = signed_in(bea)
    for query in ("", "?format=csv", "?format=json"):
        assert client.get(PAGE + query).status_code == 403
    assert f'href="{PAGE}"' not in text_of(client.get("/people/"))


def test_more_people_take_no_more_queries(asked: Asked, bea: User, ops: User, signed_in: SignedIn) -> None:
    asked()
    client = signed_in(ops)

    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(PAGE).status_code == 200
        return len(queries)

    count()
    before = count()
    for number in range(5):
        User.objects.create_user(f"person-{number}").groups.add(Group.objects.get(name="reviewers"))
    assert count() == before
