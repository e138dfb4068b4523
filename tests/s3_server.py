"""A real server that speaks S3 (moto), in a process of its own."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import time
import uuid
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3

from tests.e2e.installation import free_port

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "custody",
    "AWS_SECRET_ACCESS_KEY": "custody-secret",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}


class S3Server:
    """A running server. ``environment`` is what a process needs to reach it."""

    def __init__(self, log: Path) -> None:
        self.port = free_port()
        self.environment = {**ENVIRONMENT, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}"}
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        with log.open("wb") as output:
            self._process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + 240
        while not self._answers():
            assert self._process.poll() is None, log.read_text(encoding="utf-8")
            assert time.monotonic() < deadline, log.read_text(encoding="utf-8")
            time.sleep(0.1)

    @cached_property
    def client(self) -> Any:
        """A client for looking into buckets. Making one reads megabytes of descriptions, so the server keeps it."""
        return boto3.session.Session().client(
            "s3",
            endpoint_url=self.environment["AWS_ENDPOINT_URL"],
            aws_access_key_id=ENVIRONMENT["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=ENVIRONMENT["AWS_SECRET_ACCESS_KEY"],
            region_name=ENVIRONMENT["AWS_DEFAULT_REGION"],
        )

    def new_bucket(self) -> str:
        """Create an empty bucket and return its name."""
        name = f"custody-{uuid.uuid4().hex}"
        self.client.create_bucket(Bucket=name)
        return name

    def stop(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.wait(60)

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/moto-api/")
            return connection.getresponse().status == http.HTTPStatus.OK
        except OSError:
            return False
        finally:
            connection.close()


class TestBucket:
    """An empty bucket and what lies in it."""

    __test__ = False

    def __init__(self, server: S3Server) -> None:
        self.server = server
        self.client = server.client
        self.name = server.new_bucket()

    @property
    def keys(self) -> list[str]:
        """Return the keys of all objects, sorted."""
        return sorted(item["Key"] for item in self.client.list_objects_v2(Bucket=self.name).get("Contents", ()))

    @property
    def unfinished(self) -> list[str]:
        """Return the keys of uploads in parts that were neither completed nor aborted."""
        return [item["Key"] for item in self.client.list_multipart_uploads(Bucket=self.name).get("Uploads", ())]
