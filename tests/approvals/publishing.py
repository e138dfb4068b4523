"""Changing a policy in tests as it happens in life: polly proposes, quinn approves."""

from __future__ import annotations

from collections.abc import Mapping

from django.contrib.auth.models import Group

from accounts.models import User
from approvals.policy_changes.propose import decide_proposal, propose_policy, propose_retirement
from core.actors import Actor
from policies.models import PolicyProposal, PolicyRevision
from tests.signed_in import actor_of


def person(name: str, *groups: str) -> User:
    """Return somebody of these groups, made if need be."""
    user = User.objects.filter(username=name).first() or User.objects.create_user(name, password=f"{name}-password-1")
    user.groups.add(*[Group.objects.get_or_create(name=group)[0] for group in groups])
    return user


def polly() -> Actor:
    """Return somebody who proposes."""
    return actor_of(person("polly", "policy-editors"))


def quinn() -> Actor:
    """Return somebody who approves."""
    return actor_of(person("quinn", "policy-reviewers"))


def publish_policy(*, body: Mapping[str, object], reason: str = "") -> PolicyRevision:
    """Publish a policy's next revision with four eyes, and return it."""
    made = approve(propose_policy(actor=polly(), body=body, comment=reason))
    assert made.published_revision is not None
    return made.published_revision


def retire_policy(name: str) -> PolicyProposal:
    """Retire a policy with four eyes."""
    return approve(propose_retirement(actor=polly(), name=name))


def approve(proposal: PolicyProposal, by: Actor | None = None) -> PolicyProposal:
    """Approve what a proposal says."""
    return decide_proposal(
        actor=by or quinn(),
        proposal_id=proposal.pk,
        decision="approve",
        comment="Read and agreed.",
        seen_digest=proposal.digest,
    )
