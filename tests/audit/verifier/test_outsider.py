"""Forgeries that an outsider would try: each is found, or ends with the exit status for unusable input."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from accounts.models import User
from audit.actions import Action
from audit.exports.selection import Filters
from audit.services import record
from audit.transparency.keys import log_signers
from audit.transparency.notes import new_signer, sign_note
from audit.transparency.sequencer import Sequencer
from audit.verifier import audit_verify as verifier
from audit.verifier.audit_verify import Key, main, manifest_bytes, split_note, verify
from audit.witnesses.cosignatures import Cosigner
from tests.audit.conftest import export
from tests.audit.forging import sign_again
from tests.audit.verifier import outsiders
from tests.conftest import Acting

FOUND, UNUSABLE = 1, 2
CHANGES: dict[str, outsiders.Change] = {
    "fields of two events are exchanged": outsiders.swap_fields,
    "numbers of two events are exchanged": outsiders.swap_places,
    "texts of two events are exchanged": outsiders.swap_texts,
    "texts of another export": outsiders.of_other("texts.jsonl"),
    "people of another export": outsiders.of_other("identities.jsonl"),
    "table of another export": outsiders.of_other("events.csv"),
    "report of another export": outsiders.of_other("report.html"),
    "events of another export": outsiders.of_other("events.jsonl"),
    "manifest of another export": outsiders.of_other("manifest.json"),
    "signed manifest of another export": outsiders.of_other("manifest.json", "manifest.note"),
    "checkpoint of another export": outsiders.of_other("checkpoint"),
    "head of another export": outsiders.of_other("manifest.json", "manifest.note", "checkpoint"),
    "checkpoint of another log": outsiders.checkpoint_of_another_log,
    "signature of the manifest under the checkpoint": outsiders.signature_of_the_manifest,
    "a text is called erased": outsiders.call_erased,
    "a text in another normal form": outsiders.decompose,
    "a key twice in an event": outsiders.replaced("events.jsonl", b'"outcome":"ok"', b'"outcome":"ok","outcome":"ok"'),
    "a key twice in a text": outsiders.replaced("texts.jsonl", b'"seq":', b'"seq":1,"seq":'),
    "a key twice in a person": outsiders.replaced("identities.jsonl", b'"kind":', b'"kind":"user","kind":'),
    "a key twice in the manifest": outsiders.replaced("manifest.json", b'"format":', b'"format": "x", "format":'),
    "a number as a float": outsiders.replaced("events.jsonl", b'"seq":1,', b'"seq":1.0,'),
    "a number with an exponent": outsiders.replaced("events.jsonl", b'"seq":1,', b'"seq":1e0,'),
    "a number with a zero in front": outsiders.replaced("events.jsonl", b'"seq":1,', b'"seq":01,'),
    "a negative number": outsiders.replaced("events.jsonl", b'"seq":1,', b'"seq":-1,'),
    "a number as a text": outsiders.replaced("events.jsonl", b'"seq":1,', b'"seq":"1",'),
    "an escaped letter": outsiders.replaced("events.jsonl", b'"registry.', b'"\\u0072egistry.'),
    "half of a surrogate pair": outsiders.replaced("events.jsonl", b'"outcome":"ok"', b'"outcome":"\\ud800"'),
    "another order of keys": outsiders.replaced("events.jsonl", b'"gen":1,"seq":0,', b'"seq":0,"gen":1,'),
    "an empty line at the end": outsiders.appended("events.jsonl", b"\n"),
    "an unfinished line at the end": outsiders.appended("events.jsonl", b'{"event":{}'),
    "a byte order mark": outsiders.replaced("events.jsonl", b"{", b"\xef\xbb\xbf{"),
    "line ends of Windows": outsiders.replaced("events.jsonl", b"\n", b"\r\n"),
    "bytes behind the checkpoint": outsiders.appended("checkpoint", b"\n"),
    "a line more in the checkpoint": outsiders.replaced("checkpoint", b"\n\n", b"\nmore\n\n"),
    "a size with a zero in front": outsiders.replaced("checkpoint", b"\n6\n", b"\n06\n"),
    "bytes behind the manifest": outsiders.appended("manifest.json", b"\n"),
    "an older format": outsiders.downgrade,
    "no files": outsiders.empty,
    "a link": outsiders.link,
    "a pipe": outsiders.pipe,
    "a folder": outsiders.subfolder,
    "a cut table": outsiders.cut_file("events.csv", 1),
}
ZIP_CHANGES: dict[str, outsiders.ZipChange] = {
    "a member above the folder": outsiders.added("../events.jsonl"),
    "a member with a path": outsiders.added("/etc/passwd"),
    "a member of the same name in capitals": outsiders.added("EVENTS.JSONL"),
    "a member with a dot in front": outsiders.added("./events.jsonl"),
    "a member in a folder of that name": outsiders.added("events.jsonl/"),
    "a member with backslashes": outsiders.added("..\\events.jsonl"),
    "a member twice": outsiders.twice,
    "two names of a member": outsiders.rename_local,
    "a member that is encrypted": outsiders.set_flags(8, 1),
    "an unknown compression": outsiders.set_flags(10, 99),
    "hidden bytes": outsiders.hide_bytes,
    "a hidden member": outsiders.hide_in_front,
    "a zip file that is cut": outsiders.cut_zip,
    "a member that is too long": outsiders.bomb,
    "a comment of a member": outsiders.set_flags(32, 3),
}


@pytest.fixture
def folder(log: None, kept: bytes, ops: User, acting: Acting, tmp_path: Path) -> Path:
    """Return the directory of an export of the whole log."""
    return unpacked(export(actor=acting(ops), filters=Filters()), tmp_path / "export")


@pytest.fixture
def other(folder: Path, cy: User, ops: User, acting: Acting, tmp_path: Path) -> Path:
    """Return the directory of a later export, with an event by somebody else."""
    record(actor=acting(cy), action=Action.REGISTRY_STAGE_CHANGED, obj="model:clf", stream="model:1", reason="Later.")
    return unpacked(export(actor=acting(ops), filters=Filters()), tmp_path / "other")


@pytest.fixture
def filtered(log: None, ops: User, acting: Acting) -> Path:
    """Return the zip of an export that has the hashes of all events."""
    return export(actor=acting(ops), filters=Filters(actor="ada"))


def unpacked(path: Path, folder: Path) -> Path:
    with zipfile.ZipFile(path) as package:
        package.extractall(folder)
    return folder


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_change_is_found(
    folder: Path, other: Path, vkey: str, change: outsiders.Change, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(folder), "--vkey", vkey, "--full"]) == 0
    change(folder, other)
    for options in ([], ["--full"]):
        assert main([str(folder), "--vkey", vkey, *options]) in (FOUND, UNUSABLE)
    assert "the verifier failed" not in capsys.readouterr().out


@pytest.mark.parametrize("change", ZIP_CHANGES.values(), ids=ZIP_CHANGES.keys())
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_change_of_the_zip_file_is_found(
    filtered: Path, vkey: str, change: outsiders.ZipChange, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(filtered), "--vkey", vkey, "--full"]) == 0
    change(filtered)
    assert main([str(filtered), "--vkey", vkey]) in (FOUND, UNUSABLE)
    assert "the verifier failed" not in capsys.readouterr().out


def test_a_zip_file_that_somebody_packed_again_is_accepted(folder: Path, vkey: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "again.zip", "w") as package:
        for path in sorted(folder.iterdir()):
            package.write(path, path.name)
    assert main([str(tmp_path / "again.zip"), "--vkey", vkey, "--full"]) == 0


def test_hashes_that_cannot_be_read_are_found(filtered: Path, keys: list[Key]) -> None:
    with zipfile.ZipFile(filtered) as package:
        members = {name: package.read(name) for name in package.namelist()}
    for cut in (0, 32, 33):
        members["leaf_hashes.bin"] = members["leaf_hashes.bin"][:-cut] if cut else b""
        with zipfile.ZipFile(filtered, "w") as package:
            for name, data in members.items():
                package.writestr(name, data)
        assert (
            {"leaf_hashes.bin", "events.jsonl", "manifest.json"}
            >= {error["where"] for error in verify(filtered, keys).errors}
            != set()
        )


def test_damaged_compressed_hashes_are_found(filtered: Path, vkey: str, capsys: pytest.CaptureFixture[str]) -> None:
    outsiders.damage_leaves(filtered)
    assert main([str(filtered), "--vkey", vkey]) == FOUND
    assert "leaf_hashes.bin" in capsys.readouterr().out


# --- the server lies, with its key -----------------------------------------------------------------------------------


def altered(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the manifest and sign it."""
    manifest = json.loads((folder / "manifest.json").read_bytes())
    change(manifest)
    (folder / "manifest.json").write_bytes(manifest_bytes(manifest))
    sign_again(folder, log_signers()[0])


