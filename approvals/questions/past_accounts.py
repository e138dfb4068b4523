"""Accounts and their groups at a moment in the past, read from the audit events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from approvals.questions.sources import changes_of
from audit.actions import Action
from audit.models import Event
from audit.queries import facts, with_people_read
from core.refs import group_ref, user_ref

_ACCOUNTS = (Action.ACCOUNT_MEMBERSHIP_EXPIRED, Action.ACCOUNT_USER_CHANGED, Action.ACCOUNT_USER_CREATED)


@dataclass(slots=True)
class PastAccount:
    """An account at a moment. ``groups`` maps the names of its groups to the event that tells of the membership.

    ``knows_groups`` is False where no event tells of its groups.
    """

    groups: dict[str, str] = field(default_factory=dict)
    knows_groups: bool = False
    is_active: bool = True
    is_service: bool = False
    is_superuser: bool = False

    @property
    def can_review(self) -> bool:
        """Return whether it is the active account of a person."""
        return self.is_active and not self.is_service


def accounts_at(moment: datetime) -> dict[str, PastAccount]:
    """Return the accounts that the log knows of at a moment, by username; one query, and one for every 500 events.

    Groups of which no event tells until then are those before their first later change. An account that the
    log never names, because it was made before the log or not by this software, is not among them.
    """
    accounts: dict[str, PastAccount] = {}
    made_later: set[str] = set()
    rows = Event.objects.filter(action__in=[*_ACCOUNTS, Action.ACCOUNT_GROUP_CHANGED], outcome="ok").order_by("id")
    for event in with_people_read(rows.iterator(), texts=False):
        body = facts(event, texts=False)
        before, after = changes_of(body)
        is_later = event.at > moment
        if event.action == Action.ACCOUNT_GROUP_CHANGED:
            if not is_later:
                _rename_group(accounts, before.get("name"), after.get("name"))
            continue
        name = str(body["object"]).removeprefix(user_ref(""))
        if not is_later:
            _apply(accounts.setdefault(name, PastAccount()), after, str(event.event_id))
        elif event.action == Action.ACCOUNT_USER_CREATED:
            made_later.add(name)
        elif "groups" in before and name not in made_later:
            account = accounts.setdefault(name, PastAccount())
            if not account.knows_groups:
                _apply(account, before, str(event.event_id))
    return accounts


def _apply(account: PastAccount, state: Mapping[str, Any], event_id: str) -> None:
    """Bring an account into the state that an event tells of; facts that it does not name stay as they are."""
    if "groups" in state:
        account.knows_groups = True
        account.groups = {name: account.groups.get(name, event_id) for name in state["groups"]}
    account.is_active = bool(state.get("active", account.is_active))
    account.is_service = bool(state.get("service", account.is_service))
    account.is_superuser = bool(state.get("superuser", account.is_superuser))


def _rename_group(accounts: Mapping[str, PastAccount], old: object, new: object) -> None:
    if not (isinstance(old, str) and isinstance(new, str)) or group_ref(old) == group_ref(new):
        return
    for account in accounts.values():
        if old in account.groups:
            account.groups[new] = account.groups.pop(old)
