"""Searching logged models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.db.models.expressions import OrderBy

from core.actors import Actor
from core.errors import InvalidInput
from tracking.models import (
    ExperimentLevel,
    Lifecycle,
    LoggedModel,
    LoggedModelParam,
    LoggedModelStatus,
    LoggedModelTag,
    Metric,
)
from tracking.permissions.levels import everybody_has, visible_experiments
from tracking.queries import NAMES_A_MODEL, experiment_number
from tracking.search.conditions import compare, keyed, nulls_last, numbers_first, there_is
from tracking.search.grammar import (
    ATTRIBUTE,
    FLOAT,
    INTEGER,
    TEXT_OR_LIST,
    TEXT_OR_NULL,
    Clause,
    Spec,
    parse,
    parse_order,
)
from tracking.search.pages import checked_max, take_page
from tracking.search.runs import metric_condition, within

DEFAULT_PAGE = 50
MAX_PAGE = 10_000
MAX_DATASETS = 100

_COLUMNS = {
    "name": "name",
    "model_id": "id",
    "model_type": "model_type",
    "status": "status",
    "source_run_id": "source_run__id",  # the text itself: a relation knows neither LIKE nor <>; needs no join
    "creation_timestamp": "created_ms",
    "last_updated_timestamp": "updated_ms",
}

SPEC = Spec(
    noun="logged model",
    attributes={
        **dict.fromkeys(("name", "model_id", "model_type", "status", "source_run_id"), TEXT_OR_LIST),
        **dict.fromkeys(("creation_timestamp", "last_updated_timestamp"), INTEGER),
    },
    groups={"metric": FLOAT, "param": TEXT_OR_NULL, "tag": TEXT_OR_NULL},
    prefixes={
        **dict.fromkeys(("metric", "metrics"), "metric"),
        **dict.fromkeys(("param", "params", "parameter", "parameters"), "param"),
        **dict.fromkeys(("tag", "tags"), "tag"),
        **dict.fromkeys(("attribute", "attributes", "attr"), ATTRIBUTE),
    },
    aliases={
        "creation_time": "creation_timestamp",
        "creation_timestamp_ms": "creation_timestamp",
        "last_updated_time": "last_updated_timestamp",
        "last_updated_timestamp_ms": "last_updated_timestamp",
    },
    order_keys=frozenset(_COLUMNS),
    order_groups=frozenset({"metric"}),
    unknown_order="Invalid order by field name: {}.",
)


@dataclass(frozen=True, slots=True)
class DatasetFilter:
    """The dataset that a metric must have been measured on; without a digest, any version of it."""

    name: str
    digest: str = ""

    @property
    def condition(self) -> Q:
        """Return the condition on a metric's row that it was measured on this dataset."""
        matches = Q(dataset_name=self.name)
        return matches & Q(dataset_digest=self.digest) if self.digest else matches


@dataclass(frozen=True, slots=True)
class SortField:
    """One sort key of this search. For a metric, ``dataset`` selects the values measured on a dataset."""

    field_name: str
    ascending: bool = True
    dataset: DatasetFilter | None = None


def search_logged_models(
    *,
    actor: Actor,
    experiment_ids: Sequence[str],
    filter_string: str = "",
    datasets: Sequence[DatasetFilter] = (),
    order_by: Sequence[SortField] = (),
    max_results: int | None = None,
    page_token: str = "",
) -> tuple[list[LoggedModel], str]:
    """Return one page of logged models and the token of the next page; complete them with `queries.load_models`.

    There are none in experiments that the actor may not read. Raises InvalidInput.
    """
    clauses = parse(filter_string, SPEC)
    size = checked_max(max_results, default=DEFAULT_PAGE, limit=MAX_PAGE)
    numbers = [experiment_number(experiment_id) for experiment_id in experiment_ids]
    measured_on = _any_of(datasets)
    rows = LoggedModel.objects.filter(within(actor, numbers), lifecycle_stage=Lifecycle.ACTIVE)
    for clause in clauses:
        rows = rows.filter(_condition(actor, clause, measured_on))
    if datasets and not any(clause.group == "metric" for clause in clauses):
        rows = rows.filter(there_is(_metrics(actor).filter(measured_on)))
    return take_page(_sorted(actor, rows, order_by), size=size, token=page_token)


def _any_of(datasets: Sequence[DatasetFilter]) -> Q:
    if len(datasets) > MAX_DATASETS:
        raise InvalidInput(f"At most {MAX_DATASETS} datasets are possible.")
    matches = Q()
    for dataset in datasets:
        if not dataset.name:
            raise InvalidInput("`dataset_name` in the `datasets` clause must be specified.")
        matches |= dataset.condition
    return matches


def _metrics(actor: Actor) -> QuerySet[Metric]:
    """Return the metrics that name a logged model, without those of runs in experiments that the actor may not read."""
    rows = Metric.objects.filter(NAMES_A_MODEL, model_id=OuterRef("pk"))
    if everybody_has(ExperimentLevel.READ, actor):
        return rows
    return rows.filter(run__experiment__in=visible_experiments(actor))


def _condition(actor: Actor, clause: Clause, measured_on: Q) -> Q:
    if clause.group == ATTRIBUTE:
        return compare(_COLUMNS[clause.key], _with_full_status(clause))
    if clause.group == "metric":
        return there_is(_metrics(actor).filter(measured_on, metric_condition(clause), key=clause.key))
    table = LoggedModelParam if clause.group == "param" else LoggedModelTag
    return keyed(table.objects.filter(model=OuterRef("pk"), key=clause.key), clause)


def _with_full_status(clause: Clause) -> Clause:
    """Return the clause with the protocol's name of a status: LOGGED_MODEL_READY for READY."""
    if clause.key != "status" or not isinstance(clause.value, str) or clause.value not in LoggedModelStatus.names:
        return clause
    return Clause(clause.group, clause.key, clause.operator, LoggedModelStatus[clause.value].value)


def _sorted(actor: Actor, rows: QuerySet[LoggedModel], fields: Sequence[SortField]) -> QuerySet[LoggedModel]:
    keys: list[OrderBy | str] = []
    orders = parse_order([field.field_name for field in fields], SPEC)
    for number, (field, order) in enumerate(zip(fields, orders, strict=True)):
        if order.group == ATTRIBUTE:
            keys.append(nulls_last(_COLUMNS[order.key], ascending=field.ascending))
            continue
        values = _metrics(actor).filter(field.dataset.condition if field.dataset else Q(), key=order.key)
        latest = values.order_by("-timestamp_ms", "-step", "run_id")
        name, nan = f"order_{number}", f"order_{number}_nan"
        rows = rows.alias(**{name: Subquery(latest.values("value")[:1]), nan: Subquery(latest.values("is_nan")[:1])})
        keys += [numbers_first(name, nan), nulls_last(name, ascending=field.ascending)]
    return rows.order_by(*keys, "-created_ms", "id")