def without_texts(manifest: dict[str, Any]) -> None:
    del manifest["files"]["texts.jsonl"], manifest["texts"]


def older(manifest: dict[str, Any]) -> None:
    without_texts(manifest)
    manifest["format"] = "custody-audit-export/4"


@pytest.mark.parametrize("change", [without_texts, older])
def test_the_server_cannot_leave_texts_out_by_an_older_format(
    folder: Path, keys: list[Key], change: Callable[[dict[str, Any]], None]
) -> None:
    (folder / "texts.jsonl").unlink()
    altered(folder, change)
    assert [error["where"] for error in verify(folder, keys).errors] == ["texts.jsonl"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("format", "custody-audit-export/6"),
        ("format", None),
        ("files", []),
        ("filters", {"model": "clf"}),
        ("claim", {}),
        ("claim", "proven"),
        ("size", 7),
        ("size", 6.5),
        ("root", ""),
    ],
)
def test_a_signed_manifest_that_says_something_else_is_refused(
    folder: Path, vkey: str, key: str, value: object
) -> None:
    altered(folder, lambda manifest: manifest.update({key: value}) if key != "files" else None)
    if key == "files":
        manifest = json.loads((folder / "manifest.json").read_bytes()) | {key: value}
        (folder / "manifest.json").write_bytes(manifest_bytes(manifest))
    assert main([str(folder), "--vkey", vkey]) in (FOUND, UNUSABLE)


