"""The verdict of a promotion, rule by rule, for its conformity pack."""

from __future__ import annotations

from typing import Any

from approvals.case.check_facts import check_runs_of
from approvals.case.closing import verdict_at_close
from approvals.case.loading import load_case
from approvals.models import TransitionRequest
from core.errors import InvalidState
from registry.models import PackOrder

# Where the result of a rule is from.
_AUDIT_LOG = "the audit log"
_FACTS_AT_FREEZING = "the facts when the pack was made"


def promotion_verdict(order: PackOrder) -> list[dict[str, Any]]:
    """Return each rule with its result and the reason; empty for a promotion without a request.

    The result is the one in the audit event of the approval, if the order has pinned it; `result_from` says so. Every
    other result, and the reasons, follow from the facts that the server has when the pack is made. If this server
    cannot read the policy, only the rules in that event are returned, without reasons.
    """
    recorded: dict[str, str] = dict(order.pinned.get("rules", {}))
    request = TransitionRequest.objects.with_relations().filter(pk=order.pinned["request"]).first()
    if request is None:
        return []
    try:
        jobs = sorted(check_runs_of([request]), key=lambda job: -job.pk)
        _, verdict = verdict_at_close(load_case(request, at=order.promoted_at), jobs, order.promoted_at)
    except InvalidState:
        return [{"rule": rule, "result": result, "result_from": _AUDIT_LOG} for rule, result in recorded.items()]
    return [
        {
            "rule": row.rule,
            "kind": row.kind,
            "requirement": row.title,
            "level": row.level.value,
            "result": recorded.get(row.rule, row.status.value),
            "result_from": _AUDIT_LOG if row.rule in recorded else _FACTS_AT_FREEZING,
            "why": row.why if recorded.get(row.rule, row.status.value) == row.status.value else "",
        }
        for row in verdict.rules
    ]
