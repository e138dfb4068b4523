"""Artifacts: files under the paths that clients gave them, and folders that are sealed once a version uses them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import BinaryIO

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from audit.actions import Action
from audit.services import record
from core.actors import Actor
from core.canonical import digest_of
from core.errors import Conflict, InvalidInput, NotFound, TooLarge, Unavailable
from core.refs import artifact_ref
from tracking.locks import hold_bytes, hold_tree
from tracking.models import Artifact, Seal
from tracking.paths import ancestors, below, clean_folder, clean_path, decoded, parent_of
from tracking.payloads import FileFact, note_sender
from tracking.permissions.artifacts import artifact_not_found, require_path
from tracking.permissions.runs import Change
from tracking.store import CHUNK, Blob, ByteSource, current_store


def store_artifact(*, actor: Actor, path: str, stream: ByteSource) -> Artifact:
    """Store the bytes of ``stream`` under ``path`` and return the row; the last of several writers wins.

    The bytes are received before the database is asked to write, so a slow upload holds no lock. Under a sealed
    folder only the very bytes that are there already are accepted (Conflict otherwise). Raises InvalidInput: a bad
    path. Raises TooLarge: more than ``CUSTODY_MAX_ARTIFACT_BYTES``. Raises NotFound, Denied: the actor may not
    read, or not write, there. Raises Unavailable.
    """
    path = clean_path(path)
    refuse_write(actor, path)
    blob = current_store().put(stream, limit=settings.MAX_ARTIFACT_BYTES)
    return place_blob(actor=actor, path=path, blob=blob)


def refuse_write(actor: Actor, path: str) -> None:
    """Raise NotFound, Denied, InvalidInput or Conflict for a write that cannot succeed, before any byte is read."""
    require_path(actor, path, Change.EVIDENCE, Action.TRACKING_ARTIFACT_STORED)
    refuse_unusable_path(path)


def refuse_unusable_path(path: str) -> None:
    """Raise InvalidInput or Conflict for a path at which no file can be stored."""
    if Artifact.objects.filter(path__in=ancestors(path)).exists() or Artifact.objects.filter(below(path)).exists():
        raise InvalidInput(f"Invalid path: {path[:100]!r} would make one name both a file and a folder.")
    seal = _seal_over(path)
    if seal is not None and not Artifact.objects.filter(path=path).exists():
        raise _sealed(path, seal)


@transaction.atomic
def place_blob(*, actor: Actor, path: str, blob: Blob) -> Artifact:
    """Store the path of stored bytes and return the row. Raises Conflict (sealed), Unavailable (bytes deleted)."""
    hold_tree(path, exclusive=False)
    hold_bytes(exclusive=False)
    before = Artifact.objects.filter(path=path).first()
    if before is not None and before.sha256 == blob.sha256:
        return before
    if seal := _seal_over(path):
        raise _sealed(path, seal)
    if not current_store().has(blob):
        raise Unavailable(f"The bytes of {path[:200]!r} were deleted at the same moment. Send them again.")
    row = Artifact(path=path, parent=parent_of(path), sha256=blob.sha256, size=blob.size, stored_by=actor.name)
    Artifact.objects.bulk_create(
        [row],
        update_conflicts=True,
        unique_fields=["path"],
        update_fields=["sha256", "size", "stored_at", "stored_by"],
    )
    note_sender(path=path, sha256=blob.sha256, name=actor.name)
    record(
        actor=actor,
        action=Action.TRACKING_ARTIFACT_STORED,
        obj=artifact_ref(path),
        before=_facts(before) if before else None,
        after=_facts(row),
    )
    return row


def _facts(row: Artifact) -> dict[str, object]:
    return {"sha256": row.sha256, "size": row.size}


def _seal_over(path: str) -> Seal | None:
    return Seal.objects.filter(prefix__in=[*ancestors(path), path]).first()


def _sealed(path: str, seal: Seal) -> Conflict:
    # not the seal's reason: it names a model that the caller may not see
    return Conflict(f"{path} cannot change: {seal.prefix} is sealed, because a registered version was made of it.")


def get_artifact(path: str) -> Artifact:
    """Return the row of a file. Raises NotFound: none of that name; InvalidInput: it is a folder.

    Clients decode the names that they list and ask for those, so a name with escapes is found by its decoded form.
    """
    path = clean_path(path)
    row = Artifact.objects.filter(path=path).first()
    if row is not None:
        return row
    if Artifact.objects.filter(below(path)).exists():
        raise InvalidInput(f"{path[:200]!r} is a folder, not a file.")
    if other := _same_reading(path, lambda file: [file]):
        return get_artifact(other)
    raise NotFound(artifact_not_found(path))


def _same_reading(path: str, names: Callable[[str], list[str]]) -> str:
    """Return the stored path, among those that ``names`` gives of a file, that decodes to ``path``; "" for none."""
    owner, reading = "/".join(path.split("/")[:2]), decoded(path)
    escaped = Artifact.objects.filter(below(owner), path__contains="%").order_by("path")
    candidates = (name for file in escaped.values_list("path", flat=True) for name in names(file))
    return next((name for name in candidates if decoded(name) == reading), "")


def open_artifact(path: str) -> tuple[Artifact, BinaryIO]:
    """Return a file's row and its bytes, seekable; the caller closes them. Raises InvalidInput, NotFound."""
    row = get_artifact(path)
    return row, open_bytes(row)


