"""Adding and removing passkeys: what is checked, what is recorded, and what the database refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import Passkey, User
from accounts.passkeys.enrolment import (
    ENROLMENT_SECONDS,
    MAX_PASSKEYS,
    begin_enrolment,
    finish_enrolment,
    passkeys_of,
    remove_passkey,
)
from audit.actions import Action
from audit.models import Event
from audit.queries import facts
from config.env import BadSetting, relying_party
from core.actors import Actor
from core.errors import Conflict, Denied, DomainError, InvalidInput, InvalidState, NotFound
from tests.conftest import Acting
from tests.signed_in import token_actor
from tests.software_authenticator import (
    EDDSA,
    ES256,
    MAY_SYNC,
    PRESENT,
    RS256,
    SYNCED,
    VERIFIED,
    Authenticator,
    base64url,
)

Enrol = Callable[..., Passkey]
PASSWORD = "bea-password-1"


@pytest.fixture
def by_bea(bea: User, acting: Acting) -> Actor:
    return acting(bea)


@pytest.fixture
def enrol(by_bea: Actor) -> Enrol:
    def add(device: Authenticator | None = None) -> Passkey:
        begun = begin_enrolment(actor=by_bea, password=PASSWORD, name="blue key")
        answer = (device or Authenticator()).create(begun.options)
        return finish_enrolment(actor=by_bea, token=begun.token, answer=answer)

    return add


@pytest.mark.parametrize("algorithm", [ES256, EDDSA, RS256])
def test_a_passkey_is_added(algorithm: int, enrol: Enrol, bea: User) -> None:
    device = Authenticator(algorithm=algorithm)
    row = enrol(device)
    assert row.credential_id == base64url(device.credential_id)
    assert row.public_key == base64url(device.public_key)
    assert list(passkeys_of(bea.pk)) == [row]


def test_its_event_has_the_public_key(enrol: Enrol) -> None:
    device = Authenticator(flags=PRESENT | VERIFIED | MAY_SYNC | SYNCED)
    row = enrol(device)
    event = Event.objects.get(action=Action.ACCOUNT_PASSKEY_ADDED, outcome="ok")
    assert (facts(event)["object"], event.event_id) == ("user:bea", row.enrolment_event)
    assert facts(event)["after"] == {
        "name": "blue key",
        "credential_id": base64url(device.credential_id),
        "public_key": base64url(device.public_key),
        "aaguid": "00000000-0000-0000-0000-000000000000",
        "synced": True,
        "rp_id": "localhost",
    }


def test_the_options_ask_for_a_verified_user_and_leave_out_known_passkeys(enrol: Enrol, by_bea: Actor) -> None:
    row = enrol()
    options = json.loads(begin_enrolment(actor=by_bea, password=PASSWORD, name="second").options)
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert [each["id"] for each in options["excludeCredentials"]] == [row.credential_id]
    assert options["rp"]["id"] == "localhost"


def test_the_password_comes_first(by_bea: Actor) -> None:
    with pytest.raises(Denied, match="Wrong password"):
        begin_enrolment(actor=by_bea, password="not it", name="blue key")


def test_only_a_person_who_is_signed_in_adds_one(bea: User, bot: User) -> None:
    for actor in (token_actor(bea), token_actor(bot)):
        with pytest.raises(Denied, match="Only a person who is signed in"):
            begin_enrolment(actor=actor, password=PASSWORD, name="blue key")
    assert not Passkey.objects.exists()


@pytest.mark.parametrize(
    "device",
    [
        Authenticator(flags=PRESENT),
        Authenticator(origin="https://evil.example"),
        Authenticator(origin="http://localhost:9090"),
        Authenticator(rp_id="evil.example"),
        Authenticator(credential_id=b"x" * 701),
    ],
    ids=["not verified", "another site", "another port", "another host", "too long"],
)
def test_a_wrong_answer_adds_nothing(device: Authenticator, enrol: Enrol) -> None:
    with pytest.raises(InvalidInput):
        enrol(device)
    assert not Passkey.objects.exists()
    assert not Event.objects.filter(action=Action.ACCOUNT_PASSKEY_ADDED).exists()


@pytest.mark.parametrize("answer", ["", "{}", "[]", "null", '{"id": 3}', "x" * 30_000, '{"id":"AA","rawId":"AA"}'])
def test_an_unreadable_answer_is_refused(answer: str, by_bea: Actor) -> None:
    begun = begin_enrolment(actor=by_bea, password=PASSWORD, name="blue key")
    with pytest.raises(InvalidInput):
        finish_enrolment(actor=by_bea, token=begun.token, answer=answer)


def test_an_answer_is_good_for_its_own_addition_only(by_bea: Actor) -> None:
    first = begin_enrolment(actor=by_bea, password=PASSWORD, name="first")
    second = begin_enrolment(actor=by_bea, password=PASSWORD, name="second")
    with pytest.raises(InvalidInput):
        finish_enrolment(actor=by_bea, token=second.token, answer=Authenticator().create(first.options))


def test_an_addition_is_of_one_person_and_ends_after_five_minutes(by_bea: Actor, cy: User, acting: Acting) -> None:
    begun = begin_enrolment(actor=by_bea, password=PASSWORD, name="blue key")
    answer = Authenticator().create(begun.options)
    with pytest.raises(InvalidInput, match="Somebody else"):
        finish_enrolment(actor=acting(cy), token=begun.token, answer=answer)
    with pytest.raises(InvalidInput, match="did not begin here"):
        finish_enrolment(actor=by_bea, token=begun.token + "x", answer=answer)
    with (
        time_machine.travel(timezone.now() + timedelta(seconds=ENROLMENT_SECONDS + 2), tick=False),
        pytest.raises(InvalidInput, match="five minutes"),
    ):
        finish_enrolment(actor=by_bea, token=begun.token, answer=answer)


def test_a_passkey_is_added_once_even_after_its_removal(by_bea: Actor) -> None:
    begun = begin_enrolment(actor=by_bea, password=PASSWORD, name="blue key")
    answer = Authenticator().create(begun.options)
    row = finish_enrolment(actor=by_bea, token=begun.token, answer=answer)
    remove_passkey(actor=by_bea, passkey_id=row.pk)
    with pytest.raises(Conflict):
        finish_enrolment(actor=by_bea, token=begun.token, answer=answer)


def test_there_are_at_most_twenty(by_bea: Actor, bea: User, monkeypatch: pytest.MonkeyPatch, enrol: Enrol) -> None:
    assert MAX_PASSKEYS == 20
    monkeypatch.setattr("accounts.passkeys.enrolment.MAX_PASSKEYS", 1)
    enrol()
    with pytest.raises(InvalidState, match="Remove one"):
        enrol()


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\x00b"])
def test_a_passkey_needs_a_name(name: str, by_bea: Actor) -> None:
    with pytest.raises(InvalidInput, match="name of 1 to 100"):
        begin_enrolment(actor=by_bea, password=PASSWORD, name=name)


def test_its_owner_removes_it(enrol: Enrol, by_bea: Actor, bea: User) -> None:
    row = enrol()
    remove_passkey(actor=by_bea, passkey_id=row.pk)
    assert not passkeys_of(bea.pk).exists()
    event = Event.objects.get(action=Action.ACCOUNT_PASSKEY_REMOVED, outcome="ok")
    assert json.loads(bytes(event.body))["before"]["public_key"] == row.public_key
    with pytest.raises(NotFound):
        remove_passkey(actor=by_bea, passkey_id=row.pk)


def test_a_superuser_removes_it_and_nobody_else(enrol: Enrol, cy: User, ops: User, bea: User, acting: Acting) -> None:
    row = enrol()
    for actor in (acting(cy), token_actor(ops), token_actor(bea)):
        with pytest.raises(Denied, match="Only its owner"):
            remove_passkey(actor=actor, passkey_id=row.pk)
    removed = remove_passkey(actor=acting(ops), passkey_id=row.pk)
    assert removed.removed_by == ops


CHANGES: dict[str, object] = {"public_key": "x", "credential_id": "x", "name": "x", "sign_count": -1, "aaguid": "x"}


@pytest.mark.parametrize("column", sorted(CHANGES))
def test_the_database_keeps_it_as_it_was_added(column: str, enrol: Enrol) -> None:
    row = enrol()
    with pytest.raises(IntegrityError), transaction.atomic():
        Passkey.objects.filter(pk=row.pk).update(**{column: CHANGES[column]})
    with pytest.raises(IntegrityError), transaction.atomic():
        Passkey.objects.filter(pk=row.pk).delete()


def test_the_database_keeps_a_removal(enrol: Enrol, by_bea: Actor) -> None:
    row = enrol()
    remove_passkey(actor=by_bea, passkey_id=row.pk)
    with pytest.raises(IntegrityError), transaction.atomic():
        Passkey.objects.filter(pk=row.pk).update(removed_at=None, removed_by=None)


def test_a_service_account_has_none(enrol: Enrol, bot: User) -> None:
    row = enrol()
    row.pk, row.user, row.credential_id, row.enrolment_event = None, bot, "other", Event.objects.earliest("id").event_id
    row._state.adding = True
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save()


def test_the_origins_must_be_of_the_host() -> None:
    assert relying_party("", [], "") == ("localhost", ["http://localhost:8080"])
    assert relying_party("", [], "https://ml.example.org") == ("ml.example.org", ["https://ml.example.org"])
    both = ["https://a.example.org", "https://b.example.org"]
    assert relying_party("example.org", both, "") == ("example.org", both)
    for wrong in (
        "https://example.com",
        "https://badexample.org",
        "https://example.org/",
        "example.org",
        "ftp://example.org",
    ):
        with pytest.raises(BadSetting, match="CUSTODY_PASSKEY_ORIGINS"):
            relying_party("example.org", [wrong], "")


def test_refusals_are_domain_errors(by_bea: Actor) -> None:
    with pytest.raises(DomainError):
        finish_enrolment(actor=by_bea, token="", answer="{}")
