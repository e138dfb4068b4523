"""The dispatcher: who may call, what a bad request gets, and that a refusal is recorded."""

from base64 import b64encode
from datetime import timedelta

import pytest
from django.test import Client

from accounts.models import User
from accounts.services import issue_token, revoke_token
from audit.models import Event
from audit.queries import by_actor
from core.actors import Scope
from tests.conftest import Acting

SEARCH = "/api/2.0/mlflow/experiments/search"
CREATE = "/api/2.0/mlflow/experiments/create"
JSON = "application/json"


@pytest.fixture
def token(ada: User, acting: Acting) -> str:
    return issue_token(actor=acting(ada), user=ada, expires_in=timedelta(hours=1))[1]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_without_a_login_nothing_answers(client: Client, db: None) -> None:
    answer = client.get(SEARCH, {"max_results": 5})
    assert (answer.status_code, answer.json()["error_code"]) == (401, "UNAUTHENTICATED")
    assert "Basic" in answer["WWW-Authenticate"]


@pytest.mark.parametrize("header", ["Bearer nope", "Basic !!!", "Basic bm9wZQ==", "Digest x", "Bearer", "Basic "])
def test_a_bad_login_is_refused(client: Client, db: None, header: str) -> None:
    assert client.get(SEARCH, headers={"Authorization": header}).status_code == 401


@pytest.mark.parametrize("url", [SEARCH, "/api/v1/models"])
def test_more_fields_than_anybody_asks_for_are_refused(client: Client, token: str, url: str) -> None:
    answer = client.get(f"{url}?{'a=1&' * 3000}", headers=bearer(token))
    assert (answer.status_code, "json" in answer["Content-Type"]) == (400, True)


@pytest.mark.parametrize("length", ["\xb2", "9" * 5000, "-1", "many"])
def test_a_length_that_is_no_number_breaks_nothing(client: Client, token: str, length: str) -> None:
    answer = client.generic("POST", CREATE, b"{}", JSON, headers=bearer(token), CONTENT_LENGTH=length)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


def test_bearer_and_basic_carry_the_same_token(client: Client, token: str) -> None:
    basic = "Basic " + b64encode(f"anybody:{token}".encode()).decode()
    for header in (f"Bearer {token}", basic):
        answer = client.get(SEARCH, {"max_results": 5}, headers={"Authorization": header})
        assert answer.status_code == 200, answer.content


def test_a_revoked_token_is_refused(client: Client, ada: User, acting: Acting) -> None:
    row, secret = issue_token(actor=acting(ada), user=ada, expires_in=timedelta(hours=1))
    revoke_token(actor=acting(ada), token=row)
    assert client.get(SEARCH, {"max_results": 5}, headers=bearer(secret)).status_code == 401


def test_a_token_of_somebody_inactive_is_refused(client: Client, ada: User, token: str) -> None:
    User.objects.filter(pk=ada.pk).update(is_active=False)
    assert client.get(SEARCH, {"max_results": 5}, headers=bearer(token)).status_code == 401


def test_a_reading_token_cannot_write_and_the_denial_is_recorded(client: Client, ada: User, acting: Acting) -> None:
    scopes = [Scope.REGISTRY_READ]
    secret = issue_token(actor=acting(ada), user=ada, scopes=scopes, expires_in=timedelta(hours=1))[1]
    answer = client.post(CREATE, {"name": "x"}, content_type=JSON, headers=bearer(secret))
    assert (answer.status_code, answer.json()["error_code"]) == (403, "PERMISSION_DENIED")
    assert Event.objects.filter(by_actor("ada"), outcome="denied", object_ref=CREATE).count() == 1


def test_a_session_reads_but_never_writes(client: Client, ada: User) -> None:
    client.force_login(ada)
    assert client.get(SEARCH, {"max_results": 5}).status_code == 200
    assert client.post(CREATE, {"name": "x"}, content_type=JSON).status_code == 401


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b'{"name": "x"', JSON, 400),
        (b"[1, 2]", JSON, 400),
        (b'"text"', JSON, 400),
        (b"\xff\xfe", JSON, 400),
        (b'{"name": "\\ud800"}', JSON, 400),
        (b"[" * 100_000, JSON, 400),
        (b'{"name": "x"}', "text/plain", 400),
        (b'{"name": "' + b"x" * 3_000_000 + b'"}', JSON, 413),
    ],
)
def test_a_bad_body_is_refused(client: Client, token: str, body: bytes, content_type: str, status: int) -> None:
    before = Event.objects.count()
    answer = client.post(CREATE, body, content_type=content_type, headers=bearer(token))
    assert (answer.status_code, answer.json()["error_code"]) == (status, "INVALID_PARAMETER_VALUE")
    assert Event.objects.count() == before


def test_unknown_endpoints_and_methods_answer_json(client: Client, token: str) -> None:
    unknown = client.get("/api/2.0/mlflow/nonsense", headers=bearer(token))
    assert (unknown.status_code, unknown.json()["error_code"]) == (404, "ENDPOINT_NOT_FOUND")
    wrong = client.delete(CREATE, headers=bearer(token))
    assert (wrong.status_code, wrong["Allow"]) == (405, "POST")


def test_both_prefixes_reach_the_same_handler(client: Client, token: str) -> None:
    answers = [
        client.get(f"/{prefix}/2.0/mlflow/experiments/search", {"max_results": 5}, headers=bearer(token)).json()
        for prefix in ("api", "ajax-api")
    ]
    assert answers[0] == answers[1]
