"""Publishing policies: revisions never change, the defaults are published once, the longest pattern governs."""

from __future__ import annotations

import copy
from typing import Any

from django.core.management import call_command
from pytest_django import Settings

from approvals.policy_changes.publish import ensure_default_policies
from audit.actions import Action
from audit.models import Event
from core.actors import system_actor
from policies.defaults import DEFAULT_POLICIES
from policies.matching import LoadedPolicy, ModelFacts, active_policies, governing_policy
from policies.models import Policy
from tests.approvals.publishing import publish_policy, retire_policy

SYSTEM = system_actor("test")


def body(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(DEFAULT_POLICIES[1]), **changes}


def governs(name: str) -> LoadedPolicy | None:
    return governing_policy(active_policies(), ModelFacts(name), "Production")


def test_the_defaults_are_published_once(db: None) -> None:
    assert [str(revision) for revision in ensure_default_policies(actor=SYSTEM)] == [
        "staging-default r1",
        "production-default r1",
        "leaving-production-default r1",
    ]
    assert ensure_default_policies(actor=SYSTEM) == []
    assert Event.objects.filter(action=Action.APPROVALS_POLICY_PUBLISHED).count() == 3


def test_the_command_publishes_them_once(db: None) -> None:
    for _ in range(2):
        call_command("publish_default_policies")
    assert Event.objects.filter(action=Action.APPROVALS_POLICY_PUBLISHED).count() == 3


def test_retired_defaults_do_not_come_back(policies: object) -> None:
    retire_policy("staging-default")
    retire_policy("production-default")
    assert ensure_default_policies(actor=SYSTEM) == []
    assert governs("fraud") is None


def test_off_publishes_nothing(db: None, settings: Settings) -> None:
    settings.DEFAULT_POLICIES = False
    assert ensure_default_policies(actor=SYSTEM) == []
    assert not Policy.objects.exists()


def test_a_change_is_a_new_revision(policies: object) -> None:
    changed = publish_policy(body=body(options={"expires_after": "1d"}))
    assert changed.number == 2
    found = governs("fraud")
    assert found is not None
    assert found.label == "production-default r2"


def test_the_longest_pattern_governs(policies: object) -> None:
    for name, pattern in (("fraud-team", "fraud_*"), ("also", "fraud_*"), ("one", "fraud_detector")):
        publish_policy(body=body(name=name, applies_to={"target": "Production", "models": pattern}))
    policies_by_name = {name: governs(name) for name in ("fraud_detector", "fraud_x", "churn", "Fraud_x")}
    assert {name: found and found.body.name for name, found in policies_by_name.items()} == {
        "fraud_detector": "one",
        "fraud_x": "also",
        "churn": "production-default",
        "Fraud_x": "production-default",
    }
