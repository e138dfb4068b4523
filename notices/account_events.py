"""Notices of events of accounts: a membership of a group that ends soon, or has ended."""

from __future__ import annotations

from urllib.parse import quote

from accounts.models import GroupOwner
from audit.actions import Action
from audit.models import Event
from audit.queries import facts
from core.refs import user_ref
from notices.drafts import Draft
from notices.models import Topic
from notices.people import people_named


def membership_ends(event: Event) -> list[Draft]:
    """Return the notices that a membership ends soon or has ended: for the member, and for the owners of the group."""
    event_facts = facts(event)
    after = event_facts["after"]
    group, name = str(after["group"]), str(event_facts["object"]).removeprefix(user_ref(""))
    if event.action == Action.ACCOUNT_MEMBERSHIP_EXPIRED:
        ends = "has expired"
    else:
        ends = f"ends on {str(after['expires_at'])[:10]}"
    member = people_named([name])
    owners = people_named(GroupOwner.objects.filter(group__name=group).values_list("owner__username", flat=True))
    path = f"/groups/{quote(group)}/"
    renewal = "An owner of the group or a superuser can renew it." if owners else "A superuser can renew it."
    return [
        Draft(frozenset(member), Topic.DELEGATION, f"Your membership of {group} {ends}", path, renewal),
        Draft(frozenset(owners - member), Topic.DELEGATION, f"The membership of {name} in {group} {ends}", path),
    ]
