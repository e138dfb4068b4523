"""All overrides, emergencies and self-service moves of a quarter."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Mapping
from typing import Any

from approvals.models import TransitionRequest
from approvals.questions.answers import Answer, require_few
from approvals.questions.sources import base_row, changes_of, stream_asked, text_of
from audit.actions import Action
from audit.models import Event
from audit.queries import facts, with_people_read
from core.actors import Actor
from core.errors import InvalidInput
from core.ids import row_id
from core.refs import request_ref, version_ref
from policies.targets import GOVERNED_STAGES

EXCEPTIONS = "exceptions"
_COLUMNS = {
    "at": "When",
    "kind": "Kind",
    "object": "Version",
    "who": "Who",
    "details": "Details",
    "reason": "Reason",
    "request": "Request",
    "event": "Event",
}
_OF_REQUESTS = {
    Action.APPROVALS_GLASS_BROKEN: "break-glass",
    Action.APPROVALS_OVERRIDE_WITHDRAWN: "override withdrawn",
    Action.APPROVALS_POST_REVIEW_COMPLETED: "post-review",
    Action.APPROVALS_POST_REVIEW_FELL_DUE: "post-review overdue",
    Action.APPROVALS_RULE_OVERRIDDEN: "override",
}
_MOVES = (Action.REGISTRY_ALIAS_SET, Action.REGISTRY_STAGE_CHANGED)
_SELF_SERVICE = "self-service move"
_SHOWN = ("target", "rule", "given_by", "second_person", "outcome", "post_review_due_at", "subject_digest")
_QUARTER = re.compile(r"([0-9]{4})-Q([1-4])")
_NOTES = (
    (
        "A self-service move brought a version to Staging or Production and nobody approved it, because no policy governed "
        "the move or the policy asked for no approval; or it set an alias that no policy governed. Moves by break-glass are "
        "listed as break-glass."
    ),
)


def exceptions_of(actor: Actor, *, quarter: str, model: str = "") -> Answer:
    """Answer which overrides, emergencies and self-service moves a quarter had, oldest first; four queries.

    Without a model, about the whole log. Raises NotFound, Denied, InvalidInput.
    """
    first, end = quarter_of(quarter)
    stream = stream_asked(actor, model)
    rows = Event.objects.filter(action__in=[*_OF_REQUESTS, *_MOVES], outcome="ok", at__gte=first, at__lt=end)
    rows = rows.filter(stream=stream) if stream else rows
    chosen: list[tuple[Event, dict[str, Any]]] = []
    for event in with_people_read(rows.order_by("at", "id").iterator()):
        body = facts(event)
        if event.action in _OF_REQUESTS or _is_self_service(event, body):
            chosen.append((event, body))
        require_few(chosen)
    versions = _versions_of(event.object_ref for event, _ in chosen)
    cells = [_row(event, body, versions) for event, body in chosen]
    filters = {"quarter": quarter} | ({"model": model} if model else {})
    return Answer(EXCEPTIONS, filters, _COLUMNS, cells, _NOTES, stream)


def quarter_of(text: str) -> tuple[datetime.datetime, datetime.datetime]:
    """Return the moments at which a quarter such as `2026-Q4` begins and ends, in UTC. Raises InvalidInput."""
    match = _QUARTER.fullmatch(text)
    year = int(match[1]) if match else 0
    if match is None or not 0 < year < datetime.MAXYEAR:
        raise InvalidInput(f"{text[:40]!r} is not a quarter. Write it as 2026-Q4.")
    number = int(match[2])
    begins = datetime.datetime(year, 3 * number - 2, 1, tzinfo=datetime.UTC)
    ends = (year, 3 * number + 1) if number < 4 else (year + 1, 1)  # noqa: PLR2004 - the last quarter
    return begins, datetime.datetime(*ends, 1, tzinfo=datetime.UTC)


def _is_self_service(event: Event, body: Mapping[str, Any]) -> bool:
    before, after = changes_of(body)
    if event.action == Action.REGISTRY_ALIAS_SET:
        return "basis" not in after and before.get("version") != after.get("version")
    entered = after.get("stage") in GOVERNED_STAGES and (
        before.get("stage") != after["stage"] or bool(after.get("is_current")) > bool(before.get("is_current"))
    )
    by_break_glass = text_of(after.get("basis")).endswith(" by break-glass")
    return entered and not after.get("approved_by") and not by_break_glass


def _row(event: Event, body: Mapping[str, Any], versions: Mapping[str, str]) -> dict[str, str]:
    before, after = changes_of(body)
    row = base_row(event, body)
    kind = _OF_REQUESTS.get(Action(event.action), _SELF_SERVICE)
    if event.action in _OF_REQUESTS:
        details = "; ".join(f"{key.replace('_', ' ')}: {_listed(after[key])}" for key in _SHOWN if after.get(key))
        request = event.object_ref.partition(":")[2]
        obj = versions.get(event.object_ref, "")
    else:
        alias, stage = after.get("alias"), after.get("stage")
        basis = text_of(after.get("basis")) or "no policy governed it"
        obj = version_ref(event.object_ref.partition(":")[2], after["version"]) if alias else event.object_ref
        details = f"to @{alias}; {basis}" if alias else f"{before.get('stage', '')} → {stage}; {basis}"
        request = ""
    return {**row, "kind": kind, "object": obj, "details": details, "request": request}


def _listed(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else text_of(value)


def _versions_of(refs: Iterable[str]) -> dict[str, str]:
    """Return the version of each of these requests, as a reference; one query."""
    prefix = request_ref("")
    ids = {row_id(ref.removeprefix(prefix)) for ref in refs if ref.startswith(prefix)}
    rows = TransitionRequest.objects.filter(pk__in=ids).values_list("pk", "version__model__name", "version__version")
    return {request_ref(pk): version_ref(name, number) for pk, name, number in rows}
