"""An object in a bucket as a file: read in ranges, so that it can be sought in and no connection is held for hours."""

from __future__ import annotations

import io
from importlib import import_module
from typing import Any

from tracking.store.base import CHUNK
from tracking.store.bucket import Bucket
from tracking.store.calls import is_late

# One request fetches this much at most, in pieces; unread bytes are discarded with the connection. Reading on fetches
# more with each request, and seeking starts small again.
_FIRST_WINDOW = 2 * CHUNK
_LARGEST_WINDOW = 64 * CHUNK
_ATTEMPTS = 3


class ObjectReader(io.RawIOBase):
    """The bytes of one object, fetched as they are asked for.

    ``conditions`` go with every request, such as IfMatch: then an object that was replaced meanwhile is an error.
    """

    def __init__(self, bucket: Bucket, key: str, size: int, **conditions: str) -> None:
        super().__init__()
        self._client, self._calls = bucket.client, bucket.calls
        self._parameters = {**bucket.at(key), **conditions}
        self._size = size
        self._at = 0
        self._body: Any = None
        self._remaining = 0
        self._window = _FIRST_WINDOW
        self._broken: type[Exception] = import_module("botocore.exceptions").BotoCoreError

    def readable(self) -> bool:
        """Return True: the object can be read."""
        return True

    def seekable(self) -> bool:
        """Return True: reading can start anywhere."""
        return True

    def tell(self) -> int:
        """Return the position in bytes from the start."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move the position and return it. Nothing is requested until the next read."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError(f"negative position {base + offset}")
        if base + offset != self._at:
            self._drop()
            self._window = _FIRST_WINDOW
            self._at = base + offset
        return self._at

    def readinto(self, buffer: Any, /) -> int:
        """Fill a part of ``buffer`` and return its length. A read on a broken connection is repeated on a new one.

        Raises Unavailable where the store does not answer.
        """
        view = memoryview(buffer).cast("B")
        if self._at >= self._size or not view:
            return 0
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                with self._calls.call(is_repeated=attempt > 1):
                    data = self._next(min(len(view), CHUNK))
            except self._broken as error:
                had_begun = self._body is not None
                self._drop()
                if attempt == _ATTEMPTS or (is_late(error) and not had_begun):  # boto3 asked twice already
                    raise
            else:
                view[: len(data)] = data
                self._at += len(data)
                return len(data)
        raise AssertionError("unreachable")

    def close(self) -> None:
        """Close the connection and the reader."""
        self._drop()
        super().close()

    def _next(self, most: int) -> bytes:
        if self._body is None:
            self._remaining = min(self._window, self._size - self._at)
            self._window = min(2 * self._window, _LARGEST_WINDOW)
            answer = self._client.get_object(
                **self._parameters, Range=f"bytes={self._at}-{self._at + self._remaining - 1}"
            )
            self._body = answer["Body"]
        data: bytes = self._body.read(min(most, self._remaining))
        if not data:
            raise OSError(f"The store ended {self._remaining} bytes too soon.")
        self._remaining -= len(data)
        if not self._remaining:
            self._drop()
        return data

    def _drop(self) -> None:
        if self._body is not None:
            self._body.close()
            self._body = None
