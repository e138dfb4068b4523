"""Whom a request or a comment concerns, as ids of people: who is asked to decide, who takes part, who is named."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

from accounts.models import User
from approvals.case.loading import Case
from approvals.models import ApprovalComment
from approvals.permissions.reviews import delegations_in_force
from approvals.verdict.rule_outcomes import applies
from approvals.verdict.votes import covers, excluded_people, owners_named_by
from policies.rules import ApprovalsRule
from registry.models import RegisteredModel
from registry.permissions import Level, PrincipalKind, grants_of

MAX_MENTIONS = 20
# As Django's own usernames; an @ after a word character is part of an address, not a mention.
_MENTION = re.compile(r"(?<![\w@.+-])@([\w.@+-]{1,150})")


def people_asked(case: Case, *, still: bool = False) -> set[int]:
    """Return who may decide on a request, and their delegates, without its authors. Six queries at most.

    ``still``: only those who have not said anything on the present state.
    """
    excluded = excluded_people(case.rules, case.snapshot.people)
    found: dict[str, int] = {}
    for rule in case.rules:
        if isinstance(rule, ApprovalsRule) and applies(rule, case.snapshot):
            found |= _holders(rule, case.request.version.model)
    lenders = {pk for name, pk in found.items() if name not in excluded}
    for row in delegations_in_force().filter(delegator__in=lenders).select_related("delegate"):
        if fnmatchcase(case.snapshot.model_name, row.models_pattern):
            found[row.delegate.username] = row.delegate_id
    said = {row.reviewer for row in case.snapshot.reviews if covers(row, case.snapshot)} if still else set()
    return {pk for name, pk in found.items() if name not in excluded and name not in said}


def _holders(rule: ApprovalsRule, model: RegisteredModel) -> dict[str, int]:
    """Return the people that a rule gives a vote, by username."""
    groups, names = set(rule.groups), set(owners_named_by(rule, model.name))
    if rule.roles:
        least = min(Level[role.upper()] for role in rule.roles)
        for grant in grants_of(model):
            if grant.level >= least:
                (groups if grant.kind is PrincipalKind.GROUP else names).add(grant.name)
    people = User.objects.filter(is_active=True, is_service=False)
    rows = [
        *people.filter(groups__name__in=groups).values_list("username", "pk"),
        *people.filter(username__in=names).values_list("username", "pk"),
    ]
    return dict(rows)


def names_in(text: str) -> list[str]:
    """Return the names that a text mentions as @name, in order, each once, at most MAX_MENTIONS."""
    found = dict.fromkeys(name.rstrip(".,-+") for name in _MENTION.findall(text))
    return [name for name in found if name][:MAX_MENTIONS]


def mentioned_in(comment: ApprovalComment) -> set[int]:
    """Return the people a comment names."""
    people = User.objects.filter(username__in=names_in(comment.text), is_active=True, is_service=False)
    return set(people.values_list("pk", flat=True))


def participants_of(comment: ApprovalComment) -> set[int]:
    """Return who wrote in the thread that a comment answers in."""
    if comment.reply_to is None:
        return set()
    first = comment.reply_to
    rows = ApprovalComment.objects.filter(version=comment.version, deleted_at__isnull=True, reply_to=first)
    return {first.author_id, *rows.values_list("author_id", flat=True)}
