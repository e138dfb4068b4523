"""Exports that a worker makes: queued, made once, resumed when a worker is lost, and fetched by who asked."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from accounts.models import User
from audit.actions import Action
from audit.exports.files import exports_folder, file_of, finished_path
from audit.exports.jobs import build_export, resume_exports, start_export
from audit.exports.selection import Filters
from audit.models import Event, ExportJob, ExportState, OutboxMessage
from audit.transparency.sequencer import Sequencer
from audit.transparency.state import state_folder
from audit.verifier.audit_verify import Key, verify
from core.errors import Conflict, Denied, NotFound, Unavailable
from tests.conftest import Acting

EXPORTS = "/api/v1/audit/exports"


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def job(log: None, ada: User, acting: Acting) -> ExportJob:
    return start_export(actor=acting(ada), filters=Filters(model="clf"))


def test_an_export_is_queued_and_is_an_event(job: ExportJob) -> None:
    assert (job.state, job.event.action) == (ExportState.QUEUED, Action.AUDIT_EXPORTED)
    message = OutboxMessage.objects.get()
    assert (message.task, message.kwargs) == ("audit.tasks.build_export", {"export": str(job.pk)})
    with pytest.raises(Conflict, match="queued"):
        file_of(job)


def test_a_worker_makes_it_once(job: ExportJob, keys: list[Key]) -> None:
    assert build_export(job.pk)
    assert not build_export(job.pk)
    job.refresh_from_db()
    report = verify(file_of(job), keys, full=True)
    assert (job.state, report.errors, report.facts["events"], job.done) == (ExportState.DONE, [], 4, 4)


def status_of(client: Client, path: str, **fields: Any) -> int:
    """Return the status of an answer that was read to its end."""
    answer: Any = client.get(path, **fields)
    assert b"".join(answer.streaming_content if answer.streaming else [answer.content])
    return int(answer.status_code)


@pytest.mark.parametrize("path", ["", "/file"])
def test_who_may_no_longer_read_the_model_does_not_fetch_it(
    path: str, job: ExportJob, ada: User, cy: User, acting: Acting
) -> None:
    build_export(job.pk)
    assert status_of(signed_in(ada), f"{EXPORTS}/{job.pk}{path}") == 200
    ExportJob.objects.update(requester_ref=acting(cy).ref, requested_by="cy")  # whom clf is hidden from
    client = signed_in(cy)
    assert status_of(client, f"{EXPORTS}/{job.pk}{path}") == 404
    assert status_of(client, f"/audit/exports/{job.pk}{path}/") == 404
    assert status_of(client, "/api/v1/audit/export", data={"model": "clf"}, headers={"range": "bytes=0-"}) == 404


@pytest.mark.parametrize("path", ["", "/file"])
def test_who_left_the_auditors_does_not_fetch_the_log(path: str, log: None, cy: User, acting: Acting) -> None:
    auditors = Group.objects.get(name="auditors")
    cy.groups.add(auditors)
    job = start_export(actor=acting(cy), filters=Filters())
    build_export(job.pk)
    assert status_of(signed_in(cy), f"{EXPORTS}/{job.pk}{path}") == 200
    cy.groups.remove(auditors)
    assert status_of(signed_in(cy), f"{EXPORTS}/{job.pk}{path}") == 404


def test_times_survive_the_queue(log: None, ops: User, acting: Acting, keys: list[Key]) -> None:
    job = start_export(actor=acting(ops), filters=Filters(since=timezone.now() - timedelta(hours=1)))
    build_export(job.pk)
    job.refresh_from_db()
    assert verify(file_of(job), keys).facts["claim"]["kind"] == "range"


def test_a_lost_worker_is_replaced(job: ExportJob) -> None:
    ExportJob.objects.update(state=ExportState.RUNNING)
    assert not build_export(job.pk)
    assert resume_exports() == 0
    ExportJob.objects.update(seen_at=timezone.now() - timedelta(minutes=2))
    assert resume_exports() == 1
    assert OutboxMessage.objects.count() == 2
    assert build_export(job.pk)


def test_what_cannot_be_made_says_why(job: ExportJob) -> None:
    Sequencer().run_once()
    shutil.rmtree(state_folder())
    assert build_export(job.pk)
    job.refresh_from_db()
    assert job.state == ExportState.FAILED
    assert "not being signed" in job.error


@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: data[: 2 + data[1] + 256 * data[0]], None])
def test_a_damaged_bundle_makes_no_export(
    change: Callable[[bytes], bytes] | None, log: None, ops: User, acting: Acting
) -> None:
    job = start_export(actor=acting(ops), filters=Filters())
    Sequencer().run_once()
    (bundle,) = (state_folder() / "logs").glob("*/tile/entries/000.p/6")
    if change:
        bundle.write_bytes(change(bundle.read_bytes()))
    else:
        bundle.unlink()
    assert build_export(job.pk)
    job.refresh_from_db()
    assert (job.state, bool(job.error)) == (ExportState.FAILED, True)
    assert list(exports_folder().iterdir()) == []


def test_an_export_that_no_worker_finishes_has_failed(job: ExportJob) -> None:
    ExportJob.objects.update(state=ExportState.RUNNING, attempt=5, seen_at=timezone.now() - timedelta(minutes=2))
    assert resume_exports() == 0
    job.refresh_from_db()
    assert (job.state, "none finished it" in job.error) == (ExportState.FAILED, True)
    assert OutboxMessage.objects.count() == 1


def test_old_files_go(job: ExportJob) -> None:
    build_export(job.pk)
    job.refresh_from_db()
    path: Path = file_of(job)
    ExportJob.objects.update(created_at=timezone.now() - timedelta(days=8))
    resume_exports()
    assert not path.exists()


def test_a_file_that_is_away_is_not_called_removed(job: ExportJob) -> None:
    build_export(job.pk)
    job.refresh_from_db()
    away = exports_folder().with_name("away")
    exports_folder().rename(away)
    with pytest.raises(Unavailable, match="CUSTODY_LOG_STATE"):
        file_of(job)
    away.rename(exports_folder())
    assert file_of(job).exists()
    job.created_at -= timedelta(days=8)
    file_of(job).unlink()
    with pytest.raises(NotFound, match="7 days"):
        file_of(job)


def test_a_worker_that_was_given_up_changes_nothing(job: ExportJob) -> None:
    def overtaken(_done: int) -> None:
        ExportJob.objects.update(seen_at=timezone.now() - timedelta(minutes=2))
        assert resume_exports() == 1
        assert build_export(job.pk)

    assert not build_export(job.pk, progress=overtaken)
    job.refresh_from_db()
    assert (job.state, job.attempt, job.done) == (ExportState.DONE, 2, 4)
    assert [path.name for path in exports_folder().iterdir()] == [finished_path(job).name]


def test_who_may_not_read_starts_nothing(log: None, ada: User, acting: Acting) -> None:
    with pytest.raises(Denied):
        start_export(actor=acting(ada), filters=Filters())
    assert not ExportJob.objects.exists()
    assert not Event.objects.filter(action=Action.AUDIT_EXPORTED).exists()


def test_over_the_api(log: None, ada: User, cy: User, ops: User) -> None:
    answer = signed_in(ada).post(EXPORTS, {"model": "clf"}, content_type="application/json")
    assert (answer.status_code, answer.json()["state"]) == (202, "queued")
    url = f"{EXPORTS}/{answer.json()['id']}"
    assert signed_in(ada).get(f"{url}/file").status_code == 409
    build_export(ExportJob.objects.get().pk)
    assert signed_in(ada).get(url).json()["state"] == "done"
    assert signed_in(cy).get(url).status_code == 404
    assert signed_in(cy).get(f"{url}/file").status_code == 404
    response: Any = signed_in(ops).get(f"{url}/file")
    assert next(iter(response.streaming_content)).startswith(b"PK")
    response.close()


@pytest.mark.parametrize("body", [{"modle": "clf"}, {"since": "yesterday"}, {"version": "1"}])
def test_a_bad_filter_is_refused(log: None, ops: User, body: dict[str, str]) -> None:
    assert signed_in(ops).post(EXPORTS, body, content_type="application/json").status_code == 400
    assert not ExportJob.objects.exists()
