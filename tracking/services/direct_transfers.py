"""Uploads in parts and downloads that clients make directly at the store, by presigned URLs.

The bytes of a client are under ``incoming/`` until the upload is complete. Then they are read once to compute their
SHA-256, and moved to it.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from core.actors import Actor
from core.errors import Conflict, InvalidInput, InvalidState, NotFound, TooLarge, Unavailable
from tracking.artifacts import get_artifact, place_blob, refuse_write
from tracking.models import Artifact, MultipartUpload
from tracking.paths import clean_path
from tracking.permissions.artifacts import require_readable_path
from tracking.store import MAX_PARTS, MIN_PART, Blob, DirectStore, S3Store, Staged, current_store, direct_store

# How long the parts of an upload are accepted, and its row is kept.
LIFETIME = timedelta(hours=24)
# The reader of an upload renews its claim well within this time; after it, another process may start reading.
_LEASE = timedelta(minutes=10)
_RENEW_SECONDS = 30.0
# A client gives up on an answer after 120 seconds and asks again: wait nearly as long for a process that is already
# reading.
_PATIENCE_SECONDS = 100.0
_LOOK_SECONDS = 0.5
_ETAG = re.compile(r'"?[\w+/=.:-]{1,200}"?', re.ASCII)


def begin_upload(*, actor: Actor, path: str, parts: int) -> tuple[MultipartUpload, list[str]]:
    """Begin an upload in ``parts`` parts and return it with the URL of each part, in order.

    Raises InvalidInput: a bad path or number of parts. Raises Conflict: the path is sealed. Raises TooLarge: so
    many parts, none smaller than 5 MiB but the last, hold more than an artifact may. Raises InvalidState.
    """
    store, path = _store(), clean_path(path)
    if not 1 <= parts <= MAX_PARTS:
        raise InvalidInput(f"num_parts must be between 1 and {MAX_PARTS}, not {parts}.")
    if (parts - 1) * MIN_PART >= settings.MAX_ARTIFACT_BYTES:
        raise TooLarge(f"An artifact may hold at most {settings.MAX_ARTIFACT_BYTES} bytes.")
    refuse_write(actor, path)
    staged = store.stage()
    upload = MultipartUpload.objects.create(
        id=secrets.token_hex(16),
        path=path,
        key=staged.key,
        store_upload_id=staged.upload_id,
        parts=parts,
        created_by=actor.ref,
    )
    return upload, [store.part_url(staged, number, expires=LIFETIME) for number in range(1, parts + 1)]


def complete_upload(*, actor: Actor, upload_id: str, path: str, parts: Sequence[tuple[int, str]]) -> None:
    """Make an artifact of the (number, ETag) parts that were sent; doing it again changes nothing.

    Raises NotFound: the actor began no such upload. Raises InvalidInput: the parts do not fit together. Raises
    Conflict: the path is sealed, or the upload was aborted meanwhile. Raises TooLarge. Raises Unavailable: another
    call is still reading it; ask again. Raises InvalidState.
    """
    store = _store()
    upload = _find(actor, upload_id, path)
    path = upload.path
    _refuse_odd_parts(parts, upload.parts)
    if not _claim(upload):
        return
    try:
        refuse_write(actor, path)
        _finish(actor, upload, _adopt(store, upload, parts))
    finally:
        MultipartUpload.objects.filter(pk=upload.pk).update(claimed_until=None)


def abort_upload(*, actor: Actor, upload_id: str, path: str) -> None:
    """Delete an upload and its parts. One that is complete stays.

    Raises InvalidInput, InvalidState, NotFound.
    """
    store = _store()
    upload = _find(actor, upload_id, path)
    if not upload.sha256:
        store.abandon(_staged(upload))
        upload.delete()


def clean_uploads(*, now: datetime) -> int:
    """Delete expired uploads with their parts; return how many."""
    store = current_store()
    free = Q(claimed_until=None) | Q(claimed_until__lt=now)
    old = list(MultipartUpload.objects.filter(free, created_at__lt=now - LIFETIME))
    for upload in old:
        if not upload.sha256 and isinstance(store, S3Store):
            store.abandon(_staged(upload))
        upload.delete()
    return len(old)


def presign_download(
    *, actor: Actor, path: str, content_type: Callable[[str], str], expires: timedelta
) -> tuple[Artifact, str]:
    """Return a file's row and a URL from which its bytes can be fetched. ``content_type`` returns the type for a name.

    Raises InvalidInput, InvalidState, NotFound.
    """
    store = _store()
    require_readable_path(actor, path)
    row = get_artifact(path)
    if not store.has(Blob(row.sha256, row.size)):
        raise NotFound(f"The bytes of {path[:200]!r} are missing from the store.")
    name = row.path.rpartition("/")[2]
    return row, store.download_url(row.sha256, name=name, content_type=content_type(name), expires=expires)


def _store() -> DirectStore:
    store = direct_store()
    if store is None:
        raise InvalidState("This server's artifacts are sent and fetched through it alone.")
    return store


def _refuse_odd_parts(parts: Sequence[tuple[int, str]], count: int) -> None:
    numbers = [number for number, _ in parts]
    if not numbers or numbers != sorted(set(numbers)) or numbers[0] < 1 or numbers[-1] > count:
        raise InvalidInput(f"Name each part once, in order, from 1 to {count}.")
    for number, etag in parts:
        if not _ETAG.fullmatch(etag):
            raise InvalidInput(f"Part {number} has no ETag that a store would give.")


def _find(actor: Actor, upload_id: str, path: str) -> MultipartUpload:
    path = clean_path(path)
    upload = MultipartUpload.objects.filter(pk=upload_id, path=path, created_by=actor.ref).first()
    if upload is None:
        raise NotFound(f"There is no upload {upload_id[:100]!r} of yours to this path.")
    return upload


def _staged(upload: MultipartUpload) -> Staged:
    return Staged(upload.key, upload.store_upload_id)


def _claim(upload: MultipartUpload) -> bool:
    """Claim the upload for reading, and return True; False where it is complete already.

    Waits while another process reads it. Raises NotFound (it was deleted), Unavailable (the wait took too long).
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        now = timezone.now()
        free = Q(claimed_until=None) | Q(claimed_until__lt=now)
        if MultipartUpload.objects.filter(free, pk=upload.pk, sha256="").update(claimed_until=now + _LEASE):
            return True
        locked = MultipartUpload.objects.filter(pk=upload.pk).first()
        if locked is None:
            raise NotFound(f"The upload {upload.pk} was aborted.")
        if locked.sha256:
            return False
        if time.monotonic() > deadline:
            raise Unavailable("The upload is still being read. Ask again.")
        time.sleep(_LOOK_SECONDS)


