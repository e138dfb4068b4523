"""Aliases: movable names for a version. A move of an alias that a policy protects must pass the gates."""

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
    """Point an alias at a version. An alias that exists is moved.

    Raises NotFound, InvalidInput, Denied (GateRefused among them), InvalidState (the model is retired).
    """
    check_alias(alias)
    model = lock_named(actor=actor, name=name, level=Level.EDIT, action=Action.REGISTRY_ALIAS_SET)
    require_not_retired(model)
    target = None
    if 0 < version < 2**31:  # the column cannot store a larger number
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
    """Remove an alias, with ``version`` only where it points at that version. Raises NotFound, Denied, GateRefused.

    A missing alias is not an error, as in MLflow. Clients of a protected alias lose their version, as they do when the
    Production version is archived: the removal needs the same level and must pass the gates.
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
        version_left = row.version
        record_left(actor=actor, version=version_left, left=f"@{alias}", to=version_left.stage, reason=reason)


def drop_aliases(*, actor: Actor, version: ModelVersion) -> None:
    """Remove every alias of a version that is being deleted, in the caller's transaction.

    Raises Conflict for a protected one.
    """
    rows = list(version.aliases.select_related("version__model").order_by("name"))
    for row in rows:
        if is_governed(version.model, f"@{row.name}"):
            raise Conflict(
                f"The protected alias @{row.name} points at version {version.version} of {version.model.name}. "
                "Move the alias to another version first."
            )
    for row in rows:
        _drop(actor, row)


def _drop(actor: Actor, row: Alias, *, reason: str = "", basis: str = "", is_protected: bool = False) -> None:
    """Delete an alias and record the event, which says whether the alias was protected."""
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
