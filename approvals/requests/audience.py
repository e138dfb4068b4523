"""User ids of the people to notify: eligible reviewers of a request, participants of a thread, mentioned people."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

from accounts.models import User
from accounts.principals import PrincipalKind
from approvals.case.loading import Case
from approvals.models import ApprovalComment
from approvals.permissions.reviews import delegations_in_force
from approvals.verdict.rule_outcomes import applies
from approvals.verdict.votes import covers, excluded_reviewers, owners_named_by
from policies.rules import ApprovalsRule
from registry.models import RegisteredModel
from registry.permissions import Level, grants_of

MAX_MENTIONS = 20
# Names have the characters of Django's usernames. An @ after a word character is part of an e-mail address.
_MENTION = re.compile(r"(?<![\w@.+-])@([\w.@+-]{1,150})")


def eligible_reviewer_ids(case: Case, *, undecided_only: bool = False) -> set[int]:
    """Return the ids of the people with review rights on a request, and of their delegates.

    People whom four eyes excludes are left out; with ``undecided_only``, so are those who have reviewed the present
    state.
    """
    excluded = excluded_reviewers(case.snapshot)
    reviewers: dict[str, int] = {}
    for rule in case.rules:
        if isinstance(rule, ApprovalsRule) and applies(rule, case.snapshot):
            reviewers |= _voters(rule, case.request.version.model)
    delegators = {pk for name, pk in reviewers.items() if name not in excluded}
    for row in (
        delegations_in_force().filter(delegator__in=delegators, delegate__is_active=True).select_related("delegate")
    ):
        if fnmatchcase(case.snapshot.model_name, row.models_pattern):
            reviewers[row.delegate.username] = row.delegate_id
    decided = {row.reviewer for row in case.snapshot.reviews if covers(row, case.snapshot)} if undecided_only else set()
    return {pk for name, pk in reviewers.items() if name not in excluded and name not in decided}


def _voters(rule: ApprovalsRule, model: RegisteredModel) -> dict[str, int]:
    """Return the ids of the active people to whom a rule gives a vote, by username."""
    groups, names = set(rule.groups), set(owners_named_by(rule, model.name))
    if rule.roles:
        lowest = min(Level[role.upper()] for role in rule.roles)
        for grant in grants_of(model):
            if grant.level >= lowest:
                (groups if grant.kind is PrincipalKind.GROUP else names).add(grant.name)
    people = User.objects.filter(is_active=True, is_service=False)
    rows = [
        *people.filter(groups__name__in=groups).values_list("username", "pk"),
        *people.filter(username__in=names).values_list("username", "pk"),
    ]
    return dict(rows)


def mentioned_names(text: str) -> list[str]:
    """Return the names that a text mentions as @name, each once, in the order of the text; at most MAX_MENTIONS."""
    names = dict.fromkeys(name.rstrip(".,-+") for name in _MENTION.findall(text))
    return [name for name in names if name][:MAX_MENTIONS]


def mentioned_people(comment: ApprovalComment) -> set[int]:
    """Return the ids of the active people whom a comment mentions as @name."""
    people = User.objects.filter(username__in=mentioned_names(comment.text), is_active=True, is_service=False)
    return set(people.values_list("pk", flat=True))


def thread_participants(comment: ApprovalComment) -> set[int]:
    """Return the ids of the authors in the thread of a reply; an empty set for a comment that is not a reply."""
    if comment.reply_to is None:
        return set()
    first = comment.reply_to
    rows = ApprovalComment.objects.filter(version=comment.version, deleted_at__isnull=True, reply_to=first)
    return {first.author_id, *rows.values_list("author_id", flat=True)}
