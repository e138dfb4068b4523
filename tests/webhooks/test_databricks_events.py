"""What happens in the registry reaches a receiver in Databricks' format: documented payload,
signature over the body.
"""

from __future__ import annotations

import hashlib
import hmac
import ssl
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from approvals.case.loading import load_case
from approvals.models import TransitionRequest
from approvals.requests.comments import add_comment
from approvals.requests.review import decide_request
from approvals.requests.settle import apply_request
from audit.models import Event, OutboxMessage
from core.actors import Actor
from registry.models import RegisteredModel
from registry.services.models import create_model
from registry.services.versions import set_version_tag
from tests.approvals.conftest import Ask, NewVersion
from tests.webhooks.conftest import SECRET, Hook, Work
from tests.webhooks.receiver import Hit, Receiver
from tests.webhooks.test_tls import certificate
from webhooks import transport
from webhooks.consumers import on_event
from webhooks.databricks import EVENTS, sample_of
from webhooks.models import Delivery, Webhook
from webhooks.services.webhooks import HttpSpec, create_webhook, update_webhook
from webhooks.transport import post

RegistryHook = Callable[..., Webhook]


@pytest.fixture
def registry_hook(by_olga: Actor, receiver: Receiver) -> RegistryHook:
    """Return a function that makes a webhook of Olga's in Databricks' format."""

    def make(*events: str, **more: Any) -> Webhook:
        spec = more.pop("spec", HttpSpec(authorization="Bearer open-sesame"))
        fields = {"name": "registry-webhook", "url": receiver.url(), "secret": SECRET, **more}
        return create_webhook(actor=by_olga, events=events or sorted(EVENTS), spec=spec, **fields)

    return make


def told(hits: list[Hit], row: Webhook) -> list[dict[str, Any]]:
    """Return what was received, without what differs from one delivery to the next."""
    assert all(hit.json["webhook_id"] == row.pk and hit.json["event_timestamp"] > 1_700_000_000_000 for hit in hits)
    return [{key: hit.json[key] for key in hit.json if key not in {"webhook_id", "event_timestamp"}} for hit in hits]


def test_changes_of_models_and_versions(
    registry_hook: RegistryHook, receiver: Receiver, work: Work, by_ada: Actor, new_version: NewVersion
) -> None:
    row = registry_hook()
    create_model(actor=by_ada, name="clf")
    version = new_version(card=False)
    set_version_tag(actor=by_ada, name="fraud", version=1, key="k", value="é" * 3000)
    add_comment(actor=by_ada, name="fraud", version=1, text="Look. " * 1000)
    work()
    one, named = {"model_name": "fraud", "version": "1"}, "registered model 'fraud' version 1"
    model, made, tag, comment = told(receiver.hits, row)
    text = "ada created registered model 'clf'."
    assert model == {"event": "REGISTERED_MODEL_CREATED", "model_name": "clf", "text": text}
    text = f"ada created {named}."
    assert made == {"event": "MODEL_VERSION_CREATED", **one, "run_id": version.run_id, "text": text}
    tags = [{"key": "k", "value": "é" * 3000}]
    assert tag.items() >= {"event": "MODEL_VERSION_TAG_SET", **one, "tags": tags}.items()
    said = {"event": "COMMENT_CREATED", **one, "comment": ("Look. " * 1000).strip()}
    assert comment == {**said, "text": f"ada commented on {named}."}
    assert version.source not in "".join(hit.body for hit in receiver.hits)


def test_a_request_is_told_by_both_its_names(
    registry_hook: RegistryHook, receiver: Receiver, work: Work, ask: Ask, new_version: NewVersion
) -> None:
    version = new_version()
    row = registry_hook(*(name for name in sorted(EVENTS) if name.startswith("TRANSITION_REQUEST")))
    request = ask(version)
    work()
    both = sorted(told(receiver.hits, row), key=lambda one: str(one["event"]))
    assert [one.pop("event") for one in both] == [
        "TRANSITION_REQUEST_CREATED",
        "TRANSITION_REQUEST_TO_PRODUCTION_CREATED",
    ]
    assert both[0] == both[1]
    assert both[0].items() >= {"version": "1", "to_stage": "Production", "from_stage": "None"}.items()
    assert (both[0]["request_id"], both[0]["comment"]) == (request.pk, request.comment)
    assert (
        both[0]["text"] == "ada requested that registered model 'fraud' version 1 transition from None to Production."
    )


