"""Bytes as objects ``sha256/ab/cd/<digest>`` below a prefix of a bucket."""

from __future__ import annotations

import io
import math
import re
import secrets
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from importlib.util import find_spec
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured
from django.utils.http import content_disposition_header

from tracking.store.base import CHUNK, MAX_PARTS, Blob, ByteSource, Intake, Progress, Staged
from tracking.store.bucket import Bucket
from tracking.store.s3_reader import ObjectReader

_PART = 8 * CHUNK
_DIGEST = re.compile(r".*/([0-9a-f]{64})", re.DOTALL)


class S3Store:
    """Bytes as objects of a bucket. Large ones are sent in parts to ``incoming/`` and copied to their digest there."""

    def __init__(self, bucket: Bucket, prefix: str = "") -> None:
        self.bucket = bucket
        self.prefix = prefix

    def put(self, source: ByteSource, *, limit: int) -> Blob:
        """Store a stream, holding one part of it in memory. Equal bytes are stored once."""
        intake = Intake(source, limit)
        part_size = max(_PART, math.ceil(limit / MAX_PARTS))
        first = _read_part(intake, part_size)
        if len(first) == part_size:
            return self._put_in_parts(intake, first, part_size)
        if not self.has(intake.blob):
            self.bucket.put(self._key_of(intake.blob.sha256), first)
        return intake.blob

    def open(self, sha256: str) -> BinaryIO:
        """Open the object of a digest."""
        key = self._key_of(sha256)
        size, _ = self.bucket.head(key)
        return io.BufferedReader(ObjectReader(self.bucket, key, size), CHUNK)

    def has(self, blob: Blob) -> bool:
        """Return whether the complete object exists."""
        try:
            return self.bucket.head(self._key_of(blob.sha256))[0] == blob.size
        except FileNotFoundError:
            return False

    def mark(self, sha256: str) -> str:
        """Return size, ETag and time of the last change, as the bucket has them."""
        try:
            return self.bucket.mark(self._key_of(sha256))
        except FileNotFoundError:
            return ""

    def older_than(self, moment: datetime) -> Iterator[Blob]:
        """List the bucket."""
        for item in self.bucket.listed(f"{self.prefix}sha256/"):
            name = _DIGEST.fullmatch(item["Key"])
            if name and item["LastModified"] < moment:
                yield Blob(name[1], item["Size"])

    def remove(self, blobs: Collection[Blob]) -> list[Blob]:
        """Delete objects; return those that the store deleted."""
        remaining = self.bucket.delete([self._key_of(blob.sha256) for blob in blobs])
        return [blob for blob in blobs if self._key_of(blob.sha256) not in remaining]

    def sweep(self, moment: datetime, *, keep: Collection[str], dry_run: bool) -> int:
        """Abort uploads in parts that nobody finished, and delete objects that were never copied to their digest."""
        incoming = f"{self.prefix}incoming/"
        keys = [item["Key"] for item in self.bucket.listed(incoming) if item["LastModified"] < moment]
        uploads = [item for item in self.bucket.unfinished(incoming) if item["Initiated"] < moment]
        keys = [key for key in keys if key not in keep]
        uploads = [item for item in uploads if item["Key"] not in keep]
        if not dry_run:
            self.bucket.delete(keys)
            for item in uploads:
                self.bucket.abort(Staged(item["Key"], item["UploadId"]))
        return len(keys) + len(uploads)

    def stage(self) -> Staged:
        """Begin an upload in parts to a new key."""
        return self.bucket.begin(f"{self.prefix}incoming/{secrets.token_hex(16)}")

    def part_url(self, staged: Staged, number: int, *, expires: timedelta) -> str:
        """Return a URL that takes this one part of this one upload."""
        parameters = {**self.bucket.at(staged.key), "UploadId": staged.upload_id, "PartNumber": number}
        return self.bucket.signed("upload_part", expires=expires, **parameters)

    def assemble(self, staged: Staged, parts: list[tuple[int, str]]) -> int:
        """Make one object of its parts. From then on the URLs of the parts are invalid."""
        try:
            return self.bucket.head(staged.key)[0]
        except FileNotFoundError:
            self.bucket.complete(staged, parts)
        return self.bucket.head(staged.key)[0]

    def adopt(self, staged: Staged, *, progress: Progress) -> Blob:
        """Read the object, then copy it on condition that it did not change."""
        size, etag = self.bucket.head(staged.key)
        with io.BufferedReader(ObjectReader(self.bucket, staged.key, size, IfMatch=etag), CHUNK) as file:
            intake = Intake(file, size)
            while piece := intake.read(CHUNK):
                progress(len(piece))
        self._keep(staged.key, intake.blob, etag)
        self.bucket.delete([staged.key])
        return intake.blob

    def abandon(self, staged: Staged) -> None:
        """Forget an upload, assembled or not."""
        self.bucket.abort(staged)
        self.bucket.delete([staged.key])

    def download_url(self, sha256: str, *, name: str, content_type: str, expires: timedelta) -> str:
        """Return a URL of the object; file name and content type are part of the signature."""
        return self.bucket.signed(
            "get_object",
            expires=expires,
            **self.bucket.at(self._key_of(sha256)),
            ResponseContentDisposition=content_disposition_header(as_attachment=True, filename=name),
            ResponseContentType=content_type,
        )

    def _key_of(self, sha256: str) -> str:
        return f"{self.prefix}sha256/{sha256[:2]}/{sha256[2:4]}/{sha256}"

    def _put_in_parts(self, intake: Intake, first: bytes, part_size: int) -> Blob:
        staged = self.stage()
        try:
            part: bytes = first
            parts: list[tuple[int, str]] = []
            while part:
                number = len(parts) + 1
                parts.append((number, self.bucket.send(staged, number, part)))
                part = _read_part(intake, part_size)
            self.bucket.complete(staged, parts)
            self._keep(staged.key, intake.blob, self.bucket.head(staged.key)[1])
        finally:
            self.abandon(staged)
        return intake.blob

    def _keep(self, key: str, blob: Blob, etag: str) -> None:
        if not self.has(blob):
            self.bucket.copy(key, self._key_of(blob.sha256), etag=etag)


def _read_part(intake: Intake, size: int) -> bytes:
    buffer = bytearray()
    while len(buffer) < size and (piece := intake.read(min(CHUNK, size - len(buffer)))):
        buffer += piece
    return bytes(buffer)


def store_of_bucket(url: str, *, client_url: str) -> S3Store:
    """Return the store of an ``s3://bucket/prefix``; raise ImproperlyConfigured without a bucket or without boto3."""
    parts = urlsplit(url)
    if not parts.netloc or parts.query or parts.fragment:
        raise ImproperlyConfigured(f"ARTIFACT_URL={url!r}: give a bucket, as in s3://bucket or s3://bucket/prefix.")
    if find_spec("boto3") is None:
        raise ImproperlyConfigured(
            f"ARTIFACT_URL={url!r} needs boto3, which is not installed: pip install -r requirements-s3.txt"
        )
    prefix = unquote(parts.path).strip("/")
    return S3Store(Bucket(parts.netloc, client_url), f"{prefix}/" if prefix else "")
