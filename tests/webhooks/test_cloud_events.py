"""Webhooks that send CloudEvents: other people's library reads them, and the choice can be changed."""

from __future__ import annotations

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from cloudevents.core.v1.event import CloudEvent
from django.db import IntegrityError, transaction
from pytest_django import Settings

from accounts.models import User
from audit.models import Event
from core.actors import Actor
from registry.models import RegisteredModel
from registry.services.models import create_model
from tests.console.conftest import SignedIn, signed_in, text_of
from tests.mlflow_api.registry_fixtures import ApiOf
from tests.webhooks.conftest import SECRET, Hook, Work
from tests.webhooks.receiver import Hit, Receiver
from webhooks.models import Webhook, WebhookFormat
from webhooks.services.webhooks import send_test, update_webhook
from webhooks.signing import signature

__all__ = ["signed_in"]


def parsed(hit: Hit) -> CloudEvent:
    """Return what the library of the CloudEvents project reads."""
    event = from_http_event(HTTPMessage(headers=hit.headers, body=hit.body.encode()))
    assert isinstance(event, CloudEvent)
    return event


@pytest.fixture
def cloud(hook: Hook, by_olga: Actor, settings: Settings) -> Webhook:
    """Olga's webhook, which gets CloudEvents, on a server without an address."""
    settings.BASE_URL = ""
    return update_webhook(actor=by_olga, webhook_id=hook().pk, cloud_events=True)


def test_an_event_is_a_cloud_event(cloud: Webhook, clf: RegisteredModel, receiver: Receiver, work: Work) -> None:
    assert work() == ["delivered"]
    event, recorded = parsed(receiver.hits[0]), Event.objects.get(action="registry.model.created")
    assert (event.get_specversion(), event.get_type()) == ("1.0", "custody.registered_model.created")
    assert (event.get_id(), event.get_time()) == (str(recorded.event_id), recorded.at)
    assert (event.get_source(), event.get_subject()) == ("custody", recorded.object_ref)
    assert event.get_data() == {"name": "clf", "tags": {"team": "risk"}, "description": "Scores"}


def test_the_source_is_the_address_of_the_server(
    cloud: Webhook, by_ada: Actor, receiver: Receiver, work: Work, settings: Settings
) -> None:
    settings.BASE_URL = "https://models.example.com"
    create_model(actor=by_ada, name="clf")
    work()
    assert parsed(receiver.hits[0]).get_source() == "https://models.example.com"


def test_it_is_signed_as_any_other(cloud: Webhook, clf: RegisteredModel, receiver: Receiver, work: Work) -> None:
    work()
    hit = receiver.hits[0]
    assert hit.headers["content-type"] == "application/cloudevents+json; charset=UTF-8"
    names = hit.headers["x-mlflow-delivery-id"], hit.headers["x-mlflow-timestamp"]
    assert hit.headers["x-mlflow-signature"] == signature(SECRET, *names, hit.body)


def test_what_waits_is_sent_as_it_was_written(
    cloud: Webhook, by_olga: Actor, clf: RegisteredModel, receiver: Receiver, work: Work
) -> None:
    update_webhook(actor=by_olga, webhook_id=cloud.pk, cloud_events=False)
    work()
    assert parsed(receiver.hits[0]).get_type() == "custody.registered_model.created"


def test_a_test_message_is_one_too(cloud: Webhook, by_olga: Actor, receiver: Receiver) -> None:
    assert send_test(actor=by_olga, webhook_id=cloud.pk).is_success
    event = parsed(receiver.hits[0])
    assert (event.get_id(), event.get_subject()) == (receiver.hits[0].headers["x-mlflow-delivery-id"], "example")


def test_other_webhooks_get_mlflows_envelope(
    hook: Hook, cloud: Webhook, by_ada: Actor, receiver: Receiver, work: Work
) -> None:
    hook()
    create_model(actor=by_ada, name="clf")
    work()
    assert sorted("specversion" in hit.json for hit in receiver.hits) == [False, True]


def test_the_choice_is_an_event(cloud: Webhook) -> None:
    body = bytes(Event.objects.get(action="webhooks.webhook.updated").body).decode()
    assert '"cloud_events":true' in body
    assert '"cloud_events":false' in body


def test_it_is_chosen_over_the_wire(olga: User, api_of: ApiOf, receiver: Receiver) -> None:
    api, events = api_of(olga), [{"entity": "REGISTERED_MODEL", "action": "CREATED"}]
    webhook = api.ok("POST", "webhooks", name="ci", url=receiver.url(), events=events, cloud_events=True)["webhook"]
    assert webhook["cloud_events"] is True
    path = f"webhooks/{webhook['webhook_id']}"
    assert api.ok("PATCH", path, description="unchanged")["webhook"]["cloud_events"] is True
    assert "cloud_events" not in api.ok("PATCH", path, cloud_events=False)["webhook"]


def test_it_is_chosen_on_the_page(olga: User, signed_in: SignedIn, receiver: Receiver) -> None:
    client = signed_in(olga)
    form = {"name": "chat", "events": ["registered_model.created"], "status": "ACTIVE", "url": receiver.url()}
    page = text_of(client.post("/webhooks/new/", {**form, "cloud_events": "on"}))
    webhook = Webhook.objects.get()
    assert (webhook.cloud_events, "as CloudEvents 1.0" in page) == (True, True)
    client.post(f"/webhooks/{webhook.pk}/edit/", form)
    webhook.refresh_from_db()
    assert not webhook.cloud_events


def test_databricks_format_has_none(cloud: Webhook) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Webhook.objects.filter(pk=cloud.pk).update(format=WebhookFormat.DATABRICKS)
