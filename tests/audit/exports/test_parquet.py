"""The table of an export in Parquet: the server writes it where it was asked for, and the verifier compares it."""

from __future__ import annotations

import datetime
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from django.core.management import call_command
from django.test import Client
from pyarrow import parquet
from pytest_django import Settings

from accounts.models import User
from audit.actions import Action
from audit.exports import tables
from audit.exports.files import file_of
from audit.exports.jobs import build_export, start_export, unfetched_export
from audit.exports.selection import Filters
from audit.models import Event, ExportJob, ExportState
from audit.services import record
from audit.transparency.keys import log_signers
from audit.verifier.audit_verify import CSV_COLUMNS, PARQUET, Key, verify
from core.errors import InvalidInput
from tests.audit.forging import sign_again
from tests.conftest import Acting


@pytest.fixture
def package(log: None, ada: User, acting: Acting) -> Path:
    """Return the zip of clf's events, with a table in Parquet."""
    job = start_export(actor=acting(ada), filters=Filters(model="clf"), parquet=True)
    assert build_export(job.pk)
    return file_of(ExportJob.objects.get(pk=job.pk))


@pytest.fixture
def folder(package: Path, tmp_path: Path) -> Path:
    with zipfile.ZipFile(package) as packed:
        packed.extractall(tmp_path / "unpacked")
    return tmp_path / "unpacked"


@pytest.fixture
def no_pyarrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pyarrow not be installed."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    monkeypatch.setattr(tables, "find_spec", lambda _name: None)


def rows_of(path: Path) -> list[dict[str, Any]]:
    with zipfile.ZipFile(path) as packed:
        table = parquet.read_table(io.BytesIO(packed.read(PARQUET)))
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def change(folder: Path, **columns: list[Any]) -> None:
    """Write the table with other values in some columns."""
    table = parquet.read_table(folder / PARQUET)
    for name, values in columns.items():
        field = table.schema.field(name)
        table = table.set_column(table.schema.get_field_index(name), field, pa.array(values, type=field.type))
    parquet.write_table(table, folder / PARQUET)


def test_the_table_has_the_columns_of_the_csv_with_types(package: Path, keys: list[Key]) -> None:
    rows = rows_of(package)
    assert list(rows[0]) == CSV_COLUMNS
    assert [(row["seq"], row["gen"]) for row in rows] == [(0, 1), (2, 2), (4, 3), (5, 4)]
    assert isinstance(rows[0]["at"], datetime.datetime)
    assert rows[1]["reason"] == "-2 points\nbut faster “é”"
    assert json.loads(rows[0]["after"]) == {"tags": {"team": "=1+1"}}
    report = verify(package, keys, full=True)
    assert (report.errors, report.facts["parquet"]) == ([], "compared")


def test_an_export_has_none_unless_it_is_asked_for(exported: Path, keys: list[Key]) -> None:
    with zipfile.ZipFile(exported) as packed:
        assert PARQUET not in packed.namelist()
    assert verify(exported, keys, full=True).facts["parquet"] is None


def test_an_export_without_events_has_an_empty_table(log: None, ops: User, acting: Acting, keys: list[Key]) -> None:
    job = start_export(actor=acting(ops), filters=Filters(request="none"), parquet=True)
    build_export(job.pk)
    report = verify(file_of(ExportJob.objects.get(pk=job.pk)), keys, full=True)
    assert (report.errors, report.facts["events"]) == ([], 0)


def test_without_pyarrow_the_verifier_says_not_compared(folder: Path, vkey: str) -> None:
    command = [sys.executable, "-I", "-S", str(folder / "audit_verify.py"), str(folder), "--vkey", vkey, "--full"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "OK: everything agrees.")
    assert "events.parquet: not compared: pyarrow is not installed" in done.stdout


def test_without_full_the_verifier_says_not_compared(package: Path, keys: list[Key]) -> None:
    assert verify(package, keys).facts["parquet"] == "not compared: --full does"


def test_its_digest_is_checked_without_pyarrow(folder: Path, keys: list[Key], no_pyarrow: None) -> None:
    with (folder / PARQUET).open("ab") as file:
        file.write(b"x")
    assert [error["where"] for error in verify(folder, keys, full=True).errors] == [PARQUET]


