"""Who may change a policy: people of the right group, and nobody whom it judges at the moment.

Judged is who stands behind a live request that the policy governs, or would govern as proposed: the requester, the author of
the version, and the owner of a service account that is either. Being a superuser makes nobody an approver.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib.auth.models import Group
from django.db.models import Q

from accounts.models import User
from accounts.owners import owners_of
from approvals.case.incumbents import Move
from approvals.case.subjects import load_subjects, people_by_role
from approvals.models import LIVE_STATES, TransitionRequest
from core.actors import Actor
from policies.matching import active_policies, governing_policy, in_scope, model_facts
from policies.models import PolicyProposal
from policies.rules import PolicyBody

EDITORS = "policy-editors"
REVIEWERS = "policy-reviewers"
_JUDGED_AS = ("requester", "version_author")


def may_propose(actor: Actor) -> bool:
    """Return whether the actor is of the group that proposes, or a superuser; it takes somebody who can be named."""
    if actor.user_id is None:
        return False
    return actor.is_superuser or Group.objects.filter(name=EDITORS, user=actor.user_id).exists()


def people_judged_by(name: str, bodies: Sequence[PolicyBody]) -> dict[str, int]:
    """Return whom a policy judges now, or would under one of ``bodies``, each with a live request of theirs.

    A fixed number of queries, however many requests are live.
    """
    targets = {body.target for body in bodies}
    touched = Q(target__in=targets) | Q(policy_revision__policy__name=name) | Q(followed_revision__policy__name=name)
    rows = TransitionRequest.objects.with_relations().filter(touched, state__in=LIVE_STATES)
    found = list(rows.order_by("pk"))
    facts = model_facts({row.version.model_id: row.version.model for row in found}.values())
    policies = active_policies()
    judged: list[TransitionRequest] = []
    for row in found:
        model = facts[row.version.model_id]
        current = governing_policy(policies, model, row.target)
        names = {row.policy_revision.policy.name, current.body.name if current else ""}
        if row.followed_revision is not None:
            names.add(row.followed_revision.policy.name)
        if name in names or any(body.target == row.target and in_scope(body, model) for body in bodies):
            judged.append(row)
    return _people_behind(judged)


def _people_behind(requests: Sequence[TransitionRequest]) -> dict[str, int]:
    subjects = load_subjects([Move(row.version, row.target, row.archive_existing) for row in requests])
    people = people_by_role(subjects, [row.requester.username for row in requests])
    found: dict[str, int] = {}
    for row, roles in zip(requests, people, strict=True):
        for role in _JUDGED_AS:
            for name in sorted(roles[role]):
                found.setdefault(name, row.pk)
    return found


def identities_of(user: User) -> tuple[str, ...]:
    """Return who stands behind an account: itself, and its owners, present and former, where it is a service account."""
    return (user.username, *sorted(owners_of([user.username]).get(user.username, ())))


def possible_reviewers(proposal: PolicyProposal, judged: dict[str, int]) -> list[str]:
    """Return who could approve a proposal now, by name: people of the reviewers' group that nothing keeps out."""
    out = {*identities_of(proposal.proposer), *judged}
    people = User.objects.filter(groups__name=REVIEWERS, is_active=True, is_service=False).order_by("username")
    return [name for name in people.values_list("username", flat=True) if name not in out]


def missing_reviewer_advice(actor: Actor) -> str:
    """Return what to do where no person but the actor is of the reviewers' group, "" where somebody is."""
    people = User.objects.filter(groups__name=REVIEWERS, is_active=True, is_service=False)
    others = people.exclude(pk=actor.user_id) if actor.user_id is not None else people
    return reviewer_advice(list(others.values_list("username", flat=True)[:1]))


def reviewer_advice(possible: Sequence[str]) -> str:
    """Return what to do where nobody could approve, "" where somebody could."""
    if possible:
        return ""
    return (
        "Nobody can approve a change yet: a policy changes only when a second person agrees, whatever rights the first one has. "
        f"Put a person who did not propose it into the group {REVIEWERS} "
        f"(manage.py create_user NAME --group {REVIEWERS}, or the page Groups)."
    )
