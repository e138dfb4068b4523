"""Lists of models and versions with the data of each row, in a fixed number of queries."""

from __future__ import annotations

import datetime

from django.db.models import Count, Exists, OuterRef, Prefetch, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from approvals.models import LIVE_STATES, RequestState, TransitionRequest
from core.actors import Actor
from registry.models import Deployment, ModelVersion, RegisteredModel
from registry.permissions import visible_models
from registry.stages import Stage


def model_rows(actor: Actor, text: str = "") -> QuerySet[RegisteredModel]:
    """Return visible models by name, with the number of versions and open requests, and current Production.

    ``last_current_at`` is when the last version left Production, None where no request had moved one there. Each of
    these is a subquery, so that the database computes them for the models of one page only.
    """
    live = (
        ModelVersion.objects.filter(model=OuterRef("pk"), deleted_at__isnull=True)
        .order_by().values("model").annotate(count=Count("pk")).values("count")
    )  # fmt: skip
    current = ModelVersion.objects.filter(model=OuterRef("pk"), is_current=True)
    waiting = (
        TransitionRequest.objects.filter(version__model=OuterRef("pk"), state__in=LIVE_STATES)
        .order_by().values("version__model").annotate(count=Count("pk")).values("count")
    )  # fmt: skip
    rows = visible_models(actor).annotate(
        version_count=Coalesce(Subquery(live), 0),
        current_number=Subquery(current.values("version")[:1]),
        current_since=Subquery(current.values("staged_at")[:1]),
        last_current_at=Subquery(_left_production(OuterRef("pk")).values("staged_at")[:1]),
        waiting_count=Coalesce(Subquery(waiting), 0),
    )
    if text:
        rows = rows.filter(Q(name__icontains=text) | Q(description__icontains=text))
    return rows.order_by("name")


def last_current_at(model: RegisteredModel) -> datetime.datetime | None:
    """Return the time when the last version left Production, None where no request had moved one there."""
    return _left_production(Value(model.pk)).values_list("staged_at", flat=True).first()


def _left_production(model: OuterRef | Value) -> QuerySet[ModelVersion]:
    """Return archived versions that a request had moved to Production, the last archived first."""
    moved = TransitionRequest.objects.filter(
        version=OuterRef("pk"), target=Stage.PRODUCTION, state=RequestState.APPLIED
    )
    rows = ModelVersion.objects.filter(model=model, stage=Stage.ARCHIVED, staged_at__isnull=False)
    return rows.filter(Exists(moved)).order_by("-staged_at")


def version_rows(model: RegisteredModel) -> QuerySet[ModelVersion]:
    """Return a model's versions, newest first, with aliases and live requests."""
    live = TransitionRequest.objects.filter(state__in=LIVE_STATES).order_by("pk")
    return (
        model.versions.filter(deleted_at__isnull=True)
        .select_related("superseded_by")
        .prefetch_related("aliases", Prefetch("transition_requests", queryset=live, to_attr="live_requests"))
        .order_by("-version")
    )


def deployments_of(version: ModelVersion) -> QuerySet[Deployment]:
    """Return the deployments of a version, newest first."""
    return version.deployments.select_related("endpoint").order_by("-started_at")


def requests_of(version: ModelVersion) -> QuerySet[TransitionRequest]:
    """Return a version's transition requests, newest first."""
    return version.transition_requests.select_related("requester").order_by("-opened_at", "-pk")
