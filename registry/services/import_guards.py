"""Permission to import stages: only a superuser may, and only into a model that nothing but the import has changed."""

from __future__ import annotations

from audit.actions import Action
from audit.models import Event
from audit.queries import actor_name, facts
from core.actors import Actor
from core.errors import Conflict, Denied
from core.refs import model_stream
from registry.models import RegisteredModel

# Actions that the import itself records about a model. (A new alias does not change which version is in Production.)
_IMPORTING = (
    Action.REGISTRY_ALIAS_SET,
    Action.REGISTRY_CARD_CREATED,
    Action.REGISTRY_MODEL_CREATED,
    Action.REGISTRY_MODEL_IMPORTED,
    Action.REGISTRY_VERSION_IMPORTED,
)


def require_importer(actor: Actor, model: RegisteredModel) -> None:
    """Raise Denied unless the actor is a superuser."""
    if not actor.is_superuser or actor.user_id is None:
        raise Denied(
            f"{actor.name} may not import stages: only a superuser can let imported versions keep their stages.",
            action=Action.REGISTRY_STAGE_IMPORTED,
            obj=model,
        )


def require_only_imported(model: RegisteredModel, origin: str) -> None:
    """Raise Conflict unless the model was imported from ``origin`` and all its events are of that import."""
    events = Event.objects.filter(stream=model_stream(model.pk), outcome="ok")
    # The first event of an imported model is its creation, the second one is its import.
    second = Event.objects.filter(stream=model_stream(model.pk)).order_by("id")[1:2]
    imported = next((event for event in second if event.action == Action.REGISTRY_MODEL_IMPORTED), None)
    if imported is None or imported.outcome != "ok" or facts(imported)["after"].get("origin") != origin:
        raise Conflict(f"{model.name} was not imported from {origin}, so its versions keep the stages they have here.")
    other = events.exclude(action__in=_IMPORTING).order_by("id").first()
    if other is not None:
        raise Conflict(
            f"{actor_name(other)} has changed {model.name} since its import ({other.action}), so its versions keep the "
            "stages they have here."
        )
