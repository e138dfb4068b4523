"""What an export holds, who may have one, and that it is an event itself."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import tracemalloc
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from accounts.models import User
from audit.actions import Action
from audit.exports.jobs import start_export
from audit.exports.selection import Filters
from audit.models import Event
from audit.services import record
from audit.verifier.audit_verify import Key, verify
from core.actors import system_actor
from core.errors import Denied, NotFound
from tests.audit.conftest import export
from tests.conftest import Acting

# On PostgreSQL the events of the fixture wait for their numbers until the export asks for a checkpoint.
LENGTH_BEFORE = 3 if connection.vendor == "sqlite" else 0


def member(path: Path, name: str) -> bytes:
    with zipfile.ZipFile(path) as package:
        return package.read(name)


def test_a_model_export_holds_the_exact_bytes_in_order(exported: Path) -> None:
    lines = member(exported, "events.jsonl").splitlines()
    stored = Event.objects.filter(stream="model:1").order_by("id")
    assert all(bytes(event.body) in line for line, event in zip(lines, stored, strict=True))
    assert [json.loads(line)["gen"] for line in lines] == [1, 2, 3, 4]


def test_the_export_is_its_own_last_event(exported: Path) -> None:
    manifest = json.loads(member(exported, "manifest.json"))
    claim = manifest["claim"]
    assert (claim["last_gen"], claim["last_seq"], claim["completeness"], claim["kind"]) == (4, 5, "proven", "model")
    assert (manifest["requested_by"], manifest["filters"]) == ("ada", {"model": "clf"})
    last = json.loads(member(exported, "events.jsonl").splitlines()[-1])["event"]
    assert (last["action"], last["after"]["last_generation_before"]) == ("audit.exported", LENGTH_BEFORE)


def test_it_verifies_by_itself_with_the_standard_library_alone(unpacked: Path, vkey: str) -> None:
    command = [sys.executable, "-I", "-S", str(unpacked / "audit_verify.py"), str(unpacked), "--vkey", vkey, "--full"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "OK: everything agrees.")


def test_the_whole_log(log: None, ops: User, acting: Acting, keys: list[Key]) -> None:
    path = export(actor=acting(ops), filters=Filters())
    claim = json.loads(member(path, "manifest.json"))["claim"]
    assert (claim["events"], claim["completeness"], claim["kind"]) == (6, "proven", "whole log")
    assert verify(path, keys, full=True).errors == []


UNKNOWN = "00000000-0000-0000-0000-000000000001"
NOW = timezone.now()
SELECTIONS: list[tuple[Filters, list[int], str]] = [
    (Filters(actor="ada"), [0, 1, 4], "asserted"),
    (Filters(action="registry.model.created"), [0, 3], "asserted"),
    (Filters(outcome="denied"), [4], "asserted"),
    (Filters(model="clf", actor="bea"), [2], "asserted"),
    (Filters(object="run:r1"), [1], "asserted"),
    (Filters(request="none"), [], "asserted"),
    (Filters(since=NOW - timedelta(hours=1)), [0, 1, 2, 3, 4, 5], "asserted"),
    (Filters(until=NOW - timedelta(hours=1)), [], "asserted"),
    (Filters(first_seq=2), [2, 3, 4, 5], "proven"),
    (Filters(first_seq=0, last_seq=1), [0, 1], "proven"),
    (Filters(last_seq=99), [0, 1, 2, 3, 4, 5], "proven"),
    (Filters(first_seq=99), [], "proven"),
    (Filters(first_seq=1, actor="ada"), [1, 4], "asserted"),
]


@pytest.mark.parametrize(("filters", "numbers", "completeness"), SELECTIONS)
def test_filters_choose_and_the_claim_is_exact(
    log: None,
    ops: User,
    acting: Acting,
    keys: list[Key],
    kept: bytes,
    filters: Filters,
    numbers: list[int],
    completeness: str,
) -> None:
    path = export(actor=acting(ops), filters=filters)
    lines = [json.loads(line)["seq"] for line in member(path, "events.jsonl").splitlines()]
    assert lines == numbers
    claim = json.loads(member(path, "manifest.json"))["claim"]
    assert claim["completeness"] == completeness
    assert {name: one["completeness"] for name, one in claim["filters"].items()} == dict.fromkeys(
        filters.as_dict(), completeness
    )
    assert verify(path, keys, [kept], full=True).errors == []


def test_an_empty_log_can_be_exported(ops: User, acting: Acting, keys: list[Key]) -> None:
    assert verify(export(actor=acting(ops), filters=Filters()), keys).facts["events"] == 1


def test_cells_are_no_formulas(exported: Path) -> None:
    text = member(exported, "events.csv").decode()
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert rows[1]["reason"] == "'-2 points\nbut faster “é”"
    assert rows[1]["on_behalf_of"] == ""
    assert not any(cell[:1] in tuple("=+-@\t\r\n") for row in rows for cell in row.values() if cell)


@pytest.mark.parametrize("name", ["ada", "bea"])
def test_the_whole_log_is_for_auditors(log: None, name: str, acting: Acting) -> None:
    with pytest.raises(Denied):
        export(actor=acting(User.objects.get(username=name)), filters=Filters())
    assert not Event.objects.filter(action=Action.AUDIT_EXPORTED).exists()


def test_auditors_may(log: None, cy: User, acting: Acting, keys: list[Key]) -> None:
    cy.groups.add(Group.objects.get_or_create(name="auditors")[0])
    assert verify(export(actor=acting(cy), filters=Filters()), keys).errors == []


@pytest.mark.parametrize(("who", "name"), [("ada", "other"), ("cy", "clf")])
def test_what_one_may_not_read_is_not_found(log: None, cy: User, acting: Acting, who: str, name: str) -> None:
    with pytest.raises(NotFound):
        export(actor=acting(User.objects.get(username=who)), filters=Filters(model=name))
    assert not Event.objects.filter(action=Action.AUDIT_EXPORTED).exists()


def test_memory_does_not_grow_with_the_log(ops: User, acting: Acting) -> None:
    actor = acting(ops)
    for _ in range(3000):
        record(
            actor=actor,
            action=Action.TRACKING_RUN_CREATED,
            obj="run:r",
            after={"name": "x" * 500, "tags": {"mlflow.note.content": "x" * 400}},
        )
    export(actor=actor, filters=Filters())  # whatever is loaded once
    tracemalloc.start()
    export(actor=actor, filters=Filters())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3_000_000  # the log is 4 MB, and as JSON and CSV in memory would be thrice that


def test_the_command_writes_an_export(
    log: None, tmp_path: Path, keys: list[Key], capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "log.zip"
    call_command("audit_export", str(path), "--actor", "ada")
    assert "3 events (selection)" in capsys.readouterr().out
    assert verify(path, keys, full=True).errors == []
    assert [entry.name for entry in tmp_path.iterdir()] == ["log.zip"]


def test_the_command_goes_on_with_an_export(log: None, tmp_path: Path, keys: list[Key]) -> None:
    job = start_export(actor=system_actor("command:audit_export"), filters=Filters(), queued=False)
    call_command("audit_export", str(tmp_path / "log.zip"), "--resume", str(job.pk))
    assert verify(tmp_path / "log.zip", keys).facts["events"] == 6
    assert Event.objects.filter(action=Action.AUDIT_EXPORTED).count() == 1
    call_command("audit_export", str(tmp_path / "again.zip"), "--resume", str(job.pk))
    assert (tmp_path / "again.zip").read_bytes() == (tmp_path / "log.zip").read_bytes()


def test_the_command_replaces_no_file(log: None, tmp_path: Path) -> None:
    (tmp_path / "log.zip").write_bytes(b"mine")
    with pytest.raises(CommandError, match="exists already"):
        call_command("audit_export", str(tmp_path / "log.zip"))
    assert (tmp_path / "log.zip").read_bytes() == b"mine"
    assert not Event.objects.filter(action=Action.AUDIT_EXPORTED).exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--since", "yesterday"],
        ["--action", "no.such"],
        ["--model-version", "1"],
        ["--model", "x"],
        ["--resume", UNKNOWN],
    ],
)
def test_the_command_refuses(log: None, tmp_path: Path, arguments: list[str]) -> None:
    with pytest.raises(CommandError):
        call_command("audit_export", str(tmp_path / "log.zip"), *arguments)
    assert list(tmp_path.iterdir()) == []
    assert not Event.objects.filter(action=Action.AUDIT_EXPORTED).exists()
