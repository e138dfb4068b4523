"""The event stream of a registered model, for the audit interfaces (settings.AUDIT_SUBJECTS)."""

from __future__ import annotations

from audit.actions import Action
from audit.refusals import Refusal
from core.actors import Actor
from core.errors import NotFound
from core.ids import row_id
from core.refs import deployment_ref, endpoint_ref, model_ref, model_stream
from registry.models import Deployment, Endpoint
from registry.permissions import (
    Level,
    default_level,
    has_level,
    level_refused,
    model_not_found,
    visible_endpoints,
    visible_models,
    visible_versions,
)
from registry.visible_names import visible_names

_MODEL, _VERSION, _ENDPOINT, _DEPLOYMENT = model_ref(""), "model-version:", endpoint_ref(""), "deployment:"
_OF_MODELS = (_MODEL, _VERSION)


def may_read_stream(actor: Actor, stream: str) -> bool:
    """Return whether a stream is the event stream of a model that the actor may read."""
    kind, _, key = stream.partition(":")
    return kind == "model" and visible_models(actor).filter(pk=row_id(key)).exists()


def model_subject(actor: Actor, name: str) -> str:
    """Return the stream of the model called ``name``.

    Raises NotFound where it is missing, deleted or hidden from the actor.
    """
    pk = visible_models(actor).filter(name=name).values_list("pk", flat=True).first()
    if pk is None:
        raise NotFound(model_not_found(name))
    return model_stream(pk)


def hidden_urns(actor: Actor, urns: frozenset[str]) -> frozenset[str]:
    """Return those of the URNs that are models, versions, endpoints or deployments hidden from the actor.

    For settings.LINEAGE_VISIBILITY. A person who may see a model that was ever deployed to an endpoint may see the
    endpoint.
    """
    names = {urn: name for urn in urns if urn.startswith(_OF_MODELS) and (name := _model_of(urn))}
    visible = visible_names(actor, set(names.values()))
    hidden = {urn for urn, name in names.items() if name not in visible}
    if default_level() is not None and actor.user_id is not None:
        return frozenset(hidden)  # everybody may see every endpoint
    return frozenset(hidden | _hidden_endpoints(actor, urns) | _hidden_deployments(actor, urns))


def _model_of(urn: str) -> str:
    if urn.startswith(_MODEL):
        return urn.removeprefix(_MODEL)
    return urn.removeprefix(_VERSION).rpartition("/")[0] if urn.startswith(_VERSION) else ""


def _hidden_endpoints(actor: Actor, urns: frozenset[str]) -> set[str]:
    names = [urn.removeprefix(_ENDPOINT) for urn in urns if urn.startswith(_ENDPOINT)]
    if not names:
        return set()
    rows = Endpoint.objects.filter(name__in=names).exclude(pk__in=visible_endpoints(actor).values("pk"))
    return {endpoint_ref(name) for name in rows.values_list("name", flat=True)}


def _hidden_deployments(actor: Actor, urns: frozenset[str]) -> set[str]:
    names = {urn.removeprefix(_DEPLOYMENT).rpartition("@")[0] for urn in urns if urn.startswith(_DEPLOYMENT)}
    if not names:
        return set()
    rows = Deployment.objects.filter(endpoint__name__in=names).exclude(version__in=visible_versions(actor))
    return {deployment_ref(name, number) for name, number in rows.values_list("endpoint__name", "number")}


def refuse_ancestry(actor: Actor, urn: str, action: Action) -> Refusal | None:
    """Return why the actor may not declare inputs of a model version, None where they may (settings.LINEAGE_WRITERS).

    Also returns None for any other node, and where the model is hidden from the actor.
    """
    if not urn.startswith(_VERSION):
        return None
    model = visible_models(actor).filter(name=_model_of(urn)).first()
    if model is None or has_level(actor, model, Level.EDIT):
        return None
    return Refusal(level_refused(actor, model, Level.EDIT), action, model)
