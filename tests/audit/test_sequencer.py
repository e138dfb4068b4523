"""The sequencer: every event becomes a leaf, checkpoints only ever extend what was signed, and being killed harms
nothing.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection, transaction

from accounts.models import User
from audit.actions import Action
from audit.models import Event, Leaf, Log
from audit.queries import leaves_of, stream_length
from audit.services import record
from audit.transparency import sequencer as module
from audit.transparency.health import LogState, log_health
from audit.transparency.keys import log_signers
from audit.transparency.sequencer import Sequencer
from audit.transparency.state import published, read_state, sequencer_lock, state_folder
from audit.transparency.tiles import ENTRIES, entries_of
from audit.transparency.tree import Frontier
from audit.verifier.audit_verify import Checkpoint, leaf_hash, open_checkpoint, root_of
from tests.conftest import Acting

Write = Callable[..., Event]


@pytest.fixture
def write(ada: User, acting: Acting) -> Write:
    """Record one event, of model 1 where nothing else is said."""
    actor = acting(ada)

    def one(stream: str = "model:1", **more: object) -> Event:
        return record(actor=actor, action=Action.REGISTRY_MODEL_CREATED, obj="model:clf", stream=stream, **more)  # type: ignore[arg-type]  # each test passes what it means

    return one


def checkpoint() -> Checkpoint:
    folder = published(log_signers()[0].name).folder
    return open_checkpoint((folder / "checkpoint").read_bytes(), [signer.key for signer in log_signers()])


def entries(size: int) -> list[bytes]:
    folder = published(log_signers()[0].name)
    return [
        entry
        for at in range(0, size, 256)
        for entry in entries_of(folder.read(ENTRIES, at // 256, min(256, size - at)))
    ]


def test_an_empty_log_has_a_checkpoint(db: None) -> None:
    assert Sequencer().run_once() == 0
    assert checkpoint().size == 0


def test_every_event_is_a_leaf_with_its_number(write: Write) -> None:
    events = [write(), write(stream=""), write("model:2"), write()]
    assert Sequencer().run_once() == 4
    leaves = leaves_of(events)
    assert [(leaves[event.pk].seq, leaves[event.pk].gen) for event in events] == [(0, 1), (1, None), (2, 1), (3, 2)]
    assert (stream_length("model:1"), stream_length("model:9")) == (2, 0)


def test_the_checkpoint_covers_the_exact_bytes(write: Write) -> None:
    events = [write(after={"n": n}) for n in range(3)]
    Sequencer().run_once()
    stored = entries(3)
    assert [json.loads(entry)["event"]["event_id"] for entry in stored] == [str(event.event_id) for event in events]
    assert all(bytes(event.body) in entry for event, entry in zip(events, stored, strict=True))
    assert checkpoint().root == root_of([leaf_hash(entry) for entry in stored])


@pytest.mark.parametrize("sizes", [[255, 1, 1], [256, 256], [3, 600, 1]])
def test_tiles_agree_however_the_events_come(write: Write, sizes: list[int]) -> None:
    sequencer = Sequencer()
    for size in sizes:
        for _ in range(size):
            write()
        assert sequencer.run_once() == size
    total = sum(sizes)
    assert checkpoint().root == root_of([leaf_hash(entry) for entry in entries(total)])
    assert published(checkpoint().origin).frontier(total).root() == checkpoint().root
    assert b"".join(published(checkpoint().origin).leaves(total)) == b"".join(map(leaf_hash, entries(total)))


def test_a_restored_database_is_not_signed(write: Write) -> None:
    write()
    with transaction.atomic():
        write()
        Sequencer().run_once()
        transaction.set_rollback(True)  # as restoring an older state does
    write()
    before = checkpoint()
    assert Sequencer().run_once() is None
    assert checkpoint() == before
    assert log_health().state is LogState.STOPPED
    assert "was restored" in log_health().problem


def test_a_fork_is_not_signed(write: Write) -> None:
    write()
    with transaction.atomic():
        write(after={"n": 1})
        Sequencer().run_once()
        transaction.set_rollback(True)
    kept = state_folder()
    saved = kept.with_name(f"{kept.name}-saved")
    kept.rename(saved)
    write(after={"n": 2})
    Sequencer().run_once()  # another host, with a folder of its own
    shutil.rmtree(kept)
    saved.rename(kept)
    assert Sequencer().run_once() is None
    assert "a fork" in log_health().problem


def test_without_its_state_a_log_is_not_signed(write: Write) -> None:
    write()
    Sequencer().run_once()
    shutil.rmtree(state_folder())
    write()
    assert Sequencer().run_once() is None
    assert "CUSTODY_LOG_STATE" in log_health().problem


@pytest.mark.parametrize("step", ["publish", "write_state", "sign_note"])
def test_a_crash_after_the_commit_is_made_up_for(write: Write, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    write()
    sequencer = Sequencer()
    sequencer.run_once()
    write()

    def crash(*_arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, step, crash)
        with pytest.raises(KeyboardInterrupt):
            sequencer.run_once()
    write()
    after = Sequencer()
    after.run_once()
    after.run_once()
    assert checkpoint().size == 3
    assert log_health().problem == ""
    assert checkpoint().root == root_of([leaf_hash(entry) for entry in entries(3)])


def test_one_sequencer_is_active(write: Write) -> None:
    write()
    with sequencer_lock() as active:
        assert active
        assert Sequencer().run_once() is None
    assert Sequencer().run_once() == 1


def test_a_tampered_tile_stops_the_signing(write: Write) -> None:
    write()
    Sequencer().run_once()
    folder = published(log_signers()[0].name).folder
    tile = folder / "tile/0/000.p/1"
    tile.write_bytes(bytes(32))
    write()
    assert Sequencer().run_once() is None
    assert "do not make the tree" in log_health().problem


def test_an_event_that_is_gone_stops_the_signing(write: Write) -> None:
    write()
    gone = write()
    if connection.vendor == "postgresql":
        pytest.skip("there the event has no place yet")
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER audit_event_no_delete")
        cursor.execute("DELETE FROM audit_event WHERE id = %s", [gone.pk])
    write()
    assert Sequencer().run_once() is None
    assert "lacks event 1" in log_health().problem


def test_an_event_that_was_changed_after_it_was_signed_is_found(write: Write) -> None:
    write()
    changed = write()
    sequencer = Sequencer()
    sequencer.run_once()
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("ALTER TABLE audit_event DISABLE TRIGGER USER")
        else:
            cursor.execute("DROP TRIGGER audit_event_no_update")
        cursor.execute("UPDATE audit_event SET body = %s WHERE id = %s", [b"{}", changed.pk])
    write()
    assert Sequencer().run_once() is None
    assert "Event 1 in the database is not the one that was signed" in log_health().problem


def test_the_key_is_the_owners_alone(db: None) -> None:
    assert settings.LOG_KEY_FILE.stat().st_mode & 0o777 == 0o600


def test_health_follows_the_log(write: Write) -> None:
    assert log_health().state is LogState.SILENT
    write()
    Sequencer().run_once()
    assert log_health().state is LogState.OK


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
def test_a_late_commit_of_a_lower_id_is_numbered_later(ada: User, acting: Acting) -> None:
    actor = acting(ada)
    late = connection.copy()
    with transaction.atomic():
        record(actor=actor, action=Action.TRACKING_RUN_CREATED, obj="run:1")
    row = Event.objects.values_list("body", "at", "action", "outcome", "actor_ref", "actor_key", "object_ref").get()
    late.set_autocommit(False)
    with late.cursor() as cursor:
        cursor.execute(
            "INSERT INTO "
            "audit_event (event_id, body, at, action, outcome, actor_ref, actor_name, object_ref, stream, "
            "request_id) VALUES (gen_random_uuid(), %s, %s, %s, %s, %s, %s, %s, '', '')",
            [*row],  # type: ignore[list-item]  # the columns of an event
        )
    with transaction.atomic():
        newest = record(actor=actor, action=Action.TRACKING_RUN_CREATED, obj="run:2")
    sequencer = Sequencer()
    assert sequencer.run_once() == 2
    late.commit()
    late.close()
    assert sequencer.run_once() == 1
    assert list(Leaf.objects.order_by("seq").values_list("event_id", flat=True))[1:] == [newest.pk, newest.pk - 1]
    assert Log.objects.get().size == 3


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite numbers in the transaction of the event")
def test_a_sweep_finds_what_was_passed_over_a_part_at_a_time(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audit.transparency.assign._SWEPT_AT_ONCE", 2)
    for _ in range(5):
        write()
    first = Event.objects.order_by("id")[0].pk
    Log.objects.create(number=1, origin=log_signers()[0].name, root=Frontier().root().hex(), scanned=first + 4)
    sequencer = Sequencer()
    sequencer._assigner._swept_to = first - 1
    assert [sequencer.run_once() for _ in range(4)] == [2, 2, 1, 0]
    assert list(Leaf.objects.order_by("seq").values_list("event_id", flat=True)) == list(range(first, first + 5))


def test_the_state_is_outside_the_database(write: Write) -> None:
    write()
    Sequencer().run_once()
    state = read_state()
    assert state is not None
    assert (state.size, state.root) == (1, checkpoint().root)
    assert Path(settings.LOG_STATE).is_dir()
