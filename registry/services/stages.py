"""The only writer of a version's stage and of the mark of the current Production version.

Every door that moves a version comes through `change_stage`: the row of the model is locked, what the caller saw is
compared with what is, permission and gates are asked, and all that changes (the version, those it supersedes, one event
each) commits together or not at all.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from audit.actions import Action
from audit.models import Event
from audit.queries import facts
from audit.services import record
from core.actors import Actor
from core.errors import Conflict, Denied, InvalidInput, NotFound
from core.refs import model_stream, version_ref
from core.times import to_ms
from registry.gates import Clearance, ask_gates
from registry.locks import lock_model
from registry.models import ModelVersion, RegisteredModel
from registry.permissions import Level, level_for_move, level_to_ask, model_not_found, require_level
from registry.stages import Stage, Transition, find_transition


@dataclass(frozen=True, slots=True)
class _Move:
    """Who moves versions, when, why and on what grounds; the same for all rows of one change."""

    actor: Actor
    model: RegisteredModel
    at: datetime.datetime
    reason: str
    clearance: Clearance
    action: Action = Action.REGISTRY_STAGE_CHANGED


@transaction.atomic
def change_stage(
    *, actor: Actor, version: ModelVersion, target: Stage, archive_existing: bool, reason: str
) -> ModelVersion:
    """Move a version to ``target`` and return it as it is then.

    ``version`` is what the caller saw: Conflict when its stage has changed since. With ``archive_existing`` every other
    version in the target stage is archived in the same transaction; without it a superseded Production version keeps
    its stage for the rollback window of the policy (for good where no policy governs). Raises NotFound, Denied,
    GateRefused. A move that would change nothing is none: no gate is asked and no event written.
    """
    model = _lock_live(version.model_id)
    ref = version_ref(model.name, version.version)  # the model may have been renamed since the caller read the version
    require_level(actor, model, Level.EDIT, action=Action.REGISTRY_STAGE_CHANGED, obj=ref)
    locked = _reread(version)
    edge = find_transition(locked.stage, target)
    _require_may_archive(edge, archive_existing)
    others = _others_in(locked, edge.target)
    if _is_there(locked, edge.target) and not (archive_existing and others.exists()):
        return locked
    asking = level_to_ask(locked.stage, edge.target)
    require_level(actor, model, asking, action=Action.REGISTRY_STAGE_CHANGED, obj=locked)
    clearance = Clearance()
    if edge.gated:
        clearance = ask_gates(version=locked, target=edge.target, actor=actor, archive_existing=archive_existing)
    if not clearance.governed or _is_there(
        locked, edge.target
    ):  # no approval stands for this move: only permission does
        level = level_for_move(locked.stage, edge.target)
        require_level(actor, model, level, action=Action.REGISTRY_STAGE_CHANGED, obj=locked)
    move = _Move(actor=actor, model=model, at=timezone.now(), reason=reason, clearance=clearance)
    _make_room(move, locked, edge.target, list(others), archive_existing=archive_existing)
    _arrive(move, locked, edge.target)
    _touch_model(move)
    return ModelVersion.objects.select_related("model").get(pk=locked.pk)


@transaction.atomic
def archive_superseded(*, actor: Actor, version_id: int) -> bool:
    """Archive a superseded version whose rollback window has closed; False where that is no longer so."""
    found = ModelVersion.objects.filter(pk=version_id).values_list("model_id", flat=True).first()
    if found is None:
        return False
    try:
        model = _lock_live(found)
    except NotFound:
        return False
    now = timezone.now()
    version = _versions(model).filter(pk=version_id, archive_after__lte=now, is_current=False).first()
    if version is None:
        return False
    require_level(actor, model, Level.EDIT, action=Action.REGISTRY_STAGE_CHANGED, obj=version)
    move = _Move(actor=actor, model=model, at=now, reason="The rollback window has closed.", clearance=Clearance())
    _arrive(move, version, Stage.ARCHIVED)
    _touch_model(move)
    return True


@transaction.atomic
def import_stages(*, actor: Actor, model: RegisteredModel, stages: Mapping[int, Stage], origin: str) -> list[int]:
    """Let the versions of a model that has just been imported keep the stages they had; return the numbers that moved.

    No gate is asked, so this serves nothing else: only a superuser may, and only while the import from ``origin`` is all
    that ever happened to the model (Conflict otherwise: a request, an edit, a version of ours). Of several versions in
    Production the highest becomes the current one, the others are superseded by it and stay. One event each.
    """
    locked = _lock_live(model.pk)
    _require_superuser(actor, locked)
    _require_only_imported(locked, origin)
    wanted = {number: stage for number, stage in stages.items() if stage != Stage.NONE}
    rows = {row.version: row for row in _versions(locked).filter(version__in=wanted, stage=Stage.NONE)}
    move = _Move(
        actor=actor,
        model=locked,
        at=timezone.now(),
        reason=f"It had this stage on {origin}; nobody approved it here.",
        clearance=Clearance(),
        action=Action.REGISTRY_STAGE_IMPORTED,
    )
    current = max((number for number in rows if wanted[number] == Stage.PRODUCTION), default=0)
    for number in sorted(rows, reverse=True):  # the current version first: it supersedes the others
        superseded = wanted[number] == Stage.PRODUCTION and number != current
        more = {"is_current": False, "superseded_at": move.at, "superseded_by": rows[current]} if superseded else {}
        _arrive(move, rows[number], wanted[number], updated_ms=rows[number].updated_ms, **more)
    return sorted(rows)


# Actions that the import itself records about a model. (Moving an alias does not change what is in Production.)
_IMPORTING = (
    Action.REGISTRY_ALIAS_SET,
    Action.REGISTRY_CARD_CREATED,
    Action.REGISTRY_MODEL_CREATED,
    Action.REGISTRY_MODEL_IMPORTED,
    Action.REGISTRY_VERSION_IMPORTED,
)


def _require_superuser(actor: Actor, model: RegisteredModel) -> None:
    if not actor.is_superuser or actor.user_id is None:
        raise Denied(
            f"{actor.name} is no superuser: only one may let imported versions keep their stages.",
            action=Action.REGISTRY_STAGE_IMPORTED,
            obj=model,
        )


def _require_only_imported(model: RegisteredModel, origin: str) -> None:
    """Raise Conflict unless every event of the model is the import's own, and the import is this one."""
    events = Event.objects.filter(stream=model_stream(model.pk), outcome="ok")
    imported = events.filter(action=Action.REGISTRY_MODEL_IMPORTED, gen=2).first()
    if imported is None or facts(imported)["after"].get("origin") != origin:
        raise Conflict(f"{model.name} was not imported from {origin}, so its versions keep the stages they have here.")
    other = events.exclude(action__in=_IMPORTING).order_by("gen").first()
    if other is not None:
        raise Conflict(
            f"{model.name} is in use here already ({other.action} by {other.actor_name}), so its versions keep the stages "
            "they have here."
        )


