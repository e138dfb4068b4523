"""Status of the work that waits: messages, checks, requests, critical findings and failed webhooks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db.models import Count, Min
from django.utils import timezone

from approvals.models import CheckRun, CheckState, Finding, RequestState, TransitionRequest
from audit.models import OutboxMessage
from config.status.areas import Area, Problem, critical, warning
from policies.rules import Severity

_OLD_MESSAGE_SECONDS = 120
_OLD_CHECK_SECONDS = 900


def work_area() -> Area:
    """Return the status of the work that waits."""
    messages = OutboxMessage.objects.filter(delivered_at__isnull=True).aggregate(
        count=Count("id"), at=Min("created_at")
    )
    checks = CheckRun.objects.filter(state=CheckState.QUEUED).aggregate(count=Count("id"), at=Min("queued_at"))
    requests = TransitionRequest.objects.filter(state__in=[RequestState.OPEN, RequestState.APPROVED])
    waiting = requests.aggregate(count=Count("id"), at=Min("opened_at"))
    findings = Finding.objects.filter(closed_at__isnull=True, severity=Severity.CRITICAL).count()
    facts: dict[str, Any] = {
        "outbox_messages": messages["count"],
        "outbox_oldest_seconds": _age(messages["at"]),
        "checks_queued": checks["count"],
        "checks_oldest_seconds": _age(checks["at"]),
        "requests_waiting": waiting["count"],
        "requests_oldest_seconds": _age(waiting["at"]),
        "critical_findings": findings,
    }
    return Area("work", facts, tuple(_problems(facts)))


def _age(moment: datetime | None) -> int | None:
    return max(0, int((timezone.now() - moment).total_seconds())) if moment else None


def _problems(facts: dict[str, Any]) -> Iterator[Problem]:
    if (facts["outbox_oldest_seconds"] or 0) > _OLD_MESSAGE_SECONDS:
        yield critical(
            f"A message has waited for the broker for {facts['outbox_oldest_seconds']} s.",
            "Look at the broker and the scheduler: the task audit.tasks.relay_outbox sends messages.",
        )
    if (facts["checks_oldest_seconds"] or 0) > _OLD_CHECK_SECONDS:
        yield warning(
            f"A check has been queued for {facts['checks_oldest_seconds']} s.",
            "Start more workers, or look for a check that hangs.",
        )
    if facts["critical_findings"]:
        yield warning(
            f"{facts['critical_findings']} critical findings are open.", "Open the page Findings and assign them."
        )
