"""Bytes in a bucket: stored once, read in ranges, nothing left behind."""

import hashlib
import io
import itertools
import random
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from botocore.exceptions import ReadTimeoutError
from botocore.response import StreamingBody

from core.errors import TooLarge
from tests.s3_server import TestBucket
from tracking.store import CHUNK, Blob, S3Store, current_store

pytestmark = pytest.mark.s3

LARGE = random.Random(1).randbytes(17 * CHUNK + 5)  # noqa: S311 - the same bytes each time
LIMIT = 1 << 40


@pytest.fixture
def s3(bucket: TestBucket, store: Any) -> S3Store:
    return cast("S3Store", current_store())


@pytest.fixture(autouse=True)
def _bucket_wins(bucket: TestBucket, store: Any, settings: Any) -> None:
    settings.ARTIFACT_URL = f"s3://{bucket.name}/some/prefix"


def key_of(data: bytes) -> str:
    digest = hashlib.sha256(data).hexdigest()
    return f"some/prefix/sha256/{digest[:2]}/{digest[2:4]}/{digest}"


@pytest.mark.parametrize(
    "data", [b"", b"hello", LARGE[: 8 * CHUNK], LARGE], ids=["empty", "small", "one part", "parts"]
)
def test_up_and_down(s3: S3Store, bucket: TestBucket, data: bytes) -> None:
    blob = s3.put(io.BytesIO(data), limit=8 * CHUNK * 10_000)
    assert blob == Blob(hashlib.sha256(data).hexdigest(), len(data))
    assert bucket.keys == [key_of(data)]
    assert bucket.unfinished == []
    with s3.open(blob.sha256) as file:
        assert file.read() == data


def test_equal_bytes_are_stored_once(s3: S3Store, bucket: TestBucket) -> None:
    first = [s3.put(io.BytesIO(data), limit=LIMIT) for data in (b"same", LARGE)]
    stamps = {
        item["Key"]: item["LastModified"] for item in bucket.client.list_objects_v2(Bucket=bucket.name)["Contents"]
    }
    assert [s3.put(io.BytesIO(data), limit=LIMIT) for data in (b"same", LARGE)] == first
    again = {
        item["Key"]: item["LastModified"] for item in bucket.client.list_objects_v2(Bucket=bucket.name)["Contents"]
    }
    assert again == stamps
    assert len(stamps) == 2


@pytest.mark.parametrize("data", [b"four", LARGE], ids=["small", "parts"])
def test_too_many_bytes_leave_nothing(s3: S3Store, bucket: TestBucket, data: bytes) -> None:
    with pytest.raises(TooLarge):
        s3.put(io.BytesIO(data), limit=len(data) - 1)
    assert (bucket.keys, bucket.unfinished) == ([], [])


def test_an_upload_that_breaks_off_leaves_nothing(s3: S3Store, bucket: TestBucket) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() > 9 * CHUNK:
                raise ConnectionError("the client went away")
            return super().read(size)

    with pytest.raises(ConnectionError):
        s3.put(Broken(LARGE), limit=LIMIT)
    assert (bucket.keys, bucket.unfinished) == ([], [])


def test_reading_and_seeking(s3: S3Store) -> None:
    blob = s3.put(io.BytesIO(LARGE), limit=LIMIT)
    with s3.open(blob.sha256) as file:
        for start, length in ((9 * CHUNK - 3, 10), (5, 2 * CHUNK), (len(LARGE) - 4, 100), (0, 1)):
            assert file.seek(start) == start
            assert file.read(length) == LARGE[start : start + length]
        assert file.seek(-3, io.SEEK_END) == len(LARGE) - 3
        assert file.read() == LARGE[-3:]
        assert file.read(1) == b""
        with pytest.raises(ValueError, match="negative"):
            file.seek(-1)


def test_no_bytes_no_file(s3: S3Store) -> None:
    with pytest.raises(FileNotFoundError):
        s3.open("0" * 64)
    assert not s3.has(Blob("0" * 64, 1))
    assert not s3.has(Blob(s3.put(io.BytesIO(b"abc"), limit=LIMIT).sha256, 2))


def test_a_connection_that_breaks_is_made_again(s3: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
    blob = s3.put(io.BytesIO(LARGE), limit=LIMIT)
    read, calls = StreamingBody.read, itertools.count()

    def sometimes(self: Any, amount: int | None = None) -> bytes:
        if next(calls) % 3 == 1:
            raise ReadTimeoutError(endpoint_url="here")
        return cast("bytes", read(self, amount))

    monkeypatch.setattr(StreamingBody, "read", sometimes)
    with s3.open(blob.sha256) as file:
        assert b"".join(iter(lambda: file.read(CHUNK), b"")) == LARGE


def test_older_than_and_remove(s3: S3Store, bucket: TestBucket) -> None:
    blobs = {s3.put(io.BytesIO(data), limit=LIMIT) for data in (b"one", b"two")}
    bucket.client.put_object(Bucket=bucket.name, Key="some/prefix/sha256/not-ours", Body=b"x")
    assert set(s3.older_than(datetime.now(UTC) + timedelta(minutes=1))) == blobs
    assert list(s3.older_than(datetime.now(UTC) - timedelta(minutes=1))) == []
    assert set(s3.remove(sorted(blobs, key=lambda blob: blob.sha256))) == blobs
    assert bucket.keys == ["some/prefix/sha256/not-ours"]


def test_sweep_takes_what_was_left_lying(s3: S3Store, bucket: TestBucket) -> None:
    begun, kept = s3.stage(), s3.stage()
    bucket.client.put_object(Bucket=bucket.name, Key="some/prefix/incoming/left", Body=b"x")
    soon = datetime.now(UTC) + timedelta(minutes=1)
    # moto says of every upload in parts that it began in 2010, so only the object can be too young here
    keys = [begun.key, kept.key]
    assert s3.sweep(datetime.now(UTC) - timedelta(minutes=1), keep=keys, dry_run=False) == 0
    assert s3.sweep(soon, keep=[kept.key], dry_run=True) == 2
    assert s3.sweep(soon, keep=[kept.key], dry_run=False) == 2
    assert bucket.keys == []
    assert bucket.unfinished == [kept.key]
    s3.abandon(kept)
    s3.abandon(begun)
    assert bucket.unfinished == []
