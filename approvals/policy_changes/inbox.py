"""Which open proposals wait for a reviewer of policies: two queries at most, for the page that everybody opens first.

Whether somebody may decide is asked of approvals/permissions/policies.py when they do. This list leaves out their own
proposals, and those whose policy may judge a live request of theirs, or of the proposer, by target, name and pattern.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from django.contrib.auth.models import Group
from django.db.models import Exists, F, OuterRef, Q, Subquery

from accounts.models import User
from approvals.models import LIVE_STATES, TransitionRequest
from approvals.permissions.policy_people import REVIEWERS
from core.actors import Actor
from policies.models import PolicyProposal, ProposalState

_LOOKED_AT = 100


def proposals_for(actor: Actor) -> list[PolicyProposal]:
    """Return the open proposals that wait for this person, oldest first."""
    is_reviewer = Exists(Group.objects.filter(name=REVIEWERS, user=actor.user_id or 0))
    rows = PolicyProposal.objects.filter(is_reviewer, state=ProposalState.OPEN)
    for own in ("proposer", "proposer__owner", "proposer__former_owners__owner"):
        rows = rows.exclude(**{own: actor.user_id})
    former = F("proposer__former_owners__owner__username")  # a row for each, in the same query
    read = rows.annotate(former=former).select_related("proposer__owner", "base_revision").order_by("pk")[:_LOOKED_AT]
    found: dict[int, PolicyProposal] = {}
    out: dict[int, set[str]] = {}
    for row in read:
        found.setdefault(row.pk, row)
        owner = {row.proposer.owner.username} if row.proposer.owner else set()
        out.setdefault(row.pk, {actor.name, row.proposer.username} | owner).update({row.former} if row.former else ())
    if not found:
        return []
    hands = _involvements(set().union(*out.values()))
    return [
        row for row in found.values() if not any(out[row.pk] & who and _may_judge(row, hand) for hand, who in hands)
    ]


def _involvements(names: set[str]) -> Sequence[tuple[Mapping[str, Any], set[str]]]:
    """Return the live requests these people stand behind (one line for each model, target and policy), each with who does."""
    accounts = Q(username__in=names) | Q(owner__username__in=names)
    theirs = User.objects.filter(accounts).values("username")
    owner = User.objects.filter(username=OuterRef("version__created_by")).values("owner__username")[:1]
    rows = TransitionRequest.objects.filter(
        Q(requester__username__in=theirs)
        | Q(version__created_by__in=theirs)
        | Q(version__copied_from__created_by__in=theirs),
        state__in=LIVE_STATES,
    ).values(
        "target", "requester__username", "requester__owner__username", "version__created_by", "version__model__name",
        "version__copied_from__created_by", "policy_revision__policy__name", "followed_revision__policy__name",
    )  # fmt: skip
    people = ("requester__username", "requester__owner__username", "version__created_by", "author_owner",
              "version__copied_from__created_by")  # fmt: skip
    return [
        (row, {str(dict(row)[key]) for key in people if dict(row)[key]})
        for row in rows.annotate(author_owner=Subquery(owner)).distinct()
    ]


def _may_judge(proposal: PolicyProposal, hand: Mapping[str, Any]) -> bool:
    names = (hand["policy_revision__policy__name"], hand["followed_revision__policy__name"])
    bodies = [proposal.body, *([proposal.base_revision.body] if proposal.base_revision else [])]
    return proposal.name in names or any(
        target == hand["target"] and fnmatchcase(hand["version__model__name"], models)
        for target, models in _scopes(bodies)
    )


def _scopes(bodies: Iterable[Mapping[str, Any]]) -> Iterable[tuple[str, str]]:
    for body in bodies:
        scope = body["applies_to"]
        yield scope["target"], scope.get("models", "*")
