"""Publishing and retiring policies. Revisions never change, and the newest revision of an active policy is in force.

A revision is published only when a proposal is approved (propose.py), and at the first start of an installation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction

from approvals.permissions.policies import refusal_to_publish_defaults
from approvals.permissions.refusal import deny_if
from audit.actions import Action
from audit.services import record
from core.actors import Actor
from core.canonical import digest_of
from core.refs import policy_ref
from policies.defaults import DEFAULT_POLICIES
from policies.models import Policy, PolicyProposal, PolicyRevision
from policies.parsing import parse_policy


@dataclass(frozen=True, slots=True)
class Basis:
    """The proposal that led to a revision, and its proposer; None and "" at the first start."""

    proposal_id: int | None = None
    proposed_by: str = ""

    def facts(self) -> dict[str, object]:
        """Return the fields for the audit event; an empty dict at the first start."""
        return {"proposal": self.proposal_id, "proposed_by": self.proposed_by} if self.proposal_id else {}


@transaction.atomic
def ensure_default_policies(*, actor: Actor) -> list[PolicyRevision]:
    """Publish the default policies in a database that never had a policy, unless settings.DEFAULT_POLICIES is off.

    Return the revisions, [] if nothing was published. Default policies that were retired are not published again.
    Raises Denied (only the system may).
    """
    if not settings.DEFAULT_POLICIES or not is_first_start():
        return []
    deny_if(refusal_to_publish_defaults(actor, str(DEFAULT_POLICIES[0]["name"])))
    reason = "The default policies of a new installation."
    return [write_revision(actor=actor, body=body, reason=reason, basis=Basis()) for body in DEFAULT_POLICIES]


def is_first_start() -> bool:
    """Return whether no policy was ever published or proposed in this installation."""
    return not Policy.objects.exists() and not PolicyProposal.objects.exists()


def lock_policy(name: str) -> Policy | None:
    """Lock the row of a policy until commit and return the policy; None if no policy has this name."""
    return Policy.objects.select_for_update(no_key=True).filter(name=name).first()


def newest_revision(name: str) -> PolicyRevision | None:
    """Return the newest revision of a policy, in force or not; None if no policy has this name."""
    rows = PolicyRevision.objects.filter(policy__name=name).select_related("policy")
    return rows.order_by("-number").first()


def write_revision(*, actor: Actor, body: Mapping[str, object], reason: str, basis: Basis) -> PolicyRevision:
    """Write the next revision of a policy, put it in force and return it, in the caller's transaction.

    The caller has checked the permission. Raises InvalidInput for a body that is not valid.
    """
    parsed = parse_policy(body)
    policy, _ = Policy.objects.select_for_update(no_key=True).get_or_create(
        name=parsed.name, defaults={"target": parsed.target, "models_pattern": parsed.models}
    )
    last: PolicyRevision | None = policy.revisions.order_by("-number").first()
    digest = digest_of(body)
    revision = PolicyRevision(
        policy=policy,
        number=last.number + 1 if last else 1,
        body=dict(body),
        digest=digest,
        published_by=actor.name,
    )
    revision.save()
    policy.target, policy.models_pattern, policy.is_active = parsed.target, parsed.models, True
    policy.save(update_fields=["target", "models_pattern", "is_active"])
    record(
        actor=actor,
        action=Action.APPROVALS_POLICY_PUBLISHED,
        obj=policy_ref(parsed.name),
        before={"revision": last.number, "digest": last.digest} if last else None,
        after={"revision": revision.number, "digest": digest, **basis.facts(), "body": dict(body)},
        reason=reason,
    )
    return revision


def retire_policy(*, actor: Actor, policy: Policy, reason: str, basis: Basis) -> None:
    """Retire a locked policy, in the caller's transaction. Requests that were opened under it keep its rules."""
    policy.is_active = False
    policy.save(update_fields=["is_active"])
    record(
        actor=actor,
        action=Action.APPROVALS_POLICY_RETIRED,
        obj=policy_ref(policy.name),
        before={"in_force": True},
        after={"in_force": False, **basis.facts()},
        reason=reason,
    )
