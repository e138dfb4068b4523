"""Making, changing, testing and ending webhooks on the pages, by operators and by who manages a model."""

from __future__ import annotations

import re
import uuid

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from audit.models import Event
from registry.models import RegisteredModel
from tests.console.conftest import SignedIn, signed_in, text_of
from tests.webhooks.conftest import SECRET, Hook, Work
from tests.webhooks.receiver import Receiver
from webhooks.models import Delivery, Webhook
from webhooks.queries import events_of
from webhooks.signing import signature

__all__ = ["signed_in"]

HOOKS = "/webhooks/"
FORM = {"name": "chat", "events": ["registered_model.created", "transition_request.opened"], "status": "ACTIVE"}


def secret_in(page: str) -> str:
    found = re.search(r'id="secret">([\w-]+)<', page)
    assert found is not None
    return found[1]


def test_a_webhook_is_made_and_its_secret_shown_once(olga: User, signed_in: SignedIn, receiver: Receiver) -> None:
    client = signed_in(olga)
    secret = secret_in(text_of(client.post(f"{HOOKS}new/", {**FORM, "url": receiver.url(), "sign": "on"})))
    webhook = Webhook.objects.get()
    assert events_of(webhook) == FORM["events"]
    for where in (HOOKS, f"{HOOKS}{webhook.pk}/", f"{HOOKS}{webhook.pk}/edit/"):
        page = text_of(client.get(where))
        assert "chat" in page
        assert secret not in page
    client.post(f"{HOOKS}{webhook.pk}/test/", {"event": "registered_model.created"})
    sent = receiver.hits[0]
    names = sent.headers["x-mlflow-delivery-id"], sent.headers["x-mlflow-timestamp"]
    assert sent.headers["x-mlflow-signature"] == signature(secret, *names, sent.body)


def test_who_manages_a_model_makes_one_for_it(clf: RegisteredModel, ada: User, signed_in: SignedIn) -> None:
    client, form = signed_in(ada), {**FORM, "url": "https://93.184.216.34/hook"}
    refused = client.post(f"{HOOKS}new/", form)
    assert "only people in the group operators can" in text_of(refused)
    assert not Webhook.objects.exists()
    assert client.post(f"{HOOKS}new/", {**form, "model": "clf"}).status_code == 200
    assert Webhook.objects.get().owner == ada


@pytest.mark.parametrize(
    "change",
    [
        {"url": "ftp://example.com/"},
        {"url": "https://169.254.169.254/"},
        {"events": []},
        {"events": ["none.such"]},
        {"name": "a b"},
        {"name": ""},
        {"status": "TEST_MODE"},
        {"model": "none"},
    ],
)
def test_a_form_that_is_wrong_makes_nothing(change: dict[str, object], olga: User, signed_in: SignedIn) -> None:
    answer = signed_in(olga).post(f"{HOOKS}new/", {**FORM, "url": "https://93.184.216.34/", **change})
    assert (answer.status_code, 'role="alert"' in text_of(answer)) == (400, True)
    assert not Webhook.objects.exists()


def test_an_edit_is_exactly_what_was_chosen(hook: Hook, olga: User, signed_in: SignedIn) -> None:
    webhook = hook("registered_model.created", "transition_request.opened")
    form = {"name": "ci", "url": webhook.url, "events": ["model_version.created"], "status": "DISABLED"}
    assert signed_in(olga).post(f"{HOOKS}{webhook.pk}/edit/", form).status_code == 302
    changed = Webhook.objects.get()
    assert (events_of(changed), changed.status) == (["model_version.created"], "DISABLED")
    assert changed.sealed_secret == webhook.sealed_secret


def test_an_edit_without_a_new_address_takes_nothing_over(
    hook: Hook, clf: RegisteredModel, ada: User, signed_in: SignedIn
) -> None:
    webhook = hook(model_name="clf")  # an operator's, who vouches for the address
    form = {"name": "other", "url": webhook.url, "events": ["model_version.created"], "status": "ACTIVE"}
    signed_in(ada).post(f"{HOOKS}{webhook.pk}/edit/", form)
    changed = Webhook.objects.get()
    assert (changed.name, changed.owner) == ("other", None)


