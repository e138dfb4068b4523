"""A model and the policies at a moment in the past, read from the audit events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from approvals.questions.sources import changes_of
from audit.actions import Action
from audit.models import Event
from audit.queries import facts, with_people_read
from core.actors import ActorKind
from core.refs import policy_ref
from policies.matching import LoadedPolicy, ModelFacts, load_revision
from policies.models import PolicyRevision
from registry.risk import UNASSESSED_TIER

_OF_MODEL = (
    Action.REGISTRY_MODEL_CREATED,
    Action.REGISTRY_MODEL_DELETED,
    Action.REGISTRY_MODEL_RENAMED,
    Action.REGISTRY_MODEL_TAG_DELETED,
    Action.REGISTRY_MODEL_TAG_SET,
    Action.REGISTRY_PERMISSIONS_CHANGED,
    Action.REGISTRY_RISK_ASSESSED,
)


@dataclass(slots=True)
class PastModel:
    """A model at a moment; ``name`` is "" where it did not exist.

    ``grants` maps principals such as `user:ada` or `group:risk` to their level and the event that gave it.
    """

    name: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    tier: str = UNASSESSED_TIER
    grants: dict[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def facts(self) -> ModelFacts:
        """Return the facts that decided which policy governed the model."""
        return ModelFacts(self.name, self.tags, self.tier)


def model_at(stream: str, moment: datetime) -> PastModel:
    """Return the model of a stream at a moment; one query, and one for every 500 events."""
    model = PastModel()
    rows = Event.objects.filter(stream=stream, action__in=_OF_MODEL, outcome="ok", at__lte=moment)
    for event in with_people_read(rows.order_by("id").iterator(), texts=False):
        body = facts(event, texts=False)
        before, after = changes_of(body)
        match event.action:
            case Action.REGISTRY_MODEL_CREATED:
                model.name, model.tags = str(after.get("name", "")), dict(after.get("tags") or {})
                _grant_creator(model, event, body)
            case Action.REGISTRY_MODEL_DELETED:
                model.name = ""
            case Action.REGISTRY_MODEL_RENAMED:
                model.name = str(after.get("name", model.name))
            case Action.REGISTRY_RISK_ASSESSED:
                model.tier = str(after.get("tier", model.tier))
            case Action.REGISTRY_PERMISSIONS_CHANGED:
                _change_grants(model, before, after, str(event.event_id))
            case _:
                model.tags = {key: value for key, value in model.tags.items() if key not in before} | after
    return model


def policies_at(moment: datetime) -> list[tuple[LoadedPolicy, str]]:
    """Return the revisions of policies in force at a moment, each with the event that published it; two queries.

    Raises InvalidState when this server cannot read one of them.
    """
    actions = (Action.APPROVALS_POLICY_PUBLISHED, Action.APPROVALS_POLICY_RETIRED)
    in_force: dict[str, tuple[int, str]] = {}
    for event in Event.objects.filter(action__in=actions, outcome="ok", at__lte=moment).order_by("id").iterator():
        name = event.object_ref.removeprefix(policy_ref(""))
        _, after = changes_of(facts(event, texts=False))
        if event.action == Action.APPROVALS_POLICY_RETIRED:
            in_force.pop(name, None)
        elif "revision" in after:
            in_force[name] = (int(after["revision"]), str(event.event_id))
    rows = PolicyRevision.objects.filter(policy__name__in=in_force).select_related("policy")
    return [
        (load_revision(row), in_force[row.policy.name][1])
        for row in rows.order_by("pk")
        if in_force[row.policy.name][0] == row.number
    ]


def _grant_creator(model: PastModel, event: Event, body: Mapping[str, Any]) -> None:
    """Grant the highest level to the creator of a model, as its creation does."""
    kind = body["actor"]["kind"]
    if kind in (ActorKind.USER, ActorKind.SERVICE):
        model.grants[f"{kind}:{body['actor']['name']}"] = ("manage", str(event.event_id))


def _change_grants(model: PastModel, before: Mapping[str, Any], after: Mapping[str, Any], event_id: str) -> None:
    for key in before.keys() - after.keys():
        model.grants.pop(key, None)
    for key, level in after.items():
        if before.get(key) != level or key not in model.grants:
            model.grants[key] = (str(level), event_id)
