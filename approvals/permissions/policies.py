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
    """Return the refusal of an actor who may not propose a change of the policy called ``name``; None if they may.

    Users with an account who are in the group EDITORS or are superusers may.
    """
    editors = Group.objects.filter(name=EDITORS, user=actor.user_id or 0)
    if actor.user_id is not None and (actor.is_superuser or editors.exists()):
        return None
    message = f"Only members of {EDITORS} and superusers may propose a policy."
    return Refusal(message, Action.APPROVALS_PROPOSAL_OPENED, policy_ref(name))


def refusal_to_propose_body(proposer: User, body: PolicyBody, base: PolicyRevision | None) -> Refusal | None:
    """Return the refusal of an account that may not propose this body; None if it may.

    It may not while the policy, as it is (``base``) or as proposed, applies to a live request of the account.
    """
    people = people_under(body.name, [body, *([parse_published(base.body)] if base else [])])
    return _refusal_if_involved(proposer, people, Action.APPROVALS_PROPOSAL_OPENED, policy_ref(body.name))


def refusal_to_decide_proposal(actor: Actor, proposal: PolicyProposal) -> Refusal | None:
    """Return the refusal of an actor who may not approve or reject a proposal; None if they may.

    The actor must be a person who is signed in, be in the group REVIEWERS, and not be the proposer. The proposer must
    not have made or changed their account lately. The policy must not apply to a live request of the actor, or of the
    proposer since it was proposed, so that nobody changes a policy to suit their own request.
    """
    action = Action.APPROVALS_PROPOSAL_REVIEWED
    person = find_signed_in_person(actor)
    if person is None:
        return refusal_unless_in_person(actor, action, proposal, purpose="decide")
    proposers = identities_of(proposal.proposer)
    if person.username in proposers:
        return Refusal(f"{person.username} proposed this; a second person must approve it.", action, proposal)
    if not person.groups.filter(name=REVIEWERS).exists():
        return Refusal(f"{person.username} is not a member of {REVIEWERS}.", action, proposal)
    if doubt := doubt_now(person.username, proposers):
        return Refusal(f"{person.username} cannot decide on this proposal: {doubt}.", action, proposal)
    return _refusal_if_anybody_is_involved(person, proposal, proposers)


def _refusal_if_anybody_is_involved(person: User, proposal: PolicyProposal, proposers: Sequence[str]) -> Refusal | None:
    """Return the refusal if the policy of a proposal applies now to a request of its reviewer or proposer."""
    action, request_ids = Action.APPROVALS_PROPOSAL_REVIEWED, people_under_proposal(proposal)
    if refusal := _refusal_if_involved(person, request_ids, action, policy_ref(proposal.name)):
        return refusal
    for name in proposers:
        if name in request_ids:
            message = (
                f"{name}, who proposed this, is involved in request #{request_ids[name]}, to which the policy applies. "
                "Decide on the proposal when that request is closed."
            )
            return Refusal(message, action, proposal)
    return None


def _refusal_if_involved(
    person: User, request_ids: dict[str, int], action: Action, obj: str | Auditable
) -> Refusal | None:
    """Return the refusal of a person with a request in ``request_ids`` (by username); None without one."""
    for name in identities_of(person):
        if name in request_ids:
            message = (
                f"{name} is involved in request #{request_ids[name]}, to which this policy applies: nobody may change a "
                "policy that applies to their own request. Wait until the request is closed, or let somebody else "
                "make the change."
            )
            return Refusal(message, action, obj)
    return None


def refusal_to_withdraw_proposal(actor: Actor, proposal: PolicyProposal) -> Refusal | None:
    """Return the refusal of an actor who may not withdraw a proposal; None if they may.

    The proposer, the owner of a service account that proposed it, and superusers may.
    """
    own = {proposal.proposer_id, proposal.proposer.owner_id} - {None}
    if actor.is_superuser or actor.user_id in own:
        return None
    message = "Only its proposer or a superuser may withdraw a proposal."
    return Refusal(message, Action.APPROVALS_PROPOSAL_WITHDRAWN, proposal)


def refusal_to_publish_defaults(actor: Actor, name: str) -> Refusal | None:
    """Return the refusal of an actor who may not publish the default policies; None for the system, which may.

    ``name`` is the name of the first default policy, for the audit event.
    """
    if actor.kind is ActorKind.SYSTEM:
        return None
    return Refusal(
        "Only the system publishes the default policies.", Action.APPROVALS_POLICY_PUBLISHED, policy_ref(name)
    )
