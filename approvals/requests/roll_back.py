"""Rollback: bringing back an earlier version whose approval is still valid, in one action."""

from __future__ import annotations

from dataclasses import dataclass

from approvals.case.rollback_candidates import rollback_candidates
from approvals.models import MAX_COMMENT, TransitionRequest
from approvals.requests.open import open_request
from approvals.requests.transition import advance_request
from audit.actions import Action
from core.actors import Actor
from core.errors import InvalidInput, InvalidState
from policies.matching import policy_for
from policies.request_kinds import RequestKind
from policies.targets import is_alias, is_governable
from registry.models import ModelVersion, RegisteredModel
from registry.names import check_text
from registry.permissions import Level, require_level
from registry.queries import get_model, get_version
from registry.services.stages import change_stage
from registry.stages import Stage


@dataclass(frozen=True, slots=True)
class RollbackResult:
    """The version that is brought back, and the rollback request; None if no policy governs the target."""

    version: ModelVersion
    request: TransitionRequest | None


def roll_back(
    *,
    actor: Actor,
    name: str,
    reason: str,
    version: int | None = None,
    target: str = Stage.PRODUCTION,
    wait_seconds: float | None = None,
) -> RollbackResult:
    """Bring back the version that was last at ``target``, or ``version`` if given. Return it with its request.

    The rollback request is applied at once if the policy's rules for rollbacks are met; otherwise it waits for its
    approvals. The replaced version is archived in the same transaction. Raises NotFound, Denied (the actor may not edit
    the model), InvalidInput (no reason, no such target), TooLarge, InvalidState (no version can be brought back; the
    message has the reason for each), Conflict (another request for that version is open).
    """
    checked_reason = _checked_reason(reason, target)
    model = get_model(actor, name)
    require_level(actor, model, Level.EDIT, action=Action.APPROVALS_REQUEST_OPENED)
    chosen = _choose(actor, model, target, version)
    if policy_for(model, target) is None:
        moved = change_stage(
            actor=actor,
            version=chosen,
            target=Stage(target),
            archive_existing=True,
            reason=f"Rollback. {checked_reason}",
        )
        return RollbackResult(moved, None)
    request = open_request(
        actor=actor,
        name=name,
        version=chosen.version,
        target=target,
        archive_existing=not is_alias(target),
        comment=checked_reason,
        kind=RequestKind.ROLLBACK,
    )
    done = advance_request(actor=actor, request=request, wait_seconds=wait_seconds)
    return RollbackResult(get_version(actor, name, chosen.version), done)


def _checked_reason(reason: str, target: str) -> str:
    """Return the stripped reason. Raises InvalidInput for an empty one and for a target no policy can govern."""
    checked = check_text(reason.strip(), "reason", MAX_COMMENT)
    if not checked:
        raise InvalidInput("A rollback needs a reason.")
    if not is_governable(target):
        raise InvalidInput(
            f"A rollback goes back to Production, Staging or an alias such as @champion, not to {target[:100]}."
        )
    return checked


def _choose(actor: Actor, model: RegisteredModel, target: str, number: int | None) -> ModelVersion:
    if target != Stage.PRODUCTION and policy_for(model, target) is None:
        raise InvalidState(f"No policy governs {target} of {model.name}: move the version there directly.")
    candidates = rollback_candidates(model, target)
    if number is not None:
        target_version = get_version(actor, model.name, number)
        candidates = [row for row in candidates if row.version.pk == target_version.pk]
        if not candidates:
            raise InvalidState(
                f"{target_version} was never in {target} before, or is there now: ask for a promotion instead."
            )
    for candidate in candidates:
        if not candidate.obstacle:
            return candidate.version
    if not candidates:
        raise InvalidState(f"No version of {model.name} can be brought back: none was in {target} before.")
    lines = "\n".join(f"- v{row.version.version}: {row.obstacle}" for row in candidates[:10])
    raise InvalidState(f"No version of {model.name} can be brought back.\n{lines}")
