"""What happens in the registry reaches the receiver: MLflow's events with MLflow's fields, governance in the same
envelope.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from approvals.case.loading import load_case
from approvals.models import TransitionRequest
from approvals.requests.lifecycle import expire_request, mark_stale, withdraw_request
from approvals.requests.review import decide_request
from approvals.requests.settle import apply_request
from approvals.requests.transition import request_transition
from audit.models import Event, MissedEvent, OutboxMessage
from core.actors import Actor, system_actor
from core.errors import GateRefused
from registry.models import RegisteredModel
from registry.services import aliases, versions
from registry.services.models import create_model, rename_model, set_model_tag
from registry.stages import Stage
from tests.approvals.conftest import Ask, NewVersion
from tests.webhooks.conftest import Hook, Work
from tests.webhooks.receiver import Receiver
from webhooks.consumers import on_event
from webhooks.events import EVENTS
from webhooks.models import Delivery, Webhook, WebhookStatus


def told(receiver: Receiver) -> list[tuple[str, dict[str, Any]]]:
    """Return (entity.action, data) of everything received."""
    return [(f"{hit.json['entity']}.{hit.json['action']}", hit.json["data"]) for hit in receiver.hits]


def test_mlflows_events_carry_mlflows_fields(
    hook: Hook, receiver: Receiver, work: Work, by_ada: Actor, new_version: NewVersion
) -> None:
    hook(*EVENTS)
    create_model(actor=by_ada, name="clf", tags=[("team", "risk")], description="Scores")
    row = new_version(card=False)
    who: dict[str, Any] = {"actor": by_ada, "name": "fraud"}
    versions.set_version_tag(**who, version=1, key="k", value="é" * 3000)  # longer than an event keeps
    versions.delete_version_tag(**who, version=1, key="k")
    aliases.set_alias(**who, alias="champion", version=1)
    aliases.delete_alias(**who, alias="champion")
    work()
    one = {"name": "fraud", "version": "1"}
    assert told(receiver) == [
        ("registered_model.created", {"name": "clf", "tags": {"team": "risk"}, "description": "Scores"}),
        ("model_version.created", one | {"source": row.source, "run_id": row.run_id, "tags": {}, "description": None}),
        ("model_version_tag.set", one | {"key": "k", "value": "é" * 3000}),
        ("model_version_tag.deleted", one | {"key": "k"}),
        ("model_version_alias.created", one | {"alias": "champion"}),
        ("model_version_alias.deleted", {"name": "fraud", "alias": "champion"}),
    ]


def test_a_prompt_is_told_of_as_a_prompt(hook: Hook, receiver: Receiver, work: Work, by_ada: Actor) -> None:
    hook(*EVENTS)
    tags = [("mlflow.prompt.is_prompt", "true"), ("_mlflow_prompt_type", "text"), ("team", "risk")]
    create_model(actor=by_ada, name="greet", tags=tags)
    set_model_tag(actor=by_ada, name="greet", key="tone", value="kind")
    work()
    assert told(receiver) == [
        ("prompt.created", {"name": "greet", "tags": {"team": "risk"}, "description": ""}),
        ("prompt_tag.set", {"name": "greet", "key": "tone", "value": "kind"}),
    ]


def test_governance_is_told_of_to_the_end(
    hook: Hook, receiver: Receiver, work: Work, ready: TransitionRequest, by_bea: Actor
) -> None:
    hook("transition_request.approved", "transition_request.applied", "model_version_stage.changed")
    seen = load_case(ready).snapshot.subject_digest
    decide_request(actor=by_bea, request_id=ready.pk, decision="approve", comment="Good.", seen_digest=seen)
    apply_request(request_id=ready.pk)
    work()
    assert [name for name, _ in told(receiver)] == [
        "transition_request.approved",
        "model_version_stage.changed",
        "transition_request.applied",
    ]
    approved, moved, applied = (data for _, data in told(receiver))
    assert moved | {"event_id": ""} == {
        "name": "fraud",
        "version": "1",
        "from_stage": "None",
        "to_stage": "Production",
        "is_current": True,
        "approved_by": "bea",
        "actor": "apply_request",
        "event_id": "",
    }
    assert (approved["state"], applied["state"]) == ("approved", "applied")
    assert applied["url"] == f"http://custody.test/admin/approvals/transitionrequest/{ready.pk}/change/"
    assert Event.objects.get(event_id=applied["event_id"]).action == "approvals.request.applied"


def _reject(ready: TransitionRequest, by_ada: Actor, by_bea: Actor) -> None:
    decide_request(actor=by_bea, request_id=ready.pk, decision="reject", comment="No.", seen_digest="")


def _withdraw(ready: TransitionRequest, by_ada: Actor, by_bea: Actor) -> None:
    withdraw_request(actor=by_ada, request_id=ready.pk, comment="Later.")


def _stale(ready: TransitionRequest, by_ada: Actor, by_bea: Actor) -> None:
    mark_stale(actor=system_actor("test"), request_id=ready.pk, reason="It changed.")


def _expire(ready: TransitionRequest, by_ada: Actor, by_bea: Actor) -> None:
    expire_request(actor=system_actor("test"), request_id=ready.pk, at=ready.expires_at)


@pytest.mark.parametrize(
    ("end", "event", "state"),
    [
        (_reject, "rejected", "rejected"),
        (_withdraw, "withdrawn", "withdrawn"),
        (_stale, "staled", "stale"),
        (_expire, "expired", "expired"),
    ],
)
def test_every_end_of_a_request_is_told_of(
    hook: Hook, receiver: Receiver, work: Work, ready: TransitionRequest, by_ada: Actor, by_bea: Actor,
    end: Any, event: str, state: str,
) -> None:  # fmt: skip
    hook(f"transition_request.{event}")
    end(ready, by_ada, by_bea)
    work()
    ((name, data),) = told(receiver)
    assert name == f"transition_request.{event}"
    assert (data["request_id"], data["state"], data["requester"]) == (ready.pk, state, "ada")


def test_a_request_is_told_of_when_it_opens(
    hook: Hook, receiver: Receiver, work: Work, new_version: NewVersion, ask: Ask
) -> None:
    hook("transition_request.opened")
    request = ask(new_version(card=False))
    work()
    ((_, data),) = told(receiver)
    assert (data["request_id"], data["to_stage"], data["state"]) == (request.pk, "Production", "open")


def test_what_rolled_back_is_told_to_nobody(hook: Hook, by_ada: Actor) -> None:
    hook()
    before = OutboxMessage.objects.count()
    with transaction.atomic():
        create_model(actor=by_ada, name="clf")
        assert Delivery.objects.count() == 1
        transaction.set_rollback(True)
    assert not Delivery.objects.exists()
    assert OutboxMessage.objects.count() == before


def test_a_refused_change_is_told_to_nobody(hook: Hook, new_version: NewVersion, policies: Any, by_ada: Actor) -> None:
    hook("model_version_stage.changed")
    row = new_version()
    with pytest.raises(GateRefused):
        request_transition(
            actor=by_ada, name="fraud", version=row.version, target=Stage.PRODUCTION, archive_existing=False
        )
    assert Event.objects.filter(action="registry.stage.changed", outcome="denied").exists()
    assert not Delivery.objects.exists()


def test_a_change_stands_when_webhooks_break(hook: Hook, by_ada: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    hook()

    def broken(*_args: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("webhooks.consumers.message_of", broken)
    create_model(actor=by_ada, name="clf")
    assert RegisteredModel.objects.filter(name="clf").exists()
    assert MissedEvent.objects.get().consumer == "webhooks.consumers.on_event"
    assert not Delivery.objects.exists()


def test_only_active_webhooks_of_the_model_are_told(hook: Hook, by_ada: Actor, clf: RegisteredModel) -> None:
    create_model(actor=by_ada, name="other")
    tag = "prompt_tag.set"
    here, everywhere = hook(tag, model_name="clf"), hook(tag, "model_version.created")
    hook(tag, model_name="other")
    hook("prompt_tag.deleted")
    off, gone = hook(tag), hook(tag)
    Webhook.objects.filter(pk=off.pk).update(status=WebhookStatus.DISABLED)
    Webhook.objects.filter(pk=gone.pk).update(deleted_at=gone.created_at)
    set_model_tag(actor=by_ada, name="clf", key="mlflow.prompt.is_prompt", value="true")
    assert set(Delivery.objects.values_list("webhook_id", flat=True)) == {here.pk, everywhere.pk}


def test_a_webhook_follows_its_model_through_a_rename(
    hook: Hook, receiver: Receiver, work: Work, by_ada: Actor, clf: RegisteredModel
) -> None:
    hook("prompt_tag.set", model_name="clf")
    rename_model(actor=by_ada, name="clf", new_name="clf2")
    set_model_tag(actor=by_ada, name="clf2", key="mlflow.prompt.is_prompt", value="true")
    work()
    assert [data["name"] for _, data in told(receiver)] == ["clf2"]


def test_a_missed_event_told_twice_is_delivered_once(hook: Hook, clf: RegisteredModel, by_ada: Actor) -> None:
    hook()
    create_model(actor=by_ada, name="clf2")
    on_event(Event.objects.get(object_ref="model:clf2"))
    assert Delivery.objects.count() == 1


def test_an_event_nobody_wants_costs_one_query(hook: Hook, by_ada: Actor, settings: Settings) -> None:
    hook("model_version.created")
    counts = []
    create_model(actor=by_ada, name="zero")  # the first event of a person stores the name, too
    for name, consumers in (("one", []), ("two", ["webhooks.consumers.on_event"])):
        settings.AUDIT_CONSUMERS = consumers
        with CaptureQueriesContext(connection) as queries:
            create_model(actor=by_ada, name=name)
        counts.append(len(queries))
    assert counts[1] - counts[0] == 3  # a savepoint, the look, its release
