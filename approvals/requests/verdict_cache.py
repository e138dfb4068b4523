"""What lists need to know of an open request without evaluating it: the verdict in short, and whom it concerns.

Written whenever a request is looked at (approvals/requests/lifecycle.py: refresh_request), in that transaction, and only
where it changed. What happens without a look is noticed by the next one, seconds later; whether somebody may decide is always
asked afresh (approvals/permissions/reviews.py).
"""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from approvals.case.loading import Case
from approvals.models import InboxKey, InboxKeyKind, TransitionRequest
from approvals.verdict.rule_outcomes import applies
from approvals.verdict.votes import excluded_people, owners_named_by
from policies.rules import ApprovalsRule

_MOST_WORDS = 300


def verdict_summary(case: Case) -> dict[str, Any]:
    """Return the verdict in short: its state, what blocks (rule, kind, status, why), who is asked and who had a hand in it."""
    verdict = case.verdict
    blocking = [row for row in verdict.rules if row.blocks]
    return {
        "state": verdict.state.value,
        "blockers": [
            {"rule": row.rule, "kind": row.kind, "status": row.status.value, "why": row.why[:_MOST_WORDS]}
            for row in blocking
        ],
        "asked": sorted(_asked(case)),
        "excluded": sorted(excluded_people(case.rules, case.snapshot.people)),
    }


def store_verdict(case: Case) -> None:
    """Keep what a look at an open request found, in the caller's transaction, with the request locked."""
    request, found = case.request, verdict_summary(case)
    if request.cached_verdict == found:
        return
    if request.cached_verdict is None or any(
        request.cached_verdict[kind] != found[kind] for kind in InboxKeyKind.values
    ):
        InboxKey.objects.filter(request=request).delete()
        rows = [
            InboxKey(request=request, kind=kind, key=key[:200]) for kind in InboxKeyKind.values for key in found[kind]
        ]
        InboxKey.objects.bulk_create(rows, ignore_conflicts=True)
    request.cached_verdict, request.cached_verdict_at = found, timezone.now()
    request.save(update_fields=["cached_verdict", "cached_verdict_at"])


def delete_inbox_keys(request: TransitionRequest) -> None:
    """Note that a request, now closed, concerns nobody any more."""
    InboxKey.objects.filter(request=request).delete()


def _asked(case: Case) -> set[str]:
    found: set[str] = set()
    for rule in case.rules:
        if isinstance(rule, ApprovalsRule) and applies(rule, case.snapshot):
            found |= {f"group:{name}" for name in rule.groups} | {f"role:{name}" for name in rule.roles}
            found |= {f"user:{name}" for name in owners_named_by(rule, case.snapshot.model_name)}
    return found
