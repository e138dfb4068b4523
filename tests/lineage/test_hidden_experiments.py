"""With DEFAULT_EXPERIMENT_LEVEL=none: data, runs and jobs of an experiment without a grant are in no answer.

Ada's laboratory is hidden from cy. One of its runs read cy's data and wrote a table that cy's run reads.
"""

from __future__ import annotations

import html
import json
import re
import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from lineage.models import Node
from lineage.openlineage.inbox import receive_event
from lineage.quarantine import place_quarantine
from lineage.suggestions.generate import waiting_changes
from registry.services.models import create_model
from registry.services.versions import create_version
from tests.conftest import Acting
from tests.lineage.openlineage.events import event, table, version_urn
from tracking.services.experiments import create_experiment
from tracking.services.inputs import DatasetInput, log_inputs
from tracking.services.logged_models import create_logged_model
from tracking.services.logging import set_tag
from tracking.services.runs import create_run

pytestmark = pytest.mark.django_db
SECRET = "zebra"
SHARED, DEEP, COMMON = version_urn("shared", "v1"), version_urn(f"{SECRET}-orders", "v1"), version_urn("common", "v1")
MODEL = "model-version:open-model/1"


@dataclass(frozen=True)
class World:
    """The client of cy, and the ids and names that are hidden from them."""

    client: Client
    secrets: frozenset[str]
    run: str
    open_run: str

    def text(self, path: str) -> str:
        """Return the answer to a GET as text."""
        answer = self.client.get(path)
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[attr-defined]  # the test client adds it
        assert answer.status_code in (200, 409), (path, answer.status_code, body[:300])
        return html.unescape(body.decode(errors="replace"))


@pytest.fixture
def world(ada: User, bea: User, cy: User, ops: User, acting: Acting, settings: Settings) -> World:
    """A hidden run that read hidden and common data, and wrote shared data that cy's model was trained on."""
    by_ada, by_cy = acting(ada), acting(cy)
    laboratory = create_experiment(actor=by_ada, name=f"{SECRET} laboratory")
    hidden = create_run(actor=by_ada, experiment_id=laboratory.pk, name=f"{SECRET} run")
    logged = create_logged_model(
        actor=by_ada, experiment_id=laboratory.pk, source_run_id=hidden.pk, name=f"{SECRET}-net"
    )
    set_tag(actor=by_ada, run_id=hidden.pk, key="git_commit", value="abc1234")
    log_inputs(actor=by_ada, run_id=hidden.pk, datasets=[DatasetInput(f"{SECRET}-table", "5eed5eed", "local", "x")])
    lab_job = {"namespace": "etl", "name": f"{SECRET}-job", "facets": {}}
    sources = [
        {"namespace": "postgres://db:5432", "name": name, "field": "id"} for name in (f"{SECRET}-orders", "common")
    ]
    columns = {"fields": {"id": {"inputFields": sources}}}
    sent = event(
        "COMPLETE",
        1,
        inputs=[table(f"{SECRET}-orders", "v1"), table("common", "v1")],
        outputs=[table("shared", "v1", columnLineage=columns)],
    )
    receive_event(actor=by_ada, data=sent | {"run": {"runId": str(uuid.UUID(hidden.pk))}, "job": lab_job})
    beyond = event("COMPLETE", 2, run=2, inputs=[table(f"{SECRET}-orders", "v1")], outputs=[table(f"{SECRET}-report")])
    receive_event(actor=by_ada, data=beyond | {"run": {"runId": str(uuid.UUID(hidden.pk))}, "job": lab_job})
    experiment = create_experiment(actor=by_cy, name="open")
    run = create_run(actor=by_cy, experiment_id=experiment.pk, name="open run")
    read = event("COMPLETE", 3, inputs=[table("shared", "v1"), table("common", "v1")])
    receive_event(actor=by_cy, data=read | {"run": {"runId": str(uuid.UUID(run.pk))}})
    create_model(actor=by_cy, name="open-model")
    create_version(actor=by_cy, name="open-model", source=f"runs:/{run.pk}/model", run_id=run.pk)
    place_quarantine(actor=acting(ops), urn=DEEP, reason="It was measured wrongly.")
    settings.DEFAULT_EXPERIMENT_LEVEL = "none"
    settings.RUN_HOLDERS = ["registry.holds.RegisteredRuns"]
    client = Client()
    client.force_login(cy)
    ids = {SECRET, hidden.pk, str(uuid.UUID(hidden.pk)), logged.pk, "5eed5eed"}
    return World(client, frozenset(ids), hidden.pk, run.pk)


