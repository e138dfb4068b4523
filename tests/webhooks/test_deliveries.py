"""A delivery is tried until it arrives or until nothing can be hoped for; at least once, under one id."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from audit.models import Event, OutboxMessage
from core.actors import Actor
from core.errors import Conflict, NotFound
from registry.models import ModelUserGrant, RegisteredModel
from registry.services.models import set_model_tag
from tests.webhooks.conftest import SECRET, Hook, Work
from tests.webhooks.receiver import Hit, Receiver, hang_up
from webhooks import tasks
from webhooks.models import Delivery, DeliveryState, Webhook, WebhookStatus
from webhooks.services import deliveries
from webhooks.services.webhooks import delete_webhook, update_webhook
from webhooks.signing import signature
from webhooks.transport import Answer

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def pending(hook: Hook, clock: time_machine.Traveller, request: pytest.FixtureRequest) -> Delivery:
    """One delivery that waits to be tried."""
    hook()
    request.getfixturevalue("clf")
    return Delivery.objects.get()


def until_settled(clock: time_machine.Traveller, row: Delivery) -> int:
    """Let time pass from one attempt to the next; return how many there were."""
    for attempt in range(1, 30):
        tasks.deliver(str(row.pk))
        row.refresh_from_db()
        if row.state != DeliveryState.PENDING:
            return attempt
        assert row.next_attempt_at is not None
        clock.move_to(max(row.next_attempt_at, datetime.now(UTC)) + timedelta(milliseconds=1))
    raise AssertionError("it never ends")


def verified(hit: Hit) -> bool:
    return hit.headers["x-mlflow-signature"] == signature(
        SECRET, hit.headers["x-mlflow-delivery-id"], hit.headers["x-mlflow-timestamp"], hit.body
    )


def test_a_delivery_is_signed_and_logged(pending: Delivery, receiver: Receiver, work: Work) -> None:
    assert work() == ["delivered"]
    (hit,) = receiver.hits
    assert verified(hit)
    assert hit.headers["x-mlflow-delivery-id"] == str(pending.pk)
    assert hit.headers["x-mlflow-timestamp"] == str(int(NOW.timestamp()))
    assert hit.headers["content-type"] == "application/json"
    assert hit.json["timestamp"] == NOW.isoformat()
    pending.refresh_from_db()
    assert (pending.state, pending.attempts, pending.status_code, pending.error) == ("delivered", 1, 200, "")
    assert pending.finished_at == NOW
    assert "inside" not in str(pending.history)  # what the receiver says is nobody's business


def test_without_a_secret_nothing_is_signed(pending: Delivery, receiver: Receiver, work: Work, by_olga: Actor) -> None:
    update_webhook(actor=by_olga, webhook_id=pending.webhook_id, secret="")
    work()
    assert "x-mlflow-signature" not in receiver.hits[0].headers


def test_a_second_try_succeeds_with_the_same_id_and_body(
    pending: Delivery, receiver: Receiver, clock: time_machine.Traveller
) -> None:
    receiver.answers = [503, 429, 200]
    assert until_settled(clock, pending) == 3
    assert pending.state == DeliveryState.DELIVERED
    assert [entry["status"] for entry in pending.history] == [503, 429, 200]
    assert len({(hit.headers["x-mlflow-delivery-id"], hit.body) for hit in receiver.hits}) == 1
    assert len({hit.headers["x-mlflow-timestamp"] for hit in receiver.hits}) == 3
    assert all(map(verified, receiver.hits))


def test_after_eight_tries_in_six_hours_it_is_given_up(
    pending: Delivery, receiver: Receiver, clock: time_machine.Traveller
) -> None:
    receiver.answers = [500]
    assert until_settled(clock, pending) == 8
    assert (pending.state, pending.status_code, len(receiver.hits)) == ("failed", 500, 8)
    assert timedelta(hours=5) < datetime.now(UTC) - NOW < timedelta(hours=7)
    assert tasks.deliver(str(pending.pk)) == "nothing to do"
    assert len(receiver.hits) == 8


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 404, 410, 413, 422])
def test_what_the_receiver_will_not_have_is_not_tried_again(
    pending: Delivery, receiver: Receiver, work: Work, status: int
) -> None:
    receiver.answers, receiver.headers = [status], {"Location": receiver.url("/elsewhere")}
    work()
    pending.refresh_from_db()
    assert (pending.state, pending.status_code, len(receiver.hits)) == ("failed", status, 1)
    assert str(status) in pending.error


def test_a_receiver_may_say_when(pending: Delivery, receiver: Receiver, work: Work) -> None:
    receiver.answers, receiver.headers = [503], {"Retry-After": "600"}
    work()
    pending.refresh_from_db()
    assert pending.next_attempt_at == NOW + timedelta(seconds=600)


def test_the_same_message_twice_is_sent_once(pending: Delivery, receiver: Receiver) -> None:
    lease = deliveries.take(delivery_id=pending.pk)
    assert lease is not None
    assert tasks.deliver(str(pending.pk)) == "nothing to do"
    assert receiver.hits == []


def test_what_a_dead_worker_held_is_tried_by_another(
    pending: Delivery, receiver: Receiver, clock: time_machine.Traveller
) -> None:
    dead = deliveries.take(delivery_id=pending.pk)
    clock.shift(timedelta(minutes=2))
    assert tasks.retry_deliveries() == 1
    assert tasks.deliver(str(pending.pk)) == "delivered"
    assert dead is not None
    deliveries.settle(lease=dead, answer=Answer(500, 1))  # it was only slow
    pending.refresh_from_db()
    assert (pending.state, pending.attempts, pending.status_code) == ("delivered", 2, 200)


def test_the_scheduler_tells_the_queue_of_what_is_due_once_a_minute(
    pending: Delivery, receiver: Receiver, clock: time_machine.Traveller, work: Work
) -> None:
    receiver.answers = [500]
    work()
    sent = OutboxMessage.objects.filter(task="webhooks.tasks.deliver")
    before = sent.count()
    assert tasks.retry_deliveries() == 0  # not due yet
    clock.shift(timedelta(minutes=1))
    assert (tasks.retry_deliveries(), tasks.retry_deliveries()) == (1, 0)
    clock.shift(timedelta(seconds=61))
    assert tasks.retry_deliveries() == 1
    assert sent.count() == before + 2
    assert sent.latest("pk").kwargs == {"delivery_id": str(pending.pk)}


def test_a_receiver_that_does_not_answer_is_left_alone(
    pending: Delivery, receiver: Receiver, clock: time_machine.Traveller, hook: Hook
) -> None:
    other = Delivery.objects.create(
        id=uuid.uuid4(), webhook=pending.webhook, event=pending.event, event_id=uuid.uuid4(), body="{}",
        subject="model:x", created_at=NOW, next_attempt_at=NOW, give_up_at=NOW + timedelta(hours=24),
    )  # fmt: skip
    receiver.answers = [hang_up, 200]
    assert tasks.deliver(str(pending.pk)) == "pending"
    assert tasks.deliver(str(other.pk)) == "nothing to do"  # it waits with the first, and no attempt is counted
    other.refresh_from_db()
    assert (other.attempts, len(receiver.hits)) == (0, 1)
    assert other.next_attempt_at is not None
    assert other.next_attempt_at > NOW
    clock.shift(timedelta(seconds=30))
    assert tasks.deliver(str(other.pk)) == "delivered"
    webhook = Webhook.objects.get()
    assert (webhook.failures, webhook.quiet_until) == (0, None)


def test_one_goes_ahead_when_the_quiet_is_over(pending: Delivery, clock: time_machine.Traveller) -> None:
    Webhook.objects.update(failures=3, quiet_until=NOW - timedelta(seconds=1))
    assert deliveries.take(delivery_id=pending.pk) is not None
    assert Webhook.objects.get().quiet_until == NOW + timedelta(seconds=90)


def test_waiting_has_an_end(pending: Delivery, clock: time_machine.Traveller, receiver: Receiver) -> None:
    clock.shift(timedelta(hours=25))
    tasks.deliver(str(pending.pk))
    pending.refresh_from_db()
    assert (pending.state, receiver.hits) == ("failed", [])
    assert "24 hours" in pending.error


def test_a_webhook_that_is_gone_or_off_gets_nothing_more(
    pending: Delivery, receiver: Receiver, work: Work, by_olga: Actor
) -> None:
    update_webhook(actor=by_olga, webhook_id=pending.webhook_id, status="DISABLED")
    work()
    pending.refresh_from_db()
    assert (pending.state, receiver.hits) == ("failed", [])
    assert "disabled" in pending.error


def test_nothing_is_sent_for_somebody_who_no_longer_manages_the_model(
    clf: RegisteredModel, by_ada: Actor, by_olga: Actor, hook: Hook, work: Work, receiver: Receiver
) -> None:
    webhook = hook("prompt_tag.set", actor=by_ada, url="http://ci.example.com/", model_name="clf")
    ModelUserGrant.objects.filter(content_object=clf).delete()
    for _ in range(2):
        set_model_tag(actor=by_olga, name="clf", key="mlflow.prompt.is_prompt", value="true")
        assert work() in (["nothing to do"], ["delivered"])
        update_webhook(actor=by_olga, webhook_id=webhook.pk, url=receiver.url(), status="ACTIVE")  # she vouches for it
    assert [row.state for row in Delivery.objects.order_by("-state")] == ["failed", "delivered"]
    assert "may no longer manage clf" in Delivery.objects.get(state="failed").error
    assert len(receiver.hits) == 1


def test_a_changed_secret_key_is_said_and_not_worked_around(
    pending: Delivery, receiver: Receiver, work: Work, settings: object
) -> None:
    settings.SECRET_KEY = "another"  # type: ignore[attr-defined]  # pytest-django's
    work()
    pending.refresh_from_db()
    assert (pending.state, receiver.hits) == ("failed", [])
    assert "SECRET_KEY" in pending.error


def test_a_failed_delivery_can_be_sent_again(
    pending: Delivery, receiver: Receiver, work: Work, by_olga: Actor, by_ada: Actor
) -> None:
    receiver.answers = [404, 200]
    work()
    with pytest.raises(NotFound):
        deliveries.send_again(actor=by_ada, delivery_id=pending.pk)
    deliveries.send_again(actor=by_olga, delivery_id=pending.pk)
    with pytest.raises(Conflict):
        deliveries.send_again(actor=by_olga, delivery_id=pending.pk)
    assert work() == ["delivered"]
    pending.refresh_from_db()
    assert [entry["status"] for entry in pending.history] == [404, 200]
    assert Event.objects.filter(action="webhooks.delivery.resent", outcome="ok").count() == 1


def test_to_a_disabled_webhook_nothing_is_sent_again(pending: Delivery, work: Work, by_olga: Actor) -> None:
    work()
    Webhook.objects.update(status=WebhookStatus.DISABLED)
    with pytest.raises(Conflict):
        deliveries.send_again(actor=by_olga, delivery_id=pending.pk)


def test_the_log_outlives_the_webhook_for_a_while(
    pending: Delivery, work: Work, by_olga: Actor, clock: time_machine.Traveller
) -> None:
    work()
    delete_webhook(actor=by_olga, webhook_id=pending.webhook_id)
    assert Webhook.objects.get().sealed_secret == ""
    clock.shift(timedelta(days=29))
    assert tasks.forget_deliveries() == 0
    clock.shift(timedelta(days=2))
    assert tasks.forget_deliveries() == 1


def test_what_still_waits_is_never_forgotten(pending: Delivery, clock: time_machine.Traveller) -> None:
    clock.shift(timedelta(days=400))
    assert tasks.forget_deliveries() == 0
    assert RegisteredModel.objects.exists()
