"""Rows are deleted after the times of the settings, and nothing is under a legal hold."""

from __future__ import annotations

import datetime
import io
import uuid
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db.models import Model
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from accounts.tasks import forget_sessions
from audit.actions import Action
from audit.exports.files import finished_path
from audit.exports.jobs import start_export
from audit.exports.selection import Filters
from audit.models import Event, ExportJob, ExportState, OutboxMessage
from audit.sentences import facts
from audit.tasks import forget_exports, forget_messages
from core.errors import Conflict
from notices.models import Notice
from notices.tasks import forget_notices
from tests.conftest import Acting
from traces.services.deletion import delete_traces
from tracking.artifacts import store_artifact
from tracking.limits import Point
from tracking.models import Artifact, LatestMetric, LoggedModel, Metric, Param, Run, RunTag
from tracking.services import purging
from tracking.services.logging import log_batch
from tracking.services.pruning import prune_artifacts
from tracking.services.runs import create_run, delete_run, restore_run
from tracking.tasks import purge_deleted_runs

NOW = datetime.datetime(2026, 11, 30, 12, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)


def at(days_ago: float) -> Any:
    """Travel to a time so many days before NOW."""
    return time_machine.travel(NOW - days_ago * DAY, tick=False)


def message(*, sent: bool = True) -> None:
    OutboxMessage.objects.create(task="some.task", delivered_at=timezone.now() if sent else None)


def session() -> None:
    Session.objects.create(session_key=str(Session.objects.count()), session_data="", expire_date=timezone.now())


def notice() -> None:
    person = User.objects.get(username="ada")
    Notice.objects.create(
        person=person, event_id=uuid.uuid4(), topic="decision", title="t", path="/", created_at=timezone.now()
    )


KINDS: list[tuple[Callable[[], None], type[Model], Callable[[], int], str, float]] = [
    (message, OutboxMessage, forget_messages, "OUTBOX_DAYS", 7),
    (session, Session, forget_sessions, "SESSION_DAYS", 1),
    (notice, Notice, forget_notices, "NOTICE_DAYS", 180),
]


@pytest.mark.parametrize(("make", "model", "forget", "setting", "days"), KINDS)
def test_old_rows_are_deleted(
    ada: User, make: Callable[[], None], model: type[Model], forget: Callable[[], int], setting: str, days: float
) -> None:
    assert getattr(settings, setting) == days
    for age in (days + 1, days + 0.01, days - 0.01, 0):
        with at(age):
            make()
    with at(0):
        assert forget() == 2
        assert forget() == 0
    assert model._default_manager.count() == 2


@pytest.mark.parametrize("kept", [{"LEGAL_HOLD": True}, {"days": 0}])
@pytest.mark.parametrize(("make", "model", "forget", "setting", "days"), KINDS)
def test_nothing_is_deleted_under_a_legal_hold_or_with_0_days(
    ada: User,
    settings: Settings,
    make: Callable[[], None],
    model: type[Model],
    forget: Callable[[], int],
    setting: str,
    days: float,
    kept: dict[str, Any],
) -> None:
    for name, value in kept.items():
        setattr(settings, setting if name == "days" else name, value)
    with at(days + 1000):
        make()
    with at(0):
        assert forget() == 0
    assert model._default_manager.count() == 1


def test_a_message_that_was_not_sent_stays(db: None) -> None:
    with at(100):
        message(sent=False)
    with at(0):
        assert forget_messages() == 0
    assert OutboxMessage.objects.count() == 1


def test_an_old_export_goes_and_the_event_of_its_request_stays(ops: User, acting: Acting) -> None:
    with at(400):
        done, waiting = (start_export(actor=acting(ops), filters=Filters()) for _ in range(2))
    ExportJob.objects.filter(pk=done.pk).update(state=ExportState.DONE)
    file = finished_path(done)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"zip")
    with at(0):
        assert forget_exports() == 1
    assert not file.exists()
    assert list(ExportJob.objects.values_list("pk", flat=True)) == [waiting.pk]
    assert Event.objects.filter(action=Action.AUDIT_EXPORTED).count() == 2


