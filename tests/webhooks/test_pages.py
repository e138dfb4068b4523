"""The pages: webhooks and their log, to whom they concern, and the one button."""

from __future__ import annotations

import uuid

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from registry.models import RegisteredModel
from tests.console.conftest import SignedIn, signed_in, text_of
from tests.webhooks.conftest import SECRET, Hook, Work
from tests.webhooks.receiver import Receiver
from webhooks.models import Delivery, Webhook

__all__ = ["signed_in"]

HOOKS, LOG = "/admin/webhooks/webhook/", "/admin/webhooks/delivery/"
SENT = {"_form_submitted": "True"}


def again_url(delivery_id: object) -> str:
    return f"/webhooks/deliveries/{delivery_id}/send-again/"


@pytest.fixture
def failed(hook: Hook, receiver: Receiver, work: Work, request: pytest.FixtureRequest) -> Delivery:
    receiver.answers = [404, 200]
    hook()
    request.getfixturevalue("clf")
    work()
    return Delivery.objects.get()


def test_an_operator_sees_webhooks_and_what_was_sent(failed: Delivery, olga: User, signed_in: SignedIn) -> None:
    client = signed_in(olga)
    assert "registered_model.created" in text_of(client.get(HOOKS))
    page = text_of(client.get(f"{HOOKS}{failed.webhook_id}/change/"))
    assert f"{LOG}?webhook__id__exact={failed.webhook_id}" in page
    assert SECRET not in page
    assert Webhook.objects.get().sealed_secret not in page
    assert "model:clf" in text_of(client.get(f"{LOG}?webhook__id__exact={failed.webhook_id}"))
    log = text_of(client.get(f"{LOG}{failed.pk}/change/"))
    assert "The receiver answered 404." in log
    assert "registered_model" in log


def test_others_see_neither(failed: Delivery, ada: User, signed_in: SignedIn) -> None:
    client = signed_in(ada)
    assert failed.webhook.name not in text_of(client.get(HOOKS)).partition("<main")[2]
    assert "model:clf" not in text_of(client.get(LOG))
    assert client.get(f"{LOG}{failed.pk}/change/").status_code == 302
    assert client.post(again_url(failed.pk), SENT).status_code == 404
    failed.refresh_from_db()
    assert failed.state == "failed"


def test_who_manages_a_model_sees_its_webhooks(
    hook: Hook, clf: RegisteredModel, ada: User, signed_in: SignedIn
) -> None:
    hook(model_name="clf")
    assert "registered_model.created" in text_of(signed_in(ada).get(HOOKS))


def test_send_again(failed: Delivery, olga: User, signed_in: SignedIn, work: Work) -> None:
    client, where = signed_in(olga), again_url(failed.pk)
    assert client.get(f"{LOG}{failed.pk}/send-again/").headers["Location"] == where
    assert f"Send {failed.event} again" in text_of(client.get(where))
    failed.refresh_from_db()
    assert failed.state == "failed"  # looking sends nothing
    answer = client.post(where, SENT, headers={"HX-Request": "true"})
    assert answer.headers["HX-Redirect"].endswith(f"{failed.pk}/change/")
    assert "still being tried" in text_of(client.post(where, SENT))
    assert work() == ["delivered"]


def test_sending_again_needs_the_csrf_token(failed: Delivery, olga: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(olga)
    assert client.post(again_url(failed.pk), SENT).status_code == 403
    failed.refresh_from_db()
    assert failed.state == "failed"


@pytest.mark.parametrize("name", ["nothing", uuid.UUID(int=0)])
def test_what_is_not_there_is_no_error_of_the_server(olga: User, signed_in: SignedIn, name: object) -> None:
    client = signed_in(olga)
    assert client.get(f"{LOG}{name}/change/").status_code in {302, 404}
    assert client.get(f"{LOG}{name}/send-again/").status_code in {302, 404}
    assert client.post(again_url(name), SENT).status_code == 404


def test_longer_lists_take_no_more_queries(hook: Hook, olga: User, signed_in: SignedIn, failed: Delivery) -> None:
    client, counts = signed_in(olga), []
    for _ in range(2):
        row = hook("model_version.created", "prompt.created")
        failed.pk, failed.event_id, failed.webhook = uuid.uuid4(), uuid.uuid4(), row
        failed.save(force_insert=True)
        with CaptureQueriesContext(connection) as queries:
            client.get(HOOKS)
            client.get(LOG)
        counts.append(len(queries))
    assert counts[0] == counts[1]
