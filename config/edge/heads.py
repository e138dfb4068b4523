"""Reads the head of an HTTP request without a body, with the parser of Node.js (httptools)."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

import httptools

LONGEST_HEAD = 8192
_ONCE = frozenset({"host", "authorization", "content-length"})


class BadHead(Exception):
    """The bytes are no request that can be answered. ``status`` is that of the answer."""

    def __init__(self, status: HTTPStatus, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.kind, self.detail = status, kind, detail


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a request. The names of ``headers`` are in lower case; values sent in parts are joined by commas."""

    method: str
    target: str
    headers: dict[str, str]
    keep_alive: bool


class HeadReader:
    """Takes the bytes of a request as they arrive, and returns its head when it is complete."""

    __slots__ = ("_bytes", "_headers", "_is_complete", "_keep_alive", "_parser", "_problem", "_target")

    def __init__(self) -> None:
        self._parser: httptools.HttpRequestParser | None = httptools.HttpRequestParser(self)
        self._bytes = 0
        self._target = b""
        self._headers: dict[str, str] = {}
        self._is_complete = self._keep_alive = False
        self._problem = ""

    def feed(self, data: bytes) -> Head | None:
        """Return the head when it is complete, None while it is not. Raises BadHead."""
        if self._parser is None:
            raise _bad("A request came before the answer to the one before it.")
        self._bytes += len(data)
        if self._bytes > LONGEST_HEAD:
            raise BadHead(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                "too_large",
                f"The head of a request may have {LONGEST_HEAD} bytes.",
            )
        parser = self._parser
        try:
            parser.feed_data(data)
        except httptools.HttpParserUpgrade as error:
            # Some clients offer another protocol with each request (h2c); a server may ignore that.
            if not self._is_complete or error.args[0] != len(data):
                raise _bad("This server speaks HTTP/1.1 alone.") from error
        except httptools.HttpParserError as error:
            raise _bad("The bytes are no HTTP/1.1 request.") from error
        if self._problem:
            raise _bad(self._problem)
        if not self._is_complete:
            return None
        self._parser = None  # the parser and this object name each other
        return Head(
            parser.get_method().decode("ascii", "replace"),
            self._target.decode("latin-1"),
            self._headers,
            self._keep_alive,
        )

    def on_message_begin(self) -> None:
        """Note a request that came with the end of another one."""
        if self._is_complete:
            self._problem = "A request came before the answer to the one before it."

    def on_url(self, part: bytes) -> None:
        """Take a part of the target."""
        self._target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        if key in self._headers:
            if key in _ONCE:
                self._problem = f"The header {key} is there twice."
            text = f"{self._headers[key]}, {text}"
        self._headers[key] = text

    def on_headers_complete(self) -> None:
        """Note a request with a body, and whether the connection stays; after the end the parser forgets that."""
        if self._parser is not None:
            self._keep_alive = self._parser.should_keep_alive()
        if self._headers.get("content-length", "0").strip() != "0" or "transfer-encoding" in self._headers:
            self._problem = "This request takes no body."

    def on_message_complete(self) -> None:
        """Note that the head is complete."""
        self._is_complete = True


def _bad(detail: str) -> BadHead:
    return BadHead(HTTPStatus.BAD_REQUEST, "invalid", detail)
