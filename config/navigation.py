"""The sidebar of every page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from console.account.queries import unread_count
from console.lineage.queries import problem_count
from console.requests.presenters.inbox import waiting_count


@dataclass(frozen=True, slots=True)
class Entry:
    """One link of the sidebar. ``route`` is a URL name; ``superusers`` shows it to superusers only."""

    title: str
    icon: str
    route: str
    superusers: bool = False


GROUPS: tuple[tuple[str, tuple[Entry, ...]], ...] = (
    (
        "Review",
        (
            Entry("Search", "search", "console:search"),
            Entry("Inbox", "inbox", "admin:index"),
            Entry("Notifications", "notifications", "console:notifications"),
            Entry("Requests", "approval", "admin:approvals_transitionrequest_changelist"),
            Entry("Findings", "report", "console:findings"),
            Entry("Emergencies", "e911_emergency", "console:emergencies"),
            Entry("Policies", "gavel", "console:policies"),
            Entry("Checks", "fact_check", "console:checks"),
        ),
    ),
    (
        "Registry",
        (
            Entry("Models", "deployed_code", "console:models"),
            Entry("Inventory", "inventory_2", "console:inventory"),
            Entry("Endpoints", "api", "console:endpoints"),
            Entry("Webhooks", "webhook", "console:webhooks"),
            Entry("API", "code", "api-docs"),
        ),
    ),
    (
        "Evidence",
        (
            Entry("Lineage", "account_tree", "console:lineage"),
            Entry("Runs", "model_training", "console:runs"),
            Entry("Experiments", "science", "console:experiments"),
            Entry("Traces", "timeline", "console:traces"),
            Entry("Datasets", "database", "console:datasets"),
            Entry("Audit log", "policy", "console:audit"),
        ),
    ),
    (
        "Administration",
        (
            Entry("People", "group", "console:people"),
            Entry("Groups", "groups", "console:groups"),
            Entry("Status", "monitor_heart", "status", superusers=True),
            Entry("Records", "table_rows", "console:records", superusers=True),
        ),
    ),
)


# The number beside a link: how much waits there.
_COUNTS: dict[str, Callable[[HttpRequest], int]] = {
    "admin:index": waiting_count,
    "console:notifications": unread_count,
    "console:endpoints": problem_count,
}
# Links whose number counts problems, so it is red.
_PROBLEMS = frozenset({"console:endpoints"})


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the navigation as django-unfold expects it, with the counts for this person beside some links."""
    return [
        {"title": title, "separator": False, "collapsible": False, "items": items}
        for title, entries in GROUPS
        if (items := list(_items(request, entries)))
    ]


def _items(request: HttpRequest, entries: tuple[Entry, ...]) -> Iterator[dict[str, Any]]:
    for entry in entries:
        if entry.superusers and not getattr(request.user, "is_superuser", False):
            continue
        try:
            link = reverse(entry.route)
        except NoReverseMatch:  # the app is not installed
            continue
        item = {"title": entry.title, "icon": entry.icon, "link": link, "active": _is_active(request.path, link)}
        if entry.route in _COUNTS and (count := _COUNTS[entry.route](request)):
            tone = "danger" if entry.route in _PROBLEMS else "primary"
            item |= {"badge": count, "badge_variant": tone, "badge_style": "solid"}
        yield item


def _is_active(path: str, link: str) -> bool:
    return path == link if link == reverse("admin:index") else path.startswith(link)
