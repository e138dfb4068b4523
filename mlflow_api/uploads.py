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
        self.left: int | None = int(declared) if LENGTH.fullmatch(declared) else None
        self._read: Callable[[int], bytes] = request.read
        if self.left is None and request.headers.get("Transfer-Encoding"):
            if not request.META.get("wsgi.input_terminated"):
                raise ProtocolError("Send a Content-Length.", error_code="BAD_REQUEST", status=411)
            # Django takes a body without Content-Length for empty; a server that ends its input itself can be trusted.
            self._read = request.META["wsgi.input"].read

    def read(self, size: int = CHUNK, /) -> bytes:
        """Return the next piece, empty at the end. Raises InvalidInput."""
        piece = self._read(size)
        if self.left is None:
            return piece
        self.left -= len(piece)
        if not piece and self.left > 0:
            raise InvalidInput(f"The upload ended {self.left} bytes before its Content-Length.")
        return piece

    def drain(self) -> None:
        """Read on, so that the connection stays usable for the answer."""
        taken = 0
        while taken < _DRAIN_LIMIT and (piece := self._read(CHUNK)):
            taken += len(piece)
