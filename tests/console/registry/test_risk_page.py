"""The risk questionnaire as a page: the questions, what they come to, and who may answer."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.models import User
from audit.models import Event
from core.actors import Actor
from registry.models import RiskAssessment
from registry.services.risk import assess_risk
from tests.approvals.conftest import NewVersion
from tests.console.conftest import SignedIn, text_of
from tests.registry.test_assess_risk import CREDIT, HARMLESS

URL = "/models/fraud/risk/"


def test_answers_give_a_tier_with_reasons(new_version: NewVersion, ada: User, signed_in: SignedIn) -> None:
    new_version()
    client = signed_in(ada)
    assert "Nobody has assessed this model yet." in text_of(client.get(URL))
    page = text_of(client.post(URL, CREDIT | {"number": 0, "rationale": "It ranks **loans**."}, follow=True))
    assert "Why the risk is high" in page
    assert "Access to credit" in page
    assert "<strong>loans</strong>" in page
    assert "High risk" in text_of(client.get("/models/fraud/"))
    assert "High risk" in text_of(client.get("/models/fraud/versions/1/card/"))


@pytest.mark.parametrize(
    "sent",
    [{}, {"number": 0}, HARMLESS | {"number": 0, "harm": "x"}, HARMLESS | {"number": 1}, HARMLESS | {"number": "x"}],
)
def test_invalid_answers_are_refused(
    sent: dict[str, object], new_version: NewVersion, ada: User, signed_in: SignedIn
) -> None:
    new_version()
    assert signed_in(ada).post(URL, sent).status_code in {200, 400}
    assert not RiskAssessment.objects.exists()


def test_an_editor_cannot_lower_the_tier(
    settings: Settings, new_version: NewVersion, by_ada: Actor, cy: User, signed_in: SignedIn
) -> None:
    new_version()
    assess_risk(actor=by_ada, name="fraud", answers=CREDIT, expected_number=0)
    settings.DEFAULT_MODEL_LEVEL = "edit"
    answer = signed_in(cy).post(URL, HARMLESS | {"number": 1})
    assert (answer.status_code, RiskAssessment.objects.count()) == (400, 1)
    assert "cy may not manage the registered model fraud." in text_of(answer)
    assert Event.objects.filter(action="registry.risk.assessed", outcome="denied").count() == 1


def test_a_reader_sees_no_form(settings: Settings, new_version: NewVersion, cy: User, signed_in: SignedIn) -> None:
    new_version()
    settings.DEFAULT_MODEL_LEVEL = "read"
    client = signed_in(cy)
    assert 'name="harm"' not in text_of(client.get(URL))
    assert client.post(URL, HARMLESS | {"number": 0}).status_code == 400
    assert not RiskAssessment.objects.exists()
    settings.DEFAULT_MODEL_LEVEL = ""
    assert client.get(URL).status_code == 404


def test_more_assessments_cost_no_more_queries(
    new_version: NewVersion, ada: User, by_ada: Actor, signed_in: SignedIn
) -> None:
    new_version()
    client = signed_in(ada)
    assess_risk(actor=by_ada, name="fraud", answers=HARMLESS, expected_number=0)
    with CaptureQueriesContext(connection) as before:
        client.get(URL)
    for number in (1, 2, 3):
        assess_risk(actor=by_ada, name="fraud", answers=HARMLESS, expected_number=number)
    with CaptureQueriesContext(connection) as after:
        assert text_of(client.get(URL)).count("Minimal risk") >= 4
    assert len(after) == len(before)
