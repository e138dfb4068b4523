"""Policy changes wait in the inbox of whoever may decide on them, and cost it two queries at most."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from approvals.models import TransitionRequest
from approvals.permissions.policies import refusal_to_decide_proposal
from approvals.policy_changes.proposal_inbox import proposals_for
from approvals.policy_changes.propose import propose_policy, withdraw_proposal
from policies.defaults import DEFAULT_POLICIES
from policies.models import PolicyProposal, PolicyRevision
from registry.models import ModelVersion
from tests.approvals.publishing import approve, person, polly
from tests.console.conftest import Asked, SignedIn, text_of
from tests.signed_in import actor_of

CHANGED: dict[str, Any] = {**copy.deepcopy(DEFAULT_POLICIES[1]), "options": {"expires_after": "7d"}}
STAGING: dict[str, Any] = {**copy.deepcopy(DEFAULT_POLICIES[0]), "options": {"expires_after": "7d"}}
LEAVING: dict[str, Any] = {**copy.deepcopy(DEFAULT_POLICIES[2]), "options": {"expires_after": "7d"}}
OTHERS: dict[str, Any] = {**CHANGED, "name": "others", "applies_to": {"target": "Production", "models": "churn*"}}


def waits(user: User, *, agree: bool = True) -> list[str]:
    """Return the policies whose change waits for somebody; what the inbox says must be what the service says."""
    actor = actor_of(user)
    found = proposals_for(actor)
    if agree:
        may = [
            row.name
            for row in PolicyProposal.objects.filter(state="open").order_by("pk")
            if refusal_to_decide_proposal(actor, row) is None
        ]
        assert [row.name for row in found] == may
    return [row.name for row in found]


@pytest.fixture
def proposal(policies: list[PolicyRevision]) -> PolicyProposal:
    return propose_policy(actor=polly(), body=CHANGED, comment="A week is enough.")


@pytest.fixture
def quinn(db: None) -> User:
    return person("quinn", "policy-reviewers")


def test_a_policy_reviewer_sees_the_proposal_with_a_link(
    proposal: PolicyProposal, quinn: User, signed_in: SignedIn
) -> None:
    page = text_of(signed_in(quinn).get("/admin/"))
    assert "1 policy change is waiting for you" in page
    assert f"/policies/proposals/{proposal.pk}/" in page
    assert waits(quinn) == ["production-default"]
    approve(proposal)
    assert "Nothing is waiting for you" in text_of(signed_in(quinn).get("/admin/"))


def test_other_people_do_not_see_it(proposal: PolicyProposal, bea: User, ops: User, signed_in: SignedIn) -> None:
    for user in (bea, ops, person("polly", "policy-reviewers")):
        assert waits(user) == []
        assert "Policy changes" not in text_of(signed_in(user).get("/admin/"))


def test_not_shown_to_people_the_policy_applies_to(
    proposal: PolicyProposal, asked: Asked, ada: User, quinn: User
) -> None:
    for body in (STAGING, OTHERS):
        propose_policy(actor=polly(), body=body)
    ada.groups.set(quinn.groups.all())
    assert waits(ada) == ["production-default", "staging-default", "others"]
    asked()
    assert waits(ada) == ["staging-default", "others"]
    assert waits(quinn) == ["production-default", "staging-default", "others"]


def test_a_change_of_a_policy_on_leaving_is_not_shown_to_those_who_ask_to_leave(
    policies: list[PolicyRevision], asked: Asked, ada: User, quinn: User
) -> None:
    for body in (
        LEAVING,
        {**LEAVING, "name": "leave-churn", "applies_to": {"leaves": "Production", "models": "churn"}},
    ):
        propose_policy(actor=polly(), body=body)
    ada.groups.set(quinn.groups.all())
    request = asked()
    assert waits(ada) == ["leaving-production-default", "leave-churn"]
    ModelVersion.objects.filter(pk=request.version_id).update(stage="Production", is_current=True)
    TransitionRequest.objects.filter(pk=request.pk).update(target="Staging")
    assert waits(ada) == ["leave-churn"]
    assert waits(quinn) == ["leaving-production-default", "leave-churn"]


def test_not_shown_to_the_owner_of_the_requesting_account(
    proposal: PolicyProposal, asked: Asked, ada: User, quinn: User
) -> None:
    asked()
    User.objects.filter(pk=ada.pk).update(owner=quinn, is_service=True)
    assert waits(quinn) == []


def test_not_shown_to_the_author_of_the_copied_version(
    proposal: PolicyProposal, asked: Asked, ada: User, bot: User, quinn: User
) -> None:
    request = asked()
    original = ModelVersion.objects.create(
        model=request.version.model, version=9, source="x", created_by="quinn", created_ms=1, updated_ms=1
    )
    ModelVersion.objects.filter(pk=request.version_id).update(copied_from=original)
    assert waits(quinn) == []


def test_not_shown_while_the_policy_applies_to_the_proposer(
    proposal: PolicyProposal, asked: Asked, quinn: User
) -> None:
    request = asked()
    ModelVersion.objects.filter(pk=request.version_id).update(created_by="polly")
    assert waits(quinn, agree=False) == []
    assert "who proposed this" in why_not_approve(quinn, proposal)


def why_not_approve(user: User, proposal: PolicyProposal) -> str:
    refusal = refusal_to_decide_proposal(actor_of(user), proposal)
    return refusal.message if refusal else ""


def test_not_shown_to_a_former_owner_of_the_proposing_account(proposal: PolicyProposal, ada: User, quinn: User) -> None:
    proposer = proposal.proposer
    for owner in (quinn, ada):
        proposer.is_service, proposer.owner = True, owner
        proposer.save()
        assert waits(quinn) == []


def test_closed_proposals_are_not_shown(proposal: PolicyProposal, quinn: User) -> None:
    withdraw_proposal(actor=polly(), proposal_id=proposal.pk)
    assert waits(quinn) == []


def test_proposals_take_two_queries_and_the_inbox_twelve(
    proposal: PolicyProposal, asked: Asked, quinn: User, bea: User, signed_in: SignedIn
) -> None:
    request = asked()
    quinn.groups.add(*bea.groups.all())
    client = signed_in(quinn)

    def queries() -> int:
        client.get("/admin/")
        with CaptureQueriesContext(connection) as found:
            assert "wait" in text_of(client.get("/admin/"))
        return len(found)

    by_quinn = actor_of(quinn)
    with CaptureQueriesContext(connection) as own:
        proposals_for(by_quinn)
    assert len(own) == 2
    first = queries()
    for name in ("b", "c", "d"):
        propose_policy(actor=polly(), body={**OTHERS, "name": name})
    assert request.pk
    assert queries() == first <= 12
