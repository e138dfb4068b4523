"""Permissions on registered models.

Only this module uses django-guardian. Each level includes the lower ones. Everybody who is signed in has
settings.DEFAULT_MODEL_LEVEL on every model (`none` for no level). The creator of a model manages it. Grants to users
and groups add to the default level. Versions, cards and requests have the permissions of their model. A caller gets
NotFound for a model that they may not read, and no list or count includes it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import IntEnum

from django.conf import settings
from django.contrib.auth.models import Group
from django.db.models import Q, QuerySet
from guardian.shortcuts import assign_perm

from accounts.models import User
from accounts.principals import PrincipalKind
from core.actors import Actor, ActorKind
from core.errors import Denied, NotFound
from core.refs import Auditable
from registry.models import Deployment, Endpoint, ModelGroupGrant, ModelUserGrant, ModelVersion, RegisteredModel
from registry.stages import Stage, removed_alias


class Level(IntEnum):
    """The levels of grants; each includes those before it.

    EDIT allows registering versions and *requesting* transitions. A move that no policy governs happens at once; it
    needs MANAGE_STAGING, or MANAGE_PRODUCTION where the version enters or leaves Production.
    """

    READ = 1
    EDIT = 2
    MANAGE_STAGING = 3
    MANAGE_PRODUCTION = 4
    MANAGE = 5


@dataclass(frozen=True, slots=True)
class Grant:
    """A level on one model, given to somebody or to a group. ``name`` is a username or a group's name."""

    kind: PrincipalKind
    name: str
    level: Level


_CODENAMES = {
    Level.READ: "view_registeredmodel",
    Level.EDIT: "edit_model",
    Level.MANAGE_STAGING: "manage_staging_versions",
    Level.MANAGE_PRODUCTION: "manage_production_versions",
    Level.MANAGE: "manage_model",
}
_LEVELS = {codename: level for level, codename in _CODENAMES.items()}
# The names of the permissions that give a level; each of them lets somebody read the model.
CODENAMES = frozenset(_LEVELS)
# What each level allows, for the people who grant it.
LEVEL_DESCRIPTIONS = {
    Level.READ: "Can read the model, its versions and its history, and comment",
    Level.EDIT: "Can register versions, edit the model and ask for transitions",
    Level.MANAGE_STAGING: "Can move versions between stages other than Production where no policy governs",
    Level.MANAGE_PRODUCTION: "Can move versions between any stages where no policy governs",
    Level.MANAGE: "Can manage the model and the access to it",
}
_VERBS = {
    Level.READ: "read",
    Level.EDIT: "edit",
    Level.MANAGE_STAGING: "move versions outside Production of",
    Level.MANAGE_PRODUCTION: "move versions into or out of Production of",
    Level.MANAGE: "manage",
}
_NO_LEVEL = frozenset({"", "none"})


def default_level() -> Level | None:
    """Return the level of every signed-in identity on every model, None for no level."""
    name = settings.DEFAULT_MODEL_LEVEL
    return None if name in _NO_LEVEL else Level[name.upper()]


def level_for_move(source: str, target: str) -> Level:
    """Return the level that a move from one stage to another needs where no policy governs it."""
    return Level.MANAGE_PRODUCTION if Stage.PRODUCTION in (source, target) else Level.MANAGE_STAGING


def level_to_ask(source: str, target: str) -> Level:
    """Return the level that requesting a governed move needs.

    It is EDIT for a move into a stage, and MANAGE_PRODUCTION for a move out of Production or for removing an alias. The
    policy of the stage that a version enters does not ask its reviewers whether consumers may lose their version.
    """
    if removed_alias(target):
        return Level.MANAGE_PRODUCTION
    leaves_production = source == Stage.PRODUCTION and target in Stage.values and target != Stage.PRODUCTION
    return level_for_move(source, target) if leaves_production else Level.EDIT


def models_at_level(actor: Actor, level: Level) -> QuerySet[RegisteredModel]:
    """Return the models, without deleted ones, on which the actor has at least ``level``."""
    live = RegisteredModel.objects.filter(deleted_at__isnull=True)
    if rules_all(actor):
        return live
    if actor.kind is ActorKind.ANONYMOUS or actor.user_id is None:
        return live.none()
    if (default := default_level()) is not None and default >= level:
        return live
    return live.filter(_granted(actor.user_id, level))


