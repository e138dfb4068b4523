"""The approvals of a version, and the evidence for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.db.models import Q

from approvals.models import TransitionRequest
from approvals.questions.answers import MAX_ROWS, Answer, require_few
from approvals.questions.sources import base_row, changes_of, model_id_of, stream_asked, text_of
from audit.actions import Action
from audit.models import Event
from audit.queries import facts, with_people_read
from core.actors import Actor
from core.refs import request_ref

APPROVALS = "approvals"
_COLUMNS = {
    "at": "When",
    "kind": "What",
    "who": "Who",
    "decision": "Decision or result",
    "request": "Request",
    "evidence": "Evidence",
    "reason": "Reason",
    "event": "Event",
}
_NOTES = (
    (
        "The rows are the recorded events about the version and its requests. A review counts only for the state whose "
        "subject digest it names."
    ),
)


def who_approved(actor: Actor, *, model: str, version: int) -> Answer:
    """Return the approvals of a version with their evidence, oldest first. A fixed number of queries.

    Raises NotFound, InvalidInput.
    """
    stream = stream_asked(actor, model, version)
    requests = TransitionRequest.objects.filter(version__model_id=model_id_of(stream), version__version=version)
    of_requests = Q(object_ref__in=[request_ref(pk) for pk in requests.values_list("pk", flat=True)])
    own = Q(object_ref__startswith="model-version:", object_ref__endswith=f"/{version}")
    of_alias = Q(action=Action.REGISTRY_ALIAS_SET)
    rows = Event.objects.filter(of_requests | own | of_alias, stream=stream, action__in=_KINDS, outcome="ok")
    events = list(rows.order_by("id")[: MAX_ROWS + 1])
    require_few(events)
    cells = [row for event in with_people_read(events) if (row := _row(event, version)) is not None]
    return Answer(APPROVALS, {"model": model, "version": str(version)}, _COLUMNS, cells, _NOTES, stream)


def _row(event: Event, version: int) -> dict[str, str] | None:
    """Return the row of an event, None for an alias of another version."""
    body = facts(event)
    _, after = changes_of(body)
    if event.action == Action.REGISTRY_ALIAS_SET and after.get("version") != version:
        return None
    kind, details = _KINDS[Action(event.action)]
    ref = event.object_ref
    request = ref.partition(":")[2] if ref.startswith(request_ref("")) else ""
    return {**base_row(event, body), "kind": kind, "request": request, **details(after)}


def _opened(after: Mapping[str, Any]) -> dict[str, str]:
    return {"decision": f"to {after.get('target', '')} as {after.get('kind', '')}", "evidence": _policy(after)}


def _checked(after: Mapping[str, Any]) -> dict[str, str]:
    digest = after.get("evidence_digest")
    result = f"{after.get('rule', '')}: {after.get('state', '')}"
    return {"decision": result, "evidence": f"evidence sha256:{digest}" if digest else ""}


def _reviewed(after: Mapping[str, Any]) -> dict[str, str]:
    delegator = f" on behalf of {after['on_behalf_of']}" if after.get("on_behalf_of") else ""
    signed = [f"signed as “{after['meaning']}” by {after.get('printed_name', '')}"] if after.get("meaning") else []
    by_passkey = ["signed by a passkey"] if after.get("passkey") else []
    evidence = [_subject(after), _policy(after), *signed, *by_passkey]
    return {"decision": f"{after.get('decision', '')}{delegator}", "evidence": _joined(evidence)}


def _overridden(after: Mapping[str, Any]) -> dict[str, str]:
    return {"decision": text_of(after.get("rule")), "evidence": _subject(after)}


def _decided(after: Mapping[str, Any]) -> dict[str, str]:
    rules = after.get("rules") or {}
    approvers = ", ".join(after.get("approvers") or [])
    results = [f"{rule}: {result}" for rule, result in sorted(rules.items())]
    decision = f"by {approvers}" if approvers else text_of(after.get("state"))
    return {"decision": decision, "evidence": _joined([_subject(after), _policy(after), *results])}


def _moved(after: Mapping[str, Any]) -> dict[str, str]:
    target = f"@{after['alias']}" if after.get("alias") else text_of(after.get("stage"))
    approved = f", approved by {after['approved_by']}" if after.get("approved_by") else ""
    return {"decision": f"{target}{approved}", "evidence": text_of(after.get("basis"))}


def _frozen(after: Mapping[str, Any]) -> dict[str, str]:
    return {"decision": f"pack {after.get('pack', '')}", "evidence": text_of(after.get("digest"))}


def _emergency(after: Mapping[str, Any]) -> dict[str, str]:
    second = after.get("second_person") or []
    people = ", ".join(second) if isinstance(second, list | tuple) else str(second)
    return {"decision": f"to {after.get('target', '')}", "evidence": f"second person: {people or 'nobody'}"}


def _subject(after: Mapping[str, Any]) -> str:
    return f"subject sha256:{after['subject_digest']}" if after.get("subject_digest") else ""


def _policy(after: Mapping[str, Any]) -> str:
    digest = f" sha256:{after['policy_digest']}" if after.get("policy_digest") else ""
    return f"policy {after['policy']}{digest}" if after.get("policy") else ""


def _joined(parts: list[str]) -> str:
    return "; ".join(part for part in parts if part)


_Details = Callable[[Mapping[str, Any]], dict[str, str]]
_KINDS: dict[Action, tuple[str, _Details]] = {
    Action.APPROVALS_CHECK_FINISHED: ("check finished", _checked),
    Action.APPROVALS_GLASS_BROKEN: ("break-glass used", _emergency),
    Action.APPROVALS_OVERRIDE_WITHDRAWN: ("override withdrawn", _overridden),
    Action.APPROVALS_REQUEST_APPLIED: ("request applied", _decided),
    Action.APPROVALS_REQUEST_APPROVED: ("request approved", _decided),
    Action.APPROVALS_REQUEST_OPENED: ("request opened", _opened),
    Action.APPROVALS_REQUEST_REJECTED: ("request rejected", _decided),
    Action.APPROVALS_REQUEST_STALED: ("request closed as stale", _decided),
    Action.APPROVALS_REVIEW_GIVEN: ("review", _reviewed),
    Action.APPROVALS_RULE_OVERRIDDEN: ("rule overridden", _overridden),
    Action.REGISTRY_ALIAS_SET: ("alias set", _moved),
    Action.REGISTRY_PACK_FROZEN: ("conformity pack frozen", _frozen),
    Action.REGISTRY_STAGE_CHANGED: ("stage changed", _moved),
    Action.REGISTRY_STAGE_IMPORTED: ("stage imported", _moved),
}
