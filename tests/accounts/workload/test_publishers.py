"""The owner of a service account says which jobs are trusted; over the API and on the page."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.authentication import actor_from_token
from accounts.models import TrustedPublisher, User
from accounts.workload.publishers import add_publisher, delete_publisher
from audit.actions import Action
from audit.models import Event
from core.errors import AlreadyExists, Denied, InvalidInput, NotAuthenticated, NotFound
from tests.accounts.oidc.identity_server import IdentityServer
from tests.accounts.workload.conftest import AUDIENCE, RULE, AddRule, Exchange
from tests.conftest import Acting
from tests.console.conftest import SignedIn, text_of

PAGE = "/account/service/bot/publishers/"
API = "/api/v1/accounts/bot/trusted-publishers"


@pytest.mark.parametrize(
    "change",
    [
        {"name": " "},
        {"name": "x" * 101},
        {"issuer": "https://evil.example"},
        {"audience": ""},
        {"audience": "a\nb"},
        {"claims": {}},
        {"claims": {"ref": "refs/heads/main"}},
        {"claims": {"sub": "repo:acme/*"}},
        {"claims": {"sub": "x", "ref": "refs/*/*"}},
        {"claims": {"sub": ""}},
        {"claims": {"sub": "a\x00b"}},
        {"claims": {"sub": "x", "a b": "c"}},
        {"claims": {"sub": "x" * 501}},
        {"claims": {"sub": "x", **{f"c{number}": "1" for number in range(20)}}},
        {"scopes": []},
        {"scopes": ["accounts:manage"]},
        {"scopes": ["approve"]},
    ],
)
def test_a_rule_that_cannot_be_used(change: dict[str, Any], add_rule: AddRule) -> None:
    with pytest.raises(InvalidInput):
        add_rule(**change)
    assert not TrustedPublisher.objects.exists()
    assert not Event.objects.exists()


def test_a_name_is_used_once(add_rule: AddRule, ada: User, acting: Acting) -> None:
    rule = add_rule()
    with pytest.raises(AlreadyExists):
        add_rule()
    delete_publisher(actor=acting(ada), publisher_id=rule.pk)
    add_rule()


def test_only_the_owner_adds_a_rule(issuer: IdentityServer, bot: User, cy: User, ops: User, acting: Acting) -> None:
    fields = {"username": "bot", "issuer": issuer.issuer, **RULE}
    with pytest.raises(NotFound):
        add_publisher(actor=acting(cy), **fields)
    with pytest.raises(NotFound):
        add_publisher(actor=acting(bot), **fields)
    with pytest.raises(Denied):
        add_publisher(actor=acting(ops), **fields)
    with pytest.raises(NotFound):
        add_publisher(actor=acting(cy), **{**fields, "username": "cy"})
    assert not TrustedPublisher.objects.exists()


def test_a_deleted_rule_ends_its_tokens(
    add_rule: AddRule, exchange: Exchange, cy: User, ops: User, acting: Acting
) -> None:
    rule = add_rule()
    secret = exchange().json()["access_token"]
    with pytest.raises(NotFound):
        delete_publisher(actor=acting(cy), publisher_id=rule.pk)
    actor_from_token(secret, request_id="")
    delete_publisher(actor=acting(ops), publisher_id=rule.pk)
    with pytest.raises(NotAuthenticated):
        actor_from_token(secret, request_id="")
    assert exchange().status_code == 400
    with pytest.raises(NotFound):
        delete_publisher(actor=acting(ops), publisher_id=rule.pk)
    assert Event.objects.filter(action=Action.ACCOUNT_TRUSTED_PUBLISHER_DELETED).count() == 1


def test_the_database_keeps_a_rule_as_it_was_added(add_rule: AddRule, ada: User) -> None:
    rule = add_rule()
    rows = TrustedPublisher.objects.filter(pk=rule.pk)
    for change in ({"audience": "x"}, {"claims": {"sub": "x"}}, {"account": ada}):
        with pytest.raises(DatabaseError), transaction.atomic():
            rows.update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        rows.delete()
    with pytest.raises(DatabaseError), transaction.atomic():
        TrustedPublisher.objects.create(
            account=ada, name="x", issuer="x", audience="x", claims={}, scopes=[], added_by=ada
        )


def test_over_the_api(issuer: IdentityServer, ada: User, bot: User, cy: User, signed_in: SignedIn) -> None:
    body = {**RULE, "issuer": issuer.issuer}
    client = signed_in(ada)
    answer = client.post(API, body, content_type="application/json")
    assert answer.status_code == 201
    assert Event.objects.filter(action=Action.ACCOUNT_TRUSTED_PUBLISHER_ADDED).count() == 1
    rule = answer.json()
    assert (rule["claims"], rule["added_by"], rule["single_use"]) == (RULE["claims"], "ada", True)
    assert client.get(API).json()["trusted_publishers"] == [rule]
    for stranger in (signed_in(cy), Client()):
        assert stranger.get(API).status_code in {401, 404}
        assert stranger.post(API, body, content_type="application/json").status_code in {401, 404}
        assert stranger.delete(f"/api/v1/trusted-publishers/{rule['id']}").status_code in {401, 404}
    assert client.delete(f"/api/v1/trusted-publishers/{rule['id']}").status_code == 204
    assert client.get(API).json()["trusted_publishers"] == []
    assert client.delete(f"/api/v1/trusted-publishers/{2**70}").status_code == 404


def test_the_page_adds_and_deletes(
    issuer: IdentityServer, ada: User, bot: User, cy: User, ops: User, signed_in: SignedIn
) -> None:
    client = signed_in(ada)
    form = {
        "name": "release",
        "issuer": issuer.issuer,
        "audience": AUDIENCE,
        "claims": "repository_id = 42\n\nref=refs/heads/main",
        "scopes": ["registry:read"],
        "single_use": "on",
    }
    assert PAGE in text_of(client.get("/people/bot/"))
    for wrong in ("repository_id", "sub=a\nsub=b", "ref=main", ""):
        assert 'role="alert"' in text_of(client.post(PAGE, {**form, "claims": wrong}))
    assert client.post(PAGE, form).status_code == 302
    rule = TrustedPublisher.objects.get()
    assert (rule.claims, rule.single_use) == ({"repository_id": "42", "ref": "refs/heads/main"}, True)
    assert "repository_id=42" in text_of(client.get(PAGE))
    delete = f"/account/trusted-publishers/{rule.pk}/delete/"
    for path in (PAGE, delete):
        assert signed_in(cy).get(path).status_code == 404
        assert signed_in(cy).post(path).status_code == 404
    assert PAGE not in text_of(signed_in(cy).get("/people/bot/"))
    assert "Add trusted publisher" not in text_of(signed_in(ops).get(PAGE))
    assert client.get(delete).status_code == 200
    assert client.post(delete).status_code == 302
    assert "No trusted publishers" in text_of(client.get(PAGE))


def test_more_rules_take_no_more_queries(add_rule: AddRule, ada: User, signed_in: SignedIn) -> None:
    client = signed_in(ada)

    def count(path: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(path).status_code == 200
        return len(queries)

    add_rule()
    count(PAGE)
    before = [count(path) for path in (PAGE, API)]
    for number in range(5):
        add_rule(name=f"rule {number}")
    assert [count(path) for path in (PAGE, API)] == before
