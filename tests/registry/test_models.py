"""Registered models: names, renaming, tags, deleting, and that a refusal changes nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from accounts.models import User
from audit.models import Event
from core.actors import Actor
from core.errors import AlreadyExists, Conflict, Denied, InvalidInput, NotFound, TooLarge
from lineage.queries import find_node
from registry.models import RegisteredModel
from registry.names import name_key
from registry.permissions import Level, grant_level, has_level, visible_models
from registry.queries import get_model, get_version
from registry.services.deployments import register_deployment
from registry.services.models import (
    create_model,
    delete_model,
    delete_model_tag,
    rename_model,
    set_model_tag,
    update_model,
)
from registry.services.stages import change_stage
from registry.stages import Stage
from tests.conftest import Acting
from tests.registry.conftest import NewVersion


def test_the_creator_manages_and_everybody_edits(
    by_ada: Actor, cy: User, acting: Acting, fraud: RegisteredModel
) -> None:
    assert has_level(by_ada, fraud, Level.MANAGE)
    assert has_level(acting(cy), fraud, Level.EDIT)
    assert not has_level(acting(cy), fraud, Level.MANAGE)


@pytest.mark.parametrize("name", ["", "  ", "a/b", "a:b", "a\x00b", "a\nb", "a\u200db", "..", ".", "\u202e", "x\ud800"])
def test_names_that_cannot_be(name: str, by_ada: Actor) -> None:
    with pytest.raises(InvalidInput):
        create_model(actor=by_ada, name=name)
    assert not RegisteredModel.objects.exists()


def test_a_name_is_at_most_256_long(by_ada: Actor) -> None:
    create_model(actor=by_ada, name="x" * 256)
    with pytest.raises(TooLarge):
        create_model(actor=by_ada, name="x" * 257)


CONFUSABLE = [
    "prod-model",
    "prod%2Dmodel",
    "prod-model ",
    " prod-model",
    "prod%2Dmodel%20",
    "PROD-Model",
    "prod-model.",
    "\uff50rod-model",
    "prod\u2011model",
    "pr\u043ed-model",
    "\u0440rod-model",
]


@pytest.mark.parametrize("name", CONFUSABLE)
def test_a_name_that_reads_like_another_is_taken(name: str, by_ada: Actor) -> None:
    create_model(actor=by_ada, name="prod-model")
    with pytest.raises(AlreadyExists):
        create_model(actor=by_ada, name=name)
    assert RegisteredModel.objects.count() == 1


def test_names_that_differ_are_free(by_ada: Actor) -> None:
    for name in ["prod-model", "prod-model-2", "prod_model", "prodmodel", "модель", "模型"]:
        create_model(actor=by_ada, name=name)
    assert RegisteredModel.objects.count() == 6


@given(st.text(max_size=60))
def test_a_key_survives_case_and_blanks(name: str) -> None:
    assert name_key(f" {name} ") == name_key(name)
    assert name_key(name_key(name)).casefold() == name_key(name_key(name))


def test_rename_takes_everything_along(by_ada: Actor, new_version: NewVersion) -> None:
    new_version()
    rename_model(actor=by_ada, name="fraud", new_name="fraud-eu")
    assert get_version(by_ada, "fraud-eu", 1).model.name == "fraud-eu"
    assert find_node("model-version:fraud-eu/1").name == "fraud-eu"
    with pytest.raises(NotFound):
        get_model(by_ada, "fraud")


def test_the_same_name_again_is_no_rename(by_ada: Actor, fraud: RegisteredModel) -> None:
    before = Event.objects.count()
    assert rename_model(actor=by_ada, name="fraud", new_name="fraud").pk == fraud.pk
    assert Event.objects.count() == before


@pytest.mark.parametrize(("new_name", "error"), [("OTHER", AlreadyExists), ("a/b", InvalidInput)])
def test_a_bad_rename_changes_nothing(
    new_name: str, error: type[Exception], by_ada: Actor, fraud: RegisteredModel
) -> None:
    create_model(actor=by_ada, name="other")
    with pytest.raises(error):
        rename_model(actor=by_ada, name="fraud", new_name=new_name)
    assert get_model(by_ada, "fraud").pk == fraud.pk


def test_only_a_manager_renames_and_deletes(cy: User, acting: Acting, fraud: RegisteredModel) -> None:
    for attempt in (
        lambda: rename_model(actor=acting(cy), name="fraud", new_name="mine"),
        lambda: delete_model(actor=acting(cy), name="fraud"),
    ):
        with pytest.raises(Denied):
            attempt()
    fraud.refresh_from_db()
    assert (fraud.name, fraud.deleted_at) == ("fraud", None)


def test_deleting_hides_and_frees_the_name_without_its_history(by_ada: Actor, new_version: NewVersion) -> None:
    first = new_version().model
    delete_model(actor=by_ada, name="fraud")
    with pytest.raises(NotFound, match="Registered Model with name=fraud not found"):
        get_model(by_ada, "fraud")
    again = create_model(actor=by_ada, name="fraud")
    assert again.pk != first.pk
    assert again.last_version == 0
    with pytest.raises(NotFound):
        find_node("model-version:fraud/1")


def test_nobody_registers_into_the_history_of_a_deleted_model(by_ada: Actor, new_version: NewVersion) -> None:
    node = find_node(f"model-version:{new_version().model.name}/1")
    delete_model(actor=by_ada, name="fraud")
    node.refresh_from_db()
    with pytest.raises(InvalidInput):
        create_model(actor=by_ada, name=node.name)


def test_a_model_in_production_is_not_deleted(by_ada: Actor, new_version: NewVersion) -> None:
    version = new_version()
    change_stage(actor=by_ada, version=version, target=Stage.PRODUCTION, archive_existing=False, reason="")
    with pytest.raises(Conflict, match="Production"):
        delete_model(actor=by_ada, name="fraud")
    assert get_model(by_ada, "fraud").deleted_at is None


def test_a_deployed_model_is_not_deleted(by_ada: Actor, new_version: NewVersion) -> None:
    new_version()
    register_deployment(actor=by_ada, endpoint="/predict", model="fraud", version=1)
    with pytest.raises(Conflict, match="/predict"):
        delete_model(actor=by_ada, name="fraud")


def test_tags_and_description(by_ada: Actor, fraud: RegisteredModel) -> None:
    update_model(actor=by_ada, name="fraud", description="finds fraud")
    set_model_tag(actor=by_ada, name="fraud", key="team", value="risk")
    set_model_tag(actor=by_ada, name="fraud", key="team", value="core")
    delete_model_tag(actor=by_ada, name="fraud", key="absent")
    assert {tag.key: tag.value for tag in fraud.tags.all()} == {"team": "core"}
    actions = Event.objects.filter(stream=f"model:{fraud.pk}").order_by("id").values_list("action", flat=True)
    assert list(actions) == [
        "registry.model.created",
        "registry.model.updated",
        "registry.model_tag.set",
        "registry.model_tag.set",
    ]


@pytest.mark.parametrize("key", ["", "../x", "/x", "a//b", "a$b", "x" * 251, "a/../b", "a\n"])
def test_tag_keys_that_cannot_be(key: str, by_ada: Actor, fraud: RegisteredModel) -> None:
    with pytest.raises(InvalidInput):
        set_model_tag(actor=by_ada, name="fraud", key=key, value="x")
    assert not fraud.tags.exists()


def test_without_a_default_level_only_grants_count(
    settings: Settings, by_ada: Actor, cy: User, acting: Acting, fraud: RegisteredModel
) -> None:
    settings.DEFAULT_MODEL_LEVEL = ""
    assert [model.name for model in visible_models(by_ada)] == ["fraud"]
    assert not visible_models(acting(cy)).exists()
    grant_level(user=cy, model=fraud, level=Level.READ)
    assert visible_models(acting(cy)).count() == 1
    with pytest.raises(Denied):
        update_model(actor=acting(cy), name="fraud", description="mine")


def test_what_one_may_not_see_is_missing_in_the_same_words(
    settings: Settings, cy: User, acting: Acting, fraud: RegisteredModel
) -> None:
    settings.DEFAULT_MODEL_LEVEL = ""
    said = []
    for name in ("fraud", "never"):
        with pytest.raises(NotFound) as missing:
            get_model(acting(cy), name)
        said.append(missing.value.message.replace(name, "X"))
    assert said[0] == said[1]
