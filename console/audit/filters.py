"""The filter of the audit page, read from the query string."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from audit.action_groups import GROUPS, actions_of
from audit.actions import Action
from audit.exports.selection import Filters
from audit.queries import Page, events_matching
from audit.subjects import find_stream, may_read_whole_log
from core.actors import Actor
from core.errors import InvalidInput

_PAGE = 60
_GROUP_LABELS = {
    "decisions": "Decisions",
    "exceptions": "Overrides and emergencies",
    "access": "Access and accounts",
    "models": "Models and versions",
    "training": "Training and data",
    "audit": "The audit log itself",
}
GROUP_CHOICES = [(group, _GROUP_LABELS[group]) for group in GROUPS]


@dataclass(frozen=True, slots=True)
class Filter:
    """The filter of the page; "" for everything. ``since`` and ``until`` are ISO dates, both included, in UTC."""

    model: str
    obj: str
    who: str
    action: str
    group: str
    outcome: str
    since: str
    until: str

    @classmethod
    def of(cls, request: HttpRequest) -> Filter:
        """Read the filter from the query string. Raises InvalidInput for an invalid date or an unknown choice."""
        values = {key: request.GET.get(key, "").strip() for key in cls.__slots__}
        chosen = cls(**values)
        _day(chosen.since), _day(chosen.until)
        if chosen.group and chosen.group not in GROUPS:
            raise InvalidInput(f"There is no group of actions called {chosen.group}. Choose one from the list.")
        return chosen

    @property
    def first(self) -> datetime.datetime | None:
        """Return the moment at which the range begins, None for no limit. Raises InvalidInput."""
        return _day(self.since)

    @property
    def end(self) -> datetime.datetime | None:
        """Return the moment before which the range ends, None for no limit. Raises InvalidInput."""
        last = _day(self.until)
        return last + datetime.timedelta(days=1) if last else None

    @property
    def can_export(self) -> bool:
        """Return whether an export accepts this filter. An export filters by one action, not by a group of actions."""
        return not self.group

    def for_export(self) -> Filters:
        """Return the filter of the export. Raises InvalidInput for an unknown action or outcome."""
        if self.group:
            raise InvalidInput("An export cannot filter by a group of actions. Choose one action.")
        if self.action and self.action not in set(Action):
            raise InvalidInput(f"There is no action called {self.action}.")
        if self.outcome not in ("", "ok", "denied"):
            raise InvalidInput(f"There is no outcome called {self.outcome}.")
        return Filters(
            model=self.model,
            object=self.obj,
            actor=self.who,
            action=self.action,
            outcome=self.outcome,
            since=self.first,
            until=self.end,
        )


def events_of(actor: Actor, chosen: Filter, cursor: str) -> Page | None:
    """Return a page of events, newest first.

    Returns None where the person may not read the whole log and has chosen no model.
    """
    if not chosen.model and not may_read_whole_log(actor):
        return None
    group_filter: Mapping[str, Any] = {"actions": actions_of(chosen.group)} if chosen.group else {}
    return events_matching(
        stream=find_stream(actor, chosen.model) if chosen.model else "",
        obj=chosen.obj,
        actor=chosen.who,
        action=chosen.action,
        outcome=chosen.outcome,
        since=chosen.first,
        until=chosen.end,
        cursor=cursor,
        size=_PAGE,
        **group_filter,
    )


def _day(text: str) -> datetime.datetime | None:
    if not text:
        return None
    try:
        day = datetime.date.fromisoformat(text)
        return datetime.datetime.combine(day, datetime.time(), tzinfo=datetime.UTC)
    except ValueError as error:
        raise InvalidInput(f"{text[:40]!r} is not a date. Write it as 2026-11-29.") from error
