"""Searching versions by what MLflow's servers cannot be asked for: times, stage and alias."""

from __future__ import annotations

import pytest

from core.actors import Actor
from core.errors import InvalidInput
from registry.models import ModelVersion
from registry.production.lookups import shown_versions
from registry.search import search_version_ids
from registry.services.aliases import set_alias
from registry.services.stages import change_stage
from registry.stages import Stage
from tests.recorded_fixtures import recorded_fixture
from tests.registry.conftest import NewVersion


@pytest.fixture
@recorded_fixture
def three(by_ada: Actor, new_version: NewVersion) -> None:
    """Versions 1 to 3, made at 1000, 2000, 3000 ms; 1 in Production and @champion, 2 @champion-2 and @spare."""
    for number in (1, 2, 3):
        ModelVersion.objects.filter(pk=new_version().pk).update(created_ms=number * 1000)
    first = ModelVersion.objects.get(version=1)
    change_stage(actor=by_ada, version=first, target=Stage.PRODUCTION, archive_existing=False, reason="")
    for alias, version in (("champion", 1), ("champion-2", 2), ("spare", 2)):
        set_alias(actor=by_ada, name="fraud", alias=alias, version=version)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("creation_timestamp > 1000", [3, 2]),
        ("creation_time <= 1000.5", [1]),
        ("last_updated_timestamp > 0 AND creation_timestamp = 2000", [2]),
        ("current_stage = 'Production'", [1]),
        ("stage != 'Production'", [3, 2]),
        ("attributes.stage IN ('Production', 'Staging')", [1]),
        ("alias = 'champion'", [1]),
        ("aliases LIKE 'champion%'", [2, 1]),
        ("alias IN ('spare', 'champion')", [2, 1]),
        ("alias != 'champion'", [3, 2]),
        ("alias NOT IN ('champion', 'spare')", [3]),
        ("alias = 'champion' AND stage = 'None'", []),
    ],
)
def test_filter(three: None, by_ada: Actor, text: str, numbers: list[int]) -> None:
    ids, _ = search_version_ids(actor=by_ada, filter_string=text, order_by=["version_number DESC"])
    assert [version.version for version in shown_versions(ids)] == numbers


@pytest.mark.parametrize(
    "text", ["alias = 1", "stage > 'a'", "creation_timestamp = 'x'", "alias IS NULL", "aliases.x = 'y'"]
)
def test_what_cannot_be_asked(three: None, by_ada: Actor, text: str) -> None:
    with pytest.raises(InvalidInput):
        search_version_ids(actor=by_ada, filter_string=text)
