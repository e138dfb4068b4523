"""Finds the events that a question is about, and reads their facts."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from audit.actions import Action
from audit.models import Event
from audit.subjects import find_stream, may_read_whole_log, require_whole_log
from core.actors import Actor
from core.errors import InvalidInput, NotFound
from core.refs import model_ref, version_ref
from core.times import iso_utc


def stream_asked(actor: Actor, model: str, version: int | None = None) -> str:
    """Return the stream of a model, "" for no name, which asks about the whole log.

    People who may read the whole log may also ask about a model that is deleted or renamed since: its events have the
    name that it had. Raises NotFound, Denied.
    """
    if not model:
        require_whole_log(actor, action=Action.API_CALLED)
        return ""
    try:
        return find_stream(actor, model)
    except NotFound:
        ref = model_ref(model) if version is None else version_ref(model, version)
        rows = Event.objects.filter(object_ref=ref, outcome="ok").exclude(stream="").order_by("-at", "-id")
        stream = rows.values_list("stream", flat=True).first() if may_read_whole_log(actor) else None
        if stream is None:
            raise
        return str(stream)


def model_id_of(stream: str) -> int:
    """Return the id of the model that a stream belongs to."""
    return int(stream.partition(":")[2])


def end_of_day(day: datetime.date) -> datetime.datetime:
    """Return the moment at which a day ends, in UTC. Raises InvalidInput for the last year of the calendar."""
    if day.year == datetime.MAXYEAR:
        raise InvalidInput(f"{day} is too late a date.")
    return datetime.datetime.combine(day, datetime.time(), tzinfo=datetime.UTC) + datetime.timedelta(days=1)


def person_of(body: Mapping[str, Any]) -> str:
    """Return the person who acted, or the person for whom this server acted."""
    actor = body["actor"]
    behalf = actor.get("on_behalf_of")
    return f"{actor['name']} for {behalf}" if behalf else str(actor["name"])


def text_of(value: object) -> str:
    """Return a fact of an event as text; for one that is stored as its digest, the digest."""
    if isinstance(value, Mapping) and value.get("shortened"):
        return f"sha256:{value['sha256']}"
    return "" if value is None else str(value)


def changes_of(body: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the facts before and after an event; empty where the event has only their digest."""
    before, after = body.get("before") or {}, body.get("after") or {}
    return ({} if "shortened" in before else before), ({} if "shortened" in after else after)


def base_row(event: Event, body: Mapping[str, Any]) -> dict[str, str]:
    """Return the cells that every row made of one event has."""
    return {
        "at": iso_utc(event.at, "seconds"),
        "who": person_of(body),
        "reason": text_of(body.get("reason")),
        "event": str(event.event_id),
    }
