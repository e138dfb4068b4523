"""The people who could approve a move of a model on a date."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase

from accounts.models import User
from approvals.models import Delegation
from approvals.questions.answers import Answer, require_few
from approvals.questions.past_accounts import PastAccount, accounts_at
from approvals.questions.past_models import PastModel, model_at, policies_at
from approvals.questions.sources import end_of_day, stream_asked
from approvals.verdict.votes import owners_named_by
from audit.actions import Action
from audit.subjects import require_whole_log
from core.actors import Actor
from core.errors import InvalidInput
from policies.matching import governing_policy
from policies.rules import ApprovalsRule
from policies.targets import is_alias, is_governable
from registry.permissions import Level, level_for_move

APPROVERS = "approvers"
_COLUMNS = {
    "person": "Person",
    "right": "By which right",
    "on_behalf_of": "On behalf of",
    "rule": "Rule",
    "policy": "Policy",
    "event": "Event",
}
_END = datetime.timedelta(microseconds=1)
_NOTES = (
    (
        "The answer is about the end of the day, in UTC. Groups, levels, policies, tags and risk tier come from the events "
        "until then."
    ),
    (
        "People who took part in the work could not decide on their own request, and a new account may not have counted: "
        "this depends on the request and is not in the answer."
    ),
)
_UNGOVERNED = (
    "No policy governed this move then. People with the level below could make it without an approval. The level that "
    "the server gives to everybody (DEFAULT_MODEL_LEVEL) is left out."
)
_NO_APPROVAL = "The policy asked for no approval."


def who_could_approve(actor: Actor, *, model: str, date: datetime.date, target: str = "Production") -> Answer:
    """Return the people who could approve a move of a model to a target at the end of a day (UTC).

    A fixed number of queries. Only for readers of the whole log, because events of accounts are not events of the
    model. Raises NotFound, Denied, InvalidInput (the target), InvalidState (this server cannot read the policy).
    """
    if not is_governable(target):
        raise InvalidInput(
            f"{target[:100]!r} is not a target. Write Staging, Production or an alias such as @champion."
        )
    require_whole_log(actor, action=Action.API_CALLED)
    stream = stream_asked(actor, model)
    moment = end_of_day(date) - _END
    past = model_at(stream, moment)
    accounts = _granted(past) | accounts_at(moment)
    rows, notes = _approvers(past, accounts, target, moment)
    require_few(rows)
    filters = {"model": model, "target": target, "date": str(date)}
    return Answer(APPROVERS, filters, _COLUMNS, rows, (*notes, *_NOTES), stream)


def _granted(model: PastModel) -> dict[str, PastAccount]:
    """Return the people to whom a level was granted by name, of whose accounts the log may have no event."""
    return {key.partition(":")[2]: PastAccount() for key in model.grants if key.startswith("user:")}


def _approvers(
    model: PastModel, accounts: Mapping[str, PastAccount], target: str, moment: datetime.datetime
) -> tuple[list[dict[str, str]], list[str]]:
    """Return the rows and the notes that depend on the policy that governed the move."""
    if not model.name:
        return [], ["The model did not exist then."]
    policies = policies_at(moment)
    events = {loaded.revision.pk: event for loaded, event in policies}
    policy = governing_policy([loaded for loaded, _ in policies], model.facts, target)
    if policy is None:
        level = Level.EDIT if is_alias(target) else level_for_move("", target)
        return [*_with_level(model, accounts, level)], [_UNGOVERNED]
    rules = [rule for rule in policy.body.rules if isinstance(rule, ApprovalsRule)]
    label = f"{policy.label} (event {events[policy.revision.pk]})"
    rows = [
        {"rule": _rule_text(rule), "policy": label, **row}
        for rule in rules
        for row in [*_voters(rule, model, accounts), *_delegates(rule, model, accounts, moment)]
    ]
    unknown = _not_in_the_log(accounts, {group for rule in rules for group in rule.groups})
    return rows, ([] if rules else [_NO_APPROVAL]) + unknown


def _voters(rule: ApprovalsRule, model: PastModel, accounts: Mapping[str, PastAccount]) -> Iterator[dict[str, str]]:
    """Yield a row for each right by which a person had a vote under a rule."""
    owners = owners_named_by(rule, model.name)
    lowest = min((Level[role.upper()] for role in rule.roles), default=None)
    for name, account in sorted(accounts.items()):
        if not account.can_review:
            continue
        for group in sorted(account.groups.keys() & set(rule.groups)):
            yield {"person": name, "right": f"member of {group}", "event": account.groups[group]}
        if name in owners:
            yield {"person": name, "right": "named by the policy as an owner"}
        if lowest is not None:
            yield from _grants_of(name, account, model, lowest)


def _grants_of(name: str, account: PastAccount, model: PastModel, lowest: Level) -> Iterator[dict[str, str]]:
    for key in (f"user:{name}", *(f"group:{group}" for group in sorted(account.groups))):
        level, event = model.grants.get(key, ("", ""))
        if level and Level[level.upper()] >= lowest:
            through = "" if key.startswith("user:") else f" through {key}"
            yield {"person": name, "right": f"level {level} on the model{through}", "event": event}


def _with_level(model: PastModel, accounts: Mapping[str, PastAccount], level: Level) -> Iterator[dict[str, str]]:
    """Yield the accounts that could make a move that no policy governed."""
    for name, account in sorted(accounts.items()):
        if account.is_active:
            yield from _grants_of(name, account, model, level)
            if account.is_superuser:
                yield {"person": name, "right": "superuser"}


def _delegates(
    rule: ApprovalsRule, model: PastModel, accounts: Mapping[str, PastAccount], moment: datetime.datetime
) -> list[dict[str, str]]:
    """Return a row for each delegation of a vote that was in force; one query."""
    voters = {row["person"] for row in _voters(rule, model, accounts)}
    rows = Delegation.objects.filter(starts_at__lte=moment, ends_at__gt=moment, delegator__username__in=voters)
    rows = rows.exclude(revoked_at__lte=moment).select_related("delegator", "delegate").order_by("pk")
    return [
        {
            "person": row.delegate.username,
            "right": f"delegated for {row.models_pattern}",
            "on_behalf_of": row.delegator.username,
        }
        for row in rows
        if fnmatchcase(model.name, row.models_pattern)
        and accounts.get(row.delegate.username, PastAccount(is_active=False)).can_review
    ]


def _not_in_the_log(accounts: Mapping[str, PastAccount], groups: set[str]) -> list[str]:
    """Return a note that names members of today of whose groups the log has no event; one query."""
    with_groups = [name for name, account in accounts.items() if account.knows_groups]
    people = User.objects.filter(groups__name__in=groups, is_service=False).exclude(username__in=with_groups)
    names = list(people.order_by("username").values_list("username", flat=True).distinct()[:21])
    if not names:
        return []
    more = " and others" if len(names) > 20 else ""  # noqa: PLR2004 - as many as are read
    listed = ", ".join(names[:20])
    return [f"The log does not tell when these people came to their groups, so they are not listed: {listed}{more}."]


def _rule_text(rule: ApprovalsRule) -> str:
    condition = " where its condition applied" if rule.applies_if else ""
    return f"{rule.id}: {rule.count} of these{condition}"
