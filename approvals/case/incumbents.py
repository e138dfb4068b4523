"""The versions that a move is compared with: the version it would replace, the last one in Production, the baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from django.db.models import OuterRef, Q, Subquery

from approvals.models import RequestState, TransitionRequest
from policies.targets import is_alias
from registry.models import Alias, ModelVersion
from registry.stages import Stage
from validation.base import Incumbent, RunFacts

# Key of `incumbents_of` for the last version of a model that passed a full validation.
BASELINE = "full validation"


@dataclass(frozen=True, slots=True)
class Move:
    """A move of a version to a target, a stage or an @alias."""

    version: ModelVersion
    target: str
    archive_existing: bool


def incumbent_key(target: str) -> str:
    """Return the key of `incumbents_of` for a target: the alias, or "" for the current Production version."""
    return target if is_alias(target) else ""


def incumbents_of(moves: Sequence[Move]) -> dict[tuple[int, str], ModelVersion]:
    """Return the versions that these moves would replace, by model id and `incumbent_key`; two queries at most.

    The key BASELINE holds the last version of the model that passed a full validation.
    """
    model_ids = {move.version.model_id for move in moves}
    last_full = ModelVersion.objects.filter(
        model=OuterRef("model"), fully_validated_at__isnull=False, deleted_at__isnull=True
    ).order_by("-fully_validated_at")
    is_wanted = Q(is_current=True) | Q(pk=Subquery(last_full.values("pk")[:1]))
    rows = list(ModelVersion.objects.filter(is_wanted, model_id__in=model_ids, deleted_at__isnull=True))
    incumbents = {(row.model_id, ""): row for row in rows if row.is_current}
    newest_last = sorted((at, row.pk, row) for row in rows if (at := row.fully_validated_at) is not None)
    incumbents |= {(row.model_id, BASELINE): row for _, _, row in newest_last}
    if aliases := {move.target[1:] for move in moves if is_alias(move.target)}:
        pointers = Alias.objects.filter(model_id__in=model_ids, name__in=aliases).select_related("version")
        incumbents |= {(row.model_id, f"@{row.name}"): row.version for row in pointers}
    return incumbents


def predecessors_of(
    moves: Sequence[Move], incumbents: Mapping[tuple[int, str], ModelVersion]
) -> dict[int, ModelVersion]:
    """Return the version that a request last brought to Production, by model id, where none is in Production now.

    Archiving the Production version must not spare the next version the comparison with it. One query at most.
    """
    model_ids = {
        move.version.model_id
        for move in moves
        if move.target == Stage.PRODUCTION and (move.version.model_id, "") not in incumbents
    }
    if not model_ids:
        return {}
    promoted = TransitionRequest.objects.filter(
        state=RequestState.APPLIED, target=Stage.PRODUCTION, version__model_id__in=model_ids
    )
    return {row.version.model_id: row.version for row in promoted.select_related("version").order_by("closed_at", "pk")}


def predecessor_facts(
    predecessors: Mapping[int, ModelVersion],
    move: Move,
    runs: Mapping[str, RunFacts],
    pins: Mapping[tuple[int, str], RunFacts],
) -> Incumbent | None:
    """Return the facts of the version that was last in Production; None without one, and for moves to other targets."""
    version = predecessors.get(move.version.model_id) if move.target == Stage.PRODUCTION else None
    facts = incumbent_facts(version, move.target, runs, pins)
    return facts and replace(facts, place="the last in Production")


def baseline_facts(
    incumbents: Mapping[tuple[int, str], ModelVersion],
    move: Move,
    runs: Mapping[str, RunFacts],
    pins: Mapping[tuple[int, str], RunFacts],
) -> Incumbent | None:
    """Return the facts of the last version of a move's model that passed a full validation; None without one."""
    version = incumbents.get((move.version.model_id, BASELINE))
    facts = incumbent_facts(version, Stage.PRODUCTION, runs, pins)
    return facts and replace(facts, place="the last that passed a full validation")


def incumbent_facts(
    version: ModelVersion | None,
    target: str,
    runs: Mapping[str, RunFacts],
    pins: Mapping[tuple[int, str], RunFacts],
) -> Incumbent | None:
    """Return the facts of a version that a move is compared with; None without a version.

    The facts of its run are those pinned when the version came to the target; without a pin, those of today.
    """
    if version is None:
        return None
    pinned_target = target if is_alias(target) else Stage.PRODUCTION.value
    return Incumbent(
        version_id=version.pk,
        number=version.version,
        run=pins.get((version.pk, pinned_target)) or runs.get(version.run_id, RunFacts()),
        artifact_path=version.artifact_path,
        artifact_digest=version.artifact_digest,
    )
