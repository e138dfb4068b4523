"""Levels and grants: what each lets one do, who hands them out, and that nothing else does."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group
from pytest_django import Settings

from accounts.models import User
from accounts.principals import PrincipalKind
from audit.actions import Action
from audit.models import Event
from audit.queries import facts
from core.actors import Actor, anonymous_actor, system_actor
from core.errors import Denied, InvalidInput, NotFound
from registry.models import ModelVersion, RegisteredModel
from registry.permissions import Grant, Level, grants_of, has_level, level_of
from registry.services.permissions import MAX_GRANTS, set_permissions
from registry.services.stages import change_stage
from registry.stages import Stage
from tests.conftest import Acting
from tests.registry.conftest import NewVersion

USER, GROUP, SERVICE = PrincipalKind.USER, PrincipalKind.GROUP, PrincipalKind.SERVICE


@pytest.fixture(autouse=True)
def _closed(settings: Settings) -> None:
    settings.DEFAULT_MODEL_LEVEL = "none"


def given(actor: Actor, *grants: Grant, replace: bool = False) -> None:
    set_permissions(actor=actor, name="fraud", grants=grants, replace=replace)


def moved(actor: Actor, version: ModelVersion, target: Stage) -> ModelVersion:
    return change_stage(actor=actor, version=version, target=target, archive_existing=False, reason="test")


@pytest.mark.parametrize("level", list(Level))
def test_a_level_includes_the_ones_before(
    level: Level, by_ada: Actor, cy: User, acting: Acting, fraud: RegisteredModel
) -> None:
    given(by_ada, Grant(USER, "cy", level))
    assert [other for other in Level if has_level(acting(cy), fraud, other)] == list(Level)[:level]
    assert level_of(acting(cy), fraud) is level


def test_the_highest_of_person_groups_and_default_counts(
    settings: Settings, by_ada: Actor, bea: User, acting: Acting, fraud: RegisteredModel
) -> None:
    given(by_ada, Grant(USER, "bea", Level.READ), Grant(GROUP, "reviewers", Level.MANAGE_STAGING))
    assert level_of(acting(bea), fraud) is Level.MANAGE_STAGING
    settings.DEFAULT_MODEL_LEVEL = "manage_production"
    assert level_of(acting(bea), fraud) is Level.MANAGE_PRODUCTION


def test_levels_of_those_who_need_no_grant(ops: User, acting: Acting, fraud: RegisteredModel) -> None:
    assert level_of(acting(ops), fraud) is level_of(system_actor("x"), fraud) is Level.MANAGE
    assert level_of(anonymous_actor(), fraud) is None


@pytest.mark.parametrize(
    ("level", "source", "target", "may"),
    [
        (Level.EDIT, Stage.NONE, Stage.ARCHIVED, False),
        (Level.EDIT, Stage.NONE, Stage.STAGING, False),
        (Level.MANAGE_STAGING, Stage.NONE, Stage.STAGING, True),
        (Level.MANAGE_STAGING, Stage.STAGING, Stage.ARCHIVED, True),
        (Level.MANAGE_STAGING, Stage.STAGING, Stage.PRODUCTION, False),
        (Level.MANAGE_STAGING, Stage.PRODUCTION, Stage.ARCHIVED, False),
        (Level.MANAGE_PRODUCTION, Stage.STAGING, Stage.PRODUCTION, True),
        (Level.MANAGE_PRODUCTION, Stage.PRODUCTION, Stage.NONE, True),
    ],
)
def test_who_moves_what_no_policy_governs(
    level: Level,
    source: Stage,
    target: Stage,
    may: bool,
    by_ada: Actor,
    cy: User,
    acting: Acting,
    new_version: NewVersion,
) -> None:
    version = moved(by_ada, new_version(), source)
    given(by_ada, Grant(USER, "cy", level))
    if may:
        assert moved(acting(cy), version, target).stage == target
        return
    with pytest.raises(Denied):
        moved(acting(cy), version, target)
    version.refresh_from_db()
    assert version.stage == source


def test_naming_again_changes_the_level_and_replacing_takes_the_others_away(
    by_ada: Actor, cy: User, bot: User, fraud: RegisteredModel
) -> None:
    given(by_ada, Grant(USER, "cy", Level.MANAGE), Grant(SERVICE, "bot", Level.EDIT))
    given(by_ada, Grant(USER, "cy", Level.READ))
    ada = Grant(USER, "ada", Level.MANAGE)
    assert grants_of(fraud) == [Grant(SERVICE, "bot", Level.EDIT), ada, Grant(USER, "cy", Level.READ)]
    given(by_ada, ada, replace=True)
    assert grants_of(fraud) == [ada]


def test_a_change_is_an_event_and_no_change_is_none(by_ada: Actor, cy: User, fraud: RegisteredModel) -> None:
    given(by_ada, Grant(USER, "cy", Level.READ))
    given(by_ada, Grant(USER, "cy", Level.READ))
    found = facts(Event.objects.get(action=Action.REGISTRY_PERMISSIONS_CHANGED))
    assert found["before"] == {"user:ada": "manage"}
    assert found["after"] == {"user:ada": "manage", "user:cy": "read"}


def test_no_grant_is_hidden_behind_many_others(by_ada: Actor, cy: User, fraud: RegisteredModel) -> None:
    crowd = [User.objects.create_user(f"a{number:03}") for number in range(120)]
    given(by_ada, *(Grant(USER, user.username, Level.READ) for user in crowd))
    given(by_ada, Grant(USER, "cy", Level.MANAGE))
    events = [facts(event) for event in Event.objects.filter(action=Action.REGISTRY_PERMISSIONS_CHANGED).order_by("id")]
    named = {name for event in events for name in event["after"]}
    assert named == {"user:cy", *(f"user:{user.username}" for user in crowd)}
    assert (events[-1]["before"], events[-1]["after"]) == ({}, {"user:cy": "manage"})


@pytest.mark.parametrize("level", [level for level in Level if level < Level.MANAGE])
def test_only_who_manages_hands_out(
    level: Level, by_ada: Actor, cy: User, acting: Acting, fraud: RegisteredModel
) -> None:
    given(by_ada, Grant(USER, "cy", level))
    before = grants_of(fraud)
    with pytest.raises(Denied):
        given(acting(cy), Grant(USER, "cy", Level.MANAGE))
    assert grants_of(fraud) == before


def test_for_an_outsider_there_is_nothing_to_hand_out(cy: User, acting: Acting, fraud: RegisteredModel) -> None:
    with pytest.raises(NotFound, match="Registered Model with name=fraud not found"):
        given(acting(cy), Grant(USER, "cy", Level.MANAGE))


@pytest.mark.parametrize(
    ("grants", "error"),
    [
        ([Grant(USER, "nobody", Level.READ)], NotFound),
        ([Grant(GROUP, "cy", Level.READ)], NotFound),
        ([Grant(SERVICE, "cy", Level.READ)], NotFound),
        ([Grant(USER, "cy", Level.READ), Grant(USER, "cy", Level.EDIT)], InvalidInput),
        ([Grant(USER, f"u{number}", Level.READ) for number in range(MAX_GRANTS + 1)], InvalidInput),
    ],
)
def test_a_list_that_is_wrong_changes_nothing(
    grants: list[Grant], error: type[Exception], by_ada: Actor, cy: User, fraud: RegisteredModel
) -> None:
    with pytest.raises(error):
        given(by_ada, *grants, replace=True)
    assert grants_of(fraud) == [Grant(USER, "ada", Level.MANAGE)]


def test_who_leaves_a_group_loses_what_it_was_granted(
    by_ada: Actor, bea: User, acting: Acting, fraud: RegisteredModel
) -> None:
    given(by_ada, Grant(GROUP, "reviewers", Level.EDIT))
    bea.groups.remove(Group.objects.get(name="reviewers"))
    assert level_of(acting(bea), fraud) is None
