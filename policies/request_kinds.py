"""The kinds of request, and the rules that a policy has for each. Pure functions.

A promotion must meet the policy's rules. A rollback brings back an earlier version: its files must be unchanged, its
earlier approval must still be valid, and it needs the approvals that the policy requires of rollbacks. Break-glass is
for emergencies: the files must be unchanged, and a second member of the named groups must approve, unless the policy
needs no second person. `four_eyes` applies to every kind; the second person of break-glass may be the author.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from enum import StrEnum

from policies.rules import ApprovalsRule, CheckRule, EarlierApprovalRule, FourEyesRule, PolicyBody, Rule, RuleLevel
from policies.targets import left_by


class RequestKind(StrEnum):
    """The kind of a transition request."""

    PROMOTION = "promotion"
    ROLLBACK = "rollback"
    BREAK_GLASS = "break_glass"


_UNCHANGED = CheckRule(id="digest", level=RuleLevel.HARD, check="artifact.digest_matches")


def rules_for(body: PolicyBody, kind: str) -> tuple[Rule, ...]:
    """Return the rules for a request of this kind.

    A policy on leaving gets no rule about files, so that a version with altered files can leave. A policy that does not
    allow break-glass gets a rule for it that nobody can meet.
    """
    if left_by(body.target):
        return _break_glass(body)[1:] if kind == RequestKind.BREAK_GLASS else body.rules
    match RequestKind(kind):
        case RequestKind.PROMOTION:
            return body.rules
        case RequestKind.ROLLBACK:
            return _rollback(body)
        case RequestKind.BREAK_GLASS:
            return _break_glass(body)


def _four_eyes(body: PolicyBody) -> list[Rule]:
    return [rule for rule in body.rules if isinstance(rule, FourEyesRule)]


def _rollback(body: PolicyBody) -> tuple[Rule, ...]:
    earlier = EarlierApprovalRule(id="earlier-approval", level=RuleLevel.HARD, within=body.options.rollback_within)
    approvals = body.options.rollback_approvals
    return (_UNCHANGED, earlier, *([approvals] if approvals else []), *_four_eyes(body))


def _break_glass(body: PolicyBody) -> tuple[Rule, ...]:
    option = body.options.break_glass
    groups = option.groups if option else ()
    second = ApprovalsRule(id="second-person", level=RuleLevel.HARD, count=1, groups=groups)
    if option is not None and not option.second_person:
        return (_UNCHANGED, *_four_eyes(body))
    return (_UNCHANGED, second, *_requester_only())


def _requester_only() -> Iterable[Rule]:
    """Return four eyes for break-glass: the author of the version may be the second person, the requester may not."""
    return (FourEyesRule(id="four-eyes", level=RuleLevel.HARD, roles=("requester",)),)


def merge_rules(pinned: tuple[Rule, ...], now: tuple[Rule, ...]) -> tuple[Rule, ...]:
    """Return the rules of an open request: ``pinned``, its rules so far, and the rules of ``now`` that differ.

    All rules of ``pinned`` stay, so a relaxed policy does not relax open requests. Each rule of ``now`` that differs is
    added, so a stricter policy does apply to them. Of two approvals rules that differ only in the count, the one with
    the greater count applies. A rule that is added beside one with the same id gets the id `ID.new`.
    """
    rules = list(pinned)
    for rule in now:
        index = next((n for n, other in enumerate(rules) if other.id == rule.id), None)
        if index is None:
            rules.append(rule)
        elif rules[index] != rule:
            _add_changed(rules, index, rule)
    return tuple(rules)


def _add_changed(rules: list[Rule], index: int, rule: Rule) -> None:
    pinned = rules[index]
    if (
        isinstance(pinned, ApprovalsRule)
        and isinstance(rule, ApprovalsRule)
        and replace(pinned, count=rule.count) == rule
    ):
        rules[index] = pinned if pinned.count >= rule.count else rule
        return
    name, taken = f"{rule.id}.new", {other.id for other in rules}
    while name in taken:  # a policy may use such an id itself, and overrides name a rule by its id
        name += ".new"
    rules.append(replace(rule, id=name))