# Routes that start from what cy may see; {run} is cy's run.
NEAR = [
    *(f"/api/v1/lineage/{MODEL}/{part}" for part in (
        "ancestors", "descendants", "graph?up=9&down=9", "graph?up=9&down=9&collapse=runs", "impact", "impact.csv",
        "ancestors?as_of=2099-01-01T00:00:00Z", "ancestors?max_nodes=2", "ancestors?max_nodes=2&cursor=2",
        "ancestors?kind=dataset_version", "ancestors?kind=run", "ancestors?rel=consumed,produced",
    )),
    *(f"/api/v1/lineage/{urn}/{part}" for urn in (SHARED, COMMON, "dataset:postgres:%252F%252Fdb:5432%252Fshared") for part in (
        "ancestors", "descendants", "graph?up=9&down=9", "impact", "impact.csv",
    )),
    f"/api/v1/lineage/path?from={quote(COMMON)}&to={MODEL}",
    f"/api/v1/lineage/path?from={quote(SHARED)}&to={MODEL}",
    "/api/v1/lineage/nodes", "/api/v1/lineage/nodes?kind=run", "/api/v1/lineage/nodes?kind=dataset",
    "/api/v1/lineage/nodes?kind=dataset_version", "/api/v1/lineage/nodes?kind=logged_model",
    "/api/v1/lineage/quarantines", "/api/v1/lineage/quarantines?state=all&limit=1",
    f"/api/v1/lineage/suggestions?node={quote(SHARED)}", f"/api/v1/lineage/suggestions?node={MODEL}",
    f"/api/v1/lineage/names?dataset={quote('dataset:postgres:%2F%2Fdb:5432%2Fshared')}",
    "/api/v1/lineage?nodeId=dataset:postgres://db:5432:shared", "/api/v1/lineage?nodeId=job:etl:load1",
    "/api/v1/lineage?nodeId=dataset:postgres://db:5432:common&depth=100",
    "/api/v1/events/lineage",
    "/api/v1/datasets/postgres:%2F%2Fdb:5432%2Fshared/impact",
    "/api/v1/models/open-model/versions/1/completeness", "/api/v1/models/open-model/versions/1/reproduce",
    "/api/v1/models/open-model/versions/1/reproduce.sh", "/api/v1/models/open-model/versions/1/provenance",
    *(f"/api/v1/models/open-model/versions/1/provenance?form={form}" for form in ("prov-json", "cyclonedx", "in-toto", "openlineage")),
    f"/api/v1/diff?a={MODEL}&b=run:{{run}}",
    "/datasets/", "/datasets/?q=v1", f"/datasets/version/?node={quote(SHARED)}", f"/datasets/version/?node={quote(COMMON)}",
    "/lineage/", "/lineage/?q=v1", f"/lineage/?node={MODEL}", f"/lineage/?node={quote(SHARED)}&direction=both",
    f"/lineage/?node={MODEL}&suggested=1&depth=9", f"/lineage/?node={MODEL}&format=csv", f"/lineage/?node={MODEL}&format=svg",
    f"/lineage/impact/?node={quote(SHARED)}", f"/diff/?a={MODEL}&b=run:{{run}}",
    "/models/open-model/", "/models/open-model/versions/1/", "/models/open-model/versions/1/reproduce/",
    "/runs/", "/runs/{run}/", "/endpoints/", "/search/?q=v1", "/findings/",
]  # fmt: skip
# Routes that name what is hidden: each answers as for a name that nobody ever used.
HIDDEN = [
    f"/api/v1/lineage/{DEEP}/ancestors", f"/api/v1/lineage/{DEEP}/graph", f"/api/v1/lineage/{DEEP}/impact",
    f"/api/v1/lineage/dataset:postgres:%252F%252Fdb:5432%252F{SECRET}-orders/descendants",
    f"/api/v1/lineage/dataset-version:{SECRET}-table/5eed5eed/descendants",
    f"/api/v1/lineage/dataset-version:{SECRET.upper()}-TABLE/5eed5eed/descendants",
    f"/api/v1/lineage/dataset-version:{SECRET.upper()}-TABLE/5eed5eed/graph",
    "/api/v1/lineage/run:{hidden}/ancestors", "/api/v1/lineage/run:{hidden}/graph", "/api/v1/lineage/run:{hidden}/impact",
    f"/api/v1/lineage/path?from={quote(DEEP)}&to={MODEL}",
    f"/api/v1/lineage/nodes?q={SECRET}", "/api/v1/lineage/nodes?q=5eed5eed",
    f"/api/v1/lineage/quarantines?dataset_version={quote(DEEP)}",
    f"/api/v1/lineage/suggestions?node={quote(DEEP)}",
    f"/api/v1/lineage/suggestions?node=dataset-version:{SECRET.upper()}-TABLE/5eed5eed",
    f"/api/v1/lineage/names?dataset={quote(f'dataset:postgres:%2F%2Fdb:5432%2F{SECRET}-orders')}",
    f"/api/v1/lineage/names?dataset=dataset:{SECRET.upper()}-TABLE",
    f"/api/v1/lineage/croissant?dataset_version={quote(DEEP)}",
    f"/api/v1/lineage/croissant?dataset_version=dataset-version:{SECRET.upper()}-TABLE/5eed5eed",
    f"/api/v1/lineage?nodeId=dataset:postgres://db:5432:{SECRET}-orders", f"/api/v1/lineage?nodeId=job:etl:{SECRET}-job",
    f"/api/v1/datasets/postgres:%2F%2Fdb:5432%2F{SECRET}-orders/impact", f"/api/v1/datasets/{SECRET}-table/impact",
    f"/api/v1/diff?a={MODEL}&b=run:{{hidden}}",
    f"/search/?q={SECRET}", f"/search/quick/?q={SECRET}", f"/datasets/?q={SECRET}", f"/datasets/version/?node={quote(DEEP)}", f"/lineage/?q={SECRET}", f"/lineage/?node={quote(DEEP)}",
    "/lineage/?node=run:{hidden}", f"/lineage/impact/?node={quote(DEEP)}", f"/diff/?a={MODEL}&b=run:{{hidden}}",
]  # fmt: skip


