"""The parts of the supervisor, with real processes."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from accounts.models import User
from audit.broker import broker_client
from config.heartbeats import start_of_process, write_heartbeat
from config.supervisor import broker, processes, supervise
from config.supervisor.broker import end_orphan
from config.supervisor.first_start import Demonstration, FirstAccount
from config.supervisor.lock import DataInUse, DataLock
from config.supervisor.processes import Process, Program, stop_all
from config.supervisor.programs import port_problem
from config.supervisor.supervise import CannotRun, Supervisor, Watched
from tests.e2e.installation import free_port


def script(name: str, code: str) -> Program:
    return Program(name, [sys.executable, "-c", code], lambda _pid: True)


def test_the_lock_admits_one(tmp_path: Path) -> None:
    first, second = DataLock(tmp_path / "lock"), DataLock(tmp_path / "lock")
    first.acquire()
    with pytest.raises(DataInUse, match=str(os.getpid())):
        second.acquire()
    first.release()


def test_the_lock_tells_whether_its_last_holder_was_killed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.write_text("4711", encoding="utf-8")
    after_kill, after_stop = DataLock(path), DataLock(path)
    after_kill.acquire()
    after_kill.release()
    after_stop.acquire()
    assert (after_kill.was_killed, after_stop.was_killed) == (True, False)
    after_stop.release()


def test_a_process_that_ignores_a_stop_is_killed_in_time(tmp_path: Path) -> None:
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    )
    process = Process(script("deaf", code), tmp_path)
    while "deaf" not in process.tail():
        time.sleep(0.05)
    began = time.monotonic()
    stop_all([process], grace_seconds=0.5)
    assert process.exit_code == -signal.SIGKILL
    assert time.monotonic() - began < 30  # it would sleep for a minute


def test_a_program_that_ends_at_once_is_reported_with_its_last_words(tmp_path: Path) -> None:
    supervisor = Supervisor(logs=tmp_path, write_line=print)
    program = Program("lame", [sys.executable, "-c", "raise SystemExit('no such thing')"], lambda _pid: False)
    with pytest.raises(CannotRun, match=r"lame ended with code 1 while starting\.\nno such thing"):
        supervisor.start(program)
    supervisor.stop()


def test_a_program_that_keeps_dying_stops_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervise, "_POLL_SECONDS", 0.02)
    monkeypatch.setattr(supervise, "_FIRST_PAUSE", 0.01)
    said: list[str] = []

    def stop_after_eight(message: str) -> None:
        said.append(message)
        if len(said) == 8:
            raise KeyboardInterrupt

    supervisor = Supervisor(logs=tmp_path, write_line=stop_after_eight)
    steady = script("steady", "import time; time.sleep(60)")
    supervisor.start(steady, script("frail", "import time; time.sleep(0.1)"))
    with pytest.raises(KeyboardInterrupt):
        supervisor.watch()
    assert all("frail ended with code 0; it is started again in" in line for line in said)
    assert supervisor._watched[0].process.exit_code is None
    supervisor.stop()


def test_pauses_between_restarts_are_capped() -> None:
    pauses = [supervise.pause_before_restart(count) for count in range(1, 20)]
    assert pauses[:4] == [1, 2, 4, 8]
    assert pauses[-1] == supervise._LONGEST_PAUSE


def test_a_hung_web_process_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as hung:
        (tmp_path / f"web-{hung.pid}.alive").write_text(f"0 {start_of_process(hung.pid)}", encoding="ascii")
        (tmp_path / "web-999999999.alive").write_text("0", encoding="ascii")
        said: list[str] = []
        supervisor = Supervisor(logs=tmp_path, write_line=said.append, heartbeats=tmp_path)
        supervisor._end_hung()
        assert hung.wait(timeout=10) == -signal.SIGKILL
    assert "does not answer" in said[0]
    assert not (tmp_path / "web-999999999.alive").exists()


def test_another_process_with_the_id_of_an_ended_one_is_not_killed(tmp_path: Path) -> None:
    left_behind = tmp_path / f"web-{os.getpid()}.alive"
    left_behind.write_text("0 1", encoding="ascii")
    said: list[str] = []
    Supervisor(logs=tmp_path, write_line=said.append, heartbeats=tmp_path)._end_hung()
    assert (said, left_behind.exists()) == ([], False)


def test_a_heartbeat_that_cannot_be_written_is_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "web-1.alive"
    path.mkdir()
    write_heartbeat(path, "1")
    path.rmdir()
    write_heartbeat(path, "1")
    assert path.read_text(encoding="ascii").endswith(" 1")


def test_a_second_broker_does_not_start_beside_one_that_hangs(tmp_path: Path) -> None:
    path = tmp_path / "valkey.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen(1)
        with pytest.raises(CannotRun, match="still serves"):
            end_orphan(path, timeout=0.2)
        assert path.exists()
    end_orphan(path, timeout=0.2)
    assert not path.exists()


def test_an_alarming_line_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []

    def stop_after_first(message: str) -> None:
        said.append(message)
        raise KeyboardInterrupt

    supervisor = Supervisor(logs=tmp_path, write_line=stop_after_first)
    supervisor.start(script("loud", "import time; print('fine'); print('ERROR: on fire', flush=True); time.sleep(60)"))
    with pytest.raises(KeyboardInterrupt):
        supervisor.watch()
    assert said[0].startswith("loud: ERROR: on fire")
    supervisor.stop()


@pytest.mark.parametrize(
    ("code", "told"), [("", []), ("raise SystemExit(3)", ["job failed; the next start tries it again"])]
)
def test_a_job_ends_once_and_its_failure_is_told(tmp_path: Path, code: str, told: list[str]) -> None:
    said: list[str] = []
    done: list[str] = []
    supervisor = Supervisor(logs=tmp_path, write_line=said.append)
    supervisor.start_job(script("job", code), on_success=lambda: done.append("loaded"))
    while supervisor._jobs:
        supervisor._check_jobs()
        time.sleep(0.02)
    assert [line.partition(" (log")[0] for line in said] == told
    assert done == ([] if told else ["loaded"])
    supervisor.stop()


def test_a_program_that_cannot_be_started_again_is_tried_later(tmp_path: Path) -> None:
    program = tmp_path / "program"
    shutil.copy("/bin/true", program)
    said: list[str] = []
    supervisor = Supervisor(logs=tmp_path, write_line=said.append)
    watched = Watched(Program("gone", [str(program)], lambda _pid: True), tmp_path)
    watched.process.wait()
    program.unlink()
    supervisor._check(watched)
    watched.restart_at = 0.0
    supervisor._check(watched)
    assert said[0].startswith("gone ended with code 0; it is started again in 1 s")
    assert said[1:] == ["gone cannot be started now; it is tried again later."]
    assert watched.restart_at > time.monotonic()


def test_a_program_that_does_not_answer_in_time_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervise, "_READY_SECONDS", 0.0)
    supervisor = Supervisor(logs=tmp_path, write_line=print)
    mute = Program("mute", [sys.executable, "-c", "import time; time.sleep(60)"], lambda _pid: False)
    with pytest.raises(CannotRun, match="mute did not answer within 0 seconds"):
        supervisor.start(mute)
    (process,) = [watched.process for watched in supervisor._watched]
    supervisor.stop()
    assert process.exit_code == -signal.SIGTERM


def test_a_log_is_moved_while_its_program_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_LOG_BYTES", 1000)
    talker = "import time\nfor number in range(10**6): print(f'line {number:9}', flush=True); time.sleep(0.002)"
    process = Process(script("talker", talker), tmp_path)
    moved, written = tmp_path / "talker.log.1", ""
    while len(written) < 5000:
        if process.rotate_log():
            written += moved.read_text()
        time.sleep(0.01)
    process.signal(signal.SIGKILL)
    process.wait()
    numbers = [int(line.removeprefix("line")) for line in (written + process.log.read_text()).splitlines()]
    assert numbers == sorted(set(numbers))
    assert len(numbers) >= numbers[-1] - numbers[0] - 5, "a line can be lost at each of the few moves, no more"
    assert process.log.stat().st_size < 5000


@pytest.mark.parametrize("line", ["at=x level=error event=y", '{"at": "x", "event": "y", "level": "error"}'])
def test_a_line_of_either_format_alarms(line: str) -> None:
    assert supervise._ERROR_LINE.search(line)
    assert not supervise._ERROR_LINE.search(line.replace("error", "info"))


def test_the_embedded_broker_keeps_what_it_was_given(tmp_path: Path) -> None:
    path = tmp_path / "valkey.sock"
    url = f"redis+socket://{path}"
    for attempt in range(2):
        supervisor = Supervisor(logs=tmp_path / "logs", write_line=print)
        supervisor.start(broker.valkey(path, tmp_path))
        client = broker_client(url, 1.0)
        assert client.incr("starts") == attempt + 1
        client.close()
        supervisor.stop()
    assert not broker.answers(url)


def test_the_first_account_is_made_once(db: None, tmp_path: Path) -> None:
    account = FirstAccount(tmp_path)
    assert (account.ensure(), account.ensure()) == (True, False)
    admin = User.objects.get()
    assert admin.is_superuser
    assert admin.check_password(account.password())
    assert account.password_file.stat().st_mode & 0o777 == 0o600


def test_a_password_that_was_changed_is_no_longer_told(db: None, tmp_path: Path) -> None:
    account = FirstAccount(tmp_path)
    account.ensure()
    admin = User.objects.get()
    admin.set_password("something-else-entirely")
    admin.save()
    assert account.password() == ""


def test_where_people_exist_no_account_is_made(ada: User, tmp_path: Path) -> None:
    assert not FirstAccount(tmp_path).ensure()
    assert User.objects.count() == 1


def test_the_demonstration_is_due_until_it_is_loaded(tmp_path: Path) -> None:
    demonstration = Demonstration(tmp_path)
    assert not demonstration.is_due
    demonstration.decide(is_requested=True)
    demonstration.decide(is_requested=False)
    assert demonstration.is_due
    demonstration.mark_loaded()
    assert not demonstration.is_due


def test_a_taken_port_is_not_free() -> None:
    port = free_port()
    assert port_problem("127.0.0.1", port) == ""
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        assert "is in use by another program" in port_problem("127.0.0.1", port)


def test_an_address_of_another_machine_is_refused_with_the_reason() -> None:
    assert port_problem("203.0.113.9", free_port()).startswith("Cannot listen on 203.0.113.9")
