"""Payloads of webhooks in MLflow's format, built from audit events. Governance events have fields of the same style.

Long texts are read from the rows, because an audit event shortens them. The functions run in the transaction of the
change, so that rows and event agree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
from django.conf import settings
from django.urls import reverse

from approvals.models import TransitionRequest
from approvals.models.oversight import Finding
from audit.actions import Action
from audit.models import Event
from audit.sentences import facts
from core.ids import row_id
from registry.models import ModelVersion, RegisteredModel
from registry.names import PROMPT_TAG
from webhooks.events import KINDS, Kind

Data = dict[str, Any]
PROMPT_TEXT_TAG = "mlflow.prompt.text"
# Tags of prompts that MLflow leaves out of its payloads.
_PROMPT_TAGS = frozenset({PROMPT_TAG, "_mlflow_prompt_type"})


@dataclass(frozen=True, slots=True)
class Message:
    """A webhook event: its name (`entity.action`) and its body as JSON text."""

    name: str
    body: str


@dataclass(frozen=True, slots=True)
class Source:
    """Input of a payload: the event, its facts, and its model."""

    event: Event
    facts: dict[str, Any]
    model: RegisteredModel
    tags: dict[str, str]

    @property
    def is_prompt(self) -> bool:
        """Return whether the model is a prompt."""
        return self.tags.get(PROMPT_TAG, "").lower() == "true"


def source_of(event: Event, model_id: int) -> Source | None:
    """Return the input of the payloads of an event of this model, None where the model does not exist."""
    model = RegisteredModel.objects.filter(pk=model_id).first()
    return Source(event, facts(event), model, dict(model.tags.values_list("key", "value"))) if model else None


def message_of(source: Source) -> Message | None:
    """Return the webhook event of an audit event in MLflow's format, None where it has none."""
    action = Action(source.event.action)
    kind = KINDS.get(action, Kind())
    name = kind.of_prompt if source.is_prompt else kind.of_model
    data = _DATA[action](source) if name else None
    return Message(name, _envelope(name, source.event, data)) if data is not None else None


def _envelope(name: str, event: Event, data: Data) -> str:
    entity, _, action = name.partition(".")
    return orjson.dumps({"entity": entity, "action": action, "timestamp": event.at.isoformat(), "data": data}).decode()


def _model_created(source: Source) -> Data:
    tags = source.tags
    if source.is_prompt:
        tags = {key: value for key, value in tags.items() if key not in _PROMPT_TAGS}
    return {"name": source.model.name, "tags": tags, "description": source.model.description}


def _model_tag_set(source: Source) -> Data:
    key = only_key(source.facts["after"])
    return {"name": source.model.name, "key": key, "value": source.tags.get(key, "")}


def _model_tag_deleted(source: Source) -> Data:
    return {"name": source.model.name, "key": only_key(source.facts["before"])}


def _version_created(source: Source) -> Data | None:
    version = version_of(source)
    if version is None:
        return None
    tags = dict(version.tags.values_list("key", "value"))
    named: Data = {"name": source.model.name, "version": str(version.version)}
    texts: Data = {"tags": tags, "description": version.description or None}
    if not source.is_prompt:
        return named | {"source": version.source, "run_id": version.run_id or None} | texts
    template = tags.pop(PROMPT_TEXT_TAG, None)
    texts["tags"] = {key: value for key, value in tags.items() if key not in _PROMPT_TAGS}
    return named | {"template": template} | texts


def _version_tag_set(source: Source) -> Data | None:
    version, key = version_of(source), only_key(source.facts["after"])
    tag = version.tags.filter(key=key).first() if version else None
    if version is None or tag is None:
        return None
    return {"name": source.model.name, "version": str(version.version), "key": key, "value": tag.value}


def _version_tag_deleted(source: Source) -> Data:
    key = only_key(source.facts["before"])
    return {"name": source.model.name, "version": number_of(source), "key": key}


def _alias_set(source: Source) -> Data:
    after = source.facts["after"]
    return {"name": source.model.name, "alias": after["alias"], "version": str(after["version"])}


def _alias_deleted(source: Source) -> Data:
    return {"name": source.model.name, "alias": source.facts["before"]["alias"]}