def test_a_new_secret_replaces_the_old_one(hook: Hook, olga: User, signed_in: SignedIn) -> None:
    webhook, client = hook(), signed_in(olga)
    where = f"{HOOKS}{webhook.pk}/secret/"
    assert "Replace secret" in text_of(client.get(where))
    assert Webhook.objects.get().sealed_secret == webhook.sealed_secret  # looking replaces nothing
    assert secret_in(text_of(client.post(where))) != SECRET
    assert Webhook.objects.get().sealed_secret != webhook.sealed_secret


def test_a_test_that_fails_says_so(hook: Hook, olga: User, signed_in: SignedIn, receiver: Receiver) -> None:
    receiver.answers = [500]
    webhook, client = hook(), signed_in(olga)
    answer = client.post(f"{HOOKS}{webhook.pk}/test/", {"event": "registered_model.created"}, follow=True)
    assert "answered 500" in text_of(answer)
    assert client.post(f"{HOOKS}{webhook.pk}/test/", {"event": "prompt.created"}).status_code == 400


def test_deleting_takes_a_post(hook: Hook, olga: User, signed_in: SignedIn) -> None:
    webhook, client = hook(), signed_in(olga)
    client.get(f"{HOOKS}{webhook.pk}/delete/")
    assert Webhook.objects.get().deleted_at is None
    answer = client.post(f"{HOOKS}{webhook.pk}/delete/", headers={"HX-Request": "true"})
    assert answer.headers["HX-Redirect"] == HOOKS
    assert Webhook.objects.get().deleted_at
    assert client.get(f"{HOOKS}{webhook.pk}/").status_code == 404


def test_the_log_leads_to_sending_again(
    hook: Hook, olga: User, signed_in: SignedIn, receiver: Receiver, work: Work, request: pytest.FixtureRequest
) -> None:
    receiver.answers = [404, 200]
    webhook = hook()
    request.getfixturevalue("clf")
    work()
    page = text_of(signed_in(olga).get(f"{HOOKS}{webhook.pk}/"))
    delivery = Delivery.objects.get()
    assert "The receiver answered 404." in page
    assert f"/webhooks/deliveries/{delivery.pk}/send-again/" in page


@pytest.mark.parametrize("path", ["", "edit/", "test/", "secret/", "delete/"])
def test_for_others_it_is_not_there(path: str, hook: Hook, cy: User, signed_in: SignedIn) -> None:
    webhook, client = hook(), signed_in(cy)
    before = Event.objects.filter(outcome="ok").count()
    for name in (webhook.pk, str(uuid.UUID(int=0)), "none"):
        where = f"{HOOKS}{name}/{path}"
        assert {client.get(where).status_code, client.post(where, FORM).status_code} <= {404}
    assert webhook.name not in text_of(client.get(HOOKS)).partition("<main")[2]
    assert Event.objects.filter(outcome="ok").count() == before


@pytest.mark.parametrize("path", ["new/", "{pk}/edit/", "{pk}/test/", "{pk}/secret/", "{pk}/delete/"])
def test_every_change_needs_the_csrf_token(path: str, hook: Hook, olga: User) -> None:
    where = HOOKS + path.format(pk=hook().pk)
    client = Client(enforce_csrf_checks=True)
    client.force_login(olga)
    assert client.post(where, FORM).status_code == 403
    assert Webhook.objects.filter(deleted_at__isnull=True).count() == 1


def test_longer_lists_take_no_more_queries(hook: Hook, olga: User, signed_in: SignedIn, clf: RegisteredModel) -> None:
    client, counts = signed_in(olga), []
    client.get(HOOKS)
    for _ in range(2):
        hook("model_version.created", "prompt.created")
        hook(model_name="clf")
        with CaptureQueriesContext(connection) as queries:
            client.get(HOOKS)
        counts.append(len(queries))
    assert counts[0] == counts[1]
