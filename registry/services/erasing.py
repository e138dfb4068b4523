"""Erasure of the files of deleted versions, by an operator."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from audit.actions import Action
from audit.services import record
from core.actors import Actor
from core.errors import Denied, InvalidInput
from core.sweeps import refuse_under_legal_hold
from registry.models import ModelVersion
from registry.permissions import rules_all
from tracking.paths import ancestors, below
from tracking.services.erasing import ErasedFolder, erase_folder, lock_folder, sealed_folder

# A person who deleted a version by mistake can still have its files until then.
SHORTEST_WAIT = timedelta(days=1)
_MAX_REASON = 1000


@dataclass(frozen=True, slots=True)
class Erased:
    """The sum of an erasure, or of a dry run: folders, files, and bytes in all."""

    folders: int
    files: int
    size: int


def erase_artifacts(
    *, actor: Actor, reason: str, deleted_for: timedelta, model: str = "", dry_run: bool = False
) -> Erased:
    """Erase the files of versions that were deleted at least ``deleted_for`` ago and on which no live version stands.

    ``model`` is the name that a model had when it was deleted, "" for all. Each folder is erased in a transaction of
    its own, with one event for each of its versions. Digests, seals and packs stay. Raises Denied (not a superuser),
    InvalidInput (no reason, a shorter time than a day), Conflict (a legal hold).
    """
    if not rules_all(actor):
        raise Denied(f"{actor.name} may not erase files: only a superuser may.", action=Action.REGISTRY_FILES_ERASED)
    if not reason.strip():
        raise InvalidInput("The erasure of files needs a reason.")
    if deleted_for < SHORTEST_WAIT:
        raise InvalidInput("Versions must have been deleted at least a day ago.")
    if not dry_run:
        refuse_under_legal_hold("Stored files")
    moment = timezone.now() - deleted_for
    erased: list[ErasedFolder] = []
    for prefix in _folders(moment, model):
        folder = _look(prefix, moment) if dry_run else _erase(actor, prefix, moment, reason.strip()[:_MAX_REASON])
        erased += [folder] if folder else []
    return Erased(len(erased), sum(row.files for row in erased), sum(row.size for row in erased))


def _folders(moment: datetime, model: str) -> list[str]:
    """Return the folders of versions that were deleted before a moment, sorted."""
    rows = ModelVersion.objects.filter(_deleted_before(moment)).exclude(artifact_path="")
    if model:
        rows = rows.filter(model__name=model)
    return sorted(set(rows.values_list("artifact_path", flat=True)))


def _look(prefix: str, moment: datetime) -> ErasedFolder | None:
    return None if _is_used(prefix, moment) else sealed_folder(prefix)


@transaction.atomic
def _erase(actor: Actor, prefix: str, moment: datetime, reason: str) -> ErasedFolder | None:
    """Erase one folder and record an event for each of its versions. Return None where it stays."""
    lock_folder(prefix)
    folder = None if _is_used(prefix, moment) else erase_folder(prefix)
    if folder is None:
        return None
    for version in _versions_of(prefix).select_related("model").order_by("pk").iterator():
        record(
            actor=actor,
            action=Action.REGISTRY_FILES_ERASED,
            obj=version,
            before={"folder": version.artifact_path, "files": folder.files, "bytes": folder.size},
            after={"digest": version.artifact_digest, "files": 0},
            reason=reason,
        )
    return folder


def _is_used(prefix: str, moment: datetime) -> bool:
    """Return whether a version has the folder, one around it or one inside it, and is live or was deleted later.

    A version that an endpoint serves also counts.
    """
    overlapping = Q(artifact_path__in=[*ancestors(prefix), prefix]) | below(prefix, column="artifact_path")
    served = Q(deployments__isnull=False, deployments__ended_at__isnull=True)
    return ModelVersion.objects.filter(overlapping).filter(~_deleted_before(moment) | served).exists()


def _deleted_before(moment: datetime) -> Q:
    return Q(deleted_at__lte=moment) | Q(model__deleted_at__lte=moment)


def _versions_of(prefix: str) -> QuerySet[ModelVersion]:
    return ModelVersion.objects.filter(Q(artifact_path=prefix) | below(prefix, column="artifact_path"))
