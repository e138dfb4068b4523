"""Drafts: policies that are not published. Nothing is written."""

from __future__ import annotations

from collections.abc import Mapping

from policies.documents import check_document
from policies.matching import LoadedPolicy, active_policies
from policies.models import Policy, PolicyRevision
from policies.parsing import parse_policy


def load_draft(body: Mapping[str, object]) -> LoadedPolicy:
    """Return a body as a policy, in rows that are never saved; InvalidInput with one line for each problem,
    TooLarge.
    """
    checked = check_document(body)
    parsed = parse_policy(checked)
    policy = Policy(name=parsed.name, target=parsed.target, models_pattern=parsed.models)
    return LoadedPolicy(revision=PolicyRevision(policy=policy, number=0, body=checked), body=parsed)


def policies_with(draft: LoadedPolicy) -> list[LoadedPolicy]:
    """Return the active policies as they would be with the draft in place of the policy of its name; one query."""
    others = [policy for policy in active_policies() if policy.body.name != draft.body.name]
    return [*others, draft]
