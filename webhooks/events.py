"""The events that a webhook can subscribe to, by their protocol names, with the audit action of each.

MLflow's clients know only MLflow's own events. Custody's governance events have names of the same form, an entity and
an action; only plain HTTP clients can use them.
"""

from __future__ import annotations

from dataclasses import dataclass

from audit.actions import Action
from core.errors import InvalidInput

# The numbers of MLflow's protocol. Custody's own numbers start at 1001, far above MLflow's.
ENTITIES = {
    "REGISTERED_MODEL": 1,
    "MODEL_VERSION": 2,
    "MODEL_VERSION_TAG": 3,
    "MODEL_VERSION_ALIAS": 4,
    "PROMPT": 5,
    "PROMPT_VERSION": 6,
    "PROMPT_TAG": 7,
    "PROMPT_VERSION_TAG": 8,
    "PROMPT_ALIAS": 9,
    "TRANSITION_REQUEST": 1001,
    "MODEL_VERSION_STAGE": 1002,
    "FINDING": 1003,
    "MODEL_VERSION_REVIEW": 1004,
}
ACTIONS = {
    "CREATED": 1,
    "DELETED": 3,
    "SET": 4,
    "OPENED": 1001,
    "APPROVED": 1002,
    "REJECTED": 1003,
    "APPLIED": 1004,
    "STALED": 1005,
    "EXPIRED": 1006,
    "WITHDRAWN": 1007,
    "CHANGED": 1008,
    "GLASS_BROKEN": 1009,
    "POST_REVIEW_OVERDUE": 1010,
    "CLOSED": 1011,
    "OVERDUE": 1012,
    "LEFT": 1013,
}


@dataclass(frozen=True, slots=True)
class Kind:
    """The webhook events of an audit action: of a model, and of a prompt, which MLflow stores as a model."""

    of_model: str = ""
    of_prompt: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the event, for models and for prompts, each once."""
        return tuple(name for name in dict.fromkeys((self.of_model, self.of_prompt)) if name)


def _both(name: str) -> Kind:
    return Kind(name, name)


KINDS: dict[Action, Kind] = {
    Action.REGISTRY_MODEL_CREATED: Kind("registered_model.created", "prompt.created"),
    Action.REGISTRY_MODEL_TAG_SET: Kind(of_prompt="prompt_tag.set"),
    Action.REGISTRY_MODEL_TAG_DELETED: Kind(of_prompt="prompt_tag.deleted"),
    Action.REGISTRY_VERSION_CREATED: Kind("model_version.created", "prompt_version.created"),
    Action.REGISTRY_VERSION_TAG_SET: Kind("model_version_tag.set", "prompt_version_tag.set"),
    Action.REGISTRY_VERSION_TAG_DELETED: Kind("model_version_tag.deleted", "prompt_version_tag.deleted"),
    Action.REGISTRY_ALIAS_SET: Kind("model_version_alias.created", "prompt_alias.created"),
    Action.REGISTRY_ALIAS_DELETED: Kind("model_version_alias.deleted", "prompt_alias.deleted"),
    Action.REGISTRY_PRODUCTION_LEFT: _both("model_version_stage.left"),
    Action.REGISTRY_STAGE_CHANGED: _both("model_version_stage.changed"),
    Action.APPROVALS_FINDING_OPENED: _both("finding.opened"),
    Action.APPROVALS_FINDING_CLOSED: _both("finding.closed"),
    Action.APPROVALS_FINDING_FELL_DUE: _both("finding.overdue"),
    Action.APPROVALS_RE_REVIEW_FELL_DUE: _both("model_version_review.overdue"),
    Action.APPROVALS_GLASS_BROKEN: _both("transition_request.glass_broken"),
    Action.APPROVALS_POST_REVIEW_FELL_DUE: _both("transition_request.post_review_overdue"),
    Action.APPROVALS_REQUEST_OPENED: _both("transition_request.opened"),
    Action.APPROVALS_REQUEST_APPROVED: _both("transition_request.approved"),
    Action.APPROVALS_REQUEST_REJECTED: _both("transition_request.rejected"),
    Action.APPROVALS_REQUEST_APPLIED: _both("transition_request.applied"),
    Action.APPROVALS_REQUEST_STALED: _both("transition_request.staled"),
    Action.APPROVALS_REQUEST_EXPIRED: _both("transition_request.expired"),
    Action.APPROVALS_REQUEST_WITHDRAWN: _both("transition_request.withdrawn"),
}
EVENTS = tuple(dict.fromkeys(name for kind in KINDS.values() for name in kind.names))
_OURS = ("transition_request.", "model_version_stage.", "finding.", "model_version_review.")
GOVERNANCE = frozenset(name for name in EVENTS if name.startswith(_OURS))


def event_named(entity: str, action: str) -> str:
    """Return the name of the event of an entity and an action, which the protocol writes in capitals.

    Raises InvalidInput where there is no such event.
    """
    name = f"{entity}.{action}".lower()
    if name not in EVENTS:
        allowed = ", ".join(" ".join(split_name(event)) for event in EVENTS)
        raise InvalidInput(
            f"There is no webhook event of entity {entity[:50]!r} and action {action[:50]!r}. Events are: {allowed}."
        )
    return name


def split_name(name: str) -> tuple[str, str]:
    """Return entity and action of an event in capitals, as the protocol writes them."""
    entity, _, action = name.upper().partition(".")
    return entity, action
