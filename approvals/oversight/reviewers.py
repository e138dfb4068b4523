"""Who could review a version under a policy, outside of any request: to confirm it again, or to look at an emergency after it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.utils import timezone

from accounts.models import User
from approvals.case.reviewer_roles import review_rights
from approvals.in_person import is_in_person
from approvals.verdict.facts import ReviewFacts
from approvals.verdict.votes import excluded_people, voting_rights
from core.actors import Actor
from policies.rules import ApprovalsRule, Rule, voters_text
from registry.models import RegisteredModel


def why_no_reviewer(
    actor: Actor,
    model: RegisteredModel,
    rules: Iterable[Rule],
    people: Mapping[str, frozenset[str]],
    *,
    groups: Iterable[str] = (),
) -> str:
    """Return why this actor may not review, "" when they may.

    They must be a person who is signed in, have a vote under one of the approvals ``rules`` (or be in one of ``groups``),
    and be none of the ``people`` whom four eyes keep out.
    """
    person = User.objects.filter(pk=actor.user_id or 0, is_active=True, is_service=False).first()
    if not is_in_person(actor) or person is None:
        return "Only a person who is signed in may do this; tokens and service accounts never do."
    known = tuple(rules)
    if role := excluded_people(known, people).get(person.username):
        return f"{person.username} may not, being its {role.replace('_', ' ')}: four eyes."
    asked = [rule for rule in known if isinstance(rule, ApprovalsRule)]
    mine, roles = review_rights([(model.pk, person.pk)])[model.pk, person.pk]
    vote = ReviewFacts(person.username, mine, "approve", "", timezone.now(), roles=roles)
    if any(voting_rights(rule, vote, model.name) for rule in asked) or not mine.isdisjoint(groups):
        return ""
    voters = [*(voters_text(rule) for rule in asked), *sorted(groups)]
    return f"{person.username} is not of {' or '.join(dict.fromkeys(voters)) or 'anybody this policy asks'}."
