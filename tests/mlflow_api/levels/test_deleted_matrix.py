"""Routes by principals by states: what is deleted is refused to the same people as before, and nothing happens.

To a stranger what is hidden answers as what never was, deleted or not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from django.db import transaction

from mlflow_api.dispatch import REGISTERED
from tests.mlflow_api.level_decisions import DECISIONS, Takes
from tests.mlflow_api.levels.test_level_matrix import MAY, World, api_of, world
from tests.mlflow_api.registry_fixtures import Api, ApiOf
from tracking.services.experiments import delete_experiment
from tracking.services.logged_models import delete_logged_model
from tracking.services.runs import delete_run

__all__ = ["api_of", "world"]
ABSENT = {
    "experiment_id": "987654321",
    "run_id": "e" * 32,
    "model_id": "m-" + "d" * 32,
    "trace_id": "tr-" + "c" * 32,
    "assessment_id": "a-" + "b" * 32,
}
STATES: dict[str, Callable[[World], object]] = {
    "active": lambda _: None,
    "experiment deleted": lambda world: delete_experiment(actor=world.ops, experiment_id=world.experiment.pk),
    "run deleted": lambda world: (
        delete_run(actor=world.ops, run_id=world.run.pk),
        delete_logged_model(actor=world.ops, model_id=world.model.pk),
    ),
}
Rpc = tuple[str, str, str]
# What answers a stranger with nothing instead of 404.
LISTS = {Takes.LIST, Takes.QUIET_DELETE, Takes.NOTHING}


def asked(api: Api, rpc: Rpc, world: World, names: dict[str, str]) -> tuple[int, str]:
    version, method, path = rpc
    fields = {key: value for key, value in DECISIONS[rpc][1].items() if key != "deleted"}
    where = path.replace("{tag_key:path}", "{tag_key}").format(**names)
    status, body = api(method, where, prefix=f"/api/{version}/mlflow/", **world.fields(fields, names))
    return status, str(body)


def without(text: str, names: dict[str, str]) -> str:
    for name in ABSENT:
        text = re.sub(rf"(?<!\w){re.escape(names[name])}(?!\w)", "X", text)
    return text.replace(names["experiment_name"], "X")


def refused() -> Iterator[tuple[Rpc, str]]:
    for rpc, (takes, _) in sorted(DECISIONS.items()):
        for name in sorted(MAY[Takes.NOTHING] - MAY[takes] - {"stranger"}):
            yield rpc, name


@pytest.mark.parametrize("state", STATES)
def test_who_may_not_changes_nothing(state: str, world: World, api_of: ApiOf) -> None:
    STATES[state](world)
    apis = {name: api_of(person) for name, person in world.people.items()}
    before, names = world.state(), world.names()
    wrong = {}
    for rpc, name in refused():
        status, body = asked(apis[name], rpc, world, names)
        if status not in {400, 403, 404}:
            wrong[rpc, name] = (status, body)
    assert wrong == {}
    assert world.state() == before


@pytest.mark.parametrize("state", STATES)
def test_a_stranger_learns_nothing(state: str, world: World, api_of: ApiOf) -> None:
    STATES[state](world)
    api, wrong = api_of(world.people["stranger"]), {}
    before, names = world.state(), {**world.names(), "experiment_name": "secret"}
    never = {**names, **ABSENT, "experiment_name": "never"}
    for rpc, (takes, _) in sorted(DECISIONS.items()):
        if takes is Takes.NOTHING:
            continue
        real, absent = (asked(api, rpc, world, one) for one in (names, never))
        plain = (real[0], without(real[1], names)), (absent[0], without(absent[1], never))
        if plain[0] != plain[1] or (takes not in LISTS and real[0] != 404):
            wrong[rpc] = plain
    assert wrong == {}
    assert world.state() == before


@pytest.mark.parametrize("state", ["experiment deleted", "run deleted"])
def test_who_may_gets_an_answer(state: str, world: World, api_of: ApiOf) -> None:
    STATES[state](world)
    names, wrong = world.names(), {}
    for name in ("editor", "manager", "bot"):
        api = api_of(world.people[name])
        for rpc in sorted(DECISIONS):
            with transaction.atomic():
                status, body = asked(api, rpc, world, names)
                transaction.set_rollback(True)
            if status >= 500:
                wrong[rpc, name] = (status, body)
    assert wrong == {}


def test_every_rpc_is_asked() -> None:
    assert {(rpc.version, rpc.method, rpc.path) for rpc in REGISTERED if rpc.area == "mlflow"} >= set(DECISIONS)
