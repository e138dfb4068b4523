"""OpenLineage in: what is taken, what is refused, and that order and repetition do not matter."""

from __future__ import annotations

import gzip
import json
import random
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import transaction
from django.test import Client

from accounts.models import User
from accounts.services import issue_token
from audit.refusals import Refusal
from core.actors import Actor
from core.errors import Denied
from lineage.evidence import ancestry_writers
from lineage.models import Claim, DatasetFacts, Edge, JobRun, LineageEvent, Node, Relation
from lineage.openlineage.events import read_event
from lineage.openlineage.inbox import receive_batch, receive_event
from lineage.openlineage.replay import replay
from lineage.services import record_produced, record_run
from tests.conftest import Acting

RUN = "0190a1b2-0000-7000-8000-00000000000{}"
Event = dict[str, Any]


def event(kind: str, minute: int = 0, *, run: int = 1, **more: Any) -> Event:
    return {
        "eventType": kind,
        "eventTime": f"2026-11-01T10:{minute:02}:00Z",
        "producer": "https://example.com/etl",
        "run": {"runId": RUN.format(run), "facets": more.pop("run_facets", {})},
        "job": {"namespace": "etl", "name": f"load{run}", "facets": more.pop("job_facets", {})},
        **more,
    }


def table(name: str, version: str = "", **facets: Any) -> Event:
    if version:
        facets["version"] = {"datasetVersion": version}
    return {"namespace": "postgres://db:5432", "name": name, "facets": facets}


def graph() -> set[tuple[str, str, int, str]]:
    """Return the edges as they are named."""
    return set(Edge.objects.values_list("src__urn", "dst__urn", "rel", "role"))


def urn(name: str, version: str) -> str:
    return f"dataset-version:postgres:%2F%2Fdb:5432%2F{name}/{version}"


@pytest.fixture
def by_ada(ada: User, acting: Acting) -> Actor:
    return acting(ada)


@pytest.fixture
def bearer(ada: User, by_ada: Actor) -> dict[str, str]:
    return {"Authorization": f"Bearer {issue_token(actor=by_ada, user=ada, expires_in=timedelta(hours=1))[1]}"}


def test_inputs_flow_through_the_run_into_outputs(by_ada: Actor) -> None:
    receive_event(actor=by_ada, data=event("START", inputs=[table("orders", "v1")]))
    receive_event(actor=by_ada, data=event("COMPLETE", 1, outputs=[table("features", "7")]))
    run = f"run:{RUN.format(1)}"
    assert graph() == {(urn("orders", "v1"), run, 1, ""), (run, urn("features", "7"), 4, "")}
    assert Node.objects.get(urn=run).name == "load1"


def test_a_version_that_comes_later_takes_the_place_of_the_unknown_one(by_ada: Actor) -> None:
    receive_event(actor=by_ada, data=event("START", inputs=[table("orders")], outputs=[table("out")]))
    assert {edge[0] for edge in graph()} == {urn("orders", f"read by {RUN.format(1)}"), f"run:{RUN.format(1)}"}
    receive_event(actor=by_ada, data=event("COMPLETE", 1, inputs=[table("orders", "v2")], outputs=[table("out", "v3")]))
    run = f"run:{RUN.format(1)}"
    assert graph() == {(urn("orders", "v2"), run, 1, ""), (run, urn("out", "v3"), 4, "")}


def test_a_lineage_facet_names_the_pairs(by_ada: Actor) -> None:
    entries = [{**table("out"), "type": "DATASET", "inputs": [{**table("orders"), "type": "DATASET"}]}]
    facets = {"lineage": {"entries": entries}}
    data = event(
        "COMPLETE",
        inputs=[table("orders", "v1"), table("rates", "v1")],
        outputs=[table("out", "v1")],
        job_facets=facets,
    )
    receive_event(actor=by_ada, data=data)
    assert graph() == {
        (urn("orders", "v1"), urn("out", "v1"), 5, ""),
        (f"run:{RUN.format(1)}", urn("out", "v1"), 4, ""),
    }


