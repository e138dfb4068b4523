"""Erasure of the files of a sealed folder. Which folders may be erased is for the registry to say."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q, Sum
from django.utils import timezone

from tracking.locks import hold_tree
from tracking.models import Artifact, Seal
from tracking.paths import below


@dataclass(frozen=True, slots=True)
class ErasedFolder:
    """A folder whose files were erased, or would be: its digest, and the number of files and bytes in all."""

    digest: str
    files: int
    size: int


def lock_folder(prefix: str) -> None:
    """Lock the run or logged model of a folder until commit, so that nobody seals or fills it meanwhile."""
    hold_tree(prefix, exclusive=True)


def sealed_folder(prefix: str) -> ErasedFolder | None:
    """Return the contents that an erasure of a sealed folder deletes, None for any other folder."""
    seal = Seal.objects.filter(prefix=prefix, erased_at__isnull=True).exclude(digest="").first()
    if seal is None:
        return None
    rows = Artifact.objects.filter(below(prefix))
    return ErasedFolder(seal.digest, rows.count(), rows.aggregate(size=Sum("size"))["size"] or 0)


def erase_folder(prefix: str) -> ErasedFolder | None:
    """Delete the rows of a folder's files and note the erasure on its seals, in the transaction of `lock_folder`.

    Return what was erased, None where nothing was to be erased. The caller records the event. The bytes stay until
    `prune_artifacts` finds that nothing names them.
    """
    folder = sealed_folder(prefix)
    if folder is None:
        return None
    Artifact.objects.filter(below(prefix)).delete()
    inside = Q(prefix=prefix) | below(prefix, column="prefix")
    Seal.objects.filter(inside, erased_at__isnull=True).update(erased_at=timezone.now())
    return folder
