"""Routes by principals: every route that touches experiments asks who calls, and where it refuses nothing happens.

`secret` is an experiment of the operator's with a run, a logged model and a trace that `bot` made. Without a grant
nobody sees it. ``stranger`` has none, ``reader``, ``editor`` and ``manager`` theirs; ``bot`` and its owner ada may
read.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import orjson
import pytest
from django.db import transaction
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from audit.models import Event
from mlflow_api.dispatch import REGISTERED
from tests.conftest import Acting
from tests.mlflow_api.level_decisions import DECISIONS, VIEWS, Takes
from tests.mlflow_api.registry_fixtures import ApiOf, api_of
from tests.signed_in import actor_of
from traces.models import Assessment, Trace
from traces.services.assessments import AssessmentData, create_assessment
from traces.services.infos import TraceInfo, record_info
from tracking.artifacts import store_artifact
from tracking.limits import Point
from tracking.models import Artifact, Experiment, ExperimentGrant, ExperimentLevel, LoggedModel, Run
from tracking.services.experiments import create_experiment, delete_experiment, set_experiment_tag
from tracking.services.inputs import DatasetInput, log_inputs
from tracking.services.logged_models import create_logged_model, set_model_tags
from tracking.services.logging import log_metric, set_tag
from tracking.services.runs import create_run

__all__ = ["api_of"]
AREAS = {"experiments", "runs", "metrics", "artifacts", "logged-models", "traces"}
LEVELS = {"reader": ExperimentLevel.READ, "editor": ExperimentLevel.EDIT, "manager": ExperimentLevel.MANAGE}
READERS = frozenset({"reader", "editor", "manager", "bot", "ada"})
MAY = {
    Takes.NOTHING: READERS | {"stranger"},
    Takes.READ: READERS,
    Takes.LIST: READERS,
    Takes.CHANGE: frozenset({"editor", "manager", "bot", "ada"}),
    Takes.DELETE: frozenset({"manager", "bot", "ada"}),
    Takes.QUIET_DELETE: frozenset({"manager", "bot", "ada"}),
    Takes.EDIT: frozenset({"editor", "manager"}),
    Takes.MANAGE: frozenset({"manager"}),
}


class World:
    """The hidden experiment, and who is who."""

    def __init__(self, ops: User, ada: User, bot: User) -> None:
        self.people = {name: User.objects.create_user(name) for name in ("stranger", *LEVELS, "zoe")}
        self.people |= {"ada": ada, "bot": bot}
        self.ops = actor_of(ops)
        self.experiment = create_experiment(actor=self.ops, name="secret")
        set_experiment_tag(actor=self.ops, experiment_id=self.experiment.pk, key="k", value="v")
        for name, level in {**LEVELS, "ada": ExperimentLevel.READ, "bot": ExperimentLevel.READ}.items():
            ExperimentGrant.objects.create(experiment=self.experiment, user=self.people[name], level=level)
        self._log(actor_of(bot))

    def _log(self, by_bot: Any) -> None:
        number = str(self.experiment.pk)
        self.run = create_run(actor=by_bot, experiment_id=number)
        set_tag(actor=by_bot, run_id=self.run.pk, key="k", value="v")
        log_metric(actor=by_bot, run_id=self.run.pk, point=Point(key="loss", value=0.5, timestamp_ms=1, step=0))
        data = DatasetInput(name="orders", digest="d1", source_type="s", source="x")
        log_inputs(actor=by_bot, run_id=self.run.pk, datasets=[data])
        self.model = create_logged_model(actor=by_bot, experiment_id=number, source_run_id=self.run.pk)
        set_model_tags(actor=by_bot, model_id=self.model.pk, tags=[("k", "v")])
        info = TraceInfo(trace_id=f"tr-{1:032x}", experiment_id=number, request_ms=1, state="OK", tags={"k": "v"})
        self.trace = record_info(actor=by_bot, info=info)
        said = AssessmentData(kind="feedback", name="good", value=True)  # type: ignore[arg-type]  # a TextChoice is its text
        self.assessment = create_assessment(actor=by_bot, trace_id=self.trace.pk, data=said)
        for folder in (self.run_folder, self.model_folder):
            store_artifact(actor=by_bot, path=f"{folder}/MLmodel", stream=BytesIO(b"flavors: {}\n"))

    @property
    def run_folder(self) -> str:
        return f"{self.experiment.pk}/{self.run.pk}/artifacts/model"

    @property
    def model_folder(self) -> str:
        return f"{self.experiment.pk}/models/{self.model.pk}/artifacts"

    def names(self) -> dict[str, str]:
        """Return what addresses and bodies name."""
        return {
            "experiment_id": str(self.experiment.pk),
            "run_id": self.run.pk,
            "model_id": self.model.pk,
            "trace_id": self.trace.pk,
            "assessment_id": self.assessment.assessment_id,
            "tag_key": "k",
            "run_folder": self.run_folder,
            "model_folder": self.model_folder,
        }

    def fields(self, extra: dict[str, Any], names: dict[str, str] | None = None) -> dict[str, Any]:
        """Return the fields of a call: those that all of them get, and those of one; of other ``names`` where given."""
        names = names or self.names()
        common: dict[str, Any] = {
            "experiment_id": names["experiment_id"], "experiment_ids": [names["experiment_id"]],
            "experiment_name": names.get("experiment_name", "secret"), "run_id": names["run_id"], "run_ids": [names["run_id"]],
            "trace_id": names["trace_id"], "trace_ids": [names["trace_id"]], "request_ids": [names["trace_id"]], "metric_key": "loss",
            "key": "k", "value": "v", "max_results": 5,
        }  # fmt: skip
        own: dict[str, Any] = _filled(extra, names)
        return common | own

    def state(self) -> tuple[object, ...]:
        """Return what a refused call must not change."""
        tables = (Experiment, ExperimentGrant, Run, LoggedModel, Trace, Assessment, Artifact)
        return (
            Event.objects.filter(outcome="ok").count(),
            *(list(table.objects.order_by("pk").values()) for table in tables),
        )


def _filled(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, str):
        return names[value[1:-1]] if value[:1] == "{" and value[1:-1] in names else value
    if isinstance(value, dict):
        return {key: _filled(one, names) for key, one in value.items()}
    return [_filled(one, names) for one in value] if isinstance(value, list) else value


@pytest.fixture
def world(ops: User, ada: User, bot: User, acting: Acting, settings: Settings, tmp_path: object) -> World:
    settings.ARTIFACT_URL = f"file://{tmp_path}/artifacts"
    settings.DEFAULT_EXPERIMENT_LEVEL = "none"
    return World(ops, ada, bot)


def rpcs() -> Iterator[tuple[str, str, str]]:
    for rpc in REGISTERED:
        if rpc.area == "mlflow" and rpc.path.split("/")[0] in AREAS:
            yield rpc.version, rpc.method, rpc.path


def test_every_rpc_has_a_decision() -> None:
    assert set(rpcs()) == set(DECISIONS)


@pytest.mark.parametrize("rpc", sorted(DECISIONS), ids=" ".join)
def test_an_rpc_asks_who_calls(rpc: tuple[str, str, str], world: World, api_of: ApiOf) -> None:
    version, method, path = rpc
    takes, extra = DECISIONS[rpc]
    fields = world.fields({key: value for key, value in extra.items() if key != "deleted"})
    if "deleted" in extra:
        delete_experiment(actor=world.ops, experiment_id=world.experiment.pk)
    where = path.replace("{tag_key:path}", "{tag_key}").format(**world.names())
    apis = {name: api_of(world.people[name]) for name in MAY[Takes.NOTHING]}

    def ask(name: str) -> tuple[int, Any]:
        return apis[name](method, where, prefix=f"/api/{version}/mlflow/", **fields)

    check(takes, ask, world, is_empty=lambda body: not any(body.values()))


@pytest.mark.parametrize(("method", "address", "takes"), VIEWS)
def test_a_view_asks_who_calls(method: str, address: str, takes: Takes, world: World, api_of: ApiOf) -> None:
    where = address.format(**world.names())
    clients = {name: _client(world.people[name], where, api_of) for name in MAY[Takes.NOTHING] - {"bot"}}
    by_api = "/api/2.0/" in where or "ajax" in where or where.startswith("/get-")
    if by_api:
        clients["bot"] = api_of(world.people["bot"]).client

    def ask(name: str) -> tuple[int, Any]:
        answer = clients[name].generic(method, where, b"x", content_type="application/octet-stream")
        return answer.status_code, answer.getvalue()

    check(takes, ask, world, is_empty=lambda body: orjson.loads(body) == {}, people=clients.keys())


def _client(user: User, where: str, api_of: ApiOf) -> Client:
    if "/api/2.0/" in where or "ajax" in where or where.startswith("/get-"):
        found: Client = api_of(user).client
        return found
    client = Client()
    client.force_login(user)
    return client


def check(takes: Takes, ask: Any, world: World, *, is_empty: Any, people: Any = MAY[Takes.NOTHING]) -> None:
    """Ask as everybody who may not, and see that nothing happened; then as everybody who may,
    each in the same world.
    """
    before = world.state()
    for name in sorted(set(people) - MAY[takes]):
        status, body = ask(name)
        if name == "stranger" and takes in {Takes.LIST, Takes.QUIET_DELETE}:
            assert status == 200, (name, body)
            assert is_empty(body) or body == {"traces_deleted": 0}, (name, body)
        else:
            assert status == (404 if name == "stranger" else 403), (name, status, body)
    assert world.state() == before
    for name in sorted(set(people) & MAY[takes]):
        with transaction.atomic():
            status, body = ask(name)
            transaction.set_rollback(True)
        assert status in {200, 201}, (name, status, body)
        if takes is Takes.LIST:
            assert not is_empty(body), (name, body)
