"""Calls to a bucket: few at a time, and hardly any while its answers are late."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from botocore.exceptions import ReadTimeoutError

from core.errors import Unavailable
from tracking.store import calls
from tracking.store.calls import MOST_CALLS, StoreCalls

LATE = ReadTimeoutError(endpoint_url="http://bucket")


def late_call(store: StoreCalls) -> None:
    with pytest.raises(ReadTimeoutError), store.call():
        raise LATE


def test_a_store_that_is_late_is_asked_once_in_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    store, asked = StoreCalls("bucket"), 0
    late_call(store)
    with pytest.raises(Unavailable, match="The artifact store does not answer"), store.call():
        asked += 1
    with store.call(is_repeated=True):
        asked += 1
    with store.call():  # it has answered
        asked += 1
    late_call(store)
    monkeypatch.setattr(calls, "PROBE_SECONDS", 0.0)
    store.note_silence()
    late_call(store)
    assert asked == 2


def test_an_error_that_comes_in_time_is_an_answer() -> None:
    store = StoreCalls("bucket")
    store.note_silence()
    with pytest.raises(ConnectionResetError), store.call(is_repeated=True):
        raise ConnectionResetError
    with store.call():
        pass


def test_one_call_more_than_there_is_room_for_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "_WAIT_SECONDS", 0.01)
    store = StoreCalls("bucket")
    with ExitStack() as stack:
        for _ in range(MOST_CALLS):
            stack.enter_context(store.call())
        with pytest.raises(Unavailable, match="As many calls as this process makes"):
            stack.enter_context(store.call())
    with store.call():
        pass
