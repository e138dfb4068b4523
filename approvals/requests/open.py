"""Opening transition requests. There is at most one live request for a version and target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from accounts.passkeys.assertions import PasskeyAnswer
from approvals.case.loading import Case, load_case
from approvals.case.locks import lock_request
from approvals.models import LIVE_STATES, MAX_COMMENT, RequestState, TransitionRequest
from approvals.passkeys.signatures import passkey_facts, require_passkey, store_signature, verify_passkey
from approvals.passkeys.statements import break_glass_facts
from approvals.permissions.oversight import refusal_to_break_glass
from approvals.permissions.refusal import deny_if
from approvals.permissions.requests import refusal_to_open_request, requesters_of
from approvals.requests.change_state import insert_request
from approvals.requests.give_reason import add_reason, set_archiving
from approvals.requests.lifecycle import expire_request, mark_stale, refresh_request
from approvals.requests.targets import is_at_target
from approvals.requests.verdict_cache import store_verdict
from audit.actions import Action
from core.actors import Actor, system_actor
from core.errors import Conflict, InvalidInput, InvalidState
from policies.leaving import MovePolicies, policies_for_move
from policies.matching import LoadedPolicy
from policies.request_kinds import RequestKind
from policies.targets import GOVERNED_STAGES, is_alias, is_exit, is_governable
from registry.gates import require_transition
from registry.locks import lock_visible_model, require_not_retired
from registry.models import ModelVersion
from registry.names import check_text
from registry.permissions import level_to_ask, require_level
from registry.queries import get_version
from registry.services.cards import refresh_card

_LATEST_APPLY = timedelta(days=366)
# A break-glass request expires after this time, or earlier where the policy says so.
_BREAK_GLASS_EXPIRES_AFTER = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestTerms:
    """The terms of a request besides version and target. ``archive_existing`` None: the first approver decides.

    ``passkey`` is the answer of the requester's passkey, for break-glass.
    """

    archive_existing: bool | None
    comment: str = ""
    kind: RequestKind = RequestKind.PROMOTION
    apply_after: datetime | None = None
    passkey: PasskeyAnswer | None = None


@dataclass(frozen=True, slots=True)
class LockedMove:
    """A move of a version, read with the model's row locked.

    ``policy`` is the one that governs the move, None for none. ``is_at_target``: the version is at the target already.
    """

    version: ModelVersion
    target: str
    policies: MovePolicies
    is_at_target: bool

    @property
    def policy(self) -> LoadedPolicy | None:
        """Return the policy that a request for the move is opened under; None without one."""
        return self.policies.governing


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
    passkey: PasskeyAnswer | None = None,
) -> TransitionRequest:
    """Return the live request for this version and target, or open one. Its checks are queued.

    ``target`` is a stage, an @alias, or `-ALIAS` to remove that alias. With ``archive_existing`` None the first
    approver decides whether the replaced version is archived at once. An approved request is not applied before
    ``apply_after``. ``passkey`` signs a new request for break-glass.

    Raises NotFound, Denied (the actor may not edit the model, may not take versions out of Production, or may not
    use break-glass), InvalidInput (a target that no policy can govern, a break-glass request without a reason, the
    passkey), TooLarge (the comment), InvalidState (the version is at the target already, the model is retired, no
    policy governs the move, or the policy does not allow break-glass or asks for a passkey), Conflict (the live request
    has other terms).
    """
    terms = RequestTerms(
        archive_existing=archive_existing, comment=comment, kind=kind, apply_after=apply_after, passkey=passkey
    )
    case = open_case(actor=actor, move=lock_move(actor, name, version, target), terms=terms)
    if case.request.state == RequestState.OPEN:
        store_verdict(case)
    return case.request


def lock_move(actor: Actor, name: str, version: int, target: str) -> LockedMove:
    """Lock a model's row until commit and return a move of one of its versions, read under the lock.

    Raises NotFound.
    """
    lock_visible_model(
        actor, name
    )  # locks nothing if the actor may not see the model; then get_version raises NotFound
    row = get_version(actor, name, version)
    return LockedMove(row, target, policies_for_move(row, target), is_at_target(row, target))


def open_case(*, actor: Actor, move: LockedMove, terms: RequestTerms) -> Case:
    """Return the case of the live request for a locked move, or open one. Raises what `open_request` raises."""
    terms = replace(terms, comment=check_text(terms.comment, "comment", MAX_COMMENT))
    _require_valid_terms(move.target, terms)
    _require_may_ask(actor, move)
    row, target, policy = move.version, move.target, move.policy
    if move.is_at_target:
        raise InvalidState(f"{row} is already in {target}.")
    require_not_retired(row.model)
    require_transition(row, target, actor=actor)
    if policy is None:
        raise InvalidState(f"No policy governs moving {row} to {target}: move it directly, without a request.")
    if terms.kind is RequestKind.BREAK_GLASS:
        _require_break_glass(actor, row, policy, terms.comment)
        require_passkey(terms.passkey, needed=move.policies.signed_by_passkey, policy=policy.label)
    request = _live_request(row, target)
    if request is not None and terms.kind is RequestKind.BREAK_GLASS:
        request = _replace_ordinary(request)
    if request is None:
        request = _create(actor, move, policy, terms)
    else:
        _require_same_terms(actor, request, terms)
        add_reason(actor=actor, request=request, reason=terms.comment)
    return refresh_request(actor=actor, request=request, retry_broken=True)


def _require_valid_terms(target: str, terms: RequestTerms) -> None:
    if not is_governable(target) and not is_exit(target):
        raise InvalidInput(
            f"Invalid target: {target[:100]}. Use a stage, an alias such as @champion, or -champion to remove that alias."
        )
    if (is_alias(target) or is_exit(target)) and terms.archive_existing:
        raise InvalidInput("Only a move to Staging or Production archives other versions (archive_existing).")
    if terms.apply_after is not None and terms.apply_after > timezone.now() + _LATEST_APPLY:
        raise InvalidInput("apply_after must be within a year.")


def _require_may_ask(actor: Actor, move: LockedMove) -> None:
    """Raise Denied for an actor who may not ask for a move, or who has no account and so cannot be the requester."""
    row = move.version
    level = level_to_ask(row.stage, move.target)
    require_level(actor, row.model, level, action=Action.REGISTRY_STAGE_CHANGED, obj=row)
    deny_if(refusal_to_open_request(actor, row))


def _require_break_glass(actor: Actor, version: ModelVersion, policy: LoadedPolicy, reason: str) -> None:
    """Raise InvalidState (the policy does not allow break-glass), Denied (`refusal_to_break_glass`) or InvalidInput (no
    reason).
    """
    option = policy.body.options.break_glass
    if option is None:
        raise InvalidState(f"{policy.label} does not allow break-glass.")
    deny_if(refusal_to_break_glass(actor, version, option))
    if not reason.strip():
        raise InvalidInput("A break-glass request needs a reason.")


def _live_request(row: ModelVersion, target: str) -> TransitionRequest | None:
    """Return the live request for a version and target, locked; None without one.

    A request that has expired, or whose approval no longer holds, is closed first.
    """
    live = TransitionRequest.objects.filter(version=row, target=target, state__in=LIVE_STATES).first()
    if live is None:
        return None
    request = lock_request(live.pk)
    if expire_request(actor=system_actor("expire_requests"), request_id=request.pk):
        return None
    if request.state == RequestState.APPROVED:
        verdict = load_case(request).verdict
        if not verdict.is_approved and not verdict.resolves_with_time:
            reason = "What was approved has changed since then."
            mark_stale(actor=system_actor("mark_stale"), request_id=request.pk, reason=reason)
            return None
    return request


def _replace_ordinary(request: TransitionRequest) -> TransitionRequest | None:
    """Return the live request if it is a break-glass request; otherwise close it as stale and return None."""
    if request.kind == RequestKind.BREAK_GLASS:
        return request
    mark_stale(actor=system_actor("break_glass"), request_id=request.pk, reason="A break-glass request replaced it.")
    return None


def _require_same_terms(actor: Actor, request: TransitionRequest, terms: RequestTerms) -> None:
    """Raise Conflict if a live request has other terms. The requester can still choose whether to archive."""
    if request.kind != terms.kind:
        raise Conflict(f"Request #{request.pk} is open as a {request.kind.replace('_', ' ')}. Withdraw it first.")
    if terms.apply_after is not None and request.apply_after != terms.apply_after:
        raise Conflict(
            f"Request #{request.pk} is open with another apply_after, the time before which it is not applied. "
            "Withdraw it first."
        )
    if terms.archive_existing is None:
        return
    if request.archive_left_open and actor.user_id in requesters_of(request):
        set_archiving(actor=actor, request=request, archive_existing=terms.archive_existing)
    elif request.archive_existing != terms.archive_existing:
        raise Conflict(
            f"Request #{request.pk} is open with archive_existing_versions={str(request.archive_existing).lower()}. "
            "Ask for the same, or withdraw it first."
        )


def _create(actor: Actor, move: LockedMove, policy: LoadedPolicy, terms: RequestTerms) -> TransitionRequest:
    row, target, added = move.version, move.target, move.policies.added
    refresh_card(actor=actor, version=row)
    now = timezone.now()
    lifetime = policy.body.options.expires_after
    if terms.kind is RequestKind.BREAK_GLASS:
        lifetime = min(lifetime, _BREAK_GLASS_EXPIRES_AFTER)
    request = TransitionRequest(
        version=row,
        source=row.stage,
        target=target,
        kind=terms.kind.value,
        requester=User.objects.get(pk=actor.user_id or 0),
        comment=terms.comment,
        archive_existing=bool(terms.archive_existing),
        archive_left_open=terms.archive_existing is None and target in GOVERNED_STAGES,
        policy_revision=policy.revision,
        leave_revision=added.revision if added else None,
        subject_digest="",
        opened_at=now,
        expires_at=now + lifetime,
        apply_after=terms.apply_after,
    )
    facts = {
        "version": row.version,
        "source": request.source,
        "target": request.target,
        "kind": request.kind,
        "archive_existing": request.archive_existing,
        **({"archive_left_open": True} if request.archive_left_open else {}),
        **({"apply_after": request.apply_after} if request.apply_after else {}),
        "policy": policy.label,
        "policy_digest": policy.revision.digest,
        **({"leave_policy": added.label, "leave_policy_digest": added.revision.digest} if added else {}),
        "expires_at": request.expires_at,
    }
    _insert_signed(actor, request, policy, terms, facts)
    return request


def _insert_signed(
    actor: Actor,
    request: TransitionRequest,
    policy: LoadedPolicy,
    terms: RequestTerms,
    facts: Mapping[str, object],
) -> None:
    """Insert a new request, and for break-glass the signature of the requester's passkey, where there is one."""
    signed = None
    if terms.kind is RequestKind.BREAK_GLASS:
        version, target = request.version, request.target
        statement = break_glass_facts(version, by=actor.name, target=target, policy=policy, reason=terms.comment)
        on_device = policies_for_move(version, target).signed_on_device
        # The verifier of exports compares them with what was signed: the number of a version is not unique.
        facts = {**facts, **{key: statement[key] for key in ("model_version", "artifact_digest")}}
        signed = verify_passkey(actor, terms.passkey, statement, on_device=on_device)
    insert_request(actor=actor, request=request, facts={**facts, **passkey_facts(signed)})
    store_signature(signed, request=request)
