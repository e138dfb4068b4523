"""Witnesses keep what extends what they have, cosign it, and find a log that was set back or forked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from accounts.models import User
from audit.actions import Action
from audit.exports.selection import Filters
from audit.models import WitnessState
from audit.queries import current_log
from audit.services import record
from audit.transparency.keys import log_signers
from audit.transparency.notes import checkpoint_text, new_signer, sign_note
from audit.transparency.sequencer import Sequencer
from audit.transparency.signing import published_checkpoint
from audit.verifier.audit_verify import WITNESS_KEY, BadNote, Checkpoint, cosigned_at, parse_vkey, verify
from audit.witnesses.addresses import witness_of
from audit.witnesses.cosignatures import Cosigner
from audit.witnesses.kinds import FileWitness
from audit.witnesses.server import WitnessStore, serve
from audit.witnesses.service import ask_witnesses, witnessed_note, witnessing
from tests.audit.conftest import export
from tests.conftest import Acting

Grow = Callable[[int], None]


@pytest.fixture
def grow(ada: User, acting: Acting) -> Grow:
    """Write events and sign them."""

    def more(count: int) -> None:
        for _ in range(count):
            record(actor=acting(ada), action=Action.TRACKING_RUN_CREATED, obj="run:1")
        assert Sequencer().run_once() == count

    return more


@pytest.fixture
def store(tmp_path: Path, db: None) -> WitnessStore:
    return WitnessStore(tmp_path / "witness", cosigner(), [signer.key for signer in log_signers()])


def cosigner() -> Cosigner:
    return Cosigner("witness.example/one", bytes(range(32)))


@pytest.fixture
def address(store: WitnessStore) -> Iterator[str]:
    """Run a witness and return its address."""
    server = serve(store, "127.0.0.1", 0)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}#{cosigner().vkey}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_witness_cosigns_a_log_that_grows(grow: Grow, address: str, store: WitnessStore, settings: Settings) -> None:
    settings.WITNESSES, settings.WITNESS_QUORUM = [address], 1
    for size, more in ((3, 3), (259, 256), (600, 341)):
        grow(more)
        assert ask_witnesses() == 1
        assert ask_witnesses() == 0  # it holds the newest one
        state = witnessing(current_log())
        assert (state.size, state.problem) == (size, "")
    origin = log_signers()[0].name
    held = store.held(origin)
    assert held is not None
    assert held.size == 600


def test_the_cosignature_is_kept_with_the_checkpoint(grow: Grow, address: str, settings: Settings) -> None:
    settings.WITNESSES = [address]
    grow(2)
    ask_witnesses()
    note = witnessed_note(log_signers()[0].name)
    assert cosigned_at(note, parse_vkey(cosigner().vkey, WITNESS_KEY)) > 0
    with pytest.raises(BadNote):
        cosigned_at(note.replace(b"\n2\n", b"\n3\n"), cosigner().key)


def test_an_export_holds_what_the_witness_cosigned(
    grow: Grow, address: str, ops: User, acting: Acting, settings: Settings
) -> None:
    settings.WITNESSES = [address]
    grow(2)
    ask_witnesses()
    path = export(actor=acting(ops), filters=Filters())
    keys = [signer.key for signer in log_signers()]
    report = verify(path, keys, witnesses=[cosigner().key])
    assert (report.errors, report.facts["cosigned"][0]["size"]) == ([], 2)
    stranger = Cosigner("witness.example/two", bytes(32)).key
    assert [error["where"] for error in verify(path, keys, witnesses=[stranger]).errors] == ["witnessed"]


def test_a_log_that_was_set_back_is_found_by_the_witness(
    grow: Grow, address: str, store: WitnessStore, settings: Settings
) -> None:
    settings.WITNESSES, settings.WITNESS_QUORUM = [address], 1
    grow(2)
    signer = log_signers()[0]
    later = sign_note(checkpoint_text(signer.name, 9, bytes(32)), [signer])
    assert store.add_checkpoint(b"old 0\n\n" + later).status == 200
    assert ask_witnesses() == 0
    assert "holds 9 events, and this log only 2" in witnessing(current_log()).problem


def test_a_fork_is_found_by_the_witness(grow: Grow, address: str, store: WitnessStore, settings: Settings) -> None:
    settings.WITNESSES = [address]
    grow(4)
    signer = log_signers()[0]
    other = sign_note(checkpoint_text(signer.name, 3, bytes(32)), [signer])
    assert store.add_checkpoint(b"old 0\n\n" + other).status == 200
    assert ask_witnesses() == 0
    assert WitnessState.objects.get().contradicts


def test_a_folder_keeps_every_checkpoint(grow: Grow, tmp_path: Path, settings: Settings) -> None:
    settings.WITNESSES, settings.WITNESS_QUORUM = [(tmp_path / "kept").as_uri()], 1
    for more in (1, 2):
        grow(more)
        assert ask_witnesses() == 1
    assert [path.name[-2:] for path in sorted((tmp_path / "kept").glob("*/checkpoint-*"))] == ["01", "03"]
    assert witnessing(current_log()).problem == ""


def test_a_folder_that_holds_more_contradicts(grow: Grow, tmp_path: Path, settings: Settings) -> None:
    settings.WITNESSES = [(tmp_path / "kept").as_uri()]
    grow(2)
    ask_witnesses()
    signer = log_signers()[0]
    later = sign_note(checkpoint_text(signer.name, 9, bytes(32)), [signer])
    (folder,) = (tmp_path / "kept").iterdir()
    (folder / f"checkpoint-{9:019d}").write_bytes(later)
    grow(1)
    assert ask_witnesses() == 0
    assert "older state was restored" in witnessing(current_log()).problem


def test_a_folder_keeps_the_checkpoints_of_each_log(tmp_path: Path) -> None:
    witness = FileWitness("file", tmp_path)
    for origin in ("custody/a", "custody/a~2"):
        note = sign_note(checkpoint_text(origin, 3, bytes(32)), [new_signer(origin)])
        witness.keep(Checkpoint(origin, 3, bytes(32), note))
    assert [path.parent.name for path in sorted(tmp_path.glob("*/checkpoint-*"))] == ["custody_a", "custody_a~2"]


def test_a_witness_that_is_away_is_asked_again(grow: Grow, settings: Settings) -> None:
    settings.WITNESSES, settings.WITNESS_QUORUM = [f"http://127.0.0.1:1#{cosigner().vkey}"], 1
    grow(1)
    assert ask_witnesses() == 0
    assert "not witnessed by 1" in witnessing(current_log()).problem
    assert not WitnessState.objects.get().contradicts


@pytest.mark.parametrize(
    "what", ["unknown log", "wrong signature", "no size", "wrong old size", "wrong proof", "too old"]
)
def test_a_bad_submission_is_refused(grow: Grow, store: WitnessStore, what: str) -> None:
    grow(2)
    log = current_log()
    checkpoint = published_checkpoint(log) if log else None
    assert checkpoint is not None
    note = checkpoint.note
    body, status = {
        "unknown log": (b"old 0\n\nx" + note, 404),
        "wrong signature": (b"old 0\n\n" + note.replace(b"\n2\n", b"\n3\n"), 403),
        "no size": (b"\n\n" + note, 400),
        "wrong old size": (b"old 1\n\n" + note, 409),
        "wrong proof": (b"old 0\n" + b"A" * 43 + b"=\n\n" + note, 422),
        "too old": (b"old 7\n\n" + note, 400),
    }[what]
    assert store.add_checkpoint(body).status == status
    assert store.held(checkpoint.origin) is None


@pytest.mark.parametrize("address", ["ftp://x", "https://host/no-key", "file:relative", "https://host/#x+y"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match=r"witness|hash|Ed25519|base64|key"):
        witness_of(address)
