"""Quarantining a dataset version puts a finding, with the way back, on each live version that descends from it."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group

from accounts.models import User
from approvals import tasks
from approvals.models import RequestState
from approvals.models.oversight import Finding
from approvals.oversight.findings import close_finding, open_finding
from approvals.requests.roll_back import roll_back
from audit.actions import Action
from audit.models import Event, OutboxMessage
from audit.queries import actor_name
from core.actors import Actor
from core.errors import Denied, InvalidState
from lineage.models import Node, NodeKind
from lineage.quarantine import place_quarantine, release_quarantine
from registry.models import ModelVersion
from registry.permissions import Level, grant_level
from registry.queries import live_descendants
from tests.approvals.conftest import TAGS, NewVersion
from tests.approvals.governed import promote, publish, stage_of
from tests.conftest import Acting
from tests.console.conftest import SignedIn, signed_in, text_of
from tests.recorded_fixtures import recorded_fixture
from tracking.limits import Point
from tracking.models import Run
from tracking.services.logging import log_metric

__all__ = ["signed_in"]

Two = list[ModelVersion]


@pytest.fixture
@recorded_fixture
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


def close() -> int:
    rows = OutboxMessage.objects.filter(task="approvals.tasks.close_quarantine_findings")
    return sum(tasks.close_quarantine_findings(**row.kwargs) for row in rows)


@pytest.fixture
@recorded_fixture
def flagged(two: Two, ops: User, acting: Acting) -> Finding:
    place_quarantine(actor=acting(ops), urn=dataset_of(two[1]), reason="Duplicates.")
    work()
    return Finding.objects.get()


def test_a_release_resolves_them_with_its_reason(two: Two, flagged: Finding, by_bea: Actor) -> None:
    assert close() == 0
    release_quarantine(actor=by_bea, urn=dataset_of(two[1]), reason="Counted again.")
    assert [close(), close()] == [1, 0]
    flagged.refresh_from_db()
    assert (flagged.state, flagged.closed_by) == ("resolved", "bea")
    assert flagged.resolution == "bea released the quarantine: Counted again."
    closed = Event.objects.get(action=Action.APPROVALS_FINDING_CLOSED)
    assert actor_name(closed) == "close_quarantine_findings"


def test_who_made_the_version_does_not_release(two: Two, flagged: Finding, ada: User, by_ada: Actor) -> None:
    ada.groups.add(Group.objects.get_or_create(name="operators")[0])
    with pytest.raises(Denied, match="somebody else must decide on the quarantine"):
        release_quarantine(actor=by_ada, urn=dataset_of(two[1]), reason="Mine, and fine.")
    assert close() == 0


def test_a_release_is_no_way_around_four_eyes(
    two: Two, flagged: Finding, ops: User, acting: Acting, by_bea: Actor, signed_in: SignedIn, bea: User
) -> None:
    release_quarantine(actor=acting(ops), urn=dataset_of(two[1]), reason="Fine.")
    log_metric(actor=acting(ops), run_id=two[1].run_id, point=Point(key="f1", value=1.0, timestamp_ms=1))
    assert close() == 0
    flagged.refresh_from_db()
    assert flagged.state == "open"
    assert "somebody else must close the finding" in text_of(signed_in(bea).get(f"/findings/{flagged.pk}/"))
    grant_level(user=bea, model=two[1].model, level=Level.MANAGE)
    assert close_finding(actor=by_bea, finding_id=flagged.pk, state="resolved", comment="Seen.").state == "resolved"


def test_those_of_another_quarantine_and_of_people_stay(
    two: Two, flagged: Finding, by_bea: Actor, by_ada: Actor
) -> None:
    own = open_finding(actor=by_ada, name="fraud", version=2, severity="critical", title="Leaks labels")
    nodes = Node.objects.filter(kind=NodeKind.DATASET_VERSION).exclude(urn=dataset_of(two[1]))
    other = nodes.filter(out_edges__dst__urn=f"run:{two[1].run_id}").first()
    assert other is not None
    place_quarantine(actor=by_bea, urn=other.urn, reason="Late.")
    work()
    release_quarantine(actor=by_bea, urn=dataset_of(two[1]), reason="Counted again.")
    assert close() == 1
    assert set(Finding.objects.filter(state="open").values_list("origin", flat=True)) == {"person", "quarantine"}
    own.refresh_from_db()
    assert own.state == "open"


def test_a_worker_that_comes_after_the_release_opens_nothing(
    two: Two, ops: User, acting: Acting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has read that the quarantine stands; by the time it holds the version that is no longer so."""
    urn = dataset_of(two[1])
    place_quarantine(actor=acting(ops), urn=urn, reason="Duplicates.")
    found = live_descendants

    def slowly(urn: str) -> Any:
        release_quarantine(actor=acting(ops), urn=urn, reason="It was not.")
        return found(urn)

    monkeypatch.setattr("approvals.oversight.quarantine_findings.live_descendants", slowly)
    assert work() == 0
    assert not Finding.objects.exists()


def test_what_was_released_before_the_worker_came_opens_nothing(two: Two, ops: User, acting: Acting) -> None:
    urn = dataset_of(two[1])
    place_quarantine(actor=acting(ops), urn=urn, reason="Duplicates.")
    release_quarantine(actor=acting(ops), urn=urn, reason="It was not.")
    assert work() == 0
    assert not Finding.objects.exists()


def test_a_lost_message_is_found_by_the_sweep(two: Two, ops: User, acting: Acting) -> None:
    by_ops = acting(ops)
    urn = dataset_of(two[1])
    place_quarantine(actor=by_ops, urn=urn, reason="Leaked labels.")
    OutboxMessage.objects.all().delete()  # lost
    assert tasks.sweep_quarantines() == 1
    assert Finding.objects.get().severity == "critical"
    assert tasks.sweep_quarantines() == 0
    release_quarantine(actor=by_ops, urn=urn, reason="They are fine.")
    assert tasks.sweep_quarantines() == 1
    assert Finding.objects.get().state == "resolved"
