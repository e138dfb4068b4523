"""One pack for a promotion, however often its message is delivered; assessments of one model run one after another."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from approvals import tasks
from audit.models import Event
from core.actors import Actor
from core.errors import Conflict
from registry.models import FrozenPack, PackOrder, RiskAssessment
from registry.services.risk import assess_risk
from registry.services.stages import change_stage
from registry.stages import Stage
from tests.approvals.conftest import NewVersion
from tests.approvals.requests.test_races import at_once
from tests.registry.test_assess_risk import HARMLESS

pytestmark = pytest.mark.django_db(transaction=True)


def test_concurrent_workers_freeze_one_pack(settings: Settings, new_version: NewVersion, by_ada: Actor) -> None:
    settings.TRANSITION_GATES = []
    change_stage(
        actor=by_ada, version=new_version(), target=Stage.PRODUCTION, archive_existing=False, reason="ungoverned"
    )
    order = PackOrder.objects.get().pk
    given = at_once(*[lambda: tasks.freeze_pack(order_id=order)] * 4)
    assert set(given) == {FrozenPack.objects.get().digest}
    assert Event.objects.filter(action="registry.pack.frozen").count() == 1


def test_concurrent_assessments_run_one_after_another(new_version: NewVersion, by_ada: Actor) -> None:
    new_version()
    given = at_once(*[lambda: assess_risk(actor=by_ada, name="fraud", answers=HARMLESS, expected_number=0)] * 3)
    assert [row.number for row in RiskAssessment.objects.all()] == [1]
    assert sum(isinstance(answer, Conflict) for answer in given) == 2
