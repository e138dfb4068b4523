"""Searching runs."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from django.db.models import FilteredRelation, OuterRef, Q, QuerySet
from django.db.models.expressions import OrderBy

from core.actors import Actor
from tracking.models import ExperimentLevel, LatestMetric, Lifecycle, Param, Run, RunInput, RunTag
from tracking.permissions.levels import everybody_has, visible_experiments
from tracking.queries import experiment_number, load_runs
from tracking.search.conditions import compare, has_value, keyed, nulls_last, numbers_first, there_is
from tracking.search.grammar import (
    ATTRIBUTE,
    FLOAT,
    INTEGER,
    TEXT,
    TEXT_OR_LIST,
    TEXT_OR_NULL,
    Clause,
    Order,
    Spec,
    parse,
    parse_order,
)
from tracking.search.pages import checked_max, take_page

DEFAULT_PAGE = 1000
MAX_PAGE = 50_000

_ATTRIBUTE_COLUMNS = {
    "run_id": "id",
    "run_name": "name",
    "status": "status",
    "user_id": "user_id",
    "artifact_uri": "artifact_uri",
    "start_time": "start_ms",
    "end_time": "end_ms",
}
_RELATIONS = {"metric": "latest_metrics", "param": "params", "tag": "tags"}
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
    order_keys=frozenset(_ATTRIBUTE_COLUMNS),
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
    runs, token = take_page(
        _matching(actor, experiment_ids, filter_string, view, order_by), size=size, token=page_token
    )
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
    """Return the ids of the results of `search_runs`, for `tracking.full_runs.full_runs`. One query.

    Raises InvalidInput.
    """
    size = checked_max(max_results, default=DEFAULT_PAGE, limit=MAX_PAGE)
    rows = _matching(actor, experiment_ids, filter_string, view, order_by).values_list("pk", flat=True)
    return take_page(rows, size=size, token=page_token)


def _matching(
    actor: Actor, experiment_ids: Sequence[str] | None, filter_string: str, view: str, order_by: Sequence[str]
) -> QuerySet[Run, Run]:
    clauses = parse(filter_string, SPEC)
    orders = parse_order(order_by, SPEC)
    if experiment_ids is None:
        among = _within_any(actor)
    else:
        among = within(actor, [experiment_number(experiment_id) for experiment_id in experiment_ids])
    rows = Run.objects.filter(lifecycle_of(view), among)
    for clause in clauses:
        rows = rows.filter(_condition(clause))
    return _sorted(rows, orders)


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
        return compare(_ATTRIBUTE_COLUMNS[clause.key], clause)
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


def _sorted(rows: QuerySet[Run], orders: Sequence[Order]) -> QuerySet[Run]:
    """Sort as asked, then the newest first, then by id, so that pages never overlap."""
    keys: list[OrderBy | str] = []
    for number, order in enumerate(orders):
        if order.group == ATTRIBUTE:
            keys.append(nulls_last(_ATTRIBUTE_COLUMNS[order.key], ascending=order.ascending))
            continue
        # a join of the at most one row that has this key: a subquery would be run for each run by itself
        name, relation = f"order_{number}", _RELATIONS[order.group]
        rows = rows.alias(**{name: FilteredRelation(relation, condition=Q(**{f"{relation}__key": order.key}))})
        if order.group == "metric":
            keys.append(numbers_first(f"{name}__value", f"{name}__is_nan"))
        keys.append(nulls_last(f"{name}__value", ascending=order.ascending))
    return rows.order_by(*keys, "-start_ms", "id")