def _stage_changed(source: Source) -> Data:
    before, after = source.facts["before"], source.facts["after"]
    return {
        "name": source.model.name,
        "version": number_of(source),
        "from_stage": before["stage"],
        "to_stage": after["stage"],
        "is_current": after["is_current"],
        "approved_by": after["approved_by"],
    } | _who(source)


def _production_left(source: Source) -> Data:
    after = source.facts["after"]
    return {
        "name": source.model.name,
        "version": number_of(source),
        "left": after["left"],
        "to_stage": after["to"],
        "endpoints": after["serves"],
        "reason": source.facts["reason"],
    } | _who(source)


def _request(source: Source) -> Data | None:
    row = TransitionRequest.objects.select_related("version", "requester").filter(pk=request_id_of(source)).first()
    if row is None:
        return None
    return {
        "name": source.model.name,
        "version": str(row.version.version),
        "request_id": row.pk,
        "from_stage": row.source,
        "to_stage": row.target,
        "kind": row.kind,
        "state": row.state,
        "requester": row.requester.username,
        "comment": row.comment,
        "reason": row.state_reason,
        "url": page_of(row),
    } | _who(source)


def _finding(source: Source) -> Data | None:
    row = Finding.objects.select_related("version", "owner").filter(pk=request_id_of(source)).first()
    if row is None:
        return None
    return {
        "name": source.model.name,
        "version": str(row.version.version) if row.version else None,
        "finding_id": row.pk,
        "title": row.title,
        "severity": row.severity,
        "state": row.state,
        "owner": row.owner.username if row.owner else None,
        "due_at": row.due_at,
    } | _who(source)


def _review_due(source: Source) -> Data:
    after = source.facts["after"]
    named = {"name": source.model.name, "version": number_of(source)}
    return named | {"review_due_at": after["review_due_at"], "when_due": after["when_due"]} | _who(source)


def page_of(request: TransitionRequest) -> str | None:
    """Return the address of the request's page, None where CUSTODY_BASE_URL is not set."""
    url = reverse("admin:approvals_transitionrequest_change", args=[request.pk])
    return f"{settings.BASE_URL}{url}" if settings.BASE_URL else None


def _who(source: Source) -> Data:
    """Return the actor's name and the id of the audit event."""
    return {"actor": source.facts["actor"]["name"], "event_id": str(source.event.event_id)}


def version_of(source: Source) -> ModelVersion | None:
    """Return the version that the event is about, None where there is none."""
    return ModelVersion.objects.filter(model=source.model, version=row_id(number_of(source))).first()


def number_of(source: Source) -> str:
    """Return the version number of an event, which ends its `model-version:<name>/<number>`."""
    return source.event.object_ref.rpartition("/")[2]


def request_id_of(source: Source) -> int:
    """Return the number of the request or finding that the event is about, 0 for any other event."""
    return row_id(source.event.object_ref.partition(":")[2])


def only_key(mapping: dict[str, Any]) -> str:
    """Return the only key of a mapping, such as the tag in the facts of an event; "" for an empty mapping."""
    return next(iter(mapping), "")


_DATA: dict[Action, Callable[[Source], Data | None]] = {
    Action.REGISTRY_MODEL_CREATED: _model_created,
    Action.REGISTRY_MODEL_TAG_SET: _model_tag_set,
    Action.REGISTRY_MODEL_TAG_DELETED: _model_tag_deleted,
    Action.REGISTRY_VERSION_CREATED: _version_created,
    Action.REGISTRY_VERSION_TAG_SET: _version_tag_set,
    Action.REGISTRY_VERSION_TAG_DELETED: _version_tag_deleted,
    Action.REGISTRY_ALIAS_SET: _alias_set,
    Action.REGISTRY_ALIAS_DELETED: _alias_deleted,
    Action.REGISTRY_PRODUCTION_LEFT: _production_left,
    Action.REGISTRY_STAGE_CHANGED: _stage_changed,
    Action.APPROVALS_GLASS_BROKEN: _request,
    Action.APPROVALS_POST_REVIEW_FELL_DUE: _request,
    Action.APPROVALS_RE_REVIEW_FELL_DUE: _review_due,
    **{action: _finding for action in KINDS if action.value.startswith("approvals.finding.")},
    **{action: _request for action in KINDS if action.value.startswith("approvals.request.")},
}
