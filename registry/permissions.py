"""Who may do what to a registered model. The only code that asks django-guardian.

Levels include one another: read < edit < manage. Everybody who is signed in has settings.DEFAULT_MODEL_LEVEL on every
model (`edit` unless set otherwise; empty for none); the creator manages; grants to users and groups add to that. What a
caller may not read does not exist for them: the same NotFound, and absent from every list and count.
"""

from __future__ import annotations

from enum import IntEnum

from django.conf import settings
from django.db.models import Q, QuerySet
from guardian.shortcuts import assign_perm

from accounts.models import User
from audit.actors import Actor, ActorKind
from audit.errors import Denied, NotFound
from audit.refs import model_ref, model_stream
from registry.models import ModelGroupGrant, ModelUserGrant, ModelVersion, RegisteredModel


class Level(IntEnum):
    """What a grant allows; each includes the ones before."""

    READ = 1
    EDIT = 2
    MANAGE = 3


_CODENAMES = {Level.READ: "view_registeredmodel", Level.EDIT: "edit_model", Level.MANAGE: "manage_model"}


def default_level() -> Level | None:
    """Return what every signed-in identity may do with every model."""
    name = getattr(settings, "DEFAULT_MODEL_LEVEL", "edit")
    return Level[name.upper()] if name else None


def models_at_level(actor: Actor, level: Level) -> QuerySet[RegisteredModel]:
    """Return the models (deleted ones left out) on which the actor has at least ``level``."""
    live = RegisteredModel.objects.filter(deleted_at__isnull=True)
    if _rules_all(actor):
        return live
    if actor.kind is ActorKind.ANONYMOUS or actor.user_id is None:
        return live.none()
    if (default := default_level()) is not None and default >= level:
        return live
    return live.filter(_granted(actor.user_id, level))


def visible_models(actor: Actor) -> QuerySet[RegisteredModel]:
    """Return the models the actor may know of."""
    return models_at_level(actor, Level.READ)


def visible_versions(actor: Actor) -> QuerySet[ModelVersion]:
    """Return the versions the actor may know of, deleted ones left out."""
    live = ModelVersion.objects.filter(deleted_at__isnull=True)
    if _rules_all(actor) or (default_level() is not None and actor.user_id is not None):
        return live.filter(model__deleted_at__isnull=True)
    return live.filter(model__in=visible_models(actor))


def has_level(actor: Actor, model: RegisteredModel, level: Level) -> bool:
    """Return whether the actor has at least ``level`` on this model."""
    return models_at_level(actor, level).filter(pk=model.pk).exists()


def require_level(actor: Actor, model: RegisteredModel, level: Level, *, action: str, obj: str = "") -> None:
    """Raise NotFound where the actor may not know of the model, Denied where they may see it but not do this."""
    if has_level(actor, model, level):
        return
    if level == Level.READ or not has_level(actor, model, Level.READ):
        raise NotFound(model_not_found(model.name))
    raise Denied(
        f"{actor.name} may not {level.name.lower()} the registered model {model.name}.",
        action=action,
        obj=obj or model_ref(model.name),
        stream=model_stream(model.pk),
    )


def model_not_found(name: str) -> str:
    """Return the one message for a model that is missing, deleted or out of sight."""
    return f"Registered Model with name={name} not found"


def grant_level(*, user: User, model: RegisteredModel, level: Level) -> None:
    """Give a user a level on a model. The caller records why."""
    assign_perm(_CODENAMES[level], user, model)


def _rules_all(actor: Actor) -> bool:
    return actor.kind is ActorKind.SYSTEM or actor.is_superuser


def _granted(user_id: int, level: Level) -> Q:
    codenames = [codename for given, codename in _CODENAMES.items() if given >= level]
    own = ModelUserGrant.objects.filter(user_id=user_id, permission__codename__in=codenames)
    of_groups = ModelGroupGrant.objects.filter(group__user=user_id, permission__codename__in=codenames)
    return Q(pk__in=own.values("content_object_id")) | Q(pk__in=of_groups.values("content_object_id"))
