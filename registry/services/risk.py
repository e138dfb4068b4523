"""Assessing the risk of a model: answers to the questionnaire, kept as numbered revisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from django.db import transaction

from audit.actions import Action
from audit.services import record
from core.actors import Actor
from core.errors import Conflict
from registry.gates import require_no_own_relief
from registry.models import RiskAssessment
from registry.names import check_text
from registry.permissions import Level, require_level
from registry.risk import UNASSESSED_TIER, current_assessment, newest_questionnaire, rank, score
from registry.services.models import lock_named

MAX_RATIONALE = 20_000


@transaction.atomic
def assess_risk(
    *, actor: Actor, name: str, answers: Mapping[str, str], expected_number: int, rationale: str = ""
) -> RiskAssessment:
    """Keep these answers to the newest questionnaire as the model's assessment, and return it with the tier they come to.

    ``expected_number`` is the assessment the caller saw, 0 for none: Conflict when there is a newer one. A lower tier than
    the present one (without an assessment: than policies assume) is for those who manage the model, Denied otherwise:
    policies go by the tier, and an author must not talk their way out of one. InvalidInput for answers that do not fit
    the questions; NotFound, Denied.
    """
    assessed = score(newest_questionnaire(), answers)
    words = check_text(rationale.strip(), "rationale", MAX_RATIONALE)
    model = lock_named(actor=actor, name=name, level=Level.EDIT, action=Action.REGISTRY_RISK_ASSESSED)
    before = current_assessment(model)
    number = before.number if before else 0
    if number != expected_number:
        raise Conflict(
            f"{name} is at risk assessment {number}, you answered after reading {expected_number}. "
            "Load it again and repeat your answers."
        )
    if rank(assessed.tier) < rank(before.tier if before else UNASSESSED_TIER):
        require_level(actor, model, Level.MANAGE, action=Action.REGISTRY_RISK_ASSESSED)
    require_no_own_relief(actor=actor, model=model, tier=assessed.tier, action=Action.REGISTRY_RISK_ASSESSED)
    made = RiskAssessment(
        model=model,
        number=number + 1,
        questionnaire=newest_questionnaire().version,
        answers=dict(answers),
        score=assessed.score,
        tier=assessed.tier,
        reasons=[asdict(reason) for reason in assessed.reasons],
        rationale=words,
        author=actor.name,
    )
    made.save()
    record(
        actor=actor,
        action=Action.REGISTRY_RISK_ASSESSED,
        obj=model,
        before={"number": before.number, "tier": before.tier} if before else {},
        after={
            "number": made.number,
            "tier": made.tier,
            "score": made.score,
            "questionnaire": made.questionnaire,
            "answers": made.answers,
        },
        reason=words,
    )
    return made
