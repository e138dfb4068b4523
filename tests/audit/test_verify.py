"""The verifier: its verdicts, its report, and its parts. What changes it finds is in test_mutations.py."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from audit.actions import Action
from audit.exports.selection import Filters
from audit.services import record
from audit.transparency.keys import log_signers
from audit.transparency.notes import new_signer
from audit.transparency.sequencer import Sequencer
from audit.verifier.audit_verify import (
    BadNote,
    Key,
    Tree,
    canonical,
    csv_cells,
    csv_line,
    decode_base64,
    ed25519_verify,
    leaf_hash,
    main,
    open_checkpoint,
    parse_vkey,
    plain_ed25519_verify,
    root_of,
    verify,
)
from tests.audit.conftest import export
from tests.conftest import Acting

KINDS = pytest.mark.parametrize(
    "filters", [Filters(), Filters(model="clf"), Filters(actor="ada")], ids=["log", "model", "actor"]
)


@pytest.fixture
def folder(log: None, kept: bytes, ops: User, acting: Acting, tmp_path: Path, filters: Filters) -> Path:
    """Return the directory of an unpacked export."""
    path = export(actor=acting(ops), filters=filters)
    with zipfile.ZipFile(path) as package:
        package.extractall(tmp_path / "original")
    return tmp_path / "original"


def status(folder: Path, keys: list[Key], kept: bytes) -> int:
    """Return the exit status for a folder, as `main` would."""
    copy = folder.with_name("kept.note")
    copy.write_bytes(kept)
    vkeys = [option for signer in log_signers() for option in ("--vkey", signer.vkey)]
    assert keys
    return main([str(folder), *vkeys, "--checkpoint", str(copy)])


@KINDS
def test_untouched_is_ok(folder: Path, keys: list[Key], kept: bytes) -> None:
    assert status(folder, keys, kept) == 0
    assert verify(folder, keys, [kept], full=True).errors == []


@KINDS
def test_an_older_export_does_not_pass_for_a_newer_one(
    folder: Path, keys: list[Key], ada: User, acting: Acting, filters: Filters
) -> None:
    record(actor=acting(ada), action=Action.TRACKING_RUN_CREATED, obj="run:r2")
    Sequencer().run_once()
    from audit.transparency.state import published  # noqa: PLC0415 - beside what it is for

    newer = (published(log_signers()[0].name).folder / "checkpoint").read_bytes()
    report = verify(folder, keys, [newer])
    assert "before the given checkpoint" in report.errors[0]["what"]


@pytest.mark.parametrize("filters", [Filters(model="clf")])
def test_a_report_for_machines_names_the_number(
    folder: Path, keys: list[Key], kept: bytes, capsys: pytest.CaptureFixture[str], vkey: str
) -> None:
    lines = (folder / "events.jsonl").read_bytes().splitlines(keepends=True)
    lines[1] = lines[1].replace(b"registry.stage.changed", b"registry.stage.chanted")
    (folder / "events.jsonl").write_bytes(b"".join(lines))
    assert main([str(folder), "--vkey", vkey, "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert (report["result"], report["errors"][0]["line"], report["errors"][0]["seq"]) == ("tampered", 2, 2)


@pytest.mark.parametrize("filters", [Filters()])
def test_a_key_of_another_log_verifies_nothing(folder: Path, kept: bytes) -> None:
    other = new_signer("other/log")
    report = verify(folder, [other.key])
    assert [error["what"] for error in report.errors] == ["no given key has signed it"]


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 not a zip", b"{}"])
def test_what_is_no_export_is_unusable(tmp_path: Path, content: bytes | None, vkey: str) -> None:
    path = tmp_path / "x.zip"
    if content is not None:
        path.write_bytes(content)
    assert main([str(path), "--vkey", vkey]) == 2


@pytest.mark.parametrize("key", ["x+00000000+AQ==", "nothing", "a+b", "log+83925d58+!!"])
def test_a_key_that_is_none_is_unusable(tmp_path: Path, key: str) -> None:
    assert main([str(tmp_path), "--vkey", key]) == 2


@pytest.mark.parametrize("wrap", [lambda data: b"junk" + data, lambda data: data + b"junk"], ids=["before", "after"])
def test_a_zip_with_something_around_it_is_refused(exported: Path, vkey: str, wrap: Callable[[bytes], bytes]) -> None:
    exported.write_bytes(wrap(exported.read_bytes()))
    assert main([str(exported), "--vkey", vkey]) in (1, 2)


# --- the parts -------------------------------------------------------------------------------------------------------

VECTOR_KEY = "tlog.example/audit+83925d58+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
VECTOR = (
    "tlog.example/audit\n3\nNmQuc8JUCrEh46a/lUWwokmCzYMOsT080Z3jzmwCHsE=\n\n"
    "— tlog.example/audit g5JdWGQivrv2ZJOpkz/Ul0SxpqcCjrxqleCiG0EKNvLmwCH3Jrk1oXYbGvVKRwqPmpxwSX8eWtjjZb1EwzBHk8OmdAA=\n"
).encode()


def test_a_checkpoint_that_other_software_made_is_read() -> None:
    checkpoint = open_checkpoint(VECTOR, [parse_vkey(VECTOR_KEY)])
    assert checkpoint.size == 3
    assert checkpoint.root == root_of([leaf_hash(entry) for entry in (b"a", b"b", b"c")])


@given(st.integers(0, len(VECTOR) - 1), st.integers(1, 255))
def test_no_changed_byte_of_a_note_passes(place: int, change: int) -> None:
    damaged = bytearray(VECTOR)
    damaged[place] ^= change
    with pytest.raises(BadNote):
        open_checkpoint(bytes(damaged), [parse_vkey(VECTOR_KEY)])


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=100))
def test_our_ed25519_agrees_with_cryptography(seed: bytes, message: bytes) -> None:
    private = Ed25519PrivateKey.from_private_bytes(seed)
    public, signature = private.public_key().public_bytes_raw(), private.sign(message)
    for is_right in (plain_ed25519_verify, ed25519_verify):
        assert is_right(public, signature, message)
        assert not is_right(public, signature, message + b"x")
        assert not is_right(public, signature[:32] + bytes(32), message)
        assert not is_right(public, signature[:63], message)


@given(st.lists(st.binary(min_size=32, max_size=32), max_size=40))
def test_the_tree_that_grows_is_the_tree_that_is_folded(leaves: list[bytes]) -> None:
    tree = Tree()
    for leaf in leaves:
        tree.append(leaf)
    assert tree.root() == root_of(leaves)


@pytest.mark.parametrize("text", ["AB==", "A", "AA=", "AAA=\n", "ÄÄÄ="])
def test_base64_has_one_form(text: str) -> None:
    with pytest.raises(BadNote):
        decode_base64(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=3),
)


@given(st.dictionaries(st.text(st.characters(max_codepoint=0xD7FF)), JSON, max_size=5))
def test_both_writers_make_the_same_bytes(value: dict[str, object]) -> None:
    from core.canonical import canonical_bytes  # noqa: PLC0415 - the other writer, named where it matters

    assert canonical(value) == canonical_bytes(value)


CELLS = (
    st.none()
    | st.integers()
    | st.text(st.characters(codec="utf-8"))
    | st.sampled_from(["=1", " @x", "\t", "\uff1d", 'a"b', "a\x00b"])
)


@given(st.lists(CELLS | st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2), min_size=1, max_size=19))
def test_lines_of_the_table_are_those_of_the_standard_library(row: list[object]) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, quoting=csv.QUOTE_ALL).writerow(csv_cells(row))
    assert csv_line(row) == out.getvalue()
