"""People that a policy applies to now, and people who can approve a change of the policy.

A policy applies to the people of each live request that it governs, or would govern as proposed. These are the
requester, the author of the version, and the owners of a service account that is requester or author. Superusers are
not reviewers unless they are in the group.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Q, QuerySet

from accounts.models import User
from accounts.owners import owners_of
from approvals.case.incumbents import Move
from approvals.case.subjects import load_subjects, people_by_role
from approvals.models import LIVE_STATES, TransitionRequest
from core.actors import Actor
from policies.matching import active_policies, governing_policy, in_scope, model_facts
from policies.models import PolicyProposal
from policies.parsing import parse_published
from policies.rules import PolicyBody

EDITORS = "policy-editors"
REVIEWERS = "policy-reviewers"
_ROLES = ("requester", "version_author")


def people_under(name: str, bodies: Sequence[PolicyBody]) -> dict[str, int]:
    """Return the id of a live request by the username of each person that a policy applies to.

    Counted are requests that it governs now, or would govern under one of ``bodies``.

    A fixed number of queries, however many requests are live.
    """
    targets = {body.target for body in bodies}
    related = Q(target__in=targets) | Q(policy_revision__policy__name=name) | Q(followed_revision__policy__name=name)
    rows = TransitionRequest.objects.with_relations().filter(related, state__in=LIVE_STATES)
    requests = list(rows.order_by("pk"))
    facts = model_facts({row.version.model_id: row.version.model for row in requests}.values())
    policies = active_policies()
    governed: list[TransitionRequest] = []
    for row in requests:
        model = facts[row.version.model_id]
        current = governing_policy(policies, model, row.target)
        names = {row.policy_revision.policy.name, current.body.name if current else ""}
        if row.followed_revision is not None:
            names.add(row.followed_revision.policy.name)
        if name in names or any(body.target == row.target and in_scope(body, model) for body in bodies):
            governed.append(row)
    return _involved_people(governed)


def people_under_proposal(proposal: PolicyProposal) -> dict[str, int]:
    """Return the people that the policy of a proposal applies to, as it is and as proposed."""
    bodies = [proposal.body, *([proposal.base_revision.body] if proposal.base_revision else [])]
    return people_under(proposal.name, [parse_published(body) for body in bodies])


def _involved_people(requests: Sequence[TransitionRequest]) -> dict[str, int]:
    subjects = load_subjects([Move(row.version, row.target, row.archive_existing) for row in requests])
    people = people_by_role(subjects, [row.requester.username for row in requests])
    ids: dict[str, int] = {}
    for row, roles in zip(requests, people, strict=True):
        for role in _ROLES:
            for name in sorted(roles[role]):
                ids.setdefault(name, row.pk)
    return ids


def identities_of(user: User) -> tuple[str, ...]:
    """Return the usernames that an account stands for: its own and, where it is a service account, its present and
    former owners.
    """
    return (user.username, *sorted(owners_of([user.username]).get(user.username, ())))


def possible_reviewers(proposal: PolicyProposal) -> list[str]:
    """Return the usernames of the reviewers who may approve a proposal now, sorted."""
    excluded = {*identities_of(proposal.proposer), *people_under_proposal(proposal)}
    return [name for name in _reviewers().values_list("username", flat=True) if name not in excluded]


def missing_reviewer_hint(actor: Actor) -> str:
    """Return advice on adding a reviewer of policies where there is none but the actor, else ""."""
    others = _reviewers().exclude(pk=actor.user_id) if actor.user_id is not None else _reviewers()
    return reviewer_hint(list(others.values_list("username", flat=True)[:1]))


def reviewer_hint(possible: Sequence[str]) -> str:
    """Return advice on adding a reviewer of policies where ``possible`` is empty, else ""."""
    if possible:
        return ""
    return (
        "Nobody can approve a change yet. Every change of a policy needs the approval of a second person. "
        f"Add a person who did not propose it to the group {REVIEWERS} "
        f"(manage.py create_user NAME --group {REVIEWERS}, or the page Groups)."
    )


def _reviewers() -> QuerySet[User]:
    return User.objects.filter(groups__name=REVIEWERS, is_active=True, is_service=False).order_by("username")
