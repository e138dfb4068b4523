"""An export reveals the names that its events commit to; the verifier finds one that is wrong."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from accounts.models import User
from audit.actions import Action
from audit.exports.files import file_of
from audit.exports.jobs import build_export, start_export
from audit.exports.selection import Filters
from audit.services import record
from audit.transparency.keys import log_signers
from audit.verifier.audit_verify import (
    Key,
    canonical,
    commitments_of,
    main,
    manifest_bytes,
    verify,
    with_names,
)
from core.actors import system_actor
from core.refs import user_ref
from tests.audit import forging
from tests.audit.conftest import export
from tests.audit.identities.test_commitments import erase
from tests.conftest import Acting

ANNEX = "identities.jsonl"
Line = dict[str, Any]


@pytest.fixture
def people(log: None, bea: User, acting: Acting) -> None:
    """Record what a job does for ada, and what bea does to cy's account."""
    ours: Any = {"stream": "model:1", "obj": "model:clf"}
    record(actor=system_actor("settle", on_behalf_of="ada"), action=Action.REGISTRY_STAGE_CHANGED, **ours)
    record(actor=acting(bea), action=Action.ACCOUNT_USER_CHANGED, obj=user_ref("cy"), stream="model:1")


@pytest.fixture
def folder(people: None, ops: User, acting: Acting, tmp_path: Path) -> Path:
    """Return the directory of an export of clf's events."""
    with zipfile.ZipFile(export(actor=acting(ops), filters=Filters(model="clf"))) as package:
        package.extractall(tmp_path / "export")
    return tmp_path / "export"


def lines_of(folder: Path) -> list[Line]:
    return [json.loads(line) for line in (folder / ANNEX).read_bytes().splitlines()]


def table_of(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((folder / "events.csv").read_text(encoding="utf-8"))))


def test_names_are_in_the_annex_and_the_table_and_not_in_the_events(folder: Path, keys: list[Key]) -> None:
    events = (folder / "events.jsonl").read_bytes()
    assert not any(name in events for name in (b'"ada"', b'"bea"', b"user:cy"))
    assert {line["name"] for line in lines_of(folder)} == {"ada", "bea", "cy", "ops", "settle"}
    rows = table_of(folder)
    assert [row["actor"] for row in rows] == ["ada", "bea", "ada", "settle", "bea", "ops"]
    assert (rows[3]["on_behalf_of"], rows[4]["object"]) == ("ada", "user:cy")
    report = verify(folder, keys, full=True)
    assert (report.errors, report.facts["names"]) == ([], {"checked": 5, "erased": 0})


