"""The list of webhooks with the data of each row, and one webhook by its id."""

from __future__ import annotations

from django.db.models import Count, Max, Prefetch, Q, QuerySet

from core.actors import Actor
from core.errors import NotFound
from webhooks.models import DeliveryState, Subscription, Webhook
from webhooks.permissions import visible_webhooks

_SHOWN = 100


def webhook_rows(actor: Actor) -> QuerySet[Webhook]:
    """Return the webhooks this person may see, newest first.

    ``failed`` is the number of their failed deliveries, ``last_at`` the time of the last delivery.
    """
    rows = _visible(actor).annotate(
        failed=Count("deliveries", filter=Q(deliveries__state=DeliveryState.FAILED)),
        last_at=Max("deliveries__created_at"),
    )
    return rows.order_by("-created_at", "id")


def find_webhook(actor: Actor, webhook_id: str) -> Webhook:
    """Return a webhook this person may see. Raises NotFound."""
    row = _visible(actor).filter(pk=webhook_id).first()
    if row is None:
        raise NotFound(f"There is no webhook {webhook_id[:_SHOWN]}.")
    return row


def _visible(actor: Actor) -> QuerySet[Webhook]:
    subscriptions = Prefetch("subscriptions", Subscription.objects.order_by("pk"))
    return visible_webhooks(actor).select_related("model", "owner").prefetch_related(subscriptions)