def open_bytes(row: Artifact) -> BinaryIO:
    """Return the bytes of a file, open and seekable; the caller closes them. Raises NotFound: the store lost them."""
    try:
        return current_store().open(row.sha256)
    except FileNotFoundError as error:
        raise NotFound(f"The bytes of {row.path[:200]!r} are missing from the store.") from error


def read_artifact(path: str, max_bytes: int) -> bytes:
    """Return the bytes of a small file. Raises TooLarge beyond ``max_bytes``, InvalidInput, NotFound."""
    row, file = open_artifact(path)
    with file:
        if row.size > max_bytes:
            raise TooLarge(f"{path[:200]!r} has {row.size} bytes, more than the {max_bytes} that are read here.")
        return file.read(max_bytes)


def list_artifacts(prefix: str) -> list[tuple[str, bool, int]]:
    """Return (whole path, is it a folder, size in bytes) of each entry of a folder, sorted. Raises InvalidInput."""
    folder = clean_folder(prefix)
    entries = _direct_contents(folder)
    if entries or not (other := _same_reading(folder, ancestors)):
        return entries
    return [(folder + path[len(other) :], is_folder, size) for path, is_folder, size in _direct_contents(other)]


def _direct_contents(folder: str) -> list[tuple[str, bool, int]]:
    files = [(path, False, size) for path, size in Artifact.objects.filter(parent=folder).values_list("path", "size")]
    cut = len(folder) + 1 if folder else 0
    parents = Artifact.objects.filter(below(folder, column="parent")).values_list("parent", flat=True).distinct()
    folders = {parent[:cut] + parent[cut:].split("/", 1)[0] for parent in parents}
    return sorted([*files, *((name, True, 0) for name in folders)])


@transaction.atomic
def delete_artifact(*, actor: Actor, path: str) -> int:
    """Delete the row of a file, or of every file in a folder; return how many. A missing file is no error.

    The bytes stay in the store: another path may name them. Raises Conflict: something in it is sealed. Raises
    NotFound, Denied: the actor may not read, or not delete, there. Raises InvalidInput.
    """
    path = clean_path(path)
    require_path(actor, path, Change.DELETE, Action.TRACKING_ARTIFACT_DELETED)
    hold_tree(path, exclusive=False)
    rows = Artifact.objects.filter(path=path) | Artifact.objects.filter(below(path))
    seal = _seal_over(path) or Seal.objects.filter(below(path, column="prefix")).first()
    if seal is not None:
        raise _sealed(path, seal)
    deleted = {row.path: row.sha256 for row in rows.only("path", "sha256")}
    if deleted:
        rows.delete()
        record(actor=actor, action=Action.TRACKING_ARTIFACT_DELETED, obj=artifact_ref(path), before={"files": deleted})
    return len(deleted)


def forget_folders(folders: Iterable[str]) -> int:
    """Delete the rows of all files below these folders, in the caller's transaction, and return how many.

    The caller records the event. A folder with something sealed in it stays. The bytes stay in the store.
    """
    below_any, sealed = Q(), Q()
    for folder in {clean_folder(folder) for folder in folders}:
        below_any |= below(folder)
        sealed |= Q(prefix__in=[*ancestors(folder), folder]) | below(folder, column="prefix")
    if not below_any:
        return 0
    rows = Artifact.objects.filter(below_any)
    for prefix in Seal.objects.filter(sealed).values_list("prefix", flat=True):
        rows = rows.exclude(below(prefix) | Q(path=prefix))
    return rows.delete()[0]


