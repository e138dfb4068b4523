"""A quarantine that is placed after the data was taken out of the graph still finds the versions in use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import Settings

from accounts.models import User
from approvals.case.incumbents import Move
from approvals.case.subjects import load_subject
from approvals.models.oversight import Finding
from approvals.oversight.quarantine_findings import open_quarantine_findings
from core.actors import Actor, system_actor
from lineage.declarations import declare_edge, retract_edge
from lineage.models import Edge, Node, Relation
from lineage.openlineage.inbox import receive_event
from lineage.quarantine import place_quarantine
from registry.models import ModelVersion
from registry.services.stages import change_stage
from registry.services.versions import create_version
from registry.stages import Stage
from tests.approvals.conftest import NewVersion
from tests.signed_in import actor_of
from tracking.models import Run
from tracking.services.inputs import DatasetInput, log_inputs
from tracking.services.logging import delete_tag, set_tag

DATA = "dataset-version:orders/v2.1"
MD5 = "9e107d9d372bb6826bd81d3542a419d6"
LINEAGE = "dataset-version:postgres:%2F%2Fdb%2Forders/v2.1"
Step = Callable[[Actor, str], object]


def parent_of(actor: Actor) -> Run:
    run_id = "c" * 32
    fields = {"experiment_id": 0, "created_by": actor.name, "artifact_uri": "x", "start_ms": 1}
    return Run.objects.get_or_create(pk=run_id, defaults=fields)[0]


def tag(key: str, value: str) -> Step:
    return lambda actor, run_id: set_tag(actor=actor, run_id=run_id, key=key, value=value)


def untag(key: str) -> Step:
    return lambda actor, run_id: delete_tag(actor=actor, run_id=run_id, key=key)


def nest(actor: Actor, run_id: str) -> None:
    parent = parent_of(actor)
    set_tag(actor=actor, run_id=parent.pk, key="dataset_version", value="orders_v2.1")
    set_tag(actor=actor, run_id=run_id, key="mlflow.parentRunId", value=parent.pk)


def event(version: str, minute: int) -> Step:
    def send(actor: Actor, run_id: str) -> None:
        table = {"namespace": "postgres://db", "name": "orders", "facets": {"version": {"datasetVersion": version}}}
        data: dict[str, Any] = {
            "eventType": "RUNNING",
            "eventTime": f"2026-11-01T10:{minute:02}:00Z",
            "producer": "https://example.com/etl",
            "run": {"runId": f"{run_id[:8]}-{run_id[8:12]}-{run_id[12:16]}-{run_id[16:20]}-{run_id[20:]}"},
            "job": {"namespace": "etl", "name": "train"},
            "inputs": [table],
        }
        receive_event(actor=actor, data=data)

    return send


def declare(actor: Actor, run_id: str) -> None:
    declare_edge(actor=actor, src_urn=DATA, dst_urn=f"run:{run_id}", rel=Relation.CONSUMED)


def retract(actor: Actor, run_id: str) -> None:
    edge = Edge.objects.get(src__urn=DATA, dst__urn=f"run:{run_id}")
    retract_edge(actor=actor, edge_id=edge.pk, reason="It read something else.")


def same_bytes(actor: Actor, run_id: str) -> None:
    """Give the data of the version the digest that another run binds to the data that will be bad."""
    data = DatasetInput(name="mine", digest=MD5, source_type="s", source="x")
    log_inputs(actor=actor, run_id=run_id, datasets=[data])
    other = DatasetInput(name="orders", digest=MD5, source_type="s", source="x")
    log_inputs(actor=actor, run_id=parent_of(actor).pk, datasets=[other])
    set_tag(actor=actor, run_id=parent_of(actor).pk, key="dataset_version", value="orders_v2.1")


def unname(actor: Actor, run_id: str) -> None:
    delete_tag(actor=actor, run_id=parent_of(actor).pk, key="dataset_version")


def reads_a_digest(actor: Actor, run_id: str) -> None:
    """Have the run read bytes that the run of somebody else says are the version that will be bad."""
    for run in (run_id, parent_of(actor).pk):
        log_inputs(
            actor=actor, run_id=run, datasets=[DatasetInput(name="orders", digest="d1", source_type="s", source="x")]
        )
    set_tag(actor=actor, run_id=parent_of(actor).pk, key="dataset_version", value="orders_v2.1")


# Name: how the version came to stand on the data, how that left the graph, and the data.
WAYS: dict[str, tuple[Step, Step, str]] = {
    "another value of the tag": (tag("dataset_version", "orders_v2.1"), tag("dataset_version", "orders_v3"), DATA),
    "the tag deleted": (tag("dataset_version", "orders_v2.1"), untag("dataset_version"), DATA),
    "another parent run": (nest, untag("mlflow.parentRunId"), DATA),
    "a later event": (event("v2.1", 1), event("v3", 2), LINEAGE),
    "a declared edge retracted": (declare, retract, DATA),
    "equal bytes no longer known": (same_bytes, unname, DATA),
    "a digest of another version": (reads_a_digest, unname, DATA),
}


@pytest.fixture(autouse=True)
def _ungoverned(settings: Settings) -> None:
    settings.TRANSITION_GATES = []


def findings(actor: Actor, urn: str, ops: User) -> list[int]:
    """Quarantine the data; return the numbers of the versions that got a finding."""
    place = place_quarantine(actor=actor_of(ops), urn=urn, reason="Poisoned.")
    open_quarantine_findings(actor=actor, quarantine_id=place.pk)
    return sorted(Finding.objects.values_list("version__version", flat=True))


def in_production(version: ModelVersion) -> ModelVersion:
    return change_stage(
        actor=system_actor("test"), version=version, target=Stage.PRODUCTION, archive_existing=False, reason="x"
    )


@pytest.mark.parametrize("way", WAYS)
def test_data_that_left_the_graph_before_the_quarantine(
    way: str, new_version: NewVersion, by_ada: Actor, ops: User
) -> None:
    take, withdraw, urn = WAYS[way]
    version = new_version(tags={})
    take(by_ada, version.run_id)
    in_production(version)
    withdraw(by_ada, version.run_id)
    run = Node.objects.get(urn=f"run:{version.run_id}")
    assert not Edge.objects.filter(src__urn=urn, dst=run).exists()
    assert findings(by_ada, urn, ops) == [1]


def test_a_later_event_takes_no_model_from_the_data(new_version: NewVersion, by_ada: Actor, ops: User) -> None:
    version = new_version(tags={})
    event("v2.1", 1)(by_ada, version.run_id)
    event("v3", 2)(by_ada, version.run_id)
    place_quarantine(actor=actor_of(ops), urn=LINEAGE, reason="Poisoned.")
    subject = load_subject(Move(version, "Production", archive_existing=False))
    assert subject.ancestry.quarantined == (LINEAGE,)


def test_what_was_corrected_before_the_registration_is_not_followed(
    new_version: NewVersion, by_ada: Actor, ops: User
) -> None:
    run_id = new_version(tags={}).run_id
    declare(by_ada, run_id)
    retract(by_ada, run_id)
    later = create_version(actor=by_ada, name="fraud", source=f"runs:/{run_id}/model", run_id=run_id)
    in_production(later)
    assert findings(by_ada, DATA, ops) == []
