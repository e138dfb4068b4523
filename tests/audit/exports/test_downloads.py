"""Downloads of exports: nothing is made in the web process, a file is sent while it grows, broken downloads go on."""

from __future__ import annotations

import io
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from audit import downloads
from audit.actions import Action
from audit.exports import jobs
from audit.exports.files import draft_of, file_of, finished_path
from audit.exports.following import ExportBroken, follow
from audit.exports.jobs import build_export
from audit.exports.selection import Filters
from audit.models import Event, ExportJob, ExportState
from audit.verifier.audit_verify import Key, verify
from tests.signed_in import session_actor

EXPORT = "/api/v1/audit/export"


@pytest.fixture
def client(log: None, ada: User) -> Client:
    browser = Client()
    browser.force_login(ada)
    return browser


def get(client: Client, accept: str = "*/*", **headers: str) -> Any:
    return client.get(EXPORT, {"model": "clf"}, headers={"accept": accept, **headers})


def read(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


def test_without_a_worker_it_is_asked_for_once(client: Client, no_wait: None) -> None:
    answers = [get(client), get(client)]
    assert [(answer.status_code, answer["Retry-After"]) for answer in answers] == [(503, "2"), (503, "2")]
    assert "waits for a worker" in answers[0].json()["detail"]
    assert Event.objects.filter(action=Action.AUDIT_EXPORTED).count() == ExportJob.objects.count() == 1


@pytest.mark.parametrize("accept", ["*/*", "application/zip", "text/html"])
def test_the_next_call_gets_what_was_made_meanwhile(client: Client, no_wait: None, accept: str) -> None:
    get(client)
    job = ExportJob.objects.get()
    build_export(job.pk)
    answer = get(client, accept)
    assert answer["Content-Disposition"].startswith('attachment; filename="custody-audit-clf-')
    assert answer["Content-Type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(read(answer))) as package:
        assert len(package.read("events.jsonl").splitlines()) == 4
    assert get(client).status_code == 503  # that one was fetched: a new export begins
    assert ExportJob.objects.count() == 2


def test_a_broken_download_goes_on(client: Client, no_wait: None, keys: list[Key], tmp_path: Path) -> None:
    get(client)
    build_export(ExportJob.objects.get().pk)
    first = get(client)
    whole, etag = read(first), first["ETag"]
    rest = get(client, Range="bytes=1000-")
    assert (rest.status_code, rest["Content-Range"]) == (206, f"bytes 1000-{len(whole) - 1}/{len(whole)}")
    assert read(rest) == whole[1000:]
    assert read(get(client, Range="bytes=-5", **{"If-Range": etag})) == whole[-5:]
    assert read(get(client, Range="bytes=5-", **{"If-Range": '"another"'})) == whole
    assert get(client, Range=f"bytes={len(whole)}-").status_code == 416
    assert ExportJob.objects.count() == 1
    (tmp_path / "export.zip").write_bytes(whole)
    assert verify(tmp_path / "export.zip", keys).errors == []


def test_a_file_is_sent_while_it_grows(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker reports; at that moment the download begins. It ends when the worker has ended."""
    answers: list[Any] = []
    real = jobs._report

    def report(job: ExportJob, **values: object) -> None:
        real(job, **values)
        if not answers:
            answers.append(get(client))

    monkeypatch.setattr(downloads, "_START_SECONDS", 0.0)
    get(client)
    job = ExportJob.objects.get()
    monkeypatch.setattr(jobs, "_report", report)
    build_export(job.pk)
    assert (answers[0].status_code, answers[0].has_header("Content-Length")) == (200, False)
    job.refresh_from_db()
    assert read(answers[0]) == file_of(job).read_bytes()


def test_few_downloads_follow_workers_at_a_time(client: Client, ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    job = jobs.start_export(actor=session_actor(ada), filters=Filters(model="clf"))
    ExportJob.objects.update(state=ExportState.RUNNING, attempt=1)
    job.refresh_from_db()
    draft_of(job).parent.mkdir(parents=True)
    draft_of(job).write_bytes(b"PK")
    monkeypatch.setattr(downloads, "_growing", threading.BoundedSemaphore(1))
    first = get(client)
    ExportJob.objects.update(fetched_at=None)
    assert get(client).status_code == 503
    draft_of(job).rename(finished_path(job))
    assert read(first) == b"PK"
    assert downloads._growing.acquire(blocking=False)


def pieces(source: Iterator[bytes]) -> bytes:
    return b"".join(source)


def test_an_export_that_is_given_up_breaks_the_download(tmp_path: Path) -> None:
    draft = tmp_path / "draft"
    draft.write_bytes(b"half")
    stream = follow(draft.open("rb"), tmp_path / "finished")
    assert next(stream) == b"half"
    draft.unlink()
    with pytest.raises(ExportBroken, match="started again"):
        pieces(stream)


def test_a_silent_worker_breaks_the_download(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audit.exports.following._SILENCE_SECONDS", -1.0)
    (tmp_path / "draft").write_bytes(b"")
    with pytest.raises(ExportBroken, match="no more"):
        pieces(follow((tmp_path / "draft").open("rb"), tmp_path / "finished"))


def test_a_failed_export_is_not_handed_out(client: Client, no_wait: None) -> None:
    get(client)
    ExportJob.objects.update(state=ExportState.FAILED, error="The disk is full.")
    assert get(client).status_code == 503
    assert ExportJob.objects.count() == 2
