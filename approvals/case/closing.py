"""The verdict on a request as it was when it closed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from approvals.case.check_facts import check_facts
from approvals.case.loading import Case
from approvals.case.request_rules import rules_at_close
from approvals.models import CheckRun
from approvals.verdict.evaluation import Verdict, evaluate
from policies.rules import Rule


def verdict_at_close(case: Case, jobs: Sequence[CheckRun], at: datetime) -> tuple[Sequence[Rule], Verdict]:
    """Return the rules of a closed request, and their verdict at ``at``, the time when it closed.

    ``jobs`` are its check runs, newest first. Rules, check results and subject digest are those of that time: with
    those of today (after a new Production version, for instance) a decided request would look undecided.
    Raises InvalidState when this server cannot read the policy.
    """
    newest = {job.rule: job for job in reversed(jobs)}
    rules = rules_at_close(case.request).rules
    snapshot = replace(
        case.snapshot,
        rules=rules,
        checks={rule: check_facts(job) for rule, job in newest.items()},
        subject_digest=case.request.subject_digest,
    )
    return rules, evaluate(snapshot, at)
