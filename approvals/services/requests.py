"""Transition requests: opening, withdrawing, and the ways they close without being applied.

Lock order, here and in the registry: the model's row, then the request's. Changes of one model happen one after another.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from approvals.governance import Governing, policy_for
from approvals.models import LIVE_STATES, RequestState, TransitionRequest
from approvals.policies import GOVERNED_TARGETS
from approvals.services.archiving import settle_archiving
from approvals.services.check_runs import queue_checks
from approvals.snapshots import Case, load_case
from audit.actions import Action
from audit.actors import Actor, system_actor
from audit.errors import Conflict, Denied, InvalidInput, InvalidState, NotFound
from audit.refs import model_stream, request_ref, version_ref
from audit.services import record
from registry.models import ModelVersion, RegisteredModel
from registry.names import check_text
from registry.permissions import Level, has_level, require_level, visible_models
from registry.queries import get_version
from registry.stages import Stage

MAX_COMMENT = 10_000
_MAX_ID = 2**63 - 1


@transaction.atomic
def open_request(
    *, actor: Actor, name: str, version: int, target: Stage, archive_existing: bool | None, comment: str = ""
) -> TransitionRequest:
    """Return the live request for this version and target, opened now if there is none, with its checks queued.

    ``archive_existing`` None leaves it to the first approver whether the version that is replaced is archived at once.
    Raises NotFound, Denied (editing the model is needed), InvalidInput (a target no policy can govern), InvalidState (the
    version is there already, or no policy governs the move), Conflict (the live request asks for something else).
    """
    check_text(comment, "comment", MAX_COMMENT)
    if target not in GOVERNED_TARGETS:
        raise InvalidInput(f"A request asks for {' or '.join(GOVERNED_TARGETS)}, not for {target}.")
    row = _lock_version(actor, name, version)
    _require_elsewhere(row, target)
    policy = policy_for(row.model.name, target)
    if policy is None:
        raise InvalidState(f"No policy governs moving {row} to {target}: change the stage directly.")
    request = _live_request(row, target)
    if request is None:
        request = _create(actor, row, target, policy, comment, archive_existing=archive_existing)
    elif archive_existing is not None:
        _say_archiving(actor, request, archive_existing=archive_existing)
    refresh_request(actor=actor, request=request, retry_broken=True)
    return request


def refresh_request(*, actor: Actor, request: TransitionRequest, retry_broken: bool = False) -> Case:
    """Bring an open request up to what is true now, in the caller's transaction with the request locked.

    Checks whose inputs changed (with ``retry_broken`` also those that broke off) are queued again; the request follows the
    policy that governs now.
    """
    case = load_case(request)
    if request.state != RequestState.OPEN:
        return case
    if case.policy_changed:
        _follow_policy(actor, request, case.policy)
    if queue_checks(actor=actor, case=case, retry_broken=retry_broken):
        case = load_case(request)
    digest = case.snapshot.subject_digest
    if request.subject_digest != digest:
        request.subject_digest = digest
        request.save(update_fields=["subject_digest"])
    return case


@transaction.atomic
def withdraw_request(*, actor: Actor, request_id: int, comment: str = "") -> TransitionRequest:
    """Close a live request on the word of its requester (or their service account's owner), or of who manages the model."""
    check_text(comment, "comment", MAX_COMMENT)
    request = lock_visible(actor, request_id)
    if not may_withdraw(actor, request):
        raise Denied(
            f"Only {request.requester.username}, or somebody who manages {request.version.model.name}, may withdraw "
            f"request #{request.pk}.",
            action=Action.APPROVALS_REQUEST_WITHDRAWN,
            obj=request_ref(request.pk),
            stream=stream_of(request),
        )
    require_live(request)
    close_request(request, RequestState.WITHDRAWN, Action.APPROVALS_REQUEST_WITHDRAWN, actor=actor, reason=comment)
    return request


@transaction.atomic
def mark_stale(*, actor: Actor, request_id: int, reason: str) -> bool:
    """Close an approved request that no longer holds; False where it is not live any more."""
    request = lock_request(request_id)
    if request.state not in LIVE_STATES:
        return False
    close_request(request, RequestState.STALE, Action.APPROVALS_REQUEST_STALED, actor=actor, reason=reason)
    return True


@transaction.atomic
def expire_request(*, actor: Actor, request_id: int, at: datetime | None = None) -> bool:
    """Close a live request whose time is over, approved or not; False where there is nothing to close."""
    request = lock_request(request_id)
    if request.state not in LIVE_STATES or request.expires_at > (at or timezone.now()):
        return False
    reason = f"Not applied before {request.expires_at:%Y-%m-%d %H:%M} UTC."
    close_request(request, RequestState.EXPIRED, Action.APPROVALS_REQUEST_EXPIRED, actor=actor, reason=reason)
    return True


def close_request(
    request: TransitionRequest, state: RequestState, action: Action, *, actor: Actor, reason: str = ""
) -> None:
    """Put a locked request into a closed state and record it."""
    before = request.state
    request.state = state
    request.state_reason = reason[:1000]
    request.closed_at = timezone.now()
    request.save(update_fields=["state", "state_reason", "closed_at", "subject_digest"])
    record(
        actor=actor,
        action=action,
        obj=request_ref(request.pk),
        stream=stream_of(request),
        before={"state": before},
        after={"state": state.value, "subject_digest": request.subject_digest},
        reason=reason,
    )


def lock_request(request_id: int) -> TransitionRequest:
    """Return a request with its model's row and its own locked until commit; NotFound."""
    found = TransitionRequest.objects.filter(pk=request_id) if 0 < request_id <= _MAX_ID else None
    model_id = found.values_list("version__model_id", flat=True).first() if found is not None else None
    if found is None or model_id is None:
        raise _no_request(request_id)
    RegisteredModel.objects.select_for_update(no_key=True).get(pk=model_id)
    rows = found.select_for_update(no_key=True, of=("self",))
    return rows.select_related("version__model", "requester", "policy_revision__policy").get()


def lock_visible(actor: Actor, request_id: int) -> TransitionRequest:
    """Return a locked request of a model the actor may see; NotFound."""
    request = lock_request(request_id)
    if not visible_models(actor).filter(pk=request.version.model_id).exists():
        raise _no_request(request_id)
    return request


def require_live(request: TransitionRequest) -> None:
    """Raise InvalidState for a request that is closed."""
    if request.state not in LIVE_STATES:
        raise InvalidState(f"Request #{request.pk} is {request.state}.")


def stream_of(request: TransitionRequest) -> str:
    """Return the event stream a request belongs to: its model's."""
    return model_stream(request.version.model_id)


def _no_request(request_id: int) -> NotFound:
    return NotFound(f"There is no transition request {request_id}.")


def _lock_version(actor: Actor, name: str, version: int) -> ModelVersion:
    """Return the version with its model's row locked, provided the actor may edit the model and is somebody."""
    seen = get_version(actor, name, version)
    ref = version_ref(name, version)
    require_level(actor, seen.model, Level.EDIT, action=Action.REGISTRY_STAGE_CHANGED, obj=ref)
    if actor.user_id is None:
        raise Denied(
            "A request needs somebody who asks.",
            action=Action.APPROVALS_REQUEST_OPENED,
            obj=ref,
            stream=model_stream(seen.model_id),
        )
    RegisteredModel.objects.select_for_update(no_key=True).get(pk=seen.model_id)
    return get_version(actor, name, version)


def _require_elsewhere(row: ModelVersion, target: Stage) -> None:
    if is_there(row, target):
        raise InvalidState(f"{row} is in {target} already.")


def is_there(row: ModelVersion, target: Stage) -> bool:
    """Return whether a version is where the request would bring it (a superseded one is not in Production)."""
    return row.stage == target and row.is_current == (target == Stage.PRODUCTION)


def _live_request(row: ModelVersion, target: Stage) -> TransitionRequest | None:
    """Return the live request, if it still can lead anywhere: one that expired or whose approval lapsed is closed here."""
    found = TransitionRequest.objects.filter(version=row, target=target, state__in=LIVE_STATES).first()
    if found is None:
        return None
    request = lock_request(found.pk)
    if expire_request(actor=system_actor("expire_requests"), request_id=request.pk):
        return None
    if request.state == RequestState.APPROVED and not load_case(request).verdict().is_approved:
        reason = "What was approved has changed since."
        mark_stale(actor=system_actor("mark_stale"), request_id=request.pk, reason=reason)
        return None
    return request


def _say_archiving(actor: Actor, request: TransitionRequest, *, archive_existing: bool) -> None:
    """Take the requester's word on what they left open; where it was said, the same must be asked for."""
    if request.archive_left_open and actor.user_id in _requesters(request):
        settle_archiving(actor=actor, request=request, archive_existing=archive_existing)
    elif request.archive_existing != archive_existing:
        raise Conflict(
            f"Request #{request.pk} is open with archive_existing_versions={str(request.archive_existing).lower()}. "
            "Ask for the same, or withdraw it first."
        )


def _create(
    actor: Actor, row: ModelVersion, target: Stage, policy: Governing, comment: str, *, archive_existing: bool | None
) -> TransitionRequest:
    now = timezone.now()
    request = TransitionRequest.objects.create(
        version=row,
        source=row.stage,
        target=target,
        requester=User.objects.get(pk=actor.user_id or 0),
        comment=comment,
        archive_existing=bool(archive_existing),
        archive_left_open=archive_existing is None,
        policy_revision=policy.revision,
        subject_digest="",
        opened_at=now,
        expires_at=now + policy.body.expires_after,
    )
    record(
        actor=actor,
        action=Action.APPROVALS_REQUEST_OPENED,
        obj=request_ref(request.pk),
        stream=stream_of(request),
        after={
            "version": row.version,
            "source": request.source,
            "target": request.target,
            "archive_existing": request.archive_existing,
            **({"archive_left_open": True} if request.archive_left_open else {}),
            "policy": policy.label,
            "policy_digest": policy.revision.digest,
            "expires_at": request.expires_at,
        },
        reason=comment,
    )
    return request


def _follow_policy(actor: Actor, request: TransitionRequest, policy: Governing) -> None:
    """Judge an open request by the policy that governs now; reviews given under the old one cover another digest."""
    before = str(request.policy_revision)
    request.policy_revision = policy.revision
    request.save(update_fields=["policy_revision"])
    record(
        actor=actor,
        action=Action.APPROVALS_REQUEST_CHANGED,
        obj=request_ref(request.pk),
        stream=stream_of(request),
        before={"policy": before},
        after={"policy": policy.label, "policy_digest": policy.revision.digest},
    )


def may_withdraw(actor: Actor, request: TransitionRequest) -> bool:
    """Return whether the actor asked for it (or owns the service account that did), or manages the model."""
    return actor.user_id in _requesters(request) or has_level(actor, request.version.model, Level.MANAGE)


def _requesters(request: TransitionRequest) -> set[int]:
    """Return who asked: the requester, and the owner where that is a service account."""
    return {pk for pk in (request.requester_id, request.requester.owner_id) if pk is not None}
