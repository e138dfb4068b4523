"""After a disaster two superusers start a new log that names the old one;
a changed key is signed for by the old one.
"""

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
from audit.models import Event, Leaf, Log
from audit.queries import facts
from audit.transparency.keys import log_signers, prepare_log_key
from audit.transparency.new_log import rotate_key, start_new_log
from audit.transparency.notes import checkpoint_text, sign_note
from audit.transparency.sequencer import Sequencer
from audit.transparency.state import published, state_folder
from audit.transparency.tiles import ENTRIES, entries_of
from audit.verifier.audit_verify import Key, Report, leaf_hash, open_checkpoint, root_of, verify
from core.errors import Denied, InvalidInput
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


def test_the_new_log_names_the_old_one(log: None, ops: User, second: User, acting: Acting) -> None:
    Sequencer().run_once()
    kept, old = checkpoint(), log_signers()[0].name
    shutil.rmtree(state_folder())
    assert Sequencer().run_once() is None
    made = start_new_log(actor=acting(ops), second=acting(second), after=kept)
    assert Sequencer().run_once() == 6
    first = json.loads(entries_of(published(made.origin).read(ENTRIES, 0, 6))[0])
    assert (first["seq"], first["event"]["action"]) == (0, "audit.log.started")
    after = first["event"]["after"]
    assert (after["old_log"], after["old_size"], after["lost"]) == (old, 5, 0)
    assert facts(Event.objects.get(action="audit.log.started"))["after"]["second"] == "sue"
    assert list(Leaf.objects.filter(log=2, stream="model:1").order_by("seq").values_list("gen", flat=True)) == [1, 2, 3]
    assert open_checkpoint(checkpoint(), [log_signers()[0].key]).size == 6


def test_events_after_it_follow(log: None, ops: User, second: User, acting: Acting) -> None:
    Sequencer().run_once()
    start_new_log(actor=acting(ops), second=acting(second), after=checkpoint())
    rotate_key(actor=acting(ops))
    assert Sequencer().run_once() == 7
    assert Log.objects.latest("number").size == 7


@pytest.fixture
def ended(log: None, ada: User, acting: Acting) -> list[tuple[bytes, Key]]:
    """Return the checkpoints of the old log at 3 and at 5 events, with its key; the database holds 5."""
    old = log_signers()[0]
    Sequencer().run_once()
    hashes = [leaf_hash(entry) for entry in entries_of(published(old.name).read(ENTRIES, 0, 5))]
    earlier = sign_note(checkpoint_text(old.name, 3, root_of(hashes[:3])), [old])
    return [(earlier, old.key), (checkpoint(), old.key)]


def verified(ops: User, acting: Acting, old: Key, kept: bytes) -> Report:
    Sequencer().run_once()
    path = export(actor=acting(ops), filters=Filters())
    return verify(path, [log_signers()[0].key, old], [kept], full=True)


def test_the_verifier_reports_the_lost_range(
    ended: list[tuple[bytes, Key]], ops: User, second: User, acting: Acting
) -> None:
    (_, old), (last, _) = ended
    Log.objects.update(size=3)  # as of a database that was restored from a backup
    start_new_log(actor=acting(ops), second=acting(second), after=last)
    report = verified(ops, acting, old, last)
    assert (report.errors, report.facts["checkpoints_compared"]) == ([], 1)
    began = report.facts["began_after"]
    assert (began["log"], began["size"], began["lost"]) == (old.name, 5, [3, 4])


def test_a_smaller_checkpoint_of_the_old_log_is_not_called_compared(
    ended: list[tuple[bytes, Key]], ops: User, second: User, acting: Acting
) -> None:
    (earlier, old), (last, _) = ended
    start_new_log(actor=acting(ops), second=acting(second), after=last)
    report = verified(ops, acting, old, earlier)
    assert (report.errors, report.facts["checkpoints_compared"]) == ([], 0)
    assert report.facts["began_after"]["lost"] is None


def test_a_new_log_cannot_conceal_the_end_of_the_old_one(
    ended: list[tuple[bytes, Key]], ops: User, second: User, acting: Acting
) -> None:
    (earlier, old), (last, _) = ended
    start_new_log(actor=acting(ops), second=acting(second), after=earlier)
    (error,) = verified(ops, acting, old, last).errors
    assert "the events 3 to 4 are lost, and this log conceals it" in error["what"]


@pytest.mark.parametrize(("one", "two"), [("ops", "ops"), ("ops", "ada"), ("ada", "sue")])
def test_two_superusers_have_to_agree(log: None, ops: User, second: User, acting: Acting, one: str, two: str) -> None:
    Sequencer().run_once()
    with pytest.raises(Denied):
        start_new_log(
            actor=acting(User.objects.get(username=one)),
            second=acting(User.objects.get(username=two)),
            after=checkpoint(),
        )
    assert Log.objects.count() == 1
    assert not Event.objects.filter(action=Action.AUDIT_LOG_STARTED).exists()


def test_a_checkpoint_of_somebody_else_is_refused(log: None, ops: User, second: User, acting: Acting) -> None:
    Sequencer().run_once()
    with pytest.raises(InvalidInput):
        start_new_log(actor=acting(ops), second=acting(second), after=checkpoint().replace(b"5", b"6", 1))
    assert Log.objects.count() == 1


def test_a_new_key_is_signed_for_by_the_old_one(log: None, ops: User, acting: Acting) -> None:
    old = log_signers()[0]
    new = rotate_key(actor=acting(ops))
    Sequencer().run_once()
    for signer in (old, new):
        assert open_checkpoint(checkpoint(), [signer.key]).size == 6
    assert Event.objects.latest("id").action == Action.AUDIT_LOG_KEY_ROTATED


def test_a_wrong_password_is_refused(ops: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_new_log, "getpass", lambda _prompt: "wrong")
    with pytest.raises(CommandError, match="not the password"):
        call_command("audit_rotate_key", "--as", "ops")
    assert not Event.objects.filter(action=Action.AUDIT_LOG_KEY_ROTATED).exists()


def test_without_a_terminal_the_command_says_so(ops: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_terminal(_prompt: str) -> str:
        raise EOFError

    monkeypatch.setattr(audit_new_log, "getpass", no_terminal)
    with pytest.raises(CommandError, match="in a terminal"):
        call_command("audit_rotate_key", "--as", "ops")
    assert not Event.objects.filter(action=Action.AUDIT_LOG_KEY_ROTATED).exists()


def test_the_commands_ask_for_the_passwords(
    log: None, ops: User, second: User, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for user in (ops, second):
        user.set_password(f"{user.username}-new-password")
        user.save()
    monkeypatch.setattr(audit_new_log, "getpass", lambda prompt: f"{prompt.split()[-1].strip(':')}-new-password")
    Sequencer().run_once()
    kept = tmp_path / "kept"
    kept.write_bytes(checkpoint())
    call_command("audit_rotate_key", "--as", "ops")
    assert Event.objects.latest("id").action == Action.AUDIT_LOG_KEY_ROTATED
    call_command("audit_new_log", "--after", str(kept), "--as", "ops", "--and", "sue")
    assert (Log.objects.latest("number").number, Event.objects.latest("id").action) == (2, Action.AUDIT_LOG_STARTED)
