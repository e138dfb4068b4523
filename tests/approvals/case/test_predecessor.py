"""Archiving the Production version does not spare the next version the comparison with it."""

from __future__ import annotations

from approvals.models import CheckRun
from core.actors import Actor
from registry.models import ModelVersion
from registry.services.aliases import delete_alias
from registry.services.stages import change_stage
from registry.stages import Stage
from tests.approvals.conftest import NewVersion, RunChecks
from tests.approvals.governed import REVIEWERS, Json, ask, promote, publish

NO_WORSE: Json = {
    "id": "regression",
    "level": "hard",
    "check": "metric.no_regression",
    "with": {"metric": "val_auc", "tolerance": 0.01},
}


def regression_of(actor: Actor, version: ModelVersion, run_checks: RunChecks) -> CheckRun:
    request = ask(actor, version)
    run_checks(request)
    return CheckRun.objects.filter(request=request, rule="regression").latest("pk")


def test_the_last_version_in_production_is_compared_with(
    by_ada: Actor, by_bea: Actor, new_version: NewVersion, run_checks: RunChecks
) -> None:
    publish("Production", rules=[REVIEWERS])
    promote(by_ada, by_bea, new_version(auc=0.93))
    publish("Production", rules=[REVIEWERS, NO_WORSE])
    first = ModelVersion.objects.get(version=1)
    change_stage(actor=by_ada, version=first, target=Stage.ARCHIVED, archive_existing=False, reason="Done.")
    worse = regression_of(by_ada, new_version(auc=0.5), run_checks)
    assert worse.state == "failed"
    assert worse.summary.startswith("val_auc 0.5 is worse than 0.93 of version 1 ")
    better = regression_of(by_ada, new_version(auc=0.94), run_checks)
    assert better.state == "passed"
    assert better.evidence["incumbent"] == 1


def test_without_an_earlier_production_version_nothing_is_compared(
    by_ada: Actor, new_version: NewVersion, run_checks: RunChecks
) -> None:
    publish("Production", rules=[REVIEWERS, NO_WORSE])
    first = regression_of(by_ada, new_version(auc=0.5), run_checks)
    assert (first.state, first.summary) == (
        "passed",
        "Nothing to compare with: no other version is or was in Production.",
    )


def test_taking_an_alias_off_does_not_spare_it_either(
    by_ada: Actor, by_bea: Actor, new_version: NewVersion, run_checks: RunChecks
) -> None:
    publish("@champion", rules=[REVIEWERS])
    promote(by_ada, by_bea, new_version(auc=0.93), "@champion")
    publish("@champion", rules=[REVIEWERS, NO_WORSE])
    delete_alias(actor=by_ada, name="fraud", alias="champion")
    request = ask(by_ada, new_version(auc=0.5), "@champion")
    run_checks(request)
    worse = CheckRun.objects.filter(request=request, rule="regression").latest("pk")
    assert worse.state == "failed"
    assert worse.summary.startswith("val_auc 0.5 is worse than 0.93 of version 1 ")
