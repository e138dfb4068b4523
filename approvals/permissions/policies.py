"""Permissions to propose, approve and withdraw a change of a policy, and to publish the default policies."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib.auth.models import Group

from accounts.authentication import find_signed_in_person
from accounts.models import User
from approvals.case.account_doubts import doubt_now
from approvals.permissions.people import refusal_unless_in_person
from approvals.permissions.policy_people import (
    EDITORS,
    REVIEWERS,
    identities_of,
    people_under,
    people_under_proposal,
)
from approvals.permissions.refusal import Refusal
from audit.actions import Action
from core.actors import Actor, ActorKind
from core.refs import Auditable, policy_ref
from policies.models import PolicyProposal, PolicyRevision
from policies.parsing import parse_published
from policies.rules import PolicyBody


def refusal_to_propose(actor: Actor, name: str = "") -> Refusal | None:
    """Return the reason why the actor may not propose a change of the policy called ``name`` ("" for a new one).

    Members of the editors' group and superusers may, where they have an account.
    """
    editors = Group.objects.filter(name=EDITORS, user=actor.user_id or 0)
    if actor.user_id is not None and (actor.is_superuser or editors.exists()):
        return None
    message = f"Only members of {EDITORS} and superusers may propose a policy."
    return Refusal(message, Action.APPROVALS_PROPOSAL_OPENED, policy_ref(name))


def refusal_to_propose_body(proposer: User, body: PolicyBody, base: PolicyRevision | None) -> Refusal | None:
    """Return the reason why an account may not propose this body: the policy, as it is or as proposed, applies to them
    now.
    """
    under = people_under(body.name, [body, *([parse_published(base.body)] if base else [])])
    return _if_under(proposer, under, Action.APPROVALS_PROPOSAL_OPENED, policy_ref(body.name))


def refusal_to_decide_proposal(actor: Actor, proposal: PolicyProposal) -> Refusal | None:
    """Return the reason why the actor may not approve or reject a proposal.

    It takes another person than the proposer, signed in and in the reviewers' group, whose account the proposer did not
    make or change lately; and the policy may apply neither
    to that person nor, since it was proposed, to the proposer: a policy must not be changed to suit a request that is
    open.
    """
    action = Action.APPROVALS_PROPOSAL_REVIEWED
    person = find_signed_in_person(actor)
    if person is None:
        return refusal_unless_in_person(actor, action, proposal, purpose="decide")
    proposers = identities_of(proposal.proposer)
    if person.username in proposers:
        return Refusal(f"{person.username} proposed this: a second person has to approve it.", action, proposal)
    if not person.groups.filter(name=REVIEWERS).exists():
        return Refusal(f"{person.username} is not a member of {REVIEWERS}.", action, proposal)
    if doubt := doubt_now(person.username, proposers):
        return Refusal(f"{person.username} cannot decide on this proposal: {doubt}.", action, proposal)
    return _if_anybody_is_under(person, proposal, proposers)


def _if_anybody_is_under(person: User, proposal: PolicyProposal, proposers: Sequence[str]) -> Refusal | None:
    """Return the refusal where the policy of a proposal applies to its reviewer or its proposer now."""
    action, under = Action.APPROVALS_PROPOSAL_REVIEWED, people_under_proposal(proposal)
    if refusal := _if_under(person, under, action, policy_ref(proposal.name)):
        return refusal
    for name in proposers:
        if name in under:
            message = (
                f"{name}, who proposed this, is behind request #{under[name]}, to which the policy applies. "
                "Decide on the proposal when that request is closed."
            )
            return Refusal(message, action, proposal)
    return None


def _if_under(person: User, under: dict[str, int], action: Action, obj: str | Auditable) -> Refusal | None:
    for name in identities_of(person):
        if name in under:
            message = (
                f"{name} is behind request #{under[name]}, to which this policy applies: nobody changes a policy that applies "
                "to their own request. Wait until the request is closed, or leave the change to somebody else."
            )
            return Refusal(message, action, obj)
    return None


def refusal_to_withdraw_proposal(actor: Actor, proposal: PolicyProposal) -> Refusal | None:
    """Return the reason why the actor may not withdraw a proposal: its proposer, the owner of that account and
    superusers may.
    """
    own = {proposal.proposer_id, proposal.proposer.owner_id} - {None}
    if actor.is_superuser or actor.user_id in own:
        return None
    message = "Only its proposer or a superuser may withdraw a proposal."
    return Refusal(message, Action.APPROVALS_PROPOSAL_WITHDRAWN, proposal)


def refusal_to_publish_defaults(actor: Actor, name: str) -> Refusal | None:
    """Return the reason why the actor may not publish the default policies, the first of which is called ``name``: only
    the system may.
    """
    if actor.kind is ActorKind.SYSTEM:
        return None
    return Refusal(
        "Only the system publishes the default policies.", Action.APPROVALS_POLICY_PUBLISHED, policy_ref(name)
    )
