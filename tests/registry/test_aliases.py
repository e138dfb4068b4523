"""Aliases: movable names for a version."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.models import Event
from core.actors import Actor
from core.errors import InvalidInput, NotFound
from registry.models import Alias, ModelVersion, RegisteredModel
from registry.names import check_alias
from registry.queries import version_by_alias
from registry.services.aliases import delete_alias, set_alias
from registry.services.stages import change_stage
from registry.services.versions import delete_version
from registry.stages import Stage
from tests.registry.conftest import NewVersion


def test_an_alias_moves(by_ada: Actor, new_version: NewVersion) -> None:
    new_version()
    new_version()
    set_alias(actor=by_ada, name="fraud", alias="champion", version=1)
    set_alias(actor=by_ada, name="fraud", alias="champion", version=2)
    assert version_by_alias(by_ada, "fraud", "champion").version == 2
    assert Event.objects.filter(action="registry.alias.set").count() == 2


@pytest.mark.parametrize("alias", ["", "latest", "LATEST", "v1", "V22", "a b", "a/b", "a\n", "x" * 256, "@x"])
def test_aliases_that_cannot_be(alias: str, by_ada: Actor, new_version: NewVersion) -> None:
    new_version()
    with pytest.raises(InvalidInput):
        set_alias(actor=by_ada, name="fraud", alias=alias, version=1)
    assert not Alias.objects.exists()


@pytest.mark.parametrize("alias", ["latest", "LATEST"])
def test_latest_is_the_highest_version(alias: str, by_ada: Actor, new_version: NewVersion) -> None:
    for _ in range(3):
        new_version()
    first = ModelVersion.objects.get(version=1)
    change_stage(actor=by_ada, version=first, target=Stage.PRODUCTION, archive_existing=False, reason="")
    assert version_by_alias(by_ada, "fraud", alias).version == 3
    for version in (3, 2):
        RegisteredModel.objects.update(updated_ms=1)
        delete_version(actor=by_ada, name="fraud", version=version)
        assert RegisteredModel.objects.get().updated_ms > 1  # as on MLflow's servers
    assert version_by_alias(by_ada, "fraud", alias).version == 1


def test_a_model_without_versions_has_no_latest(by_ada: Actor, fraud: RegisteredModel) -> None:
    with pytest.raises(NotFound, match="Latest version not found for model fraud"):
        version_by_alias(by_ada, "fraud", "latest")


def test_an_alias_needs_a_version(by_ada: Actor, new_version: NewVersion) -> None:
    new_version()
    with pytest.raises(NotFound):
        set_alias(actor=by_ada, name="fraud", alias="champion", version=9)


def test_deleting_twice_is_no_error_and_one_event(by_ada: Actor, new_version: NewVersion) -> None:
    new_version()
    set_alias(actor=by_ada, name="fraud", alias="champion", version=1)
    delete_alias(actor=by_ada, name="fraud", alias="champion")
    delete_alias(actor=by_ada, name="fraud", alias="champion")
    assert Event.objects.filter(action="registry.alias.deleted").count() == 1
    with pytest.raises(NotFound, match="Registered model alias champion not found"):
        version_by_alias(by_ada, "fraud", "champion")


@given(st.text(alphabet=st.sampled_from("ab_-9vV1latest"), max_size=8))
def test_an_accepted_alias_is_never_a_reserved_word(alias: str) -> None:
    try:
        check_alias(alias)
    except InvalidInput:
        return
    assert alias.lower() != "latest"
    assert not (alias[:1] in "vV" and alias[1:].isdigit())
