"""Reviewing again what is in Production or under a protected alias: the due date is set, passing it is said once, and a reviewer stands by the version."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from approvals.case.re_review_dates import (
    due_dates,
    re_reviews_due,
    re_reviews_for,
    strictest_consequence,
    without_overdue_event,
)
from approvals.models import MAX_COMMENT
from approvals.models.oversight import Finding, FindingOrigin, FindingState, ReReview
from approvals.oversight.findings import add_finding, write_closing
from approvals.permissions.independent_reviews import refusal_to_confirm_version
from approvals.permissions.refusal import deny_if
from audit.actions import Action
from audit.services import record
from core.actors import Actor, system_actor
from core.errors import InvalidInput, InvalidState
from policies.rules import Severity
from registry.locks import lock_model
from registry.models import ModelVersion
from registry.names import check_text
from registry.queries import current_card, get_version
from registry.services.review_due import set_review_due


def schedule_re_review(*, actor: Actor, version: ModelVersion) -> bool:
    """Set when a version has to be reviewed again to what its approval and policy say; False where it says so already."""
    due = due_dates([version])[version.pk]
    return set_review_due(actor=actor, version_id=version.pk, due_at=due)


@transaction.atomic
def confirm_version(*, actor: Actor, name: str, version: int, comment: str) -> ReReview:
    """Record that a reviewer stands by a version that had to be reviewed again; its next due date follows.

    Whoever could approve it under the policies of today, for each place it is in, may, and nobody with a hand in it. Raises NotFound, InvalidInput,
    InvalidState (nothing asks for a re-review), Denied.
    """
    words = check_text(comment.strip(), "comment", MAX_COMMENT)
    if not words:
        raise InvalidInput("A re-review needs a comment.")
    seen = get_version(actor, name, version)
    lock_model(seen.model_id)
    row = get_version(actor, name, version)
    asking = re_reviews_for(row)
    if not asking or row.review_due_at is None:
        raise InvalidState(f"Nothing asks that {row} be reviewed again.")
    deny_if(refusal_to_confirm_version(actor, row, asking))
    now = timezone.now()
    given = ReReview(
        version=row,
        reviewer=User.objects.get(pk=actor.user_id or 0),
        comment=words,
        artifact_digest=row.artifact_digest,
        card_digest=current_card(row).digest,
        was_due_at=row.review_due_at,
        due_at=now + min(place.option.every for place in asking),
        given_at=now,
    )
    given.save()
    record(
        actor=actor,
        action=Action.APPROVALS_RE_REVIEW_GIVEN,
        obj=row,
        before={"review_due_at": row.review_due_at},
        after={
            "review_due_at": given.due_at,
            "artifact_digest": given.artifact_digest,
            "card_digest": given.card_digest,
            "policy": ", ".join(dict.fromkeys(place.policy.label for place in asking)),
        },
        reason=words,
    )
    set_review_due(actor=actor, version_id=row.pk, due_at=given.due_at)
    _close_findings(actor, row, words)
    return given


@transaction.atomic
def say_overdue(*, actor: Actor, version: ModelVersion, now: datetime) -> bool:
    """Record that a version is overdue, once for each due date, and put a finding on it where the policy flags or blocks."""
    lock_model(version.model_id)
    row = ModelVersion.objects.select_related("model").get(pk=version.pk)
    places = re_reviews_due([row]).get(row.pk, [])
    if not (places or row.is_current) or not without_overdue_event([row], now):
        return False
    when_due = strictest_consequence(places, now)
    record(
        actor=actor,
        action=Action.APPROVALS_RE_REVIEW_FELL_DUE,
        obj=row,
        after={"review_due_at": row.review_due_at, "when_due": when_due},
    )
    if when_due != "warn":
        _open_finding(actor, row, when_due)
    return True


def _open_finding(actor: Actor, version: ModelVersion, when_due: str) -> None:
    due = version.review_due_at
    cause = f"re_review:{due:%Y-%m-%dT%H:%M:%S}"
    if Finding.objects.filter(version=version, cause=cause).exists():
        return
    more = " Until then it is not promoted again." if when_due == "block" else ""
    finding = Finding(
        model=version.model,
        version=version,
        severity=Severity.MEDIUM.value,
        title="Due to be reviewed again",
        description=f"It had to be reviewed again before {due:%Y-%m-%d %H:%M} UTC.{more}",
        origin=FindingOrigin.RE_REVIEW,
        cause=cause,
        opened_by=actor.name,
    )
    add_finding(actor=actor, finding=finding)


def _close_findings(actor: Actor, version: ModelVersion, words: str) -> None:
    """Close what was opened because the version was overdue: the re-review has resolved it."""
    doer = system_actor("confirm_version", on_behalf_of=actor.name)
    rows = Finding.objects.select_for_update(no_key=True, of=("self",)).filter(
        version=version, origin=FindingOrigin.RE_REVIEW, state=FindingState.OPEN
    )
    for row in rows:
        write_closing(doer, row, FindingState.RESOLVED, words, closed_by=actor.name)
