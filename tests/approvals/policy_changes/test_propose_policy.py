"""Changing a policy takes two people, and it may apply to neither."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import Group

from accounts.models import User
from approvals.models import TransitionRequest
from approvals.permissions.policies import refusal_to_decide_proposal
from approvals.policy_changes.propose import decide_proposal, propose_policy, propose_retirement, withdraw_proposal
from approvals.policy_changes.publish import ensure_default_policies
from approvals.requests.lifecycle import withdraw_request
from audit.actions import Action
from audit.models import Event
from audit.queries import by_actor, facts
from core.actors import system_actor
from core.errors import Conflict, Denied, InvalidInput, InvalidState, NotFound
from policies.defaults import DEFAULT_POLICIES
from policies.models import Policy, PolicyProposal, PolicyReview, PolicyRevision
from tests.approvals.conftest import NewVersion
from tests.approvals.publishing import approve, person, polly, publish_policy, quinn, retire_policy
from tests.recorded_fixtures import recorded_fixture
from tests.signed_in import actor_of, token_actor

PRODUCTION = DEFAULT_POLICIES[1]


def changed(**parts: Any) -> dict[str, Any]:
    return {**copy.deepcopy(PRODUCTION), "options": {"expires_after": "7d"}, **parts}


@pytest.fixture
@recorded_fixture
def proposal(policies: object) -> PolicyProposal:
    return propose_policy(actor=polly(), body=changed(), comment="A week is enough.")


def test_a_second_person_publishes(proposal: PolicyProposal) -> None:
    assert PolicyRevision.objects.count() == len(DEFAULT_POLICIES)
    done = approve(proposal)
    assert done.state == "published"
    assert str(done.published_revision) == "production-default r2"
    event = Event.objects.get(by_actor("quinn"), action=Action.APPROVALS_POLICY_PUBLISHED)
    assert facts(event)["after"]["proposed_by"] == "polly"
    assert PolicyReview.objects.get().digest == proposal.digest


@pytest.mark.parametrize("who", ["ada", "bea", "quinn", "system"])
def test_only_editors_and_superusers_propose(policies: object, ada: User, bea: User, who: str) -> None:
    actor = {"ada": actor_of(ada), "bea": actor_of(bea), "quinn": quinn(), "system": system_actor("job")}[who]
    with pytest.raises(Denied, match="policy-editors"):
        propose_policy(actor=actor, body=changed())
    assert not PolicyProposal.objects.exists()


def everything(user: User) -> User:
    user.groups.add(*Group.objects.filter(name__startswith="policy-"))
    return user


def test_a_superuser_who_proposed_never_approves(policies: object, ops: User) -> None:
    made = propose_policy(actor=actor_of(everything(ops)), body=changed())
    with pytest.raises(Denied, match="second person"):
        approve(made, actor_of(ops))
    assert PolicyRevision.objects.count() == len(DEFAULT_POLICIES)
    assert approve(made).state == "published"


def test_superusers_are_not_reviewers(proposal: PolicyProposal, ops: User) -> None:
    with pytest.raises(Denied, match="not a member of policy-reviewers"):
        approve(proposal, actor_of(ops))
    assert not PolicyReview.objects.exists()


@pytest.mark.parametrize("auth", ["token", "command", "system"])
def test_only_people_who_are_signed_in_approve(proposal: PolicyProposal, auth: str) -> None:
    reviewer = person("quinn", "policy-reviewers")
    with pytest.raises(Denied, match="signed in"):
        approve(proposal, replace(actor_of(reviewer), auth=auth))
    assert not PolicyReview.objects.exists()


def test_the_owner_of_the_proposing_account_does_not_approve(policies: object, bot: User, ada: User) -> None:
    bot.groups.add(Group.objects.get(name="policy-editors"))
    made = propose_policy(actor=token_actor(bot), body=changed())
    with pytest.raises(Denied, match="second person"):
        approve(made, actor_of(everything(ada)))
    assert PolicyRevision.objects.count() == len(DEFAULT_POLICIES)


def test_an_approval_must_name_the_digest_it_saw(proposal: PolicyProposal) -> None:
    for seen, error in (("", InvalidInput), ("0" * 64, Conflict)):
        with pytest.raises(error):
            decide_proposal(
                actor=quinn(), proposal_id=proposal.pk, decision="approve", comment="Yes.", seen_digest=seen
            )
    assert not PolicyReview.objects.exists()


def test_a_revision_published_meanwhile_makes_it_stale(proposal: PolicyProposal) -> None:
    publish_policy(body=changed(options={"expires_after": "2d"}))
    proposal.refresh_from_db()
    assert proposal.state == "stale"
    with pytest.raises(InvalidState):
        approve(proposal)
    assert PolicyRevision.objects.count() == len(DEFAULT_POLICIES) + 1


def test_a_rejection_closes_the_proposal(proposal: PolicyProposal) -> None:
    decide_proposal(actor=quinn(), proposal_id=proposal.pk, decision="reject", comment="Too short.")
    proposal.refresh_from_db()
    assert (proposal.state, proposal.state_reason) == ("rejected", "Rejected by quinn: Too short.")
    assert PolicyRevision.objects.count() == len(DEFAULT_POLICIES)


def test_the_people_who_may_withdraw(proposal: PolicyProposal, ada: User) -> None:
    with pytest.raises(Denied):
        withdraw_proposal(actor=actor_of(ada), proposal_id=proposal.pk)
    assert withdraw_proposal(actor=polly(), proposal_id=proposal.pk).state == "withdrawn"
    with pytest.raises(InvalidState):
        approve(proposal)


def test_retiring_takes_two_people_too(policies: object) -> None:
    made = propose_retirement(actor=polly(), name="staging-default", comment="Not needed.")
    assert Policy.objects.get(name="staging-default").is_active
    approve(made)
    assert not Policy.objects.get(name="staging-default").is_active
    assert Event.objects.filter(by_actor("quinn"), action=Action.APPROVALS_POLICY_RETIRED).count() == 1
    with pytest.raises(InvalidState):
        propose_retirement(actor=polly(), name="staging-default")


def test_a_retired_policy_is_put_in_force_by_a_proposal(policies: object) -> None:
    retire_policy("staging-default")
    again = publish_policy(body=DEFAULT_POLICIES[0])
    assert again.number == 2
    assert Policy.objects.get(name="staging-default").is_active


def test_a_body_that_is_in_force_already_is_a_conflict(policies: object) -> None:
    with pytest.raises(Conflict, match="has the same body already"):
        propose_policy(actor=polly(), body=PRODUCTION)
    with pytest.raises(NotFound):
        propose_retirement(actor=polly(), name="no-such")


def test_the_system_publishes_only_at_the_first_start(proposal: PolicyProposal, ops: User) -> None:
    with pytest.raises(Denied, match="signed in"):
        approve(proposal, system_actor("job"))
    assert ensure_default_policies(actor=system_actor("up")) == []
    assert PolicyRevision.objects.count() == len(DEFAULT_POLICIES)


def test_only_the_system_publishes_the_defaults(db: None, ops: User) -> None:
    with pytest.raises(Denied):
        ensure_default_policies(actor=actor_of(ops))
    assert not Policy.objects.exists()


# --- nobody touches the policy that judges them -------------------------------------------------------------------


@pytest.fixture
def judged(ready: TransitionRequest, ada: User) -> TransitionRequest:
    """ada's request for Production is open, and she is of both groups."""
    everything(ada)
    return ready


