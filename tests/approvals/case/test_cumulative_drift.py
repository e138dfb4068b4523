"""Small steps within the tolerance do not add up to a fall: the last fully validated version is the measure."""

from __future__ import annotations

import pytest

from approvals import tasks
from approvals.models import RequestState
from core.actors import Actor
from core.errors import InvalidInput
from policies.parsing import parse_policy
from registry.models import ModelVersion
from registry.services.stages import change_stage
from registry.services.versions import delete_version
from registry.stages import Stage
from tests.approvals.conftest import NewVersion, RunChecks, reread
from tests.approvals.governed import FOUR_EYES, REVIEWERS, Json, approve, ask, is_applied, publish

STEP: Json = {"id": "step", "check": "metric.no_regression", "with": {"tolerance": 0.01}}
SLICES: Json = {
    "id": "deep",
    "level": "advisory",
    "check": "metric.threshold",
    "with": {"metric": "val_auc", "at_least": 0.925},
}
DRIFT: Json = {"id": "drift", "check": "metric.no_cumulative_drift", "with": {"tolerance": 0.015}}


def promote(asker: Actor, reviewer: Actor, version: ModelVersion, run_checks: RunChecks) -> str:
    """Ask, check, approve where that is possible; return which rule blocks, or "" where the version moved."""
    request = ask(asker, version)
    case = run_checks(request)
    blocking = [row.rule for row in case.verdict.rules if row.blocks and row.kind == "check"]
    if blocking:
        return blocking[0]
    approve(reviewer, request)
    if reread(request).state == RequestState.APPROVED:
        tasks.apply_request(request.pk)
    assert is_applied(request)
    return ""


def test_small_steps_do_not_add_up(
    new_version: NewVersion, by_ada: Actor, by_bea: Actor, run_checks: RunChecks
) -> None:
    publish("Production", rules=(STEP, DRIFT, SLICES, REVIEWERS, FOUR_EYES), full_validation=["deep"])
    blocked = [promote(by_ada, by_bea, new_version(auc=auc), run_checks) for auc in (0.93, 0.922, 0.914)]
    assert blocked == ["", "", "drift"]  # 0.922 is no full validation: version 1 stays the measure
    validated = ModelVersion.objects.filter(fully_validated_at__isnull=False)
    assert list(validated.values_list("version", flat=True)) == [1]


def test_deleting_the_measure_does_not_spare_the_comparison(
    new_version: NewVersion, by_ada: Actor, by_bea: Actor, run_checks: RunChecks
) -> None:
    publish("Production", rules=(STEP, DRIFT, SLICES, REVIEWERS, FOUR_EYES), full_validation=["deep"])
    assert [promote(by_ada, by_bea, new_version(auc=auc), run_checks) for auc in (0.93, 0.922)] == ["", ""]
    first = ModelVersion.objects.select_related("model").get(version=1)
    if first.stage == Stage.PRODUCTION:
        change_stage(actor=by_ada, version=first, target=Stage.ARCHIVED, archive_existing=False, reason="x")
    delete_version(actor=by_ada, name="fraud", version=1)
    assert promote(by_ada, by_bea, new_version(auc=0.914), run_checks) == "drift"


def test_a_full_validation_names_rules_of_its_policy() -> None:
    body = {
        "name": "p",
        "applies_to": {"target": "Production"},
        "rules": [REVIEWERS],
        "options": {"full_validation": ["nope"]},
    }
    with pytest.raises(InvalidInput, match="names no rule of this policy: nope"):
        parse_policy(body)
