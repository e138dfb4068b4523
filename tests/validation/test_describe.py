"""A check describes itself: its sentence stands on the page of a policy, a plug-in's as well as a built-in one's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from tests.validation.plugin_checks import CHECKS
from validation.catalogue import describe_check, known_checks
from validation.system_checks import check_validation_checks

METRIC = {"metric": "val_auc"}
SIGNED_BY = Path(__file__).parent / "signed" / "public.pem"
REQUIRED: dict[str, dict[str, Any]] = {
    "external": {"name": "Bias audit", "keys": ["ci"]},
    "metric.slices": {"max_gap": 0.1},
    "metric.threshold": {"metric": "val_auc", "at_least": 0.9},
    "model.signed": {"keys": [SIGNED_BY.read_text(encoding="utf-8")]},
}


@pytest.fixture
def plugins(settings: Settings) -> None:
    settings.CHECKS = [*settings.CHECKS, *CHECKS]


@pytest.mark.parametrize(
    ("code", "params", "sentence"),
    [
        ("artifact.digest_matches", {}, "Its files must be, byte for byte, the files that were registered."),
        (
            "artifact.scan",
            {},
            "Its files must be of known formats, and loading them must run no code but that of allowed libraries.",
        ),
        (
            "artifact.scan",
            {"allow": ["acme.Scorer", "acme.Other"], "allow_code": True},
            (
                "Its files must be of known formats, and loading them must run no code but that of allowed libraries. Also allowed: acme.Scorer and acme.Other."
                " Source files in its folder are accepted."
            ),
        ),
        ("card.complete", {}, "Its model card must be complete."),
        ("card.complete", {"min_score": 80}, "Its model card must be filled to at least 80 %."),
        (
            "external",
            {"name": "Bias audit", "keys": ["ci", "qa"]},
            "“Bias audit” must have been posted as passed, signed with the key ci or qa.",
        ),
        (
            "lineage.complete",
            {},
            "The code, data and environment of its training must be known, every requirement by its exact version.",
        ),
        ("lineage.complete", {"require": ["data"]}, "The data of its training must be known."),
        ("lineage.not_quarantined", {}, "No dataset version that it descends from may be quarantined."),
        ("lineage.required_tags", {"tags": ["owner"]}, "Its run must have the tag owner."),
        ("metric.no_regression", METRIC, "val_auc must not be worse than in current Production."),
        (
            "metric.no_regression",
            {**METRIC, "tolerance": 0.005, "decide_by": "interval", "unknown_data": "refuse"},
            (
                "val_auc must be no more than 0.005 worse than in current Production, judged by its 95 % confidence interval."
                " The evaluation data must be known."
            ),
        ),
        (
            "metric.no_regression",
            {"metric": "loss", "higher_is_better": False, "different_data": "allow"},
            "loss must not be worse than in current Production (lower is better). Different evaluation data are allowed.",
        ),
        (
            "metric.slices",
            {**METRIC, "at_least": 0.8, "max_gap": 0.1, "min_ratio": 0.8},
            (
                "val_auc must be at least 0.8 in every slice, differ by at most 0.1 between slices and be in every slice at least"
                " 0.8 times its value in any other."
            ),
        ),
        ("metric.threshold", {**METRIC, "at_least": 0.9, "at_most": 1}, "val_auc must be at least 0.9 and at most 1."),
        (
            "metric.threshold",
            {**METRIC, "at_least": 0.9, "decide_by": "interval", "confidence": 0.99},
            "val_auc must be at least 0.9, judged by its 99 % confidence interval.",
        ),
        ("model.signature", {}, "The model must have a signature that names its inputs and outputs."),
        (
            "model.signature",
            {"outputs": False, "compatible_with": "current_production"},
            "The model must have a signature that names its inputs, compatible with that of the current Production version.",
        ),
        ("model.smoke", {}, "It must load and answer its input example, in a sandbox."),
    ],
)
def test_a_built_in_check(code: str, params: dict[str, object], sentence: str) -> None:
    assert describe_check(code, params) == sentence


@pytest.mark.parametrize(
    ("code", "params", "sentence"),
    [
        ("naming.short", {}, "The name of the model is short."),
        ("naming.short", {"most": 5, "ascii": True}, "The name of the model is short (most: 5, ascii: yes)."),
        ("acme.reviewed", {"by": "risk"}, "The team risk must have reviewed its code."),
        ("acme.reviewed", {}, "The check acme.reviewed must pass."),
    ],
)
def test_a_plug_in(plugins: None, code: str, params: dict[str, object], sentence: str) -> None:
    assert describe_check(code, params) == sentence


def test_every_check_has_a_sentence_of_its_own() -> None:
    sentences = {code: describe_check(code, REQUIRED.get(code, {})) for code in known_checks()}
    assert all(text[0].isupper() or text[0] == "“" or text.startswith("val_") for text in sentences.values())
    assert all(text.endswith(".") and "The check" not in text for text in sentences.values())
    assert len(set(sentences.values())) == len(sentences)


def test_a_check_that_is_gone_is_named() -> None:
    assert describe_check("acme.gone", {}) == "The check acme.gone must pass."


def test_plug_ins_pass_the_system_check(plugins: None) -> None:
    assert check_validation_checks(app_configs=None) == []


def test_a_check_that_cannot_describe_itself_stops_the_start(settings: Settings) -> None:
    settings.CHECKS = ["tests.validation.test_describe.Mute"]
    (problem,) = check_validation_checks(app_configs=None)
    assert "it has no describe" in problem.msg


class Mute:
    """A check without `describe`."""

    code = "acme.mute"
    parse = inputs = run = None
