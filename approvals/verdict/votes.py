"""Whose votes count for what: digests, carry-over, standing, delegation, four eyes, distinct groups. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from approvals.verdict.facts import ReviewFacts, Snapshot
from policies.rules import ApprovalsRule, FourEyesRule, Rule


def excluded_people(rules: Iterable[Rule], people: Mapping[str, frozenset[str]]) -> dict[str, str]:
    """Return who may not decide, by username, with the role that keeps them out; raises KeyError for an unknown role.

    Whatever the rules say, nobody decides on their own request.
    """
    found = dict.fromkeys(sorted(people.get("requester", ())), "requester")
    for rule in rules:
        if isinstance(rule, FourEyesRule):
            for role in rule.roles:
                for name in sorted(people[role]):
                    found.setdefault(name, role)
    return found


def covers(review: ReviewFacts, snapshot: Snapshot, carry_over: tuple[str, ...] = ()) -> bool:
    """Return whether a review is of the present state, give or take the parts that may change.

    `card` carries the card and the checks that read it; `checks` every check result; `incumbent` what would be replaced.
    """
    if review.digest == snapshot.subject_digest:
        return True
    if not carry_over or not review.parts or not snapshot.parts:
        return False
    changed = {part for part in {*review.parts, *snapshot.parts} if review.parts.get(part) != snapshot.parts.get(part)}
    return all(_may_change(part, carry_over) for part in changed)


def _may_change(part: str, carry_over: tuple[str, ...]) -> bool:
    if part.startswith("check:"):
        return "checks" in carry_over or ("card" in carry_over and part.startswith("check:card."))
    return part in carry_over


def counting_approvals(rule: ApprovalsRule, snapshot: Snapshot, excluded: Mapping[str, str]) -> list[ReviewFacts]:
    """Return the approvals that count for a rule, at most one for each reviewer and for each standing, earliest first.

    A vote counts when it is the reviewer's latest on the present state, by a person with standing, and neither the
    reviewer nor whoever delegated to them had a hand in the work; where the policy asks for signatures, when it is signed.
    """
    found: list[ReviewFacts] = []
    used: set[str] = set()
    for review in latest_reviews(snapshot.reviews, snapshot, rule.carry_over):
        names = {review.reviewer, review.authority}
        if review.decision != "approve" or not review.can_decide or names & used or not names.isdisjoint(excluded):
            continue
        if snapshot.e_signature and not review.signed:
            continue
        if voting_rights(rule, review, snapshot.model_name):
            found.append(review)
            used |= names
    return found if not rule.distinct_groups else _of_distinct_groups(rule, found, snapshot.model_name)


def latest_reviews(
    reviews: Iterable[ReviewFacts], snapshot: Snapshot, carry_over: tuple[str, ...] = ()
) -> list[ReviewFacts]:
    """Return each reviewer's last word on the present state, in the order (time, name) that does not depend on the input."""
    last: dict[str, ReviewFacts] = {}
    for review in sorted(reviews, key=_order):
        if covers(review, snapshot, carry_over):
            last[review.reviewer] = review
    return sorted(last.values(), key=_order)


def voting_rights(rule: ApprovalsRule, review: ReviewFacts, model_name: str) -> frozenset[str]:
    """Return what gives a reviewer a vote under a rule: groups, `role:…`, `owner`; empty for no vote."""
    groups = review.groups & set(rule.groups)
    roles = {f"role:{role}" for role in rule.roles if role in review.roles}
    owns = {"owner"} if review.authority in owners_named_by(rule, model_name) else set()
    return frozenset(groups | roles | owns)


def owners_named_by(rule: ApprovalsRule, model_name: str) -> frozenset[str]:
    """Return the people a rule names as owners of this model."""
    return frozenset(user for owners in rule.owners if fnmatchcase(model_name, owners.models) for user in owners.users)


def _order(review: ReviewFacts) -> tuple[object, ...]:
    # At the same moment a refusal is the later word: a tie never helps the candidate.
    return (review.at, review.decision != "approve", review.reviewer, review.on_behalf_of)


def _of_distinct_groups(rule: ApprovalsRule, found: list[ReviewFacts], model_name: str) -> list[ReviewFacts]:
    """Return as many of the votes as can each stand for a group of their own (augmenting paths; Kuhn 1955)."""
    taken: dict[str, int] = {}

    def place(voter: int, seen: set[str]) -> bool:
        for group in sorted(voting_rights(rule, found[voter], model_name)):
            if group not in seen:
                seen.add(group)
                if group not in taken or place(taken[group], seen):
                    taken[group] = voter
                    return True
        return False

    for voter in range(len(found)):
        place(voter, set())
    return [found[voter] for voter in sorted(taken.values())]