STORY = [
    event("START", inputs=[table("orders")], outputs=[table("features")]),
    event("START", inputs=[table("orders", "v1")]),
    event("RUNNING", 2, inputs=[table("rates", "v9")], job_facets={"sourceCodeLocation": {"version": "abc1234def", "repoUrl": "https://u:p@git.example.com/x.git"}}),
    event("COMPLETE", 3, outputs=[table("features", "v2")]),
    event("COMPLETE", 4, run=2, inputs=[table("features", "v2")], outputs=[table("features")], run_facets={"parent": {"run": {"runId": RUN.format(1)}, "job": {"namespace": "etl", "name": "load1"}}}),
    event("OTHER", 5, run=2, outputs=[table("report", "v1")], job_facets={"lineage": {"entries": [{**table("report"), "inputs": [table("features")]}]}}),
    event("FAIL", 5, run=3, inputs=[table("orders", "v1"), table("orders", "v1")]),
    {"eventTime": "2026-11-01T09:00:00Z", "dataset": table("orders", "v0"), "producer": "x"},
    {"eventTime": "2026-11-01T09:00:00Z", "job": {"namespace": "etl", "name": "load1"}, "inputs": [table("orders")], "producer": "x"},
]  # fmt: skip


def told(actor: Actor, events: list[Event], *, at_once: bool) -> Any:
    """Return the graph and the merged states after these events; nothing of them is kept."""
    with transaction.atomic():
        if at_once:
            assert receive_batch(actor=actor, items=events) == []
        else:
            for data in events:
                receive_event(actor=actor, data=data)
        rows = JobRun.objects.select_related("node", "job")
        states = {row.node.urn: (row.merged, row.shape, str(row.job), row.node.name) for row in rows}
        parents = set(Node.objects.filter(urn__startswith="run:").values_list("urn", "container__urn"))
        claims = set(Claim.objects.values_list("run__urn", "container__urn", "version", "rel"))
        facts = set(DatasetFacts.objects.values_list("node__urn", "merged"))
        result = (graph(), states, parents, claims, facts, LineageEvent.objects.count())
        transaction.set_rollback(True)
    return result


@pytest.mark.parametrize("seed", range(4))
def test_any_order_and_any_repetition_give_the_same_graph(seed: int, by_ada: Actor) -> None:
    wanted = told(by_ada, STORY, at_once=False)
    assert len(wanted[0]) == 10
    assert ("code:https:%2F%2Fgit.example.com%2Fx/abc1234def", f"run:{RUN.format(1)}", 2, "") in wanted[0]
    chance = random.Random(seed)  # noqa: S311 - an order, no secret
    for at_once in (False, True):
        events = [*STORY, *chance.choices(STORY, k=3)]
        chance.shuffle(events)
        assert told(by_ada, events, at_once=at_once) == wanted


# The ways of four producers (after the protocol page; none of it is copied from their repositories).
DBT = [
    event("START", run=4, job_facets={"jobType": {"jobType": "MODEL", "integration": "DBT"}}),
    event("START", 1, run=5, job_facets={"jobType": {"jobType": "TEST", "integration": "DBT"}}),
    event("COMPLETE", run=4, inputs=[table("jaffle.raw_orders")], outputs=[table("jaffle.stg_orders", columnLineage={"fields": {"id": {"inputFields": [{"namespace": "postgres://db:5432", "name": "jaffle.raw_orders", "field": "id"}]}}})]),
    event("COMPLETE", 1, run=5, inputs=[table("jaffle.stg_orders")], outputs=[table("jaffle.dbt_test__audit.not_null")]),
]  # fmt: skip
AIRFLOW = [
    {**event("START", run=6), "eventTime": "2026-11-01T10:00:00.123456", "inputs": None},
    {**event("FAIL", run=6, inputs=[{"namespace": "s3a://Bucket", "name": "/orders.parquet"}]), "eventTime": "2026-11-01T10:00:05"},
]  # fmt: skip
SPARK = [
    event("START", run=7, inputs=[{"namespace": "s3://bucket", "name": "orders", "facets": {}, "inputFacets": {"icebergScanReport": {"snapshotId": 11}}}]),
    event("RUNNING", 1, run=7, run_facets={"spark.logicalPlan": {"plan": ["x" * 100_000]}}),
    event("COMPLETE", 2, run=7, outputs=[{"namespace": "s3://bucket", "name": "orders", "outputFacets": {"icebergCommitReport": {"snapshotId": 12}}}]),
]  # fmt: skip
FLINK = [
    {**event("START", run=8, inputs=[{"namespace": "kafka://k:9092", "name": "clicks"}], outputs=[{"namespace": "kafka://k:9092", "name": "sessions"}]), "eventTime": "2026-11-01T10:00:00.123456789Z"},
    *(event("RUNNING", minute, run=8, inputs=[], run_facets={"checkpoints": {"completed": minute}}) for minute in range(1, 6)),
]  # fmt: skip


