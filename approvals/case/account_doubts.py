"""Doubts about approvals: somebody involved in the request created or changed the approver's account shortly before.

Everybody with a role in the request is involved, even a role that the policy's four-eyes rule does not name. Accounts
that were made or changed by an account in doubt are in doubt too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from django.utils import timezone

from accounts.changes import Change, changes_since
from approvals.verdict.facts import ReviewFacts
from policies.rule_texts import duration_text
from policies.rules import Options

# For decisions that no policy names a window for.
NEW_ACCOUNT_WINDOW = Options().new_account_window
_ACTIONS: Mapping[str, str] = {
    Change.CREATED: "created the account {account}",
    Change.GROUP_ADDED: "added the account {account} to {detail}",
    Change.GROUP_EXTENDED: "extended the membership of the account {account} in {detail}",
    Change.OWNER_ADDED: "made the account {account} an owner of {detail}",
    Change.PASSWORD_SET: "set the password of the account {account}",
    Change.ACTIVATED: "switched the account {account} on",
    Change.MADE_A_PERSON: "made the service account {account} a person",
}


@dataclass(frozen=True, slots=True)
class AccountFact:
    """A change of an account by somebody named, which two superusers have not confirmed."""

    account: str
    kind: str
    detail: str
    made_by: str
    at: datetime

    @property
    def text(self) -> str:
        """Return the change as a sentence without its full stop: actor, change and time."""
        action = _ACTIONS[self.kind].format(account=self.account, detail=self.detail)
        return f"{self.made_by} {action} on {self.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def load_account_facts(since: datetime) -> tuple[AccountFact, ...]:
    """Return the changes of accounts since a moment; one query."""
    return tuple(
        AccountFact(row.account.username, row.kind, row.detail, row.made_by, row.at) for row in changes_since(since)
    )


def doubt_about(
    name: str, facts: Sequence[AccountFact], involved: Collection[str], window: timedelta, at: datetime
) -> str:
    """Return the reason why an approval given by the account ``name`` at ``at`` does not count; "" if it counts.

    ``involved`` are the usernames of the people involved. Four eyes, not this function, refuses their own approvals.
    """
    recent = [fact for fact in facts if fact.at >= at - window] if window else []
    parties = set(involved)
    while accounts := {fact.account for fact in recent if fact.made_by in parties} - parties:
        parties |= accounts
    fact = next((fact for fact in recent if fact.account == name and fact.made_by in parties), None)
    if fact is None or name in involved:
        return ""
    return f"{fact.text}, less than {duration_text(window)} before; two superusers may confirm the account"


def doubt_now(name: str, involved: Collection[str], window: timedelta = NEW_ACCOUNT_WINDOW) -> str:
    """Return the reason why what is decided with an account now does not count, "" where it does; one query."""
    now = timezone.now()
    return doubt_about(name, load_account_facts(now - window), involved, window, now)


def parties_of(people: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """Return the usernames of everybody with a role in a request, given by role."""
    return frozenset().union(*people.values())


def with_doubts(
    reviews: Iterable[ReviewFacts], facts: Sequence[AccountFact], involved: Collection[str], window: timedelta
) -> tuple[ReviewFacts, ...]:
    """Return the reviews, each with the doubt about the account of its reviewer or of the delegator, "" for none."""
    return tuple(
        replace(
            review,
            account_doubt=doubt_about(review.reviewer, facts, involved, window, review.at)
            or doubt_about(review.authority, facts, involved, window, review.at),
        )
        for review in reviews
    )
