"""Which policy governs a move. Exactly one does, or none.

Of the active policies for the target whose pattern matches the model's name the longest pattern wins (it says the most
about the name); among equals the first by name. No match: the move is not governed, and only permission decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from django.db.models import OuterRef, Subquery

from approvals.models import PolicyRevision
from approvals.policies import parse_policy
from approvals.rules import PolicyBody
from audit.errors import InvalidInput, InvalidState


@dataclass(frozen=True, slots=True)
class Governing:
    """A published policy as it reads now: the row of its latest revision, and its rules."""

    revision: PolicyRevision
    body: PolicyBody

    @property
    def label(self) -> str:
        """Return the name people know it by: production-default r3."""
        return f"{self.revision.policy.name} r{self.revision.number}"


def active_policies() -> list[Governing]:
    """Return the latest revision of every active policy; one query."""
    latest = PolicyRevision.objects.filter(policy=OuterRef("policy")).order_by("-number").values("pk")[:1]
    rows = PolicyRevision.objects.filter(policy__is_active=True, pk=Subquery(latest)).select_related("policy")
    return [read_revision(row) for row in rows]


def read_revision(revision: PolicyRevision) -> Governing:
    """Return a revision with its rules; InvalidState when this server can no longer read it (a check was taken away)."""
    try:
        return Governing(revision=revision, body=parse_policy(revision.body))
    except InvalidInput as error:
        raise InvalidState(f"The policy {revision} cannot be applied here: {error.message}") from error


def governing(policies: Sequence[Governing], model_name: str, target: str) -> Governing | None:
    """Return the one policy that governs moves of this model to this stage, or None."""
    matching = [
        policy for policy in policies if policy.body.target == target and fnmatchcase(model_name, policy.body.models)
    ]
    return min(matching, key=lambda policy: (-len(policy.body.models), policy.body.name), default=None)


def policy_for(model_name: str, target: str) -> Governing | None:
    """Return the policy that governs moves of this model to this stage now, or None."""
    return governing(active_policies(), model_name, target)
