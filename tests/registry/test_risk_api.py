"""/api/v1/models/{name}/risk, and the templates and schema of cards."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from registry.cards import HUMAN_KEYS
from registry.models import RegisteredModel, RiskAssessment
from tests.registry.test_api import JSON, api  # noqa: F401 - a fixture
from tests.registry.test_assess_risk import CREDIT, HARMLESS

URL = "/api/v1/models/fraud/risk"


def test_nobody_has_assessed_a_new_model(api: Client, fraud: RegisteredModel) -> None:  # noqa: F811 - the fixture
    answer = api.get(URL).json()
    assert (answer["tier"], answer["current"], answer["history"]) == ("", None, [])
    assert answer["questionnaire"]["questions"][0]["options"][0] == {
        "code": "none", "text": "None of them", "points": 0, "floor": "",
    }  # fmt: skip


def test_assessing(api: Client, fraud: RegisteredModel) -> None:  # noqa: F811 - the fixture
    made = api.post(URL, {"answers": CREDIT, "expected_number": 0, "rationale": "Loans."}, JSON)
    assert (made.status_code, made.json()["tier"], made.json()["rationale"]) == (201, "high", "Loans.")
    assert api.get(URL).json()["current"] == made.json()
    assert api.post(URL, {"answers": CREDIT, "expected_number": 0}, JSON).status_code == 409


@pytest.mark.parametrize(
    "body",
    [
        {}, {"answers": {}}, {"answers": {}, "expected_number": 0}, {"answers": [], "expected_number": 0},
        {"answers": HARMLESS | {"harm": "x"}, "expected_number": 0}, {"answers": HARMLESS, "expected_number": -1},
        {"answers": HARMLESS, "expected_number": 0, "rationale": "a\x00"}, {"answers": HARMLESS | {"harm": {}}, "expected_number": 0},
    ],
)  # fmt: skip
def test_bad_answers_write_nothing(body: Any, api: Client, fraud: RegisteredModel) -> None:  # noqa: F811 - the fixture
    answer = api.post(URL, body, JSON)
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert not RiskAssessment.objects.exists()


def test_a_longer_history_costs_no_more_queries(api: Client, fraud: RegisteredModel) -> None:  # noqa: F811 - the fixture
    api.post(URL, {"answers": HARMLESS, "expected_number": 0}, JSON)
    with CaptureQueriesContext(connection) as before:
        api.get(URL)
    for number in (1, 2, 3):
        api.post(URL, {"answers": HARMLESS, "expected_number": number}, JSON)
    with CaptureQueriesContext(connection) as after:
        assert len(api.get(URL).json()["history"]) == 4
    assert len(after) == len(before)


def test_the_templates(api: Client) -> None:  # noqa: F811 - the fixture
    found = {template["name"]: template for template in api.get("/api/v1/cards/templates").json()["templates"]}
    assert [asked["field"] for asked in found["plain@1"]["requirements"]] == list(HUMAN_KEYS)
    assert found["mrm@2"]["changes"].startswith("SR 26-2 replaces SR 11-7")
    assert (found["mrm@1"]["migration"], found["mrm@2"]["migration"]["before"]) == (None, "mrm@1")
    assert "risk_rating" in found["mrm@2"]["migration"]["asked_now"]


def test_the_schema(api: Client) -> None:  # noqa: F811 - the fixture
    schema = api.get("/api/v1/cards/schema").json()
    assert schema["properties"]["intended_use"]["properties"]["in"]["x-key"] == "intended_use"
