"""One bucket of a store that speaks S3: its requests, and the errors of its answers.

Credentials, region and endpoint are those that boto3 finds (AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL, …).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from importlib import import_module
from typing import Any

from core.errors import InvalidInput
from tracking.store.base import CHUNK, Staged
from tracking.store.calls import StoreCalls, calls_to, limit_late_attempts

# How long the first byte of an answer, and each piece of it, is waited for.
_ANSWER_SECONDS = 8.0
# The same while the store copies, joins parts or lists, about which some say nothing until they are done.
_WORK_SECONDS = 60.0
_DELETE_AT_ONCE = 1000
_COPY_WHOLE = 1024 * CHUNK
_COPY_PART = 512 * CHUNK
_GONE = frozenset({"404", "NoSuchKey", "NotFound"})
_PARTS_DO_NOT_FIT = frozenset({"InvalidPart", "InvalidPartOrder", "EntityTooSmall", "MalformedXML", "NoSuchUpload"})


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket by its name.

    ``client_url`` is the endpoint that presigned URLs name, "" for the one this server uses.
    """

    name: str
    client_url: str = ""

    @property
    def client(self) -> Any:
        """Return boto3's client, shared by all threads of the process."""
        return _client(_endpoint(), _ANSWER_SECONDS)

    @property
    def patient_client(self) -> Any:
        """Return the client for calls during which a store may work for long: copies, joined parts, lists."""
        return _client(_endpoint(), _WORK_SECONDS)

    @property
    def calls(self) -> StoreCalls:
        """Return the calls of this process to the store; each is made inside `call()`."""
        return calls_to(_endpoint())

    def at(self, key: str) -> dict[str, str]:
        """Return the request parameters that name an object."""
        return {"Bucket": self.name, "Key": key}

    def head(self, key: str) -> tuple[int, str]:
        """Return an object's size and ETag; raise FileNotFoundError where there is none."""
        facts = self._facts(key)
        return facts["ContentLength"], facts["ETag"]

    def mark(self, key: str) -> str:
        """Return an object's size, ETag and time of change as one text; raise FileNotFoundError where there is none."""
        facts = self._facts(key)
        return f"{facts['ContentLength']}:{facts['ETag']}:{facts['LastModified'].isoformat()}"

    def _facts(self, key: str) -> Any:
        try:
            with self.calls.call():
                return self.client.head_object(**self.at(key))
        except self.client.exceptions.ClientError as error:
            if _code(error) in _GONE:
                raise FileNotFoundError(key) from error
            raise

    def put(self, key: str, body: bytes) -> None:
        """Write a small object."""
        with self.calls.call():
            self.client.put_object(**self.at(key), Body=body)

    def listed(self, prefix: str) -> Iterator[dict[str, Any]]:
        """Yield every object below a prefix: Key, Size, LastModified; a thousand come in one answer."""
        for page in self.patient_client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix):
            yield from page.get("Contents", ())

    def delete(self, keys: Sequence[str]) -> set[str]:
        """Delete objects and return the keys that the store did not delete."""
        remaining: set[str] = set()
        for start in range(0, len(keys), _DELETE_AT_ONCE):
            listed = [{"Key": key} for key in keys[start : start + _DELETE_AT_ONCE]]
            with self.calls.call():
                answer = self.patient_client.delete_objects(Bucket=self.name, Delete={"Objects": listed, "Quiet": True})
            remaining |= {item["Key"] for item in answer.get("Errors", ())}
        return remaining

    def copy(self, source: str, target: str, *, etag: str) -> None:
        """Copy an object inside the store, if it still has that ETag; above 5 GB, S3 copies in parts only."""
        config = import_module("boto3.s3.transfer").TransferConfig(
            multipart_threshold=_COPY_WHOLE, multipart_chunksize=_COPY_PART, use_threads=False
        )
        condition = {"CopySourceIfMatch": etag}
        with self.calls.call():
            self.patient_client.copy(self.at(source), self.name, target, ExtraArgs=condition, Config=config)

    def begin(self, key: str) -> Staged:
        """Begin an upload in parts."""
        with self.calls.call():
            return Staged(key, self.client.create_multipart_upload(**self.at(key))["UploadId"])

    def send(self, staged: Staged, number: int, body: bytes) -> str:
        """Send one part and return its ETag."""
        named = {**self.at(staged.key), "UploadId": staged.upload_id, "PartNumber": number}
        with self.calls.call():
            return str(self.client.upload_part(**named, Body=body)["ETag"])

    def complete(self, staged: Staged, parts: Sequence[tuple[int, str]]) -> None:
        """Make an object of its (number, etag) parts; raise InvalidInput where they do not fit."""
        listed = [{"PartNumber": number, "ETag": etag} for number, etag in parts]
        named = {**self.at(staged.key), "UploadId": staged.upload_id}
        try:
            with self.calls.call():
                self.patient_client.complete_multipart_upload(**named, MultipartUpload={"Parts": listed})
        except self.client.exceptions.ClientError as error:
            if _code(error) in _PARTS_DO_NOT_FIT:
                raise InvalidInput(f"The parts do not make a file: {error.response['Error'].get('Message')}") from error
            raise

    def abort(self, staged: Staged) -> None:
        """Abort an upload in parts; a missing one is no error."""
        try:
            with self.calls.call():
                self.client.abort_multipart_upload(**self.at(staged.key), UploadId=staged.upload_id)
        except self.client.exceptions.ClientError as error:
            if _code(error) != "NoSuchUpload":
                raise

    def unfinished(self, prefix: str) -> Iterator[dict[str, Any]]:
        """Yield every upload in parts that was begun below a prefix: Key, UploadId, Initiated."""
        for page in self.patient_client.get_paginator("list_multipart_uploads").paginate(
            Bucket=self.name, Prefix=prefix
        ):
            yield from page.get("Uploads", ())

    def signed(self, operation: str, *, expires: timedelta, **parameters: object) -> str:
        """Return a URL that allows this one operation until it expires."""
        client = _client(self.client_url or _endpoint(), _ANSWER_SECONDS)
        url: str = client.generate_presigned_url(operation, Params=parameters, ExpiresIn=int(expires.total_seconds()))
        return url


def _endpoint() -> str:
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""


@cache
def _client(endpoint: str, answer_seconds: float) -> Any:
    """Return the client of an endpoint ("" for Amazon's own) that waits so long. Each process creates it once."""
    config = import_module("botocore.config").Config(
        signature_version="s3v4",  # presigned URLs of any other kind are refused by most stores
        # Amazon puts the bucket name into the host name. Other stores often have no DNS entry for such a host.
        s3={"addressing_style": "path"} if endpoint else {},
        connect_timeout=5,
        read_timeout=answer_seconds,
        max_pool_connections=32,
        retries={"mode": "standard", "total_max_attempts": 4},
    )
    session = import_module("boto3").session.Session()
    client = session.client("s3", endpoint_url=endpoint or None, config=config)
    limit_late_attempts(client, calls_to(endpoint))
    return client


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
