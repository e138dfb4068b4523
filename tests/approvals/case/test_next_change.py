"""Until the next change that is known, time alone does not change a verdict."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.verdict.evaluation import evaluate
from approvals.verdict.facts import FindingFacts, Snapshot
from approvals.verdict.next_change import next_change
from policies.rules import (
    AttestedRule,
    EarlierApprovalRule,
    FreezeRule,
    RuleLevel,
    Severity,
    SoakRule,
)
from policies.windows import Window, parse_window
from tests.approvals.case.test_evaluation import AT, HOUR, snapshots
from tests.policies.test_parse_window import days, moments, weekdays

MINUTE, INSTANT = timedelta(minutes=1), timedelta(microseconds=1)
COMMON = {"id": "rule", "level": RuleLevel.HARD}


@given(snapshots(), st.integers(-300, 3000), st.floats(0, 1, exclude_max=True))
def test_a_verdict_stays_until_then(snapshot: Snapshot, minutes: int, part: float) -> None:
    at = AT + minutes * MINUTE
    change = next_change(snapshot, at)
    until = change or at + timedelta(days=800)
    assert until > at
    before = at + (until - at) * part
    assert evaluate(snapshot, before) == evaluate(snapshot, at)


SNAPSHOT = Snapshot(
    rules=(),
    checks={},
    reviews=(),
    people={"requester": frozenset({"ada"})},
    subject_digest="now",
    opened_at=AT,
    expires_at=AT + timedelta(days=9),
)
FINDING = FindingFacts(1, Severity.LOW, "Late", "ada", AT, blocks_from=AT + HOUR)


@pytest.mark.parametrize(
    ("snapshot", "change"),
    [
        (SNAPSHOT, AT + timedelta(days=9)),
        (replace(SNAPSHOT, review_due_at=AT + HOUR), AT + HOUR),
        (replace(SNAPSHOT, findings=(FINDING,)), AT + HOUR),
        (
            replace(SNAPSHOT, rules=(SoakRule(**COMMON, stage="Staging", time=2 * HOUR),), staged_since={"Staging": AT - HOUR}),  # type: ignore[arg-type]  # fields of each type
            AT + HOUR,
        ),
        (
            replace(SNAPSHOT, rules=(AttestedRule(**COMMON, within=2 * HOUR),), attested_at=AT - HOUR),  # type: ignore[arg-type]  # likewise
            AT + HOUR + INSTANT,
        ),
        (
            replace(SNAPSHOT, rules=(EarlierApprovalRule(**COMMON, within=2 * HOUR),), left_target_at=AT - HOUR),  # type: ignore[arg-type]  # likewise
            AT + HOUR + INSTANT,
        ),
        (
            replace(SNAPSHOT, rules=(FreezeRule(**COMMON, windows=(Window("x", "2026-01-01T01:00", "2026-01-02"),)),)),  # type: ignore[arg-type]  # likewise
            AT + HOUR,
        ),
    ],
)  # fmt: skip
def test_what_changes_a_verdict(snapshot: Snapshot, change: datetime) -> None:
    assert next_change(snapshot, AT) == change
    assert evaluate(snapshot, change - INSTANT) == evaluate(snapshot, AT)
    assert evaluate(snapshot, change) != evaluate(snapshot, AT)


def test_when_a_deployment_no_longer_counts() -> None:
    assert next_change(replace(SNAPSHOT, deployed=True, deployed_until=AT + HOUR), AT) == AT + HOUR


@given(moments, st.one_of(st.tuples(days, days), st.tuples(weekdays, weekdays).filter(lambda pair: pair[0] != pair[1])))
def test_the_boundary_of_a_window(at: datetime, ends: tuple[str, str]) -> None:
    window = parse_window("w", *ends)
    boundary = window.next_boundary(at)
    assert boundary is not None
    assert boundary > at
    assert (window.until(boundary - INSTANT) is None) == (window.until(at) is None)


def test_a_window_that_is_over_has_no_boundary() -> None:
    window = parse_window("once", "2020-01-01", "2020-01-02")
    assert window.next_boundary(datetime(2026, 1, 1, tzinfo=UTC)) is None
