"""Who may propose and approve a change of a policy: the refusals, each with its reason."""

from __future__ import annotations

from accounts.models import User
from approvals.in_person import is_in_person
from approvals.policy_changes.editors import EDITORS, REVIEWERS, identities_of, may_propose, people_judged_by
from audit.actions import Action
from core.actors import Actor
from core.errors import Conflict, Denied, InvalidInput
from core.refs import policy_ref, proposal_ref
from policies.models import PolicyDecision, PolicyProposal, PolicyRevision
from policies.parsing import parse_published
from policies.rules import PolicyBody


def why_not_decide(actor: Actor, proposal: PolicyProposal) -> str:
    """Return why this actor's decision would be refused, "" when it would be taken."""
    try:
        require_reviewer(actor, proposal)
    except Denied as error:
        return error.message
    return ""


def require_seen(proposal: PolicyProposal, decision: PolicyDecision, seen_digest: str) -> None:
    """Refuse an approval of anything but what the proposal says: InvalidInput, Conflict."""
    if not seen_digest and decision is PolicyDecision.APPROVE:
        raise InvalidInput("An approval must name the digest of the proposal that was looked at (seen_digest).")
    if seen_digest and seen_digest != proposal.digest:
        raise Conflict(f"That is not what proposal {proposal.pk} says. Look at it again, then decide.")


def require_editor(actor: Actor, name: str) -> User:
    """Return the account that proposes; Denied for anybody but policy editors and superusers."""
    if not may_propose(actor):
        raise refused(
            f"Only members of {EDITORS} and superusers may propose a policy.",
            Action.APPROVALS_PROPOSAL_OPENED,
            policy_ref(name),
        )
    return User.objects.select_related("owner").get(pk=actor.user_id or 0)


def require_not_judged(user: User, parsed: PolicyBody, base: PolicyRevision | None, action: Action) -> None:
    """Refuse whoever has a live request that the policy judges, or would as proposed."""
    judged = judged_now(parsed, base)
    for name in identities_of(user):
        if name in judged:
            raise refused(
                f"{name} has a hand in request #{judged[name]}, which this policy judges: "
                "nobody touches the policy that judges them. Wait until it is decided, or leave it to somebody else.",
                action,
                policy_ref(parsed.name),
            )


def judged_now(parsed: PolicyBody, base: PolicyRevision | None) -> dict[str, int]:
    """Return whom a policy judges, as it is and as proposed, by name, each with a live request."""
    return people_judged_by(parsed.name, [parsed, *([parse_published(base.body)] if base else [])])


def require_reviewer(actor: Actor, proposal: PolicyProposal) -> User:
    """Refuse all but another person of the reviewers' group, signed in, whom the policy does not judge."""
    action, ref = Action.APPROVALS_PROPOSAL_REVIEWED, proposal_ref(proposal.pk)
    if not is_in_person(actor):
        raise refused("Only a person who is signed in may decide; tokens and service accounts never do.", action, ref)
    person = User.objects.filter(pk=actor.user_id or 0, is_active=True, is_service=False).first()
    if person is None:
        raise refused("Only a person with an active account may decide.", action, ref)
    if person.username in identities_of(proposal.proposer):
        raise refused(f"{person.username} proposed this: it takes a second person.", action, ref)
    if not person.groups.filter(name=REVIEWERS).exists():
        raise refused(f"{person.username} is not a member of {REVIEWERS}.", action, ref)
    parsed = parse_published(proposal.body)
    require_not_judged(person, parsed, proposal.base_revision, action)
    _require_proposer_free(proposal, parsed)
    return person


def _require_proposer_free(proposal: PolicyProposal, parsed: PolicyBody) -> None:
    """Refuse while the proposer has come to be judged by the policy since: it must not be bent to a request after the fact."""
    judged = judged_now(parsed, proposal.base_revision)
    for name in identities_of(proposal.proposer):
        if name in judged:
            raise refused(
                f"{name}, who proposed this, has a hand in request #{judged[name]}, which the policy judges. "
                "Approve it when that is decided.",
                Action.APPROVALS_PROPOSAL_REVIEWED,
                proposal_ref(proposal.pk),
            )


def refused(message: str, action: Action, ref: str) -> Denied:
    """Return the denial of something about policies."""
    return Denied(message, action=action, obj=ref)
