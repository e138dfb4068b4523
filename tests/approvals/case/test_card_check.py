"""card.complete with a template: by code, by version, by the model's tier, and up to a score."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pytest

from approvals.case.incumbents import Move
from approvals.case.subjects import load_subject
from core.actors import Actor
from core.errors import InvalidInput
from registry.cards import EDITABLE_KEYS
from registry.models import ModelVersion
from registry.queries import current_card
from registry.services.cards import edit_card
from registry.services.risk import assess_risk
from registry.stages import Stage
from tests.approvals.conftest import NewVersion
from tests.registry.card_cast import FULL
from tests.registry.test_assess_risk import HARMLESS
from validation.base import Check, CheckResult, Subject, inputs_digest
from validation.checks.card import Complete

CHECK = cast("Check", Complete())


def subject(version: ModelVersion) -> Subject:
    return load_subject(Move(version, Stage.PRODUCTION, archive_existing=True))


def result(version: ModelVersion, params: Mapping[str, object]) -> CheckResult:
    return CHECK.run(subject(version), CHECK.parse(params), lambda _percent: None)


def test_six_fields_are_enough_without_parameters(new_version: NewVersion) -> None:
    found = result(new_version(), {})
    assert (found.passed, found.summary) == (True, "Every field of the model card is filled.")


def test_a_template_asks_for_more(new_version: NewVersion, by_ada: Actor) -> None:
    version = new_version(tags={})
    found = result(version, {"template": "mrm"})
    assert not found.passed
    assert "MRM (SR 26-2, formerly SR 11-7)" in found.summary
    edit_card(actor=by_ada, version=version, fields=FULL, expected_number=current_card(version).number)
    # this run logged no datasets and no commit, and nobody can write them in
    missing = {key: result(version, {"template": key}).evidence["missing"] for key in ("mrm", "mrm@1", "part_11")}
    assert missing == {"mrm": ["data"], "mrm@1": ["data"], "part_11": ["code"]}
    assert result(version, {"template": "transparency"}).passed
    assert result(version, {"template": "mrm", "min_score": 90}).passed


def test_the_tier_picks_the_template(new_version: NewVersion, by_ada: Actor) -> None:
    version = new_version()
    unassessed = result(version, {"template": "by_tier"})
    assess_risk(actor=by_ada, name="fraud", answers=HARMLESS, expected_number=0)
    assert (unassessed.passed, unassessed.evidence["template"]) == (False, "eu_annex_iv@1")
    assert result(version, {"template": "by_tier"}).passed
    assess_risk(actor=by_ada, name="fraud", answers=HARMLESS | {"transparency": "interacts"}, expected_number=1)
    assert result(version, {"template": "by_tier"}).evidence["missing"] == [
        "users",
        "deployer_instructions",
        "human_oversight",
    ]


def test_another_tier_makes_an_earlier_result_not_count(new_version: NewVersion, by_ada: Actor) -> None:
    version = new_version()
    params = {"template": "by_tier"}
    before, plain = inputs_digest(CHECK, params, subject(version)), inputs_digest(CHECK, {}, subject(version))
    assess_risk(actor=by_ada, name="fraud", answers=HARMLESS, expected_number=0)
    assert inputs_digest(CHECK, params, subject(version)) != before
    assert inputs_digest(CHECK, {}, subject(version)) == plain


@pytest.mark.parametrize(
    "params",
    [{"template": "nonsense"}, {"template": 1}, {"template": "mrm@9"}, {"min_score": 0}, {"min_score": 101}, {"min_score": "x"},
     {"min_score": True}, {"score": 1}],
)  # fmt: skip
def test_parameters_that_make_no_sense_are_refused(params: Any) -> None:
    with pytest.raises(InvalidInput):
        CHECK.parse(params)


def test_a_version_without_a_card_passes_nothing(new_version: NewVersion) -> None:
    assert set(FULL) == set(EDITABLE_KEYS)
    version = new_version(card=False)
    assert not result(version, {}).passed
    assert not result(version, {"template": "part_11", "min_score": 60}).passed
