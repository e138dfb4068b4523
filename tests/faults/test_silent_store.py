"""A bucket that takes connections and says nothing holds few threads, for a bounded time, and its callers get 503."""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, cast

import pytest
from django.test import Client

from accounts.models import User
from accounts.services import issue_token
from core.errors import Unavailable
from core.outages import is_outage
from tests.conftest import Acting
from tests.faults.conftest import NewProxy
from tests.faults.proxy import FaultProxy
from tests.s3_server import TestBucket
from tracking.store import S3Store, current_store
from tracking.store import bucket as bucket_module
from tracking.store.calls import MOST_CALLS, calls_to

pytestmark = pytest.mark.s3

LATE = 1.0  # seconds; two attempts of this length and a pause between them
BOUND = 2 * LATE + 3
LIMIT = 1 << 30


@pytest.fixture
def proxy(bucket: TestBucket, new_proxy: NewProxy, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultProxy]:
    """A proxy in front of the store, which answers late after a second instead of eight."""
    monkeypatch.setattr(bucket_module, "_ANSWER_SECONDS", LATE)
    monkeypatch.setattr(bucket_module, "_WORK_SECONDS", LATE)
    started = new_proxy(bucket.server.port)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{started.port}")
    yield started
    started.is_silent = False


@pytest.fixture
def store(proxy: FaultProxy) -> S3Store:
    return cast("S3Store", current_store())


def seconds_of(question: Callable[[], object]) -> float:
    """Return how long a question takes, which must end in an outage."""
    began = time.monotonic()
    with pytest.raises(Exception, match=r".") as refused:
        question()
    assert is_outage(refused.value), refused.value
    return time.monotonic() - began


def test_every_call_gives_up_in_time(store: S3Store, proxy: FaultProxy) -> None:
    blob = store.put(io.BytesIO(b"there"), limit=LIMIT)
    proxy.is_silent = True
    questions: list[Callable[[], object]] = [
        lambda: store.has(blob),
        lambda: store.mark(blob.sha256),
        lambda: store.open(blob.sha256).read(),
        lambda: store.put(io.BytesIO(b"new"), limit=LIMIT),
        store.stage,
        lambda: store.remove([blob]),
    ]
    for question in questions:
        calls_to(f"http://127.0.0.1:{proxy.port}")._is_silent = False
        assert seconds_of(question) < BOUND


def test_a_download_that_falls_silent_in_the_middle_ends(store: S3Store, proxy: FaultProxy) -> None:
    blob = store.put(io.BytesIO(bytes(5_000_000)), limit=LIMIT)
    with store.open(blob.sha256) as file:
        file.read(1)
        proxy.is_silent = True
        assert seconds_of(file.read) < BOUND


def test_while_it_is_silent_others_are_told_at_once(store: S3Store, proxy: FaultProxy) -> None:
    blob = store.put(io.BytesIO(b"there"), limit=LIMIT)
    proxy.is_silent = True
    assert seconds_of(lambda: store.has(blob)) < BOUND

    asked = proxy.connections
    assert max(seconds_of(lambda: store.has(blob)) for _ in range(50)) < 0.5
    assert proxy.connections <= asked + 1


def test_it_holds_only_some_of_the_threads_that_ask_at_the_same_moment(store: S3Store, proxy: FaultProxy) -> None:
    blob = store.put(io.BytesIO(b"there"), limit=LIMIT)
    proxy.is_silent = True
    with ThreadPoolExecutor(3 * MOST_CALLS) as threads:
        times = sorted(threads.map(lambda _: seconds_of(lambda: store.has(blob)), range(3 * MOST_CALLS)))

    assert times[-1] < BOUND
    assert times[len(times) - MOST_CALLS - 1] < 2.0  # all others wait a second for their turn


def test_it_is_asked_again_and_all_returns_by_itself(
    store: S3Store, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tracking.store.calls.PROBE_SECONDS", 0.2)
    blob = store.put(io.BytesIO(b"there"), limit=LIMIT)
    proxy.is_silent = True
    seconds_of(lambda: store.has(blob))

    proxy.is_silent = False
    deadline = time.monotonic() + 10
    while not _has(store, blob):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert all(_has(store, blob) for _ in range(20))


def _has(store: S3Store, blob: Any) -> bool:
    try:
        return store.has(blob)
    except Unavailable:
        return False


@pytest.mark.django_db
def test_a_download_and_an_upload_are_503_and_the_serving_read_goes_on(
    store: S3Store, proxy: FaultProxy, ada: User, acting: Acting, client: Client
) -> None:
    """Over a socket that is accepted by the kernel and never read."""
    _, secret = issue_token(actor=acting(ada), user=ada, expires_in=timedelta(hours=1))
    client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {secret}"
    run = client.post("/api/2.0/mlflow/runs/create", {"experiment_id": "0"}, content_type="application/json").json()[
        "run"
    ]["info"]["run_id"]
    path = f"/api/2.0/mlflow-artifacts/artifacts/0/{run}/artifacts/a.bin"
    assert client.put(path, b"bytes", content_type="application/octet-stream").status_code == 200
    with socket.create_server(("127.0.0.1", 0)) as silent:
        proxy.target = silent.getsockname()[1]
        proxy.reset_all()
        for answer in (client.get(path), client.put(path, b"other", content_type="application/octet-stream")):
            assert answer.status_code == 503
            assert answer["Retry-After"]
        began = time.monotonic()
        assert client.get("/api/v1/models/none/production").status_code == 404
        assert time.monotonic() - began < 1
