"""Risk assessments of a model: answers to the questionnaire, stored as numbered revisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from django.db import transaction

from audit.actions import Action
from audit.services import record
from core.actors import Actor
from core.errors import Conflict
from registry.gates import require_no_own_relaxation
from registry.locks import lock_named
from registry.models import RegisteredModel, RiskAssessment
from registry.names import check_text
from registry.permissions import Level, require_level
from registry.risk import UNASSESSED_TIER, current_assessment, newest_questionnaire, rank, score

MAX_RATIONALE = 20_000


@transaction.atomic
def assess_risk(
    *, actor: Actor, name: str, answers: Mapping[str, str], expected_number: int, rationale: str = ""
) -> RiskAssessment:
    """Store these answers to the newest questionnaire as the model's next assessment, and return it with its tier.

    ``expected_number`` is the number of the assessment that the caller has read, 0 for none. A tier lower than the
    current one, or without an assessment lower than UNASSESSED_TIER, needs the level MANAGE. Policies depend on the
    tier, so an author must not lower the requirements for their own version.

    Raises NotFound (model), Denied, Conflict (there is a newer assessment), InvalidInput (answers that do not match
    the questions), TooLarge (rationale).
    """
    assessed = score(newest_questionnaire(), answers)
    rationale = check_text(rationale.strip(), "rationale", MAX_RATIONALE)
    model = lock_named(actor=actor, name=name, level=Level.EDIT, action=Action.REGISTRY_RISK_ASSESSED)
    before = current_assessment(model)
    _require_number(model, before, expected_number)
    if rank(assessed.tier) < rank(before.tier if before else UNASSESSED_TIER):
        require_level(actor, model, Level.MANAGE, action=Action.REGISTRY_RISK_ASSESSED)
    require_no_own_relaxation(actor=actor, model=model, tier=assessed.tier, action=Action.REGISTRY_RISK_ASSESSED)
    assessment = RiskAssessment(
        model=model,
        number=expected_number + 1,
        questionnaire=newest_questionnaire().version,
        answers=dict(answers),
        score=assessed.score,
        tier=assessed.tier,
        reasons=[asdict(reason) for reason in assessed.reasons],
        rationale=rationale,
        author=actor.name,
    )
    assessment.save()
    _record_assessed(actor, assessment, before)
    return assessment


def _require_number(model: RegisteredModel, current: RiskAssessment | None, expected: int) -> None:
    """Raise Conflict where the model's current assessment (0: none) is not the one the caller read."""
    number = current.number if current else 0
    if number != expected:
        raise Conflict(
            f"{model.name} has risk assessment {number}, but you have read assessment {expected}. "
            "Load it again and repeat your answers."
        )


def _record_assessed(actor: Actor, assessment: RiskAssessment, before: RiskAssessment | None) -> None:
    record(
        actor=actor,
        action=Action.REGISTRY_RISK_ASSESSED,
        obj=assessment.model,
        before={"number": before.number, "tier": before.tier} if before else {},
        after={
            "number": assessment.number,
            "tier": assessment.tier,
            "score": assessment.score,
            "questionnaire": assessment.questionnaire,
            "answers": assessment.answers,
        },
        reason=assessment.rationale,
    )