def visible_models(actor: Actor) -> QuerySet[RegisteredModel]:
    """Return the models the actor may see."""
    return models_at_level(actor, Level.READ)


def visible_versions(actor: Actor) -> QuerySet[ModelVersion]:
    """Return the versions that the actor may see, without deleted ones."""
    models = {"model__deleted_at__isnull": True} if sees_every_model(actor) else {"model__in": visible_models(actor)}
    return ModelVersion.objects.filter(deleted_at__isnull=True, **models)


def sees_every_model(actor: Actor) -> bool:
    """Return whether the actor sees every model, as a superuser does, or by the default level."""
    return rules_all(actor) or (default_level() is not None and actor.user_id is not None)


def visible_endpoints(actor: Actor) -> QuerySet[Endpoint]:
    """Return the endpoints to which a version that the actor may see was ever deployed; with a default level all."""
    if sees_every_model(actor):
        return Endpoint.objects.all()
    deployments = Deployment.objects.filter(version__in=visible_versions(actor))
    return Endpoint.objects.filter(pk__in=deployments.values("endpoint"))


def has_level(actor: Actor, model: RegisteredModel, level: Level) -> bool:
    """Return whether the actor has at least ``level`` on this model."""
    return models_at_level(actor, level).filter(pk=model.pk).exists()


def require_level(
    actor: Actor, model: RegisteredModel, level: Level, *, action: str, obj: str | Auditable = ""
) -> None:
    """Raise NotFound where the actor may not see the model, Denied where they see it and have a lower level.

    ``obj`` is the object of the denial in the audit log, by default the model.
    """
    if has_level(actor, model, level):
        return
    if level == Level.READ or not has_level(actor, model, Level.READ):
        raise NotFound(model_not_found(model.name))
    raise Denied(
        level_refused(actor, model, level),
        action=action,
        obj=obj or model,
        stream=model.event_object.stream,
    )


def level_refused(actor: Actor, model: RegisteredModel, level: Level) -> str:
    """Return the message for an actor who has a lower level on a model that they may see."""
    return f"{actor.name} may not {_VERBS[level]} the registered model {model.name}."


def model_not_found(name: str) -> str:
    """Return the message for a model that is missing, deleted or hidden: the same, so that it reveals nothing."""
    return f"Registered Model with name={name} not found"


def level_of(actor: Actor, model: RegisteredModel) -> Level | None:
    """Return the highest level the actor has on a model, None where they may not see it."""
    if rules_all(actor):
        return Level.MANAGE
    if actor.kind is ActorKind.ANONYMOUS or actor.user_id is None:
        return None
    of_user = ModelUserGrant.objects.filter(user_id=actor.user_id, content_object=model)
    of_groups = ModelGroupGrant.objects.filter(group__user=actor.user_id, content_object=model)
    codenames = {
        *of_user.values_list("permission__codename", flat=True),
        *of_groups.values_list("permission__codename", flat=True),
    }
    levels = [_LEVELS[codename] for codename in codenames if codename in _LEVELS]
    default = default_level()
    return max([*levels, *([default] if default is not None else [])], default=None)


def granted_levels(model_ids: Collection[int], user_ids: Collection[int]) -> dict[tuple[int, int], Level]:
    """Return the highest level granted to each of these users, or to a group of theirs, on each of these models.

    The keys are pairs of model id and user id. The default level and the rights of superusers are left out. Two
    queries.
    """
    own = ModelUserGrant.objects.filter(user__in=user_ids, content_object__in=model_ids)
    of_groups = ModelGroupGrant.objects.filter(group__user__in=user_ids, content_object__in=model_ids)
    rows = [
        *own.values_list("content_object_id", "user_id", "permission__codename"),
        *of_groups.values_list("content_object_id", "group__user", "permission__codename"),
    ]
    levels: dict[tuple[int, int], Level] = {}
    for model_id, user_id, codename in rows:
        if codename in _LEVELS:
            levels[model_id, user_id] = max(_LEVELS[codename], levels.get((model_id, user_id), Level.READ))
    return levels


def who_may_read(model_id: int, people: Collection[User]) -> set[int]:
    """Return the ids of those people who may see a model.

    With a default level these are all. Otherwise these are the superusers, and the people with a grant.
    """
    if default_level() is not None:
        return {person.pk for person in people}
    granted = granted_levels({model_id}, {person.pk for person in people})
    return {person.pk for person in people if person.is_superuser or (model_id, person.pk) in granted}


