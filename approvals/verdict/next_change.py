"""The next moment at which a verdict may change by time alone: a soak or a freeze ends, something falls due."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from approvals.verdict.facts import Snapshot
from policies.rules import AttestedRule, EarlierApprovalRule, FreezeRule, Rule, SoakRule

# What is valid until a moment, that moment included, changes after it.
_INSTANT = timedelta(microseconds=1)


def next_change(snapshot: Snapshot, at: datetime) -> datetime | None:
    """Return the first moment after ``at`` at which the verdict may be another by time alone; None for none."""
    fixed = (snapshot.expires_at, snapshot.review_due_at, snapshot.deployed_until)
    moments = [*fixed, *(row.blocks_from for row in snapshot.findings)]
    moments += [moment for rule in snapshot.rules for moment in _changes_of(rule, snapshot, at)]
    return min((moment for moment in moments if moment is not None and moment > at), default=None)


def _changes_of(rule: Rule, snapshot: Snapshot, at: datetime) -> Iterator[datetime | None]:
    match rule:
        case SoakRule():
            since = snapshot.staged_since.get(rule.stage)
            yield since + rule.time if since else None
        case FreezeRule():
            yield from (window.next_boundary(at) for window in rule.windows)
        case EarlierApprovalRule():
            left = snapshot.left_target_at
            yield left + rule.within + _INSTANT if left and rule.within is not None else None
        case AttestedRule():
            yield snapshot.attested_at + rule.within + _INSTANT if snapshot.attested_at else None
