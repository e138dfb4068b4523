"""A receiver on this machine, a governed registry whose changes it is told of, and a worker on demand."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.models import Group
from pytest_django import Settings

from accounts.models import User
from approvals.models import TransitionRequest
from core.actors import Actor
from registry.models import RegisteredModel
from registry.services.models import create_model
from tests.approvals.conftest import (
    Ask,
    NewVersion,
    RunChecks,
    _own_store,
    ask,
    ask_and_check,
    by_ada,
    by_bea,
    new_version,
    policies,
    run_checks,
)
from tests.conftest import Acting
from tests.mlflow_api.registry_fixtures import api, api_of
from tests.webhooks.receiver import Receiver
from webhooks import tasks
from webhooks.models import Delivery, DeliveryState, Webhook
from webhooks.services.webhooks import create_webhook

__all__ = ["_own_store", "api", "api_of", "ask", "by_ada", "by_bea", "new_version", "policies", "run_checks"]

SECRET = "sesame"
Hook = Callable[..., Webhook]
Work = Callable[[], list[str]]


@pytest.fixture(autouse=True)
def _in_house(settings: Settings) -> None:
    """Let deliveries reach a receiver on this machine; what is refused without that has tests of its own."""
    settings.WEBHOOK_ALLOW_HTTP = settings.WEBHOOK_ALLOW_PRIVATE = True
    settings.WEBHOOK_TIMEOUT = settings.WEBHOOK_TEST_TIMEOUT = 1.0


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    yield server
    server.close()


@pytest.fixture
def olga(db: None) -> User:
    """Olga operates the server."""
    user = User.objects.create_user("olga", password="olga-password-1")
    user.groups.add(Group.objects.get(name="operators"))
    return user


@pytest.fixture
def by_olga(olga: User, acting: Acting) -> Actor:
    return acting(olga)


@pytest.fixture
def hook(by_olga: Actor, receiver: Receiver) -> Hook:
    """Return a function that makes a webhook of Olga's for some events."""

    def make(*events: str, actor: Actor | None = None, url: str = "", model_name: str = "") -> Webhook:
        return create_webhook(
            actor=actor or by_olga,
            name="ci",
            url=url or receiver.url(),
            events=events or ("registered_model.created",),
            secret=SECRET,
            model_name=model_name,
        )

    return make


@pytest.fixture
def work(db: None) -> Work:
    """Return a function that does a worker's work on every pending delivery, due or not by the clock: see `due`."""

    def deliver() -> list[str]:
        pending = Delivery.objects.filter(state=DeliveryState.PENDING).order_by("created_at")
        return [tasks.deliver(str(pk)) for pk in pending.values_list("pk", flat=True)]

    return deliver


@pytest.fixture
def clf(by_ada: Actor) -> RegisteredModel:
    return create_model(actor=by_ada, name="clf", tags=[("team", "risk")], description="Scores")


@pytest.fixture
def ready(new_version: NewVersion, ask: Ask, run_checks: RunChecks) -> TransitionRequest:
    """A request for Production whose checks all passed.

    It is opened after the webhooks of a test are there: they are told of it.
    """
    return ask_and_check(new_version, ask, run_checks)
