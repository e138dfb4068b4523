"""Searching experiments."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import CharField, OuterRef, Q
from django.db.models.functions import Cast

from core.actors import Actor
from tracking.models import Experiment, ExperimentTag
from tracking.permissions.levels import visible_experiments
from tracking.queries import experiment_number
from tracking.search.conditions import compare, keyed, nulls_last
from tracking.search.grammar import (
    ATTRIBUTE,
    INTEGER,
    TEXT,
    TEXT_OR_LIST,
    TEXT_OR_NULL,
    Clause,
    Spec,
    parse,
    parse_order,
)
from tracking.search.pages import checked_max, take_page
from tracking.search.runs import lifecycle_of

MAX_PAGE = 50_000

_COLUMNS = {"name": "name", "experiment_id": "id", "creation_time": "created_ms", "last_update_time": "updated_ms"}

SPEC = Spec(
    noun="experiment",
    attributes={
        "name": TEXT,
        "experiment_id": TEXT_OR_LIST,
        "creation_time": INTEGER,
        "last_update_time": INTEGER,
    },
    groups={"tag": TEXT_OR_NULL},
    prefixes={
        **dict.fromkeys(("tag", "tags"), "tag"),
        **dict.fromkeys(("attribute", "attributes", "attr"), ATTRIBUTE),
    },
    order_keys=frozenset(_COLUMNS),
)


def search_experiments(
    *,
    actor: Actor,
    filter_string: str = "",
    view: str = "ACTIVE_ONLY",
    order_by: Sequence[str] = (),
    max_results: int | None = None,
    page_token: str = "",
) -> tuple[list[Experiment], str]:
    """Return one page of the experiments that the actor may read, with their tags, and the token of the next page.

    ``max_results`` must be given. Raises InvalidInput.
    """
    size = checked_max(max_results, default=0, limit=MAX_PAGE)
    clauses = parse(filter_string, SPEC)
    orders = parse_order(order_by, SPEC)
    # To clients an experiment's id is a text.
    rows = visible_experiments(actor).filter(lifecycle_of(view)).alias(id_text=Cast("id", CharField()))
    for clause in clauses:
        rows = rows.filter(_condition(clause))
    keys = [nulls_last(_COLUMNS[order.key], ascending=order.ascending) for order in orders]
    rows = rows.order_by(*keys, "-created_ms", "id").prefetch_related("tags")
    return take_page(rows, size=size, token=page_token)


def _condition(clause: Clause) -> Q:
    if clause.group == ATTRIBUTE and clause.key == "experiment_id":
        for text in clause.value if isinstance(clause.value, tuple) else (str(clause.value),):
            if clause.operator not in {"LIKE", "ILIKE"}:
                experiment_number(text)
    if clause.group == ATTRIBUTE:
        return compare({**_COLUMNS, "experiment_id": "id_text"}[clause.key], clause)
    return keyed(ExperimentTag.objects.filter(experiment=OuterRef("pk"), key=clause.key), clause)
