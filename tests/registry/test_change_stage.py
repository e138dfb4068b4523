"""The one writer of stages: every pair, who may, what the database holds, and that each change has its event."""

from __future__ import annotations

from datetime import timedelta
from itertools import product

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from audit.actions import Action
from audit.models import Event
from core.actors import Actor, anonymous_actor, system_actor
from core.errors import Conflict, Denied, GateRefused, InvalidInput, NotFound
from registry.gates import GatePass
from registry.models import ModelVersion
from registry.services.stages import archive_superseded, change_stage
from registry.services.versions import delete_version
from registry.stages import Stage
from tests.conftest import Acting
from tests.registry.conftest import NewVersion

PAIRS = list(product(Stage, Stage))


def moved(actor: Actor, version: ModelVersion, target: Stage, *, archive: bool = False) -> ModelVersion:
    return change_stage(actor=actor, version=version, target=target, archive_existing=archive, reason="test")


def stage_events() -> int:
    return Event.objects.filter(action=Action.REGISTRY_STAGE_CHANGED, outcome="ok").count()


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_every_pair_without_policies(source: Stage, target: Stage, by_ada: Actor, new_version: NewVersion) -> None:
    version = moved(by_ada, new_version(), source)
    before = stage_events()
    after = moved(by_ada, version, target)
    assert (after.stage, after.is_current) == (target, target == Stage.PRODUCTION)
    assert stage_events() - before == (source != target)


def test_promotion_with_archiving_swaps_in_one_step(by_ada: Actor, new_version: NewVersion) -> None:
    old = moved(by_ada, new_version(), Stage.PRODUCTION)
    new = moved(by_ada, new_version(), Stage.PRODUCTION, archive=True)
    old.refresh_from_db()
    assert (old.stage, old.is_current, old.superseded_by) == (Stage.ARCHIVED, False, new)
    assert new.is_current
    assert stage_events() == 3


def test_promotion_without_archiving_keeps_the_old_stage_but_not_the_mark(
    by_ada: Actor, new_version: NewVersion
) -> None:
    old = moved(by_ada, new_version(), Stage.PRODUCTION)
    new = moved(by_ada, new_version(), Stage.PRODUCTION)
    old.refresh_from_db()
    assert (old.stage, old.is_current, old.superseded_by, old.archive_after) == (Stage.PRODUCTION, False, new, None)


def test_a_superseded_version_returns(by_ada: Actor, new_version: NewVersion) -> None:
    old = moved(by_ada, new_version(), Stage.PRODUCTION)
    new = moved(by_ada, new_version(), Stage.PRODUCTION)
    old.refresh_from_db()
    back = moved(by_ada, old, Stage.PRODUCTION)
    new.refresh_from_db()
    assert (back.is_current, back.superseded_by, new.is_current, new.superseded_by) == (True, None, False, back)


def test_archiving_in_staging_leaves_production_alone(by_ada: Actor, new_version: NewVersion) -> None:
    live = moved(by_ada, new_version(), Stage.PRODUCTION)
    first = moved(by_ada, new_version(), Stage.STAGING)
    moved(by_ada, new_version(), Stage.STAGING, archive=True)
    first.refresh_from_db()
    live.refresh_from_db()
    assert (first.stage, live.stage, live.is_current) == (Stage.ARCHIVED, Stage.PRODUCTION, True)


@pytest.mark.parametrize("target", [Stage.NONE, Stage.ARCHIVED])
def test_archiving_others_needs_an_active_target(target: Stage, by_ada: Actor, new_version: NewVersion) -> None:
    version = moved(by_ada, new_version(), Stage.STAGING)
    with pytest.raises(InvalidInput, match="is not an Active stage"):
        moved(by_ada, version, target, archive=True)
    version.refresh_from_db()
    assert version.stage == Stage.STAGING


def test_a_stale_caller_is_told(by_ada: Actor, new_version: NewVersion) -> None:
    seen = new_version()
    moved(by_ada, seen, Stage.STAGING)
    with pytest.raises(Conflict, match="Staging now"):
        moved(by_ada, seen, Stage.PRODUCTION)
    assert stage_events() == 1


def test_a_caller_who_saw_it_current_is_told_that_it_was_superseded(by_ada: Actor, new_version: NewVersion) -> None:
    seen = moved(by_ada, new_version(), Stage.PRODUCTION)
    moved(by_ada, new_version(), Stage.PRODUCTION)
    with pytest.raises(Conflict):
        moved(by_ada, seen, Stage.ARCHIVED)


def test_a_deleted_version_is_missing(by_ada: Actor, new_version: NewVersion) -> None:
    version = new_version()
    delete_version(actor=by_ada, name="fraud", version=1)
    with pytest.raises(NotFound):
        moved(by_ada, version, Stage.STAGING)


