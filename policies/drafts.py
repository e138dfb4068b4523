"""Drafts of policies, which are not published. They are never saved."""

from __future__ import annotations

from collections.abc import Mapping

from policies.documents import check_document
from policies.matching import LoadedPolicy, active_policies
from policies.models import Policy, PolicyRevision
from policies.parsing import parse_policy


def load_draft(body: Mapping[str, object]) -> LoadedPolicy:
    """Return a policy body as a loaded policy whose rows are never saved.

    Raises InvalidInput (its message has a line for each problem), TooLarge.
    """
    checked = check_document(body)
    parsed = parse_policy(checked)
    policy = Policy(name=parsed.name, target=parsed.target, models_pattern=parsed.models)
    return LoadedPolicy(revision=PolicyRevision(policy=policy, number=0, body=checked), body=parsed)


def policies_with(draft: LoadedPolicy) -> list[LoadedPolicy]:
    """Return the active policies, with the draft in place of the policy of the same name; one query."""
    others = [policy for policy in active_policies() if policy.body.name != draft.body.name]
    return [*others, draft]
