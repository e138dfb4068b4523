"""Areas of the status: periodic tasks, storage, backups, messages and web processes."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
import time_machine
from django.utils import timezone
from pytest_django import Settings

from audit.models import OutboxMessage
from config.backup.last import last_backup, note_backup
from config.heartbeats import HUNG_SECONDS, heartbeat_ages, start_of_process
from config.status.areas import Area
from config.status.audit_log import audit_log_area
from config.status.database import database_area
from config.status.programs import programs_area
from config.status.schedule import RETENTION_TASKS, schedule_area
from config.status.storage import measure_storage, storage_area
from config.status.task_ends import store_end, task_ends
from config.status.work import work_area

PRUNE = SimpleNamespace(name="traces.tasks.prune_traces")


@pytest.fixture(autouse=True)
def _own_data(tmp_path: Path, settings: Settings) -> None:
    settings.DATA_DIR = tmp_path
    settings.RUNTIME_DIR = tmp_path
    settings.BACKUP_HOURS = 48


def texts(area: Area) -> str:
    return " ".join(problem.text for problem in area.problems)


def test_every_retention_task_is_on_the_schedule(settings: Settings) -> None:
    assert {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()} >= RETENTION_TASKS


def test_the_end_of_a_task_is_kept(broker: str) -> None:
    store_end(task=PRUNE, state="SUCCESS")
    area = schedule_area()
    row = next(row for row in area.facts["tasks"] if row["task"] == PRUNE.name)
    assert (row["error"], row["is_retention"]) == ("", True)
    assert row["ended_at"] == area.facts["last_retention_at"]
    assert area.problems == ()


def test_a_task_that_failed_is_a_problem_until_it_succeeds(broker: str) -> None:
    store_end(task=PRUNE, state="FAILURE", retval=OSError("no space"))
    assert texts(schedule_area()) == f"The periodic task {PRUNE.name} failed: OSError: no space"
    store_end(task=PRUNE, state="SUCCESS")
    assert schedule_area().problems == ()


def test_a_task_that_no_longer_ends_is_a_problem(broker: str) -> None:
    store_end(task=PRUNE, state="SUCCESS")
    with time_machine.travel(timezone.now() + timedelta(hours=2), tick=False):
        assert f"{PRUNE.name} runs every 600 s" in texts(schedule_area())


def test_frequent_ends_are_written_rarely(broker: str) -> None:
    relay = SimpleNamespace(name="audit.tasks.relay_outbox")
    first = timezone.now()
    for seconds, is_stored in ((0, True), (5, False), (25, True)):
        with time_machine.travel(first + timedelta(seconds=seconds), tick=False):
            store_end(task=relay, state="SUCCESS")
            assert (task_ends()[relay.name].at == timezone.now().replace(microsecond=0)) == is_stored


def test_other_tasks_are_not_stored(broker: str) -> None:
    store_end(task=SimpleNamespace(name="approvals.tasks.run_check"), state="SUCCESS")
    assert task_ends() == {}


def test_without_a_broker_no_end_is_known(no_broker: None) -> None:
    store_end(task=PRUNE, state="SUCCESS")
    assert schedule_area().facts["tasks"] == []


def test_sizes_are_measured_for_the_page(db: None, broker: str, tmp_path: Path) -> None:
    assert storage_area().facts["measured_at"] is None
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "web.log").write_bytes(b"x" * 1000)
    measure_storage()
    facts = storage_area().facts
    assert {"folder": "logs", "size_bytes": 1000} in facts["folders"]
    assert len(facts["tables"]) == 10
    assert facts["tables"][0]["size_bytes"] >= facts["tables"][-1]["size_bytes"] > 0
    assert 0 < facts["disk_free_bytes"] <= facts["disk_size_bytes"]


def test_an_old_backup_is_a_problem(no_broker: None, tmp_path: Path, settings: Settings) -> None:
    assert "No backup" in texts(storage_area())
    note_backup(tmp_path / "one")
    assert "backup" not in texts(storage_area())
    with time_machine.travel(timezone.now() + timedelta(hours=49), tick=False):
        assert "The last backup was completed at" in texts(storage_area())
        settings.BACKUP_HOURS = 0
        assert "backup" not in texts(storage_area())


def test_a_damaged_note_of_a_backup_counts_as_none(tmp_path: Path) -> None:
    (tmp_path / "last_backup.json").write_text("{", encoding="utf-8")
    assert last_backup() is None


@pytest.mark.parametrize(("free", "severity"), [(50, []), (5, ["warning"]), (1, ["critical"])])
def test_little_space_is_a_problem(
    no_broker: None, settings: Settings, monkeypatch: pytest.MonkeyPatch, free: int, severity: list[str]
) -> None:
    settings.BACKUP_HOURS = 0
    monkeypatch.setattr("shutil.disk_usage", lambda _path: SimpleNamespace(free=free, total=100))
    assert [problem.severity.value for problem in storage_area().problems] == severity


def test_an_old_message_is_a_problem(db: None) -> None:
    OutboxMessage.objects.create(task="audit.tasks.relay_outbox", kwargs={})
    assert work_area().problems == ()
    OutboxMessage.objects.update(created_at=timezone.now() - timedelta(minutes=5))
    assert "A message has waited for the broker for 30" in texts(work_area())


def test_a_log_that_nobody_signs_is_a_problem(db: None) -> None:
    area = audit_log_area()
    assert (area.state, area.facts["state"]) == ("critical", "silent")
    assert "audit_sequencer" in area.problems[0].action


def test_the_database_is_described(db: None) -> None:
    area = database_area()
    assert area.state == "ok"
    assert area.facts["size_bytes"] > 0
    assert area.facts["pending_migrations"] == []


@pytest.fixture
def hung(tmp_path: Path) -> int:
    """The id of a web process (this one) whose heartbeat is old."""
    path = tmp_path / f"web-{os.getpid()}.alive"
    text = f"{time.monotonic() - HUNG_SECONDS - 5} {start_of_process(os.getpid())}"
    path.write_text(text, encoding="ascii")
    return os.getpid()


def test_a_web_process_that_hangs_is_a_problem(hung: int, no_broker: None, tmp_path: Path) -> None:
    ((pid, age),) = heartbeat_ages(tmp_path, time.monotonic())
    assert (pid, age > HUNG_SECONDS) == (hung, True)
    assert f"The web process {hung} of this host" in texts(programs_area())