def test_answers_about_visible_things_have_no_trace_of_hidden_ones(world: World) -> None:
    texts = {path: world.text(path.format(run=world.open_run)) for path in NEAR}
    traces = {path: {secret for secret in world.secrets if secret in text} for path, text in texts.items()}
    assert {path: found for path, found in traces.items() if found} == {}


def test_hidden_names_are_answered_like_names_that_nobody_used(world: World) -> None:
    different = []
    for path in HIDDEN:
        never = path.replace(SECRET, "okapi").replace(SECRET.upper(), "OKAPI").replace("5eed5eed", "0dd50dd5")
        answers = [
            world.client.get(text.format(hidden=run)) for text, run in ((path, world.run), (never, uuid.uuid4().hex))
        ]
        bodies = [b"".join(answer.streaming_content) if answer.streaming else answer.content for answer in answers]  # type: ignore[attr-defined]  # the test client adds it
        if (answers[0].status_code, _plain(bodies[0])) != (answers[1].status_code, _plain(bodies[1])):
            different.append((path, bodies))
    assert different == []


def _plain(body: bytes) -> str:
    """Return a body without the names that were asked for, and without what differs between any two answers."""
    text = body.decode()
    for name in (SECRET, "okapi"):
        text = text.replace(name, "…").replace(name.upper(), "…")
    text = text.replace("5eed5eed", "…").replace("0dd50dd5", "…")
    text = re.sub(r"[0-9a-f]{32}", "…", text)
    return re.sub(r'(csrf\w*|nonce|value)="[^"]*"|"csrfToken": "[^"]*"', "", text)


