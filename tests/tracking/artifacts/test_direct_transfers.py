"""Uploads in parts to a bucket, and presigned downloads."""

import hashlib
import io
import random
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from django.db import connection

from audit.models import Event
from core.actors import Actor
from core.errors import Conflict, InvalidInput, InvalidState, NotFound, TooLarge, Unavailable
from tests.s3_server import TestBucket
from tests.signed_in import READER
from tracking.artifacts import open_artifact, seal_folder, store_artifact, verify_folder
from tracking.models import Artifact, MultipartUpload
from tracking.services import direct_transfers as direct
from tracking.services.direct_transfers import (
    LIFETIME,
    abort_upload,
    begin_upload,
    clean_uploads,
    complete_upload,
    presign_download,
)
from tracking.store import MIN_PART, S3Store

pytestmark = [pytest.mark.s3, pytest.mark.usefixtures("bucket")]

PATH = "1/r/artifacts/model.bin"
DATA = random.Random(2).randbytes(2 * MIN_PART + 10)  # noqa: S311 - the same bytes each time
Sent = tuple[MultipartUpload, list[tuple[int, str]]]


def send(actor: Actor, path: str = PATH, data: bytes = DATA) -> Sent:
    """Begin an upload and send its parts, as a client does."""
    pieces = [data[start : start + MIN_PART] for start in range(0, len(data), MIN_PART)]
    upload, urls = begin_upload(actor=actor, path=path, parts=len(pieces))
    answers = [requests.put(url, data=piece, timeout=20) for url, piece in zip(urls, pieces, strict=True)]
    return upload, [(number, answer.headers["ETag"]) for number, answer in enumerate(answers, start=1)]


def complete(actor: Actor, sent: Sent, path: str = PATH) -> None:
    complete_upload(actor=actor, upload_id=sent[0].pk, path=path, parts=sent[1])


def stored() -> list[Event]:
    return list(Event.objects.filter(action="tracking.artifact.stored"))


def test_an_upload_becomes_an_artifact_when_it_is_complete(actor: Actor, bucket: TestBucket) -> None:
    sent = send(actor)
    assert not Artifact.objects.exists()
    complete(actor, sent)
    row, file = open_artifact(PATH)
    with file:
        assert file.read(len(DATA) + 1) == DATA
    assert (row.sha256, row.size, row.stored_by) == (hashlib.sha256(DATA).hexdigest(), len(DATA), "ada")
    assert [key.split("/")[2] for key in bucket.keys] == ["sha256"]
    assert bucket.unfinished == []
    assert len(stored()) == 1


def test_completing_again_changes_nothing(actor: Actor, bucket: TestBucket) -> None:
    sent = send(actor)
    complete(actor, sent)
    complete(actor, sent)
    abort_upload(actor=actor, upload_id=sent[0].pk, path=PATH)
    assert verify_folder("1/r/artifacts") == []
    assert len(stored()) == 1


def test_abort_leaves_nothing(actor: Actor, bucket: TestBucket) -> None:
    sent = send(actor)
    abort_upload(actor=actor, upload_id=sent[0].pk, path=PATH)
    assert (bucket.keys, bucket.unfinished) == ([], [])
    for again in (complete, lambda actor, sent: abort_upload(actor=actor, upload_id=sent[0].pk, path=PATH)):
        with pytest.raises(NotFound):
            again(actor, sent)
    assert not Artifact.objects.exists()


@pytest.mark.parametrize("seal", ["before", "between"])
def test_a_sealed_folder_takes_no_parts(actor: Actor, bucket: TestBucket, seal: str) -> None:
    (row,) = [store_artifact(actor=actor, path="1/r/artifacts/MLmodel", stream=io.BytesIO(b"x"))]
    sent = send(actor) if seal == "between" else None
    seal_folder(actor=actor, prefix="1/r/artifacts", reason="model-version:fraud/1")
    with pytest.raises(Conflict, match="sealed"):
        complete(actor, sent) if sent else send(actor)
    assert list(Artifact.objects.values_list("sha256", flat=True)) == [row.sha256]
    if sent:
        abort_upload(actor=actor, upload_id=sent[0].pk, path=PATH)
    assert (len(bucket.keys), bucket.unfinished) == (1, [])


def test_sealed_while_it_is_read(actor: Actor, bucket: TestBucket, monkeypatch: pytest.MonkeyPatch) -> None:
    store_artifact(actor=actor, path="1/r/artifacts/MLmodel", stream=io.BytesIO(b"x"))
    sent = send(actor)
    adopt = S3Store.adopt

    def meanwhile(self: S3Store, *args: Any, **options: Any) -> Any:
        seal_folder(actor=actor, prefix="1/r/artifacts", reason="model-version:fraud/1")
        return adopt(self, *args, **options)

    monkeypatch.setattr(S3Store, "adopt", meanwhile)
    with pytest.raises(Conflict, match="sealed"):
        complete(actor, sent)
    assert Artifact.objects.count() == 1
    assert verify_folder("1/r/artifacts") == []


@pytest.mark.parametrize(
    "parts",
    [[], [(0, "x")], [(1, "x")], [(4, "x")], [(2, "e"), (1, "e")], [(1, "e"), (1, "e")], [(1, "a\x01b")], [(1, "")]],
)
def test_parts_that_do_not_fit(actor: Actor, bucket: TestBucket, parts: list[tuple[int, str]]) -> None:
    upload, _ = send(actor)
    with pytest.raises(InvalidInput):
        complete_upload(actor=actor, upload_id=upload.pk, path=PATH, parts=parts)
    assert not Artifact.objects.exists()
    assert len(bucket.unfinished) == 1


