"""Who may send events about a run, and that the sender is a writer of evidence."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import User
from audit.refusals import Refusal
from core.actors import Actor
from core.errors import Denied
from lineage.evidence import ancestry_writers
from lineage.models import LineageEvent
from lineage.openlineage.inbox import receive_batch, receive_event
from lineage.services import record_run
from tests.conftest import Acting
from tests.lineage.openlineage.events import RUN, STORY, edge_keys, event, table, version_urn


def test_nobody_adds_to_somebody_elses_run(by_ada: Actor, cy: User, acting: Acting) -> None:
    receive_event(actor=by_ada, data=STORY[0])
    before = edge_keys()
    with pytest.raises(Denied):
        receive_event(actor=acting(cy), data=event("COMPLETE", 9, inputs=[table("poison", "v1")]))
    (failed,) = receive_batch(actor=acting(cy), items=[event("COMPLETE", 9, inputs=[table("poison", "v1")])])
    assert (failed.index, failed.retriable) == (0, False)
    assert edge_keys() == before
    assert LineageEvent.objects.count() == 1


def test_an_event_of_a_tracked_run_takes_the_right_to_change_it(
    by_ada: Actor, cy: User, acting: Acting, settings: Any
) -> None:
    record_run(actor=by_ada, run_id=RUN.format(1).replace("-", ""), name="training")
    settings.LINEAGE_WRITERS = ["tests.lineage.openlineage.test_rights.nobody_but_ada"]
    with pytest.raises(Denied):
        receive_event(actor=acting(cy), data=STORY[1])
    receive_event(actor=by_ada, data=STORY[1])
    assert edge_keys() == {(version_urn("orders", "v1"), "run:" + RUN.format(1).replace("-", ""), 1, "")}


def nobody_but_ada(actor: Actor, node: str, action: Any) -> Any:
    return None if actor.name == "ada" else Refusal("This run is somebody else's.", action, node)


def test_whoever_sends_events_wrote_evidence_of_what_descends(by_ada: Actor) -> None:
    receive_event(actor=by_ada, data=event("COMPLETE", outputs=[table("out", "v1")]))
    (writer,) = ancestry_writers([version_urn("out", "v1")])[version_urn("out", "v1")]
    assert (writer.name, writer.kind) == ("ada", "edge_declared")
