"""Reading requests as somebody: those of models the actor may not see do not exist."""

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
from registry.models import ModelVersion
from registry.permissions import visible_models


def visible_requests(actor: Actor, *, state: str = "", model: str = "") -> TransitionRequestQuerySet:
    """Return the requests the actor may know of, newest first. ``state`` may be `live` for open and approved ones."""
    rows = TransitionRequest.objects.with_relations().filter(version__model__in=visible_models(actor))
    if state:
        rows = rows.filter(state__in=LIVE_STATES if state == "live" else [state])
    if model:
        rows = rows.filter(version__model__name=model)
    return rows.order_by("-pk")


def get_request(actor: Actor, request_id: int) -> TransitionRequest:
    """Return one request; NotFound."""
    found = visible_requests(actor).filter(pk=row_id(request_id)).first()
    if found is None:
        raise NotFound(f"There is no transition request {request_id}.")
    return found


def reviews_of(request: TransitionRequest) -> list[Review]:
    """Return the reviews of a request, oldest first, with their reviewers and whom these stood in for."""
    return list(Review.objects.filter(request=request).select_related("reviewer", "on_behalf_of").order_by("pk"))


def overrides_of(request: TransitionRequest) -> list[Override]:
    """Return the overrides of a request, oldest first, with who gave them and who took them back."""
    return list(
        Override.objects.filter(request=request).select_related("given_by", "withdrawal__withdrawn_by").order_by("pk")
    )


def comments_for(version: ModelVersion) -> QuerySet[ApprovalComment]:
    """Return what was said about a version, oldest first, with its authors; deleted comments are left out."""
    rows = ApprovalComment.objects.filter(version=version, deleted_at__isnull=True)
    return rows.select_related("author").order_by("pk")


def check_runs_of(request: TransitionRequest) -> list[CheckRun]:
    """Return every job of a request, those that no longer count among them, newest first."""
    return list(CheckRun.objects.filter(request=request).order_by("-pk"))


def visible_check_runs(actor: Actor) -> QuerySet[CheckRun]:
    """Return the jobs of models the actor may see, newest first, each with request, version and model."""
    rows = CheckRun.objects.filter(request__version__model__in=visible_models(actor))
    return rows.select_related("request__version__model", "request__requester").order_by("-pk")


def get_check_run(actor: Actor, check_run_id: int) -> CheckRun:
    """Return one job; NotFound."""
    found = visible_check_runs(actor).filter(pk=row_id(check_run_id)).first()
    if found is None:
        raise NotFound(f"There is no check run {check_run_id}.")
    return found