@pytest.fixture
def run(ada: User, acting: Acting) -> Run:
    """A run with a metric, a param, a tag and a file, that ada deleted 31 days before NOW."""
    actor = acting(ada)
    with at(31):
        row = create_run(actor=actor)
        points = [Point("auc", 0.9, 1)]
        log_batch(actor=actor, run_id=row.pk, metrics=points, params=[("lr", "0.1")], tags=[("team", "a")])
        store_artifact(actor=actor, path=f"0/{row.pk}/artifacts/model.bin", stream=io.BytesIO(b"model"))
        delete_run(actor=actor, run_id=row.pk)
    return row


def contents(run: Run) -> tuple[int, ...]:
    counts = [part.objects.filter(run=run).count() for part in (Metric, LatestMetric, Param, RunTag)]
    return (*counts, Artifact.objects.filter(path__startswith=f"0/{run.pk}/").count())


def test_the_contents_of_a_run_go_long_after_its_deletion(
    run: Run, ada: User, acting: Acting, settings: Settings
) -> None:
    assert settings.DELETED_RUN_DAYS == 0
    with at(0):
        assert purge_deleted_runs() == 0
        settings.DELETED_RUN_DAYS = 30
        assert contents(run) == (1, 1, 1, 2, 1)
        assert purge_deleted_runs() == 1
        assert contents(run) == (0, 0, 0, 0, 0)
        assert purge_deleted_runs() == 0
    event = facts(Event.objects.latest("id"))
    assert (event["action"], event["before"], event["after"]) == (
        "tracking.runs.purged",
        {"runs": [run.pk]},
        {"purged": 1, "files": 1},
    )
    with pytest.raises(Conflict, match="cannot be restored"):
        restore_run(actor=acting(ada), run_id=run.pk)
    assert Run.objects.get(pk=run.pk).lifecycle_stage == "deleted"


@pytest.mark.parametrize("reason", ["recent", "restored", "registered", "with its experiment", "hold"])
def test_what_is_kept(run: Run, ada: User, acting: Acting, settings: Settings, reason: str) -> None:
    settings.DELETED_RUN_DAYS = 30 if reason != "recent" else 32
    settings.LEGAL_HOLD = reason == "hold"
    if reason == "restored":
        restore_run(actor=acting(ada), run_id=run.pk)
    if reason == "registered":
        Run.objects.filter(pk=run.pk).update(is_registered=True)
    if reason == "with its experiment":
        Run.objects.filter(pk=run.pk).update(deleted_with_experiment=True)
    with at(0):
        assert purge_deleted_runs() == 0
    assert contents(run) == (1, 1, 1, 2, 1)


def test_a_run_that_was_restored_and_deleted_again_meanwhile_keeps_its_contents(run: Run) -> None:
    assert purging._purge([run.pk], NOW - 300 * DAY) == 0
    assert contents(run) == (1, 1, 1, 2, 1)


def test_a_run_whose_logged_model_was_registered_keeps_its_contents(
    run: Run, ada: User, acting: Acting, settings: Settings
) -> None:
    settings.DELETED_RUN_DAYS = 30
    experiment = run.experiment_id
    LoggedModel.objects.create(
        id="m-1", experiment_id=experiment, name="m", source_run=run, created_ms=1, updated_ms=1, is_registered=True
    )
    with at(0):
        assert purge_deleted_runs() == 0


def test_a_legal_hold_forbids_to_delete_traces_and_stored_files(ops: User, acting: Acting, settings: Settings) -> None:
    settings.LEGAL_HOLD = True
    with pytest.raises(Conflict, match="legal hold"):
        delete_traces(actor=acting(ops), experiment_id="0", max_timestamp_ms=1)
    with pytest.raises(Conflict, match="legal hold"):
        prune_artifacts(actor=acting(ops), grace=DAY)
    assert prune_artifacts(actor=acting(ops), grace=DAY, dry_run=True).blobs >= 0


def test_the_sizes_of_tables_and_folders_are_printed(ada: User) -> None:
    output = io.StringIO()
    call_command("storage_sizes", stdout=output)
    lines = output.getvalue().splitlines()
    (people,) = [line for line in lines if line.endswith(" accounts_user")]
    assert " 1 rows " in people
    assert " 0 bytes" not in people
    assert any(line.endswith("static/") for line in lines)
