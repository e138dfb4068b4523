"""Sample payloads of webhook tests: MLflow's own examples for its events, and samples of Custody's events."""

from __future__ import annotations

from collections.abc import Mapping

import orjson
from django.utils import timezone

_MODEL = {"name": "example_model"}
_PROMPT = {"name": "example_prompt"}
_TAG = {"key": "example_key"}
_TAGS = {"tags": {"example_key": "example_value"}}
_ONE = {"version": "1"}
_ALIAS = {"alias": "example_alias"}
_VALUE = {"value": "example_value"}
_WHO = {"actor": "example_user", "event_id": "00000000-0000-4000-8000-000000000000"}
_STAGES = {"from_stage": "Staging", "to_stage": "Production"}
_REQUEST = _MODEL | _ONE | {"request_id": 1} | _STAGES
_STATES = {"opened": "open", "staled": "stale", "glass_broken": "applied", "post_review_overdue": "applied"}
_DUE = "2026-01-01T00:00:00Z"
_FINDING = _MODEL | _ONE | {"finding_id": 1, "title": "An example finding", "severity": "high"}
_OPEN = {"state": "open", "owner": "example_user", "due_at": _DUE}

_SAMPLES: Mapping[str, Mapping[str, object]] = {
    "registered_model.created": _MODEL | _TAGS | {"description": "An example registered model"},
    "model_version.created": _MODEL
    | _ONE
    | {"source": "models:/123", "run_id": "abcd1234abcd5678"}
    | _TAGS
    | {"description": "An example model version"},
    "model_version_tag.set": _MODEL | _ONE | _TAG | _VALUE,
    "model_version_tag.deleted": _MODEL | _ONE | _TAG,
    "model_version_alias.created": _MODEL | _ALIAS | _ONE,
    "model_version_alias.deleted": _MODEL | _ALIAS,
    "prompt.created": _PROMPT | _TAGS | {"description": "An example prompt"},
    "prompt_version.created": _PROMPT
    | _ONE
    | {"template": "Hello {{name}}!"}
    | _TAGS
    | {"description": "An example prompt version"},
    "prompt_tag.set": _PROMPT | _TAG | _VALUE,
    "prompt_tag.deleted": _PROMPT | _TAG,
    "prompt_version_tag.set": _PROMPT | _ONE | _TAG | _VALUE,
    "prompt_version_tag.deleted": _PROMPT | _ONE | _TAG,
    "prompt_alias.created": _PROMPT | _ALIAS | _ONE,
    "prompt_alias.deleted": _PROMPT | _ALIAS,
    "model_version_stage.changed": _MODEL | _ONE | _STAGES | {"is_current": True, "approved_by": "example_user"} | _WHO,
    "model_version_stage.left": {
        **_MODEL,
        **_ONE,
        "left": "Production",
        "to_stage": "Archived",
        "endpoints": ["/predict"],
        "reason": "An example reason",
        **_WHO,
    },
    "finding.opened": _FINDING | _OPEN | _WHO,
    "finding.closed": _FINDING | _OPEN | {"state": "resolved"} | _WHO,
    "finding.overdue": _FINDING | _OPEN | _WHO,
    "model_version_review.overdue": _MODEL | _ONE | {"review_due_at": _DUE, "when_due": "flag"} | _WHO,
}


def sample_of(event: str) -> str:
    """Return the body of a test delivery of an event of webhooks/events.py, as JSON text."""
    entity, _, action = event.partition(".")
    data = _SAMPLES.get(event) or _request(action)
    at = timezone.now().isoformat()
    return orjson.dumps({"entity": entity, "action": action, "timestamp": at, "data": data}).decode()


def _request(action: str) -> Mapping[str, object]:
    more = {"requester": "example_user", "comment": "An example comment", "reason": "", "url": None}
    return _REQUEST | {"state": _STATES.get(action, action)} | more | _WHO
