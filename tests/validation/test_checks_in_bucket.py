"""The checks that read files, over a bucket: they see what they see in a directory."""

from __future__ import annotations

import io
import pickle
import random
import zipfile

import pytest
from botocore.exceptions import EndpointConnectionError

from accounts.models import User
from core.actors import Actor
from tests.conftest import Acting
from tests.s3_server import TestBucket
from tracking.artifacts import open_artifact, read_artifact, seal_folder, store_artifact, verify_folder
from tracking.models import Artifact
from validation.scanning.files import scan_file
from validation.scanning.report import Budget

pytestmark = pytest.mark.s3

FOLDER = "1/models/m-1/artifacts"
HOSTILE = b"cos\nsystem\n(S'true'\ntR."


@pytest.fixture
def actor(bucket: TestBucket, ada: User, acting: Acting) -> Actor:
    return acting(ada)


def put(actor: Actor, name: str, data: bytes) -> Artifact:
    return store_artifact(actor=actor, path=f"{FOLDER}/{name}", stream=io.BytesIO(data))


def zipped(**members: bytes) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return data.getvalue()


@pytest.mark.parametrize("content", [pickle.dumps({"a": [1]}), HOSTILE], ids=["harmless", "hostile"])
@pytest.mark.parametrize("is_zipped", [False, True])
def test_scan(actor: Actor, content: bytes, *, is_zipped: bool) -> None:
    padding = random.Random(4).randbytes(9 << 20)  # noqa: S311 - larger than what one request fetches
    data = zipped(**{"padding.txt": padding, "data.pkl": content}) if is_zipped else content
    row = put(actor, "model.bin" if is_zipped else "model.pkl", data)
    with open_artifact(row.path)[1] as file:
        found = scan_file("model.pkl", file, Budget())
    assert found.format
    assert ("system" in str(found.problems)) == (content == HOSTILE)


def test_bytes_that_change_in_the_bucket_are_noticed(actor: Actor, bucket: TestBucket) -> None:
    put(actor, "MLmodel", b"flavors:")
    put(actor, "model.pkl", b"pickle")
    seal_folder(actor=actor, prefix=FOLDER, reason="model-version:fraud/1")
    assert verify_folder(FOLDER) == []
    assert read_artifact(f"{FOLDER}/MLmodel", 100) == b"flavors:"
    first, second = bucket.keys
    bucket.client.put_object(Bucket=bucket.name, Key=first, Body=b"changed!")
    bucket.client.delete_object(Bucket=bucket.name, Key=second)
    assert verify_folder(FOLDER) == ["MLmodel", "model.pkl"]


def test_a_bucket_that_does_not_answer_is_no_change(actor: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    put(actor, "MLmodel", b"flavors:")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(EndpointConnectionError):
        verify_folder(FOLDER)
