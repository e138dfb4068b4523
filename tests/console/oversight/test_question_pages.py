"""The pages of the saved questions: a form, an answer, and its export."""

from __future__ import annotations

import csv
import hashlib
import io
import json

import pytest
from django.test import Client

from accounts.models import User
from audit.models import Event
from audit.queries import facts
from core.actors import Actor
from tests.approvals.conftest import NewVersion
from tests.approvals.governed import promote, publish
from tests.console.conftest import SignedIn, text_of

ASKED = "?model=fraud&version=1"


@pytest.fixture
def client(new_version: NewVersion, by_ada: Actor, by_bea: Actor, cy: User, signed_in: SignedIn) -> Client:
    """Return a reader of `fraud`, whose version 1 bea approved."""
    publish()
    promote(by_ada, by_bea, new_version())
    return signed_in(cy)


def test_a_question_is_a_form_and_an_answer(client: Client) -> None:
    assert "Who approved this version?" in text_of(client.get("/audit/questions/"))
    assert "Answer</h2>" not in text_of(client.get("/audit/questions/approvals/"))
    page = text_of(client.get(f"/audit/questions/approvals/{ASKED}"))
    assert '<td data-label="Decision or result">approve</td>' in page
    assert "/audit/events/" in page


def test_a_wrong_value_is_told_beside_the_form(client: Client) -> None:
    page = client.get("/audit/questions/exceptions/?quarter=2026-Q9&model=fraud")
    assert (page.status_code, "is not a quarter" in text_of(page)) == (200, True)
    assert client.get("/audit/questions/none/").status_code == 404


def test_a_question_about_the_whole_log_is_refused(client: Client) -> None:
    assert client.get("/audit/questions/production/?date=2026-11-30").status_code == 403
    assert client.get("/audit/questions/approvers/?model=fraud&target=Production&date=2026-11-30").status_code == 403


def test_an_answer_is_exported_and_the_export_is_an_event(client: Client) -> None:
    answer = client.post(f"/audit/questions/approvals/export/{ASKED}", {"form": "csv"})
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert "review" in {row["kind"] for row in rows}
    after = facts(Event.objects.get(action="audit.exported"))["after"]
    assert after["sha256"] == hashlib.sha256(answer.content).hexdigest()
    assert (after["question"], after["form"], after["rows"]) == ("approvals", "csv", len(rows))
    as_json = client.post(f"/audit/questions/approvals/export/{ASKED}", {"form": "json"})
    assert len(json.loads(as_json.content)["rows"]) == len(rows)


@pytest.mark.parametrize(("query", "form"), [(ASKED, "pdf"), ("?model=fraud", "csv")])
def test_an_export_that_is_not_complete_is_refused(client: Client, query: str, form: str) -> None:
    assert client.post(f"/audit/questions/approvals/export/{query}", {"form": form}).status_code == 400
    assert not Event.objects.filter(action="audit.exported").exists()