@pytest.mark.parametrize(
    "path", ["/models/open-model/versions/1/", "/runs/{run}/", f"/datasets/version/?node={quote(SHARED)}"]
)
def test_quarantined_data_that_are_hidden_are_said_to_be_there_without_a_name(world: World, path: str) -> None:
    text = world.text(path.format(run=world.open_run))
    assert "data that you may not see" in text
    assert "measured wrongly" not in text


def test_the_owner_sees_all_of_it(world: World, ada: User) -> None:
    client = Client()
    client.force_login(ada)
    answer = client.get(f"/api/v1/lineage/{SHARED}/ancestors").json()
    assert {node["urn"] for node in answer["nodes"]} >= {SHARED, COMMON, DEEP, f"run:{world.run}"}


def test_counts_are_those_of_a_world_without_the_laboratory(world: World) -> None:
    for path in (f"/api/v1/lineage/{MODEL}/ancestors", f"/api/v1/lineage/{MODEL}/graph?up=9"):
        answer = json.loads(world.text(path))
        assert answer["total_seen"] == len(answer["nodes"])
    page = json.loads(world.text("/api/v1/lineage/quarantines?limit=1"))
    assert (page["quarantines"], page["next_offset"]) == ([], None)
    assert json.loads(world.text("/api/v1/events/lineage"))["totalCount"] == 1


WRITES: list[tuple[str, dict[str, Any]]] = [
    ("lineage/edges", {"source": DEEP, "target": SHARED, "relation": "DERIVED_FROM"}),
    ("lineage/quarantines", {"dataset_version": DEEP, "reason": "r"}),
    ("lineage/quarantines/release", {"dataset_version": DEEP, "reason": "r"}),
    ("lineage/suggestions/confirm", {"source": DEEP, "target": SHARED, "method": "last_version", "reason": "r"}),
    ("lineage/suggestions/reject", {"source": DEEP, "target": SHARED, "method": "last_version", "reason": "r"}),
    ("lineage/names/separate", {"dataset": f"dataset:{SECRET}-table", "other": "dataset:x", "reason": "r"}),
]


@pytest.mark.parametrize(("path", "body"), WRITES)
def test_writes_that_name_hidden_data_are_answered_like_unknown_names(
    world: World, path: str, body: dict[str, Any]
) -> None:
    before = Node.objects.count()
    never = json.loads(json.dumps(body).replace(SECRET, "okapi"))
    answers = [world.client.post(f"/api/v1/{path}", sent, content_type="application/json") for sent in (body, never)]
    if path == "lineage/edges":  # an unknown dataset version is created
        assert answers[0].status_code == 404
        return
    assert answers[0].status_code == answers[1].status_code in (403, 404)
    assert _plain(answers[0].content) == _plain(answers[1].content)
    assert Node.objects.count() == before


def test_hidden_changes_do_not_wait_for_suggestions(world: World, ada: User, cy: User, acting: Acting) -> None:
    path = f"/api/v1/lineage/suggestions?node={quote(SHARED)}"
    before = json.loads(world.text(path))["waiting"]
    assert before > 0
    assert waiting_changes(acting(ada)) > before
    log_inputs(actor=acting(ada), run_id=world.run, datasets=[DatasetInput(f"{SECRET}-more", "5eed5eed", "local", "x")])
    assert json.loads(world.text(path))["waiting"] == before
    page = world.text(f"/lineage/?node={quote(SHARED)}&suggested=1")
    assert f"{before} new nodes and edges are not yet compared" in page
    log_inputs(actor=acting(cy), run_id=world.open_run, datasets=[DatasetInput("open-more", "0dd50dd5", "local", "x")])
    assert json.loads(world.text(path))["waiting"] == before + 3, "a dataset, its version and an edge"
