"""By group, role, ownership or delegation: who may decide, the same at every door."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import Error, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from approvals.case.loading import load_case
from approvals.models import Delegation, RequestState, Review, TransitionRequest
from approvals.permissions.reviews import Ineligibility, eligibility_of, load_reviewer
from approvals.requests.delegate import create_delegation, revoke_delegation
from approvals.requests.review import decide_request
from audit.actions import Action
from audit.models import Event
from audit.queries import facts
from console.requests.queries import waiting_for
from core.actors import Actor
from core.errors import Conflict, Denied, DomainError, InvalidInput, InvalidState, NotFound
from policies.defaults import DEFAULT_POLICIES
from registry.permissions import Level, grant_level
from tests.approvals.conftest import NewVersion, RunChecks, fill_card, reread
from tests.approvals.publishing import publish_policy
from tests.conftest import Acting


def ask_for(approvals: dict[str, Any], **options: Any) -> None:
    """Publish the Production policy with another approvals rule and other options."""
    rules = [
        {**rule, "approvals": approvals} if rule["id"] == "reviewers" else rule
        for rule in DEFAULT_POLICIES[1]["rules"]  # type: ignore[attr-defined]  # a list of rules
    ]
    body = {**DEFAULT_POLICIES[1], "rules": rules, "options": {**DEFAULT_POLICIES[1].get("options", {}), **options}}  # type: ignore[dict-item]  # a policy body
    publish_policy(body=body)


def decide(actor: Actor, request: TransitionRequest, decision: str = "approve", **more: Any) -> Review:
    seen = load_case(reread(request)).snapshot.subject_digest
    given: dict[str, Any] = {"comment": "So.", "seen_digest": seen} | more
    return decide_request(actor=actor, request_id=request.pk, decision=decision, **given)


def waits_for(actor: Actor, request: TransitionRequest) -> bool:
    """Return whether the inbox shows the request, having made sure that the evaluator says the same."""
    case = load_case(reread(request))
    eligibility = eligibility_of(load_reviewer(actor, [case.request.version.model_id]), case)
    shown = waiting_for(actor).filter(pk=request.pk).exists()
    assert shown == (
        eligibility.can_decide and not eligibility.last_decision and case.request.state == RequestState.OPEN
    )
    return shown


@pytest.fixture
def lent(by_bea: Actor, cy: User) -> Delegation:
    return create_delegation(actor=by_bea, delegate="cy", ends_at=timezone.now() + timedelta(days=7), reason="Away.")


@pytest.mark.parametrize("rule", [{"roles": ["manage"]}, {"owners": [{"models": "fra*", "users": ["cy"]}]}])
def test_a_role_or_owning_the_model_gives_a_say(
    rule: dict[str, Any], policies: object, ready: TransitionRequest, cy: User, acting: Acting, run_checks: RunChecks
) -> None:
    ask_for({"count": 1, "groups": ["auditors"], **rule})
    TransitionRequest.objects.update(policy_revision=ready.policy_revision.policy.revisions.latest("number"))
    grant_level(user=cy, model=ready.version.model, level=Level.MANAGE)
    run_checks(ready)
    assert waits_for(acting(cy), ready)
    decide(acting(cy), ready)
    assert reread(ready).state == RequestState.APPROVED


def test_a_delegate_decides_on_behalf(ready: TransitionRequest, lent: Delegation, cy: User, acting: Acting) -> None:
    assert waits_for(acting(cy), ready)
    review = decide(acting(cy), ready)
    assert review.on_behalf_of == lent.delegator
    assert reread(ready).state == RequestState.APPROVED
    assert facts(Event.objects.get(action=Action.APPROVALS_REVIEW_GIVEN))["after"]["on_behalf_of"] == "bea"


def test_what_is_lent_is_one_vote(
    ready: TransitionRequest, lent: Delegation, by_bea: Actor, cy: User, acting: Acting, run_checks: RunChecks
) -> None:
    ask_for({"count": 2, "groups": ["reviewers"]})
    run_checks(ready)
    decide(by_bea, ready)
    assert not waits_for(acting(cy), ready)
    with pytest.raises(Denied, match="counted already"):
        decide(acting(cy), ready)
    assert Review.objects.count() == 1


def test_a_delegation_reaches_nobody_who_had_a_hand(
    ready: TransitionRequest, lent: Delegation, by_bea: Actor, cy: User, acting: Acting, run_checks: RunChecks
) -> None:
    fill_card(acting(cy), ready.version, "By the delegate.")
    run_checks(ready)
    assert not waits_for(acting(cy), ready)
    with pytest.raises(Denied, match="card editor"):
        decide(acting(cy), ready)


def test_nobody_lends_what_four_eyes_take(
    ready: TransitionRequest, lent: Delegation, by_bea: Actor, cy: User, acting: Acting, run_checks: RunChecks
) -> None:
    fill_card(by_bea, ready.version, "By who delegates.")
    run_checks(ready)
    assert not waits_for(acting(cy), ready)
    with pytest.raises(Denied, match="not among those"):
        decide(acting(cy), ready)


def test_there_are_no_chains(ready: TransitionRequest, lent: Delegation, cy: User, ops: User, acting: Acting) -> None:
    later = timezone.now() + timedelta(days=1)
    create_delegation(actor=acting(cy), delegate="ops", ends_at=later, reason="Me too.")
    assert not waits_for(acting(ops), ready)
    case = load_case(reread(ready))
    assert (
        eligibility_of(load_reviewer(acting(ops), [case.request.version.model_id]), case).reason
        is Ineligibility.NO_REVIEW_RIGHTS
    )


@pytest.mark.parametrize("ending", ["over", "revoked", "other models"])
def test_a_delegation_ends(
    ending: str, ready: TransitionRequest, lent: Delegation, by_bea: Actor, cy: User, acting: Acting
) -> None:
    if ending == "revoked":
        revoke_delegation(actor=by_bea, delegation_id=lent.pk)
        revoke_delegation(actor=by_bea, delegation_id=lent.pk)
        assert Event.objects.filter(action=Action.APPROVALS_DELEGATION_REVOKED).count() == 1
    elif ending == "other models":
        revoke_delegation(actor=by_bea, delegation_id=lent.pk)
        later = timezone.now() + timedelta(days=1)
        create_delegation(actor=by_bea, delegate="cy", models_pattern="churn*", ends_at=later, reason="Away.")
    with time_machine.travel(timezone.now() + timedelta(days=8 if ending == "over" else 0)):
        assert not waits_for(acting(cy), ready)


@pytest.mark.parametrize(
    ("delegate", "days", "reason", "error"),
    [
        ("cy", 91, "Away.", InvalidInput),
        ("cy", -1, "Away.", InvalidInput),
        ("cy", 7, "  ", InvalidInput),
        ("bea", 7, "Away.", InvalidInput),
        ("bot", 7, "Away.", InvalidInput),
        ("nobody", 7, "Away.", NotFound),
    ],
)
def test_what_cannot_be_delegated(
    delegate: str, days: int, reason: str, error: type[DomainError], by_bea: Actor, cy: User, bot: User
) -> None:
    with pytest.raises(error):
        create_delegation(actor=by_bea, delegate=delegate, ends_at=timezone.now() + timedelta(days=days), reason=reason)
    assert not Delegation.objects.exists()


def test_only_a_person_delegates_and_once(lent: Delegation, by_bea: Actor, bot: User, acting: Acting) -> None:
    later = timezone.now() + timedelta(days=2)
    with pytest.raises(Denied):
        create_delegation(actor=acting(bot), delegate="cy", ends_at=later, reason="Away.")
    with pytest.raises(Conflict):
        create_delegation(actor=by_bea, delegate="cy", ends_at=later, reason="Away.")
    with pytest.raises(NotFound):
        revoke_delegation(actor=acting(User.objects.get(username="cy")), delegation_id=lent.pk)
    assert Delegation.objects.count() == 1


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE approvals_delegation SET reason = 'x'",
        "DELETE FROM approvals_delegation",
        "UPDATE approvals_delegation SET delegate_id = delegator_id",
    ],
)
def test_the_database_keeps_delegations(lent: Delegation, sql: str) -> None:
    with pytest.raises(Error), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
    lent.refresh_from_db()
    assert lent.reason == "Away."


def test_the_database_refuses_what_no_delegation_is(bea: User, cy: User, bot: User, ready: TransitionRequest) -> None:
    now = timezone.now()
    for delegate, days in ((cy, 91), (bot, 1)):
        with pytest.raises(Error), transaction.atomic():
            Delegation.objects.create(
                delegator=bea, delegate=delegate, reason="x", starts_at=now, ends_at=now + timedelta(days=days)
            )
    words = {"decision": "approve", "comment": "x", "subject_digest": "0" * 64}
    for on_behalf_of in (bea, cy, ready.requester):
        with pytest.raises(Error), transaction.atomic():
            Review.objects.create(request=ready, reviewer=cy, on_behalf_of=on_behalf_of, **words)
    assert not Review.objects.exists()


def test_changes_asked_for_hold_until_the_version_changes(
    ready: TransitionRequest, by_bea: Actor, by_ada: Actor, cy: User, acting: Acting, run_checks: RunChecks
) -> None:
    cy.groups.set(User.objects.get(username="bea").groups.all())
    decide(by_bea, ready, "request_changes", comment="Say what it is not for.")
    assert not waits_for(by_bea, ready)
    decide(acting(cy), ready)
    assert reread(ready).state == RequestState.OPEN
    fill_card(by_ada, ready.version, "Not for children.")
    run_checks(ready)
    assert waits_for(by_bea, ready)
    decide(acting(cy), ready)
    assert reread(ready).state == RequestState.APPROVED


def test_a_reviewer_may_change_their_mind(ready: TransitionRequest, by_bea: Actor) -> None:
    decide(by_bea, ready, "request_changes")
    with pytest.raises(Conflict):
        decide(by_bea, ready, "request_changes")
    decide(by_bea, ready)
    assert reread(ready).state == RequestState.APPROVED
    with pytest.raises(InvalidState):
        decide(by_bea, ready)
    decide(by_bea, ready, "reject", comment="It drifts after all.")
    assert reread(ready).state == RequestState.REJECTED


def test_more_models_and_requests_cost_no_more_queries(
    ready: TransitionRequest, by_bea: Actor, lent: Delegation, cy: User, acting: Acting, new_version: NewVersion
) -> None:
    def cost(ids: list[int]) -> int:
        with CaptureQueriesContext(connection) as queries:
            load_reviewer(acting(cy), ids)
        return len(queries)

    assert cost([1]) == cost([1, 2, 3])
