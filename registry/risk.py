"""The risk tier of a model, computed from the answers to the questionnaire.

A model that nobody has assessed has no tier. Policies and templates treat it as UNASSESSED_TIER, the highest tier
below the prohibited one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db.models import F, Window
from django.db.models.functions import RowNumber

from core.errors import InvalidInput
from registry.models import RegisteredModel, RiskAssessment
from registry.questionnaire import HIGH, QUESTIONNAIRES, TIERS, Option, Question, Questionnaire

__all__ = [
    "TIERS",
    "UNASSESSED_TIER",
    "Assessed",
    "Reason",
    "assessment_history",
    "current_assessment",
    "rank",
    "score",
    "tiers_of",
]

UNASSESSED_TIER = HIGH
# Annex I cases are high-risk by Article 6(1); the derogation of Article 6(3) is for Annex III only.
_WITHOUT_RELIEF = "product_safety"

Answers = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason why the tier is not lower. ``tier`` is the lowest tier that it allows."""

    tier: str
    text: str


@dataclass(frozen=True, slots=True)
class Assessed:
    """The result of a set of answers: the tier, and the points as ``score``.

    ``reasons`` are in the order of the questions; the reason of the points is the last.
    """

    tier: str
    score: int
    reasons: tuple[Reason, ...]


def newest_questionnaire() -> Questionnaire:
    """Return the questionnaire that new assessments answer."""
    return QUESTIONNAIRES[-1]


def rank(tier: str) -> int:
    """Return the index of a tier in TIERS, 0 for the lowest. An unknown or empty tier ranks above all others."""
    return TIERS.index(tier) if tier in TIERS else len(TIERS)


def score(questionnaire: Questionnaire, answers: Answers) -> Assessed:
    """Return the tier of these answers. Raises InvalidInput, which names each question without a valid answer."""
    chosen = _chosen(questionnaire, answers)
    points = sum(option.points for _, option in chosen)
    by_points = max((tier for least, tier in questionnaire.thresholds if points >= least), key=rank)
    reasons = [
        *(_floor(questionnaire, answers, question, option) for question, option in chosen if option.floor),
        Reason(by_points, f"{points} of {questionnaire.most_points} points: {_steps(questionnaire)}."),
    ]
    return Assessed(max((reason.tier for reason in reasons), key=rank), points, tuple(reasons))


def tiers_of(model_ids: Iterable[int]) -> dict[int, str]:
    """Return the tier of each of these models that has been assessed, by model id; one query."""
    rows = RiskAssessment.objects.filter(model_id__in=list(model_ids)).annotate(
        position=Window(RowNumber(), partition_by=[F("model_id")], order_by=F("number").desc())
    )
    return dict(rows.filter(position=1).values_list("model_id", "tier"))


def current_assessment(model: RegisteredModel) -> RiskAssessment | None:
    """Return the newest assessment of a model, None where there is none."""
    assessment: RiskAssessment | None = RiskAssessment.objects.filter(model=model).order_by("-number").first()
    return assessment


def assessment_history(model: RegisteredModel) -> list[RiskAssessment]:
    """Return the assessments of a model, newest first."""
    return list(RiskAssessment.objects.filter(model=model).order_by("-number"))


def _chosen(questionnaire: Questionnaire, answers: Answers) -> list[tuple[Question, Option]]:
    """Return each question with its chosen option. Raises InvalidInput."""
    unknown = [code for code in answers if questionnaire.question(code) is None]
    if unknown:
        raise InvalidInput(f"The questionnaire has no question {', '.join(str(code)[:50] for code in unknown[:5])}.")
    chosen = [(question, question.option(answers.get(question.code, ""))) for question in questionnaire.questions]
    wrong = [
        f"{question.code}: one of {', '.join(option.code for option in question.options)}"
        for question, option in chosen
        if option is None
    ]
    if wrong:
        raise InvalidInput(f"The questionnaire needs an answer to every question. {'; '.join(wrong)}.")
    return [(question, option) for question, option in chosen if option is not None]


def _floor(questionnaire: Questionnaire, answers: Answers, question: Question, option: Option) -> Reason:
    """Return the floor of an answer, lowered where the derogation applies."""
    derogation = questionnaire.derogation
    text = f"{question.text} {option.text}"
    if question.code != derogation.of or answers[derogation.by] == "none" or option.code == _WITHOUT_RELIEF:
        return Reason(option.floor, f"{text} ({question.source}).")
    if answers[derogation.unless] == "yes":
        return Reason(option.floor, f"{text} ({question.source}); no derogation, because persons are profiled.")
    return Reason(derogation.floor, f"{text} ({question.source}), with the derogation of Article 6(3).")


def _steps(questionnaire: Questionnaire) -> str:
    return ", ".join(f"{tier} from {least}" for least, tier in questionnaire.thresholds)
