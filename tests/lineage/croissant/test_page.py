"""The files of a described version on its page."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from core.actors import Actor
from lineage.croissant.registration import register_document
from tests.lineage.croissant.documents import document, recorded
from tests.lineage.facts import record_consumed

pytestmark = pytest.mark.django_db
PAGE = "/datasets/version/"


@pytest.fixture
def browser(ada: User) -> Client:
    client = Client()
    client.force_login(ada)
    return client


def page_of(browser: Client, urn: str) -> str:
    answer = browser.get(PAGE, {"node": urn})
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_page_lists_the_files_and_links_the_document(browser: Client, by_ada: Actor) -> None:
    node = register_document(actor=by_ada, data=recorded("titanic")).node
    page = page_of(browser, node.urn)
    assert "passengers.csv" in page
    assert "117743 B" in page
    assert "/api/v1/lineage/croissant?dataset_version=dataset-version%3Atitanic%2F1.0.0" in page


def test_a_version_without_a_document_has_no_list_of_files(browser: Client, by_ada: Actor) -> None:
    register_document(actor=by_ada, data=document("orders", "v1", "a"))
    other = register_document(actor=by_ada, data=document("orders", None, "b")).node
    assert "h-files" in page_of(browser, other.urn)
    assert "h-files" not in page_of(browser, _undescribed(by_ada))


def _undescribed(actor: Actor) -> str:
    return record_consumed(actor=actor, run_id="r1", dataset="plain", version="v1").urn


def test_more_files_cost_no_more_queries(browser: Client, by_ada: Actor) -> None:
    few = register_document(actor=by_ada, data=document("few", "v1", "a")).node
    many = register_document(actor=by_ada, data=document("many", "v1", *(str(number) for number in range(80)))).node
    counts = []
    for node in (few, few, many):
        with CaptureQueriesContext(connection) as captured:
            page = page_of(browser, node.urn)
        counts.append(len(captured))
    assert counts[1] == counts[2]
    assert "The first 50 of 80 files." in page
