"""Permissions on webhooks: operators have webhooks of every model, the managers of a model have webhooks of that model.

A webhook sends names, comments and tags out of the registry. An operator is a superuser or a person in the group
`operators`. A service account is never an operator.
"""

from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib.auth.models import Group
from django.db.models import Q, QuerySet

from accounts.authentication import actor_from_user
from accounts.models import User
from audit.actions import Action
from core.actors import Actor, ActorKind
from core.errors import Denied, NotFound
from core.refs import model_stream, webhook_ref
from registry.models import RegisteredModel
from registry.permissions import Level, has_level, models_at_level
from webhooks.models import Delivery, Webhook, WebhookFormat

OPERATORS = "operators"


def is_operator(actor: Actor) -> bool:
    """Return whether the actor may have webhooks of every model."""
    if actor.kind is ActorKind.SYSTEM:
        return True
    if actor.kind is not ActorKind.USER or actor.user_id is None:
        return False
    return actor.is_superuser or Group.objects.filter(name=OPERATORS, user__pk=actor.user_id).exists()


def visible_webhooks(actor: Actor) -> QuerySet[Webhook]:
    """Return the webhooks the actor may see and change: all for an operator, else those of models they manage."""
    live = Webhook.objects.filter(deleted_at__isnull=True)
    if is_operator(actor):
        return live
    return live.filter(Q(model__isnull=False) & Q(model__in=models_at_level(actor, Level.MANAGE)))


def visible_deliveries(actor: Actor) -> QuerySet[Delivery]:
    """Return the deliveries that the actor may see and send again. An operator also sees those of deleted webhooks."""
    if is_operator(actor):
        return Delivery.objects.all()
    return Delivery.objects.filter(webhook__in=visible_webhooks(actor))


def get_delivery(actor: Actor, delivery_id: uuid.UUID) -> Delivery:
    """Return a delivery with its webhook. Raises NotFound where there is none or the actor may not see it."""
    row = visible_deliveries(actor).select_related("webhook").filter(pk=delivery_id).first()
    if row is None:
        raise NotFound(f"There is no delivery {delivery_id}.")
    return row


def may_reach_private_network(webhook: Webhook) -> bool:
    """Return whether the receiver may be at a private address: the setting allows it and an operator set the URL.

    Everybody can create a model and then manages it. Without the second condition, everybody could reach the network.
    """
    return bool(settings.WEBHOOK_ALLOW_PRIVATE) and webhook.owner_id is None


def is_still_authorized(webhook: Webhook) -> bool:
    """Return whether the account that set the URL may still send events to it: an operator, or a manager of the model.

    A URL that a command of the server set stays authorized.
    """
    person = setter_of(webhook)
    if person is None:
        return True
    actor = actor_from_user(person, auth="system", request_id="")
    if not person.is_active:
        return False
    if webhook.owner_id is None or webhook.model is None:
        return is_operator(actor)
    return has_level(actor, webhook.model, Level.MANAGE)


def setter_of(webhook: Webhook) -> User | None:
    """Return the account that set the URL of a webhook, None where a command of the server did."""
    if webhook.owner_id is not None or webhook.operator_id is not None:
        return webhook.owner or webhook.operator
    return User.objects.filter(username=webhook.created_by).first()


def get_webhook(
    actor: Actor,
    webhook_id: str,
    *,
    wire: WebhookFormat = WebhookFormat.MLFLOW,
) -> Webhook:
    """Return a webhook of this format. Raises NotFound where there is none or the actor may not see it."""
    row = visible_webhooks(actor).select_related("model").filter(pk=webhook_id, format=wire).first()
    if row is None:
        raise NotFound(f"Webhook with ID {webhook_id[:100]} not found.")
    return row


def require_may_create(actor: Actor, model: RegisteredModel | None) -> None:
    """Raise Denied where the actor may not have a webhook of this model, or of every model for None."""
    if is_operator(actor) or (model is not None and has_level(actor, model, Level.MANAGE)):
        return
    if model is None:
        why = f"may not create a webhook for every model: only people in the group {OPERATORS} can. Name a model_name."
    else:
        why = f"may not create a webhook for {model.name}: only people who manage the model can."
    raise Denied(
        f"{actor.name} {why}",
        action=Action.WEBHOOKS_WEBHOOK_CREATED,
        obj=webhook_ref("new"),
        stream=model_stream(model.pk) if model else "",
    )
