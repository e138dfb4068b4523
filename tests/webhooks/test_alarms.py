"""Emergencies, findings and overdue reviews reach the receiver."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import Group
from django.utils import timezone

from accounts.models import User
from approvals import tasks
from approvals.oversight.findings import close_finding, open_finding
from core.actors import Actor
from registry.models import ModelVersion
from tests.approvals.conftest import NewVersion, RunChecks
from tests.approvals.governed import emergency, promote, publish
from tests.webhooks.conftest import Hook, Work
from tests.webhooks.receiver import Receiver


def told(receiver: Receiver) -> list[tuple[str, dict[str, Any]]]:
    return [(f"{hit.json['entity']}.{hit.json['action']}", hit.json["data"]) for hit in receiver.hits]


def test_findings(hook: Hook, receiver: Receiver, work: Work, by_ada: Actor, new_version: NewVersion) -> None:
    hook("finding.opened", "finding.closed", "finding.overdue")
    new_version()
    past = timezone.now() - timedelta(hours=1)
    made = open_finding(actor=by_ada, name="fraud", version=1, severity="low", title="Drifts", owner="ada", due_at=past)
    tasks.flag_overdue()
    close_finding(actor=by_ada, finding_id=made.pk, state="resolved", comment="Done.")
    work()
    found = told(receiver)
    assert [name for name, _ in found] == ["finding.opened", "finding.overdue", "finding.closed"]
    assert found[2][1] | {"actor": "", "event_id": ""} == {
        "name": "fraud", "version": "1", "finding_id": made.pk, "title": "Drifts", "severity": "low", "state": "resolved",
        "owner": "ada", "due_at": past.isoformat(), "actor": "", "event_id": "",
    }  # fmt: skip


def test_an_emergency(
    hook: Hook, receiver: Receiver, work: Work, ada: User, by_ada: Actor, new_version: NewVersion, run_checks: RunChecks
) -> None:
    hook("transition_request.glass_broken", "transition_request.post_review_overdue")
    ada.groups.add(Group.objects.get_or_create(name="incident")[0])
    publish(break_glass={"groups": ["incident"], "second_person": False, "post_review_within": "1h"})
    tasks.apply_request(emergency(by_ada, new_version(), run_checks).pk)
    work()
    ((name, data),) = told(receiver)
    assert (name, data["kind"], data["comment"]) == ("transition_request.glass_broken", "break_glass", "Fraud wave.")


def test_a_re_review(
    hook: Hook, receiver: Receiver, work: Work, by_ada: Actor, by_bea: Actor, new_version: NewVersion
) -> None:
    hook("model_version_review.overdue")
    publish(re_review_every="30d")
    promote(by_ada, by_bea, new_version())
    ModelVersion.objects.update(review_due_at=timezone.now() - timedelta(hours=1))
    tasks.flag_overdue()
    work()
    ((name, data),) = told(receiver)
    assert (name, data["version"], data["when_due"]) == ("model_version_review.overdue", "1", "warn")
