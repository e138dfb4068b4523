"""The transition gate: what the registry asks, inside the transaction that moves a version, before it moves."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from approvals.case.loading import Case, load_case
from approvals.models import LIVE_STATES, RequestState, TransitionRequest
from approvals.policy_changes.policy_tags import is_named_by_policies
from approvals.policy_changes.scope_guards import protected_lookalike, relaxation_refusal, targets_affected_by_rename
from approvals.requests.refusals import ApprovalLapsed, one_blocker, refusal
from approvals.requests.targets import is_there
from core.actors import Actor
from core.errors import Blocker, GateRefused
from policies.matching import policy_for
from registry.gates import GatePass
from registry.models import ModelVersion, RegisteredModel
from validation.catalogue import find_check


class PolicyGate:
    """Passes a governed move only on a live request whose verdict, evaluated under the lock, is approved.

    The caller holds the model's lock. Everything that writes facts of a verdict takes that lock too, except tracking:
    run tags and metrics are read in this transaction. Facts that no row has, the bytes of the artifact, are checked
    again here.
    """

    def governs(self, *, model: RegisteredModel, target: str) -> bool:
        """Return whether a policy governs moves of this model to this target."""
        return policy_for(model, target) is not None

    def depends_on_tag(self, *, model: RegisteredModel, key: str) -> bool:
        """Return whether a policy that may apply to the model names this tag."""
        return is_named_by_policies(model, key)

    def check(self, *, version: ModelVersion, target: str, actor: Actor, archive_existing: bool) -> GatePass | None:
        """Return a pass on the approval of the live request; None where no policy governs the move.

        Raises GateRefused with the blockers, and ApprovalLapsed where the request was approved and is no longer.
        """
        policy = policy_for(version.model, target)
        if policy is None:
            _require_no_lookalike(version, target)
            return None
        if is_there(version, target):
            return _already_there(version, target)
        case = _live_case(version, target)
        if case is None:
            who = "anybody who may edit the model, by asking for the transition"
            missing = one_blocker("request", "Nobody has asked for this transition yet.", who)
            raise refusal(version, target, missing, request_id=None)
        if case.request.archive_existing != archive_existing:
            asked = str(case.request.archive_existing).lower()
            why = f"The request asks for archive_existing_versions={asked}."
            raise refusal(version, target, one_blocker("request", why, actor.name), request_id=case.request.pk)
        verdict = case.verdict
        blockers = _confirm(case) if verdict.is_approved else verdict.blocked_by() or _rejected()
        if blockers:
            raise _refused(case, blockers, only_waits=verdict.only_waits)
        return GatePass(
            approved_by=verdict.approvers,
            approved_at=verdict.approved_at,
            basis=f"request:{case.request.pk} {case.policy.label} subject:{verdict.subject_digest}",
            rollback_window=case.policy.body.options.rollback_window,
        )

    def targets_affected_by_rename(self, *, model: RegisteredModel, new_name: str) -> list[str]:
        """Return the targets in use that another policy, or none, would govern if the model had this name."""
        return targets_affected_by_rename(model, new_name)

    def relaxation_refusal(
        self, *, actor: Actor, model: RegisteredModel, name: str | None, tags: Mapping[str, str] | None, tier: str
    ) -> str:
        """Return why this actor may not relax what is asked of the model by these changes; "" if allowed."""
        return relaxation_refusal(actor, model, name=name, tags=tags, tier=tier)


def _require_no_lookalike(version: ModelVersion, target: str) -> None:
    """Refuse an alias that looks like a protected one: `@Champion` beside `@champion`."""
    if other := protected_lookalike(version.model, target):
        why = f"{target} looks like the protected alias {other}."
        raise refusal(version, target, one_blocker("alias", why, "you, by choosing another name"), request_id=None)


def _already_there(version: ModelVersion, target: str) -> GatePass:
    """Return a pass for a version that is there already (only others are to be archived), on the approval it has."""
    approvers = tuple(name for name in version.approved_by.split(", ") if name)
    policy = policy_for(version.model, target)
    window = policy.body.options.rollback_window if policy else timedelta(0)
    return GatePass(
        approved_by=approvers, approved_at=version.approved_at, basis=f"in {target} already", rollback_window=window
    )


def _live_case(version: ModelVersion, target: str) -> Case | None:
    rows = TransitionRequest.objects.with_relations().select_for_update(no_key=True, of=("self",))
    request = rows.filter(version=version, target=target, state__in=LIVE_STATES).first()
    return load_case(request) if request is not None else None


def _confirm(case: Case) -> list[Blocker]:
    """Return a blocker for each check that fails its confirmation at the moment of promotion."""
    blockers: list[Blocker] = []
    for rule in case.check_rules:
        check = find_check(rule.check)
        confirm = getattr(check, "confirm", None)
        why = confirm(case.subject, check.parse(rule.params)) if confirm else ""
        if why:
            blockers += one_blocker(rule.id, why, "an operator of this server")
    return blockers


def _rejected() -> list[Blocker]:
    return one_blocker(
        "reviewers", "A reviewer has rejected the request.", "anybody who may edit the model, by asking again"
    )


def _refused(case: Case, blockers: list[Blocker], *, only_waits: bool) -> GateRefused:
    request = case.request
    lapsed = request.state == RequestState.APPROVED and not only_waits
    kind = ApprovalLapsed if lapsed else GateRefused
    return refusal(request.version, request.target, blockers, request_id=request.pk, kind=kind)
