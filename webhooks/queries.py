"""Queries on webhooks, each with a fixed number of statements."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Exists, OuterRef, QuerySet

from core.actors import Actor
from core.errors import InvalidInput, NotFound
from registry.permissions import model_not_found, visible_models
from tracking.search.pages import take_page
from webhooks.events import GOVERNANCE
from webhooks.fields import check_event
from webhooks.models import Subscription, Webhook, WebhookFormat
from webhooks.permissions import visible_webhooks

MAX_WEBHOOKS = 1000
_DEFAULT = 100


def list_webhooks(
    *, actor: Actor, max_results: int | None = None, page_token: str = "", governance: bool = False
) -> tuple[list[Webhook], str]:
    """Return one page of webhooks in MLflow's format, newest first, and the token of the next page ("" on the last).

    Without ``governance``, webhooks that have only governance events are left out: MLflow's clients fail on a list with
    a webhook that has no event they know. Raises InvalidInput.
    """
    rows = visible_webhooks(actor).filter(format=WebhookFormat.MLFLOW)
    if not governance:
        ordinary = Subscription.objects.filter(webhook=OuterRef("pk")).exclude(event__in=GOVERNANCE)
        rows = rows.filter(Exists(ordinary))
    return _page(rows, max_results or _DEFAULT, page_token)


def list_registry_webhooks(
    *,
    actor: Actor,
    events: Sequence[str] = (),
    model_name: str = "",
    max_results: int | None = None,
    page_token: str = "",
) -> tuple[list[Webhook], str]:
    """Return one page of webhooks in Databricks' format, newest first, and the token of the next page ("" on the last).

    With ``events`` only webhooks with one of these events are returned, with ``model_name`` only those of that model.
    Raises NotFound (the model), InvalidInput.
    """
    for event in events:
        check_event(event, WebhookFormat.DATABRICKS)
    rows = visible_webhooks(actor).filter(format=WebhookFormat.DATABRICKS)
    if events:
        rows = rows.filter(Exists(Subscription.objects.filter(webhook=OuterRef("pk"), event__in=events)))
    if model_name:
        model = visible_models(actor).filter(name=model_name).first()
        if model is None:
            raise NotFound(model_not_found(model_name))
        rows = rows.filter(model=model)
    return _page(rows, max_results or MAX_WEBHOOKS, page_token)


def _page(rows: QuerySet[Webhook], size: int, token: str) -> tuple[list[Webhook], str]:
    if not 1 <= size <= MAX_WEBHOOKS:
        raise InvalidInput(f"max_results must be between 1 and {MAX_WEBHOOKS}.")
    rows = rows.select_related("model").prefetch_related("subscriptions").order_by("-created_at", "id")
    return take_page(rows, size=size, token=token)


def events_of(webhook: Webhook) -> list[str]:
    """Return the events that a webhook subscribes to, in the order in which they were subscribed."""
    return [row.event for row in sorted(webhook.subscriptions.all(), key=lambda row: row.pk)]
