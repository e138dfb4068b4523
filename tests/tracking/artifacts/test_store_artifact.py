"""Storing, reading, listing and deleting files by path."""

import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from audit.models import Event
from core.actors import Actor
from core.errors import InvalidInput, NotFound, TooLarge
from tracking.artifacts import delete_artifact, list_artifacts, open_artifact, read_artifact, store_artifact
from tracking.models import Artifact

Put = Callable[[str, bytes], Artifact]


@pytest.fixture
def put(actor: Actor) -> Put:
    return lambda path, data: store_artifact(actor=actor, path=path, stream=io.BytesIO(data))


def test_bytes_lie_under_their_digest(put: Put, store: Path) -> None:
    row = put("1/r/artifacts/a.txt", b"hello")
    digest = hashlib.sha256(b"hello").hexdigest()
    assert (row.sha256, row.size, row.parent, row.stored_by) == (digest, 5, "1/r/artifacts", "ada")
    assert (store / "sha256" / digest[:2] / digest[2:4] / digest).read_bytes() == b"hello"
    assert list((store / "incoming").iterdir()) == []


def test_equal_bytes_are_stored_once(put: Put, store: Path) -> None:
    put("1/r/artifacts/a", b"same")
    put("1/r/artifacts/b", b"same")
    assert len([path for path in store.rglob("*") if path.is_file()]) == 1


def test_last_writer_wins_and_the_event_names_both(put: Put) -> None:
    put("1/r/artifacts/a", b"one")
    row = put("1/r/artifacts/a", b"two")
    found, file = open_artifact("1/r/artifacts/a")
    with file:
        assert file.read() == b"two"
    assert found.pk == row.pk
    event = Event.objects.latest("id")
    assert event.action == "tracking.artifact.stored"
    assert hashlib.sha256(b"one").hexdigest().encode() in bytes(event.body)


def test_same_bytes_again_change_nothing(put: Put) -> None:
    put("1/r/artifacts/a", b"one")
    put("1/r/artifacts/a", b"one")
    assert Event.objects.count() == 1


def test_too_many_bytes_leave_nothing(put: Put, settings: Any, store: Path) -> None:
    settings.MAX_ARTIFACT_BYTES = 3
    with pytest.raises(TooLarge):
        put("1/r/artifacts/a", b"four")
    assert not Artifact.objects.exists()
    assert [path for path in store.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("path", ["1/r/artifacts/a/b", "1/r"])
def test_a_name_is_a_file_or_a_folder(put: Put, path: str) -> None:
    put("1/r/artifacts/a", b"one")
    with pytest.raises(InvalidInput):
        put(path, b"two")
    assert Artifact.objects.count() == 1


def test_reading_a_folder_or_nothing(put: Put) -> None:
    put("1/r/artifacts/a", b"one")
    with pytest.raises(InvalidInput, match="folder"):
        open_artifact("1/r")
    with pytest.raises(NotFound, match="No such artifact"):
        open_artifact("1/r/artifacts/A")


def test_read_artifact_has_a_limit(put: Put) -> None:
    put("1/r/artifacts/a", b"one")
    assert read_artifact("1/r/artifacts/a", 3) == b"one"
    with pytest.raises(TooLarge):
        read_artifact("1/r/artifacts/a", 2)


def test_missing_bytes_are_not_found(put: Put, store: Path) -> None:
    row = put("1/r/artifacts/a", b"one")
    (store / "sha256" / row.sha256[:2] / row.sha256[2:4] / row.sha256).unlink()
    with pytest.raises(NotFound, match="missing from the store"):
        open_artifact("1/r/artifacts/a")


def test_list_names_files_and_folders(put: Put) -> None:
    for path in ("1/r/artifacts/b.txt", "1/r/artifacts/sub/deep/x", "1/r/artifacts/sub/y", "1/R/artifacts/z", "1/r2/q"):
        put(path, b"12")
    assert list_artifacts("1/r/artifacts") == [
        ("1/r/artifacts/b.txt", False, 2),
        ("1/r/artifacts/sub", True, 0),
    ]
    assert list_artifacts("1/r/artifacts/b.txt") == []
    assert [name for name, _, _ in list_artifacts("1")] == ["1/R", "1/r", "1/r2"]
    assert list_artifacts("") == [("1", True, 0)]


def test_list_takes_two_queries_however_many(put: Put, django_assert_num_queries: Any) -> None:
    for number in range(7):
        put(f"1/r/artifacts/f{number}/x", b"1")
    with django_assert_num_queries(2):
        assert len(list_artifacts("1/r/artifacts")) == 7


def test_delete_file_folder_and_nothing(put: Put, actor: Actor) -> None:
    for path in ("1/r/artifacts/a", "1/r/artifacts/s/b", "1/r/artifacts/s/c", "1/r/artifacts/s2"):
        put(path, b"1")
    assert delete_artifact(actor=actor, path="1/r/artifacts/s") == 2
    assert delete_artifact(actor=actor, path="1/r/artifacts/none") == 0
    assert sorted(Artifact.objects.values_list("path", flat=True)) == ["1/r/artifacts/a", "1/r/artifacts/s2"]
    assert Event.objects.filter(action="tracking.artifact.deleted").count() == 1
