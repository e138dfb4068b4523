"""Who may decide, on what, and what follows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import Group

from accounts.models import User
from approvals.case.loading import load_case
from approvals.models import RequestState, Review, TransitionRequest
from approvals.requests.open import open_request
from approvals.requests.review import decide_request
from audit.actions import Action
from audit.models import Event
from core.actors import Actor
from core.errors import Conflict, Denied, DomainError, InvalidInput, InvalidState
from policies.defaults import DEFAULT_POLICIES
from registry.models import CardRevision
from registry.stages import Stage
from tests.approvals.conftest import Ask, NewVersion, RunChecks, fill_card, reread
from tests.approvals.publishing import publish_policy
from tests.conftest import Acting
from tracking.models import Run, Seal


def digest_of(request: TransitionRequest) -> str:
    return load_case(reread(request)).snapshot.subject_digest


def decide(actor: Actor, request: TransitionRequest, decision: str = "approve", **more: str) -> Review:
    given: dict[str, Any] = {"comment": "Looks right.", "seen_digest": digest_of(request)} | more
    return decide_request(actor=actor, request_id=request.pk, decision=decision, **given)


def make_reviewer(user: User) -> User:
    user.groups.add(Group.objects.get(name="reviewers"))
    return user


def refused(actor: Actor, request: TransitionRequest, error: type[DomainError], **more: str) -> None:
    with pytest.raises(error):
        decide(actor, request, **more)
    assert not Review.objects.exists()
    assert reread(request).state == RequestState.OPEN
    assert not Event.objects.filter(action=Action.APPROVALS_REVIEW_GIVEN).exists()


def test_an_approval_is_kept_with_what_it_covers(ready: TransitionRequest, by_bea: Actor) -> None:
    review = decide(by_bea, ready)
    assert review.subject_digest == digest_of(ready)
    assert reread(ready).state == RequestState.APPROVED
    assert Event.objects.filter(action=Action.APPROVALS_REQUEST_APPROVED).count() == 1


def test_a_rejection_closes(ready: TransitionRequest, by_bea: Actor) -> None:
    decide(by_bea, ready, "reject", comment="Drifts.")
    closed = reread(ready)
    assert (closed.state, closed.state_reason) == (RequestState.REJECTED, "Rejected by bea: Drifts.")
    with pytest.raises(InvalidState):
        decide(by_bea, ready)


@pytest.mark.parametrize("role", ["requester", "superuser", "version author", "sender", "run user", "card editor"])
def test_nobody_decides_on_their_own_work(
    ready: TransitionRequest, role: str, ada: User, cy: User, ops: User, acting: Acting
) -> None:
    person = {"requester": ada, "superuser": ops}.get(role, cy)
    make_reviewer(person)
    if role == "version author":
        type(ready.version).objects.update(created_by="cy")
    elif role == "sender":
        Seal.objects.update(stored_by=["ada", "cy"])
    elif role == "run user":
        Run.objects.update(created_by="cy")
    elif role in ("card editor", "superuser"):
        card = CardRevision.objects.latest("number")
        CardRevision(
            version=ready.version, number=card.number + 1, body=card.body, digest=card.digest, author=person.username
        ).save()
    refused(acting(person), ready, Denied)


def test_the_owner_of_the_service_account_that_asked_may_not_decide(
    policies: object, new_version: NewVersion, run_checks: RunChecks, bea: User, acting: Acting
) -> None:

    robot = User.objects.create_user("robot", is_service=True, owner=bea)
    new_version()
    request = open_request(actor=acting(robot), name="fraud", version=1, target=Stage.PRODUCTION, archive_existing=True)
    run_checks(request)
    refused(acting(bea), request, Denied)


def test_who_owned_the_account_that_asked_may_not_decide_either(
    policies: object, new_version: NewVersion, run_checks: RunChecks, bea: User, cy: User, acting: Acting
) -> None:
    robot = User.objects.create_user("robot", is_service=True, owner=bea)
    new_version()
    request = open_request(actor=acting(robot), name="fraud", version=1, target=Stage.PRODUCTION, archive_existing=True)
    run_checks(request)
    robot.owner = cy
    robot.save()
    refused(acting(bea), request, Denied)


def test_a_service_account_may_not_decide(ready: TransitionRequest, cy: User, acting: Acting) -> None:
    robot = make_reviewer(User.objects.create_user("robot", is_service=True, owner=cy))
    refused(acting(robot), ready, Denied)


@pytest.mark.parametrize("auth", ["token", "command", "system"])
def test_only_a_signed_in_person_decides(ready: TransitionRequest, by_bea: Actor, auth: str) -> None:
    refused(replace(by_bea, auth=auth), ready, Denied)


def test_a_superuser_outside_the_group_may_not_decide(ready: TransitionRequest, ops: User, acting: Acting) -> None:
    refused(acting(ops), ready, Denied)


def test_an_outsider_may_not_decide(ready: TransitionRequest, cy: User, acting: Acting) -> None:
    refused(acting(cy), ready, Denied)


@pytest.mark.parametrize("comment", ["", "  \n"])
def test_a_comment_is_required(ready: TransitionRequest, by_bea: Actor, comment: str) -> None:
    refused(by_bea, ready, InvalidInput, comment=comment)


@pytest.mark.parametrize("more", [{"decision": "perhaps"}, {"comment": "a\x00b"}, {"seen_digest": ""}])
def test_bad_input_changes_nothing(ready: TransitionRequest, by_bea: Actor, more: dict[str, str]) -> None:
    refused(by_bea, ready, InvalidInput, **more)


def test_what_was_seen_must_be_what_is(
    ready: TransitionRequest, by_bea: Actor, by_ada: Actor, run_checks: RunChecks
) -> None:
    seen = digest_of(ready)
    fill_card(by_ada, ready.version, "Other words.")
    run_checks(ready)
    refused(by_bea, ready, Conflict, seen_digest=seen)


def test_checks_must_have_finished(policies: object, new_version: NewVersion, ask: Ask, by_bea: Actor) -> None:
    refused(by_bea, ask(new_version()), InvalidState)


def test_an_approval_despite_a_failed_check_would_not_count(
    policies: object,
    new_version: NewVersion,
    ask: Ask,
    by_bea: Actor,
    run_checks: RunChecks,
) -> None:
    request = ask(new_version(card=False))
    run_checks(request)
    refused(by_bea, request, InvalidState)


def test_one_review_per_reviewer_and_state(ready: TransitionRequest, by_bea: Actor, cy: User, acting: Acting) -> None:

    rules = [
        {**rule, "approvals": {"count": 2, "groups": ["reviewers"]}} if rule["id"] == "reviewers" else rule
        for rule in DEFAULT_POLICIES[1]["rules"]  # type: ignore[attr-defined]  # a list of rules
    ]
    publish_policy(body={**DEFAULT_POLICIES[1], "rules": rules})
    decide(by_bea, ready)
    assert reread(ready).state == RequestState.OPEN
    with pytest.raises(Conflict):
        decide(by_bea, ready)
    assert Review.objects.count() == 1
    decide(acting(make_reviewer(cy)), ready)
    assert reread(ready).state == RequestState.APPROVED


def test_a_staging_request_has_nothing_to_decide(
    policies: object, new_version: NewVersion, ask: Ask, by_bea: Actor
) -> None:

    refused(by_bea, ask(new_version(), Stage.STAGING), InvalidState)
