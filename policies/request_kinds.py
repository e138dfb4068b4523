"""The kinds of request, and the rules each is judged by under a policy. Pure.

A promotion is judged by the policy's rules. A rollback goes back to what was there before and is judged by the policy's
lane for it: files unchanged, an approval that still stands, and the approvals the policy asks of rollbacks. Breaking the
glass is for emergencies: files unchanged, and a second person of the groups that may. Four eyes hold in every kind.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from enum import StrEnum

from policies.rules import ApprovalsRule, CheckRule, EarlierApprovalRule, FourEyesRule, PolicyBody, Rule, RuleLevel


class RequestKind(StrEnum):
    """What sort of move is asked for."""

    PROMOTION = "promotion"
    ROLLBACK = "rollback"
    BREAK_GLASS = "break_glass"


_UNCHANGED = CheckRule(id="digest", level=RuleLevel.HARD, check="artifact.digest_matches")


def rules_for(body: PolicyBody, kind: str) -> tuple[Rule, ...]:
    """Return the rules a request of this kind is judged by; breaking the glass where the policy has none never passes."""
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
    asked = body.options.rollback_approvals
    return (_UNCHANGED, earlier, *([asked] if asked else []), *_four_eyes(body))


def _break_glass(body: PolicyBody) -> tuple[Rule, ...]:
    option = body.options.break_glass
    groups = option.groups if option else ()
    second = ApprovalsRule(id="second-person", level=RuleLevel.HARD, count=1, groups=groups)
    if option is not None and not option.second_person:
        return (_UNCHANGED, *_four_eyes(body))
    return (_UNCHANGED, second, *_requester_only())


def _requester_only() -> Iterable[Rule]:
    """In an emergency the author may be the second person; whoever asked never is."""
    return (FourEyesRule(id="four-eyes", level=RuleLevel.HARD, roles=("requester",)),)


def merge_rules(pinned: tuple[Rule, ...], now: tuple[Rule, ...]) -> tuple[Rule, ...]:
    """Return the rules an open request is judged by: those it was opened under, and what has been tightened since.

    All of ``pinned`` stay, so loosening a policy does not reach requests that are open; whatever ``now`` has that is not
    there in the same words is added, so tightening does. Of two approvals rules that differ in the count alone the greater
    counts. A rule that is added beside one of the same id is called by its id and `.new`; every id stays one rule's.
    """
    found = list(pinned)
    for rule in now:
        place = next((n for n, other in enumerate(found) if other.id == rule.id), None)
        if place is None:
            found.append(rule)
        elif found[place] != rule:
            _add(found, place, rule)
    return tuple(found)


def _add(found: list[Rule], place: int, rule: Rule) -> None:
    here = found[place]
    if isinstance(here, ApprovalsRule) and isinstance(rule, ApprovalsRule) and replace(here, count=rule.count) == rule:
        found[place] = here if here.count >= rule.count else rule
        return
    name, taken = f"{rule.id}.new", {other.id for other in found}
    while name in taken:  # a policy may call a rule so itself, and answers are found by id
        name += ".new"
    found.append(replace(rule, id=name))
