"""Who may have a webhook, what it may be, and what the log keeps of that."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group

from accounts.models import User
from audit.models import Event
from core.actors import Actor
from core.errors import Denied, DomainError, InvalidInput, NotFound
from registry.models import RegisteredModel
from tests.conftest import Acting
from tests.webhooks.conftest import SECRET, Hook
from tests.webhooks.receiver import Receiver, hang_up
from webhooks.models import Webhook
from webhooks.permissions import visible_webhooks
from webhooks.queries import events_of
from webhooks.secrecy import Unreadable, seal, unseal
from webhooks.services.webhooks import create_webhook, delete_webhook, send_test, update_webhook

GOOD: dict[str, Any] = {"name": "ci", "url": "https://ci.example.com/", "events": ["registered_model.created"]}


def test_an_operator_makes_a_webhook_for_every_model(by_olga: Actor) -> None:
    webhook = create_webhook(actor=by_olga, secret=SECRET, **GOOD)
    assert (webhook.model, webhook.status, webhook.created_by) == (None, "ACTIVE", "olga")
    assert SECRET not in webhook.sealed_secret
    assert unseal(webhook.sealed_secret) == SECRET
    event = bytes(Event.objects.get(action="webhooks.webhook.created").body).decode()
    assert "ci.example.com" in event
    assert SECRET not in event


def test_the_log_does_not_keep_the_path_of_a_url(by_olga: Actor) -> None:
    create_webhook(actor=by_olga, **{**GOOD, "url": "https://hooks.example.com/services/T0/B0/very-secret"})
    assert "very-secret" not in bytes(Event.objects.get(action="webhooks.webhook.created").body).decode()


@pytest.mark.parametrize("who", ["ada", "bea", "bot", "operating bot", "superuser bot"])
def test_others_do_not(who: str, ada: User, bea: User, bot: User, acting: Acting) -> None:
    user = {"ada": ada, "bea": bea}.get(who, bot)
    if who == "operating bot":
        bot.groups.add(Group.objects.get(name="operators"))
    bot.is_superuser = who == "superuser bot"
    bot.save()
    with pytest.raises(Denied, match="operators"):
        create_webhook(actor=acting(user), **GOOD)
    assert not Webhook.objects.exists()


def test_whoever_manages_a_model_makes_one_for_it(by_ada: Actor, by_bea: Actor, clf: RegisteredModel) -> None:
    webhook = create_webhook(actor=by_ada, model_name="clf", **GOOD)
    assert webhook.model == clf
    with pytest.raises(Denied):
        create_webhook(actor=by_bea, model_name="clf", **GOOD)
    with pytest.raises(NotFound):
        create_webhook(actor=by_ada, model_name="nothing", **GOOD)


def test_only_an_operator_points_into_the_house(by_ada: Actor, by_olga: Actor, clf: RegisteredModel) -> None:
    inside = {**GOOD, "url": "http://10.0.0.7/", "model_name": "clf"}  # the setting allows it, in these tests
    with pytest.raises(InvalidInput, match="not public"):
        create_webhook(actor=by_ada, **inside)
    webhook = create_webhook(actor=by_olga, **inside)
    with pytest.raises(InvalidInput, match="not public"):
        update_webhook(actor=by_ada, webhook_id=webhook.pk, url="http://10.0.0.8/")
    update_webhook(actor=by_ada, webhook_id=webhook.pk, name="cd")
    webhook.refresh_from_db()
    assert (webhook.name, webhook.url, webhook.owner) == ("cd", "http://10.0.0.7/", None)


def test_one_sees_what_one_may_change(by_ada: Actor, by_bea: Actor, by_olga: Actor, clf: RegisteredModel) -> None:
    own = create_webhook(actor=by_ada, model_name="clf", **GOOD)
    wide = create_webhook(actor=by_olga, **GOOD)
    assert set(visible_webhooks(by_olga)) == {own, wide}
    assert set(visible_webhooks(by_ada)) == {own}
    assert set(visible_webhooks(by_bea)) == set()
    for change in (update_webhook, delete_webhook, send_test):
        with pytest.raises(NotFound, match="not found"):
            change(actor=by_ada, webhook_id=wide.pk)
    assert Webhook.objects.get(pk=wide.pk).deleted_at is None


@pytest.mark.parametrize(
    "bad",
    [
        {"name": ""}, {"name": "-x"}, {"name": "x" * 64}, {"name": "a b"}, {"name": "x\n"}, {"name": "é"},
        {"events": []}, {"events": ["model.exploded"]}, {"events": ["registered_model"]}, {"url": "ftp://x/"},
        {"url": "http://169.254.169.254/"}, {"status": "PAUSED"}, {"secret": "x" * 2000}, {"secret": "\x00"},
        {"description": "x" * 6000}, {"description": "\x00"},
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(by_olga: Actor, bad: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        create_webhook(actor=by_olga, **{**GOOD, **bad})
    webhook = create_webhook(actor=by_olga, **GOOD)
    with pytest.raises(InvalidInput):
        update_webhook(actor=by_olga, webhook_id=webhook.pk, **bad)
    webhook.refresh_from_db()
    assert (webhook.name, webhook.url, events_of(webhook)) == ("ci", GOOD["url"], GOOD["events"])
    assert not Event.objects.filter(action="webhooks.webhook.updated").exists()


def test_an_update_changes_what_is_given(by_olga: Actor) -> None:
    webhook = create_webhook(actor=by_olga, secret=SECRET, **GOOD)
    update_webhook(actor=by_olga, webhook_id=webhook.pk, name="cd", events=["prompt.created"], status="DISABLED")
    webhook.refresh_from_db()
    assert (webhook.name, webhook.status, webhook.url) == ("cd", "DISABLED", GOOD["url"])
    assert unseal(webhook.sealed_secret) == SECRET
    assert events_of(webhook) == ["prompt.created"]


def test_who_cannot_name_governance_does_not_remove_it(hook: Hook, by_olga: Actor) -> None:
    webhook = hook("model_version.created", "transition_request.opened")
    update_webhook(actor=by_olga, webhook_id=webhook.pk, events=["registered_model.created"])
    assert events_of(Webhook.objects.get()) == ["transition_request.opened", "registered_model.created"]
    update_webhook(actor=by_olga, webhook_id=webhook.pk, events=["transition_request.applied"])
    assert events_of(Webhook.objects.get()) == ["transition_request.applied"]


def test_a_test_is_signed_sent_at_once_and_recorded(hook: Hook, receiver: Receiver, by_olga: Actor) -> None:
    webhook = hook("model_version.created", "registered_model.created")
    answer = send_test(actor=by_olga, webhook_id=webhook.pk)
    assert (answer.status, answer.is_success, answer.body) == (200, True, "")
    hit = receiver.hits[0]
    assert (hit.json["entity"], hit.json["data"]["name"]) == ("model_version", "example_model")
    assert hit.headers["x-mlflow-signature"].startswith("v1,")
    assert Event.objects.filter(action="webhooks.webhook.tested").count() == 1


def test_a_test_tells_why_it_failed(hook: Hook, receiver: Receiver, by_olga: Actor) -> None:
    receiver.answers = [hang_up, 500]
    webhook = hook()
    assert send_test(actor=by_olga, webhook_id=webhook.pk).error == "The connection to the receiver failed."
    answer = send_test(actor=by_olga, webhook_id=webhook.pk, event="transition_request.opened")
    assert (answer.is_success, answer.status) == (False, 500)
    with pytest.raises(DomainError):
        send_test(actor=by_olga, webhook_id=webhook.pk, event="nothing.happened")


def test_a_secret_is_read_with_the_old_key_while_it_is_a_fallback(settings: Any) -> None:
    sealed = seal(SECRET)
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "a new one"
    assert unseal(sealed) == SECRET
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(Unreadable):
        unseal(sealed)
    assert seal("") == unseal("") == ""
