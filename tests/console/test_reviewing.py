"""The quick sieve behind the badge agrees with the slow word on each request."""

import pytest
from django.contrib.auth.models import Group

from accounts.models import User
from approvals.requests.queries import inbox_for
from console.requests.queries import waiting_for
from core.actors import Actor
from registry.queries import current_card
from registry.services.cards import edit_card
from tests.approvals.conftest import NewVersion
from tests.conftest import Acting
from tests.console.conftest import Asked


@pytest.mark.parametrize("name", ["ada", "bea", "cy", "ops"])
@pytest.mark.parametrize("edits", [True, False])
def test_badge_and_inbox_agree(
    name: str,
    edits: bool,
    asked: Asked,
    by_ada: Actor,
    bea: User,
    cy: User,
    ops: User,
    acting: Acting,
    new_version: NewVersion,
) -> None:
    Group.objects.get(name="reviewers").user_set.add(ops, User.objects.get(username="ada"))
    actor = acting(User.objects.get(username=name))
    version = new_version()
    if edits:
        number = current_card(version).number
        edit_card(actor=actor, version=version, fields={"limitations": f"Says {name}."}, expected_number=number)
    asked(version)
    asked(new_version(), checked=False)
    expected = {case.request.pk for case in inbox_for(actor).waiting}
    assert set(waiting_for(actor).values_list("pk", flat=True)) == expected
