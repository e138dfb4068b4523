"""Publishes a policy for a measurement: one person proposes it, another approves it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from accounts.authentication import actor_from_user
from accounts.models import User
from accounts.services import create_user
from approvals.permissions.policy_people import EDITORS, REVIEWERS
from approvals.policy_changes.propose import decide_proposal, propose_policy
from core.actors import system_actor


def publish(body: Mapping[str, object]) -> None:
    """Publish a policy into the database of a measurement."""
    publish_all([body])


def publish_all(bodies: Iterable[Mapping[str, object]]) -> None:
    """Publish policies into the database of a measurement."""
    proposer, reviewer = _person("bench-editor", EDITORS), _person("bench-reviewer", REVIEWERS)
    for body in bodies:
        proposal = propose_policy(actor=actor_from_user(proposer, auth="session", request_id=""), body=body)
        decide_proposal(
            actor=actor_from_user(reviewer, auth="session", request_id=""),
            proposal_id=proposal.pk,
            decision="approve",
            comment="For the measurement.",
            seen_digest=proposal.digest,
        )


def _person(name: str, group: str) -> User:
    return create_user(actor=system_actor("bench"), username=name, groups=[group])
