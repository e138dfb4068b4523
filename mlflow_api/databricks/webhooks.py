"""Registry webhooks in the Databricks API, under `registry-webhooks/…` and its preview alias.

They are webhooks like those of MLflow's API, in another format, and each API shows its own. `job_spec`, for which
Databricks would start a job, is refused. Secret and authorization are stored and never returned.
"""

from __future__ import annotations

from core.actors import Actor
from core.errors import InvalidInput
from core.times import to_ms
from mlflow_api.dispatch import Handler, rpc
from mlflow_api.parse import Params
from mlflow_api.render_tracking import Json, filled
from webhooks.models import Webhook, WebhookFormat, WebhookStatus
from webhooks.queries import events_of, list_registry_webhooks
from webhooks.services import webhooks

_NAME = "registry-webhook"  # these have no names of their own
_WIRE = WebhookFormat.DATABRICKS


def _both(method: str, path: str, handler: Handler) -> None:
    """Serve a handler under /api/2.0/mlflow and /api/2.0/preview/mlflow."""
    for area in ("mlflow", "preview/mlflow"):
        rpc(method, f"registry-webhooks/{path}", area=area)(handler)


def _create(actor: Actor, q: Params) -> Json:
    spec = _spec(q)
    webhook = webhooks.create_webhook(
        actor=actor,
        name=_NAME,
        url=spec.need("url"),
        events=q.texts("events"),
        description=q.text("description"),
        secret=spec.text("secret"),
        status=q.text("status") or WebhookStatus.ACTIVE,
        model_name=q.text("model_name"),
        spec=_http_spec(spec),
    )
    return {"webhook": _rendered(webhook)}


def _list(actor: Actor, q: Params) -> Json:
    rows, token = list_registry_webhooks(
        actor=actor,
        events=q.texts("events"),
        model_name=q.text("model_name"),
        max_results=q.integer("max_results"),
        page_token=q.text("page_token"),
    )
    return filled(webhooks=[_rendered(row) for row in rows], next_page_token=token or None)


def _update(actor: Actor, q: Params) -> Json:
    if q.has("model_name"):
        raise InvalidInput("The model of a webhook cannot be changed: make another webhook.")
    spec = _spec(q)
    webhook = webhooks.update_webhook(
        actor=actor,
        webhook_id=q.need("id"),
        url=spec.text("url") or None,
        events=q.texts("events") or None,
        description=q.text("description") if q.has("description") else None,
        secret=spec.text("secret") if spec.has("secret") else None,
        status=q.text("status") or None,
        spec=_http_spec(spec),
    )
    return {"webhook": _rendered(webhook)}


def _delete(actor: Actor, q: Params) -> Json:
    webhooks.delete_webhook(actor=actor, webhook_id=q.need("id"), wire=_WIRE)
    return {}


def _test(actor: Actor, q: Params) -> Json:
    answer = webhooks.send_test(actor=actor, webhook_id=q.need("id"), event=q.text("event"), wire=_WIRE)
    # Clients read the status from different keys: new ones `status_code`, older ones `webhook.status_code`, and the
    # documentation names `status`.
    response = filled(status_code=answer.status, body=answer.body or answer.error or None)
    return {**response, **filled(status=answer.status), "webhook": response}


def _spec(q: Params) -> Params:
    if q.has("job_spec"):
        raise InvalidInput("job_spec is not supported: this server starts no jobs. Give a URL in http_url_spec.")
    return q.message("http_url_spec")


def _http_spec(spec: Params) -> webhooks.HttpSpec:
    return webhooks.HttpSpec(
        authorization=spec.text("authorization") if spec.has("authorization") else None,
        verify_tls=spec.boolean("enable_ssl_verification") if spec.has("enable_ssl_verification") else None,
    )


def _rendered(webhook: Webhook) -> Json:
    return filled(
        id=webhook.pk,
        events=events_of(webhook),
        description=webhook.description or None,
        status=str(webhook.status),
        model_name=webhook.model.name if webhook.model else None,
        http_url_spec={"url": webhook.url, "enable_ssl_verification": webhook.verify_tls},
        creation_timestamp=to_ms(webhook.created_at),
        last_updated_timestamp=to_ms(webhook.updated_at),
    )


_both("POST", "create", _create)
_both("GET", "list", _list)
_both("PATCH", "update", _update)
_both("POST", "test", _test)
_both("DELETE", "delete", _delete)
