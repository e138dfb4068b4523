"""Writing runs themselves: create, update, delete, restore. What is logged to them is in `logging` and `inputs`."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django.db import connection, transaction

from audit.actions import Action
from audit.services import record
from core.actors import Actor
from core.columns import columns_of, insert_into, listed, table_of, unique_columns
from core.errors import Conflict, InvalidInput, NotFound
from core.refs import run_ref
from core.statements import Statement, fetch, pipelined, portable
from core.statements import run as execute
from lineage.services import record_run
from tracking.full_runs import RUN_COLUMNS, FullRun
from tracking.limits import Pair, checked_first_tags, checked_run_name, checked_text
from tracking.models import Experiment, Lifecycle, Run, RunStatus, RunWriter
from tracking.permissions.experiments import experiment_not_found, require_readable
from tracking.permissions.runs import Change, require_run, run_not_found
from tracking.provenance import record_run_facts
from tracking.queries import experiment_number
from tracking.random_names import random_name
from tracking.services.experiments import require_active
from tracking.services.params_and_tags import put_tags
from tracking.services.purging import is_purged

NAME_TAG = "mlflow.runName"
DEFAULT_EXPERIMENT = "0"
_RUN_COLUMNS = columns_of(Run)
_EXPERIMENT_COLUMNS = ("id", *columns_of(Experiment))
_READ_RUN = f"SELECT {listed(_RUN_COLUMNS)} FROM {table_of(Run)} WHERE id = %s"  # noqa: S608 - names
_READ_EXPERIMENT = f"SELECT {listed(_EXPERIMENT_COLUMNS)} FROM {table_of(Experiment)} WHERE id = %s"  # noqa: S608 - names
# A writing transaction of SQLite is alone anyway.
_LOCK_RUN = Statement(f"{_READ_RUN} FOR UPDATE", _READ_RUN)
_SHARE_EXPERIMENT = Statement(f"{_READ_EXPERIMENT} FOR SHARE", _READ_EXPERIMENT)
_ADD_RUN = portable(insert_into(Run))
_ADD_WRITER = portable(
    f"{insert_into(RunWriter)} ON CONFLICT ({listed(unique_columns(RunWriter, 'tracking_runwriter_once'))}) DO NOTHING"
)
_UPDATE_RUN = portable(f"UPDATE {table_of(Run)} SET status = %s, end_ms = %s, name = %s WHERE id = %s")  # noqa: S608 - names


def lock_run(
    run_id: str,
    *,
    actor: Actor | None,
    action: Action = Action.TRACKING_RUN_UPDATED,
    change: Change = Change.EVIDENCE,
    active: bool = True,
) -> Run:
    """Return a run with its row locked until commit, so that writers of one run come one after the other.

    The ``actor`` must have the right to ``change`` it. An actor who did not create it is stored as one of its writers;
    None is an import, on behalf of others. Raises NotFound, Denied (of ``action``) and, with ``active``, InvalidInput
    for a deleted run.
    """
    rows = fetch(_LOCK_RUN, [run_id])
    run = Run.from_db(connection.alias, _RUN_COLUMNS, rows[0]) if rows else None
    if run is None:
        raise NotFound(run_not_found(run_id))
    if actor is not None:
        require_run(actor, run, change, action)
    if active and run.lifecycle_stage != Lifecycle.ACTIVE:
        raise InvalidInput(f"The run {run.pk} must be in the 'active' state. Current state is {run.lifecycle_stage}.")
    if actor is not None and actor.name != run.created_by:
        execute(_ADD_WRITER, [run_id, actor.name])
    return run


@transaction.atomic
def create_run(
    *,
    actor: Actor,
    experiment_id: str | int = DEFAULT_EXPERIMENT,
    user_id: str = "",
    name: str = "",
    start_ms: int = 0,
    tags: Sequence[Pair] = (),
) -> Run:
    """Start a run in an active experiment, with a random name where none is given.

    The name is also the tag `mlflow.runName`. ``user_id`` is the name that the client sent; the authenticated user is
    stored as well. Raises NotFound, InvalidInput (also where name and tag differ).
    """
    new_tags = checked_first_tags(tags)
    checked_text(user_id, field="user_id", limit=256)
    experiment = _lock_experiment(actor, experiment_id)
    run_name = _run_name(name, new_tags)
    run_id = uuid.uuid4().hex
    run = Run(
        id=run_id,
        experiment=experiment,
        name=run_name,
        user_id=user_id,
        created_by=actor.name,
        start_ms=start_ms,
        artifact_uri=f"{experiment.artifact_location}/{run_id}/artifacts",
    )
    with pipelined():
        execute(_ADD_RUN, [getattr(run, field) for field in _RUN_COLUMNS])
        put_tags(run.pk, new_tags)
        record_run(actor=actor, run_id=run.pk, name=run_name)
        _record_created(actor, run, new_tags)
    record_run_facts(actor=actor, run=run, key_kind="tag", values=new_tags)
    return run


def as_created(run: Run, tags: Sequence[Pair]) -> FullRun:
    """Return the FullRun of a run that `create_run` has just made with these tags, without a query."""
    full = FullRun(*(getattr(run, column) for column in RUN_COLUMNS))
    full.tags = list((checked_first_tags(tags) | {NAME_TAG: run.name}).items())
    return full


def _record_created(actor: Actor, run: Run, tags: dict[str, str]) -> None:
    facts = {"experiment": run.experiment_id, "name": run.name, "start_ms": run.start_ms, "user_id": run.user_id}
    record(actor=actor, action=Action.TRACKING_RUN_CREATED, obj=run_ref(run.pk), after={**facts, "tags": tags})


def _lock_experiment(actor: Actor, experiment_id: str | int) -> Experiment:
    """Return an active experiment, locked against changes until commit; others can start runs in it meanwhile.

    Everybody who may read it may start runs in it. Raises NotFound, InvalidInput (it is deleted).
    """
    number = experiment_number(experiment_id)
    rows = fetch(_SHARE_EXPERIMENT, [number])
    if not rows:
        raise NotFound(experiment_not_found(number))
    require_readable(actor, number)
    experiment = Experiment.from_db(connection.alias, _EXPERIMENT_COLUMNS, rows[0])
    require_active(experiment)
    return experiment


def _run_name(name: str, tags: dict[str, str]) -> str:
    """Return the run's name and set its name tag. Raises InvalidInput: the given name and tag differ."""
    tagged = tags.get(NAME_TAG, "")
    if name and tagged and checked_run_name(name) != tagged:
        raise InvalidInput(
            "Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values "
            f"(run_name='{name[:250]}', mlflow.runName='{tagged[:250]}')."
        )
    run_name = checked_run_name(name or tagged or random_name())
    tags[NAME_TAG] = run_name
    return run_name


