"""Bytes that nothing names go; what a row or a seal names stays, whatever happens at the same time."""

import io
import random
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from audit.models import Event
from core.actors import Actor
from core.errors import InvalidInput, Unavailable
from tests.s3_server import TestBucket
from tracking.artifacts import delete_artifact, seal_folder, store_artifact, verify_folder
from tracking.models import Artifact, Seal
from tracking.services.pruning import Pruned, prune_artifacts
from tracking.store import FileStore

DAY = timedelta(days=1)
Put = Callable[[str, bytes], Artifact]


@pytest.fixture
def put(actor: Actor) -> Put:
    return lambda path, data: store_artifact(actor=actor, path=path, stream=io.BytesIO(data))


@pytest.fixture(params=["files", pytest.param("bucket", marks=pytest.mark.s3)])
def both(request: pytest.FixtureRequest) -> None:
    """Run a test over either kind of store."""
    if request.param == "bucket":
        request.getfixturevalue("bucket")


@pytest.fixture
def left(both: None, put: Put, actor: Actor) -> None:
    """A sealed file, a live one, one whose path was deleted and one that was stored over."""
    put("1/models/m-1/artifacts/model.pkl", b"sealed")
    seal_folder(actor=actor, prefix="1/models/m-1/artifacts", reason="model-version:fraud/1")
    put("1/r/artifacts/live", b"live")
    put("1/r/artifacts/twice", b"live")
    put("1/r/artifacts/gone", b"deleted")
    delete_artifact(actor=actor, path="1/r/artifacts/gone")
    put("1/r/artifacts/over", b"first")
    put("1/r/artifacts/over", b"second")


def pruned_events() -> list[Event]:
    return list(Event.objects.filter(action="tracking.artifacts.pruned"))


def test_only_what_nothing_names_goes(left: None, actor: Actor) -> None:
    with time_machine.travel(timezone.now() + 2 * DAY, tick=False):
        assert prune_artifacts(actor=actor, grace=DAY, dry_run=True) == Pruned(2, 12, 0)
        assert pruned_events() == []
        assert prune_artifacts(actor=actor, grace=DAY) == Pruned(2, 12, 0)
        assert prune_artifacts(actor=actor, grace=DAY) == Pruned(0, 0, 0)
    assert verify_folder("") == []
    assert len(pruned_events()) == 1
    assert b'"bytes":12' in bytes(pruned_events()[0].body)


def test_the_young_stay(left: None, actor: Actor) -> None:
    assert prune_artifacts(actor=actor, grace=timedelta(hours=1)) == Pruned(0, 0, 0)
    with pytest.raises(InvalidInput, match="at least one hour"):
        prune_artifacts(actor=actor, grace=timedelta(minutes=59))


def test_a_manifest_alone_protects(left: None, actor: Actor) -> None:
    Artifact.objects.filter(path__startswith="1/models").delete()
    with time_machine.travel(timezone.now() + 2 * DAY, tick=False):
        assert prune_artifacts(actor=actor, grace=DAY).blobs == 2
    seal = Seal.objects.get()
    assert seal.manifest[0][2] == 6
    store_artifact(actor=actor, path="1/r/artifacts/again", stream=io.BytesIO(b"sealed"))
    assert verify_folder("1/r/artifacts") == []


def test_remains_of_broken_uploads_go(put: Put, actor: Actor, store: Path) -> None:
    put("1/r/artifacts/a", b"x")
    (store / "incoming" / "left").write_bytes(b"half")
    with time_machine.travel(timezone.now() + 2 * DAY, tick=False):
        assert prune_artifacts(actor=actor, grace=DAY, dry_run=True) == Pruned(0, 0, 1)
        assert prune_artifacts(actor=actor, grace=DAY) == Pruned(0, 0, 1)
    assert list((store / "incoming").iterdir()) == []


@pytest.mark.s3
def test_remains_in_a_bucket_go(bucket: TestBucket, actor: Actor) -> None:
    bucket.client.put_object(Bucket=bucket.name, Key="some/prefix/incoming/left", Body=b"x")
    with time_machine.travel(timezone.now() + 2 * DAY, tick=False):
        assert prune_artifacts(actor=actor, grace=DAY) == Pruned(0, 0, 1)
    assert bucket.keys == []


def test_bytes_that_go_before_their_row_is_written_are_asked_for_again(
    put: Put, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = FileStore.put

    def then_lost(self: FileStore, source: Any, *, limit: int) -> Any:
        blob = whole(self, source, limit=limit)
        self.remove([blob])
        return blob

    monkeypatch.setattr(FileStore, "put", then_lost)
    with pytest.raises(Unavailable, match="Send them again"):
        put("1/r/artifacts/a", b"x")
    assert not Artifact.objects.exists()


def test_the_command(left: None, capsys: pytest.CaptureFixture[str]) -> None:
    with time_machine.travel(timezone.now() + 2 * DAY, tick=False):
        call_command("prune_artifacts", "--dry-run")
        call_command("prune_artifacts", "--grace", "2h")
    assert capsys.readouterr().out.splitlines() == [
        "Would delete 2 files of 12 bytes and 0 remains of failed uploads.",
        "Deleted 2 files of 12 bytes and 0 remains of failed uploads.",
    ]
    with pytest.raises(CommandError, match="at least one hour"):
        call_command("prune_artifacts", "--grace", "5m")


@pytest.mark.django_db(transaction=True)
def test_pruning_while_the_same_bytes_come_in_again_loses_nothing(
    put: Put, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop, accepted = threading.Event(), []
    monkeypatch.setattr(FileStore, "sweep", lambda *_args, **_options: 0)  # it would take drafts on their way for old

    def prune() -> None:
        while not stop.wait(random.uniform(0, 0.02)):  # noqa: S311 - a pause, so that it does not win every time
            prune_artifacts(actor=actor, grace=DAY)
        connection.close()

    thread = threading.Thread(target=prune)
    with time_machine.travel(timezone.now() + 2 * DAY):  # to the pruning thread every file is two days old at once
        thread.start()
        try:
            for number in range(40):
                with suppress(Unavailable):
                    put("1/r/artifacts/a", b"one" if number % 2 else b"two")
                    accepted.append(number)
                assert verify_folder("1/r/artifacts") == []
        finally:
            stop.set()
            thread.join()
    assert accepted
