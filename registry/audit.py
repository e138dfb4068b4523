"""Which event stream a registered model has, for the audit doors (settings.AUDIT_SUBJECTS)."""

from __future__ import annotations

from core.actors import Actor
from core.errors import NotFound
from core.refs import model_stream
from registry.permissions import model_not_found, visible_models


def model_subject(actor: Actor, name: str) -> str:
    """Return the stream of the model called ``name``. NotFound where it is missing, deleted or out of the actor's sight."""
    pk = visible_models(actor).filter(name=name).values_list("pk", flat=True).first()
    if pk is None:
        raise NotFound(model_not_found(name))
    return model_stream(pk)


def visible_model_names(actor: Actor, names: frozenset[str]) -> frozenset[str]:
    """Return those of ``names`` the actor may know of, for the lineage doors (settings.LINEAGE_VISIBILITY)."""
    return frozenset(visible_models(actor).filter(name__in=names).values_list("name", flat=True))
