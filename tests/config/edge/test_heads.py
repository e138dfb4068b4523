"""Heads of requests: whole and in parts, too large, with bodies, and bytes that are none."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.edge.heads import LONGEST_HEAD, BadHead, Head, HeadReader

TOKEN = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-", min_size=1, max_size=20)
VALUE = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60)
TARGET = st.text("abcdefghijklmnopqrstuvwxyz0123456789/%?=&-_.~", max_size=80).map(lambda path: f"/{path}")
# Headers that mean something to the parser, or that may come once, are tested by themselves.
SPECIAL = {"content-length", "transfer-encoding", "connection", "upgrade", "host", "authorization", "proxy-connection"}


def whole(data: bytes) -> Head:
    head = HeadReader().feed(data)
    assert head is not None
    return head


def refused(data: bytes) -> BadHead:
    with pytest.raises(BadHead) as error:
        HeadReader().feed(data)
    return error.value


@given(TARGET, st.dictionaries(TOKEN, VALUE, max_size=8), st.lists(st.integers(1, 30), max_size=20))
def test_a_head_is_the_same_however_it_is_cut(target: str, headers: dict[str, str], cuts: list[int]) -> None:
    headers = {name: value for name, value in headers.items() if name.lower() not in SPECIAL}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    data = f"GET {target} HTTP/1.1\r\nHost: x\r\n{lines}\r\n".encode("ascii")
    at_once = whole(data)
    reader, head, start = HeadReader(), None, 0
    for size in [*cuts, len(data)]:
        if start < len(data):
            assert head is None
            head = reader.feed(data[start : start + size])
            start += size
    assert head == at_once
    assert (head.method, head.target, head.headers["host"]) == ("GET", target, "x")
    for name, value in headers.items():
        assert value in head.headers[name.lower()]


@given(st.binary(max_size=300))
def test_any_bytes_are_a_head_or_refused(data: bytes) -> None:
    with suppress(BadHead):
        HeadReader().feed(data)


@pytest.mark.parametrize(
    ("data", "keeps"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", True),
        (b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", False),
        (b"GET / HTTP/1.0\r\nHost: x\r\n\r\n", False),
        (b"GET / HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n\r\n", True),
    ],
)
def test_whether_the_connection_stays(data: bytes, keeps: bool) -> None:
    assert whole(data).keep_alive is keeps


def test_a_large_head_is_refused_while_it_arrives() -> None:
    reader = HeadReader()
    line = b"X-Padding: 1234\r\n"
    assert reader.feed(b"GET / HTTP/1.1\r\n") is None
    for _ in range((LONGEST_HEAD - 16) // len(line)):
        assert reader.feed(line) is None
    with pytest.raises(BadHead) as error:
        reader.feed(line)
    assert error.value.status == 431


@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Length: 3\r\n\r\nabc",
        b"Content-Length: 0\r\nContent-Length: 0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n",
        b"Host: y\r\n\r\n",
        b"Upgrade: websocket\r\nConnection: upgrade\r\n\r\n\x81",
        b"\r\nGET /second HTTP/1.1\r\nHost: x\r\n\r\n",
        b"Bad Name: 1\r\n\r\n",
        b"Fold: a\r\n b\x00\r\n\r\n",
    ],
)
def test_requests_that_could_be_read_in_two_ways_are_refused(headers: bytes) -> None:
    assert refused(b"GET / HTTP/1.1\r\nHost: x\r\n" + headers).status == 400


def test_an_offer_of_another_protocol_is_ignored() -> None:
    assert whole(b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n").keep_alive


def test_values_in_parts_are_joined() -> None:
    head = whole(b'GET / HTTP/1.1\r\nHost: x\r\nIf-None-Match: "a"\r\nIf-None-Match: "b"\r\n\r\n')
    assert head.headers["if-none-match"] == '"a", "b"'
