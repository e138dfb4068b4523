"""Maps the location of a version's files at the source to their location here."""

from __future__ import annotations

import re
from dataclasses import replace
from urllib.parse import unquote, urlsplit

from registry.services.imports import ImportedVersion
from tracking.models import LoggedModel, Run

_RUN = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,31}")
_LOGGED_MODEL = re.compile(r"m-[0-9A-Za-z-]{1,38}")
_BY_MODEL = re.compile(r"models:/m-[0-9A-Za-z-]+")
_BY_RUN = re.compile(r"runs:/(?P<run_id>[^/]+)/.+", re.DOTALL)


def relocated(old: ImportedVersion) -> ImportedVersion:
    """Return the version with the location of its source here, and with the run that the source belongs to.

    In every kind of store MLflow names the folder of a run ``…/<run id>/artifacts`` and that of a logged model
    ``…/<model id>/artifacts``. Where that run or logged model exists here, its folder here replaces the old one. A run
    that does not exist here is dropped. Any other source stays as it is.
    """
    if _BY_MODEL.fullmatch(old.source):
        return replace(old, run_id="")  # the logged model has its run
    run_id = old.run_id if _is_run(old.run_id) else ""
    if match := _BY_RUN.fullmatch(old.source):
        return replace(old, run_id=match["run_id"] if _is_run(match["run_id"]) else run_id)
    return _by_folder(replace(old, run_id=run_id))


def _by_folder(old: ImportedVersion) -> ImportedVersion:
    segments = [segment for segment in unquote(urlsplit(old.source).path).split("/") if segment]
    for number, segment in enumerate(segments[:-1]):
        if segments[number + 1] != "artifacts":
            continue
        path = "/".join(segments[number + 2 :])
        if _LOGGED_MODEL.fullmatch(segment) and LoggedModel.objects.filter(pk=segment).exists():
            return replace(old, source=f"models:/{segment}", run_id="") if not path else old
        if _RUN.fullmatch(segment) and (run := Run.objects.filter(pk=segment).first()) is not None:
            source = "/".join(filter(None, [run.artifact_uri.rstrip("/"), path]))
            return replace(old, source=source, run_id=run.pk)
    return old


def _is_run(run_id: str) -> bool:
    return bool(run_id) and Run.objects.filter(pk=run_id).exists()
