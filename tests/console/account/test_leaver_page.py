"""What a leaver owns goes to a successor, and the account is deactivated, at once or not at all."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.groups.owners import add_owner, owner_names
from accounts.models import ApiToken, User
from accounts.services import issue_token
from approvals.leavers.hand_over import hand_over
from approvals.models import Finding
from approvals.oversight.findings import assign_finding, open_finding
from audit.models import Event
from audit.queries import by_actor
from core.actors import Actor, system_actor
from core.errors import Conflict, Denied, InvalidInput, NotFound
from registry.models import InventoryEntry
from registry.services.inventory import describe_model
from tests.conftest import Acting
from tests.console.conftest import Asked, SignedIn, text_of

PAGE = "/leavers/ada/"


@pytest.fixture
def _belongings(asked: Asked, by_ada: Actor, ada: User, bot: User, ops: User, acting: Acting) -> None:
    """Ada owns the model fraud, a finding and bot, asks for Production, and has a token."""
    asked()
    describe_model(actor=acting(ops), name="fraud", owner="ada", purpose="Find fraud.")
    finding = open_finding(actor=by_ada, name="fraud", version=1, severity="low", title="Drift.")
    assign_finding(actor=acting(ops), finding_id=finding.pk, owner="ada", due_at=None)
    issue_token(actor=system_actor("test"), user=ada, expires_in=timedelta(days=1))


@pytest.mark.usefixtures("_belongings")
def test_what_a_leaver_owns_is_handed_over(ada: User, bot: User, cy: User, ops: User, signed_in: SignedIn) -> None:
    client = signed_in(ops)
    assert f'href="{PAGE}"' in text_of(client.get("/people/ada/"))
    page = text_of(client.get(PAGE))
    for expected in ("fraud</a>", "bot</a>", "of fraud"):
        assert expected in page
    before = Event.objects.order_by("pk").last()
    assert before is not None
    assert client.post(PAGE, {"successor": "cy"}).status_code == 302
    ada.refresh_from_db()
    bot.refresh_from_db()
    assert (ada.is_active, bot.owner) == (False, cy)
    assert InventoryEntry.objects.get().owner == cy
    assert InventoryEntry.objects.get().purpose == "Find fraud."
    assert Finding.objects.get().owner == cy
    assert not ApiToken.objects.filter(user=ada, revoked_at__isnull=True).exists()
    actions = sorted(Event.objects.filter(by_actor("ops"), pk__gt=before.pk).values_list("action", flat=True))
    assert actions == [
        "account.user.changed", "account.user.changed", "approvals.finding.assigned", "approvals.request.withdrawn",
        "registry.inventory.changed",
    ]  # fmt: skip
    assert client.get(PAGE).status_code == 404


@pytest.mark.usefixtures("_belongings")
@pytest.mark.parametrize("successor", ["", "ada", "bot", "nobody", "\x00"])
def test_without_a_successor_nothing_happens(successor: str, ada: User, ops: User, acting: Acting) -> None:
    events = Event.objects.count()
    with pytest.raises(InvalidInput):
        hand_over(actor=acting(ops), username="ada", successor=successor)
    ada.refresh_from_db()
    assert ada.is_active
    assert InventoryEntry.objects.get().owner == ada
    assert Event.objects.count() == events


def test_who_owns_nothing_needs_no_successor(cy: User, ops: User, acting: Acting) -> None:
    hand_over(actor=acting(ops), username="cy", successor="")
    cy.refresh_from_db()
    assert not cy.is_active


def test_only_superusers_hand_over(ada: User, bea: User, ops: User, acting: Acting, signed_in: SignedIn) -> None:
    with pytest.raises(Denied):
        hand_over(actor=acting(bea), username="ada", successor="bea")
    with pytest.raises(Conflict):
        hand_over(actor=acting(ops), username="ops", successor="bea")
    with pytest.raises(NotFound):
        hand_over(actor=acting(ops), username="nobody", successor="bea")
    assert signed_in(bea).get(PAGE).status_code == 403
    assert signed_in(bea).post(PAGE, {"successor": "bea"}).status_code == 403
    assert PAGE not in text_of(signed_in(bea).get("/people/ada/"))
    ada.refresh_from_db()
    assert ada.is_active


def test_more_belongings_take_no_more_queries(ada: User, bot: User, ops: User, signed_in: SignedIn) -> None:
    client = signed_in(ops)

    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(PAGE).status_code == 200
        return len(queries)

    count()
    before = count()
    for number in range(5):
        User.objects.create_user(f"bot-{number}", is_service=True, owner=ada)
    assert count() == before


def test_a_group_gets_another_owner(ada: User, cy: User, ops: User, acting: Acting) -> None:
    Group.objects.create(name="team")
    add_owner(actor=acting(ops), group="team", username="ada")
    with pytest.raises(InvalidInput, match="name another active person"):
        hand_over(actor=acting(ops), username="ada", successor="")
    hand_over(actor=acting(ops), username="ada", successor="cy")
    assert owner_names(Group.objects.get(name="team")) == ["cy"]
