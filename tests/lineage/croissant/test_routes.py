"""The route of Croissant documents: registering, reading back, and what is refused as a problem document."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from audit.models import Event as AuditEvent
from lineage.models import DatasetDescription, Node
from tests.lineage.croissant.documents import digest_of, document, recorded
from tests.lineage.openlineage.conftest import bearer

__all__ = ["bearer"]

pytestmark = pytest.mark.django_db
PATH = "/api/v1/lineage/croissant"


def post(client: Client, body: Any, headers: dict[str, str], kind: str = "application/ld+json") -> Any:
    text = body if isinstance(body, bytes) else json.dumps(body)
    return client.post(PATH, text, content_type=kind, headers=headers)


@pytest.mark.parametrize("kind", ["application/ld+json", "application/json"])
def test_register_and_read_back(kind: str, client: Client, bearer: dict[str, str]) -> None:
    answers = [post(client, document("orders", "v1", "a"), bearer, kind) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 200]
    assert (
        answers[0].json()
        == answers[1].json()
        == {
            "dataset_version": "dataset-version:orders/v1",
            "digest": f"sha256:{digest_of('a')}",
            "files": [{"name": "0.csv", "sha256": digest_of("a"), "size": "", "url": "0.csv"}],
            "warnings": [],
        }
    )
    back = client.get(PATH, {"dataset_version": "dataset-version:orders/v1"}, headers=bearer)
    assert (back.status_code, back["Content-Type"]) == (200, "application/ld+json")
    assert back.json() == document("orders", "v1", "a")


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"7", b'{"@type": NaN}', b"\xff", b"[" * 5000, json.dumps(document("orders", None)).encode()],
)
def test_what_is_no_document_is_a_problem(body: bytes, client: Client, bearer: dict[str, str]) -> None:
    answer = post(client, body, bearer)
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert answer.json()["detail"]
    assert not Node.objects.exists()
    assert not DatasetDescription.objects.exists()


def test_unknown_parameters_are_refused(client: Client, bearer: dict[str, str]) -> None:
    answer = client.get(PATH, {"dataset": "x"}, headers=bearer)
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    answer = client.post(f"{PATH}?name=x", json.dumps(document()), content_type="application/json", headers=bearer)
    assert answer.status_code == 400
    assert not DatasetDescription.objects.exists()


def test_nobody_registers_without_an_account(client: Client) -> None:
    assert post(client, recorded("titanic"), {}).status_code == 401
    assert not AuditEvent.objects.filter(action__startswith="lineage.").exists()


def test_names_that_no_database_stores_are_kept_escaped(client: Client, bearer: dict[str, str]) -> None:
    data = document("orders\u0000\ud800", "v\u0000", "a")
    assert post(client, data, bearer).status_code == 201
    assert DatasetDescription.objects.count() == 1
