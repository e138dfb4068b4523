"""Reads that only pages need: lists with what each line shows, in a fixed number of queries."""

from __future__ import annotations

from django.db.models import Count, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from approvals.models import LIVE_STATES, TransitionRequest
from core.actors import Actor
from registry.models import Deployment, ModelVersion, RegisteredModel
from registry.permissions import visible_models


def model_rows(actor: Actor, text: str = "") -> QuerySet[RegisteredModel]:
    """Return visible models with their versions counted, their current Production and what waits for a decision."""
    live = Q(versions__deleted_at__isnull=True)
    current = ModelVersion.objects.filter(model=OuterRef("pk"), is_current=True)
    waiting = (
        TransitionRequest.objects.filter(version__model=OuterRef("pk"), state__in=LIVE_STATES)
        .order_by().values("version__model").annotate(count=Count("pk")).values("count")
    )  # fmt: skip
    rows = visible_models(actor).annotate(
        version_count=Count("versions", filter=live),
        current_number=Subquery(current.values("version")[:1]),
        current_since=Subquery(current.values("staged_at")[:1]),
        waiting_count=Coalesce(Subquery(waiting), 0),
    )
    if text:
        rows = rows.filter(Q(name__icontains=text) | Q(description__icontains=text))
    return rows.order_by("name")


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
    """Return where a version was rolled out, newest first."""
    return version.deployments.select_related("endpoint").order_by("-started_at")


def requests_of(version: ModelVersion) -> QuerySet[TransitionRequest]:
    """Return a version's transition requests, newest first."""
    return version.transition_requests.select_related("requester").order_by("-opened_at", "-pk")
