"""A witness that is an S3 bucket with object lock: an object in it cannot be changed or deleted before its retention
ends.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from importlib import import_module
from typing import Any

from django.utils import timezone

from audit.verifier.audit_verify import BadNote, Checkpoint, parse_checkpoint, split_note
from audit.witnesses.interface import WitnessFailed, require_extended

_LARGEST_SIZE = 10**19
_PAUSE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class BucketWitness:
    """A bucket and a prefix. Each checkpoint is an object that is locked for some days, in compliance mode.

    Credentials, region and endpoint are those that boto3 finds. They should not be those of the server's artifacts:
    an account that may delete artifacts should have no access to this bucket.
    """

    name: str
    bucket: str
    prefix: str
    days: int
    pause: float = _PAUSE_SECONDS

    def keep(self, checkpoint: Checkpoint) -> bytes:
        """Store the checkpoint beside the earlier ones, after a comparison with the newest of them."""
        errors = import_module("botocore.exceptions")
        folder = self._folder(checkpoint.origin)
        try:
            self._require_lock()
            newest = self._newest(folder)
            if newest is not None:
                require_extended(newest, checkpoint)
            if newest is None or newest.size != checkpoint.size:
                self._put(folder, checkpoint)
        except (errors.BotoCoreError, errors.ClientError, OSError, BadNote) as error:
            raise WitnessFailed(f"{self.name}: {error}") from error
        return b""

    def _require_lock(self) -> None:
        answer = _client().get_object_lock_configuration(Bucket=self.bucket)
        if answer["ObjectLockConfiguration"].get("ObjectLockEnabled") != "Enabled":
            raise WitnessFailed(f"{self.name}: the bucket has no object lock.")

    def _folder(self, origin: str) -> str:
        return f"{self.prefix}{hashlib.sha256(origin.encode()).hexdigest()}/"

    def _newest(self, folder: str) -> Checkpoint | None:
        """Return the largest checkpoint, None for none. Its key sorts first: buckets list keys in ascending order."""
        listed = _client().list_objects_v2(Bucket=self.bucket, Prefix=folder, MaxKeys=1)
        for item in listed.get("Contents", ()):
            note = _client().get_object(Bucket=self.bucket, Key=item["Key"])["Body"].read()
            return parse_checkpoint(split_note(note)[0], note)
        return None

    def _put(self, folder: str, checkpoint: Checkpoint) -> None:
        key = f"{folder}checkpoint-{_LARGEST_SIZE - checkpoint.size:020d}-{checkpoint.size}"
        _client().put_object(
            Bucket=self.bucket,
            Key=key,
            Body=checkpoint.note,
            ObjectLockMode="COMPLIANCE",
            ObjectLockRetainUntilDate=timezone.now() + timedelta(days=self.days),
        )


@cache
def _client() -> Any:
    config = import_module("botocore.config").Config(connect_timeout=5, read_timeout=10)
    return import_module("boto3").session.Session().client("s3", config=config)
