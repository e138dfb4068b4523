"""People and groups: who there is, what they may do, and why."""

from __future__ import annotations

import re
from datetime import timedelta

from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from approvals.requests.delegate import create_delegation
from core.actors import Actor
from registry.permissions import Level, grant_level
from tests.approvals.conftest import NewVersion
from tests.console.conftest import Asked, SignedIn, text_of


def test_a_person_is_shown_with_rights_and_reasons(
    asked: Asked, bea: User, cy: User, by_bea: Actor, signed_in: SignedIn
) -> None:
    version = asked().version
    grant_level(user=cy, model=version.model, level=Level.EDIT)
    create_delegation(actor=by_bea, delegate="cy", ends_at=timezone.now() + timedelta(days=1), reason="Away.")
    client = signed_in(cy)
    page = text_of(client.get("/people/bea/"))
    assert "Approve moves to Production of *" in page
    assert "member of reviewers" in page
    assert 'href="/policies/' in page
    mine = text_of(client.get("/people/cy/"))
    assert "Decide in place of bea" in mine
    assert 'href="/models/fraud/access/">fraud</a>' in mine
    assert "given to them" in mine
    assert client.get("/people/nosuch/").status_code == 404


def test_the_audit_log_of_a_person_is_linked(asked: Asked, cy: User, ops: User, signed_in: SignedIn) -> None:
    asked()
    client = signed_in(ops)
    events = "All events of model-version:fraud/1"
    for username, has_acted in (("ada", True), ("cy", False)):
        link = re.search(r'href="(/audit/[^"]+)"', text_of(client.get(f"/people/{username}/")))
        assert link is not None
        assert (events in text_of(client.get(link[1]))) is has_acted


def test_levels_on_models_that_the_viewer_may_not_see_are_left_out(
    new_version: NewVersion, bea: User, cy: User, settings: Settings, signed_in: SignedIn
) -> None:
    version = new_version()
    grant_level(user=bea, model=version.model, level=Level.EDIT)
    settings.DEFAULT_MODEL_LEVEL = "none"
    assert "fraud" not in text_of(signed_in(cy).get("/people/bea/"))
    assert ">fraud</a>" in text_of(signed_in(bea).get("/people/bea/"))


def test_a_group_is_shown_with_members_and_rights(asked: Asked, bea: User, cy: User, signed_in: SignedIn) -> None:
    asked()
    client = signed_in(cy)
    assert 'href="/groups/reviewers/"' in text_of(client.get("/groups/"))
    page = text_of(client.get("/groups/reviewers/"))
    assert 'href="/people/bea/"' in page
    assert "Approve moves to Production of *" in page
    assert "Read and export the whole audit log" in text_of(client.get("/groups/auditors/"))
    assert client.get("/groups/nosuch/").status_code == 404


def test_e_mail_addresses_are_shown_to_superusers(bea: User, cy: User, ops: User, signed_in: SignedIn) -> None:
    User.objects.filter(pk=bea.pk).update(email="bea@example.org")
    assert "bea@example.org" not in text_of(signed_in(cy).get("/people/bea/"))
    assert "Edit account" not in text_of(signed_in(cy).get("/people/bea/"))
    assert "bea@example.org" in text_of(signed_in(ops).get("/people/bea/"))


def test_people_are_filtered_by_kind_and_text(bea: User, bot: User, cy: User, signed_in: SignedIn) -> None:
    User.objects.create_user("gone", is_active=False)
    client = signed_in(cy)

    def names(**query: str) -> set[str]:
        page = client.get("/people/", query).content.decode()
        return {
            name
            for name in ("ada", "bea", "bot", "cy", "gone")
            if f'href="/people/{name}/">{name}</a>' in page.partition("<tbody>")[2]
        }

    assert names() >= {"ada", "bea", "bot", "cy"}
    assert "gone" not in names()
    assert names(kind="off") == {"gone"}
    assert names(q="be") == {"bea"}
    assert "bot" not in names(kind="people")


def test_more_people_groups_and_grants_cost_no_more_queries(
    asked: Asked, new_version: NewVersion, bea: User, signed_in: SignedIn
) -> None:
    version = asked().version
    client = signed_in(bea)
    pages = ("/people/", "/people/bea/", "/groups/", "/groups/reviewers/")
    grant_level(user=bea, model=version.model, level=Level.EDIT)

    def costs() -> list[int]:
        found = []
        for page in pages:
            with CaptureQueriesContext(connection) as queries:
                assert client.get(page).status_code == 200
            found.append(len(queries))
        return found

    costs()
    before = costs()
    for number in range(4):
        group = Group.objects.create(name=f"group-{number}")
        other = User.objects.create_user(f"person-{number}", is_service=True, owner=bea)
        other.groups.add(group, Group.objects.get(name="reviewers"))
        bea.groups.add(group)
        grant_level(user=other, model=version.model, level=Level.READ)
    assert costs() == before


def test_records_describe_each_table(ops: User, cy: User, signed_in: SignedIn) -> None:
    page = text_of(signed_in(ops).get("/records/"))
    assert "``" not in page
    assert "A movable name for a version." in page
    assert 'href="/admin/audit/event/"' in page
    assert signed_in(cy).get("/records/").status_code == 404
