"""A bucket whose connections are reset, delayed or refused, one that keeps versions, and one with object lock."""

from __future__ import annotations

import hashlib
import io
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError
from pytest_django import Settings

from core.outages import is_outage
from tests.faults.conftest import NewProxy
from tests.faults.proxy import FaultProxy
from tests.s3_server import S3Server, TestBucket
from tracking.store import CHUNK, Blob, S3Store, current_store

pytestmark = pytest.mark.s3

LIMIT = 1 << 30
LARGE = bytes(range(256)) * (9 * CHUNK // 256)


@pytest.fixture
def proxy(bucket: TestBucket, new_proxy: NewProxy, monkeypatch: pytest.MonkeyPatch) -> FaultProxy:
    """A proxy in front of the store, which the product uses."""
    started = new_proxy(bucket.server.port)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{started.port}")
    return started


@pytest.fixture
def store(proxy: FaultProxy) -> S3Store:
    return cast("S3Store", current_store())


def read(store: S3Store, blob: Blob) -> bytes:
    with store.open(blob.sha256) as file:
        return file.read()


def test_a_reset_is_tried_again(store: S3Store, proxy: FaultProxy) -> None:
    blob = store.put(io.BytesIO(LARGE), limit=LIMIT)
    proxy.reset_all()
    assert store.has(blob)
    proxy.resets = 2
    proxy.reset_all()
    assert read(store, blob) == LARGE


def test_a_slow_store_is_waited_for(store: S3Store, proxy: FaultProxy) -> None:
    proxy.delay = 0.02
    blob = store.put(io.BytesIO(b"slow"), limit=LIMIT)
    assert read(store, blob) == b"slow"


def test_a_store_that_refuses_is_an_outage_and_nothing_is_missing(store: S3Store, proxy: FaultProxy) -> None:
    blob = store.put(io.BytesIO(b"there"), limit=LIMIT)
    proxy.resets = 1_000_000
    proxy.reset_all()
    for question in (lambda: store.has(blob), lambda: store.mark(blob.sha256), lambda: read(store, blob)):
        with pytest.raises(Exception, match=r".") as refused:
            question()
        assert is_outage(refused.value), refused.value
        assert not isinstance(refused.value, FileNotFoundError)
    proxy.resets = 0
    assert read(store, blob) == b"there"


def test_a_refusal_of_the_store_is_an_outage_and_not_a_missing_file(
    store: S3Store, bucket: TestBucket, settings: Settings
) -> None:
    settings.ARTIFACT_URL = "s3://a-bucket-that-is-not-there/prefix"
    with pytest.raises(ClientError) as refused:
        current_store().put(io.BytesIO(b"x"), limit=LIMIT)
    assert is_outage(refused.value)


# --- versions -------------------------------------------------------------------------------------------------------


@pytest.fixture
def versioned(bucket: TestBucket) -> S3Store:
    """The store in a bucket that keeps every version of an object."""
    bucket.client.put_bucket_versioning(Bucket=bucket.name, VersioningConfiguration={"Status": "Enabled"})
    return cast("S3Store", current_store())


def versions(bucket: Any, name: str) -> tuple[int, int]:
    """Return the numbers of versions and of delete markers in a bucket."""
    listed = bucket.list_object_versions(Bucket=name)
    return len(listed.get("Versions", ())), len(listed.get("DeleteMarkers", ()))


def test_with_versions_equal_bytes_make_one_version(versioned: S3Store, bucket: TestBucket) -> None:
    for _ in range(2):
        blob = versioned.put(io.BytesIO(b"same"), limit=LIMIT)
    assert versions(bucket.client, bucket.name) == (1, 0)
    assert read(versioned, blob) == b"same"


def test_with_versions_what_was_pruned_is_gone_and_can_come_back(versioned: S3Store, bucket: TestBucket) -> None:
    blob = versioned.put(io.BytesIO(b"again"), limit=LIMIT)
    assert versioned.remove([blob]) == [blob]
    assert not versioned.has(blob)
    with pytest.raises(FileNotFoundError):
        versioned.open(blob.sha256)
    assert list(versioned.older_than(datetime.now(UTC) + timedelta(minutes=1))) == []
    assert versions(bucket.client, bucket.name) == (1, 1)
    assert read(versioned, versioned.put(io.BytesIO(b"again"), limit=LIMIT)) == b"again"


def test_with_versions_a_replaced_object_has_another_mark(versioned: S3Store, bucket: TestBucket) -> None:
    blob = versioned.put(io.BytesIO(b"right"), limit=LIMIT)
    before = versioned.mark(blob.sha256)
    bucket.client.put_object(Bucket=bucket.name, Key=bucket.keys[0], Body=b"wrong")
    assert versioned.mark(blob.sha256) != before
    assert hashlib.sha256(read(versioned, blob)).hexdigest() != blob.sha256


def test_with_versions_an_upload_in_parts_leaves_one_object(versioned: S3Store, bucket: TestBucket) -> None:
    blob = versioned.put(io.BytesIO(LARGE), limit=LIMIT)
    assert (len(bucket.keys), bucket.unfinished) == (1, [])
    assert read(versioned, blob) == LARGE


# --- object lock ----------------------------------------------------------------------------------------------------


@pytest.fixture
def locked(s3_server: S3Server, bucket: TestBucket, settings: Settings) -> str:
    """The name of a bucket with object lock: a version cannot be deleted for a day."""
    name = f"custody-{uuid.uuid4().hex}"
    s3_server.client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    retention = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}}
    configuration = {"ObjectLockEnabled": "Enabled", "Rule": retention}
    s3_server.client.put_object_lock_configuration(Bucket=name, ObjectLockConfiguration=configuration)
    settings.ARTIFACT_URL = f"s3://{name}/prefix"
    return name


def test_under_object_lock_bytes_are_stored_and_stay(locked: str, s3_server: S3Server) -> None:
    """One part: moto refuses each copy into such a bucket, so what is sent in parts cannot be tried here."""
    data = b"small"
    store = cast("S3Store", current_store())
    blob = store.put(io.BytesIO(data), limit=LIMIT)
    assert read(store, blob) == data
    assert store.remove([blob]) == [blob]  # a delete marker: the version stays
    assert not store.has(blob)
    listed = s3_server.client.list_object_versions(Bucket=locked)["Versions"]
    (version,) = [item for item in listed if "/sha256/" in item["Key"]]
    with pytest.raises(ClientError, match="AccessDenied"):
        s3_server.client.delete_object(Bucket=locked, Key=version["Key"], VersionId=version["VersionId"])
    assert read(store, store.put(io.BytesIO(data), limit=LIMIT)) == data


def test_the_store_is_asked_four_times_at_most(store: S3Store, proxy: FaultProxy) -> None:
    proxy.resets, proxy.connections = 1_000_000, 0
    proxy.reset_all()
    began = time.monotonic()
    with pytest.raises(Exception, match=r".") as refused:
        store.has(Blob("0" * 64, 1))
    assert is_outage(refused.value)
    assert proxy.connections <= 5
    assert time.monotonic() - began < 30
