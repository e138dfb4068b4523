"""The routes of /api/v1 for grants on experiments and models: who may use them, and that they do what the pages do."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.models import User
from audit.actions import Action
from audit.models import Event
from core.actors import Actor
from registry.models import RegisteredModel
from registry.permissions import Level, level_of
from registry.services.models import create_model
from tests.conftest import Acting
from tracking.models import Experiment, ExperimentLevel
from tracking.permissions.levels import experiments_at_level
from tracking.services.experiments import create_experiment

PATTERNS = "/api/v1/experiments/permissions"
Say = Callable[..., tuple[int, Any]]
CY = {"kind": "user", "name": "cy"}


@pytest.fixture(autouse=True)
def _hidden(settings: Settings) -> None:
    settings.DEFAULT_EXPERIMENT_LEVEL = settings.DEFAULT_MODEL_LEVEL = "none"


@pytest.fixture
def experiment(ada: User, acting: Acting) -> Experiment:
    return create_experiment(actor=acting(ada), name="team-a/churn")


@pytest.fixture
def model(ada: User, acting: Acting) -> RegisteredModel:
    return create_model(actor=acting(ada), name="fraud")


@pytest.fixture
def say(client: Client) -> Say:
    """Return a function that sends a call as somebody."""

    def send(user: User, method: str, path: str, body: object = None, **query: str) -> tuple[int, Any]:
        client.force_login(user)
        answer = client.generic(
            method,
            path,
            b"" if body is None else json.dumps(body).encode(),
            content_type="application/json",
            QUERY_STRING="&".join(f"{key}={value}" for key, value in query.items()),
        )
        return answer.status_code, answer.json()

    return send


def has_experiment_level(actor: Actor, experiment: Experiment, level: ExperimentLevel) -> bool:
    return experiments_at_level(actor, level).filter(pk=experiment.pk).exists()


def of(experiment: Experiment) -> str:
    return f"/api/v1/experiments/{experiment.pk}/permissions"


def test_a_manager_grants_and_takes_away_on_an_experiment(
    say: Say, ada: User, cy: User, acting: Acting, experiment: Experiment
) -> None:
    status, said = say(ada, "PUT", of(experiment), CY | {"level": "edit"})
    assert (status, CY | {"level": "edit"} in said["grants"], said["default_level"]) == (200, True, "none")
    assert has_experiment_level(acting(cy), experiment, ExperimentLevel.EDIT)
    assert say(ada, "GET", of(experiment))[1] == said
    status, left = say(ada, "DELETE", of(experiment), **CY)
    assert (status, [grant["name"] for grant in left["grants"]]) == (200, ["ada"])
    assert say(cy, "GET", of(experiment))[0] == 404
    assert Event.objects.filter(action=Action.TRACKING_EXPERIMENT_PERMISSIONS_CHANGED).count() == 2


def test_a_manager_grants_and_takes_away_on_a_model(
    say: Say, ada: User, cy: User, acting: Acting, model: RegisteredModel
) -> None:
    path = "/api/v1/models/fraud/permissions"
    status, said = say(ada, "PUT", path, CY | {"level": "manage_staging"})
    assert (status, CY | {"level": "manage_staging"} in said["grants"]) == (200, True)
    assert level_of(acting(cy), model) is Level.MANAGE_STAGING
    assert say(ada, "GET", path)[1] == said
    assert say(ada, "DELETE", path, **CY)[0] == 200
    assert say(cy, "GET", path)[0] == 404
    assert say(ada, "DELETE", path, **CY)[0] == 404


def test_superusers_grant_by_name(
    say: Say, ops: User, ada: User, cy: User, acting: Acting, experiment: Experiment
) -> None:
    row = CY | {"level": "read", "pattern": "team-a/*"}
    assert say(ops, "PUT", PATTERNS, row) == (200, {"grants": [row]})
    assert say(ada, "GET", of(experiment))[1]["by_pattern"] == [row]
    assert has_experiment_level(acting(cy), experiment, ExperimentLevel.READ)
    assert say(ops, "GET", PATTERNS) == (200, {"grants": [row]})
    assert say(ops, "DELETE", PATTERNS, **CY, pattern="team-a/*") == (200, {"grants": []})
    assert not has_experiment_level(acting(cy), experiment, ExperimentLevel.READ)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_nobody_else_does(
    method: str, say: Say, ada: User, cy: User, experiment: Experiment, model: RegisteredModel
) -> None:
    body = CY | {"level": "manage"} if method == "PUT" else None
    query = CY if method == "DELETE" else {}
    for path in (of(experiment), "/api/v1/models/fraud/permissions"):
        unseen, unknown = (
            say(cy, method, path, body, **query),
            say(cy, method, path.replace(path.split("/")[4], "9"), body, **query),
        )
        assert (unseen[0], unknown[0]) == (404, 404)
        assert say(ada, "PUT", path, CY | {"level": "edit"})[0] == 200
        assert say(cy, method, path, body, **query)[0] == 403
    by_name = {"pattern": "*"}
    assert say(ada, method, PATTERNS, body and body | by_name, **(query and query | by_name))[0] == 403


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"level": "owner"}, 400),
        ({"level": 3}, 400),
        ({"kind": "robot"}, 400),
        ({"kind": "group"}, 404),
        ({"name": "nobody"}, 404),
        ({"pattern": "x"}, 400),
        ({"replace": True}, 400),
    ],
)
def test_what_is_not_known_is_refused(
    change: dict[str, object],
    status: int,
    say: Say,
    ada: User,
    cy: User,
    experiment: Experiment,
    model: RegisteredModel,
) -> None:
    changes = Event.objects.filter(action__endswith="permissions_changed")
    before = changes.count()
    for path in (of(experiment), "/api/v1/models/fraud/permissions"):
        assert say(ada, "PUT", path, CY | {"level": "read"} | change)[0] == status
    assert changes.count() == before


@pytest.mark.parametrize("pattern", ["", "a?", "[a]*", "x" * 501, "a\nb"])
def test_odd_patterns_are_refused(pattern: str, say: Say, ops: User, cy: User) -> None:
    assert say(ops, "PUT", PATTERNS, CY | {"level": "read", "pattern": pattern})[0] == 400


def test_experiment_0_has_no_managers(say: Say, ops: User, cy: User, acting: Acting) -> None:
    Experiment.objects.get_or_create(pk=0, defaults={"name": "Default", "created_ms": 1, "updated_ms": 1})
    path = "/api/v1/experiments/0/permissions"
    assert say(ops, "PUT", path, CY | {"level": "manage"})[0] == 400
    assert say(ops, "PUT", path, CY | {"level": "edit"})[0] == 200


def test_the_lists_take_as_many_queries_however_long(
    say: Say, ops: User, ada: User, experiment: Experiment, model: RegisteredModel
) -> None:
    paths = (of(experiment), "/api/v1/models/fraud/permissions", PATTERNS)

    def queries() -> list[int]:
        counts = []
        for path in paths:
            say(ops, "GET", path)
            with CaptureQueriesContext(connection) as captured:
                assert say(ops, "GET", path)[0] == 200
            counts.append(len(captured))
        return counts

    def grant(number: int) -> None:
        User.objects.create_user(f"person-{number}")
        row = {"kind": "user", "name": f"person-{number}", "level": "read"}
        for path in paths:
            assert say(ops, "PUT", path, row | ({"pattern": f"team-{number}*"} if path == PATTERNS else {}))[0] == 200

    grant(0)
    few = queries()
    for number in range(1, 5):
        grant(number)
    assert queries() == few
