"""The progress of a request in up to four steps: requested, checked, reviewed, moved."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from approvals.models import LIVE_STATES, RequestState, TransitionRequest
from approvals.verdict.evaluation import RuleVerdict, Verdict
from approvals.verdict.rule_outcomes import RuleStatus
from console.shell.labels import state_label

_MET = (RuleStatus.PASSED, RuleStatus.OVERRIDDEN)
_CHECK, _REVIEWS = "check", ("approvals", "changes")
_ICONS = {"done": "check", "now": "more_horiz", "failed": "close"}


@dataclass(frozen=True, slots=True)
class Step:
    """One step. ``state`` is `done`, `now` (the request waits for it), `failed`, or `next` (not begun)."""

    title: str
    note: str
    state: str
    at: datetime.datetime | None = None

    @property
    def icon(self) -> str:
        """Return the icon of the state, "" for a step that has not begun."""
        return _ICONS.get(self.state, "")


def request_progress(request: TransitionRequest, verdict: Verdict, waits_for: str) -> list[Step]:
    """Return the steps of a request, without those that its policy does not require.

    ``waits_for`` says what an approved request waits for, "" where a worker moves the version now.
    """
    return [*_steps(request, verdict), _last_step(request, verdict, waits_for)]


def _steps(request: TransitionRequest, verdict: Verdict) -> Iterator[Step]:
    yield Step("Requested", f"by {request.requester}", "done", request.opened_at)
    checks = [row for row in verdict.rules if row.kind == _CHECK and row.status != RuleStatus.NOT_APPLICABLE]
    checks_state = _state(checks)
    if checks:
        yield Step("Checked", _checks_note(checks), checks_state)
    reviews = [row for row in verdict.rules if row.kind in _REVIEWS]
    if reviews:
        state = "failed" if request.state == RequestState.REJECTED else _state(reviews)
        if state == "now" and not (request.state == RequestState.OPEN and checks_state == "done"):
            state = "next"
        yield Step("Reviewed", _reviews_note(request, verdict, state), state)


def _state(rows: Sequence[RuleVerdict]) -> str:
    blocking = [row for row in rows if row.blocks]
    if any(row.status is RuleStatus.FAILED for row in blocking):
        return "failed"
    return "now" if blocking else "done"


def _checks_note(rows: Sequence[RuleVerdict]) -> str:
    met = sum(row.status in _MET for row in rows)
    failed = sum(row.status is RuleStatus.FAILED for row in rows)
    return f"{met} of {len(rows)} passed" + (f", {failed} failed" if failed else "")


def _reviews_note(request: TransitionRequest, verdict: Verdict, state: str) -> str:
    if request.state == RequestState.REJECTED:
        return "rejected"
    if state == "failed":
        return "changes requested"
    names = ", ".join(verdict.approvers)
    if state == "done":
        return f"approved by {names}" if names else "no review needed"
    if names:
        return f"approved by {names}, more approvals needed"
    return "not reviewed yet" if request.state in LIVE_STATES else "not reviewed"


def _last_step(request: TransitionRequest, verdict: Verdict, waits_for: str) -> Step:
    title = state_label("stage", request.target).text
    match request.state:
        case RequestState.APPLIED:
            return Step(title, "moved", "done", request.closed_at)
        case RequestState.APPROVED:
            return Step(title, "scheduled" if waits_for else "moving now", "now")
        case RequestState.OPEN:
            others = sum(row.blocks and row.kind not in (_CHECK, *_REVIEWS) for row in verdict.rules)
            rules = f"{others} more rule{'s' if others > 1 else ''} to meet"
            return Step(title, rules if others else "then it moves automatically", "next")
        case _:
            return Step(title, state_label("request", request.state).text.lower(), "failed", request.closed_at)
