"""Exports of a card, each held against its official schema or library."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from huggingface_hub import ModelCard, ModelCardData
from jsonschema import Draft7Validator, Draft202012Validator

from core.actors import Actor
from registry.cards.document import CardSource, card_document, card_source
from registry.cards.exports.cyclonedx import to_cyclonedx
from registry.cards.exports.huggingface import to_huggingface
from registry.cards.exports.mct import to_mct
from registry.cards.exports.sagemaker import to_sagemaker
from registry.cards.schema import card_schema
from registry.models import ModelVersion
from registry.queries import current_card
from registry.services.cards import edit_card
from tests.registry.card_cast import FULL
from tests.registry.conftest import NewVersion
from tests.registry.official_schemas import MCT_0_0_2, SAGEMAKER
from tracking.models import LatestMetric, Run

pytestmark = pytest.mark.django_db  # `card` asks for what needs it only when it runs
ROOT = Path(__file__).parents[3]


def read_by(reader: str, document: dict[str, Any]) -> bytes:
    """Return what a format's own library says to a document; it runs in .venv-cards, which `script/test e2e` makes."""
    command = [f"{ROOT}/.venv-cards/bin/python", f"{ROOT}/tests/registry/readers/read_card.py", reader]
    done = subprocess.run(command, input=orjson.dumps(document), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    return done.stdout


@pytest.fixture
def version(by_ada: Actor, run: Run, new_version: NewVersion) -> ModelVersion:
    LatestMetric.objects.create(
        run=run, key="val_auc", value=0.91, timestamp_ms=1, dataset_name="orders", dataset_digest="d1"
    )
    LatestMetric.objects.create(run=run, key="loss", value=0, is_nan=True, timestamp_ms=1)
    return new_version()


@pytest.fixture
def empty(version: ModelVersion) -> CardSource:
    return card_source(version, current_card(version))


@pytest.fixture
def full(by_ada: Actor, version: ModelVersion) -> CardSource:
    return card_source(version, edit_card(actor=by_ada, version=version, fields=FULL, expected_number=1))


@pytest.fixture(params=["empty", "full"])
def card(request: pytest.FixtureRequest) -> CardSource:
    found: CardSource = request.getfixturevalue(request.param)
    return found


def errors(schema: dict[str, Any], document: Any, validator: Any = Draft7Validator) -> list[str]:
    """Return what is wrong with a document, after a round through JSON as it is sent."""
    sent = orjson.loads(orjson.dumps(document))
    return [f"{error.json_path}: {error.message}" for error in validator(schema).iter_errors(sent)]


def without_empty(document: Any) -> Any:
    """Return a document without what says nothing: the SDK sends empty lists where nothing was given."""
    if isinstance(document, dict):
        return {key: without_empty(value) for key, value in document.items() if value not in (None, [], {})}
    return [without_empty(value) for value in document] if isinstance(document, list) else document


def test_the_document_fits_the_published_schema(card: CardSource) -> None:
    Draft202012Validator.check_schema(card_schema())
    assert errors(card_schema(), card_document(card), Draft202012Validator) == []


def read(card: CardSource) -> tuple[str, ModelCardData]:
    """Return text and front matter of a README.md as the library reads it."""
    found = ModelCard(to_huggingface(card))
    assert isinstance(found.data, ModelCardData)
    return found.text, found.data


def test_a_hugging_face_readme_is_read_by_its_library(full: CardSource) -> None:
    text, data = read(full)
    assert (data.license, data.model_name, data.pipeline_tag) == ("apache-2.0", "fraud", "tabular-classification")
    results = {(result.metric_type, result.dataset_name): result.metric_value for result in data.eval_results or []}
    assert results["val_auc", "orders"] == 0.91
    assert "Weak on new merchants." in text


def test_an_empty_card_is_a_readme_too(empty: CardSource) -> None:
    _, data = read(empty)
    assert data.model_name == "fraud"
    assert [result.metric_type for result in data.eval_results or []] == ["val_auc"]


def test_a_cyclonedx_document_is_valid(card: CardSource) -> None:
    text = orjson.dumps(to_cyclonedx(card)).decode()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None


@pytest.mark.e2e
def test_a_cyclonedx_document_has_addresses_and_times_in_their_formats(card: CardSource) -> None:
    document = to_cyclonedx(card)
    read_by("cyclonedx", document)
    with pytest.raises(AssertionError, match="not a"):
        read_by("cyclonedx", {**document, "metadata": {**document["metadata"], "timestamp": "yesterday"}})


def test_a_cyclonedx_document_holds_the_card(full: CardSource) -> None:
    component = to_cyclonedx(full)["metadata"]["component"]
    considerations = component["modelCard"]["considerations"]
    assert considerations["technicalLimitations"] == ["Weak on new merchants."]
    assert considerations["fairnessAssessments"][0]["groupAtRisk"] == "New customers"
    assert component["licenses"] == [{"license": {"id": "Apache-2.0"}}]
    assert {"name": "custody:card:monitoring_plan", "value": "Drift daily, quality monthly."} in component["modelCard"][
        "properties"
    ]


def test_the_same_card_makes_the_same_document(full: CardSource) -> None:
    assert to_cyclonedx(full) == to_cyclonedx(full)
    assert to_huggingface(full) == to_huggingface(full)


def test_a_toolkit_document_is_valid(card: CardSource) -> None:
    assert errors(MCT_0_0_2, to_mct(card)) == []


def test_a_toolkit_document_holds_the_card(full: CardSource) -> None:
    document = to_mct(full)
    assert document["considerations"]["limitations"] == [{"description": "Weak on new merchants."}]
    assert document["quantitative_analysis"]["performance_metrics"][2]["confidence_interval"] == {
        "lower_bound": "0.78",
        "upper_bound": "0.84",
    }


@pytest.mark.e2e
def test_a_toolkit_document_fits_the_schema_in_the_toolkit(card: CardSource) -> None:
    read_by("mct", to_mct(card))
    with pytest.raises(AssertionError, match="is not of type 'array'"):
        read_by("mct", {"model_details": {"owners": "ada"}})


@pytest.mark.e2e
def test_a_sagemaker_card_is_read_and_sent_back_whole_by_the_sdk(card: CardSource) -> None:
    content = to_sagemaker(card)
    assert without_empty(orjson.loads(read_by("sagemaker", content))) == without_empty(content)
    with pytest.raises(AssertionError, match="Expected Enormous to be one of"):
        read_by("sagemaker", {"intended_uses": {"risk_rating": "Enormous"}})


def test_a_sagemaker_card_is_valid(card: CardSource) -> None:
    content = to_sagemaker(card)
    assert errors(SAGEMAKER, content) == []
    assert len(orjson.dumps(content)) <= 100_000


def test_a_sagemaker_card_rates_by_hand_or_else_by_tier(full: CardSource) -> None:
    def rated(card: CardSource) -> str:
        return str(to_sagemaker(card)["intended_uses"]["risk_rating"])

    assert (rated(full), rated(replace(full, body={})), rated(replace(full, body={}, tier="high"))) == (
        "Medium",
        "Unknown",
        "High",
    )


def test_long_text_is_cut_where_sagemaker_has_a_limit(by_ada: Actor, version: ModelVersion) -> None:
    long = edit_card(actor=by_ada, version=version, fields={"limitations": "word " * 3000}, expected_number=1)
    content = to_sagemaker(card_source(version, long))
    assert errors(SAGEMAKER, content) == []
    assert content["intended_uses"]["factors_affecting_model_efficiency"].endswith("…")