def closer(**parts: Any) -> dict[str, Any]:
    return changed(name="fraud-only", applies_to={"target": "Production", "models": "fraud"}, **parts)


@pytest.mark.parametrize("body", [changed(), closer()])
def test_a_requester_does_not_propose(judged: TransitionRequest, ada: User, body: dict[str, Any]) -> None:
    with pytest.raises(Denied, match=f"request #{judged.pk}"):
        propose_policy(actor=actor_of(ada), body=body)
    with pytest.raises(Denied, match="applies to their own request"):
        propose_retirement(actor=actor_of(ada), name="production-default")
    assert not PolicyProposal.objects.exists()


def test_a_requester_does_not_approve(judged: TransitionRequest, ada: User) -> None:
    made = propose_policy(actor=polly(), body=changed())
    with pytest.raises(Denied, match=f"request #{judged.pk}"):
        approve(made, actor_of(ada))
    refusal = refusal_to_decide_proposal(actor_of(ada), made)
    assert refusal is not None
    assert "applies to their own request" in refusal.message
    assert PolicyRevision.objects.count() == len(DEFAULT_POLICIES)


def test_a_service_account_of_the_requester_does_not_propose(judged: TransitionRequest, bot: User) -> None:
    bot.groups.add(Group.objects.get(name="policy-editors"))
    with pytest.raises(Denied, match="ada is involved in request"):
        propose_policy(actor=token_actor(bot), body=changed())
    assert not PolicyProposal.objects.exists()


def test_a_proposer_with_a_later_request_has_to_wait(
    policies: object, new_version: NewVersion, ada: User, ask: Any
) -> None:
    made = propose_policy(actor=actor_of(everything(ada)), body=changed())
    request = ask(new_version())
    with pytest.raises(Denied, match="who proposed this"):
        approve(made)
    withdraw_request(actor=actor_of(ada), request_id=request.pk)
    assert approve(made).state == "published"


def test_a_requester_may_change_policies_that_do_not_apply(judged: TransitionRequest, ada: User) -> None:
    body = changed(name="churn", applies_to={"target": "Production", "models": "churn*"})
    assert propose_policy(actor=actor_of(ada), body=body).state == "open"
