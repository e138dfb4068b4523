"""Parts of files: 206 and 416, only for the file that the caller has a part of, and only one part."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.byte_ranges import Span, Unsatisfiable, span_of
from tests.mlflow_api.conftest import Send
from tests.mlflow_api.test_artifacts import FILE, body
from tests.s3_server import TestBucket

DATA = bytes(range(256)) * 10
ETAG = '"9b5ad71b2ce5302211f9c61530b329a4922fc6a4ab4f2c8d7f9ffd2c1e8ff2a5"'


@pytest.fixture(params=["files", pytest.param("bucket", marks=pytest.mark.s3)])
def etag(send: Send, request: pytest.FixtureRequest, settings: Any) -> str:
    """Store DATA in either kind of store and return its ETag."""
    if request.param == "bucket":
        bucket: TestBucket = request.getfixturevalue("bucket")
        settings.ARTIFACT_URL = f"s3://{bucket.name}"
    send("PUT", FILE, DATA)
    return str(send("HEAD", FILE)["ETag"])


@pytest.mark.parametrize(
    ("wanted", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=2550-", 2550, 2560),
        ("bytes=-7", 2553, 2560),
        ("bytes=5-99999", 5, 2560),
        ("bytes=-99999", 0, 2560),
        ("Bytes = 1-2", 1, 3),
    ],
)
def test_one_range(send: Send, etag: str, wanted: str, start: int, stop: int) -> None:
    answer = send("GET", FILE, headers={"Range": wanted})
    assert (answer.status_code, body(answer)) == (206, DATA[start:stop])
    assert answer["Content-Range"] == f"bytes {start}-{stop - 1}/2560"
    assert answer["Content-Length"] == str(stop - start)
    assert (answer["ETag"], answer["Accept-Ranges"]) == (etag, "bytes")


@pytest.mark.parametrize("wanted", ["bytes=2560-", "bytes=9999-10000", "bytes=-0"])
def test_behind_the_end(send: Send, etag: str, wanted: str) -> None:
    answer = send("GET", FILE, headers={"Range": wanted})
    assert (answer.status_code, answer["Content-Range"]) == (416, "bytes */2560")
    assert answer.json()["error_code"] == "INVALID_PARAMETER_VALUE"


@pytest.mark.parametrize(
    "wanted", ["bytes=1-0", "bytes=0-1,5-6", "lines=0-1", "bytes=-", "bytes=a-b", "0-1", "bytes=" + "9" * 40 + "-"]
)
def test_what_is_no_single_range_gets_the_whole(send: Send, etag: str, wanted: str) -> None:
    answer = send("GET", FILE, headers={"Range": wanted})
    assert (answer.status_code, body(answer)) == (200, DATA)


def test_if_range_wants_the_very_same_file(send: Send, etag: str) -> None:
    for condition, status in (
        (etag, 206),
        ('"other"', 200),
        (f"W/{etag}", 200),
        ("Mon, 01 Jan 2029 00:00:00 GMT", 200),
    ):
        answer = send("GET", FILE, headers={"Range": "bytes=0-0", "If-Range": condition})
        assert (answer.status_code, len(body(answer))) == (status, 1 if status == 206 else 2560)


def test_head_has_the_headers_alone(send: Send, etag: str) -> None:
    answer = send("HEAD", FILE, headers={"Range": "bytes=0-0"})
    assert (answer.status_code, answer.content, answer["Content-Length"]) == (200, b"", "2560")
    assert answer["Content-Disposition"] == 'attachment; filename="note.txt"'
    assert send("HEAD", FILE + "x").status_code == 404


def test_conditions(send: Send, etag: str) -> None:
    assert send("GET", FILE, headers={"If-None-Match": etag}).status_code == 304
    assert send("GET", FILE, headers={"If-Match": '"other"'}).status_code == 412
    send("PUT", FILE, DATA + b"more")
    answer = send("GET", FILE, headers={"If-None-Match": etag})
    assert (answer.status_code, len(body(answer))) == (200, 2564)


def test_an_empty_file_has_no_ranges(send: Send) -> None:
    send("PUT", FILE, b"")
    assert send("GET", FILE, headers={"Range": "bytes=0-"}).status_code == 416
    assert body(send("GET", FILE)) == b""


@given(st.text(alphabet="bytes=-, 0123456789x", max_size=30), st.integers(0, 100))
def test_any_header_is_a_part_of_the_file_or_nothing(header: str, size: int) -> None:
    try:
        span = span_of(header, "", size=size, etag=ETAG)
    except Unsatisfiable:
        return
    assert span is None or (0 <= span.start < span.stop <= size)


@given(st.integers(0, 50), st.integers(0, 60), st.integers(1, 50))
def test_a_range_is_what_it_says(first: int, length: int, size: int) -> None:
    last = first + length
    try:
        assert span_of(f"bytes={first}-{last}", "", size=size, etag=ETAG) == Span(first, min(last + 1, size))
    except Unsatisfiable:
        assert first >= size