@pytest.mark.parametrize(
    "columns",
    [
        {"reason": ["", "fine", "No.", ""]},
        {"gen": [1, 2, 3, None]},
        {"seq": [0, 1, 4, 5]},
        {"at": [0, 0, 0, 0]},
        {"actor": ["ada", "ada", "ada", "ada"]},
    ],
)
def test_a_table_that_says_something_else_is_found(
    folder: Path, keys: list[Key], columns: dict[str, list[Any]]
) -> None:
    change(folder, **columns)
    sign_again(folder, log_signers()[0])
    (error,) = verify(folder, keys, full=True).errors
    assert error["where"] == PARQUET


@pytest.mark.parametrize("rows", [3, 5])
def test_a_table_with_another_number_of_rows_is_found(folder: Path, keys: list[Key], rows: int) -> None:
    table = parquet.read_table(folder / PARQUET)
    parquet.write_table(pa.concat_tables([table, table]).slice(0, rows), folder / PARQUET)
    sign_again(folder, log_signers()[0])
    assert [error["where"] for error in verify(folder, keys, full=True).errors] == [PARQUET]


@pytest.mark.parametrize("name", ["extra", "seq"])
def test_another_column_is_found(folder: Path, keys: list[Key], name: str) -> None:
    table = parquet.read_table(folder / PARQUET)
    parquet.write_table(table.append_column(name, table.column("seq")), folder / PARQUET)
    sign_again(folder, log_signers()[0])
    assert [error["where"] for error in verify(folder, keys, full=True).errors] == [PARQUET]


def test_what_is_no_parquet_is_found(folder: Path, keys: list[Key]) -> None:
    (folder / PARQUET).write_bytes(b"PAR1 and nothing else")
    sign_again(folder, log_signers()[0])
    assert [error["where"] for error in verify(folder, keys, full=True).errors] == [PARQUET]


def test_memory_does_not_grow_with_the_log(
    ops: User, acting: Acting, keys: list[Key], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "_GROUP_BYTES", 100_000)
    for _ in range(2000):
        record(actor=acting(ops), action=Action.TRACKING_RUN_CREATED, obj="run:r", after={"name": "x" * 500})
    before = pa.total_allocated_bytes()
    job = start_export(actor=acting(ops), filters=Filters(), parquet=True)
    build_export(job.pk)
    path = file_of(ExportJob.objects.get(pk=job.pk))
    with zipfile.ZipFile(path) as packed:
        groups = parquet.ParquetFile(io.BytesIO(packed.read(PARQUET))).metadata.num_row_groups
    assert groups > 10
    assert pa.total_allocated_bytes() - before < 1_000_000
    assert verify(path, keys, full=True).errors == []


@pytest.mark.usefixtures("no_pyarrow")
def test_a_server_without_pyarrow_refuses(log: None, ops: User, acting: Acting) -> None:
    with pytest.raises(InvalidInput, match="pyarrow"):
        start_export(actor=acting(ops), filters=Filters(), parquet=True)
    assert not ExportJob.objects.exists()
    assert not Event.objects.filter(action=Action.AUDIT_EXPORTED).exists()


def test_a_worker_without_pyarrow_says_so(
    log: None, ops: User, acting: Acting, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = start_export(actor=acting(ops), filters=Filters(), parquet=True)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    build_export(job.pk)
    job.refresh_from_db()
    assert (job.state, "pyarrow" in job.error) == (ExportState.FAILED, True)


def test_the_page_and_the_api_and_the_command_offer_it(
    log: None, ops: User, client: Client, tmp_path: Path, keys: list[Key], settings: Settings
) -> None:
    client.force_login(ops)
    assert b'name="parquet"' in client.get("/audit/").content
    client.post("/audit/export/", {"parquet": "on"})
    client.post("/api/v1/audit/exports", {"parquet": True}, content_type="application/json")
    assert list(ExportJob.objects.values_list("parquet", flat=True)) == [True, True]
    assert Event.objects.filter(action=Action.AUDIT_EXPORTED).count() == 2
    call_command("audit_export", str(tmp_path / "log.zip"), "--parquet")
    assert verify(tmp_path / "log.zip", keys, full=True).facts["parquet"] == "compared"


def test_a_caller_who_tries_again_gets_the_export_that_they_asked_for(log: None, ops: User, acting: Acting) -> None:
    job = start_export(actor=acting(ops), filters=Filters(), parquet=True)
    assert unfetched_export(actor=acting(ops), filters=Filters()) is None
    assert unfetched_export(actor=acting(ops), filters=Filters(), parquet=True) == job
