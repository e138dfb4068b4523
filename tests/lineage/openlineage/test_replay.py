"""Received events are kept and give the same graph when they are replayed."""

from __future__ import annotations

from django.core.management import call_command

from accounts.models import User
from core.actors import Actor
from lineage.models import JobRun, LineageEvent
from lineage.openlineage.inbox import receive_batch
from lineage.openlineage.replay import replay
from tests.lineage.openlineage.events import STORY, edge_keys


def test_events_are_kept_and_can_be_replayed(ada: User, by_ada: Actor) -> None:
    assert receive_batch(actor=by_ada, items=STORY) == []
    before = edge_keys()
    assert LineageEvent.objects.count() == len(STORY)
    JobRun.objects.update(merged="{}", shape="")
    count, problems = replay(sender_of=lambda ref: by_ada if ref == by_ada.ref else None)
    assert (count, problems) == (len(STORY), [])
    assert edge_keys() == before
    assert replay(sender_of=lambda _: None)[0] == 0


def test_the_command_replays_what_was_kept(by_ada: Actor) -> None:
    receive_batch(actor=by_ada, items=STORY)
    before = edge_keys()
    JobRun.objects.update(merged="{}", shape="")
    call_command("lineage_replay")
    assert edge_keys() == before
    assert not JobRun.objects.filter(merged="{}").exists()
