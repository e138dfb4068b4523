"""Actions that a caller may perform on requests and comments now. The rules are those of the services."""

from __future__ import annotations

from enum import StrEnum

from accounts.authentication import is_signed_in_person
from approvals.case.loading import Case, load_cases
from approvals.models import LIVE_STATES, ApprovalComment, Decision, RequestState, RequestView, TransitionRequest
from approvals.permissions.requests import (
    refusal_to_delete_comment,
    refusal_to_edit_comment,
    refusal_to_withdraw_request,
)
from approvals.permissions.reviews import Reviewer, eligibility_of
from approvals.requests.queries import visible_requests
from approvals.requests.review import approval_obstacle
from core.actors import Actor
from core.errors import NotFound
from registry.models import ModelVersion
from registry.permissions import Level, has_level
from registry.queries import get_version
from registry.stages import Stage


class Ability(StrEnum):
    """Actions that a person may perform on a request or a comment."""

    APPROVE = "APPROVE_TRANSITION_REQUEST"
    REJECT = "REJECT_TRANSITION_REQUEST"
    CANCEL = "CANCEL_TRANSITION_REQUEST"
    EDIT_COMMENT = "EDIT_COMMENT"
    DELETE_COMMENT = "DELETE_COMMENT"


def request_abilities(actor: Actor, reviewer: Reviewer, case: Case) -> list[Ability]:
    """Return the actions on a live request that the caller may perform through an API that cannot send signatures."""
    abilities = []
    eligibility = eligibility_of(reviewer, case)
    if is_signed_in_person(actor) and eligibility.can_decide and not case.snapshot.e_signature:
        can_approve = case.request.state == RequestState.OPEN and eligibility.last_decision != Decision.APPROVE
        can_approve = can_approve and not case.snapshot.needs_passkey
        abilities = [Ability.APPROVE] * (can_approve and not approval_obstacle(case)) + [Ability.REJECT]
    if refusal_to_withdraw_request(actor, case.request) is None:
        abilities.append(Ability.CANCEL)
    return abilities


def comment_abilities(actor: Actor, comment: ApprovalComment, *, manages: bool) -> list[Ability]:
    """Return the actions on a comment that the caller may perform. ``manages`` is whether they manage the model."""
    can_edit = refusal_to_edit_comment(actor, comment) is None
    can_delete = refusal_to_delete_comment(actor, comment, manages=manages) is None
    return [Ability.EDIT_COMMENT] * can_edit + [Ability.DELETE_COMMENT] * can_delete


def live_cases(actor: Actor, version: ModelVersion) -> list[Case]:
    """Return the live requests of a version that the caller may see, as cases, oldest first."""
    rows = visible_requests(actor).filter(version=version, state__in=LIVE_STATES)
    return load_cases(list(rows.order_by("pk")))


def record_views(actor: Actor, cases: list[Case]) -> None:
    """Store the subject digest of each request that a person was shown; an approval covers it (decision 0013)."""
    if not is_signed_in_person(actor):
        return
    rows = [
        RequestView(request=case.request, person_id=actor.user_id or 0, subject_digest=case.snapshot.subject_digest)
        for case in cases
    ]
    RequestView.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["request", "person"], update_fields=["subject_digest", "viewed_at"]
    )


def viewed_digest(actor: Actor, request: TransitionRequest) -> str:
    """Return the subject digest with which this person was last shown a request, "" if they were never shown it."""
    rows = RequestView.objects.filter(request=request, person_id=actor.user_id)
    return rows.values_list("subject_digest", flat=True).first() or ""


def get_live_request(
    actor: Actor, *, name: str, version: int, target: Stage, creator: str = "", request_id: int | None = None
) -> TransitionRequest:
    """Return the live request for a version and target; there is at most one.

    Raises NotFound if there is none, or if its requester is not ``creator`` or its id not ``request_id``, where given.
    """
    row = get_version(actor, name, version)
    rows = visible_requests(actor).filter(version=row, target=target, state__in=LIVE_STATES)
    if creator:
        rows = rows.filter(requester__username=creator)
    request = rows.first()
    if request is None or request_id not in (None, request.pk):
        by = f" by {creator}" if creator else ""
        raise NotFound(f"There is no open request{by} to move version {version} of {name} to {target}.")
    return request


def manages(actor: Actor, version: ModelVersion) -> bool:
    """Return whether the caller manages the model of a version."""
    return has_level(actor, version.model, Level.MANAGE)