@pytest.mark.parametrize("default", ["read", ""])
def test_who_may_not_edit_changes_nothing(
    default: str, cy: User, acting: Acting, settings: Settings, new_version: NewVersion
) -> None:
    version = new_version()
    settings.DEFAULT_MODEL_LEVEL = default
    with pytest.raises(Denied if default else NotFound):
        moved(acting(cy), version, Stage.STAGING)
    version.refresh_from_db()
    assert version.stage == Stage.NONE
    assert stage_events() == 0


def test_nobody_moves_nothing(new_version: NewVersion) -> None:
    with pytest.raises(NotFound):
        moved(anonymous_actor(), new_version(), Stage.STAGING)


class Allowing:
    """A gate whose policies know every transition."""

    def transition_refusal(self, **_: object) -> str:
        return ""


class Passing(Allowing):
    """A gate that says yes on bea's approval, with a day's way back."""

    def check(self, **_: object) -> GatePass:
        return GatePass(("bea",), timezone.now(), "request 7", timedelta(days=1))


class Refusing(Allowing):
    """A gate that says no."""

    def check(self, **_: object) -> None:
        raise GateRefused("not yet", action=Action.REGISTRY_STAGE_CHANGED, obj="x", stream="y", blocked_by=[])


class Broken(Allowing):
    """A gate that cannot answer."""

    def check(self, **_: object) -> None:
        raise ZeroDivisionError


class Silent(Allowing):
    """A gate that does not govern this move."""

    def check(self, **_: object) -> None:
        return None


HERE = "tests.registry.test_change_stage"


@pytest.mark.parametrize("gate", [f"{HERE}.Refusing", f"{HERE}.Broken", "no.such.Gate"])
def test_a_gate_that_does_not_pass_refuses(
    gate: str, by_ada: Actor, settings: Settings, new_version: NewVersion
) -> None:
    version = new_version()
    settings.TRANSITION_GATES = [f"{HERE}.Silent", gate, f"{HERE}.Passing"]
    with pytest.raises(Denied):
        moved(by_ada, version, Stage.PRODUCTION)
    version.refresh_from_db()
    assert (version.stage, stage_events()) == (Stage.NONE, 0)


def test_a_pass_is_kept_with_the_version_and_opens_the_rollback_window(
    by_ada: Actor, settings: Settings, new_version: NewVersion
) -> None:
    old = moved(by_ada, new_version(), Stage.PRODUCTION)
    settings.TRANSITION_GATES = [f"{HERE}.Silent", f"{HERE}.Passing"]
    new = moved(by_ada, new_version(), Stage.PRODUCTION)
    old.refresh_from_db()
    assert (new.approved_by, old.approved_by) == ("bea", "")
    assert old.archive_after is not None
    assert old.archive_after - timezone.now() > timedelta(hours=23)


def test_archiving_asks_no_gate(by_ada: Actor, settings: Settings, new_version: NewVersion) -> None:
    version = moved(by_ada, new_version(), Stage.STAGING)
    settings.TRANSITION_GATES = [f"{HERE}.Broken"]
    assert moved(by_ada, version, Stage.ARCHIVED).stage == Stage.ARCHIVED


def test_the_window_closes(by_ada: Actor, settings: Settings, new_version: NewVersion) -> None:
    old = moved(by_ada, new_version(), Stage.PRODUCTION)
    settings.TRANSITION_GATES = [f"{HERE}.Passing"]
    moved(by_ada, new_version(), Stage.PRODUCTION)
    assert not archive_superseded(actor=system_actor("archive"), version_id=old.pk)
    ModelVersion.objects.filter(pk=old.pk).update(archive_after=timezone.now())
    assert archive_superseded(actor=system_actor("archive"), version_id=old.pk)
    assert not archive_superseded(actor=system_actor("archive"), version_id=old.pk)
    old.refresh_from_db()
    assert (old.stage, old.archive_after, old.superseded_by is None) == (Stage.ARCHIVED, None, False)


def test_the_database_holds_one_current(by_ada: Actor, new_version: NewVersion) -> None:
    moved(by_ada, new_version(), Stage.PRODUCTION)
    other = new_version()
    with pytest.raises(IntegrityError), transaction.atomic():
        ModelVersion.objects.filter(pk=other.pk).update(stage=Stage.PRODUCTION, is_current=True)


def test_a_repeated_promotion_is_no_change(by_ada: Actor, settings: Settings, new_version: NewVersion) -> None:
    live = moved(by_ada, new_version(), Stage.PRODUCTION)
    settings.TRANSITION_GATES = [f"{HERE}.Broken"]
    assert moved(by_ada, live, Stage.PRODUCTION).is_current
    assert stage_events() == 1
