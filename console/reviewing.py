"""Which open requests wait for one person, asked in a few queries however many requests there are."""

from __future__ import annotations

from django.contrib.auth.models import Group
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery

from accounts.models import User
from approvals.counting import excluded_people
from approvals.governance import Governing, active_policies
from approvals.models import CheckRun, RequestState, Review, TransitionRequest
from approvals.rules import ApprovalsRule, FourEyesRule
from approvals.snapshots import Case
from audit.actors import Actor
from registry.models import CardRevision
from registry.permissions import visible_versions
from tracking.models import Run


def waiting_for(actor: Actor) -> QuerySet[TransitionRequest]:
    """Return the open requests that this person may decide and has not decided yet, the longest waiting first.

    A first sieve by columns for counts and lists; the word on a single request is the service's.
    """
    rows = TransitionRequest.objects.filter(state=RequestState.OPEN)
    groups = set(Group.objects.filter(user=actor.user_id).values_list("name", flat=True)) if actor.user_id else set()
    mine = [policy for policy in active_policies() if groups and _asks(policy, groups)]
    if not mine:
        return rows.none()
    names = _names_of(actor)
    allowed = Q()
    for policy in mine:
        allowed |= Q(policy_revision__policy_id=policy.revision.policy_id) & ~_hand_in(policy, names)
    decided = Review.objects.filter(
        request=OuterRef("pk"), reviewer_id=actor.user_id, subject_digest=OuterRef("subject_digest")
    )
    return rows.filter(
        allowed, ~Q(requester__username__in=names), ~Exists(decided), version__in=visible_versions(actor)
    ).order_by("opened_at", "pk")


def obstacle(actor: Actor, case: Case) -> str:
    """Return why this person may not decide on a request now, "" when they may."""
    asked = {name for rule in case.rules if isinstance(rule, ApprovalsRule) for name in rule.groups}
    if case.request.state != RequestState.OPEN:
        return ""
    if not asked:
        return "The policy asks for no approval: the request is applied when its checks have passed."
    role = excluded_people(case.rules, case.snapshot.people).get(actor.name)
    if role is not None:
        return f"{_ROLES.get(role, role)}: four eyes. Somebody else must decide."
    if not Group.objects.filter(user=actor.user_id, name__in=asked).exists():
        return f"Only a member of {' or '.join(sorted(asked))} decides on this."
    if _has_decided(actor, case):
        return "You have decided on this already."
    return ""


_ROLES = {
    "requester": "You asked for this",
    "version_author": "You registered this version",
    "run_user": "You ran this training",
    "card_editor": "You edited this model card",
    "check_author": "You posted the result of one of its checks",
}


def _asks(policy: Governing, groups: set[str]) -> bool:
    return any(isinstance(rule, ApprovalsRule) and groups & set(rule.groups) for rule in policy.body.rules)


def _names_of(actor: Actor) -> list[str]:
    """Return the names this person acts under: their own and those of their service accounts."""
    return [actor.name, *User.objects.filter(owner_id=actor.user_id).values_list("username", flat=True)]


def _hand_in(policy: Governing, names: list[str]) -> Q:
    """Return the condition "one of ``names`` had a hand in it", by the roles that the policy keeps apart."""
    roles = {role for rule in policy.body.rules if isinstance(rule, FourEyesRule) for role in rule.roles}
    found = Q(pk__in=[])
    if "version_author" in roles:
        found |= Q(version__created_by__in=names)
    if "run_user" in roles:
        found |= Q(version__run_id__in=Subquery(Run.objects.filter(created_by__in=names).values("pk")))
    if "card_editor" in roles:
        edited = CardRevision.objects.filter(version=OuterRef("version"), author__in=names)
        found |= Q(Exists(edited))
    if "check_author" in roles:
        found |= Q(Exists(CheckRun.objects.filter(request=OuterRef("pk"), author__in=names)))
    return found


def _has_decided(actor: Actor, case: Case) -> bool:
    digest = case.snapshot.subject_digest
    return any(review.reviewer == actor.name and review.digest == digest for review in case.snapshot.reviews)


def newest_first(rows: QuerySet[TransitionRequest]) -> QuerySet[TransitionRequest]:
    """Return requests with what a line shows of each, the newest first."""
    return rows.select_related("version__model", "requester", "policy_revision__policy").order_by(
        F("closed_at").desc(nulls_first=True), "-pk"
    )
