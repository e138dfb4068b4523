"""The next version is compared with what was true of the incumbent when it was promoted."""

from __future__ import annotations

import pytest

from approvals import tasks
from approvals.case.incumbents import Move
from approvals.case.subjects import load_subject
from approvals.models import PromotionPin
from approvals.requests.roll_back import roll_back
from core.actors import Actor
from registry.models import ModelVersion
from registry.services.aliases import set_alias
from tests.approvals.conftest import NewVersion, RunChecks
from tests.approvals.governed import promote, publish
from tracking.limits import Point
from tracking.services.logging import log_metric, set_tag
from validation.base import Incumbent


def worsen(actor: Actor, version: ModelVersion, value: float = 0.1) -> None:
    log_metric(actor=actor, run_id=version.run_id, point=Point(key="val_auc", value=value, timestamp_ms=9, step=9))


def incumbent_of(version: ModelVersion, target: str = "Production") -> Incumbent:
    subject = load_subject(Move(version, target, archive_existing=True))
    found = subject.incumbent or subject.predecessor
    assert found is not None
    return found


def test_logging_to_the_run_of_the_incumbent_changes_nothing(
    by_ada: Actor, by_bea: Actor, new_version: NewVersion
) -> None:
    publish("Production")
    first = new_version(auc=0.93)
    promote(by_ada, by_bea, first)
    worsen(by_ada, first)
    set_tag(actor=by_ada, run_id=first.run_id, key="eval_dataset_version", value="easy")
    found = incumbent_of(new_version())
    assert found.run.metrics["val_auc"] == 0.93
    assert "eval_dataset_version" not in found.run.tags


def test_a_promotion_without_a_policy_is_pinned_too(
    serving: ModelVersion, by_ada: Actor, new_version: NewVersion
) -> None:
    worsen(by_ada, serving)
    assert incumbent_of(new_version()).run.metrics["val_auc"] == 0.93


def test_an_alias_has_a_pin_of_its_own(by_ada: Actor, new_version: NewVersion) -> None:
    first = new_version()
    set_alias(actor=by_ada, name="fraud", alias="champion", version=1)
    worsen(by_ada, first)
    assert incumbent_of(new_version(), "@champion").run.metrics["val_auc"] == 0.93
    assert PromotionPin.objects.get().target == "@champion"


def test_a_rollback_brings_the_old_pin_back(
    by_ada: Actor, by_bea: Actor, new_version: NewVersion, run_checks: RunChecks
) -> None:
    publish("Production")
    first, second = new_version(auc=0.93), new_version(auc=0.94)
    promote(by_ada, by_bea, first)
    promote(by_ada, by_bea, second)
    worsen(by_ada, first)
    request = roll_back(actor=by_ada, name="fraud", version=1, reason="Back.").request
    assert request is not None
    run_checks(request)
    tasks.apply_request(request.pk)
    assert incumbent_of(second).run.metrics["val_auc"] == 0.93


def test_without_a_pin_the_run_of_today_counts(serving: ModelVersion, by_ada: Actor, new_version: NewVersion) -> None:
    assert PromotionPin.objects.count() == 1
    archived = incumbent_of(new_version())
    assert archived.run.datasets == ()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), 1.7976931348623157e308])
def test_what_is_not_finite_is_unusable(value: float, by_ada: Actor, new_version: NewVersion) -> None:
    version = new_version()
    worsen(by_ada, version, value)
    run = load_subject(Move(version, "Production", archive_existing=True)).run
    assert (run.unusable, "val_auc" in run.metrics) == (("val_auc",), False)
