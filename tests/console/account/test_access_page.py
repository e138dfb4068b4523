"""Who may do what with a model: seen by who may see the model, changed in dialogs by who manages it."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.models import User
from accounts.principals import PrincipalKind
from audit.models import Event
from core.actors import Actor
from registry.models import RegisteredModel
from registry.permissions import Grant, Level, grants_of
from registry.services.models import create_model
from registry.services.permissions import set_permissions
from tests.console.conftest import SignedIn, text_of

WHERE = "/models/clf/access/"


@pytest.fixture
def clf(by_ada: Actor) -> RegisteredModel:
    return create_model(actor=by_ada, name="clf")


def granted(model: RegisteredModel) -> dict[str, Level]:
    return {grant.name: grant.level for grant in grants_of(model)}


def test_the_list_shows_every_grant(clf: RegisteredModel, ada: User, bea: User, signed_in: SignedIn) -> None:
    page = text_of(signed_in(ada).get(WHERE))
    assert "Can manage the model and the access to it" in page
    assert "Give access" in page
    assert "Give access" not in text_of(signed_in(bea).get(WHERE))


@pytest.mark.parametrize(("kind", "name"), [("user", "cy"), ("service", "bot"), ("group", "reviewers")])
def test_a_grant_is_given_changed_and_revoked(
    kind: str, name: str, clf: RegisteredModel, ada: User, cy: User, bot: User, signed_in: SignedIn
) -> None:
    client, whom = signed_in(ada), {"kind": kind, "name": name}
    for level in (Level.READ, Level.MANAGE_PRODUCTION):
        answer = client.post(f"{WHERE}grant/", {**whom, "level": int(level)}, headers={"HX-Request": "true"})
        assert answer.headers["HX-Redirect"] == WHERE
        assert granted(clf) == {"ada": Level.MANAGE, name: level}
    assert name in text_of(client.get(f"{WHERE}revoke/", whom))
    assert name in granted(clf)  # looking takes nothing away
    client.post(f"{WHERE}revoke/", whom)
    assert granted(clf) == {"ada": Level.MANAGE}
    assert Event.objects.filter(action="registry.permissions.changed", outcome="ok").count() == 3


@pytest.mark.parametrize(
    "change", [{"name": "nobody"}, {"name": ""}, {"kind": "robot"}, {"level": "9"}, {"level": "x"}, {"kind": "group"}]
)
def test_an_invalid_form_grants_nothing(
    change: dict[str, str], clf: RegisteredModel, ada: User, cy: User, signed_in: SignedIn
) -> None:
    answer = signed_in(ada).post(f"{WHERE}grant/", {"kind": "user", "name": "cy", "level": "1", **change})
    assert (answer.status_code, 'role="alert"' in text_of(answer)) == (400, True)
    assert granted(clf) == {"ada": Level.MANAGE}


def test_a_missing_grant_cannot_be_revoked(clf: RegisteredModel, ada: User, cy: User, signed_in: SignedIn) -> None:
    answer = signed_in(ada).post(f"{WHERE}revoke/", {"kind": "user", "name": "cy"})
    assert "cy has no grant on clf" in text_of(answer)


@pytest.mark.parametrize("path", ["grant/", "revoke/"])
def test_only_managers_change_grants(path: str, clf: RegisteredModel, bea: User, signed_in: SignedIn) -> None:
    client = signed_in(bea)
    whom = {"kind": "user", "name": "bea", "level": "5"}
    assert {client.get(WHERE + path).status_code, client.post(WHERE + path, whom).status_code} == {403}
    assert granted(clf) == {"ada": Level.MANAGE}
    assert Event.objects.filter(action="registry.permissions.changed", outcome="denied").exists()


def test_the_page_of_a_hidden_model_is_not_found(
    clf: RegisteredModel, cy: User, signed_in: SignedIn, settings: Settings
) -> None:
    settings.DEFAULT_MODEL_LEVEL = "none"
    assert {signed_in(cy).get(WHERE + path).status_code for path in ("", "grant/", "revoke/")} == {404}


def test_a_grant_needs_the_csrf_token(clf: RegisteredModel, ada: User, cy: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(ada)
    assert client.post(f"{WHERE}grant/", {"kind": "user", "name": "cy", "level": "1"}).status_code == 403
    assert granted(clf) == {"ada": Level.MANAGE}


def test_a_longer_list_takes_no_more_queries(
    clf: RegisteredModel, ada: User, by_ada: Actor, signed_in: SignedIn
) -> None:
    client, counts = signed_in(ada), []
    client.get(WHERE)
    for number in range(2):
        names = [f"team-{number}-{index}" for index in range(3)]
        Group.objects.bulk_create(Group(name=name) for name in names)
        grants = [Grant(PrincipalKind.GROUP, name, Level.READ) for name in names]
        set_permissions(actor=by_ada, name="clf", grants=grants, replace=False)
        with CaptureQueriesContext(connection) as queries:
            client.get(WHERE)
        counts.append(len(queries))
    assert counts[0] == counts[1]
