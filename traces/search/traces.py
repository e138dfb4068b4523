"""Searching traces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django.db import DataError
from django.db.models import Exists, Expression, F, FilteredRelation, OuterRef, Q, QuerySet, Value
from django.db.models.expressions import OrderBy
from django.db.models.functions import Coalesce, Left

from core.actors import Actor
from core.errors import InvalidInput
from core.ids import row_id
from traces.keys import NAME, SOURCE_RUN
from traces.models import Assessment, Span, Trace, TraceMetadata, TracePrompt, TraceTag
from traces.queries import load_traces, of_run
from traces.search.json_values import JsonMeaning, span_attribute
from traces.search.patterns import LOOKED_AT, checked_pattern
from traces.search.spec import SPAN_ATTRIBUTES, SPEC
from tracking.queries import experiment_number
from tracking.search.conditions import compare, has_value, keyed, nulls_last, there_is
from tracking.search.grammar import ATTRIBUTE, Clause, Order, parse, parse_order
from tracking.search.pages import checked_max, take_page
from tracking.search.runs import within

DEFAULT_PAGE = 100
MAX_PAGE = 500
_COLUMNS = {
    "request_id": "id",
    "client_request_id": "client_request_id",
    "status": "state",
    "timestamp_ms": "request_ms",
    "execution_time_ms": "duration_ms",
    "end_time_ms": "end_ms",
    "experiment_id": "experiment_id",
}
_SPAN_COLUMNS = {"name": "name", "type": "type", "status": "status", "content": "content"}
_PAIRS: dict[str, type[TraceTag | TraceMetadata]] = {"tag": TraceTag, "metadata": TraceMetadata}
_RELATIONS = {"tag": "tags", "metadata": "metadata"}
# Attributes of the filter language that are stored as a tag or as metadata.
_STORED_AS_PAIRS = {"name": ("tag", NAME), "run_id": ("metadata", SOURCE_RUN)}


def search_traces(
    *,
    actor: Actor,
    experiment_ids: Sequence[str],
    filter_string: str = "",
    order_by: Sequence[str] = (),
    max_results: int | None = None,
    page_token: str = "",
) -> tuple[list[Trace], str]:
    """Return one page of traces, loaded, and the token of the next page; the newest first where no order is given.

    Raises InvalidInput for an invalid filter, order, page size or token. Without experiments there are no traces, and
    none in experiments that the actor may not read. The query count does not depend on how many traces match.
    """
    clauses = parse(filter_string, SPEC)
    orders = parse_order(order_by, SPEC)
    size = checked_max(max_results, default=DEFAULT_PAGE, limit=MAX_PAGE)
    numbers = [experiment_number(experiment_id) for experiment_id in experiment_ids]
    rows = Trace.objects.filter(within(actor, numbers)).annotate(end_ms=F("request_ms") + Coalesce("duration_ms", 0))
    for condition in _conditions(actor, clauses):
        rows = rows.filter(condition)
    try:
        traces, token = take_page(_sorted(rows, orders), size=size, token=page_token)
    except DataError as error:  # PostgreSQL reads regular expressions only as it matches them
        raise InvalidInput("The database cannot read the filter: correct the pattern of RLIKE.") from error
    load_traces(traces)
    return traces, token


def _conditions(actor: Actor, clauses: Sequence[Clause]) -> list[Q]:
    """Return one condition for each clause; all clauses on spans must hold for one and the same span."""
    conditions, on_spans = [], []
    for clause in (_normal(clause) for clause in clauses):
        if clause.group == "span":
            on_spans.append(clause)
        else:
            conditions.append(_condition(actor, clause))
    if on_spans:
        conditions.append(_span_condition(on_spans))
    return conditions


def _normal(clause: Clause) -> Clause:
    """Return a clause with its other names resolved: `name` is a tag, `text` is the content of a span."""
    if clause.operator == "RLIKE":
        clause = replace(clause, value=checked_pattern(str(clause.value)))
    if clause.group != ATTRIBUTE:
        return clause
    if clause.key == "text":
        return replace(clause, group="span", key="content")
    group, key = _STORED_AS_PAIRS.get(clause.key, (ATTRIBUTE, clause.key))
    return replace(clause, group=group, key=key)


def _condition(actor: Actor, clause: Clause) -> Q:
    if clause.group == ATTRIBUTE:
        return _attribute_condition(clause)
    if clause.group in _PAIRS:
        table = _PAIRS[clause.group]
        if (clause.key, clause.operator) == (SOURCE_RUN, "="):
            return of_run(actor, str(clause.value))
        if clause.operator == "=":
            return has_value(table.objects.filter(key=clause.key), "trace", clause)
        return keyed(table.objects.filter(trace=OuterRef("pk"), key=clause.key), clause)
    return _assessment_condition(clause)


def _attribute_condition(clause: Clause) -> Q:
    if clause.key == "prompt":
        name, _, version = str(clause.value).rpartition("/")
        if not name or not row_id(version):
            raise InvalidInput("Invalid value of `prompt`: it must be 'name/version', such as 'greeting/3'.")
        return there_is(TracePrompt.objects.filter(trace=OuterRef("pk"), name=name, version=int(version)))
    return compare(_COLUMNS[clause.key], clause)


def _assessment_condition(clause: Clause) -> Q:
    """Return the condition on a valid assessment. Text is compared with the meaning of its JSON value."""
    rows = Assessment.objects.filter(trace=OuterRef("pk"), kind=clause.group, name=clause.key, valid=True)
    if clause.operator in {"IS NULL", "IS NOT NULL"}:
        return keyed(rows, clause)
    if isinstance(clause.value, float):
        return there_is(rows.filter(compare("number", clause)))
    return there_is(_compared(rows, "json_meaning", JsonMeaning("value"), clause))


def _compared(rows: QuerySet[Any], name: str, text: Expression, clause: Clause) -> QuerySet[Any]:
    """Return the rows whose text, annotated as ``name``, matches the clause's value by its operator."""
    compared_text = Left(text, LOOKED_AT) if clause.operator == "RLIKE" else text
    matching: QuerySet[Any] = rows.annotate(**{name: compared_text}).filter(compare(name, clause))
    return matching


