"""Which version was in Production at a moment, from the events of the model."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from core.actors import Actor, system_actor
from registry.models import ModelVersion, RegisteredModel
from registry.production.history import production_at, production_periods
from registry.services.stages import change_stage
from registry.stages import Stage
from tests.registry.conftest import NewVersion


def move(actor: Actor, version: ModelVersion, target: Stage) -> None:
    archive = target == Stage.PRODUCTION
    change_stage(actor=actor, version=version, target=target, archive_existing=archive, reason="monthly release")


@pytest.fixture
def moved(by_ada: Actor, new_version: NewVersion, fraud: RegisteredModel) -> RegisteredModel:
    """Version 1, then version 2, then nothing in Production."""
    for _ in range(2):
        move(by_ada, new_version(), Stage.PRODUCTION)
    move(by_ada, fraud.versions.get(version=2), Stage.ARCHIVED)
    return fraud


def test_periods_follow_one_another(moved: RegisteredModel) -> None:
    first, second = production_periods(moved)
    assert (first.version, second.version) == (1, 2)
    assert first.until is not None
    assert first.since < first.until == second.since
    assert second.until is not None
    assert (first.moved_by, first.reason) == ("ada", "monthly release")


@pytest.mark.parametrize(("person", "mover"), [("ada", "Custody, for ada"), ("", "Custody")])
def test_a_job_moves_for_somebody(fraud: RegisteredModel, new_version: NewVersion, person: str, mover: str) -> None:
    move(system_actor("apply_request", on_behalf_of=person), new_version(), Stage.PRODUCTION)
    assert [period.moved_by for period in production_periods(fraud)] == [mover]


def test_a_moment_lies_in_one_period(moved: RegisteredModel) -> None:
    first, second = production_periods(moved)
    assert production_at(moved, first.since) == first
    assert production_at(moved, second.since) == second
    assert production_at(moved, first.since - timedelta(microseconds=1)) is None
    assert production_at(moved, timezone.now()) is None


def test_the_history_is_two_queries(moved: RegisteredModel, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(2):  # the moves, and their texts
        production_periods(moved)


def test_the_api_answers_for_a_moment(moved: RegisteredModel, ada: User) -> None:
    client = Client()
    client.force_login(ada)
    first, _ = production_periods(moved)
    answer = client.get("/api/v1/models/fraud/production", {"at": first.since.isoformat()})
    assert (answer.status_code, answer.json()["version"]) == (200, 1)
    assert client.get("/api/v1/models/fraud/production", {"at": "2001-01-01T00:00:00Z"}).status_code == 404
    assert client.get("/api/v1/models/fraud/production", {"at": "soon"}).status_code == 400
    periods = client.get("/api/v1/models/fraud/production/history").json()["periods"]
    assert [period["version"] for period in periods] == [1, 2]
