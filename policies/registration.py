"""Policies on registration: tags that a new version or its run must have, checked through every interface."""

from __future__ import annotations

from core.text import english_list
from policies.matching import LoadedPolicy, active_policies, governing_policy, model_facts
from policies.rules import CheckRule
from policies.targets import REGISTRATION
from registry.models import ModelVersion
from registry.names import PROMPT_SOURCE
from tracking.models import RunTag
from validation.checks.lineage import DEFAULT_TAGS
from validation.params import texts


def registration_refusal(version: ModelVersion) -> str:
    """Return the reason why a version may not be registered, "" if it may. A prompt always may.

    The registry calls this function, which settings.REGISTRATION_GATES names.
    """
    policies = [policy for policy in active_policies() if policy.body.target == REGISTRATION]
    if not policies or version.source == PROMPT_SOURCE:
        return ""
    policy = governing_policy(policies, model_facts([version.model])[version.model_id], REGISTRATION)
    return _refusal_under(policy, version) if policy else ""


def _refusal_under(policy: LoadedPolicy, version: ModelVersion) -> str:
    rules = [rule for rule in policy.body.rules if isinstance(rule, CheckRule)]
    if len(rules) != len(policy.body.rules):
        return f"This server cannot apply {policy.label}, the policy on registration."
    required_tags = dict.fromkeys(
        name for rule in rules for name in texts({"tags": DEFAULT_TAGS} | dict(rule.params), "tags")
    )
    values = dict(version.tags.filter(key__in=required_tags).values_list("key", "value"))
    if version.run_id:
        rows = RunTag.objects.filter(run=version.run_id, key__in=required_tags).values_list("key", "value")
        values |= {key: value for key, value in rows if value.strip()}
    missing = [name for name in required_tags if not values.get(name, "").strip()]
    if not missing:
        return ""
    where = f"run {version.run_id}" if version.run_id else "the version, which names no run"
    plural = "s" if len(missing) > 1 else ""
    return f"{policy.label} needs the tag{plural} {english_list(missing)} on {where}. Set {'them' if plural else 'it'}, then register."
