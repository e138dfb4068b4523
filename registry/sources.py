"""Sources that versions may be registered from. The server never opens a URI that a client sends.

A source is a folder of this server's artifacts that belongs to the named run or logged model, an existing version
(which is copied), or a URI under one of settings.ALLOWED_SOURCES, which is only stored.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.conf import settings

from audit.actions import Action
from core.actors import Actor
from core.errors import DomainError, InvalidInput, NotFound, TooLarge
from registry.models import ModelVersion
from registry.permissions import Level, require_level
from registry.queries import get_version
from tracking.artifacts import folder_digest
from tracking.models import Lifecycle, LoggedModel, Run
from tracking.paths import clean_path, key_of_uri
from tracking.permissions.runs import Change, require_logged_model, require_run
from tracking.queries import get_logged_model, get_run

MAX_SOURCE = 1000
# The longest chain of copies. The creators of all originals count as authors, so a check reads the whole chain.
MAX_COPIES = 40
_OWN = re.compile(r"mlflow-artifacts:/(?P<path>[^/].*)", re.DOTALL)
_RUN = re.compile(r"runs:/(?P<run_id>[^/]+)/(?P<path>(?:[^/].*)?)", re.DOTALL)
_LOGGED_MODEL = re.compile(r"models:/(?P<model_id>m-[0-9A-Za-z-]+)")
_VERSION = re.compile(r"models:/(?P<name>[^/@]+)/(?P<version>[0-9]{1,10})")
_EXTERNAL = re.compile(r"[a-z][a-z0-9+.-]*://(?P<path>[^/].*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Source:
    """A resolved source. ``path`` is the artifact key of the folder, "" for files on another server."""

    path: str
    run_id: str
    model_id: str = ""
    copied_from: ModelVersion | None = None


def resolve_source(*, actor: Actor, source: str, run_id: str, model_id: str) -> Source:
    """Return the folder, run and logged model that ``source`` names.

    Raises Denied where the actor may not change the run or logged model, or not edit the model that a version is copied
    from: once a version is registered, changes of its source are restricted. Raises InvalidInput for a source that is
    not allowed, TooLarge for a long one, NotFound for a run or logged model that the actor may not read.
    """
    if len(source) > MAX_SOURCE:
        raise TooLarge(f"A model version source can have at most {MAX_SOURCE} characters.")
    if match := _VERSION.fullmatch(source):
        return _from_version(actor, source, match["name"], int(match["version"]), run_id)
    run = _registrable_run(actor, run_id) if run_id else None
    logged = _registrable_model(actor, model_id) if model_id else None
    if logged is not None and run is not None:
        _require_own(source, logged, run)
    if match := _RUN.fullmatch(source):
        return _from_run(actor, source, match["run_id"], match["path"], run)
    if match := _LOGGED_MODEL.fullmatch(source):
        return _from_logged_model(actor, source, match["model_id"], run, logged)
    if match := _OWN.fullmatch(source):
        return _from_artifacts(actor, source, match["path"], run, logged)
    if _is_allowed_outside(source):
        return Source(path="", run_id=run_id, model_id=model_id)
    raise _refused(
        source,
        "It must be a folder of the run's own artifacts (mlflow-artifacts:/… or runs:/…), a logged model (models:/m-…), "
        "an existing version (models:/name/version), or be under a location that the operator allows.",
    )


def _registrable_run(actor: Actor, run_id: str) -> Run:
    run = get_run(actor, run_id)
    require_run(actor, run, Change.STATUS, Action.REGISTRY_VERSION_CREATED)
    return run


def _registrable_model(actor: Actor, model_id: str) -> LoggedModel:
    return _registrable(actor, get_logged_model(actor, model_id))


def _registrable(actor: Actor, model: LoggedModel) -> LoggedModel:
    require_logged_model(actor, model, Change.STATUS, Action.REGISTRY_VERSION_CREATED)
    return model


def download_uri(version: ModelVersion) -> str:
    """Return the URI a client downloads the version's files from."""
    return f"mlflow-artifacts:/{version.artifact_path}" if version.artifact_path else version.source


def _from_run(actor: Actor, source: str, named: str, path: str, run: Run | None) -> Source:
    if run is None or run.id != named:
        raise _refused(source, "The run_id request parameter must identify the run of the source.")
    root = _root(source, run.artifact_uri)
    folder = f"{root}/{_clean(source, path)}" if path else root
    if folder_digest(folder):
        return Source(path=folder, run_id=run.id)
    # MLflow 3 stores a logged model outside the run's folder, but clients send a path below the run
    same_name = LoggedModel.objects.filter(source_run=run, name=path.rstrip("/"), lifecycle_stage=Lifecycle.ACTIVE)
    logged = same_name.order_by("-created_ms").first()
    if logged is None:
        return Source(path=folder, run_id=run.id)
    _registrable(actor, logged)
    return Source(path=_root(source, logged.artifact_uri), run_id=run.id, model_id=logged.id)


