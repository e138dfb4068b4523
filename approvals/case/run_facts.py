"""Facts of runs, as checks read them: parameters, metrics, datasets, tags and writers."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import prefetch_related_objects

from tracking.models import Run
from tracking.queries import load_runs, metric_value
from validation.base import RunFacts, is_usable


def load_run_facts(run_ids: Iterable[str]) -> dict[str, RunFacts]:
    """Return the facts of runs, by id; a fixed number of queries."""
    rows = list(Run.objects.filter(pk__in=set(run_ids)))
    load_runs(rows)
    prefetch_related_objects(rows, "writers")
    return {row.pk: _run_facts(row) for row in rows}


def _run_facts(run: Run) -> RunFacts:
    metrics = {metric.key: metric_value(metric) for metric in run.latest_metrics.all()}
    datasets = {(used.dataset.name, used.dataset.digest, used.context) for used in run.dataset_inputs.all()}
    return RunFacts(
        run_id=run.pk,
        created_by=run.created_by,
        writers=tuple(sorted(writer.name for writer in run.writers.all())),
        tags={tag.key: tag.value for tag in run.tags.all()},
        params={param.key: param.value for param in run.params.all()},
        metrics={key: value for key, value in metrics.items() if is_usable(value)},
        unusable=tuple(sorted(key for key, value in metrics.items() if not is_usable(value))),
        datasets=tuple(sorted(datasets)),
        measured_on={
            metric.key: (metric.dataset_name, metric.dataset_digest)
            for metric in run.latest_metrics.all()
            if metric.dataset_name or metric.dataset_digest
        },
    )
