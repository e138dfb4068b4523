"""A sealed folder keeps its bytes; verifying reads them again."""

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from audit.models import Event
from core.actors import Actor
from core.canonical import digest_of
from core.errors import Conflict, InvalidInput
from tracking.artifacts import (
    delete_artifact,
    folder_digest,
    folder_files,
    seal_folder,
    senders_of,
    store_artifact,
    verify_folder,
)
from tracking.models import Artifact, Seal

FOLDER = "1/models/m-1/artifacts"


Put = Callable[[str, bytes], Artifact]


@pytest.fixture
def put(actor: Actor) -> Put:
    return lambda name, data: store_artifact(actor=actor, path=f"{FOLDER}/{name}", stream=io.BytesIO(data))


@pytest.fixture
def sealed(actor: Actor, put: Put) -> Seal:
    put("MLmodel", b"flavors:")
    put("data/model.pkl", b"pickle")
    return seal_folder(actor=actor, prefix=FOLDER, reason="model-version:fraud/1")


def test_digest_is_over_the_sorted_manifest(sealed: Seal) -> None:
    files = folder_files(FOLDER)
    assert [name for name, _, _ in files] == ["MLmodel", "data/model.pkl"]
    assert sealed.digest == folder_digest(FOLDER) == "sha256:" + digest_of([list(file) for file in files])
    assert folder_digest("1/none") == ""


def test_seal_is_idempotent_with_one_event(actor: Actor, sealed: Seal) -> None:
    assert seal_folder(actor=actor, prefix=FOLDER + "/", reason="again").pk == sealed.pk
    assert Event.objects.filter(action="tracking.artifacts.sealed").count() == 1


def test_a_seal_says_who_sent_the_files(actor: Actor, put: Put) -> None:
    put("MLmodel", b"flavors:")
    store_artifact(actor=replace(actor, name="carl"), path=f"{FOLDER}/data/model.pkl", stream=io.BytesIO(b"pickle"))
    store_artifact(
        actor=replace(actor, name="eve"), path="1/models/m-10/artifacts/MLmodel", stream=io.BytesIO(b"other")
    )
    seal_folder(actor=actor, prefix=FOLDER, reason="model-version:fraud/1")
    assert senders_of([FOLDER, "1/none"]) == {FOLDER: (actor.name, "carl")}


@pytest.mark.parametrize("name", ["MLmodel", "new.txt", "data/other"])
def test_sealed_files_cannot_change(sealed: Seal, put: Put, name: str) -> None:
    events = Event.objects.count()
    with pytest.raises(Conflict, match="sealed"):
        put(name, b"changed")
    assert folder_digest(FOLDER) == sealed.digest
    assert Event.objects.count() == events


def test_identical_bytes_are_accepted(sealed: Seal, put: Put) -> None:
    assert put("MLmodel", b"flavors:").size == 8


@pytest.mark.parametrize("path", [f"{FOLDER}/MLmodel", FOLDER, "1/models/m-1", "1/models", f"{FOLDER}/data"])
def test_sealed_files_cannot_be_deleted(sealed: Seal, actor: Actor, path: str) -> None:
    with pytest.raises(Conflict, match="sealed"):
        delete_artifact(actor=actor, path=path)
    assert Artifact.objects.count() == 2


def test_empty_or_wide_folder_is_not_sealed(actor: Actor) -> None:
    for prefix in ("1/models/m-none/artifacts", "1", ""):
        with pytest.raises(InvalidInput):
            seal_folder(actor=actor, prefix=prefix, reason="x")
    assert not Seal.objects.exists()


def test_seal_after_a_change_behind_our_back_is_a_conflict(actor: Actor, sealed: Seal) -> None:
    Artifact.objects.filter(path=f"{FOLDER}/MLmodel").update(size=9)
    with pytest.raises(Conflict):
        seal_folder(actor=actor, prefix=FOLDER, reason="x")


def test_verify_names_changed_missing_and_extra_files(sealed: Seal, put: Put, store: Path) -> None:
    assert verify_folder(FOLDER) == []
    row = Artifact.objects.get(path=f"{FOLDER}/MLmodel")
    place = store / "sha256" / row.sha256[:2] / row.sha256[2:4] / row.sha256
    place.chmod(0o640)
    place.write_bytes(b"flavorz:")
    Artifact.objects.filter(path=f"{FOLDER}/data/model.pkl").delete()
    Artifact.objects.create(path=f"{FOLDER}/x", parent=FOLDER, sha256=row.sha256, size=8)
    assert verify_folder(FOLDER) == ["MLmodel", "data/model.pkl", "x"]