def _from_logged_model(actor: Actor, source: str, named: str, run: Run | None, logged: LoggedModel | None) -> Source:
    if logged is not None and logged.id != named:
        raise _refused(source, "The model_id request parameter must identify the logged model of the source.")
    try:
        model = logged or _registrable_model(actor, named)
    except NotFound as error:
        raise _refused(source, error.message) from error
    if run is not None:
        _require_own(source, model, run)
    # lineage, checks and the card use the run: it is the run of the logged model, even where the caller names no run
    return Source(path=_root(source, model.artifact_uri), run_id=model.source_run_id or "", model_id=model.id)


def _from_version(actor: Actor, source: str, name: str, version: int, run_id: str) -> Source:
    try:
        origin = get_version(actor, name, version)
    except NotFound as error:
        raise _refused(source, error.message) from error
    if run_id and run_id != origin.run_id:
        raise _refused(source, "The run_id request parameter is not the run of that version.")
    require_level(actor, origin.model, Level.EDIT, action=Action.REGISTRY_VERSION_CREATED, obj=origin)
    _require_short_chain(source, origin)
    return Source(path=origin.artifact_path, run_id=origin.run_id, model_id=origin.logged_model_id, copied_from=origin)


def _require_short_chain(source: str, copied: ModelVersion) -> None:
    original: ModelVersion | None = copied
    for _ in range(MAX_COPIES):
        original = original.copied_from if original is not None else None
    if original is not None:
        raise _refused(source, f"It is at the end of a chain of {MAX_COPIES} copies. Copy an earlier version.")


def _from_artifacts(actor: Actor, source: str, path: str, run: Run | None, logged: LoggedModel | None) -> Source:
    folder = _clean(source, path)
    if run is not None and _is_inside(folder, _root(source, run.artifact_uri)):
        return Source(path=folder, run_id=run.id, model_id=logged.id if logged else "")
    candidates = [logged] if logged else list(LoggedModel.objects.filter(source_run=run) if run else [])
    for model in candidates:
        if _is_inside(folder, _root(source, model.artifact_uri)):
            _registrable(actor, model)
            return Source(path=folder, run_id=model.source_run_id or "", model_id=model.id)
    raise _refused(
        source, "It must be in the artifact folder of the run given as run_id, or of a model that run logged."
    )


def _require_own(source: str, logged: LoggedModel, run: Run) -> None:
    if logged.source_run_id != run.id:
        raise _refused(source, f"The logged model {logged.id} does not come from run {run.id}.")


def _is_allowed_outside(source: str) -> bool:
    match = _EXTERNAL.fullmatch(source)
    if match is None or any(mark in source for mark in "?#"):
        return False
    path = match["path"].removesuffix("/")
    try:
        if clean_path(path) != path or "\\" in path:
            return False
    except DomainError:
        return False
    return any(_is_inside(source, prefix.rstrip("/")) for prefix in settings.ALLOWED_SOURCES)


def never_matches(prefix: str) -> bool:
    """Return whether an entry of ALLOWED_SOURCES matches no source, because no valid URI can begin with it."""
    below = _EXTERNAL.fullmatch(f"{prefix.rstrip('/')}/x" if prefix.partition("://")[2].strip("/") else f"{prefix}x")
    if below is None or any(mark in prefix for mark in "*?#\\") or prefix != prefix.strip():
        return True
    try:
        return clean_path(below["path"]) != below["path"]
    except DomainError:
        return True


def _is_inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


def _root(source: str, artifact_uri: str) -> str:
    """Return the key of a run's or logged model's folder. Raises InvalidInput where it is on another server."""
    try:
        return key_of_uri(artifact_uri).rstrip("/")
    except DomainError as error:
        raise _refused(source, "The artifacts of that run are not stored on this server.") from error


def _clean(source: str, path: str) -> str:
    try:
        clean = clean_path(path.rstrip("/"))
    except DomainError as error:
        raise _refused(source, error.message) from error
    if clean.count("%") != path.count("%"):
        raise _refused(source, "It has a control character.")
    return clean


def _refused(source: str, why: str) -> InvalidInput:
    shortened = source if len(source) <= 200 else f"{source[:200]}…"  # noqa: PLR2004 - enough to recognise it
    return InvalidInput(f"Invalid model version source: {shortened!r}. {why}")
