"""Real workers on a real broker: one is killed in the middle, jobs are delivered many times, the broker comes late."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from approvals.check_runs import watchdog
from config.supervisor.broker import answers, valkey
from tests.e2e.installation import ROOT

pytestmark = pytest.mark.queue

Json = dict[str, Any]
PATIENCE = 240  # seconds: a busy machine is no failure


class World:
    """A database, a broker and worker processes of their own; ``do("ask")`` runs a command of queue_world.py."""

    def __init__(self, data: Path, database: str, broker: str) -> None:
        self.data = data
        self.environment = {
            **os.environ,
            "CUSTODY_DATA": str(data),
            "DATABASE_URL": database,
            "REDIS_URL": broker,
            "ARTIFACT_URL": "",
            "CUSTODY_CHECK_LEASE": "3",
            "DJANGO_SETTINGS_MODULE": "config.settings",
        }
        self.processes: list[subprocess.Popen[bytes]] = []
        self.inside = subprocess.Popen(
            [sys.executable, "-m", "tests.approvals.queue_world"],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def do(self, what: str, **arguments: object) -> Json:
        assert self.inside.stdin is not None
        assert self.inside.stdout is not None
        self.inside.stdin.write(json.dumps({"do": what, **arguments}) + "\n")
        self.inside.stdin.flush()
        answer: Json = json.loads(self.inside.stdout.readline())
        return answer

    def celery(self, *arguments: str) -> subprocess.Popen[bytes]:
        with (self.data / "celery.log").open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "celery", "-A", "config", *arguments],
                cwd=ROOT,
                env=self.environment,
                stdout=output,
                stderr=output,
            )
        self.processes.append(process)
        return process

    def worker(self) -> subprocess.Popen[bytes]:
        name = f"test-{secrets.token_hex(4)}@localhost"
        pool = ("--pool", "threads", "--concurrency", "2", "--without-gossip", "--without-mingle", "--loglevel", "INFO")
        return self.celery("worker", "--queues", "fast,slow", "--hostname", name, *pool)

    def beat(self) -> subprocess.Popen[bytes]:
        return self.celery("beat", "--schedule", str(self.data / "beat"), "--pidfile", str(self.data / "beat.pid"))

    def until(self, holds: Callable[[Json], bool], command: str, **arguments: object) -> Json:
        """Return the answer to a command as soon as a condition holds of it; fail after PATIENCE."""
        deadline = time.monotonic() + PATIENCE
        while not holds(answer := self.do(command, **arguments)):
            assert time.monotonic() < deadline, (answer, (self.data / "celery.log").read_text()[-3000:])
            time.sleep(0.2)
        return answer

    def end(self) -> None:
        everything: list[subprocess.Popen[bytes] | subprocess.Popen[str]] = [*self.processes, self.inside]
        for process in everything:
            with suppress(ProcessLookupError):
                process.kill()
            process.wait(PATIENCE)
        for pipe in (self.inside.stdin, self.inside.stdout):
            if pipe is not None:
                pipe.close()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Callable[[], str]]:
    """Return a function that starts an embedded Valkey and returns its URL."""
    running: list[subprocess.Popen[bytes]] = []
    socket = Path("/tmp") / f"custody-test-{secrets.token_hex(4)}" / "valkey.sock"  # noqa: S108 - a short path

    def start() -> str:
        url = f"redis+socket://{socket}?virtual_host=0"
        program = valkey(socket, tmp_path)
        with (tmp_path / "valkey.log").open("wb") as output:
            running.append(subprocess.Popen(program.command, stdout=output, stderr=output))
        deadline = time.monotonic() + PATIENCE
        while not answers(url) and time.monotonic() < deadline:
            time.sleep(0.05)
        return url

    start.url = f"redis+socket://{socket}?virtual_host=0"  # type: ignore[attr-defined]  # known before it runs
    yield start
    for process in running:
        process.terminate()
        process.wait(PATIENCE)
    socket.unlink(missing_ok=True)
    socket.parent.rmdir()


@pytest.fixture
def world(tmp_path: Path, database_url: str, broker: Callable[[], str]) -> Iterator[World]:
    made = World(tmp_path, database_url, broker.url)  # type: ignore[attr-defined]  # set above
    yield made
    made.end()


def finished(facts: Json) -> bool:
    """Return whether a request was applied."""
    return bool(facts["state"] == "applied")


def digest_runs(facts: Json) -> bool:
    """Return whether a worker is at the check that reads the model's bytes."""
    return bool(facts["jobs"]["digest"]["state"] == "running")


def none(answer: Json) -> bool:
    """Return whether a command counted nothing."""
    return bool(answer["count"] == 0)


def test_a_worker_killed_in_the_middle_loses_nothing(world: World, broker: Callable[[], str]) -> None:
    broker()
    world.do("prepare")
    request = world.do("ask")["request"]
    world.do("block")
    world.beat()
    first = world.worker()
    world.until(digest_runs, "facts", request=request)
    first.send_signal(signal.SIGKILL)
    first.wait()
    stopped = world.do("facts", request=request)["jobs"]["digest"]
    assert (stopped["state"], stopped["results"]) == ("running", 0)
    world.do("unblock")
    world.worker()
    facts = world.until(finished, "facts", request=request)
    assert facts["stage"] == "Staging"
    assert facts["jobs"]["digest"]["attempts"] == 2
    assert facts["jobs"]["digest"]["worker"] != stopped["worker"]
    assert {job["results"] for job in facts["jobs"].values()} == {1}


def test_beat_applies_what_has_soaked_and_not_before(world: World, broker: Callable[[], str]) -> None:
    broker()
    world.do("prepare")
    world.beat()
    world.worker()
    world.until(finished, "facts", request=world.do("ask")["request"])
    soaking = world.do("soak", seconds=10)
    assert soaking["state"] == "open"
    facts = world.until(finished, "facts", request=soaking["request"])
    assert facts["stage"] == "Production"
    assert facts["staged"] - soaking["staged"] >= 10


def test_a_job_delivered_many_times_writes_one_result(world: World, broker: Callable[[], str]) -> None:
    broker()
    world.do("prepare", megabytes=100)
    request = world.do("ask")["request"]
    for job in world.do("facts", request=request)["jobs"].values():
        world.do("send", job=job["id"], times=6)
    world.worker()
    world.worker()
    world.until(finished, "facts", request=request)
    world.until(none, "in_broker")  # the late deliveries find nothing to do
    facts = world.do("facts", request=request)
    assert {job["results"] for job in facts["jobs"].values()} == {1}
    assert {job["attempts"] for job in facts["jobs"].values()} == {1}


def test_a_worker_that_hangs_makes_room_for_a_new_one(world: World, broker: Callable[[], str]) -> None:
    broker()
    world.do("prepare")
    request = world.do("ask")["request"]
    world.do("block")
    world.beat()
    assert world.worker().wait(PATIENCE) == watchdog.EXIT_CODE
    assert world.do("facts", request=request)["state"] == "open"
    world.do("unblock")
    world.worker()
    assert world.until(finished, "facts", request=request)["stage"] == "Staging"


def test_a_broker_that_comes_late_loses_nothing(world: World, broker: Callable[[], str]) -> None:
    world.do("prepare")
    request = world.do("ask")["request"]
    assert world.do("undelivered")["count"] == 4
    broker()
    world.beat()
    world.worker()
    assert world.until(finished, "facts", request=request)["stage"] == "Staging"
    world.until(none, "undelivered")  # what the applying itself sends out leaves after it has committed
