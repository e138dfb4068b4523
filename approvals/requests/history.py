"""The history of one version, read from the audit events of its model: requests, reviews, transitions and comments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db.models import OuterRef, Q, Subquery

from approvals.models import ApprovalComment, Decision, TransitionRequest
from audit.actions import Action
from audit.models import Event
from audit.queries import facts, with_people_read
from core.actors import ActorKind
from core.refs import model_stream, request_ref
from registry.models import ModelVersion
from registry.stages import Stage

MAX_ACTIVITIES = 1000


class ActivityKind(StrEnum):
    """The seven kinds of activity in the Databricks API."""

    APPLIED = "APPLIED_TRANSITION"
    REQUESTED = "REQUESTED_TRANSITION"
    CANCELLED = "CANCELLED_REQUEST"
    APPROVED = "APPROVED_REQUEST"
    REJECTED = "REJECTED_REQUEST"
    SYSTEM = "SYSTEM_TRANSITION"
    COMMENT = "NEW_COMMENT"


@dataclass(frozen=True, slots=True)
class Activity:
    """One activity of the history. ``id`` is that of the audit event; ``system_comment`` describes a system action."""

    id: str
    kind: ActivityKind
    at: datetime
    user: str
    comment: str = ""
    system_comment: str = ""
    source: str = ""
    target: str = ""
    request_id: int | None = None


_OF_REQUESTS = {
    Action.APPROVALS_REQUEST_OPENED: ActivityKind.REQUESTED,
    Action.APPROVALS_REQUEST_WITHDRAWN: ActivityKind.CANCELLED,
    Action.APPROVALS_REQUEST_EXPIRED: ActivityKind.CANCELLED,
    Action.APPROVALS_REQUEST_STALED: ActivityKind.CANCELLED,
}
_STAGES = (Action.REGISTRY_STAGE_CHANGED, Action.REGISTRY_STAGE_IMPORTED)
_ENDINGS = {
    Action.APPROVALS_REQUEST_EXPIRED: "The request expired.",
    Action.APPROVALS_REQUEST_STALED: "The request was closed as stale.",
}


def activities_of(version: ModelVersion, *, before: int = 0, limit: int = MAX_ACTIVITIES) -> tuple[list[Activity], int]:
    """Return the activities of a version, newest first, and the cursor of the next page, 0 for none.

    ``before`` is the cursor of a page, 0 for the first one. A fixed number of queries. Deleted comments are left out.
    """
    requests = {request_ref(row.pk): row for row in TransitionRequest.objects.filter(version=version)}
    events = _events_of(version, requests)
    rows = list((events.filter(id__lt=before) if before else events)[: limit + 1])
    next_cursor = rows[limit - 1].pk if len(rows) > limit else 0
    return _activities(rows[:limit], requests), next_cursor


def newest_activity(request: TransitionRequest, *actions: Action) -> Activity:
    """Return the newest activity of a request by one of these actions. The caller knows that there is one."""
    ref = request_ref(request.pk)
    event = Event.objects.filter(object_ref=ref, action__in=actions, outcome="ok").order_by("-at", "-id")[0]
    return _activities([event], {ref: request})[0]


def opening_activities(requests: Sequence[TransitionRequest]) -> list[Activity]:
    """Return the activity by which each request was opened, in their order; one query."""
    by_ref = {request_ref(row.pk): row for row in requests}
    events = Event.objects.filter(object_ref__in=by_ref, action=Action.APPROVALS_REQUEST_OPENED, outcome="ok")
    return _activities(events.order_by("id"), by_ref)


def _events_of(version: ModelVersion, requests: Iterable[str]) -> Any:
    """Return the audit events of the activities, newest first.

    References in a model's stream are about this model even under an earlier name, so the name is not compared.
    """
    own = Q(object_ref__startswith="model-version:", object_ref__endswith=f"/{version.version}")
    of_version = Q(action__in=[*_STAGES, Action.APPROVALS_COMMENT_ADDED])
    of_requests = Q(object_ref__in=list(requests), action__in=[*_OF_REQUESTS, Action.APPROVALS_REVIEW_GIVEN])
    rows = Event.objects.filter((own & of_version) | of_requests, stream=model_stream(version.model_id), outcome="ok")
    return rows.order_by("-id")


def _activities(events: Iterable[Event], requests: Mapping[str, TransitionRequest]) -> list[Activity]:
    rows = [(event, facts(event)) for event in with_people_read(events)]
    comment_ids = [
        body["after"].get("comment") for event, body in rows if event.action == Action.APPROVALS_COMMENT_ADDED
    ]
    texts = dict(ApprovalComment.objects.filter(pk__in=comment_ids, deleted_at__isnull=True).values_list("pk", "text"))
    side_effects = _side_effects([event for event, body in rows if _is_archiving(event, body)])
    activities = []
    for event, body in rows:
        if event.action in _STAGES:
            activities.append(_transition(event, body, is_side_effect=event.pk in side_effects))
        elif event.action == Action.APPROVALS_COMMENT_ADDED:
            text = texts.get(body["after"].get("comment"))
            activities += [_activity(event, body, ActivityKind.COMMENT, comment=text)] if text else []
        else:
            activities.append(_of_request(event, body, requests[event.object_ref]))
    return activities


def _activity(event: Event, body: dict[str, Any], kind: ActivityKind, **fields: Any) -> Activity:
    actor = body["actor"]
    return Activity(
        id=str(event.event_id), kind=kind, at=event.at, user=actor.get("on_behalf_of") or actor["name"], **fields
    )


def _of_request(event: Event, body: dict[str, Any], request: TransitionRequest) -> Activity:
    kind = _OF_REQUESTS.get(Action(event.action))
    if kind is None:
        approves = body["after"].get("decision") == Decision.APPROVE
        kind = ActivityKind.APPROVED if approves else ActivityKind.REJECTED
    ending = _ENDINGS.get(Action(event.action), "")
    return _activity(
        event,
        body,
        kind,
        comment="" if ending else _text(body["reason"]),
        system_comment=f"{ending} {_text(body['reason'])}".strip() if ending else "",
        source=request.source,
        target=request.target,
        request_id=request.pk,
    )


def _transition(event: Event, body: dict[str, Any], *, is_side_effect: bool) -> Activity:
    source, target = body["before"].get("stage", ""), body["after"].get("stage", "")
    actor = body["actor"]
    is_by_system = event.action == Action.REGISTRY_STAGE_IMPORTED or (
        actor["kind"] == ActorKind.SYSTEM and not actor.get("on_behalf_of")
    )
    if not (is_side_effect or is_by_system or source == target):
        basis = _text(body["after"].get("basis", ""))
        comments = {"comment": _text(body["reason"]), "system_comment": f"Basis: {basis}." if basis else ""}
        return _activity(event, body, ActivityKind.APPLIED, source=source, target=target, **comments)
    by = body["after"].get("superseded_by")
    why = f"Replaced by version {by}." if by else "Replaced by another version."
    comment = _text(body["reason"]) if is_by_system and not is_side_effect else why
    return _activity(event, body, ActivityKind.SYSTEM, source=source, target=target, system_comment=comment)


def _is_archiving(event: Event, body: dict[str, Any]) -> bool:
    return event.action == Action.REGISTRY_STAGE_CHANGED and body["after"].get("stage") == Stage.ARCHIVED


def _side_effects(events: Sequence[Event]) -> set[int]:
    """Return the ids of the events among these that archived a version because another version replaced it.

    One transaction writes these events just before the event of the version that moved in. So the next event of the
    stream is by the same actor, about another version, and that version enters or leaves the same stage.
    """
    if not events:
        return set()
    later = Event.objects.filter(stream=OuterRef("stream"), id__gt=OuterRef("id")).order_by("id").values("id")[:1]
    pairs = Event.objects.filter(pk__in=[event.pk for event in events]).annotate(next_id=Subquery(later))
    next_ids = dict(pairs.values_list("id", "next_id"))
    ids = [next_id for next_id in next_ids.values() if next_id]
    following = Event.objects.filter(action=Action.REGISTRY_STAGE_CHANGED).in_bulk(ids)
    return {
        event.pk
        for event in events
        if (after := following.get(next_ids[event.pk] or 0)) and _has_same_cause(event, after)
    }


def _has_same_cause(event: Event, after: Event) -> bool:
    same = (event.actor_ref, event.request_id) == (after.actor_ref, after.request_id)
    left_stage = facts(event, texts=False)["before"].get("stage")
    change = facts(after, texts=False)
    makes_room = (change["before"].get("stage"), change["after"].get("stage")) == (left_stage, Stage.ARCHIVED)
    return same and event.object_ref != after.object_ref and (change["after"].get("stage") == left_stage or makes_room)


def _text(value: object) -> str:
    """Return a text of an event, "" for one that was too long: the event has only its digest."""
    return value if isinstance(value, str) else ""
