"""An identity provider that provisions accounts: `okta` is its service account here, which ops owns."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from accounts.services import create_user, issue_token
from audit.models import Event
from audit.queries import facts
from core.actors import Actor, Scope
from tests.conftest import Acting

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
Send = Callable[..., Any]


@pytest.fixture
def by_ops(ops: User, acting: Acting) -> Actor:
    return acting(ops)


@pytest.fixture
def okta(ops: User, by_ops: Actor, settings: Settings) -> User:
    """The account of the provider, which fills `team` here as `ML team` there, and no other group."""
    Group.objects.get_or_create(name="team")
    settings.SCIM_ACCOUNT, settings.SCIM_GROUPS = "okta", {"ML team": "team"}
    return create_user(actor=by_ops, username="okta", is_service=True, owner=ops)


@pytest.fixture
def secret(okta: User, by_ops: Actor) -> str:
    _, secret = issue_token(
        actor=by_ops, user=okta, scopes=[Scope.ACCOUNTS_PROVISION], expires_in=timedelta(days=1), label="SCIM"
    )
    return secret


@pytest.fixture
def send(secret: str, client: Client) -> Send:
    """Send a request as the provider does; a body is JSON."""

    def run(method: str, path: str, body: object = None, *, token: str = secret, **headers: str) -> Any:
        content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        return client.generic(
            method,
            f"/scim/v2{path}",
            content,
            content_type="application/scim+json",
            headers={"Authorization": f"Bearer {token}", **headers},
        )

    return run


@pytest.fixture
def make(send: Send) -> Callable[..., dict[str, Any]]:
    """Make the account of a person as Okta does, and return the resource."""

    def run(username: str = "dora", **more: object) -> dict[str, Any]:
        body = {"schemas": [USER], "userName": username, "externalId": f"00u-{username}", "active": True, **more}
        answer = send("POST", "/Users", body)
        assert answer.status_code == 201, answer.content
        made: dict[str, Any] = answer.json()
        return made

    return run


def events_about(username: str) -> list[Event]:
    """Return the events about an account, oldest first."""
    return [event for event in Event.objects.order_by("pk") if facts(event)["object"] == f"user:{username}"]


def operations(*sent: Mapping[str, object]) -> dict[str, object]:
    return {"schemas": [PATCH], "Operations": list(sent)}
