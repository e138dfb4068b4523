"""The sidebar of every page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, get_script_prefix, reverse

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
_START = "admin:index"


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the groups of links for templates/unfold/helpers/app_list.html, with the counts for this person."""
    links = _links(get_script_prefix())
    groups = [(title, list(_items(request, entries, links))) for title, entries in GROUPS]
    return [{"title": title, "items": items} for title, items in groups if items]


def _items(request: HttpRequest, entries: tuple[Entry, ...], links: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    for entry in entries:
        link = links.get(entry.route)
        if link is None or (entry.superusers and not getattr(request.user, "is_superuser", False)):
            continue
        is_active = request.path == link if entry.route == _START else request.path.startswith(link)
        count = _COUNTS[entry.route](request) if entry.route in _COUNTS else 0
        tone = "danger" if entry.route in _PROBLEMS else "primary"
        yield {
            "title": entry.title, "icon": entry.icon, "link": link, "active": is_active, "badge": count, "tone": tone
        }  # fmt: skip


@cache
def _links(prefix: str) -> Mapping[str, str]:  # noqa: ARG001 - the addresses begin with the prefix, so it is their key
    """Return the address of each entry whose app is installed, by its route. A look-up of a route takes 50 µs."""
    links = {}
    for entry in (entry for _, entries in GROUPS for entry in entries):
        with suppress(NoReverseMatch):
            links[entry.route] = reverse(entry.route)
    return links
