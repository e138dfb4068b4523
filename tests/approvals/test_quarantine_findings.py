"""Quarantining a dataset version puts a finding, with the way back, on each live version that descends from it."""

from __future__ import annotations

import pytest

from accounts.models import User
from approvals import tasks
from approvals.models import RequestState
from approvals.models.oversight import Finding
from approvals.services.rollbacks import roll_back
from audit.actors import Actor
from audit.errors import InvalidState
from audit.models import OutboxMessage
from lineage.models import Node, NodeKind
from lineage.quarantine import place_quarantine, release_quarantine
from registry.models import ModelVersion
from tests.approvals.conftest import TAGS, NewVersion
from tests.approvals.governed import promote, publish, stage_of
from tests.conftest import Acting
from tracking.models import Run

Two = list[ModelVersion]


@pytest.fixture
def two(new_version: NewVersion, by_ada: Actor, by_bea: Actor) -> Two:
    """Version 1 was in Production; version 2 is, and it stands on data of its own."""
    publish()
    versions = [new_version(tags={}), new_version(tags=TAGS)]
    for version in versions:
        promote(by_ada, by_bea, version)
    return versions


def dataset_of(version: ModelVersion) -> str:
    """Return a dataset version that a version descends from."""
    run = Run.objects.get(pk=version.run_id)
    node = Node.objects.get(urn=f"run:{run.pk}")
    edge = node.in_edges.filter(src__kind=NodeKind.DATASET_VERSION).select_related("src").first()
    assert edge is not None
    return str(edge.src.urn)


def work() -> int:
    """Do what the outbox holds for the quarantines."""
    rows = OutboxMessage.objects.filter(task="approvals.tasks.open_quarantine_findings")
    return sum(tasks.open_quarantine_findings(**row.kwargs) for row in rows)


def test_a_finding_on_what_is_live(two: Two, ops: User, acting: Acting) -> None:
    place_quarantine(actor=acting(ops), urn=dataset_of(two[1]), reason="Duplicates.")
    assert [work(), work()] == [1, 0]
    finding = Finding.objects.get()
    assert (finding.version_id, finding.severity, finding.origin) == (two[1].pk, "critical", "quarantine")
    assert "roll back to v1" in finding.description
    assert stage_of(2) == ("Production", True)


def test_the_suggested_rollback_works(two: Two, ops: User, by_ada: Actor, acting: Acting) -> None:
    place_quarantine(actor=acting(ops), urn=dataset_of(two[1]), reason="Duplicates.")
    work()
    done = roll_back(actor=by_ada, name="fraud", reason="Bad data.", wait_seconds=0)
    assert done.request is not None
    assert (done.version.version, done.request.state) == (1, RequestState.OPEN)


def test_there_is_no_way_back_to_quarantined_data(
    two: Two, new_version: NewVersion, by_ada: Actor, by_bea: Actor, ops: User, acting: Acting
) -> None:
    promote(by_ada, by_bea, new_version(tags={}))
    place_quarantine(actor=acting(ops), urn=dataset_of(two[1]), reason="Duplicates.")
    with pytest.raises(InvalidState, match="quarantined"):
        roll_back(actor=by_ada, name="fraud", reason="x", version=2, wait_seconds=0)


def test_what_was_released_before_the_worker_came_opens_nothing(two: Two, ops: User, acting: Acting) -> None:
    urn = dataset_of(two[1])
    place_quarantine(actor=acting(ops), urn=urn, reason="Duplicates.")
    release_quarantine(actor=acting(ops), urn=urn, reason="It was not.")
    assert work() == 0
    assert not Finding.objects.exists()
