"""Deletion of stored bytes that nothing names any more.

Bytes stay that an artifact's row, the manifest of a seal in force or one of ``ARTIFACT_HOLDERS`` (settings) names.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.module_loading import import_string

from audit.actions import Action
from audit.services import record
from core.actors import Actor
from core.errors import InvalidInput
from core.sweeps import refuse_under_legal_hold
from tracking.locks import hold_bytes
from tracking.models import Artifact, MultipartUpload, Seal
from tracking.store import Blob, ByteStore, current_store

# The row of an upload is written after its bytes; an upload whose bytes were deleted meanwhile would have to start
# again.
SHORTEST_GRACE = timedelta(hours=1)
# The number of names that fit an event; rows cannot be written while a batch is deleted.
_BATCH = 100


@dataclass(frozen=True, slots=True)
class Pruned:
    """The deleted bytes, or those that would be deleted: number of files, bytes in all, remains of broken uploads."""

    blobs: int
    size: int
    drafts: int


def prune_artifacts(*, actor: Actor, grace: timedelta, dry_run: bool = False) -> Pruned:
    """Delete bytes that nothing names, and remains of broken uploads, that are older than ``grace``.

    Each batch is deleted and recorded in the transaction that checks that nothing names its bytes. Raises InvalidInput
    for a grace under an hour, Conflict under a legal hold.
    """
    if grace < SHORTEST_GRACE:
        raise InvalidInput("The grace period must be at least one hour: uploads may be in progress.")
    if not dry_run:
        refuse_under_legal_hold("Stored files")
    store, moment = current_store(), timezone.now() - grace
    keep = set(MultipartUpload.objects.values_list("key", flat=True))
    sealed = _sealed_digests()
    count = size = 0
    for batch in _batches(store.older_than(moment)):
        deleted = _unnamed(batch, sealed) if dry_run else _remove(actor, store, batch, sealed)
        count += len(deleted)
        size += sum(blob.size for blob in deleted)
    return Pruned(count, size, store.sweep(moment, keep=keep, dry_run=dry_run))


def _sealed_digests() -> frozenset[str]:
    manifests = Seal.objects.filter(erased_at__isnull=True).values_list("manifest", flat=True).iterator()
    return frozenset(sha256 for manifest in manifests for _, sha256, _ in manifest)


def _batches(blobs: Iterator[Blob]) -> Iterator[list[Blob]]:
    while batch := list(islice(blobs, _BATCH)):
        yield batch


def _unnamed(blobs: Collection[Blob], sealed: frozenset[str]) -> list[Blob]:
    digests = [blob.sha256 for blob in blobs]
    named = set(Artifact.objects.filter(sha256__in=digests).values_list("sha256", flat=True))
    for path in settings.ARTIFACT_HOLDERS:
        named |= import_string(path)(digests)
    return [blob for blob in blobs if blob.sha256 not in named and blob.sha256 not in sealed]


@transaction.atomic
def _remove(actor: Actor, store: ByteStore, batch: list[Blob], sealed: frozenset[str]) -> list[Blob]:
    """Delete the bytes that no row names, under a lock that prevents new names.

    Seals made since ``sealed`` was read are based on rows, which cannot be deleted: only the rows are read again.
    """
    hold_bytes(exclusive=True)
    deleted = store.remove(_unnamed(batch, sealed))
    if deleted:
        record(
            actor=actor,
            action=Action.TRACKING_ARTIFACTS_PRUNED,
            obj="artifact-store",
            before={"sha256": [blob.sha256 for blob in deleted]},
            after={"files": len(deleted), "bytes": sum(blob.size for blob in deleted)},
        )
    return deleted
