"""People that a policy applies to now, and people who can approve a change of the policy.

A policy applies to the people involved in each live request that it governs, or would govern as proposed. These are
the requester, the authors of the version, and the owners of a service account among them. Superusers are not reviewers
of policies unless they are in the group.
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
from policies.leaving import policies_of_move
from policies.matching import LoadedPolicy, ModelFacts, active_policies, in_scope, model_facts
from policies.models import PolicyProposal
from policies.parsing import parse_published
from policies.rules import PolicyBody
from policies.targets import exits_of, leave_target, left_by
from registry.stages import Stage, target_left

EDITORS = "policy-editors"
REVIEWERS = "policy-reviewers"
_ROLES = ("requester", "version_author")


def people_under(name: str, bodies: Sequence[PolicyBody]) -> dict[str, int]:
    """Return the people that the policy called ``name`` applies to: the id of one of their live requests, by username.

    A request counts if the policy governs it, adds rules to it, or would do so under one of ``bodies``. A fixed number
    of queries, however many requests are live.
    """
    related = Q(target__in={target for body in bodies for target in exits_of(body.target)})
    related |= Q(policy_revision__policy__name=name) | Q(followed_revision__policy__name=name)
    related |= Q(leave_revision__policy__name=name)
    if any(left_by(body.target) for body in bodies):
        related |= Q(version__is_current=True) | Q(target__startswith="-")
    rows = TransitionRequest.objects.with_relations().filter(related, state__in=LIVE_STATES)
    requests = list(rows.order_by("pk"))
    facts = model_facts({row.version.model_id: row.version.model for row in requests}.values())
    policies = active_policies()
    governed = [row for row in requests if _applies(name, bodies, row, facts[row.version.model_id], policies)]
    return _involved_people(governed)


def _applies(
    name: str,
    bodies: Sequence[PolicyBody],
    request: TransitionRequest,
    model: ModelFacts,
    policies: Sequence[LoadedPolicy],
) -> bool:
    """Return whether the policy called ``name``, as it is or as one of ``bodies``, applies to a request."""
    left_target = target_left(request.target, is_current=request.version.is_current)
    of_move = policies_of_move(policies, model, request.target, left_target)
    names = {request.policy_revision.policy.name}
    names |= {policy.body.name for policy in (of_move.entry, of_move.leave) if policy is not None}
    for revision in (request.followed_revision, request.leave_revision):
        names |= {revision.policy.name} if revision is not None else set()
    targets = {request.target, *((leave_target(left_target), leave_target(Stage.PRODUCTION)) if left_target else ())}
    return name in names or any(body.target in targets and in_scope(body, model) for body in bodies)


def people_under_proposal(proposal: PolicyProposal) -> dict[str, int]:
    """Return the people that the policy of a proposal applies to, as it is or as proposed; see `people_under`."""
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
    """Return the username of an account and, for a service account, those of its present and former owners."""
    return (user.username, *sorted(owners_of([user.username]).get(user.username, ())))


def possible_reviewers(proposal: PolicyProposal) -> list[str]:
    """Return the usernames of the reviewers who may approve a proposal now, sorted. They still have to sign in."""
    excluded = {*identities_of(proposal.proposer), *people_under_proposal(proposal)}
    return [name for name in _reviewers().values_list("username", flat=True) if name not in excluded]


def missing_reviewer_hint(actor: Actor) -> str:
    """Return advice on adding a reviewer of policies if there is none besides the actor, "" otherwise."""
    others = _reviewers().exclude(pk=actor.user_id) if actor.user_id is not None else _reviewers()
    return reviewer_hint(list(others.values_list("username", flat=True)[:1]))


def reviewer_hint(possible: Sequence[str]) -> str:
    """Return advice on adding a reviewer of policies if ``possible`` is empty, "" otherwise."""
    if possible:
        return ""
    return (
        "Nobody can approve a change yet. Every change of a policy needs the approval of a second person. "
        f"Add a person who did not propose it to the group {REVIEWERS} "
        f"(manage.py create_user NAME --group {REVIEWERS}, or the page Groups)."
    )


def _reviewers() -> QuerySet[User]:
    return User.objects.filter(groups__name=REVIEWERS, is_active=True, is_service=False).order_by("username")
