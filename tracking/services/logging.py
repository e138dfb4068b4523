"""Logging to a run: metrics, params and tags, one by one or in batches. One call is one transaction and one event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.db import transaction

from audit.actions import Action
from audit.services import record
from core.actors import Actor
from core.errors import InvalidInput, NotFound
from core.refs import run_ref
from core.statements import pipelined
from tracking.limits import (
    MAX_KEY,
    Pair,
    Point,
    check_batch,
    checked_param,
    checked_params,
    checked_points,
    checked_run_name,
    checked_tag,
    checked_tags,
    checked_text,
)
from tracking.models import Run, RunTag
from tracking.provenance import record_evaluations, record_run_facts
from tracking.services.inputs import log_inputs, log_outputs
from tracking.services.metrics import add_points, require_models
from tracking.services.params_and_tags import add_params, held_params, held_tags, put_tags
from tracking.services.runs import NAME_TAG, lock_run, mirror_name
from tracking.services.single_statement import log_in_one_statement

__all__ = ["delete_tag", "log_batch", "log_inputs", "log_metric", "log_outputs", "log_param", "set_tag"]


def log_metric(*, actor: Actor, run_id: str, point: Point) -> None:
    """Add one value of a metric. Raises InvalidInput, NotFound."""
    facts = {"key": point.key, "value": point.value, "step": point.step, "timestamp_ms": point.timestamp_ms}
    points, action = checked_points([point], where=""), Action.TRACKING_METRIC_LOGGED
    if log_in_one_statement(run_id, points, {}, actor=actor, action=action, after=facts):
        return
    with transaction.atomic():
        run = lock_run(run_id, actor=actor, action=action)
        require_models(actor, points)
        with pipelined():
            add_points(run, points)
            record(actor=actor, action=action, obj=run_ref(run.pk), after=facts)
        record_evaluations(actor=actor, run=run, points=points)


@transaction.atomic
def log_param(*, actor: Actor, run_id: str, key: str, value: str) -> None:
    """Set a param once. The same value again changes nothing. Raises InvalidInput for another one. Raises NotFound."""
    params = dict([checked_param(key, value)])
    run = lock_run(run_id, actor=actor, action=Action.TRACKING_PARAM_LOGGED)
    if added := _add_params(actor, run, params):
        record(actor=actor, action=Action.TRACKING_PARAM_LOGGED, obj=run_ref(run.pk), after=added)


@transaction.atomic
def set_tag(*, actor: Actor, run_id: str, key: str, value: str) -> None:
    """Set a tag of a run. `mlflow.runName` renames the run. Raises InvalidInput, NotFound."""
    tags = dict([checked_tag(key, value)])
    run = lock_run(run_id, actor=actor, action=Action.TRACKING_TAG_SET)
    before = _set_tags(actor, run, tags)
    record(actor=actor, action=Action.TRACKING_TAG_SET, obj=run_ref(run.pk), before=before, after=tags)


@transaction.atomic
def delete_tag(*, actor: Actor, run_id: str, key: str) -> None:
    """Delete a tag of a run. Raises NotFound: it has none of that key. Raises InvalidInput."""
    checked_text(key, field="key", limit=MAX_KEY)
    run = lock_run(run_id, actor=actor, action=Action.TRACKING_TAG_DELETED)
    tag = RunTag.objects.filter(run=run, key=key).first()
    if tag is None:
        raise NotFound(f"No tag with name: {key} in run with id {run.pk}")
    before = {key: tag.value}
    tag.delete()
    record_run_facts(actor=actor, run=run, key_kind="tag", values={key: ""})
    record(actor=actor, action=Action.TRACKING_TAG_DELETED, obj=run_ref(run.pk), before=before)


def log_batch(
    *,
    actor: Actor,
    run_id: str,
    metrics: Sequence[Point] = (),
    params: Sequence[Pair] = (),
    tags: Sequence[Pair] = (),
) -> None:
    """Log metrics, params and tags at once, all or nothing; the number of statements does not grow with the batch.

    Raises InvalidInput, NotFound.
    """
    check_batch(len(metrics), len(params), len(tags))
    points, new_params, new_tags = checked_points(metrics), checked_params(params), checked_tags(tags)
    after: dict[str, object] = {"params": {}, "tags": {}, "metrics": len(points)}
    if points:
        after["metric_keys"] = sorted({point.key for point in points})
    if not new_tags and log_in_one_statement(
        run_id,
        points,
        new_params,
        actor=actor,
        action=Action.TRACKING_BATCH_LOGGED,
        after={**after, "params": new_params},
    ):
        return
    _log_batch(actor, run_id, points, new_params, new_tags, after)


@transaction.atomic
def _log_batch(
    actor: Actor,
    run_id: str,
    points: Sequence[Point],
    params: dict[str, str],
    tags: dict[str, str],
    after: dict[str, object],
) -> None:
    run = lock_run(run_id, actor=actor, action=Action.TRACKING_BATCH_LOGGED)
    if not (points or params or tags):
        return
    require_models(actor, points)
    added = _add_params(actor, run, params)
    before = _set_tags(actor, run, tags)
    with pipelined():
        add_points(run, points)
        record(
            actor=actor,
            action=Action.TRACKING_BATCH_LOGGED,
            obj=run_ref(run.pk),
            before={"tags": before} if before else None,
            after={**after, "params": added, "tags": tags},
        )
    record_evaluations(actor=actor, run=run, points=points)


def _add_params(actor: Actor, run: Run, params: Mapping[str, str]) -> dict[str, str]:
    """Insert the params that are new and return them. Raises InvalidInput where one would change."""
    if not params:
        return {}
    new = add_params(run.pk, params)
    held = held_params(run.pk, params) if len(new) < len(params) else {}
    for key, value in params.items():
        if held.get(key, value) != value:
            raise InvalidInput(
                f"Changing param values is not allowed. Param with key='{key}' was already logged with "
                f"value='{held[key][:250]}' for run ID='{run.pk}'. Attempted logging new value '{value[:250]}'."
            )
    added = {key: value for key, value in params.items() if key in new}
    record_run_facts(actor=actor, run=run, key_kind="param", values=added)
    return added


def _set_tags(actor: Actor, run: Run, tags: Mapping[str, str]) -> dict[str, str]:
    """Set tags and what follows from them (name, lineage); return the values they had before."""
    if not tags:
        return {}
    before = held_tags(run.pk, tags)
    put_tags(run.pk, tags)
    if name := tags.get(NAME_TAG):
        run.name = checked_run_name(name)
        run.save(update_fields=["name"])
        mirror_name(actor=actor, run=run)
    record_run_facts(actor=actor, run=run, key_kind="tag", values=tags)
    return before
