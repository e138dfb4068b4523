"""Cached verdict of a request, for list views: a summary of the verdict, and the people whose decision is needed.

It is written when a request is opened or settled, in the same transaction, and only if it has changed. A change that
settles no request, such as a new tag, is in the cache some seconds later, after the next sweep. Permission to decide is
never read from it (approvals/permissions/reviews.py).
"""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from approvals.case.loading import Case
from approvals.models import InboxKey, InboxKeyKind, TransitionRequest
from approvals.verdict.next_change import next_change
from approvals.verdict.rule_outcomes import applies
from approvals.verdict.votes import excluded_reviewers, owners_named_by
from policies.rules import ApprovalsRule

_MAX_REASON = 300


def verdict_summary(case: Case) -> dict[str, Any]:
    """Return a summary of a case's verdict as JSON: state, blockers, and the inbox keys `asked` and `excluded`."""
    verdict = case.verdict
    blocking = [row for row in verdict.rules if row.blocks]
    return {
        "state": verdict.state.value,
        "blockers": [
            {"rule": row.rule, "kind": row.kind, "status": row.status.value, "why": row.why[:_MAX_REASON]}
            for row in blocking
        ],
        "asked": sorted(_asked_keys(case)),
        "excluded": sorted(excluded_reviewers(case.snapshot)),
    }


def store_verdict(case: Case) -> None:
    """Cache the verdict of an open request, its inbox keys, and when it may change by time alone.

    Runs in the caller's transaction, with the request locked.
    """
    request, summary, recheck_at = case.request, verdict_summary(case), next_change(case.snapshot, case.at)
    cached = request.cached_verdict
    if cached == summary and request.recheck_at == recheck_at:
        return
    if cached is None or any(cached[kind] != summary[kind] for kind in InboxKeyKind.values):
        InboxKey.objects.filter(request=request).delete()
        rows = [
            InboxKey(request=request, kind=kind, key=key[:200]) for kind in InboxKeyKind.values for key in summary[kind]
        ]
        InboxKey.objects.bulk_create(rows, ignore_conflicts=True)
    request.cached_verdict, request.verdict_cached_at, request.recheck_at = summary, timezone.now(), recheck_at
    request.save(update_fields=["cached_verdict", "verdict_cached_at", "recheck_at"])


def is_cached(case: Case) -> bool:
    """Return whether the cached verdict of a request is that of its case, and so is when it may change."""
    request = case.request
    return request.cached_verdict == verdict_summary(case) and request.recheck_at == next_change(case.snapshot, case.at)


def delete_inbox_keys(request: TransitionRequest) -> None:
    """Delete the inbox keys of a request that is closed."""
    InboxKey.objects.filter(request=request).delete()


def _asked_keys(case: Case) -> set[str]:
    """Return the inbox keys of the groups, roles and owners that a rule gives a vote."""
    keys: set[str] = set()
    for rule in case.rules:
        if isinstance(rule, ApprovalsRule) and applies(rule, case.snapshot):
            keys |= {f"group:{name}" for name in rule.groups} | {f"role:{name}" for name in rule.roles}
            keys |= {f"user:{name}" for name in owners_named_by(rule, case.snapshot.model_name)}
    return keys
