"""Reading webhooks, in a fixed number of queries."""

from __future__ import annotations

from django.db.models import Exists, OuterRef

from audit.actors import Actor
from audit.errors import InvalidInput
from tracking.search.pages import take_page
from webhooks.events import GOVERNANCE
from webhooks.models import Subscription, Webhook
from webhooks.permissions import visible_webhooks

MAX_WEBHOOKS = 1000
_DEFAULT = 100


def list_webhooks(
    *, actor: Actor, max_results: int | None = None, page_token: str = "", governance: bool = False
) -> tuple[list[Webhook], str]:
    """Return one page, newest first, with subscriptions and model, and the token of the next ("" on the last).

    Webhooks that want nothing but governance events are left out unless ``governance``: MLflow's clients cannot read a
    webhook without an event they know, and would fail over the whole list.
    """
    size = max_results or _DEFAULT
    if not 1 <= size <= MAX_WEBHOOKS:
        raise InvalidInput(f"max_results must be between 1 and {MAX_WEBHOOKS}.")
    rows = visible_webhooks(actor)
    if not governance:
        ordinary = Subscription.objects.filter(webhook=OuterRef("pk")).exclude(event__in=GOVERNANCE)
        rows = rows.filter(Exists(ordinary))
    rows = rows.select_related("model").prefetch_related("subscriptions").order_by("-created_at", "id")
    return take_page(rows, size=size, token=page_token)


def events_of(webhook: Webhook) -> list[str]:
    """Return what a webhook subscribes to, in the order it was given."""
    return [row.event for row in sorted(webhook.subscriptions.all(), key=lambda row: row.pk)]
