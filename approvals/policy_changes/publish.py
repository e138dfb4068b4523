"""Publishing policies: a revision is written once, and the latest one of an active policy is what governs.

Two ways lead here. A proposal that somebody else approved (services/proposals.py), and the first start of an installation,
when there is nobody yet to ask. There is no third.
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
    """What a revision rests on: the proposal, and who approved it. Neither at the first start."""

    proposal_id: int | None = None
    proposed_by: str = ""

    def facts(self) -> dict[str, object]:
        """Return it for the event."""
        return {"proposal": self.proposal_id, "proposed_by": self.proposed_by} if self.proposal_id else {}


@transaction.atomic
def ensure_default_policies(*, actor: Actor) -> list[PolicyRevision]:
    """Publish the default policies into a database that never had a policy, unless the settings say not to.

    The one time that nobody has to agree. Whoever later retires them has decided so: they are not brought back.
    """
    if not settings.DEFAULT_POLICIES or not is_first_start():
        return []
    deny_if(refusal_to_publish_defaults(actor, str(DEFAULT_POLICIES[0]["name"])))
    reason = "The default policies of a new installation."
    return [write_revision(actor=actor, body=body, reason=reason, basis=Basis()) for body in DEFAULT_POLICIES]


def is_first_start() -> bool:
    """Return whether no policy was ever published here, nor proposed."""
    return not Policy.objects.exists() and not PolicyProposal.objects.exists()


def lock_policy(name: str) -> Policy | None:
    """Return a policy with its row locked until commit, None where there is none of this name."""
    return Policy.objects.select_for_update(no_key=True).filter(name=name).first()


def newest_revision(name: str) -> PolicyRevision | None:
    """Return the newest revision of a policy, in force or not; None where there is no such policy."""
    rows = PolicyRevision.objects.filter(policy__name=name).select_related("policy")
    return rows.order_by("-number").first()


def write_revision(*, actor: Actor, body: Mapping[str, object], reason: str, basis: Basis) -> PolicyRevision:
    """Write the next revision of a policy and put it in force, in the caller's transaction. Callers have checked who may."""
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
    """Take a locked policy out of force, in the caller's transaction. Requests it judges are judged by it to their end."""
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