def edges_of(run: int) -> set[tuple[str, str]]:
    """Return what a run read and wrote, without kinds and prefixes."""
    mine = f"run:{RUN.format(run)}"
    return {("in", src) if dst == mine else ("out", dst) for src, dst, _, _ in graph() if mine in (src, dst)}


@pytest.mark.parametrize(
    ("events", "run", "wanted"),
    [
        (DBT, 4, {("in", urn("jaffle.raw_orders", f"read by {RUN.format(4)}")), ("out", urn("jaffle.stg_orders", f"written by {RUN.format(4)}"))}),
        (DBT, 5, {("in", urn("jaffle.stg_orders", f"read by {RUN.format(5)}"))}),
        (AIRFLOW, 6, {("in", f"dataset-version:s3:%2F%2Fbucket%2Forders.parquet/read by {RUN.format(6)}")}),
        (SPARK, 7, {("in", "dataset-version:s3:%2F%2Fbucket%2Forders/11"), ("out", "dataset-version:s3:%2F%2Fbucket%2Forders/12")}),
        (FLINK, 8, {("in", f"dataset-version:kafka:%2F%2Fk:9092%2Fclicks/read by {RUN.format(8)}"), ("out", f"dataset-version:kafka:%2F%2Fk:9092%2Fsessions/written by {RUN.format(8)}")}),
    ],
    ids=["dbt", "dbt test", "airflow", "spark", "flink"],
)  # fmt: skip
def test_the_ways_of_producers(events: list[Event], run: int, wanted: set[tuple[str, str]], by_ada: Actor) -> None:
    assert receive_batch(actor=by_ada, items=events) == []
    assert edges_of(run) == wanted
    assert LineageEvent.objects.count() == len(events)


def test_events_are_kept_and_can_be_replayed(ada: User, by_ada: Actor) -> None:
    assert receive_batch(actor=by_ada, items=STORY) == []
    before = graph()
    assert LineageEvent.objects.count() == len(STORY)
    JobRun.objects.update(merged="{}", shape="")
    count, problems = replay(sender_of=lambda ref: by_ada if ref == by_ada.ref else None)
    assert (count, problems) == (len(STORY), [])
    assert graph() == before
    assert replay(sender_of=lambda _: None)[0] == 0


def test_a_bad_event_of_a_batch_costs_no_other(client: Client, bearer: dict[str, str]) -> None:
    items = [STORY[0], {"eventTime": "never"}, 7, STORY[1], {"eventTime": "2026-11-01T10:00:00Z", "acton": 1}]
    answer = client.post("/api/v1/lineage/batch", json.dumps(items), content_type="application/json", headers=bearer)
    body = answer.json()
    assert (answer.status_code, body["status"], body["summary"]["successful"]) == (200, "partial_success", 2)
    assert [(failed["index"], failed["retriable"]) for failed in body["failed_events"]] == [
        (1, False),
        (2, False),
        (4, False),
    ]
    assert LineageEvent.objects.count() == 2
    assert (
        client.post("/api/v1/lineage/batch", "[]", content_type="application/json", headers=bearer).json()["status"]
        == "success"
    )
    assert (
        client.post("/api/v1/lineage/batch", "{}", content_type="application/json", headers=bearer).status_code == 400
    )


@pytest.mark.parametrize("path", ["/api/v1/lineage", "/api/v1/lineage/"])
def test_an_event_is_taken_with_and_without_a_slash(path: str, client: Client, bearer: dict[str, str]) -> None:
    body = gzip.compress(json.dumps(STORY[0]).encode())
    for _ in range(2):
        answer = client.post(path, body, content_type="application/json", headers=bearer | {"Content-Encoding": "gzip"})
        assert (answer.status_code, answer.content, answer["Content-Length"]) == (201, b"", "0")
    assert LineageEvent.objects.count() == 1


@pytest.mark.parametrize(
    ("cut", "extra"), [(1, b""), (8, b""), (30, b""), (0, b"x"), (0, gzip.compress(b"{}", mtime=0))]
)
def test_a_gzip_body_is_whole_or_refused(cut: int, extra: bytes, client: Client, bearer: dict[str, str]) -> None:
    whole = gzip.compress(json.dumps(STORY[0]).encode())
    body = whole[: len(whole) - cut] + extra
    headers = bearer | {"Content-Encoding": "gzip"}
    answer = client.post("/api/v1/lineage", body, content_type="application/json", headers=headers)
    assert answer.status_code == 400
    assert b"gzip body" in answer.content
    assert not LineageEvent.objects.exists()


