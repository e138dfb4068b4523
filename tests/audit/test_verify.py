"""The verifier notices whatever is done to an export, and says where."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.models import Event
from audit.verifier.audit_verify import MANIFEST, MANIFEST_SUM, canonical, leaf_hash, main, manifest_bytes, verify

FILES = ["events.jsonl", "events.csv", "manifest.json", "manifest.sha256", "README.txt", "audit_verify.py"]
Lines = list[bytes]


def rewrite(directory: Path, lines: Lines) -> None:
    """Replace the events and make the hashes of the package agree again, as somebody who knows the format would."""
    (directory / "events.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
    reseal(directory)


def reseal(directory: Path, **changed: object) -> None:
    manifest = json.loads((directory / MANIFEST).read_bytes()) | changed
    for name in manifest["files"]:
        data = (directory / name).read_bytes()
        manifest["files"][name] = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    data = manifest_bytes(manifest)
    (directory / MANIFEST).write_bytes(data)
    (directory / MANIFEST_SUM).write_text(f"{hashlib.sha256(data).hexdigest()}  {MANIFEST}\n")


def lines_of(directory: Path) -> Lines:
    return (directory / "events.jsonl").read_bytes().splitlines()


def test_untouched_is_ok(exported: Path, unpacked: Path) -> None:
    assert (main([str(exported)]), main([str(unpacked)])) == (0, 0)


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_flipped_byte_is_noticed(unpacked: Path, name: str, data: st.DataObject) -> None:
    original = (unpacked / name).read_bytes()
    place = data.draw(st.integers(0, len(original) - 1))
    flipped = bytearray(original)
    flipped[place] ^= data.draw(st.integers(1, 255))
    (unpacked / name).write_bytes(flipped)
    status = main([str(unpacked)])
    (unpacked / name).write_bytes(original)
    assert status in ({1, 2} if name == MANIFEST else {1})


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_damaged_zip_is_never_ok_with_other_content(exported: Path, tmp_path: Path, data: st.DataObject) -> None:
    original = exported.read_bytes()
    place = data.draw(st.integers(0, len(original) - 1))
    damaged = tmp_path / "damaged.zip"
    damaged.write_bytes(
        original[:place] + bytes([original[place] ^ data.draw(st.integers(1, 255))]) + original[place + 1 :]
    )
    if main([str(damaged)]) == 0:  # a time stamp of the archive, say
        with zipfile.ZipFile(damaged) as ours, zipfile.ZipFile(exported) as theirs:
            assert {name: ours.read(name) for name in FILES} == {name: theirs.read(name) for name in FILES}


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda lines: lines[:1] + lines[2:], 2),
        (lambda lines: [lines[0], lines[2], lines[1], lines[3]], 2),
        (lambda lines: [*lines[:2], lines[1], *lines[2:]], 3),
        (lambda lines: lines[1:], 1),
        (lambda lines: [lines[0].replace(b'"ada"', b'"eve"'), *lines[1:]], 1),
        (lambda lines: [lines[0], b'{"gen": 2}', *lines[2:]], 2),
        (lambda lines: [lines[0].replace(b'":"', b'": "', 1), *lines[1:]], 1),
        (lambda lines: [b"", *lines], 1),
        (lambda lines: [b"[" * 5000, *lines], 1),
        (lambda lines: [lines[0].replace(b'"gen":1', b'"gen":1.0'), *lines[1:]], 1),
    ],
    ids=["removed", "reordered", "doubled", "first gone", "edited", "replaced", "spaced", "blank", "deep", "float"],
)
def test_rewritten_lines_are_noticed_and_located(unpacked: Path, change: Callable[[Lines], Lines], line: int) -> None:
    rewrite(unpacked, change(lines_of(unpacked)))
    report = verify(unpacked)
    assert min(error.get("line", 99) for error in report.errors) == line
    assert main([str(unpacked)]) == 1


def test_cut_off_at_the_end_needs_a_head_kept_elsewhere(unpacked: Path) -> None:
    head = json.loads((unpacked / MANIFEST).read_bytes())["head"]
    kept = lines_of(unpacked)[:2]
    rows = (unpacked / "events.csv").read_bytes().split(b'\r\n"model:1"')
    (unpacked / "events.csv").write_bytes(b'\r\n"model:1"'.join(rows[:3]) + b"\r\n")
    rewrite(unpacked, kept)
    reseal(unpacked, events=2, last_gen=2, head=leaf_hash(kept[-1]))
    assert main([str(unpacked)]) == 0  # as README.txt says
    assert main([str(unpacked), "--expect-head", head]) == 1


def test_an_older_head_is_found_in_a_later_export(exported: Path) -> None:
    older = Event.objects.get(stream="model:1", gen=2).leaf_hash
    assert main([str(exported), "--expect-head", older.upper()]) == 0
    assert main([str(exported), "--expect-head", "0" * 64]) == 1


@pytest.mark.parametrize("change", [{"events": 3}, {"last_gen": 9}, {"head": "0" * 64}, {"completeness": "asserted"}])
def test_a_lying_manifest_is_noticed(unpacked: Path, change: dict[str, object]) -> None:
    reseal(unpacked, **change)
    assert main([str(unpacked)]) == 1


@pytest.mark.parametrize("cell", [b'"ada"', b'"ok"', b'"registry.model.created"'])
def test_a_table_that_says_something_else_is_noticed(unpacked: Path, cell: bytes) -> None:
    table = unpacked / "events.csv"
    table.write_bytes(table.read_bytes().replace(cell, b'"eve"', 1))
    reseal(unpacked)
    assert {error["where"] for error in verify(unpacked).errors} == {"events.csv"}


@pytest.mark.parametrize("name", ["events.jsonl", "events.csv", "manifest.sha256", "README.txt"])
def test_a_missing_file_is_noticed(unpacked: Path, name: str) -> None:
    (unpacked / name).unlink()
    assert main([str(unpacked)]) == 1


def test_a_planted_file_is_noticed(unpacked: Path) -> None:
    (unpacked / "events-corrected.csv").write_text("trust me")
    assert main([str(unpacked)]) == 1


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 not a zip", b"{}"])
def test_what_is_no_export_is_unusable(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "x.zip"
    if content is not None:
        path.write_bytes(content)
    assert main([str(path)]) == 2


@pytest.mark.parametrize("value", [b'"\\ud800"', b"9" * 5000, b"[" * 50_000])
def test_a_manifest_that_no_exporter_could_write_is_unusable(unpacked: Path, value: bytes) -> None:
    manifest = (unpacked / MANIFEST).read_bytes()
    (unpacked / MANIFEST).write_bytes(manifest.replace(b'"stream":', b'"note": ' + value + b', "stream":'))
    assert main([str(unpacked)]) == 2


def test_a_report_for_machines(unpacked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rewrite(unpacked, lines_of(unpacked)[1:])
    assert main([str(unpacked), "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert (report["result"], report["errors"][0]["line"], report["errors"][0]["gen"]) == ("tampered", 1, 2)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=3),
)


@given(st.dictionaries(st.text(st.characters(max_codepoint=0xD7FF)), JSON, max_size=5))
def test_both_writers_make_the_same_bytes(value: dict[str, object]) -> None:
    from core.canonical import canonical_bytes  # noqa: PLC0415 - the other writer, named where it matters

    assert canonical(value) == canonical_bytes(value)