def test_a_transition(
    registry_hook: RegistryHook, receiver: Receiver, work: Work, ready: TransitionRequest, by_bea: Actor
) -> None:
    row = registry_hook(*(name for name in EVENTS if name.startswith("MODEL_VERSION_TRANSITIONED")))
    seen = load_case(ready).snapshot.subject_digest
    decide_request(actor=by_bea, request_id=ready.pk, decision="approve", comment="Good.", seen_digest=seen)
    apply_request(request_id=ready.pk)
    work()
    any_move, to_production = sorted(told(receiver.hits, row), key=lambda one: str(one["event"]))
    text = "Registered model 'fraud' version 1 transitioned from None to Production."
    move = {"model_name": "fraud", "version": "1", "to_stage": "Production", "from_stage": "None", "text": text}
    assert any_move == {"event": "MODEL_VERSION_TRANSITIONED_STAGE", **move}
    assert to_production == {"event": "MODEL_VERSION_TRANSITIONED_TO_PRODUCTION", **move}


def test_the_signature_is_over_the_body_alone(
    registry_hook: RegistryHook, hook: Hook, receiver: Receiver, work: Work, clf: RegisteredModel, by_ada: Actor
) -> None:
    registry_hook()
    hook()
    create_model(actor=by_ada, name="other")
    assert work() == ["delivered", "delivered"]
    theirs, mlflows = sorted(receiver.hits, key=lambda hit: "x-mlflow-signature" in hit.headers)
    expected = hmac.new(SECRET.encode(), theirs.body.encode(), hashlib.sha256).hexdigest()
    assert theirs.headers["x-databricks-signature"] == expected
    assert theirs.headers["authorization"] == "Bearer open-sesame"
    assert Delivery.objects.filter(pk=theirs.headers["x-custody-delivery-id"], state="delivered").exists()
    assert not {"x-databricks-signature", "authorization"} & set(mlflows.headers)
    assert mlflows.json["entity"] == "registered_model"


def test_a_delivery_that_fails_is_kept_for_another_try(
    registry_hook: RegistryHook, receiver: Receiver, work: Work, clf: RegisteredModel, by_ada: Actor
) -> None:
    registry_hook("REGISTERED_MODEL_CREATED")
    receiver.answers = [503]
    create_model(actor=by_ada, name="other")
    assert work() == ["pending"]
    row = Delivery.objects.get()
    assert (row.status_code, row.attempts, len(row.history)) == (503, 1, 1)


@pytest.mark.parametrize("status", ["TEST_MODE", "DISABLED"])
def test_only_active_webhooks_are_told(registry_hook: RegistryHook, by_ada: Actor, status: str) -> None:
    registry_hook("REGISTERED_MODEL_CREATED", status=status)
    create_model(actor=by_ada, name="other")
    assert not Delivery.objects.exists()


def test_a_webhook_in_test_mode_sends_nothing_that_waits(
    registry_hook: RegistryHook, receiver: Receiver, work: Work, by_ada: Actor, by_olga: Actor
) -> None:
    row = registry_hook("REGISTERED_MODEL_CREATED")
    create_model(actor=by_ada, name="other")
    update_webhook(actor=by_olga, webhook_id=row.pk, status="TEST_MODE", spec=HttpSpec())
    work()
    assert (Delivery.objects.get().state, receiver.hits) == ("failed", [])


def test_prompts_are_no_models_to_them(registry_hook: RegistryHook, by_ada: Actor) -> None:
    registry_hook()
    create_model(actor=by_ada, name="greet", tags=[("mlflow.prompt.is_prompt", "true")])
    assert not Delivery.objects.exists()


def test_an_event_told_twice_is_delivered_once(
    registry_hook: RegistryHook, clf: RegisteredModel, by_ada: Actor
) -> None:
    registry_hook("REGISTERED_MODEL_CREATED")
    create_model(actor=by_ada, name="other")
    on_event(Event.objects.filter(action="registry.model.created").latest("pk"))
    assert (Delivery.objects.count(), OutboxMessage.objects.filter(task="webhooks.tasks.deliver").count()) == (1, 1)


@pytest.mark.parametrize("event", sorted(EVENTS))
def test_there_is_a_sample_of_every_event(event: str) -> None:
    text = sample_of(event, "hook")
    assert text.startswith(f'{{"event":"{event}","webhook_id":"hook"')
    assert ("to_stage" in text) == ("TRANSITION" in event)


def test_there_are_the_twelve_events() -> None:
    assert len(EVENTS) == 12


def test_an_unchecked_certificate_is_taken_in_the_house_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(tmp_path))
    receiver = Receiver(context=context)
    ask = partial(post, receiver.url(scheme="https"), b"{}", {}, timeout=10, private=True)
    assert "certificate is not trusted" in ask().error
    assert ask(verify=False).status == 200
    monkeypatch.setattr(transport, "is_public", lambda _address: True)
    assert "certificate is not trusted" in ask(verify=False).error
    receiver.close()
    assert len(receiver.hits) == 1
