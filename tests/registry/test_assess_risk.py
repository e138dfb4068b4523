"""The risk questionnaire: answers become a tier, each assessment stays,
and a lower tier is not the author's to take.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from accounts.models import User
from audit.models import Event
from audit.services import record_denial
from core.actors import Actor
from core.errors import Conflict, Denied, InvalidInput, NotFound
from registry.models import RegisteredModel, RiskAssessment
from registry.questionnaire import QUESTIONNAIRES
from registry.risk import TIERS, newest_questionnaire, rank, score, tiers_of
from registry.services.models import create_model
from registry.services.risk import assess_risk
from tests.conftest import Acting

# The least that can be answered: a model that hurts nobody.
HARMLESS = {question.code: question.options[0].code for question in newest_questionnaire().questions}
CREDIT = HARMLESS | {"area": "services", "harm": "material"}
anyhow = st.fixed_dictionaries(
    {
        question.code: st.sampled_from([option.code for option in question.options])
        for question in newest_questionnaire().questions
    }
)


def tier(**changes: str) -> str:
    return score(newest_questionnaire(), HARMLESS | changes).tier


def assess(actor: Actor, number: int = 0, **changes: str) -> RiskAssessment:
    return assess_risk(actor=actor, name="fraud", answers=HARMLESS | changes, expected_number=number)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "minimal"),
        ({"practice": "social_scoring"}, "unacceptable"),
        ({"area": "employment"}, "high"),
        ({"area": "employment", "derogation": "narrow"}, "limited"),
        ({"area": "employment", "derogation": "narrow", "profiling": "yes"}, "high"),
        ({"area": "product_safety", "derogation": "narrow"}, "high"),
        ({"derogation": "narrow"}, "minimal"),
        ({"transparency": "interacts"}, "limited"),
        ({"harm": "severe"}, "limited"),
        ({"harm": "severe", "autonomy": "alone", "scale": "thousands"}, "high"),
    ],
)
def test_answers_come_to_a_tier(changes: dict[str, str], expected: str) -> None:
    assert tier(**changes) == expected


def test_the_reasons_name_the_answer_and_its_source() -> None:
    reasons = score(newest_questionnaire(), CREDIT).reasons
    assert [reason.tier for reason in reasons] == ["high", "minimal"]
    assert "credit" in reasons[0].text
    assert "Annexes I and III" in reasons[0].text
    assert reasons[1].text.startswith("3 of ")


@given(anyhow, st.sampled_from(["harm", "autonomy", "reversibility", "scale", "vulnerable", "profiling"]))
def test_a_graver_answer_never_lowers_the_tier(answers: dict[str, str], code: str) -> None:
    question = newest_questionnaire().question(code)
    assert question is not None
    ranks = [
        rank(score(newest_questionnaire(), answers | {code: option.code}).tier)
        for option in sorted(question.options, key=lambda option: option.points)
    ]
    assert ranks == sorted(ranks)


@given(anyhow)
def test_every_set_of_answers_has_a_tier_and_a_reason_for_it(answers: dict[str, str]) -> None:
    assessed = score(newest_questionnaire(), answers)
    assert assessed.tier in {reason.tier for reason in assessed.reasons} & set(TIERS)


@pytest.mark.parametrize(
    "answers",
    [{}, HARMLESS | {"harm": ""}, HARMLESS | {"harm": "x"}, HARMLESS | {"more": "x"}, {**HARMLESS, "harm": ["none"]}],
)
def test_answers_that_do_not_fit_are_refused(answers: Any, by_ada: Actor, fraud: RegisteredModel) -> None:
    with pytest.raises(InvalidInput):
        assess_risk(actor=by_ada, name="fraud", answers=answers, expected_number=0)
    assert not RiskAssessment.objects.exists()


def test_an_assessment_is_numbered_and_recorded(by_ada: Actor, fraud: RegisteredModel) -> None:
    made = assess_risk(actor=by_ada, name="fraud", answers=CREDIT, expected_number=0, rationale=" Scores loans. ")
    assert (made.number, made.tier, made.questionnaire, made.rationale) == (1, "high", 1, "Scores loans.")
    assert Event.objects.filter(action="registry.risk.assessed", outcome="ok").count() == 1
    assert assess(by_ada, 1, practice="manipulation").number == 2
    assert tiers_of([fraud.pk]) == {fraud.pk: "unacceptable"}


def test_two_assessors_do_not_overwrite_each_other(by_ada: Actor, fraud: RegisteredModel) -> None:
    assess(by_ada)
    with pytest.raises(Conflict, match="assessment 1"):
        assess(by_ada, area="justice")
    assert tiers_of([fraud.pk]) == {fraud.pk: "minimal"}


def test_an_editor_raises_a_tier_and_does_not_lower_it(
    settings: Settings, by_ada: Actor, cy: User, acting: Acting, fraud: RegisteredModel
) -> None:
    settings.DEFAULT_MODEL_LEVEL = "edit"
    assess(by_ada)
    assess(acting(cy), 1, area="services")
    with pytest.raises(Denied, match="manage") as denied:
        assess(acting(cy), 2)
    record_denial(actor=acting(cy), error=denied.value)
    assert tiers_of([fraud.pk]) == {fraud.pk: "high"}
    assert Event.objects.filter(action="registry.risk.assessed", outcome="denied").count() == 1
    assert assess(by_ada, 2).tier == "minimal"


def test_an_editor_s_first_word_is_no_way_out_of_what_policies_assume(
    settings: Settings, cy: User, acting: Acting, fraud: RegisteredModel
) -> None:
    settings.DEFAULT_MODEL_LEVEL = "edit"
    with pytest.raises(Denied, match="manage"):
        assess(acting(cy))
    assert not RiskAssessment.objects.exists()
    assert assess(acting(cy), area="services").tier == "high"


@pytest.mark.parametrize(("level", "error"), [("read", Denied), ("none", NotFound)])
def test_others_assess_nothing(
    level: str, error: type[Exception], settings: Settings, cy: User, acting: Acting, fraud: RegisteredModel
) -> None:
    settings.DEFAULT_MODEL_LEVEL = level
    with pytest.raises(error):
        assess(acting(cy))
    assert not RiskAssessment.objects.exists()


def test_tiers_of_many_models_take_one_query(by_ada: Actor, fraud: RegisteredModel) -> None:
    other, never = (create_model(actor=by_ada, name=name) for name in ("churn", "never"))
    assess(by_ada, area="services")
    assess_risk(actor=by_ada, name="churn", answers=HARMLESS, expected_number=0)
    assess_risk(actor=by_ada, name="churn", answers=HARMLESS | {"transparency": "interacts"}, expected_number=1)
    with CaptureQueriesContext(connection) as queries:
        found = tiers_of([fraud.pk, other.pk, never.pk])
    assert (found, len(queries)) == ({fraud.pk: "high", other.pk: "limited"}, 1)


@pytest.mark.parametrize(
    "change",
    [
        lambda: RiskAssessment._base_manager.all()._raw_delete("default"),
        lambda: connection.cursor().execute("UPDATE registry_riskassessment SET tier = 'minimal'"),
        lambda: connection.cursor().execute("DELETE FROM registry_riskassessment"),
    ],
)
def test_the_database_keeps_assessments_as_they_are(
    change: Callable[[], object], by_ada: Actor, fraud: RegisteredModel
) -> None:
    assess(by_ada, area="services")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        change()
    assert RiskAssessment.objects.get().tier == "high"


def test_a_tier_that_is_not_known_ranks_highest() -> None:
    assert rank("") == rank("nonsense") > rank("unacceptable") > rank("minimal") == 0


def test_questionnaires_are_numbered_and_every_answer_has_a_code_of_its_own() -> None:
    assert [known.version for known in QUESTIONNAIRES] == list(range(1, len(QUESTIONNAIRES) + 1))
    for known in QUESTIONNAIRES:
        assert len({question.code for question in known.questions}) == len(known.questions)
        for question in known.questions:
            assert len({option.code for option in question.options}) == len(question.options)
