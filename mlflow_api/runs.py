"""MLflow `runs/…`: runs, and logging to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.actors import Actor
from mlflow_api import render_tracking as render
from mlflow_api.dispatch import rpc
from mlflow_api.experiments import VIEW_TYPES
from mlflow_api.long_lists import LongList
from mlflow_api.parse import Params
from tracking.full_runs import full_runs, get_full_run
from tracking.limits import Point
from tracking.search.runs import search_run_ids
from tracking.services import logging, runs
from tracking.services import model_history as history
from tracking.services.inputs import DatasetInput, log_inputs, log_outputs

RUN_STATUSES = {"RUNNING": 1, "SCHEDULED": 2, "FINISHED": 3, "FAILED": 4, "KILLED": 5}

_PLAIN = 4  # the fields of a point that names neither model nor dataset

Json = dict[str, object]


def run_id_of(q: Params) -> str:
    """Return the run a request names; clients send it as `run_id`, and older ones as `run_uuid`."""
    return q.text("run_id") or q.text("run_uuid") or q.need("run_id")


def _point(q: Params) -> Point:
    return Point(
        key=q.need("key"),
        value=q.number("value"),
        timestamp_ms=q.need_truncated_integer("timestamp"),
        step=q.truncated_integer("step") or 0,
        model_id=q.text("model_id"),
        dataset_name=q.text("dataset_name"),
        dataset_digest=q.text("dataset_digest"),
    )


def _plain_point(values: dict[str, Any]) -> Point | None:
    """Return the point of a message with exactly these fields and types.

    A batch has a thousand such messages, so this is fast.
    """
    key: Any = values.get("key")
    value: Any = values.get("value")
    at: Any = values.get("timestamp")
    step: Any = values.get("step")
    is_plain = len(values) == _PLAIN and type(value) is float and type(at) is int and type(step) is int
    if not is_plain or type(key) is not str or not key or "\x00" in key:
        return None
    return Point(key=key, value=value, timestamp_ms=at, step=step)


@rpc("POST", "runs/create")
def create_run(actor: Actor, q: Params) -> Json:
    """MLflow `runs/create`: return the new run. Times are milliseconds since 1970.

    Raises NotFound (experiment), InvalidInput (name, tags, a deleted experiment).
    """
    tags = q.tags("tags")
    run = runs.create_run(
        actor=actor,
        experiment_id=q.text("experiment_id") or runs.DEFAULT_EXPERIMENT,
        user_id=q.text("user_id"),
        name=q.text("run_name"),
        start_ms=q.truncated_integer("start_time") or 0,
        tags=tags,
    )
    return {"run": render.run(runs.as_created(run, tags))}


@rpc("GET", "runs/get")
def get_run(actor: Actor, q: Params) -> Json:
    """MLflow `runs/get`: return a run, deleted or not, with everything that it logged. Raises NotFound."""
    return {"run": render.run(get_full_run(actor, run_id_of(q)))}


@rpc("POST", "runs/update")
def update_run(actor: Actor, q: Params) -> Json:
    """MLflow `runs/update`: change status, end time (milliseconds) or name and return the run's info.

    Raises NotFound, InvalidInput (a deleted run, or a bad value).
    """
    run = runs.update_run(
        actor=actor,
        run_id=run_id_of(q),
        status=q.choice("status", RUN_STATUSES),
        end_ms=q.truncated_integer("end_time"),
        name=q.text("run_name"),
    )
    return {"run_info": render.run_info(run)}


@rpc("POST", "runs/delete")
def delete_run(actor: Actor, q: Params) -> Json:
    """MLflow `runs/delete`: mark a run as deleted; a deleted run stays deleted. Raises NotFound."""
    runs.delete_run(actor=actor, run_id=q.need("run_id"))
    return {}


@rpc("POST", "runs/restore")
def restore_run(actor: Actor, q: Params) -> Json:
    """MLflow `runs/restore`: restore a deleted run; an active run stays active. Raises NotFound."""
    runs.restore_run(actor=actor, run_id=q.need("run_id"))
    return {}


@rpc("POST", "runs/search", write=False)
def search(actor: Actor, q: Params) -> LongList:
    """MLflow `runs/search`: return one page of runs in full and the token of the next page.

    Raises InvalidInput (filter, order, page size or token).
    """
    ids, token = search_run_ids(
        actor=actor,
        experiment_ids=q.texts("experiment_ids"),
        filter_string=q.text("filter"),
        view=q.choice("run_view_type", VIEW_TYPES),
        order_by=q.texts("order_by"),
        max_results=q.integer("max_results"),
        page_token=q.text("page_token"),
    )
    return LongList("runs", ids, _rendered_runs, render.filled(next_page_token=token or None))


def _rendered_runs(run_ids: Sequence[str]) -> list[Json]:
    return [render.run(run) for run in full_runs(run_ids)]


@rpc("POST", "runs/log-metric")
def log_metric(actor: Actor, q: Params) -> Json:
    """MLflow `runs/log-metric`: add one value of a metric.

    Raises NotFound (run, logged model), InvalidInput (a deleted run, or a bad value).
    """
    logging.log_metric(actor=actor, run_id=run_id_of(q), point=_point(q))
    return {}


@rpc("POST", "runs/log-parameter")
def log_param(actor: Actor, q: Params) -> Json:
    """MLflow `runs/log-parameter`: set a param.

    Raises NotFound, InvalidInput (a deleted run, or another value for a param that is set).
    """
    logging.log_param(actor=actor, run_id=run_id_of(q), key=q.need("key"), value=q.text("value"))
    return {}


@rpc("POST", "runs/set-tag")
def set_tag(actor: Actor, q: Params) -> Json:
    """MLflow `runs/set-tag`: set a tag of a run. Raises NotFound, InvalidInput (a deleted run, or a bad tag)."""
    logging.set_tag(actor=actor, run_id=run_id_of(q), key=q.need("key"), value=q.text("value"))
    return {}


@rpc("POST", "runs/delete-tag")
def delete_tag(actor: Actor, q: Params) -> Json:
    """MLflow `runs/delete-tag`: delete a tag of a run. Raises NotFound (run, tag), InvalidInput (a deleted run)."""
    logging.delete_tag(actor=actor, run_id=run_id_of(q), key=q.need("key"))
    return {}


@rpc("POST", "runs/log-batch")
def log_batch(actor: Actor, q: Params) -> Json:
    """MLflow `runs/log-batch`: log metrics, params and tags, all or nothing.

    Raises NotFound (run, logged model), InvalidInput (a deleted run, a limit, or a changed param).
    """
    logging.log_batch(
        actor=actor,
        run_id=run_id_of(q),
        metrics=q.each("metrics", _point, plain=_plain_point),
        params=q.tags("params"),
        tags=q.tags("tags"),
    )
    return {}


@rpc("POST", "runs/log-model")
def log_model(actor: Actor, q: Params) -> Json:
    """MLflow `runs/log-model`: add an MLmodel file to the tag that lists the run's models.

    Raises NotFound, InvalidInput (JSON that is no MLmodel file, or a full tag).
    """
    history.log_model_history(actor=actor, run_id=run_id_of(q), model_json=q.need("model_json"))
    return {}


def _dataset_input(q: Params) -> DatasetInput:
    dataset = q.message("dataset")
    return DatasetInput(
        name=dataset.need("name"),
        digest=dataset.need("digest"),
        source_type=dataset.text("source_type"),
        source=dataset.text("source"),
        schema=dataset.text("schema"),
        profile=dataset.text("profile"),
        tags=dict(q.tags("tags")),
    )


@rpc("POST", "runs/log-inputs")
def log_run_inputs(actor: Actor, q: Params) -> Json:
    """MLflow `runs/log-inputs`: record the datasets and logged models that a run read.

    Raises NotFound (run, logged model), InvalidInput (a deleted run, or a limit).
    """
    log_inputs(
        actor=actor,
        run_id=run_id_of(q),
        datasets=[_dataset_input(item) for item in q.items("datasets")],
        models=[item.need("model_id") for item in q.items("models")],
    )
    return {}


@rpc("POST", "runs/outputs")
def log_run_outputs(actor: Actor, q: Params) -> Json:
    """MLflow `runs/outputs`: record the logged models that a run produced, each at a step.

    Raises NotFound (run, logged model), InvalidInput (a deleted run, or a limit).
    """
    models = [(item.need("model_id"), item.integer("step") or 0) for item in q.need_items("models")]
    log_outputs(actor=actor, run_id=run_id_of(q), models=models)
    return {}
