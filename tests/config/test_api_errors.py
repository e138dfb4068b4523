"""Every error below /api/ is a problem document."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from accounts.services import issue_token
from tests.conftest import Acting

JSON = "application/json"


@pytest.fixture
def headers(ada: User, acting: Acting) -> dict[str, str]:
    secret = issue_token(actor=acting(ada), user=ada, expires_in=timedelta(hours=1))[1]
    return {"Authorization": f"Bearer {secret}"}


@pytest.mark.parametrize(
    ("method", "path", "sent", "status", "named"),
    [
        ("GET", "/api/v1/nothing", {}, 404, "no route /api/v1/nothing"),
        ("GET", "/api/v1/models/x/versions/one", {}, 404, "no route"),
        ("GET", "/api/v9/models", {}, 404, "no route"),
        ("POST", "/api/", {}, 404, "no route"),
        ("DELETE", "/api/v1/models", {}, 405, "DELETE"),
        ("POST", "/api/v1/deployments", {"data": b"{", "content_type": JSON}, 400, "not valid JSON"),
        ("POST", "/api/v1/deployments", {"data": b"[]", "content_type": JSON}, 400, "dictionary"),
        ("POST", "/api/v1/deployments", {"data": b"a=1", "content_type": "text/csv"}, 415, "text/csv"),
        ("GET", "/api/v1/models", {"headers": {"Accept": "image/png"}}, 406, "Accept"),
        ("GET", "/api/v1/models", {"headers": {"Host": "elsewhere.example"}}, 400, "malformed"),
    ],
)
def test_it_is_a_problem_document(
    client: Client, headers: dict[str, str], method: str, path: str, sent: dict[str, Any], status: int, named: str
) -> None:
    answer = client.generic(method, path, **{**sent, "headers": headers | sent.get("headers", {})})
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json"), answer.content
    assert answer.json()["status"] == status
    assert named in answer.json()["detail"]


def test_an_unknown_page_stays_a_page(client: Client, db: None) -> None:
    assert client.get("/nothing/at/all")["Content-Type"].startswith("text/html")
