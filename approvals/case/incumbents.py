"""The versions a move is compared with: the one it would replace or, where Production is empty, the last one there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from approvals.models import RequestState, TransitionRequest
from policies.parsing import is_alias
from registry.models import Alias, ModelVersion
from registry.stages import Stage
from validation.base import Incumbent, RunFacts


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
    """Return the versions that these moves would replace, by model id and `incumbent_key`; two queries at most."""
    model_ids = {move.version.model_id for move in moves}
    rows = ModelVersion.objects.filter(model_id__in=model_ids, is_current=True, deleted_at__isnull=True)
    incumbents = {(row.model_id, ""): row for row in rows}
    if aliases := {move.target[1:] for move in moves if is_alias(move.target)}:
        pointers = Alias.objects.filter(model_id__in=model_ids, name__in=aliases).select_related("version")
        incumbents |= {(row.model_id, f"@{row.name}"): row.version for row in pointers}
    return incumbents


def predecessors_of(
    moves: Sequence[Move], incumbents: Mapping[tuple[int, str], ModelVersion]
) -> dict[int, ModelVersion]:
    """Return the version that was last promoted to Production, by model id, where none is in Production now.

    Archiving the Production version must not spare the next version the comparison with it. One query at most.
    """
    bare = {
        move.version.model_id
        for move in moves
        if move.target == Stage.PRODUCTION and (move.version.model_id, "") not in incumbents
    }
    if not bare:
        return {}
    promoted = TransitionRequest.objects.filter(
        state=RequestState.APPLIED, target=Stage.PRODUCTION, version__model_id__in=bare
    )
    return {row.version.model_id: row.version for row in promoted.select_related("version").order_by("closed_at", "pk")}


def predecessor_facts(
    predecessors: Mapping[int, ModelVersion], move: Move, runs: Mapping[str, RunFacts]
) -> Incumbent | None:
    """Return the facts of the version that was last in Production, for a move there; None without one."""
    version = predecessors.get(move.version.model_id) if move.target == Stage.PRODUCTION else None
    facts = incumbent_facts(version, runs)
    return facts and replace(facts, place="the last in Production")


def incumbent_facts(version: ModelVersion | None, runs: Mapping[str, RunFacts]) -> Incumbent | None:
    """Return the facts of a version that a move is compared with; None without a version."""
    if version is None:
        return None
    return Incumbent(
        version_id=version.pk,
        number=version.version,
        run=runs.get(version.run_id, RunFacts()),
        artifact_path=version.artifact_path,
        artifact_digest=version.artifact_digest,
    )
