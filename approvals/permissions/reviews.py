"""Permission to decide on a transition request, for the services, the pages, the API and the MLflow endpoints alike.

A person decides by their own review rights: a group, a role on the model, or being its owner. A person without review
rights decides by those of somebody who delegated to them. Delegated rights cannot be delegated again. Nobody who is
involved in the work may decide, and nobody may decide on behalf of somebody who is involved.
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
from approvals.case.account_doubts import doubt_about, parties_of
from approvals.case.loading import Case
from approvals.case.reviewer_roles import ReviewRights, review_rights
from approvals.models import LIVE_STATES, Decision, Delegation
from approvals.permissions.people import refusal_unless_in_person
from approvals.permissions.refusal import Refusal
from approvals.verdict.facts import ReviewFacts
from approvals.verdict.rule_outcomes import applies
from approvals.verdict.votes import covers, excluded_reviewers, involvement, latest_reviews, voting_rights
from audit.actions import Action
from core.actors import Actor, ActorKind
from policies.rule_texts import voters_text
from policies.rules import ApprovalsRule


class Ineligibility(StrEnum):
    """Reasons why a person cannot decide on a request.

    The first two are about the request, the others about the person.
    """

    CLOSED = "closed"
    NO_APPROVAL_ASKED = "no_approval_asked"
    NOT_A_PERSON = "not_a_person"
    INVOLVED = "involved"
    NEW_ACCOUNT = "new_account"
    NO_REVIEW_RIGHTS = "no_review_rights"
    RIGHTS_USED = "rights_used"


@dataclass(frozen=True, slots=True)
class Reviewer:
    """A caller with their review rights, by (model id, user id), on the models they were loaded for.

    ``delegations`` are those to the caller that are in force now. ``rights`` has the caller's own review rights and
    those of each delegator.
    """

    name: str
    user_id: int
    is_person: bool
    rights: Mapping[tuple[int, int], ReviewRights] = field(default_factory=dict)
    delegations: tuple[Delegation, ...] = ()


@dataclass(frozen=True, slots=True)
class Eligibility:
    """The right of a person to decide on a request. ``reason`` and ``message`` say why they may not, else None and "".

    ``role`` is their role in the work, if they are involved. ``needed`` says who could decide, if they have no review
    rights. ``on_behalf_of`` is the delegator by whose review rights they would decide, None for their own.
    ``last_decision`` is their decision on the present state, "" for none; they may not repeat it.
    """

    reason: Ineligibility | None = None
    message: str = ""
    role: str = ""
    needed: str = ""
    on_behalf_of: User | None = None
    last_decision: str = ""

    @property
    def can_decide(self) -> bool:
        """Return whether the person can decide now."""
        return self.reason is None

    @property
    def is_about_request(self) -> bool:
        """Return whether nobody at all can decide: the request is closed, or its policy asks for no approval."""
        return self.reason in (Ineligibility.CLOSED, Ineligibility.NO_APPROVAL_ASKED)


def refusal_to_decide(actor: Actor, case: Case, eligibility: Eligibility) -> Refusal | None:
    """Return the refusal of an actor who may not decide on a request; None if they may, or if nobody can.

    ``eligibility`` is the `eligibility_of` the actor.
    """
    if refusal := refusal_unless_in_person(actor, Action.APPROVALS_REVIEW_GIVEN, case.request, purpose="decide"):
        return refusal
    if eligibility.can_decide or eligibility.is_about_request:
        return None
    return Refusal(eligibility.message, Action.APPROVALS_REVIEW_GIVEN, case.request)


def delegations_in_force(at: datetime | None = None) -> QuerySet[Delegation]:
    """Return the delegations that are in force at ``at``, by default now."""
    now = at or timezone.now()
    rows = Delegation.objects.filter(revoked_at__isnull=True, starts_at__lte=now, ends_at__gt=now)
    return rows.filter(delegator__is_active=True, delegator__is_service=False)


def load_reviewer(actor: Actor, model_ids: Collection[int]) -> Reviewer:
    """Return a caller with their review rights on these models; four queries, however many models there are."""
    if actor.kind is not ActorKind.USER or actor.user_id is None:
        return Reviewer(actor.name, actor.user_id or 0, is_person=False)
    rows = delegations_in_force().filter(delegate=actor.user_id).select_related("delegator")
    delegations = tuple(rows.order_by("delegator__username", "pk"))
    people = {actor.user_id, *(row.delegator_id for row in delegations)}
    rights = review_rights((model_id, pk) for model_id in model_ids for pk in people)
    return Reviewer(actor.name, actor.user_id, is_person=True, rights=rights, delegations=delegations)


def eligibility_of(reviewer: Reviewer, case: Case) -> Eligibility:
    """Return the eligibility of a person to decide on a request now."""
    rules = [rule for rule in case.rules if isinstance(rule, ApprovalsRule) and applies(rule, case.snapshot)]
    if ineligible := _before_rights(reviewer, case, rules):
        return ineligible
    excluded = excluded_reviewers(case.snapshot)
    if role := excluded.get(reviewer.name):
        message = f"{reviewer.name} cannot decide on this request: {involvement(role)}."
        return Eligibility(Ineligibility.INVOLVED, message, role)
    parties = parties_of(case.snapshot.people)
    if doubt := doubt_about(reviewer.name, case.accounts, parties, case.window, timezone.now()):
        message = f"{reviewer.name} cannot decide on this request: {doubt}."
        return Eligibility(Ineligibility.NEW_ACCOUNT, message)
    last = _last_decision(reviewer.name, case)
    if _has_rights(rules, case, reviewer.name, reviewer.rights.get((_model_id(case), reviewer.user_id))):
        return Eligibility(last_decision=last)
    return _by_delegation(reviewer, case, rules, excluded, last)


def _before_rights(reviewer: Reviewer, case: Case, rules: list[ApprovalsRule]) -> Eligibility | None:
    """Return why somebody cannot decide whatever their review rights; None if the rights matter."""
    request = case.request
    if not reviewer.is_person:
        return Eligibility(Ineligibility.NOT_A_PERSON, "Only a person may decide; a service account may not.")
    if request.state not in LIVE_STATES:
        message = f"Request #{request.pk} is {request.state}: there is nothing to decide."
        return Eligibility(Ineligibility.CLOSED, message)
    if not rules:
        return Eligibility(Ineligibility.NO_APPROVAL_ASKED, f"{case.policy.label} asks for no approval.")
    return None


def _by_delegation(
    reviewer: Reviewer, case: Case, rules: list[ApprovalsRule], excluded: Mapping[str, str], last: str
) -> Eligibility:
    """Return the eligibility of a person by review rights that were delegated to them and that nobody has used yet."""
    used = _rights_used(reviewer.name, case)
    used_delegators: list[str] = []
    for row in reviewer.delegations:
        delegator = row.delegator
        if doubt_about(
            delegator.username, case.accounts, parties_of(case.snapshot.people), case.window, timezone.now()
        ):
            continue
        if delegator.username in excluded or not fnmatchcase(case.snapshot.model_name, row.models_pattern):
            continue
        if not _has_rights(rules, case, delegator.username, reviewer.rights.get((_model_id(case), delegator.pk))):
            continue
        if delegator.username not in used:
            return Eligibility(on_behalf_of=delegator, last_decision=last)
        used_delegators.append(delegator.username)
    if used_delegators:
        delegators = " or ".join(used_delegators)
        message = f"{reviewer.name} would decide on behalf of {delegators}, whose approval was counted already."
        return Eligibility(Ineligibility.RIGHTS_USED, message)
    needed = " or ".join(dict.fromkeys(voters_text(rule) for rule in rules))
    message = f"{reviewer.name} is not among those who can decide: {needed}."
    return Eligibility(Ineligibility.NO_REVIEW_RIGHTS, message, needed=needed)


def _has_rights(rules: list[ApprovalsRule], case: Case, name: str, rights: ReviewRights | None) -> bool:
    groups, roles = rights or (frozenset(), frozenset())
    vote = ReviewFacts(
        name, groups, Decision.APPROVE, case.snapshot.subject_digest, case.request.opened_at, roles=roles
    )
    return any(voting_rights(rule, vote, case.snapshot.model_name) for rule in rules)


def _last_decision(name: str, case: Case) -> str:
    own = [row for row in latest_reviews(case.snapshot.reviews, case.snapshot) if row.reviewer == name]
    return own[-1].decision if own else ""


def _rights_used(name: str, case: Case) -> set[str]:
    """Return the usernames of the people by whose review rights somebody other than ``name`` has approved."""
    return {
        row.authority
        for row in case.snapshot.reviews
        if row.reviewer != name and row.decision == Decision.APPROVE and covers(row, case.snapshot)
    }


def _model_id(case: Case) -> int:
    return case.request.version.model_id
