"""Permissions to read, write and delete at an artifact path.

They follow from the run, logged model or experiment of the path.

Paths are claimed by where runs, logged models and experiments keep their files, and by what the apps above add
(settings.ARTIFACT_CLAIMS). Several may claim one path: then all of them must allow what is asked for. A path without a
claim exists for superusers only. The files of a model version are readable with its model.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from audit.actions import Action
from audit.refusals import Refusal, denied, deny_if
from core.actors import Actor
from core.errors import InvalidInput, NotFound
from core.refs import artifact_ref
from tracking.models import Experiment, LoggedModel, Run
from tracking.paths import SCHEME, ancestors, clean_folder, clean_path, key_of_uri
from tracking.permissions.experiments import may_read_experiment, refuse_experiment
from tracking.permissions.levels import rules_all
from tracking.permissions.runs import (
    Change,
    holders,
    may_read_logged_model,
    may_read_run,
    refuse_evidence,
    refuse_logged_model,
    refuse_run,
)

_RUN = re.compile(r"[0-9a-f]{32}")
_MODEL = re.compile(r"m-[0-9A-Za-z-]{1,38}")
_MOST_SEGMENTS = 100


class Claim(Protocol):
    """A folder that a path is in, with its owner. ARTIFACT_CLAIMS holds functions that return the claims on a path."""

    @property
    def experiment_id(self) -> int: ...

    def may_read(self, actor: Actor) -> bool: ...

    def refuse(self, actor: Actor, change: Change, action: Action) -> Refusal | None: ...


@dataclass(frozen=True, slots=True)
class _RunClaim:
    run: Run

    @property
    def experiment_id(self) -> int:
        return self.run.experiment_id

    def may_read(self, actor: Actor) -> bool:
        return may_read_run(actor, self.run)

    def refuse(self, actor: Actor, change: Change, action: Action) -> Refusal | None:
        return refuse_run(actor, self.run, change, action)


@dataclass(frozen=True, slots=True)
class _ModelClaim:
    model: LoggedModel

    @property
    def experiment_id(self) -> int:
        return self.model.experiment_id

    def may_read(self, actor: Actor) -> bool:
        return may_read_logged_model(actor, self.model)

    def refuse(self, actor: Actor, change: Change, action: Action) -> Refusal | None:
        return refuse_logged_model(actor, self.model, change, action)


@dataclass(frozen=True, slots=True)
class _ExperimentClaim:
    experiment: Experiment

    def may_read(self, actor: Actor) -> bool:
        return may_read_experiment(actor, self.experiment.pk)

    def refuse(self, actor: Actor, change: Change, action: Action) -> Refusal | None:
        return refuse_experiment(actor, self.experiment, change.level, action)


def artifact_not_found(path: str) -> str:
    """Return the one message for a file that is missing or not visible."""
    return f"No such artifact: {path[:200]!r}"


def _claims_on(path: str) -> list[Claim | _ExperimentClaim]:
    """Return the owners of a path; an experiment only where nothing inside it owns the path.

    At most three queries, and those of ARTIFACT_CLAIMS.
    """
    segments = path.split("/")[:_MOST_SEGMENTS]
    run_ids = [segment for segment in segments if _RUN.fullmatch(segment)]
    model_ids = [segment for segment in segments if _MODEL.fullmatch(segment)]
    claims: list[Claim | _ExperimentClaim] = []
    if run_ids:
        claims += [_RunClaim(run) for run in Run.objects.filter(pk__in=run_ids) if _holds(run.artifact_uri, path)]
    if model_ids:
        models = LoggedModel.objects.filter(pk__in=model_ids)
        claims += [_ModelClaim(model) for model in models if _holds(model.artifact_uri, path)]
    for claims_of in settings.ARTIFACT_CLAIMS:
        claims += import_string(claims_of)(path)
    claimed_inside = {claim.experiment_id for claim in claims if not isinstance(claim, _ExperimentClaim)}
    locations = [f"{SCHEME}/{folder}" for folder in (*ancestors(path), path)]
    rows = Experiment.objects.filter(artifact_location__in=locations)
    return [*claims, *(_ExperimentClaim(row) for row in rows if row.pk not in claimed_inside)]


def _holds(artifact_uri: str, path: str) -> bool:
    try:
        root = key_of_uri(artifact_uri).rstrip("/")
    except InvalidInput:
        return False
    return path == root or path.startswith(f"{root}/")


def may_read_path(actor: Actor, path: str) -> bool:
    """Return whether the actor may see files at a path."""
    if rules_all(actor):
        return True
    return _may_read(actor, _claims_on(path)) or _is_of_readable_version(actor, path)


def _may_read(actor: Actor, claims: Sequence[Claim | _ExperimentClaim]) -> bool:
    return bool(claims) and all(claim.may_read(actor) for claim in claims)


def _is_of_readable_version(actor: Actor, path: str) -> bool:
    folders = [*ancestors(path), path]
    return any(holder.has_readable_folder(actor, folders) for holder in holders())


def require_readable_path(actor: Actor, path: str) -> None:
    """Raise the NotFound of a missing file for a path that the actor may not read. Raises InvalidInput: a bad path."""
    clean_path(path)
    if not may_read_path(actor, path):
        raise NotFound(artifact_not_found(path))


def require_path(actor: Actor, path: str, change: Change, action: Action) -> None:
    """Raise NotFound where the actor may not read at a path, Denied where they may not make this change there.

    Raises InvalidInput: a bad path.
    """
    clean_path(path)
    if rules_all(actor):
        return
    claims = _claims_on(path)
    if not _may_read(actor, claims):
        if _is_of_readable_version(actor, path):
            raise denied(
                Refusal(f"{actor.name} may read {path} with its model, but not change it.", action, artifact_ref(path))
            )
        raise NotFound(artifact_not_found(path))
    for claim in claims:
        deny_if(claim.refuse(actor, change, action))
    if change is Change.DELETE:
        deny_if(_refuse_evidence_below(actor, path, claims, action))


def _refuse_evidence_below(
    actor: Actor, path: str, claims: Sequence[Claim | _ExperimentClaim], action: Action
) -> Refusal | None:
    """Return why a folder may not be deleted that contains runs or logged models from which versions were registered.

    None where it may.
    """
    experiments = [claim.experiment.pk for claim in claims if isinstance(claim, _ExperimentClaim)]
    if not experiments:
        return None
    runs = Run.objects.filter(experiment__in=experiments, is_registered=True)
    models = LoggedModel.objects.filter(experiment__in=experiments, is_registered=True)
    run_ids = [run.pk for run in runs if f"{run.artifact_uri}/".startswith(f"{SCHEME}/{path}/")]
    model_ids = [model.pk for model in models if f"{model.artifact_uri}/".startswith(f"{SCHEME}/{path}/")]
    return refuse_evidence(actor, run_ids, model_ids, action, artifact_ref(path)) if run_ids or model_ids else None


def is_listed(actor: Actor, folder: str) -> bool:
    """Return whether a folder may be listed to the actor; the root only to superusers.

    Raises InvalidInput: a bad path.
    """
    path = clean_folder(folder)
    return rules_all(actor) or (bool(path) and may_read_path(actor, path))
