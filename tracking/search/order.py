"""Pages of sorted runs. The first ones in the order of a metric come from the best end of the index of its values.

Sorting a hundred thousand runs to show the best fifty takes 40 ms. The index has the values of a key in order. So the
search first asks for the value that some thousand others of any experiment surpass, and then sorts only the runs that
surpass it. Where too few of those match, as in a small experiment among large ones, all matching runs are sorted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from django.db.models import FilteredRelation, Q, QuerySet
from django.db.models.expressions import OrderBy

from tracking.models import LatestMetric
from tracking.search.conditions import nulls_last, numbers_first
from tracking.search.grammar import ATTRIBUTE, Order
from tracking.search.pages import next_token, page_offset, take_page

Row = TypeVar("Row")

ATTRIBUTE_COLUMNS = {
    "run_id": "id",
    "run_name": "name",
    "status": "status",
    "user_id": "user_id",
    "artifact_uri": "artifact_uri",
    "start_time": "start_ms",
    "end_time": "end_ms",
}
_RELATIONS = {"metric": "latest_metrics", "param": "params", "tag": "tags"}
# How many values are examined for a page: more than it needs, as some are of other experiments or do not match.
_LEAST_EXAMINED = 1000
_EXAMINED_FOR_ONE = 4
# Later pages and larger ones sort all runs, which then costs less than reading as many values of the index.
_MOST_EXAMINED = 8000


def page_of_runs(rows: QuerySet[Any, Row], orders: Sequence[Order], *, size: int, token: str) -> tuple[list[Row], str]:
    """Return one page of runs, sorted, and the token of the next, as `take_page` does. At most three queries.

    Raises InvalidInput.
    """
    offset = page_offset(token)
    needed = offset + size + 1
    if orders and orders[0].group == "metric" and needed * _EXAMINED_FOR_ONE <= _MOST_EXAMINED:
        behind = _value_behind_the_best(orders[0], max(_LEAST_EXAMINED, needed * _EXAMINED_FOR_ONE))
        best = [] if behind is None else list(_better_than(behind, rows, orders)[:needed])
        if len(best) == needed:
            return best[offset:-1], next_token(offset, size, size + 1)
    return take_page(_sorted(rows, orders), size=size, token=token)


def _value_behind_the_best(order: Order, examined: int) -> float | None:
    """Return the value that comes after so many of the best in all experiments; None where there are not as many."""
    values = LatestMetric.objects.filter(key=order.key, is_nan=False).values_list("value", flat=True)
    return values.order_by("value" if order.ascending else "-value")[examined : examined + 1].first()


def _better_than(value: float, rows: QuerySet[Any, Row], orders: Sequence[Order]) -> QuerySet[Any, Row]:
    """Return the runs that come before this value, sorted: none that is left out would come before one of them."""
    joined = _joined_as(0)
    better = {f"{joined}__is_nan": False, f"{joined}__value__{'lt' if orders[0].ascending else 'gt'}": value}
    # In one call: Django joins the values again for each call of `filter`.
    return _sorted(rows, orders, only_numbers_first=True).filter(**better)


def _joined_as(number: int) -> str:
    """Return the name by which the query knows the joined rows of the sort key with this number."""
    return f"order_{number}"


def _sorted(
    rows: QuerySet[Any, Row], orders: Sequence[Order], *, only_numbers_first: bool = False
) -> QuerySet[Any, Row]:
    """Sort as asked, then the newest first, then by id, so that pages never overlap.

    ``only_numbers_first``: all runs have a number for the first sort key, a metric: the order of the index.
    """
    keys: list[OrderBy | str] = []
    for number, order in enumerate(orders):
        if order.group == ATTRIBUTE:
            keys.append(nulls_last(ATTRIBUTE_COLUMNS[order.key], ascending=order.ascending))
            continue
        # a join of the at most one row that has this key: a subquery would be run for each run by itself
        name, relation = _joined_as(number), _RELATIONS[order.group]
        rows = rows.alias(**{name: FilteredRelation(relation, condition=Q(**{f"{relation}__key": order.key}))})
        if only_numbers_first and number == 0:
            keys.append(f"{name}__value" if order.ascending else f"-{name}__value")
            continue
        if order.group == "metric":
            keys.append(numbers_first(f"{name}__value", f"{name}__is_nan"))
        keys.append(nulls_last(f"{name}__value", ascending=order.ascending))
    return rows.order_by(*keys, "-start_ms", "id")