def granted_models(user_id: int, level: Level) -> QuerySet[RegisteredModel]:
    """Return the models on which this level or a higher one was granted to the user or to a group of theirs."""
    return RegisteredModel.objects.filter(_granted(user_id, level))


def grants_of(model: RegisteredModel) -> list[Grant]:
    """Return the grants on a model: the highest level of each user and group, by kind and name."""
    levels: dict[tuple[PrincipalKind, str], Level] = {}
    users = ModelUserGrant.objects.filter(content_object=model, permission__codename__in=_LEVELS)
    for name, is_service, codename in users.values_list("user__username", "user__is_service", "permission__codename"):
        _keep(levels, PrincipalKind.SERVICE if is_service else PrincipalKind.USER, name, _LEVELS[codename])
    groups = ModelGroupGrant.objects.filter(content_object=model, permission__codename__in=_LEVELS)
    for name, codename in groups.values_list("group__name", "permission__codename"):
        _keep(levels, PrincipalKind.GROUP, name, _LEVELS[codename])
    return [Grant(kind, name, level) for (kind, name), level in sorted(levels.items())]


def _keep(levels: dict[tuple[PrincipalKind, str], Level], kind: PrincipalKind, name: str, level: Level) -> None:
    levels[kind, name] = max(level, levels.get((kind, name), level))


def store_grants(model: RegisteredModel, grants: Sequence[tuple[User | Group, Level]], *, replace: bool) -> None:
    """Give each of these users and groups exactly this level, and with ``replace`` delete all other grants.

    Runs in the caller's transaction, with the model locked. The caller records the change.
    """
    users = ModelUserGrant.objects.filter(content_object=model)
    groups = ModelGroupGrant.objects.filter(content_object=model)
    if not replace:
        users = users.filter(user__in=[row for row, _ in grants if isinstance(row, User)])
        groups = groups.filter(group__in=[row for row, _ in grants if isinstance(row, Group)])
    users.delete()
    groups.delete()
    for principal, level in grants:
        assign_perm(_CODENAMES[level], principal, model)


def drop_grants(model: RegisteredModel, principal: User | Group) -> None:
    """Delete the grant of one user or group. Runs in the caller's transaction, with the model locked."""
    if isinstance(principal, User):
        ModelUserGrant.objects.filter(content_object=model, user=principal).delete()
    else:
        ModelGroupGrant.objects.filter(content_object=model, group=principal).delete()


def grant_level(*, user: User, model: RegisteredModel, level: Level) -> None:
    """Give a user a level on a model. The caller records the change."""
    assign_perm(_CODENAMES[level], user, model)


def rules_all(actor: Actor) -> bool:
    """Return whether the actor has every level on every model."""
    return actor.kind is ActorKind.SYSTEM or actor.is_superuser


def _granted(user_id: int, level: Level) -> Q:
    codenames = [codename for level_of_codename, codename in _CODENAMES.items() if level_of_codename >= level]
    own = ModelUserGrant.objects.filter(user_id=user_id, permission__codename__in=codenames)
    of_groups = ModelGroupGrant.objects.filter(group__user=user_id, permission__codename__in=codenames)
    return Q(pk__in=own.values("content_object_id")) | Q(pk__in=of_groups.values("content_object_id"))


def granted_to(
    user_id: int | None, group_ids: Collection[int], models: QuerySet[RegisteredModel]
) -> list[tuple[str, Grant]]:
    """Return the grants of a user and of groups on these models as pairs of model name and grant, sorted. Two queries.

    Only the highest level that the user or a group has on a model is returned.
    """
    own = ModelUserGrant.objects.filter(user=user_id, content_object__in=models, permission__codename__in=_LEVELS)
    of_groups = ModelGroupGrant.objects.filter(
        group__in=group_ids, content_object__in=models, permission__codename__in=_LEVELS
    )
    highest: dict[tuple[str, PrincipalKind, str], Level] = {}
    for model, name, codename in own.values_list("content_object__name", "user__username", "permission__codename"):
        key = (model, PrincipalKind.USER, name)
        highest[key] = max(_LEVELS[codename], highest.get(key, Level.READ))
    for model, name, codename in of_groups.values_list("content_object__name", "group__name", "permission__codename"):
        key = (model, PrincipalKind.GROUP, name)
        highest[key] = max(_LEVELS[codename], highest.get(key, Level.READ))
    return [(model, Grant(kind, name, level)) for (model, kind, name), level in sorted(highest.items())]
