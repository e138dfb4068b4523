"""Locking a registered model: every change of a model, or of anything that belongs to it, takes this lock first.

Changes of one model therefore happen one after another. A writer reads the rows that it decides on again under the
lock. Lock order: the model's row, then a row that belongs to it (a request, a finding, a job).
"""

from __future__ import annotations

from django.db.models import BigIntegerField, TextField

from audit.actions import Action
from core.actors import Actor, ActorKind
from core.errors import InvalidState, NotFound
from core.orm.compiled_models import CompiledModels
from core.orm.compiled_queries import Slot
from core.refs import Auditable, version_ref
from registry.inventory import is_retired
from registry.models import ModelVersion, RegisteredModel
from registry.permissions import (
    Level,
    default_level,
    model_not_found,
    require_level,
    rules_all,
    sees_every_model,
    visible_models,
)

_LOCKED = CompiledModels(
    lambda: (
        RegisteredModel.objects.filter(pk=Slot("pk", BigIntegerField()))
        .select_related("inventory")
        .select_for_update(no_key=True, of=("self",))
    )
)
_LOCKED_BY_NAME = CompiledModels(
    lambda: RegisteredModel.objects.filter(deleted_at__isnull=True, name=Slot("name", TextField())).select_for_update(
        no_key=True, of=("self",)
    )
)


def lock_model(model_id: int) -> RegisteredModel:
    """Return a model, deleted or not, with its row locked until commit. Raises RegisteredModel.DoesNotExist.

    Rows that only refer to the model (a tag, a request) may still be inserted meanwhile.
    """
    model = _LOCKED.first(pk=model_id)
    if model is None:
        raise RegisteredModel.DoesNotExist
    return model


def lock_visible_model(actor: Actor, name: str) -> RegisteredModel | None:
    """Return the model of this name that the actor may see, with its row locked until commit; None without one."""
    if sees_every_model(actor):
        return _LOCKED_BY_NAME.first(name=name)
    return visible_models(actor).select_for_update(no_key=True, of=("self",)).filter(name=name).first()


def lock_named(*, actor: Actor, name: str, level: Level, action: Action, obj: str = "") -> RegisteredModel:
    """Return the model of this name on which the actor has ``level``, with its row locked until commit.

    ``action`` is the audit action, and ``obj`` the reference of its object, "" for the model. Raises NotFound,
    Denied.
    """
    model = lock_visible_model(actor, name)
    if model is None:
        raise NotFound(model_not_found(name))
    require_level(actor, model, level, action=action, obj=obj)
    return model


def require_level_of_locked(
    actor: Actor, model: RegisteredModel, level: Level, *, action: str, obj: str | Auditable = ""
) -> None:
    """As `require_level`, for a model that is not deleted and whose row the caller has locked.

    Makes no query where the default level, or that of a superuser, decides. Raises NotFound, Denied.
    """
    has_account = actor.kind is not ActorKind.ANONYMOUS and actor.user_id is not None
    default = default_level()
    if rules_all(actor) or (has_account and default is not None and default >= level):
        return
    require_level(actor, model, level, action=action, obj=obj)


def require_not_retired(model: RegisteredModel) -> None:
    """Raise InvalidState where a model has been retired: it takes no new version, move, alias or deployment."""
    if is_retired(model):
        raise InvalidState(f"{model.name} is retired.")


def lock_version(*, actor: Actor, name: str, version: int, action: Action, level: Level = Level.EDIT) -> ModelVersion:
    """Return a version of a model on which the actor has ``level``, with the model's row locked until commit.

    Raises NotFound, Denied.
    """
    model = lock_named(actor=actor, name=name, level=level, action=action, obj=version_ref(name, version))
    row = None
    if 0 < version < 2**31:  # the column cannot store a larger number
        row = ModelVersion.objects.filter(model=model, version=version, deleted_at__isnull=True).first()
    if row is None:
        raise NotFound(f"Model Version (name={name}, version={version}) not found")
    row.model = model
    return row
