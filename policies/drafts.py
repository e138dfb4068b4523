"""A policy that is not published: which one it would take the place of, and what it would govern. Nothing is written."""

from __future__ import annotations

from collections.abc import Mapping

from policies.documents import check_document
from policies.matching import Governing, ModelFacts, active_policies, governing
from policies.models import Policy, PolicyRevision
from policies.parsing import parse_policy


def draft_of(body: Mapping[str, object]) -> Governing:
    """Return a body as a policy, in rows that are never saved; InvalidInput with one line for each problem."""
    sound = check_document(body)
    parsed = parse_policy(sound)
    policy = Policy(name=parsed.name, target=parsed.target, models_pattern=parsed.models)
    return Governing(revision=PolicyRevision(policy=policy, number=0, body=sound), body=parsed)


def would_govern(draft: Governing, model: ModelFacts) -> Governing | None:
    """Return the policy that would govern moves of a model to the draft's target, were the draft in force."""
    others = [policy for policy in active_policies() if policy.body.name != draft.body.name]
    return governing([*others, draft], model, draft.body.target)
