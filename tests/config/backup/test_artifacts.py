"""Copies of artifacts between stores of any kind."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from config.backup.artifacts import copy_blob, copy_new, damaged_blobs, present_blobs
from tests.s3_server import TestBucket
from tracking.store import Blob, ByteStore, FileStore, current_store

CONTENTS = [b"one", b"two", b"x" * 3_000_000]


def filled(store: ByteStore) -> list[Blob]:
    return [store.put(io.BytesIO(content), limit=10**7) for content in CONTENTS]


def read(store: ByteStore, blob: Blob) -> bytes:
    with store.open(blob.sha256) as file:
        return file.read()


def spoil(store: FileStore, blob: Blob) -> None:
    (path,) = store.root.rglob(blob.sha256)
    path.chmod(0o600)
    path.write_bytes(b"?" * blob.size)


def test_only_new_bytes_are_copied(tmp_path: Path) -> None:
    source, target = FileStore(tmp_path / "a"), FileStore(tmp_path / "b")
    blobs = filled(source)
    assert copy_new(source, target) == (3, sum(blob.size for blob in blobs))
    added = source.put(io.BytesIO(b"three"), limit=10)
    assert copy_new(source, target) == (1, 5)
    assert [read(target, blob) for blob in [*blobs, added]] == [*CONTENTS, b"three"]


@pytest.mark.s3
def test_a_bucket_is_backed_up_and_restored(bucket: TestBucket, tmp_path: Path) -> None:
    source, target = current_store(), FileStore(tmp_path / "backup")
    blobs = filled(source)
    assert copy_new(source, target) == (3, sum(blob.size for blob in blobs))
    assert copy_new(source, target) == (0, 0)
    source.remove(blobs)
    assert damaged_blobs(source, blobs) == [blob.sha256 for blob in blobs]
    assert all(copy_blob(target, source, blob) for blob in blobs)
    assert damaged_blobs(source, blobs) == []
    assert [read(source, blob) for blob in blobs] == CONTENTS


def test_damaged_bytes_are_not_copied_under_their_digest(tmp_path: Path) -> None:
    source, target = FileStore(tmp_path / "a"), FileStore(tmp_path / "b")
    blobs = filled(source)
    spoil(source, blobs[0])
    copy_new(source, target)
    named: dict[str, int | None] = {blob.sha256: blob.size for blob in blobs} | {"0" * 64: None}
    assert present_blobs(target, named) == (blobs[1:], sorted([blobs[0].sha256, "0" * 64]))


def test_damage_is_found_by_reading(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "a")
    blobs = filled(store)
    spoil(store, blobs[1])
    assert damaged_blobs(store, blobs) == [blobs[1].sha256]
    assert damaged_blobs(store, blobs, trusted=blobs) == []
    store.remove([blobs[1]])
    assert damaged_blobs(store, blobs, trusted=blobs) == [blobs[1].sha256]


def test_a_file_of_another_size_than_the_database_says_is_missing(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "a")
    blob = filled(store)[0]
    assert present_blobs(store, {blob.sha256: 99}) == ([], [blob.sha256])
