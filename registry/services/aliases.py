"""Aliases: movable names for a version. Where a policy protects an alias, it moves through the gate as a stage does."""

from __future__ import annotations

from django.db import transaction

from audit.actions import Action
from audit.services import record
from core.actors import Actor
from core.errors import Conflict, NotFound
from registry.gates import ask_gates, is_governed
from registry.locks import lock_named, require_not_retired
from registry.models import Alias, ModelVersion
from registry.names import check_alias
from registry.permissions import Level, require_level
from registry.services.leaving import record_left
from registry.stages import removal_target


@transaction.atomic
def set_alias(*, actor: Actor, name: str, alias: str, version: int, reason: str = "") -> Alias:
    """Point an alias at a version, moving it where it exists.

    Raises NotFound, InvalidInput, Denied (GateRefused among them), InvalidState.
    """
    check_alias(alias)
    model = lock_named(actor=actor, name=name, level=Level.EDIT, action=Action.REGISTRY_ALIAS_SET)
    require_not_retired(model)
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
def delete_alias(*, actor: Actor, name: str, alias: str, version: int | None = None, reason: str = "") -> None:
    """Remove an alias (only from ``version``, if given).

    A missing one is no error, as in MLflow. Removing a protected alias breaks its readers, as archiving the Production
    version does: it needs the same level, and the gates are asked. Raises NotFound, Denied, GateRefused.
    """
    model = lock_named(actor=actor, name=name, level=Level.EDIT, action=Action.REGISTRY_ALIAS_DELETED)
    rows = model.aliases.filter(name=alias).select_related("version")
    row = rows.filter(version__version=version).first() if version is not None else rows.first()
    if row is None:
        return
    row.version.model = model
    clearance = ask_gates(version=row.version, target=removal_target(alias), actor=actor, archive_existing=False)
    is_protected = clearance.governed or is_governed(model, f"@{alias}")
    if is_protected and not clearance.governed:
        require_level(actor, model, Level.MANAGE_PRODUCTION, action=Action.REGISTRY_ALIAS_DELETED)
    _drop(actor, row, reason=reason, basis=clearance.basis, is_protected=is_protected)
    if is_protected:
        left = row.version
        record_left(actor=actor, version=left, left=f"@{alias}", to=left.stage, reason=reason)


def drop_aliases(*, actor: Actor, version: ModelVersion) -> None:
    """Remove every alias of a version that is being deleted, in the caller's transaction.

    Raises Conflict for a protected one.
    """
    rows = list(version.aliases.select_related("version__model").order_by("name"))
    for row in rows:
        if is_governed(version.model, f"@{row.name}"):
            raise Conflict(
                f"Version {version.version} of {version.model.name} is what the protected alias @{row.name} stands for. "
                "Move the alias to another version first."
            )
    for row in rows:
        _drop(actor, row)


def _drop(actor: Actor, row: Alias, *, reason: str = "", basis: str = "", is_protected: bool = False) -> None:
    """Delete an alias and record that. The event says whether readers of a protected alias lose it."""
    row.delete()
    after: dict[str, object] = {"basis": basis} if basis else {}
    record(
        actor=actor,
        action=Action.REGISTRY_ALIAS_DELETED,
        obj=row.version.model,
        before={"alias": row.name, "version": row.version.version},
        after=(after | {"left": True} if is_protected else after) or None,
        reason=reason,
    )
