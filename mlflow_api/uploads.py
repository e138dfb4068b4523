"""Reads a request's body in pieces."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest

from core.errors import InvalidInput
from mlflow_api.bodies import LENGTH
from mlflow_api.errors import ProtocolError
from tracking.store import CHUNK

# A refused upload is read to its end up to here, so that the client receives the answer.
_DRAIN_LIMIT = 64 * CHUNK


class Upload:
    """A request's body, read in pieces; one that ends before its declared length is an error, not a shorter file."""

    def __init__(self, request: HttpRequest) -> None:
        declared = request.headers.get("content-length") or ""
        self._remaining: int | None = int(declared) if LENGTH.fullmatch(declared) else None
        self._read: Callable[[int], bytes] = request.read
        if self._remaining is None and request.headers.get("Transfer-Encoding"):
            if not request.META.get("wsgi.input_terminated"):
                raise ProtocolError("Send a Content-Length.", error_code="BAD_REQUEST", status=411)
            # Django treats a body without Content-Length as empty. The server that marks the end of its input is read.
            self._read = request.META["wsgi.input"].read

    def read(self, size: int = CHUNK, /) -> bytes:
        """Return the next piece, empty at the end. Raises InvalidInput."""
        piece = self._read(size)
        if self._remaining is None:
            return piece
        self._remaining -= len(piece)
        if not piece and self._remaining > 0:
            raise InvalidInput(f"The upload ended {self._remaining} bytes before its Content-Length.")
        return piece

    def drain(self) -> None:
        """Read the body up to the limit and discard it, so that the client receives the answer."""
        drained = 0
        while drained < _DRAIN_LIMIT and (piece := self._read(CHUNK)):
            drained += len(piece)
