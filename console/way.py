"""The way of a request in four steps, for people who look before they read: asked, checked, reviewed, moved."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from approvals.evaluation import RuleVerdict, Verdict
from approvals.judging import RuleStatus
from approvals.models import RequestState, TransitionRequest
from console.wording import look

_MET = (RuleStatus.PASSED, RuleStatus.OVERRIDDEN)
_REVIEW_KINDS = ("approvals", "changes")


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


def way_of(request: TransitionRequest, verdict: Verdict) -> list[Step]:
    """Return the steps of a request; steps that its policy does not have are left out."""
    return list(_steps(request, verdict))


def _steps(request: TransitionRequest, verdict: Verdict) -> Iterator[Step]:
    is_open = request.state == RequestState.OPEN
    yield Step("Asked", f"by {request.requester}", "done", request.opened_at)
    checks = [row for row in verdict.rules if row.kind == "check" and row.status != RuleStatus.NOT_APPLICABLE]
    state = "done"
    if checks:
        state = _state(checks)
        yield Step("Checked", _checked(checks), state)
    reviews = [row for row in verdict.rules if row.kind in _REVIEW_KINDS]
    if reviews:
        reached = state == "done"
        state = "failed" if request.state == RequestState.REJECTED else _state(reviews)
        if state == "now" and not (is_open and reached):
            state = "next"
        yield Step("Reviewed", _reviewed(request, verdict, state), state)
    others = [row for row in verdict.rules if row.blocks and row not in checks and row not in reviews]
    yield _end(request, len(others))


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
    return f"approved by {names}, more are needed" if names else "by nobody yet"


def _end(request: TransitionRequest, others: int) -> Step:
    """Return the last step. ``others``: how many rules block that ask for neither a check nor a review, such as a freeze."""
    match request.state:
        case RequestState.APPLIED:
            return Step(f"In {request.target}", "moved", "done", request.closed_at)
        case RequestState.APPROVED:
            return Step(f"In {request.target}", "waits for its time" if others else "moves by itself", "now")
        case RequestState.OPEN:
            note = f"{others} more rule{'s' if others > 1 else ''} to meet" if others else "then it moves by itself"
            return Step(f"In {request.target}", note, "next")
        case _:
            return Step(f"In {request.target}", look("request", request.state).label.lower(), "failed", request.closed_at)
