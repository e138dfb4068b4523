"""Erasing a person who has left: what goes, what stays, who is refused, and that the log verifies as before."""

from __future__ import annotations

import io
import json
import re
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.db import Error, transaction
from django.utils import timezone
from pytest_django import Settings

from accounts.administration import deactivate_user
from accounts.erasure.service import erase_person, erasure_of
from accounts.models import ApiToken, BrowserSession, Invitation, SignInLink, User, UsernameKey
from accounts.services import issue_token
from approvals.models import ApprovalComment
from audit.actions import Action
from audit.exports.files import file_of
from audit.exports.jobs import build_export, start_export
from audit.exports.selection import Filters
from audit.management.commands import audit_new_log
from audit.models import Event, ExportJob, Identity
from audit.queries import describe, facts
from audit.services import record
from audit.subjects import AUDITORS
from audit.transparency.keys import log_signers
from audit.transparency.sequencer import Sequencer
from audit.transparency.state import published
from audit.verifier.audit_verify import verify
from console.models import FormDraft
from core.actors import Actor, ActorKind, system_actor
from core.errors import Conflict, Denied, InvalidInput, NotFound
from core.refs import user_ref
from notices.models import Preference, Topic
from tests.conftest import Acting

REASON = "Asked for on 2026-11-30."


@pytest.fixture
def by_ops(ops: User, acting: Acting) -> Actor:
    return acting(ops)


@pytest.fixture
def left(ada: User, bea: User, by_ops: Actor, acting: Acting) -> User:
    """Return ada, who acted, was acted upon and acted for, and whose account is deactivated."""
    User.objects.filter(pk=ada.pk).update(first_name="Ada", last_name="Lovelace", email="ada@example.com")
    record(actor=acting(ada), action=Action.REGISTRY_MODEL_CREATED, obj="model:clf", stream="model:1")
    record(actor=acting(bea), action=Action.ACCOUNT_CONFIRMED, obj=user_ref("ada"))
    record(actor=system_actor("job", on_behalf_of="ada"), action=Action.TRACKING_RUN_CREATED, obj="run:1")
    record(actor=by_ops, action=Action.ACCOUNT_INVITATION_ISSUED, obj=user_ref("ada@example.com"))
    issue_token(actor=system_actor("test"), user=ada, expires_in=timedelta(days=1), label="laptop")
    BrowserSession.objects.create(user=ada, session_key="k", address="192.0.2.7", browser="Firefox")
    SocialAccount.objects.create(user=ada, provider="sso", uid="u1", extra_data={"email": "ada@example.com"})
    SignInLink.objects.create(user=ada, digest="d", issued_at=timezone.now(), expires_at=timezone.now())
    Invitation.objects.create(provider="sso", email="ADA@example.com", expires_at=timezone.now())
    FormDraft.objects.create(owner=ada, key="/x/", fields={"a": "b"}, saved_at=timezone.now())
    Preference.objects.create(person=ada, topic=Topic.values[0], channel="email", wanted=False)
    ada.groups.add(Group.objects.get_or_create(name=AUDITORS)[0])
    start_export(actor=acting(ada), filters=Filters(), queued=False)
    deactivate_user(actor=by_ops, username="ada")
    ada.refresh_from_db()
    return ada


def personal() -> dict[str, int]:
    """Return the number of rows that tell who ada was, table by table."""
    models = (BrowserSession, SocialAccount, SignInLink, Invitation, FormDraft, Preference)
    counts = {model.__name__: model._default_manager.count() for model in models}
    counts["labels"] = ApiToken.objects.exclude(label="").count()
    counts["requesters"] = ExportJob.objects.filter(requested_by="ada").count()
    counts["names"] = Identity.objects.filter(name__startswith="ada").count()
    counts["accounts"] = User.objects.filter(username="ada", email="ada@example.com", last_name="Lovelace").count()
    return counts


def erasures() -> list[Event]:
    return list(Event.objects.filter(action=Action.ACCOUNT_PERSON_ERASED, outcome="ok"))


def test_what_tells_who_a_person_was_is_erased(left: User, by_ops: Actor) -> None:
    planned = erasure_of(actor=by_ops, username="ada")
    before = personal()
    assert min(before.values()) > 0
    erased = erase_person(actor=by_ops, username="ada", reason=REASON)
    assert erased == planned
    assert set(personal().values()) == {0}
    left.refresh_from_db()
    assert (left.username, left.first_name, left.last_name, left.email) == (erased.username, "", "", "")
    assert not left.has_usable_password()
    [event] = erasures()
    after = facts(event)["after"]
    assert (facts(event)["object"], after["pseudonym"]) == (f"user:{left.username}", erased.pseudonym)
    assert after["erased"] == dict(erased.rows)
    assert not re.search(rb"\bada\b", bytes(event.body))


