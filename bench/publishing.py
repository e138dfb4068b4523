"""Publishing a policy for a measurement as it happens in life: one person proposes, another approves. Runs inside Django."""

from __future__ import annotations

import json

from django.contrib.auth.models import Group

from accounts.authentication import actor_from_user
from accounts.models import User
from approvals.services.proposals import decide_proposal, propose_policy
from audit.actors import Actor


def publish(body: str) -> None:
    """Publish a policy given as JSON."""
    made = propose_policy(actor=_person("polly", "policy-editors"), body=json.loads(body), comment="")
    decide_proposal(
        actor=_person("quinn", "policy-reviewers"),
        proposal_id=made.pk,
        decision="approve",
        comment="For the measurement.",
        seen_digest=made.digest,
    )


def _person(name: str, group: str) -> Actor:
    user, _ = User.objects.get_or_create(username=name)
    user.groups.add(Group.objects.get(name=group))
    return actor_from_user(user, auth="session", request_id="bench")
