"""Queries on policies, their revisions and proposals. Everybody with an account may read them."""

from __future__ import annotations

from django.db.models import Prefetch, QuerySet

from core.errors import NotFound
from core.ids import row_id
from policies.models import Policy, PolicyProposal, PolicyReview, PolicyRevision, ProposalState

_MAX_NUMBER = 2**31 - 1


def get_revision(name: str, number: int | None = None) -> PolicyRevision:
    """Return a revision of a policy, in force or retired; the newest without a ``number``. Raises NotFound."""
    rows = PolicyRevision.objects.filter(policy__name=name).select_related("policy").order_by("-number")
    if number is not None:
        rows = rows.filter(number=number) if 0 < number <= _MAX_NUMBER else rows.none()
    revision: PolicyRevision | None = rows.first()
    if revision is None:
        if number is not None:
            raise NotFound(f"The policy {name[:100]} has no revision {number}.")
        raise NotFound(f"No policy is called {name[:100]}.")
    return revision


def revisions_of(policy: Policy) -> QuerySet[PolicyRevision]:
    """Return a policy's revisions, newest first, each with its proposal and the reviews of the proposal."""
    reviews = Prefetch("proposal__reviews", queryset=PolicyReview.objects.select_related("reviewer"))
    rows: QuerySet[PolicyRevision] = policy.revisions.select_related("proposal__proposer")
    return rows.prefetch_related(reviews).order_by("-number")


def proposals(*, state: str = "", name: str = "") -> QuerySet[PolicyProposal]:
    """Return proposals, newest first, with their proposers and reviews; "" filters by nothing."""
    reviews = Prefetch("reviews", queryset=PolicyReview.objects.select_related("reviewer").order_by("pk"))
    rows = PolicyProposal.objects.select_related(
        "proposer__owner", "base_revision__policy", "published_revision__policy"
    )
    if state:
        rows = rows.filter(state=state)
    if name:
        rows = rows.filter(name=name)
    return rows.prefetch_related(reviews).order_by("-pk")


def get_proposal(proposal_id: int) -> PolicyProposal:
    """Return one proposal. Raises NotFound."""
    proposal = proposals().filter(pk=row_id(proposal_id)).first()
    if proposal is None:
        raise NotFound(f"There is no proposal {proposal_id}.")
    return proposal


def open_proposals() -> QuerySet[PolicyProposal]:
    """Return the open proposals, oldest first."""
    return proposals(state=ProposalState.OPEN).order_by("pk")
