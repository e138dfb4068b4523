"""An export reveals the texts that its events commit to; the verifier finds one that is wrong."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import User
from audit.actions import Action
from audit.exports.selection import Filters
from audit.models import EventText
from audit.services import record
from audit.transparency.keys import log_signers
from audit.verifier.audit_verify import (
    TEXT_HASHES,
    Key,
    canonical,
    hashes_in,
    main,
    manifest_bytes,
    text_hashes_of,
    verify,
    with_texts,
)
from core.actors import anonymous_actor
from tests.audit import forging
from tests.audit.conftest import export
from tests.audit.forging import text_commitment
from tests.conftest import Acting

ANNEX = "texts.jsonl"
Line = dict[str, Any]


@pytest.fixture
def written(log: None, ada: User, bea: User, acting: Acting) -> None:
    """Record more texts of clf's events; `log` has two reasons by bea and ada."""
    ours: Any = {"stream": "model:1", "obj": "model:clf"}
    change: Any = {"before": {"description": "=1+1"}, "after": {"description": "two"}}
    record(actor=acting(ada), action=Action.REGISTRY_MODEL_UPDATED, reason="three", **change, **ours)
    tags = {"mlflow.note.content": "four", "team": "fraud"}
    record(actor=acting(ada), action=Action.REGISTRY_MODEL_CREATED, after={"tags": tags}, **ours)
    record(actor=anonymous_actor(), action=Action.ACCOUNT_AUTHENTICATION_FAILED, after={"address": "192.0.2.7"}, **ours)


@pytest.fixture
def folder(written: None, ops: User, acting: Acting, tmp_path: Path) -> Path:
    """Return the directory of an export of clf's events."""
    return unpacked(export(actor=acting(ops), filters=Filters(model="clf")), tmp_path / "export")


def unpacked(path: Path, folder: Path) -> Path:
    with zipfile.ZipFile(path) as package:
        package.extractall(folder)
    return folder


def lines_of(folder: Path) -> list[Line]:
    return [json.loads(line) for line in (folder / ANNEX).read_bytes().splitlines()]


def write_lines(folder: Path, lines: list[Line]) -> None:
    (folder / ANNEX).write_bytes(b"".join(canonical(line) + b"\n" for line in lines))


def table_of(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((folder / "events.csv").read_text(encoding="utf-8"))))


def erase(value: str) -> None:
    """Erase the texts that contain this."""
    rows = EventText.objects.filter(value__contains=value)
    assert rows.update(value=None, salt=None, erased_at=timezone.now())


def test_texts_are_in_the_annex_and_the_table_and_not_in_the_events(folder: Path, keys: list[Key]) -> None:
    events = (folder / "events.jsonl").read_bytes()
    assert not any(text in events for text in (b"points", b"No.", b"three", b"two", b"four", b"192.0.2.7"))
    assert [line["value"] for line in lines_of(folder)] == [
        "-2 points\nbut faster “é”", "No.", "two", "=1+1", "three", "four", "192.0.2.7",
    ]  # fmt: skip
    rows = table_of(folder)
    assert [row["reason"] for row in rows[1:4]] == ["'-2 points\nbut faster “é”", "No.", "three"]
    assert [json.loads(rows[3][side]) for side in ("before", "after")] == [
        {"description": "=1+1"},
        {"description": "two"},
    ]
    assert json.loads(rows[4]["after"]) == {"tags": {"mlflow.note.content": "four", "team": "fraud"}}
    assert "-2 points" in (folder / "report.html").read_text()
    for full in (False, True):
        report = verify(folder, keys, full=full)
        assert (report.errors, report.facts["texts"]) == ([], {"checked": 7, "erased": 0})


@pytest.mark.parametrize(
    "filters",
    [Filters(), Filters(first_seq=2, last_seq=6), Filters(actor="ada"), Filters(actor="nobody")],
    ids=["log", "numbers", "actor", "none"],
)
def test_every_kind_of_export_has_its_texts(
    written: None, ops: User, acting: Acting, keys: list[Key], filters: Filters
) -> None:
    report = verify(export(actor=acting(ops), filters=filters), keys, full=True)
    assert report.errors == []
    assert (report.facts["texts"]["checked"] > 0) == (filters.actor != "nobody")


