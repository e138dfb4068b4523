"""Records of deployments that are taken away before a version leaves Production: the second person is still asked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from approvals import tasks
from approvals.models import TransitionRequest
from core.actors import Actor
from core.errors import GateRefused
from registry.models import Deployment, ModelVersion
from registry.permissions import Level, grant_level
from registry.services.deployments import end_deployment, register_deployment
from registry.services.models import create_model
from registry.services.versions import create_version
from tests.approvals.conftest import NewVersion
from tests.approvals.governed import PRODUCTION, approve, promote, publish, stage_of
from tests.approvals.requests.test_leaving import REASON, SECOND, leave, publish_leaving
from tests.conftest import Acting
from tests.recorded_fixtures import recorded_fixture

LONG_AGO = timedelta(days=8)


@pytest.fixture
@recorded_fixture
def served(new_version: NewVersion, by_ada: Actor, by_bea: Actor) -> ModelVersion:
    """Version 1 of `fraud`: current Production, and /predict serves it."""
    publish()
    version = new_version()
    promote(by_ada, by_bea, version)
    publish_leaving(REASON, SECOND)
    register_deployment(actor=by_ada, endpoint="/predict", model="fraud", version=1)
    return ModelVersion.objects.select_related("model").get(pk=version.pk)


def end(actor: Actor) -> None:
    end_deployment(actor=actor, endpoint="/predict", number=1)


def name_for_another_version(actor: Actor) -> None:
    run_id = ModelVersion.objects.get(version=1).run_id
    other = create_version(actor=actor, name="fraud", source=f"runs:/{run_id}/model", run_id=run_id)
    register_deployment(actor=actor, endpoint="/predict", model="fraud", version=other.version)


def is_refused(actor: Actor) -> bool:
    with pytest.raises(GateRefused) as refused:
        leave(actor, "Archived", "It drifts.")
    return [item["rule"] for item in refused.value.blocked_by] == ["second"] and stage_of(1) == PRODUCTION


@pytest.mark.parametrize("take_away", [end, name_for_another_version])
def test_a_record_that_is_taken_away_first_still_counts(
    served: ModelVersion, by_ada: Actor, by_bea: Actor, take_away: Callable[[Actor], None]
) -> None:
    take_away(by_ada)
    assert not served.deployments.filter(ended_at__isnull=True).exists()
    assert is_refused(by_ada)
    request = TransitionRequest.objects.get(target="Archived")
    approve(by_bea, request)
    assert tasks.apply_request(request.pk) == "applied"


def test_it_counts_for_ever_against_whoever_ended_it(served: ModelVersion, by_ada: Actor) -> None:
    end(by_ada)
    Deployment.objects.update(ended_at=timezone.now() - LONG_AGO)
    assert is_refused(by_ada)


def test_an_account_of_the_requester_is_the_requester(
    served: ModelVersion, by_ada: Actor, bot: User, acting: Acting
) -> None:
    grant_level(user=bot, model=served.model, level=Level.EDIT)
    end(acting(bot))
    Deployment.objects.update(ended_at=timezone.now() - LONG_AGO)
    assert is_refused(by_ada)


def test_a_record_that_another_ended_counts_for_a_week(
    served: ModelVersion, by_ada: Actor, by_bea: Actor, bea: User
) -> None:
    grant_level(user=bea, model=served.model, level=Level.EDIT)
    end(by_bea)
    assert is_refused(by_ada)
    Deployment.objects.update(ended_at=timezone.now() - LONG_AGO)
    request = TransitionRequest.objects.get(target="Archived")
    tasks.settle_request(request.pk)
    assert tasks.apply_request(request.pk) == "applied"


def test_a_stranger_ends_no_deployment_by_naming_its_endpoint(
    served: ModelVersion, by_ada: Actor, cy: User, acting: Acting, settings: Settings
) -> None:
    by_cy = acting(cy)
    create_model(actor=by_cy, name="mine")
    create_version(actor=by_cy, name="mine", source=f"runs:/{served.run_id}/model", run_id=served.run_id)
    settings.DEFAULT_MODEL_LEVEL = "read"
    register_deployment(actor=by_cy, endpoint="/predict", model="mine", version=1)
    assert served.deployments.filter(ended_at__isnull=True).exists()
