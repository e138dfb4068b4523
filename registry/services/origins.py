"""The origins of the files of a new version: the people who registered or uploaded them before, and their runs.

They are stored in the transaction that registers the version. Deleting a model, a run or files later hides no author.
"""

from __future__ import annotations

from collections.abc import Iterable

from registry.models import ModelVersion, PayloadOrigin
from tracking.artifacts import folder_files, senders_of
from tracking.models import LoggedModel, Run
from tracking.payloads import earlier_senders, payload_files, runs_of


def pin_origins(version: ModelVersion) -> None:
    """Insert the origins of a version that was just registered, none where it has no files on this server."""
    if not version.payload_digest:
        return
    sent = earlier_senders(payload_files(folder_files(version.artifact_path)))
    same_files = list(ModelVersion.objects.filter(payload_digest=version.payload_digest).exclude(pk=version.pk))
    pinned = PayloadOrigin.objects.filter(version__in=[row.pk for row in same_files]).values_list("kind", "name")
    runs = {*sent.run_ids, *runs_of(name for row in same_files for name in (row.run_id, row.logged_model_id))}
    runs |= {name for kind, name in pinned if kind == PayloadOrigin.RUN}
    authors = {*sent.names, *(name for kind, name in pinned if kind == PayloadOrigin.AUTHOR)}
    authors |= {row.created_by for row in same_files} | _creators(runs - {version.run_id})
    authors |= {name for names in senders_of(row.artifact_path for row in same_files).values() for name in names}
    _insert(version, PayloadOrigin.RUN, runs - {version.run_id})
    _insert(version, PayloadOrigin.AUTHOR, authors - {version.created_by, ""})


def _creators(run_ids: set[str]) -> set[str]:
    """Return the creators of these runs and of the models that they logged."""
    runs = Run.objects.filter(pk__in=run_ids).values_list("created_by", flat=True)
    return {*runs, *LoggedModel.objects.filter(source_run__in=run_ids).values_list("created_by", flat=True)}


def _insert(version: ModelVersion, kind: str, names: Iterable[str]) -> None:
    PayloadOrigin.objects.bulk_create(
        [PayloadOrigin(version=version, kind=kind, name=name) for name in sorted(names)], ignore_conflicts=True
    )
