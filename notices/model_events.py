"""Notices of events that concern the people responsible for a model.

A version has left Production, an endpoint has loaded other files, an attestation is overdue, somebody asks to retire
the model, or a webhook was disabled.
"""

from __future__ import annotations

from django.db.models import IntegerField, TextField

from accounts.models import User
from audit.models import Event
from audit.queries import actor_name, facts
from core.ids import row_id
from core.orm.compiled_models import CompiledModels
from core.orm.compiled_queries import Slot
from notices.drafts import Draft, model_path, one_paragraph, version_path
from notices.models import Topic
from notices.moves import watchers_of
from notices.people import people_named, responsible_people
from registry.models import ModelVersion, RegisteredModel

OPERATORS = "operators"
_VERSION = CompiledModels(
    lambda: ModelVersion.objects.select_related("model").filter(
        model__name=Slot("name", TextField()), version=Slot("version", IntegerField())
    )
)


def production_left(event: Event) -> list[Draft]:
    """Return the notice that a version left Production or an alias without a successor.

    Its recipients are the people responsible for the model, and its watchers.
    """
    event_facts = facts(event)
    name, _, number = event.object_ref.partition(":")[2].rpartition("/")
    row = _VERSION.first(name=name, version=int(number))
    if row is None:
        return []
    after, mover = event_facts["after"], event_facts["actor"].get("on_behalf_of") or event_facts["actor"]["name"]
    serves = f" Still served by {', '.join(after['serves'])}." if after["serves"] else ""
    title = f"{row} left {after['left']} without a successor"
    reason = f"{mover}: {event_facts['reason']}" if event_facts["reason"] else f"By {mover}."
    text = one_paragraph(f"{reason}{serves}")
    approvers = str(event_facts["before"].get("approved_by", "")).split(", ")
    people = responsible_people(row.model, [*approvers, *after["deployed_by"]]) | watchers_of(row.model)
    people -= people_named([mover])
    return [Draft(frozenset(people), Topic.LEFT, title, version_path(name, row.version), text, row.model_id)]


def attestation_due(event: Event) -> list[Draft]:
    """Return the notice that the attestation of a model is overdue, for its owner and those who manage it."""
    title = "The attestation of {} is overdue"
    return _to_responsible_people(event, title, [facts(event)["after"].get("owner", "")])


def retirement_asked(event: Event) -> list[Draft]:
    """Return the notice that somebody asks to retire a model, for those who manage it."""
    return _to_responsible_people(event, f"{actor_name(event)} asks to retire {{}}", [])


def _to_responsible_people(event: Event, title: str, names: list[str]) -> list[Draft]:
    """Return a notice for the people responsible for the model of an event, and for the people called ``names``.

    ``title`` has {} for the name of the model.
    """
    model = RegisteredModel.objects.filter(pk=int(event.stream.rpartition(":")[2])).first()
    if model is None:
        return []
    people = responsible_people(model, names) - people_named([actor_name(event)])
    text = one_paragraph(facts(event)["reason"])
    path = model_path(model.name)
    return [Draft(frozenset(people), Topic.FINDING, title.format(model.name), path, text, model.pk)]


def files_attested(event: Event) -> list[Draft]:
    """Return the notice that an endpoint has loaded other files than those of its version.

    Its recipients are the people responsible for the model, the approvers and the person who deployed the version.
    """
    attestation = facts(event)["after"]
    if attestation["matches"]:
        return []
    model = RegisteredModel.objects.filter(pk=int(event.stream.rpartition(":")[2])).first()
    if model is None:
        return []
    people = responsible_people(model, [*str(attestation["approved_by"]).split(", "), attestation["deployed_by"]])
    title = f"{attestation['endpoint']} loaded other files than those of {model.name} v{attestation['version']}"
    path = version_path(model.name, attestation["version"])
    return [Draft(frozenset(people), Topic.ALARM, title, path, f"It loaded {attestation['digest']}.", model.pk)]


def webhook_disabled(event: Event) -> list[Draft]:
    """Return the notice that a webhook was disabled, for those who may set its URL again: the managers of its model, or
    the operators for one of every model.
    """
    model = RegisteredModel.objects.filter(pk=model_id).first() if (model_id := _model_id(event)) else None
    if model is not None:
        people = responsible_people(model, [])
    else:
        operators = User.objects.filter(groups__name=OPERATORS, is_active=True, is_service=False)
        people = set(operators.values_list("pk", flat=True))
    event_facts = facts(event)
    title = f"The webhook {event_facts['after']['name']} was disabled"
    path = f"/webhooks/{event.object_ref.partition(':')[2]}/"
    text = one_paragraph(event_facts["reason"])
    return [Draft(frozenset(people), Topic.FINDING, title, path, text, model.pk if model else None)]


def _model_id(event: Event) -> int:
    """Return the id of the model that an event is about, 0 for none."""
    return row_id(event.stream.rpartition(":")[2])
