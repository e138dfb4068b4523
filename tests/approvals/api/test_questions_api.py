"""/api/v1/audit/questions: answers, their exports, and what is refused."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.models import User
from audit.models import Event
from core.actors import Actor
from tests.approvals.api.test_api import JSON
from tests.approvals.conftest import NewVersion
from tests.approvals.governed import promote, publish

URL = "/api/v1/audit/questions"
ASKED: dict[str, dict[str, str | int]] = {
    "approvals": {"model": "fraud", "version": 1},
    "approvers": {"model": "fraud", "date": "2026-11-30"},
    "exceptions": {"quarter": "2026-Q4"},
    "production": {"date": "2026-11-30"},
}


@pytest.fixture
def auditor(new_version: NewVersion, by_ada: Actor, by_bea: Actor, ops: User) -> Client:
    publish()
    promote(by_ada, by_bea, new_version())
    client = Client()
    client.force_login(ops)
    return client


def test_each_question_is_answered_and_exported(auditor: Client) -> None:
    for number, (code, asked) in enumerate(ASKED.items(), start=1):
        answer = auditor.get(f"{URL}/{code}", asked).json()
        assert answer["question"] == code
        assert answer["filters"].items() >= {key: str(value) for key, value in asked.items()}.items()
        file = auditor.post(f"{URL}/{code}", {**asked, "form": "csv"}, content_type=JSON)
        assert (file.status_code, file.headers["Content-Type"]) == (200, "text/csv; charset=utf-8")
        assert Event.objects.filter(action="audit.exported").count() == number


@pytest.mark.parametrize(
    ("code", "query"),
    [
        ("approvals", "model=fraud"),
        ("approvals", "model=fraud&version=1&color=red"),
        ("exceptions", "quarter=2026"),
        ("production", "date=yesterday"),
        ("approvers", "model=fraud&date=2026-11-30&target=Archived"),
    ],
)
def test_a_wrong_question_is_refused(auditor: Client, code: str, query: str) -> None:
    assert auditor.get(f"{URL}/{code}?{query}").status_code == 400
    assert auditor.post(f"{URL}/{code}", {"form": "pdf"}, content_type=JSON).status_code == 400
    assert not Event.objects.filter(action="audit.exported").exists()


def test_outsiders_ask_about_models_only(auditor: Client, cy: User) -> None:
    client = Client()
    client.force_login(cy)
    assert client.get(f"{URL}/approvals", ASKED["approvals"]).status_code == 200
    for code in ("approvers", "exceptions", "production"):
        assert client.get(f"{URL}/{code}", ASKED[code]).status_code == 403