def test_parts_that_are_too_small(actor: Actor) -> None:
    upload, urls = begin_upload(actor=actor, path=PATH, parts=2)
    etags = [requests.put(url, data=b"tiny", timeout=20).headers["ETag"] for url in urls]
    with pytest.raises(InvalidInput, match="do not make a file"):
        complete_upload(actor=actor, upload_id=upload.pk, path=PATH, parts=list(enumerate(etags, start=1)))
    assert not Artifact.objects.exists()


@pytest.mark.parametrize("parts", [0, -1, 10_001])
def test_odd_numbers_of_parts(actor: Actor, bucket: TestBucket, parts: int) -> None:
    with pytest.raises(InvalidInput):
        begin_upload(actor=actor, path=PATH, parts=parts)
    assert bucket.unfinished == []
    assert not MultipartUpload.objects.exists()


def test_too_large(actor: Actor, bucket: TestBucket, settings: Any) -> None:
    settings.MAX_ARTIFACT_BYTES = 2 * MIN_PART
    with pytest.raises(TooLarge):
        begin_upload(actor=actor, path=PATH, parts=3)
    sent = send(actor, data=DATA[: 2 * MIN_PART])
    settings.MAX_ARTIFACT_BYTES = 2 * MIN_PART - 1
    with pytest.raises(TooLarge):
        complete(actor, sent)
    assert (bucket.keys, bucket.unfinished) == ([], [])
    assert not Artifact.objects.exists()


def test_an_upload_is_whose_began_it(actor: Actor, cy: Any, acting: Any) -> None:
    sent = send(actor)
    for other, path in ((acting(cy), PATH), (actor, "1/r/artifacts/else")):
        with pytest.raises(NotFound):
            complete(other, sent, path)
        with pytest.raises(NotFound):
            abort_upload(actor=other, upload_id=sent[0].pk, path=path)
    complete(actor, sent)


def test_what_a_client_never_completes_is_forgotten(actor: Actor, bucket: TestBucket) -> None:
    upload, _ = send(actor)
    done = send(actor, "1/r/artifacts/done")
    complete(actor, done, "1/r/artifacts/done")
    assert clean_uploads(now=datetime.now(UTC)) == 0
    assert clean_uploads(now=datetime.now(UTC) + LIFETIME + timedelta(minutes=1)) == 2
    assert (len(bucket.keys), bucket.unfinished) == (1, [])
    assert verify_folder("1/r/artifacts") == []
    with pytest.raises(NotFound):
        complete(actor, (upload, [(1, "x")]))


def test_a_reader_that_died_is_followed_by_another(actor: Actor) -> None:
    sent = send(actor)
    now = datetime.now(UTC)
    MultipartUpload.objects.update(claimed_until=now - timedelta(seconds=1))
    S3Store.assemble(direct._store(), direct._staged(sent[0]), sent[1])  # type: ignore[arg-type]  # an S3 store in this test
    complete(actor, sent)
    assert verify_folder("1/r/artifacts") == []


def test_who_asks_while_it_is_read_waits(actor: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = send(actor)
    MultipartUpload.objects.update(claimed_until=datetime.now(UTC) + timedelta(minutes=1))
    monkeypatch.setattr(direct, "_PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr(direct, "_LOOK_SECONDS", 0.05)
    with pytest.raises(Unavailable, match="Ask again"):
        complete(actor, sent)
    assert not Artifact.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_completing_twice_at_once_makes_one_artifact(actor: Actor) -> None:
    sent = send(actor)
    failures: list[Exception] = []

    def ask() -> None:
        try:
            complete(actor, sent)
        except Exception as error:  # noqa: BLE001 - looked at below
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(stored()) == 1
    assert verify_folder("1/r/artifacts") == []


def test_presigned_download(actor: Actor, bucket: TestBucket) -> None:
    complete(actor, send(actor))
    row, url = presign_download(actor=READER, path=PATH, content_type=lambda _: "text/x", expires=timedelta(minutes=1))
    answer = requests.get(url, headers={"Range": "bytes=5-9"}, timeout=20)
    assert (answer.status_code, answer.content, row.size) == (206, DATA[5:10], len(DATA))
    assert answer.headers["Content-Type"] == "text/x"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="model.bin"'
    for key in bucket.keys:
        bucket.client.delete_object(Bucket=bucket.name, Key=key)
    with pytest.raises(NotFound, match="missing"):
        presign_download(actor=READER, path=PATH, content_type=str, expires=timedelta(minutes=1))


def test_urls_name_the_address_that_clients_use(actor: Actor, settings: Any) -> None:
    settings.S3_CLIENT_URL = "https://s3.example.com"
    _, urls = begin_upload(actor=actor, path=PATH, parts=1)
    assert urls[0].startswith("https://s3.example.com/custody-")
    assert "X-Amz-Signature" in urls[0]


def test_an_operator_may_turn_it_off(actor: Actor, settings: Any) -> None:
    settings.DIRECT_TRANSFERS = False
    with pytest.raises(InvalidState):
        begin_upload(actor=actor, path=PATH, parts=1)