def folder_files(prefix: str) -> list[FileFact]:
    """Return every file below a folder, sorted by relative path. Raises InvalidInput."""
    folder = clean_folder(prefix)
    cut = len(folder) + 1 if folder else 0
    rows = Artifact.objects.filter(below(folder)).values_list("path", "sha256", "size")
    return sorted((path[cut:], sha256, size) for path, sha256, size in rows)


def folder_digest(prefix: str) -> str:
    """Return ``sha256:…`` over the canonical JSON of the folder's files ([[path, sha256, size], …]), "" when empty."""
    return _digest(folder_files(prefix))


def _digest(files: list[FileFact]) -> str:
    return f"sha256:{digest_of([list(file) for file in files])}" if files else ""


@transaction.atomic
def seal_folder(*, actor: Actor, prefix: str, reason: str, may_be_empty: bool = False) -> Seal:
    """Seal a folder permanently and store its manifest. Sealing again changes nothing.

    One that is sealed empty (``may_be_empty``) has the digest "" and stays empty. Raises Conflict: it was sealed
    with another digest. Raises InvalidInput: it is empty, or wider than one run or logged model.
    """
    folder = clean_folder(prefix)
    if folder.count("/") < 1:
        raise InvalidInput(f"{folder!r} is too wide to be sealed: name a folder of a run or of a logged model.")
    hold_tree(folder, exclusive=True)
    files = folder_files(folder)
    digest = _digest(files)
    earlier = Seal.objects.filter(prefix=folder).first()
    if earlier is not None and earlier.digest == digest:
        return earlier
    if earlier is not None:
        raise Conflict(f"{folder} was sealed as {earlier.digest} and is now {digest or 'empty'}.")
    if not files and not may_be_empty:
        raise InvalidInput(f"{folder} holds no files, so there is nothing to seal.")
    senders = sorted(set(Artifact.objects.filter(below(folder)).values_list("stored_by", flat=True)) - {""})
    seal = Seal.objects.create(
        prefix=folder, digest=digest, reason=reason[:700], manifest=[list(file) for file in files], stored_by=senders
    )
    record(
        actor=actor,
        action=Action.TRACKING_ARTIFACTS_SEALED,
        obj=artifact_ref(folder),
        after={"digest": digest, "files": len(files), "stored_by": senders},
        reason=reason[:700],
    )
    return seal


def sealed_files(prefix: str) -> list[tuple[str, str, int]]:
    """Return (name, SHA-256, size in bytes) of each file of a sealed folder as it was sealed; [] without a seal."""
    seal = Seal.objects.filter(prefix=prefix).first() if prefix else None
    return [(name, sha256, size) for name, sha256, size in seal.manifest] if seal else []


def senders_of(prefixes: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the usernames of the senders of the files in each sealed folder; one query."""
    rows = Seal.objects.filter(prefix__in=set(prefixes)).values_list("prefix", "stored_by")
    return {prefix: tuple(names) for prefix, names in rows}


def verify_folder(prefix: str, *, progress: Callable[[int], None] | None = None) -> list[str]:
    """Read a folder's bytes again and return the relative names of files that are missing, extra or changed.

    They are compared with the manifest of its seal, else with the rows. ``progress`` is called with the bytes of each
    chunk. Raises InvalidInput.
    """
    folder = clean_folder(prefix)
    stored = {name: (sha256, size) for name, sha256, size in folder_files(folder)}
    expected = registered_files(folder)
    differ = {name for name in expected.keys() | stored.keys() if expected.get(name) != stored.get(name)}
    broken = {name for name, (sha256, size) in expected.items() if not _has_bytes(sha256, size, progress)}
    return sorted(differ | broken)


def registered_files(folder: str) -> dict[str, tuple[str, int]]:
    """Return SHA-256 and size by relative name: those of the seal, else those of the rows."""
    seal = Seal.objects.filter(prefix=folder).first()
    rows = seal.manifest if seal else folder_files(folder)
    return {name: (sha256, size) for name, sha256, size in rows}


def _has_bytes(sha256: str, size: int, progress: Callable[[int], None] | None) -> bool:
    """Return whether the store still holds exactly these bytes."""
    digest, count = hashlib.sha256(), 0
    try:
        with current_store().open(sha256) as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
                count += len(chunk)
                if progress is not None:
                    progress(len(chunk))
    except FileNotFoundError:
        return False
    return count == size and digest.hexdigest() == sha256
