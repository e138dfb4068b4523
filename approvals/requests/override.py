"""Overriding a soft rule: somebody of a group that the policy names lets it be, for the present state, with a reason.

It holds for one digest alone, and until it is taken back: by whoever gave it, or by another of the rule's groups. An approved
request that rested on it is closed then, as one whose subject had changed.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db import IntegrityError, transaction

from accounts.models import User
from approvals.case.locks import lock_visible, require_live
from approvals.case.reviewer_roles import groups_of
from approvals.case.snapshots import Case, load_case
from approvals.models import MAX_COMMENT, Override, OverrideWithdrawal, RequestState, TransitionRequest
from approvals.requests.lifecycle import expire_request, mark_stale, refresh_request
from approvals.requests.queries import overrides_of
from approvals.requests.review import denied, require_reviewer, require_seen
from approvals.requests.settle import settle_request
from approvals.requests.signatures import OVERRIDE, Proof, Signature, prove, signature_facts, signed_fields
from approvals.verdict.evaluation import RuleVerdict
from approvals.verdict.votes import excluded_people
from audit.actions import Action
from audit.services import record
from core.actors import Actor, system_actor
from core.errors import Conflict, InvalidInput, InvalidState, NotFound
from policies.rules import Level, Rule
from registry.names import check_text

_ACTION, _BACK = Action.APPROVALS_RULE_OVERRIDDEN, Action.APPROVALS_OVERRIDE_WITHDRAWN


def override_rule(
    *, actor: Actor, request_id: int, rule: str, reason: str, seen_digest: str, signature: Signature | None = None
) -> Override:
    """Record that a soft rule is overridden and return it; the last thing missing has the request applied.

    Raises NotFound (request, rule), InvalidInput (no reason, no digest), Denied (a token, none of the groups the rule names,
    a hand in the work), InvalidState (closed, expired, a hard rule, nothing to override, no signature), Conflict (it changed
    since it was looked at, or is overridden already).
    """
    words = check_text(reason, "reason", MAX_COMMENT).strip()
    if not words:
        raise InvalidInput("An override needs a reason.")
    if _expire_if_due(actor, request_id):
        raise InvalidState(f"Request #{request_id} has expired.")
    return _override(actor, request_id, rule, words, seen_digest, prove(actor, signature, OVERRIDE))


@transaction.atomic
def _expire_if_due(actor: Actor, request_id: int) -> bool:
    request = lock_visible(actor, request_id)
    return expire_request(actor=system_actor("expire_requests"), request_id=request.pk)


@transaction.atomic
def _override(
    actor: Actor, request_id: int, rule_id: str, reason: str, seen_digest: str, proof: Proof | None
) -> Override:
    request = lock_visible(actor, request_id)
    person = require_reviewer(actor, request, _ACTION)
    case = refresh_request(actor=system_actor("override_rule"), request=request)
    if request.state != RequestState.OPEN:
        raise InvalidState(f"Request #{request.pk} is {request.state}: there is nothing to override.")
    rule = next((rule for rule in case.rules if rule.id == rule_id), None)
    if rule is None:
        raise NotFound(f"Request #{request.pk} has no rule {rule_id[:110]}.")
    _require_group(person, rule, case)
    require_seen(case, seen_digest, needed=True)
    _require_overridable(rule, case)
    try:
        with transaction.atomic():
            made = Override.objects.create(
                request=request,
                rule=rule.id,
                given_by=person,
                reason=reason,
                subject_digest=case.snapshot.subject_digest,
                **signed_fields(case, person, proof),
            )
    except IntegrityError as error:
        raise Conflict(
            f"{person.username} has overridden {rule.id} for this state already; what was taken back is not given twice."
        ) from error
    record(
        actor=actor,
        action=_ACTION,
        obj=request,
        after={"override": made.pk, "rule": rule.id, "subject_digest": made.subject_digest, **signature_facts(made)},
        reason=reason,
    )
    settle_request(actor=system_actor("override_rule", on_behalf_of=actor.name), request_id=request.pk)
    return made


def withdraw_override(*, actor: Actor, request_id: int, override_id: int, reason: str) -> Override:
    """Take an override back and return it: the rule stands in the way again, and an approval that rested on it is void.

    Raises NotFound (request, override), InvalidInput (no reason), Denied (a token, neither the giver nor one of the rule's
    groups), InvalidState (closed, expired), Conflict (taken back already).
    """
    words = check_text(reason, "reason", MAX_COMMENT).strip()
    if not words:
        raise InvalidInput("Taking an override back needs a reason.")
    if _expire_if_due(actor, request_id):
        raise InvalidState(f"Request #{request_id} has expired.")
    return _withdraw(actor, request_id, override_id, words)


@transaction.atomic
def _withdraw(actor: Actor, request_id: int, override_id: int, reason: str) -> Override:
    request = lock_visible(actor, request_id)
    person = require_reviewer(actor, request, _BACK)
    row = next((row for row in overrides_of(request) if row.pk == override_id), None)
    if row is None:
        raise NotFound(f"Request #{request.pk} has no override {override_id}.")
    case = load_case(request)
    if not may_take_back(person.username, groups_of(actor), row, case.rules):
        raise denied(
            "Only whoever gave it, or a member of the groups the rule names, may take it back.", request, _BACK
        )
    require_live(request)
    if row.taken_back is not None:
        raise Conflict(f"This override was taken back by {row.taken_back.withdrawn_by.username} already.")
    row.withdrawal = OverrideWithdrawal.objects.create(override=row, withdrawn_by=person, reason=reason)
    after = {"override": row.pk, "rule": row.rule, "given_by": row.given_by.username}
    record(actor=actor, action=_BACK, obj=request, after=after, reason=reason)
    _follow(actor, request, f"{person.username} took back the override of {row.rule}: {reason}")
    return row


def _follow(actor: Actor, request: TransitionRequest, why: str) -> None:
    """Look at the request again; close it where it was approved and is no longer."""
    system = system_actor("withdraw_override", on_behalf_of=actor.name)
    verdict = settle_request(actor=system, request_id=request.pk).verdict()
    if request.state == RequestState.APPROVED and not verdict.is_approved and not verdict.only_waits:
        mark_stale(actor=system, request_id=request.pk, reason=why)


def may_take_back(name: str, groups: set[str] | frozenset[str], row: Override, rules: Iterable[Rule]) -> bool:
    """Return whether a person may take an override back: the giver, and whoever could have given it by their groups."""
    named = {group for rule in rules if rule.id == row.rule for group in rule.override_by}
    return name == row.given_by.username or not named.isdisjoint(groups)


def may_override(actor: Actor, groups: set[str] | frozenset[str], case: Case, row: RuleVerdict) -> bool:
    """Return whether this person, a member of ``groups``, may override a rule as it stands; the service asks the same."""
    excluded = excluded_people(case.rules, case.snapshot.people)
    return (
        case.request.state == RequestState.OPEN
        and row.level is Level.SOFT
        and row.blocks
        and not groups.isdisjoint(row.override_by)
        and actor.name not in excluded
    )


def _require_group(person: User, rule: Rule, case: Case) -> None:
    if rule.level is not Level.SOFT:
        raise InvalidState(f"The rule {rule.id} is {rule.level.value}: only a soft rule can be overridden.")
    if not person.groups.filter(name__in=rule.override_by).exists():
        why = f"Only a member of {' or '.join(rule.override_by)} may override {rule.id}."
        raise denied(why, case.request, _ACTION)
    if role := excluded_people(case.rules, case.snapshot.people).get(person.username):
        why = f"{person.username} may not override a rule of this request, being its {role.replace('_', ' ')}."
        raise denied(why, case.request, _ACTION)


def _require_overridable(rule: Rule, case: Case) -> None:
    row = next(row for row in case.verdict().rules if row.rule == rule.id)
    if not row.blocks:
        raise InvalidState(f"The rule {rule.id} does not stand in the way: it is {row.status.value.replace('_', ' ')}.")