def _span_condition(clauses: Sequence[Clause]) -> Q:
    rows = Span.objects.filter(trace=OuterRef("pk"))
    for number, clause in enumerate(clauses):
        if clause.key.startswith(SPAN_ATTRIBUTES):
            text = span_attribute(clause.key.removeprefix(SPAN_ATTRIBUTES))
            rows = _compared(rows, f"attribute_{number}", text, clause)
        elif clause.key == "content" and clause.operator not in {"LIKE", "ILIKE"}:
            raise InvalidInput("span.content is compared with LIKE or ILIKE.")
        elif clause.operator == "RLIKE" and clause.key in _SPAN_COLUMNS:
            rows = _compared(rows, f"text_{number}", Coalesce(_SPAN_COLUMNS[clause.key], Value("")), clause)
        elif clause.key in _SPAN_COLUMNS:
            rows = rows.filter(compare(_SPAN_COLUMNS[clause.key], clause))
        else:
            columns = ", ".join(sorted(_SPAN_COLUMNS))
            raise InvalidInput(f"Invalid span attribute '{clause.key[:100]}'. Known are {columns}, attributes.<name>.")
    return Q(Exists(rows))


def _sorted(rows: QuerySet[Trace], orders: Sequence[Order]) -> QuerySet[Trace]:
    """Sort as asked, then the newest first, then by id, so that pages never overlap."""
    keys: list[OrderBy | str] = []
    for number, order in enumerate(orders):
        group, key = order.group, order.key
        if group == ATTRIBUTE:
            group, key = _STORED_AS_PAIRS.get(key, (group, key))
        if group == ATTRIBUTE:
            keys.append(nulls_last(_COLUMNS[key], ascending=order.ascending))
            continue
        # a join of the at most one row that has this key: a subquery would be run for each trace by itself
        name, relation = f"order_{number}", _RELATIONS[group]
        rows = rows.alias(**{name: FilteredRelation(relation, condition=Q(**{f"{relation}__key": key}))})
        keys.append(nulls_last(f"{name}__value", ascending=order.ascending))
    return rows.order_by(*keys, "-request_ms", "id")
