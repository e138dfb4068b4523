"""Names, tags and the risk tier of a model lead past no policy on leaving, and past none on transitions."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from accounts.models import User
from core.actors import Actor
from core.errors import Conflict, Denied, GateRefused
from registry.models import ModelVersion
from registry.permissions import Level, grant_level
from registry.services.models import delete_model_tag, rename_model, set_model_tag
from registry.services.stages import change_stage
from registry.stages import Stage
from tests.approvals.conftest import NewVersion
from tests.approvals.governed import PRODUCTION, stage_of
from tests.approvals.publishing import publish_policy
from tests.signed_in import actor_of

SECOND = {"id": "second", "approvals": {"count": 1, "groups": ["reviewers"]}}


@pytest.fixture
def by_cy(cy: User) -> Actor:
    """Cy manages the model and has to do with none of its versions."""
    return actor_of(cy)


@pytest.fixture
def current(new_version: NewVersion, cy: User, by_ada: Actor) -> ModelVersion:
    """Version 1 of `fraud` is in Production, and `fraud` has the tag `team`."""
    version = new_version()
    grant_level(user=cy, model=version.model, level=Level.MANAGE)
    set_model_tag(actor=by_ada, name="fraud", key="team", value="risk")
    change_to(version, "Production", by_ada)
    return version


def change_to(version: ModelVersion, stage: str, actor: Actor) -> None:
    row = ModelVersion.objects.select_related("model").get(pk=version.pk)
    change_stage(actor=actor, version=row, target=Stage(stage), archive_existing=False, reason="x")


def leaving(**scope: object) -> None:
    publish_policy(body={"name": "leave", "applies_to": {"leaves": "Production", **scope}, "rules": [SECOND]})


def untag(actor: Actor) -> None:
    delete_model_tag(actor=actor, name="fraud", key="team")


def retag(actor: Actor) -> None:
    set_model_tag(actor=actor, name="fraud", key="team", value="none")


@pytest.mark.parametrize("change", [untag, retag])
def test_a_tag_is_no_way_around_the_second_person(
    current: ModelVersion, by_cy: Actor, change: Callable[[Actor], None]
) -> None:
    leaving(models="*", tags={"team": "risk"})
    with pytest.raises(Denied, match="takes two people"):
        change(by_cy)
    with pytest.raises(GateRefused):
        change_to(current, "Archived", by_cy)
    assert stage_of(1) == PRODUCTION


def test_nor_is_another_name(current: ModelVersion, by_cy: Actor) -> None:
    leaving(models="fraud")
    with pytest.raises((Conflict, Denied)):
        rename_model(actor=by_cy, name="fraud", new_name="other")
    assert stage_of(1) == PRODUCTION


def test_when_nothing_is_there_the_scope_changes(new_version: NewVersion, cy: User, by_cy: Actor) -> None:
    grant_level(user=cy, model=new_version().model, level=Level.MANAGE)
    leaving(models="fraud")
    assert rename_model(actor=by_cy, name="fraud", new_name="other").name == "other"


def test_archived_stays_final_under_another_name(current: ModelVersion, by_cy: Actor, by_ada: Actor) -> None:
    change_to(current, "Archived", by_ada)
    allowed = {"None": ["Staging"], "Staging": ["Production", "Archived"], "Production": ["Archived"], "Archived": []}
    rule = {"id": "stages", "level": "hard", "transitions": allowed}
    publish_policy(body={"name": "stages", "applies_to": {"target": "transitions", "models": "fraud"}, "rules": [rule]})
    with pytest.raises(Conflict, match="another policy"):
        rename_model(actor=by_cy, name="fraud", new_name="other")
    with pytest.raises(Denied, match="From Archived it allows no other stage"):
        change_to(current, "Production", by_cy)
    assert stage_of(1) == ("Archived", False)
