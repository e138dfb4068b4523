"""Grants on a model: only its managers change them, and every change is recorded as an event."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib.auth.models import Group
from django.db import transaction

from accounts.models import User
from accounts.principals import PrincipalKind, find_principals
from audit.actions import Action
from audit.services import record
from core.actors import Actor
from core.errors import InvalidInput, NotFound
from registry.locks import lock_named
from registry.models import RegisteredModel
from registry.permissions import Grant, Level, drop_grants, grants_of, store_grants

MAX_GRANTS = 1000
_IN_ONE_EVENT = 20  # grants; with the longest names, before and after, they still fit into one event


@transaction.atomic
def set_permissions(*, actor: Actor, name: str, grants: Sequence[Grant], replace: bool) -> RegisteredModel:
    """Give each named user, service account and group exactly this level; with ``replace`` delete all other grants.

    Raises NotFound (the model, somebody named), Denied (the actor does not manage the model), InvalidInput (somebody is
    named twice, or there are too many grants). Superusers manage every model, so no model is left without a manager.
    """
    if len(grants) > MAX_GRANTS:
        raise InvalidInput(f"A model can have at most {MAX_GRANTS} grants.")
    action = Action.REGISTRY_PERMISSIONS_CHANGED
    model = lock_named(actor=actor, name=name, level=Level.MANAGE, action=action)
    before = _facts(model)
    store_grants(model, _principals(grants), replace=replace)
    _record_change(actor, model, before)
    return model


@transaction.atomic
def revoke_permission(*, actor: Actor, name: str, kind: PrincipalKind, principal: str) -> RegisteredModel:
    """Revoke the grant of one user, service account or group on a model; others keep theirs.

    Raises NotFound (the model, the principal, the grant), Denied (the actor does not manage the model), InvalidInput.
    """
    model = lock_named(actor=actor, name=name, level=Level.MANAGE, action=Action.REGISTRY_PERMISSIONS_CHANGED)
    ((row, _),) = _principals([Grant(kind, principal, Level.READ)])
    before = _facts(model)
    drop_grants(model, row)
    if _facts(model) == before:
        raise NotFound(f"{principal} has no grant on {name}.")
    _record_change(actor, model, before)
    return model


def _record_change(actor: Actor, model: RegisteredModel, before: dict[str, object]) -> None:
    """Record the grants before and after. Where they do not fit into one event, record the changed ones in several."""
    after = _facts(model)
    principals = sorted({*before, *after})
    if len(principals) > _IN_ONE_EVENT:
        principals = [name for name in principals if before.get(name) != after.get(name)]
    for first in range(0, len(principals) if after != before else 0, _IN_ONE_EVENT):
        batch = principals[first : first + _IN_ONE_EVENT]
        had, has = ({name: facts[name] for name in batch if name in facts} for facts in (before, after))
        record(actor=actor, action=Action.REGISTRY_PERMISSIONS_CHANGED, obj=model, before=had, after=has)


def _facts(model: RegisteredModel) -> dict[str, object]:
    return {f"{grant.kind}:{grant.name}": grant.level.name.lower() for grant in grants_of(model)}


def _principals(grants: Sequence[Grant]) -> list[tuple[User | Group, Level]]:
    """Return the users and groups of the grants, in the same order, each with its level."""
    rows = find_principals([(grant.kind, grant.name) for grant in grants])
    return [(row, grant.level) for row, grant in zip(rows, grants, strict=True)]
