"""Queries on transition requests, reviews, overrides, comments and check runs, for pages and APIs."""

from __future__ import annotations

from django.db.models import QuerySet

from approvals.models import (
    LIVE_STATES,
    ApprovalComment,
    CheckRun,
    Override,
    Review,
    TransitionRequest,
    TransitionRequestQuerySet,
)
from core.actors import Actor
from core.errors import NotFound
from core.ids import row_id
from registry.models import ModelVersion, RegisteredModel
from registry.permissions import visible_models


def visible_requests(actor: Actor, *, state: str = "", model: str = "") -> TransitionRequestQuerySet:
    """Return the requests that the actor may see, newest first.

    ``state`` is a state, or `live` for open and approved requests. "" filters by nothing.
    """
    rows = TransitionRequest.objects.with_relations().filter(version__model__in=visible_models(actor))
    if state:
        rows = rows.filter(state__in=LIVE_STATES if state == "live" else [state])
    if model:
        rows = rows.filter(version__model__name=model)
    return rows.order_by("-pk")


def reviewed_by(username: str) -> QuerySet[Review, int]:
    """Return the ids of the requests that a person has reviewed."""
    return Review.objects.filter(reviewer__username=username).values_list("request_id", flat=True)


def get_request(actor: Actor, request_id: int) -> TransitionRequest:
    """Return a request that the actor may see. Raises NotFound."""
    request = visible_requests(actor).filter(pk=row_id(request_id)).first()
    if request is None:
        raise NotFound(f"There is no transition request {request_id}.")
    return request


def live_request_ids(model: RegisteredModel) -> list[int]:
    """Return the ids of the open and approved requests of a model's versions, oldest first."""
    rows = TransitionRequest.objects.filter(version__model=model, state__in=LIVE_STATES)
    return list(rows.order_by("pk").values_list("pk", flat=True))


def reviews_of(request: TransitionRequest) -> list[Review]:
    """Return the reviews of a request, oldest first, with reviewers, delegators and conditions; two queries."""
    rows = Review.objects.filter(request=request).order_by("pk")
    rows = rows.select_related("reviewer", "on_behalf_of", "passkey_signature__passkey")
    return list(rows.prefetch_related("conditions__owner"))


def overrides_of(request: TransitionRequest) -> list[Override]:
    """Return the overrides of a request, oldest first, with the people who gave and withdrew them."""
    rows = Override.objects.filter(request=request).order_by("pk")
    return list(rows.select_related("given_by", "withdrawal__withdrawn_by", "passkey_signature__passkey"))


def comments_for(version: ModelVersion) -> QuerySet[ApprovalComment]:
    """Return the comments on a version, oldest first, with their authors; deleted comments are left out."""
    rows = ApprovalComment.objects.filter(version=version, deleted_at__isnull=True)
    return rows.select_related("author").order_by("pk")


def check_runs_of(request: TransitionRequest) -> list[CheckRun]:
    """Return every check run of a request, newest first, including those with outdated inputs."""
    return list(CheckRun.objects.filter(request=request).order_by("-pk"))


def visible_check_runs(actor: Actor) -> QuerySet[CheckRun]:
    """Return the check runs of models that the actor may see, newest first, with request, version and model."""
    rows = CheckRun.objects.filter(request__version__model__in=visible_models(actor))
    return rows.select_related("request__version__model", "request__requester").order_by("-pk")


def get_check_run(actor: Actor, check_run_id: int) -> CheckRun:
    """Return a check run of a model that the actor may see. Raises NotFound."""
    check_run = visible_check_runs(actor).filter(pk=row_id(check_run_id)).first()
    if check_run is None:
        raise NotFound(f"There is no check run {check_run_id}.")
    return check_run
