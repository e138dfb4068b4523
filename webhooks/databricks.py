"""Events and payloads of webhooks in the format of the Databricks workspace registry.

One change can be several events. A move to Production is both a transition and a transition to Production; a webhook
that subscribes to both receives both. Prompts are not models in this format, so they have no events. The payload of a
request has three fields more than Databricks documents: `request_id`, `url` and `comment`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from approvals.models import ApprovalComment, TransitionRequest
from audit.actions import Action
from core.times import now_ms, to_ms
from webhooks.payloads import Source, number_of, only_key, page_of, request_id_of, version_of

Payload = dict[str, Any]

REGISTERED_MODEL_CREATED = "REGISTERED_MODEL_CREATED"
_STAGES = ("STAGING", "PRODUCTION", "ARCHIVED")
NAMES: dict[Action, tuple[str, ...]] = {
    Action.REGISTRY_MODEL_CREATED: (REGISTERED_MODEL_CREATED,),
    Action.REGISTRY_VERSION_CREATED: ("MODEL_VERSION_CREATED",),
    Action.REGISTRY_VERSION_TAG_SET: ("MODEL_VERSION_TAG_SET",),
    Action.REGISTRY_STAGE_CHANGED: (
        "MODEL_VERSION_TRANSITIONED_STAGE",
        *(f"MODEL_VERSION_TRANSITIONED_TO_{stage}" for stage in _STAGES),
    ),
    Action.APPROVALS_REQUEST_OPENED: (
        "TRANSITION_REQUEST_CREATED",
        *(f"TRANSITION_REQUEST_TO_{stage}_CREATED" for stage in _STAGES),
    ),
    Action.APPROVALS_COMMENT_ADDED: ("COMMENT_CREATED",),
}
EVENTS = frozenset(name for names in NAMES.values() for name in names)


def payloads_of(source: Source) -> dict[str, Payload]:
    """Return the payloads of an audit event by the name of the webhook event; {} where it is no webhook event."""
    action = Action(source.event.action)
    facts = _FACTS[action](source) if action in _FACTS else None
    if facts is None:
        return {}
    head = {"event_timestamp": to_ms(source.event.at), "model_name": source.model.name}
    names = [name for name in NAMES[action] if _is_about(name, facts.get("to_stage", ""))]
    return {name: {"event": name, **head, **facts} for name in names}


def body_of(payload: Payload, webhook_id: str) -> str:
    """Return the body for one webhook, as JSON text."""
    return orjson.dumps({"event": payload["event"], "webhook_id": webhook_id, **payload}).decode()


def sample_of(event: str, webhook_id: str) -> str:
    """Return the body of a test delivery of an event, as JSON text."""
    action = next(action for action, names in NAMES.items() if event in names)
    stage = next((stage for stage in _STAGES if stage in event), "PRODUCTION").title()
    now = now_ms()
    facts = {"event_timestamp": now, "model_name": "example_model", **_SAMPLES[action], "text": f"A test of {event}."}
    if "to_stage" in facts:
        facts["to_stage"] = stage
    return body_of({"event": event, **facts}, webhook_id)


def _is_about(name: str, to_stage: str) -> bool:
    """Return whether a webhook event is about this stage, or about all stages."""
    stages = [stage for stage in _STAGES if f"_TO_{stage}" in name]
    return not stages or stages == [to_stage.upper()]


def _model_created(source: Source) -> Payload | None:
    if source.is_prompt:
        return None
    return {"text": f"{_who(source)} created registered model '{source.model.name}'."}


def _version_created(source: Source) -> Payload | None:
    version = version_of(source)
    if version is None or source.is_prompt:
        return None
    run = {"run_id": version.run_id} if version.run_id else {}
    return {"version": str(version.version), **run, "text": f"{_who(source)} created {_named(source)}."}


def _tag_set(source: Source) -> Payload | None:
    version, key = version_of(source), only_key(source.facts["after"])
    tag = version.tags.filter(key=key).first() if version and not source.is_prompt else None
    if tag is None:
        return None
    text = f"{_who(source)} set version tag '{key}' => '{tag.value}' for {_named(source)}."
    return {"version": number_of(source), "tags": [{"key": key, "value": tag.value}], "text": text}


def _stage_changed(source: Source) -> Payload | None:
    before, after = source.facts["before"]["stage"], source.facts["after"]["stage"]
    if before == after:  # a superseded version that keeps its stage has not moved
        return None
    text = f"Registered{_named(source).removeprefix('registered')} transitioned from {before} to {after}."
    return {"version": number_of(source), "to_stage": after, "from_stage": before, "text": text}


def _requested(source: Source) -> Payload | None:
    row = TransitionRequest.objects.select_related("version").filter(pk=request_id_of(source)).first()
    if row is None:
        return None
    number = str(row.version.version)
    model = f"registered model '{source.model.name}' version {number}"
    text = f"{_who(source)} requested that {model} transition from {row.source} to {row.target}."
    stages = {"to_stage": row.target, "from_stage": row.source}
    return {
        "version": number,
        **stages,
        "comment": row.comment,
        "request_id": row.pk,
        "url": page_of(row),
        "text": text,
    }


def _commented(source: Source) -> Payload | None:
    row = ApprovalComment.objects.filter(pk=source.facts["after"]["comment"], deleted_at__isnull=True).first()
    if row is None:
        return None
    text = f"{_who(source)} commented on {_named(source)}."
    return {"version": number_of(source), "comment": row.text, "text": text}


def _who(source: Source) -> str:
    return str(source.facts["actor"]["name"])


def _named(source: Source) -> str:
    return f"registered model '{source.model.name}' version {number_of(source)}"


_FACTS: dict[Action, Callable[[Source], Payload | None]] = {
    Action.REGISTRY_MODEL_CREATED: _model_created,
    Action.REGISTRY_VERSION_CREATED: _version_created,
    Action.REGISTRY_VERSION_TAG_SET: _tag_set,
    Action.REGISTRY_STAGE_CHANGED: _stage_changed,
    Action.APPROVALS_REQUEST_OPENED: _requested,
    Action.APPROVALS_COMMENT_ADDED: _commented,
}
_VERSION: Payload = {"version": "1"}
_MOVE: Payload = {**_VERSION, "to_stage": "Production", "from_stage": "None"}
_SAMPLES: dict[Action, Payload] = {
    Action.REGISTRY_MODEL_CREATED: {},
    Action.REGISTRY_VERSION_CREATED: {**_VERSION, "run_id": "abcd1234abcd5678"},
    Action.REGISTRY_VERSION_TAG_SET: {**_VERSION, "tags": [{"key": "example_key", "value": "example_value"}]},
    Action.REGISTRY_STAGE_CHANGED: _MOVE,
    Action.APPROVALS_REQUEST_OPENED: {**_MOVE, "comment": "An example comment", "request_id": 1, "url": None},
    Action.APPROVALS_COMMENT_ADDED: {**_VERSION, "comment": "An example comment"},
}