def test_the_log_shows_the_pseudonym_and_verifies_as_before(left: User, by_ops: Actor, tmp_path: Path) -> None:
    Sequencer().run_once()
    kept = (published(log_signers()[0].name).folder / "checkpoint").read_bytes()
    bodies = {event.pk: bytes(event.body) for event in Event.objects.all()}
    erased = erase_person(actor=by_ops, username="ada", reason=REASON)
    assert {event.pk: bytes(event.body) for event in Event.objects.filter(pk__in=bodies)} == bodies
    told = " ".join(describe(event) for event in Event.objects.all())
    assert erased.pseudonym in told
    assert f"on behalf of {erased.pseudonym}" in told
    assert not re.search(r"\bada\b", told)
    job = start_export(actor=by_ops, filters=Filters())
    assert build_export(job.pk)
    job.refresh_from_db()
    keys = [signer.key for signer in log_signers()]
    report = verify(file_of(job), keys, [kept], full=True)
    assert (report.errors, report.facts["names"]["erased"]) == ([], 3)
    with zipfile.ZipFile(file_of(job)) as package:
        lines = [json.loads(line) for line in package.read("identities.jsonl").splitlines()]
        table = package.read("events.csv").decode()
    assert {line["name"] for line in lines if line["state"] == "erased"} == {erased.pseudonym}
    assert '"ada"' not in table


def test_erasing_again_takes_what_came_since(left: User, by_ops: Actor, bea: User, acting: Acting) -> None:
    first = erase_person(actor=by_ops, username="ada", reason=REASON)
    assert erasure_of(actor=by_ops, username=first.username).rows == ()
    FormDraft.objects.create(owner=left, key="/x/", fields={}, saved_at=timezone.now())
    assert erase_person(actor=by_ops, username=first.username, reason=REASON).rows == (("drafts of forms", 1),)
    assert len(erasures()) == 2


def test_the_name_is_not_given_to_somebody_else(left: User, by_ops: Actor) -> None:
    key = UsernameKey.objects.get(account=left).digest
    erase_person(actor=by_ops, username="ada", reason=REASON)
    assert UsernameKey.objects.get(account=left).digest == key
    with pytest.raises(Exception, match="looks like"), transaction.atomic():
        User.objects.create_user("ada")


def test_refusals_change_nothing(
    left: User, bea: User, bot: User, by_ops: Actor, acting: Acting, settings: Settings
) -> None:
    before, reader = personal(), Actor(kind=ActorKind.USER, name="bea", user_id=bea.pk)
    long = "x" * 1001
    for actor, username, reason, error in (
        (reader, "ada", REASON, Denied),
        (by_ops, "bea", REASON, Conflict),  # active
        (by_ops, "bot", REASON, NotFound),
        (by_ops, "nobody", REASON, NotFound),
        (by_ops, "a\x00da", REASON, NotFound),
        (by_ops, "ada", " ", InvalidInput),
        (by_ops, "ada", long, InvalidInput),
        (by_ops, "ada", "Ada has asked for it.", InvalidInput),
    ):
        with pytest.raises(error), transaction.atomic():
            erase_person(actor=actor, username=username, reason=reason)
    settings.LEGAL_HOLD = True
    with pytest.raises(Conflict, match="legal hold"):
        erasure_of(actor=by_ops, username="ada")
    with pytest.raises(Conflict, match="legal hold"):
        erase_person(actor=by_ops, username="ada", reason=REASON)
    assert (personal(), erasures()) == (before, [])


@pytest.mark.parametrize(
    "change",
    [
        {"username": "eve"},
        {"username": "erased-eve"},  # with the e-mail address left
        {"username": "erased-eve", "email": "", "first_name": "", "last_name": "", "is_active": True},
    ],
)
def test_an_account_gets_no_other_name_in_any_other_way(left: User, change: dict[str, object]) -> None:
    with pytest.raises(Error, match="keeps its username"), transaction.atomic():
        User.objects.filter(pk=left.pk).update(**change)
    left.refresh_from_db()
    assert left.username == "ada"


def test_groups_and_decisions_stay(left: User, by_ops: Actor) -> None:
    erase_person(actor=by_ops, username="ada", reason=REASON)
    assert left.groups.get().name == AUDITORS
    assert not ApprovalComment.objects.exists()


def test_the_command(left: User, ops: User, monkeypatch: pytest.MonkeyPatch) -> None:
    before, out = personal(), io.StringIO()
    asked = ["erase_person", "ada", "--as", "ops", "--reason", REASON]
    monkeypatch.setattr(audit_new_log, "getpass", lambda _prompt: "wrong")
    with pytest.raises(CommandError):
        call_command(*asked, "--erase")
    monkeypatch.setattr(audit_new_log, "getpass", lambda _prompt: "ops-password-1")
    call_command(*asked, stdout=out)
    assert (personal(), erasures()) == (before, [])
    assert "Would erase:" in out.getvalue()
    assert "Nothing was changed" in out.getvalue()
    call_command(*asked, "--erase", stdout=out)
    assert set(personal().values()) == {0}
    assert len(erasures()) == 1
    assert "- sessions of browsers, with addresses: 1" in out.getvalue()
    with pytest.raises(CommandError, match="no person called ada"):
        call_command(*asked, "--erase")
