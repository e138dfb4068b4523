"""The serving read: right from the commit on, by both ways, and refused by the same rules."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.models import User
from accounts.services import issue_token, revoke_token
from audit.models import Event
from config.fast_path import with_fast_path
from core.actors import Actor, Scope
from registry.models import ModelVersion
from registry.production import serving
from registry.services.models import create_model, rename_model
from registry.services.stages import change_stage
from registry.stages import Stage
from tests.conftest import Acting
from tests.registry.conftest import NewVersion

URL = "/api/v1/models/fraud/production"
Ask = Callable[..., Any]


@pytest.fixture
def secret(cy: User, acting: Acting) -> str:
    return issue_token(actor=acting(cy), user=cy, expires_in=timedelta(hours=1))[1]


@pytest.fixture
def ask(client: Client, secret: str) -> Ask:
    """Return a function that asks the ordinary way."""

    def asked(url: str = URL, **headers: str) -> Any:
        return client.get(url, headers={"Authorization": f"Bearer {secret}", **headers})

    return asked


def promote(actor: Actor, version: ModelVersion) -> ModelVersion:
    return change_stage(actor=actor, version=version, target=Stage.PRODUCTION, archive_existing=True, reason="")


def short(path: str = URL, **headers: str) -> tuple[str, dict[str, str], bytes]:
    """Ask the fast path alone; where it leaves the call to Django the status is "aside"."""
    told: list[Any] = []

    def aside(_environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        start_response("aside", [])
        return []

    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path,
        "HTTP_HOST": "localhost:8000",
        "wsgi.input": BytesIO(),
        **headers,
    }
    body = b"".join(with_fast_path(aside)(environ, lambda status, headers: told.extend([status, headers])))  # type: ignore[arg-type]  # a start_response that only listens
    return told[0], dict(told[1]), body


def test_what_is_in_production(ask: Ask, by_ada: Actor, new_version: NewVersion) -> None:
    version = promote(by_ada, new_version())
    answer = ask()
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "private, no-cache"
    body = answer.json()
    assert (body["name"], body["version"], body["stage"]) == ("fraud", 1, "Production")
    assert (body["digest"], body["run_id"]) == (version.artifact_digest, version.run_id)
    assert body["download_uri"] == f"mlflow-artifacts:/{version.artifact_path}"
    assert (body["promoted_by"], body["approved_by"], body["approved_at"]) == ("ada", "", None)


def test_both_ways_answer_alike(ask: Ask, secret: str, by_ada: Actor, new_version: NewVersion) -> None:
    promote(by_ada, new_version())
    ordinary = ask()
    status, headers, body = short(HTTP_AUTHORIZATION=f"Bearer {secret}")
    assert (status, json.loads(body)) == ("200 OK", ordinary.json())
    for name in (
        "ETag",
        "Cache-Control",
        "X-Content-Type-Options",
        "X-Frame-Options",
        "Referrer-Policy",
        "Content-Type",
    ):
        assert headers[name] == ordinary[name]
    assert set(headers["Vary"].split(", ")) <= set(ordinary["Vary"].split(", "))
    assert len(headers["X-Request-Id"]) == 32


def test_the_next_read_after_a_promotion_sees_it(ask: Ask, secret: str, by_ada: Actor, new_version: NewVersion) -> None:
    promote(by_ada, new_version())
    tag = ask()["ETag"]
    assert ask(**{"If-None-Match": tag}).status_code == 304
    assert short(HTTP_AUTHORIZATION=f"Bearer {secret}", HTTP_IF_NONE_MATCH=f'W/{tag}, "x"')[0] == "304 Not Modified"
    promote(by_ada, new_version())
    assert ask(**{"If-None-Match": tag}).json()["version"] == 2
    assert json.loads(short(HTTP_AUTHORIZATION=f"Bearer {secret}", HTTP_IF_NONE_MATCH=tag)[2])["version"] == 2


def test_an_archived_production_leaves_none(ask: Ask, secret: str, by_ada: Actor, new_version: NewVersion) -> None:
    version = promote(by_ada, new_version())
    change_stage(actor=by_ada, version=version, target=Stage.ARCHIVED, archive_existing=False, reason="")
    assert ask().status_code == 404
    assert ask()["Content-Type"] == "application/problem+json"
    assert short(HTTP_AUTHORIZATION=f"Bearer {secret}")[0] == "aside"


def test_a_renamed_model_answers_under_its_new_name(secret: str, by_ada: Actor, new_version: NewVersion) -> None:
    promote(by_ada, new_version())
    rename_model(actor=by_ada, name="fraud", new_name="Schätzer 1")
    path = "/api/v1/models/Schätzer 1/production".encode().decode("latin-1")
    assert json.loads(short(path, HTTP_AUTHORIZATION=f"Bearer {secret}")[2])["name"] == "Schätzer 1"
    assert short(HTTP_AUTHORIZATION=f"Bearer {secret}")[0] == "aside"


ASIDE = [
    {"HTTP_AUTHORIZATION": "Bearer nope"}, {"HTTP_AUTHORIZATION": ""}, {"HTTP_AUTHORIZATION": "Basic !"},
    {"REQUEST_METHOD": "POST"}, {"REQUEST_METHOD": "HEAD"}, {"HTTP_HOST": "evil.example"}, {"HTTP_HOST": ""},
    {"PATH_INFO": "/api/v1/models/a/b/production"}, {"PATH_INFO": "/api/v1/models//production"},
    {"PATH_INFO": "/api/v1/models/\xff/production"}, {"PATH_INFO": "/api/v1/models/fraud\x00/production"},
    {"PATH_INFO": "/api/v1/models/production"}, {"SCRIPT_NAME": "/app"},
]  # fmt: skip


@pytest.mark.parametrize("change", ASIDE)
def test_whatever_is_not_ordinary_goes_the_ordinary_way(
    change: dict[str, str], secret: str, by_ada: Actor, new_version: NewVersion
) -> None:
    promote(by_ada, new_version())
    assert short(**{"HTTP_AUTHORIZATION": f"Bearer {secret}", **change})[0] == "aside"


def test_a_revoked_token_is_refused_at_once(
    ask: Ask, cy: User, acting: Acting, by_ada: Actor, new_version: NewVersion
) -> None:
    promote(by_ada, new_version())
    token, secret = issue_token(actor=acting(cy), user=cy, expires_in=timedelta(hours=1))
    assert short(HTTP_AUTHORIZATION=f"Bearer {secret}")[0] == "200 OK"
    revoke_token(actor=acting(cy), token=token)
    assert short(HTTP_AUTHORIZATION=f"Bearer {secret}")[0] == "aside"
    assert ask(Authorization=f"Bearer {secret}").status_code == 401


def test_a_token_for_something_else_is_refused_and_recorded(
    client: Client, cy: User, acting: Acting, by_ada: Actor, new_version: NewVersion
) -> None:
    promote(by_ada, new_version())
    scopes = [Scope.AUDIT_EXPORT]
    _, secret = issue_token(actor=acting(cy), user=cy, scopes=scopes, expires_in=timedelta(hours=1))
    assert short(HTTP_AUTHORIZATION=f"Bearer {secret}")[0] == "aside"
    assert client.get(URL, headers={"Authorization": f"Bearer {secret}"}).status_code == 403
    assert Event.objects.filter(outcome="denied").count() == 1


def test_what_one_may_not_see_is_missing(
    settings: Settings, ask: Ask, secret: str, by_ada: Actor, new_version: NewVersion
) -> None:
    promote(by_ada, new_version())
    settings.DEFAULT_MODEL_LEVEL = ""
    assert short(HTTP_AUTHORIZATION=f"Bearer {secret}")[0] == "aside"
    hidden, never = ask(), ask("/api/v1/models/never/production")
    assert (hidden.status_code, hidden.json()["detail"].replace("fraud", "never")) == (404, never.json()["detail"])


def test_somebody_signed_in_may_look(client: Client, cy: User, by_ada: Actor, new_version: NewVersion) -> None:
    promote(by_ada, new_version())
    assert client.get(URL).status_code == 401
    client.force_login(cy)
    assert client.get(URL).json()["version"] == 1


def test_one_statement_by_indexes_alone(
    secret: str, by_ada: Actor, new_version: NewVersion, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    promote(by_ada, new_version())
    with django_assert_num_queries(0):  # the driver is asked directly, so Django counts nothing
        assert serving.production_answer("fraud", f"Bearer {secret}", "") is not None
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {serving._SQL}", ["fraud", "x", "2026-01-01"])
            plan = [row[3] for row in cursor.fetchall()]
        assert all(step.startswith("SEARCH") for step in plan), plan


def test_a_fault_of_the_database_goes_the_ordinary_way(
    secret: str, monkeypatch: pytest.MonkeyPatch, fraud: object
) -> None:
    monkeypatch.setattr(serving, "_SQL", "SELECT nonsense")
    monkeypatch.setattr(serving, "_SQL_SQLITE", "SELECT nonsense")
    monkeypatch.setattr(connection, "errors_occurred", False)
    if connection.vendor == "sqlite":
        assert serving.production_answer("fraud", f"Bearer {secret}", "") is None
        assert connection.errors_occurred


def test_other_models_do_not_answer_for_this_one(ask: Ask, by_ada: Actor, new_version: NewVersion) -> None:
    promote(by_ada, new_version())
    create_model(actor=by_ada, name="empty")
    assert ask("/api/v1/models/empty/production").status_code == 404


def ask_all(client: Client, secret: str, names: str, **headers: str) -> Any:
    headers |= {"Authorization": f"Bearer {secret}"}
    return client.get("/api/v1/production", {"models": names}, headers=headers)


def test_several_models_in_one_call(
    client: Client, secret: str, ask: Ask, by_ada: Actor, new_version: NewVersion
) -> None:
    promote(by_ada, new_version())
    create_model(actor=by_ada, name="empty")
    answer = ask_all(client, secret, "fraud, empty,never,fraud")
    assert answer.json() == {"models": {"fraud": ask().json(), "empty": None, "never": None}}
    tag = answer["ETag"]
    assert ask_all(client, secret, "fraud,empty,never", **{"If-None-Match": tag}).status_code == 304
    promote(by_ada, new_version())
    assert (
        ask_all(client, secret, "fraud,empty,never", **{"If-None-Match": tag}).json()["models"]["fraud"]["version"] == 2
    )


def test_a_hidden_model_is_as_one_that_does_not_exist(
    client: Client, secret: str, by_ada: Actor, new_version: NewVersion, settings: Settings
) -> None:
    before = ask_all(client, secret, "fraud,never")
    promote(by_ada, new_version())
    settings.DEFAULT_MODEL_LEVEL = ""
    after = ask_all(client, secret, "fraud,never")
    assert after.json() == {"models": {"fraud": None, "never": None}}
    assert (after.content, after["ETag"]) == (before.content, before["ETag"])


@pytest.mark.parametrize("names", ["", ",", ",".join(f"m{number}" for number in range(101))])
def test_no_names_or_too_many_are_refused(client: Client, secret: str, names: str) -> None:
    answer = ask_all(client, secret, names)
    assert (answer.status_code, "models" in answer.json()["detail"]) == (400, True)


def test_more_models_cost_no_more_queries(
    client: Client,
    secret: str,
    django_assert_num_queries: DjangoAssertNumQueries,
    by_ada: Actor,
    new_version: NewVersion,
) -> None:
    promote(by_ada, new_version())
    with CaptureQueriesContext(connection) as one:
        ask_all(client, secret, "fraud")
    with django_assert_num_queries(len(one)):
        ask_all(client, secret, ",".join(["fraud", *(f"m{number}" for number in range(50))]))
