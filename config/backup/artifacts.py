"""Artifacts of a backup: only bytes that it does not have yet are copied, and every digest is verified."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from datetime import timedelta

from django.utils import timezone

from tracking.store import CHUNK, Blob, ByteStore


def copy_new(source: ByteStore, target: ByteStore) -> tuple[int, int]:
    """Copy every blob of a store that the other does not have; return the number of files and of bytes.

    Blobs that are deleted meanwhile, and those whose bytes are not those of their digest, are left out.
    """
    files = size = 0
    for blob in source.older_than(timezone.now() + timedelta(days=1)):
        if not target.has(blob) and copy_blob(source, target, blob):
            files, size = files + 1, size + blob.size
    return files, size


def copy_blob(source: ByteStore, target: ByteStore, blob: Blob) -> bool:
    """Copy one blob; return whether the bytes were there and had its digest."""
    try:
        with source.open(blob.sha256) as file:
            copied = target.put(file, limit=max(blob.size, CHUNK))
    except FileNotFoundError:
        return False
    return copied == blob


def present_blobs(store: ByteStore, named: dict[str, int | None]) -> tuple[list[Blob], list[str]]:
    """Return the blobs of a file store among named digests, and the digests that it lacks or has in another size."""
    blobs, missing = [], []
    for sha256, size in named.items():
        try:
            with store.open(sha256) as file:
                blob = Blob(sha256, file.seek(0, 2))
        except FileNotFoundError:
            missing.append(sha256)
            continue
        if size is not None and size != blob.size:
            missing.append(sha256)
        else:
            blobs.append(blob)
    return blobs, sorted(missing)


def damaged_blobs(store: ByteStore, blobs: Iterable[Blob], *, trusted: Collection[Blob] = ()) -> list[str]:
    """Return the digests of the blobs whose bytes are missing or are not those of the digest.

    All bytes are read, except of ``trusted`` blobs, of which only the size is compared.
    """
    return [blob.sha256 for blob in blobs if not (store.has(blob) if blob in trusted else _has_bytes(store, blob))]


def _has_bytes(store: ByteStore, blob: Blob) -> bool:
    digest = hashlib.sha256()
    try:
        with store.open(blob.sha256) as file:
            while piece := file.read(CHUNK):
                digest.update(piece)
    except OSError:
        return False
    return store.has(blob) and digest.hexdigest() == blob.sha256
