"""Bytes are read before the lock, and their marks compared under it, whatever their size."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

import pytest
from pytest_django import Settings

from core.actors import Actor
from tracking import verification
from tracking.artifacts import seal_folder, store_artifact
from tracking.models import Artifact
from tracking.store import FileStore
from tracking.verification import VerificationNeeded, changes_since_verified, verify_again, with_verified_files

FOLDER = "1/r/artifacts"


@pytest.fixture(autouse=True)
def sealed(actor: Actor, store: Path) -> None:
    verification._verified.clear()
    for name, data in (("MLmodel", b"flavors: {}"), ("model.bin", b"x" * 3_000_000)):
        store_artifact(actor=actor, path=f"{FOLDER}/{name}", stream=io.BytesIO(data))
    seal_folder(actor=actor, prefix=FOLDER, reason="test")


def object_of(name: str, settings: Settings) -> Path:
    root = Path(urlsplit(settings.ARTIFACT_URL).path)
    digest = Artifact.objects.get(path=f"{FOLDER}/{name}").sha256
    return next(path for path in root.rglob(digest) if path.is_file())


def test_files_are_read_once_and_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    real = FileStore.open

    def count(self: FileStore, sha256: str) -> BinaryIO:
        read.append(1)
        return real(self, sha256)

    monkeypatch.setattr(FileStore, "open", count)
    tries: list[int] = []

    def step() -> list[str]:
        tries.append(len(read))
        return changes_since_verified(FOLDER)

    assert with_verified_files(step) == []
    assert tries == [0, 2]  # nothing was read within the step
    assert with_verified_files(step) == []
    assert len(read) == 2


def test_bytes_that_changed_since_are_read_again(settings: Settings) -> None:
    verify_again(FOLDER)
    changed = object_of("model.bin", settings)
    times = changed.stat()
    changed.chmod(0o600)
    with changed.open("r+b") as file:
        file.write(b"y")
    os.utime(changed, ns=(times.st_atime_ns, times.st_mtime_ns))  # as somebody would who wants it not to show
    with pytest.raises(VerificationNeeded):
        changes_since_verified(FOLDER)
    verify_again(FOLDER)
    assert changes_since_verified(FOLDER) == ["model.bin"]


def test_an_old_verification_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    verify_again(FOLDER)
    monkeypatch.setattr(verification, "_VALID_SECONDS", -1.0)
    with pytest.raises(VerificationNeeded):
        changes_since_verified(FOLDER)
