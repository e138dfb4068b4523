"""Counting the approvals for a rule: digests, carry-over, review rights, delegation, four eyes and distinct groups.

Pure functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from approvals.verdict.facts import OverrideFacts, ReviewFacts, Snapshot
from policies.rules import ApprovalsRule, FourEyesRule, Rule

# Prefix of the roles of people who wrote evidence; approvals/case/evidence.py has the phrases after it.
WRITER_PREFIX = "wrote:"


def excluded_people(rules: Iterable[Rule], people: Mapping[str, frozenset[str]]) -> dict[str, str]:
    """Return the role of each person who may not decide, by username. Raises KeyError for an unknown role.

    Requesters are always excluded. A four-eyes rule also excludes its roles and the writers of evidence.
    """
    excluded = dict.fromkeys(sorted(people.get("requester", ())), "requester")
    writer_roles = sorted(role for role in people if role.startswith(WRITER_PREFIX))
    for rule in rules:
        if isinstance(rule, FourEyesRule):
            for role in (*rule.roles, *writer_roles):
                for name in sorted(people[role]):
                    excluded.setdefault(name, role)
    return excluded


def excluded_reviewers(snapshot: Snapshot) -> dict[str, str]:
    """Return the role of each person who may not review, by username.

    They are the `excluded_people` and, under a four-eyes rule, the people who overrode a rule for the present state.
    """
    excluded = excluded_people(snapshot.rules, snapshot.people)
    if not any(isinstance(rule, FourEyesRule) for rule in snapshot.rules):
        return excluded
    for row in sorted(snapshot.overrides, key=lambda row: (row.at, row.by, row.rule)):
        if row.digest == snapshot.subject_digest and row.withdrawn_at is None:
            excluded.setdefault(row.by, f"{WRITER_PREFIX}overrode the rule {row.rule}")
    return excluded


def role_text(role: str) -> str:
    """Return a role as text: `version author`, or a phrase such as `set or deleted the tag X of the version`."""
    return role.removeprefix(WRITER_PREFIX) if role.startswith(WRITER_PREFIX) else role.replace("_", " ")


def involvement(role: str) -> str:
    """Return a clause about a person in a role, for the end of a sentence: `they are its version author`."""
    if role.startswith(WRITER_PREFIX):
        return f"they (or a service account of theirs) {role_text(role)}"
    return f"they are its {role_text(role)}"


def involvement_of_reader(role: str) -> str:
    """Return a clause to a reader in a role, for the start of a sentence: `You are its version author`."""
    return f"You {role_text(role)}" if role.startswith(WRITER_PREFIX) else f"You are its {role_text(role)}"


def covers(review: ReviewFacts, snapshot: Snapshot, carry_over: tuple[str, ...] = ()) -> bool:
    """Return whether a review covers the present state, or one that differs only in the parts in ``carry_over``.

    `card` stands for the card and the checks that read it, `checks` for every check result, `incumbent` for the version
    that would be replaced.
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
    """Return the approvals that count for a rule, earliest first.

    There is at most one by each reviewer, and at most one by the review rights of each person. An approval counts if it
    is the reviewer's latest review of the present state, the reviewer has voting rights, neither the reviewer nor the
    delegator is excluded or has an account in doubt, and it is signed as the policy asks. Under ``distinct_groups``
    each approval needs a group of its own.
    """
    counting: list[ReviewFacts] = []
    used: set[str] = set()
    for review in latest_reviews(snapshot.reviews, snapshot, rule.carry_over):
        names = {review.reviewer, review.authority}
        if review.decision != "approve" or not review.can_decide or names & used or not names.isdisjoint(excluded):
            continue
        if review.account_doubt or lacks_signature(review, snapshot):
            continue
        if voting_rights(rule, review, snapshot.model_name):
            counting.append(review)
            used |= names
    return counting if not rule.distinct_groups else _of_distinct_groups(rule, counting, snapshot.model_name)


def lacks_signature(row: ReviewFacts | OverrideFacts, snapshot: Snapshot) -> bool:
    """Return whether an approval or an override does not count because it is not signed as the policy asks."""
    return (snapshot.e_signature and not row.signed) or (snapshot.needs_passkey and not row.by_passkey)


def latest_reviews(
    reviews: Iterable[ReviewFacts], snapshot: Snapshot, carry_over: tuple[str, ...] = ()
) -> list[ReviewFacts]:
    """Return each reviewer's latest review of the present state, sorted by time and name."""
    last: dict[str, ReviewFacts] = {}
    for review in sorted(reviews, key=_order):
        if covers(review, snapshot, carry_over):
            last[review.reviewer] = review
    return sorted(last.values(), key=_order)


def voting_rights(rule: ApprovalsRule, review: ReviewFacts, model_name: str) -> frozenset[str]:
    """Return the rights by which a review votes under a rule: names of groups, `role:ROLE`, `owner`; empty for none."""
    groups = review.groups & set(rule.groups)
    roles = {f"role:{role}" for role in rule.roles if role in review.roles}
    ownership = {"owner"} if review.authority in owners_named_by(rule, model_name) else set()
    return frozenset(groups | roles | ownership)


def owners_named_by(rule: ApprovalsRule, model_name: str) -> frozenset[str]:
    """Return the usernames that a rule names as owners of this model."""
    return frozenset(user for owners in rule.owners if fnmatchcase(model_name, owners.models) for user in owners.users)


def _order(review: ReviewFacts) -> tuple[object, ...]:
    """Return a key that orders any two different reviews, so that a verdict does not depend on the order of rows."""
    # Of two reviews at the same moment the one that is not an approval counts as the later.
    moment = (review.at, review.decision != "approve", review.decision, review.reviewer, review.on_behalf_of)
    proofs = (review.digest, sorted(review.parts.items()), review.signed, review.by_passkey, review.account_doubt)
    return (*moment, *proofs, review.can_decide, sorted(review.groups), sorted(review.roles))


def _of_distinct_groups(rule: ApprovalsRule, reviews: list[ReviewFacts], model_name: str) -> list[ReviewFacts]:
    """Return a largest set of approvals that can each be assigned a group of its own (augmenting paths; Kuhn 1955)."""
    assigned: dict[str, int] = {}

    def assign(index: int, tried: set[str]) -> bool:
        for group in sorted(voting_rights(rule, reviews[index], model_name)):
            if group not in tried:
                tried.add(group)
                if group not in assigned or assign(assigned[group], tried):
                    assigned[group] = index
                    return True
        return False

    for index in range(len(reviews)):
        assign(index, set())
    return [reviews[index] for index in sorted(assigned.values())]
