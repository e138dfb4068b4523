"""MLflow calls before Django's middleware: the same answers, and nothing that the middleware would have refused."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.http import FileResponse
from django.test import Client

from accounts.models import User
from accounts.services import issue_token, revoke_token
from audit.models import Event
from config.fast_path import with_fast_path
from config.paths import single_slashes, with_single_slashes
from core.actors import Actor, Scope
from mlflow_api import long_lists
from registry.models import ModelVersion
from registry.services.aliases import set_alias
from registry.services.models import create_model, delete_model, set_model_tag
from registry.services.stages import change_stage
from registry.services.versions import create_version, set_version_tag
from registry.stages import Stage
from tests.conftest import Acting
from tests.recorded_fixtures import recorded_fixture

API = "/api/2.0/mlflow/"
LATEST, ALIAS = "registered-models/get-latest-versions", "registered-models/alias"
Short = Callable[..., tuple[str, dict[str, str], Any]]


@pytest.fixture
def by_ada(ada: User, acting: Acting) -> Actor:
    return acting(ada)


@pytest.fixture
def secret(cy: User, acting: Acting) -> str:
    return issue_token(actor=acting(cy), user=cy, expires_in=timedelta(hours=1))[1]


@pytest.fixture
def short(secret: str) -> Short:
    """Return a function that asks the fast path alone; where it leaves the call to Django the status is "aside"."""

    def ask(
        method: str, rpc: str, query: str = "", body: bytes = b"", **headers: str
    ) -> tuple[str, dict[str, str], Any]:
        told: list[Any] = []

        def aside(_environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
            start_response("aside", [])
            return [b"null"]

        environ = {
            "REQUEST_METHOD": method,
            "PATH_INFO": API + rpc,
            "QUERY_STRING": query,
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "HTTP_HOST": "localhost",
            "HTTP_AUTHORIZATION": f"Bearer {secret}",
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
            "wsgi.url_scheme": "http",
            **headers,
        }
        whole = with_single_slashes(with_fast_path(aside))
        answer = whole(environ, lambda status, headers: told.extend([status, headers]))  # type: ignore[arg-type]  # a start_response that only listens
        content = b"".join(answer)
        if isinstance(answer, FileResponse):
            answer.close()  # as every WSGI server does
        return told[0], dict(told[1]), json.loads(content)

    return ask


@pytest.fixture
@recorded_fixture
def champion(by_ada: Actor, settings: Any) -> ModelVersion:
    """Version 1 of `clf`: in Production, with tags and two aliases; version 2 has no stage."""
    settings.ALLOWED_SOURCES = ["s3://bench/"]
    settings.TRANSITION_GATES = []
    create_model(actor=by_ada, name="clf")
    first, _ = (create_version(actor=by_ada, name="clf", source=f"s3://bench/{number}") for number in (1, 2))
    set_version_tag(actor=by_ada, name="clf", version=1, key="b", value='"')
    set_version_tag(actor=by_ada, name="clf", version=1, key="a", value="ü")
    for alias in ("champion", "best"):
        set_alias(actor=by_ada, name="clf", alias=alias, version=1)
    return change_stage(actor=by_ada, version=first, target=Stage.PRODUCTION, archive_existing=False, reason="")


def ordinary(client: Client, secret: str, rpc: str, query: str) -> Any:
    return client.get(f"{API}{rpc}?{query}", headers={"Authorization": f"Bearer {secret}"})


QUESTIONS = [
    (LATEST, "name=clf&stages=Production"),
    (LATEST, "name=clf"),
    (LATEST, "name=clf&stages=Staging"),
    (LATEST, "name=clf&stages=Nowhere"),
    (LATEST, "name=never"),
    (LATEST, ""),
    (ALIAS, "name=clf&alias=champion"),
    (ALIAS, "name=clf&alias=nobody"),
    (ALIAS, "name=cl%00f&alias=champion"),
    ("runs/get", "run_id=never"),
    ("experiments/get", "experiment_id=0"),
]


@pytest.mark.parametrize("slashes", ["//", "///"])
@pytest.mark.parametrize("rpc", ["experiments/get?experiment_id=0", "logged-models/m-none"])
def test_a_tracking_uri_may_end_in_a_slash(short: Short, secret: str, slashes: str, rpc: str) -> None:
    path, _, query = rpc.partition("?")
    status, _, answer = short("GET", path, query, PATH_INFO=f"{slashes}api/2.0/mlflow/{path}")
    assert (status, answer) == short("GET", path, query)[::2]


@pytest.mark.parametrize(
    ("path", "single"),
    [
        ("//api/2.0/mlflow/runs/get", "/api/2.0/mlflow/runs/get"),
        ("///api//2.0/mlflow//runs/get", "/api//2.0/mlflow//runs/get"),
        ("/api/2.0/mlflow-artifacts/artifacts/1//x", "/api/2.0/mlflow-artifacts/artifacts/1//x"),
        ("//models//x", "/models//x"),
    ],
)
def test_only_slashes_at_the_beginning_count_once(path: str, single: str) -> None:
    assert single_slashes(path) == single


@pytest.mark.parametrize(("rpc", "query"), QUESTIONS)
def test_both_ways_answer_alike(
    rpc: str, query: str, champion: ModelVersion, short: Short, client: Client, secret: str
) -> None:
    there = ordinary(client, secret, rpc, query)
    status, headers, body = short("GET", rpc, query)
    assert (status, body) == (f"{there.status_code} {there.reason_phrase}", there.json())
    assert {name.lower() for name in headers} == {name.lower() for name in there.headers}
    assert {name: headers[name] for name in headers if name != "X-Request-Id"} == {
        name: there[name] for name in headers if name != "X-Request-Id"
    }


def test_a_long_list_is_the_same_both_ways(
    champion: ModelVersion, short: Short, client: Client, secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(long_lists, "_PART", 1)
    there = ordinary(client, secret, "model-versions/search", "")
    status, headers, body = short("GET", "model-versions/search")
    content = there.getvalue()
    assert (status, body) == ("200 OK", json.loads(content))
    assert headers["Content-Length"] == there["Content-Length"] == str(len(content))


def test_a_write_is_a_write(short: Short) -> None:
    body = json.dumps({"experiment_id": "0", "start_time": 1}).encode()
    status, headers, made = short("POST", "runs/create", body=body, HTTP_X_REQUEST_ID="mine")
    assert (status, headers["X-Request-Id"], made["run"]["info"]["status"]) == ("200 OK", "mine", "RUNNING")
    assert Event.objects.filter(action="tracking.run.created", request_id="mine").count() == 1


ASIDE = [
    {"HTTP_AUTHORIZATION": ""},
    {"HTTP_HOST": "evil.example"},
    {"HTTP_HOST": ""},
    {"SCRIPT_NAME": "/app"},
    {"PATH_INFO": "/api/2.0/mlflow/nothing"},
    {"PATH_INFO": "/api/2.0/mlflow/logged-models/m-1"},
]


@pytest.mark.parametrize("change", ASIDE)
def test_whatever_the_middleware_decides_is_left_to_it(
    change: dict[str, str], short: Short, champion: ModelVersion
) -> None:
    assert short("GET", LATEST, "name=clf", **change)[0] == "aside"


def test_an_unknown_token_is_refused(short: Short, champion: ModelVersion) -> None:
    status, headers, body = short("GET", LATEST, "name=clf", HTTP_AUTHORIZATION="Bearer nope")
    assert (status, body["error_code"]) == ("401 Unauthorized", "UNAUTHENTICATED")
    assert headers["WWW-Authenticate"].startswith("Basic")


def test_a_revoked_token_is_refused_at_once(short: Short, champion: ModelVersion, cy: User, acting: Acting) -> None:
    token, secret = issue_token(actor=acting(cy), user=cy, expires_in=timedelta(hours=1))
    held = {"HTTP_AUTHORIZATION": f"Bearer {secret}"}
    assert short("GET", ALIAS, "name=clf&alias=champion", **held)[0] == "200 OK"
    revoke_token(actor=acting(cy), token=token)
    assert short("GET", ALIAS, "name=clf&alias=champion", **held)[0] == "401 Unauthorized"


def test_a_token_for_something_else_is_refused_and_recorded(
    short: Short, champion: ModelVersion, cy: User, acting: Acting
) -> None:
    _, secret = issue_token(actor=acting(cy), user=cy, scopes=[Scope.AUDIT_EXPORT], expires_in=timedelta(hours=1))
    status, _, body = short("GET", LATEST, "name=clf", HTTP_AUTHORIZATION=f"Bearer {secret}")
    assert (status, body["error_code"]) == ("403 Forbidden", "PERMISSION_DENIED")
    assert Event.objects.filter(outcome="denied").count() == 1


def test_what_one_may_not_see_is_missing(short: Short, champion: ModelVersion, settings: Any) -> None:
    settings.DEFAULT_MODEL_LEVEL = "none"
    hidden, never = short("GET", LATEST, "name=clf"), short("GET", LATEST, "name=never")
    assert hidden[0] == "404 Not Found"
    assert hidden[2]["message"].replace("clf", "never") == never[2]["message"]


def test_a_lookup_sees_the_last_commit(short: Short, champion: ModelVersion, by_ada: Actor) -> None:
    set_alias(actor=by_ada, name="clf", alias="champion", version=2)
    assert short("GET", ALIAS, "name=clf&alias=champion")[2]["model_version"]["version"] == "2"
    set_model_tag(actor=by_ada, name="clf", key="k", value="v")
    change_stage(actor=by_ada, version=champion, target=Stage.ARCHIVED, archive_existing=False, reason="")
    delete_model(actor=by_ada, name="clf")
    assert short("GET", ALIAS, "name=clf&alias=champion")[0] == "404 Not Found"
