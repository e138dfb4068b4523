"""Publishing policies: a revision is written once, and the latest one of an active policy is what governs."""

from __future__ import annotations

from collections.abc import Mapping

from django.conf import settings
from django.db import transaction

from approvals.default_policies import DEFAULT_POLICIES
from approvals.models import Policy, PolicyRevision
from approvals.policies import parse_policy
from audit.actions import Action
from audit.actors import Actor, ActorKind
from audit.canonical import digest_of
from audit.errors import Denied
from audit.refs import policy_ref
from audit.services import record


@transaction.atomic
def publish_policy(*, actor: Actor, body: Mapping[str, object], reason: str = "") -> PolicyRevision:
    """Publish a policy, or its next revision, and return it; the current revision where nothing changed.

    InvalidInput: one line for each thing wrong with the body. Denied: only a superuser or the system publishes.
    """
    parsed = parse_policy(body)
    ref = policy_ref(parsed.name)
    if not (actor.is_superuser or actor.kind is ActorKind.SYSTEM):
        raise Denied("Only a superuser may publish a policy.", action=Action.APPROVALS_POLICY_PUBLISHED, obj=ref)
    policy, _ = Policy.objects.select_for_update().get_or_create(
        name=parsed.name, defaults={"target": parsed.target, "models_pattern": parsed.models}
    )
    last: PolicyRevision | None = policy.revisions.order_by("-number").first()
    digest = digest_of(body)
    if last is not None and last.digest == digest and policy.is_active:
        return last
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
        obj=ref,
        before={"revision": last.number, "digest": last.digest} if last else None,
        after={"revision": revision.number, "digest": digest, "body": dict(body)},
        reason=reason,
    )
    return revision


@transaction.atomic
def ensure_default_policies(*, actor: Actor) -> list[PolicyRevision]:
    """Publish the default policies into a database that never had a policy, unless the settings say not to.

    Whoever later retires them has decided so: they are not brought back.
    """
    if not settings.DEFAULT_POLICIES or Policy.objects.exists():
        return []
    reason = "The default policies of a new installation."
    return [publish_policy(actor=actor, body=body, reason=reason) for body in DEFAULT_POLICIES]
