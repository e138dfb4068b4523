"""Asking for a move: the live request for a version and target is found, or opened with its checks queued."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from approvals.case.locks import lock_request
from approvals.case.snapshots import load_case
from approvals.models import LIVE_STATES, MAX_COMMENT, RequestState, TransitionRequest
from approvals.oversight.emergencies import LIVES_FOR, require_may_break
from approvals.requests.archiving import settle_archiving
from approvals.requests.lifecycle import expire_request, mark_stale, refresh_request, requesters_of
from approvals.requests.targets import is_there
from audit.actions import Action
from audit.services import record
from core.actors import Actor, system_actor
from core.errors import Conflict, Denied, InvalidInput, InvalidState
from policies.matching import Governing, policy_for
from policies.parsing import is_alias, is_governable
from policies.request_kinds import RequestKind
from registry.models import ModelVersion, RegisteredModel
from registry.names import check_text
from registry.permissions import level_to_ask, require_level
from registry.queries import get_version

_LATEST_APPLY = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class _Wish:
    """What the requester says besides version and target."""

    archive_existing: bool | None
    comment: str
    kind: RequestKind
    apply_after: datetime | None


@transaction.atomic
def open_request(
    *,
    actor: Actor,
    name: str,
    version: int,
    target: str,
    archive_existing: bool | None,
    comment: str = "",
    kind: RequestKind = RequestKind.PROMOTION,
    apply_after: datetime | None = None,
) -> TransitionRequest:
    """Return the live request for this version and target, opened now if there is none, with its checks queued.

    ``target`` is a stage or an @alias. ``archive_existing`` None leaves it to the first approver whether the version that is
    replaced is archived at once. Once approved it waits for ``apply_after``. Raises NotFound, Denied (editing the model is
    needed, to leave Production managing it; or who may not break the glass), InvalidInput (a target no policy can govern; an emergency without a reason),
    InvalidState (the version is there already, or no policy governs the move, or it has no way past it), Conflict (the live request asks for something else).
    """
    wish = _Wish(archive_existing, check_text(comment, "comment", MAX_COMMENT), kind, apply_after)
    _require_sound(target, wish)
    row = _lock_version(actor, name, version, target)
    if is_there(row, target):
        raise InvalidState(f"{row} is in {target} already.")
    policy = policy_for(row.model, target)
    if policy is None:
        raise InvalidState(f"No policy governs moving {row} to {target}: change it directly.")
    if kind is RequestKind.BREAK_GLASS:
        require_may_break(actor, row, policy, comment)
    request = _live_request(row, target)
    if request is not None and kind is RequestKind.BREAK_GLASS:
        request = _make_way(request)
    if request is None:
        request = _create(actor, row, target, policy, wish)
    else:
        _require_same_wish(actor, request, wish)
    refresh_request(actor=actor, request=request, retry_broken=True)
    return request


def _require_sound(target: str, wish: _Wish) -> None:
    if not is_governable(target):
        raise InvalidInput(
            f"A request asks for Staging, Production or an alias such as @champion, not for {target[:100]}."
        )
    if is_alias(target) and wish.archive_existing:
        raise InvalidInput("Moving an alias archives nothing (archive_existing).")
    if wish.apply_after is not None and wish.apply_after > timezone.now() + _LATEST_APPLY:
        raise InvalidInput("apply_after lies more than a year ahead.")


def _lock_version(actor: Actor, name: str, version: int, target: str) -> ModelVersion:
    """Return the version with its model's row locked, provided the actor may ask for the move and is somebody."""
    seen = get_version(actor, name, version)
    level = level_to_ask(seen.stage, target)
    require_level(actor, seen.model, level, action=Action.REGISTRY_STAGE_CHANGED, obj=seen)
    if actor.user_id is None:
        raise Denied(
            "A request needs somebody who asks.",
            action=Action.APPROVALS_REQUEST_OPENED,
            obj=seen,
        )
    RegisteredModel.objects.select_for_update(no_key=True).get(pk=seen.model_id)
    return get_version(actor, name, version)


def _live_request(row: ModelVersion, target: str) -> TransitionRequest | None:
    """Return the live request, if it still can lead anywhere: one that expired or whose approval lapsed is closed here."""
    found = TransitionRequest.objects.filter(version=row, target=target, state__in=LIVE_STATES).first()
    if found is None:
        return None
    request = lock_request(found.pk)
    if expire_request(actor=system_actor("expire_requests"), request_id=request.pk):
        return None
    if request.state == RequestState.APPROVED:
        verdict = load_case(request).verdict()
        if not verdict.is_approved and not verdict.only_waits:
            reason = "What was approved has changed since."
            mark_stale(actor=system_actor("mark_stale"), request_id=request.pk, reason=reason)
            return None
    return request


def _make_way(request: TransitionRequest) -> TransitionRequest | None:
    """Close the ordinary request that an emergency takes the place of; return the one that is open for it already."""
    if request.kind == RequestKind.BREAK_GLASS:
        return request
    mark_stale(actor=system_actor("break_glass"), request_id=request.pk, reason="An emergency took its place.")
    return None


def _require_same_wish(actor: Actor, request: TransitionRequest, wish: _Wish) -> None:
    """Take the requester's word on what they left open; where it was said, the same must be asked for."""
    if request.kind != wish.kind:
        raise Conflict(
            f"Request #{request.pk} is open as a {request.kind.replace('_', ' ')}. Withdraw it before asking otherwise."
        )
    if wish.apply_after is not None and request.apply_after != wish.apply_after:
        raise Conflict(
            f"Request #{request.pk} is open with another time before which it is not applied. Withdraw it first."
        )
    if wish.archive_existing is None:
        return
    if request.archive_left_open and actor.user_id in requesters_of(request):
        settle_archiving(actor=actor, request=request, archive_existing=wish.archive_existing)
    elif request.archive_existing != wish.archive_existing:
        raise Conflict(
            f"Request #{request.pk} is open with archive_existing_versions={str(request.archive_existing).lower()}. "
            "Ask for the same, or withdraw it first."
        )


def _create(actor: Actor, row: ModelVersion, target: str, policy: Governing, wish: _Wish) -> TransitionRequest:
    now = timezone.now()
    lives_for = policy.body.options.expires_after
    if wish.kind is RequestKind.BREAK_GLASS:
        lives_for = min(lives_for, LIVES_FOR)
    request = TransitionRequest.objects.create(
        version=row,
        source=row.stage,
        target=target,
        kind=wish.kind.value,
        requester=User.objects.get(pk=actor.user_id or 0),
        comment=wish.comment,
        archive_existing=bool(wish.archive_existing),
        archive_left_open=wish.archive_existing is None and not is_alias(target),
        policy_revision=policy.revision,
        subject_digest="",
        opened_at=now,
        expires_at=now + lives_for,
        apply_after=wish.apply_after,
    )
    record(
        actor=actor,
        action=Action.APPROVALS_REQUEST_OPENED,
        obj=request,
        after={
            "version": row.version,
            "source": request.source,
            "target": request.target,
            "kind": request.kind,
            "archive_existing": request.archive_existing,
            **({"archive_left_open": True} if request.archive_left_open else {}),
            **({"apply_after": request.apply_after} if request.apply_after else {}),
            "policy": policy.label,
            "policy_digest": policy.revision.digest,
            "expires_at": request.expires_at,
        },
        reason=wish.comment,
    )
    return request
