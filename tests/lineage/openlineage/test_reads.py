"""Reads of received events and of the graph in Marquez's shape."""

from __future__ import annotations

from django.contrib.auth.models import Group
from django.test import Client

from accounts.models import User
from core.actors import Actor
from lineage.openlineage.inbox import receive_batch
from tests.lineage.openlineage.events import STORY


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