# --- checkpoints and witnesses ---------------------------------------------------------------------------------------

WITNESS = Cosigner("witness.example/one", bytes(range(32)))


def cosigned_export(folder: Path, note: bytes) -> None:
    """Put a cosigned checkpoint into a package, and sign it as the server could."""
    (folder / "witnessed").write_bytes(note)
    altered(folder, lambda manifest: manifest["files"].update({"witnessed": {}}))


def test_a_cosignature_does_not_pass_for_another_checkpoint(folder: Path, keys: list[Key], kept: bytes) -> None:
    newer = (folder / "checkpoint").read_bytes()
    replayed = WITNESS.line(split_note(kept)[0], 1_700_000_000)
    cosigned_export(folder, newer + replayed)
    errors = verify(folder, keys, witnesses=[WITNESS.key]).errors
    assert [error["where"] for error in errors] == ["witnessed"]
    cosigned_export(folder, kept + replayed)
    assert verify(folder, keys, witnesses=[WITNESS.key]).facts["cosigned"][0]["size"] == 5


def test_a_cosignature_has_one_time(folder: Path, keys: list[Key], kept: bytes) -> None:
    line = WITNESS.line(split_note(kept)[0], 1_700_000_000)
    moved = line.replace(b"AAAAAGVT8QA", b"AAAAAGVT8QE")
    assert verify(folder, keys).errors == []
    for bad in (line[:-5] + b"\n", moved if moved != line else line.replace(b"A", b"B", 1)):
        cosigned_export(folder, kept + bad)
        assert main([str(folder), *vkeys(), "--witness", WITNESS.vkey]) in (FOUND, UNUSABLE)


def vkeys() -> list[str]:
    return [option for signer in log_signers() for option in ("--vkey", signer.vkey)]


def test_a_kept_checkpoint_of_another_log_does_not_pass(folder: Path, tmp_path: Path, kept: bytes) -> None:
    stranger = new_signer("another.example/log")
    text = split_note(kept)[0].replace(log_signers()[0].name.encode(), stranger.name.encode())
    (tmp_path / "old").write_bytes(sign_note(text, [stranger]))
    command = [str(folder), *vkeys(), "--checkpoint", str(tmp_path / "old")]
    assert main(command) == UNUSABLE  # no given key has signed it
    assert main([*command, "--vkey", stranger.vkey]) == FOUND


@pytest.mark.parametrize("option", ["--vkey", "--witness", "--checkpoint"])
def test_a_file_of_other_bytes_is_unusable(folder: Path, tmp_path: Path, option: str) -> None:
    (tmp_path / "bytes").write_bytes(bytes(range(256)))
    assert main([str(folder), *vkeys(), option, str(tmp_path / "bytes")]) == UNUSABLE


def test_a_fault_of_the_verifier_does_not_say_tampered(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_arguments: object) -> None:
        raise LookupError("a fault")

    monkeypatch.setattr(verifier, "check_events", fail)
    assert main([str(folder), *vkeys()]) == UNUSABLE
    assert "the verifier failed" in capsys.readouterr().out


def test_an_empty_package_is_unusable(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    assert main([str(tmp_path / "folder"), *vkeys()]) == UNUSABLE
    empty = io.BytesIO()
    zipfile.ZipFile(empty, "w").close()
    (tmp_path / "empty.zip").write_bytes(empty.getvalue())
    assert main([str(tmp_path / "empty.zip"), *vkeys()]) == UNUSABLE
    shutil.rmtree(tmp_path / "folder")


def test_the_newest_checkpoint_extends_the_kept_one(folder: Path, other: Path, kept: bytes, keys: list[Key]) -> None:
    Sequencer().run_once()
    old = (folder / "checkpoint").read_bytes()
    assert verify(other, keys, [kept, old]).errors == []
    assert verify(folder, keys, [(other / "checkpoint").read_bytes()]).errors != []