def test_erased_texts_are_counted(
    written: None,
    ops: User,
    acting: Acting,
    keys: list[Key],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    erase("three")
    erase("192.0.2.7")
    path = export(actor=acting(ops), filters=Filters(model="clf"))
    folder = unpacked(path, tmp_path / "export")
    assert [line for line in lines_of(folder) if "erased" in line] == [
        {"erased": True, "place": ["reason"], "seq": 5},
        {"erased": True, "place": ["after", "address"], "seq": 7},
    ]
    assert table_of(folder)[3]["reason"] == "[erased]"
    for name in ("events.jsonl", "events.csv", "report.html", ANNEX):
        assert not any(text in (folder / name).read_bytes() for text in (b"three", b"192.0.2.7")), name
    report = verify(path, keys, full=True)
    assert (report.errors, report.facts["texts"]) == ([], {"checked": 5, "erased": 2})
    vkeys = [option for signer in log_signers() for option in ("--vkey", signer.vkey)]
    assert main([str(path), *vkeys]) == 0
    assert "5 texts are those that the events commit to; 2 texts were erased" in capsys.readouterr().out


def test_a_text_that_the_server_lost_is_no_erased_one(
    written: None, ops: User, acting: Acting, keys: list[Key]
) -> None:
    with connection.cursor() as cursor:  # as one could who owns the table
        off = "DROP TRIGGER audit_eventtext_no_delete" + (
            " ON audit_eventtext" if connection.vendor == "postgresql" else ""
        )
        cursor.execute(off)
        cursor.execute("DELETE FROM audit_eventtext WHERE value LIKE '%%three%%'")
    report = verify(export(actor=acting(ops), filters=Filters(model="clf")), keys)
    assert [(error["where"], error["seq"]) for error in report.errors] == [(ANNEX, 5)]
    assert "the server has lost the text reason of the event 5" in report.errors[0]["what"]


CHANGES: dict[str, Callable[[list[Line]], object]] = {
    "another text": lambda lines: lines[2].update(value="ten"),
    "another salt": lambda lines: lines[2].update(salt="00" * 32),
    "no salt": lambda lines: lines[2].update(salt=""),
    "a number as salt": lambda lines: lines[2].update(salt=7),
    "texts exchanged": lambda lines: (
        lines[2].update(value=lines[3]["value"], salt=lines[3]["salt"]) or lines[3].update(value="two")
    ),
    "lines exchanged": lambda lines: lines.insert(2, lines.pop(3)),
    "a text left out": lambda lines: lines.pop(2),
    "the last text left out": lambda lines: lines.pop(),
    "all left out": lambda lines: lines.clear(),
    "a text of no event": lambda lines: lines.append({**lines[-1], "seq": 99}),
    "a second line": lambda lines: lines.insert(2, lines[2]),
    "called erased": lambda lines: lines.__setitem__(2, {"erased": True, "place": lines[2]["place"], "seq": 5}),
    "called erased, with the text": lambda lines: lines[2].update(erased=True),
    "called not erased": lambda lines: lines.__setitem__(2, {"erased": False, "place": lines[2]["place"], "seq": 5}),
    "another number": lambda lines: lines[2].update(seq=4),
    "another place": lambda lines: lines[2].update(place=["after", "name"]),
    "another field": lambda lines: lines[2].update(by="eve"),
    "no object": lambda lines: lines.__setitem__(2, []),  # type: ignore[call-overload]  # it is meant to be wrong
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("full", [False, True], ids=["quick", "full"])
@pytest.mark.parametrize("signed", [False, True], ids=["unsigned", "signed by the server"])
def test_a_wrong_text_is_found_whoever_signed_it(
    folder: Path, keys: list[Key], change: Callable[[list[Line]], object], *, full: bool, signed: bool
) -> None:
    lines = lines_of(folder)
    change(lines)
    write_lines(folder, lines)
    if signed:
        forging.sign_again(folder, log_signers()[0])
    assert {error["where"] for error in verify(folder, keys, full=full).errors} == {ANNEX}


def test_only_a_signed_manifest_can_call_a_text_erased(folder: Path, keys: list[Key]) -> None:
    """The server itself can withhold a text, as it can erase one. Then the counts and the export say so."""
    entries = forging.read_entries(folder)
    lines = lines_of(folder)
    kept = [line for line in lines if line["value"] != "three"]
    write_lines(folder, kept)
    forging.rebuild(folder, entries, None)
    assert verify(folder, keys).errors
    write_lines(folder, kept)
    forging.rebuild(folder, entries, log_signers()[0])
    report = verify(folder, keys, full=True)
    assert (report.errors, report.facts["texts"]) == ([], {"checked": 6, "erased": 1})


def test_an_annex_that_is_left_out_is_found(folder: Path, keys: list[Key]) -> None:
    (folder / ANNEX).unlink()
    manifest = json.loads((folder / "manifest.json").read_bytes())
    del manifest["files"][ANNEX], manifest["texts"]
    (folder / "manifest.json").write_bytes(manifest_bytes(manifest))
    forging.sign_again(folder, log_signers()[0])
    for full in (False, True):
        assert {error["where"] for error in verify(folder, keys, full=full).errors} == {ANNEX}


@pytest.mark.parametrize(
    "hashes",
    [
        {}, {"after": {}}, {"after": "x"}, {"reason": "x"}, {"reason": 1}, {"why": "00" * 32}, "00" * 32,
        {"reason": {"a": "00" * 32}}, {"after": {"tags": "00" * 32}},
    ],
)  # fmt: skip
def test_commitments_of_another_form_are_found(folder: Path, keys: list[Key], hashes: object) -> None:
    entries = forging.read_entries(folder)
    entries[0]["event"][TEXT_HASHES] = hashes
    lines = [canonical(entry) for entry in entries]
    (folder / "events.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
    forging.sign_again(folder, log_signers()[0])
    assert verify(folder, keys, full=True).errors


def test_a_log_of_all_schemas_is_read(folder: Path, keys: list[Key]) -> None:
    entries = forging.read_entries(folder)
    values = {line["seq"]: line for line in lines_of(folder)}
    for schema, entry in zip((1, 2, 3), entries[:3], strict=True):
        event = entry["event"]
        line = values.get(entry["seq"])
        plain = with_texts(event, {tuple(line["place"]): line["value"]} if line else {})
        if schema < 3:
            actor = {key: value for key, value in plain["actor"].items() if key != "name_hash"}
            plain = {**plain, "actor": {**actor, "name": "ada"}}
        entry["event"] = {**plain, "schema": schema}
    forging.rebuild(folder, entries, log_signers()[0])
    report = verify(folder, keys, full=True)
    assert (report.errors, report.facts["texts"]) == ([], {"checked": 5, "erased": 0})
    assert [row["reason"] for row in table_of(folder)[1:4]] == ["'-2 points\nbut faster “é”", "No.", "three"]


@pytest.mark.parametrize("version", [3, 4])
def test_an_export_of_an_older_format_is_read(folder: Path, keys: list[Key], version: int) -> None:
    entries = forging.read_entries(folder)
    for entry in entries:
        event = entry["event"]
        texts = {tuple(line["place"]): line["value"] for line in lines_of(folder) if line["seq"] == entry["seq"]}
        entry["event"] = {**with_texts(event, texts), "schema": 3}
    (folder / ANNEX).unlink()
    manifest = json.loads((folder / "manifest.json").read_bytes())
    del manifest["files"][ANNEX], manifest["texts"]
    (folder / "manifest.json").write_bytes(manifest_bytes({**manifest, "format": f"custody-audit-export/{version}"}))
    forging.rebuild(folder, entries, log_signers()[0])
    report = verify(folder, keys, full=True)
    assert (report.errors, report.facts["texts"]) == ([], {"checked": 0, "erased": 0})


def test_the_place_is_bound_to_the_event(folder: Path) -> None:
    """Each text has a salt of its own, so the line of one event fits no other, even where the texts are equal."""
    salts = [line["salt"] for line in lines_of(folder)]
    assert len(set(salts)) == len(salts)
    first = lines_of(folder)[0]
    assert text_commitment(bytes.fromhex(first["salt"]), first["value"]) in (folder / "events.jsonl").read_text()


HASH = "ab" * 32
EVENTS_WITH_TEXTS: list[dict[str, Any]] = [
    {"after": {}, "texts": {"reason": HASH}},
    {"after": {}, "texts": {"after": {"tags": {"mlflow.note.content": HASH}, "text": HASH}, "reason": HASH}},
    {"after": {"texts": {"reason": "x"}}, "texts": {"reason": HASH}},
    {"after": {"texts": {"reason": "x"}}},
    {"after": {"a": '","texts":{"reason":"x"}'}, "texts": {"after": {"texts": {"texts": HASH}}}},
    {"texts": {"reason": HASH}, "zebra": {"texts": {"reason": "x"}}},
]


@pytest.mark.parametrize("event", EVENTS_WITH_TEXTS, ids=json.dumps)
def test_commitments_are_those_of_the_event(event: dict[str, Any]) -> None:
    line = canonical({"event": event, "gen": None, "seq": 3, "stream": ""})
    assert hashes_in(line, line.rindex(b',"gen":')) == text_hashes_of(event)
