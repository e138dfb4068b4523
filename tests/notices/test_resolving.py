"""What asked for a decision that was taken, or that nobody waits for any more, is not news."""

from __future__ import annotations

from django.contrib.auth.models import Group

from accounts.models import User
from approvals.models import TransitionRequest
from approvals.requests.lifecycle import withdraw_request
from core.actors import Actor
from notices.models import Notice, Topic
from notices.queries import unread_of
from tests.approvals.conftest import Ask, NewVersion, RunChecks
from tests.approvals.requests.test_who_decides import ask_for
from tests.notices.test_creating import decide
from tests.signed_in import actor_of


def asking(user: User) -> int:
    """Return how many unread notices ask this person for a decision."""
    return unread_of(actor_of(user)).filter(topic__in=(Topic.DECISION, Topic.REMINDER)).count()


def test_once_decided_nobody_is_asked_any_more(
    bea: User, cy: User, by_bea: Actor, policies: object, new_version: NewVersion, ask: Ask, run_checks: RunChecks
) -> None:
    cy.groups.add(Group.objects.get(name="reviewers"))
    first, second = (ask(new_version()) for _ in range(2))
    run_checks(first)
    assert (asking(bea), asking(cy)) == (2, 2)
    decide(by_bea, first, "approve")
    assert (asking(bea), asking(cy)) == (1, 1)
    assert Notice.objects.filter(person=bea, path__contains=f"/{second.pk}/", read_at__isnull=True).exists()


def test_the_other_one_of_two_is_asked_still(
    bea: User, cy: User, by_bea: Actor, policies: object, new_version: NewVersion, ask: Ask, run_checks: RunChecks
) -> None:
    cy.groups.add(Group.objects.get(name="reviewers"))
    ask_for({"count": 2, "groups": ["reviewers"]})
    request = ask(new_version())
    run_checks(request)
    decide(by_bea, request, "approve")
    assert (asking(bea), asking(cy)) == (0, 1)


def test_a_request_that_is_taken_back_asks_nobody(bea: User, by_ada: Actor, ready: TransitionRequest) -> None:
    assert asking(bea) == 1
    withdraw_request(actor=by_ada, request_id=ready.pk)
    assert asking(bea) == 0
