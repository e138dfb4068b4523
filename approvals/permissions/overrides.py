"""Permissions to override a soft rule, and to withdraw an override."""

from __future__ import annotations

from collections.abc import Iterable

from approvals.case.account_doubts import doubt_now, parties_of
from approvals.case.loading import Case
from approvals.models import Override, RequestState
from approvals.permissions.people import refusal_unless_signed_in
from approvals.permissions.refusal import Refusal
from approvals.verdict.evaluation import RuleVerdict
from approvals.verdict.votes import excluded_people, involvement
from audit.actions import Action
from core.actors import Actor
from policies.rules import Rule, RuleLevel


def refusal_to_override(actor: Actor, groups: frozenset[str], case: Case, row: RuleVerdict) -> Refusal | None:
    """Return the refusal of an actor who may not override a rule; None if they may. ``groups`` are their groups.

    The actor must be a person who is signed in, be in a group that the rule names, and not be involved in the work.
    Nobody involved may have made or changed their account lately.
    """
    action, request = Action.APPROVALS_RULE_OVERRIDDEN, case.request
    if refusal := refusal_unless_signed_in(actor, action, request, purpose="override a rule"):
        return refusal
    if groups.isdisjoint(row.override_by):
        message = f"Only a member of {' or '.join(row.override_by)} may override {row.rule}."
        return Refusal(message, action, request)
    if role := excluded_people(case.rules, case.snapshot.people).get(actor.name):
        message = f"{actor.name} cannot override a rule of this request: {involvement(role)}."
        return Refusal(message, action, request)
    if doubt := doubt_now(actor.name, parties_of(case.snapshot.people), case.window):
        return Refusal(f"{actor.name} cannot override a rule of this request: {doubt}.", action, request)
    return None


def can_override(actor: Actor, groups: frozenset[str], case: Case, row: RuleVerdict) -> bool:
    """Return whether the request is open, the rule is soft and blocks, and this person may override it."""
    is_overridable = case.request.state == RequestState.OPEN and row.level is RuleLevel.SOFT and row.blocks
    return is_overridable and refusal_to_override(actor, groups, case, row) is None


def refusal_to_withdraw_override(
    actor: Actor, groups: frozenset[str], override: Override, rules: Iterable[Rule]
) -> Refusal | None:
    """Return the refusal of an actor who may not withdraw an override; None if they may. ``groups`` are their groups.

    The actor must be a person who is signed in. They must have given the override, or be in a group that its rule, one
    of ``rules``, names.
    """
    action, request = Action.APPROVALS_OVERRIDE_WITHDRAWN, override.request
    if refusal := refusal_unless_signed_in(actor, action, request, purpose="withdraw an override"):
        return refusal
    rule_groups = {group for rule in rules if rule.id == override.rule for group in rule.override_by}
    if actor.name == override.given_by.username or not rule_groups.isdisjoint(groups):
        return None
    message = "Only the person who gave the override, or a member of the groups that the rule names, may withdraw it."
    return Refusal(message, action, request)
