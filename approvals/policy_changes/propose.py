"""Proposals to change a policy: one person proposes a body, and another person approves exactly that body.

Nobody may propose or approve a change of a policy that applies to their own live request.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from approvals.models import MAX_COMMENT
from approvals.permissions.policies import (
    refusal_to_decide_proposal,
    refusal_to_propose,
    refusal_to_propose_body,
    refusal_to_withdraw_proposal,
)
from approvals.permissions.refusal import deny_if
from approvals.policy_changes.publish import Basis, lock_policy, newest_revision, retire_policy, write_revision
from audit.actions import Action
from audit.services import record
from core.actors import Actor, system_actor
from core.canonical import digest_of
from core.errors import Conflict, InvalidInput, InvalidState, NotFound
from core.ids import row_id
from policies.documents import check_document
from policies.models import (
    Policy,
    PolicyDecision,
    PolicyProposal,
    PolicyReview,
    PolicyRevision,
    ProposalKind,
    ProposalState,
)
from policies.parsing import parse_policy, parse_published
from policies.rules import PolicyBody
from registry.names import check_text

# Policies cannot have these names: they are paths below /api/v1/policies.
RESERVED = frozenset({"proposals", "schema", "dry-run", "replay"})


@transaction.atomic
def propose_policy(*, actor: Actor, body: Mapping[str, object], comment: str = "") -> PolicyProposal:
    """Propose a new policy, or the next revision of one that is in force or retired. Return the open proposal.

    Raises InvalidInput (its message has a line for each problem), TooLarge, Denied (the actor is not a policy editor,
    or the policy applies to a live request of theirs), Conflict (the policy in force has the same body).
    """
    document = check_document(body)
    parsed = parse_policy(document)
    if parsed.name in RESERVED:
        raise InvalidInput(f"name: {parsed.name} is a path of the API. Choose another name.")
    policy = lock_policy(parsed.name)
    base = newest_revision(parsed.name)
    if base is not None and policy is not None and policy.is_active and base.digest == digest_of(document):
        raise Conflict(f"{base}, which is in force, has the same body already.")
    return _open(actor, ProposalKind.PUBLISH, document, parsed, base, comment)


@transaction.atomic
def propose_retirement(*, actor: Actor, name: str, comment: str = "") -> PolicyProposal:
    """Propose to retire a policy, and return the open proposal.

    Raises NotFound, InvalidState (the policy is not in force), Denied, InvalidInput and TooLarge (the comment).
    """
    policy = lock_policy(name)
    base = newest_revision(name)
    if policy is None or base is None:
        raise NotFound(f"No policy is called {name}.")
    if not policy.is_active:
        raise InvalidState(f"{name} is not in force.")
    return _open(actor, ProposalKind.RETIRE, base.body, parse_published(base.body), base, comment)


def _open(
    actor: Actor,
    kind: ProposalKind,
    body: Mapping[str, object],
    parsed: PolicyBody,
    base: PolicyRevision | None,
    comment: str,
) -> PolicyProposal:
    text = check_text(comment, "comment", MAX_COMMENT).strip()
    deny_if(refusal_to_propose(actor, parsed.name))
    proposer = User.objects.get(pk=actor.user_id or 0)
    deny_if(refusal_to_propose_body(proposer, parsed, base))
    body_digest = digest_of(body)
    proposal = PolicyProposal.objects.create(
        name=parsed.name,
        kind=kind,
        body=dict(body),
        body_digest=body_digest,
        digest=digest_of(
            [kind.value, parsed.name, body_digest, base.digest if base else "", base.number if base else 0]
        ),
        base_revision=base,
        proposer=proposer,
        comment=text,
    )
    record(
        actor=actor,
        action=Action.APPROVALS_PROPOSAL_OPENED,
        obj=proposal,
        after={
            "policy": parsed.name,
            "kind": kind.value,
            "digest": proposal.digest,
            "base": base.number if base else None,
            "body": dict(body),
        },
        reason=text,
    )
    return proposal


def decide_proposal(
    *, actor: Actor, proposal_id: int, decision: str, comment: str, seen_digest: str = ""
) -> PolicyProposal:
    """Record a review of a proposal and return the proposal.

    An approval publishes or retires the policy at once; a rejection closes the proposal. ``seen_digest`` is the digest
    of the proposal that the reviewer saw; an approval needs it. Raises NotFound, InvalidInput, TooLarge, Denied
    (`refusal_to_decide_proposal`), InvalidState (the proposal is closed), Conflict (another digest; or a revision was
    published since, and the proposal is now closed as stale).
    """
    if decision not in PolicyDecision.values:
        raise InvalidInput(f"The decision must be {' or '.join(PolicyDecision.values)}, not {decision[:50]!r}.")
    text = check_text(comment, "comment", MAX_COMMENT).strip()
    if not text:
        raise InvalidInput("A decision needs a comment.")
    if _close_if_outdated(proposal_id):
        raise Conflict(
            f"Proposal {proposal_id} is out of date: another revision has been published since. Propose it again."
        )
    return _decide(actor, proposal_id, PolicyDecision(decision), text, seen_digest)


@transaction.atomic
def _decide(actor: Actor, proposal_id: int, decision: PolicyDecision, comment: str, seen_digest: str) -> PolicyProposal:
    proposal, policy = _lock(proposal_id)
    _require_open(proposal)
    deny_if(refusal_to_decide_proposal(actor, proposal))
    _require_seen(proposal, decision, seen_digest)
    if decision is PolicyDecision.APPROVE:
        _require_base(proposal)
    review = PolicyReview(
        proposal=proposal, reviewer_id=actor.user_id or 0, decision=decision, comment=comment, digest=proposal.digest
    )
    review.save()
    record(
        actor=actor,
        action=Action.APPROVALS_PROPOSAL_REVIEWED,
        obj=proposal,
        after={"policy": proposal.name, "decision": decision.value, "digest": proposal.digest},
        reason=comment,
    )
    if decision is PolicyDecision.REJECT:
        reason = f"Rejected by {actor.name}: {comment}"
        _close(proposal, ProposalState.REJECTED, Action.APPROVALS_PROPOSAL_REJECTED, actor=actor, reason=reason)
    else:
        _publish(actor, proposal, policy)
    return proposal


def _publish(actor: Actor, proposal: PolicyProposal, policy: Policy | None) -> None:
    """Publish or retire the policy of an approved proposal. Close the other open proposals of the policy as stale."""
    basis = Basis(proposal.pk, proposal.proposer.username)
    if proposal.kind == ProposalKind.RETIRE and policy is not None:
        retire_policy(actor=actor, policy=policy, reason=proposal.comment, basis=basis)
    else:
        proposal.published_revision = write_revision(
            actor=actor, body=proposal.body, reason=proposal.comment, basis=basis
        )
    proposal.state, proposal.closed_at = ProposalState.PUBLISHED, timezone.now()
    proposal.save(update_fields=["state", "closed_at", "published_revision"])
    others = PolicyProposal.objects.select_for_update().filter(name=proposal.name, state=ProposalState.OPEN)
    for other in others.order_by("pk"):
        reason = f"Proposal {proposal.pk} was approved first."
        _close(other, ProposalState.STALE, Action.APPROVALS_PROPOSAL_STALED, actor=_system(actor), reason=reason)


@transaction.atomic
def withdraw_proposal(*, actor: Actor, proposal_id: int, comment: str = "") -> PolicyProposal:
    """Withdraw an open proposal and return it.

    Raises NotFound, InvalidState (it is closed already), InvalidInput and TooLarge (the comment), Denied
    (`refusal_to_withdraw_proposal`).
    """
    text = check_text(comment, "comment", MAX_COMMENT).strip()
    proposal, _ = _lock(proposal_id)
    deny_if(refusal_to_withdraw_proposal(actor, proposal))
    _require_open(proposal)
    _close(proposal, ProposalState.WITHDRAWN, Action.APPROVALS_PROPOSAL_WITHDRAWN, actor=actor, reason=text)
    return proposal


@transaction.atomic
def _close_if_outdated(proposal_id: int) -> bool:
    """Close an open proposal as stale if its base is no longer the newest revision. Return whether it was closed.

    It has its own transaction, so that the Conflict that the caller raises does not roll it back. Raises NotFound.
    """
    proposal, _ = _lock(proposal_id)
    if proposal.state != ProposalState.OPEN or not _is_outdated(proposal):
        return False
    reason = "Another revision was published after it was proposed."
    actor = system_actor("decide_proposal")
    _close(proposal, ProposalState.STALE, Action.APPROVALS_PROPOSAL_STALED, actor=actor, reason=reason)
    return True


def _is_outdated(proposal: PolicyProposal) -> bool:
    newest = newest_revision(proposal.name)
    return (newest.pk if newest else None) != proposal.base_revision_id


def _lock(proposal_id: int) -> tuple[PolicyProposal, Policy | None]:
    """Lock a proposal, its policy and the other open proposals of the policy until commit. Return proposal and policy.

    The policy is locked first, then the proposals by id. A new policy has no row yet (None); then the locks on the
    proposals prevent two approvals at once. Raises NotFound.
    """
    proposal = PolicyProposal.objects.filter(pk=row_id(proposal_id))
    name = proposal.values_list("name", flat=True).first()
    if name is None:
        raise NotFound(f"There is no proposal {proposal_id}.")
    policy = lock_policy(name)
    others = PolicyProposal.objects.filter(name=name, state=ProposalState.OPEN).order_by("pk")
    list(others.select_for_update(no_key=True).values_list("pk", flat=True))
    rows = proposal.select_for_update(no_key=True, of=("self",)).select_related(
        "proposer__owner", "base_revision__policy"
    )
    return rows.get(), policy


def _close(proposal: PolicyProposal, state: ProposalState, action: Action, *, actor: Actor, reason: str) -> None:
    proposal.state, proposal.state_reason, proposal.closed_at = state, reason[:1000], timezone.now()
    proposal.save(update_fields=["state", "state_reason", "closed_at"])
    record(
        actor=actor,
        action=action,
        obj=proposal,
        before={"state": ProposalState.OPEN.value},
        after={"state": state.value, "policy": proposal.name},
        reason=reason,
    )


def _require_seen(proposal: PolicyProposal, decision: PolicyDecision, seen_digest: str) -> None:
    """Raise InvalidInput for an approval without a digest, Conflict for a decision on another digest."""
    if not seen_digest and decision is PolicyDecision.APPROVE:
        raise InvalidInput("An approval needs seen_digest, the digest of the proposal that you saw.")
    if seen_digest and seen_digest != proposal.digest:
        raise Conflict(
            f"seen_digest is not the digest of proposal {proposal.pk}. Read the proposal again, then decide."
        )


def _require_open(proposal: PolicyProposal) -> None:
    if proposal.state != ProposalState.OPEN:
        raise InvalidState(f"Proposal {proposal.pk} is {proposal.state}, so it can no longer be decided or withdrawn.")


def _require_base(proposal: PolicyProposal) -> None:
    if _is_outdated(proposal):
        raise Conflict(f"Proposal {proposal.pk} is out of date: another revision has been published since.")


def _system(actor: Actor) -> Actor:
    return system_actor("decide_proposal", on_behalf_of=actor.name)
