"""Every move of a model is told: to those who answer for it, deployed it or watch it, and never to who moved it."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from approvals import tasks
from approvals.models import TransitionRequest
from approvals.requests.roll_back import roll_back
from audit.actions import Action
from audit.models import Event
from core.actors import Actor
from notices.consumers import on_event
from notices.models import Notice, Topic
from notices.services.reading import choose_notices
from notices.services.watching import watch_model
from registry.models import InventoryEntry, ModelVersion
from registry.permissions import Level, grant_level
from registry.services.aliases import delete_alias, set_alias
from registry.services.deployments import register_deployment
from registry.services.stages import archive_superseded, change_stage
from registry.stages import Stage
from tests.approvals.conftest import Ask, NewVersion, RunChecks
from tests.conftest import Acting
from tests.notices.test_creating import decide, told

MOVES = (Topic.PROMOTION, Topic.ROLLBACK, Topic.MOVE, Topic.ALIAS, Topic.LEFT)


def moves_told(person: User) -> list[tuple[str, str]]:
    return [(topic, title) for topic, title in told(person) if topic in MOVES]


def promote(ask: Ask, run_checks: RunChecks, by_bea: Actor, version: ModelVersion) -> TransitionRequest:
    request = ask(version)
    run_checks(request)
    decide(by_bea, request, "approve")
    assert tasks.apply_request(request.pk) == "applied"
    return request


@pytest.fixture
def watched(cy: User, acting: Acting, new_version: NewVersion, policies: object) -> ModelVersion:
    version = new_version()
    watch_model(actor=acting(cy), name="fraud")
    return version


def test_a_promotion_and_the_worker_that_archives(
    watched: ModelVersion,
    new_version: NewVersion,
    ask: Ask,
    run_checks: RunChecks,
    by_bea: Actor,
    bea: User,
    cy: User,
    ada: User,
    acting: Acting,
) -> None:
    promote(ask, run_checks, by_bea, watched)
    request = ask(new_version(), archive_existing=False)
    run_checks(request)
    decide(by_bea, request, "approve")
    tasks.apply_request(request.pk)
    first = ModelVersion.objects.get(pk=watched.pk)
    assert not first.is_current
    with time_machine.travel(timezone.now() + timedelta(days=400)):
        ModelVersion.objects.filter(pk=first.pk, archive_after=None).update(archive_after=timezone.now())
        assert archive_superseded(actor=acting(User.objects.create_superuser("sweep")), version_id=first.pk)
    expected = [
        (Topic.PROMOTION, "fraud v1 is in Production"),
        (Topic.PROMOTION, "fraud v2 is in Production"),
        (Topic.MOVE, "fraud v1 moved from Production to Archived"),
    ]
    assert moves_told(cy) == moves_told(bea) == expected
    assert moves_told(ada) == expected[2:]  # she asked for both promotions herself
    assert Notice.objects.get(person=cy, title=expected[1][1]).text.startswith("It replaces v1. By ada.")


def test_a_rollback_is_its_own_kind(
    watched: ModelVersion,
    new_version: NewVersion,
    ask: Ask,
    run_checks: RunChecks,
    by_bea: Actor,
    by_ada: Actor,
    cy: User,
) -> None:
    promote(ask, run_checks, by_bea, watched)
    promote(ask, run_checks, by_bea, new_version())
    roll_back(actor=by_ada, name="fraud", reason="It drifts.", target="Production", wait_seconds=0)
    request = TransitionRequest.objects.latest("pk")
    run_checks(request)
    tasks.apply_request(request.pk)
    assert moves_told(cy)[-1] == (Topic.ROLLBACK, "fraud v1 is back in Production")


def test_stages_and_aliases_that_no_policy_governs(
    cy: User, bea: User, by_ada: Actor, acting: Acting, new_version: NewVersion
) -> None:
    version = new_version()
    watch_model(actor=acting(cy), name="fraud")
    InventoryEntry.objects.update_or_create(model=version.model, defaults={"owner": bea})
    change_stage(actor=by_ada, version=version, target=Stage.STAGING, archive_existing=False, reason="Try it.")
    set_alias(actor=by_ada, name="fraud", alias="blue", version=1)
    set_alias(actor=by_ada, name="fraud", alias="blue", version=1)  # nothing moved
    new_version()
    set_alias(actor=by_ada, name="fraud", alias="blue", version=2)
    delete_alias(actor=by_ada, name="fraud", alias="blue")
    assert moves_told(cy) == [
        (Topic.MOVE, "fraud v1 moved from None to Staging"),
        (Topic.ALIAS, "@blue of fraud now points at v1"),
        (Topic.ALIAS, "@blue of fraud now points at v2"),
        (Topic.ALIAS, "@blue was removed from fraud v2"),
    ]
    assert moves_told(bea) == moves_told(cy)  # the owner in the inventory
    assert "By ada. Try it." in Notice.objects.filter(person=cy).earliest("pk").text


def test_who_deployed_the_model_is_told(
    cy: User, bot: User, ada: User, acting: Acting, new_version: NewVersion
) -> None:
    version = new_version()
    owner = User.objects.create_user("olga")
    User.objects.filter(pk=bot.pk).update(owner=owner)
    register_deployment(actor=acting(bot), endpoint="/predict", model="fraud", version=1)
    change_stage(actor=acting(cy), version=version, target=Stage.STAGING, archive_existing=False, reason="")
    assert moves_told(owner) == [(Topic.MOVE, "fraud v1 moved from None to Staging")]
    assert moves_told(cy) == []


def test_leaving_is_told_once(cy: User, bea: User, acting: Acting, new_version: NewVersion, by_ada: Actor) -> None:
    version = new_version()
    change_stage(actor=by_ada, version=version, target=Stage.PRODUCTION, archive_existing=False, reason="")
    watch_model(actor=acting(cy), name="fraud")
    version.refresh_from_db()
    change_stage(actor=by_ada, version=version, target=Stage.ARCHIVED, archive_existing=False, reason="")
    assert moves_told(cy) == [(Topic.LEFT, "fraud v1 left Production without a successor")]


def test_a_kind_that_is_not_wanted_is_not_shown_and_the_others_are(
    cy: User, acting: Acting, new_version: NewVersion, by_ada: Actor
) -> None:
    version = new_version()
    watch_model(actor=acting(cy), name="fraud")
    choose_notices(actor=acting(cy), choices={(Topic.ALIAS, "inbox")})
    change_stage(actor=by_ada, version=version, target=Stage.STAGING, archive_existing=False, reason="")
    set_alias(actor=by_ada, name="fraud", alias="blue", version=1)
    assert [row.topic for row in Notice.objects.filter(person=cy, in_inbox=True)] == [Topic.ALIAS]


def test_a_watcher_who_may_no_longer_see_the_model_is_not_told(
    cy: User, acting: Acting, new_version: NewVersion, by_ada: Actor, settings: Settings
) -> None:
    version = new_version()
    grant_level(user=User.objects.get(username="ada"), model=version.model, level=Level.MANAGE)
    watch_model(actor=acting(cy), name="fraud")
    settings.DEFAULT_MODEL_LEVEL = "none"
    change_stage(actor=by_ada, version=version, target=Stage.STAGING, archive_existing=False, reason="")
    assert told(cy) == []


def test_more_people_deployments_and_versions_cost_no_more_queries(
    cy: User, acting: Acting, new_version: NewVersion, by_ada: Actor
) -> None:
    version = new_version()
    watch_model(actor=acting(cy), name="fraud")
    register_deployment(actor=by_ada, endpoint="/predict", model="fraud", version=1)
    change_stage(actor=by_ada, version=version, target=Stage.STAGING, archive_existing=False, reason="")
    event = Event.objects.get(action=Action.REGISTRY_STAGE_CHANGED)

    def cost() -> int:
        Notice.objects.all().delete()
        with CaptureQueriesContext(connection) as queries:
            on_event(event)
        return len(queries)

    before = cost()
    for number in range(4):
        other = User.objects.create_user(f"watcher-{number}")
        watch_model(actor=acting(other), name="fraud")
        grant_level(user=other, model=version.model, level=Level.MANAGE)
        register_deployment(actor=acting(other), endpoint=f"/predict-{number}", model="fraud", version=1)
        new_version()
    assert cost() == before
    assert Notice.objects.count() == 5
