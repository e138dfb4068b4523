"""Open policy proposals that wait for a reviewer, for the inbox; two queries at most.

The reviewer's own proposals are left out. So are those whose policy may apply, by target, name and pattern, to a live
request of the reviewer or the proposer. approvals/permissions/policies.py checks the permission when they decide.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from django.contrib.auth.models import Group
from django.db.models import Exists, F, OuterRef, Q, Subquery

from accounts.models import User
from approvals.models import LIVE_STATES, TransitionRequest
from approvals.permissions.policy_people import REVIEWERS
from core.actors import Actor
from policies.models import PolicyProposal, ProposalState
from policies.parsing import parse_published
from policies.targets import leave_target
from registry.stages import Stage, target_left

_MAX_ROWS = 100


def proposals_for(actor: Actor) -> list[PolicyProposal]:
    """Return the open proposals that wait for this person, oldest first."""
    is_reviewer = Exists(Group.objects.filter(name=REVIEWERS, user=actor.user_id or 0))
    rows = PolicyProposal.objects.filter(is_reviewer, state=ProposalState.OPEN)
    for identity in ("proposer", "proposer__owner", "proposer__former_owners__owner"):
        rows = rows.exclude(**{identity: actor.user_id})
    former = F("proposer__former_owners__owner__username")  # one row for each former owner, in the same query
    rows = rows.annotate(former=former).select_related("proposer__owner", "base_revision")
    proposals: dict[int, PolicyProposal] = {}
    people: dict[int, set[str]] = {}
    for row in rows.order_by("pk")[:_MAX_ROWS]:
        proposals.setdefault(row.pk, row)
        owner = {row.proposer.owner.username} if row.proposer.owner else set()
        people.setdefault(row.pk, {actor.name, row.proposer.username} | owner)
        people[row.pk].update({row.former} if row.former else ())
    if not proposals:
        return []
    requests = _live_requests(set().union(*people.values()))
    return [
        proposal
        for pk, proposal in proposals.items()
        if not any(people[pk] & involved and _may_apply(proposal, request) for request, involved in requests)
    ]


def _live_requests(names: set[str]) -> Sequence[tuple[Mapping[str, Any], set[str]]]:
    """Return the live requests of these people and of their service accounts, each with the people involved in it.

    There is one row for each model, target, policy and set of people.
    """
    accounts = User.objects.filter(Q(username__in=names) | Q(owner__username__in=names)).values("username")
    owner = User.objects.filter(username=OuterRef("version__created_by")).values("owner__username")[:1]
    rows = TransitionRequest.objects.filter(
        Q(requester__username__in=accounts)
        | Q(version__created_by__in=accounts)
        | Q(version__copied_from__created_by__in=accounts),
        state__in=LIVE_STATES,
    ).values(
        "target", "requester__username", "requester__owner__username", "version__created_by", "version__model__name",
        "version__copied_from__created_by", "policy_revision__policy__name", "followed_revision__policy__name",
        "leave_revision__policy__name", "version__is_current",
    )  # fmt: skip
    people = ("requester__username", "requester__owner__username", "version__created_by", "author_owner",
              "version__copied_from__created_by")  # fmt: skip
    return [
        (row, {str(dict(row)[key]) for key in people if dict(row)[key]})
        for row in rows.annotate(author_owner=Subquery(owner)).distinct()
    ]


def _may_apply(proposal: PolicyProposal, request: Mapping[str, Any]) -> bool:
    names = {request[f"{kind}_revision__policy__name"] for kind in ("policy", "followed", "leave")}
    bodies = [proposal.body, *([proposal.base_revision.body] if proposal.base_revision else [])]
    return proposal.name in names or any(
        fnmatchcase(request["version__model__name"], policy.models) and _may_govern(policy.target, request)
        for policy in map(parse_published, bodies)
    )


def _may_govern(target: str, request: Mapping[str, Any]) -> bool:
    """Return whether a policy with this target governs a request, or may add its rules as one on leaving."""
    left_target = target_left(request["target"], is_current=request["version__is_current"])
    leaving = (leave_target(left_target), leave_target(Stage.PRODUCTION)) if left_target else ()
    return target in (request["target"], *leaving)
