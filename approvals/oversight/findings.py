"""Opening, assigning and closing findings, which are problems of a version or of a model.

Everybody who may edit the model may open a finding. An author of the version may not close one of severity high or
critical.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from approvals.models.oversight import Finding, FindingOrigin, FindingState
from approvals.oversight.finding_owners import person_who_may_own
from approvals.oversight.locks import lock_finding, lock_visible_finding
from approvals.permissions.oversight import refusal_to_assign_finding, refusal_to_close_finding
from approvals.permissions.refusal import deny_if
from audit.actions import Action
from audit.services import record
from audit.texts.owners import TextOf
from core.actors import Actor
from core.errors import InvalidInput, InvalidState, NotFound
from policies.rules import Severity
from registry.locks import lock_named
from registry.models import ModelVersion, RegisteredModel
from registry.names import check_text
from registry.permissions import Level

MAX_TITLE = 200
MAX_TEXT = 10_000
CLOSED_STATES = (FindingState.RESOLVED, FindingState.ACCEPTED, FindingState.FALSE_POSITIVE)


@transaction.atomic
def open_finding(
    *,
    actor: Actor,
    name: str,
    severity: str,
    title: str,
    version: int | None = None,
    description: str = "",
    owner: str = "",
    due_at: datetime | None = None,
) -> Finding:
    """Open a finding on a version, or on the whole model where no version is given, and return it.

    ``severity``: low, medium, high or critical. ``owner`` is the username of the person who has to resolve it. Raises
    NotFound, Denied (the actor may not edit the model), InvalidInput (severity, title, description, owner), TooLarge.
    """
    model = lock_named(actor=actor, name=name, level=Level.EDIT, action=Action.APPROVALS_FINDING_OPENED)
    row = _version_of(model, version) if version is not None else None
    return insert_finding(
        actor=actor,
        finding=Finding(
            model=model,
            version=row,
            severity=_severity(severity).value,
            title=_required(title, "title", MAX_TITLE),
            description=check_text(description.strip(), "description", MAX_TEXT),
            owner=person_who_may_own(owner, model, owned="a finding") if owner else None,
            due_at=due_at,
            opened_by=actor.name,
        ),
    )


def insert_finding(*, actor: Actor, finding: Finding, author: str = "") -> Finding:
    """Insert a new finding, record its event and return it, in the caller's transaction with the model locked.

    ``author`` is the person who wrote the description, where it is not the one who opens the finding.
    """
    finding.opened_at = timezone.now()
    finding.save(force_insert=True)
    record(
        actor=actor,
        action=Action.APPROVALS_FINDING_OPENED,
        obj=finding,
        after={
            "title": _title(finding),
            "severity": finding.severity,
            "model": finding.model.name,
            "version": finding.version.version if finding.version else None,
            "owner": finding.owner.username if finding.owner else "",
            "due_at": finding.due_at,
            **({"origin": finding.origin, "cause": finding.cause} if finding.origin != FindingOrigin.PERSON else {}),
        },
        reason=TextOf(author or _author(finding), finding.description),
    )
    return finding


@transaction.atomic
def close_finding(*, actor: Actor, finding_id: int, state: str, comment: str) -> Finding:
    """Close an open finding as resolved, accepted or a false positive, and return it. It cannot be opened again.

    Raises NotFound, InvalidInput (state, comment), Denied (`refusal_to_close_finding`), InvalidState (it is closed
    already).
    """
    if state not in CLOSED_STATES:
        raise InvalidInput(f"A finding can be closed as {', '.join(CLOSED_STATES)}, not as {state[:50]!r}.")
    text = _required(comment, "comment", MAX_TEXT)
    finding = lock_visible_finding(actor, finding_id)
    deny_if(refusal_to_close_finding(actor, finding))
    _require_open(finding)
    close_locked_finding(actor, finding, FindingState(state), text, closed_by=actor.name)
    return finding


def close_locked_finding(actor: Actor, finding: Finding, state: FindingState, comment: str, *, closed_by: str) -> None:
    """Close a locked, open finding and record the event, in the caller's transaction.

    The caller has checked the permission.
    """
    finding.state, finding.resolution = state, comment
    finding.closed_by, finding.closed_at = closed_by, timezone.now()
    finding.save(update_fields=["state", "resolution", "closed_by", "closed_at"])
    record(
        actor=actor,
        action=Action.APPROVALS_FINDING_CLOSED,
        obj=finding,
        before={"state": FindingState.OPEN.value},
        after={"state": finding.state, "severity": finding.severity, "title": _title(finding)},
        reason=TextOf(closed_by, comment),
    )


@transaction.atomic
def assign_finding(*, actor: Actor, finding_id: int, owner: str, due_at: datetime | None, comment: str = "") -> Finding:
    """Set the owner ("" for none) and the due date (None for none) of an open finding and return it.

    Raises NotFound, InvalidInput (owner, comment), Denied (`refusal_to_assign_finding`), InvalidState (it is closed).
    """
    text = check_text(comment.strip(), "comment", MAX_TEXT)
    finding = lock_visible_finding(actor, finding_id)
    deny_if(refusal_to_assign_finding(actor, finding))
    _require_open(finding)
    if finding.origin == FindingOrigin.CONDITION and (due_at is None or due_at > (finding.due_at or due_at)):
        raise InvalidInput("The due date of a condition was set with the approval. It can only become earlier.")
    before = {"owner": finding.owner.username if finding.owner else "", "due_at": finding.due_at}
    finding.owner = person_who_may_own(owner, finding.model, owned="a finding") if owner else None
    finding.due_at = due_at
    if due_at is None or due_at > timezone.now():
        finding.overdue_at = None
    finding.save(update_fields=["owner", "due_at", "overdue_at"])
    record(
        actor=actor,
        action=Action.APPROVALS_FINDING_ASSIGNED,
        obj=finding,
        before=before,
        after={"owner": owner, "due_at": due_at},
        reason=text,
    )
    return finding


@transaction.atomic
def flag_overdue_finding(*, actor: Actor, finding_id: int, now: datetime) -> bool:
    """Record that a finding is overdue and return True; return False if it is not overdue, or was recorded before.

    Raises NotFound.
    """
    row = lock_finding(finding_id)
    if row.state != FindingState.OPEN or row.overdue_at is not None or row.due_at is None or row.due_at > now:
        return False
    row.overdue_at = now
    row.save(update_fields=["overdue_at"])
    record(
        actor=actor,
        action=Action.APPROVALS_FINDING_FELL_DUE,
        obj=row,
        after={
            "title": _title(row),
            "severity": row.severity,
            "due_at": row.due_at,
            "owner": row.owner.username if row.owner else "",
        },
    )
    return True


def _author(finding: Finding) -> str:
    """Return the person who wrote the title of a finding; "" for one that the server opened."""
    return finding.opened_by if finding.origin in (FindingOrigin.PERSON, FindingOrigin.CONDITION) else ""


def _title(finding: Finding) -> TextOf:
    return TextOf(_author(finding), finding.title)


def _require_open(finding: Finding) -> None:
    if finding.state != FindingState.OPEN:
        raise InvalidState(f"Finding {finding.pk} is closed already ({finding.get_state_display().lower()}).")


def _version_of(model: RegisteredModel, number: int) -> ModelVersion:
    versions = model.versions.filter(version=number, deleted_at__isnull=True) if 0 < number < 2**31 else None
    row = versions.first() if versions is not None else None
    if row is None:
        raise NotFound(f"Model Version (name={model.name}, version={number}) not found")
    row.model = model
    return row


def _severity(value: str) -> Severity:
    try:
        return Severity(value)
    except ValueError as error:
        raise InvalidInput(f"The severity must be one of {', '.join(Severity)}, not {value[:50]!r}.") from error


def _required(text: str, field: str, limit: int) -> str:
    checked = check_text(text.strip(), field, limit)
    if not checked:
        raise InvalidInput(f"A finding needs a {field}.")
    return checked
