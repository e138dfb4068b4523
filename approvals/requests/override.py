"""Overrides of soft rules: a member of a group that the rule names waives the rule, with a reason.

An override is valid for one subject digest, until its giver or a member of the rule's groups withdraws it. An approved
request that needed it is then closed as stale.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import IntegrityError, transaction

from accounts.models import User
from accounts.passkeys.assertions import PasskeyAnswer
from approvals.case.loading import Case, reload_reviews
from approvals.case.locks import lock_visible, require_live
from approvals.case.reviewer_roles import groups_of
from approvals.case.seen import require_seen_digest
from approvals.models import MAX_COMMENT, Override, OverrideWithdrawal, RequestState
from approvals.passkeys.signatures import passkey_facts, require_passkey, store_signature, verify_passkey
from approvals.passkeys.statements import override_facts
from approvals.permissions.overrides import refusal_to_override, refusal_to_withdraw_override
from approvals.permissions.people import refusal_unless_in_person
from approvals.permissions.refusal import deny_if
from approvals.requests.lifecycle import expire_if_due, mark_stale, refresh_request
from approvals.requests.queries import overrides_of
from approvals.requests.settle import settle_case
from approvals.requests.signatures import (
    OVERRIDE,
    Signature,
    SignedFields,
    VerifiedSignature,
    signature_facts,
    signed_fields,
    verify_signature,
)
from approvals.verdict.evaluation import RuleVerdict, evaluate_rule
from audit.actions import Action
from audit.services import record
from core.actors import Actor, system_actor
from core.errors import Conflict, InvalidInput, InvalidState, NotFound
from policies.rules import RuleLevel
from registry.names import check_text

_OVERRIDE, _WITHDRAWAL = Action.APPROVALS_RULE_OVERRIDDEN, Action.APPROVALS_OVERRIDE_WITHDRAWN


def override_rule(
    *,
    actor: Actor,
    request_id: int,
    rule: str,
    reason: str,
    seen_digest: str,
    signature: Signature | None = None,
    passkey: PasskeyAnswer | None = None,
) -> Override:
    """Record an override of a soft rule and return it. If no rule blocks any more, the request is approved.

    Raises NotFound (request, rule), InvalidInput (no reason, no digest, the meaning, the passkey), TooLarge, Denied
    (`refusal_to_override`, a wrong password), InvalidState (the request is closed or has expired, the rule is not soft
    or does not block, no signature), Conflict (the state has changed since it was seen, or the actor has overridden the
    rule for it before).
    """
    checked_reason = check_text(reason, "reason", MAX_COMMENT).strip()
    if not checked_reason:
        raise InvalidInput("An override needs a reason.")
    if expire_if_due(actor=actor, request_id=request_id):
        raise InvalidState(f"Request #{request_id} has expired.")
    override_input = _OverrideInput(rule, checked_reason, seen_digest, passkey)
    return _override(actor, request_id, override_input, verify_signature(actor, signature, OVERRIDE))


@dataclass(frozen=True, slots=True)
class _OverrideInput:
    """The input of an override: the rule, the reason, the digest that was seen, and the answer of the passkey."""

    rule: str
    reason: str
    seen_digest: str
    passkey: PasskeyAnswer | None


@transaction.atomic
def _override(
    actor: Actor, request_id: int, override_input: _OverrideInput, verified: VerifiedSignature | None
) -> Override:
    request = lock_visible(actor, request_id)
    deny_if(refusal_unless_in_person(actor, _OVERRIDE, request, purpose="override a rule"))
    person = User.objects.get(pk=actor.user_id or 0)
    case = refresh_request(actor=system_actor("override_rule"), request=request)
    if request.state != RequestState.OPEN:
        raise InvalidState(f"Request #{request.pk} is {request.state}: there is nothing to override.")
    rule = _soft_rule(case, override_input.rule)
    deny_if(refusal_to_override(actor, groups_of(actor), case, rule))
    require_seen_digest(case, override_input.seen_digest, needed=True)
    if not rule.blocks:
        raise InvalidState(f"The rule {rule.rule} does not block: it is {rule.status.value.replace('_', ' ')}.")
    require_passkey(override_input.passkey, needed=case.snapshot.needs_passkey, policy=case.policy.label)
    override = _insert(actor, case, person, override_input, signed_fields(case, person, verified))
    settle_case(actor=system_actor("override_rule", on_behalf_of=actor.name), case=reload_reviews(case))
    return override


def _insert(actor: Actor, case: Case, person: User, override_input: _OverrideInput, signed: SignedFields) -> Override:
    """Insert the override with its signatures, and record the event. Raises Conflict, InvalidInput (the passkey)."""
    rule, reason = override_input.rule, override_input.reason
    facts = override_facts(case, by=actor.name, rule=rule, meaning=signed.get("meaning", ""), reason=reason)
    by_passkey = verify_passkey(actor, override_input.passkey, facts, on_device=case.snapshot.needs_device_passkey)
    try:
        with transaction.atomic():
            override = Override.objects.create(
                request=case.request,
                rule=rule,
                given_by=person,
                reason=reason,
                subject_digest=case.snapshot.subject_digest,
                **signed,
            )
    except IntegrityError as error:
        raise Conflict(
            f"{person.username} has already overridden {rule} for this state; the override cannot be given again."
        ) from error
    store_signature(by_passkey, override=override)
    after: dict[str, object] = {"override": override.pk, "rule": rule, "subject_digest": override.subject_digest}
    after = {**after, **signature_facts(override), **passkey_facts(by_passkey)}
    record(actor=actor, action=_OVERRIDE, obj=case.request, after=after, reason=reason)
    return override


def _soft_rule(case: Case, rule_id: str) -> RuleVerdict:
    """Return the verdict on a soft rule. Raises NotFound (no such rule), InvalidState (it is not soft)."""
    rule = next((rule for rule in case.rules if rule.id == rule_id), None)
    if rule is None:
        raise NotFound(f"Request #{case.request.pk} has no rule {rule_id[:110]}.")
    verdict = evaluate_rule(rule, case.snapshot, case.at)
    if verdict.level is not RuleLevel.SOFT:
        raise InvalidState(f"The rule {verdict.rule} is {verdict.level.value}: only a soft rule can be overridden.")
    return verdict


def withdraw_override(*, actor: Actor, request_id: int, override_id: int, reason: str) -> Override:
    """Withdraw an override and return it. An approved request that needed the override is closed as stale.

    Raises NotFound (request, override), InvalidInput (no reason), TooLarge, Denied (`refusal_to_withdraw_override`),
    InvalidState (the request is closed or has expired), Conflict (the override is withdrawn already).
    """
    checked_reason = check_text(reason, "reason", MAX_COMMENT).strip()
    if not checked_reason:
        raise InvalidInput("The withdrawal of an override needs a reason.")
    if expire_if_due(actor=actor, request_id=request_id):
        raise InvalidState(f"Request #{request_id} has expired.")
    return _withdraw(actor, request_id, override_id, checked_reason)


@transaction.atomic
def _withdraw(actor: Actor, request_id: int, override_id: int, reason: str) -> Override:
    request = lock_visible(actor, request_id)
    deny_if(refusal_unless_in_person(actor, _WITHDRAWAL, request, purpose="withdraw an override"))
    person = User.objects.get(pk=actor.user_id or 0)
    row = next((row for row in overrides_of(request) if row.pk == override_id), None)
    if row is None:
        raise NotFound(f"Request #{request.pk} has no override {override_id}.")
    case = refresh_request(actor=system_actor("withdraw_override"), request=request)
    deny_if(refusal_to_withdraw_override(actor, groups_of(actor), row, case.rules))
    require_live(request)
    if row.withdrawn is not None:
        raise Conflict(f"{row.withdrawn.withdrawn_by.username} has already withdrawn this override.")
    row.withdrawal = OverrideWithdrawal.objects.create(override=row, withdrawn_by=person, reason=reason)
    after = {"override": row.pk, "rule": row.rule, "given_by": row.given_by.username}
    record(actor=actor, action=_WITHDRAWAL, obj=request, after=after, reason=reason)
    _settle_or_close(actor, reload_reviews(case), f"{person.username} withdrew the override of {row.rule}: {reason}")
    return row


def _settle_or_close(actor: Actor, case: Case, why: str) -> None:
    """Settle an open request; close an approved one as stale if its verdict is no longer approved."""
    system = system_actor("withdraw_override", on_behalf_of=actor.name)
    settle_case(actor=system, case=case)
    approved = case.request.state == RequestState.APPROVED
    if approved and not case.verdict.is_approved and not case.verdict.resolves_with_time:
        mark_stale(actor=system, request_id=case.request.pk, reason=why)
