"""May this person decide on a request, and if not, why: the one answer of the service, the pages, the API and the wires.

A person decides on their own standing (a group, a role on the model, owning it), or where they have none on that of somebody
who delegated to them. There are no chains: what is lent is what the delegator has themselves. Nobody who had a hand in the
work decides, and nobody decides for such a one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase

from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import User
from approvals.case.loading import Case
from approvals.case.reviewer_roles import ReviewRights, review_rights
from approvals.models import Decision, Delegation, RequestState
from approvals.verdict.facts import ReviewFacts
from approvals.verdict.rule_outcomes import applies
from approvals.verdict.votes import covers, excluded_people, latest_reviews, voting_rights
from core.actors import Actor, ActorKind
from policies.rules import ApprovalsRule, voters_text


class Hindrance(StrEnum):
    """Why somebody may not decide."""

    NO_PERSON = "no_person"
    CLOSED = "closed"
    NOTHING_ASKED = "nothing_asked"
    HAD_A_HAND = "had_a_hand"
    NO_STANDING = "no_standing"
    STANDING_USED = "standing_used"


@dataclass(frozen=True, slots=True)
class Voter:
    """A person as one who may decide, on the models they were loaded for. ``lent`` is what was delegated to them now."""

    name: str
    user_id: int
    is_person: bool
    standing: Mapping[tuple[int, int], ReviewRights] = field(default_factory=dict)
    lent: tuple[Delegation, ...] = ()


@dataclass(frozen=True, slots=True)
class Say:
    """Whether somebody may decide on a request. ``why_not`` is a sentence about them, "" where they may.

    ``role`` is the hand they had in it. ``on_behalf_of`` is whose standing they would decide on, None for their own.
    ``given`` is their last word on the present state, "" for none: it may be followed by another, not by the same.
    """

    hindrance: Hindrance | None = None
    why_not: str = ""
    role: str = ""
    on_behalf_of: User | None = None
    given: str = ""

    @property
    def may_decide(self) -> bool:
        return self.hindrance is None

    @property
    def is_awaited(self) -> bool:
        """Return whether the request waits for this person's word."""
        return self.hindrance is None and not self.given


def delegations_in_force(at: datetime | None = None) -> QuerySet[Delegation]:
    """Return the delegations that lend anything at a moment (now)."""
    now = at or timezone.now()
    rows = Delegation.objects.filter(revoked_at__isnull=True, starts_at__lte=now, ends_at__gt=now)
    return rows.filter(delegator__is_active=True, delegator__is_service=False)


def voter_of(actor: Actor, model_ids: Collection[int]) -> Voter:
    """Return a caller as one who may decide on requests of these models; four queries however many there are."""
    is_person = actor.kind is ActorKind.USER and actor.user_id is not None
    if not is_person or actor.user_id is None:
        return Voter(actor.name, actor.user_id or 0, is_person=False)
    rows = delegations_in_force().filter(delegate=actor.user_id).select_related("delegator")
    lent = tuple(rows.order_by("delegator__username", "pk"))
    people = {actor.user_id, *(row.delegator_id for row in lent)}
    standing = review_rights((model_id, pk) for model_id in model_ids for pk in people)
    return Voter(actor.name, actor.user_id, is_person=True, standing=standing, lent=lent)


def say_of(voter: Voter, case: Case) -> Say:
    """Return whether a person may decide on a request now."""
    rules = [rule for rule in case.rules if isinstance(rule, ApprovalsRule) and applies(rule, case.snapshot)]
    if hindrance := _general(voter, case, rules):
        return hindrance
    excluded = excluded_people(case.rules, case.snapshot.people)
    if role := excluded.get(voter.name):
        why = f"{voter.name} may not decide on this request, being its {role.replace('_', ' ')}."
        return Say(Hindrance.HAD_A_HAND, why, role)
    given = _last_word(voter.name, case)
    if _has_standing(rules, case, voter.name, voter.standing.get((_model(case), voter.user_id))):
        return Say(given=given)
    return _by_delegation(voter, case, rules, excluded, given)


def _general(voter: Voter, case: Case, rules: list[ApprovalsRule]) -> Say | None:
    state = case.request.state
    if not voter.is_person:
        return Say(Hindrance.NO_PERSON, "Only a person decides; service accounts never do.")
    if state not in (RequestState.OPEN, RequestState.APPROVED):
        return Say(Hindrance.CLOSED, f"Request #{case.request.pk} is {state}: there is nothing to decide.")
    if not rules:
        return Say(Hindrance.NOTHING_ASKED, f"{case.policy.label} asks for no approval.")
    return None


def _by_delegation(
    voter: Voter, case: Case, rules: list[ApprovalsRule], excluded: Mapping[str, str], given: str
) -> Say:
    """Return whether a person may decide on standing that somebody lent them and that nobody has used yet."""
    used = _standing_used(voter.name, case)
    held: list[str] = []
    for row in voter.lent:
        delegator = row.delegator
        if delegator.username in excluded or not fnmatchcase(case.snapshot.model_name, row.models_pattern):
            continue
        if not _has_standing(rules, case, delegator.username, voter.standing.get((_model(case), delegator.pk))):
            continue
        if delegator.username not in used:
            return Say(on_behalf_of=delegator, given=given)
        held.append(delegator.username)
    if held:
        why = f"{' and '.join(held)}, for whom {voter.name} stands in, has been counted already."
        return Say(Hindrance.STANDING_USED, why)
    asked = " or ".join(dict.fromkeys(voters_text(rule) for rule in rules))
    return Say(Hindrance.NO_STANDING, f"{voter.name} is not among those who decide: {asked}.")


def _has_standing(rules: list[ApprovalsRule], case: Case, name: str, standing: ReviewRights | None) -> bool:
    groups, roles = standing or (frozenset(), frozenset())
    as_if = ReviewFacts(
        name, groups, Decision.APPROVE, case.snapshot.subject_digest, case.request.opened_at, roles=roles
    )
    return any(voting_rights(rule, as_if, case.snapshot.model_name) for rule in rules)


def _last_word(name: str, case: Case) -> str:
    own = [row for row in latest_reviews(case.snapshot.reviews, case.snapshot) if row.reviewer == name]
    return own[-1].decision if own else ""


def _standing_used(name: str, case: Case) -> set[str]:
    """Return whose standing others have approved on: their own, or lent."""
    return {
        row.authority
        for row in case.snapshot.reviews
        if row.reviewer != name and row.decision == Decision.APPROVE and covers(row, case.snapshot)
    }


def _model(case: Case) -> int:
    return case.request.version.model_id
