"""Registered models: creating, renaming, describing, tagging, deleting."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import User
from audit.actions import Action
from audit.services import record
from core.actors import Actor
from core.errors import AlreadyExists, Conflict, NotAuthenticated
from core.times import now_ms
from lineage.services import rename_model as rename_in_lineage
from lineage.services import retire_model
from registry.gates import gates_depend_on_tag, is_governed, require_no_own_relaxation, require_rename_keeps_policies
from registry.locks import lock_named
from registry.models import RegisteredModel, RegisteredModelTag
from registry.names import check_model_name, check_tag, check_text, name_key
from registry.permissions import Level, grant_level, require_level

Tags = Iterable[tuple[str, str]]


@transaction.atomic
def create_model(*, actor: Actor, name: str, description: str = "", tags: Tags = ()) -> RegisteredModel:
    """Register a model; its creator manages it.

    Raises AlreadyExists for a name that another model has or that a reader could confuse with it. Also raises
    InvalidInput, NotAuthenticated, TooLarge.
    """
    if actor.user_id is None and actor.auth == "none":
        raise NotAuthenticated("Sign in to register a model.")
    key = _free_key(name)
    now = now_ms()
    model = RegisteredModel(
        name=name,
        name_key=key,
        description=check_text(description, "description"),
        created_by=actor.name,
        created_ms=now,
        updated_ms=now,
    )
    _save_named(model)
    pairs = dict(check_tag(*tag) for tag in tags)
    RegisteredModelTag.objects.bulk_create(
        RegisteredModelTag(model=model, key=tag, value=value) for tag, value in pairs.items()
    )
    if actor.user_id is not None:
        grant_level(user=User.objects.get(pk=actor.user_id), model=model, level=Level.MANAGE)
    record(
        actor=actor,
        action=Action.REGISTRY_MODEL_CREATED,
        obj=model,
        after={"id": model.pk, "name": name, "description": description, "tags": pairs},
    )
    return model


@transaction.atomic
def rename_model(*, actor: Actor, name: str, new_name: str) -> RegisteredModel:
    """Give a model a new name. Its versions, requests, events and lineage stay with it.

    Raises Conflict where other policies would govern versions in use under the new name. Also raises AlreadyExists,
    Denied, InvalidInput, NotFound, TooLarge.
    """
    model = lock_named(actor=actor, name=name, level=Level.MANAGE, action=Action.REGISTRY_MODEL_RENAMED)
    if new_name == name:  # MLflow's server accepts this too
        return model
    model.name_key = _free_key(new_name, besides=model.pk)
    require_rename_keeps_policies(model=model, new_name=new_name)
    require_no_own_relaxation(actor=actor, model=model, name=new_name, action=Action.REGISTRY_MODEL_RENAMED)
    model.name = new_name
    model.updated_ms = now_ms()
    _save_named(model)
    model.versions.filter(deleted_at__isnull=True).update(updated_ms=model.updated_ms)
    rename_in_lineage(actor=actor, old=name, new=new_name)
    record(
        actor=actor,
        action=Action.REGISTRY_MODEL_RENAMED,
        obj=model,
        before={"name": name},
        after={"name": new_name},
    )
    return model


@transaction.atomic
def update_model(*, actor: Actor, name: str, description: str) -> RegisteredModel:
    """Replace the description. Raises InvalidInput, NotFound, TooLarge."""
    check_text(description, "description")
    model = lock_named(actor=actor, name=name, level=Level.EDIT, action=Action.REGISTRY_MODEL_UPDATED)
    before = model.description
    model.description = description
    model.updated_ms = now_ms()
    model.save(update_fields=["description", "updated_ms"])
    record(
        actor=actor,
        action=Action.REGISTRY_MODEL_UPDATED,
        obj=model,
        before={"description": before},
        after={"description": description},
    )
    return model


@transaction.atomic
def delete_model(*, actor: Actor, name: str) -> None:
    """Hide a model and all its versions; the name is free again.

    The nodes of the model in the lineage graph are renamed, because a new model of the same name must not inherit its
    ancestry. Raises Conflict while a version is current Production, is deployed, or has a protected alias. Also raises
    NotFound, Denied.
    """
    model = lock_named(actor=actor, name=name, level=Level.MANAGE, action=Action.REGISTRY_MODEL_DELETED)
    current = model.versions.filter(is_current=True).values_list("version", flat=True).first()
    if current is not None:
        raise Conflict(
            f"Version {current} of {name} is the current Production version. Archive it first: a model in Production "
            "cannot be deleted."
        )
    require_not_serving(model)
    _require_no_protected_alias(model)
    model.deleted_at = timezone.now()
    model.updated_ms = now_ms()
    model.save(update_fields=["deleted_at", "updated_ms"])
    retire_model(actor=actor, name=name, model_id=model.pk)
    record(
        actor=actor,
        action=Action.REGISTRY_MODEL_DELETED,
        obj=model,
        before={"name": name, "versions": list(model.versions.values_list("version", flat=True).order_by("version"))},
    )


@transaction.atomic
def set_model_tag(*, actor: Actor, name: str, key: str, value: str) -> None:
    """Set a tag of a model. Raises Denied, InvalidInput, NotFound, TooLarge.

    A tag that a policy reads needs the level MANAGE, because an author must not avoid a policy by a tag.
    """
    check_tag(key, value)
    model = lock_named(actor=actor, name=name, level=Level.EDIT, action=Action.REGISTRY_MODEL_TAG_SET)
    _require_tag(actor, model, key, value, Action.REGISTRY_MODEL_TAG_SET)
    before = model.tags.filter(key=key).values_list("value", flat=True).first()
    model.tags.update_or_create(key=key, defaults={"value": value})
    record(
        actor=actor,
        action=Action.REGISTRY_MODEL_TAG_SET,
        obj=model,
        before={} if before is None else {key: before},
        after={key: value},
    )


@transaction.atomic
def delete_model_tag(*, actor: Actor, name: str, key: str) -> None:
    """Remove a tag of a model. A missing tag is not an error, as in MLflow. Needs the same level as setting the tag.

    Raises Denied, NotFound.
    """
    model = lock_named(actor=actor, name=name, level=Level.EDIT, action=Action.REGISTRY_MODEL_TAG_DELETED)
    tag = model.tags.filter(key=key).first()
    if tag is None:
        return
    _require_tag(actor, model, key, None, Action.REGISTRY_MODEL_TAG_DELETED)
    tag.delete()
    record(
        actor=actor,
        action=Action.REGISTRY_MODEL_TAG_DELETED,
        obj=model,
        before={key: tag.value},
    )


def _require_tag(actor: Actor, model: RegisteredModel, key: str, value: str | None, action: Action) -> None:
    """Raise Denied where the actor may not set a tag to a value (None: remove it).

    They may not where they do not manage the model, and where this would relax the policy for their own version.
    """
    if not gates_depend_on_tag(model, key):
        return
    require_level(actor, model, Level.MANAGE, action=action)
    others = dict(model.tags.exclude(key=key).values_list("key", "value"))
    require_no_own_relaxation(
        actor=actor, model=model, tags=others if value is None else others | {key: value}, action=action
    )


def require_not_serving(model: RegisteredModel, version: int | None = None) -> None:
    """Raise Conflict while an endpoint serves the given version of the model, by default any version."""
    versions = model.versions.filter(deployments__ended_at__isnull=True, deployments__isnull=False)
    if version is not None:
        versions = versions.filter(version=version)
    live = versions.values_list("version", "deployments__endpoint__name").first()
    if live is not None:
        raise Conflict(f"Version {live[0]} of {model.name} is deployed to {live[1]}. End that deployment first.")


def _require_no_protected_alias(model: RegisteredModel) -> None:
    """Raise Conflict while the model has a protected alias, because its consumers would lose their version."""
    for name in model.aliases.order_by("name").values_list("name", flat=True):
        if is_governed(model, f"@{name}"):
            raise Conflict(f"{model.name} has the protected alias @{name}. Remove the alias first.")


def _free_key(name: str, besides: int | None = None) -> str:
    """Return the key of a valid name that no other live model has. Raises AlreadyExists."""
    key = name_key(check_model_name(name))
    same = RegisteredModel.objects.filter(name_key=key, deleted_at__isnull=True)
    taken = same.first() if besides is None else same.exclude(pk=besides).first()
    if taken is not None:
        raise _taken(name, taken.name)
    return key


def _save_named(model: RegisteredModel) -> None:
    """Save a model under its new name. Raises AlreadyExists where another caller has just taken the name."""
    try:
        with transaction.atomic():
            model.save()
    except IntegrityError as error:
        raise _taken(model.name, model.name) from error


def _taken(name: str, existing: str) -> AlreadyExists:
    if name == existing:
        return AlreadyExists(f"Registered Model (name={name}) already exists.")
    # the message does not name the other model, because the caller may not be allowed to see it
    return AlreadyExists(f"Registered Model (name={name}) already exists under a name that reads the same.")