@pytest.mark.parametrize("said", ["written by", "read by"])
def test_a_named_version_is_never_the_unnamed_one_of_a_run(said: str, by_ada: Actor) -> None:
    receive_event(actor=by_ada, data=event("COMPLETE", 1, run=1, outputs=[table("orders")]))
    stolen = f"{said} {RUN.format(1)}"
    receive_event(actor=by_ada, data=event("COMPLETE", 2, run=2, inputs=[table("orders", stolen)]))
    read = Edge.objects.get(dst__urn=f"run:{RUN.format(2)}", rel=Relation.CONSUMED).src
    assert read.version == f"version {stolen}"
    assert not Edge.objects.filter(src=read, dst__urn=f"run:{RUN.format(1)}").exists()
    assert not Edge.objects.filter(dst=read).exists()


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"eventTime": NaN}', b'{"eventTime": "2026-13-01T00:00:00Z", "job": {"name": "x"}}', b"[" * 5000,
             b'{"eventTime": "2026-11-01T10:00:00Z", "run": null}', b"\xff"],
)  # fmt: skip
def test_what_tells_nothing_is_refused(body: bytes, client: Client, bearer: dict[str, str]) -> None:
    answer = client.post("/api/v1/lineage", body, content_type="application/json", headers=bearer)
    assert answer.status_code == 400, answer.content
    assert not LineageEvent.objects.exists()


def test_nobody_adds_to_somebody_elses_run(by_ada: Actor, cy: User, acting: Acting) -> None:
    receive_event(actor=by_ada, data=STORY[0])
    before = graph()
    with pytest.raises(Denied):
        receive_event(actor=acting(cy), data=event("COMPLETE", 9, inputs=[table("poison", "v1")]))
    (failed,) = receive_batch(actor=acting(cy), items=[event("COMPLETE", 9, inputs=[table("poison", "v1")])])
    assert (failed.index, failed.retriable) == (0, False)
    assert graph() == before
    assert LineageEvent.objects.count() == 1


def test_whoever_sends_events_wrote_evidence_of_what_descends(by_ada: Actor) -> None:
    receive_event(actor=by_ada, data=event("COMPLETE", outputs=[table("out", "v1")]))
    (writer,) = ancestry_writers([urn("out", "v1")])[urn("out", "v1")]
    assert (writer.name, writer.kind) == ("ada", "edge_declared")


@pytest.mark.parametrize(
    ("time", "order"),
    [
        ("2026-01-02T03:04:05", "2026-01-02T03:04:05.000000000"),
        ("2026-01-02t03:04:05.1234567z", "2026-01-02T03:04:05.123456700"),
        ("20260102T030405Z", "2026-01-02T03:04:05.000000000"),
        ("2026-01-02T05:04:05.123456789+02:00", "2026-01-02T03:04:05.123456789"),
        ("2026-01-02T03:04:05Z[Europe/London]", "2026-01-02T03:04:05.000000000"),
    ],
)
def test_times_as_producers_write_them(time: str, order: str) -> None:
    assert read_event({"eventTime": time, "job": {"name": "x"}}).order == order


@pytest.mark.parametrize(
    ("raw", "meant"),
    [(RUN.format(1).upper(), RUN.format(1)), ("{" + RUN.format(1) + "}", RUN.format(1)), (RUN.format(1).replace("-", ""), RUN.format(1)), ("urn:uuid:" + RUN.format(1), RUN.format(1))],
)  # fmt: skip
def test_run_ids_as_producers_write_them(raw: str, meant: str) -> None:
    assert read_event({"eventTime": "2026-01-02T03:04:05Z", "run": {"runId": raw}}).run_id == meant


def test_odd_parts_are_left_out_with_a_warning(by_ada: Actor) -> None:
    odd = event(
        "started",
        inputs=[{"name": " "}, table("a\x00b", "v\ud8001"), 7],
        outputs={"x": 1},
        run_facets={"a": None, "b": 3},
    )
    receive_event(actor=by_ada, data=odd)
    kept = LineageEvent.objects.get()
    assert "no name" in kept.problem
    assert "OTHER" in kept.problem
    assert Edge.objects.count() == 1


def test_events_are_read_by_their_sender_and_by_operators(client: Client, by_ada: Actor, cy: User, ada: User) -> None:
    receive_batch(actor=by_ada, items=STORY)
    for person, total in ((ada, len(STORY)), (cy, 0)):
        client.force_login(person)
        assert client.get("/api/v1/events/lineage?before=&after=&foo=1").json()["totalCount"] == total
    cy.groups.add(Group.objects.get_or_create(name="operators")[0])
    body = client.get("/api/v1/events/lineage?limit=2&after=2026-11-01T10:04:00Z").json()
    assert (body["totalCount"], len(body["events"])) == (3, 2)
    assert body["events"][0]["eventTime"] >= body["events"][1]["eventTime"]


