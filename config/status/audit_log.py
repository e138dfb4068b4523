"""Status of the audit log: its signing, its witnesses and its SIEM receivers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import Max

from audit.models import Leaf, Log, SiemState
from audit.transparency.health import LogHealth, LogState, log_health
from audit.witnesses.service import Witnessing, witnessing
from config.status.areas import Area, Problem, critical, warning
from core.times import iso_utc

_SIEM_LAG = 10_000


def audit_log_area() -> Area:
    """Return the status of the audit log."""
    health = log_health()
    log = health.log
    size = log.size if log else 0
    witnesses = witnessing(log)
    receivers = [
        {"address": row.address.partition("?")[0], "events_behind": max(0, size - row.next_seq)}
        for row in SiemState.objects.order_by("address")
    ]
    facts: dict[str, Any] = {
        "state": health.state.value,
        "signed_events": size,
        "unsigned_events": max(0, next_number(log) - size) if log else 0,
        "quorum_of_witnesses": witnesses.required,
        "witnesses": [
            {
                "witness": row.name,
                "events_behind": max(0, size - row.size),
                "kept_at": iso_utc(row.kept_at, "seconds") if row.kept_at else None,
                "problem": row.problem,
            }
            for row in witnesses.states
        ],
        "siem_receivers": receivers,
    }
    return Area("audit_log", facts, tuple(_problems(health, witnesses, receivers)))


def next_number(log: Log) -> int:
    """Return the number that the next event of a log gets. Numbers have no gaps, so no event has to be counted."""
    last: int | None = Leaf.objects.filter(log=log.number).aggregate(last=Max("seq"))["last"]
    return 0 if last is None else last + 1


def _problems(health: LogHealth, witnesses: Witnessing, receivers: list[dict[str, Any]]) -> Iterator[Problem]:
    if health.state == LogState.STOPPED:
        yield critical(
            f"The audit log is not signed: {health.problem}",
            "See docs/operations.md, When the log cannot continue.",
        )
    elif health.state != LogState.OK:
        yield critical(
            f"The audit log is not signed: {health.problem}",
            "Start manage.py audit_sequencer, and look at its log.",
        )
    if witnesses.problem:
        yield critical(f"Witnesses: {witnesses.problem}", "See docs/operations.md, Witnesses.")
    for row in witnesses.states:
        if row.problem and not row.contradicts:
            yield warning(f"The witness {row.name} was not reached: {row.problem}", "Look at its address and its host.")
    for receiver in receivers:
        if receiver["events_behind"] > _SIEM_LAG:
            yield warning(
                f"{receiver['events_behind']} events were not sent to {receiver['address']} yet.",
                "Look at the receiver, and at the log of the sequencer.",
            )
