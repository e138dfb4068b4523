"""Where the versions of a model were at a moment that is past, read off the events: rows say only what is true now."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson

from audit.actions import Action
from audit.models import Event
from core.refs import model_stream

# More moves than this of the models in question are not read; what is older then counts as unknown.
MAX_EVENTS = 20_000
_MOVES = (Action.REGISTRY_STAGE_CHANGED, Action.REGISTRY_STAGE_IMPORTED)


@dataclass(frozen=True, slots=True)
class StageMove:
    """A version came to a stage, or stopped being the current one there."""

    at: datetime
    version: int
    stage: str
    is_current: bool
    reason: str


@dataclass(frozen=True, slots=True)
class PastStages:
    """The moves of one model up to a moment, oldest first."""

    moves: Sequence[StageMove]

    def staged_since(self, version: int) -> Mapping[str, datetime]:
        """Return the stage a version was in then, with when it came there; nothing where it never moved."""
        own = [move for move in self.moves if move.version == version]
        if not own:
            return {}
        since = own[-1].at
        for move in reversed(own):
            if move.stage != own[-1].stage:
                break
            since = move.at
        return {own[-1].stage: since}

    def has_other_current(self, version: int) -> bool:
        """Return whether another version was the current Production one then."""
        last = {move.version: move.is_current for move in self.moves}
        return any(current for number, current in last.items() if number != version)


def stage_moves(model_ids: Collection[int]) -> dict[int, list[StageMove]]:
    """Return every move of the versions of these models, oldest first; one query."""
    streams = {model_stream(model_id): model_id for model_id in model_ids}
    rows = Event.objects.filter(stream__in=streams, action__in=_MOVES, outcome="ok").order_by("-id")
    found: dict[int, list[StageMove]] = {}
    for stream, at, obj, body in rows.values_list("stream", "at", "object_ref", "body")[:MAX_EVENTS]:
        known = orjson.loads(bytes(body))
        after, number = known["after"], obj.rpartition("/")[2]
        if "stage" in after and number.isdecimal():
            moved = StageMove(
                at, int(number), after["stage"], bool(after.get("is_current")), str(known.get("reason") or "")
            )
            found.setdefault(streams[stream], []).append(moved)
    return {model_id: list(reversed(moves)) for model_id, moves in found.items()}


def stages_before(moves: Sequence[StageMove], request_id: int, at: datetime) -> PastStages:
    """Return how things were at a moment, before anything that carrying out this request itself did."""
    done: list[StageMove] = []
    for move in moves:
        if move.at > at or move.reason.startswith(
            (f"Transition request #{request_id}.", f"Transition request #{request_id} ")
        ):
            break
        done.append(move)
    return PastStages(done)