def test_the_graph_in_the_shape_of_marquez(client: Client, by_ada: Actor, ada: User) -> None:
    receive_batch(actor=by_ada, items=STORY)
    client.force_login(ada)
    nodes = {
        node["id"]: node
        for node in client.get("/api/v1/lineage?nodeId=dataset:postgres://db:5432:rates").json()["graph"]
    }
    assert nodes["dataset:postgres://db:5432:rates"]["outEdges"] == [
        {"origin": "dataset:postgres://db:5432:rates", "destination": "job:etl:load1"}
    ]
    assert nodes["job:etl:load1"]["data"]["latestRun"]["state"] == "COMPLETED"
    near = client.get("/api/v1/lineage?nodeId=job:etl:load3&depth=1").json()["graph"]
    assert [node["id"] for node in near] == ["dataset:postgres://db:5432:orders", "job:etl:load3"]
    assert client.get("/api/v1/lineage?nodeId=job:etl:none").status_code == 404


def test_an_event_of_a_tracked_run_takes_the_right_to_change_it(
    by_ada: Actor, cy: User, acting: Acting, settings: Any
) -> None:
    record_run(actor=by_ada, run_id=RUN.format(1).replace("-", ""), name="training")
    settings.LINEAGE_WRITERS = ["tests.lineage.test_openlineage.nobody_but_ada"]
    with pytest.raises(Denied):
        receive_event(actor=acting(cy), data=STORY[1])
    receive_event(actor=by_ada, data=STORY[1])
    assert graph() == {(urn("orders", "v1"), "run:" + RUN.format(1).replace("-", ""), 1, "")}


def nobody_but_ada(actor: Actor, node: str, action: Any) -> Any:
    return None if actor.name == "ada" else Refusal("This run is somebody else's.", action, node)


def model(version: str) -> Event:
    facets = {"version": {"datasetVersion": version}, "datasetType": {"datasetType": "MODEL"}}
    return {"namespace": "registry", "name": "clf", "facets": facets}


def test_a_dataset_of_the_type_model_is_the_model_version(by_ada: Actor, settings: Any) -> None:
    settings.LINEAGE_VISIBILITY = ["tests.lineage.test_api.everybody_sees_models"]
    record_produced(actor=by_ada, run_id="earlier", model="clf", version=1)
    receive_event(actor=by_ada, data=event("COMPLETE", inputs=[model("1")], outputs=[table("scores", "v1")]))
    receive_event(actor=by_ada, data=event("COMPLETE", run=2, inputs=[model("v2")]))
    first, second = (f"run:{RUN.format(run)}" for run in (1, 2))
    assert graph() - {("run:earlier", "model-version:clf/1", Relation.PRODUCED, "")} == {
        ("model-version:clf/1", first, Relation.CONSUMED, "base_model"),
        (first, urn("scores", "v1"), Relation.PRODUCED, ""),
        ("dataset-version:registry/clf/v2", second, Relation.CONSUMED, ""),
    }


@pytest.mark.parametrize("way", ["inputs", "outputs"])
def test_a_model_out_of_sight_is_as_one_that_never_was(way: str, by_ada: Actor, settings: Any) -> None:
    settings.LINEAGE_VISIBILITY = ["tests.lineage.test_api.nobody_sees_models"]
    graphs = []
    for exists in (False, True):
        with transaction.atomic():
            if exists:
                record_produced(actor=by_ada, run_id="earlier", model="clf", version=1)
            receive_event(actor=by_ada, data=event("COMPLETE") | {way: [model("1")]})
            graphs.append({edge for edge in graph() if "run:earlier" not in edge})
            transaction.set_rollback(True)
    assert graphs[0] == graphs[1]
    assert len(graphs[0]) == 1


def test_a_batch_also_comes_with_a_slash(client: Client, bearer: dict[str, str]) -> None:
    answer = client.post("/api/v1/lineage/batch/", json.dumps(STORY), content_type="application/json", headers=bearer)
    assert (answer.status_code, answer.json()["status"]) == (200, "success")
    assert LineageEvent.objects.count() == len(STORY)


def test_the_command_replays_what_was_kept(by_ada: Actor) -> None:
    receive_batch(actor=by_ada, items=STORY)
    before = graph()
    JobRun.objects.update(merged="{}", shape="")
    call_command("lineage_replay")
    assert graph() == before
    assert not JobRun.objects.filter(merged="{}").exists()
