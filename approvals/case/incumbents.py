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

    The key BASELINE holds the last version of the model that passed a full validation, even if it is deleted: deleting
    it must not spare the next version the comparison with it.
    """
    model_ids = {move.version.model_id for move in moves}
    last_full = ModelVersion.objects.filter(model=OuterRef("model"), fully_validated_at__isnull=False).order_by(
        "-fully_validated_at"
    )
    is_wanted = Q(is_current=True, deleted_at__isnull=True) | Q(pk=Subquery(last_full.values("pk")[:1]))
    rows = list(ModelVersion.objects.filter(is_wanted, model_id__in=model_ids))
    incumbents = {(row.model_id, ""): row for row in rows if row.is_current}
    newest_last = sorted((at, row.pk, row) for row in rows if (at := row.fully_validated_at) is not None)
    incumbents |= {(row.model_id, BASELINE): row for _, _, row in newest_last}
    if aliases := {move.target[1:] for move in moves if is_alias(move.target)}:
        pointers = Alias.objects.filter(model_id__in=model_ids, name__in=aliases).select_related("version")
        incumbents |= {(row.model_id, f"@{row.name}"): row.version for row in pointers}
    return incumbents


def predecessors_of(
    moves: Sequence[Move], incumbents: Mapping[tuple[int, str], ModelVersion]
) -> dict[tuple[int, str], ModelVersion]:
    """Return the version that last came to each target of a model that no version is at now, by model id and target.

    Archiving the Production version, or taking an alias off, must not spare the next version the comparison with it.
    One query at most.
    """
    empty_targets = {
        (move.version.model_id, str(move.target))
        for move in moves
        if is_compared(move.target) and (move.version.model_id, incumbent_key(move.target)) not in incumbents
    }
    if not empty_targets:
        return {}
    promoted = TransitionRequest.objects.filter(
        state=RequestState.APPLIED,
        target__in={target for _, target in empty_targets},
        version__model_id__in={model_id for model_id, _ in empty_targets},
    )
    rows = promoted.select_related("version").order_by("closed_at", "pk")
    return {
        (row.version.model_id, row.target): row.version
        for row in rows
        if (row.version.model_id, row.target) in empty_targets
    }


def is_compared(target: str) -> bool:
    """Return whether a version that moves to a target is compared with the last one there: Production, or an alias."""
    return target == Stage.PRODUCTION or is_alias(target)


def predecessor_facts(
    predecessors: Mapping[tuple[int, str], ModelVersion],
    move: Move,
    runs: Mapping[str, RunFacts],
    pins: Mapping[tuple[int, str], RunFacts],
) -> Incumbent | None:
    """Return the facts of the version that last came to the target of a move; None without one, or if one is there."""
    version = predecessors.get((move.version.model_id, str(move.target)))
    facts = incumbent_facts(version, move.target, runs, pins)
    return facts and replace(facts, place=f"the last in {move.target}")


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