def _adopt(store: DirectStore, upload: MultipartUpload, parts: Sequence[tuple[int, str]]) -> Blob:
    """Assemble the parts in the store, read the bytes, move them to their SHA-256, and return them.

    Raises TooLarge, Conflict (the upload was aborted meanwhile).
    """
    staged = _staged(upload)
    try:
        size = store.assemble(staged, list(parts))
        if size > settings.MAX_ARTIFACT_BYTES:
            store.abandon(staged)
            upload.delete()
            raise TooLarge(
                f"An artifact may hold at most {settings.MAX_ARTIFACT_BYTES} bytes; these parts hold {size}."
            )
        return store.adopt(staged, progress=_renewing(upload))
    except FileNotFoundError as error:
        raise Conflict("The upload was aborted while it was completed.") from error


def _renewing(upload: MultipartUpload) -> Callable[[int], None]:
    last = time.monotonic()

    def renew(_size: int) -> None:
        nonlocal last
        if time.monotonic() - last > _RENEW_SECONDS:
            MultipartUpload.objects.filter(pk=upload.pk).update(claimed_until=timezone.now() + _LEASE)
            last = time.monotonic()

    return renew


@transaction.atomic
def _finish(actor: Actor, upload: MultipartUpload, blob: Blob) -> None:
    place_blob(actor=actor, path=upload.path, blob=blob)
    if not MultipartUpload.objects.filter(pk=upload.pk, sha256="").update(sha256=blob.sha256):
        raise Conflict("The upload was aborted while it was completed.")