def _lock_live(model_id: int) -> RegisteredModel:
    """Return the model with its row locked until commit: this is what makes swaps of one model happen in turn."""
    model = lock_model(model_id)
    if model.deleted_at is not None:
        raise NotFound(model_not_found(model.name))
    return model


def _versions(model: RegisteredModel) -> QuerySet[ModelVersion]:
    return ModelVersion.objects.filter(model=model, deleted_at__isnull=True).select_related("model", "superseded_by")


def _reread(seen: ModelVersion) -> ModelVersion:
    """Return the version as it is now; Conflict when the caller decided on something else."""
    now = _versions(seen.model).filter(pk=seen.pk).first()
    if now is None:
        raise NotFound(f"Model Version (name={seen.model.name}, version={seen.version}) not found")
    if now.stage != seen.stage or now.is_current != seen.is_current:
        raise Conflict(
            f"Version {now.version} of {now.model.name} is in {now.stage} now, not in {seen.stage} as you saw it. "
            "Look again, then decide."
        )
    return now


def _require_may_archive(edge: Transition, archive_existing: bool) -> None:  # noqa: FBT001 - the caller's own flag
    if archive_existing and not edge.may_archive:
        raise InvalidInput(
            "Model version transition cannot archive existing model versions because "
            f"'{edge.target.value}' is not an Active stage. Valid stages are ['Staging', 'Production']"
        )


def _others_in(version: ModelVersion, stage: Stage) -> QuerySet[ModelVersion]:
    return _versions(version.model).filter(stage=stage).exclude(pk=version.pk).order_by("version")


def _is_there(version: ModelVersion, target: Stage) -> bool:
    """Return whether the version already is what the move would make it (a superseded one is not in Production)."""
    return version.stage == target and version.is_current == (target == Stage.PRODUCTION)


def _make_room(
    move: _Move, incoming: ModelVersion, target: Stage, others: list[ModelVersion], *, archive_existing: bool
) -> None:
    """Archive or supersede the version in the target stage, so that the current mark is free for the new one."""
    for other in others:
        superseded = {"superseded_at": move.at, "superseded_by": incoming} if other.is_current else {}
        if archive_existing:
            _arrive(move, other, Stage.ARCHIVED, **superseded)
        elif other.is_current and target == Stage.PRODUCTION:
            window = move.clearance.rollback_window
            until = None if window is None else move.at + window
            _write(move, other, is_current=False, archive_after=until, updated_ms=_ms(move), **superseded)


def _arrive(move: _Move, version: ModelVersion, target: Stage, **more: object) -> None:
    """Put a version into a stage. On whose approval is said of the version that was approved, not of those it moved."""
    gated = target in (Stage.STAGING, Stage.PRODUCTION)
    changes: dict[str, object] = {
        "stage": target,
        "is_current": target == Stage.PRODUCTION,
        "archive_after": None,
        "staged_by": move.actor.on_behalf_of
        or move.actor.name,  # a worker that applies is no answer to "who promoted it"
        "staged_at": move.at,
        "approved_by": move.clearance.approved_by[:500] if gated else "",
        "approved_at": move.clearance.approved_at if gated else None,
        "updated_ms": _ms(move),
    }
    if target != Stage.ARCHIVED:  # an archived version keeps saying what superseded it
        changes |= {"superseded_at": None, "superseded_by": None}
    _write(move, version, **(changes | more))


def _write(move: _Move, version: ModelVersion, **changes: object) -> None:
    """Change one row, provided it still is as it was read, and record it."""
    before = _facts(version)
    changed = ModelVersion.objects.filter(pk=version.pk, stage=version.stage, is_current=version.is_current).update(
        **changes
    )
    if changed != 1:
        raise Conflict(f"Version {version.version} of {move.model.name} was moved by somebody else.")
    record(
        actor=move.actor,
        action=move.action,
        obj=version,
        before=before,
        after=_facts(ModelVersion.objects.select_related("superseded_by").get(pk=version.pk))
        | ({"basis": move.clearance.basis} if move.clearance.governed else {}),
        reason=move.reason,
    )


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
