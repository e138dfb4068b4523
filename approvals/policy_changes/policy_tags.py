"""The model tags that policies depend on: those named in a policy's scope or in the condition of a rule."""

from __future__ import annotations

from fnmatch import fnmatchcase

from approvals.models import LIVE_STATES, TransitionRequest
from policies.matching import active_policies, load_revision
from policies.models import PolicyRevision
from policies.rules import PolicyBody
from registry.models import RegisteredModel


def is_named_by_policies(model: RegisteredModel, key: str) -> bool:
    """Return whether a policy names the tag: an active one whose pattern matches the model, or one of a live request.

    Raises InvalidState when this server cannot read the policy of a live request.
    """
    bodies = [policy.body for policy in active_policies() if fnmatchcase(model.name, policy.body.models)]
    if any(key in named_tags(body) for body in bodies):
        return True
    live = TransitionRequest.objects.filter(version__model=model, state__in=LIVE_STATES)
    rows = PolicyRevision.objects.filter(pk__in=live.values("policy_revision")).select_related("policy")
    return any(key in named_tags(load_revision(row).body) for row in rows)


def named_tags(body: PolicyBody) -> frozenset[str]:
    """Return the tags that a policy names, in its scope and in the conditions of its rules."""
    conditions = [rule.applies_if for rule in body.rules if rule.applies_if is not None]
    return frozenset(body.tags) | {key for condition in conditions for key in condition.tags}
