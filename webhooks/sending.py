"""Sends one message to a webhook, with the headers of its format."""

from __future__ import annotations

import time

from webhooks.cloud_events import CONTENT_TYPE, is_cloud_event
from webhooks.models import Webhook, WebhookFormat
from webhooks.permissions import may_reach_private_network
from webhooks.secrecy import Unreadable, unseal
from webhooks.signing import databricks_headers_of, headers_of
from webhooks.transport import Answer, post


def send(webhook: Webhook, *, delivery_id: str, body: str, timeout: float) -> Answer:
    """Send ``body`` and return the outcome, within ``timeout`` seconds. Do not call it in a transaction."""
    try:
        headers = _headers(webhook, delivery_id, body)
    except Unreadable as error:
        return Answer(None, 0, str(error), refused=True)
    private = may_reach_private_network(webhook)
    # Once the setting or the owner no longer allows private addresses, the certificate is checked again.
    verify = webhook.verify_tls or not private
    return post(webhook.url, body.encode(), headers, timeout=timeout, private=private, verify=verify)


def _headers(webhook: Webhook, delivery_id: str, body: str) -> dict[str, str]:
    secret = unseal(webhook.sealed_secret)
    if webhook.format == WebhookFormat.MLFLOW:
        headers = headers_of(delivery_id=delivery_id, timestamp=int(time.time()), body=body, secret=secret)
        return headers | {"Content-Type": CONTENT_TYPE} if is_cloud_event(body) else headers
    authorization = unseal(webhook.sealed_authorization)
    return databricks_headers_of(delivery_id=delivery_id, body=body, secret=secret, authorization=authorization)
