"""The logged models (MLflow 3) of a run with their files, which MLflow stores outside the run's own folder."""

from __future__ import annotations

import operator
from collections import defaultdict
from dataclasses import dataclass
from functools import reduce

from core.actors import Actor
from core.errors import InvalidInput
from tracking.models import Artifact, LoggedModel, Run
from tracking.paths import below, key_of_uri
from tracking.permissions.runs import readable_models

MAX_MODELS = 20
MAX_FILES = 500


@dataclass(frozen=True, slots=True)
class LoggedFiles:
    """One logged model and its files: (path below its folder, size in bytes, SHA-256).

    ``folder`` is "" where the files are not in this server's store.
    """

    model: LoggedModel
    folder: str
    files: tuple[tuple[str, int, str], ...]


@dataclass(frozen=True, slots=True)
class ModelsOfRun:
    """The newest 20 logged models of a run.

    ``total`` is the number of all its logged models, or of those listed where this person may not see one of them.
    ``is_cut`` tells that not all files are listed.
    """

    models: list[LoggedFiles]
    total: int
    is_cut: bool


def logged_models_of(actor: Actor, run: Run) -> ModelsOfRun:
    """Return the logged models of a run that this person may see, with their files; a fixed number of queries."""
    newest = list(run.logged_models.order_by("-created_ms", "-pk")[:MAX_MODELS])
    rows = readable_models(actor, newest)
    if not rows:
        return ModelsOfRun([], 0, is_cut=False)
    folders = {row.pk: _folder(row) for row in rows}
    conditions = [below(folder) for folder in folders.values() if folder]
    stored = (
        Artifact.objects.filter(reduce(operator.or_, conditions)).order_by("path")
        if conditions
        else Artifact.objects.none()
    )
    files = list(stored.values_list("path", "size", "sha256")[: MAX_FILES + 1])
    by_folder = defaultdict(list)
    for path, size, sha256 in files[:MAX_FILES]:
        folder = next(folder for folder in folders.values() if folder and path.startswith(f"{folder}/"))
        by_folder[folder].append((path[len(folder) + 1 :], size, sha256))
    total = len(rows) if len(rows) < MAX_MODELS or len(rows) < len(newest) else run.logged_models.count()
    models = [LoggedFiles(row, folders[row.pk], tuple(by_folder[folders[row.pk]])) for row in rows]
    return ModelsOfRun(models, total, is_cut=len(files) > MAX_FILES)


def _folder(model: LoggedModel) -> str:
    """Return the folder of a logged model in this server's store, "" where its files are stored elsewhere."""
    try:
        return key_of_uri(model.artifact_uri)
    except InvalidInput:
        return ""
