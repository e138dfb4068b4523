"""After a restore that lost nothing two superusers let the log continue after its last checkpoint."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from accounts.models import User
from audit.actions import Action
from audit.exports.selection import Filters
from audit.management.commands import audit_new_log
from audit.models import Event, Log
from audit.queries import facts
from audit.services import record
from audit.transparency.continue_log import continue_log
from audit.transparency.keys import log_signers, prepare_log_key
from audit.transparency.notes import Signer, checkpoint_text, sign_note
from audit.transparency.sequencer import Sequencer
from audit.transparency.state import STATE_FILE, published, read_state, state_folder
from audit.transparency.tiles import ENTRIES, entries_of
from audit.verifier.audit_verify import open_checkpoint, verify
from core.actors import Actor
from core.errors import Conflict, Denied, InvalidInput
from tests.audit.conftest import export
from tests.conftest import Acting


@pytest.fixture
def second(db: None) -> User:
    return User.objects.create_superuser("sue", password="sue-password-1")


@pytest.fixture(autouse=True)
def _own_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Work on a key of the test's own."""
    monkeypatch.setattr(settings, "LOG_KEY_FILE", tmp_path / "audit_log")
    prepare_log_key()


def checkpoint() -> bytes:
    return (published(log_signers()[0].name).folder / "checkpoint").read_bytes()


@pytest.fixture
def last(log: None, ops: User, acting: Acting) -> bytes:
    """Return the last checkpoint, of five events, of a log whose folder has gone."""
    Sequencer().run_once()
    note = checkpoint()
    shutil.rmtree(state_folder())
    assert Sequencer().run_once() is None
    return note


def test_the_log_continues_with_an_event(last: bytes, ops: User, second: User, acting: Acting) -> None:
    log = continue_log(actor=acting(ops), second=acting(second), after=last)
    assert (log.size, read_state() is not None) == (5, True)
    assert Sequencer().run_once() == 1
    entries = entries_of(published(log.origin).read(ENTRIES, 0, 6))
    stored = Event.objects.get(action="audit.log.continued")
    assert json.loads(entries[5])["event"]["event_id"] == str(stored.event_id)
    assert facts(stored)["after"] == {"after_size": 5, "second": "sue", "size": 5}
    keys = [signer.key for signer in log_signers()]
    assert open_checkpoint(checkpoint(), keys).size == 6
    assert Log.objects.get().problem == ""
    assert verify(export(actor=acting(ops), filters=Filters()), keys, [last], full=True).errors == []


def test_events_after_the_checkpoint_stay(last: bytes, ops: User, second: User, acting: Acting) -> None:
    record(actor=acting(ops), action=Action.TRACKING_RUN_CREATED, obj="run:r2")
    continue_log(actor=acting(ops), second=acting(second), after=last)
    assert Sequencer().run_once() == 2


def test_a_log_that_lost_events_does_not_continue(last: bytes, ops: User, second: User, acting: Acting) -> None:
    signer = log_signers()[0]
    later = sign_note(checkpoint_text(signer.name, 9, b"r" * 32), [signer])
    refused(acting(ops), acting(second), later, "The database holds 5 events of the log, and the checkpoint covers 9")


def test_another_history_does_not_continue(last: bytes, ops: User, second: User, acting: Acting) -> None:
    signer = log_signers()[0]
    other = sign_note(checkpoint_text(signer.name, 4, b"r" * 32), [signer])
    refused(acting(ops), acting(second), other, "are not those that were signed")


def test_a_checkpoint_of_another_key_is_refused(last: bytes, ops: User, second: User, acting: Acting) -> None:
    stranger = Signer(log_signers()[0].name, b"s" * 32)
    forged = sign_note(checkpoint_text(stranger.name, 5, b"r" * 32), [stranger])
    refused(acting(ops), acting(second), forged, "cannot be used")


def refused(actor: Actor, second: Actor, note: bytes, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        continue_log(actor=actor, second=second, after=note)
    assert not (state_folder() / STATE_FILE).exists()
    assert not Event.objects.filter(action=Action.AUDIT_LOG_CONTINUED).exists()


def test_a_surviving_state_is_never_replaced(log: None, ops: User, second: User, acting: Acting) -> None:
    Sequencer().run_once()
    state = read_state()
    with pytest.raises(Conflict, match="holds the last checkpoint"):
        continue_log(actor=acting(ops), second=acting(second), after=checkpoint())
    assert read_state() == state


@pytest.mark.parametrize(("one", "two"), [("ops", "ops"), ("ops", "ada"), ("ada", "sue")])
def test_two_superusers_have_to_agree(last: bytes, second: User, acting: Acting, one: str, two: str) -> None:
    actors = [acting(User.objects.get(username=name)) for name in (one, two)]
    with pytest.raises(Denied):
        continue_log(actor=actors[0], second=actors[1], after=last)
    assert read_state() is None


def test_the_command_asks_for_the_passwords(
    last: bytes, ops: User, second: User, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for user in (ops, second):
        user.set_password(f"{user.username}-new-password")
        user.save()
    kept = tmp_path / "kept"
    kept.write_bytes(last)
    monkeypatch.setattr(audit_new_log, "getpass", lambda _prompt: "wrong")
    with pytest.raises(CommandError, match="not the password"):
        call_command("audit_continue_log", "--after", str(kept), "--as", "ops", "--and", "sue")
    monkeypatch.setattr(audit_new_log, "getpass", lambda prompt: f"{prompt.split()[-1].strip(':')}-new-password")
    call_command("audit_continue_log", "--after", str(kept), "--as", "ops", "--and", "sue")
    assert Event.objects.latest("id").action == Action.AUDIT_LOG_CONTINUED
