"""A webhook is disabled once whoever set its URL has lost the right to it, and those who may set it again are told."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pytest_django import Settings

from accounts.models import User
from audit.actions import Action
from audit.models import Event
from core.actors import Actor, system_actor
from core.errors import InvalidInput
from notices.models import Notice
from registry.models import ModelUserGrant, RegisteredModel
from registry.permissions import Level, grant_level
from registry.services.models import set_model_tag
from tests.webhooks.conftest import Hook, Work
from tests.webhooks.receiver import Receiver
from webhooks.models import Delivery, Webhook, WebhookStatus
from webhooks.services.webhooks import update_webhook

Loss = Callable[[User], object]


def loses_manage(person: User) -> None:
    ModelUserGrant.objects.filter(user=person).delete()
    grant_level(user=person, model=RegisteredModel.objects.get(name="clf"), level=Level.MANAGE_PRODUCTION)


def loses_sight(person: User) -> None:
    ModelUserGrant.objects.filter(user=person).delete()


def is_deactivated(person: User) -> None:
    User.objects.filter(pk=person.pk).update(is_active=False)


def leaves_the_group(person: User) -> None:
    person.groups.clear()


def change() -> None:
    """Set a tag, which is an event for the webhook."""
    set_model_tag(actor=system_actor("test"), name="clf", key="mlflow.prompt.is_prompt", value="true")


def is_disabled(webhook: Webhook) -> bool:
    webhook.refresh_from_db()
    events = Event.objects.filter(action=Action.WEBHOOKS_WEBHOOK_DISABLED, object_ref=f"webhook:{webhook.pk}")
    return webhook.status == WebhookStatus.DISABLED and events.count() == 1


@pytest.mark.parametrize("loss", [loses_manage, loses_sight, is_deactivated])
def test_of_a_manager(
    loss: Loss,
    clf: RegisteredModel,
    ada: User,
    cy: User,
    by_ada: Actor,
    hook: Hook,
    work: Work,
    receiver: Receiver,
    settings: Settings,
) -> None:
    settings.DEFAULT_MODEL_LEVEL = "none"
    grant_level(user=cy, model=clf, level=Level.MANAGE)
    webhook = hook("prompt_tag.set", actor=by_ada, url="http://ci.example.com/", model_name="clf")
    loss(ada)
    change()
    assert work() == ["nothing to do"]
    assert is_disabled(webhook)
    assert "may no longer manage clf" in Delivery.objects.get().error
    told = Notice.objects.filter(title="The webhook ci was disabled")
    assert list(told.values_list("person__username", "path")) == [("cy", f"/webhooks/{webhook.pk}/")]
    change()  # it is off: nothing more is written for it
    assert (Delivery.objects.count(), receiver.hits) == (1, [])


@pytest.mark.parametrize("loss", [leaves_the_group, is_deactivated])
def test_of_an_operator(
    loss: Loss,
    clf: RegisteredModel,
    olga: User,
    bea: User,
    hook: Hook,
    work: Work,
    receiver: Receiver,
) -> None:
    bea.groups.add(olga.groups.get(name="operators"))
    webhook = hook("prompt_tag.set")
    loss(olga)
    change()
    assert work() == ["nothing to do"]
    assert (is_disabled(webhook), receiver.hits) == (True, [])
    told = Notice.objects.filter(title="The webhook ci was disabled")
    assert list(told.values_list("person__username", flat=True)) == ["bea"]


def test_one_from_before_the_operator_was_kept(
    clf: RegisteredModel, olga: User, hook: Hook, work: Work, receiver: Receiver
) -> None:
    webhook = hook("prompt_tag.set")
    Webhook.objects.update(operator=None)
    leaves_the_group(olga)
    change()
    assert work() == ["nothing to do"]
    assert (is_disabled(webhook), receiver.hits) == (True, [])


def test_it_is_switched_on_with_its_url_only(
    clf: RegisteredModel, ada: User, by_ada: Actor, by_olga: Actor, hook: Hook, work: Work, receiver: Receiver
) -> None:
    webhook = hook("prompt_tag.set", actor=by_ada, url="http://ci.example.com/", model_name="clf")
    is_deactivated(ada)
    change()
    work()
    with pytest.raises(InvalidInput, match="Check the URL"):
        update_webhook(actor=by_olga, webhook_id=webhook.pk, status="ACTIVE")
    assert is_disabled(webhook)
    update_webhook(actor=by_olga, webhook_id=webhook.pk, status="ACTIVE", url=receiver.url())
    change()
    assert work() == ["delivered"]
