"""Writers of one SQLite file take turns: in the order in which they came, over threads and processes."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import OperationalError, connection, transaction

from core.sqlite3.writers import WriterQueue

ROOT = Path(__file__).resolve().parents[2]
# Takes the turn again and again, each time for a little; says how often.
BUSY = """
import sys, time
from pathlib import Path
from core.sqlite3.writers import WriterQueue
queue, turns, ends = WriterQueue(Path(sys.argv[1])), 0, time.monotonic() + float(sys.argv[2])
while time.monotonic() < ends:
    assert queue.take(30)
    time.sleep(0.002)
    queue.give()
    turns += 1
print(turns)
"""
HOLDS = """
import sys, time
from pathlib import Path
from core.sqlite3.writers import WriterQueue
assert WriterQueue(Path(sys.argv[1])).take(30)
print("taken", flush=True)
time.sleep(600)
"""


def process(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", code, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def queue(tmp_path: Path) -> WriterQueue:
    return WriterQueue(tmp_path / "db-writers")


def test_threads_have_their_turns_in_the_order_in_which_they_came(queue: WriterQueue) -> None:
    order: list[int] = []

    def write(number: int) -> None:
        assert queue.take(30)
        order.append(number)
        queue.give()

    assert queue.take(1)
    threads = [threading.Thread(target=write, args=(number,)) for number in range(16)]
    for number, thread in enumerate(threads):
        thread.start()
        while len(queue._waiting) <= number:
            time.sleep(0.001)
    queue.give()
    for thread in threads:
        thread.join(30)
    assert order == list(range(16))


def test_one_that_waits_too_long_leaves_the_queue(queue: WriterQueue) -> None:
    assert queue.take(1)
    answers: list[bool] = []
    late = threading.Thread(target=lambda: answers.append(queue.take(0.05)))
    late.start()
    late.join(30)
    queue.give()
    assert (answers, queue.take(1)) == ([False], True)


def test_processes_take_turns(queue: WriterQueue) -> None:
    """A process that begins again at once does not keep another one waiting, as with SQLite's own lock it would."""
    both = [process(BUSY, str(queue.path), "2") for _ in range(2)]
    turns = [int(each.communicate(timeout=60)[0]) for each in both]
    assert min(turns) > 20
    assert min(turns) / max(turns) > 0.5


def test_the_turn_of_a_killed_process_ends(queue: WriterQueue) -> None:
    with process(HOLDS, str(queue.path)) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        assert not queue.take(0.05)
        holder.send_signal(signal.SIGKILL)
    assert queue.take(10)
    queue.give()


def test_a_file_with_other_contents_is_no_hindrance(queue: WriterQueue) -> None:
    queue.path.write_bytes(b"not a number at all")
    assert queue.take(1)
    queue.give()
    assert queue.take(1)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="the queue is of SQLite")
@pytest.mark.django_db(transaction=True)
def test_the_turn_ends_with_the_transaction() -> None:
    ends: list[Callable[[], object]] = [lambda: None, connection.close, lambda: transaction.set_rollback(True)]
    for end in ends:
        with transaction.atomic():
            end()
        assert connection._turn is None  # type: ignore[attr-defined]  # of our back end
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        raise ZeroDivisionError
    assert connection._turn is None  # type: ignore[attr-defined]  # of our back end


@pytest.mark.skipif(connection.vendor != "sqlite", reason="the queue is of SQLite")
@pytest.mark.django_db(transaction=True)
def test_a_write_outside_of_a_transaction_has_a_turn_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    turns: list[float] = []
    take = WriterQueue.take

    def counted(queue: WriterQueue, timeout: float) -> bool:
        turns.append(timeout)
        return take(queue, timeout)

    monkeypatch.setattr(WriterQueue, "take", counted)
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert turns == []
        cursor.execute("UPDATE auth_group SET name = name")
        cursor.execute("WITH g AS (SELECT 1) DELETE FROM auth_group WHERE id IN g")
    assert len(turns) == 2
    assert connection._turn is None  # type: ignore[attr-defined]  # of our back end


@pytest.mark.skipif(connection.vendor != "sqlite", reason="the queue is of SQLite")
@pytest.mark.django_db(transaction=True)
def test_a_queue_that_cannot_be_opened_is_an_error_of_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(queue: WriterQueue, timeout: float) -> bool:
        raise PermissionError("read only")

    monkeypatch.setattr(WriterQueue, "take", refuse)
    with pytest.raises(OperationalError), transaction.atomic():
        pass
