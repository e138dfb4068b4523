"""The only writer of a version's stage and of `is_current`, which marks the current Production version.

Every interface moves versions through `change_stage`. It locks the model's row, compares the state that the caller has
read with the current one, and checks permissions and gates. The changes of the version, those of the versions that it
supersedes, and an event for each of them commit together.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass

from django.db import transaction
from django.db.models import BigIntegerField, QuerySet, TextField
from django.utils import timezone

from audit.actions import Action
from audit.services import record
from core.actors import Actor
from core.errors import Conflict, Denied, InvalidInput, NotFound
from core.orm.compiled_models import CompiledModels
from core.orm.compiled_queries import Slot
from core.refs import version_ref
from core.times import to_ms
from registry.gates import Clearance, ask_gates, require_transition
from registry.locks import lock_model, require_level_of_locked, require_not_retired
from registry.models import ModelVersion, RegisteredModel
from registry.permissions import Level, level_for_move, level_to_ask, model_not_found, require_level
from registry.services.cards import refresh_card
from registry.services.import_guards import require_importer, require_only_imported
from registry.services.leaving import record_left
from registry.stages import Stage, Transition, find_transition, target_left


@dataclass(frozen=True, slots=True)
class _Move:
    """The actor, time, reason and approval of a move; the same for all rows that one call changes.

    ``may_leave`` tells that the gates let the current version leave Production without a successor.
    """

    actor: Actor
    model: RegisteredModel
    at: datetime.datetime
    reason: str
    clearance: Clearance
    may_leave: bool = False
    action: Action = Action.REGISTRY_STAGE_CHANGED


@transaction.atomic
def change_stage(
    *, actor: Actor, version: ModelVersion, target: Stage, archive_existing: bool, reason: str
) -> ModelVersion:
    """Move a version to ``target`` and return it as it is afterwards.

    ``version`` is the row that the caller has read. Raises Conflict when its stage has changed since. With
    ``archive_existing`` every other version in the target stage is archived in the same transaction. Without it a
    superseded Production version keeps its stage for the rollback window of the policy, without limit where no policy
    governs. A move that would change nothing asks no gate and writes no event. Also raises NotFound, Denied,
    GateRefused, InvalidInput, InvalidState (the model is retired).
    """
    model = _lock_live(version.model_id)
    ref = version_ref(model.name, version.version)  # the model may have been renamed since the caller read the version
    require_level_of_locked(actor, model, Level.EDIT, action=Action.REGISTRY_STAGE_CHANGED, obj=ref)
    require_not_retired(model)
    locked = _reread(version)
    edge = find_transition(locked.stage, target)
    _require_may_archive(edge, archive_existing)
    others = _others_in(locked, edge.target)
    if _is_there(locked, edge.target) and not (archive_existing and others):
        return locked
    for moved, to in [(locked, edge.target), *((other, Stage.ARCHIVED) for other in others if archive_existing)]:
        require_transition(moved, to, actor=actor)
    leaves_production = bool(target_left(edge.target, is_current=locked.is_current))
    clearance = _clearance(actor, locked, edge, archive_existing=archive_existing)
    move = _Move(actor, model, timezone.now(), reason, clearance, may_leave=leaves_production)
    _supersede(move, locked, edge.target, others, archive_existing=archive_existing)
    moved = _enter(move, locked, edge.target)
    if leaves_production:
        record_left(actor=actor, version=locked, left=Stage.PRODUCTION, to=edge.target, reason=reason)
    _touch_model(move)
    # the card of a governed version was updated when the move was requested, and reviewers have read it
    if not clearance.governed:
        refresh_card(actor=actor, version=locked)
    return moved


def _clearance(actor: Actor, locked: ModelVersion, edge: Transition, *, archive_existing: bool) -> Clearance:
    """Return the clearance for a move of a locked version. Raises Denied, GateRefused."""
    model, action = locked.model, Action.REGISTRY_STAGE_CHANGED
    require_level_of_locked(actor, model, level_to_ask(locked.stage, edge.target), action=action, obj=locked)
    clearance = Clearance()
    if edge.gated or target_left(edge.target, is_current=locked.is_current):
        clearance = ask_gates(version=locked, target=edge.target, actor=actor, archive_existing=archive_existing)
    # Where no approval covers the move, the permission level decides.
    if not clearance.governed or _is_there(locked, edge.target):
        require_level_of_locked(actor, model, level_for_move(locked.stage, edge.target), action=action, obj=locked)
    return clearance


@transaction.atomic
def archive_superseded(*, actor: Actor, version_id: int) -> bool:
    """Archive a superseded version whose rollback window has ended, and return whether it was archived.

    Returns False where the version or its model is gone, or the window has not ended. Raises Conflict, Denied,
    NotFound.
    """
    model_id = ModelVersion.objects.filter(pk=version_id).values_list("model_id", flat=True).first()
    if model_id is None:
        return False
    try:
        model = _lock_live(model_id)
    except NotFound:
        return False
    now = timezone.now()
    version = _versions().filter(model=model, pk=version_id, archive_after__lte=now, is_current=False).first()
    if version is None:
        return False
    require_level(actor, model, Level.EDIT, action=Action.REGISTRY_STAGE_CHANGED, obj=version)
    move = _Move(actor=actor, model=model, at=now, reason="The rollback window has closed.", clearance=Clearance())
    _enter(move, version, Stage.ARCHIVED)
    _touch_model(move)
    return True


@transaction.atomic
def import_stages(*, actor: Actor, model: RegisteredModel, stages: Mapping[int, Stage], origin: str) -> list[int]:
    """Give the versions of an imported model the stages that they had before, and return the numbers of those moved.

    No gate is asked. Therefore only a superuser may call it, and only while all events of the model are of the import
    from ``origin``. Of several versions in Production, the highest number becomes current; it supersedes the others,
    which stay in Production. Every move is an event. Raises Conflict, Denied, NotFound.
    """
    locked = _lock_live(model.pk)
    require_importer(actor, locked)
    require_only_imported(locked, origin)
    stages_to_set = {number: stage for number, stage in stages.items() if stage != Stage.NONE}
    rows = {row.version: row for row in _versions().filter(model=locked, version__in=stages_to_set, stage=Stage.NONE)}
    move = _Move(
        actor=actor,
        model=locked,
        at=timezone.now(),
        reason=f"It had this stage on {origin}; nobody approved it here.",
        clearance=Clearance(),
        action=Action.REGISTRY_STAGE_IMPORTED,
    )
    current = max((number for number in rows if stages_to_set[number] == Stage.PRODUCTION), default=0)
    for number in sorted(rows, reverse=True):  # the current version first: it supersedes the others
        is_superseded = stages_to_set[number] == Stage.PRODUCTION and number != current
        changes = (
            {"is_current": False, "superseded_at": move.at, "superseded_by": rows[current]} if is_superseded else {}
        )
        _enter(move, rows[number], stages_to_set[number], updated_ms=rows[number].updated_ms, **changes)
    return sorted(rows)


def _lock_live(model_id: int) -> RegisteredModel:
    """Return the model with its row locked until commit. Raises NotFound where it is deleted."""
    model = lock_model(model_id)
    if model.deleted_at is not None:
        raise NotFound(model_not_found(model.name))
    return model


def _versions() -> QuerySet[ModelVersion]:
    return ModelVersion.objects.filter(deleted_at__isnull=True).select_related("model", "superseded_by")


_VERSION = CompiledModels(lambda: _versions().filter(pk=Slot("pk", BigIntegerField())))
_OTHERS = CompiledModels(
    lambda: (
        _versions()
        .filter(model_id=Slot("model_id", BigIntegerField()), stage=Slot("stage", TextField()))
        .exclude(pk=Slot("pk", BigIntegerField()))
        .order_by("version")
    )
)


def _reread(version: ModelVersion) -> ModelVersion:
    """Return the version as it is now. Raises NotFound where it is deleted, Conflict where its stage has changed."""
    current = _VERSION.first(pk=version.pk)
    if current is None:
        raise NotFound(f"Model Version (name={version.model.name}, version={version.version}) not found")
    if current.stage != version.stage or current.is_current != version.is_current:
        raise Conflict(
            f"Somebody has moved version {current.version} of {current.model.name}: it was in {version.stage} when you "
            f"read it, and is in {current.stage} now. Load it again, then decide."
        )
    return current


def _require_may_archive(edge: Transition, archive_existing: bool) -> None:  # noqa: FBT001 - the caller's own flag
    if archive_existing and not edge.may_archive:
        raise InvalidInput(
            "Model version transition cannot archive existing model versions because "
            f"'{edge.target.value}' is not an Active stage. Valid stages are ['Staging', 'Production']"
        )


def _others_in(version: ModelVersion, stage: Stage) -> list[ModelVersion]:
    return _OTHERS.all(model_id=version.model_id, stage=stage.value, pk=version.pk)


def _is_there(version: ModelVersion, target: Stage) -> bool:
    """Return whether the version is in the target stage already. A superseded version is not in Production."""
    return version.stage == target and version.is_current == (target == Stage.PRODUCTION)


def _supersede(
    move: _Move, incoming: ModelVersion, target: Stage, others: list[ModelVersion], *, archive_existing: bool
) -> None:
    """Archive or supersede the other versions in the target stage, before ``incoming`` becomes the current one."""
    for other in others:
        superseded = {"superseded_at": move.at, "superseded_by": incoming} if other.is_current else {}
        if archive_existing:
            _enter(move, other, Stage.ARCHIVED, **superseded)
        elif other.is_current and target == Stage.PRODUCTION:
            window = move.clearance.rollback_window
            until = None if window is None else move.at + window
            _write(move, other, is_current=False, archive_after=until, updated_ms=_ms(move), **superseded)


def _enter(move: _Move, version: ModelVersion, target: Stage, **more: object) -> ModelVersion:
    """Put a version into a stage and return it as it is then; ``more`` are changes that replace the usual ones.

    The approvers are stored on the version that enters Staging or Production, not on the versions that it supersedes.
    """
    gated = target in (Stage.STAGING, Stage.PRODUCTION)
    changes: dict[str, object] = {
        "stage": target,
        "is_current": target == Stage.PRODUCTION,
        "archive_after": None,
        # a worker acts on behalf of the person who promoted the version
        "staged_by": move.actor.on_behalf_of or move.actor.name,
        "staged_at": move.at,
        "approved_by": move.clearance.approved_by[:500] if gated else "",
        "approved_at": move.clearance.approved_at if gated else None,
        **({"fully_validated_at": move.at} if move.clearance.is_full_validation else {}),
        "approval_basis": dict(move.clearance.stands_on) if gated and move.clearance.stands_on else None,
        "updated_ms": _ms(move),
    }
    if target != Stage.ARCHIVED:  # an archived version still names the version that superseded it
        changes |= {"superseded_at": None, "superseded_by": None}
    return _write(move, version, **(changes | more))


def _write(move: _Move, version: ModelVersion, **changes: object) -> ModelVersion:
    """Change one row, record the event, and return the row as it is then.

    Raises Conflict where the row has changed since it was read. Raises Denied where the current version would leave
    Production without a successor and no gate was asked.
    """
    before = _facts(version)
    if version.is_current and not changes["is_current"] and not (move.may_leave or changes.get("superseded_by")):
        raise Denied(
            f"{version} cannot leave Production without a successor unless the gates were asked.",
            action=move.action,
            obj=version,
        )
    changed = ModelVersion.objects.filter(pk=version.pk, stage=version.stage, is_current=version.is_current).update(
        **changes
    )
    if changed != 1:
        raise Conflict(f"Somebody else has moved version {version.version} of {move.model.name}.")
    moved = copy(version)
    for name, value in changes.items():
        setattr(moved, name, value)
    basis = {"basis": move.clearance.basis} if move.clearance.governed else {}
    record(
        actor=move.actor,
        action=move.action,
        obj=version,
        before=before,
        after=_facts(moved) | basis,
        reason=move.reason,
    )
    return moved


def _facts(version: ModelVersion) -> dict[str, object]:
    return {
        "stage": version.stage,
        "is_current": version.is_current,
        "superseded_by": version.superseded_by.version if version.superseded_by else None,
        "archive_after": version.archive_after,
        "approved_by": version.approved_by,
    }


def _touch_model(move: _Move) -> None:
    RegisteredModel.objects.filter(pk=move.model.pk).update(updated_ms=_ms(move))


def _ms(move: _Move) -> int:
    return to_ms(move.at)
