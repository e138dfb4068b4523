"""The transition gate. The registry calls it before each move of a version, in the transaction of the move."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from django.utils import timezone

from approvals.case.earlier_approvals import approval_of
from approvals.case.held import held_or_loaded
from approvals.case.loading import Case
from approvals.models import LIVE_STATES, RequestState, TransitionRequest
from approvals.oversight.conditions import expired_condition
from approvals.policy_changes.policy_tags import is_named_by_policies
from approvals.policy_changes.scope_guards import protected_lookalike, relaxation_refusal, targets_affected_by_rename
from approvals.requests.refusals import ApprovalLapsed, refusal, single_blocker
from approvals.requests.targets import is_at_target
from approvals.verdict.rule_outcomes import RuleStatus
from core.actors import Actor, ActorKind
from core.errors import Blocker, GateRefused
from policies.leaving import policies_for_move
from policies.matching import is_governed, policy_for
from policies.request_kinds import RequestKind
from policies.transitions import transition_refusal
from registry.gates import GatePass
from registry.models import ModelVersion, RegisteredModel
from registry.stages import Stage
from validation.catalogue import find_check


class PolicyGate:
    """Lets a governed move pass only on a live request whose verdict, evaluated under the lock, is approved.

    The caller holds the model's lock. Everything that writes facts of a verdict takes that lock too, except tracking:
    run tags and metrics are read in this transaction. The bytes of the artifact are not in the database, so they are
    checked again here.
    """

    def governs(self, *, model: RegisteredModel, target: str) -> bool:
        """Return whether a policy governs moves of this model to this target."""
        return policy_for(model, target) is not None

    def transition_refusal(self, *, model: RegisteredModel, source: str, target: str) -> str:
        """Return the reason why the policy on transitions does not allow this move; "" if it does or there is none."""
        return transition_refusal(model, source, target)

    def governs_model(self, *, model: RegisteredModel) -> bool:
        """Return whether a policy governs any move of this model."""
        return is_governed(model)

    def depends_on_tag(self, *, model: RegisteredModel, key: str) -> bool:
        """Return whether a policy that may apply to the model names this tag."""
        return is_named_by_policies(model, key)

    def check(self, *, version: ModelVersion, target: str, actor: Actor, archive_existing: bool) -> GatePass | None:
        """Return a pass based on the approval of the live request; None if no policy governs the move.

        Raises GateRefused with the blockers; ApprovalLapsed if the request was approved before and is not any more.
        """
        if policies_for_move(version, target).governing is None:
            _require_no_lookalike(version, target)
            return None
        if is_at_target(version, target):
            return _already_there(version, target)
        if actor.kind is ActorKind.SYSTEM and (ended := expired_condition(version, target, timezone.now())):
            return GatePass(approved_by=(), approved_at=None, basis=ended, rollback_window=timedelta(0))
        case = _live_case(version, target)
        if case is None:
            who = "anybody who may edit the model, by asking for the transition"
            blockers = single_blocker("request", "Nobody has asked for this transition yet.", who)
            raise refusal(version, target, blockers, request_id=None)
        if case.request.archive_existing != archive_existing:
            requested_archiving = str(case.request.archive_existing).lower()
            why = f"The request asks for archive_existing_versions={requested_archiving}."
            raise refusal(version, target, single_blocker("request", why, actor.name), request_id=case.request.pk)
        verdict = case.verdict
        blockers = _confirm(case) if verdict.is_approved else verdict.blocked_by() or _rejected()
        if blockers:
            raise _refused(case, blockers, resolves_with_time=verdict.resolves_with_time)
        return _pass(case)

    def targets_affected_by_rename(self, *, model: RegisteredModel, new_name: str) -> list[str]:
        """Return the targets in use that another policy, or no policy, would govern under the new name."""
        return targets_affected_by_rename(model, new_name)

    def relaxation_refusal(
        self, *, actor: Actor, model: RegisteredModel, name: str | None, tags: Mapping[str, str] | None, tier: str
    ) -> str:
        """Return the reason why the actor may not relax the requirements on a model by these changes; "" if allowed."""
        return relaxation_refusal(actor, model, name=name, tags=tags, tier=tier)


def _require_no_lookalike(version: ModelVersion, target: str) -> None:
    """Refuse an alias that looks like a protected one: `@Champion` beside `@champion`."""
    if other := protected_lookalike(version.model, target):
        why = f"{target} looks like the protected alias {other}."
        raise refusal(version, target, single_blocker("alias", why, "you, by choosing another name"), request_id=None)


def _pass(case: Case) -> GatePass:
    """Return the pass of an approved request. A rollback relies on the earlier approval that is still valid."""
    verdict, request = case.verdict, case.request
    basis_facts: dict[str, str | int] = {"kind": request.kind, "request": request.pk}
    approvers, approved_at = verdict.approvers, verdict.approved_at
    earlier = case.snapshot.earlier_request
    if request.kind == RequestKind.ROLLBACK and earlier:
        basis_facts["earlier_request"] = earlier
        if not approvers:
            approvers, approved_at = approval_of(earlier)
    relied_on = " by break-glass" if request.kind == RequestKind.BREAK_GLASS else ""
    if "earlier_request" in basis_facts:
        relied_on = f" on the approval of request:{earlier}"
    return GatePass(
        approved_by=approvers,
        approved_at=approved_at,
        basis=f"request:{request.pk} {case.policy.label} subject:{verdict.subject_digest}{relied_on}",
        rollback_window=case.policy.body.options.rollback_window,
        stands_on=basis_facts,
        is_full_validation=_is_full_validation(case),
    )


def _is_full_validation(case: Case) -> bool:
    """Return whether this is a promotion to Production that passed every rule of a full validation, none overridden."""
    required_rules = set((case.current or case.policy).body.options.full_validation)
    passed = {row.rule for row in case.verdict.rules if row.status is RuleStatus.PASSED}
    is_promotion = case.request.kind == RequestKind.PROMOTION and case.request.target == Stage.PRODUCTION
    return is_promotion and bool(required_rules) and required_rules <= passed


def _already_there(version: ModelVersion, target: str) -> GatePass:
    """Return a pass for a version that is at the target already, based on the approval that brought it there.

    Such a move only archives the other versions at the target.
    """
    approvers = tuple(name for name in version.approved_by.split(", ") if name)
    policy = policy_for(version.model, target)
    window = policy.body.options.rollback_window if policy else timedelta(0)
    return GatePass(
        approved_by=approvers,
        approved_at=version.approved_at,
        basis=f"in {target} already",
        rollback_window=window,
        stands_on=version.approval_basis or {},
    )


def _live_case(version: ModelVersion, target: str) -> Case | None:
    rows = TransitionRequest.objects.with_relations().select_for_update(no_key=True, of=("self",))
    request = rows.filter(version=version, target=target, state__in=LIVE_STATES).first()
    return held_or_loaded(request) if request is not None else None


def _confirm(case: Case) -> list[Blocker]:
    """Return a blocker for each check that fails its confirmation at the moment of promotion."""
    blockers: list[Blocker] = []
    for rule in case.check_rules:
        check = find_check(rule.check)
        confirm = getattr(check, "confirm", None)
        why = confirm(case.subject, check.parse(rule.params)) if confirm else ""
        if why:
            blockers += single_blocker(rule.id, why, "an operator of this server")
    return blockers


def _rejected() -> list[Blocker]:
    return single_blocker(
        "reviewers",
        "A reviewer has rejected the request.",
        "everybody who may edit the model, by opening a new request",
    )


def _refused(case: Case, blockers: list[Blocker], *, resolves_with_time: bool) -> GateRefused:
    request = case.request
    lapsed = request.state == RequestState.APPROVED and not resolves_with_time
    kind = ApprovalLapsed if lapsed else GateRefused
    return refusal(request.version, request.target, blockers, request_id=request.pk, kind=kind)