def test_erased_names_are_counted(
    people: None,
    ada: User,
    ops: User,
    acting: Acting,
    keys: list[Key],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    erase(f"user:{ada.pk}")
    path = export(actor=acting(ops), filters=Filters(model="clf"))
    with zipfile.ZipFile(path) as package:
        package.extractall(tmp_path / "export")
    [line] = [line for line in lines_of(tmp_path / "export") if line["ref"] == f"user:{ada.pk}"]
    assert (line["state"], line["salt"], line["name"][:14]) == ("erased", "", "erased person ")
    assert table_of(tmp_path / "export")[0]["actor"] == line["name"]
    report = verify(path, keys, full=True)
    assert (report.errors, report.facts["names"]) == ([], {"checked": 4, "erased": 1})
    vkeys = [option for signer in log_signers() for option in ("--vkey", signer.vkey)]
    assert main([str(path), *vkeys]) == 0
    assert "4 names are those that the events commit to; 1 names were erased" in capsys.readouterr().out


def test_without_the_annex_no_file_has_a_name(
    people: None, ops: User, acting: Acting, keys: list[Key], tmp_path: Path
) -> None:
    job = start_export(actor=acting(ops), filters=Filters(model="clf"), identities=False)
    assert build_export(job.pk)
    job.refresh_from_db()
    with zipfile.ZipFile(file_of(job)) as package:
        package.extractall(tmp_path / "export")
    for name in ("events.jsonl", "events.csv", "report.html"):
        data = (tmp_path / "export" / name).read_bytes()
        assert not any(text in data for text in (b">ada<", b'"ada"', b'"bea"', b"user:cy")), name
    assert table_of(tmp_path / "export")[0]["actor"].startswith("sha256:")
    report = verify(file_of(job), keys, full=True)
    assert (report.errors, report.facts["names"]) == ([], {"checked": 0, "erased": 0})


def _erased(lines: list[Line]) -> None:
    lines[0] |= {"name": "erased person bea", "salt": "", "state": "erased", "printed_name": "", "owner": ""}


CHANGES: dict[str, Callable[[list[Line]], object]] = {
    "another name": lambda lines: lines[0].update(name="eve"),
    "another salt": lambda lines: lines[0].update(salt="00" * 32),
    "no salt": lambda lines: lines[0].update(salt=""),
    "names exchanged": lambda lines: lines[0].update(name=lines[1]["name"]) or lines[1].update(name=lines[0]["name"]),
    "a pseudonym that is a name": _erased,
    "an erased name with its salt": lambda lines: lines[0].update(name=f"erased person {'0' * 12}", state="erased"),
    "a second line": lambda lines: lines.append({**lines[0], "name": "eve"}),
    "another field": lambda lines: lines[0].update(alias="eve"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("full", [False, True], ids=["quick", "full"])
def test_a_wrong_name_is_found_whoever_signed_it(
    folder: Path, keys: list[Key], change: Callable[[list[Line]], object], *, full: bool
) -> None:
    lines = [line for line in lines_of(folder) if "commitment" in line]
    others = [line for line in lines_of(folder) if "commitment" not in line]
    change(lines)
    (folder / ANNEX).write_bytes(b"".join(canonical(line) + b"\n" for line in [*lines, *others]))
    forging.sign_again(folder, log_signers()[0])
    assert {error["where"] for error in verify(folder, keys, full=full).errors} == {ANNEX}


def test_a_server_that_renames_a_person_everywhere_but_in_the_events_is_found(folder: Path, keys: list[Key]) -> None:
    forging.rebuild(folder, forging.read_entries(folder), log_signers()[0], names={"ada": "eve"})
    assert table_of(folder)[0]["actor"] == "eve"
    for full in (False, True):
        assert verify(folder, keys, full=full).errors[0]["where"] == ANNEX


def test_an_annex_that_leaves_a_person_out_is_found(folder: Path, keys: list[Key]) -> None:
    lines = lines_of(folder)
    for left_out in range(len(lines)):
        kept = [*lines[:left_out], *lines[left_out + 1 :]]
        (folder / ANNEX).write_bytes(b"".join(canonical(line) + b"\n" for line in kept))
        forging.sign_again(folder, log_signers()[0])
        assert verify(folder, keys, full=True).errors, lines[left_out]


def test_an_export_from_before_commitments_is_read(folder: Path, keys: list[Key]) -> None:
    entries = forging.read_entries(folder)
    for entry in entries:
        event = entry["event"]
        plain = with_names(event, dict.fromkeys(commitments_of(event), "ada"))
        plain["actor"] = {key: value for key, value in plain["actor"].items() if not key.endswith("_hash")}
        entry["event"] = {**plain, "schema": 2}
    manifest = json.loads((folder / "manifest.json").read_bytes())
    (folder / "manifest.json").write_bytes(manifest_bytes({**manifest, "format": "custody-audit-export/3"}))
    forging.rebuild(folder, entries, log_signers()[0])
    assert b"_hash" not in (folder / "events.jsonl").read_bytes()
    report = verify(folder, keys, full=True)
    assert (report.errors, report.facts["names"]) == ([], {"checked": 0, "erased": 0})
    assert table_of(folder)[0]["actor"] == "ada"
