"""Dry run: the verdict of a policy, published or not, on a version now.

A dry run writes nothing, queues no job and runs no model code. The result of a check is that of an earlier job for the
version with the same inputs, in any request. Without such a job the check would run; quick checks, which only read, can
be run in place.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from django.utils import timezone

from approvals.case.check_facts import check_facts
from approvals.case.finding_facts import findings_by_version, findings_for_move
from approvals.case.incumbents import Move
from approvals.case.re_review_dates import blocked_since
from approvals.case.rejections import rejections_by_version
from approvals.case.snapshots import RequestFacts, build_snapshot, position_now
from approvals.case.subjects import facts_of_model, load_subject, people_by_role
from approvals.models import CheckRun, CheckState
from approvals.verdict.evaluation import RuleVerdict, Verdict, evaluate
from approvals.verdict.facts import CheckFacts
from core.actors import Actor
from policies.drafts import load_draft, policies_with
from policies.matching import governing_policy
from policies.rules import CheckRule, Rule
from policies.targets import left_by
from registry.models import ModelVersion
from registry.queries import get_version
from validation.base import Check, Subject, inputs_digest
from validation.catalogue import known_checks

log = logging.getLogger(__name__)
_WITH_RESULT = (CheckState.PASSED, CheckState.FAILED)
_WOULD_RUN = "The check would run: it has not run on this state yet."


@dataclass(frozen=True, slots=True)
class DryRun:
    """The result of a dry run.

    ``basis`` says where the result of each check comes from, by rule id. ``governs`` is whether this policy would
    govern the move; ``governed_by`` is the label of another policy that would, "" for none. ``asked_by`` is the name of
    the actor, who counts as the requester.
    """

    version: ModelVersion
    target: str
    verdict: Verdict
    basis: Mapping[str, str]
    governs: bool
    governed_by: str
    asked_by: str

    @property
    def rules(self) -> tuple[RuleVerdict, ...]:
        """Return the verdicts on all rules."""
        return self.verdict.rules


def dry_run(*, actor: Actor, body: Mapping[str, object], name: str, version: int, run_checks: bool = False) -> DryRun:
    """Return the verdict of a policy body as if the actor asked now to move this version to the body's target.

    With ``run_checks`` the quick checks without a result are run in place. Raises NotFound, InvalidInput (its message
    has a line for each problem), TooLarge.
    """
    draft, row = load_draft(body), get_version(actor, name, version)
    policies, options = policies_with(draft), draft.body.options
    subject, now = load_subject(Move(row, draft.body.target, archive_existing=False)), timezone.now()
    leaves = subject.leaves or left_by(draft.body.target)
    checks, basis = _checks(draft.body.rules, subject, row, now, run_checks=run_checks)
    facts = RequestFacts(
        position=position_now(subject),
        opened_at=now,
        expires_at=now + options.expires_after,
        people=people_by_role([subject], [actor.name], [_authors(checks)], [draft.body.rules])[0],
        checks=checks,
        reviews=(),
        overrides=(),
        findings=findings_for_move(findings_by_version([row]).get(row.pk, ()), leaves=leaves),
        rejections=rejections_by_version([row]).get(row.pk, ()),
        earlier_approval=None,  # only a rollback needs one, and this is a promotion
        review_due_at=None if leaves else blocked_since([row], policies).get(row.pk),
        reason="",
        e_signature=options.e_signature,
        needs_passkey=options.signed_by is not None,
        subject_digest="",
        parts={},
    )
    verdict = evaluate(build_snapshot(subject, draft.body.rules, facts), now)
    governed = governing_policy(policies, facts_of_model(subject), draft.body.target)
    return DryRun(
        version=row,
        target=draft.body.target,
        verdict=replace(verdict, rules=tuple(_not_run_yet(rule, checks) for rule in verdict.rules)),
        basis=basis,
        governs=governed is draft,
        governed_by=governed.label if governed is not None and governed is not draft else "",
        asked_by=actor.name,
    )


def _authors(checks: Mapping[str, CheckFacts]) -> frozenset[str]:
    return frozenset(check.author for check in checks.values() if check.author)


def _not_run_yet(row: RuleVerdict, checks: Mapping[str, CheckFacts]) -> RuleVerdict:
    """Return a verdict that says that the check would run, for a pending check without a result; others unchanged."""
    if row.kind != "check" or row.rule in checks or row.status.value != "pending":
        return row
    return replace(row, why=_WOULD_RUN, since=None)


def _checks(
    rules: Iterable[Rule], subject: Subject, version: ModelVersion, now: datetime, *, run_checks: bool
) -> tuple[dict[str, CheckFacts], dict[str, str]]:
    """Return the results of the checks, and where each comes from, both by rule id; one query."""
    check_rules = [rule for rule in rules if isinstance(rule, CheckRule)]
    catalogue = known_checks()
    inputs = {rule.id: inputs_digest(catalogue[rule.check], rule.params, subject) for rule in check_rules}
    rows = CheckRun.objects.filter(
        request__version=version, inputs_digest__in=set(inputs.values()), state__in=_WITH_RESULT
    )
    jobs = {row.inputs_digest: row for row in rows.order_by("pk")}
    results: dict[str, CheckFacts] = {}
    basis: dict[str, str] = {}
    for rule in check_rules:
        if job := jobs.get(inputs[rule.id]):
            results[rule.id] = check_facts(job)
            basis[rule.id] = f"result of check run {job.pk}, which read the same inputs"
        elif run_checks and _is_quick(catalogue[rule.check]):
            results[rule.id] = _run_here(rule, subject, now)
            basis[rule.id] = "run just now"
        else:
            posted = getattr(catalogue[rule.check], "posted", False)
            basis[rule.id] = "would wait for an external result" if posted else "would run"
    return results, basis


def _is_quick(check: Check) -> bool:
    """Return whether a check may run inside an HTTP request: it only reads, and takes a short time."""
    return getattr(check, "queue", "fast") == "fast" and not getattr(check, "posted", False)


def _run_here(rule: CheckRule, subject: Subject, now: datetime) -> CheckFacts:
    check = known_checks()[rule.check]
    try:
        result = check.run(subject, check.parse(rule.params), lambda _: None)
    except Exception:  # a check that raises does not pass, here as in a worker
        log.exception("The check %s raised an exception in a dry run.", rule.check)
        return CheckFacts(CheckState.ERROR, "The check did not complete. The server's log says why.", now)
    return CheckFacts(CheckState.PASSED if result.passed else CheckState.FAILED, result.summary, now)
