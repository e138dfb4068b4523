"""A dry run returns the verdict of a policy on a version, and writes nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from approvals.models import CheckRun, TransitionRequest
from approvals.policy_changes.dry_run import DryRun, dry_run
from audit.models import Event
from core.actors import Actor
from core.errors import InvalidInput, NotFound
from policies.defaults import DEFAULT_POLICIES
from registry.models import ModelVersion
from tests.approvals.conftest import NewVersion
from validation.checks.lineage import RequiredTags

PRODUCTION = DEFAULT_POLICIES[1]
SOAK = {"id": "soak", "soak": {"hours": 24}}


def rows() -> tuple[int, ...]:
    return (CheckRun.objects.count(), TransitionRequest.objects.count(), Event.objects.count())


def statuses(found: DryRun) -> dict[str, str]:
    return {row.rule: row.status.value for row in found.rules}


def test_without_results_the_checks_would_run(policies: object, new_version: NewVersion, by_ada: Actor) -> None:
    new_version()
    before = rows()
    found = dry_run(actor=by_ada, body=PRODUCTION, name="fraud", version=1)
    assert rows() == before
    assert statuses(found)["lineage"] == "pending"
    assert "would run" in next(row.why for row in found.rules if row.rule == "lineage")
    assert set(found.basis.values()) == {"would run"}
    assert found.governs
    assert "ada" in next(row.who_can_resolve for row in found.rules if row.rule == "reviewers")


def test_quick_checks_run_in_place(policies: object, new_version: NewVersion, by_ada: Actor) -> None:
    new_version(card=False)
    before = rows()
    found = dry_run(actor=by_ada, body=PRODUCTION, name="fraud", version=1, run_checks=True)
    assert rows() == before
    assert {rule: statuses(found)[rule] for rule in ("lineage", "card", "digest")} == {
        "lineage": "passed",
        "card": "failed",
        "digest": "pending",
    }
    assert (found.basis["card"], found.basis["digest"]) == ("run just now", "would run")


def test_results_of_an_earlier_request_count(ready: TransitionRequest, by_ada: Actor) -> None:
    body = {**PRODUCTION, "rules": [*PRODUCTION["rules"], SOAK]}  # type: ignore[misc]  # a list
    found = dry_run(actor=by_ada, body=body, name="fraud", version=1)
    assert statuses(found)["safe-artifact"] == "passed"
    assert "result of check run" in found.basis["safe-artifact"]
    assert [item["rule"] for item in found.verdict.blocked_by()] == ["reviewers", "soak"]


def test_a_check_that_raises_does_not_pass(
    policies: object, new_version: NewVersion, by_ada: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_version()
    monkeypatch.setattr(RequiredTags, "run", lambda *_: 1 / 0)
    found = dry_run(actor=by_ada, body=PRODUCTION, name="fraud", version=1, run_checks=True)
    assert statuses(found)["lineage"] == "failed"


@pytest.mark.parametrize(("when_due", "blocks"), [("warn", False), ("block", True)])
def test_a_due_re_review_blocks_as_the_draft_says(
    when_due: str, blocks: bool, policies: object, new_version: NewVersion, by_ada: Actor
) -> None:
    version = new_version()
    ModelVersion.objects.filter(pk=version.pk).update(review_due_at=timezone.now() - timedelta(days=1))
    body = {**PRODUCTION, "options": {"re_review_every": {"every": "30d", "when_due": when_due}}}
    assert ("re-review" in statuses(dry_run(actor=by_ada, body=body, name="fraud", version=1))) is blocks


@pytest.mark.parametrize(("models", "other"), [("churn*", "production-default r1"), ("fraud", "")])
def test_it_returns_whether_the_policy_would_govern(
    policies: object, new_version: NewVersion, by_ada: Actor, models: str, other: str
) -> None:
    new_version()
    body = {**PRODUCTION, "name": "mine", "applies_to": {"target": "Production", "models": models}}
    found = dry_run(actor=by_ada, body=body, name="fraud", version=1)
    assert (found.governs, found.governed_by) == (not other, other)


def test_bad_bodies_and_versions_are_refused(policies: object, new_version: NewVersion, by_ada: Actor) -> None:
    new_version()
    with pytest.raises(InvalidInput, match="rules: must be a list"):
        dry_run(actor=by_ada, body={**PRODUCTION, "rules": []}, name="fraud", version=1)
    with pytest.raises(NotFound):
        dry_run(actor=by_ada, body=PRODUCTION, name="fraud", version=7)


def test_more_rules_cost_no_more_queries(ready: TransitionRequest, by_ada: Actor) -> None:
    counts = []
    for times in (1, 5):
        more: list[Any] = [{"id": f"more-{n}", "check": "card.complete"} for n in range(times)]
        with CaptureQueriesContext(
            connection,
        ) as found:
            dry_run(actor=by_ada, body={**PRODUCTION, "rules": more}, name="fraud", version=1, run_checks=True)
        counts.append(len(found))
    assert counts[0] == counts[1]
