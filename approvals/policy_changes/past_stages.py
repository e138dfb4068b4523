"""The stages of a model's versions at a moment in the past, read from the audit events."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson

from audit.actions import Action
from audit.models import Event
from core.ids import row_id
from core.refs import model_stream

# The greatest number of moves that are read, the newest first. The stages before them are unknown.
MAX_EVENTS = 20_000
# The beginning of the basis of a move (approvals/gate.py).
_REQUEST = re.compile(r"request:(\d{1,18})\b")
_MOVES = (Action.REGISTRY_STAGE_CHANGED, Action.REGISTRY_STAGE_IMPORTED)


@dataclass(frozen=True, slots=True)
class StageMove:
    """A move of a version to a stage, or the end of its time as the current Production version.

    ``request`` is the id of the request that the move is based on, None without one.
    """

    at: datetime
    version: int
    stage: str
    is_current: bool
    request: int | None


@dataclass(frozen=True, slots=True)
class PastStages:
    """The moves of one model's versions up to a moment, oldest first."""

    moves: Sequence[StageMove]

    def staged_since(self, version: int) -> Mapping[str, datetime]:
        """Return the stage of a version at that moment, mapped to when it came there; empty if it never moved."""
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
        """Return whether another version was the current Production version at that moment."""
        last = {move.version: move.is_current for move in self.moves}
        return any(current for number, current in last.items() if number != version)


def stage_moves(model_ids: Collection[int]) -> dict[int, list[StageMove]]:
    """Return the moves of the versions of these models, oldest first, by model id; one query."""
    streams = {model_stream(model_id): model_id for model_id in model_ids}
    rows = Event.objects.filter(stream__in=streams, action__in=_MOVES, outcome="ok").order_by("-id")
    by_model: dict[int, list[StageMove]] = {}
    for stream, at, obj, body in rows.values_list("stream", "at", "object_ref", "body")[:MAX_EVENTS]:
        event = orjson.loads(bytes(body))
        after, number = event["after"], row_id(obj.rpartition("/")[2])
        if "stage" in after and number:
            request = _REQUEST.match(str(after.get("basis") or ""))
            is_current, request_id = bool(after.get("is_current")), int(request[1]) if request else None
            move = StageMove(at, number, after["stage"], is_current, request_id)
            by_model.setdefault(streams[stream], []).append(move)
    return {model_id: list(reversed(moves)) for model_id, moves in by_model.items()}


def stages_before(moves: Sequence[StageMove], request_id: int, at: datetime) -> PastStages:
    """Return the stages at ``at``, before the moves that applied the request itself."""
    before: list[StageMove] = []
    for move in moves:
        if move.at > at or move.request == request_id:
            break
        before.append(move)
    return PastStages(before)
