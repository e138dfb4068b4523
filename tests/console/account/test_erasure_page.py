"""The page on which a superuser erases a person who has left."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from accounts.administration import deactivate_user
from accounts.models import User
from audit.actions import Action
from audit.models import Event
from audit.queries import actor_name
from tests.conftest import Acting
from tests.console.conftest import SignedIn, text_of

PAGE = "/erasures/ada/"
GOOD = {"confirmation": "ada", "reason": "Asked for."}


@pytest.fixture
def left(ada: User, ops: User, acting: Acting) -> User:
    deactivate_user(actor=acting(ops), username="ada")
    return ada


def test_a_superuser_erases_a_person(left: User, ops: User, signed_in: SignedIn) -> None:
    client = signed_in(ops)
    assert f'href="{PAGE}"' in text_of(client.get("/people/ada/"))
    page = text_of(client.get(PAGE))
    for expected in ("Names in the audit log", "Stays, because it is evidence", "erased person "):
        assert expected in page
    answer = client.post(PAGE, GOOD)
    left.refresh_from_db()
    assert left.username.startswith("erased-")
    assert (answer.status_code, answer["Location"]) == (302, f"/people/{left.username}/")
    assert actor_name(Event.objects.get(action=Action.ACCOUNT_PERSON_ERASED)) == "ops"
    assert client.get(PAGE).status_code == 404
    assert left.username in text_of(client.get(f"/people/{left.username}/"))


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ({**GOOD, "confirmation": "bea"}, "Type ada to erase this person."),
        ({**GOOD, "reason": ""}, "Say why."),
        ({**GOOD, "reason": "For Ada."}, "names the person"),
    ],
)
def test_a_wrong_form_erases_nobody(
    left: User, ops: User, signed_in: SignedIn, sent: dict[str, str], message: str
) -> None:
    assert message in text_of(signed_in(ops).post(PAGE, sent))
    assert_nothing_happened(left)


def test_an_active_account_a_legal_hold_and_other_people_are_refused(
    left: User, bea: User, ops: User, signed_in: SignedIn, settings: Settings
) -> None:
    assert signed_in(bea).get(PAGE).status_code == 403
    assert signed_in(bea).post(PAGE, GOOD).status_code == 403
    client = signed_in(ops)
    assert client.get("/erasures/bea/").status_code == 409
    assert 'href="/erasures/bea/"' not in text_of(client.get("/people/bea/"))
    settings.LEGAL_HOLD = True
    assert client.get(PAGE).status_code == 409
    client.post(PAGE, GOOD)
    assert_nothing_happened(left)


def assert_nothing_happened(person: User) -> None:
    person.refresh_from_db()
    assert person.username == "ada"
    assert not Event.objects.filter(action=Action.ACCOUNT_PERSON_ERASED, outcome="ok").exists()
