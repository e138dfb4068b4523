"""Evidence files that a check writes, stored in the artifact store under their SHA-256.

As with every artifact, the bytes are stored before the transaction that inserts their row. Bytes without a row are
pruned.
"""

from __future__ import annotations

import io
import re
from collections.abc import Collection, Sequence
from typing import BinaryIO

from django.db.models import F

from approvals.models import CheckEvidence, CheckRun
from core.actors import Actor
from core.errors import InvalidState, NotFound, Unavailable
from core.ids import row_id
from registry.permissions import visible_models
from tracking.locks import hold_bytes
from tracking.store import Blob, current_store
from validation.base import EvidenceFile

MAX_FILES = 20
MAX_BYTES = 32 * 1024**2
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9.+-]*/[a-z0-9][a-z0-9.+-]*")

Stored = tuple[EvidenceFile, Blob]


def store_files(files: Sequence[EvidenceFile]) -> list[Stored]:
    """Store the bytes of evidence files. Raises InvalidState: too many, too large, or an invalid name."""
    names = {file.name for file in files}
    if len(files) > MAX_FILES or len(names) != len(files):
        raise InvalidState(f"A check can write at most {MAX_FILES} evidence files, each with its own name.")
    for file in files:
        if not _NAME.fullmatch(file.name) or not _MEDIA_TYPE.fullmatch(file.media_type):
            raise InvalidState(f"An evidence file cannot be called {file.name[:80]!r} ({file.media_type[:80]}).")
    store = current_store()
    return [(file, store.put(io.BytesIO(file.content), limit=MAX_BYTES)) for file in files]


def record_files(job: CheckRun, fence: int, stored: Sequence[Stored]) -> None:
    """Insert the rows of stored files, in the transaction that closes the job.

    Raises Unavailable: the bytes were just deleted.
    """
    if not stored:
        return
    hold_bytes(exclusive=False)
    store = current_store()
    if not all(store.has(blob) for _, blob in stored):
        raise Unavailable("The bytes of the check's evidence were deleted at the same moment.")
    CheckEvidence.objects.bulk_create(
        [
            CheckEvidence(
                check_run=job,
                fence=fence,
                name=file.name,
                sha256=blob.sha256,
                size=blob.size,
                media_type=file.media_type,
            )
            for file, blob in stored
        ]
    )


def facts_of(stored: Sequence[Stored]) -> list[dict[str, object]]:
    """Return name, SHA-256 and size of stored files for a digest or an event, sorted by name."""
    rows = sorted(stored, key=lambda item: item[0].name)
    return [{"name": file.name, "sha256": blob.sha256, "size": blob.size} for file, blob in rows]


def files_of_jobs(jobs: Sequence[CheckRun]) -> list[CheckEvidence]:
    """Return the files of the newest attempt of each job, sorted by job and name; one query."""
    fences = {job.pk: job.fence for job in jobs}
    rows = CheckEvidence.objects.filter(check_run__in=fences).order_by("check_run_id", "name")
    return [row for row in rows if fences[row.check_run_id] == row.fence]


def open_file(actor: Actor, check_run_id: int, name: str) -> tuple[CheckEvidence, BinaryIO]:
    """Return a file of the newest attempt of a job and its bytes, open for reading.

    Raises NotFound, also where the actor may not see the model.
    """
    visible = CheckEvidence.objects.filter(check_run__request__version__model__in=visible_models(actor))
    row = visible.filter(check_run_id=row_id(check_run_id), fence=F("check_run__fence"), name=name).first()
    if row is None:
        raise NotFound(f"Check run {check_run_id} has no file {name[:200]!r}.")
    try:
        return row, current_store().open(row.sha256)
    except FileNotFoundError as error:
        raise NotFound(f"The bytes of {name[:200]!r} are missing from the store.") from error


def held_digests(digests: Collection[str]) -> frozenset[str]:
    """Return the digests among these that evidence files have. They are not pruned (settings.ARTIFACT_HOLDERS)."""
    return frozenset(CheckEvidence.objects.filter(sha256__in=list(digests)).values_list("sha256", flat=True))
