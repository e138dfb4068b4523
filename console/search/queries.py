"""Search over all objects that a person may see: one query for each kind, all of them within about two seconds."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import Case, IntegerField, Q, QuerySet, Value, When
from django.urls import reverse

from accounts.models import User
from approvals.models import LIVE_STATES, TransitionRequest
from approvals.requests.queries import visible_requests
from console.shell.labels import state_label
from console.shell.links import page_url, request_url, version_url
from core.actors import Actor
from core.deadlines import TookTooLong, time_limit
from lineage.models import Node, NodeKind
from registry.models import ModelVersion, RegisteredModel
from registry.permissions import visible_models, visible_versions
from tracking.models import Lifecycle, Run
from tracking.permissions.runs import visible_runs
from tracking.visibility import known_datasets

MAX_CHARACTERS = 200
SECONDS = 2.0
_SHORTEST_SHARE = 0.25
_VERSION = re.compile(r"^(?:models:/)?(?P<model>.+?)\s*(?:[\s/]\s*v?|v)(?P<number>\d{1,9})$", re.IGNORECASE)
_AT_ALIAS = re.compile(r"^(?:models:/)?(?P<model>[^@]*)@(?P<alias>.+)$")
_REQUEST = re.compile(r"^(?:request\s*)?#?\s*(?P<number>\d{1,18})$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Hit:
    """One result: its title, the address of its page, and a note that tells results of the same name apart."""

    title: str
    url: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Results:
    """The results of one kind, the best first.

    ``has_more`` tells that there are other results. ``all_url`` is the address of a list of all results, "" for none.
    ``is_late`` tells that the time limit was reached before the search of this kind ended.
    """

    title: str
    icon: str
    hits: tuple[Hit, ...] = ()
    has_more: bool = False
    all_url: str = ""
    is_late: bool = False


@dataclass(frozen=True, slots=True)
class _Kind:
    """The search of one kind of objects.

    ``rows`` returns the rows for a text, and ``hit`` the result for a row. ``route`` is the page that lists them all.
    """

    title: str
    icon: str
    rows: Callable[[Actor, str], QuerySet[Any]]
    hit: Callable[[Any], Hit]
    route: str = ""


def search_everything(actor: Actor, text: str, *, limit: int) -> list[Results]:
    """Return the results for a text, at most ``limit`` of each kind, without kinds that have no result."""
    query = " ".join(text.split())[:MAX_CHARACTERS]
    if not query:
        return []
    end = time.monotonic() + SECONDS
    kinds = [_search(kind, actor, query, limit, end - time.monotonic()) for kind in _KINDS]
    return [results for results in kinds if results.hits or results.is_late]


def _search(kind: _Kind, actor: Actor, text: str, limit: int, seconds: float) -> Results:
    all_url = f"{reverse(kind.route)}?{urlencode({'q': text})}" if kind.route else ""
    try:
        with time_limit(max(seconds, _SHORTEST_SHARE)):
            rows = list(kind.rows(actor, text)[: limit + 1])
    except TookTooLong:
        return Results(kind.title, kind.icon, all_url=all_url, is_late=True)
    hits = tuple(kind.hit(row) for row in rows[:limit])
    return Results(kind.title, kind.icon, hits, has_more=len(rows) > limit, all_url=all_url)


def _best_first(rows: QuerySet[Any], field: str, text: str, *then: str) -> QuerySet[Any]:
    """Return the rows whose ``field`` equals the text first, then those where it begins with the text, then others."""
    rank = Case(
        When(**{f"{field}__iexact": text}, then=Value(0)),
        When(**{f"{field}__istartswith": text}, then=Value(1)),
        default=Value(2),
        output_field=IntegerField(),
    )
    ranked: QuerySet[Any] = rows.annotate(rank=rank)
    return ranked.order_by("rank", *then)


def _models(actor: Actor, text: str) -> QuerySet[RegisteredModel]:
    condition = Q(name__icontains=text) | Q(description__icontains=text)
    return _best_first(visible_models(actor).filter(condition), "name", text, "name")


def _versions(actor: Actor, text: str) -> QuerySet[ModelVersion]:
    """Return versions by `fraud 3`, `fraud v3`, `models:/fraud/3`, `fraud@champion`, alias, description or run."""
    rows = visible_versions(actor).select_related("model")
    condition = Q(aliases__name__istartswith=text.removeprefix("@")) | Q(description__icontains=text) | Q(run_id=text)
    if numbered := _VERSION.match(text):
        condition |= Q(model__name__icontains=numbered["model"], version=int(numbered["number"]))
    if aliased := _AT_ALIAS.match(text):
        condition |= Q(model__name__icontains=aliased["model"], aliases__name__istartswith=aliased["alias"])
    return rows.filter(condition).distinct().order_by("-is_current", "-created_ms", "pk")


def _runs(actor: Actor, text: str) -> QuerySet[Run]:
    rows = visible_runs(actor).filter(lifecycle_stage=Lifecycle.ACTIVE).select_related("experiment")
    condition = Q(name__icontains=text) | Q(pk__startswith=text.lower())
    return _best_first(rows.filter(condition), "name", text, "-start_ms", "pk")


def _datasets(actor: Actor, text: str) -> QuerySet[Node]:
    rows = Node.objects.filter(known_datasets(actor), kind=NodeKind.DATASET_VERSION, alias_of__isnull=True)
    condition = Q(name__icontains=text) | Q(version__icontains=text) | Q(digest__startswith=text)
    return _best_first(rows.filter(condition), "name", text, "name", "-pk")


def _requests(actor: Actor, text: str) -> QuerySet[TransitionRequest]:
    """Return requests by number, model, target or requester, live requests first."""
    condition = Q(version__model__name__icontains=text) | Q(target__iexact=text) | Q(requester__username__iexact=text)
    if numbered := _REQUEST.match(text):
        condition |= Q(pk=int(numbered["number"]))
    if version := _VERSION.match(text):
        condition |= Q(version__model__name__icontains=version["model"], version__version=int(version["number"]))
    rank = Case(When(state__in=LIVE_STATES, then=Value(0)), default=Value(1), output_field=IntegerField())
    return visible_requests(actor).filter(condition).annotate(rank=rank).order_by("rank", "-pk")


def _people(_actor: Actor, text: str) -> QuerySet[User]:
    condition = Q(username__icontains=text) | Q(first_name__icontains=text) | Q(last_name__icontains=text)
    return _best_first(User.objects.filter(condition).select_related("owner"), "username", text, "username")


def _model_hit(row: RegisteredModel) -> Hit:
    return Hit(row.name, reverse("console:model", args=[row.name]), " ".join(row.description.split())[:100])


def _version_hit(row: ModelVersion) -> Hit:
    return Hit(str(row), version_url(row.model.name, row.version), "in Production" if row.is_current else row.stage)


def _run_hit(row: Run) -> Hit:
    return Hit(
        row.name[:100] or row.pk[:8], reverse("console:run", args=[row.pk]), f"{row.pk[:8]} in {row.experiment.name}"
    )


def _dataset_hit(row: Node) -> Hit:
    return Hit(f"{row.name} {row.version}".strip(), page_url(row.urn), row.digest[:19])


def _request_hit(row: TransitionRequest) -> Hit:
    note = f"{state_label('request', row.state).text.lower()}, by {row.requester.username}"
    return Hit(f"#{row.pk} {row.version} → {row.target_text}", request_url(row.pk), note)


def _person_hit(row: User) -> Hit:
    note = f"service account of {row.owner.username}" if row.owner else row.get_full_name()
    return Hit(row.username, reverse("console:person", args=[row.username]), note if row.is_active else "not active")


_KINDS: tuple[_Kind, ...] = (
    _Kind("Models", "deployed_code", _models, _model_hit, "console:models"),
    _Kind("Versions", "sell", _versions, _version_hit),
    _Kind("Requests", "approval", _requests, _request_hit),
    _Kind("Runs", "model_training", _runs, _run_hit),
    _Kind("Datasets", "database", _datasets, _dataset_hit, "console:datasets"),
    _Kind("People", "group", _people, _person_hit, "console:people"),
)


def hit_count(groups: Iterable[Results]) -> int:
    """Return how many results are shown."""
    return sum(len(results.hits) for results in groups)
