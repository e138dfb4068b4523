"""The printable report of an export, and the annex that says who its actors are."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client

from accounts.models import User
from audit.exports import package, report
from audit.exports.files import file_of
from audit.exports.jobs import build_export, start_export
from audit.exports.selection import Filters
from audit.models import Event, ExportJob
from audit.queries import facts
from audit.verifier.audit_verify import Key, verify
from tests.audit.conftest import export
from tests.conftest import Acting


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


def test_the_report_names_digest_date_claim_and_events(exported: Path) -> None:
    files = members(exported)
    page, manifest = files["report.html"].decode(), json.loads(files["manifest.json"])
    assert page.count(manifest["files"]["events.jsonl"]["sha256"]) >= 2
    assert manifest["generated_at"] in page
    assert manifest["claim"]["says"] in page
    assert "counter(page)" in page
    assert page.count("<tr><td>") == manifest["claim"]["events"]
    assert "<script" not in page


def test_the_report_lists_the_first_events_only(
    log: None, ada: User, acting: Acting, keys: list[Key], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(package, "LISTED", 2)
    path = export(actor=acting(ada), filters=Filters(model="clf"))
    page = members(path)["report.html"].decode()
    assert (page.count("<tr><td>"), "The first 2 of 4 events." in page) == (2, True)
    assert verify(path, keys, full=True).errors == []


def test_what_people_wrote_is_escaped() -> None:
    event = {"at": "t", "actor": {"name": "<b>"}, "action": "a", "object": "o", "outcome": "ok", "reason": "x" * 400}
    row = report.report_row({"seq": 1, "event": event})
    assert ("<b>" not in row, "&lt;b&gt;" in row, "x" * 301 not in row) == (True, True, True)


def test_the_annex_has_one_line_for_each_actor(log: None, ada: User, acting: Acting, keys: list[Key]) -> None:
    User.objects.filter(pk=ada.pk).update(first_name="Ada", last_name="Lovelace", email="ada@example.org")
    path = export(actor=acting(ada), filters=Filters(model="clf"))
    files = members(path)
    lines = [json.loads(line) for line in files["identities.jsonl"].splitlines()]
    events = [json.loads(line)["event"]["actor"] for line in files["events.jsonl"].splitlines()]
    assert {line["ref"] for line in lines} == {actor["ref"] for actor in events}
    assert {line["commitment"] for line in lines} == {actor["name_hash"] for actor in events}
    [mine] = [line for line in lines if line["name"] == "ada"]
    assert (mine["printed_name"], mine["state"]) == ("Ada Lovelace", "active")
    assert b"ada@example.org" not in files["identities.jsonl"]
    assert json.loads(files["manifest.json"])["identities"] == "identities.jsonl"
    assert verify(path, keys, full=True).errors == []


def test_the_annex_can_be_left_out(log: None, ada: User, acting: Acting, keys: list[Key]) -> None:
    job = start_export(actor=acting(ada), filters=Filters(model="clf"), identities=False)
    assert build_export(job.pk)
    job.refresh_from_db()
    files = members(file_of(job))
    assert "identities.jsonl" not in files
    assert json.loads(files["manifest.json"])["identities"] == "left out"
    assert facts(job.event)["after"]["identities"] == "left out"
    assert verify(file_of(job), keys, full=True).errors == []


@pytest.mark.parametrize("name", ["identities.jsonl", "report.html"])
def test_a_changed_file_is_found(unpacked: Path, keys: list[Key], name: str) -> None:
    (unpacked / name).write_bytes((unpacked / name).read_bytes().replace(b"ada", b"eve"))
    assert [error["where"] for error in verify(unpacked, keys).errors] == [name]


def test_the_doors_leave_the_annex_out(log: None, ada: User, ops: User, tmp_path: Path) -> None:
    client = Client()
    client.force_login(ada)
    body = {"model": "clf", "identities": False}
    answer = client.post("/api/v1/audit/exports", body, content_type="application/json")
    assert answer.json()["identities"] is False
    client.post("/audit/export/?model=clf", {"without_identities": "on"})
    client.post("/audit/export/?model=clf")
    call_command("audit_export", str(tmp_path / "log.zip"), "--model", "clf", "--without-identities")
    assert list(ExportJob.objects.order_by("created_at").values_list("identities", flat=True)) == [
        False,
        False,
        True,
        False,
    ]
    assert Event.objects.filter(action="audit.exported").count() == 4
