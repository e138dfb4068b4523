"""Notices of the moves of a model: a version that changes its stage, an alias that is set or removed.

The recipients are the owner and the managers of the model, the approvers of the versions concerned, the people who
deployed a version, and the watchers, without the person who made the move. A version that leaves Production without a
successor has a notice of its own (notices/model_events.py). A replaced version is named in the notice of its successor.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import BigIntegerField, DateTimeField

from accounts.models import User
from approvals.models import Decision, Review, TransitionRequest
from audit.models import Event
from audit.queries import facts
from core.ids import row_id
from core.orm.compiled_models import CompiledModels
from core.orm.compiled_queries import Slot
from notices.drafts import Draft, model_path, one_paragraph, version_path
from notices.models import Topic, Watch
from notices.people import responsible_people
from policies.request_kinds import RequestKind
from registry.models import Deployment, ModelVersion, RegisteredModel
from registry.stages import Stage

_REQUEST = re.compile(r"\brequest:(\d{1,18})\b")
_MODEL = CompiledModels(lambda: RegisteredModel.objects.filter(pk=Slot("pk", BigIntegerField())))
_VERSION = CompiledModels(
    lambda: ModelVersion.objects.filter(
        model_id=Slot("model", BigIntegerField()), version=Slot("version", BigIntegerField())
    )
)
_REPLACED = CompiledModels(
    lambda: ModelVersion.objects.filter(
        superseded_by_id=Slot("version", BigIntegerField()), superseded_at=Slot("at", DateTimeField())
    ).order_by("version")
)


@dataclass(frozen=True, slots=True)
class _Move:
    """An event of a move, with its changes and its request (None without one). ``mover`` made the move."""

    event: Event
    model: RegisteredModel
    before: dict[str, Any]
    after: dict[str, Any]
    reason: str
    mover: str
    request: TransitionRequest | None

    @property
    def is_rollback(self) -> bool:
        """Return whether the move brings back a version that was superseded before."""
        by_request = self.request is not None and self.request.kind == RequestKind.ROLLBACK
        return by_request or self.before.get("superseded_by") is not None


def stage_changed(event: Event) -> list[Draft]:
    """Return the notices of a change of stage, none where another event of the same move has a notice."""
    move = _move_of(event)
    number = row_id(event.object_ref.rpartition("/")[2])
    if move is None or not number or _has_another_event(move):
        return []
    version = _VERSION.first(model=move.model.pk, version=number)
    if version is None:
        return []
    enters_production = move.after["stage"] == Stage.PRODUCTION
    replaced = _REPLACED.all(version=version.pk, at=version.staged_at) if enters_production else []
    name = f"{move.model.name} v{number}"
    if not enters_production:
        topic, title = Topic.MOVE, f"{name} moved from {move.before['stage']} to {move.after['stage']}"
    elif move.is_rollback:
        topic, title = Topic.ROLLBACK, f"{name} is back in Production"
    else:
        topic, title = Topic.PROMOTION, f"{name} is in Production"
    replaces = f"It replaces {', '.join(f'v{row.version}' for row in replaced)}." if replaced else ""
    path = version_path(move.model.name, version.version)
    return [_draft(move, topic, title, replaces, path, _approvers(move, replaced))]


def alias_moved(event: Event) -> list[Draft]:
    """Return the notices of an alias that was set or removed.

    None where it did not change, or where it was protected: then `production_left` returns the notice.
    """
    move = _move_of(event)
    if move is None or move.before.get("version") == move.after.get("version") or move.after.get("left"):
        return []
    numbers = {side["version"] for side in _sides(move) if "version" in side}
    rows = list(ModelVersion.objects.filter(model=move.model, version__in=numbers))
    alias = f"@{move.after.get('alias') or move.before['alias']}"
    if "version" not in move.after:
        title, earlier = f"{alias} was removed from {move.model.name} v{move.before['version']}", ""
    else:
        title = f"{alias} of {move.model.name} now points at v{move.after['version']}"
        earlier = f"Before, it pointed at v{move.before['version']}." if "version" in move.before else ""
    topic = Topic.ROLLBACK if move.is_rollback else Topic.ALIAS
    return [_draft(move, topic, title, earlier, model_path(move.model.name), _approvers(move, rows))]


def watchers_of(model: RegisteredModel) -> set[int]:
    """Return the ids of the people who watch a model."""
    return set(Watch.objects.filter(model=model).values_list("person_id", flat=True))


def _move_of(event: Event) -> _Move | None:
    model = _MODEL.first(pk=int(event.stream.rpartition(":")[2]))
    if model is None:
        return None
    event_facts = facts(event)
    after = event_facts["after"] or {}
    match = _REQUEST.search(str(after.get("basis", "")))
    request = TransitionRequest.objects.filter(pk=int(match[1])).first() if match else None
    mover = str(event_facts["actor"].get("on_behalf_of") or event_facts["actor"]["name"])
    return _Move(event, model, event_facts["before"] or {}, after, one_paragraph(event_facts["reason"]), mover, request)


def _has_another_event(move: _Move) -> bool:
    """Return whether another event tells of this move: the version was replaced, or left without a successor."""
    was_current = bool(move.before.get("is_current")) and not move.after.get("is_current")
    keeps_stage = move.before.get("stage") == move.after.get("stage") and not move.after.get("is_current")
    return was_current or keeps_stage


def _approvers(move: _Move, versions: Iterable[ModelVersion]) -> set[str]:
    """Return the usernames of those who approved the move, and of those who had approved these versions before."""
    texts = [*(row.approved_by for row in versions), *(str(side.get("approved_by", "")) for side in _sides(move))]
    names = {name for text in texts for name in text.split(", ") if name}
    if move.request is not None:
        approvals = Review.objects.filter(request=move.request, decision=Decision.APPROVE)
        names |= set(approvals.values_list("reviewer__username", flat=True))
    return names


def _sides(move: _Move) -> tuple[dict[str, Any], dict[str, Any]]:
    return move.before, move.after


def _draft(move: _Move, topic: Topic, title: str, replaces: str, path: str, approvers: set[str]) -> Draft:
    live = Deployment.objects.filter(version__model=move.model, ended_at__isnull=True)
    deployers = set(live.values_list("deployed_by", flat=True).distinct())
    people = responsible_people(move.model, approvers | deployers) | watchers_of(move.model)
    people -= set(User.objects.filter(username=move.mover).values_list("pk", flat=True))
    text = " ".join(part for part in (replaces, f"By {move.mover}.", move.reason) if part)
    return Draft(frozenset(people), topic, title, path, one_paragraph(text), move.model.pk)
