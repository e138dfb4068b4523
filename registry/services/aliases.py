"""Aliases: movable names for a version. Where a policy protects an alias, it moves through the gate as a stage does."""

from __future__ import annotations

from django.db import transaction

from audit.actions import Action
from audit.services import record
from core.actors import Actor
from core.errors import Conflict, NotFound
from registry.gates import ask_gates, is_governed
from registry.locks import lock_named
from registry.models import Alias, ModelVersion
from registry.names import check_alias
from registry.permissions import Level, require_level


@transaction.atomic
def set_alias(*, actor: Actor, name: str, alias: str, version: int, reason: str = "") -> Alias:
    """Point an alias at a version, moving it where it exists. NotFound, InvalidInput, Denied (GateRefused among them)."""
    check_alias(alias)
    model = lock_named(actor=actor, name=name, level=Level.EDIT, action=Action.REGISTRY_ALIAS_SET)
    target = None
    if 0 < version < 2**31:  # what the column holds; a larger number cannot exist
        target = model.versions.filter(version=version, deleted_at__isnull=True).first()
    if target is None:
        raise NotFound(f"Model Version (name={name}, version={version}) not found")
    before = model.aliases.filter(name=alias).values_list("version__version", flat=True).first()
    target.model = model
    clearance = ask_gates(version=target, target=f"@{alias}", actor=actor, archive_existing=False)
    row, _ = model.aliases.update_or_create(name=alias, defaults={"version": target})
    record(
        actor=actor,
        action=Action.REGISTRY_ALIAS_SET,
        obj=model,
        before={} if before is None else {"alias": alias, "version": before},
        after={"alias": alias, "version": version} | ({"basis": clearance.basis} if clearance.governed else {}),
        reason=reason,
    )
    return row


@transaction.atomic
def delete_alias(*, actor: Actor, name: str, alias: str) -> None:
    """Take an alias away. One that is not there is no error, as in MLflow.

    A protected one leaves its readers with nothing, as archiving the Production version does, and takes the same level.
    """
    model = lock_named(actor=actor, name=name, level=Level.EDIT, action=Action.REGISTRY_ALIAS_DELETED)
    found = list(model.aliases.filter(name=alias).select_related("version__model"))
    if found and is_governed(model, f"@{alias}"):
        require_level(actor, model, Level.MANAGE_PRODUCTION, action=Action.REGISTRY_ALIAS_DELETED)
    for row in found:
        _drop(actor, row)


def drop_aliases(*, actor: Actor, version: ModelVersion) -> None:
    """Take away every alias of a version that is being deleted, in the caller's transaction; Conflict for a protected one."""
    rows = list(version.aliases.select_related("version__model").order_by("name"))
    for row in rows:
        if is_governed(version.model, f"@{row.name}"):
            raise Conflict(
                f"Version {version.version} of {version.model.name} is what the protected alias @{row.name} stands for. "
                "Move the alias to another version first."
            )
    for row in rows:
        _drop(actor, row)


def _drop(actor: Actor, row: Alias) -> None:
    row.delete()
    record(
        actor=actor,
        action=Action.REGISTRY_ALIAS_DELETED,
        obj=row.version.model,
        before={"alias": row.name, "version": row.version.version},
    )
