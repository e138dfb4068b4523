"""A job exchanges its identity token for a short-lived token of a service account."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.authentication import actor_from_token
from accounts.models import ApiToken, TokenExchange, User
from accounts.tasks import forget_sessions
from accounts.workload.api import GRANT_TYPE
from accounts.workload.exchange import MAX_ATTEMPTS
from audit.actions import Action
from audit.models import Event
from audit.queries import actor_name, facts
from core.actors import ActorKind
from core.errors import NotAuthenticated
from tests.accounts.oidc.identity_server import FUTURE, PAST, IdentityServer, signed
from tests.accounts.oidc.test_wrong_answers import (
    Sign,
    by_an_unknown_key,
    by_another_key,
    by_the_public_key_as_a_secret,
    without_a_signature,
)
from tests.accounts.workload.conftest import JWT, PATH, AddRule, Exchange, job_claims


def refused(answer: Any, reason: str, error: str = "invalid_request") -> dict[str, Any]:
    """Assert that no token was issued, that the answer says why, and that one event does; return its facts."""
    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert reason in answer.json()["error_description"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert not TokenExchange.objects.exists()
    event = Event.objects.exclude(action=Action.ACCOUNT_TRUSTED_PUBLISHER_ADDED).get()
    assert (event.action, event.outcome, actor_name(event)) == (Action.ACCOUNT_TOKEN_EXCHANGED, "denied", "anonymous")
    return dict(facts(event)["after"])


def test_a_job_gets_a_token_of_the_service_account(add_rule: AddRule, exchange: Exchange, client: Client) -> None:
    rule = add_rule()
    answer = exchange()
    body = answer.json()
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert body["issued_token_type"] == "urn:ietf:params:oauth:token-type:access_token"
    assert (body["token_type"], body["scope"]) == ("Bearer", "registry:read registry:write")
    assert 890 <= body["expires_in"] <= 900
    actor = actor_from_token(body["access_token"], request_id="")
    assert (actor.name, actor.kind) == ("bot", ActorKind.SERVICE)
    headers = {"Authorization": f"Bearer {body['access_token']}"}
    assert client.get("/api/v1/models", headers=headers).status_code == 200
    event = Event.objects.get(action=Action.ACCOUNT_TOKEN_EXCHANGED)
    after = facts(event)["after"]
    assert (actor_name(event), facts(event)["object"], event.outcome) == ("bot", "user:bot", "ok")
    assert (after["publisher"], after["token"], after["subject"]) == (
        rule.pk,
        ApiToken.objects.get().pk,
        "repo:acme/fraud:ref:refs/heads/main",
    )
    assert after["claims"]["repository"] == "acme/fraud"
    assert body["access_token"] not in bytes(event.body).decode()


def test_json_is_taken_too(add_rule: AddRule, issuer: IdentityServer, client: Client) -> None:
    add_rule()
    token = signed(job_claims(issuer), issuer.key)
    body = {"grant_type": GRANT_TYPE, "subject_token": token, "subject_token_type": JWT, "scope": "registry:read"}
    answer = client.post(PATH, body, content_type="application/json")
    assert (answer.status_code, answer.json()["scope"]) == (200, "registry:read")


def test_the_token_ends_after_the_time_of_the_setting(
    add_rule: AddRule, exchange: Exchange, settings: Settings
) -> None:
    settings.EXCHANGED_TOKEN_MINUTES = 5
    add_rule()
    secret = exchange().json()["access_token"]
    with time_machine.travel(timezone.now() + timedelta(minutes=5, seconds=1)), pytest.raises(NotAuthenticated):
        actor_from_token(secret, request_id="")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"iss": "https://evil.example"}, "issuer"),
        ({"iss": None}, "issuer"),
        ({"aud": "another-server"}, "No rule trusts this token"),
        ({"aud": ["https://models.example.com", "another-server"]}, "missing or several"),
        ({"ref": "refs/heads/feature"}, "No rule trusts this token"),
        ({"ref": None}, "No rule trusts this token"),
        ({"ref": ["refs/heads/main"]}, "No rule trusts this token"),
        ({"repository_id": "43"}, "No rule trusts this token"),
        ({"event_name": "pull_request_target"}, "No rule trusts this token"),
        ({"pipeline_source": "merge_request_event"}, "No rule trusts this token"),
        ({"exp": PAST}, "ExpiredSignatureError"),
        ({"exp": None}, "MissingRequiredClaimError"),
        ({"exp": FUTURE}, "more than a day"),
        ({"exp": float("inf")}, "DecodeError"),
        ({"iat": FUTURE}, "ImmatureSignatureError"),
        ({"sub": None}, "MissingRequiredClaimError"),
    ],
)
def test_a_wrong_claim(change: dict[str, Any], reason: str, add_rule: AddRule, exchange: Exchange) -> None:
    add_rule()
    refused(exchange(**change), reason)


@pytest.mark.parametrize(
    ("sign", "reason"),
    [
        (by_another_key, "InvalidSignatureError"),
        (by_an_unknown_key, "unknown key"),
        (without_a_signature, "unknown key"),
        (by_the_public_key_as_a_secret, "unknown key"),
        (lambda _claims, _key: "not a token", "cannot be read"),
        (lambda _claims, _key: "e30." + "W1tb" * 3000 + ".e30", "cannot be read"),
        (lambda _claims, _key: "x" * 15_999, "cannot be read"),
    ],
)
def test_a_wrong_signature(
    sign: Sign, reason: str, add_rule: AddRule, exchange: Exchange, issuer: IdentityServer
) -> None:
    add_rule()
    refused(exchange(sign(job_claims(issuer), issuer.key)), reason)


def test_only_the_issuer_of_a_rule_is_asked_for_its_keys(exchange: Exchange, issuer: IdentityServer, db: None) -> None:
    refused(exchange(), "issuer")
    assert issuer.requests == []


def test_an_issuer_that_the_settings_trust_no_more(add_rule: AddRule, exchange: Exchange, settings: Settings) -> None:
    add_rule()
    settings.TRUSTED_ISSUERS = ("https://gitlab.com",)
    answer = exchange()
    assert answer.status_code == 400
    assert "No rule trusts the issuer" in answer.json()["error_description"]
    assert not ApiToken.objects.exists()


def test_an_identity_token_is_exchanged_once(add_rule: AddRule, exchange: Exchange, issuer: IdentityServer) -> None:
    add_rule()
    token = signed(job_claims(issuer), issuer.key)
    assert exchange(token).status_code == 200
    again = exchange(token)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_request")
    assert "exchanged already" in again.json()["error_description"]
    assert (ApiToken.objects.count(), TokenExchange.objects.count()) == (1, 1)
    assert Event.objects.filter(action=Action.ACCOUNT_TOKEN_EXCHANGED, outcome="denied").count() == 1


def test_a_rule_may_allow_it_again(add_rule: AddRule, exchange: Exchange, issuer: IdentityServer) -> None:
    add_rule(single_use=False)
    token = signed(job_claims(issuer, jti=None, aud=["https://models.example.com"]), issuer.key)
    assert [exchange(token).status_code for _ in range(2)] == [200, 200]


def test_a_pull_request_is_trusted_where_the_rule_names_it(add_rule: AddRule, exchange: Exchange) -> None:
    add_rule(claims={"repository_id": "42", "event_name": "pull_request"})
    assert exchange(event_name="pull_request", ref="refs/pull/7/merge").status_code == 200


@pytest.mark.parametrize(
    ("ref", "is_trusted"),
    [("refs/tags/v1", True), ("refs/tags/v", True), ("refs/tags/w1", False), ("x/refs/tags/v1", False)],
)
def test_a_pattern_of_refs(ref: str, is_trusted: bool, add_rule: AddRule, exchange: Exchange) -> None:
    add_rule(claims={"repository_id": "42", "ref": "refs/tags/v*"})
    assert exchange(ref=ref).status_code == (200 if is_trusted else 400)


def test_fewer_scopes_may_be_asked_for_and_no_more(add_rule: AddRule, exchange: Exchange) -> None:
    add_rule(scopes=["registry:read"])
    refused(exchange(fields={"scope": "registry:read registry:write"}), "registry:write", "invalid_scope")


def test_one_of_several_accounts_is_named(
    add_rule: AddRule, exchange: Exchange, ada: User, issuer: IdentityServer
) -> None:
    User.objects.create_user("other-bot", is_service=True, owner=ada)
    add_rule()
    add_rule(username="other-bot")
    answer = exchange()
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_target")
    secret = exchange(fields={"audience": "other-bot"}).json()["access_token"]
    assert actor_from_token(secret, request_id="").name == "other-bot"


@pytest.mark.parametrize("username", ["ada", "bot"])
def test_an_account_that_is_not_active_gets_none(username: str, add_rule: AddRule, exchange: Exchange) -> None:
    add_rule()
    User.objects.filter(username=username).update(is_active=False)
    refused(exchange(), "No rule trusts this token")


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
        ({"grant_type": None}, "invalid_request"),
        ({"subject_token": None}, "invalid_request"),
        ({"subject_token": "x" * 17_000}, "invalid_request"),
        ({"subject_token_type": "urn:ietf:params:oauth:token-type:saml2"}, "invalid_request"),
        ({"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"}, "invalid_request"),
        ({"actor_token": "x"}, "invalid_request"),
        ({"audience": ["bot", "bot"]}, "invalid_request"),
        ({"subject_token": "x" * 70_000}, "invalid_request"),
    ],
)
def test_a_request_that_cannot_be_read(
    fields: dict[str, Any], error: str, add_rule: AddRule, exchange: Exchange
) -> None:
    add_rule()
    answer = exchange(fields=fields)
    assert (answer.status_code, answer.json()["error"]) in {(400, error), (413, error)}
    assert set(answer.json()) == {"error", "error_description"}
    assert not ApiToken.objects.exists()


def test_an_issuer_that_is_away(add_rule: AddRule, exchange: Exchange, issuer: IdentityServer) -> None:
    add_rule()
    issuer.stop()
    answer = exchange()
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
    assert answer.headers["Retry-After"]


def test_failed_attempts_from_an_address_are_limited(add_rule: AddRule, exchange: Exchange, client: Client) -> None:
    add_rule()
    assert exchange().status_code == 200
    for _ in range(MAX_ATTEMPTS):
        exchange("not a token")
    answer = exchange()
    assert (answer.status_code, answer.json()["error"], answer.headers["Retry-After"]) == (429, "slow_down", "60")
    assert ApiToken.objects.count() == 1


def test_expired_tokens_of_jobs_are_deleted(add_rule: AddRule, exchange: Exchange) -> None:
    add_rule()
    exchange()
    assert forget_sessions() == 0
    with time_machine.travel(timezone.now() + timedelta(days=1, minutes=16)):
        assert forget_sessions() == 1
    assert not ApiToken.objects.exists()
