"""Search for models and versions that the actor may see, in MLflow's filter language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.expressions import OrderBy

from core.actors import Actor
from registry.models import Alias, ModelVersion, ModelVersionTag, RegisteredModel, RegisteredModelTag
from registry.names import PROMPT_TAG
from registry.permissions import visible_models, visible_versions
from tracking.search.conditions import compare
from tracking.search.grammar import (
    ATTRIBUTE,
    INTEGER,
    LIST_OPERATORS,
    TEXT,
    TEXT_OPERATORS,
    Clause,
    Column,
    Kind,
    Order,
    Spec,
    parse,
    parse_order,
)
from tracking.search.pages import checked_max, take_page

MAX_MODELS = 1000
MAX_VERSIONS = 200_000

_NAMED = Column(Kind.TEXT, TEXT_OPERATORS | LIST_OPERATORS)
_PREFIXES = {
    **dict.fromkeys(("tag", "tags"), "tag"),
    **dict.fromkeys(("attribute", "attributes", "attr"), ATTRIBUTE),
}
_MODEL_ORDER = {"name": "name", "timestamp": "updated_ms", "last_updated_timestamp": "updated_ms"}
_VERSION_COLUMNS = {
    "name": "model__name",
    "run_id": "run_id",
    "source_path": "source",
    "version_number": "version",
    "creation_timestamp": "created_ms",
    "last_updated_timestamp": "updated_ms",
    "current_stage": "stage",
}
_VERSION_ORDER = {
    "name": "model__name",
    "version_number": "version",
    "creation_timestamp": "created_ms",
    "last_updated_timestamp": "updated_ms",
}

MODELS = Spec(
    noun="registered model",
    attributes={"name": _NAMED},
    groups={"tag": TEXT},
    prefixes=_PREFIXES,
    order_keys=frozenset(_MODEL_ORDER),
    unknown_order="Invalid order by key '{}' specified.",
)
VERSIONS = Spec(
    noun="model version",
    attributes={
        "name": _NAMED,
        "run_id": _NAMED,
        "source_path": TEXT,
        "version_number": INTEGER,
        "creation_timestamp": INTEGER,
        "last_updated_timestamp": INTEGER,
        "current_stage": _NAMED,
        "alias": _NAMED,
    },
    groups={"tag": TEXT},
    prefixes=_PREFIXES,
    aliases={"creation_time": "creation_timestamp", "stage": "current_stage", "aliases": "alias"},
    order_keys=frozenset(_VERSION_ORDER),
)


def search_models(
    *,
    actor: Actor,
    filter_string: str = "",
    order_by: Sequence[str] = (),
    max_results: int | None = None,
    page_token: str = "",
) -> tuple[list[RegisteredModel], str]:
    """Return one page of models with tags and aliases, and the token of the next page ("" on the last).

    Raises InvalidInput.
    """
    size = checked_max(max_results, default=100, limit=MAX_MODELS)
    clauses = parse(filter_string, MODELS)
    rows = visible_models(actor)
    tags = RegisteredModelTag.objects.filter(model=OuterRef("pk"))
    wants_prompts = _wants_prompts(clauses)
    for clause in clauses if wants_prompts else _without_prompt_tag(clauses):
        rows = rows.filter(compare("name", clause) if clause.group == ATTRIBUTE else _tagged(tags, clause))
    if not wants_prompts:
        rows = rows.filter(~_prompt(tags))
    keys = _ordering(parse_order(order_by, MODELS), _MODEL_ORDER, {"name": True})
    return take_page(rows.order_by(*keys).prefetch_related("tags", "aliases__version"), size=size, token=page_token)


def search_version_ids(
    *,
    actor: Actor,
    filter_string: str = "",
    order_by: Sequence[str] = (),
    max_results: int | None = None,
    page_token: str = "",
) -> tuple[list[int], str]:
    """Return one page of the ids of versions, and the token of the next page ("" on the last). One query.

    `registry.production.lookups.shown_versions` reads the versions. Raises InvalidInput.
    """
    size = checked_max(max_results, default=MAX_VERSIONS, limit=MAX_VERSIONS)
    rows = _matching_versions(actor, filter_string, order_by).values_list("pk", flat=True)
    return take_page(rows, size=size, token=page_token)


def _matching_versions(actor: Actor, filter_string: str, order_by: Sequence[str]) -> QuerySet[ModelVersion]:
    clauses = parse(filter_string, VERSIONS)
    rows = visible_versions(actor)
    tags = ModelVersionTag.objects.filter(version=OuterRef("pk"))
    wants_prompts = _wants_prompts(clauses)
    for clause in clauses if wants_prompts else _without_prompt_tag(clauses):
        rows = rows.filter(_version_condition(clause) if clause.group == ATTRIBUTE else _tagged(tags, clause))
    if not wants_prompts:
        of_model = RegisteredModelTag.objects.filter(model=OuterRef("model_id"))
        rows = rows.filter(~_prompt(tags), ~_prompt(of_model))
    orders = parse_order(order_by, VERSIONS) or [Order(ATTRIBUTE, "last_updated_timestamp", ascending=False)]
    return rows.order_by(*_ordering(orders, _VERSION_ORDER, {"name": True, "version_number": False}))


def _version_condition(clause: Clause) -> Q:
    """Return the condition on an attribute of a version.

    A version can have several aliases. `!=` means that none of them matches.
    """
    if clause.key != "alias":
        return compare(_VERSION_COLUMNS[clause.key], clause)
    negated = {"!=": "=", "NOT IN": "IN"}.get(clause.operator, "")
    condition = compare("name", replace(clause, operator=negated) if negated else clause)
    has_alias = Q(Exists(Alias.objects.filter(condition, version=OuterRef("pk"))))
    return ~has_alias if negated else has_alias


def _tagged(tags: QuerySet[Any], clause: Clause) -> Exists:
    return Exists(tags.filter(Q(key=clause.key) & compare("value", clause)))


def _prompt(tags: QuerySet[Any]) -> Exists:
    return Exists(tags.filter(key=PROMPT_TAG, value__iexact="true"))


def _wants_prompts(clauses: Sequence[Clause]) -> bool:
    """Return whether the filter asks for prompts. Any other search leaves them out.

    MLflow's client adds the tag `!= 'true'` to every search for models.
    """
    return any(
        (clause.operator, str(clause.value).lower()) in {("=", "true"), ("!=", "false")}
        for clause in clauses
        if clause.group == "tag" and clause.key == PROMPT_TAG
    )


def _without_prompt_tag(clauses: Sequence[Clause]) -> list[Clause]:
    """Return the clauses without those on the tag of prompts, which models do not have."""
    return [clause for clause in clauses if clause.group != "tag" or clause.key != PROMPT_TAG]


def _ordering(orders: Sequence[Order], columns: dict[str, str], defaults: dict[str, bool]) -> list[OrderBy]:
    """Return the requested sort keys, then those that make the order total, so that pages do not overlap."""
    requested = [(order.key, order.ascending) for order in orders]
    keys = [*requested, *((key, ascending) for key, ascending in defaults.items() if key not in dict(requested))]
    return [F(columns[key]).asc() if ascending else F(columns[key]).desc() for key, ascending in keys]
