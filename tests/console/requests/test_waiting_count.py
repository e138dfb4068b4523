"""The query behind the badge finds the requests on which the slow evaluation lets the person decide."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from approvals.case.loading import load_cases
from approvals.models import RequestState, TransitionRequest
from approvals.permissions.reviews import eligibility_of, load_reviewer
from console.requests.queries import count_waiting, waiting_for
from core.actors import Actor
from registry.queries import current_card
from registry.services.cards import edit_card
from tests.approvals.conftest import NewVersion
from tests.conftest import Acting
from tests.console.conftest import Asked


@pytest.mark.parametrize("name", ["ada", "bea", "cy", "ops"])
@pytest.mark.parametrize("edits", [True, False])
def test_the_badge_shows_the_count_of_the_inbox(
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
    assert set(waiting_for(actor).values_list("pk", flat=True)) == awaited_by(actor)
    assert count_waiting(actor) == count_waiting(actor) == len(awaited_by(actor))


def awaited_by(actor: Actor) -> set[int]:
    """Return the requests on which the actor can decide and has not, each evaluated by itself."""
    cases = load_cases(list(TransitionRequest.objects.with_relations().filter(state=RequestState.OPEN)))
    reviewer = load_reviewer(actor, {case.request.version.model_id for case in cases})
    eligibilities = {case.request.pk: eligibility_of(reviewer, case) for case in cases}
    return {pk for pk, one in eligibilities.items() if one.can_decide and not one.last_decision}


def test_the_count_follows_groups_deadlines_and_delegations(
    asked: Asked, bea: User, cy: User, acting: Acting, settings: Settings
) -> None:
    """Its SQL is written once for a person: what changes afterwards counts none the less."""
    request: TransitionRequest = asked()
    assert (count_waiting(acting(bea)), count_waiting(acting(cy))) == (1, 0)
    Group.objects.get(name="reviewers").user_set.add(cy)
    assert count_waiting(acting(cy)) == 1
    Group.objects.get(name="reviewers").user_set.remove(bea)
    assert count_waiting(acting(bea)) == 0
    settings.DEFAULT_MODEL_LEVEL = "none"
    assert count_waiting(acting(cy)) == 0
    settings.DEFAULT_MODEL_LEVEL = "read"
    TransitionRequest.objects.filter(pk=request.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert count_waiting(acting(cy)) == 0
