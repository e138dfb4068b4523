"""The history of a metric: page by page, or sampled for a chart; and the datasets of experiments."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import F, Q, QuerySet, Window
from django.db.models.functions import RowNumber

from core.actors import Actor
from core.columns import listed, table_of
from core.errors import InvalidInput
from core.statements import fetch, portable
from tracking.full_runs import Value
from tracking.metric_columns import CURVE_ORDER, HISTORY_ORDER, VALUE_COLUMNS
from tracking.models import ExperimentLevel, Metric, Run, RunInput
from tracking.permissions.levels import everybody_has, visible_experiments
from tracking.permissions.runs import readable_runs
from tracking.queries import experiment_number, get_run
from tracking.search.pages import checked_max, next_token, page_offset

PAGE = 25_000
MAX_PAGE = 250_000
MAX_RUNS = 100
MAX_SAMPLE = 2500
MAX_SUMMARIES = 1000
MAX_EXPERIMENTS = 20
# The key is the same in all rows: it is not read, which takes a tenth of the time.
_WITHOUT_KEY = [column for column in VALUE_COLUMNS if column != "key"]
_HISTORY = portable(
    f"SELECT {listed(_WITHOUT_KEY)} FROM {table_of(Metric)} WHERE run_id = %s AND key = %s "  # noqa: S608 - names
    f"ORDER BY {listed(HISTORY_ORDER)} LIMIT %s OFFSET %s"
)


def metric_history(
    *, actor: Actor, run_id: str, key: str, max_results: int | None = None, page_token: str = ""
) -> tuple[list[Value], str]:
    """Return a page of the values ever logged for a key, by time, and the token of the next page.

    One query where everybody may read every experiment. Raises InvalidInput, NotFound (no such run).
    """
    size = checked_max(max_results, default=PAGE, limit=MAX_PAGE)
    offset = page_offset(page_token)
    if not everybody_has(ExperimentLevel.READ, actor):
        get_run(actor, run_id)
    values = [Value(key, *row) for row in fetch(_HISTORY, [run_id, key, size + 1, offset])]
    if not values:
        get_run(actor, run_id)  # a run that does not exist has no values
    return values[:size], next_token(offset, size, len(values))


def bulk_history(*, actor: Actor, run_ids: Sequence[str], key: str, max_results: int | None = None) -> list[Metric]:
    """Return the values of a key in several runs, run by run and by time, at most 25,000 together.

    Runs that do not exist or that the actor may not read have none. Raises InvalidInput.
    """
    if not run_ids:
        raise InvalidInput("GetMetricHistoryBulk request must specify at least one run_id.")
    if len(run_ids) > MAX_RUNS:
        raise InvalidInput(
            f"GetMetricHistoryBulk request cannot specify more than {MAX_RUNS} run_ids. Received {len(run_ids)} run_ids."
        )
    size = min(PAGE if max_results is None else max_results, PAGE)
    if size < 0:
        raise InvalidInput(f"Invalid value {size} for parameter 'max_results' supplied. It must be at least 0.")
    visible_ids = run_ids
    if not everybody_has(ExperimentLevel.READ, actor):
        visible_ids = [run.pk for run in readable_runs(actor, Run.objects.filter(pk__in=run_ids))]
    rows = Metric.objects.filter(run_id__in=visible_ids, key=key)
    return list(rows.order_by("run_id", *HISTORY_ORDER)[:size])


def sample_history(
    *,
    actor: Actor,
    run_ids: Sequence[str],
    key: str,
    max_results: int | None = None,
    start_step: int | None = None,
    end_step: int | None = None,
) -> list[Metric]:
    """Return for each run up to ``max_results`` values spread evenly over its history, first and last included.

    Raises InvalidInput, NotFound (no such run).
    """
    if not run_ids:
        raise InvalidInput("Missing value for required parameter 'run_ids'.")
    if len(run_ids) > MAX_RUNS:
        raise InvalidInput(
            f"GetMetricHistoryBulkInterval request must specify at most {MAX_RUNS} run_ids. Received {len(run_ids)} run_ids."
        )
    if (start_step is None) != (end_step is None):
        raise InvalidInput("If either start step or end step are specified, both must be specified.")
    if start_step is not None and end_step is not None and start_step > end_step:
        raise InvalidInput(
            f"end_step must be greater than start_step. Found start_step={start_step} and end_step={end_step}."
        )
    size = MAX_SAMPLE if max_results is None else max_results
    if not 1 <= size <= MAX_SAMPLE:
        raise InvalidInput(f"max_results must be between 1 and {MAX_SAMPLE}.")
    steps = Q() if start_step is None else Q(step__gte=start_step, step__lte=end_step)
    runs = [get_run(actor, run_id) for run_id in run_ids]
    return [point for run in runs for point in _sample(Metric.objects.filter(steps, run=run, key=key), size)]


def _sample(rows: QuerySet[Metric], size: int) -> list[Metric]:
    count = rows.count()
    if count > size:
        numbered = rows.annotate(position=Window(RowNumber(), order_by=[F(name).asc() for name in CURVE_ORDER]))
        rows = numbered.filter(position__in=_even_positions(count, size))
    return list(rows.order_by(*CURVE_ORDER))


def _even_positions(count: int, size: int) -> list[int]:
    """Return ``size`` positions from 1 to ``count``, both ends included; the last where there is only one."""
    if size == 1:
        return [count]
    return sorted({1 + index * (count - 1) // (size - 1) for index in range(size)})


def dataset_summaries(actor: Actor, experiment_ids: Sequence[str]) -> list[tuple[int, str, str, str]]:
    """Return the datasets that runs of experiments read: (experiment, name, digest, context), at most 1000.

    Experiments that the actor may not read have none. Raises InvalidInput.
    """
    if not experiment_ids:
        raise InvalidInput("SearchDatasets request must specify at least one experiment_id.")
    if len(experiment_ids) > MAX_EXPERIMENTS:
        raise InvalidInput(
            f"SearchDatasets request cannot specify more than {MAX_EXPERIMENTS} experiment_ids. "
            f"Received {len(experiment_ids)} experiment_ids."
        )
    numbers = [experiment_number(experiment_id) for experiment_id in experiment_ids]
    rows = RunInput.objects.filter(dataset__experiment__in=visible_experiments(actor).filter(pk__in=numbers))
    names = ("dataset__experiment_id", "dataset__name", "dataset__digest", "context")
    return list(rows.values_list(*names).distinct().order_by(*names)[:MAX_SUMMARIES])
