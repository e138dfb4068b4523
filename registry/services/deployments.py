"""Deployments: rollouts of a version to an endpoint, which the serving platform reports."""

from __future__ import annotations

import re
from functools import partial

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from audit.actions import Action
from audit.models import Event
from audit.services import record
from core.actors import Actor
from core.errors import Conflict, InvalidInput, NotFound
from core.refs import deployment_ref, event_object_of, version_ref
from lineage.services import end_deployment as end_in_lineage
from lineage.services import record_deployment
from registry.locks import lock_named, lock_version, require_not_retired
from registry.models import Deployment, Endpoint, ModelVersion
from registry.names import check_text
from registry.permissions import Level, models_at_level
from registry.queries import incumbent_of, visible_deployments
from registry.stages import Stage

_ENDPOINT = re.compile(r"[/\w.~-]+")
_MAX_ENDPOINT = 255
_FULL = 100
_Event = partial[Event]


@transaction.atomic
def register_deployment(
    *,
    actor: Actor,
    endpoint: str,
    model: str,
    version: int | None,
    revision: str = "",
    traffic_percent: int = _FULL,
    environment: str = "",
) -> Deployment:
    """Record that an endpoint now serves a version (None: the current Production version) and return the deployment.

    A deployment with all of the traffic ends the earlier deployments to the endpoint in the same environment.

    Raises NotFound (model, version), InvalidInput, Denied, Conflict (the version is Archived), InvalidState (retired).
    """
    _check(endpoint, revision, environment, traffic_percent)
    deployed = _lock_deployable(actor, model, version)
    row = _lock_endpoint(endpoint)
    deployment = Deployment.objects.create(
        endpoint=row,
        number=_next_number(row),
        version=deployed,
        revision=revision,
        traffic_percent=traffic_percent,
        environment=environment,
        deployed_by=actor.name,
        started_at=timezone.now(),
    )
    ended = _end_earlier(actor, deployment) if traffic_percent == _FULL else []
    record_deployment(
        actor=actor,
        endpoint=endpoint,
        number=deployment.number,
        revision=revision,
        model=model,
        version=deployed.version,
    )
    _record_all([*ended, _registered_event(actor, deployment)])
    return deployment


def _registered_event(actor: Actor, deployment: Deployment) -> _Event:
    """Return the event of a new deployment, which the caller records."""
    version = deployment.version
    return partial(
        record,
        actor=actor,
        action=Action.LINEAGE_DEPLOYMENT_REGISTERED,
        obj=deployment,
        after={**_facts(deployment), "version": version_ref(version.model.name, version.version)},
    )


@transaction.atomic
def end_deployment(*, actor: Actor, endpoint: str, number: int) -> Deployment:
    """Record that a deployment no longer runs, and return it; ending it twice changes nothing.

    Raises NotFound, Denied.
    """
    visible = visible_deployments(actor).filter(endpoint__name=endpoint, number=number).first()
    if visible is None:
        raise NotFound(f"Deployment {number} of {endpoint} not found")
    lock_named(
        actor=actor,
        name=visible.version.model.name,
        level=Level.EDIT,
        action=Action.LINEAGE_DEPLOYMENT_ENDED,
        obj=deployment_ref(endpoint, number),
    )
    _lock_endpoint(endpoint)
    deployment = Deployment.objects.select_related("endpoint", "version__model").get(pk=visible.pk)
    if deployment.ended_at is None:
        _end(actor, deployment, reason="")()
    return deployment


def _lock_deployable(actor: Actor, model: str, version: int | None) -> ModelVersion:
    """Return the version to deploy, with its model locked so that nobody archives or replaces it in the meantime.

    Raises NotFound, Denied, Conflict (the version is Archived), InvalidState (the model is retired).
    """
    action = Action.LINEAGE_DEPLOYMENT_REGISTERED
    if version is None:
        row = incumbent_of(lock_named(actor=actor, name=model, level=Level.EDIT, action=action))
    else:
        row = lock_version(actor=actor, name=model, version=version, action=action)
    if row is None:
        raise NotFound(f"{model} has no version in Production.")
    require_not_retired(row.model)
    if row.stage == Stage.ARCHIVED:
        raise Conflict(f"Version {row.version} of {model} is Archived and can no longer be deployed.")
    return row


def _check(endpoint: str, revision: str, environment: str, traffic_percent: int) -> None:
    if not _ENDPOINT.fullmatch(endpoint) or len(endpoint) > _MAX_ENDPOINT or "//" in endpoint or endpoint == "/":
        raise InvalidInput(
            f"Invalid endpoint {endpoint[:100]!r}. Use at most {_MAX_ENDPOINT} letters, digits and the characters "
            "/ . _ ~ -, as in /predict."
        )
    if any(segment in {".", ".."} for segment in endpoint.split("/")):
        raise InvalidInput("An endpoint cannot contain '.' or '..' as a segment.")
    check_text(revision, "revision", 100)
    check_text(environment, "environment", 100)
    if not 0 <= traffic_percent <= _FULL:
        raise InvalidInput(f"traffic_percent must be from 0 to 100, not {traffic_percent}.")


def _lock_endpoint(name: str) -> Endpoint:
    """Return the endpoint, created if it is new, with its row locked: no two deployments get the same number."""
    Endpoint.objects.get_or_create(name=name)
    return Endpoint.objects.select_for_update(no_key=True).get(name=name)


def _next_number(endpoint: Endpoint) -> int:
    highest = endpoint.deployments.aggregate(highest=Max("number"))["highest"]
    return (highest or 0) + 1


def _end_earlier(actor: Actor, latest: Deployment) -> list[_Event]:
    """End the earlier deployments of models that the actor may edit, and return the events.

    Nobody ends the deployment of another team's model by naming its endpoint.
    """
    live = latest.endpoint.deployments.filter(ended_at__isnull=True, environment=latest.environment)
    theirs = live.filter(version__model__in=models_at_level(actor, Level.EDIT))
    earlier = theirs.exclude(pk=latest.pk).select_related("endpoint", "version__model").order_by("number")
    return [_end(actor, deployment, reason=f"Replaced by deployment {latest.number}.") for deployment in earlier]


def _end(actor: Actor, deployment: Deployment, *, reason: str) -> _Event:
    """End one deployment and return its event, which the caller records."""
    before = _facts(deployment)
    deployment.ended_at, deployment.ended_by = timezone.now(), actor.name
    deployment.save(update_fields=["ended_at", "ended_by"])
    end_in_lineage(actor=actor, endpoint=deployment.endpoint.name, number=deployment.number)
    return partial(
        record,
        actor=actor,
        action=Action.LINEAGE_DEPLOYMENT_ENDED,
        obj=deployment,
        before=before,
        after=_facts(deployment),
        reason=reason,
    )


def _record_all(events: list[_Event]) -> None:
    """Record events of several models in the order of their streams, so that two callers do not deadlock."""
    for event in sorted(events, key=lambda event: event_object_of(event.keywords["obj"]).stream):
        event()


def _facts(deployment: Deployment) -> dict[str, object]:
    return {
        "endpoint": deployment.endpoint.name,
        "number": deployment.number,
        "revision": deployment.revision,
        "traffic_percent": deployment.traffic_percent,
        "environment": deployment.environment,
        "ended_at": deployment.ended_at,
    }