@transaction.atomic
def update_run(*, actor: Actor, run_id: str, status: str = "", end_ms: int | None = None, name: str = "") -> Run:
    """Change status, end time and name of an active run; what is not given is not changed.

    Raises Denied, InvalidInput, NotFound.
    """
    # Ending a run after its model was registered does not change evidence of the version; another name does.
    change = Change.EVIDENCE if name else Change.STATUS
    run = lock_run(run_id, actor=actor, action=Action.TRACKING_RUN_UPDATED, change=change)
    changes: dict[str, object] = {}
    if status:
        changes["status"] = RunStatus(status)
    if end_ms is not None:
        changes["end_ms"] = end_ms
    if name:
        changes["name"] = checked_run_name(name)
    changes = {field: value for field, value in changes.items() if getattr(run, field) != value}
    if not changes:
        return run
    before = {field: getattr(run, field) for field in changes}
    for field, value in changes.items():
        setattr(run, field, value)
    with pipelined():
        execute(_UPDATE_RUN, [str(run.status), run.end_ms, run.name, run.pk])
        if "name" in changes:
            mirror_name(actor=actor, run=run)
        record(actor=actor, action=Action.TRACKING_RUN_UPDATED, obj=run_ref(run.pk), before=before, after=changes)
    return run


def mirror_name(*, actor: Actor, run: Run) -> None:
    """Store a run's new name in its name tag and in its lineage node."""
    put_tags(run.pk, {NAME_TAG: run.name})
    record_run(actor=actor, run_id=run.pk, name=run.name)


@transaction.atomic
def delete_run(*, actor: Actor, run_id: str) -> Run:
    """Mark a run as deleted; deleting it again changes nothing. Raises Denied, NotFound, InvalidInput, Conflict."""
    return _set_lifecycle(actor, run_id, Lifecycle.DELETED, Action.TRACKING_RUN_DELETED)


@transaction.atomic
def restore_run(*, actor: Actor, run_id: str) -> Run:
    """Restore a deleted run; an active run is not changed.

    Raises Denied, NotFound, InvalidInput; Conflict where its contents were deleted.
    """
    return _set_lifecycle(actor, run_id, Lifecycle.ACTIVE, Action.TRACKING_RUN_RESTORED)


def _set_lifecycle(actor: Actor, run_id: str, target: Lifecycle, action: Action) -> Run:
    run = lock_run(run_id, actor=actor, action=action, change=Change.DELETE, active=False)
    if run.lifecycle_stage == target:
        return run
    if is_purged(run):
        raise Conflict(f"Run {run.pk} cannot be restored: its metrics, params, tags and files were deleted.")
    before, run.lifecycle_stage, run.deleted_with_experiment = run.lifecycle_stage, target, False
    run.save(update_fields=["lifecycle_stage", "deleted_with_experiment"])
    record(
        actor=actor,
        action=action,
        obj=run_ref(run.pk),
        before={"lifecycle_stage": before},
        after={"lifecycle_stage": target.value},
    )
    return run
