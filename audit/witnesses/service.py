"""Service of witnesses: sends them the newest checkpoint, and computes whether enough of them hold it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from audit.models import Log, WitnessState
from audit.queries import current_log
from audit.transparency.signing import published_checkpoint
from audit.transparency.state import published
from audit.transparency.tiles import TilesUnreadable, write_durably
from audit.verifier.audit_verify import Checkpoint
from audit.witnesses.addresses import witness_of
from audit.witnesses.interface import Witness, WitnessContradicts, WitnessFailed

logger = logging.getLogger(__name__)

WITNESSED_FILE = "witnessed"


@dataclass(frozen=True, slots=True)
class Witnessing:
    """The witnessed part of the log: the size that enough witnesses hold, and the state of each witness.

    ``required`` is the quorum, 0 for none. ``problem`` is "" where there is none.
    """

    required: int
    size: int
    states: Sequence[WitnessState]
    problem: str


@dataclass(frozen=True, slots=True)
class _Outcome:
    line: bytes = b""
    problem: str = ""
    contradicts: bool = False


def ask_witnesses() -> int:
    """Send the newest checkpoint to each witness that lacks it; return the number of witnesses that accepted it."""
    log = current_log()
    checkpoint = published_checkpoint(log) if log else None
    if checkpoint is None:
        return 0
    waiting = [address for address in settings.WITNESSES if _is_due(address, checkpoint)]
    if not waiting:
        return 0
    with ThreadPoolExecutor(max_workers=min(len(waiting), 8)) as pool:
        outcomes = list(pool.map(lambda address: _ask(witness_of(address), checkpoint), waiting))
    for address, outcome in zip(waiting, outcomes, strict=True):
        _store(address, checkpoint, outcome)
    if any(outcome.line for outcome in outcomes):
        write_durably(_witnessed_file(checkpoint.origin), checkpoint.note + _cosignatures(checkpoint))
    return sum(not outcome.problem for outcome in outcomes)


def _is_due(address: str, checkpoint: Checkpoint) -> bool:
    """Return whether to send the checkpoint: the witness lacks it, and its pause since the last one has passed."""
    state = WitnessState.objects.filter(address=address).first()
    if state is None or state.problem or state.origin != checkpoint.origin or state.kept_at is None:
        return True
    if state.size == checkpoint.size:
        return False
    return timezone.now() - state.kept_at >= timedelta(seconds=witness_of(address).pause)


def _cosignatures(checkpoint: Checkpoint) -> bytes:
    """Return the cosignature lines of all witnesses that have cosigned the checkpoint."""
    states = WitnessState.objects.filter(
        address__in=settings.WITNESSES, origin=checkpoint.origin, size=checkpoint.size, problem=""
    )
    notes = [bytes(state.note) for state in states.order_by("name")]
    return b"".join(note.removeprefix(checkpoint.note) for note in notes if note.startswith(checkpoint.note))


def witnessing(log: Log | None) -> Witnessing:
    """Return the witnessed part of the log, by CUSTODY_WITNESS_QUORUM."""
    states = list(WitnessState.objects.filter(address__in=settings.WITNESSES).order_by("name"))
    required = settings.WITNESS_QUORUM
    sizes = sorted((state.size for state in states if log and state.origin == log.origin), reverse=True)
    size = sizes[required - 1] if required and len(sizes) >= required else 0
    return Witnessing(required, size, states, _problem(log, states, size) if log else "")


def _problem(log: Log, states: Sequence[WitnessState], size: int) -> str:
    for state in states:
        if state.contradicts:
            return f"{state.problem} An older state was restored, or there is a fork."
    if not settings.WITNESS_QUORUM or size >= log.size:
        return ""
    kept_times = sorted((state.kept_at for state in states if state.kept_at), reverse=True)
    last: datetime | None = (
        kept_times[settings.WITNESS_QUORUM - 1] if len(kept_times) >= settings.WITNESS_QUORUM else None
    )
    within = timedelta(seconds=settings.WITNESS_WITHIN)
    if last and last > timezone.now() - within:
        return ""
    return f"{log.size - size} events are not witnessed by {settings.WITNESS_QUORUM} witnesses within {within}."


def witnessed_note(origin: str) -> bytes:
    """Return the newest checkpoint with cosignatures, b"" where there is none."""
    path = _witnessed_file(origin)
    return path.read_bytes() if path.exists() else b""


def _witnessed_file(origin: str) -> Path:
    return published(origin).folder / WITNESSED_FILE


def _ask(witness: Witness, checkpoint: Checkpoint) -> _Outcome:
    try:
        return _Outcome(witness.keep(checkpoint))
    except WitnessContradicts as error:
        logger.error("a witness contradicts the audit log: %s", error)  # noqa: TRY400 - a traceback adds nothing
        return _Outcome(problem=str(error), contradicts=True)
    except (WitnessFailed, TilesUnreadable) as error:
        logger.warning("a witness was not reached: %s", error)
        return _Outcome(problem=str(error))


def _store(address: str, checkpoint: Checkpoint, outcome: _Outcome) -> None:
    name = witness_of(address).name
    state, _ = WitnessState.objects.get_or_create(address=address, defaults={"name": name})
    state.problem, state.contradicts = outcome.problem[:500], outcome.contradicts
    if not outcome.problem:
        state.origin, state.size, state.kept_at = checkpoint.origin, checkpoint.size, timezone.now()
        state.note = checkpoint.note + outcome.line
    state.save()
