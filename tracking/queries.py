"""Reads of tracking, shared by the APIs, the pages and the apps above."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, prefetch_related_objects

from core.actors import Actor
from core.errors import InvalidInput, NotFound
from core.ids import MAX_ROW_ID
from tracking.metric_columns import LATEST_ORDER
from tracking.models import (
    Experiment,
    ExperimentLevel,
    LoggedModel,
    Metric,
    MetricFields,
    Run,
    RunInput,
    RunModel,
)
from tracking.permissions.experiments import experiment_not_found
from tracking.permissions.levels import everybody_has, visible_experiments
from tracking.permissions.runs import (
    logged_model_not_found,
    require_readable_model,
    require_readable_run,
    run_not_found,
)

_EXPERIMENT_ID = re.compile(r"-?[0-9]{1,19}")
# SQLite refuses a statement with more than 32766 variables, so big results are completed in slices.
_SLICE = 5000
# The index of metrics by model leaves out the many that name no model. SQLite uses it only with this condition.
NAMES_A_MODEL = ~Q(model_id="")


def experiment_number(experiment_id: str | int) -> int:
    """Return an experiment id as a number. Raises InvalidInput: it is none, or no row can have it."""
    text = str(experiment_id)
    if not _EXPERIMENT_ID.fullmatch(text) or abs(int(text)) > MAX_ROW_ID:
        raise InvalidInput(f"Invalid experiment ID '{text[:500]}'. Experiment ID must be a valid integer.")
    return int(text)


def get_experiment(actor: Actor, experiment_id: str | int) -> Experiment:
    """Return an experiment that the actor may read, deleted or not, with its tags. Raises NotFound, InvalidInput."""
    number = experiment_number(experiment_id)
    experiment = visible_experiments(actor).filter(pk=number).prefetch_related("tags").first()
    if experiment is None:
        raise NotFound(experiment_not_found(number))
    return experiment


def get_experiment_by_name(actor: Actor, name: str) -> Experiment:
    """Return the experiment with this name that the actor may read, deleted or not, with its tags. Raises NotFound."""
    experiment = visible_experiments(actor).filter(name=name).prefetch_related("tags").first()
    if experiment is None:
        raise NotFound(f"Could not find experiment with name '{name[:500]}'")
    return experiment


def get_run(actor: Actor, run_id: str) -> Run:
    """Return a run that the actor may read, deleted or not, with its experiment. Raises NotFound."""
    run = find_run(run_id)
    require_readable_run(actor, run)
    return run


def find_run(run_id: str) -> Run:
    """Return a run, deleted or not, with its experiment, for internal use: no permission is checked.

    Raises NotFound.
    """
    run = Run.objects.select_related("experiment").filter(pk=run_id).first()
    if run is None:
        raise NotFound(run_not_found(run_id))
    return run


def get_run_in_full(run_id: str) -> Run:
    """Return a run with its params, tags, latest metrics, dataset inputs and model links loaded. Raises NotFound.

    The number of queries does not depend on how much was logged.
    """
    run = find_run(run_id)
    load_runs([run])
    return run


def load_runs(runs: Sequence[Run]) -> None:
    """Load params, tags, latest metrics, dataset inputs and model links of many runs in a fixed number of queries."""
    for start in range(0, len(runs), _SLICE):
        prefetch_related_objects(
            runs[start : start + _SLICE], "params", "tags", "latest_metrics", "dataset_inputs__dataset", "model_links"
        )


def get_logged_model(actor: Actor, model_id: str) -> LoggedModel:
    """Return a logged model that the actor may read and that was not deleted. Raises NotFound."""
    model = LoggedModel.objects.select_related("experiment").filter(pk=model_id, lifecycle_stage="active").first()
    if model is None:
        raise NotFound(logged_model_not_found(model_id))
    require_readable_model(actor, model)
    return model


def load_models(actor: Actor, models: Sequence[LoggedModel]) -> dict[str, list[Metric]]:
    """Load params and tags of many logged models and return the metrics that name each: a fixed number of queries.

    Metrics of runs in experiments that the actor may not read are left out.
    """
    metrics: dict[str, list[Metric]] = {model.pk: [] for model in models}
    for start in range(0, len(models), _SLICE):
        part = models[start : start + _SLICE]
        prefetch_related_objects(part, "params", "tags")
        rows = Metric.objects.filter(NAMES_A_MODEL, model_id__in=[model.pk for model in part])
        if not everybody_has(ExperimentLevel.READ, actor):
            rows = rows.filter(run__experiment__in=visible_experiments(actor))
        for metric in rows.order_by("key", "timestamp_ms", "step", "id"):
            metrics[metric.model_id].append(metric)
    return metrics


def latest_of_each(metrics: Iterable[Metric]) -> list[Metric]:
    """Return the value that counts for each key, dataset and run: the latest by (step, timestamp, value)."""
    latest: dict[tuple[str, str, str, str], Metric] = {}
    for metric in metrics:
        identity = (metric.key, metric.dataset_name, metric.dataset_digest, metric.run_id)
        latest_so_far = latest.get(identity)
        if latest_so_far is None or metric_rank(metric) > metric_rank(latest_so_far):
            latest[identity] = metric
    return list(latest.values())


def metric_rank(metric: MetricFields) -> tuple[Any, ...]:
    """Return the sort key of the values of one metric (LATEST_ORDER): step, timestamp, value; NaN counts as 0."""
    return tuple(getattr(metric, column) for column in LATEST_ORDER)


def metric_value(metric: MetricFields) -> float:
    """Return the value as it was logged: NaN where it was not a number."""
    return math.nan if metric.is_nan else metric.value


@dataclass(frozen=True, slots=True)
class RunFacts:
    """The facts that one run logged, for cards, checks and pages. ``metrics`` holds the latest value of each key."""

    run: Run
    params: dict[str, str]
    tags: dict[str, str]
    metrics: dict[str, float]
    datasets: tuple[RunInput, ...]
    models: tuple[RunModel, ...]


def run_facts(run_id: str) -> RunFacts:
    """Return the facts that a run logged, for cards, checks and pages; no permission is checked. Raises NotFound."""
    run = get_run_in_full(run_id)
    return RunFacts(
        run=run,
        params={param.key: param.value for param in sorted(run.params.all(), key=lambda param: param.key)},
        tags={tag.key: tag.value for tag in sorted(run.tags.all(), key=lambda tag: tag.key)},
        metrics={m.key: metric_value(m) for m in sorted(run.latest_metrics.all(), key=lambda metric: metric.key)},
        datasets=tuple(sorted(run.dataset_inputs.all(), key=lambda row: row.pk)),
        models=tuple(sorted(run.model_links.all(), key=lambda link: link.pk)),
    )


def model_metrics(model_id: str) -> list[Metric]:
    """Return the metrics that name a logged model, the latest of each."""
    return latest_of_each(Metric.objects.filter(NAMES_A_MODEL, model_id=model_id))
