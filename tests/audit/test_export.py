"""What an export holds, who may have one, and that it is an event itself."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from django.contrib.auth.models import Group

from accounts.models import User
from audit.actions import Action
from audit.export import export_log, export_model
from audit.models import Event
from audit.services import record
from audit.verifier.audit_verify import verify
from core.errors import Denied, NotFound
from tests.audit.conftest import Save
from tests.conftest import Acting


def member(path: Path, name: str) -> bytes:
    with zipfile.ZipFile(path) as package:
        return package.read(name)


def test_a_model_export_holds_the_exact_bytes_in_order(exported: Path) -> None:
    lines = member(exported, "events.jsonl").splitlines()
    stored = Event.objects.filter(stream="model:1").order_by("gen")
    assert lines == [bytes(event.body) for event in stored]
    assert len(lines) == 4


def test_the_export_is_its_own_last_event(exported: Path) -> None:
    manifest = json.loads(member(exported, "manifest.json"))
    last = Event.objects.get(action=Action.AUDIT_EXPORTED)
    assert (manifest["head"], manifest["last_gen"]) == (last.leaf_hash, 4)
    assert (manifest["completeness"], manifest["requested_by"], manifest["filters"]) == (
        "proven",
        "ada",
        {"model": "clf"},
    )


def test_it_verifies_by_itself_with_the_standard_library_alone(unpacked: Path) -> None:
    command = [sys.executable, "-I", "-S", str(unpacked / "audit_verify.py"), str(unpacked)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "OK: everything agrees.")


def test_the_whole_log(log: None, ops: User, acting: Acting, save: Save) -> None:
    path = save(export_log(actor=acting(ops)))
    manifest = json.loads(member(path, "manifest.json"))
    assert (manifest["events"], manifest["completeness"], "head" in manifest) == (6, "asserted", False)
    report = verify(path)
    assert (report.errors, report.facts["chained_streams"]) == ([], 2)


def test_an_empty_log_can_be_exported(ops: User, acting: Acting, save: Save) -> None:
    assert verify(save(export_log(actor=acting(ops)))).facts["events"] == 1


def test_cells_are_no_formulas(exported: Path) -> None:
    text = member(exported, "events.csv").decode()
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert rows[1]["reason"] == "'-2 points\nbut faster “é”"
    assert rows[1]["on_behalf_of"] == ""
    assert not any(cell[:1] in tuple("=+-@\t\r\n") for row in rows for cell in row.values() if cell)


@pytest.mark.parametrize("name", ["ada", "bea"])
def test_the_whole_log_is_for_auditors(log: None, name: str, acting: Acting) -> None:
    with pytest.raises(Denied):
        export_log(actor=acting(User.objects.get(username=name)))
    assert not Event.objects.filter(action=Action.AUDIT_EXPORTED).exists()


def test_auditors_may(log: None, cy: User, acting: Acting, save: Save) -> None:
    cy.groups.add(Group.objects.get_or_create(name="auditors")[0])
    assert verify(save(export_log(actor=acting(cy)))).errors == []


@pytest.mark.parametrize(("who", "name"), [("ada", "other"), ("cy", "clf")])
def test_what_one_may_not_read_is_not_found(log: None, cy: User, acting: Acting, who: str, name: str) -> None:
    with pytest.raises(NotFound):
        export_model(actor=acting(User.objects.get(username=who)), name=name)
    assert not Event.objects.filter(action=Action.AUDIT_EXPORTED).exists()


def test_memory_does_not_grow_with_the_log(ops: User, acting: Acting, save: Save) -> None:
    actor = acting(ops)
    for _ in range(3000):
        record(actor=actor, action=Action.TRACKING_RUN_CREATED, obj="run:r", after={"text": "x" * 900})
    export_log(actor=actor).file.close()  # whatever is loaded once
    tracemalloc.start()
    export_log(actor=actor).file.close()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3_000_000  # the log is 4 MB, and as JSON and CSV in memory would be thrice that
