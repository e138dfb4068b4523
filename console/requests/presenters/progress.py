"""The way of a request in four steps, for people who look before they read: asked, checked, reviewed, moved."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from approvals.models import LIVE_STATES, RequestState, TransitionRequest
from approvals.verdict.evaluation import RuleVerdict, Verdict
from approvals.verdict.rule_outcomes import RuleStatus
from console.shell.labels import look

_MET = (RuleStatus.PASSED, RuleStatus.OVERRIDDEN)
_CHECK, _REVIEWS = "check", ("approvals", "changes")


@dataclass(frozen=True, slots=True)
class Step:
    """One step. ``state``: `done`, `now` (what it waits for), `failed`, or `next` (not begun, or never reached)."""

    title: str
    note: str
    state: str
    at: datetime.datetime | None = None

    @property
    def icon(self) -> str:
        return {"done": "check", "now": "more_horiz", "failed": "close"}.get(self.state, "")


def way_of(request: TransitionRequest, verdict: Verdict, waits_for: str) -> list[Step]:
    """Return the steps of a request; steps that its policy does not have are left out.

    ``waits_for`` is what an approved request waits for, "" where a worker moves the version now.
    """
    return [*_steps(request, verdict), _end(request, verdict, waits_for)]


def _steps(request: TransitionRequest, verdict: Verdict) -> Iterator[Step]:
    is_open = request.state == RequestState.OPEN
    yield Step("Asked", f"by {request.requester}", "done", request.opened_at)
    checks = [row for row in verdict.rules if row.kind == _CHECK and row.status != RuleStatus.NOT_APPLICABLE]
    state = "done"
    if checks:
        state = _state(checks)
        yield Step("Checked", _checked(checks), state)
    reviews = [row for row in verdict.rules if row.kind in _REVIEWS]
    if reviews:
        reached = state == "done"
        state = "failed" if request.state == RequestState.REJECTED else _state(reviews)
        if state == "now" and not (is_open and reached):
            state = "next"
        yield Step("Reviewed", _reviewed(request, verdict, state), state)


def _state(rows: Sequence[RuleVerdict]) -> str:
    blocking = [row for row in rows if row.blocks]
    if any(row.status is RuleStatus.FAILED for row in blocking):
        return "failed"
    return "now" if blocking else "done"


def _checked(rows: Sequence[RuleVerdict]) -> str:
    met = sum(row.status in _MET for row in rows)
    failed = sum(row.status is RuleStatus.FAILED for row in rows)
    return f"{met} of {len(rows)} passed" + (f", {failed} failed" if failed else "")


def _reviewed(request: TransitionRequest, verdict: Verdict, state: str) -> str:
    if request.state == RequestState.REJECTED:
        return "rejected"
    if state == "failed":
        return "changes are asked for"
    names = ", ".join(verdict.approvers)
    if state == "done":
        return f"approved by {names}" if names else "nobody is needed"
    return (
        f"approved by {names}, more are needed"
        if names
        else f"by nobody{' yet' if request.state in LIVE_STATES else ''}"
    )


def _end(request: TransitionRequest, verdict: Verdict, waits_for: str) -> Step:
    title = f"In {request.target}"
    match request.state:
        case RequestState.APPLIED:
            return Step(title, "moved", "done", request.closed_at)
        case RequestState.APPROVED:
            return Step(title, "waits for its time" if waits_for else "moves by itself", "now")
        case RequestState.OPEN:
            others = sum(row.blocks and row.kind not in (_CHECK, *_REVIEWS) for row in verdict.rules)
            note = f"{others} more rule{'s' if others > 1 else ''} to meet" if others else "then it moves by itself"
            return Step(title, note, "next")
        case _:
            return Step(title, look("request", request.state).label.lower(), "failed", request.closed_at)
