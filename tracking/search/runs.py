"""Searching runs."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from django.db.models import OuterRef, Q, QuerySet

from core.actors import Actor
from tracking.models import ExperimentLevel, LatestMetric, Lifecycle, Param, Run, RunInput, RunTag
from tracking.permissions.levels import everybody_has, visible_experiments
from tracking.queries import experiment_number, load_runs
from tracking.search.conditions import compare, has_value, keyed, there_is
from tracking.search.grammar import (
    ATTRIBUTE,
    FLOAT,
    INTEGER,
    TEXT,
    TEXT_OR_LIST,
    TEXT_OR_NULL,
    Clause,
    Spec,
    parse,
    parse_order,
)
from tracking.search.order import ATTRIBUTE_COLUMNS, page_of_runs
from tracking.search.pages import checked_max

DEFAULT_PAGE = 1000
MAX_PAGE = 50_000

_DATASET_COLUMNS = {"name": "dataset__name", "digest": "dataset__digest", "context": "context"}

SPEC = Spec(
    noun="run",
    attributes={
        "run_id": TEXT_OR_LIST,
        "run_name": TEXT,
        "status": TEXT,
        "user_id": TEXT,
        "artifact_uri": TEXT,
        "start_time": INTEGER,
        "end_time": INTEGER,
    },
    groups={"metric": FLOAT, "param": TEXT_OR_NULL, "tag": TEXT_OR_NULL, "dataset": TEXT_OR_LIST},
    prefixes={
        **dict.fromkeys(("metric", "metrics"), "metric"),
        **dict.fromkeys(("param", "params", "parameter", "parameters"), "param"),
        **dict.fromkeys(("tag", "tags"), "tag"),
        **dict.fromkeys(("dataset", "datasets"), "dataset"),
        **dict.fromkeys(("attribute", "attributes", "attr", "run"), ATTRIBUTE),
    },
    aliases={"created": "start_time", "Created": "start_time", "run name": "run_name", "Run name": "run_name",
             "Run Name": "run_name", "run id": "run_id"},
    group_keys={"dataset": frozenset(_DATASET_COLUMNS)},
    order_keys=frozenset(ATTRIBUTE_COLUMNS),
    order_groups=frozenset({"metric", "param", "tag"}),
)  # fmt: skip


def search_runs(
    *,
    actor: Actor,
    experiment_ids: Sequence[str] | None,
    filter_string: str = "",
    view: str = "ACTIVE_ONLY",
    order_by: Sequence[str] = (),
    max_results: int | None = None,
    page_token: str = "",
) -> tuple[list[Run], str]:
    """Return one page of runs, fully loaded, and the token of the next page.

    ``experiment_ids`` None means every experiment, [] none. There are no runs of experiments that the actor may not
    read. The number of queries does not depend on how many runs match. Raises InvalidInput (filter, order, experiment,
    page size or token).
    """
    size = checked_max(max_results, default=DEFAULT_PAGE, limit=MAX_PAGE)
    orders = parse_order(order_by, SPEC)
    rows = _matching(actor, experiment_ids, filter_string, view)
    runs, token = page_of_runs(rows, orders, size=size, token=page_token)
    load_runs(runs)
    return runs, token


def search_run_ids(
    *,
    actor: Actor,
    experiment_ids: Sequence[str],
    filter_string: str = "",
    view: str = "ACTIVE_ONLY",
    order_by: Sequence[str] = (),
    max_results: int | None = None,
    page_token: str = "",
) -> tuple[list[str], str]:
    """Return the ids of the results of `search_runs`, for `tracking.full_runs.full_runs`. At most three queries.

    Raises InvalidInput.
    """
    size = checked_max(max_results, default=DEFAULT_PAGE, limit=MAX_PAGE)
    orders = parse_order(order_by, SPEC)
    rows = _matching(actor, experiment_ids, filter_string, view)
    return page_of_runs(rows.values_list("pk", flat=True), orders, size=size, token=page_token)


def _matching(actor: Actor, experiment_ids: Sequence[str] | None, filter_string: str, view: str) -> QuerySet[Run, Run]:
    clauses = parse(filter_string, SPEC)
    if experiment_ids is None:
        among = _within_any(actor)
    else:
        among = within(actor, [experiment_number(experiment_id) for experiment_id in experiment_ids])
    rows = Run.objects.filter(lifecycle_of(view), among)
    for clause in clauses:
        rows = rows.filter(_condition(clause))
    return rows


def within(actor: Actor, numbers: Collection[int]) -> Q:
    """Return the condition that a row is in one of these experiments, and that the actor may read that experiment."""
    if everybody_has(ExperimentLevel.READ, actor):
        return Q(experiment_id__in=numbers)
    return Q(experiment_id__in=visible_experiments(actor).filter(pk__in=numbers).values("pk"))


def _within_any(actor: Actor) -> Q:
    """Return the condition that the actor may read the experiment of a row."""
    if everybody_has(ExperimentLevel.READ, actor):
        return Q()
    return Q(experiment_id__in=visible_experiments(actor).values("pk"))


def lifecycle_of(view: str) -> Q:
    """Return the condition of a ViewType by name; an absent one means ACTIVE_ONLY."""
    if view == "ALL":
        return Q()
    return Q(lifecycle_stage=Lifecycle.DELETED if view == "DELETED_ONLY" else Lifecycle.ACTIVE)


def _condition(clause: Clause) -> Q:
    if clause.group == ATTRIBUTE:
        return compare(ATTRIBUTE_COLUMNS[clause.key], clause)
    if clause.group == "metric":
        return there_is(_metrics(clause.key).filter(metric_condition(clause)))
    if clause.group == "dataset":
        uses = RunInput.objects.filter(run=OuterRef("pk"))
        return there_is(uses.filter(compare(_DATASET_COLUMNS[clause.key], clause)))
    table = Param if clause.group == "param" else RunTag
    if clause.operator == "=":
        return has_value(table.objects.filter(key=clause.key), "run", clause)
    return keyed(table.objects.filter(run=OuterRef("pk"), key=clause.key), clause)


def metric_condition(clause: Clause) -> Q:
    """Return the comparison of a metric's value. NaN, which is stored as 0 with a flag, passes `!=` only."""
    if clause.operator == "!=":
        return compare("value", clause) | Q(is_nan=True)
    return compare("value", clause) & Q(is_nan=False)


def _metrics(key: str) -> QuerySet[LatestMetric]:
    return LatestMetric.objects.filter(run=OuterRef("pk"), key=key)
